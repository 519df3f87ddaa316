/* SPDX-License-Identifier: MIT
 *
 * commit.c - carries out the steps of protocol.h for one task, and holds what they have in common
 * with a commit on a log that workers share (shared/seal.c).
 *
 * What each step leaves behind, and what a restart then does, is the table in docs/commit.md. The
 * fault sites lie between the steps.
 */
#include "run.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "fault.h"
#include "progress.h"
#include "publication.h"
#include "room.h"

enum { BACKOFF_MS_MIN = 50, BACKOFF_MS_MAX = 5000 };

const double riacho_commit_bucket_seconds[RIACHO_COMMIT_BUCKETS - 1] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5};

/* Whether the run has reached an n-th of what one commit may hold. */
static bool holds(const riacho_run *run, unsigned parts)
{
    return run->uncommitted_records >= RIACHO_COMMIT_RECORDS_MAX / parts ||
           run->outbox.count >= RIACHO_COMMIT_OUTPUTS_MAX / parts ||
           run->outbox.bytes.size >= RIACHO_COMMIT_OUTPUT_BYTES_MAX / parts ||
           riacho_chain_pending(run->chain) >= RIACHO_COMMIT_PENDING_MAX / parts;
}

/* What has nothing to commit goes on: that alone can change it. */
static bool has_room(const riacho_run *run)
{
    const size_t bytes = riacho_run_bytes(run);
    return !run->dirty || !bytes || bytes < run->room_bytes;
}

/* The half of what fits, where the other half can fill up while the first is on its way. */
bool riacho_run_ripe(const riacho_run *run)
{
    return run->commit_requested || run->gives_room ||
           holds(run, riacho_worker_shares(run->worker) ? 2 : 1);
}

bool riacho_run_full(const riacho_run *run)
{
    return !has_room(run) || holds(run, 1) ||
           (run->commit_requested && !riacho_worker_shares(run->worker));
}

/* ---- the steps ------------------------------------------------------------------------------- */

riacho_status riacho_run_gather(riacho_run *run, riacho_error *err)
{
    riacho_clock *clock = run->worker->clock;
    run->commit_started_ns = clock->monotonic_ns(clock);
    RIACHO_TRY(riacho_run_flush(run, err));
    if (run->outbox.count > RIACHO_APPEND_RECORDS_MAX ||
        run->outbox.bytes.size > RIACHO_APPEND_BYTES_MAX)
        return riacho_fail(err, RIACHO_FATAL,
                           "task %s: one commit has %zu outputs of %zu bytes together, over %d "
                           "outputs or %d bytes: a record forwards too many",
                           run->task->log_name, run->outbox.count, run->outbox.bytes.size,
                           RIACHO_APPEND_RECORDS_MAX, RIACHO_APPEND_BYTES_MAX);
    for (size_t i = 0; i < run->input_count; i++) {
        run->positions[i].next = run->inputs[i].position;
        run->partition_time_ms[i] = run->inputs[i].partition_time_ms;
    }
    return riacho_fault_at(run->worker, RIACHO_SITE_BEFORE_COMMIT, err);
}

/* A replay has the number of the commit that it leads to from its first write on; `replaying` says
 * whether it is there. */
static uint64_t next_number(const riacho_run *run)
{
    return run->replaying ? run->replay_number : run->number + 1;
}

void riacho_run_write_progress(riacho_run *run)
{
    RIACHO_AUTO(buffer) riacho_buffer chain = {0};
    riacho_clock *clock = run->worker->clock;
    riacho_chain_save(run->chain, &chain);
    const riacho_progress progress = {
        .graph_hash = run->graph->hash,
        .replaying = run->replaying && !riacho_run_replayed(run),
        .rebuilding = run->rebuilding && !riacho_run_rebuilt(run),
        .written_ms = riacho_worker_shares(run->worker) ? clock->now_ms(clock) : 0,
        .partition_time_ms = run->partition_time_ms,
        .partition_count = run->position_count,
        .chain = riacho_buffer_bytes(&chain),
    };
    riacho_buffer_reset(&run->progress);
    riacho_progress_write(&progress, &run->progress);
}

static riacho_status write_state(riacho_run *run, riacho_error *err)
{
    riacho_run_write_progress(run);
    const riacho_commit_meta meta = {
        .number = next_number(run),
        .positions = run->positions,
        .position_count = run->position_count,
        .stream_time_ms = run->host.stream_time_ms,
        .outbox = riacho_outbox_bytes(&run->outbox),
        .progress = riacho_buffer_bytes(&run->progress),
    };
    RIACHO_TRY(riacho_overlay_commit(run->host.overlay, &meta, err));
    run->number = meta.number;
    return riacho_fault_at(run->worker, RIACHO_SITE_STATE_WRITTEN, err);
}

void riacho_run_note_ends(riacho_run *run, const riacho_outbox_read *outputs, const int64_t *ends)
{
    for (size_t i = 0; i < outputs->count; i++) {
        const int32_t first = run->first_hop[outputs->topics[i]];
        if (first == RIACHO_NONE)
            continue;
        riacho_position *hop = &run->ends[first + outputs->appends[i].partition];
        if (ends[i] > hop->next)
            hop->next = ends[i];
    }
}

