/* SPDX-License-Identifier: MIT
 *
 * clock.c - the machine's clock and the one that tests move.
 */
#include "riacho/port/clock.h"

#include <time.h>

static int64_t system_now_ms(riacho_clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_monotonic_ns(riacho_clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

riacho_clock *riacho_clock_system(void)
{
    static riacho_clock clock = {system_now_ms, system_monotonic_ns};
    return &clock;
}

static int64_t virtual_now_ms(riacho_clock *clock)
{
    return ((riacho_clock_virtual *)clock)->at_ms;
}

static int64_t virtual_monotonic_ns(riacho_clock *clock)
{
    return ((riacho_clock_virtual *)clock)->at_ms * 1000000;
}

void riacho_clock_virtual_init(riacho_clock_virtual *clock, int64_t at_ms)
{
    *clock = (riacho_clock_virtual){{virtual_now_ms, virtual_monotonic_ns}, at_ms};
}
