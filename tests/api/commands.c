/* SPDX-License-Identifier: MIT
 *
 * commands.c - what a client may rely on when it sends a command.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void a_command_is_accepted_and_its_effect_can_be_read(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/api/notes/mochi", JSON,
                                    "{\"text\":\"hello\",\"points\":3}");
    assert_int_equal(got.status, 202);
    expect_holds(got.body, "\"correlationId\":\"");
    expect_holds(got.body, "\"position\":\"notes/");
    expect_holds(got.body, "\"eventId\":\"");
    char header[256];
    snprintf(header, sizeof header, "If-Position: %s\r\n", reply_header(&got, "Stream-Position"));
    http_reply seen = client_request(f->port, "GET", "/api/notes/mochi", header, NULL);
    assert_int_equal(seen.status, 200);
    expect_holds(seen.body, "\"text\":\"hello\"");
    expect_holds(seen.body, "\"points\":3");
    reply_done(&seen);
    reply_done(&got);
}

static void without_a_body_the_fields_take_their_defaults(void **state)
{
    fixture *f = *state;
    http_reply got =
        client_request(f->port, "POST", "/api/notes/pokey/poke", "Prefer: wait=10\r\n", NULL);
    assert_int_equal(got.status, 200);
    assert_string_equal(reply_header(&got, "Preference-Applied"), "wait=10");
    expect_holds(got.body, "\"state\":\"processed\"");
    http_reply seen = client_get(f->port, "/api/notes/pokey");
    expect_holds(seen.body, "\"text\":\"poke\"");
    reply_done(&seen);
    reply_done(&got);
}

/* What is wrong with a request, and how it is told. */
static const struct {
    const char *name;
    const char *target;
    const char *headers;
    const char *body;
    int status;
    const char *part;
} refusals[] = {
    {"not JSON", "/api/notes/a", JSON, "{", 400, "\"pointer\":\"\""},
    {"a missing field", "/api/notes/a", JSON, "{}", 400, "\"pointer\":\"/text\""},
    {"every fault at once", "/api/notes/a", JSON, "{\"points\":\"x\",\"mood\":\"ODD\"}", 400,
     "\"pointer\":\"/points\""},
    {"the second fault as well", "/api/notes/a", JSON, "{\"points\":\"x\",\"mood\":\"ODD\"}", 400,
     "\"pointer\":\"/mood\""},
    {"an unknown member", "/api/notes/a", JSON, "{\"text\":\"x\",\"extra\":1}", 400,
     "\"pointer\":\"/extra\""},
    {"an array", "/api/notes/a", JSON, "[]", 400, "errors"},
    {"trailing text", "/api/notes/a", JSON, "{\"text\":\"x\"} {}", 400, "errors"},
    {"a number beyond 64 bits", "/api/notes/a", JSON,
     "{\"text\":\"x\",\"points\":99999999999999999999}", 400, "/points"},
    {"a lone surrogate", "/api/notes/a", JSON, "{\"text\":\"\\ud800\"}", 400, "errors"},
    {"a NUL escape", "/api/notes/a", JSON, "{\"text\":\"a\\u0000b\"}", 202, "correlationId"},
    {"not UTF-8", "/api/notes/a", JSON, "{\"text\":\"\xff\"}", 400, "errors"},
    {"no media type", "/api/notes/a", "", "{\"text\":\"x\"}", 415, "media-type"},
    {"a form", "/api/notes/a", "Content-Type: application/x-www-form-urlencoded\r\n", "text=x", 415,
     "media-type"},
    {"a multipart form", "/api/notes/a", "Content-Type: multipart/form-data; boundary=b\r\n",
     "--b--\r\n", 415, "media-type"},
    {"another encoding", "/api/notes/a", "Content-Type: application/json; charset=latin1\r\n",
     "{\"text\":\"x\"}", 415, "media-type"},
    {"JSON in UTF-8, said so", "/api/notes/a",
     "Content-Type: Application/JSON; charset=\"UTF-8\"\r\n", "{\"text\":\"x\"}", 202,
     "correlationId"},
    {"a key with a space", "/api/notes/a", JSON "Idempotency-Key: a b\r\n", "{\"text\":\"x\"}", 400,
     "Idempotency-Key"},
    {"a key of 65", "/api/notes/a",
     JSON "Idempotency-Key: "
          "01234567890123456789012345678901234567890123456789012345678901234\r\n",
     "{\"text\":\"x\"}", 400, "Idempotency-Key"},
    {"a long name", "/api/notes/a",
     JSON "Riacho-Name: 12345678901234567890123456789012345678901\r\n", "{\"text\":\"x\"}", 400,
     "name"},
    {"a name that turns text around", "/api/notes/a", JSON "Riacho-Name: a%E2%80%AEb\r\n",
     "{\"text\":\"x\"}", 400, "name"},
    {"a name with a broken escape", "/api/notes/a", JSON "Riacho-Name: a%E2\r\n",
     "{\"text\":\"x\"}", 400, "UTF-8"},
    {"a forged visitor", "/api/notes/a",
     JSON "Riacho-Visitor: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
          "AAAAAAAAAAA\r\n",
     "{\"text\":\"x\"}", 401, "visitor-forged"},
    {"a forged cookie", "/api/notes/a", JSON "Cookie: riacho_visitor=abc\r\n", "{\"text\":\"x\"}",
     401, "visitor-forged"},
};

