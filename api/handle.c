/* SPDX-License-Identifier: MIT
 *
 * handle.c - one request from its target to its reply, in this order: the address is read, a route
 * is found, the visitor is known, the rate limit asked, the size of the body checked, the handler
 * called; then the headers that every reply has, the meter, the diagnostics.
 */
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "base/trace.h"
#include "problem.h"
#include "server.h"
#include "url.h"
#include "visitor.h"

enum { NS_PER_MS = 1000000 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t riacho_exchange_now_ms(void)
{
    return now_ns() / NS_PER_MS;
}

riacho_bytes riacho_exchange_path(const riacho_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->path_count; i++)
        if (riacho_bytes_equal(exchange->path[i].name, riacho_text(name)))
            return exchange->path[i].value;
    return (riacho_bytes){0};
}

const char *riacho_exchange_text(const riacho_exchange *exchange, riacho_bytes text)
{
    return riacho_copy(exchange->request->arena, text).data;
}

void riacho_exchange_answer(riacho_exchange *exchange, unsigned status, const char *media_type,
                            const riacho_buffer *body)
{
    if (strcmp(media_type, "application/json") == 0)
        riacho_http_answer_json(exchange->reply, status, media_type, riacho_buffer_bytes(body),
                                exchange->request->arena);
    else
        riacho_http_answer(exchange->reply, status, media_type,
                           riacho_copy(exchange->request->arena, riacho_buffer_bytes(body)));
}

void riacho_exchange_fail(riacho_exchange *exchange, riacho_status status, const riacho_error *err)
{
    riacho_problem problem = RIACHO_PROBLEM_INTERNAL;
    const char *detail = NULL;
    if (status == RIACHO_REJECT || status == RIACHO_RETRY) {
        problem = status == RIACHO_REJECT ? RIACHO_PROBLEM_REFUSED : RIACHO_PROBLEM_NOT_READY;
        detail = riacho_format(exchange->request->arena, "%s", err->text);
    } else {
        riacho_trace(RIACHO_ERROR, "a request failed", "route", exchange->endpoint->path, "reason",
                     err->text, NULL);
    }
    if (status == RIACHO_RETRY)
        riacho_http_add(exchange->reply, "Retry-After", "1");
    riacho_problem_answer(exchange->request, exchange->reply, problem, detail);
}

/* Waits in short pieces, so that closing the server does not take as long as its longest wait. */
static riacho_status wait_in_pieces(riacho_api *api, const riacho_position *position,
                                    int64_t wait_ms, riacho_error *err)
{
    enum { PIECE_MS = 250 };
    const int64_t until_ns = now_ns() + wait_ms * NS_PER_MS;
    for (;;) {
        const int64_t from_ns = now_ns();
        const int64_t left_ms = (until_ns - from_ns) / NS_PER_MS;
        const int64_t piece_ms = left_ms < PIECE_MS ? left_ms : PIECE_MS;
        const riacho_status status = riacho_worker_wait(api->worker, position, piece_ms, err);
        const bool early = now_ns() - from_ns < piece_ms * NS_PER_MS; /* the worker is not ready */
        if (status != RIACHO_RETRY || piece_ms < PIECE_MS || early ||
            atomic_load_explicit(&api->closing, memory_order_relaxed))
            return status;
    }
}

riacho_status riacho_exchange_wait(riacho_exchange *exchange, const riacho_position *position,
                                   int64_t wait_ms, riacho_error *err)
{
    riacho_api *api = exchange->api;
    if (wait_ms > RIACHO_HTTP_WAIT_MS_MAX)
        wait_ms = RIACHO_HTTP_WAIT_MS_MAX;
    if (wait_ms <= 0)
        return riacho_worker_wait(api->worker, position, 0, err);
    /* A sleeping request holds a thread of the pool; most of them must stay free for others. */
    if (atomic_fetch_add(&api->waiting, 1) >= api->waiting_max)
        wait_ms = 0;
    const riacho_status status = wait_in_pieces(api, position, wait_ms, err);
    atomic_fetch_sub(&api->waiting, 1);
    return status;
}

/* The methods of a path, as Allow has them; GET brings HEAD. */
static const char *allowed_methods(const riacho_match *match, riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    for (size_t i = 0; i < match->other_count; i++) {
        const char *method = match->others[i]->method;
        riacho_buffer_printf(&text, "%s%s%s", i ? ", " : "", method,
                             strcmp(method, "GET") == 0 ? ", HEAD" : "");
    }
    riacho_buffer_printf(&text, "%sOPTIONS", text.size ? ", " : "");
    return riacho_copy(arena, riacho_buffer_bytes(&text)).data;
}

