/* SPDX-License-Identifier: MIT
 *
 * disk_test.c - the model of a disk loses what real ones lose, and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "stores.h"

static const char *const spaces[] = {"a"};
static const riacho_store_spec spec = {
    .topology = "t", .task = "0_0", .space_names = spaces, .space_count = 1};

typedef struct machine {
    simulation sim;
    riacho_store_factory *disk;
    riacho_store *store;
    riacho_error error;
} machine;

static void boot(machine *m)
{
    assert_int_equal(m->disk->ops->open(m->disk, &spec, &m->store, &m->error), RIACHO_OK);
}

static void begin(machine *m, uint64_t seed)
{
    simulation_init(&m->sim, seed);
    m->disk = model_disk_new(&m->sim);
    boot(m);
}

static void end(machine *m)
{
    m->store->ops->close(m->store);
    m->disk->ops->close(m->disk);
    simulation_done(&m->sim);
}

/* Two keys that say the same, and the number that says it too. */
static riacho_status put(machine *m, uint64_t number)
{
    const riacho_bytes value = {&number, sizeof number};
    const riacho_change items[] = {{.key = riacho_text("x"), .value = value},
                                   {.key = riacho_text("y"), .value = value}};
    const riacho_changes changes = {
        .items = items, .count = 2, .meta = {.number = number, .stream_time_ms = 1}};
    return m->store->ops->write(m->store, &changes, &m->error);
}

/* The number of the last write; both keys must say the same. */
static uint64_t held(machine *m)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_commit_meta meta;
    assert_int_equal(m->store->ops->read_commit(m->store, arena, &meta, &m->error), RIACHO_OK);
    for (int i = 0; i < 2; i++) {
        riacho_bytes value;
        assert_int_equal(
            m->store->ops->get(m->store, 0, riacho_text(i ? "x" : "y"), arena, &value, &m->error),
            RIACHO_OK);
        assert_true(value.data ? *(const uint64_t *)value.data == meta.number : !meta.number);
    }
    return meta.number;
}

static void test_the_end_of_a_process_takes_nothing(void **state)
{
    (void)state;
    machine m;
    begin(&m, 1);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(put(&m, i), RIACHO_OK);
    m.store->ops->close(m.store);
    boot(&m);
    assert_int_equal(held(&m), 5);
    end(&m);
}

static void test_a_loss_of_power_takes_the_last_writes_and_none_by_half(void **state)
{
    (void)state;
    size_t lost = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        machine m;
        begin(&m, seed);
        for (uint64_t i = 1; i <= 8; i++)
            assert_int_equal(put(&m, i), RIACHO_OK);
        m.store->ops->close(m.store);
        model_disk_lose_power(m.disk);
        boot(&m);
        const uint64_t left = held(&m);
        assert_true(left <= 8);
        lost += left < 8;
        assert_int_equal(put(&m, left + 1), RIACHO_OK);
        assert_int_equal(held(&m), left + 1);
        end(&m);
    }
    assert_true(lost > 10);
}

static void test_a_full_disk_takes_writes_again_later(void **state)
{
    (void)state;
    machine m;
    begin(&m, 3);
    model_disk_faults_are(m.disk, &(model_disk_faults){.full = 10000});
    assert_int_equal(put(&m, 1), RIACHO_RETRY);
    assert_int_equal(held(&m), 0);
    model_disk_faults_are(m.disk, &(model_disk_faults){0});
    simulation_advance(&m.sim, 1000);
    assert_int_equal(put(&m, 1), RIACHO_OK);
    assert_int_equal(held(&m), 1);
    end(&m);
}

static void note(void *argument)
{
    *(bool *)argument = true;
}

static void test_a_process_may_end_on_either_side_of_a_write(void **state)
{
    (void)state;
    size_t before = 0, behind = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        machine m;
        bool ended = false;
        begin(&m, seed);
        model_disk_on_end(m.disk, note, &ended);
        model_disk_faults_are(m.disk, &(model_disk_faults){.end = 5000});
        if (put(&m, 1) == RIACHO_FATAL) {
            assert_true(ended);
            before += held(&m) == 0;
            behind += held(&m) == 1;
        }
        end(&m);
    }
    assert_true(before > 5 && behind > 5);
}

static void test_a_scan_that_breaks_off_is_not_one_that_ended(void **state)
{
    (void)state;
    machine m;
    begin(&m, 4);
    assert_int_equal(put(&m, 1), RIACHO_OK);
    model_disk_faults_are(m.disk, &(model_disk_faults){.broken_scan = 10000});
    riacho_store_scan *scan;
    riacho_bytes key, value;
    const riacho_range all = {0};
    assert_int_equal(m.store->ops->scan_open(m.store, NULL, 0, &all, &scan, &m.error), RIACHO_OK);
    assert_int_equal(m.store->ops->scan_next(scan, &key, &value, &m.error), RIACHO_FATAL);
    m.store->ops->scan_close(scan);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_end_of_a_process_takes_nothing),
        cmocka_unit_test(test_a_loss_of_power_takes_the_last_writes_and_none_by_half),
        cmocka_unit_test(test_a_full_disk_takes_writes_again_later),
        cmocka_unit_test(test_a_process_may_end_on_either_side_of_a_write),
        cmocka_unit_test(test_a_scan_that_breaks_off_is_not_one_that_ended),
    };
    return cmocka_run_group_tests_name("the model of a disk", tests, NULL, NULL);
}
