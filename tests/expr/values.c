/* SPDX-License-Identifier: MIT
 *
 * values.c - what expressions give: tables of text, expected type and result as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "fixture.h"

static const char thing[] =
    "{\"flag\": true, \"small\": 5, \"big\": 5000000000, \"ratio\": 0.1, \"real\": 2.5,"
    " \"text\": \"  Olá 🐾 \", \"data\": \"AAEC\", \"action\": \"PET\", \"tag\": \"YWJjZA==\","
    " \"texts\": [\"a\", \"b\"], \"smalls\": [1, 2, 3], \"maybes\": [null, 1.5],"
    " \"counts\": {\"one\": 1, \"two\": 2}, \"inner\": {\"x\": 7, \"y\": \"why\", \"in\": 9},"
    " \"maybeSmall\": 8, \"maybeAction\": \"BATHE\", \"maybeInner\": {\"x\": 1},"
    " \"inners\": [{\"x\": 10}, {\"x\": 11, \"y\": \"eleven\"}], \"price\": \"12.34\","
    " \"day\": 20000, \"atMs\": 1700000000000, \"atUs\": 1700000000000000}";

/* `type`: of the result without an expected type, or the expected one when it begins with '>'. */
static const struct {
    const char *text;
    const char *type;
    const char *result;
} values[] = {
    /* Literals. */
    {"12", "long", "12"},
    {"-9223372036854775808", "long", "-9223372036854775808"},
    {"1.5e3", "double", "1500"},
    {"0.25", "double", "0.25"},
    {"\"a\\\"\\u00e1\\ud83d\\udc3e'\"", "string", "\"a\\\"á🐾'\""},
    {"'it\\'s \"so\"'", "string", "\"it's \\\"so\\\"\""},
    {"true", "boolean", "true"},
    {"null", "null", "null"},
    /* Fields. */
    {"key", "string", "\"mochi\""},
    {"timestamp", "long", "1700000000000"},
    {"value.small", "int", "5"},
    {"value.inner.x", "int", "7"},
    {"value.inner.in", "long", "9"},
    {"value.maybeInner.x", "int", "1"},
    {"value.maybeInner.y", "string", "null"},
    {"value.maybeFlag", "boolean", "null"},
    {"value.maybeCounts[\"x\"]", "long", "null"},
    {"value.counts[\"two\"]", "long", "2"},
    {"value.counts[\"six\"]", "long", "null"},
    {"value.texts[1]", "string", "\"b\""},
    {"value.texts[2]", "string", "null"},
    {"value.texts[-1]", "string", "null"},
    {"value.texts[value.maybeBig]", "string", "null"},
    {"value.inners[1].y", "string", "\"eleven\""},
    {"value.inners[9].y", "string", "null"},
    {"value.maybes[0]", "double", "null"},
    {"value.maybes[1]", "double", "1.5"},
    {"before.small", "int", "null"},
    {"before.inner.y", "string", "null"},
    {"before.counts[\"x\"]", "long", "null"},
    {"(before ?? value).small", "int", "5"},
    {"(value.flag ? value.inner : value.maybeInner).x", "int", "7"},
    {"headers.trace", "string", "\"t-1\""},
    {"headers[\"content-type\"]", "string", "\"text/plain\""},
    {"headers.nothing", "string", "null"},
    {"path.trace", "string", "\"t-1\""},
    {"path['nothing']", "string", "null"},
    {"path.nothing", "string", "REJECT 'path.nothing': there is no such entry"},
    {"agg", "null", "null"},
    {"agg == null", "boolean", "true"},
    /* Arithmetic. */
    {"1 + 2 * 3 - 4 / 2 % 3", "long", "5"},
    {"-7 / 2", "long", "-3"},
    {"-7 % 2", "long", "-1"},
    {"value.small + amount", "long", "8"},
    {"value.small * value.ratio", "double", "0.5000000074505806"},
    {"value.big / 2.0", "double", "2500000000"},
    {"-value.real", "double", "-2.5"},
    {"- -value.small", "long", "5"},
    {"key + \"-\" + string(value.small)", "string", "\"mochi-5\""},
    {"value.maybeBig + 1", "long", "null"},
    {"value.atMs - 1000", "long", "1699999999000"},
    /* Comparison. */
    {"value.small < 5.5", "boolean", "true"},
    {"value.small >= 5", "boolean", "true"},
    {"\"a\" < \"b\" && \"Z\" < \"a\"", "boolean", "true"},
    {"value.data == value.data", "boolean", "true"},
    {"value.data < value.tag", "boolean", "true"},
    {"value.action == \"PET\"", "boolean", "true"},
    {"\"PET\" != value.action", "boolean", "false"},
    {"value.action == value.maybeAction", "boolean", "false"},
    {"value.maybeAction == \"BATHE\"", "boolean", "true"},
    {"value.action == (value.flag ? \"PET\" : \"FEED\")", "boolean", "true"},
    {"value.flag == true", "boolean", "true"},
    {"value.id == \"00000000-0000-0000-0000-000000000000\"", "boolean", "true"},
    {"value.atMs > 1700000000000", "boolean", "false"},
    {"double(\"NaN\") == double(\"NaN\")", "boolean", "false"},
    {"double(\"NaN\") != double(\"NaN\")", "boolean", "true"},
    /* Null in comparison and conditions. */
    {"value.maybeBig == null", "boolean", "true"},
    {"null != value.maybeBig", "boolean", "false"},
    {"value.inners == null", "boolean", "false"},
    {"value.maybeBig == 3", "boolean", "false"},
    {"value.maybeBig != 3", "boolean", "true"},
    {"value.maybeBig == before.big", "boolean", "true"},
    {"value.maybeBig < 3", "boolean", "null"},
    {"!(value.maybeBig < 3)", "boolean", "null"},
    {"value.maybeBig < 3 || value.maybeBig >= 3", "boolean", "false"},
    {"value.maybeFlag && true", "boolean", "false"},
    {"value.maybeFlag || true", "boolean", "true"},
    {"value.maybeFlag ? 1 : 2", "long", "2"},
    {"value.maybeBig ?? 3", "long", "3"},
    {"value.maybeBig ?? value.maybeSmall ?? 3", "long", "8"},
    {"value.maybeText ?? value.maybeText", "string", "null"},
    {"null ?? 5", "long", "5"},
    {"value.flag ? null : 5", "long", "null"},
    {"value.maybeBig in [1, 2]", "boolean", "null"},
    {"value.big in [1, value.maybeBig]", "boolean", "false"},
    {"value.maybeInner == null ? 0 : value.maybeInner.x", "int", "1"},
    {"size(value.maybeText)", "long", "null"},
    /* Conditions stop early, so what is behind them does not fail. */
    {"value.small == 5 || 1 / (value.small - 5) > 0", "boolean", "true"},
    {"value.small != 5 && 1 / (value.small - 5) > 0", "boolean", "false"},
    {"value.small == 5 ? 0 : 1 / (value.small - 5)", "long", "0"},
    {"value.small ?? 1 / (value.small - 5)", "long", "5"},
    {"value.small in [5, 1 / (value.small - 5)]", "boolean", "true"},
    /* in */
    {"value.action in [\"FEED\", \"PET\"]", "boolean", "true"},
    {"value.action in [\"FEED\", \"BATHE\"]", "boolean", "false"},
    {"value.maybeAction in [value.action, \"BATHE\"]", "boolean", "true"},
    {"key in [\"momo\", \"mochi\"]", "boolean", "true"},
    {"key in [value.text, \"x\"]", "boolean", "false"},
    {"value.small in [1, 5]", "boolean", "true"},
    {"value.small in [1.5, 5]", "boolean", "true"},
    {"3 in [1, 2]", "boolean", "false"},
    /* Functions. */
    {"size(value.text)", "long", "8"},
    {"size(value.data)", "long", "3"},
    {"size(value.tag)", "long", "4"},
    {"size(value.texts) + size(value.counts)", "long", "4"},
    {"contains(value.text, \"Ol\")", "boolean", "true"},
    {"contains(\"\", \"\")", "boolean", "true"},
    {"contains(value.texts, \"b\")", "boolean", "true"},
    {"contains(value.smalls, 4)", "boolean", "false"},
    {"contains(value.maybes, 1.5)", "boolean", "true"},
    {"contains(value.maybes, 0)", "boolean", "false"},
    {"contains(value.counts, \"one\")", "boolean", "true"},
    {"startsWith(key, \"mo\") && !startsWith(key, \"och\")", "boolean", "true"},
    {"endsWith(key, \"chi\") && !endsWith(key, \"a long end\")", "boolean", "true"},
    {"lower(\"ÁBC\")", "string", "\"Ábc\""},
    {"upper(\"ábc\")", "string", "\"áBC\""},
    {"trim(value.text)", "string", "\"Olá 🐾\""},
    {"trim(\" \\t\\n\\r \")", "string", "\"\""},
    {"abs(-3)", "long", "3"},
    {"abs(value.small)", "int", "5"},
    {"abs(-2.5)", "double", "2.5"},
    {"min(3, 2.5, 7)", "double", "2.5"},
    {"max(value.small, 10)", "int", "10"},
    {"max(value.small, 5000000000)", "long", "5000000000"},
    {"min(key, \"a\")", "string", "\"a\""},
    {"max(value.ratio, 0.5)", "float", "0.5"},
    {"int(2.9) + int(-2.9)", "long", "0"},
    {"int(\"-12\")", "int", "-12"},
    {"long(\"5000000000\")", "long", "5000000000"},
    {"float(value.real)", "float", "2.5"},
    {"double(\"-1.5e-3\")", "double", "-0.0015"},
    {"double(value.ratio)", "double", "0.10000000149011612"},
    {"string(value.action)", "string", "\"PET\""},
    {"string(value.maybeAction)", "string", "\"BATHE\""},
    {"string(value.ratio)", "string", "\"0.1\""},
    {"string(2.0)", "string", "\"2.0\""},
    {"string(0.1 + 0.2)", "string", "\"0.30000000000000004\""},
    {"string(1e300 * 1e10)", "string", "\"Infinity\""},
    {"string(value.flag)", "string", "\"true\""},
    {"string(value.big)", "string", "\"5000000000\""},
    {"string(value.day)", "string", "\"20000\""},
    /* The vectors of docs/reference/expressions.md: they may never change. */
    {"hash(\"\")", "long", "8018337217222601113"},
    {"hash(\"abc\")", "long", "4952883123889572249"},
    {"hash(\"mochi\")", "long", "966707736167729128"},
    {"hash(0)", "long", "3803688792395291579"},
    {"hash(-1)", "long", "419176360057226953"},
    {"hash(value.action) == hash(\"PET\")", "boolean", "true"},
    {"hash(value.small) == hash(5)", "boolean", "true"},
    /* Conversion to what is expected. */
    {"5", ">int", "5"},
    {"value.flag ? 1 : 2", ">int", "1"},
    {"value.maybeSmall ?? 0", ">int", "8"},
    {"value.small", ">long", "5"},
    {"value.small", ">double", "5"},
    {"value.big", ">double", "5000000000"},
    {"value.ratio", ">double", "0.10000000149011612"},
    {"5", ">double", "5"},
    {"0.1", ">float", "0.1"},
    {"\"FEED\"", ">.action", "\"FEED\""},
    {"value.flag ? \"FEED\" : \"PET\"", ">.action", "\"FEED\""},
    {"value.maybeAction ?? \"FEED\"", ">.action", "\"BATHE\""},
    {"\"FEED\"", ">.maybeAction", "\"FEED\""},
    {"value.small", ">.maybeBig", "5"},
    {"null", ">.maybeBig", "null"},
    {"null", ">string", "null"},
    {"value.maybeText", ">string", "null"},
    {"key", ">.maybeText", "\"mochi\""},
    {"key", ">uuid", "\"mochi\""},
    {"timestamp", ">.atMs", "1700000000000"},
    {"value.atMs", ">long", "1700000000000"},
    {"value.inner", ">.maybeInner", "{\"x\":7,\"y\":\"why\",\"in\":9}"},
    {"value.texts", ">.texts", "[\"a\",\"b\"]"},
    {"value.price", ">.price", "\"12.34\""},
    {"value.tag", ">.tag", "\"YWJjZA==\""},
    /* Run-time failures: these, and no others. */
    {"1 / (value.small - 5)", "long", "REJECT '1 / (value.small - 5)': division by zero"},
    {"1 % (value.small - 5)", "long", "REJECT '1 % (value.small - 5)': division by zero"},
    {"1.0 / (value.real - 2.5)", "double", "REJECT '1.0 / (value.real - 2.5)': division by zero"},
    {"9223372036854775807 + value.small", "long",
     "REJECT '9223372036854775807 + value.small': the result does not fit a long"},
    {"-9223372036854775807 - value.small", "long",
     "REJECT '-9223372036854775807 - value.small': the result does not fit a long"},
    {"value.big * value.big", "long",
     "REJECT 'value.big * value.big': the result does not fit a long"},
    {"(-9223372036854775808 + value.small - 5) / -1", "long",
     "REJECT '(-9223372036854775808 + value.small - 5) / -1': the result does not fit a long"},
    {"(-9223372036854775808 + value.small - 5) % -1", "long", "0"},
    {"abs(-9223372036854775808 + value.small - 5)", "long",
     "REJECT 'abs(-9223372036854775808 + value.small - 5)': the result does not fit a long"},
    {"-(-9223372036854775808 + value.small - 5)", "long",
     "REJECT '-(-9223372036854775808 + value.small - 5)': the result does not fit a long"},
    {"int(value.big)", "int", "REJECT 'int(value.big)': the number does not fit an int"},
    {"long(value.real * 1e300)", "long",
     "REJECT 'value.real * 1e300': the number does not fit a long"},
    {"int(key)", "int",
     "REJECT 'key': 'mochi' is not a whole number from -9223372036854775808 to "
     "9223372036854775807"},
    {"double(key)", "double", "REJECT 'double(key)': 'mochi' is not a number that fits a double"},
};

