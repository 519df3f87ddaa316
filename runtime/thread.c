/* SPDX-License-Identifier: MIT
 *
 * thread.c - see thread.h.
 *
 * Fetching goes on until the log has nothing more for any input that has room. After that an input
 * with nothing buffered is known to be caught up, which the choice between inputs needs to know
 * (max.task.idle.ms 0). No clock is read per record: a round reads it a few times.
 */
#include "thread.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "room.h"

int64_t riacho_thread_now_ns(const riacho_thread *thread)
{
    return thread->worker->clock->monotonic_ns(thread->worker->clock);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void make_room(riacho_thread *thread, size_t input_count)
{
    if (thread->run_count == thread->run_capacity) {
        thread->run_capacity = thread->run_capacity * 2 + 8;
        const size_t bytes = thread->run_capacity * sizeof(riacho_run *);
        thread->runs = riacho_memory_resize(thread->runs, bytes);
        thread->due = riacho_memory_resize(thread->due, bytes);
    }
    if (thread->input_count + input_count <= thread->input_capacity)
        return;
    thread->input_capacity = (thread->input_count + input_count) * 2;
    thread->inputs =
        riacho_memory_resize(thread->inputs, thread->input_capacity * sizeof(riacho_input *));
    thread->tags = riacho_memory_resize(thread->tags, thread->input_capacity * sizeof(uint32_t));
}

static uint32_t free_tag(riacho_thread *thread)
{
    for (uint32_t tag = 0; tag < thread->input_count; tag++) {
        if (!thread->inputs[tag])
            return tag;
    }
    return (uint32_t)thread->input_count++;
}

void riacho_thread_add(riacho_thread *thread, riacho_run *run)
{
    make_room(thread, run->input_count);
    thread->runs[thread->run_count++] = run;
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        input->tag = free_tag(thread);
        thread->inputs[input->tag] = input;
    }
}

void riacho_thread_remove(riacho_thread *thread, const riacho_run *run)
{
    for (size_t i = 0; i < run->input_count; i++)
        thread->inputs[run->inputs[i].tag] = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < thread->run_count; i++) {
        if (thread->runs[i] != run)
            thread->runs[kept++] = thread->runs[i];
    }
    assert(kept + 1 == thread->run_count);
    thread->run_count = kept;
}

/* An assignment is one without pauses. */
static void pause_again(riacho_thread *thread)
{
    size_t count = 0;
    for (size_t i = 0; i < thread->input_count; i++) {
        if (thread->inputs[i] && thread->inputs[i]->paused)
            thread->tags[count++] = thread->inputs[i]->tag;
    }
    if (count)
        thread->worker->log->ops->pause(thread->reader, thread->tags, count);
}

riacho_status riacho_thread_assign(riacho_thread *thread, riacho_error *err)
{
    RIACHO_AUTO(heap)
    riacho_log_assignment *assignments =
        riacho_memory_get((thread->input_count + 1) * sizeof *assignments);
    size_t count = 0;
    for (size_t i = 0; i < thread->input_count; i++) {
        const riacho_input *input = thread->inputs[i];
        if (input)
            assignments[count++] = (riacho_log_assignment){
                input->source.topic, input->source.partition, input->fetched, input->tag};
    }
    RIACHO_TRY(thread->worker->log->ops->assign(thread->reader, assignments, count, err));
    pause_again(thread);
    return RIACHO_OK;
}

riacho_status riacho_thread_open(riacho_thread *thread, riacho_error *err)
{
    riacho_log *log = thread->worker->log;
    RIACHO_TRY(log->ops->reader_open(log, &thread->reader, err));
    return riacho_thread_assign(thread, err);
}

void riacho_thread_close(riacho_thread *thread)
{
    if (thread->reader)
        thread->worker->log->ops->reader_close(thread->reader);
    free(thread->runs);
    free(thread->inputs);
    free(thread->tags);
    free(thread->due);
    if (thread->arriving)
        riacho_restored_free(thread->arriving->restored);
    free(thread->arriving);
    *thread = (riacho_thread){0};
}

