/* SPDX-License-Identifier: MIT
 *
 * ranking_held.c - see ranking_held.h.
 *
 * Invariants: an entry is listed when its index is in `listed`, once. One that is not listed was
 * settled and counts for nothing: the pages know better. Only rankings of many pages have listed
 * entries. Entries are in a table (table.h), so undo leads them back; the list follows.
 */
#include "ranking_held.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "table.h"

/* The value of an entry; its key is the ranking's, closed, and the member. */
struct member {
    int64_t written_score; /* in the pages */
    int64_t score;
    uint32_t ranking_bytes; /* of the key */
    bool was_written;
    bool is_there;
    bool is_listed;
};

struct riacho_ranking_held {
    riacho_held base;
    riacho_overlay *overlay;
    uint32_t space;
    riacho_table table;
    uint32_t *listed;
    size_t listed_count;
    size_t listed_capacity;
    size_t savepoint_listed;
    bool is_settled; /* since the savepoint */
    riacho_arena *order;
    riacho_arena *work;
};

static riacho_ranking_held *held_of(riacho_held *base);

static struct member read_member(const riacho_table_entry *entry)
{
    struct member member;
    memcpy(&member, entry->value.data, sizeof member);
    return member;
}

static void write_member(riacho_ranking_held *held, const riacho_state_key *key,
                         const struct member *member)
{
    memcpy(riacho_table_put(&held->table, key, sizeof *member), member, sizeof *member);
}

static riacho_state_key key_of(const riacho_ranking_pages *pages, riacho_bytes member)
{
    uint8_t *key = riacho_alloc(pages->state->arena, pages->ranking.size + member.size);
    memcpy(key, pages->ranking.data, pages->ranking.size);
    if (member.size)
        memcpy(key + pages->ranking.size, member.data, member.size);
    return riacho_state_key_of(0, (riacho_bytes){key, pages->ranking.size + member.size});
}

static void list(riacho_ranking_held *held, uint32_t entry)
{
    if (held->listed_count == held->listed_capacity) {
        held->listed_capacity = held->listed_capacity ? held->listed_capacity * 2 : 256;
        held->listed =
            riacho_memory_resize(held->listed, held->listed_capacity * sizeof *held->listed);
    }
    held->listed[held->listed_count++] = entry;
}

bool riacho_ranking_held_find(const riacho_ranking_held *held, const riacho_ranking_pages *pages,
                              riacho_bytes member, riacho_ranking_found *ret_found)
{
    if (!held->table.count)
        return false;
    const riacho_state_key key = key_of(pages, member);
    const riacho_table_entry *entry = riacho_table_find(&held->table, &key);
    if (!entry)
        return false;
    const struct member found = read_member(entry);
    *ret_found = (riacho_ranking_found){found.score, found.is_there, false};
    return found.is_listed;
}

void riacho_ranking_held_put(riacho_ranking_held *held, const riacho_ranking_pages *pages,
                             const riacho_ranking_move *move)
{
    const riacho_state_key key = key_of(pages, move->member);
    const riacho_table_entry *entry = riacho_table_find(&held->table, &key);
    struct member member = {.written_score = move->old_score,
                            .ranking_bytes = (uint32_t)pages->ranking.size,
                            .was_written = move->was_there};
    const uint32_t index =
        (uint32_t)(entry ? (size_t)(entry - held->table.entries) : held->table.count);
    if (entry && read_member(entry).is_listed)
        member = read_member(entry);
    else
        list(held, index);
    member.score = move->new_score;
    member.is_there = move->is_there;
    member.is_listed = true;
    write_member(held, &key, &member);
}

/* ---- settling ---- */

static int compare_entries(const void *a, const void *b)
{
    const riacho_table_entry *const *left = a, *const *right = b;
    return riacho_bytes_compare((*left)->key.bytes, (*right)->key.bytes);
}

static riacho_bytes ranking_of(const riacho_table_entry *entry)
{
    return (riacho_bytes){entry->key.bytes.data, read_member(entry).ranking_bytes};
}

static riacho_ranking_move move_of(const riacho_table_entry *entry)
{
    const struct member member = read_member(entry);
    const riacho_bytes key = entry->key.bytes;
    return (riacho_ranking_move){
        .member = {(const uint8_t *)key.data + member.ranking_bytes,
                   key.size - member.ranking_bytes},
        .old_score = member.written_score,
        .new_score = member.score,
        .was_there = member.was_written,
        .is_there = member.is_there,
    };
}

