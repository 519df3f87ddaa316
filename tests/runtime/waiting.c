/* SPDX-License-Identifier: MIT
 *
 * waiting.c - records and state that a codec cannot read now, because what it needs does not answer
 * (codec.h, RIACHO_RETRY): the input pauses, no policy is asked, nothing is lost.
 */
#include "fixture.h"

#include <string.h>

#include "base/macros.h"
#include "riacho/store.h"

enum { DRIVES = 25 }; /* more attempts than any policy here allows */

/* ---- a codec of longs that is away at times -------------------------------------------------- */

static bool away;

static const riacho_codec *plain;

static riacho_status decode(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                            void *ret_value, riacho_error *err)
{
    (void)codec;
    if (away)
        return riacho_fail(err, RIACHO_RETRY, "the registry does not answer");
    return riacho_decode(plain, bytes, arena, ret_value, err);
}

static riacho_status encode(const riacho_codec *codec, const void *value, riacho_buffer *out,
                            riacho_error *err)
{
    (void)codec;
    return riacho_encode(plain, value, out, err);
}

static const riacho_codec_ops ops = {"absent", decode, encode};
static riacho_codec absent;

static fixture *new_fixture(const fixture_options *options)
{
    fixture *f = fixture_new(options);
    plain = f->topics[FIXTURE_IN].value.codec;
    absent = (riacho_codec){&ops, plain->type, "absent"};
    away = false;
    return f;
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void expect_state(fixture *f, const char *state, const char *reason)
{
    riacho_task *task = fixture_task(f, "0_0");
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), state);
    assert_string_equal(task->reason, reason);
}

static void expect_nothing_moves(fixture *f, const char *reason)
{
    const uint64_t records = atomic_load(&fixture_task(f, "0_0")->counters.records);
    for (int i = 0; i < DRIVES; i++)
        assert_int_equal(fixture_drive(f), RIACHO_OK);
    expect_state(f, "paused", reason);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.records), records);
    assert_int_equal(atomic_load(&fixture_task(f, "0_0")->counters.refused), 0);
    fixture_expect_topic(f, FIXTURE_DEAD, "");
}

static void expect_going_on(fixture *f)
{
    away = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    expect_state(f, "running", "");
    fixture_check(f);
}

static const riacho_error_policy policies[] = {
    {.action = RIACHO_ON_ERROR_DEAD_LETTER, .topic = FIXTURE_DEAD},
    {.action = RIACHO_ON_ERROR_SKIP},
    {.action = RIACHO_ON_ERROR_STOP},
    {.action = RIACHO_ON_ERROR_RETRY, .attempts = 2, .backoff_ms = 1, .then = RIACHO_ON_ERROR_SKIP},
};

static void test_a_record_that_cannot_be_decoded_yet_waits_whatever_the_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        fixture *f = new_fixture(&(fixture_options){.on_deserialize = policies[i]});
        f->topics[FIXTURE_IN].value.codec = &absent;
        fixture_start(f);
        fixture_send(f, 0, 1, 10);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        away = true;
        fixture_send(f, 0, 1, 11);
        fixture_send(f, 1, 1, 12);
        expect_nothing_moves(f, "the value cannot be decoded yet: the registry does not answer");
        fixture_expect_store(f, FIXTURE_COUNTS, "a0=1"); /* reads go on */
        expect_going_on(f);
        fixture_free(f);
    }
}

static void test_a_wait_is_over_for_a_record_that_turns_out_bad(void **state)
{
    (void)state;
    fixture *f = new_fixture(&(fixture_options){0});
    f->topics[FIXTURE_IN].value.codec = &absent;
    fixture_start(f);
    away = true;
    fixture_send_garbage(f, "a0");
    fixture_send(f, 1, 1, 12);
    expect_nothing_moves(f, "the value cannot be decoded yet: the registry does not answer");
    away = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    expect_state(f, "running", "");
    fixture_expect_topic(f, FIXTURE_DEAD, "a0=oops@7");
    fixture_expect_store(f, FIXTURE_COUNTS, "a1=1");
    fixture_free(f);
}

static void test_state_that_cannot_be_decoded_yet_makes_its_record_wait(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        fixture *f = new_fixture(&(fixture_options){.on_process = policies[i]});
        f->graph_stores[FIXTURE_COUNTS].value.codec = &absent;
        fixture_start(f);
        fixture_send(f, 0, 1, 10);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        away = true;
        fixture_send(f, 0, 1, 11);
        expect_nothing_moves(f, "step 'count': the registry does not answer");
        expect_going_on(f);
        fixture_free(f);
    }
}

