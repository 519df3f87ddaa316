/* SPDX-License-Identifier: MIT
 *
 * ranking.c - see ranking.h: changes that are held back (ranking_held.h) over groups and pages
 * (ranking_group.h, ranking_pages.h).
 *
 * A ranking that keeps only its best is changed at once and always in pages, because whom it
 * forgets depends on every step.
 */
#include "ranking.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"
#include "ranking_held.h"

enum { CUT_MAX = 16 };

/* A ranking being read, with every change in it. */
typedef struct board {
    riacho_ranking_pages pages;
    riacho_ranking_items items; /* when it is not in pages */
    bool is_paged;
} board;

static riacho_status open_board(const riacho_state_ranking *ranking, board *ret_board,
                                riacho_error *err)
{
    const riacho_state *state = &ranking->state;
    const riacho_ranking_name name = riacho_ranking_split(ranking->key);
    riacho_ranking_group group;
    if (state->overlay)
        RIACHO_TRY(riacho_ranking_held_show(riacho_ranking_held_of(state), err));
    RIACHO_TRY(riacho_ranking_group_load(state, name.group, &group, err));
    *ret_board = (board){.is_paged = group.is_paged};
    if (!group.is_paged)
        return riacho_ranking_group_board(&group, name.board, state->arena, &ret_board->items, err);
    ret_board->pages = riacho_ranking_pages_of(state, name);
    return RIACHO_OK;
}

static riacho_status find_stored(const riacho_state_ranking *ranking, riacho_bytes member,
                                 riacho_ranking_found *ret_found, riacho_error *err)
{
    const riacho_state *state = &ranking->state;
    const riacho_ranking_name name = riacho_ranking_split(ranking->key);
    riacho_ranking_group group;
    *ret_found = (riacho_ranking_found){0};
    RIACHO_TRY(riacho_ranking_group_load(state, name.group, &group, err));
    if (!group.is_paged)
        return riacho_ranking_group_find(
            &group, riacho_ranking_tally_name(state->arena, member, name.board),
            &ret_found->is_there, &ret_found->score, err);
    const riacho_ranking_pages pages = riacho_ranking_pages_of(state, name);
    return riacho_ranking_find(&pages, member, ret_found, err);
}

riacho_status riacho_state_ranking_score(const riacho_state_ranking *ranking, riacho_bytes member,
                                         bool *ret_found, int64_t *ret_score, riacho_error *err)
{
    const riacho_state *state = &ranking->state;
    riacho_ranking_step step = {0};
    riacho_ranking_found found = {0};
    const bool is_held = state->overlay && riacho_ranking_held_find(
                                               riacho_ranking_held_of(state),
                                               riacho_ranking_split(ranking->key), member, &step);
    if (!is_held || step.verb == RIACHO_RANKING_ADD)
        RIACHO_TRY(find_stored(ranking, member, &found, err));
    if (is_held) {
        found.score = (found.is_there ? found.score : 0) + step.number;
        found.is_there = step.verb != RIACHO_RANKING_REMOVE;
    }
    *ret_found = found.is_there;
    if (found.is_there)
        *ret_score = found.score;
    return RIACHO_OK;
}

/* Up to `limit` entries from the rank `first` + 1 on. */
static riacho_status read_pages(const riacho_ranking_pages *pages, uint64_t first, size_t limit,
                                riacho_state_ranking_page *ret_page, riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages);
    riacho_tree_entries read;
    RIACHO_TRY(riacho_tree_read(&places, first, limit, &read, err));
    riacho_state_ranking_entry *items =
        riacho_alloc_zero(pages->state->arena, read.count, sizeof *items);
    for (size_t i = 0; i < read.count; i++)
        RIACHO_TRY(
            riacho_ranking_read_place(read.items[i].key, &items[i].member, &items[i].score, err));
    *ret_page = (riacho_state_ranking_page){items, read.count, first + 1};
    return RIACHO_OK;
}

static riacho_status read_entries(const board *from, uint64_t first, size_t limit,
                                  riacho_state_ranking_page *ret_page, riacho_error *err)
{
    if (from->is_paged)
        return read_pages(&from->pages, first, limit, ret_page, err);
    const size_t start = first < from->items.count ? (size_t)first : from->items.count;
    const size_t left = from->items.count - start;
    *ret_page = (riacho_state_ranking_page){from->items.items + start, left < limit ? left : limit,
                                            first + 1};
    return RIACHO_OK;
}

