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

/* A read that was refused: the store is not there, or the question is malformed. */
static void answer_refused(riacho_exchange *exchange, riacho_status status, const riacho_error *err)
{
    riacho_http_request *request = exchange->request;
    const riacho_bytes name = riacho_exchange_path(exchange, "store");
    if (status != RIACHO_REJECT) {
        riacho_exchange_fail(exchange, status, err);
        return;
    }
    const bool there = !name.data || riacho_worker_has_store(exchange->api->worker,
                                                             riacho_exchange_text(exchange, name));
    riacho_problem_answer(request, exchange->reply,
                          there ? RIACHO_PROBLEM_REQUEST_INVALID : RIACHO_PROBLEM_NOT_FOUND,
                          riacho_format(request->arena, "%s", err->text));
}

/* A question to the worker, of either kind, and what the request says about how new the answer must
 * be. */
struct asked {
    riacho_exchange *exchange;
    const riacho_route *route; /* a declared query, with `request`; NULL: `read` */
    riacho_request request;
    riacho_read read;
    int64_t bound_ms;   /* Read-Consistency; -1: none */
    int64_t until_ms;   /* waits end */
    int64_t reached_ms; /* the answer has all that there was then; 0: not known */
    riacho_reach reach; /* of both kinds */
    riacho_bytes tag;   /* that has the moment of the answer the client holds; absent: none */
};

static void answer_not_yet(riacho_exchange *exchange, riacho_status status, const riacho_error *err)
{
    if (status == RIACHO_RETRY)
        riacho_http_add(exchange->reply, "Retry-After", "1");
    riacho_problem_answer(exchange->request, exchange->reply,
                          status == RIACHO_RETRY    ? RIACHO_PROBLEM_NOT_YET
                          : status == RIACHO_REJECT ? RIACHO_PROBLEM_REQUEST_INVALID
                                                    : RIACHO_PROBLEM_INTERNAL,
                          riacho_format(exchange->request->arena, "%s", err->text));
}

/* Waits for all of the positions, together no longer than asked; false when it was answered with a
 * problem. */
static bool reach(struct asked *asked, const riacho_position *positions, size_t count)
{
    riacho_error err;
    for (size_t i = 0; i < count; i++) {
        const int64_t left_ms = asked->until_ms - riacho_exchange_now_ms();
        const riacho_status status =
            riacho_exchange_wait(asked->exchange, &positions[i], left_ms > 0 ? left_ms : 0, &err);
        if (status == RIACHO_OK)
            continue;
        answer_not_yet(asked->exchange, status, &err);
        return false;
    }
    return true;
}

static void set_reach(struct asked *asked)
{
    asked->request.reach = asked->read.reach = asked->reach;
}

/* Waits for all that the topology's inputs hold now. */
static bool reach_present(struct asked *asked)
{
    riacho_exchange *exchange = asked->exchange;
    riacho_position *positions;
    size_t count;
    riacho_error err;
    const int64_t now_ms = riacho_exchange_now_ms();
    const riacho_status status =
        asked->route
            ? riacho_worker_ends(exchange->api->worker, asked->route->topology, NULL,
                                 exchange->request->arena, &positions, &count, &err)
            : riacho_worker_ends(exchange->api->worker, asked->read.topology, asked->read.store,
                                 exchange->request->arena, &positions, &count, &err);
    if (status != RIACHO_OK) {
        answer_refused(exchange, status, &err);
        return false;
    }
    asked->reached_ms = now_ms;
    asked->reach.role = RIACHO_REACH_ACTIVE; /* whom the wait is for */
    set_reach(asked);
    return reach(asked, positions, count);
}

/* Reads what the headers ask of the answer's age, and waits for it; false when it was answered with
 * a problem. */
