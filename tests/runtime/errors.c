/* SPDX-License-Identifier: MIT
 *
 * errors.c - what becomes of records that cannot be processed, and of a disk without room.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "riacho/store.h"

static void expect_header(fixture *f, size_t letter, const char *name, const char *expected)
{
    RIACHO_AUTO(heap) char *actual = fixture_header(f, FIXTURE_DEAD, letter, name);
    assert_string_equal(actual, expected);
}

/* ---- dead letters ---------------------------------------------------------------------------- */

static void test_a_refused_record_leaves_nothing_but_a_dead_letter(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    fixture_send(f, 0, FIXTURE_REFUSE, 11);
    fixture_send(f, 0, 1, 12);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_expect_topic(f, FIXTURE_DEAD, "a0=-1@11");
    expect_header(f, 0, "riacho.error.kind", "process");
    expect_header(f, 0, "riacho.error.step", "count");
    expect_header(f, 0, "riacho.error.reason", "step 'count': a value of -1 is refused");
    expect_header(f, 0, "riacho.error.topic", "in");
    expect_header(f, 0, "riacho.error.partition", "0");
    expect_header(f, 0, "riacho.error.offset", "1");
    expect_header(f, 0, "riacho.error.timestamp", "11");
    fixture_free(f);
}

static void test_bytes_that_cannot_be_read_become_a_dead_letter_with_those_bytes(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send_garbage(f, "a0");
    fixture_send(f, 0, 1, 10);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "a0=1");
    fixture_expect_topic(f, FIXTURE_DEAD, "a0=oops@7");
    expect_header(f, 0, "riacho.error.kind", "deserialize");
    expect_header(f, 0, "riacho.error.step", "");
    fixture_free(f);
}

static void test_a_negative_timestamp_is_refused(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, -4);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "");
    fixture_expect_topic(f, FIXTURE_DEAD, "a0=1@0");
    expect_header(f, 0, "riacho.error.kind", "deserialize");
    expect_header(f, 0, "riacho.error.timestamp", "-4");
    fixture_free(f);
}

static void test_an_output_over_the_limits_refuses_its_record(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 3, FIXTURE_TOO_LONG, 10);
    fixture_send(f, 3, 1, 11);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    expect_header(f, 0, "riacho.error.kind", "produce");
    expect_header(f, 0, "riacho.error.step", "grouped-sink");
    fixture_free(f);
}

static riacho_status nameless_each(riacho_ctx *ctx, const riacho_record *record)
{
    static const riacho_header header = {.value = {"text", 4}};
    riacho_record forwarded = *record;
    forwarded.headers = (riacho_headers){&header, 1};
    return riacho_forward(ctx, &forwarded);
}

static void test_a_header_without_a_name_refuses_its_record(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    f->count.each = nameless_each;
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    if (fixture_drive(f) != RIACHO_OK)
        fail_msg("%s", f->error.text);
    fixture_expect_topic(f, FIXTURE_DEAD, "a0=1@10");
    expect_header(f, 0, "riacho.error.kind", "produce");
    expect_header(f, 0, "riacho.error.reason",
                  "step 'out': topic 'out' takes no header without a name");
    fixture_free(f);
}

/* ---- other policies -------------------------------------------------------------------------- */

static void test_skip_drops_the_record_and_counts_it(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.on_process = {.action = RIACHO_ON_ERROR_SKIP}});
    fixture_start(f);
    fixture_send(f, 0, FIXTURE_REFUSE, 10);
    fixture_send(f, 0, 1, 11);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_store(f, FIXTURE_COUNTS, "a0=1");
    fixture_expect_topic(f, FIXTURE_DEAD, "");
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.refused), 1);
    fixture_free(f);
}

static void test_stop_ends_the_worker_with_the_place_and_commits_nothing_behind_it(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.on_process = {.action = RIACHO_ON_ERROR_STOP}});
    fixture_start(f);
    fixture_send(f, 0, FIXTURE_REFUSE, 10);
    assert_int_equal(fixture_drive(f), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "in/0:0"));
    assert_non_null(strstr(f->error.text, "a value of -1 is refused"));
    riacho_error reason;
    assert_int_equal(riacho_worker_status(f->worker, &reason), RIACHO_FATAL);
    assert_string_equal(riacho_task_state_name(atomic_load(&fixture_task(f, "0_0")->state)),
                        "stopped");
    fixture_crash(f);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_FATAL); /* the record is still the next one */
    fixture_free(f);
}

