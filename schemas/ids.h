/* SPDX-License-Identifier: MIT
 *
 * ids.h - schema <-> id, for ever: the file that lets a record of years ago find its schema, and
 * the table in memory that every decode asks.
 *
 * The file is lines of JSON, {"id":1,"subject":"shop.Order","schema":{...}}, each schema whole. It
 * is only appended to: a line is written and synced before its id is used, under a lock, so that
 * processes can share the file. A last line without its end was never used and is cut off.
 *
 * Whose ids? Ours: the file gives them (riacho_ids_assign), and nothing changes after the start. Or
 * a schema registry's: the file remembers what the registry has said, with a subject where this
 * program's schema is registered under it and without one where it was only looked up; lines are
 * added while records are decoded (riacho_ids_learn).
 *
 * Threads: riacho_ids_find by any, without a lock. Everything else by one at a time. Entries stay
 * where they are and never change.
 */
#pragma once

#include <stdatomic.h>

#include "schema.h"

typedef struct riacho_id_entry {
    int32_t id;
    uint32_t index;          /* order of addition, below riacho_ids.capacity */
    const riacho_type *type; /* the schema as it was when the id was given */
    riacho_bytes text;       /* canonical */
} riacho_id_entry;

/* Under this subject the registry has this schema as this id. */
typedef struct riacho_id_subject {
    const char *name;
    const riacho_id_entry *entry;
} riacho_id_subject;

typedef struct riacho_ids {
    const char *path; /* NULL: in memory only */
    riacho_arena *arena;
    _Atomic(const riacho_id_entry *) *slots; /* by hash of the id; twice as many as capacity */
    size_t slot_count;                       /* a power of two */
    size_t count, capacity;
    int32_t greatest; /* id */
    riacho_id_subject *subjects;
    size_t subject_count, subject_capacity;
} riacho_ids;

/* A schema that must have an id. */
typedef struct riacho_id_wish {
    const char *name;
    riacho_bytes text; /* canonical */
    int32_t id;        /* set by riacho_ids_assign */
} riacho_id_wish;

/* Opens the file (NULL: none, nothing is kept), gives every wish its id, new ones in the order of
 * the wishes, and appends those. Everything is in the arena. */
RIACHO_CHECKED riacho_status riacho_ids_assign(const char *path, riacho_id_wish *wishes,
                                               size_t wish_count, riacho_arena *arena,
                                               riacho_ids *ret_ids, riacho_error *err);
/* Opens the file of a registry's ids (NULL: none), with room for `more` beside those in it. */
RIACHO_CHECKED riacho_status riacho_ids_recall(const char *path, size_t more, riacho_arena *arena,
                                               riacho_ids *ret_ids, riacho_error *err);

/* NULL: not known here. */
const riacho_id_entry *riacho_ids_find(const riacho_ids *ids, int32_t id);
/* The id under which the subject has this canonical text, as far as is known here; NULL: not. */
const riacho_id_entry *riacho_ids_of_subject(const riacho_ids *ids, const char *subject,
                                             riacho_bytes text);
/* Remembers what a registry said, in the file too; `subject` may be NULL. The text is copied.
 * RIACHO_REJECT: it cannot be read as a schema, or another schema has the id; RIACHO_RETRY: there
 * is no room for one more. A file that cannot be written is only traced: the registry still knows.
 */
RIACHO_CHECKED riacho_status riacho_ids_learn(riacho_ids *ids, int32_t id, const char *subject,
                                              riacho_bytes text, riacho_error *err);
