/* SPDX-License-Identifier: MIT
 *
 * ids.h - schema <-> id, for ever: the file that lets a record of years ago find its schema.
 *
 * The file is lines of JSON, {"id":1,"subject":"shop.Order","schema":{...}}, each schema whole. It
 * is only appended to: a line is written and synced before its id is used, under a lock, so that
 * processes can share the file. A last line without its end was never used and is cut off.
 *
 * After riacho_ids_open nothing changes any more; any thread may read.
 */
#pragma once

#include "schema.h"

typedef struct riacho_id_entry {
    int32_t id;
    const riacho_type *type; /* the schema as it was when the id was given */
    riacho_bytes text;       /* canonical */
} riacho_id_entry;

typedef struct riacho_ids {
    riacho_id_entry *items; /* sorted by id */
    size_t count, capacity;
} riacho_ids;

/* A schema that must have an id. */
typedef struct riacho_id_subject {
    const char *name;
    riacho_bytes text; /* canonical */
    int32_t id;        /* set by riacho_ids_open */
} riacho_id_subject;

/* Reads the file (NULL: none, nothing is kept), gives every subject its id, new ones in the order
 * of the subjects, and appends those. Everything is in the arena. */
RIACHO_CHECKED riacho_status riacho_ids_open(const char *path, riacho_id_subject *subjects,
                                             size_t subject_count, riacho_arena *arena,
                                             riacho_ids *ret_ids, riacho_error *err);
/* The index in ids->items, or -1. */
ptrdiff_t riacho_ids_find(const riacho_ids *ids, int32_t id);
