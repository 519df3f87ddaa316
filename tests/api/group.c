/* SPDX-License-Identifier: MIT
 *
 * group.c - workers of one group ask each other: three servers over three workers, which share a
 * model of Kafka (tests/simulator) and are stepped by hand between the requests. The topology is
 * the fixture's, whose "all" of board and journal is spread over three tasks.
 *
 * Reads take no step of a worker, so what a request sees is what there was before it.
 *
 * Threads: the test's; a server's only while the test waits for its reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/secret.h"
#include "base/macros.h"
#include "base/memory.h"
#include "broker.h"
#include "fixture.h"
#include "riacho/backend/stores.h"
#include "riacho/peers.h"

enum { SEATS = 3, PETS = 9, TASKS = 3, PATIENCE_MS = 60000, ADDRESS_BYTES = 32 };

struct seat {
    riacho_log *log;
    riacho_store_factory *stores;
    riacho_worker *worker;
    riacho_api *api;
    char address[ADDRESS_BYTES]; /* for the others */
    char served_by[ADDRESS_BYTES];
    int port;
};

struct group {
    fixture *f; /* its graph */
    simulation sim;
    model_broker *broker;
    struct seat seats[SEATS];
    uint32_t standbys;
    char secret[128];
};

/* ---- the group ------------------------------------------------------------------------------- */

static void must(riacho_status status, const riacho_error *err)
{
    if (status != RIACHO_OK)
        print_error("%s\n", err->text);
    assert_int_equal(status, RIACHO_OK);
}

static void pass(struct group *g, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        for (size_t k = 0; k < SEATS; k++) {
            for (riacho_part part = RIACHO_PART_CONTROL; part < RIACHO_PARTS; part++) {
                riacho_error err = {.text = ""};
                bool did;
                if (g->seats[k].worker)
                    must(riacho_worker_step(g->seats[k].worker, part, &did, &err), &err);
            }
        }
        simulation_advance(&g->sim, 1);
    }
}

static void sit(struct group *g, size_t i)
{
    struct seat *seat = &g->seats[i];
    riacho_error err = {.text = ""};
    char name[24];
    snprintf(name, sizeof name, "w%zu", i);
    seat->log = model_client_new(g->broker);
    seat->stores = riacho_memory_stores_new();
    const riacho_worker_options options = {.name = name,
                                           .log = seat->log,
                                           .stores = seat->stores,
                                           .schemas = g->f->schemas,
                                           .clock = &g->sim.clock.clock,
                                           .group = "group",
                                           .standbys = g->standbys};
    must(riacho_worker_open(&options, &seat->worker, &err), &err);
    must(riacho_worker_add(seat->worker, g->f->graph, &err), &err);
    const riacho_api_options with = {.worker = seat->worker,
                                     .listen = "127.0.0.1:0",
                                     .peers_listen = "127.0.0.1:0",
                                     .group_secret_file = *g->secret ? g->secret : NULL,
                                     .reads = {-1, 0},
                                     .writes = {-1, 0}};
    must(riacho_api_open(&with, &seat->api, &err), &err);
    seat->port = riacho_api_port(seat->api);
    snprintf(seat->served_by, ADDRESS_BYTES, "127.0.0.1:%d", seat->port);
    snprintf(seat->address, ADDRESS_BYTES, "127.0.0.1:%d", riacho_api_peers_port(seat->api));
    riacho_worker_advertise(seat->worker, seat->address);
    must(riacho_worker_start(seat->worker, &err), &err);
}

/* The process is gone at once. */
static void kill_seat(struct group *g, size_t i)
{
    struct seat *seat = &g->seats[i];
    if (!seat->worker)
        return;
    riacho_api_close(seat->api);
    model_client_cut(seat->log);
    riacho_worker_close(seat->worker);
    seat->log->ops->close(seat->log);
    seat->stores->ops->close(seat->stores);
    *seat = (struct seat){0};
}

/* What a worker says about its tasks: which are in this state, by partition; TASKS: none. */
static size_t find_task(struct group *g, size_t i, const char *state)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_task_status *tasks;
    riacho_error err = {.text = ""};
    size_t count;
    must(riacho_worker_tasks(g->seats[i].worker, arena, &tasks, &count, &err), &err);
    for (size_t t = 0; t < count; t++)
        if (strcmp(tasks[t].state, state) == 0)
            return t;
    return TASKS;
}

