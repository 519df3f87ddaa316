/* SPDX-License-Identifier: MIT
 *
 * layout.h - how a type becomes C memory: sizes, alignments, offsets and the hash that stands for
 * them. riacho-gen and the codecs rely on these numbers being those of the C compiler.
 */
#pragma once

#include "riacho/type.h"

/* The hash of a type that is nothing but a kind: a constant, so that the types without a schema can
 * be constants too. */
#define RIACHO_PRIMITIVE_HASH(kind, logical)                                                       \
    (0x9e3779b97f4a7c15u * ((uint64_t)(kind)*16u + (uint64_t)(logical) + 1u))

/* True when an optional of this item is a riacho_bytes rather than a pointer. */
static inline bool riacho_layout_inline_optional(const riacho_type *item)
{
    return item->kind == RIACHO_STRING || item->kind == RIACHO_BYTES;
}

/* Fills size, align, offsets and hash of a type whose parts are complete. RIACHO_REJECT when the
 * value would take more than RIACHO_VALUE_BYTES_MAX in memory. `fields` is the array that
 * type->fields points to. */
RIACHO_CHECKED riacho_status riacho_layout_set(riacho_type *type, riacho_field *fields,
                                               riacho_error *err);
