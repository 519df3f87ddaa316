/* SPDX-License-Identifier: MIT
 *
 * test_json.c - JSON in and out: what is refused and where, what reads back as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "riacho/codec.h"
#include "schemas/schema.h"

static const char pet_schema[] =
    "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"string\"},"
    "{\"name\":\"age\",\"type\":\"int\",\"default\":3},"
    "{\"name\":\"mood\",\"type\":{\"type\":\"enum\",\"name\":\"x.Mood\",\"symbols\":[\"SAD\","
    "\"GLAD\"]},\"default\":\"SAD\"},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]}]}";

static const char all_schema[] =
    "{\"type\":\"record\",\"name\":\"x.All\",\"fields\":["
    "{\"name\":\"i\",\"type\":\"int\",\"default\":0},"
    "{\"name\":\"l\",\"type\":\"long\",\"default\":0},"
    "{\"name\":\"f\",\"type\":\"float\",\"default\":0},"
    "{\"name\":\"d\",\"type\":\"double\",\"default\":0},"
    "{\"name\":\"b\",\"type\":\"boolean\",\"default\":false},"
    "{\"name\":\"s\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"r\",\"type\":\"bytes\",\"default\":\"\"},"
    "{\"name\":\"u\",\"type\":[\"int\",\"string\"],\"default\":0},"
    "{\"name\":\"o\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{}},"
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":2},"
    "\"default\":\"ab\"},"
    "{\"name\":\"p\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,"
    "\"scale\":2},\"default\":\"\\u0000\"},"
    "{\"name\":\"g\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"},"
    "\"default\":\"00000000-0000-0000-0000-000000000000\"}]}";

static riacho_arena *arena;

static int new_arena(void **state)
{
    (void)state;
    arena = riacho_arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    riacho_arena_free(arena);
    return 0;
}

static const riacho_type *parse(const char *text)
{
    const riacho_type *type;
    riacho_error err;
    if (riacho_schema_parse(riacho_text(text), "test", arena, &type, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return type;
}

static const char *write_json(const riacho_type *type, const void *value)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_json_write(type, value, &out);
    return riacho_copy(arena, riacho_buffer_bytes(&out)).data;
}

/* "pointer: detail" of every issue, lines apart; "" when there is none. */
static const char *issues_of(const riacho_type *type, const char *json)
{
    riacho_json_issues issues;
    const char *all = "";
    void *value = riacho_alloc_zero(arena, 1, type->size);
    const riacho_status status = riacho_json_read(type, riacho_text(json), arena, value, &issues);
    assert_int_equal(status, issues.count ? RIACHO_REJECT : RIACHO_OK);
    for (size_t i = 0; i < issues.count; i++)
        all = riacho_format(arena, "%s%s%s: %s", all, i ? "\n" : "", issues.items[i].pointer,
                            issues.items[i].detail);
    return all;
}

