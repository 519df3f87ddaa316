/* SPDX-License-Identifier: MIT
 *
 * build.c - riacho_graph_build: runs the parts of build.h in order and freezes what they made.
 */
#include "build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/text.h"

enum { COMMIT_INTERVAL_MS = 100, RETRY_ATTEMPTS = 3, RETRY_BACKOFF_MS = 200 };

/* ---- issues ---- */

static void add_issue(riacho_builder *builder, riacho_where where, const riacho_issue *issue)
{
    riacho_issue placed = *issue;
    if (riacho_places_spoiled(builder->topology->places, where.mark)) {
        builder->follow_ups++;
        return;
    }
    const riacho_yaml_node *node = riacho_places_find(builder->topology->places, where.member);
    placed.mark = node ? node->mark : *where.mark;
    placed.length = node ? node->length : 0;
    if (placed.mark.file) /* the file's name goes with the topology, the issues stay */
        placed.mark.file = riacho_format(builder->issues->arena, "%s", placed.mark.file);
    riacho_issues_add(builder->issues, &placed);
}

void riacho_build_issue(riacho_builder *builder, riacho_where where, const char *hint,
                        const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const riacho_issue issue = {.text = riacho_format(builder->issues->arena, "%s", text),
                                .hint = hint ? riacho_format(builder->issues->arena, "%s", hint)
                                             : NULL};
    add_issue(builder, where, &issue);
}

void riacho_build_warning(riacho_builder *builder, riacho_where where, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const riacho_issue issue = {.text = riacho_format(builder->issues->arena, "%s", text),
                                .warning = true};
    add_issue(builder, where, &issue);
}

const char *riacho_build_meant(riacho_builder *builder, const char *word,
                               const char *const *candidates, size_t count)
{
    const char *meant = riacho_suggest(riacho_text(word), candidates, count);
    return meant ? riacho_format(builder->arena, "did you mean '%s'?", meant) : NULL;
}

bool riacho_build_name_valid(riacho_builder *builder, riacho_where where, const char *what,
                             const char *name)
{
    enum { NAME_BYTES_MAX = 100 };
    size_t size = 0;
    for (; name[size] && size <= NAME_BYTES_MAX; size++) {
        const char c = name[size];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool inner = (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!letter && (size == 0 || !inner))
            break;
    }
    if (size && !name[size] && size <= NAME_BYTES_MAX)
        return true;
    riacho_build_issue(builder, where,
                       "write letters, digits, '-' and '_', beginning with a letter, at most 100",
                       "'%.80s' cannot be the name of %s", name, what);
    return false;
}

/* ---- growing ---- */

void *riacho_build_grow(riacho_builder *builder, void *items, size_t count, size_t *capacity,
                        size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? *capacity * 2 : 16;
    void *grown = riacho_alloc_zero(builder->arena, *capacity, size);
    if (count)
        memcpy(grown, items, count * size);
    return grown;
}

int32_t riacho_build_node(riacho_builder *builder, const riacho_node *node)
{
    builder->nodes = riacho_build_grow(builder, builder->nodes, builder->node_count,
                                       &builder->node_capacity, sizeof *builder->nodes);
    riacho_draft_node *draft = &builder->nodes[builder->node_count];
    *draft = (riacho_draft_node){.node = *node, .partitioned = RIACHO_NONE};
    draft->node.subtopology = RIACHO_NONE;
    if (draft->node.mark.file)
        draft->node.mark.file = riacho_format(builder->arena, "%s", draft->node.mark.file);
    return (int32_t)builder->node_count++;
}

riacho_node *riacho_build_node_at(riacho_builder *builder, int32_t node)
{
    return &builder->nodes[node].node;
}

void riacho_build_edge(riacho_builder *builder, int32_t from, const riacho_edge *edge)
{
    if (from == RIACHO_NONE)
        return; /* behind something unknown */
    builder->edges = riacho_build_grow(builder, builder->edges, builder->edge_count,
                                       &builder->edge_capacity, sizeof *builder->edges);
    builder->edges[builder->edge_count++] = (riacho_draft_edge){from, *edge};
}

/* ---- what is said about the whole ---- */

