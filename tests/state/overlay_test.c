/* SPDX-License-Identifier: MIT
 *
 * overlay_test.c - the rules of the overlay: reads, scans, commits that fail, savepoints, seals.
 *
 * Threads: the test's.
 */
#include "overlay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- single rules ---- */

static void changes_are_seen_at_once_and_stored_with_the_commit(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "mochi", "hungry");
    assert_string_equal(world_get(w, 0, "mochi"), "hungry");
    assert_string_equal(world_get(w, 1, "mochi"), "");
    assert_string_equal(fixture_get(w->f, 0, "mochi"), "");
    fixture_ok(w->f, world_commit(w));
    assert_string_equal(world_get(w, 0, "mochi"), "hungry");
    assert_string_equal(fixture_get(w->f, 0, "mochi"), "hungry");
}

static void a_key_is_written_once_however_often_it_changed(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 1000; i++)
        world_put(w, 0, "hot", riacho_format(w->f->arena, "%d", i));
    world_put(w, 0, "other", "");
    riacho_overlay_delete(w->overlay, 0, riacho_text("other"));
    fixture_ok(w->f, world_commit(w));
    assert_int_equal(frail.last_count, 2);
    assert_string_equal(fixture_get(w->f, 0, "hot"), "999");
}

static void a_hot_key_does_not_take_more_memory(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "hot", "0123456789");
    for (int i = 0; i < 10; i++) {
        riacho_overlay_savepoint(w->overlay);
        world_put(w, 0, "hot", "0123456789");
    }
    const size_t before = riacho_overlay_bytes(w->overlay);
    for (int i = 0; i < 10000; i++) {
        riacho_overlay_savepoint(w->overlay);
        world_put(w, 0, "hot", "abcdefghij");
        world_put(w, 0, "hot", "9876543210");
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

static void keys_that_change_one_after_the_other_share_their_memory(void **state)
{
    struct world *w = *state;
    size_t before = 0;
    for (int i = 0; i < 1000; i++) {
        char key[2] = {(char)('a' + i % 20), 0};
        riacho_overlay_savepoint(w->overlay);
        world_put(w, 0, key,
                  i % 3 ? "a value of one size" : "a value of another size, which is longer");
        if (i % 7 == 0)
            riacho_overlay_undo(w->overlay);
        if (i == 100)
            before = riacho_overlay_bytes(w->overlay);
    }
    riacho_overlay_savepoint(w->overlay);
    assert_true(riacho_overlay_bytes(w->overlay) < before + before / 10);
}

static void what_was_lent_stays_until_the_next_savepoint(void **state)
{
    enum { LARGE = 5000 };
    struct world *w = *state;
    const riacho_state in = riacho_overlay_state(w->overlay, 0, w->f->arena);
    const char *large = memset(riacho_alloc(w->f->arena, LARGE), 'x', LARGE);
    riacho_bytes lent[3];
    world_put(w, 0, "a", "of the record before");
    riacho_overlay_savepoint(w->overlay);
    for (int i = 0; i < 3; i++) {
        fixture_ok(w->f, riacho_state_peek(&in, riacho_text("a"), &lent[i], &w->f->err));
        riacho_overlay_put(w->overlay, 0, riacho_text("a"),
                           (riacho_bytes){large, (size_t)LARGE * (size_t)(i + 1) / 3});
        world_put(w, 0, "b", "something else");
    }
    assert_string_equal(riacho_copy(w->f->arena, lent[0]).data, "of the record before");
    for (int i = 1; i < 3; i++) {
        assert_int_equal(lent[i].size, (size_t)LARGE * (size_t)i / 3);
        assert_memory_equal(lent[i].data, large, lent[i].size);
    }
}

static void a_commit_that_failed_can_be_tried_again(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    fixture_ok(w->f, world_commit(w));
    world_put(w, 0, "a", "2");
    world_put(w, 0, "b", "3");
    riacho_overlay_delete_range(w->overlay, 1, riacho_text("a"), riacho_text("z"));
    for (int i = 0; i < 3; i++) {
        frail.next_write = RIACHO_RETRY;
        assert_int_equal(world_commit(w), RIACHO_RETRY);
        assert_string_equal(w->f->err.text, "told to fail");
        assert_int_equal(frail.last_count, 3);
        assert_string_equal(world_get(w, 0, "a"), "2");
        assert_string_equal(fixture_get(w->f, 0, "a"), "1");
    }
    frail.next_write = RIACHO_OK;
    fixture_ok(w->f, world_commit(w));
    assert_string_equal(fixture_scan(w->f, NULL, 0, (riacho_range){0}), "a=2 b=3");
}

static void drop_forgets_everything_uncommitted(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    fixture_ok(w->f, world_commit(w));
    world_put(w, 0, "a", "2");
    world_put(w, 0, "b", "3");
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("z"));
    riacho_overlay_drop(w->overlay);
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "a=1 ");
    assert_int_equal(riacho_overlay_bytes(w->overlay), 0);
    fixture_ok(w->f, world_commit(w));
    assert_int_equal(frail.last_count, 0);
}