static size_t count_running(struct group *g)
{
    size_t running = 0;
    for (size_t i = 0; i < SEATS; i++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        riacho_task_status *tasks;
        riacho_error err = {.text = ""};
        size_t count = 0;
        if (g->seats[i].worker)
            must(riacho_worker_tasks(g->seats[i].worker, arena, &tasks, &count, &err), &err);
        for (size_t t = 0; t < count; t++)
            running += strcmp(tasks[t].state, "running") == 0;
    }
    return running;
}

static void settle(struct group *g)
{
    for (int64_t ms = 0; ms < PATIENCE_MS; ms += 10) {
        if (count_running(g) == TASKS)
            return;
        pass(g, 10);
    }
    fail_msg("the tasks do not all run");
}

static void note(struct group *g, size_t at, const char *pet, int points)
{
    char target[128], body[256];
    snprintf(target, sizeof target, "/api/notes/%s", pet);
    snprintf(body, sizeof body, "{\"text\":\"of %s\",\"points\":%d}", pet, points);
    http_reply got = client_request(g->seats[at].port, "POST", target, JSON, body);
    assert_int_equal(got.status, 202);
    reply_done(&got);
}

static void note_all(struct group *g)
{
    for (int i = 0; i < PETS; i++) {
        char pet[16];
        snprintf(pet, sizeof pet, "p%d", i);
        note(g, (size_t)i % SEATS, pet, (i + 1) * 10);
    }
    pass(g, 500);
}

static struct group *group_new(uint32_t standbys, bool secret)
{
    struct group *g = riacho_memory_get_zero(1, sizeof *g);
    g->f = fixture_new(NULL);
    g->standbys = standbys;
    simulation_init(&g->sim, 1);
    g->broker = model_broker_new(&g->sim);
    if (secret) {
        riacho_secret made;
        riacho_error err = {.text = ""};
        snprintf(g->secret, sizeof g->secret, "%s/key", g->f->folder);
        must(riacho_secret_open(g->secret, &made, &err), &err);
        riacho_secret_done(&made);
    }
    for (size_t i = 0; i < SEATS; i++) {
        sit(g, i);
        pass(g, 3000);
    }
    settle(g);
    pass(g, 5000); /* everybody has seen where everything is */
    return g;
}

static void group_free(struct group *g)
{
    for (size_t i = 0; i < SEATS; i++)
        kill_seat(g, i);
    model_broker_free(g->broker);
    simulation_done(&g->sim);
    fixture_free(g->f);
    free(g);
}

static http_reply get(struct group *g, size_t at, const char *target)
{
    return client_get(g->seats[at].port, target);
}

/* ---- any worker answers ---------------------------------------------------------------------- */

static const char *const same_everywhere[] = {
    "/v1/stores/totals/keys/p0",
    "/v1/stores/totals/keys/p3",
    "/v1/stores/totals/keys/p7",
    "/v1/stores/totals/range",
    "/v1/stores/totals/range?limit=4",
    "/v1/stores/totals/range?from=p2&to=p6&reverse",
    "/v1/stores/board/top?key=all",
    "/v1/stores/board/top?key=all&limit=4",
    "/v1/stores/board/rank/p4?key=all&around=3",
    "/v1/stores/board/rank/p8?key=all&around=3",
    "/v1/stores/journal/list/all?limit=100",
    "/v1/stores/journal/list/p5",
    "/api/notes/p1",
    "/api/notes/p1/journal",
    "/api/boards/all",
    "/api/boards/all/rank/p2",
};

static void every_worker_gives_the_same_answer(void **state)
{
    struct group *g = *state;
    for (size_t i = 0; i < sizeof same_everywhere / sizeof *same_everywhere; i++) {
        http_reply first = get(g, 0, same_everywhere[i]);
        if (first.status != 200)
            fail_msg("%s: %s", same_everywhere[i], first.body);
        for (size_t at = 1; at < SEATS; at++) {
            http_reply other = get(g, at, same_everywhere[i]);
            assert_int_equal(other.status, 200);
            assert_string_equal(other.body, first.body);
            reply_done(&other);
        }
        reply_done(&first);
    }
}

static void a_top_over_three_workers_is_in_order(void **state)
{
    struct group *g = *state;
    http_reply got = get(g, 1, "/v1/stores/board/top?key=all&limit=3");
    expect_holds(got.body, "{\"items\":[{\"rank\":1,\"member\":\"p8\",\"score\":90},"
                           "{\"rank\":2,\"member\":\"p7\",\"score\":80},"
                           "{\"rank\":3,\"member\":\"p6\",\"score\":70}],\"next\":\"");
    reply_done(&got);
    got = get(g, 2, "/v1/stores/board/rank/p4?key=all&around=1");
    assert_string_equal(got.body, "{\"rank\":5,\"score\":50,\"of\":9,\"around\":["
                                  "{\"rank\":4,\"member\":\"p5\",\"score\":60},"
                                  "{\"rank\":5,\"member\":\"p4\",\"score\":50},"
                                  "{\"rank\":6,\"member\":\"p3\",\"score\":40}]}\n");
    reply_done(&got);
}

