/* SPDX-License-Identifier: MIT
 *
 * graph.c - chains over a graph that was checked and lowered from declarative C: what
 * riacho_graph_build makes is what riacho_chain_new runs, across a repartition topic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "operators/operators.h"
#include "riacho/backend/stores.h"
#include "riacho/store.h"

/* ---- the topology ---------------------------------------------------------------------------- */

static const riacho_stream streams[] = {
    {.name = "numbers", .topic = "numbers", .key_type = "string", .value_type = "long"},
    {.name = "totals", .topic = "totals", .key_type = "string", .value_type = "long"},
    {.name = "big", .topic = "big", .key_type = "string", .value_type = "long"},
};
static const riacho_store_words stores[] = {
    {.name = "sums",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "long",
     .caching = RIACHO_NO},
    {.name = "seen",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "long"},
};
static const char *const seen[] = {"seen"};
static const char *const big[] = {"big"};
static const riacho_function_spec functions[] = {
    {.name = "firsts",
     .use = "test/firsts",
     .kind = RIACHO_FUNCTION_PROCESS,
     .stores = seen,
     .stores_count = 1,
     .emits = big,
     .emits_count = 1},
};
static const riacho_step by_parity[] = {
    {.id = "positive", .filter = "value > 0"},
    {.id = "parity", .group_by = "value % 2 == 0 ? \"even\" : \"odd\""},
    {.id = "sum", .aggregate = {.text = "sum(value)"}, .store = {.name = "sums"}},
    {.id = "changes", .to_stream = RIACHO_YES},
};
static const riacho_step first_of_all[] = {
    {.id = "firsts", .process = "firsts"},
};
static const riacho_pipeline pipelines[] = {
    {.name = "parity",
     .from = "numbers",
     .via = by_parity,
     .via_count = 4,
     .to = {.topic = "totals"}},
    {.name = "firsts", .from = "numbers", .via = first_of_all, .via_count = 1},
};
static const char *const libraries[] = {"test"};
static const riacho_topology topology = {
    .name = "app",
    .libraries = libraries,
    .libraries_count = 1,
    .streams = streams,
    .streams_count = 3,
    .stores = stores,
    .stores_count = 2,
    .functions = functions,
    .functions_count = 1,
    .pipelines = pipelines,
    .pipelines_count = 2,
};

/* Hands on the first record of each key. */
static riacho_status first(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_keyvalue *store = riacho_keyvalue_of(ctx, "seen");
    const void *before;
    RIACHO_TRY(riacho_keyvalue_get(store, record->key, &before));
    if (before)
        return RIACHO_OK;
    RIACHO_TRY(riacho_keyvalue_put(store, record->key, record->value));
    return riacho_forward_to(ctx, "big", record);
}

static const riacho_function firsts = {.name = "firsts",
                                       .kind = RIACHO_FUNCTION_PROCESS,
                                       .key = &riacho_string_struct,
                                       .value = &riacho_long_struct,
                                       .each = first};

static const riacho_function *find(const riacho_functions *from, const char *library,
                                   const char *name)
{
    (void)from;
    return strcmp(library, "test") == 0 && strcmp(name, "firsts") == 0 ? &firsts : NULL;
}

/* ---- tasks of a kind: every sub-topology once, repartition topics in between ------------------
 */

enum { TASKS_MAX = 4 };

struct task {
    riacho_host host;
    struct app *app;
    riacho_store *store;
    riacho_chain *chain;
};

struct app {
    riacho_schemas *schemas;
    riacho_graph *graph;
    riacho_store_factory *factory;
    riacho_error error;
    riacho_buffer said;
    struct task tasks[TASKS_MAX];
};

static void deliver(struct app *app, int32_t topic, const riacho_output *output);

static riacho_status take_output(riacho_host *host, const riacho_output *output)
{
    struct app *app = ((struct task *)host)->app;
    const riacho_graph_topic *topic = &app->graph->topics[output->topic];
    if (topic->roles & RIACHO_TOPIC_REPARTITION) {
        deliver(app, output->topic, output);
        return RIACHO_OK;
    }
    int64_t number = 0; /* a long, as Kafka writes it */
    for (size_t i = 0; i < output->value.size; i++)
        number = number << 8 | ((const uint8_t *)output->value.data)[i];
    riacho_buffer_printf(&app->said, "%s %.*s=%lld@%lld ", topic->name, (int)output->key.size,
                         (const char *)output->key.data, (long long)number,
                         (long long)output->timestamp_ms);
    return RIACHO_OK;
}

