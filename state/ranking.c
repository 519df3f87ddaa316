/* SPDX-License-Identifier: MIT
 *
 * ranking.c - see ranking.h.
 *
 * Invariant: 'm', 's' and 'c' tell of the same members. Every change goes to the member and the
 * index first and to the counts last, because these may read the index.
 */
#include "ranking.h"

#include <assert.h>

#include "base/macros.h"
#include "counts.h"
#include "order.h"
#include "overlay.h"

enum { MEMBER_TAG = 'm', PLACE_TAG = 's', COUNT_TAG = 'c', SCORE_BYTES = 8, CUT_MAX = 16 };

/* tag closed(key) rest */
static riacho_bytes key_of(const riacho_state_ranking *ranking, uint8_t tag, riacho_bytes rest)
{
    uint8_t *key = riacho_alloc(ranking->state.arena,
                                1 + riacho_order_closed_bytes_max(ranking->key.size) + rest.size);
    key[0] = tag;
    const size_t size = 1 + riacho_order_put_closed(key + 1, ranking->key);
    if (rest.size)
        memcpy(key + size, rest.data, rest.size);
    return (riacho_bytes){key, size + rest.size};
}

static riacho_counts counts_of(const riacho_state_ranking *ranking)
{
    const riacho_bytes none = {"", 0};
    return (riacho_counts){&ranking->state, key_of(ranking, PLACE_TAG, none),
                           key_of(ranking, COUNT_TAG, none)};
}

/* Better scores make lower places. */
static riacho_bytes place_of(const riacho_state_ranking *ranking, riacho_bytes member,
                             int64_t score)
{
    uint8_t *place = riacho_alloc(ranking->state.arena, SCORE_BYTES + member.size);
    riacho_order_put_u64(place, ~riacho_order_of_i64(score));
    if (member.size)
        memcpy(place + SCORE_BYTES, member.data, member.size);
    return (riacho_bytes){place, SCORE_BYTES + member.size};
}

static riacho_status entry_of(riacho_bytes place, riacho_state_ranking_entry *ret_entry,
                              riacho_error *err)
{
    if (place.size < SCORE_BYTES)
        return riacho_fail(err, RIACHO_FATAL, "a ranking's index has a place of %zu bytes",
                           place.size);
    ret_entry->score = riacho_order_to_i64(~riacho_order_get_u64(place.data));
    ret_entry->member =
        (riacho_bytes){(const uint8_t *)place.data + SCORE_BYTES, place.size - SCORE_BYTES};
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_score(const riacho_state_ranking *ranking, riacho_bytes member,
                                         bool *ret_found, int64_t *ret_score, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(
        riacho_state_get(&ranking->state, key_of(ranking, MEMBER_TAG, member), &stored, err));
    *ret_found = stored.data != NULL;
    if (!stored.data)
        return RIACHO_OK;
    if (stored.size != SCORE_BYTES)
        return riacho_fail(err, RIACHO_FATAL, "a score in a ranking has %zu bytes", stored.size);
    *ret_score = (int64_t)riacho_order_get_u64(stored.data);
    return RIACHO_OK;
}

static void put_place(const riacho_state_ranking *ranking, riacho_bytes place)
{
    riacho_overlay_put(ranking->state.overlay, ranking->state.space,
                       key_of(ranking, PLACE_TAG, place), (riacho_bytes){"", 0});
}

static void delete_place(const riacho_state_ranking *ranking, riacho_bytes place)
{
    riacho_overlay_delete(ranking->state.overlay, ranking->state.space,
                          key_of(ranking, PLACE_TAG, place));
}

static riacho_status forget(const riacho_state_ranking *ranking,
                            const riacho_state_ranking_entry *entry, riacho_error *err)
{
    const riacho_counts counts = counts_of(ranking);
    const riacho_bytes place = place_of(ranking, entry->member, entry->score);
    riacho_overlay_delete(ranking->state.overlay, ranking->state.space,
                          key_of(ranking, MEMBER_TAG, entry->member));
    delete_place(ranking, place);
    return riacho_counts_remove(&counts, place, err);
}

/* Reads up to `limit` entries of a range of the index. */
static riacho_status read_entries(const riacho_state_ranking *ranking, const riacho_range *range,
                                  size_t limit, riacho_state_ranking_entry *ret_items,
                                  size_t *ret_count, riacho_error *err)
{
    const size_t prefix_size = key_of(ranking, PLACE_TAG, (riacho_bytes){"", 0}).size;
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(&ranking->state, range, &scan, err));
    for (*ret_count = 0; *ret_count < limit; ++*ret_count) {
        riacho_bytes key, value;
        RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
        if (!key.data)
            break;
        key = riacho_copy(ranking->state.arena, key);
        const riacho_bytes place = {(const uint8_t *)key.data + prefix_size,
                                    key.size - prefix_size};
        RIACHO_TRY(entry_of(place, &ret_items[*ret_count], err));
    }
    return RIACHO_OK;
}

