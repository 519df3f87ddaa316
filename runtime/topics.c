/* SPDX-License-Identifier: MIT
 *
 * topics.c - see topics.h.
 */
#include "topics.h"

#include <string.h>

#include "base/macros.h"

int32_t riacho_topics_task_count(const riacho_deployment *deployment, int32_t subtopology)
{
    const riacho_graph *graph = deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[subtopology];
    int32_t most = 0;
    for (size_t i = 0; i < sub->source_count; i++) {
        const int32_t count = deployment->partitions[graph->nodes[sub->sources[i]].topic];
        if (!count)
            return 0;
        most = count > most ? count : most;
    }
    return most;
}

/* What the log has of it; partitions 0 when it has none. Any status but OK: nobody knows now. */
static riacho_status find(riacho_log *log, const char *name, riacho_arena *arena,
                          riacho_topic_spec *ret_spec, riacho_error *err)
{
    riacho_topic_spec spec = {.name = name};
    const riacho_status status = log->ops->topic_describe(log, name, arena, &spec, err);
    if (status != RIACHO_OK && status != RIACHO_REJECT)
        return status;
    *ret_spec = status == RIACHO_OK ? spec : (riacho_topic_spec){.name = name};
    return RIACHO_OK;
}

/* How many partitions another deployment is about to give it; 0: none does. */
static int32_t planned_elsewhere(const riacho_worker *worker, const char *name)
{
    for (size_t d = 0; d < worker->deployment_count; d++) {
        const riacho_deployment *deployment = &worker->deployments[d];
        for (size_t i = 0; i < deployment->graph->topic_count; i++) {
            if (deployment->partitions[i] && strcmp(deployment->graph->topics[i].name, name) == 0)
                return deployment->partitions[i];
        }
    }
    return 0;
}

static riacho_status apply(const riacho_deployment *deployment, const riacho_topic_spec *spec,
                           riacho_error *err)
{
    riacho_log *log = deployment->worker->log;
    riacho_error cause = {.text = ""};
    const riacho_status status = log->ops->topic_ensure(log, spec, &cause);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "topology '%s', topic '%s': %.350s",
                           deployment->graph->name, spec->name, cause.text);
    return RIACHO_OK;
}

/* What the topic, as it was found, will be with this number of partitions; 0: as found. */
static riacho_topic_spec wanted_spec(const riacho_deployment *deployment, size_t topic,
                                     int32_t partitions, riacho_topic_spec spec)
{
    const riacho_graph_topic *wanted = &deployment->graph->topics[topic];
    if (!partitions && !spec.partitions)
        partitions = planned_elsewhere(deployment->worker, wanted->name);
    if (partitions)
        spec.partitions = partitions;
    else if (!spec.partitions)
        spec.partitions = 1;
    if (wanted->compacted)
        spec.cleanup = RIACHO_CLEANUP_COMPACT;
    if (wanted->retention_ms)
        spec.retention_ms = wanted->retention_ms;
    if (wanted->retention_bytes)
        spec.retention_bytes = wanted->retention_bytes;
    return spec;
}

static riacho_status plan(riacho_deployment *deployment, size_t topic, int32_t partitions,
                          riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_log *log = deployment->worker->log;
    riacho_topic_spec held;
    RIACHO_TRY(find(log, deployment->graph->topics[topic].name, arena, &held, err));
    const riacho_topic_spec spec = wanted_spec(deployment, topic, partitions, held);
    if (held.partitions && held.partitions != spec.partitions)
        RIACHO_TRY(apply(deployment, &spec, err)); /* the log refuses it, and says why */
    deployment->partitions[topic] = spec.partitions;
    deployment->cleanups[topic] = spec.cleanup;
    return RIACHO_OK;
}

/* What the topics that must have equal counts have; 0: none is known yet. */
static int32_t copartitioned_count(const riacho_deployment *deployment, size_t topic)
{
    const riacho_graph *graph = deployment->graph;
    for (size_t i = 0; i < graph->topic_count; i++) {
        if (i != topic && graph->topics[topic].copartition &&
            graph->topics[i].copartition == graph->topics[topic].copartition &&
            deployment->partitions[i])
            return deployment->partitions[i];
    }
    return 0;
}

static bool waits_for_upstream(const riacho_graph_topic *topic)
{
    return (topic->roles & RIACHO_TOPIC_REPARTITION) && !topic->partitions &&
           topic->upstream != RIACHO_NONE;
}

/* Repartition topics take the count of what they are joined with, else that of the sub-topology
 * above them, and wait until it is known. ret_settled: at least one was made. */
static riacho_status plan_repartition(riacho_deployment *deployment, bool *ret_settled,
                                      riacho_error *err)
{
    const riacho_graph *graph = deployment->graph;
    *ret_settled = false;
    for (size_t i = 0; i < graph->topic_count; i++) {
        if (deployment->partitions[i])
            continue;
        int32_t count = copartitioned_count(deployment, i);
        if (!count)
            count = riacho_topics_task_count(deployment, graph->topics[i].upstream);
        if (!count)
            continue;
        RIACHO_TRY(plan(deployment, i, count, err));
        *ret_settled = true;
    }
    return RIACHO_OK;
}

static riacho_status check_copartitioned(const riacho_deployment *deployment, riacho_error *err)
{
    const riacho_graph *graph = deployment->graph;
    for (size_t i = 0; i < graph->topic_count; i++) {
        const int32_t count = copartitioned_count(deployment, i);
        if (count && count != deployment->partitions[i])
            return riacho_fail(err, RIACHO_REJECT,
                               "topology '%s': topic '%s' has %d partitions, and a topic that is "
                               "read together with it by key has %d: they must be equal",
                               graph->name, graph->topics[i].name, (int)deployment->partitions[i],
                               (int)count);
    }
    return RIACHO_OK;
}

riacho_status riacho_topics_plan(riacho_deployment *deployment, riacho_error *err)
{
    const riacho_graph *graph = deployment->graph;
    for (size_t i = 0; i < graph->topic_count; i++) {
        if (!waits_for_upstream(&graph->topics[i]))
            RIACHO_TRY(plan(deployment, i, graph->topics[i].partitions, err));
    }
    for (bool settled = true; settled;)
        RIACHO_TRY(plan_repartition(deployment, &settled, err));
    for (size_t i = 0; i < graph->topic_count; i++) {
        if (!deployment->partitions[i])
            return riacho_fail(err, RIACHO_REJECT,
                               "topology '%s': the partitions of topic '%s' depend on themselves; "
                               "say how many it has",
                               graph->name, graph->topics[i].name);
    }
    return check_copartitioned(deployment, err);
}

riacho_status riacho_topics_ensure(riacho_deployment *deployment, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    for (size_t i = 0; i < deployment->graph->topic_count; i++) {
        const char *name = deployment->graph->topics[i].name;
        riacho_topic_spec held;
        RIACHO_TRY(find(deployment->worker->log, name, arena, &held, err));
        const riacho_topic_spec spec = wanted_spec(deployment, i, deployment->partitions[i], held);
        RIACHO_TRY(apply(deployment, &spec, err));
        deployment->cleanups[i] =
            spec.cleanup; /* perhaps as a deployment before it has just said */
    }
    return RIACHO_OK;
}
