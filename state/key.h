/* SPDX-License-Identifier: MIT
 *
 * key.h - a key of a space with its hash, computed once for the overlay and the cache below it.
 */
#pragma once

#include <string.h>

#include "base/hash.h"
#include "riacho/types.h"

typedef struct riacho_state_key {
    uint64_t hash;
    riacho_bytes bytes; /* borrowed */
    uint32_t space;
} riacho_state_key;

static inline riacho_state_key riacho_state_key_of(uint32_t space, riacho_bytes bytes)
{
    const uint64_t spread = (uint64_t)space * 0x9e3779b97f4a7c15u;
    return (riacho_state_key){riacho_hash(bytes) ^ spread, bytes, space};
}

static inline bool riacho_state_key_equal(const riacho_state_key *a, const riacho_state_key *b)
{
    return a->hash == b->hash && a->space == b->space && a->bytes.size == b->bytes.size &&
           memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0;
}
