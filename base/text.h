/* SPDX-License-Identifier: MIT
 *
 * text.h - the small texts that people write and read: durations, sizes, positions, base64, "did
 * you mean".
 */
#pragma once

#include "riacho/types.h"

/* "250ms" "30s" "5m" "2h" "7d" (a whole number and one unit). RIACHO_REJECT when it is not one or
 * does not fit. */
RIACHO_CHECKED riacho_status riacho_duration_parse(riacho_bytes text, int64_t *ret_ms,
                                                   riacho_error *err);
/* "512" "64KiB" "1MiB" "2GiB". */
RIACHO_CHECKED riacho_status riacho_size_parse(riacho_bytes text, uint64_t *ret_bytes,
                                               riacho_error *err);
/* A whole decimal number in [min, max], nothing around it. */
RIACHO_CHECKED riacho_status riacho_int_parse(riacho_bytes text, int64_t min, int64_t max,
                                              int64_t *ret_value, riacho_error *err);
/* "interactions/3:123456"; ret_topic is a copy in the arena. */
RIACHO_CHECKED riacho_status riacho_position_parse(riacho_bytes text, riacho_arena *arena,
                                                   riacho_position *ret_position,
                                                   riacho_error *err);
void riacho_position_print(const riacho_position *position, riacho_buffer *out);

/* RFC 4648 base64url without padding. */
void riacho_base64url_encode(riacho_bytes bytes, riacho_buffer *out);
RIACHO_CHECKED riacho_status riacho_base64url_decode(riacho_bytes text, riacho_buffer *out,
                                                     riacho_error *err);

/* Well-formed UTF-8, no surrogates, nothing beyond U+10FFFF. */
bool riacho_utf8_valid(riacho_bytes text);

/* Appends text as it may stand in HTML and XML, between tags and in quoted attributes: markup and
 * line ends escaped, other control characters left out. */
void riacho_markup_escape(const char *text, riacho_buffer *out);

/* The candidate that was probably meant (close by edit distance), or NULL. */
const char *riacho_suggest(riacho_bytes word, const char *const *candidates, size_t count);
