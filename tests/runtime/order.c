/* SPDX-License-Identifier: MIT
 *
 * order.c - in which order a task with several inputs takes their records, and what it knows of
 * time.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "runtime/run.h"

static void test_the_smallest_head_timestamp_goes_first(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.second_input = true});
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 10);
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 5); /* behind its own head: not reordered */
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 30);
    fixture_send_to(f, FIXTURE_IN2, 0, "a0", 1, 7);
    fixture_send_to(f, FIXTURE_IN2, 0, "a0", 1, 12);
    fixture_send_to(f, FIXTURE_IN2, 0, "a0", 1, 40);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "a=1@7 a=2@10 a=3@5 a=4@12 a=5@30 a=6@40");
    fixture_free(f);
}

static void test_of_equal_timestamps_the_first_input_goes_first(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.second_input = true});
    fixture_send_to(f, FIXTURE_IN2, 0, "b0", 1, 10);
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 10);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "a=1@10 b=1@10");
    fixture_free(f);
}

/* More than is buffered at a time, so that each input runs dry while the other has records: none
 * may be overtaken meanwhile. */
static void test_an_input_that_ran_dry_is_waited_for_while_the_log_has_more(void **state)
{
    (void)state;
    enum { EACH = 3 * RIACHO_FETCH_RECORDS_MAX };
    fixture *f = fixture_new(&(fixture_options){.second_input = true});
    for (int i = 0; i < EACH; i++) {
        /* Uneven: in2 is dense in the first half, in in the second. */
        fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, i < EACH / 2 ? 4 * i : 2 * EACH + i);
        fixture_send_to(f, FIXTURE_IN2, 0, "a0", 1, i < EACH / 2 ? i : EACH / 2 + 3 * i);
    }
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    RIACHO_AUTO(heap) char *totals = fixture_topic(f, FIXTURE_TOTALS);
    int64_t last = -1;
    size_t count = 0;
    for (const char *at = totals; (at = strchr(at, '@')); at++, count++) {
        const int64_t timestamp = strtoll(at + 1, NULL, 10);
        assert_true(timestamp >= last);
        last = timestamp;
    }
    assert_int_equal(count, 2 * EACH);
    fixture_free(f);
}

static void test_stream_time_and_partition_times_survive_a_restart(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 500);
    fixture_send(f, 0, 1, 90); /* late: stream time does not go back */
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    riacho_publication *at = riacho_task_publication(fixture_task(f, "0_0"));
    assert_int_equal(at->stream_time_ms, 500);
    riacho_publication_release(at);
    fixture_crash(f);
    fixture_start(f);
    at = riacho_task_publication(fixture_task(f, "0_0"));
    assert_int_equal(at->stream_time_ms, 500);
    assert_int_equal(at->positions[0].next, 2);
    riacho_publication_release(at);
    fixture_send(f, 0, 1, 91);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    at = riacho_task_publication(fixture_task(f, "0_0"));
    assert_int_equal(at->stream_time_ms, 500);
    riacho_publication_release(at);
    fixture_free(f);
}

static void test_a_publication_stays_as_it_was(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 1);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    riacho_publication *before = riacho_task_publication(fixture_task(f, "0_0"));
    fixture_send(f, 0, 1, 2);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(before->positions[0].next, 1);
    assert_int_equal(before->number, 1);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_bytes value;
    assert_int_equal(before->store->ops->snapshot_get(before->store, before->snapshot, 0,
                                                      riacho_text("a0"), arena, &value, &f->error),
                     RIACHO_OK);
    assert_int_equal(((const uint8_t *)value.data)[value.size - 1], 1);
    riacho_publication_release(before);
    fixture_free(f);
}

