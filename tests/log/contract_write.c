/* SPDX-License-Identifier: MIT
 *
 * contract_write.c - the part of the contract that is about appends and commits.
 */
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/macros.h"

static void a_record_comes_back_as_it_went_in(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    const riacho_header headers[] = {{riacho_text("trace"), riacho_text("abc")},
                                     {riacho_text(""), {0}},
                                     {riacho_text("trace"), riacho_text("")}};
    const riacho_log_append appends[] = {
        {"t", 0, {0, 5, riacho_text("key"), riacho_text("value"), {headers, COUNT(headers)}}},
        {"t", 0, {0, 7, {0}, riacho_text("no key"), {0}}},
        {"t", 0, {0, 3, riacho_text("no value"), {0}, {0}}},
        {"t", 0, {0, 2, riacho_text(""), riacho_text(""), {0}}},
        {"t", 0, {0, 1, {0}, {0}, {headers, 1}}},
    };
    riacho_position positions[COUNT(appends)];
    assert_ok(fx->log->ops->append(fx->log, appends, COUNT(appends), positions, &err));
    for (size_t i = 0; i < COUNT(appends); i++) {
        assert_string_equal(positions[i].topic, "t");
        assert_int_equal(positions[i].partition, 0);
        assert_int_equal(positions[i].next, i);
    }
    fixture_reopen(fx);
    const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
    assert_int_equal(all.count, COUNT(appends));
    assert_int_equal(all.next, COUNT(appends));
    for (size_t i = 0; i < COUNT(appends); i++) {
        const riacho_log_record *want = &appends[i].record, *got = &all.items[i];
        assert_int_equal(got->offset, i);
        assert_int_equal(got->timestamp_ms, want->timestamp_ms);
        assert_true(riacho_bytes_equal(got->key, want->key));
        assert_true(riacho_bytes_equal(got->value, want->value));
        assert_int_equal(got->headers.count, want->headers.count);
        for (size_t h = 0; h < want->headers.count; h++) {
            assert_true(riacho_bytes_equal(got->headers.items[h].name, headers[h].name));
            assert_true(riacho_bytes_equal(got->headers.items[h].value, headers[h].value));
        }
    }
}

/* Kafka has its own view of what can be a time. */
static void any_time_is_kept(void **state)
{
    static const int64_t times[] = {0, -5, INT64_MIN, INT64_MAX};
    struct fixture *fx = *state;
    make_topic(fx->log, "t", 1);
    for (size_t i = 0; i < COUNT(times); i++)
        append_one(fx->log, "t", 0, "k", "v", times[i]);
    fixture_reopen(fx);
    const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
    assert_int_equal(all.count, COUNT(times));
    for (size_t i = 0; i < COUNT(times); i++)
        assert_int_equal(all.items[i].timestamp_ms, times[i]);
}

static void a_key_goes_to_the_partition_kafka_would_choose(void **state)
{
    struct fixture *fx = *state;
    make_topic(fx->log, "t", 7);
    for (int i = 0; i < 50; i++) {
        const char *key = riacho_format(fx->arena, "pet-%d", i);
        const riacho_position at = append_one(fx->log, "t", -1, key, "v", i);
        assert_int_equal(at.partition, riacho_partition_of(riacho_text(key), 7));
    }
}

static void records_without_a_key_go_round(void **state)
{
    struct fixture *fx = *state;
    make_topic(fx->log, "t", 4);
    int seen[4] = {0};
    for (int i = 0; i < 40; i++)
        seen[append_one(fx->log, "t", -1, NULL, "v", i).partition]++;
    for (int i = 0; i < 4; i++)
        assert_int_equal(seen[i], 10);
}

static void a_partition_that_is_asked_for_is_used(void **state)
{
    struct fixture *fx = *state;
    make_topic(fx->log, "t", 4);
    assert_int_equal(append_one(fx->log, "t", 3, "k", "v", 0).partition, 3);
    assert_int_equal(append_one(fx->log, "t", 3, NULL, "v", 0).next, 1);
}