static void check_identity(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    riacho_graph *graph = builder->graph;
    const riacho_where where = {&topology->name, &topology->mark};
    graph->name = topology->name ? riacho_format(builder->arena, "%s", topology->name) : "";
    graph->description =
        topology->description ? riacho_format(builder->arena, "%s", topology->description) : NULL;
    if (!topology->name)
        riacho_build_issue(builder, where, NULL, "a topology needs 'name'");
    else
        riacho_build_name_valid(builder, where, "a topology", topology->name);
    graph->guarantee = topology->guarantee == RIACHO_GUARANTEE_AT_LEAST_ONCE ? RIACHO_AT_LEAST_ONCE
                                                                             : RIACHO_EXACTLY_ONCE;
    graph->commit_interval_ms =
        topology->commit_interval_ms ? topology->commit_interval_ms : COMMIT_INTERVAL_MS;
    graph->base_path = topology->base_path
                           ? riacho_format(builder->arena, "%s", topology->base_path)
                           : riacho_format(builder->arena, "/api/%s", graph->name);
    const riacho_where path = {&topology->base_path, &topology->mark};
    const size_t size = strlen(graph->base_path);
    if (*graph->base_path != '/' || (size > 1 && graph->base_path[size - 1] == '/') ||
        strpbrk(graph->base_path, "{}?# "))
        riacho_build_issue(builder, path, "write it as /api", "'%.80s' cannot be a base path",
                           graph->base_path);
}

static bool check_sizes(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    const struct {
        const char *what;
        size_t count;
    } sizes[] = {
        {"streams", topology->streams_count},     {"tables", topology->tables_count},
        {"stores", topology->stores_count},       {"functions", topology->functions_count},
        {"pipelines", topology->pipelines_count}, {"commands", topology->commands_count},
        {"queries", topology->queries_count},
    };
    bool small = true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].count <= RIACHO_NODES_MAX)
            continue;
        small = false;
        riacho_build_issue(builder, (riacho_where){NULL, &topology->mark}, NULL,
                           "%zu %s are too many: at most %d are supported", sizes[i].count,
                           sizes[i].what, RIACHO_NODES_MAX);
    }
    size_t steps = 0;
    for (size_t i = 0; small && i < topology->pipelines_count; i++)
        steps += topology->pipelines[i].via_count + topology->pipelines[i].branch_count;
    if (steps > RIACHO_NODES_MAX)
        riacho_build_issue(builder, (riacho_where){NULL, &topology->mark}, NULL,
                           "%zu steps are too many: at most %d are supported", steps,
                           RIACHO_NODES_MAX);
    return small && steps <= RIACHO_NODES_MAX;
}

/* ---- error policies ---- */

static riacho_error_action action_of(riacho_action_word word)
{
    switch (word) {
    case RIACHO_ACTION_RETRY:
        return RIACHO_ON_ERROR_RETRY;
    case RIACHO_ACTION_SKIP:
        return RIACHO_ON_ERROR_SKIP;
    case RIACHO_ACTION_STOP:
        return RIACHO_ON_ERROR_STOP;
    default:
        return RIACHO_ON_ERROR_DEAD_LETTER;
    }
}

static int32_t dead_letters(riacho_builder *builder, const riacho_policy_spec *spec)
{
    const riacho_where where = {&spec->topic, &builder->topology->mark};
    const riacho_where types = {NULL, &builder->topology->mark};
    const riacho_data bytes = riacho_build_word(builder, types, "bytes");
    const riacho_graph_topic topic = {
        .name = spec->topic ? spec->topic
                            : riacho_format(builder->arena, "%s-dlq", builder->graph->name),
        .roles = RIACHO_TOPIC_DEAD_LETTERS,
        .key = bytes,
        .value = bytes,
        .upstream = RIACHO_NONE,
    };
    return riacho_build_topic(builder, where, &topic);
}

static riacho_error_policy policy_of(riacho_builder *builder, const riacho_policy_spec *spec,
                                     riacho_action_word fallback)
{
    const riacho_action_word action = spec->action ? spec->action : fallback;
    const bool retries = action == RIACHO_ACTION_RETRY;
    const riacho_action_word last = spec->then ? spec->then : RIACHO_ACTION_DEAD_LETTER;
    const bool letters =
        retries ? last == RIACHO_ACTION_DEAD_LETTER : action == RIACHO_ACTION_DEAD_LETTER;
    const riacho_where where = {&spec->then, &builder->topology->mark};
    riacho_error_policy policy = {.action = action_of(action), .topic = RIACHO_NONE};
    if (retries) {
        policy.attempts = spec->attempts ? spec->attempts : RETRY_ATTEMPTS;
        policy.backoff_ms = spec->backoff_ms ? spec->backoff_ms : RETRY_BACKOFF_MS;
        policy.then = action_of(last);
        if (last == RIACHO_ACTION_RETRY)
            riacho_build_issue(builder, where, "write deadLetter, skip or stop",
                               "after the last attempt there is no other retry");
    }
    if (letters)
        policy.topic = dead_letters(builder, spec);
    else if (spec->topic)
        riacho_build_issue(builder, (riacho_where){&spec->topic, &builder->topology->mark}, NULL,
                           "only deadLetter has a topic");
    if (!retries && (spec->attempts || spec->backoff_ms || spec->then))
        riacho_build_issue(builder, (riacho_where){spec, &builder->topology->mark}, NULL,
                           "attempts, backoff and then belong to 'action: retry'");
    return policy;
}

