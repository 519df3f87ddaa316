/* SPDX-License-Identifier: MIT
 *
 * refusal.h - what becomes of a record that could not be processed: the topology's error policy as
 * a pure decision, and the dead letter.
 *
 * Threads: pure functions.
 */
#pragma once

#include "outbox.h"
#include "topology/graph.h"

typedef enum riacho_refusal_kind {
    RIACHO_REFUSED_DESERIALIZE = 0, /* its bytes, or its timestamp */
    RIACHO_REFUSED_PROCESS,         /* a step */
    RIACHO_REFUSED_PRODUCE,         /* what it would have put in a topic */
} riacho_refusal_kind;

typedef struct riacho_refusal {
    riacho_refusal_kind kind;
    riacho_status status; /* REJECT, or RETRY */
    const char *reason;
    const char *step; /* NULL: none was entered */
    const char *topic;
    int32_t partition;
} riacho_refusal;

/* RIACHO_RETRY from a step is worth another attempt whatever the policy says: these many, so far
 * apart, unless the policy itself is a retry. */
enum { RIACHO_RETRY_ATTEMPTS = 10, RIACHO_RETRY_BACKOFF_MS = 100 };
/* RIACHO_RETRY from a codec is never the record's fault: no policy is asked, no attempt is counted,
 * and the input waits for as long as it takes. Asking is cheap (codec.h). */
enum { RIACHO_CODEC_BACKOFF_MS = 250 };

const riacho_error_policy *riacho_refusal_policy(const riacho_graph *graph,
                                                 riacho_refusal_kind kind);
/* What to do after `attempts` attempts failed (1: the first one). RIACHO_ON_ERROR_RETRY: try again
 * in *ret_backoff_ms. */
riacho_error_action riacho_refusal_action(const riacho_error_policy *policy, riacho_status status,
                                          uint32_t attempts, int64_t *ret_backoff_ms);
/* The record as it was read, with headers that say why and where it was refused: riacho.error.kind,
 * .reason, .step, .topic, .partition, .offset, .timestamp. The record's own headers stay in front,
 * as many as the limits leave room for. Points into its arguments and the arena. */
riacho_log_record riacho_refusal_dead_letter(const riacho_refusal *refusal,
                                             const riacho_log_record *record, riacho_arena *arena);
