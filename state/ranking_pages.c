/* SPDX-License-Identifier: MIT
 *
 * ranking_pages.c - see ranking_pages.h.
 */
#include "ranking_pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

enum { PLACES_TAG = 'p', MEMBERS_TAG = 'm', SCORE_BYTES = 8, PLACE_SCORE_BYTES_MAX = 9 };

static riacho_tree tree_of(const riacho_ranking_pages *pages, uint8_t tag, uint32_t value_bytes)
{
    uint8_t *prefix = riacho_alloc(pages->state->arena, pages->ranking.size + 1);
    memcpy(prefix, pages->ranking.data, pages->ranking.size);
    prefix[pages->ranking.size] = tag;
    return (riacho_tree){pages->state, {prefix, pages->ranking.size + 1}, value_bytes};
}

riacho_tree riacho_ranking_places(const riacho_ranking_pages *pages)
{
    return tree_of(pages, PLACES_TAG, 0);
}

static riacho_tree members_of(const riacho_ranking_pages *pages)
{
    return tree_of(pages, MEMBERS_TAG, SCORE_BYTES);
}

/* A score in a place: how many bytes it takes, then those, big-endian, all turned over because
 * better scores come first. Most scores are small, and a place is most of what a page holds. */
static size_t write_score(uint8_t *at, int64_t score)
{
    const uint64_t size_bits = (uint64_t)(score < 0 ? ~score : score);
    const unsigned bytes = size_bits ? (71u - (unsigned)__builtin_clzll(size_bits)) / 8 : 0;
    at[0] = (uint8_t)(score < 0 ? 0x80 + bytes : 0x7f - bytes);
    for (unsigned i = 0; i < bytes; i++)
        at[1 + i] = (uint8_t) ~((uint64_t)score >> 8 * (bytes - 1 - i));
    return 1 + bytes;
}

riacho_bytes riacho_ranking_place(const riacho_ranking_pages *pages, riacho_bytes member,
                                  int64_t score)
{
    uint8_t *place = riacho_alloc(pages->state->arena, PLACE_SCORE_BYTES_MAX + member.size);
    const size_t used = write_score(place, score);
    if (member.size)
        memcpy(place + used, member.data, member.size);
    return (riacho_bytes){place, used + member.size};
}

riacho_status riacho_ranking_read_place(riacho_bytes place, riacho_bytes *ret_member,
                                        int64_t *ret_score, riacho_error *err)
{
    const uint8_t *at = place.data;
    const bool is_negative = place.size && at[0] >= 0x80;
    const size_t bytes = !place.size ? 0 : is_negative ? at[0] - 0x80u : 0x7fu - at[0];
    if (bytes > SCORE_BYTES || place.size < 1 + bytes)
        return riacho_fail(err, RIACHO_FATAL, "a ranking has a place of %zu bytes", place.size);
    uint64_t score = is_negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++)
        score = score << 8 | (uint8_t)~at[1 + i];
    *ret_score = (int64_t)score;
    *ret_member = (riacho_bytes){at + 1 + bytes, place.size - 1 - bytes};
    return RIACHO_OK;
}

/* A ranking of one page has no tree of members. */
static riacho_status find_place(riacho_tree_page page, riacho_bytes member,
                                riacho_ranking_found *ret_found, riacho_error *err)
{
    riacho_tree_entry entry;
    riacho_bytes other;
    int64_t score;
    while (!ret_found->is_there && riacho_tree_next(&page, &entry)) {
        RIACHO_TRY(riacho_ranking_read_place(entry.key, &other, &score, err));
        ret_found->is_there = riacho_bytes_equal(other, member);
        ret_found->score = score;
    }
    return riacho_tree_end(&page, err);
}

riacho_status riacho_ranking_find(const riacho_ranking_pages *pages, riacho_bytes member,
                                  riacho_ranking_found *ret_found, riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages), members = members_of(pages);
    riacho_tree_page root;
    uint64_t score = 0;
    *ret_found = (riacho_ranking_found){0};
    RIACHO_TRY(riacho_tree_root(&places, &root, err));
    if (!root.level)
        return find_place(root, member, ret_found, err);
    RIACHO_TRY(riacho_tree_get(&members, member, &ret_found->is_there, &score, err));
    ret_found->score = (int64_t)score;
    return RIACHO_OK;
}

/* ---- changes ---- */

static int compare_changes(const void *a, const void *b)
{
    return riacho_bytes_compare(((const riacho_tree_change *)a)->key,
                                ((const riacho_tree_change *)b)->key);
}

static riacho_status move_places(const riacho_ranking_pages *pages,
                                 const riacho_ranking_move *moves, size_t count,
                                 riacho_tree_levels *ret_levels, riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages);
    riacho_tree_change *changes = riacho_alloc(pages->state->arena, 2 * count * sizeof *changes);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const riacho_ranking_move *move = &moves[i];
        if (move->was_there && move->is_there && move->old_score == move->new_score)
            continue;
        if (move->was_there)
            changes[used++] = (riacho_tree_change){
                riacho_ranking_place(pages, move->member, move->old_score), 0, RIACHO_TREE_DELETE};
        if (move->is_there)
            changes[used++] = (riacho_tree_change){
                riacho_ranking_place(pages, move->member, move->new_score), 0, RIACHO_TREE_PUT};
    }
    if (used > 1)
        qsort(changes, used, sizeof *changes, compare_changes);
    return riacho_tree_apply(&places, changes, used, ret_levels, err);
}

static riacho_status move_members(const riacho_ranking_pages *pages,
                                  const riacho_ranking_move *moves, size_t count, riacho_error *err)
{
    const riacho_tree members = members_of(pages);
    riacho_tree_change *changes = riacho_alloc(pages->state->arena, count * sizeof *changes);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (moves[i].is_there || moves[i].was_there)
            changes[used++] =
                (riacho_tree_change){moves[i].member, (uint64_t)moves[i].new_score,
                                     moves[i].is_there ? RIACHO_TREE_PUT : RIACHO_TREE_DELETE};
    }
    return riacho_tree_apply(&members, changes, used, NULL, err);
}

/* The places have become more than one page. */
static riacho_status make_members(const riacho_ranking_pages *pages, riacho_error *err)
{
    const riacho_tree places = riacho_ranking_places(pages), members = members_of(pages);
    riacho_tree_entries all;
    RIACHO_TRY(riacho_tree_read(&places, 0, SIZE_MAX, &all, err));
    riacho_tree_change *changes = riacho_alloc(pages->state->arena, all.count * sizeof *changes);
    for (size_t i = 0; i < all.count; i++) {
        int64_t score;
        changes[i] = (riacho_tree_change){0};
        RIACHO_TRY(riacho_ranking_read_place(all.items[i].key, &changes[i].key, &score, err));
        changes[i].value = (uint64_t)score;
    }
    qsort(changes, all.count, sizeof *changes, compare_changes);
    return riacho_tree_apply(&members, changes, all.count, NULL, err);
}

riacho_status riacho_ranking_move_all(const riacho_ranking_pages *pages,
                                      const riacho_ranking_move *moves, size_t count,
                                      riacho_error *err)
{
    riacho_tree_levels levels = {0};
    RIACHO_TRY(move_places(pages, moves, count, &levels, err));
    if (levels.after)
        return levels.before ? move_members(pages, moves, count, err) : make_members(pages, err);
    if (!levels.before)
        return RIACHO_OK;
    const riacho_tree members = members_of(pages);
    return riacho_tree_clear(&members, err);
}
