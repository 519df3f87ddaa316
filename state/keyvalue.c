/* SPDX-License-Identifier: MIT
 *
 * keyvalue.c - see keyvalue.h.
 */
#include "keyvalue.h"

#include <assert.h>

#include "base/macros.h"
#include "order.h"
#include "overlay.h"

enum { TIMESTAMP_BYTES = 8 };

static riacho_status read_stamped(riacho_bytes stored, riacho_stamped *ret_value, riacho_error *err)
{
    if (!stored.data) {
        *ret_value = (riacho_stamped){0};
        return RIACHO_OK;
    }
    if (stored.size < TIMESTAMP_BYTES)
        return riacho_fail(err, RIACHO_FATAL,
                           "a key-value store holds a value of %zu bytes, too short for its "
                           "timestamp",
                           stored.size);
    ret_value->timestamp_ms = (int64_t)riacho_order_get_u64(stored.data);
    ret_value->value = (riacho_bytes){(const uint8_t *)stored.data + TIMESTAMP_BYTES,
                                      stored.size - TIMESTAMP_BYTES};
    return RIACHO_OK;
}

riacho_status riacho_state_keyvalue_get(const riacho_state *state, riacho_bytes key,
                                        riacho_stamped *ret_value, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_state_get(state, key, &stored, err));
    return read_stamped(stored, ret_value, err);
}

void riacho_state_keyvalue_put(const riacho_state *state, riacho_bytes key,
                               const riacho_stamped *value)
{
    if (!value->value.data) {
        riacho_state_keyvalue_delete(state, key);
        return;
    }
    assert(state->overlay);
    uint8_t *at = riacho_overlay_reserve(state->overlay, state->space, key,
                                         TIMESTAMP_BYTES + value->value.size);
    riacho_order_put_u64(at, (uint64_t)value->timestamp_ms);
    memcpy(at + TIMESTAMP_BYTES, value->value.data, value->value.size);
}

void riacho_state_keyvalue_delete(const riacho_state *state, riacho_bytes key)
{
    assert(state->overlay);
    riacho_overlay_delete(state->overlay, state->space, key);
}

riacho_status riacho_state_keyvalue_next(riacho_view_scan *scan, riacho_bytes *ret_key,
                                         riacho_stamped *ret_value, riacho_error *err)
{
    riacho_bytes stored;
    RIACHO_TRY(riacho_scan_next(scan, ret_key, &stored, err));
    return read_stamped(stored, ret_value, err);
}
