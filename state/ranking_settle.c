/* SPDX-License-Identifier: MIT
 *
 * ranking_settle.c - held scores (ranking_held.h) on their way into the store.
 *
 * Who adds without reading never learns that a group has grown large. So one addition in about
 * LOOK_EVERY looks, by a fixed sequence of chance: a group of many times that is found out for all
 * but certain, and what all groups pay for it is little.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "order.h"
#include "ranking_held_private.h"

enum { LOOK_EVERY = 256 };

/* The bound is written in steps, so seldom. */
static const uint64_t BOUND_STEP = (uint64_t)1 << 32;

/* ---- the bound ---- */

static riacho_status read_bound(riacho_ranking_held *held, uint64_t *ret_bound, riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_peek(&state, riacho_ranking_bound_key(), &stored, err));
    if (stored.data && stored.size != sizeof *ret_bound)
        return riacho_ranking_not_a_tally(err);
    *ret_bound = stored.data ? riacho_order_get_u64(stored.data) : 0;
    return RIACHO_OK;
}

riacho_status riacho_ranking_held_weigh(riacho_ranking_held *held, const riacho_ranking_step *step,
                                        bool *ret_fits, riacho_error *err)
{
    const uint64_t number = (uint64_t)step->number;
    const uint64_t weight = step->number < 0 ? 0 - number : number;
    if (!held->is_bound_known)
        RIACHO_TRY(read_bound(held, &held->bound, err));
    held->is_bound_known = true;
    *ret_fits = true;
    if (step->verb == RIACHO_RANKING_SET) {
        held->bound = held->bound > weight ? held->bound : weight;
    } else if (step->verb == RIACHO_RANKING_ADD) {
        *ret_fits = weight <= INT64_MAX && held->bound <= INT64_MAX - weight;
        held->bound += *ret_fits ? weight : 0;
    }
    return RIACHO_OK;
}

static riacho_status settle_bound(riacho_ranking_held *held, riacho_error *err)
{
    uint64_t stored;
    RIACHO_TRY(read_bound(held, &stored, err));
    if (!held->is_bound_known || held->bound <= stored)
        return RIACHO_OK;
    const uint64_t steps = (held->bound - 1) / BOUND_STEP + 1;
    riacho_order_put_u64(riacho_overlay_reserve(held->overlay, held->space,
                                                riacho_ranking_bound_key(), sizeof stored),
                         steps * BOUND_STEP);
    return RIACHO_OK;
}

/* ---- groups in pages ---- */

static void note_paged(riacho_ranking_held *held, riacho_bytes group)
{
    riacho_map_entry *entry = riacho_map_put(&held->paged, group);
    if (!entry->value)
        entry->key = riacho_copy(held->paged_keys, group);
    entry->value = held;
}

void riacho_ranking_forget_paged(riacho_ranking_held *held)
{
    riacho_map_clear(&held->paged);
    riacho_arena_reset(held->paged_keys);
    held->is_paged_known = held->is_paged_new = false;
}

static riacho_status read_paged(riacho_ranking_held *held, riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    const riacho_range listed = riacho_ranking_listed(&state);
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    riacho_bytes key, value;
    if (held->is_paged_known)
        return RIACHO_OK;
    RIACHO_TRY(riacho_state_scan(&state, &listed, &scan, err));
    for (;;) {
        RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
        if (!key.data)
            break;
        note_paged(held, riacho_ranking_listed_group(key));
    }
    held->is_paged_known = true;
    return RIACHO_OK;
}

static riacho_status move_to_pages(riacho_ranking_held *held, riacho_bytes group,
                                   riacho_bytes tally, riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    note_paged(held, group);
    held->is_paged_new = true;
    return riacho_ranking_group_to_pages(&state, group, tally, err);
}

riacho_status riacho_ranking_held_page(riacho_ranking_held *held, riacho_bytes group,
                                       riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    riacho_ranking_group stored;
    RIACHO_TRY(riacho_ranking_held_show(held, err));
    RIACHO_TRY(riacho_ranking_group_load(&state, group, &stored, err));
    const riacho_status status =
        stored.is_paged ? RIACHO_OK : move_to_pages(held, group, stored.tally, err);
    riacho_arena_reset(held->work);
    return status;
}

/* ---- settling ---- */

static riacho_bytes group_of(const riacho_table_entry *entry)
{
    return (riacho_bytes){entry->key.bytes.data, riacho_ranking_member_of(entry).group_bytes};
}

static riacho_bytes name_of(const riacho_table_entry *entry)
{
    const size_t group_bytes = riacho_ranking_member_of(entry).group_bytes;
    return (riacho_bytes){(const uint8_t *)entry->key.bytes.data + group_bytes,
                          entry->key.bytes.size - group_bytes - sizeof(uint32_t)};
}

