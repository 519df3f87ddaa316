/* SPDX-License-Identifier: MIT
 *
 * worker.c - a worker from open to close: its topologies, its tasks, its threads, and how it ends.
 *
 *   open -> add ... -> start -> (threads run, or drive) -> stop -> close
 *                        |               |
 *                        +---------------+--- fault, FATAL: crashed, nothing more is written
 *
 * Tasks are spread over the threads in turn. On a log that workers share, all tasks are planned,
 * and the group says which run here (shared/shared.h).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "plan.h"
#include "publication.h"
#include "shared/shared.h"
#include "thread.h"
#include "topics.h"

enum { OVERLAY_BYTES = 32 * 1024 * 1024, CACHE_BYTES = 32 * 1024 * 1024 };

/* ---- open, add ------------------------------------------------------------------------------- */

static void init_waiting(riacho_worker *worker)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_rwlock_init(&worker->meeting, NULL);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

riacho_status riacho_worker_open(const riacho_worker_options *options, riacho_worker **ret_worker,
                                 riacho_error *err)
{
    assert(options->log && options->stores);
    (void)err;
    riacho_worker *worker = riacho_memory_get_zero(1, sizeof *worker);
    worker->options = *options;
    worker->options.name = riacho_memory_text(options->name ? options->name : "worker");
    if (!worker->options.overlay_bytes)
        worker->options.overlay_bytes = OVERLAY_BYTES;
    if (!worker->options.cache_bytes)
        worker->options.cache_bytes = CACHE_BYTES;
    worker->log = options->log;
    worker->clock = options->clock ? options->clock : riacho_clock_system();
    init_waiting(worker);
    *ret_worker = worker;
    return RIACHO_OK;
}

struct route {
    const char *method;
    const char *base;
    const char *path;
};

static size_t route_count(const riacho_graph *graph)
{
    return graph->command_count + graph->query_count;
}

static struct route route_at(const riacho_graph *graph, size_t i)
{
    const char *base = graph->base_path ? graph->base_path : "";
    if (i < graph->command_count)
        return (struct route){graph->commands[i].method, base, graph->commands[i].path};
    return (struct route){"GET", base, graph->queries[i - graph->command_count].path};
}

static bool same_route(const struct route *a, const struct route *b)
{
    const size_t a_base = strlen(a->base), b_base = strlen(b->base);
    if (strcmp(a->method, b->method) != 0 || a_base + strlen(a->path) != b_base + strlen(b->path))
        return false;
    const bool a_shorter = a_base < b_base;
    const struct route *brief = a_shorter ? a : b, *full = a_shorter ? b : a;
    const size_t brief_base = strlen(brief->base);
    const size_t rest = strlen(full->base) - brief_base;
    return strncmp(full->base, brief->base, brief_base) == 0 &&
           strncmp(full->base + brief_base, brief->path, rest) == 0 &&
           strcmp(full->path, brief->path + rest) == 0;
}

static riacho_status check_routes(const riacho_graph *held, const riacho_graph *added,
                                  riacho_error *err)
{
    for (size_t h = 0; h < route_count(held); h++) {
        const struct route theirs = route_at(held, h);
        for (size_t a = 0; a < route_count(added); a++) {
            const struct route ours = route_at(added, a);
            if (same_route(&theirs, &ours))
                return riacho_fail(err, RIACHO_REJECT,
                                   "%s %s%s of topology '%s' is already served by topology '%s'",
                                   ours.method, ours.base, ours.path, added->name, held->name);
        }
    }
    return RIACHO_OK;
}

riacho_status riacho_worker_add(riacho_worker *worker, const riacho_graph *graph, riacho_error *err)
{
    assert(!atomic_load(&worker->started));
    if (riacho_worker_deployment(worker, graph->name))
        return riacho_fail(err, RIACHO_REJECT, "this worker already has a topology '%s'",
                           graph->name);
    for (size_t i = 0; i < worker->deployment_count; i++)
        RIACHO_TRY(check_routes(worker->deployments[i].graph, graph, err));
    worker->deployments = riacho_memory_resize(
        worker->deployments, (worker->deployment_count + 1) * sizeof *worker->deployments);
    worker->deployments[worker->deployment_count++] = (riacho_deployment){
        .worker = worker,
        .graph = graph,
        .arena = riacho_arena_new(),
        .partitions = riacho_memory_get_zero(graph->topic_count, sizeof(int32_t)),
        .cleanups = riacho_memory_get_zero(graph->topic_count, sizeof(riacho_cleanup)),
    };
    return RIACHO_OK;
}

/* ---- start ----------------------------------------------------------------------------------- */

