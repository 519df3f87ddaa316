/* SPDX-License-Identifier: MIT
 *
 * store_contract.c - what port/store.h promises, asked of every backend.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup_memory(void **state)
{
    *state = fixture_new(FIXTURE_MEMORY);
    return 0;
}

static int setup_rocksdb(void **state)
{
    *state = fixture_new(FIXTURE_ROCKSDB);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static riacho_change put(uint32_t space, const char *key, const char *value)
{
    return (riacho_change){.space = space, .key = riacho_text(key), .value = riacho_text(value)};
}

static void a_new_store_is_empty_and_has_no_commit(void **state)
{
    fixture *f = *state;
    riacho_commit_meta meta;
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    assert_int_equal(meta.number, 0);
    assert_int_equal(meta.position_count, 0);
    assert_true(meta.stream_time_ms == INT64_MIN);
    assert_int_equal(meta.outbox.size, 0);
    assert_string_equal(fixture_get(f, 0, "mochi"), "");
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "");
}

static void a_write_is_read_back_and_survives_a_reopen(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "mochi", "hungry");
    assert_string_equal(fixture_get(f, 0, "mochi"), "hungry");
    fixture_reopen(f);
    assert_string_equal(fixture_get(f, 0, "mochi"), "hungry");
}

static void what_is_loaded_lasts_from_the_next_write_on(void **state)
{
    fixture *f = *state;
    const riacho_change first[] = {put(0, "a", "1"), put(0, "b", "1"), put(1, "a", "other")};
    const riacho_change second[] = {{.space = 0, .key = riacho_text("a")}, put(0, "b", "2")};
    fixture_put(f, 0, "a", "0");
    fixture_ok(f, f->store->ops->load(f->store, first, 3, &f->err));
    fixture_ok(f, f->store->ops->load(f->store, second, 2, &f->err));
    fixture_ok(f, f->store->ops->load(f->store, NULL, 0, &f->err));
    fixture_put(f, 0, "c", "3");
    fixture_reopen(f);
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "b=2 c=3");
    assert_string_equal(fixture_scan(f, NULL, 1, (riacho_range){0}), "a=other");
}

static void a_load_leaves_the_meta_of_the_last_write(void **state)
{
    fixture *f = *state;
    const riacho_change change = put(0, "b", "1");
    riacho_commit_meta meta;
    fixture_put(f, 0, "a", "1");
    fixture_ok(f, f->store->ops->load(f->store, &change, 1, &f->err));
    fixture_reopen(f);
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    assert_int_equal(meta.number, f->number);
    assert_string_equal(fixture_get(f, 0, "a"), "1");
}

static void changes_of_one_write_are_applied_in_order(void **state)
{
    fixture *f = *state;
    const riacho_change changes[] = {
        put(0, "a", "1"),          put(0, "b", "1"),
        put(0, "a", "2"),          {.key = riacho_text("a"), .key_end = riacho_text("c")},
        put(0, "b", "3"),          put(0, "c", "1"),
        {.key = riacho_text("c")}, put(0, "d", "1")};
    fixture_write(f, changes, sizeof changes / sizeof *changes);
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "b=3 d=1");
}

static void spaces_are_apart(void **state)
{
    fixture *f = *state;
    fixture_put(f, 0, "k", "pets");
    fixture_put(f, 1, "k", "default");
    fixture_put(f, 1, "meta", "not the meta");
    fixture_put(f, 1, "id", "not the id");
    fixture_reopen(f);
    assert_string_equal(fixture_get(f, 0, "k"), "pets");
    assert_string_equal(fixture_scan(f, NULL, 1, (riacho_range){0}),
                        "id=not the id k=default meta=not the meta");
    assert_string_equal(fixture_scan(f, NULL, 2, (riacho_range){0}), "");
}

static void an_empty_value_is_not_an_absent_one(void **state)
{
    fixture *f = *state;
    riacho_bytes value;
    fixture_put(f, 0, "", "");
    fixture_ok(f, f->store->ops->get(f->store, 0, riacho_text(""), f->arena, &value, &f->err));
    assert_non_null(value.data);
    assert_int_equal(value.size, 0);
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "=");
}

static void a_scan_keeps_to_its_range_in_both_directions(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *forward;
        const char *backward;
    } ranges[] = {
        {NULL, NULL, "a=1 ab=2 b=3 c=4", "c=4 b=3 ab=2 a=1"},
        {"ab", NULL, "ab=2 b=3 c=4", "c=4 b=3 ab=2"},
        {NULL, "b", "a=1 ab=2", "ab=2 a=1"},
        {"aa", "c", "ab=2 b=3", "b=3 ab=2"},
        {"a", "a", "", ""},
        {"b", "a", "", ""},
        {"", "", "", ""},
        {"x", NULL, "", ""},
        {"c", "cc", "c=4", "c=4"},
    };
    fixture *f = *state;
    const riacho_change changes[] = {put(0, "c", "4"), put(0, "a", "1"), put(0, "b", "3"),
                                     put(0, "ab", "2"), put(1, "aa", "other space")};
    fixture_write(f, changes, sizeof changes / sizeof *changes);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        riacho_range range = {riacho_text(ranges[i].from), riacho_text(ranges[i].to), 0};
        assert_string_equal(fixture_scan(f, NULL, 0, range), ranges[i].forward);
        range.direction = RIACHO_BACKWARD;
        assert_string_equal(fixture_scan(f, NULL, 0, range), ranges[i].backward);
    }
}

static void keys_sort_as_unsigned_bytes(void **state)
{
    fixture *f = *state;
    const riacho_change changes[] = {put(0, "\xff", "3"), put(0, "\x7f", "2"), put(0, "\x01", "1")};
    fixture_write(f, changes, 3);
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "\x01=1 \x7f=2 \xff=3");
}

static void the_end_of_a_scan_stays_the_end(void **state)
{
    fixture *f = *state;
    const riacho_store_ops *ops = f->store->ops;
    riacho_store_scan *scan;
    riacho_bytes key, value;
    fixture_put(f, 0, "a", "1");
    fixture_ok(f, ops->scan_open(f->store, NULL, 0, &(riacho_range){0}, &scan, &f->err));
    fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
    assert_non_null(key.data);
    for (int i = 0; i < 3; i++) {
        fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
        assert_null(key.data);
    }
    ops->scan_close(scan);
}

static void a_snapshot_does_not_see_later_writes(void **state)
{
    fixture *f = *state;
    const riacho_store_ops *ops = f->store->ops;
    const riacho_change later[] = {put(0, "a", "new"), {.key = riacho_text("b")}, put(0, "c", "1")};
    riacho_bytes value;
    fixture_put(f, 0, "a", "old");
    fixture_put(f, 0, "b", "1");
    riacho_store_snapshot *snapshot = ops->snapshot_open(f->store);
    fixture_write(f, later, 3);
    fixture_ok(
        f, ops->snapshot_get(f->store, snapshot, 0, riacho_text("a"), f->arena, &value, &f->err));
    assert_string_equal(value.data, "old");
    fixture_ok(
        f, ops->snapshot_get(f->store, snapshot, 0, riacho_text("c"), f->arena, &value, &f->err));
    assert_null(value.data);
    assert_string_equal(fixture_scan(f, snapshot, 0, (riacho_range){0}), "a=old b=1");
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "a=new c=1");
    ops->snapshot_close(f->store, snapshot);
    assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}), "a=new c=1");
}

static void each_of_many_snapshots_keeps_its_own_moment(void **state)
{
    enum { MOMENTS = 20 };
    fixture *f = *state;
    const riacho_store_ops *ops = f->store->ops;
    riacho_store_snapshot *snapshots[MOMENTS];
    for (int i = 0; i < MOMENTS; i++) {
        fixture_put(f, 0, "n", riacho_format(f->arena, "%d", i));
        snapshots[i] = ops->snapshot_open(f->store);
    }
    for (int closed = 0; closed < MOMENTS; closed++) {
        const int at = closed * 7 % MOMENTS; /* in no order */
        riacho_bytes value;
        fixture_ok(f, ops->snapshot_get(f->store, snapshots[at], 0, riacho_text("n"), f->arena,
                                        &value, &f->err));
        assert_string_equal(value.data, riacho_format(f->arena, "%d", at));
        ops->snapshot_close(f->store, snapshots[at]);
        fixture_put(f, 0, "n", "later");
    }
}

