/* SPDX-License-Identifier: MIT
 *
 * expect.c - what must hold: records that came out, stores, topics, queries, and that a replay
 * gives the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "match.h"
#include "play.h"
#include "runtime/records.h"

/* Key or value of a record as JSON; absent stays absent. */
static riacho_bytes decode(riacho_stage *stage, riacho_bytes bytes, const riacho_codec *codec)
{
    riacho_arena *arena = stage->played->arena;
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    riacho_error why;
    if (!bytes.data)
        return bytes;
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (riacho_decode(codec, bytes, arena, value, &why) != RIACHO_OK)
        riacho_json_quote(riacho_text(riacho_format(arena, "(not readable: %s)", why.text)), &json);
    else
        riacho_json_write(codec->type, value, &json);
    return riacho_copy(arena, riacho_buffer_bytes(&json));
}

static const char *shown(riacho_stage *stage, const riacho_yaml_node *node)
{
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    if (!node)
        return "(anything)";
    riacho_yaml_to_json(node, &json);
    return riacho_copy(stage->played->arena, riacho_buffer_bytes(&json)).data;
}

static const char *text_or_null(riacho_bytes json)
{
    return json.data ? json.data : "null";
}

/* A difference as two lines, and where it begins. */
static void differ(riacho_stage *stage, const riacho_yaml_node *node, const char *what,
                   riacho_bytes found, const char *where)
{
    riacho_stage_fail(stage, node, "%s%s%s\n    - expected %s\n    + found    %s", what,
                      *where ? " differs at " : " differs", where, shown(stage, node),
                      text_or_null(found));
}

static void check(riacho_stage *stage, const riacho_yaml_node *expected, riacho_bytes found,
                  const char *what)
{
    const char *where;
    if (!riacho_match(expected, found, stage->played->arena, &where))
        differ(stage, expected, what, found, where);
}

static riacho_topic_codecs codecs_of(riacho_stage *stage, const char *topic)
{
    riacho_topic_codecs codecs = {0};
    const riacho_graph *graph = stage->graph;
    riacho_error why;
    const riacho_topic_types types = {&graph, 1, stage->project->schemas, {0}};
    (void)!riacho_topic_codecs_find(&types, topic, &codecs, &why);
    return codecs;
}

/* A key is compared as text where text is the type, so that `key: 7` finds "7". */
static void check_key(riacho_stage *stage, const riacho_yaml_node *expected, riacho_bytes found,
                      const riacho_codec *codec, const char *what)
{
    riacho_bytes wanted;
    if (!expected || riacho_stage_encode(stage, expected, codec, &wanted) != RIACHO_OK)
        return;
    if (!riacho_bytes_equal(wanted, found))
        differ(stage, expected, what, decode(stage, found, codec), "");
}

static void check_record(riacho_stage *stage, const riacho_test_out *out,
                         const riacho_engine_record *found)
{
    riacho_arena *arena = stage->played->arena;
    const riacho_topic_codecs codecs = codecs_of(stage, found->topic);
    check_key(stage, out->key, found->record.key, codecs.key,
              riacho_format(arena, "key of a record from %s", out->from));
    if (out->value)
        check(stage, out->value, decode(stage, found->record.value, codecs.value),
              riacho_format(arena, "value of a record from %s", out->from));
    if (out->timestamp)
        check(stage, out->timestamp,
              riacho_text(riacho_format(arena, "%" PRId64, found->record.timestamp_ms)),
              riacho_format(arena, "timestamp of a record from %s", out->from));
    for (size_t i = 0; out->headers && i < out->headers->count; i++) {
        const riacho_yaml_entry *wanted = &out->headers->entries[i];
        bool is = false;
        for (size_t k = 0; k < found->record.headers.count; k++) {
            const riacho_header *header = &found->record.headers.items[k];
            is = is || (riacho_bytes_equal(header->name, wanted->key->text) &&
                        riacho_bytes_equal(header->value, wanted->value->text));
        }
        if (!is)
            riacho_stage_fail(stage, wanted->key, "the record has no header %s: %s",
                              (const char *)wanted->key->text.data,
                              (const char *)wanted->value->text.data);
    }
}

