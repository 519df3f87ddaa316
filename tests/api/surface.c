/* SPDX-License-Identifier: MIT
 *
 * surface.c - what is the same for every route: methods, CORS, security headers, health, metrics,
 * the description.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "fixture.h"
#include "topology/graph.h"

/* A method on a path, and what comes of it. */
static const struct {
    const char *method;
    const char *target;
    int status;
    const char *allow; /* NULL: no such header */
} methods[] = {
    {"GET", "/nothing/here", 404, NULL},
    {"GET", "/", 200, NULL},
    {"GET", "/api/notes/a/", 404, NULL},
    {"DELETE", "/api/notes/a", 405, "POST, GET, HEAD, OPTIONS"},
    {"POST", "/livez", 405, "GET, HEAD, OPTIONS"},
    {"BREW", "/livez", 405, "GET, HEAD, OPTIONS"},
    {"get", "/livez", 405, "GET, HEAD, OPTIONS"},
    {"OPTIONS", "/api/notes/a", 204, "POST, GET, HEAD, OPTIONS"},
    {"OPTIONS", "/nothing", 404, NULL},
    {"HEAD", "/livez", 200, NULL},
    {"HEAD", "/nothing", 404, NULL},
    {"GET", "/livez/", 200, NULL},
    {"GET", "//livez", 404, NULL},
    {"GET", "/livez?verbose", 200, NULL},
    {"GET", "/livez?x=1", 400, NULL},
};

static void methods_that_a_path_does_not_know_are_405(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        http_reply got = client_request(f->port, methods[i].method, methods[i].target, "", NULL);
        if (got.status != methods[i].status)
            print_error("%s %s: %d\n", methods[i].method, methods[i].target, got.status);
        assert_int_equal(got.status, methods[i].status);
        const char *allow = reply_header(&got, "Allow");
        if (methods[i].allow)
            assert_string_equal(allow, methods[i].allow);
        else
            assert_null(allow);
        reply_done(&got);
    }
}

static void head_is_get_without_a_body(void **state)
{
    fixture *f = *state;
    http_reply get = client_get(f->port, "/v1/topologies");
    http_reply head = client_request(f->port, "HEAD", "/v1/topologies", "", NULL);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.body_size, 0);
    assert_string_equal(reply_header(&get, "Content-Length"),
                        reply_header(&head, "Content-Length"));
    reply_done(&get);
    reply_done(&head);
}

static void every_reply_has_the_security_headers(void **state)
{
    static const char *const targets[] = {"/livez", "/nothing", "/docs", "/api/notes/x", "/%zz"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        http_reply got = client_get(f->port, targets[i]);
        assert_string_equal(reply_header(&got, "X-Content-Type-Options"), "nosniff");
        assert_non_null(reply_header(&got, "Cache-Control"));
        assert_non_null(reply_header(&got, "Served-By"));
        assert_null(reply_header(&got, "Access-Control-Allow-Origin"));
        if (strcmp(reply_header(&got, "Content-Type"), "application/json") != 0)
            expect_holds(reply_header(&got, "Content-Security-Policy"), "default-src 'none'");
        reply_done(&got);
    }
}

static void a_listed_origin_may_call_with_credentials(void **state)
{
    static const char *const origins[] = {"https://pets.example", "http://localhost:3000"};
    static const char preflight[] = "Origin: https://pets.example\r\n"
                                    "Access-Control-Request-Method: POST\r\n";
    fixture *f = *state;
    const riacho_api_options options = {.origins = origins, .origin_count = 2};
    fixture_reopen(f, &options);
    http_reply got = client_request(f->port, "OPTIONS", "/api/notes/a", preflight, NULL);
    assert_int_equal(got.status, 204);
    assert_string_equal(reply_header(&got, "Access-Control-Allow-Origin"), "https://pets.example");
    assert_string_equal(reply_header(&got, "Access-Control-Allow-Credentials"), "true");
    expect_holds(reply_header(&got, "Access-Control-Allow-Methods"), "POST");
    expect_holds(reply_header(&got, "Access-Control-Allow-Headers"), "Idempotency-Key");
    assert_string_equal(reply_header(&got, "Access-Control-Max-Age"), "600");
    assert_string_equal(reply_header(&got, "Vary"), "Origin");
    reply_done(&got);
    got = client_request(f->port, "GET", "/v1/stores", "Origin: http://localhost:3000\r\n", NULL);
    assert_string_equal(reply_header(&got, "Access-Control-Allow-Origin"), "http://localhost:3000");
    expect_holds(reply_header(&got, "Access-Control-Expose-Headers"), "Stream-Position");
    reply_done(&got);
    fixture_reopen(f, NULL);
}

