/* SPDX-License-Identifier: MIT
 *
 * view.h - reading the spaces of a task: what a store kind is written against, so that it is
 * written once and serves both sides.
 *
 *   the task     riacho_overlay (overlay.h): committed values and this transaction's changes on top
 *   a query      riacho_snapshot (below): exactly what one commit left
 *
 * Threads: a view belongs to one thread at a time.
 */
#pragma once

#include "riacho/port/store.h"

typedef struct riacho_view riacho_view;
typedef struct riacho_view_scan riacho_view_scan;
typedef struct riacho_overlay riacho_overlay;

typedef struct riacho_view_ops {
    const char *name;
    /* The value, copied into the arena; data is NULL when there is no such key. */
    riacho_status (*get)(riacho_view *view, uint32_t space, riacho_bytes key, riacho_arena *arena,
                         riacho_bytes *ret_value, riacho_error *err);
    /* As get, but the bytes may be the view's own: borrowed until the next call on the view. */
    riacho_status (*peek)(riacho_view *view, uint32_t space, riacho_bytes key, riacho_arena *arena,
                          riacho_bytes *ret_value, riacho_error *err);
    /* As the store port: the range's bytes are borrowed until scan_close. */
    riacho_status (*scan_open)(riacho_view *view, uint32_t space, const riacho_range *range,
                               riacho_view_scan **ret_scan, riacho_error *err);
    /* The next pair, borrowed until the next call on this scan and the next change of the view;
     * key.data is NULL at the end, which is only told when it is the end. */
    riacho_status (*scan_next)(riacho_view_scan *scan, riacho_bytes *ret_key,
                               riacho_bytes *ret_value, riacho_error *err);
    void (*scan_close)(riacho_view_scan *scan);
} riacho_view_ops;

struct riacho_view {
    const riacho_view_ops *ops;
};

struct riacho_view_scan {
    const riacho_view_ops *ops;
};

/* One space seen through one view: the handle of every store kind. Borrows all of it; cheap to
 * make for a call. */
typedef struct riacho_state {
    riacho_view *view;
    riacho_overlay *overlay; /* where changes go; NULL: this state is only read */
    riacho_arena *arena;     /* gets what reads return and the keys built on the way */
    uint32_t space;
} riacho_state;

RIACHO_CHECKED riacho_status riacho_state_get(const riacho_state *state, riacho_bytes key,
                                              riacho_bytes *ret_value, riacho_error *err);
/* Borrowed until the next call on the view. */
RIACHO_CHECKED riacho_status riacho_state_peek(const riacho_state *state, riacho_bytes key,
                                               riacho_bytes *ret_value, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_state_scan(const riacho_state *state, const riacho_range *range,
                                               riacho_view_scan **ret_scan, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_scan_next(riacho_view_scan *scan, riacho_bytes *ret_key,
                                              riacho_bytes *ret_value, riacho_error *err);
/* NULL is fine. */
void riacho_scan_close(riacho_view_scan *scan);

static inline void riacho_auto_scan(riacho_view_scan **scan)
{
    riacho_scan_close(*scan);
}

/* What one commit left, as a view. Borrows the store, which must outlive it; any thread opens and
 * closes it. */
typedef struct riacho_snapshot {
    riacho_view view;
    riacho_store *store;
    riacho_store_snapshot *at;
} riacho_snapshot;

void riacho_snapshot_open(riacho_snapshot *snapshot, riacho_store *store);
void riacho_snapshot_close(riacho_snapshot *snapshot);
/* A view of a snapshot that somebody else opened and closes; it is not closed itself. */
riacho_snapshot riacho_snapshot_of(riacho_store *store, riacho_store_snapshot *at);
