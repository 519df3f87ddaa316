/* SPDX-License-Identifier: MIT
 *
 * build.h - what the parts of riacho_graph_build share. In the order in which they work:
 *
 *   build_types.c         words, types and C structs as data types
 *   build_expressions.c   expressions, and issues inside them
 *   build_streams.c       streams, tables, topics, sinks
 *   build_functions.c     functions and their signatures
 *   build_stores.c        stores
 *   build_pipelines.c     pipelines in an order in which those they start from come first
 *   build_steps.c         one step: node, types, repartitioning
 *   build_keyed.c         steps that need their input partitioned by key: aggregate, reduce,
 * process, toTable build_requests.c      commands and queries; build_paths.c their paths
 *   build_subtopologies.c what is connected, and what must have equal partition counts
 *   hash.c                what may change the result of a replay
 *
 * A thing that is wrong gets an issue and is then treated as unknown, so that the checks behind it
 * go on without complaining about the same thing again. One thread; everything lives in the graph's
 * arena, issues in the caller's.
 */
#pragma once

#include "places.h"

/* Where a thing was said: the member, if it was written in a file, or else the item it belongs to.
 */
typedef struct riacho_where {
    const void *member;
    const riacho_mark *mark;
} riacho_where;

/* Where a pipeline has got to. */
typedef struct riacho_tip {
    int32_t node; /* RIACHO_NONE: it begins with something unknown */
    riacho_data key;
    riacho_data value;
    bool table;
    bool changed; /* the key may not be the one it was partitioned by */
    bool grouped;
} riacho_tip;

typedef struct riacho_draft_node {
    riacho_node node;    /* without children */
    int32_t partitioned; /* the source behind its repartition topic, once it has one */
    const riacho_function_spec *process; /* its stores are resolved when all pipelines are built */
} riacho_draft_node;

typedef struct riacho_draft_edge {
    int32_t from;
    riacho_edge edge;
} riacho_draft_edge;

/* A name that pipelines may start from. */
typedef struct riacho_origin {
    const char *name;
    enum { RIACHO_ORIGIN_STREAM = 1, RIACHO_ORIGIN_TABLE, RIACHO_ORIGIN_AS } kind;
    size_t index; /* stream, table or pipeline */
    riacho_tip tip;
    bool ready; /* tip is set */
    bool used;
    riacho_where where;
} riacho_origin;

typedef struct riacho_function_use {
    const riacho_function *function; /* NULL: not known, or not at hand */
    const char *library;
    bool resolved;
    bool used;
} riacho_function_use;

typedef struct riacho_store_use {
    const riacho_store_words *words; /* the declaration; NULL: derived */
    riacho_where where;
    int32_t owner; /* the node that keeps it, of aggregate, toTable, table; RIACHO_NONE: functions
                      only */
    bool used;
} riacho_store_use;

typedef struct riacho_builder {
    const riacho_topology *topology;
    riacho_schemas *schemas;
    const riacho_functions *functions;
    riacho_arena *arena;
    riacho_issue_list *issues;
    size_t follow_ups; /* issues left out, because loading has said what is wrong with the item */
    riacho_graph *graph;

    riacho_draft_node *nodes;
    size_t node_count, node_capacity;
    riacho_draft_edge *edges;
    size_t edge_count, edge_capacity;
    riacho_graph_topic *topics;
    size_t topic_count, topic_capacity;
    riacho_graph_store *stores;
    riacho_store_use *store_uses;
    size_t store_count, store_capacity;

    riacho_origin *origins;
    size_t origin_count;
    riacho_function_use *function_uses; /* as topology->functions */
    enum { RIACHO_PIPELINE_NEW = 0, RIACHO_PIPELINE_OPEN, RIACHO_PIPELINE_DONE } * pipeline_states;
} riacho_builder;

/* build.c: issues and growing. */
void riacho_build_issue(riacho_builder *builder, riacho_where where, const char *hint,
                        const char *format, ...) RIACHO_PRINTF(4, 5);
void riacho_build_warning(riacho_builder *builder, riacho_where where, const char *format, ...)
    RIACHO_PRINTF(3, 4);
/* "did you mean 'x'?" in the arena, or NULL. */
const char *riacho_build_meant(riacho_builder *builder, const char *word,
                               const char *const *candidates, size_t count);
