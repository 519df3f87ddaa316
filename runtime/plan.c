/* SPDX-License-Identifier: MIT
 *
 * plan.c - see plan.h.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "topics.h"

static riacho_task_place *add_place(riacho_task_place **places, size_t *count, int32_t topic,
                                    int32_t partition)
{
    *places = riacho_memory_resize(*places, (*count + 1) * sizeof **places);
    riacho_task_place *place = &(*places)[(*count)++];
    *place = (riacho_task_place){topic, partition};
    return place;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static riacho_task *task_new(riacho_deployment *deployment, int32_t subtopology, int32_t partition)
{
    const riacho_graph *graph = deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[subtopology];
    riacho_task *task = riacho_memory_get_zero(1, sizeof *task);
    task->deployment = deployment;
    task->subtopology = subtopology;
    task->partition = partition;
    task->name = riacho_format(deployment->arena, "%d_%d", (int)subtopology, (int)partition);
    task->log_name = riacho_format(deployment->arena, "%s/%s", graph->name, task->name);
    pthread_mutex_init(&task->lock, NULL);
    for (size_t i = 0; i < sub->source_count; i++) {
        const int32_t topic = graph->nodes[sub->sources[i]].topic;
        if (partition < deployment->partitions[topic])
            add_place(&task->inputs, &task->input_count, topic, partition);
    }
    return task;
}

riacho_status riacho_plan_tasks(riacho_deployment *deployment, riacho_error *err)
{
    const riacho_graph *graph = deployment->graph;
    deployment->first_task =
        riacho_memory_get_zero(graph->subtopology_count + 1, sizeof *deployment->first_task);
    size_t total = 0;
    for (size_t s = 0; s < graph->subtopology_count; s++) {
        total += (size_t)riacho_topics_task_count(deployment, (int32_t)s);
        deployment->first_task[s + 1] = (uint32_t)total;
    }
    if (total > RIACHO_TASKS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "topology '%s' would have %zu tasks, over %d",
                           graph->name, total, RIACHO_TASKS_MAX);
    deployment->tasks = riacho_memory_get_zero(total, sizeof(riacho_task *));
    for (size_t s = 0; s < graph->subtopology_count; s++) {
        const int32_t count = riacho_topics_task_count(deployment, (int32_t)s);
        for (int32_t p = 0; p < count; p++)
            deployment->tasks[deployment->task_count++] = task_new(deployment, (int32_t)s, p);
    }
    return RIACHO_OK;
}

void riacho_plan_free(riacho_deployment *deployment)
{
    for (size_t i = 0; i < deployment->task_count; i++) {
        riacho_task *task = deployment->tasks[i];
        free(task->inputs);
        free(task->hops);
        pthread_mutex_destroy(&task->lock);
        free(task);
    }
    free(deployment->tasks);
    free(deployment->first_task);
}

/* ---- hops ------------------------------------------------------------------------------------ */

static bool is_read(const riacho_worker *worker, const char *topic)
{
    size_t input;
    for (size_t i = 0; i < worker->deployment_count; i++) {
        if (riacho_deployment_reader(&worker->deployments[i], topic, 0, &input))
            return true;
    }
    return false;
}

static bool allows(const riacho_node *sink, int32_t topic)
{
    for (size_t i = 0; i < sink->allowed_topic_count; i++) {
        if (sink->allowed_topics[i] == topic)
            return true;
    }
    return !sink->topic_expr && sink->topic == topic;
}

static bool may_write(const riacho_task *task, int32_t topic)
{
    const riacho_graph *graph = task->deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[task->subtopology];
    for (size_t i = 0; i < sub->node_count; i++) {
        const riacho_node *node = &graph->nodes[sub->nodes[i]];
        if (node->kind == RIACHO_NODE_SINK && allows(node, topic))
            return true;
    }
    return false;
}

static void plan_hops(riacho_task *task)
{
    const riacho_deployment *deployment = task->deployment;
    for (size_t t = 0; t < deployment->graph->topic_count; t++) {
        const int32_t topic = (int32_t)t;
        if (!may_write(task, topic) ||
            !is_read(deployment->worker, deployment->graph->topics[t].name))
            continue;
        for (int32_t p = 0; p < deployment->partitions[t]; p++)
            add_place(&task->hops, &task->hop_count, topic, p);
    }
}

void riacho_plan_hops(riacho_worker *worker)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        for (size_t t = 0; t < worker->deployments[d].task_count; t++)
            plan_hops(worker->deployments[d].tasks[t]);
    }
}

/* ---- leases ---------------------------------------------------------------------------------- */

/* How many tasks the deployments have whose names come before this one's. */
static size_t tasks_before(const riacho_worker *worker, const riacho_deployment *deployment)
{
    size_t count = 0;
    for (size_t d = 0; d < worker->deployment_count; d++) {
        const riacho_deployment *other = &worker->deployments[d];
        if (strcmp(other->graph->name, deployment->graph->name) < 0)
            count += other->task_count;
    }
    return count;
}

void riacho_plan_leases(riacho_worker *worker)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        const riacho_deployment *deployment = &worker->deployments[d];
        const size_t first = tasks_before(worker, deployment);
        for (size_t t = 0; t < deployment->task_count; t++)
            deployment->tasks[t]->lease = (int32_t)(first + t);
    }
}
