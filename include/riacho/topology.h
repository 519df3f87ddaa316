/* SPDX-License-Identifier: MIT
 *
 * topology.h - a topology in declarative C: designated initialisers that say the same words as the
 * YAML file. The YAML loader fills the same structs, so both are checked and lowered by one piece
 * of code and give the same graph, ids and hash.
 *
 * Everything is borrowed until the graph is built. Zero means "not said". Arrays are a pointer and
 * a count. Expressions are text (docs/reference/expressions.md); a step's function is named as
 * under `functions`.
 */
#pragma once

#include "riacho/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a thing was written; line 0 when it was not written in a file. */
typedef struct riacho_mark {
    const char *file;
    uint32_t line; /* from 1 */
    uint32_t column;
} riacho_mark;

typedef enum riacho_choice { RIACHO_UNSAID = 0, RIACHO_YES, RIACHO_NO } riacho_choice;

/* keyValue, ttl: keyType, valueType. list: keyType, valueType, keep. ranking: keyType, memberType,
 * keep. */
typedef enum riacho_store_word {
    RIACHO_STORE_WORD_KEYVALUE = 1,
    RIACHO_STORE_WORD_RANKING,
    RIACHO_STORE_WORD_LIST,
    RIACHO_STORE_WORD_TTL
} riacho_store_word;

typedef struct riacho_store_words {
    const char *name;
    riacho_store_word type;
    const char *key_type, *value_type, *member_type;
    uint64_t keep;
    int64_t ttl_ms;
    riacho_choice caching;
    riacho_mark mark;
} riacho_store_words;

/* A stream, or (under `tables`) a table, whose `store` is named after it unless said. */
typedef struct riacho_stream {
    const char *name, *topic, *key_type, *value_type;
    const char *timestamp;  /* expression: long, ms */
    const char *start_from; /* earliest, latest, none, or a duration */
    uint32_t partitions;
    int64_t retention_ms;
    uint64_t retention_bytes;
    riacho_store_words store;
    riacho_mark mark;
} riacho_stream;

/* keyType and valueType are what it hands back where that differs from what it is given. */
typedef struct riacho_function_spec {
    const char *name, *use; /* "library/function" */
    riacho_function_kind kind;
    const char *const *stores; /* process: those it may use */
    size_t stores_count;
    const char *const *emits; /* process: streams or topics it forwards to by name */
    size_t emits_count;
    const char *key_type, *value_type;
    riacho_choice keeps_key; /* process, map, flatMap: no repartition is needed behind it */
    riacho_mark mark;
} riacho_function_spec;

/* A value: one expression, or one for each field of a record. */
typedef struct riacho_field_spec {
    const char *name, *expression;
} riacho_field_spec;
typedef struct riacho_value_spec {
    const char *expression;
    const riacho_field_spec *fields;
    size_t fields_count;
} riacho_value_spec;

/* A function or an expression (`text`), or expressions for key and value. */
typedef struct riacho_map_spec {
    const char *text, *key;
    riacho_value_spec value;
    const char *key_type, *value_type; /* of the results; value_type is needed with value.fields */
} riacho_map_spec;

/* `text`: count, sum(expr), min(expr), max(expr) or a function; otherwise a fold over agg, key and
 * value. */
typedef struct riacho_fold_spec {
    const char *text, *type, *init, *fold;
} riacho_fold_spec;
typedef struct riacho_convert_spec {
    const char *key_type, *value_type;
} riacho_convert_spec;

/* One thing done to each record: exactly one of the operations is said. */
typedef struct riacho_step {
    const char *id;
    const char *filter;
    riacho_map_spec map, map_values;
    const char *flat_map, *rekey;
    riacho_convert_spec convert;
    const char *group_by;
    riacho_choice group_by_key;
    riacho_fold_spec aggregate, reduce;
    const char *const *merge; /* streams, or what other pipelines call `as` */
    size_t merge_count;
    const char *process, *peek, *for_each;
    riacho_choice to_table, to_stream;
    riacho_store_words store; /* aggregate, reduce, toTable: a name, or a definition */
    riacho_mark mark;
} riacho_step;

