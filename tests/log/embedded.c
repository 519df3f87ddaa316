/* SPDX-License-Identifier: MIT
 *
 * embedded.c - what only the log on a disk does: it lasts, it belongs to one process, it leaves
 * room on the disk, and its readers wait.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void everything_is_there_after_reopening(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 3);
    int64_t next[3] = {0};
    uint64_t number = 0;
    for (int round = 0; round < 6; round++) {
        for (int p = 0; p < 3; p++) {
            append_many(fx->log, "t", p, (int)next[p], 10 + 200 * p);
            next[p] += 10 + 200 * p;
        }
        const riacho_position position = {"t", 0, next[0]};
        const riacho_log_commit commit = {"task", ++number, &position, 1, NULL, 0};
        assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err));
        fixture_reopen(fx);
        for (int p = 0; p < 3; p++) {
            const struct records all = read_all(fx->log, fx->arena, "t", p, 0);
            assert_int_equal(all.count, next[p]);
            assert_bytes(all.items[all.count - 1].value,
                         riacho_format(fx->arena, "v%d", (int)next[p] - 1));
        }
        riacho_log_commit held;
        assert_ok(fx->log->ops->committed(fx->log, "task", fx->arena, &held, &err));
        assert_int_equal(held.number, number);
        assert_int_equal(held.positions[0].next, next[0]);
    }
}

/* --- one process --- */

static void the_same_folder_is_refused_and_the_holder_named(void **state)
{
    struct fixture *fx = *state;
    const riacho_embedded_log_options options = fixture_options(fx);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    const pid_t child = fork();
    if (child == 0) {
        riacho_error err;
        riacho_log *log;
        const bool refused = riacho_embedded_log_open(&options, &log, &err) == RIACHO_REJECT &&
                             strstr(err.text, pid) && strstr(err.text, fx->folder);
        _exit(refused ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    riacho_error err;
    riacho_log *log;
    assert_int_equal(riacho_embedded_log_open(&options, &log, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, pid));
    fixture_reopen(fx); /* closing unlocks */
}

static void assert_not_opened(struct fixture *fx, const char *folder, const char *because)
{
    riacho_error err;
    riacho_log *log;
    riacho_embedded_log_options options = fixture_options(fx);
    options.folder = folder;
    assert_int_equal(riacho_embedded_log_open(&options, &log, &err), RIACHO_REJECT);
    if (!strstr(err.text, because))
        fail_msg("'%s' does not say '%s'", err.text, because);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_folder_that_is_not_a_log_is_refused(void **state)
{
    struct fixture *fx = *state;
    const char *other = riacho_format(fx->arena, "%s/other", fx->root);
    assert_int_equal(mkdir(other, 0700), 0);
    write_file(riacho_format(fx->arena, "%s/letter.txt", other), "dear all");
    assert_not_opened(fx, other, "letter.txt");
    const char *file = riacho_format(fx->arena, "%s/file", fx->root);
    write_file(file, "");
    assert_not_opened(fx, file, file);
    assert_not_opened(fx, "", "needs a folder");
    assert_not_opened(fx, NULL, "needs a folder");
    const char *newer = riacho_format(fx->arena, "%s/newer", fx->root);
    assert_int_equal(mkdir(newer, 0700), 0);
    write_file(riacho_format(fx->arena, "%s/FORMAT", newer), "riacho embedded log, format 2\n");
    assert_not_opened(fx, newer, "format 1");
}

static void an_interrupted_creation_is_taken_up(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    fx->log->ops->close(fx->log);
    fx->log = NULL;
    assert_int_equal(unlink(riacho_format(fx->arena, "%s/FORMAT", fx->folder)), 0);
    fixture_reopen(fx);
    assert_int_equal(access(riacho_format(fx->arena, "%s/FORMAT", fx->folder), F_OK), 0);
    riacho_topic_spec spec;
    assert_ok(fx->log->ops->topic_describe(fx->log, "t", fx->arena, &spec, &err));
}

/* --- room on the disk --- */

static void a_full_disk_refuses_and_appends_nothing(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    append_many(fx->log, "t", 0, 0, 10);
    const riacho_log_append output = {"t", 0, {.value = riacho_text("v")}};
    const riacho_log_commit commit = {"task", 1, NULL, 0, &output, 1};
    assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err));
    fx->log->ops->close(fx->log);

    riacho_embedded_log_options options = fixture_options(fx);
    options.space_reserve_bytes = UINT64_MAX / 2;
    assert_ok(riacho_embedded_log_open(&options, &fx->log, &err));
    const riacho_log_commit more = {"task", 2, NULL, 0, &output, 1};
    const riacho_topic_spec spec = {.name = "u", .partitions = 1};
    riacho_log_append appends[2] = {output, output};
    assert_int_equal(fx->log->ops->append(fx->log, appends, 2, NULL, &err), RIACHO_RETRY);
    assert_non_null(strstr(err.text, "no room"));
    assert_non_null(strstr(err.text, fx->folder));
    assert_int_equal(fx->log->ops->commit(fx->log, &more, NULL, &err), RIACHO_RETRY);
    assert_int_equal(fx->log->ops->topic_ensure(fx->log, &spec, &err), RIACHO_RETRY);
    assert_ok(fx->log->ops->commit(fx->log, &commit, NULL, &err)); /* known: nothing to write */
    riacho_log_commit held;
    assert_ok(fx->log->ops->committed(fx->log, "task", fx->arena, &held, &err));
    assert_int_equal(held.number, 1);
    assert_int_equal(read_all(fx->log, fx->arena, "t", 0, 0).count, 11);

    fixture_reopen(fx); /* room again */
    assert_ok(fx->log->ops->commit(fx->log, &more, NULL, &err));
    assert_int_equal(append_one(fx->log, "t", 0, "k", "v", 0).next, 12);
}

static void the_room_is_told(void **state)
{
    struct fixture *fx = *state;
    uint64_t available = 0, total = 0;
    fx->log->ops->space(fx->log, &available, &total);
    assert_true(available > 0);
    assert_true(total >= available);
}

/* --- waiting --- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct later {
    struct fixture *fx;
    riacho_log_reader *reader; /* woken; NULL: something is appended */
};

