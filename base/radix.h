/* SPDX-License-Identifier: MIT
 *
 * radix.h - sorts by 64 bit numbers without comparing, in time that grows with the count alone.
 *
 * For keys: the first eight bytes behind what all of them begin with, as a number that sorts as
 * they do. Keys that agree in those are left to the caller.
 *
 * Threads: any; no state.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "riacho/types.h"

typedef struct riacho_radix_item {
    uint64_t lead;
    uint64_t item; /* the caller's */
} riacho_radix_item;

/* Sorts `items` by lead; equal ones keep their order. `spare` is as large as `items`, and what is
 * in it afterwards means nothing. */
void riacho_radix_sort(riacho_radix_item *items, riacho_radix_item *spare, size_t count);

/* Bytes [from, from + 8) of the key; those behind its end are 0. */
uint64_t riacho_radix_lead(riacho_bytes key, size_t from);
/* How many bytes both begin with. */
size_t riacho_radix_common(riacho_bytes left, riacho_bytes right);
