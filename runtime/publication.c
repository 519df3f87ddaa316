/* SPDX-License-Identifier: MIT
 *
 * publication.c - see publication.h and worker_private.h.
 *
 * Lock order: a task's lock and the worker's lock are never held together.
 */
#include "publication.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"
#include "operators/operators.h"

/* ---- history --------------------------------------------------------------------------------- */

struct riacho_history {
    size_t input_count;
    size_t width; /* numbers of one commit: inputs, then hops */
    size_t capacity;
    size_t count;
    size_t oldest;
    int64_t *numbers;
};

riacho_history *riacho_history_new(size_t input_count, size_t hop_count)
{
    riacho_history *history = riacho_memory_get_zero(1, sizeof *history);
    history->input_count = input_count;
    history->width = input_count + hop_count;
    history->capacity = history->width ? RIACHO_HISTORY_NUMBERS_MAX / history->width : 1;
    if (history->capacity > RIACHO_HISTORY_COMMITS_MAX)
        history->capacity = RIACHO_HISTORY_COMMITS_MAX;
    if (history->capacity < RIACHO_HISTORY_COMMITS_MIN)
        history->capacity = RIACHO_HISTORY_COMMITS_MIN;
    history->numbers =
        riacho_memory_get(history->capacity * history->width * sizeof *history->numbers);
    return history;
}

void riacho_history_free(riacho_history *history)
{
    if (!history)
        return;
    free(history->numbers);
    free(history);
}

static void riacho_auto_history(riacho_history **history)
{
    riacho_history_free(*history);
}

/* Commit i, counted from the oldest that is remembered. */
static int64_t *at(const riacho_history *history, size_t i)
{
    return history->numbers + (history->oldest + i) % history->capacity * history->width;
}

void riacho_history_add(riacho_history *history, const riacho_position *positions,
                        const riacho_position *ends)
{
    if (history->count == history->capacity)
        history->oldest = (history->oldest + 1) % history->capacity;
    else
        history->count++;
    int64_t *newest = at(history, history->count - 1);
    for (size_t i = 0; i < history->width; i++)
        newest[i] =
            i < history->input_count ? positions[i].next : ends[i - history->input_count].next;
}

const int64_t *riacho_history_follow(const riacho_history *history, size_t input, int64_t next)
{
    size_t low = 0, high = history->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (at(history, middle)[input] >= next)
            high = middle;
        else
            low = middle + 1;
    }
    return low < history->count ? at(history, low) + history->input_count : NULL;
}

/* ---- publications ---------------------------------------------------------------------------- */

static riacho_publication *publication_new(riacho_task *task, const riacho_publish *publish)
{
    const size_t count = task->input_count + task->hop_count;
    riacho_publication *made =
        riacho_memory_get_zero(1, sizeof *made + count * sizeof(riacho_position));
    riacho_position *positions = (riacho_position *)(made + 1);
    memcpy(positions, publish->positions, task->input_count * sizeof *positions);
    memcpy(positions + task->input_count, publish->ends, task->hop_count * sizeof *positions);
    riacho_clock *clock = task->deployment->worker->clock;
    atomic_init(&made->references, 1);
    made->task = task;
    made->store = task->store;
    made->snapshot = task->store->ops->snapshot_open(task->store);
    made->number = publish->number;
    made->published_ms = clock->now_ms(clock);
    made->stream_time_ms = publish->stream_time_ms;
    made->positions = positions;
    made->position_count = task->input_count;
    made->ends = positions + task->input_count;
    made->end_count = task->hop_count;
    atomic_fetch_add_explicit(&task->publication_count, 1, memory_order_relaxed);
    return made;
}

void riacho_publication_release(riacho_publication *publication)
{
    if (!publication ||
        atomic_fetch_sub_explicit(&publication->references, 1, memory_order_acq_rel) != 1)
        return;
    riacho_task *task = publication->task;
    publication->store->ops->snapshot_close(publication->store, publication->snapshot);
    free(publication);
    if (atomic_fetch_sub_explicit(&task->publication_count, 1, memory_order_acq_rel) == 1)
        riacho_worker_wake(task->deployment->worker); /* it is about to close its store */
}

