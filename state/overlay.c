/* SPDX-License-Identifier: MIT
 *
 * overlay.c - see overlay.h: the table of changes over what is sealed, over the cache, over the
 * store.
 *
 * A read asks, in this order: the table (a value or a tombstone), the deleted ranges, the sealed
 * table, the cache, the store.
 *
 * Threads: belongs to the task.
 */
#include "overlay_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/tally.h"
#include "order.h"

/* An entry of the table on its way into the order of its key. */
struct riacho_overlay_place {
    const riacho_table_entry *entry;
    uint64_t lead[2];
};

/* A tally to be folded into a key's value. */
struct riacho_overlay_folded {
    riacho_state_key key;
    riacho_bytes tally;
};

static const riacho_view_ops overlay_ops;

riacho_overlay *riacho_overlay_new(const riacho_overlay_options *options)
{
    riacho_overlay *overlay = riacho_memory_get_zero(1, sizeof *overlay);
    overlay->view.ops = &overlay_ops;
    overlay->store = options->store;
    if (options->cache_bytes)
        overlay->cache = riacho_cache_new(options->cache_bytes);
    overlay->folded_bytes = riacho_arena_new();
    riacho_table_init(&overlay->table);
    return overlay;
}

void riacho_overlay_free(riacho_overlay *overlay)
{
    if (!overlay)
        return;
    riacho_overlay_scans_free(overlay);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->free(overlay->held[i]);
    }
    free(overlay->held);
    free(overlay->folded);
    free(overlay->passes_cache);
    riacho_arena_free(overlay->folded_bytes);
    riacho_table_done(&overlay->table);
    if (overlay->sealed.arena)
        riacho_table_done(&overlay->sealed);
    riacho_cache_free(overlay->cache);
    free(overlay->changes);
    free(overlay->sealed_changes);
    free(overlay->places);
    free(overlay);
}

riacho_view *riacho_overlay_view(riacho_overlay *overlay)
{
    return &overlay->view;
}

riacho_state riacho_overlay_state(riacho_overlay *overlay, uint32_t space, riacho_arena *arena)
{
    return (riacho_state){&overlay->view, overlay, arena, space};
}

void riacho_overlay_pass_cache(riacho_overlay *overlay, uint32_t space)
{
    if (space >= overlay->passes_count) {
        overlay->passes_cache =
            riacho_memory_resize(overlay->passes_cache, (space + 1) * sizeof(bool));
        while (overlay->passes_count <= space)
            overlay->passes_cache[overlay->passes_count++] = false;
    }
    overlay->passes_cache[space] = true;
}

/* NULL: there is none, or none for this space. */
static riacho_cache *cache_for(const riacho_overlay *overlay, uint32_t space)
{
    return space < overlay->passes_count && overlay->passes_cache[space] ? NULL : overlay->cache;
}

static riacho_status get_stored(riacho_overlay *overlay, const riacho_state_key *key,
                                riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_store *store = overlay->store;
    riacho_cache *cache = cache_for(overlay, key->space);
    RIACHO_TRY(store->ops->get(store, key->space, key->bytes, arena, ret_value, err));
    if (cache)
        riacho_cache_put(cache, key, *ret_value);
    return RIACHO_OK;
}

/* false: the key was not changed by what is sealed. ret_value is absent when it was deleted. */
static bool find_sealed(const riacho_overlay *overlay, const riacho_state_key *key,
                        riacho_bytes *ret_value)
{
    const riacho_table_entry *entry = riacho_table_find(&overlay->sealed, key);
    if (!entry)
        return false;
    *ret_value = (riacho_bytes){0};
    if (!entry->deleted)
        *ret_value = (riacho_bytes){entry->value.data, entry->value.size};
    return true;
}

