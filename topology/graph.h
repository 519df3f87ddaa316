/* SPDX-License-Identifier: MIT
 *
 * graph.h - a checked topology as pure data: what the runtime runs, what `graph` prints, what is
 * hashed.
 *
 * YAML (yaml.h) and declarative C (riacho/topology.h) both become a riacho_topology;
 * riacho_graph_build checks that and lowers it to this. Everything here is immutable, lives in the
 * graph's arena, and refers to other things by index. Codecs are borrowed from the schemas,
 * functions from the libraries; both must outlive the graph.
 *
 * Lowering: `groupBy` is a REKEY; a step that needs its input partitioned by key and comes after a
 * step that may have changed the key gets a SINK to a repartition topic
 * `<topology>-<step>-repartition` and a SOURCE in the next sub-topology, with null keys filtered
 * before the sink. A sub-topology is a connected component of nodes, where sharing a store connects
 * as well; numbered in order of creation.
 */
#pragma once

#include "expr/expr.h"
#include "riacho/codec.h"
#include "riacho/processor.h"
#include "riacho/topology.h"

enum { RIACHO_NONE = -1 }; /* an index that points to nothing */

/* The type of a key or value on an edge, in a topic or in a store. */
typedef struct riacho_data {
    const char *word;          /* "string", "avro:Pet" */
    const riacho_codec *codec; /* never NULL; `void` has riacho_type_null */
} riacho_data;

typedef enum riacho_topic_role {
    RIACHO_TOPIC_SOURCE = 1,
    RIACHO_TOPIC_SINK = 2,
    RIACHO_TOPIC_REPARTITION = 4,
    RIACHO_TOPIC_COMMAND = 8,
    RIACHO_TOPIC_DEAD_LETTERS = 16
} riacho_topic_role;

typedef struct riacho_graph_topic {
    const char *name;
    unsigned roles; /* riacho_topic_role, or-ed */
    riacho_data key;
    riacho_data value;
    int32_t partitions;   /* 0: not said; as found, else 1. A repartition topic: 0 takes the most of
                             its upstream sub-topology */
    int32_t upstream;     /* repartition: the sub-topology that writes it; else RIACHO_NONE */
    bool compacted;       /* a table's topic */
    int64_t retention_ms; /* 0: for ever */
    int64_t retention_bytes;
    enum { RIACHO_START_EARLIEST, RIACHO_START_LATEST, RIACHO_START_NONE, RIACHO_START_AGO } start;
    int64_t start_ago_ms;
    int32_t copartition; /* topics with the same number, from 1, must have one partition count: a
                            repartition topic takes the others'; 0: free */
} riacho_graph_topic;

typedef enum riacho_store_kind {
    RIACHO_STORE_KEYVALUE = 1,
    RIACHO_STORE_RANKING,
    RIACHO_STORE_LIST,
    RIACHO_STORE_TTL
} riacho_store_kind;

typedef struct riacho_graph_store {
    const char *name;
    riacho_store_kind kind;
    riacho_data key;
    riacho_data value; /* keyValue, list, ttl; a ranking's members */
    bool queryable;    /* named by the user */
    bool caching;      /* forward only a key's last change of a commit */
    uint64_t keep;     /* ranking: members kept; list: values kept (cap); 0: all */
    int64_t ttl_ms;
    int32_t subtopology;
} riacho_graph_store;

typedef enum riacho_node_kind {
    RIACHO_NODE_SOURCE = 1,   /* topic */
    RIACHO_NODE_TABLE_SOURCE, /* topic into store; null key dropped, null value deletes */
    RIACHO_NODE_FILTER,       /* expr or function */
    RIACHO_NODE_MAP,          /* key_expr + expr, or function; may change the key */
    RIACHO_NODE_MAP_VALUES,   /* expr or function */
    RIACHO_NODE_FLAT_MAP,     /* function */
    RIACHO_NODE_REKEY,        /* key_expr (rekey, groupBy) */
    RIACHO_NODE_CONVERT,   /* to the output types: lossless promotions, string <-> number by rule */
    RIACHO_NODE_NULL_KEYS, /* drops null keys, silently: before a repartition sink */
    RIACHO_NODE_AGGREGATE, /* store; `aggregate` says which */
    RIACHO_NODE_PROCESS,   /* function, stores */
    RIACHO_NODE_MERGE,
    RIACHO_NODE_BRANCH,   /* edges carry conditions */
    RIACHO_NODE_PEEK,     /* function */
    RIACHO_NODE_TO_TABLE, /* store; null key dropped, null value deletes */
    RIACHO_NODE_TO_STREAM,
    RIACHO_NODE_SINK,     /* topic, or topic_expr over allowed topics */
    RIACHO_NODE_FOR_EACH, /* function; nothing follows */
} riacho_node_kind;

