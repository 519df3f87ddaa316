/* SPDX-License-Identifier: MIT
 *
 * kept.h - the store in which a step keeps what it makes of each key, and when a change of it goes
 * down.
 *
 *   caching    the change is written at once and its key noted as dirty; riacho_kept_flush sends
 *              down the value that the store has by then, once for each key
 *   otherwise  the change is written and sent down at once
 *
 * One key at a time: riacho_kept_choose names it, the other calls are about it.
 *
 * Threads: the task's.
 */
#pragma once

#include "dirty.h"
#include "scope.h"
#include "state/keyvalue.h"

typedef struct riacho_kept {
    riacho_operator *owner;
    const riacho_graph_store *store;
    uint32_t space;
    bool caches;               /* the store's caching, where there is a step to spare anything */
    riacho_dirty dirty;        /* when it caches */
    riacho_buffer key;         /* of the chosen key */
    riacho_buffer value;       /* being written */
    riacho_result state;       /* what riacho_kept_read decodes into */
    riacho_result flushed_key; /* what riacho_kept_flush decodes into */
} riacho_kept;

/* Of the operator's only store. */
void riacho_kept_init(riacho_kept *kept, riacho_operator *self);
void riacho_kept_done(riacho_kept *kept);

RIACHO_CHECKED riacho_status riacho_kept_choose(riacho_kept *kept, const void *key);
RIACHO_CHECKED riacho_status riacho_kept_find(riacho_kept *kept, bool *ret_found);
/* Decodes the value into kept->state, which is the step's own copy and may be changed in place;
 * untouched when nothing is found. */
RIACHO_CHECKED riacho_status riacho_kept_read(riacho_kept *kept, bool *ret_found,
                                              int64_t *ret_timestamp_ms);
/* The change's key is the chosen one; a null value deletes. `existed`: there was a value before, or
 * nobody looked; the end of what was not there is nothing that a flush sends down. */
RIACHO_CHECKED riacho_status riacho_kept_write(riacho_kept *kept, const riacho_flow *change,
                                               bool existed);
RIACHO_CHECKED riacho_status riacho_kept_flush(riacho_kept *kept);
