/* SPDX-License-Identifier: MIT
 *
 * reads.c - what a client may rely on when it reads. The notes that all tests read are written once
 * by set_up: pets p0 to p8 with 10, 20 ... 90 points, spread over three partitions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "fixture.h"

enum { PETS = 9, FOUND_BYTES = 4096 };

static void a_key_is_read_with_its_position_age_and_tag(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/v1/stores/totals/keys/p3");
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "40\n");
    assert_string_equal(reply_header(&got, "Content-Type"), "application/json");
    expect_holds(reply_header(&got, "Stream-Position"), "notes/");
    assert_non_null(reply_header(&got, "Served-By"));
    assert_true(strtol(reply_header(&got, "Riacho-Staleness-Ms"), NULL, 10) >= 0);
    assert_int_equal(*reply_header(&got, "ETag"), '"');
    reply_done(&got);
}

static void an_unchanged_value_is_304(void **state)
{
    fixture *f = *state;
    char header[128];
    http_reply got = client_get(f->port, "/api/notes/p1");
    snprintf(header, sizeof header, "If-None-Match: \"x\", W/%s\r\n", reply_header(&got, "ETag"));
    http_reply again = client_request(f->port, "GET", "/api/notes/p1", header, NULL);
    assert_int_equal(again.status, 304);
    assert_string_equal(again.body, "");
    fixture_note(f, "p1", "changed", 0);
    http_reply changed = client_request(f->port, "GET", "/api/notes/p1", header, NULL);
    assert_int_equal(changed.status, 200);
    expect_holds(changed.body, "\"text\":\"changed\"");
    reply_done(&changed);
    reply_done(&again);
    reply_done(&got);
}

static void a_missing_key_is_404_with_a_position(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/api/notes/nobody");
    assert_int_equal(got.status, 404);
    expect_holds(got.body, "not-found");
    assert_non_null(reply_header(&got, "Stream-Position"));
    reply_done(&got);
}

/* What a GET answers. */
static const struct {
    const char *name;
    const char *target;
    int status;
    const char *part;
} answers[] = {
    {"an escaped key", "/api/notes/p%31", 200, "\"pet\":\"p1\""},
    {"a slash in a key is part of it", "/api/notes/p%2F1", 404, "not-found"},
    {"a query through a view", "/api/notes/p2/aged", 200, "{\"pet\":\"p2\",\"points\":300}"},
    {"an aggregate", "/api/notes/p2/total", 200, "30"},
    {"the best two of three tasks", "/api/boards/all", 200,
     "{\"items\":[{\"rank\":1,\"member\":\"p8\",\"score\":90},{\"rank\":2,\"member\":\"p7\","
     "\"score\":80}],\"next\":\""},
    {"a limit is cut to the most", "/api/boards/all?limit=99", 200,
     "{\"rank\":5,\"member\":\"p4\",\"score\":50}],\"next\":\""},
    {"a ranking that is not there", "/api/boards/none", 200, "{\"items\":[],\"next\":null}"},
    {"a member between its neighbours", "/api/boards/all/rank/p4", 200,
     "{\"rank\":5,\"score\":50,\"of\":9,\"around\":[{\"rank\":4,\"member\":\"p5\",\"score\":60},"
     "{\"rank\":5,\"member\":\"p4\",\"score\":50},{\"rank\":6,\"member\":\"p3\",\"score\":40}]}"},
    {"the first member", "/api/boards/all/rank/p8", 200,
     "\"around\":[{\"rank\":1,\"member\":\"p8\",\"score\":90},{\"rank\":2,"},
    {"the last member", "/api/boards/all/rank/p0", 200,
     "{\"rank\":9,\"member\":\"p0\",\"score\":10}]}"},
    {"no such member", "/api/boards/all/rank/px", 404, "not-found"},
    {"a list, newest first", "/api/notes/p1/journal", 200, "{\"items\":[{\"sequence\":"},
    {"a list of nobody", "/api/notes/px/journal", 200, "{\"items\":[],\"next\":null}"},
    {"a literal segment beats a parameter", "/api/notes/latest", 200, "{\"items\":[{\"sequence\""},
    {"a range", "/v1/stores/totals/range?limit=2", 200,
     "{\"items\":[{\"key\":\"p0\",\"value\":10}"},
    {"a range from and to", "/v1/stores/totals/range?from=p2&to=p4", 200,
     "{\"items\":[{\"key\":\"p2\",\"value\":30},{\"key\":\"p3\",\"value\":40}],\"next\":null}"},
    {"a range backwards", "/v1/stores/totals/range?from=p2&to=p4&reverse=true", 200,
     "{\"items\":[{\"key\":\"p3\",\"value\":40},{\"key\":\"p2\",\"value\":30}],\"next\":null}"},
    {"a prefix", "/v1/stores/totals/range?prefix=p8", 200,
     "{\"items\":[{\"key\":\"p8\",\"value\":90}],\"next\":null}"},
    {"an empty range", "/v1/stores/totals/range?from=p4&to=p2", 200,
     "{\"items\":[],\"next\":null}"},
    {"a top by store", "/v1/stores/board/top?key=all&limit=1", 200, "\"member\":\"p8\""},
    {"a rank by store", "/v1/stores/board/rank/p7?key=all&around=1", 200, "{\"rank\":2,"},
    {"a list by store", "/v1/stores/journal/list/p8", 200, "\"points\":90"},
    {"a store that is not there", "/v1/stores/none/keys/x", 404, "there is no store"},
    {"a range of a ranking", "/v1/stores/board/range", 400, "has no range"},
    {"a top without a key", "/v1/stores/board/top", 400, "needs a key"},
    {"a limit that is no number", "/v1/stores/totals/range?limit=x", 400, "'limit'"},
    {"a limit beyond the most", "/v1/stores/totals/range?limit=1001", 400, "'limit'"},
    {"a declared query's bad limit", "/api/boards/all?limit=-1", 400, "'limit'"},
    {"a forged cursor", "/api/boards/all?cursor=AAAA", 400, "cursor"},
    {"a cursor that is no base64", "/api/boards/all?cursor=!", 400, "cursor"},
    {"another query's cursor", "/v1/stores/totals/range?cursor=VAAAAAAAAAAAcDE", 400, "cursor"},
    {"an unknown parameter", "/v1/stores/totals/range?form=a", 400, "'form'"},
    {"a parameter given twice", "/v1/stores/totals/range?limit=1&limit=2", 400, "twice"},
    {"a flag that is none", "/v1/stores/totals/range?reverse=maybe", 400, "'reverse'"},
    {"stores", "/v1/stores", 200, "\"type\":\"ttl\""},
    {"topologies", "/v1/topologies", 200, "\"name\":\"notes\""},
    {"a topology", "/v1/topologies/notes", 200, "\"state\":\"running\""},
    {"no such topology", "/v1/topologies/none", 404, "no such topology"},
    {"a graph", "/v1/topologies/notes/graph?format=mermaid", 200, "down"},
    {"a graph in a strange form", "/v1/topologies/notes/graph?format=png", 400, "mermaid"},
    {"the tasks of a topology", "/v1/topologies/notes/status", 200, "\"task\":\"0_2\""},
    {"progress", "/v1/topologies/notes/progress", 200, "\"tasksRunning\":3"},
    {"tasks", "/v1/tasks", 200, "\"lagRecords\":0"},
    {"workers", "/v1/workers", 200, "\"state\":\"ready\""},
    {"topics", "/v1/topics", 200, "\"topic\":\"notes\""},
};

