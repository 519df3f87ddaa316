/* SPDX-License-Identifier: MIT
 *
 * header.c - see header.h.
 *
 * Definitions come out in the order in which C needs them: whatever a struct holds stands before
 * it. Recursion is as deep as the types.
 */
#include "header.h"

#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "base/map.h"
#include "names.h"

struct writer {
    riacho_arena *arena;
    riacho_buffer *out;
    riacho_error *err;
    const char *prefix;
    riacho_map types;     /* full names that are written */
    riacho_map constants; /* C constant or tag -> what it stands for */
};

static riacho_status write_type(struct writer *w, const riacho_type *type);

/* Two different things of one C name are an error. */
static riacho_status claim(struct writer *w, riacho_map *names, const char *name,
                           const char *meaning)
{
    riacho_map_entry *entry = riacho_map_put(names, riacho_text(name));
    if (entry->value)
        return riacho_fail(w->err, RIACHO_REJECT, "%s and %s are both '%s' in C",
                           (const char *)entry->value, meaning, name);
    entry->value = (void *)(uintptr_t)meaning;
    return RIACHO_OK;
}

static const char *tag(struct writer *w, const char *name)
{
    return riacho_format(w->arena, "%s%s", w->prefix, riacho_gen_snake(w->arena, name));
}

static void write_comment(struct writer *w, const char *indent, const char *text)
{
    if (!text || !*text)
        return;
    riacho_buffer_printf(w->out, "%s/* ", indent);
    for (; *text; text++) {
        const bool closes = text[0] == '*' && text[1] == '/';
        const char c = *text == '\n' || *text == '\r' ? ' ' : *text;
        riacho_buffer_append(w->out, &c, 1);
        if (closes)
            riacho_buffer_append(w->out, " ", 1);
    }
    riacho_buffer_printf(w->out, " */\n");
}

/* The C type of a value that stands alone: an item, the value of an optional. */
static const char *word_of(struct writer *w, const riacho_type *type, const char *owner)
{
    switch (type->kind) {
    case RIACHO_BOOLEAN:
        return "bool";
    case RIACHO_INT:
    case RIACHO_ENUM:
        return "int32_t";
    case RIACHO_LONG:
        return "int64_t";
    case RIACHO_FLOAT:
        return "float";
    case RIACHO_DOUBLE:
        return "double";
    case RIACHO_STRING:
    case RIACHO_BYTES:
        return "riacho_bytes";
    case RIACHO_FIXED:
        return "uint8_t";
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        return "riacho_array";
    case RIACHO_RECORD:
        return riacho_format(w->arena, "struct %s", tag(w, type->name));
    case RIACHO_UNION:
        return riacho_format(w->arena, "struct %s", owner);
    case RIACHO_OPTIONAL:
        if (type->item->kind == RIACHO_STRING || type->item->kind == RIACHO_BYTES)
            return "riacho_bytes";
        return riacho_format(w->arena, "const %s *", word_of(w, type->item, owner));
    default:
        return "void";
    }
}

/* "of struct pet_tags_entry", "enum mood", "timestamp-millis": what the C type does not say. */
static const char *remark_of(struct writer *w, const riacho_type *type, const char *owner)
{
    riacho_buffer text = {0};
    const char *remark = "";
    switch (type->kind) {
    case RIACHO_ENUM:
        remark = riacho_format(w->arena, "enum %s", tag(w, type->name));
        break;
    case RIACHO_FIXED:
        remark = riacho_format(w->arena, "%u bytes", type->fixed_size);
        break;
    case RIACHO_ARRAY:
        remark = riacho_format(w->arena, "of %s",
                               word_of(w, type->item, riacho_format(w->arena, "%s_item", owner)));
        if (type->item->kind == RIACHO_FIXED)
            remark = riacho_format(w->arena, "%s[%u]", remark, type->item->fixed_size);
        break;
    case RIACHO_MAP:
        remark = riacho_format(w->arena, "of struct %s_entry", owner);
        break;
    case RIACHO_OPTIONAL:
        remark = remark_of(w, type->item, owner);
        remark = riacho_format(w->arena, "may be absent%s%s", *remark ? ": " : "", remark);
        break;
    default:
        if (type->kind != RIACHO_STRING && type->logical == RIACHO_PLAIN)
            break;
        riacho_type_describe(type, &text);
        remark = riacho_copy(w->arena, riacho_buffer_bytes(&text)).data;
        riacho_buffer_done(&text);
    }
    return remark;
}

static const char *branch_name(struct writer *w, const riacho_type *branch)
{
    const char *name = riacho_gen_snake(w->arena, branch->name);
    const size_t size = strlen(name);
    return riacho_format(w->arena, "as_%.*s", (int)(size - (name[size - 1] == '_')), name);
}

static void write_member(struct writer *w, const riacho_type *type, const char *name,
                         const char *owner, const char *indent);

