/* SPDX-License-Identifier: MIT
 *
 * bench.c - what one record costs in this layer: `bench_operators [records]` prints ns for each
 * way through a chain. The pets are Avro, the events are decoded already, the store is in memory
 * and is committed now and then, as a task would.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "operators/operators.h"
#include "riacho/backend/stores.h"

enum { PETS = 1000, COMMIT_RECORDS = 10000 };

/* The part of Interaction that the fold looks at. */
struct touch {
    int32_t action;
    int64_t at_ms;
};

struct field_places {
    uint32_t satiety, affection, updated_ms, fed, petted;
};

static struct field_places at;
static uint64_t outputs;
static char names[PETS][24];

static riacho_status fold(riacho_ctx *ctx, const void *event, void *state)
{
    (void)ctx;
    const struct touch *touch = event;
    uint8_t *pet = state;
    double *satiety = (double *)(pet + at.satiety);
    double *affection = (double *)(pet + at.affection);
    int64_t *updated_ms = (int64_t *)(pet + at.updated_ms);
    if (touch->at_ms < *updated_ms)
        return RIACHO_OK;
    const double hours = (double)(touch->at_ms - *updated_ms) / 3600000.0;
    *satiety = *satiety > hours ? *satiety - hours : 0;
    *affection = *affection > hours ? *affection - hours : 0;
    if (touch->action == 0) {
        *satiety = *satiety + 30 > 100 ? 100 : *satiety + 30;
        ++*(int64_t *)(pet + at.fed);
    } else {
        *affection = *affection + 20 > 100 ? 100 : *affection + 20;
        ++*(int64_t *)(pet + at.petted);
    }
    *updated_ms = touch->at_ms;
    return RIACHO_OK;
}

static riacho_status init(riacho_ctx *ctx, const void *key, void *state)
{
    (void)ctx;
    memcpy(state, key, sizeof(riacho_bytes)); /* the slug is the first field */
    return RIACHO_OK;
}

static riacho_status count_output(riacho_host *host, const riacho_output *output)
{
    (void)host;
    outputs += output->value.size > 0;
    return RIACHO_OK;
}

static void ignore_request(riacho_host *host)
{
    (void)host;
}

