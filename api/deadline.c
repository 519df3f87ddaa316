/* SPDX-License-Identifier: MIT
 *
 * deadline.c - see deadline.h.
 */
#include "deadline.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "base/memory.h"

enum { NS_PER_MS = 1000000, LOOK_MS = 500, REPLY_SECONDS = 30 };

struct riacho_line {
    riacho_line *next;
    riacho_line *previous;
    int socket;
    riacho_http_address peer;
    atomic_int_fast64_t until_ns;
};

struct riacho_deadlines {
    int64_t head_ns;
    int64_t request_ns;
    pthread_t watch;
    pthread_mutex_t lock; /* of the list and of `closing` */
    pthread_cond_t changed;
    riacho_line *lines;
    bool closing;
};

/* Deadlines are seconds: a clock that is read from memory will do. */
static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A socket in the list is open: its line is removed first. */
static void shut_down_late(riacho_deadlines *deadlines, int64_t now)
{
    for (riacho_line *line = deadlines->lines; line; line = line->next)
        if (atomic_load_explicit(&line->until_ns, memory_order_relaxed) < now)
            shutdown(line->socket, SHUT_RDWR);
}

static void *watch(void *argument)
{
    riacho_deadlines *deadlines = argument;
    pthread_mutex_lock(&deadlines->lock);
    while (!deadlines->closing) {
        const int64_t next = now_ns() + LOOK_MS * (int64_t)NS_PER_MS;
        const struct timespec until = {next / 1000000000, next % 1000000000};
        pthread_cond_timedwait(&deadlines->changed, &deadlines->lock, &until);
        shut_down_late(deadlines, now_ns());
    }
    pthread_mutex_unlock(&deadlines->lock);
    return NULL;
}

riacho_deadlines *riacho_deadlines_open(uint32_t head_seconds)
{
    riacho_deadlines *deadlines = riacho_memory_get_zero(1, sizeof *deadlines);
    pthread_condattr_t attributes;
    deadlines->head_ns = (int64_t)head_seconds * 1000000000;
    deadlines->request_ns = deadlines->head_ns + RIACHO_HTTP_WAIT_MS_MAX * (int64_t)NS_PER_MS +
                            REPLY_SECONDS * (int64_t)1000000000;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&deadlines->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&deadlines->lock, NULL);
    if (pthread_create(&deadlines->watch, NULL, watch, deadlines) != 0)
        riacho_memory_exhausted(0);
    return deadlines;
}

void riacho_deadlines_close(riacho_deadlines *deadlines)
{
    pthread_mutex_lock(&deadlines->lock);
    deadlines->closing = true;
    pthread_cond_signal(&deadlines->changed);
    pthread_mutex_unlock(&deadlines->lock);
    pthread_join(deadlines->watch, NULL);
    pthread_cond_destroy(&deadlines->changed);
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines);
}

riacho_line *riacho_line_add(riacho_deadlines *deadlines, int socket,
                             const riacho_http_address *peer)
{
    riacho_line *line = riacho_memory_get_zero(1, sizeof *line);
    line->socket = socket;
    line->peer = *peer;
    riacho_line_completed(deadlines, line);
    pthread_mutex_lock(&deadlines->lock);
    line->next = deadlines->lines;
    if (line->next)
        line->next->previous = line;
    deadlines->lines = line;
    pthread_mutex_unlock(&deadlines->lock);
    return line;
}

void riacho_line_remove(riacho_deadlines *deadlines, riacho_line *line)
{
    pthread_mutex_lock(&deadlines->lock);
    if (line->next)
        line->next->previous = line->previous;
    if (line->previous)
        line->previous->next = line->next;
    else
        deadlines->lines = line->next;
    pthread_mutex_unlock(&deadlines->lock);
    free(line);
}

const riacho_http_address *riacho_line_peer(const riacho_line *line)
{
    static const riacho_http_address nobody = {0};
    return line ? &line->peer : &nobody;
}

void riacho_line_request(riacho_deadlines *deadlines, riacho_line *line)
{
    atomic_store_explicit(&line->until_ns, now_ns() + deadlines->request_ns, memory_order_relaxed);
}

void riacho_line_completed(riacho_deadlines *deadlines, riacho_line *line)
{
    atomic_store_explicit(&line->until_ns, now_ns() + deadlines->head_ns, memory_order_relaxed);
}