/* The inside of a union's struct. */
static void write_union(struct writer *w, const riacho_type *type, const char *owner,
                        const char *indent)
{
    const char *inner = riacho_format(w->arena, "%s        ", indent);
    const bool values = type->size > type->value_offset;
    riacho_buffer_printf(w->out, "%s    int32_t branch; /* enum %s_branch */\n", indent, owner);
    if (values)
        riacho_buffer_printf(w->out, "%s    union {\n", indent);
    for (uint32_t i = 0; values && i < type->branch_count; i++) {
        const char *name = branch_name(w, type->branches[i]);
        write_member(w, type->branches[i], name, riacho_format(w->arena, "%s_%s", owner, name),
                     inner);
    }
    if (values)
        riacho_buffer_printf(w->out, "%s    } value;\n", indent);
}

/* One member; nothing at all for null, which takes no memory. */
static void write_member(struct writer *w, const riacho_type *type, const char *name,
                         const char *owner, const char *indent)
{
    const char *remark = remark_of(w, type, owner);
    if (type->kind == RIACHO_NULL)
        return;
    if (type->kind == RIACHO_UNION) {
        riacho_buffer_printf(w->out, "%sstruct {\n", indent);
        write_union(w, type, owner, indent);
        riacho_buffer_printf(w->out, "%s} %s;\n", indent, name);
        return;
    }
    const char *word = word_of(w, type, owner);
    riacho_buffer_printf(w->out, "%s%s%s%s", indent, word, word[strlen(word) - 1] == '*' ? "" : " ",
                         name);
    if (type->kind == RIACHO_FIXED)
        riacho_buffer_printf(w->out, "[%u]", type->fixed_size);
    riacho_buffer_printf(w->out, *remark ? "; /* %s */\n" : ";\n%s", remark);
}

static riacho_status write_branches(struct writer *w, const riacho_type *type, const char *owner)
{
    const char *capitals = riacho_gen_capitals(w->arena, owner);
    riacho_buffer_printf(w->out, "enum %s_branch {\n", owner);
    for (uint32_t i = 0; i < type->branch_count; i++) {
        const char *name = type->branches[i]->name;
        const char *constant =
            riacho_format(w->arena, "%s_%s", capitals, riacho_gen_capitals(w->arena, name));
        RIACHO_TRY(claim(w, &w->constants, constant, name));
        riacho_buffer_printf(w->out, "    %s = %u,\n", constant, i);
    }
    riacho_buffer_printf(w->out, "};\n\n");
    return RIACHO_OK;
}

/* What a member needs before its own struct: the named types in it, enums of branches, structs of
 * map entries and of union items. */
static riacho_status write_needs(struct writer *w, const riacho_type *type, const char *owner)
{
    const riacho_type *item = type->item;
    switch (type->kind) {
    case RIACHO_RECORD:
    case RIACHO_ENUM:
        return write_type(w, type);
    case RIACHO_OPTIONAL:
        return write_needs(w, item, owner);
    case RIACHO_UNION:
        for (uint32_t i = 0; i < type->branch_count; i++)
            RIACHO_TRY(write_needs(
                w, type->branches[i],
                riacho_format(w->arena, "%s_%s", owner, branch_name(w, type->branches[i]))));
        return write_branches(w, type, owner);
    case RIACHO_ARRAY:
        RIACHO_TRY(write_needs(w, item, riacho_format(w->arena, "%s_item", owner)));
        if (item->kind != RIACHO_UNION)
            return RIACHO_OK;
        riacho_buffer_printf(w->out, "struct %s_item {\n", owner);
        write_union(w, item, riacho_format(w->arena, "%s_item", owner), "");
        riacho_buffer_printf(w->out, "};\n\n");
        return claim(w, &w->constants, riacho_format(w->arena, "%s_item", owner), type->name);
    case RIACHO_MAP:
        RIACHO_TRY(write_needs(w, item, riacho_format(w->arena, "%s_entry", owner)));
        riacho_buffer_printf(w->out, "struct %s_entry {\n    riacho_bytes key;\n", owner);
        write_member(w, item, "value", riacho_format(w->arena, "%s_entry", owner), "    ");
        riacho_buffer_printf(
            w->out,
            "};\nRIACHO_STATIC_ASSERT(sizeof(struct %s_entry) == %u, \"layout of %s\");\n\n", owner,
            type->entry_size, owner);
        return claim(w, &w->constants, riacho_format(w->arena, "%s_entry", owner), type->name);
    default:
        return RIACHO_OK;
    }
}

static void write_asserts(struct writer *w, const riacho_type *type, const char *name)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        const char *member = riacho_gen_snake(w->arena, field->name);
        if (field->type->kind == RIACHO_NULL)
            continue;
        riacho_buffer_printf(
            w->out, "RIACHO_STATIC_ASSERT(offsetof(struct %s, %s) == %u, \"layout of %s\");\n",
            name, member, field->offset, name);
        if (field->type->kind == RIACHO_UNION && field->type->size > field->type->value_offset)
            riacho_buffer_printf(
                w->out,
                "RIACHO_STATIC_ASSERT(offsetof(struct %s, %s.value) == %u, \"layout of %s\");\n",
                name, member, field->offset + field->type->value_offset, name);
    }
    riacho_buffer_printf(w->out,
                         "RIACHO_STATIC_ASSERT(sizeof(struct %s) == %u, \"layout of %s\");\n", name,
                         type->size, name);
}