void *riacho_build_grow(riacho_builder *builder, void *items, size_t count, size_t *capacity,
                        size_t size);
/* Letters, digits, - and _, beginning with a letter; an issue otherwise. */
bool riacho_build_name_valid(riacho_builder *builder, riacho_where where, const char *what,
                             const char *name);
int32_t riacho_build_node(riacho_builder *builder, const riacho_node *node);
void riacho_build_edge(riacho_builder *builder, int32_t from, const riacho_edge *edge);
riacho_node *riacho_build_node_at(riacho_builder *builder, int32_t node);

/* build_types.c. A data type that is not known has a word of its own and fits everything. */
riacho_data riacho_build_unknown(void);
bool riacho_build_is_unknown(const riacho_data *data);
bool riacho_build_fits(const riacho_data *a, const riacho_data *b);
/* The type a word says; NULL or a wrong word gives unknown, a wrong one an issue as well. */
riacho_data riacho_build_word(riacho_builder *builder, riacho_where where, const char *word);
/* The data type that a value of `type` is written as: "string", "avro:Pet". */
riacho_data riacho_build_data_of_type(riacho_builder *builder, riacho_where where,
                                      const riacho_type *type);
/* Unknown for NULL. */
riacho_data riacho_build_data_of_struct(riacho_builder *builder, riacho_where where,
                                        const riacho_struct *structure);

/* build_expressions.c. */
typedef struct riacho_scope_types {
    riacho_data key;
    riacho_data value;
    riacho_data agg; /* unknown: no such name */
    enum { RIACHO_VALUES_MAYBE_NULL = 0, RIACHO_VALUES_PRESENT } values;
} riacho_scope_types;

/* A part of the text at `member`, which is where issues are shown. */
typedef struct riacho_source_text {
    riacho_where where;
    const char *text;
    size_t offset; /* of the part, in the whole */
    size_t length;
    const size_t *spelled; /* where `path.` was put in, as places in the original; closed by
                              SIZE_MAX; NULL: nowhere */
} riacho_source_text;

riacho_source_text riacho_build_source(riacho_where where, const char *text);
/* NULL after an issue, and when a type it needs is unknown. `expected` may be NULL. */
const riacho_expr *riacho_build_expr(riacho_builder *builder, const riacho_source_text *source,
                                     const riacho_scope_types *types, const riacho_type *expected);
/* The same over a scope of another kind. */
const riacho_expr *riacho_build_scoped(riacho_builder *builder, const riacho_source_text *source,
                                       const riacho_expr_scope *scope, const riacho_type *expected);
/* An expression or one a field, as a value of `data`; an unknown data type takes a lone
 * expression's own. */
const riacho_expr *riacho_build_value(riacho_builder *builder, riacho_where where,
                                      const riacho_value_spec *value,
                                      const riacho_expr_scope *scope, const riacho_data *data);
/* Fills in the five names of a step; false when a type is unknown. */
bool riacho_build_scope(const riacho_scope_types *types, riacho_expr_name names[RIACHO_SCOPE_COUNT],
                        riacho_expr_scope *ret_scope);

/* build_streams.c */
void riacho_build_streams(riacho_builder *builder);
riacho_origin *riacho_build_origin(riacho_builder *builder, const char *name);
/* Makes the source of a stream or table, the first time it is read. */
void riacho_build_source_node(riacho_builder *builder, riacho_origin *origin);
/* The topic that a `to` names: a declared stream's, or one of its own with these types. RIACHO_NONE
 * after an issue. */
int32_t riacho_build_sink_topic(riacho_builder *builder, riacho_where where, const char *name,
                                const riacho_tip *tip);
/* The topic of a declared stream or table. RIACHO_NONE after an issue. */
int32_t riacho_build_stream_topic(riacho_builder *builder, riacho_where where, const char *name,
                                  unsigned role);
int32_t riacho_build_topic(riacho_builder *builder, riacho_where where,
                           const riacho_graph_topic *topic);
/* Adds the node that `to` says. */
void riacho_build_sink(riacho_builder *builder, riacho_where where, const riacho_to_spec *to,
                       const char *id, const riacho_tip *tip, const riacho_edge *edge);
void riacho_build_unused_streams(riacho_builder *builder);

