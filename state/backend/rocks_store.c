/* SPDX-License-Identifier: MIT
 *
 * rocks_store.c - reads and writes of one open store.
 *
 * A write is one batch: the changes, the meta and the outbox. The write-ahead log takes it before
 * the call returns, not synced: it outlives the process, and the event log, which is synced,
 * outlives the machine. Threads: as the port says.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "damage.h"
#include "files.h"
#include "meta.h"
#include "rocks.h"

riacho_rocks_store *riacho_rocks_store_of(riacho_store *base)
{
    assert(base->ops == &riacho_rocks_store_ops);
    return (riacho_rocks_store *)base;
}

/* Damage is what RocksDB calls so, and a file that its own lists name and that is not there. */
static bool is_damage(const char *message)
{
    return strncmp(message, "Corruption", 10) == 0 ||
           strstr(message, "No such file or directory") != NULL ||
           strstr(message, "does not exist") != NULL;
}

riacho_status riacho_rocks_status(char *message, riacho_status damage, const char *what,
                                  riacho_error *err)
{
    if (!message)
        return RIACHO_OK;
    riacho_status status = RIACHO_FATAL;
    if (is_damage(message))
        status = damage;
    else if (strstr(message, "IO error: lock hold") || strstr(message, "IO error: While lock"))
        status = RIACHO_RETRY;
    riacho_fail(err, status, "%s: %s", what, message);
    rocksdb_free(message);
    return status;
}

/* The first to meet the damage marks it. What is not marked, for want of room, is marked when the
 * next start meets it. */
static void mark(riacho_rocks_store *store, const char *reason)
{
    riacho_error err = {.text = ""};
    if (atomic_exchange(&store->is_damaged, true))
        return;
    if (riacho_damage_write(store->folder, reason, &err) != RIACHO_OK)
        riacho_trace(RIACHO_WARN, "damaged state could not be marked for the next start", "folder",
                     store->folder, "damage", reason, "cause", err.text, NULL);
}

riacho_status riacho_rocks_result(riacho_rocks_store *store, char *message, riacho_error *err)
{
    if (message && store->damage == RIACHO_FATAL && is_damage(message))
        mark(store, message);
    return riacho_rocks_status(message, store->damage, store->folder, err);
}

/* A batch goes to the write-ahead log now and to a table file later, so it counts twice. */
riacho_status riacho_rocks_room(const riacho_rocks_stores *stores, uint64_t bytes,
                                riacho_error *err)
{
    uint64_t free_bytes, total_bytes;
    RIACHO_TRY(riacho_files_space(stores->folder, &free_bytes, &total_bytes, err));
    if (free_bytes >= stores->space_reserve_bytes + 2 * bytes)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_RETRY,
                       "the disk of %s has %" PRIu64 " MiB free, and %" PRIu64
                       " MiB must stay free",
                       stores->folder, free_bytes >> 20, stores->space_reserve_bytes >> 20);
}

/* Each comparison of keys counts itself in memory of the thread unless told not to, which takes as
 * long as the comparison. RocksDB remembers it for each thread. */
static void count_nothing(void)
{
    rocksdb_set_perf_level(rocksdb_disable);
}

static rocksdb_column_family_handle_t *family_of(const riacho_rocks_store *store, uint32_t space)
{
    assert(space < store->space_count);
    return store->spaces[space];
}

riacho_status riacho_rocks_get(riacho_rocks_store *store, const rocksdb_readoptions_t *options,
                               rocksdb_column_family_handle_t *family, riacho_bytes key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    char *message = NULL;
    count_nothing();
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned_cf(store->db, options, family, key.data, key.size, &message);
    RIACHO_TRY(riacho_rocks_result(store, message, err));
    *ret_value = (riacho_bytes){0};
    if (!found)
        return RIACHO_OK;
    riacho_bytes value;
    value.data = rocksdb_pinnableslice_value(found, &value.size);
    *ret_value = riacho_copy(arena, value.data ? value : (riacho_bytes){"", 0});
    rocksdb_pinnableslice_destroy(found);
    return RIACHO_OK;
}

static riacho_status store_get(riacho_store *base, uint32_t space, riacho_bytes key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    return riacho_rocks_get(store, store->stores->options.read, family_of(store, space), key, arena,
                            ret_value, err);
}

/* A batch is as large as the commit that it held, and few stores are written at a time: they share
 * one, as far as it is free. */