typedef enum riacho_aggregate {
    RIACHO_AGGREGATE_COUNT = 1, /* long */
    RIACHO_AGGREGATE_SUM,       /* expr; long or double */
    RIACHO_AGGREGATE_MIN,       /* expr; its type */
    RIACHO_AGGREGATE_MAX,
    RIACHO_AGGREGATE_REDUCE,   /* function, or expr over `agg` and `value` */
    RIACHO_AGGREGATE_FUNCTION, /* function */
    RIACHO_AGGREGATE_EXPR,     /* init_expr, expr over `agg`, `key`, `value` */
} riacho_aggregate;

/* The scope of expressions at a node is always these five, in this order; `agg` only has a value in
 * folds. */
enum {
    RIACHO_SCOPE_KEY,
    RIACHO_SCOPE_VALUE,
    RIACHO_SCOPE_TIMESTAMP,
    RIACHO_SCOPE_HEADERS,
    RIACHO_SCOPE_AGG,
    RIACHO_SCOPE_COUNT
};

/* To a child; conditions belong to BRANCH nodes, where the first that holds wins and NULL always
 * holds. `name` is what riacho_forward_to may say (a process function's `emits`), NULL otherwise.
 */
typedef struct riacho_edge {
    int32_t node;
    const riacho_expr *when;
    const char *name;
} riacho_edge;

typedef struct riacho_node {
    const char
        *id; /* the step's id, or one made from its pipeline and place; unique in the topology */
    riacho_node_kind kind;
    riacho_mark mark;
    int32_t subtopology;
    bool table; /* what it forwards are changes of a table: null values delete */

    riacho_data in_key, in_value; /* of what reaches it */
    riacho_data key, value;       /* of what it forwards */

    /* In MAP and MAP_VALUES a record without a value stays without one: `expr` is not asked then,
     * and may take `value` for granted. */
    const riacho_expr *expr;
    const riacho_expr *key_expr;
    const riacho_expr *init_expr;
    const riacho_expr *topic_expr;
    const riacho_expr *timestamp_expr; /* SOURCE */
    riacho_aggregate aggregate;
    const riacho_function *function;
    const char *function_name; /* "tamaghost/apply_interaction" */
    const char *detail;        /* the expressions as they were written, for people; may be NULL */

    int32_t topic;                 /* SOURCE, TABLE_SOURCE, SINK */
    const int32_t *allowed_topics; /* SINK with topic_expr */
    size_t allowed_topic_count;
    const int32_t *stores;
    size_t store_count; /* AGGREGATE, TO_TABLE, TABLE_SOURCE: exactly 1 */
    const riacho_edge *children;
    size_t child_count;
} riacho_node;

typedef struct riacho_subtopology {
    const int32_t *nodes; /* in an order in which parents come first */
    size_t node_count;
    const int32_t *sources; /* SOURCE and TABLE_SOURCE nodes */
    size_t source_count;
    const int32_t *stores;
    size_t store_count;
} riacho_subtopology;

typedef enum riacho_error_action {
    RIACHO_ON_ERROR_DEAD_LETTER = 0,
    RIACHO_ON_ERROR_RETRY,
    RIACHO_ON_ERROR_SKIP,
    RIACHO_ON_ERROR_STOP
} riacho_error_action;

typedef struct riacho_error_policy {
    riacho_error_action action;
    uint32_t attempts; /* RETRY */
    int64_t backoff_ms;
    riacho_error_action then;
    int32_t topic; /* dead letters */
} riacho_error_policy;

/* The scope of expressions in `commands`, in this order. */
enum {
    RIACHO_COMMAND_PATH,            /* lookup */
    RIACHO_COMMAND_QUERY,           /* lookup */
    RIACHO_COMMAND_BODY,            /* the body's record, null without a body */
    RIACHO_COMMAND_HEADER,          /* lookup */
    RIACHO_COMMAND_VISITOR,         /* string */
    RIACHO_COMMAND_SUBJECT,         /* string, nullable: the authenticated user */
    RIACHO_COMMAND_NOW,             /* long, ms */
    RIACHO_COMMAND_IDEMPOTENCY_KEY, /* string: the request's, or a fresh UUID */
    RIACHO_COMMAND_UUID,            /* string: fresh */
    RIACHO_COMMAND_COUNT
};

/* A rule for requests: the message and where it belongs when `that` does not hold. */
typedef struct riacho_graph_check {
    const riacho_expr *that;
    const char *pointer;
    const char *message;
} riacho_graph_check;

