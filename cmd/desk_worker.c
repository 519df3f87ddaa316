/* SPDX-License-Identifier: MIT
 *
 * desk_worker.c - topics at a running worker, over REST.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/url.h"
#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"
#include "client.h"
#include "desk.h"
#include "reply.h"

typedef struct worker {
    riacho_desk desk;
    riacho_client *client;
} worker;

static const riacho_desk_ops ops;

static worker *worker_of(riacho_desk *desk)
{
    assert(desk->ops == &ops);
    return (worker *)desk;
}

static riacho_status call(riacho_desk *desk, const riacho_call *what, riacho_arena *arena,
                          riacho_bytes *ret_body, riacho_answer_text *ret_answer, riacho_error *err)
{
    const riacho_status status =
        riacho_client_call(worker_of(desk)->client, what, arena, ret_answer, err);
    desk->exit_code = riacho_client_exit(ret_answer);
    *ret_body = ret_answer->body;
    return status;
}

static riacho_status get(riacho_desk *desk, const char *path, riacho_arena *arena,
                         riacho_bytes *ret_body, riacho_error *err)
{
    riacho_answer_text answer;
    return call(desk, &(riacho_call){.path = path}, arena, ret_body, &answer, err);
}

static const char *text_or_empty(riacho_bytes object, const char *name, riacho_arena *arena)
{
    const char *text = riacho_reply_text(object, name, arena);
    return text ? text : "";
}

static riacho_topic_status read_topic(riacho_bytes item, riacho_arena *arena)
{
    riacho_bytes *partitions = NULL;
    const size_t count =
        riacho_reply_items(riacho_reply_member(item, "partitions", arena), arena, &partitions);
    int64_t *firsts = riacho_alloc_zero(arena, count + 1, sizeof *firsts);
    int64_t *nexts = riacho_alloc_zero(arena, count + 1, sizeof *nexts);
    for (size_t i = 0; i < count; i++) {
        firsts[i] = riacho_reply_number(partitions[i], "first", 0, arena);
        nexts[i] = riacho_reply_number(partitions[i], "next", 0, arena);
    }
    return (riacho_topic_status){
        .topic = text_or_empty(item, "topic", arena),
        .cleanup = text_or_empty(item, "cleanup", arena),
        .retention_ms = riacho_reply_number(item, "retentionMs", 0, arena),
        .partitions = (int32_t)count,
        .first_offsets = firsts,
        .next_offsets = nexts,
    };
}

static riacho_status list_topics(riacho_desk *desk, riacho_arena *arena,
                                 riacho_topic_status **ret_topics, size_t *ret_count,
                                 riacho_error *err)
{
    riacho_bytes body, *items = NULL;
    RIACHO_TRY(get(desk, "/v1/topics", arena, &body, err));
    *ret_count = riacho_reply_items(riacho_reply_member(body, "items", arena), arena, &items);
    *ret_topics = riacho_alloc_zero(arena, *ret_count + 1, sizeof **ret_topics);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_topics)[i] = read_topic(items[i], arena);
    return RIACHO_OK;
}

/* Fails with what the problem's first error says, when it has one. */
static riacho_status first_error(const riacho_answer_text *answer, riacho_arena *arena,
                                 riacho_status status, riacho_error *err)
{
    riacho_bytes *items = NULL;
    if (riacho_reply_items(riacho_reply_member(answer->body, "errors", arena), arena, &items))
        return riacho_fail(err, status, "%s: %s", text_or_empty(items[0], "pointer", arena),
                           text_or_empty(items[0], "detail", arena));
    return status;
}

static riacho_status create_topic(riacho_desk *desk, const riacho_topic_spec *spec,
                                  riacho_arena *arena, riacho_error *err)
{
    riacho_answer_text answer;
    riacho_bytes body;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{\"topic\":");
    riacho_json_quote(riacho_text(spec->name), &out);
    riacho_buffer_printf(
        &out, ",\"partitions\":%" PRId32 ",\"cleanup\":\"%s\",\"retentionMs\":%" PRId64 "}",
        spec->partitions, spec->cleanup == RIACHO_CLEANUP_COMPACT ? "compact" : "delete",
        spec->retention_ms);
    const riacho_call what = {
        .method = "POST", .path = "/v1/topics", .body = riacho_buffer_bytes(&out)};
    const riacho_status status = call(desk, &what, arena, &body, &answer, err);
    return status == RIACHO_REJECT ? first_error(&answer, arena, status, err) : status;
}

static const char *records_path(riacho_arena *arena, const char *topic)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    riacho_buffer_printf(&path, "/v1/topics/");
    riacho_url_encode(riacho_text(topic), &path);
    riacho_buffer_printf(&path, "/records");
    return riacho_copy(arena, riacho_buffer_bytes(&path)).data;
}

