/* SPDX-License-Identifier: MIT
 *
 * query.c - from a request to a question, from an answer to a reply (riacho/serve.h).
 *
 * Threads: any; nothing here waits for a stream thread.
 */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"
#include "serve_read.h"

enum {
    LIMIT_DEFAULT = 20,
    ANSWER_BYTES = 512, /* room for most answers in one allocation */
};

static const char *const read_names[] = {[RIACHO_READ_GET] = "get",
                                         [RIACHO_READ_RANGE] = "range",
                                         [RIACHO_READ_TOP] = "top",
                                         [RIACHO_READ_RANK] = "rank",
                                         [RIACHO_READ_LIST] = "list"};

static const char *kind_word(riacho_store_kind kind)
{
    static const char *const words[] = {[RIACHO_STORE_KEYVALUE] = "keyValue",
                                        [RIACHO_STORE_RANKING] = "ranking",
                                        [RIACHO_STORE_LIST] = "list",
                                        [RIACHO_STORE_TTL] = "ttl"};
    return words[kind];
}

riacho_status riacho_question_check(const riacho_question *question, riacho_error *err)
{
    static const unsigned fits[] = {
        [RIACHO_READ_GET] = 1u << RIACHO_STORE_KEYVALUE | 1u << RIACHO_STORE_TTL,
        [RIACHO_READ_RANGE] = 1u << RIACHO_STORE_KEYVALUE,
        [RIACHO_READ_TOP] = 1u << RIACHO_STORE_RANKING,
        [RIACHO_READ_RANK] = 1u << RIACHO_STORE_RANKING,
        [RIACHO_READ_LIST] = 1u << RIACHO_STORE_LIST,
    };
    if (!(fits[question->kind] & 1u << question->store->kind))
        return riacho_fail(err, RIACHO_REJECT, "store '%s' is a %s store, which has no %s",
                           question->store->name, kind_word(question->store->kind),
                           read_names[question->kind]);
    if (question->kind != RIACHO_READ_RANGE && !question->key_bytes.data)
        return riacho_fail(err, RIACHO_REJECT, "store '%s' needs a key", question->store->name);
    if (question->kind == RIACHO_READ_RANK && !question->member.data)
        return riacho_fail(err, RIACHO_REJECT, "store '%s' needs a member", question->store->name);
    return RIACHO_OK;
}

static riacho_status serialise(const riacho_data *data, const void *value, riacho_arena *arena,
                               riacho_bytes *ret_bytes, riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    RIACHO_TRY(riacho_encode(data->codec, value, &out, err));
    if (out.size > RIACHO_KEY_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "a key has at most %d bytes", RIACHO_KEY_BYTES_MAX);
    *ret_bytes = riacho_copy(arena, riacho_buffer_bytes(&out));
    return RIACHO_OK;
}

/* Whether the type's JSON is a string: text of such keys needs no quotes in a URL. */
static bool is_text(const riacho_type *type)
{
    return type->kind == RIACHO_STRING || type->kind == RIACHO_ENUM || type->kind == RIACHO_BYTES ||
           type->kind == RIACHO_FIXED;
}

riacho_status riacho_question_read_key(const riacho_data *data, riacho_bytes text,
                                       riacho_arena *arena, const void **ret_value,
                                       riacho_bytes *ret_bytes, riacho_error *err)
{
    const riacho_type *type = data->codec->type;
    riacho_json_issues issues = {0};
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    *ret_bytes = (riacho_bytes){0};
    if (!text.data)
        return RIACHO_OK;
    if (is_text(type))
        riacho_json_quote(text, &json);
    else
        riacho_buffer_append(&json, text.data, text.size);
    void *value = riacho_alloc_zero(arena, 1, type->size + 1);
    const riacho_bytes copy = riacho_copy(arena, riacho_buffer_bytes(&json));
    if (riacho_json_read(type, copy, arena, value, &issues) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "'%.*s' is no %s%s%s",
                           (int)(text.size < 60 ? text.size : 60), (const char *)text.data,
                           data->word, issues.count ? ": " : "",
                           issues.count ? issues.items[0].detail : "");
    if (ret_value)
        *ret_value = value;
    return serialise(data, value, arena, ret_bytes, err);
}

static riacho_status answer_question(riacho_question *question, riacho_answer *answer,
                                     riacho_error *err)
{
    switch (question->kind) {
    case RIACHO_READ_GET:
        return riacho_answer_get(question, answer, err);
    case RIACHO_READ_RANGE:
        return riacho_answer_range(question, answer, err);
    case RIACHO_READ_TOP:
        return riacho_answer_top(question, answer, err);
    case RIACHO_READ_RANK:
        return riacho_answer_rank(question, answer, err);
    case RIACHO_READ_LIST:
        return riacho_answer_list(question, answer, err);
    }
    return riacho_fail(err, RIACHO_REJECT, "no such way to read");
}

