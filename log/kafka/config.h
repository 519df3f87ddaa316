/* SPDX-License-Identifier: MIT
 *
 * config.h - the settings of librdkafka: what the user may say, what follows from the memory
 * budget, and what exactly-once needs.
 *
 * Threads: read-only once checked.
 */
#pragma once

#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "riacho/backend/kafka_log.h"

/* What a handle is for, which decides its settings. */
enum riacho_kafka_role {
    RIACHO_KAFKA_CLIENT, /* administration, and ends with open transactions included */
    RIACHO_KAFKA_STABLE, /* ends of what is committed */
    RIACHO_KAFKA_READER,
    RIACHO_KAFKA_MEMBER,
    RIACHO_KAFKA_APPENDER, /* appends of all threads, idempotent */
    RIACHO_KAFKA_PRODUCER, /* of one stream thread */
};

struct riacho_kafka_setting {
    const char *name;
    const char *value;
};

struct riacho_kafka_config {
    riacho_arena *arena;
    struct riacho_kafka_setting *settings; /* the user's, checked, files read */
    size_t count;
    const char *servers;
    const char *worker;
    uint64_t queue_bytes; /* of each reader, and of each producer */
    int16_t replication;
    /* The brokers have no idempotent producers, and at least once is enough (probe.c). */
    atomic_bool plain;
};

/* Checks and copies. */
RIACHO_CHECKED riacho_status riacho_kafka_config_init(struct riacho_kafka_config *config,
                                                      const riacho_kafka_log_options *options,
                                                      riacho_error *err);
void riacho_kafka_config_done(struct riacho_kafka_config *config);

/* The settings of a role, without what is special to one handle. Never fails: they are checked. */
rd_kafka_conf_t *riacho_kafka_config_make(const struct riacho_kafka_config *config,
                                          enum riacho_kafka_role role);
/* Sets a value that is ours, hence right; one that this version of librdkafka does not know is
 * left out when `needed` says so. */
enum riacho_kafka_need { RIACHO_KAFKA_NEEDED, RIACHO_KAFKA_IF_KNOWN };
void riacho_kafka_config_set(rd_kafka_conf_t *conf, enum riacho_kafka_need need, const char *name,
                             const char *format, ...) RIACHO_PRINTF(4, 5);
