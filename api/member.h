/* SPDX-License-Identifier: MIT
 *
 * member.h - the few lines of JSON that the server writes by hand.
 */
#pragma once

#include "riacho/codec.h"

/* "name": with a comma in front unless it is the first in its object. */
void riacho_member_name(riacho_buffer *out, const char *name);
/* Members of an object. A NULL text is null. */
void riacho_member_text(riacho_buffer *out, const char *name, const char *text);
void riacho_member_bytes(riacho_buffer *out, const char *name, riacho_bytes text);
void riacho_member_number(riacho_buffer *out, const char *name, int64_t number);
void riacho_member_position(riacho_buffer *out, const char *name, const riacho_position *position);
