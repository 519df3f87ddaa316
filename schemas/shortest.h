/* SPDX-License-Identifier: MIT
 *
 * shortest.h - the shortest decimal that a floating-point number is the nearest one to. Pure; any
 * thread.
 */
#pragma once

#include <stdint.h>

/* digits x 10^exponent. */
typedef struct riacho_shortest {
    uint64_t digits;
    int exponent;
} riacho_shortest;

/* Of a finite number above 0: no decimal with fewer digits reads back as the same number, and of
 * those with as many it is the nearest. The digits may end in zeros. */
riacho_shortest riacho_shortest_double(double magnitude);
riacho_shortest riacho_shortest_float(float magnitude);