riacho_status riacho_question_answer(riacho_question *question, riacho_reply *ret_reply,
                                     riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_answer answer = {0};
    riacho_reply reply = {.found = RIACHO_REPLY_NOT_FOUND};
    RIACHO_TRY(riacho_question_check(question, err));
    riacho_buffer_reserve(&answer.json, ANSWER_BYTES);
    RIACHO_TRY(answer_question(question, &answer, err));
    if (answer.found) {
        reply.found = RIACHO_REPLY_FOUND;
        reply.json = riacho_copy(question->arena, riacho_buffer_bytes(&answer.json));
        reply.cursor = answer.next.data;
    }
    *ret_reply = reply;
    return RIACHO_OK;
}

/* Shares of other workers come with the commits that they were read from, so what is the same is
 * known a moment later only. */
static riacho_status answer_gathered(riacho_question *question, riacho_reply *reply,
                                     riacho_error *err)
{
    RIACHO_TRY(riacho_question_answer(question, reply, err));
    reply->moment = riacho_question_moment(question);
    if (reply->moment && reply->moment == question->moment)
        *reply = (riacho_reply){.found = RIACHO_REPLY_UNCHANGED, .moment = reply->moment};
    return RIACHO_OK;
}

static riacho_status answer_here(riacho_question *question, riacho_reply *reply, riacho_error *err)
{
    const uint64_t moment = riacho_question_moment(question);
    reply->found = RIACHO_REPLY_UNCHANGED;
    if (!moment || moment != question->moment)
        RIACHO_TRY(riacho_question_answer(question, reply, err));
    reply->moment = moment;
    return RIACHO_OK;
}

/* The version is of the content: a commit that changed other keys leaves it as it was, and so does
 * a restart; what a view made of the time is in it. The moment is known without the content. */
static riacho_status ask(riacho_question *question, riacho_reply *ret_reply, riacho_error *err)
{
    riacho_reply reply = {0};
    RIACHO_TRY(riacho_question_check(question, err));
    RIACHO_TRY(riacho_question_open(question, err));
    RIACHO_TRY((question->elsewhere_count ? answer_gathered : answer_here)(question, &reply, err));
    if (reply.json.data)
        reply.version = riacho_hash(reply.json);
    riacho_question_sign(question, &reply);
    riacho_question_date(question, &reply);
    *ret_reply = reply;
    return RIACHO_OK;
}

static uint32_t cap(uint32_t limit, uint32_t otherwise, uint32_t most)
{
    if (limit == 0)
        limit = otherwise ? otherwise : LIMIT_DEFAULT;
    return limit < most ? limit : most;
}

riacho_status riacho_serving_find(riacho_worker *worker, const char *topology, const char *store,
                                  size_t *ret_deployment, size_t *ret_store, riacho_error *err)
{
    const riacho_graph *found = NULL;
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        if (topology && strcmp(topology, graph->name) != 0)
            continue;
        for (size_t j = 0; j < graph->store_count; j++) {
            if (strcmp(graph->stores[j].name, store) != 0)
                continue;
            if (found)
                return riacho_fail(err, RIACHO_REJECT,
                                   "topologies %s and %s have a store '%s': say which with "
                                   "?topology=",
                                   found->name, graph->name, store);
            found = graph;
            *ret_deployment = i;
            *ret_store = j;
        }
    }
    if (!found)
        return riacho_fail(err, RIACHO_REJECT, "there is no store '%s'", store);
    return RIACHO_OK;
}

bool riacho_worker_has_store(const riacho_worker *worker, const char *store)
{
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        for (size_t j = 0; j < graph->store_count; j++)
            if (strcmp(graph->stores[j].name, store) == 0)
                return true;
    }
    return false;
}

riacho_status riacho_question_find(riacho_question *question, const char *topology,
                                   const char *store, riacho_error *err)
{
    size_t deployment, index;
    RIACHO_TRY(riacho_serving_find(question->worker, topology, store, &deployment, &index, err));
    question->deployment = &question->worker->deployments[deployment];
    question->store = &question->deployment->graph->stores[index];
    question->store_index = (int32_t)index;
    return RIACHO_OK;
}

/* The first bytes that keys have: text keys are stored as they are written. */
static riacho_status read_prefix(const riacho_question *question, riacho_bytes prefix,
                                 riacho_bytes *ret_prefix, riacho_error *err)
{
    if (prefix.data && strcmp(question->store->key.word, "string") != 0)
        return riacho_fail(err, RIACHO_REJECT, "store '%s' has no text keys to have a prefix",
                           question->store->name);
    *ret_prefix = prefix;
    return RIACHO_OK;
}

