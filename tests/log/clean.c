/* SPDX-License-Identifier: MIT
 *
 * clean.c - retention, merging and compaction of the embedded log: what goes, what stays, and that
 * readers notice nothing; also on a disk without room and beside a damaged partition.
 */
#include "fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/map.h"
#include "log/embedded.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* Stand in front of the libraries' functions: a test fills the disk with the first, and with the
 * second does something at the moment a cursor is opened. */
static uint64_t free_bytes_max = UINT64_MAX;
static void (*before_cursor)(void);

int statvfs(const char *path, struct statvfs *disk)
{
    static int (*real)(const char *, struct statvfs *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "statvfs");
    const int result = real(path, disk);
    if (free_bytes_max != UINT64_MAX)
        disk->f_bavail = free_bytes_max / disk->f_frsize;
    return result;
}

rocksdb_iterator_t *rocksdb_create_iterator_cf(rocksdb_t *db, const rocksdb_readoptions_t *options,
                                               rocksdb_column_family_handle_t *family)
{
    static rocksdb_iterator_t *(*real)(rocksdb_t *, const rocksdb_readoptions_t *,
                                       rocksdb_column_family_handle_t *);
    void (*const act)(void) = before_cursor;
    before_cursor = NULL;
    if (act)
        act();
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "rocksdb_create_iterator_cf");
    return real(db, options, family);
}

static void clean(struct fixture *fx)
{
    riacho_error err;
    assert_ok(riacho_embedded_log_clean(fx->log, &err));
}

static void make(struct fixture *fx, riacho_topic_spec spec)
{
    riacho_error err;
    spec.name = "t";
    spec.partitions = spec.partitions ? spec.partitions : 1;
    assert_ok(fx->log->ops->topic_ensure(fx->log, &spec, &err));
}

static int64_t first_of(struct fixture *fx)
{
    riacho_error err;
    int64_t first, next;
    assert_ok(fx->log->ops->bounds(fx->log, "t", 0, &first, &next, &err));
    return first;
}

static struct partition *partition_of(struct fixture *fx, int32_t index)
{
    struct partition *partition;
    riacho_error err;
    assert_ok(riacho_embedded_partition(riacho_embedded_of(fx->log), "t", index, &partition, &err));
    return partition;
}

static size_t count_chunks(struct fixture *fx)
{
    const struct partition *partition = partition_of(fx, 0);
    const struct embedded *log = riacho_embedded_of(fx->log);
    struct cursor cursor;
    size_t count = 0;
    bool there;
    struct chunk_head head;
    riacho_error err;
    riacho_cursor_open(&cursor, &log->database, CURSOR_INDEX, place_of(partition));
    for (riacho_cursor_find(&cursor, 0);; riacho_cursor_next(&cursor), count++) {
        assert_ok(riacho_embedded_entry(log, &cursor, INT64_MAX, &head, &there, &err));
        if (!there)
            break;
    }
    riacho_cursor_close(&cursor);
    return count;
}

/* --- retention --- */

/* Chunk i holds ten records from ten times i on, at i seconds and the milliseconds behind. */
static void append_chunks(struct fixture *fx, int count)
{
    for (int i = 0; i < count; i++) {
        char value[3000];
        memset(value, 'a' + i % 26, sizeof value - 1);
        value[sizeof value - 1] = 0;
        append_one(fx->log, "t", 0, "k", value, i * 1000);
    }
}

static void old_chunks_go_and_the_newest_stays(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){.retention_ms = 5000});
    append_chunks(fx, 10);
    static const struct {
        int64_t now_ms, first;
    } table[] = {{0, 0}, {5000, 0}, {5001, 1}, {8999, 4}, {9001, 5}, {INT64_MAX / 2, 9}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fx->clock.at_ms = table[i].now_ms;
        clean(fx);
        assert_int_equal(first_of(fx), table[i].first);
        const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
        assert_int_equal(all.count, 10 - table[i].first);
        assert_int_equal(all.items[0].offset, table[i].first);
    }
    fixture_reopen(fx);
    assert_int_equal(first_of(fx), 9);
    assert_int_equal(append_one(fx->log, "t", 0, "k", "v", 0).next, 10);
}

