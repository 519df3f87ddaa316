/* SPDX-License-Identifier: MIT
 *
 * kinds_test.c - key-value, list and ttl stores, and the key pieces they are made of.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "state/keyvalue.h"
#include "state/list.h"
#include "state/order.h"
#include "state/overlay.h"
#include "state/ttl.h"

struct world {
    fixture *f;
    riacho_overlay *overlay;
    riacho_state state;
    uint64_t seed;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(FIXTURE_MEMORY);
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = w->f->store, .cache_bytes = 64 * 1024});
    w->state = riacho_overlay_state(w->overlay, 0, w->f->arena);
    w->seed = 31;
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
}

/* ---- order ---- */

static const riacho_bytes parts[] = {
    {"", 0},    {"\0", 1},    {"\0\0", 2},    {"\0\1", 2}, {"\0\xff", 2}, {"\1", 1},    {"a", 1},
    {"a\0", 2}, {"a\0\1", 3}, {"a\0\xff", 3}, {"ab", 2},   {"\xff", 1},   {"\xff\0", 2}};
enum { PARTS = sizeof parts / sizeof *parts };

static void closed_parts_sort_as_their_bytes_and_come_back(void **state)
{
    struct world *w = *state;
    for (size_t a = 0; a < PARTS; a++) {
        uint8_t a_key[16], b_key[16];
        const riacho_bytes a_bytes = {a_key, riacho_order_put_closed(a_key, parts[a])};
        riacho_bytes back;
        size_t used;
        fixture_ok(w->f, riacho_order_get_closed(a_bytes, w->f->arena, &back, &used, &w->f->err));
        assert_true(riacho_bytes_equal(back, parts[a]));
        assert_int_equal(used, a_bytes.size);
        for (size_t b = a + 1; b < PARTS; b++) {
            const riacho_bytes b_bytes = {b_key, riacho_order_put_closed(b_key, parts[b])};
            assert_true(riacho_bytes_compare(a_bytes, b_bytes) < 0);
            assert_memory_not_equal(a_key, b_key,
                                    a_bytes.size < b_bytes.size ? a_bytes.size : b_bytes.size);
        }
    }
}

static void a_part_that_is_not_closed_is_refused(void **state)
{
    static const riacho_bytes bad[] = {{"", 0}, {"a", 1}, {"a\0", 2}, {"a\0\2", 3}, {"a\0\xff", 3}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        riacho_bytes part;
        size_t used;
        assert_int_equal(riacho_order_get_closed(bad[i], w->f->arena, &part, &used, &w->f->err),
                         RIACHO_REJECT);
    }
}

static void numbers_sort_with_their_signs(void **state)
{
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -256, -1, 0, 1, 255, INT64_MAX};
    (void)state;
    for (size_t i = 0; i + 1 < sizeof numbers / sizeof *numbers; i++) {
        uint8_t low[8], high[8];
        riacho_order_put_u64(low, riacho_order_of_i64(numbers[i]));
        riacho_order_put_u64(high, riacho_order_of_i64(numbers[i + 1]));
        assert_true(memcmp(low, high, 8) < 0);
        assert_true(riacho_order_to_i64(riacho_order_get_u64(low)) == numbers[i]);
    }
}

static void a_prefix_holds_what_begins_with_it(void **state)
{
    struct world *w = *state;
    for (size_t p = 0; p < PARTS; p++) {
        const riacho_range range = riacho_order_prefix(parts[p], w->f->arena, RIACHO_FORWARD);
        for (size_t k = 0; k < PARTS; k++) {
            const bool begins = parts[k].size >= parts[p].size &&
                                memcmp(parts[k].data, parts[p].data, parts[p].size) == 0;
            const bool holds =
                (!range.from.data || riacho_bytes_compare(range.from, parts[k]) <= 0) &&
                (!range.to.data || riacho_bytes_compare(parts[k], range.to) < 0);
            assert_int_equal(begins, holds);
        }
    }
}

/* ---- key-value ---- */

