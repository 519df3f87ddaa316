/* SPDX-License-Identifier: MIT
 *
 * hostile.c - bytes that no honest client sends. The server may refuse or hang up; it may not
 * append an event, stop answering others, or fail (5xx).
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "fixture.h"

/* Whole requests as they go over the wire; status 0: the server hangs up. */
static const struct {
    const char *name;
    const char *bytes;
    int status;
    int other; /* as good */
} requests[] = {
    {"half an escape", "GET /api/notes/%4 HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"an escape that is none", "GET /api/notes/%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"a NUL", "GET /api/notes/%00 HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"a newline", "GET /api/notes/a%0d%0aX:%20b HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"overlong UTF-8", "GET /api/notes/%c0%af HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"dots", "GET /api/notes/../../etc/passwd HTTP/1.1\r\nHost: t\r\n\r\n", 404, 0},
    {"dots in escapes", "GET /api/notes/%2e%2e%2fetc HTTP/1.1\r\nHost: t\r\n\r\n", 404, 0},
    {"a whole URL", "GET http://other/livez HTTP/1.1\r\nHost: t\r\n\r\n", 400, 404},
    {"a star", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", 400, 404},
    {"no path", "GET ?a=b HTTP/1.1\r\nHost: t\r\n\r\n", 400, 0},
    {"25 segments",
     "GET /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25 "
     "HTTP/1.1\r\nHost: t\r\n\r\n",
     400, 0},
    {"a huge Content-Length",
     "POST /api/notes/h HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
     "Content-Length: 65537\r\nConnection: close\r\n\r\n",
     -1, 0},
    {"a negative Content-Length",
     "POST /api/notes/h HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400, 0},
    {"two lengths",
     "POST /api/notes/h HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
     "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"text\":\"x\"}\r\n"
     "0\r\n\r\n",
     400, 0},
    {"a chunk without a size",
     "POST /api/notes/h HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, 0},
    {"no request at all", "\x16\x03\x01\x02\x01\x01\r\n\r\n", 400, 0},
    {"a header without a name", "GET /livez HTTP/1.1\r\n: x\r\n\r\n", 400, 200},
    {"no host", "GET /livez HTTP/1.1\r\n\r\n", 400, 0},
    {"a strange version", "GET /livez HTTP/7.3\r\nHost: t\r\n\r\n", 505, 400},
};

static void strange_requests_do_no_harm(void **state)
{
    fixture *f = *state;
    const int64_t before = fixture_count(f);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        http_reply got = {0};
        const int fd = client_connect(f->port);
        client_send(fd, requests[i].bytes, strlen(requests[i].bytes));
        if (requests[i].status >= 0) {
            const bool answered = client_read(fd, false, &got);
            if (answered && got.status != requests[i].status && got.status != requests[i].other)
                print_error("%s: %d\n", requests[i].name, got.status);
            if (answered)
                assert_true(got.status == requests[i].status || got.status == requests[i].other);
            reply_done(&got);
        }
        close(fd);
        got = client_get(f->port, "/livez");
        assert_int_equal(got.status, 200);
        reply_done(&got);
    }
    assert_int_equal(fixture_count(f), before);
}

static void a_body_at_the_limit_is_read_and_one_byte_more_is_413(void **state)
{
    fixture *f = *state;
    static char body[RIACHO_HTTP_BODY_BYTES_MAX + 2];
    for (int more = 0; more <= 1; more++) {
        const size_t size = RIACHO_HTTP_BODY_BYTES_MAX + (size_t)more;
        memset(body, 'x', size);
        body[size] = 0;
        memcpy(body, "{\"text\":\"", 9);
        memcpy(body + size - 2, "\"}", 2);
        http_reply got = client_request(f->port, "POST", "/api/notes/big", JSON, body);
        assert_int_equal(got.status, more ? 413 : 202);
        if (more)
            expect_holds(got.body, "body-too-large");
        reply_done(&got);
    }
}

/* Without a Content-Length nothing but the cut at limit + 1 tells. */
static void a_chunked_body_over_the_limit_is_413(void **state)
{
    static const char head[] = "POST /api/notes/big HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                               "Content-Type: application/json\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    fixture *f = *state;
    const int64_t before = fixture_count(f);
    const int fd = client_connect(f->port);
    client_send(fd, head, sizeof head - 1);
    char chunk[4096 + 16];
    for (int i = 0; i < 64; i++) {
        const int prefix = snprintf(chunk, sizeof chunk, "1000\r\n");
        memset(chunk + prefix, ' ', 4096);
        memcpy(chunk + prefix + 4096, "\r\n", 2);
        client_send(fd, chunk, (size_t)prefix + 4098);
    }
    client_send(fd, "0\r\n\r\n", 5);
    http_reply got;
    assert_true(client_read(fd, false, &got));
    assert_int_equal(got.status, 413);
    reply_done(&got);
    close(fd);
    assert_int_equal(fixture_count(f), before);
}

static void a_body_that_nests_deep_is_refused(void **state)
{
    fixture *f = *state;
    static const char *const openings[] = {"[", "{\"a\":", "{\"text\":["};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        static char body[60001];
        size_t size = 0;
        while (size + strlen(openings[i]) < 60000) {
            memcpy(body + size, openings[i], strlen(openings[i]));
            size += strlen(openings[i]);
        }
        body[size] = 0;
        http_reply got = client_request(f->port, "POST", "/api/notes/deep", JSON, body);
        assert_int_equal(got.status, 400);
        reply_done(&got);
    }
}

/* The head does not fit: libmicrohttpd answers by itself or hangs up. */
static void a_head_that_is_too_large_is_refused(void **state)
{
    fixture *f = *state;
    static char line[40000];
    static const char *const shapes[][2] = {
        {"GET /", " HTTP/1.1\r\nHost: t\r\n\r\n"},
        {"GET /livez HTTP/1.1\r\nHost: t\r\nX: ", "\r\n\r\n"},
        {"GET /livez?a=", " HTTP/1.1\r\nHost: t\r\n\r\n"},
    };
    memset(line, 'a', sizeof line - 1);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int fd = client_connect(f->port);
        http_reply got = {0};
        client_send(fd, shapes[i][0], strlen(shapes[i][0]));
        client_send(fd, line, sizeof line - 1);
        client_send(fd, shapes[i][1], strlen(shapes[i][1]));
        if (client_read(fd, false, &got))
            assert_true(got.status == 414 || got.status == 431 || got.status == 413);
        reply_done(&got);
        close(fd);
    }
}

static void hundreds_of_headers_are_refused_or_fit(void **state)
{
    fixture *f = *state;
    static char text[60000];
    size_t size = (size_t)snprintf(text, sizeof text, "GET /livez HTTP/1.1\r\nHost: t\r\n");
    for (int i = 0; i < 1000; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "a%d: b\r\n", i);
    size += (size_t)snprintf(text + size, sizeof text - size, "\r\n");
    const int fd = client_connect(f->port);
    http_reply got = {0};
    client_send(fd, text, size);
    if (client_read(fd, false, &got))
        assert_true(got.status >= 400 && got.status < 500);
    reply_done(&got);
    close(fd);
}

static void requests_in_one_write_are_answered_in_order(void **state)
{
    static const char pipeline[] = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"
                                   "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n"
                                   "POST /api/notes/pipe/poke HTTP/1.1\r\nHost: t\r\n"
                                   "Content-Length: 0\r\n\r\n"
                                   "GET /v1/stores HTTP/1.1\r\nHost: t\r\n\r\n";
    static const int statuses[] = {200, 404, 202, 200};
    fixture *f = *state;
    const int fd = client_connect(f->port);
    client_send(fd, pipeline, sizeof pipeline - 1);
    for (size_t i = 0; i < 4; i++) {
        http_reply got;
        assert_true(client_read(fd, false, &got));
        assert_int_equal(got.status, statuses[i]);
        reply_done(&got);
    }
    close(fd);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Sends a byte each 100 ms until the server hangs up; the seconds that took. */
static double dribble(int port, const char *text)
{
    const int fd = client_connect(port);
    const double from = seconds();
    bool open = true;
    for (size_t i = 0; open && seconds() - from < 10; i++) {
        struct pollfd look = {.fd = fd, .events = POLLIN};
        const char *byte = i < strlen(text) ? &text[i] : "x";
        open = send(fd, byte, 1, MSG_NOSIGNAL) == 1;
        char gone;
        if (poll(&look, 1, 100) == 1 && recv(fd, &gone, 1, 0) <= 0)
            open = false;
    }
    close(fd);
    return seconds() - from;
}

static void a_request_that_never_ends_is_hung_up_on(void **state)
{
    fixture *f = *state;
    const riacho_api_options options = {.head_seconds = 1, .idle_seconds = 5};
    fixture_reopen(f, &options);
    const double took = dribble(f->port, "GET /");
    assert_true(took > 0.5 && took < 4);
    http_reply got = client_get(f->port, "/livez");
    assert_int_equal(got.status, 200);
    reply_done(&got);
    fixture_reopen(f, NULL);
}

static void a_silent_connection_is_closed(void **state)
{
    fixture *f = *state;
    const riacho_api_options options = {.idle_seconds = 1, .head_seconds = 60};
    fixture_reopen(f, &options);
    const int fd = client_connect(f->port);
    const double from = seconds();
    char byte;
    client_send(fd, "GET /livez", 10);
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    assert_true(seconds() - from < 4);
    close(fd);
    fixture_reopen(f, NULL);
}

static void one_address_has_so_many_connections(void **state)
{
    static const char alive[] = "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n";
    fixture *f = *state;
    const riacho_api_options options = {.connections_per_address = 4, .threads = 2};
    int held[4];
    fixture_reopen(f, &options);
    for (int i = 0; i < 4; i++) {
        http_reply got;
        held[i] = client_connect(f->port);
        client_send(held[i], alive, sizeof alive - 1);
        assert_true(client_read(held[i], false, &got));
        reply_done(&got);
    }
    http_reply got = {0};
    int fd = client_connect(f->port);
    client_send(fd, alive, sizeof alive - 1);
    assert_false(client_read(fd, false, &got));
    close(fd);
    for (int i = 0; i < 4; i++)
        close(held[i]);
    /* The places are free again. */
    bool answered = false;
    for (int i = 0; i < 50 && !answered; i++) {
        fd = client_connect(f->port);
        client_send(fd, alive, sizeof alive - 1);
        answered = client_read(fd, false, &got);
        if (answered)
            reply_done(&got);
        close(fd);
        usleep(20000);
    }
    assert_true(answered);
    fixture_reopen(f, NULL);
}

/* A connection whose address is 127.0.0.`last`. */
static int connect_from(int port, uint8_t last)
{
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(0x7f000000u | last)};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* The usual start of Ulfius never comes back from this (docs/reference/rest.md, Limits). */
static void half_requests_of_one_address_leave_room_for_others(void **state)
{
    enum { HALVES = 600 };
    fixture *f = *state;
    static int fds[HALVES];
    const double from = seconds();
    for (int i = 0; i < HALVES; i++) {
        fds[i] = connect_from(f->port, 2);
        client_send(fds[i], "GET /livez HTTP/1.1\r\nX: ", 24);
    }
    for (int i = 0; i < 20; i++) {
        http_reply got = client_get(f->port, "/livez");
        assert_int_equal(got.status, 200);
        reply_done(&got);
    }
    assert_true(seconds() - from < 5);
    for (int i = 0; i < HALVES; i++)
        close(fds[i]);
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
        cmocka_unit_test(strange_requests_do_no_harm),
        cmocka_unit_test(a_body_at_the_limit_is_read_and_one_byte_more_is_413),
        cmocka_unit_test(a_chunked_body_over_the_limit_is_413),
        cmocka_unit_test(a_body_that_nests_deep_is_refused),
        cmocka_unit_test(a_head_that_is_too_large_is_refused),
        cmocka_unit_test(hundreds_of_headers_are_refused_or_fit),
        cmocka_unit_test(requests_in_one_write_are_answered_in_order),
        cmocka_unit_test(a_request_that_never_ends_is_hung_up_on),
        cmocka_unit_test(a_silent_connection_is_closed),
        cmocka_unit_test(one_address_has_so_many_connections),
        cmocka_unit_test(half_requests_of_one_address_leave_room_for_others),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