static void an_origin_that_is_only_alike_gets_nothing(void **state)
{
    static const char *const origins[] = {"https://pets.example"};
    static const char *const others[] = {"https://pets.example.evil", "http://pets.example",
                                         "https://pets.example:443",  "null",
                                         "https://PETS.example",      "https://pets.exampl"};
    fixture *f = *state;
    const riacho_api_options options = {.origins = origins, .origin_count = 1};
    fixture_reopen(f, &options);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char header[256];
        snprintf(header, sizeof header, "Origin: %s\r\nAccess-Control-Request-Method: POST\r\n",
                 others[i]);
        http_reply got = client_request(f->port, "OPTIONS", "/api/notes/a", header, NULL);
        assert_null(reply_header(&got, "Access-Control-Allow-Origin"));
        assert_null(reply_header(&got, "Access-Control-Allow-Methods"));
        assert_string_equal(reply_header(&got, "Vary"), "Origin");
        reply_done(&got);
    }
    fixture_reopen(f, NULL);
}

static void any_origin_may_call_without_credentials(void **state)
{
    static const char *const origins[] = {"*"};
    fixture *f = *state;
    const riacho_api_options options = {.origins = origins, .origin_count = 1};
    fixture_reopen(f, &options);
    http_reply got = client_request(f->port, "GET", "/v1/stores", "Origin: http://a\r\n", NULL);
    assert_string_equal(reply_header(&got, "Access-Control-Allow-Origin"), "*");
    assert_null(reply_header(&got, "Access-Control-Allow-Credentials"));
    reply_done(&got);
    fixture_reopen(f, NULL);
}

/* Options that no server is opened with. */
static void wrong_options_are_refused_by_name(void **state)
{
    static const char *const stars[] = {"*", "https://a.example"};
    static const char *const path[] = {"https://a.example/"};
    static const char *const network[] = {"10.0.0.0/33"};
    fixture *f = *state;
    const struct {
        riacho_api_options options;
        const char *part;
    } wrongs[] = {
        {{.listen = "127.0.0.1:0", .origins = stars, .origin_count = 2}, "'*'"},
        {{.listen = "127.0.0.1:0", .origins = path, .origin_count = 1}, "https://a.example/"},
        {{.listen = "127.0.0.1:0", .trusted_proxies = network, .trusted_proxy_count = 1}, "33"},
        {{.listen = "127.0.0.1"}, "address:port"},
        {{.listen = "127.0.0.1:99999"}, "99999"},
        {{.listen = "[::1"}, "[::1"},
        {{.listen = "192.0.2.1:0"}, "192.0.2.1"},
        {{.listen = "127.0.0.1:0", .secret_file = "/nonexistent/key"}, "/nonexistent/key"},
        {{.listen = "127.0.0.1:0", .secret_file = "/dev/null"}, "/dev/null"},
    };
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        riacho_api *api = NULL;
        riacho_error err = {""};
        riacho_api_options options = wrongs[i].options;
        options.worker = f->worker;
        assert_int_equal(riacho_api_open(&options, &api, &err), RIACHO_REJECT);
        expect_holds(err.text, wrongs[i].part);
    }
}

static void health_says_whether_and_why(void **state)
{
    static const char *const good[] = {"/livez",        "/readyz",      "/startupz",
                                       "/live",         "/ready",       "/health",
                                       "/notes/health", "/notes/ready", "/notes/live"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        http_reply got = client_get(f->port, good[i]);
        if (got.status != 200)
            print_error("%s\n", good[i]);
        assert_int_equal(got.status, 200);
        reply_done(&got);
    }
    http_reply got = client_get(f->port, "/none/health");
    assert_int_equal(got.status, 404);
    reply_done(&got);
    got = client_get(f->port, "/readyz?verbose");
    assert_string_equal(
        got.body, "{\"status\":\"ready\",\"reason\":null,\"version\":\"" RIACHO_VERSION "\"}\n");
    reply_done(&got);
}

