/* SPDX-License-Identifier: MIT
 *
 * view.c - the calls through a view, and the view of one commit.
 *
 * A snapshot's scan is the store's scan with a view's face. Threads: as view.h.
 */
#include "view.h"

#include <assert.h>

#include "base/macros.h"
#include "base/memory.h"

riacho_status riacho_state_get(const riacho_state *state, riacho_bytes key, riacho_bytes *ret_value,
                               riacho_error *err)
{
    return state->view->ops->get(state->view, state->space, key, state->arena, ret_value, err);
}

riacho_status riacho_state_peek(const riacho_state *state, riacho_bytes key,
                                riacho_bytes *ret_value, riacho_error *err)
{
    return state->view->ops->peek(state->view, state->space, key, state->arena, ret_value, err);
}

riacho_status riacho_state_scan(const riacho_state *state, const riacho_range *range,
                                riacho_view_scan **ret_scan, riacho_error *err)
{
    return state->view->ops->scan_open(state->view, state->space, range, ret_scan, err);
}

riacho_status riacho_scan_next(riacho_view_scan *scan, riacho_bytes *ret_key,
                               riacho_bytes *ret_value, riacho_error *err)
{
    return scan->ops->scan_next(scan, ret_key, ret_value, err);
}

void riacho_scan_close(riacho_view_scan *scan)
{
    if (scan)
        scan->ops->scan_close(scan);
}

struct snapshot_scan {
    riacho_view_scan base;
    riacho_store *store;
    riacho_store_scan *scan;
};

static riacho_status snapshot_get(riacho_view *view, uint32_t space, riacho_bytes key,
                                  riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_snapshot *snapshot = (riacho_snapshot *)view;
    riacho_store *store = snapshot->store;
    return store->ops->snapshot_get(store, snapshot->at, space, key, arena, ret_value, err);
}

static riacho_status snapshot_scan_open(riacho_view *view, uint32_t space,
                                        const riacho_range *range, riacho_view_scan **ret_scan,
                                        riacho_error *err)
{
    riacho_snapshot *snapshot = (riacho_snapshot *)view;
    riacho_store *store = snapshot->store;
    riacho_store_scan *below;
    RIACHO_TRY(store->ops->scan_open(store, snapshot->at, space, range, &below, err));
    struct snapshot_scan *scan = riacho_memory_get(sizeof *scan);
    *scan = (struct snapshot_scan){{view->ops}, store, below};
    *ret_scan = &scan->base;
    return RIACHO_OK;
}

static riacho_status snapshot_scan_next(riacho_view_scan *base, riacho_bytes *ret_key,
                                        riacho_bytes *ret_value, riacho_error *err)
{
    struct snapshot_scan *scan = (struct snapshot_scan *)base;
    return scan->store->ops->scan_next(scan->scan, ret_key, ret_value, err);
}

static void snapshot_scan_close(riacho_view_scan *base)
{
    struct snapshot_scan *scan = (struct snapshot_scan *)base;
    scan->store->ops->scan_close(scan->scan);
    free(scan);
}

static const riacho_view_ops snapshot_ops = {
    .name = "snapshot",
    .get = snapshot_get,
    .peek = snapshot_get,
    .scan_open = snapshot_scan_open,
    .scan_next = snapshot_scan_next,
    .scan_close = snapshot_scan_close,
};

void riacho_snapshot_open(riacho_snapshot *snapshot, riacho_store *store)
{
    *snapshot = (riacho_snapshot){{&snapshot_ops}, store, store->ops->snapshot_open(store)};
}

riacho_snapshot riacho_snapshot_of(riacho_store *store, riacho_store_snapshot *at)
{
    return (riacho_snapshot){{&snapshot_ops}, store, at};
}

void riacho_snapshot_close(riacho_snapshot *snapshot)
{
    assert(snapshot->at);
    snapshot->store->ops->snapshot_close(snapshot->store, snapshot->at);
    *snapshot = (riacho_snapshot){0};
}
