/* SPDX-License-Identifier: MIT
 *
 * port/log.h - what a log backend must provide: named topics of ordered, durable partitions, and
 * commits that are all or nothing.
 *
 * Threads: every function of riacho_log_ops may be called by any thread, except that one reader
 * belongs to one thread.
 */
#pragma once

#include "riacho/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_log riacho_log;
typedef struct riacho_log_reader riacho_log_reader;

typedef enum riacho_cleanup { RIACHO_CLEANUP_DELETE = 0, RIACHO_CLEANUP_COMPACT } riacho_cleanup;

typedef struct riacho_topic_spec {
    const char *name; /* 1 to 249 of [A-Za-z0-9._-], not "." or ".." : Kafka's rule */
    int32_t partitions;
    riacho_cleanup cleanup;
    int64_t retention_ms;    /* by record timestamp of a chunk's newest record; 0: for ever */
    int64_t retention_bytes; /* each partition; 0: no limit */
} riacho_topic_spec;

/* A record as the log keeps it. key or value may be absent. */
typedef struct riacho_log_record {
    int64_t offset; /* set by the log */
    int64_t timestamp_ms;
    riacho_bytes key;
    riacho_bytes value;
    riacho_headers headers;
} riacho_log_record;

/* A record on its way into the log. */
typedef struct riacho_log_append {
    const char *topic;
    int32_t
        partition; /* -1: murmur2 of the key as Kafka's Java clients; without a key, round robin */
    riacho_log_record record;
} riacho_log_append;

/* One commit of one task, as the log sees it. */
typedef struct riacho_log_commit {
    const char *task;                 /* "topology/0_3", stable over restarts */
    uint64_t number;                  /* of riacho_commit_meta */
    const riacho_position *positions; /* what the task has read */
    size_t position_count;
    const riacho_log_append *outputs;
    size_t output_count;
} riacho_log_commit;

/* Consecutive records of one partition. Owns its memory; freed with riacho_log_ops.batch_free, by
 * any thread. Offsets ascend but need not be dense (compaction). `next` is where reading goes on,
 * also when the batch holds no record. */
typedef struct riacho_log_batch {
    uint32_t tag; /* the caller's word for the partition, from `assign` */
    /* Records that were to be read were removed before: only said by logs that workers share, where
     * a step in the offsets alone does not say it, because transactions leave marks. */
    bool overtaken;
    int64_t next;
    size_t count;
    const riacho_log_record *records;
} riacho_log_batch;

typedef struct riacho_log_assignment {
    const char *topic;
    int32_t partition;
    int64_t next;
    uint32_t tag;
} riacho_log_assignment;

struct riacho_broker_ops; /* port/broker.h */

typedef struct riacho_log_ops {
    const char *name;
    /* NULL: one process owns the log; state is written before `commit`, with the outputs in its
     * outbox, and `commit` is idempotent by number (the embedded log). Else workers share it;
     * outputs, changes of state and positions are one transaction, and state is written after it
     * (Kafka): `commit`, `commit_all` and `committed` are NULL. */
    const struct riacho_broker_ops *broker;

    /* Creates the topic, or checks that it is there with that many partitions: RIACHO_REJECT names
     * both counts. Cleanup and retention of an existing topic follow the spec. */
    riacho_status (*topic_ensure)(riacho_log *log, const riacho_topic_spec *spec,
                                  riacho_error *err);
    /* RIACHO_REJECT when there is none. ret_spec's name is copied into the arena. */
    riacho_status (*topic_describe)(riacho_log *log, const char *topic, riacho_arena *arena,
                                    riacho_topic_spec *ret_spec, riacho_error *err);
    riacho_status (*topic_list)(riacho_log *log, riacho_arena *arena, riacho_topic_spec **ret_specs,
                                size_t *ret_count, riacho_error *err);

    /* The first offset still held and the next offset to be written. */
    riacho_status (*bounds)(riacho_log *log, const char *topic, int32_t partition,
                            int64_t *ret_first, int64_t *ret_next, riacho_error *err);
    /* The first offset whose record has a timestamp >= timestamp_ms, or the next offset to be
     * written. */
    riacho_status (*offset_at)(riacho_log *log, const char *topic, int32_t partition,
                               int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err);

    /* Appends all records, durable (fsync) when it returns; calls from many threads share one
     * write. ret_positions[i] is {topic as given, partition, offset of record i}. RIACHO_RETRY: no
     * room on the disk, nothing was appended; or a log on other machines did not acknowledge it in
     * time, and it may be there. RIACHO_REJECT: an unknown topic or a record over the
     * limits of limits.h, nothing was appended. */
    riacho_status (*append)(riacho_log *log, const riacho_log_append *records, size_t count,
                            riacho_position *ret_positions, riacho_error *err);

    /* Makes outputs, positions and number of a commit durable together. A number that the log
     * already has from this task is RIACHO_OK and appends nothing (ret_ends then tells the present
     * ends). ret_ends (may be NULL, room for output_count) gets, for each output's partition, the
     * offset behind that output. */
    riacho_status (*commit)(riacho_log *log, const riacho_log_commit *commit, int64_t *ret_ends,
                            riacho_error *err);
    /* Commits of different tasks, made durable in as few writes as can be: each by itself is all or
     * nothing, as above. ret_ends[i] is for commit i. RIACHO_RETRY: some may be durable and some
     * not; the same call is right again. */
    riacho_status (*commit_all)(riacho_log *log, const riacho_log_commit *commits, size_t count,
                                int64_t *const *ret_ends, riacho_error *err);
    /* The last commit of this task that the log has: number and positions; number 0 when there is
     * none. */
    riacho_status (*committed)(riacho_log *log, const char *task, riacho_arena *arena,
                               riacho_log_commit *ret_commit, riacho_error *err);

    riacho_status (*reader_open)(riacho_log *log, riacho_log_reader **ret_reader,
                                 riacho_error *err);
    /* Replaces what the reader reads. A `next` below the first offset held moves up to it (the
     * batch tells). */
    riacho_status (*assign)(riacho_log_reader *reader, const riacho_log_assignment *assignments,
                            size_t count, riacho_error *err);
    /* Stops (`count` tags) reading those partitions until resumed; nothing is lost. */
    void (*pause)(riacho_log_reader *reader, const uint32_t *tags, size_t count);
    void (*resume)(riacho_log_reader *reader, const uint32_t *tags, size_t count);
    /* One batch of one assigned partition that is not paused, in turn; NULL when none came within
     * wait_ms (0: at once). Returns early with NULL after reader_wake. */
    riacho_status (*poll)(riacho_log_reader *reader, int64_t wait_ms, riacho_log_batch **ret_batch,
                          riacho_error *err);
    /* Ends a poll that waits; any thread. */
    void (*reader_wake)(riacho_log_reader *reader);
    void (*batch_free)(riacho_log_batch *batch);
    void (*reader_close)(riacho_log_reader *reader);

    /* Free and total bytes of the disk under the log, for the full-disk guard; both 0 when it has
     * none. */
    void (*space)(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total);

    void (*close)(riacho_log *log);
} riacho_log_ops;

struct riacho_log {
    const riacho_log_ops *ops;
};

#ifdef __cplusplus
}
#endif
