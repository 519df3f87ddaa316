/* SPDX-License-Identifier: MIT
 *
 * record.c - records as JSON (riacho/record.h): what is read, what is refused and where, and that
 * what is printed reads back the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "riacho/record.h"

typedef struct fixture {
    riacho_arena *arena;
    riacho_schemas *schemas;
    riacho_topic_codecs codecs; /* string, long */
} fixture;

static int set_up(void **state)
{
    fixture *f = test_malloc(sizeof *f);
    riacho_error err;
    f->arena = riacho_arena_new();
    assert_int_equal(riacho_schemas_open(&(riacho_schemas_options){0}, &f->schemas, &err),
                     RIACHO_OK);
    assert_int_equal(riacho_schemas_codec(f->schemas, "string", &f->codecs.key, &err), RIACHO_OK);
    assert_int_equal(riacho_schemas_codec(f->schemas, "long", &f->codecs.value, &err), RIACHO_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    riacho_schemas_close(f->schemas);
    riacho_arena_free(f->arena);
    test_free(f);
    return 0;
}

static riacho_status read_record(fixture *f, const char *text, riacho_log_append *ret_append,
                                 riacho_json_issues *ret_issues)
{
    riacho_record_json json;
    RIACHO_TRY(riacho_record_parse(riacho_text(text), f->arena, &json, ret_issues));
    return riacho_record_encode(&json, &f->codecs, f->arena, ret_append, ret_issues);
}

static const struct {
    const char *name, *text, *pointer, *detail;
} refused[] = {
    {"no object", "[1]", "", "expected '{'"},
    {"no JSON", "{\"key\"", "", "too early"},
    {"something behind it", "{} {}", "", "behind"},
    {"not UTF-8", "{\"key\":\"\xff\"}", "", "UTF-8"},
    {"a member of another name", "{\"valu\":1}", "/valu", "did you mean \"value\""},
    {"a member twice", "{\"key\":\"a\",\"key\":\"b\"}", "/key", "twice"},
    {"a topic that is no text", "{\"topic\":1}", "/topic", "string"},
    {"a topic without a name", "{\"topic\":\"\"}", "/topic", "not the name"},
    {"a topic with a NUL", "{\"topic\":\"a\\u0000\"}", "/topic", "not the name"},
    {"a partition below 0", "{\"partition\":-1}", "/partition", "from 0 to"},
    {"a partition over the most", "{\"partition\":1024}", "/partition", "from 0 to 1023"},
    {"half a partition", "{\"partition\":0.5}", "/partition", "whole number"},
    {"a timestamp that is text", "{\"timestamp\":\"now\"}", "/timestamp", "milliseconds"},
    {"a timestamp over 64 bits", "{\"timestamp\":9223372036854775808}", "/timestamp", "whole"},
    {"a key of another type", "{\"key\":1}", "/key", "string"},
    {"a value of another type", "{\"value\":\"1\"}", "/value", "whole number"},
    {"bytes that are not base64", "{\"valueBytes\":\"a\"}", "/valueBytes", "base64"},
    {"bytes that are a number", "{\"keyBytes\":1}", "/keyBytes", "base64"},
    {"key and its bytes", "{\"key\":\"a\",\"keyBytes\":\"AQ==\"}", "/keyBytes", "beside"},
    {"value and its bytes", "{\"valueBytes\":\"AQ==\",\"value\":1}", "/valueBytes", "beside"},
    {"headers that are a list", "{\"headers\":[]}", "/headers", "object"},
    {"a header that is a number", "{\"headers\":{\"a\":1}}", "/headers/a", "text"},
    {"a header of other bytes", "{\"headers\":{\"a\":{\"byte\":\"AQ==\"}}}", "/headers/a", "text"},
    {"a header without end", "{\"headers\":{\"a\":[\"b\"}}", "", "expected ']'"},
};

static void what_is_no_record_is_refused_with_its_place(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        riacho_log_append append;
        riacho_json_issues issues;
        if (read_record(*state, refused[i].text, &append, &issues) != RIACHO_REJECT)
            fail_msg("%s: was read", refused[i].name);
        if (strcmp(issues.items[0].pointer, refused[i].pointer) != 0 ||
            !strstr(issues.items[0].detail, refused[i].detail))
            fail_msg("%s: %s: %s", refused[i].name, issues.items[0].pointer,
                     issues.items[0].detail);
    }
}

static void every_issue_of_a_record_is_told(void **state)
{
    riacho_log_append append;
    riacho_json_issues issues;
    assert_int_equal(
        read_record(*state, "{\"topic\":1,\"partition\":-1,\"a\":2}", &append, &issues),
        RIACHO_REJECT);
    assert_int_equal(issues.count, 3);
    assert_int_equal(read_record(*state, "{\"key\":1,\"value\":\"x\"}", &append, &issues),
                     RIACHO_REJECT);
    assert_int_equal(issues.count, 2);
}

