/* SPDX-License-Identifier: MIT
 *
 * admin.h - one request of the administration API, and the wait for its answer.
 *
 * Threads: each call is its caller's.
 */
#pragma once

#include "log/kafka/kafka.h"

struct riacho_kafka_admin {
    struct riacho_kafka_log *log;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *answer;
    int64_t deadline;
};

/* `admin` is done by RIACHO_AUTO(kafka_admin), with everything in its answer. */
void riacho_kafka_admin_init(struct riacho_kafka_admin *admin, struct riacho_kafka_log *log,
                             rd_kafka_admin_op_t op, int64_t wait_ms);
void riacho_auto_kafka_admin(struct riacho_kafka_admin *admin);
/* Sets answer, which is not an error. */
RIACHO_CHECKED riacho_status riacho_kafka_admin_wait(struct riacho_kafka_admin *admin,
                                                     const char *what, riacho_error *err);
