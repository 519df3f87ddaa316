/* SPDX-License-Identifier: MIT
 *
 * pool.h - buffers in an arena that can be given back and taken again before the arena is reset.
 *
 * A buffer has the size of a class: a multiple of 16 bytes, or a power of two when it is large. One
 * that was given back waits in the list of its class, linked through its own first bytes. A reset
 * of the arena is one of the pool. Threads: belongs to the task.
 */
#pragma once

#include "riacho/types.h"

enum {
    RIACHO_POOL_STEP = 16,
    RIACHO_POOL_SMALL_MAX = 4096,
    RIACHO_POOL_CLASSES = RIACHO_POOL_SMALL_MAX / RIACHO_POOL_STEP + 32,
};

typedef struct riacho_pool {
    riacho_arena *arena; /* borrowed */
    void *idle[RIACHO_POOL_CLASSES];
} riacho_pool;

void riacho_pool_init(riacho_pool *pool, riacho_arena *arena);
/* Of at least `size` bytes, below 2 GiB; ret_capacity is what giving it back takes. */
uint8_t *riacho_pool_take(riacho_pool *pool, size_t size, uint32_t *ret_capacity);
void riacho_pool_give(riacho_pool *pool, uint8_t *buffer, uint32_t capacity);