static void expressions_give_their_values(void **state)
{
    expr_fixture *fixture = *state;
    fixture_set(fixture, thing, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *word = values[i].type;
        const bool expects = word[0] == '>';
        const riacho_expr *expr =
            fixture_compile(fixture, values[i].text, expects ? word + 1 : NULL);
        const char *result = fixture_eval(fixture, expr);
        if (strcmp(result, values[i].result) != 0)
            fail_msg("%s gives %s instead of %s", values[i].text, result, values[i].result);
        if (!expects && strcmp(riacho_expr_type(expr)->name, word) != 0)
            fail_msg("%s is of type %s instead of %s", values[i].text, riacho_expr_type(expr)->name,
                     word);
        if (strcmp(result, "null") == 0)
            assert_true(riacho_expr_nullable(expr));
    }
}

static void null_results_are_foretold(void **state)
{
    static const struct {
        const char *text;
        bool nullable;
    } table[] = {
        {"value.small", false},
        {"before.small", true},
        {"value.maybeSmall", true},
        {"value.maybeSmall ?? 0", false},
        {"value.maybeSmall + 1", true},
        {"value.maybeSmall == 1", false},
        {"value.maybeSmall < 1", true},
        {"value.maybeSmall < 1 && true", false},
        {"value.texts[0]", true},
        {"headers.trace", true},
        {"path.trace", false},
        {"path['trace']", true},
        {"value.flag ? 1 : null", true},
        {"value.maybeFlag ? 1 : 2", false},
        {"min(1, value.maybeBig)", true},
        {"value.inner.y ?? before.text", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_expr *expr = fixture_compile(*state, table[i].text, NULL);
        if (riacho_expr_nullable(expr) != table[i].nullable)
            fail_msg("%s", table[i].text);
    }
}

static void a_condition_that_is_null_counts_as_false(void **state)
{
    static const struct {
        const char *text;
        bool result;
    } table[] = {
        {"true", true},
        {"false", false},
        {"value.maybeFlag", false},
        {"!value.maybeFlag", false},
        {"before.small > 3", false},
        {"value.flag", true},
    };
    expr_fixture *fixture = *state;
    fixture_set(fixture, thing, NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_expr *expr = fixture_compile(fixture, table[i].text, "boolean");
        bool result = !table[i].result;
        assert_int_equal(riacho_expr_test(expr, fixture->values, fixture->arena, &result, NULL),
                         RIACHO_OK);
        assert_int_equal(result, table[i].result);
    }
}

static void a_text_that_grows_too_long_is_rejected(void **state)
{
    expr_fixture *fixture = *state;
    const size_t size = 600 * 1024;
    char *text = riacho_alloc(fixture->arena, size);
    memset(text, 'a', size);
    fixture->key = (riacho_bytes){text, size};
    assert_string_equal(fixture_eval(fixture, fixture_compile(fixture, "key + key", NULL)),
                        "REJECT 'key + key': the text is longer than a value may be");
    fixture->key = riacho_text("mochi");
}

static void expressions_do_not_allocate_unless_they_make_text(void **state)
{
    static const char *const texts[] = {
        "value.action in [\"FEED\", \"PET\"]", "value.small * 2 + value.big / 3 - 4 > 100",
        "trim(value.text) == lower(\"abc\")", "value.maybeInner.x ?? size(key)"};
    expr_fixture *fixture = *state;
    fixture_set(fixture, thing, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const riacho_expr *expr = fixture_compile(fixture, texts[i], NULL);
        const size_t used = riacho_arena_used(fixture->arena);
        int64_t value;
        bool null;
        assert_int_equal(
            riacho_expr_eval(expr, fixture->values, fixture->arena, &value, &null, NULL),
            RIACHO_OK);
        assert_int_equal(riacho_arena_used(fixture->arena), used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_give_their_values),
        cmocka_unit_test(null_results_are_foretold),
        cmocka_unit_test(a_condition_that_is_null_counts_as_false),
        cmocka_unit_test(a_text_that_grows_too_long_is_rejected),
        cmocka_unit_test(expressions_do_not_allocate_unless_they_make_text),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
