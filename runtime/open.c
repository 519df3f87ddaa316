/* SPDX-License-Identifier: MIT
 *
 * open.c - opens a task and finds out where it goes on: the state's last commit against the last
 * that the log has of it (protocol.h).
 *
 * Where a task began to read is kept in the log as well, as a commit of its own under the name
 * "<topology>/<task>#origin", written once before the first record is read. State that is lost is
 * rebuilt from there: `startFrom: latest` means the latest of the first start, not of the rebuild;
 * and a log that has meanwhile thrown away what lies behind the origin is noticed instead of giving
 * a state that is quietly smaller.
 */
#include "run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "fault.h"
#include "progress.h"
#include "publication.h"
#include "task_store.h"

/* What the three places say about a task; points into `arena`. */
struct history {
    riacho_arena *arena;
    riacho_commit_meta state;
    riacho_progress progress;
    riacho_log_commit logged;
    riacho_log_commit origin;
    bool began; /* there was an origin before this start */
    char *origin_name;
};

/* ---- whose state it is ----------------------------------------------------------------------- */

static riacho_status read_history(riacho_task *task, struct history *history, riacho_error *err)
{
    riacho_log *log = task->deployment->worker->log;
    history->origin_name = riacho_format(history->arena, "%s#origin", task->log_name);
    RIACHO_TRY(task->store->ops->read_commit(task->store, history->arena, &history->state, err));
    riacho_progress_read(history->state.progress, history->arena, &history->progress);
    RIACHO_TRY(log->ops->committed(log, task->log_name, history->arena, &history->logged, err));
    RIACHO_TRY(
        log->ops->committed(log, history->origin_name, history->arena, &history->origin, err));
    history->began = history->origin.number != 0;
    return RIACHO_OK;
}

/* Tasks are named by number, so only this tells one version's task from another's. */
static riacho_status check_version(const riacho_task *task, const struct history *history,
                                   riacho_error *err)
{
    const riacho_graph *graph = task->deployment->graph;
    const uint64_t made_by = history->progress.graph_hash;
    if (!history->state.number || !made_by || made_by == graph->hash)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "the state of task %s was made by another version of topology '%s' (hash "
                       "%016" PRIx64 ", now %016" PRIx64 "): run the version that made it, or %s",
                       task->log_name, graph->name, made_by, graph->hash,
                       riacho_worker_shares(task->deployment->worker)
                           ? "give the edited topology another name"
                           : "move the topology's state aside and it will be rebuilt from the log");
}

static const char *input_topic(const riacho_task *task, size_t input)
{
    return task->deployment->graph->topics[task->inputs[input].topic].name;
}

static bool began_with(const riacho_log_commit *origin, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < origin->position_count; i++) {
        if (origin->positions[i].partition == partition &&
            strcmp(origin->positions[i].topic, topic) == 0)
            return true;
    }
    return false;
}

/* The log suppresses outputs by the task's name and number: what reads something else is another
 * task, even without any state. */
static riacho_status check_inputs(const riacho_task *task, const struct history *history,
                                  riacho_error *err)
{
    const riacho_log_commit *origin = &history->origin;
    if (!origin->number)
        return RIACHO_OK;
    bool same = origin->position_count == task->input_count;
    const char *before = "", *now = "";
    for (size_t i = 0; i < origin->position_count; i++)
        before = riacho_format(history->arena, "%s%s%s", before, i ? ", " : "",
                               origin->positions[i].topic);
    for (size_t i = 0; i < task->input_count; i++) {
        const char *topic = input_topic(task, i);
        same = same && began_with(origin, topic, task->inputs[i].partition);
        now = riacho_format(history->arena, "%s%s%s", now, i ? ", " : "", topic);
    }
    if (same)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "task %s has read %.150s so far, and would now read %.150s: what the log "
                       "knows of it is another task's; give the edited topology another name",
                       task->log_name, before, now);
}

riacho_status riacho_task_check(riacho_task *task, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct history history = {.arena = arena};
    RIACHO_TRY(riacho_task_open_store(task, err));
    RIACHO_TRY(read_history(task, &history, err));
    RIACHO_TRY(check_inputs(task, &history, err));
    return check_version(task, &history, err);
}

/* ---- the run --------------------------------------------------------------------------------- */

void riacho_run_renew_outbox(riacho_run *run)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_graph *graph = run->graph;
    const char **names = riacho_alloc_zero(arena, graph->topic_count, sizeof *names);
    for (size_t i = 0; i < graph->topic_count; i++)
        names[i] = graph->topics[i].name;
    riacho_outbox_done(&run->outbox);
    riacho_outbox_init(&run->outbox, names, graph->topic_count);
    run->outbox_recovered = false;
    if (!riacho_worker_shares(run->worker))
        return;
    riacho_outbox_done(&run->sealed_outbox);
    riacho_outbox_init(&run->sealed_outbox, names, graph->topic_count);
}