static riacho_range all_places(const riacho_state_ranking *ranking, riacho_direction direction)
{
    return riacho_order_prefix(key_of(ranking, PLACE_TAG, (riacho_bytes){"", 0}),
                               ranking->state.arena, direction);
}

/* Forgets the worst beyond `keep`; a `keep` that was lowered is reached over the next changes. */
static riacho_status cut(const riacho_state_ranking *ranking, riacho_error *err)
{
    riacho_state_ranking_entry worst[CUT_MAX];
    uint64_t size;
    size_t count;
    if (!ranking->keep)
        return RIACHO_OK;
    RIACHO_TRY(riacho_state_ranking_size(ranking, &size, err));
    if (size <= ranking->keep)
        return RIACHO_OK;
    const uint64_t excess = size - ranking->keep;
    const riacho_range range = all_places(ranking, RIACHO_BACKWARD);
    RIACHO_TRY(read_entries(ranking, &range, excess < CUT_MAX ? (size_t)excess : CUT_MAX, worst,
                            &count, err));
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(forget(ranking, &worst[i], err));
    return RIACHO_OK;
}

static riacho_status apply(const riacho_state_ranking *ranking, riacho_bytes member,
                           const riacho_state_ranking_change *made, riacho_error *err)
{
    const riacho_counts counts = counts_of(ranking);
    const riacho_bytes new = place_of(ranking, member, made->new_score);
    riacho_order_put_u64(riacho_overlay_reserve(ranking->state.overlay, ranking->state.space,
                                                key_of(ranking, MEMBER_TAG, member), SCORE_BYTES),
                         (uint64_t)made->new_score);
    put_place(ranking, new);
    if (!made->had_score) {
        RIACHO_TRY(riacho_counts_insert(&counts, new, err));
        return cut(ranking, err);
    }
    const riacho_bytes old = place_of(ranking, member, made->old_score);
    delete_place(ranking, old);
    return riacho_counts_move(&counts, old, new, err);
}

riacho_status riacho_state_ranking_set(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t score, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    riacho_state_ranking_change made = {.new_score = score};
    assert(ranking->state.overlay);
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &made.had_score, &made.old_score, err));
    if (!made.had_score || made.old_score != score)
        RIACHO_TRY(apply(ranking, member, &made, err));
    if (ret_change)
        *ret_change = made;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_add(const riacho_state_ranking *ranking, riacho_bytes member,
                                       int64_t delta, riacho_state_ranking_change *ret_change,
                                       riacho_error *err)
{
    bool found;
    int64_t old = 0, new;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &old, err));
    if (__builtin_add_overflow(old, delta, &new))
        return riacho_fail(err, RIACHO_REJECT, "%lld added to the score %lld does not fit",
                           (long long)delta, (long long)old);
    return riacho_state_ranking_set(ranking, member, new, ret_change, err);
}

riacho_status riacho_state_ranking_remove(const riacho_state_ranking *ranking, riacho_bytes member,
                                          riacho_error *err)
{
    riacho_state_ranking_entry entry = {.member = member};
    bool found;
    assert(ranking->state.overlay);
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &entry.score, err));
    return found ? forget(ranking, &entry, err) : RIACHO_OK;
}

riacho_status riacho_state_ranking_size(const riacho_state_ranking *ranking, uint64_t *ret_size,
                                        riacho_error *err)
{
    const riacho_counts counts = counts_of(ranking);
    return riacho_counts_total(&counts, ret_size, err);
}

