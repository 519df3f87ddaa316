/* SPDX-License-Identifier: MIT
 *
 * embedded_read.c - readers: whole chunks from the database, a little ahead of the caller, one
 * partition after the other.
 *
 * A batch is one full chunk, or many small ones up to the size of a full one. Its blocks hold the
 * decompressed chunks, and its records point into them: nothing is copied twice, and nothing is
 * allocated for a record.
 *
 * Invariant: a reader hands out only offsets below its partition's `next` as it was before the
 * cursor was opened, and those are durable (embedded.h, invariant 3).
 *
 * Threads: a reader belongs to one; `woken` and `waiting` are under readers_lock.
 */
#include "embedded.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "check.h"
#include "slots.h"

enum {
    BLOCK_BYTES_MIN = 8 * 1024, /* so that many small chunks share one allocation */
    AHEAD_CHUNKS_MAX = 4,       /* of each partition */
    WAIT_MS_MAX = 24 * 60 * 60 * 1000,
    AHEAD_SHARE = 8, /* all partitions of a reader: one part in so many of the memory */
};

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    _Alignas(16) uint8_t bytes[];
};

struct batch {
    riacho_log_batch batch; /* first: a batch is cast back to this */
    struct batch *next;
    struct block *blocks;
    riacho_log_record *records;
    size_t capacity;
    size_t bytes; /* of the decompressed chunks */
};

struct riacho_log_reader {
    struct embedded *log;
    riacho_log_reader *next;
    struct slots slots; /* ready: the first struct batch read ahead */
    size_t ahead_bytes; /* of one partition */
    pthread_cond_t wake;
    bool waiting;
    bool woken;
};

/* --- batches --- */

