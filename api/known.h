/* SPDX-License-Identifier: MIT
 *
 * known.h - visitors' ids that were checked a moment ago: a client sends the same one with every
 * request, and the hash that tells it from a forged one costs more than the rest of the request's
 * head. Bounded; an entry goes when another needs its place.
 *
 * Threads: any.
 */
#pragma once

#include "riacho/types.h"

enum {
    RIACHO_KNOWN_TOKEN_BYTES = 43, /* base64url of an id and its tag, 16 bytes each */
    RIACHO_KNOWN_ID_BYTES = 22,    /* base64url of an id */
};

typedef struct riacho_known riacho_known;

riacho_known *riacho_known_new(void);
void riacho_known_free(riacho_known *known);

/* The id's text, in the arena, when this very token was noted and is still there; else absent. */
riacho_bytes riacho_known_find(riacho_known *known, riacho_bytes token, riacho_arena *arena);
/* Notes a token that was checked. Others than those of RIACHO_KNOWN_TOKEN_BYTES are not noted. */
void riacho_known_note(riacho_known *known, riacho_bytes token, riacho_bytes id);
