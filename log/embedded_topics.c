/* SPDX-License-Identifier: MIT
 *
 * embedded_topics.c - which topics there are, and where each of their partitions begins and ends.
 *
 * A topic is stored under "topic/<name>" as version, id, partitions, cleanup, retention_ms and
 * retention_bytes, all varints. Ids are never used twice.
 *
 * Threads: topics_lock guards the list; see the invariants in embedded.h.
 */
#include "embedded.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "check.h"
#include "varint.h"

enum { VERSION = 1, FIELDS = 6, STORED_BYTES_MAX = FIELDS * VARINT_BYTES_MAX };

static const char prefix[] = "topic/";
enum { PREFIX_BYTES = sizeof prefix - 1 };

static void riacho_auto_topics(pthread_rwlock_t **lock)
{
    pthread_rwlock_unlock(*lock);
}

/* Lock for the rest of the scope: RIACHO_AUTO(topics). */
static pthread_rwlock_t *reading(struct embedded *log)
{
    pthread_rwlock_rdlock(&log->topics_lock);
    return &log->topics_lock;
}

static pthread_rwlock_t *changing(struct embedded *log)
{
    pthread_rwlock_wrlock(&log->topics_lock);
    return &log->topics_lock;
}

static struct topic *find(const struct embedded *log, const char *name)
{
    return name ? riacho_map_get(&log->topics, riacho_text(name)) : NULL;
}

struct topic *riacho_embedded_topic(struct embedded *log, const char *name)
{
    RIACHO_AUTO(topics) pthread_rwlock_t *lock = reading(log);
    return find(log, name);
}