static void what_is_not_said_is_left_open(void **state)
{
    const char *const texts[] = {
        "{}", "{\"topic\":null,\"key\":null,\"value\":null,\"partition\":null,\"timestamp\":null,"
              "\"headers\":null,\"offset\":null,\"keyBytes\":null}"};
    for (size_t i = 0; i < 2; i++) {
        riacho_log_append append;
        riacho_json_issues issues;
        assert_int_equal(read_record(*state, texts[i], &append, &issues), RIACHO_OK);
        assert_null(append.topic);
        assert_int_equal(append.partition, -1);
        assert_true(append.record.timestamp_ms == INT64_MIN);
        assert_null(append.record.key.data);
        assert_null(append.record.value.data);
        assert_int_equal(append.record.headers.count, 0);
    }
}

/* As `print` writes it. */
static const char *const round_trips[] = {
    "{\"topic\":\"t\",\"partition\":2,\"offset\":5,\"timestamp\":-7,\"key\":\"\",\"value\":0}",
    "{\"topic\":\"t\",\"partition\":2,\"offset\":5,\"timestamp\":0,\"key\":\"a\\\"b\","
    "\"value\":-9223372036854775808}",
    "{\"topic\":\"t\",\"partition\":2,\"offset\":5,\"timestamp\":9223372036854775807,\"key\":null,"
    "\"value\":null}",
    "{\"topic\":\"t\",\"partition\":2,\"offset\":5,\"timestamp\":1,\"key\":\"k\",\"value\":1,"
    "\"headers\":{\"\":\"\",\"a\":[\"1\",\"2\",{\"bytes\":\"/w==\"}],\"b\":{\"bytes\":\"gA==\"}}}",
};

static void what_is_printed_reads_back_the_same(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof round_trips / sizeof *round_trips; i++) {
        RIACHO_AUTO(buffer) riacho_buffer out = {0};
        riacho_log_append append;
        riacho_json_issues issues;
        assert_int_equal(read_record(f, round_trips[i], &append, &issues), RIACHO_OK);
        const riacho_position at = {append.topic, append.partition, 5};
        riacho_record_print(&at, &append.record, &f->codecs, f->arena, &out);
        riacho_buffer_append(&out, "", 1);
        assert_string_equal((const char *)out.data, round_trips[i]);
    }
}

static void bytes_that_a_codec_refuses_are_printed_with_the_reason_and_read_back(void **state)
{
    fixture *f = *state;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_log_record record = {.key = {"\xff", 1}, .value = {"\1\2", 2}};
    riacho_record_print(&(riacho_position){"t", 0, 0}, &record, &f->codecs, f->arena, &out);
    riacho_buffer_append(&out, "", 1);
    const char *text = (const char *)out.data;
    assert_non_null(strstr(text, "\"keyBytes\":\"/w==\",\"keyError\":\""));
    assert_non_null(strstr(text, "\"valueBytes\":\"AQI=\",\"valueError\":\""));
    riacho_log_append append;
    riacho_json_issues issues;
    assert_int_equal(read_record(f, text, &append, &issues), RIACHO_OK);
    assert_true(riacho_bytes_equal(append.record.key, record.key));
    assert_true(riacho_bytes_equal(append.record.value, record.value));
}

static void there_are_at_most_as_many_headers_as_the_log_takes(void **state)
{
    for (size_t count = 64; count <= 65; count++) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        riacho_log_append append;
        riacho_json_issues issues;
        riacho_buffer_printf(&text, "{\"headers\":{\"h\":[\"0\"");
        for (size_t i = 1; i < count; i++)
            riacho_buffer_printf(&text, ",\"%zu\"", i);
        riacho_buffer_printf(&text, "]}}%c", 0);
        assert_int_equal(read_record(*state, (const char *)text.data, &append, &issues),
                         count == 64 ? RIACHO_OK : RIACHO_REJECT);
    }
}

static const struct {
    const char *text;
    int count; /* -1: refused */
    const char *last;
} splits[] = {
    {"", 0, NULL},
    {"\n \r\n\t\n", 0, NULL},
    {"[]", 0, NULL},
    {"[{}, 2 ,[3]]", 3, "[3]"},
    {" [\n{\"a\":\"\\n\"}\n]\n", 1, "{\"a\":\"\\n\"}"},
    {"{}", 1, "{}"},
    {"{}\n\n{\"a\":1}\n", 2, "{\"a\":1}"},
    {"{}\r\nnot JSON", 2, "not JSON"},
    {"[1", -1, NULL},
    {"[1,]", -1, NULL},
    {"[1] 2", -1, NULL},
    {"{}\n\xff", -1, NULL},
};

static void an_array_or_lines_are_split_into_records(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        riacho_bytes *items;
        size_t count;
        riacho_json_issues issues;
        const riacho_status status =
            riacho_records_split(riacho_text(splits[i].text), f->arena, &items, &count, &issues);
        if ((status == RIACHO_OK ? (int)count : -1) != splits[i].count)
            fail_msg("'%s' gives %d and %zu items", splits[i].text, (int)status, count);
        if (splits[i].last && !riacho_bytes_equal(items[count - 1], riacho_text(splits[i].last)))
            fail_msg("'%s' ends with '%.*s'", splits[i].text, (int)items[count - 1].size,
                     (const char *)items[count - 1].data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_record_is_refused_with_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_issue_of_a_record_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_said_is_left_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_printed_reads_back_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            bytes_that_a_codec_refuses_are_printed_with_the_reason_and_read_back, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(there_are_at_most_as_many_headers_as_the_log_takes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_array_or_lines_are_split_into_records, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
