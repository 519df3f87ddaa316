/* SPDX-License-Identifier: MIT
 *
 * bench.c - see bench.h.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

enum { PATIENCE_MS = 30000 };

static const struct riacho_broker_ops *ops_of(const bench *b)
{
    return b->clients[0]->ops->broker;
}

bench *bench_new(uint64_t seed)
{
    static const riacho_topic_spec topics[] = {
        {.name = "in", .partitions = 2},
        {.name = "out", .partitions = 2},
        {.name = "state", .partitions = 1, .cleanup = RIACHO_CLEANUP_COMPACT},
        {.name = "leases", .partitions = BENCH_LEASES},
    };
    bench *b = riacho_memory_get_zero(1, sizeof *b);
    simulation_init(&b->sim, seed);
    b->broker = model_broker_new(&b->sim);
    for (size_t i = 0; i < BENCH_CLIENTS; i++)
        b->clients[i] = model_client_new(b->broker);
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        assert_int_equal(b->clients[0]->ops->topic_ensure(b->clients[0], &topics[i], &b->error),
                         RIACHO_OK);
    return b;
}

void bench_free(bench *b)
{
    for (size_t i = 0; i < BENCH_CLIENTS; i++) {
        ops_of(b)->producer_close(b->producers[i]);
        ops_of(b)->member_leave(b->members[i]);
    }
    for (size_t i = 0; i < BENCH_CLIENTS; i++)
        b->clients[i]->ops->close(b->clients[i]);
    model_broker_free(b->broker);
    simulation_done(&b->sim);
    free(b);
}

/* ---- producers ------------------------------------------------------------------------------- */

/* Repeats a call, one millisecond apart, until it says something else than RETRY. */
#define UNTIL_DONE(b, call)                                                                        \
    __extension__({                                                                                \
        riacho_verdict said = (call);                                                              \
        for (int left = PATIENCE_MS; said == RIACHO_VERDICT_RETRY && left; left--) {               \
            simulation_advance(&(b)->sim, 1);                                                      \
            said = (call);                                                                         \
        }                                                                                          \
        said;                                                                                      \
    })

riacho_verdict bench_producer(bench *b, size_t at, const char *id)
{
    const riacho_producer_options options = {.id = id};
    ops_of(b)->producer_close(b->producers[at]);
    assert_int_equal(
        ops_of(b)->producer_open(b->clients[at], &options, &b->producers[at], &b->error),
        RIACHO_OK);
    return UNTIL_DONE(b, ops_of(b)->init(b->producers[at], 0, &b->error));
}

riacho_verdict bench_begin(bench *b, size_t at)
{
    return ops_of(b)->begin(b->producers[at], &b->error);
}

riacho_verdict bench_send(bench *b, size_t at, const char *topic, const char *key,
                          const char *value)
{
    const riacho_log_append append = {
        .topic = topic, .record = {.key = riacho_text(key), .value = riacho_text(value)}};
    size_t sent = 0;
    riacho_verdict verdict = RIACHO_VERDICT_RETRY;
    while (verdict == RIACHO_VERDICT_RETRY)
        verdict = ops_of(b)->send(b->producers[at], &append + sent, 1 - sent, 0, &sent, &b->error);
    return verdict;
}

riacho_verdict bench_positions(bench *b, size_t at, const riacho_member_token *token, int64_t next)
{
    const riacho_committed position = {.position = {"in", 0, next}, .note = riacho_text("note")};
    return UNTIL_DONE(
        b, ops_of(b)->send_positions(b->producers[at], token, &position, 1, 0, &b->error));
}

riacho_verdict bench_commit(bench *b, size_t at)
{
    return UNTIL_DONE(b, ops_of(b)->commit(b->producers[at], 0, &b->error));
}

riacho_verdict bench_abort(bench *b, size_t at)
{
    return UNTIL_DONE(b, ops_of(b)->abort(b->producers[at], 0, &b->error));
}

/* ---- members --------------------------------------------------------------------------------- */

void bench_join(bench *b, size_t at, const char *name)
{
    const riacho_member_options options = {
        .group = "group", .lease_topic = "leases", .name = name, .address = "127.0.0.1:1"};
    assert_int_equal(ops_of(b)->member_join(b->clients[at], &options, &b->members[at], &b->error),
                     RIACHO_OK);
}

bool bench_poll(bench *b, size_t at, riacho_member_change *ret_change, size_t *ret_count)
{
    riacho_member_event event;
    if (!b->members[at] ||
        ops_of(b)->member_poll(b->members[at], 0, &event, &b->error) != RIACHO_OK || !event.change)
        return false;
    *ret_change = event.change;
    *ret_count = event.count;
    ops_of(b)->member_answer(b->members[at], &event);
    return true;
}

void bench_pass(bench *b, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        simulation_advance(&b->sim, 1);
        for (size_t at = 0; at < BENCH_CLIENTS; at++) {
            riacho_member_change change;
            size_t count;
            bench_poll(b, at, &change, &count);
        }
    }
}

/* ---- what is there --------------------------------------------------------------------------- */

char *bench_read(bench *b, const char *topic)
{
    const riacho_log_ops *ops = b->clients[0]->ops;
    riacho_log_reader *reader;
    const riacho_log_assignment assignment = {.topic = topic};
    assert_int_equal(ops->reader_open(b->clients[0], &reader, &b->error), RIACHO_OK);
    assert_int_equal(ops->assign(reader, &assignment, 1, &b->error), RIACHO_OK);
    riacho_buffer text = {0};
    for (;;) {
        riacho_log_batch *batch;
        assert_int_equal(ops->poll(reader, 0, &batch, &b->error), RIACHO_OK);
        if (!batch)
            break;
        for (size_t i = 0; i < batch->count; i++)
            riacho_buffer_printf(
                &text, "%s%.*s=%.*s", text.size ? " " : "", (int)batch->records[i].key.size,
                (const char *)batch->records[i].key.data, (int)batch->records[i].value.size,
                (const char *)batch->records[i].value.data);
        ops->batch_free(batch);
    }
    ops->reader_close(reader);
    riacho_buffer_append(&text, "", 1);
    return (char *)text.data;
}

int64_t bench_end(bench *b, const char *topic)
{
    int64_t first, next;
    assert_int_equal(b->clients[0]->ops->bounds(b->clients[0], topic, 0, &first, &next, &b->error),
                     RIACHO_OK);
    return next;
}

int64_t bench_stable_end(bench *b, const char *topic)
{
    int64_t end;
    assert_int_equal(ops_of(b)->stable_end(b->clients[0], topic, 0, &end, &b->error), RIACHO_OK);
    return end;
}

int64_t bench_position(bench *b)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_committed position = {.position = {"in", 0, 0}};
    const riacho_status status =
        ops_of(b)->fetch(b->clients[0], "group", arena, &position, 1, 0, &b->error);
    return status == RIACHO_OK ? position.position.next : -2;
}
