/* SPDX-License-Identifier: MIT
 *
 * overlay.c - see overlay.h: the table of changes over the cache over the store.
 *
 * A read asks, in this order: the table (a value or a tombstone), the deleted ranges, the cache,
 * the store. A scan is a merge of the table's order with the store's scan, the table winning.
 * Threads: belongs to the task.
 */
#include "overlay.h"

#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "order.h"
#include "table.h"

/* A scan in use, or waiting on the overlay's list to be used again. */
struct scan {
    riacho_view_scan base;
    riacho_overlay *overlay;
    riacho_store_scan *below;
    riacho_bytes below_key; /* the store's pair in hand; no data: its end */
    riacho_bytes below_value;
    riacho_sorted_node *above; /* the overlay's next entry, whatever lies in it */
    uint64_t inserted;         /* of the table, when `above` was looked up */
    riacho_bytes last;         /* the last key given out, lying in the table or `below_key` */
    riacho_range range;
    uint32_t space;
    bool is_below_used; /* the pair in hand was given out; the next one is read when asked for */
    bool is_over;
    struct scan *next_idle;
};

/* An entry of the table on its way into the order of its key. */
struct place {
    const riacho_table_entry *entry;
    uint64_t lead[2];
};

struct riacho_overlay {
    riacho_view view;
    riacho_store *store;
    riacho_cache *cache; /* NULL: none */
    riacho_table table;
    riacho_change *changes; /* built by riacho_overlay_changes */
    struct place *places;   /* as many */
    size_t change_capacity;
    struct scan *idle_scans;
    size_t open_scans;
    riacho_held **held; /* by space; NULL where nobody holds anything back */
    size_t held_count;
};

static const riacho_view_ops overlay_ops;

riacho_overlay *riacho_overlay_new(const riacho_overlay_options *options)
{
    riacho_overlay *overlay = riacho_memory_get_zero(1, sizeof *overlay);
    overlay->view.ops = &overlay_ops;
    overlay->store = options->store;
    if (options->cache_bytes)
        overlay->cache = riacho_cache_new(options->cache_bytes);
    riacho_table_init(&overlay->table);
    return overlay;
}

void riacho_overlay_free(riacho_overlay *overlay)
{
    if (!overlay)
        return;
    assert(!overlay->open_scans);
    while (overlay->idle_scans) {
        struct scan *scan = overlay->idle_scans;
        overlay->idle_scans = scan->next_idle;
        free(scan);
    }
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->free(overlay->held[i]);
    }
    free(overlay->held);
    riacho_table_done(&overlay->table);
    riacho_cache_free(overlay->cache);
    free(overlay->changes);
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

static riacho_status get_stored(riacho_overlay *overlay, const riacho_state_key *key,
                                riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_store *store = overlay->store;
    RIACHO_TRY(store->ops->get(store, key->space, key->bytes, arena, ret_value, err));
    if (overlay->cache)
        riacho_cache_put(overlay->cache, key, *ret_value);
    return RIACHO_OK;
}

static riacho_status get_below(riacho_overlay *overlay, const riacho_state_key *key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_bytes value;
    if (!overlay->cache || !riacho_cache_get(overlay->cache, key, &value))
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

size_t riacho_overlay_bytes(const riacho_overlay *overlay)
{
    size_t bytes = riacho_table_bytes(&overlay->table);
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
    const struct place *a = left, *b = right;
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
        overlay->places[i].entry = &table->entries[i];
        read_lead(table->entries[i].key.bytes, overlay->places[i].lead);
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
    const size_t count = table->range_count + table->count;
    make_room(overlay, count);
    sort_entries(overlay);
    riacho_change *change = overlay->changes;
    for (size_t i = 0; i < table->range_count; i++) {
        const riacho_table_range *range = &table->ranges[i];
        *change++ = (riacho_change){range->space, range->from, range->to, {0}};
    }
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = overlay->places[i].entry;
        const riacho_bytes value = {entry->value.data, entry->value.size};
        *change++ = (riacho_change){.space = entry->key.space,
                                    .key = entry->key.bytes,
                                    .value = entry->deleted ? (riacho_bytes){0} : value};
    }
    *ret_count = count;
    return overlay->changes;
}

