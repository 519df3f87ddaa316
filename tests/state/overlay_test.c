/* SPDX-License-Identifier: MIT
 *
 * overlay_test.c - the overlay against a model: reads, scans, commits that fail, savepoints.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/overlay.h"

/* A store whose writes can be made to fail; everything else goes to the store below. */
struct frail_store {
    riacho_store base;
    riacho_store *below;
    riacho_store_ops ops;
    riacho_status next_write;
    size_t gets;
    size_t last_count; /* changes of the last write */
};

static struct frail_store frail;

static riacho_status frail_write(riacho_store *base, const riacho_changes *changes,
                                 riacho_error *err)
{
    (void)base;
    frail.last_count = changes->count;
    if (frail.next_write != RIACHO_OK)
        return riacho_fail(err, frail.next_write, "told to fail");
    return frail.below->ops->write(frail.below, changes, err);
}

static riacho_status frail_get(riacho_store *base, uint32_t space, riacho_bytes key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    (void)base;
    frail.gets++;
    return frail.below->ops->get(frail.below, space, key, arena, ret_value, err);
}

static riacho_status frail_scan_open(riacho_store *base, riacho_store_snapshot *snapshot,
                                     uint32_t space, const riacho_range *range,
                                     riacho_store_scan **ret_scan, riacho_error *err)
{
    (void)base;
    return frail.below->ops->scan_open(frail.below, snapshot, space, range, ret_scan, err);
}

enum { KEYS = 60, SPACES = 2, VALUE_BYTES = 24 };

struct model {
    char values[SPACES][KEYS][VALUE_BYTES]; /* "" is absent */
};

struct world {
    fixture *f;
    riacho_overlay *overlay;
    struct model now;
    struct model committed;
    struct model saved;
    uint64_t seed;
};

static int setup_with_cache(void **state, uint64_t cache_bytes)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(FIXTURE_MEMORY);
    w->seed = 99;
    frail = (struct frail_store){.below = w->f->store, .ops = *w->f->store->ops};
    frail.ops.write = frail_write;
    frail.ops.get = frail_get;
    frail.ops.scan_open = frail_scan_open;
    frail.base.ops = &frail.ops;
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = &frail.base, .cache_bytes = cache_bytes});
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_with_cache(state, 0);
}

static int setup_cached(void **state)
{
    return setup_with_cache(state, 64 * 1024);
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

static riacho_bytes key_of(struct world *w, unsigned key)
{
    return riacho_text(riacho_format(w->f->arena, "%02u", key));
}

static void put(struct world *w, uint32_t space, const char *key, const char *value)
{
    riacho_overlay_put(w->overlay, space, riacho_text(key), riacho_text(value));
}

static const char *get(struct world *w, uint32_t space, const char *key)
{
    riacho_bytes value;
    fixture_ok(w->f, riacho_overlay_get(w->overlay, space, riacho_text(key), w->f->arena, &value,
                                        &w->f->err));
    return value.data ? value.data : "";
}

static riacho_status commit(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    return riacho_overlay_commit(w->overlay, &meta, &w->f->err);
}

static const char *scan_text(struct world *w, uint32_t space, riacho_range range)
{
    const riacho_state state = riacho_overlay_state(w->overlay, space, w->f->arena);
    riacho_view_scan *scan;
    riacho_bytes key, value;
    const char *text = "";
    fixture_ok(w->f, riacho_state_scan(&state, &range, &scan, &w->f->err));
    for (;;) {
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        if (!key.data)
            break;
        text = riacho_format(w->f->arena, "%s%.*s=%.*s ", text, (int)key.size,
                             (const char *)key.data, (int)value.size, (const char *)value.data);
    }
    riacho_scan_close(scan);
    return text;
}

/* ---- single rules ---- */

static void changes_are_seen_at_once_and_stored_with_the_commit(void **state)
{
    struct world *w = *state;
    put(w, 0, "mochi", "hungry");
    assert_string_equal(get(w, 0, "mochi"), "hungry");
    assert_string_equal(get(w, 1, "mochi"), "");
    assert_string_equal(fixture_get(w->f, 0, "mochi"), "");
    fixture_ok(w->f, commit(w));
    assert_string_equal(get(w, 0, "mochi"), "hungry");
    assert_string_equal(fixture_get(w->f, 0, "mochi"), "hungry");
}

static void a_key_is_written_once_however_often_it_changed(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 1000; i++)
        put(w, 0, "hot", riacho_format(w->f->arena, "%d", i));
    put(w, 0, "other", "");
    riacho_overlay_delete(w->overlay, 0, riacho_text("other"));
    fixture_ok(w->f, commit(w));
    assert_int_equal(frail.last_count, 2);
    assert_string_equal(fixture_get(w->f, 0, "hot"), "999");
}