static void an_open_scan_does_not_see_later_writes(void **state)
{
    fixture *f = *state;
    const riacho_store_ops *ops = f->store->ops;
    const riacho_change first[] = {put(0, "a", "1"), put(0, "b", "1"), put(0, "c", "1")};
    const riacho_change later[] = {{.key = riacho_text("b")}, put(0, "bb", "2"), put(0, "c", "2")};
    riacho_store_scan *scan;
    riacho_bytes key, value;
    fixture_write(f, first, 3);
    fixture_ok(f, ops->scan_open(f->store, NULL, 0, &(riacho_range){0}, &scan, &f->err));
    for (const char *expected = "abc"; *expected; expected++) {
        fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
        assert_int_equal(key.size, 1);
        assert_int_equal(*(const char *)key.data, *expected);
        assert_memory_equal(value.data, "1", 1);
        fixture_write(f, later, 3);
    }
    fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
    assert_null(key.data);
    ops->scan_close(scan);
}

static void the_meta_of_the_last_write_comes_back_whole(void **state)
{
    fixture *f = *state;
    const riacho_position positions[] = {{"interactions", 3, 123456}, {"", 0, INT64_MAX}};
    const riacho_commit_meta first = {.number = 7,
                                      .positions = positions,
                                      .position_count = 2,
                                      .stream_time_ms = -5,
                                      .outbox = {"out\0box", 7},
                                      .progress = {"pro\0gress", 9}};
    const riacho_changes changes = {NULL, 0, first};
    riacho_commit_meta meta;
    fixture_ok(f, f->store->ops->write(f->store, &changes, &f->err));
    for (int opening = 0; opening < 2; opening++) {
        fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
        assert_int_equal(meta.number, 7);
        assert_int_equal(meta.position_count, 2);
        assert_string_equal(meta.positions[0].topic, "interactions");
        assert_int_equal(meta.positions[0].partition, 3);
        assert_int_equal(meta.positions[0].next, 123456);
        assert_string_equal(meta.positions[1].topic, "");
        assert_true(meta.positions[1].next == INT64_MAX);
        assert_int_equal(meta.stream_time_ms, -5);
        assert_true(riacho_bytes_equal(meta.outbox, first.outbox));
        assert_true(riacho_bytes_equal(meta.progress, first.progress));
        fixture_reopen(f);
    }
}