static void a_late_record_keeps_its_chunk(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){.retention_ms = 5000});
    append_one(fx->log, "t", 0, "k", "in the future", 100000);
    append_chunks(fx, 3);
    fx->clock.at_ms = 50000;
    clean(fx);
    assert_int_equal(first_of(fx), 0);
}

static void retention_by_size_keeps_the_newest(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){.retention_bytes = 1});
    append_chunks(fx, 20);
    clean(fx);
    assert_int_equal(first_of(fx), 19);
    make(fx, (riacho_topic_spec){.retention_bytes = 1024 * 1024});
    append_chunks(fx, 20);
    clean(fx);
    assert_int_equal(first_of(fx), 19);
}

static void without_retention_everything_stays(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){0});
    append_chunks(fx, 20);
    fx->clock.at_ms = INT64_MAX / 2;
    clean(fx);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 20);
}

/* --- without room, beside damage --- */

enum { RESERVE_BYTES = 1024 * 1024 }; /* of the fixture */

static void retention_does_not_wait_for_what_needs_room(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    const riacho_log_append more = {"t", 0, {.key = riacho_text("k")}};
    make_topic(fx->log, "merged", 1);
    for (int i = 0; i < 200; i++)
        append_many(fx->log, "merged", 0, i, 1);
    make(fx, (riacho_topic_spec){.retention_bytes = 1});
    append_chunks(fx, 10);
    free_bytes_max = RESERVE_BYTES * 3 / 4;
    assert_int_equal(fx->log->ops->append(fx->log, &more, 1, NULL, &err), RIACHO_RETRY);
    assert_int_equal(riacho_embedded_log_clean(fx->log, &err), RIACHO_RETRY);
    assert_non_null(strstr(err.text, "no room"));
    assert_int_equal(first_of(fx), 9);
}

static void a_disk_that_is_quite_full_is_not_written_to(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make(fx, (riacho_topic_spec){.retention_bytes = 1});
    append_chunks(fx, 10);
    free_bytes_max = RESERVE_BYTES / 4;
    assert_int_equal(riacho_embedded_log_clean(fx->log, &err), RIACHO_RETRY);
    assert_int_equal(first_of(fx), 0);
    free_bytes_max = UINT64_MAX;
    clean(fx);
    assert_int_equal(first_of(fx), 9);
}

/* Writes nonsense over what the index says of the chunk at `base`. */
static void spoil_entry(struct fixture *fx, int32_t index, int64_t base)
{
    const struct database *database = &riacho_embedded_of(fx->log)->database;
    uint8_t key[DATABASE_KEY_BYTES];
    char *problem = NULL;
    riacho_database_key(place_of(partition_of(fx, index)), base, key);
    rocksdb_put_cf(database->rocksdb, database->writes[DURABILITY_LATER], database->index,
                   (const char *)key, sizeof key, "?", 1, &problem);
    assert_null(problem);
}

static void a_damaged_partition_does_not_keep_others_from_being_cleaned(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    int64_t first, next;
    make(fx, (riacho_topic_spec){.partitions = 3, .retention_bytes = 1});
    for (int32_t partition = 0; partition < 3; partition++) {
        for (int i = 0; i < 5; i++)
            append_one(fx->log, "t", partition, "k", "v", 0);
    }
    spoil_entry(fx, 0, 0);
    assert_int_equal(riacho_embedded_log_clean(fx->log, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "damaged"));
    for (int32_t partition = 0; partition < 3; partition++) {
        assert_ok(fx->log->ops->bounds(fx->log, "t", partition, &first, &next, &err));
        assert_int_equal(first, partition ? 4 : 0);
    }
}

/* --- a reader beside retention --- */

static struct fixture *overtaken;

static void append_and_clean(void)
{
    append_chunks(overtaken, 5);
    clean(overtaken);
}

