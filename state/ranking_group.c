/* SPDX-License-Identifier: MIT
 *
 * ranking_group.c - see ranking_group.h.
 */
#include "ranking_group.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum {
    GROUP_TAG = 'g',
    LISTED_TAG = 'l',
    PAGES_TAG = 't',
    BOUND_TAG = 'b',
    PAGED_VALUE = 'P',
    BOARD_BYTES_MAX = 200,
};

static const uint8_t paged_value[] = {PAGED_VALUE};

riacho_status riacho_ranking_not_a_tally(riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "a ranking holds bytes that it did not write");
}

/* ---- names ---- */

riacho_ranking_name riacho_ranking_split(riacho_bytes key)
{
    const uint8_t *bytes = key.data;
    size_t board_bytes = 0;
    while (board_bytes < key.size && bytes[key.size - 1 - board_bytes] != '/')
        board_bytes++;
    if (board_bytes == key.size || board_bytes > BOARD_BYTES_MAX)
        board_bytes = 0;
    return (riacho_ranking_name){{bytes, key.size - board_bytes},
                                 {bytes + key.size - board_bytes, board_bytes}};
}

static riacho_bytes tagged(const riacho_state *state, uint8_t tag, riacho_bytes part)
{
    uint8_t *key = riacho_alloc(state->arena, 1 + part.size);
    key[0] = tag;
    if (part.size)
        memcpy(key + 1, part.data, part.size);
    return (riacho_bytes){key, 1 + part.size};
}

riacho_bytes riacho_ranking_group_key(const riacho_state *state, riacho_bytes group)
{
    return tagged(state, GROUP_TAG, group);
}

riacho_range riacho_ranking_listed(const riacho_state *state)
{
    static const uint8_t tag[] = {LISTED_TAG};
    return riacho_order_prefix((riacho_bytes){tag, 1}, state->arena, RIACHO_FORWARD);
}

riacho_bytes riacho_ranking_listed_group(riacho_bytes listed_key)
{
    return (riacho_bytes){(const uint8_t *)listed_key.data + 1, listed_key.size - 1};
}

riacho_bytes riacho_ranking_bound_key(void)
{
    static const uint8_t tag[] = {BOUND_TAG};
    return (riacho_bytes){tag, 1};
}

riacho_bytes riacho_ranking_tally_name(riacho_arena *arena, riacho_bytes member, riacho_bytes board)
{
    uint8_t *name = riacho_alloc(arena, member.size + board.size + 1);
    if (member.size)
        memcpy(name, member.data, member.size);
    if (board.size)
        memcpy(name + member.size, board.data, board.size);
    name[member.size + board.size] = (uint8_t)board.size;
    return (riacho_bytes){name, member.size + board.size + 1};
}

riacho_status riacho_ranking_tally_split(riacho_bytes tally_name, riacho_bytes *ret_member,
                                         riacho_bytes *ret_board, riacho_error *err)
{
    const uint8_t *bytes = tally_name.data;
    const size_t board_bytes = tally_name.size ? bytes[tally_name.size - 1] : 0;
    if (tally_name.size < 1 + board_bytes)
        return riacho_ranking_not_a_tally(err);
    const size_t member_bytes = tally_name.size - 1 - board_bytes;
    *ret_member = (riacho_bytes){bytes, member_bytes};
    *ret_board = (riacho_bytes){bytes + member_bytes, board_bytes};
    return RIACHO_OK;
}

riacho_ranking_pages riacho_ranking_pages_of(const riacho_state *state, riacho_ranking_name name)
{
    const size_t size = name.group.size + name.board.size;
    uint8_t *key = riacho_alloc(state->arena, size);
    uint8_t *prefix = riacho_alloc(state->arena, 1 + riacho_order_closed_bytes_max(size));
    if (name.group.size)
        memcpy(key, name.group.data, name.group.size);
    if (name.board.size)
        memcpy(key + name.group.size, name.board.data, name.board.size);
    prefix[0] = PAGES_TAG;
    const size_t used = riacho_order_put_closed(prefix + 1, (riacho_bytes){key, size});
    return (riacho_ranking_pages){state, {prefix, 1 + used}};
}

/* ---- reading ---- */

riacho_status riacho_ranking_group_load(const riacho_state *state, riacho_bytes group,
                                        riacho_ranking_group *ret_group, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_peek(state, riacho_ranking_group_key(state, group), &stored, err));
    *ret_group = (riacho_ranking_group){stored, false};
    if (!stored.data || (stored.size && *(const uint8_t *)stored.data == RIACHO_TALLY_TAG))
        return RIACHO_OK;
    if (!riacho_bytes_equal(stored, (riacho_bytes){paged_value, sizeof paged_value}))
        return riacho_ranking_not_a_tally(err);
    *ret_group = (riacho_ranking_group){.is_paged = true};
    return RIACHO_OK;
}

