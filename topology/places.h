/* SPDX-License-Identifier: MIT
 *
 * places.h - from a member of a loaded struct back to the YAML it came from, so that checks that
 * know only the structs can still say where. Looked up by the member's address, so a copy of a
 * struct has no places.
 *
 * Immutable once loaded; lives in the loader's arena.
 */
#pragma once

#include "yaml_node.h"

typedef struct riacho_place {
    const void *member;
    const riacho_yaml_node *node; /* NULL: the member is the mark of an item that is spoiled */
} riacho_place;

struct riacho_places {
    const riacho_place *items; /* by address */
    size_t count;
    size_t spoiled;
};

/* NULL when the member was not written in a file. */
const riacho_yaml_node *riacho_places_find(const riacho_places *places, const void *member);
/* Whether loading has said something about the very item whose mark this is; what else could be
 * said about it may only follow from that. */
bool riacho_places_spoiled(const riacho_places *places, const riacho_mark *mark);
/* Sorts the items (borrowed, in the arena) and makes a table of them; of two for one member the
 * first is kept. */
const riacho_places *riacho_places_make(riacho_place *items, size_t count, riacho_arena *arena);
