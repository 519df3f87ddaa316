/* SPDX-License-Identifier: MIT
 *
 * base64.c - see base64.h.
 */
#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void riacho_base64_encode(riacho_bytes bytes, riacho_buffer *out)
{
    const uint8_t *in = bytes.data;
    uint8_t *to = riacho_buffer_reserve(out, (bytes.size + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                               (left > 2 ? in[i + 2] : 0u);
        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)alphabet[group & 63] : '=';
    }
    out->size += (bytes.size + 2) / 3 * 4;
}

/* The value of a digit, or -1. */
static int sextet(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool riacho_base64_decode(riacho_bytes text, uint8_t *ret_bytes, size_t *ret_size)
{
    const uint8_t *in = text.data;
    size_t digits = text.size, size = 0;
    uint32_t group = 0;
    if (digits % 4)
        return false;
    for (int padding = 0; padding < 2 && digits && in[digits - 1] == '='; padding++)
        digits--;
    for (size_t i = 0; i < digits; i++) {
        const int value = sextet(in[i]);
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 0)
            ret_bytes[size++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    const uint32_t unused = digits % 4 == 2 ? 15 : digits % 4 == 3 ? 3 : 0;
    *ret_size = size;
    return digits % 4 != 1 && !(group & unused);
}
