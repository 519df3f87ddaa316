/* SPDX-License-Identifier: MIT
 *
 * handle.h - one client of librdkafka with its callbacks, and what they saw. Counted: batches and
 * tokens outlive the reader and the member that they came from.
 *
 * Threads: any; callbacks only take notes. The client goes with the last reference.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "log/kafka/config.h"

struct riacho_kafka_handle {
    rd_kafka_t *rk;
    void *owner; /* whose callbacks need it; NULL once it is gone */
    atomic_int references;
    /* A request timed out or a connection broke; see riacho_broker_ops.suspect. */
    atomic_bool suspect;
    pthread_mutex_t lock; /* of what follows */
    rd_kafka_resp_err_t trouble;
    char trouble_text[320];
};

/* Takes conf. With one reference. RIACHO_REJECT: in librdkafka's words, what does not go together
 * or cannot be loaded (certificates). */
RIACHO_CHECKED riacho_status riacho_kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                                     void *owner,
                                                     struct riacho_kafka_handle **ret_handle,
                                                     riacho_error *err);
struct riacho_kafka_handle *riacho_kafka_handle_ref(struct riacho_kafka_handle *handle);
void riacho_kafka_handle_unref(struct riacho_kafka_handle *handle);

/* The last sign of trouble, NO_ERROR when there was none since it was forgotten; its text cut to
 * size. Errors are noted when the client's queue is polled. */
rd_kafka_resp_err_t riacho_kafka_handle_trouble(struct riacho_kafka_handle *handle, char *ret_text,
                                                size_t size);
void riacho_kafka_handle_note(struct riacho_kafka_handle *handle, rd_kafka_resp_err_t told,
                              const char *text);
void riacho_kafka_handle_forget(struct riacho_kafka_handle *handle);

/* A moment, for waits in parts. Real time: the brokers' is not virtual. */
int64_t riacho_kafka_deadline(int64_t wait_ms);
/* ms until then, 0 when it is over. */
int riacho_kafka_left(int64_t deadline);

/* A list of partitions that goes with its scope. */
static inline void riacho_auto_partitions(rd_kafka_topic_partition_list_t **partitions)
{
    rd_kafka_topic_partition_list_destroy(*partitions);
}
