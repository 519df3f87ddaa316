/* SPDX-License-Identifier: MIT
 *
 * damage.c - what is broken on the disk is told, never skipped: after any damage a log either
 * refuses, or gives back every record.
 */
#include "fixture.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORDS = 3000 };

/* What a reader makes of the log: all records, or a refusal that says that it is damaged. */
enum outcome { COMPLETE, REFUSED };

static enum outcome read_or_refuse(struct fixture *fx)
{
    riacho_error err = {.text = ""};
    riacho_log_reader *reader;
    const riacho_embedded_log_options options = fixture_options(fx);
    if (riacho_embedded_log_open(&options, &fx->log, &err) != RIACHO_OK) {
        fx->log = NULL;
        assert_non_null(strstr(err.text, "damaged"));
        return REFUSED;
    }
    const riacho_log_ops *ops = fx->log->ops;
    const riacho_log_assignment assignment = {"t", 0, 0, 0};
    assert_ok(ops->reader_open(fx->log, &reader, &err));
    assert_ok(ops->assign(reader, &assignment, 1, &err));
    int64_t next = 0;
    riacho_status status = RIACHO_OK;
    for (riacho_log_batch *batch;; ops->batch_free(batch)) {
        status = ops->poll(reader, 0, &batch, &err);
        if (status != RIACHO_OK || !batch)
            break;
        for (size_t i = 0; i < batch->count; i++) {
            assert_int_equal(batch->records[i].offset, next);
            assert_bytes(batch->records[i].value, riacho_format(fx->arena, "v%d", (int)next++));
        }
    }
    ops->reader_close(reader);
    ops->close(fx->log);
    fx->log = NULL;
    if (status == RIACHO_OK) {
        assert_int_equal(next, RECORDS);
        return COMPLETE;
    }
    assert_int_equal(status, RIACHO_REJECT);
    assert_non_null(strstr(err.text, "damaged"));
    assert_non_null(strstr(err.text, "backup"));
    return REFUSED;
}

static const char *largest_file(struct fixture *fx, const char *pattern)
{
    glob_t found;
    const char *largest = NULL;
    off_t size = 0;
    assert_int_equal(
        glob(riacho_format(fx->arena, "%s/db/%s", fx->folder, pattern), 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct stat info;
        assert_int_equal(stat(found.gl_pathv[i], &info), 0);
        if (info.st_size > size) {
            size = info.st_size;
            largest = riacho_copy(fx->arena, riacho_text(found.gl_pathv[i])).data;
        }
    }
    globfree(&found);
    assert_non_null(largest);
    return largest;
}

static void flip(const char *path, off_t at)
{
    uint8_t byte;
    const int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x55;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static off_t size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

/* Flips a byte here and there, one at a time; how often that was noticed. */
static int count_refusals(struct fixture *fx, const char *path, int places)
{
    int refused = 0;
    const off_t size = size_of(path);
    for (int i = 0; i < places; i++) {
        const char *copy = riacho_format(fx->arena, "%s/copy", fx->root);
        const off_t at = size * (2 * i + 1) / (2 * places);
        char command[1024];
        snprintf(command, sizeof command, "cp -a %s %s", fx->folder, copy);
        assert_int_equal(system(command), 0);
        flip(path, at);
        refused += read_or_refuse(fx) == REFUSED;
        remove_tree(fx->folder);
        assert_int_equal(rename(copy, fx->folder), 0);
        riacho_arena_reset(fx->arena);
        path = riacho_copy(fx->arena, riacho_text(path)).data;
    }
    return refused;
}

static void fill(struct fixture *fx)
{
    make_topic(fx->log, "t", 1);
    for (int i = 0; i < RECORDS; i += 100)
        append_many(fx->log, "t", 0, i, 100);
}

/* Opening again moves what the WAL holds into tables. */
static void a_damaged_table_is_told(void **state)
{
    struct fixture *fx = *state;
    fill(fx);
    fixture_reopen(fx);
    fx->log->ops->close(fx->log);
    fx->log = NULL;
    char path[256];
    snprintf(path, sizeof path, "%s", largest_file(fx, "*.sst"));
    assert_true(count_refusals(fx, path, 12) >= 10); /* a byte may lie in what nobody reads */
    assert_int_equal(read_or_refuse(fx), COMPLETE);
}

static void a_damaged_wal_is_told(void **state)
{
    struct fixture *fx = *state;
    fill(fx);
    fx->log->ops->close(fx->log);
    fx->log = NULL;
    char path[256];
    snprintf(path, sizeof path, "%s", largest_file(fx, "*.log"));
    assert_int_equal(count_refusals(fx, path, 12), 12);
    assert_int_equal(read_or_refuse(fx), COMPLETE);
}

static void a_missing_table_is_told(void **state)
{
    struct fixture *fx = *state;
    fill(fx);
    fixture_reopen(fx);
    fx->log->ops->close(fx->log);
    fx->log = NULL;
    assert_int_equal(unlink(largest_file(fx, "*.sst")), 0);
    assert_int_equal(read_or_refuse(fx), REFUSED);
}

static void a_missing_database_is_told(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    fill(fx);
    fx->log->ops->close(fx->log);
    fx->log = NULL;
    remove_tree(riacho_format(fx->arena, "%s/db", fx->folder));
    const riacho_embedded_log_options options = fixture_options(fx);
    assert_int_equal(riacho_embedded_log_open(&options, &fx->log, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, fx->folder));
    fx->log = NULL;
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
    fixture_close(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_table_is_told),
        TEST(a_damaged_wal_is_told),
        TEST(a_missing_table_is_told),
        TEST(a_missing_database_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
