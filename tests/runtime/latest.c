/* SPDX-License-Identifier: MIT
 *
 * latest.c - the last change of each key, in order (runtime/shared/latest.h), against a model that
 * sorts and looks through everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the first five above. */
#include <cmocka.h>

#include "base/radix.h"
#include "runtime/shared/latest.h"

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* "space:key=value ..."; a deletion is "space:key!". */
static const char *all_of(riacho_latest *latest, riacho_arena *arena)
{
    const char *text = "";
    riacho_change change;
    riacho_latest_sort(latest);
    for (size_t i = 0; riacho_latest_read(latest, i, &change, 1); i++)
        text = riacho_format(arena, "%s%s%u:%.*s%s%.*s", text, i ? " " : "", change.space,
                             (int)change.key.size, (const char *)change.key.data,
                             change.value.data ? "=" : "!", (int)change.value.size,
                             change.value.data ? (const char *)change.value.data : "");
    return text;
}

static const struct {
    const char *name;
    const char *puts[8]; /* "<space><key>=<value>", or without `=`: a deletion */
    const char *expected;
} orders[] = {
    {"nothing is nothing", {NULL}, ""},
    {"keys come in order", {"0b=2", "0a=1", "0c=3"}, "0:a=1 0:b=2 0:c=3"},
    {"the last value counts", {"0a=1", "0b=1", "0a=2"}, "0:a=2 0:b=1"},
    {"a longer value takes the place of a shorter one",
     {"0a=1", "0a=12345678901234567890"},
     "0:a=12345678901234567890"},
    {"a shorter value too", {"0a=12345678901234567890", "0a=1"}, "0:a=1"},
    {"a deletion is a change", {"0a=1", "0b=1", "0a"}, "0:a! 0:b=1"},
    {"a key may come back", {"0a=1", "0a", "0a=3"}, "0:a=3"},
    {"an empty value is no deletion", {"0a=1", "0a="}, "0:a="},
    {"spaces are apart and in order", {"2a=1", "0b=1", "0a=1", "1a=1"}, "0:a=1 0:b=1 1:a=1 2:a=1"},
    {"a key that others begin with comes first",
     {"0long-name-x=3", "0long-name=1", "0long-name-=2"},
     "0:long-name=1 0:long-name-=2 0:long-name-x=3"},
    {"the empty key is the first", {"0a=1", "0=0"}, "0:=0 0:a=1"},
    {"keys that agree in many bytes",
     {"0aaaaaaaaaaaaaaaaaaaaaaaab=2", "0aaaaaaaaaaaaaaaaaaaaaaaaa=1", "0b=3"},
     "0:aaaaaaaaaaaaaaaaaaaaaaaaa=1 0:aaaaaaaaaaaaaaaaaaaaaaaab=2 0:b=3"},
};

static void the_last_change_of_each_key_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        riacho_arena *arena = riacho_arena_new();
        riacho_latest *latest = riacho_latest_new();
        for (size_t k = 0; k < 8 && orders[i].puts[k]; k++) {
            const char *put = orders[i].puts[k], *sign = strchr(put, '=');
            const riacho_bytes key = {put + 1, sign ? (size_t)(sign - put - 1) : strlen(put + 1)};
            riacho_latest_put(latest, (uint32_t)(*put - '0'), key,
                              sign ? riacho_text(sign + 1) : (riacho_bytes){0});
        }
        if (strcmp(all_of(latest, arena), orders[i].expected) != 0)
            fail_msg("%s: %s, not %s", orders[i].name, all_of(latest, arena), orders[i].expected);
        riacho_latest_put(latest, 9, riacho_text("after"), riacho_text("an order"));
        assert_non_null(strstr(all_of(latest, arena), "9:after=an order"));
        riacho_latest_reset(latest);
        assert_int_equal(riacho_latest_count(latest), 0);
        assert_string_equal(all_of(latest, arena), "");
        riacho_latest_free(latest);
        riacho_arena_free(arena);
    }
}

/* Keys with every byte in them, of many lengths, some with a long beginning in common. */
static riacho_bytes random_key(uint64_t *seed, uint8_t bytes[40])
{
    const size_t common = next_random(seed) % 2 ? 20 : 0;
    const size_t size = common + next_random(seed) % 4;
    memset(bytes, 0xfe, common);
    for (size_t i = common; i < size; i++)
        bytes[i] = (uint8_t)next_random(seed);
    return (riacho_bytes){bytes, size};
}

static void many_keys_are_each_there_once_and_in_order(void **state)
{
    (void)state;
    enum { PUTS = 60000, SPACES = 2 };
    uint64_t seed = 77;
    riacho_latest *latest = riacho_latest_new();
    for (uint32_t i = 0; i < PUTS; i++) {
        uint8_t bytes[40];
        const riacho_bytes key = random_key(&seed, bytes);
        riacho_latest_put(latest, i % SPACES, key, (riacho_bytes){&i, sizeof i});
    }
    riacho_latest_sort(latest);
    riacho_change before = {0}, change;
    size_t count = 0;
    for (; riacho_latest_read(latest, count, &change, 1); count++) {
        const int order = count && before.space == change.space
                              ? riacho_bytes_compare(before.key, change.key)
                              : (count ? (before.space < change.space ? -1 : 1) : -1);
        assert_true(order < 0);
        before = change;
    }
    assert_int_equal(count, riacho_latest_count(latest));
    assert_true(riacho_latest_bytes(latest) >= count * 40);
    riacho_latest_free(latest);
}

static void a_radix_sort_keeps_the_order_of_equal_numbers(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static riacho_radix_item items[COUNT], spare[COUNT];
    uint64_t seed = 5;
    for (size_t i = 0; i < COUNT; i++)
        items[i] =
            (riacho_radix_item){next_random(&seed) % 700 << (next_random(&seed) % 2 * 50), i};
    riacho_radix_sort(items, spare, COUNT);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(items[i - 1].lead < items[i].lead ||
                    (items[i - 1].lead == items[i].lead && items[i - 1].item < items[i].item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_change_of_each_key_in_order),
        cmocka_unit_test(many_keys_are_each_there_once_and_in_order),
        cmocka_unit_test(a_radix_sort_keeps_the_order_of_equal_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
