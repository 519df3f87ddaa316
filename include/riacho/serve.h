/* SPDX-License-Identifier: MIT
 *
 * serve.h - what a front end needs of a running worker: commands in, queries out, waiting for a
 * position, health and metrics.
 *
 * Threads: any number at once. Replies live in the caller's arena. Nothing here blocks a stream
 * thread; a read sees exactly one commit of each task it touches.
 */
#pragma once

#include "riacho/peers.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum riacho_route_kind { RIACHO_ROUTE_COMMAND = 1, RIACHO_ROUTE_QUERY } riacho_route_kind;

/* Pages are asked for with limit and cursor by these queries; `get` answers one thing. */
typedef enum riacho_read_kind {
    RIACHO_READ_GET = 1, /* keyValue, ttl */
    RIACHO_READ_RANGE,   /* keyValue */
    RIACHO_READ_TOP,     /* ranking */
    RIACHO_READ_RANK,    /* ranking */
    RIACHO_READ_LIST,    /* list */
} riacho_read_kind;

/* A command or query that a topology declares. Borrowed from the worker until it is closed. */
typedef struct riacho_route {
    const char *topology;
    const char *name;
    riacho_route_kind kind;
    const char *method;       /* "POST", "GET" */
    const char *path;         /* with the base path: "/api/pets/{id}/feed" */
    const riacho_type *body;  /* COMMAND: what the body must be, NULL: none is read */
    const riacho_type *reply; /* QUERY: of one item */
    riacho_read_kind read;
    uint32_t limit;
    uint32_t max_limit;
    unsigned subscribe;            /* 1 SSE, 2 WebSocket */
    const char *const *parameters; /* of the URL's query, that its expressions read */
    size_t parameter_count;
    uint32_t index; /* the worker's own */
} riacho_route;

size_t riacho_worker_routes(const riacho_worker *worker, const riacho_route **ret_routes);

/* The request as commands and queries see it: names and values, already decoded from the URL. */
typedef struct riacho_request {
    riacho_headers path; /* {id} -> "ghostzinho" */
    riacho_headers query;
    riacho_headers header; /* names in lower case */
    riacho_bytes body;     /* JSON text */
    riacho_bytes visitor;
    riacho_bytes subject;         /* absent: not authenticated */
    riacho_bytes idempotency_key; /* absent: a fresh UUID */
    riacho_headers carry;         /* headers to put on the record (traceparent, correlation) */
    uint64_t moment;              /* of a query's answer that the caller has; 0: none */
    riacho_reach reach;           /* of a query */
} riacho_request;

typedef struct riacho_accepted {
    riacho_position position; /* next = the event's offset + 1: wait for this to see its effect */
    const char *event_id;     /* the idempotency key, or the UUID that stood in for it */
} riacho_accepted;

/* Why a command was not carried out, beside the status and its text. */
typedef struct riacho_refusal {
    enum {
        RIACHO_REFUSED_OTHERWISE = 0, /* the text says why */
        RIACHO_REFUSED_BODY,          /* not what the schema says: issues */
        RIACHO_REFUSED_RULE,          /* a check of the command does not hold: issues */
        RIACHO_REFUSED_MISSING,       /* what it is about is not there */
        RIACHO_REFUSED_EXISTS,        /* what it would make is there already */
    } kind;
    riacho_json_issues issues;
} riacho_refusal;

/* Validates, builds the event and appends it, durable when it returns. RIACHO_REJECT: the request
 * is refused, and ret_refusal (set in any case) says how. RIACHO_RETRY: no room on the disk, or the
 * worker is not ready. */
RIACHO_CHECKED riacho_status riacho_worker_command(riacho_worker *worker, const riacho_route *route,
                                                   const riacho_request *request,
                                                   riacho_arena *arena,
                                                   riacho_accepted *ret_accepted,
                                                   riacho_refusal *ret_refusal, riacho_error *err);

/* A read of a store by name, as /v1/stores has it; a declared query becomes one of these. Keys are
 * text as in a URL, read by the store's key type (records as JSON). Absent means not said. */
