/* SPDX-License-Identifier: MIT
 *
 * engine.c - see engine.h. The backends belong to the engine, so that a worker may crash and
 * another find what it left.
 */
#include "engine.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"
#include "riacho/backend/embedded_log.h"
#include "riacho/backend/memory_log.h"
#include "riacho/backend/stores.h"
#include "runtime/worker_private.h"

/* How far one partition has been looked at. */
typedef struct watch {
    const char *topic;
    int32_t partition;
    int64_t next;
    struct watch *following;
} watch;

struct riacho_engine {
    const riacho_graph *graph;
    riacho_project *project;
    riacho_arena *arena;
    riacho_clock_virtual clock;
    riacho_log *log;
    riacho_store_factory *stores;
    riacho_worker *worker;
    watch *watches;
    riacho_site armed; /* 0: none */
    bool crashed;      /* the armed site was reached */
    char folder[64];   /* of the embedded backends; empty: in memory */
};

static bool stop_here(void *engine_arg, riacho_site site)
{
    riacho_engine *engine = engine_arg;
    if (engine->armed != site)
        return engine->crashed; /* a process that died reaches nothing more */
    engine->armed = (riacho_site)0;
    engine->crashed = true;
    return true;
}

static riacho_status start_worker(riacho_engine *engine, riacho_error *err)
{
    const riacho_worker_options options = {
        .name = "test",
        .log = engine->log,
        .stores = engine->stores,
        .schemas = engine->project->schemas,
        .clock = &engine->clock.clock,
        .fault = stop_here,
        .fault_arg = engine,
    };
    engine->crashed = false;
    RIACHO_TRY(riacho_worker_open(&options, &engine->worker, err));
    RIACHO_TRY(riacho_worker_add(engine->worker, engine->graph, err));
    return riacho_worker_start(engine->worker, err);
}

