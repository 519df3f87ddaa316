/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "schemas/primitive.h"
#include "state/keyvalue.h"

/* ---- values as text -------------------------------------------------------------------------- */

static void print_value(riacho_buffer *out, const riacho_codec *codec, riacho_bytes bytes)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_error err;
    void *value = riacho_alloc(arena, codec->type->size);
    if (!bytes.data) {
        riacho_buffer_printf(out, "-");
        return;
    }
    if (riacho_decode(codec, bytes, arena, value, &err) != RIACHO_OK)
        fail_msg("an output that cannot be read: %s", err.text);
    switch (codec->type->kind) {
    case RIACHO_STRING:
    case RIACHO_BYTES:
        riacho_buffer_append(out, ((riacho_bytes *)value)->data, ((riacho_bytes *)value)->size);
        break;
    case RIACHO_LONG:
        riacho_buffer_printf(out, "%lld", (long long)*(int64_t *)value);
        break;
    case RIACHO_INT:
        riacho_buffer_printf(out, "%d", *(int32_t *)value);
        break;
    case RIACHO_FLOAT:
        riacho_buffer_printf(out, "%.9g", (double)*(float *)value);
        break;
    case RIACHO_DOUBLE:
        riacho_buffer_printf(out, "%.17g", *(double *)value);
        break;
    case RIACHO_BOOLEAN:
        riacho_buffer_printf(out, "%s", *(bool *)value ? "true" : "false");
        break;
    default:
        fail_msg("the fixture cannot print %s", codec->name);
    }
}

static const void *parse_value(riacho_arena *arena, const riacho_codec *codec, const char *text)
{
    if (strcmp(text, "-") == 0)
        return NULL;
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    switch (codec->type->kind) {
    case RIACHO_STRING:
    case RIACHO_BYTES:
        *(riacho_bytes *)value = riacho_copy(arena, riacho_text(text));
        break;
    case RIACHO_LONG:
        *(int64_t *)value = strtoll(text, NULL, 10);
        break;
    case RIACHO_INT:
        *(int32_t *)value = (int32_t)strtol(text, NULL, 10);
        break;
    case RIACHO_FLOAT:
        *(float *)value = strtof(text, NULL);
        break;
    case RIACHO_DOUBLE:
        *(double *)value = strtod(text, NULL);
        break;
    case RIACHO_BOOLEAN:
        *(bool *)value = strcmp(text, "true") == 0;
        break;
    default:
        fail_msg("the fixture cannot read %s", codec->name);
    }
    return value;
}

/* ---- the host -------------------------------------------------------------------------------- */

static void space_before(fixture *f)
{
    if (f->said.size)
        riacho_buffer_append(&f->said, " ", 1);
}

/* A sink writes what its node was given, so its data and not the topic's reads it. */
static const riacho_node *sink_to(const fixture *f, int32_t topic)
{
    for (size_t i = 0; i < f->graph.node_count; i++) {
        const riacho_node *node = &f->nodes[i];
        if (node->kind == RIACHO_NODE_SINK && (node->topic == topic || node->topic_expr))
            return node;
    }
    fail_msg("no sink writes to topic %d", topic);
    return NULL;
}

static riacho_status write_down(riacho_host *host, const riacho_output *output)
{
    fixture *f = (fixture *)host;
    const riacho_node *sink = sink_to(f, output->topic);
    assert_int_equal(output->partition, -1);
    space_before(f);
    riacho_buffer_printf(&f->said, "%s ", f->topics[output->topic].name);
    print_value(&f->said, sink->in_key.codec, output->key);
    riacho_buffer_append(&f->said, "=", 1);
    print_value(&f->said, sink->in_value.codec, output->value);
    riacho_buffer_printf(&f->said, "@%lld", (long long)output->timestamp_ms);
    for (size_t i = 0; i < output->headers.count; i++) {
        const riacho_header *header = &output->headers.items[i];
        riacho_buffer_printf(&f->said, "{%.*s=%.*s}", (int)header->name.size,
                             (const char *)header->name.data, (int)header->value.size,
                             (const char *)header->value.data);
    }
    return RIACHO_OK;
}

