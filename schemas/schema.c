/* SPDX-License-Identifier: MIT
 *
 * schema.c - schema JSON -> riacho_type. See schema.h.
 *
 * Recursion follows the JSON and is cut at RIACHO_SCHEMA_DEPTH_MAX. Invariant: a type is put into
 * `names` before its parts are read, marked open, so that a mention of it inside itself is noticed.
 */
#include "schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "layout.h"
#include "parse.h"

enum { DECIMAL_DIGITS_MAX = 38 };

static const char *const plain_words[] = {"null",  "boolean", "int",   "long",
                                          "float", "double",  "bytes", "string"};
static const char *const complex_words[] = {"record", "enum", "fixed", "array", "map"};

enum { PLAIN_WORDS = sizeof plain_words / sizeof *plain_words };

riacho_status riacho_parser_fail(riacho_parser *parser, const char *format, ...)
{
    char text[384];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!parser->path_size)
        return riacho_fail(parser->err, RIACHO_REJECT, "%s: %s", parser->origin, text);
    return riacho_fail(parser->err, RIACHO_REJECT, "%s: field %s: %s", parser->origin, parser->path,
                       text);
}

size_t riacho_parser_enter(riacho_parser *parser, const char *field)
{
    const size_t before = parser->path_size;
    const size_t room = sizeof parser->path - before;
    const int size =
        snprintf(parser->path + before, room, before && *field != '[' ? ".%s" : "%s", field);
    parser->path_size = before + ((size_t)size < room ? (size_t)size : room - 1);
    return before;
}

void riacho_parser_leave(riacho_parser *parser, size_t before)
{
    parser->path_size = before;
    parser->path[before] = 0;
}

static bool is_name(const char *text)
{
    if (*text >= '0' && *text <= '9')
        return false;
    const size_t size = strlen(text);
    return size > 0 && size == strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_");
}

/* Names joined by dots. */
static bool is_full_name(riacho_arena *arena, const char *text)
{
    char *copy = riacho_format(arena, "%s.", text);
    for (char *at = copy, *dot; (dot = strchr(at, '.')); at = dot + 1) {
        *dot = 0;
        if (!is_name(at))
            return false;
    }
    return true;
}

const char *riacho_parser_full_name(riacho_arena *arena, const char *name, const char *space)
{
    if (strchr(name, '.') || !space || !*space)
        return name;
    return riacho_format(arena, "%s.%s", space, name);
}

const char *riacho_parser_space_of(riacho_arena *arena, const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    return dot ? riacho_format(arena, "%.*s", (int)(dot - full_name), full_name) : NULL;
}

static const char *copy_text(riacho_parser *parser, const json_t *json)
{
    return riacho_format(parser->arena, "%s", riacho_parser_text(json));
}

static riacho_schema *new_schema(riacho_parser *parser, riacho_kind kind, const char *name)
{
    riacho_schema *schema = riacho_alloc_zero(parser->arena, 1, sizeof *schema);
    schema->type.kind = kind;
    schema->type.name = name;
    schema->type.align = 1;
    schema->type.default_symbol = -1;
    schema->depth = schema->nodes = 1;
    return schema;
}

/* Counts a part into the whole. */
static void add_part(riacho_schema *schema, const riacho_type *part)
{
    const riacho_schema *inner = riacho_schema_of(part);
    if (schema->depth <= inner->depth)
        schema->depth = inner->depth + 1;
    schema->nodes += inner->nodes;
}

/* Lays the finished type out and holds it against the limits. */
static riacho_status finish(riacho_parser *parser, riacho_schema *schema, riacho_field *fields)
{
    riacho_error cause;
    if (schema->depth > RIACHO_SCHEMA_DEPTH_MAX)
        return riacho_parser_fail(parser, "types are nested more than %d deep",
                                  RIACHO_SCHEMA_DEPTH_MAX);
    if (schema->nodes > RIACHO_SCHEMA_NODES_MAX)
        return riacho_parser_fail(parser, "the schema has more than %d types in it",
                                  RIACHO_SCHEMA_NODES_MAX);
    if (riacho_layout_set(&schema->type, fields, &cause) != RIACHO_OK)
        return riacho_parser_fail(parser, "%s", cause.text);
    return RIACHO_OK;
}

