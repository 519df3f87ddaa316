/* SPDX-License-Identifier: MIT
 *
 * rewrite.c - see rewrite.h.
 */
#include "rewrite.h"

#include "base/limits.h"
#include "base/macros.h"

void riacho_rewriter_init(struct rewriter *rewriter, struct embedded *log,
                          struct partition *partition)
{
    *rewriter =
        (struct rewriter){.log = log, .partition = partition, .batch = rocksdb_writebatch_create()};
}

void riacho_rewriter_done(struct rewriter *rewriter)
{
    riacho_chunk_writer_done(&rewriter->writer);
    riacho_buffer_done(&rewriter->stored);
    riacho_buffer_done(&rewriter->raw);
    riacho_buffer_done(&rewriter->records);
    riacho_buffer_done(&rewriter->headers);
    rocksdb_writebatch_destroy(rewriter->batch);
}

static void *reserve(riacho_buffer *buffer, size_t count, size_t size)
{
    riacho_buffer_reset(buffer);
    return riacho_buffer_reserve(buffer, count * size);
}

riacho_status riacho_rewriter_read(struct rewriter *rewriter, const struct cursor *cursor,
                                   struct chunk_view *ret_view, riacho_error *err)
{
    const struct database *database = &rewriter->log->database;
    int64_t base;
    riacho_bytes stored;
    riacho_error cause;
    struct chunk_view view = {0};
    RIACHO_TRY(riacho_cursor_get(cursor, &base, &stored, err));
    if (stored.data) {
        if (riacho_chunk_open(stored, &view.head, &cause) != RIACHO_OK)
            return riacho_database_damaged(database, cause.text, err);
        view.records = reserve(&rewriter->records, view.head.count, sizeof *view.records);
        riacho_header *headers =
            reserve(&rewriter->headers, view.head.header_count, sizeof *headers);
        uint8_t *raw = reserve(&rewriter->raw, view.head.raw_bytes, 1);
        if (riacho_chunk_decode(stored, &view.head, raw, view.records, headers, &cause) !=
            RIACHO_OK)
            return riacho_database_damaged(database, cause.text, err);
    }
    *ret_view = view;
    return RIACHO_OK;
}

static void forget(struct rewriter *rewriter)
{
    riacho_chunk_writer_reset(&rewriter->writer);
    rocksdb_writebatch_clear(rewriter->batch);
    rewriter->sources = 0;
    rewriter->changed = false;
    rewriter->tombstones = false;
    rewriter->cleaned_ms = 0;
}

/* Tombstones of several chunks are as old as the youngest of them, and not passed by compaction
 * when one of them is not. */
static void age_tombstones(struct rewriter *rewriter, int64_t cleaned_ms)
{
    if (!rewriter->tombstones)
        rewriter->cleaned_ms = cleaned_ms;
    else if (!cleaned_ms || !rewriter->cleaned_ms)
        rewriter->cleaned_ms = 0;
    else if (cleaned_ms > rewriter->cleaned_ms)
        rewriter->cleaned_ms = cleaned_ms;
    rewriter->tombstones = true;
}

static bool is_full(const struct rewriter *rewriter, const struct chunk_head *more)
{
    const struct chunk_writer *writer = &rewriter->writer;
    return writer->head.count + more->count > RIACHO_FETCH_RECORDS_MAX ||
           writer->raw.size + more->raw_bytes > rewriter->log->chunk_bytes;
}

riacho_status riacho_rewriter_take(struct rewriter *rewriter, const struct chunk_view *view,
                                   size_t kept, int64_t cleaned_ms, riacho_error *err)
{
    if (rewriter->sources && is_full(rewriter, &view->head))
        RIACHO_TRY(riacho_rewriter_flush(rewriter, err));
    riacho_database_delete_chunk(&rewriter->log->database, rewriter->batch,
                                 place_of(rewriter->partition), view->head.base);
    for (size_t i = 0; i < kept; i++)
        riacho_chunk_add(&rewriter->writer, &view->records[i]);
    if (view->head.tombstones)
        age_tombstones(rewriter, cleaned_ms);
    rewriter->sources++;
    rewriter->changed |= rewriter->sources > 1 || kept != view->head.count ||
                         (view->head.tombstones && cleaned_ms != view->head.cleaned_ms);
    return RIACHO_OK;
}

static void put_chunk(struct rewriter *rewriter)
{
    struct chunk_writer *writer = &rewriter->writer;
    uint8_t entry[CHUNK_ENTRY_BYTES];
    writer->head.cleaned_ms = writer->head.tombstones ? rewriter->cleaned_ms : 0;
    riacho_buffer_reset(&rewriter->stored);
    riacho_chunk_finish(writer, &rewriter->stored);
    riacho_chunk_entry_put(&writer->head, entry);
    riacho_database_put_chunk(
        &rewriter->log->database, rewriter->batch, place_of(rewriter->partition), writer->head.base,
        riacho_buffer_bytes(&rewriter->stored), (riacho_bytes){entry, sizeof entry});
}

riacho_status riacho_rewriter_flush(struct rewriter *rewriter, riacho_error *err)
{
    riacho_status status = RIACHO_OK;
    if (rewriter->changed) {
        if (rewriter->writer.head.count)
            put_chunk(rewriter);
        status = riacho_embedded_clean_write(rewriter->log, rewriter->batch,
                                             rewriter->log->reserve_bytes, err);
    }
    forget(rewriter);
    return status;
}
