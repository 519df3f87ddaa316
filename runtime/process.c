/* SPDX-License-Identifier: MIT
 *
 * process.c - records into changes and outputs: the choice of the next record, one record as a
 * unit, what becomes of one that is refused, and punctuators.
 *
 * One record is a unit: before it the chain, the overlay and the outbox are marked, and if any step
 * refuses it all three go back to the mark. The batch arena is reset after each unit.
 */
#include "run.h"

#include <assert.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/macros.h"
#include "base/trace.h"
#include "fault.h"

static void count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

/* ---- outputs --------------------------------------------------------------------------------- */

static riacho_status check_headers(const char *topic, riacho_headers headers, riacho_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < headers.count; i++) {
        if (!headers.items[i].name.data)
            return riacho_fail(err, RIACHO_REJECT, "topic '%s' takes no header without a name",
                               topic);
        bytes += headers.items[i].name.size + headers.items[i].value.size;
    }
    if (headers.count > RIACHO_HEADERS_MAX || bytes > RIACHO_HEADERS_BYTES_MAX)
        return riacho_fail(
            err, RIACHO_REJECT, "topic '%s' takes %d headers of %d bytes together, not %zu of %zu",
            topic, RIACHO_HEADERS_MAX, RIACHO_HEADERS_BYTES_MAX, headers.count, bytes);
    return RIACHO_OK;
}

/* What the log would refuse is refused here, where it is still one record's fault: a commit must
 * not fail for what is in it. */
static riacho_status check_output(const riacho_run *run, const riacho_output *output)
{
    const char *topic = run->graph->topics[output->topic].name;
    riacho_error *err = run->host.error;
    if (output->key.size > RIACHO_KEY_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "topic '%s' takes keys of %d bytes, not %zu", topic,
                           RIACHO_KEY_BYTES_MAX, output->key.size);
    if (output->value.size > RIACHO_VALUE_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "topic '%s' takes values of %d bytes, not %zu",
                           topic, RIACHO_VALUE_BYTES_MAX, output->value.size);
    if (!output->key.data &&
        run->task->deployment->cleanups[output->topic] == RIACHO_CLEANUP_COMPACT)
        return riacho_fail(err, RIACHO_REJECT, "topic '%s' is compacted and takes no null keys",
                           topic);
    if (output->partition >= run->task->deployment->partitions[output->topic])
        return riacho_fail(err, RIACHO_REJECT, "topic '%s' has no partition %d", topic,
                           (int)output->partition);
    return check_headers(topic, output->headers, err);
}

/* Chosen here and not by the log, so that the history knows where an output goes. */
static int32_t choose_partition(riacho_run *run, int32_t topic, int32_t wanted, riacho_bytes key)
{
    const int32_t partitions = run->task->deployment->partitions[topic];
    if (wanted >= 0)
        return wanted;
    if (key.data)
        return riacho_partition_of(key, partitions);
    return (int32_t)(run->turn++ % (uint32_t)partitions);
}

static riacho_status take_output(riacho_host *host, const riacho_output *output)
{
    riacho_run *run = (riacho_run *)host;
    const riacho_status status = check_output(run, output);
    if (status != RIACHO_OK) {
        run->output_refused = true;
        return status; /* in a replay too: the record is refused as it was then */
    }
    if (run->replaying)
        return RIACHO_OK; /* the log has it */
    const riacho_log_record record = {
        .timestamp_ms = output->timestamp_ms,
        .key = output->key,
        .value = output->value,
        .headers = output->headers,
    };
    riacho_outbox_add(&run->outbox, (uint32_t)output->topic,
                      choose_partition(run, output->topic, output->partition, output->key),
                      &record);
    return RIACHO_OK;
}

static void take_commit_request(riacho_host *host)
{
    ((riacho_run *)host)->commit_requested = true;
}

void riacho_run_host(riacho_run *run)
{
    run->host.output = take_output;
    run->host.request_commit = take_commit_request;
    run->host.error = &run->error;
    run->host.clock = run->worker->clock;
    run->host.task_name = run->task->name;
    run->host.stream_time_ms = INT64_MIN;
}

/* ---- units ----------------------------------------------------------------------------------- */

static riacho_outbox_mark begin_unit(riacho_run *run)
{
    riacho_chain_mark(run->chain);
    riacho_overlay_savepoint(run->host.overlay);
    run->error.text[0] = 0;
    run->output_refused = false;
    run->host.last_attempt = false;
    run->host.codec_waits = false;
    return riacho_outbox_position(&run->outbox);
}