static bool start_asking(struct asked *asked)
{
    riacho_http_request *request = asked->exchange->request;
    riacho_position positions[RIACHO_POSITIONS_MAX];
    size_t count;
    uint64_t moment;
    int64_t wait_ms;
    riacho_error err;
    if (riacho_if_position(request, positions, &count, &err) != RIACHO_OK ||
        riacho_prefer_wait_ms(request, &wait_ms, &err) != RIACHO_OK ||
        riacho_read_consistency(request, &asked->bound_ms, &err) != RIACHO_OK) {
        riacho_problem_answer(request, asked->exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena, "%s", err.text));
        return false;
    }
    asked->until_ms = riacho_exchange_now_ms() + (wait_ms < 0 ? POSITION_WAIT_MS : wait_ms);
    asked->tag = riacho_none_match_moment(request, &moment);
    asked->request.moment = asked->read.moment = moment;
    if (asked->bound_ms > 0 && !count) /* a position is followed to where tasks are active */
        asked->reach.role = RIACHO_REACH_STANDBYS;
    asked->reach.age_ms_max = asked->bound_ms;
    set_reach(asked);
    return reach(asked, positions, count) && (asked->bound_ms != 0 || reach_present(asked));
}

/* After a wait for the present, the task itself may know it a moment later only. */
static void note_reached(const struct asked *asked, riacho_reply *answer)
{
    const int64_t since_ms = riacho_exchange_now_ms() - asked->reached_ms;
    if (since_ms < answer->staleness_ms)
        answer->staleness_ms = since_ms;
}

static riacho_status ask_once(const struct asked *asked, riacho_reply *ret_answer,
                              riacho_error *err)
{
    riacho_worker *worker = asked->exchange->api->worker;
    riacho_arena *arena = asked->exchange->request->arena;
    if (asked->route)
        RIACHO_TRY(
            riacho_worker_query(worker, asked->route, &asked->request, arena, ret_answer, err));
    else
        RIACHO_TRY(riacho_worker_read(worker, &asked->read, arena, ret_answer, err));
    if (asked->reached_ms)
        note_reached(asked, ret_answer);
    return RIACHO_OK;
}

/* Whether the answer is too old and another, from now on, is worth asking for; when there is no
 * time left for that the request is answered with a problem. */
