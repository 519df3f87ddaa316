/* SPDX-License-Identifier: MIT
 *
 * embedded_clean.c - the thread that keeps the log small: retention of all partitions, then
 * compaction of all, then merging, one partition after the other.
 *
 *   sleeping --interval over--> retention, compaction, merging of all partitions --> sleeping
 *            --merge wanted---> merging of the partitions that have many small chunks --> sleeping
 *            --stop-----------> ended (a compaction under way ends after the chunk it is at)
 *
 * What it writes can be done again, so nothing here is fsynced: deletions and new chunks are on the
 * disk at the latest with the next append.
 */
#include "embedded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "folder.h"

enum {
    DELETES_MAX = 4096, /* chunks deleted in one batch */
    RECLAIM_BYTES =
        64 * 1024 * 1024,     /* so much deleted in a partition, and the disk gets it back */
    SMALL_CHUNKS_WORTH = 128, /* when merges are wanted, partitions with fewer wait */
};

riacho_status riacho_embedded_clean_write(struct embedded *log, rocksdb_writebatch_t *batch,
                                          uint64_t reserve_bytes, riacho_error *err)
{
    size_t size;
    rocksdb_writebatch_data(batch, &size);
    if (atomic_load(&log->writing.broken))
        return riacho_fail(err, RIACHO_FATAL, "an earlier write to the log in %.200s failed",
                           log->folder);
    RIACHO_TRY(riacho_embedded_room(log, size, reserve_bytes, err));
    const riacho_status status =
        riacho_database_write(&log->database, batch, DURABILITY_LATER, err);
    if (status != RIACHO_OK)
        atomic_store(&log->writing.broken, true);
    return status;
}

riacho_status riacho_embedded_entry(const struct embedded *log, const struct cursor *cursor,
                                    int64_t limit, struct chunk_head *ret_head, bool *ret_there,
                                    riacho_error *err)
{
    int64_t base = 0;
    riacho_bytes entry;
    riacho_error cause;
    RIACHO_TRY(riacho_cursor_get(cursor, &base, &entry, err));
    *ret_there = entry.data && base < limit;
    if (*ret_there && riacho_chunk_entry_get(entry, ret_head, &cause) != RIACHO_OK)
        return riacho_database_damaged(&log->database, cause.text, err);
    return RIACHO_OK;
}

riacho_status riacho_embedded_find_first(struct embedded *log, struct partition *partition,
                                         riacho_error *err)
{
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    riacho_cursor_find(&cursor, 0);
    struct chunk_head head;
    bool there;
    RIACHO_TRY(riacho_embedded_entry(log, &cursor, INT64_MAX, &head, &there, err));
    if (there)
        atomic_store(&partition->first, head.base);
    return RIACHO_OK;
}

/* --- retention --- */

static riacho_status stored_bytes(const struct embedded *log, const struct partition *partition,
                                  int64_t end, uint64_t *ret, riacho_error *err)
{
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    *ret = 0;
    for (riacho_cursor_find(&cursor, 0);; riacho_cursor_next(&cursor)) {
        struct chunk_head head;
        bool there;
        RIACHO_TRY(riacho_embedded_entry(log, &cursor, end, &head, &there, err));
        if (!there)
            return RIACHO_OK;
        *ret += head.stored_bytes;
    }
}

static bool is_over(const riacho_topic_spec *spec, const struct chunk_head *head, int64_t now_ms,
                    uint64_t bytes)
{
    return (spec->retention_ms && head->max_ms < now_ms - spec->retention_ms) ||
           (spec->retention_bytes && bytes > (uint64_t)spec->retention_bytes);
}

/* Deleting must work on a disk that is nearly full, or nothing ever makes room: it stops at half of
 * what appends leave free, at most what RocksDB's buffers need. */
static uint64_t deletion_reserve(const struct embedded *log)
{
    const uint64_t half = log->reserve_bytes / 2;
    return log->memory_bytes < half ? log->memory_bytes : half;
}

