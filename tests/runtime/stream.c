/* SPDX-License-Identifier: MIT
 *
 * stream.c - the stream thread on a log that workers share, its parts stepped one by one: records
 * go on while a transaction is under way, what is sent is what was processed, state comes last, and
 * what becomes of tasks whose transaction failed or whose leases go.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "runtime/run.h"
#include "runtime/shared/transaction.h"
#include "runtime/thread.h"

enum { STEPS_MAX = 2000, KEY = 0 };

static void step(table *t, riacho_part part)
{
    seat *s = &t->seats[0];
    bool did;
    if (riacho_worker_step(s->worker, part, &did, &s->error) != RIACHO_OK)
        fail_msg("%s", s->error.text);
}

static const riacho_transaction *transaction_of(table *t)
{
    return t->seats[0].worker->threads[0].transaction;
}

static riacho_task *counting_task(table *t)
{
    const riacho_deployment *deployment = riacho_worker_deployment(t->seats[0].worker, "test");
    for (size_t i = 0; i < deployment->task_count; i++) {
        riacho_task *task = deployment->tasks[i];
        if (task->subtopology == 0 && atomic_load(&task->counters.records))
            return task;
    }
    return NULL;
}

static uint64_t processed(table *t)
{
    const riacho_task *task = counting_task(t);
    return task ? atomic_load(&task->counters.records) : 0;
}

/* One worker that has every task, at rest. */
static table *one_worker(void)
{
    table *t = table_new(0);
    table_sit(t, 0);
    table_until(t, table_all_run);
    table_pass(t, 200);
    return t;
}

/* Of input `in`, as the group has it. */
static int64_t committed(table *t)
{
    const riacho_task *task = counting_task(t);
    return model_broker_position(t->broker, "group", "in", task->partition);
}

static int64_t shown(table *t)
{
    RIACHO_AUTO(publication)
    riacho_publication *publication = riacho_task_publication(counting_task(t));
    return publication->positions[0].next;
}

/* Steps the stream part alone until so many records were processed, without a millisecond. */
static void process(table *t, uint64_t records)
{
    for (int i = 0; i < STEPS_MAX && processed(t) < records; i++)
        step(t, RIACHO_PART_STREAM);
    assert_int_equal(processed(t), records);
}

/* Everything but the stream part, until the transaction under way has an outcome. */
static riacho_outcome carry_out(table *t)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        const riacho_outcome outcome = riacho_transaction_outcome(transaction_of(t));
        if (outcome != RIACHO_OUTCOME_NONE)
            return outcome;
        step(t, RIACHO_PART_COMMIT);
        step(t, RIACHO_PART_CONTROL);
        simulation_advance(&t->sim, 1);
    }
    fail_msg("the transaction does not end");
    return RIACHO_OUTCOME_NONE;
}

static void test_records_are_processed_while_a_transaction_is_under_way(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    process(t, 1);
    step(t, RIACHO_PART_STREAM); /* idle: it is sealed */
    assert_false(riacho_transaction_ready(transaction_of(t)));
    const int64_t before = shown(t);
    fixture_send(t->f, KEY, 1, 11);
    fixture_send(t->f, KEY, 1, 12);
    process(t, 3);
    assert_int_equal(shown(t), before);
    assert_int_equal(carry_out(t), RIACHO_OUTCOME_COMMITTED);
    assert_int_equal(processed(t), 3);
    table_pass(t, 10); /* marks, in their own time */
    table_until(t, table_counted);
    table_free(t);
}

static void test_a_position_that_is_sent_is_of_what_was_processed_then(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    process(t, 1);
    step(t, RIACHO_PART_STREAM);
    fixture_send(t->f, KEY, 1, 11); /* fetched and processed before positions are sent */
    process(t, 2);
    assert_int_equal(carry_out(t), RIACHO_OUTCOME_COMMITTED);
    simulation_advance(&t->sim, 50);
    assert_int_equal(committed(t), 1);
    table_until(t, table_counted);
    assert_int_equal(committed(t), 2);
    table_free(t);
}

