/* SPDX-License-Identifier: MIT
 *
 * db.c - see db.h.
 */
#include "db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "varint.h"

enum {
    CHUNK_BLOCK_BYTES = 16 * 1024, /* a full chunk is a block of its own */
    FILE_BYTES = 16 * 1024 * 1024,
    LEVEL_BYTES = 64 * 1024 * 1024,
    WAL_BYTES_MAX = 64 * 1024 * 1024,
    INFO_LOG_BYTES_MAX = 1024 * 1024,
    INFO_LOG_FILES = 2,
    INFO_LOG_WARNINGS = 2, /* rocksdb::WARN_LEVEL */
    OPEN_FILES_MAX = 256,
    BACKGROUND_JOBS = 2,
    FORMAT_VERSION = 5,
    CHECKSUM_XXH3 = 4,
    /* Everything behind a damaged record of the WAL may hold acknowledged appends: opening fails
     * then, while a tail cut short by a crash, which nobody was told is safe, is dropped. */
    WAL_TOLERATE_TORN_TAIL = 0,
};

enum { FAMILIES = 3 };
static const char *const family_names[FAMILIES] = {"default", "chunks", "index"};

static rocksdb_options_t *options_new(const struct database_options *wanted)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, wanted->create);
    rocksdb_options_set_create_missing_column_families(options, wanted->create);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, WAL_TOLERATE_TORN_TAIL);
    rocksdb_options_set_db_write_buffer_size(options, wanted->memory_bytes / 2);
    rocksdb_options_set_write_buffer_size(options, wanted->memory_bytes / 4);
    rocksdb_options_set_max_total_wal_size(options, WAL_BYTES_MAX);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_bytes_per_sync(options, 1024 * 1024);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_target_file_size_base(options, FILE_BYTES);
    rocksdb_options_set_max_bytes_for_level_base(options, LEVEL_BYTES);
    rocksdb_options_set_max_compaction_bytes(options, LEVEL_BYTES);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_info_log_level(options, INFO_LOG_WARNINGS);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOG_FILES);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES_MAX);
    return options;
}

static void set_table(rocksdb_options_t *options, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_size(table, CHUNK_BLOCK_BYTES);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_format_version(table, FORMAT_VERSION);
    rocksdb_block_based_options_set_checksum(table, CHECKSUM_XXH3);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

riacho_status riacho_database_damaged(const struct database *database, const char *what,
                                      riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT,
                       "the log in %.150s is damaged: %.200s; stop, keep a copy of the folder, and "
                       "restore it from a backup",
                       database->folder, what);
}

riacho_status riacho_database_result(const struct database *database, char *problem,
                                     const char *doing, riacho_error *err)
{
    if (!problem)
        return RIACHO_OK;
    const riacho_status status =
        strncmp(problem, "Corruption", strlen("Corruption")) == 0
            ? riacho_database_damaged(database, problem, err)
            : riacho_fail(err, RIACHO_FATAL, "%s the log in %.150s: %.200s", doing,
                          database->folder, problem);
    rocksdb_free(problem);
    return status;
}

riacho_status riacho_database_open(const struct database_options *wanted, struct database *ret,
                                   riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    rocksdb_options_t *options = options_new(wanted);
    struct database database = {.folder = riacho_memory_text(wanted->folder)};
    database.cache = rocksdb_cache_create_lru(wanted->memory_bytes / 4);
    set_table(options, database.cache);

    const rocksdb_options_t *const family_options[FAMILIES] = {options, options, options};
    rocksdb_column_family_handle_t *families[FAMILIES] = {0};
    char *problem = NULL;
    database.rocksdb =
        rocksdb_open_column_families(options, riacho_format(arena, "%s/db", wanted->folder),
                                     FAMILIES, family_names, family_options, families, &problem);
    rocksdb_options_destroy(options);
    database.meta = families[0];
    database.chunks = families[1];
    database.index = families[2];
    database.reads = rocksdb_readoptions_create();
    for (int i = 0; i < 2; i++) {
        database.writes[i] = rocksdb_writeoptions_create();
        rocksdb_writeoptions_set_sync(database.writes[i], i == DURABILITY_SYNCED);
    }
    if (riacho_database_result(&database, problem, "cannot open", err) != RIACHO_OK) {
        riacho_database_close(&database);
        return RIACHO_REJECT; /* whatever it is, another try finds it unchanged */
    }
    *ret = database;
    return RIACHO_OK;
}

void riacho_database_close(struct database *database)
{
    rocksdb_column_family_handle_t *const families[] = {database->meta, database->chunks,
                                                        database->index};
    for (int i = 0; i < FAMILIES; i++) {
        if (families[i])
            rocksdb_column_family_handle_destroy(families[i]);
    }
    if (database->rocksdb)
        rocksdb_close(database->rocksdb);
    for (int i = 0; i < 2; i++) {
        if (database->writes[i])
            rocksdb_writeoptions_destroy(database->writes[i]);
    }
    if (database->reads)
        rocksdb_readoptions_destroy(database->reads);
    if (database->cache)
        rocksdb_cache_destroy(database->cache);
    free(database->folder);
    *database = (struct database){0};
}

riacho_status riacho_database_write(const struct database *database, rocksdb_writebatch_t *batch,
                                    enum durability durability, riacho_error *err)
{
    char *problem = NULL;
    rocksdb_write(database->rocksdb, database->writes[durability], batch, &problem);
    return riacho_database_result(database, problem, "cannot write", err);
}

