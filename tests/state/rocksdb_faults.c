/* SPDX-License-Identifier: MIT
 *
 * rocksdb_faults.c - what the RocksDB backend does when its files are damaged or gone, and when the
 * disk is full.
 */
#include "folders.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/hash.h"

/* Stands in front of the C library's: a test fills the disk with it. */
static bool is_disk_full;

int statvfs(const char *path, struct statvfs *disk)
{
    static int (*real)(const char *, struct statvfs *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "statvfs");
    const int result = real(path, disk);
    if (is_disk_full)
        disk->f_bavail = 0;
    return result;
}

static int setup(void **state)
{
    *state = fixture_new(FIXTURE_ROCKSDB);
    return 0;
}

static int teardown(void **state)
{
    is_disk_full = false;
    fixture_free(*state);
    return 0;
}

/* ---- content ---- */

enum { ROWS = 3000, ROW_BYTES = 100 };

/* Rows that compression cannot make small, so that they fill many blocks. */
static void fill(fixture *f)
{
    static riacho_change changes[ROWS];
    uint64_t seed = 11;
    for (int row = 0; row < ROWS; row++) {
        uint64_t *value = riacho_alloc(f->arena, ROW_BYTES);
        for (size_t i = 0; i < ROW_BYTES / 8; i++)
            value[i] = fixture_random(&seed);
        changes[row] = (riacho_change){.key = riacho_text(riacho_format(f->arena, "%06d", row)),
                                       .value = {value, ROW_BYTES / 8 * 8}};
    }
    fixture_write(f, changes, ROWS);
}

/* Reads all rows of space 0; tells how many came before the status. */
static riacho_status scan_all(fixture *f, int *ret_rows)
{
    riacho_store_scan *scan;
    riacho_bytes key, value;
    riacho_status status;
    fixture_ok(f, f->store->ops->scan_open(f->store, NULL, 0, &(riacho_range){0}, &scan, &f->err));
    for (*ret_rows = 0;; ++*ret_rows) {
        status = f->store->ops->scan_next(scan, &key, &value, &f->err);
        if (status != RIACHO_OK || !key.data)
            break;
    }
    f->store->ops->scan_close(scan);
    return status;
}

/* ---- damage ---- */

static void flip(fixture *f, const char *part, size_t numerator)
{
    riacho_buffer content = {0};
    const char *path = folder_find(f, part);
    folder_read_file(path, &content);
    content.data[content.size * numerator / 8] ^= 0x40;
    folder_write_file(path, &content);
    riacho_buffer_done(&content);
}

static void cut_in_half(fixture *f, const char *part)
{
    struct stat info;
    const char *path = folder_find(f, part);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size / 2), 0);
}

static void cut_table(fixture *f)
{
    cut_in_half(f, ".sst");
}

static void delete_tables(fixture *f)
{
    folder_delete_files(f, ".sst");
}

static void delete_current(fixture *f)
{
    folder_delete_files(f, "CURRENT");
}

static void delete_manifest(fixture *f)
{
    folder_delete_files(f, "MANIFEST");
}

static void flip_manifest(fixture *f)
{
    flip(f, "MANIFEST", 4);
}

static void flip_identity(fixture *f)
{
    flip(f, "STORE_ID", 3);
}

static void empty_identity(fixture *f)
{
    assert_int_equal(truncate(folder_find(f, "STORE_ID"), 0), 0);
}

/* The store of an older backup under the identity of today. */
static void raise_identity(fixture *f)
{
    riacho_buffer content = {0};
    const char *identity = folder_find(f, "STORE_ID");
    fixture_close_store(f);
    const char *old = riacho_format(f->arena, "%s.old", fixture_store_folder(f));
    folder_copy(f, fixture_store_folder(f), old);
    fixture_ok(f, fixture_open_store(f));
    fixture_put(f, 0, "k", "v");
    fixture_close_store(f);
    folder_read_file(identity, &content);
    fixture_remove_folder(fixture_store_folder(f));
    assert_int_equal(rename(old, fixture_store_folder(f)), 0);
    folder_write_file(identity, &content);
    riacho_buffer_done(&content);
}