static void complain_about_extra(riacho_stage *stage, const riacho_test_step *step,
                                 const riacho_engine_record *extra)
{
    const riacho_topic_codecs codecs = codecs_of(stage, extra->topic);
    riacho_stage_fail(
        stage, step->node,
        "a record came out that `out` does not have\n    + %s key %s value %s at %" PRId64,
        extra->topic, text_or_null(decode(stage, extra->record.key, codecs.key)),
        text_or_null(decode(stage, extra->record.value, codecs.value)), extra->record.timestamp_ms);
}

void riacho_stage_check_outs(riacho_stage *stage, const riacho_test_step *step)
{
    riacho_engine_record *records;
    size_t count;
    riacho_error why;
    if (riacho_engine_outputs(stage->engine, &records, &count, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, step->node, "%s", why.text);
        return;
    }
    bool *taken = riacho_alloc_zero(stage->played->arena, count + 1, sizeof *taken);
    for (size_t i = 0; i < step->out_count; i++) {
        const riacho_test_out *out = &step->outs[i];
        const char *topic = riacho_stage_topic(stage, out->from);
        size_t at = 0;
        while (at < count && (taken[at] || strcmp(records[at].topic, topic) != 0))
            at++;
        if (at == count) {
            riacho_stage_fail(stage, out->node,
                              "a record is missing from %s\n    - key %s value %s", out->from,
                              shown(stage, out->key), shown(stage, out->value));
            continue;
        }
        taken[at] = true;
        check_record(stage, out, &records[at]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!taken[i])
            complain_about_extra(stage, step, &records[i]);
    }
}

static const riacho_graph_store *store_named(const riacho_stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->graph->store_count; i++) {
        if (strcmp(stage->graph->stores[i].name, name) == 0)
            return &stage->graph->stores[i];
    }
    return NULL;
}

/* The key as people write it in a URL: text as it is, anything else as JSON. */
static riacho_bytes key_text(riacho_stage *stage, const riacho_yaml_node *node)
{
    if (node->kind == RIACHO_YAML_SCALAR)
        return node->text;
    return riacho_text(shown(stage, node));
}

static void check_store_key(riacho_stage *stage, const riacho_graph_store *store,
                            const riacho_yaml_node *key, const riacho_yaml_node *expected)
{
    riacho_reply reply;
    riacho_error why;
    riacho_read read = {
        .store = store->name, .key = key_text(stage, key), .kind = RIACHO_READ_GET, .limit = 1000};
    if (store->kind == RIACHO_STORE_RANKING)
        read.kind = RIACHO_READ_TOP;
    if (store->kind == RIACHO_STORE_LIST)
        read.kind = RIACHO_READ_LIST;
    if (riacho_worker_read(riacho_engine_worker(stage->engine), &read, stage->played->arena, &reply,
                           &why) != RIACHO_OK) {
        riacho_stage_fail(stage, key, "store %s: %s", store->name, why.text);
        return;
    }
    riacho_bytes found = reply.found == RIACHO_REPLY_FOUND ? reply.json : (riacho_bytes){0};
    const char *what = riacho_format(stage->played->arena, "store %s, key %.*s", store->name,
                                     (int)read.key.size, (const char *)read.key.data);
    if (read.kind != RIACHO_READ_GET && found.data && expected->kind == RIACHO_YAML_SEQUENCE) {
        /* {"items":[...],...}: the items are what is written in a test */
        const char *items = strchr(found.data, '[');
        const char *end = strrchr(found.data, ']');
        if (items && end)
            found =
                riacho_copy(stage->played->arena, (riacho_bytes){items, (size_t)(end - items) + 1});
    }
    check(stage, expected, found, what);
}

static void check_store(riacho_stage *stage, const riacho_yaml_entry *entry)
{
    const riacho_graph_store *store = store_named(stage, entry->key->text.data);
    if (!store) {
        riacho_stage_fail(stage, entry->key, "the topology has no store '%s'",
                          (const char *)entry->key->text.data);
        return;
    }
    for (size_t i = 0; i < entry->value->count; i++) {
        const riacho_yaml_entry *item = &entry->value->entries[i];
        if (item->key) {
            check_store_key(stage, store, item->key, item->value);
            continue;
        }
        const riacho_yaml_node *key = riacho_yaml_get(item->value, "key"),
                               *value = riacho_yaml_get(item->value, "value");
        if (key && value)
            check_store_key(stage, store, key, value);
        else
            riacho_stage_fail(stage, item->value, "an entry of a store is {key: ..., value: ...}");
    }
}

