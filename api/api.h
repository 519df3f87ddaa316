/* SPDX-License-Identifier: MIT
 *
 * api.h - the HTTP front of a worker: commands in, queries out, control, health, metrics and their
 * description, served by Ulfius from a pool of threads. It reaches the worker only through
 * riacho/serve.h.
 *
 * Threads: open and close by one thread; the worker must have all its topologies, and may start
 * before or after (until it runs, requests get 503 and /readyz says why).
 */
#pragma once

#include "riacho/serve.h"

typedef struct riacho_api riacho_api;

typedef struct riacho_api_limit {
    double per_second; /* 0: the default; below 0: no limit */
    double burst;
} riacho_api_limit;

/* Everything is borrowed for the call of open but the worker, which must outlive the server. */
typedef struct riacho_api_options {
    riacho_worker *worker;
    const char *listen;      /* "127.0.0.1:3000", "[::1]:3000"; port 0: a free one */
    const char *served_by;   /* in Served-By and to other workers; NULL: what it listens on */
    const char *secret_file; /* the key of visitor ids; NULL: a key that ends with the process */

    /* On a log that workers share: where the others ask, an address of its own, since what they ask
     * must be answered while all of the pool's threads ask others. NULL: nowhere, and none is
     * asked. */
    const char *peers_listen;
    /* The group's secret, the same file for all of its workers: proves to others who asks, and is
     * the key of visitor ids instead of secret_file. NULL: whoever reaches peers_listen may read
     * there what /v1/stores shows to everybody, and nothing else. */
    const char *group_secret_file;

    /* SECURE: browsers send the visitor's cookie over TLS only, as it ends in a proxy in front. */
    enum { RIACHO_COOKIES_PLAIN = 0, RIACHO_COOKIES_SECURE } cookies;

    /* Whose pages may call: exact origins ("https://tamaghost.example"); these may send
     * credentials. "*" alone: any page, without credentials. None: only pages of this server. */
    const char *const *origins;
    size_t origin_count;
    /* Peers whose X-Forwarded-For is believed: addresses, or networks "10.0.0.0/8",
     * "fd00::/8". */
    const char *const *trusted_proxies;
    size_t trusted_proxy_count;

    /* Who may write to topics as an operator, beside this machine: addresses and networks, as
     * above. Where a proxy on this machine speaks for others it must be trusted, or their requests
     * would look like ours; one that forwards without being trusted is refused. */
    const char *const *operators;
    size_t operator_count;

    uint32_t threads;                 /* 0: 16; most of them sleep in an append or a wait */
    uint32_t connections;             /* 0: 512 */
    uint32_t connections_per_address; /* 0: 32 */
    uint32_t idle_seconds;            /* a connection without a byte for so long is closed; 0: 10 */
    uint32_t head_seconds;            /* a request must have arrived whole within; 0: 20 */
    riacho_api_limit reads;           /* of a visitor, else an address; default 50/s, burst 200 */
    riacho_api_limit writes;          /* default 10/s, burst 40 */
    uint32_t address_factor;      /* an address may do so many times what a visitor may; 0: 20 */
    uint32_t idempotency_entries; /* remembered Idempotency-Keys; 0: 8192 */
} riacho_api_options;

/* RIACHO_REJECT: an option is wrong, or two routes clash. RIACHO_RETRY: the address is taken. */
RIACHO_CHECKED riacho_status riacho_api_open(const riacho_api_options *options,
                                             riacho_api **ret_api, riacho_error *err);
/* The port it listens on. */
int riacho_api_port(const riacho_api *api);
/* The port of peers_listen; 0: there is none. */
int riacho_api_peers_port(const riacho_api *api);
/* Finishes the requests in hand, then releases everything; NULL is fine. */
void riacho_api_close(riacho_api *api);

/* Writes the OpenAPI 3.1 description, as /openapi.json has it. */
void riacho_api_describe(const riacho_api *api, riacho_buffer *out);