static int compare_places(const void *a, const void *b)
{
    const riacho_ranking_listed_entry *left = a, *right = b;
    for (int i = 0; i < 2; i++) {
        if (left->lead[i] != right->lead[i])
            return left->lead[i] < right->lead[i] ? -1 : 1;
    }
    const int order = riacho_bytes_compare(group_of(left->entry), group_of(right->entry));
    return order ? order : riacho_bytes_compare(name_of(left->entry), name_of(right->entry));
}

static void sort_listed(riacho_ranking_held *held)
{
    if (held->listed_count > held->place_capacity) {
        held->place_capacity = held->listed_count;
        held->places =
            riacho_memory_resize(held->places, held->place_capacity * sizeof *held->places);
    }
    for (size_t i = 0; i < held->listed_count; i++) {
        riacho_ranking_listed_entry *place = &held->places[i];
        place->entry = riacho_table_entry_at(&held->table, held->listed[i]);
        uint8_t lead[16] = {0};
        const riacho_bytes group = group_of(place->entry);
        memcpy(lead, group.data, group.size < sizeof lead ? group.size : sizeof lead);
        place->lead[0] = riacho_order_get_u64(lead);
        place->lead[1] = riacho_order_get_u64(lead + 8);
    }
    if (held->listed_count > 1)
        qsort(held->places, held->listed_count, sizeof *held->places, compare_places);
}

/* The listed entries of one group. */
struct batch {
    riacho_bytes group;
    const riacho_ranking_listed_entry *places;
    size_t count;
    riacho_settle purpose;
};

static bool removes(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (riacho_ranking_member_of(batch->places[i].entry).verb == RIACHO_RANKING_REMOVE)
            return true;
    }
    return false;
}

static bool looks(riacho_ranking_held *held, size_t count)
{
    held->chance ^= held->chance << 13;
    held->chance ^= held->chance >> 7;
    held->chance ^= held->chance << 17;
    return held->chance % LOOK_EVERY < count;
}

static riacho_tally_entry change_of(const riacho_table_entry *entry)
{
    const riacho_ranking_member member = riacho_ranking_member_of(entry);
    return (riacho_tally_entry){name_of(entry), member.number,
                                member.verb == RIACHO_RANKING_SET ? RIACHO_TALLY_SET
                                                                  : RIACHO_TALLY_ADD};
}

static void fold_unseen(riacho_ranking_held *held, const riacho_state *state,
                        const struct batch *batch)
{
    riacho_tally_writer writer;
    riacho_tally_write(&writer, &held->tally);
    for (size_t i = 0; i < batch->count; i++) {
        const riacho_tally_entry change = change_of(batch->places[i].entry);
        riacho_tally_put(&writer, &change);
    }
    riacho_tally_write_done(&writer);
    riacho_overlay_fold(held->overlay, held->space, riacho_ranking_group_key(state, batch->group),
                        riacho_buffer_bytes(&held->tally));
}

/* The new entry of a name from the old one, either of which may be missing (NULL). */
static void put_changed(riacho_tally_writer *writer, const riacho_tally_entry *old,
                        const riacho_table_entry *changed)
{
    if (!changed) {
        riacho_tally_put(writer, old);
        return;
    }
    riacho_tally_entry new = change_of(changed);
    if (riacho_ranking_member_of(changed).verb == RIACHO_RANKING_REMOVE)
        return;
    if (old && new.verb == RIACHO_TALLY_ADD)
        new.number += old->number;
    new.verb = RIACHO_TALLY_SET;
    riacho_tally_put(writer, &new);
}

/* Into held->tally: the stored tally with the batch in it. */
static riacho_status fold_seen(riacho_ranking_held *held, riacho_bytes stored,
                               const struct batch *batch, size_t *ret_count, riacho_error *err)
{
    riacho_tally_reader reader;
    riacho_tally_writer writer;
    riacho_tally_entry old;
    size_t at = 0;
    riacho_tally_read(&reader, stored);
    riacho_tally_write(&writer, &held->tally);
    bool is_old = riacho_tally_next(&reader, &old);
    while (is_old || at < batch->count) {
        const riacho_table_entry *changed = at < batch->count ? batch->places[at].entry : NULL;
        const int order = !changed  ? -1
                          : !is_old ? 1
                                    : riacho_bytes_compare(old.name, name_of(changed));
        put_changed(&writer, order <= 0 ? &old : NULL, order >= 0 ? changed : NULL);
        at += order >= 0;
        if (order <= 0)
            is_old = riacho_tally_next(&reader, &old);
    }
    riacho_tally_write_done(&writer);
    *ret_count = writer.count;
    return riacho_tally_read_done(&reader) ? RIACHO_OK : riacho_ranking_not_a_tally(err);
}