static void every_issue_is_reported_with_its_place(void **state)
{
    static const struct {
        const char *json, *issues;
    } table[] = {
        {"{\"name\":\"a\"}", ""},
        {"{}", "/name: is missing"},
        {"[]", ": must be an object"},
        {"{\"name\":1,\"age\":\"x\",\"tags\":[1,\"b\",{}]}",
         "/name: must be a string\n"
         "/age: must be a whole number from -2147483648 to 2147483647\n"
         "/tags/0: must be a string\n/tags/2: must be a string"},
        {"{\"name\":\"a\",\"nmae\":{\"x\":[1,2,{}]}}", "/nmae: is not a field here"},
        {"{\"name\":\"a\",\"a/b\":1,\"~\":2}",
         "/a~1b: is not a field here\n/~0: is not a field here"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "/name: is there twice"},
        {"{\"name\":\"a\",\"mood\":\"MAD\"}", "/mood: must be one of SAD, GLAD"},
        {"{\"name\":\"a\",\"age\":2147483648}",
         "/age: must be a whole number from -2147483648 to 2147483647"},
        {"{\"name\":\"a\",\"age\":1.5}",
         "/age: must be a whole number from -2147483648 to 2147483647"},
        {"{\"name\":\"a\",\"age\":null}",
         "/age: must be a whole number from -2147483648 to 2147483647"},
        {"{\"name\":\"a\"", ": line 1, column 12: the text ends too early"},
        {"{\"name\":\"a\",}", ": line 1, column 13: expected '\"'"},
        {"{\"age\":\"x\",\n\"name\":tru}",
         "/age: must be a whole number from -2147483648 to 2147483647\n"
         ": line 2, column 8: not a JSON value"},
        {"{\"name\":\"a\"} x", ": line 1, column 14: there is something behind the value"},
        {"", ": line 1, column 1: the text ends too early"},
        {"{'name':1}", ": line 1, column 2: expected '\"'"},
        {"{\"name\":\"\\x\"}", ": line 1, column 10: not a JSON escape"},
        {"{\"name\":\"\\ud800\"}", ": line 1, column 10: not a JSON escape"},
        {"{\"name\":\"\\udc00\\ud800\"}", ": line 1, column 10: not a JSON escape"},
        {"{\"name\":\"a\nb\"}", ": line 1, column 11: a string holds a control character"},
        {"{\"name\":\"a", ": line 1, column 11: the text ends within a string"},
        {"{\"name\":\"\xff\"}", ": line 1, column 1: the text is not UTF-8"},
        {"{\"name\":\"a\",\"age\":01}", ": line 1, column 19: not a JSON value"},
        {"{\"name\":\"a\",\"age\":1.}",
         ": line 1, column 19: a number needs digits behind its point"},
        {"{\"name\":\"a\",\"age\":1e}",
         ": line 1, column 19: a number needs digits in its exponent"},
        {"{\"name\":\"a\" \"age\":1}", ": line 1, column 13: expected ','"},
        {"{\"name\":\"a\",\"age\":+1}", ": line 1, column 19: not a JSON value"},
        {"{\"name\":\"a\",\"age\":NaN}", ": line 1, column 19: not a JSON value"},
        {"{\"name\":\"a\"/**/}", ": line 1, column 12: expected ','"},
    };
    const riacho_type *type = parse(pet_schema);
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *issues = issues_of(type, table[i].json);
        if (strcmp(issues, table[i].issues) != 0)
            fail_msg("%s:\n%s\nnot\n%s", table[i].json, issues, table[i].issues);
    }
}

static void every_kind_says_what_it_must_be(void **state)
{
    static const struct {
        const char *json, *issues;
    } table[] = {
        {"{\"l\":9223372036854775808}", "/l: must be a whole number of 64 bits"},
        {"{\"l\":1e3}", "/l: must be a whole number of 64 bits"},
        {"{\"f\":1e39}", "/f: is too large a number"},
        {"{\"d\":1e309}", "/d: is too large a number"},
        {"{\"d\":\"1\"}", "/d: must be a number"},
        {"{\"b\":0}", "/b: must be true or false"},
        {"{\"s\":null}", "/s: must be a string"},
        {"{\"r\":\"YQ\"}", "/r: must be base64 with its padding"},
        {"{\"r\":\"YR==\"}", "/r: must be base64 with its padding"},
        {"{\"r\":\"Y===\"}", "/r: must be base64 with its padding"},
        {"{\"r\":[]}", "/r: must be a string"},
        {"{\"u\":5}", "/u: must be an object with one member, the name of a branch"},
        {"{\"u\":null}", "/u: must be an object with one member, the name of a branch"},
        {"{\"u\":{}}", "/u: must be an object with one member, the name of a branch"},
        {"{\"u\":{\"long\":5}}", "/u/long: is not a branch here"},
        {"{\"u\":{\"int\":5,\"string\":\"a\"}}",
         "/u: must be an object with one member, the name of a branch"},
        {"{\"u\":{\"int\":\"a\"}}",
         "/u/int: must be a whole number from -2147483648 to 2147483647"},
        {"{\"o\":\"a\"}", "/o: must be a whole number of 64 bits"},
        {"{\"m\":[]}", "/m: must be an object"},
        {"{\"m\":{\"a\":1,\"a\":2}}", "/m/a: is there twice"},
        {"{\"m\":{\"a\":1,\"\\u0061\":2}}", "/m/a: is there twice"},
        {"{\"x\":\"YQ==\"}", "/x: must be 2 bytes in base64"},
        {"{\"p\":\"1.234\"}",
         "/p: must be a string of at most 5 digits, 2 of them behind the point"},
        {"{\"p\":\"1234\"}",
         "/p: must be a string of at most 5 digits, 2 of them behind the point"},
        {"{\"p\":\"1.\"}", "/p: must be a string of at most 5 digits, 2 of them behind the point"},
        {"{\"p\":\"\"}", "/p: must be a string of at most 5 digits, 2 of them behind the point"},
        {"{\"p\":1}", "/p: must be a string"},
        {"{\"g\":\"x\"}", "/g: must be a uuid (8-4-4-4-12 hexadecimal digits)"},
    };
    const riacho_type *type = parse(all_schema);
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *issues = issues_of(type, table[i].json);
        if (strcmp(issues, table[i].issues) != 0)
            fail_msg("%s:\n%s\nnot\n%s", table[i].json, issues, table[i].issues);
    }
}

