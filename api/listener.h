/* SPDX-License-Identifier: MIT
 *
 * listener.h - the server on the network: Ulfius with an epoll thread pool, and the limits that its
 * usual start leaves out.
 *
 * Threads: started and stopped by one thread. The pool's threads call `serve`, each with an arena
 * of its own.
 */
#pragma once

#include "server.h"

typedef struct riacho_listener_options {
    int socket; /* bound and listening; taken */
    int port;
    uint32_t threads;
    uint32_t connections;
    uint32_t connections_per_address;
    uint32_t idle_seconds;
    uint32_t head_seconds;
    size_t body_bytes_max;
    /* Answers a request whose first six members are set; both live in request->arena. */
    void (*serve)(void *arg, riacho_http_request *request, riacho_http_reply *ret_reply);
    void *arg;
} riacho_listener_options;

RIACHO_CHECKED riacho_status riacho_listener_start(const riacho_listener_options *options,
                                                   riacho_listener **ret_listener,
                                                   riacho_error *err);
/* Finishes the requests in hand. */
void riacho_listener_stop(riacho_listener *listener);
int riacho_listener_port(const riacho_listener *listener);
