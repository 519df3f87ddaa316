/* SPDX-License-Identifier: MIT
 *
 * records.h - records of a log as JSON: pages of a topic, batches into topics, and what lies among
 * the dead letters. It needs a log and the types of its topics, not a worker: serve_records.c
 * serves it of a running worker, the program's `topic` and `dlq` verbs use it on a folder at rest.
 *
 * Threads: any; nothing is kept, but by the memo.
 */
#pragma once

#include "riacho/serve.h"
#include "riacho/serve_records.h"
#include "topology/graph.h"

/* Where the types of topics come from. Borrows everything. */
typedef struct riacho_topic_types {
    const riacho_graph *const *graphs;
    size_t graph_count;
    riacho_schemas *schemas;
    riacho_topic_codecs given; /* instead of what the graphs say, where not NULL */
} riacho_topic_types;

/* The codecs that the graphs give a topic; bytes for one that none names. */
RIACHO_CHECKED riacho_status riacho_topic_codecs_find(const riacho_topic_types *types,
                                                      const char *topic,
                                                      riacho_topic_codecs *ret_codecs,
                                                      riacho_error *err);

/* Whether the text may be a place to begin, in whatever log. */
bool riacho_records_is_place(riacho_bytes text);
/* Where to begin in a partition: "earliest", "latest", an offset, a time as RFC 3339 has it in UTC
 * ("2026-01-31" or "2026-01-31T12:00:00Z"), or a position "topic/3:123" of this very partition.
 * RIACHO_REJECT: none of these. */
RIACHO_CHECKED riacho_status riacho_records_from(riacho_log *log, const char *topic,
                                                 int32_t partition, riacho_bytes text,
                                                 int64_t *ret_offset, riacho_error *err);

/* Reads one page. A dead letter is decoded as the topic it came from. */
RIACHO_CHECKED riacho_status riacho_records_read(riacho_log *log, const riacho_topic_types *types,
                                                 const riacho_records_wanted *wanted,
                                                 riacho_arena *arena, riacho_records_page *ret_page,
                                                 riacho_error *err);

/* Records as text on their way into a log. */
typedef struct riacho_records_batch {
    const char *topic; /* of those that name none; NULL: each must */
    const riacho_bytes *items;
    size_t count;
    int64_t now_ms; /* the timestamp of those that have none */
} riacho_records_batch;

/* Encodes all, in one array of the arena. RIACHO_REJECT with issues, whose pointers begin with the
 * item's number from 0: "/3/value/atMs". */
RIACHO_CHECKED riacho_status riacho_records_encode(riacho_log *log, const riacho_topic_types *types,
                                                   const riacho_records_batch *batch,
                                                   riacho_arena *arena,
                                                   riacho_log_append **ret_appends,
                                                   riacho_json_issues *ret_issues,
                                                   riacho_error *err);
/* Encodes and appends: all of them or none, durable when it returns. */
RIACHO_CHECKED riacho_status riacho_records_append(riacho_log *log, const riacho_topic_types *types,
                                                   const riacho_records_batch *batch,
                                                   riacho_arena *arena,
                                                   riacho_json_issues *ret_issues,
                                                   riacho_produced *ret_produced,
                                                   riacho_error *err);

/* Topics with their bounds, by name. */
RIACHO_CHECKED riacho_status riacho_topics_read(riacho_log *log, riacho_arena *arena,
                                                riacho_topic_status **ret_topics, size_t *ret_count,
                                                riacho_error *err);
/* RIACHO_REJECT: there is such a topic already, or the spec is not one. */
RIACHO_CHECKED riacho_status riacho_topic_create(riacho_log *log, const riacho_topic_spec *spec,
                                                 riacho_error *err);

/* Topics of dead letters: those that a graph names as such, and, as no graph may be at hand, every
 * "*-dlq". */
RIACHO_CHECKED riacho_status riacho_dead_letters_read(riacho_log *log,
                                                      const riacho_topic_types *types,
                                                      riacho_arena *arena,
                                                      riacho_dead_letters *ret_letters,
                                                      riacho_error *err);

bool riacho_topic_has_letters(const riacho_topic_types *types, const char *topic);

/* The same, remembered: counted again when the topics hold others than before, and not sooner than
 * RIACHO_LETTERS_MEMO_NS after the last time. */
enum { RIACHO_LETTERS_MEMO_NS = 1000000000 };
typedef struct riacho_letters_memo riacho_letters_memo;
riacho_letters_memo *riacho_letters_memo_new(void);
void riacho_letters_memo_free(riacho_letters_memo *memo);
RIACHO_CHECKED riacho_status riacho_letters_memo_read(riacho_letters_memo *memo, riacho_log *log,
                                                      const riacho_topic_types *types,
                                                      int64_t now_ns, riacho_arena *arena,
                                                      riacho_dead_letters *ret_letters,
                                                      riacho_error *err);

/* Calls `see` for the records of one partition from an offset on, up to `end`, until it says stop.
 * *ret_next is the offset behind the last one seen. What it is shown is borrowed for the call. */
typedef enum riacho_see { RIACHO_SEE_MORE = 0, RIACHO_SEE_STOP } riacho_see;
typedef struct riacho_records_span {
    const char *topic;
    int32_t partition;
    int64_t from;
    int64_t end;
} riacho_records_span;
RIACHO_CHECKED riacho_status riacho_records_walk(riacho_log *log, const riacho_records_span *span,
                                                 riacho_see (*see)(void *to,
                                                                   const riacho_log_record *record),
                                                 void *to, int64_t *ret_next, riacho_error *err);
