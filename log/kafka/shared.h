/* SPDX-License-Identifier: MIT
 *
 * shared.h - the log that many workers share (port/broker.h) on Kafka: what its parts need of each
 * other.
 *
 * Threads: as port/broker.h says.
 */
#pragma once

#include "log/kafka/kafka.h"

/* The group as one transaction sees it. Keeps the member's client alive: a commit outside of a
 * transaction goes through it, with the generation that the client has then. */
struct riacho_kafka_token {
    riacho_member_token token;
    rd_kafka_consumer_group_metadata_t *metadata;
    struct riacho_kafka_handle *member;
};

/* The token's own, after a check that it may be used: ABORT when it is of no member. */
riacho_verdict riacho_kafka_token_check(const riacho_member_token *token, riacho_error *err);

/* Bytes beside a position, as the text that Kafka keeps there: base64 behind a mark of ours. Notes
 * without the mark are another program's, and absent. */
void riacho_kafka_note_write(riacho_bytes note, rd_kafka_topic_partition_t *at);
riacho_bytes riacho_kafka_note_read(const rd_kafka_topic_partition_t *at, riacho_arena *arena);

/* ---- producer.c ------------------------------------------------------------------------------ */

riacho_status riacho_kafka_producer_open(riacho_log *log, const riacho_producer_options *options,
                                         riacho_producer **ret_producer, riacho_error *err);
riacho_verdict riacho_kafka_producer_init(riacho_producer *producer, int64_t wait_ms,
                                          riacho_error *err);
riacho_verdict riacho_kafka_producer_begin(riacho_producer *producer, riacho_error *err);
riacho_verdict riacho_kafka_producer_send(riacho_producer *producer,
                                          const riacho_log_append *records, size_t count,
                                          int64_t wait_ms, size_t *ret_sent, riacho_error *err);
riacho_verdict riacho_kafka_producer_send_positions(riacho_producer *producer,
                                                    const riacho_member_token *token,
                                                    const riacho_committed *positions, size_t count,
                                                    int64_t wait_ms, riacho_error *err);
riacho_verdict riacho_kafka_producer_commit(riacho_producer *producer, int64_t wait_ms,
                                            riacho_error *err);
riacho_verdict riacho_kafka_producer_abort(riacho_producer *producer, int64_t wait_ms,
                                           riacho_error *err);
void riacho_kafka_producer_ends(riacho_producer *producer, int64_t *ret_ends, size_t count);
bool riacho_kafka_producer_suspect(riacho_producer *producer);
void riacho_kafka_producer_close(riacho_producer *producer);

/* ---- member.c -------------------------------------------------------------------------------- */

riacho_status riacho_kafka_member_join(riacho_log *log, const riacho_member_options *options,
                                       riacho_member **ret_member, riacho_error *err);
riacho_status riacho_kafka_member_poll(riacho_member *member, int64_t wait_ms,
                                       riacho_member_event *ret_event, riacho_error *err);
void riacho_kafka_member_answer(riacho_member *member, const riacho_member_event *event);
void riacho_kafka_member_rejoin(riacho_member *member);
void riacho_kafka_member_leave(riacho_member *member);
riacho_member_token *riacho_kafka_member_token(riacho_member *member);
/* token.c */
riacho_member_token *riacho_kafka_token_new(struct riacho_kafka_handle *member);
void riacho_kafka_token_free(riacho_member_token *token);

/* ---- group.c, probe.c ------------------------------------------------------------------------ */

riacho_status riacho_kafka_members(riacho_log *log, const char *group, riacho_arena *arena,
                                   riacho_member_entry **ret_entries, size_t *ret_count,
                                   riacho_error *err);
riacho_status riacho_kafka_fetch(riacho_log *log, const char *group, riacho_arena *arena,
                                 riacho_committed *positions, size_t count, int64_t wait_ms,
                                 riacho_error *err);
riacho_status riacho_kafka_check(riacho_log *log, riacho_delivery delivery, riacho_error *err);
