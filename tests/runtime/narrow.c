/* SPDX-License-Identifier: MIT
 *
 * narrow.c - see narrow.h.
 */
#include "narrow.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"

/* ---- the log --------------------------------------------------------------------------------- */

struct narrow_log {
    riacho_log log;
    riacho_log *inner;
    narrow *said;
    riacho_log_ops ops; /* the inner log's for readers and batches, which are the inner log's */
};

static struct narrow_log *of(riacho_log *log)
{
    return (struct narrow_log *)log;
}

static riacho_status topic_ensure(riacho_log *log, const riacho_topic_spec *spec, riacho_error *err)
{
    return of(log)->inner->ops->topic_ensure(of(log)->inner, spec, err);
}

static riacho_status topic_describe(riacho_log *log, const char *topic, riacho_arena *arena,
                                    riacho_topic_spec *ret_spec, riacho_error *err)
{
    return of(log)->inner->ops->topic_describe(of(log)->inner, topic, arena, ret_spec, err);
}

static riacho_status topic_list(riacho_log *log, riacho_arena *arena, riacho_topic_spec **ret_specs,
                                size_t *ret_count, riacho_error *err)
{
    return of(log)->inner->ops->topic_list(of(log)->inner, arena, ret_specs, ret_count, err);
}

static riacho_status bounds(riacho_log *log, const char *topic, int32_t partition,
                            int64_t *ret_first, int64_t *ret_next, riacho_error *err)
{
    const narrow *said = of(log)->said;
    RIACHO_TRY(
        of(log)->inner->ops->bounds(of(log)->inner, topic, partition, ret_first, ret_next, err));
    if (said->held_from > *ret_first)
        *ret_first = said->held_from;
    *ret_next -= said->lost;
    return RIACHO_OK;
}

static riacho_status offset_at(riacho_log *log, const char *topic, int32_t partition,
                               int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err)
{
    return of(log)->inner->ops->offset_at(of(log)->inner, topic, partition, timestamp_ms,
                                          ret_offset, err);
}

static riacho_status append(riacho_log *log, const riacho_log_append *records, size_t count,
                            riacho_position *ret_positions, riacho_error *err)
{
    if (of(log)->said->log_full)
        return riacho_fail(err, RIACHO_RETRY, "no room for events");
    return of(log)->inner->ops->append(of(log)->inner, records, count, ret_positions, err);
}

static riacho_status commit(riacho_log *log, const riacho_log_commit *wanted, int64_t *ret_ends,
                            riacho_error *err)
{
    if (of(log)->said->log_full)
        return riacho_fail(err, RIACHO_RETRY, "no room for events");
    if (!strchr(wanted->task, '#'))
        of(log)->said->commits++;
    return of(log)->inner->ops->commit(of(log)->inner, wanted, ret_ends, err);
}

static riacho_status commit_all(riacho_log *log, const riacho_log_commit *commits, size_t count,
                                int64_t *const *ret_ends, riacho_error *err)
{
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(commit(log, &commits[i], ret_ends ? ret_ends[i] : NULL, err));
    return RIACHO_OK;
}

static riacho_status committed(riacho_log *log, const char *task, riacho_arena *arena,
                               riacho_log_commit *ret_commit, riacho_error *err)
{
    return of(log)->inner->ops->committed(of(log)->inner, task, arena, ret_commit, err);
}

static riacho_status reader_open(riacho_log *log, riacho_log_reader **ret_reader, riacho_error *err)
{
    return of(log)->inner->ops->reader_open(of(log)->inner, ret_reader, err);
}

static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    of(log)->inner->ops->space(of(log)->inner, ret_free, ret_total);
}

static void close_log(riacho_log *log)
{
    of(log)->inner->ops->close(of(log)->inner);
    free(log);
}

riacho_log *narrow_log(narrow *said, riacho_log *inner)
{
    struct narrow_log *made = riacho_memory_get_zero(1, sizeof *made);
    made->inner = inner;
    made->said = said;
    made->ops = *inner->ops;
    made->ops.name = "narrow";
    made->ops.topic_ensure = topic_ensure;
    made->ops.topic_describe = topic_describe;
    made->ops.topic_list = topic_list;
    made->ops.bounds = bounds;
    made->ops.offset_at = offset_at;
    made->ops.append = append;
    made->ops.commit = commit;
    made->ops.commit_all = commit_all;
    made->ops.committed = committed;
    made->ops.reader_open = reader_open;
    made->ops.space = space;
    made->ops.close = close_log;
    made->log.ops = &made->ops;
    return &made->log;
}

/* ---- the stores ------------------------------------------------------------------------------ */

struct narrow_store {
    riacho_store store;
    riacho_store *inner;
    narrow *said;
    riacho_store_ops ops; /* the inner store's for scans, which are the inner store's */
};

static struct narrow_store *in(riacho_store *store)
{
    return (struct narrow_store *)store;
}

static riacho_status get(riacho_store *store, uint32_t space_id, riacho_bytes key,
                         riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    return in(store)->inner->ops->get(in(store)->inner, space_id, key, arena, ret_value, err);
}