static bool must_be_younger(struct asked *asked, const riacho_reply *answer)
{
    riacho_error err;
    if (asked->bound_ms <= 0 || answer->staleness_ms <= asked->bound_ms)
        return false;
    if (riacho_exchange_now_ms() < asked->until_ms)
        return reach_present(asked);
    answer_not_yet(asked->exchange,
                   riacho_fail(&err, RIACHO_RETRY, "the state is %lld ms old",
                               (long long)answer->staleness_ms),
                   &err);
    return false;
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

/* Who it is from, when it is not only from here (handle.c says so otherwise). */
static void add_origin(riacho_exchange *exchange, const riacho_reply *answer)
{
    if (answer->from == RIACHO_REPLY_ELSEWHERE)
        riacho_http_add(exchange->reply, "Served-By", answer->served_by);
    else if (answer->from == RIACHO_REPLY_BOTH)
        riacho_http_add(exchange->reply, "Served-By",
                        riacho_format(exchange->request->arena, "%s, %s", exchange->api->served_by,
                                      answer->served_by));
    riacho_http_add(exchange->reply, "Riacho-Role",
                    answer->role == RIACHO_REPLY_STANDBY ? "standby" : "active");
}

static void add_freshness(riacho_exchange *exchange, const riacho_reply *answer)
{
    add_origin(exchange, answer);
    riacho_arena *arena = exchange->request->arena;
    const char *positions = print_positions(arena, answer);
    char *age = riacho_alloc(arena, 24);
    if (positions)
        riacho_http_add(exchange->reply, "Stream-Position", positions);
    put_number(age, answer->staleness_ms > 0 ? (uint64_t)answer->staleness_ms : 0);
    riacho_http_add(exchange->reply, "Riacho-Staleness-Ms", age);
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

static void answer_reply(const struct asked *asked, const riacho_reply *answer)
{
    riacho_exchange *exchange = asked->exchange;
    riacho_http_reply *reply = exchange->reply;
    riacho_arena *arena = exchange->request->arena;
    add_freshness(exchange, answer);
    if (answer->found == RIACHO_REPLY_NOT_FOUND) {
        const riacho_bytes target = exchange->request->target;
        riacho_problem_answer(exchange->request, reply, RIACHO_PROBLEM_NOT_FOUND,
                              riacho_format(arena, "nothing is kept for %.*s",
                                            (int)(target.size < 200 ? target.size : 200),
                                            (const char *)target.data));
        return;
    }
    riacho_http_add(reply, "Cache-Control", "private, no-cache");
    if (answer->found == RIACHO_REPLY_UNCHANGED) {
        riacho_http_add(reply, "ETag", riacho_exchange_text(exchange, asked->tag));
        reply->status = 304;
        return;
    }
    char *tag = riacho_alloc(arena, RIACHO_TAG_TEXT_BYTES);
    riacho_tag_print(answer->moment, answer->version, tag);
    riacho_http_add(reply, "ETag", tag);
    if (riacho_none_match(exchange->request, answer->version)) {
        reply->status = 304;
        return;
    }
    if (answer->cursor)
        riacho_http_add(reply, "Link", next_page(exchange, answer->cursor));
    riacho_http_answer_json(reply, 200, "application/json", answer->json, arena);
}

static void ask(struct asked *asked)
{
    riacho_reply answer;
    riacho_error err;
    riacho_status status;
    do
        status = ask_once(asked, &answer, &err);
    while (status == RIACHO_OK && must_be_younger(asked, &answer));
    if (asked->exchange->reply->status)
        return; /* it did not get young enough in time */
    if (status == RIACHO_OK)
        answer_reply(asked, &answer);
    else
        answer_refused(asked->exchange, status, &err);
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

/* Whether pages may leave out tasks that nobody answers for. */
static bool read_extent(struct asked *asked)
{
    bool partial;
    if (!read_flag(asked->exchange, "partial", &partial))
        return false;
    asked->reach.extent = partial ? RIACHO_REACH_PARTIAL : RIACHO_REACH_WHOLE;
    return true;
}

/* Queries that give pages know `partial`, unless it is a parameter of their own. */
static bool has_extent(const riacho_route *route)
{
    for (size_t i = 0; i < route->parameter_count; i++)
        if (strcmp(route->parameters[i], "partial") == 0)
            return false;
    return route->read == RIACHO_READ_RANGE || route->read == RIACHO_READ_TOP ||
           route->read == RIACHO_READ_LIST;
}

void riacho_handle_query(riacho_exchange *exchange)
{
    riacho_http_request *request = exchange->request;
    struct asked asked = {.exchange = exchange, .route = exchange->endpoint->route};
    if ((has_extent(asked.route) && !read_extent(&asked)) || !start_asking(&asked))
        return;
    if (request->visitor_state != RIACHO_VISITOR_KNOWN)
        riacho_visitor_issue(&exchange->api->secret, exchange->api->cookie_attributes, request,
                             exchange->reply);
    asked.request.path = (riacho_headers){exchange->path, exchange->path_count};
    asked.request.query = (riacho_headers){request->parameters, request->parameter_count};
    asked.request.header = request->headers;
    asked.request.visitor = request->visitor;
    ask(&asked);
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

bool riacho_exchange_page(riacho_exchange *exchange, uint32_t *ret_limit)
{
    riacho_http_request *request = exchange->request;
    const riacho_bytes text = riacho_http_parameter(request, "limit");
    int64_t limit = 0;
    if (text.data && riacho_int_parse(text, 1, RIACHO_PAGE_ITEMS_MAX, &limit, NULL) != RIACHO_OK) {
        riacho_problem_answer(request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(request->arena,
                                            "'limit' must be a whole number from 1 to %d",
                                            RIACHO_PAGE_ITEMS_MAX));
        return false;
    }
    *ret_limit = (uint32_t)limit;
    return true;
}

/* What all reads of a store have: its name, its topology, a page. */
static bool start_read(struct asked *asked, riacho_read_kind kind)
{
    riacho_exchange *exchange = asked->exchange;
    const riacho_http_request *request = exchange->request;
    const riacho_bytes topology = riacho_http_parameter(request, "topology");
    asked->read = (riacho_read){
        .topology = topology.data ? riacho_exchange_text(exchange, topology) : NULL,
        .store = riacho_exchange_text(exchange, riacho_exchange_path(exchange, "store")),
        .kind = kind,
        .key = riacho_exchange_path(exchange, "key"),
        .cursor = riacho_http_parameter(request, "cursor"),
    };
    return riacho_exchange_page(exchange, &asked->read.limit) && start_asking(asked);
}

void riacho_handle_store_key(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    if (start_read(&asked, RIACHO_READ_GET))
        ask(&asked);
}

void riacho_handle_store_range(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    bool reverse;
    if (!read_flag(exchange, "reverse", &reverse) || !read_extent(&asked) ||
        !start_read(&asked, RIACHO_READ_RANGE))
        return;
    asked.read.from = riacho_http_parameter(exchange->request, "from");
    asked.read.to = riacho_http_parameter(exchange->request, "to");
    asked.read.prefix = riacho_http_parameter(exchange->request, "prefix");
    asked.read.direction = reverse ? RIACHO_BACKWARD : RIACHO_FORWARD;
    ask(&asked);
}

void riacho_handle_store_top(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    if (!read_extent(&asked) || !start_read(&asked, RIACHO_READ_TOP))
        return;
    asked.read.key = riacho_http_parameter(exchange->request, "key");
    ask(&asked);
}

void riacho_handle_store_rank(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    uint32_t around;
    if (!riacho_exchange_number(exchange, "around", 0, RIACHO_PAGE_ITEMS_MAX / 2, &around) ||
        !start_read(&asked, RIACHO_READ_RANK))
        return;
    asked.read.around = around;
    asked.read.key = riacho_http_parameter(exchange->request, "key");
    asked.read.member = riacho_exchange_path(exchange, "member");
    ask(&asked);
}

void riacho_handle_store_list(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    if (read_extent(&asked) && start_read(&asked, RIACHO_READ_LIST))
        ask(&asked);
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

static void write_many(const struct many *many, const riacho_reply *replies, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"items\":[");
    for (size_t i = 0; i < many->keys.count; i++) {
        riacho_buffer_printf(out, "%s{", i ? "," : "");
        riacho_member_bytes(out, "key", ((const riacho_bytes *)many->keys.items)[i]);
        riacho_member_name(out, "value");
        if (replies[i].found == RIACHO_REPLY_FOUND)
            riacho_buffer_append(out, replies[i].json.data, replies[i].json.size);
        else
            riacho_buffer_printf(out, "null");
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "]}");
}

/* All keys from the same commits. */
void riacho_handle_store_many(riacho_exchange *exchange)
{
    struct asked asked = {.exchange = exchange};
    riacho_arena *arena = exchange->request->arena;
    riacho_reply replies[KEYS_MAX];
    riacho_reply whole;
    struct many many;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!read_many(exchange, &many) || !start_read(&asked, RIACHO_READ_GET))
        return;
    riacho_status status;
    do {
        status = riacho_worker_read_many(exchange->api->worker, &asked.read, many.keys.items,
                                         many.keys.count, arena, replies, &whole, &err);
        if (status == RIACHO_OK && asked.reached_ms)
            note_reached(&asked, &whole);
    } while (status == RIACHO_OK && must_be_younger(&asked, &whole));
    if (exchange->reply->status)
        return; /* it did not get young enough in time */
    if (status != RIACHO_OK) {
        answer_refused(exchange, status, &err);
        return;
    }
    add_freshness(exchange, &whole);
    write_many(&many, replies, &out);
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}
