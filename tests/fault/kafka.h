/* SPDX-License-Identifier: MIT
 *
 * kafka.h - what the campaign's small programs have in common: a client of librdkafka, or the end.
 *
 * They speak to Kafka by themselves, not through Riacho, so that a mistake of Riacho's cannot hide
 * itself. Threads: one.
 */
#pragma once

#include <librdkafka/rdkafka.h>

enum { KAFKA_WAIT_MS = 60000 };

/* A message on stderr, and exit 1. */
void kafka_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

typedef void kafka_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *arg);

/* A client with these settings, pairs of name and value up to a NULL. `report` is told what became
 * of each record, NULL for a reader. */
rd_kafka_t *kafka_client(rd_kafka_type_t type, kafka_report *report, const char *const settings[]);
