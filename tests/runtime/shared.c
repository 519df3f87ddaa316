/* SPDX-License-Identifier: MIT
 *
 * shared.c - tasks of a group of workers: how they are shared, restored, kept as standbys and
 * handed over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "runtime/plan.h"
#include "runtime/publication.h"
#include "runtime/shared/leases.h"
#include "runtime/shared/members.h"
#include "runtime/shared/restoring.h"
#include "runtime/shared/trim.h"
#include "table.h"

static void send_some(table *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fixture_send(t->f, i % 7, (int64_t)i, 1000 + (int64_t)i);
}

static void expect_store(table *t, size_t i, int store, const char *expected)
{
    char *found = table_store(t, i, store);
    assert_string_equal(found, expected);
    free(found);
}

/* ---- sharing --------------------------------------------------------------------------------- */

static void test_one_worker_has_every_task(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 50);
    table_until(t, table_counted);
    assert_int_equal(table_count(t, 0, RIACHO_TASK_RUNNING), 4);
    fixture_expect_topic(t->f, FIXTURE_DEAD, "");
    table_free(t);
}

static void test_two_workers_have_two_tasks_each(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    table_until(t, table_all_run);
    table_sit(t, 1);
    send_some(t, 50);
    table_pass(t, 10000);
    table_until(t, table_counted);
    assert_int_equal(table_count(t, 0, RIACHO_TASK_RUNNING), 2);
    assert_int_equal(table_count(t, 1, RIACHO_TASK_RUNNING), 2);
    assert_int_equal(table_count(t, 1, RIACHO_TASK_AWAY), 2);
    table_free(t);
}

static void test_who_is_left_takes_over_from_a_worker_that_died(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    table_sit(t, 1);
    send_some(t, 50);
    table_until(t, table_counted);
    table_kill(t, 1);
    send_some(t, 50);
    table_until(t, table_counted);
    assert_int_equal(table_count(t, 0, RIACHO_TASK_RUNNING), 4);
    table_free(t);
}

static void test_a_stop_hands_everything_back_committed(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    table_until(t, table_all_run);
    send_some(t, 50);
    table_pass(t, 20);
    table_leave(t, 0);
    assert_int_equal(model_broker_open_transactions(t->broker), 0);
    table_sit(t, 0);
    table_until(t, table_counted);
    table_free(t);
}

static void test_where_a_task_is_is_known_everywhere(void **state)
{
    (void)state;
    table *t = table_new(1);
    table_sit(t, 0);
    table_sit(t, 1);
    table_until(t, table_all_run);
    table_pass(t, 10000);
    size_t here = 0;
    for (size_t i = 0; i < 2; i++) {
        riacho_worker *worker = t->seats[i].worker;
        for (size_t k = 0; k < 4; k++) {
            RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
            riacho_task *task = worker->deployments[0].tasks[k];
            riacho_owner owner;
            riacho_error err = {.text = ""};
            if (riacho_membership_owner(worker, task, arena, &owner, &err) != RIACHO_OK)
                fail_msg("%s", err.text);
            assert_int_equal(owner.is_here, atomic_load(&task->state) == RIACHO_TASK_RUNNING);
            assert_string_equal(owner.address,
                                t->seats[strcmp(owner.name, "w0") == 0 ? 0 : 1].address);
            assert_int_equal(owner.standby_count, 1);
            here += owner.is_here;
        }
    }
    assert_int_equal(here, 4);
    table_free(t);
}

/* ---- restores -------------------------------------------------------------------------------- */

static void test_state_that_is_gone_comes_back_from_the_changelogs(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 70);
    table_until(t, table_counted);
    table_pass(t, 100);
    char *before = table_store(t, 0, FIXTURE_COUNTS);
    table_kill(t, 0);
    table_wipe(t, 0);
    table_sit(t, 0);
    table_until(t, table_all_run);
    table_pass(t, 500);
    expect_store(t, 0, FIXTURE_COUNTS, before);
    free(before);
    table_free(t);
}