static void a_bad_request_is_told_what_is_wrong(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        http_reply got = client_request(f->port, "POST", refusals[i].target, refusals[i].headers,
                                        refusals[i].body);
        if (got.status != refusals[i].status)
            print_error("%s: %s\n", refusals[i].name, got.body);
        assert_int_equal(got.status, refusals[i].status);
        expect_holds(got.body, refusals[i].part);
        if (got.status >= 400) {
            assert_string_equal(reply_header(&got, "Content-Type"), "application/problem+json");
            expect_holds(got.body, "\"type\":\"/docs#");
            expect_holds(got.body, "\"title\":\"");
            expect_holds(got.body, "\"status\":");
        }
        reply_done(&got);
    }
}

static void the_same_key_and_body_is_one_event_with_one_answer(void **state)
{
    fixture *f = *state;
    http_reply who = client_get(f->port, "/v1/visitor");
    char headers[512];
    snprintf(headers, sizeof headers, JSON "Idempotency-Key: once-1\r\nRiacho-Visitor: %s\r\n",
             reply_header(&who, "Riacho-Visitor"));
    const int64_t before = fixture_count(f);
    http_reply first =
        client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"x\"}");
    http_reply second =
        client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"x\"}");
    assert_int_equal(first.status, 202);
    assert_int_equal(second.status, 202);
    assert_string_equal(first.body, second.body);
    assert_string_equal(reply_header(&first, "Location"), reply_header(&second, "Location"));
    expect_holds(first.body, "\"eventId\":\"once-1\"");
    assert_int_equal(fixture_count(f), before + 1);
    reply_done(&first);
    reply_done(&second);
    reply_done(&who);
}

static void the_same_key_with_another_body_is_refused(void **state)
{
    fixture *f = *state;
    http_reply who = client_get(f->port, "/v1/visitor");
    char headers[512];
    snprintf(headers, sizeof headers, JSON "Idempotency-Key: once-2\r\nRiacho-Visitor: %s\r\n",
             reply_header(&who, "Riacho-Visitor"));
    http_reply first =
        client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"x\"}");
    const int64_t before = fixture_count(f);
    http_reply second =
        client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"y\"}");
    assert_int_equal(first.status, 202);
    assert_int_equal(second.status, 422);
    expect_holds(second.body, "key-reused");
    assert_int_equal(fixture_count(f), before);
    reply_done(&first);
    reply_done(&second);
    reply_done(&who);
}

static void a_key_of_one_visitor_is_not_that_of_another(void **state)
{
    fixture *f = *state;
    const int64_t before = fixture_count(f);
    for (int i = 0; i < 2; i++) {
        http_reply who = client_get(f->port, "/v1/visitor");
        char headers[512];
        snprintf(headers, sizeof headers, JSON "Idempotency-Key: shared\r\nRiacho-Visitor: %s\r\n",
                 reply_header(&who, "Riacho-Visitor"));
        http_reply got =
            client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"x\"}");
        assert_int_equal(got.status, 202);
        reply_done(&got);
        reply_done(&who);
    }
    assert_int_equal(fixture_count(f), before + 2);
}

static void a_client_without_an_id_may_send_its_key_again(void **state)
{
    fixture *f = *state;
    const int64_t before = fixture_count(f);
    for (int i = 0; i < 2; i++) {
        http_reply got = client_request(f->port, "POST", "/api/notes/idem",
                                        JSON "Idempotency-Key: nobody-1\r\n", "{\"text\":\"x\"}");
        assert_int_equal(got.status, 202);
        reply_done(&got);
    }
    assert_int_equal(fixture_count(f), before + 1);
}

