/* SPDX-License-Identifier: MIT
 *
 * shared.c - see shared.h: opening and closing, and one step of each part.
 */
#include "shared_private.h"

#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "changelog.h"
#include "runtime/plan.h"
#include "runtime/thread.h"
#include "seal.h"
#include "transaction.h"

enum {
    DRIVE_MS = 60000,
    DRIVE_IDLE_ROUNDS = 2000, /* where time does not pass by itself, as is: */
    DRIVE_ROUNDS = 1000000,
    STOP_ROUNDS = 100, /* of one call */
};

/* ---- what the worker is ---------------------------------------------------------------------- */

/* The first store whose things are spread over several keys; NULL: there is none. */
static const riacho_graph_store *spread_store(const riacho_graph *graph)
{
    for (size_t i = 0; i < graph->store_count; i++) {
        if (graph->stores[i].kind != RIACHO_STORE_KEYVALUE)
            return &graph->stores[i];
    }
    return NULL;
}

riacho_delivery riacho_shared_delivery(const riacho_worker *worker)
{
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        if (graph->guarantee != RIACHO_AT_LEAST_ONCE || spread_store(graph))
            return RIACHO_DELIVERY_EXACTLY_ONCE;
    }
    return worker->deployment_count ? RIACHO_DELIVERY_AT_LEAST_ONCE : RIACHO_DELIVERY_EXACTLY_ONCE;
}

/* Whose `guarantee: atLeastOnce` is not enough, and why. */
static riacho_status check_delivery(riacho_worker *worker, riacho_error *err)
{
    riacho_log *log = worker->log;
    riacho_error cause = {.text = ""};
    const riacho_status status =
        log->ops->broker->check(log, riacho_shared_delivery(worker), &cause);
    for (size_t i = 0; status == RIACHO_REJECT && i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        const riacho_graph_store *store = spread_store(graph);
        if (graph->guarantee == RIACHO_AT_LEAST_ONCE && store)
            return riacho_fail(err, status,
                               "%.300s (topology '%s' says atLeastOnce, but its store '%s' keeps "
                               "one thing under several keys, and only a transaction keeps these "
                               "together)",
                               cause.text, graph->name, store->name);
    }
    return status == RIACHO_OK ? status : riacho_fail(err, status, "%s", cause.text);
}

