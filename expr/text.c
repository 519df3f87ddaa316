/* SPDX-License-Identifier: MIT
 *
 * text.c - see text.h.
 */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "token.h"

int64_t riacho_expr_characters(riacho_bytes text)
{
    const uint8_t *at = text.data;
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (at[i] & 0xc0) != 0x80;
    return count;
}

bool riacho_expr_contains(riacho_bytes text, riacho_bytes part)
{
    return !part.size || (text.size && memmem(text.data, text.size, part.data, part.size));
}

bool riacho_expr_starts(riacho_bytes text, riacho_bytes part)
{
    return !part.size || (part.size <= text.size && memcmp(text.data, part.data, part.size) == 0);
}

bool riacho_expr_ends(riacho_bytes text, riacho_bytes part)
{
    return !part.size ||
           (part.size <= text.size &&
            memcmp((const char *)text.data + (text.size - part.size), part.data, part.size) == 0);
}

riacho_bytes riacho_expr_concat(riacho_bytes a, riacho_bytes b, riacho_arena *arena)
{
    if (!a.size || !b.size)
        return a.size ? a : b;
    char *out = riacho_alloc(arena, a.size + b.size);
    memcpy(out, a.data, a.size);
    memcpy(out + a.size, b.data, b.size);
    return (riacho_bytes){out, a.size + b.size};
}

/* The text with 0x20 flipped in every byte from first to first + 25. */
static riacho_bytes flip_case(riacho_bytes text, uint8_t first, riacho_arena *arena)
{
    const uint8_t *in = text.data;
    size_t same = 0;
    while (same < text.size && (uint8_t)(in[same] - first) >= 26)
        same++;
    if (same == text.size)
        return text;
    uint8_t *out = riacho_alloc(arena, text.size);
    for (size_t i = 0; i < text.size; i++)
        out[i] = (uint8_t)(in[i] - first) < 26 ? in[i] ^ 0x20 : in[i];
    return (riacho_bytes){out, text.size};
}

riacho_bytes riacho_expr_lower(riacho_bytes text, riacho_arena *arena)
{
    return flip_case(text, 'A', arena);
}

riacho_bytes riacho_expr_upper(riacho_bytes text, riacho_arena *arena)
{
    return flip_case(text, 'a', arena);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

riacho_bytes riacho_expr_trim(riacho_bytes text)
{
    const char *in = text.data;
    size_t start = 0, end = text.size;
    while (start < end && is_space(in[start]))
        start++;
    while (end > start && is_space(in[end - 1]))
        end--;
    return (riacho_bytes){in + start, end - start};
}

int64_t riacho_expr_hash(riacho_bytes bytes)
{
    return (int64_t)(XXH64(bytes.data, bytes.size, 0) & INT64_MAX);
}

/* With as few digits as `same` allows for. */
static riacho_bytes real_text(double real, int digits_max, riacho_arena *arena)
{
    char text[40];
    if (isnan(real))
        return riacho_text("NaN");
    if (isinf(real))
        return riacho_text(real > 0 ? "Infinity" : "-Infinity");
    for (int digits = 1; digits <= digits_max; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (digits_max > 9 ? strtod(text, NULL) == real : strtof(text, NULL) == (float)real)
            break;
    }
    const char *whole = strpbrk(text, ".e") ? "" : ".0";
    return riacho_text(riacho_format(arena, "%s%s", text, whole));
}

riacho_bytes riacho_expr_double_text(double real, riacho_arena *arena)
{
    return real_text(real, 17, arena);
}

riacho_bytes riacho_expr_float_text(double real, riacho_arena *arena)
{
    return real_text(real, 9, arena);
}

riacho_status riacho_expr_double_read(riacho_bytes text, double *ret_real)
{
    static const struct {
        const char *text;
        double real;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (riacho_bytes_equal(text, riacho_text(words[i].text))) {
            *ret_real = words[i].real;
            return RIACHO_OK;
        }
    }
    return riacho_expr_read_real(text, ret_real);
}