static riacho_status settle_small(riacho_ranking_held *held, const riacho_state *state,
                                  const struct batch *batch, riacho_error *err)
{
    riacho_ranking_group stored;
    size_t count;
    if (batch->purpose == RIACHO_SETTLE_TO_WRITE && !removes(batch) && !looks(held, batch->count)) {
        fold_unseen(held, state, batch);
        return RIACHO_OK;
    }
    RIACHO_TRY(riacho_ranking_group_load(state, batch->group, &stored, err));
    assert(!stored.is_paged);
    RIACHO_TRY(fold_seen(held, stored.tally, batch, &count, err));
    const riacho_bytes tally = riacho_buffer_bytes(&held->tally);
    const riacho_bytes key = riacho_ranking_group_key(state, batch->group);
    if (count > RIACHO_RANKING_GROUP_MAX)
        return move_to_pages(held, batch->group, tally, err);
    if (count)
        riacho_overlay_put(held->overlay, held->space, key, tally);
    else
        riacho_overlay_delete(held->overlay, held->space, key);
    return RIACHO_OK;
}

/* A step of a member, with its board: pages are of one board. */
struct board_step {
    riacho_bytes board;
    riacho_bytes member;
    riacho_ranking_step step;
};

static int compare_steps(const void *a, const void *b)
{
    const struct board_step *left = a, *right = b;
    const int order = riacho_bytes_compare(left->board, right->board);
    return order ? order : riacho_bytes_compare(left->member, right->member);
}

static riacho_status move_of(const riacho_ranking_pages *pages, const struct board_step *step,
                             riacho_ranking_move *ret_move, riacho_error *err)
{
    riacho_ranking_found found;
    RIACHO_TRY(riacho_ranking_find(pages, step->member, &found, err));
    *ret_move = (riacho_ranking_move){
        .member = step->member,
        .old_score = found.is_there ? found.score : 0,
        .new_score = step->step.number,
        .was_there = found.is_there,
        .is_there = step->step.verb != RIACHO_RANKING_REMOVE,
    };
    if (step->step.verb == RIACHO_RANKING_ADD)
        ret_move->new_score += ret_move->old_score;
    return RIACHO_OK;
}

static riacho_status settle_board(const riacho_state *state, riacho_bytes group,
                                  const struct board_step *steps, size_t count, riacho_error *err)
{
    const riacho_ranking_pages pages =
        riacho_ranking_pages_of(state, (riacho_ranking_name){group, steps[0].board});
    riacho_ranking_move *moves = riacho_alloc(state->arena, count * sizeof *moves);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(move_of(&pages, &steps[i], &moves[i], err));
    return riacho_ranking_move_all(&pages, moves, count, err);
}

static riacho_status settle_paged(const riacho_state *state, const struct batch *batch,
                                  riacho_error *err)
{
    struct board_step *steps = riacho_alloc(state->arena, batch->count * sizeof *steps);
    for (size_t i = 0; i < batch->count; i++) {
        const riacho_ranking_member member = riacho_ranking_member_of(batch->places[i].entry);
        steps[i].step = (riacho_ranking_step){member.number, (riacho_ranking_verb)member.verb};
        RIACHO_TRY(riacho_ranking_tally_split(name_of(batch->places[i].entry), &steps[i].member,
                                              &steps[i].board, err));
    }
    qsort(steps, batch->count, sizeof *steps, compare_steps);
    for (size_t at = 0, end; at < batch->count; at = end) {
        for (end = at + 1;
             end < batch->count && riacho_bytes_equal(steps[at].board, steps[end].board);)
            end++;
        RIACHO_TRY(settle_board(state, batch->group, steps + at, end - at, err));
    }
    return RIACHO_OK;
}

static riacho_status settle_batch(riacho_ranking_held *held, const struct batch *batch,
                                  riacho_error *err)
{
    const riacho_state state = riacho_overlay_state(held->overlay, held->space, held->work);
    const riacho_status status = riacho_map_get(&held->paged, batch->group)
                                     ? settle_paged(&state, batch, err)
                                     : settle_small(held, &state, batch, err);
    riacho_arena_reset(held->work);
    for (size_t i = 0; i < batch->count && status == RIACHO_OK; i++) {
        riacho_ranking_member member = riacho_ranking_member_of(batch->places[i].entry);
        member.is_listed = false;
        riacho_ranking_member_set(held, batch->places[i].entry, &member);
    }
    return status;
}

riacho_status riacho_ranking_settle(riacho_ranking_held *held, riacho_settle purpose,
                                    riacho_error *err)
{
    const size_t count = held->listed_count;
    riacho_status status = RIACHO_OK;
    if (!count)
        return RIACHO_OK;
    RIACHO_TRY(read_paged(held, err));
    RIACHO_TRY(settle_bound(held, err));
    sort_listed(held);
    held->is_settled = true;
    held->listed_count = 0;
    for (size_t at = 0, end; at < count && status == RIACHO_OK; at = end) {
        const riacho_bytes group = group_of(held->places[at].entry);
        for (end = at + 1;
             end < count && riacho_bytes_equal(group, group_of(held->places[end].entry));)
            end++;
        const struct batch batch = {group, held->places + at, end - at, purpose};
        status = settle_batch(held, &batch, err);
    }
    return status;
}

riacho_status riacho_ranking_held_show(riacho_ranking_held *held, riacho_error *err)
{
    return riacho_ranking_settle(held, RIACHO_SETTLE_TO_SHOW, err);
}
