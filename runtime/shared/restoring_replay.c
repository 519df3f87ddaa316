/* SPDX-License-Identifier: MIT
 *
 * restoring_replay.c - records of changelogs into a store. The last change of each key is kept
 * until there is no more room for them; then
 *
 *   a standby     writes them with the positions that they come up to
 *   an active     loads them, which is cheaper and leaves the positions where they were; every so
 *                 often, and at the end, it writes the positions, which makes all of it last
 *
 * docs/commit.md says why a crash between a load and a write does no harm.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "restoring_private.h"
#include "runtime/fault.h"
#include "runtime/progress.h"

/* ---- reading --------------------------------------------------------------------------------- */

void riacho_restoring_forget(riacho_restoring *restoring)
{
    riacho_latest_reset(restoring->latest);
    restoring->loads = 0;
    restoring->dirty = false;
}

static riacho_status take_records(riacho_restoring *restoring, size_t index,
                                  const riacho_log_batch *batch, riacho_error *err)
{
    const riacho_position *at = &restoring->changelogs.positions[index];
    for (size_t i = 0; i < batch->count; i++) {
        riacho_change change;
        riacho_error cause = {.text = ""};
        if (batch->records[i].offset < at->next)
            continue; /* fetched before the position that was asked for */
        if (riacho_changelog_change((uint32_t)index, &batch->records[i], &change, &cause) !=
            RIACHO_OK)
            return riacho_fail(err, RIACHO_FATAL,
                               "%s/%d at offset %lld: %.200s; nothing but Riacho may write to a "
                               "changelog",
                               at->topic, (int)at->partition, (long long)batch->records[i].offset,
                               cause.text);
        riacho_latest_put(restoring->latest, change.space, change.key, change.value);
        restoring->applied++;
    }
    return RIACHO_OK;
}

riacho_status riacho_restoring_take(riacho_restoring *restoring, size_t index,
                                    riacho_log_batch *batch, riacho_error *err)
{
    assert(index < restoring->changelogs.count);
    riacho_position *at = &restoring->changelogs.positions[index];
    const riacho_status status = take_records(restoring, index, batch, err);
    if (status == RIACHO_OK && batch->next > at->next) {
        at->next = batch->next;
        restoring->dirty = true;
    }
    restoring->task->deployment->worker->log->ops->batch_free(batch);
    RIACHO_TRY(status);
    riacho_restoring_count(restoring);
    return RIACHO_OK;
}

bool riacho_restoring_full(const riacho_restoring *restoring)
{
    const uint64_t room = restoring->room_bytes;
    const bool less = restoring->is_standby && room > RIACHO_STANDBY_WRITE_BYTES;
    return riacho_latest_bytes(restoring->latest) >= (less ? RIACHO_STANDBY_WRITE_BYTES : room);
}

bool riacho_restoring_reached(const riacho_restoring *restoring)
{
    for (size_t i = 0; i < restoring->changelogs.count; i++) {
        if (restoring->changelogs.positions[i].next < restoring->ends[i])
            return false;
    }
    return true;
}

void riacho_restoring_count(const riacho_restoring *restoring)
{
    riacho_task_counters *counters = &restoring->task->counters;
    uint64_t done = 0, total = 0;
    for (size_t i = 0; i < restoring->changelogs.count; i++) {
        const int64_t at = restoring->changelogs.positions[i].next, end = restoring->ends[i];
        done += (uint64_t)(at - restoring->began[i]);
        total += (uint64_t)((end > at ? end : at) - restoring->began[i]);
    }
    atomic_store_explicit(&counters->restore_done, done, memory_order_relaxed);
    atomic_store_explicit(&counters->restore_total, total, memory_order_relaxed);
    atomic_store_explicit(&counters->replay_records, total - done, memory_order_relaxed);
}

/* ---- writing --------------------------------------------------------------------------------- */

static riacho_bytes make_progress(const riacho_restoring *restoring, riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_progress progress;
    riacho_progress_read(restoring->progress, arena, &progress);
    progress.graph_hash = restoring->task->deployment->graph->hash;
    progress.written_ms = restoring->complete_ms;
    riacho_progress_write(&progress, &out);
    return riacho_copy(arena, riacho_buffer_bytes(&out));
}

/* Inputs first, in their order, because the times of the progress go with them; only a write that
 * has all of their transactions says where they are. */
