/* SPDX-License-Identifier: MIT
 *
 * embedded.h - what the files embedded_*.c share: topics and partitions in memory, and who may
 * change what.
 *
 * Invariants:
 * 1. Topics and partitions are never freed before the log is closed, so a pointer to one needs no
 *    lock. A topic's cleanup and retention may change, under topics_lock.
 * 2. Chunks at or above a partition's `next` are written by the leader of a group (append) only;
 *    chunks below it are rewritten and deleted by whoever holds clean_lock only.
 * 3. `next` rises only after the records below it are on the disk; readers stop there.
 * 4. The last record of a partition stays whatever the cleanup, so `next` is known from the chunks.
 *
 * Locks, never taken in another order: clean_lock, topics_lock, writing.lock, readers_lock.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "chunk.h"
#include "db.h"
#include "riacho/backend/embedded_log.h"

struct topic;
struct open_chunk;

struct partition {
    struct topic *topic;
    int32_t index;
    _Atomic int64_t first;   /* the least offset held; only the cleaner moves it */
    _Atomic int64_t next;    /* the offset the next record gets; invariant 3 */
    _Atomic uint32_t small;  /* chunks written since the last merge that were not full */
    int64_t merged_to;       /* cleaner: no small chunks are left below */
    uint64_t deleted_bytes;  /* cleaner: by retention, and perhaps still on the disk */
    struct open_chunk *open; /* leader: what its group appends to this partition */
};

struct topic {
    uint32_t id;
    riacho_topic_spec spec; /* owns its name */
    _Atomic uint32_t turn;  /* of records without a key */
    struct partition partitions[];
};

/* Calls that want something written, and the leader's tools: see embedded_append.c. */
struct writing {
    pthread_mutex_t lock;
    struct request *head;
    struct request **tail;
    bool led;                  /* a leader is at work, outside the lock */
    riacho_map tasks;          /* name -> struct task, of those that have committed since */
    struct open_chunk **opens; /* leader: kept from group to group */
    size_t open_count;         /* leader: in use by this group */
    size_t open_capacity;
    riacho_buffer stored; /* leader */
    rocksdb_writebatch_t *batch;
    atomic_bool broken; /* a write failed: what is on the disk is not known until it is reopened */
};

/* The thread that cleans: see embedded_clean.c. */
struct cleaning {
    pthread_mutex_t lock; /* clean_lock: held while chunks are rewritten or deleted */
    pthread_mutex_t sleep_lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started;
    atomic_bool stop;    /* set under sleep_lock */
    bool merge_wanted;   /* under sleep_lock */
    int64_t interval_ms; /* -1: no thread */
};

struct embedded {
    riacho_log log;
    struct database database;
    riacho_clock *clock;
    char *folder;
    int lock_file;
    uint64_t memory_bytes;
    uint64_t reserve_bytes;
    uint32_t chunk_bytes;

    pthread_rwlock_t topics_lock;
    riacho_map topics; /* name -> struct topic */
    struct topic **order;
    size_t topic_count;
    uint32_t topic_id_next;

    struct writing writing;

    pthread_mutex_t readers_lock;
    riacho_log_reader *readers;

    struct cleaning cleaning;
};

extern const riacho_log_ops riacho_embedded_ops;
struct embedded *riacho_embedded_of(riacho_log *log);

static inline struct database_place place_of(const struct partition *partition)
{
    return (struct database_place){partition->topic->id, partition->index};
}

/* RIACHO_RETRY when writing so many bytes would leave less than reserve_bytes on the disk. */
RIACHO_CHECKED riacho_status riacho_embedded_room(const struct embedded *log, uint64_t bytes,
                                                  uint64_t reserve_bytes, riacho_error *err);

/* embedded_topics.c */
RIACHO_CHECKED riacho_status riacho_embedded_topics_load(struct embedded *log, riacho_error *err);
void riacho_embedded_topics_done(struct embedded *log);
/* NULL when there is none; the topic stays until the log is closed. */
struct topic *riacho_embedded_topic(struct embedded *log, const char *name);
RIACHO_CHECKED riacho_status riacho_embedded_partition(struct embedded *log, const char *topic,
                                                       int32_t partition, struct partition **ret,
                                                       riacho_error *err);
riacho_status riacho_embedded_topic_ensure(riacho_log *log, const riacho_topic_spec *spec,
                                           riacho_error *err);
