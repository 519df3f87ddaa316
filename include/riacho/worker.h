/* SPDX-License-Identifier: MIT
 *
 * worker.h - running topologies: one worker reads a log, keeps state, and commits both together.
 * For embedders and tests; serve.h is what a front end needs of a running worker.
 *
 * Threads: open, add, start, stop and close by one thread; everything that says so by any.
 */
#pragma once

#include "riacho/codec.h"
#include "riacho/port/clock.h"
#include "riacho/port/log.h"
#include "riacho/port/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_worker riacho_worker;
struct riacho_graph; /* topology/graph.h: made by riacho_graph_build from YAML or declarative C */

/* Named places where a test may stop a worker as a crash would, in the order of a commit on a
 * state-first log. */
typedef enum riacho_site {
    RIACHO_SITE_RECORD = 1,      /* a record was processed, nothing is written */
    RIACHO_SITE_BEFORE_COMMIT,   /* everything is ready, nothing is written */
    RIACHO_SITE_STATE_WRITTEN,   /* changes, positions and outbox are in the store, the log has no
                                    output yet */
    RIACHO_SITE_OUTPUTS_WRITTEN, /* the log has the outputs, the outbox is not forgotten, readers
                                    see the old state */
    RIACHO_SITE_AFTER_COMMIT,    /* readers see the commit */
    RIACHO_SITE_RECOVERY,        /* a task was opened, its outbox is not yet repaired */

    /* On a log that workers share. */
    RIACHO_SITE_BEGUN,            /* a transaction was begun, nothing is sent */
    RIACHO_SITE_SENT_SOME,        /* some of its records are sent */
    RIACHO_SITE_BEFORE_POSITIONS, /* all of its records are sent, its positions are not */
    RIACHO_SITE_AFTER_POSITIONS,  /* its positions are sent, its end is not asked for */
    RIACHO_SITE_COMMITTING,       /* its end was asked for, the answer has not come */
    RIACHO_SITE_COMMITTED,        /* it is committed, no state is written */
    RIACHO_SITE_STATE_SOME,       /* the state of some tasks of the transaction is written */
    RIACHO_SITE_RESTORING,        /* in the middle of a restore */
    RIACHO_SITE_CHECKPOINT,       /* in the middle of making or fetching a checkpoint */
    RIACHO_SITE_PROMOTION,        /* a standby becomes the active task */
    RIACHO_SITE_REVOKING,         /* leases were revoked, the last commit is not made */
    RIACHO_SITE_INIT,             /* a producer was opened, its predecessor is not fenced yet */
} riacho_site;

typedef struct riacho_worker_options {
    const char *name; /* NULL: "worker" */
    riacho_log *log;  /* borrowed until close, as all of these */
    riacho_store_factory *stores;
    riacho_schemas *schemas;
    riacho_clock *clock; /* NULL: the system's */
    uint32_t threads;    /* stream threads; 0: none, the caller calls riacho_worker_drive */
    /* Changes and outputs that wait for their commits, all tasks together; 0: 32 MiB. The largest
     * commit when it is used up. */
    uint64_t overlay_bytes;
    uint64_t cache_bytes;       /* committed values kept in memory, all tasks together; 0: 32 MiB */
    int64_t commit_interval_ms; /* 0: as each topology says */
    /* Called at each site; returning true makes the worker stop there as if it had been killed:
     * nothing more is written. May be NULL. Called by stream threads. */
    bool (*fault)(void *fault_arg, riacho_site site);
    void *fault_arg;

    /* On a log that workers share. `name` is then the worker's in its group, and must be unique. */
    const char *group;        /* NULL: the name of the only topology */
    const char *address;      /* host:port where other workers reach this one; NULL: nowhere */
    uint32_t standbys;        /* of each task: workers beside its own that keep its state at hand */
    uint32_t restore_threads; /* 0: 1 */
} riacho_worker_options;

RIACHO_CHECKED riacho_status riacho_worker_open(const riacho_worker_options *options,
                                                riacho_worker **ret_worker, riacho_error *err);
