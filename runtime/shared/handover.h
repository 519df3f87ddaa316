/* SPDX-License-Identifier: MIT
 *
 * handover.h - who has a task of a deployment on a log that workers share, and how it goes from one
 * to the next. At every moment one part of the worker has it, and only that part touches its store
 * and its run:
 *
 *              assigned                    restored
 *   AWAY  ---------------->  RESTORER  ---------------->  THREAD
 *    ^   |                    ^  |  ^                        |
 *    |   | standby wanted     |  |  | transaction aborted    |
 *    |   +--------------------+  |  | or lost                |
 *    |        (as a standby)     |  +------------------------+
 *    +---------------------------+                           |
 *    |       closed              revoked: committed, closed; lost: dropped
 *    +-------------------------------------------------------+
 *
 * RELEASE and DROP of an active task go to its thread. A part that is asked for a task which it has
 * passed on, or does not have yet, hands the word on the same way: the thread to its restorer, the
 * restorer to the task's thread. Boxes keep their order, so the word comes behind the task itself.
 *
 * The control part (membership.h) decides; the restorer and the threads are asked by a box that
 * each of them empties once a step, and answer by moving the task on. A task that the control part
 * wants back comes to it through its own box, closed.
 *
 * Threads: the functions by any; what a box holds belongs to whom takes it out.
 */
#pragma once

#include "riacho/port/broker.h"
#include "runtime/worker_private.h"

typedef enum riacho_handover_kind {
    RIACHO_HANDOVER_RESTORE = 1, /* restorer: bring it up to date as the active task, then give it
                                    to its thread */
    RIACHO_HANDOVER_STANDBY,     /* restorer: follow its changelogs until told otherwise */
    RIACHO_HANDOVER_RUN,         /* thread: it is restored, process it */
    RIACHO_HANDOVER_RELEASE,     /* restorer, thread: commit what is its (thread), close it, give it
                                    to control */
    RIACHO_HANDOVER_DROP,        /* restorer, thread: close it without a commit, give it to control
                                    */
    RIACHO_HANDOVER_CLOSED,      /* control: it is closed */
} riacho_handover_kind;

/* What a restore found and a run begins with; owned by whom has the task. */
typedef struct riacho_restored {
    riacho_arena *arena;         /* of all that this points to */
    riacho_commit_meta state;    /* the store's last write, as after the restore */
    riacho_committed *committed; /* of task->inputs[i], as the group has them; next < 0: never */
} riacho_restored;

void riacho_restored_free(riacho_restored *restored);

typedef struct riacho_handover {
    riacho_handover_kind kind;
    riacho_task *task;
    riacho_restored *restored; /* RUN */
} riacho_handover;

typedef struct riacho_box riacho_box;

riacho_box *riacho_box_new(void);
void riacho_box_free(riacho_box *box);
/* `wake` (may be NULL) is called after every put, by who put. */
void riacho_box_on_put(riacho_box *box, void (*wake)(void *arg), void *arg);
/* Any thread. Copies the handover. */
void riacho_box_put(riacho_box *box, const riacho_handover *handover);
/* The oldest one; false: it is empty. */
bool riacho_box_take(riacho_box *box, riacho_handover *ret_handover);
