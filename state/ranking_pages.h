/* SPDX-License-Identifier: MIT
 *
 * ranking_pages.h - one ranking as its pages have it: a tree of places and, once that has more than
 * one page, a tree of members with their scores. Both change together.
 *
 * Threads: as the view.
 */
#pragma once

#include "tree.h"

/* Borrows all of it; cheap to make for a call. */
typedef struct riacho_ranking_pages {
    const riacho_state *state;
    riacho_bytes ranking; /* what the keys of its pages begin with */
} riacho_ranking_pages;

/* What became of a member's score. */
typedef struct riacho_ranking_move {
    riacho_bytes member;
    int64_t old_score;
    int64_t new_score;
    bool was_there;
    bool is_there;
} riacho_ranking_move;

typedef struct riacho_ranking_found {
    int64_t score;
    bool is_there;
} riacho_ranking_found;

riacho_tree riacho_ranking_places(const riacho_ranking_pages *pages);
/* In the state's arena; better scores make lower places. */
riacho_bytes riacho_ranking_place(const riacho_ranking_pages *pages, riacho_bytes member,
                                  int64_t score);
/* The member and score of a place. */
RIACHO_CHECKED riacho_status riacho_ranking_read_place(riacho_bytes place, riacho_bytes *ret_member,
                                                       int64_t *ret_score, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_ranking_find(const riacho_ranking_pages *pages,
                                                 riacho_bytes member,
                                                 riacho_ranking_found *ret_found,
                                                 riacho_error *err);
/* Ascending by member, each member once. */
RIACHO_CHECKED riacho_status riacho_ranking_move_all(const riacho_ranking_pages *pages,
                                                     const riacho_ranking_move *moves, size_t count,
                                                     riacho_error *err);