static const char *const paged[] = {"/v1/stores/totals/range?", "/v1/stores/board/top?key=all&",
                                    "/v1/stores/journal/list/all?"};

/* The cursor that a page ended with; "" at the last. */
static void next_cursor(const char *body, char *ret_cursor, size_t size)
{
    const char *at = strstr(body, "\"next\":\"");
    *ret_cursor = 0;
    if (at)
        snprintf(ret_cursor, size, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
}

static void pages_go_on_at_another_worker(void **state)
{
    struct group *g = *state;
    for (size_t i = 0; i < sizeof paged / sizeof *paged; i++) {
        char target[512], cursor[256] = "";
        size_t items = 0, pages = 0;
        do {
            snprintf(target, sizeof target, "%slimit=2%s%s", paged[i], *cursor ? "&cursor=" : "",
                     cursor);
            http_reply got = get(g, pages++ % SEATS, target);
            if (got.status != 200)
                fail_msg("%s: %s", target, got.body);
            for (const char *at = got.body; (at = strstr(at, i == 1 ? "\"rank\"" : "\"value\""));
                 at++)
                items++;
            next_cursor(got.body, cursor, sizeof cursor);
            reply_done(&got);
        } while (*cursor && pages < 20);
        assert_int_equal(items, PETS);
    }
}

static void several_keys_come_from_where_each_is(void **state)
{
    struct group *g = *state;
    http_reply got = client_request(g->seats[2].port, "POST", "/v1/stores/totals/mget", JSON,
                                    "{\"keys\":[\"p0\",\"p1\",\"p2\",\"none\",\"p8\"]}");
    assert_int_equal(got.status, 200);
    assert_string_equal(got.body, "{\"items\":[{\"key\":\"p0\",\"value\":10},{\"key\":\"p1\","
                                  "\"value\":20},{\"key\":\"p2\",\"value\":30},{\"key\":\"none\","
                                  "\"value\":null},{\"key\":\"p8\",\"value\":90}]}\n");
    reply_done(&got);
}

/* Every key of p0 to p8 at every worker: served by who has its task, and both of them say so. */
static void who_served_it_is_told(void **state)
{
    struct group *g = *state;
    size_t here = 0;
    for (int pet = 0; pet < PETS; pet++) {
        char target[64], owner[ADDRESS_BYTES] = "";
        snprintf(target, sizeof target, "/v1/stores/totals/keys/p%d", pet);
        for (size_t at = 0; at < SEATS; at++) {
            http_reply got = get(g, at, target);
            const char *served_by = reply_header(&got, "Served-By");
            if (!*owner)
                snprintf(owner, sizeof owner, "%s", served_by);
            assert_string_equal(served_by, owner);
            assert_string_equal(reply_header(&got, "Riacho-Role"), "active");
            assert_non_null(reply_header(&got, "Stream-Position"));
            assert_non_null(reply_header(&got, "Riacho-Staleness-Ms"));
            here += strcmp(served_by, g->seats[at].served_by) == 0;
            reply_done(&got);
        }
    }
    assert_int_equal(here, PETS);
    http_reply got = get(g, 0, "/v1/stores/board/top?key=all");
    for (size_t at = 0; at < SEATS; at++)
        expect_holds(reply_header(&got, "Served-By"), g->seats[at].served_by);
    reply_done(&got);
}

static void an_unchanged_answer_of_another_worker_is_304(void **state)
{
    struct group *g = *state;
    char header[128];
    for (size_t at = 0; at < SEATS; at++) {
        http_reply got = get(g, at, "/v1/stores/board/top?key=all");
        snprintf(header, sizeof header, "If-None-Match: %s\r\n", reply_header(&got, "ETag"));
        http_reply again =
            client_request(g->seats[at].port, "GET", "/v1/stores/board/top?key=all", header, NULL);
        assert_int_equal(again.status, 304);
        reply_done(&again);
        reply_done(&got);
    }
}

static void a_position_is_followed_to_its_owner(void **state)
{
    struct group *g = *state;
    char header[128];
    http_reply posted = client_request(g->seats[0].port, "POST", "/api/notes/px", JSON,
                                       "{\"text\":\"hi\",\"points\":5}");
    assert_int_equal(posted.status, 202);
    snprintf(header, sizeof header, "If-Position: %s\r\nPrefer: wait=0\r\n",
             reply_header(&posted, "Stream-Position"));
    for (size_t at = 0; at < SEATS; at++) {
        http_reply early =
            client_request(g->seats[at].port, "GET", "/v1/stores/totals/keys/px", header, NULL);
        assert_int_equal(early.status, 503);
        expect_holds(early.body, "not-yet");
        reply_done(&early);
    }
    pass(g, 500);
    for (size_t at = 0; at < SEATS; at++) {
        http_reply got =
            client_request(g->seats[at].port, "GET", "/v1/stores/totals/keys/px", header, NULL);
        assert_int_equal(got.status, 200);
        assert_string_equal(got.body, "5\n");
        reply_done(&got);
    }
    reply_done(&posted);
}

static void the_group_is_listed_everywhere(void **state)
{
    struct group *g = *state;
    for (size_t at = 0; at < SEATS; at++) {
        http_reply workers = get(g, at, "/v1/workers"), tasks = get(g, at, "/v1/tasks");
        for (size_t i = 0; i < SEATS; i++) {
            char name[32], address[64];
            snprintf(name, sizeof name, "\"w%zu\"", i);
            snprintf(address, sizeof address, "\"address\":\"%s\"", g->seats[i].address);
            expect_holds(workers.body, name);
            expect_holds(workers.body, g->seats[i].served_by);
            expect_holds(tasks.body, name);
            expect_holds(tasks.body, address);
        }
        assert_null(strstr(workers.body, "silent"));
        reply_done(&workers);
        reply_done(&tasks);
    }
}

/* ---- one hop --------------------------------------------------------------------------------- */

static int peers_port(const struct group *g, size_t at)
{
    return (int)strtol(strchr(g->seats[at].address, ':') + 1, NULL, 10);
}

static const struct {
    const char *name;
    const char *method;
    const char *target;
    const char *headers;
    int status;
} misuses[] = {
    {"another path", "POST", "/v1/workers", "Riacho-Hop: 1\r\n", 404},
    {"a read", "GET", "/v1/peer", "Riacho-Hop: 1\r\n", 404},
    {"no hop", "POST", "/v1/peer", "", 400},
    {"a second hop", "POST", "/v1/peer", "Riacho-Hop: 2\r\n", 400},
    {"no question", "POST", "/v1/peer", "Riacho-Hop: 1\r\n", 422},
};

static void the_address_for_workers_takes_questions_only(void **state)
{
    struct group *g = *state;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        http_reply got = client_request(peers_port(g, 0), misuses[i].method, misuses[i].target,
                                        misuses[i].headers,
                                        strcmp(misuses[i].method, "POST") == 0 ? "junk" : NULL);
        if (got.status != misuses[i].status)
            fail_msg("%s: %d %s", misuses[i].name, got.status, got.body);
        reply_done(&got);
    }
}