void riacho_thread_wake(riacho_thread *thread)
{
    if (thread->reader)
        thread->worker->log->ops->reader_wake(thread->reader);
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* A gap is usual in a compacted topic, and where transactions leave marks (there the batch tells);
 * elsewhere retention may have overtaken the task. */
static riacho_status check_gap(const riacho_thread *thread, const riacho_input *input,
                               const riacho_log_batch *batch, riacho_error *err)
{
    const int64_t begins = batch->count ? batch->records[0].offset : batch->next;
    if (begins <= input->fetched || input->source.compacted)
        return RIACHO_OK;
    if (riacho_worker_shares(thread->worker) && !batch->overtaken)
        return RIACHO_OK;
    riacho_log *log = thread->worker->log;
    int64_t first, next;
    RIACHO_TRY(
        log->ops->bounds(log, input->source.topic, input->source.partition, &first, &next, err));
    if (first <= input->fetched)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_FATAL,
                       "%s/%d: offset %lld was removed by retention before it was read; the log "
                       "holds it from offset %lld on: give the topic a longer retention",
                       input->source.topic, (int)input->source.partition, (long long)input->fetched,
                       (long long)first);
}

static riacho_status take_batch(riacho_thread *thread, riacho_log_batch *batch, riacho_error *err)
{
    assert(batch->tag < thread->input_count);
    riacho_log *log = thread->worker->log;
    riacho_input *input = thread->inputs[batch->tag];
    assert(input);
    const riacho_status status = check_gap(thread, input, batch, err);
    if (status != RIACHO_OK) {
        log->ops->batch_free(batch);
        return status;
    }
    input->empty_since_ns = 0;
    if (!batch->count && riacho_worker_shares(thread->worker))
        input->told_end = batch->next;
    riacho_input_push(input, batch);
    if (input->buffered >= RIACHO_FETCH_RECORDS_MAX && !input->paused) {
        input->paused = true;
        log->ops->pause(thread->reader, &input->tag, 1);
    }
    return RIACHO_OK;
}

static void resume_inputs(riacho_thread *thread)
{
    size_t count = 0;
    for (size_t i = 0; i < thread->input_count; i++) {
        riacho_input *input = thread->inputs[i];
        if (!input || !input->paused || input->buffered > RIACHO_FETCH_RECORDS_MAX / 2)
            continue;
        input->paused = false;
        thread->tags[count++] = input->tag;
    }
    if (count)
        thread->worker->log->ops->resume(thread->reader, thread->tags, count);
}

/* Where fetching goes on behind our backs, nothing that came may only mean that it is on its way.
 */
static void wait_for_more(const riacho_thread *thread, riacho_input *input)
{
    const int64_t now = riacho_thread_now_ns(thread);
    if (input->caught_up || input->buffered)
        return;
    if (!input->empty_since_ns)
        input->empty_since_ns = now;
    input->caught_up = input->fetched == input->told_end ||
                       now - input->empty_since_ns >= (int64_t)RIACHO_CATCH_UP_MS * 1000000;
}

/* The log has nothing more. What compaction removed at the end of a replay will never come. */
static void note_caught_up(riacho_thread *thread)
{
    for (size_t i = 0; i < thread->input_count; i++) {
        riacho_input *input = thread->inputs[i];
        if (!input)
            continue;
        if (riacho_worker_shares(thread->worker)) {
            wait_for_more(thread, input);
            continue;
        }
        input->caught_up = true;
        if (input->until != INT64_MAX && input->source.compacted && !input->buffered &&
            input->position < input->until)
            riacho_input_seek(input, input->until);
    }
}

/* Whether what the run has published includes everything it has seen of its inputs. */
static bool is_current(const riacho_run *run)
{
    if (run->dirty || run->sealed || run->replaying || run->rebuilding ||
        run->commit_phase != RIACHO_COMMIT_OPEN)
        return false;
    for (size_t i = 0; i < run->input_count; i++)
        if (run->inputs[i].buffered || run->inputs[i].paused || !run->inputs[i].caught_up)
            return false;
    return true;
}

