/* SPDX-License-Identifier: MIT
 *
 * serve_topics.c - the topics of the worker's log (riacho/serve.h), asked of the log itself.
 *
 * Threads: any.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "records.h"
#include "serve_private.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const riacho_topic_spec *)a)->name, ((const riacho_topic_spec *)b)->name);
}

static riacho_status describe(riacho_log *log, const riacho_topic_spec *spec, riacho_arena *arena,
                              riacho_topic_status *ret_status, riacho_error *err)
{
    const size_t count = (size_t)spec->partitions;
    int64_t *firsts = riacho_alloc_zero(arena, count + 1, sizeof *firsts);
    int64_t *nexts = riacho_alloc_zero(arena, count + 1, sizeof *nexts);
    for (int32_t i = 0; i < spec->partitions; i++)
        RIACHO_TRY(log->ops->bounds(log, spec->name, i, &firsts[i], &nexts[i], err));
    *ret_status = (riacho_topic_status){
        .topic = spec->name,
        .cleanup = spec->cleanup == RIACHO_CLEANUP_COMPACT ? "compact" : "delete",
        .retention_ms = spec->retention_ms,
        .partitions = spec->partitions,
        .first_offsets = firsts,
        .next_offsets = nexts,
    };
    return RIACHO_OK;
}

riacho_status riacho_topics_read(riacho_log *log, riacho_arena *arena,
                                 riacho_topic_status **ret_topics, size_t *ret_count,
                                 riacho_error *err)
{
    riacho_topic_spec *specs;
    size_t count;
    RIACHO_TRY(log->ops->topic_list(log, arena, &specs, &count, err));
    if (count > 0)
        qsort(specs, count, sizeof *specs, compare_names);
    riacho_topic_status *topics = riacho_alloc_zero(arena, count + 1, sizeof *topics);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(describe(log, &specs[i], arena, &topics[i], err));
    *ret_topics = topics;
    *ret_count = count;
    return RIACHO_OK;
}

riacho_status riacho_topic_create(riacho_log *log, const riacho_topic_spec *spec, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_topic_spec there;
    const riacho_status found = log->ops->topic_describe(log, spec->name, arena, &there, err);
    if (found == RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "topic %s is there already, with %d partitions",
                           there.name, (int)there.partitions);
    if (found != RIACHO_REJECT)
        return found;
    return log->ops->topic_ensure(log, spec, err);
}

riacho_status riacho_worker_topics(riacho_worker *worker, riacho_arena *arena,
                                   riacho_topic_status **ret_topics, size_t *ret_count,
                                   riacho_error *err)
{
    RIACHO_TRY(riacho_serving_ready(worker, err));
    return riacho_topics_read(worker->log, arena, ret_topics, ret_count, err);
}
