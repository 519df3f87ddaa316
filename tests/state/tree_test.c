/* SPDX-License-Identifier: MIT
 *
 * tree_test.c - trees against a naive model, and that their bytes follow from their entries alone.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/overlay.h"
#include "state/tree.h"

enum { KEYS = 6000, KEY_BYTES = 12, BATCH_MAX = 300 };

struct world {
    fixture *f;
    riacho_overlay *overlay;
    riacho_state state;
    riacho_tree tree;
    uint64_t seed;
    char keys[KEYS][KEY_BYTES]; /* ascending */
    bool is_there[KEYS];
    uint64_t values[KEYS];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(FIXTURE_MEMORY);
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = w->f->store, .cache_bytes = 64 * 1024});
    w->state = riacho_overlay_state(w->overlay, 0, w->f->arena);
    w->tree = (riacho_tree){&w->state, {"t", 1}, 8};
    w->seed = 11;
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(w->keys[i], KEY_BYTES, "k%05u", i);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    riacho_overlay_free(w->overlay);
    fixture_free(w->f);
    free(w);
    return 0;
}

static unsigned roll(struct world *w, unsigned sides)
{
    return (unsigned)(fixture_random(&w->seed) % sides);
}

static void commit(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    fixture_ok(w->f, riacho_overlay_commit(w->overlay, &meta, &w->f->err));
    riacho_arena_reset(w->f->arena);
}

static riacho_bytes key_of(const struct world *w, unsigned key)
{
    return riacho_text(w->keys[key]);
}

/* Changes some keys of [from, from + span), more often to be there than not as `puts` of 10 say. */
static void change(struct world *w, unsigned from, unsigned span, unsigned puts)
{
    riacho_tree_change changes[BATCH_MAX];
    size_t count = 0;
    const unsigned step = 1 + roll(w, 1 + span / 20);
    for (unsigned key = from; key < from + span && key < KEYS && count < BATCH_MAX;
         key += 1 + roll(w, step)) {
        if (roll(w, 10) < puts) {
            w->is_there[key] = true;
            w->values[key] = fixture_random(&w->seed);
            changes[count++] =
                (riacho_tree_change){key_of(w, key), w->values[key], RIACHO_TREE_PUT};
        } else if (w->is_there[key]) {
            w->is_there[key] = false;
            changes[count++] = (riacho_tree_change){key_of(w, key), 0, RIACHO_TREE_DELETE};
        }
    }
    fixture_ok(w->f, riacho_tree_apply(&w->tree, changes, count, NULL, &w->f->err));
}

static void check(struct world *w, const riacho_state *state)
{
    const riacho_tree tree = {state, w->tree.prefix, w->tree.leaf_value_bytes};
    riacho_tree_entries all;
    uint64_t size = 0, below = 0, value = 0;
    size_t at = 0;
    bool found;
    const unsigned probe = roll(w, KEYS);
    uint64_t probe_below = 0;
    fixture_ok(w->f, riacho_tree_read(&tree, 0, SIZE_MAX, &all, &w->f->err));
    for (unsigned key = 0; key < KEYS; key++) {
        if (key == probe)
            probe_below = at;
        if (!w->is_there[key])
            continue;
        assert_true(at < all.count);
        assert_true(riacho_bytes_equal(all.items[at].key, key_of(w, key)));
        assert_true(all.items[at++].value == w->values[key]);
    }
    assert_int_equal(at, all.count);
    fixture_ok(w->f, riacho_tree_size(&tree, &size, &w->f->err));
    assert_int_equal(size, at);
    fixture_ok(w->f, riacho_tree_below(&tree, key_of(w, probe), &below, &w->f->err));
    assert_int_equal(below, probe_below);
    fixture_ok(w->f, riacho_tree_get(&tree, key_of(w, probe), &found, &value, &w->f->err));
    assert_int_equal(found, w->is_there[probe]);
    assert_true(!found || value == w->values[probe]);

    const uint64_t first = roll(w, KEYS);
    fixture_ok(w->f, riacho_tree_read(&tree, first, 40, &all, &w->f->err));
    const uint64_t left = first < size ? size - first : 0;
    assert_int_equal(all.count, left < 40 ? left : 40);
}

/* Builds the same map anew, in one go. */
static uint64_t checksum_anew(const struct world *w)
{
    void *state;
    setup(&state);
    struct world *other = state;
    riacho_tree_change *changes = calloc(KEYS, sizeof *changes);
    size_t count = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        if (w->is_there[key])
            changes[count++] =
                (riacho_tree_change){key_of(w, key), w->values[key], RIACHO_TREE_PUT};
    }
    fixture_ok(other->f, riacho_tree_apply(&other->tree, changes, count, NULL, &other->f->err));
    commit(other);
    const uint64_t sum = fixture_checksum(other->f, 0);
    free(changes);
    teardown(&state);
    return sum;
}

static unsigned root_level(struct world *w)
{
    riacho_tree_page root;
    fixture_ok(w->f, riacho_tree_root(&w->tree, &root, &w->f->err));
    return root.level;
}

static void run(struct world *w, unsigned batches, unsigned puts)
{
    for (unsigned i = 0; i < batches; i++) {
        if (roll(w, 5) == 0) {
            bool is_there[KEYS];
            uint64_t *values = malloc(sizeof w->values);
            memcpy(is_there, w->is_there, sizeof is_there);
            memcpy(values, w->values, sizeof w->values);
            riacho_overlay_savepoint(w->overlay);
            change(w, roll(w, KEYS), 1 + roll(w, 2000), roll(w, 11));
            riacho_overlay_undo(w->overlay);
            memcpy(w->is_there, is_there, sizeof is_there);
            memcpy(w->values, values, sizeof w->values);
            free(values);
        }
        change(w, roll(w, KEYS), 1 + roll(w, roll(w, 3) ? 20 : 3000), puts);
        if (i % 8 == 0)
            check(w, &w->state);
        if (roll(w, 6) == 0)
            commit(w);
    }
}

