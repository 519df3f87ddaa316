/* SPDX-License-Identifier: MIT
 *
 * restoring.h - one task on its way up to its changelogs, as a machine that makes one call of the
 * log or the store a move.
 *
 *   active    OPEN -> COMMITTED -> ENDS -> REPLAY -> DONE: to its thread
 *               ^                   |
 *               +-- stale: aside ---+
 *   standby   OPEN -> ENDS -> REPLAY, for ever; beside it, about once a second:
 *                             COMMITTED -> ENDS -> applied up to there: written and shown
 *
 * A standby that becomes active goes on from COMMITTED with its store open.
 *
 * Threads: the restorer's.
 */
#pragma once

#include "changelog.h"
#include "handover.h"
#include "latest.h"

enum {
    RIACHO_STANDBY_WRITE_BYTES = 4 * 1024 * 1024, /* of changes, before they are written */
    /* As many times a store is loaded with as much as fits into memory before it is told up to
     * where: what a restore that is broken off has to read again. */
    RIACHO_LOADS_OF_WRITE = 16,
    RIACHO_STANDBY_SHOW_MS = 1000,
    /* delete.retention.ms of the changelogs: for so long a deletion can be read. */
    RIACHO_TOMBSTONE_MS = 24 * 60 * 60 * 1000,
};

typedef enum riacho_restore_phase {
    RIACHO_RESTORE_OPEN = 0,
    RIACHO_RESTORE_COMMITTED, /* asks what the group has committed */
    RIACHO_RESTORE_ENDS,      /* asks for the changelogs' ends, one a move */
    RIACHO_RESTORE_REPLAY,    /* reads; `restoring_take` */
    RIACHO_RESTORE_DONE,      /* the last write */
} riacho_restore_phase;

typedef struct riacho_restoring {
    riacho_task *task;
    bool is_standby;
    riacho_restore_phase phase;
    int64_t due_ns; /* the next move, not before */
    bool waits;     /* and its task says why */

    riacho_arena *arena;          /* of all below, from OPEN on */
    riacho_changelogs changelogs; /* next: behind what is applied or waits to be */
    int64_t *began;               /* of each changelog: where this restore began */
    int64_t *ends;                /* up to where it must go */
    size_t asked;                 /* ENDS: changelogs whose end is known */
    bool is_reading;              /* has gone through OPEN and ENDS once */
    uint64_t number;              /* of the last write, as are: */
    int64_t stream_time_ms;
    riacho_bytes progress;
    riacho_buffer noted;         /* progress, since a note was taken: a standby takes many */
    int64_t complete_ms;         /* wall clock of when the state had everything; 0: not known */
    int64_t asked_ms;            /* wall clock of when the ends were asked for */
    riacho_arena *asking;        /* of committed */
    riacho_committed *committed; /* of task->inputs; NULL: not known yet */
    uint64_t applied;            /* changes, since OPEN */
    bool doubted;                /* changes without a position: asked for the position once more */

    riacho_latest *latest; /* changes that wait to be written */
    uint64_t room_bytes;   /* for them */
    unsigned loads;        /* of the store since its last write */
    bool is_new;           /* the store has never been told a position */
    bool dirty;            /* positions went on, perhaps without changes */
} riacho_restoring;

riacho_restoring *riacho_restoring_new(riacho_task *task);
void riacho_restoring_free(riacho_restoring *restoring);
/* From a standby to the active task. */
RIACHO_CHECKED riacho_status riacho_restoring_promote(riacho_restoring *restoring,
                                                      riacho_error *err);

/* The next move of any phase but REPLAY, or of a standby's round beside it. RIACHO_RETRY: it waits
 * for something; due_ns says when to ask again. */
RIACHO_CHECKED riacho_status riacho_restoring_move(riacho_restoring *restoring, int64_t wait_ms,
                                                   riacho_error *err);
/* Whether a move is due. */
bool riacho_restoring_due(const riacho_restoring *restoring, int64_t now_ns);
/* Takes a batch of changelog `index`. */
RIACHO_CHECKED riacho_status riacho_restoring_take(riacho_restoring *restoring, size_t index,
                                                   riacho_log_batch *batch, riacho_error *err);
/* Writes what waits. RIACHO_RETRY: no room on the disk. */
RIACHO_CHECKED riacho_status riacho_restoring_write(riacho_restoring *restoring, riacho_error *err);
/* Enough waits to be written: nothing more is to be taken before. */
bool riacho_restoring_full(const riacho_restoring *restoring);
/* Everything up to the ends is here (written or not). */
bool riacho_restoring_reached(const riacho_restoring *restoring);
/* What its thread begins with; restoring is DONE, and has nothing of it afterwards. */
riacho_restored *riacho_restoring_result(riacho_restoring *restoring);