static void test_state_is_written_when_its_transaction_is_committed(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    process(t, 1);
    step(t, RIACHO_PART_STREAM);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_store *store = counting_task(t)->store;
    riacho_commit_meta before, after;
    assert_int_equal(store->ops->read_commit(store, arena, &before, NULL), RIACHO_OK);
    assert_int_equal(carry_out(t), RIACHO_OUTCOME_COMMITTED);
    assert_int_equal(store->ops->read_commit(store, arena, &after, NULL), RIACHO_OK);
    assert_int_equal(after.number, before.number); /* committed, and not written */
    step(t, RIACHO_PART_STREAM);
    assert_int_equal(store->ops->read_commit(store, arena, &after, NULL), RIACHO_OK);
    assert_int_equal(after.number, before.number + 1);
    assert_int_equal(shown(t), 1);
    /* inputs first, then the changelogs, each behind its last change */
    const riacho_run *run = counting_task(t)->run;
    assert_int_equal(after.position_count, run->input_count + run->changelogs.count);
    assert_int_equal(after.positions[run->input_count].next, 1);
    table_free(t);
}

static void test_a_note_comes_back_with_the_position(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 4711);
    table_until(t, table_counted);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_task *task = counting_task(t);
    riacho_committed position = {.position = {"in", task->partition, -1}};
    riacho_error err;
    const struct riacho_broker_ops *broker = t->outside->ops->broker;
    assert_int_equal(broker->fetch(t->outside, "group", arena, &position, 1, 0, &err), RIACHO_OK);
    const riacho_note note = riacho_note_read(position.note);
    assert_int_equal(note.number, task->run->number);
    assert_int_equal(note.stream_time_ms, 4711);
    assert_true(note.progress.size > 0);
    table_free(t);
}

static void test_what_is_no_note_is_none(void **state)
{
    (void)state;
    static const riacho_bytes no_notes[] = {
        {NULL, 0}, {"", 0}, {"\1\0\0", 3}, {"\7xxxxxxxxxxxxxxxx", 17}};
    for (size_t i = 0; i < sizeof no_notes / sizeof *no_notes; i++) {
        const riacho_note note = riacho_note_read(no_notes[i]);
        assert_int_equal(note.number, 0);
        assert_true(note.stream_time_ms == INT64_MIN);
        assert_null(note.progress.data);
    }
}

static void test_idle_transactions_keep_apart(void **state)
{
    (void)state;
    table *t = one_worker();
    const uint64_t before = riacho_transaction_counted(transaction_of(t))->committed;
    for (int i = 0; i < 400; i++) {
        fixture_send(t->f, KEY, 1, i);
        table_pass(t, 1);
    }
    const uint64_t count = riacho_transaction_counted(transaction_of(t))->committed - before;
    assert_true(count > 2);
    assert_true(count <= 400 / RIACHO_IDLE_TRANSACTION_GAP_MS + 1);
    table_until(t, table_counted);
    table_free(t);
}

/* Brokers forget positions that nobody commits for long. */
static void test_positions_of_idle_tasks_are_committed_again_now_and_then(void **state)
{
    (void)state;
    enum { SECONDS = RIACHO_REFRESH_MS / 1000 };
    table *t = one_worker();
    const uint64_t before = riacho_transaction_counted(transaction_of(t))->committed;
    for (int i = 0; i < 2 * SECONDS; i++) {
        simulation_advance(&t->sim, 999);
        table_pass(t, 1);
        if (i == SECONDS / 2)
            assert_int_equal(riacho_transaction_counted(transaction_of(t))->committed, before);
    }
    const uint64_t count = riacho_transaction_counted(transaction_of(t))->committed - before;
    assert_true(count >= 1 && count <= 2);
    table_free(t);
}