static riacho_status get_below(riacho_overlay *overlay, const riacho_state_key *key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_bytes value;
    if (overlay->is_sealed && find_sealed(overlay, key, &value)) {
        *ret_value = value.data ? riacho_copy(arena, value) : value;
        return RIACHO_OK;
    }
    riacho_cache *cache = cache_for(overlay, key->space);
    if (!cache || !riacho_cache_get(cache, key, &value))
        return get_stored(overlay, key, arena, ret_value, err);
    *ret_value = riacho_copy(arena, value);
    return RIACHO_OK;
}

riacho_status riacho_overlay_get(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                                 riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    const riacho_state_key full = riacho_state_key_of(space, key);
    const riacho_table_entry *entry = riacho_table_find(&overlay->table, &full);
    if (entry) {
        const riacho_bytes value = {entry->value.data, entry->value.size};
        *ret_value = entry->deleted ? (riacho_bytes){0} : riacho_copy(arena, value);
        return RIACHO_OK;
    }
    if (riacho_table_covers(&overlay->table, space, key)) {
        *ret_value = (riacho_bytes){0};
        return RIACHO_OK;
    }
    return get_below(overlay, &full, arena, ret_value, err);
}

uint8_t *riacho_overlay_reserve(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                                size_t value_size)
{
    const riacho_state_key full = riacho_state_key_of(space, key);
    return riacho_table_put(&overlay->table, &full, value_size);
}

void riacho_overlay_put(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                        riacho_bytes value)
{
    assert(value.data);
    memcpy(riacho_overlay_reserve(overlay, space, key, value.size), value.data, value.size);
}

void riacho_overlay_delete(riacho_overlay *overlay, uint32_t space, riacho_bytes key)
{
    const riacho_state_key full = riacho_state_key_of(space, key);
    riacho_table_delete(&overlay->table, &full);
}

void riacho_overlay_delete_range(riacho_overlay *overlay, uint32_t space, riacho_bytes from,
                                 riacho_bytes to)
{
    riacho_table_delete_range(&overlay->table, space, from, to);
}

void riacho_overlay_fold(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                         riacho_bytes tally)
{
    if (overlay->folded_count == overlay->folded_capacity) {
        overlay->folded_capacity = overlay->folded_capacity ? overlay->folded_capacity * 2 : 256;
        overlay->folded = riacho_memory_resize(overlay->folded,
                                               overlay->folded_capacity * sizeof *overlay->folded);
    }
    const riacho_bytes kept = riacho_copy(overlay->folded_bytes, key);
    overlay->folded[overlay->folded_count++] = (struct riacho_overlay_folded){
        riacho_state_key_of(space, kept), riacho_copy(overlay->folded_bytes, tally)};
}

static void forget_folded(riacho_overlay *overlay)
{
    overlay->folded_count = 0;
    riacho_arena_reset(overlay->folded_bytes);
}

size_t riacho_overlay_bytes(const riacho_overlay *overlay)
{
    size_t bytes = riacho_table_bytes(&overlay->table);
    if (overlay->is_sealed)
        bytes += riacho_table_bytes(&overlay->sealed);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            bytes += overlay->held[i]->ops->bytes(overlay->held[i]);
    }
    return bytes;
}

riacho_held *riacho_overlay_held(riacho_overlay *overlay, uint32_t space)
{
    return space < overlay->held_count ? overlay->held[space] : NULL;
}

void riacho_overlay_hold(riacho_overlay *overlay, uint32_t space, riacho_held *held)
{
    if (space >= overlay->held_count) {
        overlay->held = riacho_memory_resize(overlay->held, (space + 1) * sizeof(riacho_held *));
        while (overlay->held_count <= space)
            overlay->held[overlay->held_count++] = NULL;
    }
    assert(!overlay->held[space]);
    overlay->held[space] = held;
}

/* The first bytes of a key as numbers that sort as they do, so that most comparisons end without a
 * look at the key. */
static void read_lead(riacho_bytes key, uint64_t lead[2])
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, key.data, key.size < sizeof bytes ? key.size : sizeof bytes);
    lead[0] = riacho_order_get_u64(bytes);
    lead[1] = riacho_order_get_u64(bytes + 8);
}

