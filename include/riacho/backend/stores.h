/* SPDX-License-Identifier: MIT
 *
 * backend/stores.h - the two places where state can live: RocksDB on disk, or memory for tests.
 */
#pragma once

#include "riacho/port/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_rocksdb_stores_options {
    const char *folder;       /* one folder for each task below it: topology/generation/task */
    uint64_t memory_bytes;    /* block cache and write buffers of all tasks together; 0: 64 MiB */
    uint32_t task_count_hint; /* write buffers are split over about this many stores; 0: 8 */
    uint64_t space_reserve_bytes; /* writes give RIACHO_RETRY below this much free disk; 0: 256 MiB
                                     or 1 %, the smaller */
    bool keys_only; /* no write deletes a range (key_end), which makes writes cheaper */
} riacho_rocksdb_stores_options;

/* The caller owns the factory and closes it with ops->close after the last store. */
RIACHO_CHECKED riacho_status
riacho_rocksdb_stores_open(const riacho_rocksdb_stores_options *options,
                           riacho_store_factory **ret_factory, riacho_error *err);

/* Stores in memory that stay when a store is closed and are found again when it is opened: what a
 * crash test needs. They go with the factory. Never fails. */
riacho_store_factory *riacho_memory_stores_new(void);

#ifdef __cplusplus
}
#endif