static void an_undone_record_leaves_the_records_before_it(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    riacho_overlay_savepoint(w->overlay);
    world_put(w, 0, "a", "2");
    world_put(w, 0, "b", "2");
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("z"));
    world_put(w, 0, "c", "2");
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "c=2 ");
    riacho_overlay_undo(w->overlay);
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "a=1 ");
    assert_string_equal(world_get(w, 0, "b"), "");
    riacho_overlay_undo(w->overlay);
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "a=1 ");
}

static void a_scan_sees_changes_ahead_of_it_whatever_was_committed(void **state)
{
    struct world *w = *state;
    for (int is_committed = 0; is_committed < 2; is_committed++) {
        const riacho_state handle = riacho_overlay_state(w->overlay, 0, w->f->arena);
        riacho_view_scan *scan;
        riacho_bytes key, value;
        world_put(w, 0, "a", "1");
        world_put(w, 0, "c", "1");
        world_put(w, 0, "e", "1");
        if (is_committed)
            fixture_ok(w->f, world_commit(w));
        fixture_ok(w->f, riacho_state_scan(&handle, &(riacho_range){0}, &scan, &w->f->err));
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(key.data, "a", 1);
        world_put(w, 0, "0", "behind");
        world_put(w, 0, "b", "ahead");
        world_put(w, 0, "c", "changed");
        riacho_overlay_delete(w->overlay, 0, riacho_text("e"));
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(value.data, "ahead", 5);
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_memory_equal(value.data, "changed", 7);
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        assert_null(key.data);
        world_put(w, 0, "z", "after the end");
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
        assert_string_equal(world_get(w, 0, "a"), "1");
        assert_string_equal(world_get(w, 0, "absent"), "");
    }
    assert_int_equal(frail.gets, 2);
    world_put(w, 0, "a", "2");
    world_put(w, 0, "new", "3");
    riacho_overlay_delete(w->overlay, 0, riacho_text("absent"));
    fixture_ok(w->f, world_commit(w));
    assert_string_equal(world_get(w, 0, "a"), "2");
    assert_string_equal(world_get(w, 0, "new"), "3");
    assert_int_equal(frail.gets, 2);
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("b"));
    fixture_ok(w->f, world_commit(w));
    assert_string_equal(world_get(w, 0, "a"), "");
    assert_string_equal(world_get(w, 0, "new"), "3");
}

/* ---- seals ---- */

static void what_is_sealed_is_read_and_no_longer_changes(void **state)
{
    struct world *w = *state;
    fixture_put(w->f, 0, "a", "stored");
    world_put(w, 0, "b", "1");
    world_put(w, 0, "c", "1");
    world_seal(w);
    world_put(w, 0, "b", "2");
    riacho_overlay_delete(w->overlay, 0, riacho_text("c"));
    world_put(w, 1, "d", "2");
    assert_string_equal(world_sealed_text(w), "0/b=1 0/c=1 ");
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "a=stored b=2 ");
    assert_string_equal(world_get(w, 0, "b"), "2");
    assert_string_equal(world_get(w, 0, "c"), "");
    riacho_overlay_undo(w->overlay);
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "a=stored b=1 c=1 ");
    assert_string_equal(world_scan_text(w, 0, (riacho_range){.direction = RIACHO_BACKWARD}),
                        "c=1 b=1 a=stored ");
    assert_string_equal(fixture_scan(w->f, NULL, 0, (riacho_range){0}), "a=stored");
}