void riacho_thread_note_current(const riacho_thread *thread, int64_t since_ms)
{
    for (size_t i = 0; i < thread->run_count; i++)
        if (is_current(thread->runs[i]))
            atomic_store(&thread->runs[i]->task->current_ms, since_ms);
}

riacho_status riacho_thread_fetch(riacho_thread *thread, int64_t wait_ms, size_t *ret_batches,
                                  riacho_error *err)
{
    const riacho_log_ops *ops = thread->worker->log->ops;
    resume_inputs(thread);
    if (wait_ms)
        riacho_thread_note_current(thread, INT64_MAX);
    for (*ret_batches = 0;; wait_ms = 0, ++*ret_batches) {
        riacho_log_batch *batch = NULL;
        const riacho_status status = ops->poll(thread->reader, wait_ms, &batch, err);
        thread->looked_ms = thread->worker->clock->now_ms(thread->worker->clock);
        if (*ret_batches == 0)
            riacho_thread_note_current(thread, thread->looked_ms);
        RIACHO_TRY(status);
        if (!batch) {
            note_caught_up(thread);
            return RIACHO_OK;
        }
        RIACHO_TRY(take_batch(thread, batch, err));
    }
}

/* ---- committing ------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How long after the last commit this one is due, for a task that has something left to process or
 * not. */
static int64_t interval_ns(const riacho_run *run, bool idle)
{
    const int64_t forced_ns = run->worker->options.commit_interval_ms * 1000000;
    const int64_t whole_ns = forced_ns ? forced_ns : run->graph->commit_interval_ms * 1000000;
    const int64_t least_ms = riacho_worker_shares(run->worker) ? RIACHO_IDLE_TRANSACTION_GAP_MS
                                                               : RIACHO_IDLE_COMMIT_GAP_MS;
    const int64_t gap_ns = later(least_ms * 1000000, run->commit_ns * RIACHO_IDLE_COMMIT_SHARE);
    if (idle)
        return gap_ns < whole_ns ? gap_ns : whole_ns;
    if (run->rested || forced_ns)
        return whole_ns;
    const int64_t most_ns = (int64_t)RIACHO_BUSY_COMMIT_MS_MAX * 1000000;
    return later(whole_ns * RIACHO_BUSY_COMMIT_FACTOR, earlier(gap_ns, most_ns));
}

int64_t riacho_run_commit_due_ns(const riacho_run *run, bool idle)
{
    if (run->commit_phase != RIACHO_COMMIT_OPEN || run->commit_retry_at_ns)
        return run->commit_retry_at_ns;
    if (riacho_run_replayed(run) || riacho_run_rebuilt(run) || (run->dirty && riacho_run_ripe(run)))
        return 0;
    if (run->dirty && run->leaves == RIACHO_LEAVE_RELEASED)
        return 0;
    if (!run->dirty || run->replaying)
        return INT64_MAX;
    return run->last_commit_ns + interval_ns(run, idle);
}

/* There is nothing left to process, and the log has been asked since: what is only not fetched yet
 * comes with the next round, and is no reason to commit before it. */
static bool is_idle(riacho_run *run, int64_t now)
{
    for (size_t i = 0; i < run->input_count; i++) {
        if (!run->inputs[i].caught_up && !riacho_input_reached(&run->inputs[i]))
            return false;
    }
    return !riacho_run_ready(run, now);
}

static riacho_status commit_due(riacho_thread *thread, riacho_error *err)
{
    size_t count = 0;
    const int64_t now = riacho_thread_now_ns(thread);
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        const bool idle = is_idle(run, now);
        run->rested = run->rested || idle;
        if (riacho_run_commit_due_ns(run, idle) <= now)
            thread->due[count++] = run;
    }
    const riacho_status status = riacho_runs_commit(thread->due, count, err);
    return status == RIACHO_RETRY ? RIACHO_OK : status; /* paused; the others go on */
}