static void random_changes_agree_with_a_model(void **state)
{
    struct world *w = *state;
    static const unsigned phases[] = {9, 5, 1, 7, 2, 0, 6};
    unsigned highest = 0;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        run(w, 80, phases[i]);
        highest = root_level(w) > highest ? root_level(w) : highest;
        commit(w);
        riacho_snapshot snapshot;
        riacho_snapshot_open(&snapshot, w->f->store);
        const riacho_state committed = {&snapshot.view, NULL, w->f->arena, 0};
        check(w, &committed);
        riacho_snapshot_close(&snapshot);
        assert_true(fixture_checksum(w->f, 0) == checksum_anew(w));
    }
    assert_true(highest >= 2);
}

/* At and around the size where one page becomes many and back. */
static void a_tree_of_one_page_becomes_many_pages_and_back(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < 30; round++) {
        for (unsigned key = 0; key < RIACHO_TREE_SINGLE_MAX + 8; key++)
            change(w, key * 7, 1, round % 2 ? 10 : 0);
        commit(w);
        check(w, &w->state);
        assert_true(fixture_checksum(w->f, 0) == checksum_anew(w));
    }
}

static void a_tree_that_loses_every_entry_leaves_nothing_behind(void **state)
{
    struct world *w = *state;
    const riacho_range all = {0};
    run(w, 100, 8);
    for (unsigned key = 0; key < KEYS; key += 100)
        for (unsigned i = 0; i < 100; i++)
            change(w, key + i, 1, 0);
    commit(w);
    assert_string_equal(fixture_scan(w->f, NULL, 0, all), "");
    run(w, 20, 8);
    fixture_ok(w->f, riacho_tree_clear(&w->tree, &w->f->err));
    commit(w);
    assert_string_equal(fixture_scan(w->f, NULL, 0, all), "");
}

/* Which keys begin a page, as a tree of all of them tells: its pages of level 0 are named so. */
static void find_boundaries(bool ret_is_boundary[KEYS])
{
    void *state;
    setup(&state);
    struct world *all = state;
    riacho_store_scan *scan;
    riacho_bytes key, value;
    for (unsigned i = 0; i < KEYS; i++)
        change(all, i, 1, 10);
    commit(all);
    const riacho_store_ops *ops = all->f->store->ops;
    const riacho_range pages = {.from = {"t\0k", 3}, .to = {"t\0l", 3}};
    fixture_ok(all->f, ops->scan_open(all->f->store, NULL, 0, &pages, &scan, &all->f->err));
    for (;;) {
        fixture_ok(all->f, ops->scan_next(scan, &key, &value, &all->f->err));
        if (!key.data)
            break;
        const char *digits = riacho_copy(all->f->arena, key).data;
        ret_is_boundary[strtoul(digits + pages.from.size, NULL, 10)] = true;
    }
    ops->scan_close(scan);
    teardown(&state);
}

/* The hash is known to all, so whoever may choose the names can leave out those that begin a page.
 * That makes the tree slow (state/README.md), and nothing else. */
static void names_chosen_against_the_pages_make_one_page_that_tells_the_truth(void **state)
{
    struct world *w = *state;
    bool is_boundary[KEYS] = {false};
    unsigned boundaries = 0;
    find_boundaries(is_boundary);
    for (unsigned key = 0; key < KEYS; key++)
        boundaries += is_boundary[key];
    assert_true(boundaries > KEYS / 64 && boundaries < KEYS / 16);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned key = 0; key < KEYS; key++) {
            if (!is_boundary[key] && (!round || roll(w, 40) == 0))
                change(w, key, 1, round ? 5 : 10);
            if (key % 100 == 0)
                commit(w);
        }
        commit(w);
        check(w, &w->state);
        assert_int_equal(root_level(w), 0);
        assert_int_equal(fixture_count(w->f, 0, (riacho_range){0}), 1);
        assert_true(fixture_checksum(w->f, 0) == checksum_anew(w));
    }
}

static void a_damaged_page_is_told(void **state)
{
    static const struct {
        const char *name;
        riacho_bytes page;
    } pages[] = {
        {"no level", {"", 0}},
        {"a size that does not end", {"\0\xff\xff\xff\xff\xff", 6}},
        {"a key that is cut short", {"\0\5abc", 5}},
        {"a value that is cut short", {"\0\1a123", 6}},
        {"an inner page without children", {"\1", 1}},
        {"a child that is not there", {"\1\0\1\0\0\0\0\0\0\0", 10}},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        bool found;
        uint64_t value;
        riacho_overlay_put(w->overlay, 0, w->tree.prefix, pages[i].page);
        const riacho_status status =
            riacho_tree_get(&w->tree, riacho_text("z"), &found, &value, &w->f->err);
        if (status != RIACHO_FATAL)
            fail_msg("%s: status %d", pages[i].name, (int)status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_changes_agree_with_a_model, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_of_one_page_becomes_many_pages_and_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_tree_that_loses_every_entry_leaves_nothing_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            names_chosen_against_the_pages_make_one_page_that_tells_the_truth, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
