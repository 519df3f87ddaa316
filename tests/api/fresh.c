/* SPDX-License-Identifier: MIT
 *
 * fresh.c - how new an answer is, what a client may ask of that, and what it need not fetch again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "fixture.h"
#include "riacho/serve.h"

enum { PATIENCE = 2000, AGE_MS = 60, YOUNG_MS = 10 };

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static long age_of(const http_reply *reply)
{
    return strtol(reply_header(reply, "Riacho-Staleness-Ms"), NULL, 10);
}

static long read_age(fixture *f)
{
    http_reply got = client_get(f->port, "/v1/stores/totals/keys/p1");
    const long age_ms = age_of(&got);
    reply_done(&got);
    return age_ms;
}

/* Reads until the age is at least that, or for 0 as good as none. */
static void await_age(fixture *f, long age_ms)
{
    for (int i = 0; i < PATIENCE; i++, sleep_ms(1)) {
        const long now_ms = read_age(f);
        if (age_ms ? now_ms >= age_ms : now_ms <= YOUNG_MS)
            return;
    }
    fail_msg("the age never was %ld ms", age_ms);
}

static void post_slow(fixture *f, const char *pet)
{
    char target[64];
    snprintf(target, sizeof target, "/api/notes/%s", pet);
    http_reply got = client_request(f->port, "POST", target, JSON, "{\"text\":\"slow\"}");
    assert_int_equal(got.status, 202);
    reply_done(&got);
}

static void a_state_that_has_everything_is_not_old(void **state)
{
    fixture *f = *state;
    await_age(f, 0);
    sleep_ms(AGE_MS); /* the commit gets older, the data does not */
    assert_in_range(read_age(f), 0, YOUNG_MS);
}

static void the_age_grows_while_an_event_is_held_up(void **state)
{
    fixture *f = *state;
    post_slow(f, "p1");
    await_age(f, AGE_MS);
    await_age(f, 0);
}

static void a_strong_read_has_what_was_there_when_it_came(void **state)
{
    fixture *f = *state;
    post_slow(f, "strong");
    http_reply early = client_request(f->port, "GET", "/api/notes/strong",
                                      "Read-Consistency: strong\r\nPrefer: wait=0\r\n", NULL);
    assert_int_equal(early.status, 503);
    assert_string_equal(reply_header(&early, "Retry-After"), "1");
    http_reply got =
        client_request(f->port, "GET", "/api/notes/strong", "Read-Consistency: strong\r\n", NULL);
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "slow");
    reply_done(&early);
    reply_done(&got);
}

static void a_bounded_read_waits_only_when_the_data_is_too_old(void **state)
{
    fixture *f = *state;
    await_age(f, 0);
    post_slow(f, "bounded");
    http_reply young = client_request(f->port, "GET", "/v1/stores/totals/keys/p1",
                                      "Read-Consistency: bounded=60000ms\r\n", NULL);
    assert_int_equal(young.status, 200);
    await_age(f, AGE_MS);
    http_reply got = client_request(f->port, "GET", "/api/notes/bounded",
                                    "Read-Consistency: bounded=20ms\r\n", NULL);
    assert_int_equal(got.status, 200);
    assert_true(age_of(&got) <= 20);
    reply_done(&young);
    reply_done(&got);
}

static const struct {
    const char *header;
    const char *part;
} refused[] = {
    {"Read-Consistency: eventual\r\n", "Read-Consistency"},
    {"Read-Consistency: bounded=\r\n", "Read-Consistency"},
    {"Read-Consistency: bounded=-1ms\r\n", "Read-Consistency"},
    {"Read-Consistency: bounded=5\r\n", "Read-Consistency"},
    {"Prefer: wait=abc\r\n", "Prefer"},
    {"Prefer: wait=\r\n", "Prefer"},
};

static void a_wish_that_cannot_be_read_is_refused_by_name(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        http_reply got = client_request(f->port, "GET", "/api/notes/p1", refused[i].header, NULL);
        assert_int_equal(got.status, 400);
        expect_holds(got.body, refused[i].part);
        reply_done(&got);
    }
    http_reply got =
        client_request(f->port, "POST", "/api/notes/p1/poke", "Prefer: wait=abc\r\n", NULL);
    assert_int_equal(got.status, 400);
    expect_holds(got.body, "Prefer");
    reply_done(&got);
}

static riacho_reply read_total(fixture *f, riacho_arena *arena, const char *pet, uint64_t moment)
{
    const riacho_read read = {
        .store = "totals", .kind = RIACHO_READ_GET, .key = riacho_text(pet), .moment = moment};
    riacho_reply reply;
    riacho_error err;
    assert_int_equal(riacho_worker_read(f->worker, &read, arena, &reply, &err), RIACHO_OK);
    return reply;
}

