/* SPDX-License-Identifier: MIT
 *
 * places.c - see places.h.
 */
#include "places.h"

#include <stdlib.h>

static int by_address(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t)((const riacho_place *)a)->member;
    const uintptr_t right = (uintptr_t)((const riacho_place *)b)->member;
    return (left > right) - (left < right);
}

static const riacho_place *find(const riacho_places *places, const void *member)
{
    const riacho_place wanted = {.member = member};
    if (!places || !places->count)
        return NULL;
    return bsearch(&wanted, places->items, places->count, sizeof wanted, by_address);
}

const riacho_yaml_node *riacho_places_find(const riacho_places *places, const void *member)
{
    const riacho_place *place = find(places, member);
    return place ? place->node : NULL;
}

bool riacho_places_spoiled(const riacho_places *places, const riacho_mark *mark)
{
    const riacho_place *place = find(places, mark);
    return place && !place->node;
}

const riacho_places *riacho_places_make(riacho_place *items, size_t count, riacho_arena *arena)
{
    riacho_places *places = riacho_alloc_zero(arena, 1, sizeof *places);
    size_t kept = 0;
    if (count)
        qsort(items, count, sizeof *items, by_address);
    for (size_t i = 0; i < count; i++)
        if (!kept || items[i].member != items[kept - 1].member) {
            places->spoiled += !items[i].node;
            items[kept++] = items[i];
        }
    places->items = items;
    places->count = kept;
    return places;
}