static void *act_later(void *argument)
{
    const struct later *later = argument;
    const struct timespec pause = {.tv_nsec = 20 * 1000000};
    nanosleep(&pause, NULL);
    if (later->reader)
        later->fx->log->ops->reader_wake(later->reader);
    else
        append_one(later->fx->log, "t", 0, "k", "v", 0);
    return NULL;
}

static riacho_log_reader *open_reader(struct fixture *fx)
{
    riacho_error err;
    riacho_log_reader *reader;
    const riacho_log_assignment assignment = {"t", 0, 0, 1};
    assert_ok(fx->log->ops->reader_open(fx->log, &reader, &err));
    assert_ok(fx->log->ops->assign(reader, &assignment, 1, &err));
    return reader;
}

static void a_poll_waits_until_something_is_appended(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    riacho_log_reader *reader = open_reader(fx);
    struct later later = {fx, NULL};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, act_later, &later), 0);
    riacho_log_batch *batch;
    const int64_t start = now_ms();
    assert_ok(fx->log->ops->poll(reader, 30000, &batch, &err));
    assert_true(now_ms() - start < 20000);
    assert_non_null(batch);
    assert_int_equal(batch->count, 1);
    fx->log->ops->batch_free(batch);
    pthread_join(thread, NULL);
    fx->log->ops->reader_close(reader);
}

static void a_wake_ends_a_poll(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    riacho_log_reader *reader = open_reader(fx);
    struct later later = {fx, reader};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, act_later, &later), 0);
    riacho_log_batch *batch;
    const int64_t start = now_ms();
    assert_ok(fx->log->ops->poll(reader, 30000, &batch, &err));
    assert_null(batch);
    assert_true(now_ms() - start < 20000);
    pthread_join(thread, NULL);
    fx->log->ops->reader_wake(reader); /* before the poll: it must not be lost */
    assert_ok(fx->log->ops->poll(reader, 30000, &batch, &err));
    assert_null(batch);
    assert_true(now_ms() - start < 20000);
    fx->log->ops->reader_close(reader);
}

static void a_poll_ends_when_its_time_is_over(void **state)
{
    struct fixture *fx = *state;
    riacho_error err;
    make_topic(fx->log, "t", 1);
    riacho_log_reader *reader = open_reader(fx);
    append_one(fx->log, "t", 0, "k", "v", 0);
    const uint32_t tag = 1;
    fx->log->ops->pause(reader, &tag, 1);
    riacho_log_batch *batch;
    const int64_t start = now_ms();
    assert_ok(fx->log->ops->poll(reader, 30, &batch, &err));
    assert_null(batch);
    assert_true(now_ms() - start >= 29);
    assert_ok(fx->log->ops->poll(reader, -5, &batch, &err));
    assert_null(batch);
    fx->log->ops->reader_close(reader);
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
        TEST(everything_is_there_after_reopening),
        TEST(the_same_folder_is_refused_and_the_holder_named),
        TEST(a_folder_that_is_not_a_log_is_refused),
        TEST(an_interrupted_creation_is_taken_up),
        TEST(a_full_disk_refuses_and_appends_nothing),
        TEST(the_room_is_told),
        TEST(a_poll_waits_until_something_is_appended),
        TEST(a_wake_ends_a_poll),
        TEST(a_poll_ends_when_its_time_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
