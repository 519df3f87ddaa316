/* SPDX-License-Identifier: MIT
 *
 * restoring_replay.c - records of changelogs into a store, in writes of some megabytes, each with
 * the positions it comes up to. The batches live until the write, because the changes are their
 * bytes.
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

static void keep_batch(riacho_restoring *restoring, riacho_log_batch *batch)
{
    if (restoring->batch_count == restoring->batch_capacity) {
        restoring->batch_capacity = restoring->batch_capacity * 2 + 16;
        restoring->batches = riacho_memory_resize(
            restoring->batches, restoring->batch_capacity * sizeof(riacho_log_batch *));
    }
    restoring->batches[restoring->batch_count++] = batch;
}

static void keep_change(riacho_restoring *restoring, const riacho_change *change)
{
    if (restoring->change_count == restoring->change_capacity) {
        restoring->change_capacity = restoring->change_capacity * 2 + 1024;
        restoring->changes = riacho_memory_resize(
            restoring->changes, restoring->change_capacity * sizeof *restoring->changes);
    }
    restoring->changes[restoring->change_count++] = *change;
    restoring->change_bytes += change->key.size + change->value.size;
}

void riacho_restoring_forget(riacho_restoring *restoring)
{
    const riacho_log_ops *ops = restoring->task->deployment->worker->log->ops;
    for (size_t i = 0; i < restoring->batch_count; i++)
        ops->batch_free(restoring->batches[i]);
    restoring->batch_count = 0;
    restoring->change_count = 0;
    restoring->change_bytes = 0;
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
        keep_change(restoring, &change);
        restoring->applied++;
    }
    return RIACHO_OK;
}

riacho_status riacho_restoring_take(riacho_restoring *restoring, size_t index,
                                    riacho_log_batch *batch, riacho_error *err)
{
    assert(index < restoring->changelogs.count);
    riacho_position *at = &restoring->changelogs.positions[index];
    keep_batch(restoring, batch);
    RIACHO_TRY(take_records(restoring, index, batch, err));
    if (batch->next > at->next) {
        at->next = batch->next;
        restoring->dirty = true;
    }
    riacho_restoring_count(restoring);
    return RIACHO_OK;
}

bool riacho_restoring_full(const riacho_restoring *restoring)
{
    return restoring->change_bytes >= RIACHO_RESTORE_WRITE_BYTES ||
           restoring->change_count >= RIACHO_RESTORE_WRITE_RECORDS;
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

riacho_status riacho_restoring_write(riacho_restoring *restoring, riacho_error *err)
{
    riacho_task *task = restoring->task;
    if (!restoring->dirty)
        return RIACHO_OK;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_changes changes = {.items = restoring->changes, .count = restoring->change_count};
    riacho_restoring_meta(restoring, arena, &changes.meta);
    RIACHO_TRY(task->store->ops->write(task->store, &changes, err));
    riacho_restoring_forget(restoring);
    return riacho_fault_at(task->deployment->worker, RIACHO_SITE_RESTORING, err);
}