riacho_status riacho_database_get(const struct database *database, riacho_bytes key,
                                  riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    char *problem = NULL;
    size_t size = 0;
    char *value = rocksdb_get_cf(database->rocksdb, database->reads, database->meta, key.data,
                                 key.size, &size, &problem);
    RIACHO_TRY(riacho_database_result(database, problem, "cannot read", err));
    *ret_value = riacho_copy(arena, (riacho_bytes){value, value ? size : 0});
    rocksdb_free(value);
    return RIACHO_OK;
}

void riacho_database_key(struct database_place place, int64_t offset,
                         uint8_t key[DATABASE_KEY_BYTES])
{
    big32_put(key, place.topic_id);
    big32_put(key + 4, (uint32_t)place.partition);
    big64_put(key + 8, (uint64_t)offset);
}

void riacho_database_put_chunk(const struct database *database, rocksdb_writebatch_t *batch,
                               struct database_place place, int64_t base, riacho_bytes stored,
                               riacho_bytes entry)
{
    uint8_t key[DATABASE_KEY_BYTES];
    riacho_database_key(place, base, key);
    rocksdb_writebatch_put_cf(batch, database->chunks, (const char *)key, sizeof key, stored.data,
                              stored.size);
    rocksdb_writebatch_put_cf(batch, database->index, (const char *)key, sizeof key, entry.data,
                              entry.size);
}

void riacho_database_delete_chunk(const struct database *database, rocksdb_writebatch_t *batch,
                                  struct database_place place, int64_t base)
{
    uint8_t key[DATABASE_KEY_BYTES];
    riacho_database_key(place, base, key);
    rocksdb_writebatch_delete_cf(batch, database->chunks, (const char *)key, sizeof key);
    rocksdb_writebatch_delete_cf(batch, database->index, (const char *)key, sizeof key);
}

void riacho_database_reclaim(const struct database *database, struct database_place place,
                             int64_t below)
{
    uint8_t from[DATABASE_KEY_BYTES], to[DATABASE_KEY_BYTES];
    riacho_database_key(place, 0, from);
    riacho_database_key(place, below, to);
    rocksdb_compact_range_cf(database->rocksdb, database->chunks, (const char *)from, sizeof from,
                             (const char *)to, sizeof to);
}

void riacho_cursor_open(struct cursor *cursor, const struct database *database,
                        enum cursor_over over, struct database_place place)
{
    cursor->database = database;
    cursor->reads = rocksdb_readoptions_create();
    riacho_database_key(place, 0, cursor->from);
    place.partition++;
    riacho_database_key(place, 0, cursor->to);
    rocksdb_readoptions_set_iterate_lower_bound(cursor->reads, (const char *)cursor->from,
                                                sizeof cursor->from);
    rocksdb_readoptions_set_iterate_upper_bound(cursor->reads, (const char *)cursor->to,
                                                sizeof cursor->to);
    rocksdb_readoptions_set_fill_cache(cursor->reads, over == CURSOR_INDEX);
    cursor->iterator =
        rocksdb_create_iterator_cf(database->rocksdb, cursor->reads,
                                   over == CURSOR_INDEX ? database->index : database->chunks);
}

void riacho_cursor_close(struct cursor *cursor)
{
    if (cursor->iterator)
        rocksdb_iter_destroy(cursor->iterator);
    if (cursor->reads)
        rocksdb_readoptions_destroy(cursor->reads);
    cursor->iterator = NULL;
    cursor->reads = NULL;
}

void riacho_cursor_find(struct cursor *cursor, int64_t offset)
{
    uint8_t key[DATABASE_KEY_BYTES];
    memcpy(key, cursor->from, sizeof key);
    big64_put(key + 8, (uint64_t)offset);
    rocksdb_iter_seek_for_prev(cursor->iterator, (const char *)key, sizeof key);
    char *problem = NULL;
    rocksdb_iter_get_error(cursor->iterator, &problem);
    if (problem)
        rocksdb_free(problem); /* the iterator keeps it, and riacho_cursor_get tells it */
    else if (!rocksdb_iter_valid(cursor->iterator))
        rocksdb_iter_seek_to_first(cursor->iterator);
}

void riacho_cursor_last(struct cursor *cursor)
{
    rocksdb_iter_seek_to_last(cursor->iterator);
}

void riacho_cursor_next(struct cursor *cursor)
{
    rocksdb_iter_next(cursor->iterator);
}

riacho_status riacho_cursor_get(const struct cursor *cursor, int64_t *ret_base,
                                riacho_bytes *ret_value, riacho_error *err)
{
    *ret_value = (riacho_bytes){0};
    if (!rocksdb_iter_valid(cursor->iterator)) {
        char *problem = NULL;
        rocksdb_iter_get_error(cursor->iterator, &problem);
        return riacho_database_result(cursor->database, problem, "cannot read", err);
    }
    size_t size;
    const char *key = rocksdb_iter_key(cursor->iterator, &size);
    if (size != DATABASE_KEY_BYTES)
        return riacho_database_damaged(cursor->database, "a chunk has a strange key", err);
    *ret_base = (int64_t)big64_get((const uint8_t *)key + 8);
    ret_value->data = rocksdb_iter_value(cursor->iterator, &ret_value->size);
    return RIACHO_OK;
}
