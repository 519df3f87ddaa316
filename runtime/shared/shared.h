/* SPDX-License-Identifier: MIT
 *
 * shared.h - the parts of a worker that exist only on a log that workers share, and how its stream
 * threads, restorers and control part find each other.
 *
 *   worker.c opens and closes all of it; shared.c says which part a task belongs to.
 *
 * Threads: immutable between start and close; what it points to has owners of its own.
 */
#pragma once

#include "handover.h"
#include "membership.h"
#include "restore.h"

typedef struct riacho_shared {
    riacho_worker *worker;
    riacho_box *control; /* CLOSED */
    riacho_membership *membership;
    riacho_restorer **restorers;
    size_t restorer_count;
} riacho_shared;

/* The restorer that keeps and restores this task, wherever it runs. */
static inline riacho_box *riacho_shared_restorer(const riacho_worker *worker,
                                                 const riacho_task *task)
{
    const riacho_shared *shared = worker->shared;
    return riacho_restorer_box(shared->restorers[(size_t)task->lease % shared->restorer_count]);
}
