/* SPDX-License-Identifier: MIT
 *
 * load.c - see load.h.
 */
#include "load.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum { REPLY_BYTES_MAX = 256 * 1024 };

typedef struct load_client {
    const riacho_load *load;
    uint32_t number;
    double started, until;
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

/* Reads one reply with a Content-Length; its status, or 0 when the connection broke. */
static int read_reply(int socket_fd, char *buffer)
{
    size_t have = 0;
    char *body = NULL;
    size_t needed = 0;
    while (!body || have < needed) {
        const ssize_t got = recv(socket_fd, buffer + have, REPLY_BYTES_MAX - have - 1, 0);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        buffer[have] = 0;
        if (body || !(body = strstr(buffer, "\r\n\r\n")))
            continue;
        const char *length = strcasestr(buffer, "content-length:");
        needed = (size_t)(body + 4 - buffer) +
                 (length && length < body ? strtoul(length + 15, NULL, 10) : 0);
        if (needed >= REPLY_BYTES_MAX)
            return 0;
    }
    return have > 12 ? (int)strtol(buffer + 9, NULL, 10) : 0;
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

static void sleep_until(double when)
{
    const double wait = when - now_seconds();
    if (wait > 0)
        nanosleep(&(struct timespec){(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)},
                  NULL);
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
    note(client, now_seconds() - due);
    status >= 200 && status < 300 ? client->answers++ : client->refusals++;
}

static void *run_client(void *client_arg)
{
    load_client *client = client_arg;
    const riacho_load *load = client->load;
    riacho_buffer request = {0};
    char *reply = riacho_memory_get(REPLY_BYTES_MAX);
    int socket_fd = -1;
    const double interval = load->per_second > 0 ? load->clients / load->per_second : 0;
    double due = client->started + interval * client->number / load->clients;
    for (uint64_t number = 0; now_seconds() < client->until; number++) {
        riacho_buffer_reset(&request);
        load->request(load->arg, client->number, number, &request);
        if (interval > 0)
            sleep_until(due);
        else
            due = now_seconds();
        exchange(client, &socket_fd, &request, due, reply);
        due += interval;
    }
    if (socket_fd >= 0)
        close(socket_fd);
    riacho_buffer_done(&request);
    free(reply);
    return NULL;
}

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
        clients[i].started = started;
        clients[i].until = started + load->seconds;
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
            abort();
    }
    for (uint32_t i = 0; i < load->clients; i++)
        pthread_join(clients[i].thread, NULL);
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
