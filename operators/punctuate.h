/* SPDX-License-Identifier: MIT
 *
 * punctuate.h - the punctuators of one task: when each fires next.
 *
 *   stream time   on the grid of its interval from 0: due at once, then at the first multiple after
 *                 the time it fired at
 *   wall clock    on the grid of its interval from the moment it was scheduled, first after one
 *
 * A schedule is never freed while the chain lives, so cancelling one twice is harmless until its
 * operator schedules again, which takes a dead one first.
 *
 * Undo: the first change of a schedule in a unit of work keeps what it was before; a new one was
 * dead before. A punctuator that refused its work keeps its new due time, so it cannot be tried for
 * ever.
 *
 * Threads: the task's.
 */
#pragma once

#include "operator.h"

struct riacho_schedule {
    riacho_schedule *next;
    riacho_operator *owner;
    riacho_punctuate call;
    riacho_punctuation kind;
    uint32_t ordinal; /* among its operator's of this kind: what finds it again after a restart */
    int64_t interval_ms;
    int64_t due_ms;
    bool alive;
    int64_t due_before_ms;
    bool alive_before;
    uint64_t unit; /* in which it last changed */
};

typedef struct riacho_schedules {
    riacho_schedule *first; /* in the order of scheduling */
    riacho_schedule *last;
    uint64_t unit;
} riacho_schedules;

static inline void riacho_schedules_mark(riacho_schedules *schedules)
{
    schedules->unit++;
}

void riacho_schedules_undo(riacho_schedules *schedules);
/* Calls what is due, in the order of scheduling. ret_failed is set with another status than OK. */
RIACHO_CHECKED riacho_status riacho_schedules_fire(riacho_schedules *schedules,
                                                   riacho_punctuation kind, int64_t at_ms,
                                                   riacho_operator **ret_failed);