static void each_read_has_its_answer(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        http_reply got = client_get(f->port, answers[i].target);
        if (got.status != answers[i].status)
            print_error("%s: %d %s\n", answers[i].name, got.status, got.body);
        assert_int_equal(got.status, answers[i].status);
        expect_holds(got.body, answers[i].part);
        reply_done(&got);
    }
}

/* Follows Link: rel=next from the target to the last page; the parts of interest, in order. */
static void follow_pages(fixture *f, const char *target, const char *part, char *ret_found,
                         int *ret_pages)
{
    char next[1024];
    snprintf(next, sizeof next, "%s", target);
    *ret_found = 0;
    *ret_pages = 0;
    while (*next) {
        http_reply got = client_get(f->port, next);
        assert_int_equal(got.status, 200);
        for (const char *at = got.body; (at = strstr(at, part));) {
            at += strlen(part);
            const size_t used = strlen(ret_found);
            snprintf(ret_found + used, FOUND_BYTES - used, "%.*s ", (int)strcspn(at, "\","), at);
        }
        const char *link = reply_header(&got, "Link");
        *next = 0;
        if (link) {
            expect_holds(link, ">; rel=\"next\"");
            snprintf(next, sizeof next, "%.*s", (int)strcspn(link + 1, ">"), link + 1);
        }
        assert_int_equal(strstr(got.body, "\"next\":null") != NULL, link == NULL);
        reply_done(&got);
        assert_true(++*ret_pages < 50);
    }
}

static const struct {
    const char *target;
    const char *part;
    const char *found;
    int pages;
} walks[] = {
    {"/api/boards/all", "\"member\":\"", "p8 p7 p6 p5 p4 p3 p2 p1 p0 ", 5},
    {"/api/boards/all?limit=4", "\"rank\":", "1 2 3 4 5 6 7 8 9 ", 3},
    {"/v1/stores/totals/range?limit=4", "\"key\":\"", "p0 p1 p2 p3 p4 p5 p6 p7 p8 ", 3},
    {"/v1/stores/totals/range?limit=4&reverse=true", "\"key\":\"", "p8 p7 p6 p5 p4 p3 p2 p1 p0 ",
     3},
    {"/v1/stores/totals/range?limit=9", "\"key\":\"", "p0 p1 p2 p3 p4 p5 p6 p7 p8 ", 1},
    {"/api/notes", "\"key\":\"", "p0 p1 p2 p3 p4 p5 p6 p7 p8 ", 5},
};

