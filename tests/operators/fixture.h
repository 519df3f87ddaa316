/* SPDX-License-Identifier: MIT
 *
 * fixture.h - a chain over hand-made nodes, with a host that writes down what comes out.
 *
 * Nodes are given in a row; one without children is linked to the next. Keys are strings and values
 * longs unless a node says otherwise. `play` runs a script and returns the transcript:
 *
 *   script      commands with commas between
 *     a 1 @10 h=x   a record with key a, value 1, timestamp 10 and one header; - is null
 *     2: a 1 @10    the same at source node 2
 *     flush         as before a commit
 *     commit        flush, then write the overlay to the store
 *     tick          stream-time punctuators; wall 500: the wall clock moves to 500 and its fire
 *     undo          takes the last command back
 *   transcript  what was written since the last play: "out a=1@10{h=x} other b=-@11", and for a
 *               status other than OK (which is undone, as a task does) "REJECT(step 'x': why)"
 *
 * Threads: one test.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "operators/operators.h"
#include "riacho/backend/stores.h"

enum { FIXTURE_NODES_MAX = 16, FIXTURE_OUT = 1, FIXTURE_OTHER, FIXTURE_THIRD };

typedef struct fixture {
    riacho_host host;
    riacho_graph graph;
    riacho_subtopology subtopology;
    riacho_node nodes[FIXTURE_NODES_MAX];
    riacho_edge edges[FIXTURE_NODES_MAX];
    int32_t order[FIXTURE_NODES_MAX];
    int32_t sources[FIXTURE_NODES_MAX];
    riacho_graph_store stores[4];
    riacho_graph_topic topics[4];
    riacho_arena *arena;
    riacho_clock_virtual clock;
    riacho_error error;
    riacho_store_factory *factory;
    riacho_store *store;
    riacho_chain *chain;
    riacho_buffer said;
    size_t said_before; /* at the mark */
    uint64_t commits;
    unsigned commit_requests;
} fixture;

typedef struct fixture_graph {
    const riacho_node *nodes;
    size_t node_count;
    const riacho_graph_store *stores; /* key string and value long unless said */
    size_t store_count;
} fixture_graph;

#define FIXTURE_GRAPH(nodes_, stores_)                                                             \
    &(const fixture_graph)                                                                         \
    {                                                                                              \
        (nodes_), sizeof(nodes_) / sizeof(*(nodes_)), (stores_),                                   \
            sizeof(stores_) / sizeof(*(stores_))                                                   \
    }
#define FIXTURE_NODES(nodes_)                                                                      \
    &(const fixture_graph)                                                                         \
    {                                                                                              \
        (nodes_), sizeof(nodes_) / sizeof(*(nodes_)), NULL, 0                                      \
    }

fixture *fixture_new(void);
void fixture_free(fixture *f);
/* Before the graph is made: compiled over key, value (of the type), timestamp, headers and agg (of
 * the result's type, "long" for a condition). */
const riacho_expr *fixture_expr(fixture *f, const char *text, const char *value,
                                const char *result);
riacho_data fixture_data(const char *word);
/* Makes the chain; the status of riacho_chain_new. */
riacho_status fixture_make(fixture *f, const fixture_graph *graph);
/* Makes it, or fails the test. */
void fixture_open(fixture *f, const fixture_graph *graph);
/* A new chain over the same state, as after a restart. */
void fixture_reopen(fixture *f);

/* The transcript, valid until the next play. */
const char *play(fixture *f, const char *script);
/* What is in a store, in key order: "a=1@10 b=2@11". */
const char *stored(fixture *f, uint32_t space);
riacho_node_counts counts(fixture *f, int32_t node);