riacho_status riacho_thread_commit_all(riacho_thread *thread, riacho_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        if (run->dirty || run->commit_phase != RIACHO_COMMIT_OPEN)
            thread->due[count++] = run;
    }
    return riacho_runs_commit(thread->due, count, err);
}

void riacho_thread_take_commit_requests(riacho_thread *thread)
{
    const uint64_t requests = atomic_load(&thread->worker->commit_requests);
    if (requests == thread->commit_requests_seen)
        return;
    thread->commit_requests_seen = requests;
    for (size_t i = 0; i < thread->run_count; i++)
        thread->runs[i]->commit_requested |= thread->runs[i]->dirty;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

riacho_status riacho_thread_process(riacho_thread *thread, const riacho_passage *passage,
                                    size_t *ret_count, riacho_error *err)
{
    *ret_count = 0;
    size_t used_bytes = 0;
    for (size_t i = 0; i < thread->run_count; i++)
        used_bytes += riacho_run_bytes(thread->runs[i]);
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        size_t records = 0, punctuators = 0;
        if (run->leaves)
            continue;
        riacho_run_give_room(run, thread, used_bytes);
        used_bytes -= riacho_run_bytes(run);
        const int64_t began_ns = riacho_thread_now_ns(thread);
        RIACHO_TRY(riacho_run_process(run, passage, &records, err));
        RIACHO_TRY(riacho_run_punctuate(run, &punctuators, err));
        riacho_run_measure(run, riacho_thread_now_ns(thread) - began_ns);
        used_bytes += riacho_run_bytes(run);
        *ret_count += records + punctuators;
    }
    riacho_thread_share_room(thread);
    return RIACHO_OK;
}

/* Has records and may process them, perhaps only after a fetch has shown that no other input comes
 * first: the next fetch must not wait. */
static bool has_records(const riacho_run *run, int64_t now)
{
    if (run->commit_phase != RIACHO_COMMIT_OPEN || now < riacho_run_waits_until_ns(run) ||
        run->leaves || riacho_run_full(run))
        return false;
    for (size_t i = 0; i < run->input_count; i++) {
        if (run->inputs[i].buffered && !riacho_input_reached(&run->inputs[i]))
            return true;
    }
    return false;
}

int64_t riacho_thread_idle_ms(riacho_thread *thread)
{
    const int64_t now = riacho_thread_now_ns(thread);
    const int64_t wall_ms = thread->worker->clock->now_ms(thread->worker->clock);
    riacho_thread_share_room(thread);
    int64_t due_ns = now + (int64_t)RIACHO_IDLE_POLL_MS * 1000000;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        if (has_records(run, now)) { /* shared: perhaps another input's end is to be told */
            const bool waits = riacho_worker_shares(run->worker) && !riacho_run_ready(run, now);
            return waits ? RIACHO_CATCH_UP_POLL_MS : 0;
        }
        if (!thread->commits)
            due_ns = earlier(due_ns, riacho_run_commit_due_ns(run, true));
        const int64_t waits_ns = riacho_run_waits_until_ns(run);
        if (waits_ns)
            due_ns = earlier(due_ns, waits_ns);
        const int64_t tick_ms = riacho_chain_next_wall_clock_ms(run->chain);
        if (tick_ms != INT64_MAX && !run->replaying && !run->commit_retry_at_ns)
            due_ns = earlier(due_ns, later(now + (tick_ms - wall_ms) * 1000000,
                                           run->punctuate_again[RIACHO_WALL_CLOCK].at_ns));
    }
    return due_ns <= now ? 0 : (due_ns - now + 999999) / 1000000;
}

/* A poll that came back at once with nothing, although it might have waited (the log in memory),
 * would keep the thread spinning. */
void riacho_thread_rest(const riacho_thread *thread, int64_t began_ns)
{
    enum { AT_ONCE_NS = 100000 };
    if (riacho_thread_now_ns(thread) - began_ns >= AT_ONCE_NS)
        return;
    const struct timespec pause = {.tv_nsec = AT_ONCE_NS * 2};
    nanosleep(&pause, NULL);
}