static int32_t source_node(const riacho_graph *graph, int32_t subtopology, int32_t topic)
{
    const riacho_subtopology *sub = &graph->subtopologies[subtopology];
    for (size_t i = 0; i < sub->source_count; i++) {
        if (graph->nodes[sub->sources[i]].topic == topic)
            return sub->sources[i];
    }
    assert(0 && "a task reads the topics of its sub-topology");
    return RIACHO_NONE;
}

static void make_inputs(riacho_run *run)
{
    const riacho_task *task = run->task;
    run->input_count = task->input_count;
    run->inputs = riacho_memory_get_zero(run->input_count, sizeof *run->inputs);
    for (size_t i = 0; i < run->input_count; i++) {
        const riacho_task_place *place = &task->inputs[i];
        const riacho_graph_topic *topic = &run->graph->topics[place->topic];
        const int32_t node = source_node(run->graph, task->subtopology, place->topic);
        const riacho_input_source source = {
            .node = node,
            .topic = topic->name,
            .partition = place->partition,
            .key = topic->key.codec,
            .value = topic->value.codec,
            .timestamp = run->graph->nodes[node].timestamp_expr,
            .compacted = task->deployment->cleanups[place->topic] == RIACHO_CLEANUP_COMPACT,
        };
        riacho_input_init(&run->inputs[i], &source, run->worker->log->ops);
    }
}

static void make_hops(riacho_run *run)
{
    const riacho_task *task = run->task;
    run->first_hop = riacho_memory_get(run->graph->topic_count * sizeof *run->first_hop);
    for (size_t i = 0; i < run->graph->topic_count; i++)
        run->first_hop[i] = RIACHO_NONE;
    run->ends = riacho_memory_get_zero(task->hop_count, sizeof *run->ends);
    for (size_t i = 0; i < task->hop_count; i++) {
        const riacho_task_place *hop = &task->hops[i];
        run->ends[i] = (riacho_position){run->graph->topics[hop->topic].name, hop->partition, 0};
        if (hop->partition == 0)
            run->first_hop[hop->topic] = (int32_t)i;
    }
}

static riacho_status make_run(riacho_task *task, riacho_error *err)
{
    riacho_run *run = riacho_memory_get_zero(1, sizeof *run);
    task->run = run;
    run->task = task;
    run->worker = task->deployment->worker;
    run->graph = task->deployment->graph;
    run->turn = (uint32_t)task->partition;
    run->commit_arena = riacho_arena_new();
    const riacho_overlay_options overlay = {task->store, riacho_task_cache_bytes(task)};
    run->host.overlay = riacho_overlay_new(&overlay);
    run->host.batch = riacho_arena_new();
    riacho_run_host(run);
    make_inputs(run);
    make_hops(run);
    riacho_run_renew_outbox(run);
    riacho_error cause = {.text = ""};
    const riacho_status status =
        riacho_chain_new(run->graph, task->subtopology, &run->host, &run->chain, &cause);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "task %s: %.400s", task->log_name, cause.text);
    riacho_task_set_chain(task, run->chain);
    return RIACHO_OK;
}

void riacho_run_close(riacho_run *run)
{
    if (!run)
        return;
    if (run->task->chain)
        riacho_task_set_chain(run->task, NULL);
    run->task->run = NULL;
    riacho_chain_free(run->chain);
    for (size_t i = 0; i < run->input_count; i++)
        riacho_input_done(&run->inputs[i]);
    riacho_outbox_done(&run->outbox);
    riacho_outbox_done(&run->sealed_outbox);
    riacho_arena_free(run->names);
    riacho_buffer_done(&run->progress);
    riacho_arena_free(run->commit_arena);
    riacho_arena_free(run->host.batch);
    riacho_overlay_free(run->host.overlay);
    free(run->inputs);
    free(run->positions);
    free(run->partition_time_ms);
    free(run->ends);
    free(run->first_hop);
    free(run);
}

/* ---- positions ------------------------------------------------------------------------------- */

static const riacho_position *find(const riacho_position *positions, size_t count,
                                   const riacho_input_source *source)
{
    for (size_t i = 0; i < count; i++) {
        if (positions[i].partition == source->partition &&
            strcmp(positions[i].topic, source->topic) == 0)
            return &positions[i];
    }
    return NULL;
}

