/* SPDX-License-Identifier: MIT
 *
 * test_graph.c - good topologies: what they are lowered to (cases/graphs.txt), that declarative C
 * gives the same as YAML, and what the hash is made of.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "support.h"

static const char head[] = "apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: t}\nspec:\n";

/* The graph, or a failure that shows the issues. */
static riacho_graph *build(const riacho_topology *topology, riacho_schemas *schemas,
                           const riacho_functions *functions, riacho_arena *arena)
{
    riacho_graph *graph = NULL;
    riacho_issues issues;
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    if (riacho_graph_build(topology, schemas, functions, arena, &graph, &issues) == RIACHO_OK)
        return graph;
    riacho_issues_print(&issues, (riacho_bytes){0}, &text);
    fail_msg("%.*s", (int)text.size, (const char *)text.data);
    return NULL;
}

static riacho_graph *build_text(const char *text, riacho_schemas *schemas, riacho_arena *arena)
{
    riacho_issue_list list = {.arena = arena};
    const riacho_topology *topology = load_topology(text, arena, &list);
    if (list.errors)
        fail_msg("%s, in line %u", list.items[0].text, list.items[0].mark.line);
    return build(topology, schemas, test_functions(schemas), arena);
}

static void show_topics(const riacho_graph *graph, riacho_buffer *out)
{
    for (size_t i = 0; i < graph->topic_count; i++) {
        const riacho_graph_topic *topic = &graph->topics[i];
        riacho_buffer_printf(
            out,
            "topic %s (%s, %s) roles=%u partitions=%d upstream=%d start=%d/%" PRId64
            " copartition=%d%s\n",
            topic->name, topic->key.word, topic->value.word, topic->roles, topic->partitions,
            topic->upstream, (int)topic->start, topic->start_ago_ms, topic->copartition,
            topic->compacted ? " compacted" : "");
    }
}

static void show_stores(const riacho_graph *graph, riacho_buffer *out)
{
    for (size_t i = 0; i < graph->store_count; i++) {
        const riacho_graph_store *store = &graph->stores[i];
        riacho_buffer_printf(
            out, "store %s kind=%d (%s, %s)%s%s keep=%" PRIu64 " ttl=%" PRId64 " in %d\n",
            store->name, (int)store->kind, store->key.word, store->value.word,
            store->queryable ? " queryable" : "", store->caching ? " caching" : "", store->keep,
            store->ttl_ms, store->subtopology);
    }
}

static void show_requests(const riacho_graph *graph, riacho_buffer *out)
{
    for (size_t i = 0; i < graph->command_count; i++) {
        const riacho_graph_command *command = &graph->commands[i];
        assert_non_null(command->key);
        assert_non_null(command->value);
        riacho_buffer_printf(out, "command %s %s%s %s to %s\n", command->method, graph->base_path,
                             command->path, command->body_word ? command->body_word : "-",
                             graph->topics[command->topic].name);
    }
    for (size_t i = 0; i < graph->query_count; i++) {
        const riacho_graph_query *query = &graph->queries[i];
        riacho_buffer_printf(out, "query %s%s kind=%d %s limit=%u/%u subscribe=%u\n",
                             graph->base_path, query->path, (int)query->kind,
                             graph->stores[query->store].name, query->limit, query->max_limit,
                             query->subscribe);
    }
}

/* A graph outlives what it was made of, so that goes first. */
static riacho_graph *build_and_forget(const char *input, riacho_schemas *schemas)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_buffer_printf(&text, "%s%s", head, input);
    riacho_buffer_append(&text, "", 1);
    return build_text((const char *)text.data, schemas, arena);
}

