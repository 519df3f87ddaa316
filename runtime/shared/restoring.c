/* SPDX-License-Identifier: MIT
 *
 * restoring.c - see restoring.h: the moves. What is read and written is in restoring_replay.c.
 */
#include "restoring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "restoring_private.h"
#include "runtime/fault.h"
#include "runtime/mutation.h"
#include "runtime/progress.h"
#include "runtime/publication.h"
#include "runtime/task_store.h"

enum { AGAIN_MS = 20, NO_ROOM_MS = 1000 };

static riacho_worker *worker_of(const riacho_restoring *restoring)
{
    return restoring->task->deployment->worker;
}

static int64_t now_ns(const riacho_restoring *restoring)
{
    riacho_clock *clock = worker_of(restoring)->clock;
    return clock->monotonic_ns(clock);
}

static int64_t now_ms(const riacho_restoring *restoring)
{
    riacho_clock *clock = worker_of(restoring)->clock;
    return clock->now_ms(clock);
}

static void wait_ms(riacho_restoring *restoring, int64_t ms)
{
    restoring->due_ns = now_ns(restoring) + ms * 1000000;
}

/* ---- life ------------------------------------------------------------------------------------ */

riacho_restoring *riacho_restoring_new(riacho_task *task)
{
    riacho_restoring *restoring = riacho_memory_get_zero(1, sizeof *restoring);
    restoring->task = task;
    restoring->arena = riacho_arena_new();
    restoring->asking = riacho_arena_new();
    restoring->latest = riacho_latest_new();
    restoring->room_bytes = riacho_task_memory_bytes(task);
    return restoring;
}

void riacho_restoring_free(riacho_restoring *restoring)
{
    if (!restoring)
        return;
    riacho_latest_free(restoring->latest);
    riacho_arena_free(restoring->arena);
    riacho_arena_free(restoring->asking);
    riacho_buffer_done(&restoring->noted);
    free(restoring);
}

/* The next round begins with what the group has committed. */
static void begin_round(riacho_restoring *restoring)
{
    riacho_arena_reset(restoring->asking);
    restoring->committed = NULL;
    restoring->asked = 0;
    restoring->due_ns = 0;
    restoring->phase =
        riacho_mutated(RIACHO_MUTATION_HW_FIRST) ? RIACHO_RESTORE_ENDS : RIACHO_RESTORE_COMMITTED;
}

riacho_status riacho_restoring_promote(riacho_restoring *restoring, riacho_error *err)
{
    restoring->is_standby = false;
    if (restoring->phase != RIACHO_RESTORE_OPEN) {
        restoring->is_reading = false;
        begin_round(restoring);
    }
    return riacho_fault_at(worker_of(restoring), RIACHO_SITE_PROMOTION, err);
}

/* ---- OPEN ------------------------------------------------------------------------------------ */

/* Tasks are named by number, so only this tells one version's task from another's. */
static riacho_status check_version(const riacho_restoring *restoring, uint64_t made_by,
                                   const char *what, riacho_error *err)
{
    const riacho_graph *graph = restoring->task->deployment->graph;
    if (!made_by || made_by == graph->hash)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_FATAL,
                       "%s of task %s was made by another version of topology '%s' (hash "
                       "%016" PRIx64 ", now %016" PRIx64 "): run the version that made it, or give "
                       "the edited topology another name",
                       what, restoring->task->log_name, graph->name, made_by, graph->hash);
}