static void one_append_may_go_to_many_topics(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "a", 1);
    make_topic(fx->log, "b", 2);
    const riacho_log_append appends[] = {{"a", 0, {.value = riacho_text("1")}},
                                         {"b", 1, {.value = riacho_text("2")}},
                                         {"a", 0, {.value = riacho_text("3")}},
                                         {"b", 0, {.value = riacho_text("4")}}};
    riacho_position positions[4];
    assert_ok(fx->log->ops->append(fx->log, appends, 4, positions, &err));
    const int64_t offsets[] = {0, 0, 1, 0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(positions[i].next, offsets[i]);
    assert_bytes(read_all(fx->log, fx->arena, "a", 0, 0).items[1].value, "3");
    assert_bytes(read_all(fx->log, fx->arena, "b", 1, 0).items[0].value, "2");
    assert_ok(fx->log->ops->append(fx->log, NULL, 0, NULL, &err));
}

/* A good record first, so that "nothing was appended" can fail. */
static void assert_refused(struct fixture *fx, const riacho_log_append *bad)
{
    riacho_error err = {.text = ""};
    const riacho_log_append appends[] = {{"t", 0, {.value = riacho_text("good")}}, *bad};
    assert_int_equal(fx->log->ops->append(fx->log, appends, 2, NULL, &err), RIACHO_REJECT);
    assert_true(err.text[0]);
    const riacho_log_commit commit = {"task", 1, NULL, 0, appends, 2};
    if (fx->log->ops->commit)
        assert_int_equal(fx->log->ops->commit(fx->log, &commit, NULL, &err), RIACHO_REJECT);
    int64_t first, next;
    assert_ok(fx->log->ops->bounds(fx->log, "t", 0, &first, &next, &err));
    assert_int_equal(next, 0);
}

