/* SPDX-License-Identifier: MIT
 *
 * deadline.h - what is kept of a connection: who is at its other end, and when it must be over.
 * libmicrohttpd's own timeout counts from the last byte, so one byte a second holds a connection
 * for ever; here a request has so many seconds to arrive, and so many to be over.
 *
 *   accepted ----> HEAD (head_seconds) --request line--> REQUEST (head_seconds + the longest wait)
 *                    ^                                     |
 *                    '------------- completed -------------'
 *
 * Threads: a line belongs to the pool thread of its connection, which moves its deadline; the
 * watch's own thread shuts down the sockets of those that passed it.
 */
#pragma once

#include <stdatomic.h>

#include "http.h"

typedef struct riacho_deadlines riacho_deadlines;
typedef struct riacho_line riacho_line;

riacho_deadlines *riacho_deadlines_open(uint32_t head_seconds);
/* After the last line was removed. */
void riacho_deadlines_close(riacho_deadlines *deadlines);

/* A connection was accepted. It must be removed before its socket is closed. */
riacho_line *riacho_line_add(riacho_deadlines *deadlines, int socket,
                             const riacho_http_address *peer);
/* Who is at the other end; nobody of NULL. */
const riacho_http_address *riacho_line_peer(const riacho_line *line);
void riacho_line_remove(riacho_deadlines *deadlines, riacho_line *line);
/* Its request line is in. */
void riacho_line_request(riacho_deadlines *deadlines, riacho_line *line);
/* Its reply is out. */
void riacho_line_completed(riacho_deadlines *deadlines, riacho_line *line);