/* Metrics that dashboards and alerts are written against. */
static const char *const metric_parts[] = {
    "riacho_build_info{version=\"",
    "riacho_process_cpu_seconds_total ",
    "riacho_process_resident_memory_bytes ",
    "riacho_step_records_in_total{topology=\"notes\",step=\"down\"} ",
    "riacho_step_records_out_total{",
    "riacho_step_records_dropped_total{",
    "riacho_task_records_total{topology=\"notes\",task=\"0_0\"} ",
    "riacho_lag_records{topology=\"notes\",topic=\"notes\",partition=\"2\"} 0",
    "riacho_commits_total{",
    "riacho_commit_duration_seconds_bucket{topology=\"notes\",le=\"+Inf\"} ",
    "riacho_commit_duration_seconds_sum{topology=\"notes\"} ",
    "riacho_commit_duration_seconds_count{topology=\"notes\"} ",
    "riacho_store_keys{topology=\"notes\",store=\"totals\"} ",
    "riacho_store_bytes{",
    "riacho_dead_letter_records_total{",
    "riacho_tasks{topology=\"notes\",state=\"running\"} 3",
    "riacho_http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/notes/{id}\","
    "status=\"2xx\",le=\"",
};

static void metrics_have_their_names_and_no_keys(void **state)
{
    fixture *f = *state;
    fixture_note(f, "secretpet", "x", 1);
    http_reply read = client_get(f->port, "/api/notes/secretpet");
    reply_done(&read);
    http_reply got = client_get(f->port, "/metrics");
    assert_int_equal(got.status, 200);
    expect_holds(reply_header(&got, "Content-Type"), "version=0.0.4");
    for (size_t i = 0; i < sizeof metric_parts / sizeof *metric_parts; i++)
        expect_holds(got.body, metric_parts[i]);
    assert_null(strstr(got.body, "secretpet"));
    reply_done(&got);
}

static void promtool_finds_nothing_wrong(void **state)
{
    fixture *f = *state;
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        print_message("promtool is not installed (Debian: prometheus)\n");
        skip();
    }
    http_reply got = client_get(f->port, "/metrics");
    FILE *pipe = popen("promtool check metrics 1>&2", "w");
    assert_non_null(pipe);
    assert_int_equal(fwrite(got.body, 1, got.body_size, pipe), got.body_size);
    assert_int_equal(WEXITSTATUS(pclose(pipe)), 0);
    reply_done(&got);
}

/* Every reference must lead somewhere. */
static void check_references(const json_t *root, const json_t *at)
{
    const char *name;
    json_t *member;
    size_t index;
    json_array_foreach(at, index, member) check_references(root, member);
    json_object_foreach((json_t *)(uintptr_t)at, name, member)
    {
        check_references(root, member);
        if (strcmp(name, "$ref") != 0)
            continue;
        char *path = strdup(json_string_value(member));
        const json_t *to = root;
        char *rest = path;
        char *part = strsep(&rest, "/");
        assert_string_equal(part, "#");
        while ((part = strsep(&rest, "/")))
            to = json_object_get(to, part);
        if (!to)
            print_error("%s\n", json_string_value(member));
        assert_non_null(to);
        free(path);
    }
}

/* A path parameter must be described, and described ones must be in the path. */
static void check_operation(const char *path, const json_t *operation)
{
    size_t in_path = 0;
    size_t described = 0;
    size_t index;
    json_t *parameter;
    for (const char *at = path; (at = strchr(at, '{')); at++)
        in_path++;
    assert_non_null(json_object_get(operation, "operationId"));
    assert_non_null(json_object_get(operation, "responses"));
    json_array_foreach(json_object_get(operation, "parameters"), index, parameter)
    {
        char braced[64];
        assert_non_null(json_object_get(parameter, "schema"));
        if (strcmp(json_string_value(json_object_get(parameter, "in")), "path") != 0)
            continue;
        snprintf(braced, sizeof braced, "{%s}",
                 json_string_value(json_object_get(parameter, "name")));
        expect_holds(path, braced);
        assert_true(json_is_true(json_object_get(parameter, "required")));
        described++;
    }
    assert_int_equal(in_path, described);
}

