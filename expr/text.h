/* SPDX-License-Identifier: MIT
 *
 * text.h - what the text functions of the language do, as plain functions over bytes. Results are
 * in the arena or in the input.
 */
#pragma once

#include "riacho/types.h"

/* UTF-8 characters (code points). */
int64_t riacho_expr_characters(riacho_bytes text);
bool riacho_expr_contains(riacho_bytes text, riacho_bytes part);
bool riacho_expr_starts(riacho_bytes text, riacho_bytes part);
bool riacho_expr_ends(riacho_bytes text, riacho_bytes part);
riacho_bytes riacho_expr_concat(riacho_bytes a, riacho_bytes b, riacho_arena *arena);
/* A to Z, or a to z; every other character stays. */
riacho_bytes riacho_expr_lower(riacho_bytes text, riacho_arena *arena);
riacho_bytes riacho_expr_upper(riacho_bytes text, riacho_arena *arena);
/* Without the spaces, tabs and line ends around it. */
riacho_bytes riacho_expr_trim(riacho_bytes text);
/* XXH64 with seed 0, its top bit cleared. */
int64_t riacho_expr_hash(riacho_bytes bytes);

/* The shortest decimal number that reads back as the same double (or float), with a ".0" where it
 * would look whole; "NaN", "Infinity" or "-Infinity". */
riacho_bytes riacho_expr_double_text(double real, riacho_arena *arena);
riacho_bytes riacho_expr_float_text(double real, riacho_arena *arena);
/* What double() reads: a number as in an expression, with a sign or not, or one of those three. */
RIACHO_CHECKED riacho_status riacho_expr_double_read(riacho_bytes text, double *ret_real);
