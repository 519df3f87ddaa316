/* SPDX-License-Identifier: MIT
 *
 * letters.c - what lies among the dead letters (records.h): records that were refused, counted by
 * where they came from and why. The headers that say so are those of refusal.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/map.h"
#include "records.h"

enum {
    LOOK_MAX = 10000, /* records of one partition, the newest: a summary, not an audit */
    GROUPS_MAX = 1000,
};

static const char suffix[] = "-dlq";

static void riacho_auto_map(riacho_map *map)
{
    riacho_map_done(map);
}

/* A summary that is being made; `topic` and `partition` are what is looked at. */
struct summary {
    const riacho_topic_types *types;
    riacho_arena *arena;
    riacho_map *map; /* of the texts that groups have in common, to riacho_dead_letter_group */
    riacho_dead_letter_group *groups;
    size_t count;
    uint64_t looked;
    const char *topic;
    int32_t partition;
};

static riacho_bytes header(const riacho_log_record *record, const char *name)
{
    riacho_bytes found = {"", 0};
    for (size_t i = 0; i < record->headers.count; i++) /* the last: others are of refusals before */
        if (riacho_bytes_equal(record->headers.items[i].name, riacho_text(name)))
            found = record->headers.items[i].value;
    return found.data ? found : (riacho_bytes){"", 0};
}

static bool has_step(const riacho_graph *graph, riacho_bytes step)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (riacho_bytes_equal(riacho_text(graph->nodes[i].id), step))
            return true;
    return false;
}

static bool has_letters(const riacho_graph *graph, const char *topic)
{
    for (size_t i = 0; i < graph->topic_count; i++)
        if (graph->topics[i].roles & RIACHO_TOPIC_DEAD_LETTERS &&
            strcmp(graph->topics[i].name, topic) == 0)
            return true;
    return false;
}

/* Several topologies may share a topic of dead letters; then the step tells. */
static const char *topology_of(const struct summary *run, riacho_bytes step)
{
    const char *found = "";
    for (size_t i = 0; i < run->types->graph_count; i++) {
        const riacho_graph *graph = run->types->graphs[i];
        if (!has_letters(graph, run->topic))
            continue;
        if (!*found || (step.size && has_step(graph, step)))
            found = graph->name;
    }
    return found;
}

static riacho_dead_letter_group *add_group(struct summary *run, const riacho_bytes parts[4])
{
    riacho_dead_letter_group *group = &run->groups[run->count++];
    *group = (riacho_dead_letter_group){
        .topic = run->topic,
        .topology = topology_of(run, parts[1]),
        .from = riacho_copy(run->arena, parts[0]).data,
        .step = riacho_copy(run->arena, parts[1]).data,
        .kind = riacho_copy(run->arena, parts[2]).data,
        .reason = riacho_copy(run->arena, parts[3]).data,
        .first_ms = INT64_MAX,
        .last_ms = INT64_MIN,
    };
    return group;
}

/* The group of these texts; when there are too many, the one of all other reasons. */
static riacho_dead_letter_group *find_group(struct summary *run, riacho_bytes parts[4])
{
    RIACHO_AUTO(buffer) riacho_buffer key = {0};
    if (run->count >= GROUPS_MAX - 1)
        parts[0] = parts[1] = parts[2] = (riacho_bytes){"", 0},
        parts[3] = riacho_text("(other reasons)");
    riacho_buffer_append(&key, run->topic, strlen(run->topic) + 1);
    for (size_t i = 0; i < 4; i++) {
        riacho_buffer_append(&key, &parts[i].size, sizeof parts[i].size);
        riacho_buffer_append(&key, parts[i].data, parts[i].size);
    }
    riacho_dead_letter_group *found = riacho_map_get(run->map, riacho_buffer_bytes(&key));
    if (found || run->count == GROUPS_MAX)
        return found ? found : &run->groups[GROUPS_MAX - 1];
    found = add_group(run, parts);
    riacho_map_put(run->map, riacho_copy(run->arena, riacho_buffer_bytes(&key)))->value = found;
    return found;
}

static riacho_see count_letter(void *to, const riacho_log_record *record)
{
    struct summary *run = to;
    riacho_bytes parts[4] = {
        header(record, "riacho.error.topic"),
        header(record, "riacho.error.step"),
        header(record, "riacho.error.kind"),
        header(record, "riacho.error.reason"),
    };
    riacho_dead_letter_group *group = find_group(run, parts);
    group->count++;
    run->looked++;
    if (record->timestamp_ms < group->first_ms)
        group->first_ms = record->timestamp_ms;
    if (record->timestamp_ms > group->last_ms)
        group->last_ms = record->timestamp_ms;
    group->last = (riacho_position){run->topic, run->partition, record->offset};
    return RIACHO_SEE_MORE;
}

bool riacho_topic_has_letters(const riacho_topic_types *types, const char *topic)
{
    const size_t size = strlen(topic), end = sizeof suffix - 1;
    for (size_t i = 0; i < types->graph_count; i++)
        if (has_letters(types->graphs[i], topic))
            return true;
    return size > end && strcmp(topic + size - end, suffix) == 0;
}

static riacho_status look_at(struct summary *run, riacho_log *log, const riacho_topic_status *topic,
                             uint64_t *held, riacho_error *err)
{
    run->topic = topic->topic;
    for (int32_t i = 0; i < topic->partitions; i++) {
        riacho_records_span span = {.topic = topic->topic,
                                    .partition = i,
                                    .from = topic->first_offsets[i],
                                    .end = topic->next_offsets[i]};
        int64_t next;
        *held += (uint64_t)(span.end - span.from);
        if (span.end - span.from > LOOK_MAX)
            span.from = span.end - LOOK_MAX;
        run->partition = i;
        RIACHO_TRY(riacho_records_walk(log, &span, count_letter, run, &next, err));
    }
    return RIACHO_OK;
}

/* Most first, then by name, so that the same letters always look the same. */
static int compare_groups(const void *a, const void *b)
{
    const riacho_dead_letter_group *left = a, *right = b;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    int order = strcmp(left->topic, right->topic);
    if (!order)
        order = strcmp(left->from, right->from);
    if (!order)
        order = strcmp(left->step, right->step);
    return order ? order : strcmp(left->reason, right->reason);
}

riacho_status riacho_dead_letters_read(riacho_log *log, const riacho_topic_types *types,
                                       riacho_arena *arena, riacho_dead_letters *ret_letters,
                                       riacho_error *err)
{
    riacho_topic_status *topics;
    size_t count, kept = 0;
    RIACHO_AUTO(map) riacho_map map = {0};
    struct summary run = {.types = types, .arena = arena, .map = &map};
    uint64_t held = 0;
    RIACHO_TRY(riacho_topics_read(log, arena, &topics, &count, err));
    const char **names = riacho_alloc_zero(arena, count + 1, sizeof *names);
    run.groups = riacho_alloc_zero(arena, GROUPS_MAX, sizeof *run.groups);
    for (size_t i = 0; i < count; i++) {
        if (!riacho_topic_has_letters(types, topics[i].topic))
            continue;
        names[kept++] = topics[i].topic;
        RIACHO_TRY(look_at(&run, log, &topics[i], &held, err));
    }
    qsort(run.groups, run.count, sizeof *run.groups, compare_groups);
    *ret_letters = (riacho_dead_letters){
        .groups = run.groups,
        .group_count = run.count,
        .topics = names,
        .topic_count = kept,
        .held = held,
        .looked = run.looked,
    };
    return RIACHO_OK;
}
