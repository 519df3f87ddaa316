/* SPDX-License-Identifier: MIT
 *
 * leases.c - see leases.h. Of two workers that are first at the same moment both append what they
 * are, and the first record counts.
 */
#include "leases.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"

enum { TRIES = 300, TRY_MS = 100 };

const char *riacho_leases_topic(const riacho_worker *worker, riacho_arena *arena)
{
    return riacho_format(arena, "%s-tasks", worker->options.group);
}

static int32_t lease_count(const riacho_worker *worker)
{
    size_t count = 0;
    for (size_t d = 0; d < worker->deployment_count; d++)
        count += worker->deployments[d].task_count;
    return (int32_t)count;
}

static const riacho_deployment *next_by_name(const riacho_worker *worker, const char *after)
{
    const riacho_deployment *next = NULL;
    for (size_t d = 0; d < worker->deployment_count; d++) {
        const riacho_deployment *other = &worker->deployments[d];
        if ((!after || strcmp(other->graph->name, after) > 0) &&
            (!next || strcmp(other->graph->name, next->graph->name) < 0))
            next = other;
    }
    return next;
}

const char *riacho_leases_graphs(const riacho_worker *worker, riacho_arena *arena)
{
    const char *text = "", *name = NULL;
    for (const riacho_deployment *next; (next = next_by_name(worker, name));) {
        text = riacho_format(arena, "%s%s%s@%016" PRIx64 "/%zu", text, name ? " " : "",
                             next->graph->name, next->graph->hash, next->task_count);
        name = next->graph->name;
    }
    return text;
}

static riacho_status open_at_start(riacho_log *log, const char *topic,
                                   riacho_log_reader **ret_reader, riacho_error *err)
{
    const riacho_log_assignment first = {.topic = topic};
    riacho_log_reader *reader = NULL;
    RIACHO_TRY(log->ops->reader_open(log, &reader, err));
    const riacho_status status = log->ops->assign(reader, &first, 1, err);
    if (status == RIACHO_OK)
        *ret_reader = reader;
    else
        log->ops->reader_close(reader);
    return status;
}

/* The value of the first record, which is there. */
static riacho_status read_first(riacho_log *log, const char *topic, riacho_arena *arena,
                                const char **ret_text, riacho_error *err)
{
    riacho_log_reader *reader = NULL;
    RIACHO_TRY(open_at_start(log, topic, &reader, err));
    riacho_status status = RIACHO_OK;
    *ret_text = NULL;
    for (int i = 0; i < TRIES && status == RIACHO_OK && !*ret_text; i++) {
        riacho_log_batch *batch = NULL;
        status = log->ops->poll(reader, TRY_MS, &batch, err);
        if (batch && batch->count)
            *ret_text = riacho_copy(arena, batch->records[0].value).data;
        if (batch)
            log->ops->batch_free(batch);
    }
    log->ops->reader_close(reader);
    if (status == RIACHO_OK && !*ret_text)
        return riacho_fail(err, RIACHO_RETRY, "the first record of topic '%s' cannot be read now",
                           topic);
    return status;
}

static riacho_status append_ours(const riacho_worker *worker, const char *topic, const char *ours,
                                 riacho_error *err)
{
    riacho_log *log = worker->log;
    int64_t first, next;
    RIACHO_TRY(log->ops->bounds(log, topic, 0, &first, &next, err));
    if (next > 0)
        return RIACHO_OK;
    const riacho_log_append record = {
        .topic = topic,
        .record = {.timestamp_ms = worker->clock->now_ms(worker->clock),
                   .key = riacho_text("graphs"),
                   .value = riacho_text(ours)},
    };
    riacho_position at;
    return log->ops->append(log, &record, 1, &at, err);
}

static riacho_status make_topic(const riacho_worker *worker, const char *topic, riacho_error *err)
{
    const riacho_topic_spec spec = {.name = topic, .partitions = lease_count(worker)};
    if (spec.partitions > RIACHO_PARTITIONS_MAX)
        return riacho_fail(err, RIACHO_REJECT,
                           "group '%s' would share %d tasks, over %d: give some of the topologies "
                           "another group",
                           worker->options.group, (int)spec.partitions, RIACHO_PARTITIONS_MAX);
    riacho_error cause = {.text = ""};
    const riacho_status status = worker->log->ops->topic_ensure(worker->log, &spec, &cause);
    if (status == RIACHO_REJECT)
        return riacho_fail(err, status,
                           "topic '%s', which has one partition for each task of group '%s': "
                           "%.250s; the workers of a group run the same topologies, so run these "
                           "under another --group, or stop all its workers and delete the topic",
                           topic, worker->options.group, cause.text);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "topic '%s': %.350s", topic, cause.text);
    return RIACHO_OK;
}

riacho_status riacho_leases_ensure(riacho_worker *worker, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *topic = riacho_leases_topic(worker, arena);
    const char *ours = riacho_leases_graphs(worker, arena);
    const char *theirs = NULL;
    RIACHO_TRY(make_topic(worker, topic, err));
    RIACHO_TRY(append_ours(worker, topic, ours, err));
    RIACHO_TRY(read_first(worker->log, topic, arena, &theirs, err));
    if (strcmp(ours, theirs) == 0)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "group '%s' runs %.150s, and this worker would run %.150s "
                       "(topology@hash/tasks): run the same files, or another --group",
                       worker->options.group, theirs, ours);
}
