/* SPDX-License-Identifier: MIT
 *
 * topic.c - `topic ls|create|produce|consume`: topics of a running worker, or of a folder at rest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "columns.h"
#include "consume.h"
#include "lines.h"

static const char *retention_text(riacho_arena *arena, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t at = 0;
    if (!ms)
        return "for ever";
    while (ms % units[at].ms)
        at++;
    return riacho_format(arena, "%" PRId64 "%s", ms / units[at].ms, units[at].unit);
}

static int64_t count_held(const riacho_topic_status *topic)
{
    int64_t held = 0;
    for (int32_t i = 0; i < topic->partitions; i++)
        held += topic->next_offsets[i] - topic->first_offsets[i];
    return held;
}

static void print_topics(const riacho_topic_status *topics, size_t count)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(columns) riacho_columns columns = {.columns = 5};
    static const char *const head[] = {"TOPIC", "PARTITIONS", "RECORDS", "CLEANUP", "KEPT"};
    for (size_t i = 0; i < 5; i++)
        riacho_columns_add(&columns, "%s", head[i]);
    for (size_t i = 0; i < count; i++) {
        riacho_columns_add(&columns, "%s", topics[i].topic);
        riacho_columns_add(&columns, "%" PRId32, topics[i].partitions);
        riacho_columns_add(&columns, "%" PRId64, count_held(&topics[i]));
        riacho_columns_add(&columns, "%s", topics[i].cleanup);
        riacho_columns_add(&columns, "%s", retention_text(arena, topics[i].retention_ms));
    }
    riacho_columns_print(&columns);
}

/* A line for each, with the members that REST has. */
static void print_topics_json(const riacho_topic_status *topics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("{\"topic\":\"%s\",\"cleanup\":\"%s\",\"retentionMs\":%" PRId64 ",\"partitions\":[",
               topics[i].topic, topics[i].cleanup, topics[i].retention_ms);
        for (int32_t k = 0; k < topics[i].partitions; k++)
            printf("%s{\"partition\":%" PRId32 ",\"first\":%" PRId64 ",\"next\":%" PRId64 "}",
                   k ? "," : "", k, topics[i].first_offsets[k], topics[i].next_offsets[k]);
        puts("]}");
    }
}

int riacho_verb_topic_ls(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    int exit_code;
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    riacho_topic_status *topics;
    size_t count;
    riacho_error err;
    if (!desk)
        return exit_code;
    if (desk->ops->topics(desk, arena, &topics, &count, &err) != RIACHO_OK)
        return riacho_complain(line, desk->exit_code, "%s", err.text);
    if (riacho_flag_given(line, "json"))
        print_topics_json(topics, count);
    else
        print_topics(topics, count);
    return RIACHO_EXIT_OK;
}

static riacho_status read_spec(const riacho_line *line, riacho_topic_spec *ret_spec,
                               riacho_error *err)
{
    int64_t partitions;
    const char *retention = riacho_flag_value(line, "retention");
    riacho_error why;
    *ret_spec = (riacho_topic_spec){
        .name = line->words[0],
        .cleanup =
            riacho_flag_given(line, "compact") ? RIACHO_CLEANUP_COMPACT : RIACHO_CLEANUP_DELETE,
    };
    RIACHO_TRY(riacho_flag_number(line, "partitions", 1, RIACHO_PARTITIONS_MAX, &partitions, err));
    if (!partitions)
        return riacho_fail(err, RIACHO_REJECT, "--partitions: at least 1");
    ret_spec->partitions = (int32_t)partitions;
    if (retention &&
        riacho_duration_parse(riacho_text(retention), &ret_spec->retention_ms, &why) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT, "--retention: %s", why.text);
    return RIACHO_OK;
}

int riacho_verb_topic_create(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    int exit_code;
    riacho_topic_spec spec;
    riacho_error err;
    if (read_spec(line, &spec, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "%s", err.text);
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    if (!desk)
        return exit_code;
    if (desk->ops->create(desk, &spec, arena, &err) != RIACHO_OK)
        return riacho_complain(line, desk->exit_code, "%s", err.text);
    if (riacho_flag_given(line, "json"))
        printf("{\"topic\":\"%s\",\"partitions\":%" PRId32 "}\n", spec.name, spec.partitions);
    else
        fprintf(stderr, "topic %s has %" PRId32 " partition%s\n", spec.name, spec.partitions,
                spec.partitions == 1 ? "" : "s");
    return RIACHO_EXIT_OK;
}

/* Names every issue, and how far it came. */
static int complain_about_lines(const riacho_line *line, const riacho_lines *lines,
                                const riacho_lines_batch *batch, const riacho_json_issues *issues,
                                size_t appended)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    for (size_t i = 0; i < issues->count; i++)
        riacho_complain(line, 0, "%s",
                        riacho_lines_explain(lines, batch, &issues->items[i], arena));
    return riacho_complain(line, RIACHO_EXIT_DATA,
                           "nothing of this batch was appended; %zu records before it were",
                           appended);
}

static int produce_all(const riacho_line *line, riacho_desk *desk, riacho_lines *lines,
                       size_t *appended)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_lines_batch batch;
    riacho_error err;
    for (;;) {
        riacho_json_issues issues = {0};
        riacho_arena_reset(arena);
        if (riacho_lines_next(lines, &batch, &err) != RIACHO_OK)
            return riacho_complain(line, RIACHO_EXIT_DATA, "%s", err.text);
        if (!batch.count)
            return RIACHO_EXIT_OK;
        const riacho_records_batch records = {
            .topic = line->word_count ? line->words[0] : NULL,
            .items = batch.texts,
            .count = batch.count,
            .now_ms = riacho_clock_system()->now_ms(riacho_clock_system()),
        };
        if (desk->ops->append(desk, &records, arena, appended, &issues, &err) == RIACHO_OK)
            continue;
        if (issues.count)
            return complain_about_lines(line, lines, &batch, &issues, *appended);
        return riacho_complain(line, desk->exit_code, "%s (%zu records were appended before)",
                               err.text, *appended);
    }
}

int riacho_verb_topic_produce(const riacho_line *line)
{
    int exit_code;
    size_t appended = 0;
    riacho_error err;
    RIACHO_AUTO(lines) riacho_lines *lines = NULL;
    if (riacho_lines_open(riacho_flag_value(line, "file"), &lines, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_DATA, "%s", err.text);
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    if (!desk)
        return exit_code;
    exit_code = produce_all(line, desk, lines, &appended);
    if (exit_code == RIACHO_EXIT_OK && riacho_flag_given(line, "json"))
        printf("{\"count\":%zu}\n", appended);
    else if (exit_code == RIACHO_EXIT_OK)
        fprintf(stderr, "%zu record%s appended\n", appended, appended == 1 ? "" : "s");
    return exit_code;
}

int riacho_verb_topic_consume(const riacho_line *line)
{
    riacho_consumption consumption = {.topic = line->words[0]};
    int exit_code = riacho_consumption_read(line, &consumption);
    if (exit_code != RIACHO_EXIT_OK)
        return exit_code;
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    return desk ? riacho_consume(line, desk, &consumption) : exit_code;
}
