/* SPDX-License-Identifier: MIT
 *
 * serve_records.c - records and dead letters of a running worker (riacho/serve_records.h): the log
 * and the types of its topologies, handed to records.h.
 *
 * Threads: any.
 */
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "records.h"
#include "serve_private.h"

/* The types that the worker's topologies know. */
static riacho_topic_types types_of(const riacho_worker *worker, riacho_arena *arena)
{
    const riacho_graph **graphs =
        riacho_alloc_zero(arena, worker->deployment_count + 1, sizeof *graphs);
    for (size_t i = 0; i < worker->deployment_count; i++)
        graphs[i] = worker->deployments[i].graph;
    return (riacho_topic_types){
        .graphs = graphs,
        .graph_count = worker->deployment_count,
        .schemas = worker->options.schemas,
    };
}

riacho_status riacho_worker_topic_create(riacho_worker *worker, const riacho_topic_spec *spec,
                                         riacho_error *err)
{
    RIACHO_TRY(riacho_serving_ready(worker, err));
    return riacho_topic_create(worker->log, spec, err);
}

riacho_status riacho_worker_records(riacho_worker *worker, const riacho_records_wanted *wanted,
                                    riacho_arena *arena, riacho_records_page *ret_page,
                                    riacho_error *err)
{
    RIACHO_TRY(riacho_serving_ready(worker, err));
    const riacho_topic_types types = types_of(worker, arena);
    return riacho_records_read(worker->log, &types, wanted, arena, ret_page, err);
}

riacho_status riacho_worker_produce(riacho_worker *worker, const char *topic, riacho_bytes body,
                                    riacho_arena *arena, riacho_produced *ret_produced,
                                    riacho_json_issues *ret_issues, riacho_error *err)
{
    riacho_bytes *items;
    riacho_records_batch batch = {.topic = topic, .now_ms = worker->clock->now_ms(worker->clock)};
    *ret_issues = (riacho_json_issues){0};
    RIACHO_TRY(riacho_serving_ready(worker, err));
    const riacho_topic_types types = types_of(worker, arena);
    const riacho_status status =
        riacho_records_split(body, arena, &items, &batch.count, ret_issues);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "the body is not JSON");
    if (batch.count > RIACHO_APPEND_RECORDS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "there are %zu records, at most %d go at once",
                           batch.count, (int)RIACHO_APPEND_RECORDS_MAX);
    batch.items = items;
    return riacho_records_append(worker->log, &types, &batch, arena, ret_issues, ret_produced, err);
}

riacho_status riacho_worker_dead_letters(riacho_worker *worker, riacho_arena *arena,
                                         riacho_dead_letters *ret_letters, riacho_error *err)
{
    RIACHO_TRY(riacho_serving_ready(worker, err));
    const riacho_topic_types types = types_of(worker, arena);
    return riacho_letters_memo_read(riacho_serving_of(worker)->letters, worker->log, &types,
                                    worker->clock->monotonic_ns(worker->clock), arena, ret_letters,
                                    err);
}
