/* SPDX-License-Identifier: MIT
 *
 * idempotency.h - what was answered to (visitor, route, Idempotency-Key), so that a client which
 * lost the reply can ask again without a second event.
 *
 * This memory is bounded and of this process: a restart or a full table forgets. The key is the
 * event's id, by which the topology deduplicates in its own state; that is what holds for ever, and
 * this is what makes the usual retry cheap and lets it see the same reply.
 *
 * Threads: any.
 */
#pragma once

#include "riacho/types.h"

typedef struct riacho_idempotency riacho_idempotency;

riacho_idempotency *riacho_idempotency_new(size_t entries);
void riacho_idempotency_free(riacho_idempotency *table);

typedef enum riacho_idempotent {
    RIACHO_IDEMPOTENT_FIRST = 0, /* go on, then call end */
    RIACHO_IDEMPOTENT_REPEAT,    /* ret_reply is what was answered */
    RIACHO_IDEMPOTENT_RUNNING,
    RIACHO_IDEMPOTENT_OTHER_BODY,
} riacho_idempotent;

/* What to remember of a reply. */
typedef struct riacho_idempotent_reply {
    riacho_bytes event_id; /* at most 64 bytes */
    riacho_bytes topic;    /* at most 249 bytes */
    int32_t partition;
    int64_t next;
} riacho_idempotent_reply;

/* `key` and `body` are hashes, of 128 bits so that two clients never meet by chance. A FIRST must
 * be ended with the same key by the same thread. The reply's bytes are copied into the arena. */
typedef struct riacho_idempotent_hash {
    uint64_t high;
    uint64_t low;
} riacho_idempotent_hash;

riacho_idempotent riacho_idempotency_begin(riacho_idempotency *table, riacho_idempotent_hash key,
                                           riacho_idempotent_hash body, riacho_arena *arena,
                                           riacho_idempotent_reply *ret_reply);
/* Remembers the reply, or with NULL forgets the request: it failed and may be tried again. */
void riacho_idempotency_end(riacho_idempotency *table, riacho_idempotent_hash key,
                            const riacho_idempotent_reply *reply);
