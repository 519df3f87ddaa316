/* SPDX-License-Identifier: MIT
 *
 * headers.h - the request headers that carry a promise: Prefer, If-Position, If-None-Match,
 * Idempotency-Key, traceparent.
 */
#pragma once

#include "http.h"

enum { RIACHO_POSITIONS_MAX = 16 }; /* of one If-Position */

/* The wait of `Prefer: wait=N`, in ms; -1 when there is none. RIACHO_REJECT: it is not a whole
 * number of seconds. Other preferences are not ours and ignored. */
RIACHO_CHECKED riacho_status riacho_prefer_wait_ms(const riacho_http_request *request,
                                                   int64_t *ret_wait_ms, riacho_error *err);
/* How old the answer may be at most, in ms: 0 for `Read-Consistency: strong`, N for `bounded=Nms`,
 * -1 without the header: as old as it is. */
RIACHO_CHECKED riacho_status riacho_read_consistency(const riacho_http_request *request,
                                                     int64_t *ret_bound_ms, riacho_error *err);
/* Positions of If-Position, separated by commas; 0 without the header. */
RIACHO_CHECKED riacho_status riacho_if_position(const riacho_http_request *request,
                                                riacho_position *ret_positions, size_t *ret_count,
                                                riacho_error *err);
/* Entity tags are "VERSION" or "MOMENT-VERSION", 16 hexadecimal digits each (riacho/serve.h): the
 * moment tells without the content that it is the same, the version tells it of the content. */
enum { RIACHO_TAG_TEXT_BYTES = 36 };
void riacho_tag_print(uint64_t moment, uint64_t version, char ret_text[RIACHO_TAG_TEXT_BYTES]);
/* The first tag of If-None-Match that has a moment, in its quotes; absent when none has. */
riacho_bytes riacho_none_match_moment(const riacho_http_request *request, uint64_t *ret_moment);
/* Whether If-None-Match has a tag of this version, or is `*`. */
bool riacho_none_match(const riacho_http_request *request, uint64_t version);
/* The key, absent without the header. RIACHO_REJECT: not 1 to 64 visible characters. */
RIACHO_CHECKED riacho_status riacho_idempotency_key(const riacho_http_request *request,
                                                    riacho_bytes *ret_key, riacho_error *err);
/* A well-formed W3C traceparent, or absent. */
riacho_bytes riacho_traceparent(const riacho_http_request *request);
/* Whether the body is said to be JSON in UTF-8. */
bool riacho_is_json(const riacho_http_request *request);
