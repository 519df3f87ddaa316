/* SPDX-License-Identifier: MIT
 *
 * handles.h - the stores of a `process` step, as its function sees them (riacho/store.h): typed
 * handles that encode keys and values with the store's codecs.
 *
 * Threads: the task's.
 */
#pragma once

#include "operator.h"

typedef struct riacho_handle {
    riacho_operator *owner;
    const riacho_graph_store *store;
    uint32_t space;
    riacho_buffer key;
    riacho_buffer value;
    size_t puts; /* ttl: since the last expiry */
} riacho_handle;

typedef struct riacho_handles {
    riacho_handle *items;
    size_t count;
} riacho_handles;

typedef struct riacho_process {
    riacho_operator base;
    riacho_handles handles;
} riacho_process;

void riacho_handles_init(riacho_handles *handles, riacho_operator *self);
void riacho_handles_done(riacho_handles *handles);
/* Drops what expired from the ttl stores. */
RIACHO_CHECKED riacho_status riacho_handles_expire(riacho_handles *handles);