static uint32_t least_bytes_of_plain(riacho_kind kind)
{
    switch (kind) {
    case RIACHO_NULL:
        return 0;
    case RIACHO_FLOAT:
        return 4;
    case RIACHO_DOUBLE:
        return 8;
    default:
        return 1;
    }
}

static const riacho_type *const plain_types[] = {
    &riacho_type_null,  &riacho_type_boolean, &riacho_type_int,   &riacho_type_long,
    &riacho_type_float, &riacho_type_double,  &riacho_type_bytes, &riacho_type_string};

static riacho_schema *new_plain(riacho_parser *parser, size_t word)
{
    const riacho_type *type = plain_types[word];
    riacho_schema *schema = new_schema(parser, type->kind, type->name);
    schema->type = *type;
    schema->least_bytes = least_bytes_of_plain(type->kind);
    return schema;
}

static riacho_status define(riacho_parser *parser, riacho_schema *schema)
{
    riacho_map_entry *entry = riacho_map_put(parser->names, riacho_text(schema->type.name));
    if (entry->value)
        return riacho_parser_fail(parser, "%s is defined twice", schema->type.name);
    entry->value = schema;
    schema->open = true;
    return RIACHO_OK;
}

static riacho_status unknown_name(riacho_parser *parser, const char *name)
{
    const size_t known = parser->names->count;
    const size_t fixed = PLAIN_WORDS + sizeof complex_words / sizeof *complex_words;
    const char **words = riacho_alloc_zero(parser->arena, known + fixed, sizeof *words);
    size_t count = 0, at = 0;
    for (size_t i = 0; i < PLAIN_WORDS; i++)
        words[count++] = plain_words[i];
    for (size_t i = 0; i < fixed - PLAIN_WORDS; i++)
        words[count++] = complex_words[i];
    for (riacho_map_entry *entry; (entry = riacho_map_next(parser->names, &at));)
        words[count++] = entry->key.data;
    const char *meant = riacho_suggest(riacho_text(name), words, count);
    if (meant)
        return riacho_parser_fail(parser, "there is no type '%s'; did you mean '%s'?", name, meant);
    return riacho_parser_fail(parser, "there is no type '%s'", name);
}

static riacho_status parse_mention(riacho_parser *parser, const char *name, const char *space,
                                   const riacho_type **ret_type)
{
    for (size_t i = 0; i < PLAIN_WORDS; i++)
        if (strcmp(name, plain_words[i]) == 0) {
            *ret_type = &new_plain(parser, i)->type;
            return RIACHO_OK;
        }
    const riacho_bytes full = riacho_text(riacho_parser_full_name(parser->arena, name, space));
    if (!riacho_map_get(parser->names, full) && parser->find)
        RIACHO_TRY(parser->find(parser, full));
    const riacho_schema *schema = riacho_map_get(parser->names, full);
    if (!schema)
        return unknown_name(parser, name);
    if (schema->open)
        return riacho_parser_fail(parser, "%s contains itself; recursive types are not supported",
                                  schema->type.name);
    *ret_type = &schema->type;
    return RIACHO_OK;
}

/* A branch is told by its name, so two of one name could not be told apart. */
static riacho_status check_branches(riacho_parser *parser, const riacho_type *const *branches,
                                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (branches[i]->kind == RIACHO_UNION || branches[i]->kind == RIACHO_OPTIONAL)
            return riacho_parser_fail(parser, "a union may not directly contain another union");
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(branches[i]->name, branches[k]->name) == 0)
                return riacho_parser_fail(parser, "the union has two branches '%s'",
                                          branches[i]->name);
    }
    return RIACHO_OK;
}

