/* SPDX-License-Identifier: MIT
 *
 * topologies.h - what the simulated workers run: every event is counted and summed by key, kept for
 * some time, and counted again by group, behind a repartition topic.
 *
 *   in, in2 -> count (stores counts, sums, recent) -> out       1, 2, 3 ... for each key
 *           -> groupBy value % 3 -> totals (store totals) -> totals   1, 2, 3 ... for each group
 *
 * What of it there is depends on the shape. Keys are texts, values longs.
 *
 * Threads: one.
 */
#pragma once

#include "topology/graph.h"

typedef enum sim_shape {
    SIM_COUNT = 0, /* in -> count -> out */
    SIM_HOP,       /* and the groups */
    SIM_MERGE,     /* and in2 */
    SIM_SHAPES,
} sim_shape;

enum { SIM_GROUPS = 3, SIM_TTL_MS = 20000 };

typedef struct sim_topology {
    sim_shape shape;
    riacho_schemas *schemas;
    riacho_arena *arena;
    riacho_graph *graph;
} sim_topology;

/* Partitions of in and in2. */
void sim_topology_init(sim_topology *topology, sim_shape shape, uint32_t partitions,
                       riacho_guarantee guarantee);
void sim_topology_done(sim_topology *topology);
