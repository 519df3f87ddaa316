/* SPDX-License-Identifier: MIT
 *
 * contract.c - what every log backend must do (port/log.h), run for each of them.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/limits.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- topics --- */

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

/* --- appends --- */

static void a_record_comes_back_as_it_went_in(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    const riacho_header headers[] = {{riacho_text("trace"), riacho_text("abc")},
                                     {riacho_text(""), {0}},
                                     {riacho_text("trace"), riacho_text("")}};
    const riacho_log_append appends[] = {
        {"t", 0, {0, -5, riacho_text("key"), riacho_text("value"), {headers, COUNT(headers)}}},
        {"t", 0, {0, INT64_MAX, {0}, riacho_text("no key"), {0}}},
        {"t", 0, {0, INT64_MIN, riacho_text("no value"), {0}, {0}}},
        {"t", 0, {0, 0, riacho_text(""), riacho_text(""), {0}}},
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

/* --- bounds and time --- */

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
    /* 0, 10, 20, ... but with a late record (5) in the middle */
    for (int i = 0; i < 600; i++)
        append_one(fx->log, "t", 0, "k", "some value to fill chunks with", i == 300 ? 5 : i * 10);
    static const struct {
        int64_t timestamp_ms, offset;
    } table[] = {{INT64_MIN, 0}, {0, 0},      {1, 1},      {10, 1},         {2991, 301},
                 {3000, 301},    {5990, 599}, {5991, 600}, {INT64_MAX, 600}};
    for (size_t i = 0; i < COUNT(table); i++) {
        int64_t offset = -1;
        assert_ok(fx->log->ops->offset_at(fx->log, "t", 0, table[i].timestamp_ms, &offset, &err));
        assert_int_equal(offset, table[i].offset);
    }
    int64_t offset = -1;
    assert_ok(fx->log->ops->offset_at(fx->log, "empty", 0, 7, &offset, &err));
    assert_int_equal(offset, 0);
}

/* --- commits --- */

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

/* --- readers --- */

static void reading_starts_anywhere(void **state)
{
    struct fixture *fx = *state;
    make_topic(fx->log, "t", 1);
    append_many(fx->log, "t", 0, 0, 1500);
    for (int i = 1500; i < 1600; i++)
        append_many(fx->log, "t", 0, i, 1);
    static const int64_t starts[] = {0, 1, 37, 999, 1000, 1001, 1499, 1500, 1550, 1599, 1600};
    for (size_t i = 0; i < COUNT(starts); i++) {
        const struct records all = read_all(fx->log, fx->arena, "t", 0, starts[i]);
        assert_int_equal(all.count, 1600 - starts[i]);
        assert_int_equal(all.next, 1600);
        for (size_t k = 0; k < all.count; k++) {
            assert_int_equal(all.items[k].offset, starts[i] + (int64_t)k);
            assert_bytes(all.items[k].value,
                         riacho_format(fx->arena, "v%" PRId64, starts[i] + (int64_t)k));
        }
        riacho_arena_reset(fx->arena);
    }
}

static void a_batch_is_bounded(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    append_many(fx->log, "t", 0, 0, 5000);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    const riacho_log_assignment assignment = {"t", 0, 0, 1};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    for (int64_t next = 0; next < 5000;) {
        riacho_log_batch *batch;
        assert_ok(fx->log->ops->poll(reader, 1000, &batch, &err));
        assert_non_null(batch);
        assert_true(batch->count > 0 && batch->count <= RIACHO_FETCH_RECORDS_MAX);
        assert_int_equal(batch->records[0].offset, next);
        next = batch->next;
        fx->log->ops->batch_free(batch);
    }
    fx->log->ops->reader_close(reader);
}

static void reading_from_behind_the_end_is_refused(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    append_many(fx->log, "t", 0, 0, 3);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    riacho_log_assignment assignment = {"t", 0, 3, 1};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    assignment.next = 4;
    assert_int_equal(fx->log->ops->assign(reader, &assignment, 1, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "ends at 3"));
    assignment.next = -1;
    assert_int_equal(fx->log->ops->assign(reader, &assignment, 1, &err), RIACHO_REJECT);
    fx->log->ops->reader_close(reader);
}

static void partitions_take_turns(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 3);
    append_many(fx->log, "t", 0, 0, 5000); /* many batches */
    append_many(fx->log, "t", 1, 0, 3);
    append_many(fx->log, "t", 2, 0, 3);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    const riacho_log_assignment assignments[] = {{"t", 0, 0, 10}, {"t", 1, 0, 11}, {"t", 2, 0, 12}};
    assert_ok(fx->log->ops->assign(reader, assignments, 3, &err));
    uint32_t seen = 0;
    for (int i = 0; i < 3; i++) {
        riacho_log_batch *batch;
        assert_ok(fx->log->ops->poll(reader, 0, &batch, &err));
        assert_non_null(batch);
        seen |= 1u << (batch->tag - 10);
        fx->log->ops->batch_free(batch);
    }
    assert_int_equal(seen, 7);
    fx->log->ops->reader_close(reader);
}

