/* SPDX-License-Identifier: MIT
 *
 * kafka.c - see kafka.h. A program that was built without Kafka has everything here but the log.
 */
#include "kafka.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#ifdef RIACHO_KAFKA
#include "riacho/backend/kafka_log.h"
#endif

bool riacho_kafka_wanted(const riacho_settings_found *settings)
{
    return strcmp(riacho_setting_text(settings, RIACHO_SETTING_LOG), "kafka") == 0;
}

int riacho_kafka_exit(riacho_status status)
{
    return status == RIACHO_REJECT ? RIACHO_EXIT_CONFIG : RIACHO_EXIT_UNAVAILABLE;
}

#ifdef RIACHO_KAFKA

enum { PROPERTIES_MAX = 256 };

struct properties {
    riacho_kafka_property items[PROPERTIES_MAX];
    size_t count;
};

/* The last one of a name counts. */
static riacho_status set(struct properties *properties, const char *name, const char *value,
                         riacho_error *err)
{
    size_t i = 0;
    while (i < properties->count && strcmp(properties->items[i].name, name) != 0)
        i++;
    if (i == PROPERTIES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "more than %d properties of Kafka", PROPERTIES_MAX);
    properties->items[i] = (riacho_kafka_property){name, value};
    properties->count += i == properties->count;
    return RIACHO_OK;
}

/* A secret on a command line is seen by everybody on the machine. */
static riacho_status check_secret(const riacho_settings_found *settings, const char *name,
                                  riacho_error *err)
{
    const size_t size = strlen(name);
    const bool is_file = size > 5 && strcmp(name + size - 5, "_FILE") == 0;
    const bool is_secret =
        strstr(name, "password") || strstr(name, "secret") || strstr(name, "key.pem");
    if (!is_secret || is_file ||
        settings->found[RIACHO_SETTING_KAFKA_PROPERTIES].origin != RIACHO_FROM_FLAG)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "%s is a secret, and arguments are seen by everybody on the machine: put it "
                       "into a file and give %s_FILE=PATH",
                       name, name);
}

/* NAME=VALUE, with commas between; a comma without a name behind it belongs to the value before. */
static riacho_status set_words(struct properties *properties, const riacho_settings_found *settings,
                               riacho_error *err)
{
    const char *text = riacho_setting_text(settings, RIACHO_SETTING_KAFKA_PROPERTIES);
    while (*text) {
        const size_t name = strcspn(text, "=,");
        if (text[name] != '=')
            return riacho_fail(err, RIACHO_REJECT,
                               "--kafka-properties: '%.60s' is not NAME=VALUE (list-valued "
                               "properties belong into a worker file)",
                               text);
        const size_t value = strcspn(text + name + 1, ",");
        const char *key = riacho_copy(settings->arena, (riacho_bytes){text, name}).data;
        RIACHO_TRY(check_secret(settings, key, err));
        RIACHO_TRY(set(properties, key,
                       riacho_copy(settings->arena, (riacho_bytes){text + name + 1, value}).data,
                       err));
        text += name + 1 + value;
        text += *text == ',';
    }
    return RIACHO_OK;
}

static riacho_status collect(const riacho_settings_found *settings, struct properties *properties,
                             riacho_error *err)
{
    const char *brokers = riacho_setting_text(settings, RIACHO_SETTING_BOOTSTRAP);
    for (size_t i = 0; i < settings->kafka_count; i++)
        RIACHO_TRY(set(properties, settings->kafka[i].name, settings->kafka[i].value, err));
    RIACHO_TRY(set_words(properties, settings, err));
    if (*brokers)
        RIACHO_TRY(set(properties, "bootstrap.servers", brokers, err));
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, "bootstrap.servers") == 0)
            return RIACHO_OK;
    }
    return riacho_fail(err, RIACHO_REJECT,
                       "where is Kafka? give --bootstrap HOST:PORT[,HOST:PORT], RIACHO_BOOTSTRAP, "
                       "or spec.kafka in a worker file");
}

riacho_status riacho_kafka_open(const riacho_settings_found *settings,
                                const riacho_kafka_share *share, riacho_log **ret_log,
                                riacho_error *err)
{
    struct properties properties = {.count = 0};
    RIACHO_TRY(collect(settings, &properties, err));
    const riacho_kafka_log_options options = {
        .properties = properties.items,
        .property_count = properties.count,
        .worker = riacho_setting_text(settings, RIACHO_SETTING_NAME),
        .memory_bytes = share->memory_bytes,
        .thread_count_hint = share->threads,
        .replication = (int16_t)riacho_setting_number(settings, RIACHO_SETTING_REPLICATION),
    };
    return riacho_kafka_log_open(&options, ret_log, err);
}

#else

riacho_status riacho_kafka_open(const riacho_settings_found *settings,
                                const riacho_kafka_share *share, riacho_log **ret_log,
                                riacho_error *err)
{
    (void)settings;
    (void)share;
    (void)ret_log;
    return riacho_fail(err, RIACHO_REJECT,
                       "this program was built without Kafka (`riacho version` says so)");
}

#endif
