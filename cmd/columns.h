/* SPDX-License-Identifier: MIT
 *
 * columns.h - columns for people. Programs ask for --json.
 *
 * Threads: one.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_COLUMNS_MAX = 12 };

/* Zeroed memory with `columns` set is an empty columns; the first row is the head. */
typedef struct riacho_columns {
    size_t columns;
    riacho_buffer cells; /* each ended by a NUL */
    size_t count;
    size_t widths[RIACHO_COLUMNS_MAX];
} riacho_columns;

/* The next cell, row by row. Control characters become spaces: what is in a topic may not move the
 * cursor of whoever looks at it. */
void riacho_columns_add(riacho_columns *columns, const char *format, ...) RIACHO_PRINTF(2, 3);
/* On stdout. */
void riacho_columns_print(const riacho_columns *columns);
void riacho_columns_done(riacho_columns *columns);

static inline void riacho_auto_columns(riacho_columns *columns)
{
    riacho_columns_done(columns);
}
