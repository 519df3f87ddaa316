/* SPDX-License-Identifier: MIT
 *
 * memory.c - arenas, buffers, runs of bytes, errors and clocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "riacho/port/clock.h"

/* --- arena --- */

static void allocations_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    riacho_arena *arena = riacho_arena_new();
    static uint8_t *blocks[COUNT];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            const size_t size = i % 97 == 0 ? 70000 : i % 200;
            blocks[i] = riacho_alloc(arena, size);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            memset(blocks[i], (int)(i % 251), size);
        }
        for (size_t i = 0; i < COUNT; i++) {
            const size_t size = i % 97 == 0 ? 70000 : i % 200;
            for (size_t k = 0; k < size; k++)
                assert_int_equal(blocks[i][k], i % 251);
        }
        riacho_arena_reset(arena);
    }
    riacho_arena_free(arena);
    riacho_arena_free(NULL);
}

static void a_reset_forgets_and_keeps_the_first_block(void **state)
{
    (void)state;
    riacho_arena *arena = riacho_arena_new();
    assert_int_equal(riacho_arena_used(arena), 0);
    void *first = riacho_alloc(arena, 100);
    assert_true(riacho_arena_used(arena) >= 100);
    riacho_alloc(arena, 1000000);
    assert_true(riacho_arena_used(arena) >= 1000100);
    riacho_arena_reset(arena);
    assert_int_equal(riacho_arena_used(arena), 0);
    assert_ptr_equal(riacho_alloc(arena, 100), first);
    riacho_arena_free(arena);
}

static void cleared_memory_is_clear(void **state)
{
    (void)state;
    riacho_arena *arena = riacho_arena_new();
    memset(riacho_alloc(arena, 5000), 0xff, 5000);
    riacho_arena_reset(arena);
    const uint8_t *bytes = riacho_alloc_zero(arena, 50, 100);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(bytes[i], 0);
    assert_non_null(riacho_alloc_zero(arena, 0, 8));
    riacho_arena_free(arena);
}

static void copies_are_terminated_and_absent_stays_absent(void **state)
{
    (void)state;
    riacho_arena *arena = riacho_arena_new();
    const riacho_bytes copy = riacho_copy(arena, (riacho_bytes){"abcdef", 3});
    assert_int_equal(copy.size, 3);
    assert_string_equal(copy.data, "abc");
    assert_null(riacho_copy(arena, (riacho_bytes){0}).data);
    const riacho_bytes empty = riacho_copy(arena, (riacho_bytes){"x", 0});
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    assert_string_equal(riacho_format(arena, "%s-%d", "pet", 7), "pet-7");
    assert_string_equal(riacho_format(arena, "%s", ""), "");
    riacho_arena_free(arena);
}

/* --- bytes --- */

static void bytes_are_ordered_as_memcmp_with_prefixes_first(void **state)
{
    (void)state;
    static const struct {
        riacho_bytes a, b;
        int order;
    } table[] = {
        {{"", 0}, {"", 0}, 0},          {{"", 0}, {"a", 1}, -1},       {{"a", 1}, {"a", 1}, 0},
        {{"a", 1}, {"b", 1}, -1},       {{"a", 1}, {"aa", 2}, -1},     {{"b", 1}, {"aa", 2}, 1},
        {{"\x7f", 1}, {"\x80", 1}, -1}, {{"a\0b", 3}, {"a\0a", 3}, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int order = riacho_bytes_compare(table[i].a, table[i].b);
        assert_int_equal((order > 0) - (order < 0), table[i].order);
        const int back = riacho_bytes_compare(table[i].b, table[i].a);
        assert_int_equal((back > 0) - (back < 0), -table[i].order);
        assert_int_equal(riacho_bytes_equal(table[i].a, table[i].b), table[i].order == 0);
    }
}

static void absent_is_not_empty(void **state)
{
    (void)state;
    const riacho_bytes absent = {0}, empty = {"", 0};
    assert_true(riacho_bytes_equal(absent, absent));
    assert_false(riacho_bytes_equal(absent, empty));
    assert_false(riacho_bytes_equal(empty, absent));
    assert_null(riacho_text(NULL).data);
    assert_non_null(riacho_text("").data);
    assert_int_equal(riacho_text("four").size, 4);
}

static void a_buffer_grows_and_keeps_what_it_holds(void **state)
{
    (void)state;
    riacho_buffer buffer = {0};
    assert_non_null(riacho_buffer_bytes(&buffer).data);
    assert_int_equal(riacho_buffer_bytes(&buffer).size, 0);
    riacho_buffer_append(&buffer, NULL, 0);
    for (int i = 0; i < 10000; i++)
        riacho_buffer_printf(&buffer, "%d,", i);
    riacho_buffer_append(&buffer, "", 1);
    const char *at = (const char *)buffer.data;
    for (int i = 0; i < 10000; i++) {
        char *end;
        assert_int_equal(strtol(at, &end, 10), i);
        assert_int_equal(*end, ',');
        at = end + 1;
    }
    const size_t capacity = buffer.capacity;
    riacho_buffer_reset(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, capacity);
    riacho_buffer_done(&buffer);
    riacho_buffer_done(&buffer);
}

static void an_error_is_cut_to_fit(void **state)
{
    (void)state;
    riacho_error err;
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(riacho_fail(&err, RIACHO_ABORT, "%s", longer), RIACHO_ABORT);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(riacho_fail(NULL, RIACHO_RETRY, "nobody listens"), RIACHO_RETRY);
}

/* --- clocks --- */

static void a_virtual_clock_stands_still_until_it_is_moved(void **state)
{
    (void)state;
    riacho_clock_virtual clock;
    riacho_clock_virtual_init(&clock, 1000);
    assert_int_equal(clock.clock.now_ms(&clock.clock), 1000);
    clock.at_ms += 5;
    assert_int_equal(clock.clock.now_ms(&clock.clock), 1005);
    assert_int_equal(clock.clock.monotonic_ns(&clock.clock), 1005000000);
}

static void the_machines_clock_goes_forward(void **state)
{
    (void)state;
    riacho_clock *clock = riacho_clock_system();
    const int64_t before = clock->monotonic_ns(clock);
    assert_true(clock->monotonic_ns(clock) >= before);
    assert_true(clock->now_ms(clock) > 1600000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(a_reset_forgets_and_keeps_the_first_block),
        cmocka_unit_test(cleared_memory_is_clear),
        cmocka_unit_test(copies_are_terminated_and_absent_stays_absent),
        cmocka_unit_test(bytes_are_ordered_as_memcmp_with_prefixes_first),
        cmocka_unit_test(absent_is_not_empty),
        cmocka_unit_test(a_buffer_grows_and_keeps_what_it_holds),
        cmocka_unit_test(an_error_is_cut_to_fit),
        cmocka_unit_test(a_virtual_clock_stands_still_until_it_is_moved),
        cmocka_unit_test(the_machines_clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
