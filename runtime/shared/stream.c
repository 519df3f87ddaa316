/* SPDX-License-Identifier: MIT
 *
 * stream.c - the stream thread on a log that workers share (runtime/thread.h): its tasks come and
 * go, and what they have to commit goes into one transaction, which its committing thread carries
 * out while this one processes on.
 *
 *   box -> outcome -> fetch -> process -> seal       one step of the stream thread
 *                        ^                  |
 *                        |                  v
 *                     (wake) <----- transaction      a step of the committing thread
 *
 * A task leaves when nothing of it is in a transaction: released, it is sealed once more first. A
 * transaction that was aborted or lost takes everything that its tasks have not written with it:
 * their state goes back to the restorer, which finds out where they are. Tasks of the thread that
 * were not in it have only what is on top of a commit of their own, and go on.
 *
 * Threads: the stream thread, but for riacho_thread_commit_step.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "runtime/fault.h"
#include "runtime/publication.h"
#include "runtime/thread.h"
#include "seal.h"
#include "shared.h"

/* ---- tasks that come ------------------------------------------------------------------------- */

static void send_to_restorer(riacho_thread *thread, riacho_task *task)
{
    const riacho_handover restore = {.kind = RIACHO_HANDOVER_RESTORE, .task = task};
    riacho_task_set_state(task, RIACHO_TASK_RESTORING, NULL);
    riacho_box_put(thread->restorer, &restore);
}

/* RIACHO_RETRY: the log could not be asked; the next step tries again. */
static riacho_status arrive(riacho_thread *thread, riacho_error *err)
{
    riacho_handover *arriving = thread->arriving;
    const riacho_status status = riacho_run_resume(arriving->task, arriving->restored, err);
    if (status != RIACHO_OK && status != RIACHO_ABORT)
        return status;
    if (status == RIACHO_ABORT) {
        send_to_restorer(thread, arriving->task);
    } else {
        riacho_thread_add(thread, arriving->task->run);
        thread->reassigns = true;
    }
    riacho_restored_free(arriving->restored);
    free(arriving);
    thread->arriving = NULL;
    return RIACHO_OK;
}

static riacho_run *find_run(const riacho_thread *thread, const riacho_task *task)
{
    for (size_t i = 0; i < thread->run_count; i++) {
        if (thread->runs[i]->task == task)
            return thread->runs[i];
    }
    return NULL;
}

static riacho_status take_handover(riacho_thread *thread, const riacho_handover *handover,
                                   riacho_error *err)
{
    if (handover->kind == RIACHO_HANDOVER_RUN) {
        thread->arriving = riacho_memory_get(sizeof *handover);
        *thread->arriving = *handover;
        return arrive(thread, err);
    }
    riacho_run *run = find_run(thread, handover->task);
    if (!run) { /* it went to the restorer, and the word follows it */
        riacho_box_put(thread->restorer, handover);
        return RIACHO_OK;
    }
    run->leaves =
        handover->kind == RIACHO_HANDOVER_RELEASE ? RIACHO_LEAVE_RELEASED : RIACHO_LEAVE_DROPPED;
    return RIACHO_OK;
}

static riacho_status empty_box(riacho_thread *thread, bool *ret_did, riacho_error *err)
{
    riacho_handover handover;
    riacho_status status = thread->arriving ? arrive(thread, err) : RIACHO_OK;
    while (status == RIACHO_OK && riacho_box_take(thread->box, &handover)) {
        *ret_did = true;
        status = take_handover(thread, &handover, err);
    }
    return status == RIACHO_RETRY ? RIACHO_OK : status;
}

/* ---- tasks that go --------------------------------------------------------------------------- */

static void end_run(riacho_thread *thread, riacho_run *run)
{
    atomic_store(&run->task->current_ms, 0); /* nobody looks for more from now on */
    riacho_thread_remove(thread, run);
    thread->reassigns = true;
    riacho_run_close(run);
}

static void give_back(riacho_thread *thread, riacho_run *run)
{
    const riacho_handover closed = {.kind = RIACHO_HANDOVER_CLOSED, .task = run->task};
    end_run(thread, run);
    riacho_task_close_store(closed.task);
    riacho_box_put(thread->control, &closed);
}

