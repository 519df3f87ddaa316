/* SPDX-License-Identifier: MIT
 *
 * ttl.h - values that expire by stream time, the same on every replay.
 *
 *   'v' key                         -> expiry (8 bytes big-endian, ordered), value
 *   'x' span (8) page (4)           -> keys that expire within a span of RIACHO_TTL_SPAN_MS, each
 *                                      behind its size (4): page 0 is the one that grows and begins
 *                                      with how many others there are (4)
 *   'w'                             -> the span below which nothing is left in 'x' (8)
 *
 * An entry is gone when its expiry is not above stream time, whether it was dropped already or not;
 * it is dropped when its whole span is over. A key that was put again or deleted meanwhile may
 * still stand in pages of other spans: what its entry says counts. So a put writes one key and a
 * small part of another.
 *
 * The 'w' key lets a drop begin where the last one ended instead of walking over what it left
 * behind. Threads: as the view.
 */
#pragma once

#include "view.h"

enum { RIACHO_TTL_SPAN_MS = 1 << 14 };

typedef struct riacho_state_ttl_entry {
    riacho_bytes key;
    riacho_bytes value;
    int64_t expires_ms;
} riacho_state_ttl_entry;

/* The value (in the arena), data NULL when there is none or it expired. */
RIACHO_CHECKED riacho_status riacho_state_ttl_get(const riacho_state *state, riacho_bytes key,
                                                  int64_t stream_time_ms, riacho_bytes *ret_value,
                                                  riacho_error *err);
/* Replaces value and expiry. */
RIACHO_CHECKED riacho_status riacho_state_ttl_put(const riacho_state *state,
                                                  const riacho_state_ttl_entry *entry,
                                                  riacho_error *err);
/* Puts only when there is none; ret_existing is the one there is, data NULL when it was put. */
RIACHO_CHECKED riacho_status riacho_state_ttl_put_if_absent(const riacho_state *state,
                                                            const riacho_state_ttl_entry *entry,
                                                            int64_t stream_time_ms,
                                                            riacho_bytes *ret_existing,
                                                            riacho_error *err);
/* A key that is not there is fine. */
RIACHO_CHECKED riacho_status riacho_state_ttl_delete(const riacho_state *state, riacho_bytes key,
                                                     riacho_error *err);
/* Deletes what expired in spans that are over, oldest first. Looks at `limit` keys and the rest of
 * the page where that is reached; ret_count (may be NULL) is how many it looked at, fewer than
 * `limit` when nothing is left. */
RIACHO_CHECKED riacho_status riacho_state_ttl_expire(const riacho_state *state,
                                                     int64_t stream_time_ms, size_t limit,
                                                     size_t *ret_count, riacho_error *err);
