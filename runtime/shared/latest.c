/* SPDX-License-Identifier: MIT
 *
 * latest.c - see latest.h.
 *
 * Invariants: slots are at most half full, a power of two in number, and never removed one by one;
 * an entry's value lies behind its key, and moves with it when it outgrows its place.
 */
#include "latest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/radix.h"

enum { SLOTS_MIN = 1024 };

struct entry {
    uint8_t *bytes; /* in the arena */
    uint32_t space;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t value_capacity;
    bool deleted;
};

struct riacho_latest {
    riacho_arena *arena;
    struct entry *entries;
    size_t count, capacity;
    uint64_t *slots;
    size_t slot_count;
    uint32_t space_count;     /* behind the largest that was seen */
    riacho_radix_item *order; /* of `count`; NULL: not sorted */
};

/* ---- life ------------------------------------------------------------------------------------ */

riacho_latest *riacho_latest_new(void)
{
    riacho_latest *latest = riacho_memory_get_zero(1, sizeof *latest);
    latest->arena = riacho_arena_new();
    return latest;
}

void riacho_latest_reset(riacho_latest *latest)
{
    riacho_arena *arena = latest->arena;
    riacho_arena_reset(arena);
    free(latest->entries);
    free(latest->slots);
    free(latest->order);
    *latest = (riacho_latest){.arena = arena};
}

void riacho_latest_free(riacho_latest *latest)
{
    if (!latest)
        return;
    riacho_latest_reset(latest);
    riacho_arena_free(latest->arena);
    free(latest);
}

/* ---- changes --------------------------------------------------------------------------------- */

static riacho_bytes key_of(const struct entry *entry)
{
    return (riacho_bytes){entry->bytes, entry->key_size};
}

static uint32_t hash_of(uint32_t space, riacho_bytes key)
{
    return (uint32_t)(riacho_hash(key) >> 32) ^ space * 0x9e3779b9u;
}

/* The slot of the key, or the free one where it would go. */
static size_t find_slot(const riacho_latest *latest, uint32_t hash, uint32_t space,
                        riacho_bytes key)
{
    const size_t mask = latest->slot_count - 1;
    size_t slot = hash & mask;
    for (; latest->slots[slot]; slot = (slot + 1) & mask) {
        if (latest->slots[slot] >> 32 != hash)
            continue;
        const struct entry *entry = &latest->entries[(uint32_t)latest->slots[slot] - 1];
        if (entry->space == space && riacho_bytes_equal(key_of(entry), key))
            break;
    }
    return slot;
}

static void grow_slots(riacho_latest *latest)
{
    const size_t old_count = latest->slot_count;
    RIACHO_AUTO(heap) uint64_t *old = latest->slots;
    latest->slot_count = old_count ? old_count * 2 : SLOTS_MIN;
    latest->slots = riacho_memory_get_zero(latest->slot_count, sizeof *latest->slots);
    const size_t mask = latest->slot_count - 1;
    for (size_t i = 0; i < old_count; i++) {
        size_t slot = old[i] >> 32 & mask;
        if (!old[i])
            continue;
        while (latest->slots[slot])
            slot = (slot + 1) & mask;
        latest->slots[slot] = old[i];
    }
}

static struct entry *add(riacho_latest *latest, uint32_t space)
{
    if (latest->count == latest->capacity) {
        latest->capacity = latest->capacity ? latest->capacity * 2 : SLOTS_MIN / 2;
        latest->entries =
            riacho_memory_resize(latest->entries, latest->capacity * sizeof *latest->entries);
    }
    assert(latest->count < UINT32_MAX - 1);
    if (space >= latest->space_count)
        latest->space_count = space + 1;
    struct entry *entry = &latest->entries[latest->count++];
    *entry = (struct entry){.space = space};
    return entry;
}

/* A value that outgrows its place gets one twice as large, so one that grows with every change
 * costs a bounded multiple of its last size. */
static void place(riacho_latest *latest, struct entry *entry, riacho_bytes key, riacho_bytes value)
{
    const size_t twice = (size_t)entry->value_capacity * 2;
    const size_t capacity = value.size > twice ? value.size : twice;
    assert(key.size <= UINT32_MAX && capacity <= UINT32_MAX);
    uint8_t *bytes = riacho_alloc(latest->arena, key.size + capacity);
    if (key.size)
        memcpy(bytes, key.data, key.size);
    entry->bytes = bytes;
    entry->key_size = (uint32_t)key.size;
    entry->value_capacity = (uint32_t)capacity;
}