static void missing_fields_have_their_defaults(void **state)
{
    const riacho_type *type = parse(all_schema);
    riacho_json_issues issues;
    void *value = riacho_alloc_zero(arena, 1, type->size);
    (void)state;
    assert_int_equal(riacho_json_read(type, riacho_text("{\"i\":5}"), arena, value, &issues),
                     RIACHO_OK);
    assert_string_equal(write_json(type, value),
                        "{\"i\":5,\"l\":0,\"f\":0,\"d\":0,\"b\":false,\"s\":\"\",\"r\":\"\","
                        "\"u\":{\"int\":0},\"o\":null,\"m\":{},\"x\":\"YWI=\",\"p\":\"0.00\","
                        "\"g\":\"00000000-0000-0000-0000-000000000000\"}");
}

static void decimals_are_read_and_written_exactly(void **state)
{
    static const struct {
        const char *text, *shown;
    } table[] = {{"1", "1.00"},          {"-1.5", "-1.50"},   {"0.01", "0.01"}, {"-0.01", "-0.01"},
                 {"999.99", "999.99"},   {"007.1", "7.10"},   {"0", "0.00"},    {"-0", "0.00"},
                 {"-999.99", "-999.99"}, {"000000.1", "0.10"}};
    const riacho_type *type = parse("{\"type\":\"bytes\",\"logicalType\":\"decimal\","
                                    "\"precision\":5,\"scale\":2}");
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_bytes value;
        riacho_json_issues issues;
        const char *json = riacho_format(arena, "\"%s\"", table[i].text);
        assert_int_equal(riacho_json_read(type, riacho_text(json), arena, &value, &issues),
                         RIACHO_OK);
        assert_string_equal(write_json(type, &value),
                            riacho_format(arena, "\"%s\"", table[i].shown));
    }
}

static void at_most_a_hundred_issues_are_reported(void **state)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_json_issues issues;
    riacho_array value;
    (void)state;
    riacho_buffer_append(&text, "[0", 2);
    for (int i = 0; i < 500; i++)
        riacho_buffer_append(&text, ",\"x\"", 4);
    riacho_buffer_append(&text, "]", 1);
    const riacho_type *type = parse("{\"type\":\"array\",\"items\":\"int\"}");
    assert_int_equal(riacho_json_read(type, riacho_buffer_bytes(&text), arena, &value, &issues),
                     RIACHO_REJECT);
    assert_int_equal(issues.count, 100);
}

