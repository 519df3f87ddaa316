/* SPDX-License-Identifier: MIT
 *
 * consume.c - see consume.h. Partitions are read in turn, a page each; where one ends is what its
 * first page says, so that a topic that is being written to does not keep the program busy for
 * ever, unless it is asked to follow.
 */
#include "consume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"

enum { PAGE = 500, PAUSE_MS = 200 };

riacho_status riacho_flag_number(const riacho_line *line, const char *flag, int64_t otherwise,
                                 int64_t max, int64_t *ret_number, riacho_error *err)
{
    riacho_error why;
    const char *text = riacho_flag_value(line, flag);
    *ret_number = otherwise;
    if (!text || riacho_int_parse(riacho_text(text), 0, max, ret_number, &why) == RIACHO_OK)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT, "--%s: %s", flag, why.text);
}

int riacho_complain_no_topic(const riacho_line *line, const char *topic,
                             const riacho_topic_status *topics, size_t count)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char **names = riacho_alloc_zero(arena, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = topics[i].topic;
    const char *meant = riacho_suggest(riacho_text(topic), names, count);
    return riacho_complain(line, RIACHO_EXIT_FAILED, "there is no topic '%s'%s%s%s", topic,
                           meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

/* A position names its partition. */
static int read_position(const riacho_line *line, riacho_consumption *consumption)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_position position;
    riacho_error err;
    if (riacho_position_parse(riacho_text(consumption->from), arena, &position, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "--from: %s", err.text);
    if (consumption->topic && strcmp(position.topic, consumption->topic) != 0)
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "--from is a position of topic %s, and the topic is %s",
                               position.topic, consumption->topic);
    if (consumption->partition >= 0 && consumption->partition != position.partition)
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "--from is a position of partition %" PRId32
                               ", and --partition is %" PRId32,
                               position.partition, consumption->partition);
    consumption->partition = position.partition;
    return RIACHO_EXIT_OK;
}

int riacho_consumption_read(const riacho_line *line, riacho_consumption *consumption)
{
    int64_t partition;
    riacho_error err;
    consumption->from = riacho_flag_value(line, "from");
    consumption->until =
        riacho_flag_given(line, "follow") ? RIACHO_CONSUME_FOLLOW : RIACHO_CONSUME_PRESENT;
    if (consumption->until && riacho_flag_given(line, "data"))
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "--follow needs a worker: nothing is written to a folder at rest");
    if (riacho_flag_number(line, "partition", -1, RIACHO_PARTITIONS_MAX - 1, &partition, &err) !=
            RIACHO_OK ||
        riacho_flag_number(line, "count", -1, INT64_MAX, &consumption->count, &err) != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "%s", err.text);
    consumption->partition = (int32_t)partition;
    if (consumption->from && !riacho_records_is_place(riacho_text(consumption->from)))
        return riacho_complain(
            line, RIACHO_EXIT_USAGE,
            "--from '%s' is no place to begin: earliest, latest, an offset, a "
            "time such as 2026-01-31T12:00:00Z, or a position such as births/0:0",
            consumption->from);
    if (consumption->from && strchr(consumption->from, '/'))
        return read_position(line, consumption);
    return RIACHO_EXIT_OK;
}

/* One partition that is being read. */
struct part {
    int32_t partition;
    int64_t next; /* -1: not begun */
    int64_t end;
};

struct run {
    const riacho_line *line;
    riacho_desk *desk;
    const riacho_consumption *what;
    struct part *parts;
    size_t part_count;
    int64_t left; /* records still to print; -1: no limit */
    riacho_arena *arena;
};

/* False when nobody reads stdout any more, or it is full. */
static bool print_page(const riacho_records_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        fwrite(page->items[i].data, 1, page->items[i].size, stdout);
        putchar('\n');
    }
    return fflush(stdout) == 0;
}

static bool is_done(const struct run *run, const struct part *part)
{
    return run->what->until == RIACHO_CONSUME_PRESENT && part->next >= 0 && part->next >= part->end;
}

