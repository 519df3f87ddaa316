/* SPDX-License-Identifier: MIT
 *
 * rocks_options.c - the settings of every database of a worker.
 *
 * Half of the memory is one block cache for all, indexes and filters included; the other half is
 * split into the databases' write buffers. A flush takes all column families at once (atomic), so
 * whatever part of the write-ahead log is ever lost, what remains is the state after some commit
 * and not a mixture of two. Small write buffers also keep the log short that a start after a crash
 * has to read.
 */
#include "rocks.h"

#include "base/macros.h"

enum {
    MIB = 1024 * 1024,
    MEMORY_BYTES_DEFAULT = 64 * MIB,
    TASK_COUNT_DEFAULT = 8,
    WRITE_BUFFER_BYTES_MIN = 1 * MIB,
    ARENA_BYTES_MIN = 16 * 1024,
    FILE_BUFFER_BYTES = 128 * 1024, /* of each write-ahead log, as long as it is open */
    BLOOM_BITS = 10,
    CHECKSUM_XXH3 = 4,
    FORMAT_VERSION = 5,
    LOG_LEVEL_WARN = 2,
};

/* A batch is sorted, so the place of a key in the write buffer is near that of the one before it:
 * with a hint of that place the search takes a quarter less. One hint for each first byte of keys,
 * and only without deleted ranges: RocksDB would take a hint of the keys for its list of ranges. */
static const char *const FOR_ALL = "avoid_flush_during_recovery=true";
static const char *const FOR_KEYS_ONLY =
    "avoid_flush_during_recovery=true;memtable_insert_with_hint_prefix_extractor=capped:1";

/* Of a write buffer: most keys that are asked for are not in it, and a skip list takes long to say
 * so. Every column family has such a filter from its first key on, out of the same budget: this is
 * ten bits a key for as many keys of a hundred bytes as fit. */
static const double MEMTABLE_BLOOM_SHARE = 0.0125;

/* Indexes and filters are cut into partitions: the filter of a million keys is larger than a shard
 * of the cache likes to hold, and would be read from the file again for every get. */
static void set_table(riacho_rocks_options *options)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, options->cache);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_block_based_options_set_format_version(table, FORMAT_VERSION);
    rocksdb_block_based_options_set_checksum(table, CHECKSUM_XXH3);
    options->table = table;
    rocksdb_options_set_block_based_table_factory(options->options, table);
}

static void set_buffers(rocksdb_options_t *options, size_t write_buffer_bytes)
{
    const size_t arena_bytes = write_buffer_bytes / 256;
    rocksdb_options_set_db_write_buffer_size(options, write_buffer_bytes);
    rocksdb_options_set_write_buffer_size(options, write_buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, MEMTABLE_BLOOM_SHARE);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    rocksdb_options_set_arena_block_size(options, arena_bytes > ARENA_BYTES_MIN ? arena_bytes
                                                                                : ARENA_BYTES_MIN);
    rocksdb_options_set_max_total_wal_size(options, 2 * write_buffer_bytes);
    rocksdb_options_set_atomic_flush(options, 1);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0); /* the task alone writes */
}

/* File sizes are still checked at open: that is how a file cut short is found. */
static void set_files(rocksdb_options_t *options)
{
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_max_open_files(options, 512);
    rocksdb_options_set_max_file_opening_threads(options, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_manifest_preallocation_size(options, 64 * 1024);
    rocksdb_options_set_bytes_per_sync(options, MIB);
    rocksdb_options_set_writable_file_max_buffer_size(options, FILE_BUFFER_BYTES);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_bottommost_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_WARN);
    rocksdb_options_set_keep_log_file_num(options, 3);
    rocksdb_options_set_max_log_file_size(options, 16 * MIB);
}

riacho_status riacho_rocks_options_init(riacho_rocks_options *options,
                                        const riacho_rocksdb_stores_options *wanted,
                                        riacho_error *err)
{
    const uint64_t memory = wanted->memory_bytes ? wanted->memory_bytes : MEMORY_BYTES_DEFAULT;
    const uint32_t tasks = wanted->task_count_hint ? wanted->task_count_hint : TASK_COUNT_DEFAULT;
    const uint64_t share = memory / 2 / tasks;

    /* What the C interface has no setter for comes in as text, before the objects. */
    rocksdb_options_t *base = rocksdb_options_create();
    char *message = NULL;
    *options = (riacho_rocks_options){.options = rocksdb_options_create()};
    rocksdb_get_options_from_string(base, wanted->keys_only ? FOR_KEYS_ONLY : FOR_ALL,
                                    options->options, &message);
    rocksdb_options_destroy(base);
    rocksdb_options_set_merge_operator(options->options, riacho_rocks_fold());
    options->cache = rocksdb_cache_create_lru(memory / 2);
    set_table(options);
    set_files(options->options);
    options->buffer_bytes = share > WRITE_BUFFER_BYTES_MIN ? share : WRITE_BUFFER_BYTES_MIN;
    set_buffers(options->options, options->buffer_bytes);
    options->read = rocksdb_readoptions_create();
    options->write = rocksdb_writeoptions_create();
    options->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(options->write_synced, 1);
    options->write_unlogged = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(options->write_unlogged, 1);
    return riacho_rocks_status(message, RIACHO_FATAL, "settings", err);
}

void riacho_rocks_options_done(riacho_rocks_options *options)
{
    if (!options->options)
        return;
    rocksdb_writeoptions_destroy(options->write_unlogged);
    rocksdb_writeoptions_destroy(options->write_synced);
    rocksdb_writeoptions_destroy(options->write);
    rocksdb_readoptions_destroy(options->read);
    rocksdb_options_destroy(options->options);
    rocksdb_block_based_options_destroy(options->table);
    rocksdb_cache_destroy(options->cache);
    *options = (riacho_rocks_options){0};
}
