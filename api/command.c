/* SPDX-License-Identifier: MIT
 *
 * command.c - POST of a declared command: 202 when the event is durable, 200 when the caller asked
 * to wait for its effect and it came in time. The correlation id is the event's position, sealed:
 * /status needs no memory and works after a restart.
 */
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/text.h"
#include "headers.h"
#include "member.h"
#include "problem.h"
#include "server.h"
#include "visitor.h"

enum { TRACESTATE_BYTES_MAX = 512, CARRY_MAX = 4 };

static const char correlation_purpose[] = "correlation";

/* A command on its way: what it is, and what was answered. */
struct errand {
    riacho_exchange *exchange;
    riacho_request request;
    riacho_header carry[CARRY_MAX];
    riacho_idempotent_hash key;
    int64_t wait_ms; /* Prefer; -1: not at all */
    riacho_accepted accepted;
};

/* Headers that stay here: they are secrets, or ours. */
static bool is_private(riacho_bytes name)
{
    static const char *const names[] = {"authorization", "cookie", "proxy-authorization",
                                        "riacho-visitor", "name"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (riacho_bytes_equal(name, riacho_text(names[i])))
            return true;
    return false;
}

static riacho_headers public_headers(const riacho_http_request *request)
{
    riacho_header *items =
        riacho_alloc_zero(request->arena, request->headers.count + 1, sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < request->headers.count; i++)
        if (!is_private(request->headers.items[i].name))
            items[count++] = request->headers.items[i];
    if (request->name.data)
        items[count++] = (riacho_header){riacho_text("name"), request->name};
    return (riacho_headers){items, count};
}

static void fill_carry(struct errand *errand, const riacho_http_request *request)
{
    const riacho_bytes parent = riacho_traceparent(request);
    const riacho_bytes state = riacho_http_header(request, "tracestate");
    size_t count = 0;
    if (parent.data)
        errand->carry[count++] = (riacho_header){riacho_text("traceparent"), parent};
    if (parent.data && state.data && state.size <= TRACESTATE_BYTES_MAX)
        errand->carry[count++] = (riacho_header){riacho_text("tracestate"), state};
    errand->request.carry = (riacho_headers){errand->carry, count};
}

/* Two hashes with a secret start: 128 bits that nobody can aim. */
static riacho_idempotent_hash hash_parts(const riacho_api *api, const riacho_bytes *parts,
                                         size_t count)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_buffer_append(&text, &api->address_salt, sizeof api->address_salt);
    for (size_t i = 0; i < count; i++) {
        riacho_buffer_append(&text, &parts[i].size, sizeof parts[i].size);
        riacho_buffer_append(&text, parts[i].data, parts[i].size);
    }
    const uint64_t high = riacho_hash(riacho_buffer_bytes(&text));
    riacho_buffer_append(&text, &high, sizeof high);
    return (riacho_idempotent_hash){high, riacho_hash(riacho_buffer_bytes(&text))};
}

static const char *print_position(riacho_arena *arena, const riacho_position *position)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_position_print(position, &text);
    return riacho_copy(arena, riacho_buffer_bytes(&text)).data;
}

static const char *seal_position(const riacho_exchange *exchange, const char *position)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_secret_seal(&exchange->api->secret, correlation_purpose, riacho_text(position), &text);
    return riacho_copy(exchange->request->arena, riacho_buffer_bytes(&text)).data;
}

/* Waits when the request prefers to; tells whether the effect is there. */
static bool wait_for_effect(struct errand *errand)
{
    riacho_error err;
    return errand->wait_ms > 0 && riacho_exchange_wait(errand->exchange, &errand->accepted.position,
                                                       errand->wait_ms, &err) == RIACHO_OK;
}

static void answer_accepted(struct errand *errand)
{
    riacho_exchange *exchange = errand->exchange;
    riacho_arena *arena = exchange->request->arena;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const bool processed = wait_for_effect(errand);
    const char *position = print_position(arena, &errand->accepted.position);
    const char *correlation = seal_position(exchange, position);
    riacho_buffer_printf(&out, "{");
    riacho_member_text(&out, "correlationId", correlation);
    riacho_member_text(&out, "state", processed ? "processed" : "accepted");
    riacho_member_text(&out, "position", position);
    riacho_member_text(&out, "eventId", errand->accepted.event_id);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, processed ? 200 : 202, "application/json", &out);
    riacho_http_add(exchange->reply, "Stream-Position", position);
    riacho_http_add(exchange->reply, "Location", riacho_format(arena, "/status/%s", correlation));
    if (processed)
        riacho_http_add(exchange->reply, "Preference-Applied",
                        riacho_format(arena, "wait=%lld", (long long)errand->wait_ms / 1000));
}

