/* SPDX-License-Identifier: MIT
 *
 * listener.c - between Ulfius and what serves requests: riacho_api_handle, riacho_link_handle.
 *
 * Ulfius is used for what it does well (the life of a request over libmicrohttpd) and kept from the
 * rest: all requests go to its default endpoint, since our own router knows literal segments and
 * 405; bodies are never parsed as forms; the limit of the body is one byte more than ours, because
 * Ulfius cuts a longer body silently, and that byte tells. The reply's headers and body are lent to
 * it from the request's arena instead of being copied into its maps.
 */
#include "listener.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ulfius.h>

#include "base/macros.h"
#include "base/memory.h"
#include "deadline.h"

enum { HEAD_BYTES_MAX = 16 * 1024, OPTIONS_MAX = 12 };

struct riacho_listener {
    struct _u_instance instance;
    riacho_deadlines *deadlines;
    int port;
    void (*serve)(void *arg, riacho_http_request *request, riacho_http_reply *ret_reply);
    void *arg;
};

/* Each pool thread's arena, freed when the thread ends. */
static pthread_key_t arena_key;
static pthread_once_t arena_once = PTHREAD_ONCE_INIT;

static void free_arena(void *arena)
{
    riacho_arena_free(arena);
}

static void make_arena_key(void)
{
    if (pthread_key_create(&arena_key, free_arena) != 0)
        riacho_memory_exhausted(0);
}

static riacho_arena *thread_arena(void)
{
    riacho_arena *arena = pthread_getspecific(arena_key);
    if (arena) {
        riacho_arena_reset(arena);
        return arena;
    }
    arena = riacho_arena_new();
    pthread_setspecific(arena_key, arena);
    return arena;
}

static riacho_http_address peer_of(const struct sockaddr *address)
{
    riacho_http_address peer = {0};
    if (address && address->sa_family == AF_INET) {
        peer.family = RIACHO_ADDRESS_IPV4;
        memcpy(peer.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        return riacho_http_address_of(
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    }
    return peer;
}

static riacho_bytes lower_case(riacho_arena *arena, const char *text)
{
    const size_t size = strlen(text);
    char *lower = riacho_alloc(arena, size + 1);
    for (size_t i = 0; i <= size; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
    return (riacho_bytes){lower, size};
}

static riacho_headers headers_of(const struct _u_map *map, riacho_arena *arena)
{
    const size_t count = map && map->nb_values > 0 ? (size_t)map->nb_values : 0;
    riacho_header *items = riacho_alloc_zero(arena, count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (riacho_header){lower_case(arena, map->keys[i]), riacho_text(map->values[i])};
    return (riacho_headers){items, count};
}

/* What was lent to Ulfius for one reply. */
struct loan {
    struct _u_response *response;
    struct _u_map *own_map; /* Ulfius's, empty */
    struct _u_map map;
    char *keys[RIACHO_HTTP_REPLY_HEADERS_MAX + 1];
    char *values[RIACHO_HTTP_REPLY_HEADERS_MAX + 1];
    size_t lengths[RIACHO_HTTP_REPLY_HEADERS_MAX + 1];
};

/* Called when the reply was copied, before Ulfius frees the response. */
static void take_back(void *shared)
{
    struct loan *loan = shared;
    loan->response->map_header = loan->own_map;
    loan->response->binary_body = NULL;
    loan->response->binary_body_length = 0;
}

static void lend(struct _u_response *response, const riacho_http_reply *reply, riacho_arena *arena)
{
    struct loan *loan = riacho_alloc(arena, sizeof *loan);
    loan->response = response;
    loan->own_map = response->map_header;
    loan->map = (struct _u_map){(int)reply->header_count, loan->keys, loan->values, loan->lengths};
    for (size_t i = 0; i < reply->header_count; i++) {
        loan->keys[i] = (char *)(uintptr_t)reply->names[i];
        loan->values[i] = (char *)(uintptr_t)reply->values[i];
        loan->lengths[i] = strlen(reply->values[i]);
    }
    loan->keys[reply->header_count] = loan->values[reply->header_count] = NULL;
    response->status = (long)reply->status;
    response->map_header = &loan->map;
    response->binary_body = (void *)(uintptr_t)reply->body.data;
    response->binary_body_length = reply->body.size;
    response->shared_data = loan;
    response->free_shared_data = take_back;
}

/* Ulfius copies 16 bytes of a peer's address, which cuts an IPv6 one in half, and has no place for
 * what belongs to a connection. The timeout in its requests is for clients that send them; in those
 * that it serves nobody looks at it, so the connection's line is there. */
static void put_line(void *info, riacho_line *line)
{
    struct connection_info_struct *about = info;
    if (about && about->request)
        about->request->timeout = (unsigned long)(uintptr_t)line;
}

static const riacho_line *line_in(const struct _u_request *request)
{
    return (const riacho_line *)(uintptr_t)request->timeout;
}

static int serve(const struct _u_request *from, struct _u_response *response, void *argument)
{
    const riacho_listener *listener = argument;
    riacho_arena *arena = thread_arena();
    riacho_http_reply *reply = riacho_alloc(arena, sizeof *reply);
    riacho_http_request *request = riacho_alloc(arena, sizeof *request);
    request->method = riacho_text(from->http_verb);
    request->target = riacho_text(from->http_url);
    request->headers = headers_of(from->map_header, arena);
    request->body = (riacho_bytes){from->binary_body, from->binary_body_length};
    request->peer = *riacho_line_peer(line_in(from));
    request->arena = arena;
    listener->serve(listener->arg, request, reply);
    lend(response, reply, arena);
    return U_CALLBACK_COMPLETE;
}

static riacho_line *line_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void notify_connection(void *argument, struct MHD_Connection *connection, void **context,
                              enum MHD_ConnectionNotificationCode what)
{
    riacho_listener *listener = argument;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            riacho_line_remove(listener->deadlines, *context);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const riacho_http_address peer = peer_of(address ? address->client_addr : NULL);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = info ? riacho_line_add(listener->deadlines, info->connect_fd, &peer) : NULL;
}

static void *note_request(void *argument, const char *uri, struct MHD_Connection *connection)
{
    riacho_listener *listener = argument;
    riacho_line *line = line_of(connection);
    if (line)
        riacho_line_request(listener->deadlines, line);
    void *about = ulfius_uri_logger(NULL, uri);
    put_line(about, line);
    return about;
}

static void note_completed(void *argument, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode how)
{
    riacho_listener *listener = argument;
    riacho_line *line = line_of(connection);
    if (line)
        riacho_line_completed(listener->deadlines, line);
    mhd_request_completed(NULL, connection, context, how);
}

static void fill_options(riacho_listener *listener, const riacho_listener_options *options,
                         struct MHD_OptionItem *items)
{
    const struct MHD_OptionItem all[OPTIONS_MAX] = {
        {MHD_OPTION_LISTEN_SOCKET, options->socket, NULL},
        {MHD_OPTION_THREAD_POOL_SIZE, options->threads, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, options->connections, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_address, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES_MAX, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)notify_connection, listener},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)note_completed, listener},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)note_request, listener},
        {MHD_OPTION_END, 0, NULL},
    };
    memcpy(items, all, sizeof all);
}

