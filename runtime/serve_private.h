/* SPDX-License-Identifier: MIT
 *
 * serve_private.h - what the serving files (serve*.c, command.c, query.c, wait.c) share: the table
 * behind riacho_worker_routes.
 *
 * Threads: made once, under the worker's lock, on first use after the last riacho_worker_add; then
 * immutable and read without a lock.
 */
#pragma once

#include "riacho/serve.h"
#include "worker_private.h"

/* What a route stands for; element i belongs to route i. */
typedef struct riacho_target {
    size_t deployment; /* of worker->deployments, which may move until start */
    const riacho_graph *graph;
    const riacho_graph_command *command; /* or NULL */
    const riacho_graph_query *query;     /* or NULL */
    const riacho_type *reply;            /* of a query's item: the view's result, or the value */
} riacho_target;

typedef struct riacho_serving {
    riacho_arena *arena;
    uint64_t salt; /* so that moments of another process are none of ours */
    /* Of deployment i: feeds[i][a * sub-topologies + b] tells whether what b shows comes by way of
     * a, b itself included. */
    const bool **feeds;
    struct riacho_letters_memo *letters; /* records.h */
    riacho_route *routes;
    riacho_target *targets;
    size_t route_count;
} riacho_serving;

const riacho_serving *riacho_serving_of(riacho_worker *worker);

/* The table of which sub-topologies come before which (serve_fresh.c). */
const bool *riacho_serving_feeds(const riacho_graph *graph, riacho_arena *arena);

/* The store of that name in the topology said, or (NULL) in the only one that has it.
 * RIACHO_REJECT: there is none, or there are several. */
RIACHO_CHECKED riacho_status riacho_serving_find(riacho_worker *worker, const char *topology,
                                                 const char *store, size_t *ret_deployment,
                                                 size_t *ret_store, riacho_error *err);

/* RIACHO_RETRY until riacho_worker_start is through, and after the worker ended by itself. */
RIACHO_CHECKED riacho_status riacho_serving_ready(riacho_worker *worker, riacho_error *err);

/* Which space of its task's store a store of the graph is. */
uint32_t riacho_serving_space(const riacho_graph *graph, int32_t store);

/* Values for the command scope of expressions (topology/graph.h), all of the request; `body` is
 * NULL without one. Borrows the request. */
typedef struct riacho_request_values {
    const void **values;   /* RIACHO_COMMAND_COUNT of them */
    riacho_bytes event_id; /* of a command */
    int64_t now_ms;
} riacho_request_values;

/* What queries and commands may see; the values live in the arena. */
riacho_request_values riacho_request_scope(riacho_worker *worker, const riacho_request *request,
                                           const void *body, riacho_arena *arena);
/* Evaluates to a value of the expression's type in the arena; *ret_value NULL for null. */
RIACHO_CHECKED riacho_status riacho_request_eval(const riacho_request_values *scope,
                                                 const riacho_expr *expr, riacho_arena *arena,
                                                 const void **ret_value, riacho_error *err);