static size_t drain(struct fixture *fx, riacho_log_reader *reader, uint32_t tag)
{
    riacho_error err;
    size_t count = 0;
    for (riacho_log_batch *batch;; fx->log->ops->batch_free(batch)) {
        assert_ok(fx->log->ops->poll(reader, 0, &batch, &err));
        if (!batch)
            return count;
        if (batch->tag == tag)
            count += batch->count;
    }
}

static void a_paused_partition_waits_and_loses_nothing(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 2);
    append_many(fx->log, "t", 0, 0, 4000);
    append_many(fx->log, "t", 1, 0, 10);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    const riacho_log_assignment assignments[] = {{"t", 0, 0, 4}, {"t", 1, 0, 5}};
    assert_ok(fx->log->ops->assign(reader, assignments, 2, &err));
    riacho_log_batch *batch;
    assert_ok(fx->log->ops->poll(reader, 0, &batch, &err)); /* so that some is read ahead */
    assert_int_equal(batch->tag, 4);
    const size_t before = batch->count;
    fx->log->ops->batch_free(batch);
    const uint32_t tag = 4;
    fx->log->ops->pause(reader, &tag, 1);
    assert_int_equal(drain(fx, reader, 4), 0);
    fx->log->ops->resume(reader, &tag, 1);
    assert_int_equal(drain(fx, reader, 4), 4000 - before);
    fx->log->ops->reader_close(reader);
}

static void assign_replaces_what_is_read(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 2);
    append_many(fx->log, "t", 0, 0, 3000);
    append_many(fx->log, "t", 1, 0, 20);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    riacho_log_assignment assignment = {"t", 0, 0, 1};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    riacho_log_batch *batch;
    assert_ok(fx->log->ops->poll(reader, 0, &batch, &err));
    fx->log->ops->batch_free(batch);
    assignment = (riacho_log_assignment){"t", 1, 5, 2};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    assert_int_equal(drain(fx, reader, 2), 15);
    assert_ok(fx->log->ops->assign(reader, NULL, 0, &err));
    append_many(fx->log, "t", 1, 20, 1);
    assert_int_equal(drain(fx, reader, 2), 0);
    fx->log->ops->reader_close(reader);
}

static void a_batch_outlives_its_reader(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    append_many(fx->log, "t", 0, 0, 500);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    const riacho_log_assignment assignment = {"t", 0, 0, 1};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    riacho_log_batch *batch;
    assert_ok(fx->log->ops->poll(reader, 0, &batch, &err));
    fx->log->ops->reader_close(reader);
    assert_bytes(batch->records[2].key, "k2");
    fx->log->ops->batch_free(batch);
    fx->log->ops->batch_free(NULL);
    fx->log->ops->reader_close(NULL);
}

static void a_reader_sees_what_comes_later(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    riacho_log_reader *reader;
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    const riacho_log_assignment assignment = {"t", 0, 0, 1};
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    assert_int_equal(drain(fx, reader, 1), 0);
    for (int i = 0; i < 5; i++) {
        append_many(fx->log, "t", 0, i * 10, 10);
        assert_int_equal(drain(fx, reader, 1), 10);
    }
    fx->log->ops->reader_close(reader);
}

/* --- many threads --- */

enum { WRITERS = 8, WRITES = 60, PARTITIONS = 3 };

struct writer {
    struct fixture *fx;
    int id;
    riacho_position positions[WRITES];
    bool failed;
};

static void *write_many(void *argument)
{
    struct writer *writer = argument;
    riacho_log *log = writer->fx->log;
    for (int i = 0; i < WRITES; i++) {
        char value[32];
        riacho_error err;
        snprintf(value, sizeof value, "%d:%d", writer->id, i);
        const riacho_log_append append = {
            "t", (writer->id + i) % PARTITIONS, {.value = riacho_text(value)}};
        const riacho_position position = {"in", 0, i};
        const riacho_log_commit commit = {"shared", (uint64_t)i + 1, &position, 1, NULL, 0};
        writer->failed |=
            log->ops->append(log, &append, 1, &writer->positions[i], &err) != RIACHO_OK ||
            log->ops->commit(log, &commit, NULL, &err) != RIACHO_OK;
    }
    return NULL;
}

/* Every acknowledged position holds the record that was appended there. */
static void assert_written(struct fixture *fx, const struct writer *writer,
                           const struct records *all)
{
    for (int i = 0; i < WRITES; i++) {
        const riacho_position *at = &writer->positions[i];
        assert_int_equal(at->partition, (writer->id + i) % PARTITIONS);
        assert_true(at->next < (int64_t)all[at->partition].count);
        assert_bytes(all[at->partition].items[at->next].value,
                     riacho_format(fx->arena, "%d:%d", writer->id, i));
    }
}