static void the_outbox_goes_when_a_commit_leaves_none(void **state)
{
    fixture *f = *state;
    riacho_changes changes = {NULL, 0, {.number = 1, .outbox = riacho_text("outputs")}};
    riacho_commit_meta meta;
    fixture_ok(f, f->store->ops->write(f->store, &changes, &f->err));
    fixture_reopen(f);
    changes.meta = (riacho_commit_meta){.number = 2};
    fixture_ok(f, f->store->ops->write(f->store, &changes, &f->err));
    for (int opening = 0; opening < 2; opening++) {
        fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
        assert_int_equal(meta.number, 2);
        assert_int_equal(meta.outbox.size, 0);
        fixture_reopen(f);
    }
}

static void open_spaces(fixture *f, const char *const *names, size_t count)
{
    riacho_store_spec spec = fixture_spec();
    spec.space_names = names;
    spec.space_count = count;
    fixture_close_store(f);
    fixture_ok(f, f->factory->ops->open(f->factory, &spec, &f->store, &f->err));
}

static void spaces_are_found_by_name_when_the_topology_changed(void **state)
{
    static const char *const changed[] = {"new", "votes"};
    static const char *const restored[] = {"pets", "votes", "new"};
    fixture *f = *state;
    fixture_put(f, 0, "k", "pets");
    fixture_put(f, 2, "k", "votes");
    open_spaces(f, changed, 2);
    assert_string_equal(fixture_get(f, 0, "k"), "");
    assert_string_equal(fixture_get(f, 1, "k"), "votes");
    fixture_put(f, 0, "k", "new");
    open_spaces(f, restored, 3);
    assert_string_equal(fixture_get(f, 0, "k"), "pets");
    assert_string_equal(fixture_get(f, 1, "k"), "votes");
    assert_string_equal(fixture_get(f, 2, "k"), "new");
}

static void topologies_generations_and_tasks_are_apart(void **state)
{
    fixture *f = *state;
    const riacho_store_spec own = fixture_spec();
    riacho_store_spec others[] = {own, own, own};
    others[0].topology = "rabisco";
    others[1].generation = 1;
    others[2].task = "0_4";
    fixture_put(f, 0, "k", "own");
    for (size_t i = 0; i < 3; i++) {
        riacho_store *other;
        riacho_bytes value;
        fixture_ok(f, f->factory->ops->open(f->factory, &others[i], &other, &f->err));
        fixture_ok(f, other->ops->get(other, 0, riacho_text("k"), f->arena, &value, &f->err));
        assert_null(value.data);
        other->ops->close(other);
    }
}