void riacho_restoring_meta(const riacho_restoring *restoring, riacho_arena *arena,
                           riacho_commit_meta *ret_meta)
{
    const bool whole = restoring->committed && riacho_restoring_reached(restoring);
    const size_t inputs = whole ? restoring->task->input_count : 0;
    const size_t count = inputs + restoring->changelogs.count;
    riacho_position *positions = riacho_alloc_zero(arena, count, sizeof *positions);
    for (size_t i = 0; i < inputs; i++) {
        positions[i] = restoring->committed[i].position;
        positions[i].next = positions[i].next < 0 ? 0 : positions[i].next;
    }
    for (size_t i = inputs; i < count; i++) {
        positions[i] = restoring->changelogs.positions[i - inputs];
        positions[i].topic = riacho_copy(arena, riacho_text(positions[i].topic)).data;
    }
    *ret_meta = (riacho_commit_meta){
        .number = restoring->number,
        .positions = positions,
        .position_count = count,
        .stream_time_ms = restoring->stream_time_ms,
        .progress = make_progress(restoring, arena),
    };
}

/* Where a new store begins, told before anything is loaded: a start that finds what a restore left
 * that broke off must know since when deletions may have gone (missed_deletions). */
static riacho_status write_beginning(riacho_restoring *restoring, riacho_error *err)
{
    if (!restoring->is_new)
        return RIACHO_OK;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const size_t count = restoring->changelogs.count;
    riacho_position *positions = riacho_alloc_zero(arena, count, sizeof *positions);
    for (size_t i = 0; i < count; i++) {
        positions[i] = restoring->changelogs.positions[i];
        positions[i].next = restoring->began[i];
    }
    const riacho_changes nothing = {.meta = {.number = restoring->number,
                                             .positions = positions,
                                             .position_count = count,
                                             .stream_time_ms = restoring->stream_time_ms,
                                             .progress = make_progress(restoring, arena)}};
    RIACHO_TRY(restoring->task->store->ops->write(restoring->task->store, &nothing, err));
    restoring->is_new = false;
    return RIACHO_OK;
}

/* In pieces, because an array of all changes would be half as large as they are. */
static riacho_status load(riacho_restoring *restoring, riacho_error *err)
{
    enum { PIECE = 4096 };
    riacho_store *store = restoring->task->store;
    RIACHO_TRY(write_beginning(restoring, err));
    RIACHO_AUTO(heap) riacho_change *changes = riacho_memory_get(PIECE * sizeof *changes);
    riacho_latest_sort(restoring->latest);
    for (size_t first = 0, count;; first += count) {
        count = riacho_latest_read(restoring->latest, first, changes, PIECE);
        if (!count)
            break;
        RIACHO_TRY(store->ops->load(store, changes, count, err));
    }
    riacho_latest_reset(restoring->latest);
    restoring->loads++;
    return riacho_fault_at(restoring->task->deployment->worker, RIACHO_SITE_RESTORING, err);
}

/* Changes, and up to where they go. */
static riacho_status write(riacho_restoring *restoring, riacho_error *err)
{
    riacho_task *task = restoring->task;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const size_t count = riacho_latest_count(restoring->latest);
    riacho_change *items = riacho_alloc(arena, count * sizeof *items);
    riacho_latest_sort(restoring->latest);
    riacho_changes changes = {.items = items};
    changes.count = riacho_latest_read(restoring->latest, 0, items, count);
    riacho_restoring_meta(restoring, arena, &changes.meta);
    RIACHO_TRY(task->store->ops->write(task->store, &changes, err));
    restoring->is_new = false;
    riacho_restoring_forget(restoring);
    return riacho_fault_at(task->deployment->worker, RIACHO_SITE_RESTORING, err);
}

/* A store that nobody reads is filled without its write-ahead log once there is much. */
static bool is_to_load(const riacho_restoring *restoring)
{
    enum { MUCH = 8 };
    return !restoring->is_standby && (restoring->loads || riacho_latest_bytes(restoring->latest) >=
                                                              restoring->room_bytes / MUCH);
}

riacho_status riacho_restoring_write(riacho_restoring *restoring, riacho_error *err)
{
    if (!restoring->dirty)
        return RIACHO_OK;
    if (is_to_load(restoring))
        RIACHO_TRY(load(restoring, err));
    if (restoring->loads % RIACHO_LOADS_OF_WRITE && !riacho_restoring_reached(restoring))
        return RIACHO_OK;
    return write(restoring, err);
}
