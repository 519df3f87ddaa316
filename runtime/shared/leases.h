/* SPDX-License-Identifier: MIT
 *
 * leases.h - the topic whose partitions are a group's leases, and what its first record says: which
 * graphs they were counted from. Workers of a group that do not run the same graphs would mean
 * different tasks by the same lease.
 *
 * Threads: the opening thread.
 */
#pragma once

#include "runtime/worker_private.h"

/* "<group>-tasks", for the life of the arena. */
const char *riacho_leases_topic(const riacho_worker *worker, riacho_arena *arena);
/* The graphs of this worker as its record says them: "chat@<hash>/4 pets@<hash>/12", in the order
 * of their leases. */
const char *riacho_leases_graphs(const riacho_worker *worker, riacho_arena *arena);
/* Creates the topic, or makes sure that it is this worker's as well. RIACHO_REJECT names both. */
RIACHO_CHECKED riacho_status riacho_leases_ensure(riacho_worker *worker, riacho_error *err);