riacho_status riacho_state_ranking_rank(const riacho_state_ranking *ranking, riacho_bytes member,
                                        uint64_t *ret_rank, riacho_error *err)
{
    const riacho_counts counts = counts_of(ranking);
    bool found;
    int64_t score;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &score, err));
    *ret_rank = 0;
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(riacho_counts_below(&counts, place_of(ranking, member, score), ret_rank, err));
    ++*ret_rank;
    return RIACHO_OK;
}

/* The number of members bounds what a page allocates. */
static riacho_status bound(const riacho_state_ranking *ranking, size_t *limit, riacho_error *err)
{
    uint64_t size;
    RIACHO_TRY(riacho_state_ranking_size(ranking, &size, err));
    if (*limit > size)
        *limit = (size_t)size;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_top(const riacho_state_ranking *ranking,
                                       const riacho_state_ranking_entry *after, size_t limit,
                                       riacho_state_ranking_page *ret_page, riacho_error *err)
{
    riacho_arena *arena = ranking->state.arena;
    riacho_range range = all_places(ranking, RIACHO_FORWARD);
    riacho_state_ranking_page page = {.first_rank = 1};
    RIACHO_TRY(bound(ranking, &limit, err));
    if (after) {
        const riacho_counts counts = counts_of(ranking);
        const riacho_bytes next =
            riacho_order_after(place_of(ranking, after->member, after->score), arena);
        range.from = key_of(ranking, PLACE_TAG, next);
        RIACHO_TRY(riacho_counts_below(&counts, next, &page.first_rank, err));
        page.first_rank++;
    }
    riacho_state_ranking_entry *items = riacho_alloc_zero(arena, limit, sizeof *items);
    RIACHO_TRY(read_entries(ranking, &range, limit, items, &page.count, err));
    page.items = items;
    *ret_page = page;
    return RIACHO_OK;
}

static void reverse(riacho_state_ranking_entry *items, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const riacho_state_ranking_entry swap = items[i];
        items[i] = items[count - 1 - i];
        items[count - 1 - i] = swap;
    }
}

riacho_status riacho_state_ranking_better(const riacho_state_ranking *ranking,
                                          const riacho_state_ranking_entry *than, size_t each,
                                          riacho_state_ranking_page *ret_page, riacho_error *err)
{
    const riacho_counts counts = counts_of(ranking);
    const riacho_bytes place = place_of(ranking, than->member, than->score);
    riacho_range range = all_places(ranking, RIACHO_BACKWARD);
    riacho_state_ranking_page page = {0};
    RIACHO_TRY(bound(ranking, &each, err));
    range.to = key_of(ranking, PLACE_TAG, place);
    riacho_state_ranking_entry *items =
        riacho_alloc_zero(ranking->state.arena, each, sizeof *items);
    RIACHO_TRY(read_entries(ranking, &range, each, items, &page.count, err));
    reverse(items, page.count);
    RIACHO_TRY(riacho_counts_below(&counts, place, &page.first_rank, err));
    page.first_rank = page.first_rank + 1 - page.count;
    page.items = items;
    *ret_page = page;
    return RIACHO_OK;
}

riacho_status riacho_state_ranking_around(const riacho_state_ranking *ranking, riacho_bytes member,
                                          size_t each, riacho_state_ranking_page *ret_page,
                                          riacho_error *err)
{
    riacho_state_ranking_entry here = {.member = member};
    riacho_state_ranking_page page = {0};
    bool found;
    RIACHO_TRY(riacho_state_ranking_score(ranking, member, &found, &here.score, err));
    *ret_page = page;
    if (!found)
        return RIACHO_OK;
    RIACHO_TRY(bound(ranking, &each, err));
    RIACHO_TRY(riacho_state_ranking_better(ranking, &here, each, &page, err));

    riacho_range range = all_places(ranking, RIACHO_FORWARD);
    range.from = key_of(ranking, PLACE_TAG, place_of(ranking, member, here.score));
    size_t worse_count;
    riacho_state_ranking_entry *items =
        riacho_alloc_zero(ranking->state.arena, page.count + each + 1, sizeof *items);
    if (page.count)
        memcpy(items, page.items, page.count * sizeof *items);
    RIACHO_TRY(read_entries(ranking, &range, each + 1, items + page.count, &worse_count, err));
    page.items = items;
    page.count += worse_count;
    *ret_page = page;
    return RIACHO_OK;
}
