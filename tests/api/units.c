/* SPDX-License-Identifier: MIT
 *
 * units.c - the parts of the server that need no server: router, addresses, headers, buckets,
 * remembered keys, seals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/headers.h"
#include "api/idempotency.h"
#include "api/known.h"
#include "api/proxy.h"
#include "api/rate.h"
#include "api/router.h"
#include "api/secret.h"
#include "api/url.h"
#include "base/macros.h"

static void nothing(riacho_exchange *exchange)
{
    (void)exchange;
}

static const char *const templates[] = {"/a",     "/a/{x}", "/a/b",       "/a/{x}/c",
                                        "/a/b/d", "/{top}", "/{top}/{x}", "/a/{x}/{y}"};

/* Which template a path reaches; NULL: none. */
static const struct {
    const char *path;
    const char *reached;
} matches[] = {
    {"/a", "/a"},
    {"/a/z", "/a/{x}"},
    {"/a/b", "/a/b"},
    {"/a/b/c", "/a/{x}/c"},
    {"/a/b/d", "/a/b/d"},
    {"/a/z/c", "/a/{x}/c"},
    {"/a/b/e", "/a/{x}/{y}"},
    {"/b", "/{top}"},
    {"/b/c", "/{top}/{x}"},
    {"/b/c/d", NULL},
    {"/", NULL},
    {"/a//c", NULL},
};

static void a_literal_segment_beats_a_parameter_in_any_order(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        RIACHO_AUTO(router) riacho_router *router = riacho_router_new();
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        const size_t count = sizeof templates / sizeof *templates;
        for (size_t i = 0; i < count; i++) {
            const riacho_endpoint endpoint = {.method = "GET",
                                              .path = templates[backwards ? count - 1 - i : i],
                                              .handle = nothing};
            assert_int_equal(riacho_router_add(router, &endpoint, NULL), RIACHO_OK);
        }
        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
            riacho_http_request request = {.target = riacho_text(matches[i].path), .arena = arena};
            riacho_match match;
            assert_int_equal(riacho_url_parse(&request, NULL), RIACHO_OK);
            riacho_router_match(router, riacho_text("GET"), request.segments, request.segment_count,
                                &match);
            const char *reached = match.endpoint ? match.endpoint->path : "";
            assert_string_equal(reached, matches[i].reached ? matches[i].reached : "");
        }
    }
}

static void routes_of_one_shape_clash(void **state)
{
    (void)state;
    RIACHO_AUTO(router) riacho_router *router = riacho_router_new();
    static const struct {
        const char *method;
        const char *path;
        riacho_status status;
    } adds[] = {
        {"GET", "/a/{x}", RIACHO_OK},        {"POST", "/a/{x}", RIACHO_OK},
        {"GET", "/a/{y}", RIACHO_REJECT},    {"GET", "a", RIACHO_REJECT},
        {"GET", "/a/{}", RIACHO_REJECT},     {"GET", "/a/b{x}", RIACHO_REJECT},
        {"GET", "/a//b", RIACHO_REJECT},     {"GET", "/a/{x", RIACHO_REJECT},
        {"GET", "/a/{x}{y}", RIACHO_REJECT},
    };
    for (size_t i = 0; i < sizeof adds / sizeof *adds; i++) {
        const riacho_endpoint endpoint = {
            .method = adds[i].method, .path = adds[i].path, .handle = nothing};
        assert_int_equal(riacho_router_add(router, &endpoint, NULL), adds[i].status);
    }
}

/* How targets are read; NULL: refused. */
static const struct {
    const char *target;
    const char *parts; /* segments, then name=value of the query */
} targets[] = {
    {"/", ""},
    {"/a/b", "[a][b]"},
    {"/a%2Fb/c", "[a/b][c]"},
    {"/a+b?c+d=e+f", "[a+b]c d=e f;"},
    {"/%E2%82%AC?x=%26%3D&y", "[\xe2\x82\xac]x=&=;y=;"},
    {"/a?&&b=1&", "[a]b=1;"},
    {"/a?b=1=2", "[a]b=1=2;"},
    {"/a%7f", NULL},
    {"/a%", NULL},
    {"/%F0%80%80%80", NULL},
    {"/a?b=%0A", NULL},
    {"/a?b&b", NULL},
    {"a", NULL},
    {"", NULL},
};

