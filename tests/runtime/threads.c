/* SPDX-License-Identifier: MIT
 *
 * threads.c - stream threads: many give the same result as one, beside readers and producers, over
 * stops and crashes. Made to be run under ThreadSanitizer as well.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "operators/operators.h"
#include "runtime/publication.h"
#include "runtime/run.h"

enum { DRAIN_MS = 30000 };

static void drain(fixture *f)
{
    if (riacho_worker_drain(f->worker, DRAIN_MS, &f->error) != RIACHO_OK)
        fail_msg("drain: %s", f->error.text);
}

static void send_many(fixture *f, int rounds, int64_t from_ms)
{
    for (int round = 0; round < rounds; round++) {
        for (size_t key = 0; key < FIXTURE_KEYS; key++)
            fixture_send(f, key, key % 7 == 3 ? FIXTURE_REFUSE : 1, from_ms + round);
    }
}

static void run_threads(const fixture_options *options)
{
    fixture *f = fixture_new(options);
    send_many(f, 10, 0);
    fixture_start(f);
    send_many(f, 10, 20);
    drain(f);
    fixture_check(f);
    fixture_stop(f);
    fixture_start(f);
    send_many(f, 3, 40);
    drain(f);
    fixture_check(f);
    fixture_stop(f);
    fixture_free(f);
}

static void test_many_threads_give_what_one_gives(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 4; threads++)
        run_threads(&(fixture_options){.partitions = 4, .threads = threads, .second_input = true});
}

static void test_threads_on_disk(void **state)
{
    (void)state;
    run_threads(&(fixture_options){.partitions = 4, .threads = 3, .disk = true});
}

/* A commit while a record waits for its next attempt does not know its time yet. */
static void test_the_time_of_a_record_that_waits_is_not_committed(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.threads = 1,
                                                .on_process = {.action = RIACHO_ON_ERROR_RETRY,
                                                               .attempts = 1000,
                                                               .backoff_ms = 20,
                                                               .then = RIACHO_ON_ERROR_STOP}});
    fixture_not_yet = 1 << 20;
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    fixture_send(f, 0, FIXTURE_NOT_YET, 500);
    riacho_task *task = fixture_task(f, "0_0");
    while (!atomic_load(&task->counters.retries))
        usleep(1000);
    fixture_stop(f);
    fixture_not_yet = 0;
    f->options.threads = 0;
    fixture_start(f);
    riacho_publication *at = riacho_task_publication(fixture_task(f, "0_0"));
    assert_int_equal(at->positions[0].next, 1);
    assert_int_equal(at->stream_time_ms, 10);
    riacho_publication_release(at);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_free(f);
}

static _Atomic int later;

static riacho_status later_each(riacho_ctx *ctx, const riacho_record *record)
{
    RIACHO_TRY(riacho_forward(ctx, record));
    return later-- > 0 ? RIACHO_RETRY : RIACHO_OK;
}

static riacho_status later_tick(riacho_ctx *ctx, int64_t at_ms)
{
    (void)ctx;
    (void)at_ms;
    return later-- > 0 ? RIACHO_RETRY : RIACHO_OK;
}

/* Nothing else happens meanwhile that could wake the thread. */
static void test_what_was_put_off_is_tried_again_by_itself(void **state)
{
    (void)state;
    for (int ticks = 0; ticks < 2; ticks++) {
        fixture *f =
            fixture_new(&(fixture_options){.threads = 1, .stream_tick = ticks ? later_tick : NULL});
        if (!ticks) {
            fixture_count_below_latest(f);
            f->count.each = later_each;
        }
        later = 2;
        fixture_start(f);
        fixture_send(f, 0, 1, 10);
        for (int waited_ms = 0; later >= 0 && waited_ms < DRAIN_MS; waited_ms++)
            usleep(1000);
        assert_int_equal(later, -1);
        drain(f);
        riacho_task *task = fixture_task(f, ticks ? "1_0" : "0_0");
        assert_int_equal(atomic_load(&task->counters.retries), 2);
        fixture_expect_topic(f, FIXTURE_OUT, "a0=1@10");
        fixture_stop(f);
        fixture_free(f);
    }
}

/* ---- crashes --------------------------------------------------------------------------------- */

static void test_a_crash_of_many_threads_leaves_each_effect_once(void **state)
{
    (void)state;
    for (int site = RIACHO_SITE_RECORD; site <= RIACHO_SITE_AFTER_COMMIT; site++) {
        fixture *f = fixture_new(&(fixture_options){.partitions = 4, .threads = 3});
        send_many(f, 5, 0);
        f->crash_at = (riacho_site)site;
        f->crash_after = 4;
        riacho_status status = fixture_try_start(f);
        if (status == RIACHO_OK)
            status = riacho_worker_drain(f->worker, DRAIN_MS, &f->error);
        assert_int_equal(status, RIACHO_FATAL);
        fixture_crash(f); /* ends the threads, which look at the plan */
        f->crash_at = 0;
        fixture_start(f);
        drain(f);
        fixture_check(f);
        fixture_stop(f);
        fixture_free(f);
    }
}

static void test_a_close_without_a_stop_is_a_crash(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 4, .threads = 3});
    for (int round = 0; round < 5; round++) {
        send_many(f, 5, 10 * round);
        fixture_start(f);
        fixture_crash(f);
    }
    fixture_start(f);
    drain(f);
    fixture_check(f);
    fixture_free(f);
}

