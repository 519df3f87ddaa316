/* SPDX-License-Identifier: MIT
 *
 * embedded.c - opening and closing the embedded log, and its table of functions.
 *
 * Opening: lock the folder -> look what it is -> open the database -> load topics and
 * partitions -> start the cleaner. Closing goes back the same way.
 */
#include "embedded.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "folder.h"

enum {
    MEMORY_BYTES = 32 * 1024 * 1024,
    MEMORY_BYTES_MIN = 4 * 1024 * 1024,
    RESERVE_BYTES = 256 * 1024 * 1024,
    RESERVE_SHARE = 100, /* or one part in so many of the disk */
    CHUNK_BYTES = 64 * 1024,
    CHUNK_BYTES_MIN = 1024,
    CHUNK_BYTES_MAX = 4 * 1024 * 1024,
    CLEANUP_INTERVAL_MS = 30000,
};

struct embedded *riacho_embedded_of(riacho_log *log)
{
    assert(log->ops == &riacho_embedded_ops);
    return (struct embedded *)log;
}

static uint64_t default_reserve(const char *folder)
{
    uint64_t unused, total;
    riacho_folder_space(folder, &unused, &total);
    return total && total / RESERVE_SHARE < RESERVE_BYTES ? total / RESERVE_SHARE : RESERVE_BYTES;
}

riacho_status riacho_embedded_room(const struct embedded *log, uint64_t bytes,
                                   uint64_t reserve_bytes, riacho_error *err)
{
    uint64_t available, total;
    riacho_folder_space(log->folder, &available, &total);
    const uint64_t needed = 2 * bytes; /* once in the WAL and once in a table */
    if (!total || (available >= needed && available - needed >= reserve_bytes))
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_RETRY,
                       "no room: the disk under %.200s has %" PRIu64 " MiB free, and %" PRIu64
                       " MiB are kept free",
                       log->folder, available >> 20, reserve_bytes >> 20);
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : value;
}

static struct embedded *embedded_new(const riacho_embedded_log_options *options)
{
    struct embedded *log = riacho_memory_get_zero(1, sizeof *log);
    log->log.ops = &riacho_embedded_ops;
    log->folder = riacho_memory_text(options->folder);
    log->lock_file = -1;
    log->clock = options->clock ? options->clock : riacho_clock_system();
    log->memory_bytes = options->memory_bytes ? options->memory_bytes : MEMORY_BYTES;
    if (log->memory_bytes < MEMORY_BYTES_MIN)
        log->memory_bytes = MEMORY_BYTES_MIN;
    log->chunk_bytes = options->chunk_bytes
                           ? clamp(options->chunk_bytes, CHUNK_BYTES_MIN, CHUNK_BYTES_MAX)
                           : CHUNK_BYTES;
    pthread_rwlock_init(&log->topics_lock, NULL);
    pthread_mutex_init(&log->readers_lock, NULL);
    riacho_embedded_writing_init(log);
    riacho_embedded_cleaning_init(log);
    return log;
}

static void close_log(riacho_log *base)
{
    if (!base)
        return;
    struct embedded *log = riacho_embedded_of(base);
    assert(!log->readers); /* every reader is closed before its log */
    riacho_embedded_cleaning_done(log);
    riacho_embedded_writing_done(log);
    riacho_embedded_topics_done(log);
    riacho_database_close(&log->database);
    pthread_rwlock_destroy(&log->topics_lock);
    pthread_mutex_destroy(&log->readers_lock);
    if (log->lock_file >= 0)
        close(log->lock_file);
    free(log->folder);
    free(log);
}

static void riacho_auto_log(struct embedded **log)
{
    if (*log)
        close_log(&(*log)->log);
}

static riacho_status open_database(struct embedded *log, riacho_error *err)
{
    bool is_log;
    RIACHO_TRY(riacho_folder_look(log->folder, &is_log, err));
    const struct database_options options = {
        .folder = log->folder, .memory_bytes = log->memory_bytes, .create = !is_log};
    RIACHO_TRY(riacho_database_open(&options, &log->database, err));
    return is_log ? RIACHO_OK : riacho_folder_mark(log->folder, err);
}

riacho_status riacho_embedded_log_open(const riacho_embedded_log_options *options,
                                       riacho_log **ret_log, riacho_error *err)
{
    if (!options->folder || !*options->folder)
        return riacho_fail(err, RIACHO_REJECT, "the log needs a folder");
    RIACHO_AUTO(log) struct embedded *log = embedded_new(options);
    RIACHO_TRY(riacho_folder_lock(log->folder, &log->lock_file, err));
    log->reserve_bytes =
        options->space_reserve_bytes ? options->space_reserve_bytes : default_reserve(log->folder);
    RIACHO_TRY(open_database(log, err));
    RIACHO_TRY(riacho_embedded_topics_load(log, err));
    const int64_t interval_ms =
        options->cleanup_interval_ms ? options->cleanup_interval_ms : CLEANUP_INTERVAL_MS;
    RIACHO_TRY(riacho_embedded_cleaning_start(log, interval_ms, err));
    *ret_log = &RIACHO_TAKE(log)->log;
    return RIACHO_OK;
}

static riacho_status bounds(riacho_log *base, const char *topic, int32_t index, int64_t *ret_first,
                            int64_t *ret_next, riacho_error *err)
{
    struct partition *partition;
    RIACHO_TRY(riacho_embedded_partition(riacho_embedded_of(base), topic, index, &partition, err));
    *ret_first = atomic_load(&partition->first); /* before `next`, so that it is never above it */
    *ret_next = atomic_load(&partition->next);
    return RIACHO_OK;
}

static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    riacho_folder_space(riacho_embedded_of(log)->folder, ret_free, ret_total);
}

const riacho_log_ops riacho_embedded_ops = {
    .name = "embedded",
    .topic_ensure = riacho_embedded_topic_ensure,
    .topic_describe = riacho_embedded_topic_describe,
    .topic_list = riacho_embedded_topic_list,
    .bounds = bounds,
    .offset_at = riacho_embedded_offset_at,
    .append = riacho_embedded_append,
    .commit = riacho_embedded_commit,
    .commit_all = riacho_embedded_commit_all,
    .committed = riacho_embedded_committed,
    .reader_open = riacho_embedded_reader_open,
    .assign = riacho_embedded_assign,
    .pause = riacho_embedded_pause,
    .resume = riacho_embedded_resume,
    .poll = riacho_embedded_poll,
    .reader_wake = riacho_embedded_reader_wake,
    .batch_free = riacho_embedded_batch_free,
    .reader_close = riacho_embedded_reader_close,
    .space = space,
    .close = close_log,
};
