/* SPDX-License-Identifier: MIT
 *
 * ttl.c - see ttl.h.
 *
 * Invariant: each 'v' has exactly one 'x', with its expiry; no 'x' has an expiry below 'w'.
 */
#include "ttl.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum { VALUE_TAG = 'v', EXPIRY_TAG = 'x', MARK_TAG = 'w', EXPIRY_BYTES = 8 };

static riacho_bytes value_key(const riacho_state *state, riacho_bytes key)
{
    uint8_t *at = riacho_alloc(state->arena, 1 + key.size);
    at[0] = VALUE_TAG;
    if (key.size)
        memcpy(at + 1, key.data, key.size);
    return (riacho_bytes){at, 1 + key.size};
}

/* With an empty key it is the least 'x' key of that expiry. */
static riacho_bytes expiry_key(const riacho_state *state, uint64_t expiry, riacho_bytes key)
{
    uint8_t *at = riacho_alloc(state->arena, 1 + EXPIRY_BYTES + key.size);
    at[0] = EXPIRY_TAG;
    riacho_order_put_u64(at + 1, expiry);
    if (key.size)
        memcpy(at + 1 + EXPIRY_BYTES, key.data, key.size);
    return (riacho_bytes){at, 1 + EXPIRY_BYTES + key.size};
}

static const riacho_bytes mark_key = {(const uint8_t[]){MARK_TAG}, 1};

static riacho_status damaged(size_t size, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "a ttl store holds %zu bytes where an expiry should be",
                       size);
}

/* The entry as stored, expired or not; value.data NULL when there is none. */
static riacho_status read_entry(const riacho_state *state, riacho_bytes key, uint64_t *ret_expiry,
                                riacho_bytes *ret_value, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(state, value_key(state, key), &stored, err));
    *ret_value = (riacho_bytes){0};
    if (!stored.data)
        return RIACHO_OK;
    if (stored.size < EXPIRY_BYTES)
        return damaged(stored.size, err);
    *ret_expiry = riacho_order_get_u64(stored.data);
    *ret_value =
        (riacho_bytes){(const uint8_t *)stored.data + EXPIRY_BYTES, stored.size - EXPIRY_BYTES};
    return RIACHO_OK;
}

static riacho_status read_mark(const riacho_state *state, uint64_t *ret_mark, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(state, mark_key, &stored, err));
    if (stored.data && stored.size != EXPIRY_BYTES)
        return damaged(stored.size, err);
    *ret_mark = stored.data ? riacho_order_get_u64(stored.data) : 0;
    return RIACHO_OK;
}

static void write_mark(const riacho_state *state, uint64_t mark)
{
    riacho_order_put_u64(
        riacho_overlay_reserve(state->overlay, state->space, mark_key, EXPIRY_BYTES), mark);
}

riacho_status riacho_state_ttl_get(const riacho_state *state, riacho_bytes key,
                                   int64_t stream_time_ms, riacho_bytes *ret_value,
                                   riacho_error *err)
{
    uint64_t expiry = 0;
    RIACHO_TRY(read_entry(state, key, &expiry, ret_value, err));
    if (expiry <= riacho_order_of_i64(stream_time_ms))
        *ret_value = (riacho_bytes){0};
    return RIACHO_OK;
}

riacho_status riacho_state_ttl_put(const riacho_state *state, const riacho_state_ttl_entry *entry,
                                   riacho_error *err)
{
    assert(state->overlay && entry->value.data);
    const uint64_t expiry = riacho_order_of_i64(entry->expires_ms);
    uint64_t old_expiry, mark;
    riacho_bytes old;
    RIACHO_TRY(read_entry(state, entry->key, &old_expiry, &old, err));
    RIACHO_TRY(read_mark(state, &mark, err));
    if (old.data && old_expiry != expiry)
        riacho_overlay_delete(state->overlay, state->space,
                              expiry_key(state, old_expiry, entry->key));
    if (!old.data || old_expiry != expiry)
        riacho_overlay_put(state->overlay, state->space, expiry_key(state, expiry, entry->key),
                           (riacho_bytes){"", 0});
    if (expiry < mark)
        write_mark(state, expiry);
    uint8_t *at = riacho_overlay_reserve(state->overlay, state->space, value_key(state, entry->key),
                                         EXPIRY_BYTES + entry->value.size);
    riacho_order_put_u64(at, expiry);
    memcpy(at + EXPIRY_BYTES, entry->value.data, entry->value.size);
    return RIACHO_OK;
}

riacho_status riacho_state_ttl_put_if_absent(const riacho_state *state,
                                             const riacho_state_ttl_entry *entry,
                                             int64_t stream_time_ms, riacho_bytes *ret_existing,
                                             riacho_error *err)
{
    riacho_bytes existing;
    RIACHO_TRY(riacho_state_ttl_get(state, entry->key, stream_time_ms, &existing, err));
    if (!existing.data)
        RIACHO_TRY(riacho_state_ttl_put(state, entry, err));
    *ret_existing = existing;
    return RIACHO_OK;
}

riacho_status riacho_state_ttl_delete(const riacho_state *state, riacho_bytes key,
                                      riacho_error *err)
{
    uint64_t expiry;
    riacho_bytes value;
    assert(state->overlay);
    RIACHO_TRY(read_entry(state, key, &expiry, &value, err));
    if (!value.data)
        return RIACHO_OK;
    riacho_overlay_delete(state->overlay, state->space, value_key(state, key));
    riacho_overlay_delete(state->overlay, state->space, expiry_key(state, expiry, key));
    return RIACHO_OK;
}

/* Deletes the entry that an 'x' key names. */
static void drop(const riacho_state *state, riacho_bytes expired)
{
    const riacho_bytes copy = riacho_copy(state->arena, expired);
    const riacho_bytes key = {(const uint8_t *)copy.data + 1 + EXPIRY_BYTES,
                              copy.size - 1 - EXPIRY_BYTES};
    riacho_overlay_delete(state->overlay, state->space, value_key(state, key));
    riacho_overlay_delete(state->overlay, state->space, copy);
}

riacho_status riacho_state_ttl_expire(const riacho_state *state, int64_t stream_time_ms,
                                      size_t limit, size_t *ret_count, riacho_error *err)
{
    assert(state->overlay);
    const uint64_t now = riacho_order_of_i64(stream_time_ms);
    const uint64_t end = now == UINT64_MAX ? now : now + 1; /* the highest expiry never comes */
    uint64_t mark;
    size_t count = 0;
    RIACHO_TRY(read_mark(state, &mark, err));
    if (ret_count)
        *ret_count = 0;
    if (mark >= end)
        return RIACHO_OK;

    const riacho_bytes none = {"", 0};
    const riacho_range range = {expiry_key(state, mark, none), expiry_key(state, end, none), 0};
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    RIACHO_TRY(riacho_state_scan(state, &range, &scan, err));
    for (; count < limit; count++) {
        riacho_bytes key, value;
        RIACHO_TRY(riacho_scan_next(scan, &key, &value, err));
        if (!key.data)
            break;
        mark = riacho_order_get_u64((const uint8_t *)key.data + 1);
        drop(state, key);
    }
    if (count)
        write_mark(state, count < limit ? end : mark);
    if (ret_count)
        *ret_count = count;
    return RIACHO_OK;
}