static void a_hot_key_does_not_take_more_memory(void **state)
{
    struct world *w = *state;
    put(w, 0, "hot", "0123456789");
    for (int i = 0; i < 10; i++) {
        riacho_overlay_savepoint(w->overlay);
        put(w, 0, "hot", "0123456789");
    }
    const size_t before = riacho_overlay_bytes(w->overlay);
    for (int i = 0; i < 10000; i++) {
        riacho_overlay_savepoint(w->overlay);
        put(w, 0, "hot", "abcdefghij");
        put(w, 0, "hot", "9876543210");
    }
    assert_int_equal(riacho_overlay_bytes(w->overlay), before);
}

static void a_value_that_grows_takes_a_small_multiple_of_its_size(void **state)
{
    enum { SIZE = 20000 };
    struct world *w = *state;
    const char *value = memset(riacho_alloc(w->f->arena, SIZE), 'x', SIZE);
    for (size_t size = 0; size < SIZE; size++)
        riacho_overlay_put(w->overlay, 0, riacho_text("k"), (riacho_bytes){value, size});
    assert_true(riacho_overlay_bytes(w->overlay) < 5 * SIZE);
}

static void a_commit_that_failed_can_be_tried_again(void **state)
{
    struct world *w = *state;
    put(w, 0, "a", "1");
    fixture_ok(w->f, commit(w));
    put(w, 0, "a", "2");
    put(w, 0, "b", "3");
    riacho_overlay_delete_range(w->overlay, 1, riacho_text("a"), riacho_text("z"));
    for (int i = 0; i < 3; i++) {
        frail.next_write = RIACHO_RETRY;
        assert_int_equal(commit(w), RIACHO_RETRY);
        assert_string_equal(w->f->err.text, "told to fail");
        assert_int_equal(frail.last_count, 3);
        assert_string_equal(get(w, 0, "a"), "2");
        assert_string_equal(fixture_get(w->f, 0, "a"), "1");
    }
    frail.next_write = RIACHO_OK;
    fixture_ok(w->f, commit(w));
    assert_string_equal(fixture_scan(w->f, NULL, 0, (riacho_range){0}), "a=2 b=3");
}

static void drop_forgets_everything_uncommitted(void **state)
{
    struct world *w = *state;
    put(w, 0, "a", "1");
    fixture_ok(w->f, commit(w));
    put(w, 0, "a", "2");
    put(w, 0, "b", "3");
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("z"));
    riacho_overlay_drop(w->overlay);
    assert_string_equal(scan_text(w, 0, (riacho_range){0}), "a=1 ");
    assert_int_equal(riacho_overlay_bytes(w->overlay), 0);
    fixture_ok(w->f, commit(w));
    assert_int_equal(frail.last_count, 0);
}