static riacho_status parse_union(riacho_parser *parser, const json_t *json, const char *space,
                                 const riacho_type **ret_type)
{
    const size_t count = json_array_size(json);
    if (count == 0 || count > RIACHO_SCHEMA_FIELDS_MAX)
        return riacho_parser_fail(parser, "a union has 1 to %d branches, not %zu",
                                  RIACHO_SCHEMA_FIELDS_MAX, count);
    riacho_schema *schema = new_schema(parser, RIACHO_UNION, "union");
    const riacho_type **branches = riacho_alloc_zero(parser->arena, count, sizeof *branches);
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(riacho_parser_type(parser, json_array_get(json, i), space, &branches[i]));
        add_part(schema, branches[i]);
        const uint32_t bytes = riacho_schema_of(branches[i])->least_bytes;
        least = bytes < least ? bytes : least;
    }
    RIACHO_TRY(check_branches(parser, branches, (uint32_t)count));
    schema->least_bytes = 1 + least;
    riacho_type *type = &schema->type;
    const uint32_t null_branch = count == 2 && branches[1]->kind == RIACHO_NULL;
    if (count == 2 && branches[null_branch]->kind == RIACHO_NULL) {
        type->kind = RIACHO_OPTIONAL;
        type->null_branch = null_branch;
        type->item = branches[!null_branch];
    } else {
        type->branches = branches;
        type->branch_count = (uint32_t)count;
    }
    *ret_type = type;
    return finish(parser, schema, NULL);
}

static riacho_status parse_container(riacho_parser *parser, const json_t *json, const char *space,
                                     riacho_kind kind, const riacho_type **ret_type)
{
    const bool array = kind == RIACHO_ARRAY;
    const json_t *item = json_object_get(json, array ? "items" : "values");
    if (!item)
        return riacho_parser_fail(parser,
                                  array ? "an array needs \"items\"" : "a map needs \"values\"");
    riacho_schema *schema = new_schema(parser, kind, array ? "array" : "map");
    const size_t before = riacho_parser_enter(parser, "[]");
    RIACHO_TRY(riacho_parser_type(parser, item, space, &schema->type.item));
    riacho_parser_leave(parser, before);
    if (array && riacho_schema_of(schema->type.item)->least_bytes == 0)
        return riacho_parser_fail(parser, "the items of an array must take bytes; %s may take none",
                                  schema->type.item->name);
    add_part(schema, schema->type.item);
    schema->least_bytes = 1;
    *ret_type = &schema->type;
    return finish(parser, schema, NULL);
}

static riacho_status parse_texts(riacho_parser *parser, const json_t *json, const char *what,
                                 const char *const **ret_texts, uint32_t *ret_count)
{
    const size_t count = json_array_size(json);
    if (json && !json_is_array(json))
        return riacho_parser_fail(parser, "\"%s\" is not an array", what);
    if (count > RIACHO_SCHEMA_FIELDS_MAX)
        return riacho_parser_fail(parser, "more than %d %s", RIACHO_SCHEMA_FIELDS_MAX, what);
    const char **texts = riacho_alloc_zero(parser->arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(json, i);
        if (!riacho_parser_text(item))
            return riacho_parser_fail(parser, "\"%s\" has an item that is not text", what);
        texts[i] = copy_text(parser, item);
        for (size_t k = 0; k < i; k++)
            if (strcmp(texts[i], texts[k]) == 0)
                return riacho_parser_fail(parser, "\"%s\" has '%s' twice", what, texts[i]);
    }
    *ret_texts = texts;
    *ret_count = (uint32_t)count;
    return RIACHO_OK;
}