static void targets_are_split_before_they_are_decoded(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        riacho_http_request request = {.target = riacho_text(targets[i].target), .arena = arena};
        riacho_error err = {""};
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        const riacho_status status = riacho_url_parse(&request, &err);
        assert_int_equal(status, targets[i].parts ? RIACHO_OK : RIACHO_REJECT);
        if (status != RIACHO_OK) {
            assert_true(err.text[0] != 0);
            continue;
        }
        for (size_t j = 0; j < request.segment_count; j++)
            riacho_buffer_printf(&text, "[%.*s]", (int)request.segments[j].size,
                                 (const char *)request.segments[j].data);
        for (size_t j = 0; j < request.parameter_count; j++)
            riacho_buffer_printf(&text, "%.*s=%.*s;", (int)request.parameters[j].name.size,
                                 (const char *)request.parameters[j].name.data,
                                 (int)request.parameters[j].value.size,
                                 (const char *)request.parameters[j].value.data);
        riacho_buffer_append(&text, "", 1);
        assert_string_equal((const char *)text.data, targets[i].parts);
    }
}

static riacho_http_request with_header(riacho_header *header, const char *name, const char *value)
{
    *header = (riacho_header){riacho_text(name), riacho_text(value)};
    return (riacho_http_request){.headers = {header, 1}};
}

