/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "riacho/store.h"
#include "schemas/primitive.h"

_Atomic int fixture_not_yet;

/* ---- the functions --------------------------------------------------------------------------- */

static riacho_status add_one(riacho_ctx *ctx, const char *store_name, const riacho_record *record)
{
    riacho_keyvalue *store = riacho_keyvalue_of(ctx, store_name);
    const void *held;
    RIACHO_TRY(riacho_keyvalue_get(store, record->key, &held));
    int64_t *next = riacho_alloc(riacho_ctx_arena(ctx), sizeof *next);
    *next = (held ? *(const int64_t *)held : 0) + 1;
    RIACHO_TRY(riacho_keyvalue_put(store, record->key, next));
    riacho_record forwarded = *record;
    forwarded.value = next;
    return riacho_forward(ctx, &forwarded);
}

static riacho_status count_each(riacho_ctx *ctx, const riacho_record *record)
{
    const int64_t value = *(const int64_t *)record->value;
    RIACHO_TRY(add_one(ctx, "counts", record));
    if (value == FIXTURE_REFUSE)
        return riacho_reject(ctx, "a value of -1 is refused");
    if (value == FIXTURE_NOT_YET && fixture_not_yet > 0) {
        fixture_not_yet--;
        return RIACHO_RETRY;
    }
    if (value == FIXTURE_BROKEN)
        return RIACHO_FATAL;
    if (value == FIXTURE_COMMIT)
        riacho_ctx_commit(ctx);
    return RIACHO_OK;
}

static riacho_status total_each(riacho_ctx *ctx, const riacho_record *record)
{
    return add_one(ctx, "totals", record);
}

static riacho_status group_map(riacho_ctx *ctx, const riacho_record *record, riacho_record *ret)
{
    enum { TOO_LONG = 40000 };
    riacho_bytes *key = riacho_alloc(riacho_ctx_arena(ctx), sizeof *key);
    *key = (riacho_bytes){((const riacho_bytes *)record->key)->data, 1};
    if (*(const int64_t *)record->value == FIXTURE_TOO_LONG) {
        char *text = riacho_alloc(riacho_ctx_arena(ctx), TOO_LONG);
        memset(text, 'x', TOO_LONG);
        *key = (riacho_bytes){text, TOO_LONG};
    }
    ret->key = key;
    return RIACHO_OK;
}

static const riacho_function group_function = {
    .name = "group", .kind = RIACHO_FUNCTION_MAP, .map = group_map};

/* `start` has no argument of its own, so the fixture in use is here; tests run one at a time. */
static fixture *in_use;

static riacho_status total_start(riacho_ctx *ctx)
{
    if (in_use->options.stream_tick)
        riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 100, in_use->options.stream_tick);
    if (in_use->options.wall_tick)
        riacho_ctx_schedule(ctx, RIACHO_WALL_CLOCK, 1000, in_use->options.wall_tick);
    return RIACHO_OK;
}

/* ---- the graph ------------------------------------------------------------------------------- */

static const int32_t *list(fixture *f, size_t count, const int32_t *items)
{
    int32_t *kept = &f->lists[f->list_used];
    memcpy(kept, items, count * sizeof *items);
    f->list_used += count;
    assert_true(f->list_used <= sizeof f->lists / sizeof *f->lists);
    return kept;
}

static riacho_data data(const char *word)
{
    return (riacho_data){word, riacho_primitive_codec(riacho_text(word))};
}

