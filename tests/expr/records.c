/* SPDX-License-Identifier: MIT
 *
 * records.c - records built from expressions, the normal form, and which names are used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "fixture.h"

enum { FIELDS_MAX = 6 };

typedef struct given {
    const char *name;
    const char *text;
} given;

static riacho_status compile(expr_fixture *fixture, const given *fields, const riacho_expr **expr,
                             riacho_expr_issue *issue, size_t *field)
{
    riacho_expr_field list[FIELDS_MAX];
    size_t count = 0;
    for (; fields[count].name; count++)
        list[count] = (riacho_expr_field){fields[count].name, riacho_text(fields[count].text)};
    return riacho_expr_compile_record(fixture->picked, list, count, &fixture->scope, fixture->arena,
                                      expr, issue, field);
}

static const struct {
    given fields[FIELDS_MAX];
    const char *result;
    const char *normal;
} records[] = {
    {{{"id", "key"}},
     "{\"id\":\"mochi\",\"small\":7,\"big\":0,\"real\":0.5,\"ratio\":0,\"action\":\"PET\","
     "\"atMs\":0,\"note\":null,\"rating\":null,\"inner\":null,\"texts\":[\"a\"]}",
     "{id: key}"},
    {{{"small", "1"}, {"rating", " value.small"}, {"action", "'FEED'"}, {"id", "key+'x'"}},
     "{\"id\":\"mochix\",\"small\":1,\"big\":0,\"real\":0.5,\"ratio\":0,\"action\":\"FEED\","
     "\"atMs\":0,\"note\":null,\"rating\":5,\"inner\":null,\"texts\":[\"a\"]}",
     "{id: key + \"x\", small: 1, action: \"FEED\", rating: value.small}"},
    {{{"id", "key"},
      {"big", "value.small"},
      {"note", "headers.trace"},
      {"inner", "value.inner"},
      {"texts", "value.texts"}},
     "{\"id\":\"mochi\",\"small\":7,\"big\":5,\"real\":0.5,\"ratio\":0,\"action\":\"PET\","
     "\"atMs\":0,\"note\":\"t-1\",\"rating\":null,\"inner\":{\"x\":7,\"y\":null,\"in\":0},"
     "\"texts\":[\"b\"]}",
     "{id: key, big: value.small, note: headers.trace, inner: value.inner, texts: value.texts}"},
    {{{"id", "key"},
      {"note", "null"},
      {"rating", "before.small"},
      {"atMs", "timestamp"},
      {"ratio", "0.5"}},
     "{\"id\":\"mochi\",\"small\":7,\"big\":0,\"real\":0.5,\"ratio\":0.5,\"action\":\"PET\","
     "\"atMs\":1700000000000,\"note\":null,\"rating\":null,\"inner\":null,\"texts\":[\"a\"]}",
     "{id: key, ratio: 0.5, atMs: timestamp, note: null, rating: before.small}"},
    {{{"id", "key"}, {"small", "amount"}, {"big", "10 / (value.small - 5)"}},
     "REJECT '10 / (value.small - 5)': division by zero",
     "{id: key, small: amount, big: 10 / (value.small - 5)}"},
};

static void records_are_built_from_expressions(void **state)
{
    expr_fixture *fixture = *state;
    fixture_set(fixture, "{\"small\": 5, \"inner\": {\"x\": 7}, \"texts\": [\"b\"]}", NULL);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        RIACHO_AUTO(buffer) riacho_buffer normal = {0};
        const riacho_expr *expr;
        riacho_expr_issue issue;
        if (compile(fixture, records[i].fields, &expr, &issue, NULL) != RIACHO_OK)
            fail_msg("%s: %s", records[i].normal, issue.text);
        assert_string_equal(fixture_eval(fixture, expr), records[i].result);
        riacho_expr_print(expr, &normal);
        riacho_buffer_append(&normal, "", 1);
        assert_string_equal((char *)normal.data, records[i].normal);
        assert_ptr_equal(riacho_expr_type(expr), fixture->picked);
        assert_false(riacho_expr_nullable(expr));
    }
}

static const struct {
    given fields[FIELDS_MAX];
    size_t field;
    size_t offset;
    size_t length;
    const char *issue;
} bad_records[] = {
    {{{"small", "1"}}, 1, 0, 0, "Picked needs a value for its field 'id', which has no default"},
    {{{"id", "key"}, {"smal", "1"}}, 1, 0, 0, "Picked has no field 'smal'; did you mean 'small'?"},
    {{{"id", "key"}, {"small", "1"}, {"id", "key"}}, 2, 0, 0, "field 'id' is given twice"},
    {{{"id", "key"}, {"small", " before.small"}},
     1,
     1,
     12,
     "'before.small' can be null and 'small' cannot: give a value for that case with ??"},
    {{{"id", "key"}, {"action", "'BATH'"}},
     1,
     0,
     6,
     "Action has no symbol 'BATH'; did you mean 'BATHE'?"},
    {{{"big", "1 +"}, {"id", "key"}}, 0, 3, 0, "a value is missing at the end"},
};

static void issues_of_a_record_name_the_field(void **state)
{
    for (size_t i = 0; i < sizeof bad_records / sizeof *bad_records; i++) {
        const riacho_expr *expr;
        riacho_expr_issue issue;
        size_t field = 99;
        assert_int_equal(compile(*state, bad_records[i].fields, &expr, &issue, &field),
                         RIACHO_REJECT);
        assert_string_equal(issue.text, bad_records[i].issue);
        assert_int_equal(field, bad_records[i].field);
        assert_int_equal(issue.offset, bad_records[i].offset);
        assert_int_equal(issue.length, bad_records[i].length);
    }
}

static void the_normal_form_is_one_for_all_spellings(void **state)
{
    static const struct {
        const char *text;
        const char *normal;
    } table[] = {
        {"1+2*3", "1 + 2 * 3"},
        {"  value . small\n<\t3 ", "value.small < 3"},
        {"-1 - -value.small", "-1 - -value.small"},
        {"- 1-(- value.small)", "-1 - (-value.small)"},
        {"! value.flag&&!true", "!value.flag && !true"},
        {"'it\\'s \\u00e1 \\n'", "\"it's á \\u000a\""},
        {"key in['a',\"b\"]", "key in [\"a\", \"b\"]"},
        {"value.inner.in", "value.inner.in"},
        {"value.counts [ 'a' ]??min( 1,2 )", "value.counts[\"a\"] ?? min(1, 2)"},
        {"value.flag?1.50:15e-1", "value.flag ? 1.5 : 1.5"},
        {"2e0", "2.0"},
        {"(((1)))", "(((1)))"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        RIACHO_AUTO(buffer) riacho_buffer normal = {0};
        riacho_expr_print(fixture_compile(*state, table[i].text, NULL), &normal);
        riacho_buffer_append(&normal, "", 1);
        assert_string_equal((char *)normal.data, table[i].normal);
        riacho_buffer_reset(&normal);
        riacho_expr_print(fixture_compile(*state, table[i].normal, NULL), &normal);
        riacho_buffer_append(&normal, "", 1);
        assert_string_equal((char *)normal.data, table[i].normal);
    }
}

static void an_expression_knows_which_names_it_uses(void **state)
{
    static const struct {
        const char *text;
        const char *uses; /* a letter for each name of the scope */
    } table[] = {
        {"1", "--------"},
        {"key", "k-------"},
        {"value.small > 0 ? before.small : amount", "-vb---a-"},
        {"headers.trace ?? string(timestamp)", "---th---"},
        {"path.trace", "-------p"},
        {"false && agg == null", "-----g--"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_expr *expr = fixture_compile(*state, table[i].text, NULL);
        for (size_t name = 0; name < NAME_COUNT; name++)
            assert_int_equal(riacho_expr_uses(expr, name), table[i].uses[name] != '-');
        assert_false(riacho_expr_uses(expr, NAME_COUNT));
    }
}