static void undo_unit(riacho_run *run, riacho_outbox_mark mark)
{
    riacho_overlay_undo(run->host.overlay);
    riacho_chain_undo(run->chain);
    riacho_outbox_undo(&run->outbox, mark);
}

/* ---- waiting for a schema -------------------------------------------------------------------- */

static int64_t in_ms(const riacho_run *run, int64_t backoff_ms)
{
    riacho_clock *clock = run->worker->clock;
    return clock->monotonic_ns(clock) + backoff_ms * 1000000;
}

/* A step that went on without what it could not read has made something else of the record than it
 * should: its word does not count. */
static riacho_status unless_codec_waits(const riacho_run *run, riacho_status status)
{
    return run->host.codec_waits && status != RIACHO_FATAL ? RIACHO_RETRY : status;
}

/* ---- units that are no record ---------------------------------------------------------------- */

static riacho_status stop_at(const riacho_run *run, const char *what, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "task %s, %s: %.400s", run->task->log_name, what,
                       run->error.text);
}

/* A unit that is no record. The chain must know before whether it has one more attempt. */
static riacho_outbox_mark begin_outside(riacho_run *run, riacho_again *again)
{
    const riacho_outbox_mark mark = begin_unit(run);
    int64_t backoff_ms;
    again->at_ns = 0;
    run->host.source = (riacho_source){0};
    run->host.last_attempt =
        riacho_refusal_action(&run->graph->on_process, RIACHO_RETRY, again->attempts + 1,
                              &backoff_ms) != RIACHO_ON_ERROR_RETRY;
    return mark;
}

/* What a punctuator or a flush could not do has no record that could become a dead letter: it is
 * traced and left out, or it ends the worker. Only RIACHO_RETRY is tried again (again->at_ns tells
 * when), because the chain passes over what was rejected. */
static riacho_status refuse_outside(riacho_run *run, riacho_again *again, riacho_status status,
                                    const char *what, riacho_error *err)
{
    if (status != RIACHO_REJECT && status != RIACHO_RETRY)
        return stop_at(run, what, err);
    if (run->host.codec_waits) {
        again->at_ns = in_ms(run, RIACHO_CODEC_BACKOFF_MS);
        return RIACHO_OK;
    }
    const bool rejected = status == RIACHO_REJECT;
    const riacho_error_policy *policy =
        riacho_refusal_policy(run->graph, rejected && run->output_refused ? RIACHO_REFUSED_PRODUCE
                                                                          : RIACHO_REFUSED_PROCESS);
    const uint32_t attempts = rejected ? UINT32_MAX : ++again->attempts;
    int64_t backoff_ms = 0;
    switch (riacho_refusal_action(policy, status, attempts, &backoff_ms)) {
    case RIACHO_ON_ERROR_RETRY:
        again->at_ns = in_ms(run, backoff_ms);
        count(&run->task->counters.retries, 1);
        return RIACHO_OK;
    case RIACHO_ON_ERROR_STOP:
        return stop_at(run, what, err);
    case RIACHO_ON_ERROR_DEAD_LETTER:
    case RIACHO_ON_ERROR_SKIP:
        break;
    }
    again->attempts = 0;
    count(&run->task->counters.refused, 1);
    riacho_trace(RIACHO_WARN, "refused outside of a record, left out", "task", run->task->log_name,
                 "where", what, "reason", run->error.text, NULL);
    return RIACHO_OK;
}

/* Each round leaves out one punctuator more, or ends with an attempt for later. */
static riacho_status punctuate(riacho_run *run, riacho_punctuation kind, int64_t at_ms,
                               riacho_error *err)
{
    riacho_again *again = &run->punctuate_again[kind];
    for (;;) {
        const riacho_outbox_mark mark = begin_outside(run, again);
        const riacho_status status =
            unless_codec_waits(run, riacho_chain_punctuate(run->chain, kind, at_ms));
        if (status != RIACHO_OK)
            undo_unit(run, mark);
        riacho_arena_reset(run->host.batch);
        if (status == RIACHO_OK) {
            again->attempts = 0;
            if (kind == RIACHO_STREAM_TIME)
                riacho_run_end_wait(run);
            return RIACHO_OK;
        }
        RIACHO_TRY(refuse_outside(run, again, status, "punctuator", err));
        if (kind == RIACHO_STREAM_TIME && run->host.codec_waits)
            riacho_run_await_codec(run, run->error.text);
        if (again->at_ns)
            return RIACHO_OK;
    }
}

