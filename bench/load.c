/* SPDX-License-Identifier: MIT
 *
 * load.c - see load.h.
 *
 * The closed loop is a thread a client. The open loop is one thread with epoll: a sleeping thread a
 * client would pay a timer and two context switches for every request, on the cores that the server
 * is measured on, and so turn the generator's own queue into the server's latency.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    REPLY_BYTES_MAX = 256 * 1024,
    LINE_BYTES_MAX = 16 * 1024, /* of a reply in the open loop */
    TIMER_SLACK_NS = 5000,
    DRAIN_SECONDS = 5,
};

typedef struct load_client {
    const riacho_load *load;
    uint32_t number;
    double until;
    pthread_t thread;
    float *latencies_ms;
    size_t count, capacity;
    uint64_t answers, refusals, errors;
} load_client;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int connect_to(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 10};
    const int on = 1;
    const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(socket_fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return socket_fd;
    close(socket_fd);
    return -1;
}

/* The size of the reply that begins here, 0 as long as its head is not whole. */
static size_t reply_size(const char *buffer)
{
    const char *body = strstr(buffer, "\r\n\r\n");
    const char *length = body ? strcasestr(buffer, "content-length:") : NULL;
    if (!body)
        return 0;
    return (size_t)(body + 4 - buffer) +
           (length && length < body ? strtoul(length + 15, NULL, 10) : 0);
}

static int reply_status(const char *buffer)
{
    return (int)strtol(buffer + 9, NULL, 10);
}

/* Reads one reply with a Content-Length; its status, or 0 when the connection broke. */
static int read_reply(int socket_fd, char *buffer)
{
    size_t have = 0;
    size_t needed = 0;
    while (!needed || have < needed) {
        const ssize_t got = recv(socket_fd, buffer + have, REPLY_BYTES_MAX - have - 1, 0);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        buffer[have] = 0;
        if (!needed && (needed = reply_size(buffer)) >= REPLY_BYTES_MAX)
            return 0;
    }
    return reply_status(buffer);
}

static bool send_all(int socket_fd, const riacho_buffer *request)
{
    size_t sent = 0;
    while (sent < request->size) {
        const ssize_t wrote =
            send(socket_fd, request->data + sent, request->size - sent, MSG_NOSIGNAL);
        if (wrote <= 0)
            return false;
        sent += (size_t)wrote;
    }
    return true;
}

static void note(load_client *client, double seconds)
{
    if (client->count == client->capacity) {
        client->capacity = client->capacity ? client->capacity * 2 : 4096;
        client->latencies_ms =
            riacho_memory_resize(client->latencies_ms, client->capacity * sizeof(float));
    }
    client->latencies_ms[client->count++] = (float)(seconds * 1000);
}

static void take_answer(load_client *client, int status, double seconds)
{
    note(client, seconds);
    status >= 200 && status < 300 ? client->answers++ : client->refusals++;
}

/* One request and its answer; the connection is made anew when it broke. */
static void exchange(load_client *client, int *socket_fd, const riacho_buffer *request, double due,
                     char *reply)
{
    if (*socket_fd < 0)
        *socket_fd = connect_to(client->load->port);
    const int status =
        *socket_fd >= 0 && send_all(*socket_fd, request) ? read_reply(*socket_fd, reply) : 0;
    if (!status) {
        client->errors++;
        if (*socket_fd >= 0)
            close(*socket_fd);
        *socket_fd = -1;
        return;
    }
    take_answer(client, status, now_seconds() - due);
}

static void *run_client(void *client_arg)
{
    load_client *client = client_arg;
    const riacho_load *load = client->load;
    riacho_buffer request = {0};
    char *reply = riacho_memory_get(REPLY_BYTES_MAX);
    int socket_fd = -1;
    for (uint64_t number = 0; now_seconds() < client->until; number++) {
        riacho_buffer_reset(&request);
        load->request(load->arg, client->number, number, &request);
        exchange(client, &socket_fd, &request, now_seconds(), reply);
    }
    if (socket_fd >= 0)
        close(socket_fd);
    riacho_buffer_done(&request);
    free(reply);
    return NULL;
}

/* ---- the open loop --------------------------------------------------------------------------- */

/* A connection of the open loop: idle, or with one request under way. */
typedef struct line {
    load_client *client;
    int fd;
    double due; /* of the request under way */
    uint64_t number;
    size_t have;
    char reply[LINE_BYTES_MAX];
} line;

typedef struct pump {
    const riacho_load *load;
    line *lines;
    line **idle; /* a stack */
    uint32_t idle_count;
    int poll_fd;
    riacho_buffer request;
} pump;

static void open_line(pump *on, line *of)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = of};
    of->fd = connect_to(on->load->port);
    of->have = 0;
    if (of->fd >= 0)
        epoll_ctl(on->poll_fd, EPOLL_CTL_ADD, of->fd, &wanted);
    on->idle[on->idle_count++] = of;
}

static void break_line(pump *on, line *of)
{
    of->client->errors++;
    if (of->fd >= 0)
        close(of->fd);
    open_line(on, of);
}

static void send_due(pump *on, double due)
{
    line *of = on->idle[--on->idle_count];
    of->due = due;
    riacho_buffer_reset(&on->request);
    on->load->request(on->load->arg, of->client->number, of->number++, &on->request);
    if (of->fd < 0 || !send_all(of->fd, &on->request))
        break_line(on, of);
}

