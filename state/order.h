/* SPDX-License-Identifier: MIT
 *
 * order.h - the pieces of store keys: numbers and bytes written so that memcmp sorts them as they
 * should be sorted, and the ranges over them.
 *
 * A part that is not the last of its key is closed: 0x00 becomes 0x00 0xff and 0x00 0x01 ends it.
 * So no two lists of parts give the same key, what starts with a part never mixes with what starts
 * with another, and parts sort as their bytes do. A last part is written as it is.
 *
 * Pure; any thread.
 */
#pragma once

#include <string.h>

#include "riacho/port/store.h"

static inline void riacho_order_put_u64(uint8_t *at, uint64_t number)
{
    const uint64_t big = __builtin_bswap64(number);
    memcpy(at, &big, sizeof big);
}

static inline uint64_t riacho_order_get_u64(const void *at)
{
    uint64_t big;
    memcpy(&big, at, sizeof big);
    return __builtin_bswap64(big);
}

/* Negative numbers before positive ones: the sign bit is turned over. */
static inline uint64_t riacho_order_of_i64(int64_t number)
{
    return (uint64_t)number ^ (uint64_t)1 << 63;
}

static inline int64_t riacho_order_to_i64(uint64_t ordered)
{
    return (int64_t)(ordered ^ (uint64_t)1 << 63);
}

/* The most bytes that a closed part of that size takes. */
static inline size_t riacho_order_closed_bytes_max(size_t size)
{
    return size * 2 + 2;
}

/* Writes the part closed; returns how many bytes it took. */
size_t riacho_order_put_closed(uint8_t *at, riacho_bytes part);
/* Reads the closed part that key starts with, into the arena, and tells its bytes in the key;
 * RIACHO_REJECT when there is none. */
RIACHO_CHECKED riacho_status riacho_order_get_closed(riacho_bytes key, riacho_arena *arena,
                                                     riacho_bytes *ret_part, size_t *ret_used,
                                                     riacho_error *err);

/* Every key that starts with the prefix. `to` is in the arena; absent when the prefix is empty or
 * all 0xff. */
riacho_range riacho_order_prefix(riacho_bytes prefix, riacho_arena *arena,
                                 riacho_direction direction);
/* The least key above this one, in the arena. */
riacho_bytes riacho_order_after(riacho_bytes key, riacho_arena *arena);
