/* SPDX-License-Identifier: MIT
 *
 * overlay.h - the uncommitted changes of one transaction of a task, over its store.
 *
 *   put, delete   land in the overlay; point reads find them through a hash, scans in key order
 *   commit        writes the last value of each changed key, once, with the commit's meta
 *   drop          forgets them all: the transaction was aborted
 *   seal, write_sealed   the two halves of a commit whose outcome comes later: what is sealed can
 *                 no longer change, and new changes go on top of it
 *   savepoint, undo   one record is a unit: a rejected record leaves no half of itself
 *
 * Invariants: the store below changes only by commit, so what it or the cache says stays true for
 * the transaction. After a commit that failed everything is as before it, and the same commit can
 * be tried again. Reads and scans see the changes over what is sealed over the store; savepoint and
 * undo know nothing of what is sealed. Memory is an arena that commit and drop reset; overwriting a
 * hot key takes no more of it.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "cache.h"
#include "view.h"

/* Changes that a store kind holds back in a form of its own, because many of them are cheaper to
 * make together. The overlay carries the steps of the transaction to it, so that savepoint, undo,
 * commit and drop mean for it what they mean for a key. The kind's reads look here first. */
typedef struct riacho_held riacho_held;

/* What for: RIACHO_SETTLE_TO_SHOW, every change as the value of a key, because reads or a changelog
 * come after it; RIACHO_SETTLE_TO_WRITE, the store is written next, so riacho_overlay_fold may take
 * what would need a read to become a value. */
typedef enum riacho_settle { RIACHO_SETTLE_TO_SHOW = 0, RIACHO_SETTLE_TO_WRITE } riacho_settle;

typedef struct riacho_held_ops {
    const char *name;
    /* Makes the changes in the overlay; nothing is held back then. Called by commit and seal. Undo
     * leads back behind it. */
    riacho_status (*settle)(riacho_held *held, riacho_settle purpose, riacho_error *err);
    void (*savepoint)(riacho_held *held);
    void (*undo)(riacho_held *held);
    void (*drop)(riacho_held *held); /* the transaction is over, in whatever way */
    size_t (*bytes)(const riacho_held *held);
    void (*free)(riacho_held *held);
} riacho_held_ops;

struct riacho_held {
    const riacho_held_ops *ops;
};

typedef struct riacho_overlay_options {
    riacho_store *store;  /* borrowed; outlives the overlay */
    uint64_t cache_bytes; /* of committed values; 0: no cache */
} riacho_overlay_options;

riacho_overlay *riacho_overlay_new(const riacho_overlay_options *options);
void riacho_overlay_free(riacho_overlay *overlay);

/* Committed values with this transaction's changes on top. A scan shows changes that are made
 * while it is open when they lie ahead of it, whatever was committed when. */
riacho_view *riacho_overlay_view(riacho_overlay *overlay);
/* The handle of one space for reading and writing. */
riacho_state riacho_overlay_state(riacho_overlay *overlay, uint32_t space, riacho_arena *arena);

/* What a kind holds back of a space; NULL: nobody does. */
riacho_held *riacho_overlay_held(riacho_overlay *overlay, uint32_t space);
/* Takes it, until the overlay is freed; the space has none yet. */
void riacho_overlay_hold(riacho_overlay *overlay, uint32_t space, riacho_held *held);

/* What is read and written of this space stays out of the cache from here on, for kinds whose
 * values are written once and hardly read again: they would only push others out. */
void riacho_overlay_pass_cache(riacho_overlay *overlay, uint32_t space);

RIACHO_CHECKED riacho_status riacho_overlay_get(riacho_overlay *overlay, uint32_t space,
                                                riacho_bytes key, riacho_arena *arena,
                                                riacho_bytes *ret_value, riacho_error *err);
/* Copies both; the value is not absent, and not one that a scan of this overlay lent. */
void riacho_overlay_put(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                        riacho_bytes value);
/* As put of a value of that size, whose bytes the caller writes where the result points, before
 * any other call. */
uint8_t *riacho_overlay_reserve(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                                size_t value_size);
void riacho_overlay_delete(riacho_overlay *overlay, uint32_t space, riacho_bytes key);
/* Deletes [from, to), both present. For whole segments (expiry): every read of the space that the
 * overlay does not answer itself compares with every deleted range of the transaction. */
void riacho_overlay_delete_range(riacho_overlay *overlay, uint32_t space, riacho_bytes from,
                                 riacho_bytes to);

/* Folds the tally into the key's value (port/store.h); copies both. Only for `settle`, before a
 * write: reads of the overlay do not show it. */
void riacho_overlay_fold(riacho_overlay *overlay, uint32_t space, riacho_bytes key,
                         riacho_bytes tally);

/* Bytes of memory that the changes hold, the sealed ones included, to compare with the limit that
 * forces a commit. */
size_t riacho_overlay_bytes(const riacho_overlay *overlay);
/* The changes as commit would write them, but for what is held back: deleted ranges, then each
 * changed key once, by space and key, then what is folded. Borrowed until the next call that
 * changes the overlay. */
const riacho_change *riacho_overlay_changes(riacho_overlay *overlay, size_t *ret_count);

/* Writes the changes and the meta to the store. On OK the overlay is empty; on any other status it
 * says what it said before, and this moment is its savepoint. No scan may be open. */
RIACHO_CHECKED riacho_status riacho_overlay_commit(riacho_overlay *overlay,
                                                   const riacho_commit_meta *meta,
                                                   riacho_error *err);
/* Forgets everything uncommitted, what is sealed too. No scan may be open. */
void riacho_overlay_drop(riacho_overlay *overlay);

/* Settles what is held back, turns deleted ranges into the keys that they delete, and sets all
 * changes apart, perhaps none. Nothing is sealed yet, and no scan is open. Not OK: the overlay says
 * what it said before, and this moment is its savepoint. */
RIACHO_CHECKED riacho_status riacho_overlay_seal(riacho_overlay *overlay, riacho_error *err);
/* What is sealed: each changed key once, by space and key. Borrowed, bytes included, until
 * write_sealed or drop. */
const riacho_change *riacho_overlay_sealed(const riacho_overlay *overlay, size_t *ret_count);
/* Writes what is sealed and the meta to the store. On OK nothing is sealed any more; on any other
 * status everything is as before. No scan may be open. */
RIACHO_CHECKED riacho_status riacho_overlay_write_sealed(riacho_overlay *overlay,
                                                         const riacho_commit_meta *meta,
                                                         riacho_error *err);

/* From here on, until the next savepoint, commit or drop, undo leads back to this moment. No scan
 * may be open. */
void riacho_overlay_savepoint(riacho_overlay *overlay);
/* Takes back every change since the savepoint (without one: since the last commit or drop). */
void riacho_overlay_undo(riacho_overlay *overlay);

/* Of the cache; zeros when there is none. */
riacho_cache_counts riacho_overlay_cache_counts(const riacho_overlay *overlay);