riacho_status riacho_shared_check(riacho_worker *worker, riacho_error *err)
{
    if (!worker->deployment_count)
        return riacho_fail(err, RIACHO_REJECT, "a worker of a group needs a topology");
    if (!worker->options.group && worker->deployment_count > 1)
        return riacho_fail(err, RIACHO_REJECT,
                           "the workers that share these %zu topologies need a name for their "
                           "group: give it with --group",
                           worker->deployment_count);
    if (!worker->options.group)
        worker->options.group = worker->deployments[0].graph->name;
    return check_delivery(worker, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void wake_thread(void *thread)
{
    riacho_thread_wake(thread);
}

static riacho_status open_restorers(riacho_shared *shared, riacho_error *err)
{
    const uint32_t wanted = shared->worker->options.restore_threads;
    const size_t count = wanted ? wanted : 1;
    shared->restorers = riacho_memory_get_zero(count, sizeof(riacho_restorer *));
    for (; shared->restorer_count < count; shared->restorer_count++)
        RIACHO_TRY(riacho_restorer_open(shared->worker, shared->control,
                                        &shared->restorers[shared->restorer_count], err));
    return RIACHO_OK;
}

/* The producer's name outlives the process: its next start fences this one. */
static riacho_status open_thread(riacho_shared *shared, size_t index, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_worker *worker = shared->worker;
    riacho_thread *thread = &worker->threads[index];
    *thread = (riacho_thread){
        .worker = worker,
        .index = index,
        .box = riacho_box_new(),
        .restorer = riacho_restorer_box(shared->restorers[index % shared->restorer_count]),
        .control = shared->control,
        .transaction =
            riacho_transaction_new(worker, riacho_format(arena, "%s.%s.%zu", worker->options.group,
                                                         worker->options.name, index)),
        .seal = riacho_seal_new(),
    };
    riacho_box_on_put(thread->box, wake_thread, thread);
    return riacho_thread_open(thread, err);
}

static riacho_status open_threads(riacho_shared *shared, riacho_error *err)
{
    riacho_worker *worker = shared->worker;
    worker->thread_count = worker->options.threads ? worker->options.threads : 1;
    worker->threads = riacho_memory_get_zero(worker->thread_count, sizeof *worker->threads);
    for (size_t i = 0; i < worker->thread_count; i++)
        RIACHO_TRY(open_thread(shared, i, err));
    return RIACHO_OK;
}

static riacho_status ensure_changelogs(riacho_worker *worker, riacho_error *err)
{
    for (size_t i = 0; i < worker->deployment_count; i++)
        RIACHO_TRY(riacho_changelogs_ensure(&worker->deployments[i], err));
    return RIACHO_OK;
}

riacho_status riacho_shared_open(riacho_worker *worker, riacho_error *err)
{
    riacho_shared *shared = riacho_memory_get_zero(1, sizeof *shared);
    worker->shared = shared;
    shared->worker = worker;
    shared->control = riacho_box_new();
    riacho_plan_leases(worker);
    RIACHO_TRY(ensure_changelogs(worker, err));
    RIACHO_TRY(open_restorers(shared, err));
    RIACHO_TRY(open_threads(shared, err));
    RIACHO_TRY(riacho_membership_join(worker, &shared->membership, err));
    for (size_t i = 0; i < worker->thread_count; i++)
        riacho_transaction_set_member(worker->threads[i].transaction,
                                      riacho_membership_member(shared->membership));
    return RIACHO_OK;
}

/* A transaction uses the member, a thread what its box and its seal hold. */
static void close_thread(riacho_thread *thread)
{
    const riacho_thread parts = *thread;
    riacho_thread_close(thread);
    riacho_transaction_free(parts.transaction);
    riacho_seal_free(parts.seal);
    riacho_box_free(parts.box);
}

void riacho_shared_close(riacho_worker *worker)
{
    riacho_shared *shared = worker->shared;
    for (size_t i = 0; i < worker->thread_count; i++)
        close_thread(&worker->threads[i]);
    worker->thread_count = 0;
    for (size_t i = 0; i < shared->restorer_count; i++)
        riacho_restorer_close(shared->restorers[i]);
    riacho_membership_leave(shared->membership);
    riacho_box_free(shared->control);
    free(shared->restorers);
    free(shared->threads);
    free(shared);
    worker->shared = NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static riacho_status step_control(riacho_shared *shared, bool *ret_did, riacho_error *err)
{
    RIACHO_TRY(riacho_membership_step(shared->membership, 0, ret_did, err));
    if (!*ret_did)
        riacho_trim_step(&shared->trimmer, shared->worker, ret_did);
    return RIACHO_OK;
}

static riacho_status step_restore(riacho_shared *shared, bool *ret_did, riacho_error *err)
{
    for (size_t i = 0; i < shared->restorer_count; i++) {
        bool did;
        RIACHO_TRY(riacho_restorer_step(shared->restorers[i], 0, &did, err));
        *ret_did |= did;
    }
    return RIACHO_OK;
}

static riacho_status step(riacho_worker *worker, riacho_part part, bool *ret_did, riacho_error *err)
{
    *ret_did = false;
    switch (part) {
    case RIACHO_PART_CONTROL:
        return step_control(worker->shared, ret_did, err);
    case RIACHO_PART_RESTORE:
        return step_restore(worker->shared, ret_did, err);
    case RIACHO_PART_STREAM:
        return riacho_thread_step(&worker->threads[0], 0, ret_did, err);
    case RIACHO_PART_COMMIT:
        return riacho_thread_commit_step(&worker->threads[0], 0, ret_did, err);
    case RIACHO_PARTS:
        break;
    }
    return RIACHO_OK;
}

riacho_status riacho_shared_step(riacho_worker *worker, riacho_part part, bool *ret_did,
                                 riacho_error *err)
{
    *ret_did = false;
    if (atomic_load(&worker->crashed))
        return riacho_fail(err, RIACHO_FATAL, "the worker has stopped");
    const riacho_status status = step(worker, part, ret_did, err);
    if (status == RIACHO_OK || status == RIACHO_RETRY)
        return RIACHO_OK;
    riacho_worker_end(worker, RIACHO_FATAL, err);
    return RIACHO_FATAL;
}

/* One step of every part. */
static riacho_status round_of_steps(riacho_worker *worker, bool *ret_did, riacho_error *err)
{
    *ret_did = false;
    for (riacho_part part = RIACHO_PART_CONTROL; part < RIACHO_PARTS; part++) {
        bool did;
        RIACHO_TRY(riacho_shared_step(worker, part, &did, err));
        *ret_did |= did;
    }
    return RIACHO_OK;
}

static int64_t now_ns(const riacho_worker *worker)
{
    return worker->clock->monotonic_ns(worker->clock);
}

riacho_status riacho_shared_drive(riacho_worker *worker, riacho_error *err)
{
    const int64_t deadline_ns = now_ns(worker) + (int64_t)DRIVE_MS * 1000000;
    riacho_error why = {.text = ""};
    size_t idle = 0;
    for (size_t round = 0; round < DRIVE_ROUNDS && idle < DRIVE_IDLE_ROUNDS; round++) {
        bool did;
        if (now_ns(worker) > deadline_ns)
            break;
        RIACHO_TRY(round_of_steps(worker, &did, err));
        if (!did && riacho_worker_drain(worker, 0, &why) == RIACHO_OK)
            return RIACHO_OK;
        idle = did ? 0 : idle + 1;
    }
    return riacho_fail(err, RIACHO_RETRY, "%.400s", *why.text ? why.text : "it is not done yet");
}

/* ---- stopping without threads ---------------------------------------------------------------- */

riacho_status riacho_shared_stop_stepped(riacho_worker *worker, riacho_error *err)
{
    for (size_t round = 0; round < STOP_ROUNDS; round++) {
        bool did;
        if (riacho_membership_release(worker->shared->membership)) {
            atomic_store(&worker->stopping, true);
            return RIACHO_OK;
        }
        RIACHO_TRY(round_of_steps(worker, &did, err));
    }
    return riacho_fail(err, RIACHO_RETRY, "not every task is handed back yet");
}