static void a_request_that_was_refused_may_use_its_key_again(void **state)
{
    fixture *f = *state;
    http_reply who = client_get(f->port, "/v1/visitor");
    char headers[512];
    snprintf(headers, sizeof headers, JSON "Idempotency-Key: once-3\r\nRiacho-Visitor: %s\r\n",
             reply_header(&who, "Riacho-Visitor"));
    http_reply bad = client_request(f->port, "POST", "/api/notes/idem", headers, "{}");
    http_reply good =
        client_request(f->port, "POST", "/api/notes/idem", headers, "{\"text\":\"x\"}");
    assert_int_equal(bad.status, 400);
    assert_int_equal(good.status, 202);
    reply_done(&bad);
    reply_done(&good);
    reply_done(&who);
}

static void a_new_visitor_is_given_an_id_that_stays(void **state)
{
    fixture *f = *state;
    http_reply first = client_request(f->port, "POST", "/api/notes/v/poke",
                                      "Riacho-Name: Ana%20%C3%A9\r\nPrefer: wait=10\r\n", NULL);
    const char *id = reply_header(&first, "Riacho-Visitor");
    assert_non_null(id);
    expect_holds(reply_header(&first, "Set-Cookie"), "HttpOnly; SameSite=Lax");
    char cookie[512];
    snprintf(cookie, sizeof cookie, "Cookie: other=1; riacho_visitor=%s; riacho_name=Bo\r\n", id);
    http_reply note = client_get(f->port, "/api/notes/v");
    expect_holds(note.body, "\"name\":\"Ana \xc3\xa9\"");
    http_reply self = client_request(f->port, "GET", "/v1/visitor", cookie, NULL);
    assert_null(reply_header(&self, "Set-Cookie"));
    expect_holds(self.body, "\"name\":\"Bo\"");
    char public_id[128];
    snprintf(public_id, sizeof public_id, "%.36s", self.body + 1);
    expect_holds(note.body, public_id);
    http_reply seen = client_request(f->port, "GET", "/api/seen", cookie, NULL);
    assert_int_equal(seen.status, 200);
    /* The signed form never reaches a topic. */
    assert_null(strstr(note.body, id));
    reply_done(&seen);
    reply_done(&self);
    reply_done(&note);
    reply_done(&first);
}

static void a_status_knows_when_the_command_had_its_effect(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/api/notes/st/poke", "", NULL);
    assert_int_equal(got.status, 202);
    http_reply status =
        client_request(f->port, "GET", reply_header(&got, "Location"), "Prefer: wait=10\r\n", NULL);
    assert_int_equal(status.status, 200);
    expect_holds(status.body, "\"state\":\"processed\"");
    reply_done(&status);
    status = client_get(f->port, "/status/AAAA");
    assert_int_equal(status.status, 404);
    reply_done(&status);
    reply_done(&got);
}

static void a_status_can_be_asked_for_after_a_restart(void **state)
{
    fixture *f = *state;
    char file[128];
    snprintf(file, sizeof file, "%s/key", f->folder);
    const riacho_api_options options = {.secret_file = file};
    fixture_reopen(f, &options);
    http_reply got = client_request(f->port, "POST", "/api/notes/st/poke", "", NULL);
    char location[512];
    char visitor[512];
    snprintf(location, sizeof location, "%s", reply_header(&got, "Location"));
    snprintf(visitor, sizeof visitor, "Riacho-Visitor: %s\r\n",
             reply_header(&got, "Riacho-Visitor"));
    reply_done(&got);
    fixture_restart_worker(f, &options);
    got = client_request(f->port, "GET", location, "Prefer: wait=10\r\n", NULL);
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "\"state\":\"processed\"");
    reply_done(&got);
    got = client_request(f->port, "POST", "/api/notes/st/poke", visitor, NULL);
    assert_int_equal(got.status, 202);
    reply_done(&got);
    fixture_reopen(f, NULL);
}

