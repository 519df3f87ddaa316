/* SPDX-License-Identifier: MIT
 *
 * rewrite.h - replaces neighbouring chunks of one partition by others that hold the same records or
 * fewer. Merging and compaction are made of it.
 *
 * Invariants:
 * 1. Old chunks go and the new one comes in one batch, so a reader (or a crash) sees either.
 * 2. A chunk that would come back as it was is not written.
 * 3. Offsets stay.
 *
 * Threads: the holder of clean_lock.
 */
#pragma once

#include "embedded.h"

/* A chunk taken apart; borrowed from the rewriter until the next one. */
struct chunk_view {
    struct chunk_head head;
    riacho_log_record *records; /* head.count; the caller may move those to keep to the front */
};

struct rewriter {
    struct embedded *log;
    struct partition *partition;
    struct chunk_writer writer;
    rocksdb_writebatch_t *batch;
    size_t sources;     /* chunks that the batch deletes */
    bool changed;       /* something else than one chunk as it was */
    bool tombstones;    /* some of the sources have tombstones ... */
    int64_t cleaned_ms; /* ... which compaction has passed then; 0: not all of them */
    riacho_buffer stored;
    riacho_buffer raw; /* of the view */
    riacho_buffer records;
    riacho_buffer headers;
};

void riacho_rewriter_init(struct rewriter *rewriter, struct embedded *log,
                          struct partition *partition);
void riacho_rewriter_done(struct rewriter *rewriter);

/* Takes apart the chunk that the cursor is at; ret_view->head.count is 0 at the end. */
RIACHO_CHECKED riacho_status riacho_rewriter_read(struct rewriter *rewriter,
                                                  const struct cursor *cursor,
                                                  struct chunk_view *ret_view, riacho_error *err);
/* The chunk will go; its first `kept` records live on in the next chunk that is written. cleaned_ms
 * is when compaction passed its tombstones, 0: not yet. */
RIACHO_CHECKED riacho_status riacho_rewriter_take(struct rewriter *rewriter,
                                                  const struct chunk_view *view, size_t kept,
                                                  int64_t cleaned_ms, riacho_error *err);
/* Writes what was taken. RIACHO_RETRY: no room on the disk, and everything is as it was. */
RIACHO_CHECKED riacho_status riacho_rewriter_flush(struct rewriter *rewriter, riacho_error *err);

static inline void riacho_auto_rewriter(struct rewriter *rewriter)
{
    riacho_rewriter_done(rewriter);
}