static void damage_is_told_at_open_and_moved_aside(void **state)
{
    static const struct {
        const char *name;
        void (*damage)(fixture *);
    } damages[] = {
        {"a table file cut short", cut_table},
        {"table files deleted", delete_tables},
        {"CURRENT deleted", delete_current},
        {"the manifest deleted", delete_manifest},
        {"a bit of the manifest turned over", flip_manifest},
        {"a bit of STORE_ID turned over", flip_identity},
        {"STORE_ID empty", empty_identity},
        {"an older state put back", raise_identity},
    };
    fixture *f = *state;
    const riacho_store_spec spec = fixture_spec();
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *moved_to;
        fill(f);
        fixture_close_store(f);
        damages[i].damage(f);
        const size_t tables = folder_count(fixture_store_folder(f), ".sst");
        const size_t currents = folder_count(fixture_store_folder(f), "CURRENT");
        const riacho_status status = fixture_open_store(f);
        if (status != RIACHO_REJECT)
            fail_msg("%s: status %d", damages[i].name, (int)status);
        f->store = NULL;
        fixture_ok(f, f->factory->ops->quarantine(f->factory, &spec, f->arena, &moved_to, &f->err));
        if (folder_count(moved_to, ".sst") < tables)
            fail_msg("%s: table files were deleted", damages[i].name);
        if (folder_count(moved_to, "CURRENT") != currents)
            fail_msg("%s: a new database was made over the old one", damages[i].name);
        assert_int_equal(access(fixture_store_folder(f), F_OK), -1);
        fixture_ok(f, fixture_open_store(f));
        assert_int_equal(fixture_count(f, 0, (riacho_range){0}), 0);
        f->number = 0;
    }
}

static void a_scan_over_a_damaged_block_fails_and_does_not_end(void **state)
{
    fixture *f = *state;
    int rows;
    fill(f);
    fixture_close_store(f);
    flip(f, ".sst", 3);
    fixture_ok(f, fixture_open_store(f));
    assert_int_equal(scan_all(f, &rows), RIACHO_FATAL);
    assert_true(rows < ROWS);
    assert_non_null(strstr(f->err.text, "Corruption"));
}

static void a_get_from_a_damaged_block_fails_and_others_do_not(void **state)
{
    fixture *f = *state;
    int failed = 0;
    fill(f);
    fixture_close_store(f);
    flip(f, ".sst", 3);
    fixture_ok(f, fixture_open_store(f));
    for (int row = 0; row < ROWS; row++) {
        riacho_bytes value;
        const riacho_bytes key = riacho_text(riacho_format(f->arena, "%06d", row));
        const riacho_status status =
            f->store->ops->get(f->store, 0, key, f->arena, &value, &f->err);
        assert_true(status == RIACHO_FATAL || value.data);
        failed += status == RIACHO_FATAL;
    }
    assert_true(failed > 0 && failed < ROWS / 10);
}

/* ---- damage met while the store is open ---- */

static riacho_status get_each(fixture *f)
{
    riacho_status status = RIACHO_OK;
    for (int row = 0; row < ROWS && status == RIACHO_OK; row++) {
        riacho_bytes value;
        const riacho_bytes key = riacho_text(riacho_format(f->arena, "%06d", row));
        status = f->store->ops->get(f->store, 0, key, f->arena, &value, &f->err);
    }
    return status;
}

