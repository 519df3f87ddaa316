/* SPDX-License-Identifier: MIT
 *
 * tree.h - an ordered map in pages that know how many entries lie below them: a key is found, its
 * place told, and the n-th entry read in one page a level.
 *
 *   prefix                            -> the root: its level, entries
 *   prefix level (1) separator        -> another page: its level, entries
 *   a page                            = level (1), then of each entry: size of the key (varint),
 *                                       key, value (8 bytes little-endian; a leaf's has
 *                                       leaf_value_bytes of them)
 *
 * Entries of level 0 are the map's. An entry of a higher level is a page below: the key that page
 * begins with (its separator; the first page of a level has the empty one) and how many entries of
 * the map are in it.
 *
 * Nobody chooses where a page ends: a key's hash says so. A key in FANOUT begins a page of level 0,
 * one in FANOUT^2 also one of level 1, and so on; the root is the only page of its level. A tree of
 * up to RIACHO_TREE_SINGLE_MAX entries is one page whatever their hashes say. So the pages follow
 * from the entries alone, not from the order in which these came or in how many steps: two replays
 * that end in the same map end in the same bytes. The price is that page sizes vary, about FANOUT
 * entries in the mean, and have no bound: keys that were chosen to begin no page all lie in one.
 * That is slow, a change being as long as its page, and still right (README.md). A secret seed
 * would differ from replay to replay, and one that everybody knows helps nothing: 31 of 32 names
 * begin no page, whatever the seed. A cap that follows from the entries alone, such as a boundary
 * at the least hash of every so many neighbours, makes other pages, so another layout.
 *
 * Threads: as the view.
 */
#pragma once

#include "view.h"

enum { RIACHO_TREE_SINGLE_MAX = 64 };

/* One tree. Borrows all of it; cheap to make for a call. */
typedef struct riacho_tree {
    const riacho_state *state;
    riacho_bytes prefix;       /* no other key of the space begins with it */
    uint32_t leaf_value_bytes; /* 0 or 8 */
} riacho_tree;

typedef struct riacho_tree_entry {
    riacho_bytes key;
    uint64_t value;
} riacho_tree_entry;

/* A page being read. */
typedef struct riacho_tree_page {
    const uint8_t *at;
    const uint8_t *end; /* NULL: the page is damaged */
    uint32_t value_bytes;
    uint8_t level;
} riacho_tree_page;

typedef enum riacho_tree_verb { RIACHO_TREE_PUT = 0, RIACHO_TREE_DELETE } riacho_tree_verb;

typedef struct riacho_tree_change {
    riacho_bytes key;
    uint64_t value;
    riacho_tree_verb verb;
} riacho_tree_change;

/* Of the root, around a change. */
typedef struct riacho_tree_levels {
    unsigned before;
    unsigned after;
} riacho_tree_levels;

typedef struct riacho_tree_entries {
    const riacho_tree_entry *items; /* in the state's arena */
    size_t count;
} riacho_tree_entries;

/* The root, borrowed until the next call on the view; of level 0 and without entries when the tree
 * is empty. At level 0 it has all the entries there are. */
RIACHO_CHECKED riacho_status riacho_tree_root(const riacho_tree *tree, riacho_tree_page *ret_page,
                                              riacho_error *err);
/* false at the end of the page. */
bool riacho_tree_next(riacho_tree_page *page, riacho_tree_entry *ret_entry);
/* What a page that was read to its end has to say. */
RIACHO_CHECKED riacho_status riacho_tree_end(const riacho_tree_page *page, riacho_error *err);

RIACHO_CHECKED riacho_status riacho_tree_get(const riacho_tree *tree, riacho_bytes key,
                                             bool *ret_found, uint64_t *ret_value,
                                             riacho_error *err);
RIACHO_CHECKED riacho_status riacho_tree_size(const riacho_tree *tree, uint64_t *ret_size,
                                              riacho_error *err);
/* How many keys are below this one, which need not be there. */
RIACHO_CHECKED riacho_status riacho_tree_below(const riacho_tree *tree, riacho_bytes key,
                                               uint64_t *ret_count, riacho_error *err);
/* Up to `limit` entries, those before `first` left out. */
RIACHO_CHECKED riacho_status riacho_tree_read(const riacho_tree *tree, uint64_t first, size_t limit,
                                              riacho_tree_entries *ret_entries, riacho_error *err);

/* Makes the changes, which ascend by key, each key once; a put replaces, what is deleted is there.
 * After a failure the tree is to be taken back with the overlay. ret_levels may be NULL. */
RIACHO_CHECKED riacho_status riacho_tree_apply(const riacho_tree *tree,
                                               const riacho_tree_change *changes, size_t count,
                                               riacho_tree_levels *ret_levels, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_tree_clear(const riacho_tree *tree, riacho_error *err);
