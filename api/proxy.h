/* SPDX-License-Identifier: MIT
 *
 * proxy.h - who a request came from when it came through others: X-Forwarded-For is believed as far
 * as the peers that wrote it are trusted, from the right, and not at all otherwise.
 *
 * Threads: immutable; any.
 */
#pragma once

#include "http.h"

typedef struct riacho_network {
    riacho_http_address address;
    unsigned bits;
} riacho_network;

typedef struct riacho_proxies {
    const riacho_network *networks;
    size_t count;
} riacho_proxies;

/* RIACHO_REJECT: not an address or a network. An address is a network of its own. */
RIACHO_CHECKED riacho_status riacho_proxies_init(riacho_proxies *proxies, const char *const *texts,
                                                 size_t count, riacho_arena *arena,
                                                 riacho_error *err);
/* Whether one of the networks holds the address. */
bool riacho_proxies_hold(const riacho_proxies *proxies, const riacho_http_address *address);
/* Sets request->client. */
void riacho_proxies_resolve(const riacho_proxies *proxies, riacho_http_request *request);
