/* SPDX-License-Identifier: MIT
 *
 * shared.c - the table of functions of port/broker.h. See shared.h.
 */
#include "log/kafka/shared.h"

const struct riacho_broker_ops riacho_kafka_broker_ops = {
    .check = riacho_kafka_check,
    .producer_open = riacho_kafka_producer_open,
    .init = riacho_kafka_producer_init,
    .begin = riacho_kafka_producer_begin,
    .send = riacho_kafka_producer_send,
    .send_positions = riacho_kafka_producer_send_positions,
    .commit = riacho_kafka_producer_commit,
    .abort = riacho_kafka_producer_abort,
    .ends = riacho_kafka_producer_ends,
    .suspect = riacho_kafka_producer_suspect,
    .producer_close = riacho_kafka_producer_close,
    .member_join = riacho_kafka_member_join,
    .member_poll = riacho_kafka_member_poll,
    .member_answer = riacho_kafka_member_answer,
    .token = riacho_kafka_member_token,
    .token_free = riacho_kafka_token_free,
    .member_rejoin = riacho_kafka_member_rejoin,
    .member_leave = riacho_kafka_member_leave,
    .members = riacho_kafka_members,
    .fetch = riacho_kafka_fetch,
    .stable_end = riacho_kafka_stable_end,
    .trim = riacho_kafka_trim,
};
