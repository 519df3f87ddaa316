/* SPDX-License-Identifier: MIT
 *
 * hash.c - hashes that others compute too: partitions must be those of Kafka's clients, checksums
 * those of the Castagnoli polynomial.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What Kafka's own test of its murmur2 expects. */
static void murmur2_is_that_of_kafka(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } table[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
        {"", 275646681},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal((int32_t)riacho_murmur2(riacho_text(table[i].key)), table[i].hash);
}

static void a_partition_is_the_positive_hash_modulo_their_number(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t partitions, partition;
    } table[] = {
        {"21", 1, 0},      {"21", 10, 0}, /* 1173551340 */
        {"foobar", 10, 6},                /* 1357151166 */
        {"abc", 8, 3},                    /* 479470107 */
        {"", 7, 2},                       /* 275646681 */
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(riacho_partition_of(riacho_text(table[i].key), table[i].partitions),
                         table[i].partition);
    for (int i = 0; i < 1000; i++) {
        const int32_t partition = riacho_partition_of((riacho_bytes){&i, sizeof i}, 13);
        assert_true(partition >= 0 && partition < 13);
    }
}

/* From RFC 3720, B.4, and the usual check value. */
static void crc32c_is_castagnolis(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    const struct {
        riacho_bytes bytes;
        uint32_t crc;
    } table[] = {
        {{"", 0}, 0},
        {{"123456789", 9}, 0xe3069283},
        {{zeros, 32}, 0x8a9136aa},
        {{ones, 32}, 0x62a8ab43},
        {{up, 32}, 0x46dd794e},
        {{down, 32}, 0x113fdb5c},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(riacho_crc32c(table[i].bytes), table[i].crc);
}

/* Sizes around the eight bytes that are taken at once, and starts that are not aligned. */
static void crc32c_does_not_depend_on_alignment(void **state)
{
    (void)state;
    uint8_t bytes[80], shifted[88];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 1);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        const uint32_t crc = riacho_crc32c((riacho_bytes){bytes, size});
        for (size_t shift = 1; shift < 8; shift++) {
            memcpy(shifted + shift, bytes, size);
            assert_int_equal(riacho_crc32c((riacho_bytes){shifted + shift, size}), crc);
        }
        uint32_t slow = 0xffffffffu; /* bit by bit, from the definition */
        for (size_t i = 0; i < size; i++) {
            slow ^= bytes[i];
            for (int bit = 0; bit < 8; bit++)
                slow = slow >> 1 ^ (slow & 1 ? 0x82f63b78u : 0);
        }
        assert_int_equal(crc, ~slow);
    }
}

static void the_table_hash_tells_bytes_apart(void **state)
{
    (void)state;
    assert_true(riacho_hash(riacho_text("a")) != riacho_hash(riacho_text("b")));
    assert_true(riacho_hash(riacho_text("a")) != riacho_hash((riacho_bytes){"a\0", 2}));
    assert_true(riacho_hash(riacho_text("same")) == riacho_hash((riacho_bytes){"same!", 4}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_that_of_kafka),
        cmocka_unit_test(a_partition_is_the_positive_hash_modulo_their_number),
        cmocka_unit_test(crc32c_is_castagnolis),
        cmocka_unit_test(crc32c_does_not_depend_on_alignment),
        cmocka_unit_test(the_table_hash_tells_bytes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
