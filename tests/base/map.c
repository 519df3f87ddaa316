/* SPDX-License-Identifier: MIT
 *
 * map.c - the hash map and the ordered map against models that cannot be wrong: an array with a
 * place for each possible key. Seeded, so a failure comes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/sorted.h"

enum { KEYS = 700, OPERATIONS = 60000 };

static char names[KEYS][16];

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static riacho_bytes name_of(size_t key)
{
    return riacho_text(names[key]);
}

/* Four digits, so that the order of keys is the order of names; some end in more, some are prefixes
 * of others. */
static int make_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof names[i], i % 7 ? "%04zu" : "%04zu-longer", i);
    return 0;
}

static void assert_same(const riacho_map *map, void *const model[KEYS])
{
    size_t expected = 0, walked = 0, at = 0;
    for (size_t i = 0; i < KEYS; i++) {
        assert_ptr_equal(riacho_map_get(map, name_of(i)), model[i]);
        expected += model[i] != NULL;
    }
    for (const riacho_map_entry *entry; (entry = riacho_map_next(map, &at)); walked++)
        assert_ptr_equal(entry->value, model[strtoul(entry->key.data, NULL, 10)]);
    assert_int_equal(walked, expected);
    assert_int_equal(map->count, expected);
}

static void a_map_does_what_its_model_does(void **state)
{
    (void)state;
    static void *model[KEYS];
    riacho_map map = {0};
    uint64_t seed = 11;
    memset(model, 0, sizeof model);
    for (size_t i = 0; i < OPERATIONS; i++) {
        const size_t key = next_random(&seed) % KEYS;
        /* Waves of growing and shrinking. */
        if (next_random(&seed) % 100 < (i / 5000 % 2 ? 30u : 70u)) {
            riacho_map_entry *entry = riacho_map_put(&map, name_of(key));
            assert_ptr_equal(entry->value, model[key]);
            entry->value = model[key] = (void *)(uintptr_t)(i + 1);
        } else {
            assert_ptr_equal(riacho_map_delete(&map, name_of(key)), model[key]);
            model[key] = NULL;
        }
        if (i % 3000 == 0)
            assert_same(&map, model);
    }
    assert_same(&map, model);
    riacho_map_clear(&map);
    memset(model, 0, sizeof model);
    assert_same(&map, model);
    riacho_map_done(&map);
    assert_same(&map, model);
}

static void an_empty_key_is_a_key(void **state)
{
    (void)state;
    int value;
    riacho_map map = {0};
    assert_null(riacho_map_get(&map, riacho_text("")));
    assert_null(riacho_map_delete(&map, riacho_text("")));
    riacho_map_put(&map, riacho_text(""))->value = &value;
    assert_ptr_equal(riacho_map_get(&map, riacho_text("")), &value);
    assert_ptr_equal(riacho_map_delete(&map, riacho_text("")), &value);
    assert_int_equal(map.count, 0);
    riacho_map_done(&map);
}

/* --- ordered --- */

static size_t key_of(const riacho_sorted_node *node)
{
    return node ? strtoul(node->key.data, NULL, 10) : KEYS;
}

static void assert_walks(const riacho_sorted *sorted, riacho_sorted_node *const model[KEYS])
{
    const riacho_sorted_node *at = riacho_sorted_seek(sorted, (riacho_bytes){0});
    const riacho_sorted_node *before = NULL;
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        if (!model[i])
            continue;
        assert_ptr_equal(at, model[i]);
        assert_ptr_equal(at->back, before);
        before = at;
        at = at->next[0];
        count++;
    }
    assert_null(at);
    assert_ptr_equal(riacho_sorted_seek_below(sorted, (riacho_bytes){0}), before);
    assert_int_equal(sorted->count, count);
}

static void assert_seeks(const riacho_sorted *sorted, riacho_sorted_node *const model[KEYS],
                         size_t key)
{
    size_t up = key, down = key;
    while (up < KEYS && !model[up])
        up++;
    while (down > 0 && !model[down - 1])
        down--;
    assert_ptr_equal(riacho_sorted_get(sorted, name_of(key)), model[key]);
    assert_int_equal(key_of(riacho_sorted_seek(sorted, name_of(key))), up);
    assert_int_equal(key_of(riacho_sorted_seek_below(sorted, name_of(key))),
                     down > 0 ? down - 1 : KEYS);
}

static void an_ordered_map_does_what_its_model_does(void **state)
{
    (void)state;
    static riacho_sorted_node *model[KEYS];
    riacho_sorted sorted;
    riacho_arena *arena = riacho_arena_new();
    uint64_t seed = 5;
    memset(model, 0, sizeof model);
    riacho_sorted_init(&sorted);
    for (size_t i = 0; i < OPERATIONS; i++) {
        const size_t key = next_random(&seed) % KEYS;
        if (model[key]) {
            riacho_sorted_remove(&sorted, model[key]);
            model[key] = NULL;
        } else {
            const uint32_t height = riacho_sorted_height(&sorted);
            riacho_sorted_node *node = riacho_alloc(arena, riacho_sorted_node_bytes(height));
            riacho_sorted_insert(&sorted, node, height, name_of(key), NULL);
            model[key] = node;
        }
        assert_seeks(&sorted, model, next_random(&seed) % KEYS);
        if (i % 3000 == 0)
            assert_walks(&sorted, model);
    }
    assert_walks(&sorted, model);
    riacho_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_does_what_its_model_does),
        cmocka_unit_test(an_empty_key_is_a_key),
        cmocka_unit_test(an_ordered_map_does_what_its_model_does),
    };
    return cmocka_run_group_tests(tests, make_names, NULL);
}