/* ---- beside others --------------------------------------------------------------------------- */

struct reading {
    fixture *f;
    atomic_bool stop;
    uint64_t reads;
    char failed[600];
};

/* What a publication shows never goes back. */
static void *read_publications(void *argument)
{
    struct reading *reading = argument;
    riacho_deployment *deployment = riacho_worker_deployment(reading->f->worker, "test");
    int64_t last[16] = {0};
    while (!atomic_load(&reading->stop)) {
        for (size_t t = 0; t < deployment->task_count; t++) {
            RIACHO_AUTO(publication)
            riacho_publication *at = riacho_task_publication(deployment->tasks[t]);
            RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
            riacho_bytes value;
            riacho_error err;
            if (at->positions[0].next < last[t])
                snprintf(reading->failed, sizeof reading->failed, "task %zu went back", t);
            last[t] = at->positions[0].next;
            if (at->store->ops->snapshot_get(at->store, at->snapshot, 0, riacho_text("a0"), arena,
                                             &value, &err) != RIACHO_OK)
                snprintf(reading->failed, sizeof reading->failed, "%s", err.text);
            reading->reads++;
        }
    }
    return NULL;
}

static void test_readers_and_producers_beside_the_threads(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 4, .threads = 2});
    fixture_start(f);
    struct reading reading = {.f = f};
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_publications, &reading), 0);
    for (int round = 0; round < 10; round++) {
        send_many(f, 2, 10 * round);
        riacho_worker_request_commit(f->worker);
        drain(f);
    }
    atomic_store(&reading.stop, true);
    pthread_join(reader, NULL);
    assert_string_equal(reading.failed, "");
    assert_true(reading.reads > 0);
    fixture_check(f);
    fixture_stop(f);
    fixture_free(f);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_a_lone_record_does_not_wait_for_the_commit_interval(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.threads = 1});
    f->graph.commit_interval_ms = 60000;
    fixture_start(f);
    for (int i = 0; i < 3; i++) {
        const int64_t began_ms = now_ms();
        fixture_send(f, 0, 1, i);
        drain(f); /* two commits, one behind the other */
        assert_true(now_ms() - began_ms < 20000);
    }
    fixture_check(f);
    fixture_stop(f);
    fixture_free(f);
}

static void test_a_bad_record_under_stop_ends_all_threads(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){
        .partitions = 4, .threads = 3, .on_process = {.action = RIACHO_ON_ERROR_STOP}});
    fixture_start(f);
    fixture_send(f, 5, FIXTURE_REFUSE, 1);
    assert_int_equal(riacho_worker_drain(f->worker, DRAIN_MS, &f->error), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "a value of -1 is refused"));
    assert_int_equal(riacho_worker_stop(f->worker, &f->error), RIACHO_FATAL);
    fixture_free(f);
}

struct closing {
    riacho_task *task;
    atomic_bool is_closed;
};

static void *close_store(void *argument)
{
    struct closing *closing = argument;
    riacho_run_close(closing->task->run);
    riacho_task_close_store(closing->task);
    atomic_store(&closing->is_closed, true);
    return NULL;
}

static void test_a_store_is_closed_when_its_last_reader_has_gone(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.disk = true});
    fixture_start(f);
    fixture_send(f, 0, 1, 1);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    struct closing closing = {.task = fixture_task(f, "0_0")};
    riacho_publication *held = riacho_task_publication(closing.task);
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, close_store, &closing), 0);
    for (riacho_publication *shown; (shown = riacho_task_publication(closing.task));)
        riacho_publication_release(shown);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_bytes value;
    assert_int_equal(held->store->ops->snapshot_get(held->store, held->snapshot, 0,
                                                    riacho_text("a0"), arena, &value, &f->error),
                     RIACHO_OK);
    assert_true(value.size > 0);
    assert_false(atomic_load(&closing.is_closed));
    riacho_publication_release(held);
    pthread_join(closer, NULL);
    assert_null(closing.task->store);
    riacho_node_counts counts;
    riacho_task_step_counts(closing.task, f->subtopologies[0].sources[0], &counts);
    assert_int_equal(counts.records_in, 1); /* what was counted stays */
    uint64_t keys = 0, bytes = 0;
    riacho_task_measure(closing.task, 0, &keys, &bytes);
    assert_int_equal(keys + bytes, 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_off_is_tried_again_by_itself),
        cmocka_unit_test(test_the_time_of_a_record_that_waits_is_not_committed),
        cmocka_unit_test(test_many_threads_give_what_one_gives),
        cmocka_unit_test(test_threads_on_disk),
        cmocka_unit_test(test_a_crash_of_many_threads_leaves_each_effect_once),
        cmocka_unit_test(test_a_close_without_a_stop_is_a_crash),
        cmocka_unit_test(test_readers_and_producers_beside_the_threads),
        cmocka_unit_test(test_a_lone_record_does_not_wait_for_the_commit_interval),
        cmocka_unit_test(test_a_bad_record_under_stop_ends_all_threads),
        cmocka_unit_test(test_a_store_is_closed_when_its_last_reader_has_gone),
    };
    return cmocka_run_group_tests_name("stream threads", tests, NULL, NULL);
}