static void collect(void *to, riacho_bytes entry)
{
    riacho_buffer *names = to;
    riacho_buffer_append(names, entry.data, entry.size);
    riacho_buffer_append(names, " ", 1);
}

static void an_expression_knows_which_entries_it_reads(void **state)
{
    static const struct {
        const char *text;
        const char *entries; /* of headers */
    } table[] = {
        {"1", ""},
        {"headers.trace", "trace "},
        {"headers['a-b'] ?? headers.trace ?? 'none'", "a-b trace "},
        {"headers.x == null ? headers.y : headers.x", "x y x "},
        {"path.trace", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        RIACHO_AUTO(buffer) riacho_buffer names = {0};
        riacho_expr_entries(fixture_compile(*state, table[i].text, NULL), NAME_HEADERS, collect,
                            &names);
        riacho_buffer_append(&names, "", 1);
        assert_string_equal((char *)names.data, table[i].entries);
    }
}

static void an_expression_outlives_its_text(void **state)
{
    expr_fixture *fixture = *state;
    char text[] = "key + 'x' + string(1 / (value.small - 5))";
    const riacho_expr *expr = fixture_compile(fixture, text, NULL);
    memset(text, '!', sizeof text - 1);
    fixture_set(fixture, "{\"small\": 4}", NULL);
    assert_string_equal(fixture_eval(fixture, expr), "\"mochix-1\"");
    fixture_set(fixture, "{\"small\": 5}", NULL);
    assert_string_equal(fixture_eval(fixture, expr),
                        "REJECT '1 / (value.small - 5)': division by zero");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_built_from_expressions),
        cmocka_unit_test(issues_of_a_record_name_the_field),
        cmocka_unit_test(the_normal_form_is_one_for_all_spellings),
        cmocka_unit_test(an_expression_knows_which_names_it_uses),
        cmocka_unit_test(an_expression_knows_which_entries_it_reads),
        cmocka_unit_test(an_expression_outlives_its_text),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
