/* SPDX-License-Identifier: MIT
 *
 * json_write.c - values as JSON, straight from memory. Recursion is as deep as the type. Pure but
 * for the buffer; any thread.
 */
#include <math.h>
#include <string.h>

#include "base64.h"
#include "decimal.h"
#include "layout.h"
#include "number.h"
#include "riacho/codec.h"

/* Most texts are a few bytes long and have room. */
static inline void put(riacho_buffer *out, const char *text, size_t size)
{
    if (out->capacity - out->size < size)
        riacho_buffer_reserve(out, size);
    memcpy(out->data + out->size, text, size);
    out->size += size;
}

static inline void put_text(riacho_buffer *out, const char *text)
{
    put(out, text, strlen(text));
}

/* How many bytes from `at` on are one well-formed character; 0 when they are none. */
static size_t character_size(const uint8_t *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t size = *at < 0x80   ? 1
                        : *at < 0xc2 ? 0
                        : *at < 0xe0 ? 2
                        : *at < 0xf0 ? 3
                        : *at < 0xf5 ? 4
                                     : 0;
    if (size < 2 || size > left)
        return size > left ? 0 : size;
    uint32_t point = *at & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3fu);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least[size] || point > 0x10ffff || surrogate ? 0 : size;
}

static void put_escaped(riacho_buffer *out, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = byte ? strchr(from, byte) : NULL;
    if (found) {
        put(out, (const char[]){'\\', to[found - from]}, 2);
        return;
    }
    put(out, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

void riacho_json_quote(riacho_bytes text, riacho_buffer *out)
{
    const uint8_t *at = text.data;
    size_t start = 0, i = 0;
    put(out, "\"", 1);
    while (i < text.size) {
        if (at[i] >= 0x20 && at[i] < 0x80 && at[i] != '"' && at[i] != '\\') {
            i++;
            continue;
        }
        const size_t size = at[i] < 0x80 ? 0 : character_size(at + i, text.size - i);
        if (size) {
            i += size;
            continue;
        }
        put(out, (const char *)at + start, i - start);
        if (at[i] < 0x80)
            put_escaped(out, at[i]);
        else
            put_text(out, "\xef\xbf\xbd");
        start = ++i;
    }
    if (text.size > start)
        put(out, (const char *)at + start, text.size - start);
    put(out, "\"", 1);
}

static void write_base64(riacho_bytes bytes, riacho_buffer *out)
{
    put(out, "\"", 1);
    riacho_base64_encode(bytes, out);
    put(out, "\"", 1);
}

static void write_bytes(const riacho_type *type, riacho_bytes bytes, riacho_buffer *out)
{
    char text[RIACHO_DECIMAL_TEXT_MAX];
    riacho_int128 number;
    if (type->logical != RIACHO_DECIMAL) {
        write_base64(bytes, out);
        return;
    }
    if (!riacho_decimal_read(type, bytes, &number)) {
        put_text(out, "null"); /* not a number, as a double that is none */
        return;
    }
    put(out, "\"", 1);
    put(out, text, riacho_decimal_print(type, number, text));
    put(out, "\"", 1);
}

static void write_long(int64_t value, riacho_buffer *out)
{
    uint8_t *at = riacho_buffer_reserve(out, RIACHO_NUMBER_TEXT_MAX);
    out->size += riacho_number_print_long(value, (char *)at);
}

static void write_double(double value, riacho_buffer *out)
{
    if (!isfinite(value)) {
        put_text(out, "null");
        return;
    }
    uint8_t *at = riacho_buffer_reserve(out, RIACHO_NUMBER_TEXT_MAX);
    out->size += riacho_number_print_double(value, (char *)at);
}

static void write_float(float value, riacho_buffer *out)
{
    if (!isfinite(value)) {
        put_text(out, "null");
        return;
    }
    uint8_t *at = riacho_buffer_reserve(out, RIACHO_NUMBER_TEXT_MAX);
    out->size += riacho_number_print_float(value, (char *)at);
}

static void write_enum(const riacho_type *type, int32_t symbol, riacho_buffer *out)
{
    if (symbol < 0 || (uint32_t)symbol >= type->symbol_count) {
        put_text(out, "null");
        return;
    }
    put(out, "\"", 1);
    put_text(out, type->symbols[symbol]);
    put(out, "\"", 1);
}

static void write_array(const riacho_type *type, const riacho_array *array, riacho_buffer *out)
{
    const uint8_t *item = array->items;
    put(out, "[", 1);
    for (size_t i = 0; i < array->count; i++, item += type->item->size) {
        if (i)
            put(out, ",", 1);
        riacho_json_write(type->item, item, out);
    }
    put(out, "]", 1);
}

static void write_map(const riacho_type *type, const riacho_array *map, riacho_buffer *out)
{
    const uint8_t *entry = map->items;
    put(out, "{", 1);
    for (size_t i = 0; i < map->count; i++, entry += type->entry_size) {
        if (i)
            put(out, ",", 1);
        riacho_json_quote(*(const riacho_bytes *)entry, out);
        put(out, ":", 1);
        riacho_json_write(type->item, entry + type->value_offset, out);
    }
    put(out, "}", 1);
}

static void write_record(const riacho_type *type, const uint8_t *value, riacho_buffer *out)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        const size_t size = strlen(field->name); /* letters, digits and _ only */
        uint8_t *at = riacho_buffer_reserve(out, size + 4);
        *at++ = i ? ',' : '{';
        *at++ = '"';
        memcpy(at, field->name, size);
        at[size] = '"';
        at[size + 1] = ':';
        out->size += size + 4;
        riacho_json_write(field->type, value + field->offset, out);
    }
    put_text(out, type->field_count ? "}" : "{}");
}

