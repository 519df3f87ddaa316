/* SPDX-License-Identifier: MIT
 *
 * client.h - an HTTP client that can misbehave: it sends the bytes it is given.
 *
 * Threads: one test.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A connection to 127.0.0.1. */
int client_connect(int port);
void client_send(int fd, const char *bytes, size_t size);
/* Reads one reply, by its Content-Length; false when the connection ended before there was one. */
typedef struct http_reply {
    int status;
    char *head; /* malloc'd, from the status line to the empty line */
    char *body; /* malloc'd, terminated */
    size_t body_size;
} http_reply;

bool client_read(int fd, bool head_only, http_reply *ret_reply);
void reply_done(http_reply *reply);
/* The header's value in one of four buffers of the thread; NULL when there is none. */
const char *reply_header(const http_reply *reply, const char *name);

/* One request on a connection of its own. `headers` are whole lines "A: b\r\n", or "". */
http_reply client_request(int port, const char *method, const char *target, const char *headers,
                          const char *body);
http_reply client_get(int port, const char *target);
