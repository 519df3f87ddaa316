/* SPDX-License-Identifier: MIT
 *
 * cors.h - which other pages' scripts may call. Origins are compared byte for byte; an origin that
 * is not in the list gets no header at all, which is a refusal.
 *
 * Threads: immutable; any.
 */
#pragma once

#include "http.h"
#include "router.h"

typedef struct riacho_cors {
    const char *const *origins; /* exact; these may send credentials */
    size_t origin_count;
    enum { RIACHO_CORS_LISTED = 0, RIACHO_CORS_ANY } any; /* ANY: every page, no credentials */
} riacho_cors;

/* Copies the list into the arena. RIACHO_REJECT: "*" beside exact origins, or an origin that no
 * browser would ever send (a path, a capital in the scheme). */
RIACHO_CHECKED riacho_status riacho_cors_init(riacho_cors *cors, const char *const *origins,
                                              size_t count, riacho_arena *arena, riacho_error *err);
/* Headers of any reply. */
void riacho_cors_add(const riacho_cors *cors, const riacho_http_request *request,
                     riacho_http_reply *reply);
/* Headers of the reply to a preflight, beside those of riacho_cors_add. */
void riacho_cors_add_preflight(const riacho_cors *cors, const riacho_http_request *request,
                               riacho_http_reply *reply, const char *methods);