static void count_request(riacho_host *host)
{
    ((fixture *)host)->commit_requests++;
}

/* ---- making ---------------------------------------------------------------------------------- */

riacho_data fixture_data(const char *word)
{
    return (riacho_data){word, riacho_primitive_codec(riacho_text(word))};
}

fixture *fixture_new(void)
{
    static const char *const names[] = {"in", "out", "other", "third"};
    static const char *const spaces[] = {"s0", "s1", "s2", "s3"};
    const riacho_store_spec spec = {
        .topology = "test", .task = "0_0", .space_names = spaces, .space_count = 4};
    fixture *f = riacho_memory_get_zero(1, sizeof *f);
    f->arena = riacho_arena_new();
    f->factory = riacho_memory_stores_new();
    assert_int_equal(f->factory->ops->open(f->factory, &spec, &f->store, &f->error), RIACHO_OK);
    riacho_clock_virtual_init(&f->clock, 0);
    for (size_t i = 0; i < 4; i++)
        f->topics[i].name = names[i];
    f->host = (riacho_host){
        .overlay = riacho_overlay_new(&(riacho_overlay_options){.store = f->store}),
        .batch = riacho_arena_new(),
        .clock = &f->clock.clock,
        .task_name = "0_0",
        .stream_time_ms = INT64_MIN,
        .error = &f->error,
        .output = write_down,
        .request_commit = count_request,
    };
    return f;
}

void fixture_free(fixture *f)
{
    riacho_chain_free(f->chain);
    riacho_overlay_free(f->host.overlay);
    f->store->ops->close(f->store);
    f->factory->ops->close(f->factory);
    riacho_arena_free(f->host.batch);
    riacho_arena_free(f->arena);
    riacho_buffer_done(&f->said);
    free(f);
}

const riacho_expr *fixture_expr(fixture *f, const char *text, const char *value, const char *result)
{
    const riacho_type *of_value = fixture_data(value).codec->type;
    const riacho_type *of_result = fixture_data(result).codec->type;
    const riacho_expr_name names[RIACHO_SCOPE_COUNT] = {
        [RIACHO_SCOPE_KEY] = {"key", &riacho_type_string, RIACHO_NAME_NULLABLE},
        [RIACHO_SCOPE_VALUE] = {"value", of_value, RIACHO_NAME_NULLABLE},
        [RIACHO_SCOPE_TIMESTAMP] = {"timestamp", &riacho_type_long, RIACHO_NAME_PRESENT},
        [RIACHO_SCOPE_HEADERS] = {"headers", &riacho_type_string, RIACHO_NAME_LOOKUP},
        [RIACHO_SCOPE_AGG] = {"agg", of_result, RIACHO_NAME_NULLABLE},
    };
    const riacho_expr_scope scope = {names, RIACHO_SCOPE_COUNT};
    const riacho_expr *expr;
    riacho_expr_issue issue;
    if (riacho_expr_compile(riacho_text(text), &scope, of_result, f->arena, &expr, &issue) !=
        RIACHO_OK)
        fail_msg("'%s' at %zu: %s", text, issue.offset, issue.text);
    return expr;
}

static void fill_data(riacho_data *data, const char *word)
{
    if (!data->codec)
        *data = fixture_data(word);
}

static void fill_node(fixture *f, size_t at)
{
    riacho_node *node = &f->nodes[at];
    fill_data(&node->in_key, "string");
    fill_data(&node->in_value, "long");
    fill_data(&node->key, node->in_key.word);
    fill_data(&node->value, node->in_value.word);
    if (!node->id)
        node->id = riacho_format(f->arena, "n%zu", at);
    if (node->child_count || at + 1 == f->graph.node_count || node->kind == RIACHO_NODE_SINK ||
        node->kind == RIACHO_NODE_FOR_EACH)
        return;
    f->edges[at] = (riacho_edge){.node = (int32_t)at + 1};
    node->children = &f->edges[at];
    node->child_count = 1;
}

