/* SPDX-License-Identifier: MIT
 *
 * kafka.h - the log on Kafka from the settings: where its brokers are, and librdkafka's own
 * properties.
 *
 * Threads: the main thread.
 */
#pragma once

#include "riacho/port/log.h"
#include "settings.h"

/* How many threads will use it, stream threads or those of restores, whichever are more, and memory
 * for its queues. */
typedef struct riacho_kafka_share {
    uint32_t threads;
    uint64_t memory_bytes;
} riacho_kafka_share;

/* RIACHO_REJECT: the settings are at fault, RIACHO_RETRY: no broker answers; err says what to do.
 */
RIACHO_CHECKED riacho_status riacho_kafka_open(const riacho_settings_found *settings,
                                               const riacho_kafka_share *share,
                                               riacho_log **ret_log, riacho_error *err);
/* What the program ends with, after an open that failed. */
int riacho_kafka_exit(riacho_status status);
/* Whether the settings say that the log is Kafka. */
bool riacho_kafka_wanted(const riacho_settings_found *settings);
