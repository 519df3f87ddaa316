/* SPDX-License-Identifier: MIT
 *
 * recover.c - state that is old, damaged or gone, and logs that do not belong to it.
 */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static void send_all(fixture *f, int64_t timestamp_ms)
{
    for (size_t key = 0; key < FIXTURE_KEYS; key++)
        fixture_send(f, key, 1, timestamp_ms);
}

static void run_and_stop(fixture *f)
{
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_stop(f);
}

/* Log and stores are closed while a shell changes their folder, where it is run. */
static void with_folder(fixture *f, const char *change)
{
    char command[512];
    fixture_close_backends(f);
    snprintf(command, sizeof command, "cd '%s' && %s", f->folder, change);
    if (system(command) != 0)
        fail_msg("%s", command);
    fixture_open_disk(f);
}

/* ---- old state ------------------------------------------------------------------------------- */

static void test_state_that_is_behind_the_log_catches_up_without_outputs(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.disk = true, .partitions = 2});
    send_all(f, 10);
    run_and_stop(f);
    with_folder(f, "cp -a state old");
    for (int round = 2; round < 5; round++) {
        send_all(f, 10 * round);
        run_and_stop(f);
    }
    with_folder(f, "rm -r state && mv old state");
    send_all(f, 90);
    fixture_start(f);
    riacho_task *task = fixture_task(f, "0_0");
    assert_int_equal(atomic_load(&task->state), RIACHO_TASK_RECOVERING);
    assert_int_equal(atomic_load(&task->counters.replay_records) % 3, 0); /* three rounds */
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_free(f);
}

static void test_a_log_that_is_older_than_the_state_is_refused(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    send_all(f, 10);
    run_and_stop(f);
    f->narrow.lost = 5;
    assert_int_equal(fixture_try_start(f), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "up to offset 40"));
    assert_non_null(strstr(f->error.text, "ends at offset 35"));
    fixture_free(f);
}

/* ---- lost state ------------------------------------------------------------------------------ */

static void expect_nothing_shown(fixture *f)
{
    riacho_task *task = fixture_task(f, "0_0");
    assert_int_equal(atomic_load(&task->state), RIACHO_TASK_RECOVERING);
    assert_null(riacho_task_publication(task));
}

/* The log knows no number of such a task, however far it was. A first start shows the empty store
 * at once, and so does a task that has read nothing. */
static void test_lost_state_without_outputs_is_shown_when_all_of_it_is_there_again(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.overlay_bytes = 1});
    fixture_only_state(f);
    for (int start = 0; start < 2; start++) {
        fixture_start(f);
        fixture_expect_store(f, FIXTURE_LATEST_STORE, "");
        fixture_stop(f);
        fixture_lose_state(f);
    }
    for (int i = 0; i < 10; i++)
        fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, i);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_stop(f);
    fixture_lose_state(f);
    fixture_start(f);
    expect_nothing_shown(f);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.replay_records), 10);
    f->crash_at = RIACHO_SITE_AFTER_COMMIT;
    f->crash_after = 5;
    assert_int_equal(fixture_drive(f), RIACHO_FATAL);
    assert_null(riacho_task_publication(fixture_task(f, "0_0")));
    fixture_crash(f);
    f->crash_at = 0;
    fixture_start(f); /* there is some state now, and the rest is still to come */
    expect_nothing_shown(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->state), RIACHO_TASK_RUNNING);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.replay_records), 0);
    fixture_expect_store(f, FIXTURE_LATEST_STORE, "a0=10");
    fixture_stop(f);
    fixture_start(f);
    fixture_expect_store(f, FIXTURE_LATEST_STORE, "a0=10");
    fixture_free(f);
}

/* The replay ends at the last outputs; what came after them was state only. */
static void test_a_replay_is_not_shown_before_what_came_after_the_last_outputs(void **state)
{
    (void)state;
    fixture *f = fixture_new(
        &(fixture_options){.overlay_bytes = 1, .on_process = {.action = RIACHO_ON_ERROR_SKIP}});
    fixture_send(f, 0, 1, 1);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    for (int i = 0; i < 5; i++)
        fixture_send_to(f, FIXTURE_IN, 0, "a0", FIXTURE_REFUSE, 2);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_stop(f);
    fixture_lose_state(f);
    fixture_start(f);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.replay_records), 6);
    f->crash_at = RIACHO_SITE_AFTER_COMMIT;
    f->crash_after = 1; /* of the commit that ends the replay */
    assert_int_equal(fixture_drive(f), RIACHO_FATAL);
    assert_null(riacho_task_publication(fixture_task(f, "0_0")));
    fixture_crash(f);
    f->crash_at = 0;
    fixture_start(f);
    expect_nothing_shown(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    riacho_publication *shown = riacho_task_publication(fixture_task(f, "0_0"));
    assert_int_equal(shown->positions[0].next, 6);
    riacho_publication_release(shown);
    fixture_free(f);
}

