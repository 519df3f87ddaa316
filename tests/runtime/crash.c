/* SPDX-License-Identifier: MIT
 *
 * crash.c - a worker that is stopped at every site of the protocol, again and again, loses nothing
 * and repeats nothing: in memory, on the embedded log with RocksDB, and with many random plans.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    riacho_site site;
} sites[] = {
    {"record", RIACHO_SITE_RECORD},
    {"before commit", RIACHO_SITE_BEFORE_COMMIT},
    {"state written", RIACHO_SITE_STATE_WRITTEN},
    {"outputs written", RIACHO_SITE_OUTPUTS_WRITTEN},
    {"after commit", RIACHO_SITE_AFTER_COMMIT},
    {"recovery", RIACHO_SITE_RECOVERY},
};

enum { SITES = sizeof sites / sizeof *sites };

/* Two rounds of records; the second is stopped at the n-th hit of the site. */
static void crash_once(const fixture_options *options, size_t site, int hit)
{
    fixture *f = fixture_new(options);
    for (size_t i = 0; i < 12; i++)
        fixture_send(f, i * 7 % FIXTURE_KEYS, 1, (int64_t)i);
    fixture_start(f);
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    fixture_stop(f);
    for (size_t i = 0; i < 12; i++)
        fixture_send(f, i * 3 % FIXTURE_KEYS, 1, 20 + (int64_t)i);
    f->crash_at = sites[site].site;
    f->crash_after = hit;
    fixture_run_through(f);
    assert_true(hit > 2 || f->crash_after <= 0); /* it did stop there */
    fixture_check(f);
    fixture_free(f);
}

static void test_a_crash_at_any_site_leaves_each_effect_once(void **state)
{
    (void)state;
    for (size_t site = 0; site < SITES; site++) {
        for (int hit = 1; hit <= 8; hit++)
            crash_once(&(fixture_options){.partitions = 2}, site, hit);
    }
}

static void test_a_crash_at_any_site_leaves_each_effect_once_on_disk(void **state)
{
    (void)state;
    for (size_t site = 0; site < SITES; site++)
        crash_once(&(fixture_options){.partitions = 2, .disk = true}, site, site ? 2 : 5);
}

/* ---- lost and old state ---------------------------------------------------------------------- */

static void test_lost_state_is_rebuilt_without_a_second_output(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){.partitions = 3});
    for (int round = 0; round < 3; round++) {
        for (size_t key = 0; key < FIXTURE_KEYS; key++)
            fixture_send(f, key, 1, 10 * round);
        fixture_start(f);
        assert_int_equal(fixture_drive(f), RIACHO_OK);
        fixture_check(f);
        fixture_stop(f);
        fixture_lose_state(f);
    }
    fixture_free(f);
}

static void test_a_crash_in_a_rebuild_goes_on_with_the_rebuild(void **state)
{
    (void)state;
    /* The limit makes the replay write state a few times on its way. */
    for (size_t site = 0; site < SITES; site++) {
        for (int hit = 1; hit <= 5; hit++) {
            fixture *f = fixture_new(&(fixture_options){.overlay_bytes = 1});
            for (size_t i = 0; i < 30; i++)
                fixture_send(f, i % FIXTURE_KEYS, 1, (int64_t)i);
            fixture_run_through(f);
            fixture_stop(f);
            fixture_lose_state(f);
            fixture_send(f, 5, 1, 100);
            f->crash_at = sites[site].site;
            f->crash_after = hit;
            fixture_run_through(f);
            fixture_check(f);
            fixture_free(f);
        }
    }
}

static void test_a_task_that_is_rebuilt_says_so_and_shows_nothing_yet(void **state)
{
    (void)state;
    fixture *f = fixture_new(&(fixture_options){0});
    fixture_send(f, 0, 1, 1);
    fixture_run_through(f);
    fixture_stop(f);
    fixture_lose_state(f);
    fixture_start(f);
    riacho_task *task = fixture_task(f, "0_0");
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), "recovering");
    assert_null(riacho_task_publication(task));
    assert_int_equal(fixture_drive(f), RIACHO_OK);
    assert_string_equal(riacho_task_state_name(atomic_load(&task->state)), "running");
    fixture_check(f);
    fixture_free(f);
}

/* ---- random plans ---------------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 16);
}

static void send_some(fixture *f, uint64_t *seed, int64_t *clock)
{
    static const int64_t values[] = {
        1, 1, 1, 1, 1, FIXTURE_REFUSE, FIXTURE_TOO_LONG, FIXTURE_COMMIT};
    for (uint32_t left = next_random(seed) % 20; left; left--) {
        *clock += next_random(seed) % 3;
        fixture_send(f, next_random(seed) % FIXTURE_KEYS,
                     values[next_random(seed) % (sizeof values / sizeof *values)], *clock);
    }
}

static void play(uint64_t number)
{
    uint64_t seed = number * 0x9e3779b97f4a7c15u + 1;
    int64_t clock = 0;
    fixture *f = fixture_new(&(fixture_options){.partitions = 1 + (int32_t)(number % 3),
                                                .second_input = number % 2,
                                                .overlay_bytes = number % 5 ? 0 : 1});
    for (uint32_t round = 0; round < 5; round++) {
        send_some(f, &seed, &clock);
        f->crash_at = sites[next_random(&seed) % SITES].site;
        f->crash_after = 1 + (int)(next_random(&seed) % 10);
        fixture_run_through(f);
        fixture_check(f);
        f->crash_after = 0;
        if (next_random(&seed) % 2)
            fixture_stop(f);
        else
            fixture_crash(f);
        if (next_random(&seed) % 4 == 0)
            fixture_lose_state(f);
    }
    fixture_free(f);
}

static void test_random_plans_of_records_crashes_and_losses(void **state)
{
    (void)state;
    const char *only = getenv("RIACHO_SEED");
    if (only) {
        play(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t number = 0; number < 300; number++) {
        /* cmocka leaves a failed test by a long jump: the seed must be known before. */
        char text[32];
        snprintf(text, sizeof text, "%llu", (unsigned long long)number);
        setenv("RIACHO_FAILED_SEED", text, 1);
        play(number);
    }
    unsetenv("RIACHO_FAILED_SEED");
}

static int say_seed(void **state)
{
    (void)state;
    const char *failed = getenv("RIACHO_FAILED_SEED");
    if (failed)
        print_error("play it again: RIACHO_SEED=%s\n", failed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_at_any_site_leaves_each_effect_once),
        cmocka_unit_test(test_a_crash_at_any_site_leaves_each_effect_once_on_disk),
        cmocka_unit_test(test_lost_state_is_rebuilt_without_a_second_output),
        cmocka_unit_test(test_a_crash_in_a_rebuild_goes_on_with_the_rebuild),
        cmocka_unit_test(test_a_task_that_is_rebuilt_says_so_and_shows_nothing_yet),
        cmocka_unit_test_teardown(test_random_plans_of_records_crashes_and_losses, say_seed),
    };
    return cmocka_run_group_tests_name("crashes", tests, NULL, NULL);
}