static void a_value_keeps_its_timestamp(void **state)
{
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, 1700000000000};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const riacho_stamped value = {riacho_text(i % 2 ? "" : "value"), times[i]};
        riacho_stamped back;
        riacho_state_keyvalue_put(&w->state, riacho_text("k"), &value);
        fixture_ok(w->f, riacho_state_keyvalue_get(&w->state, riacho_text("k"), &back, &w->f->err));
        assert_true(back.timestamp_ms == times[i]);
        assert_true(riacho_bytes_equal(back.value, value.value));
        assert_int_equal((uintptr_t)back.value.data % 8, 0);
    }
    riacho_state_keyvalue_put(&w->state, riacho_text("k"), &(riacho_stamped){{0}, 5});
    riacho_stamped gone;
    fixture_ok(w->f, riacho_state_keyvalue_get(&w->state, riacho_text("k"), &gone, &w->f->err));
    assert_null(gone.value.data);
}

static const char *pairs(struct world *w, const riacho_state *handle, riacho_range range)
{
    riacho_view_scan *scan;
    const char *text = "";
    fixture_ok(w->f, riacho_state_scan(handle, &range, &scan, &w->f->err));
    for (;;) {
        riacho_bytes key;
        riacho_stamped value;
        fixture_ok(w->f, riacho_state_keyvalue_next(scan, &key, &value, &w->f->err));
        if (!key.data)
            break;
        text = riacho_format(w->f->arena, "%s%.*s=%.*s@%d ", text, (int)key.size,
                             (const char *)key.data, (int)value.value.size,
                             (const char *)value.value.data, (int)value.timestamp_ms);
    }
    riacho_scan_close(scan);
    return text;
}

static void a_query_reads_what_was_committed_and_nothing_else(void **state)
{
    struct world *w = *state;
    riacho_snapshot snapshot;
    riacho_state_keyvalue_put(&w->state, riacho_text("a1"), &(riacho_stamped){riacho_text("x"), 1});
    riacho_state_keyvalue_put(&w->state, riacho_text("b1"), &(riacho_stamped){riacho_text("y"), 2});
    commit(w);
    riacho_snapshot_open(&snapshot, w->f->store);
    const riacho_state query = {&snapshot.view, NULL, w->f->arena, 0};
    riacho_state_keyvalue_put(&w->state, riacho_text("a2"), &(riacho_stamped){riacho_text("z"), 3});
    riacho_state_keyvalue_delete(&w->state, riacho_text("b1"));
    commit(w);
    assert_string_equal(pairs(w, &query, (riacho_range){0}), "a1=x@1 b1=y@2 ");
    assert_string_equal(pairs(w, &w->state, (riacho_range){0}), "a1=x@1 a2=z@3 ");
    assert_string_equal(
        pairs(w, &w->state, riacho_order_prefix(riacho_text("a"), w->f->arena, RIACHO_BACKWARD)),
        "a2=z@3 a1=x@1 ");
    riacho_snapshot_close(&snapshot);
}

/* ---- list ---- */

enum { LISTS = 4, ENTRIES_MAX = 4000 };
static const riacho_bytes list_keys[LISTS] = {{"k", 1}, {"k\0", 2}, {"", 0}, {"kk", 2}};

struct lists {
    bool is_there[LISTS][ENTRIES_MAX];
    uint64_t next[LISTS];
};

static riacho_state_list list_of(struct world *w, riacho_view *view, unsigned which, uint64_t keep)
{
    const bool is_own = view == riacho_overlay_view(w->overlay);
    return (riacho_state_list){
        {view, is_own ? w->overlay : NULL, w->f->arena, 0}, list_keys[which], keep};
}

static uint64_t count_of(const struct lists *model, unsigned which)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < model->next[which]; i++)
        count += model->is_there[which][i];
    return count;
}

static const char *value_of(struct world *w, unsigned which, uint64_t sequence)
{
    return riacho_format(w->f->arena, "%u/%u", which, (unsigned)sequence);
}

