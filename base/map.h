/* SPDX-License-Identifier: MIT
 *
 * map.h - a hash map from bytes to a pointer. Keys are borrowed: their owner keeps them alive as
 * long as the entry. Open addressing, no tombstones (removal shifts back), no allocation but for
 * growth. One thread at a time.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_map_entry {
    uint64_t hash;
    riacho_bytes key; /* data NULL: the slot is free */
    void *value;
} riacho_map_entry;

/* Zeroed memory is an empty map. */
typedef struct riacho_map {
    riacho_map_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} riacho_map;

void riacho_map_done(riacho_map *map);
/* Removes every entry, keeps the memory. */
void riacho_map_clear(riacho_map *map);
/* NULL when there is no such key. */
void *riacho_map_get(const riacho_map *map, riacho_bytes key);
/* The entry of the key; one with value NULL is made when there is none (ret key borrowed as given).
 * Valid until the next put or delete. */
riacho_map_entry *riacho_map_put(riacho_map *map, riacho_bytes key);
/* The value that was there, or NULL. */
void *riacho_map_delete(riacho_map *map, riacho_bytes key);
/* Iterates in no order: start with *at = 0; NULL at the end. The map must not change meanwhile. */
riacho_map_entry *riacho_map_next(const riacho_map *map, size_t *at);
