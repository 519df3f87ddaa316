/* SPDX-License-Identifier: MIT
 *
 * replay.c - interactions replayed from the embedded log into state, beside two floors in the same
 * run:
 *
 * - readAndFold reads the same chunks, decodes, folds into a hash table: nothing can be faster;
 * - andWrite does that and every 100 ms writes the keys that changed in one WriteBatch: what
 *   durable state costs at least;
 * - petAggregate is the engine with the pet aggregate of Tamaghost alone (pet.yaml), one thread;
 * - tamaghost is the engine with the whole topology.
 *
 * Each runs in a process of its own; the phases alternate --rounds times and the best of each is
 * printed with all ratios, because the machine is shared.
 *
 * Usage: replay [--events N] [--pets N] [--visitors N] [--skew X] [--rounds N] [--libraries DIR]
 *               [--only PHASE] [--topology FILE] [--folder DIR] [--memory MIB]
 * --only names phases, with commas between; --skew is the exponent of popularity (0: all alike);
 * --folder keeps the log for the next run; --memory is split as `riacho run --memory` does.
 */
#include <getopt.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/map.h"
#include "base/memory.h"
#include "cmd/dataset.h"
#include "cmd/memory.h"
#include "cmd/project.h"
#include "measure.h"
#include "riacho/backend/embedded_log.h"
#include "riacho/backend/stores.h"
#include "tamaghost.h"

enum { PARTITIONS = 4 };

typedef struct replay_plan {
    uint64_t events;
    uint32_t pets, visitors, rounds;
    double skew;
    uint64_t memory_mib;
    const char *libraries, *only, *topology;
    char folder[64];
} replay_plan;

typedef struct phase {
    const char *name;
    uint64_t (*work)(void *plan);
    riacho_measure best;
} phase;

static void fail(const char *what, const riacho_error *err)
{
    fprintf(stderr, "replay: %s: %s\n", what, err->text);
    exit(1);
}

static void must(riacho_status status, const char *what, const riacho_error *err)
{
    if (status != RIACHO_OK)
        fail(what, err);
}

/* `name`: "log", or "log-copy". */
static riacho_log *open_log(const replay_plan *plan, const char *name)
{
    char folder[96];
    riacho_log *log;
    riacho_error err;
    snprintf(folder, sizeof folder, "%s/%s", plan->folder, name);
    const riacho_embedded_log_options options = {
        .folder = folder, .memory_bytes = riacho_memory_split(plan->memory_mib << 20).log_bytes};
    must(riacho_embedded_log_open(&options, &log, &err), "log", &err);
    return log;
}

static void open_project(const replay_plan *plan, const char *file, riacho_project *ret_project)
{
    char ids[96];
    riacho_error err = {{0}};
    snprintf(ids, sizeof ids, "%s/schemas.jsonl", plan->folder);
    const riacho_project_options options = {.files = &file,
                                            .file_count = 1,
                                            .schemas = RIACHO_SOURCE_DIR "/schemas",
                                            .libraries = plan->libraries,
                                            .ids_file = ids};
    if (riacho_project_open(&options, ret_project, &err) != RIACHO_OK) {
        fwrite(ret_project->report.data, 1, ret_project->report.size, stderr);
        fail(file, &err);
    }
}