static void a_store_that_is_open_is_not_opened_twice(void **state)
{
    fixture *f = *state;
    const riacho_store_spec spec = fixture_spec();
    riacho_store *second;
    assert_int_equal(f->factory->ops->open(f->factory, &spec, &second, &f->err), RIACHO_RETRY);
    fixture_put(f, 0, "k", "v");
    fixture_close_store(f);
    fixture_ok(f, fixture_open_store(f));
    assert_string_equal(fixture_get(f, 0, "k"), "v");
}

static void quarantine_moves_the_state_aside_and_leaves_room_for_a_new_one(void **state)
{
    fixture *f = *state;
    const riacho_store_spec spec = fixture_spec();
    const char *first, *second;
    fixture_put(f, 0, "k", "v");
    fixture_close_store(f);
    fixture_ok(f, f->factory->ops->quarantine(f->factory, &spec, f->arena, &first, &f->err));
    fixture_ok(f, fixture_open_store(f));
    assert_string_equal(fixture_get(f, 0, "k"), "");
    fixture_close_store(f);
    fixture_ok(f, f->factory->ops->quarantine(f->factory, &spec, f->arena, &second, &f->err));
    assert_string_not_equal(first, second);
    assert_non_null(strstr(first, "0_3.damaged-1"));
    assert_non_null(strstr(second, "0_3.damaged-2"));
    fixture_ok(f, fixture_open_store(f));
}

static void measures_grow_with_what_is_written(void **state)
{
    fixture *f = *state;
    uint64_t keys, bytes;
    for (int i = 0; i < 50; i++)
        fixture_put(f, 2, riacho_format(f->arena, "%d", i), "value");
    f->store->ops->measure(f->store, 2, &keys, &bytes);
    assert_int_equal(keys, 50);
    assert_true(bytes >= 50 * 5);
    assert_true(f->factory->ops->memory(f->factory) > 0);
}

/* ---- random writes against a model ---- */

enum { MODEL_KEYS = 64, MODEL_WRITES = 300, MODEL_CHANGES_MAX = 12 };

struct model {
    char values[MODEL_KEYS][24]; /* "" is absent */
};

static const char *model_text(fixture *f, const struct model *model, riacho_direction direction)
{
    const char *text = "";
    for (int i = 0; i < MODEL_KEYS; i++) {
        const int at = direction == RIACHO_BACKWARD ? MODEL_KEYS - 1 - i : i;
        if (*model->values[at])
            text = riacho_format(f->arena, "%s%s%02d=%s", text, *text ? " " : "", at,
                                 model->values[at]);
    }
    return text;
}

static riacho_change random_change(fixture *f, struct model *model, uint64_t *seed)
{
    const unsigned at = (unsigned)(fixture_random(seed) % MODEL_KEYS);
    const unsigned kind = (unsigned)(fixture_random(seed) % 10);
    riacho_change change = {.key = riacho_text(riacho_format(f->arena, "%02u", at))};
    if (kind == 0) {
        const unsigned end = at + (unsigned)(fixture_random(seed) % 8);
        change.key_end = riacho_text(riacho_format(f->arena, "%02u", end));
        for (unsigned i = at; i < end && i < MODEL_KEYS; i++)
            *model->values[i] = 0;
    } else if (kind < 4) {
        *model->values[at] = 0;
    } else {
        snprintf(model->values[at], sizeof model->values[at], "%llu",
                 (unsigned long long)fixture_random(seed));
        change.value = riacho_copy(f->arena, riacho_text(model->values[at]));
    }
    return change;
}

static void random_writes_and_snapshots_agree_with_a_model(void **state)
{
    fixture *f = *state;
    const riacho_store_ops *ops = f->store->ops;
    struct model model = {0}, then = {0};
    riacho_store_snapshot *snapshot = NULL;
    uint64_t seed = 42;
    for (int i = 0; i < MODEL_WRITES; i++) {
        riacho_change changes[MODEL_CHANGES_MAX];
        const size_t count = fixture_random(&seed) % (MODEL_CHANGES_MAX + 1);
        for (size_t c = 0; c < count; c++)
            changes[c] = random_change(f, &model, &seed);
        fixture_write(f, changes, count);
        assert_string_equal(fixture_scan(f, NULL, 0, (riacho_range){0}),
                            model_text(f, &model, RIACHO_FORWARD));
        if (snapshot)
            assert_string_equal(
                fixture_scan(f, snapshot, 0, (riacho_range){.direction = RIACHO_BACKWARD}),
                model_text(f, &then, RIACHO_BACKWARD));
        if (snapshot && i % 3 == 0) {
            ops->snapshot_close(f->store, snapshot);
            snapshot = NULL;
        } else if (!snapshot) {
            snapshot = ops->snapshot_open(f->store);
            then = model;
        }
        riacho_arena_reset(f->arena);
    }
    if (snapshot)
        ops->snapshot_close(f->store, snapshot);
}