static void bad_records_are_refused_and_nothing_is_appended(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    const riacho_topic_spec compacted = {
        .name = "compacted", .partitions = 1, .cleanup = RIACHO_CLEANUP_COMPACT};
    assert_ok(fx->log->ops->topic_ensure(fx->log, &compacted, &err));
    const void *bytes = riacho_alloc_zero(fx->arena, 1, RIACHO_VALUE_BYTES_MAX + 1);
    riacho_header *headers = riacho_alloc_zero(fx->arena, RIACHO_HEADERS_MAX + 1, sizeof *headers);
    for (int i = 0; i <= RIACHO_HEADERS_MAX; i++)
        headers[i].name = riacho_text("h");
    const riacho_header fat = {riacho_text("h"), {bytes, RIACHO_HEADERS_BYTES_MAX}};
    const riacho_header nameless = {{0}, riacho_text("v")};
    const riacho_log_append bad[] = {
        {"nope", 0, {0}},
        {NULL, 0, {0}},
        {"t", 1, {0}},
        {"t", -2, {0}},
        {"t", 0, {.key = {bytes, RIACHO_KEY_BYTES_MAX + 1}}},
        {"t", 0, {.value = {bytes, RIACHO_VALUE_BYTES_MAX + 1}}},
        {"t", 0, {.headers = {headers, RIACHO_HEADERS_MAX + 1}}},
        {"t", 0, {.headers = {&fat, 1}}},
        {"t", 0, {.headers = {&nameless, 1}}},
        {"compacted", 0, {.value = riacho_text("no key")}},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(fx, &bad[i]);
}

static void the_largest_record_is_taken(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    uint8_t *bytes = riacho_alloc(fx->arena, RIACHO_VALUE_BYTES_MAX);
    for (int i = 0; i < RIACHO_VALUE_BYTES_MAX; i++)
        bytes[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    riacho_header headers[RIACHO_HEADERS_MAX];
    for (int i = 0; i < RIACHO_HEADERS_MAX; i++)
        headers[i] = (riacho_header){{bytes + i, 24},
                                     {bytes, RIACHO_HEADERS_BYTES_MAX / RIACHO_HEADERS_MAX - 24}};
    const riacho_log_append append = {"t",
                                      0,
                                      {.key = {bytes, RIACHO_KEY_BYTES_MAX},
                                       .value = {bytes, RIACHO_VALUE_BYTES_MAX},
                                       .headers = {headers, RIACHO_HEADERS_MAX}}};
    assert_ok(fx->log->ops->append(fx->log, &append, 1, NULL, &err));
    assert_ok(fx->log->ops->append(fx->log, &append, 1, NULL, &err));
    const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
    assert_int_equal(all.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(riacho_bytes_equal(all.items[i].key, append.record.key));
        assert_true(riacho_bytes_equal(all.items[i].value, append.record.value));
        assert_int_equal(all.items[i].headers.count, RIACHO_HEADERS_MAX);
        assert_true(riacho_bytes_equal(all.items[i].headers.items[63].name, headers[63].name));
    }
}

static void too_much_at_once_is_refused(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    const size_t many = RIACHO_APPEND_RECORDS_MAX + 1;
    riacho_log_append *appends = riacho_alloc_zero(fx->arena, many, sizeof *appends);
    const void *bytes = riacho_alloc_zero(fx->arena, 1, RIACHO_VALUE_BYTES_MAX);
    for (size_t i = 0; i < many; i++)
        appends[i].topic = "t";
    assert_int_equal(fx->log->ops->append(fx->log, appends, many, NULL, &err), RIACHO_REJECT);
    const size_t fat = RIACHO_APPEND_BYTES_MAX / RIACHO_VALUE_BYTES_MAX + 1;
    for (size_t i = 0; i < fat; i++)
        appends[i].record.value = (riacho_bytes){bytes, RIACHO_VALUE_BYTES_MAX};
    assert_int_equal(fx->log->ops->append(fx->log, appends, fat, NULL, &err), RIACHO_REJECT);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 0);
}

static void a_commit_is_remembered(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "out", 2);
    riacho_log_commit held;
    assert_ok(fx->log->ops->committed(fx->log, "app/0_3", fx->arena, &held, &err));
    assert_int_equal(held.number, 0);
    assert_int_equal(held.position_count, 0);
    const riacho_position positions[] = {{"in", 3, 1234567890123}, {"other", 0, 0}};
    const riacho_log_append outputs[] = {{"out", 1, {.value = riacho_text("x")}},
                                         {"out", 0, {.value = riacho_text("y")}},
                                         {"out", 1, {.value = riacho_text("z")}}};
    const riacho_log_commit commit = {"app/0_3", 7, positions, 2, outputs, 3};
    int64_t ends[3];
    assert_ok(fx->log->ops->commit(fx->log, &commit, ends, &err));
    assert_int_equal(ends[0], 1);
    assert_int_equal(ends[1], 1);
    assert_int_equal(ends[2], 2);
    fixture_reopen(fx);
    assert_ok(fx->log->ops->committed(fx->log, "app/0_3", fx->arena, &held, &err));
    assert_string_equal(held.task, "app/0_3");
    assert_int_equal(held.number, 7);
    assert_int_equal(held.position_count, 2);
    assert_string_equal(held.positions[0].topic, "in");
    assert_int_equal(held.positions[0].partition, 3);
    assert_int_equal(held.positions[0].next, 1234567890123);
    assert_string_equal(held.positions[1].topic, "other");
    assert_ok(fx->log->ops->committed(fx->log, "app/0_30", fx->arena, &held, &err));
    assert_int_equal(held.number, 0);
}

static void a_commit_is_idempotent_by_its_number(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "out", 1);
    const riacho_log_append output = {"out", -1, {.key = riacho_text("k")}};
    riacho_position position = {"in", 0, 10};
    riacho_log_commit commit = {"task", 2, &position, 1, &output, 1};
    static const struct {
        uint64_t number;
        int64_t end;   /* what ret_ends tells */
        uint64_t held; /* afterwards */
        int64_t held_next;
    } table[] = {{2, 1, 2, 10}, {2, 1, 2, 10}, {1, 1, 2, 10}, {3, 2, 3, 13},
                 {3, 2, 3, 13}, {2, 2, 3, 13}, {9, 3, 9, 16}};
    for (size_t i = 0; i < COUNT(table); i++) {
        if (i == 4)
            fixture_reopen(fx);
        int64_t end = -1;
        position.next = 10 + (int64_t)i;
        commit.number = table[i].number;
        assert_ok(fx->log->ops->commit(fx->log, &commit, &end, &err));
        assert_int_equal(end, table[i].end);
        riacho_log_commit held;
        assert_ok(fx->log->ops->committed(fx->log, "task", fx->arena, &held, &err));
        assert_int_equal(held.number, table[i].held);
        assert_int_equal(held.positions[0].next, table[i].held_next);
    }
    assert_int_equal(read_all(fx->log, fx->arena, "out", 0, 0).count, 3);
}