riacho_status riacho_listener_start(const riacho_listener_options *options,
                                    riacho_listener **ret_listener, riacho_error *err)
{
    struct MHD_OptionItem items[OPTIONS_MAX];
    riacho_listener *listener = riacho_memory_get_zero(1, sizeof *listener);
    pthread_once(&arena_once, make_arena_key);
    listener->port = options->port;
    listener->serve = options->serve;
    listener->arg = options->arg;
    listener->deadlines = riacho_deadlines_open(options->head_seconds);
    if (ulfius_init_instance(&listener->instance, (unsigned)options->port, NULL, NULL) != U_OK)
        riacho_memory_exhausted(0);
    listener->instance.max_post_body_size = options->body_bytes_max + 1;
    listener->instance.allowed_post_processor = U_POST_PROCESS_NONE;
    listener->instance.check_utf8 = 0;
    ulfius_set_default_endpoint(&listener->instance, serve, listener);
    fill_options(listener, options, items);
    if (ulfius_start_framework_with_mhd_options(&listener->instance, MHD_USE_EPOLL_INTERNAL_THREAD,
                                                items) != U_OK) {
        close(options->socket);
        ulfius_clean_instance(&listener->instance);
        riacho_deadlines_close(listener->deadlines);
        free(listener);
        return riacho_fail(err, RIACHO_REJECT, "the HTTP server cannot start on port %d",
                           options->port);
    }
    *ret_listener = listener;
    return RIACHO_OK;
}

void riacho_listener_stop(riacho_listener *listener)
{
    if (!listener)
        return;
    ulfius_stop_framework(&listener->instance);
    ulfius_clean_instance(&listener->instance);
    riacho_deadlines_close(listener->deadlines);
    free(listener);
}

int riacho_listener_port(const riacho_listener *listener)
{
    return listener->port;
}