static void check_list(struct world *w, riacho_view *view, const struct lists *model)
{
    const unsigned which = roll(w, LISTS);
    const riacho_state_list list = list_of(w, view, which, 0);
    const bool is_backward = roll(w, 2);
    riacho_state_list_query query = {is_backward ? RIACHO_BACKWARD : RIACHO_FORWARD, 0,
                                     1 + roll(w, 9)};
    riacho_state_list_page page = {0};
    uint64_t count, seen = 0;
    uint64_t at = is_backward ? model->next[which] : 0;
    fixture_ok(w->f, riacho_state_list_count(&list, &count, &w->f->err));
    assert_int_equal(count, count_of(model, which));
    do {
        fixture_ok(w->f, riacho_state_list_entries(&list, &query, &page, &w->f->err));
        for (size_t i = 0; i < page.count; i++) {
            do
                at += is_backward ? (uint64_t)-1 : 1;
            while (!model->is_there[which][at]);
            assert_int_equal(page.items[i].sequence, at);
            assert_true(
                riacho_bytes_equal(page.items[i].value, riacho_text(value_of(w, which, at))));
            query.after = at;
            seen++;
        }
    } while (page.count == query.limit);
    assert_int_equal(seen, count);
}

static void append(struct world *w, struct lists *model)
{
    const unsigned which = roll(w, LISTS);
    const uint64_t keep = which == 0 ? 20 : 0;
    const riacho_state_list list = list_of(w, riacho_overlay_view(w->overlay), which, keep);
    const uint64_t expected = model->next[which]++;
    uint64_t sequence;
    fixture_ok(w->f, riacho_state_list_append(&list, riacho_text(value_of(w, which, expected)),
                                              &sequence, &w->f->err));
    assert_int_equal(sequence, expected);
    model->is_there[which][expected] = true;
    for (uint64_t i = 0; keep && count_of(model, which) > keep; i++)
        model->is_there[which][i] = false;
}

static void delete_one(struct world *w, struct lists *model)
{
    const unsigned which = roll(w, LISTS);
    const riacho_state_list list = list_of(w, riacho_overlay_view(w->overlay), which, 0);
    const uint64_t sequence = roll(w, (unsigned)model->next[which] + 2);
    riacho_bytes value;
    fixture_ok(w->f, riacho_state_list_delete(&list, sequence, &w->f->err));
    fixture_ok(w->f, riacho_state_list_get(&list, sequence, &value, &w->f->err));
    assert_null(value.data);
    model->is_there[which][sequence] = false;
}

static void random_lists_agree_with_a_model(void **state)
{
    struct world *w = *state;
    static struct lists model;
    memset(&model, 0, sizeof model);
    for (unsigned i = 0; i < LISTS; i++)
        model.next[i] = 1;
    for (int i = 0; i < 6000; i++) {
        if (roll(w, 3) == 0)
            delete_one(w, &model);
        else
            append(w, &model);
        if (i % 8 == 0)
            check_list(w, riacho_overlay_view(w->overlay), &model);
        if (roll(w, 40) == 0) {
            riacho_snapshot snapshot;
            commit(w);
            riacho_snapshot_open(&snapshot, w->f->store);
            check_list(w, &snapshot.view, &model);
            riacho_snapshot_close(&snapshot);
        }
        riacho_arena_reset(w->f->arena);
    }
}

static void a_sequence_is_never_used_twice(void **state)
{
    struct world *w = *state;
    const riacho_state_list list = list_of(w, riacho_overlay_view(w->overlay), 0, 0);
    uint64_t sequence;
    for (uint64_t expected = 1; expected < 5; expected++) {
        fixture_ok(w->f, riacho_state_list_append(&list, riacho_text("v"), &sequence, &w->f->err));
        assert_int_equal(sequence, expected);
        fixture_ok(w->f, riacho_state_list_delete(&list, sequence, &w->f->err));
        commit(w);
    }
}

/* ---- ttl ---- */

enum { TTL_KEYS = 40 };

struct ttls {
    int64_t expires[TTL_KEYS];
    int value[TTL_KEYS]; /* 0: absent */
    bool is_stored[TTL_KEYS];
};

static riacho_bytes ttl_key(struct world *w, unsigned key)
{
    return riacho_text(riacho_format(w->f->arena, "%u", key));
}

