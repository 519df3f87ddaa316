/* SPDX-License-Identifier: MIT
 *
 * real.h - the running Kafka of the tests with the label `kafka`, seen from C.
 *
 * ctest starts one broker for all of them (CMakeLists.txt) and they may run side by side: each uses
 * topics, groups and transactional ids of names of its own. By hand:
 *
 *     tests/kafka/broker up /tmp/kafka --ssl --sasl
 *     RIACHO_TEST_KAFKA=/tmp/kafka build/dev/tests/test_kafka_smoke
 *
 * Everything here fails the test, with the reason, when it cannot do what it says.
 */
#pragma once

#include <stddef.h>

#include <librdkafka/rdkafka.h>

/* A word of the broker's `ready` line: bootstrap, ssl, sasl_ssl, secrets, jars, pid, folder. Lives
 * as long as the process. */
const char *kafka_word(const char *name);

/* A name that no other test and no earlier run has: STEM-PID-N. */
void kafka_name(const char *stem, char *ret_name, size_t size);

/* A client with these settings, pairs of name and value up to a NULL; bootstrap.servers is the
 * plain listener unless they say otherwise. The caller destroys it. */
rd_kafka_t *kafka_open(rd_kafka_type_t type, const char *const settings[]);

/* A topic with one replica, through the Admin API; there when this comes back. */
void kafka_make_topic(const char *name, int partitions);

/* Asserts that it is no error; frees it. */
void kafka_ok(rd_kafka_error_t *error, const char *what);
