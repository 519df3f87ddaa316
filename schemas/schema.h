/* SPDX-License-Identifier: MIT
 *
 * schema.h - Avro schemas (JSON) as riacho types, and back as text.
 *
 * Everything made here lives in the arena that was passed in and is immutable afterwards. Loading
 * belongs to one thread at a time.
 *
 * What is refused, by name: recursive types, arrays whose items can take no bytes (a few input
 * bytes would stand for endless items), fixed of no bytes, decimals over 38 digits, and anything
 * over the limits in base/limits.h.
 */
#pragma once

#include "riacho/type.h"

/* Every type that comes from a schema begins with its riacho_type and remembers what the codecs
 * need beyond it. */
typedef struct riacho_schema {
    riacho_type type;
    uint32_t depth;       /* of types within types; a plain one is 1 */
    uint32_t nodes;       /* types in it, counted as often as they occur */
    uint32_t least_bytes; /* of the shortest encoding of a value */
    bool open;            /* its definition is still being read: a mention of it is recursion */
    const char *const *aliases; /* full names; record, enum, fixed */
    uint32_t alias_count;
    const char *const *default_texts; /* of each field of a record: Avro JSON, or NULL */
} riacho_schema;

/* Only for types that came from a schema. */
static inline const riacho_schema *riacho_schema_of(const riacho_type *type)
{
    return (const riacho_schema *)type;
}

/* Reads one text that defines everything it mentions. `origin` names it in errors. */
RIACHO_CHECKED riacho_status riacho_schema_parse(riacho_bytes text, const char *origin,
                                                 riacho_arena *arena, const riacho_type **ret_type,
                                                 riacho_error *err);

/* Appends the schema as one line of JSON that depends on meaning alone: full names, everything
 * defined where it is first mentioned, attributes in one order, no docs. Two schemas with equal
 * text are the same schema. */
void riacho_schema_print(const riacho_type *type, riacho_buffer *out);

/* One schema file of a folder. */
typedef struct riacho_schema_file {
    const char *path;
    const char *stem; /* "Pet" of schemas/Pet.avsc */
    const riacho_type *type;
} riacho_schema_file;

typedef struct riacho_schema_files {
    const riacho_schema_file *items; /* sorted by path */
    size_t count;
} riacho_schema_files;

/* Reads these files as one set: each may mention what another defines, in any order. */
RIACHO_CHECKED riacho_status riacho_schema_files_load(const char *const *paths, size_t count,
                                                      riacho_arena *arena,
                                                      riacho_schema_files *ret_files,
                                                      riacho_error *err);
/* All *.avsc below the folders, as riacho_schema_files_load. */
RIACHO_CHECKED riacho_status riacho_schema_folders_load(const char *const *folders, size_t count,
                                                        riacho_arena *arena,
                                                        riacho_schema_files *ret_files,
                                                        riacho_error *err);
