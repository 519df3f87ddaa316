/* SPDX-License-Identifier: MIT
 *
 * chunk.c - what goes into a chunk comes out, and nothing else is taken for a chunk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log/chunk.h"
#include "log/varint.h"

enum { RECORDS = 200, ROUNDS = 200 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static riacho_bytes random_bytes(uint64_t *seed, riacho_arena *arena)
{
    const uint32_t kind = next_random(seed) % 8;
    if (kind == 0)
        return (riacho_bytes){0};
    const size_t size = kind == 1 ? 0 : next_random(seed) % (kind == 2 ? 5000 : 40);
    uint8_t *bytes = riacho_alloc(arena, size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(kind < 5 ? next_random(seed) : 'a');
    return (riacho_bytes){bytes, size};
}

static riacho_log_record random_record(uint64_t *seed, riacho_arena *arena, int64_t offset)
{
    riacho_header *headers = riacho_alloc_zero(arena, 3, sizeof *headers);
    const size_t count = next_random(seed) % 4;
    for (size_t i = 0; i < count; i++)
        headers[i] = (riacho_header){random_bytes(seed, arena), random_bytes(seed, arena)};
    return (riacho_log_record){offset,
                               (int64_t)((uint64_t)next_random(seed) << (next_random(seed) % 33)) *
                                   (offset % 2 ? 1 : -1),
                               random_bytes(seed, arena),
                               random_bytes(seed, arena),
                               {headers, count}};
}

static void assert_same(const riacho_log_record *got, const riacho_log_record *want)
{
    assert_int_equal(got->offset, want->offset);
    assert_int_equal(got->timestamp_ms, want->timestamp_ms);
    assert_true(riacho_bytes_equal(got->key, want->key));
    assert_true(riacho_bytes_equal(got->value, want->value));
    assert_int_equal(got->headers.count, want->headers.count);
    for (size_t i = 0; i < want->headers.count; i++) {
        assert_true(riacho_bytes_equal(got->headers.items[i].name, want->headers.items[i].name));
        assert_true(riacho_bytes_equal(got->headers.items[i].value, want->headers.items[i].value));
    }
}

struct decoded {
    struct chunk_head head;
    riacho_log_record *records;
    riacho_status status;
};

/* In memory of exactly the size that the head asks for, so that a sanitizer sees an overrun. */
static struct decoded decode(riacho_bytes stored, void *memory[3])
{
    struct decoded decoded = {0};
    riacho_error err;
    decoded.status = riacho_chunk_open(stored, &decoded.head, &err);
    if (decoded.status != RIACHO_OK)
        return decoded;
    memory[0] = malloc(decoded.head.raw_bytes + 1);
    memory[1] = malloc(decoded.head.count * sizeof(riacho_log_record));
    memory[2] = malloc(decoded.head.header_count * sizeof(riacho_header) + 1);
    decoded.records = memory[1];
    decoded.status =
        riacho_chunk_decode(stored, &decoded.head, memory[0], memory[1], memory[2], &err);
    return decoded;
}

static void release(void *memory[3])
{
    for (int i = 0; i < 3; i++) {
        free(memory[i]);
        memory[i] = NULL;
    }
}

static size_t write_random(uint64_t *seed, riacho_arena *arena, struct chunk_writer *writer,
                           riacho_log_record *records)
{
    const size_t count = 1 + next_random(seed) % RECORDS;
    int64_t offset = (int64_t)next_random(seed) << 20;
    riacho_chunk_writer_reset(writer);
    for (size_t i = 0; i < count; i++) {
        records[i] = random_record(seed, arena, offset);
        riacho_chunk_add(writer, &records[i]);
        offset += next_random(seed) % 4 ? 1 : 1 + next_random(seed) % 1000; /* compaction's gaps */
    }
    return count;
}

static void records_come_back_as_they_went_in(void **state)
{
    (void)state;
    uint64_t seed = 1;
    riacho_arena *arena = riacho_arena_new();
    struct chunk_writer writer = {0};
    riacho_buffer out = {0};
    static riacho_log_record records[RECORDS];
    for (int round = 0; round < ROUNDS; round++) {
        const size_t count = write_random(&seed, arena, &writer, records);
        riacho_buffer_reset(&out);
        riacho_chunk_finish(&writer, &out);
        void *memory[3] = {0};
        const struct decoded decoded = decode(riacho_buffer_bytes(&out), memory);
        assert_int_equal(decoded.status, RIACHO_OK);
        assert_int_equal(decoded.head.count, count);
        assert_int_equal(decoded.head.base, records[0].offset);
        assert_int_equal(decoded.head.last, records[count - 1].offset);
        for (size_t i = 0; i < count; i++)
            assert_same(&decoded.records[i], &records[i]);
        release(memory);
        riacho_arena_reset(arena);
    }
    riacho_buffer_done(&out);
    riacho_chunk_writer_done(&writer);
    riacho_arena_free(arena);
}

