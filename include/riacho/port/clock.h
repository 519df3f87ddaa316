/* SPDX-License-Identifier: MIT
 *
 * port/clock.h - where time comes from: the machine's clock, or a virtual one that a test moves by
 * hand.
 */
#pragma once

#include "riacho/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_clock riacho_clock;

struct riacho_clock {
    /* Wall clock, ms since 1970-01-01 UTC. Any thread. */
    int64_t (*now_ms)(riacho_clock *clock);
    /* For intervals: never goes back, ns since some fixed moment. Any thread. */
    int64_t (*monotonic_ns)(riacho_clock *clock);
};

/* The machine's. Static; never freed. */
riacho_clock *riacho_clock_system(void);

/* A clock that stands still until it is moved. Zeroed but for `clock` by riacho_clock_virtual_init.
 */
typedef struct riacho_clock_virtual {
    riacho_clock clock;
    int64_t at_ms;
} riacho_clock_virtual;

void riacho_clock_virtual_init(riacho_clock_virtual *clock, int64_t at_ms);

#ifdef __cplusplus
}
#endif
