/* SPDX-License-Identifier: MIT
 *
 * durable.c - what was acknowledged survives a power loss, which a kill cannot show: the kernel
 * keeps what a killed process has written.
 *
 * This program has its own fdatasync and fsync, which RocksDB then uses: they note how much of each
 * file is on the disk. A power loss is a copy of the folder, cut down to that.
 */
#include "fixture.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glob.h>

enum { FILES_MAX = 4096 };

static struct {
    char path[PATH_MAX];
    off_t size;
} synced[FILES_MAX];
static size_t synced_count;
static size_t sync_calls;
static pthread_mutex_t synced_lock = PTHREAD_MUTEX_INITIALIZER;

static void note(int file)
{
    char link[64], path[PATH_MAX];
    struct stat info;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(file, &info) != 0)
        return;
    path[length] = 0;
    pthread_mutex_lock(&synced_lock);
    size_t at = 0;
    while (at < synced_count && strcmp(synced[at].path, path) != 0)
        at++;
    if (at < FILES_MAX) {
        memcpy(synced[at].path, path, (size_t)length + 1);
        synced[at].size = info.st_size;
        synced_count += at == synced_count;
    }
    sync_calls++;
    pthread_mutex_unlock(&synced_lock);
}

/* The size is taken before: what is written meanwhile may or may not be on the disk. */
int fdatasync(int file)
{
    note(file);
    return (int)syscall(SYS_fdatasync, file);
}

int fsync(int file)
{
    note(file);
    return (int)syscall(SYS_fsync, file);
}

static off_t synced_size(const char *path)
{
    off_t size = 0;
    pthread_mutex_lock(&synced_lock);
    for (size_t i = 0; i < synced_count; i++) {
        if (!strcmp(synced[i].path, path))
            size = synced[i].size;
    }
    pthread_mutex_unlock(&synced_lock);
    return size;
}

/* A copy of the log's folder as a power loss would leave it, now. */
static const char *lose_power(struct fixture *fx)
{
    const char *copy = riacho_format(fx->arena, "%s/after", fx->root);
    char command[1024];
    remove_tree(copy);
    snprintf(command, sizeof command, "cp -a %s %s", fx->folder, copy);
    assert_int_equal(system(command), 0);
    glob_t found;
    assert_int_equal(glob(riacho_format(fx->arena, "%s/db/*.log", copy), 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = strrchr(found.gl_pathv[i], '/');
        const off_t size = synced_size(riacho_format(fx->arena, "%s/db%s", fx->folder, name));
        assert_int_equal(truncate(found.gl_pathv[i], size), 0);
    }
    globfree(&found);
    return copy;
}

static size_t calls_now(void)
{
    pthread_mutex_lock(&synced_lock);
    const size_t calls = sync_calls;
    pthread_mutex_unlock(&synced_lock);
    return calls;
}

static void every_acknowledgement_comes_after_a_sync(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    size_t before = calls_now();
    make_topic(fx->log, "t", 1);
    assert_true(calls_now() > before);
    for (int i = 0; i < 20; i++) {
        before = calls_now();
        append_one(fx->log, "t", 0, "k", "v", i);
        assert_true(calls_now() > before);
        const riacho_log_commit commit = {"task", (uint64_t)i + 1, NULL, 0, NULL, 0};
        before = calls_now();
        assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err));
        assert_true(calls_now() > before);
    }
}

static void a_power_loss_loses_nothing_acknowledged(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    int next = 0;
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < 150; i++)
            append_many(fx->log, "t", 0, next++, 1);
        if (round % 2) /* merged chunks that are not synced yet, and their deleted sources */
            assert_ok(riacho_embedded_log_clean(fx->log, &err));
        riacho_embedded_log_options options = fixture_options(fx);
        options.folder = lose_power(fx);
        riacho_log *after;
        assert_ok(riacho_embedded_log_open(&options, &after, &err));
        const struct records all = read_all(after, fx->arena, "t", 0, 0);
        assert_int_equal(all.count, next);
        for (int i = 0; i < next; i++)
            assert_bytes(all.items[i].value, riacho_format(fx->arena, "v%d", i));
        after->ops->close(after);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_acknowledgement_comes_after_a_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(a_power_loss_loses_nothing_acknowledged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
