/* SPDX-License-Identifier: MIT
 *
 * embedded_merge.c - makes full chunks of the small ones that single appends leave behind, so that
 * a replay reads few large values.
 *
 * Neighbouring small chunks form a run. A run is merged when the next chunk would not fit in with
 * it any more, when a full chunk comes next, or when it has RUN_CHUNKS_MAX chunks. What is left at
 * the end waits for more.
 *
 * Threads: the holder of clean_lock.
 */
#include "embedded.h"

#include "base/limits.h"
#include "base/macros.h"
#include "rewrite.h"

enum { RUN_CHUNKS_MAX = 64 };

struct run {
    int64_t base; /* of its first chunk */
    size_t chunks;
    uint64_t records;
    uint64_t bytes;
};

static bool is_small(const struct embedded *log, const struct chunk_head *head)
{
    return head->raw_bytes < log->chunk_bytes / 2 && head->count < RIACHO_FETCH_RECORDS_MAX / 2;
}

static bool run_takes(const struct embedded *log, const struct run *run,
                      const struct chunk_head *head)
{
    return run->records + head->count <= RIACHO_FETCH_RECORDS_MAX &&
           run->bytes + head->raw_bytes <= log->chunk_bytes;
}

static void run_add(struct run *run, const struct chunk_head *head)
{
    if (!run->chunks)
        run->base = head->base;
    run->chunks++;
    run->records += head->count;
    run->bytes += head->raw_bytes;
}

/* Merges the run, if there is something to merge, and empties it. */
static riacho_status run_close(struct embedded *log, struct partition *partition, struct run *run,
                               riacho_error *err)
{
    const struct run closed = *run;
    *run = (struct run){0};
    if (closed.chunks < 2)
        return RIACHO_OK;
    RIACHO_AUTO(rewriter) struct rewriter rewriter;
    riacho_rewriter_init(&rewriter, log, partition);
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_CHUNKS, place_of(partition));
    riacho_cursor_find(&cursor, closed.base);
    for (size_t i = 0; i < closed.chunks; i++, riacho_cursor_next(&cursor)) {
        struct chunk_view view;
        RIACHO_TRY(riacho_rewriter_read(&rewriter, &cursor, &view, err));
        if (!view.head.count)
            return riacho_database_damaged(&log->database, "the index names a missing chunk", err);
        RIACHO_TRY(
            riacho_rewriter_take(&rewriter, &view, view.head.count, view.head.cleaned_ms, err));
    }
    return riacho_rewriter_flush(&rewriter, err);
}

riacho_status riacho_embedded_merge(struct embedded *log, struct partition *partition,
                                    riacho_error *err)
{
    const int64_t limit = atomic_load(&partition->next);
    atomic_store(&partition->small, 0);
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    riacho_cursor_find(&cursor, partition->merged_to);
    struct run run = {0};
    int64_t unfinished = -1; /* where chunks begin that a later merge may add to */
    for (;; riacho_cursor_next(&cursor)) {
        struct chunk_head head;
        bool there;
        RIACHO_TRY(riacho_embedded_entry(log, &cursor, limit, &head, &there, err));
        if (!there)
            break;
        const bool small = is_small(log, &head);
        if (!small || !run_takes(log, &run, &head)) {
            RIACHO_TRY(run_close(log, partition, &run, err));
            unfinished = -1;
        }
        if (!small)
            continue;
        run_add(&run, &head);
        if (unfinished < 0)
            unfinished = run.base;
        if (run.chunks == RUN_CHUNKS_MAX)
            RIACHO_TRY(run_close(log, partition, &run, err));
    }
    partition->merged_to = unfinished < 0 ? limit : unfinished;
    return RIACHO_OK;
}