static void tasks_have_numbers_of_their_own(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "out", 1);
    const riacho_log_append output = {"out", 0, {.value = riacho_text("v")}};
    for (int task = 0; task < 5; task++) {
        const riacho_log_commit commit = {
            riacho_format(fx->arena, "task%d", task), 1, NULL, 0, &output, 1};
        assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err));
    }
    assert_int_equal(read_all(fx->log, fx->arena, "out", 0, 0).count, 5);
}

/* More tasks, and more bytes, than one group takes; some numbers are known already. */
static void commits_of_many_tasks_are_made_together(void **state)
{
    enum { TASKS = 40, VALUE_BYTES = 200 * 1024 };
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "out", 3);
    RIACHO_AUTO(heap) char *value = malloc(VALUE_BYTES);
    memset(value, 'v', VALUE_BYTES);
    riacho_log_commit commits[TASKS];
    riacho_log_append outputs[TASKS];
    riacho_position positions[TASKS];
    int64_t ends[TASKS], *ret_ends[TASKS];
    char names[TASKS][16];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TASKS; i++) {
            snprintf(names[i], sizeof names[i], "t/%d", i);
            outputs[i] = (riacho_log_append){
                .topic = "out",
                .partition = i % 3,
                .record = {.key = riacho_text("k"), .value = {value, VALUE_BYTES}}};
            positions[i] = (riacho_position){"in", i, 10 + round};
            /* Every second task comes with a number that it has committed. */
            commits[i] = (riacho_log_commit){
                names[i], 1 + (uint64_t)(round && i % 2), &positions[i], 1, &outputs[i], 1};
            ends[i] = 0;
            ret_ends[i] = &ends[i];
        }
        assert_ok(fx->log->ops->commit_all(fx->log, commits, TASKS, ret_ends, &err));
        for (int i = 0; i < TASKS; i++)
            assert_true(ends[i] > i / 3);
    }
    int64_t total = 0;
    for (int32_t p = 0; p < 3; p++) {
        int64_t first, next;
        assert_ok(fx->log->ops->bounds(fx->log, "out", p, &first, &next, &err));
        total += next;
    }
    assert_int_equal(total, TASKS + TASKS / 2);
    for (int i = 0; i < TASKS; i++) {
        riacho_log_commit held;
        assert_ok(fx->log->ops->committed(fx->log, names[i], fx->arena, &held, &err));
        assert_int_equal(held.number, 1 + i % 2);
        assert_int_equal(held.positions[0].next, 10 + i % 2);
    }
    assert_ok(fx->log->ops->commit_all(fx->log, NULL, 0, NULL, &err));
}

static void a_commit_without_outputs_moves_the_positions(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    const riacho_position position = {"in", 0, 99};
    const riacho_log_commit commit = {"task", 1, &position, 1, NULL, 0};
    assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err));
    riacho_log_commit held;
    assert_ok(fx->log->ops->committed(fx->log, "task", fx->arena, &held, &err));
    assert_int_equal(held.positions[0].next, 99);
}

const struct contract_test contract_write[] = {
    TEST(a_record_comes_back_as_it_went_in),
    OWN_TEST(any_time_is_kept),
    TEST(a_key_goes_to_the_partition_kafka_would_choose),
    TEST(records_without_a_key_go_round),
    TEST(a_partition_that_is_asked_for_is_used),
    TEST(one_append_may_go_to_many_topics),
    TEST(bad_records_are_refused_and_nothing_is_appended),
    TEST(the_largest_record_is_taken),
    TEST(too_much_at_once_is_refused),
    OWN_TEST(a_commit_is_remembered),
    OWN_TEST(a_commit_is_idempotent_by_its_number),
    OWN_TEST(tasks_have_numbers_of_their_own),
    OWN_TEST(commits_of_many_tasks_are_made_together),
    OWN_TEST(a_commit_without_outputs_moves_the_positions),
    {NULL, NULL, EVERY_LOG},
};
