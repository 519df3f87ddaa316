/* SPDX-License-Identifier: MIT
 *
 * peer_share.c - what one task says, as it travels (peer.h). Which members of a share there are is
 * known from what was wanted.
 */
#include "peer.h"

enum { PAIR_BYTES_MIN = 8, RANKED_BYTES_MIN = 12, ENTRY_BYTES_MIN = 12 };

/* ---- putting --------------------------------------------------------------------------------- */

static void put_page(const riacho_state_ranking_page *page, riacho_buffer *out)
{
    riacho_wire_put(out, page->first_rank, 8);
    riacho_wire_put(out, page->count, 4);
    for (size_t i = 0; i < page->count; i++) {
        riacho_wire_put_bytes(out, page->items[i].member);
        riacho_wire_put(out, (uint64_t)page->items[i].score, 8);
    }
}

static void put_rank(const riacho_share *share, const riacho_wanted *wanted, riacho_buffer *out)
{
    riacho_wire_put(out, share->has_score, 1);
    riacho_wire_put(out, (uint64_t)share->score, 8);
    if (!wanted->entry)
        return;
    riacho_wire_put(out, share->size, 8);
    put_page(&share->better, out);
    put_page(&share->page, out);
}

static void put_list(const riacho_state_list_page *list, riacho_buffer *out)
{
    riacho_wire_put(out, list->count, 4);
    for (size_t i = 0; i < list->count; i++) {
        riacho_wire_put(out, list->items[i].sequence, 8);
        riacho_wire_put_bytes(out, list->items[i].value);
    }
}

static void put_share(const riacho_share *share, const riacho_wanted *wanted, riacho_buffer *out)
{
    switch (wanted->kind) {
    case RIACHO_READ_GET:
        for (size_t i = 0; i < wanted->key_count; i++)
            riacho_wire_put_bytes(out, share->values[i]);
        return;
    case RIACHO_READ_RANGE:
        riacho_wire_put(out, share->pair_count, 4);
        for (size_t i = 0; i < share->pair_count; i++) {
            riacho_wire_put_bytes(out, share->pairs[i].key);
            riacho_wire_put_bytes(out, share->pairs[i].value);
        }
        return;
    case RIACHO_READ_TOP:
        put_page(&share->page, out);
        return;
    case RIACHO_READ_RANK:
        put_rank(share, wanted, out);
        return;
    case RIACHO_READ_LIST:
        put_list(&share->list, out);
        return;
    }
}

void riacho_peer_put_shard(const riacho_peer_shard *shard, const riacho_task *task,
                           const riacho_wanted *wanted, riacho_buffer *out)
{
    riacho_wire_put(out, shard->role, 1);
    if (shard->role == RIACHO_PEER_NOT_HERE)
        return;
    riacho_wire_put(out, shard->number, 8);
    riacho_wire_put(out, (uint64_t)shard->age_ms, 8);
    for (size_t i = 0; i < task->input_count; i++)
        riacho_wire_put(out, (uint64_t)shard->nexts[i], 8);
    put_share(&shard->share, wanted, out);
}

/* ---- getting --------------------------------------------------------------------------------- */

/* A count that what is left can hold; else the wire ends. */
static size_t get_count(riacho_wire *wire, size_t bytes_min)
{
    const uint64_t count = riacho_wire_get(wire, 4);
    if (count <= wire->size / bytes_min)
        return (size_t)count;
    *wire = (riacho_wire){0};
    return 0;
}

/* Copied, because values are read where they lie and must be aligned. */
static riacho_bytes get_copy(riacho_wire *wire, riacho_arena *arena)
{
    const riacho_bytes bytes = riacho_wire_get_bytes(wire);
    return bytes.data ? riacho_copy(arena, bytes) : bytes;
}

static riacho_state_ranking_page get_page(riacho_wire *wire, riacho_arena *arena)
{
    riacho_state_ranking_page page = {.first_rank = riacho_wire_get(wire, 8)};
    page.count = get_count(wire, RANKED_BYTES_MIN);
    riacho_state_ranking_entry *items = riacho_alloc_zero(arena, page.count + 1, sizeof *items);
    for (size_t i = 0; i < page.count; i++) {
        items[i].member = get_copy(wire, arena);
        items[i].score = (int64_t)riacho_wire_get(wire, 8);
    }
    page.items = items;
    return page;
}