/* `topic` is a stream's name or a topic's; or it is chosen for each record among `allow`. */
typedef struct riacho_to_spec {
    const char *topic, *topic_from;
    const char *const *allow;
    size_t allow_count;
} riacho_to_spec;

typedef struct riacho_case_spec {
    const char *when;
    riacho_to_spec to;
    const char *as;
    riacho_mark mark;
} riacho_case_spec;

/* Ends in `to`, in `as` (a name that other pipelines start from), in both, in `branch`, or in a
 * step. */
typedef struct riacho_pipeline {
    const char *name, *from;
    const riacho_step *via;
    size_t via_count;
    riacho_to_spec to;
    const char *as;
    const riacho_case_spec *branch; /* the first case that holds; one without `when` is the last */
    size_t branch_count;
    riacho_mark mark;
} riacho_pipeline;

typedef enum riacho_action_word {
    RIACHO_ACTION_RETRY = 1,
    RIACHO_ACTION_DEAD_LETTER,
    RIACHO_ACTION_SKIP,
    RIACHO_ACTION_STOP
} riacho_action_word;
typedef struct riacho_policy_spec {
    riacho_action_word action;
    uint32_t attempts;
    int64_t backoff_ms;
    riacho_action_word then;
    const char *topic;
} riacho_policy_spec;
typedef struct riacho_on_error {
    riacho_policy_spec deserialize, process, produce;
} riacho_on_error;

typedef enum riacho_method_word {
    RIACHO_METHOD_POST = 1,
    RIACHO_METHOD_PUT,
    RIACHO_METHOD_PATCH,
    RIACHO_METHOD_DELETE
} riacho_method_word;
/* A rule for a request: `that` must hold, or the answer is 422 with the message at the JSON
 * Pointer. */
typedef struct riacho_check_spec {
    const char *that, *at, *message;
    riacho_mark mark;
} riacho_check_spec;
/* A key of a keyValue or ttl store, as last committed. */
typedef struct riacho_presence_spec {
    const char *store, *key;
} riacho_presence_spec;
typedef struct riacho_command_spec {
    const char *name;
    riacho_method_word method;
    const char *path, *to, *key, *body;
    riacho_value_spec value;
    const riacho_check_spec *checks;
    size_t checks_count;
    riacho_presence_spec requires_key; /* 404 unless it is there */
    riacho_presence_spec refuses_key;  /* 409 when it is there */
    riacho_mark mark;
} riacho_command_spec;

/* What a query reads: `key` (range: `prefix`) and `member` are expressions over the path's
 * parameters. */
typedef struct riacho_lookup_spec {
    const char *store, *key, *prefix, *member;
    uint32_t limit, max_limit, around;
} riacho_lookup_spec;
enum { RIACHO_SUBSCRIBE_SSE = 1, RIACHO_SUBSCRIBE_WEBSOCKET = 2 };
typedef struct riacho_query_spec {
    const char *name, *path;
    riacho_lookup_spec get, range, top, rank, list;
    const char *view;
    unsigned subscribe;
    riacho_mark mark;
} riacho_query_spec;

typedef enum riacho_guarantee {
    RIACHO_GUARANTEE_EXACTLY_ONCE = 1,
    RIACHO_GUARANTEE_AT_LEAST_ONCE
} riacho_guarantee;
typedef struct riacho_places
    riacho_places; /* where each member was written in its file; NULL in C */

typedef struct riacho_topology {
    const char *name, *description;
    riacho_guarantee guarantee;
    int64_t commit_interval_ms;
    riacho_choice caching;
    const char *base_path;
    const char *const *libraries;
    size_t libraries_count;
    const riacho_stream *streams;
    size_t streams_count;
    const riacho_stream *tables;
    size_t tables_count;
    const riacho_store_words *stores;
    size_t stores_count;
    const riacho_function_spec *functions;
    size_t functions_count;
    const riacho_pipeline *pipelines;
    size_t pipelines_count;
    const riacho_command_spec *commands;
    size_t commands_count;
    const riacho_query_spec *queries;
    size_t queries_count;
    riacho_on_error on_error;
    riacho_mark mark;
    const riacho_places *places;
} riacho_topology;

#ifdef __cplusplus
}
#endif