/* The graph is borrowed until close. RIACHO_REJECT: a topology of that name, or a path, is already
 * there. */
RIACHO_CHECKED riacho_status riacho_worker_add(riacho_worker *worker,
                                               const struct riacho_graph *graph, riacho_error *err);
/* Creates or checks topics, opens and recovers every task (damaged state is moved aside, named, and
 * rebuilt from the log), starts the threads. Returns when all tasks continue where they were or are
 * rebuilding; on a log that workers share, when the group was joined, which then says what runs
 * here. */
RIACHO_CHECKED riacho_status riacho_worker_start(riacho_worker *worker, riacho_error *err);
/* Finishes the record in hand, commits, ends the threads. On a log that workers share, every task
 * is handed back; with threads == 0 RIACHO_RETRY says that others must go on first: step, and call
 * it again. */
RIACHO_CHECKED riacho_status riacho_worker_stop(riacho_worker *worker, riacho_error *err);
/* Releases all memory; a worker that was not stopped is dropped as after a crash, without a commit.
 */
void riacho_worker_close(riacho_worker *worker);

/* threads == 0 only. `drive` processes every record there is, repartition hops and due punctuators
 * included, committing after each pass over the tasks when `commit` says so; it returns when
 * nothing is left to do. RIACHO_FATAL after a fault hook said stop. */
typedef enum riacho_drive { RIACHO_DRIVE_COMMIT = 0, RIACHO_DRIVE_NO_COMMIT } riacho_drive;
RIACHO_CHECKED riacho_status riacho_worker_drive(riacho_worker *worker, riacho_drive commit,
                                                 riacho_error *err);

/* threads == 0 on a log that workers share (port/broker.h): one small step of one part, at most one
 * call of the log that could wait. A simulator chooses the order of all workers' parts; threads do
 * the same steps in loops. ret_did: whether there was something to do. RIACHO_FATAL ends the
 * worker. */
typedef enum riacho_part {
    RIACHO_PART_CONTROL = 0, /* membership, and handing tasks over */
    RIACHO_PART_RESTORE,     /* bringing state up to its changelogs */
    RIACHO_PART_STREAM,      /* processing, sealing what is due for a commit, taking its outcome */
    RIACHO_PART_COMMIT,      /* the transaction of what was sealed */
    RIACHO_PARTS,
} riacho_part;
RIACHO_CHECKED riacho_status riacho_worker_step(riacho_worker *worker, riacho_part part,
                                                bool *ret_did, riacho_error *err);

/* Asks every task for a commit soon. Any thread. */
void riacho_worker_request_commit(riacho_worker *worker);
/* The status the worker ended with by itself, RIACHO_OK while it runs. Any thread. */
riacho_status riacho_worker_status(riacho_worker *worker, riacho_error *ret_reason);
/* Waits until every task has processed and committed everything below the log's present ends (all
 * topics, hops included), at most timeout_ms. RIACHO_RETRY: not yet. Any thread; for tests,
 * rebuilds and benchmarks. */
RIACHO_CHECKED riacho_status riacho_worker_drain(riacho_worker *worker, int64_t timeout_ms,
                                                 riacho_error *err);

/* Loads processor libraries (<folder>/<name>.so, or lib<name>.so) and checks their ABI; a refused
 * one is named with the reason. Borrowed by the graphs built with `riacho_libraries_functions`. */
typedef struct riacho_libraries riacho_libraries;
struct riacho_functions; /* topology/graph.h */

RIACHO_CHECKED riacho_status riacho_libraries_open(const char *const *folders, size_t folder_count,
                                                   riacho_libraries **ret_libraries,
                                                   riacho_error *err);
/* Loads one by name (as in `libraries: [tamaghost]`); a second load of the same name is OK. */
RIACHO_CHECKED riacho_status riacho_libraries_load(riacho_libraries *libraries, const char *name,
                                                   riacho_error *err);
const struct riacho_functions *riacho_libraries_functions(const riacho_libraries *libraries);
void riacho_libraries_close(riacho_libraries *libraries);

#ifdef __cplusplus
}
#endif
