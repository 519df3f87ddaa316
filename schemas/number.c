/* SPDX-License-Identifier: MIT
 *
 * number.c - see number.h.
 *
 * Printing is shortest.c with a point put in. Parsing has a quick way that is exact and covers
 * what people write, and falls back on the C library. The quick way rests on one fact: when digits
 * < 2^53 and exponent <= 22, digits and 10^exponent are both exact doubles, so their product or
 * quotient is the correctly rounded value of the decimal text.
 */
#include "number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shortest.h"

enum {
    EXACT_POWER_MAX = 22,
    DIGITS_MAX = 20, /* of 64 bits */
    /* Where the point may stand, counted from the first digit, without an exponent being written:
     * from 0.0000001 to 21 digits in front of it. */
    PLAIN_POINT_MIN = -7,
    PLAIN_POINT_MAX = 21,
};

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static const double powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t get_c_locale(void)
{
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale;
}

static size_t print_digits(uint64_t digits, char *ret_text)
{
    char text[DIGITS_MAX];
    char *at = text + sizeof text;
    for (; digits >= 100; digits /= 100)
        memcpy(at -= 2, &pairs[digits % 100 * 2], 2);
    if (digits >= 10)
        memcpy(at -= 2, &pairs[digits * 2], 2);
    else
        *--at = (char)('0' + digits);
    const size_t size = (size_t)(text + sizeof text - at);
    memcpy(ret_text, at, size);
    return size;
}

size_t riacho_number_print_long(int64_t value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    const bool negative = value < 0;
    ret_text[0] = '-';
    return negative +
           print_digits(negative ? 0 - (uint64_t)value : (uint64_t)value, ret_text + negative);
}

/* Digits with a point in them or in front of them: 0 < point < size, or point <= 0. */
static size_t print_point(const char *digits, size_t size, int point, char *ret_text)
{
    char *at = ret_text;
    if (point <= 0) {
        *at++ = '0';
        *at++ = '.';
        memset(at, '0', (size_t)-point);
        memcpy(at + (size_t)-point, digits, size);
        return 2 + (size_t)-point + size;
    }
    memcpy(at, digits, (size_t)point);
    at[point] = '.';
    memcpy(at + point + 1, digits + point, size - (size_t)point);
    return size + 1;
}

/* "1.5e-9" */
static size_t print_exponent(const char *digits, size_t size, int exponent, char *ret_text)
{
    char *at = ret_text;
    *at++ = digits[0];
    if (size > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, size - 1);
        at += size - 1;
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    return (size_t)(at - ret_text) +
           print_digits((uint64_t)(exponent < 0 ? -exponent : exponent), at);
}

static size_t print_decimal(riacho_shortest decimal, char *ret_text)
{
    char digits[RIACHO_NUMBER_TEXT_MAX];
    if (decimal.exponent == 0)
        return print_digits(decimal.digits, ret_text);
    for (; decimal.digits % 10 == 0; decimal.exponent++)
        decimal.digits /= 10;
    const size_t size = print_digits(decimal.digits, digits);
    const int point = (int)size + decimal.exponent;
    if (point <= PLAIN_POINT_MIN || point > PLAIN_POINT_MAX)
        return print_exponent(digits, size, point - 1, ret_text);
    if (point < (int)size)
        return print_point(digits, size, point, ret_text);
    memcpy(ret_text, digits, size);
    memset(ret_text + size, '0', (size_t)decimal.exponent);
    return (size_t)point;
}

size_t riacho_number_print_double(double value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    const bool negative = signbit(value);
    ret_text[0] = '-';
    if (value == 0)
        return negative + print_digits(0, ret_text + negative);
    return negative + print_decimal(riacho_shortest_double(fabs(value)), ret_text + negative);
}

size_t riacho_number_print_float(float value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    const bool negative = signbit(value);
    ret_text[0] = '-';
    if (value == 0)
        return negative + print_digits(0, ret_text + negative);
    return negative + print_decimal(riacho_shortest_float(fabsf(value)), ret_text + negative);
}

/* The sum of the exponent and the digits behind the point, and the digits as one number. False when
 * the quick way is not exact. */
static bool split(riacho_bytes text, uint64_t *ret_digits, int *ret_exponent)
{
    const char *at = text.data, *end = at + text.size;
    uint64_t digits = 0;
    int exponent = 0;
    bool point = false;
    for (at += at < end && *at == '-'; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        digits = digits * 10 + (uint64_t)(*at - '0');
        exponent -= point;
        if (digits > (uint64_t)1 << 53)
            return false;
    }
    if (at < end) {
        const bool negative = at[1] == '-';
        int written = 0;
        for (at += 1 + (at[1] == '-' || at[1] == '+'); at < end; at++)
            if ((written = written * 10 + (*at - '0')) > 1000)
                return false;
        exponent += negative ? -written : written;
    }
    *ret_digits = digits;
    *ret_exponent = exponent;
    return exponent >= -EXACT_POWER_MAX && exponent <= EXACT_POWER_MAX;
}

/* Longer numbers are copied to the heap. */
enum { STACK_TEXT_MAX = 128 };

static double parse_slow(riacho_bytes text, bool single)
{
    char small[STACK_TEXT_MAX];
    char *copy = text.size < sizeof small ? small : strndup(text.data, text.size);
    if (!copy)
        return NAN;
    if (copy == small) {
        memcpy(small, text.data, text.size);
        small[text.size] = 0;
    }
    const double value = single ? (double)strtof_l(copy, NULL, get_c_locale())
                                : strtod_l(copy, NULL, get_c_locale());
    if (copy != small)
        free(copy);
    return value;
}

double riacho_number_parse_double(riacho_bytes text)
{
    uint64_t digits;
    int exponent;
    if (!split(text, &digits, &exponent))
        return parse_slow(text, false);
    const double magnitude =
        exponent < 0 ? (double)digits / powers[-exponent] : (double)digits * powers[exponent];
    return *(const char *)text.data == '-' ? -magnitude : magnitude;
}

/* No quick way: rounding to a double first could round twice. */
float riacho_number_parse_float(riacho_bytes text)
{
    return (float)parse_slow(text, true);
}

bool riacho_number_parse_long(riacho_bytes text, int64_t *ret_value)
{
    const char *at = text.data, *end = at + text.size;
    const bool negative = at < end && *at == '-';
    int64_t value = 0;
    at += negative;
    if (at == end)
        return false;
    for (; at < end; at++) {
        const int digit = *at - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}
