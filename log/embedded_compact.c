/* SPDX-License-Identifier: MIT
 *
 * embedded_compact.c - keeps the last record of each key of a compacted topic.
 *
 * A pass has two parts. First it maps keys to their last offsets, from `cleaned_to` (where the last
 * pass ended) on until the map is full or the partition ends: that is `mapped_to`. Then it rewrites
 * all chunks below mapped_to without the records that the map knows a later one of. Passes follow
 * each other until the end of the partition is reached, so memory stays bounded and what is below
 * cleaned_to has no key twice.
 *
 * A record without a value is a tombstone. The pass that meets it first notes the time in its
 * chunk: then all earlier records of its key are gone. TOMBSTONE_MS later a pass drops it, so a
 * reader that is not further behind than that learns of every deletion.
 *
 * The last record of a partition always stays (embedded.h, invariant 4).
 *
 * Threads: the holder of clean_lock.
 */
#include "embedded.h"

#include "base/macros.h"
#include "rewrite.h"
#include "varint.h"

enum {
    TOMBSTONE_MS = 24 * 60 * 60 * 1000,
    MAP_SHARE = 8,   /* the map takes one part in so many of the memory */
    DIRTY_SHARE = 3, /* worthwhile when one byte in so many is new */
    CLEAN_KEY_BYTES = 6 + 8,
};

_Static_assert(sizeof(void *) >= sizeof(int64_t), "the map keeps offsets in its pointers");

struct pass {
    struct embedded *log;
    struct partition *partition;
    int64_t end;       /* of the partition, when the compaction began */
    int64_t mapped_to; /* the map knows the keys of [cleaned_to, mapped_to) */
    int64_t now_ms;
    riacho_map last; /* key -> offset + 1 of its last record */
    riacho_arena *keys;
};

static void clean_key(const struct partition *partition, uint8_t key[CLEAN_KEY_BYTES])
{
    memcpy(key, "clean/", 6);
    big32_put(key + 6, partition->topic->id);
    big32_put(key + 10, (uint32_t)partition->index);
}

static riacho_status load_cleaned_to(const struct embedded *log, const struct partition *partition,
                                     int64_t *ret, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    uint8_t key[CLEAN_KEY_BYTES];
    riacho_bytes value;
    clean_key(partition, key);
    RIACHO_TRY(
        riacho_database_get(&log->database, (riacho_bytes){key, sizeof key}, arena, &value, err));
    *ret = value.data && value.size == 8 ? (int64_t)big64_get(value.data) : 0;
    return RIACHO_OK;
}

static riacho_status store_cleaned_to(struct embedded *log, const struct partition *partition,
                                      int64_t cleaned_to, riacho_error *err)
{
    RIACHO_AUTO(writebatch) rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    uint8_t key[CLEAN_KEY_BYTES], value[8];
    clean_key(partition, key);
    big64_put(value, (uint64_t)cleaned_to);
    rocksdb_writebatch_put_cf(batch, log->database.meta, (const char *)key, sizeof key,
                              (const char *)value, sizeof value);
    return riacho_embedded_clean_write(log, batch, log->reserve_bytes, err);
}

static bool tombstones_expired(const struct chunk_head *head, int64_t now_ms)
{
    return head->tombstones && head->cleaned_ms && now_ms - head->cleaned_ms >= TOMBSTONE_MS;
}

/* --- is it worth it --- */

struct survey {
    uint64_t clean_bytes;
    uint64_t dirty_bytes;
    bool expired; /* some chunk has tombstones to drop */
};

static riacho_status survey(const struct embedded *log, const struct partition *partition,
                            int64_t cleaned_to, int64_t now_ms, enum clean_effort effort,
                            struct survey *ret, riacho_error *err)
{
    const int64_t end = atomic_load(&partition->next);
    *ret = (struct survey){0};
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    for (riacho_cursor_find(&cursor, 0);; riacho_cursor_next(&cursor)) {
        struct chunk_head head;
        bool there;
        RIACHO_TRY(riacho_embedded_entry(log, &cursor, end, &head, &there, err));
        if (!there)
            return RIACHO_OK;
        *(head.last < cleaned_to ? &ret->clean_bytes : &ret->dirty_bytes) += head.stored_bytes;
        /* The newest chunk may have no tombstone but the last record, which stays for ever: not
         * worth a pass every time. */
        ret->expired |= (effort == CLEAN_EVERYTHING || head.last + 1 < end) &&
                        tombstones_expired(&head, now_ms);
    }
}

/* --- one pass --- */

static void pass_init(struct pass *pass, struct embedded *log, struct partition *partition)
{
    const int64_t now_ms = log->clock->now_ms(log->clock);
    *pass = (struct pass){.log = log,
                          .partition = partition,
                          .end = atomic_load(&partition->next),
                          .now_ms = now_ms > 0 ? now_ms : 1, /* 0 says "never" */
                          .keys = riacho_arena_new()};
}