/* Name, namespace and aliases of a record, enum or fixed; makes it known as open. */
static riacho_status parse_named(riacho_parser *parser, const json_t *json, const char *space,
                                 riacho_kind kind, riacho_schema **ret_schema)
{
    const char *name = riacho_parser_text(json_object_get(json, "name"));
    const json_t *own_space = json_object_get(json, "namespace");
    if (!name)
        return riacho_parser_fail(parser, "a record, enum or fixed needs a \"name\"");
    if (own_space && !riacho_parser_text(own_space))
        return riacho_parser_fail(parser, "the namespace of %s is not text", name);
    if (own_space)
        space = riacho_parser_text(own_space);
    const char *full = riacho_parser_full_name(parser->arena, name, space);
    if (!is_full_name(parser->arena, full))
        return riacho_parser_fail(parser, "'%s' is not a name (letters, digits and _)", full);
    riacho_schema *schema = new_schema(parser, kind, riacho_format(parser->arena, "%s", full));
    const char *const *aliases;
    RIACHO_TRY(parse_texts(parser, json_object_get(json, "aliases"), "aliases", &aliases,
                           &schema->alias_count));
    const char **full_aliases =
        riacho_alloc_zero(parser->arena, schema->alias_count, sizeof *full_aliases);
    const char *alias_space = riacho_parser_space_of(parser->arena, full);
    for (uint32_t i = 0; i < schema->alias_count; i++)
        full_aliases[i] = riacho_parser_full_name(parser->arena, aliases[i], alias_space);
    schema->aliases = full_aliases;
    *ret_schema = schema;
    return define(parser, schema);
}

static riacho_status parse_enum(riacho_parser *parser, const json_t *json, const char *space,
                                const riacho_type **ret_type)
{
    riacho_schema *schema;
    RIACHO_TRY(parse_named(parser, json, space, RIACHO_ENUM, &schema));
    riacho_type *type = &schema->type;
    RIACHO_TRY(parse_texts(parser, json_object_get(json, "symbols"), "symbols", &type->symbols,
                           &type->symbol_count));
    if (!type->symbol_count)
        return riacho_parser_fail(parser, "enum %s has no symbols", type->name);
    for (uint32_t i = 0; i < type->symbol_count; i++)
        if (!is_name(type->symbols[i]))
            return riacho_parser_fail(parser, "'%s' is not a symbol (letters, digits and _)",
                                      type->symbols[i]);
    const json_t *fallback = json_object_get(json, "default");
    if (fallback) {
        type->default_symbol = riacho_type_symbol(type, riacho_text(riacho_parser_text(fallback)));
        if (type->default_symbol < 0)
            return riacho_parser_fail(parser, "the default of enum %s is not one of its symbols",
                                      type->name);
    }
    schema->least_bytes = 1;
    schema->open = false;
    *ret_type = type;
    return finish(parser, schema, NULL);
}

static riacho_status parse_decimal(riacho_parser *parser, const json_t *json, riacho_type *type)
{
    const json_t *precision = json_object_get(json, "precision");
    const json_t *scale = json_object_get(json, "scale");
    const json_int_t digits = json_integer_value(precision), point = json_integer_value(scale);
    if (type->kind != RIACHO_BYTES && type->kind != RIACHO_FIXED)
        return riacho_parser_fail(parser, "a decimal is over bytes or fixed, not %s", type->name);
    if (!json_is_integer(precision) || digits < 1 || digits > DECIMAL_DIGITS_MAX)
        return riacho_parser_fail(parser, "the precision of a decimal is 1 to %d",
                                  DECIMAL_DIGITS_MAX);
    if ((scale && !json_is_integer(scale)) || point < 0 || point > digits)
        return riacho_parser_fail(parser, "the scale of a decimal is 0 to its precision");
    type->logical = RIACHO_DECIMAL;
    type->precision = (uint32_t)digits;
    type->scale = (uint32_t)point;
    return RIACHO_OK;
}

/* Logical types we do not know are, as Avro says, their plain type; ours on a wrong type are a
 * mistake that is better named than ignored. */
static riacho_status parse_logical(riacho_parser *parser, const json_t *json, riacho_type *type)
{
    static const struct {
        const char *word;
        riacho_kind kind;
        riacho_logical logical;
    } table[] = {
        {"uuid", RIACHO_STRING, RIACHO_UUID},
        {"date", RIACHO_INT, RIACHO_DATE},
        {"timestamp-millis", RIACHO_LONG, RIACHO_TIMESTAMP_MILLIS},
        {"timestamp-micros", RIACHO_LONG, RIACHO_TIMESTAMP_MICROS},
    };
    const char *word = riacho_parser_text(json_object_get(json, "logicalType"));
    if (!word)
        return RIACHO_OK;
    if (strcmp(word, "decimal") == 0)
        return parse_decimal(parser, json, type);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(word, table[i].word) != 0)
            continue;
        if (type->kind == RIACHO_FIXED && table[i].logical == RIACHO_UUID)
            return RIACHO_OK; /* 16 plain bytes to us */
        if (type->kind != table[i].kind)
            return riacho_parser_fail(parser, "%s is over %s, not %s", word,
                                      plain_types[table[i].kind]->name, type->name);
        type->logical = table[i].logical;
        type->hash = RIACHO_PRIMITIVE_HASH(type->kind, type->logical);
    }
    return RIACHO_OK;
}

