/* SPDX-License-Identifier: MIT
 *
 * query.c - reads: the queries that topologies declare, and the stores below /v1/stores. What a
 * reply may be cached by, what it includes and how old it is are in its headers.
 */
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "headers.h"
#include "member.h"
#include "problem.h"
#include "server.h"
#include "url.h"
#include "visitor.h"

enum {
    POSITION_WAIT_MS = 2000,      /* of If-Position, unless Prefer says another */
    POSITION_HEADER_BYTES = 2048, /* longer lists of positions are left out */
    POSITION_NUMBERS_BYTES = 48,  /* a separator, a partition and an offset */
    KEYS_MAX = 100,               /* of one mget */
};

/* Waits for what If-Position asks; false when it was answered with a problem. */
static bool reach_position(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    riacho_position positions[RIACHO_POSITIONS_MAX];
    size_t count;
    riacho_error err;
    if (riacho_if_position(request, positions, &count, &err) != RIACHO_OK) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "%s", err.text));
        return false;
    }
    const int64_t preferred = riacho_prefer_wait_ms(request);
    for (size_t i = 0; i < count; i++) {
        const riacho_status status = riacho_exchange_wait(
            exchange, &positions[i], preferred >= 0 ? preferred : POSITION_WAIT_MS, &err);
        if (status == RIACHO_OK)
            continue;
        if (status == RIACHO_RETRY)
            riacho_http_add(exchange->reply, "Retry-After", "1");
        riacho_problem_answer(request, exchange->reply,
                              status == RIACHO_RETRY    ? RIACHO_PROBLEM_NOT_YET
                              : status == RIACHO_REJECT ? RIACHO_PROBLEM_REQUEST_INVALID
                                                        : RIACHO_PROBLEM_INTERNAL,
                              riacho_format(request->arena, "%s", err.text));
        return false;
    }
    return true;
}

/* Digits of a number, terminated; printf would cost as much as reading the value. */
static char *put_number(char *to, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count > 0)
        *to++ = digits[--count];
    *to = 0;
    return to;
}

/* "topic/partition:next", joined by ", "; NULL when that would be too long for a header. */
static const char *print_positions(riacho_arena *arena, const riacho_reply *answer)
{
    char *text = riacho_alloc(arena, POSITION_HEADER_BYTES);
    char *to = text;
    for (size_t i = 0; i < answer->position_count; i++) {
        const riacho_position *position = &answer->positions[i];
        const size_t size = strlen(position->topic);
        if ((size_t)(to - text) + size + POSITION_NUMBERS_BYTES > POSITION_HEADER_BYTES)
            return NULL;
        if (i) {
            memcpy(to, ", ", 2);
            to += 2;
        }
        memcpy(to, position->topic, size);
        to[size] = '/';
        to = put_number(to + size + 1, (uint64_t)position->partition);
        *to = ':';
        to = put_number(to + 1, (uint64_t)position->next);
    }
    return answer->position_count ? text : NULL;
}

static void add_freshness(riacho_exchange *exchange, const riacho_reply *answer)
{
    riacho_arena *arena = exchange->request->arena;
    const char *positions = print_positions(arena, answer);
    char *age = riacho_alloc(arena, 24);
    if (positions)
        riacho_http_add(exchange->reply, "Stream-Position", positions);
    put_number(age, answer->staleness_ms > 0 ? (uint64_t)answer->staleness_ms : 0);
    riacho_http_add(exchange->reply, "Riacho-Staleness-Ms", age);
}

/* The version in quotes. */
static const char *print_tag(riacho_arena *arena, uint64_t version)
{
    static const char digits[] = "0123456789abcdef";
    char *tag = riacho_alloc(arena, 19);
    tag[0] = tag[17] = '"';
    tag[18] = 0;
    for (int i = 16; i > 0; i--, version >>= 4)
        tag[i] = digits[version & 15];
    return tag;
}

/* The same address with another cursor. */
static const char *next_page(const riacho_exchange *exchange, const char *cursor)
{
    const riacho_http_request *request = exchange->request;
    RIACHO_AUTO(buffer) riacho_buffer link = {0};
    riacho_buffer_printf(&link, "<");
    for (size_t i = 0; i < request->segment_count; i++) {
        riacho_buffer_printf(&link, "/");
        riacho_url_encode(request->segments[i], &link);
    }
    riacho_buffer_printf(&link, "?");
    for (size_t i = 0; i < request->parameter_count; i++) {
        if (riacho_bytes_equal(request->parameters[i].name, riacho_text("cursor")))
            continue;
        riacho_url_encode(request->parameters[i].name, &link);
        riacho_buffer_printf(&link, "=");
        riacho_url_encode(request->parameters[i].value, &link);
        riacho_buffer_printf(&link, "&");
    }
    riacho_buffer_printf(&link, "cursor=");
    riacho_url_encode(riacho_text(cursor), &link);
    riacho_buffer_printf(&link, ">; rel=\"next\"");
    return riacho_copy(request->arena, riacho_buffer_bytes(&link)).data;
}

