/* SPDX-License-Identifier: MIT
 *
 * rocks_scan.c - a scan is a RocksDB iterator within bounds.
 *
 * An iterator that meets damage stops as if it were at its end; only its error tells. So the end is
 * told after the error was read, here and nowhere else. Threads: one at a time.
 */
#include <assert.h>

#include "base/macros.h"
#include "base/memory.h"
#include "rocks.h"

struct riacho_store_scan {
    riacho_rocks_store *store;
    rocksdb_readoptions_t *read;
    rocksdb_iterator_t *iterator;
    bool is_backward;
    bool is_started;
};

riacho_status riacho_rocks_scan_open(riacho_store *base, riacho_store_snapshot *snapshot,
                                     uint32_t space, const riacho_range *range,
                                     riacho_store_scan **ret_scan, riacho_error *err)
{
    (void)err;
    riacho_rocks_store *store = riacho_rocks_store_of(base);
    assert(space < store->space_count);
    riacho_store_scan *scan = riacho_memory_get(sizeof *scan);
    *scan = (riacho_store_scan){.store = store,
                                .read = rocksdb_readoptions_create(),
                                .is_backward = range->direction == RIACHO_BACKWARD};
    if (range->from.data)
        rocksdb_readoptions_set_iterate_lower_bound(scan->read, range->from.data, range->from.size);
    if (range->to.data)
        rocksdb_readoptions_set_iterate_upper_bound(scan->read, range->to.data, range->to.size);
    if (snapshot)
        rocksdb_readoptions_set_snapshot(scan->read, snapshot->at);
    scan->iterator = rocksdb_create_iterator_cf(store->db, scan->read, store->spaces[space]);
    *ret_scan = scan;
    return RIACHO_OK;
}

static void step(riacho_store_scan *scan)
{
    if (!scan->is_started && scan->is_backward)
        rocksdb_iter_seek_to_last(scan->iterator);
    else if (!scan->is_started)
        rocksdb_iter_seek_to_first(scan->iterator);
    else if (rocksdb_iter_valid(scan->iterator) && scan->is_backward)
        rocksdb_iter_prev(scan->iterator);
    else if (rocksdb_iter_valid(scan->iterator))
        rocksdb_iter_next(scan->iterator);
    scan->is_started = true;
}

riacho_status riacho_rocks_scan_next(riacho_store_scan *scan, riacho_bytes *ret_key,
                                     riacho_bytes *ret_value, riacho_error *err)
{
    step(scan);
    if (rocksdb_iter_valid(scan->iterator)) {
        ret_key->data = rocksdb_iter_key(scan->iterator, &ret_key->size);
        ret_value->data = rocksdb_iter_value(scan->iterator, &ret_value->size);
        assert(ret_key->data && ret_value->data);
        return RIACHO_OK;
    }
    char *message = NULL;
    rocksdb_iter_get_error(scan->iterator, &message);
    RIACHO_TRY(riacho_rocks_result(scan->store, message, err));
    *ret_key = *ret_value = (riacho_bytes){0};
    return RIACHO_OK;
}

void riacho_rocks_scan_close(riacho_store_scan *scan)
{
    rocksdb_iter_destroy(scan->iterator);
    rocksdb_readoptions_destroy(scan->read);
    free(scan);
}