static void write_optional(const riacho_type *type, const void *value, riacho_buffer *out)
{
    const void *held = value;
    if (!riacho_layout_inline_optional(type->item))
        held = *(const void *const *)value;
    else if (!((const riacho_bytes *)value)->data)
        held = NULL;
    if (held)
        riacho_json_write(type->item, held, out);
    else
        put_text(out, "null");
}

static void write_union(const riacho_type *type, const uint8_t *value, riacho_buffer *out)
{
    const int32_t index = *(const int32_t *)value;
    if (index < 0 || (uint32_t)index >= type->branch_count ||
        type->branches[index]->kind == RIACHO_NULL) {
        put_text(out, "null");
        return;
    }
    const riacho_type *branch = type->branches[index];
    put(out, "{\"", 2);
    put_text(out, branch->name);
    put(out, "\":", 2);
    riacho_json_write(branch, value + type->value_offset, out);
    put(out, "}", 1);
}

void riacho_json_write(const riacho_type *type, const void *value, riacho_buffer *out)
{
    switch (type->kind) {
    case RIACHO_NULL:
        put_text(out, "null");
        return;
    case RIACHO_BOOLEAN:
        put_text(out, *(const bool *)value ? "true" : "false");
        return;
    case RIACHO_INT:
        write_long(*(const int32_t *)value, out);
        return;
    case RIACHO_LONG:
        write_long(*(const int64_t *)value, out);
        return;
    case RIACHO_FLOAT:
        write_float(*(const float *)value, out);
        return;
    case RIACHO_DOUBLE:
        write_double(*(const double *)value, out);
        return;
    case RIACHO_STRING:
        riacho_json_quote(*(const riacho_bytes *)value, out);
        return;
    case RIACHO_BYTES:
        write_bytes(type, *(const riacho_bytes *)value, out);
        return;
    case RIACHO_FIXED:
        write_bytes(type, (riacho_bytes){value, type->fixed_size}, out);
        return;
    case RIACHO_ENUM:
        write_enum(type, *(const int32_t *)value, out);
        return;
    case RIACHO_ARRAY:
        write_array(type, value, out);
        return;
    case RIACHO_MAP:
        write_map(type, value, out);
        return;
    case RIACHO_RECORD:
        write_record(type, value, out);
        return;
    case RIACHO_OPTIONAL:
        write_optional(type, value, out);
        return;
    case RIACHO_UNION:
        write_union(type, value, out);
        return;
    }
}