/* Reads and prints a page; *ret_read is how many records. */
static riacho_status read_page(struct run *run, struct part *part, size_t *ret_read,
                               riacho_error *err)
{
    riacho_records_page page;
    const riacho_records_wanted wanted = {
        .topic = run->what->topic,
        .partition = part->partition,
        .from = riacho_text(part->next < 0 ? run->what->from
                                           : riacho_format(run->arena, "%" PRId64, part->next)),
        .limit = run->left >= 0 && run->left < PAGE ? (uint32_t)run->left : PAGE,
    };
    RIACHO_TRY(run->desk->ops->records(run->desk, &wanted, run->arena, &page, err));
    if (part->next < 0)
        part->end = page.end;
    *ret_read = page.count;
    if (!page.count && page.next == part->next)
        part->next = part->end; /* nothing is left of what there was */
    else
        part->next = page.next;
    if (run->left >= 0)
        run->left -= (int64_t)page.count;
    if (print_page(&page))
        return RIACHO_OK;
    run->desk->exit_code = errno == EPIPE ? RIACHO_EXIT_OK : RIACHO_EXIT_FAILED;
    return riacho_fail(err, RIACHO_FATAL, "stdout cannot be written: %s", strerror(errno));
}

static riacho_status read_all(struct run *run, riacho_error *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    for (bool going = true; going && run->left != 0;) {
        size_t total = 0;
        going = run->what->until == RIACHO_CONSUME_FOLLOW;
        for (size_t i = 0; i < run->part_count && run->left != 0; i++) {
            size_t read = 0;
            if (is_done(run, &run->parts[i]))
                continue;
            riacho_arena_reset(run->arena);
            RIACHO_TRY(read_page(run, &run->parts[i], &read, err));
            total += read;
            going |= !is_done(run, &run->parts[i]);
        }
        if (going && !total && run->what->until == RIACHO_CONSUME_FOLLOW)
            nanosleep(&pause, NULL);
    }
    return RIACHO_OK;
}

/* Which partitions are read; what the program ends with when there are none such. */
static int find_parts(struct run *run, riacho_arena *arena)
{
    riacho_topic_status *topics;
    size_t count, at = 0;
    riacho_error err;
    const riacho_consumption *what = run->what;
    if (run->desk->ops->topics(run->desk, arena, &topics, &count, &err) != RIACHO_OK)
        return riacho_complain(run->line, run->desk->exit_code, "%s", err.text);
    while (at < count && strcmp(topics[at].topic, what->topic) != 0)
        at++;
    if (at == count)
        return riacho_complain_no_topic(run->line, what->topic, topics, count);
    if (what->partition >= topics[at].partitions)
        return riacho_complain(run->line, RIACHO_EXIT_FAILED,
                               "topic %s has partitions 0 to %" PRId32, what->topic,
                               topics[at].partitions - 1);
    run->part_count = what->partition >= 0 ? 1 : (size_t)topics[at].partitions;
    run->parts = riacho_alloc_zero(arena, run->part_count, sizeof *run->parts);
    for (size_t i = 0; i < run->part_count; i++)
        run->parts[i] = (struct part){
            .partition = what->partition >= 0 ? what->partition : (int32_t)i, .next = -1};
    return RIACHO_EXIT_OK;
}

int riacho_consume(const riacho_line *line, riacho_desk *desk,
                   const riacho_consumption *consumption)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(arena) riacho_arena *page = riacho_arena_new();
    struct run run = {
        .line = line, .desk = desk, .what = consumption, .left = consumption->count, .arena = page};
    riacho_error err;
    const int found = find_parts(&run, arena);
    if (found != RIACHO_EXIT_OK)
        return found;
    if (read_all(&run, &err) == RIACHO_OK || desk->exit_code == RIACHO_EXIT_OK)
        return RIACHO_EXIT_OK;
    return riacho_complain(line, desk->exit_code, "%s", err.text);
}