static riacho_status poll_once(struct fixture *fx, void (*meanwhile)(void),
                               riacho_log_batch **ret_batch, riacho_error *ret_err)
{
    riacho_log_reader *reader;
    riacho_error err;
    const riacho_log_assignment assignment = {"t", 0, 0, 0};
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    before_cursor = meanwhile;
    const riacho_status status = fx->log->ops->poll(reader, 0, ret_batch, ret_err);
    before_cursor = NULL;
    fx->log->ops->reader_close(reader);
    return status;
}

static void a_reader_that_retention_overtakes_goes_on_behind_it(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    riacho_log_batch *batch;
    make(fx, (riacho_topic_spec){.retention_bytes = 1});
    append_chunks(fx, 5);
    overtaken = fx;
    assert_ok(poll_once(fx, append_and_clean, &batch, &err));
    assert_int_equal(first_of(fx), 9);
    assert_non_null(batch);
    assert_int_equal(batch->count, 1);
    assert_int_equal(batch->records[0].offset, 9);
    assert_int_equal(batch->next, 10);
    fx->log->ops->batch_free(batch);
}

static void records_that_are_gone_without_retention_are_damage(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    riacho_log_batch *batch;
    make(fx, (riacho_topic_spec){0});
    append_chunks(fx, 1);
    const struct database *database = &riacho_embedded_of(fx->log)->database;
    rocksdb_writebatch_t *deletion = rocksdb_writebatch_create();
    riacho_database_delete_chunk(database, deletion, place_of(partition_of(fx, 0)), 0);
    assert_ok(riacho_database_write(database, deletion, DURABILITY_LATER, &err));
    rocksdb_writebatch_destroy(deletion);
    assert_int_equal(poll_once(fx, NULL, &batch, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "records are missing"));
}

/* --- merging --- */

static void small_chunks_become_large_ones(void **state)
{
    struct fixture *fx = *state;
    enum { RECORDS = 3000 };
    make(fx, (riacho_topic_spec){0});
    for (int i = 0; i < RECORDS; i++)
        append_many(fx->log, "t", 0, i, 1);
    assert_int_equal(count_chunks(fx), RECORDS);
    for (int round = 0; round < 4; round++) {
        clean(fx);
        const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
        assert_int_equal(all.count, RECORDS);
        for (int i = 0; i < RECORDS; i++) {
            assert_int_equal(all.items[i].offset, i);
            assert_int_equal(all.items[i].timestamp_ms, i);
            assert_bytes(all.items[i].key, riacho_format(fx->arena, "k%d", i));
        }
        fixture_reopen(fx);
    }
    assert_true(count_chunks(fx) < RECORDS / 40);
    assert_int_equal(append_one(fx->log, "t", 0, "k", "v", 0).next, RECORDS);
}

static void merging_goes_on_where_it_stopped(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){0});
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++)
            append_many(fx->log, "t", 0, round * 100 + i, 1);
        clean(fx);
        assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, round * 100 + 100);
    }
    assert_true(count_chunks(fx) < 100);
}

static void a_reader_in_the_middle_is_undisturbed(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    enum { RECORDS = 1000 };
    make(fx, (riacho_topic_spec){0});
    for (int i = 0; i < RECORDS; i++)
        append_many(fx->log, "t", 0, i, 1);
    riacho_log_reader *reader;
    const riacho_log_assignment assignment = {"t", 0, 37, 0};
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    int64_t next = 37;
    for (riacho_log_batch *batch;; fx->log->ops->batch_free(batch)) {
        clean(fx);
        assert_ok(fx->log->ops->poll(reader, 0, &batch, &err));
        if (!batch)
            break;
        for (size_t i = 0; i < batch->count; i++)
            assert_int_equal(batch->records[i].offset, next++);
    }
    assert_int_equal(next, RECORDS);
    fx->log->ops->reader_close(reader);
}

/* --- compaction --- */

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* What was appended, for comparison: the value of each offset, and the last offset of each key. */
struct model {
    char **keys;
    char **values; /* NULL: a tombstone */
    size_t count;
};