static riacho_status read_records(riacho_desk *desk, const riacho_records_wanted *wanted,
                                  riacho_arena *arena, riacho_records_page *ret_page,
                                  riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer path = {0};
    riacho_bytes body, *items = NULL;
    riacho_buffer_printf(&path, "%s?partition=%" PRId32 "&limit=%" PRIu32,
                         records_path(arena, wanted->topic), wanted->partition, wanted->limit);
    if (wanted->from.data) {
        riacho_buffer_printf(&path, "&from=");
        riacho_url_encode(wanted->from, &path);
    }
    RIACHO_TRY(get(desk, riacho_copy(arena, riacho_buffer_bytes(&path)).data, arena, &body, err));
    ret_page->count = riacho_reply_items(riacho_reply_member(body, "items", arena), arena, &items);
    ret_page->items = items;
    ret_page->next = riacho_reply_number(body, "next", 0, arena);
    ret_page->end = riacho_reply_number(body, "end", 0, arena);
    return RIACHO_OK;
}

/* Records of one topic on their way, and which of the batch they are. */
struct request {
    const char *topic;
    riacho_buffer body;
    size_t *items;
    size_t count;
};

static void riacho_auto_request(struct request *request)
{
    riacho_buffer_done(&request->body);
}

/* Issues of a request, with the numbers that the records have in the batch. */
static riacho_json_issues read_issues(const riacho_answer_text *answer,
                                      const struct request *request, riacho_arena *arena)
{
    riacho_bytes *errors = NULL;
    const size_t count =
        riacho_reply_items(riacho_reply_member(answer->body, "errors", arena), arena, &errors);
    riacho_json_issue *issues = riacho_alloc_zero(arena, count + 1, sizeof *issues);
    for (size_t i = 0; i < count; i++) {
        const char *pointer = text_or_empty(errors[i], "pointer", arena);
        char *rest = NULL;
        const size_t item = *pointer ? strtoul(pointer + 1, &rest, 10) : request->count;
        issues[i].detail = text_or_empty(errors[i], "detail", arena);
        issues[i].pointer =
            item < request->count
                ? riacho_format(arena, "/%zu%s", request->items[item], rest ? rest : "")
                : pointer;
    }
    return (riacho_json_issues){issues, count};
}

static riacho_status send_request(riacho_desk *desk, struct request *request, riacho_arena *arena,
                                  size_t *appended, riacho_json_issues *ret_issues,
                                  riacho_error *err)
{
    riacho_answer_text answer;
    riacho_bytes body;
    const riacho_call what = {
        .method = "POST",
        .path = records_path(arena, request->topic),
        .media_type = "application/x-ndjson",
        .body = riacho_buffer_bytes(&request->body),
    };
    if (!request->count)
        return RIACHO_OK;
    const riacho_status status = call(desk, &what, arena, &body, &answer, err);
    if (status == RIACHO_OK)
        *appended += request->count;
    else if (status == RIACHO_REJECT)
        *ret_issues = read_issues(&answer, request, arena);
    riacho_buffer_reset(&request->body);
    request->count = 0;
    return status;
}

static riacho_status one_issue(riacho_desk *desk, riacho_arena *arena, size_t item,
                               const riacho_json_issue *issue, riacho_json_issues *ret_issues,
                               riacho_error *err)
{
    riacho_json_issue *copy = riacho_alloc_zero(arena, 1, sizeof *copy);
    *copy =
        (riacho_json_issue){riacho_format(arena, "/%zu%s", item, issue->pointer), issue->detail};
    *ret_issues = (riacho_json_issues){copy, 1};
    desk->exit_code = RIACHO_EXIT_DATA;
    return riacho_fail(err, RIACHO_REJECT, "%s: %s", copy->pointer, copy->detail);
}

/* The topic of each record; all of them must be records before the first is sent. */
static riacho_status find_topics(riacho_desk *desk, const riacho_records_batch *batch,
                                 riacho_arena *arena, const char **ret_topics,
                                 riacho_json_issues *ret_issues, riacho_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        riacho_record_json json;
        riacho_json_issues issues;
        riacho_json_issue issue = {"/topic", "is missing, and the command names none"};
        if (riacho_record_parse(batch->items[i], arena, &json, &issues) != RIACHO_OK)
            return one_issue(desk, arena, i, &issues.items[0], ret_issues, err);
        ret_topics[i] = json.topic ? json.topic : batch->topic;
        if (!ret_topics[i])
            return one_issue(desk, arena, i, &issue, ret_issues, err);
        if (batch->items[i].size >= RIACHO_HTTP_BODY_BYTES_MAX) {
            issue = (riacho_json_issue){
                "", riacho_format(arena,
                                  "is over %d bytes, which a worker takes in one request; "
                                  "stop it and use --data",
                                  (int)RIACHO_HTTP_BODY_BYTES_MAX)};
            return one_issue(desk, arena, i, &issue, ret_issues, err);
        }
    }
    return RIACHO_OK;
}