riacho_status riacho_run_punctuate(riacho_run *run, size_t *ret_count, riacho_error *err)
{
    riacho_clock *clock = run->worker->clock;
    *ret_count = 0;
    if (run->replaying || run->commit_phase != RIACHO_COMMIT_OPEN || run->commit_retry_at_ns)
        return RIACHO_OK;
    const int64_t due_ms = riacho_chain_next_wall_clock_ms(run->chain);
    if (due_ms == INT64_MAX)
        return RIACHO_OK;
    const int64_t now_ms = clock->now_ms(clock);
    if (now_ms < due_ms)
        return RIACHO_OK;
    const int64_t again_ns = run->punctuate_again[RIACHO_WALL_CLOCK].at_ns;
    if (again_ns && clock->monotonic_ns(clock) < again_ns)
        return RIACHO_OK;
    run->dirty = true;
    *ret_count = 1;
    return punctuate(run, RIACHO_WALL_CLOCK, now_ms, err);
}

riacho_status riacho_run_flush(riacho_run *run, riacho_error *err)
{
    riacho_again *again = &run->flush_again;
    for (;;) {
        const riacho_outbox_mark mark = begin_outside(run, again);
        const riacho_status status = unless_codec_waits(run, riacho_chain_flush(run->chain));
        riacho_arena_reset(run->host.batch);
        if (status == RIACHO_OK) {
            again->attempts = 0;
            return RIACHO_OK;
        }
        undo_unit(run, mark);
        RIACHO_TRY(refuse_outside(run, again, status, "flush", err));
        if (again->at_ns)
            return riacho_fail(err, RIACHO_RETRY, "flush: %.400s", run->error.text);
    }
}

/* ---- refused records ------------------------------------------------------------------------- */

static void put_dead_letter(riacho_run *run, const riacho_refusal *refusal, int32_t topic,
                            const riacho_log_record *record)
{
    if (run->replaying)
        return;
    const riacho_log_record letter = riacho_refusal_dead_letter(refusal, record, run->host.batch);
    riacho_outbox_add(&run->outbox, (uint32_t)topic, choose_partition(run, topic, -1, letter.key),
                      &letter);
    count(&run->task->counters.dead_letters, 1);
}

/* Powers of two only: a topic full of bad records does not become a trace full of them. */
static void trace_refused(const riacho_run *run, const riacho_refusal *refusal, int64_t offset,
                          const char *what)
{
    const uint64_t refused =
        atomic_load_explicit(&run->task->counters.refused, memory_order_relaxed);
    if (refused & (refused - 1))
        return;
    char place[64], so_far[32];
    snprintf(place, sizeof place, "%d:%lld", (int)refusal->partition, (long long)offset);
    snprintf(so_far, sizeof so_far, "%llu", (unsigned long long)refused);
    riacho_trace(RIACHO_WARN, what, "task", run->task->log_name, "topic", refusal->topic,
                 "position", place, "reason", refusal->reason, "refused_so_far", so_far, NULL);
}

static riacho_status stop_for(const riacho_run *run, const riacho_refusal *refusal, int64_t offset,
                              riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL,
                       "task %s stopped, as its topology says, at %s/%d:%lld: %.350s",
                       run->task->log_name, refusal->topic, (int)refusal->partition,
                       (long long)offset, refusal->reason);
}

static void attempt_later(riacho_run *run, int64_t backoff_ms)
{
    run->attempt_at_ns = in_ms(run, backoff_ms);
    count(&run->task->counters.retries, 1);
}

/* The attempt failed and is undone. ret_done: the record is dealt with; else it is tried again. */
static riacho_status refuse(riacho_run *run, riacho_input *input, const riacho_refusal *refusal,
                            bool *ret_done, riacho_error *err)
{
    const riacho_log_record *record = riacho_input_raw(input);
    const riacho_error_policy *policy = riacho_refusal_policy(run->graph, refusal->kind);
    int64_t backoff_ms = 0;
    run->in_hand = input;
    *ret_done = false;
    if (run->host.codec_waits || riacho_input_waits(input)) {
        riacho_run_await_codec(run, refusal->reason);
        attempt_later(run, RIACHO_CODEC_BACKOFF_MS);
        return RIACHO_OK;
    }
    riacho_run_end_wait(run);
    *ret_done = true;
    switch (riacho_refusal_action(policy, refusal->status, ++run->attempts, &backoff_ms)) {
    case RIACHO_ON_ERROR_RETRY:
        attempt_later(run, backoff_ms);
        *ret_done = false;
        return RIACHO_OK;
    case RIACHO_ON_ERROR_STOP:
        return stop_for(run, refusal, record->offset, err);
    case RIACHO_ON_ERROR_DEAD_LETTER:
        assert(policy->topic != RIACHO_NONE);
        count(&run->task->counters.refused, 1);
        put_dead_letter(run, refusal, policy->topic, record);
        trace_refused(run, refusal, record->offset, "refused, to the dead letters");
        return RIACHO_OK;
    case RIACHO_ON_ERROR_SKIP:
        count(&run->task->counters.refused, 1);
        trace_refused(run, refusal, record->offset, "refused and skipped");
        return RIACHO_OK;
    }
    return RIACHO_OK;
}