typedef struct riacho_read {
    const char *topology; /* NULL: the one that has such a store; RIACHO_REJECT when several do */
    const char *store;
    riacho_read_kind kind;
    riacho_bytes key;
    riacho_bytes member;
    riacho_bytes from;
    riacho_bytes to;
    riacho_bytes prefix;
    riacho_bytes cursor;
    uint32_t limit;
    uint32_t around;
    riacho_direction direction;
    uint64_t moment; /* of an answer that the caller has; 0: none */
    riacho_reach reach;
} riacho_read;

typedef struct riacho_reply {
    /* UNCHANGED: the answer of the caller's moment still holds; nothing was read, no json. */
    enum { RIACHO_REPLY_FOUND = 0, RIACHO_REPLY_NOT_FOUND, RIACHO_REPLY_UNCHANGED } found;
    riacho_bytes json;  /* GET: the value. Else {"items":[...],"next":"cursor"|null}; RANK:
                           {"rank","score","of","around":[...]} */
    const char *cursor; /* next page, NULL: the last */
    const riacho_position *positions; /* what the state it shows includes */
    size_t position_count;
    /* At most how old the data is: since the state was last known to include all that its inputs
     * held, those of the sub-topologies before it too. 0 while nothing is on its way. */
    int64_t staleness_ms;
    uint64_t version; /* of the content: equal versions have equal json */
    /* Of the question and the commits that answer it: as long as it is the same, so is the answer.
     * 0 when the time has a part in the answer. Of this process only. */
    uint64_t moment;
    enum { RIACHO_REPLY_HERE = 0, RIACHO_REPLY_ELSEWHERE, RIACHO_REPLY_BOTH } from;
    const char *served_by; /* by which other workers, with commas between; NULL: HERE */
    enum { RIACHO_REPLY_ACTIVE = 0, RIACHO_REPLY_STANDBY } role; /* STANDBY: in some part */
    enum { RIACHO_REPLY_WHOLE = 0, RIACHO_REPLY_PARTIAL } extent;
} riacho_reply;