static void refresh_cache(riacho_overlay *overlay)
{
    const riacho_table *table = &overlay->table;
    for (size_t i = 0; i < table->range_count; i++) {
        const riacho_table_range *range = &table->ranges[i];
        riacho_cache_forget(overlay->cache, range->space, range->from, range->to);
    }
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = &table->entries[i];
        const riacho_bytes value = {entry->value.data, entry->value.size};
        riacho_cache_put(overlay->cache, &entry->key, entry->deleted ? (riacho_bytes){0} : value);
    }
}

static riacho_status settle(riacho_overlay *overlay, riacho_error *err)
{
    riacho_status status = RIACHO_OK;
    riacho_overlay_savepoint(overlay);
    for (size_t i = 0; i < overlay->held_count && status == RIACHO_OK; i++) {
        if (overlay->held[i])
            status = overlay->held[i]->ops->settle(overlay->held[i], err);
    }
    if (status != RIACHO_OK)
        riacho_overlay_undo(overlay);
    return status;
}

static void forget(riacho_overlay *overlay)
{
    riacho_table_reset(&overlay->table);
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->drop(overlay->held[i]);
    }
}

riacho_status riacho_overlay_commit(riacho_overlay *overlay, const riacho_commit_meta *meta,
                                    riacho_error *err)
{
    assert(!overlay->open_scans);
    riacho_changes changes = {.meta = *meta};
    RIACHO_TRY(settle(overlay, err));
    changes.items = riacho_overlay_changes(overlay, &changes.count);
    RIACHO_TRY(overlay->store->ops->write(overlay->store, &changes, err));
    if (overlay->cache)
        refresh_cache(overlay);
    forget(overlay);
    return RIACHO_OK;
}

void riacho_overlay_drop(riacho_overlay *overlay)
{
    assert(!overlay->open_scans);
    forget(overlay);
}

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
    for (size_t i = 0; i < overlay->held_count; i++) {
        if (overlay->held[i])
            overlay->held[i]->ops->undo(overlay->held[i]);
    }
}

riacho_cache_counts riacho_overlay_cache_counts(const riacho_overlay *overlay)
{
    return overlay->cache ? riacho_cache_count(overlay->cache) : (riacho_cache_counts){0};
}

/* ---- scans ---- */

static bool is_backward(const struct scan *scan)
{
    return scan->range.direction == RIACHO_BACKWARD;
}

/* The first entry of the table beyond the last key given out. */
static riacho_sorted_node *seek_above(const struct scan *scan, const riacho_sorted *sorted)
{
    if (is_backward(scan))
        return riacho_sorted_seek_below(sorted, scan->last.data ? scan->last : scan->range.to);
    riacho_sorted_node *node =
        riacho_sorted_seek(sorted, scan->last.data ? scan->last : scan->range.from);
    if (node && scan->last.data && riacho_bytes_equal(node->key, scan->last))
        node = node->next[0];
    return node;
}

/* Finds the place again when entries came to the table since the last look. */
static void follow_table(struct scan *scan)
{
    riacho_table *table = &scan->overlay->table;
    const riacho_sorted *sorted = riacho_table_sort(table, scan->space);
    if (scan->inserted == table->inserted)
        return;
    scan->inserted = table->inserted;
    scan->above = seek_above(scan, sorted);
}

static bool is_above_in_range(const struct scan *scan)
{
    const riacho_range *range = &scan->range;
    if (!scan->above)
        return false;
    if (is_backward(scan))
        return !range->from.data || riacho_bytes_compare(scan->above->key, range->from) >= 0;
    return !range->to.data || riacho_bytes_compare(scan->above->key, range->to) < 0;
}