/* Fills the log once; every phase reads the same records. */
static uint64_t prepare(void *plan_arg)
{
    const replay_plan *plan = plan_arg;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    enum { BATCH = 2000 };
    static riacho_log_append batch[BATCH];
    static riacho_position positions[BATCH];
    riacho_project project;
    riacho_dataset *dataset;
    riacho_error err;
    riacho_log *log = open_log(plan, "log");
    open_project(plan, RIACHO_SOURCE_DIR "/topology/apps/tamaghost.yaml", &project);
    static const char *const topics[] = {"births", "interactions", "comments"};
    for (size_t i = 0; i < 3; i++)
        must(log->ops->topic_ensure(
                 log, &(riacho_topic_spec){.name = topics[i], .partitions = PARTITIONS}, &err),
             "topic", &err);
    const riacho_dataset_options options = {.seed = 1,
                                            .pets = plan->pets,
                                            .visitors = plan->visitors,
                                            .skew = plan->skew,
                                            .comments_per_mille = 10};
    must(riacho_dataset_open(&options, project.schemas, &dataset, &err), "dataset", &err);
    size_t filled = 0;
    for (uint64_t i = 0; i < plan->pets + plan->events; i++) {
        must(i < plan->pets
                 ? riacho_dataset_birth(dataset, (uint32_t)i, arena, &batch[filled], &err)
                 : riacho_dataset_next(dataset, arena, &batch[filled], &err),
             "record", &err);
        if (++filled < BATCH && i + 1 < plan->pets + plan->events)
            continue;
        must(log->ops->append(log, batch, filled, positions, &err), "append", &err);
        filled = 0;
        riacho_arena_reset(arena);
    }
    riacho_dataset_close(dataset);
    riacho_project_close(&project);
    log->ops->close(log);
    return plan->events;
}

/* What the floors keep of a pet. */
typedef struct tally {
    int64_t acts[5];
    int64_t updated_ms;
    bool dirty;
    riacho_bytes key;
} tally;

typedef struct floor_state {
    riacho_map tallies;
    riacho_arena *keys;
    tally **dirty;
    size_t dirty_count;
    rocksdb_t *db; /* NULL: nothing is written */
    rocksdb_writeoptions_t *write_options;
    int64_t written_ns;
} floor_state;

static void write_dirty(floor_state *state)
{
    char *error = NULL;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (size_t i = 0; i < state->dirty_count; i++) {
        tally *changed = state->dirty[i];
        rocksdb_writebatch_put(batch, changed->key.data, changed->key.size,
                               (const char *)changed->acts, sizeof changed->acts);
        changed->dirty = false;
    }
    state->dirty_count = 0;
    rocksdb_write(state->db, state->write_options, batch, &error);
    rocksdb_writebatch_destroy(batch);
    if (error) {
        fprintf(stderr, "replay: %s\n", error);
        exit(1);
    }
}

static void fold(floor_state *state, const struct interaction *act)
{
    riacho_map_entry *entry = riacho_map_put(&state->tallies, act->pet);
    if (!entry->value) {
        entry->key = riacho_copy(state->keys, act->pet);
        tally *made = riacho_alloc_zero(state->keys, 1, sizeof *made);
        made->key = entry->key;
        entry->value = made;
    }
    tally *pet = entry->value;
    pet->acts[act->action]++;
    pet->updated_ms = act->at_ms;
    if (state->db && !pet->dirty) {
        pet->dirty = true;
        state->dirty[state->dirty_count++] = pet;
    }
}

static uint64_t fold_batch(floor_state *state, const riacho_log_batch *batch,
                           const riacho_codec *codec, riacho_arena *arena)
{
    riacho_error err;
    struct interaction act;
    for (size_t i = 0; i < batch->count; i++) {
        must(riacho_decode(codec, batch->records[i].value, arena, &act, &err), "decode", &err);
        fold(state, &act);
    }
    riacho_arena_reset(arena);
    return batch->count;
}

static uint64_t run_floor(const replay_plan *plan, floor_state *state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_clock *clock = riacho_clock_system();
    riacho_project project;
    const riacho_codec *codec;
    riacho_error err;
    riacho_log_reader *reader;
    riacho_log *log = open_log(plan, "log");
    uint64_t done = 0, total = 0;
    open_project(plan, RIACHO_SOURCE_DIR "/bench/pet.yaml", &project);
    must(riacho_schemas_codec(project.schemas, "avro:Interaction", &codec, &err), "codec", &err);
    must(log->ops->reader_open(log, &reader, &err), "reader", &err);
    riacho_log_assignment from[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++) {
        int64_t first, next;
        must(log->ops->bounds(log, "interactions", i, &first, &next, &err), "bounds", &err);
        total += (uint64_t)next;
        from[i] = (riacho_log_assignment){"interactions", i, 0, (uint32_t)i};
    }
    must(log->ops->assign(reader, from, PARTITIONS, &err), "assign", &err);
    state->keys = riacho_arena_new();
    state->dirty = riacho_memory_get(plan->pets * sizeof *state->dirty);
    state->written_ns = clock->monotonic_ns(clock);
    while (done < total) {
        riacho_log_batch *batch;
        must(log->ops->poll(reader, 1000, &batch, &err), "poll", &err);
        if (!batch)
            continue;
        done += fold_batch(state, batch, codec, arena);
        log->ops->batch_free(batch);
        if (state->db && clock->monotonic_ns(clock) - state->written_ns > 100000000) {
            write_dirty(state);
            state->written_ns = clock->monotonic_ns(clock);
        }
    }
    if (state->db)
        write_dirty(state);
    return done;
}

