/* SPDX-License-Identifier: MIT
 *
 * trim.h - forgets the records of repartition topics that were read: by the worker that has the
 * task that reads them, below what it has committed, every half minute.
 *
 * Threads: the control part's.
 */
#pragma once

#include "runtime/worker_private.h"

enum { RIACHO_TRIM_MS = 30000 };

/* Zeroed memory begins with a wait. */
typedef struct riacho_trimmer {
    int64_t due_ns;                 /* of the next pass */
    size_t deployment, task, input; /* where a pass is */
} riacho_trimmer;

/* At most one call of the log. ret_did: there was one. Nothing that fails is worse than a topic
 * that stays longer. */
void riacho_trim_step(riacho_trimmer *trimmer, riacho_worker *worker, bool *ret_did);
