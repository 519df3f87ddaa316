/* SPDX-License-Identifier: MIT
 *
 * walk.c - one worker, driven by hand: records in, changes and outputs out, over a restart.
 */
#include "fixture.h"

#include <stdlib.h>

static void test_records_are_counted_and_flow_through_the_repartition_topic(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    fixture_send(f, 1, 1, 11);
    fixture_send(f, 0, 1, 12);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "a0=2 a1=1");
    fixture_expect_store(f, FIXTURE_TOTALS_STORE, "a=3");
    fixture_expect_topic(f, FIXTURE_TOTALS, "a=1@10 a=2@11 a=3@12");
    fixture_expect_topic(f, FIXTURE_LATEST, "a0=2@12 a1=1@11");
    fixture_check(f);
    fixture_free(f);
}

static void test_a_restart_goes_on_where_it_was(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 3});
    for (int round = 0; round < 4; round++) {
        fixture_start(f);
        for (size_t key = 0; key < FIXTURE_KEYS; key++)
            fixture_send(f, key, 1, 10 * round);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        fixture_check(f);
        fixture_stop(f);
    }
    fixture_free(f);
}

static void test_what_is_not_committed_is_not_shown_and_not_lost(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "");
    fixture_expect_topic(f, FIXTURE_OUT, "");
    fixture_crash(f);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_counted_and_flow_through_the_repartition_topic),
        cmocka_unit_test(test_a_restart_goes_on_where_it_was),
        cmocka_unit_test(test_what_is_not_committed_is_not_shown_and_not_lost),
    };
    return cmocka_run_group_tests_name("a driven worker", tests, NULL, NULL);
}