/* ---- changes ---- */

/* Forgets the worst beyond `keep`; a `keep` that was lowered is reached over the next changes. */
static riacho_status cut(const riacho_state_ranking *ranking, const riacho_ranking_pages *pages,
                         riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages);
    riacho_state_ranking_page worst;
    uint64_t size;
    RIACHO_TRY(riacho_tree_size(&places, &size, err));
    if (size <= ranking->keep)
        return RIACHO_OK;
    const uint64_t excess = size - ranking->keep;
    const size_t count = excess < CUT_MAX ? (size_t)excess : CUT_MAX;
    RIACHO_TRY(read_pages(pages, size - count, count, &worst, err));
    for (size_t i = 0; i < worst.count; i++) {
        const riacho_ranking_move gone = {
            .member = worst.items[i].member, .old_score = worst.items[i].score, .was_there = true};
        RIACHO_TRY(riacho_ranking_move_all(pages, &gone, 1, err));
    }
    return RIACHO_OK;
}

/* One member's step, seen before it is made. */
typedef struct request {
    riacho_bytes member;
    riacho_ranking_step step;
} request;

static riacho_status make_kept(const riacho_state_ranking *ranking, const request *made,
                               const riacho_state_ranking_change *change, riacho_error *err)
{
    const riacho_ranking_name name = riacho_ranking_split(ranking->key);
    const riacho_ranking_move move = {
        .member = made->member,
        .old_score = change->old_score,
        .new_score = change->new_score,
        .was_there = change->had_score,
        .is_there = made->step.verb != RIACHO_RANKING_REMOVE,
    };
    RIACHO_TRY(riacho_ranking_held_page(riacho_ranking_held_of(&ranking->state), name.group, err));
    const riacho_ranking_pages pages = riacho_ranking_pages_of(&ranking->state, name);
    RIACHO_TRY(riacho_ranking_move_all(&pages, &move, 1, err));
    return move.is_there && !move.was_there ? cut(ranking, &pages, err) : RIACHO_OK;
}

/* The score is looked at first: somebody wants to know it, or the step depends on it. */
static riacho_status change_seen(const riacho_state_ranking *ranking, const request *wanted,
                                 riacho_state_ranking_change *ret_change, riacho_error *err)
{
    riacho_ranking_held *held = riacho_ranking_held_of(&ranking->state);
    riacho_state_ranking_change made = {.new_score = wanted->step.number};
    request seen = *wanted;
    bool fits;
    RIACHO_TRY(
        riacho_state_ranking_score(ranking, wanted->member, &made.had_score, &made.old_score, err));
    if (wanted->step.verb == RIACHO_RANKING_ADD &&
        __builtin_add_overflow(made.old_score, wanted->step.number, &made.new_score))
        return riacho_fail(err, RIACHO_REJECT, "%lld added to the score %lld does not fit",
                           (long long)wanted->step.number, (long long)made.old_score);
    const bool is_removed = wanted->step.verb == RIACHO_RANKING_REMOVE;
    if (ret_change)
        *ret_change = made;
    if (made.had_score ? !is_removed && made.old_score == made.new_score : is_removed)
        return RIACHO_OK;
    if (!is_removed)
        seen.step = (riacho_ranking_step){made.new_score, RIACHO_RANKING_SET};
    RIACHO_TRY(riacho_ranking_held_weigh(held, &seen.step, &fits, err));
    if (ranking->keep)
        return make_kept(ranking, &seen, &made, err);
    riacho_ranking_held_put(held, riacho_ranking_split(ranking->key), seen.member, &seen.step);
    return RIACHO_OK;
}