static void check_topic(riacho_stage *stage, const riacho_yaml_entry *entry)
{
    riacho_engine_record *records;
    size_t count;
    riacho_error why;
    const char *topic = riacho_stage_topic(stage, entry->key->text.data);
    if (riacho_engine_topic(stage->engine, topic, &records, &count, &why) != RIACHO_OK) {
        riacho_stage_fail(stage, entry->key, "%s", why.text);
        return;
    }
    riacho_arena *arena = stage->played->arena;
    if (entry->value->kind == RIACHO_YAML_MAPPING) {
        check(stage, entry->value, riacho_text(riacho_format(arena, "{\"count\":%zu}", count)),
              riacho_format(arena, "topic %s", topic));
        return;
    }
    if (count != entry->value->count)
        riacho_stage_fail(stage, entry->value, "topic %s has %zu records, expected %zu", topic,
                          count, entry->value->count);
    for (size_t i = 0; i < entry->value->count && i < count; i++) {
        const riacho_yaml_node *node = entry->value->entries[i].value;
        const riacho_test_out out = {
            .node = node,
            .from = topic,
            .key = riacho_yaml_get(node, "key"),
            .value = riacho_yaml_get(node, "value"),
            .timestamp = riacho_yaml_get(node, "at"),
            .headers = riacho_yaml_get(node, "headers"),
        };
        check_record(stage, &out, &records[i]);
    }
}

/* Cuts the next segment off a path. */
static bool next_segment(riacho_bytes *path, riacho_bytes *ret_segment)
{
    const char *at = path->data;
    if (!path->size)
        return false;
    const size_t skip = *at == '/';
    const char *end = memchr(at + skip, '/', path->size - skip);
    const size_t size = end ? (size_t)(end - at) : path->size;
    *ret_segment = (riacho_bytes){at + skip, size - skip};
    *path = (riacho_bytes){at + size, path->size - size};
    return true;
}

/* How many literal segments match, -1 when the path is not this route's. */
static int match_route(const riacho_route *route, riacho_bytes path, riacho_header *params,
                       size_t *ret_count)
{
    riacho_bytes pattern = riacho_text(route->path), wanted, is;
    int literal = 0;
    *ret_count = 0;
    while (next_segment(&pattern, &wanted)) {
        if (!next_segment(&path, &is))
            return -1;
        if (wanted.size > 2 && *(const char *)wanted.data == '{') {
            if (*ret_count < 16)
                params[(*ret_count)++] =
                    (riacho_header){{(const char *)wanted.data + 1, wanted.size - 2}, is};
        } else if (riacho_bytes_equal(wanted, is)) {
            literal++;
        } else {
            return -1;
        }
    }
    return next_segment(&path, &is) ? -1 : literal;
}

static size_t split_query(const char *text, riacho_header *items, size_t max)
{
    size_t count = 0;
    while (*text && count < max) {
        const size_t size = strcspn(text, "&"), name = strcspn(text, "=&");
        items[count].name = (riacho_bytes){text, name};
        items[count++].value =
            (riacho_bytes){text + name + (name < size), size - name - (name < size)};
        text += size + (text[size] == '&');
    }
    return count;
}

static const riacho_route *find_route(riacho_stage *stage, const char *path, size_t size,
                                      riacho_header *params, size_t *ret_count)
{
    const riacho_route *routes, *best = NULL;
    const size_t count = riacho_worker_routes(riacho_engine_worker(stage->engine), &routes);
    riacho_arena *arena = stage->played->arena;
    const char *candidates[] = {
        riacho_format(arena, "%.*s", (int)size, path),
        riacho_format(arena, "%s%.*s", stage->graph->base_path, (int)size, path)};
    int best_literal = -1;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 2 && routes[i].kind == RIACHO_ROUTE_QUERY; k++) {
            riacho_header found[16];
            size_t found_count;
            const int literal =
                match_route(&routes[i], riacho_text(candidates[k]), found, &found_count);
            if (literal <= best_literal)
                continue;
            best = &routes[i];
            best_literal = literal;
            memcpy(params, found, found_count * sizeof *found);
            *ret_count = found_count;
        }
    }
    return best;
}

