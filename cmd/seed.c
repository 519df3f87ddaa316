/* SPDX-License-Identifier: MIT
 *
 * seed.c - see seed.h. All records go in with one append, so a crash leaves all of them or none.
 */
#include "seed.h"

#include <string.h>

#include "base/macros.h"
#include "lines.h"
#include "runtime/records.h"

/* Whether no partition of the topic ever held a record. */
static riacho_status never_used(riacho_log *log, const char *topic, riacho_arena *arena,
                                bool *ret_never, riacho_error *err)
{
    riacho_topic_spec spec;
    *ret_never = true;
    RIACHO_TRY(log->ops->topic_describe(log, topic, arena, &spec, err));
    for (int32_t i = 0; i < spec.partitions; i++) {
        int64_t first, next;
        RIACHO_TRY(log->ops->bounds(log, topic, i, &first, &next, err));
        *ret_never = *ret_never && next == 0;
    }
    return RIACHO_OK;
}

/* Leaves out what goes to topics that were used; in place. */
static riacho_status keep_new(riacho_log *log, riacho_arena *arena, riacho_log_append *records,
                              size_t *count, riacho_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool never;
        RIACHO_TRY(never_used(log, records[i].topic, arena, &never, err));
        if (never)
            records[kept++] = records[i];
    }
    *count = kept;
    return RIACHO_OK;
}

/* A seed that is being read. */
struct seed {
    riacho_log *log;
    riacho_topic_types types;
    riacho_lines *lines;
    riacho_arena *arena;
    riacho_log_append records[RIACHO_SEED_RECORDS_MAX];
    size_t count;
};

/* `${now}` stands for the present, in ms: what is there on the first run was made at the first run.
 */
static riacho_bytes fill_in_now(riacho_arena *arena, riacho_bytes line, int64_t now_ms)
{
    static const char word[] = "${now}";
    const char *at = memmem(line.data, line.size, word, strlen(word));
    if (!at)
        return line;
    const size_t before = (size_t)(at - (const char *)line.data);
    const size_t behind = line.size - before - strlen(word);
    const char *filled = riacho_format(arena, "%.*s%lld%.*s", (int)before, (const char *)line.data,
                                       (long long)now_ms, (int)behind, at + strlen(word));
    return fill_in_now(arena, riacho_text(filled), now_ms);
}

static riacho_status read_batch(struct seed *seed, const riacho_lines_batch *batch,
                                riacho_error *err)
{
    riacho_log_append *records;
    riacho_json_issues issues;
    const int64_t now_ms = riacho_clock_system()->now_ms(riacho_clock_system());
    riacho_bytes *filled = riacho_alloc(seed->arena, batch->count * sizeof *filled);
    for (size_t i = 0; i < batch->count; i++)
        filled[i] = fill_in_now(seed->arena, batch->texts[i], now_ms);
    const riacho_records_batch texts = {.items = filled, .count = batch->count, .now_ms = now_ms};
    if (seed->count + batch->count > RIACHO_SEED_RECORDS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%s holds more than %d records",
                           riacho_lines_name(seed->lines), (int)RIACHO_SEED_RECORDS_MAX);
    const riacho_status status =
        riacho_records_encode(seed->log, &seed->types, &texts, seed->arena, &records, &issues, err);
    if (issues.count)
        return riacho_fail(err, RIACHO_REJECT, "%s",
                           riacho_lines_explain(seed->lines, batch, &issues.items[0], seed->arena));
    RIACHO_TRY(status);
    memcpy(seed->records + seed->count, records, batch->count * sizeof *records);
    seed->count += batch->count;
    return RIACHO_OK;
}

static riacho_status read_all(struct seed *seed, riacho_error *err)
{
    riacho_lines_batch batch;
    for (;;) {
        RIACHO_TRY(riacho_lines_next(seed->lines, &batch, err));
        if (!batch.count)
            return keep_new(seed->log, seed->arena, seed->records, &seed->count, err);
        RIACHO_TRY(read_batch(seed, &batch, err));
    }
}

riacho_status riacho_seed(const char *path, riacho_log *log, const riacho_project *project,
                          riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(lines) riacho_lines *lines = NULL;
    struct seed *seed = riacho_alloc_zero(arena, 1, sizeof *seed);
    RIACHO_TRY(riacho_lines_open(path, &lines, err));
    seed->log = log;
    seed->types = (riacho_topic_types){.graphs = (const riacho_graph *const *)project->graphs,
                                       .graph_count = project->graph_count,
                                       .schemas = project->schemas};
    seed->lines = lines;
    seed->arena = arena;
    RIACHO_TRY(read_all(seed, err));
    riacho_position *positions = riacho_alloc_zero(arena, seed->count + 1, sizeof *positions);
    return seed->count ? log->ops->append(log, seed->records, seed->count, positions, err)
                       : RIACHO_OK;
}
