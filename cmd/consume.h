/* SPDX-License-Identifier: MIT
 *
 * consume.h - records of a topic to stdout, one JSON object a line: what `topic consume` and `dlq
 * show` have in common.
 *
 * Threads: one.
 */
#pragma once

#include "desk.h"

typedef struct riacho_consumption {
    const char *topic;
    int32_t partition; /* -1: all */
    const char *from;  /* as runtime/records.h reads it; NULL: earliest */
    int64_t count;     /* at most so many; -1: all there are */
    enum { RIACHO_CONSUME_PRESENT = 0, RIACHO_CONSUME_FOLLOW } until;
} riacho_consumption;

/* The number of a flag of the line, `otherwise` when it was not given. RIACHO_REJECT names the
 * flag.
 */
RIACHO_CHECKED riacho_status riacho_flag_number(const riacho_line *line, const char *flag,
                                                int64_t otherwise, int64_t max, int64_t *ret_number,
                                                riacho_error *err);
/* --from, --partition, --count and --follow of the line; RIACHO_EXIT_OK, or it has complained. */
int riacho_consumption_read(const riacho_line *line, riacho_consumption *consumption);
/* Returns what the program ends with. A reader of stdout that goes away ends it in peace. */
int riacho_consume(const riacho_line *line, riacho_desk *desk,
                   const riacho_consumption *consumption);
/* Complains with the name that was probably meant. */
int riacho_complain_no_topic(const riacho_line *line, const char *topic,
                             const riacho_topic_status *topics, size_t count);
