/* SPDX-License-Identifier: MIT
 *
 * command.c - a request becomes an event (riacho/serve.h): the body is read by its schema, key and
 * value come from the expressions that the topology declares, and the event is durable in its topic
 * before the caller hears of it.
 *
 * This is the only place where clock and chance enter: what they gave is in the event from then on.
 * Threads: any.
 */
#include <string.h>
#include <sys/random.h>

#include "base/macros.h"
#include "serve_read.h"

/* A lookup over the request's headers, query or path. */
struct table {
    riacho_expr_lookup lookup;
    riacho_headers entries;
};

static riacho_bytes get_entry(const riacho_expr_lookup *lookup, riacho_bytes name)
{
    const struct table *table = (const struct table *)lookup;
    for (size_t i = 0; i < table->entries.count; i++)
        if (riacho_bytes_equal(table->entries.items[i].name, name))
            return table->entries.items[i].value;
    return (riacho_bytes){0};
}

static const void *make_table(riacho_headers entries, riacho_arena *arena)
{
    struct table *table = riacho_alloc(arena, sizeof *table);
    *table = (struct table){{get_entry}, entries};
    return table;
}

/* A version 4 UUID as text. */
static riacho_bytes make_uuid(riacho_arena *arena)
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        abort(); /* 16 bytes always come whole once the kernel's pool is up. */
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return riacho_text(riacho_format(
        arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]));
}

static const void *boxed_text(riacho_bytes text, riacho_arena *arena)
{
    riacho_bytes *box = riacho_alloc(arena, sizeof *box);
    *box = text.data ? text : (riacho_bytes){"", 0};
    return box;
}

riacho_request_values riacho_request_scope(riacho_worker *worker, const riacho_request *request,
                                           const void *body, riacho_arena *arena)
{
    const void **values = riacho_alloc_zero(arena, RIACHO_COMMAND_COUNT, sizeof *values);
    int64_t *now = riacho_alloc(arena, sizeof *now);
    *now = worker->clock->now_ms(worker->clock);
    values[RIACHO_COMMAND_PATH] = make_table(request->path, arena);
    values[RIACHO_COMMAND_QUERY] = make_table(request->query, arena);
    values[RIACHO_COMMAND_HEADER] = make_table(request->header, arena);
    values[RIACHO_COMMAND_BODY] = body;
    values[RIACHO_COMMAND_VISITOR] = boxed_text(request->visitor, arena);
    values[RIACHO_COMMAND_SUBJECT] =
        request->subject.data ? boxed_text(request->subject, arena) : NULL;
    values[RIACHO_COMMAND_NOW] = now;
    return (riacho_request_values){.values = values, .now_ms = *now};
}

/* What only commands may see: the event's id, and chance. */
static void add_chance(riacho_request_values *scope, const riacho_request *request,
                       riacho_arena *arena)
{
    scope->event_id = request->idempotency_key.data ? request->idempotency_key : make_uuid(arena);
    scope->values[RIACHO_COMMAND_IDEMPOTENCY_KEY] = boxed_text(scope->event_id, arena);
    scope->values[RIACHO_COMMAND_UUID] = boxed_text(make_uuid(arena), arena);
}

riacho_status riacho_request_eval(const riacho_request_values *scope, const riacho_expr *expr,
                                  riacho_arena *arena, const void **ret_value, riacho_error *err)
{
    bool is_null = false;
    void *value = riacho_alloc_zero(arena, 1, riacho_expr_type(expr)->size + 1);
    RIACHO_TRY(riacho_expr_eval(expr, scope->values, arena, value, &is_null, err));
    *ret_value = is_null ? NULL : value;
    return RIACHO_OK;
}

/* The body as a value of the command's type; NULL when the command reads none. A request without a
 * body is one with an empty object, so that a command may have defaults for everything. */
static riacho_status read_body(const riacho_graph_command *command, const riacho_request *request,
                               riacho_arena *arena, const void **ret_body, riacho_refusal *refusal,
                               riacho_error *err)
{
    *ret_body = NULL;
    if (!command->body)
        return RIACHO_OK;
    void *body = riacho_alloc_zero(arena, 1, command->body->size + 1);
    const riacho_bytes text = request->body.size ? request->body : riacho_text("{}");
    const riacho_status status =
        riacho_json_read(command->body, text, arena, body, &refusal->issues);
    if (status != RIACHO_OK) {
        refusal->kind = RIACHO_REFUSED_BODY;
        return riacho_fail(err, status, "the body does not fit %s", command->body_word);
    }
    *ret_body = body;
    return RIACHO_OK;
}

/* Every rule that does not hold is told, not only the first. */
static riacho_status check_rules(const riacho_graph_command *command,
                                 const riacho_request_values *scope, riacho_arena *arena,
                                 riacho_refusal *refusal, riacho_error *err)
{
    riacho_json_issue *issues = riacho_alloc_zero(arena, command->check_count, sizeof *issues);
    size_t count = 0;
    for (size_t i = 0; i < command->check_count; i++) {
        const riacho_graph_check *check = &command->checks[i];
        bool holds;
        RIACHO_TRY(riacho_expr_test(check->that, scope->values, arena, &holds, err));
        if (!holds)
            issues[count++] = (riacho_json_issue){check->pointer, check->message};
    }
    if (!count)
        return RIACHO_OK;
    *refusal = (riacho_refusal){RIACHO_REFUSED_RULE, {issues, count}};
    return riacho_fail(err, RIACHO_REJECT, "%s", issues[0].detail);
}

