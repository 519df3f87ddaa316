/* SPDX-License-Identifier: MIT
 *
 * chain.c - makes the operators of a sub-topology, links them, and carries records, flushes and
 * savepoints to them.
 *
 * A flush goes through the operators with parents first. What a parent forwards can only make keys
 * of operators below it dirty, and those come later, so one pass leaves nothing behind and each key
 * of each store goes down once.
 *
 * Threads: the task's, but for riacho_chain_counts.
 */
#include "chain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/trace.h"

static const riacho_operator_ops *const kinds[] = {
    [RIACHO_NODE_SOURCE] = &riacho_source_ops,
    [RIACHO_NODE_TABLE_SOURCE] = &riacho_table_ops,
    [RIACHO_NODE_FILTER] = &riacho_filter_ops,
    [RIACHO_NODE_MAP] = &riacho_map_ops,
    [RIACHO_NODE_MAP_VALUES] = &riacho_map_values_ops,
    [RIACHO_NODE_FLAT_MAP] = &riacho_flat_map_ops,
    [RIACHO_NODE_REKEY] = &riacho_rekey_ops,
    [RIACHO_NODE_CONVERT] = &riacho_convert_ops,
    [RIACHO_NODE_NULL_KEYS] = &riacho_null_keys_ops,
    [RIACHO_NODE_AGGREGATE] = &riacho_aggregate_ops,
    [RIACHO_NODE_PROCESS] = &riacho_process_ops,
    [RIACHO_NODE_MERGE] = &riacho_pass_ops,
    [RIACHO_NODE_BRANCH] = &riacho_branch_ops,
    [RIACHO_NODE_PEEK] = &riacho_peek_ops,
    [RIACHO_NODE_TO_TABLE] = &riacho_table_ops,
    [RIACHO_NODE_TO_STREAM] = &riacho_pass_ops,
    [RIACHO_NODE_SINK] = &riacho_sink_ops,
    [RIACHO_NODE_FOR_EACH] = &riacho_peek_ops,
};

uint32_t riacho_chain_space(const riacho_chain *chain, int32_t store)
{
    const riacho_subtopology *subtopology = chain->subtopology;
    for (size_t i = 0; i < subtopology->store_count; i++) {
        if (subtopology->stores[i] == store)
            return (uint32_t)i;
    }
    assert(false && "a node uses a store of its own sub-topology");
    return 0;
}

riacho_status riacho_chain_decode(riacho_chain *chain, const riacho_codec *codec,
                                  riacho_bytes bytes, void *ret_value)
{
    const riacho_status status = riacho_decode(codec, bytes, chain->batch, ret_value, chain->error);
    chain->host->codec_waits |= status == RIACHO_RETRY;
    return status;
}

_Noreturn void riacho_chain_die(const riacho_operator *self, const char *what, const char *name)
{
    riacho_trace(RIACHO_ERROR, what, "task", self->chain->host->task_name, "step", self->node->id,
                 "name", name, NULL);
    abort();
}

/* ---- making ---------------------------------------------------------------------------------- */

static riacho_operator *operator_new(riacho_chain *chain, int32_t index)
{
    const riacho_node *node = &chain->graph->nodes[index];
    const riacho_operator_ops *ops = kinds[node->kind];
    riacho_operator *self = riacho_alloc_zero(chain->lasting, 1, ops->size);
    self->ops = ops;
    self->node = node;
    self->chain = chain;
    self->ctx.owner = self;
    return self;
}

static void link_children(riacho_operator *self)
{
    const riacho_node *node = self->node;
    riacho_chain *chain = self->chain;
    self->children = riacho_alloc_zero(chain->lasting, node->child_count, sizeof *self->children);
    self->child_count = node->child_count;
    for (size_t i = 0; i < node->child_count; i++) {
        const riacho_edge *edge = &node->children[i];
        assert(chain->by_node[edge->node] && "an edge stays within its sub-topology");
        self->children[i] = (riacho_child){chain->by_node[edge->node], edge->when, edge->name};
    }
}

static void make_operators(riacho_chain *chain)
{
    const riacho_subtopology *subtopology = chain->subtopology;
    chain->operator_count = subtopology->node_count;
    chain->operators =
        riacho_alloc_zero(chain->lasting, subtopology->node_count, sizeof *chain->operators);
    chain->by_node =
        riacho_alloc_zero(chain->lasting, chain->graph->node_count, sizeof *chain->by_node);
    for (size_t i = 0; i < subtopology->node_count; i++) {
        const int32_t index = subtopology->nodes[i];
        chain->operators[i] = chain->by_node[index] = operator_new(chain, index);
    }
    for (size_t i = 0; i < chain->operator_count; i++)
        link_children(chain->operators[i]);
}

static void blame(riacho_operator *self);

static riacho_status init_operators(riacho_chain *chain, riacho_error *err)
{
    for (size_t i = 0; i < chain->operator_count; i++) {
        riacho_operator *self = chain->operators[i];
        if (!self->ops->init)
            continue;
        const riacho_status status = self->ops->init(self, err);
        if (status != RIACHO_OK) {
            blame(self);
            return status;
        }
    }
    return RIACHO_OK;
}

static void riacho_auto_chain(riacho_chain **chain)
{
    riacho_chain_free(*chain);
}

