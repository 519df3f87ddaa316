/* SPDX-License-Identifier: MIT
 *
 * open.c - a server from its options, and its end.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"
#include "link.h"
#include "listener.h"
#include "server.h"

enum {
    THREADS_DEFAULT = 16,
    CONNECTIONS_DEFAULT = 512,
    CONNECTIONS_PER_ADDRESS_DEFAULT = 32,
    IDLE_SECONDS_DEFAULT = 10,
    HEAD_SECONDS_DEFAULT = 20,
    ADDRESS_FACTOR_DEFAULT = 20,
    IDEMPOTENCY_DEFAULT = 8192,
    HOST_BYTES_MAX = 256,
    BACKLOG = 511,
};

static const riacho_api_limit reads_default = {50, 200};
static const riacho_api_limit writes_default = {10, 40};

static uint32_t number_or(uint32_t number, uint32_t otherwise)
{
    return number ? number : otherwise;
}

/* Splits "host:port" and "[host]:port". */
static riacho_status split_address(const char *listen, char *ret_host, char *ret_port,
                                   riacho_error *err)
{
    int64_t port;
    const char *colon = strrchr(listen, ':');
    const char *from = *listen == '[' ? listen + 1 : listen;
    const char *end = *listen == '[' ? strchr(listen, ']') : colon;
    if (!colon || !end || (*listen == '[' && end + 1 != colon) ||
        (size_t)(end - from) >= HOST_BYTES_MAX ||
        riacho_int_parse(riacho_text(colon + 1), 0, 65535, &port, NULL) != RIACHO_OK)
        return riacho_fail(err, RIACHO_REJECT,
                           "cannot listen on '%s': it must be address:port or [address]:port",
                           listen);
    memcpy(ret_host, from, (size_t)(end - from));
    ret_host[end - from] = 0;
    snprintf(ret_port, 8, "%d", (int)port);
    return RIACHO_OK;
}

static int bind_to(const struct addrinfo *address)
{
    const int one = 1;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /* IPv4 over an IPv6 socket would hide the client's address from the rate limit. */
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    const int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return 0;
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

static riacho_status open_socket(const char *listen, int *ret_socket, riacho_error *err)
{
    char host[HOST_BYTES_MAX];
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    RIACHO_TRY(split_address(listen, host, port, err));
    const int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failed)
        return riacho_fail(err, RIACHO_REJECT, "cannot listen on %s: %s", listen,
                           gai_strerror(failed));
    *ret_socket = bind_to(found);
    const int why = errno;
    freeaddrinfo(found);
    if (*ret_socket < 0)
        return riacho_fail(err, why == EADDRINUSE ? RIACHO_RETRY : RIACHO_REJECT,
                           "cannot listen on %s: %s", listen, strerror(why));
    return RIACHO_OK;
}

static riacho_rate *make_rate(riacho_api_limit limit, riacho_api_limit otherwise, double factor)
{
    if (limit.per_second < 0)
        return NULL;
    if (limit.per_second == 0)
        limit = otherwise;
    const riacho_rate_options options = {.per_second = limit.per_second * factor,
                                         .burst = limit.burst * factor};
    return riacho_rate_new(&options);
}

static void make_limits(riacho_api *api, const riacho_api_options *options)
{
    const double factor = number_or(options->address_factor, ADDRESS_FACTOR_DEFAULT);
    api->reads = make_rate(options->reads, reads_default, 1);
    api->writes = make_rate(options->writes, writes_default, 1);
    api->address_reads = make_rate(options->reads, reads_default, factor);
    api->address_writes = make_rate(options->writes, writes_default, factor);
}

/* This machine, and whom the options name. */
static riacho_status init_operators(riacho_api *api, const riacho_api_options *options,
                                    riacho_error *err)
{
    const size_t count = options->operator_count + 2;
    const char **networks = riacho_alloc_zero(api->arena, count, sizeof *networks);
    networks[0] = "127.0.0.0/8";
    networks[1] = "::1";
    for (size_t i = 2; i < count; i++)
        networks[i] = options->operators[i - 2];
    return riacho_proxies_init(&api->operators, networks, count, api->arena, err);
}