static void a_client_that_sends_the_hop_gains_nothing(void **state)
{
    struct group *g = *state;
    for (size_t at = 0; at < SEATS; at++) {
        http_reply got = client_request(g->seats[at].port, "GET", "/v1/stores/totals/keys/p3",
                                        "Riacho-Hop: 1\r\n", NULL);
        assert_int_equal(got.status, 200);
        reply_done(&got);
        got = client_request(g->seats[at].port, "POST", "/v1/peer", "Riacho-Hop: 1\r\n", "x");
        assert_int_equal(got.status, 404);
        reply_done(&got);
    }
}

/* ---- workers that go ------------------------------------------------------------------------- */

static void a_missing_shard_is_503_and_then_the_new_owner_answers(void **state)
{
    (void)state;
    struct group *g = group_new(0, false);
    char task[64];
    note_all(g);
    snprintf(task, sizeof task, "notes/0_%zu", find_task(g, 2, "running"));
    kill_seat(g, 2);
    http_reply got = get(g, 0, "/v1/stores/board/top?key=all");
    assert_int_equal(got.status, 503);
    assert_string_equal(reply_header(&got, "Retry-After"), "1");
    expect_holds(got.body, task);
    reply_done(&got);
    got = get(g, 0, "/v1/stores/board/top?key=all&partial=true");
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "\"partial\":true,\"missing\":[\"notes/0_");
    expect_holds(got.body, task);
    expect_holds(got.body, "\"member\":\"p");
    reply_done(&got);
    got = get(g, 0, "/v1/stores/board/top?key=all&partial=perhaps");
    assert_int_equal(got.status, 400);
    reply_done(&got);
    settle(g);
    pass(g, 5000);
    got = get(g, 0, "/v1/stores/board/rank/p0?key=all");
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "\"rank\":9,\"score\":10,\"of\":9");
    reply_done(&got);
    group_free(g);
}

