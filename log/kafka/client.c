/* SPDX-License-Identifier: MIT
 *
 * client.c - see client.h. Any thread.
 */
#include "log/kafka/client.h"

#include <librdkafka/rdkafka.h>

const char *riacho_kafka_client_version(void)
{
    return rd_kafka_version_str();
}

const char *riacho_kafka_client_origin(void)
{
    return RIACHO_RDKAFKA;
}