riacho_status riacho_run_note_present_ends(riacho_run *run, riacho_error *err)
{
    riacho_log *log = run->worker->log;
    for (size_t i = 0; i < run->task->hop_count; i++) {
        int64_t first;
        RIACHO_TRY(log->ops->bounds(log, run->ends[i].topic, run->ends[i].partition, &first,
                                    &run->ends[i].next, err));
    }
    return RIACHO_OK;
}

/* What the outbox holds, as a commit for the log; in the run's commit arena. */
static riacho_status prepare_append(riacho_run *run, riacho_log_commit *ret_commit,
                                    riacho_error *err)
{
    riacho_arena_reset(run->commit_arena);
    RIACHO_TRY(riacho_outbox_parse(riacho_outbox_bytes(&run->outbox), run->commit_arena,
                                   &run->appending, err));
    run->append_ends =
        riacho_alloc_zero(run->commit_arena, run->appending.count, sizeof *run->append_ends);
    *ret_commit = (riacho_log_commit){
        .task = run->task->log_name,
        .number = run->number,
        .positions = run->positions,
        .position_count = run->position_count,
        .outputs = run->appending.appends,
        .output_count = run->appending.count,
    };
    return RIACHO_OK;
}

static riacho_status end_append(riacho_run *run, riacho_error *err)
{
    if (run->outbox_recovered)
        RIACHO_TRY(riacho_run_note_present_ends(run, err));
    else
        riacho_run_note_ends(run, &run->appending, run->append_ends);
    run->commit_phase = riacho_commit_after(RIACHO_STEP_APPEND);
    return riacho_fault_at(run->worker, RIACHO_SITE_OUTPUTS_WRITTEN, err);
}

static void add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static void measure(riacho_run *run, int64_t now_ns, size_t output_count)
{
    riacho_task_counters *counters = &run->task->counters;
    const double seconds = (double)(now_ns - run->commit_started_ns) / 1e9;
    size_t bucket = 0;
    while (bucket < RIACHO_COMMIT_BUCKETS - 1 && seconds > riacho_commit_bucket_seconds[bucket])
        bucket++;
    add(&counters->commit_seconds[bucket], 1);
    add(&counters->commit_ns, (uint64_t)(now_ns - run->commit_started_ns));
    add(&counters->commits, 1);
    add(&counters->outputs, output_count);
}

static void end_replay(riacho_run *run)
{
    run->replaying = false;
    for (size_t i = 0; i < run->input_count; i++)
        run->inputs[i].until = INT64_MAX;
    riacho_trace(RIACHO_INFO, "outputs go on where the log has the last", "task",
                 run->task->log_name, NULL);
}

static void end_rebuild(riacho_run *run)
{
    run->rebuilding = false;
    riacho_trace(RIACHO_INFO, "state rebuilt from the log", "task", run->task->log_name, NULL);
}

void riacho_run_publish(riacho_run *run, int64_t stream_time_ms)
{
    const riacho_publish published = {
        .number = run->number,
        .stream_time_ms = stream_time_ms,
        .positions = run->positions,
        .ends = run->ends,
    };
    riacho_task_publish(run->task, &published);
}

void riacho_run_show(riacho_run *run, const riacho_shown *shown)
{
    riacho_clock *clock = run->worker->clock;
    measure(run, clock->monotonic_ns(clock), shown->output_count);
    if (!run->replaying && !run->rebuilding)
        riacho_run_publish(run, shown->stream_time_ms);
}

void riacho_run_clean(riacho_run *run)
{
    run->commit_requested = run->gives_room = false;
    run->uncommitted_records = 0;
    run->dirty = false;
    run->rested = false;
}

