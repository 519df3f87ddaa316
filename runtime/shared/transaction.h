/* SPDX-License-Identifier: MIT
 *
 * transaction.h - the transactions of one stream thread, as a machine that makes one call of the
 * broker a step. A thread that waits for the network runs it in a loop; a simulator lets other
 * things happen between any two steps. While it is under way the stream thread processes on.
 *
 *   CLOSED --open,init--> READY --start--> BEGIN -> SEND -> POSITIONS -> END --> done: COMMITTED
 *      ^                                      |        |        |         |
 *      |                                      +--------+--------+---------+
 *      +------- close the producer, then open, init -------------+--> done: ABORTED, LOST
 *
 * A transaction that fails is never aborted by its own producer: an abort leaves marks of the same
 * epoch, behind which a request that is still on its way would be taken, and become part of the
 * next transaction. The init of the next producer of the same id ends it with an epoch of its own,
 * which fences every partition that was in it. For the same reason a producer that saw a sign of
 * trouble is thrown away after a COMMITTED too.
 *
 * LOST says that it may be committed or not; it is one or the other for good by then, because that
 * init has ended it. ABORTED: it is not.
 *
 * Threads: `start`, `outcome` and `taken` by the stream thread, `step` by the committing thread (or
 * both by the one that steps a worker). What is handed over by start belongs to the machine until
 * the outcome is taken.
 */
#pragma once

#include "riacho/port/broker.h"
#include "runtime/worker_private.h"

/* What one transaction holds: everything borrowed until its outcome is taken. */
typedef struct riacho_sealed {
    const riacho_log_append *records; /* outputs, then changes of state, of all tasks */
    size_t record_count;
    const riacho_committed *positions; /* of all inputs of all tasks in it */
    size_t position_count;
    int64_t *ends; /* room for record_count; filled in when COMMITTED */
} riacho_sealed;

typedef enum riacho_outcome {
    RIACHO_OUTCOME_NONE = 0, /* none is under way, or it is not over */
    RIACHO_OUTCOME_COMMITTED,
    RIACHO_OUTCOME_ABORTED,
    RIACHO_OUTCOME_LOST,
} riacho_outcome;

typedef struct riacho_transaction riacho_transaction;

/* `member` may be NULL until the worker has joined (set_member); nothing starts before. */
riacho_transaction *riacho_transaction_new(riacho_worker *worker, const char *producer_id);
void riacho_transaction_set_member(riacho_transaction *transaction, riacho_member *member);
/* Closes the producer without another word to the broker. */
void riacho_transaction_free(riacho_transaction *transaction);

/* Whether one may be started: the producer is ready and no outcome waits to be taken. Any thread.
 */
bool riacho_transaction_ready(const riacho_transaction *transaction);
void riacho_transaction_start(riacho_transaction *transaction, const riacho_sealed *sealed);
/* Any thread. */
riacho_outcome riacho_transaction_outcome(const riacho_transaction *transaction);
/* The outcome was acted upon, and what was sealed may go. */
void riacho_transaction_taken(riacho_transaction *transaction);
/* The next step, waiting at most wait_ms in it. ret_did: false when there is nothing to do before
 * the next start. RIACHO_FATAL: a verdict STOP; err says what a person must do. */
RIACHO_CHECKED riacho_status riacho_transaction_step(riacho_transaction *transaction,
                                                     int64_t wait_ms, bool *ret_did,
                                                     riacho_error *err);
/* Waits until step has something to do, or ends (any thread calls wake). */
void riacho_transaction_await(riacho_transaction *transaction, int64_t wait_ms);
void riacho_transaction_wake(riacho_transaction *transaction);

typedef struct riacho_transaction_counts {
    _Atomic uint64_t committed, aborted, lost, producers; /* producers: opened */
    _Atomic uint64_t nanoseconds;                         /* from start to outcome, summed */
} riacho_transaction_counts;
const riacho_transaction_counts *riacho_transaction_counted(const riacho_transaction *transaction);