static riacho_status get_each_from_a_snapshot(fixture *f)
{
    riacho_status status = RIACHO_OK;
    riacho_store_snapshot *snapshot = f->store->ops->snapshot_open(f->store);
    for (int row = 0; row < ROWS && status == RIACHO_OK; row++) {
        riacho_bytes value;
        const riacho_bytes key = riacho_text(riacho_format(f->arena, "%06d", row));
        status = f->store->ops->snapshot_get(f->store, snapshot, 0, key, f->arena, &value, &f->err);
    }
    f->store->ops->snapshot_close(f->store, snapshot);
    return status;
}

static riacho_status scan_over_it(fixture *f)
{
    int rows;
    return scan_all(f, &rows);
}

/* The store is refused and says why, goes aside with all it has, and an empty one comes. */
static void assert_refused_and_replaced(fixture *f, const char *reason)
{
    const riacho_store_spec spec = fixture_spec();
    const char *moved_to;
    assert_int_equal(fixture_open_store(f), RIACHO_REJECT);
    f->store = NULL;
    if (!strstr(f->err.text, reason))
        fail_msg("'%s' does not say '%s'", f->err.text, reason);
    assert_int_equal(fixture_open_store(f), RIACHO_REJECT);
    f->store = NULL;
    fixture_ok(f, f->factory->ops->quarantine(f->factory, &spec, f->arena, &moved_to, &f->err));
    assert_true(folder_count(moved_to, ".sst") > 0);
    fixture_ok(f, fixture_open_store(f));
    assert_int_equal(fixture_count(f, 0, (riacho_range){0}), 0);
    f->number = 0;
}

static void damage_met_in_use_is_told_at_the_next_open(void **state)
{
    static riacho_status (*const reads[])(fixture *) = {get_each, get_each_from_a_snapshot,
                                                        scan_over_it};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        fill(f);
        fixture_close_store(f);
        flip(f, ".sst", 3);
        fixture_ok(f, fixture_open_store(f));
        assert_int_equal(reads[i](f), RIACHO_FATAL);
        assert_int_equal(reads[i](f), RIACHO_FATAL);
        fixture_close_store(f);
        assert_refused_and_replaced(f, "Corruption");
    }
}

static void flip_first_blocks(fixture *f)
{
    DIR *dir = opendir(fixture_store_folder(f));
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        riacho_buffer content = {0};
        if (!strstr(entry->d_name, ".sst"))
            continue;
        const char *path = riacho_format(f->arena, "%s/%s", fixture_store_folder(f), entry->d_name);
        folder_read_file(path, &content);
        content.data[5] ^= 0x40;
        folder_write_file(path, &content);
        riacho_buffer_done(&content);
    }
    closedir(dir);
}

static void a_damaged_id_or_commit_is_told_at_open(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "k", "v");
    fixture_close_store(f);
    flip_first_blocks(f);
    assert_refused_and_replaced(f, "Corruption");
}

/* ---- another version's layout ---- */

static void write_identity(fixture *f, const char *line)
{
    riacho_buffer content = {0};
    riacho_buffer_printf(&content, "%s", line);
    riacho_buffer_printf(&content, "%08x\n", riacho_crc32c(riacho_buffer_bytes(&content)));
    folder_write_file(folder_find(f, "STORE_ID"), &content);
    riacho_buffer_done(&content);
}

static void a_store_of_another_layout_is_refused(void **state)
{
    static const char *const lines[] = {
        "riacho-store 0 0123456789abcdef0123456789abcdef 1 ",
        "riacho-store 1 0123456789abcdef0123456789abcdef 1 ",
        "riacho-store 10 as it pleases the version of that day ",
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        fixture_put(f, 0, "k", "v");
        fixture_close_store(f);
        write_identity(f, lines[i]);
        assert_refused_and_replaced(f, "another version of riacho");
    }
}

static void the_layout_of_today_is_the_second(void **state)
{
    fixture *f = *state;
    riacho_buffer content = {0};
    folder_read_file(folder_find(f, "STORE_ID"), &content);
    assert_memory_equal(content.data, "riacho-store 2 ", 15);
    riacho_buffer_done(&content);
}

/* ---- the write-ahead log ---- */

