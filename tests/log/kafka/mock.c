/* SPDX-License-Identifier: MIT
 *
 * mock.c - see mock.h.
 */
#include "mock.h"

#include "bench.h"

void mock_open(struct mock *mock, int brokers)
{
    char words[256];
    mock->keeper = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), words, sizeof words);
    assert_non_null(mock->keeper);
    mock->cluster = rd_kafka_mock_cluster_new(mock->keeper, brokers);
    assert_non_null(mock->cluster);
    mock->servers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
#if RD_KAFKA_VERSION >= 0x02060000
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock->cluster, 0);
#endif
}

void mock_close(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->keeper);
}