static void fill_topics(fixture *f)
{
    static const struct {
        const char *name;
        unsigned roles;
    } topics[FIXTURE_TOPICS] = {
        [FIXTURE_IN] = {"in", RIACHO_TOPIC_SOURCE},
        [FIXTURE_OUT] = {"out", RIACHO_TOPIC_SINK},
        [FIXTURE_GROUPED] = {"test-group-repartition", RIACHO_TOPIC_REPARTITION},
        [FIXTURE_TOTALS] = {"totals", RIACHO_TOPIC_SINK},
        [FIXTURE_DEAD] = {"dead", RIACHO_TOPIC_DEAD_LETTERS},
        [FIXTURE_LATEST] = {"latest", RIACHO_TOPIC_SINK},
        [FIXTURE_IN2] = {"in2", RIACHO_TOPIC_SOURCE},
    };
    for (size_t i = 0; i < FIXTURE_TOPICS; i++) {
        f->topics[i] = (riacho_graph_topic){.name = topics[i].name,
                                            .roles = topics[i].roles,
                                            .key = data("string"),
                                            .value = data("long"),
                                            .upstream = RIACHO_NONE,
                                            .partitions = 1};
    }
    const int32_t partitions = f->options.partitions ? f->options.partitions : 1;
    f->topics[FIXTURE_IN].partitions = partitions;
    f->topics[FIXTURE_IN].start = (unsigned)f->options.start;
    f->topics[FIXTURE_IN2].partitions = partitions;
    f->topics[FIXTURE_OUT].partitions = 2;
    f->topics[FIXTURE_GROUPED].partitions = 0;
    f->topics[FIXTURE_GROUPED].upstream = 0;
}

static void fill_stores(fixture *f)
{
    static const char *const names[FIXTURE_STORES] = {"counts", "latest", "totals"};
    for (int i = 0; i < FIXTURE_STORES; i++) {
        f->graph_stores[i] = (riacho_graph_store){.name = names[i],
                                                  .kind = RIACHO_STORE_KEYVALUE,
                                                  .key = data("string"),
                                                  .value = data("long"),
                                                  .queryable = true,
                                                  .subtopology = i == FIXTURE_TOTALS_STORE};
    }
    f->graph_stores[FIXTURE_LATEST_STORE].caching = true;
}

enum {
    NODE_IN,
    NODE_IN2,
    NODE_COUNT,
    NODE_OUT,
    NODE_GROUP,
    NODE_NULL_KEYS,
    NODE_REPARTITION,
    NODE_LATEST,
    NODE_LATEST_SINK,
    NODE_GROUPED,
    NODE_TOTAL,
    NODE_TOTALS,
    NODES
};

static void node(fixture *f, int32_t index, const char *id, riacho_node_kind kind, int32_t topic)
{
    f->nodes[index] = (riacho_node){
        .id = id,
        .kind = kind,
        .subtopology = index >= NODE_GROUPED,
        .in_key = data("string"),
        .in_value = data("long"),
        .key = data("string"),
        .value = data("long"),
        .topic = topic,
    };
}

static void link_nodes(fixture *f, int32_t from, int32_t to)
{
    riacho_node *parent = &f->nodes[from];
    riacho_edge *edges = &f->edges[0];
    while (edges->node)
        edges++;
    if (!parent->child_count)
        parent->children = edges;
    assert_ptr_equal(&parent->children[parent->child_count], edges);
    edges->node = to;
    parent->child_count++;
}

static void with_function(fixture *f, int32_t index, const riacho_function *function, int32_t store)
{
    f->nodes[index].function = function;
    f->nodes[index].function_name = function->name;
    if (store == RIACHO_NONE)
        return;
    f->nodes[index].stores = list(f, 1, &store);
    f->nodes[index].store_count = 1;
}