static void receive(pump *on, line *of)
{
    const ssize_t got =
        recv(of->fd, of->reply + of->have, sizeof of->reply - of->have - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        break_line(on, of);
        return;
    }
    of->have += (size_t)got;
    of->reply[of->have] = 0;
    const size_t needed = reply_size(of->reply);
    if (!needed || of->have < needed)
        return;
    take_answer(of->client, reply_status(of->reply), now_seconds() - of->due);
    of->have = 0;
    on->idle[on->idle_count++] = of;
}

static void await_replies(pump *on, double until)
{
    struct epoll_event ready[64];
    const double left = until - now_seconds();
    const struct timespec patience = {
        .tv_sec = left > 0 ? (time_t)left : 0,
        .tv_nsec = left > 0 ? (long)((left - (double)(time_t)left) * 1e9) : 0};
    const int count = epoll_pwait2(on->poll_fd, ready, 64, &patience, NULL);
    for (int i = 0; i < count; i++)
        receive(on, ready[i].data.ptr);
}

/* Sends what is due as far as there are idle connections; what had to wait for one counts from when
 * it was due. What is under way at the end is waited for. */
static void run_open(load_client *clients, const riacho_load *load, double started)
{
    const double interval = 1 / load->per_second, until = started + load->seconds;
    line *lines = riacho_memory_get_zero(load->clients, sizeof *lines);
    pump on = {.load = load,
               .lines = lines,
               .idle = riacho_memory_get_zero(load->clients, sizeof *on.idle),
               .poll_fd = epoll_create1(EPOLL_CLOEXEC)};
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    for (uint32_t i = 0; i < load->clients; i++) {
        lines[i].client = &clients[i];
        open_line(&on, &lines[i]);
    }
    double due = started;
    while (due < until && now_seconds() < until + DRAIN_SECONDS) {
        const double now = now_seconds();
        for (; due <= now && due < until && on.idle_count > 0; due += interval)
            send_due(&on, due);
        await_replies(&on, on.idle_count > 0 ? due : now + 1);
    }
    while (on.idle_count < load->clients && now_seconds() < until + DRAIN_SECONDS)
        await_replies(&on, now_seconds() + 1);
    for (uint32_t i = 0; i < load->clients; i++)
        if (lines[i].fd >= 0)
            close(lines[i].fd);
    close(on.poll_fd);
    riacho_buffer_done(&on.request);
    free(on.idle);
    free(lines);
}

static void run_closed(load_client *clients, const riacho_load *load)
{
    for (uint32_t i = 0; i < load->clients; i++)
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
            abort();
    for (uint32_t i = 0; i < load->clients; i++)
        pthread_join(clients[i].thread, NULL);
}

/* ---- the sum --------------------------------------------------------------------------------- */

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const float *sorted, size_t count, double share)
{
    return count ? (double)sorted[(size_t)((double)(count - 1) * share)] : 0;
}

static void sum_up(const load_client *clients, uint32_t count, riacho_load_result *result)
{
    size_t all = 0, filled = 0;
    for (uint32_t i = 0; i < count; i++)
        all += clients[i].count;
    float *latencies = riacho_memory_get(all * sizeof *latencies);
    for (uint32_t i = 0; i < count; i++) {
        if (clients[i].count)
            memcpy(latencies + filled, clients[i].latencies_ms,
                   clients[i].count * sizeof *latencies);
        filled += clients[i].count;
        result->answers += clients[i].answers;
        result->refusals += clients[i].refusals;
        result->errors += clients[i].errors;
    }
    qsort(latencies, all, sizeof *latencies, compare_floats);
    result->p50_ms = percentile(latencies, all, 0.5);
    result->p99_ms = percentile(latencies, all, 0.99);
    result->p999_ms = percentile(latencies, all, 0.999);
    result->max_ms = percentile(latencies, all, 1);
    free(latencies);
}

riacho_status riacho_load_run(const riacho_load *load, riacho_load_result *ret_result)
{
    static load_client clients[RIACHO_LOAD_CLIENTS_MAX];
    const int probe = connect_to(load->port);
    if (probe < 0 || load->clients > RIACHO_LOAD_CLIENTS_MAX)
        return RIACHO_FATAL;
    close(probe);
    memset(clients, 0, sizeof clients);
    *ret_result = (riacho_load_result){0};
    const double started = now_seconds();
    for (uint32_t i = 0; i < load->clients; i++) {
        clients[i].load = load;
        clients[i].number = i;
        clients[i].until = started + load->seconds;
    }
    if (load->per_second > 0)
        run_open(clients, load, started);
    else
        run_closed(clients, load);
    ret_result->seconds = now_seconds() - started;
    sum_up(clients, load->clients, ret_result);
    for (uint32_t i = 0; i < load->clients; i++)
        free(clients[i].latencies_ms);
    return RIACHO_OK;
}

void riacho_load_print(const char *name, const riacho_load_result *result, riacho_buffer *out)
{
    riacho_buffer_printf(
        out,
        "\"%s\":{\"answers\":%" PRIu64 ",\"refusals\":%" PRIu64 ",\"errors\":%" PRIu64
        ",\"perSecond\":%.0f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"maxMs\":%.3f}",
        name, result->answers, result->refusals, result->errors,
        (double)result->answers / result->seconds, result->p50_ms, result->p99_ms, result->p999_ms,
        result->max_ms);
}
