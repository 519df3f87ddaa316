/* SPDX-License-Identifier: MIT
 *
 * project.h - topology files with the schemas and processor libraries they need, checked and ready
 * to run.
 *
 * Threads: the main thread makes it; what it holds is immutable after that.
 */
#pragma once

#include "riacho/worker.h"
#include "settings.h"
#include "topology/yaml.h"

/* Gives ${NAME} of our YAML files: the process's environment; NULL when it is not set. */
const char *riacho_environment(const char *name);

/* How deep validation goes. */
typedef enum riacho_depth { RIACHO_DEPTH_LIBRARIES = 0, RIACHO_DEPTH_FILE } riacho_depth;

typedef struct riacho_project {
    riacho_arena *arena;
    riacho_schemas *schemas;
    riacho_libraries *libraries;
    riacho_graph **graphs;
    size_t graph_count;
    size_t warnings;
    bool no_schemas;      /* no folder of schemas was said, and none was found */
    riacho_buffer report; /* issues of all files, as text or, with json, as one JSON array */
} riacho_project;

typedef struct riacho_project_options {
    const char *const *files;
    size_t file_count;
    const char *schemas;   /* folders with colons between; "" or NULL: found from the first file */
    const char *libraries; /* the same; beside the program */
    const char *ids_file;  /* NULL: ids in memory */
    bool of_registry;      /* they are a schema registry's */
    riacho_registry *registry; /* which is asked; borrowed; NULL: what the file has must do */
    riacho_depth depth;
    enum { RIACHO_REPORT_TEXT = 0, RIACHO_REPORT_JSON } report;
} riacho_project_options;

/* RIACHO_REJECT: the report, or when that is empty err, says what is wrong. The project must be
 * closed in either case. */
RIACHO_CHECKED riacho_status riacho_project_open(const riacho_project_options *options,
                                                 riacho_project *ret_project, riacho_error *err);
void riacho_project_close(riacho_project *project);

/* The project without topologies: schemas and libraries only, for tests that bring their own. */
RIACHO_CHECKED riacho_status riacho_project_prepare(const riacho_project_options *options,
                                                    riacho_project *ret_project, riacho_error *err);
/* Checks one topology and adds its graph; issues go to `issues`. */
RIACHO_CHECKED riacho_status riacho_project_add(riacho_project *project,
                                                const riacho_topology *topology, riacho_depth depth,
                                                riacho_issue_list *issues);
