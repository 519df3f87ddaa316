/* SPDX-License-Identifier: MIT
 *
 * sorted.c - see sorted.h.
 *
 * Invariant: `first[i]` and `next[i]` chain the nodes of height > i in key order; `back` chains
 * level 0 the other way; `height` is that of the tallest node there ever was.
 */
#include "sorted.h"

#include <assert.h>
#include <string.h>

void riacho_sorted_init(riacho_sorted *sorted)
{
    *sorted = (riacho_sorted){.random = 0x9e3779b97f4a7c15u};
}

/* One level in four goes one higher, which keeps the nodes small. */
uint32_t riacho_sorted_height(riacho_sorted *sorted)
{
    sorted->random ^= sorted->random << 13;
    sorted->random ^= sorted->random >> 7;
    sorted->random ^= sorted->random << 17;
    uint32_t height = 1;
    for (uint64_t bits = sorted->random; !(bits & 3) && height < RIACHO_SORTED_HEIGHT_MAX;
         bits >>= 2)
        height++;
    return height;
}

size_t riacho_sorted_node_bytes(uint32_t height)
{
    return sizeof(riacho_sorted_node) + height * sizeof(riacho_sorted_node *);
}

/* Big-endian and padded with zeros, so that unequal leads are in the order of their keys. */
static uint64_t lead_of(riacho_bytes key)
{
    uint64_t lead = 0;
    if (key.size)
        memcpy(&lead, key.data, key.size < sizeof lead ? key.size : sizeof lead);
    return __builtin_bswap64(lead);
}

static bool is_below(const riacho_sorted_node *node, riacho_bytes key, uint64_t lead)
{
    if (node->lead != lead)
        return node->lead < lead;
    return riacho_bytes_compare(node->key, key) < 0;
}

/* The slot that points to the first node not below the key on every level, from the top down;
 * returns the last node below the key. */
static riacho_sorted_node *find(const riacho_sorted *sorted, riacho_bytes key,
                                riacho_sorted_node **ret_path[RIACHO_SORTED_HEIGHT_MAX])
{
    const uint64_t lead = lead_of(key);
    riacho_sorted_node *before = NULL;
    for (uint32_t level = sorted->height; level-- > 0;) {
        riacho_sorted_node **slot =
            before ? &before->next[level] : (riacho_sorted_node **)&sorted->first[level];
        while (*slot && is_below(*slot, key, lead)) {
            before = *slot;
            slot = &before->next[level];
        }
        ret_path[level] = slot;
    }
    return before;
}

void riacho_sorted_insert(riacho_sorted *sorted, riacho_sorted_node *node, uint32_t height,
                          riacho_bytes key, void *value)
{
    riacho_sorted_node **path[RIACHO_SORTED_HEIGHT_MAX];
    assert(height >= 1 && height <= RIACHO_SORTED_HEIGHT_MAX);
    riacho_sorted_node *before = find(sorted, key, path);
    for (; sorted->height < height; sorted->height++)
        path[sorted->height] = &sorted->first[sorted->height];

    riacho_sorted_node *after = *path[0];
    assert(!after || riacho_bytes_compare(after->key, key) > 0);
    *node = (riacho_sorted_node){
        .key = key, .value = value, .lead = lead_of(key), .back = before, .height = height};
    for (uint32_t level = 0; level < height; level++) {
        node->next[level] = *path[level];
        *path[level] = node;
    }
    if (after)
        after->back = node;
    else
        sorted->last = node;
    sorted->count++;
}

void riacho_sorted_remove(riacho_sorted *sorted, riacho_sorted_node *node)
{
    riacho_sorted_node **path[RIACHO_SORTED_HEIGHT_MAX];
    find(sorted, node->key, path);
    assert(*path[0] == node);
    for (uint32_t level = 0; level < node->height; level++)
        *path[level] = node->next[level];
    if (node->next[0])
        node->next[0]->back = node->back;
    else
        sorted->last = node->back;
    sorted->count--;
}

riacho_sorted_node *riacho_sorted_get(const riacho_sorted *sorted, riacho_bytes key)
{
    riacho_sorted_node *node = riacho_sorted_seek(sorted, key);
    return node && riacho_bytes_equal(node->key, key) ? node : NULL;
}

riacho_sorted_node *riacho_sorted_seek(const riacho_sorted *sorted, riacho_bytes key)
{
    riacho_sorted_node **path[RIACHO_SORTED_HEIGHT_MAX];
    if (!key.data || !sorted->height)
        return sorted->first[0];
    find(sorted, key, path);
    return *path[0];
}

riacho_sorted_node *riacho_sorted_seek_below(const riacho_sorted *sorted, riacho_bytes key)
{
    riacho_sorted_node **path[RIACHO_SORTED_HEIGHT_MAX];
    return key.data ? find(sorted, key, path) : sorted->last;
}