static void make_positions(riacho_run *run)
{
    const size_t count = run->input_count + run->changelogs.count;
    run->positions = riacho_memory_get_zero(count, sizeof *run->positions);
    run->partition_time_ms =
        riacho_memory_get_zero(run->input_count, sizeof *run->partition_time_ms);
    for (size_t i = 0; i < run->input_count; i++) {
        const riacho_input_source *source = &run->inputs[i].source;
        run->positions[i] = (riacho_position){source->topic, source->partition, 0};
    }
    run->position_count = run->input_count;
    riacho_position *behind = run->positions + run->input_count;
    if (run->changelogs.count)
        memcpy(behind, run->changelogs.positions, run->changelogs.count * sizeof *behind);
    run->changelogs.positions = behind;
}

/* Where an input begins that was never read: what the topology says. */
static riacho_status first_start(const riacho_run *run, size_t input, int64_t *ret_next,
                                 riacho_error *err)
{
    riacho_log *log = run->worker->log;
    riacho_clock *clock = run->worker->clock;
    const riacho_input_source *source = &run->inputs[input].source;
    const riacho_graph_topic *topic = &run->graph->topics[run->task->inputs[input].topic];
    int64_t first, next;
    RIACHO_TRY(log->ops->bounds(log, source->topic, source->partition, &first, &next, err));
    *ret_next = first;
    if (topic->roles & RIACHO_TOPIC_REPARTITION)
        return RIACHO_OK;
    switch (topic->start) {
    case RIACHO_START_EARLIEST:
        return RIACHO_OK;
    case RIACHO_START_LATEST:
        *ret_next = next;
        return RIACHO_OK;
    case RIACHO_START_AGO:
        return log->ops->offset_at(log, source->topic, source->partition,
                                   clock->now_ms(clock) - topic->start_ago_ms, ret_next, err);
    case RIACHO_START_NONE:
        break;
    }
    return riacho_fail(err, RIACHO_FATAL,
                       "task %s has no committed position in %s/%d, and `startFrom: none` says "
                       "that there must be one",
                       run->task->log_name, source->topic, (int)source->partition);
}

/* Writes down where the inputs begin, before anything of them is read. */
static riacho_status settle_origin(riacho_run *run, struct history *history, riacho_error *err)
{
    riacho_log *log = run->worker->log;
    if (history->origin.number)
        return RIACHO_OK;
    riacho_position *settled = riacho_alloc(history->arena, run->input_count * sizeof *settled);
    for (size_t i = 0; i < run->input_count; i++) {
        const riacho_input_source *source = &run->inputs[i].source;
        settled[i] = (riacho_position){source->topic, source->partition, 0};
        RIACHO_TRY(first_start(run, i, &settled[i].next, err));
    }
    const riacho_log_commit commit = {
        .task = history->origin_name,
        .number = 1,
        .positions = settled,
        .position_count = run->input_count,
    };
    RIACHO_TRY(log->ops->commit(log, &commit, NULL, err));
    history->origin = commit;
    return RIACHO_OK;
}

/* The state's own position, else the origin. */
static void seek(riacho_run *run, const struct history *history)
{
    const riacho_commit_meta *state = &history->state;
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        const riacho_position *at = find(state->positions, state->position_count, &input->source);
        if (at && (size_t)(at - state->positions) < history->progress.partition_count)
            input->partition_time_ms = history->progress.partition_time_ms[at - state->positions];
        if (!at)
            at = find(history->origin.positions, history->origin.position_count, &input->source);
        assert(at);
        riacho_input_seek(input, at->next);
        run->positions[i].next = at->next;
        run->partition_time_ms[i] = input->partition_time_ms;
    }
}

/* A position must lie within what the log holds, or the state and the log do not belong together.
 */
static riacho_status check_held(const riacho_run *run, riacho_error *err)
{
    riacho_log *log = run->worker->log;
    for (size_t i = 0; i < run->input_count; i++) {
        const riacho_input *input = &run->inputs[i];
        const char *topic = input->source.topic;
        const int partition = (int)input->source.partition;
        const int64_t wanted =
            run->replaying && input->until > input->position ? input->until : input->position;
        int64_t first, next;
        RIACHO_TRY(log->ops->bounds(log, topic, input->source.partition, &first, &next, err));
        if (input->position < first && !input->source.compacted)
            return riacho_fail(
                err, RIACHO_FATAL,
                "task %s needs %s/%d from offset %" PRId64 " on, and the log holds it from offset "
                "%" PRId64 " on: its retention is shorter than this task was away, or than a "
                "rebuild needs; restore the state from a backup, or start the topology anew under "
                "another name",
                run->task->log_name, topic, partition, input->position, first);
        if (wanted > next)
            return riacho_fail(
                err, RIACHO_FATAL,
                "task %s has read %s/%d up to offset %" PRId64 ", and the log ends at offset "
                "%" PRId64 ": this log is not the one that the state belongs to, or an older copy",
                run->task->log_name, topic, partition, wanted, next);
    }
    return RIACHO_OK;
}

