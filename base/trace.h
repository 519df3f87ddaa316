/* SPDX-License-Identifier: MIT
 *
 * trace.h - diagnostics for the people who run the program, on stderr: text on a terminal, one JSON
 * object a line otherwise.
 * (*log* is the ordered event log; this is not it.) Any thread; lines are never torn. Values are
 * escaped; never pass secrets.
 */
#pragma once

#include "riacho/types.h"

typedef enum riacho_level { RIACHO_DEBUG, RIACHO_INFO, RIACHO_WARN, RIACHO_ERROR } riacho_level;

/* Least level that is printed; the start value is RIACHO_INFO. */
void riacho_trace_level(riacho_level least);
/* Whether a line of this level would be printed: ask before making costly fields. */
bool riacho_trace_wants(riacho_level level);
/* One line: a message and fields as name, value pairs closed by NULL, all terminated text:
 * riacho_trace(RIACHO_WARN, "state moved aside", "task", task, "to", folder, NULL). */
void riacho_trace(riacho_level level, const char *message, ...) __attribute__((sentinel));