static void test_retry_tries_again_and_then_does_as_told(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.on_process = {.action = RIACHO_ON_ERROR_RETRY,
                                                               .attempts = 3,
                                                               .backoff_ms = 50,
                                                               .then = RIACHO_ON_ERROR_SKIP}});
    fixture_start(f);
    fixture_not_yet = 2;
    fixture_send(f, 0, FIXTURE_NOT_YET, 10); /* the third attempt succeeds */
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_not_yet = 3;
    fixture_send_to(f, FIXTURE_IN, 0, "a0", FIXTURE_NOT_YET, 11); /* none does */
    fixture_send(f, 1, 1, 12);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(fixture_not_yet, 0);
    fixture_check(f);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.retries), 4);
    fixture_free(f);
}

static void test_a_fatal_step_ends_the_worker(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, FIXTURE_BROKEN, 10);
    assert_int_equal(fixture_drive(f), RIACHO_FATAL);
    assert_non_null(strstr(f->error.text, "in/0:0"));
    fixture_free(f);
}

/* ---- punctuators ----------------------------------------------------------------------------- */

static riacho_status tick(riacho_ctx *ctx, int64_t at_ms)
{
    static riacho_bytes key = {"tick", 4};
    int64_t *value = riacho_alloc(riacho_ctx_arena(ctx), sizeof *value);
    *value = at_ms;
    return riacho_forward(ctx, &(riacho_record){&key, value, at_ms, {NULL, 0}});
}

static riacho_status refuse_tick(riacho_ctx *ctx, int64_t at_ms)
{
    RIACHO_TRY(tick(ctx, at_ms));
    return riacho_reject(ctx, "no tick today");
}

static void
test_stream_time_punctuators_fire_after_the_record_and_go_on_after_a_restart(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.stream_tick = tick});
    fixture_start(f);
    fixture_send(f, 0, 1, 5);   /* the first record fires */
    fixture_send(f, 0, 1, 99);  /* not yet */
    fixture_send(f, 0, 1, 250); /* missed ticks collapse */
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_crash(f);
    fixture_start(f);
    fixture_send(f, 0, 1, 260); /* not again: when it is due survives */
    fixture_send(f, 0, 1, 300);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS,
                         "a=1@5 tick=5@5 a=2@99 a=3@250 tick=250@250 a=4@260 a=5@300 tick=300@300");
    fixture_free(f);
}

static void test_a_punctuator_that_refuses_is_undone_and_left_out(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.stream_tick = refuse_tick});
    fixture_start(f);
    fixture_send(f, 0, 1, 5);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_free(f);
}

static void test_wall_clock_punctuators_follow_the_clock(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.wall_tick = tick});
    fixture_start(f); /* at 1000 */
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "");
    f->clock.at_ms = 2000;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "tick=2000@2000");
    fixture_free(f);
}

static riacho_status long_tick(riacho_ctx *ctx, int64_t at_ms)
{
    enum { TOO_LONG = 40000 };
    riacho_bytes key = {riacho_alloc_zero(riacho_ctx_arena(ctx), TOO_LONG, 1), TOO_LONG};
    return riacho_forward(ctx, &(riacho_record){&key, &at_ms, at_ms, {NULL, 0}});
}

#define STOP                                                                                       \
    {                                                                                              \
        .action = RIACHO_ON_ERROR_STOP                                                             \
    }
#define SKIP                                                                                       \
    {                                                                                              \
        .action = RIACHO_ON_ERROR_SKIP                                                             \
    }
#define RETRY_THEN(last)                                                                           \
    {                                                                                              \
        .action = RIACHO_ON_ERROR_RETRY, .attempts = 3, .backoff_ms = 50, .then = last             \
    }

static void test_what_a_punctuator_could_not_do_follows_the_policy_of_its_kind(void **state)
{
    (void)state;
    static const struct {
        riacho_punctuate tick;
        riacho_error_policy on_process;
        riacho_error_policy on_produce;
        riacho_status expected;
    } cases[] = {
        {refuse_tick, SKIP, STOP, RIACHO_OK},
        {refuse_tick, STOP, SKIP, RIACHO_FATAL},
        {refuse_tick, RETRY_THEN(RIACHO_ON_ERROR_STOP), SKIP, RIACHO_FATAL},
        {refuse_tick, RETRY_THEN(RIACHO_ON_ERROR_SKIP), STOP, RIACHO_OK},
        {long_tick, SKIP, STOP, RIACHO_FATAL},
        {long_tick, STOP, SKIP, RIACHO_OK},
        {long_tick, SKIP, RETRY_THEN(RIACHO_ON_ERROR_STOP), RIACHO_FATAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fixture_new(&(fixture_options){.stream_tick = cases[i].tick,
                                                    .on_process = cases[i].on_process,
                                                    .on_produce = cases[i].on_produce});
        fixture_start(f);
        fixture_send(f, 0, 1, 5);
        if (fixture_drive(f) != cases[i].expected)
            fail_msg("case %zu: %s", i, f->error.text);
        fixture_free(f);
    }
}

/* ---- attempts outside of a record ------------------------------------------------------------ */

static int later;

static riacho_status later_tick(riacho_ctx *ctx, int64_t at_ms)
{
    RIACHO_TRY(tick(ctx, at_ms));
    return later-- > 0 ? RIACHO_RETRY : RIACHO_OK;
}

static riacho_status later_each(riacho_ctx *ctx, const riacho_record *record)
{
    RIACHO_TRY(riacho_forward(ctx, record));
    return later-- > 0 ? RIACHO_RETRY : RIACHO_OK;
}

static riacho_status refuse_each(riacho_ctx *ctx, const riacho_record *record)
{
    (void)record;
    return riacho_reject(ctx, "never");
}

static void test_a_stream_time_punctuator_is_tried_again_before_the_next_record(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.stream_tick = later_tick});
    fixture_start(f);
    later = 2;
    fixture_send(f, 0, 1, 5);
    fixture_send(f, 0, 1, 6);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "a=1@5 tick=5@5 a=2@6");
    assert_int_equal(atomic_load(&fixture_task(f, "1_0")->counters.retries), 2);
    later = 1000; /* more than there are attempts: left out */
    fixture_send(f, 0, 1, 105);
    fixture_send(f, 0, 1, 106);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "a=1@5 tick=5@5 a=2@6 a=3@105 a=4@106");
    fixture_free(f);
}