/* Stops threads and tasks from here on; nothing they have in hand is written. */
static riacho_status crash(riacho_worker *worker, riacho_status status, const riacho_error *err)
{
    if (status == RIACHO_FATAL)
        riacho_worker_end(worker, status, err);
    return status;
}

static riacho_status check_tasks(riacho_worker *worker, riacho_error *err)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        riacho_deployment *deployment = &worker->deployments[d];
        for (size_t t = 0; t < deployment->task_count; t++)
            RIACHO_TRY(riacho_task_check(deployment->tasks[t], err));
    }
    return RIACHO_OK;
}

static riacho_status open_tasks(riacho_worker *worker, riacho_error *err)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        riacho_deployment *deployment = &worker->deployments[d];
        for (size_t t = 0; t < deployment->task_count; t++)
            RIACHO_TRY(riacho_run_open(deployment->tasks[t], err));
    }
    return RIACHO_OK;
}

static void deal_tasks(riacho_worker *worker)
{
    for (size_t i = 0; i < worker->thread_count; i++) {
        worker->threads[i].worker = worker;
        worker->threads[i].index = i;
    }
    size_t turn = 0;
    for (size_t d = 0; d < worker->deployment_count; d++) {
        for (size_t t = 0; t < worker->deployments[d].task_count; t++) {
            riacho_thread *thread = &worker->threads[turn++ % worker->thread_count];
            riacho_thread_add(thread, worker->deployments[d].tasks[t]->run);
        }
    }
}

static riacho_status open_threads(riacho_worker *worker, riacho_error *err)
{
    worker->thread_count = worker->options.threads ? worker->options.threads : 1;
    worker->threads = riacho_memory_get_zero(worker->thread_count, sizeof *worker->threads);
    deal_tasks(worker);
    for (size_t i = 0; i < worker->thread_count; i++)
        RIACHO_TRY(riacho_thread_open(&worker->threads[i], err));
    return RIACHO_OK;
}

static riacho_status plan(riacho_worker *worker, riacho_error *err)
{
    for (size_t i = 0; i < worker->deployment_count; i++) {
        RIACHO_TRY(riacho_topics_plan(&worker->deployments[i], err));
        RIACHO_TRY(riacho_plan_tasks(&worker->deployments[i], err));
    }
    riacho_plan_hops(worker);
    return RIACHO_OK;
}

static riacho_status ensure_topics(riacho_worker *worker, riacho_error *err)
{
    for (size_t i = 0; i < worker->deployment_count; i++)
        RIACHO_TRY(riacho_topics_ensure(&worker->deployments[i], err));
    return RIACHO_OK;
}

static riacho_status start_shared(riacho_worker *worker, riacho_error *err)
{
    RIACHO_TRY(riacho_shared_check(worker, err));
    RIACHO_TRY(plan(worker, err));
    RIACHO_TRY(ensure_topics(worker, err));
    RIACHO_TRY(riacho_shared_open(worker, err));
    atomic_store(&worker->started, true);
    return riacho_shared_start(worker, err);
}

/* All topologies are checked before the log, or the state of any task, is changed by one. */
static riacho_status start(riacho_worker *worker, riacho_error *err)
{
    RIACHO_TRY(plan(worker, err));
    RIACHO_TRY(check_tasks(worker, err));
    RIACHO_TRY(ensure_topics(worker, err));
    RIACHO_TRY(open_tasks(worker, err));
    RIACHO_TRY(open_threads(worker, err));
    atomic_store(&worker->started, true);
    for (size_t i = 0; i < worker->options.threads; i++)
        RIACHO_TRY(riacho_thread_start(&worker->threads[i], err));
    return RIACHO_OK;
}

riacho_status riacho_worker_start(riacho_worker *worker, riacho_error *err)
{
    assert(!atomic_load(&worker->started));
    riacho_error own = {.text = ""};
    riacho_error *cause = err ? err : &own;
    const bool is_shared = worker->log->ops->broker != NULL;
    return crash(worker, (is_shared ? start_shared : start)(worker, cause), cause);
}

/* ---- running --------------------------------------------------------------------------------- */

riacho_status riacho_worker_drive(riacho_worker *worker, riacho_drive commit, riacho_error *err)
{
    assert(atomic_load(&worker->started) && !worker->options.threads);
    riacho_error own = {.text = ""};
    riacho_error *cause = err ? err : &own;
    if (worker->shared)
        return riacho_shared_drive(worker, cause);
    return crash(worker, riacho_thread_drive(&worker->threads[0], commit, cause), cause);
}

