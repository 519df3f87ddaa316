/* SPDX-License-Identifier: MIT
 *
 * yaml.h - loads topology and worker files. A file may hold several documents; everything that is
 * wrong with it is reported in one run.
 *
 * What is loaded lives in the arena, and so do the issues.
 */
#pragma once

#include "places.h"
#include "schema_table.h"

typedef struct riacho_yaml_options {
    /* Gives the value of ${NAME} (getenv), NULL for one that is not set. Left NULL, as for what
     * came over REST, every use is an issue. */
    const char *(*environment)(const char *name);
} riacho_yaml_options;

typedef struct riacho_yaml_documents {
    const riacho_yaml_file *file;
    const riacho_topology *const *topologies;
    size_t topology_count;
    const riacho_worker_file *const *workers;
    size_t worker_count;
    const riacho_yaml_node *const
        *tests; /* `kind: TopologyTest`, the whole document, unchecked but for its envelope */
    size_t test_count;
} riacho_yaml_documents;

/* RIACHO_REJECT when the list holds an issue that is not a warning, of the reading before it or its
 * own; ret_documents is set all the same, with what could be understood. To report all that is
 * wrong in one run, read, load and build whatever the status before: riacho_graph_build leaves out
 * what only follows from an issue of loading, and refuses what loading has refused. */
RIACHO_CHECKED riacho_status riacho_yaml_load(const riacho_yaml_file *file,
                                              const riacho_yaml_options *options,
                                              riacho_arena *arena, riacho_issue_list *issues,
                                              riacho_yaml_documents *ret_documents);
/* One document that is not necessarily a root: the `inline` topology of a test. NULL when it is not
 * one. */
const riacho_topology *riacho_yaml_topology(const riacho_yaml_node *node,
                                            const riacho_yaml_options *options, riacho_arena *arena,
                                            riacho_issue_list *issues);

/* JSON Schema (draft 2020-12) and reference page (Markdown) of every kind, from the table. */
void riacho_yaml_print_schema(riacho_buffer *out);
void riacho_yaml_print_reference(riacho_buffer *out);
