/* SPDX-License-Identifier: MIT
 *
 * generate.c - `generate DATASET`: the same records for the same seed, as JSON lines, or straight
 * into the log of a data folder.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "dataset.h"
#include "registry.h"
#include "riacho/backend/embedded_log.h"
#include "riacho/record.h"

enum { BATCH_RECORDS = 1000 };

typedef struct generation {
    const riacho_line *line;
    int64_t count, rate, seed, pets, visitors, comments;
    riacho_project project;
    riacho_dataset *dataset;
    riacho_log *log; /* NULL: to stdout */
    riacho_arena *arena;
    riacho_log_append batch[BATCH_RECORDS];
    size_t batched;
} generation;

static riacho_status number_flag(const riacho_line *line, const char *flag, int64_t fallback,
                                 int64_t max, int64_t *ret_number, riacho_error *err)
{
    riacho_error why;
    const char *text = riacho_flag_value(line, flag);
    *ret_number = fallback;
    if (!text || riacho_int_parse(riacho_text(text), 0, max, ret_number, &why) == RIACHO_OK)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT, "--%s: %s", flag, why.text);
}

static riacho_status read_flags(generation *run, riacho_error *err)
{
    RIACHO_TRY(number_flag(run->line, "count", 1000, INT64_MAX / 2, &run->count, err));
    RIACHO_TRY(number_flag(run->line, "rate", 0, 10000000, &run->rate, err));
    RIACHO_TRY(number_flag(run->line, "seed", 1, INT64_MAX, &run->seed, err));
    RIACHO_TRY(number_flag(run->line, "pets", 1000, 100000000, &run->pets, err));
    RIACHO_TRY(number_flag(run->line, "visitors", 0, 100000000, &run->visitors, err));
    return number_flag(run->line, "comments", 20, 1000, &run->comments, err);
}

static riacho_status ensure_topics(riacho_log *log, riacho_error *err)
{
    static const char *const names[] = {"births", "interactions", "comments"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        riacho_topic_spec spec = {.name = names[i], .partitions = 4};
        if (log->ops->topic_describe(log, names[i], arena, &spec, NULL) != RIACHO_OK)
            RIACHO_TRY(log->ops->topic_ensure(log, &spec, err));
    }
    return RIACHO_OK;
}

static riacho_status open_all(generation *run, riacho_error *err)
{
    const char *data = riacho_flag_value(run->line, "data"),
               *schemas = riacho_flag_value(run->line, "schemas");
    const riacho_project_options project = {
        .schemas = schemas ? schemas : "schemas",
        .ids_file = data ? riacho_own_ids_file(data, run->arena) : NULL,
    };
    const riacho_dataset_options dataset = {
        .seed = (uint64_t)run->seed,
        .pets = (uint32_t)run->pets,
        .visitors = (uint32_t)run->visitors,
        .skew = 0.8,
        .comments_per_mille = (uint32_t)run->comments,
    };
    if (data && riacho_ids_of_registry(data))
        return riacho_fail(
            err, RIACHO_REJECT,
            "what is in '%s' has the schema ids of a registry: pipe the records into "
            "`topic produce` instead",
            data);
    RIACHO_TRY(riacho_project_prepare(&project, &run->project, err));
    RIACHO_TRY(riacho_dataset_open(&dataset, run->project.schemas, &run->dataset, err));
    if (!data)
        return RIACHO_OK;
    const riacho_embedded_log_options log = {.folder = riacho_format(run->arena, "%s/log", data)};
    RIACHO_TRY(riacho_embedded_log_open(&log, &run->log, err));
    return ensure_topics(run->log, err);
}

static riacho_status codecs_for(generation *run, const char *topic, riacho_topic_codecs *ret_codecs,
                                riacho_error *err)
{
    const char *word = strcmp(topic, "births") == 0     ? "avro:Birth"
                       : strcmp(topic, "comments") == 0 ? "avro:Comment"
                                                        : "avro:Interaction";
    RIACHO_TRY(riacho_schemas_codec(run->project.schemas, "string", &ret_codecs->key, err));
    return riacho_schemas_codec(run->project.schemas, word, &ret_codecs->value, err);
}

