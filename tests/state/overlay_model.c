/* SPDX-License-Identifier: MIT
 *
 * overlay_model.c - random operations on the overlay agree with a naive model.
 *
 * Threads: the test's.
 */
#include "overlay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random operations against the model ---- */

static void check_key(struct world *w)
{
    const uint32_t space = world_roll(w, SPACES);
    const unsigned key = world_roll(w, KEYS);
    assert_string_equal(world_get(w, space, world_key_of(w, key).data), w->now.values[space][key]);
}

static void check_scan(struct world *w)
{
    const uint32_t space = world_roll(w, SPACES);
    const unsigned from = world_roll(w, KEYS), to = world_roll(w, KEYS);
    const bool is_open_below = world_roll(w, 4) == 0, is_open_above = world_roll(w, 4) == 0;
    const bool is_backward = world_roll(w, 2);
    const riacho_range range = {is_open_below ? (riacho_bytes){0} : world_key_of(w, from),
                                is_open_above ? (riacho_bytes){0} : world_key_of(w, to),
                                is_backward ? RIACHO_BACKWARD : RIACHO_FORWARD};
    const char *expected = "";
    for (unsigned i = 0; i < KEYS; i++) {
        const unsigned key = is_backward ? KEYS - 1 - i : i;
        const char *value = w->now.values[space][key];
        if (*value && (is_open_below || key >= from) && (is_open_above || key < to))
            expected = riacho_format(w->f->arena, "%s%02u=%s ", expected, key, value);
    }
    assert_string_equal(world_scan_text(w, space, range), expected);
}

static void change(struct world *w)
{
    const uint32_t space = world_roll(w, SPACES);
    const unsigned key = world_roll(w, KEYS), kind = world_roll(w, 20);
    char *value = w->now.values[space][key];
    if (kind == 0) {
        const unsigned end = key + world_roll(w, 12);
        riacho_overlay_delete_range(w->overlay, space, world_key_of(w, key), world_key_of(w, end));
        for (unsigned i = key; i < end && i < KEYS; i++)
            *w->now.values[space][i] = 0;
    } else if (kind < 7) {
        riacho_overlay_delete(w->overlay, space, world_key_of(w, key));
        *value = 0;
    } else {
        const size_t size = 1 + world_roll(w, VALUE_BYTES - 1);
        memset(value, (int)('a' + world_roll(w, 26)), size);
        value[size] = 0;
        riacho_overlay_put(w->overlay, space, world_key_of(w, key), riacho_text(value));
    }
}

/* Walks all keys, changing some on the way; what lies ahead must be as the model has it. */
static void scan_while_changing(struct world *w)
{
    const riacho_state state = riacho_overlay_state(w->overlay, 0, w->f->arena);
    const bool is_backward = world_roll(w, 2);
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
        assert_true(riacho_bytes_equal(key, world_key_of(w, (unsigned)at)));
        assert_true(riacho_bytes_equal(value, riacho_text(w->now.values[0][at])));
        for (unsigned n = world_roll(w, 3); n > 0; n--)
            change(w);
    }
    riacho_scan_close(scan);
}

/* What is sealed is each changed key once, in order, and leads from what is stored to the model. */
static void check_sealed(struct world *w)
{
    struct model reached = w->committed;
    size_t count;
    const riacho_change *changes = riacho_overlay_sealed(w->overlay, &count);
    for (size_t i = 0; i < count; i++) {
        const riacho_change *change = &changes[i];
        const riacho_change *last = i ? change - 1 : NULL;
        assert_true(!last || last->space < change->space ||
                    riacho_bytes_compare(last->key, change->key) < 0);
        const char *digits = change->key.data;
        const unsigned key = (unsigned)(digits[0] - '0') * 10 + (unsigned)(digits[1] - '0');
        char *value = reached.values[change->space][key];
        if (change->value.data)
            memcpy(value, change->value.data, change->value.size);
        value[change->value.size] = 0;
    }
    for (unsigned i = 0; i < SPACES * KEYS; i++)
        assert_string_equal(reached.values[i / KEYS][i % KEYS],
                            w->sealed.values[i / KEYS][i % KEYS]);
}

/* The first half of a commit, or the second. */
static void seal_or_write(struct world *w)
{
    if (!w->is_sealed) {
        world_seal(w);
        w->is_sealed = true;
        w->saved = w->sealed = w->now;
        check_sealed(w);
        return;
    }
    if (world_roll(w, 3) == 0) {
        frail.next_write = RIACHO_RETRY;
        assert_int_equal(world_write_sealed(w), RIACHO_RETRY);
        frail.next_write = RIACHO_OK;
        check_scan(w);
    }
    check_sealed(w);
    fixture_ok(w->f, world_write_sealed(w));
    w->committed = w->sealed;
    w->is_sealed = false;
}

static void end_transaction(struct world *w)
{
    const unsigned kind = world_roll(w, 4);
    if (kind && (w->is_sealed || (w->seals && world_roll(w, 2)))) {
        seal_or_write(w);
        return;
    }
    w->is_sealed = false;
    if (kind == 0) {
        riacho_overlay_drop(w->overlay);
        w->now = w->committed;
    } else {
        if (kind == 1) {
            frail.next_write = RIACHO_RETRY;
            assert_int_equal(world_commit(w), RIACHO_RETRY);
            frail.next_write = RIACHO_OK;
            check_scan(w);
            change(w);
        }
        fixture_ok(w->f, world_commit(w));
        w->committed = w->now;
    }
    w->saved = w->now;
}

static void random_operations_agree_with_a_model(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 20000; i++) {
        switch (world_roll(w, 30)) {
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

#define CASE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(random_operations_agree_with_a_model),
        {"random_operations_agree_with_a_model (cached)", random_operations_agree_with_a_model,
         world_setup_cached, world_teardown, NULL},
        {"random_operations_agree_with_a_model (sealing)", random_operations_agree_with_a_model,
         world_setup_sealing, world_teardown, NULL},
        {"random_operations_agree_with_a_model (sealing, cached)",
         random_operations_agree_with_a_model, world_setup_sealing_cached, world_teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
