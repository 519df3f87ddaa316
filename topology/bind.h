/* SPDX-License-Identifier: MIT
 *
 * bind.h - puts a YAML node into the struct that a shape describes, and says everything that does
 * not fit.
 */
#pragma once

#include "places.h"
#include "schema_table.h"

/* Used for one document, by one thread. Zero but for what is given; done with riacho_binder_done.
 */
typedef struct riacho_binder {
    riacho_arena *arena;
    riacho_issue_list *issues;
    const char *(*environment)(const char *name); /* NULL: ${...} is an issue */
    enum {
        RIACHO_BIND_AS_SAID = 0,
        RIACHO_BIND_DEFAULTS
    } defaults;           /* whether keys not said take their default */
    riacho_buffer places; /* riacho_place */
    size_t blamed;        /* issues that belong to an item that was marked as spoiled */
} riacho_binder;

/* `target` is zeroed memory of the shape's size. Issues are added to the list; what fits is stored.
 */
void riacho_bind(riacho_binder *binder, const riacho_shape *shape, const riacho_yaml_node *node,
                 void *target);
/* The places of everything bound so far. */
const riacho_places *riacho_binder_places(riacho_binder *binder);
void riacho_binder_done(riacho_binder *binder);
