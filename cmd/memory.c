/* SPDX-License-Identifier: MIT
 *
 * memory.c - see memory.h.
 */
#include "memory.h"

/* A commit makes a batch and lists of the size of what it commits, which is at most what waits: so
 * that takes twice its share. */
riacho_memory_shares riacho_memory_split(uint64_t memory_bytes)
{
    return (riacho_memory_shares){
        .log_bytes = memory_bytes / 4,
        .stores_bytes = memory_bytes / 2,
        .cache_bytes = memory_bytes / 8,
        .overlay_bytes = memory_bytes / 16,
    };
}
