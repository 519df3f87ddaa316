/* SPDX-License-Identifier: MIT
 *
 * url.h - the request target: percent-decoding, path segments, query parameters. Decoding happens
 * after splitting, so %2F inside a key is part of the key and never a separator.
 */
#pragma once

#include "http.h"

/* Fills segments and parameters of the request from its target. RIACHO_REJECT with the reason: a
 * broken escape, %00, a control character, text that is not UTF-8, a parameter given twice, or too
 * many parts. The path must begin with '/'. Empty segments are kept but for the one at the end, so
 * /a//b is not /a/b. */
RIACHO_CHECKED riacho_status riacho_url_parse(riacho_http_request *request, riacho_error *err);

/* Decodes %XX into the arena; '+' is a space when `plus` says so. RIACHO_REJECT as above. */
typedef enum riacho_plus { RIACHO_PLUS_IS_PLUS = 0, RIACHO_PLUS_IS_SPACE } riacho_plus;
RIACHO_CHECKED riacho_status riacho_url_decode(riacho_bytes text, riacho_plus plus,
                                               riacho_arena *arena, riacho_bytes *ret_text,
                                               riacho_error *err);
/* Appends text with everything but unreserved characters escaped. */
void riacho_url_encode(riacho_bytes text, riacho_buffer *out);