static void test_a_wall_clock_punctuator_is_tried_again_when_its_time_has_come(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.wall_tick = later_tick,
                                                .on_process = RETRY_THEN(RIACHO_ON_ERROR_STOP)});
    fixture_start(f);
    later = 1;
    f->clock.at_ms = 2000;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    f->clock.at_ms = 2049;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "");
    f->clock.at_ms = 2050;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_TOTALS, "tick=2050@2050");
    later = 3;
    f->clock.at_ms = 3000;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    f->clock.at_ms = 3050;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    f->clock.at_ms = 3100;
    assert_int_equal(fixture_drive(f), RIACHO_FATAL);
    fixture_free(f);
}

/* The commit waits, and with it the task, as for room on the disk. */
static void test_a_flush_that_cannot_go_on_yet_leaves_the_commit_for_later(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.on_process = RETRY_THEN(RIACHO_ON_ERROR_SKIP)});
    fixture_count_below_latest(f);
    f->count.each = later_each;
    fixture_start(f);
    riacho_task *task = fixture_task(f, "0_0");
    later = 2;
    fixture_send(f, 0, 1, 10);
    assert_int_equal(fixture_drive(f), RIACHO_RETRY);
    fixture_send(f, 0, 1, 11);
    assert_int_equal(fixture_drive(f), RIACHO_RETRY);
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), "paused");
    assert_int_equal(atomic_load(&task->counters.records), 1);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), "running");
    fixture_expect_topic(f, FIXTURE_OUT, "a0=1@10 a0=2@11");
    later = 3; /* all attempts: what could not be forwarded is left out, the state stays */
    fixture_send(f, 0, 1, 12);
    assert_int_equal(fixture_drive(f), RIACHO_RETRY);
    assert_int_equal(fixture_drive(f), RIACHO_RETRY);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_OUT, "a0=1@10 a0=2@11");
    fixture_expect_store(f, FIXTURE_LATEST_STORE, "a0=3");
    fixture_free(f);
}

static void test_what_a_flush_could_not_forward_follows_the_policy(void **state)
{
    (void)state;
    static const struct {
        riacho_error_policy on_process;
        riacho_status expected;
    } cases[] = {
        {SKIP, RIACHO_OK},
        {STOP, RIACHO_FATAL},
        {RETRY_THEN(RIACHO_ON_ERROR_STOP), RIACHO_FATAL},
        {RETRY_THEN(RIACHO_ON_ERROR_SKIP), RIACHO_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fixture_new(&(fixture_options){.on_process = cases[i].on_process});
        fixture_count_below_latest(f);
        f->count.each = refuse_each;
        fixture_start(f);
        fixture_send(f, 0, 1, 10);
        assert_int_equal(fixture_drive(f), cases[i].expected);
        fixture_free(f);
    }
}

/* ---- stream time ----------------------------------------------------------------------------- */

static void test_time_moves_once_with_the_attempt_that_ends_a_record(void **state)
{
    (void)state;
    static const struct {
        riacho_status (*each)(riacho_ctx *ctx, const riacho_record *record);
        const char *totals;
    } cases[] = {
        {later_each, "a=1@5 tick=5@5 a=1@6"},
        {refuse_each, "tick=5@5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fixture_new(&(fixture_options){.stream_tick = tick});
        f->total.each = cases[i].each;
        fixture_start(f);
        later = 2;
        fixture_send(f, 0, 1, 5);
        fixture_send(f, 0, 1, 6);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        fixture_expect_topic(f, FIXTURE_TOTALS, cases[i].totals);
        fixture_free(f);
    }
}

/* ---- no room --------------------------------------------------------------------------------- */

static void expect_paused(fixture *f, const char *reason)
{
    riacho_task *task = fixture_task(f, "0_0");
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), "paused");
    assert_string_equal(task->reason, reason);
}

