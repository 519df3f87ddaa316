/* SPDX-License-Identifier: MIT
 *
 * default.c - the default values of schema fields, which Avro writes in a JSON of its own: bytes
 * are text of U+0000 to U+00FF, a union's value stands bare.
 */
#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "decimal.h"
#include "layout.h"
#include "parse.h"
#include "uuid.h"

static riacho_status refuse(riacho_parser *parser, const riacho_type *type)
{
    return riacho_parser_fail(parser, "the default is not a value of type %s", type->name);
}

/* Undoes the text form of bytes; false for a character over U+00FF. */
static bool bytes_of_text(riacho_arena *arena, const json_t *json, riacho_bytes *ret_bytes)
{
    const uint8_t *at = (const uint8_t *)json_string_value(json);
    const size_t size = json_string_length(json);
    uint8_t *bytes = riacho_alloc(arena, size);
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (at[i] < 0x80) {
            bytes[count++] = at[i];
        } else if ((at[i] == 0xc2 || at[i] == 0xc3) && i + 1 < size) {
            bytes[count++] = (uint8_t)((at[i] & 3) << 6 | (at[i + 1] & 0x3f));
            i++;
        } else {
            return false;
        }
    }
    *ret_bytes = (riacho_bytes){bytes, count};
    return true;
}

static riacho_status read_text(riacho_parser *parser, const riacho_type *type, const json_t *json,
                               riacho_bytes *ret_value)
{
    if (!json_is_string(json))
        return refuse(parser, type);
    *ret_value = riacho_copy(parser->arena,
                             (riacho_bytes){json_string_value(json), json_string_length(json)});
    if (type->logical == RIACHO_UUID && !riacho_uuid_valid(*ret_value))
        return riacho_parser_fail(parser, "the default is not a uuid");
    return RIACHO_OK;
}

static riacho_status read_bytes(riacho_parser *parser, const riacho_type *type, const json_t *json,
                                riacho_bytes *ret_value)
{
    riacho_int128 number;
    if (!json_is_string(json) || !bytes_of_text(parser->arena, json, ret_value))
        return refuse(parser, type);
    if (type->kind == RIACHO_FIXED && ret_value->size != type->fixed_size)
        return refuse(parser, type);
    if (type->logical == RIACHO_DECIMAL && !riacho_decimal_read(type, *ret_value, &number))
        return riacho_parser_fail(parser, "the default is not a decimal of %u digits",
                                  type->precision);
    return RIACHO_OK;
}

static riacho_status read_number(riacho_parser *parser, const riacho_type *type, const json_t *json,
                                 void *ret_value)
{
    const bool whole = type->kind == RIACHO_INT || type->kind == RIACHO_LONG;
    if (whole ? !json_is_integer(json) : !json_is_number(json))
        return refuse(parser, type);
    const json_int_t number = json_integer_value(json);
    switch (type->kind) {
    case RIACHO_INT:
        if (number < INT32_MIN || number > INT32_MAX)
            return refuse(parser, type);
        *(int32_t *)ret_value = (int32_t)number;
        return RIACHO_OK;
    case RIACHO_LONG:
        *(int64_t *)ret_value = number;
        return RIACHO_OK;
    case RIACHO_FLOAT:
        *(float *)ret_value = (float)json_number_value(json);
        return isfinite(*(float *)ret_value) ? RIACHO_OK : refuse(parser, type);
    default:
        *(double *)ret_value = json_number_value(json);
        return RIACHO_OK;
    }
}

static riacho_status read_array(riacho_parser *parser, const riacho_type *type, const json_t *json,
                                riacho_array *ret_value)
{
    if (!json_is_array(json))
        return refuse(parser, type);
    const size_t count = json_array_size(json), step = type->item->size;
    uint8_t *items = riacho_alloc_zero(parser->arena, count, step);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(
            riacho_parser_default(parser, type->item, json_array_get(json, i), items + i * step));
    *ret_value = (riacho_array){items, count};
    return RIACHO_OK;
}

