/* SPDX-License-Identifier: MIT
 *
 * engine.h - the real engine under a test: one topology, backends that outlive the worker, a clock
 * that stands still.
 *
 * One thread.
 */
#pragma once

#include "cmd/project.h"
#include "riacho/serve.h"

typedef enum riacho_test_log {
    RIACHO_TEST_LOG_MEMORY = 0,
    RIACHO_TEST_LOG_EMBEDDED
} riacho_test_log;

typedef struct riacho_engine riacho_engine;

/* A topic whose records a test may look at: how far it has been read. */
typedef struct riacho_engine_record {
    const char *topic;
    int32_t partition;
    riacho_log_record record; /* in the engine's arena */
} riacho_engine_record;

RIACHO_CHECKED riacho_status riacho_engine_open(const riacho_graph *graph, riacho_project *project,
                                                riacho_test_log kind, riacho_engine **ret_engine,
                                                riacho_error *err);
void riacho_engine_close(riacho_engine *engine);

riacho_worker *riacho_engine_worker(riacho_engine *engine);
const riacho_graph *riacho_engine_graph(riacho_engine *engine);
int64_t riacho_engine_now_ms(riacho_engine *engine);
void riacho_engine_advance(riacho_engine *engine, int64_t ms);

RIACHO_CHECKED riacho_status riacho_engine_append(riacho_engine *engine,
                                                  const riacho_log_append *record,
                                                  riacho_error *err);
/* Processes everything there is, hops included. When a crash was armed and happened, the worker is
 * dropped, another one is started on what it left, and that goes on. */
RIACHO_CHECKED riacho_status riacho_engine_drive(riacho_engine *engine, riacho_drive commit,
                                                 riacho_error *err);
/* The next commit stops at this site. */
void riacho_engine_arm(riacho_engine *engine, riacho_site site);
/* Whether the armed site has not been reached yet. */
bool riacho_engine_armed(const riacho_engine *engine);
/* Drops the worker as a crash would (without a commit), or stops it cleanly, and starts another on
 * the same backends. */
RIACHO_CHECKED riacho_status riacho_engine_crash(riacho_engine *engine, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_engine_restart(riacho_engine *engine, riacho_error *err);

/* Records of topics that the topology writes to (sinks and dead letters, not repartition topics)
 * since the last call, topic by topic, in order. Valid until the engine is closed. */
RIACHO_CHECKED riacho_status riacho_engine_outputs(riacho_engine *engine,
                                                   riacho_engine_record **ret_records,
                                                   size_t *ret_count, riacho_error *err);
/* Every record of one topic, from its beginning. */
RIACHO_CHECKED riacho_status riacho_engine_topic(riacho_engine *engine, const char *topic,
                                                 riacho_engine_record **ret_records,
                                                 size_t *ret_count, riacho_error *err);
/* A checksum of every committed key and value of every store of every task. */
RIACHO_CHECKED riacho_status riacho_engine_checksum(riacho_engine *engine, uint64_t *ret_checksum,
                                                    riacho_error *err);
