/* SPDX-License-Identifier: MIT
 *
 * changelog.h - the topics that hold every change of state on a log that workers share: one topic
 * a store, "<topology>-<store>-changelog", compacted, with one partition for each task of the
 * store's sub-topology. The state of a task is the fold of its changelog partitions.
 *
 * A record is one key of the store as the store keeps it, with the value, or without one when the
 * key was deleted; one record a changed key a commit. Deleted ranges are resolved into their keys
 * before they come here.
 *
 * Threads: pure functions.
 */
#pragma once

#include "runtime/worker_private.h"

/* The name, for the life of the arena. */
const char *riacho_changelog_name(const riacho_graph *graph, int32_t store, riacho_arena *arena);
/* Creates what is missing, or checks partitions and cleanup: of every store of the deployment. */
RIACHO_CHECKED riacho_status riacho_changelogs_ensure(riacho_deployment *deployment,
                                                      riacho_error *err);

/* The changelog partitions of one task, one for each space of its store, in that order. */
typedef struct riacho_changelogs {
    riacho_position *positions; /* next: behind the last change that the store has */
    size_t count;
} riacho_changelogs;

/* In the arena; positions from the store's last commit, 0 where it knows none. */
riacho_changelogs riacho_changelogs_of(const riacho_task *task, const riacho_commit_meta *meta,
                                       riacho_arena *arena);
/* A change as a record for the log, borrowing its bytes. */
riacho_log_append riacho_changelog_append(const riacho_changelogs *changelogs,
                                          const riacho_change *change, int64_t timestamp_ms);
/* And back: borrowing the record's bytes. RIACHO_REJECT: a record without a key, which none of ours
 * is. */
RIACHO_CHECKED riacho_status riacho_changelog_change(uint32_t space,
                                                     const riacho_log_record *record,
                                                     riacho_change *ret_change, riacho_error *err);

/* ---- the note beside a committed position ---------------------------------------------------- */

/* What a task must know to go on, beside state and positions, kept in the note of the position of
 * its first input (port/broker.h): number of the commit, stream time, progress (progress.h). */
typedef struct riacho_note {
    uint64_t number;
    int64_t stream_time_ms;
    riacho_bytes progress;
} riacho_note;

void riacho_note_write(const riacho_note *note, riacho_buffer *out);
/* Absent, or of a version that is not known: a note of number 0, without progress. */
riacho_note riacho_note_read(riacho_bytes bytes);
