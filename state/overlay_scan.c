/* SPDX-License-Identifier: MIT
 *
 * overlay_scan.c - see overlay.h: a scan is a merge of the table's order with what lies below it,
 * the table winning. Below are what is sealed, when anything is, and the store's scan, merged in
 * the same way.
 *
 * Threads: belongs to the task.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "overlay_private.h"

/* A scan in use, or waiting on the overlay's list to be used again. */
struct riacho_overlay_scan {
    riacho_view_scan base;
    riacho_overlay *overlay;
    riacho_store_scan *stored;
    riacho_bytes stored_key; /* the store's pair in hand; no data: its end. Only while sealed */
    riacho_bytes stored_value;
    bool is_stored_used;
    riacho_sorted_node *sealed; /* the next sealed entry, whatever lies in it */
    riacho_bytes below_key;     /* the pair in hand of both together; no data: their end */
    riacho_bytes below_value;
    riacho_sorted_node *above; /* the overlay's next entry, whatever lies in it */
    uint64_t inserted;         /* of the table, when `above` was looked up */
    riacho_bytes last;         /* the last key given out, lying in a table or `below_key` */
    riacho_range range;
    uint32_t space;
    bool is_below_used; /* the pair in hand was given out; the next one is read when asked for */
    bool is_over;
    riacho_overlay_scan *next_idle;
};

static bool is_backward(const riacho_overlay_scan *scan)
{
    return scan->range.direction == RIACHO_BACKWARD;
}

/* The first entry of a table beyond the last key given out. */
static riacho_sorted_node *seek(const riacho_overlay_scan *scan, const riacho_sorted *sorted)
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
static void follow_table(riacho_overlay_scan *scan)
{
    riacho_table *table = &scan->overlay->table;
    const riacho_sorted *sorted = riacho_table_sort(table, scan->space);
    if (scan->inserted == table->inserted)
        return;
    scan->inserted = table->inserted;
    scan->above = seek(scan, sorted);
}

static bool is_in_range(const riacho_overlay_scan *scan, const riacho_sorted_node *node)
{
    const riacho_range *range = &scan->range;
    if (!node)
        return false;
    if (is_backward(scan))
        return !range->from.data || riacho_bytes_compare(node->key, range->from) >= 0;
    return !range->to.data || riacho_bytes_compare(node->key, range->to) < 0;
}

/* Which of an entry and a pair comes next: below 0 the entry, above 0 the pair or the end of both,
 * 0 both with one key. */
static int compare_sides(const riacho_overlay_scan *scan, const riacho_sorted_node *node,
                         riacho_bytes key)
{
    if (!is_in_range(scan, node))
        return 1;
    if (!key.data)
        return -1;
    const int order = riacho_bytes_compare(node->key, key);
    return is_backward(scan) ? -order : order;
}

static riacho_sorted_node *step(const riacho_overlay_scan *scan, const riacho_sorted_node *node)
{
    return is_backward(scan) ? node->back : node->next[0];
}

static const riacho_table_entry *take_above(riacho_overlay_scan *scan)
{
    const riacho_table_entry *entry = riacho_table_at(&scan->overlay->table, scan->above);
    scan->above = step(scan, scan->above);
    return entry;
}

static const riacho_table_entry *take_sealed(riacho_overlay_scan *scan)
{
    const riacho_table_entry *entry = riacho_table_at(&scan->overlay->sealed, scan->sealed);
    scan->sealed = step(scan, scan->sealed);
    return entry;
}

/* The next pair of what is sealed over the store. */
static riacho_status read_merged(riacho_overlay_scan *scan, riacho_error *err)
{
    const riacho_store_ops *ops = scan->overlay->store->ops;
    for (;;) {
        if (scan->is_stored_used)
            RIACHO_TRY(ops->scan_next(scan->stored, &scan->stored_key, &scan->stored_value, err));
        scan->is_stored_used = false;
        const int order = compare_sides(scan, scan->sealed, scan->stored_key);
        scan->is_stored_used = order >= 0;
        if (order > 0) {
            scan->below_key = scan->stored_key;
            scan->below_value = scan->stored_value;
            return RIACHO_OK;
        }
        const riacho_table_entry *entry = take_sealed(scan);
        if (entry->deleted)
            continue;
        scan->below_key = entry->key.bytes;
        scan->below_value = (riacho_bytes){entry->value.data, entry->value.size};
        return RIACHO_OK;
    }
}

static riacho_status read_below(riacho_overlay_scan *scan, riacho_error *err)
{
    const riacho_store_ops *ops = scan->overlay->store->ops;
    scan->is_below_used = false;
    if (scan->overlay->is_sealed)
        return read_merged(scan, err);
    return ops->scan_next(scan->stored, &scan->below_key, &scan->below_value, err);
}

/* Whether the pair in hand, or its end, may go out: no deleted range holds it. */
static bool is_given(const riacho_overlay_scan *scan)
{
    return !scan->below_key.data ||
           !riacho_table_covers(&scan->overlay->table, scan->space, scan->below_key);
}

riacho_status riacho_overlay_scan_next(riacho_view_scan *base, riacho_bytes *ret_key,
                                       riacho_bytes *ret_value, riacho_error *err)
{
    riacho_overlay_scan *scan = (riacho_overlay_scan *)base;
    *ret_key = *ret_value = (riacho_bytes){0};
    if (scan->is_over)
        return RIACHO_OK;
    follow_table(scan);
    if (scan->is_below_used)
        RIACHO_TRY(read_below(scan, err));
    for (;;) {
        const int order = compare_sides(scan, scan->above, scan->below_key);
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

static riacho_overlay_scan *scan_new(riacho_overlay *overlay)
{
    riacho_overlay_scan *scan = overlay->idle_scans;
    if (scan)
        overlay->idle_scans = scan->next_idle;
    else
        scan = riacho_memory_get(sizeof *scan);
    overlay->open_scans++;
    return scan;
}

riacho_status riacho_overlay_scan_open(riacho_view *view, uint32_t space, const riacho_range *range,
                                       riacho_view_scan **ret_scan, riacho_error *err)
{
    riacho_overlay *overlay = (riacho_overlay *)view;
    riacho_store_scan *stored;
    RIACHO_TRY(overlay->store->ops->scan_open(overlay->store, NULL, space, range, &stored, err));
    riacho_overlay_scan *scan = scan_new(overlay);
    *scan = (riacho_overlay_scan){.base = {view->ops},
                                  .overlay = overlay,
                                  .stored = stored,
                                  .is_stored_used = true,
                                  .inserted = UINT64_MAX,
                                  .range = *range,
                                  .space = space,
                                  .is_below_used = true};
    if (overlay->is_sealed)
        scan->sealed = seek(scan, riacho_table_sort(&overlay->sealed, space));
    *ret_scan = &scan->base;
    return RIACHO_OK;
}

void riacho_overlay_scan_close(riacho_view_scan *base)
{
    riacho_overlay_scan *scan = (riacho_overlay_scan *)base;
    riacho_overlay *overlay = scan->overlay;
    overlay->store->ops->scan_close(scan->stored);
    overlay->open_scans--;
    scan->next_idle = overlay->idle_scans;
    overlay->idle_scans = scan;
}

void riacho_overlay_scans_free(riacho_overlay *overlay)
{
    assert(!overlay->open_scans);
    while (overlay->idle_scans) {
        riacho_overlay_scan *scan = overlay->idle_scans;
        overlay->idle_scans = scan->next_idle;
        free(scan);
    }
}
