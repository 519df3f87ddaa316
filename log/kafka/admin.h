/* SPDX-License-Identifier: MIT
 *
 * admin.h - one request of the administration API, and the wait for its answer.
 *
 * A request to a group's coordinator must not run out of time before there is a coordinator:
 * librdkafka (2.15, its issue 4605) then uses what it has freed, and the process ends when the
 * coordinator comes back. So these have an hour, which nobody waits for: who gives up leaves the
 * request behind, and while too many are left behind nobody makes another.
 *
 * Threads: each call is its caller's.
 */
#pragma once

#include "log/kafka/kafka.h"

struct riacho_kafka_admin {
    struct riacho_kafka_log *log;
    struct riacho_kafka_handle *client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *answer;
    int64_t deadline;
    bool to_coordinator;
};

/* Before a request to a group's coordinator: the client to ask, which lives as long as the log. It
 * is of that group, though no member: librdkafka reads answers about a group with a client that has
 * one, or not at all (it follows a null pointer when the coordinator has moved). RIACHO_RETRY: too
 * many requests are unanswered. */
RIACHO_CHECKED riacho_status riacho_kafka_admin_admit(struct riacho_kafka_log *log,
                                                      const char *group,
                                                      struct riacho_kafka_handle **ret_client,
                                                      riacho_error *err);
/* When the log is closed: the requests that were left behind, and the clients of groups. */
void riacho_kafka_admin_forget(struct riacho_kafka_log *log);

/* `admin` is done by RIACHO_AUTO(kafka_admin), with everything in its answer. */
void riacho_kafka_admin_init(struct riacho_kafka_admin *admin, struct riacho_kafka_log *log,
                             struct riacho_kafka_handle *client, rd_kafka_admin_op_t op,
                             int64_t wait_ms);
void riacho_auto_kafka_admin(struct riacho_kafka_admin *admin);
/* Sets answer, which is not an error. */
RIACHO_CHECKED riacho_status riacho_kafka_admin_wait(struct riacho_kafka_admin *admin,
                                                     const char *what, riacho_error *err);