/* Moves state from one seat to another: what a worker that was away finds on its disk. */
static void swap_disks(table *t, size_t a, size_t b)
{
    riacho_store_factory *stores = t->seats[a].stores;
    t->seats[a].stores = t->seats[b].stores;
    t->seats[b].stores = stores;
}

static uint64_t set_aside(table *t, size_t i)
{
    uint64_t count = 0;
    for (size_t k = 0; k < 4; k++)
        count += atomic_load(&t->seats[i].worker->deployments[0].tasks[k]->counters.set_aside);
    return count;
}

static void test_state_of_a_worker_that_was_away_goes_on_from_where_it_was(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_kill(t, 0);
    swap_disks(t, 0, 1);
    table_sit(t, 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_pass(t, 100);
    char *now = table_store(t, 0, FIXTURE_COUNTS);
    table_kill(t, 0);
    swap_disks(t, 0, 1);
    table_sit(t, 0);
    table_until(t, table_all_run);
    table_pass(t, 500);
    expect_store(t, 0, FIXTURE_COUNTS, now);
    assert_int_equal(set_aside(t, 0), 0);
    free(now);
    table_free(t);
}

static void test_state_older_than_deletions_are_kept_is_moved_aside(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_kill(t, 0);
    swap_disks(t, 0, 1);
    table_sit(t, 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_kill(t, 0);
    swap_disks(t, 0, 1);
    simulation_advance(&t->sim, (int64_t)RIACHO_TOMBSTONE_MS + 1);
    table_sit(t, 0);
    table_until(t, table_all_run);
    assert_true(set_aside(t, 0) > 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_free(t);
}

static void test_state_that_missed_nothing_is_never_too_old(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 30);
    table_until(t, table_counted);
    table_pass(t, 1000);
    table_leave(t, 0);
    simulation_advance(&t->sim, 2 * (int64_t)RIACHO_TOMBSTONE_MS);
    table_sit(t, 0);
    table_until(t, table_all_run);
    assert_int_equal(set_aside(t, 0), 0);
    table_free(t);
}

static bool has_ended(table *t)
{
    return t->seats[0].status != RIACHO_OK;
}

/* Ends the process at the countdown's turn of a load or a write of a restore. */
static bool in_a_restore(void *argument, riacho_site site)
{
    table *t = argument;
    return site == RIACHO_SITE_RESTORING && --t->countdown == 0;
}

/* A worker whose memory is so little that every restore loads before it writes. */
static table *table_that_loads(void)
{
    table *t = table_new(0);
    t->memory_bytes = 1;
    t->fault = in_a_restore;
    table_sit(t, 0);
    send_some(t, 70);
    table_until(t, table_counted);
    table_pass(t, 100);
    return t;
}

/* Without its state; true: ended when `turn` came. */
static bool restore_until(table *t, int turn)
{
    t->countdown = turn;
    table_sit(t, 0);
    while (!has_ended(t) && !table_all_run(t))
        table_pass(t, 5);
    const bool ended = has_ended(t);
    t->countdown = 0;
    return ended;
}

static void test_a_restore_that_breaks_off_after_any_load_is_made_again(void **state)
{
    (void)state;
    table *t = table_that_loads();
    char *before = table_store(t, 0, FIXTURE_COUNTS);
    int turns = 1;
    for (bool ended = true; ended; turns++) {
        table_kill(t, 0);
        table_wipe(t, 0);
        ended = restore_until(t, turns);
        if (ended) {
            table_kill(t, 0); /* the disk stays */
            assert_false(restore_until(t, 0));
        }
        table_pass(t, 500);
        expect_store(t, 0, FIXTURE_COUNTS, before);
        assert_int_equal(set_aside(t, 0), 0);
    }
    /* Of four tasks, two have a store with changes: a load, a write, and the end of each. */
    assert_true(turns > 6);
    free(before);
    table_free(t);
}

static void test_what_a_restore_left_that_broke_off_grows_too_old(void **state)
{
    (void)state;
    enum { TURNS = 6 };
    table *t = table_that_loads();
    char *before = table_store(t, 0, FIXTURE_COUNTS);
    uint64_t aside = 0;
    for (int turn = 1; turn <= TURNS; turn++) {
        table_kill(t, 0);
        table_wipe(t, 0);
        assert_true(restore_until(t, turn));
        table_kill(t, 0);
        simulation_advance(&t->sim, (int64_t)RIACHO_TOMBSTONE_MS + 1);
        assert_false(restore_until(t, 0));
        aside += set_aside(t, 0);
        table_pass(t, 500);
        expect_store(t, 0, FIXTURE_COUNTS, before);
    }
    assert_int_equal(aside, 2); /* one for each store that was loaded and not told how far */
    free(before);
    table_free(t);
}

/* The same state on a cluster that has less. */
static void test_a_changelog_shorter_than_the_state_ends_the_worker_and_is_named(void **state)
{
    (void)state;
    table *full = table_new(0);
    table_sit(full, 0);
    send_some(full, 30);
    table_until(full, table_counted);
    table_leave(full, 0);
    table *fresh = table_new(0);
    riacho_store_factory *stores = full->seats[0].stores;
    full->seats[0].stores = fresh->seats[0].stores;
    fresh->seats[0].stores = stores;
    table_sit(fresh, 0);
    table_until(fresh, has_ended);
    assert_int_equal(fresh->seats[0].status, RIACHO_FATAL);
    assert_non_null(strstr(fresh->seats[0].error.text, "-changelog/"));
    assert_non_null(strstr(fresh->seats[0].error.text, "ends at offset 0"));
    table_free(fresh);
    table_free(full);
}

static void test_changes_of_another_group_end_the_worker(void **state)
{
    (void)state;
    table *t = table_new(0);
    const riacho_topic_spec spec = {"test-counts-changelog", 2, RIACHO_CLEANUP_COMPACT, 0, 0};
    const riacho_log_append change = {
        .topic = spec.name,
        .record = {.key = riacho_text("a0"), .value = riacho_text("whatever it is")},
    };
    riacho_position at;
    assert_int_equal(t->outside->ops->topic_ensure(t->outside, &spec, NULL), RIACHO_OK);
    assert_int_equal(t->outside->ops->append(t->outside, &change, 1, &at, NULL), RIACHO_OK);
    table_sit(t, 0);
    table_until(t, has_ended);
    assert_non_null(strstr(t->seats[0].error.text, "another group's"));
    table_free(t);
}

/* ---- standbys -------------------------------------------------------------------------------- */

static bool has_standbys(table *t)
{
    return table_all_run(t) && table_count(t, 0, RIACHO_TASK_STANDBY) == 2 &&
           table_count(t, 1, RIACHO_TASK_STANDBY) == 2;
}

static void test_a_standby_shows_what_the_active_task_has_committed(void **state)
{
    (void)state;
    table *t = table_new(1);
    table_sit(t, 0);
    table_sit(t, 1);
    table_until(t, has_standbys);
    send_some(t, 50);
    table_until(t, table_counted);
    table_pass(t, 3000);
    for (int store = 0; store < FIXTURE_STORES; store++) {
        char *one = table_store(t, 0, store), *other = table_store(t, 1, store);
        assert_string_equal(one, other);
        free(one);
        free(other);
    }
    table_free(t);
}

static void test_a_promoted_standby_keeps_its_state(void **state)
{
    (void)state;
    table *t = table_new(1);
    table_sit(t, 0);
    table_sit(t, 1);
    table_until(t, has_standbys);
    send_some(t, 50);
    table_until(t, table_counted);
    table_pass(t, 3000);
    table_kill(t, 1);
    send_some(t, 20);
    table_until(t, table_counted);
    assert_int_equal(table_count(t, 0, RIACHO_TASK_RUNNING), 4);
    assert_int_equal(set_aside(t, 0), 0);
    table_free(t);
}

static riacho_task *task_elsewhere(table *t, size_t i)
{
    const riacho_deployment *deployment = riacho_worker_deployment(t->seats[i].worker, "test");
    for (size_t k = 0; k < deployment->task_count; k++) {
        if (atomic_load(&deployment->tasks[k]->state) == RIACHO_TASK_AWAY)
            return deployment->tasks[k];
    }
    fail_msg("every task is at seat %zu", i);
    return NULL;
}

/* Moves of a while, in which the task of the standby has nothing to read. */
static void stand_by_for(table *t, riacho_restoring *standby, int seconds)
{
    riacho_clock *clock = t->seats[1].worker->clock;
    for (int i = 0; i < 10 * seconds; i++, simulation_advance(&t->sim, 100)) {
        riacho_error err = {.text = ""};
        if (!riacho_restoring_due(standby, clock->monotonic_ns(clock)))
            continue;
        const riacho_status status = riacho_restoring_move(standby, 0, &err);
        if (status != RIACHO_OK && status != RIACHO_RETRY)
            fail_msg("%s", err.text);
    }
}

static void test_a_standby_needs_no_more_memory_the_longer_it_stands_by(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    table_sit(t, 1);
    table_pass(t, 10000);
    table_until(t, table_all_run);
    riacho_task *task = task_elsewhere(t, 1);
    riacho_restoring *standby = riacho_restoring_new(task);
    standby->is_standby = true;
    stand_by_for(t, standby, 10);
    const int64_t complete_ms = standby->complete_ms;
    const size_t used = riacho_arena_used(standby->arena);
    assert_true(standby->number > 0);
    stand_by_for(t, standby, 300);
    assert_true(standby->complete_ms > complete_ms);
    assert_int_equal(riacho_arena_used(standby->arena), used);
    riacho_restoring_free(standby);
    riacho_task_close_store(task);
    table_free(t);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_a_worker_with_other_graphs_is_refused_and_both_are_named(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    t->f->graph.hash++;
    assert_int_equal(table_try_sit(t, 1), RIACHO_REJECT);
    assert_non_null(strstr(t->seats[1].error.text, "runs test@"));
    assert_non_null(strstr(t->seats[1].error.text, "this worker would run test@"));
    table_free(t);
}

static void test_a_group_name_is_needed_for_several_topologies(void **state)
{
    (void)state;
    table *t = table_new(0);
    riacho_graph other = t->f->graph;
    riacho_worker *worker;
    riacho_error err = {.text = ""};
    other.name = "other";
    const riacho_worker_options options = {.log = t->outside, .stores = t->seats[0].stores};
    assert_int_equal(riacho_worker_open(&options, &worker, &err), RIACHO_OK);
    assert_int_equal(riacho_worker_add(worker, &t->f->graph, &err), RIACHO_OK);
    assert_int_equal(riacho_worker_add(worker, &other, &err), RIACHO_OK);
    assert_int_equal(riacho_worker_start(worker, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "--group"));
    riacho_worker_close(worker);
    table_free(t);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void test_what_was_read_of_a_repartition_topic_is_removed(void **state)
{
    (void)state;
    table *t = table_new(0);
    table_sit(t, 0);
    send_some(t, 50);
    table_until(t, table_counted);
    table_pass(t, RIACHO_TRIM_MS + 2000);
    int64_t removed = 0;
    for (int32_t p = 0; p < 2; p++) {
        int64_t first, next;
        assert_int_equal(t->outside->ops->bounds(t->outside, t->f->topics[FIXTURE_GROUPED].name, p,
                                                 &first, &next, NULL),
                         RIACHO_OK);
        removed += first;
        assert_true(first <= next);
    }
    assert_true(removed >= 50);
    send_some(t, 20);
    table_until(t, table_counted);
    table_free(t);
}

static void test_a_box_keeps_its_order(void **state)
{
    (void)state;
    riacho_box *box = riacho_box_new();
    riacho_handover out;
    riacho_task tasks[40] = {0};
    size_t in = 0, taken = 0;
    assert_false(riacho_box_take(box, &out));
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < 2; i++) {
            const riacho_handover put = {.kind = RIACHO_HANDOVER_CLOSED, .task = &tasks[in++]};
            riacho_box_put(box, &put);
        }
        assert_true(riacho_box_take(box, &out));
        assert_ptr_equal(out.task, &tasks[taken++]);
    }
    while (riacho_box_take(box, &out))
        assert_ptr_equal(out.task, &tasks[taken++]);
    assert_int_equal(taken, in);
    riacho_box_free(box);
}

static const char *const names[] = {"ana", "bia", "caio", "davi"};

static void test_standbys_are_spread_and_never_the_owner(void **state)
{
    (void)state;
    size_t of[4] = {0}, chosen[2];
    for (int32_t lease = 0; lease < 400; lease++) {
        const size_t owner = (size_t)lease % 4;
        assert_int_equal(riacho_rendezvous(names, 4, names[owner], lease, chosen, 2), 2);
        assert_true(chosen[0] != chosen[1]);
        for (size_t i = 0; i < 2; i++) {
            assert_true(chosen[i] != owner);
            of[chosen[i]]++;
        }
    }
    for (size_t i = 0; i < 4; i++)
        assert_in_range(of[i], 150, 250);
}

static void test_a_worker_that_goes_moves_only_its_own_standbys(void **state)
{
    (void)state;
    for (int32_t lease = 0; lease < 400; lease++) {
        size_t with, without;
        assert_int_equal(riacho_rendezvous(names, 4, "ana", lease, &with, 1), 1);
        assert_int_equal(riacho_rendezvous(names, 3, "ana", lease, &without, 1), 1);
        if (with != 3)
            assert_int_equal(with, without);
    }
    assert_int_equal(riacho_rendezvous(names, 1, "ana", 0, &(size_t){0}, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_worker_has_every_task),
        cmocka_unit_test(test_two_workers_have_two_tasks_each),
        cmocka_unit_test(test_who_is_left_takes_over_from_a_worker_that_died),
        cmocka_unit_test(test_a_stop_hands_everything_back_committed),
        cmocka_unit_test(test_where_a_task_is_is_known_everywhere),
        cmocka_unit_test(test_state_that_is_gone_comes_back_from_the_changelogs),
        cmocka_unit_test(test_state_of_a_worker_that_was_away_goes_on_from_where_it_was),
        cmocka_unit_test(test_state_older_than_deletions_are_kept_is_moved_aside),
        cmocka_unit_test(test_state_that_missed_nothing_is_never_too_old),
        cmocka_unit_test(test_a_restore_that_breaks_off_after_any_load_is_made_again),
        cmocka_unit_test(test_what_a_restore_left_that_broke_off_grows_too_old),
        cmocka_unit_test(test_a_changelog_shorter_than_the_state_ends_the_worker_and_is_named),
        cmocka_unit_test(test_changes_of_another_group_end_the_worker),
        cmocka_unit_test(test_a_standby_shows_what_the_active_task_has_committed),
        cmocka_unit_test(test_a_promoted_standby_keeps_its_state),
        cmocka_unit_test(test_a_standby_needs_no_more_memory_the_longer_it_stands_by),
        cmocka_unit_test(test_a_worker_with_other_graphs_is_refused_and_both_are_named),
        cmocka_unit_test(test_a_group_name_is_needed_for_several_topologies),
        cmocka_unit_test(test_what_was_read_of_a_repartition_topic_is_removed),
        cmocka_unit_test(test_a_box_keeps_its_order),
        cmocka_unit_test(test_standbys_are_spread_and_never_the_owner),
        cmocka_unit_test(test_a_worker_that_goes_moves_only_its_own_standbys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
