/* SPDX-License-Identifier: MIT
 *
 * counts.h - how many keys of an ordered index lie below a given one, in a few point reads.
 *
 * The index is a set of keys of one space under a common prefix ("places"). Beside it lies a trie
 * of counts over the places' half bytes (nibbles):
 *
 *   head                            -> number of places (8 bytes big-endian)
 *   head depth (4) nibbles, packed  -> a node: the nibbles that all its places share next (skip),
 *                                      then for each following nibble how many places have it
 *
 * A node exists for a set of places once it has more than SPLIT_ABOVE of them, and goes when fewer
 * than MERGE_BELOW are left; below the last node places are counted by a short scan. Skips make the
 * depth follow the number of places and not their length: about log16(n / SPLIT_ABOVE) nodes on a
 * path, so that one change rewrites few short values and ties of thousands cost nothing extra.
 *
 * Threads: as the view.
 */
#pragma once

#include "view.h"

typedef struct riacho_counts {
    const riacho_state *state;
    riacho_bytes index; /* the prefix of the places' keys */
    riacho_bytes head;  /* the prefix of the trie's keys */
} riacho_counts;

RIACHO_CHECKED riacho_status riacho_counts_total(const riacho_counts *counts, uint64_t *ret_total,
                                                 riacho_error *err);
/* How many places are below this one, which need not be in the index. */
RIACHO_CHECKED riacho_status riacho_counts_below(const riacho_counts *counts, riacho_bytes place,
                                                 uint64_t *ret_count, riacho_error *err);
/* The index has gained, lost or exchanged a place: call after it was changed. */
RIACHO_CHECKED riacho_status riacho_counts_insert(const riacho_counts *counts, riacho_bytes place,
                                                  riacho_error *err);
RIACHO_CHECKED riacho_status riacho_counts_remove(const riacho_counts *counts, riacho_bytes place,
                                                  riacho_error *err);
RIACHO_CHECKED riacho_status riacho_counts_move(const riacho_counts *counts, riacho_bytes from,
                                                riacho_bytes to, riacho_error *err);