static void fill_graph(fixture *f, const fixture_graph *graph)
{
    assert_true(graph->node_count <= FIXTURE_NODES_MAX);
    memcpy(f->nodes, graph->nodes, graph->node_count * sizeof *f->nodes);
    if (graph->store_count)
        memcpy(f->stores, graph->stores, graph->store_count * sizeof *f->stores);
    f->graph = (riacho_graph){
        .name = "test",
        .topics = f->topics,
        .topic_count = 4,
        .stores = f->stores,
        .store_count = graph->store_count,
        .nodes = f->nodes,
        .node_count = graph->node_count,
        .subtopologies = &f->subtopology,
        .subtopology_count = 1,
    };
    f->subtopology = (riacho_subtopology){
        .nodes = f->order,
        .node_count = graph->node_count,
        .sources = f->sources,
        .stores = f->order, /* 0, 1, 2 ... as well */
        .store_count = graph->store_count,
    };
    for (size_t i = 0; i < graph->node_count; i++) {
        f->order[i] = (int32_t)i;
        fill_node(f, i);
        if (f->nodes[i].kind == RIACHO_NODE_SOURCE || f->nodes[i].kind == RIACHO_NODE_TABLE_SOURCE)
            f->sources[f->subtopology.source_count++] = (int32_t)i;
    }
    for (size_t i = 0; i < graph->store_count; i++) {
        fill_data(&f->stores[i].key, "string");
        fill_data(&f->stores[i].value, "long");
        if (!f->stores[i].kind)
            f->stores[i].kind = RIACHO_STORE_KEYVALUE;
    }
}

riacho_status fixture_make(fixture *f, const fixture_graph *graph)
{
    fill_graph(f, graph);
    return riacho_chain_new(&f->graph, 0, &f->host, &f->chain, &f->error);
}

void fixture_open(fixture *f, const fixture_graph *graph)
{
    if (fixture_make(f, graph) != RIACHO_OK)
        fail_msg("%s", f->error.text);
}

void fixture_reopen(fixture *f)
{
    riacho_chain_free(f->chain);
    f->chain = NULL;
    if (riacho_chain_new(&f->graph, 0, &f->host, &f->chain, &f->error) != RIACHO_OK)
        fail_msg("%s", f->error.text);
}

/* ---- playing --------------------------------------------------------------------------------- */

static void mark(fixture *f)
{
    riacho_overlay_savepoint(f->host.overlay);
    riacho_chain_mark(f->chain);
    riacho_arena_reset(f->host.batch);
    f->said_before = f->said.size;
}

static void undo(fixture *f)
{
    riacho_overlay_undo(f->host.overlay);
    riacho_chain_undo(f->chain);
    f->said.size = f->said_before;
}

static void settle(fixture *f, riacho_status status)
{
    static const char *const words[] = {"OK", "RETRY", "REJECT", "ABORT", "FATAL"};
    if (status == RIACHO_OK)
        return;
    undo(f);
    space_before(f);
    riacho_buffer_printf(&f->said, "%s(%s)", words[status], f->error.text);
}

static riacho_headers parse_headers(fixture *f, char **save)
{
    riacho_header *items = riacho_alloc_zero(f->host.batch, 8, sizeof *items);
    size_t count = 0;
    for (char *word; (word = strtok_r(NULL, " ", save));) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        *equals = 0;
        items[count++] = (riacho_header){riacho_copy(f->host.batch, riacho_text(word)),
                                         riacho_copy(f->host.batch, riacho_text(equals + 1))};
    }
    return (riacho_headers){items, count};
}

