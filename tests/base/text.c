/* SPDX-License-Identifier: MIT
 *
 * text.c - what people write is read strictly, and what is refused says why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BAD INT64_MIN

static void durations_have_one_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } table[] = {
        {"0ms", 0},
        {"250ms", 250},
        {"30s", 30000},
        {"5m", 300000},
        {"2h", 7200000},
        {"7d", 604800000},
        {"007s", 7000},
        {"9223372036854775807ms", INT64_MAX},
        {"9223372036854775808ms", BAD},
        {"9223372036854776s", BAD},
        {"106751991168d", BAD},
        {"99999999999999999999s", BAD},
        {"", BAD},
        {"5", BAD},
        {"s", BAD},
        {"-5s", BAD},
        {"+5s", BAD},
        {" 5s", BAD},
        {"5 s", BAD},
        {"5s ", BAD},
        {"5S", BAD},
        {"1h30m", BAD},
        {"1.5h", BAD},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        int64_t ms = BAD;
        riacho_error err = {.text = ""};
        const riacho_status status = riacho_duration_parse(riacho_text(table[i].text), &ms, &err);
        assert_int_equal(status, table[i].ms == BAD ? RIACHO_REJECT : RIACHO_OK);
        assert_int_equal(ms, table[i].ms);
        if (status != RIACHO_OK)
            assert_non_null(strstr(err.text, "duration"));
    }
    int64_t ms;
    assert_int_equal(riacho_duration_parse((riacho_bytes){0}, &ms, NULL), RIACHO_REJECT);
    assert_int_equal(riacho_duration_parse((riacho_bytes){"10s", 2}, &ms, NULL), RIACHO_REJECT);
}

static void sizes_are_binary(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } table[] = {
        {"512", 512},         {"512B", 512},           {"64KiB", 65536}, {"1MiB", 1048576},
        {"2GiB", 2147483648}, {"3TiB", 3298534883328}, {"0", 0},         {"64KB", BAD},
        {"64kib", BAD},       {"8388608TiB", BAD},     {"", BAD},        {"KiB", BAD},
        {"-1", BAD},          {"1 MiB", BAD},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        uint64_t bytes = 1234567;
        const riacho_status status = riacho_size_parse(riacho_text(table[i].text), &bytes, NULL);
        assert_int_equal(status, table[i].bytes == BAD ? RIACHO_REJECT : RIACHO_OK);
        assert_int_equal(bytes, table[i].bytes == BAD ? 1234567 : (uint64_t)table[i].bytes);
    }
}

static void whole_numbers_lie_in_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max, value;
        riacho_status status;
    } table[] = {
        {"0", 0, 0, 0, RIACHO_OK},
        {"-0", 0, 0, 0, RIACHO_OK},
        {"42", 0, 100, 42, RIACHO_OK},
        {"101", 0, 100, 0, RIACHO_REJECT},
        {"-1", 0, 100, 0, RIACHO_REJECT},
        {"-5", -5, 5, -5, RIACHO_OK},
        {"9223372036854775807", 0, INT64_MAX, INT64_MAX, RIACHO_OK},
        {"9223372036854775808", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, RIACHO_OK},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"18446744073709551616", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"-", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"--1", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"1x", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {" 1", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
        {"0x10", INT64_MIN, INT64_MAX, 0, RIACHO_REJECT},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        int64_t value = 0;
        assert_int_equal(
            riacho_int_parse(riacho_text(table[i].text), table[i].min, table[i].max, &value, NULL),
            table[i].status);
        assert_int_equal(value, table[i].value);
    }
}

static void positions_are_read_as_they_are_printed(void **state)
{
    (void)state;
    static const char *const good[] = {"interactions/3:123456", "a/0:0", "x.y-z_1/1023:1",
                                       "t/0:9223372036854775807"};
    static const char *const bad[] = {"",       "t",      "t/1",     "t:1",   "/1:2",
                                      "t/:1",   "t/1:",   "t/x:1",   "t/1:x", "t/-1:0",
                                      "t/0:-1", "t/1:2 ", "t/1024:0"};
    riacho_arena *arena = riacho_arena_new();
    for (size_t i = 0; i < COUNT(good); i++) {
        riacho_position position;
        riacho_buffer out = {0};
        assert_int_equal(riacho_position_parse(riacho_text(good[i]), arena, &position, NULL),
                         RIACHO_OK);
        riacho_position_print(&position, &out);
        assert_true(riacho_bytes_equal(riacho_buffer_bytes(&out), riacho_text(good[i])));
        riacho_buffer_done(&out);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        riacho_position position;
        riacho_error err = {.text = ""};
        assert_int_equal(riacho_position_parse(riacho_text(bad[i]), arena, &position, &err),
                         RIACHO_REJECT);
        assert_true(err.text[0]);
    }
    riacho_arena_free(arena);
}

static void base64url_follows_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } table[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    for (size_t i = 0; i < COUNT(table); i++) {
        riacho_buffer encoded = {0}, decoded = {0};
        riacho_base64url_encode(riacho_text(table[i].bytes), &encoded);
        assert_true(riacho_bytes_equal(riacho_buffer_bytes(&encoded), riacho_text(table[i].text)));
        assert_int_equal(riacho_base64url_decode(riacho_text(table[i].text), &decoded, NULL),
                         RIACHO_OK);
        assert_true(riacho_bytes_equal(riacho_buffer_bytes(&decoded), riacho_text(table[i].bytes)));
        riacho_buffer_done(&encoded);
        riacho_buffer_done(&decoded);
    }
}

static void what_is_not_base64url_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",   "Zg==", "Zm8=",  "Zm9v\n",
                                      "Z+8", "Z/8",  "Zm9vY", "Zh" /* bits behind the byte */,
                                      "Zm9"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        riacho_buffer out = {0};
        assert_int_equal(riacho_base64url_decode(riacho_text(bad[i]), &out, NULL), RIACHO_REJECT);
        riacho_buffer_done(&out);
    }
    riacho_buffer out = {0};
    assert_int_equal(riacho_base64url_decode((riacho_bytes){"Z\0", 2}, &out, NULL), RIACHO_REJECT);
    riacho_buffer_done(&out);
}