/* A key of a store that must be there, or must not; store RIACHO_NONE: nothing was asked for. */
typedef struct riacho_graph_presence {
    int32_t store;
    const riacho_expr *key; /* of the store's key type */
} riacho_graph_presence;

typedef struct riacho_graph_command {
    const char *name;
    const char *method;
    const char *path; /* below base_path, "/pets/{id}/feed" */
    int32_t topic;
    const riacho_expr *key;   /* of the topic's key type */
    const riacho_expr *value; /* of the topic's value type */
    const riacho_type *body;  /* NULL: no body is read */
    const char *body_word;
    const riacho_graph_check *checks;
    size_t check_count;
    riacho_graph_presence requires_key;
    riacho_graph_presence refuses_key;
    riacho_mark mark;
} riacho_graph_command;

typedef enum riacho_query_kind {
    RIACHO_QUERY_GET = 1, /* keyValue, ttl: one value */
    RIACHO_QUERY_RANGE,   /* keyValue: ordered keys, by prefix or from/to */
    RIACHO_QUERY_TOP,     /* ranking */
    RIACHO_QUERY_RANK,    /* ranking: one member, `around` it */
    RIACHO_QUERY_LIST,    /* list: pages, newest first */
} riacho_query_kind;

typedef struct riacho_graph_query {
    const char *name;
    const char *path;
    riacho_query_kind kind;
    int32_t store;
    const riacho_expr *key;    /* over the command scope's PATH, QUERY, HEADER, VISITOR, SUBJECT; of
                                  the store's key type; NULL: RANGE of all */
    const riacho_expr *member; /* RANK */
    uint32_t limit;            /* default page */
    uint32_t max_limit;
    uint32_t around;
    const riacho_function *view;
    const char *view_name;
    unsigned subscribe; /* 1 sse, 2 websocket: for the live relay */
    riacho_mark mark;
} riacho_graph_query;

typedef struct riacho_graph {
    const char *name;
    const char *description;
    enum { RIACHO_EXACTLY_ONCE = 0, RIACHO_AT_LEAST_ONCE } guarantee;
    int64_t commit_interval_ms;
    const char *base_path; /* "/api" */
    uint64_t hash;         /* of everything that may change the result of a replay */

    const riacho_graph_topic *topics;
    size_t topic_count;
    const riacho_graph_store *stores;
    size_t store_count;
    const riacho_node *nodes;
    size_t node_count;
    const riacho_subtopology *subtopologies;
    size_t subtopology_count;
    const riacho_graph_command *commands;
    size_t command_count;
    const riacho_graph_query *queries;
    size_t query_count;

    riacho_error_policy on_deserialize;
    riacho_error_policy on_process;
    riacho_error_policy on_produce;

    riacho_arena *arena; /* owns all of the above */
} riacho_graph;

/* Where the graph's functions come from (loaded libraries); NULL for `find` when libraries are not
 * at hand: functions are then taken as declared, and the graph can be printed but not run. */
typedef struct riacho_functions {
    const riacho_function *(*find)(const struct riacho_functions *functions, const char *library,
                                   const char *name);
    /* For "did you mean"; may be NULL. */
    size_t (*names)(const struct riacho_functions *functions, const char *library,
                    const char *const **ret_names);
} riacho_functions;

/* One thing wrong with a topology. line 0: no place (declarative C). `hint` may be NULL. */
typedef struct riacho_issue {
    riacho_mark mark;
    uint32_t length; /* of the marked text, for the caret; 0: one */
    bool warning;
    const char *text;
    const char *hint;
} riacho_issue;

typedef struct riacho_issues {
    const riacho_issue *items;
    size_t count;
} riacho_issues;

/* Checks and lowers. All issues are reported (up to RIACHO_YAML_ERRORS_MAX), warnings too, in the
 * arena; RIACHO_REJECT when one is not a warning. The graph is owned by the caller; `topology` may
 * go after the call. */
RIACHO_CHECKED riacho_status riacho_graph_build(const riacho_topology *topology,
                                                riacho_schemas *schemas,
                                                const riacho_functions *functions,
                                                riacho_arena *arena, riacho_graph **ret_graph,
                                                riacho_issues *ret_issues);
void riacho_graph_free(riacho_graph *graph);

typedef enum riacho_graph_format {
    RIACHO_GRAPH_TEXT = 0,
    RIACHO_GRAPH_DOT,
    RIACHO_GRAPH_MERMAID,
    RIACHO_GRAPH_JSON
} riacho_graph_format;

/* TEXT has the shape of Kafka Streams' Topology.describe(). */
void riacho_graph_print(const riacho_graph *graph, riacho_graph_format format, riacho_buffer *out);