/* Deletes chunks from the oldest on, up to the first that is to stay; the newest always stays. */
static riacho_status delete_old(struct embedded *log, struct partition *partition,
                                const riacho_topic_spec *spec, riacho_error *err)
{
    const int64_t end = atomic_load(&partition->next);
    const int64_t now_ms = log->clock->now_ms(log->clock);
    uint64_t bytes;
    RIACHO_TRY(stored_bytes(log, partition, end, &bytes, err));
    RIACHO_AUTO(writebatch) rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    for (riacho_cursor_find(&cursor, 0);; riacho_cursor_next(&cursor)) {
        struct chunk_head head;
        bool there;
        RIACHO_TRY(riacho_embedded_entry(log, &cursor, end, &head, &there, err));
        if (!there || head.last + 1 >= end || !is_over(spec, &head, now_ms, bytes))
            break;
        riacho_database_delete_chunk(&log->database, batch, place_of(partition), head.base);
        bytes -= head.stored_bytes;
        partition->deleted_bytes += head.stored_bytes;
        if (rocksdb_writebatch_count(batch) >= DELETES_MAX) {
            RIACHO_TRY(riacho_embedded_clean_write(log, batch, deletion_reserve(log), err));
            rocksdb_writebatch_clear(batch);
        }
    }
    if (rocksdb_writebatch_count(batch))
        RIACHO_TRY(riacho_embedded_clean_write(log, batch, deletion_reserve(log), err));
    return riacho_embedded_find_first(log, partition, err);
}

/* What was deleted goes from the disk when there is enough of it; when room is short, at once. */
static void reclaim(struct embedded *log, struct partition *partition)
{
    if (!partition->deleted_bytes ||
        riacho_embedded_room(log, 0, deletion_reserve(log), NULL) != RIACHO_OK)
        return;
    const bool is_short = riacho_embedded_room(log, 0, log->reserve_bytes, NULL) != RIACHO_OK;
    if (!is_short && partition->deleted_bytes < RECLAIM_BYTES)
        return;
    riacho_database_reclaim(&log->database, place_of(partition), atomic_load(&partition->first));
    partition->deleted_bytes = 0;
}

static riacho_status retain(struct embedded *log, struct partition *partition,
                            const riacho_topic_spec *spec, riacho_error *err)
{
    if (!spec->retention_ms && !spec->retention_bytes)
        return RIACHO_OK;
    RIACHO_TRY(delete_old(log, partition, spec, err));
    reclaim(log, partition);
    return RIACHO_OK;
}

/* --- all of them --- */

/* In this order: what gives room back comes before what needs some. */
enum step { STEP_RETENTION, STEP_COMPACTION, STEP_MERGING, STEPS };

static riacho_status clean_partition(struct embedded *log, enum step step,
                                     struct partition *partition, const riacho_topic_spec *spec,
                                     enum clean_effort effort, riacho_error *err)
{
    if (effort == CLEAN_MERGES &&
        (step != STEP_MERGING || atomic_load(&partition->small) < SMALL_CHUNKS_WORTH))
        return RIACHO_OK;
    if (step == STEP_RETENTION)
        return retain(log, partition, spec, err);
    if (step == STEP_MERGING)
        return riacho_embedded_merge(log, partition, err);
    return spec->cleanup == RIACHO_CLEANUP_COMPACT
               ? riacho_embedded_compact(log, partition, effort, err)
               : RIACHO_OK;
}

/* The topics there are now, and their specs as they are now. */
static struct topic **copy_topics(struct embedded *log, riacho_topic_spec **ret_specs,
                                  size_t *ret_count)
{
    pthread_rwlock_rdlock(&log->topics_lock);
    const size_t count = log->topic_count;
    struct topic **topics = riacho_memory_get(count * sizeof(struct topic *));
    riacho_topic_spec *specs = riacho_memory_get(count * sizeof *specs);
    for (size_t i = 0; i < count; i++) {
        topics[i] = log->order[i];
        specs[i] = log->order[i]->spec;
    }
    pthread_rwlock_unlock(&log->topics_lock);
    *ret_specs = specs;
    *ret_count = count;
    return topics;
}

/* One step over all partitions. A failure is that of one partition and keeps none of the others
 * from being cleaned; the first is kept in `*first`, with its text in `err`. */
static void clean_step(struct embedded *log, enum step step, enum clean_effort effort,
                       riacho_status *first, riacho_error *err)
{
    size_t count;
    RIACHO_AUTO(heap) riacho_topic_spec *specs = NULL;
    RIACHO_AUTO(heap) struct topic **topics = copy_topics(log, &specs, &count);
    for (size_t i = 0; i < count; i++) {
        for (int32_t p = 0; p < specs[i].partitions; p++) {
            riacho_error cause;
            if (atomic_load(&log->cleaning.stop))
                return;
            const riacho_status status =
                clean_partition(log, step, &topics[i]->partitions[p], &specs[i], effort, &cause);
            if (status != RIACHO_OK && *first == RIACHO_OK)
                *first = riacho_fail(err, status, "%s", cause.text);
        }
    }
}

