/* SPDX-License-Identifier: MIT
 *
 * link.h - the way to the other workers of the group and back (riacho/peers.h), over HTTP:
 *
 *   POST /v1/peer   Riacho-Hop: 1, application/octet-stream; with a secret, Riacho-Proof (proof.h)
 *     200           the answer
 *     421           none of the tasks is here; the answer says so, Riacho-Owner where one is
 *     403           it knows no secret of ours
 *     4xx, 503      a problem in words
 *
 * It has an address and threads of its own. The pool's threads wait here for other workers, and if
 * those had to wait for the same pool two workers could wait for each other; what is answered here
 * asks nobody, so every question ends.
 *
 * Riacho-Hop means nothing anywhere else: a client that sends it to the public address is answered
 * as without.
 *
 * Threads: any number ask at once.
 */
#pragma once

#include "http.h"
#include "proof.h"
#include "riacho/peers.h"

typedef struct riacho_link riacho_link;

/* All borrowed until close. */
typedef struct riacho_link_options {
    riacho_worker *worker;
    const riacho_secret *secret; /* of the group; NULL: none */
    const char *served_by;
    int socket; /* bound and listening; taken */
    int port;
} riacho_link_options;

/* Meets the worker's peers from then on. */
RIACHO_CHECKED riacho_status riacho_link_open(const riacho_link_options *options,
                                              riacho_link **ret_link, riacho_error *err);
/* NULL is fine. */
void riacho_link_close(riacho_link *link);
int riacho_link_port(const riacho_link *link);

/* The asking side (link_ask.c): connections that are kept. */
typedef struct riacho_asker riacho_asker;
riacho_asker *riacho_asker_new(const riacho_secret *secret);
void riacho_asker_free(riacho_asker *asker);
/* As riacho_peers.ask. */
void riacho_asker_ask(void *asker, riacho_peer_call *calls, size_t count, riacho_arena *arena);
