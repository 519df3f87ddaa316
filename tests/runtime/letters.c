/* SPDX-License-Identifier: MIT
 *
 * letters.c - the summary of dead letters: when it is counted again, and that nobody sees another's
 * memory. The log is in memory, the time is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "riacho/backend/memory_log.h"
#include "runtime/records.h"

enum { SECOND_NS = 1000000000 };

static riacho_log *records;
static riacho_letters_memo *memo;
static riacho_error err;

static int set_up(void **state)
{
    const riacho_topic_spec spec = {.name = "a-dlq", .partitions = 1};
    (void)state;
    records = riacho_memory_log_new(riacho_clock_system());
    assert_int_equal(records->ops->topic_ensure(records, &spec, &err), RIACHO_OK);
    memo = riacho_letters_memo_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    riacho_letters_memo_free(memo);
    records->ops->close(records);
    return 0;
}

static void add_letter(const char *reason)
{
    const riacho_header why = {riacho_text("riacho.error.reason"), riacho_text(reason)};
    const riacho_log_append append = {"a-dlq", 0, {.headers = {&why, 1}, .timestamp_ms = 1}};
    riacho_position position;
    assert_int_equal(records->ops->append(records, &append, 1, &position, &err), RIACHO_OK);
}

static riacho_dead_letters look(int64_t now_ns, riacho_arena *arena)
{
    const riacho_topic_types types = {0};
    riacho_dead_letters letters;
    assert_int_equal(riacho_letters_memo_read(memo, records, &types, now_ns, arena, &letters, &err),
                     RIACHO_OK);
    return letters;
}

static void letters_are_counted_again_after_a_while_and_when_there_are_others(void **state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    (void)state;
    assert_int_equal(look(0, arena).looked, 0);
    add_letter("first");
    assert_int_equal(look(SECOND_NS / 2, arena).looked, 0);
    assert_int_equal(look(SECOND_NS, arena).looked, 1);
    assert_int_equal(look(5 * (int64_t)SECOND_NS, arena).looked, 1);
    add_letter("second");
    assert_int_equal(look(5 * (int64_t)SECOND_NS, arena).looked, 2);
}

static void a_summary_outlives_the_next_count(void **state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    (void)state;
    add_letter("first");
    const riacho_dead_letters before = look(0, arena);
    add_letter("second");
    assert_int_equal(look(SECOND_NS, arena).looked, 2);
    assert_int_equal(before.group_count, 1);
    assert_string_equal(before.groups[0].reason, "first");
    assert_string_equal(before.groups[0].last.topic, "a-dlq");
    assert_string_equal(before.topics[0], "a-dlq");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            letters_are_counted_again_after_a_while_and_when_there_are_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_summary_outlives_the_next_count, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
