/* SPDX-License-Identifier: MIT
 *
 * cache.c - a ring of bytes with an index.
 *
 * New items go to the head; room is made at the tail. An item found at the tail that was read since
 * it came by is moved to the head instead (a second chance), at most CHANCES times for one put, so
 * a put stays short. That is CLOCK with the ring as the clock face, and it needs no allocator.
 *
 *      not wrapped   [ free | tail items head | free            ]
 *      wrapped       [ items head | free | tail items wrap_at   ]
 *
 * Invariants: an item is contiguous; each live item has exactly one slot in the index; a dead one
 * has none and only waits for the tail. Index slots are at most half full.
 * Threads: belongs to the task.
 */
#include "cache.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { UNIT = 16, CHANCES = 16, BYTES_MIN = 64 * 1024, SLOTS_MIN = 64 };

struct item {
    uint64_t hash;
    uint32_t space;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t bytes; /* of the whole item, a multiple of UNIT */
    bool is_live;
    bool is_read;   /* since it was last at the tail */
    bool is_absent; /* the store has no such key */
    uint8_t data[]; /* key, value */
};

struct slot {
    uint32_t tag;  /* the low half of the hash */
    uint32_t unit; /* where the item starts, in units, + 1; 0: free */
};

struct riacho_cache {
    uint8_t *ring;
    size_t ring_bytes;
    size_t head;
    size_t tail;
    size_t wrap_at;
    bool is_wrapped;
    struct slot *slots;
    size_t slot_count;
    size_t item_count; /* live */
    riacho_cache_counts counts;
};

riacho_cache *riacho_cache_new(size_t bytes_max)
{
    riacho_cache *cache = riacho_memory_get_zero(1, sizeof *cache);
    cache->ring_bytes = (bytes_max < BYTES_MIN ? BYTES_MIN : bytes_max) / UNIT * UNIT;
    assert(cache->ring_bytes / UNIT < UINT32_MAX);
    cache->ring = riacho_memory_get(cache->ring_bytes);
    cache->slot_count = SLOTS_MIN;
    cache->slots = riacho_memory_get_zero(SLOTS_MIN, sizeof *cache->slots);
    return cache;
}

void riacho_cache_free(riacho_cache *cache)
{
    if (!cache)
        return;
    free(cache->ring);
    free(cache->slots);
    free(cache);
}

static struct item *item_at(const riacho_cache *cache, size_t offset)
{
    return (struct item *)(void *)(cache->ring + offset);
}

static struct item *item_of(const riacho_cache *cache, const struct slot *slot)
{
    return item_at(cache, (size_t)(slot->unit - 1) * UNIT);
}

static bool is_item_of(const struct item *item, const riacho_state_key *key)
{
    return item->hash == key->hash && item->space == key->space &&
           item->key_size == key->bytes.size &&
           memcmp(item->data, key->bytes.data, item->key_size) == 0;
}

static struct slot *find(const riacho_cache *cache, const riacho_state_key *key)
{
    const size_t mask = cache->slot_count - 1;
    const uint32_t tag = (uint32_t)key->hash;
    for (size_t at = tag & mask; cache->slots[at].unit; at = (at + 1) & mask) {
        struct slot *slot = &cache->slots[at];
        if (slot->tag == tag && is_item_of(item_of(cache, slot), key))
            return slot;
    }
    return NULL;
}

static void add_slot(riacho_cache *cache, struct slot new)
{
    const size_t mask = cache->slot_count - 1;
    size_t at = new.tag &mask;
    while (cache->slots[at].unit)
        at = (at + 1) & mask;
    cache->slots[at] = new;
}

static void grow_slots(riacho_cache *cache)
{
    struct slot *old = cache->slots;
    const size_t old_count = cache->slot_count;
    cache->slot_count *= 2;
    cache->slots = riacho_memory_get_zero(cache->slot_count, sizeof *cache->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].unit)
            add_slot(cache, old[i]);
    }
    free(old);
}

/* Frees the slot and moves later ones of its run up. */
static void remove_slot(riacho_cache *cache, struct slot *slot)
{
    const size_t mask = cache->slot_count - 1;
    size_t hole = (size_t)(slot - cache->slots);
    for (size_t at = (hole + 1) & mask; cache->slots[at].unit; at = (at + 1) & mask) {
        const size_t home = cache->slots[at].tag & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would come to lie before its home */
        cache->slots[hole] = cache->slots[at];
        hole = at;
    }
    cache->slots[hole] = (struct slot){0};
}

static struct slot *slot_of(const riacho_cache *cache, const struct item *item)
{
    const size_t mask = cache->slot_count - 1;
    const uint32_t unit = (uint32_t)((size_t)((const uint8_t *)item - cache->ring) / UNIT) + 1;
    size_t at = (uint32_t)item->hash & mask;
    while (cache->slots[at].unit != unit) {
        assert(cache->slots[at].unit);
        at = (at + 1) & mask;
    }
    return &cache->slots[at];
}

static void kill_item(riacho_cache *cache, struct item *item, struct slot *slot)
{
    remove_slot(cache, slot);
    item->is_live = false;
    cache->item_count--;
    cache->counts.bytes -= item->bytes;
}

