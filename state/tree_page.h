/* SPDX-License-Identifier: MIT
 *
 * tree_page.h - what reading (tree.c) and changing (tree_change.c) a tree share: where a page lies,
 * which child a key belongs to.
 */
#pragma once

#include "tree.h"

enum { RIACHO_TREE_COUNT_BYTES = 8 };

/* A child of an inner page, and how many entries lie before it in that page. */
typedef struct riacho_tree_child {
    riacho_tree_entry entry;
    uint64_t before;
} riacho_tree_child;

/* Which child: the last one whose separator is not above the key, or is below it. */
typedef enum riacho_tree_side { RIACHO_TREE_AT_MOST, RIACHO_TREE_BELOW } riacho_tree_side;

/* The key of a page; the root's when `level` is that of the root. In the state's arena. */
riacho_bytes riacho_tree_page_key(const riacho_tree *tree, unsigned level, riacho_bytes separator);
riacho_bytes riacho_tree_root_key(const riacho_tree *tree);
/* Borrowed until the next call on the view. */
RIACHO_CHECKED riacho_status riacho_tree_load(const riacho_tree *tree, riacho_bytes page_key,
                                              riacho_tree_page *ret_page, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_tree_choose(riacho_tree_page page, riacho_bytes key,
                                                riacho_tree_side side, riacho_tree_child *ret_child,
                                                riacho_error *err);
