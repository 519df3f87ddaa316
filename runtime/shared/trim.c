/* SPDX-License-Identifier: MIT
 *
 * trim.c - see trim.h.
 */
#include "trim.h"

#include "base/macros.h"
#include "base/trace.h"
#include "riacho/port/broker.h"

static int64_t now_ns(const riacho_worker *worker)
{
    return worker->clock->monotonic_ns(worker->clock);
}

/* The next input of the pass; NULL: it is through. */
static riacho_task *next_input(riacho_trimmer *trimmer, const riacho_worker *worker,
                               size_t *ret_input)
{
    while (trimmer->deployment < worker->deployment_count) {
        const riacho_deployment *deployment = &worker->deployments[trimmer->deployment];
        if (trimmer->task == deployment->task_count) {
            trimmer->deployment++;
            trimmer->task = 0;
        } else if (trimmer->input == deployment->tasks[trimmer->task]->input_count) {
            trimmer->task++;
            trimmer->input = 0;
        } else {
            *ret_input = trimmer->input++;
            return deployment->tasks[trimmer->task];
        }
    }
    return NULL;
}

static bool is_trimmed(riacho_task *task, size_t input)
{
    const riacho_graph_topic *topic = &task->deployment->graph->topics[task->inputs[input].topic];
    return (topic->roles & RIACHO_TOPIC_REPARTITION) &&
           atomic_load(&task->state) == RIACHO_TASK_RUNNING;
}

/* What the group has, and not what is shown: marks of transactions move that on without a commit.
 * 0: nothing, or it cannot be asked now. */
static int64_t committed(const riacho_worker *worker, const riacho_task *task, size_t input)
{
    enum { ASK_MS = 50 };
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_task_place *place = &task->inputs[input];
    riacho_committed at = {
        .position = {task->deployment->graph->topics[place->topic].name, place->partition, -1}};
    riacho_error why;
    if (worker->log->ops->broker->fetch(worker->log, worker->options.group, arena, &at, 1, ASK_MS,
                                        &why) != RIACHO_OK)
        return 0;
    return at.position.next;
}

static void trim(riacho_worker *worker, const riacho_task *task, size_t input, int64_t before)
{
    const riacho_task_place *place = &task->inputs[input];
    const char *topic = task->deployment->graph->topics[place->topic].name;
    riacho_error why = {.text = ""};
    if (worker->log->ops->broker->trim(worker->log, topic, place->partition, before, &why) !=
        RIACHO_OK)
        riacho_trace(RIACHO_WARN, "what was read of a repartition topic cannot be removed", "topic",
                     topic, "reason", why.text, NULL);
}

void riacho_trim_step(riacho_trimmer *trimmer, riacho_worker *worker, bool *ret_did)
{
    const int64_t now = now_ns(worker);
    size_t input;
    if (!trimmer->due_ns)
        trimmer->due_ns = now + (int64_t)RIACHO_TRIM_MS * 1000000;
    if (now < trimmer->due_ns)
        return;
    for (riacho_task *task; (task = next_input(trimmer, worker, &input));) {
        if (!is_trimmed(task, input))
            continue;
        const int64_t before = committed(worker, task, input);
        if (before > 0)
            trim(worker, task, input, before);
        *ret_did = true;
        return;
    }
    *trimmer = (riacho_trimmer){.due_ns = now + (int64_t)RIACHO_TRIM_MS * 1000000};
}