static void fill_nodes(fixture *f)
{
    node(f, NODE_IN, "in", RIACHO_NODE_SOURCE, FIXTURE_IN);
    node(f, NODE_IN2, "in2", RIACHO_NODE_SOURCE, FIXTURE_IN2);
    node(f, NODE_COUNT, "count", RIACHO_NODE_PROCESS, RIACHO_NONE);
    node(f, NODE_OUT, "out", RIACHO_NODE_SINK, FIXTURE_OUT);
    node(f, NODE_GROUP, "group", RIACHO_NODE_MAP, RIACHO_NONE);
    node(f, NODE_NULL_KEYS, "null-keys", RIACHO_NODE_NULL_KEYS, RIACHO_NONE);
    node(f, NODE_REPARTITION, "grouped-sink", RIACHO_NODE_SINK, FIXTURE_GROUPED);
    node(f, NODE_LATEST, "latest", RIACHO_NODE_AGGREGATE, RIACHO_NONE);
    node(f, NODE_LATEST_SINK, "latest-sink", RIACHO_NODE_SINK, FIXTURE_LATEST);
    node(f, NODE_GROUPED, "grouped", RIACHO_NODE_SOURCE, FIXTURE_GROUPED);
    node(f, NODE_TOTAL, "total", RIACHO_NODE_PROCESS, RIACHO_NONE);
    node(f, NODE_TOTALS, "totals", RIACHO_NODE_SINK, FIXTURE_TOTALS);
    with_function(f, NODE_COUNT, &f->count, FIXTURE_COUNTS);
    with_function(f, NODE_GROUP, &group_function, RIACHO_NONE);
    with_function(f, NODE_TOTAL, &f->total, FIXTURE_TOTALS_STORE);
    f->nodes[NODE_LATEST].aggregate = RIACHO_AGGREGATE_COUNT;
    f->nodes[NODE_LATEST].stores = list(f, 1, (int32_t[]){FIXTURE_LATEST_STORE});
    f->nodes[NODE_LATEST].store_count = 1;
    f->nodes[NODE_LATEST].table = true;
    link_nodes(f, NODE_IN, NODE_COUNT);
    link_nodes(f, NODE_IN, NODE_LATEST);
    link_nodes(f, NODE_IN, NODE_GROUP);
    link_nodes(f, NODE_IN2, NODE_COUNT);
    link_nodes(f, NODE_IN2, NODE_LATEST);
    link_nodes(f, NODE_IN2, NODE_GROUP);
    link_nodes(f, NODE_COUNT, NODE_OUT);
    link_nodes(f, NODE_LATEST, NODE_LATEST_SINK);
    link_nodes(f, NODE_GROUP, NODE_NULL_KEYS);
    link_nodes(f, NODE_NULL_KEYS, NODE_REPARTITION);
    link_nodes(f, NODE_GROUPED, NODE_TOTAL);
    link_nodes(f, NODE_TOTAL, NODE_TOTALS);
}

static riacho_error_policy policy(const riacho_error_policy *wanted)
{
    riacho_error_policy made = *wanted;
    made.topic = FIXTURE_DEAD;
    return made;
}

static void fill_graph(fixture *f)
{
    static const int32_t first[] = {NODE_IN,    NODE_IN2,       NODE_COUNT,
                                    NODE_OUT,   NODE_LATEST,    NODE_LATEST_SINK,
                                    NODE_GROUP, NODE_NULL_KEYS, NODE_REPARTITION};
    static const int32_t second[] = {NODE_GROUPED, NODE_TOTAL, NODE_TOTALS};
    fill_topics(f);
    fill_stores(f);
    f->count =
        (riacho_function){.name = "count", .kind = RIACHO_FUNCTION_PROCESS, .each = count_each};
    f->total = (riacho_function){
        .name = "total", .kind = RIACHO_FUNCTION_PROCESS, .each = total_each, .start = total_start};
    fill_nodes(f);
    f->subtopologies[0] = (riacho_subtopology){
        .nodes = list(f, 9, first),
        .node_count = 9,
        .sources = list(f, 2, (int32_t[]){NODE_IN, NODE_IN2}),
        .source_count = f->options.second_input ? 2 : 1,
        .stores = list(f, 2, (int32_t[]){FIXTURE_COUNTS, FIXTURE_LATEST_STORE}),
        .store_count = 2,
    };
    f->subtopologies[1] = (riacho_subtopology){
        .nodes = list(f, 3, second),
        .node_count = 3,
        .sources = list(f, 1, (int32_t[]){NODE_GROUPED}),
        .source_count = 1,
        .stores = list(f, 1, (int32_t[]){FIXTURE_TOTALS_STORE}),
        .store_count = 1,
    };
    f->graph = (riacho_graph){
        .name = "test",
        .commit_interval_ms = 100,
        .base_path = "",
        .topics = f->topics,
        .topic_count = FIXTURE_TOPICS,
        .stores = f->graph_stores,
        .store_count = FIXTURE_STORES,
        .nodes = f->nodes,
        .node_count = NODES,
        .subtopologies = f->subtopologies,
        .subtopology_count = 2,
        .on_deserialize = policy(&f->options.on_deserialize),
        .on_process = policy(&f->options.on_process),
        .on_produce = policy(&f->options.on_produce),
    };
}

