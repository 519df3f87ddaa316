/* SPDX-License-Identifier: MIT
 *
 * memory.c - the log in memory: see backend/memory_log.h.
 *
 * Invariants:
 * 1. A record lives in the log's arena from its append to the end of the log; nothing is removed.
 * 2. An append or a commit is checked as a whole before its first record goes in, so nothing is
 *    ever appended by halves.
 *
 * Threads: one lock around everything; a batch is a copy and belongs to whoever holds it.
 */
#include "riacho/backend/memory_log.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/memory.h"
#include "check.h"
#include "committed.h"
#include "slots.h"

struct partition {
    riacho_log_record *records; /* the index is the offset */
    size_t count;
    size_t capacity;
};

struct topic {
    riacho_topic_spec spec;
    uint32_t turn; /* of records without a key */
    struct partition *partitions;
};

struct memory_log {
    riacho_log log;
    pthread_mutex_t lock;
    riacho_arena *arena;
    riacho_map topics; /* name -> struct topic */
    struct topic **order;
    size_t topic_count;
    riacho_map tasks; /* task -> riacho_buffer of its last commit */
};

struct riacho_log_reader {
    struct memory_log *log;
    struct slots slots;
};

struct batch {
    riacho_log_batch batch;
    riacho_arena *arena;
};

static const riacho_log_ops memory_ops;

static struct memory_log *memory_of(riacho_log *log)
{
    assert(log->ops == &memory_ops);
    return (struct memory_log *)log;
}

/* Locks for the rest of the scope: RIACHO_AUTO(unlock). */
static pthread_mutex_t *locked(struct memory_log *log)
{
    pthread_mutex_lock(&log->lock);
    return &log->lock;
}

static void riacho_auto_unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

static struct topic *find(const struct memory_log *log, const char *name)
{
    return name ? riacho_map_get(&log->topics, riacho_text(name)) : NULL;
}

static struct topic *topic_new(struct memory_log *log, const riacho_topic_spec *spec)
{
    struct topic *topic = riacho_memory_get_zero(1, sizeof *topic);
    topic->spec = *spec;
    topic->spec.name = riacho_copy(log->arena, riacho_text(spec->name)).data;
    topic->partitions = riacho_memory_get_zero((size_t)spec->partitions, sizeof *topic->partitions);
    riacho_map_put(&log->topics, riacho_text(topic->spec.name))->value = topic;
    log->order = riacho_memory_resize(log->order, (log->topic_count + 1) * sizeof(struct topic *));
    log->order[log->topic_count++] = topic;
    return topic;
}

static riacho_status topic_ensure(riacho_log *base, const riacho_topic_spec *spec,
                                  riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_TRY(riacho_log_check_spec(spec, err));
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    struct topic *topic = find(log, spec->name);
    if (!topic)
        topic = topic_new(log, spec);
    RIACHO_TRY(riacho_log_check_same(&topic->spec, spec, err));
    const char *name = topic->spec.name;
    topic->spec = *spec;
    topic->spec.name = name;
    return RIACHO_OK;
}

static riacho_topic_spec describe(const struct topic *topic, riacho_arena *arena)
{
    riacho_topic_spec spec = topic->spec;
    spec.name = riacho_copy(arena, riacho_text(spec.name)).data;
    return spec;
}

static riacho_status topic_describe(riacho_log *base, const char *name, riacho_arena *arena,
                                    riacho_topic_spec *ret_spec, riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    const struct topic *topic = find(log, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    *ret_spec = describe(topic, arena);
    return RIACHO_OK;
}

static riacho_status topic_list(riacho_log *base, riacho_arena *arena,
                                riacho_topic_spec **ret_specs, size_t *ret_count, riacho_error *err)
{
    (void)err;
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    riacho_topic_spec *specs = riacho_alloc_zero(arena, log->topic_count, sizeof *specs);
    for (size_t i = 0; i < log->topic_count; i++)
        specs[i] = describe(log->order[i], arena);
    *ret_specs = specs;
    *ret_count = log->topic_count;
    return RIACHO_OK;
}

static riacho_status find_partition(const struct memory_log *log, const char *name,
                                    int32_t partition, struct partition **ret, riacho_error *err)
{
    const struct topic *topic = find(log, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    RIACHO_TRY(riacho_log_check_partition(&topic->spec, partition, err));
    *ret = &topic->partitions[partition];
    return RIACHO_OK;
}

static riacho_status bounds(riacho_log *base, const char *topic, int32_t partition,
                            int64_t *ret_first, int64_t *ret_next, riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    struct partition *held;
    RIACHO_TRY(find_partition(log, topic, partition, &held, err));
    *ret_first = 0;
    *ret_next = (int64_t)held->count;
    return RIACHO_OK;
}

static riacho_status offset_at(riacho_log *base, const char *topic, int32_t partition,
                               int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    struct partition *held;
    RIACHO_TRY(find_partition(log, topic, partition, &held, err));
    size_t at = 0;
    while (at < held->count && held->records[at].timestamp_ms < timestamp_ms)
        at++;
    *ret_offset = (int64_t)at;
    return RIACHO_OK;
}

static riacho_log_record copy_record(riacho_arena *arena, const riacho_log_record *record)
{
    riacho_log_record copy = *record;
    riacho_header *headers = riacho_alloc(arena, record->headers.count * sizeof *headers);
    for (size_t i = 0; i < record->headers.count; i++) {
        headers[i].name = riacho_copy(arena, record->headers.items[i].name);
        headers[i].value = riacho_copy(arena, record->headers.items[i].value);
    }
    copy.key = riacho_copy(arena, record->key);
    copy.value = riacho_copy(arena, record->value);
    copy.headers.items = headers;
    return copy;
}

static int64_t add_record(struct memory_log *log, struct partition *partition,
                          const riacho_log_record *record)
{
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity ? partition->capacity * 2 : 16;
        partition->records = riacho_memory_resize(partition->records,
                                                  partition->capacity * sizeof *partition->records);
    }
    riacho_log_record *held = &partition->records[partition->count];
    *held = copy_record(log->arena, record);
    held->offset = (int64_t)partition->count++;
    return held->offset;
}

static riacho_status check_appends(const struct memory_log *log, const riacho_log_append *appends,
                                   size_t count, riacho_error *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct topic *topic = find(log, appends[i].topic);
        if (!topic)
            return riacho_log_no_topic(appends[i].topic, err);
        RIACHO_TRY(riacho_log_check_append(&topic->spec, &appends[i], err));
        bytes += riacho_log_record_bytes(&appends[i].record);
    }
    return riacho_log_check_total(count, bytes, err);
}