static void a_deleted_range_is_sealed_as_the_keys_that_it_deletes(void **state)
{
    struct world *w = *state;
    fixture_put(w->f, 0, "a", "1");
    fixture_put(w->f, 0, "b", "1");
    fixture_put(w->f, 0, "c", "1");
    fixture_put(w->f, 0, "z", "1");
    world_put(w, 0, "bb", "gone");
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("d"));
    world_put(w, 0, "c", "new");
    world_seal(w);
    assert_string_equal(world_sealed_text(w), "0/a=- 0/b=- 0/bb=- 0/c=new ");
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "c=new z=1 ");
    fixture_ok(w->f, world_write_sealed(w));
    assert_string_equal(fixture_scan(w->f, NULL, 0, (riacho_range){0}), "c=new z=1");
}

static void a_range_deleted_above_a_seal_hides_what_is_sealed(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    world_put(w, 0, "x", "1");
    world_seal(w);
    riacho_overlay_delete_range(w->overlay, 0, riacho_text("a"), riacho_text("b"));
    assert_string_equal(world_get(w, 0, "a"), "");
    assert_string_equal(world_scan_text(w, 0, (riacho_range){0}), "x=1 ");
    fixture_ok(w->f, world_write_sealed(w));
    assert_string_equal(fixture_scan(w->f, NULL, 0, (riacho_range){0}), "a=1 x=1");
    world_seal(w);
    assert_string_equal(world_sealed_text(w), "0/a=- ");
}

static void a_sealed_write_that_failed_can_be_tried_again(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    world_seal(w);
    world_put(w, 0, "a", "2");
    for (int i = 0; i < 3; i++) {
        frail.next_write = RIACHO_RETRY;
        assert_int_equal(world_write_sealed(w), RIACHO_RETRY);
        assert_string_equal(world_sealed_text(w), "0/a=1 ");
        assert_string_equal(world_get(w, 0, "a"), "2");
    }
    frail.next_write = RIACHO_OK;
    fixture_ok(w->f, world_write_sealed(w));
    assert_int_equal(frail.last_count, 1);
    assert_string_equal(fixture_get(w->f, 0, "a"), "1");
    assert_string_equal(world_get(w, 0, "a"), "2");
}

static void drop_forgets_what_is_sealed_too(void **state)
{
    struct world *w = *state;
    fixture_put(w->f, 0, "a", "0");
    world_put(w, 0, "a", "1");
    world_seal(w);
    world_put(w, 0, "a", "2");
    assert_true(riacho_overlay_bytes(w->overlay) > 0);
    riacho_overlay_drop(w->overlay);
    assert_int_equal(riacho_overlay_bytes(w->overlay), 0);
    assert_string_equal(world_get(w, 0, "a"), "0");
    world_seal(w);
    assert_string_equal(world_sealed_text(w), "");
}

static void bytes_count_what_is_sealed_until_it_is_written(void **state)
{
    struct world *w = *state;
    world_put(w, 0, "a", "1");
    const size_t one = riacho_overlay_bytes(w->overlay);
    world_seal(w);
    assert_true(riacho_overlay_bytes(w->overlay) >= one);
    world_put(w, 0, "b", "1");
    assert_true(riacho_overlay_bytes(w->overlay) >= 2 * one);
    fixture_ok(w->f, world_write_sealed(w));
    assert_true(riacho_overlay_bytes(w->overlay) < 2 * one);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(changes_are_seen_at_once_and_stored_with_the_commit),
        CASE(a_key_is_written_once_however_often_it_changed),
        CASE(a_hot_key_does_not_take_more_memory),
        CASE(a_value_that_grows_takes_a_small_multiple_of_its_size),
        CASE(keys_that_change_one_after_the_other_share_their_memory),
        CASE(what_was_lent_stays_until_the_next_savepoint),
        CASE(a_commit_that_failed_can_be_tried_again),
        CASE(drop_forgets_everything_uncommitted),
        CASE(an_undone_record_leaves_the_records_before_it),
        CASE(a_scan_sees_changes_ahead_of_it_whatever_was_committed),
        cmocka_unit_test_setup_teardown(a_hot_key_is_read_from_the_store_once, world_setup_cached,
                                        world_teardown),
        CASE(what_is_sealed_is_read_and_no_longer_changes),
        CASE(a_deleted_range_is_sealed_as_the_keys_that_it_deletes),
        CASE(a_range_deleted_above_a_seal_hides_what_is_sealed),
        CASE(a_sealed_write_that_failed_can_be_tried_again),
        CASE(drop_forgets_what_is_sealed_too),
        CASE(bytes_count_what_is_sealed_until_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
