/* SPDX-License-Identifier: MIT
 *
 * finder.h - asks a registry for schemas that are not known yet, and keeps a registry that does not
 * answer from being asked by every record.
 *
 *   ANSWERS --- no answer -------------------------------> SILENT: RIACHO_RETRY at once until the
 *   SILENT  --- an answer, asked after the backoff -----> ANSWERS          backoff is over
 *
 * How long can a thread be held? One question at most: RIACHO_REGISTRY_ANSWER_MS, and only the one
 * that asks; others are told RIACHO_RETRY meanwhile. After a failure nobody asks for
 * RIACHO_FINDER_BACKOFF_MS, then twice that, and so on up to RIACHO_FINDER_BACKOFF_MS_MAX, so that
 * the other tasks of a stream thread have that time for themselves.
 *
 * What is found is kept for ever, in the ids. That there is no such id is kept for
 * RIACHO_FINDER_REFUSED_MS, so that a topic full of bad records is not a flood of questions.
 *
 * Threads: any.
 */
#pragma once

#include <pthread.h>

#include "ids.h"
#include "riacho/registry.h"

enum {
    RIACHO_FINDER_BACKOFF_MS = 500,
    RIACHO_FINDER_BACKOFF_MS_MAX = 10000,
    RIACHO_FINDER_REFUSED_MS = 30000,
    RIACHO_FINDER_REFUSED_MAX = 64,   /* ids that are kept as refused */
    RIACHO_FINDER_LEARNED_MAX = 8192, /* ids that one process learns beside those in its file */
};

typedef struct riacho_finder riacho_finder;

/* Borrows all three; `ids_lock` is held around changes of the ids. */
riacho_finder *riacho_finder_new(riacho_registry *registry, riacho_ids *ids,
                                 pthread_mutex_t *ids_lock);
void riacho_finder_free(riacho_finder *finder);

/* Makes the schema of this id known to the ids. RIACHO_REJECT: there is none that can be read.
 * RIACHO_RETRY: not now. */
RIACHO_CHECKED riacho_status riacho_finder_find(riacho_finder *finder, int32_t id,
                                                riacho_error *err);
