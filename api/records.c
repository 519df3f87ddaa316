/* SPDX-License-Identifier: MIT
 *
 * records.c - topics as an operator sees them: records out as JSON for everybody who may read,
 * records and topics in for operators (operator.h), and the dead letters summed up.
 */
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/macros.h"
#include "headers.h"
#include "member.h"
#include "operator.h"
#include "problem.h"
#include "riacho/serve_records.h"
#include "server.h"

/* What was refused is not there, when the log has no such topic. */
static void answer_refused(riacho_exchange *exchange, riacho_status status, const riacho_error *err)
{
    riacho_http_request *request = exchange->request;
    const riacho_bytes name = riacho_exchange_path(exchange, "topic");
    riacho_topic_status *topics;
    size_t count = 0;
    bool there = false;
    if (status != RIACHO_REJECT) {
        riacho_exchange_fail(exchange, status, err);
        return;
    }
    if (riacho_worker_topics(exchange->api->worker, request->arena, &topics, &count, NULL) ==
        RIACHO_OK)
        for (size_t i = 0; i < count; i++)
            there |= riacho_bytes_equal(riacho_text(topics[i].topic), name);
    riacho_problem_answer(request, exchange->reply,
                          there ? RIACHO_PROBLEM_REQUEST_INVALID : RIACHO_PROBLEM_NOT_FOUND,
                          riacho_format(request->arena, "%s", err->text));
}

void riacho_handle_records(riacho_exchange *exchange)
{
    riacho_records_page page;
    riacho_error err;
    uint32_t partition;
    riacho_records_wanted wanted = {
        .topic = riacho_exchange_text(exchange, riacho_exchange_path(exchange, "topic")),
        .from = riacho_http_parameter(exchange->request, "from"),
    };
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!riacho_exchange_page(exchange, &wanted.limit) ||
        !riacho_exchange_number(exchange, "partition", 0, RIACHO_PARTITIONS_MAX - 1, &partition))
        return;
    wanted.partition = (int32_t)partition;
    const riacho_status status = riacho_worker_records(exchange->api->worker, &wanted,
                                                       exchange->request->arena, &page, &err);
    if (status != RIACHO_OK) {
        answer_refused(exchange, status, &err);
        return;
    }
    riacho_buffer_printf(&out, "{\"items\":[");
    for (size_t i = 0; i < page.count; i++) {
        riacho_buffer_printf(&out, i ? "," : "");
        riacho_buffer_append(&out, page.items[i].data, page.items[i].size);
    }
    riacho_buffer_printf(&out, "]");
    riacho_member_number(&out, "next", page.next);
    riacho_member_number(&out, "end", page.end);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}

/* Neither is a type that a page could send without asking first. */
static bool is_records(const riacho_http_request *request)
{
    static const char lines[] = "application/x-ndjson";
    const riacho_bytes type = riacho_http_header(request, "content-type");
    return riacho_is_json(request) ||
           (type.size == sizeof lines - 1 && strncasecmp(type.data, lines, type.size) == 0);
}

static void answer_produced(riacho_exchange *exchange, const riacho_produced *produced)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{");
    riacho_member_number(&out, "count", (int64_t)produced->count);
    riacho_member_name(&out, "items");
    riacho_buffer_printf(&out, "[");
    for (size_t i = 0; i < produced->position_count; i++) {
        riacho_buffer_printf(&out, i ? ",{" : "{");
        riacho_member_position(&out, "position", &produced->positions[i]);
        riacho_buffer_printf(&out, "}");
    }
    riacho_buffer_printf(&out, "]}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}

void riacho_handle_produce(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    const char *topic = riacho_exchange_text(exchange, riacho_exchange_path(exchange, "topic"));
    riacho_json_issues issues;
    riacho_produced produced;
    riacho_error err;
    if (!riacho_operator_admit(exchange))
        return;
    if (!is_records(request)) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_MEDIA_TYPE,
                              "send Content-Type: application/json with an array, or "
                              "application/x-ndjson with a record a line");
        return;
    }
    const riacho_status status = riacho_worker_produce(exchange->api->worker, topic, request->body,
                                                       request->arena, &produced, &issues, &err);
    if (status == RIACHO_OK)
        answer_produced(exchange, &produced);
    else if (issues.count && status == RIACHO_REJECT)
        riacho_problem_answer_issues(request, exchange->reply, RIACHO_PROBLEM_BODY_INVALID, NULL,
                                     &issues);
    else
        answer_refused(exchange, status, &err);
}

/* The body of a new topic, as the JSON reader sees it. */
struct new_topic {
    riacho_bytes topic;
    int32_t partitions;
    int32_t cleanup; /* riacho_cleanup */
    int64_t retention_ms;
};

