/* SPDX-License-Identifier: MIT
 *
 * look.c - what a Kafka holds, as lines for a program.
 *
 *     fault_look BOOTSTRAP topics
 *         name partitions
 *     fault_look BOOTSTRAP records TOPIC ISOLATION [FROM...]
 *         partition offset timestamp key value name=value...
 *         up to the ends as they are now; FROM is the first offset of each partition in turn
 *     fault_look BOOTSTRAP positions GROUP TOPIC...
 *         topic partition committed stable end
 *         stable: below it every transaction is over
 *         waits until no transaction is pending on a position; committed -1: none
 *
 * Bytes are in hexadecimal, "-" is their absence and "." their emptiness.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka.h"

enum { PARTITIONS_MAX = 64 };

static rd_kafka_t *open_reader(const char *bootstrap, const char *group, const char *isolation)
{
    return kafka_client(RD_KAFKA_CONSUMER, NULL,
                        (const char *const[]){"bootstrap.servers", bootstrap, "group.id", group,
                                              "isolation.level", isolation, "enable.partition.eof",
                                              "true", "enable.auto.commit", "false",
                                              "auto.offset.reset", "error", "fetch.wait.max.ms",
                                              "20", "fetch.message.max.bytes", "4000000",
                                              "message.max.bytes", "4000000", NULL});
}

static const rd_kafka_metadata_t *ask(rd_kafka_t *client, rd_kafka_topic_t *topic)
{
    const rd_kafka_metadata_t *metadata = NULL;
    const rd_kafka_resp_err_t err =
        rd_kafka_metadata(client, !topic, topic, &metadata, KAFKA_WAIT_MS);
    if (err)
        kafka_die("no metadata: %s", rd_kafka_err2str(err));
    return metadata;
}

static int partitions_of(rd_kafka_t *client, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const rd_kafka_metadata_t *metadata = ask(client, topic);
    const int count = metadata->topics[0].partition_cnt;
    if (metadata->topics[0].err || count > PARTITIONS_MAX)
        kafka_die("topic %s: %s", name, rd_kafka_err2str(metadata->topics[0].err));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

static void list_topics(const char *bootstrap)
{
    rd_kafka_t *client = open_reader(bootstrap, "fault-look", "read_uncommitted");
    const rd_kafka_metadata_t *metadata = ask(client, NULL);
    for (int i = 0; i < metadata->topic_cnt; i++)
        printf("%s %d\n", metadata->topics[i].topic, metadata->topics[i].partition_cnt);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
}

/* ---- records --------------------------------------------------------------------------------- */

static void print_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    if (!bytes || !size)
        putchar(bytes ? '.' : '-');
    for (size_t i = 0; bytes && i < size; i++)
        printf("%02x", at[i]);
}

static void print_record(rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;
    printf("%" PRId32 " %" PRId64 " %" PRId64 " ", message->partition, message->offset,
           rd_kafka_message_timestamp(message, NULL));
    print_bytes(message->key, message->key_len);
    putchar(' ');
    print_bytes(message->payload, message->len);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
            printf(" %s=", name);
            print_bytes(value, size);
        }
    }
    putchar('\n');
}

static void read_to_the_ends(rd_kafka_t *client, const char *topic, int partitions)
{
    for (int at_end = 0; at_end < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, KAFKA_WAIT_MS);
        if (!message)
            kafka_die("%s: neither a record nor an end", topic);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            at_end++;
        else if (message->err && message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN &&
                 message->err != RD_KAFKA_RESP_ERR__TRANSPORT)
            kafka_die("%s: %s", topic, rd_kafka_message_errstr(message));
        else if (!message->err)
            print_record(message);
        rd_kafka_message_destroy(message);
    }
}

static void print_records(const char *bootstrap, const char *topic, const char *isolation,
                          char **from)
{
    rd_kafka_t *client = open_reader(bootstrap, "fault-look", isolation);
    const int partitions = partitions_of(client, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_poll_set_consumer(client);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset =
            *from ? strtoll(*from++, NULL, 10) : RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(client, list))
        kafka_die("%s cannot be read", topic);
    read_to_the_ends(client, topic, partitions);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

/* ---- positions ------------------------------------------------------------------------------- */

/* As the client's isolation sees it. */
static int64_t end_of(rd_kafka_t *client, const rd_kafka_topic_partition_t *at)
{
    int64_t low, high;
    const rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
        client, at->topic, at->partition, &low, &high, KAFKA_WAIT_MS);
    if (err)
        kafka_die("%s/%" PRId32 ": %s", at->topic, at->partition, rd_kafka_err2str(err));
    return high;
}

static void print_positions(const char *bootstrap, const char *group, char **topics)
{
    rd_kafka_t *stable = open_reader(bootstrap, group, "read_committed");
    rd_kafka_t *all = open_reader(bootstrap, "fault-look", "read_uncommitted");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    for (; *topics; topics++) {
        for (int32_t i = 0, count = partitions_of(stable, *topics); i < count; i++)
            rd_kafka_topic_partition_list_add(list, *topics, i);
    }
    const rd_kafka_resp_err_t err = rd_kafka_committed(stable, list, KAFKA_WAIT_MS);
    if (err)
        kafka_die("positions of %s: %s", group, rd_kafka_err2str(err));
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        if (at->err)
            kafka_die("%s/%" PRId32 ": %s", at->topic, at->partition, rd_kafka_err2str(at->err));
        printf("%s %" PRId32 " %" PRId64 " %" PRId64 " %" PRId64 "\n", at->topic, at->partition,
               at->offset < 0 ? -1 : at->offset, end_of(stable, at), end_of(all, at));
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(all);
    rd_kafka_destroy(stable);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";
    if (strcmp(verb, "topics") == 0)
        list_topics(argv[1]);
    else if (strcmp(verb, "records") == 0 && argc > 4)
        print_records(argv[1], argv[3], argv[4], argv + 5);
    else if (strcmp(verb, "positions") == 0 && argc > 4)
        print_positions(argv[1], argv[3], argv + 4);
    else
        kafka_die("usage: fault_look BOOTSTRAP topics | records TOPIC ISOLATION [FROM...] | "
                  "positions GROUP TOPIC...");
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