riacho_status riacho_worker_step(riacho_worker *worker, riacho_part part, bool *ret_did,
                                 riacho_error *err)
{
    assert(atomic_load(&worker->started) && worker->shared && !worker->options.threads);
    riacho_error own = {.text = ""};
    return riacho_shared_step(worker, part, ret_did, err ? err : &own);
}

static void wake_threads(riacho_worker *worker)
{
    if (worker->shared) {
        riacho_shared_wake(worker);
        return;
    }
    for (size_t i = 0; i < worker->thread_count; i++)
        riacho_thread_wake(&worker->threads[i]);
}

void riacho_worker_request_commit(riacho_worker *worker)
{
    atomic_fetch_add(&worker->commit_requests, 1);
    if (atomic_load(&worker->started))
        wake_threads(worker);
}

static void mark_stopped(riacho_worker *worker)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        for (size_t t = 0; t < worker->deployments[d].task_count; t++)
            atomic_store(&worker->deployments[d].tasks[t]->state, RIACHO_TASK_STOPPED);
    }
}

void riacho_worker_end(riacho_worker *worker, riacho_status status, const riacho_error *reason)
{
    pthread_mutex_lock(&worker->lock);
    const bool first = worker->status == RIACHO_OK;
    if (first) {
        worker->status = status;
        worker->reason = *reason;
    }
    pthread_mutex_unlock(&worker->lock);
    if (first) /* a hook that stops a worker is a test, and no news */
        riacho_trace(worker->options.fault ? RIACHO_DEBUG : RIACHO_ERROR, "the worker has ended",
                     "worker", worker->options.name, "reason", reason->text, NULL);
    if (status == RIACHO_FATAL) {
        atomic_store(&worker->crashed, true);
        mark_stopped(worker);
    }
    riacho_worker_wake(worker);
    if (atomic_load(&worker->started))
        wake_threads(worker);
}

riacho_status riacho_worker_status(riacho_worker *worker, riacho_error *ret_reason)
{
    pthread_mutex_lock(&worker->lock);
    const riacho_status status = worker->status;
    if (ret_reason && status != RIACHO_OK)
        *ret_reason = worker->reason;
    pthread_mutex_unlock(&worker->lock);
    return status;
}

/* ---- stop, close ----------------------------------------------------------------------------- */

static void join_threads(riacho_worker *worker)
{
    if (worker->shared) {
        riacho_shared_join(worker);
        return;
    }
    wake_threads(worker);
    for (size_t i = 0; i < worker->thread_count; i++)
        riacho_thread_join(&worker->threads[i]);
}

static riacho_status stop_alone(riacho_worker *worker, riacho_error *err)
{
    atomic_store(&worker->stopping, true);
    join_threads(worker);
    if (!worker->options.threads && riacho_worker_status(worker, NULL) == RIACHO_OK)
        return riacho_thread_commit_all(&worker->threads[0], err);
    return RIACHO_OK;
}

riacho_status riacho_worker_stop(riacho_worker *worker, riacho_error *err)
{
    if (!atomic_load(&worker->started))
        return RIACHO_OK;
    riacho_error reason = {.text = ""};
    riacho_status status = (worker->shared ? riacho_shared_stop : stop_alone)(worker, &reason);
    if (status == RIACHO_RETRY && worker->shared)
        return riacho_fail(err, status, "%s", reason.text);
    if (status == RIACHO_OK)
        status = riacho_worker_status(worker, &reason);
    mark_stopped(worker);
    riacho_worker_wake(worker);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "%s", reason.text);
    return RIACHO_OK;
}

static void close_task(riacho_task *task)
{
    riacho_run_close(task->run);
    riacho_task_end_serving(task);
}

static void close_deployment(riacho_deployment *deployment)
{
    for (size_t i = 0; i < deployment->task_count; i++)
        close_task(deployment->tasks[i]);
    riacho_plan_free(deployment);
    free(deployment->partitions);
    free(deployment->cleanups);
    riacho_arena_free(deployment->arena);
}

void riacho_worker_close(riacho_worker *worker)
{
    if (!worker)
        return;
    if (!atomic_load(&worker->stopping))
        atomic_store(&worker->crashed, true);
    join_threads(worker);
    if (worker->serving_free)
        worker->serving_free(worker->serving);
    if (worker->shared)
        riacho_shared_close(worker);
    for (size_t i = 0; i < worker->thread_count; i++)
        riacho_thread_close(&worker->threads[i]);
    for (size_t i = 0; i < worker->deployment_count; i++)
        close_deployment(&worker->deployments[i]);
    free(worker->threads);
    free(worker->deployments);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    pthread_rwlock_destroy(&worker->meeting);
    free((char *)worker->options.name);
    free(worker);
}
