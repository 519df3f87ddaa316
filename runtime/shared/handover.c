/* SPDX-License-Identifier: MIT
 *
 * handover.c - see handover.h. A box is a ring under a lock that is held for a few instructions.
 */
#include "handover.h"

#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"

struct riacho_box {
    pthread_mutex_t lock;
    riacho_handover *ring;
    size_t capacity;
    size_t first;
    size_t count;
    void (*wake)(void *arg);
    void *wake_arg;
};

void riacho_restored_free(riacho_restored *restored)
{
    if (!restored)
        return;
    riacho_arena_free(restored->arena);
    free(restored);
}

riacho_box *riacho_box_new(void)
{
    riacho_box *box = riacho_memory_get_zero(1, sizeof *box);
    pthread_mutex_init(&box->lock, NULL);
    return box;
}

void riacho_box_free(riacho_box *box)
{
    if (!box)
        return;
    riacho_handover left;
    while (riacho_box_take(box, &left))
        riacho_restored_free(left.restored);
    pthread_mutex_destroy(&box->lock);
    free(box->ring);
    free(box);
}

void riacho_box_on_put(riacho_box *box, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&box->lock);
    box->wake = wake;
    box->wake_arg = arg;
    pthread_mutex_unlock(&box->lock);
}

static void grow(riacho_box *box)
{
    enum { FIRST_CAPACITY = 16 };
    const size_t capacity = box->capacity ? box->capacity * 2 : FIRST_CAPACITY;
    riacho_handover *ring = riacho_memory_get(capacity * sizeof *ring);
    for (size_t i = 0; i < box->count; i++)
        ring[i] = box->ring[(box->first + i) % box->capacity];
    free(box->ring);
    box->ring = ring;
    box->capacity = capacity;
    box->first = 0;
}

void riacho_box_put(riacho_box *box, const riacho_handover *handover)
{
    pthread_mutex_lock(&box->lock);
    if (box->count == box->capacity)
        grow(box);
    box->ring[(box->first + box->count++) % box->capacity] = *handover;
    void (*const wake)(void *arg) = box->wake;
    void *const arg = box->wake_arg;
    pthread_mutex_unlock(&box->lock);
    if (wake)
        wake(arg);
}

bool riacho_box_take(riacho_box *box, riacho_handover *ret_handover)
{
    pthread_mutex_lock(&box->lock);
    const bool some = box->count > 0;
    if (some) {
        *ret_handover = box->ring[box->first];
        box->first = (box->first + 1) % box->capacity;
        box->count--;
    }
    pthread_mutex_unlock(&box->lock);
    return some;
}