/* Requests are filled topic by topic: only the order within a partition means anything. */
static riacho_status append_records(riacho_desk *desk, const riacho_records_batch *batch,
                                    riacho_arena *arena, size_t *appended,
                                    riacho_json_issues *ret_issues, riacho_error *err)
{
    RIACHO_AUTO(request) struct request request = {0};
    const char **topics = riacho_alloc_zero(arena, batch->count + 1, sizeof *topics);
    *ret_issues = (riacho_json_issues){0};
    RIACHO_TRY(find_topics(desk, batch, arena, topics, ret_issues, err));
    request.items = riacho_alloc_zero(arena, batch->count + 1, sizeof *request.items);
    for (size_t first = 0; first < batch->count; first++) {
        if (!topics[first])
            continue; /* sent with the first of its topic */
        request.topic = topics[first];
        for (size_t i = first; i < batch->count; i++) {
            if (!topics[i] || strcmp(topics[i], request.topic) != 0)
                continue;
            if (request.body.size + batch->items[i].size + 1 > RIACHO_HTTP_BODY_BYTES_MAX)
                RIACHO_TRY(send_request(desk, &request, arena, appended, ret_issues, err));
            riacho_buffer_append(&request.body, batch->items[i].data, batch->items[i].size);
            riacho_buffer_append(&request.body, "\n", 1);
            request.items[request.count++] = i;
            topics[i] = NULL;
        }
        RIACHO_TRY(send_request(desk, &request, arena, appended, ret_issues, err));
    }
    return RIACHO_OK;
}

static riacho_dead_letter_group read_group(riacho_bytes item, riacho_arena *arena)
{
    riacho_position last = {0};
    (void)!riacho_position_parse(riacho_text(text_or_empty(item, "last", arena)), arena, &last,
                                 NULL);
    return (riacho_dead_letter_group){
        .topic = text_or_empty(item, "topic", arena),
        .topology = text_or_empty(item, "topology", arena),
        .from = text_or_empty(item, "from", arena),
        .step = text_or_empty(item, "step", arena),
        .kind = text_or_empty(item, "kind", arena),
        .reason = text_or_empty(item, "reason", arena),
        .count = (uint64_t)riacho_reply_number(item, "count", 0, arena),
        .first_ms = riacho_reply_number(item, "firstMs", 0, arena),
        .last_ms = riacho_reply_number(item, "lastMs", 0, arena),
        .last = last,
    };
}

static riacho_status read_letters(riacho_desk *desk, riacho_arena *arena,
                                  riacho_dead_letters *ret_letters, riacho_error *err)
{
    riacho_bytes body, *items = NULL, *names = NULL;
    RIACHO_TRY(get(desk, "/v1/dlq", arena, &body, err));
    const size_t count =
        riacho_reply_items(riacho_reply_member(body, "items", arena), arena, &items);
    const size_t name_count =
        riacho_reply_items(riacho_reply_member(body, "topics", arena), arena, &names);
    riacho_dead_letter_group *groups = riacho_alloc_zero(arena, count + 1, sizeof *groups);
    const char **topics = riacho_alloc_zero(arena, name_count + 1, sizeof *topics);
    for (size_t i = 0; i < count; i++)
        groups[i] = read_group(items[i], arena);
    for (size_t i = 0; i < name_count; i++) /* names of topics need no escapes */
        topics[i] =
            riacho_format(arena, "%.*s", (int)names[i].size - 2, (const char *)names[i].data + 1);
    *ret_letters = (riacho_dead_letters){
        .groups = groups,
        .group_count = count,
        .topics = topics,
        .topic_count = name_count,
        .held = (uint64_t)riacho_reply_number(body, "held", 0, arena),
        .looked = (uint64_t)riacho_reply_number(body, "looked", 0, arena),
    };
    return RIACHO_OK;
}

static void close_worker(riacho_desk *desk)
{
    worker *self = worker_of(desk);
    riacho_client_close(self->client);
    free(self);
}

static const riacho_desk_ops ops = {
    "worker", list_topics, create_topic, read_records, append_records, read_letters, close_worker,
};

riacho_status riacho_desk_open_worker(const riacho_line *line, riacho_desk **ret_place,
                                      riacho_error *err)
{
    RIACHO_AUTO(desk) riacho_desk *desk = NULL;
    worker *self = riacho_memory_get_zero(1, sizeof *self);
    self->desk.ops = &ops;
    desk = &self->desk;
    RIACHO_TRY(riacho_client_open(riacho_desk_url(line), &self->client, err));
    *ret_place = RIACHO_TAKE(desk);
    return RIACHO_OK;
}