static riacho_status open_store(riacho_restoring *restoring, riacho_error *err)
{
    riacho_task *task = restoring->task;
    riacho_arena_reset(restoring->arena);
    if (!task->store)
        RIACHO_TRY(riacho_task_open_store(task, err));
    riacho_commit_meta state;
    RIACHO_TRY(task->store->ops->read_commit(task->store, restoring->arena, &state, err));
    riacho_progress progress;
    riacho_progress_read(state.progress, restoring->arena, &progress);
    RIACHO_TRY(check_version(restoring, progress.graph_hash, "the state", err));
    restoring->changelogs = riacho_changelogs_of(task, &state, restoring->arena);
    const size_t count = restoring->changelogs.count;
    restoring->began = riacho_alloc_zero(restoring->arena, count, sizeof *restoring->began);
    restoring->ends = riacho_alloc_zero(restoring->arena, count, sizeof *restoring->ends);
    for (size_t i = 0; i < count; i++)
        restoring->began[i] = restoring->changelogs.positions[i].next;
    restoring->number = state.number;
    restoring->stream_time_ms = state.stream_time_ms;
    restoring->progress = state.progress;
    restoring->complete_ms = state.position_count ? progress.written_ms : now_ms(restoring);
    restoring->is_new = !state.position_count;
    restoring->applied = 0;
    begin_round(restoring);
    if (restoring->is_standby)
        restoring->phase = RIACHO_RESTORE_ENDS;
    return RIACHO_OK;
}

/* Closes the store, moves it aside and begins anew. */
static riacho_status set_aside(riacho_restoring *restoring, const char *why, riacho_error *err)
{
    const riacho_unusable unusable = {"stale", why};
    riacho_restoring_forget(restoring);
    riacho_task_close_store(restoring->task);
    RIACHO_TRY(riacho_task_move_store_aside(restoring->task, &unusable, err));
    restoring->phase = RIACHO_RESTORE_OPEN;
    restoring->is_reading = false;
    return riacho_fault_at(worker_of(restoring), RIACHO_SITE_CHECKPOINT, err);
}

/* ---- COMMITTED ------------------------------------------------------------------------------- */

static riacho_status ask_committed(riacho_restoring *restoring, int64_t wait, riacho_error *err)
{
    const riacho_worker *worker = worker_of(restoring);
    const riacho_task *task = restoring->task;
    riacho_arena_reset(restoring->asking);
    riacho_committed *committed =
        riacho_alloc_zero(restoring->asking, task->input_count, sizeof *committed);
    for (size_t i = 0; i < task->input_count; i++) {
        const riacho_task_place *place = &task->inputs[i];
        committed[i].position = (riacho_position){
            task->deployment->graph->topics[place->topic].name, place->partition, -1};
    }
    RIACHO_TRY(worker->log->ops->broker->fetch(worker->log, worker->options.group,
                                               restoring->asking, committed, task->input_count,
                                               wait, err));
    restoring->committed = committed;
    restoring->phase =
        riacho_mutated(RIACHO_MUTATION_HW_FIRST) ? RIACHO_RESTORE_REPLAY : RIACHO_RESTORE_ENDS;
    return RIACHO_OK;
}

/* ---- ENDS ------------------------------------------------------------------------------------ */

static riacho_status ask_end(const riacho_restoring *restoring, const riacho_position *at,
                             int64_t *ret_first, int64_t *ret_end, riacho_error *err)
{
    riacho_log *log = worker_of(restoring)->log;
    RIACHO_TRY(log->ops->bounds(log, at->topic, at->partition, ret_first, ret_end, err));
    if (!riacho_mutated(RIACHO_MUTATION_LSO))
        return RIACHO_OK;
    return log->ops->broker->stable_end(log, at->topic, at->partition, ret_end, err);
}

static riacho_status too_short(const riacho_restoring *restoring, const riacho_position *at,
                               int64_t end, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL,
                       "the state of task %s has changelog %s/%d up to offset %" PRId64 ", and the "
                       "changelog ends at offset %" PRId64 ": it is not the one that the state "
                       "belongs to, or it lost records; move the state of this task aside and it "
                       "is filled from the changelog",
                       restoring->task->log_name, at->topic, (int)at->partition, at->next, end);
}

/* A deletion may have gone from the changelog before it was read here: one that was missed leaves
 * its key for ever. A marker of the last transaction is no deletion. A store at position 0 is not
 * always empty: a restore that broke off may have loaded the key. */
static bool missed_deletions(const riacho_restoring *restoring, size_t index, int64_t end)
{
    const int64_t next = restoring->changelogs.positions[index].next;
    return restoring->complete_ms && end - next > 1 &&
           now_ms(restoring) - restoring->complete_ms > RIACHO_TOMBSTONE_MS;
}

/* Checks what the store has of a changelog against what the changelog holds. ret_aside: it cannot
 * be brought forward. */