static void a_crash_before_the_first_flush_loses_nothing(void **state)
{
    fixture *f = *state;
    int rows;
    fill(f);
    folder_crash(f);
    fixture_ok(f, fixture_open_store(f));
    fixture_ok(f, scan_all(f, &rows));
    assert_int_equal(rows, ROWS);
}

static void a_deleted_write_ahead_log_is_noticed(void **state)
{
    fixture *f = *state;
    fill(f);
    folder_crash(f);
    folder_delete_files(f, ".log");
    assert_int_equal(fixture_open_store(f), RIACHO_REJECT);
    f->store = NULL;
}

static void a_log_deleted_after_the_second_crash_is_noticed(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "k", "first");
    fixture_reopen(f); /* flushed */
    fixture_put(f, 0, "k", "second");
    folder_crash(f);
    fixture_ok(f, fixture_open_store(f)); /* from here on the second commit is known to be there */
    folder_crash(f);
    folder_delete_files(f, ".log");
    assert_int_equal(fixture_open_store(f), RIACHO_REJECT);
    f->store = NULL;
}

static void after_a_clean_close_the_log_is_not_needed(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "k", "v");
    fixture_close_store(f);
    folder_delete_files(f, ".log");
    fixture_ok(f, fixture_open_store(f));
    assert_string_equal(fixture_get(f, 0, "k"), "v");
}

static void a_start_that_ended_before_it_wrote_the_identity_is_no_damage(void **state)
{
    fixture *f = *state;
    folder_crash(f);
    folder_delete_files(f, "STORE_ID");
    fixture_ok(f, fixture_open_store(f));
    fixture_put(f, 0, "k", "v");
    fixture_reopen(f);
    assert_string_equal(fixture_get(f, 0, "k"), "v");
}

/* What remains of a log that was cut is the state after some commit, never a mixture. */
static void a_log_cut_anywhere_leaves_a_whole_earlier_commit(void **state)
{
    enum { COMMITS = 50 };
    fixture *f = *state;
    uint64_t seed = 8;
    for (int i = 0; i < COMMITS; i++) {
        const char *value = riacho_format(f->arena, "%03d", i);
        riacho_change changes[FIXTURE_SPACES];
        for (uint32_t space = 0; space < FIXTURE_SPACES; space++)
            changes[space] = (riacho_change){
                .space = space, .key = riacho_text("k"), .value = riacho_text(value)};
        fixture_write(f, changes, FIXTURE_SPACES);
    }
    folder_crash(f);
    const char *whole = riacho_format(f->arena, "%s.whole", fixture_store_folder(f));
    folder_copy(f, fixture_store_folder(f), whole);
    for (int i = 0; i < 12; i++) {
        struct stat info;
        riacho_commit_meta meta;
        const char *log = folder_find(f, ".log");
        assert_int_equal(stat(log, &info), 0);
        assert_int_equal(
            truncate(log, (off_t)(200 + fixture_random(&seed) % (uint64_t)info.st_size)), 0);
        fixture_ok(f, fixture_open_store(f));
        fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
        const char *expected =
            meta.number ? riacho_format(f->arena, "%03d", (int)meta.number - 1) : "";
        for (uint32_t space = 0; space < FIXTURE_SPACES; space++)
            assert_string_equal(fixture_get(f, space, "k"), expected);
        fixture_close_store(f);
        fixture_remove_folder(fixture_store_folder(f));
        folder_copy(f, whole, fixture_store_folder(f));
    }
}

/* ---- a full disk ---- */