static void write_small_chunk(riacho_buffer *out, struct chunk_head *ret_head)
{
    struct chunk_writer writer = {0};
    const riacho_header header = {riacho_text("h"), riacho_text("v")};
    for (int i = 0; i < 40; i++) {
        const riacho_log_record record = {i,
                                          1000 - i,
                                          riacho_text("a key"),
                                          i % 4 ? riacho_text("some value") : (riacho_bytes){0},
                                          {&header, i % 2 ? 1u : 0u}};
        riacho_chunk_add(&writer, &record);
    }
    riacho_chunk_finish(&writer, out);
    *ret_head = writer.head;
    riacho_chunk_writer_done(&writer);
}

static void the_head_sums_the_records_up(void **state)
{
    (void)state;
    riacho_buffer out = {0};
    struct chunk_head head, entry;
    riacho_error err;
    uint8_t stored[CHUNK_ENTRY_BYTES];
    write_small_chunk(&out, &head);
    head.cleaned_ms = 77;
    riacho_chunk_entry_put(&head, stored);
    assert_int_equal(riacho_chunk_entry_get((riacho_bytes){stored, sizeof stored}, &entry, &err),
                     RIACHO_OK);
    assert_int_equal(entry.base, 0);
    assert_int_equal(entry.last, 39);
    assert_int_equal(entry.min_ms, 961);
    assert_int_equal(entry.max_ms, 1000);
    assert_int_equal(entry.cleaned_ms, 77);
    assert_int_equal(entry.count, 40);
    assert_int_equal(entry.header_count, 20);
    assert_int_equal(entry.tombstones, 10);
    assert_int_equal(entry.stored_bytes, out.size);
    assert_true(head.compressed);
    assert_true(out.size < head.raw_bytes);
    assert_int_equal(riacho_chunk_entry_get((riacho_bytes){stored, 12}, &entry, &err),
                     RIACHO_REJECT);
    riacho_buffer_done(&out);
}

static void a_flipped_bit_is_always_noticed(void **state)
{
    (void)state;
    riacho_buffer out = {0};
    struct chunk_head head;
    riacho_error err;
    write_small_chunk(&out, &head);
    for (size_t bit = 0; bit < out.size * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(riacho_chunk_open(riacho_buffer_bytes(&out), &head, &err), RIACHO_REJECT);
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    riacho_buffer_done(&out);
}

static void a_chunk_cut_short_is_refused(void **state)
{
    (void)state;
    riacho_buffer out = {0};
    struct chunk_head head;
    riacho_error err;
    write_small_chunk(&out, &head);
    for (size_t size = 0; size < out.size; size++)
        assert_int_equal(riacho_chunk_open((riacho_bytes){out.data, size}, &head, &err),
                         RIACHO_REJECT);
    riacho_buffer_done(&out);
}

/* A checksum protects from accidents only: whatever a head claims, memory stays within its bounds
 * (the sanitizers watch). */
static void a_chunk_that_lies_is_read_within_its_bounds(void **state)
{
    (void)state;
    uint64_t seed = 7;
    riacho_buffer out = {0};
    struct chunk_head head;
    size_t accepted = 0;
    for (int round = 0; round < 20000; round++) {
        riacho_buffer_reset(&out);
        write_small_chunk(&out, &head);
        void *memory[3] = {0};
        riacho_error err;
        riacho_bytes stored = riacho_buffer_bytes(&out);
        assert_int_equal(riacho_chunk_open(stored, &head, &err), RIACHO_OK);
        for (int i = 0; i < 3; i++) /* behind the checksum's back */
            out.data[CHUNK_HEAD_BYTES + next_random(&seed) % (out.size - CHUNK_HEAD_BYTES)] =
                (uint8_t)next_random(&seed);
        head.count += next_random(&seed) % 3;
        memory[0] = malloc(head.raw_bytes);
        memory[1] = malloc(head.count * sizeof(riacho_log_record));
        memory[2] = malloc(head.header_count * sizeof(riacho_header));
        accepted +=
            riacho_chunk_decode(stored, &head, memory[0], memory[1], memory[2], &err) == RIACHO_OK;
        release(memory);
    }
    assert_true(accepted < 20000);
    riacho_buffer_done(&out);
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint8_t bytes[VARINT_BYTES_MAX];
        uint64_t got;
        const uint8_t *end = varint_put(bytes, numbers[i]);
        assert_ptr_equal(varint_get(bytes, end, &got), end);
        assert_true(got == numbers[i]);
        assert_null(varint_get(bytes, end - 1, &got));
        assert_true(unzigzag(zigzag((int64_t)numbers[i])) == (int64_t)numbers[i]);
    }
    static const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                      0x80, 0x80, 0x80, 0x80, 0};
    uint64_t got;
    assert_null(varint_get(too_large, too_large + sizeof too_large, &got));
    assert_null(varint_get(endless, endless + sizeof endless, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_went_in),
        cmocka_unit_test(the_head_sums_the_records_up),
        cmocka_unit_test(a_flipped_bit_is_always_noticed),
        cmocka_unit_test(a_chunk_cut_short_is_refused),
        cmocka_unit_test(a_chunk_that_lies_is_read_within_its_bounds),
        cmocka_unit_test(numbers_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