/* ---- what a restart has to do ---------------------------------------------------------------- */

static void begin_replay(riacho_run *run, const struct history *history)
{
    run->replaying = true;
    run->replay_number = history->logged.number;
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        const riacho_position *end =
            find(history->logged.positions, history->logged.position_count, &input->source);
        input->until = end ? end->next : input->position;
    }
    riacho_run_measure(run, 0);
    atomic_store(&run->task->state, RIACHO_TASK_RECOVERING);
    run->dirty = true;
    riacho_trace(RIACHO_WARN, "state is behind the log, replaying it", "task", run->task->log_name,
                 NULL);
}

static riacho_status take_outbox(riacho_run *run, const struct history *history, riacho_error *err)
{
    riacho_outbox_read read;
    RIACHO_TRY(riacho_outbox_parse(history->state.outbox, history->arena, &read, err));
    riacho_outbox_restore(&run->outbox, history->state.outbox, read.count);
    run->outbox_recovered = true;
    run->commit_phase = RIACHO_COMMIT_STATE_WRITTEN;
    run->dirty = true;
    riacho_trace(RIACHO_INFO, "appending the outputs of the last commit", "task",
                 run->task->log_name, NULL);
    return RIACHO_OK;
}

/* Up to the ends that its inputs have now. */
static riacho_status begin_rebuild(riacho_run *run, riacho_error *err)
{
    riacho_log *log = run->worker->log;
    run->rebuilding = true;
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        int64_t first;
        RIACHO_TRY(log->ops->bounds(log, input->source.topic, input->source.partition, &first,
                                    &input->shown_from, err));
    }
    if (riacho_run_rebuilt(run)) {
        run->rebuilding = false;
        return RIACHO_OK;
    }
    riacho_run_measure(run, 0);
    atomic_store(&run->task->state, RIACHO_TASK_RECOVERING);
    run->dirty = true;
    riacho_trace(RIACHO_WARN, "state was lost, rebuilding it from the log", "task",
                 run->task->log_name, NULL);
    return RIACHO_OK;
}

static riacho_status recover(riacho_run *run, const struct history *history, riacho_error *err)
{
    const riacho_found found = {
        .state_number = history->state.number,
        .replaying = history->progress.replaying,
        .outbox = history->state.outbox.data && history->state.outbox.size,
        .log_number = history->logged.number,
        .began = history->began,
        .rebuilding = history->progress.rebuilding,
    };
    const riacho_recovery recovery = riacho_recover(&found);
    if (recovery == RIACHO_RECOVERY_REPLAY)
        begin_replay(run, history);
    RIACHO_TRY(check_held(run, err));
    if (riacho_rebuilds(&found))
        RIACHO_TRY(begin_rebuild(run, err));
    if (recovery == RIACHO_RECOVERY_APPEND)
        return take_outbox(run, history, err);
    RIACHO_TRY(riacho_run_note_present_ends(run, err));
    if (!run->replaying && !run->rebuilding)
        riacho_run_publish(run, run->host.stream_time_ms);
    return RIACHO_OK;
}

riacho_status riacho_run_open(riacho_task *task, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct history history = {.arena = arena};
    RIACHO_TRY(read_history(task, &history, err));
    RIACHO_TRY(make_run(task, err));
    riacho_run *run = task->run;
    riacho_clock *clock = run->worker->clock;
    run->commit_started_ns = run->last_commit_ns = clock->monotonic_ns(clock);
    run->number = history.state.number;
    if (history.state.number)
        run->host.stream_time_ms = history.state.stream_time_ms;
    riacho_chain_restore(run->chain, history.progress.chain);
    make_positions(run);
    RIACHO_TRY(settle_origin(run, &history, err));
    seek(run, &history);
    RIACHO_TRY(recover(run, &history, err));
    RIACHO_TRY(riacho_fault_at(run->worker, RIACHO_SITE_RECOVERY, err));
    if (run->commit_phase == RIACHO_COMMIT_OPEN)
        return RIACHO_OK;
    const riacho_status status = riacho_runs_commit(&run, 1, err);
    return status == RIACHO_RETRY ? RIACHO_OK : status; /* paused, and tried again later */
}

