/* SPDX-License-Identifier: MIT
 *
 * drain.c - waiting until everything that the log held at one moment is processed and committed,
 * with all that came of it.
 *
 * What is wanted of each input of each task starts as the log's end at the call. As soon as a
 * commit covers it, what that commit had written into its hops is wanted of the hops' readers. When
 * nothing more is wanted and everything is covered, the worker is drained; producers that go on
 * meanwhile do not matter. On a log that workers share, this is about the tasks that are here.
 *
 * Threads: any.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "riacho/port/broker.h"
#include "shared/shared.h"

/* One for each input of each task of the worker. */
struct wanted {
    riacho_task *task;
    size_t input;
    int64_t next;
};

struct drain {
    riacho_worker *worker;
    struct wanted *items;
    size_t count;
};

static void riacho_auto_drain(struct drain *drain)
{
    free(drain->items);
}

static const char *topic_of(const riacho_task *task, const riacho_task_place *place)
{
    return task->deployment->graph->topics[place->topic].name;
}

static void collect(struct drain *drain, riacho_task *task)
{
    drain->items = riacho_memory_resize(drain->items,
                                        (drain->count + task->input_count) * sizeof *drain->items);
    for (size_t i = 0; i < task->input_count; i++)
        drain->items[drain->count++] = (struct wanted){task, i, 0};
}

/* What nobody can read yet, because its transaction is not over, is not waited for. */
static riacho_status end_of(riacho_log *log, const char *topic, int32_t partition, int64_t *ret_end,
                            riacho_error *err)
{
    int64_t first;
    if (log->ops->broker)
        return log->ops->broker->stable_end(log, topic, partition, ret_end, err);
    return log->ops->bounds(log, topic, partition, &first, ret_end, err);
}

static riacho_status want_present_ends(struct drain *drain, riacho_error *err)
{
    riacho_log *log = drain->worker->log;
    for (size_t i = 0; i < drain->count; i++) {
        struct wanted *wanted = &drain->items[i];
        const riacho_task_place *place = &wanted->task->inputs[wanted->input];
        RIACHO_TRY(
            end_of(log, topic_of(wanted->task, place), place->partition, &wanted->next, err));
    }
    return RIACHO_OK;
}

/* true: something more is wanted than before. */
static bool want(struct drain *drain, const riacho_position *end)
{
    bool more = false;
    for (size_t i = 0; i < drain->count; i++) {
        struct wanted *wanted = &drain->items[i];
        const riacho_task_place *place = &wanted->task->inputs[wanted->input];
        if (end->next <= wanted->next || place->partition != end->partition ||
            strcmp(topic_of(wanted->task, place), end->topic) != 0)
            continue;
        wanted->next = end->next;
        more = true;
    }
    return more;
}

/* RIACHO_RETRY: something that is wanted is not covered yet. ret_more: and more is wanted now. */
static riacho_status follow(struct drain *drain, const struct wanted *wanted, bool *ret_more)
{
    riacho_task *task = wanted->task;
    RIACHO_AUTO(heap)
    riacho_position *ends = riacho_memory_get_zero(task->hop_count, sizeof *ends);
    RIACHO_TRY(riacho_task_follow(task, wanted->input, wanted->next, ends));
    for (size_t i = 0; i < task->hop_count; i++)
        *ret_more |= want(drain, &ends[i]);
    return RIACHO_OK;
}

static riacho_status check(struct drain *drain)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < drain->count; i++)
            RIACHO_TRY(follow(drain, &drain->items[i], &more));
    }
    return RIACHO_OK;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static riacho_status wait_for_it(struct drain *drain, int64_t deadline_ns, riacho_error *err)
{
    for (;;) {
        const uint64_t seen = riacho_worker_publish_count(drain->worker);
        riacho_error reason;
        const riacho_status ended = riacho_worker_status(drain->worker, &reason);
        if (ended != RIACHO_OK)
            return riacho_fail(err, ended, "%s", reason.text);
        if (check(drain) == RIACHO_OK)
            return RIACHO_OK;
        if (!drain->worker->options.threads || monotonic_ns() >= deadline_ns)
            return riacho_fail(err, RIACHO_RETRY, "not everything is processed and committed yet");
        riacho_worker_await_publish(drain->worker, seen, deadline_ns);
    }
}

static bool is_here(const riacho_task *task)
{
    const riacho_task_state state = atomic_load(&task->state);
    return state != RIACHO_TASK_AWAY && state != RIACHO_TASK_STANDBY;
}

riacho_status riacho_worker_drain(riacho_worker *worker, int64_t timeout_ms, riacho_error *err)
{
    if (!atomic_load(&worker->started))
        return riacho_fail(err, RIACHO_RETRY, "the worker is not started");
    const int64_t deadline_ns = monotonic_ns() + timeout_ms * 1000000;
    RIACHO_AUTO(drain) struct drain drain = {.worker = worker};
    if (worker->shared && !riacho_membership_settled(worker->shared->membership))
        return riacho_fail(err, RIACHO_RETRY, "the group has not said yet what runs here");
    for (size_t d = 0; d < worker->deployment_count; d++) {
        for (size_t t = 0; t < worker->deployments[d].task_count; t++) {
            if (is_here(worker->deployments[d].tasks[t]))
                collect(&drain, worker->deployments[d].tasks[t]);
        }
    }
    RIACHO_TRY(want_present_ends(&drain, err));
    return wait_for_it(&drain, deadline_ns, err);
}