static void answer_options(riacho_exchange *exchange, const riacho_match *match)
{
    const char *methods = allowed_methods(match, exchange->request->arena);
    riacho_http_add(exchange->reply, "Allow", methods);
    if (riacho_http_header(exchange->request, "access-control-request-method").data)
        riacho_cors_add_preflight(&exchange->api->cors, exchange->request, exchange->reply,
                                  methods);
    exchange->reply->status = 204;
}

/* 0, or the seconds to wait. A visitor has a bucket of its own; the address behind it has a wider
 * one, or a client would ask for a new id each time its bucket is empty. */
static unsigned ask_limits(riacho_api *api, const riacho_http_request *request,
                           riacho_endpoint_class class)
{
    const bool write = class == RIACHO_ENDPOINT_WRITE;
    riacho_rate *own = write ? api->writes : api->reads;
    riacho_rate *shared = write ? api->address_writes : api->address_reads;
    const bool known = request->visitor_state == RIACHO_VISITOR_KNOWN;
    uint8_t address[sizeof api->address_salt + RIACHO_ADDRESS_VISITOR_BYTES];
    if (!own)
        return 0;
    memcpy(address, &api->address_salt, sizeof api->address_salt);
    memcpy(address + sizeof api->address_salt, request->client.bytes, RIACHO_ADDRESS_VISITOR_BYTES);
    const int64_t now = now_ns();
    const uint64_t caller = riacho_hash((riacho_bytes){address, sizeof address});
    const unsigned wait = known ? riacho_rate_take(shared, caller, now) : 0;
    if (wait)
        return wait;
    return riacho_rate_take(own, known ? riacho_hash(request->visitor) ^ api->address_salt : caller,
                            now);
}

/* Whether the body is over the limit. Ulfius cuts it one byte behind, so what it says counts as
 * well as what came. */
static bool is_too_large(const riacho_http_request *request)
{
    int64_t said = 0;
    const riacho_bytes length = riacho_http_header(request, "content-length");
    if (request->body.size > RIACHO_HTTP_BODY_BYTES_MAX)
        return true;
    return length.data && (riacho_int_parse(length, 0, INT64_MAX, &said, NULL) != RIACHO_OK ||
                           said > RIACHO_HTTP_BODY_BYTES_MAX);
}

/* What must hold before a handler is called. */
static bool admit(riacho_exchange *exchange)
{
    riacho_api *api = exchange->api;
    riacho_http_request *request = exchange->request;
    const riacho_endpoint_class class = exchange->endpoint->class;
    riacho_error err;
    if (riacho_visitor_read(&api->secret, api->known, request, &err) != RIACHO_OK) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "%s", err.text));
        return false;
    }
    const unsigned wait = ask_limits(api, request, class);
    if (wait) {
        riacho_http_add(exchange->reply, "Retry-After", riacho_format(request->arena, "%u", wait));
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_TOO_MANY_REQUESTS, NULL);
        return false;
    }
    if (is_too_large(request)) {
        riacho_problem_answer(
            request, exchange->reply, RIACHO_PROBLEM_BODY_TOO_LARGE,
            riacho_format(request->arena, "at most %d bytes", RIACHO_HTTP_BODY_BYTES_MAX));
        return false;
    }
    if (class == RIACHO_ENDPOINT_WRITE && request->visitor_state == RIACHO_VISITOR_FORGED) {
        riacho_http_add(exchange->reply, "WWW-Authenticate", "Riacho-Visitor");
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_VISITOR_FORGED, NULL);
        return false;
    }
    return true;
}

/* Refuses query parameters that the endpoint does not know: a typo would otherwise be a silent
 * default. */
static bool check_parameters(riacho_exchange *exchange)
{
    const riacho_endpoint *endpoint = exchange->endpoint;
    riacho_http_request *request = exchange->request;
    if (endpoint->query == RIACHO_QUERY_OPEN)
        return true;
    for (size_t i = 0; i < request->parameter_count; i++) {
        bool known = false;
        for (const riacho_parameter *one = endpoint->parameters; one && one->name; one++)
            known |= riacho_bytes_equal(request->parameters[i].name, riacho_text(one->name));
        if (known)
            continue;
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "there is no parameter '%.*s' here",
                                            (int)(request->parameters[i].name.size < 40
                                                      ? request->parameters[i].name.size
                                                      : 40),
                                            (const char *)request->parameters[i].name.data));
        return false;
    }
    return true;
}

static void bind_path(riacho_exchange *exchange, const riacho_match *match)
{
    exchange->path_count = exchange->endpoint->name_count;
    for (size_t i = 0; i < exchange->path_count; i++)
        exchange->path[i] = (riacho_header){riacho_text(exchange->endpoint->names[i]),
                                            exchange->request->segments[match->values[i]]};
}