static bool may_go(const riacho_run *run)
{
    if (!run->leaves || run->sealed)
        return false;
    return run->leaves == RIACHO_LEAVE_DROPPED || !run->dirty;
}

static void let_go(riacho_thread *thread, bool *ret_did)
{
    for (size_t i = thread->run_count; i-- > 0;) {
        if (!may_go(thread->runs[i]))
            continue;
        *ret_did = true;
        give_back(thread, thread->runs[i]);
    }
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void send_back(riacho_thread *thread, riacho_run *run)
{
    riacho_task *task = run->task;
    end_run(thread, run);
    send_to_restorer(thread, task);
}

static void drop_sealed(riacho_thread *thread)
{
    for (size_t i = thread->run_count; i-- > 0;) {
        riacho_run *run = thread->runs[i];
        if (!run->sealed)
            continue;
        if (run->leaves)
            give_back(thread, run);
        else
            send_back(thread, run);
    }
    riacho_seal_drop(thread->seal);
}

/* RIACHO_OK: the outcome was acted upon, and the next transaction may come. */
static riacho_status act_upon(riacho_thread *thread, riacho_outcome outcome, riacho_error *err)
{
    if (outcome == RIACHO_OUTCOME_COMMITTED)
        return riacho_seal_write(thread->seal, err);
    drop_sealed(thread);
    return RIACHO_OK;
}

static riacho_status take_outcome(riacho_thread *thread, bool *ret_did, riacho_error *err)
{
    const riacho_outcome outcome = riacho_transaction_outcome(thread->transaction);
    if (outcome == RIACHO_OUTCOME_NONE)
        return RIACHO_OK;
    const riacho_status status = act_upon(thread, outcome, err);
    if (status == RIACHO_RETRY)
        return RIACHO_OK; /* no room for some, which are paused */
    RIACHO_TRY(status);
    riacho_transaction_taken(thread->transaction);
    *ret_did = true;
    return RIACHO_OK;
}

/* ---- sealing --------------------------------------------------------------------------------- */

static bool is_due(riacho_run *run, int64_t now)
{
    const bool idle = !riacho_run_ready(run, now);
    run->rested = run->rested || idle;
    return run->dirty && riacho_run_commit_due_ns(run, idle) <= now;
}

/* What was committed long ago is committed once more. */
static void refresh_positions(riacho_thread *thread)
{
    const int64_t oldest = riacho_thread_now_ns(thread) - (int64_t)RIACHO_REFRESH_MS * 1000000;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        run->dirty = run->dirty || (!run->sealed && run->positions_ns <= oldest);
    }
}

/* All that have something, when one of them is due. */
static size_t choose_due(riacho_thread *thread, int64_t now)
{
    size_t count = 0;
    bool due = false;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        if (run->leaves == RIACHO_LEAVE_DROPPED)
            continue;
        due = is_due(run, now) || due;
        if (run->dirty && run->commit_retry_at_ns <= now)
            thread->due[count++] = run;
    }
    return due ? count : 0;
}

