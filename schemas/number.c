/* SPDX-License-Identifier: MIT
 *
 * number.c - see number.h.
 *
 * Both directions have a quick way that is exact and covers what people write, and fall back on the
 * C library. The quick way rests on one fact: when digits < 2^53 and exponent <= 22, digits and
 * 10^exponent are both exact doubles, so their product or quotient is the correctly rounded value
 * of the decimal text.
 */
#include "number.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_POWER_MAX = 22, QUICK_FRACTION_MAX = 9 };

static const double EXACT_DIGITS_MAX = 9007199254740992.0; /* 2^53 */

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
    char backwards[24];
    size_t size = 0;
    do {
        backwards[size++] = (char)('0' + digits % 10);
        digits /= 10;
    } while (digits);
    for (size_t i = 0; i < size; i++)
        ret_text[i] = backwards[size - 1 - i];
    return size;
}

size_t riacho_number_print_long(int64_t value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    const bool negative = value < 0;
    ret_text[0] = '-';
    return negative +
           print_digits(negative ? 0 - (uint64_t)value : (uint64_t)value, ret_text + negative);
}

/* digits / 10^fraction, fraction > 0; the last digit is not 0. */
static size_t print_fraction(uint64_t digits, unsigned fraction, char *ret_text)
{
    const uint64_t power = (uint64_t)powers[fraction];
    size_t size = print_digits(digits / power, ret_text);
    uint64_t rest = digits % power;
    ret_text[size++] = '.';
    for (unsigned i = fraction; i-- > 0; rest /= 10)
        ret_text[size + i] = (char)('0' + rest % 10);
    return size + fraction;
}

/* Whether the decimal text that `back` is the nearest double of reads as this float: true for all
 * of the text's neighbourhood, so that rounding to double first did no harm. */
static bool reads_as_float(double back, double magnitude)
{
    return (double)(float)nextafter(back, 0) == magnitude &&
           (double)(float)nextafter(back, INFINITY) == magnitude;
}

/* Prints a magnitude with few digits behind the point; 0 when that would not be exact. Tries fewer
 * digits first, so the text is the shortest of its kind. */
static size_t print_quick(double magnitude, bool single, char *ret_text)
{
    for (unsigned fraction = 0; fraction <= QUICK_FRACTION_MAX; fraction++) {
        const double wanted = magnitude * powers[fraction];
        if (wanted >= EXACT_DIGITS_MAX - 1)
            return 0;
        const double scaled = (double)(uint64_t)(wanted + 0.5);
        const double back = scaled / powers[fraction];
        if (single ? !reads_as_float(back, magnitude) : back != magnitude)
            continue;
        if (fraction == 0)
            return print_digits((uint64_t)scaled, ret_text);
        return print_fraction((uint64_t)scaled, fraction, ret_text);
    }
    return 0;
}

/* The fewest significant digits that read back as the value. snprintf follows the program's locale,
 * so its point is put right. */
static size_t print_slow(double magnitude, bool single, char *ret_text)
{
    const int least = single ? 6 : 15, most = single ? 9 : 17;
    int size = 0;
    for (int digits = least; digits <= most; digits++) {
        size = snprintf(ret_text, RIACHO_NUMBER_TEXT_MAX - 1, "%.*g", digits, magnitude);
        char *comma = strpbrk(ret_text, ",");
        if (comma)
            *comma = '.';
        const double back = single ? (double)strtof_l(ret_text, NULL, get_c_locale())
                                   : strtod_l(ret_text, NULL, get_c_locale());
        if (back == magnitude)
            break;
    }
    return (size_t)size;
}

static size_t print_number(double value, bool single, char *ret_text)
{
    const bool negative = signbit(value);
    const double magnitude = fabs(value);
    ret_text[0] = '-';
    size_t size = 0;
    if (magnitude < EXACT_DIGITS_MAX)
        size = print_quick(magnitude, single, ret_text + negative);
    if (!size)
        size = print_slow(magnitude, single, ret_text + negative);
    return negative + size;
}

size_t riacho_number_print_double(double value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    return print_number(value, false, ret_text);
}

size_t riacho_number_print_float(float value, char ret_text[RIACHO_NUMBER_TEXT_MAX])
{
    return print_number((double)value, true, ret_text);
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
