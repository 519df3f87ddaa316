/* SPDX-License-Identifier: MIT
 *
 * restore.c - see restore.h. One reader feeds all tasks; while one that is to run is behind,
 * standbys wait, so that what is down comes back first.
 */
#include "restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "restoring.h"
#include "runtime/publication.h"
#include "runtime/thread.h"
#include "shared.h"

enum { SAY_MS = 10000, NO_ROOM_MS = 1000 };

/* What a tag of the reader stands for. */
struct source {
    riacho_restoring *restoring;
    size_t changelog;
};

struct riacho_restorer {
    riacho_worker *worker;
    riacho_box *control;
    riacho_box *box;
    riacho_log_reader *reader;
    riacho_restoring **items;
    size_t item_count, item_capacity;
    size_t turn;            /* of the item that moves next */
    struct source *sources; /* by tag */
    size_t source_count, source_capacity;
    bool assigned; /* the reader reads what it should */
    int64_t say_ns;
};

static int64_t now_ns(const riacho_restorer *restorer)
{
    return restorer->worker->clock->monotonic_ns(restorer->worker->clock);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void wake(void *restorer)
{
    riacho_restorer_wake(restorer);
}

riacho_status riacho_restorer_open(riacho_worker *worker, riacho_box *control,
                                   riacho_restorer **ret_restorer, riacho_error *err)
{
    riacho_log_reader *reader = NULL;
    RIACHO_TRY(worker->log->ops->reader_open(worker->log, &reader, err));
    riacho_restorer *restorer = riacho_memory_get_zero(1, sizeof *restorer);
    restorer->worker = worker;
    restorer->control = control;
    restorer->reader = reader;
    restorer->box = riacho_box_new();
    restorer->assigned = true; /* to nothing */
    riacho_box_on_put(restorer->box, wake, restorer);
    *ret_restorer = restorer;
    return RIACHO_OK;
}

void riacho_restorer_close(riacho_restorer *restorer)
{
    if (!restorer)
        return;
    for (size_t i = 0; i < restorer->item_count; i++)
        riacho_restoring_free(restorer->items[i]);
    restorer->worker->log->ops->reader_close(restorer->reader);
    riacho_box_free(restorer->box);
    free(restorer->items);
    free(restorer->sources);
    free(restorer);
}

riacho_box *riacho_restorer_box(riacho_restorer *restorer)
{
    return restorer->box;
}

void riacho_restorer_wake(riacho_restorer *restorer)
{
    restorer->worker->log->ops->reader_wake(restorer->reader);
}

/* ---- the tasks ------------------------------------------------------------------------------- */

static size_t find(const riacho_restorer *restorer, const riacho_task *task)
{
    size_t i = 0;
    while (i < restorer->item_count && restorer->items[i]->task != task)
        i++;
    return i;
}

static riacho_restoring *add(riacho_restorer *restorer, riacho_task *task)
{
    if (restorer->item_count == restorer->item_capacity) {
        restorer->item_capacity = restorer->item_capacity * 2 + 16;
        restorer->items = riacho_memory_resize(restorer->items, restorer->item_capacity *
                                                                    sizeof(riacho_restoring *));
    }
    return restorer->items[restorer->item_count++] = riacho_restoring_new(task);
}

static void take_out(riacho_restorer *restorer, size_t index)
{
    riacho_restoring_free(restorer->items[index]);
    restorer->items[index] = restorer->items[--restorer->item_count];
    restorer->assigned = false;
}

static void let_go(riacho_restorer *restorer, size_t index)
{
    riacho_task *task = restorer->items[index]->task;
    take_out(restorer, index);
    riacho_task_close_store(task);
    const riacho_handover closed = {.kind = RIACHO_HANDOVER_CLOSED, .task = task};
    riacho_box_put(restorer->control, &closed);
}

static void pass_to_thread(const riacho_restorer *restorer, const riacho_handover *handover)
{
    const uint32_t thread = atomic_load(&handover->task->thread);
    riacho_box_put(restorer->worker->threads[thread].box, handover);
}

static riacho_status restore(riacho_restorer *restorer, riacho_task *task, riacho_error *err)
{
    const size_t index = find(restorer, task);
    restorer->assigned = false;
    riacho_task_set_state(task, RIACHO_TASK_RESTORING, NULL);
    if (index < restorer->item_count)
        return riacho_restoring_promote(restorer->items[index], err);
    add(restorer, task);
    return RIACHO_OK;
}

static void keep_as_standby(riacho_restorer *restorer, riacho_task *task)
{
    riacho_task_set_state(task, RIACHO_TASK_STANDBY, NULL);
    add(restorer, task)->is_standby = true;
}

static riacho_status take(riacho_restorer *restorer, const riacho_handover *handover,
                          riacho_error *err)
{
    riacho_task *task = handover->task;
    riacho_box *home = riacho_shared_restorer(restorer->worker, task);
    if (home != restorer->box) {
        riacho_box_put(home, handover);
        return RIACHO_OK;
    }
    const size_t index = find(restorer, task);
    switch (handover->kind) {
    case RIACHO_HANDOVER_RESTORE:
        return restore(restorer, task, err);
    case RIACHO_HANDOVER_STANDBY:
        keep_as_standby(restorer, task);
        return RIACHO_OK;
    default: /* RELEASE, DROP: nothing here is ours to commit */
        if (index < restorer->item_count)
            let_go(restorer, index);
        else
            pass_to_thread(restorer, handover);
        return RIACHO_OK;
    }
}

static riacho_status empty_box(riacho_restorer *restorer, bool *ret_did, riacho_error *err)
{
    riacho_handover handover;
    while (riacho_box_take(restorer->box, &handover)) {
        *ret_did = true;
        RIACHO_TRY(take(restorer, &handover, err));
    }
    return RIACHO_OK;
}

/* ---- moves ----------------------------------------------------------------------------------- */

static void give_to_thread(riacho_restorer *restorer, size_t index)
{
    riacho_restoring *restoring = restorer->items[index];
    const riacho_handover run = {
        .kind = RIACHO_HANDOVER_RUN,
        .task = restoring->task,
        .restored = riacho_restoring_result(restoring),
    };
    atomic_store(&restoring->task->counters.replay_records, 0);
    riacho_trace(RIACHO_INFO, "state is up to date", "task", run.task->log_name, NULL);
    pass_to_thread(restorer, &run);
    take_out(restorer, index);
}

/* What a task waits for is in its status, said once. */
static void say_why(riacho_restoring *restoring, const char *why)
{
    if (restoring->is_standby || restoring->waits == (why != NULL))
        return;
    restoring->waits = why != NULL;
    riacho_task_set_state(restoring->task, RIACHO_TASK_RESTORING, why);
}

static riacho_status move(riacho_restorer *restorer, size_t index, int64_t wait_ms, bool *ret_did,
                          riacho_error *err)
{
    riacho_restoring *restoring = restorer->items[index];
    const bool was_reading = restoring->is_reading;
    riacho_error why = {.text = ""};
    const riacho_status status = riacho_restoring_move(restoring, wait_ms, &why);
    restorer->assigned = restorer->assigned && was_reading == restoring->is_reading;
    say_why(restoring, status == RIACHO_RETRY ? why.text : NULL);
    if (status == RIACHO_RETRY)
        return RIACHO_OK;
    *ret_did = true;
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "%s", why.text);
    if (restoring->phase == RIACHO_RESTORE_DONE)
        give_to_thread(restorer, index);
    return RIACHO_OK;
}

