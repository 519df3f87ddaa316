/* SPDX-License-Identifier: MIT
 *
 * sorted.h - an ordered map from bytes to a pointer, in memcmp order, walked in both directions.
 *
 * A skip list whose nodes are the caller's memory, so that they can lie in an arena. Keys are
 * borrowed for as long as their node is in the list. Nodes never move: a node in hand stays valid
 * while others come and go. Heights come from a fixed seed: the same calls build the same list.
 *
 * Threads: one at a time; any number when nobody inserts or removes.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_SORTED_HEIGHT_MAX = 16 };

typedef struct riacho_sorted_node {
    riacho_bytes key;
    void *value;
    uint64_t lead; /* the first bytes of the key as a number: most comparisons end here */
    struct riacho_sorted_node *back;
    uint32_t height;
    struct riacho_sorted_node *next[];
} riacho_sorted_node;

typedef struct riacho_sorted {
    riacho_sorted_node *first[RIACHO_SORTED_HEIGHT_MAX];
    riacho_sorted_node *last;
    size_t count;
    uint64_t random;
    uint32_t height;
} riacho_sorted;

void riacho_sorted_init(riacho_sorted *sorted);
/* The height of the next node, and the memory that a node of that height takes. */
uint32_t riacho_sorted_height(riacho_sorted *sorted);
size_t riacho_sorted_node_bytes(uint32_t height);
/* Puts the key, which must not be there yet, into the list; `node` is memory of
 * riacho_sorted_node_bytes(height). */
void riacho_sorted_insert(riacho_sorted *sorted, riacho_sorted_node *node, uint32_t height,
                          riacho_bytes key, void *value);
void riacho_sorted_remove(riacho_sorted *sorted, riacho_sorted_node *node);
/* NULL when there is no such key. */
riacho_sorted_node *riacho_sorted_get(const riacho_sorted *sorted, riacho_bytes key);
/* The first node whose key is not below `key` (absent: the first), NULL when there is none. */
riacho_sorted_node *riacho_sorted_seek(const riacho_sorted *sorted, riacho_bytes key);
/* The last node whose key is below `key` (absent: the last), NULL when there is none. */
riacho_sorted_node *riacho_sorted_seek_below(const riacho_sorted *sorted, riacho_bytes key);
