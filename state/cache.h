/* SPDX-License-Identifier: MIT
 *
 * cache.h - the last committed values of the keys in use, so that a hot key costs no store read.
 *
 * Also remembers that a key is absent. Bounded by bytes; the least recently used go first, about
 * (CLOCK). Whoever changes the store below tells the cache in the same breath.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "key.h"
#include "riacho/types.h"

typedef struct riacho_cache riacho_cache;

typedef struct riacho_cache_counts {
    uint64_t hits;
    uint64_t misses;
    uint64_t bytes; /* held now */
} riacho_cache_counts;

/* At least 64 KiB; the memory is touched only as it fills. */
riacho_cache *riacho_cache_new(size_t bytes_max);
void riacho_cache_free(riacho_cache *cache);
/* true: known, and ret_value is borrowed until the next put (data NULL: there is no such key). */
bool riacho_cache_get(riacho_cache *cache, const riacho_state_key *key, riacho_bytes *ret_value);
/* What the store now holds (value.data NULL: nothing); copies both. A pair over an eighth of the
 * cache is not kept. */
void riacho_cache_put(riacho_cache *cache, const riacho_state_key *key, riacho_bytes value);
/* Forgets the keys of [from, to) of a space; costs a walk over the cache. */
void riacho_cache_forget(riacho_cache *cache, uint32_t space, riacho_bytes from, riacho_bytes to);
riacho_cache_counts riacho_cache_count(const riacho_cache *cache);