/* The address is read, and what cannot be told apart is refused: with both a length and chunks, a
 * proxy in front may see another end of this request than we do. */
static riacho_status read_request(riacho_http_request *request, riacho_error *err)
{
    if (request->headers.count > RIACHO_HTTP_HEADERS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "there are more than %d headers",
                           RIACHO_HTTP_HEADERS_MAX);
    if (riacho_http_header(request, "transfer-encoding").data &&
        riacho_http_header(request, "content-length").data)
        return riacho_fail(err, RIACHO_REJECT,
                           "a request has Content-Length or Transfer-Encoding, not both");
    return riacho_url_parse(request, err);
}

static void dispatch(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    riacho_match match;
    riacho_error err;
    if (read_request(request, &err) != RIACHO_OK) {
        riacho_http_add(exchange->reply, "Connection", "close");
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "%s", err.text));
        return;
    }
    riacho_router_match(exchange->api->router, request->method, request->segments,
                        request->segment_count, &match);
    exchange->endpoint = match.endpoint;
    if (match.other_count == 0) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_NOT_FOUND,
                              "no route has this path; /docs lists them");
    } else if (!match.endpoint && riacho_bytes_equal(request->method, riacho_text("OPTIONS"))) {
        answer_options(exchange, &match);
    } else if (!match.endpoint) {
        const char *methods = allowed_methods(&match, request->arena);
        riacho_http_add(exchange->reply, "Allow", methods);
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_METHOD_NOT_ALLOWED,
                              riacho_format(request->arena, "this path knows %s", methods));
    } else {
        bind_path(exchange, &match);
        if ((match.endpoint->class == RIACHO_ENDPOINT_FREE || admit(exchange)) &&
            check_parameters(exchange))
            match.endpoint->handle(exchange);
    }
}

static bool has_header(const riacho_http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (strcmp(reply->names[i], name) == 0)
            return true;
    return false;
}

/* Each header costs about as much as a small read, so replies that no browser renders have the
 * one that matters to them; documents bring their own policy. */
static void add_common_headers(riacho_exchange *exchange)
{
    riacho_http_reply *reply = exchange->reply;
    riacho_http_add(reply, "X-Content-Type-Options", "nosniff");
    if (!has_header(reply, "Cache-Control"))
        riacho_http_add(reply, "Cache-Control", "no-store");
    if (!has_header(reply, "Served-By"))
        riacho_http_add(reply, "Served-By", exchange->api->served_by);
    riacho_cors_add(&exchange->api->cors, exchange->request, reply);
}

/* One line a request at debug, and of failures at warn: the route's template, never the path, since
 * keys are people's data. */
static void trace_request(const riacho_exchange *exchange, int64_t took_ns)
{
    const riacho_http_reply *reply = exchange->reply;
    riacho_arena *arena = exchange->request->arena;
    const riacho_level level = reply->status >= 500 ? RIACHO_WARN : RIACHO_DEBUG;
    if (!riacho_trace_wants(level))
        return;
    riacho_trace(level, "request", "method", exchange->endpoint ? exchange->endpoint->method : "",
                 "route", exchange->endpoint ? exchange->endpoint->path : "", "status",
                 riacho_format(arena, "%u", reply->status), "problem",
                 reply->problem ? reply->problem : "", "took_us",
                 riacho_format(arena, "%lld", (long long)took_ns / 1000), NULL);
}

/* Sets what is looked at before it is filled in. The long tables in requests, replies and exchanges
 * have counts; to clear them would cost as much as reading the value. */
static void begin(riacho_api *api, riacho_http_request *request, riacho_http_reply *reply,
                  riacho_exchange *exchange)
{
    request->segment_count = request->parameter_count = 0;
    request->visitor = request->name = (riacho_bytes){0};
    request->visitor_state = RIACHO_VISITOR_NONE;
    reply->status = 0;
    reply->header_count = 0;
    reply->body = (riacho_bytes){0};
    reply->problem = NULL;
    exchange->api = api;
    exchange->request = request;
    exchange->reply = reply;
    exchange->endpoint = NULL;
    exchange->path_count = 0;
}

void riacho_api_handle(riacho_api *api, riacho_http_request *request, riacho_http_reply *ret_reply)
{
    const int64_t from = now_ns();
    riacho_exchange exchange;
    begin(api, request, ret_reply, &exchange);
    riacho_proxies_resolve(&api->proxies, request);
    dispatch(&exchange);
    add_common_headers(&exchange);
    const int64_t took_ns = now_ns() - from;
    riacho_meter_count(api->meter, exchange.endpoint, ret_reply->status, took_ns);
    trace_request(&exchange, took_ns);
}