static void pop_tail(riacho_cache *cache, size_t bytes)
{
    cache->tail += bytes;
    if (cache->is_wrapped && cache->tail == cache->wrap_at) {
        cache->tail = 0;
        cache->is_wrapped = false;
    }
}

/* The head never passes the item, because the space between them and the item itself are free. */
static void move_to_head(riacho_cache *cache, struct item *item)
{
    struct slot *slot = slot_of(cache, item);
    item->is_read = false;
    struct item *moved = memmove(cache->ring + cache->head, item, item->bytes);
    slot->unit = (uint32_t)(cache->head / UNIT) + 1;
    cache->head += moved->bytes;
}

static void evict(riacho_cache *cache, unsigned *chances)
{
    struct item *item = item_at(cache, cache->tail);
    pop_tail(cache, item->bytes);
    if (!item->is_live)
        return;
    if (item->is_read && *chances) {
        --*chances;
        move_to_head(cache, item);
        return;
    }
    kill_item(cache, item, slot_of(cache, item));
}

static void make_room(riacho_cache *cache, size_t bytes)
{
    unsigned chances = CHANCES;
    for (;;) {
        if (!cache->is_wrapped) {
            if (cache->tail == cache->head)
                cache->tail = cache->head = 0;
            if (cache->ring_bytes - cache->head >= bytes)
                return;
            cache->wrap_at = cache->head;
            cache->head = 0;
            cache->is_wrapped = true;
        }
        if (cache->tail - cache->head >= bytes)
            return;
        evict(cache, &chances);
    }
}

bool riacho_cache_get(riacho_cache *cache, const riacho_state_key *key, riacho_bytes *ret_value)
{
    struct slot *slot = find(cache, key);
    if (!slot) {
        cache->counts.misses++;
        return false;
    }
    cache->counts.hits++;
    struct item *item = item_of(cache, slot);
    item->is_read = true;
    *ret_value = item->is_absent ? (riacho_bytes){0}
                                 : (riacho_bytes){item->data + item->key_size, item->value_size};
    return true;
}

static void set_value(struct item *item, riacho_bytes value)
{
    item->is_absent = !value.data;
    item->value_size = (uint32_t)value.size;
    if (value.size)
        memcpy(item->data + item->key_size, value.data, value.size);
}

static void add_item(riacho_cache *cache, const riacho_state_key *key, riacho_bytes value,
                     size_t bytes)
{
    make_room(cache, bytes);
    struct item *item = item_at(cache, cache->head);
    *item = (struct item){.hash = key->hash,
                          .space = key->space,
                          .key_size = (uint32_t)key->bytes.size,
                          .bytes = (uint32_t)bytes,
                          .is_live = true};
    memcpy(item->data, key->bytes.data, key->bytes.size);
    set_value(item, value);
    if (++cache->item_count * 2 > cache->slot_count)
        grow_slots(cache);
    add_slot(cache, (struct slot){(uint32_t)key->hash, (uint32_t)(cache->head / UNIT) + 1});
    cache->head += bytes;
    cache->counts.bytes += bytes;
}

void riacho_cache_put(riacho_cache *cache, const riacho_state_key *key, riacho_bytes value)
{
    if (!value.data)
        value.size = 0;
    struct slot *slot = find(cache, key);
    if (slot) {
        struct item *item = item_of(cache, slot);
        if (sizeof *item + item->key_size + value.size <= item->bytes) {
            set_value(item, value);
            return;
        }
        kill_item(cache, item, slot);
    }
    const size_t limit = cache->ring_bytes / 8;
    if (key->bytes.size > limit || value.size > limit)
        return;
    const size_t bytes =
        (sizeof(struct item) + key->bytes.size + value.size + UNIT - 1) / UNIT * UNIT;
    if (bytes <= limit)
        add_item(cache, key, value, bytes);
}

struct range {
    uint32_t space;
    riacho_bytes from;
    riacho_bytes to;
};

static bool is_within(const struct item *item, const struct range *range)
{
    const riacho_bytes key = {item->data, item->key_size};
    return item->space == range->space && riacho_bytes_compare(range->from, key) <= 0 &&
           riacho_bytes_compare(key, range->to) < 0;
}

static void forget_between(riacho_cache *cache, size_t start, size_t end, const struct range *range)
{
    while (start < end) {
        struct item *item = item_at(cache, start);
        if (item->is_live && is_within(item, range))
            kill_item(cache, item, slot_of(cache, item));
        start += item->bytes;
    }
}

void riacho_cache_forget(riacho_cache *cache, uint32_t space, riacho_bytes from, riacho_bytes to)
{
    const struct range range = {space, from, to};
    if (!cache->is_wrapped) {
        forget_between(cache, cache->tail, cache->head, &range);
        return;
    }
    forget_between(cache, cache->tail, cache->wrap_at, &range);
    forget_between(cache, 0, cache->head, &range);
}

riacho_cache_counts riacho_cache_count(const riacho_cache *cache)
{
    return cache->counts;
}
