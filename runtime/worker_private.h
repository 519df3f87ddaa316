/* SPDX-License-Identifier: MIT
 *
 * worker_private.h - what the parts of runtime/ share of a running worker: its deployed topologies,
 * their tasks, and what each task publishes at every commit.
 *
 * There are two sides. Stream threads own everything behind riacho_task.run. Everybody else
 * (serve.h: queries, waits, health, metrics) sees only what is in this file: immutable facts,
 * atomic counters, and publications.
 *
 * Lifetimes: deployments and tasks are made by riacho_worker_start and live until
 * riacho_worker_close; before `started` is set nobody but the opening thread may look at them. A
 * publication lives until its last reference is released, and every reference must be released
 * before riacho_worker_close.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "riacho/worker.h"
#include "topology/graph.h"

typedef struct riacho_task riacho_task;
typedef struct riacho_deployment riacho_deployment;
struct riacho_chain;
struct riacho_run;    /* run.h: the stream thread's side of a task */
struct riacho_shared; /* shared/shared.h */
struct riacho_thread; /* thread.h */

/* What one commit shows to readers. Immutable; any thread. */
typedef struct riacho_publication {
    atomic_uint references;
    riacho_task *task;
    riacho_store *store; /* borrowed from the task */
    riacho_store_snapshot *snapshot;
    uint64_t number;
    int64_t published_ms;   /* wall clock */
    int64_t stream_time_ms; /* INT64_MIN before the first record */

    /* What it has read: element i belongs to task->inputs[i]. Topic names are the graph's. */
    const riacho_position *positions;
    size_t position_count;
    /* How far this task has ever written into its hops, this commit included: element i belongs to
     * task->hops[i]; next 0: never wrote there. */
    const riacho_position *ends;
    size_t end_count;
} riacho_publication;

typedef enum riacho_task_state {
    RIACHO_TASK_RUNNING = 0,
    /* On a log that workers share: it is not processed here. */
    RIACHO_TASK_AWAY,      /* another worker has it, or nobody yet; no store, no publication */
    RIACHO_TASK_STANDBY,   /* its state is kept up to date here; the publication, when there is one,
                              may be behind the worker that has it */
    RIACHO_TASK_RESTORING, /* about to run here, as soon as its state is up to date; it may have the
                              publication of the standby that it was */

    RIACHO_TASK_RECOVERING, /* replaying the log to get lost state back; it has no publication yet
                             */
    RIACHO_TASK_PAUSED,     /* input stopped (no room on the disk), reads go on; see `reason` */
    RIACHO_TASK_STOPPED,
} riacho_task_state;

const char *riacho_task_state_name(riacho_task_state state); /* "running" ... */

/* A partition of a topic of the deployment's graph. */
typedef struct riacho_task_place {
    int32_t topic; /* of graph->topics */
    int32_t partition;
} riacho_task_place;

/* Upper bounds of the commit duration histogram, seconds; the last bucket has no bound. */
enum { RIACHO_COMMIT_BUCKETS = 10 };
extern const double riacho_commit_bucket_seconds[RIACHO_COMMIT_BUCKETS - 1];

/* Written by the stream thread alone, relaxed; read by any thread. */
typedef struct riacho_task_counters {
    _Atomic uint64_t records;      /* processed, refused ones included */
    _Atomic uint64_t outputs;      /* written to topics, dead letters included */
    _Atomic uint64_t refused;      /* records that a step or a codec refused */
    _Atomic uint64_t dead_letters; /* of the refused, those that went to a dead letter topic */
    _Atomic uint64_t retries;      /* attempts after the first */
    _Atomic uint64_t commits;
    _Atomic uint64_t commit_ns;                             /* sum */
    _Atomic uint64_t commit_seconds[RIACHO_COMMIT_BUCKETS]; /* not cumulative */
    _Atomic uint64_t busy_ns;                               /* spent processing, not committing */
    _Atomic uint64_t overlay_bytes;                         /* uncommitted, now */
    _Atomic uint64_t replay_records; /* still to replay, about; 0 when not recovering */
    /* Written by the restorer: changelog offsets of the last restore, read and in all. */
    _Atomic uint64_t restore_done, restore_total;
    _Atomic uint64_t set_aside; /* times that unusable state was moved aside */
} riacho_task_counters;

struct riacho_task {
    /* Immutable. */
    const riacho_deployment *deployment;
    int32_t subtopology;
    int32_t partition;
    char *name;     /* "0_3" */
    char *log_name; /* "topology/0_3": what the log calls it */
    riacho_task_place *inputs;
    size_t input_count;
    /* Every partition of every topic that it may write and a task of this worker reads: repartition
     * topics, and topics between two topologies. */
    riacho_task_place *hops;
    size_t hop_count;
    /* Of the part that has the task, which sets it under `lock`; others ask riacho_task_measure.
     * NULL while the task is AWAY (on a log that workers share). */
    riacho_store *store;

    /* On a log that workers share (shared/handover.h). */
    int32_t lease;           /* immutable: its partition of the lease topic */
    _Atomic uint32_t thread; /* of worker->threads: where it runs; set by the control part before it
                                asks for the restore */

    /* Any thread. */
    riacho_task_counters counters;
    _Atomic(riacho_task_state) state;
    atomic_uint publication_count; /* that somebody has a reference to, the task itself included */
    /* When the newest publication was last known to include all that the inputs held, wall clock;
     * INT64_MAX while it does as far as the thread knows; 0: not known since the start. Read it
     * before the publication is taken: it then speaks of that one or of one before. */
    _Atomic int64_t current_ms;