riacho_status riacho_embedded_topic_describe(riacho_log *log, const char *topic,
                                             riacho_arena *arena, riacho_topic_spec *ret_spec,
                                             riacho_error *err);
riacho_status riacho_embedded_topic_list(riacho_log *log, riacho_arena *arena,
                                         riacho_topic_spec **ret_specs, size_t *ret_count,
                                         riacho_error *err);

/* embedded_append.c */
void riacho_embedded_writing_init(struct embedded *log);
void riacho_embedded_writing_done(struct embedded *log);
riacho_status riacho_embedded_append(riacho_log *log, const riacho_log_append *records,
                                     size_t count, riacho_position *ret_positions,
                                     riacho_error *err);
riacho_status riacho_embedded_commit(riacho_log *log, const riacho_log_commit *commit,
                                     int64_t *ret_ends, riacho_error *err);
riacho_status riacho_embedded_commit_all(riacho_log *log, const riacho_log_commit *commits,
                                         size_t count, int64_t *const *ret_ends, riacho_error *err);
riacho_status riacho_embedded_committed(riacho_log *log, const char *task, riacho_arena *arena,
                                        riacho_log_commit *ret_commit, riacho_error *err);

/* embedded_read.c */
riacho_status riacho_embedded_offset_at(riacho_log *log, const char *topic, int32_t partition,
                                        int64_t timestamp_ms, int64_t *ret_offset,
                                        riacho_error *err);
riacho_status riacho_embedded_reader_open(riacho_log *log, riacho_log_reader **ret_reader,
                                          riacho_error *err);
riacho_status riacho_embedded_assign(riacho_log_reader *reader,
                                     const riacho_log_assignment *assignments, size_t count,
                                     riacho_error *err);
void riacho_embedded_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count);
void riacho_embedded_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count);
riacho_status riacho_embedded_poll(riacho_log_reader *reader, int64_t wait_ms,
                                   riacho_log_batch **ret_batch, riacho_error *err);
void riacho_embedded_reader_wake(riacho_log_reader *reader);
void riacho_embedded_batch_free(riacho_log_batch *batch);
void riacho_embedded_reader_close(riacho_log_reader *reader);
/* Some partitions have more records: readers that wait look again. */
void riacho_embedded_readers_notify(struct embedded *log);

/* embedded_clean.c */
enum clean_effort {
    CLEAN_MERGES,     /* only partitions with many small chunks, and only merging */
    CLEAN_WORTHWHILE, /* compaction where enough has changed */
    CLEAN_EVERYTHING,
};
void riacho_embedded_cleaning_init(struct embedded *log);
/* Starts the thread, unless interval_ms is -1. */
RIACHO_CHECKED riacho_status riacho_embedded_cleaning_start(struct embedded *log,
                                                            int64_t interval_ms, riacho_error *err);
void riacho_embedded_cleaning_done(struct embedded *log);
/* A partition has many small chunks; any thread. */
void riacho_embedded_merge_wanted(struct embedded *log);

/* For the cleaner's parts, under clean_lock. */

/* Writes what can be done again, if that leaves reserve_bytes on the disk. */
RIACHO_CHECKED riacho_status riacho_embedded_clean_write(struct embedded *log,
                                                         rocksdb_writebatch_t *batch,
                                                         uint64_t reserve_bytes, riacho_error *err);
/* The index entry that the cursor is at; not there at the end and from `limit` on. */
RIACHO_CHECKED riacho_status riacho_embedded_entry(const struct embedded *log,
                                                   const struct cursor *cursor, int64_t limit,
                                                   struct chunk_head *ret_head, bool *ret_there,
                                                   riacho_error *err);
/* Sets partition->first to what is held now. */
RIACHO_CHECKED riacho_status riacho_embedded_find_first(struct embedded *log,
                                                        struct partition *partition,
                                                        riacho_error *err);
/* embedded_merge.c */
RIACHO_CHECKED riacho_status riacho_embedded_merge(struct embedded *log,
                                                   struct partition *partition, riacho_error *err);
/* embedded_compact.c */
RIACHO_CHECKED riacho_status riacho_embedded_compact(struct embedded *log,
                                                     struct partition *partition,
                                                     enum clean_effort effort, riacho_error *err);
