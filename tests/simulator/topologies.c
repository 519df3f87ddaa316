/* SPDX-License-Identifier: MIT
 *
 * topologies.c - see topologies.h.
 */
#include "topologies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "riacho/store.h"

/* ---- the function ---------------------------------------------------------------------------- */

static int64_t held_long(const void *held)
{
    return held ? *(const int64_t *)held : 0;
}

/* ret_count: with this record; of the record. */
static riacho_status count_one(riacho_ctx *ctx, const riacho_record *record, int64_t **ret_count)
{
    riacho_keyvalue *counts = riacho_keyvalue_of(ctx, "counts");
    riacho_keyvalue *sums = riacho_keyvalue_of(ctx, "sums");
    int64_t *numbers = riacho_alloc(riacho_ctx_arena(ctx), 2 * sizeof *numbers);
    const void *held;
    RIACHO_TRY(riacho_keyvalue_get(counts, record->key, &held));
    numbers[0] = held_long(held) + 1;
    RIACHO_TRY(riacho_keyvalue_put(counts, record->key, &numbers[0]));
    RIACHO_TRY(riacho_keyvalue_get(sums, record->key, &held));
    numbers[1] = held_long(held) + *(const int64_t *)record->value;
    *ret_count = numbers;
    return riacho_keyvalue_put(sums, record->key, &numbers[1]);
}

static riacho_status forward_count(riacho_ctx *ctx, const riacho_record *record, int64_t *count)
{
    riacho_record forwarded = *record;
    forwarded.value = count;
    return riacho_forward(ctx, &forwarded);
}

static riacho_status count_each(riacho_ctx *ctx, const riacho_record *record)
{
    int64_t *count;
    RIACHO_TRY(count_one(ctx, record, &count));
    RIACHO_TRY(
        riacho_ttl_put(riacho_ttl_of(ctx, "recent"), record->key, count, record->timestamp_ms));
    return forward_count(ctx, record, count);
}

/* Without the store whose things lie under several keys: it would ask for transactions. */
static riacho_status count_plainly(riacho_ctx *ctx, const riacho_record *record)
{
    int64_t *count;
    RIACHO_TRY(count_one(ctx, record, &count));
    return forward_count(ctx, record, count);
}

static const riacho_function count_function = {.name = "tally",
                                               .kind = RIACHO_FUNCTION_PROCESS,
                                               .key = &riacho_string_struct,
                                               .value = &riacho_long_struct,
                                               .result = &riacho_long_struct,
                                               .each = count_each};
static const riacho_function plain_function = {.name = "tallyPlainly",
                                               .kind = RIACHO_FUNCTION_PROCESS,
                                               .key = &riacho_string_struct,
                                               .value = &riacho_long_struct,
                                               .result = &riacho_long_struct,
                                               .each = count_plainly};

static const riacho_function *find(const riacho_functions *from, const char *library,
                                   const char *name)
{
    (void)from;
    if (strcmp(library, "sim") != 0)
        return NULL;
    if (strcmp(name, "tallyPlainly") == 0)
        return &plain_function;
    return strcmp(name, "tally") == 0 ? &count_function : NULL;
}

static const riacho_functions functions = {.find = find};

/* ---- the topology in words ------------------------------------------------------------------- */

static const char *const libraries[] = {"sim"};
static const char *const merged[] = {"in2"};
static const char *const count_stores[] = {"counts", "sums", "recent"};
static const riacho_store_words stores[] = {
    {.name = "counts",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "long"},
    {.name = "sums",
     .type = RIACHO_STORE_WORD_KEYVALUE,
     .key_type = "string",
     .value_type = "long"},
    {.name = "recent",
     .type = RIACHO_STORE_WORD_TTL,
     .key_type = "string",
     .value_type = "long",
     .ttl_ms = SIM_TTL_MS},
};
static const riacho_function_spec function_words[] = {
    {.name = "tally",
     .use = "sim/tally",
     .kind = RIACHO_FUNCTION_PROCESS,
     .stores = count_stores,
     .stores_count = 3,
     .keeps_key = RIACHO_YES},
};
static const riacho_function_spec plain_words[] = {
    {.name = "tally",
     .use = "sim/tallyPlainly",
     .kind = RIACHO_FUNCTION_PROCESS,
     .stores = count_stores,
     .stores_count = 2,
     .keeps_key = RIACHO_YES},
};
static const riacho_step count_steps[] = {
    {.id = "merged", .merge = merged, .merge_count = 1},
    {.id = "count", .process = "tally"},
};
static const riacho_step group_steps[] = {
    {.id = "merged-again", .merge = merged, .merge_count = 1},
    {.id = "group", .group_by = "\"g\" + string(value % 3)"},
    {.id = "total",
     .aggregate = {.text = "count"},
     .store = {.name = "totals", .caching = RIACHO_NO}},
    {.id = "changes", .to_stream = RIACHO_YES},
};

static void build(sim_topology *topology, const riacho_topology *words)
{
    riacho_issues issues = {0};
    if (riacho_graph_build(words, topology->schemas, &functions, topology->arena, &topology->graph,
                           &issues) == RIACHO_OK)
        return;
    for (size_t i = 0; i < issues.count; i++)
        fprintf(stderr, "the simulated topology: %s\n", issues.items[i].text);
    abort();
}

void sim_topology_init(sim_topology *topology, sim_shape shape, uint32_t partitions,
                       riacho_guarantee guarantee)
{
    const size_t skipped = shape == SIM_MERGE ? 0 : 1; /* the step that merges */
    const bool is_plain = guarantee == RIACHO_GUARANTEE_AT_LEAST_ONCE;
    const riacho_stream streams[] = {
        {.name = "in",
         .topic = "in",
         .key_type = "string",
         .value_type = "long",
         .partitions = partitions},
        {.name = "out",
         .topic = "out",
         .key_type = "string",
         .value_type = "long",
         .partitions = 2},
        {.name = "totals",
         .topic = "totals",
         .key_type = "string",
         .value_type = "long",
         .partitions = 1},
        {.name = "in2",
         .topic = "in2",
         .key_type = "string",
         .value_type = "long",
         .partitions = partitions},
    };
    const riacho_pipeline pipelines[] = {
        {.name = "counts",
         .from = "in",
         .via = count_steps + skipped,
         .via_count = sizeof count_steps / sizeof *count_steps - skipped,
         .to = {.topic = "out"}},
        {.name = "groups",
         .from = "in",
         .via = group_steps + skipped,
         .via_count = sizeof group_steps / sizeof *group_steps - skipped,
         .to = {.topic = "totals"}},
    };
    const riacho_topology words = {
        .name = "sim",
        .guarantee = guarantee,
        .commit_interval_ms = 30,
        .libraries = libraries,
        .libraries_count = 1,
        .streams = streams,
        .streams_count = shape == SIM_MERGE ? 4
                         : shape == SIM_HOP ? 3
                                            : 2,
        .stores = stores,
        .stores_count = is_plain ? 2 : sizeof stores / sizeof *stores,
        .functions = is_plain ? plain_words : function_words,
        .functions_count = 1,
        .pipelines = pipelines,
        .pipelines_count = shape == SIM_COUNT ? 1 : 2,
    };
    *topology = (sim_topology){.shape = shape, .arena = riacho_arena_new()};
    riacho_error err;
    if (riacho_schemas_open(&(riacho_schemas_options){0}, &topology->schemas, &err) != RIACHO_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    build(topology, &words);
}

void sim_topology_done(sim_topology *topology)
{
    riacho_graph_free(topology->graph);
    riacho_schemas_close(topology->schemas);
    riacho_arena_free(topology->arena);
}
