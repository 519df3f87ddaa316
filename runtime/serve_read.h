/* SPDX-License-Identifier: MIT
 *
 * serve_read.h - a question to a store, the shards that can answer it, and the pieces of the
 * answer. query.c makes a question of a request; one file for each store kind answers it.
 *
 * A store is spread over the tasks of its sub-topology. Where the store's key is what its input is
 * partitioned by (aggregations, tables) one task is asked. A `process` function may use any key, so
 * there all tasks are asked and their answers merged: what a reader sees does not depend on how
 * many partitions there are. Each task answers from one commit.
 *
 * Threads: a question belongs to the thread that asks it.
 */
#pragma once

#include "base/macros.h"
#include "serve_private.h"
#include "serve_share.h"

typedef struct riacho_shard {
    riacho_task *task;
    enum {
        RIACHO_SHARD_HERE = 0,
        RIACHO_SHARD_ELSEWHERE, /* another worker has it; `share` is what that one answered last */
        RIACHO_SHARD_MISSING,   /* and none answered: of a partial answer */
    } where;

    /* HERE. */
    riacho_publication *seen; /* owned */
    riacho_snapshot snapshot; /* of what was seen */
    riacho_state state;

    /* ELSEWHERE, from riacho_question_gather on. */
    const char *served_by;
    riacho_share share;

    /* Of what was seen, wherever it was. */
    uint64_t number;
    uint64_t source;    /* the salt of another process; 0: this one */
    int64_t current_ms; /* it is known to include all that its inputs held then */
    bool is_standby;
    const riacho_position *positions;
    size_t position_count;
} riacho_shard;

typedef struct riacho_question {
    riacho_worker *worker;
    const riacho_deployment *deployment;
    const riacho_graph_store *store;
    int32_t store_index;
    riacho_read_kind kind;
    const void *key;        /* of the store's key type; NULL: not said */
    riacho_bytes key_bytes; /* serialised; absent: not said */
    riacho_bytes member;    /* serialised */
    riacho_bytes from;      /* serialised keys, RANGE */
    riacho_bytes to;
    riacho_bytes prefix; /* the first bytes of serialised keys */
    riacho_bytes cursor; /* without its wrapping; absent: the first page */
    riacho_direction direction;
    uint32_t limit; /* at least 1 */
    uint32_t around;
    const riacho_function *view; /* or NULL */
    const riacho_type *reply;    /* of an item */
    uint64_t moment;             /* of an answer that the caller has; 0: none */
    riacho_reach reach;
    riacho_arena *arena;

    /* Several keys, of which key_bytes is number key_index; NULL: the one or none. */
    const riacho_bytes *keys;
    size_t key_count;
    size_t key_index;
    bool is_gathered; /* for all of them */

    /* Set by riacho_question_open. */
    int64_t upstream_ms; /* as current_ms, the least of the tasks before the store's own */
    riacho_shard *shards;
    size_t shard_count;
    size_t elsewhere_count; /* of the shards, missing ones included */
} riacho_question;

/* What one store kind says: JSON, and where the next page begins. */
typedef struct riacho_answer {
    riacho_buffer json; /* owned */
    bool found;
    riacho_bytes next; /* absent: the last page */
} riacho_answer;

/* Whether a store of this kind can be read so, and the question says what is needed. */
RIACHO_CHECKED riacho_status riacho_question_check(const riacho_question *question,
                                                   riacho_error *err);
/* Picks the shards and takes the newest publications of those that are here. RIACHO_RETRY: one is
 * being rebuilt. */
RIACHO_CHECKED riacho_status riacho_question_open(riacho_question *question, riacho_error *err);
/* Gives back what open took; fine when it failed half way. */
void riacho_question_close(riacho_question *question);
/* The store's tasks of these partitions, as far as they are here: how another worker's question is
 * opened. */
void riacho_question_open_tasks(riacho_question *question, const uint32_t *partitions,
                                size_t count);
static inline void riacho_auto_question(riacho_question *question)
{
    riacho_question_close(question);
}

static inline void riacho_auto_answer(riacho_answer *answer)
{
    riacho_buffer_done(&answer->json);
}

/* Asks the workers that have the shards which are elsewhere for their shares; nothing when all are
 * here. RIACHO_RETRY names one that nobody answers for, unless a partial answer will do. */
RIACHO_CHECKED riacho_status riacho_question_gather(riacho_question *question,
                                                    const riacho_wanted *wanted, riacho_error *err);