static void pages_lead_through_everything_once(void **state)
{
    fixture *f = *state;
    char found[FOUND_BYTES];
    int pages;
    for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
        follow_pages(f, walks[i].target, walks[i].part, found, &pages);
        assert_string_equal(found, walks[i].found);
        assert_int_equal(pages, walks[i].pages);
    }
}

static int count_parts(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

static void a_list_of_several_tasks_is_paged_whole(void **state)
{
    fixture *f = *state;
    char found[FOUND_BYTES];
    int pages;
    http_reply whole = client_get(f->port, "/v1/stores/journal/list/all?limit=1000");
    const int count = count_parts(whole.body, "\"sequence\":");
    follow_pages(f, "/v1/stores/journal/list/all?limit=2", "\"eventId\":\"", found, &pages);
    assert_int_equal(count_parts(found, " "), count);
    /* Each once. */
    char *rest = found;
    for (char *at; (at = strsep(&rest, " ")) && *at;)
        assert_int_equal(count_parts(whole.body, at), 1);
    reply_done(&whole);
}

static void a_page_stays_where_it_was_when_others_move(void **state)
{
    fixture *f = *state;
    http_reply first = client_get(f->port, "/api/boards/all?limit=3");
    char next[512];
    const char *link = reply_header(&first, "Link");
    snprintf(next, sizeof next, "%.*s", (int)strcspn(link + 1, ">"), link + 1);
    fixture_note(f, "p9", "late", 1000);
    http_reply second = client_get(f->port, next);
    expect_holds(second.body, "\"rank\":5,\"member\":\"p5\"");
    fixture_note(f, "p9", "gone", -1000);
    reply_done(&first);
    reply_done(&second);
}

static void many_keys_are_read_at_once(void **state)
{
    fixture *f = *state;
    http_reply got = client_request(f->port, "POST", "/v1/stores/totals/mget", JSON,
                                    "{\"keys\":[\"p1\",\"nobody\",\"p2\"]}");
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "{\"items\":[{\"key\":\"p1\",\"value\":20},{\"key\":\"nobody\","
                                  "\"value\":null},{\"key\":\"p2\",\"value\":30}]}\n");
    reply_done(&got);
    got = client_request(f->port, "POST", "/v1/stores/totals/mget", JSON, "{\"keys\":[1]}");
    assert_int_equal(got.status, 400);
    expect_holds(got.body, "/keys/0");
    reply_done(&got);
}

static void a_position_beyond_the_log_is_refused(void **state)
{
    fixture *f = *state;
    http_reply got =
        client_request(f->port, "GET", "/api/notes/p1", "If-Position: notes/0:99999\r\n", NULL);
    assert_int_equal(got.status, 400);
    expect_holds(got.body, "not there yet");
    reply_done(&got);
    got = client_request(f->port, "GET", "/api/notes/p1", "If-Position: notes\r\n", NULL);
    assert_int_equal(got.status, 400);
    reply_done(&got);
    got = client_request(f->port, "GET", "/api/notes/p1", "If-Position: nothing/0:1\r\n", NULL);
    assert_int_equal(got.status, 400);
    reply_done(&got);
}

static void a_forged_visitor_may_read(void **state)
{
    fixture *f = *state;
    http_reply got =
        client_request(f->port, "GET", "/api/notes/p1", "Riacho-Visitor: forged\r\n", NULL);
    assert_int_equal(got.status, 200);
    reply_done(&got);
}

static void expiring_values_are_read_by_visitor(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/api/seen");
    assert_int_equal(got.status, 404);
    reply_done(&got);
}

static void a_view_that_fails_is_the_servers_fault(void **state)
{
    fixture *f = *state;
    fixture_note(f, "px1", "unviewable", 0);
    riacho_trace_level(RIACHO_ERROR + 1);
    http_reply got = client_get(f->port, "/api/notes/px1/aged");
    riacho_trace_level(RIACHO_ERROR);
    assert_int_equal(got.status, 500);
    expect_holds(got.body, "internal");
    assert_null(strstr(got.body, "aged"));
    reply_done(&got);
}

static int set_up(void **state)
{
    fixture *f = fixture_new(NULL);
    for (int i = 0; i < PETS; i++) {
        char pet[16];
        snprintf(pet, sizeof pet, "p%d", i);
        fixture_note(f, pet, "first", (i + 1) * 10);
    }
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
        cmocka_unit_test(a_key_is_read_with_its_position_age_and_tag),
        cmocka_unit_test(a_missing_key_is_404_with_a_position),
        cmocka_unit_test(each_read_has_its_answer),
        cmocka_unit_test(pages_lead_through_everything_once),
        cmocka_unit_test(a_list_of_several_tasks_is_paged_whole),
        cmocka_unit_test(many_keys_are_read_at_once),
        cmocka_unit_test(a_position_beyond_the_log_is_refused),
        cmocka_unit_test(a_forged_visitor_may_read),
        cmocka_unit_test(expiring_values_are_read_by_visitor),
        cmocka_unit_test(an_unchanged_value_is_304),
        cmocka_unit_test(a_page_stays_where_it_was_when_others_move),
        cmocka_unit_test(a_view_that_fails_is_the_servers_fault),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