static int compare_places(const void *left, const void *right)
{
    const struct riacho_overlay_place *a = left, *b = right;
    if (a->entry->key.space != b->entry->key.space)
        return a->entry->key.space < b->entry->key.space ? -1 : 1;
    if (a->lead[0] != b->lead[0])
        return a->lead[0] < b->lead[0] ? -1 : 1;
    if (a->lead[1] != b->lead[1])
        return a->lead[1] < b->lead[1] ? -1 : 1;
    return riacho_bytes_compare(a->entry->key.bytes, b->entry->key.bytes);
}

/* RocksDB takes keys that come in its own order for a good deal less. */
static void sort_entries(riacho_overlay *overlay)
{
    const riacho_table *table = &overlay->table;
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = riacho_table_entry_at(table, i);
        overlay->places[i].entry = entry;
        read_lead(entry->key.bytes, overlay->places[i].lead);
    }
    if (table->count > 1)
        qsort(overlay->places, table->count, sizeof *overlay->places, compare_places);
}

static void make_room(riacho_overlay *overlay, size_t count)
{
    if (count <= overlay->change_capacity)
        return;
    overlay->change_capacity = count;
    overlay->changes = riacho_memory_resize(overlay->changes, count * sizeof *overlay->changes);
    overlay->places = riacho_memory_resize(overlay->places, count * sizeof *overlay->places);
}

const riacho_change *riacho_overlay_changes(riacho_overlay *overlay, size_t *ret_count)
{
    const riacho_table *table = &overlay->table;
    const size_t count = table->range_count + table->count + overlay->folded_count;
    make_room(overlay, count);
    sort_entries(overlay);
    riacho_change *change = overlay->changes;
    for (size_t i = 0; i < table->range_count; i++) {
        const riacho_table_range *range = &table->ranges[i];
        *change++ =
            (riacho_change){.space = range->space, .key = range->from, .key_end = range->to};
    }
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = overlay->places[i].entry;
        const riacho_bytes value = {entry->value.data, entry->value.size};
        *change++ = (riacho_change){.space = entry->key.space,
                                    .key = entry->key.bytes,
                                    .value = entry->deleted ? (riacho_bytes){0} : value};
    }
    for (size_t i = 0; i < overlay->folded_count; i++) {
        const struct riacho_overlay_folded *folded = &overlay->folded[i];
        *change++ = (riacho_change){.space = folded->key.space,
                                    .verb = RIACHO_CHANGE_FOLD,
                                    .key = folded->key.bytes,
                                    .value = folded->tally};
    }
    *ret_count = count;
    return overlay->changes;
}

static void refresh_cache(riacho_overlay *overlay, const riacho_table *table)
{
    for (size_t i = 0; i < table->range_count; i++) {
        const riacho_table_range *range = &table->ranges[i];
        if (cache_for(overlay, range->space))
            riacho_cache_forget(overlay->cache, range->space, range->from, range->to);
    }
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = riacho_table_entry_at(table, i);
        if (!cache_for(overlay, entry->key.space))
            continue;
        const riacho_bytes value = {entry->value.data, entry->value.size};
        riacho_cache_put(overlay->cache, &entry->key, entry->deleted ? (riacho_bytes){0} : value);
    }
}

/* What was not in the cache was not asked for, so it stays out. */
static void refresh_folded(riacho_overlay *overlay)
{
    RIACHO_AUTO(buffer) riacho_buffer whole = {0};
    for (size_t i = 0; i < overlay->folded_count; i++) {
        const struct riacho_overlay_folded *folded = &overlay->folded[i];
        riacho_bytes both[] = {{NULL, 0}, folded->tally};
        if (!riacho_cache_get(overlay->cache, &folded->key, &both[0]))
            continue;
        const bool is_folded = riacho_tally_fold(both, 2, &whole);
        assert(is_folded);
        (void)is_folded;
        riacho_cache_put(overlay->cache, &folded->key, riacho_buffer_bytes(&whole));
    }
}

