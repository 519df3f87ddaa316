/* SPDX-License-Identifier: MIT
 *
 * base64.h - RFC 4648 base64 with padding: how JSON holds bytes. (base/text.h has base64url.) Pure.
 */
#pragma once

#include "riacho/types.h"

void riacho_base64_encode(riacho_bytes bytes, riacho_buffer *out);
/* Writes at most text.size / 4 * 3 bytes; false when the text is not exactly what encode writes. */
bool riacho_base64_decode(riacho_bytes text, uint8_t *ret_bytes, size_t *ret_size);