/* The header of the last record of any partition, "" when it has none. */
static void last_header(fixture *f, const char *name, char *ret_value, size_t size)
{
    riacho_log_reader *reader;
    riacho_error err;
    riacho_log_assignment parts[3];
    int64_t newest = -1;
    *ret_value = 0;
    for (int32_t i = 0; i < 3; i++)
        parts[i] = (riacho_log_assignment){"notes", i, 0, (uint32_t)i};
    assert_int_equal(f->log->ops->reader_open(f->log, &reader, &err), RIACHO_OK);
    assert_int_equal(f->log->ops->assign(reader, parts, 3, &err), RIACHO_OK);
    for (riacho_log_batch *batch;;) {
        assert_int_equal(f->log->ops->poll(reader, 0, &batch, &err), RIACHO_OK);
        if (!batch)
            break;
        for (size_t i = 0; i < batch->count; i++) {
            const riacho_log_record *record = &batch->records[i];
            if (record->timestamp_ms < newest)
                continue;
            newest = record->timestamp_ms;
            *ret_value = 0;
            for (size_t j = 0; j < record->headers.count; j++)
                if (riacho_bytes_equal(record->headers.items[j].name, riacho_text(name)))
                    snprintf(ret_value, size, "%.*s", (int)record->headers.items[j].value.size,
                             (const char *)record->headers.items[j].value.data);
        }
        f->log->ops->batch_free(batch);
    }
    f->log->ops->reader_close(reader);
}

static void a_trace_is_carried_into_the_record(void **state)
{
    static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    fixture *f = *state;
    char headers[256];
    char found[256];
    snprintf(headers, sizeof headers, "traceparent: %s\r\n", trace);
    http_reply got = client_request(f->port, "POST", "/api/notes/tr/poke", headers, NULL);
    reply_done(&got);
    last_header(f, "traceparent", found, sizeof found);
    assert_string_equal(found, trace);
    got = client_request(f->port, "POST", "/api/notes/tr/poke", "traceparent: 00-zz\r\n", NULL);
    reply_done(&got);
    last_header(f, "traceparent", found, sizeof found);
    assert_string_equal(found, "");
}

static void too_many_requests_are_told_when_to_come_back(void **state)
{
    fixture *f = *state;
    const riacho_api_options options = {.writes = {.per_second = 0.5, .burst = 3},
                                        .reads = {.per_second = 1, .burst = 2}};
    fixture_reopen(f, &options);
    int statuses[5];
    for (int i = 0; i < 5; i++) {
        http_reply got = client_request(f->port, "POST", "/api/notes/rate/poke", "", NULL);
        statuses[i] = got.status;
        if (got.status == 429)
            assert_true(strtol(reply_header(&got, "Retry-After"), NULL, 10) >= 1);
        reply_done(&got);
    }
    assert_int_equal(statuses[2], 202);
    assert_int_equal(statuses[3], 429);
    /* Reading has a bucket of its own, and health has none. */
    http_reply read = client_get(f->port, "/api/notes/rate");
    assert_int_not_equal(read.status, 429);
    reply_done(&read);
    for (int i = 0; i < 5; i++) {
        read = client_get(f->port, "/livez");
        assert_int_equal(read.status, 200);
        reply_done(&read);
    }
    fixture_reopen(f, NULL);
}

static void a_worker_that_is_down_is_503(void **state)
{
    fixture *f = *state;
    riacho_error err;
    assert_int_equal(riacho_worker_stop(f->worker, &err), RIACHO_OK);
    http_reply got = client_request(f->port, "POST", "/api/notes/x/poke", "", NULL);
    assert_int_equal(got.status, 503);
    assert_non_null(reply_header(&got, "Retry-After"));
    expect_holds(got.body, "not-ready");
    reply_done(&got);
    got = client_get(f->port, "/readyz?verbose");
    assert_int_equal(got.status, 503);
    expect_holds(got.body, "\"reason\":\"");
    reply_done(&got);
    riacho_api_close(f->api);
    f->api = NULL;
    riacho_worker_close(f->worker);
    fixture_start_worker(f);
    fixture_reopen(f, NULL);
}

static void a_position_that_is_late_is_503_and_then_there(void **state)
{
    fixture *f = *state;
    char header[256];
    http_reply got =
        client_request(f->port, "POST", "/api/notes/late", JSON, "{\"text\":\"slow\"}");
    snprintf(header, sizeof header, "If-Position: %s\r\nPrefer: wait=0\r\n",
             reply_header(&got, "Stream-Position"));
    http_reply early = client_request(f->port, "GET", "/api/notes/late", header, NULL);
    assert_int_equal(early.status, 503);
    assert_string_equal(reply_header(&early, "Retry-After"), "1");
    expect_holds(early.body, "not-yet");
    http_reply status = client_get(f->port, reply_header(&got, "Location"));
    expect_holds(status.body, "\"state\":\"accepted\"");
    assert_non_null(reply_header(&status, "Retry-After"));
    snprintf(header, sizeof header, "If-Position: %s\r\n", reply_header(&got, "Stream-Position"));
    http_reply there = client_request(f->port, "GET", "/api/notes/late", header, NULL);
    assert_int_equal(there.status, 200);
    reply_done(&there);
    reply_done(&status);
    reply_done(&early);
    reply_done(&got);
}

