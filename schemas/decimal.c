/* SPDX-License-Identifier: MIT
 *
 * decimal.c - see decimal.h. 10^38 is below 2^127, so every decimal we accept fits an __int128.
 */
#include "decimal.h"

#include <string.h>

static riacho_int128 power_of_ten(uint32_t exponent)
{
    riacho_int128 power = 1;
    while (exponent--)
        power *= 10;
    return power;
}

static bool has_digits(const riacho_type *type, riacho_int128 number)
{
    const riacho_int128 bound = power_of_ten(type->precision);
    return number > -bound && number < bound;
}

bool riacho_decimal_read(const riacho_type *type, riacho_bytes bytes, riacho_int128 *ret_number)
{
    const uint8_t *at = bytes.data;
    size_t size = bytes.size;
    if (!at || !size)
        return false;
    const uint8_t extension = at[0] & 0x80 ? 0xff : 0;
    for (; size > sizeof(riacho_int128); size--, at++)
        if (*at != extension)
            return false;
    if ((*at & 0x80) != (extension & 0x80))
        return false; /* the sign stood in the bytes that were skipped */
    unsigned __int128 number = extension ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    *ret_number = (riacho_int128)number;
    return has_digits(type, *ret_number);
}

size_t riacho_decimal_write(riacho_int128 number, size_t size, uint8_t *ret_bytes)
{
    uint8_t bytes[sizeof number];
    const uint8_t extension = number < 0 ? 0xff : 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((unsigned __int128)number >> 8 * (sizeof bytes - 1 - i));
    size_t skip = 0;
    while (skip < sizeof bytes - 1 && bytes[skip] == extension &&
           (bytes[skip + 1] & 0x80) == (extension & 0x80))
        skip++;
    const size_t least = sizeof bytes - skip;
    const size_t all = size > least ? size : least;
    memset(ret_bytes, extension, all - least);
    memcpy(ret_bytes + all - least, bytes + skip, least);
    return all;
}

size_t riacho_decimal_print(const riacho_type *type, riacho_int128 number,
                            char ret_text[RIACHO_DECIMAL_TEXT_MAX])
{
    char digits[RIACHO_DECIMAL_TEXT_MAX]; /* backwards */
    size_t count = 0, size = 0;
    unsigned __int128 left = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    while (left || count <= type->scale) {
        if (count == type->scale && type->scale)
            digits[size++] = '.';
        digits[size++] = (char)('0' + (int)(left % 10));
        left /= 10;
        count++;
    }
    if (number < 0)
        digits[size++] = '-';
    for (size_t i = 0; i < size; i++)
        ret_text[i] = digits[size - 1 - i];
    return size;
}

bool riacho_decimal_parse(const riacho_type *type, riacho_bytes text, riacho_int128 *ret_number)
{
    const char *at = text.data, *end = at + text.size;
    const bool negative = at < end && *at == '-';
    riacho_int128 number = 0;
    uint32_t before = 0, behind = 0, digits = 0;
    bool point = false;
    for (at += negative; at < end; at++) {
        if (*at == '.' && !point && before) {
            point = true;
            continue;
        }
        if (*at < '0' || *at > '9')
            return false;
        if ((digits += digits || *at != '0') > type->precision)
            return false;
        number = number * 10 + (*at - '0');
        before += !point;
        behind += point;
    }
    if (!before || behind > type->scale || (point && !behind))
        return false;
    if (digits && digits + type->scale - behind > type->precision)
        return false;
    number *= power_of_ten(type->scale - behind);
    *ret_number = negative ? -number : number;
    return has_digits(type, *ret_number);
}