void fixture_only_latest(fixture *f)
{
    f->edges[0].node = NODE_LATEST; /* of NODE_IN, whose edges are the first */
    f->nodes[NODE_IN].child_count = 1;
}

void fixture_only_state(fixture *f)
{
    fixture_only_latest(f);
    f->nodes[NODE_LATEST].child_count = 0;
}

void fixture_count_below_latest(fixture *f)
{
    fixture_only_latest(f);
    f->edges[f->nodes[NODE_LATEST].children - f->edges].node = NODE_COUNT;
}

/* ---- the backends ---------------------------------------------------------------------------- */

void fixture_open_disk(fixture *f)
{
    char folder[160];
    snprintf(folder, sizeof folder, "%s/log", f->folder);
    const riacho_embedded_log_options log = {
        .folder = folder, .space_reserve_bytes = 1, .cleanup_interval_ms = -1};
    if (riacho_embedded_log_open(&log, &f->log, &f->error) != RIACHO_OK)
        fail_msg("%s", f->error.text);
    snprintf(folder, sizeof folder, "%s/state", f->folder);
    const riacho_rocksdb_stores_options stores = {.folder = folder, .space_reserve_bytes = 1};
    if (riacho_rocksdb_stores_open(&stores, &f->stores, &f->error) != RIACHO_OK)
        fail_msg("%s", f->error.text);
}

void fixture_close_backends(fixture *f)
{
    f->stores->ops->close(f->stores);
    f->log->ops->close(f->log);
}

static void ensure(fixture *f, int topic)
{
    const riacho_topic_spec spec = {.name = f->topics[topic].name,
                                    .partitions = f->topics[topic].partitions};
    assert_int_equal(f->log->ops->topic_ensure(f->log, &spec, &f->error), RIACHO_OK);
}

static void choose_folder(fixture *f)
{
    const char *temporary = getenv("TMPDIR");
    if (f->options.folder) {
        snprintf(f->folder, sizeof f->folder, "%s", f->options.folder);
        return;
    }
    snprintf(f->folder, sizeof f->folder, "%s/riacho-runtime-XXXXXX",
             temporary ? temporary : "/tmp");
    assert_non_null(mkdtemp(f->folder));
}

