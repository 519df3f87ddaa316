/* SPDX-License-Identifier: MIT
 *
 * memory.h - the memory budget of a worker (memory.limit) as what its parts get.
 *
 * The parts together are the budget. Beside it a process takes what does not grow with the work:
 * code, stacks, the books of libraries (measured in bench/RESULTS.md). Pure functions.
 */
#pragma once

#include <stdint.h>

typedef struct riacho_memory_shares {
    uint64_t log_bytes;     /* its buffers and caches */
    uint64_t stores_bytes;  /* block cache and write buffers of all stores */
    uint64_t cache_bytes;   /* values read often */
    uint64_t overlay_bytes; /* what is not yet committed */
} riacho_memory_shares;

riacho_memory_shares riacho_memory_split(uint64_t memory_bytes);
