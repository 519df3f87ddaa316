/* SPDX-License-Identifier: MIT
 *
 * load.h - HTTP load over kept-alive connections, and what the answers took.
 *
 * Closed loop: a client, a thread, sends the next request when the answer is there. Open loop:
 * requests are due at fixed times, any idle connection takes the next, and the latency of a late
 * one counts from when it was due, so a server that stalls cannot hide it. Loopback only; bounded
 * in time and count.
 */
#pragma once

#include "riacho/types.h"

enum { RIACHO_LOAD_CLIENTS_MAX = 256 };

typedef struct riacho_load {
    int port;
    uint32_t clients;
    double seconds;
    double per_second; /* of all clients together; 0: closed loop */
    /* Writes the whole request into `out`; called by client `client`'s thread for its request
     * `number`. */
    void (*request)(void *arg, uint32_t client, uint64_t number, riacho_buffer *out);
    void *arg;
} riacho_load;

typedef struct riacho_load_result {
    uint64_t answers;  /* with status 2xx */
    uint64_t refusals; /* with another status */
    uint64_t errors;   /* connections that broke */
    double seconds;
    double p50_ms, p99_ms, p999_ms, max_ms;
} riacho_load_result;

/* RIACHO_FATAL when nobody listens at the port. */
RIACHO_CHECKED riacho_status riacho_load_run(const riacho_load *load,
                                             riacho_load_result *ret_result);
void riacho_load_print(const char *name, const riacho_load_result *result, riacho_buffer *out);