static const struct {
    const char *method;
    const char *target;
    const char *headers;
    const char *body;
    int status;
    const char *detail;
} ways_out[] = {
    {"DELETE", "/api/notes/p1", "", NULL, 405, "\"detail\":\"this path knows "},
    {"POST", "/api/notes/p1", "Content-Type: text/plain\r\n", "{}", 415, "application/json"},
    {"POST", "/v1/topics/notes/records", "Content-Type: text/plain\r\n", "{}", 415, "x-ndjson"},
    {"POST", "/api/notes/p1/poke", "Riacho-Visitor: x\r\n", NULL, 401, "to be given a new id"},
    {"POST", "/api/notes/p1", JSON, "{}", 400, "\"detail\":\"/text: "},
};

static void a_problem_says_the_way_out(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++) {
        http_reply got = client_request(f->port, ways_out[i].method, ways_out[i].target,
                                        ways_out[i].headers, ways_out[i].body);
        assert_int_equal(got.status, ways_out[i].status);
        expect_holds(got.body, ways_out[i].detail);
        reply_done(&got);
    }
}

static void the_bare_address_says_where_to_go(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/");
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "\"docs\":\"/docs\"");
    expect_holds(got.body, "\"openapi\":\"/openapi.json\"");
    expect_holds(got.body, "\"/api/notes/latest\"");
    assert_null(strstr(got.body, "{id}"));
    reply_done(&got);
}

static const json_t *find_parameter(const json_t *operation, const char *name)
{
    const json_t *parameters = json_object_get(operation, "parameters");
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        const json_t *parameter = json_array_get(parameters, i);
        if (strcmp(json_string_value(json_object_get(parameter, "name")), name) == 0)
            return parameter;
    }
    return NULL;
}

static void the_description_has_every_route_and_no_loose_end(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/openapi.json");
    json_error_t error;
    json_t *root = json_loads(got.body, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        print_error("%s at %d\n", error.text, error.position);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "openapi")), "3.1.0");
    const riacho_route *routes;
    const size_t count = riacho_worker_routes(f->worker, &routes);
    assert_int_equal(count, 11);
    const json_t *paths = json_object_get(root, "paths");
    for (size_t i = 0; i < count; i++) {
        char method[8] = {0};
        for (size_t j = 0; routes[i].method[j]; j++)
            method[j] = (char)(routes[i].method[j] | 0x20);
        assert_non_null(json_object_get(json_object_get(paths, routes[i].path), method));
    }
    const char *path;
    const char *method;
    json_t *item;
    json_t *operation;
    size_t operations = 0;
    json_object_foreach((json_t *)(uintptr_t)paths, path, item)
    {
        json_object_foreach(item, method, operation)
        {
            check_operation(path, operation);
            operations++;
        }
    }
    assert_true(operations > 30);
    check_references(root, root);
    expect_holds(got.body, "\"test.NoteRequest\":{\"type\":\"object\"");
    expect_holds(got.body, "\"required\":[\"text\"]");
    expect_holds(got.body, "\"enum\":[\"GLAD\",\"SAD\"]");
    const json_t *board = json_object_get(json_object_get(paths, "/api/boards/{board}"), "get");
    assert_non_null(find_parameter(board, "of"));
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(find_parameter(board, "limit"), "schema"), "minimum")),
                     1);
    assert_non_null(find_parameter(board, "Read-Consistency"));
    json_decref(root);
    reply_done(&got);
}

static void the_page_for_people_needs_nobody_else(void **state)
{
    fixture *f = *state;
    http_reply got = client_get(f->port, "/docs");
    assert_int_equal(got.status, 200);
    expect_holds(got.body, "/api/notes/{id}/poke");
    expect_holds(got.body, "id=\"key-reused\"");
    assert_null(strstr(got.body, "<script"));
    assert_null(strstr(got.body, "http://"));
    assert_null(strstr(got.body, "https://"));
    reply_done(&got);
}