static riacho_status change(const riacho_state_ranking *ranking, const request *wanted,
                            riacho_state_ranking_change *ret_change, riacho_error *err)
{
    bool fits;
    assert(ranking->state.overlay);
    if (ret_change || ranking->keep)
        return change_seen(ranking, wanted, ret_change, err);
    riacho_ranking_held *held = riacho_ranking_held_of(&ranking->state);
    RIACHO_TRY(riacho_ranking_held_weigh(held, &wanted->step, &fits, err));
    if (!fits)
        return change_seen(ranking, wanted, ret_change, err);
    riacho_ranking_held_put(held, riacho_ranking_split(ranking->key), wanted->member,
                            &wanted->step);
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_set(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t score, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    return change(ranking, &(request){member, {score, RIACHO_RANKING_SET}}, ret_change, err);
}

riacho_status riacho_state_ranking_add(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t delta, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    return change(ranking, &(request){member, {delta, RIACHO_RANKING_ADD}}, ret_change, err);
}

riacho_status riacho_state_ranking_remove(const riacho_state_ranking *ranking, riacho_bytes member,
                                          riacho_error *err)
{
    return change(ranking, &(request){member, {.verb = RIACHO_RANKING_REMOVE}}, NULL, err);
}

/* ---- reads ---- */

riacho_status riacho_state_ranking_size(const riacho_state_ranking *ranking, uint64_t *ret_size,
                                        riacho_error *err)
{
    board from;
    RIACHO_TRY(open_board(ranking, &from, err));
    *ret_size = from.items.count;
    if (!from.is_paged)
        return RIACHO_OK;
    const riacho_tree places = riacho_ranking_places(&from.pages);
    return riacho_tree_size(&places, ret_size, err);
}

static bool is_before(const riacho_state_ranking_entry *a, const riacho_state_ranking_entry *b)
{
    return a->score != b->score ? a->score > b->score
                                : riacho_bytes_compare(a->member, b->member) < 0;
}

static uint64_t count_items_before(const riacho_ranking_items *items,
                                   const riacho_state_ranking_entry *than)
{
    size_t low = 0, high = items->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (is_before(&items->items[middle], than))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many are better than this entry, which need not be there. */
static riacho_status count_better(const board *from, const riacho_state_ranking_entry *than,
                                  uint64_t *ret_count, riacho_error *err)
{
    *ret_count = 0;
    if (!from->is_paged) {
        *ret_count = count_items_before(&from->items, than);
        return RIACHO_OK;
    }
    const riacho_tree places = riacho_ranking_places(&from->pages);
    return riacho_tree_below(&places, riacho_ranking_place(&from->pages, than->member, than->score),
                             ret_count, err);
}

riacho_status riacho_state_ranking_rank(const riacho_state_ranking *ranking, riacho_bytes member,
                                        uint64_t *ret_rank, riacho_error *err)
{
    riacho_state_ranking_entry here = {.member = member};
    board from;
    bool found;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &here.score, err));
    *ret_rank = 0;
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(open_board(ranking, &from, err));
    RIACHO_TRY(count_better(&from, &here, ret_rank, err));
    ++*ret_rank;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_top(const riacho_state_ranking *ranking,
                                       const riacho_state_ranking_entry *after, size_t limit,
                                       riacho_state_ranking_page *ret_page, riacho_error *err)
{
    board from;
    uint64_t first = 0;
    RIACHO_TRY(open_board(ranking, &from, err));
    if (after) {
        const riacho_state_ranking_entry next = {
            riacho_order_after(after->member, ranking->state.arena), after->score};
        RIACHO_TRY(count_better(&from, &next, &first, err));
    }
    return read_entries(&from, first, limit, ret_page, err);
}

riacho_status riacho_state_ranking_better(const riacho_state_ranking *ranking,
                                          const riacho_state_ranking_entry *than, size_t each,
                                          riacho_state_ranking_page *ret_page, riacho_error *err)
{
    board from;
    uint64_t better;
    RIACHO_TRY(open_board(ranking, &from, err));
    RIACHO_TRY(count_better(&from, than, &better, err));
    const size_t count = better < each ? (size_t)better : each;
    return read_entries(&from, better - count, count, ret_page, err);
}

riacho_status riacho_state_ranking_around(const riacho_state_ranking *ranking, riacho_bytes member,
                                          size_t each, riacho_state_ranking_page *ret_page,
                                          riacho_error *err)
{
    riacho_state_ranking_entry here = {.member = member};
    board from;
    uint64_t better;
    bool found;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &here.score, err));
    *ret_page = (riacho_state_ranking_page){0};
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(open_board(ranking, &from, err));
    RIACHO_TRY(count_better(&from, &here, &better, err));
    const uint64_t above = better < each ? better : each;
    const size_t limit = each < SIZE_MAX - above ? (size_t)above + 1 + each : SIZE_MAX;
    return read_entries(&from, better - above, limit, ret_page, err);
}