static void a_wait_is_a_whole_number_of_seconds_and_other_preferences_pass(void **state)
{
    static const struct {
        const char *value;
        riacho_status status;
        int64_t wait_ms;
    } all[] = {
        {"wait=2", RIACHO_OK, 2000},    {"respond-async, wait=10", RIACHO_OK, 10000},
        {" WAIT=1 ", RIACHO_OK, 1000},  {"", RIACHO_OK, -1},
        {"waiting=2", RIACHO_OK, -1},   {"wait", RIACHO_OK, -1},
        {"wait=", RIACHO_REJECT, -1},   {"wait=x", RIACHO_REJECT, -1},
        {"wait=-1", RIACHO_REJECT, -1}, {"wait=99999999999999999999", RIACHO_REJECT, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        riacho_header header;
        riacho_error err;
        int64_t wait_ms;
        const riacho_http_request request = with_header(&header, "prefer", all[i].value);
        assert_int_equal(riacho_prefer_wait_ms(&request, &wait_ms, &err), all[i].status);
        assert_int_equal(wait_ms, all[i].wait_ms);
    }
}

static void a_bound_is_strong_or_in_milliseconds(void **state)
{
    static const struct {
        const char *value;
        riacho_status status;
        int64_t bound_ms;
    } all[] = {
        {"strong", RIACHO_OK, 0},
        {" Strong ", RIACHO_OK, 0},
        {"bounded=500ms", RIACHO_OK, 500},
        {"bounded=0ms", RIACHO_OK, 0},
        {"", RIACHO_REJECT, -1},
        {"ms", RIACHO_REJECT, -1},
        {"bounded", RIACHO_REJECT, -1},
        {"bounded=ms", RIACHO_REJECT, -1},
        {"bounded=5", RIACHO_REJECT, -1},
        {"bounded=5s", RIACHO_REJECT, -1},
        {"bounded=99999999999ms", RIACHO_REJECT, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        riacho_header header;
        riacho_error err;
        int64_t bound_ms;
        const riacho_http_request request = with_header(&header, "read-consistency", all[i].value);
        assert_int_equal(riacho_read_consistency(&request, &bound_ms, &err), all[i].status);
        assert_int_equal(bound_ms, all[i].bound_ms);
    }
}

static void a_tag_matches_in_a_list_and_as_a_weak_one(void **state)
{
    static const struct {
        const char *value;
        bool matches;
        uint64_t moment;
    } all[] = {{"\"000000000000001a\"", true, 0},
               {"\"x\", \"000000000000001a\"", true, 0},
               {"W/\"000000000000001a\"", true, 0},
               {"*", true, 0},
               {"\"000000000000002b-000000000000001a\"", true, 0x2b},
               {"\"x\",,W/\"000000000000002b-000000000000001b\"", false, 0x2b},
               {"\"000000000000001A\"", false, 0},
               {"000000000000001a", false, 0},
               {"\"000000000000002b_000000000000001a\"", false, 0},
               {"", false, 0}};
    char printed[RIACHO_TAG_TEXT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        riacho_header header;
        uint64_t moment;
        const riacho_http_request request = with_header(&header, "if-none-match", all[i].value);
        assert_int_equal(riacho_none_match(&request, 0x1a), all[i].matches);
        assert_int_equal(riacho_none_match_moment(&request, &moment).data != NULL,
                         all[i].moment != 0);
        assert_int_equal(moment, all[i].moment);
    }
    riacho_tag_print(0, 0x1a, printed);
    assert_string_equal(printed, "\"000000000000001a\"");
    riacho_tag_print(0x2b, 0x1a, printed);
    assert_string_equal(printed, "\"000000000000002b-000000000000001a\"");
}

static void cookies_are_found_by_whole_names(void **state)
{
    riacho_header header;
    const riacho_http_request request = with_header(&header, "cookie", "xa=1; a=2;b=3; c; =4; a=5");
    (void)state;
    assert_true(riacho_bytes_equal(riacho_http_cookie(&request, "a"), riacho_text("2")));
    assert_true(riacho_bytes_equal(riacho_http_cookie(&request, "b"), riacho_text("3")));
    assert_int_equal(riacho_http_cookie(&request, "c").size, 0);
    assert_null(riacho_http_cookie(&request, "d").data);
}

/* Who is behind the proxies 10.0.0.0/8 and 2001:db8::/32. */
static const struct {
    const char *peer; /* four numbers */
    const char *forwarded;
    const char *client;
} forwards[] = {
    {"9.9.9.9", "1.1.1.1", "9.9.9.9"},
    {"10.1.1.1", "1.1.1.1", "1.1.1.1"},
    {"10.1.1.1", "1.1.1.1, 2.2.2.2", "2.2.2.2"},
    {"10.1.1.1", "1.1.1.1, 10.2.2.2", "1.1.1.1"},
    {"10.1.1.1", "evil, 10.2.2.2", "10.2.2.2"},
    {"10.1.1.1", "", "10.1.1.1"},
    {"10.1.1.1", "1.1.1.1, 2001:db8::7", "1.1.1.1"},
    {"10.1.1.1", "3.3.3.3:4567", "3.3.3.3"},
    {"10.1.1.1", "::ffff:4.4.4.4", "4.4.4.4"},
};

static void forwarded_addresses_are_believed_from_the_right(void **state)
{
    static const char *const trusted[] = {"10.0.0.0/8", "2001:db8::/32"};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_proxies proxies;
    (void)state;
    assert_int_equal(riacho_proxies_init(&proxies, trusted, 2, arena, NULL), RIACHO_OK);
    for (size_t i = 0; i < sizeof forwards / sizeof *forwards; i++) {
        riacho_header header;
        riacho_http_request request =
            with_header(&header, "x-forwarded-for", forwards[i].forwarded);
        unsigned a, b, c, d;
        char text[32];
        assert_int_equal(sscanf(forwards[i].peer, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
        request.peer = (riacho_http_address){RIACHO_ADDRESS_IPV4,
                                             {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
        riacho_proxies_resolve(&proxies, &request);
        snprintf(text, sizeof text, "%u.%u.%u.%u", request.client.bytes[0], request.client.bytes[1],
                 request.client.bytes[2], request.client.bytes[3]);
        assert_string_equal(text, forwards[i].client);
    }
}

static void a_bucket_empties_and_fills_again(void **state)
{
    const riacho_rate_options options = {.per_second = 2, .burst = 3};
    riacho_rate *rate = riacho_rate_new(&options);
    const int64_t second = 1000000000;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(riacho_rate_take(rate, 7, second), 0);
    assert_int_equal(riacho_rate_take(rate, 7, second), 1);
    assert_int_equal(riacho_rate_take(rate, 8, second), 0);
    assert_int_equal(riacho_rate_take(rate, 7, second + second / 2), 0);
    assert_int_equal(riacho_rate_take(rate, 7, second + second / 2), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(riacho_rate_take(rate, 7, 100 * second), 0);
    assert_int_not_equal(riacho_rate_take(rate, 7, 100 * second), 0);
    riacho_rate_free(rate);
}

static void a_table_of_buckets_does_not_grow(void **state)
{
    const riacho_rate_options options = {.per_second = 1, .burst = 1, .buckets = 8};
    riacho_rate *rate = riacho_rate_new(&options);
    (void)state;
    for (uint64_t i = 1; i < 200000; i++)
        assert_int_equal(riacho_rate_take(rate, i * 0x9e3779b97f4a7c15u, (int64_t)i), 0);
    riacho_rate_free(rate);
}

static void a_key_is_running_then_remembered_then_forgotten(void **state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_idempotency *table = riacho_idempotency_new(8);
    const riacho_idempotent_hash key = {1, 2}, body = {3, 4}, other = {3, 5};
    const riacho_idempotent_reply reply = {riacho_text("event"), riacho_text("topic"), 2, 7};
    riacho_idempotent_reply found;
    (void)state;
    assert_int_equal(riacho_idempotency_begin(table, key, body, arena, &found),
                     RIACHO_IDEMPOTENT_FIRST);
    assert_int_equal(riacho_idempotency_begin(table, key, body, arena, &found),
                     RIACHO_IDEMPOTENT_RUNNING);
    assert_int_equal(riacho_idempotency_begin(table, key, other, arena, &found),
                     RIACHO_IDEMPOTENT_OTHER_BODY);
    riacho_idempotency_end(table, key, &reply);
    assert_int_equal(riacho_idempotency_begin(table, key, body, arena, &found),
                     RIACHO_IDEMPOTENT_REPEAT);
    assert_true(riacho_bytes_equal(found.event_id, reply.event_id));
    assert_true(riacho_bytes_equal(found.topic, reply.topic));
    assert_int_equal(found.next, 7);
    for (uint64_t i = 10; i < 30; i++) {
        const riacho_idempotent_hash more = {i, i};
        assert_int_equal(riacho_idempotency_begin(table, more, body, arena, &found),
                         RIACHO_IDEMPOTENT_FIRST);
        riacho_idempotency_end(table, more, &reply);
    }
    assert_int_equal(riacho_idempotency_begin(table, key, body, arena, &found),
                     RIACHO_IDEMPOTENT_FIRST);
    riacho_idempotency_end(table, key, NULL);
    assert_int_equal(riacho_idempotency_begin(table, key, other, arena, &found),
                     RIACHO_IDEMPOTENT_FIRST);
    riacho_idempotency_free(table);
}

static void a_seal_holds_for_its_purpose_and_key_only(void **state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer sealed = {0};
    riacho_secret ours;
    riacho_secret theirs;
    riacho_bytes found;
    (void)state;
    riacho_secret_make(&ours);
    riacho_secret_make(&theirs);
    riacho_secret_seal(&ours, "a", riacho_text("payload"), &sealed);
    const riacho_bytes text = riacho_buffer_bytes(&sealed);
    assert_int_equal(riacho_secret_unseal(&ours, "a", text, arena, &found), RIACHO_OK);
    assert_true(riacho_bytes_equal(found, riacho_text("payload")));
    assert_int_equal(riacho_secret_unseal(&ours, "b", text, arena, &found), RIACHO_REJECT);
    assert_int_equal(riacho_secret_unseal(&theirs, "a", text, arena, &found), RIACHO_REJECT);
    for (size_t i = 0; i < text.size; i++) {
        char *changed = malloc(text.size);
        memcpy(changed, text.data, text.size);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(
            riacho_secret_unseal(&ours, "a", (riacho_bytes){changed, text.size}, arena, &found),
            RIACHO_REJECT);
        assert_int_equal(
            riacho_secret_unseal(&ours, "a", (riacho_bytes){text.data, i}, arena, &found),
            RIACHO_REJECT);
        free(changed);
    }
}

static void an_id_that_was_checked_is_known_by_its_whole_token(void **state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_bytes id = riacho_text("AAAAAAAAAAAAAAAAAAAAAA");
    char token[RIACHO_KNOWN_TOKEN_BYTES];
    riacho_known *known = riacho_known_new();
    (void)state;
    memset(token, 'a', sizeof token);
    const riacho_bytes whole = {token, sizeof token};
    assert_null(riacho_known_find(known, whole, arena).data);
    riacho_known_note(known, whole, id);
    assert_true(riacho_bytes_equal(riacho_known_find(known, whole, arena), id));
    for (size_t i = 0; i < sizeof token; i++) {
        token[i] = 'b';
        assert_null(riacho_known_find(known, whole, arena).data);
        token[i] = 'a';
        assert_null(riacho_known_find(known, (riacho_bytes){token, i}, arena).data);
    }
    riacho_known_free(known);
}

static void a_key_file_is_made_once_and_must_be_private(void **state)
{
    char folder[] = "/tmp/riacho-secret-XXXXXX";
    char file[64];
    riacho_secret first;
    riacho_secret second;
    riacho_error err;
    struct stat info;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/key", folder);
    assert_int_equal(riacho_secret_open(file, &first, &err), RIACHO_OK);
    assert_int_equal(riacho_secret_open(file, &second, &err), RIACHO_OK);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(riacho_secret_open(file, &second, &err), RIACHO_REJECT);
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(truncate(file, 31), 0);
    assert_int_equal(riacho_secret_open(file, &second, &err), RIACHO_REJECT);
    unlink(file);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_segment_beats_a_parameter_in_any_order),
        cmocka_unit_test(routes_of_one_shape_clash),
        cmocka_unit_test(targets_are_split_before_they_are_decoded),
        cmocka_unit_test(a_wait_is_a_whole_number_of_seconds_and_other_preferences_pass),
        cmocka_unit_test(a_bound_is_strong_or_in_milliseconds),
        cmocka_unit_test(a_tag_matches_in_a_list_and_as_a_weak_one),
        cmocka_unit_test(cookies_are_found_by_whole_names),
        cmocka_unit_test(forwarded_addresses_are_believed_from_the_right),
        cmocka_unit_test(a_bucket_empties_and_fills_again),
        cmocka_unit_test(a_table_of_buckets_does_not_grow),
        cmocka_unit_test(a_key_is_running_then_remembered_then_forgotten),
        cmocka_unit_test(a_seal_holds_for_its_purpose_and_key_only),
        cmocka_unit_test(an_id_that_was_checked_is_known_by_its_whole_token),
        cmocka_unit_test(a_key_file_is_made_once_and_must_be_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
