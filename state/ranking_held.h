/* SPDX-License-Identifier: MIT
 *
 * ranking_held.h - the scores that a transaction changed and has not written yet, of every ranking
 * of a space that keeps all of its members. They are written once a commit: a small group gets one
 * change that nobody has to read anything for, a page of a large one is written once whatever
 * number of its members moved.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "overlay.h"
#include "ranking_group.h"

typedef struct riacho_ranking_held riacho_ranking_held;

typedef enum riacho_ranking_verb {
    RIACHO_RANKING_ADD = 0, /* to the score, 0 for a new member */
    RIACHO_RANKING_SET,
    RIACHO_RANKING_REMOVE,
} riacho_ranking_verb;

/* What became of a member of a board. */
typedef struct riacho_ranking_step {
    int64_t number;
    riacho_ranking_verb verb;
} riacho_ranking_step;

/* Of the state's overlay and space. */
riacho_ranking_held *riacho_ranking_held_of(const riacho_state *state);
/* false: nothing is held back of the member, what is stored is right about it. */
bool riacho_ranking_held_find(const riacho_ranking_held *held, riacho_ranking_name name,
                              riacho_bytes member, riacho_ranking_step *ret_step);
/* A number that is added fits, as riacho_ranking_held_weigh has said. */
void riacho_ranking_held_put(riacho_ranking_held *held, riacho_ranking_name name,
                             riacho_bytes member, const riacho_ranking_step *step);
/* Whether the step fits whatever the score is: no score of the space can be so far from 0 that it
 * would not. false: look at the score, then weigh what it becomes, as a RIACHO_RANKING_SET. */
RIACHO_CHECKED riacho_status riacho_ranking_held_weigh(riacho_ranking_held *held,
                                                       const riacho_ranking_step *step,
                                                       bool *ret_fits, riacho_error *err);
/* Has the group in pages from here on, with all of it. */
RIACHO_CHECKED riacho_status riacho_ranking_held_page(riacho_ranking_held *held, riacho_bytes group,
                                                      riacho_error *err);
/* Puts all of it where reads of the overlay see it. */
RIACHO_CHECKED riacho_status riacho_ranking_held_show(riacho_ranking_held *held, riacho_error *err);