static riacho_status parse_fixed(riacho_parser *parser, const json_t *json, const char *space,
                                 const riacho_type **ret_type)
{
    riacho_schema *schema;
    RIACHO_TRY(parse_named(parser, json, space, RIACHO_FIXED, &schema));
    const json_t *size = json_object_get(json, "size");
    const json_int_t bytes = json_integer_value(size);
    if (!json_is_integer(size) || bytes < 1 || bytes > RIACHO_VALUE_BYTES_MAX)
        return riacho_parser_fail(parser, "the size of fixed %s is 1 to %d", schema->type.name,
                                  RIACHO_VALUE_BYTES_MAX);
    schema->type.fixed_size = schema->least_bytes = (uint32_t)bytes;
    schema->open = false;
    RIACHO_TRY(parse_logical(parser, json, &schema->type));
    *ret_type = &schema->type;
    return finish(parser, schema, NULL);
}

static riacho_status parse_field(riacho_parser *parser, const json_t *json, const char *space,
                                 riacho_field *ret_field, const char **ret_default_text)
{
    const char *name = riacho_parser_text(json_object_get(json, "name"));
    const char *doc = riacho_parser_text(json_object_get(json, "doc"));
    const json_t *type = json_object_get(json, "type");
    const json_t *fallback = json_object_get(json, "default");
    if (!name || !is_name(name))
        return riacho_parser_fail(parser, "a field needs a \"name\" of letters, digits and _");
    const size_t before = riacho_parser_enter(parser, name);
    if (!type)
        return riacho_parser_fail(parser, "a field needs a \"type\"");
    ret_field->name = riacho_format(parser->arena, "%s", name);
    ret_field->doc = doc ? riacho_format(parser->arena, "%s", doc) : NULL;
    RIACHO_TRY(parse_texts(parser, json_object_get(json, "aliases"), "aliases", &ret_field->aliases,
                           &ret_field->alias_count));
    RIACHO_TRY(riacho_parser_type(parser, type, space, &ret_field->type));
    if (fallback) {
        void *value = riacho_alloc_zero(parser->arena, 1, ret_field->type->size);
        RIACHO_TRY(riacho_parser_default(parser, ret_field->type, fallback, value));
        ret_field->default_value = value;
        char *text = json_dumps(fallback, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        *ret_default_text = riacho_format(parser->arena, "%s", text);
        free(text);
    }
    riacho_parser_leave(parser, before);
    return RIACHO_OK;
}

static riacho_status parse_record(riacho_parser *parser, const json_t *json, const char *space,
                                  const riacho_type **ret_type)
{
    riacho_schema *schema;
    RIACHO_TRY(parse_named(parser, json, space, RIACHO_RECORD, &schema));
    const json_t *list = json_object_get(json, "fields");
    const size_t count = json_array_size(list);
    riacho_type *type = &schema->type;
    if (!json_is_array(list))
        return riacho_parser_fail(parser, "record %s needs an array of \"fields\"", type->name);
    if (count > RIACHO_SCHEMA_FIELDS_MAX)
        return riacho_parser_fail(parser, "record %s has more than %d fields", type->name,
                                  RIACHO_SCHEMA_FIELDS_MAX);
    const char *inner_space = riacho_parser_space_of(parser->arena, type->name);
    riacho_field *fields = riacho_alloc_zero(parser->arena, count, sizeof *fields);
    const char **texts = riacho_alloc_zero(parser->arena, count, sizeof *texts);
    type->fields = fields;
    schema->default_texts = texts;
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(
            parse_field(parser, json_array_get(list, i), inner_space, &fields[i], &texts[i]));
        if (riacho_type_field(type, riacho_text(fields[i].name)))
            return riacho_parser_fail(parser, "record %s has two fields '%s'", type->name,
                                      fields[i].name);
        add_part(schema, fields[i].type);
        schema->least_bytes += riacho_schema_of(fields[i].type)->least_bytes;
        type->field_count = (uint32_t)i + 1;
    }
    schema->open = false;
    *ret_type = type;
    return finish(parser, schema, fields);
}

