/* SPDX-License-Identifier: MIT
 *
 * sorted_test.c - base/sorted.h against a table of what is there: order, both directions, seeks.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/sorted.h"

/* Keys in order: short ones, ones that only differ behind their first eight bytes, zero bytes. */
static const riacho_bytes keys[] = {
    {"", 0},         {"\0", 1},       {"\0\0", 2},       {"a", 1},         {"a\0", 2},
    {"ab", 2},       {"abcdefgh", 8}, {"abcdefgh\0", 9}, {"abcdefgha", 9}, {"abcdefghb", 9},
    {"abcdefgi", 8}, {"b", 1},        {"\x7f", 1},       {"\x80", 1},      {"\xff\xff", 2}};
enum { KEYS = sizeof keys / sizeof *keys };

struct world {
    riacho_sorted sorted;
    riacho_sorted_node *nodes[KEYS];
    size_t count;
};

static void insert(struct world *w, size_t key)
{
    const uint32_t height = riacho_sorted_height(&w->sorted);
    w->nodes[key] = malloc(riacho_sorted_node_bytes(height));
    riacho_sorted_insert(&w->sorted, w->nodes[key], height, keys[key], w);
    w->count++;
}

static void delete (struct world *w, size_t key)
{
    riacho_sorted_remove(&w->sorted, w->nodes[key]);
    free(w->nodes[key]);
    w->nodes[key] = NULL;
    w->count--;
}

static void check_walks(struct world *w)
{
    riacho_sorted_node *forward = riacho_sorted_seek(&w->sorted, (riacho_bytes){0});
    riacho_sorted_node *backward = riacho_sorted_seek_below(&w->sorted, (riacho_bytes){0});
    for (size_t key = 0; key < KEYS; key++) {
        if (w->nodes[key]) {
            assert_ptr_equal(forward, w->nodes[key]);
            forward = forward->next[0];
        }
        if (w->nodes[KEYS - 1 - key]) {
            assert_ptr_equal(backward, w->nodes[KEYS - 1 - key]);
            backward = backward->back;
        }
    }
    assert_null(forward);
    assert_null(backward);
    assert_int_equal(w->sorted.count, w->count);
}

static void check_seeks(struct world *w, size_t key)
{
    size_t at = key, below = key;
    while (at < KEYS && !w->nodes[at])
        at++;
    while (below > 0 && !w->nodes[below - 1])
        below--;
    assert_ptr_equal(riacho_sorted_get(&w->sorted, keys[key]), w->nodes[key]);
    assert_ptr_equal(riacho_sorted_seek(&w->sorted, keys[key]), at < KEYS ? w->nodes[at] : NULL);
    assert_ptr_equal(riacho_sorted_seek_below(&w->sorted, keys[key]),
                     below ? w->nodes[below - 1] : NULL);
}

static void random_inserts_and_removals_keep_the_order(void **state)
{
    (void)state;
    struct world w = {0};
    uint64_t seed = 3;
    riacho_sorted_init(&w.sorted);
    for (int i = 0; i < 20000; i++) {
        const size_t key = fixture_random(&seed) % KEYS;
        if (w.nodes[key])
            delete (&w, key);
        else
            insert(&w, key);
        check_walks(&w);
        check_seeks(&w, fixture_random(&seed) % KEYS);
    }
    for (size_t key = 0; key < KEYS; key++)
        free(w.nodes[key]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_inserts_and_removals_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
