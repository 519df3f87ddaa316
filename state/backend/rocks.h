/* SPDX-License-Identifier: MIT
 *
 * rocks.h - what the files of the RocksDB backend share.
 *
 *   rocks_stores.c   the factory: folders, opening, checking, moving aside
 *   rocks_options.c  the settings, within one budget of memory
 *   rocks_store.c    reads and writes of an open store
 *   rocks_load.c     filling a store without the write-ahead log; flushes
 *   rocks_scan.c     scans
 *   rocks_fold.c     folding tallies, as a merge operator
 *
 * On disk: <folder>/<topology>/g<generation>/<task>/ holds one database and STORE_ID. Each space is
 * a column family named as the space; the default family holds three keys: id, meta, outbox. A
 * store that was found damaged while it was open also has DAMAGED (damage.h).
 */
#pragma once

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "identity.h"
#include "riacho/backend/stores.h"

/* The keys of the default column family. */
#define RIACHO_ROCKS_ID "id"
#define RIACHO_ROCKS_META "meta"
#define RIACHO_ROCKS_OUTBOX "outbox"

/* Foreign settings, shared by every database of a factory. */
typedef struct riacho_rocks_options {
    rocksdb_cache_t *cache;
    rocksdb_block_based_table_options_t *table;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    rocksdb_writeoptions_t *write_synced;
    rocksdb_writeoptions_t *write_unlogged; /* for `load` */
    uint64_t buffer_bytes;                  /* of each database, before it is flushed */
} riacho_rocks_options;

typedef struct riacho_rocks_stores riacho_rocks_stores;
typedef struct riacho_rocks_store riacho_rocks_store;

/* Belongs to the factory's owner; any thread calls it. */
struct riacho_rocks_stores {
    riacho_store_factory base;
    char *folder;
    uint64_t space_reserve_bytes;
    bool keys_only; /* no write deletes a range */
    riacho_rocks_options options;
    pthread_mutex_t lock;
    riacho_rocks_store *open;          /* under the lock, as is: */
    rocksdb_writebatch_t *spare_batch; /* NULL: in use, or none was made yet */
};

/* Belongs to the task; `db` and `spaces` are also read through snapshots and by measure. */
struct riacho_rocks_store {
    riacho_store base;
    riacho_rocks_stores *stores;
    riacho_rocks_store *next;
    char *folder;
    rocksdb_t *db;
    rocksdb_column_family_handle_t **families; /* all; the first is the default one */
    size_t family_count;
    rocksdb_column_family_handle_t **spaces; /* by number of this opening, out of `families` */
    size_t space_count;
    riacho_buffer meta;
    bool has_outbox;          /* the last commit left one */
    bool is_loaded;           /* holds what is not in the write-ahead log */
    bool is_held;             /* compactions wait */
    uint64_t number;          /* of the last commit */
    riacho_identity identity; /* as the file has it */
    riacho_status damage;     /* told as: RIACHO_REJECT until it is open, then RIACHO_FATAL */
    atomic_bool is_damaged;   /* met while it was open, by any thread, and marked */
};

extern const riacho_store_ops riacho_rocks_store_ops;

RIACHO_CHECKED riacho_status riacho_rocks_options_init(riacho_rocks_options *options,
                                                       const riacho_rocksdb_stores_options *wanted,
                                                       riacho_error *err);
void riacho_rocks_options_done(riacho_rocks_options *options);

/* Owned by the options it is set in. */
rocksdb_mergeoperator_t *riacho_rocks_fold(void);

riacho_rocks_store *riacho_rocks_store_of(riacho_store *base);
/* Takes the message of a RocksDB call: RIACHO_OK when there is none. A message about damaged or
 * missing data gives `damage`, one about a lock held elsewhere RIACHO_RETRY, any other
 * RIACHO_FATAL. */
RIACHO_CHECKED riacho_status riacho_rocks_status(char *message, riacho_status damage,
                                                 const char *what, riacho_error *err);
/* As riacho_rocks_status, of a call on the store's own data: damage gives store->damage, and once
 * the store is open it is marked, so that the next open refuses it. Any thread. */
RIACHO_CHECKED riacho_status riacho_rocks_result(riacho_rocks_store *store, char *message,
                                                 riacho_error *err);
/* RIACHO_RETRY when less than the reserve and `bytes` more is free on the disk. */
RIACHO_CHECKED riacho_status riacho_rocks_room(const riacho_rocks_stores *stores, uint64_t bytes,
                                               riacho_error *err);
/* As get, from any family with any options. */
RIACHO_CHECKED riacho_status riacho_rocks_get(riacho_rocks_store *store,
                                              const rocksdb_readoptions_t *options,
                                              rocksdb_column_family_handle_t *family,
                                              riacho_bytes key, riacho_arena *arena,
                                              riacho_bytes *ret_value, riacho_error *err);
/* Removes the store from the factory's list, then closes all of it; parts may be missing. */
void riacho_rocks_store_free(riacho_rocks_store *store);

/* An empty batch, until it is given back. */
rocksdb_writebatch_t *riacho_rocks_take_batch(riacho_rocks_stores *stores);
void riacho_rocks_give_batch_back(riacho_rocks_stores *stores, rocksdb_writebatch_t *batch);
void riacho_rocks_add_change(const riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                             const riacho_change *change);

riacho_status riacho_rocks_load(riacho_store *base, const riacho_change *items, size_t count,
                                riacho_error *err);
/* What was loaded is in files afterwards. */
RIACHO_CHECKED riacho_status riacho_rocks_keep_loaded(riacho_rocks_store *store, riacho_error *err);
/* Leaves no write-ahead log behind for the next start to read. */
RIACHO_CHECKED riacho_status riacho_rocks_flush(riacho_rocks_store *store, riacho_error *err);

struct riacho_store_snapshot {
    const rocksdb_snapshot_t *at;
    rocksdb_readoptions_t *read;
};

riacho_status riacho_rocks_scan_open(riacho_store *base, riacho_store_snapshot *snapshot,
                                     uint32_t space, const riacho_range *range,
                                     riacho_store_scan **ret_scan, riacho_error *err);
riacho_status riacho_rocks_scan_next(riacho_store_scan *scan, riacho_bytes *ret_key,
                                     riacho_bytes *ret_value, riacho_error *err);
void riacho_rocks_scan_close(riacho_store_scan *scan);
