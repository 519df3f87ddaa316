/* SPDX-License-Identifier: MIT
 *
 * serve_topics.c - the topics of the worker's log (riacho/serve.h), asked of the log itself.
 *
 * Threads: any.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
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

riacho_status riacho_worker_topics(riacho_worker *worker, riacho_arena *arena,
                                   riacho_topic_status **ret_topics, size_t *ret_count,
                                   riacho_error *err)
{
    riacho_topic_spec *specs;
    size_t count;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_TRY(worker->log->ops->topic_list(worker->log, arena, &specs, &count, err));
    if (count > 0)
        qsort(specs, count, sizeof *specs, compare_names);
    riacho_topic_status *topics = riacho_alloc_zero(arena, count + 1, sizeof *topics);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(describe(worker->log, &specs[i], arena, &topics[i], err));
    *ret_topics = topics;
    *ret_count = count;
    return RIACHO_OK;
}