void riacho_embedded_batch_free(riacho_log_batch *base)
{
    if (!base)
        return;
    struct batch *batch = (struct batch *)base;
    for (struct block *block = batch->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(batch->records);
    free(batch);
}

static void riacho_auto_batch(struct batch **batch)
{
    if (*batch)
        riacho_embedded_batch_free(&(*batch)->batch);
}

static void *take_bytes(struct batch *batch, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct block *block = batch->blocks;
    if (!block || size > block->capacity - block->used) {
        const size_t capacity = size > BLOCK_BYTES_MIN ? size : BLOCK_BYTES_MIN;
        block = riacho_memory_get(sizeof *block + capacity);
        *block = (struct block){.next = batch->blocks, .capacity = capacity};
        batch->blocks = block;
    }
    void *bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

static riacho_log_record *reserve_records(struct batch *batch, size_t more)
{
    const size_t count = batch->batch.count + more;
    if (count > batch->capacity) {
        batch->capacity = count > 2 * batch->capacity ? count : 2 * batch->capacity;
        batch->records =
            riacho_memory_resize(batch->records, batch->capacity * sizeof *batch->records);
        batch->batch.records = batch->records;
    }
    return batch->records + batch->batch.count;
}

static bool batch_takes(const struct embedded *log, const struct batch *batch,
                        const struct chunk_head *head)
{
    return !batch->batch.count || (batch->batch.count + head->count <= RIACHO_FETCH_RECORDS_MAX &&
                                   batch->bytes + head->raw_bytes <= log->chunk_bytes);
}

/* Adds the chunk's records from `from` on. */
static riacho_status batch_add(struct batch *batch, riacho_bytes stored,
                               const struct chunk_head *head, int64_t from, riacho_error *err)
{
    riacho_header *headers = take_bytes(batch, head->header_count * sizeof *headers);
    uint8_t *raw = take_bytes(batch, head->raw_bytes);
    riacho_log_record *records = reserve_records(batch, head->count);
    RIACHO_TRY(riacho_chunk_decode(stored, head, raw, records, headers, err));
    size_t early = 0;
    while (early < head->count && records[early].offset < from)
        early++;
    const size_t count = head->count - early;
    if (early)
        memmove(records, records + early, count * sizeof *records);
    batch->batch.count += count;
    batch->batch.next = head->last + 1;
    batch->bytes += head->raw_bytes;
    return RIACHO_OK;
}

/* --- reading ahead --- */

static riacho_status damaged_at(const struct embedded *log, const struct partition *partition,
                                int64_t offset, const char *what, riacho_error *err)
{
    riacho_error cause;
    riacho_fail(&cause, RIACHO_REJECT, "%.100s/%d near offset %lld: %.100s",
                partition->topic->spec.name, (int)partition->index, (long long)offset, what);
    return riacho_database_damaged(&log->database, cause.text, err);
}

/* The chunk that the cursor is at; ret_stored is absent at the end or at `limit`. */
static riacho_status next_chunk(const struct embedded *log, const struct partition *partition,
                                const struct cursor *cursor, int64_t limit,
                                struct chunk_head *ret_head, riacho_bytes *ret_stored,
                                riacho_error *err)
{
    int64_t base = 0;
    riacho_bytes stored;
    riacho_error cause;
    RIACHO_TRY(riacho_cursor_get(cursor, &base, &stored, err));
    if (!stored.data || base >= limit) {
        *ret_stored = (riacho_bytes){0};
        return RIACHO_OK;
    }
    if (riacho_chunk_open(stored, ret_head, &cause) != RIACHO_OK)
        return damaged_at(log, partition, base, cause.text, err);
    if (ret_head->base != base)
        return damaged_at(log, partition, base, "a chunk is not where it belongs", err);
    *ret_stored = stored;
    return RIACHO_OK;
}

/* One batch from where the cursor is; its count is 0 at the end. Leaves the cursor behind it. */
static riacho_status read_batch(const struct embedded *log, const struct partition *partition,
                                struct cursor *cursor, int64_t from, int64_t limit,
                                struct batch **ret_batch, riacho_error *err)
{
    RIACHO_AUTO(batch) struct batch *batch = riacho_memory_get_zero(1, sizeof *batch);
    riacho_error cause;
    batch->batch.next = from;
    for (;; riacho_cursor_next(cursor)) {
        struct chunk_head head;
        riacho_bytes stored;
        RIACHO_TRY(next_chunk(log, partition, cursor, limit, &head, &stored, err));
        if (!stored.data || !batch_takes(log, batch, &head))
            break;
        if (head.last < from)
            continue;
        if (batch_add(batch, stored, &head, from, &cause) != RIACHO_OK)
            return damaged_at(log, partition, head.base, cause.text, err);
    }
    *ret_batch = RIACHO_TAKE(batch);
    return RIACHO_OK;
}

static size_t batch_memory(const struct batch *batch)
{
    return batch->bytes + batch->capacity * sizeof *batch->records;
}

/* Reads batches into slot->ready, which is empty, up to `limit` or until there are enough; fewer
 * when what the cursor sees ends before. */
static riacho_status read_to(const riacho_log_reader *reader, struct slot *slot, int64_t limit,
                             riacho_error *err)
{
    const struct embedded *log = reader->log;
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_CHUNKS, place_of(slot->partition));
    riacho_cursor_find(&cursor, slot->next);
    struct batch *last = NULL;
    for (size_t bytes = 0; bytes < reader->ahead_bytes && slot->next < limit;) {
        RIACHO_AUTO(batch) struct batch *batch = NULL;
        RIACHO_TRY(read_batch(log, slot->partition, &cursor, slot->next, limit, &batch, err));
        if (!batch->batch.count)
            return RIACHO_OK;
        batch->batch.tag = slot->tag;
        slot->next = batch->batch.next;
        bytes += batch_memory(batch);
        struct batch *added = RIACHO_TAKE(batch);
        if (last)
            last->next = added;
        else
            slot->ready = added;
        last = added;
    }
    return RIACHO_OK;
}

/* Reads ahead until the end or until there is enough. Below a `next` that did not move meanwhile
 * there always is a chunk (embedded.h, invariant 4), so none is damage. When it did move, the
 * cleaner may have deleted all there was below the earlier one, and the reader looks again. */
static riacho_status read_ahead(const riacho_log_reader *reader, struct slot *slot,
                                riacho_error *err)
{
    const struct partition *partition = slot->partition;
    int64_t limit;
    do {
        limit = atomic_load(&partition->next);
        if (slot->next >= limit)
            return RIACHO_OK;
        RIACHO_TRY(read_to(reader, slot, limit, err));
        if (slot->ready)
            return RIACHO_OK;
    } while (atomic_load(&partition->next) != limit);
    return damaged_at(reader->log, partition, slot->next, "records are missing", err);
}

/* --- readers --- */

riacho_status riacho_embedded_reader_open(riacho_log *base, riacho_log_reader **ret_reader,
                                          riacho_error *err)
{
    (void)err;
    struct embedded *log = riacho_embedded_of(base);
    riacho_log_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    reader->log = log;
    pthread_mutex_lock(&log->readers_lock);
    reader->next = log->readers;
    log->readers = reader;
    pthread_mutex_unlock(&log->readers_lock);
    *ret_reader = reader;
    return RIACHO_OK;
}

static void drop_slots(riacho_log_reader *reader)
{
    for (size_t i = 0; i < reader->slots.count; i++) {
        for (struct batch *batch = reader->slots.items[i].ready, *next; batch; batch = next) {
            next = batch->next;
            riacho_embedded_batch_free(&batch->batch);
        }
    }
    riacho_slots_done(&reader->slots);
}

void riacho_embedded_reader_close(riacho_log_reader *reader)
{
    if (!reader)
        return;
    struct embedded *log = reader->log;
    pthread_mutex_lock(&log->readers_lock);
    riacho_log_reader **at = &log->readers;
    while (*at != reader)
        at = &(*at)->next;
    *at = reader->next;
    pthread_mutex_unlock(&log->readers_lock);
    drop_slots(reader);
    pthread_cond_destroy(&reader->wake);
    free(reader);
}

static size_t ahead_bytes(const struct embedded *log, size_t partitions)
{
    const size_t share = (size_t)log->memory_bytes / AHEAD_SHARE / (partitions ? partitions : 1);
    const size_t most = (size_t)log->chunk_bytes * AHEAD_CHUNKS_MAX;
    return share < log->chunk_bytes ? log->chunk_bytes : share > most ? most : share;
}

riacho_status riacho_embedded_assign(riacho_log_reader *reader,
                                     const riacho_log_assignment *assignments, size_t count,
                                     riacho_error *err)
{
    RIACHO_AUTO(heap) struct slot *slots = riacho_memory_get_zero(count, sizeof *slots);
    for (size_t i = 0; i < count; i++) {
        struct partition *partition;
        RIACHO_TRY(riacho_embedded_partition(reader->log, assignments[i].topic,
                                             assignments[i].partition, &partition, err));
        RIACHO_TRY(riacho_log_check_start(&assignments[i], atomic_load(&partition->next), err));
        slots[i] = (struct slot){
            .partition = partition, .next = assignments[i].next, .tag = assignments[i].tag};
    }
    drop_slots(reader);
    riacho_slots_reset(&reader->slots, count);
    memcpy(reader->slots.items, slots, count * sizeof *slots);
    reader->ahead_bytes = ahead_bytes(reader->log, count);
    return RIACHO_OK;
}

void riacho_embedded_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    riacho_slots_pause(&reader->slots, tags, count);
}