/* One move of one task that has one to make, in turn; tasks that are to run come first. */
static bool next_due(riacho_restorer *restorer, size_t *ret_index)
{
    const int64_t now = now_ns(restorer);
    bool some = false;
    for (size_t i = 0; i < restorer->item_count; i++) {
        const size_t index = (restorer->turn + i) % restorer->item_count;
        const riacho_restoring *restoring = restorer->items[index];
        if (!riacho_restoring_due(restoring, now) || (some && restoring->is_standby))
            continue;
        *ret_index = index;
        if (!restoring->is_standby)
            return true;
        some = true;
    }
    return some;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool reads(const riacho_restoring *restoring)
{
    return restoring->is_reading && (restoring->is_standby || !riacho_restoring_reached(restoring));
}

static bool somebody_waits(const riacho_restorer *restorer)
{
    for (size_t i = 0; i < restorer->item_count; i++) {
        if (!restorer->items[i]->is_standby && reads(restorer->items[i]))
            return true;
    }
    return false;
}

static void add_sources(riacho_restorer *restorer, riacho_restoring *restoring)
{
    const size_t count = restorer->source_count + restoring->changelogs.count;
    if (count > restorer->source_capacity) {
        restorer->source_capacity = count * 2;
        restorer->sources = riacho_memory_resize(restorer->sources, restorer->source_capacity *
                                                                        sizeof *restorer->sources);
    }
    for (size_t i = 0; i < restoring->changelogs.count; i++)
        restorer->sources[restorer->source_count++] = (struct source){restoring, i};
}

static riacho_status assign(riacho_restorer *restorer, riacho_error *err)
{
    const bool only_active = somebody_waits(restorer);
    restorer->source_count = 0;
    for (size_t i = 0; i < restorer->item_count; i++) {
        riacho_restoring *restoring = restorer->items[i];
        if (reads(restoring) && !(only_active && restoring->is_standby))
            add_sources(restorer, restoring);
    }
    RIACHO_AUTO(heap)
    riacho_log_assignment *assignments =
        riacho_memory_get(restorer->source_count * sizeof *assignments + 1);
    for (size_t i = 0; i < restorer->source_count; i++) {
        const struct source *source = &restorer->sources[i];
        const riacho_position *at = &source->restoring->changelogs.positions[source->changelog];
        assignments[i] = (riacho_log_assignment){at->topic, at->partition, at->next, (uint32_t)i};
    }
    RIACHO_TRY(restorer->worker->log->ops->assign(restorer->reader, assignments,
                                                  restorer->source_count, err));
    restorer->assigned = true;
    return RIACHO_OK;
}

/* What standbys have that is not written: nothing more comes for the moment. */
static riacho_status write_rest(riacho_restorer *restorer, riacho_error *err)
{
    for (size_t i = 0; i < restorer->item_count; i++) {
        riacho_restoring *restoring = restorer->items[i];
        if (!restoring->is_standby || !riacho_latest_count(restoring->latest))
            continue;
        const riacho_status status = riacho_restoring_write(restoring, err);
        if (status != RIACHO_OK && status != RIACHO_RETRY)
            return status;
    }
    return RIACHO_OK;
}

/* Whether there is room in memory for another batch of any task: none waits for the disk. */
static bool has_room(const riacho_restorer *restorer)
{
    for (size_t i = 0; i < restorer->item_count; i++) {
        if (riacho_restoring_full(restorer->items[i]))
            return false;
    }
    return true;
}

static riacho_status write_full(riacho_restorer *restorer, riacho_error *err)
{
    const int64_t now = now_ns(restorer);
    for (size_t i = 0; i < restorer->item_count; i++) {
        riacho_restoring *restoring = restorer->items[i];
        if (!riacho_restoring_full(restoring) || now < restoring->due_ns)
            continue;
        riacho_error why = {.text = ""};
        const riacho_status status = riacho_restoring_write(restoring, &why);
        say_why(restoring, status == RIACHO_RETRY ? why.text : NULL);
        if (status == RIACHO_RETRY)
            restoring->due_ns = now + (int64_t)NO_ROOM_MS * 1000000;
        else if (status != RIACHO_OK)
            return riacho_fail(err, status, "%s", why.text);
    }
    return RIACHO_OK;
}

static riacho_status read_some(riacho_restorer *restorer, int64_t wait_ms, bool *ret_did,
                               riacho_error *err)
{
    const riacho_log_ops *ops = restorer->worker->log->ops;
    riacho_log_batch *batch = NULL;
    RIACHO_TRY(write_full(restorer, err));
    if (!has_room(restorer))
        return RIACHO_OK;
    riacho_status status = restorer->assigned ? RIACHO_OK : assign(restorer, err);
    if (status == RIACHO_OK)
        status = ops->poll(restorer->reader, wait_ms, &batch, err);
    if (status != RIACHO_OK)
        return status == RIACHO_RETRY ? RIACHO_OK : status;
    if (!batch)
        return write_rest(restorer, err);
    *ret_did = true;
    const struct source *source = &restorer->sources[batch->tag];
    riacho_restoring *restoring = source->restoring;
    status = riacho_restoring_take(restoring, source->changelog, batch, err);
    if (!reads(restoring))
        restorer->assigned = false; /* it has got there */
    return status == RIACHO_RETRY ? RIACHO_OK : status;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void say_progress(riacho_restorer *restorer)
{
    const int64_t now = now_ns(restorer);
    uint64_t done = 0, total = 0, tasks = 0;
    for (size_t i = 0; i < restorer->item_count; i++) {
        const riacho_task_counters *counters = &restorer->items[i]->task->counters;
        if (restorer->items[i]->is_standby)
            continue;
        done += atomic_load(&counters->restore_done);
        total += atomic_load(&counters->restore_total);
        tasks++;
    }
    if (!tasks)
        restorer->say_ns = now + (int64_t)SAY_MS * 1000000;
    if (now < restorer->say_ns)
        return;
    char numbers[3][24];
    snprintf(numbers[0], sizeof numbers[0], "%" PRIu64, tasks);
    snprintf(numbers[1], sizeof numbers[1], "%" PRIu64, done);
    snprintf(numbers[2], sizeof numbers[2], "%" PRIu64, total);
    riacho_trace(RIACHO_INFO, "bringing state up to date", "tasks", numbers[0], "records",
                 numbers[1], "of", numbers[2], NULL);
    restorer->say_ns = now + (int64_t)SAY_MS * 1000000;
}

/* Not longer than until the next move is due. */
static int64_t may_wait_ms(const riacho_restorer *restorer, int64_t wait_ms)
{
    const int64_t now = now_ns(restorer);
    for (size_t i = 0; wait_ms && i < restorer->item_count; i++) {
        const riacho_restoring *restoring = restorer->items[i];
        if (!riacho_restoring_due(restoring, restoring->due_ns))
            continue;
        const int64_t left_ms = (restoring->due_ns - now + 999999) / 1000000;
        if (left_ms < wait_ms)
            wait_ms = left_ms > 0 ? left_ms : 0;
    }
    return wait_ms;
}

riacho_status riacho_restorer_step(riacho_restorer *restorer, int64_t wait_ms, bool *ret_did,
                                   riacho_error *err)
{
    size_t index;
    *ret_did = false;
    RIACHO_TRY(empty_box(restorer, ret_did, err));
    say_progress(restorer);
    if (!next_due(restorer, &index))
        return read_some(restorer, may_wait_ms(restorer, wait_ms), ret_did, err);
    restorer->turn = index + 1;
    return move(restorer, index, wait_ms, ret_did, err);
}
