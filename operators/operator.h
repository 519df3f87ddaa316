/* SPDX-License-Identifier: MIT
 *
 * operator.h - the one shape that every operator has, built in or user code.
 *
 * An operator is a node of the graph brought to life for one task. It gets a change, and pushes
 * what comes of it to the operators below before it returns. The graph has no cycles, so an
 * operator is never entered twice at a time: what it needs for one change (a key's bytes, a decoded
 * state) lies in memory of its own that the next change overwrites.
 *
 * Invariants
 *   1 A status other than OK goes up unchanged through every operator above; the deepest operator
 *     that returned it puts its step's id before the cause (riacho_push).
 *   2 What a pushed change points to is valid until the push returns, or longer.
 *
 * Threads: an operator belongs to its task. Its counters alone are read by others.
 */
#pragma once

#include <stdatomic.h>

#include "base/macros.h"
#include "operators.h"

/* A record on its way down. */
typedef struct riacho_flow {
    riacho_record record;
    /* Of a table's change: the value that this one replaces. NULL: there was none, or no step
     * below asked for it. */
    const void *old_value;
} riacho_flow;

typedef struct riacho_operator riacho_operator;

typedef struct riacho_operator_ops {
    const char *name;
    size_t size; /* of the operator's struct, which begins with riacho_operator */
    /* Called once, with children, node and chain set. NULL: nothing to do. The chain's arena holds
     * what lives as long as the operator. */
    riacho_status (*init)(riacho_operator *self, riacho_error *err);
    riacho_status (*process)(riacho_operator *self, const riacho_flow *flow);
    /* Forwards the changes that caching held back. NULL: it holds none back. */
    riacho_status (*flush)(riacho_operator *self);
    /* Releases what init took outside the arena. NULL: nothing. */
    void (*done)(riacho_operator *self);
} riacho_operator_ops;

/* What a user's function sees of its operator. */
struct riacho_ctx {
    riacho_operator *owner;
    const riacho_record *record; /* in hand; NULL outside of one */
    int64_t punctuation_ms;      /* while a punctuator runs */
    riacho_status failed;        /* the first status other than OK that a forward gave */
    bool forget;
    /* Most functions hand back their result; only some may forward, and not while starting. */
    enum { RIACHO_MAY_NOT_FORWARD = 0, RIACHO_MAY_FORWARD, RIACHO_IN_PUNCTUATOR } may;
};

typedef struct riacho_child {
    riacho_operator *target;
    const riacho_expr *when;
    const char *name; /* what riacho_forward_to may call it beside its id; may be NULL */
} riacho_child;

struct riacho_operator {
    const riacho_operator_ops *ops;
    const riacho_node *node;
    riacho_chain *chain;
    riacho_child *children;
    size_t child_count;
    riacho_ctx ctx;
    struct riacho_operator_counts {
        _Atomic uint64_t in;
        _Atomic uint64_t out;
        _Atomic uint64_t dropped;
    } counts;
};

/* One writer, so a plain add is enough; readers must only never see a torn number. */
static inline void riacho_count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* Gives the change to one operator, and blames it for a status other than OK that nobody below was
 * blamed for. */
RIACHO_CHECKED riacho_status riacho_push(riacho_operator *to, const riacho_flow *flow);
/* Gives the change to every child in the order of the edges. */
RIACHO_CHECKED riacho_status riacho_push_all(riacho_operator *from, const riacho_flow *flow);
/* A record that a rule drops and counts. */
static inline riacho_status riacho_drop(riacho_operator *self)
{
    riacho_count(&self->counts.dropped);
    return RIACHO_OK;
}

/* The kinds, one table each. */
extern const riacho_operator_ops riacho_source_ops;
extern const riacho_operator_ops riacho_pass_ops; /* merge, toStream */
extern const riacho_operator_ops riacho_null_keys_ops;
extern const riacho_operator_ops riacho_filter_ops;
extern const riacho_operator_ops riacho_branch_ops;
extern const riacho_operator_ops riacho_map_ops;
extern const riacho_operator_ops riacho_map_values_ops;
extern const riacho_operator_ops riacho_rekey_ops;
extern const riacho_operator_ops riacho_convert_ops;
extern const riacho_operator_ops riacho_flat_map_ops;
extern const riacho_operator_ops riacho_process_ops;
extern const riacho_operator_ops riacho_peek_ops; /* forEach too: it has no children */
extern const riacho_operator_ops riacho_aggregate_ops;
extern const riacho_operator_ops riacho_table_ops; /* toTable, table source */
extern const riacho_operator_ops riacho_sink_ops;