static void test_a_position_is_followed_through_the_repartition_topic(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    riacho_task *first = fixture_task(f, "0_0");
    assert_int_equal(first->hop_count, 1);
    riacho_position ends[1];
    for (int64_t i = 1; i <= 3; i++) {
        fixture_send(f, 0, 1, i);
        fixture_send(f, 0, 1, i);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
    }
    assert_int_equal(riacho_task_follow(first, 0, 1, ends), RIACHO_OK);
    assert_string_equal(ends[0].topic, "test-group-repartition");
    assert_int_equal(ends[0].next, 2); /* its commit wrote two */
    assert_int_equal(riacho_task_follow(first, 0, 3, ends), RIACHO_OK);
    assert_int_equal(ends[0].next, 4);
    assert_int_equal(riacho_task_follow(first, 0, 7, ends), RIACHO_RETRY);
    fixture_crash(f);
    fixture_start(f); /* the history is gone: later answers, never earlier ones */
    first = fixture_task(f, "0_0");
    assert_int_equal(riacho_task_follow(first, 0, 1, ends), RIACHO_OK);
    assert_int_equal(ends[0].next, 6);
    assert_int_equal(riacho_task_follow(first, 0, 7, ends), RIACHO_RETRY);
    assert_int_equal(riacho_worker_drain(f->worker, 0, &f->error), RIACHO_OK);
    fixture_send(f, 0, 1, 9);
    assert_int_equal(riacho_worker_drain(f->worker, 0, &f->error), RIACHO_RETRY);
    fixture_free(f);
}

static void test_a_processor_and_a_small_overlay_force_commits(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, FIXTURE_COMMIT, 1);
    fixture_send(f, 0, 1, 2);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "a0=1");
    riacho_worker_request_commit(f->worker);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "a0=2");
    fixture_free(f);

    f = fixture_new(&(fixture_options){.overlay_bytes = 1});
    fixture_start(f);
    for (int i = 0; i < 5; i++)
        fixture_send(f, 0, 1, i);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.commits), 5);
    fixture_check(f);
    fixture_free(f);
}

static void test_a_commit_has_a_bounded_number_of_records(void **state)
{
    (void)state;
    enum { RECORDS = RIACHO_COMMIT_RECORDS_MAX };
    fixture *f = fixture_new(&(fixture_options){.on_process = {.action = RIACHO_ON_ERROR_SKIP}});
    fixture_start(f);
    for (int i = 0; i < RECORDS + 10; i++)
        fixture_send_to(f, FIXTURE_IN, 0, "a0", FIXTURE_REFUSE, i);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    const riacho_task_counters *counters = &fixture_task(f, "0_0")->counters;
    assert_int_equal(atomic_load(&counters->commits), 1);
    assert_int_equal(atomic_load(&counters->records), RECORDS + 10);
    fixture_free(f);
}

/* Of a topology with nothing but a caching store, so that no output fills a commit before. */
static void test_a_commit_has_a_bounded_number_of_cached_changes(void **state)
{
    (void)state;
    enum { KEYS = RIACHO_APPEND_RECORDS_MAX + 10 };
    fixture *f = fixture_new(&(fixture_options){.overlay_bytes = (uint64_t)1 << 40});
    fixture_only_latest(f);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        fixture_send_to(f, FIXTURE_IN, 0, key, 1, i);
    }
    fixture_start(f);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    if (fixture_drive(f) != RIACHO_OK)
        fail_msg("%s", f->error.text);
    const riacho_task_counters *counters = &fixture_task(f, "0_0")->counters;
    assert_int_equal(atomic_load(&counters->commits), KEYS / RIACHO_COMMIT_PENDING_MAX + 1);
    assert_int_equal(atomic_load(&counters->outputs), KEYS);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_head_timestamp_goes_first),
        cmocka_unit_test(test_of_equal_timestamps_the_first_input_goes_first),
        cmocka_unit_test(test_an_input_that_ran_dry_is_waited_for_while_the_log_has_more),
        cmocka_unit_test(test_stream_time_and_partition_times_survive_a_restart),
        cmocka_unit_test(test_a_publication_stays_as_it_was),
        cmocka_unit_test(test_a_position_is_followed_through_the_repartition_topic),
        cmocka_unit_test(test_a_processor_and_a_small_overlay_force_commits),
        cmocka_unit_test(test_a_commit_has_a_bounded_number_of_records),
        cmocka_unit_test(test_a_commit_has_a_bounded_number_of_cached_changes),
    };
    return cmocka_run_group_tests_name("order and time", tests, NULL, NULL);
}