static void answer_refused(struct errand *errand, riacho_status status,
                           const riacho_refusal *refusal, const riacho_error *err)
{
    static const riacho_problem problems[] = {
        [RIACHO_REFUSED_OTHERWISE] = RIACHO_PROBLEM_REFUSED,
        [RIACHO_REFUSED_BODY] = RIACHO_PROBLEM_BODY_INVALID,
        [RIACHO_REFUSED_RULE] = RIACHO_PROBLEM_REFUSED,
        [RIACHO_REFUSED_MISSING] = RIACHO_PROBLEM_NOT_FOUND,
        [RIACHO_REFUSED_EXISTS] = RIACHO_PROBLEM_EXISTS,
    };
    riacho_exchange *exchange = errand->exchange;
    riacho_http_request *request = exchange->request;
    const riacho_problem problem = problems[refusal->kind];
    if (status != RIACHO_REJECT || refusal->kind == RIACHO_REFUSED_OTHERWISE)
        riacho_exchange_fail(exchange, status, err);
    else if (refusal->issues.count > 0)
        riacho_problem_answer_issues(request, exchange->reply, problem, NULL, &refusal->issues);
    else
        riacho_problem_answer(request, exchange->reply, problem,
                              riacho_format(request->arena, "%s", err->text));
}

/* Appends the event and answers; RIACHO_OK when there is something to remember. */
static riacho_status carry_out(struct errand *errand)
{
    riacho_exchange *exchange = errand->exchange;
    riacho_refusal refusal;
    riacho_error err;
    const riacho_status status =
        riacho_worker_command(exchange->api->worker, exchange->endpoint->route, &errand->request,
                              exchange->request->arena, &errand->accepted, &refusal, &err);
    if (status != RIACHO_OK)
        answer_refused(errand, status, &refusal, &err);
    return status;
}

/* Whose key it is. A client that holds no visitor's id is given another with every answer, so its
 * key stands alone: else a lost first answer would be repeated as a second event. */
static riacho_bytes owner_of(const riacho_http_request *request)
{
    return request->visitor_state == RIACHO_VISITOR_KNOWN ? request->visitor : riacho_text("");
}

static riacho_idempotent_hash key_of(const struct errand *errand, riacho_bytes owner)
{
    const riacho_bytes parts[] = {owner, errand->request.idempotency_key};
    return hash_parts(errand->exchange->api, parts, 2);
}

static riacho_idempotent_hash body_of(const struct errand *errand)
{
    const riacho_http_request *request = errand->exchange->request;
    const riacho_bytes parts[] = {request->target, request->body};
    return hash_parts(errand->exchange->api, parts, 2);
}

/* The same client may come back with the id that it was given just now. */
static void remember_for_new_visitor(const struct errand *errand,
                                     const riacho_idempotent_reply *reply)
{
    const riacho_http_request *request = errand->exchange->request;
    riacho_idempotency *table = errand->exchange->api->idempotency;
    riacho_idempotent_reply before;
    if (request->visitor_state == RIACHO_VISITOR_KNOWN)
        return;
    const riacho_idempotent_hash key = key_of(errand, request->visitor);
    if (riacho_idempotency_begin(table, key, body_of(errand), request->arena, &before) ==
        RIACHO_IDEMPOTENT_FIRST)
        riacho_idempotency_end(table, key, reply);
}

static void carry_out_once(struct errand *errand)
{
    riacho_idempotency *table = errand->exchange->api->idempotency;
    if (carry_out(errand) != RIACHO_OK) {
        riacho_idempotency_end(table, errand->key, NULL);
        return;
    }
    const riacho_position *position = &errand->accepted.position;
    const riacho_idempotent_reply reply = {riacho_text(errand->accepted.event_id),
                                           riacho_text(position->topic), position->partition,
                                           position->next};
    riacho_idempotency_end(table, errand->key, &reply);
    remember_for_new_visitor(errand, &reply);
    answer_accepted(errand);
}