static void many_threads_append_without_loss_or_duplicate(void **state)
{
    struct fixture *fx = *state;
    static struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    make_topic(fx->log, "t", PARTITIONS);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.fx = fx, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    fixture_reopen(fx);
    struct records all[PARTITIONS];
    size_t total = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        all[i] = read_all(fx->log, fx->arena, "t", i, 0);
        total += all[i].count;
        assert_int_equal(all[i].next, all[i].count);
    }
    assert_int_equal(total, WRITERS * WRITES);
    for (int i = 0; i < WRITERS; i++) {
        assert_false(writers[i].failed);
        assert_written(fx, &writers[i], all);
    }
    riacho_error err;
    riacho_log_commit held;
    assert_ok(fx->log->ops->committed(fx->log, "shared", fx->arena, &held, &err));
    assert_int_equal(held.number, WRITES);
}

struct follower {
    struct fixture *fx;
    size_t wanted;
    size_t got;
    bool failed;
};

static void *follow(void *argument)
{
    struct follower *follower = argument;
    const riacho_log_ops *ops = follower->fx->log->ops;
    riacho_error err;
    riacho_log_reader *reader;
    int64_t next[PARTITIONS] = {0};
    riacho_log_assignment assignments[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++)
        assignments[i] = (riacho_log_assignment){"t", i, 0, (uint32_t)i};
    follower->failed = ops->reader_open(follower->fx->log, &reader, &err) != RIACHO_OK ||
                       ops->assign(reader, assignments, PARTITIONS, &err) != RIACHO_OK;
    while (follower->got < follower->wanted && !follower->failed) {
        riacho_log_batch *batch;
        follower->failed = ops->poll(reader, 100, &batch, &err) != RIACHO_OK;
        for (size_t i = 0; !follower->failed && batch && i < batch->count; i++)
            follower->failed = batch->records[i].offset != next[batch->tag]++;
        follower->got += batch ? batch->count : 0;
        ops->batch_free(batch);
    }
    ops->reader_close(reader);
    return NULL;
}

static void readers_follow_writers(void **state)
{
    struct fixture *fx = *state;
    static struct writer writers[2];
    struct follower follower = {.fx = fx, .wanted = COUNT(writers) * WRITES};
    pthread_t threads[3];
    make_topic(fx->log, "t", PARTITIONS);
    assert_int_equal(pthread_create(&threads[2], NULL, follow, &follower), 0);
    for (int i = 0; i < 2; i++) {
        writers[i] = (struct writer){.fx = fx, .id = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(follower.failed);
    assert_int_equal(follower.got, follower.wanted);
}

/* --- the table --- */

static int open_memory(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, MEMORY);
    *state = &fixture;
    return 0;
}

static int open_embedded_log(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, EMBEDDED);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

#define TEST(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }

static const struct {
    const char *name;
    CMUnitTestFunction run;
} tests[] = {
    TEST(a_topic_keeps_its_partitions),
    TEST(cleanup_and_retention_follow_the_newest_spec),
    TEST(topics_are_listed),
    TEST(bad_topics_are_refused),
    TEST(an_unknown_topic_is_refused_everywhere),
    TEST(a_record_comes_back_as_it_went_in),
    TEST(a_key_goes_to_the_partition_kafka_would_choose),
    TEST(records_without_a_key_go_round),
    TEST(a_partition_that_is_asked_for_is_used),
    TEST(one_append_may_go_to_many_topics),
    TEST(bad_records_are_refused_and_nothing_is_appended),
    TEST(the_largest_record_is_taken),
    TEST(too_much_at_once_is_refused),
    TEST(bounds_are_the_first_and_the_next_offset),
    TEST(an_offset_is_found_by_time),
    TEST(a_commit_is_remembered),
    TEST(a_commit_is_idempotent_by_its_number),
    TEST(tasks_have_numbers_of_their_own),
    TEST(a_commit_without_outputs_moves_the_positions),
    TEST(reading_starts_anywhere),
    TEST(a_batch_is_bounded),
    TEST(reading_from_behind_the_end_is_refused),
    TEST(partitions_take_turns),
    TEST(a_paused_partition_waits_and_loses_nothing),
    TEST(assign_replaces_what_is_read),
    TEST(a_batch_outlives_its_reader),
    TEST(a_reader_sees_what_comes_later),
    TEST(many_threads_append_without_loss_or_duplicate),
    TEST(readers_follow_writers),
};

enum { TESTS = COUNT(tests) };

static int run_for(const char *backend, CMFixtureFunction open)
{
    static char names[TESTS][96];
    struct CMUnitTest table[TESTS];
    for (size_t i = 0; i < TESTS; i++) {
        snprintf(names[i], sizeof names[i], "%s: %s", backend, tests[i].name);
        table[i] = (struct CMUnitTest){names[i], tests[i].run, open, close_fixture, NULL};
    }
    return _cmocka_run_group_tests(backend, table, TESTS, NULL, NULL);
}

int main(void)
{
    const int memory = run_for("memory log", open_memory);
    const int embedded = run_for("embedded log", open_embedded_log);
    return memory + embedded;
}
