/* SPDX-License-Identifier: MIT
 *
 * contract_threads.c - the part of the contract that is about many threads at once.
 */
#include "contract.h"

#include <pthread.h>
#include <stdio.h>

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
            (log->ops->commit && log->ops->commit(log, &commit, NULL, &err) != RIACHO_OK);
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
    if (!fx->log->ops->committed)
        return;
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

const struct contract_test contract_threads[] = {
    TEST(many_threads_append_without_loss_or_duplicate),
    TEST(readers_follow_writers),
    {NULL, NULL, EVERY_LOG},
};