static riacho_position add_append(struct memory_log *log, const riacho_log_append *append)
{
    struct topic *topic = find(log, append->topic);
    const bool in_turn = append->partition < 0 && !append->record.key.data;
    const uint32_t turn = in_turn ? topic->turn++ : 0;
    const int32_t partition = riacho_log_choose_partition(&topic->spec, append, turn);
    return (riacho_position){append->topic, partition,
                             add_record(log, &topic->partitions[partition], &append->record)};
}

static riacho_status append(riacho_log *base, const riacho_log_append *records, size_t count,
                            riacho_position *ret_positions, riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    RIACHO_TRY(check_appends(log, records, count, err));
    for (size_t i = 0; i < count; i++) {
        const riacho_position position = add_append(log, &records[i]);
        if (ret_positions)
            ret_positions[i] = position;
    }
    return RIACHO_OK;
}

static riacho_status held_commit(const struct memory_log *log, const char *task,
                                 riacho_arena *arena, riacho_log_commit *ret, riacho_error *err)
{
    const riacho_buffer *held = riacho_map_get(&log->tasks, riacho_text(task));
    *ret = (riacho_log_commit){.task = riacho_copy(arena, riacho_text(task)).data};
    return held ? riacho_committed_decode(riacho_buffer_bytes(held), arena, ret, err) : RIACHO_OK;
}

static void remember(struct memory_log *log, const riacho_log_commit *commit)
{
    riacho_buffer *held = riacho_map_get(&log->tasks, riacho_text(commit->task));
    if (!held) {
        held = riacho_memory_get_zero(1, sizeof *held);
        const riacho_bytes task = riacho_copy(log->arena, riacho_text(commit->task));
        riacho_map_put(&log->tasks, task)->value = held;
    }
    riacho_buffer_reset(held);
    riacho_committed_encode(commit, held);
}

/* The partition of an output whose commit the log already had, for its present end. Without a key
 * it is not known where the output went; any partition's end will do, and the first is taken. */
static int64_t present_end(const struct memory_log *log, const riacho_log_append *output)
{
    const struct topic *topic = find(log, output->topic);
    const int32_t partition = riacho_log_choose_partition(&topic->spec, output, 0);
    return (int64_t)topic->partitions[partition].count;
}

static riacho_status commit(riacho_log *base, const riacho_log_commit *wanted, int64_t *ret_ends,
                            riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    assert(wanted->number > 0);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    riacho_log_commit held;
    RIACHO_TRY(check_appends(log, wanted->outputs, wanted->output_count, err));
    RIACHO_TRY(held_commit(log, wanted->task, arena, &held, err));
    const bool known = wanted->number <= held.number;
    for (size_t i = 0; i < wanted->output_count; i++) {
        const int64_t end = known ? present_end(log, &wanted->outputs[i])
                                  : add_append(log, &wanted->outputs[i]).next + 1;
        if (ret_ends)
            ret_ends[i] = end;
    }
    if (!known)
        remember(log, wanted);
    return RIACHO_OK;
}

static riacho_status commit_all(riacho_log *base, const riacho_log_commit *commits, size_t count,
                                int64_t *const *ret_ends, riacho_error *err)
{
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(commit(base, &commits[i], ret_ends ? ret_ends[i] : NULL, err));
    return RIACHO_OK;
}

static riacho_status committed(riacho_log *base, const char *task, riacho_arena *arena,
                               riacho_log_commit *ret_commit, riacho_error *err)
{
    struct memory_log *log = memory_of(base);
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    riacho_log_commit held;
    RIACHO_TRY(held_commit(log, task, arena, &held, err));
    *ret_commit = held;
    return RIACHO_OK;
}

