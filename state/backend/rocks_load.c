/* SPDX-License-Identifier: MIT
 *
 * rocks_load.c - filling a store, and flushes.
 *
 * What is loaded passes by the write-ahead log and is in the write buffer alone, until the buffer
 * is full or the next write comes, which flushes all of it first. A crash between the two leaves
 * the meta of the last write, and any part of what was loaded behind it. Keys come sorted, so that
 * each lands in the buffer beside the one before it. Compactions wait meanwhile: they would read
 * and write again what the next minute adds to.
 *
 * Memory: no more than twice the write buffer; then it waits for the flush.
 */
#include <time.h>

#include "base/macros.h"
#include "rocks.h"

enum { BATCH_BYTES = 1024 * 1024, LOOKS_MAX = 30000 };

static const struct timespec LOOK_PAUSE = {.tv_nsec = 1000000};

/* ---- flushes --------------------------------------------------------------------------------- */

/* Whether RocksDB has flushes of its own under way or about to be. */
static bool is_flushing(const riacho_rocks_store *store)
{
    uint64_t count = 0;
    rocksdb_property_int(store->db, "rocksdb.num-running-flushes", &count);
    for (size_t i = 0; i < store->family_count && !count; i++)
        rocksdb_property_int_cf(store->db, store->families[i], "rocksdb.mem-table-flush-pending",
                                &count);
    return count != 0;
}

/* More than may wait in memory at once. */
static bool is_full(const riacho_rocks_store *store)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < store->family_count; i++) {
        uint64_t buffers = 0;
        rocksdb_property_int_cf(store->db, store->families[i], "rocksdb.cur-size-all-mem-tables",
                                &buffers);
        bytes += buffers;
    }
    return bytes > 2 * store->stores->options.buffer_bytes && is_flushing(store);
}

static riacho_status wait_while(bool (*condition)(const riacho_rocks_store *),
                                const riacho_rocks_store *store, riacho_error *err)
{
    for (int look = 0; look < LOOKS_MAX; look++) {
        if (!condition(store))
            return RIACHO_OK;
        nanosleep(&LOOK_PAUSE, NULL);
    }
    return riacho_fail(err, RIACHO_RETRY, "the disk of %s has not taken a write buffer for %d s",
                       store->folder, LOOKS_MAX / 1000);
}

/* A flush of one family that is asked for while an atomic one of all waits gives its families
 * different reasons, and RocksDB 7.8 ends the process over that. Nobody writes meanwhile, so what
 * is under way ends. */
riacho_status riacho_rocks_flush(riacho_rocks_store *store, riacho_error *err)
{
    RIACHO_TRY(wait_while(is_flushing, store, err));
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *message = NULL;
    rocksdb_flushoptions_set_wait(options, 1);
    for (size_t i = 0; i < store->family_count && !message; i++)
        rocksdb_flush_cf(store->db, options, store->families[i], &message);
    rocksdb_flushoptions_destroy(options);
    return riacho_rocks_result(store, message, err);
}

/* ---- loading --------------------------------------------------------------------------------- */

static riacho_status set_compactions(riacho_rocks_store *store, const char *disabled,
                                     riacho_error *err)
{
    const char *const name = "disable_auto_compactions";
    char *message = NULL;
    for (size_t i = 0; i < store->family_count && !message; i++)
        rocksdb_set_options_cf(store->db, store->families[i], 1, &name, &disabled, &message);
    return riacho_rocks_result(store, message, err);
}

/* What fits into memory makes one file, and nothing to compact. */
static riacho_status hold_compactions(riacho_rocks_store *store, riacho_error *err)
{
    if (store->is_held || !is_flushing(store))
        return RIACHO_OK;
    RIACHO_TRY(set_compactions(store, "true", err));
    store->is_held = true;
    return RIACHO_OK;
}

static riacho_status write_batch(riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                                 riacho_error *err)
{
    size_t bytes;
    char *message = NULL;
    rocksdb_writebatch_data(batch, &bytes);
    RIACHO_TRY(riacho_rocks_room(store->stores, bytes, err));
    RIACHO_TRY(wait_while(is_full, store, err));
    store->is_loaded = true;
    rocksdb_write(store->db, store->stores->options.write_unlogged, batch, &message);
    rocksdb_writebatch_clear(batch);
    RIACHO_TRY(riacho_rocks_result(store, message, err));
    return hold_compactions(store, err);
}

static riacho_status load(riacho_rocks_store *store, rocksdb_writebatch_t *batch,
                          const riacho_change *items, size_t count, riacho_error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        riacho_rocks_add_change(store, batch, &items[i]);
        rocksdb_writebatch_data(batch, &bytes);
        if (bytes >= BATCH_BYTES || i + 1 == count)
            RIACHO_TRY(write_batch(store, batch, err));
    }
    return RIACHO_OK;
}

riacho_status riacho_rocks_load(riacho_store *base, const riacho_change *items, size_t count,
                                riacho_error *err)
{
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    rocksdb_set_perf_level(rocksdb_disable); /* as count_nothing */
    rocksdb_writebatch_t *batch = riacho_rocks_take_batch(store->stores);
    const riacho_status status = load(store, batch, items, count, err);
    riacho_rocks_give_batch_back(store->stores, batch);
    return status;
}

riacho_status riacho_rocks_keep_loaded(riacho_rocks_store *store, riacho_error *err)
{
    if (!store->is_loaded)
        return RIACHO_OK;
    RIACHO_TRY(riacho_rocks_room(store->stores, 0, err));
    RIACHO_TRY(riacho_rocks_flush(store, err));
    store->is_loaded = false;
    if (!store->is_held)
        return RIACHO_OK;
    store->is_held = false;
    return set_compactions(store, "false", err);
}