/* It counts from one where it cannot read. */
static riacho_status careless_each(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_keyvalue *store = riacho_keyvalue_of(ctx, "counts");
    const void *held = NULL;
    (void)!riacho_keyvalue_get(store, record->key, &held);
    int64_t *next = riacho_alloc(riacho_ctx_arena(ctx), sizeof *next);
    *next = (held ? *(const int64_t *)held : 0) + 1;
    RIACHO_TRY(riacho_keyvalue_put(store, record->key, next));
    riacho_record forwarded = *record;
    forwarded.value = next;
    return riacho_forward(ctx, &forwarded);
}

static void test_a_step_that_goes_on_without_its_state_is_not_believed(void **state)
{
    (void)state;
    fixture *f = new_fixture(&(fixture_options){0});
    f->graph_stores[FIXTURE_COUNTS].value.codec = &absent;
    f->count.each = careless_each;
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    away = true;
    fixture_send(f, 0, 1, 11);
    expect_nothing_moves(f, "the registry does not answer");
    expect_going_on(f);
    fixture_free(f);
}

static void test_no_other_input_overtakes_a_record_whose_time_is_not_known(void **state)
{
    (void)state;
    fixture *f = new_fixture(&(fixture_options){.second_input = true});
    f->topics[FIXTURE_IN].value.codec = &absent;
    fixture_start(f);
    away = true;
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 1, 20);
    fixture_send_to(f, FIXTURE_IN2, 0, "a0", 1, 10);
    expect_nothing_moves(f, "the value cannot be decoded yet: the registry does not answer");
    away = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_expect_topic(f, FIXTURE_OUT, "a0=1@10 a0=2@20");
    fixture_free(f);
}

static void test_a_flush_that_cannot_read_its_store_yet_holds_up_the_commit_alone(void **state)
{
    (void)state;
    fixture *f = new_fixture(&(fixture_options){.on_process = policies[3]});
    f->graph_stores[FIXTURE_LATEST_STORE].value.codec = &absent;
    fixture_only_latest(f);
    fixture_start(f);
    fixture_send_to(f, FIXTURE_IN, 0, "a0", 4, 10);
    away = true;
    for (int i = 0; i < DRIVES; i++)
        assert_int_equal(fixture_drive(f), RIACHO_RETRY);
    expect_state(f, "paused", "flush: step 'latest': the registry does not answer");
    away = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    expect_state(f, "running", "");
    fixture_expect_topic(f, FIXTURE_LATEST, "a0=1@10");
    fixture_expect_topic(f, FIXTURE_DEAD, "");
    fixture_free(f);
}

/* The registry goes away between the record and its punctuator. */
static riacho_status reading_tick(riacho_ctx *ctx, int64_t at_ms)
{
    static bool came;
    const riacho_bytes key = riacho_text("a");
    const void *held;
    (void)at_ms;
    away = away || !came;
    came = true;
    return riacho_keyvalue_get(riacho_keyvalue_of(ctx, "totals"), &key, &held);
}

static void test_a_stream_time_punctuator_that_waits_holds_up_the_records_behind_it(void **state)
{
    (void)state;
    fixture *f = new_fixture(
        &(fixture_options){.stream_tick = reading_tick, .on_process = {RIACHO_ON_ERROR_SKIP}});
    f->graph_stores[FIXTURE_TOTALS_STORE].value.codec = &absent;
    fixture_start(f);
    fixture_send(f, 0, 1, 10);
    fixture_send(f, 0, 1, 11);
    for (int i = 0; i < DRIVES; i++)
        assert_int_equal(fixture_drive(f), RIACHO_OK);
    riacho_task *total = fixture_task(f, "1_0");
    assert_int_equal(atomic_load(&total->state), RIACHO_TASK_PAUSED);
    assert_int_equal(atomic_load(&total->counters.records), 1);
    away = false;
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_int_equal(atomic_load(&total->state), RIACHO_TASK_RUNNING);
    assert_int_equal(atomic_load(&total->counters.refused), 0);
    fixture_check(f);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_that_cannot_be_decoded_yet_waits_whatever_the_policy),
        cmocka_unit_test(test_a_wait_is_over_for_a_record_that_turns_out_bad),
        cmocka_unit_test(test_state_that_cannot_be_decoded_yet_makes_its_record_wait),
        cmocka_unit_test(test_a_step_that_goes_on_without_its_state_is_not_believed),
        cmocka_unit_test(test_no_other_input_overtakes_a_record_whose_time_is_not_known),
        cmocka_unit_test(test_a_flush_that_cannot_read_its_store_yet_holds_up_the_commit_alone),
        cmocka_unit_test(test_a_stream_time_punctuator_that_waits_holds_up_the_records_behind_it),
    };
    return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
