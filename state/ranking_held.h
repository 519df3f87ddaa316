/* SPDX-License-Identifier: MIT
 *
 * ranking_held.h - the scores that a transaction changed in rankings of many pages and has not
 * written into the pages yet. A page then is written once a commit, whatever number of its members
 * moved; and a member that moves again costs a look into a hash table.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "overlay.h"
#include "ranking_pages.h"

typedef struct riacho_ranking_held riacho_ranking_held;

/* Of the state's overlay and space. */
riacho_ranking_held *riacho_ranking_held_of(const riacho_state *state);
/* false: nothing is held back of the member, the pages are right about it. */
bool riacho_ranking_held_find(const riacho_ranking_held *held, const riacho_ranking_pages *pages,
                              riacho_bytes member, riacho_ranking_found *ret_found);
/* What `find`, or else the pages, said of the member is no longer so. */
void riacho_ranking_held_put(riacho_ranking_held *held, const riacho_ranking_pages *pages,
                             const riacho_ranking_move *move);
/* Writes all of it into the pages. */
RIACHO_CHECKED riacho_status riacho_ranking_held_settle(riacho_ranking_held *held,
                                                        riacho_error *err);