static void check_query(riacho_stage *stage, const riacho_yaml_node *node)
{
    riacho_header params[16], query[16];
    size_t param_count = 0;
    riacho_reply reply;
    riacho_error why;
    int64_t wanted = 200;
    const riacho_yaml_node *get = riacho_yaml_get(node, "get"),
                           *status = riacho_yaml_get(node, "status");
    if (!get || get->kind != RIACHO_YAML_SCALAR) {
        riacho_stage_fail(stage, node, "a query is {get: PATH, status: 200, body: ...}");
        return;
    }
    if (status)
        (void)!riacho_int_parse(status->text, 100, 599, &wanted, NULL);
    const char *path = get->text.data;
    const size_t size = strcspn(path, "?");
    const riacho_route *route = find_route(stage, path, size, params, &param_count);
    if (!route) {
        riacho_stage_fail(stage, get, "no query of the topology has the path %s", path);
        return;
    }
    const riacho_request request = {
        .path = {params, param_count},
        .query = {query, path[size] ? split_query(path + size + 1, query, 16) : 0},
        .visitor = riacho_text("tester"),
    };
    const riacho_status read = riacho_worker_query(riacho_engine_worker(stage->engine), route,
                                                   &request, stage->played->arena, &reply, &why);
    const int64_t found = read != RIACHO_OK ? 400 : reply.found == RIACHO_REPLY_FOUND ? 200 : 404;
    if (found != wanted)
        riacho_stage_fail(stage, node, "GET %s: status %" PRId64 ", expected %" PRId64 "%s%s", path,
                          found, wanted, read != RIACHO_OK ? ": " : "",
                          read != RIACHO_OK ? why.text : "");
    else if (found == 200 && riacho_yaml_get(node, "body"))
        check(stage, riacho_yaml_get(node, "body"), reply.json,
              riacho_format(stage->played->arena, "GET %s", path));
}

void riacho_stage_check_replay(riacho_stage *stage, const riacho_yaml_node *node)
{
    riacho_engine *first = stage->engine, *second = NULL;
    uint64_t is = 0, again = 0;
    riacho_error why = {{0}};
    riacho_status status = riacho_engine_checksum(first, &is, &why);
    if (status == RIACHO_OK)
        status = riacho_engine_open(stage->graph, stage->project, stage->log, &second, &why);
    if (status == RIACHO_OK) {
        stage->engine = second;
        status = riacho_stage_feed(stage, &why);
    }
    if (status == RIACHO_OK)
        status = riacho_engine_checksum(second, &again, &why);
    stage->engine = first;
    riacho_engine_close(second);
    if (status != RIACHO_OK)
        riacho_stage_fail(stage, node, "the replay failed: %s", why.text);
    else if (is != again)
        riacho_stage_fail(stage, node,
                          "a second run of the same records left other stores (checksum %016" PRIx64
                          ", then %016" PRIx64 ")",
                          is, again);
}

void riacho_stage_expect(riacho_stage *stage, const riacho_yaml_node *expect)
{
    const riacho_yaml_node *stores = riacho_yaml_get(expect, "stores"),
                           *topics = riacho_yaml_get(expect, "topics");
    const riacho_yaml_node *queries = riacho_yaml_get(expect, "queries"),
                           *replay = riacho_yaml_get(expect, "replayEqual");
    for (size_t i = 0; i < expect->count; i++) {
        const riacho_yaml_node *key = expect->entries[i].key, *value = expect->entries[i].value;
        if (!key || (value != stores && value != topics && value != queries && value != replay))
            riacho_stage_fail(stage, key ? key : expect,
                              "`expect` has stores, topics, queries and replayEqual");
    }
    for (size_t i = 0; stores && i < stores->count; i++)
        check_store(stage, &stores->entries[i]);
    for (size_t i = 0; topics && i < topics->count; i++)
        check_topic(stage, &topics->entries[i]);
    for (size_t i = 0; queries && i < queries->count; i++)
        check_query(stage, queries->entries[i].value);
    if (replay && riacho_bytes_equal(replay->text, riacho_text("true")))
        riacho_stage_check_replay(stage, replay);
}
