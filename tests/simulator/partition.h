/* SPDX-License-Identifier: MIT
 *
 * partition.h - one partition as a Kafka broker keeps it: records and control markers in one line
 * of offsets, transactions that are open in it, and what a reader of committed records may see.
 *
 * Invariants
 *   1 Offsets ascend; compaction and trimming leave holes and never renumber.
 *   2 A record of a transaction is visible when a commit marker of its producer stands behind it,
 *     before any abort marker of the same producer.
 *   3 The stable end is the first offset of the oldest open transaction, or the end.
 *   4 What a producer sends twice (same producer, epoch and sequence) is there once.
 *
 * Threads: one.
 */
#pragma once

#include "riacho/port/log.h"

/* What a broker answers, as far as a client tells the difference. */
typedef enum model_error {
    MODEL_OK = 0,
    MODEL_TIMED_OUT,  /* no answer came: made by the client, never sent */
    MODEL_FENCED,     /* the producer's epoch is over */
    MODEL_CONCURRENT, /* the transaction before is still being ended */
    MODEL_BAD_STATE,  /* no transaction that could be ended like this */
    MODEL_OUT_OF_ORDER,
    MODEL_ILLEGAL_GENERATION,
    MODEL_UNKNOWN_MEMBER,
    MODEL_FENCED_MEMBER, /* another has joined by this name */
    MODEL_REBALANCE,     /* the group forms anew: join again */
} model_error;

typedef enum model_kind { MODEL_RECORD = 0, MODEL_COMMIT_MARKER, MODEL_ABORT_MARKER } model_kind;

enum { MODEL_NOBODY = -1 }; /* the producer of what was appended without one */

typedef struct model_entry {
    riacho_log_record record;
    int64_t producer;
    int16_t epoch;
    model_kind kind;
    bool transactional;
    bool visible; /* decided: committed, or never in a transaction */
    bool aborted; /* decided */
} model_entry;

/* A producer as this partition knows it. */
typedef struct model_writer {
    int64_t producer;
    int16_t epoch;
    int32_t sequence;   /* of the next record */
    int64_t open_since; /* the first offset of its open transaction; -1: none */
} model_writer;

typedef struct model_partition {
    riacho_arena *arena; /* keys and values; borrowed from the broker */
    model_entry *entries;
    size_t count;
    size_t capacity;
    model_writer *writers;
    size_t writer_count;
    int64_t first;
    int64_t next;
    bool compacted; /* its topic is */
} model_partition;

/* Records of one producer, as one request carries them. */
typedef struct model_produce {
    int64_t producer; /* MODEL_NOBODY: no checks */
    int16_t epoch;
    bool transactional;
    int32_t sequence; /* of the first record */
    const riacho_log_record *records;
    size_t count;
} model_produce;

void model_partition_done(model_partition *partition);

/* All or nothing. ret_base: the offset of the first record, also when they were there before. */
model_error model_partition_append(model_partition *partition, const model_produce *produce,
                                   int64_t *ret_base);
/* Ends the producer's transaction here; stands also where it wrote nothing. */
void model_partition_mark(model_partition *partition, int64_t producer, int16_t epoch,
                          model_kind kind);
/* The producer of a transaction that is open here, from the index on; -1: there is none. */
int64_t model_partition_open_producer(const model_partition *partition, size_t *at);
int64_t model_partition_stable_end(const model_partition *partition);
/* The index of the first entry at or behind the offset; count: there is none. */
size_t model_partition_find(const model_partition *partition, int64_t offset);
/* Keeps, of what lies below `before`, only the last visible record of each key; open transactions,
 * markers and the last entry stay. */
void model_partition_compact(model_partition *partition, int64_t before);
/* Forgets what lies below `before`. */
void model_partition_trim(model_partition *partition, int64_t before);