void riacho_embedded_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    riacho_slots_resume(&reader->slots, tags, count);
}

/* The next batch of the next slot that has one, or NULL. */
static riacho_status take_ready(riacho_log_reader *reader, riacho_log_batch **ret_batch,
                                riacho_error *err)
{
    *ret_batch = NULL;
    for (size_t i = 0; i < reader->slots.count; i++) {
        struct slot *slot = riacho_slots_at(&reader->slots, i);
        if (!slot)
            continue;
        if (!slot->ready)
            RIACHO_TRY(read_ahead(reader, slot, err));
        if (!slot->ready)
            continue;
        struct batch *batch = slot->ready;
        slot->ready = batch->next;
        batch->next = NULL;
        riacho_slots_served(&reader->slots, slot);
        *ret_batch = &batch->batch;
        return RIACHO_OK;
    }
    return RIACHO_OK;
}

static bool has_more(const riacho_log_reader *reader)
{
    for (size_t i = 0; i < reader->slots.count; i++) {
        const struct slot *slot = &reader->slots.items[i];
        const struct partition *partition = slot->partition;
        if (!slot->paused && (slot->ready || slot->next < atomic_load(&partition->next)))
            return true;
    }
    return false;
}

static struct timespec deadline_in(int64_t wait_ms)
{
    struct timespec at;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(wait_ms / 1000);
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Sleeps until there is something to read; false when it was woken or the time is over. */
static bool wait_for_more(riacho_log_reader *reader, const struct timespec *deadline)
{
    struct embedded *log = reader->log;
    bool more = false;
    int result = 0;
    pthread_mutex_lock(&log->readers_lock);
    reader->waiting = true;
    while (!reader->woken && result != ETIMEDOUT && !(more = has_more(reader)))
        result = pthread_cond_timedwait(&reader->wake, &log->readers_lock, deadline);
    reader->waiting = false;
    if (!more)
        reader->woken = false;
    pthread_mutex_unlock(&log->readers_lock);
    return more;
}

riacho_status riacho_embedded_poll(riacho_log_reader *reader, int64_t wait_ms,
                                   riacho_log_batch **ret_batch, riacho_error *err)
{
    const struct timespec deadline = deadline_in(wait_ms);
    do
        RIACHO_TRY(take_ready(reader, ret_batch, err));
    while (!*ret_batch && wait_for_more(reader, &deadline));
    return RIACHO_OK;
}

void riacho_embedded_reader_wake(riacho_log_reader *reader)
{
    pthread_mutex_lock(&reader->log->readers_lock);
    reader->woken = true;
    pthread_cond_signal(&reader->wake);
    pthread_mutex_unlock(&reader->log->readers_lock);
}

void riacho_embedded_readers_notify(struct embedded *log)
{
    pthread_mutex_lock(&log->readers_lock);
    for (riacho_log_reader *reader = log->readers; reader; reader = reader->next) {
        if (reader->waiting)
            pthread_cond_signal(&reader->wake);
    }
    pthread_mutex_unlock(&log->readers_lock);
}

/* --- searching by time --- */

/* The base of the first chunk that holds a record so late, or `limit`. Reads the index only. */
static riacho_status find_chunk_at(const struct embedded *log, const struct partition *partition,
                                   int64_t timestamp_ms, int64_t limit, int64_t *ret_base,
                                   riacho_error *err)
{
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    for (riacho_cursor_find(&cursor, 0);; riacho_cursor_next(&cursor)) {
        int64_t base = 0;
        riacho_bytes entry;
        riacho_error cause;
        struct chunk_head head;
        RIACHO_TRY(riacho_cursor_get(&cursor, &base, &entry, err));
        if (!entry.data || base >= limit) {
            *ret_base = limit;
            return RIACHO_OK;
        }
        if (riacho_chunk_entry_get(entry, &head, &cause) != RIACHO_OK)
            return damaged_at(log, partition, base, cause.text, err);
        if (head.max_ms >= timestamp_ms) {
            *ret_base = base;
            return RIACHO_OK;
        }
    }
}

riacho_status riacho_embedded_offset_at(riacho_log *base, const char *topic, int32_t index,
                                        int64_t timestamp_ms, int64_t *ret_offset,
                                        riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    struct partition *partition;
    RIACHO_TRY(riacho_embedded_partition(log, topic, index, &partition, err));
    const int64_t limit = atomic_load(&partition->next);
    int64_t from = limit;
    RIACHO_TRY(find_chunk_at(log, partition, timestamp_ms, limit, &from, err));
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_CHUNKS, place_of(partition));
    riacho_cursor_find(&cursor, from);
    while (from < limit) { /* more than once only when the chunk was rewritten meanwhile */
        RIACHO_AUTO(batch) struct batch *batch = NULL;
        RIACHO_TRY(read_batch(log, partition, &cursor, from, limit, &batch, err));
        for (size_t i = 0; i < batch->batch.count; i++) {
            if (batch->batch.records[i].timestamp_ms < timestamp_ms)
                continue;
            *ret_offset = batch->batch.records[i].offset;
            return RIACHO_OK;
        }
        from = batch->batch.count ? batch->batch.next : limit;
    }
    *ret_offset = limit;
    return RIACHO_OK;
}
