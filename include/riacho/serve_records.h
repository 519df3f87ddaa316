/* SPDX-License-Identifier: MIT
 *
 * serve_records.h - what an operator's front end needs of a running worker's topics: records in and
 * out as JSON, and a summary of the dead letters. (serve.h lists the topics.)
 *
 * Threads: any number at once. Replies live in the caller's arena.
 */
#pragma once

#include "riacho/record.h"
#include "riacho/worker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A new topic of the worker's log. RIACHO_REJECT: there is one of that name, or the spec is not
 * one.
 */
RIACHO_CHECKED riacho_status riacho_worker_topic_create(riacho_worker *worker,
                                                        const riacho_topic_spec *spec,
                                                        riacho_error *err);

/* A page of one partition. */
typedef struct riacho_records_wanted {
    const char *topic;
    int32_t partition;
    riacho_bytes from; /* "earliest" (as absent), "latest", an offset, a time, a position */
    uint32_t limit;    /* 0: 100; at most RIACHO_PAGE_ITEMS_MAX, and fewer when they are large */
} riacho_records_wanted;

typedef struct riacho_records_page {
    const riacho_bytes *items; /* JSON, each as riacho/record.h has it */
    size_t count;
    int64_t next; /* where the next page begins, also when there are no items */
    int64_t end;  /* the next offset to be written, when this was read */
} riacho_records_page;

/* Decoded by the types that the worker's topologies give the topic, bytes where they give none.
 * RIACHO_REJECT: no such topic or partition, or `from` is not a place. */
RIACHO_CHECKED riacho_status riacho_worker_records(riacho_worker *worker,
                                                   const riacho_records_wanted *wanted,
                                                   riacho_arena *arena,
                                                   riacho_records_page *ret_page,
                                                   riacho_error *err);

typedef struct riacho_produced {
    size_t count;
    const riacho_position *positions; /* the end of each partition that was written to */
    size_t position_count;
} riacho_produced;

/* Appends records to one topic, all of them or none, durable when it returns. `body` is a JSON
 * array, or one record a line. RIACHO_REJECT with issues: pointers begin with the record's number
 * from 0; with none: err says why. */
RIACHO_CHECKED riacho_status riacho_worker_produce(riacho_worker *worker, const char *topic,
                                                   riacho_bytes body, riacho_arena *arena,
                                                   riacho_produced *ret_produced,
                                                   riacho_json_issues *ret_issues,
                                                   riacho_error *err);

/* Dead letters that are alike. */
typedef struct riacho_dead_letter_group {
    const char *topic;    /* where they lie */
    const char *topology; /* "" when no graph is known */
    const char *from;     /* the topic they came from */
    const char *step;     /* "" when no step was entered */
    const char *kind;     /* "deserialize" "process" "produce" */
    const char *reason;
    uint64_t count;
    int64_t first_ms; /* timestamps */
    int64_t last_ms;
    riacho_position last; /* `next` is the offset of the newest itself */
} riacho_dead_letter_group;

typedef struct riacho_dead_letters {
    const riacho_dead_letter_group *groups; /* most first */
    size_t group_count;
    const char *const *topics;
    size_t topic_count;
    uint64_t held;   /* dead letters there are, about */
    uint64_t looked; /* how many of them, the newest, were counted */
} riacho_dead_letters;

/* What lies in the topics of dead letters, summed up; perhaps as it was a second ago. */
RIACHO_CHECKED riacho_status riacho_worker_dead_letters(riacho_worker *worker, riacho_arena *arena,
                                                        riacho_dead_letters *ret_letters,
                                                        riacho_error *err);

#ifdef __cplusplus
}
#endif
