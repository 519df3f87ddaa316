/* SPDX-License-Identifier: MIT
 *
 * task_store.h - opens the store of a task, and moves one aside that cannot be used.
 * riacho_task_close_store is in publication.h, because readers come first.
 *
 * Threads: the part of the worker that has the task.
 */
#pragma once

#include "worker_private.h"

/* Opens task->store, which is NULL. Damaged state is moved aside, named and counted, and an empty
 * store is opened. */
RIACHO_CHECKED riacho_status riacho_task_open_store(riacho_task *task, riacho_error *err);
/* Moves the state of a task whose store is closed aside, says so, and counts it. */
typedef struct riacho_unusable {
    const char *word; /* "damaged", "stale" */
    const char *why;
} riacho_unusable;
RIACHO_CHECKED riacho_status riacho_task_move_store_aside(riacho_task *task,
                                                          const riacho_unusable *unusable,
                                                          riacho_error *err);
/* The worker's cache of committed values is split evenly over its tasks. */
uint64_t riacho_task_cache_bytes(const riacho_task *task);
/* Its share of what all tasks may keep uncommitted and in caches: what its restore may take,
 * because it does not run meanwhile. */
uint64_t riacho_task_memory_bytes(const riacho_task *task);