static const char *const cleanups[] = {"delete", "compact"};
static const riacho_type cleanup_type = {.kind = RIACHO_ENUM,
                                         .name = "riacho.Cleanup",
                                         .size = sizeof(int32_t),
                                         .align = _Alignof(int32_t),
                                         .symbols = cleanups,
                                         .symbol_count = 2,
                                         .default_symbol = -1};
static const int32_t one_partition = 1;
static const int32_t cleanup_delete = RIACHO_CLEANUP_DELETE;
static const int64_t for_ever = 0;
static const riacho_field new_topic_fields[] = {
    {.name = "topic", .type = &riacho_type_string, .offset = offsetof(struct new_topic, topic)},
    {.name = "partitions",
     .type = &riacho_type_int,
     .offset = offsetof(struct new_topic, partitions),
     .default_value = &one_partition},
    {.name = "cleanup",
     .type = &cleanup_type,
     .offset = offsetof(struct new_topic, cleanup),
     .default_value = &cleanup_delete},
    {.name = "retentionMs",
     .doc = "By record timestamp; 0: for ever",
     .type = &riacho_type_long,
     .offset = offsetof(struct new_topic, retention_ms),
     .default_value = &for_ever},
};
const riacho_type riacho_new_topic_type = {.kind = RIACHO_RECORD,
                                           .name = "riacho.NewTopic",
                                           .size = sizeof(struct new_topic),
                                           .align = _Alignof(struct new_topic),
                                           .fields = new_topic_fields,
                                           .field_count = 4};

static void answer_created(riacho_exchange *exchange, const riacho_topic_spec *spec)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{");
    riacho_member_text(&out, "topic", spec->name);
    riacho_member_number(&out, "partitions", spec->partitions);
    riacho_member_text(&out, "cleanup", cleanups[spec->cleanup]);
    riacho_member_number(&out, "retentionMs", spec->retention_ms);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 201, "application/json", &out);
}

void riacho_handle_topic_create(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    riacho_json_issues issues;
    struct new_topic asked;
    riacho_error err;
    if (!riacho_operator_admit(exchange))
        return;
    if (!riacho_is_json(request)) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_MEDIA_TYPE, NULL);
        return;
    }
    if (riacho_json_read(&riacho_new_topic_type, request->body, request->arena, &asked, &issues) !=
        RIACHO_OK) {
        riacho_problem_answer_issues(request, exchange->reply, RIACHO_PROBLEM_BODY_INVALID, NULL,
                                     &issues);
        return;
    }
    const riacho_topic_spec spec = {
        .name = riacho_exchange_text(exchange, asked.topic),
        .partitions = asked.partitions,
        .cleanup = (riacho_cleanup)asked.cleanup,
        .retention_ms = asked.retention_ms,
    };
    const riacho_status status = riacho_worker_topic_create(exchange->api->worker, &spec, &err);
    if (status == RIACHO_OK)
        answer_created(exchange, &spec);
    else
        riacho_exchange_fail(exchange, status, &err);
}

static void write_group(const riacho_dead_letter_group *group, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{");
    riacho_member_text(out, "topic", group->topic);
    riacho_member_text(out, "topology", group->topology);
    riacho_member_text(out, "from", group->from);
    riacho_member_text(out, "step", group->step);
    riacho_member_text(out, "kind", group->kind);
    riacho_member_text(out, "reason", group->reason);
    riacho_member_number(out, "count", (int64_t)group->count);
    riacho_member_number(out, "firstMs", group->first_ms);
    riacho_member_number(out, "lastMs", group->last_ms);
    riacho_member_position(out, "last", &group->last);
    riacho_buffer_printf(out, "}");
}

void riacho_handle_dead_letters(riacho_exchange *exchange)
{
    riacho_dead_letters letters;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_status status =
        riacho_worker_dead_letters(exchange->api->worker, exchange->request->arena, &letters, &err);
    if (status != RIACHO_OK) {
        riacho_exchange_fail(exchange, status, &err);
        return;
    }
    riacho_buffer_printf(&out, "{\"items\":[");
    for (size_t i = 0; i < letters.group_count; i++) {
        riacho_buffer_printf(&out, i ? "," : "");
        write_group(&letters.groups[i], &out);
    }
    riacho_buffer_printf(&out, "]");
    riacho_member_name(&out, "topics");
    riacho_buffer_printf(&out, "[");
    for (size_t i = 0; i < letters.topic_count; i++) {
        riacho_buffer_printf(&out, i ? "," : "");
        riacho_json_quote(riacho_text(letters.topics[i]), &out);
    }
    riacho_buffer_printf(&out, "]");
    riacho_member_number(&out, "held", (int64_t)letters.held);
    riacho_member_number(&out, "looked", (int64_t)letters.looked);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}