static void a_refused_event_counts_as_processed(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/api/notes/refused",
                                    JSON "Prefer: wait=10\r\n", "{\"text\":\"refuse\"}");
    assert_int_equal(got.status, 200);
    reply_done(&got);
}

enum { WAITERS = 24 };

struct waiter {
    pthread_t thread;
    int port;
    int status;
};

static void *send_and_wait(void *argument)
{
    struct waiter *waiter = argument;
    http_reply got =
        client_request(waiter->port, "POST", "/api/notes/many/poke", "Prefer: wait=10\r\n", NULL);
    waiter->status = got.status;
    reply_done(&got);
    return NULL;
}

/* More than may wait at once: the others are told 202, and nobody is turned away. */
static void many_that_wait_leave_threads_for_others(void **state)
{
    fixture *f = *state;
    struct waiter waiters[WAITERS];
    int answered = 0;
    http_reply slow =
        client_request(f->port, "POST", "/api/notes/many", JSON, "{\"text\":\"slow\"}");
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.port = f->port};
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, send_and_wait, &waiters[i]), 0);
    }
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_true(waiters[i].status == 200 || waiters[i].status == 202);
        answered += waiters[i].status == 200;
    }
    assert_true(answered >= 1);
    reply_done(&slow);
}

static void a_server_may_open_before_its_worker_starts(void **state)
{
    fixture *f = *state;
    riacho_error err = {""};
    const riacho_worker_options options = {
        .name = "early", .log = f->log, .stores = f->stores, .schemas = f->schemas, .threads = 1};
    riacho_api_close(f->api);
    assert_int_equal(riacho_worker_stop(f->worker, &err), RIACHO_OK);
    riacho_worker_close(f->worker);
    assert_int_equal(riacho_worker_open(&options, &f->worker, &err), RIACHO_OK);
    assert_int_equal(riacho_worker_add(f->worker, f->graph, &err), RIACHO_OK);
    f->api = NULL;
    fixture_reopen(f, NULL);
    static const char *const waiting[] = {"/readyz", "/startupz", "/notes/health", "/v1/tasks",
                                          "/api/notes/a"};
    for (size_t i = 0; i < sizeof waiting / sizeof *waiting; i++) {
        http_reply got = client_get(f->port, waiting[i]);
        assert_int_equal(got.status, 503);
        reply_done(&got);
    }
    http_reply got = client_get(f->port, "/livez");
    assert_int_equal(got.status, 200);
    reply_done(&got);
    got = client_get(f->port, "/metrics");
    assert_int_equal(got.status, 200);
    reply_done(&got);
    assert_int_equal(riacho_worker_start(f->worker, &err), RIACHO_OK);
    got = client_get(f->port, "/startupz");
    assert_int_equal(got.status, 200);
    reply_done(&got);
}

static int set_up(void **state)
{
    *state = fixture_new(NULL);
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
        cmocka_unit_test(a_command_is_accepted_and_its_effect_can_be_read),
        cmocka_unit_test(without_a_body_the_fields_take_their_defaults),
        cmocka_unit_test(a_bad_request_is_told_what_is_wrong),
        cmocka_unit_test(the_same_key_and_body_is_one_event_with_one_answer),
        cmocka_unit_test(the_same_key_with_another_body_is_refused),
        cmocka_unit_test(a_key_of_one_visitor_is_not_that_of_another),
        cmocka_unit_test(a_client_without_an_id_may_send_its_key_again),
        cmocka_unit_test(a_request_that_was_refused_may_use_its_key_again),
        cmocka_unit_test(a_new_visitor_is_given_an_id_that_stays),
        cmocka_unit_test(a_status_knows_when_the_command_had_its_effect),
        cmocka_unit_test(a_status_can_be_asked_for_after_a_restart),
        cmocka_unit_test(a_trace_is_carried_into_the_record),
        cmocka_unit_test(too_many_requests_are_told_when_to_come_back),
        cmocka_unit_test(a_worker_that_is_down_is_503),
        cmocka_unit_test(a_position_that_is_late_is_503_and_then_there),
        cmocka_unit_test(a_refused_event_counts_as_processed),
        cmocka_unit_test(many_that_wait_leave_threads_for_others),
        cmocka_unit_test(a_server_may_open_before_its_worker_starts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