/* The share of one shard, read here or gathered; empty of one that is missing. */
RIACHO_CHECKED riacho_status riacho_question_share(const riacho_question *question, size_t shard,
                                                   const riacho_wanted *wanted,
                                                   riacho_share *ret_share, riacho_error *err);
/* How old a task's state is when it was last known to include everything at current_ms. */
int64_t riacho_question_oldest(const riacho_publication *seen);
/* Says whose state it is, and whether all of it. */
void riacho_question_sign(const riacho_question *question, riacho_reply *reply);
/* Fills in positions, position_count and staleness_ms. */
void riacho_question_date(const riacho_question *question, riacho_reply *reply);
/* The question and the commits that answer it, as one number; 0 when a view reads the clock. */
uint64_t riacho_question_moment(const riacho_question *question);
/* The least current_ms of the tasks whose output reaches the store's sub-topology. */
int64_t riacho_question_upstream(const riacho_question *question);
/* The shard that keeps a key; NULL: any of them may. Of a question that was opened without one. */
riacho_shard *riacho_question_shard(const riacho_question *question, riacho_bytes key_bytes);
/* Answers an opened question. */
RIACHO_CHECKED riacho_status riacho_question_answer(riacho_question *question,
                                                    riacho_reply *ret_reply, riacho_error *err);
/* Finds the store; the topology may be NULL. */
RIACHO_CHECKED riacho_status riacho_question_find(riacho_question *question, const char *topology,
                                                  const char *store, riacho_error *err);
/* A key as it stands in a URL: its value and its bytes, absent when the text is. */
RIACHO_CHECKED riacho_status riacho_question_read_key(const riacho_data *data, riacho_bytes text,
                                                      riacho_arena *arena, const void **ret_value,
                                                      riacho_bytes *ret_bytes, riacho_error *err);

/* Whether a keyValue or ttl store has the key, a value of its key type, in committed state. */
RIACHO_CHECKED riacho_status riacho_question_has(riacho_worker *worker,
                                                 const riacho_deployment *deployment, int32_t store,
                                                 const void *key, riacho_arena *arena,
                                                 bool *ret_found, riacho_error *err);

/* One file for each. All fill in an empty answer. */
RIACHO_CHECKED riacho_status riacho_answer_get(riacho_question *question, riacho_answer *answer,
                                               riacho_error *err);
RIACHO_CHECKED riacho_status riacho_answer_range(riacho_question *question, riacho_answer *answer,
                                                 riacho_error *err);
RIACHO_CHECKED riacho_status riacho_answer_top(riacho_question *question, riacho_answer *answer,
                                               riacho_error *err);
RIACHO_CHECKED riacho_status riacho_answer_rank(riacho_question *question, riacho_answer *answer,
                                                riacho_error *err);
RIACHO_CHECKED riacho_status riacho_answer_list(riacho_question *question, riacho_answer *answer,
                                                riacho_error *err);

/* Appends a stored value as the question's reply: through its view, if it has one. `key` may be
 * NULL when it is the question's own. */
RIACHO_CHECKED riacho_status riacho_answer_value(const riacho_question *question,
                                                 riacho_bytes key_bytes, riacho_bytes value,
                                                 riacho_buffer *out, riacho_error *err);
/* Appends serialised bytes as JSON by their codec. */
RIACHO_CHECKED riacho_status riacho_answer_part(const riacho_data *data, riacho_bytes bytes,
                                                riacho_arena *arena, riacho_buffer *out,
                                                riacho_error *err);
/* Ends {"items":[ ... with the cursor of the next page, and what is missing of a partial one. */
void riacho_answer_end_page(const riacho_question *question, riacho_answer *answer);

/* Cursors: opaque to clients, base64url of a kind, the positions that the page was read at, and
 * what the kind needs to go on. */
riacho_bytes riacho_cursor_write(const riacho_question *question, char kind, riacho_bytes rest);
/* The rest of the question's cursor, and the positions in it. RIACHO_REJECT: not a cursor of this
 * kind. */
typedef struct riacho_cursor {
    riacho_bytes positions; /* for riacho_cursor_check */
    uint64_t position_count;
    riacho_bytes rest;
} riacho_cursor;
RIACHO_CHECKED riacho_status riacho_cursor_read(const riacho_question *question, char kind,
                                                riacho_cursor *ret_cursor, riacho_error *err);
/* After the gathering. RIACHO_RETRY: the page before was of a newer state than this one. */
RIACHO_CHECKED riacho_status riacho_cursor_check(const riacho_question *question,
                                                 const riacho_cursor *cursor, riacho_error *err);
