/* SPDX-License-Identifier: MIT
 *
 * yaml_node.h - YAML text as a tree of plain nodes that know where they were written.
 *
 * What a reader may rely on: the text was at most RIACHO_YAML_BYTES_MAX of UTF-8, nesting at most
 * RIACHO_YAML_DEPTH_MAX; there are no aliases, anchors, tags or merge keys; a mapping's keys are
 * scalars and each appears once. Scalars follow YAML 1.2's core rules. Nothing here knows
 * topologies: `kind: TopologyTest` is read with it as well.
 *
 * Nodes live in the arena and are immutable; any thread may read them.
 */
#pragma once

#include "issues.h"

typedef enum riacho_yaml_kind {
    RIACHO_YAML_SCALAR = 1,
    RIACHO_YAML_MAPPING,
    RIACHO_YAML_SEQUENCE
} riacho_yaml_kind;

/* How a scalar was written; all but PLAIN are strings whatever they say. */
typedef enum riacho_yaml_style {
    RIACHO_YAML_PLAIN = 1,
    RIACHO_YAML_SINGLE,
    RIACHO_YAML_DOUBLE,
    RIACHO_YAML_BLOCK
} riacho_yaml_style;

typedef enum riacho_yaml_type {
    RIACHO_YAML_NULL = 1,
    RIACHO_YAML_BOOLEAN,
    RIACHO_YAML_INT,
    RIACHO_YAML_FLOAT,
    RIACHO_YAML_STRING
} riacho_yaml_type;

typedef struct riacho_yaml_file riacho_yaml_file;
typedef struct riacho_yaml_node riacho_yaml_node;

typedef struct riacho_yaml_entry {
    const riacho_yaml_node *key; /* NULL in a sequence */
    const riacho_yaml_node *value;
} riacho_yaml_entry;

struct riacho_yaml_node {
    riacho_yaml_kind kind;
    riacho_mark mark;
    uint32_t length;   /* code points to underline, on the mark's line */
    riacho_bytes text; /* a scalar's, terminated by a NUL behind it; else empty */
    riacho_yaml_style style;
    size_t at; /* byte in the file where a scalar's content begins */
    size_t end;
    const riacho_yaml_entry *entries;
    size_t count;
    const riacho_yaml_file *file;
    bool refused; /* an alias, a merge key, a key for the second time: an issue already */
};

/* A file's text, where its lines begin, and its documents. */
struct riacho_yaml_file {
    const char *name;
    riacho_bytes source;
    const size_t *lines;
    size_t line_count;
    const riacho_yaml_node *const *documents;
    size_t document_count;
};

/* Reads every document of the text (copied). RIACHO_REJECT when an issue was added; the file is set
 * all the same, with what could be read, so that later checks can find more. */
RIACHO_CHECKED riacho_status riacho_yaml_read(riacho_bytes text, const char *name,
                                              riacho_arena *arena, riacho_issue_list *issues,
                                              const riacho_yaml_file **ret_file);
/* The same from the file system. RIACHO_REJECT with an issue when it cannot be read. */
RIACHO_CHECKED riacho_status riacho_yaml_read_file(const char *path, riacho_arena *arena,
                                                   riacho_issue_list *issues,
                                                   const riacho_yaml_file **ret_file);

/* NULL when the mapping (or whatever node is, NULL included) has no such key. */
const riacho_yaml_node *riacho_yaml_get(const riacho_yaml_node *node, const char *key);
/* The key's own node, for messages about it. */
const riacho_yaml_node *riacho_yaml_key(const riacho_yaml_node *node, const char *key);
riacho_yaml_type riacho_yaml_type_of(const riacho_yaml_node *scalar);
/* Appends the node as JSON: keys in order, numbers and booleans by YAML 1.2's core rules, a number
 * that JSON does not know
 * (.inf, .nan, 0x1F is 31) as null or decimal. */
void riacho_yaml_to_json(const riacho_yaml_node *node, riacho_buffer *out);
/* Where byte `offset` of a scalar's text was written, quotes, escapes and folding taken into
 * account. */
riacho_mark riacho_yaml_mark_in(const riacho_yaml_node *scalar, size_t offset);
/* Line and column of a byte of the file. */
riacho_mark riacho_yaml_mark_at(const riacho_yaml_file *file, size_t at);
/* Adds an issue at the node. */
void riacho_yaml_issue(const riacho_yaml_node *node, riacho_issue_list *issues, const char *hint,
                       const char *format, ...) RIACHO_PRINTF(4, 5);
