/* SPDX-License-Identifier: MIT
 *
 * records.c - topics over REST: pages of records, records in, topics made, dead letters, and who
 * may write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define LINES "Content-Type: application/x-ndjson\r\n"

static const char note[] = "{\"key\":\"p1\",\"value\":{\"eventId\":\"e\",\"pet\":\"p1\","
                           "\"visitor\":\"v\",\"mood\":\"GLAD\","
                           "\"text\":\"hello\",\"points\":3,\"atMs\":1}}";

static void expect_status(const http_reply *reply, int status, const char *part)
{
    if (reply->status != status)
        print_error("%d %s\n", reply->status, reply->body);
    assert_int_equal(reply->status, status);
    expect_holds(reply->body, part);
}

static void post(fixture *f, const char *target, const char *headers, const char *body, int status,
                 const char *part)
{
    http_reply got = client_request(f->port, "POST", target, headers, body);
    expect_status(&got, status, part);
    reply_done(&got);
}

static void get(fixture *f, const char *target, int status, const char *part)
{
    http_reply got = client_get(f->port, target);
    expect_status(&got, status, part);
    reply_done(&got);
}

static void make_topic(fixture *f, const char *name)
{
    char body[128];
    snprintf(body, sizeof body, "{\"topic\":\"%s\"}", name);
    post(f, "/v1/topics", JSON, body, 201, name);
}

static void a_topic_is_made_once(void **state)
{
    fixture *f = *state;
    post(f, "/v1/topics", JSON,
         "{\"topic\":\"made\",\"partitions\":2,\"cleanup\":\"compact\",\"retentionMs\":5}", 201,
         "\"partitions\":2,\"cleanup\":\"compact\",\"retentionMs\":5");
    post(f, "/v1/topics", JSON, "{\"topic\":\"made\"}", 422, "there already, with 2 partitions");
    post(f, "/v1/topics", JSON, "{\"topic\":\"\"}", 422, "topic name");
    post(f, "/v1/topics", JSON, "{\"topic\":\"m\",\"partitions\":0}", 422, "0 partitions");
    post(f, "/v1/topics", JSON, "{\"partitions\":\"x\"}", 400, "/partitions");
    post(f, "/v1/topics", LINES, "{\"topic\":\"made\"}", 415, "media-type");
}

static void records_go_in_as_lines_or_as_an_array_and_come_out_in_pages(void **state)
{
    fixture *f = *state;
    make_topic(f, "paged");
    post(f, "/v1/topics/paged/records", LINES, "{\"value\":\"AQ==\"}\n\n{\"value\":\"Ag==\"}", 200,
         "{\"count\":2,\"items\":[{\"position\":\"paged/0:2\"}]}");
    post(f, "/v1/topics/paged/records", JSON, "[{\"key\":\"Aw==\",\"timestamp\":7}]", 200,
         "{\"count\":1,\"items\":[{\"position\":\"paged/0:3\"}]}");
    post(f, "/v1/topics/paged/records", JSON, "[]", 200, "{\"count\":0,\"items\":[]}");
    get(f, "/v1/topics/paged/records?limit=1", 200, "\"value\":\"AQ==\"}],\"next\":1,\"end\":3}");
    get(f, "/v1/topics/paged/records?from=paged/0:2", 200,
        "{\"items\":[{\"topic\":\"paged\",\"partition\":0,\"offset\":2,\"timestamp\":7,"
        "\"key\":\"Aw==\",\"value\":null}],\"next\":3,\"end\":3}");
    get(f, "/v1/topics/paged/records?from=latest", 200, "{\"items\":[],\"next\":3,\"end\":3}");
    get(f, "/v1/topics/paged/records?from=2000-01-01", 200, "\"offset\":0");
}

static const struct {
    const char *target;
    int status;
    const char *part;
} refused[] = {
    {"/v1/topics/none/records", 404, "there is no topic 'none'"},
    {"/v1/topics/notes/records?partition=3", 400, "no partition 3"},
    {"/v1/topics/notes/records?partition=-1", 400, "'partition'"},
    {"/v1/topics/notes/records?limit=1001", 400, "'limit'"},
    {"/v1/topics/notes/records?from=soon", 400, "no place to begin"},
    {"/v1/topics/notes/records?from=notes/1:0", 400, "is not in notes/0"},
    {"/v1/topics/notes/records?form=0", 400, "'form'"},
};

static void a_page_that_cannot_be_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        get(*state, refused[i].target, refused[i].status, refused[i].part);
}

static void a_batch_with_a_fault_in_it_changes_nothing(void **state)
{
    fixture *f = *state;
    const int64_t before = fixture_count(f);
    char body[1024];
    snprintf(body, sizeof body, "%s\n{\"key\":\"p1\",\"value\":{\"points\":\"x\"}}", note);
    post(f, "/v1/topics/notes/records", LINES, body, 400, "\"pointer\":\"/1/value/points\"");
    snprintf(body, sizeof body, "%s\n{\"kye\":\"p1\"}", note);
    post(f, "/v1/topics/notes/records", LINES, body, 400, "\"pointer\":\"/1/kye\"");
    snprintf(body, sizeof body, "[%s,%s", note, note);
    post(f, "/v1/topics/notes/records", JSON, body, 400, "errors");
    post(f, "/v1/topics/notes/records", JSON, "[{\"topic\":\"other\"}]", 400, "/0/topic");
    post(f, "/v1/topics/notes/records", JSON, "[{\"partition\":3}]", 400, "partitions 0 to 2");
    post(f, "/v1/topics/none/records", JSON, "[{\"key\":null}]", 400, "there is no topic 'none'");
    post(f, "/v1/topics/notes/records", "Content-Type: text/plain\r\n", note, 415, "media-type");
    assert_int_equal(fixture_count(f), before);
}

/* Headers of a request from this machine, and whether an operator could have sent it. */
static const struct {
    const char *headers;
    int status;
} senders[] = {
    {JSON, 200},
    {JSON "X-Forwarded-For: 198.51.100.7\r\n", 403},
    {JSON "Forwarded: for=198.51.100.7\r\n", 403},
    {JSON "X-Real-IP: 198.51.100.7\r\n", 403},
    {JSON "Via: 1.1 a\r\n", 403},
    {JSON "Origin: https://a.example\r\n", 403},
    {JSON "Origin: null\r\n", 403},
    {JSON "Origin: http://127.0.0.1:1\r\n", 403},
    {JSON "Origin: http://test\r\n", 403}, /* its Host, which a name server may have made up */
};

