/* SPDX-License-Identifier: MIT
 *
 * headers.h - the request headers that carry a promise: Prefer, If-Position, If-None-Match,
 * Idempotency-Key, traceparent.
 */
#pragma once

#include "http.h"

enum { RIACHO_POSITIONS_MAX = 16 }; /* of one If-Position */

/* The wait of `Prefer: wait=N`, in ms; -1 when there is none or it is not a number (a preference
 * that is not understood is ignored). */
int64_t riacho_prefer_wait_ms(const riacho_http_request *request);
/* Positions of If-Position, separated by commas; 0 without the header. */
RIACHO_CHECKED riacho_status riacho_if_position(const riacho_http_request *request,
                                                riacho_position *ret_positions, size_t *ret_count,
                                                riacho_error *err);
/* Whether If-None-Match names this entity tag (with its quotes). */
bool riacho_none_match(const riacho_http_request *request, const char *etag);
/* The key, absent without the header. RIACHO_REJECT: not 1 to 64 visible characters. */
RIACHO_CHECKED riacho_status riacho_idempotency_key(const riacho_http_request *request,
                                                    riacho_bytes *ret_key, riacho_error *err);
/* A well-formed W3C traceparent, or absent. */
riacho_bytes riacho_traceparent(const riacho_http_request *request);
/* Whether the body is said to be JSON in UTF-8. */
bool riacho_is_json(const riacho_http_request *request);