    /* Under `lock`, which is held for a few instructions only. */
    pthread_mutex_t lock;
    riacho_publication *published;    /* NULL while recovering for the first time */
    char reason[512];                 /* of a pause, else empty */
    struct riacho_history *history;   /* publication.h; NULL before the first publication */
    const struct riacho_chain *chain; /* NULL while the task does not run here */
    struct riacho_node_counts *past;  /* by node: of its chains that are gone; NULL: none is */

    struct riacho_run *run; /* the stream thread's */
};

/* One topology on this worker. Immutable once started. */
struct riacho_deployment {
    riacho_worker *worker;
    const riacho_graph *graph;
    riacho_arena *arena;      /* owns names; the opening thread's */
    int32_t *partitions;      /* of graph->topics[i]: as found or created */
    riacho_cleanup *cleanups; /* likewise */
    riacho_task **tasks;      /* by sub-topology, then partition */
    size_t task_count;
    uint32_t *first_task; /* tasks of sub-topology i: first_task[i] up to first_task[i + 1] */
};

struct riacho_worker {
    riacho_worker_options options; /* with the defaults filled in; name is a copy */
    riacho_log *log;
    riacho_clock *clock;

    riacho_deployment *deployments; /* in order of riacho_worker_add */
    size_t deployment_count;
    atomic_bool started; /* release-set by start: topics and tasks are in place */

    struct riacho_thread *threads; /* options.threads of them; one driven by the caller when 0 */
    size_t thread_count;
    atomic_bool stopping; /* finish the record in hand, commit, end */
    atomic_bool crashed;  /* a fault hook or a fatal error: end without writing anything more */
    atomic_uint_fast64_t commit_requests; /* grows by one at each request_commit */

    /* Under `lock`: publications and the end of the worker. `changed` is broadcast at each publish,
     * change of a task's state, and end; it waits on CLOCK_MONOTONIC. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t publish_count;
    riacho_status status; /* what the worker ended with by itself */
    riacho_error reason;

    struct riacho_shared *shared; /* shared/shared.h; NULL on a log of one process */

    /* How others of the group are asked (riacho/peers.h): read under `meeting` for the time of a
     * call, so that it can be taken away. */
    pthread_rwlock_t meeting;
    const struct riacho_peers *peers;
    atomic_uint peers_waiting; /* answers to others that wait */

    /* The front end's tables (serve*.c): made by it on first use under `lock`, freed here. */
    void *serving;
    void (*serving_free)(void *serving);
};

/* Whether other workers share the log, so that it commits before state is written (port/broker.h).
 */
static inline bool riacho_worker_shares(const riacho_worker *worker)
{
    return worker->log->ops->broker != NULL;
}

/* The newest commit's publication, with a reference; NULL while there is none. Any thread. */
riacho_publication *riacho_task_publication(riacho_task *task);
void riacho_publication_release(riacho_publication *publication);
static inline void riacho_auto_publication(riacho_publication **publication)
{
    riacho_publication_release(*publication);
}

/* Follows a position through one task: RIACHO_RETRY when no commit covers `next` of input `input`
 * (an index of task->inputs) yet. Else ret_ends (room for task->hop_count) tells how far the first
 * commit that covers it had written into its hops: what reads those, in any deployment, must cover
 * these positions in turn. When that commit is too long ago to be remembered, a later one answers,
 * which waits for more than needed and never for less. Any thread. */
RIACHO_CHECKED riacho_status riacho_task_follow(riacho_task *task, size_t input, int64_t next,
                                                riacho_position *ret_ends);
/* As riacho_task_follow, waiting at most wait_ms (wait.c). */
RIACHO_CHECKED riacho_status riacho_task_await(riacho_task *task, size_t input, int64_t next,
                                               int64_t wait_ms, riacho_position *ret_ends);
/* Whether this worker processes it, or is about to go on: what was committed is known here. */
static inline bool riacho_task_is_here(const riacho_task *task)
{
    const riacho_task_state state = atomic_load(&task->state);
    return state != RIACHO_TASK_AWAY && state != RIACHO_TASK_STANDBY &&
           state != RIACHO_TASK_RESTORING;
}

/* What the steps of a task have counted since the worker started. Any thread. */
struct riacho_node_counts;
void riacho_task_step_counts(riacho_task *task, int32_t node,
                             struct riacho_node_counts *ret_counts);
/* Adds keys and bytes of one space, about; nothing while the store is not open. Any thread. */
void riacho_task_measure(riacho_task *task, uint32_t space, uint64_t *keys, uint64_t *bytes);

/* The task that reads this partition in this deployment, and as which input; NULL: none does. A
 * topic is read by at most one sub-topology of a topology. */
riacho_task *riacho_deployment_reader(const riacho_deployment *deployment, const char *topic,
                                      int32_t partition, size_t *ret_input);
/* The task that keeps `key` (serialised) of a store. */
riacho_task *riacho_deployment_owner(const riacho_deployment *deployment, int32_t store,
                                     riacho_bytes key);
/* NULL when there is no topology of that name. */
riacho_deployment *riacho_worker_deployment(riacho_worker *worker, const char *topology);

/* How many publications (and changes of state) there were. */
uint64_t riacho_worker_publish_count(riacho_worker *worker);
/* Waits until the count differs from `seen` or deadline_ns (CLOCK_MONOTONIC) has passed; returns
 * the count. Read the count, look at the publications, then wait: nothing is missed. */
uint64_t riacho_worker_await_publish(riacho_worker *worker, uint64_t seen, int64_t deadline_ns);
