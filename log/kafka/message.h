/* SPDX-License-Identifier: MIT
 *
 * message.h - a record handed to a producer of librdkafka.
 *
 * Threads: the caller's.
 */
#pragma once

#include "log/kafka/kafka.h"

/* Hands over without copying key's neighbour, the value: it stays untouched until the report about
 * the record. `opaque` comes back with the report. RD_KAFKA_RESP_ERR__QUEUE_FULL: nothing was
 * taken. NULL: taken. */
rd_kafka_error_t *riacho_kafka_produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition,
                                       const riacho_log_record *record, void *opaque);
