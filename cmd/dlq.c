/* SPDX-License-Identifier: MIT
 *
 * dlq.c - `dlq ls|show`: what was refused, why, and the records themselves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "columns.h"
#include "consume.h"

static const char *time_text(riacho_arena *arena, int64_t ms)
{
    struct tm parts;
    const time_t seconds = (time_t)(ms / 1000);
    char text[40];
    if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
        return riacho_format(arena, "%" PRId64, ms);
    return riacho_format(arena, "%s", text);
}

static const char *position_text(riacho_arena *arena, const riacho_position *position)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_position_print(position, &text);
    return riacho_copy(arena, riacho_buffer_bytes(&text)).data;
}

static void print_groups(const riacho_dead_letters *letters)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(columns) riacho_columns columns = {.columns = 7};
    static const char *const head[] = {"COUNT", "TOPOLOGY", "FROM",  "STEP",
                                       "KIND",  "NEWEST",   "REASON"};
    if (!letters->group_count) {
        puts("no dead letters");
        return;
    }
    for (size_t i = 0; i < 7; i++)
        riacho_columns_add(&columns, "%s", head[i]);
    for (size_t i = 0; i < letters->group_count; i++) {
        const riacho_dead_letter_group *group = &letters->groups[i];
        riacho_columns_add(&columns, "%" PRIu64, group->count);
        riacho_columns_add(&columns, "%s", *group->topology ? group->topology : "-");
        riacho_columns_add(&columns, "%s", *group->from ? group->from : "-");
        riacho_columns_add(&columns, "%s", *group->step ? group->step : "-");
        riacho_columns_add(&columns, "%s", *group->kind ? group->kind : "-");
        riacho_columns_add(&columns, "%s", time_text(arena, group->last_ms));
        riacho_columns_add(&columns, "%s", *group->reason ? group->reason : "-");
    }
    riacho_columns_print(&columns);
    if (letters->looked < letters->held)
        printf("(of the newest %" PRIu64 "; there are %" PRIu64 ")\n", letters->looked,
               letters->held);
}

static void add_member(riacho_buffer *out, const char *name, const char *text)
{
    riacho_buffer_printf(out, "%s\"%s\":", out->data[out->size - 1] == '{' ? "" : ",", name);
    riacho_json_quote(riacho_text(text), out);
}

static void print_groups_json(const riacho_dead_letters *letters)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    for (size_t i = 0; i < letters->group_count; i++) {
        const riacho_dead_letter_group *group = &letters->groups[i];
        riacho_buffer_printf(&out, "{");
        add_member(&out, "topic", group->topic);
        add_member(&out, "topology", group->topology);
        add_member(&out, "from", group->from);
        add_member(&out, "step", group->step);
        add_member(&out, "kind", group->kind);
        add_member(&out, "reason", group->reason);
        riacho_buffer_printf(&out,
                             ",\"count\":%" PRIu64 ",\"firstMs\":%" PRId64 ",\"lastMs\":%" PRId64,
                             group->count, group->first_ms, group->last_ms);
        add_member(&out, "last", position_text(arena, &group->last));
        riacho_buffer_printf(&out, "}\n");
    }
    const riacho_bytes text = riacho_buffer_bytes(&out); /* which has data, be it empty */
    fwrite(text.data, 1, text.size, stdout);
}

int riacho_verb_dlq_ls(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    int exit_code;
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    riacho_dead_letters letters;
    riacho_error err;
    if (!desk)
        return exit_code;
    if (desk->ops->letters(desk, arena, &letters, &err) != RIACHO_OK)
        return riacho_complain(line, desk->exit_code, "%s", err.text);
    if (riacho_flag_given(line, "json"))
        print_groups_json(&letters);
    else
        print_groups(&letters);
    return RIACHO_EXIT_OK;
}

/* Without a name, the only topic of dead letters there is. */
static int find_topic(const riacho_line *line, riacho_desk *desk, riacho_arena *arena,
                      const char **ret_topic)
{
    riacho_dead_letters letters;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer names = {0};
    if (desk->ops->letters(desk, arena, &letters, &err) != RIACHO_OK)
        return riacho_complain(line, desk->exit_code, "%s", err.text);
    for (size_t i = 0; i < letters.topic_count; i++)
        riacho_buffer_printf(&names, "%s%s", i ? ", " : "", letters.topics[i]);
    if (letters.topic_count != 1)
        return riacho_complain(line, RIACHO_EXIT_FAILED,
                               letters.topic_count ? "name one of the topics: %.*s"
                                                   : "there is no topic of dead letters%.*s",
                               (int)names.size, names.size ? (const char *)names.data : "");
    *ret_topic = letters.topics[0];
    return RIACHO_EXIT_OK;
}

int riacho_verb_dlq_show(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_consumption consumption = {.topic = line->word_count ? line->words[0] : NULL};
    int exit_code = riacho_consumption_read(line, &consumption);
    if (exit_code != RIACHO_EXIT_OK)
        return exit_code;
    RIACHO_AUTO(desk) riacho_desk *desk = riacho_desk_open(line, &exit_code);
    if (!desk)
        return exit_code;
    if (!consumption.topic)
        exit_code = find_topic(line, desk, arena, &consumption.topic);
    return exit_code == RIACHO_EXIT_OK ? riacho_consume(line, desk, &consumption) : exit_code;
}