static void riacho_auto_pass(struct pass *pass)
{
    riacho_map_done(&pass->last);
    riacho_arena_free(pass->keys);
}

static void map_record(struct pass *pass, const riacho_log_record *record)
{
    if (!record->key.data)
        return;
    void *const offset = (void *)(uintptr_t)(record->offset + 1);
    riacho_map_entry *entry = riacho_map_put(&pass->last, record->key);
    if (!entry->value)
        entry->key = riacho_copy(pass->keys, record->key); /* the record's goes with its chunk */
    entry->value = offset;
}

static bool map_full(const struct pass *pass)
{
    return riacho_arena_used(pass->keys) + pass->last.capacity * sizeof(riacho_map_entry) >
           pass->log->memory_bytes / MAP_SHARE;
}

static riacho_status map_keys(struct pass *pass, int64_t from, riacho_error *err)
{
    RIACHO_AUTO(rewriter) struct rewriter reader;
    riacho_rewriter_init(&reader, pass->log, pass->partition);
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &pass->log->database, CURSOR_CHUNKS, place_of(pass->partition));
    riacho_map_done(&pass->last);
    riacho_arena_reset(pass->keys);
    for (riacho_cursor_find(&cursor, from);; riacho_cursor_next(&cursor)) {
        struct chunk_view view;
        RIACHO_TRY(riacho_rewriter_read(&reader, &cursor, &view, err));
        if (!view.head.count || view.head.base >= pass->end) {
            pass->mapped_to = pass->end;
            return RIACHO_OK;
        }
        if (view.head.last < from)
            continue;
        for (uint32_t i = 0; i < view.head.count; i++)
            map_record(pass, &view.records[i]);
        pass->mapped_to = view.head.last + 1;
        if (map_full(pass)) /* asked after a chunk, so that every pass gets further */
            return RIACHO_OK;
    }
}

static bool is_kept(const struct pass *pass, const struct chunk_head *head,
                    const riacho_log_record *record)
{
    if (!record->key.data || record->offset + 1 == pass->end)
        return true;
    const int64_t last = (int64_t)(uintptr_t)riacho_map_get(&pass->last, record->key) - 1;
    if (last > record->offset)
        return false;
    return record->value.data || !tombstones_expired(head, pass->now_ms);
}

/* Moves the records that stay to the front; how many they are. */
static size_t keep_last(const struct pass *pass, const struct chunk_view *view)
{
    size_t kept = 0;
    for (uint32_t i = 0; i < view->head.count; i++) {
        if (is_kept(pass, &view->head, &view->records[i]))
            view->records[kept++] = view->records[i];
    }
    return kept;
}

static riacho_status rewrite(const struct pass *pass, riacho_error *err)
{
    RIACHO_AUTO(rewriter) struct rewriter rewriter;
    riacho_rewriter_init(&rewriter, pass->log, pass->partition);
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &pass->log->database, CURSOR_CHUNKS, place_of(pass->partition));
    for (riacho_cursor_find(&cursor, 0); !atomic_load(&pass->log->cleaning.stop);
         riacho_cursor_next(&cursor)) {
        struct chunk_view view;
        RIACHO_TRY(riacho_rewriter_read(&rewriter, &cursor, &view, err));
        if (!view.head.count || view.head.base >= pass->mapped_to)
            return riacho_rewriter_flush(&rewriter, err);
        const int64_t cleaned_ms = view.head.cleaned_ms ? view.head.cleaned_ms : pass->now_ms;
        RIACHO_TRY(riacho_rewriter_take(&rewriter, &view, keep_last(pass, &view), cleaned_ms, err));
    }
    return riacho_fail(err, RIACHO_RETRY, "the log is being closed");
}

riacho_status riacho_embedded_compact(struct embedded *log, struct partition *partition,
                                      enum clean_effort effort, riacho_error *err)
{
    int64_t cleaned_to;
    struct survey found;
    RIACHO_AUTO(pass) struct pass pass;
    pass_init(&pass, log, partition);
    RIACHO_TRY(load_cleaned_to(log, partition, &cleaned_to, err));
    RIACHO_TRY(survey(log, partition, cleaned_to, pass.now_ms, effort, &found, err));
    const bool dirty = effort == CLEAN_EVERYTHING ? cleaned_to < pass.end
                                                  : found.dirty_bytes * DIRTY_SHARE >=
                                                            found.dirty_bytes + found.clean_bytes &&
                                                        found.dirty_bytes;
    if (!dirty && !found.expired)
        return RIACHO_OK;
    do {
        RIACHO_TRY(map_keys(&pass, cleaned_to, err));
        RIACHO_TRY(rewrite(&pass, err));
        cleaned_to = pass.mapped_to;
        RIACHO_TRY(store_cleaned_to(log, partition, cleaned_to, err));
    } while (cleaned_to < pass.end);
    return riacho_embedded_find_first(log, partition, err);
}
