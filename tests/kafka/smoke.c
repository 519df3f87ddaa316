/* SPDX-License-Identifier: MIT
 *
 * smoke.c - the librdkafka we link against a real Kafka: transactions, the partitions of Java's
 * clients, and every way to prove who one is. What Riacho builds on, before it builds on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "real.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { NAME_BYTES = 64, WAIT_MS = 30000, PARTITIONS = 7, TEXT_BYTES = 256 };

/* Reading: every record of a topic, up to the end of each partition. */

struct seen {
    char values[TEXT_BYTES]; /* in the order of arrival, a space behind each */
    int32_t partitions[32];  /* of the record whose value is its index, where values are numbers */
    int records;
};

static void see(struct seen *seen, const rd_kafka_message_t *message)
{
    char value[32] = {0};
    assert_in_range(message->len, 1, sizeof value - 1);
    memcpy(value, message->payload, message->len);
    strncat(seen->values, value, sizeof seen->values - strlen(seen->values) - 1);
    strncat(seen->values, " ", sizeof seen->values - strlen(seen->values) - 1);
    int index;
    if (sscanf(value, "%d", &index) == 1) {
        assert_in_range(index, 0, COUNT(seen->partitions) - 1);
        seen->partitions[index] = message->partition;
    }
    seen->records++;
}