static uint64_t read_and_fold(void *plan_arg)
{
    floor_state state = {0};
    return run_floor(plan_arg, &state);
}

static uint64_t and_write(void *plan_arg)
{
    const replay_plan *plan = plan_arg;
    char folder[96];
    char *error = NULL;
    floor_state state = {.write_options = rocksdb_writeoptions_create()};
    rocksdb_options_t *options = rocksdb_options_create();
    snprintf(folder, sizeof folder, "%s/floor-%d", plan->folder, (int)getpid());
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    state.db = rocksdb_open(options, folder, &error);
    if (error) {
        fprintf(stderr, "replay: %s\n", error);
        return 0;
    }
    const uint64_t done = run_floor(plan, &state);
    rocksdb_close(state.db);
    return done;
}

/* Runs a topology over the whole log and returns how many interactions and comments it read. */
static uint64_t run_engine(const replay_plan *plan, const char *file)
{
    char folder[96];
    riacho_error err;
    riacho_project project;
    riacho_store_factory *stores;
    riacho_worker *worker;
    riacho_log *log = open_log(plan, "log-copy");
    open_project(plan, file, &project);
    snprintf(folder, sizeof folder, "%s/state-%d", plan->folder, (int)getpid());
    const riacho_memory_shares shares = riacho_memory_split(plan->memory_mib << 20);
    const riacho_rocksdb_stores_options state = {
        .folder = folder, .memory_bytes = shares.stores_bytes, .task_count_hint = 8};
    must(riacho_rocksdb_stores_open(&state, &stores, &err), "stores", &err);
    const riacho_worker_options options = {.log = log,
                                           .stores = stores,
                                           .schemas = project.schemas,
                                           .threads = 1,
                                           .overlay_bytes = shares.overlay_bytes,
                                           .cache_bytes = shares.cache_bytes};
    must(riacho_worker_open(&options, &worker, &err), "worker", &err);
    must(riacho_worker_add(worker, project.graphs[0], &err), "topology", &err);
    must(riacho_worker_start(worker, &err), "start", &err);
    riacho_status status;
    while ((status = riacho_worker_drain(worker, 1000, &err)) == RIACHO_RETRY)
        must(riacho_worker_status(worker, &err), "worker", &err);
    must(status, "drain", &err);
    must(riacho_worker_stop(worker, &err), "stop", &err);
    return plan->events;
}

static uint64_t pet_aggregate(void *plan_arg)
{
    return run_engine(plan_arg, RIACHO_SOURCE_DIR "/bench/pet.yaml");
}

static uint64_t tamaghost(void *plan_arg)
{
    const replay_plan *plan = plan_arg;
    return run_engine(plan, plan->topology);
}

static void print(const replay_plan *plan, const phase *phases, size_t count)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out,
                         "{\"benchmark\":\"replay\",\"events\":%" PRIu64
                         ",\"pets\":%u,\"rounds\":%u,\"memoryMiB\":%" PRIu64,
                         plan->events, plan->pets, plan->rounds, plan->memory_mib);
    for (size_t i = 0; i < count; i++) {
        if (!phases[i].best.events)
            continue;
        riacho_buffer_printf(&out, ",");
        riacho_measure_print(phases[i].name, &phases[i].best, &out);
    }
    if (phases[1].best.events && phases[2].best.events)
        riacho_buffer_printf(
            &out,
            ",\"ratios\":{\"petAggregateOfAndWrite\":%.3f,\"cpuPetAggregateOfAndWrite\":%.3f}",
            phases[1].best.seconds / phases[2].best.seconds,
            phases[2].best.cpu_seconds / phases[1].best.cpu_seconds);
    riacho_buffer_printf(&out, "}\n");
    fwrite(out.data, 1, out.size, stdout);
}