static void check_ttl(struct world *w, const riacho_state *handle, const struct ttls *model,
                      int64_t now)
{
    for (unsigned key = 0; key < TTL_KEYS; key++) {
        const bool is_there = model->value[key] && model->expires[key] > now;
        riacho_bytes value;
        fixture_ok(w->f, riacho_state_ttl_get(handle, ttl_key(w, key), now, &value, &w->f->err));
        assert_int_equal(value.data != NULL, is_there);
        if (is_there)
            assert_string_equal(value.data, riacho_format(w->f->arena, "%d", model->value[key]));
    }
}

static void put_random(struct world *w, struct ttls *model, int64_t now)
{
    const unsigned key = roll(w, TTL_KEYS);
    const int number = 1 + (int)roll(w, 1000000);
    const riacho_state_ttl_entry entry = {ttl_key(w, key),
                                          riacho_text(riacho_format(w->f->arena, "%d", number)),
                                          now + (int64_t)roll(w, 60000) - 10000};
    const bool is_there = model->value[key] && model->expires[key] > now;
    if (roll(w, 2)) {
        riacho_bytes existing;
        fixture_ok(w->f,
                   riacho_state_ttl_put_if_absent(&w->state, &entry, now, &existing, &w->f->err));
        assert_int_equal(existing.data != NULL, is_there);
        if (is_there)
            return;
    } else {
        fixture_ok(w->f, riacho_state_ttl_put(&w->state, &entry, &w->f->err));
    }
    model->value[key] = number;
    model->expires[key] = entry.expires_ms;
    model->is_stored[key] = true;
}

static riacho_range prefix(struct world *w, const char *text)
{
    return riacho_order_prefix(riacho_text(text), w->f->arena, RIACHO_FORWARD);
}

/* Whether the span of that expiry is over. */
static bool is_over(int64_t expires, int64_t now)
{
    return (expires >> 14) < ((now + 1) >> 14);
}

/* Expires in steps of a few: what stays is what is in spans that are not over, and of the pages of
 * the others none. */
static void expire(struct world *w, struct ttls *model, int64_t now)
{
    const size_t limit = 1 + roll(w, 20);
    size_t stored = 0, count;
    for (unsigned key = 0; key < TTL_KEYS; key++) {
        model->is_stored[key] &= !is_over(model->expires[key], now);
        stored += model->is_stored[key];
    }
    do {
        fixture_ok(w->f, riacho_state_ttl_expire(&w->state, now, limit, &count, &w->f->err));
    } while (count >= limit);
    commit(w);
    assert_int_equal(fixture_count(w->f, 0, prefix(w, "v")), stored);
    uint8_t *end = riacho_alloc(w->f->arena, 9);
    end[0] = 'x';
    riacho_order_put_u64(end + 1, riacho_order_of_i64(now + 1) >> 14);
    const riacho_range over = {.from = riacho_text("x"), .to = {end, 9}};
    assert_int_equal(fixture_count(w->f, 0, over), 0);
}

static void random_expiries_agree_with_a_model(void **state)
{
    struct world *w = *state;
    struct ttls model = {0};
    int64_t now = -100;
    for (int i = 0; i < 6000; i++) {
        now += roll(w, 4) == 0 ? (int64_t)roll(w, 10000) : 0;
        put_random(w, &model, now);
        if (roll(w, 6) == 0) {
            const unsigned key = roll(w, TTL_KEYS);
            fixture_ok(w->f, riacho_state_ttl_delete(&w->state, ttl_key(w, key), &w->f->err));
            model.value[key] = 0;
            model.is_stored[key] = false;
        }
        if (i % 5 == 0)
            check_ttl(w, &w->state, &model, now);
        if (roll(w, 30) == 0)
            expire(w, &model, now);
        riacho_arena_reset(w->f->arena);
    }
}

