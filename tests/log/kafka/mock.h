/* SPDX-License-Identifier: MIT
 *
 * mock.h - brokers inside the process (librdkafka's mock cluster), which answer with the errors
 * that a test gives them.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum mock_api {
    MOCK_PRODUCE = 0,
    MOCK_FETCH = 1,
    MOCK_METADATA = 3,
    MOCK_OFFSET_COMMIT = 8,
    MOCK_OFFSET_FETCH = 9,
    MOCK_FIND_COORDINATOR = 10,
    MOCK_JOIN_GROUP = 11,
    MOCK_HEARTBEAT = 12,
    MOCK_INIT_PRODUCER_ID = 22,
    MOCK_ADD_PARTITIONS = 24,
    MOCK_ADD_OFFSETS = 25,
    MOCK_END_TXN = 26,
    MOCK_TXN_OFFSET_COMMIT = 28,
};

struct mock {
    rd_kafka_t *keeper;
    rd_kafka_mock_cluster_t *cluster;
    const char *servers;
};

void mock_open(struct mock *mock, int brokers);
void mock_close(struct mock *mock);