/* Others are asked for what is not kept here; RIACHO_RETRY names a task nobody answers for. */
RIACHO_CHECKED riacho_status riacho_worker_query(riacho_worker *worker, const riacho_route *route,
                                                 const riacho_request *request, riacho_arena *arena,
                                                 riacho_reply *ret_reply, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_worker_read(riacho_worker *worker, const riacho_read *read,
                                                riacho_arena *arena, riacho_reply *ret_reply,
                                                riacho_error *err);

/* Several keys of a keyValue or ttl store, all from the same commits; read->key is not looked at.
 * ret_replies has room for `count`: each with found and json; ret_whole has the rest. */
RIACHO_CHECKED riacho_status riacho_worker_read_many(riacho_worker *worker, const riacho_read *read,
                                                     const riacho_bytes *keys, size_t count,
                                                     riacho_arena *arena, riacho_reply *ret_replies,
                                                     riacho_reply *ret_whole, riacho_error *err);
/* Whether a topology has a store of this name. */
bool riacho_worker_has_store(const riacho_worker *worker, const char *store);

/* Where the log ends now, of every partition that the topology reads: a state that includes these
 * is as new as the call. The topology is said, or the store, or both; RIACHO_REJECT: there is none,
 * or there are several. */
RIACHO_CHECKED riacho_status riacho_worker_ends(riacho_worker *worker, const char *topology,
                                                const char *store, riacho_arena *arena,
                                                riacho_position **ret_positions, size_t *ret_count,
                                                riacho_error *err);

/* Waits until the committed state includes the position, repartition hops included: when the commit
 * that covers it wrote to repartition topics, what it wrote there as well, whichever worker of the
 * group has the tasks. RIACHO_RETRY after timeout_ms. */
RIACHO_CHECKED riacho_status riacho_worker_wait(riacho_worker *worker,
                                                const riacho_position *position, int64_t timeout_ms,
                                                riacho_error *err);

typedef struct riacho_task_status {
    const char *topology;
    const char *task;
    /* "running" "recovering" "paused" "stopped"; on a log that workers share also "away" (another
     * worker has it), "standby", "restoring" */
    const char *state;
    const char *reason; /* of a pause, or of a restore that waits; NULL otherwise */
    uint64_t commit_number;
    int64_t stream_time_ms;
    const riacho_position *positions;
    const int64_t *lag_records; /* one a position */
    size_t position_count;
    uint64_t restore_done, restore_total; /* changelog offsets, of the last restore; 0: none */
    const char *owner; /* the worker that has it, as the group tells; NULL: nobody, or not known */
    const char *owner_address;   /* where other workers reach that one; NULL: nowhere */
    const char *const *standbys; /* addresses */
    size_t standby_count;
} riacho_task_status;

RIACHO_CHECKED riacho_status riacho_worker_tasks(riacho_worker *worker, riacho_arena *arena,
                                                 riacho_task_status **ret_tasks, size_t *ret_count,
                                                 riacho_error *err);

/* The tasks that are restored at this moment, all together. Cheap. Any thread. */
typedef struct riacho_restores {
    size_t tasks;
    uint64_t done, total; /* changelog offsets */
} riacho_restores;
riacho_restores riacho_worker_restores(const riacho_worker *worker);

typedef struct riacho_store_status {
    const char *topology;
    const char *store;
    const char *kind;
    const char *key_word;
    const char *value_word;
    uint64_t keys; /* about */
    uint64_t bytes;
} riacho_store_status;

RIACHO_CHECKED riacho_status riacho_worker_stores(riacho_worker *worker, riacho_arena *arena,
                                                  riacho_store_status **ret_stores,
                                                  size_t *ret_count, riacho_error *err);

typedef struct riacho_topic_status {
    const char *topic;
    const char *cleanup;  /* "delete" "compact" */
    int64_t retention_ms; /* 0: for ever */
    int32_t partitions;
    const int64_t
        *first_offsets; /* one a partition: the first still held, the next to be written */
    const int64_t *next_offsets;
} riacho_topic_status;

/* Every topic of the worker's log, by name. */
RIACHO_CHECKED riacho_status riacho_worker_topics(riacho_worker *worker, riacho_arena *arena,
                                                  riacho_topic_status **ret_topics,
                                                  size_t *ret_count, riacho_error *err);

typedef struct riacho_topology_status {
    const char *name;
    const char *description;
    uint64_t hash;
    const char *state; /* "running" "recovering" "paused" "stopped" */
    const struct riacho_graph *graph;
} riacho_topology_status;

size_t riacho_worker_topologies(riacho_worker *worker, riacho_arena *arena,
                                riacho_topology_status **ret_topologies);
/* format: "text" "dot" "mermaid" "json". RIACHO_REJECT: no such topology or format. */
RIACHO_CHECKED riacho_status riacho_worker_graph(riacho_worker *worker, const char *topology,
                                                 const char *format, riacho_buffer *out,
                                                 riacho_error *err);

/* Ready: every task runs and input is not paused. `reason` is text for people, NULL when ready. */
typedef struct riacho_health {
    enum { RIACHO_READY = 0, RIACHO_NOT_READY } ready;
    enum { RIACHO_ALIVE = 0, RIACHO_DEAD } alive;
    const char *reason;
} riacho_health;

riacho_health riacho_worker_health(riacho_worker *worker, riacho_arena *arena);

/* One sample of a metric, borrowed during the call. `labels` are names and values. A histogram
 * comes as its _bucket, _sum and _count samples, in order. */
typedef struct riacho_metric {
    const char *name; /* "riacho_task_records_total" */
    const char *help;
    const char *type;   /* "counter" "gauge" "histogram" */
    const char *suffix; /* "", "_bucket", "_sum", "_count" */
    riacho_headers labels;
    double value;
} riacho_metric;

/* Calls emit for every sample, samples of one name together. */
void riacho_worker_metrics(riacho_worker *worker,
                           void (*emit)(void *to, const riacho_metric *metric), void *to);

#ifdef __cplusplus
}
#endif
