/* SPDX-License-Identifier: MIT
 *
 * protocol.h - the commit protocol as pure data: which step of a commit comes next, and what a
 * restart has to do. Nothing here touches a log or a store; commit.c and open.c carry it out, and
 * docs/commit.md argues why it is right.
 *
 * A commit of a task on a log that takes state first (riacho_log_ops.broker is NULL):
 *
 *              flush            write              append            publish
 *    OPEN ---------> FLUSHED ---------> STATE_WRITTEN ---------> LOGGED ---------> OPEN
 *              |                 |          ^   |   nothing to append  ^
 *              |                 |          |   +----------------------+
 *        BEFORE_COMMIT     STATE_WRITTEN    |        OUTPUTS_WRITTEN        AFTER_COMMIT   (sites)
 *                                        restart
 *                                   with an outbox
 *
 * RIACHO_RETRY from `write` or `append` leaves the phase as it is: the same step is tried again. A
 * log that takes state last (Kafka's transactions) is another order of the same steps, and this is
 * the one place that will know it.
 *
 * Threads: pure functions.
 */
#pragma once

#include "riacho/types.h"

typedef enum riacho_commit_phase {
    RIACHO_COMMIT_OPEN = 0,      /* records may be processed */
    RIACHO_COMMIT_FLUSHED,       /* changes, positions and outputs are complete, in memory */
    RIACHO_COMMIT_STATE_WRITTEN, /* the store has all three */
    RIACHO_COMMIT_LOGGED,        /* the log has the outputs, or there are none */
} riacho_commit_phase;

typedef enum riacho_commit_step {
    RIACHO_STEP_FLUSH,
    RIACHO_STEP_WRITE_STATE,
    RIACHO_STEP_APPEND,
    RIACHO_STEP_PUBLISH,
} riacho_commit_step;

/* The step that leads out of a phase. */
riacho_commit_step riacho_commit_next(riacho_commit_phase phase, size_t output_count);
/* Where it leads to. */
riacho_commit_phase riacho_commit_after(riacho_commit_step step);

/* What a restart finds. */
typedef struct riacho_found {
    uint64_t state_number; /* of the store's last write; 0: it is empty */
    bool replaying;        /* that write was in the middle of a replay */
    bool outbox;           /* that write left outputs */
    uint64_t log_number;   /* the task's last commit that the log has; 0: none */
    bool began;            /* an earlier start of the task is in the log */
    bool rebuilding;       /* that write was in the middle of a rebuild */
} riacho_found;

typedef enum riacho_recovery {
    RIACHO_RECOVERY_NONE = 0, /* go on where the state is */
    RIACHO_RECOVERY_APPEND,   /* the log lacks the outbox: append it, then go on */
    RIACHO_RECOVERY_REPLAY,   /* the state is behind what the log has: read up to the log's
                                 positions, outputs suppressed, then go on */
} riacho_recovery;

/* Commits without outputs are not told to the log, so its number may be any number of commits
 * behind the state's; only the last write can be one with outputs that the log does not have. */
riacho_recovery riacho_recover(const riacho_found *found);

/* Whether there was more state than there is, so that nothing may be shown before all that the log
 * has is in it again. The log's number cannot tell, because commits without outputs are not in it.
 */
bool riacho_rebuilds(const riacho_found *found);
