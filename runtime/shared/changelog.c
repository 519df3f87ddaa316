/* SPDX-License-Identifier: MIT
 *
 * changelog.c - see changelog.h. Layout of a note: version (1 byte), number (8), stream time (8),
 * then the progress until the end.
 */
#include "changelog.h"

#include <assert.h>
#include <string.h>

#include "base/macros.h"
#include "runtime/wire.h"

enum { NOTE_VERSION = 1 };

const char *riacho_changelog_name(const riacho_graph *graph, int32_t store, riacho_arena *arena)
{
    return riacho_format(arena, "%s-%s-changelog", graph->name, graph->stores[store].name);
}

riacho_status riacho_changelogs_ensure(riacho_deployment *deployment, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_log *log = deployment->worker->log;
    const riacho_graph *graph = deployment->graph;
    for (size_t i = 0; i < graph->store_count; i++) {
        const int32_t subtopology = graph->stores[i].subtopology;
        const uint32_t *first = &deployment->first_task[subtopology];
        const riacho_topic_spec spec = {
            .name = riacho_changelog_name(graph, (int32_t)i, arena),
            .partitions = (int32_t)(first[1] - first[0]),
            .cleanup = RIACHO_CLEANUP_COMPACT,
        };
        riacho_error cause = {.text = ""};
        const riacho_status status = log->ops->topic_ensure(log, &spec, &cause);
        if (status != RIACHO_OK)
            return riacho_fail(err, status, "topology '%s', changelog '%s' of store '%s': %.300s",
                               graph->name, spec.name, graph->stores[i].name, cause.text);
    }
    return RIACHO_OK;
}

/* ---- of one task ----------------------------------------------------------------------------- */

static int64_t next_in(const riacho_commit_meta *meta, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < meta->position_count; i++) {
        const riacho_position *at = &meta->positions[i];
        if (at->partition == partition && strcmp(at->topic, topic) == 0)
            return at->next;
    }
    return 0;
}

riacho_changelogs riacho_changelogs_of(const riacho_task *task, const riacho_commit_meta *meta,
                                       riacho_arena *arena)
{
    const riacho_graph *graph = task->deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[task->subtopology];
    riacho_position *positions = riacho_alloc(arena, sub->store_count * sizeof *positions);
    for (size_t i = 0; i < sub->store_count; i++) {
        const char *topic = riacho_changelog_name(graph, sub->stores[i], arena);
        positions[i] =
            (riacho_position){topic, task->partition, next_in(meta, topic, task->partition)};
    }
    return (riacho_changelogs){positions, sub->store_count};
}

riacho_log_append riacho_changelog_append(const riacho_changelogs *changelogs,
                                          const riacho_change *change, int64_t timestamp_ms)
{
    assert(change->space < changelogs->count && change->key.data && !change->key_end.data);
    const riacho_position *place = &changelogs->positions[change->space];
    return (riacho_log_append){
        .topic = place->topic,
        .partition = place->partition,
        .record = {.timestamp_ms = timestamp_ms, .key = change->key, .value = change->value},
    };
}

riacho_status riacho_changelog_change(uint32_t space, const riacho_log_record *record,
                                      riacho_change *ret_change, riacho_error *err)
{
    if (!record->key.data)
        return riacho_fail(err, RIACHO_REJECT, "the record at offset %lld has no key",
                           (long long)record->offset);
    *ret_change = (riacho_change){.space = space, .key = record->key, .value = record->value};
    return RIACHO_OK;
}

/* ---- notes ----------------------------------------------------------------------------------- */

void riacho_note_write(const riacho_note *note, riacho_buffer *out)
{
    riacho_wire_put(out, NOTE_VERSION, 1);
    riacho_wire_put(out, note->number, 8);
    riacho_wire_put(out, (uint64_t)note->stream_time_ms, 8);
    riacho_buffer_append(out, note->progress.data, note->progress.size);
}

riacho_note riacho_note_read(riacho_bytes bytes)
{
    static const riacho_note none = {.number = 0, .stream_time_ms = INT64_MIN};
    riacho_wire wire = {bytes.data, bytes.size};
    const uint64_t version = riacho_wire_get(&wire, 1);
    riacho_note note = {.number = riacho_wire_get(&wire, 8)};
    note.stream_time_ms = (int64_t)riacho_wire_get(&wire, 8);
    note.progress = (riacho_bytes){wire.data, wire.size};
    return version == NOTE_VERSION && wire.data ? note : none;
}
