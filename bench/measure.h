/* SPDX-License-Identifier: MIT
 *
 * measure.h - runs a piece of work in a process of its own and says what it took: the only way in
 * which the memory of one phase is not counted to the next.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_measure {
    double seconds;     /* wall */
    double cpu_seconds; /* user and system, all threads */
    uint64_t rss_bytes; /* peak */
    uint64_t events;    /* what the work says it did */
} riacho_measure;

/* `work` runs in a child and returns how many events it handled, 0 when it failed. RIACHO_FATAL
 * when it did. */
RIACHO_CHECKED riacho_status riacho_measure_run(uint64_t (*work)(void *arg), void *arg,
                                                riacho_measure *ret_measure);
/* Appends "name": {...} with events/s and CPU per event. */
void riacho_measure_print(const char *name, const riacho_measure *measure, riacho_buffer *out);
