/* SPDX-License-Identifier: MIT
 *
 * fixture.h - a worker with a hand-made topology of two sub-topologies, on backends that outlive
 * it, and a check that every input had its effects exactly once.
 *
 *   in, in2 -> count (store counts) -> out            1, 2, 3 ... for each key
 *           -> latest (store latest, caching) -> latest   the count again, last of a commit only
 *           -> by_group (first letter) -> grouped (repartition)
 *   grouped -> total (store totals) -> totals         1, 2, 3 ... for each letter
 *
 * What `count` does depends on the value: see FIXTURE_REFUSE and the others. Refused records go to
 * the topic dead unless the options say otherwise.
 *
 * Threads: one test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "narrow.h"
#include "riacho/backend/embedded_log.h"
#include "riacho/backend/memory_log.h"
#include "riacho/backend/stores.h"
#include "riacho/worker.h"
#include "runtime/worker_private.h"

/* Values with a meaning; every other value is counted. */
enum {
    FIXTURE_REFUSE = -1,   /* count changes its store, forwards, and then rejects */
    FIXTURE_NOT_YET = -2,  /* count gives RIACHO_RETRY as long as fixture_not_yet is above 0 */
    FIXTURE_TOO_LONG = -3, /* by_group makes a key that no topic takes */
    FIXTURE_BROKEN = -4,   /* count gives RIACHO_FATAL */
    FIXTURE_COMMIT = -5,   /* counted, and count asks for a commit */
};

extern _Atomic int fixture_not_yet;

enum {
    FIXTURE_IN,
    FIXTURE_OUT,
    FIXTURE_GROUPED,
    FIXTURE_TOTALS,
    FIXTURE_DEAD,
    FIXTURE_LATEST,
    FIXTURE_IN2,
    FIXTURE_TOPICS
};
enum { FIXTURE_COUNTS, FIXTURE_LATEST_STORE, FIXTURE_TOTALS_STORE, FIXTURE_STORES };

typedef struct fixture_options {
    int32_t partitions; /* 0: 1 */
    bool disk;          /* the embedded log and RocksDB, in a folder of their own */
    const char *folder; /* on disk: one that is there already and stays; NULL: a new one */
    bool second_input;  /* in2 is read as well */
    uint32_t threads;   /* 0: driven */
    uint64_t overlay_bytes;
    riacho_error_policy on_deserialize; /* action 0 and topic 0: to `dead` */
    riacho_error_policy on_process;
    riacho_error_policy on_produce;
    int start;                    /* of topic in */
    riacho_punctuate stream_tick; /* of total, each 100 ms of stream time */
    riacho_punctuate wall_tick;   /* of total, each second */
} fixture_options;

/* One letter names a key's group; keys are "a0" to "d9". */
enum { FIXTURE_GROUPS = 4, FIXTURE_KEYS = 40 };

typedef struct fixture {
    fixture_options options;
    char folder[128];
    riacho_clock_virtual clock;
    narrow narrow; /* what the backends in memory are told; on disk they are not asked */
    riacho_log *log;
    riacho_store_factory *stores;
    riacho_worker *worker;
    riacho_error error;

    riacho_graph graph;
    riacho_graph_topic topics[FIXTURE_TOPICS];
    riacho_graph_store graph_stores[FIXTURE_STORES];
    riacho_node nodes[16];
    riacho_edge edges[16];
    riacho_subtopology subtopologies[2];
    int32_t lists[48]; /* of indices, for the graph */
    size_t list_used;
    riacho_function count;
    riacho_function total;

    riacho_site crash_at;       /* 0: nowhere */
    _Atomic int crash_after;    /* hits of it */
    int64_t sent[FIXTURE_KEYS]; /* that must be counted */
    int64_t refused;            /* that must be in the dead letters */
} fixture;

fixture *fixture_new(const fixture_options *options);
void fixture_free(fixture *f);

/* Before a start: in -> latest is all that is left of the first sub-topology. */
void fixture_only_latest(fixture *f);
/* And: nothing is forwarded at all. */
void fixture_only_state(fixture *f);
/* And: a flush of latest forwards to count, which may be given another function. */
void fixture_count_below_latest(fixture *f);

/* "a0" is key 0. Takes its partition from the key. */
const char *fixture_key(size_t key);
void fixture_send(fixture *f, size_t key, int64_t value, int64_t timestamp_ms);
void fixture_send_to(fixture *f, int topic, int32_t partition, const char *key, int64_t value,
                     int64_t timestamp_ms);
/* Bytes that are no long. */
void fixture_send_garbage(fixture *f, const char *key);

/* Opens and starts a worker on what is there. */
riacho_status fixture_try_start(fixture *f);
void fixture_start(fixture *f);
riacho_status fixture_drive(fixture *f);
/* Closes without a stop; on disk, log and stores are closed and opened again as well. */
void fixture_crash(fixture *f);
/* On disk: around a change of the folders. */
void fixture_close_backends(fixture *f);
void fixture_open_disk(fixture *f);
/* In memory: the state of every task is gone. No worker may be open. */
void fixture_lose_state(fixture *f);
void fixture_stop(fixture *f);
/* Starts, drives, and starts again after each crash of the plan, until one drive gets through. */
void fixture_run_through(fixture *f);

/* Every record of the topic, partition after partition: "a0=1@10 a0=2@11 | b0=1@5". Malloc'd. */
char *fixture_topic(fixture *f, int topic);
/* A header of the topic's record `index` of partition 0, or "". Malloc'd. */
char *fixture_header(fixture *f, int topic, size_t index, const char *name);
/* The store as the tasks' publications show it: "a0=1 b0=2". Malloc'd. */
char *fixture_store(fixture *f, int store);
void fixture_expect_topic(fixture *f, int topic, const char *expected);
void fixture_expect_store(fixture *f, int store, const char *expected);
/* Stores and topics show every counted record exactly once, in order. */
void fixture_check(fixture *f);

riacho_task *fixture_task(fixture *f, const char *name);
