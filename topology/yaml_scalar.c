/* SPDX-License-Identifier: MIT
 *
 * yaml_scalar.c - what a scalar means (YAML 1.2's core rules), what it is in JSON, and where each
 * of its bytes was written.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_node.h"

static bool one_of(riacho_bytes text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (riacho_bytes_equal(text, riacho_text(words[i])))
            return true;
    return false;
}

static size_t span(const char *text, size_t size, const char *set)
{
    size_t used = 0;
    while (used < size && text[used] && strchr(set, text[used]))
        used++;
    return used;
}

static bool is_int(const char *text, size_t size)
{
    if (size > 2 && text[0] == '0' && text[1] == 'o')
        return span(text + 2, size - 2, "01234567") == size - 2;
    if (size > 2 && text[0] == '0' && text[1] == 'x')
        return span(text + 2, size - 2, "0123456789abcdefABCDEF") == size - 2;
    const size_t sign = size && (*text == '-' || *text == '+');
    return size > sign && span(text + sign, size - sign, "0123456789") == size - sign;
}

static bool is_special_float(const char *text, size_t size)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
    const size_t sign = size && (*text == '-' || *text == '+');
    return one_of((riacho_bytes){text + sign, size - sign}, words, sign ? 3 : 6);
}

/* [-+]? ( . digits | digits ( . digits? )? ) ( e [-+]? digits )? */
static bool is_float(const char *text, size_t size)
{
    size_t at = size && (*text == '-' || *text == '+');
    const size_t whole = span(text + at, size - at, "0123456789");
    at += whole;
    size_t fraction = 0;
    if (at < size && text[at] == '.') {
        at++;
        fraction = span(text + at, size - at, "0123456789");
        at += fraction;
    }
    if (!whole && !fraction)
        return false;
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < size && (text[at] == '-' || text[at] == '+');
        const size_t exponent = span(text + at, size - at, "0123456789");
        if (!exponent)
            return false;
        at += exponent;
    }
    return at == size;
}

riacho_yaml_type riacho_yaml_type_of(const riacho_yaml_node *scalar)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const booleans[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    const char *text = scalar->text.data;
    const size_t size = scalar->text.size;
    if (scalar->style != RIACHO_YAML_PLAIN)
        return RIACHO_YAML_STRING;
    if (one_of(scalar->text, nulls, 5))
        return RIACHO_YAML_NULL;
    if (one_of(scalar->text, booleans, 6))
        return RIACHO_YAML_BOOLEAN;
    if (is_int(text, size))
        return RIACHO_YAML_INT;
    return is_float(text, size) || is_special_float(text, size) ? RIACHO_YAML_FLOAT
                                                                : RIACHO_YAML_STRING;
}

/* Decimal digits are copied, so that no size is too large; sign and zeros as JSON wants them. */
static void int_to_json(riacho_bytes text, riacho_buffer *out)
{
    const char *at = text.data;
    size_t size = text.size;
    if (size > 2 && *at == '0' && (at[1] == 'o' || at[1] == 'x')) {
        riacho_buffer_printf(out, "%llu", strtoull(at + 2, NULL, at[1] == 'x' ? 16 : 8));
        return;
    }
    if (*at == '-')
        riacho_buffer_append(out, "-", 1);
    const size_t sign = *at == '-' || *at == '+';
    at += sign;
    size -= sign;
    while (size > 1 && *at == '0') {
        at++;
        size--;
    }
    riacho_buffer_append(out, at, size);
}

static void scalar_to_json(const riacho_yaml_node *node, riacho_buffer *out)
{
    const char *text = node->text.data;
    switch (riacho_yaml_type_of(node)) {
    case RIACHO_YAML_NULL:
        riacho_buffer_append(out, "null", 4);
        break;
    case RIACHO_YAML_BOOLEAN:
        riacho_buffer_printf(out, "%s", *text == 't' || *text == 'T' ? "true" : "false");
        break;
    case RIACHO_YAML_INT:
        int_to_json(node->text, out);
        break;
    case RIACHO_YAML_FLOAT: {
        const double number = is_special_float(text, node->text.size) ? NAN : strtod(text, NULL);
        if (isfinite(number))
            riacho_buffer_printf(out, "%.17g", number);
        else
            riacho_buffer_append(out, "null", 4);
        break;
    }
    default:
        riacho_json_quote(node->text, out);
        break;
    }
}