/* The outbox is forgotten here; the next write of state overwrites it in the store. */
static riacho_status publish(riacho_run *run, riacho_error *err)
{
    riacho_clock *clock = run->worker->clock;
    run->last_commit_ns = clock->monotonic_ns(clock);
    run->commit_ns = run->last_commit_ns - run->commit_started_ns;
    if (riacho_run_rebuilt(run))
        end_rebuild(run);
    if (riacho_run_replayed(run))
        end_replay(run);
    const riacho_shown shown = {run->host.stream_time_ms, run->outbox.count};
    riacho_run_show(run, &shown);
    if (run->outbox_recovered)
        riacho_run_renew_outbox(run);
    else
        riacho_outbox_reset(&run->outbox);
    riacho_arena_reset(run->commit_arena);
    riacho_run_clean(run);
    return riacho_fault_at(run->worker, RIACHO_SITE_AFTER_COMMIT, err);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static void pause_input(riacho_run *run, const char *reason)
{
    riacho_clock *clock = run->worker->clock;
    run->commit_backoff_ms = run->commit_backoff_ms ? run->commit_backoff_ms * 2 : BACKOFF_MS_MIN;
    if (run->commit_backoff_ms > BACKOFF_MS_MAX)
        run->commit_backoff_ms = BACKOFF_MS_MAX;
    run->commit_retry_at_ns = clock->monotonic_ns(clock) + run->commit_backoff_ms * 1000000;
    if (atomic_load(&run->task->state) != RIACHO_TASK_PAUSED)
        riacho_trace(RIACHO_WARN, "input paused", "task", run->task->log_name, "reason", reason,
                     NULL);
    riacho_task_set_state(run->task, RIACHO_TASK_PAUSED, reason);
}

void riacho_run_settle(riacho_run *run)
{
    const bool recovering = run->replaying || run->rebuilding;
    const riacho_task_state state = recovering ? RIACHO_TASK_RECOVERING : RIACHO_TASK_RUNNING;
    const riacho_task_state before = atomic_load(&run->task->state);
    run->commit_backoff_ms = 0;
    run->commit_retry_at_ns = 0;
    if (before == state || run->codec_waits) /* which keeps it paused, whatever is committed */
        return;
    if (before == RIACHO_TASK_PAUSED)
        riacho_trace(RIACHO_INFO, "input resumed", "task", run->task->log_name, NULL);
    riacho_task_set_state(run->task, state, NULL);
}

riacho_status riacho_run_take_status(riacho_run *run, riacho_status status, riacho_error *err)
{
    if (status == RIACHO_RETRY)
        pause_input(run, err->text);
    if (status != RIACHO_REJECT && status != RIACHO_ABORT)
        return status;
    const riacho_error cause = *err;
    return riacho_fail(err, RIACHO_FATAL, "task %s cannot commit: %.400s", run->task->log_name,
                       cause.text);
}

static riacho_status take_step(riacho_run *run, riacho_commit_step step, riacho_error *err)
{
    if (atomic_load(&run->worker->crashed))
        return riacho_fail(err, RIACHO_FATAL, "the worker has stopped");
    switch (step) {
    case RIACHO_STEP_FLUSH:
        return riacho_run_gather(run, err);
    case RIACHO_STEP_WRITE_STATE:
        return write_state(run, err);
    case RIACHO_STEP_PUBLISH:
        return publish(run, err);
    case RIACHO_STEP_APPEND:
        break;
    }
    assert(0 && "a step of one task alone");
    return RIACHO_FATAL;
}

/* Goes on to the end of the commit, or to the append, which several tasks take together. */
static riacho_status advance(riacho_run *run, riacho_error *err)
{
    for (;;) {
        const riacho_commit_step step = riacho_commit_next(run->commit_phase, run->outbox.count);
        if (step == RIACHO_STEP_APPEND)
            return RIACHO_OK;
        RIACHO_TRY(riacho_run_take_status(run, take_step(run, step, err), err));
        run->commit_phase = riacho_commit_after(step);
        if (step == RIACHO_STEP_PUBLISH)
            break;
    }
    riacho_run_settle(run);
    return RIACHO_OK;
}

static bool appends_next(const riacho_run *run)
{
    return run->commit_phase == RIACHO_COMMIT_STATE_WRITTEN && run->outbox.count;
}

/* One call of the log for all of them: what it writes down together costs one fsync. */
static riacho_status append_together(riacho_run *const *runs, size_t count, riacho_error *err)
{
    RIACHO_AUTO(heap) riacho_log_commit *commits = riacho_memory_get(count * sizeof *commits);
    RIACHO_AUTO(heap) int64_t **ends = riacho_memory_get(count * sizeof *ends);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (!appends_next(runs[i]))
            continue;
        RIACHO_TRY(
            riacho_run_take_status(runs[i], prepare_append(runs[i], &commits[used], err), err));
        ends[used++] = runs[i]->append_ends;
    }
    riacho_log *log = runs[0]->worker->log;
    const riacho_status status =
        used ? log->ops->commit_all(log, commits, used, ends, err) : RIACHO_OK;
    for (size_t i = 0; i < count; i++) {
        if (!appends_next(runs[i]))
            continue;
        if (status != RIACHO_RETRY)
            RIACHO_TRY(riacho_run_take_status(runs[i], status, err));
        else
            pause_input(runs[i], err->text);
        if (status == RIACHO_OK)
            RIACHO_TRY(end_append(runs[i], err));
    }
    return status;
}

riacho_status riacho_runs_commit(riacho_run *const *runs, size_t count, riacho_error *err)
{
    riacho_status worst = RIACHO_OK;
    if (!count)
        return RIACHO_OK;
    for (size_t i = 0; i < count; i++) {
        const riacho_status status = advance(runs[i], err);
        if (status == RIACHO_RETRY)
            worst = RIACHO_RETRY;
        else
            RIACHO_TRY(status);
    }
    const riacho_status status = append_together(runs, count, err);
    if (status == RIACHO_RETRY)
        worst = RIACHO_RETRY;
    else
        RIACHO_TRY(status);
    for (size_t i = 0; i < count; i++) {
        if (runs[i]->commit_phase == RIACHO_COMMIT_LOGGED)
            RIACHO_TRY(advance(runs[i], err));
    }
    return worst;
}