static void show(const char *input, riacho_buffer *output)
{
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    riacho_schemas *schemas = open_schemas();
    riacho_graph *graph = build_and_forget(input, schemas);
    riacho_graph_print(graph, RIACHO_GRAPH_TEXT, output);
    riacho_graph_print(graph, RIACHO_GRAPH_JSON, &json);
    show_topics(graph, output);
    show_stores(graph, output);
    show_requests(graph, output);
    for (size_t i = 0; i < graph->node_count; i++)
        assert_string_equal(graph->nodes[i].mark.file, "t.yaml");
    for (size_t i = 0; i < graph->command_count; i++)
        assert_string_equal(graph->commands[i].mark.file, "t.yaml");
    for (size_t i = 0; i < graph->query_count; i++)
        assert_string_equal(graph->queries[i].mark.file, "t.yaml");
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

static void good_topologies_are_lowered_like_this(void **state)
{
    (void)state;
    run_cases("graphs.txt", show);
}

/* ---- declarative C ---- */

static const char twin_text[] =
    "apiVersion: riacho/v1\n"
    "kind: Topology\n"
    "metadata: {name: twin, description: the same twice}\n"
    "spec:\n"
    "  libraries: [lib]\n"
    "  streams:\n"
    "    acts: {topic: acts, keyType: string, valueType: avro:Event, timestamp: value.atMs, "
    "partitions: 4}\n"
    "  stores:\n"
    "    pets: {type: keyValue, keyType: string, valueType: avro:Pet}\n"
    "    ranks: {type: ranking, keyType: string, memberType: string, keep: 1000}\n"
    "  functions:\n"
    "    fold: {use: lib/fold_pet, kind: aggregate}\n"
    "    work: {use: lib/work, kind: process, stores: [ranks], emits: [changes]}\n"
    "  pipelines:\n"
    "    care:\n"
    "      from: acts\n"
    "      via:\n"
    "        - {id: known, filter: 'value.action in [\"FEED\", \"WASH\"]'}\n"
    "        - {id: pet, groupByKey: {}}\n"
    "        - {id: state, aggregate: fold, store: pets}\n"
    "      to: pet-states\n"
    "    scores:\n"
    "      from: acts\n"
    "      via:\n"
    "        - {id: byAction, groupBy: string(value.action)}\n"
    "        - {id: score, process: work}\n"
    "    split:\n"
    "      from: acts\n"
    "      branch:\n"
    "        - {when: value.amount > 20, to: large}\n"
    "        - {to: small}\n"
    "  onError: {process: {action: skip}}\n"
    "  commands:\n"
    "    act: {path: '/acts/{id}', to: acts, key: path.id, body: json:Request,\n"
    "          value: {pet: path.id, visitor: visitor, action: body.action, amount: body.amount, "
    "atMs: now}}\n"
    "  queries:\n"
    "    pet: {path: '/pets/{id}', get: {store: pets, key: id}, view: lib/pet_now, subscribe: "
    "[sse]}\n";

static const char *const libraries[] = {"lib"};
static const char *const work_stores[] = {"ranks"};
static const char *const work_emits[] = {"changes"};

static const riacho_stream twin_streams[] = {{
    .name = "acts",
    .topic = "acts",
    .key_type = "string",
    .value_type = "avro:Event",
    .timestamp = "value.atMs",
    .partitions = 4,
}};
static const riacho_store_words twin_stores[] = {
    {.name = "pets", .key_type = "string", .value_type = "avro:Pet"},
    {.name = "ranks",
     .type = RIACHO_STORE_WORD_RANKING,
     .key_type = "string",
     .member_type = "string",
     .keep = 1000},
};
static const riacho_function_spec twin_functions[] = {
    {.name = "fold", .use = "lib/fold_pet", .kind = RIACHO_FUNCTION_AGGREGATE},
    {.name = "work",
     .use = "lib/work",
     .kind = RIACHO_FUNCTION_PROCESS,
     .stores = work_stores,
     .stores_count = 1,
     .emits = work_emits,
     .emits_count = 1},
};
static const riacho_step care[] = {
    {.id = "known", .filter = "value.action in [\"FEED\", \"WASH\"]"},
    {.id = "pet", .group_by_key = RIACHO_YES},
    {.id = "state", .aggregate = {"fold"}, .store = {.name = "pets"}},
};
static const riacho_step scores[] = {
    {.id = "byAction", .group_by = "string(value.action)"},
    {.id = "score", .process = "work"},
};
static const riacho_case_spec split[] = {
    {.when = "value.amount > 20", .to = {"large"}},
    {.to = {"small"}},
};
static const riacho_pipeline twin_pipelines[] = {
    {.name = "care", .from = "acts", .via = care, .via_count = 3, .to = {"pet-states"}},
    {.name = "scores", .from = "acts", .via = scores, .via_count = 2},
    {.name = "split", .from = "acts", .branch = split, .branch_count = 2},
};
static const riacho_field_spec act_fields[] = {
    {"pet", "path.id"},        {"visitor", "visitor"}, {"action", "body.action"},
    {"amount", "body.amount"}, {"atMs", "now"},
};
static const riacho_command_spec twin_commands[] = {{
    .name = "act",
    .path = "/acts/{id}",
    .to = "acts",
    .key = "path.id",
    .body = "json:Request",
    .value = {.fields = act_fields, .fields_count = 5},
}};
static const riacho_query_spec twin_queries[] = {{
    .name = "pet",
    .path = "/pets/{id}",
    .get = {.store = "pets", .key = "id"},
    .view = "lib/pet_now",
    .subscribe = RIACHO_SUBSCRIBE_SSE,
}};
static const riacho_topology twin = {
    .name = "twin",
    .description = "the same twice",
    .libraries = libraries,
    .libraries_count = 1,
    .streams = twin_streams,
    .streams_count = 1,
    .stores = twin_stores,
    .stores_count = 2,
    .functions = twin_functions,
    .functions_count = 2,
    .pipelines = twin_pipelines,
    .pipelines_count = 3,
    .on_error = {.process = {.action = RIACHO_ACTION_SKIP}},
    .commands = twin_commands,
    .commands_count = 1,
    .queries = twin_queries,
    .queries_count = 1,
};

static void declarative_c_gives_the_same_graph_as_yaml(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schemas *schemas = open_schemas();
    riacho_graph *written = build_text(twin_text, schemas, arena);
    riacho_graph *declared = build(&twin, schemas, test_functions(schemas), arena);
    for (int format = RIACHO_GRAPH_TEXT; format <= RIACHO_GRAPH_JSON; format++) {
        RIACHO_AUTO(buffer) riacho_buffer a = {0};
        RIACHO_AUTO(buffer) riacho_buffer b = {0};
        riacho_graph_print(written, (riacho_graph_format)format, &a);
        riacho_graph_print(declared, (riacho_graph_format)format, &b);
        assert_true(a.size > 0);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
    }
    assert_int_equal(written->hash, declared->hash);
    riacho_graph_free(written);
    riacho_graph_free(declared);
    riacho_schemas_close(schemas);
}

static void an_issue_of_declarative_c_has_no_place_but_its_text(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_schemas *schemas = open_schemas();
    riacho_topology broken = twin;
    riacho_graph *graph = NULL;
    riacho_issues issues;
    broken.stores_count = 1;
    assert_int_equal(
        riacho_graph_build(&broken, schemas, test_functions(schemas), arena, &graph, &issues),
        RIACHO_REJECT);
    riacho_issues_print(&issues, (riacho_bytes){0}, &text);
    riacho_buffer_append(&text, "", 1);
    assert_string_equal((const char *)text.data, "error: there is no store 'ranks'\n");
    riacho_schemas_close(schemas);
}

static void more_steps_than_a_topology_may_have_are_refused(void **state)
{
    (void)state;
    enum { STEPS = 1001 };
    static riacho_step steps[STEPS];
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schemas *schemas = open_schemas();
    riacho_graph *graph = NULL;
    riacho_issues issues;
    for (size_t i = 0; i < STEPS; i++)
        steps[i].filter = "true";
    const riacho_pipeline pipeline = {
        .name = "p", .from = "acts", .via = steps, .via_count = STEPS, .to = {"x"}};
    riacho_topology large = {.name = "large",
                             .streams = twin_streams,
                             .streams_count = 1,
                             .pipelines = &pipeline,
                             .pipelines_count = 1};
    assert_int_equal(riacho_graph_build(&large, schemas, NULL, arena, &graph, &issues),
                     RIACHO_REJECT);
    assert_int_equal(issues.count, 1);
    assert_string_equal(issues.items[0].text,
                        "1001 steps are too many: at most 1000 are supported");
    large.pipelines = &(const riacho_pipeline){
        .name = "p", .from = "acts", .via = steps, .via_count = 900, .to = {"x"}};
    assert_int_equal(riacho_graph_build(&large, schemas, NULL, arena, &graph, &issues), RIACHO_OK);
    assert_int_equal(graph->node_count, 902);
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

static void a_graph_can_be_printed_without_libraries(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_schemas *schemas = open_schemas();
    riacho_graph *graph = build(&twin, schemas, NULL, arena);
    riacho_graph_print(graph, RIACHO_GRAPH_TEXT, &text);
    riacho_buffer_append(&text, "", 1);
    assert_non_null(strstr((const char *)text.data, "Processor: state (stores: [pets])"));
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

/* ---- the hash ---- */

static const struct {
    const char *name;
    const char *from;
    const char *to;
    enum { SAME, OTHER } hash;
} changes[] = {
    {"a description", "the same twice", "another", SAME},
    {"a path", "/acts/{id}", "/deeds/{id}", SAME},
    {"a query", "view: lib/pet_now, ", "", SAME},
    {"a comment and spaces", "  libraries: [lib]\n", "  libraries:  [lib] # one\n", SAME},
    {"the commit interval", "  libraries:", "  commitInterval: 5s\n  libraries:", SAME},
    {"the guarantee", "  libraries:", "  guarantee: atLeastOnce\n  libraries:", SAME},
    {"a topic's retention", "partitions: 4", "partitions: 4, retention: 7d", SAME},
    {"a command's method", "{path: '/acts", "{method: PUT, path: '/acts", SAME},
    {"an expression", "value.amount > 20", "value.amount > 21", OTHER},
    {"a filter", "\"FEED\", \"WASH\"", "\"FEED\"", OTHER},
    {"a topic", "topic: acts", "topic: acts2", OTHER},
    {"a timestamp", "timestamp: value.atMs, ", "", OTHER},
    {"where reading begins", "partitions: 4", "partitions: 4, startFrom: latest", OTHER},
    {"a partition count", "partitions: 4", "partitions: 5", OTHER},
    {"what a ranking keeps", "keep: 1000", "keep: 1001", OTHER},
    {"caching", "  libraries:", "  caching: false\n  libraries:", OTHER},
    {"an id", "id: known", "id: knwon", OTHER},
    {"a function", "lib/fold_pet", "lib/fold_pet2", OTHER},
    {"what becomes of records that fail", "{action: skip}", "{action: stop}", OTHER},
    {"where a case goes", "to: large", "to: larger", OTHER},
    {"what a function may emit", "emits: [changes]", "emits: []", OTHER},

};

static void replace(const char *from, const char *to, riacho_buffer *out)
{
    const char *at = strstr(twin_text, from);
    assert_non_null(at);
    riacho_buffer_append(out, twin_text, (size_t)(at - twin_text));
    riacho_buffer_append(out, to, strlen(to));
    riacho_buffer_append(out, at + strlen(from), strlen(at + strlen(from)) + 1);
}

static void the_hash_changes_with_what_a_replay_depends_on_only(void **state)
{
    (void)state;
    riacho_schemas *schemas = open_schemas();
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    riacho_graph *first = build(load_topology(twin_text, arena, &list), schemas, NULL, arena);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        replace(changes[i].from, changes[i].to, &text);
        const riacho_topology *topology = load_topology((const char *)text.data, arena, &list);
        assert_int_equal(list.errors, 0);
        riacho_graph *graph = build(topology, schemas, NULL, arena);
        if ((graph->hash == first->hash) != (changes[i].hash == SAME))
            fail_msg("the hash after a change of %s", changes[i].name);
        riacho_graph_free(graph);
    }
    riacho_graph_free(first);
    riacho_schemas_close(schemas);
}

static uint64_t hash_with(const char *policy, riacho_schemas *schemas, riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_issue_list list = {.arena = arena};
    replace("{action: skip}", policy, &text);
    riacho_graph *graph =
        build(load_topology((const char *)text.data, arena, &list), schemas, NULL, arena);
    const uint64_t hash = graph->hash;
    riacho_graph_free(graph);
    return hash;
}

static void how_often_a_record_is_tried_is_not_in_the_hash(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schemas *schemas = open_schemas();
    const uint64_t few = hash_with("{action: retry, attempts: 2, then: stop}", schemas, arena);
    const uint64_t many = hash_with("{action: retry, attempts: 9, then: stop}", schemas, arena);
    const uint64_t skips = hash_with("{action: retry, attempts: 9, then: skip}", schemas, arena);
    assert_int_equal(few, many);
    assert_true(many != skips);
    riacho_schemas_close(schemas);
}

/* The one number that was deployed somewhere: a change of it makes every deployed topology look
 * new. */
static void the_hash_is_the_same_in_every_version(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schemas *schemas = open_schemas();
    riacho_topology plain = {
        .name = "plain",
        .streams =
            (const riacho_stream[]){
                {.name = "e", .topic = "e", .key_type = "string", .value_type = "long"}},
        .streams_count = 1,
        .pipelines = (const riacho_pipeline[]){{.name = "p", .from = "e", .to = {"x"}}},
        .pipelines_count = 1,
    };
    riacho_graph *graph = build(&plain, schemas, NULL, arena);
    assert_int_equal(graph->hash, UINT64_C(0xed20e0575a45af93));
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

/* ---- the drawings ---- */

static const char small[] =
    "apiVersion: riacho/v1\n"
    "kind: Topology\n"
    "metadata: {name: t}\n"
    "spec:\n"
    "  streams: {e: {topic: events, keyType: string, valueType: avro:Event}}\n"
    "  pipelines:\n"
    "    p: {from: e, via: [{groupByKey: {}}, {id: n, aggregate: count}], to: counts}\n";

static void graphs_are_drawn_in_each_format(void **state)
{
    (void)state;
    static const struct {
        riacho_graph_format format;
        const char *text;
    } expected[] = {
        {RIACHO_GRAPH_DOT, "digraph \"t\" {\n"
                           "  rankdir=LR;\n"
                           "  node [shape=box];\n"
                           "  t0 [label=\"events\", shape=cds];\n"
                           "  t1 [label=\"counts\", shape=cds];\n"
                           "  subgraph cluster_0 {\n"
                           "    label=\"sub-topology 0\";\n"
                           "    n0 [label=\"source: e.source\"];\n"
                           "    n1 [label=\"aggregate: n\"];\n"
                           "    n2 [label=\"sink: p.to\"];\n"
                           "    s0 [label=\"n.store\", shape=cylinder];\n"
                           "  }\n"
                           "  t0 -> n0;\n"
                           "  n0 -> n1;\n"
                           "  n1 -> n2;\n"
                           "  n1 -> s0 [dir=none, style=dashed];\n"
                           "  n2 -> t1;\n"
                           "}\n"},
        {RIACHO_GRAPH_MERMAID, "flowchart LR\n"
                               "  t0([\"events\"])\n"
                               "  t1([\"counts\"])\n"
                               "  subgraph b0 [\"sub-topology 0\"]\n"
                               "    n0[\"source: e.source\"]\n"
                               "    n1[\"aggregate: n\"]\n"
                               "    n2[\"sink: p.to\"]\n"
                               "    s0[(\"n.store\")]\n"
                               "  end\n"
                               "  t0 --> n0\n"
                               "  n0 --> n1\n"
                               "  n1 --> n2\n"
                               "  n1 -.- s0\n"
                               "  n2 --> t1\n"},
    };
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schemas *schemas = open_schemas();
    riacho_graph *graph = build_text(small, schemas, arena);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        riacho_graph_print(graph, expected[i].format, &text);
        riacho_buffer_append(&text, "", 1);
        assert_string_equal((const char *)text.data, expected[i].text);
    }
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_topologies_are_lowered_like_this),
        cmocka_unit_test(declarative_c_gives_the_same_graph_as_yaml),
        cmocka_unit_test(an_issue_of_declarative_c_has_no_place_but_its_text),
        cmocka_unit_test(more_steps_than_a_topology_may_have_are_refused),
        cmocka_unit_test(a_graph_can_be_printed_without_libraries),
        cmocka_unit_test(the_hash_changes_with_what_a_replay_depends_on_only),
        cmocka_unit_test(how_often_a_record_is_tried_is_not_in_the_hash),
        cmocka_unit_test(the_hash_is_the_same_in_every_version),
        cmocka_unit_test(graphs_are_drawn_in_each_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
