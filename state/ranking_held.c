/* SPDX-License-Identifier: MIT
 *
 * ranking_held.c - see ranking_held.h; ranking_settle.c is the half that writes.
 */
#include "ranking_held_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"

static riacho_ranking_held *held_of(riacho_held *base);

/* Kept in `work`. */
static riacho_state_key key_of(const riacho_ranking_held *held, riacho_ranking_name name,
                               riacho_bytes member)
{
    const uint32_t group_bytes = (uint32_t)name.group.size;
    const size_t size = group_bytes + member.size + name.board.size + 1 + sizeof group_bytes;
    uint8_t *key = riacho_alloc(held->work, size);
    uint8_t *at = key;
    const riacho_bytes parts[] = {name.group, member, name.board};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; at += parts[i++].size) {
        if (parts[i].size)
            memcpy(at, parts[i].data, parts[i].size);
    }
    *at = (uint8_t)name.board.size;
    memcpy(at + 1, &group_bytes, sizeof group_bytes);
    return riacho_state_key_of(0, (riacho_bytes){key, size});
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

bool riacho_ranking_held_find(const riacho_ranking_held *held, riacho_ranking_name name,
                              riacho_bytes member, riacho_ranking_step *ret_step)
{
    if (!held->listed_count)
        return false;
    const riacho_state_key key = key_of(held, name, member);
    const riacho_table_entry *entry = riacho_table_find(&held->table, &key);
    riacho_arena_reset(held->work);
    if (!entry)
        return false;
    const riacho_ranking_member found = riacho_ranking_member_of(entry);
    *ret_step = (riacho_ranking_step){found.number, (riacho_ranking_verb)found.verb};
    return found.is_listed;
}

/* What two steps come to. */
static riacho_ranking_step follow(const riacho_ranking_member *first,
                                  const riacho_ranking_step *then)
{
    if (then->verb != RIACHO_RANKING_ADD)
        return *then;
    if (first->verb == RIACHO_RANKING_REMOVE)
        return (riacho_ranking_step){then->number, RIACHO_RANKING_SET};
    return (riacho_ranking_step){first->number + then->number, (riacho_ranking_verb)first->verb};
}

/* A member that the table does not have yet. */
static void add_member(riacho_ranking_held *held, const riacho_state_key *key,
                       const riacho_ranking_member *member)
{
    list(held, (uint32_t)held->table.count);
    memcpy(riacho_table_put(&held->table, key, sizeof *member), member, sizeof *member);
}

void riacho_ranking_held_put(riacho_ranking_held *held, riacho_ranking_name name,
                             riacho_bytes member, const riacho_ranking_step *step)
{
    const riacho_state_key key = key_of(held, name, member);
    riacho_table_entry *entry = riacho_table_find(&held->table, &key);
    riacho_ranking_member made = {.number = step->number,
                                  .group_bytes = (uint32_t)name.group.size,
                                  .verb = (uint8_t)step->verb,
                                  .is_listed = true};
    if (!entry) {
        add_member(held, &key, &made);
        riacho_arena_reset(held->work);
        return;
    }
    const riacho_ranking_member before = riacho_ranking_member_of(entry);
    if (before.is_listed) {
        const riacho_ranking_step both = follow(&before, step);
        made.number = both.number;
        made.verb = (uint8_t)both.verb;
    } else {
        list(held, entry->index);
    }
    riacho_ranking_member_set(held, entry, &made);
    riacho_arena_reset(held->work);
}

/* ---- as the overlay sees it ---- */

static riacho_status held_settle(riacho_held *base, riacho_settle purpose, riacho_error *err)
{
    return riacho_ranking_settle(held_of(base), purpose, err);
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
    if (held->is_paged_new)
        riacho_ranking_forget_paged(held);
    for (size_t i = 0; i < held->table.count; i++) {
        if (riacho_ranking_member_of(riacho_table_entry_at(&held->table, i)).is_listed)
            list(held, (uint32_t)i);
    }
    held->savepoint_listed = held->listed_count;
    held->is_settled = false;
}

static void held_drop(riacho_held *base)
{
    riacho_ranking_held *held = held_of(base);
    riacho_table_reset(&held->table);
    if (held->is_paged_new)
        riacho_ranking_forget_paged(held);
    held->listed_count = held->savepoint_listed = 0;
    held->is_settled = false;
    free(held->places);
    held->places = NULL;
    held->place_capacity = 0;
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
    riacho_arena_free(held->work);
    riacho_arena_free(held->paged_keys);
    riacho_map_done(&held->paged);
    riacho_buffer_done(&held->tally);
    free(held->places);
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
    held->work = riacho_arena_new();
    held->paged_keys = riacho_arena_new();
    held->chance = 0x9e3779b97f4a7c15u;
    riacho_table_init(&held->table);
    riacho_overlay_hold(state->overlay, state->space, &held->base);
    return held;
}