riacho_status riacho_worker_read(riacho_worker *worker, const riacho_read *read,
                                 riacho_arena *arena, riacho_reply *ret_reply, riacho_error *err)
{
    RIACHO_AUTO(question)
    riacho_question question = {
        .worker = worker,
        .kind = read->kind,
        .cursor = read->cursor,
        .limit = cap(read->limit, LIMIT_DEFAULT, RIACHO_PAGE_ITEMS_MAX),
        .around =
            read->around < RIACHO_PAGE_ITEMS_MAX / 2 ? read->around : RIACHO_PAGE_ITEMS_MAX / 2,
        .direction = read->direction,
        .moment = read->moment,
        .reach = read->reach,
        .arena = arena,
    };
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_TRY(riacho_question_find(&question, read->topology, read->store, err));
    const riacho_data *key = &question.store->key;
    question.reply = question.store->value.codec->type;
    RIACHO_TRY(
        riacho_question_read_key(key, read->key, arena, &question.key, &question.key_bytes, err));
    RIACHO_TRY(riacho_question_read_key(key, read->from, arena, NULL, &question.from, err));
    RIACHO_TRY(riacho_question_read_key(key, read->to, arena, NULL, &question.to, err));
    RIACHO_TRY(read_prefix(&question, read->prefix, &question.prefix, err));
    if (read->kind == RIACHO_READ_RANK && question.store->kind == RIACHO_STORE_RANKING)
        RIACHO_TRY(riacho_question_read_key(&question.store->value, read->member, arena, NULL,
                                            &question.member, err));
    return ask(&question, ret_reply, err);
}

riacho_status riacho_question_has(riacho_worker *worker, const riacho_deployment *deployment,
                                  int32_t store, const void *key, riacho_arena *arena,
                                  bool *ret_found, riacho_error *err)
{
    riacho_reply reply;
    RIACHO_AUTO(question)
    riacho_question question = {
        .worker = worker,
        .deployment = deployment,
        .store = &deployment->graph->stores[store],
        .store_index = store,
        .kind = RIACHO_READ_GET,
        .key = key,
        .limit = 1,
        .arena = arena,
    };
    question.reply = question.store->value.codec->type;
    RIACHO_TRY(serialise(&question.store->key, key, arena, &question.key_bytes, err));
    RIACHO_TRY(ask(&question, &reply, err));
    *ret_found = reply.found == RIACHO_REPLY_FOUND;
    return RIACHO_OK;
}

static riacho_bytes find_entry(riacho_headers entries, const char *name)
{
    for (size_t i = 0; i < entries.count; i++)
        if (riacho_bytes_equal(entries.items[i].name, riacho_text(name)))
            return entries.items[i].value;
    return (riacho_bytes){0};
}

/* limit and cursor of the request; limits above the topology's are cut to it. */
static riacho_status read_page(const riacho_graph_query *query, const riacho_request *request,
                               riacho_question *question, riacho_error *err)
{
    const riacho_bytes limit = find_entry(request->query, "limit");
    const uint32_t most = query->max_limit ? query->max_limit : RIACHO_PAGE_ITEMS_MAX;
    int64_t wanted = 0;
    if (limit.data && riacho_int_parse(limit, 1, UINT32_MAX, &wanted, NULL) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "'limit' must be a whole number from 1");
    question->limit = cap((uint32_t)wanted, query->limit, most);
    question->cursor = find_entry(request->query, "cursor");
    return RIACHO_OK;
}

/* Evaluates the key of the query's topology; a null key is no key. */
static riacho_status eval_keys(const riacho_graph_query *query, const riacho_request_values *scope,
                               riacho_question *question, riacho_error *err)
{
    const void *member = NULL;
    riacho_arena *arena = question->arena;
    if (query->key)
        RIACHO_TRY(riacho_request_eval(scope, query->key, arena, &question->key, err));
    if (question->key)
        RIACHO_TRY(
            serialise(&question->store->key, question->key, arena, &question->key_bytes, err));
    if (query->member)
        RIACHO_TRY(riacho_request_eval(scope, query->member, arena, &member, err));
    if (member)
        RIACHO_TRY(serialise(&question->store->value, member, arena, &question->member, err));
    if (question->kind != RIACHO_READ_RANGE)
        return RIACHO_OK;
    /* A range's key is what its keys begin with. */
    const riacho_bytes prefix = question->key_bytes;
    question->key = NULL;
    question->key_bytes = (riacho_bytes){0};
    return read_prefix(question, prefix, &question->prefix, err);
}

riacho_status riacho_worker_query(riacho_worker *worker, const riacho_route *route,
                                  const riacho_request *request, riacho_arena *arena,
                                  riacho_reply *ret_reply, riacho_error *err)
{
    const riacho_target *target = &riacho_serving_of(worker)->targets[route->index];
    const riacho_graph_query *query = target->query;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_AUTO(question)
    riacho_question question = {
        .worker = worker,
        .deployment = &worker->deployments[target->deployment],
        .store = &target->graph->stores[query->store],
        .store_index = query->store,
        .kind = route->read,
        .around = query->around,
        .view = query->view,
        .reply = target->reply,
        .moment = request->moment,
        .reach = request->reach,
        .arena = arena,
    };
    const riacho_request_values scope = riacho_request_scope(worker, request, NULL, arena);
    RIACHO_TRY(read_page(query, request, &question, err));
    RIACHO_TRY(eval_keys(query, &scope, &question, err));
    return ask(&question, ret_reply, err);
}
