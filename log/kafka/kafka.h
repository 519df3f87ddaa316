/* SPDX-License-Identifier: MIT
 *
 * kafka.h - the log on Kafka: what its parts share.
 *
 * Invariants:
 * 1. A topic that was seen once keeps its number of partitions, as everywhere in this program; only
 *    its cleanup can change, and only by topic_ensure.
 * 2. Ends that a restore runs to come from a client that sees open transactions; from one that does
 *    not, only what is said to be stable.
 *
 * Threads: any; `lock` guards what is made when it is first asked for. A handle is librdkafka's,
 * which locks by itself.
 */
#pragma once

#include "base/map.h"
#include "log/kafka/config.h"
#include "log/kafka/handle.h"

enum {
    RIACHO_KAFKA_WAIT_MS = 10000,    /* of calls that are given no limit of their own */
    RIACHO_KAFKA_PAUSE_MS = 50,      /* between two attempts */
    RIACHO_KAFKA_UNANSWERED_MAX = 8, /* requests to a coordinator that nobody waits for any more */
};

struct riacho_kafka_topic {
    const char *name;
    int32_t partitions;
    _Atomic riacho_cleanup cleanup;
    atomic_bool cleanup_known;
    _Atomic uint32_t turn; /* of records without a key */
};

struct riacho_kafka_appender;

struct riacho_kafka_log {
    riacho_log log;
    struct riacho_kafka_config config;
    struct riacho_kafka_handle *client;
    pthread_mutex_t lock;
    struct riacho_kafka_handle *stable;
    struct riacho_kafka_appender *appender;
    rd_kafka_queue_t *unanswered[RIACHO_KAFKA_UNANSWERED_MAX]; /* admin.h */
    riacho_map groups;   /* name -> struct riacho_kafka_handle: who asks about it */
    riacho_arena *arena; /* of topics */
    riacho_map topics;   /* name -> struct riacho_kafka_topic, which lives as long as the log */
};

struct riacho_kafka_log *riacho_kafka_log_of(riacho_log *log);

/* ---- topics.c -------------------------------------------------------------------------------- */

riacho_status riacho_kafka_topic_ensure(riacho_log *log, const riacho_topic_spec *spec,
                                        riacho_error *err);
riacho_status riacho_kafka_topic_describe(riacho_log *log, const char *topic, riacho_arena *arena,
                                          riacho_topic_spec *ret_spec, riacho_error *err);
riacho_status riacho_kafka_topic_list(riacho_log *log, riacho_arena *arena,
                                      riacho_topic_spec **ret_specs, size_t *ret_count,
                                      riacho_error *err);
/* From memory, or from the brokers and then remembered. */
RIACHO_CHECKED riacho_status riacho_kafka_topic_find(struct riacho_kafka_log *log, const char *name,
                                                     struct riacho_kafka_topic **ret_topic,
                                                     riacho_error *err);
/* Topic, limits and partition of a record; chooses the partition. */
RIACHO_CHECKED riacho_status riacho_kafka_topic_check(struct riacho_kafka_log *log,
                                                      const riacho_log_append *append,
                                                      struct riacho_kafka_topic **ret_topic,
                                                      riacho_error *err);
int32_t riacho_kafka_topic_choose(struct riacho_kafka_topic *topic,
                                  const riacho_log_append *append);

/* ---- offsets.c ------------------------------------------------------------------------------- */

riacho_status riacho_kafka_bounds(riacho_log *log, const char *topic, int32_t partition,
                                  int64_t *ret_first, int64_t *ret_next, riacho_error *err);
riacho_status riacho_kafka_offset_at(riacho_log *log, const char *topic, int32_t partition,
                                     int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err);
riacho_status riacho_kafka_stable_end(riacho_log *log, const char *topic, int32_t partition,
                                      int64_t *ret_end, riacho_error *err);
riacho_status riacho_kafka_trim(riacho_log *log, const char *topic, int32_t partition,
                                int64_t before, riacho_error *err);
/* Of every partition in the list, whose offsets are times in ms or RD_KAFKA_OFFSET_BEGINNING or
 * _END: the offset there, open transactions included. */
RIACHO_CHECKED riacho_status riacho_kafka_offsets(struct riacho_kafka_log *log,
                                                  rd_kafka_topic_partition_list_t *partitions,
                                                  riacho_error *err);

/* ---- append.c -------------------------------------------------------------------------------- */

riacho_status riacho_kafka_append(riacho_log *log, const riacho_log_append *records, size_t count,
                                  riacho_position *ret_positions, riacho_error *err);
void riacho_kafka_appender_free(struct riacho_kafka_appender *appender);

/* ---- reader.c -------------------------------------------------------------------------------- */

riacho_status riacho_kafka_reader_open(riacho_log *log, riacho_log_reader **ret_reader,
                                       riacho_error *err);
riacho_status riacho_kafka_reader_assign(riacho_log_reader *reader,
                                         const riacho_log_assignment *assignments, size_t count,
                                         riacho_error *err);
void riacho_kafka_reader_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count);
void riacho_kafka_reader_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count);
riacho_status riacho_kafka_reader_poll(riacho_log_reader *reader, int64_t wait_ms,
                                       riacho_log_batch **ret_batch, riacho_error *err);
void riacho_kafka_reader_wake(riacho_log_reader *reader);
void riacho_kafka_reader_close(riacho_log_reader *reader);
/* batch.c */
void riacho_kafka_batch_free(riacho_log_batch *batch);

/* ---- producer.c, member.c, group.c, probe.c -------------------------------------------------- */

extern const struct riacho_broker_ops riacho_kafka_broker_ops;