static void send_record(fixture *f, char *command)
{
    char *save;
    char *word = strtok_r(command, " ", &save);
    int32_t source = 0;
    if (word[strlen(word) - 1] == ':') {
        source = (int32_t)strtol(word, NULL, 10);
        word = strtok_r(NULL, " ", &save);
    }
    const riacho_node *node = &f->nodes[source];
    riacho_record record = {.key = parse_value(f->host.batch, node->key.codec, word)};
    record.value = parse_value(f->host.batch, node->value.codec, strtok_r(NULL, " ", &save));
    const char *at = strtok_r(NULL, " ", &save);
    assert_true(at && at[0] == '@');
    record.timestamp_ms = strtoll(at + 1, NULL, 10);
    record.headers = parse_headers(f, &save);
    if (record.timestamp_ms > f->host.stream_time_ms)
        f->host.stream_time_ms = record.timestamp_ms;
    f->host.source = (riacho_source){"in", 3, 42};
    settle(f, riacho_chain_process(f->chain, source, &record));
    f->host.source = (riacho_source){0};
}

static void commit(fixture *f)
{
    const riacho_commit_meta meta = {.number = ++f->commits};
    settle(f, riacho_chain_flush(f->chain));
    assert_int_equal(riacho_overlay_commit(f->host.overlay, &meta, &f->error), RIACHO_OK);
}

static void obey(fixture *f, char *command)
{
    if (strcmp(command, "undo") == 0) {
        undo(f);
        return;
    }
    mark(f);
    if (strcmp(command, "flush") == 0) {
        settle(f, riacho_chain_flush(f->chain));
    } else if (strcmp(command, "commit") == 0) {
        commit(f);
    } else if (strcmp(command, "tick") == 0) {
        settle(f, riacho_chain_punctuate(f->chain, RIACHO_STREAM_TIME, f->host.stream_time_ms));
    } else if (strncmp(command, "wall ", 5) == 0) {
        f->clock.at_ms = strtoll(command + 5, NULL, 10);
        settle(f, riacho_chain_punctuate(f->chain, RIACHO_WALL_CLOCK, f->clock.at_ms));
    } else {
        send_record(f, command);
    }
}

const char *play(fixture *f, const char *script)
{
    char *copy = riacho_memory_text(script);
    char *save;
    riacho_buffer_reset(&f->said);
    for (char *command = strtok_r(copy, ",", &save); command;
         command = strtok_r(NULL, ",", &save)) {
        while (*command == ' ')
            command++;
        obey(f, command);
    }
    free(copy);
    riacho_buffer_append(&f->said, "", 1);
    f->said.size--;
    return (const char *)f->said.data;
}

const char *stored(fixture *f, uint32_t space)
{
    riacho_arena_reset(f->host.batch);
    const riacho_state state = riacho_overlay_state(f->host.overlay, space, f->host.batch);
    RIACHO_AUTO(scan) riacho_view_scan *scan = NULL;
    riacho_buffer_reset(&f->said);
    assert_int_equal(riacho_state_scan(&state, &(riacho_range){0}, &scan, &f->error), RIACHO_OK);
    for (;;) {
        riacho_bytes key;
        riacho_stamped value;
        assert_int_equal(riacho_state_keyvalue_next(scan, &key, &value, &f->error), RIACHO_OK);
        if (!key.data)
            break;
        space_before(f);
        print_value(&f->said, f->stores[space].key.codec, key);
        riacho_buffer_append(&f->said, "=", 1);
        print_value(&f->said, f->stores[space].value.codec, value.value);
        riacho_buffer_printf(&f->said, "@%lld", (long long)value.timestamp_ms);
    }
    riacho_buffer_append(&f->said, "", 1);
    f->said.size--;
    return (const char *)f->said.data;
}

riacho_node_counts counts(fixture *f, int32_t node)
{
    return riacho_chain_counts(f->chain, node);
}