static void model_append(struct fixture *fx, struct model *model, uint64_t *seed, size_t count,
                         uint32_t keys)
{
    riacho_error err;
    riacho_arena *arena = riacho_arena_new();
    riacho_log_append *appends = riacho_alloc_zero(arena, count, sizeof *appends);
    for (size_t i = 0; i < count; i++) {
        const size_t at = model->count++;
        model->keys[at] = riacho_format(fx->arena, "key%u", next_random(seed) % keys);
        model->values[at] =
            next_random(seed) % 5 ? riacho_format(fx->arena, "value %zu", at) : NULL;
        appends[i] = (riacho_log_append){"t",
                                         0,
                                         {.timestamp_ms = (int64_t)at,
                                          .key = riacho_text(model->keys[at]),
                                          .value = riacho_text(model->values[at])}};
    }
    assert_ok(fx->log->ops->append(fx->log, appends, count, NULL, &err));
    riacho_arena_free(arena);
}

enum tombstones { KEPT, DROPPED };

/* The log holds exactly the last record of each key (and always the last of all). */
static void assert_compacted(struct fixture *fx, const struct model *model,
                             enum tombstones tombstones)
{
    riacho_arena *arena = riacho_arena_new();
    const struct records all = read_all(fx->log, arena, "t", 0, 0);
    riacho_map last = {0};
    for (size_t i = 0; i < model->count; i++)
        riacho_map_put(&last, riacho_text(model->keys[i]))->value = (void *)(uintptr_t)(i + 1);
    size_t at = 0;
    for (size_t i = 0; i < model->count; i++) {
        const bool is_last = (uintptr_t)riacho_map_get(&last, riacho_text(model->keys[i])) == i + 1;
        if (!is_last || (tombstones == DROPPED && !model->values[i] && i + 1 < model->count))
            continue;
        assert_true(at < all.count);
        assert_int_equal(all.items[at].offset, i);
        assert_int_equal(all.items[at].timestamp_ms, i);
        assert_bytes(all.items[at].key, model->keys[i]);
        assert_bytes(all.items[at].value, model->values[i]);
        at++;
    }
    assert_int_equal(at, all.count);
    assert_int_equal(all.next, model->count);
    riacho_map_done(&last);
    riacho_arena_free(arena);
}

static void model_init(struct fixture *fx, struct model *model, size_t room)
{
    *model = (struct model){.keys = riacho_alloc_zero(fx->arena, room, sizeof(char *)),
                            .values = riacho_alloc_zero(fx->arena, room, sizeof(char *))};
}

static void the_last_record_of_each_key_stays(void **state)
{
    struct fixture *fx = *state;
    static const uint32_t key_counts[] = {1, 10, 300, 100000};
    for (size_t run = 0; run < sizeof key_counts / sizeof *key_counts; run++) {
        struct model model;
        uint64_t seed = run + 1;
        fixture_close(fx);
        fixture_open(fx, EMBEDDED);
        model_init(fx, &model, 8000);
        make(fx, (riacho_topic_spec){.cleanup = RIACHO_CLEANUP_COMPACT});
        while (model.count < 6000) {
            model_append(fx, &model, &seed, 1 + next_random(&seed) % 300, key_counts[run]);
            if (next_random(&seed) % 8)
                continue;
            if (next_random(&seed) % 2)
                fixture_reopen(fx);
            clean(fx);
            assert_compacted(fx, &model, KEPT);
        }
        clean(fx);
        assert_compacted(fx, &model, KEPT);
        fx->clock.at_ms += DAY_MS;
        clean(fx);
        assert_compacted(fx, &model, DROPPED);
        fixture_reopen(fx);
        assert_compacted(fx, &model, DROPPED);
    }
}

static void tombstones_stay_for_a_day(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){.cleanup = RIACHO_CLEANUP_COMPACT});
    append_one(fx->log, "t", 0, "a", "1", 0);
    append_one(fx->log, "t", 0, "a", NULL, 0);
    append_one(fx->log, "t", 0, "b", "2", 0);
    clean(fx);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 2);
    fx->clock.at_ms += DAY_MS - 1;
    clean(fx);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 2);
    fx->clock.at_ms += 1;
    clean(fx);
    const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
    assert_int_equal(all.count, 1);
    assert_bytes(all.items[0].key, "b");
    assert_int_equal(first_of(fx), 2);
}