static void utf8_is_checked_as_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } table[] = {
        {"", true},
        {"plain ascii, longer than eight", true},
        {"caf\xc3\xa9", true},
        {"\xe2\x82\xac and text behind", true},
        {"\xf0\x9f\x90\xb1", true},
        {"12345678\xc3\xa9", true},
        {"\xf4\x8f\xbf\xbf", true},         /* U+10FFFF */
        {"\xed\x9f\xbf\xee\x80\x80", true}, /* around the surrogates */
        {"\xf4\x90\x80\x80", false},        /* U+110000 */
        {"\xf8\x88\x80\x80\x80", false},    /* five bytes */
        {"\xed\xa0\x80", false},            /* a surrogate */
        {"\xed\xbf\xbf", false},            /* the last one */
        {"\xc0\x80", false},                /* overlong */
        {"\xc1\xbf", false},
        {"\xe0\x80\x80", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\x80", false}, /* begins in the middle */
        {"\xc3", false}, /* cut short */
        {"\xe2\x82", false},
        {"\xf0\x9f\x90", false},
        {"\xc3(", false},
        {"\xe2(\xac", false},
        {"\xff", false},
        {"\xfe", false},
        {"12345678\xff", false},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(riacho_utf8_valid(riacho_text(table[i].text)), table[i].valid);
    assert_true(riacho_utf8_valid((riacho_bytes){"a\0b", 3}));
    assert_true(riacho_utf8_valid((riacho_bytes){0}));
}

static void what_was_meant_is_suggested(void **state)
{
    (void)state;
    static const char *const candidates[] = {"aggregate", "filter", "map", "flatMap", "to"};
    static const struct {
        const char *word, *suggestion;
    } table[] = {{"agregate", "aggregate"},
                 {"Filter", "filter"},
                 {"flatmap", "flatMap"},
                 {"mpa", NULL},
                 {"mapp", "map"},
                 {"banana", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < COUNT(table); i++) {
        const char *found =
            riacho_suggest(riacho_text(table[i].word), candidates, COUNT(candidates));
        if (table[i].suggestion)
            assert_string_equal(found ? found : "(none)", table[i].suggestion);
        else
            assert_null(found);
    }
    char longer[200];
    memset(longer, 'a', sizeof longer);
    assert_null(
        riacho_suggest((riacho_bytes){longer, sizeof longer}, candidates, COUNT(candidates)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_one_unit),
        cmocka_unit_test(sizes_are_binary),
        cmocka_unit_test(whole_numbers_lie_in_their_range),
        cmocka_unit_test(positions_are_read_as_they_are_printed),
        cmocka_unit_test(base64url_follows_rfc_4648),
        cmocka_unit_test(what_is_not_base64url_is_refused),
        cmocka_unit_test(utf8_is_checked_as_the_standard_says),
        cmocka_unit_test(what_was_meant_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