/* With an Idempotency-Key: the first time it is carried out, every other time it is answered. */
static void answer_with_key(struct errand *errand)
{
    riacho_exchange *exchange = errand->exchange;
    riacho_http_request *request = exchange->request;
    riacho_idempotent_reply reply;
    errand->key = key_of(errand, owner_of(request));
    switch (riacho_idempotency_begin(exchange->api->idempotency, errand->key, body_of(errand),
                                     request->arena, &reply)) {
    case RIACHO_IDEMPOTENT_FIRST:
        carry_out_once(errand);
        return;
    case RIACHO_IDEMPOTENT_REPEAT:
        errand->accepted =
            (riacho_accepted){{reply.topic.data, reply.partition, reply.next}, reply.event_id.data};
        answer_accepted(errand);
        return;
    case RIACHO_IDEMPOTENT_RUNNING:
        riacho_http_add(exchange->reply, "Retry-After", "1");
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_RUNNING, NULL);
        return;
    case RIACHO_IDEMPOTENT_OTHER_BODY:
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_KEY_REUSED, NULL);
        return;
    }
}

void riacho_handle_command(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    const riacho_route *route = exchange->endpoint->route;
    struct errand errand = {.exchange = exchange};
    riacho_error err;
    if (riacho_idempotency_key(request, &errand.request.idempotency_key, &err) != RIACHO_OK ||
        riacho_prefer_wait_ms(request, &errand.wait_ms, &err) != RIACHO_OK) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "%s", err.text));
        return;
    }
    if (route->body && request->body.size > 0 && !riacho_is_json(request)) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_MEDIA_TYPE, NULL);
        return;
    }
    if (request->visitor_state != RIACHO_VISITOR_KNOWN)
        riacho_visitor_issue(&exchange->api->secret, exchange->api->cookie_attributes, request,
                             exchange->reply);
    errand.request.path = (riacho_headers){exchange->path, exchange->path_count};
    errand.request.query = (riacho_headers){request->parameters, request->parameter_count};
    errand.request.header = public_headers(request);
    errand.request.body = request->body;
    errand.request.visitor = request->visitor;
    fill_carry(&errand, request);
    if (errand.request.idempotency_key.data)
        answer_with_key(&errand);
    else if (carry_out(&errand) == RIACHO_OK)
        answer_accepted(&errand);
}

void riacho_handle_status(riacho_exchange *exchange)
{
    riacho_arena *arena = exchange->request->arena;
    const riacho_bytes correlation = riacho_exchange_path(exchange, "correlationId");
    riacho_bytes text;
    riacho_position position;
    riacho_error err;
    int64_t wait_ms;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (riacho_prefer_wait_ms(exchange->request, &wait_ms, &err) != RIACHO_OK) {
        riacho_problem_answer(exchange->request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(arena, "%s", err.text));
        return;
    }
    if (riacho_secret_unseal(&exchange->api->secret, correlation_purpose, correlation, arena,
                             &text) != RIACHO_OK ||
        riacho_position_parse(text, arena, &position, &err) != RIACHO_OK) {
        riacho_problem_answer(exchange->request, exchange->reply, RIACHO_PROBLEM_NOT_FOUND,
                              "this is no correlation id of ours");
        return;
    }
    const riacho_status status = riacho_exchange_wait(exchange, &position, wait_ms, &err);
    riacho_buffer_printf(&out, "{");
    riacho_member_bytes(&out, "correlationId", correlation);
    riacho_member_text(&out, "state",
                       status == RIACHO_OK      ? "processed"
                       : status == RIACHO_RETRY ? "accepted"
                                                : "unknown");
    riacho_member_bytes(&out, "position", text);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
    riacho_http_add(exchange->reply, "Stream-Position", text.data);
    if (status == RIACHO_RETRY)
        riacho_http_add(exchange->reply, "Retry-After", "1");
}

void riacho_handle_visitor(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (request->visitor_state != RIACHO_VISITOR_KNOWN)
        riacho_visitor_issue(&exchange->api->secret, exchange->api->cookie_attributes, request,
                             exchange->reply);
    riacho_buffer_printf(&out, "{");
    riacho_member_bytes(&out, "visitor", request->visitor);
    riacho_member_bytes(&out, "name", request->name);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}