static void mark_settled(riacho_ranking_held *held, const riacho_table_entry *entry)
{
    struct member member = read_member(entry);
    member.is_listed = false;
    write_member(held, &entry->key, &member);
}

/* The entries of one ranking, which lie together. */
static riacho_status settle_ranking(riacho_ranking_held *held, riacho_table_entry **entries,
                                    size_t count, riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    const riacho_ranking_pages pages = {&state, ranking_of(entries[0])};
    riacho_ranking_move *moves = riacho_alloc(held->work, count * sizeof *moves);
    for (size_t i = 0; i < count; i++)
        moves[i] = move_of(entries[i]);
    const riacho_status status = riacho_ranking_move_all(&pages, moves, count, err);
    for (size_t i = 0; i < count && status == RIACHO_OK; i++)
        mark_settled(held, entries[i]);
    riacho_arena_reset(held->work);
    return status;
}

riacho_status riacho_ranking_held_settle(riacho_ranking_held *held, riacho_error *err)
{
    const size_t count = held->listed_count;
    if (!count)
        return RIACHO_OK;
    riacho_table_entry **entries = riacho_alloc(held->order, count * sizeof(riacho_table_entry *));
    riacho_status status = RIACHO_OK;
    for (size_t i = 0; i < count; i++)
        entries[i] = &held->table.entries[held->listed[i]];
    qsort(entries, count, sizeof(riacho_table_entry *), compare_entries);
    held->is_settled = true;
    held->listed_count = 0;
    for (size_t at = 0, end; at < count && status == RIACHO_OK; at = end) {
        for (end = at + 1;
             end < count && riacho_bytes_equal(ranking_of(entries[at]), ranking_of(entries[end]));)
            end++;
        status = settle_ranking(held, entries + at, end - at, err);
    }
    riacho_arena_reset(held->order);
    return status;
}

/* ---- as the overlay sees it ---- */

static riacho_status held_settle(riacho_held *base, riacho_error *err)
{
    return riacho_ranking_held_settle(held_of(base), err);
}

static void held_savepoint(riacho_held *base)
{
    riacho_ranking_held *held = held_of(base);
    riacho_table_savepoint(&held->table);
    held->savepoint_listed = held->listed_count;
    held->is_settled = false;
}

static void held_undo(riacho_held *base)
{
    riacho_ranking_held *held = held_of(base);
    riacho_table_rewind(&held->table);
    if (!held->is_settled) {
        held->listed_count = held->savepoint_listed;
        return;
    }
    held->listed_count = 0;
    for (size_t i = 0; i < held->table.count; i++) {
        if (read_member(&held->table.entries[i]).is_listed)
            list(held, (uint32_t)i);
    }
    held->savepoint_listed = held->listed_count;
    held->is_settled = false;
}

static void held_drop(riacho_held *base)
{
    riacho_ranking_held *held = held_of(base);
    riacho_table_reset(&held->table);
    held->listed_count = held->savepoint_listed = 0;
    held->is_settled = false;
}

static size_t held_bytes(const riacho_held *base)
{
    const riacho_ranking_held *held = (const riacho_ranking_held *)base;
    return riacho_table_bytes(&held->table);
}

static void held_free(riacho_held *base)
{
    riacho_ranking_held *held = held_of(base);
    riacho_table_done(&held->table);
    riacho_arena_free(held->order);
    riacho_arena_free(held->work);
    free(held->listed);
    free(held);
}

static const riacho_held_ops held_ops = {
    .name = "ranking",
    .settle = held_settle,
    .savepoint = held_savepoint,
    .undo = held_undo,
    .drop = held_drop,
    .bytes = held_bytes,
    .free = held_free,
};

static riacho_ranking_held *held_of(riacho_held *base)
{
    assert(base->ops == &held_ops);
    return (riacho_ranking_held *)base;
}

riacho_ranking_held *riacho_ranking_held_of(const riacho_state *state)
{
    riacho_held *base = riacho_overlay_held(state->overlay, state->space);
    if (base)
        return held_of(base);
    riacho_ranking_held *held = riacho_memory_get_zero(1, sizeof *held);
    held->base.ops = &held_ops;
    held->overlay = state->overlay;
    held->space = state->space;
    held->order = riacho_arena_new();
    held->work = riacho_arena_new();
    riacho_table_init(&held->table);
    riacho_overlay_hold(state->overlay, state->space, &held->base);
    return held;
}