static riacho_status write_members(struct writer *w, const riacho_type *type, const char *name)
{
    riacho_map members = {0};
    riacho_status status = RIACHO_OK;
    bool any = false;
    for (uint32_t i = 0; i < type->field_count && status == RIACHO_OK; i++) {
        const riacho_field *field = &type->fields[i];
        const char *member = riacho_gen_snake(w->arena, field->name);
        status = claim(w, &members, member, field->name);
        write_comment(w, "    ", field->doc);
        write_member(w, field->type, member, riacho_format(w->arena, "%s_%s", name, member),
                     "    ");
        any |= field->type->kind != RIACHO_NULL;
    }
    if (!any)
        riacho_buffer_printf(w->out, "    char nothing; /* C has no empty struct */\n");
    riacho_map_done(&members);
    return status;
}

static riacho_status write_record(struct writer *w, const riacho_type *type)
{
    const char *name = tag(w, type->name);
    for (uint32_t i = 0; i < type->field_count; i++)
        RIACHO_TRY(write_needs(w, type->fields[i].type,
                               riacho_format(w->arena, "%s_%s", name,
                                             riacho_gen_snake(w->arena, type->fields[i].name))));
    RIACHO_TRY(claim(w, &w->constants, name, type->name));
    riacho_buffer_printf(w->out, "/* %s */\nstruct %s {\n", type->name, name);
    RIACHO_TRY(write_members(w, type, name));
    riacho_buffer_printf(w->out, "};\n");
    write_asserts(w, type, name);
    riacho_buffer_printf(
        w->out, "static const riacho_struct %s_struct = {\"%s\", %u, 0x%016" PRIx64 "u};\n\n", name,
        type->name, type->size, type->hash);
    return RIACHO_OK;
}

static riacho_status write_enum(struct writer *w, const riacho_type *type)
{
    const char *name = tag(w, type->name);
    const char *capitals = riacho_gen_capitals(w->arena, name);
    RIACHO_TRY(claim(w, &w->constants, name, type->name));
    riacho_buffer_printf(w->out, "/* %s */\nenum %s {\n", type->name, name);
    for (uint32_t i = 0; i < type->symbol_count; i++) {
        const char *constant = riacho_format(w->arena, "%s_%s", capitals,
                                             riacho_gen_capitals(w->arena, type->symbols[i]));
        RIACHO_TRY(claim(w, &w->constants, constant, type->symbols[i]));
        riacho_buffer_printf(w->out, "    %s = %u,\n", constant, i);
    }
    riacho_buffer_printf(w->out, "};\n\n");
    return RIACHO_OK;
}

static riacho_status write_type(struct writer *w, const riacho_type *type)
{
    if (type->kind != RIACHO_RECORD && type->kind != RIACHO_ENUM)
        return RIACHO_OK;
    riacho_map_entry *entry = riacho_map_put(&w->types, riacho_text(type->name));
    if (entry->value)
        return RIACHO_OK;
    entry->value = w;
    return type->kind == RIACHO_RECORD ? write_record(w, type) : write_enum(w, type);
}

static const char head[] = "#pragma once\n"
                           "\n"
                           "#include \"riacho/processor.h\"\n"
                           "#include \"riacho/type.h\"\n"
                           "#include \"riacho/types.h\"\n"
                           "\n"
                           "#ifndef RIACHO_STATIC_ASSERT\n"
                           "#ifdef __cplusplus\n"
                           "#define RIACHO_STATIC_ASSERT static_assert\n"
                           "#else\n"
                           "#define RIACHO_STATIC_ASSERT _Static_assert\n"
                           "#endif\n"
                           "#endif\n\n";

riacho_status riacho_gen_header(const riacho_type *const *types, size_t count,
                                const riacho_gen_options *options, riacho_arena *arena,
                                riacho_buffer *out, riacho_error *err)
{
    const char *prefix = options->prefix ? options->prefix : "";
    struct writer w = {.arena = arena, .out = out, .err = err, .prefix = prefix};
    riacho_status status = RIACHO_OK;
    riacho_buffer_printf(out, "/* Written by riacho-gen from %s; do not edit. */\n%s",
                         options->made_from, head);
    for (size_t i = 0; i < count && status == RIACHO_OK; i++)
        status = write_needs(&w, types[i], riacho_format(arena, "%svalue_%zu", prefix, i));
    if (out->size > 1 && out->data[out->size - 2] == '\n')
        out->size--; /* the empty line behind the last definition */
    riacho_map_done(&w.types);
    riacho_map_done(&w.constants);
    return status;
}