riacho_status riacho_chain_new(const riacho_graph *graph, int32_t subtopology, riacho_host *host,
                               riacho_chain **ret_chain, riacho_error *err)
{
    assert(subtopology >= 0 && (size_t)subtopology < graph->subtopology_count);
    RIACHO_AUTO(chain) riacho_chain *chain = riacho_memory_get_zero(1, sizeof *chain);
    riacho_error own;
    chain->graph = graph;
    chain->subtopology = &graph->subtopologies[subtopology];
    chain->host = host;
    chain->lasting = riacho_arena_new();
    chain->flushing = riacho_arena_new();
    chain->batch = chain->flushing; /* for `start` functions */
    chain->error = err ? err : &own;
    chain->error->text[0] = 0;
    make_operators(chain);
    RIACHO_TRY(init_operators(chain, chain->error));
    riacho_arena_reset(chain->flushing);
    riacho_schedules_mark(&chain->schedules); /* what `start` scheduled stays */
    chain->error = host->error;
    *ret_chain = RIACHO_TAKE(chain);
    return RIACHO_OK;
}

void riacho_chain_free(riacho_chain *chain)
{
    if (!chain)
        return;
    for (size_t i = 0; i < chain->operator_count; i++) {
        if (chain->operators[i]->ops->done)
            chain->operators[i]->ops->done(chain->operators[i]);
    }
    riacho_arena_free(chain->flushing);
    riacho_arena_free(chain->lasting);
    free(chain);
}

/* ---- records --------------------------------------------------------------------------------- */

static void blame(riacho_operator *self)
{
    riacho_chain *chain = self->chain;
    if (chain->blamed)
        return;
    chain->blamed = self;
    const riacho_error cause = *chain->error;
    riacho_fail(chain->error, RIACHO_OK, "step '%s': %s", self->node->id,
                cause.text[0] ? cause.text : "refused without a reason");
}

const char *riacho_chain_blamed(const riacho_chain *chain)
{
    return chain->blamed ? chain->blamed->node->id : NULL;
}

riacho_status riacho_push(riacho_operator *to, const riacho_flow *flow)
{
    riacho_count(&to->counts.in);
    const riacho_status status = to->ops->process(to, flow);
    if (status != RIACHO_OK)
        blame(to);
    return status;
}

riacho_status riacho_push_all(riacho_operator *from, const riacho_flow *flow)
{
    riacho_count(&from->counts.out);
    for (size_t i = 0; i < from->child_count; i++)
        RIACHO_TRY(riacho_push(from->children[i].target, flow));
    return RIACHO_OK;
}

/* Every way into the chain begins here. */
static void enter(riacho_chain *chain, riacho_arena *batch)
{
    chain->batch = batch;
    chain->error = chain->host->error;
    chain->error->text[0] = 0;
    chain->blamed = NULL;
}

riacho_status riacho_chain_process(riacho_chain *chain, int32_t source_node,
                                   const riacho_record *record)
{
    riacho_operator *source = chain->by_node[source_node];
    assert(source && "a source of this sub-topology");
    enter(chain, chain->host->batch);
    const riacho_flow flow = {.record = *record};
    return riacho_push(source, &flow);
}

riacho_status riacho_chain_punctuate(riacho_chain *chain, riacho_punctuation kind, int64_t at_ms)
{
    enter(chain, chain->host->batch);
    riacho_operator *failed = NULL;
    const riacho_status status = riacho_schedules_fire(&chain->schedules, kind, at_ms, &failed);
    if (status != RIACHO_OK)
        blame(failed);
    return status;
}

riacho_status riacho_chain_flush(riacho_chain *chain)
{
    enter(chain, chain->flushing);
    for (size_t i = 0; i < chain->operator_count; i++) {
        riacho_operator *self = chain->operators[i];
        if (!self->ops->flush)
            continue;
        const riacho_status status = self->ops->flush(self);
        if (status != RIACHO_OK) {
            blame(self);
            return status;
        }
    }
    riacho_arena_reset(chain->flushing);
    riacho_chain_drop(chain);
    return RIACHO_OK;
}

/* ---- savepoints ------------------------------------------------------------------------------ */

void riacho_chain_drop(riacho_chain *chain)
{
    for (riacho_dirty *dirty = chain->dirty; dirty; dirty = dirty->next)
        riacho_dirty_clear(dirty);
}

size_t riacho_chain_pending(const riacho_chain *chain)
{
    size_t pending = 0;
    for (const riacho_dirty *dirty = chain->dirty; dirty; dirty = dirty->next)
        pending += riacho_dirty_pending(dirty);
    return pending;
}

void riacho_chain_mark(riacho_chain *chain)
{
    riacho_schedules_mark(&chain->schedules);
    for (riacho_dirty *dirty = chain->dirty; dirty; dirty = dirty->next)
        riacho_dirty_mark(dirty);
}

void riacho_chain_undo(riacho_chain *chain)
{
    riacho_schedules_undo(&chain->schedules);
    for (riacho_dirty *dirty = chain->dirty; dirty; dirty = dirty->next)
        riacho_dirty_undo(dirty);
}

riacho_node_counts riacho_chain_counts(const riacho_chain *chain, int32_t node)
{
    const riacho_operator *self = chain->by_node[node];
    if (!self)
        return (riacho_node_counts){0};
    return (riacho_node_counts){
        .records_in = atomic_load_explicit(&self->counts.in, memory_order_relaxed),
        .records_out = atomic_load_explicit(&self->counts.out, memory_order_relaxed),
        .dropped = atomic_load_explicit(&self->counts.dropped, memory_order_relaxed),
    };
}