static void read_all(const char *topic, int partitions, const char *isolation, struct seen *seen)
{
    rd_kafka_t *client = kafka_open(RD_KAFKA_CONSUMER,
                                    (const char *const[]){"group.id", topic, "enable.partition.eof",
                                                          "true", "enable.auto.commit", "false",
                                                          "isolation.level", isolation, NULL});
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(client, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int at_end = 0; at_end < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, WAIT_MS);
        if (!message)
            fail_msg("%s: neither a record nor the end of its partitions", topic);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            at_end++;
        else if (message->err)
            fail_msg("%s: %s", topic, rd_kafka_message_errstr(message));
        else
            see(seen, message);
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

/* Transactions */

static void write_one(rd_kafka_t *client, const char *topic, const char *value)
{
    const rd_kafka_resp_err_t err =
        rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_VALUE((void *)value, strlen(value)),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (err)
        fail_msg("%s was not taken: %s", value, rd_kafka_err2str(err));
}

static void readers_of_committed_records_see_committed_transactions_only(void **state)
{
    (void)state;
    char topic[NAME_BYTES];
    kafka_name("transactions", topic, sizeof topic);
    kafka_make_topic(topic, 1);
    rd_kafka_t *client =
        kafka_open(RD_KAFKA_PRODUCER, (const char *const[]){"transactional.id", topic, NULL});
    kafka_ok(rd_kafka_init_transactions(client, WAIT_MS), "init");
    static const struct {
        const char *first, *second;
        rd_kafka_error_t *(*end)(rd_kafka_t *, int);
    } transactions[] = {
        {"a", "b", rd_kafka_commit_transaction},
        {"c", "d", rd_kafka_abort_transaction},
        {"e", "f", rd_kafka_commit_transaction},
    };
    for (size_t i = 0; i < COUNT(transactions); i++) {
        kafka_ok(rd_kafka_begin_transaction(client), "begin");
        write_one(client, topic, transactions[i].first);
        write_one(client, topic, transactions[i].second);
        /* On the broker before the end, or there would be nothing to hide. */
        assert_int_equal(rd_kafka_flush(client, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
        kafka_ok(transactions[i].end(client, WAIT_MS), "end");
    }
    rd_kafka_destroy(client);

    struct seen committed = {0};
    read_all(topic, 1, "read_committed", &committed);
    assert_string_equal(committed.values, "a b e f ");
    struct seen all = {0};
    read_all(topic, 1, "read_uncommitted", &all);
    assert_string_equal(all.values, "a b c d e f ");
}

/* Partitions: the values are the indices of the keys. */

static const char *const keys[] = {
    "",
    "a",
    "ab",
    "abc",
    "abcd",
    "abcde",
    "mochi",
    "ghostzinho",
    "ma\xc3\xa7\xc3\xa3",
    "\xf0\x9f\x91\xbb",
    "00000000-0000-4000-8000-000000000000",
    "a-key-that-is-long-enough-for-many-rounds-of-four-bytes-and-three-that-remain",
};

/* Kafka's own console producer, so that its partitions are a fact and not our reading of it. */
static void write_keys_by_java(const char *topic)
{
    char command[2048];
    const int written =
        snprintf(command, sizeof command,
                 "exec java -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 -cp '%s' "
                 "org.apache.kafka.tools.ConsoleProducer --bootstrap-server %s --topic %s "
                 "--reader-property parse.key=true >&2",
                 kafka_word("jars"), kafka_word("bootstrap"), topic);
    assert_in_range(written, 1, sizeof command - 1);
    FILE *java = popen(command, "we");
    assert_non_null(java);
    for (size_t i = 0; i < COUNT(keys); i++)
        fprintf(java, "%s\t%zu\n", keys[i], i);
    assert_int_equal(pclose(java), 0);
}

static void write_keys_by_librdkafka(const char *topic)
{
    rd_kafka_t *client =
        kafka_open(RD_KAFKA_PRODUCER, (const char *const[]){"partitioner", "murmur2_random", NULL});
    for (size_t i = 0; i < COUNT(keys); i++) {
        char value[16];
        snprintf(value, sizeof value, "%zu", i);
        const rd_kafka_resp_err_t err = rd_kafka_producev(
            client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(keys[i], strlen(keys[i])),
            RD_KAFKA_V_VALUE((void *)value, strlen(value)),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(client, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(client);
}

static void a_key_goes_where_java_puts_it(void **state)
{
    (void)state;
    static const struct {
        const char *who;
        void (*write)(const char *topic);
    } writers[] = {{"java", write_keys_by_java}, {"librdkafka", write_keys_by_librdkafka}};
    for (size_t w = 0; w < COUNT(writers); w++) {
        char topic[NAME_BYTES];
        kafka_name(writers[w].who, topic, sizeof topic);
        kafka_make_topic(topic, PARTITIONS);
        writers[w].write(topic);
        struct seen seen = {0};
        read_all(topic, PARTITIONS, "read_committed", &seen);
        assert_int_equal(seen.records, COUNT(keys));
        for (size_t i = 0; i < COUNT(keys); i++) {
            const int32_t ours = riacho_partition_of(riacho_text(keys[i]), PARTITIONS);
            if (seen.partitions[i] != ours)
                fail_msg("%s puts `%s` into partition %d, and we into %d", writers[w].who, keys[i],
                         seen.partitions[i], ours);
        }
    }
}

/* Who one is */

enum { SETTINGS_MAX = 12, PATH_BYTES = 512, TRIES_MAX = 60, TRY_MS = 500 };

static void secret_path(const char *name, char *ret_path)
{
    const int written = snprintf(ret_path, PATH_BYTES, "%s/%s", kafka_word("secrets"), name);
    assert_in_range(written, 1, PATH_BYTES - 1);
}

static void read_secret(const char *name, char *ret_text, size_t size)
{
    char path[PATH_BYTES];
    secret_path(name, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(ret_text, (int)size, file));
    fclose(file);
}

struct proof {
    const char *name;
    const char *mechanism; /* NULL: by certificate */
    const char *authority; /* whom the client trusts */
    const char *password;  /* NULL: the right one */
    const char *certificate;
    const char *refused; /* part of what the client is told; NULL: it is let in */
    int since;           /* the librdkafka that can do this; older ones are refused as well */
};

/* SCRAM of older ones repeats the client's nonce, which Kafka 4 takes for a wrong password. */
enum { VERSION_SCRAM = 0x02060100 };

/* Whether an error that waits in the queue has the text; takes all that wait. */
static bool has_told(rd_kafka_queue_t *queue, const char *text)
{
    bool found = false;
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(queue, 0));
         rd_kafka_event_destroy(event))
        if (text && rd_kafka_event_error(event) && strstr(rd_kafka_event_error_string(event), text))
            found = true;
    return found;
}

/* Lets the client try until it is let in or is told the text. */
static void knock(rd_kafka_t *client, const struct proof *proof)
{
    const char *refused =
        rd_kafka_version() < proof->since ? "SASL authentication error" : proof->refused;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
    bool in = false, told = false;
    for (int tries = 0; tries < TRIES_MAX && !in && !told; tries++) {
        const struct rd_kafka_metadata *metadata;
        in = !rd_kafka_metadata(client, 0, NULL, &metadata, TRY_MS);
        if (in)
            rd_kafka_metadata_destroy(metadata);
        told = has_told(queue, refused);
    }
    rd_kafka_queue_destroy(queue);
    if (refused ? in || !told : !in)
        fail_msg("%s: %s", proof->name, in ? "let in" : "neither let in nor told why as expected");
}

static void try_to_enter(const struct proof *proof)
{
    char authority[PATH_BYTES], certificate[PATH_BYTES], key[PATH_BYTES], user[64], password[64];
    secret_path(proof->authority, authority);
    secret_path("client.pem", certificate);
    secret_path("client.key", key);
    read_secret("user", user, sizeof user);
    read_secret("password", password, sizeof password);
    const char *settings[2 * SETTINGS_MAX] = {"ssl.ca.location", authority, "log_level", "0"};
    size_t at = 4;
#define SET(name, value) (settings[at++] = (name), settings[at++] = (value))
    SET("bootstrap.servers", kafka_word(proof->mechanism ? "sasl_ssl" : "ssl"));
    SET("security.protocol", proof->mechanism ? "SASL_SSL" : "SSL");
    if (proof->mechanism) {
        SET("sasl.mechanism", proof->mechanism);
        SET("sasl.username", user);
        SET("sasl.password", proof->password ? proof->password : password);
    } else if (proof->certificate) {
        SET("ssl.certificate.location", certificate);
        SET("ssl.key.location", key);
    }
#undef SET
    rd_kafka_t *client = kafka_open(RD_KAFKA_PRODUCER, settings);
    knock(client, proof);
    rd_kafka_destroy(client);
}

static void a_client_proves_who_it_is_and_so_does_the_broker(void **state)
{
    (void)state;
    /* TLS 1.3 refuses a client only after its handshake is over: librdkafka calls that a lost
     * connection, and only the text says why. */
    static const struct proof proofs[] = {
        {"SCRAM", "SCRAM-SHA-512", "ca.pem", NULL, NULL, NULL, VERSION_SCRAM},
        {"PLAIN", "PLAIN", "ca.pem", NULL, NULL, NULL, 0},
        {"a certificate", NULL, "ca.pem", NULL, "client", NULL, 0},
        {"SCRAM with a wrong password", "SCRAM-SHA-512", "ca.pem", "guess", NULL,
         "SASL authentication error", 0},
        {"PLAIN with a wrong password", "PLAIN", "ca.pem", "guess", NULL,
         "SASL authentication error", 0},
        {"no certificate", NULL, "ca.pem", NULL, NULL, "SSL alert", 0},
        {"a broker nobody vouches for", "SCRAM-SHA-512", "stranger.pem", NULL, NULL,
         "certificate could not be verified", 0},
    };
    for (size_t i = 0; i < COUNT(proofs); i++)
        try_to_enter(&proofs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_committed_records_see_committed_transactions_only),
        cmocka_unit_test(a_key_goes_where_java_puts_it),
        cmocka_unit_test(a_client_proves_who_it_is_and_so_does_the_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
