/* SPDX-License-Identifier: MIT
 *
 * bench.h - a model broker on a table: a few clients, driven by hand, for the tests of the model.
 *
 * Threads: one test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker.h"

enum { BENCH_CLIENTS = 4, BENCH_LEASES = 6 };

typedef struct bench {
    simulation sim;
    model_broker *broker;
    riacho_log *clients[BENCH_CLIENTS];
    riacho_producer *producers[BENCH_CLIENTS];
    riacho_member *members[BENCH_CLIENTS];
    riacho_error error;
} bench;

/* Topics: "in" and "out" (2 partitions), "state" (1, compacted), "leases". */
bench *bench_new(uint64_t seed);
void bench_free(bench *b);

/* A new producer of that id at client `at`, and its init: what it says in the end. */
riacho_verdict bench_producer(bench *b, size_t at, const char *id);
/* One record. */
riacho_verdict bench_send(bench *b, size_t at, const char *topic, const char *key,
                          const char *value);
riacho_verdict bench_begin(bench *b, size_t at);
riacho_verdict bench_positions(bench *b, size_t at, const riacho_member_token *token, int64_t next);
riacho_verdict bench_commit(bench *b, size_t at);
riacho_verdict bench_abort(bench *b, size_t at);

/* A member of "group" by this name. */
void bench_join(bench *b, size_t at, const char *name);
/* Polls the member, answers what it is told at once; true when it was told something. */
bool bench_poll(bench *b, size_t at, riacho_member_change *ret_change, size_t *ret_count);
/* Time passes, and all members are polled. */
void bench_pass(bench *b, int64_t ms);

/* What a reader of committed records sees of partition 0: "a=1 b=2". Malloc'd. */
char *bench_read(bench *b, const char *topic);
int64_t bench_end(bench *b, const char *topic);
int64_t bench_stable_end(bench *b, const char *topic);
/* Position of "in", partition 0; -1: none, -2: pending. */
int64_t bench_position(bench *b);
