/* SPDX-License-Identifier: MIT
 *
 * ranking_group.h - where rankings lie. Those whose keys are the same up to the last '/' are a
 * group, and as long as a group is small it is one value: a tally (base/tally.h) of members and
 * boards, a board being what the key has behind that '/'. A change of it is folded into that value
 * without reading it. A group that was found to have more than RIACHO_RANKING_GROUP_MAX entries, or
 * whose rankings keep only their best, lies in pages (ranking_pages.h), and stays there.
 *
 *   'g' group         -> a tally: member, board, size of the board (1) -> score;  or 'P': in pages
 *   'l' group         -> nothing; there when the group is in pages, so that those can be listed
 *   't' closed(key)   -> what ranking_pages.h says, of one ranking
 *   'b'               -> 8 bytes: no score in this space is further from 0
 *
 * When a group goes to pages follows from when somebody looked, so two replays may differ in it;
 * they never differ in an answer. Threads: as the view.
 */
#pragma once

#include "base/tally.h"
#include "ranking.h"
#include "ranking_pages.h"

/* About twenty bytes each at the most; a read sorts those of one board. */
enum { RIACHO_RANKING_GROUP_MAX = 1024 };

/* A key, in two. Borrows it. */
typedef struct riacho_ranking_name {
    riacho_bytes group;
    riacho_bytes board;
} riacho_ranking_name;

/* A group as it is stored. */
typedef struct riacho_ranking_group {
    riacho_bytes tally; /* borrowed until the next call on the view; absent: nothing */
    bool is_paged;
} riacho_ranking_group;

/* The members of one board, best first, in the arena. */
typedef struct riacho_ranking_items {
    const riacho_state_ranking_entry *items;
    size_t count;
} riacho_ranking_items;

riacho_ranking_name riacho_ranking_split(riacho_bytes key);
riacho_bytes riacho_ranking_group_key(const riacho_state *state, riacho_bytes group);
/* Of every group in pages. */
riacho_range riacho_ranking_listed(const riacho_state *state);
/* The group of a listed key, borrowed from it. */
riacho_bytes riacho_ranking_listed_group(riacho_bytes listed_key);
riacho_bytes riacho_ranking_bound_key(void);
/* A member of a board as a tally has it, in the arena, and back. */
riacho_bytes riacho_ranking_tally_name(riacho_arena *arena, riacho_bytes member,
                                       riacho_bytes board);
RIACHO_CHECKED riacho_status riacho_ranking_tally_split(riacho_bytes tally_name,
                                                        riacho_bytes *ret_member,
                                                        riacho_bytes *ret_board, riacho_error *err);
/* The pages of one ranking of a group; the prefix is in the arena. */
riacho_ranking_pages riacho_ranking_pages_of(const riacho_state *state, riacho_ranking_name name);

RIACHO_CHECKED riacho_status riacho_ranking_group_load(const riacho_state *state,
                                                       riacho_bytes group,
                                                       riacho_ranking_group *ret_group,
                                                       riacho_error *err);
RIACHO_CHECKED riacho_status riacho_ranking_group_find(const riacho_ranking_group *group,
                                                       riacho_bytes tally_name, bool *ret_found,
                                                       int64_t *ret_score, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_ranking_group_board(const riacho_ranking_group *group,
                                                        riacho_bytes board, riacho_arena *arena,
                                                        riacho_ranking_items *ret_items,
                                                        riacho_error *err);
/* Moves every ranking of the tally to pages, and the group with them. */
RIACHO_CHECKED riacho_status riacho_ranking_group_to_pages(const riacho_state *state,
                                                           riacho_bytes group, riacho_bytes tally,
                                                           riacho_error *err);
RIACHO_CHECKED riacho_status riacho_ranking_not_a_tally(riacho_error *err);