static void a_full_disk_is_a_retry_that_changes_nothing(void **state)
{
    fixture *f = *state;
    const riacho_change change = {.key = riacho_text("k"), .value = riacho_text("new")};
    const riacho_changes changes = {&change, 1, {.number = 2}};
    riacho_commit_meta meta;
    fixture_put(f, 0, "k", "old");
    is_disk_full = true;
    assert_int_equal(f->store->ops->write(f->store, &changes, &f->err), RIACHO_RETRY);
    assert_non_null(strstr(f->err.text, "must stay free"));
    assert_string_equal(fixture_get(f, 0, "k"), "old");
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    assert_int_equal(meta.number, 1);
    assert_int_equal(
        f->store->ops->checkpoint(f->store, riacho_format(f->arena, "%s/copy", f->folder), &f->err),
        RIACHO_RETRY);
    is_disk_full = false;
    fixture_ok(f, f->store->ops->write(f->store, &changes, &f->err));
    assert_string_equal(fixture_get(f, 0, "k"), "new");
}

static void a_store_closes_on_a_full_disk_and_loses_nothing(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "k", "v");
    is_disk_full = true;
    fixture_close_store(f);
    assert_int_equal(fixture_open_store(f), RIACHO_RETRY);
    f->store = NULL;
    is_disk_full = false;
    fixture_ok(f, fixture_open_store(f));
    assert_string_equal(fixture_get(f, 0, "k"), "v");
}

/* ---- checkpoints ---- */

static void a_checkpoint_opens_as_a_store_of_that_moment(void **state)
{
    fixture *f = *state;
    const char *copy = riacho_format(f->arena, "%s/copy", f->folder);
    riacho_commit_meta meta;
    fixture_put(f, 0, "k", "then");
    fixture_ok(f, f->store->ops->checkpoint(f->store, copy, &f->err));
    assert_int_equal(f->store->ops->checkpoint(f->store, copy, &f->err), RIACHO_REJECT);
    assert_int_equal(folder_count(copy, "STORE_ID"), 1);
    fixture_put(f, 0, "k", "later");
    fixture_close_store(f);
    fixture_remove_folder(fixture_store_folder(f));
    assert_int_equal(rename(copy, fixture_store_folder(f)), 0);
    fixture_ok(f, fixture_open_store(f));
    assert_string_equal(fixture_get(f, 0, "k"), "then");
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    assert_int_equal(meta.number, 1);
    fixture_reopen(f);
    assert_string_equal(fixture_get(f, 0, "k"), "then");
}

static void a_name_that_leaves_the_folder_is_refused(void **state)
{
    static const char *const names[] = {"", ".", "..", "../x", "a/b", ".hidden"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        riacho_store_spec spec = fixture_spec();
        riacho_store *store;
        spec.topology = names[i];
        assert_int_equal(f->factory->ops->open(f->factory, &spec, &store, &f->err), RIACHO_FATAL);
        spec = fixture_spec();
        spec.task = names[i];
        assert_int_equal(f->factory->ops->open(f->factory, &spec, &store, &f->err), RIACHO_FATAL);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(damage_is_told_at_open_and_moved_aside),
        CASE(a_scan_over_a_damaged_block_fails_and_does_not_end),
        CASE(a_get_from_a_damaged_block_fails_and_others_do_not),
        CASE(damage_met_in_use_is_told_at_the_next_open),
        CASE(a_damaged_id_or_commit_is_told_at_open),
        CASE(a_store_of_another_layout_is_refused),
        CASE(the_layout_of_today_is_the_second),
        CASE(a_crash_before_the_first_flush_loses_nothing),
        CASE(a_deleted_write_ahead_log_is_noticed),
        CASE(a_log_deleted_after_the_second_crash_is_noticed),
        CASE(after_a_clean_close_the_log_is_not_needed),
        CASE(a_start_that_ended_before_it_wrote_the_identity_is_no_damage),
        CASE(a_log_cut_anywhere_leaves_a_whole_earlier_commit),
        CASE(a_full_disk_is_a_retry_that_changes_nothing),
        CASE(a_store_closes_on_a_full_disk_and_loses_nothing),
        CASE(a_checkpoint_opens_as_a_store_of_that_moment),
        CASE(a_name_that_leaves_the_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