static riacho_status open_with_path(fixture *f, const char *path, riacho_error *err)
{
    const riacho_stream stream = {
        .name = "s", .topic = "s", .key_type = "string", .value_type = "long", .partitions = 1};
    const riacho_step step = {.id = "keep", .to_table = RIACHO_YES, .store = {.name = "kept"}};
    const riacho_store_words store = {.name = "kept",
                                      .type = RIACHO_STORE_WORD_KEYVALUE,
                                      .key_type = "string",
                                      .value_type = "long"};
    const riacho_pipeline pipeline = {.name = "p", .from = "s", .via = &step, .via_count = 1};
    const riacho_query_spec query = {
        .name = "q", .path = path, .get = {.store = "kept", .key = "\"x\""}};
    const riacho_topology topology = {.name = "other",
                                      .base_path = "/",
                                      .streams = &stream,
                                      .streams_count = 1,
                                      .stores = &store,
                                      .stores_count = 1,
                                      .pipelines = &pipeline,
                                      .pipelines_count = 1,
                                      .queries = &query,
                                      .queries_count = 1};
    const riacho_worker_options options = {
        .log = f->log, .stores = f->stores, .schemas = f->schemas};
    riacho_worker *worker = NULL;
    riacho_api *api = NULL;
    struct riacho_graph *graph = fixture_build(f, &topology);
    assert_int_equal(riacho_worker_open(&options, &worker, err), RIACHO_OK);
    assert_int_equal(riacho_worker_add(worker, graph, err), RIACHO_OK);
    const riacho_api_options with = {.worker = worker, .listen = "127.0.0.1:0"};
    const riacho_status status = riacho_api_open(&with, &api, err);
    riacho_api_close(api);
    riacho_worker_close(worker);
    riacho_graph_free(graph);
    return status;
}

static void a_topology_may_not_take_the_paths_operators_need(void **state)
{
    static const struct {
        const char *path;
        riacho_status status;
    } paths[] = {
        {"/livez", RIACHO_REJECT},   {"/metrics", RIACHO_REJECT},  {"/v1/stores", RIACHO_REJECT},
        {"/status/{id}", RIACHO_OK}, {"/other/health", RIACHO_OK}, {"/anything", RIACHO_OK},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        riacho_error err = {""};
        const riacho_status status = open_with_path(f, paths[i].path, &err);
        if (status != paths[i].status)
            print_error("%s: %s\n", paths[i].path, err.text);
        assert_int_equal(status, paths[i].status);
        if (status != RIACHO_OK)
            expect_holds(err.text, paths[i].path);
    }
}

static void cookies_are_for_tls_when_asked(void **state)
{
    fixture *f = *state;
    const riacho_api_options options = {.cookies = RIACHO_COOKIES_SECURE};
    fixture_reopen(f, &options);
    http_reply got = client_get(f->port, "/v1/visitor");
    expect_holds(reply_header(&got, "Set-Cookie"), "; Secure");
    reply_done(&got);
    fixture_reopen(f, NULL);
    got = client_get(f->port, "/v1/visitor");
    assert_null(strstr(reply_header(&got, "Set-Cookie"), "Secure"));
    reply_done(&got);
}

static void it_listens_on_ipv6(void **state)
{
    fixture *f = *state;
    riacho_api *api = NULL;
    riacho_error err = {""};
    const riacho_api_options options = {.worker = f->worker, .listen = "[::1]:0"};
    const riacho_status status = riacho_api_open(&options, &api, &err);
    if (status != RIACHO_OK && strstr(err.text, "assign requested address"))
        skip(); /* a machine without IPv6 */
    assert_int_equal(status, RIACHO_OK);
    assert_true(riacho_api_port(api) > 0);
    riacho_api_close(api);
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
        cmocka_unit_test(methods_that_a_path_does_not_know_are_405),
        cmocka_unit_test(head_is_get_without_a_body),
        cmocka_unit_test(every_reply_has_the_security_headers),
        cmocka_unit_test(a_listed_origin_may_call_with_credentials),
        cmocka_unit_test(an_origin_that_is_only_alike_gets_nothing),
        cmocka_unit_test(any_origin_may_call_without_credentials),
        cmocka_unit_test(wrong_options_are_refused_by_name),
        cmocka_unit_test(health_says_whether_and_why),
        cmocka_unit_test(metrics_have_their_names_and_no_keys),
        cmocka_unit_test(promtool_finds_nothing_wrong),
        cmocka_unit_test(a_problem_says_the_way_out),
        cmocka_unit_test(the_bare_address_says_where_to_go),
        cmocka_unit_test(the_description_has_every_route_and_no_loose_end),
        cmocka_unit_test(the_page_for_people_needs_nobody_else),
        cmocka_unit_test(a_topology_may_not_take_the_paths_operators_need),
        cmocka_unit_test(cookies_are_for_tls_when_asked),
        cmocka_unit_test(it_listens_on_ipv6),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