/* The engine writes to the log (repartition topics, its commits), so each phase gets a fresh copy,
 * and nothing is left of the phase before. */
static void renew(const replay_plan *plan)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd '%s' && rm -rf log-copy state-* floor-* && cp -r log log-copy && sync",
             plan->folder);
    if (system(command) != 0)
        exit(1);
}

static void run_phases(replay_plan *plan, phase *phases, size_t count)
{
    for (uint32_t round = 0; round < plan->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            riacho_measure measure;
            if (plan->only && !strstr(plan->only, phases[i].name))
                continue;
            renew(plan);
            if (riacho_measure_run(phases[i].work, plan, &measure) != RIACHO_OK) {
                fprintf(stderr, "replay: phase %s failed\n", phases[i].name);
                exit(1);
            }
            if (!phases[i].best.events || measure.seconds < phases[i].best.seconds)
                phases[i].best = measure;
        }
    }
}

/* false: a flag that is none. */
static bool read_flags(int argc, char **argv, replay_plan *plan, const char **ret_kept)
{
    static const struct option flags[] = {
        {"events", required_argument, NULL, 'e'},
        {"pets", required_argument, NULL, 'p'},
        {"visitors", required_argument, NULL, 'v'},
        {"rounds", required_argument, NULL, 'r'},
        {"libraries", required_argument, NULL, 'l'},
        {"only", required_argument, NULL, 'o'},
        {"folder", required_argument, NULL, 'f'},
        {"topology", required_argument, NULL, 't'},
        {"skew", required_argument, NULL, 's'},
        {"memory", required_argument, NULL, 'm'},
        {0},
    };
    for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (flag) {
        case 'e':
            plan->events = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            plan->pets = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'v':
            plan->visitors = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            plan->rounds = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'l':
            plan->libraries = optarg;
            break;
        case 'o':
            plan->only = optarg;
            break;
        case 's':
            plan->skew = strtod(optarg, NULL);
            break;
        case 'm':
            plan->memory_mib = strtoull(optarg, NULL, 10);
            break;
        case 't':
            plan->topology = optarg;
            break;
        case 'f':
            *ret_kept = optarg; /* filled by the first run, read by the next */
            break;
        default:
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    replay_plan plan = {.events = 5000000,
                        .pets = 100000,
                        .rounds = 2,
                        .memory_mib = 128,
                        .libraries = RIACHO_BINARY_DIR "/libraries",
                        .topology = RIACHO_SOURCE_DIR "/topology/apps/tamaghost.yaml",
                        .folder = "/tmp/riacho-replay-XXXXXX"};
    const char *kept = NULL;
    if (!read_flags(argc, argv, &plan, &kept))
        return 2;
    phase phases[] = {{.name = "readAndFold", .work = read_and_fold},
                      {.name = "andWrite", .work = and_write},
                      {.name = "petAggregate", .work = pet_aggregate},
                      {.name = "tamaghost", .work = tamaghost}};
    riacho_measure prepared;
    char log[96];
    if (kept)
        snprintf(plan.folder, sizeof plan.folder, "%s", kept);
    else if (!mkdtemp(plan.folder))
        return 1;
    snprintf(log, sizeof log, "%s/log", plan.folder);
    if (access(log, F_OK) != 0 && riacho_measure_run(prepare, &plan, &prepared) != RIACHO_OK)
        return 1;
    run_phases(&plan, phases, sizeof phases / sizeof *phases);
    print(&plan, phases, sizeof phases / sizeof *phases);
    if (!kept) {
        char command[128];
        snprintf(command, sizeof command, "rm -rf '%s'", plan.folder);
        return system(command) == 0 ? 0 : 1;
    }
    return 0;
}