static riacho_status read_below(struct scan *scan, riacho_error *err)
{
    const riacho_store_ops *ops = scan->overlay->store->ops;
    scan->is_below_used = false;
    return ops->scan_next(scan->below, &scan->below_key, &scan->below_value, err);
}

/* Which side comes next: below 0 the table, above 0 the store, 0 both with one key. */
static int compare_sides(const struct scan *scan)
{
    if (!is_above_in_range(scan))
        return 1;
    if (!scan->below_key.data)
        return -1;
    const int order = riacho_bytes_compare(scan->above->key, scan->below_key);
    return is_backward(scan) ? -order : order;
}

static const riacho_table_entry *take_above(struct scan *scan)
{
    const riacho_table_entry *entry = riacho_table_at(&scan->overlay->table, scan->above);
    scan->above = is_backward(scan) ? scan->above->back : scan->above->next[0];
    return entry;
}

/* Whether the store's pair in hand, or its end, may go out: no deleted range holds it. */
static bool is_given(const struct scan *scan)
{
    return !scan->below_key.data ||
           !riacho_table_covers(&scan->overlay->table, scan->space, scan->below_key);
}

static riacho_status overlay_scan_next(riacho_view_scan *base, riacho_bytes *ret_key,
                                       riacho_bytes *ret_value, riacho_error *err)
{
    struct scan *scan = (struct scan *)base;
    *ret_key = *ret_value = (riacho_bytes){0};
    if (scan->is_over)
        return RIACHO_OK;
    follow_table(scan);
    if (scan->is_below_used)
        RIACHO_TRY(read_below(scan, err));
    for (;;) {
        const int order = compare_sides(scan);
        if (order > 0 && is_given(scan)) {
            *ret_key = scan->last = scan->below_key;
            *ret_value = scan->below_value;
            scan->is_below_used = true;
            scan->is_over = !ret_key->data;
            return RIACHO_OK;
        }
        const riacho_table_entry *entry = order > 0 ? NULL : take_above(scan);
        if (order >= 0)
            RIACHO_TRY(read_below(scan, err));
        if (!entry || entry->deleted)
            continue;
        *ret_key = scan->last = entry->key.bytes;
        *ret_value = (riacho_bytes){entry->value.data, entry->value.size};
        return RIACHO_OK;
    }
}

static struct scan *scan_new(riacho_overlay *overlay)
{
    struct scan *scan = overlay->idle_scans;
    if (scan)
        overlay->idle_scans = scan->next_idle;
    else
        scan = riacho_memory_get(sizeof *scan);
    overlay->open_scans++;
    return scan;
}

static riacho_status overlay_scan_open(riacho_view *view, uint32_t space, const riacho_range *range,
                                       riacho_view_scan **ret_scan, riacho_error *err)
{
    riacho_overlay *overlay = (riacho_overlay *)view;
    riacho_store_scan *below;
    RIACHO_TRY(overlay->store->ops->scan_open(overlay->store, NULL, space, range, &below, err));
    struct scan *scan = scan_new(overlay);
    *scan = (struct scan){.base = {view->ops},
                          .overlay = overlay,
                          .below = below,
                          .inserted = UINT64_MAX,
                          .range = *range,
                          .space = space,
                          .is_below_used = true};
    *ret_scan = &scan->base;
    return RIACHO_OK;
}

static void overlay_scan_close(riacho_view_scan *base)
{
    struct scan *scan = (struct scan *)base;
    riacho_overlay *overlay = scan->overlay;
    overlay->store->ops->scan_close(scan->below);
    overlay->open_scans--;
    scan->next_idle = overlay->idle_scans;
    overlay->idle_scans = scan;
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
    if (overlay->cache && riacho_cache_get(overlay->cache, &full, ret_value))
        return RIACHO_OK;
    return get_stored(overlay, &full, arena, ret_value, err);
}

static const riacho_view_ops overlay_ops = {
    .name = "overlay",
    .get = overlay_get,
    .peek = overlay_peek,
    .scan_open = overlay_scan_open,
    .scan_next = overlay_scan_next,
    .scan_close = overlay_scan_close,
};