/* ---- readers on other threads ---- */

enum { READERS = 3, WRITES = 400, ROWS = 20 };

struct readers {
    fixture *fixture;
    _Atomic bool stop;
    _Atomic int torn;
    _Atomic int reads;
};

/* Every write sets all rows to one value, so a snapshot that shows two values is torn. */
static void read_once(struct readers *readers, riacho_arena *arena)
{
    riacho_store *store = readers->fixture->store;
    riacho_store_snapshot *snapshot = store->ops->snapshot_open(store);
    riacho_store_scan *scan;
    riacho_bytes key, value, first = {0};
    int rows = 0;
    if (store->ops->scan_open(store, snapshot, 0, &(riacho_range){0}, &scan, NULL) != RIACHO_OK)
        abort();
    while (store->ops->scan_next(scan, &key, &value, NULL) == RIACHO_OK && key.data) {
        if (!first.data)
            first = riacho_copy(arena, value);
        if (!riacho_bytes_equal(first, value))
            readers->torn++;
        rows++;
    }
    store->ops->scan_close(scan);
    if (store->ops->snapshot_get(store, snapshot, 0, riacho_text("00"), arena, &value, NULL) !=
        RIACHO_OK)
        abort();
    if (!riacho_bytes_equal(first, value) || (rows != 0 && rows != ROWS))
        readers->torn++;
    store->ops->snapshot_close(store, snapshot);
    readers->reads++;
}

static void *read_until_told(void *argument)
{
    struct readers *readers = argument;
    riacho_arena *arena = riacho_arena_new();
    while (!readers->stop) {
        read_once(readers, arena);
        riacho_arena_reset(arena);
    }
    riacho_arena_free(arena);
    return NULL;
}

static void readers_on_other_threads_see_whole_commits(void **state)
{
    fixture *f = *state;
    struct readers readers = {.fixture = f};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_until_told, &readers), 0);
    for (int i = 0; i < WRITES || readers.reads < 10; i++) {
        riacho_change changes[ROWS];
        const char *value = riacho_format(f->arena, "%d", i);
        for (int row = 0; row < ROWS; row++)
            changes[row] = put(0, riacho_format(f->arena, "%02d", row), value);
        fixture_write(f, changes, ROWS);
        riacho_arena_reset(f->arena);
    }
    readers.stop = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(readers.torn, 0);
}

#define EACH_BACKEND(test)                                                                         \
    {#test " (memory)", test, setup_memory, teardown, NULL},                                       \
    {                                                                                              \
#test " (rocksdb)", test, setup_rocksdb, teardown, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_BACKEND(a_new_store_is_empty_and_has_no_commit),
        EACH_BACKEND(a_write_is_read_back_and_survives_a_reopen),
        EACH_BACKEND(what_is_loaded_lasts_from_the_next_write_on),
        EACH_BACKEND(a_load_leaves_the_meta_of_the_last_write),
        EACH_BACKEND(changes_of_one_write_are_applied_in_order),
        EACH_BACKEND(spaces_are_apart),
        EACH_BACKEND(an_empty_value_is_not_an_absent_one),
        EACH_BACKEND(a_scan_keeps_to_its_range_in_both_directions),
        EACH_BACKEND(keys_sort_as_unsigned_bytes),
        EACH_BACKEND(the_end_of_a_scan_stays_the_end),
        EACH_BACKEND(a_snapshot_does_not_see_later_writes),
        EACH_BACKEND(each_of_many_snapshots_keeps_its_own_moment),
        EACH_BACKEND(an_open_scan_does_not_see_later_writes),
        EACH_BACKEND(the_meta_of_the_last_write_comes_back_whole),
        EACH_BACKEND(the_outbox_goes_when_a_commit_leaves_none),
        EACH_BACKEND(spaces_are_found_by_name_when_the_topology_changed),
        EACH_BACKEND(topologies_generations_and_tasks_are_apart),
        EACH_BACKEND(a_store_that_is_open_is_not_opened_twice),
        EACH_BACKEND(quarantine_moves_the_state_aside_and_leaves_room_for_a_new_one),
        EACH_BACKEND(measures_grow_with_what_is_written),
        EACH_BACKEND(random_writes_and_snapshots_agree_with_a_model),
        EACH_BACKEND(readers_on_other_threads_see_whole_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
