/* SPDX-License-Identifier: MIT
 *
 * cache_test.c - the cache never tells a wrong value, keeps to its bytes, and keeps what is used.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "state/cache.h"

enum { CACHE_BYTES = 64 * 1024, KEYS = 3000, VALUE_BYTES_MAX = 10000 };

static riacho_state_key key_of(unsigned *memory, unsigned number)
{
    *memory = number;
    return riacho_state_key_of(number % 3, (riacho_bytes){memory, sizeof *memory});
}

static void unknown_absent_and_empty_are_three_things(void **state)
{
    (void)state;
    riacho_cache *cache = riacho_cache_new(CACHE_BYTES);
    unsigned memory;
    const riacho_state_key key = key_of(&memory, 1);
    riacho_bytes value;
    assert_false(riacho_cache_get(cache, &key, &value));
    riacho_cache_put(cache, &key, (riacho_bytes){0});
    assert_true(riacho_cache_get(cache, &key, &value));
    assert_null(value.data);
    riacho_cache_put(cache, &key, riacho_text(""));
    assert_true(riacho_cache_get(cache, &key, &value));
    assert_non_null(value.data);
    assert_int_equal(value.size, 0);
    assert_int_equal(riacho_cache_count(cache).hits, 2);
    assert_int_equal(riacho_cache_count(cache).misses, 1);
    riacho_cache_free(cache);
}

static void a_value_too_large_is_forgotten_and_not_stale(void **state)
{
    (void)state;
    riacho_cache *cache = riacho_cache_new(CACHE_BYTES);
    char *large = calloc(1, CACHE_BYTES);
    unsigned memory;
    const riacho_state_key key = key_of(&memory, 1);
    riacho_bytes value;
    riacho_cache_put(cache, &key, riacho_text("small"));
    riacho_cache_put(cache, &key, (riacho_bytes){large, CACHE_BYTES / 8});
    assert_false(riacho_cache_get(cache, &key, &value));
    assert_int_equal(riacho_cache_count(cache).bytes, 0);
    free(large);
    riacho_cache_free(cache);
}

static void a_key_in_use_outlives_those_that_pass_by(void **state)
{
    (void)state;
    riacho_cache *cache = riacho_cache_new(CACHE_BYTES);
    unsigned hot_memory, memory;
    const riacho_state_key hot = key_of(&hot_memory, 1000000);
    riacho_bytes value;
    riacho_cache_put(cache, &hot, riacho_text("hot"));
    for (unsigned i = 0; i < 50000; i++) {
        const riacho_state_key key = key_of(&memory, i);
        riacho_cache_put(cache, &key, riacho_text("passing by"));
        if (i % 100 == 0)
            assert_true(riacho_cache_get(cache, &hot, &value));
    }
    assert_memory_equal(value.data, "hot", 3);
    riacho_cache_free(cache);
}

/* The model knows the store's content; whatever the cache knows must agree. */
static void random_puts_never_give_a_wrong_value(void **state)
{
    (void)state;
    riacho_cache *cache = riacho_cache_new(CACHE_BYTES);
    static struct {
        size_t size;
        char fill; /* 0: absent */
    } model[KEYS];
    char *bytes = malloc(VALUE_BYTES_MAX);
    uint64_t seed = 5, known = 0;
    for (int i = 0; i < 200000; i++) {
        const unsigned number = (unsigned)(fixture_random(&seed) % KEYS);
        unsigned memory;
        const riacho_state_key key = key_of(&memory, number);
        riacho_bytes value;
        if (fixture_random(&seed) % 2) {
            if (!riacho_cache_get(cache, &key, &value))
                continue;
            known++;
            assert_int_equal(!value.data, !model[number].fill);
            assert_true(!value.data || value.size == model[number].size);
            for (size_t at = 0; at < value.size; at += 1 + value.size / 5)
                assert_int_equal(((const char *)value.data)[at], model[number].fill);
            continue;
        }
        const unsigned kind = (unsigned)(fixture_random(&seed) % 100);
        model[number].fill = kind < 20 ? 0 : (char)(1 + fixture_random(&seed) % 100);
        model[number].size = fixture_random(&seed) % (kind == 99 ? VALUE_BYTES_MAX : 200);
        memset(bytes, model[number].fill, model[number].size);
        riacho_cache_put(cache, &key,
                         (riacho_bytes){model[number].fill ? bytes : NULL, model[number].size});
        assert_true(riacho_cache_count(cache).bytes <= CACHE_BYTES);
        if (fixture_random(&seed) % 5000 == 0) {
            unsigned from = 0, to = UINT32_MAX;
            riacho_cache_forget(cache, 1, (riacho_bytes){&from, 4}, (riacho_bytes){&to, 4});
            memory = number / 3 * 3 + 1;
            const riacho_state_key gone = key_of(&memory, memory);
            assert_false(riacho_cache_get(cache, &gone, &value));
        }
    }
    assert_true(known > 5000);
    free(bytes);
    riacho_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_absent_and_empty_are_three_things),
        cmocka_unit_test(a_value_too_large_is_forgotten_and_not_stale),
        cmocka_unit_test(a_key_in_use_outlives_those_that_pass_by),
        cmocka_unit_test(random_puts_never_give_a_wrong_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