static riacho_status parse_object(riacho_parser *parser, const json_t *json, const char *space,
                                  const riacho_type **ret_type)
{
    const json_t *word = json_object_get(json, "type");
    const char *name = riacho_parser_text(word);
    if (!word)
        return riacho_parser_fail(parser, "a type needs a \"type\"");
    if (!name)
        return riacho_parser_type(parser, word, space, ret_type);
    if (strcmp(name, "record") == 0)
        return parse_record(parser, json, space, ret_type);
    if (strcmp(name, "enum") == 0)
        return parse_enum(parser, json, space, ret_type);
    if (strcmp(name, "fixed") == 0)
        return parse_fixed(parser, json, space, ret_type);
    if (strcmp(name, "array") == 0)
        return parse_container(parser, json, space, RIACHO_ARRAY, ret_type);
    if (strcmp(name, "map") == 0)
        return parse_container(parser, json, space, RIACHO_MAP, ret_type);
    for (size_t i = 0; i < PLAIN_WORDS; i++) {
        if (strcmp(name, plain_words[i]) != 0)
            continue;
        riacho_schema *schema = new_plain(parser, i);
        *ret_type = &schema->type;
        RIACHO_TRY(parse_logical(parser, json, &schema->type));
        return schema->type.logical == RIACHO_DECIMAL ? finish(parser, schema, NULL) : RIACHO_OK;
    }
    return parse_mention(parser, name, space, ret_type);
}

riacho_status riacho_parser_type(riacho_parser *parser, const json_t *json, const char *space,
                                 const riacho_type **ret_type)
{
    riacho_status status;
    if (parser->depth >= 2 * RIACHO_SCHEMA_DEPTH_MAX)
        return riacho_parser_fail(parser, "types are nested more than %d deep",
                                  RIACHO_SCHEMA_DEPTH_MAX);
    parser->depth++;
    if (riacho_parser_text(json))
        status = parse_mention(parser, riacho_parser_text(json), space, ret_type);
    else if (json_is_array(json))
        status = parse_union(parser, json, space, ret_type);
    else if (json_is_object(json))
        status = parse_object(parser, json, space, ret_type);
    else
        status = riacho_parser_fail(parser, "a type is a name, an object or an array");
    parser->depth--;
    return status;
}

riacho_status riacho_parser_json(riacho_bytes text, const char *origin, json_t **ret_json,
                                 riacho_error *err)
{
    json_error_t cause;
    if (text.size > RIACHO_SCHEMA_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%s: larger than %d bytes", origin,
                           RIACHO_SCHEMA_BYTES_MAX);
    json_t *json = json_loadb(text.data, text.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &cause);
    if (!json)
        return riacho_fail(err, RIACHO_REJECT, "%s:%d:%d: %s", origin, cause.line, cause.column,
                           cause.text);
    *ret_json = json;
    return RIACHO_OK;
}

riacho_status riacho_schema_parse(riacho_bytes text, const char *origin, riacho_arena *arena,
                                  const riacho_type **ret_type, riacho_error *err)
{
    RIACHO_AUTO(json) json_t *json = NULL;
    RIACHO_TRY(riacho_parser_json(text, origin, &json, err));
    riacho_map names = {0};
    riacho_parser parser = {.arena = arena, .err = err, .origin = origin, .names = &names};
    const riacho_status status = riacho_parser_type(&parser, json, NULL, ret_type);
    riacho_map_done(&names);
    return status;
}