riacho_status riacho_ranking_group_find(const riacho_ranking_group *group, riacho_bytes tally_name,
                                        bool *ret_found, int64_t *ret_score, riacho_error *err)
{
    riacho_tally_reader reader;
    riacho_tally_entry entry;
    *ret_found = false;
    riacho_tally_read(&reader, group->tally);
    while (!*ret_found && riacho_tally_next(&reader, &entry)) {
        *ret_found = riacho_bytes_equal(entry.name, tally_name);
        if (*ret_found)
            *ret_score = entry.number;
    }
    return riacho_tally_read_done(&reader) ? RIACHO_OK : riacho_ranking_not_a_tally(err);
}

/* One entry of a tally, taken apart; in the arena. */
struct part {
    riacho_bytes board;
    riacho_state_ranking_entry item;
};

struct parts {
    struct part *items;
    size_t count;
    size_t capacity;
};

static struct part *add_part(struct parts *parts, riacho_arena *arena)
{
    if (parts->count == parts->capacity) {
        struct part *before = parts->items;
        parts->capacity = parts->capacity ? parts->capacity * 2 : 32;
        parts->items = riacho_alloc(arena, parts->capacity * sizeof *parts->items);
        if (parts->count)
            memcpy(parts->items, before, parts->count * sizeof *parts->items);
    }
    return &parts->items[parts->count++];
}

/* Of one board, or of all when `board` is NULL. */
static riacho_status take_apart(riacho_bytes tally, const riacho_bytes *board, riacho_arena *arena,
                                struct parts *ret_parts, riacho_error *err)
{
    riacho_tally_reader reader;
    riacho_tally_entry entry;
    riacho_status status = RIACHO_OK;
    *ret_parts = (struct parts){0};
    riacho_tally_read(&reader, tally);
    while (status == RIACHO_OK && riacho_tally_next(&reader, &entry)) {
        riacho_bytes member, its_board;
        status = riacho_ranking_tally_split(entry.name, &member, &its_board, err);
        if (status != RIACHO_OK || (board && !riacho_bytes_equal(its_board, *board)))
            continue;
        *add_part(ret_parts, arena) = (struct part){
            board ? *board : riacho_copy(arena, its_board),
            {riacho_copy(arena, member), entry.number},
        };
    }
    if (!riacho_tally_read_done(&reader) && status == RIACHO_OK)
        status = riacho_ranking_not_a_tally(err);
    return status;
}

static int compare_items(const void *a, const void *b)
{
    const riacho_state_ranking_entry *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return riacho_bytes_compare(left->member, right->member);
}

riacho_status riacho_ranking_group_board(const riacho_ranking_group *group, riacho_bytes board,
                                         riacho_arena *arena, riacho_ranking_items *ret_items,
                                         riacho_error *err)
{
    struct parts parts;
    RIACHO_TRY(take_apart(group->tally, &board, arena, &parts, err));
    riacho_state_ranking_entry *items = riacho_alloc(arena, parts.count * sizeof *items);
    for (size_t i = 0; i < parts.count; i++)
        items[i] = parts.items[i].item;
    if (parts.count > 1)
        qsort(items, parts.count, sizeof *items, compare_items);
    *ret_items = (riacho_ranking_items){items, parts.count};
    return RIACHO_OK;
}

/* ---- to pages ---- */

static int compare_parts(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    const int order = riacho_bytes_compare(left->board, right->board);
    return order ? order : riacho_bytes_compare(left->item.member, right->item.member);
}

static riacho_status fill_board(const riacho_state *state, riacho_bytes group,
                                const struct part *parts, size_t count, riacho_error *err)
{
    const riacho_ranking_pages pages =
        riacho_ranking_pages_of(state, (riacho_ranking_name){group, parts[0].board});
    riacho_ranking_move *moves = riacho_alloc(state->arena, count * sizeof *moves);
    for (size_t i = 0; i < count; i++)
        moves[i] = (riacho_ranking_move){
            .member = parts[i].item.member, .new_score = parts[i].item.score, .is_there = true};
    return riacho_ranking_move_all(&pages, moves, count, err);
}

riacho_status riacho_ranking_group_to_pages(const riacho_state *state, riacho_bytes group,
                                            riacho_bytes tally, riacho_error *err)
{
    struct parts parts;
    RIACHO_TRY(take_apart(tally, NULL, state->arena, &parts, err));
    if (parts.count > 1)
        qsort(parts.items, parts.count, sizeof *parts.items, compare_parts);
    for (size_t at = 0, end; at < parts.count; at = end) {
        for (end = at + 1; end < parts.count &&
                           riacho_bytes_equal(parts.items[at].board, parts.items[end].board);)
            end++;
        RIACHO_TRY(fill_board(state, group, parts.items + at, end - at, err));
    }
    riacho_overlay_put(state->overlay, state->space, riacho_ranking_group_key(state, group),
                       (riacho_bytes){paged_value, sizeof paged_value});
    riacho_overlay_put(state->overlay, state->space, tagged(state, LISTED_TAG, group),
                       (riacho_bytes){"", 0});
    return RIACHO_OK;
}
