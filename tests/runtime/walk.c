/* SPDX-License-Identifier: MIT
 *
 * walk.c - one worker, driven by hand: records in, changes and outputs out, over a restart.
 */
#include "fixture.h"

#include <string.h>

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

/* ---- topics and topologies ------------------------------------------------------------------- */

static void expect_refused(fixture *f, const char *why)
{
    assert_int_equal(fixture_try_start(f), RIACHO_REJECT);
    if (!strstr(f->error.text, why))
        fail_msg("'%s' does not say '%s'", f->error.text, why);
}

static void test_a_topic_with_another_number_of_partitions_is_refused_by_name(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 3});
    f->topics[FIXTURE_IN].partitions = 2;
    expect_refused(f, "topology 'test', topic 'in'");
    fixture_free(f);
}

static void test_partitions_come_from_the_log_from_upstream_or_from_what_is_joined(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 3});
    f->topics[FIXTURE_IN].partitions = 0;     /* as found: 3 */
    f->topics[FIXTURE_TOTALS].partitions = 0; /* not there: 1 */
    fixture_start(f);
    const int32_t *partitions = riacho_worker_deployment(f->worker, "test")->partitions;
    assert_int_equal(partitions[FIXTURE_IN], 3);
    assert_int_equal(partitions[FIXTURE_TOTALS], 1);
    assert_int_equal(partitions[FIXTURE_GROUPED], 3);
    fixture_free(f);

    f = fixture_new(&(fixture_options){.partitions = 3});
    f->topics[FIXTURE_GROUPED].copartition = f->topics[FIXTURE_OUT].copartition = 1;
    fixture_start(f);
    partitions = riacho_worker_deployment(f->worker, "test")->partitions;
    assert_int_equal(partitions[FIXTURE_GROUPED], 2);
    fixture_free(f);

    f = fixture_new(&(fixture_options){.partitions = 3});
    f->topics[FIXTURE_IN].copartition = f->topics[FIXTURE_OUT].copartition = 1;
    expect_refused(f, "they must be equal");
    fixture_free(f);
}

static void test_a_topology_or_a_path_is_there_only_once(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    const riacho_worker_options options = {.log = f->log, .stores = f->stores};
    riacho_graph_query query = {.name = "q", .path = "/things/{id}"};
    riacho_graph_command command = {.name = "c", .path = "/things/{id}", .method = "PUT"};
    riacho_graph first = f->graph, second = f->graph, third = f->graph;
    first.base_path = "/a/b";
    first.queries = &query;
    first.query_count = 1;
    second.name = "second";
    second.base_path = "/a";
    riacho_graph_query same = {.name = "q", .path = "/b/things/{id}"};
    second.queries = &same;
    second.query_count = 1;
    third.name = "third";
    third.base_path = "/a/b";
    third.commands = &command; /* another method */
    third.command_count = 1;
    assert_int_equal(riacho_worker_open(&options, &f->worker, &f->error), RIACHO_OK);
    assert_int_equal(riacho_worker_add(f->worker, &first, &f->error), RIACHO_OK);
    assert_int_equal(riacho_worker_add(f->worker, &first, &f->error), RIACHO_REJECT);
    assert_non_null(strstr(f->error.text, "already has a topology 'test'"));
    assert_int_equal(riacho_worker_add(f->worker, &second, &f->error), RIACHO_REJECT);
    assert_string_equal(f->error.text, "GET /a/b/things/{id} of topology 'second' is already "
                                       "served by topology 'test'");
    assert_int_equal(riacho_worker_add(f->worker, &third, &f->error), RIACHO_OK);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_counted_and_flow_through_the_repartition_topic),
        cmocka_unit_test(test_a_restart_goes_on_where_it_was),
        cmocka_unit_test(test_what_is_not_committed_is_not_shown_and_not_lost),
        cmocka_unit_test(test_a_topic_with_another_number_of_partitions_is_refused_by_name),
        cmocka_unit_test(test_partitions_come_from_the_log_from_upstream_or_from_what_is_joined),
        cmocka_unit_test(test_a_topology_or_a_path_is_there_only_once),
    };
    return cmocka_run_group_tests_name("a driven worker", tests, NULL, NULL);
}
