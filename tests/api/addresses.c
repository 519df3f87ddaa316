/* SPDX-License-Identifier: MIT
 *
 * addresses.c - where requests come from: whole IPv6 addresses for networks, their /64 for the
 * limits of visitors.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

static const char *const proxies[] = {"127.0.0.1"};

static int post_as(fixture *f, const char *forwarded)
{
    char headers[256];
    snprintf(headers, sizeof headers, JSON "X-Forwarded-For: %s\r\n", forwarded);
    http_reply got = client_request(f->port, "POST", "/v1/topics/notes/records", headers, "[]");
    const int status = got.status;
    reply_done(&got);
    return status;
}

static const struct {
    const char *network;
    const char *inside;
    const char *outside;
} networks[] = {
    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
    {"2001:db8:1:2::/64", "2001:db8:1:2:3::4", "2001:db8:1:3::"},
    {"2001:db8::1:0/112", "2001:db8::1:9", "2001:db8::2:9"},
    {"2001:db8::7", "2001:db8::7", "2001:db8::8"},
    {"::ffff:198.51.100.7", "198.51.100.7", "198.51.100.8"},
};

static void a_network_has_the_bits_that_were_said(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        const riacho_api_options options = {.trusted_proxies = proxies,
                                            .trusted_proxy_count = 1,
                                            .operators = &networks[i].network,
                                            .operator_count = 1};
        fixture_reopen(f, &options);
        assert_int_equal(post_as(f, networks[i].inside), 200);
        assert_int_equal(post_as(f, networks[i].outside), 403);
    }
    fixture_reopen(f, NULL);
}

static void visitors_of_one_64_share_a_bucket(void **state)
{
    fixture *f = *state;
    const riacho_api_options options = {.trusted_proxies = proxies,
                                        .trusted_proxy_count = 1,
                                        .writes = {.per_second = 0.01, .burst = 2}};
    fixture_reopen(f, &options);
    assert_int_equal(post_as(f, "2001:db8::1"), 403); /* no operator, but not too often */
    assert_int_equal(post_as(f, "2001:db8::2"), 403);
    assert_int_equal(post_as(f, "2001:db8::3"), 429);
    assert_int_equal(post_as(f, "2001:db8:0:1::3"), 403);
    fixture_reopen(f, NULL);
}

static int connect_six(int port)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                         .sin6_port = htons((uint16_t)port),
                                         .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("cannot connect to [::1]:%d", port);
    return fd;
}

/* This machine is ::1, not all of ::/64: the peer's whole address must be there. */
static void a_peer_has_its_whole_address(void **state)
{
    static const char request[] = "POST /v1/topics/notes/records HTTP/1.1\r\nHost: [::1]\r\n" JSON
                                  "Content-Length: 2\r\n\r\n[]";
    fixture *f = *state;
    const riacho_api_options options = {.worker = f->worker, .listen = "[::1]:0"};
    riacho_api *six;
    riacho_error err;
    http_reply got;
    const int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int bound = bind(probe, (const struct sockaddr *)&loopback, sizeof loopback);
    close(probe);
    if (bound != 0)
        skip(); /* a machine without IPv6 */
    assert_int_equal(riacho_api_open(&options, &six, &err), RIACHO_OK);
    const int fd = connect_six(riacho_api_port(six));
    client_send(fd, request, sizeof request - 1);
    assert_true(client_read(fd, false, &got));
    assert_int_equal(got.status, 200);
    reply_done(&got);
    close(fd);
    riacho_api_close(six);
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
        cmocka_unit_test(a_network_has_the_bits_that_were_said),
        cmocka_unit_test(visitors_of_one_64_share_a_bucket),
        cmocka_unit_test(a_peer_has_its_whole_address),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
