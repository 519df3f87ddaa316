/* SPDX-License-Identifier: MIT
 *
 * parse.h - text to tree. The grammar is in docs/reference/expressions.md.
 *
 * Threads: belongs to the call that compiles.
 */
#pragma once

#include "node.h"

/* RIACHO_REJECT with the issue (may be NULL) set: not an expression, too long, or too deep. */
RIACHO_CHECKED riacho_status riacho_expr_parse(riacho_bytes text, riacho_arena *arena,
                                               riacho_expr_node **ret_node,
                                               riacho_expr_issue *issue);
