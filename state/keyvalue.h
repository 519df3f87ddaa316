/* SPDX-License-Identifier: MIT
 *
 * keyvalue.h - the last value of each key, with the timestamp of the record that made it.
 *
 *   key as it is -> timestamp (8 bytes big-endian, signed), value
 *
 * Keys keep the caller's bytes, so scans run in the order of its own encoding.
 * Threads: as the view.
 */
#pragma once

#include "view.h"

typedef struct riacho_stamped {
    riacho_bytes value; /* data NULL: there is none; aligned to 8 bytes when read by a get */
    int64_t timestamp_ms;
} riacho_stamped;

/* Value and key lie in the state's arena. */
RIACHO_CHECKED riacho_status riacho_state_keyvalue_get(const riacho_state *state, riacho_bytes key,
                                                       riacho_stamped *ret_value,
                                                       riacho_error *err);
/* An absent value deletes the key. */
void riacho_state_keyvalue_put(const riacho_state *state, riacho_bytes key,
                               const riacho_stamped *value);
void riacho_state_keyvalue_delete(const riacho_state *state, riacho_bytes key);

/* The next pair of a scan opened with riacho_state_scan over any range (order.h makes prefixes);
 * borrowed as riacho_scan_next says; key.data is NULL at the end. */
RIACHO_CHECKED riacho_status riacho_state_keyvalue_next(riacho_view_scan *scan,
                                                        riacho_bytes *ret_key,
                                                        riacho_stamped *ret_value,
                                                        riacho_error *err);