static riacho_status read_map(riacho_parser *parser, const riacho_type *type, const json_t *json,
                              riacho_array *ret_value)
{
    if (!json_is_object(json))
        return refuse(parser, type);
    const size_t count = json_object_size(json);
    uint8_t *entries = riacho_alloc_zero(parser->arena, count, type->entry_size), *at = entries;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        *(riacho_bytes *)at = riacho_copy(parser->arena, riacho_text(key));
        RIACHO_TRY(riacho_parser_default(parser, type->item, value, at + type->value_offset));
        at += type->entry_size;
    }
    *ret_value = (riacho_array){entries, count};
    return RIACHO_OK;
}

static riacho_status read_record(riacho_parser *parser, const riacho_type *type, const json_t *json,
                                 uint8_t *ret_value)
{
    if (!json_is_object(json))
        return refuse(parser, type);
    riacho_value_init(type, ret_value);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        const json_t *value = json_object_get(json, field->name);
        if (!value && !field->default_value)
            return riacho_parser_fail(parser, "the default has no %s", field->name);
        if (!value)
            continue;
        const size_t before = riacho_parser_enter(parser, field->name);
        RIACHO_TRY(riacho_parser_default(parser, field->type, value, ret_value + field->offset));
        riacho_parser_leave(parser, before);
    }
    return RIACHO_OK;
}

static riacho_status read_optional(riacho_parser *parser, const riacho_type *type,
                                   const json_t *json, void *ret_value)
{
    const bool in_place = riacho_layout_inline_optional(type->item);
    if (json_is_null(json)) {
        memset(ret_value, 0, type->size);
        return RIACHO_OK;
    }
    if (in_place)
        return riacho_parser_default(parser, type->item, json, ret_value);
    void *value = riacho_alloc_zero(parser->arena, 1, type->item->size);
    RIACHO_TRY(riacho_parser_default(parser, type->item, json, value));
    *(const void **)ret_value = value;
    return RIACHO_OK;
}

static riacho_status read_union(riacho_parser *parser, const riacho_type *type, const json_t *json,
                                uint8_t *ret_value)
{
    for (uint32_t i = 0; i < type->branch_count; i++) {
        const size_t before = parser->path_size;
        memset(ret_value, 0, type->size);
        *(int32_t *)ret_value = (int32_t)i;
        if (riacho_parser_default(parser, type->branches[i], json,
                                  ret_value + type->value_offset) == RIACHO_OK)
            return RIACHO_OK;
        riacho_parser_leave(parser, before);
    }
    return refuse(parser, type);
}

riacho_status riacho_parser_default(riacho_parser *parser, const riacho_type *type,
                                    const json_t *json, void *ret_value)
{
    riacho_bytes bytes;
    switch (type->kind) {
    case RIACHO_NULL:
        return json_is_null(json) ? RIACHO_OK : refuse(parser, type);
    case RIACHO_BOOLEAN:
        *(bool *)ret_value = json_is_true(json);
        return json_is_boolean(json) ? RIACHO_OK : refuse(parser, type);
    case RIACHO_STRING:
        return read_text(parser, type, json, ret_value);
    case RIACHO_BYTES:
        return read_bytes(parser, type, json, ret_value);
    case RIACHO_FIXED:
        RIACHO_TRY(read_bytes(parser, type, json, &bytes));
        memcpy(ret_value, bytes.data, bytes.size);
        return RIACHO_OK;
    case RIACHO_ENUM:
        *(int32_t *)ret_value = riacho_type_symbol(type, riacho_text(riacho_parser_text(json)));
        return *(int32_t *)ret_value >= 0 ? RIACHO_OK : refuse(parser, type);
    case RIACHO_ARRAY:
        return read_array(parser, type, json, ret_value);
    case RIACHO_MAP:
        return read_map(parser, type, json, ret_value);
    case RIACHO_RECORD:
        return read_record(parser, type, json, ret_value);
    case RIACHO_OPTIONAL:
        return read_optional(parser, type, json, ret_value);
    case RIACHO_UNION:
        return read_union(parser, type, json, ret_value);
    default:
        return read_number(parser, type, json, ret_value);
    }
}
