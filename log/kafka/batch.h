/* SPDX-License-Identifier: MIT
 *
 * batch.h - records of one partition as librdkafka has them in memory: nothing is copied, the batch
 * keeps the messages.
 *
 * Threads: whoever holds it. It keeps the client alive, so it may outlive its reader.
 */
#pragma once

#include "log/kafka/kafka.h"

/* Takes the messages, none of which is an error; count may be 0. */
riacho_log_batch *riacho_kafka_batch_new(struct riacho_kafka_handle *handle, uint32_t tag,
                                         int64_t next, rd_kafka_message_t *const *messages,
                                         size_t count);