riacho_status riacho_embedded_partition(struct embedded *log, const char *name, int32_t partition,
                                        struct partition **ret, riacho_error *err)
{
    struct topic *topic = riacho_embedded_topic(log, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    RIACHO_TRY(riacho_log_check_partition(&topic->spec, partition, err));
    *ret = &topic->partitions[partition];
    return RIACHO_OK;
}

static struct topic *topic_new(uint32_t id, const riacho_topic_spec *spec)
{
    const size_t count = (size_t)spec->partitions;
    struct topic *topic =
        riacho_memory_get_zero(1, sizeof *topic + count * sizeof *topic->partitions);
    topic->id = id;
    topic->spec = *spec;
    topic->spec.name = riacho_memory_text(spec->name);
    for (int32_t i = 0; i < spec->partitions; i++) {
        topic->partitions[i].topic = topic;
        topic->partitions[i].index = i;
    }
    return topic;
}

static void add_topic(struct embedded *log, struct topic *topic)
{
    riacho_map_put(&log->topics, riacho_text(topic->spec.name))->value = topic;
    log->order = riacho_memory_resize(log->order, (log->topic_count + 1) * sizeof(struct topic *));
    log->order[log->topic_count++] = topic;
    if (log->topic_id_next <= topic->id)
        log->topic_id_next = topic->id + 1;
}

void riacho_embedded_topics_done(struct embedded *log)
{
    for (size_t i = 0; i < log->topic_count; i++) {
        free((char *)(uintptr_t)log->order[i]->spec.name);
        free(log->order[i]);
    }
    free(log->order);
    riacho_map_done(&log->topics);
}

static size_t encode(uint32_t id, const riacho_topic_spec *spec, uint8_t stored[STORED_BYTES_MAX])
{
    const uint64_t fields[FIELDS] = {VERSION,
                                     id,
                                     (uint64_t)spec->partitions,
                                     (uint64_t)spec->cleanup,
                                     (uint64_t)spec->retention_ms,
                                     (uint64_t)spec->retention_bytes};
    uint8_t *at = stored;
    for (size_t i = 0; i < FIELDS; i++)
        at = varint_put(at, fields[i]);
    return (size_t)(at - stored);
}

static riacho_status decode(const struct embedded *log, riacho_bytes stored, uint32_t *ret_id,
                            riacho_topic_spec *spec, riacho_error *err)
{
    uint64_t fields[FIELDS] = {0};
    const uint8_t *at = stored.data;
    for (size_t i = 0; i < FIELDS && at; i++)
        at = varint_get(at, (const uint8_t *)stored.data + stored.size, &fields[i]);
    if (!at || fields[0] != VERSION)
        return riacho_database_damaged(&log->database, "a topic's description cannot be read", err);
    *ret_id = (uint32_t)fields[1];
    spec->partitions = (int32_t)fields[2];
    spec->cleanup = (riacho_cleanup)fields[3];
    spec->retention_ms = (int64_t)fields[4];
    spec->retention_bytes = (int64_t)fields[5];
    return riacho_log_check_spec(spec, err);
}

static riacho_status store(struct embedded *log, uint32_t id, const riacho_topic_spec *spec,
                           riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(writebatch) rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    const char *key = riacho_format(arena, "%s%s", prefix, spec->name);
    uint8_t stored[STORED_BYTES_MAX];
    const size_t size = encode(id, spec, stored);
    RIACHO_TRY(riacho_embedded_room(log, size, log->reserve_bytes, err));
    rocksdb_writebatch_put_cf(batch, log->database.meta, key, strlen(key), (const char *)stored,
                              size);
    return riacho_database_write(&log->database, batch, DURABILITY_SYNCED, err);
}

static bool same_spec(const riacho_topic_spec *a, const riacho_topic_spec *b)
{
    return a->partitions == b->partitions && a->cleanup == b->cleanup &&
           a->retention_ms == b->retention_ms && a->retention_bytes == b->retention_bytes;
}

riacho_status riacho_embedded_topic_ensure(riacho_log *base, const riacho_topic_spec *spec,
                                           riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    RIACHO_TRY(riacho_log_check_spec(spec, err));
    RIACHO_AUTO(topics) pthread_rwlock_t *lock = changing(log);
    struct topic *topic = find(log, spec->name);
    if (!topic) {
        RIACHO_TRY(store(log, log->topic_id_next, spec, err));
        add_topic(log, topic_new(log->topic_id_next, spec));
        return RIACHO_OK;
    }
    RIACHO_TRY(riacho_log_check_same(&topic->spec, spec, err));
    if (same_spec(&topic->spec, spec))
        return RIACHO_OK;
    RIACHO_TRY(store(log, topic->id, spec, err));
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

riacho_status riacho_embedded_topic_describe(riacho_log *base, const char *name,
                                             riacho_arena *arena, riacho_topic_spec *ret_spec,
                                             riacho_error *err)
{
    struct embedded *log = riacho_embedded_of(base);
    RIACHO_AUTO(topics) pthread_rwlock_t *lock = reading(log);
    const struct topic *topic = find(log, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    *ret_spec = describe(topic, arena);
    return RIACHO_OK;
}

riacho_status riacho_embedded_topic_list(riacho_log *base, riacho_arena *arena,
                                         riacho_topic_spec **ret_specs, size_t *ret_count,
                                         riacho_error *err)
{
    (void)err;
    struct embedded *log = riacho_embedded_of(base);
    RIACHO_AUTO(topics) pthread_rwlock_t *lock = reading(log);
    riacho_topic_spec *specs = riacho_alloc_zero(arena, log->topic_count, sizeof *specs);
    for (size_t i = 0; i < log->topic_count; i++)
        specs[i] = describe(log->order[i], arena);
    *ret_specs = specs;
    *ret_count = log->topic_count;
    return RIACHO_OK;
}

/* Where the partition begins and ends, from its first and last chunk. The last one is read as a
 * whole: it says where new records go, so it must be sound. */
static riacho_status load_partition(struct embedded *log, struct partition *partition,
                                    riacho_error *err)
{
    RIACHO_AUTO(cursor) struct cursor cursor = {0};
    riacho_cursor_open(&cursor, &log->database, CURSOR_CHUNKS, place_of(partition));
    riacho_cursor_last(&cursor);
    int64_t base;
    riacho_bytes value;
    RIACHO_TRY(riacho_cursor_get(&cursor, &base, &value, err));
    if (!value.data)
        return RIACHO_OK; /* nothing was ever appended */
    struct chunk_head head;
    riacho_error cause;
    if (riacho_chunk_open(value, &head, &cause) != RIACHO_OK)
        return riacho_database_damaged(&log->database, cause.text, err);
    if (head.base != base)
        return riacho_database_damaged(&log->database, "a chunk is not where it belongs", err);
    atomic_store(&partition->next, head.last + 1);
    riacho_cursor_find(&cursor, 0);
    RIACHO_TRY(riacho_cursor_get(&cursor, &base, &value, err));
    atomic_store(&partition->first, base);
    partition->merged_to = base;
    return RIACHO_OK;
}

static riacho_status load_topic(struct embedded *log, const char *name, riacho_bytes stored,
                                riacho_error *err)
{
    riacho_topic_spec spec = {.name = name};
    uint32_t id = 0;
    RIACHO_TRY(decode(log, stored, &id, &spec, err));
    struct topic *topic = topic_new(id, &spec);
    add_topic(log, topic);
    for (int32_t i = 0; i < spec.partitions; i++)
        RIACHO_TRY(load_partition(log, &topic->partitions[i], err));
    return RIACHO_OK;
}

static void riacho_auto_iterator(rocksdb_iterator_t **iterator)
{
    rocksdb_iter_destroy(*iterator);
}

riacho_status riacho_embedded_topics_load(struct embedded *log, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(iterator)
    rocksdb_iterator_t *at =
        rocksdb_create_iterator_cf(log->database.rocksdb, log->database.reads, log->database.meta);
    rocksdb_iter_seek(at, prefix, PREFIX_BYTES);
    for (; rocksdb_iter_valid(at); rocksdb_iter_next(at)) {
        riacho_bytes key, value;
        key.data = rocksdb_iter_key(at, &key.size);
        value.data = rocksdb_iter_value(at, &value.size);
        if (key.size < PREFIX_BYTES || memcmp(key.data, prefix, PREFIX_BYTES) != 0)
            break;
        const riacho_bytes name = {(const char *)key.data + PREFIX_BYTES, key.size - PREFIX_BYTES};
        RIACHO_TRY(load_topic(log, riacho_copy(arena, name).data, value, err));
    }
    char *problem = NULL;
    rocksdb_iter_get_error(at, &problem);
    return riacho_database_result(&log->database, problem, "cannot read", err);
}