static riacho_status seal_due(riacho_thread *thread, bool *ret_did, riacho_error *err)
{
    thread->commits = !riacho_transaction_ready(thread->transaction);
    const int64_t now = riacho_thread_now_ns(thread);
    const size_t count = thread->commits ? 0 : choose_due(thread, now);
    if (!count)
        return RIACHO_OK;
    riacho_sealed sealed;
    const riacho_status status = riacho_seal_runs(thread->seal, thread->due, count, &sealed, err);
    if (status != RIACHO_RETRY) /* else some wait, and the others are in it */
        RIACHO_TRY(status);
    if (!sealed.position_count)
        return RIACHO_OK;
    for (size_t i = 0; i < thread->run_count; i++)
        thread->runs[i]->last_commit_ns = now; /* transactions keep the gap, whose they are */
    riacho_transaction_start(thread->transaction, &sealed);
    thread->commits = true;
    *ret_did = true;
    return RIACHO_OK;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* Marks of transactions, and records that were aborted, move an input on without a record. That is
 * worth no transaction of our own, which would leave marks for the next task; but who waits for a
 * position must see that it is reached. */
static bool has_passed_marks(const riacho_run *run)
{
    if (run->dirty || run->sealed)
        return false;
    for (size_t i = 0; i < run->input_count; i++) {
        if (run->inputs[i].position > run->positions[i].next)
            return true;
    }
    return false;
}

static void show_positions(riacho_run *run)
{
    for (size_t i = 0; i < run->input_count; i++)
        run->positions[i].next = run->inputs[i].position;
    riacho_run_publish(run, run->host.stream_time_ms);
}

static void show_marks(riacho_thread *thread)
{
    const int64_t gap_ns = (int64_t)RIACHO_IDLE_TRANSACTION_GAP_MS * 1000000;
    const int64_t now = riacho_thread_now_ns(thread);
    const bool may_show = now - thread->marks_shown_ns >= gap_ns;
    thread->marks_wait = false;
    for (size_t i = 0; i < thread->run_count; i++) {
        if (!has_passed_marks(thread->runs[i]))
            continue;
        if (may_show)
            show_positions(thread->runs[i]);
        else
            thread->marks_wait = true;
    }
    if (may_show)
        thread->marks_shown_ns = now;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static riacho_status reassign(riacho_thread *thread, riacho_error *err)
{
    if (!thread->reassigns)
        return RIACHO_OK;
    RIACHO_TRY(riacho_thread_assign(thread, err));
    thread->reassigns = false;
    return RIACHO_OK;
}

/* RIACHO_RETRY: the log cannot be reached now, which is no reason to end. */
static riacho_status fetch(riacho_thread *thread, int64_t wait_ms, bool *ret_did, riacho_error *err)
{
    size_t batches = 0;
    thread->commits = !riacho_transaction_ready(thread->transaction);
    int64_t idle_ms = riacho_thread_idle_ms(thread);
    if (thread->marks_wait && idle_ms > RIACHO_IDLE_TRANSACTION_GAP_MS)
        idle_ms = RIACHO_IDLE_TRANSACTION_GAP_MS;
    riacho_status status = reassign(thread, err);
    if (status == RIACHO_OK)
        status = riacho_thread_fetch(thread, wait_ms < idle_ms ? wait_ms : idle_ms, &batches, err);
    *ret_did = *ret_did || batches;
    return status == RIACHO_RETRY ? RIACHO_OK : status;
}

static riacho_status step(riacho_thread *thread, int64_t wait_ms, bool *ret_did, riacho_error *err)
{
    static const riacho_passage passage = {.limit = RIACHO_ROUND_RECORDS, .backoff = true};
    size_t processed;
    *ret_did = false;
    RIACHO_TRY(empty_box(thread, ret_did, err));
    RIACHO_TRY(take_outcome(thread, ret_did, err));
    RIACHO_TRY(fetch(thread, *ret_did ? 0 : wait_ms, ret_did, err));
    RIACHO_TRY(riacho_thread_process(thread, &passage, &processed, err));
    *ret_did = *ret_did || processed;
    riacho_thread_take_commit_requests(thread);
    let_go(thread, ret_did);
    show_marks(thread);
    riacho_thread_note_current(thread, thread->looked_ms);
    refresh_positions(thread);
    return seal_due(thread, ret_did, err);
}

riacho_status riacho_thread_step(riacho_thread *thread, int64_t wait_ms, bool *ret_did,
                                 riacho_error *err)
{
    if (atomic_load(&thread->worker->crashed))
        return riacho_fail(err, RIACHO_FATAL, "the worker has stopped");
    const riacho_status status = step(thread, wait_ms, ret_did, err);
    if (status == RIACHO_OK || status == RIACHO_FATAL)
        return status;
    const riacho_error cause = *err;
    return riacho_fail(err, RIACHO_FATAL, "%.500s", cause.text);
}

/* ---- the committing thread ------------------------------------------------------------------- */

riacho_status riacho_thread_commit_step(riacho_thread *thread, int64_t wait_ms, bool *ret_did,
                                        riacho_error *err)
{
    riacho_transaction *transaction = thread->transaction;
    RIACHO_TRY(riacho_transaction_step(transaction, wait_ms, ret_did, err));
    if (*ret_did && (riacho_transaction_ready(transaction) ||
                     riacho_transaction_outcome(transaction) != RIACHO_OUTCOME_NONE))
        riacho_thread_wake(thread);
    if (wait_ms)
        riacho_transaction_await(transaction, wait_ms);
    return RIACHO_OK;
}
