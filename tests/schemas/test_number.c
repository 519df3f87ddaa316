/* SPDX-License-Identifier: MIT
 *
 * test_number.c - numbers as text, against the C library: what is printed reads back as the same
 * bits, no shorter text does, and of texts as short it is the nearest.
 *
 * RIACHO_NUMBERS says how many random numbers each test takes; 4294967296 floats are all of them.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/number.h"

static uint64_t how_many(void)
{
    const char *wanted = getenv("RIACHO_NUMBERS");
    return wanted ? strtoull(wanted, NULL, 10) : 300000;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static const char *print_double(double value)
{
    static char text[RIACHO_NUMBER_TEXT_MAX + 1];
    text[riacho_number_print_double(value, text)] = 0;
    return text;
}

static const char *print_float(float value)
{
    static char text[RIACHO_NUMBER_TEXT_MAX + 1];
    text[riacho_number_print_float(value, text)] = 0;
    return text;
}

/* The digits that count, without zeros around them; returns how many. */
static size_t digits_of(const char *text, char ret_digits[RIACHO_NUMBER_TEXT_MAX * 2])
{
    size_t size = 0;
    for (const char *at = text; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && (size > 0 || *at != '0'))
            ret_digits[size++] = *at;
    while (size > 0 && ret_digits[size - 1] == '0')
        size--;
    ret_digits[size] = 0;
    return size;
}

static void read_back_double(double value)
{
    const char *text = print_double(value);
    const double back = strtod(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0)
        fail_msg("%a is written as %s, which is %a", value, text, back);
    const double ours = riacho_number_parse_double(riacho_text(text));
    if (memcmp(&ours, &value, sizeof ours) != 0)
        fail_msg("%s is read as %a, not %a", text, ours, value);
}

static void read_back_float(float value)
{
    const char *text = print_float(value);
    const float back = strtof(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0)
        fail_msg("%a is written as %s, which is %a", (double)value, text, (double)back);
}

/* What the C library finds by trying; its text may be longer, since beside a power of two the
 * nearest short decimal need not be one that reads back. */
static void compare_double(double value)
{
    char least[64], ours[64], theirs[64];
    int digits = 0;
    do
        snprintf(least, sizeof least, "%.*e", digits, value);
    while (strtod(least, NULL) != value && ++digits < 17);
    const size_t own_size = digits_of(print_double(value), ours);
    const size_t size = digits_of(least, theirs);
    if (own_size > size || (own_size == size && strcmp(ours, theirs) != 0))
        fail_msg("%a is written as %s, shorter or nearer is %s", value, print_double(value), least);
}

static void compare_float(float value)
{
    char least[64], ours[64], theirs[64];
    int digits = 0;
    do
        snprintf(least, sizeof least, "%.*e", digits, (double)value);
    while (strtof(least, NULL) != value && ++digits < 9);
    const size_t own_size = digits_of(print_float(value), ours);
    const size_t size = digits_of(least, theirs);
    if (own_size > size || (own_size == size && strcmp(ours, theirs) != 0))
        fail_msg("%a is written as %s, shorter or nearer is %s", (double)value, print_float(value),
                 least);
}

static void check_double(double value)
{
    if (!isfinite(value))
        return;
    read_back_double(value);
    compare_double(value);
}

static void check_float(float value)
{
    if (!isfinite(value))
        return;
    read_back_float(value);
    compare_float(value);
}

static void numbers_are_written_so(void **state)
{
    static const struct {
        double value;
        const char *text;
    } table[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-2.5, "-2.5"},
                 {100, "100"},
                 {0.1, "0.1"},
                 {0.001, "0.001"},
                 {1e-7, "0.0000001"},
                 {1e-8, "1e-8"},
                 {1.25e-8, "1.25e-8"},
                 {1.0 / 3, "0.3333333333333333"},
                 {12345.678, "12345.678"},
                 {9007199254740991, "9007199254740991"},
                 {9007199254740993.0, "9007199254740992"},
                 {1e20, "100000000000000000000"},
                 {1.5e20, "150000000000000000000"},
                 {1e21, "1e+21"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {5e-324, "5e-324"},
                 {-2.2250738585072014e-308, "-2.2250738585072014e-308"}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(print_double(table[i].value), table[i].text);
    assert_string_equal(print_float(0.1f), "0.1");
    assert_string_equal(print_float(16777216.0f), "16777216");
    assert_string_equal(print_float(FLT_MAX), "3.4028235e+38");
    assert_string_equal(print_float(1e-45f), "1e-45");
}

/* Known to be hard: middles between decimals, powers of two and ten with their neighbours, the ends
 * of the range, whole numbers around 2^53, and what other printers got wrong. */
static void hard_cases_are_right(void **state)
{
    static const double hard[] = {9007199254740993.0,
                                  9.5367431640625e-07,
                                  2.2250738585072011e-308,
                                  5.684341886080802e-14,
                                  9.109e-31,
                                  1e23,
                                  8.41e21,
                                  2.0019531250000000e-100,
                                  9.5e-323,
                                  4.35,
                                  1.7800590868057611e-307,
                                  2.8480945388892175e-306,
                                  6.9294956446009195e15,
                                  2.98023223876953125e-8,
                                  2.6e-322,
                                  5e-324,
                                  DBL_MAX,
                                  DBL_MIN,
                                  DBL_EPSILON};
    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        for (int sign = -1; sign <= 1; sign += 2)
            check_double(sign * hard[i]);
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        const double power = ldexp(1, exponent);
        check_double(power);
        check_double(nextafter(power, 0) > 0 ? nextafter(power, 0) : power);
        check_double(nextafter(power, INFINITY));
    }
    for (int exponent = -149; exponent <= 127; exponent++) {
        const float power = ldexpf(1, exponent);
        check_float(power);
        check_float(nextafterf(power, 0) > 0 ? nextafterf(power, 0) : power);
        check_float(nextafterf(power, INFINITY));
    }
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", exponent);
        const double power = strtod(text, NULL);
        check_double(power);
        check_double(nextafter(power, INFINITY));
        check_double(nextafter(power, 0));
    }
}

static void random_doubles_read_back_as_the_same_bits(void **state)
{
    uint64_t seed = 88172645463325252u;
    (void)state;
    for (uint64_t i = 0; i < how_many(); i++) {
        const uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            read_back_double(value);
        read_back_double((double)(bits >> 40) / 1000);
        read_back_double((double)(bits & 0xffffffff) / 4294967296.0 * 100);
    }
}

static void random_floats_read_back_as_the_same_bits(void **state)
{
    const uint64_t count = how_many() < (uint64_t)1 << 32 ? how_many() : (uint64_t)1 << 32;
    uint32_t bits = 0;
    (void)state;
    for (uint64_t i = 0; i < count; i++) {
        float value;
        bits += 2654435761u; /* odd: all patterns come before one comes again */
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            read_back_float(value);
    }
}

static void no_shorter_or_nearer_text_would_do(void **state)
{
    uint64_t seed = 362436069;
    (void)state;
    for (uint64_t i = 0; i < how_many() / 20; i++) {
        const uint64_t bits = next_random(&seed);
        const uint32_t half = (uint32_t)bits;
        double value;
        float narrow;
        memcpy(&value, &bits, sizeof value);
        memcpy(&narrow, &half, sizeof narrow);
        check_double(value);
        check_float(narrow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_so),
        cmocka_unit_test(hard_cases_are_right),
        cmocka_unit_test(random_doubles_read_back_as_the_same_bits),
        cmocka_unit_test(random_floats_read_back_as_the_same_bits),
        cmocka_unit_test(no_shorter_or_nearer_text_would_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
