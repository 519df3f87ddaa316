/* SPDX-License-Identifier: MIT
 *
 * schema_walk.h - every shape of the table, each once, in the order in which a reader meets them.
 */
#pragma once

#include "schema_table.h"

enum { RIACHO_SHAPES_MAX = 64 };

typedef struct riacho_shapes {
    const riacho_shape *items[RIACHO_SHAPES_MAX];
    size_t count;
} riacho_shapes;

/* Adds the shape and those it uses, depth first. */
void riacho_shapes_add(riacho_shapes *shapes, const riacho_shape *shape);
