/* SPDX-License-Identifier: MIT
 *
 * room.h - the one budget of uncommitted changes of a stream thread, taken by its tasks as each
 * needs it: a task that changes little leaves its part to those that change much.
 *
 *   room of a run    what the others have left, and never less than a small share, so that a task
 *                    whose commit has to wait (a full disk) slows the others down and stops none
 *   gives_room       chosen to commit because the budget is used up: the largest first, until half
 *                    of it is free. A small task is not made to commit because a large one is full.
 *
 * So all tasks together hold at most the budget, but for what those small shares and one record of
 * each task may add.
 *
 * Threads: the stream thread.
 */
#pragma once

#include "thread.h"

/* Bytes that the run holds until it commits: changes and outputs, the sealed ones included. */
size_t riacho_run_bytes(const riacho_run *run);

/* Says anew what each run may hold, and which are to commit. */
void riacho_thread_share_room(riacho_thread *thread);
/* The same of one run, when the runs of the thread hold `used_bytes` together. */
void riacho_run_give_room(riacho_run *run, const riacho_thread *thread, size_t used_bytes);
