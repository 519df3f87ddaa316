/* SPDX-License-Identifier: MIT
 *
 * memory.c - see memory.h.
 */
#include "memory.h"

/* An eighth is left for the batch and the lists of the commit under way. What waits for its
 * commit has much: the more records a commit holds, the less each of them costs. */
riacho_memory_shares riacho_memory_split(uint64_t memory_bytes)
{
    return (riacho_memory_shares){
        .log_bytes = memory_bytes / 8,
        .stores_bytes = memory_bytes / 8 * 3,
        .cache_bytes = memory_bytes / 16 * 3,
        .overlay_bytes = memory_bytes / 16 * 3,
    };
}