rocksdb_writebatch_t *riacho_rocks_take_batch(riacho_rocks_stores *stores)
{
    pthread_mutex_lock(&stores->lock);
    rocksdb_writebatch_t *batch = stores->spare_batch;
    stores->spare_batch = NULL;
    pthread_mutex_unlock(&stores->lock);
    return batch ? batch : rocksdb_writebatch_create();
}

void riacho_rocks_give_batch_back(riacho_rocks_stores *stores, rocksdb_writebatch_t *batch)
{
    enum { BYTES_KEPT_MAX = 16 * 1024 * 1024 };
    size_t bytes;
    rocksdb_writebatch_data(batch, &bytes);
    rocksdb_writebatch_clear(batch); /* keeps the memory */
    pthread_mutex_lock(&stores->lock);
    if (!stores->spare_batch && bytes <= BYTES_KEPT_MAX) {
        stores->spare_batch = batch;
        batch = NULL;
    }
    pthread_mutex_unlock(&stores->lock);
    if (batch)
        rocksdb_writebatch_destroy(batch);
}

void riacho_rocks_add_change(const riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                             const riacho_change *change)
{
    rocksdb_column_family_handle_t *family = family_of(store, change->space);
    assert(!change->key_end.data || !store->stores->keys_only);
    if (change->key_end.data)
        rocksdb_writebatch_delete_range_cf(batch, family, change->key.data, change->key.size,
                                           change->key_end.data, change->key_end.size);
    else if (change->verb == RIACHO_CHANGE_FOLD)
        rocksdb_writebatch_merge_cf(batch, family, change->key.data, change->key.size,
                                    change->value.data, change->value.size);
    else if (change->value.data)
        rocksdb_writebatch_put_cf(batch, family, change->key.data, change->key.size,
                                  change->value.data, change->value.size);
    else
        rocksdb_writebatch_delete_cf(batch, family, change->key.data, change->key.size);
}

static void add_meta(riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                     const riacho_commit_meta *meta)
{
    riacho_buffer_reset(&store->meta);
    riacho_meta_encode(meta, &store->meta);
    rocksdb_writebatch_put(batch, RIACHO_ROCKS_META, strlen(RIACHO_ROCKS_META),
                           (const char *)store->meta.data, store->meta.size);
    if (meta->outbox.size)
        rocksdb_writebatch_put(batch, RIACHO_ROCKS_OUTBOX, strlen(RIACHO_ROCKS_OUTBOX),
                               meta->outbox.data, meta->outbox.size);
    else if (store->has_outbox)
        rocksdb_writebatch_delete(batch, RIACHO_ROCKS_OUTBOX, strlen(RIACHO_ROCKS_OUTBOX));
}

static riacho_status write_batch(riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                                 const riacho_changes *changes, riacho_error *err)
{
    size_t batch_bytes;
    char *message = NULL;
    for (size_t i = 0; i < changes->count; i++)
        riacho_rocks_add_change(store, batch, &changes->items[i]);
    add_meta(store, batch, &changes->meta);
    rocksdb_writebatch_data(batch, &batch_bytes);
    RIACHO_TRY(riacho_rocks_room(store->stores, batch_bytes, err));
    rocksdb_write(store->db, store->stores->options.write, batch, &message);
    return riacho_rocks_result(store, message, err);
}

static riacho_status store_write(riacho_store *base, const riacho_changes *changes,
                                 riacho_error *err)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    RIACHO_TRY(riacho_rocks_keep_loaded(store, err));
    rocksdb_writebatch_t *batch = riacho_rocks_take_batch(store->stores);
    count_nothing();
    const riacho_status status = write_batch(store, batch, changes, err);
    riacho_rocks_give_batch_back(store->stores, batch);
    RIACHO_TRY(status);
    store->has_outbox = changes->meta.outbox.size > 0;
    store->number = changes->meta.number;
    return RIACHO_OK;
}

static riacho_status store_read_commit(riacho_store *base, riacho_arena *arena,
                                       riacho_commit_meta *ret_meta, riacho_error *err)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    const rocksdb_readoptions_t *read = store->stores->options.read;
    riacho_bytes bytes, outbox;
    riacho_commit_meta meta = {.stream_time_ms = INT64_MIN};
    RIACHO_TRY(riacho_rocks_get(store, read, store->families[0], riacho_text(RIACHO_ROCKS_META),
                                arena, &bytes, err));
    RIACHO_TRY(riacho_rocks_get(store, read, store->families[0], riacho_text(RIACHO_ROCKS_OUTBOX),
                                arena, &outbox, err));
    if (bytes.data && riacho_meta_decode(bytes, arena, &meta, err) != RIACHO_OK)
        return RIACHO_FATAL;
    meta.outbox = outbox;
    *ret_meta = meta;
    return RIACHO_OK;
}

