/* SPDX-License-Identifier: MIT
 *
 * narrow.h - a log and stores stacked on real ones, that can be told to have no room, to have lost
 * the beginning of their topics, or to be damaged. Owns what it is stacked on.
 *
 * Threads: one test.
 */
#pragma once

#include "riacho/port/log.h"
#include "riacho/port/store.h"

typedef struct narrow {
    bool log_full;            /* commit and append give RIACHO_RETRY */
    bool store_full;          /* write gives RIACHO_RETRY */
    int damaged;              /* so many opens of a store give RIACHO_REJECT */
    int quarantined;          /* calls */
    int64_t held_from;        /* bounds tell that nothing below is held */
    int64_t lost;             /* bounds tell an end that is this much too small */
    _Atomic unsigned commits; /* of tasks, origins left out, that reached the log */
    _Atomic unsigned writes;  /* that reached a store */
} narrow;

riacho_log *narrow_log(narrow *said, riacho_log *inner);
riacho_store_factory *narrow_stores(narrow *said, riacho_store_factory *inner);
