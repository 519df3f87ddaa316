/* SPDX-License-Identifier: MIT
 *
 * db.h - the database under the embedded log: one RocksDB with three column families, and cursors
 * over the chunks of one partition.
 *
 *   meta    "format", "topic/<name>", "task/<name>", "clean/<topic id><partition>"
 *   chunks  <topic id><partition><base offset> -> chunk      (numbers big-endian)
 *   index   the same key -> what the chunk's head says, so that many chunks are seen at little cost
 *
 * Invariant: chunks and index hold the same keys; both are written in one batch.
 *
 * Threads: any; a cursor belongs to one.
 */
#pragma once

#include <rocksdb/c.h>

#include "riacho/types.h"

enum { DATABASE_KEY_BYTES = 16 };

struct database {
    rocksdb_t *rocksdb;
    rocksdb_column_family_handle_t *meta;
    rocksdb_column_family_handle_t *chunks;
    rocksdb_column_family_handle_t *index;
    rocksdb_writeoptions_t *writes[2]; /* by enum durability */
    rocksdb_readoptions_t *reads;
    rocksdb_cache_t *cache;
    char *folder; /* the log's, for messages */
};

enum durability {
    DURABILITY_LATER = 0, /* with the next synced write at the latest: for what can be done again */
    DURABILITY_SYNCED,    /* on the disk before the call returns */
};

struct database_options {
    const char *folder; /* the log's; RocksDB lives in its folder "db" */
    uint64_t memory_bytes;
    bool create;
};

/* RIACHO_REJECT: missing (and not to be created), damaged, or not readable. */
RIACHO_CHECKED riacho_status riacho_database_open(const struct database_options *options,
                                                  struct database *ret, riacho_error *err);
void riacho_database_close(struct database *database);

/* Takes RocksDB's message, if any, and makes a status of it: RIACHO_REJECT for damage, with what to
 * do; RIACHO_FATAL for the rest. */
RIACHO_CHECKED riacho_status riacho_database_result(const struct database *database, char *problem,
                                                    const char *doing, riacho_error *err);
riacho_status riacho_database_damaged(const struct database *database, const char *what,
                                      riacho_error *err);

RIACHO_CHECKED riacho_status riacho_database_write(const struct database *database,
                                                   rocksdb_writebatch_t *batch,
                                                   enum durability durability, riacho_error *err);
/* The value of a key of meta, copied into the arena; absent when there is none. */
RIACHO_CHECKED riacho_status riacho_database_get(const struct database *database, riacho_bytes key,
                                                 riacho_arena *arena, riacho_bytes *ret_value,
                                                 riacho_error *err);

/* Which partition a key belongs to. */
struct database_place {
    uint32_t topic_id;
    int32_t partition;
};

void riacho_database_key(struct database_place place, int64_t offset,
                         uint8_t key[DATABASE_KEY_BYTES]);
/* In chunks and index together. */
void riacho_database_put_chunk(const struct database *database, rocksdb_writebatch_t *batch,
                               struct database_place place, int64_t base, riacho_bytes stored,
                               riacho_bytes entry);
void riacho_database_delete_chunk(const struct database *database, rocksdb_writebatch_t *batch,
                                  struct database_place place, int64_t base);

/* Gives the room of deleted chunks below the offset back to the disk, now. Takes a while. */
void riacho_database_reclaim(const struct database *database, struct database_place place,
                             int64_t below);

/* Walks chunks (or index entries) of one partition by offset, as they were when it was opened. It
 * must not move in memory while it is open. */
struct cursor {
    const struct database *database;
    rocksdb_readoptions_t *reads;
    rocksdb_iterator_t *iterator;
    uint8_t from[DATABASE_KEY_BYTES];
    uint8_t to[DATABASE_KEY_BYTES];
};

enum cursor_over { CURSOR_CHUNKS, CURSOR_INDEX };

void riacho_cursor_open(struct cursor *cursor, const struct database *database,
                        enum cursor_over over, struct database_place place);
void riacho_cursor_close(struct cursor *cursor);
/* To the chunk that holds the offset or, when none does, the one before or else behind it. */
void riacho_cursor_find(struct cursor *cursor, int64_t offset);
void riacho_cursor_last(struct cursor *cursor);
void riacho_cursor_next(struct cursor *cursor);
/* What the cursor is at: ret_value is absent at the end, which has been checked to be the end;
 * valid until the cursor moves. */
RIACHO_CHECKED riacho_status riacho_cursor_get(const struct cursor *cursor, int64_t *ret_base,
                                               riacho_bytes *ret_value, riacho_error *err);

static inline void riacho_auto_cursor(struct cursor *cursor)
{
    riacho_cursor_close(cursor);
}

static inline void riacho_auto_writebatch(rocksdb_writebatch_t **batch)
{
    if (*batch)
        rocksdb_writebatch_destroy(*batch);
}