/* Whether the store has the key that the request names; a null key is in no store. */
static riacho_status look_up(riacho_worker *worker, const riacho_target *target,
                             const riacho_graph_presence *presence,
                             const riacho_request_values *scope, riacho_arena *arena,
                             const void **ret_key, bool *ret_found, riacho_error *err)
{
    *ret_found = false;
    RIACHO_TRY(riacho_request_eval(scope, presence->key, arena, ret_key, err));
    if (!*ret_key)
        return RIACHO_OK;
    return riacho_question_has(worker, &worker->deployments[target->deployment], presence->store,
                               *ret_key, arena, ret_found, err);
}

static riacho_status check_presence(riacho_worker *worker, const riacho_target *target,
                                    const riacho_request_values *scope, riacho_arena *arena,
                                    riacho_refusal *refusal, riacho_error *err)
{
    const riacho_graph_presence *asked[] = {&target->command->requires_key,
                                            &target->command->refuses_key};
    for (size_t i = 0; i < 2; i++) {
        const void *key = NULL;
        bool found;
        const bool wanted = i == 0;
        if (asked[i]->store == RIACHO_NONE)
            continue;
        RIACHO_TRY(look_up(worker, target, asked[i], scope, arena, &key, &found, err));
        if (found == wanted)
            continue;
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        const riacho_graph_store *store = &target->graph->stores[asked[i]->store];
        if (key)
            riacho_json_write(store->key.codec->type, key, &text);
        refusal->kind = wanted ? RIACHO_REFUSED_MISSING : RIACHO_REFUSED_EXISTS;
        return riacho_fail(err, RIACHO_REJECT, "%s has %s %.*s", store->name,
                           wanted ? "no" : "already", (int)(text.size < 100 ? text.size : 100),
                           text.data ? (const char *)text.data : "null");
    }
    return RIACHO_OK;
}

/* Evaluates and serialises a key or a value; absent when the expression is null or not there. */
static riacho_status encode_part(const riacho_request_values *scope, const riacho_expr *expr,
                                 const riacho_data *data, const void *otherwise,
                                 riacho_arena *arena, riacho_bytes *ret_bytes, riacho_error *err)
{
    const void *value = otherwise;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    *ret_bytes = (riacho_bytes){0};
    if (expr)
        RIACHO_TRY(riacho_request_eval(scope, expr, arena, &value, err));
    if (!value)
        return RIACHO_OK;
    RIACHO_TRY(riacho_encode(data->codec, value, &out, err));
    *ret_bytes = riacho_copy(arena, riacho_buffer_bytes(&out));
    return RIACHO_OK;
}

static riacho_status build_event(const riacho_target *target, const riacho_request_values *scope,
                                 const void *body, riacho_arena *arena, riacho_log_append *event,
                                 riacho_error *err)
{
    const riacho_graph_command *command = target->command;
    const riacho_graph_topic *topic = &target->graph->topics[command->topic];
    const bool body_is_value =
        !command->value && body && riacho_type_equal(command->body, topic->value.codec->type);
    event->topic = topic->name;
    event->partition = -1;
    event->record.timestamp_ms = scope->now_ms;
    RIACHO_TRY(encode_part(scope, command->key, &topic->key, NULL, arena, &event->record.key, err));
    RIACHO_TRY(encode_part(scope, command->value, &topic->value, body_is_value ? body : NULL, arena,
                           &event->record.value, err));
    if (command->key && !event->record.key.data)
        return riacho_fail(err, RIACHO_REJECT, "the key of %s would be null", command->name);
    return RIACHO_OK;
}

riacho_status riacho_worker_command(riacho_worker *worker, const riacho_route *route,
                                    const riacho_request *request, riacho_arena *arena,
                                    riacho_accepted *ret_accepted, riacho_refusal *ret_refusal,
                                    riacho_error *err)
{
    const riacho_target *target = &riacho_serving_of(worker)->targets[route->index];
    const void *body;
    riacho_position appended;
    riacho_log_append event = {.record.headers = request->carry};
    *ret_refusal = (riacho_refusal){0};
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_TRY(read_body(target->command, request, arena, &body, ret_refusal, err));
    riacho_request_values scope = riacho_request_scope(worker, request, body, arena);
    add_chance(&scope, request, arena);
    RIACHO_TRY(check_rules(target->command, &scope, arena, ret_refusal, err));
    RIACHO_TRY(check_presence(worker, target, &scope, arena, ret_refusal, err));
    RIACHO_TRY(build_event(target, &scope, body, arena, &event, err));
    RIACHO_TRY(worker->log->ops->append(worker->log, &event, 1, &appended, err));
    *ret_accepted = (riacho_accepted){
        .position = {event.topic, appended.partition, appended.next + 1},
        .event_id = riacho_copy(arena, scope.event_id).data,
    };
    return RIACHO_OK;
}
