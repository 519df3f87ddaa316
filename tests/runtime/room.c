/* SPDX-License-Identifier: MIT
 *
 * room.c - tests that the tasks of a stream thread share one budget of uncommitted changes, each
 * taking what it needs.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

enum { BUDGET = 256 * 1024, BELOW = 100 };

static fixture *make(uint64_t budget)
{
    fixture *f = fixture_new(&(fixture_options){.partitions = 2, .overlay_bytes = budget});
    fixture_only_state(f);
    fixture_start(f);
    return f;
}

static void send_many(fixture *f, int32_t partition, int from, int until)
{
    for (int i = from; i < until; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d-%d", (int)partition, i);
        fixture_send_to(f, FIXTURE_IN, partition, key, 1, i);
    }
}

static void drive(fixture *f)
{
    if (riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error) != RIACHO_OK)
        fail_msg("drive: %s", f->error.text);
}

static uint64_t waiting(fixture *f, const char *task)
{
    return atomic_load(&fixture_task(f, task)->counters.overlay_bytes);
}

static uint64_t commits(fixture *f, const char *task)
{
    return atomic_load(&fixture_task(f, task)->counters.commits);
}

/* How many records of keys of their own take that part of the budget, in percent. */
static int records_for(unsigned percent)
{
    fixture *f = make((uint64_t)1 << 40);
    send_many(f, 0, 0, 1000);
    drive(f);
    assert_int_equal(commits(f, "0_0"), 0);
    const int count = (int)((uint64_t)BUDGET * percent / 100 * 1000 / waiting(f, "0_0"));
    fixture_free(f);
    return count;
}

static void test_a_task_takes_what_the_others_leave(void **state)
{
    (void)state;
    fixture *f = make(BUDGET);
    send_many(f, 0, 0, records_for(80));
    send_many(f, 1, 0, BELOW);
    drive(f);
    assert_int_equal(commits(f, "0_0"), 0);
    assert_int_equal(commits(f, "0_1"), 0);
    fixture_free(f);
}

static void test_the_largest_commits_and_the_small_one_goes_on(void **state)
{
    (void)state;
    fixture *f = make(BUDGET);
    send_many(f, 1, 0, BELOW);
    drive(f);
    const uint64_t before = waiting(f, "0_1");
    send_many(f, 0, 0, records_for(250));
    drive(f);
    assert_true(commits(f, "0_0") >= 2);
    assert_int_equal(commits(f, "0_1"), 0);
    assert_int_equal(waiting(f, "0_1"), before);
    fixture_free(f);
}

static void test_all_tasks_together_stay_within_the_budget(void **state)
{
    (void)state;
    fixture *f = make(BUDGET);
    const int many = records_for(75);
    const int step = many / 20;
    for (int i = 0; i < many; i += step) {
        send_many(f, 0, i, i + step);
        send_many(f, 1, i, i + step);
        drive(f);
        assert_in_range(waiting(f, "0_0") + waiting(f, "0_1"), 1, BUDGET + BUDGET / 10);
    }
    assert_in_range(commits(f, "0_0") + commits(f, "0_1"), 1, 2);
    fixture_free(f);
}

/* What cannot commit keeps its room; a small share is everybody's. */
static void test_a_task_that_cannot_commit_does_not_stop_the_others(void **state)
{
    (void)state;
    fixture *f = make(BUDGET);
    send_many(f, 0, 0, records_for(150));
    f->narrow.store_full = true;
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error),
                     RIACHO_RETRY);
    assert_int_equal(commits(f, "0_0"), 0);
    send_many(f, 1, 0, BELOW);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error),
                     RIACHO_RETRY);
    const riacho_task *other = fixture_task(f, "0_1");
    assert_int_equal(atomic_load(&other->counters.records), BELOW);
    f->narrow.store_full = false;
    f->clock.at_ms += 10000;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_true(commits(f, "0_0") >= 1 && commits(f, "0_1") >= 1);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_takes_what_the_others_leave),
        cmocka_unit_test(test_the_largest_commits_and_the_small_one_goes_on),
        cmocka_unit_test(test_all_tasks_together_stay_within_the_budget),
        cmocka_unit_test(test_a_task_that_cannot_commit_does_not_stop_the_others),
    };
    return cmocka_run_group_tests_name("the budget of uncommitted changes", tests, NULL, NULL);
}
