/* SPDX-License-Identifier: MIT
 *
 * serve_share.h - what one task has to say to a question: keys, pairs or pages as they are stored,
 * read from one commit. Shares of several tasks are merged by the worker that was asked
 * (serve_read.h), and it does not matter which of them came from other workers.
 *
 * Threads: pure functions but for what they read.
 */
#pragma once

#include "riacho/serve.h"
#include "state/list.h"
#include "state/ranking.h"
#include "state/view.h"
#include "topology/graph.h"

/* A place in a list that several tasks append to: this sequence of the task of this partition. */
typedef struct riacho_list_place {
    uint64_t sequence;
    uint64_t partition;
} riacho_list_place;

/* What every task is asked for. Borrowed. */
typedef struct riacho_wanted {
    riacho_read_kind kind;
    const riacho_bytes *keys; /* GET; of the other kinds but RANGE, the one */
    size_t key_count;
    riacho_range range; /* RANGE */
    size_t limit;       /* RANGE, TOP, LIST: entries */
    uint32_t around;    /* RANK */
    riacho_bytes member;
    /* TOP: the page begins behind it. RANK: the member, whose neighbours are wanted; without, it
     * is looked for. */
    const riacho_state_ranking_entry *entry;
    const riacho_list_place *after; /* LIST: the page begins behind it; NULL: at the newest */
} riacho_wanted;

typedef struct riacho_pair {
    riacho_bytes key;
    riacho_bytes value;
} riacho_pair;

/* In the arena of whom made it. Members of other kinds are empty. */
typedef struct riacho_share {
    const riacho_bytes *values; /* GET: one a key; absent: it is not there */
    const riacho_pair *pairs;   /* RANGE */
    size_t pair_count;
    riacho_state_ranking_page page;   /* TOP; RANK: those behind the entry */
    riacho_state_ranking_page better; /* RANK: those before it */
    bool has_score;                   /* RANK: of the member */
    int64_t score;
    uint64_t size;               /* RANK: of the ranking */
    riacho_state_list_page list; /* LIST */
} riacho_share;

/* Where it is read. */
typedef struct riacho_share_source {
    riacho_state state;
    riacho_store_kind kind;
    int64_t stream_time_ms;
    size_t partition; /* of the task */
} riacho_share_source;

RIACHO_CHECKED riacho_status riacho_share_read(const riacho_share_source *source,
                                               const riacho_wanted *wanted, riacho_share *ret_share,
                                               riacho_error *err);
/* One value of a keyValue or ttl store. */
RIACHO_CHECKED riacho_status riacho_share_value(const riacho_share_source *source, riacho_bytes key,
                                                riacho_bytes *ret_value, riacho_error *err);
