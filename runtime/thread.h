/* SPDX-License-Identifier: MIT
 *
 * thread.h - a stream thread: one reader of the log and the tasks it feeds.
 *
 * A round: fetch all there is room for; process some records of each task; punctuate; commit what
 * is due. riacho_worker_drive runs the same parts in the caller's thread.
 *
 * When a task commits: at once when its size or a processor or riacho_worker_request_commit asks
 * for it; after the commit interval; and earlier than that when there is nothing left to process,
 * so that a lone event is seen (and goes on through a repartition topic) without waiting for the
 * interval. Such early commits keep apart, by RIACHO_IDLE_COMMIT_GAP_MS and by a multiple of what
 * the last commit took, or a trickle of records would make one fsync each. A task that was busy all
 * through an interval is behind its input, and what it shows is late whatever it does: it commits
 * RIACHO_BUSY_COMMIT_FACTOR times as seldom, so that a key that changed many times is written once
 * (docs/commit.md), and where commits take long more seldom still, up to RIACHO_BUSY_COMMIT_MS_MAX.
 * An interval that the worker was told (riacho_worker_options) is kept to the letter.
 *
 * On a log that workers share (shared/stream.c) all tasks of a thread that have something to commit
 * go into one transaction, which a second thread carries out while this one processes on. Tasks
 * come and go, so a tag of the reader is a place that may be empty.
 *
 * Threads: made and freed by the opening thread; its content belongs to the stream thread between
 * start and join. riacho_thread_wake may be called by any.
 */
#pragma once

#include "run.h"
#include "shared/handover.h"

enum {
    RIACHO_ROUND_RECORDS = 1000, /* of one task, before the next task has its turn */
    RIACHO_IDLE_COMMIT_GAP_MS = 5,
    RIACHO_IDLE_TRANSACTION_GAP_MS = 20, /* the same on a log that workers share */
    RIACHO_IDLE_COMMIT_SHARE = 9,        /* at least so many times what the last commit took */
    RIACHO_BUSY_COMMIT_FACTOR = 10,
    RIACHO_BUSY_COMMIT_MS_MAX = 10000, /* how far apart costly commits may come to lie */
    /* On a log that workers share a poll without a batch does not say that there is nothing: an
     * input counts as caught up when its end was told, or after this time. */
    RIACHO_CATCH_UP_MS = 50,
    RIACHO_CATCH_UP_POLL_MS = 5,
    RIACHO_IDLE_POLL_MS = 500, /* longest sleep of a thread with nothing to do */
    /* So old the positions of an idle task may get. Brokers forget a position some days after it
     * was committed (offsets.retention.minutes), even while the group is alive: its members
     * subscribe to the topic of leases, and to no input. */
    RIACHO_REFRESH_MS = 60 * 60 * 1000,
};

typedef struct riacho_thread {
    riacho_worker *worker;
    size_t index;
    riacho_log_reader *reader;
    riacho_run **runs;
    size_t run_count;
    riacho_run **due;      /* room for all: those that commit now */
    riacho_input **inputs; /* by tag; NULL: it is free */
    size_t input_count;
    uint32_t *tags; /* room for all, for pause and resume */
    size_t run_capacity, input_capacity;
    uint64_t commit_requests_seen;
    int64_t looked_ms; /* when the log was last asked for more; wall clock */
    pthread_t pthread;
    bool started;

    /* On a log that workers share; else NULL. worker.c makes all of them before riacho_thread_open
     * and frees them after riacho_thread_close. */
    struct riacho_box *box;      /* shared/handover.h: what comes to the thread */
    struct riacho_box *restorer; /* where tasks of a transaction that failed go */
    struct riacho_box *control;  /* where closed tasks go */
    struct riacho_transaction *transaction;
    struct riacho_seal *seal;
    riacho_handover *arriving; /* a task whose run could not be made yet; NULL: none */
    bool reassigns;            /* the reader is to be told of runs that came or went */
    bool commits;              /* no transaction may be started now */
    int64_t marks_shown_ns;    /* stream.c: positions that only marks of transactions moved */
    bool marks_wait;
} riacho_thread;