riacho_publication *riacho_task_publication(riacho_task *task)
{
    pthread_mutex_lock(&task->lock);
    riacho_publication *publication = task->published;
    if (publication)
        atomic_fetch_add_explicit(&publication->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&task->lock);
    return publication;
}

static riacho_publication *swap(riacho_task *task, riacho_publication *publication)
{
    riacho_publication *before = task->published;
    task->published = publication;
    return before;
}

void riacho_task_publish(riacho_task *task, const riacho_publish *publish)
{
    riacho_publication *made = publication_new(task, publish);
    pthread_mutex_lock(&task->lock);
    RIACHO_AUTO(publication) riacho_publication *before = swap(task, made);
    if (!task->history)
        task->history = riacho_history_new(task->input_count, task->hop_count);
    riacho_history_add(task->history, made->positions, made->ends);
    pthread_mutex_unlock(&task->lock);
    (void)before;
    riacho_worker_wake(task->deployment->worker);
}

void riacho_task_unpublish(riacho_task *task)
{
    pthread_mutex_lock(&task->lock);
    RIACHO_AUTO(publication) riacho_publication *before = swap(task, NULL);
    pthread_mutex_unlock(&task->lock);
    (void)before;
}

static void await_readers(riacho_task *task)
{
    riacho_worker *worker = task->deployment->worker;
    uint64_t seen = riacho_worker_publish_count(worker);
    while (atomic_load_explicit(&task->publication_count, memory_order_acquire))
        seen = riacho_worker_await_publish(worker, seen, INT64_MAX);
}

void riacho_task_close_store(riacho_task *task)
{
    assert(!task->run);
    riacho_task_unpublish(task);
    await_readers(task);
    pthread_mutex_lock(&task->lock);
    riacho_store *store = task->store;
    task->store = NULL;
    pthread_mutex_unlock(&task->lock);
    if (store)
        store->ops->close(store);
}

void riacho_task_measure(riacho_task *task, uint32_t space, uint64_t *keys, uint64_t *bytes)
{
    uint64_t some_keys = 0, some_bytes = 0;
    pthread_mutex_lock(&task->lock);
    if (task->store)
        task->store->ops->measure(task->store, space, &some_keys, &some_bytes);
    pthread_mutex_unlock(&task->lock);
    *keys += some_keys;
    *bytes += some_bytes;
}

void riacho_task_end_serving(riacho_task *task)
{
    riacho_task_close_store(task);
    riacho_history_free(task->history);
    free(task->past);
    task->history = NULL;
    task->past = NULL;
}

void riacho_task_forget_history(riacho_task *task)
{
    pthread_mutex_lock(&task->lock);
    RIACHO_AUTO(history) riacho_history *before = RIACHO_TAKE(task->history);
    pthread_mutex_unlock(&task->lock);
    (void)before;
}

