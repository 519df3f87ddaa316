/* SPDX-License-Identifier: MIT
 *
 * normal.h - the one way to write an expression: spaces, quotes, escapes and numbers always alike.
 */
#pragma once

#include "token.h"

/* Appends the normal form of a text that has been parsed. Read again, it is the same expression,
 * and its own normal form. */
void riacho_expr_normal(riacho_bytes text, riacho_arena *arena, riacho_buffer *out);
