/* SPDX-License-Identifier: MIT
 *
 * build_types.c - data types from words, from the types of expressions, and from C structs (see
 * build.h).
 */
#include <string.h>

#include "build.h"

/* Fits everything: what is wrong with it has been said already, or its library is not at hand. */
static const riacho_codec unknown_codec = {.type = &riacho_type_null, .name = "unknown"};

riacho_data riacho_build_unknown(void)
{
    return (riacho_data){.word = unknown_codec.name, .codec = &unknown_codec};
}

bool riacho_build_is_unknown(const riacho_data *data)
{
    return data->codec == &unknown_codec;
}

bool riacho_build_fits(const riacho_data *a, const riacho_data *b)
{
    return riacho_build_is_unknown(a) || riacho_build_is_unknown(b) ||
           riacho_type_equal(a->codec->type, b->codec->type);
}

riacho_data riacho_build_word(riacho_builder *builder, riacho_where where, const char *word)
{
    const riacho_codec *codec;
    riacho_error err;
    if (!word)
        return riacho_build_unknown();
    if (riacho_schemas_codec(builder->schemas, word, &codec, &err) != RIACHO_OK) {
        riacho_build_issue(builder, where, NULL, "%s", err.text);
        return riacho_build_unknown();
    }
    return (riacho_data){.word = riacho_format(builder->arena, "%s", word), .codec = codec};
}

static const char *plain_word(const riacho_type *type)
{
    switch (type->kind) {
    case RIACHO_BOOLEAN:
        return "boolean";
    case RIACHO_INT:
        return "int";
    case RIACHO_LONG:
        return "long";
    case RIACHO_FLOAT:
        return "float";
    case RIACHO_DOUBLE:
        return "double";
    case RIACHO_BYTES:
        return "bytes";
    case RIACHO_STRING:
        return type->logical == RIACHO_UUID ? "uuid" : "string";
    case RIACHO_NULL:
        return "void";
    default:
        return NULL;
    }
}

/* "avro:Pet" for "riacho.Pet"; the full name where the short one is another type's. */
static bool find_named(riacho_builder *builder, const char *name, riacho_data *ret_data)
{
    const char *dot = strrchr(name, '.');
    const char *const candidates[] = {dot ? dot + 1 : name, name};
    for (size_t i = 0; i < 2; i++) {
        const char *word = riacho_format(builder->arena, "avro:%s", candidates[i]);
        const riacho_codec *codec;
        riacho_error err;
        if (riacho_schemas_codec(builder->schemas, word, &codec, &err) == RIACHO_OK &&
            strcmp(codec->type->name, name) == 0) {
            *ret_data = (riacho_data){word, codec};
            return true;
        }
    }
    return false;
}

riacho_data riacho_build_data_of_type(riacho_builder *builder, riacho_where where,
                                      const riacho_type *type)
{
    riacho_data data;
    const char *word = plain_word(type);
    if (word)
        return riacho_build_word(builder, where, word);
    if (type->kind == RIACHO_RECORD && find_named(builder, type->name, &data))
        return data;
    riacho_buffer text = {0};
    riacho_type_describe(type, &text);
    riacho_build_issue(builder, where,
                       type->kind == RIACHO_ENUM ? "write string(...) around it" : NULL,
                       "the type %.*s cannot be a key or a value of its own", (int)text.size,
                       (const char *)text.data);
    riacho_buffer_done(&text);
    return riacho_build_unknown();
}

static bool is_plain_struct(const riacho_struct *structure)
{
    return structure->hash == 0;
}

riacho_data riacho_build_data_of_struct(riacho_builder *builder, riacho_where where,
                                        const riacho_struct *structure)
{
    riacho_data data;
    if (!structure)
        return riacho_build_unknown();
    if (is_plain_struct(structure))
        return riacho_build_word(builder, where, structure->name);
    if (find_named(builder, structure->name, &data))
        return data;
    riacho_build_issue(builder, where, "put its .avsc in the schemas folder",
                       "the function hands back %s, which no schema describes", structure->name);
    return riacho_build_unknown();
}