static riacho_status settle(riacho_overlay *overlay, riacho_settle purpose, riacho_error *err)
{
    riacho_status status = RIACHO_OK;
    riacho_overlay_savepoint(overlay);
    for (size_t i = 0; i < overlay->held_count && status == RIACHO_OK; i++) {
        if (overlay->held[i])
            status = overlay->held[i]->ops->settle(overlay->held[i], purpose, err);
    }
    if (status != RIACHO_OK)
        riacho_overlay_undo(overlay);
    return status;
}

/* The lists that a commit makes are as large as its changes, and other tasks commit too. */
static void free_lists(riacho_overlay *overlay)
{
    free(overlay->changes);
    free(overlay->places);
    free(overlay->folded);
    overlay->changes = NULL;
    overlay->places = NULL;
    overlay->folded = NULL;
    overlay->change_capacity = overlay->folded_capacity = 0;
}

static void forget(riacho_overlay *overlay)
{
    riacho_table_reset(&overlay->table);
    forget_folded(overlay);
    free_lists(overlay);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->drop(overlay->held[i]);
    }
}

riacho_status riacho_overlay_commit(riacho_overlay *overlay, const riacho_commit_meta *meta,
                                    riacho_error *err)
{
    assert(!overlay->open_scans && !overlay->is_sealed);
    riacho_changes changes = {.meta = *meta};
    RIACHO_TRY(settle(overlay, RIACHO_SETTLE_TO_WRITE, err));
    changes.items = riacho_overlay_changes(overlay, &changes.count);
    const riacho_status status = overlay->store->ops->write(overlay->store, &changes, err);
    if (status != RIACHO_OK) {
        riacho_overlay_undo(overlay);
        return status;
    }
    if (overlay->cache) {
        refresh_cache(overlay, &overlay->table);
        refresh_folded(overlay);
    }
    forget(overlay);
    return RIACHO_OK;
}

static void forget_sealed(riacho_overlay *overlay)
{
    riacho_table_reset(&overlay->sealed);
    free(overlay->sealed_changes);
    overlay->sealed_changes = NULL;
    overlay->is_sealed = false;
    overlay->sealed_count = 0;
}

void riacho_overlay_drop(riacho_overlay *overlay)
{
    assert(!overlay->open_scans);
    forget(overlay);
    if (overlay->is_sealed)
        forget_sealed(overlay);
}

/* ---- seals ---- */

/* What a range deletes is what the store has of it: the table's own entries say so themselves. */
static riacho_status delete_stored(riacho_overlay *overlay, const riacho_table_range *range,
                                   riacho_error *err)
{
    const riacho_store_ops *ops = overlay->store->ops;
    const riacho_range within = {.from = range->from, .to = range->to};
    riacho_store_scan *scan;
    RIACHO_TRY(ops->scan_open(overlay->store, NULL, range->space, &within, &scan, err));
    riacho_status status;
    for (;;) {
        riacho_bytes key, value;
        status = ops->scan_next(scan, &key, &value, err);
        if (status != RIACHO_OK || !key.data)
            break;
        const riacho_state_key full = riacho_state_key_of(range->space, key);
        if (!riacho_table_find(&overlay->table, &full))
            riacho_table_delete(&overlay->table, &full);
    }
    ops->scan_close(scan);
    return status;
}

static riacho_status resolve_ranges(riacho_overlay *overlay, riacho_error *err)
{
    riacho_table *table = &overlay->table;
    for (size_t i = 0; i < table->range_count; i++)
        RIACHO_TRY(delete_stored(overlay, &table->ranges[i], err));
    table->range_count = 0;
    return RIACHO_OK;
}

