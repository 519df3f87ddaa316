/* SPDX-License-Identifier: MIT
 *
 * dirty.h - the keys of a caching store that changed since the last flush, in the order in which
 * they were first touched, each with the time and headers of its last change.
 *
 * The values are not here: the store has them. Keys and headers lie in an arena that a finished
 * flush resets; a hot key takes no more of it when it changes again.
 *
 * Undo: `mark` names a unit; the first change of a key in a unit moves its last version aside, so
 * `undo` puts it back, and forgets the keys that the unit was the first to touch.
 *
 * Threads: the task's.
 */
#pragma once

#include "base/map.h"
#include "riacho/processor.h"

typedef struct riacho_dirty_version {
    int64_t timestamp_ms;
    riacho_header *headers; /* room in the arena, reused */
    size_t header_count;
    size_t header_capacity;
    uint8_t *bytes; /* names and values of the headers */
    size_t byte_capacity;
} riacho_dirty_version;

typedef struct riacho_dirty_key {
    riacho_bytes key;
    riacho_dirty_version last;
    riacho_dirty_version before; /* the last of the units before `unit` */
    uint64_t unit;
    bool existed; /* before the first change, as far as is known */
} riacho_dirty_key;

typedef struct riacho_dirty riacho_dirty;

struct riacho_dirty {
    riacho_dirty *next; /* of the chain */
    riacho_arena *arena;
    riacho_map index; /* key -> place + 1 */
    riacho_dirty_key *keys;
    size_t count;
    size_t capacity;
    size_t flushed; /* keys below this were forwarded by the flush that is under way */

    uint64_t unit;
    size_t marked_count;
    size_t marked_flushed;
    uint32_t *touched; /* places changed in this unit that were there before it */
    size_t touched_count;
    size_t touched_capacity;

    riacho_map refused; /* keys that a flush may not try again; survives undo */
};

void riacho_dirty_init(riacho_dirty *dirty);
void riacho_dirty_done(riacho_dirty *dirty);

/* The key changed. `existed` counts only for a key that is clean so far. Copies all. */
void riacho_dirty_note(riacho_dirty *dirty, riacho_bytes key, const riacho_record *record,
                       bool existed);
/* The next key to forward, NULL when none is left; borrowed until the next note. */
const riacho_dirty_key *riacho_dirty_next(riacho_dirty *dirty);
/* How many riacho_dirty_next has yet to give. */
static inline size_t riacho_dirty_pending(const riacho_dirty *dirty)
{
    return dirty->count - dirty->flushed;
}
/* That key, of riacho_dirty_next, is not forwarded by this flush, nor by the one after undo. */
void riacho_dirty_refuse(riacho_dirty *dirty, riacho_bytes key);
bool riacho_dirty_refused(const riacho_dirty *dirty, riacho_bytes key);

void riacho_dirty_mark(riacho_dirty *dirty);
void riacho_dirty_undo(riacho_dirty *dirty);
/* Forgets all, also what was refused: a flush is done, or the transaction is dropped. */
void riacho_dirty_clear(riacho_dirty *dirty);