static riacho_status check_held(riacho_restoring *restoring, int64_t first, int64_t end,
                                bool *ret_aside, riacho_error *err)
{
    const size_t index = restoring->asked;
    const riacho_position *at = &restoring->changelogs.positions[index];
    *ret_aside = false;
    if (at->next > end)
        return too_short(restoring, at, end, err);
    char why[256] = "";
    if (at->next > 0 && at->next < first)
        snprintf(why, sizeof why,
                 "it has %.120s/%d up to offset %" PRId64 ", which is held from offset %" PRId64
                 " on",
                 at->topic, (int)at->partition, at->next, first);
    else if (missed_deletions(restoring, index, end))
        snprintf(why, sizeof why,
                 "it is older than %d hours, and deletions in %.120s/%d may be gone by now",
                 RIACHO_TOMBSTONE_MS / 3600000, at->topic, (int)at->partition);
    if (!*why)
        return RIACHO_OK;
    *ret_aside = true;
    return set_aside(restoring, why, err);
}

static void ends_known(riacho_restoring *restoring)
{
    restoring->phase = RIACHO_RESTORE_REPLAY;
    if (riacho_mutated(RIACHO_MUTATION_HW_FIRST) && !restoring->committed)
        restoring->phase = RIACHO_RESTORE_COMMITTED;
    restoring->is_reading = true;
    riacho_restoring_count(restoring);
}

static riacho_status ask_ends(riacho_restoring *restoring, riacho_error *err)
{
    if (!restoring->asked)
        restoring->asked_ms = now_ms(restoring);
    if (restoring->asked < restoring->changelogs.count) {
        const size_t index = restoring->asked;
        int64_t first, end;
        bool aside = false;
        RIACHO_TRY(ask_end(restoring, &restoring->changelogs.positions[index], &first, &end, err));
        if (!restoring->is_reading)
            RIACHO_TRY(check_held(restoring, first, end, &aside, err));
        if (aside)
            return RIACHO_OK;
        restoring->ends[index] = end;
        restoring->asked++;
    }
    if (restoring->asked == restoring->changelogs.count)
        ends_known(restoring);
    return RIACHO_OK;
}

/* ---- what was found -------------------------------------------------------------------------- */

/* Changes without any position: another group's, or the positions expired. To process the inputs
 * from their start on top of them would count everything twice. */
static bool has_no_owner(const riacho_restoring *restoring)
{
    if (!restoring->applied ||
        restoring->task->deployment->graph->guarantee == RIACHO_AT_LEAST_ONCE)
        return false;
    for (size_t i = 0; i < restoring->task->input_count; i++) {
        if (restoring->committed[i].position.next >= 0)
            return false;
    }
    return true;
}

static riacho_status no_owner(const riacho_restoring *restoring, riacho_error *err)
{
    return riacho_fail(
        err, RIACHO_FATAL,
        "the changelogs of task %s hold changes, and group '%s' has never committed a position of "
        "its inputs: the topology is another group's, or the positions have expired; use that "
        "group, or give the topology another name, or delete its changelog topics to begin anew",
        restoring->task->log_name, worker_of(restoring)->options.group);
}

/* Takes number, times and progress from the note of the positions, which the state now has. */
static riacho_status take_note(riacho_restoring *restoring, riacho_error *err)
{
    const riacho_note note = riacho_note_read(restoring->committed[0].note);
    if (!note.number || note.number < restoring->number)
        return RIACHO_OK;
    riacho_progress progress;
    riacho_progress_read(note.progress, restoring->asking, &progress);
    RIACHO_TRY(check_version(restoring, progress.graph_hash, "what the group committed", err));
    restoring->number = note.number;
    restoring->stream_time_ms = note.stream_time_ms;
    riacho_buffer_reset(&restoring->noted);
    riacho_buffer_append(&restoring->noted, note.progress.data, note.progress.size);
    restoring->progress = riacho_buffer_bytes(&restoring->noted);
    return RIACHO_OK;
}