static void forget_order(riacho_latest *latest)
{
    free(latest->order);
    latest->order = NULL;
}

void riacho_latest_put(riacho_latest *latest, uint32_t space, riacho_bytes key, riacho_bytes value)
{
    assert(key.data);
    forget_order(latest);
    if (latest->count * 2 >= latest->slot_count)
        grow_slots(latest);
    const uint32_t hash = hash_of(space, key);
    const size_t slot = find_slot(latest, hash, space, key);
    struct entry *entry;
    if (latest->slots[slot]) {
        entry = &latest->entries[(uint32_t)latest->slots[slot] - 1];
    } else {
        entry = add(latest, space);
        latest->slots[slot] = (uint64_t)hash << 32 | (uint32_t)latest->count;
    }
    if (!entry->bytes || value.size > entry->value_capacity)
        place(latest, entry, key, value);
    if (value.size)
        memcpy(entry->bytes + entry->key_size, value.data, value.size);
    entry->value_size = (uint32_t)value.size;
    entry->deleted = !value.data;
}

size_t riacho_latest_count(const riacho_latest *latest)
{
    return latest->count;
}

size_t riacho_latest_bytes(const riacho_latest *latest)
{
    return riacho_arena_used(latest->arena) + latest->capacity * sizeof *latest->entries +
           latest->slot_count * sizeof *latest->slots + 2 * latest->count * sizeof *latest->order;
}

/* ---- order ----------------------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right, void *entries)
{
    const riacho_radix_item *a = left, *b = right;
    const struct entry *all = entries;
    return riacho_bytes_compare(key_of(&all[a->item]), key_of(&all[b->item]));
}

/* Keys that agree in the bytes they were sorted by. */
static void sort_equal(const riacho_latest *latest, riacho_radix_item *items, size_t count)
{
    for (size_t i = 0, end; i < count; i = end) {
        end = i + 1;
        while (end < count && items[end].lead == items[i].lead)
            end++;
        if (end - i > 1)
            qsort_r(items + i, end - i, sizeof *items, compare_items, latest->entries);
    }
}

static void sort_space(const riacho_latest *latest, riacho_radix_item *items,
                       riacho_radix_item *spare, size_t count)
{
    if (!count)
        return;
    const riacho_bytes first = key_of(&latest->entries[items[0].item]);
    size_t common = first.size;
    for (size_t i = 1; i < count && common; i++) {
        const riacho_bytes head = {first.data, common};
        common = riacho_radix_common(head, key_of(&latest->entries[items[i].item]));
    }
    for (size_t i = 0; i < count; i++)
        items[i].lead = riacho_radix_lead(key_of(&latest->entries[items[i].item]), common);
    riacho_radix_sort(items, spare, count);
    sort_equal(latest, items, count);
}

void riacho_latest_sort(riacho_latest *latest)
{
    const size_t count = latest->count;
    if (latest->order || !count)
        return;
    latest->order = riacho_memory_get(count * sizeof *latest->order);
    RIACHO_AUTO(heap) riacho_radix_item *spare = riacho_memory_get(count * sizeof *spare);
    for (size_t i = 0; i < count; i++)
        latest->order[i] = (riacho_radix_item){latest->entries[i].space, i};
    riacho_radix_sort(latest->order, spare, count);
    size_t at = 0;
    for (uint32_t space = 0; space < latest->space_count; space++) {
        const size_t first = at;
        while (at < count && latest->entries[latest->order[at].item].space == space)
            at++;
        sort_space(latest, latest->order + first, spare, at - first);
    }
}

size_t riacho_latest_read(const riacho_latest *latest, size_t first, riacho_change *changes,
                          size_t max)
{
    assert(latest->order || !latest->count);
    size_t count = 0;
    for (; count < max && first + count < latest->count; count++) {
        const struct entry *entry = &latest->entries[latest->order[first + count].item];
        const riacho_bytes value = {entry->bytes + entry->key_size, entry->value_size};
        changes[count] = (riacho_change){.space = entry->space,
                                         .key = key_of(entry),
                                         .value = entry->deleted ? (riacho_bytes){0} : value};
    }
    return count;
}