/* ---- damaged state --------------------------------------------------------------------------- */

static void test_damaged_state_is_moved_aside_and_rebuilt(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    send_all(f, 10);
    run_and_stop(f);
    f->narrow.damaged = 1;
    send_all(f, 20);
    run_and_stop(f);
    assert_int_equal(f->narrow.quarantined, 1);
    fixture_free(f);
}

static int garbage_in_current(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    if (kind != FTW_F || strcmp(path + at->base, "CURRENT") != 0)
        return 0;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("garbage\n", file);
    return fclose(file);
}

static int folders_aside;

static int count_folder(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    folders_aside += kind == FTW_D && strstr(path + at->base, "damaged") != NULL;
    return 0;
}

static void test_damaged_state_is_moved_aside_and_rebuilt_on_disk(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.disk = true});
    char folder[160];
    send_all(f, 10);
    run_and_stop(f);
    fixture_close_backends(f);
    snprintf(folder, sizeof folder, "%s/state", f->folder);
    nftw(folder, garbage_in_current, 8, FTW_PHYS);
    fixture_open_disk(f);
    send_all(f, 20);
    run_and_stop(f);
    folders_aside = 0;
    nftw(folder, count_folder, 8, FTW_PHYS);
    assert_true(folders_aside >= 2);
    fixture_free(f);
}

/* ---- what the log no longer holds ------------------------------------------------------------ */

static void test_a_rebuild_whose_events_are_gone_is_refused_and_names_them(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    send_all(f, 10);
    run_and_stop(f);
    fixture_lose_state(f);
    f->narrow.held_from = 3;
    assert_int_equal(fixture_try_start(f), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "needs in/0 from offset 0 on"));
    assert_non_null(strstr(f->error.text, "holds it from offset 3 on"));
    fixture_free(f);
}

static void test_state_that_is_past_what_is_gone_does_not_need_it(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    send_all(f, 10);
    run_and_stop(f);
    f->narrow.held_from = 3;
    send_all(f, 20);
    run_and_stop(f);
    fixture_free(f);
}

/* ---- edited topologies ----------------------------------------------------------------------- */

static void test_state_of_another_version_is_refused_and_left_as_it_is(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    f->graph.hash = 0xaaaa;
    send_all(f, 10);
    run_and_stop(f);
    const unsigned writes = f->narrow.writes;
    f->graph.hash = 0xbbbb;
    send_all(f, 20);
    assert_int_equal(fixture_try_start(f), RIACHO_REJECT);
    assert_string_equal(f->error.text,
                        "the state of task test/0_0 was made by another version of topology 'test' "
                        "(hash 000000000000aaaa, now 000000000000bbbb): run the version that made "
                        "it, or move the topology's state aside and it will be rebuilt from the "
                        "log");
    assert_int_equal(f->narrow.writes, writes);
    fixture_crash(f);
    f->graph.hash = 0xaaaa;
    run_and_stop(f);
    f->graph.hash = 0xbbbb;
    fixture_lose_state(f);
    run_and_stop(f);
    fixture_free(f);
}

/* The second task is refused, and the first must not have appended its outbox by then. */
static void test_one_task_of_another_version_stops_all_before_anything_is_written(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    f->graph.hash = 0xaaaa;
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_send(f, 0, 1, 11);
    f->narrow.log_full = true;
    f->graph.hash = 0xbbbb;
    assert_int_equal(fixture_drive(f), RIACHO_RETRY); /* test/0_0 alone has written this */
    f->narrow.log_full = false;
    const unsigned commits = f->narrow.commits;
    fixture_crash(f);
    assert_int_equal(fixture_try_start(f), RIACHO_REJECT);
    assert_non_null(strstr(f->error.text, "the state of task test/1_0"));
    assert_int_equal(f->narrow.commits, commits);
    fixture_free(f);
}

