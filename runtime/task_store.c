/* SPDX-License-Identifier: MIT
 *
 * task_store.c - see task_store.h.
 */
#include "task_store.h"

#include <assert.h>

#include "base/macros.h"
#include "base/trace.h"

static riacho_store_spec spec_of(const riacho_task *task, riacho_arena *arena)
{
    const riacho_graph *graph = task->deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[task->subtopology];
    const char **names = riacho_alloc_zero(arena, sub->store_count, sizeof *names);
    for (size_t i = 0; i < sub->store_count; i++)
        names[i] = graph->stores[sub->stores[i]].name;
    return (riacho_store_spec){
        .topology = graph->name,
        .task = task->name,
        .space_names = names,
        .space_count = sub->store_count,
    };
}

riacho_status riacho_task_move_store_aside(riacho_task *task, const riacho_unusable *unusable,
                                           riacho_error *err)
{
    assert(!task->store);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_store_factory *stores = task->deployment->worker->options.stores;
    const riacho_store_spec spec = spec_of(task, arena);
    const char *moved_to = NULL;
    RIACHO_TRY(stores->ops->quarantine(stores, &spec, arena, &moved_to, err));
    atomic_fetch_add_explicit(&task->counters.set_aside, 1, memory_order_relaxed);
    const char *message =
        riacho_format(arena, "%s state moved aside, rebuilding it from the log", unusable->word);
    riacho_trace(RIACHO_WARN, message, "task", task->log_name, "reason", unusable->why, "moved_to",
                 moved_to, NULL);
    return RIACHO_OK;
}

riacho_status riacho_task_open_store(riacho_task *task, riacho_error *err)
{
    assert(!task->store);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_store_factory *stores = task->deployment->worker->options.stores;
    const riacho_store_spec spec = spec_of(task, arena);
    riacho_error damage = {.text = ""};
    riacho_store *store = NULL;
    riacho_status status = stores->ops->open(stores, &spec, &store, &damage);
    if (status == RIACHO_REJECT) {
        const riacho_unusable unusable = {"damaged", damage.text};
        RIACHO_TRY(riacho_task_move_store_aside(task, &unusable, err));
        status = stores->ops->open(stores, &spec, &store, &damage);
    }
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "task %s: %.400s", task->log_name, damage.text);
    pthread_mutex_lock(&task->lock);
    task->store = store;
    pthread_mutex_unlock(&task->lock);
    return RIACHO_OK;
}

static uint64_t share_of(const riacho_task *task, uint64_t bytes)
{
    enum { BYTES_MIN = 64 * 1024 }; /* less is of no use */
    const riacho_worker *worker = task->deployment->worker;
    size_t tasks = 0;
    for (size_t i = 0; i < worker->deployment_count; i++)
        tasks += worker->deployments[i].task_count;
    const uint64_t share = bytes / (tasks ? tasks : 1);
    return share < BYTES_MIN ? BYTES_MIN : share;
}

uint64_t riacho_task_cache_bytes(const riacho_task *task)
{
    return share_of(task, task->deployment->worker->options.cache_bytes);
}

uint64_t riacho_task_memory_bytes(const riacho_task *task)
{
    const riacho_worker_options *options = &task->deployment->worker->options;
    return share_of(task, options->overlay_bytes + options->cache_bytes);
}