static void must(riacho_status status, const riacho_error *err)
{
    if (status == RIACHO_OK)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

struct bench {
    const char *name;
    const riacho_node *nodes;
    size_t node_count;
    bool caching;
};

static uint32_t place(const riacho_type *type, const char *field)
{
    const riacho_field *found = riacho_type_field(type, riacho_text(field));
    assert(found);
    return found->offset;
}

struct spent {
    int64_t records_ns;
    int64_t flush_ns;
};

static void process(riacho_chain *chain, riacho_host *host, int64_t number)
{
    const riacho_bytes key = riacho_text(names[(uint64_t)number * 7919 % PETS]);
    const struct touch event = {(int32_t)(number & 1), 1700000000000 + number};
    const riacho_record record = {.key = &key, .value = &event, .timestamp_ms = event.at_ms};
    riacho_arena_reset(host->batch);
    riacho_overlay_savepoint(host->overlay);
    riacho_chain_mark(chain);
    must(riacho_chain_process(chain, 0, &record), host->error);
}

static struct spent work(riacho_chain *chain, riacho_host *host, int64_t records)
{
    struct spent spent = {0};
    riacho_commit_meta meta = {0};
    for (size_t i = 0; i < PETS; i++)
        snprintf(names[i], sizeof names[i], "ghostzinho-%zu", i);
    for (int64_t i = 0; i < records;) {
        int64_t began = host->clock->monotonic_ns(host->clock);
        for (int64_t end = i + COMMIT_RECORDS; i < end; i++)
            process(chain, host, i);
        spent.records_ns += host->clock->monotonic_ns(host->clock) - began;
        began = host->clock->monotonic_ns(host->clock);
        riacho_overlay_savepoint(host->overlay);
        riacho_chain_mark(chain);
        must(riacho_chain_flush(chain), host->error);
        spent.flush_ns += host->clock->monotonic_ns(host->clock) - began;
        meta.number++;
        must(riacho_overlay_commit(host->overlay, &meta, host->error), host->error);
    }
    return spent;
}

static void run(const struct bench *bench, const riacho_graph_store *pets, int64_t records)
{
    static const int32_t order[] = {0, 1, 2, 3};
    static const char *const spaces[] = {"pets"};
    const riacho_store_spec spec = {
        .topology = "bench", .task = "0_0", .space_names = spaces, .space_count = 1};
    const riacho_graph_topic topics[] = {{.name = "in"}, {.name = "out"}};
    riacho_graph_store store_of = *pets;
    store_of.caching = bench->caching;
    const riacho_subtopology subtopology = {.nodes = order,
                                            .node_count = bench->node_count,
                                            .sources = order,
                                            .source_count = 1,
                                            .stores = order,
                                            .store_count = 1};
    const riacho_graph graph = {.name = "bench",
                                .topics = topics,
                                .topic_count = 2,
                                .stores = &store_of,
                                .store_count = 1,
                                .nodes = bench->nodes,
                                .node_count = bench->node_count,
                                .subtopologies = &subtopology,
                                .subtopology_count = 1};
    riacho_error err;
    riacho_store *store;
    riacho_store_factory *factory = riacho_memory_stores_new();
    must(factory->ops->open(factory, &spec, &store, &err), &err);
    riacho_host host = {
        .overlay = riacho_overlay_new(
            &(riacho_overlay_options){.store = store, .cache_bytes = 8 * 1024 * 1024}),
        .batch = riacho_arena_new(),
        .clock = riacho_clock_system(),
        .task_name = "0_0",
        .error = &err,
        .output = count_output,
        .request_commit = ignore_request,
    };
    riacho_chain *chain;
    must(riacho_chain_new(&graph, 0, &host, &chain, &err), &err);

    const struct spent spent = work(chain, &host, records);
    printf("%-44s %7.1f ns/record, flush %7.1f ns/key\n", bench->name,
           (double)spent.records_ns / (double)records,
           bench->caching ? (double)spent.flush_ns / (double)(records / COMMIT_RECORDS * PETS) : 0);
    riacho_chain_free(chain);
    riacho_overlay_free(host.overlay);
    riacho_arena_free(host.batch);
    store->ops->close(store);
    factory->ops->close(factory);
}

int main(int argc, char **argv)
{
    static const riacho_function folder = {
        .name = "fold", .kind = RIACHO_FUNCTION_AGGREGATE, .init = init, .fold = fold};
    static const int32_t store_0[] = {0};
    static const riacho_edge to_1[] = {{.node = 1}}, to_2[] = {{.node = 2}};
    const char *const folders[] = {RIACHO_SOURCE_DIR "/schemas/tamaghost"};
    riacho_schemas *schemas;
    riacho_error err;
    riacho_data string = {.word = "string"}, pet = {.word = "avro:Pet"};
    int64_t records = 1000000;
    if (argc > 1)
        must(riacho_int_parse(riacho_text(argv[1]), COMMIT_RECORDS, INT64_MAX, &records, &err),
             &err);
    must(riacho_schemas_open(&(riacho_schemas_options){.folders = folders, .folder_count = 1},
                             &schemas, &err),
         &err);
    must(riacho_schemas_codec(schemas, string.word, &string.codec, &err), &err);
    must(riacho_schemas_codec(schemas, pet.word, &pet.codec, &err), &err);
    const riacho_type *type = pet.codec->type;
    at = (struct field_places){place(type, "satiety"), place(type, "affection"),
                               place(type, "updatedMs"), place(type, "fed"), place(type, "petted")};

    const riacho_graph_store pets = {
        .name = "pets", .kind = RIACHO_STORE_KEYVALUE, .key = string, .value = pet};
    const riacho_node source = {.id = "in",
                                .kind = RIACHO_NODE_SOURCE,
                                .in_key = string,
                                .in_value = pet,
                                .key = string,
                                .value = pet,
                                .children = to_1,
                                .child_count = 1};
    riacho_node state = source;
    state.id = "state";
    state.kind = RIACHO_NODE_AGGREGATE;
    state.aggregate = RIACHO_AGGREGATE_FUNCTION;
    state.function = &folder;
    state.stores = store_0;
    state.store_count = 1;
    state.children = to_2;
    riacho_node sink = source;
    sink.id = "to";
    sink.kind = RIACHO_NODE_SINK;
    sink.topic = 1;
    sink.child_count = 0;
    riacho_node counted = state;
    counted.function = NULL;
    counted.aggregate = RIACHO_AGGREGATE_COUNT;

    riacho_node alone = state;
    alone.child_count = 0;
    const riacho_node only_state[] = {source, alone};
    const riacho_node with_sink[] = {source, state, sink};
    run(&(struct bench){"source -> aggregate(function)", only_state, 2, false}, &pets, records);
    run(&(struct bench){"source -> aggregate(function), caching", only_state, 2, true}, &pets,
        records);
    run(&(struct bench){"source -> aggregate(function) -> to", with_sink, 3, false}, &pets,
        records);
    run(&(struct bench){"source -> aggregate(function) -> to, caching", with_sink, 3, true}, &pets,
        records);

    riacho_graph_store counts = pets;
    must(riacho_schemas_codec(schemas, "long", &counts.value.codec, &err), &err);
    counted.child_count = 0;
    const riacho_node only_count[] = {source, counted};
    run(&(struct bench){"source -> aggregate(count), caching", only_count, 2, true}, &counts,
        records);
    riacho_schemas_close(schemas);
    return outputs ? 0 : 1;
}
