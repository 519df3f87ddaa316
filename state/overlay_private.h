/* SPDX-License-Identifier: MIT
 *
 * overlay_private.h - what the two halves of the overlay share: overlay.c (changes, commits, seals)
 * and overlay_scan.c (walks in key order).
 *
 * Invariant: `sealed` has entries only while is_sealed, and no deleted ranges ever: they became
 * single keys when it was set apart.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "overlay.h"
#include "table.h"

typedef struct riacho_overlay_scan riacho_overlay_scan;

struct riacho_overlay {
    riacho_view view;
    riacho_store *store;
    riacho_cache *cache; /* NULL: none */
    bool *passes_cache;  /* by space */
    size_t passes_count; /* spaces beyond do not */
    riacho_table table;
    bool is_sealed;
    riacho_table sealed;           /* made by the first seal */
    riacho_change *sealed_changes; /* of what is sealed */
    size_t sealed_count;
    riacho_change *changes;              /* built by riacho_overlay_changes */
    struct riacho_overlay_place *places; /* as many */
    size_t change_capacity;
    riacho_overlay_scan *idle_scans;
    size_t open_scans;
    riacho_held **held; /* by space; NULL where nobody holds anything back */
    size_t held_count;
    struct riacho_overlay_folded *folded; /* by the commit that is being made */
    size_t folded_count;
    size_t folded_capacity;
    riacho_arena *folded_bytes;
};

/* The functions of the overlay's riacho_view_ops. */
riacho_status riacho_overlay_scan_open(riacho_view *view, uint32_t space, const riacho_range *range,
                                       riacho_view_scan **ret_scan, riacho_error *err);
riacho_status riacho_overlay_scan_next(riacho_view_scan *base, riacho_bytes *ret_key,
                                       riacho_bytes *ret_value, riacho_error *err);
void riacho_overlay_scan_close(riacho_view_scan *base);
void riacho_overlay_scans_free(riacho_overlay *overlay);