fixture *fixture_new(const fixture_options *options)
{
    riacho_trace_level(RIACHO_ERROR + 1); /* what a test provokes is not worth a line */
    fixture *f = riacho_memory_get_zero(1, sizeof *f);
    in_use = f;
    f->options = *options;
    riacho_clock_virtual_init(&f->clock, 1000);
    fill_graph(f);
    if (options->disk) {
        choose_folder(f);
        fixture_open_disk(f);
    } else {
        f->log = narrow_log(&f->narrow, riacho_memory_log_new(&f->clock.clock));
        f->stores = narrow_stores(&f->narrow, riacho_memory_stores_new());
    }
    ensure(f, FIXTURE_IN);
    ensure(f, FIXTURE_IN2);
    return f;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void fixture_free(fixture *f)
{
    riacho_worker_close(f->worker);
    fixture_close_backends(f);
    if (f->options.disk && !f->options.folder)
        nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
}

/* ---- sending --------------------------------------------------------------------------------- */

const char *fixture_key(size_t key)
{
    static char names[FIXTURE_KEYS][3];
    assert_true(key < FIXTURE_KEYS);
    names[key][0] = (char)('a' + key / 10);
    names[key][1] = (char)('0' + key % 10);
    return names[key];
}

static void put_long(uint8_t bytes[8], int64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

void fixture_send_to(fixture *f, int topic, int32_t partition, const char *key, int64_t value,
                     int64_t timestamp_ms)
{
    uint8_t bytes[8];
    put_long(bytes, value);
    const riacho_log_append append = {
        .topic = f->topics[topic].name,
        .partition = partition,
        .record = {.timestamp_ms = timestamp_ms, .key = riacho_text(key), .value = {bytes, 8}},
    };
    riacho_position position;
    if (f->log->ops->append(f->log, &append, 1, &position, &f->error) != RIACHO_OK)
        fail_msg("%s", f->error.text);
}

void fixture_send(fixture *f, size_t key, int64_t value, int64_t timestamp_ms)
{
    fixture_send_to(f, FIXTURE_IN, -1, fixture_key(key), value, timestamp_ms);
    if (value >= 0 || value == FIXTURE_NOT_YET || value == FIXTURE_COMMIT)
        f->sent[key]++;
    else
        f->refused++;
}

void fixture_send_garbage(fixture *f, const char *key)
{
    const riacho_log_append append = {
        .topic = "in",
        .partition = -1,
        .record = {.timestamp_ms = 7, .key = riacho_text(key), .value = riacho_text("oops")},
    };
    riacho_position position;
    assert_int_equal(f->log->ops->append(f->log, &append, 1, &position, &f->error), RIACHO_OK);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool fault(void *argument, riacho_site site)
{
    fixture *f = argument;
    return site == f->crash_at && --f->crash_after == 0;
}

riacho_status fixture_try_start(fixture *f)
{
    const riacho_worker_options options = {
        .log = f->log,
        .stores = f->stores,
        .clock = f->options.threads ? NULL : &f->clock.clock,
        .threads = f->options.threads,
        .overlay_bytes = f->options.overlay_bytes,
        .cache_bytes = 1024 * 1024,
        .fault = fault,
        .fault_arg = f,
    };
    assert_null(f->worker);
    RIACHO_TRY(riacho_worker_open(&options, &f->worker, &f->error));
    RIACHO_TRY(riacho_worker_add(f->worker, &f->graph, &f->error));
    return riacho_worker_start(f->worker, &f->error);
}

void fixture_start(fixture *f)
{
    if (fixture_try_start(f) != RIACHO_OK)
        fail_msg("start: %s", f->error.text);
}

riacho_status fixture_drive(fixture *f)
{
    return riacho_worker_drive(f->worker, RIACHO_DRIVE_COMMIT, &f->error);
}

void fixture_crash(fixture *f)
{
    riacho_worker_close(f->worker);
    f->worker = NULL;
    if (!f->options.disk)
        return;
    fixture_close_backends(f);
    fixture_open_disk(f);
}

void fixture_lose_state(fixture *f)
{
    assert_false(f->options.disk || f->worker);
    f->stores->ops->close(f->stores);
    f->stores = narrow_stores(&f->narrow, riacho_memory_stores_new());
}

void fixture_stop(fixture *f)
{
    if (riacho_worker_stop(f->worker, &f->error) != RIACHO_OK)
        fail_msg("stop: %s", f->error.text);
    riacho_worker_close(f->worker);
    f->worker = NULL;
}

void fixture_run_through(fixture *f)
{
    for (;;) {
        riacho_status status = fixture_try_start(f);
        if (status == RIACHO_OK)
            status = fixture_drive(f);
        if (status == RIACHO_OK)
            return;
        if (!atomic_load(&f->worker->crashed) || f->crash_after > 0)
            fail_msg("%s", f->error.text);
        fixture_crash(f);
    }
}