/* ---- on a log that workers share ------------------------------------------------------------- */

/* Whether the group has gone on since these positions were asked for: we slept, and another worker
 * has the task. RIACHO_RETRY: it cannot be asked now. */
static riacho_status find_overtaken(const riacho_run *run, const riacho_committed *committed,
                                    bool *ret_overtaken, riacho_error *err)
{
    enum { ASK_MS = 100 };
    const riacho_worker *worker = run->worker;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_committed *now = riacho_alloc(arena, run->input_count * sizeof *now);
    for (size_t i = 0; i < run->input_count; i++)
        now[i] = (riacho_committed){.position = committed[i].position};
    RIACHO_TRY(worker->log->ops->broker->fetch(worker->log, worker->options.group, arena, now,
                                               run->input_count, ASK_MS, err));
    *ret_overtaken = false;
    for (size_t i = 0; i < run->input_count; i++)
        *ret_overtaken = *ret_overtaken || now[i].position.next != committed[i].position.next;
    return RIACHO_OK;
}

/* Positions that the log does not hold are no reason to end when they are old. */
static riacho_status check_committed(const riacho_run *run, const riacho_committed *committed,
                                     riacho_error *err)
{
    riacho_error why = {.text = ""};
    bool overtaken = false;
    const riacho_status status = check_held(run, err);
    if (status != RIACHO_FATAL)
        return status;
    RIACHO_TRY(find_overtaken(run, committed, &overtaken, &why));
    return overtaken ? RIACHO_ABORT : status;
}

/* What the group has, else what the topology says. A first position is committed soon, so that
 * `startFrom: latest` means the same records after a crash. */
static riacho_status seek_committed(riacho_run *run, const riacho_committed *committed,
                                    const riacho_progress *progress, riacho_error *err)
{
    for (size_t i = 0; i < run->input_count; i++) {
        riacho_input *input = &run->inputs[i];
        int64_t next = committed[i].position.next;
        if (next < 0) {
            RIACHO_TRY(first_start(run, i, &next, err));
            run->dirty = true;
        }
        if (i < progress->partition_count)
            input->partition_time_ms = progress->partition_time_ms[i];
        riacho_input_seek(input, next);
        run->positions[i].next = next;
        run->partition_time_ms[i] = input->partition_time_ms;
    }
    return check_committed(run, committed, err);
}

/* The note says how far the inputs have brought the task; the store knows it too when the note was
 * lost with a position that somebody set by hand. */
static riacho_note note_of(const riacho_restored *restored)
{
    const riacho_note note = riacho_note_read(restored->committed[0].note);
    const riacho_commit_meta *state = &restored->state;
    if (note.number || !state->number)
        return note;
    return (riacho_note){state->number, state->stream_time_ms, state->progress};
}

static riacho_status resume(riacho_run *run, const riacho_restored *restored, riacho_error *err)
{
    const riacho_note note = note_of(restored);
    struct history history = {.arena = restored->arena, .state = {.number = note.number}};
    riacho_progress_read(note.progress, restored->arena, &history.progress);
    RIACHO_TRY(check_version(run->task, &history, err));
    run->number = note.number;
    if (restored->state.number > run->number)
        run->number = restored->state.number;
    run->host.stream_time_ms = note.stream_time_ms;
    riacho_chain_restore(run->chain, history.progress.chain);
    run->names = riacho_arena_new();
    run->changelogs = riacho_changelogs_of(run->task, &restored->state, run->names);
    make_positions(run);
    RIACHO_TRY(seek_committed(run, restored->committed, &history.progress, err));
    RIACHO_TRY(riacho_run_note_present_ends(run, err));
    riacho_run_publish(run, run->host.stream_time_ms);
    riacho_task_set_state(run->task, RIACHO_TASK_RUNNING, NULL);
    return riacho_fault_at(run->worker, RIACHO_SITE_RECOVERY, err);
}

riacho_status riacho_run_resume(riacho_task *task, const riacho_restored *restored,
                                riacho_error *err)
{
    riacho_status status = make_run(task, err);
    if (status == RIACHO_ABORT)
        status = RIACHO_FATAL; /* of a step's own start */
    riacho_run *run = task->run;
    riacho_clock *clock = run->worker->clock;
    run->commit_started_ns = run->last_commit_ns = clock->monotonic_ns(clock);
    run->positions_ns = run->last_commit_ns;
    if (status == RIACHO_OK)
        status = resume(run, restored, err);
    if (status != RIACHO_OK)
        riacho_run_close(run);
    return status;
}
