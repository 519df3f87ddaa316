/* SPDX-License-Identifier: MIT
 *
 * contract_read.c - the part of the contract that is about readers.
 */
#include "contract.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"

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
    /* From far away they do not all arrive at once; the busy one has five batches. */
    for (int i = 0; seen != 7; i++) {
        assert_true(i < (fx->backend == SHARED ? 8 : 3));
        riacho_log_batch *batch;
        assert_ok(fx->log->ops->poll(reader, fx->quiet_ms, &batch, &err));
        assert_non_null(batch);
        seen |= 1u << (batch->tag - 10);
        fx->log->ops->batch_free(batch);
    }
    fx->log->ops->reader_close(reader);
}

static size_t drain(struct fixture *fx, riacho_log_reader *reader, uint32_t tag)
{
    riacho_error err;
    size_t count = 0;
    for (riacho_log_batch *batch;; fx->log->ops->batch_free(batch)) {
        assert_ok(fx->log->ops->poll(reader, fx->quiet_ms, &batch, &err));
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
    assert_ok(fx->log->ops->poll(reader, fx->quiet_ms, &batch, &err)); /* some is read ahead */
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
    assert_ok(fx->log->ops->poll(reader, fx->quiet_ms, &batch, &err));
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
    assert_ok(fx->log->ops->poll(reader, fx->quiet_ms, &batch, &err));
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

const struct contract_test contract_read[] = {
    TEST(reading_starts_anywhere),
    TEST(a_batch_is_bounded),
    TEST(reading_from_behind_the_end_is_refused),
    TEST(partitions_take_turns),
    TEST(a_paused_partition_waits_and_loses_nothing),
    TEST(assign_replaces_what_is_read),
    TEST(a_batch_outlives_its_reader),
    TEST(a_reader_sees_what_comes_later),
    {NULL, NULL, EVERY_LOG},
};