static void a_standby_answers_those_who_said_how_old(void **state)
{
    (void)state;
    struct group *g = group_new(2, false);
    static const char bounded[] = "Read-Consistency: bounded=3600000ms\r\n";
    note_all(g);
    pass(g, 5000);
    assert_int_not_equal(find_task(g, 0, "standby"), TASKS);
    http_reply got =
        client_request(g->seats[0].port, "GET", "/v1/stores/board/top?key=all", bounded, NULL);
    assert_int_equal(got.status, 200);
    assert_string_equal(reply_header(&got, "Riacho-Role"), "standby");
    assert_string_equal(reply_header(&got, "Served-By"), g->seats[0].served_by);
    reply_done(&got);
    got = get(g, 0, "/v1/stores/board/top?key=all");
    assert_string_equal(reply_header(&got, "Riacho-Role"), "active");
    reply_done(&got);
    kill_seat(g, 1);
    kill_seat(g, 2);
    got = get(g, 0, "/v1/stores/board/top?key=all");
    assert_int_equal(got.status, 503);
    reply_done(&got);
    got = client_request(g->seats[0].port, "GET", "/v1/stores/board/top?key=all", bounded, NULL);
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "\"rank\":9");
    reply_done(&got);
    group_free(g);
}

/* ---- the group's secret ---------------------------------------------------------------------- */

static void with_a_secret_only_members_ask(void **state)
{
    (void)state;
    struct group *g = group_new(0, true);
    note_all(g);
    for (size_t at = 0; at < SEATS; at++) {
        http_reply got = get(g, at, "/v1/stores/board/rank/p8?key=all");
        assert_int_equal(got.status, 200);
        reply_done(&got);
    }
    static const char *const proofs[] = {"", "Riacho-Proof: 1.00\r\n", "Riacho-Proof: .\r\n",
                                         "Riacho-Proof: x\r\n"};
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        char headers[128];
        snprintf(headers, sizeof headers, "Riacho-Hop: 1\r\n%s", proofs[i]);
        http_reply got = client_request(peers_port(g, 0), "POST", "/v1/peer", headers, "x");
        assert_int_equal(got.status, 403);
        expect_holds(got.body, "not-member");
        reply_done(&got);
    }
    group_free(g);
}

/* Who was given an id by one worker is known to all of them. */
static void with_a_secret_visitors_are_known_everywhere(void **state)
{
    (void)state;
    struct group *g = group_new(0, true);
    http_reply first = get(g, 0, "/v1/visitor");
    char header[256];
    snprintf(header, sizeof header, "Riacho-Visitor: %s\r\n",
             reply_header(&first, "Riacho-Visitor"));
    for (size_t at = 1; at < SEATS; at++) {
        http_reply other = client_request(g->seats[at].port, "GET", "/v1/visitor", header, NULL);
        assert_string_equal(other.body, first.body);
        reply_done(&other);
    }
    reply_done(&first);
    group_free(g);
}

static int set_up(void **state)
{
    struct group *g = group_new(0, false);
    note_all(g);
    *state = g;
    return 0;
}

static int tear_down(void **state)
{
    group_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_gives_the_same_answer),
        cmocka_unit_test(a_top_over_three_workers_is_in_order),
        cmocka_unit_test(pages_go_on_at_another_worker),
        cmocka_unit_test(several_keys_come_from_where_each_is),
        cmocka_unit_test(who_served_it_is_told),
        cmocka_unit_test(an_unchanged_answer_of_another_worker_is_304),
        cmocka_unit_test(the_group_is_listed_everywhere),
        cmocka_unit_test(the_address_for_workers_takes_questions_only),
        cmocka_unit_test(a_client_that_sends_the_hop_gains_nothing),
        cmocka_unit_test(a_position_is_followed_to_its_owner),
        cmocka_unit_test(a_missing_shard_is_503_and_then_the_new_owner_answers),
        cmocka_unit_test(a_standby_answers_those_who_said_how_old),
        cmocka_unit_test(with_a_secret_only_members_ask),
        cmocka_unit_test(with_a_secret_visitors_are_known_everywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
