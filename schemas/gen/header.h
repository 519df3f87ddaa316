/* SPDX-License-Identifier: MIT
 *
 * header.h - types -> a C header of structs that lie in memory exactly as the types say.
 */
#pragma once

#include "riacho/type.h"

typedef struct riacho_gen_options {
    const char *prefix;    /* of struct, enum and constant names; NULL or "": none */
    const char *made_from; /* the schema files, for the first line */
} riacho_gen_options;

/* Appends a header with every record, enum and fixed-size part of the types. RIACHO_REJECT when two
 * names of the schemas become one name in C. */
RIACHO_CHECKED riacho_status riacho_gen_header(const riacho_type *const *types, size_t count,
                                               const riacho_gen_options *options,
                                               riacho_arena *arena, riacho_buffer *out,
                                               riacho_error *err);
