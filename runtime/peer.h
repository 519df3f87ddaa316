/* SPDX-License-Identifier: MIT
 *
 * peer.h - questions between workers of a group (riacho/peers.h), as they travel and as they are
 * answered:
 *
 *   peer_wire.c     bytes there and back, bounds-checked: the other side may be anybody;
 *   peer_share.c    of what one task says
 *   peer_answer.c   a question that came in
 *   peer_gather.c   a read whose tasks are elsewhere
 *   peer_follow.c   a position that is followed through a task elsewhere
 *
 * Both sides run the same graph, which the head of every question proves by its hash; so a task is
 * named by sub-topology and partition, and keys and values are sent as they are stored.
 *
 * Threads: any.
 */
#pragma once

#include "base/macros.h"
#include "riacho/peers.h"
#include "serve_private.h"
#include "serve_share.h"
#include "wire.h"

typedef enum riacho_peer_kind {
    RIACHO_PEER_HELLO = 1,
    RIACHO_PEER_READ,
    RIACHO_PEER_FOLLOW,
} riacho_peer_kind;

/* ---- questions ------------------------------------------------------------------------------- */

typedef struct riacho_peer_read {
    int32_t store;
    riacho_reach reach; /* of its members, extent does not travel */
    riacho_wanted wanted;
    const uint32_t *partitions; /* of the store's tasks */
    size_t partition_count;
} riacho_peer_read;

/* Answers to FOLLOW. */
enum { RIACHO_PEER_FOLLOW_NOT_YET = 0, RIACHO_PEER_FOLLOW_REACHED, RIACHO_PEER_FOLLOW_NOT_HERE };

typedef struct riacho_peer_follow {
    int32_t subtopology;
    int32_t partition;
    uint32_t input;
    int64_t next;
    int64_t wait_ms;
} riacho_peer_follow;

/* Every question begins so; HELLO is nothing more, and may be without a deployment. */
void riacho_peer_put_head(riacho_peer_kind kind, const riacho_deployment *deployment,
                          riacho_buffer *out);
void riacho_peer_put_read(const riacho_peer_read *read, riacho_buffer *out);
void riacho_peer_put_follow(const riacho_peer_follow *follow, riacho_buffer *out);

/* RIACHO_REJECT: malformed, or of other topologies. What it gives is checked against the graph, and
 * borrows the bytes and the arena. */
RIACHO_CHECKED riacho_status riacho_peer_get_head(riacho_worker *worker, riacho_wire *wire,
                                                  riacho_peer_kind *ret_kind,
                                                  const riacho_deployment **ret_deployment,
                                                  riacho_error *err);
RIACHO_CHECKED riacho_status riacho_peer_get_read(const riacho_deployment *deployment,
                                                  riacho_wire *wire, riacho_arena *arena,
                                                  riacho_peer_read *ret_read, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_peer_get_follow(const riacho_deployment *deployment,
                                                    riacho_wire *wire,
                                                    riacho_peer_follow *ret_follow,
                                                    riacho_error *err);

/* ---- answers --------------------------------------------------------------------------------- */

typedef struct riacho_peer_head {
    const char *served_by;
    uint64_t salt; /* of the process, so that its commits are nobody else's */
} riacho_peer_head;

/* What one task says. */
typedef struct riacho_peer_shard {
    enum { RIACHO_PEER_NOT_HERE = 0, RIACHO_PEER_ACTIVE, RIACHO_PEER_STANDBY } role;
    uint64_t number;
    int64_t age_ms;
    const int64_t *nexts; /* of task->inputs */
    riacho_share share;
} riacho_peer_shard;

void riacho_peer_put_answer(const riacho_worker *worker, riacho_buffer *out);
void riacho_peer_put_shard(const riacho_peer_shard *shard, const riacho_task *task,
                           const riacho_wanted *wanted, riacho_buffer *out);
/* RIACHO_RETRY: the answer makes no sense. Copied into the arena. */
RIACHO_CHECKED riacho_status riacho_peer_get_answer(riacho_wire *wire, riacho_arena *arena,
                                                    riacho_peer_head *ret_head, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_peer_get_shard(riacho_wire *wire, const riacho_task *task,
                                                   const riacho_wanted *wanted, riacho_arena *arena,
                                                   riacho_peer_shard *ret_shard, riacho_error *err);

/* ---- asking ---------------------------------------------------------------------------------- */

/* All at the same time; each call has its status afterwards. */
void riacho_peer_ask(riacho_worker *worker, riacho_peer_call *calls, size_t count,
                     riacho_arena *arena);
/* Whether a position of a task that is elsewhere is reached, waiting there at most wait_ms;
 * ret_ends as riacho_task_follow. RIACHO_RETRY: not yet, or nobody answers for the task. */
RIACHO_CHECKED riacho_status riacho_peer_follow_task(riacho_worker *worker, riacho_task *task,
                                                     const riacho_peer_follow *follow,
                                                     riacho_position *ret_ends);