/* build_functions.c */
void riacho_build_function_specs(riacho_builder *builder);
const riacho_function_spec *riacho_build_function_named(riacho_builder *builder, const char *name);
/* Resolves and marks as used; an issue when it is not of the kind. NULL: there is no such function,
 * and an issue. */
const riacho_function_spec *riacho_build_function(riacho_builder *builder, riacho_where where,
                                                  const char *name, riacho_function_kind kind,
                                                  const riacho_function **ret_function);
/* "library/function" without a declaration. */
const riacho_function *riacho_build_function_direct(riacho_builder *builder, riacho_where where,
                                                    const char *use, riacho_function_kind kind);
void riacho_build_check_struct(riacho_builder *builder, riacho_where where, const char *function,
                               const char *what, const riacho_struct *structure,
                               const riacho_data *data);
void riacho_build_unused_functions(riacho_builder *builder);

/* build_stores.c */
void riacho_build_declared_stores(riacho_builder *builder);
/* The store of a node that keeps its result: named, defined in place, or derived as `derived`. */
int32_t riacho_build_owned_store(riacho_builder *builder, riacho_where where,
                                 const riacho_store_words *words, const char *derived,
                                 const riacho_tip *tip, int32_t owner);
/* RIACHO_NONE after an issue. */
int32_t riacho_build_store_named(riacho_builder *builder, riacho_where where, const char *name);
void riacho_build_process_stores(riacho_builder *builder);
void riacho_build_unused_stores(riacho_builder *builder);

/* build_pipelines.c, build_steps.c, build_keyed.c */
void riacho_build_pipelines(riacho_builder *builder);
riacho_origin *riacho_build_upstream(riacho_builder *builder, riacho_where where, const char *name);
void riacho_build_step(riacho_builder *builder, const riacho_pipeline *pipeline, size_t index,
                       riacho_tip *tip);
/* Whether a step needs its input partitioned by key, and whether it may change the key. */
bool riacho_build_needs_key(riacho_builder *builder, const riacho_step *step);
bool riacho_build_changes_key(riacho_builder *builder, const riacho_step *step);
void riacho_build_repartition(riacho_builder *builder, const riacho_step *step, riacho_tip *tip);
void riacho_build_aggregate(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                            riacho_tip *tip);
void riacho_build_reduce(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                         riacho_tip *tip);
void riacho_build_process(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                          riacho_tip *tip);
void riacho_build_to_table(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                           riacho_tip *tip);
/* The sinks that a process function names, behind its node. */
void riacho_build_emits(riacho_builder *builder, const riacho_step *step, const riacho_tip *tip);
/* Resolves the function of a step, notes it in the node, and compares what it is given. NULL after
 * an issue. */
const riacho_function_spec *riacho_build_step_function(riacho_builder *builder,
                                                       const riacho_step *step,
                                                       const char *const *name,
                                                       riacho_function_kind kind, riacho_node *node,
                                                       const riacho_tip *tip);
/* What a function hands back: as declared, as its library says, or unknown when neither is at hand.
 */
riacho_data riacho_build_result(riacho_builder *builder, const riacho_function_spec *spec,
                                const char *const *word, const riacho_struct *structure,
                                const riacho_function *function, const riacho_data *input);

/* build_requests.c, build_paths.c */
void riacho_build_commands(riacho_builder *builder);
void riacho_build_queries(riacho_builder *builder);
void riacho_build_path(riacho_builder *builder, riacho_where where, const char *path);
/* Whether two paths take the same requests: equal but for the names of parameters. */
bool riacho_build_paths_clash(const char *a, const char *b);
bool riacho_build_path_has(const char *path, riacho_bytes parameter);
/* Every bare parameter of the path becomes path.<parameter>. */
void riacho_build_spell_parameters(riacho_builder *builder, const char *path,
                                   riacho_source_text *source);
/* An issue at a part of the text. */
void riacho_build_issue_in(riacho_builder *builder, const riacho_source_text *source,
                           const riacho_expr_issue *issue);
/* Issues for `path.x` where x is no parameter. */
void riacho_build_check_parameters(riacho_builder *builder, const riacho_source_text *source,
                                   const char *path);

/* build_subtopologies.c, hash.c */
void riacho_build_subtopologies(riacho_builder *builder);
uint64_t riacho_graph_hash(const riacho_graph *graph);