static bool anything_buffered(const riacho_thread *thread)
{
    for (size_t i = 0; i < thread->input_count; i++) {
        if (thread->inputs[i] && thread->inputs[i]->buffered)
            return true;
    }
    return false;
}

static riacho_status do_round(riacho_thread *thread, riacho_error *err)
{
    static const riacho_passage passage = {.limit = RIACHO_ROUND_RECORDS, .backoff = true};
    const int64_t wait_ms = riacho_thread_idle_ms(thread);
    const int64_t began_ns = riacho_thread_now_ns(thread);
    size_t batches;
    RIACHO_TRY(riacho_thread_fetch(thread, wait_ms, &batches, err));
    if (wait_ms && !anything_buffered(thread))
        riacho_thread_rest(thread, began_ns);
    size_t processed;
    RIACHO_TRY(riacho_thread_process(thread, &passage, &processed, err));
    riacho_thread_take_commit_requests(thread);
    RIACHO_TRY(commit_due(thread, err));
    riacho_thread_note_current(thread, thread->looked_ms);
    return RIACHO_OK;
}

static bool stops(const riacho_thread *thread)
{
    return atomic_load(&thread->worker->stopping) || atomic_load(&thread->worker->crashed);
}

static void *run_thread(void *argument)
{
    riacho_thread *thread = argument;
    riacho_error err = {.text = ""};
    riacho_status status = RIACHO_OK;
    while (status == RIACHO_OK && !stops(thread))
        status = do_round(thread, &err);
    if (status == RIACHO_OK && !atomic_load(&thread->worker->crashed))
        status = riacho_thread_commit_all(thread, &err);
    if (status != RIACHO_OK)
        riacho_worker_end(thread->worker, status, &err);
    return NULL;
}

riacho_status riacho_thread_start(riacho_thread *thread, riacho_error *err)
{
    if (pthread_create(&thread->pthread, NULL, run_thread, thread))
        return riacho_fail(err, RIACHO_FATAL, "cannot start stream thread %zu", thread->index);
    thread->started = true;
    return RIACHO_OK;
}

void riacho_thread_join(riacho_thread *thread)
{
    if (!thread->started)
        return;
    pthread_join(thread->pthread, NULL);
    thread->started = false;
}

/* ---- driving --------------------------------------------------------------------------------- */

/* Commits as `mode` says; what is full commits in any case. ret_count: how many began or went on.
 */
static riacho_status commit_pass(riacho_thread *thread, riacho_drive mode, size_t *ret_count,
                                 riacho_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        const bool must = run->commit_phase != RIACHO_COMMIT_OPEN || run->commit_retry_at_ns ||
                          riacho_run_replayed(run) || riacho_run_rebuilt(run) ||
                          (run->dirty && riacho_run_ripe(run));
        if (must || (run->dirty && mode == RIACHO_DRIVE_COMMIT))
            thread->due[count++] = run;
    }
    *ret_count = count;
    return riacho_runs_commit(thread->due, count, err);
}

riacho_status riacho_thread_drive(riacho_thread *thread, riacho_drive mode, riacho_error *err)
{
    static const riacho_passage passage = {.limit = SIZE_MAX, .backoff = false};
    for (;;) {
        if (atomic_load(&thread->worker->crashed))
            return riacho_fail(err, RIACHO_FATAL, "the worker has stopped");
        size_t batches, processed, committed;
        RIACHO_TRY(riacho_thread_fetch(thread, 0, &batches, err));
        RIACHO_TRY(riacho_thread_process(thread, &passage, &processed, err));
        riacho_thread_take_commit_requests(thread);
        RIACHO_TRY(commit_pass(thread, mode, &committed, err));
        riacho_thread_note_current(thread, thread->looked_ms);
        if (!processed && !committed)
            return RIACHO_OK;
    }
}
