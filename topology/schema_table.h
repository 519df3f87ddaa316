/* SPDX-License-Identifier: MIT
 *
 * schema_table.h - the one description of our YAML files: every key with its type, whether it must
 * be there, its default, limits, words, meaning and age. From it come the loader, its "did you
 * mean", the JSON Schemas and the reference pages, so they cannot disagree; a test fails when a
 * generated file is stale.
 *
 * Data only, constant, any thread.
 */
#pragma once

#include "riacho/topology.h"

/* What a key takes, and the member at `offset` that it is stored in. */
typedef enum riacho_key_type {
    RIACHO_KEY_TEXT = 1,      /* const char * */
    RIACHO_KEY_EXPRESSION,    /* const char *: any scalar, an unquoted number or boolean too */
    RIACHO_KEY_FLAG,          /* riacho_choice */
    RIACHO_KEY_COUNT,         /* uint32_t */
    RIACHO_KEY_NUMBER,        /* uint64_t */
    RIACHO_KEY_SIZE,          /* uint64_t, bytes: 64KiB */
    RIACHO_KEY_DURATION,      /* int64_t, ms: 30s */
    RIACHO_KEY_WORD,          /* an enum: 1 for the first of `words` */
    RIACHO_KEY_WORDS,         /* unsigned: a bit for each of `words` in the list */
    RIACHO_KEY_TEXTS,         /* const char *const *, count */
    RIACHO_KEY_EMPTY,         /* riacho_choice: `{}` says yes */
    RIACHO_KEY_SHAPE,         /* the shape's struct, embedded */
    RIACHO_KEY_TEXT_OR_SHAPE, /* the same; text alone goes to its first member */
    RIACHO_KEY_MAP,           /* array of the shape's struct, count; the first member is the name */
    RIACHO_KEY_LIST,          /* array of the shape's struct, count */
    RIACHO_KEY_VALUE,         /* riacho_value_spec: an expression, or one for each field */
    RIACHO_KEY_PAIRS,         /* const riacho_pair *, count: names and scalars */
    RIACHO_KEY_LATER,         /* reserved: a later version knows it */
} riacho_key_type;

typedef struct riacho_shape riacho_shape;

typedef struct riacho_words {
    const char *const *items;
    size_t count;
    const char *const *later; /* words that a later version knows */
    size_t later_count;
} riacho_words;

typedef struct riacho_key {
    const char *name;
    riacho_key_type type;
    size_t offset;
    size_t count_offset;
    const riacho_shape *shape;
    const riacho_words *words;
    const char *fallback; /* the default, as it would be written */
    int64_t min, max;     /* numbers, sizes, durations (ms); max 0: no limit of its own */
    enum { RIACHO_KEY_OPTIONAL = 0, RIACHO_KEY_REQUIRED } presence;
    enum {
        RIACHO_KEY_FIXED = 0,
        RIACHO_KEY_ENVIRONMENT
    } source; /* ENVIRONMENT: ${VAR} is filled in */
    const char *doc;
    const char *since; /* version; NULL: the first */
} riacho_key;

struct riacho_shape {
    const char *name; /* in $defs and headings: "Stream" */
    const char *noun; /* in messages: "a stream" */
    const char *doc;
    size_t size;
    size_t mark_offset; /* a riacho_mark; 0: it has none */
    const riacho_key *keys;
    size_t key_count;
};

typedef struct riacho_pair {
    const char *name;
    const char *value;
} riacho_pair;

/* What a document is bound to before its `kind` matters. */
typedef struct riacho_topology_document {
    int api_version;
    int kind;
    riacho_topology topology;
} riacho_topology_document;

typedef enum riacho_log_word { RIACHO_LOG_EMBEDDED = 1, RIACHO_LOG_KAFKA } riacho_log_word;

/* `kind: Worker`: what may not change the result of a replay. Zero: not said. */
typedef struct riacho_worker_file {
    const char *name;
    const char *group;
    const char *group_secret;
    riacho_log_word log;
    const riacho_pair *kafka; /* librdkafka's properties */
    size_t kafka_count;
    const char *registry_url;
    const char *registry_auth_file;
    const char *registry_ca_file;
    const char *data_dir;
    uint64_t memory_limit_bytes;
    uint32_t threads;
    uint32_t standbys;
    const char *http_listen;
    const char *http_peers;
    const char *http_advertise;
    const char *live_listen;
    riacho_mark mark;
    const riacho_places *places;
} riacho_worker_file;

typedef struct riacho_worker_document {
    int api_version;
    int kind;
    riacho_worker_file worker;
} riacho_worker_document;

/* Parts of the topology that have a file of their own. */
extern const riacho_shape riacho_store_shape;
extern const riacho_shape riacho_pipeline_shape;
extern const riacho_shape riacho_command_shape;
extern const riacho_shape riacho_query_shape;

extern const riacho_shape riacho_topology_shape; /* riacho_topology_document */
extern const riacho_shape riacho_worker_shape;   /* riacho_worker_document */
