/* SPDX-License-Identifier: MIT
 *
 * ranking.h - members in the order of their scores: many rankings in one store, each under its key.
 *
 *   small    -> part of one value, together with others whose keys are the same up to the last '/'
 *               (ranking_group.h); a change is written without reading it
 *   large    -> a tree of places and one of members (ranking_pages.h)
 *
 * The order is by score, highest first, then by member as bytes, lowest first; ranks count from 1
 * and no two members share one. Ranks, tops and pages take one page read for each level of a large
 * ranking, and one read of a small one. The task's changes are held back until its commit
 * (ranking_held.h), so a state that it reads through has the overlay in it.
 *
 * Threads: as the view.
 */
#pragma once

#include "view.h"

/* One ranking. Borrows the key; cheap to make for a call. */
typedef struct riacho_state_ranking {
    riacho_state state;
    riacho_bytes key;
    uint64_t keep; /* members beyond the best so many are forgotten; 0: none are */
} riacho_state_ranking;

typedef struct riacho_state_ranking_entry {
    riacho_bytes member;
    int64_t score;
} riacho_state_ranking_entry;

typedef struct riacho_state_ranking_page {
    const riacho_state_ranking_entry *items; /* in the arena */
    size_t count;
    uint64_t first_rank; /* of items[0] */
} riacho_state_ranking_page;

typedef struct riacho_state_ranking_change {
    bool had_score; /* before */
    int64_t old_score;
    int64_t new_score;
} riacho_state_ranking_change;

/* ret_change may be NULL, and then nothing is read. A new member that is not among the best `keep`
 * is forgotten at once. */
RIACHO_CHECKED riacho_status riacho_state_ranking_set(const riacho_state_ranking *ranking,
                                                      riacho_bytes member, int64_t score,
                                                      riacho_state_ranking_change *ret_change,
                                                      riacho_error *err);
/* Adds to the score, 0 for a new member; RIACHO_REJECT, and nothing changed, on overflow. Without
 * ret_change (NULL) nothing is read, unless scores came near to where sums overflow. */
RIACHO_CHECKED riacho_status riacho_state_ranking_add(const riacho_state_ranking *ranking,
                                                      riacho_bytes member, int64_t delta,
                                                      riacho_state_ranking_change *ret_change,
                                                      riacho_error *err);
/* A member that is not there is fine. */
RIACHO_CHECKED riacho_status riacho_state_ranking_remove(const riacho_state_ranking *ranking,
                                                         riacho_bytes member, riacho_error *err);

RIACHO_CHECKED riacho_status riacho_state_ranking_score(const riacho_state_ranking *ranking,
                                                        riacho_bytes member, bool *ret_found,
                                                        int64_t *ret_score, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_state_ranking_size(const riacho_state_ranking *ranking,
                                                       uint64_t *ret_size, riacho_error *err);
/* 1 is the best; 0: no such member. */
RIACHO_CHECKED riacho_status riacho_state_ranking_rank(const riacho_state_ranking *ranking,
                                                       riacho_bytes member, uint64_t *ret_rank,
                                                       riacho_error *err);
/* The best `limit`, or those behind `after`: the last entry of the page before, which need not be
 * in the ranking any more. */
RIACHO_CHECKED riacho_status riacho_state_ranking_top(const riacho_state_ranking *ranking,
                                                      const riacho_state_ranking_entry *after,
                                                      size_t limit,
                                                      riacho_state_ranking_page *ret_page,
                                                      riacho_error *err);
/* The member between up to `each` better and `each` worse ones; empty when it is not there. */
RIACHO_CHECKED riacho_status riacho_state_ranking_around(const riacho_state_ranking *ranking,
                                                         riacho_bytes member, size_t each,
                                                         riacho_state_ranking_page *ret_page,
                                                         riacho_error *err);
/* Up to `each` entries just better than `than`, best first; it need not be in the ranking. */
RIACHO_CHECKED riacho_status riacho_state_ranking_better(const riacho_state_ranking *ranking,
                                                         const riacho_state_ranking_entry *than,
                                                         size_t each,
                                                         riacho_state_ranking_page *ret_page,
                                                         riacho_error *err);
