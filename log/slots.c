/* SPDX-License-Identifier: MIT
 *
 * slots.c - see slots.h. Tags are searched one after the other: a reader has few partitions, and
 * pauses are rare.
 */
#include "slots.h"

#include <stdlib.h>

#include "base/memory.h"

void riacho_slots_reset(struct slots *slots, size_t count)
{
    riacho_slots_done(slots);
    slots->items = riacho_memory_get_zero(count, sizeof *slots->items);
    slots->count = count;
}

void riacho_slots_done(struct slots *slots)
{
    free(slots->items);
    *slots = (struct slots){0};
}

static bool listed(uint32_t tag, const uint32_t *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (tags[i] == tag)
            return true;
    }
    return false;
}

void riacho_slots_pause(struct slots *slots, const uint32_t *tags, size_t count)
{
    for (size_t i = 0; i < slots->count; i++)
        slots->items[i].paused |= listed(slots->items[i].tag, tags, count);
}

void riacho_slots_resume(struct slots *slots, const uint32_t *tags, size_t count)
{
    for (size_t i = 0; i < slots->count; i++)
        slots->items[i].paused &= !listed(slots->items[i].tag, tags, count);
}

struct slot *riacho_slots_at(const struct slots *slots, size_t step)
{
    if (step >= slots->count)
        return NULL;
    struct slot *slot = &slots->items[(slots->turn + step) % slots->count];
    return slot->paused ? NULL : slot;
}

void riacho_slots_served(struct slots *slots, const struct slot *slot)
{
    slots->turn = (size_t)(slot - slots->items + 1) % slots->count;
}