static void test_tasks_of_a_failed_transaction_are_restored_and_go_on(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    table_until(t, table_counted);
    table_pass(t, 200);
    fixture_send(t->f, KEY, 1, 11);
    process(t, 2);
    step(t, RIACHO_PART_STREAM);
    assert_false(riacho_transaction_ready(transaction_of(t)));
    fixture_send(t->f, KEY, 1, 12); /* on top of what will fail */
    process(t, 3);
    model_broker_faults(t->broker, &(model_faults){.reply_lost = 10000, .given_up = 10000});
    for (int i = 0; i < 700; i++) { /* until the client gives up */
        step(t, RIACHO_PART_COMMIT);
        simulation_advance(&t->sim, 1);
    }
    model_broker_faults(t->broker, &(model_faults){0});
    assert_true(carry_out(t) > RIACHO_OUTCOME_COMMITTED);
    const int64_t still = shown(t);
    riacho_task *task = counting_task(t);
    step(t, RIACHO_PART_STREAM);
    assert_null(task->run);
    assert_int_equal(atomic_load(&task->state), RIACHO_TASK_RESTORING);
    assert_int_equal(shown(t), still); /* reads go on */
    table_until(t, table_counted);
    char *counts = table_store(t, 0, FIXTURE_COUNTS);
    assert_string_equal(counts, "a0=3");
    free(counts);
    table_free(t);
}

static void test_a_released_task_commits_what_it_has(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    process(t, 1);
    step(t, RIACHO_PART_STREAM);
    fixture_send(t->f, KEY, 1, 11); /* on top of a transaction that is under way */
    process(t, 2);
    const int32_t partition = counting_task(t)->partition;
    table_leave(t, 0);
    simulation_advance(&t->sim, 100);
    assert_int_equal(model_broker_position(t->broker, "group", "in", partition), 2);
    table_free(t);
}

/* The leases are lost on the way, and what is in the transaction cannot go before its outcome is
 * known: nobody waits for it, because the leases are not ours any more. */
static void test_a_worker_outlives_brokers_that_are_away_for_minutes(void **state)
{
    (void)state;
    table *t = one_worker();
    fixture_send(t->f, KEY, 1, 10);
    process(t, 1);
    step(t, RIACHO_PART_STREAM);
    assert_false(riacho_transaction_ready(transaction_of(t)));
    model_broker_restart(t->broker, 180000);
    for (int i = 0; i < 1800; i++) {
        simulation_advance(&t->sim, 99);
        table_pass(t, 1);
    }
    if (t->seats[0].status != RIACHO_OK)
        fail_msg("%s", t->seats[0].error.text);
    table_until(t, table_all_run);
    table_until(t, table_counted);
    table_free(t);
}

static void test_tasks_come_and_go_and_readers_of_others_do_not_notice(void **state)
{
    (void)state;
    table *t = one_worker();
    for (size_t key = 0; key < FIXTURE_KEYS; key++)
        fixture_send(t->f, key, 1, (int64_t)key);
    table_sit(t, 1); /* half of the tasks go there, in the middle of the work */
    for (int round = 0; round < 20; round++) {
        for (size_t key = 0; key < FIXTURE_KEYS; key++)
            fixture_send(t->f, key, 1, 100 + round);
        table_pass(t, 40);
        if (round == 10)
            table_leave(t, 1); /* and come back */
    }
    table_until(t, table_counted);
    assert_int_equal(t->seats[0].worker->threads[0].run_count, 4);
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_processed_while_a_transaction_is_under_way),
        cmocka_unit_test(test_a_position_that_is_sent_is_of_what_was_processed_then),
        cmocka_unit_test(test_state_is_written_when_its_transaction_is_committed),
        cmocka_unit_test(test_a_note_comes_back_with_the_position),
        cmocka_unit_test(test_what_is_no_note_is_none),
        cmocka_unit_test(test_idle_transactions_keep_apart),
        cmocka_unit_test(test_positions_of_idle_tasks_are_committed_again_now_and_then),
        cmocka_unit_test(test_tasks_of_a_failed_transaction_are_restored_and_go_on),
        cmocka_unit_test(test_a_released_task_commits_what_it_has),
        cmocka_unit_test(test_a_worker_outlives_brokers_that_are_away_for_minutes),
        cmocka_unit_test(test_tasks_come_and_go_and_readers_of_others_do_not_notice),
    };
    return cmocka_run_group_tests_name("stream threads of a group", tests, NULL, NULL);
}