static void an_undone_record_leaves_the_records_before_it(void **state)
{
    struct world *w = *state;
    put(w, 0, "a", "1");
    riacho_overlay_savepoint(w->overlay);
    put(w, 0, "a", "2");
    put(w, 0, "b", "2");
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("z"));
    put(w, 0, "c", "2");
    assert_string_equal(scan_text(w, 0, (riacho_range){0}), "c=2 ");
    riacho_overlay_undo(w->overlay);
    assert_string_equal(scan_text(w, 0, (riacho_range){0}), "a=1 ");
    assert_string_equal(get(w, 0, "b"), "");
    riacho_overlay_undo(w->overlay);
    assert_string_equal(scan_text(w, 0, (riacho_range){0}), "a=1 ");
}

static void a_scan_sees_changes_ahead_of_it_whatever_was_committed(void **state)
{
    struct world *w = *state;
    for (int is_committed = 0; is_committed < 2; is_committed++) {
        const riacho_state handle = riacho_overlay_state(w->overlay, 0, w->f->arena);
        riacho_view_scan *scan;
        riacho_bytes key, value;
        put(w, 0, "a", "1");
        put(w, 0, "c", "1");
        put(w, 0, "e", "1");
        if (is_committed)
            fixture_ok(w->f, commit(w));
        fixture_ok(w->f, riacho_state_scan(&handle, &(riacho_range){0}, &scan, &w->f->err));
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(key.data, "a", 1);
        put(w, 0, "0", "behind");
        put(w, 0, "b", "ahead");
        put(w, 0, "c", "changed");
        riacho_overlay_delete(w->overlay, 0, riacho_text("e"));
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(value.data, "ahead", 5);
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(value.data, "changed", 7);
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_null(key.data);
        put(w, 0, "z", "after the end");
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_null(key.data);
        riacho_scan_close(scan);
        riacho_overlay_drop(w->overlay);
    }
}

static void a_hot_key_is_read_from_the_store_once(void **state)
{
    struct world *w = *state;
    fixture_put(w->f, 0, "a", "1");
    for (int i = 0; i < 10; i++) {
        assert_string_equal(get(w, 0, "a"), "1");
        assert_string_equal(get(w, 0, "absent"), "");
    }
    assert_int_equal(frail.gets, 2);
    put(w, 0, "a", "2");
    put(w, 0, "new", "3");
    riacho_overlay_delete(w->overlay, 0, riacho_text("absent"));
    fixture_ok(w->f, commit(w));
    assert_string_equal(get(w, 0, "a"), "2");
    assert_string_equal(get(w, 0, "new"), "3");
    assert_int_equal(frail.gets, 2);
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("b"));
    fixture_ok(w->f, commit(w));
    assert_string_equal(get(w, 0, "a"), "");
    assert_string_equal(get(w, 0, "new"), "3");
}

/* ---- random operations against the model ---- */

static void check_key(struct world *w)
{
    const uint32_t space = roll(w, SPACES);
    const unsigned key = roll(w, KEYS);
    assert_string_equal(get(w, space, key_of(w, key).data), w->now.values[space][key]);
}

static void check_scan(struct world *w)
{
    const uint32_t space = roll(w, SPACES);
    const unsigned from = roll(w, KEYS), to = roll(w, KEYS);
    const bool is_open_below = roll(w, 4) == 0, is_open_above = roll(w, 4) == 0;
    const bool is_backward = roll(w, 2);
    const riacho_range range = {is_open_below ? (riacho_bytes){0} : key_of(w, from),
                                is_open_above ? (riacho_bytes){0} : key_of(w, to),
                                is_backward ? RIACHO_BACKWARD : RIACHO_FORWARD};
    const char *expected = "";
    for (unsigned i = 0; i < KEYS; i++) {
        const unsigned key = is_backward ? KEYS - 1 - i : i;
        const char *value = w->now.values[space][key];
        if (*value && (is_open_below || key >= from) && (is_open_above || key < to))
            expected = riacho_format(w->f->arena, "%s%02u=%s ", expected, key, value);
    }
    assert_string_equal(scan_text(w, space, range), expected);
}

