/* SPDX-License-Identifier: MIT
 *
 * lines.h - JSON lines from a file or from another program, in batches that keep their line
 * numbers. A batch ends when it is full, or when nothing more has come for a moment, so that a
 * program that writes a line now and then is heard at once.
 *
 * Threads: one.
 */
#pragma once

#include "riacho/codec.h"

typedef struct riacho_lines riacho_lines;

typedef struct riacho_lines_batch {
    const riacho_bytes *texts; /* without their ends; lines of nothing but space are left out */
    const unsigned *numbers;   /* from 1 */
    size_t count;              /* 0: the end */
} riacho_lines_batch;

enum { RIACHO_LINES_MAX = 1000 }; /* of one batch */

/* `path` NULL: stdin. RIACHO_REJECT: it cannot be read. */
RIACHO_CHECKED riacho_status riacho_lines_open(const char *path, riacho_lines **ret_lines,
                                               riacho_error *err);
void riacho_lines_close(riacho_lines *lines);
/* "stdin", or the path. */
const char *riacho_lines_name(const riacho_lines *lines);
/* The next batch, borrowed until the next call. RIACHO_REJECT: a line is too long. */
RIACHO_CHECKED riacho_status riacho_lines_next(riacho_lines *lines, riacho_lines_batch *ret_batch,
                                               riacho_error *err);
/* An issue of a batch, whose pointer begins with the place in it, as people look for it: "stdin:7:
 * value/atMs must be ...". */
const char *riacho_lines_explain(const riacho_lines *lines, const riacho_lines_batch *batch,
                                 const riacho_json_issue *issue, riacho_arena *arena);

static inline void riacho_auto_lines(riacho_lines **lines)
{
    riacho_lines_close(*lines);
}
