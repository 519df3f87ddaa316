/* SPDX-License-Identifier: MIT
 *
 * ranking.c - see ranking.h: scores that are held back (ranking_held.h) over pages
 * (ranking_pages.h).
 *
 * A change of a ranking of one page is made at once: that page is in hand anyway. One of a ranking
 * of many pages is held back until the commit, or until somebody asks for an order. A ranking that
 * keeps only its best changes at once too, because whom it forgets depends on every step.
 */
#include "ranking.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"
#include "ranking_held.h"
#include "ranking_pages.h"

enum { CUT_MAX = 16 };

static riacho_ranking_pages pages_of(const riacho_state_ranking *ranking)
{
    uint8_t *closed =
        riacho_alloc(ranking->state.arena, riacho_order_closed_bytes_max(ranking->key.size));
    const size_t size = riacho_order_put_closed(closed, ranking->key);
    return (riacho_ranking_pages){&ranking->state, {closed, size}};
}

/* The pages with every change in them. */
static riacho_status settled(const riacho_state_ranking *ranking, riacho_ranking_pages *ret_pages,
                             riacho_error *err)
{
    *ret_pages = pages_of(ranking);
    if (!ranking->state.overlay)
        return RIACHO_OK;
    return riacho_ranking_held_settle(riacho_ranking_held_of(&ranking->state), err);
}

static riacho_status find(const riacho_state_ranking *ranking, const riacho_ranking_pages *pages,
                          riacho_bytes member, riacho_ranking_found *ret_found, riacho_error *err)
{
    RIACHO_TRY(riacho_ranking_glance(pages, member, ret_found, err));
    if (ret_found->is_single)
        return RIACHO_OK;
    if (ranking->state.overlay &&
        riacho_ranking_held_find(riacho_ranking_held_of(&ranking->state), pages, member, ret_found))
        return RIACHO_OK;
    return riacho_ranking_find(pages, member, ret_found, err);
}

riacho_status riacho_state_ranking_score(const riacho_state_ranking *ranking, riacho_bytes member,
                                         bool *ret_found, int64_t *ret_score, riacho_error *err)
{
    const riacho_ranking_pages pages = pages_of(ranking);
    riacho_ranking_found found;
    RIACHO_TRY(find(ranking, &pages, member, &found, err));
    *ret_found = found.is_there;
    if (found.is_there)
        *ret_score = found.score;
    return RIACHO_OK;
}

/* Up to `limit` entries from the rank `first` + 1 on. */
static riacho_status read_entries(const riacho_ranking_pages *pages, uint64_t first, size_t limit,
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
    RIACHO_TRY(read_entries(pages, size - count, count, &worst, err));
    for (size_t i = 0; i < worst.count; i++) {
        const riacho_ranking_move gone = {
            .member = worst.items[i].member, .old_score = worst.items[i].score, .was_there = true};
        RIACHO_TRY(riacho_ranking_move_all(pages, &gone, 1, err));
    }
    return RIACHO_OK;
}

static riacho_status move(const riacho_state_ranking *ranking, const riacho_ranking_pages *pages,
                          const riacho_ranking_move *made, const riacho_ranking_found *before,
                          riacho_error *err)
{
    riacho_ranking_held *held = riacho_ranking_held_of(&ranking->state);
    if (!ranking->keep && !before->is_single) {
        riacho_ranking_held_put(held, pages, made);
        return RIACHO_OK;
    }
    if (ranking->keep)
        RIACHO_TRY(riacho_ranking_held_settle(held, err));
    RIACHO_TRY(riacho_ranking_move_all(pages, made, 1, err));
    return ranking->keep && !made->was_there ? cut(ranking, pages, err) : RIACHO_OK;
}

/* Sets the score to `score`, or with `is_more` adds it. */
typedef struct request {
    riacho_bytes member;
    int64_t score;
    bool is_more;
} request;