static void change(struct world *w)
{
    const uint32_t space = roll(w, SPACES);
    const unsigned key = roll(w, KEYS), kind = roll(w, 20);
    char *value = w->now.values[space][key];
    if (kind == 0) {
        const unsigned end = key + roll(w, 12);
        riacho_overlay_delete_range(w->overlay, space, key_of(w, key), key_of(w, end));
        for (unsigned i = key; i < end && i < KEYS; i++)
            *w->now.values[space][i] = 0;
    } else if (kind < 7) {
        riacho_overlay_delete(w->overlay, space, key_of(w, key));
        *value = 0;
    } else {
        const size_t size = 1 + roll(w, VALUE_BYTES - 1);
        memset(value, (int)('a' + roll(w, 26)), size);
        value[size] = 0;
        riacho_overlay_put(w->overlay, space, key_of(w, key), riacho_text(value));
    }
}

/* Walks all keys, changing some on the way; what lies ahead must be as the model has it. */
static void scan_while_changing(struct world *w)
{
    const riacho_state state = riacho_overlay_state(w->overlay, 0, w->f->arena);
    const bool is_backward = roll(w, 2);
    const riacho_range range = {.direction = is_backward ? RIACHO_BACKWARD : RIACHO_FORWARD};
    riacho_view_scan *scan;
    fixture_ok(w->f, riacho_state_scan(&state, &range, &scan, &w->f->err));
    int at = is_backward ? KEYS : -1;
    for (;;) {
        riacho_bytes key, value;
        const int step = is_backward ? -1 : 1;
        for (at += step; at >= 0 && at < KEYS && !*w->now.values[0][at]; at += step)
            ;
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        if (at < 0 || at >= KEYS) {
            assert_null(key.data);
            break;
        }
        assert_true(riacho_bytes_equal(key, key_of(w, (unsigned)at)));
        assert_true(riacho_bytes_equal(value, riacho_text(w->now.values[0][at])));
        for (unsigned n = roll(w, 3); n > 0; n--)
            change(w);
    }
    riacho_scan_close(scan);
}

static void end_transaction(struct world *w)
{
    const unsigned kind = roll(w, 4);
    if (kind == 0) {
        riacho_overlay_drop(w->overlay);
        w->now = w->committed;
    } else {
        if (kind == 1) {
            frail.next_write = RIACHO_RETRY;
            assert_int_equal(commit(w), RIACHO_RETRY);
            frail.next_write = RIACHO_OK;
            check_scan(w);
            change(w);
        }
        fixture_ok(w->f, commit(w));
        w->committed = w->now;
    }
    w->saved = w->now;
}

static void random_operations_agree_with_a_model(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 20000; i++) {
        switch (roll(w, 30)) {
        case 0:
            end_transaction(w);
            break;
        case 1:
        case 2:
            check_scan(w);
            break;
        case 3:
            scan_while_changing(w);
            break;
        case 4:
        case 5:
        case 6:
            riacho_overlay_savepoint(w->overlay);
            w->saved = w->now;
            break;
        case 7:
            riacho_overlay_undo(w->overlay);
            w->now = w->saved;
            break;
        default:
            change(w);
            check_key(w);
        }
        riacho_arena_reset(w->f->arena);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(changes_are_seen_at_once_and_stored_with_the_commit),
        CASE(a_key_is_written_once_however_often_it_changed),
        CASE(a_hot_key_does_not_take_more_memory),
        CASE(a_value_that_grows_takes_a_small_multiple_of_its_size),
        CASE(a_commit_that_failed_can_be_tried_again),
        CASE(drop_forgets_everything_uncommitted),
        CASE(an_undone_record_leaves_the_records_before_it),
        CASE(a_scan_sees_changes_ahead_of_it_whatever_was_committed),
        cmocka_unit_test_setup_teardown(a_hot_key_is_read_from_the_store_once, setup_cached,
                                        teardown),
        CASE(random_operations_agree_with_a_model),
        {"random_operations_agree_with_a_model (cached)", random_operations_agree_with_a_model,
         setup_cached, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