/* More keys than the map of one pass can hold with the memory of the fixture. */
static void many_keys_take_several_passes(void **state)
{
    struct fixture *fx = *state;
    enum { KEYS = 60000 };
    struct model model;
    uint64_t seed = 99;
    model_init(fx, &model, 2 * KEYS);
    make(fx, (riacho_topic_spec){.cleanup = RIACHO_CLEANUP_COMPACT});
    for (int i = 0; i < 4; i++)
        model_append(fx, &model, &seed, 2 * KEYS / 4, KEYS);
    clean(fx);
    assert_compacted(fx, &model, KEPT);
}

static void records_without_a_key_survive_a_change_to_compaction(void **state)
{
    struct fixture *fx = *state;
    make(fx, (riacho_topic_spec){0});
    append_one(fx->log, "t", 0, NULL, "1", 0);
    append_one(fx->log, "t", 0, "a", "2", 0);
    append_one(fx->log, "t", 0, "a", "3", 0);
    make(fx, (riacho_topic_spec){.cleanup = RIACHO_CLEANUP_COMPACT});
    clean(fx);
    const struct records all = read_all(fx->log, fx->arena, "t", 0, 0);
    assert_int_equal(all.count, 2);
    assert_bytes(all.items[0].value, "1");
    assert_bytes(all.items[1].value, "3");
}

/* --- the thread --- */

static void the_cleaner_works_by_itself(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    fx->log->ops->close(fx->log);
    riacho_embedded_log_options options = fixture_options(fx);
    options.cleanup_interval_ms = 5;
    assert_ok(riacho_embedded_log_open(&options, &fx->log, &err));
    make(fx, (riacho_topic_spec){.retention_bytes = 1});
    append_chunks(fx, 5);
    const struct timespec pause = {.tv_nsec = 5 * 1000000};
    for (int i = 0; i < 2000 && first_of(fx) < 4; i++)
        nanosleep(&pause, NULL);
    assert_int_equal(first_of(fx), 4);
}

static void many_small_appends_wake_the_cleaner(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    fx->log->ops->close(fx->log);
    riacho_embedded_log_options options = fixture_options(fx);
    options.cleanup_interval_ms = 3600 * 1000;
    assert_ok(riacho_embedded_log_open(&options, &fx->log, &err));
    make(fx, (riacho_topic_spec){0});
    for (int i = 0; i < 300; i++)
        append_many(fx->log, "t", 0, i, 1);
    const struct timespec pause = {.tv_nsec = 5 * 1000000};
    for (int i = 0; i < 2000 && count_chunks(fx) > 150; i++)
        nanosleep(&pause, NULL);
    assert_true(count_chunks(fx) <= 150);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 300);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, EMBEDDED);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    free_bytes_max = UINT64_MAX;
    before_cursor = NULL;
    fixture_close(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(old_chunks_go_and_the_newest_stays),
        TEST(a_late_record_keeps_its_chunk),
        TEST(retention_by_size_keeps_the_newest),
        TEST(without_retention_everything_stays),
        TEST(retention_does_not_wait_for_what_needs_room),
        TEST(a_disk_that_is_quite_full_is_not_written_to),
        TEST(a_damaged_partition_does_not_keep_others_from_being_cleaned),
        TEST(a_reader_that_retention_overtakes_goes_on_behind_it),
        TEST(records_that_are_gone_without_retention_are_damage),
        TEST(small_chunks_become_large_ones),
        TEST(merging_goes_on_where_it_stopped),
        TEST(a_reader_in_the_middle_is_undisturbed),
        TEST(the_last_record_of_each_key_stays),
        TEST(tombstones_stay_for_a_day),
        TEST(many_keys_take_several_passes),
        TEST(records_without_a_key_survive_a_change_to_compaction),
        TEST(the_cleaner_works_by_itself),
        TEST(many_small_appends_wake_the_cleaner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
