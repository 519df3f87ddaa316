/* SPDX-License-Identifier: MIT
 *
 * run.h - the stream thread's side of a task: its inputs, its chain of operators, its uncommitted
 * changes and outputs, and where it is in the commit protocol.
 *
 *   open.c     opens the store, finds out what a restart has to do, makes the run
 *   process.c  records into changes and outputs; error policies; punctuators
 *   commit.c   changes, positions and outputs into the store and the log; shows them to readers
 *
 * On a log that workers share, shared/seal.c commits instead of commit.c, and a run is opened by
 * riacho_run_resume.
 *
 * Invariants
 *   1 Between two records the overlay, the outbox, the chain's notes and the inputs' positions say
 *     the same: everything of every record below the positions, and nothing of any other.
 *   2 Records are processed only while commit_phase is RIACHO_COMMIT_OPEN.
 *   3 Nothing of the batch arena is used after the record, punctuator or flush it was made for.
 *
 * Threads: belongs to one stream thread (the opening thread before that starts, the closing thread
 * after it ended).
 */
#pragma once

#include "input.h"
#include "operators/operators.h"
#include "outbox.h"
#include "protocol.h"
#include "refusal.h"
#include "shared/changelog.h"
#include "shared/handover.h"
#include "worker_private.h"

/* What is not a record and asked to be tried again: a flush, or the punctuators of one kind. */
typedef struct riacho_again {
    uint32_t attempts; /* that failed */
    int64_t at_ns;     /* not before; 0: nothing waits */
} riacho_again;

/* Whether the run is to end, as soon as no transaction under way has something of it. */
typedef enum riacho_leave {
    RIACHO_LEAVE_NOT = 0,
    RIACHO_LEAVE_RELEASED, /* and everything it has is committed */
    RIACHO_LEAVE_DROPPED,
} riacho_leave;

typedef struct riacho_run {
    riacho_host host; /* first: output() is given its address */
    riacho_task *task;
    riacho_worker *worker;
    const riacho_graph *graph;
    riacho_chain *chain;
    riacho_error error; /* where the chain puts causes */

    riacho_input *inputs; /* one for each of task->inputs */
    size_t input_count;
    riacho_position *positions; /* of the inputs */
    int64_t *partition_time_ms; /* of positions, for the meta */
    size_t position_count;      /* the inputs' */
    riacho_position *ends;      /* of task->hops */
    int32_t *first_hop; /* by topic of the graph: RIACHO_NONE, or the hop of its partition 0 */
    uint32_t turn;      /* chooses partitions for outputs without a key */

    riacho_outbox outbox;
    bool outbox_recovered; /* found in the store: its topics are those of another start */
    bool output_refused;   /* a limit refused an output of the record in hand */

    riacho_commit_phase commit_phase;
    uint64_t number;           /* of the last commit */
    int64_t commit_started_ns; /* of the commit under way */
    int64_t commit_ns;         /* what the last one took */
    int64_t last_commit_ns;
    int64_t commit_retry_at_ns; /* of one that found no room, or whose flush waits; else 0 */
    int64_t commit_backoff_ms;
    bool commit_requested;
    uint64_t room_bytes; /* room.h, as is: */
    bool gives_room;
    bool dirty;  /* there is something to commit */
    bool rested; /* since the last commit there was a moment with nothing left to process */
    uint64_t uncommitted_records;
    riacho_buffer progress;
    riacho_arena *commit_arena; /* of one append, as are: */
    riacho_outbox_read appending;
    int64_t *append_ends;

    bool replaying;         /* reading up to inputs[i].until, outputs suppressed */
    uint64_t replay_number; /* the commit that ends it */
    bool rebuilding;        /* reading up to inputs[i].shown_from, nothing shown */

    /* On a log that workers share (shared/seal.h). */
    riacho_changelogs changelogs; /* their positions lie behind those of the inputs */
    riacho_arena *names;          /* of the changelogs */
    riacho_outbox sealed_outbox;  /* of the transaction under way; empty when none is */
    bool sealed;                  /* something is set apart that is not written yet */
    int64_t positions_ns;         /* when they were last set apart, or taken over */
    riacho_leave leaves;

    /* Its state is PAUSED until the record in hand, or the punctuators of stream time, can be
     * decoded (pause.c). */
    bool codec_waits;
    riacho_input *in_hand; /* its head waits for another attempt; NULL: none does */
    uint32_t attempts;     /* that failed */
    int64_t attempt_at_ns; /* not before; 0: at once */
    riacho_again flush_again;
    /* By riacho_punctuation. No record is processed while those of stream time wait. */
    riacho_again punctuate_again[2];
} riacho_run;

/* Bounds of one commit beside its room (room.h). A commit's outputs are one append: their number is
 * bounded by RIACHO_APPEND_RECORDS_MAX, with room for what a flush adds. A flush cannot stop half
 * way, because what it has yet to forward is kept in memory only; a change that it forwards may
 * become several outputs. */
enum {
    RIACHO_COMMIT_RECORDS_MAX = 200000,
    RIACHO_COMMIT_OUTPUTS_MAX = 50000,
    RIACHO_COMMIT_PENDING_MAX = 20000,
    RIACHO_COMMIT_OUTPUT_BYTES_MAX = 32 * 1024 * 1024,
};

/* ---- open.c ---------------------------------------------------------------------------------- */

/* Opens the task's store and makes sure that it and the log know the task as this topology has it;
 * nothing is written. RIACHO_REJECT: the topology was edited. */