static riacho_status clean_topics(struct embedded *log, enum clean_effort effort, riacho_error *err)
{
    riacho_status first = RIACHO_OK;
    for (enum step step = 0; step < STEPS; step++)
        clean_step(log, step, effort, &first, err);
    return first;
}

static riacho_status clean(struct embedded *log, enum clean_effort effort, riacho_error *err)
{
    pthread_mutex_lock(&log->cleaning.lock);
    const riacho_status status = clean_topics(log, effort, err);
    pthread_mutex_unlock(&log->cleaning.lock);
    return status;
}

riacho_status riacho_embedded_log_clean(riacho_log *log, riacho_error *err)
{
    return clean(riacho_embedded_of(log), CLEAN_EVERYTHING, err);
}

/* --- the thread --- */

static struct timespec interval_from_now(int64_t interval_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(interval_ms / 1000);
    at.tv_nsec += (long)(interval_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Sleeps; ret_effort is what there is to do then, unless the cleaner is to stop. */
static void sleep_until(struct cleaning *cleaning, struct timespec *deadline,
                        enum clean_effort *ret_effort)
{
    int result = 0;
    pthread_mutex_lock(&cleaning->sleep_lock);
    while (!atomic_load(&cleaning->stop) && !cleaning->merge_wanted && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&cleaning->wake, &cleaning->sleep_lock, deadline);
    cleaning->merge_wanted = false;
    pthread_mutex_unlock(&cleaning->sleep_lock);
    *ret_effort = result == ETIMEDOUT ? CLEAN_WORTHWHILE : CLEAN_MERGES;
    if (result == ETIMEDOUT)
        *deadline = interval_from_now(cleaning->interval_ms);
}

static void *run(void *argument)
{
    struct embedded *log = argument;
    struct cleaning *cleaning = &log->cleaning;
    struct timespec deadline = interval_from_now(cleaning->interval_ms);
    for (;;) {
        enum clean_effort effort;
        riacho_error err;
        sleep_until(cleaning, &deadline, &effort);
        if (atomic_load(&cleaning->stop))
            return NULL;
        if (clean(log, effort, &err) != RIACHO_OK && !atomic_load(&cleaning->stop))
            riacho_trace(RIACHO_WARN, "the log could not be cleaned", "folder", log->folder,
                         "cause", err.text, NULL);
    }
}

riacho_status riacho_embedded_cleaning_start(struct embedded *log, int64_t interval_ms,
                                             riacho_error *err)
{
    struct cleaning *cleaning = &log->cleaning;
    cleaning->interval_ms = interval_ms;
    if (interval_ms < 0)
        return RIACHO_OK;
    const int failed = pthread_create(&cleaning->thread, NULL, run, log);
    if (failed)
        return riacho_fail(err, RIACHO_FATAL, "cannot start the log's cleaner: %s",
                           strerror(failed));
    cleaning->started = true;
    return RIACHO_OK;
}

void riacho_embedded_cleaning_init(struct embedded *log)
{
    struct cleaning *cleaning = &log->cleaning;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cleaning->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&cleaning->lock, NULL);
    pthread_mutex_init(&cleaning->sleep_lock, NULL);
}

void riacho_embedded_cleaning_done(struct embedded *log)
{
    struct cleaning *cleaning = &log->cleaning;
    pthread_mutex_lock(&cleaning->sleep_lock);
    atomic_store(&cleaning->stop, true);
    pthread_cond_signal(&cleaning->wake);
    pthread_mutex_unlock(&cleaning->sleep_lock);
    if (cleaning->started)
        pthread_join(cleaning->thread, NULL);
    pthread_cond_destroy(&cleaning->wake);
    pthread_mutex_destroy(&cleaning->lock);
    pthread_mutex_destroy(&cleaning->sleep_lock);
}

void riacho_embedded_merge_wanted(struct embedded *log)
{
    struct cleaning *cleaning = &log->cleaning;
    pthread_mutex_lock(&cleaning->sleep_lock);
    cleaning->merge_wanted = true;
    pthread_cond_signal(&cleaning->wake);
    pthread_mutex_unlock(&cleaning->sleep_lock);
}
