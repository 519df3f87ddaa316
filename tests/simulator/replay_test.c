/* SPDX-License-Identifier: MIT
 *
 * replay_test.c - a run is its seed: the same seed gives the same run, another gives another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/trace.h"
#include "world.h"

static sim_result run(uint64_t seed)
{
    sim_result result;
    sim_run(&(sim_run_options){.seed = seed, .steps = 800}, &result);
    return result;
}

static void test_the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const sim_result once = run(seed);
        const sim_result twice = run(seed);
        assert_string_equal(once.reason, "");
        assert_string_equal(twice.reason, "");
        assert_true(once.hash == twice.hash);
    }
}

static void test_another_seed_is_another_run(void **state)
{
    (void)state;
    assert_true(run(1).hash != run(2).hash);
}

static int finish(void **state)
{
    (void)state;
    sim_runs_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_seed_is_the_same_run),
        cmocka_unit_test(test_another_seed_is_another_run),
    };
    riacho_trace_level(RIACHO_ERROR + 1);
    return cmocka_run_group_tests_name("replays", tests, NULL, finish);
}