static riacho_status fill(riacho_api *api, const riacho_api_options *options, riacho_error *err)
{
    const int threads = (int)number_or(options->threads, THREADS_DEFAULT);
    api->worker = options->worker;
    api->arena = riacho_arena_new();
    api->router = riacho_router_new();
    api->waiting_max = threads > 2 ? threads / 2 : 1;
    api->idempotency =
        riacho_idempotency_new(number_or(options->idempotency_entries, IDEMPOTENCY_DEFAULT));
    api->served_by = options->served_by
                         ? riacho_copy(api->arena, riacho_text(options->served_by)).data
                         : "riacho";
    api->cookie_attributes = options->cookies == RIACHO_COOKIES_SECURE ? "; Secure" : "";
    api->known = riacho_known_new();
    riacho_secret_random(&api->address_salt, sizeof api->address_salt);
    make_limits(api, options);
    if (options->group_secret_file)
        RIACHO_TRY(riacho_secret_read(options->group_secret_file, &api->secret, err));
    else if (options->secret_file)
        RIACHO_TRY(riacho_secret_open(options->secret_file, &api->secret, err));
    else
        riacho_secret_make(&api->secret);
    RIACHO_TRY(
        riacho_cors_init(&api->cors, options->origins, options->origin_count, api->arena, err));
    RIACHO_TRY(riacho_proxies_init(&api->proxies, options->trusted_proxies,
                                   options->trusted_proxy_count, api->arena, err));
    RIACHO_TRY(init_operators(api, options, err));
    RIACHO_TRY(riacho_routes_add(api, err));
    api->meter = riacho_meter_new(api->router);
    return RIACHO_OK;
}

static void close_api(riacho_api **api)
{
    riacho_api_close(*api);
}

riacho_status riacho_api_open_detached(const riacho_api_options *options, riacho_api **ret_api,
                                       riacho_error *err)
{
    __attribute__((cleanup(close_api))) riacho_api *api = riacho_memory_get_zero(1, sizeof *api);
    RIACHO_TRY(fill(api, options, err));
    *ret_api = RIACHO_TAKE(api);
    return RIACHO_OK;
}

static void serve(void *api, riacho_http_request *request, riacho_http_reply *ret_reply)
{
    riacho_api_handle(api, request, ret_reply);
}

static riacho_status start_link(riacho_api *api, const riacho_api_options *options,
                                riacho_error *err)
{
    riacho_link_options of = {
        .worker = options->worker,
        .secret = options->group_secret_file ? &api->secret : NULL,
        .served_by = api->served_by,
    };
    if (!options->peers_listen)
        return RIACHO_OK;
    RIACHO_TRY(open_socket(options->peers_listen, &of.socket, err));
    of.port = port_of(of.socket);
    return riacho_link_open(&of, &api->link, err);
}

static riacho_status start(riacho_api *api, const riacho_api_options *options, riacho_error *err)
{
    riacho_listener_options of = {
        .threads = number_or(options->threads, THREADS_DEFAULT),
        .connections = number_or(options->connections, CONNECTIONS_DEFAULT),
        .connections_per_address =
            number_or(options->connections_per_address, CONNECTIONS_PER_ADDRESS_DEFAULT),
        .idle_seconds = number_or(options->idle_seconds, IDLE_SECONDS_DEFAULT),
        .head_seconds = number_or(options->head_seconds, HEAD_SECONDS_DEFAULT),
        .body_bytes_max = RIACHO_HTTP_BODY_BYTES_MAX,
        .serve = serve,
        .arg = api,
    };
    const char *colon = strrchr(options->listen, ':');
    RIACHO_TRY(open_socket(options->listen, &of.socket, err));
    of.port = port_of(of.socket);
    if (!options->served_by)
        api->served_by = riacho_format(api->arena, "%.*s:%d", (int)(colon - options->listen),
                                       options->listen, of.port);
    RIACHO_TRY(riacho_listener_start(&of, &api->listener, err));
    return start_link(api, options, err);
}

riacho_status riacho_api_open(const riacho_api_options *options, riacho_api **ret_api,
                              riacho_error *err)
{
    __attribute__((cleanup(close_api))) riacho_api *api = NULL;
    RIACHO_TRY(riacho_api_open_detached(options, &api, err));
    RIACHO_TRY(start(api, options, err));
    *ret_api = RIACHO_TAKE(api);
    return RIACHO_OK;
}

int riacho_api_port(const riacho_api *api)
{
    return riacho_listener_port(api->listener);
}

int riacho_api_peers_port(const riacho_api *api)
{
    return api->link ? riacho_link_port(api->link) : 0;
}

void riacho_api_close(riacho_api *api)
{
    if (!api)
        return;
    atomic_store(&api->closing, true);
    riacho_listener_stop(api->listener);
    riacho_link_close(api->link);
    riacho_meter_free(api->meter);
    riacho_idempotency_free(api->idempotency);
    riacho_known_free(api->known);
    riacho_rate_free(api->reads);
    riacho_rate_free(api->writes);
    riacho_rate_free(api->address_reads);
    riacho_rate_free(api->address_writes);
    riacho_router_free(api->router);
    riacho_arena_free(api->arena);
    riacho_secret_done(&api->secret);
    free(api);
}