static riacho_status change(const riacho_state_ranking *ranking, const request *wanted,
                            riacho_state_ranking_change *ret_change, riacho_error *err)
{
    const riacho_ranking_pages pages = pages_of(ranking);
    riacho_ranking_found before;
    assert(ranking->state.overlay);
    RIACHO_TRY(find(ranking, &pages, wanted->member, &before, err));
    riacho_state_ranking_change made = {before.is_there, before.is_there ? before.score : 0,
                                        wanted->score};
    if (wanted->is_more && __builtin_add_overflow(made.old_score, wanted->score, &made.new_score))
        return riacho_fail(err, RIACHO_REJECT, "%lld added to the score %lld does not fit",
                           (long long)wanted->score, (long long)made.old_score);
    if (!made.had_score || made.old_score != made.new_score) {
        const riacho_ranking_move moved = {wanted->member, made.old_score, made.new_score,
                                           made.had_score, true};
        RIACHO_TRY(move(ranking, &pages, &moved, &before, err));
    }
    if (ret_change)
        *ret_change = made;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_set(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t score, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    return change(ranking, &(request){member, score, false}, ret_change, err);
}

riacho_status riacho_state_ranking_add(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t delta, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    return change(ranking, &(request){member, delta, true}, ret_change, err);
}

riacho_status riacho_state_ranking_remove(const riacho_state_ranking *ranking, riacho_bytes member,
                                          riacho_error *err)
{
    const riacho_ranking_pages pages = pages_of(ranking);
    riacho_ranking_found before;
    assert(ranking->state.overlay);
    RIACHO_TRY(find(ranking, &pages, member, &before, err));
    if (!before.is_there)
        return RIACHO_OK;
    const riacho_ranking_move gone = {
        .member = member, .old_score = before.score, .was_there = true};
    return move(ranking, &pages, &gone, &before, err);
}

/* ---- reads ---- */

riacho_status riacho_state_ranking_size(const riacho_state_ranking *ranking, uint64_t *ret_size,
                                        riacho_error *err)
{
    riacho_ranking_pages pages;
    RIACHO_TRY(settled(ranking, &pages, err));
    const riacho_tree places = riacho_ranking_places(&pages);
    return riacho_tree_size(&places, ret_size, err);
}

/* How many are better than this entry, which need not be there. */
static riacho_status count_better(const riacho_ranking_pages *pages,
                                  const riacho_state_ranking_entry *than, uint64_t *ret_count,
                                  riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages);
    return riacho_tree_below(&places, riacho_ranking_place(pages, than->member, than->score),
                             ret_count, err);
}

riacho_status riacho_state_ranking_rank(const riacho_state_ranking *ranking, riacho_bytes member,
                                        uint64_t *ret_rank, riacho_error *err)
{
    riacho_state_ranking_entry here = {.member = member};
    riacho_ranking_pages pages;
    bool found;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &here.score, err));
    *ret_rank = 0;
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(settled(ranking, &pages, err));
    RIACHO_TRY(count_better(&pages, &here, ret_rank, err));
    ++*ret_rank;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_top(const riacho_state_ranking *ranking,
                                       const riacho_state_ranking_entry *after, size_t limit,
                                       riacho_state_ranking_page *ret_page, riacho_error *err)
{
    riacho_ranking_pages pages;
    uint64_t first = 0;
    RIACHO_TRY(settled(ranking, &pages, err));
    if (after) {
        const riacho_tree places = riacho_ranking_places(&pages);
        const riacho_bytes next = riacho_order_after(
            riacho_ranking_place(&pages, after->member, after->score), ranking->state.arena);
        RIACHO_TRY(riacho_tree_below(&places, next, &first, err));
    }
    return read_entries(&pages, first, limit, ret_page, err);
}

riacho_status riacho_state_ranking_better(const riacho_state_ranking *ranking,
                                          const riacho_state_ranking_entry *than, size_t each,
                                          riacho_state_ranking_page *ret_page, riacho_error *err)
{
    riacho_ranking_pages pages;
    uint64_t better;
    RIACHO_TRY(settled(ranking, &pages, err));
    RIACHO_TRY(count_better(&pages, than, &better, err));
    const size_t count = better < each ? (size_t)better : each;
    return read_entries(&pages, better - count, count, ret_page, err);
}

riacho_status riacho_state_ranking_around(const riacho_state_ranking *ranking, riacho_bytes member,
                                          size_t each, riacho_state_ranking_page *ret_page,
                                          riacho_error *err)
{
    riacho_state_ranking_entry here = {.member = member};
    riacho_ranking_pages pages;
    uint64_t better;
    bool found;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &here.score, err));
    *ret_page = (riacho_state_ranking_page){0};
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(settled(ranking, &pages, err));
    RIACHO_TRY(count_better(&pages, &here, &better, err));
    const uint64_t above = better < each ? better : each;
    const size_t limit = each < SIZE_MAX - above ? (size_t)above + 1 + each : SIZE_MAX;
    return read_entries(&pages, better - above, limit, ret_page, err);
}