static riacho_store_snapshot *store_snapshot_open(riacho_store *base)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    riacho_store_snapshot *snapshot = riacho_memory_get(sizeof *snapshot);
    *snapshot =
        (riacho_store_snapshot){rocksdb_create_snapshot(store->db), rocksdb_readoptions_create()};
    rocksdb_readoptions_set_snapshot(snapshot->read, snapshot->at);
    return snapshot;
}

static void store_snapshot_close(riacho_store *base, riacho_store_snapshot *snapshot)
{
    rocksdb_release_snapshot(riacho_rocks_store_of(base)->db, snapshot->at);
    rocksdb_readoptions_destroy(snapshot->read);
    free(snapshot);
}

static riacho_status store_snapshot_get(riacho_store *base, riacho_store_snapshot *snapshot,
                                        uint32_t space, riacho_bytes key, riacho_arena *arena,
                                        riacho_bytes *ret_value, riacho_error *err)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    return riacho_rocks_get(store, snapshot->read, family_of(store, space), key, arena, ret_value,
                            err);
}

/* Hard links, so it takes milliseconds; what is still in memory is flushed first, so the copy has
 * the last commit. Its STORE_ID tells the layout to a later version. */
static riacho_status store_checkpoint(riacho_store *base, const char *folder, riacho_error *err)
{
    const riacho_rocks_store *store = riacho_rocks_store_of(base);
    struct stat there;
    char *message = NULL;
    if (stat(folder, &there) == 0)
        return riacho_fail(err, RIACHO_REJECT, "the checkpoint folder %s is already there", folder);
    RIACHO_TRY(riacho_rocks_room(store->stores, 0, err));
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(store->db, &message);
    if (!message)
        rocksdb_checkpoint_create(checkpoint, folder, 0, &message);
    if (checkpoint)
        rocksdb_checkpoint_object_destroy(checkpoint);
    RIACHO_TRY(riacho_rocks_status(message, RIACHO_FATAL, folder, err));
    riacho_identity identity = store->identity;
    identity.number = store->number;
    return riacho_identity_write(folder, &identity, err);
}

static uint64_t measure_one(const riacho_rocks_store *store, uint32_t space, const char *property)
{
    uint64_t value = 0;
    if (rocksdb_property_int_cf(store->db, family_of(store, space), property, &value) != 0)
        return 0;
    return value;
}

static void store_measure(riacho_store *base, uint32_t space, uint64_t *ret_keys,
                          uint64_t *ret_bytes)
{
    const riacho_rocks_store *store = riacho_rocks_store_of(base);
    *ret_keys = measure_one(store, space, "rocksdb.estimate-num-keys");
    *ret_bytes = measure_one(store, space, "rocksdb.estimate-live-data-size") +
                 measure_one(store, space, "rocksdb.cur-size-all-mem-tables");
}

/* Tells the identity file the last commit, once that commit is on the disk. */
static riacho_status settle(riacho_rocks_store *store)
{
    char *message = NULL;
    rocksdb_flush_wal(store->db, 1, &message);
    RIACHO_TRY(riacho_rocks_result(store, message, NULL));
    store->identity.number = store->number;
    return riacho_identity_write(store->folder, &store->identity, NULL);
}

/* What fails here fails again, and is then told, at the next open. Without room the log just stays.
 * One family at a time is safe here, though not atomic: the identity file already asks for the last
 * commit. */
static void store_close(riacho_store *base)
{
    if (!base)
        return;
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    if (store->number != store->identity.number && settle(store) == RIACHO_OK &&
        riacho_rocks_room(store->stores, 0, NULL) == RIACHO_OK)
        (void)!riacho_rocks_flush(store, NULL);
    riacho_rocks_store_free(store);
}

const riacho_store_ops riacho_rocks_store_ops = {
    .name = "rocksdb",
    .get = store_get,
    .write = store_write,
    .load = riacho_rocks_load,
    .read_commit = store_read_commit,
    .snapshot_open = store_snapshot_open,
    .snapshot_close = store_snapshot_close,
    .snapshot_get = store_snapshot_get,
    .scan_open = riacho_rocks_scan_open,
    .scan_next = riacho_rocks_scan_next,
    .scan_close = riacho_rocks_scan_close,
    .checkpoint = store_checkpoint,
    .measure = store_measure,
    .close = store_close,
};