/* As `topic produce` reads it: without partition and offset. */
static riacho_status print_batch(generation *run, riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    for (size_t i = 0; i < run->batched; i++) {
        const riacho_log_append *append = &run->batch[i];
        riacho_topic_codecs codecs;
        RIACHO_TRY(codecs_for(run, append->topic, &codecs, err));
        void *value = riacho_alloc_zero(run->arena, 1, codecs.value->type->size);
        RIACHO_TRY(riacho_decode(codecs.value, append->record.value, run->arena, value, err));
        riacho_buffer_printf(&out,
                             "{\"topic\":\"%s\",\"timestamp\":%" PRId64 ",\"key\":", append->topic,
                             append->record.timestamp_ms);
        riacho_json_quote(append->record.key, &out);
        riacho_buffer_printf(&out, ",\"value\":");
        riacho_json_write(codecs.value->type, value, &out);
        riacho_buffer_printf(&out, "}\n");
    }
    if (fwrite(out.data, 1, out.size, stdout) != out.size)
        return riacho_fail(err, RIACHO_FATAL, "stdout was closed");
    return RIACHO_OK;
}

static riacho_status flush_batch(generation *run, riacho_error *err)
{
    riacho_position positions[BATCH_RECORDS];
    riacho_status status = RIACHO_OK;
    if (run->batched)
        status = run->log
                     ? run->log->ops->append(run->log, run->batch, run->batched, positions, err)
                     : print_batch(run, err);
    run->batched = 0;
    riacho_arena_reset(run->arena);
    return status;
}

/* Waits until record `done` is due. */
static void keep_rate(const generation *run, int64_t started_ns, int64_t done)
{
    riacho_clock *clock = riacho_clock_system();
    const int64_t due_ns = started_ns + (int64_t)((double)done * 1e9 / (double)run->rate);
    const int64_t wait_ns = due_ns - clock->monotonic_ns(clock);
    if (wait_ns > 0)
        nanosleep(&(struct timespec){wait_ns / 1000000000, wait_ns % 1000000000}, NULL);
}

static riacho_status generate(generation *run, riacho_error *err)
{
    riacho_clock *clock = riacho_clock_system();
    const int64_t started_ns = clock->monotonic_ns(clock);
    const size_t at_once =
        run->rate && run->rate < 10 * BATCH_RECORDS ? (size_t)(run->rate / 10 + 1) : BATCH_RECORDS;
    for (int64_t i = -run->pets; i < run->count; i++) {
        riacho_log_append *append = &run->batch[run->batched++];
        if (i < 0)
            RIACHO_TRY(riacho_dataset_birth(run->dataset, (uint32_t)(i + run->pets), run->arena,
                                            append, err));
        else
            RIACHO_TRY(riacho_dataset_next(run->dataset, run->arena, append, err));
        if (run->batched < at_once)
            continue;
        RIACHO_TRY(flush_batch(run, err));
        if (run->rate && i > 0)
            keep_rate(run, started_ns, i);
    }
    return flush_batch(run, err);
}

/* What is refused before there is a dataset are the schemas; later, it is the log. */
static int exit_of(const generation *run, riacho_status status)
{
    if (status != RIACHO_REJECT)
        return RIACHO_EXIT_FAILED;
    return run->dataset ? RIACHO_EXIT_UNAVAILABLE : RIACHO_EXIT_DATA;
}

int riacho_verb_generate(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(arena) riacho_arena *names = riacho_arena_new();
    generation run = {.line = line, .arena = names};
    riacho_error err = {{0}};
    if (strcmp(line->words[0], "tamaghost") != 0)
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "there is no dataset '%s'; there is: tamaghost", line->words[0]);
    if (read_flags(&run, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "%s", err.text);
    riacho_status status = open_all(&run, &err);
    run.arena = arena;
    if (status == RIACHO_OK)
        status = generate(&run, &err);
    riacho_dataset_close(run.dataset);
    if (run.log)
        run.log->ops->close(run.log);
    if (run.project.arena)
        riacho_project_close(&run.project);
    if (status == RIACHO_OK)
        return RIACHO_EXIT_OK;
    return riacho_complain(line, exit_of(&run, status), "%s", err.text);
}