static riacho_status open_embedded(riacho_engine *engine, riacho_error *err)
{
    const char *base = getenv("TMPDIR");
    snprintf(engine->folder, sizeof engine->folder, "%s/riacho-test-XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    if (!mkdtemp(engine->folder))
        return riacho_fail(err, RIACHO_FATAL, "no temporary folder could be made at %s",
                           engine->folder);
    char log_folder[96], state_folder[96];
    snprintf(log_folder, sizeof log_folder, "%s/log", engine->folder);
    snprintf(state_folder, sizeof state_folder, "%s/state", engine->folder);
    const riacho_embedded_log_options log = {.folder = log_folder,
                                             .clock = &engine->clock.clock,
                                             .space_reserve_bytes = 1,
                                             .cleanup_interval_ms = -1};
    const riacho_rocksdb_stores_options stores = {.folder = state_folder, .space_reserve_bytes = 1};
    RIACHO_TRY(riacho_embedded_log_open(&log, &engine->log, err));
    return riacho_rocksdb_stores_open(&stores, &engine->stores, err);
}

riacho_status riacho_engine_open(const riacho_graph *graph, riacho_project *project,
                                 riacho_test_log kind, riacho_engine **ret_engine,
                                 riacho_error *err)
{
    riacho_engine *engine = riacho_memory_get_zero(1, sizeof *engine);
    *ret_engine = engine;
    engine->graph = graph;
    engine->project = project;
    engine->arena = riacho_arena_new();
    riacho_clock_virtual_init(&engine->clock, 0);
    if (kind == RIACHO_TEST_LOG_EMBEDDED) {
        RIACHO_TRY(open_embedded(engine, err));
    } else {
        engine->log = riacho_memory_log_new(&engine->clock.clock);
        engine->stores = riacho_memory_stores_new();
    }
    return start_worker(engine, err);
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

void riacho_engine_close(riacho_engine *engine)
{
    if (!engine)
        return;
    if (engine->worker)
        riacho_worker_close(engine->worker);
    if (engine->stores)
        engine->stores->ops->close(engine->stores);
    if (engine->log)
        engine->log->ops->close(engine->log);
    if (*engine->folder)
        nftw(engine->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    riacho_arena_free(engine->arena);
    free(engine);
}

riacho_worker *riacho_engine_worker(riacho_engine *engine)
{
    return engine->worker;
}

const riacho_graph *riacho_engine_graph(riacho_engine *engine)
{
    return engine->graph;
}

int64_t riacho_engine_now_ms(riacho_engine *engine)
{
    return engine->clock.at_ms;
}

void riacho_engine_advance(riacho_engine *engine, int64_t ms)
{
    engine->clock.at_ms += ms;
}

riacho_status riacho_engine_append(riacho_engine *engine, const riacho_log_append *record,
                                   riacho_error *err)
{
    riacho_position position;
    return engine->log->ops->append(engine->log, record, 1, &position, err);
}

void riacho_engine_arm(riacho_engine *engine, riacho_site site)
{
    engine->armed = site;
}

bool riacho_engine_armed(const riacho_engine *engine)
{
    return engine->armed != 0;
}

riacho_status riacho_engine_crash(riacho_engine *engine, riacho_error *err)
{
    const riacho_site in_recovery =
        engine->armed == RIACHO_SITE_RECOVERY ? RIACHO_SITE_RECOVERY : (riacho_site)0;
    riacho_worker_close(engine->worker);
    engine->worker = NULL;
    engine->armed = in_recovery;
    const riacho_status status = start_worker(engine, err);
    if (status == RIACHO_OK || !engine->crashed)
        return status;
    riacho_worker_close(engine->worker); /* it died while it recovered: once more, to the end */
    engine->worker = NULL;
    return start_worker(engine, err);
}

riacho_status riacho_engine_restart(riacho_engine *engine, riacho_error *err)
{
    RIACHO_TRY(riacho_worker_stop(engine->worker, err));
    riacho_worker_close(engine->worker);
    engine->worker = NULL;
    return start_worker(engine, err);
}

riacho_status riacho_engine_drive(riacho_engine *engine, riacho_drive commit, riacho_error *err)
{
    const riacho_status status = riacho_worker_drive(engine->worker, commit, err);
    if (status == RIACHO_OK || !engine->crashed)
        return status;
    RIACHO_TRY(riacho_engine_crash(engine, err));
    return riacho_worker_drive(engine->worker, commit, err);
}

static watch *watch_of(riacho_engine *engine, const char *topic, int32_t partition)
{
    for (watch *at = engine->watches; at; at = at->following) {
        if (at->partition == partition && strcmp(at->topic, topic) == 0)
            return at;
    }
    watch *made = riacho_alloc_zero(engine->arena, 1, sizeof *made);
    *made = (watch){.topic = topic, .partition = partition, .following = engine->watches};
    engine->watches = made;
    return made;
}

typedef struct found {
    riacho_engine_record *items;
    size_t count, capacity;
} found;

static void keep(riacho_engine *engine, const char *topic, int32_t partition,
                 const riacho_log_record *record, found *to)
{
    if (to->count == to->capacity) {
        const size_t capacity = to->capacity ? to->capacity * 2 : 16;
        riacho_engine_record *items = riacho_alloc(engine->arena, capacity * sizeof *items);
        if (to->count)
            memcpy(items, to->items, to->count * sizeof *items);
        to->items = items;
        to->capacity = capacity;
    }
    riacho_header *headers =
        riacho_alloc_zero(engine->arena, record->headers.count, sizeof *headers);
    for (size_t i = 0; i < record->headers.count; i++) {
        headers[i].name = riacho_copy(engine->arena, record->headers.items[i].name);
        headers[i].value = riacho_copy(engine->arena, record->headers.items[i].value);
    }
    riacho_engine_record *kept = &to->items[to->count++];
    *kept = (riacho_engine_record){.topic = topic, .partition = partition, .record = *record};
    kept->record.key = riacho_copy(engine->arena, record->key);
    kept->record.value = riacho_copy(engine->arena, record->value);
    kept->record.headers = (riacho_headers){headers, record->headers.count};
}

/* Reads one partition from `*next` to its end. */
static riacho_status read_partition(riacho_engine *engine, const char *topic, int32_t partition,
                                    int64_t *next, found *to, riacho_error *err)
{
    const riacho_log_ops *ops = engine->log->ops;
    riacho_log_reader *reader;
    int64_t first, end;
    RIACHO_TRY(ops->bounds(engine->log, topic, partition, &first, &end, err));
    RIACHO_TRY(ops->reader_open(engine->log, &reader, err));
    const riacho_log_assignment assignment = {topic, partition, *next, 0};
    riacho_status status = ops->assign(reader, &assignment, 1, err);
    while (status == RIACHO_OK && *next < end) {
        riacho_log_batch *batch = NULL;
        status = ops->poll(reader, 1000, &batch, err);
        if (status != RIACHO_OK || !batch)
            break;
        for (size_t i = 0; i < batch->count; i++)
            keep(engine, topic, partition, &batch->records[i], to);
        *next = batch->next;
        ops->batch_free(batch);
    }
    ops->reader_close(reader);
    return status;
}

static riacho_status partitions_of(riacho_engine *engine, const char *topic,
                                   int32_t *ret_partitions, riacho_error *err)
{
    riacho_topic_spec spec;
    RIACHO_TRY(engine->log->ops->topic_describe(engine->log, topic, engine->arena, &spec, err));
    *ret_partitions = spec.partitions;
    return RIACHO_OK;
}

riacho_status riacho_engine_outputs(riacho_engine *engine, riacho_engine_record **ret_records,
                                    size_t *ret_count, riacho_error *err)
{
    found all = {0};
    for (size_t i = 0; i < engine->graph->topic_count; i++) {
        const riacho_graph_topic *topic = &engine->graph->topics[i];
        int32_t partitions;
        if (!(topic->roles & (RIACHO_TOPIC_SINK | RIACHO_TOPIC_DEAD_LETTERS)))
            continue;
        RIACHO_TRY(partitions_of(engine, topic->name, &partitions, err));
        for (int32_t k = 0; k < partitions; k++)
            RIACHO_TRY(read_partition(engine, topic->name, k,
                                      &watch_of(engine, topic->name, k)->next, &all, err));
    }
    *ret_records = all.items;
    *ret_count = all.count;
    return RIACHO_OK;
}

riacho_status riacho_engine_topic(riacho_engine *engine, const char *topic,
                                  riacho_engine_record **ret_records, size_t *ret_count,
                                  riacho_error *err)
{
    found all = {0};
    int32_t partitions;
    RIACHO_TRY(partitions_of(engine, topic, &partitions, err));
    for (int32_t k = 0; k < partitions; k++) {
        int64_t next = 0;
        RIACHO_TRY(read_partition(engine, topic, k, &next, &all, err));
    }
    *ret_records = all.items;
    *ret_count = all.count;
    return RIACHO_OK;
}

/* Order matters within a space and not between tasks, so a checksum is a sum of chained hashes. */
static riacho_status checksum_space(riacho_store *store, const char *task, uint32_t space,
                                    uint64_t *sum, riacho_error *err)
{
    const riacho_range all = {0};
    riacho_store_scan *scan;
    riacho_bytes key, value;
    uint64_t chain = riacho_hash(riacho_text(task)) + space;
    RIACHO_TRY(store->ops->scan_open(store, NULL, space, &all, &scan, err));
    riacho_status status;
    while ((status = store->ops->scan_next(scan, &key, &value, err)) == RIACHO_OK && key.data) {
        const uint64_t link[] = {chain, riacho_hash(key), riacho_hash(value)};
        chain = riacho_hash((riacho_bytes){link, sizeof link});
    }
    store->ops->scan_close(scan);
    *sum += chain;
    return status;
}

riacho_status riacho_engine_checksum(riacho_engine *engine, uint64_t *ret_checksum,
                                     riacho_error *err)
{
    *ret_checksum = 0;
    for (size_t i = 0; i < engine->worker->deployment_count; i++) {
        const riacho_deployment *deployment = &engine->worker->deployments[i];
        for (size_t k = 0; k < deployment->task_count; k++) {
            const riacho_task *task = deployment->tasks[k];
            const size_t spaces = deployment->graph->subtopologies[task->subtopology].store_count;
            for (uint32_t space = 0; space < spaces; space++)
                RIACHO_TRY(checksum_space(task->store, task->name, space, ret_checksum, err));
        }
    }
    return RIACHO_OK;
}
