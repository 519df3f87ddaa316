/* SPDX-License-Identifier: MIT
 *
 * chain.h - the chain as its operators see it.
 *
 * Memory comes in three sizes: `lasting` as long as the chain, `batch` as long as the record in
 * hand (the task's arena, or the chain's own while it flushes), and what an operator reuses.
 *
 * Threads: the task's.
 */
#pragma once

#include "dirty.h"
#include "operator.h"
#include "punctuate.h"

struct riacho_chain {
    const riacho_graph *graph;
    const riacho_subtopology *subtopology;
    riacho_host *host;
    riacho_arena *lasting;
    riacho_arena *flushing; /* owned; reset for each key that a flush forwards */
    riacho_arena *batch;

    riacho_operator **operators; /* parents first */
    size_t operator_count;
    riacho_operator **by_node; /* by index of graph->nodes; NULL: of another sub-topology */

    riacho_error *error;           /* the host's; of riacho_chain_new while that runs */
    const riacho_operator *blamed; /* whose id the error names already */
    riacho_dirty *dirty;           /* of every caching store, in the order of the operators */
    riacho_schedules schedules;
};

/* The space of the overlay that holds a store of the graph, which is one of the sub-topology's. */
uint32_t riacho_chain_space(const riacho_chain *chain, int32_t store);
/* riacho_decode of what a store holds, into batch memory; a RIACHO_RETRY is noted in the host. */
RIACHO_CHECKED riacho_status riacho_chain_decode(riacho_chain *chain, const riacho_codec *codec,
                                                 riacho_bytes bytes, void *ret_value);
/* The topology or a library breaks a rule that was checked before anything runs: says so and ends
 * the process. */
_Noreturn void riacho_chain_die(const riacho_operator *self, const char *what, const char *name);