static void get_values(riacho_wire *wire, size_t count, riacho_arena *arena, riacho_share *share)
{
    riacho_bytes *values = riacho_alloc_zero(arena, count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = get_copy(wire, arena);
    share->values = values;
}

static void get_pairs(riacho_wire *wire, riacho_arena *arena, riacho_share *share)
{
    share->pair_count = get_count(wire, PAIR_BYTES_MIN);
    riacho_pair *pairs = riacho_alloc_zero(arena, share->pair_count + 1, sizeof *pairs);
    for (size_t i = 0; i < share->pair_count; i++) {
        pairs[i].key = get_copy(wire, arena);
        pairs[i].value = get_copy(wire, arena);
    }
    share->pairs = pairs;
}

static void get_rank(riacho_wire *wire, const riacho_wanted *wanted, riacho_arena *arena,
                     riacho_share *share)
{
    share->has_score = riacho_wire_get(wire, 1);
    share->score = (int64_t)riacho_wire_get(wire, 8);
    if (!wanted->entry)
        return;
    share->size = riacho_wire_get(wire, 8);
    share->better = get_page(wire, arena);
    share->page = get_page(wire, arena);
}

static void get_list(riacho_wire *wire, riacho_arena *arena, riacho_share *share)
{
    share->list.count = get_count(wire, ENTRY_BYTES_MIN);
    riacho_state_list_entry *items = riacho_alloc_zero(arena, share->list.count + 1, sizeof *items);
    for (size_t i = 0; i < share->list.count; i++) {
        items[i].sequence = riacho_wire_get(wire, 8);
        items[i].value = get_copy(wire, arena);
    }
    share->list.items = items;
}

static void get_share(riacho_wire *wire, const riacho_wanted *wanted, riacho_arena *arena,
                      riacho_share *share)
{
    switch (wanted->kind) {
    case RIACHO_READ_GET:
        get_values(wire, wanted->key_count, arena, share);
        return;
    case RIACHO_READ_RANGE:
        get_pairs(wire, arena, share);
        return;
    case RIACHO_READ_TOP:
        share->page = get_page(wire, arena);
        return;
    case RIACHO_READ_RANK:
        get_rank(wire, wanted, arena, share);
        return;
    case RIACHO_READ_LIST:
        get_list(wire, arena, share);
        return;
    }
}

static bool has_members(const riacho_state_ranking_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (!page->items[i].member.data)
            return false;
    return true;
}

/* What merging relies on. */
static bool is_sound(const riacho_share *share)
{
    for (size_t i = 0; i < share->pair_count; i++)
        if (!share->pairs[i].key.data || !share->pairs[i].value.data)
            return false;
    for (size_t i = 0; i < share->list.count; i++)
        if (!share->list.items[i].value.data)
            return false;
    return has_members(&share->page) && has_members(&share->better);
}

riacho_status riacho_peer_get_shard(riacho_wire *wire, const riacho_task *task,
                                    const riacho_wanted *wanted, riacho_arena *arena,
                                    riacho_peer_shard *ret_shard, riacho_error *err)
{
    riacho_peer_shard shard = {0};
    const uint64_t role = riacho_wire_get(wire, 1);
    if (wire->data && role == RIACHO_PEER_NOT_HERE) {
        *ret_shard = shard;
        return RIACHO_OK;
    }
    shard.role = role == RIACHO_PEER_ACTIVE ? RIACHO_PEER_ACTIVE : RIACHO_PEER_STANDBY;
    shard.number = riacho_wire_get(wire, 8);
    shard.age_ms = (int64_t)riacho_wire_get(wire, 8);
    int64_t *nexts = riacho_alloc_zero(arena, task->input_count + 1, sizeof *nexts);
    for (size_t i = 0; i < task->input_count; i++)
        nexts[i] = (int64_t)riacho_wire_get(wire, 8);
    shard.nexts = nexts;
    get_share(wire, wanted, arena, &shard.share);
    if (!wire->data || role > RIACHO_PEER_STANDBY || !is_sound(&shard.share))
        return riacho_fail(err, RIACHO_RETRY, "its answer makes no sense");
    *ret_shard = shard;
    return RIACHO_OK;
}