/* ---- one record ------------------------------------------------------------------------------ */

static riacho_status refuse_head(riacho_run *run, riacho_input *input, bool *ret_done,
                                 riacho_error *err)
{
    run->host.codec_waits = false; /* that was another unit's */
    const riacho_refusal refusal = {
        .kind = RIACHO_REFUSED_DESERIALIZE,
        .status = input->head_status,
        .reason = input->head_error.text,
        .topic = input->source.topic,
        .partition = input->source.partition,
    };
    if (input->head_status == RIACHO_ABORT || input->head_status == RIACHO_FATAL)
        return stop_for(run, &refusal, riacho_input_raw(input)->offset, err);
    RIACHO_TRY(refuse(run, input, &refusal, ret_done, err));
    if (!*ret_done && !run->codec_waits)
        riacho_input_again(input);
    return RIACHO_OK;
}

/* The head that could not be decoded when it was peeked at is decoded now. When that works the
 * choice is open again, because only now its time is known. */
static bool decode_at_last(riacho_run *run, riacho_input *input)
{
    if (!riacho_input_waits(input))
        return false;
    riacho_input_again(input);
    if (input->head != RIACHO_HEAD_READY)
        return false;
    riacho_run_end_wait(run);
    run->in_hand = NULL;
    run->attempt_at_ns = 0;
    return true;
}

static riacho_status refuse_record(riacho_run *run, riacho_input *input, riacho_status status,
                                   bool *ret_done, riacho_error *err)
{
    const riacho_error reason = run->error; /* the chain's memory is written again below */
    const riacho_refusal refusal = {
        .kind = run->output_refused ? RIACHO_REFUSED_PRODUCE : RIACHO_REFUSED_PROCESS,
        .status = status,
        .reason = reason.text,
        .step = riacho_chain_blamed(run->chain),
        .topic = input->source.topic,
        .partition = input->source.partition,
    };
    if (status == RIACHO_ABORT || status == RIACHO_FATAL)
        return stop_for(run, &refusal, riacho_input_raw(input)->offset, err);
    return refuse(run, input, &refusal, ret_done, err);
}

static riacho_status process_record(riacho_run *run, riacho_input *input, bool *ret_done,
                                    riacho_error *err)
{
    riacho_host *host = &run->host;
    const int64_t time_before_ms = host->stream_time_ms;
    const bool time_moves = input->record.timestamp_ms > time_before_ms;
    if (time_moves)
        host->stream_time_ms = input->record.timestamp_ms;
    host->source = (riacho_source){input->source.topic, input->source.partition,
                                   riacho_input_raw(input)->offset};
    const riacho_outbox_mark mark = begin_unit(run);
    const riacho_status status = unless_codec_waits(
        run, riacho_chain_process(run->chain, input->source.node, &input->record));
    if (status != RIACHO_OK) {
        undo_unit(run, mark);
        RIACHO_TRY(refuse_record(run, input, status, ret_done, err));
        if (!*ret_done) { /* nobody has seen it yet: time moves with the attempt that ends it */
            host->stream_time_ms = time_before_ms;
            return RIACHO_OK;
        }
    }
    *ret_done = true;
    riacho_arena_reset(host->batch);
    return time_moves ? punctuate(run, RIACHO_STREAM_TIME, host->stream_time_ms, err) : RIACHO_OK;
}

static riacho_status process_head(riacho_run *run, riacho_input *input, bool *ret_done,
                                  riacho_error *err)
{
    if (decode_at_last(run, input))
        return RIACHO_OK;
    if (input->head == RIACHO_HEAD_READY)
        RIACHO_TRY(process_record(run, input, ret_done, err));
    else
        RIACHO_TRY(refuse_head(run, input, ret_done, err));
    if (!*ret_done)
        return RIACHO_OK;
    riacho_arena_reset(run->host.batch);
    riacho_input_drop(input);
    if (!run->punctuate_again[RIACHO_STREAM_TIME].at_ns)
        riacho_run_end_wait(run);
    run->in_hand = NULL;
    run->attempts = 0;
    run->attempt_at_ns = 0;
    run->dirty = true;
    run->uncommitted_records++;
    return riacho_fault_at(run->worker, RIACHO_SITE_RECORD, err);
}