static void an_answer_holds_as_long_as_its_task_has_not_moved(void **state)
{
    fixture *f = *state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_reply first = read_total(f, arena, "p1", 0);
    assert_int_equal(first.found, RIACHO_REPLY_FOUND);
    const riacho_reply same = read_total(f, arena, "p1", first.moment);
    assert_int_equal(same.found, RIACHO_REPLY_UNCHANGED);
    assert_null(same.json.data);
    assert_true(same.position_count > 0);
    /* Of another key it says nothing. */
    assert_int_equal(read_total(f, arena, "p2", first.moment).found, RIACHO_REPLY_FOUND);
    fixture_note(f, "p1", "again", 0);
    const riacho_reply later = read_total(f, arena, "p1", first.moment);
    assert_int_equal(later.found, RIACHO_REPLY_FOUND);
    assert_true(later.moment != first.moment);
    assert_true(later.version == first.version);
}

static void a_tag_of_a_store_is_304_by_its_moment_and_by_its_content(void **state)
{
    static const char target[] = "/v1/stores/totals/keys/p2";
    fixture *f = *state;
    char header[128], tag[64];
    http_reply got = client_get(f->port, target);
    snprintf(tag, sizeof tag, "%s", reply_header(&got, "ETag"));
    assert_int_equal(strlen(tag), 35);
    snprintf(header, sizeof header, "If-None-Match: %s\r\n", tag);
    http_reply same = client_request(f->port, "GET", target, header, NULL);
    assert_int_equal(same.status, 304);
    assert_string_equal(reply_header(&same, "ETag"), tag);
    fixture_note(f, "p2", "worth nothing", 0);
    http_reply moved = client_request(f->port, "GET", target, header, NULL);
    assert_int_equal(moved.status, 304);
    assert_string_not_equal(reply_header(&moved, "ETag"), tag);
    assert_string_equal(strchr(reply_header(&moved, "ETag"), '-'), strchr(tag, '-'));
    fixture_note(f, "p2", "worth something", 1);
    http_reply other = client_request(f->port, "GET", target, header, NULL);
    assert_int_equal(other.status, 200);
    reply_done(&got);
    reply_done(&same);
    reply_done(&moved);
    reply_done(&other);
}

/* The time has a part in it. */
static void a_tag_of_a_view_is_of_its_content_alone(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/api/notes/p2/aged");
    assert_int_equal(strlen(reply_header(&got, "ETag")), 18);
    reply_done(&got);
}

static void many_keys_are_of_one_state_that_is_named(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/v1/stores/totals/mget", JSON,
                                    "{\"keys\":[\"p0\",\"p1\",\"p2\",\"p3\",\"p4\",\"p5\"]}");
    assert_int_equal(got.status, 200);
    expect_holds(reply_header(&got, "Stream-Position"), "notes/0:");
    expect_holds(reply_header(&got, "Stream-Position"), "notes/2:");
    assert_true(age_of(&got) >= 0);
    reply_done(&got);
}

static void a_page_is_never_of_an_older_state_than_the_one_before(void **state)
{
    fixture *f = *state;
    fixture *behind = fixture_new(NULL);
    char next[512];
    http_reply first = client_get(f->port, "/v1/stores/totals/range?limit=1");
    const char *link = reply_header(&first, "Link");
    snprintf(next, sizeof next, "%.*s", (int)strcspn(link + 1, ">"), link + 1);
    http_reply here = client_get(f->port, next);
    assert_int_equal(here.status, 200);
    http_reply there = client_get(behind->port, next);
    assert_int_equal(there.status, 503);
    expect_holds(there.body, "the page before included");
    reply_done(&first);
    reply_done(&here);
    reply_done(&there);
    fixture_free(behind);
}

static void json_ends_with_a_newline(void **state)
{
    static const char *const targets[] = {"/v1/stores/totals/keys/p1", "/v1/stores", "/api/nothing",
                                          "/openapi.json"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        http_reply got = client_get(f->port, targets[i]);
        assert_int_equal(got.body[got.body_size - 1], '\n');
        reply_done(&got);
    }
}

static int set_up(void **state)
{
    fixture *f = fixture_new(NULL);
    fixture_note(f, "p1", "first", 10);
    fixture_note(f, "p2", "first", 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_has_everything_is_not_old),
        cmocka_unit_test(the_age_grows_while_an_event_is_held_up),
        cmocka_unit_test(a_strong_read_has_what_was_there_when_it_came),
        cmocka_unit_test(a_bounded_read_waits_only_when_the_data_is_too_old),
        cmocka_unit_test(a_wish_that_cannot_be_read_is_refused_by_name),
        cmocka_unit_test(an_answer_holds_as_long_as_its_task_has_not_moved),
        cmocka_unit_test(a_tag_of_a_store_is_304_by_its_moment_and_by_its_content),
        cmocka_unit_test(a_tag_of_a_view_is_of_its_content_alone),
        cmocka_unit_test(many_keys_are_of_one_state_that_is_named),
        cmocka_unit_test(a_page_is_never_of_an_older_state_than_the_one_before),
        cmocka_unit_test(json_ends_with_a_newline),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
