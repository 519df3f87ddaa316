/* SPDX-License-Identifier: MIT
 *
 * type.c - questions about a type: its fields, its symbols, whether two are the same, how to say
 * it. Types are immutable; any thread.
 *
 * Types may share parts but never contain themselves (the loader refuses that), so recursion here
 * is as deep as the schema, at most RIACHO_SCHEMA_DEPTH_MAX.
 */
#include "riacho/type.h"

#include <string.h>

#include "layout.h"

#define PRIMITIVE(kind_, logical_, name_, c_type)                                                  \
    {                                                                                              \
        .kind = (kind_), .logical = (logical_), .name = (name_), .size = sizeof(c_type),           \
        .align = _Alignof(c_type), .default_symbol = -1,                                           \
        .hash = RIACHO_PRIMITIVE_HASH(kind_, logical_)                                             \
    }

const riacho_type riacho_type_null = {.kind = RIACHO_NULL,
                                      .name = "null",
                                      .size = 0,
                                      .align = 1,
                                      .default_symbol = -1,
                                      .hash = RIACHO_PRIMITIVE_HASH(RIACHO_NULL, RIACHO_PLAIN)};
const riacho_type riacho_type_boolean = PRIMITIVE(RIACHO_BOOLEAN, RIACHO_PLAIN, "boolean", bool);
const riacho_type riacho_type_int = PRIMITIVE(RIACHO_INT, RIACHO_PLAIN, "int", int32_t);
const riacho_type riacho_type_long = PRIMITIVE(RIACHO_LONG, RIACHO_PLAIN, "long", int64_t);
const riacho_type riacho_type_float = PRIMITIVE(RIACHO_FLOAT, RIACHO_PLAIN, "float", float);
const riacho_type riacho_type_double = PRIMITIVE(RIACHO_DOUBLE, RIACHO_PLAIN, "double", double);
const riacho_type riacho_type_bytes = PRIMITIVE(RIACHO_BYTES, RIACHO_PLAIN, "bytes", riacho_bytes);
const riacho_type riacho_type_string =
    PRIMITIVE(RIACHO_STRING, RIACHO_PLAIN, "string", riacho_bytes);
const riacho_type riacho_type_uuid = PRIMITIVE(RIACHO_STRING, RIACHO_UUID, "string", riacho_bytes);

const riacho_field *riacho_type_field(const riacho_type *record, riacho_bytes name)
{
    if (record->kind != RIACHO_RECORD)
        return NULL;
    for (uint32_t i = 0; i < record->field_count; i++)
        if (riacho_bytes_equal(name, riacho_text(record->fields[i].name)))
            return &record->fields[i];
    return NULL;
}

int32_t riacho_type_symbol(const riacho_type *enumeration, riacho_bytes symbol)
{
    if (enumeration->kind != RIACHO_ENUM)
        return -1;
    for (uint32_t i = 0; i < enumeration->symbol_count; i++)
        if (riacho_bytes_equal(symbol, riacho_text(enumeration->symbols[i])))
            return (int32_t)i;
    return -1;
}

static bool fields_equal(const riacho_type *a, const riacho_type *b)
{
    if (a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
            !riacho_type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    return true;
}

static bool symbols_equal(const riacho_type *a, const riacho_type *b)
{
    if (a->symbol_count != b->symbol_count)
        return false;
    for (uint32_t i = 0; i < a->symbol_count; i++)
        if (strcmp(a->symbols[i], b->symbols[i]) != 0)
            return false;
    return true;
}

static bool branches_equal(const riacho_type *a, const riacho_type *b)
{
    if (a->branch_count != b->branch_count)
        return false;
    for (uint32_t i = 0; i < a->branch_count; i++)
        if (!riacho_type_equal(a->branches[i], b->branches[i]))
            return false;
    return true;
}

bool riacho_type_equal(const riacho_type *a, const riacho_type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->logical != b->logical || strcmp(a->name, b->name) != 0)
        return false;
    if (a->precision != b->precision || a->scale != b->scale || a->fixed_size != b->fixed_size)
        return false;
    switch (a->kind) {
    case RIACHO_RECORD:
        return fields_equal(a, b);
    case RIACHO_ENUM:
        return symbols_equal(a, b);
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        return riacho_type_equal(a->item, b->item);
    case RIACHO_OPTIONAL:
        return a->null_branch == b->null_branch && riacho_type_equal(a->item, b->item);
    case RIACHO_UNION:
        return branches_equal(a, b);
    default:
        return true;
    }
}

static void describe_union(const riacho_type *type, riacho_buffer *out)
{
    for (uint32_t i = 0; i < type->branch_count; i++) {
        riacho_buffer_printf(out, "%s", i ? ", " : "[");
        riacho_type_describe(type->branches[i], out);
    }
    riacho_buffer_printf(out, "]");
}

static void describe_optional(const riacho_type *type, riacho_buffer *out)
{
    riacho_buffer_printf(out, type->null_branch == 0 ? "[null, " : "[");
    riacho_type_describe(type->item, out);
    riacho_buffer_printf(out, type->null_branch == 0 ? "]" : ", null]");
}

void riacho_type_describe(const riacho_type *type, riacho_buffer *out)
{
    static const char *const logical_names[] = {[RIACHO_UUID] = "uuid",
                                                [RIACHO_DATE] = "date",
                                                [RIACHO_TIMESTAMP_MILLIS] = "timestamp-millis",
                                                [RIACHO_TIMESTAMP_MICROS] = "timestamp-micros"};
    if (type->logical == RIACHO_DECIMAL) {
        riacho_buffer_printf(out, "decimal(%u,%u)", type->precision, type->scale);
        return;
    }
    if (type->logical != RIACHO_PLAIN) {
        riacho_buffer_printf(out, "%s", logical_names[type->logical]);
        return;
    }
    switch (type->kind) {
    case RIACHO_RECORD:
        riacho_buffer_printf(out, "avro record %s", type->name);
        return;
    case RIACHO_ENUM:
        riacho_buffer_printf(out, "avro enum %s", type->name);
        return;
    case RIACHO_FIXED:
        riacho_buffer_printf(out, "avro fixed %s", type->name);
        return;
    case RIACHO_ARRAY:
    case RIACHO_MAP:
        riacho_buffer_printf(out, "%s of ", type->kind == RIACHO_ARRAY ? "array" : "map");
        riacho_type_describe(type->item, out);
        return;
    case RIACHO_OPTIONAL:
        describe_optional(type, out);
        return;
    case RIACHO_UNION:
        describe_union(type, out);
        return;
    default:
        riacho_buffer_printf(out, "%s", type->name);
    }
}