/* ---- the choice ------------------------------------------------------------------------------ */

/* The input whose head has the smallest timestamp, the first of equals, or one whose head cannot be
 * decoded yet; NULL when there is none, or when an input with nothing buffered may have records
 * that the log has and nobody fetched yet. */
static riacho_input *choose(riacho_run *run)
{
    riacho_input *chosen = NULL;
    if (run->in_hand)
        return run->in_hand;
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        riacho_input_peek(input);
        if (input->head == RIACHO_HEAD_NONE) {
            if (!riacho_input_reached(input) && (run->replaying || !input->caught_up))
                return NULL;
            continue;
        }
        if (riacho_input_waits(input))
            return input; /* its time is not known, so nothing may overtake it */
        if (!chosen || input->record.timestamp_ms < chosen->record.timestamp_ms)
            chosen = input;
    }
    return chosen;
}

int64_t riacho_run_waits_until_ns(const riacho_run *run)
{
    const int64_t tick_at_ns = run->punctuate_again[RIACHO_STREAM_TIME].at_ns;
    if (run->commit_retry_at_ns)
        return run->commit_retry_at_ns;
    return run->attempt_at_ns > tick_at_ns ? run->attempt_at_ns : tick_at_ns;
}

bool riacho_run_ready(riacho_run *run, int64_t now_ns)
{
    return run->commit_phase == RIACHO_COMMIT_OPEN && now_ns >= riacho_run_waits_until_ns(run) &&
           (run->punctuate_again[RIACHO_STREAM_TIME].at_ns || choose(run));
}

bool riacho_run_replayed(const riacho_run *run)
{
    for (size_t i = 0; i < run->input_count; i++) {
        if (!riacho_input_reached(&run->inputs[i]))
            return false;
    }
    return run->replaying;
}

/* What compaction removed at the end will never come. */
static bool covers_all(const riacho_input *input)
{
    return input->position >= input->shown_from ||
           (input->source.compacted && input->caught_up && !input->buffered);
}

bool riacho_run_rebuilt(const riacho_run *run)
{
    if (!run->rebuilding || (run->replaying && !riacho_run_replayed(run)))
        return false;
    for (size_t i = 0; i < run->input_count; i++) {
        if (!covers_all(&run->inputs[i]))
            return false;
    }
    return true;
}

static bool must_wait(const riacho_run *run, const riacho_passage *passage)
{
    if (run->commit_phase != RIACHO_COMMIT_OPEN || run->commit_retry_at_ns)
        return true;
    riacho_clock *clock = run->worker->clock;
    const int64_t until_ns = riacho_run_waits_until_ns(run);
    return until_ns && passage->backoff && clock->monotonic_ns(clock) < until_ns;
}

riacho_status riacho_run_process(riacho_run *run, const riacho_passage *passage, size_t *ret_count,
                                 riacho_error *err)
{
    size_t done_count = 0;
    riacho_status status = RIACHO_OK;
    while (status == RIACHO_OK && done_count < passage->limit && !riacho_run_full(run) &&
           !must_wait(run, passage)) {
        if (run->punctuate_again[RIACHO_STREAM_TIME].at_ns) {
            status = punctuate(run, RIACHO_STREAM_TIME, run->host.stream_time_ms, err);
            if (run->codec_waits)
                break;
            run->dirty = true;
            continue;
        }
        riacho_input *input = choose(run);
        if (!input)
            break;
        bool done = false;
        status = process_head(run, input, &done, err);
        done_count += done;
        if (run->codec_waits)
            break; /* without a backoff (riacho_worker_drive) this would turn round and round */
    }
    *ret_count = done_count;
    count(&run->task->counters.records, done_count);
    return status;
}

static uint64_t left_to_replay(const riacho_run *run)
{
    uint64_t records = 0;
    for (size_t i = 0; i < run->input_count; i++) {
        const riacho_input *input = &run->inputs[i];
        int64_t end = run->rebuilding ? input->shown_from : 0;
        if (run->replaying && input->until > end)
            end = input->until;
        if (end > input->position)
            records += (uint64_t)(end - input->position);
    }
    return records;
}

void riacho_run_measure(riacho_run *run, int64_t busy_ns)
{
    riacho_task_counters *counters = &run->task->counters;
    count(&counters->busy_ns, (uint64_t)busy_ns);
    atomic_store_explicit(&counters->overlay_bytes, riacho_overlay_bytes(run->host.overlay),
                          memory_order_relaxed);
    atomic_store_explicit(&counters->replay_records, left_to_replay(run), memory_order_relaxed);
}