RIACHO_CHECKED riacho_status riacho_task_check(riacho_task *task, riacho_error *err);
/* Recovers a task that was checked: afterwards it continues where it was, or replays, or has an
 * outbox to append (commit_phase tells). The task then has chain, run, history, and a publication
 * unless it replays or rebuilds. */
RIACHO_CHECKED riacho_status riacho_run_open(riacho_task *task, riacho_error *err);
/* Makes the run of a task that was restored (shared/restore.h): it goes on at the positions that
 * the group has committed, or begins. RIACHO_RETRY: the log cannot be asked now; there is no run.
 * RIACHO_ABORT: nor is there one, because the group has gone on since; restore it again. */
RIACHO_CHECKED riacho_status riacho_run_resume(riacho_task *task, const riacho_restored *restored,
                                               riacho_error *err);
/* Frees everything of the run; the store stays open, nothing is written. NULL is fine. */
void riacho_run_close(riacho_run *run);
/* An empty outbox that names this topology's topics. */
void riacho_run_renew_outbox(riacho_run *run);

/* ---- process.c ------------------------------------------------------------------------------- */

/* Fills in what the chain needs of its task, but for overlay and batch arena. */
void riacho_run_host(riacho_run *run);

typedef struct riacho_passage {
    size_t limit; /* records at most */
    /* false: an attempt that is not due yet is made all the same, because time does not pass by
     * itself (riacho_worker_drive). */
    bool backoff;
} riacho_passage;

/* Processes records in the order of their timestamps until the limit, or until it has to wait: for
 * a fetch, for an attempt, for a commit. ret_count: how many. RIACHO_FATAL ends the worker. */
RIACHO_CHECKED riacho_status riacho_run_process(riacho_run *run, const riacho_passage *passage,
                                                size_t *ret_count, riacho_error *err);
/* Calls the wall-clock punctuators that are due; ret_count: 1 when there were some. */
RIACHO_CHECKED riacho_status riacho_run_punctuate(riacho_run *run, size_t *ret_count,
                                                  riacho_error *err);
/* Before when process may not go on, because a commit, an attempt or a punctuator waits; 0: none
 * does. */
int64_t riacho_run_waits_until_ns(const riacho_run *run);
/* Whether process would do something now (as far as is known without fetching). */
bool riacho_run_ready(riacho_run *run, int64_t now_ns);
/* All inputs of a replay have reached their ends. */
bool riacho_run_replayed(const riacho_run *run);
/* All inputs of a rebuild have reached what the log had when it began, and no replay goes on. */
bool riacho_run_rebuilt(const riacho_run *run);
/* Brings the task's gauges up to date, and adds to its busy time. */
void riacho_run_measure(riacho_run *run, int64_t busy_ns);
/* A flush, with what a caching store cannot forward refused as the error policies say.
 * RIACHO_RETRY: a step below asked to be tried again later; nothing was forwarded. */
RIACHO_CHECKED riacho_status riacho_run_flush(riacho_run *run, riacho_error *err);

/* ---- pause.c --------------------------------------------------------------------------------- */

/* A codec waits (codec.h): the task is PAUSED, with the reason, until the wait ends. */
void riacho_run_await_codec(riacho_run *run, const char *reason);
/* Nothing when it does not wait. */
void riacho_run_end_wait(riacho_run *run);

/* ---- commit.c -------------------------------------------------------------------------------- */

/* A commit is due for its size or because it was asked for, not because of time. */
bool riacho_run_ripe(const riacho_run *run);
/* Nothing more may be processed before a commit. On a log that workers share that is later than a
 * commit is due, because processing goes on while a transaction is under way. */
bool riacho_run_full(const riacho_run *run);
/* Carries the commits of several tasks of one thread to their ends, from wherever each is: every
 * one by itself writes its state, then one call of the log appends the outputs of all, then every
 * one is shown to readers. RIACHO_RETRY: there was no room for some, or a flush has to wait; these
 * are paused, and the same step is tried again by the next call; err tells of the last. */
RIACHO_CHECKED riacho_status riacho_runs_commit(riacho_run *const *runs, size_t count,
                                                riacho_error *err);

/* What both kinds of commit are made of. */

/* Flushes, and writes down where the inputs are: positions and partition_time_ms are the commit's
 * from here on. */
RIACHO_CHECKED riacho_status riacho_run_gather(riacho_run *run, riacho_error *err);
/* Into run->progress. */
void riacho_run_write_progress(riacho_run *run);
/* What a step of a commit gave: RIACHO_RETRY has paused the task; anything else that is not OK ends
 * the worker. */
RIACHO_CHECKED riacho_status riacho_run_take_status(riacho_run *run, riacho_status status,
                                                    riacho_error *err);
/* After a pause, and after a replay. */
void riacho_run_settle(riacho_run *run);
/* Outputs go to partitions that this task chose, so their ends tell how far each hop was written.
 */
void riacho_run_note_ends(riacho_run *run, const riacho_outbox_read *outputs, const int64_t *ends);
/* Shows the store as it is, with the run's positions, ends and number. */
void riacho_run_publish(riacho_run *run, int64_t stream_time_ms);
/* Counts and times a commit, and shows it to readers unless the state is not all there yet. */
typedef struct riacho_shown {
    int64_t stream_time_ms;
    size_t output_count;
} riacho_shown;
void riacho_run_show(riacho_run *run, const riacho_shown *shown);
/* The commit has everything: nothing is dirty from here on. */
void riacho_run_clean(riacho_run *run);
/* Of a commit that was found in the store it is not known how far it wrote: the present ends of all
 * hops are far enough. */
RIACHO_CHECKED riacho_status riacho_run_note_present_ends(riacho_run *run, riacho_error *err);