static riacho_status reader_open(riacho_log *base, riacho_log_reader **ret_reader,
                                 riacho_error *err)
{
    (void)err;
    riacho_log_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    reader->log = memory_of(base);
    *ret_reader = reader;
    return RIACHO_OK;
}

static void reader_close(riacho_log_reader *reader)
{
    if (!reader)
        return;
    riacho_slots_done(&reader->slots);
    free(reader);
}

static riacho_status assign(riacho_log_reader *reader, const riacho_log_assignment *assignments,
                            size_t count, riacho_error *err)
{
    struct memory_log *log = reader->log;
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(log);
    struct partition *held;
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(find_partition(log, assignments[i].topic, assignments[i].partition, &held, err));
        RIACHO_TRY(riacho_log_check_start(&assignments[i], (int64_t)held->count, err));
    }
    riacho_slots_reset(&reader->slots, count);
    for (size_t i = 0; i < count; i++) {
        const struct topic *topic = find(log, assignments[i].topic);
        reader->slots.items[i] =
            (struct slot){.partition = &topic->partitions[assignments[i].partition],
                          .next = assignments[i].next,
                          .tag = assignments[i].tag};
    }
    return RIACHO_OK;
}

static void pause_tags(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    riacho_slots_pause(&reader->slots, tags, count);
}

static void resume_tags(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    riacho_slots_resume(&reader->slots, tags, count);
}

static riacho_log_batch *batch_new(struct slot *slot)
{
    const struct partition *partition = slot->partition;
    const size_t left = partition->count - (size_t)slot->next;
    const size_t count = left < RIACHO_FETCH_RECORDS_MAX ? left : RIACHO_FETCH_RECORDS_MAX;
    struct batch *batch = riacho_memory_get_zero(1, sizeof *batch);
    batch->arena = riacho_arena_new();
    riacho_log_record *records = riacho_alloc(batch->arena, count * sizeof *records);
    for (size_t i = 0; i < count; i++)
        records[i] = copy_record(batch->arena, &partition->records[(size_t)slot->next + i]);
    slot->next += (int64_t)count;
    batch->batch = (riacho_log_batch){
        .tag = slot->tag, .next = slot->next, .count = count, .records = records};
    return &batch->batch;
}

static riacho_status poll_batch(riacho_log_reader *reader, int64_t wait_ms,
                                riacho_log_batch **ret_batch, riacho_error *err)
{
    (void)wait_ms;
    (void)err;
    RIACHO_AUTO(unlock) pthread_mutex_t *lock = locked(reader->log);
    *ret_batch = NULL;
    for (size_t i = 0; i < reader->slots.count; i++) {
        struct slot *slot = riacho_slots_at(&reader->slots, i);
        if (!slot || slot->next >= (int64_t)((struct partition *)slot->partition)->count)
            continue;
        *ret_batch = batch_new(slot);
        riacho_slots_served(&reader->slots, slot);
        return RIACHO_OK;
    }
    return RIACHO_OK;
}

/* No poll ever waits here. */
static void reader_wake(riacho_log_reader *reader)
{
    (void)reader;
}

static void batch_free(riacho_log_batch *base)
{
    if (!base)
        return;
    struct batch *batch = (struct batch *)base;
    riacho_arena_free(batch->arena);
    free(batch);
}

static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    (void)log;
    *ret_free = 0;
    *ret_total = 0;
}

static void close_log(riacho_log *base)
{
    if (!base)
        return;
    struct memory_log *log = memory_of(base);
    for (size_t i = 0; i < log->topic_count; i++) {
        for (int32_t p = 0; p < log->order[i]->spec.partitions; p++)
            free(log->order[i]->partitions[p].records);
        free(log->order[i]->partitions);
        free(log->order[i]);
    }
    free(log->order);
    riacho_map_done(&log->topics);
    size_t at = 0;
    for (riacho_map_entry *task; (task = riacho_map_next(&log->tasks, &at));) {
        riacho_buffer_done(task->value);
        free(task->value);
    }
    riacho_map_done(&log->tasks);
    riacho_arena_free(log->arena);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static const riacho_log_ops memory_ops = {
    .name = "memory",
    .topic_ensure = topic_ensure,
    .topic_describe = topic_describe,
    .topic_list = topic_list,
    .bounds = bounds,
    .offset_at = offset_at,
    .append = append,
    .commit = commit,
    .commit_all = commit_all,
    .committed = committed,
    .reader_open = reader_open,
    .assign = assign,
    .pause = pause_tags,
    .resume = resume_tags,
    .poll = poll_batch,
    .reader_wake = reader_wake,
    .batch_free = batch_free,
    .reader_close = reader_close,
    .space = space,
    .close = close_log,
};

riacho_log *riacho_memory_log_new(riacho_clock *clock)
{
    (void)clock; /* only retention would ask for the time, and nothing is removed here */
    struct memory_log *log = riacho_memory_get_zero(1, sizeof *log);
    log->log.ops = &memory_ops;
    log->arena = riacho_arena_new();
    pthread_mutex_init(&log->lock, NULL);
    return &log->log;
}
