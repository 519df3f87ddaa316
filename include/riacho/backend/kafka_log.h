/* SPDX-License-Identifier: MIT
 *
 * backend/kafka_log.h - the log on Apache Kafka: topics that many workers share, with transactions
 * and membership (port/broker.h).
 */
#pragma once

#include "riacho/port/broker.h"
#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A setting of librdkafka, "security.protocol" and "SASL_SSL". A name that ends with _FILE
 * ("sasl.password_FILE") has the path of a file that holds the value; a newline at its end is not
 * part of it. */
typedef struct riacho_kafka_property {
    const char *name;
    const char *value;
} riacho_kafka_property;

typedef struct riacho_kafka_log_options {
    const riacho_kafka_property *properties; /* "bootstrap.servers" at least */
    size_t property_count;
    const char *worker;    /* its name as brokers see it (client.id); [A-Za-z0-9._-] */
    uint64_t memory_bytes; /* all queues together, about; 0: 64 MiB */
    /* The stream threads, over which memory is split: one reader and one producer each; 0: 2. */
    uint32_t thread_count_hint;
    int16_t replication;     /* of topics that are created; 0: what the brokers do by default */
    int64_t connect_wait_ms; /* how long opening waits for a broker to answer; 0: 10 s */
} riacho_kafka_log_options;

/* Differences to the other logs: a record's time of 0 is written as 1, because 0 means "now" to
 * librdkafka; brokers may refuse times that are negative or more than an hour ahead.
 *
 * Connects. Properties are checked first: RIACHO_REJECT names one that is unknown, has a bad value,
 * or is not the user's because exactly-once depends on it, with the reason; and says so when the
 * brokers refuse the credentials or the encryption. RIACHO_RETRY: no broker answered in time; the
 * message has what was tried. Secrets are in no message. The caller owns ret_log and closes it
 * with ops->close, after every reader, producer and member. */
RIACHO_CHECKED riacho_status riacho_kafka_log_open(const riacho_kafka_log_options *options,
                                                   riacho_log **ret_log, riacho_error *err);

#ifdef __cplusplus
}
#endif
