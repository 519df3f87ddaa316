/* SPDX-License-Identifier: MIT
 *
 * map.c - linear probing, at most 3/4 full.
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "memory.h"

void riacho_map_done(riacho_map *map)
{
    free(map->entries);
    *map = (riacho_map){0};
}

void riacho_map_clear(riacho_map *map)
{
    if (map->count)
        memset(map->entries, 0, map->capacity * sizeof *map->entries);
    map->count = 0;
}

/* The slot of the key, or the free slot where it would go. */
static riacho_map_entry *find(const riacho_map *map, riacho_bytes key, uint64_t hash)
{
    const size_t mask = map->capacity - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        riacho_map_entry *entry = &map->entries[at];
        if (!entry->key.data)
            return entry;
        if (entry->hash == hash && entry->key.size == key.size &&
            memcmp(entry->key.data, key.data, key.size) == 0)
            return entry;
    }
}

static void grow(riacho_map *map)
{
    const riacho_map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : 16;
    map->entries = riacho_memory_get_zero(map->capacity, sizeof *map->entries);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].key.data)
            *find(map, old.entries[i].key, old.entries[i].hash) = old.entries[i];
    }
    free(old.entries);
}

void *riacho_map_get(const riacho_map *map, riacho_bytes key)
{
    if (!map->count)
        return NULL;
    const riacho_map_entry *entry = find(map, key, riacho_hash(key));
    return entry->key.data ? entry->value : NULL;
}

riacho_map_entry *riacho_map_put(riacho_map *map, riacho_bytes key)
{
    if (map->count >= map->capacity / 4 * 3)
        grow(map);
    const uint64_t hash = riacho_hash(key);
    riacho_map_entry *entry = find(map, key, hash);
    if (!entry->key.data) {
        *entry = (riacho_map_entry){hash, key, NULL};
        map->count++;
    }
    return entry;
}

void *riacho_map_delete(riacho_map *map, riacho_bytes key)
{
    if (!map->count)
        return NULL;
    riacho_map_entry *gap = find(map, key, riacho_hash(key));
    if (!gap->key.data)
        return NULL;
    void *value = gap->value;
    const size_t mask = map->capacity - 1;
    size_t hole = (size_t)(gap - map->entries);
    for (size_t at = (hole + 1) & mask; map->entries[at].key.data; at = (at + 1) & mask) {
        const size_t home = map->entries[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would come to lie before its home */
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->entries[hole] = (riacho_map_entry){0};
    map->count--;
    return value;
}

riacho_map_entry *riacho_map_next(const riacho_map *map, size_t *at)
{
    while (*at < map->capacity) {
        riacho_map_entry *entry = &map->entries[(*at)++];
        if (entry->key.data)
            return entry;
    }
    return NULL;
}
