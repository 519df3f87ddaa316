/* SPDX-License-Identifier: MIT
 *
 * operators.h - the operators of one sub-topology, instantiated for one task and linked into a
 * chain.
 *
 * A record enters at a source node and is pushed depth first through the nodes below it; every
 * operator, built in or user code, has the same vtable (operator.h). A chain knows nothing of logs,
 * threads or commits: what it needs of its task is riacho_host.
 *
 * Threads: a chain belongs to its task's stream thread.
 */
#pragma once

#include "riacho/port/clock.h"
#include "state/overlay.h"
#include "topology/graph.h"

typedef struct riacho_host riacho_host;

/* A record for a topic, serialised. The bytes are borrowed until the call returns. */
typedef struct riacho_output {
    int32_t topic;     /* of the graph */
    int32_t partition; /* -1: by key */
    riacho_bytes key;
    riacho_bytes value;
    int64_t timestamp_ms;
    riacho_headers headers;
} riacho_output;

/* What a chain needs of the task that hosts it; the task embeds this and fills it in. */
struct riacho_host {
    riacho_overlay *overlay;
    riacho_arena *batch; /* reset by the task between records, never during one */
    riacho_clock *clock;
    const char *task_name;
    int64_t stream_time_ms; /* the task's; INT64_MIN before the first record */
    riacho_source source;   /* of the record in hand; topic NULL in a punctuator or a flush */
    riacho_error
        *error; /* where a status other than OK puts its cause; the step's id is put in front */
    /* A punctuator or flush that gives RIACHO_RETRY is passed over as after REJECT: it was tried
     * often enough. */
    bool last_attempt;
    /* Set by the chain: a codec gave RIACHO_RETRY (codec.h), so it was no step that asked to be
     * tried again, and no number of attempts is enough. The task clears it before each unit. */
    bool codec_waits;
    riacho_status (*output)(riacho_host *host, const riacho_output *output);
    void (*request_commit)(riacho_host *host);
};

/* Whether what a punctuator or a flush could not do is left out from now on. */
static inline bool riacho_host_passes_over(const riacho_host *host, riacho_status status)
{
    return status == RIACHO_REJECT ||
           (status == RIACHO_RETRY && host->last_attempt && !host->codec_waits);
}

typedef struct riacho_chain riacho_chain;

/* Instantiates every node of the sub-topology. Store i of `subtopology->stores` is space i of the
 * overlay. Calls `start` of process functions. The host and graph are borrowed. */
RIACHO_CHECKED riacho_status riacho_chain_new(const riacho_graph *graph, int32_t subtopology,
                                              riacho_host *host, riacho_chain **ret_chain,
                                              riacho_error *err);
void riacho_chain_free(riacho_chain *chain);

/* Pushes a decoded record in at a source node (an index of graph->nodes). `host->stream_time_ms`
 * already includes it. REJECT, RETRY: the task undoes what this record did (riacho_overlay
 * savepoint) and applies the topology's error policy. */
RIACHO_CHECKED riacho_status riacho_chain_process(riacho_chain *chain, int32_t source_node,
                                                  const riacho_record *record);

/* Before a commit: stores with caching forward the last change of each key that changed since the
 * last flush, in the order in which the keys were first touched. Not OK: the task undoes to the
 * mark it made before (riacho_overlay_undo, riacho_chain_undo) and may call again; after REJECT the
 * change that was refused is then passed over, and the rest is forwarded. OK: there is no way back
 * but riacho_chain_drop. */
RIACHO_CHECKED riacho_status riacho_chain_flush(riacho_chain *chain);
/* How many changes a flush would forward now, those that it makes on its way left out. */
size_t riacho_chain_pending(const riacho_chain *chain);
/* Forgets what a flush would forward: after the task dropped its overlay. */
void riacho_chain_drop(riacho_chain *chain);
/* One record is a unit: `mark` before it, `undo` takes back what it noted for the next flush. */
void riacho_chain_mark(riacho_chain *chain);
void riacho_chain_undo(riacho_chain *chain);

/* Calls the punctuators that are due: stream time after a record, wall clock between records. Not
 * OK: as for a flush; the punctuator that refused is due again only at its next time. */
RIACHO_CHECKED riacho_status riacho_chain_punctuate(riacho_chain *chain, riacho_punctuation kind,
                                                    int64_t at_ms);
/* When the next wall-clock punctuator is due; INT64_MAX: none. */
int64_t riacho_chain_next_wall_clock_ms(const riacho_chain *chain);
/* What must survive a restart beside the stores (when each stream-time punctuator fires next), for
 * riacho_commit_meta.progress; restore is called after riacho_chain_new and ignores what it does
 * not know. */
void riacho_chain_save(const riacho_chain *chain, riacho_buffer *out);
void riacho_chain_restore(riacho_chain *chain, riacho_bytes progress);

/* The id of the step that the last status other than OK came from; NULL: none did. */
const char *riacho_chain_blamed(const riacho_chain *chain);

/* Counters of one node since the chain was made, for metrics. Read by other threads: each is
 * written atomically, relaxed. */
typedef struct riacho_node_counts {
    uint64_t records_in;
    uint64_t records_out;
    uint64_t dropped; /* null keys and null values dropped by rule */
} riacho_node_counts;

riacho_node_counts riacho_chain_counts(const riacho_chain *chain, int32_t node);
