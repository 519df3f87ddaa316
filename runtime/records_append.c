/* SPDX-License-Identifier: MIT
 *
 * records_append.c - JSON records on their way into a log (records.h): every one is checked before
 * the first is appended, so that a batch with a mistake in it changes nothing.
 */
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "records.h"

enum { ISSUES_MAX = 100 };

/* A batch that is being encoded. Most batches have one topic, so the last one found is kept. */
struct encoding {
    riacho_log *log;
    const riacho_topic_types *types;
    const riacho_records_batch *batch;
    riacho_arena *arena;
    const char *topic;
    riacho_topic_codecs codecs;
    int32_t partitions;
    riacho_json_issue *issues;
    size_t issue_count;
};

static void note(struct encoding *run, size_t item, const char *pointer, const char *detail)
{
    if (!run->issues)
        run->issues = riacho_alloc_zero(run->arena, ISSUES_MAX, sizeof *run->issues);
    if (run->issue_count < ISSUES_MAX)
        run->issues[run->issue_count++] =
            (riacho_json_issue){riacho_format(run->arena, "/%zu%s", item, pointer), detail};
}

static void note_all(struct encoding *run, size_t item, const riacho_json_issues *issues)
{
    for (size_t i = 0; i < issues->count; i++)
        note(run, item, issues->items[i].pointer, issues->items[i].detail);
}

/* RIACHO_REJECT when there is no such topic. */
static riacho_status use_topic(struct encoding *run, const char *topic, riacho_error *err)
{
    riacho_topic_spec spec;
    if (run->topic && strcmp(run->topic, topic) == 0)
        return RIACHO_OK;
    RIACHO_TRY(run->log->ops->topic_describe(run->log, topic, run->arena, &spec, err));
    RIACHO_TRY(riacho_topic_codecs_find(run->types, topic, &run->codecs, err));
    run->topic = topic;
    run->partitions = spec.partitions;
    return RIACHO_OK;
}

static void check_limits(struct encoding *run, size_t item, const riacho_log_append *append)
{
    if (append->partition >= run->partitions)
        note(run, item, "/partition",
             riacho_format(run->arena, "%s has partitions 0 to %d", append->topic,
                           (int)run->partitions - 1));
    if (append->record.key.size > RIACHO_KEY_BYTES_MAX)
        note(run, item, "/key",
             riacho_format(run->arena, "is over %d bytes", (int)RIACHO_KEY_BYTES_MAX));
    if (append->record.value.size > RIACHO_VALUE_BYTES_MAX)
        note(run, item, "/value",
             riacho_format(run->arena, "is over %d bytes", (int)RIACHO_VALUE_BYTES_MAX));
}

/* Which topic a record goes to; NULL when it says another than the batch, or none at all. */
static const char *topic_of(struct encoding *run, size_t item, const riacho_record_json *json)
{
    const char *wanted = run->batch->topic;
    if (!json->topic && !wanted)
        note(run, item, "/topic", "is missing");
    else if (json->topic && wanted && strcmp(json->topic, wanted) != 0)
        note(run, item, "/topic",
             riacho_format(run->arena, "is %s, but these records go to %s", json->topic, wanted));
    else
        return json->topic ? json->topic : wanted;
    return NULL;
}

/* What is wrong with the record becomes an issue; only trouble with the log is a status. */
static riacho_status encode_one(struct encoding *run, size_t item, riacho_log_append *ret_append,
                                riacho_error *err)
{
    riacho_record_json json;
    riacho_json_issues issues;
    riacho_error why;
    if (riacho_record_parse(run->batch->items[item], run->arena, &json, &issues) != RIACHO_OK) {
        note_all(run, item, &issues);
        return RIACHO_OK;
    }
    const char *topic = topic_of(run, item, &json);
    if (!topic)
        return RIACHO_OK;
    const riacho_status found = use_topic(run, topic, &why);
    if (found == RIACHO_REJECT)
        note(run, item, "/topic", riacho_format(run->arena, "%s", why.text));
    if (found != RIACHO_OK)
        return found == RIACHO_REJECT ? RIACHO_OK : riacho_fail(err, found, "%s", why.text);
    json.topic = topic;
    if (json.timestamp_ms == INT64_MIN)
        json.timestamp_ms = run->batch->now_ms;
    if (riacho_record_encode(&json, &run->codecs, run->arena, ret_append, &issues) != RIACHO_OK)
        note_all(run, item, &issues);
    else
        check_limits(run, item, ret_append);
    return RIACHO_OK;
}

riacho_status riacho_records_encode(riacho_log *log, const riacho_topic_types *types,
                                    const riacho_records_batch *batch, riacho_arena *arena,
                                    riacho_log_append **ret_appends, riacho_json_issues *ret_issues,
                                    riacho_error *err)
{
    struct encoding run = {.log = log, .types = types, .batch = batch, .arena = arena};
    riacho_log_append *appends = riacho_alloc_zero(arena, batch->count + 1, sizeof *appends);
    *ret_issues = (riacho_json_issues){0};
    for (size_t i = 0; i < batch->count && run.issue_count < ISSUES_MAX; i++)
        RIACHO_TRY(encode_one(&run, i, &appends[i], err));
    *ret_issues = (riacho_json_issues){run.issues, run.issue_count};
    if (run.issue_count)
        return riacho_fail(err, RIACHO_REJECT, "%s: %s", run.issues[0].pointer,
                           run.issues[0].detail);
    *ret_appends = appends;
    return RIACHO_OK;
}

/* Where each partition that was written to ends now; in place. */
static size_t keep_ends(riacho_position *positions, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < kept && (positions[at].partition != positions[i].partition ||
                             strcmp(positions[at].topic, positions[i].topic) != 0))
            at++;
        if (at == kept)
            positions[kept++] = positions[i];
        positions[at].next = positions[i].next + 1;
    }
    return kept;
}

riacho_status riacho_records_append(riacho_log *log, const riacho_topic_types *types,
                                    const riacho_records_batch *batch, riacho_arena *arena,
                                    riacho_json_issues *ret_issues, riacho_produced *ret_produced,
                                    riacho_error *err)
{
    riacho_log_append *appends;
    riacho_position *positions = riacho_alloc_zero(arena, batch->count + 1, sizeof *positions);
    RIACHO_TRY(riacho_records_encode(log, types, batch, arena, &appends, ret_issues, err));
    if (batch->count)
        RIACHO_TRY(log->ops->append(log, appends, batch->count, positions, err));
    *ret_produced = (riacho_produced){
        .count = batch->count,
        .positions = positions,
        .position_count = keep_ends(positions, batch->count),
    };
    return RIACHO_OK;
}
