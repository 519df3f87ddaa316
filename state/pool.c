/* SPDX-License-Identifier: MIT
 *
 * pool.c - see pool.h.
 */
#include "pool.h"

#include <assert.h>
#include <string.h>

enum { SMALL_CLASSES = RIACHO_POOL_SMALL_MAX / RIACHO_POOL_STEP };

void riacho_pool_init(riacho_pool *pool, riacho_arena *arena)
{
    *pool = (riacho_pool){.arena = arena};
}

/* What a buffer of a class holds, for a size. */
static uint32_t round_up(size_t size)
{
    assert(size <= (size_t)1 << 31);
    if (size <= RIACHO_POOL_SMALL_MAX) {
        const size_t steps = (size + RIACHO_POOL_STEP - 1) / RIACHO_POOL_STEP;
        return (uint32_t)(steps ? steps * RIACHO_POOL_STEP : RIACHO_POOL_STEP);
    }
    return (uint32_t)1 << (64 - __builtin_clzll(size - 1));
}

static void **idle_of(riacho_pool *pool, uint32_t capacity)
{
    if (capacity <= RIACHO_POOL_SMALL_MAX)
        return &pool->idle[capacity / RIACHO_POOL_STEP - 1];
    return &pool->idle[SMALL_CLASSES + __builtin_ctz(capacity)];
}

uint8_t *riacho_pool_take(riacho_pool *pool, size_t size, uint32_t *ret_capacity)
{
    const uint32_t capacity = round_up(size);
    void **idle = idle_of(pool, capacity);
    uint8_t *buffer = *idle;
    if (buffer)
        memcpy(idle, buffer, sizeof *idle);
    else
        buffer = riacho_alloc(pool->arena, capacity);
    *ret_capacity = capacity;
    return buffer;
}

void riacho_pool_give(riacho_pool *pool, uint8_t *buffer, uint32_t capacity)
{
    void **idle = idle_of(pool, capacity);
    memcpy(buffer, idle, sizeof *idle);
    *idle = buffer;
}
