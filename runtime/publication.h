/* SPDX-License-Identifier: MIT
 *
 * publication.h - what a commit shows to readers, and the memory of past commits that a wait
 * follows through repartition topics. The reading side is in worker_private.h.
 *
 * The history remembers, for the last commits, how far each input was read and how far each hop was
 * written. Both only grow, so the first commit that covers a position is found by halving. It is
 * bounded twice: by commits, and by numbers, because a task may have thousands of hops.
 *
 * Threads: made and published by the part of the worker that has the task, under the task's lock.
 */
#pragma once

#include "worker_private.h"

enum {
    RIACHO_HISTORY_COMMITS_MAX = 1024,
    RIACHO_HISTORY_COMMITS_MIN = 16,
    RIACHO_HISTORY_NUMBERS_MAX = 64 * 1024, /* of one task; 8 bytes each */
};

typedef struct riacho_history riacho_history;

riacho_history *riacho_history_new(size_t input_count, size_t hop_count);
void riacho_history_free(riacho_history *history);
/* positions[i].next of every input, ends[i].next of every hop. */
void riacho_history_add(riacho_history *history, const riacho_position *positions,
                        const riacho_position *ends);
/* The hops' ends at the first commit that covers `next` of the input, or at the oldest that is
 * remembered and does; NULL when none covers it. Borrowed until the next add. */
const int64_t *riacho_history_follow(const riacho_history *history, size_t input, int64_t next);

/* Opens a snapshot of the store as it is, and shows it together with the positions (both copied,
 * topic names borrowed) from now on. Wakes who waits. */
typedef struct riacho_publish {
    uint64_t number;
    int64_t stream_time_ms;
    const riacho_position *positions; /* of task->inputs */
    const riacho_position *ends;      /* of task->hops */
} riacho_publish;

void riacho_task_publish(riacho_task *task, const riacho_publish *publish);
/* Shows nothing any more; readers that have the last publication keep it. */
void riacho_task_unpublish(riacho_task *task);
/* Unpublishes, waits until no reader has a publication or measures the store, and closes it. The
 * part that has the task, whose run is closed; fine when no store is open. Readers hold a
 * publication for one answer, and none waits for another publication meanwhile. */
void riacho_task_close_store(riacho_task *task);
/* The chain whose steps are counted from now on; NULL: none. One that is freed is taken out first,
 * and what it counted stays. */
void riacho_task_set_chain(riacho_task *task, const struct riacho_chain *chain);
/* At the end of the worker: closes the store and frees what is remembered for readers. */
void riacho_task_end_serving(riacho_task *task);
/* Forgets past commits: they were another's, who alone knew how far it had written. */
void riacho_task_forget_history(riacho_task *task);
/* Changes state and reason (NULL: none) and wakes who waits. */
void riacho_task_set_state(riacho_task *task, riacho_task_state state, const char *reason);
/* Counts one more change and wakes everybody in riacho_worker_await_publish. */
void riacho_worker_wake(riacho_worker *worker);
