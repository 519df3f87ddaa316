/* SPDX-License-Identifier: MIT
 *
 * shared.h - the parts of a worker that exist only on a log that workers share, and how they run:
 *
 *   control    1         membership, trimming of repartition topics
 *   restore    1 or more restorers
 *   stream     threads   processing
 *   commit     threads   the transactions of a stream thread
 *
 * Each part makes small steps. With threads each has one of its own, which makes its steps in a
 * loop; without, riacho_worker_step makes them.
 *
 * Threads: open, start, stop and close by the one that opens the worker. What is here is immutable
 * between start and close; what it points to has owners of its own.
 */
#pragma once

#include "handover.h"
#include "membership.h"
#include "restore.h"
#include "trim.h"

struct riacho_part_thread;

typedef struct riacho_shared {
    riacho_worker *worker;
    riacho_box *control; /* CLOSED */
    riacho_membership *membership;
    riacho_trimmer trimmer;
    riacho_restorer **restorers;
    size_t restorer_count;
    struct riacho_part_thread *threads;
    size_t thread_count;
    atomic_bool leaving; /* the control part hands everything back, then ends */
    bool released;       /* by the control part: it has */
} riacho_shared;

/* Checks the broker and the options; nothing is changed. Before topics are planned. */
RIACHO_CHECKED riacho_status riacho_shared_check(riacho_worker *worker, riacho_error *err);
/* Creates changelogs, opens every part, joins the group. The topics are there. */
RIACHO_CHECKED riacho_status riacho_shared_open(riacho_worker *worker, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_shared_start(riacho_worker *worker, riacho_error *err);
/* Ends every wait of every part. Any thread. */
void riacho_shared_wake(riacho_worker *worker);
/* Hands every task back with a commit, ends the threads, leaves. RIACHO_RETRY, without threads: the
 * world has to go on first; step, and call it again. */
RIACHO_CHECKED riacho_status riacho_shared_stop(riacho_worker *worker, riacho_error *err);
/* Waits for the threads, which end because the worker is stopping or crashed. */
void riacho_shared_join(riacho_worker *worker);
/* Closes every part; tasks may still be open. */
void riacho_shared_close(riacho_worker *worker);

RIACHO_CHECKED riacho_status riacho_shared_step(riacho_worker *worker, riacho_part part,
                                                bool *ret_did, riacho_error *err);
/* Steps of all parts until everything that is in the log is processed and committed. */
RIACHO_CHECKED riacho_status riacho_shared_drive(riacho_worker *worker, riacho_error *err);

/* Exactly once, unless every topology says otherwise and no store needs more: a store of another
 * kind than keyValue keeps one thing under several keys, and without transactions a crash can leave
 * a changelog with some of them. */
riacho_delivery riacho_shared_delivery(const riacho_worker *worker);

/* The restorer that keeps and restores this task, wherever it runs. */
static inline riacho_box *riacho_shared_restorer(const riacho_worker *worker,
                                                 const riacho_task *task)
{
    const riacho_shared *shared = worker->shared;
    return riacho_restorer_box(shared->restorers[(size_t)task->lease % shared->restorer_count]);
}
