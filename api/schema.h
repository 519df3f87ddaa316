/* SPDX-License-Identifier: MIT
 *
 * schema.h - a type as JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it), saying what the JSON
 * reader accepts and the writer writes.
 */
#pragma once

#include "riacho/type.h"

enum { RIACHO_SCHEMA_TYPES_MAX = 512 };

/* Named types that were referred to, to be written as components. Zeroed memory is an empty set. */
typedef struct riacho_schema_set {
    const riacho_type *types[RIACHO_SCHEMA_TYPES_MAX];
    size_t count;
} riacho_schema_set;

/* Appends the schema of a type: a reference to #/components/schemas for records and enums, which
 * are noted in the set; `type` NULL is any value. */
void riacho_schema_write(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out);
/* Appends the members of components/schemas for all types in the set and those they refer to. */
void riacho_schema_write_components(riacho_schema_set *set, riacho_buffer *out);
