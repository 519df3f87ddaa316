/* SPDX-License-Identifier: MIT
 *
 * kafka.c - see kafka.h.
 */
#include "kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void kafka_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

rd_kafka_t *kafka_client(rd_kafka_type_t type, kafka_report *report, const char *const settings[])
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (report)
        rd_kafka_conf_set_dr_msg_cb(conf, report);
    rd_kafka_conf_set(conf, "log_level", "2", why, sizeof why); /* errors come back as such */
    for (size_t i = 0; settings[i]; i += 2) {
        if (rd_kafka_conf_set(conf, settings[i], settings[i + 1], why, sizeof why) !=
            RD_KAFKA_CONF_OK)
            kafka_die("%s=%s: %s", settings[i], settings[i + 1], why);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client)
        kafka_die("no client: %s", why);
    return client;
}