static void an_entry_is_gone_exactly_when_stream_time_reaches_its_expiry(void **state)
{
    struct world *w = *state;
    const riacho_state_ttl_entry entry = {riacho_text("k"), riacho_text("v"), 1000};
    riacho_bytes value;
    size_t count;
    fixture_ok(w->f, riacho_state_ttl_put(&w->state, &entry, &w->f->err));
    fixture_ok(w->f, riacho_state_ttl_expire(&w->state, 999, 10, &count, &w->f->err));
    assert_int_equal(count, 0);
    fixture_ok(w->f, riacho_state_ttl_get(&w->state, entry.key, 999, &value, &w->f->err));
    assert_non_null(value.data);
    fixture_ok(w->f, riacho_state_ttl_get(&w->state, entry.key, 1000, &value, &w->f->err));
    assert_null(value.data);
    fixture_ok(w->f,
               riacho_state_ttl_expire(&w->state, RIACHO_TTL_SPAN_MS - 2, 10, &count, &w->f->err));
    assert_int_equal(count, 0);
    fixture_ok(w->f,
               riacho_state_ttl_expire(&w->state, RIACHO_TTL_SPAN_MS - 1, 10, &count, &w->f->err));
    assert_int_equal(count, 1);
}

/* Of many keys in one span some are put again for longer and some deleted; the rest goes, a page
 * at a time. */
static void a_span_of_many_keys_is_dropped_page_by_page(void **state)
{
    enum { MANY = 1000, LATER = 10 * RIACHO_TTL_SPAN_MS };
    struct world *w = *state;
    size_t count, steps = 0, looked_at = 0;
    for (unsigned i = 0; i < MANY; i++) {
        const riacho_state_ttl_entry entry = {ttl_key(w, i), riacho_text("v"), (int64_t)i};
        fixture_ok(w->f, riacho_state_ttl_put(&w->state, &entry, &w->f->err));
        if (i % 100 == 0)
            commit(w);
    }
    commit(w);
    assert_in_range(fixture_count(w->f, 0, prefix(w, "x")), 2, MANY / 50);
    for (unsigned i = 0; i < MANY; i += 10) {
        const riacho_state_ttl_entry again = {ttl_key(w, i), riacho_text("w"), LATER};
        fixture_ok(w->f, riacho_state_ttl_put(&w->state, &again, &w->f->err));
        fixture_ok(w->f, riacho_state_ttl_delete(&w->state, ttl_key(w, i + 1), &w->f->err));
    }
    do {
        fixture_ok(w->f,
                   riacho_state_ttl_expire(&w->state, RIACHO_TTL_SPAN_MS, 100, &count, &w->f->err));
        looked_at += count;
        steps++;
    } while (count >= 100);
    commit(w);
    assert_int_equal(looked_at, MANY);
    assert_true(steps > 3);
    assert_int_equal(fixture_count(w->f, 0, prefix(w, "v")), MANY / 10);
    for (unsigned i = 0; i < MANY; i++) {
        riacho_bytes value;
        fixture_ok(w->f, riacho_state_ttl_get(&w->state, ttl_key(w, i), 20, &value, &w->f->err));
        assert_int_equal(value.data != NULL, i % 10 == 0);
    }
}

static void what_is_put_already_expired_is_dropped_later(void **state)
{
    struct world *w = *state;
    const riacho_state_ttl_entry first = {riacho_text("a"), riacho_text("v"), 1000};
    const riacho_state_ttl_entry late = {riacho_text("b"), riacho_text("v"), 10};
    size_t count;
    fixture_ok(w->f, riacho_state_ttl_put(&w->state, &first, &w->f->err));
    fixture_ok(w->f, riacho_state_ttl_expire(&w->state, 20000, 10, &count, &w->f->err));
    assert_int_equal(count, 1);
    fixture_ok(w->f, riacho_state_ttl_put(&w->state, &late, &w->f->err));
    fixture_ok(w->f, riacho_state_ttl_expire(&w->state, 20000, 10, &count, &w->f->err));
    assert_int_equal(count, 1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(closed_parts_sort_as_their_bytes_and_come_back),
        CASE(a_part_that_is_not_closed_is_refused),
        CASE(numbers_sort_with_their_signs),
        CASE(a_prefix_holds_what_begins_with_it),
        CASE(a_value_keeps_its_timestamp),
        CASE(a_query_reads_what_was_committed_and_nothing_else),
        CASE(random_lists_agree_with_a_model),
        CASE(a_sequence_is_never_used_twice),
        CASE(random_expiries_agree_with_a_model),
        CASE(an_entry_is_gone_exactly_when_stream_time_reaches_its_expiry),
        CASE(a_span_of_many_keys_is_dropped_page_by_page),
        CASE(what_is_put_already_expired_is_dropped_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
