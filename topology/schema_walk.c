/* SPDX-License-Identifier: MIT
 *
 * schema_walk.c - see schema_walk.h.
 */
#include "schema_walk.h"

#include <assert.h>

void riacho_shapes_add(riacho_shapes *shapes, const riacho_shape *shape)
{
    for (size_t i = 0; i < shapes->count; i++)
        if (shapes->items[i] == shape)
            return;
    assert(shapes->count < RIACHO_SHAPES_MAX);
    shapes->items[shapes->count++] = shape;
    for (size_t i = 0; i < shape->key_count; i++)
        if (shape->keys[i].shape)
            riacho_shapes_add(shapes, shape->keys[i].shape);
}
