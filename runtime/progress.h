/* SPDX-License-Identifier: MIT
 *
 * progress.h - what the runtime keeps of a task in riacho_commit_meta.progress, beside positions
 * and stream time.
 *
 * Threads: pure functions.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_progress {
    uint64_t graph_hash; /* of the topology that wrote; 0: not known */
    bool replaying;      /* written in the middle of a replay */
    bool rebuilding;     /* written before all was there again */
    /* Wall clock of the write, on a log that workers share: state that is older than changelogs
     * keep their deletions cannot be brought forward. 0: not known. */
    int64_t written_ms;
    const int64_t *partition_time_ms; /* one for each position of the same commit */
    size_t partition_count;
    riacho_bytes chain; /* riacho_chain_save */
} riacho_progress;

void riacho_progress_write(const riacho_progress *progress, riacho_buffer *out);
/* Points into bytes and the arena. Bytes that are absent, or of a version that is not known, are
 * no progress at all: the times start anew and state and positions are not touched. */
void riacho_progress_read(riacho_bytes bytes, riacho_arena *arena, riacho_progress *ret_progress);
