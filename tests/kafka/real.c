/* SPDX-License-Identifier: MIT
 *
 * real.c - see real.h. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "real.h"

enum { WORDS_MAX = 16, WORD_BYTES_MAX = 512, ADMIN_MS = 30000 };

static struct word {
    char name[WORD_BYTES_MAX]; /* `name=value` as it was read, cut at the `=` */
    const char *value;
} words[WORDS_MAX];

static void read_words(void)
{
    const char *path = getenv("RIACHO_TEST_KAFKA");
    if (!path)
        path = RIACHO_BINARY_DIR "/tests/kafka.broker";
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("no broker is running: %s is not there. Start one with `tests/kafka/broker up %s "
                 "--ssl --sasl`, or run `ctest -L kafka`",
                 path, path);
    size_t count = 0;
    while (count < WORDS_MAX && fgets(words[count].name, WORD_BYTES_MAX, file)) {
        char *middle = strchr(words[count].name, '=');
        if (!middle)
            continue;
        *middle = '\0';
        middle[1 + strcspn(middle + 1, "\n")] = '\0';
        words[count++].value = middle + 1;
    }
    fclose(file);
}

const char *kafka_word(const char *name)
{
    if (!words[0].value)
        read_words();
    for (size_t i = 0; i < WORDS_MAX && words[i].value; i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i].value;
    fail_msg("the broker did not say `%s`", name);
    return NULL;
}

void kafka_name(const char *stem, char *ret_name, size_t size)
{
    static unsigned number;
    const int written = snprintf(ret_name, size, "%s-%ld-%u", stem, (long)getpid(), ++number);
    assert_in_range(written, 1, size - 1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail_msg("%s=%s: %s", name, value, why);
}

rd_kafka_t *kafka_open(rd_kafka_type_t type, const char *const settings[])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", kafka_word("bootstrap"));
    for (size_t i = 0; settings[i]; i += 2)
        set(conf, settings[i], settings[i + 1]);
    char why[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client)
        fail_msg("no client: %s", why);
    return client;
}

void kafka_ok(rd_kafka_error_t *error, const char *what)
{
    if (error)
        fail_msg("%s: %s", what, rd_kafka_error_string(error));
}

void kafka_make_topic(const char *name, int partitions)
{
    rd_kafka_t *client = kafka_open(RD_KAFKA_PRODUCER, (const char *const[]){NULL});
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    char why[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, why, sizeof why);
    assert_non_null(topic);
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    if (!result)
        fail_msg("creating %s: %s", name, event ? rd_kafka_event_error_string(event) : "timed out");
    size_t count;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    assert_int_equal(count, 1);
    if (rd_kafka_topic_result_error(topics[0]))
        fail_msg("creating %s: %s", name, rd_kafka_topic_result_error_string(topics[0]));
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}