/* A topic that became compacted by mistake would lose events for good. */
static void test_a_refused_edit_leaves_the_topics_as_they_are(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    fixture *f = fixture_new(&(fixture_options){0});
    f->graph.hash = 0xaaaa;
    send_all(f, 10);
    run_and_stop(f);
    f->graph.hash = 0xbbbb;
    f->topics[FIXTURE_IN].compacted = true;
    f->topics[FIXTURE_OUT].name = "other";
    assert_int_equal(fixture_try_start(f), RIACHO_REJECT);
    riacho_topic_spec held;
    assert_int_equal(f->log->ops->topic_describe(f->log, "in", arena, &held, &f->error), RIACHO_OK);
    assert_int_equal(held.cleanup, RIACHO_CLEANUP_DELETE);
    assert_int_equal(f->log->ops->topic_describe(f->log, "other", arena, &held, &f->error),
                     RIACHO_REJECT);
    fixture_free(f);
}

static void test_a_task_that_reads_other_topics_than_before_is_refused(void **state)
{
    (void)state;
    for (int adds = 0; adds < 2; adds++) {
        fixture *f = fixture_new(&(fixture_options){.second_input = !adds});
        send_all(f, 10);
        run_and_stop(f);
        fixture_lose_state(f);
        f->subtopologies[0].source_count = adds ? 2 : 1;
        assert_int_equal(fixture_try_start(f), RIACHO_REJECT);
        assert_non_null(strstr(f->error.text, adds ? "task test/0_0 has read in so far, and would "
                                                     "now read in, in2:"
                                                   : "task test/0_0 has read in, in2 so far, and "
                                                     "would now read in:"));
        assert_non_null(strstr(f->error.text, "another name"));
        fixture_free(f);
    }
}

/* ---- where to start -------------------------------------------------------------------------- */

static void test_latest_begins_at_the_end_of_the_first_start_also_in_a_rebuild(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.start = RIACHO_START_LATEST});
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 5);
    fixture_start(f);
    fixture_send(f, 1, 1, 10);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_stop(f);
    fixture_lose_state(f);
    fixture_send(f, 2, 1, 11);
    run_and_stop(f);
    fixture_free(f);
}

static void test_a_crash_before_the_first_commit_does_not_move_the_start(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.start = RIACHO_START_LATEST});
    fixture_start(f);
    fixture_send(f, 1, 1, 10);
    fixture_crash(f);
    run_and_stop(f);
    fixture_free(f);
}

static void test_none_wants_a_committed_position(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.start = RIACHO_START_NONE});
    assert_int_equal(fixture_try_start(f), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "in/0"));
    fixture_free(f);
}

static void test_ago_begins_that_long_before_now(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.start = RIACHO_START_AGO});
    f->topics[FIXTURE_IN].start_ago_ms = 300; /* it is 1000 */
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 650);
    fixture_send(f, 1, 1, 700);
    run_and_stop(f);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_that_is_behind_the_log_catches_up_without_outputs),
        cmocka_unit_test(test_a_log_that_is_older_than_the_state_is_refused),
        cmocka_unit_test(test_lost_state_without_outputs_is_shown_when_all_of_it_is_there_again),
        cmocka_unit_test(test_a_replay_is_not_shown_before_what_came_after_the_last_outputs),
        cmocka_unit_test(test_damaged_state_is_moved_aside_and_rebuilt),
        cmocka_unit_test(test_damaged_state_is_moved_aside_and_rebuilt_on_disk),
        cmocka_unit_test(test_a_rebuild_whose_events_are_gone_is_refused_and_names_them),
        cmocka_unit_test(test_state_that_is_past_what_is_gone_does_not_need_it),
        cmocka_unit_test(test_state_of_another_version_is_refused_and_left_as_it_is),
        cmocka_unit_test(test_one_task_of_another_version_stops_all_before_anything_is_written),
        cmocka_unit_test(test_a_refused_edit_leaves_the_topics_as_they_are),
        cmocka_unit_test(test_a_task_that_reads_other_topics_than_before_is_refused),
        cmocka_unit_test(test_latest_begins_at_the_end_of_the_first_start_also_in_a_rebuild),
        cmocka_unit_test(test_a_crash_before_the_first_commit_does_not_move_the_start),
        cmocka_unit_test(test_none_wants_a_committed_position),
        cmocka_unit_test(test_ago_begins_that_long_before_now),
    };
    return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