/* Reads go on, nothing more is processed, and the same commit gets through when there is room. */
static void test_without_room_a_task_is_paused_until_there_is_some(void **state)
{
    (void)state;
    static const char *const reasons[] = {"no room for state", "no room for events"};
    for (int which = 0; which < 2; which++) {
        fixture *f = fixture_new(&(fixture_options){0});
        bool *full = which ? &f->narrow.log_full : &f->narrow.store_full;
        fixture_start(f);
        fixture_send(f, 0, 1, 10);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        fixture_send(f, 0, 1, 11);
        assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error),
                         RIACHO_OK);
        *full = true;
        assert_int_equal(fixture_drive(f), RIACHO_RETRY);
        expect_paused(f, reasons[which]);
        *full = false;
        fixture_send(f, 0, 1, 12);
        *full = true;
        assert_int_equal(fixture_drive(f), RIACHO_RETRY);
        assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.records), 2);
        fixture_expect_store(f, FIXTURE_COUNTS, "a0=1");
        *full = false;
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        assert_string_equal(riacho_task_state_name(atomic_load(&fixture_task(f, "0_0")->state)),
                            "running");
        assert_string_equal(fixture_task(f, "0_0")->reason, "");
        fixture_check(f);
        fixture_free(f);
    }
}

static void test_a_stop_without_room_says_so_and_loses_nothing(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    assert_int_equal(riacho_worker_drive(f->worker, RIACHO_DRIVE_NO_COMMIT, &f->error), RIACHO_OK);
    f->narrow.log_full = true;
    assert_int_equal(riacho_worker_stop(f->worker, &f->error), RIACHO_RETRY);
    assert_string_equal(f->error.text, "no room for events");
    fixture_crash(f);
    fixture_start(f); /* with an outbox that cannot be appended yet */
    assert_string_equal(riacho_task_state_name(atomic_load(&fixture_task(f, "0_0")->state)),
                        "paused");
    f->narrow.log_full = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_check(f);
    fixture_free(f);
}

static void test_a_commit_without_outputs_is_not_told_to_the_log(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.on_process = {.action = RIACHO_ON_ERROR_SKIP}});
    fixture_start(f);
    fixture_send_to(f, FIXTURE_IN, 0, "a0", FIXTURE_REFUSE, 10);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(f->narrow.commits, 0);
    assert_int_equal(f->narrow.writes, 1);
    fixture_send(f, 0, 1, 11);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(f->narrow.commits, 2); /* one of each sub-topology */
    fixture_check(f);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_record_leaves_nothing_but_a_dead_letter),
        cmocka_unit_test(test_bytes_that_cannot_be_read_become_a_dead_letter_with_those_bytes),
        cmocka_unit_test(test_a_negative_timestamp_is_refused),
        cmocka_unit_test(test_an_output_over_the_limits_refuses_its_record),
        cmocka_unit_test(test_a_header_without_a_name_refuses_its_record),
        cmocka_unit_test(test_skip_drops_the_record_and_counts_it),
        cmocka_unit_test(test_stop_ends_the_worker_with_the_place_and_commits_nothing_behind_it),
        cmocka_unit_test(test_retry_tries_again_and_then_does_as_told),
        cmocka_unit_test(test_a_fatal_step_ends_the_worker),
        cmocka_unit_test(
            test_stream_time_punctuators_fire_after_the_record_and_go_on_after_a_restart),
        cmocka_unit_test(test_a_punctuator_that_refuses_is_undone_and_left_out),
        cmocka_unit_test(test_wall_clock_punctuators_follow_the_clock),
        cmocka_unit_test(test_what_a_punctuator_could_not_do_follows_the_policy_of_its_kind),
        cmocka_unit_test(test_a_stream_time_punctuator_is_tried_again_before_the_next_record),
        cmocka_unit_test(test_a_wall_clock_punctuator_is_tried_again_when_its_time_has_come),
        cmocka_unit_test(test_a_flush_that_cannot_go_on_yet_leaves_the_commit_for_later),
        cmocka_unit_test(test_what_a_flush_could_not_forward_follows_the_policy),
        cmocka_unit_test(test_time_moves_once_with_the_attempt_that_ends_a_record),
        cmocka_unit_test(test_without_room_a_task_is_paused_until_there_is_some),
        cmocka_unit_test(test_a_stop_without_room_says_so_and_loses_nothing),
        cmocka_unit_test(test_a_commit_without_outputs_is_not_told_to_the_log),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
