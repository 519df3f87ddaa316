/* SPDX-License-Identifier: MIT
 *
 * contract_topics.c - the part of the contract that is about topics, bounds and time.
 */
#include "contract.h"

#include <string.h>

#include "base/limits.h"

static void a_topic_keeps_its_partitions(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    riacho_topic_spec spec = {.name = "pets", .partitions = 3, .retention_ms = 1000};
    assert_ok(fx->log->ops->topic_ensure(fx->log, &spec, &err));
    assert_ok(fx->log->ops->topic_ensure(fx->log, &spec, &err));
    spec.partitions = 4;
    assert_int_equal(fx->log->ops->topic_ensure(fx->log, &spec, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "3 partitions"));
    assert_non_null(strstr(err.text, "4"));
    riacho_topic_spec held;
    assert_ok(fx->log->ops->topic_describe(fx->log, "pets", fx->arena, &held, &err));
    assert_string_equal(held.name, "pets");
    assert_int_equal(held.partitions, 3);
}

static void cleanup_and_retention_follow_the_newest_spec(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    riacho_topic_spec spec = {.name = "pets", .partitions = 1, .retention_ms = 1000};
    assert_ok(fx->log->ops->topic_ensure(fx->log, &spec, &err));
    spec.cleanup = RIACHO_CLEANUP_COMPACT;
    spec.retention_ms = 0;
    spec.retention_bytes = 77;
    assert_ok(fx->log->ops->topic_ensure(fx->log, &spec, &err));
    fixture_reopen(fx);
    riacho_topic_spec held;
    assert_ok(fx->log->ops->topic_describe(fx->log, "pets", fx->arena, &held, &err));
    assert_int_equal(held.cleanup, RIACHO_CLEANUP_COMPACT);
    assert_int_equal(held.retention_ms, 0);
    assert_int_equal(held.retention_bytes, 77);
}

static void topics_are_listed(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    riacho_topic_spec *specs;
    size_t count;
    assert_ok(fx->log->ops->topic_list(fx->log, fx->arena, &specs, &count, &err));
    assert_int_equal(count, 0);
    make_topic(fx->log, "a", 1);
    make_topic(fx->log, "b", 2);
    fixture_reopen(fx);
    make_topic(fx->log, "c", 3);
    assert_ok(fx->log->ops->topic_list(fx->log, fx->arena, &specs, &count, &err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(specs[i].name[0], 'a' + (int)i);
        assert_int_equal(specs[i].partitions, i + 1);
    }
}

static void bad_topics_are_refused(void **state)
{
    struct fixture *fx = *state;
    char too_long[RIACHO_TOPIC_NAME_BYTES_MAX + 2];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = 0;
    const riacho_topic_spec bad[] = {
        {.name = "", .partitions = 1},
        {.name = NULL, .partitions = 1},
        {.name = ".", .partitions = 1},
        {.name = "..", .partitions = 1},
        {.name = "a/b", .partitions = 1},
        {.name = "caf\xc3\xa9", .partitions = 1},
        {.name = "a b", .partitions = 1},
        {.name = too_long, .partitions = 1},
        {.name = "none", .partitions = 0},
        {.name = "few", .partitions = -1},
        {.name = "many", .partitions = RIACHO_PARTITIONS_MAX + 1},
        {.name = "past", .partitions = 1, .retention_ms = -1},
        {.name = "less", .partitions = 1, .retention_bytes = -1},
        {.name = "odd", .partitions = 1, .cleanup = (riacho_cleanup)9},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        riacho_error err = {.text = ""};
        assert_int_equal(fx->log->ops->topic_ensure(fx->log, &bad[i], &err), RIACHO_REJECT);
        assert_true(err.text[0]);
    }
    too_long[RIACHO_TOPIC_NAME_BYTES_MAX] = 0;
    make_topic(fx->log, too_long, 1);
    make_topic(fx->log, "...", RIACHO_PARTITIONS_MAX);
    make_topic(fx->log, "A-z_0.9", 1);
}

static void an_unknown_topic_is_refused_everywhere(void **state)
{
    struct fixture *fx = *state;
    const riacho_log_ops *ops = fx->log->ops;
    riacho_error err;
    riacho_topic_spec spec;
    int64_t first, next;
    make_topic(fx->log, "known", 2);
    assert_int_equal(ops->topic_describe(fx->log, "nope", fx->arena, &spec, &err), RIACHO_REJECT);
    assert_int_equal(ops->bounds(fx->log, "nope", 0, &first, &next, &err), RIACHO_REJECT);
    assert_int_equal(ops->bounds(fx->log, "known", 2, &first, &next, &err), RIACHO_REJECT);
    assert_int_equal(ops->bounds(fx->log, "known", -1, &first, &next, &err), RIACHO_REJECT);
    assert_int_equal(ops->offset_at(fx->log, "nope", 0, 0, &next, &err), RIACHO_REJECT);
    riacho_log_reader *reader;
    assert_ok(ops->reader_open(fx->log, &reader, &err));
    assert_int_equal(ops->assign(reader, &(riacho_log_assignment){"nope", 0, 0, 0}, 1, &err),
                     RIACHO_REJECT);
    assert_int_equal(ops->assign(reader, &(riacho_log_assignment){"known", 5, 0, 0}, 1, &err),
                     RIACHO_REJECT);
    ops->reader_close(reader);
}

static void bounds_are_the_first_and_the_next_offset(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    int64_t first, next;
    make_topic(fx->log, "t", 2);
    assert_ok(fx->log->ops->bounds(fx->log, "t", 0, &first, &next, &err));
    assert_int_equal(first, 0);
    assert_int_equal(next, 0);
    append_many(fx->log, "t", 1, 0, 25);
    fixture_reopen(fx);
    assert_ok(fx->log->ops->bounds(fx->log, "t", 1, &first, &next, &err));
    assert_int_equal(first, 0);
    assert_int_equal(next, 25);
    assert_int_equal(append_one(fx->log, "t", 1, "k", "v", 0).next, 25);
}

static void an_offset_is_found_by_time(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    make_topic(fx->log, "empty", 1);
    /* 10, 20, 30, ... but with a late record (5) in the middle */
    for (int i = 0; i < 600; i++)
        append_one(fx->log, "t", 0, "k", "some value to fill chunks with",
                   i == 300 ? 5 : (i + 1) * 10);
    static const struct {
        int64_t timestamp_ms, offset;
    } table[] = {{INT64_MIN, 0}, {0, 0},      {10, 0},     {11, 1},     {20, 1},
                 {3001, 301},    {3010, 301}, {6000, 599}, {6001, 600}, {INT64_MAX, 600}};
    for (size_t i = 0; i < COUNT(table); i++) {
        int64_t offset = -1;
        assert_ok(fx->log->ops->offset_at(fx->log, "t", 0, table[i].timestamp_ms, &offset, &err));
        assert_int_equal(offset, table[i].offset);
    }
    int64_t offset = -1;
    assert_ok(fx->log->ops->offset_at(fx->log, "empty", 0, 7, &offset, &err));
    assert_int_equal(offset, 0);
}

const struct contract_test contract_topics[] = {
    TEST(a_topic_keeps_its_partitions),
    TEST(cleanup_and_retention_follow_the_newest_spec),
    TEST(topics_are_listed),
    TEST(bad_topics_are_refused),
    TEST(an_unknown_topic_is_refused_everywhere),
    TEST(bounds_are_the_first_and_the_next_offset),
    TEST(an_offset_is_found_by_time),
    {NULL, NULL, EVERY_LOG},
};