/* Opens the reader and assigns every input of the runs, which are in place. */
RIACHO_CHECKED riacho_status riacho_thread_open(riacho_thread *thread, riacho_error *err);
void riacho_thread_close(riacho_thread *thread);
/* On a log of one process: runs rounds in a thread of its own until the worker stops. What it ends
 * with by itself goes to the worker (riacho_worker_end). */
RIACHO_CHECKED riacho_status riacho_thread_start(riacho_thread *thread, riacho_error *err);
void riacho_thread_wake(riacho_thread *thread);
/* Waits until it has ended; fine when it was never started. */
void riacho_thread_join(riacho_thread *thread);

/* In the caller's thread: processes until nothing is left to do. */
RIACHO_CHECKED riacho_status riacho_thread_drive(riacho_thread *thread, riacho_drive commit,
                                                 riacho_error *err);
/* Commits every task that has something to commit: at the end. RIACHO_RETRY: one found no room. */
RIACHO_CHECKED riacho_status riacho_thread_commit_all(riacho_thread *thread, riacho_error *err);

/* On a log that workers share: tasks come and go through the thread's box (RUN, RELEASE, DROP), and
 * one step is one round: the box, an outcome, fetch, process, punctuate, seal what is due. It waits
 * at most wait_ms, in the fetch. ret_did: whether there was something to do. */
RIACHO_CHECKED riacho_status riacho_thread_step(riacho_thread *thread, int64_t wait_ms,
                                                bool *ret_did, riacho_error *err);

/* One step of its transaction, by the committing thread (or the one that steps a worker): wakes the
 * stream thread when that may go on. Waits at most wait_ms in the call that it makes, and, when
 * there is nothing to call, as long for something. */
RIACHO_CHECKED riacho_status riacho_thread_commit_step(riacho_thread *thread, int64_t wait_ms,
                                                       bool *ret_did, riacho_error *err);

/* ---- the parts of a round -------------------------------------------------------------------- */

int64_t riacho_thread_now_ns(const riacho_thread *thread);
/* A run comes or goes; the reader is told by riacho_thread_assign. */
void riacho_thread_add(riacho_thread *thread, riacho_run *run);
void riacho_thread_remove(riacho_thread *thread, const riacho_run *run);
RIACHO_CHECKED riacho_status riacho_thread_assign(riacho_thread *thread, riacho_error *err);
/* Takes everything the log has and there is room for; waits up to wait_ms for the first batch. */
RIACHO_CHECKED riacho_status riacho_thread_fetch(riacho_thread *thread, int64_t wait_ms,
                                                 size_t *ret_batches, riacho_error *err);
/* Tells readers since when the runs that are current have been (worker_private.h); INT64_MAX while
 * the thread sleeps until there is more. Fetching does so by itself; after a commit it is worth
 * telling again. */
void riacho_thread_note_current(const riacho_thread *thread, int64_t since_ms);
/* Records and punctuators of all runs; ret_count: how many. */
RIACHO_CHECKED riacho_status riacho_thread_process(riacho_thread *thread,
                                                   const riacho_passage *passage, size_t *ret_count,
                                                   riacho_error *err);
void riacho_thread_take_commit_requests(riacho_thread *thread);
/* When the run must commit at the latest, as its thread has something left to process or not. */
int64_t riacho_run_commit_due_ns(const riacho_run *run, bool idle);
/* How long the next fetch may wait: not at all while a task has records, else until the first thing
 * that is due by time. */
int64_t riacho_thread_idle_ms(riacho_thread *thread);
/* Behind a fetch that might have waited since began_ns and brought nothing. */
void riacho_thread_rest(const riacho_thread *thread, int64_t began_ns);

/* worker.c: the worker ends with this status, the first one given; every thread stops without a
 * commit when it is RIACHO_FATAL. */
void riacho_worker_end(riacho_worker *worker, riacho_status status, const riacho_error *reason);
