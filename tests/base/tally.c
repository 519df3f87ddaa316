/* SPDX-License-Identifier: MIT
 *
 * tally.c - tallies against a naive model, however they are grouped; bytes that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the five above first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/tally.h"

enum { NAMES = 40, CHANGES = 60 };

struct model {
    bool is_there[NAMES];
    int64_t numbers[NAMES];
};

static unsigned roll(uint64_t *seed, unsigned sides)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (unsigned)(*seed >> 20) % sides;
}

/* Ascending; some are longer than a reader keeps room for. */
static riacho_bytes name_of(unsigned i, char *room)
{
    const size_t filled = i % 4 == 0 ? 200 : 0;
    memset(room, 'x', 256);
    const int used = snprintf(room, 256, "%03u", i);
    room[used] = 'x';
    return (riacho_bytes){room, (size_t)used + filled};
}

/* A change of some names, made to the model and written. */
static void make_change(uint64_t *seed, struct model *model, riacho_buffer *out)
{
    static const int64_t numbers[] = {0, 1, -1, 63, -64, 64, 1 << 20, INT64_MAX / 100};
    riacho_tally_writer writer;
    riacho_tally_write(&writer, out);
    for (unsigned i = roll(seed, 8); i < NAMES; i += 1 + roll(seed, 8)) {
        char room[256];
        const riacho_tally_entry entry = {name_of(i, room), numbers[roll(seed, 8)],
                                          roll(seed, 3) ? RIACHO_TALLY_ADD : RIACHO_TALLY_SET};
        model->numbers[i] = entry.number + (entry.verb == RIACHO_TALLY_ADD ? model->numbers[i] : 0);
        model->is_there[i] = true;
        riacho_tally_put(&writer, &entry);
    }
    riacho_tally_write_done(&writer);
}

static void assert_is_model(riacho_bytes tally, const struct model *model)
{
    riacho_tally_reader reader;
    riacho_tally_entry entry;
    riacho_tally_read(&reader, tally);
    for (unsigned i = 0; i < NAMES; i++) {
        char room[256];
        if (!model->is_there[i])
            continue;
        assert_true(riacho_tally_next(&reader, &entry));
        assert_true(riacho_bytes_equal(entry.name, name_of(i, room)));
        assert_true(entry.number == model->numbers[i]);
    }
    assert_false(riacho_tally_next(&reader, &entry));
    assert_true(riacho_tally_read_done(&reader));
}

static void changes_fold_to_the_same_in_any_grouping(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        struct model model = {0};
        riacho_buffer changes[CHANGES] = {0};
        riacho_bytes rest[CHANGES];
        const size_t count = 1 + roll(&seed, CHANGES);
        for (size_t i = 0; i < count; i++) {
            make_change(&seed, &model, &changes[i]);
            rest[i] = riacho_buffer_bytes(&changes[i]);
        }
        RIACHO_AUTO(buffer) riacho_buffer whole = {0};
        RIACHO_AUTO(buffer) riacho_buffer middle = {0};
        assert_true(riacho_tally_fold(rest, count, &whole));
        assert_is_model(riacho_buffer_bytes(&whole), &model);

        const size_t from = roll(&seed, (unsigned)count), some = 1 + roll(&seed, CHANGES);
        const size_t folded = some < count - from ? some : count - from;
        assert_true(riacho_tally_fold(rest + from, folded, &middle));
        rest[from] = riacho_buffer_bytes(&middle);
        memmove(rest + from + 1, rest + from + folded, (count - from - folded) * sizeof *rest);
        assert_true(riacho_tally_fold(rest, count - folded + 1, &whole));
        assert_is_model(riacho_buffer_bytes(&whole), &model);
        for (size_t i = 0; i < count; i++)
            riacho_buffer_done(&changes[i]);
    }
}

static void nothing_folds_to_an_empty_tally(void **state)
{
    (void)state;
    const struct model none = {0};
    RIACHO_AUTO(buffer) riacho_buffer whole = {0};
    assert_true(riacho_tally_fold(NULL, 0, &whole));
    assert_is_model(riacho_buffer_bytes(&whole), &none);
    assert_is_model((riacho_bytes){NULL, 0}, &none);
}

/* Every prefix of a tally and every flipped bit: read to some end, within the bytes (ASan). */
static void damaged_bytes_are_told_or_read_as_something(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct model model = {0};
    riacho_tally_reader reader;
    riacho_tally_entry entry;
    RIACHO_AUTO(buffer) riacho_buffer tally = {0};
    make_change(&seed, &model, &tally);
    for (size_t bit = 0; bit < tally.size * 8; bit++) {
        uint8_t *copy = malloc(tally.size);
        memcpy(copy, tally.data, tally.size);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        riacho_tally_read(&reader, (riacho_bytes){copy, bit % 3 ? tally.size : bit / 8});
        while (riacho_tally_next(&reader, &entry))
            assert_true(entry.name.size < 1000000);
        const bool is_tally = riacho_tally_read_done(&reader);
        assert_false(bit < 8 && is_tally);
        free(copy);
    }
    riacho_tally_read(&reader, (riacho_bytes){tally.data, tally.size - 1});
    while (riacho_tally_next(&reader, &entry))
        ;
    assert_false(riacho_tally_read_done(&reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_fold_to_the_same_in_any_grouping),
        cmocka_unit_test(nothing_folds_to_an_empty_tally),
        cmocka_unit_test(damaged_bytes_are_told_or_read_as_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