/* Recursion is bounded by RIACHO_YAML_DEPTH_MAX. */
void riacho_yaml_to_json(const riacho_yaml_node *node, riacho_buffer *out)
{
    if (node->kind == RIACHO_YAML_SCALAR) {
        scalar_to_json(node, out);
        return;
    }
    const bool mapping = node->kind == RIACHO_YAML_MAPPING;
    riacho_buffer_append(out, mapping ? "{" : "[", 1);
    for (size_t i = 0; i < node->count; i++) {
        if (i)
            riacho_buffer_append(out, ",", 1);
        if (mapping) {
            riacho_json_quote(node->entries[i].key->text, out);
            riacho_buffer_append(out, ":", 1);
        }
        riacho_yaml_to_json(node->entries[i].value, out);
    }
    riacho_buffer_append(out, mapping ? "}" : "]", 1);
}

/* How far one step goes in the file and in the scalar's text. */
struct stride {
    size_t raw;
    size_t text;
};

static size_t utf8_size(const char *text, size_t size)
{
    size_t used = 1;
    while (used < size && ((unsigned char)text[used] & 0xc0) == 0x80)
        used++;
    return size ? used : 1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t blanks(const char *raw, size_t size)
{
    size_t used = 0;
    while (used < size && is_blank(raw[used]))
        used++;
    return used;
}

/* An escape in double quotes: two characters, or two and 2, 4 or 8 hexadecimal digits; before a
 * line's end it stands for nothing.
 */
static struct stride escape(const char *raw, size_t raw_size, const char *text, size_t text_size)
{
    const char kind = raw_size > 1 ? raw[1] : 0;
    if (is_blank(kind) && kind != ' ' && kind != '\t')
        return (struct stride){1 + blanks(raw + 1, raw_size - 1), 0};
    const size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    return (struct stride){2 + digits, utf8_size(text, text_size)};
}

/* Folding turns line ends and the blanks around them into a space or fewer line ends; a block's
 * indentation is in the file only. */
static struct stride stride_of(riacho_yaml_style style, const char *raw, size_t raw_size,
                               const char *text, size_t text_size)
{
    if (style == RIACHO_YAML_SINGLE && *raw == '\'')
        return (struct stride){2, 1};
    if (style == RIACHO_YAML_DOUBLE && *raw == '\\')
        return escape(raw, raw_size, text, text_size);
    if (*raw == *text)
        return (struct stride){1, 1};
    if (is_blank(*raw) && (*text == ' ' || *text == '\n') && style != RIACHO_YAML_BLOCK)
        return (struct stride){blanks(raw, raw_size), 1};
    if (is_blank(*raw) && !is_blank(*text))
        return (struct stride){1, 0};
    return (struct stride){is_blank(*raw), 1};
}

riacho_mark riacho_yaml_mark_in(const riacho_yaml_node *scalar, size_t offset)
{
    const char *source = scalar->file->source.data;
    const char *text = scalar->text.data;
    if (scalar->end == scalar->at)
        return scalar->mark;
    if (offset > scalar->text.size)
        offset = scalar->text.size;
    size_t raw = scalar->at, at = 0;
    while (raw < scalar->end && at < scalar->text.size) {
        const struct stride stride = stride_of(scalar->style, source + raw, scalar->end - raw,
                                               text + at, scalar->text.size - at);
        if (at >= offset && stride.text)
            break;
        raw += stride.raw;
        at += stride.text;
    }
    return riacho_yaml_mark_at(scalar->file, raw);
}