/* The table, with its changes in order, becomes the sealed one. */
static void set_apart(riacho_overlay *overlay)
{
    if (!overlay->sealed.arena)
        riacho_table_init(&overlay->sealed);
    riacho_overlay_changes(overlay, &overlay->sealed_count);
    overlay->sealed_changes = overlay->changes;
    overlay->changes = NULL;
    const riacho_table empty = overlay->sealed;
    overlay->sealed = overlay->table;
    overlay->table = empty;
    overlay->is_sealed = true;
}

riacho_status riacho_overlay_seal(riacho_overlay *overlay, riacho_error *err)
{
    assert(!overlay->open_scans && !overlay->is_sealed);
    RIACHO_TRY(settle(overlay, RIACHO_SETTLE_TO_SHOW, err));
    const riacho_status status = resolve_ranges(overlay, err);
    if (status != RIACHO_OK) {
        riacho_overlay_undo(overlay);
        return status;
    }
    set_apart(overlay);
    forget(overlay);
    return RIACHO_OK;
}

const riacho_change *riacho_overlay_sealed(const riacho_overlay *overlay, size_t *ret_count)
{
    assert(overlay->is_sealed);
    *ret_count = overlay->sealed_count;
    return overlay->sealed_changes;
}

riacho_status riacho_overlay_write_sealed(riacho_overlay *overlay, const riacho_commit_meta *meta,
                                          riacho_error *err)
{
    assert(!overlay->open_scans && overlay->is_sealed);
    const riacho_changes changes = {overlay->sealed_changes, overlay->sealed_count, *meta};
    RIACHO_TRY(overlay->store->ops->write(overlay->store, &changes, err));
    if (overlay->cache)
        refresh_cache(overlay, &overlay->sealed);
    forget_sealed(overlay);
    return RIACHO_OK;
}

/* ---- savepoints ---- */

void riacho_overlay_savepoint(riacho_overlay *overlay)
{
    assert(!overlay->open_scans);
    riacho_table_savepoint(&overlay->table);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->savepoint(overlay->held[i]);
    }
}

void riacho_overlay_undo(riacho_overlay *overlay)
{
    assert(!overlay->open_scans);
    riacho_table_rewind(&overlay->table);
    forget_folded(overlay);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->undo(overlay->held[i]);
    }
}

/* ---- as others see it ---- */

riacho_cache_counts riacho_overlay_cache_counts(const riacho_overlay *overlay)
{
    return overlay->cache ? riacho_cache_count(overlay->cache) : (riacho_cache_counts){0};
}

static riacho_status overlay_get(riacho_view *view, uint32_t space, riacho_bytes key,
                                 riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    return riacho_overlay_get((riacho_overlay *)view, space, key, arena, ret_value, err);
}

static riacho_status overlay_peek(riacho_view *view, uint32_t space, riacho_bytes key,
                                  riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_overlay *overlay = (riacho_overlay *)view;
    const riacho_state_key full = riacho_state_key_of(space, key);
    const riacho_table_entry *entry = riacho_table_find(&overlay->table, &full);
    *ret_value = (riacho_bytes){0};
    if (entry && !entry->deleted)
        *ret_value = (riacho_bytes){entry->value.data, entry->value.size};
    if (entry || riacho_table_covers(&overlay->table, space, key))
        return RIACHO_OK;
    if (overlay->is_sealed && find_sealed(overlay, &full, ret_value))
        return RIACHO_OK;
    riacho_cache *cache = cache_for(overlay, space);
    if (cache && riacho_cache_get(cache, &full, ret_value))
        return RIACHO_OK;
    return get_stored(overlay, &full, arena, ret_value, err);
}

static const riacho_view_ops overlay_ops = {
    .name = "overlay",
    .get = overlay_get,
    .peek = overlay_peek,
    .scan_open = riacho_overlay_scan_open,
    .scan_next = riacho_overlay_scan_next,
    .scan_close = riacho_overlay_scan_close,
};