static void deep_text_does_not_take_the_stack(void **state)
{
    const riacho_type *type = parse(pet_schema);
    char *text = riacho_alloc(arena, 200001);
    (void)state;
    memset(text, '[', 200000);
    text[200000] = 0;
    const char *json = riacho_format(arena, "{\"name\":\"a\",\"zzz\":%s", text);
    assert_non_null(strstr(issues_of(type, json), "values are nested too deep"));
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void check_double(double value)
{
    double back;
    riacho_json_issues issues;
    const char *text = write_json(&riacho_type_double, &value);
    if (riacho_json_read(&riacho_type_double, riacho_text(text), arena, &back, &issues) !=
            RIACHO_OK ||
        memcmp(&back, &value, sizeof value) != 0)
        fail_msg("%.17g is written as %s and read as %.17g", value, text, back);
}

static void check_float(float value)
{
    float back;
    riacho_json_issues issues;
    const char *text = write_json(&riacho_type_float, &value);
    if (riacho_json_read(&riacho_type_float, riacho_text(text), arena, &back, &issues) !=
            RIACHO_OK ||
        memcmp(&back, &value, sizeof value) != 0)
        fail_msg("%.9g is written as %s and read as %.9g", (double)value, text, (double)back);
}

static void every_number_reads_back_as_the_same_bits(void **state)
{
    static const double edges[] = {0.0,
                                   -0.0,
                                   1.0,
                                   0.1,
                                   1e15,
                                   1e16,
                                   1e21,
                                   1e22,
                                   1e23,
                                   5e-324,
                                   DBL_MAX,
                                   DBL_MIN,
                                   -1e-5,
                                   123456.789,
                                   9007199254740991.0,
                                   9007199254740993.0,
                                   0.3,
                                   2.5,
                                   1e-9,
                                   1e-10};
    uint64_t seed = 7;
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        check_double(edges[i]);
        if (fabs(edges[i]) <= (double)FLT_MAX)
            check_float((float)edges[i]);
    }
    for (int i = 0; i < 50000; i++) {
        const uint64_t bits = next_random(&seed);
        const uint32_t half = (uint32_t)bits;
        double wide;
        float narrow;
        memcpy(&wide, &bits, sizeof wide);
        memcpy(&narrow, &half, sizeof narrow);
        riacho_arena_reset(arena);
        if (isfinite(wide))
            check_double(wide);
        if (isfinite(narrow))
            check_float(narrow);
        check_double((double)(int64_t)(bits % 2000000) / 1000);
        check_float((float)((int64_t)(bits % 2000000)) / 1000);
    }
}

static void numbers_are_written_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } table[] = {{0.1, "0.1"},
                 {5, "5"},
                 {-2.5, "-2.5"},
                 {1e22, "1e+22"},
                 {0.001, "0.001"},
                 {12345.678, "12345.678"},
                 {1.0 / 3, "0.3333333333333333"},
                 {1e-7, "0.0000001"},
                 {(double)NAN, "null"},
                 {(double)INFINITY, "null"}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(write_json(&riacho_type_double, &table[i].value), table[i].text);
    assert_string_equal(write_json(&riacho_type_float, &(float){0.1f}), "0.1");
    assert_string_equal(write_json(&riacho_type_float, &(float){16777216.0f}), "16777216");
}

static void text_is_quoted_so_that_any_reader_takes_it(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *quoted;
    } table[] = {
        {"", 0, "\"\""},
        {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t\x01\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"é€😀", 9, "\"é€😀\""},
        {"a\xff"
         "b",
         3,
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc3", 1, "\"\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        RIACHO_AUTO(buffer) riacho_buffer out = {0};
        riacho_json_quote((riacho_bytes){table[i].text, table[i].size}, &out);
        riacho_buffer_append(&out, "", 1);
        assert_string_equal((const char *)out.data, table[i].quoted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_issue_is_reported_with_its_place, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(every_kind_says_what_it_must_be, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(missing_fields_have_their_defaults, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(decimals_are_read_and_written_exactly, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(at_most_a_hundred_issues_are_reported, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(deep_text_does_not_take_the_stack, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(every_number_reads_back_as_the_same_bits, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(numbers_are_written_short, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(text_is_quoted_so_that_any_reader_takes_it, new_arena,
                                        free_arena),
    };
    return cmocka_run_group_tests_name("schemas: json", tests, NULL, NULL);
}