static riacho_status write_changes(riacho_store *store, const riacho_changes *changes,
                                   riacho_error *err)
{
    if (in(store)->said->store_full)
        return riacho_fail(err, RIACHO_RETRY, "no room for state");
    in(store)->said->writes++;
    return in(store)->inner->ops->write(in(store)->inner, changes, err);
}

static riacho_status load(riacho_store *store, const riacho_change *items, size_t count,
                          riacho_error *err)
{
    if (in(store)->said->store_full)
        return riacho_fail(err, RIACHO_RETRY, "no room for state");
    return in(store)->inner->ops->load(in(store)->inner, items, count, err);
}

static riacho_status read_commit(riacho_store *store, riacho_arena *arena,
                                 riacho_commit_meta *ret_meta, riacho_error *err)
{
    return in(store)->inner->ops->read_commit(in(store)->inner, arena, ret_meta, err);
}

static riacho_store_snapshot *snapshot_open(riacho_store *store)
{
    return in(store)->inner->ops->snapshot_open(in(store)->inner);
}

static void snapshot_close(riacho_store *store, riacho_store_snapshot *snapshot)
{
    in(store)->inner->ops->snapshot_close(in(store)->inner, snapshot);
}

static riacho_status snapshot_get(riacho_store *store, riacho_store_snapshot *snapshot,
                                  uint32_t space_id, riacho_bytes key, riacho_arena *arena,
                                  riacho_bytes *ret_value, riacho_error *err)
{
    return in(store)->inner->ops->snapshot_get(in(store)->inner, snapshot, space_id, key, arena,
                                               ret_value, err);
}

static riacho_status scan_open(riacho_store *store, riacho_store_snapshot *snapshot,
                               uint32_t space_id, const riacho_range *range,
                               riacho_store_scan **ret_scan, riacho_error *err)
{
    return in(store)->inner->ops->scan_open(in(store)->inner, snapshot, space_id, range, ret_scan,
                                            err);
}

static riacho_status checkpoint(riacho_store *store, const char *folder, riacho_error *err)
{
    return in(store)->inner->ops->checkpoint(in(store)->inner, folder, err);
}

static void measure(riacho_store *store, uint32_t space_id, uint64_t *ret_keys, uint64_t *ret_bytes)
{
    in(store)->inner->ops->measure(in(store)->inner, space_id, ret_keys, ret_bytes);
}

static void close_store(riacho_store *store)
{
    in(store)->inner->ops->close(in(store)->inner);
    free(store);
}

static riacho_store *store_new(narrow *said, riacho_store *inner)
{
    struct narrow_store *made = riacho_memory_get_zero(1, sizeof *made);
    made->inner = inner;
    made->said = said;
    made->ops = *inner->ops;
    made->ops.get = get;
    made->ops.write = write_changes;
    made->ops.load = load;
    made->ops.read_commit = read_commit;
    made->ops.snapshot_open = snapshot_open;
    made->ops.snapshot_close = snapshot_close;
    made->ops.snapshot_get = snapshot_get;
    made->ops.scan_open = scan_open;
    made->ops.checkpoint = checkpoint;
    made->ops.measure = measure;
    made->ops.close = close_store;
    made->store.ops = &made->ops;
    return &made->store;
}

struct narrow_stores {
    riacho_store_factory factory;
    riacho_store_factory *inner;
    narrow *said;
};

static riacho_status open_store(riacho_store_factory *base, const riacho_store_spec *spec,
                                riacho_store **ret_store, riacho_error *err)
{
    struct narrow_stores *stores = (struct narrow_stores *)base;
    riacho_store *inner;
    if (stores->said->damaged > 0) {
        stores->said->damaged--;
        return riacho_fail(err, RIACHO_REJECT, "a block of the store is not what was written");
    }
    RIACHO_TRY(stores->inner->ops->open(stores->inner, spec, &inner, err));
    *ret_store = store_new(stores->said, inner);
    return RIACHO_OK;
}

static riacho_status quarantine(riacho_store_factory *base, const riacho_store_spec *spec,
                                riacho_arena *arena, const char **ret_moved_to, riacho_error *err)
{
    struct narrow_stores *stores = (struct narrow_stores *)base;
    stores->said->quarantined++;
    return stores->inner->ops->quarantine(stores->inner, spec, arena, ret_moved_to, err);
}

static uint64_t memory(riacho_store_factory *base)
{
    struct narrow_stores *stores = (struct narrow_stores *)base;
    return stores->inner->ops->memory(stores->inner);
}

static void close_stores(riacho_store_factory *base)
{
    struct narrow_stores *stores = (struct narrow_stores *)base;
    stores->inner->ops->close(stores->inner);
    free(stores);
}

riacho_store_factory *narrow_stores(narrow *said, riacho_store_factory *inner)
{
    static const riacho_store_factory_ops ops = {"narrow", open_store, quarantine, memory,
                                                 close_stores};
    struct narrow_stores *made = riacho_memory_get_zero(1, sizeof *made);
    *made = (struct narrow_stores){{&ops}, inner, said};
    return &made->factory;
}