static void show(riacho_restoring *restoring)
{
    riacho_task *task = restoring->task;
    const size_t count = task->input_count + task->hop_count;
    riacho_position *positions = riacho_alloc_zero(restoring->asking, count, sizeof *positions);
    for (size_t i = 0; i < task->input_count; i++) {
        positions[i] = restoring->committed[i].position;
        positions[i].next = positions[i].next < 0 ? 0 : positions[i].next;
    }
    /* How far the task has written is not known here, so nothing that follows it is ever there. */
    for (size_t i = 0; i < task->hop_count; i++) {
        const riacho_task_place *hop = &task->hops[i];
        positions[task->input_count + i] = (riacho_position){
            task->deployment->graph->topics[hop->topic].name, hop->partition, INT64_MAX};
    }
    const riacho_publish publish = {restoring->number, restoring->stream_time_ms, positions,
                                    positions + task->input_count};
    riacho_task_publish(task, &publish);
}

/* A standby that has what the positions have: written, shown, and asked again in a while. */
static riacho_status end_round(riacho_restoring *restoring, riacho_error *err)
{
    RIACHO_TRY(take_note(restoring, err));
    restoring->complete_ms = restoring->asked_ms;
    restoring->dirty = true;
    RIACHO_TRY(riacho_restoring_write(restoring, err));
    show(restoring);
    riacho_arena_reset(restoring->asking);
    restoring->committed = NULL;
    wait_ms(restoring, RIACHO_STANDBY_SHOW_MS);
    return RIACHO_OK;
}

static riacho_status finish(riacho_restoring *restoring, riacho_error *err)
{
    if (has_no_owner(restoring) && restoring->doubted)
        return no_owner(restoring, err);
    if (has_no_owner(restoring)) { /* or we slept, and another worker has begun the task since */
        restoring->doubted = true;
        begin_round(restoring);
        return RIACHO_OK;
    }
    RIACHO_TRY(take_note(restoring, err));
    restoring->complete_ms = restoring->asked_ms;
    restoring->dirty = true;
    RIACHO_TRY(riacho_restoring_write(restoring, err));
    RIACHO_TRY(riacho_fault_at(worker_of(restoring), RIACHO_SITE_RESTORING, err));
    restoring->phase = RIACHO_RESTORE_DONE;
    return RIACHO_OK;
}

riacho_restored *riacho_restoring_result(riacho_restoring *restoring)
{
    riacho_restored *restored = riacho_memory_get_zero(1, sizeof *restored);
    restored->arena = RIACHO_TAKE(restoring->asking);
    restored->committed = restoring->committed;
    riacho_restoring_meta(restoring, restored->arena, &restored->state);
    riacho_task_forget_history(restoring->task);
    return restored;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static riacho_status in_replay(riacho_restoring *restoring, riacho_error *err)
{
    if (!restoring->committed) {
        begin_round(restoring);
        return RIACHO_OK;
    }
    return restoring->is_standby ? end_round(restoring, err) : finish(restoring, err);
}

static riacho_status move(riacho_restoring *restoring, int64_t wait, riacho_error *err)
{
    switch (restoring->phase) {
    case RIACHO_RESTORE_OPEN:
        return open_store(restoring, err);
    case RIACHO_RESTORE_COMMITTED:
        return ask_committed(restoring, wait, err);
    case RIACHO_RESTORE_ENDS:
        return ask_ends(restoring, err);
    case RIACHO_RESTORE_REPLAY:
        return in_replay(restoring, err);
    case RIACHO_RESTORE_DONE:
        break;
    }
    return RIACHO_OK;
}

riacho_status riacho_restoring_move(riacho_restoring *restoring, int64_t wait, riacho_error *err)
{
    const riacho_status status = move(restoring, wait, err);
    if (status == RIACHO_RETRY)
        wait_ms(restoring, restoring->phase == RIACHO_RESTORE_REPLAY ? NO_ROOM_MS : AGAIN_MS);
    return status;
}

bool riacho_restoring_due(const riacho_restoring *restoring, int64_t now)
{
    if (restoring->phase == RIACHO_RESTORE_DONE || now < restoring->due_ns)
        return false;
    return restoring->phase != RIACHO_RESTORE_REPLAY || !restoring->committed ||
           riacho_restoring_reached(restoring);
}