static void build_policies(riacho_builder *builder)
{
    const riacho_on_error *on_error = &builder->topology->on_error;
    riacho_graph *graph = builder->graph;
    graph->on_deserialize = policy_of(builder, &on_error->deserialize, RIACHO_ACTION_DEAD_LETTER);
    graph->on_process = policy_of(builder, &on_error->process, RIACHO_ACTION_RETRY);
    graph->on_produce = policy_of(builder, &on_error->produce, RIACHO_ACTION_STOP);
}

/* ---- freezing ---- */

/* Ids name state, metrics and taps, so two nodes with one id are an issue at the second. */
static void check_ids(riacho_builder *builder)
{
    riacho_map ids = {0};
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        riacho_map_entry *entry = riacho_map_put(&ids, riacho_text(node->id));
        if (entry->value)
            riacho_build_issue(builder, (riacho_where){NULL, &node->mark}, NULL,
                               "the id '%s' is taken by another step", node->id);
        entry->value = (void *)node;
    }
    riacho_map_done(&ids);
}

/* The edges are in the order of the nodes they come from. */
static void freeze_nodes(riacho_builder *builder)
{
    riacho_graph *graph = builder->graph;
    riacho_node *nodes = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *nodes);
    riacho_edge *edges = riacho_alloc_zero(builder->arena, builder->edge_count, sizeof *edges);
    size_t used = 0;
    for (size_t i = 0; i < builder->node_count; i++) {
        nodes[i] = builder->nodes[i].node;
        nodes[i].children = edges + used;
        const size_t first = used;
        for (; used < builder->edge_count && builder->edges[used].from == (int32_t)i; used++)
            edges[used] = builder->edges[used].edge;
        nodes[i].child_count = used - first;
    }
    graph->nodes = nodes;
    graph->node_count = builder->node_count;
    graph->topics = builder->topics;
    graph->topic_count = builder->topic_count;
    graph->stores = builder->stores;
    graph->store_count = builder->store_count;
}

/* With the libraries at hand nothing may be left open: this graph will run. */
static void check_types_known(riacho_builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        if (riacho_build_is_unknown(&node->key) || riacho_build_is_unknown(&node->value))
            riacho_build_issue(builder, (riacho_where){NULL, &node->mark},
                               "say 'valueType' at its function, or name a store that has one",
                               "the type of what '%s' makes is not known", node->id);
    }
}

static bool spoiled(const riacho_builder *builder)
{
    const riacho_places *places = builder->topology->places;
    return places && places->spoiled;
}

static void build_all(riacho_builder *builder)
{
    check_identity(builder);
    if (!check_sizes(builder))
        return;
    riacho_build_function_specs(builder);
    riacho_build_declared_stores(builder);
    riacho_build_streams(builder);
    riacho_build_pipelines(builder);
    riacho_build_process_stores(builder);
    check_ids(builder);
    build_policies(builder);
    riacho_build_commands(builder);
    riacho_build_queries(builder);
    if (builder->functions && !builder->issues->errors)
        check_types_known(builder);
    if (builder->follow_ups || spoiled(builder))
        return; /* what seems unused may be used where loading failed */
    riacho_build_unused_functions(builder);
    riacho_build_unused_stores(builder);
    if (builder->issues->errors)
        return;
    riacho_build_unused_streams(builder);
    if (builder->node_count > RIACHO_NODES_MAX)
        riacho_build_issue(builder, (riacho_where){NULL, &builder->topology->mark}, NULL,
                           "%zu nodes are too many: at most %d are supported", builder->node_count,
                           RIACHO_NODES_MAX);
    else
        riacho_build_subtopologies(builder);
}

riacho_status riacho_graph_build(const riacho_topology *topology, riacho_schemas *schemas,
                                 const riacho_functions *functions, riacho_arena *arena,
                                 riacho_graph **ret_graph, riacho_issues *ret_issues)
{
    RIACHO_AUTO(arena) riacho_arena *own = riacho_arena_new();
    riacho_issue_list issues = {.arena = arena};
    riacho_graph *graph = riacho_alloc_zero(own, 1, sizeof *graph);
    riacho_builder builder = {
        .topology = topology,
        .schemas = schemas,
        .functions = functions && functions->find ? functions : NULL,
        .arena = own,
        .issues = &issues,
        .graph = graph,
    };
    build_all(&builder);
    riacho_issues_sort(&issues);
    *ret_issues = riacho_issues_of(&issues);
    if (issues.errors || builder.follow_ups || spoiled(&builder))
        return RIACHO_REJECT;
    freeze_nodes(&builder);
    graph->hash = riacho_graph_hash(graph);
    graph->arena = RIACHO_TAKE(own);
    *ret_graph = graph;
    return RIACHO_OK;
}

void riacho_graph_free(riacho_graph *graph)
{
    if (graph)
        riacho_arena_free(graph->arena);
}