static void answer_reply(riacho_exchange *exchange, const riacho_reply *answer)
{
    riacho_http_reply *reply = exchange->reply;
    riacho_arena *arena = exchange->request->arena;
    add_freshness(exchange, answer);
    if (answer->found == RIACHO_REPLY_NOT_FOUND) {
        const riacho_bytes asked = exchange->request->target;
        riacho_problem_answer(exchange->request, reply, RIACHO_PROBLEM_NOT_FOUND,
                              riacho_format(arena, "nothing is kept for %.*s",
                                            (int)(asked.size < 200 ? asked.size : 200),
                                            (const char *)asked.data));
        return;
    }
    const char *etag = print_tag(arena, answer->version);
    riacho_http_add(reply, "ETag", etag);
    riacho_http_add(reply, "Cache-Control", "private, no-cache");
    if (riacho_none_match(exchange->request, etag)) {
        reply->status = 304;
        return;
    }
    if (answer->cursor)
        riacho_http_add(reply, "Link", next_page(exchange, answer->cursor));
    riacho_http_answer(reply, 200, "application/json", answer->json);
}

/* A read that was refused: the store is not there, or the question is malformed. */
static void answer_refused(riacho_exchange *exchange, riacho_status status, const riacho_error *err)
{
    riacho_http_request *request = exchange->request;
    const riacho_bytes name = riacho_exchange_path(exchange, "store");
    riacho_store_status *stores;
    size_t count = 0;
    bool there = !name.data;
    if (status != RIACHO_REJECT) {
        riacho_exchange_fail(exchange, status, err);
        return;
    }
    if (name.data && riacho_worker_stores(exchange->api->worker, request->arena, &stores, &count,
                                          NULL) == RIACHO_OK)
        for (size_t i = 0; i < count; i++)
            there |= riacho_bytes_equal(riacho_text(stores[i].store), name);
    riacho_problem_answer(request, exchange->reply,
                          there ? RIACHO_PROBLEM_REQUEST_INVALID : RIACHO_PROBLEM_NOT_FOUND,
                          riacho_format(request->arena, "%s", err->text));
}

void riacho_handle_query(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    riacho_reply answer;
    riacho_error err;
    if (!reach_position(exchange))
        return;
    if (request->visitor_state != RIACHO_VISITOR_KNOWN)
        riacho_visitor_issue(&exchange->api->secret, exchange->api->cookie_attributes, request,
                             exchange->reply);
    const riacho_request question = {
        .path = {exchange->path, exchange->path_count},
        .query = {request->parameters, request->parameter_count},
        .header = request->headers,
        .visitor = request->visitor,
    };
    const riacho_status status = riacho_worker_query(
        exchange->api->worker, exchange->endpoint->route, &question, request->arena, &answer, &err);
    if (status == RIACHO_OK)
        answer_reply(exchange, &answer);
    else
        answer_refused(exchange, status, &err);
}

