/* SPDX-License-Identifier: MIT
 *
 * test_codec.c - the codecs through the registry: values both ways, and bytes from people who mean
 * harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "lab.h"

/* The schemas of every test here; avro:Name is the file of that name. */
static const struct lab_file files[] = {
    {"Int", "\"int\""},
    {"Long", "\"long\""},
    {"Float", "\"float\""},
    {"Double", "\"double\""},
    {"Boolean", "\"boolean\""},
    {"Text", "\"string\""},
    {"Raw", "\"bytes\""},
    {"Nothing", "\"null\""},
    {"Uuid", "{\"type\":\"string\",\"logicalType\":\"uuid\"}"},
    {"Money", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}"},
    {"Cash", "{\"type\":\"fixed\",\"name\":\"x.Cash\",\"size\":3,\"logicalType\":\"decimal\","
             "\"precision\":5,\"scale\":2}"},
    {"Hash", "{\"type\":\"fixed\",\"name\":\"x.Hash\",\"size\":2}"},
    {"Mood", "{\"type\":\"enum\",\"name\":\"x.Mood\",\"symbols\":[\"SAD\",\"GLAD\"]}"},
    {"Ints", "{\"type\":\"array\",\"items\":\"int\"}"},
    {"Table", "{\"type\":\"map\",\"values\":\"long\"}"},
    {"Nulls", "{\"type\":\"map\",\"values\":\"null\"}"},
    {"MaybeText", "[\"null\",\"string\"]"},
    {"MaybeLong", "[\"long\",\"null\"]"},
    {"Either", "[\"int\",\"string\",\"null\"]"},
    {"Deep", "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":{\"type\":\"array\","
             "\"items\":[\"null\",\"x.Point\"]}}}"},
    {"Point", "{\"type\":\"record\",\"name\":\"x.Point\",\"fields\":[{\"name\":\"x\",\"type\":"
              "\"int\"},{\"name\":\"y\",\"type\":\"int\"}]}"},
    {"Wide", "{\"type\":\"array\",\"items\":[\"null\",\"int\",\"x.Big\"]}"},
    {"Big", "{\"type\":\"record\",\"name\":\"x.Big\",\"fields\":[{\"name\":\"a\",\"type\":{"
            "\"type\":\"fixed\",\"name\":\"x.Kilo\",\"size\":4096}}]}"},
};

static struct lab lab;

static int open_lab(void **state)
{
    (void)state;
    lab_open(&lab, files, sizeof files / sizeof *files);
    return 0;
}

static int close_lab(void **state)
{
    (void)state;
    lab_close(&lab);
    return 0;
}

static void a_value_is_the_same_bytes_and_the_same_json_both_ways(void **state)
{
    static const struct {
        const char *word, *bytes, *json;
    } table[] = {
        {"avro:Int", "00", "0"},
        {"avro:Int", "01", "-1"},
        {"avro:Int", "feffffff0f", "2147483647"},
        {"avro:Int", "ffffffff0f", "-2147483648"},
        {"avro:Long", "8001", "64"},
        {"avro:Long", "feffffffffffffffff01", "9223372036854775807"},
        {"avro:Long", "ffffffffffffffffff01", "-9223372036854775808"},
        {"avro:Float", "0000c03f", "1.5"},
        {"avro:Float", "cdcccc3d", "0.1"},
        {"avro:Double", "9a9999999999b93f", "0.1"},
        {"avro:Double", "0000000000000080", "-0"},
        {"avro:Double", "00000000000000c0", "-2"},
        {"avro:Boolean", "01", "true"},
        {"avro:Boolean", "00", "false"},
        {"avro:Text", "00", "\"\""},
        {"avro:Text", "0a610022c3a9", "\"a\\u0000\\\"é\""},
        {"avro:Raw", "0400ff", "\"AP8=\""},
        {"avro:Nothing", "", "null"},
        {"avro:Uuid", "4830306561356330392d393030302d343030302d383030302d303132333435363738396162",
         "\"00ea5c09-9000-4000-8000-0123456789ab\""},
        {"avro:Money", "0204", "\"0.04\""},
        {"avro:Money", "06fe7961", "\"-999.99\""},
        {"avro:Cash", "01869f", "\"999.99\""},
        {"avro:Cash", "ffffff", "\"-0.01\""},
        {"avro:Hash", "0102", "\"AQI=\""},
        {"avro:Mood", "02", "\"GLAD\""},
        {"avro:Ints", "00", "[]"},
        {"avro:Ints", "04020400", "[1,2]"},
        {"avro:Table", "0202610200", "{\"a\":1}"},
        {"avro:Nulls", "02026100", "{\"a\":null}"},
        {"avro:MaybeText", "00", "null"},
        {"avro:MaybeText", "020261", "\"a\""},
        {"avro:MaybeLong", "02", "null"},
        {"avro:MaybeLong", "0002", "1"},
        {"avro:Either", "0002", "{\"int\":1}"},
        {"avro:Either", "020261", "{\"string\":\"a\"}"},
        {"avro:Either", "04", "null"},
        {"avro:Point", "0204", "{\"x\":1,\"y\":2}"},
        {"avro:Deep", "020202610400020204000000", "[{\"a\":[null,{\"x\":1,\"y\":2}]}]"},
        {"string", "c3a9", "\"é\""},
        {"long", "00000000000000ff", "255"},
        {"int", "ffffffff", "-1"},
        {"double", "3ff8000000000000", "1.5"},
        {"float", "3fc00000", "1.5"},
        {"boolean", "01", "true"},
        {"bytes", "00", "\"AA==\""},
        {"void", "", "null"},
        {"uuid", "30306561356330392d393030302d343030302d383030302d303132333435363738396162",
         "\"00ea5c09-9000-4000-8000-0123456789ab\""},
        {"json:Point", "7b2278223a312c2279223a327d", "{\"x\":1,\"y\":2}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        lab_expect_both_ways(&lab, table[i].word, table[i].bytes, table[i].json);
}

static void a_list_in_blocks_is_the_same_list(void **state)
{
    static const struct {
        const char *bytes, *json;
    } table[] = {
        {"0202020400", "[1,2]"}, /* two blocks of one */
        {"01020203040406"
         "00",
         "[1,2,3]"}, /* blocks that tell their size */
        {"0202020402060208020a00", "[1,2,3,4,5]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *shown;
        riacho_error err;
        riacho_arena_reset(lab.arena);
        if (lab_decode(&lab, "avro:Ints", lab_hex(lab.arena, table[i].bytes), &shown, &err) !=
            RIACHO_OK)
            fail_msg("%s: %s", table[i].bytes, err.text);
        assert_string_equal(shown, table[i].json);
    }
}

static void hostile_bytes_are_refused_with_place_and_reason(void **state)
{
    static const struct {
        const char *word, *bytes, *error;
    } table[] = {
        {"avro:Int", "", "byte 5: the bytes end within a number"},
        {"avro:Int", "80", "byte 5: the bytes end within a number"},
        {"avro:Int", "8080808010", "byte 5: an int is longer than 32 bits"},
        {"avro:Int", "0000", "byte 6: there are bytes behind the value"},
        {"avro:Nothing", "00", "byte 5: there are bytes behind the value"},
        {"avro:Long", "ffffffffffffffffff02", "byte 5: a number is longer than 64 bits"},
        {"avro:Long", "8080808080808080808000", "byte 5: a number is longer than 64 bits"},
        {"avro:Float", "0000c0", "byte 5: the bytes end within a value"},
        {"avro:Boolean", "02", "byte 5: a boolean is neither 0 nor 1"},
        {"avro:Boolean", "", "byte 5: the bytes end within a value"},
        {"avro:Text", "01", "byte 5: a length is negative"},
        {"avro:Text", "ffffffffffffffffff01", "byte 5: a length is negative"},
        {"avro:Text", "feffffffffffffffff01", "byte 5: a length is larger than what is left"},
        {"avro:Text", "02", "byte 5: a length is larger than what is left"},
        {"avro:Text", "02ff", "byte 5: a string is not UTF-8"},
        {"avro:Text", "04c080", "byte 5: a string is not UTF-8"},
        {"avro:Text", "06eda080", "byte 5: a string is not UTF-8"},
        {"avro:Text", "126161616161616161ff", "byte 5: a string is not UTF-8"},
        {"avro:Raw", "0400", "byte 5: a length is larger than what is left"},
        {"avro:Uuid", "0261", "byte 5: a uuid is not 8-4-4-4-12 hexadecimal digits"},
        {"avro:Money", "00", "byte 5: a decimal has no bytes or too many digits"},
        {"avro:Money", "060186a0", "byte 5: a decimal has no bytes or too many digits"},
        {"avro:Money", "22010000000000000000000000000000000000",
         "byte 5: a decimal has no bytes or too many digits"},
        {"avro:Cash", "0186a0", "byte 5: a decimal has no bytes or too many digits"},
        {"avro:Hash", "01", "byte 5: the bytes end within a value"},
        {"avro:Mood", "04", "byte 5: an enum has no such symbol"},
        {"avro:Mood", "01", "byte 5: an enum has no such symbol"},
        {"avro:Ints", "ffffffffffffffffff01", "byte 5: the count of a block is out of range"},
        {"avro:Ints", "feffffffffffffffff01", "byte 5: a block has more items than bytes are left"},
        {"avro:Ints", "0101", "byte 5: the size of a block is larger than what is left"},
        {"avro:Ints", "01feffffffffffffffff01",
         "byte 5: the size of a block is larger than what is left"},
        {"avro:Ints", "0104020200", "byte 8: a block is not as long as it says"},
        {"avro:Ints", "0202", "byte 7: the bytes end within a number"},
        {"avro:Ints", "0480", "byte 5: a block has more items than bytes are left"},
        {"avro:Ints", "040280", "field [1], byte 7: the bytes end within a number"},
        {"avro:Table", "0202ff0200", "field [0], byte 6: a string is not UTF-8"},
        {"avro:Table", "060261020000", "byte 5: a block has more items than bytes are left"},
        {"avro:Nulls", "feffffff0f0261", "byte 5: a block has more items than bytes are left"},
        {"avro:MaybeText", "04", "byte 5: a union has no such branch"},
        {"avro:MaybeLong", "01", "byte 5: a union has no such branch"},
        {"avro:Either", "06", "byte 5: a union has no such branch"},
        {"avro:Point", "02", "field y, byte 6: the bytes end within a number"},
        {"avro:Deep", "0202026104000202", "field [0][0][1].y, byte 13: the bytes end within"},
        {"long", "00000000000000", "byte 7: a long is 8 bytes, not 7"},
        {"int", "0000000000", "byte 4: a int is 4 bytes, not 5"},
        {"boolean", "02", "byte 0: a boolean is neither 0 nor 1"},
        {"string", "ff", "byte 0: a string is not UTF-8"},
        {"uuid", "61", "byte 0: a uuid is not"},
        {"void", "00", "a void is 0 bytes, not 1"},
        {"json:Point", "7b", "line 1, column 2: "},
        {"json:Point", "7b2278223a317d", "/y: is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_error err = {""};
        riacho_arena_reset(lab.arena);
        assert_int_equal(
            lab_decode(&lab, table[i].word, lab_hex(lab.arena, table[i].bytes), NULL, &err),
            RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("%s %s: '%s', not '%s'", table[i].word, table[i].bytes, err.text,
                     table[i].error);
    }
}

static void a_header_that_is_not_ours_is_refused(void **state)
{
    static const struct {
        const char *bytes, *error;
    } table[] = {
        {"", "byte 0: the bytes end within the header"},
        {"00000000", "byte 4: the bytes end within the header"},
        {"010000000100", "byte 0: 0x01 is not the wire format's 0x00"},
        {"000000ffff00", "byte 1: there is no schema with id 65535"},
        {"00ffffffff00", "byte 1: there is no schema with id -1"},
    };
    (void)state;
    const riacho_codec *codec = lab_codec(&lab, "avro:Int");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int32_t value;
        riacho_error err = {""};
        riacho_arena_reset(lab.arena);
        assert_int_equal(
            riacho_decode(codec, lab_hex(lab.arena, table[i].bytes), lab.arena, &value, &err),
            RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("%s: '%s', not '%s'", table[i].bytes, err.text, table[i].error);
    }
}

/* `count` items of one byte each, and the end. */
static riacho_bytes many_items(riacho_arena *arena, size_t count)
{
    uint8_t *bytes = riacho_alloc_zero(arena, count + 16, 1), *at = bytes;
    for (uint64_t bits = (uint64_t)count << 1; bits; bits >>= 7)
        *at++ = (uint8_t)((bits & 0x7f) | (bits > 0x7f ? 0x80 : 0));
    return (riacho_bytes){bytes, (size_t)(at - bytes) + count + 1};
}

static void small_bytes_cannot_take_large_memory(void **state)
{
    static const struct {
        const char *word;
        size_t count;
        const char *error;
    } table[] = {
        {"avro:Ints", RIACHO_DECODE_ITEMS_MAX, NULL},
        {"avro:Ints", RIACHO_DECODE_ITEMS_MAX + 1, "the value has too many items"},
        {"avro:Wide", 10, NULL},
        {"avro:Wide", 10000, "the value needs too much memory for its bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_error err = {""};
        riacho_arena *arena = riacho_arena_new();
        const riacho_bytes body = many_items(arena, table[i].count);
        riacho_arena_reset(lab.arena);
        const riacho_status status = lab_decode(&lab, table[i].word, body, NULL, &err);
        assert_int_equal(status, table[i].error ? RIACHO_REJECT : RIACHO_OK);
        if (table[i].error && !strstr(err.text, table[i].error))
            fail_msg("'%s', not '%s'", err.text, table[i].error);
        riacho_arena_free(arena);
    }
}

static void a_value_its_schema_cannot_hold_is_refused(void **state)
{
    static const riacho_bytes bad_text = {"\xff", 1}, no_text = {0}, short_uuid = {"1", 1};
    static const int32_t bad_symbol = 2, bad_branch[6] = {3};
    static const riacho_array no_items = {NULL, 3};
    static const struct {
        const char *word;
        const void *value;
        const char *error;
    } table[] = {
        {"avro:Text", &bad_text, "a string is not UTF-8"},
        {"json:Text", &bad_text, "a string is not UTF-8"},
        {"string", &bad_text, "a string is not UTF-8"},
        {"avro:Text", &no_text, "there is no value, and it is not optional"},
        {"bytes", &no_text, "there is no value, and it is not optional"},
        {"avro:Uuid", &short_uuid, "a uuid is not"},
        {"uuid", &short_uuid, "a uuid is not"},
        {"avro:Mood", &bad_symbol, "an enum has no such symbol"},
        {"json:Mood", &bad_symbol, "an enum has no such symbol"},
        {"avro:Either", bad_branch, "a union has no such branch"},
        {"avro:Ints", &no_items, "a list has a count but no items"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_buffer out = {0};
        riacho_error err = {""};
        riacho_buffer_append(&out, "before", 6);
        assert_int_equal(riacho_encode(lab_codec(&lab, table[i].word), table[i].value, &out, &err),
                         RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("%s: '%s', not '%s'", table[i].word, err.text, table[i].error);
        assert_int_equal(out.size, 6);
        assert_memory_equal(out.data, "before", 6);
        riacho_buffer_done(&out);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

/* Whatever is decoded from damaged bytes is within memory bounds, and encodes again. */
static void damaged_bytes_are_refused_or_are_a_value(void **state)
{
    uint64_t seed = 42;
    const riacho_codec *codec = lab_codec(&lab, "avro:Deep");
    (void)state;
    for (int round = 0; round < 20000; round++) {
        riacho_arena_reset(lab.arena);
        const riacho_bytes good = lab_hex(lab.arena, "0402026104000202040002026202000000");
        uint8_t *bytes = (uint8_t *)(uintptr_t)good.data;
        for (uint64_t damage = next_random(&seed) % 3; damage < 3; damage++)
            bytes[next_random(&seed) % good.size] = (uint8_t)next_random(&seed);
        const size_t size = next_random(&seed) % (good.size + 1);
        const size_t before = riacho_arena_used(lab.arena);
        riacho_error err;
        (void)lab_decode(&lab, codec->name, (riacho_bytes){bytes, size}, NULL, &err);
        assert_true(riacho_arena_used(lab.arena) - before <
                    2 * 64 * 1024 + (size_t)RIACHO_DECODE_MEMORY_FACTOR * (size + 5));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_the_same_bytes_and_the_same_json_both_ways),
        cmocka_unit_test(a_list_in_blocks_is_the_same_list),
        cmocka_unit_test(hostile_bytes_are_refused_with_place_and_reason),
        cmocka_unit_test(a_header_that_is_not_ours_is_refused),
        cmocka_unit_test(small_bytes_cannot_take_large_memory),
        cmocka_unit_test(a_value_its_schema_cannot_hold_is_refused),
        cmocka_unit_test(damaged_bytes_are_refused_or_are_a_value),
    };
    return cmocka_run_group_tests_name("schemas: codecs", tests, open_lab, close_lab);
}