riacho_status riacho_task_follow(riacho_task *task, size_t input, int64_t next,
                                 riacho_position *ret_ends)
{
    assert(input < task->input_count);
    pthread_mutex_lock(&task->lock);
    const int64_t *ends = task->history ? riacho_history_follow(task->history, input, next) : NULL;
    for (size_t i = 0; ends && i < task->hop_count; i++) {
        const riacho_task_place *hop = &task->hops[i];
        ret_ends[i] = (riacho_position){task->deployment->graph->topics[hop->topic].name,
                                        hop->partition, ends[i]};
    }
    pthread_mutex_unlock(&task->lock);
    return ends ? RIACHO_OK : RIACHO_RETRY;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void add_counts(riacho_node_counts *sum, riacho_node_counts more)
{
    sum->records_in += more.records_in;
    sum->records_out += more.records_out;
    sum->dropped += more.dropped;
}

static void keep_counts(riacho_task *task)
{
    const riacho_graph *graph = task->deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[task->subtopology];
    if (!task->past)
        task->past = riacho_memory_get_zero(graph->node_count, sizeof *task->past);
    for (size_t i = 0; i < sub->node_count; i++)
        add_counts(&task->past[sub->nodes[i]], riacho_chain_counts(task->chain, sub->nodes[i]));
}

void riacho_task_set_chain(riacho_task *task, const riacho_chain *chain)
{
    pthread_mutex_lock(&task->lock);
    if (task->chain)
        keep_counts(task);
    task->chain = chain;
    pthread_mutex_unlock(&task->lock);
}

void riacho_task_step_counts(riacho_task *task, int32_t node, riacho_node_counts *ret_counts)
{
    *ret_counts = (riacho_node_counts){0};
    pthread_mutex_lock(&task->lock);
    if (task->past)
        *ret_counts = task->past[node];
    if (task->chain)
        add_counts(ret_counts, riacho_chain_counts(task->chain, node));
    pthread_mutex_unlock(&task->lock);
}

/* ---- state ----------------------------------------------------------------------------------- */

const char *riacho_task_state_name(riacho_task_state state)
{
    static const char *const names[] = {
        [RIACHO_TASK_RUNNING] = "running",       [RIACHO_TASK_AWAY] = "away",
        [RIACHO_TASK_STANDBY] = "standby",       [RIACHO_TASK_RESTORING] = "restoring",
        [RIACHO_TASK_RECOVERING] = "recovering", [RIACHO_TASK_PAUSED] = "paused",
        [RIACHO_TASK_STOPPED] = "stopped",
    };
    return names[state];
}

void riacho_task_set_state(riacho_task *task, riacho_task_state state, const char *reason)
{
    pthread_mutex_lock(&task->lock);
    snprintf(task->reason, sizeof task->reason, "%s", reason ? reason : "");
    pthread_mutex_unlock(&task->lock);
    atomic_store(&task->state, state);
    riacho_worker_wake(task->deployment->worker);
}

/* ---- waking ---------------------------------------------------------------------------------- */

void riacho_worker_wake(riacho_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->publish_count++;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

uint64_t riacho_worker_publish_count(riacho_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    const uint64_t count = worker->publish_count;
    pthread_mutex_unlock(&worker->lock);
    return count;
}

uint64_t riacho_worker_await_publish(riacho_worker *worker, uint64_t seen, int64_t deadline_ns)
{
    const struct timespec deadline = {.tv_sec = deadline_ns / 1000000000,
                                      .tv_nsec = deadline_ns % 1000000000};
    pthread_mutex_lock(&worker->lock);
    while (worker->publish_count == seen &&
           pthread_cond_timedwait(&worker->changed, &worker->lock, &deadline) != ETIMEDOUT)
        ;
    const uint64_t count = worker->publish_count;
    pthread_mutex_unlock(&worker->lock);
    return count;
}

/* ---- finding --------------------------------------------------------------------------------- */

riacho_deployment *riacho_worker_deployment(riacho_worker *worker, const char *topology)
{
    for (size_t i = 0; i < worker->deployment_count; i++) {
        if (strcmp(worker->deployments[i].graph->name, topology) == 0)
            return &worker->deployments[i];
    }
    return NULL;
}

riacho_task *riacho_deployment_reader(const riacho_deployment *deployment, const char *topic,
                                      int32_t partition, size_t *ret_input)
{
    for (size_t t = 0; t < deployment->task_count; t++) {
        riacho_task *task = deployment->tasks[t];
        for (size_t i = 0; i < task->input_count; i++) {
            const riacho_task_place *place = &task->inputs[i];
            if (place->partition != partition ||
                strcmp(deployment->graph->topics[place->topic].name, topic) != 0)
                continue;
            *ret_input = i;
            return task;
        }
    }
    return NULL;
}

riacho_task *riacho_deployment_owner(const riacho_deployment *deployment, int32_t store,
                                     riacho_bytes key)
{
    const int32_t subtopology = deployment->graph->stores[store].subtopology;
    const uint32_t first = deployment->first_task[subtopology];
    const uint32_t count = deployment->first_task[subtopology + 1] - first;
    return deployment->tasks[first + (uint32_t)riacho_partition_of(key, (int32_t)count)];
}