/* To every source of the topic, decoded by its node's codecs. */
static void deliver(struct app *app, int32_t topic, const riacho_output *output)
{
    for (size_t i = 0; i < app->graph->node_count; i++) {
        const riacho_node *node = &app->graph->nodes[i];
        if (node->kind != RIACHO_NODE_SOURCE || node->topic != topic)
            continue;
        struct task *task = &app->tasks[node->subtopology];
        riacho_arena_reset(task->host.batch);
        void *key = riacho_alloc(task->host.batch, node->key.codec->type->size);
        void *value = riacho_alloc(task->host.batch, node->value.codec->type->size);
        assert_int_equal(riacho_decode(node->key.codec, output->key, task->host.batch, key, NULL),
                         RIACHO_OK);
        assert_int_equal(
            riacho_decode(node->value.codec, output->value, task->host.batch, value, NULL),
            RIACHO_OK);
        const riacho_record record = {key, value, output->timestamp_ms, output->headers};
        if (riacho_chain_process(task->chain, (int32_t)i, &record) != RIACHO_OK)
            fail_msg("%s", app->error.text);
    }
}

static void ignore_request(riacho_host *host)
{
    (void)host;
}

static void open_task(struct app *app, int32_t subtopology)
{
    static const char *const spaces[] = {"a", "b", "c", "d"};
    static const char *const names[] = {"0_0", "1_0", "2_0", "3_0"};
    const riacho_store_spec spec = {
        .topology = "app", .task = names[subtopology], .space_names = spaces, .space_count = 4};
    struct task *task = &app->tasks[subtopology];
    task->app = app;
    assert_int_equal(app->factory->ops->open(app->factory, &spec, &task->store, &app->error),
                     RIACHO_OK);
    task->host = (riacho_host){
        .overlay = riacho_overlay_new(&(riacho_overlay_options){.store = task->store}),
        .batch = riacho_arena_new(),
        .clock = riacho_clock_system(),
        .task_name = names[subtopology],
        .error = &app->error,
        .output = take_output,
        .request_commit = ignore_request,
    };
    if (riacho_chain_new(app->graph, subtopology, &task->host, &task->chain, &app->error) !=
        RIACHO_OK)
        fail_msg("%s", app->error.text);
}

static void open_app(struct app *app)
{
    static const riacho_functions from = {.find = find};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issues issues = {0};
    *app = (struct app){.factory = riacho_memory_stores_new()};
    assert_int_equal(riacho_schemas_open(&(riacho_schemas_options){0}, &app->schemas, &app->error),
                     RIACHO_OK);
    const riacho_status status =
        riacho_graph_build(&topology, app->schemas, &from, arena, &app->graph, &issues);
    for (size_t i = 0; i < issues.count; i++) {
        if (!issues.items[i].warning)
            fail_msg("%s", issues.items[i].text);
    }
    assert_int_equal(status, RIACHO_OK);
    assert_true(app->graph->subtopology_count <= TASKS_MAX);
    for (size_t i = 0; i < app->graph->subtopology_count; i++)
        open_task(app, (int32_t)i);
}

static void close_app(struct app *app)
{
    for (size_t i = 0; i < app->graph->subtopology_count; i++) {
        struct task *task = &app->tasks[i];
        riacho_chain_free(task->chain);
        riacho_overlay_free(task->host.overlay);
        riacho_arena_free(task->host.batch);
        task->store->ops->close(task->store);
    }
    app->factory->ops->close(app->factory);
    riacho_graph_free(app->graph);
    riacho_schemas_close(app->schemas);
    riacho_buffer_done(&app->said);
}

static int32_t topic_of(const struct app *app, const char *name)
{
    for (size_t i = 0; i < app->graph->topic_count; i++) {
        if (strcmp(app->graph->topics[i].name, name) == 0)
            return (int32_t)i;
    }
    fail_msg("there is no topic %s", name);
    return RIACHO_NONE;
}

static void send_number(struct app *app, const char *key, uint8_t number, int64_t timestamp_ms)
{
    const uint8_t value[8] = {[7] = number};
    const riacho_output sent = {
        .key = riacho_text(key), .value = {value, sizeof value}, .timestamp_ms = timestamp_ms};
    deliver(app, topic_of(app, "numbers"), &sent);
}

static void a_declared_topology_runs_across_its_repartition_topic(void **unused)
{
    (void)unused;
    struct app app;
    open_app(&app);
    assert_int_equal(app.graph->subtopology_count, 2);
    send_number(&app, "a", 1, 10);
    send_number(&app, "b", 2, 11);
    send_number(&app, "a", 3, 9);
    send_number(&app, "b", 0, 12);
    send_number(&app, "b", 6, 13);
    riacho_buffer_append(&app.said, "", 1);
    char *said = (char *)app.said.data;
    assert_string_equal(said, "totals odd=1@10 big a=1@10 totals even=2@11 big b=2@11 "
                              "totals odd=4@10 totals even=8@13 ");
    close_app(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declared_topology_runs_across_its_repartition_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
