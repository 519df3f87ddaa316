/* SPDX-License-Identifier: MIT
 *
 * store_folds.c - what port/store.h promises of RIACHO_CHANGE_FOLD, asked of every backend.
 */
#include "fixture.h"

#include "base/macros.h"
#include "base/tally.h"

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

static void fold(fixture *f, const char *key, const char *name, int64_t number,
                 riacho_tally_verb verb)
{
    RIACHO_AUTO(buffer) riacho_buffer tally = {0};
    riacho_tally_writer writer;
    riacho_tally_write(&writer, &tally);
    riacho_tally_put(&writer, &(riacho_tally_entry){riacho_text(name), number, verb});
    riacho_tally_write_done(&writer);
    const riacho_change change = {
        .verb = RIACHO_CHANGE_FOLD, .key = riacho_text(key), .value = riacho_buffer_bytes(&tally)};
    fixture_write(f, &change, 1);
}

/* "name=number ..." */
static const char *tally_text(fixture *f, riacho_bytes tally)
{
    const char *text = "";
    riacho_tally_reader reader;
    riacho_tally_entry entry;
    riacho_tally_read(&reader, tally);
    while (riacho_tally_next(&reader, &entry))
        text = riacho_format(f->arena, "%s%.*s=%lld ", text, (int)entry.name.size,
                             (const char *)entry.name.data, (long long)entry.number);
    assert_true(riacho_tally_read_done(&reader));
    return text;
}

static const char *get_tally(fixture *f, const char *key)
{
    riacho_bytes value;
    fixture_ok(f, f->store->ops->get(f->store, 0, riacho_text(key), f->arena, &value, &f->err));
    return tally_text(f, value);
}

static void folds_are_seen_by_gets_scans_and_the_next_opening(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        fold(f, "mochi", "ana", 1, RIACHO_TALLY_ADD);
        fold(f, "mochi", i % 2 ? "bia" : "caio", -i, RIACHO_TALLY_ADD);
    }
    assert_string_equal(get_tally(f, "mochi"), "ana=300 bia=-22500 caio=-22350 ");
    fold(f, "mochi", "bia", 7, RIACHO_TALLY_SET);
    fold(f, "mochi", "bia", 1, RIACHO_TALLY_ADD);
    fixture_reopen(f);
    assert_string_equal(get_tally(f, "mochi"), "ana=300 bia=8 caio=-22350 ");
    riacho_store_scan *scan;
    riacho_bytes key, value;
    const riacho_range all = {0};
    fixture_ok(f, f->store->ops->scan_open(f->store, NULL, 0, &all, &scan, &f->err));
    fixture_ok(f, f->store->ops->scan_next(scan, &key, &value, &f->err));
    assert_string_equal(tally_text(f, value), "ana=300 bia=8 caio=-22350 ");
    f->store->ops->scan_close(scan);
}

static void a_snapshot_does_not_see_later_folds(void **state)
{
    fixture *f = *state;
    riacho_bytes value;
    fold(f, "mochi", "ana", 1, RIACHO_TALLY_ADD);
    riacho_store_snapshot *snapshot = f->store->ops->snapshot_open(f->store);
    fold(f, "mochi", "ana", 1, RIACHO_TALLY_ADD);
    fixture_ok(f, f->store->ops->snapshot_get(f->store, snapshot, 0, riacho_text("mochi"), f->arena,
                                              &value, &f->err));
    assert_string_equal(tally_text(f, value), "ana=1 ");
    f->store->ops->snapshot_close(f->store, snapshot);
    assert_string_equal(get_tally(f, "mochi"), "ana=2 ");
}

static void a_fold_goes_onto_what_the_same_write_put_or_deleted(void **state)
{
    fixture *f = *state;
    RIACHO_AUTO(buffer) riacho_buffer tally = {0};
    riacho_tally_writer writer;
    riacho_tally_write(&writer, &tally);
    riacho_tally_put(&writer, &(riacho_tally_entry){riacho_text("ana"), 5, RIACHO_TALLY_ADD});
    riacho_tally_write_done(&writer);
    const riacho_bytes key = riacho_text("mochi"), five = riacho_buffer_bytes(&tally);
    const riacho_change put_then_fold[] = {
        {.key = key, .value = five},
        {.verb = RIACHO_CHANGE_FOLD, .key = key, .value = five},
    };
    const riacho_change delete_then_fold[] = {
        {.key = key},
        {.verb = RIACHO_CHANGE_FOLD, .key = key, .value = five},
    };
    fixture_write(f, put_then_fold, 2);
    assert_string_equal(get_tally(f, "mochi"), "ana=10 ");
    fixture_write(f, delete_then_fold, 2);
    assert_string_equal(get_tally(f, "mochi"), "ana=5 ");
}

#define EACH_BACKEND(test)                                                                         \
    {#test " (memory)", test, setup_memory, teardown, NULL},                                       \
    {                                                                                              \
#test " (rocksdb)", test, setup_rocksdb, teardown, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH_BACKEND(folds_are_seen_by_gets_scans_and_the_next_opening),
        EACH_BACKEND(a_snapshot_does_not_see_later_folds),
        EACH_BACKEND(a_fold_goes_onto_what_the_same_write_put_or_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