static void only_operators_write(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
        post(f, "/v1/topics/notes/records", senders[i].headers, "[]", senders[i].status,
             senders[i].status == 200 ? "\"count\":0" : "not-operator");
}

static void behind_a_trusted_proxy_the_client_counts(void **state)
{
    static const char *const proxies[] = {"127.0.0.1"};
    static const char *const operators[] = {"198.51.100.0/24"};
    fixture *f = *state;
    const riacho_api_options options = {.trusted_proxies = proxies,
                                        .trusted_proxy_count = 1,
                                        .operators = operators,
                                        .operator_count = 1};
    fixture_reopen(f, &options);
    const char *const target = "/v1/topics/notes/records";
    post(f, target, JSON "X-Forwarded-For: 198.51.100.7\r\n", "[]", 200, "\"count\":0");
    post(f, target, JSON "X-Forwarded-For: 198.51.101.7\r\n", "[]", 403, "not-operator");
    post(f, target, JSON "X-Forwarded-For: 127.0.0.1, 198.51.101.7\r\n", "[]", 403, "not-operator");
    post(f, target, JSON "Via: 1.1 a\r\n", "[]", 403, "not trusted");
    fixture_reopen(f, NULL);
}

/* Waits, up to a while, until the reply holds the part. */
static void expect_soon(fixture *f, const char *target, const char *part)
{
    for (int i = 0; i < 500; i++) {
        http_reply got = client_get(f->port, target);
        const bool found = strstr(got.body, part);
        reply_done(&got);
        if (found)
            return;
        usleep(10000);
    }
    get(f, target, 200, part);
}

static void dead_letters_are_counted_by_reason(void **state)
{
    fixture *f = *state;
    get(f, "/v1/dlq", 200, "{\"items\":[],\"topics\":[\"notes-dlq\"],\"held\":0,\"looked\":0}");
    post(f, "/v1/topics/notes/records", JSON,
         "[{\"key\":\"p1\",\"valueBytes\":\"AQ==\"},{\"key\":\"p2\",\"valueBytes\":\"AQ==\"}]", 200,
         "\"count\":2");
    expect_soon(f, "/v1/dlq", "\"count\":2");
    get(f, "/v1/dlq", 200,
        "\"topic\":\"notes-dlq\",\"topology\":\"notes\",\"from\":\"notes\",\"step\":\"\","
        "\"kind\":\"deserialize\"");
    get(f, "/v1/topics/notes-dlq/records", 200,
        "\"key\":\"p1\",\"valueBytes\":\"AQ==\",\"valueError\":");
}

static int open_fixture(void **state)
{
    *state = fixture_new(NULL);
    return 0;
}

static int close_fixture(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_made_once),
        cmocka_unit_test(records_go_in_as_lines_or_as_an_array_and_come_out_in_pages),
        cmocka_unit_test(a_page_that_cannot_be_is_refused),
        cmocka_unit_test(a_batch_with_a_fault_in_it_changes_nothing),
        cmocka_unit_test(only_operators_write),
        cmocka_unit_test(behind_a_trusted_proxy_the_client_counts),
        cmocka_unit_test(dead_letters_are_counted_by_reason),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