bool riacho_exchange_number(riacho_exchange *exchange, const char *name, uint32_t otherwise,
                            uint32_t max, uint32_t *ret_number)
{
    riacho_http_request *request = exchange->request;
    const riacho_bytes text = riacho_http_parameter(request, name);
    int64_t number = otherwise;
    if (text.data && riacho_int_parse(text, 0, max, &number, NULL) != RIACHO_OK) {
        riacho_problem_answer(
            request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
            riacho_format(request->arena, "'%s' must be a whole number from 0 to %u", name, max));
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

static bool read_flag(riacho_exchange *exchange, const char *name, bool *ret_flag)
{
    const riacho_bytes text = riacho_http_parameter(exchange->request, name);
    *ret_flag = text.data && !riacho_bytes_equal(text, riacho_text("false"));
    if (!text.data || text.size == 0 || riacho_bytes_equal(text, riacho_text("true")) ||
        riacho_bytes_equal(text, riacho_text("false")))
        return true;
    riacho_problem_answer(
        exchange->request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
        riacho_format(exchange->request->arena, "'%s' must be true or false", name));
    return false;
}

/* What all reads of a store have: its name, its topology, a page. */
static bool start_read(riacho_exchange *exchange, riacho_read_kind kind, riacho_read *ret_read)
{
    const riacho_http_request *request = exchange->request;
    const riacho_bytes topology = riacho_http_parameter(request, "topology");
    *ret_read = (riacho_read){
        .topology = topology.data ? riacho_exchange_text(exchange, topology) : NULL,
        .store = riacho_exchange_text(exchange, riacho_exchange_path(exchange, "store")),
        .kind = kind,
        .key = riacho_exchange_path(exchange, "key"),
        .cursor = riacho_http_parameter(request, "cursor"),
    };
    return riacho_exchange_number(exchange, "limit", 0, RIACHO_PAGE_ITEMS_MAX, &ret_read->limit) &&
           reach_position(exchange);
}

static void finish_read(riacho_exchange *exchange, const riacho_read *read)
{
    riacho_reply answer;
    riacho_error err;
    const riacho_status status =
        riacho_worker_read(exchange->api->worker, read, exchange->request->arena, &answer, &err);
    if (status == RIACHO_OK)
        answer_reply(exchange, &answer);
    else
        answer_refused(exchange, status, &err);
}

void riacho_handle_store_key(riacho_exchange *exchange)
{
    riacho_read read;
    if (start_read(exchange, RIACHO_READ_GET, &read))
        finish_read(exchange, &read);
}

void riacho_handle_store_range(riacho_exchange *exchange)
{
    riacho_read read;
    bool reverse;
    if (!start_read(exchange, RIACHO_READ_RANGE, &read) ||
        !read_flag(exchange, "reverse", &reverse))
        return;
    read.from = riacho_http_parameter(exchange->request, "from");
    read.to = riacho_http_parameter(exchange->request, "to");
    read.prefix = riacho_http_parameter(exchange->request, "prefix");
    read.direction = reverse ? RIACHO_BACKWARD : RIACHO_FORWARD;
    finish_read(exchange, &read);
}

void riacho_handle_store_top(riacho_exchange *exchange)
{
    riacho_read read;
    if (!start_read(exchange, RIACHO_READ_TOP, &read))
        return;
    read.key = riacho_http_parameter(exchange->request, "key");
    finish_read(exchange, &read);
}

void riacho_handle_store_rank(riacho_exchange *exchange)
{
    riacho_read read;
    if (!start_read(exchange, RIACHO_READ_RANK, &read) ||
        !riacho_exchange_number(exchange, "around", 0, RIACHO_PAGE_ITEMS_MAX / 2, &read.around))
        return;
    read.key = riacho_http_parameter(exchange->request, "key");
    read.member = riacho_exchange_path(exchange, "member");
    finish_read(exchange, &read);
}

void riacho_handle_store_list(riacho_exchange *exchange)
{
    riacho_read read;
    if (start_read(exchange, RIACHO_READ_LIST, &read))
        finish_read(exchange, &read);
}

/* The body of an mget, as the JSON reader sees it. */
struct many {
    riacho_array keys;
};

static const riacho_type keys_type = {.kind = RIACHO_ARRAY,
                                      .name = "array",
                                      .size = sizeof(riacho_array),
                                      .align = _Alignof(riacho_array),
                                      .item = &riacho_type_string};
static const riacho_field many_fields[] = {{.name = "keys", .type = &keys_type}};
const riacho_type riacho_many_type = {.kind = RIACHO_RECORD,
                                      .name = "riacho.Keys",
                                      .size = sizeof(struct many),
                                      .align = _Alignof(struct many),
                                      .fields = many_fields,
                                      .field_count = 1};

static bool read_many(riacho_exchange *exchange, struct many *ret_many)
{
    riacho_http_request *request = exchange->request;
    riacho_json_issues issues = {0};
    if (!riacho_is_json(request)) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_MEDIA_TYPE, NULL);
        return false;
    }
    if (riacho_json_read(&riacho_many_type, request->body, request->arena, ret_many, &issues) !=
        RIACHO_OK) {
        riacho_problem_answer_issues(request, exchange->reply, RIACHO_PROBLEM_BODY_INVALID, NULL,
                                     &issues);
        return false;
    }
    if (ret_many->keys.count > KEYS_MAX) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REFUSED,
                              riacho_format(request->arena, "at most %d keys", KEYS_MAX));
        return false;
    }
    return true;
}

void riacho_handle_store_many(riacho_exchange *exchange)
{
    struct many many;
    riacho_read read;
    riacho_reply answer;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!read_many(exchange, &many) || !start_read(exchange, RIACHO_READ_GET, &read))
        return;
    riacho_buffer_printf(&out, "{\"items\":[");
    for (size_t i = 0; i < many.keys.count; i++) {
        read.key = ((const riacho_bytes *)many.keys.items)[i];
        const riacho_status status = riacho_worker_read(exchange->api->worker, &read,
                                                        exchange->request->arena, &answer, &err);
        if (status != RIACHO_OK) {
            answer_refused(exchange, status, &err);
            return;
        }
        riacho_buffer_printf(&out, "%s{", i ? "," : "");
        riacho_member_bytes(&out, "key", read.key);
        riacho_member_name(&out, "value");
        if (answer.found == RIACHO_REPLY_FOUND)
            riacho_buffer_append(&out, answer.json.data, answer.json.size);
        else
            riacho_buffer_printf(&out, "null");
        riacho_buffer_printf(&out, "}");
    }
    riacho_buffer_printf(&out, "]}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}
