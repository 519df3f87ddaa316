/* SPDX-License-Identifier: MIT
 *
 * properties.c - what the user may say to librdkafka, and what is told when it is wrong; what a
 * broker that lacks something is told to lack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "log/kafka/handle.h"
#include "log/kafka/verdict.h"
#include "mock.h"

static void assert_refused(const char *const settings[], const char *const told[])
{
    riacho_error err = {.text = ""};
    riacho_log *log;
    assert_int_equal(try_open("127.0.0.1:1", settings, &log, &err), RIACHO_REJECT);
    for (size_t i = 0; told[i]; i++) {
        if (!strstr(err.text, told[i]))
            fail_msg("'%s' is not told in '%s'", told[i], err.text);
    }
}

static void what_exactly_once_depends_on_is_not_the_users(void **state)
{
    (void)state;
    static const char *const names[] = {
        "enable.idempotence",
        "acks",
        "request.required.acks",
        "transactional.id",
        "isolation.level",
        "enable.auto.commit",
        "auto.commit.enable",
        "enable.auto.offset.store",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "client.id",
        "partitioner",
        "partition.assignment.strategy",
        "auto.offset.reset",
        "enable.partition.eof",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "log_level",
        "queued.max.messages.kbytes",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        assert_refused((const char *const[]){names[i], "1", NULL},
                       (const char *const[]){names[i], "cannot be set: ", NULL});
}

static void what_is_wrong_is_told_in_librdkafkas_words(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *told;
    } table[] = {
        {"linger.seconds", "1", "No such configuration property"},
        {"linger.ms", "soon", "Invalid value"},
        {"security.protocol", "TLS", "Invalid value \"TLS\""},
        {"session.timeout.ms", "-1", "outside allowed range"},
        {"ssl.truststore.location", "/x.jks", "ssl.truststore.location"},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_refused((const char *const[]){table[i].name, table[i].value, NULL},
                       (const char *const[]){table[i].name, table[i].told, NULL});
}

static void what_does_not_go_together_is_told(void **state)
{
    (void)state;
    assert_refused((const char *const[]){"security.protocol", "SSL", "ssl.ca.location",
                                         "/nowhere/ca.pem", NULL},
                   (const char *const[]){"ssl.ca.location", NULL});
}

static void servers_are_needed(void **state)
{
    (void)state;
    riacho_error err = {.text = ""};
    riacho_log *log;
    const riacho_kafka_log_options options = {.worker = "w"};
    assert_int_equal(riacho_kafka_log_open(&options, &log, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "bootstrap.servers"));
}

/* The path is borrowed until the next call. */
static const char *file_with(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/riacho-secret-XXXXXX");
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    return path;
}

static void a_value_comes_from_a_file(void **state)
{
    (void)state;
    struct mock mock;
    mock_open(&mock, 1);
    const char *path = file_with("50\n"); /* a number, so that a newline would be seen */
    riacho_log *log =
        open_log(mock.servers, (const char *const[]){"reconnect.backoff.ms_FILE", path, NULL});
    log->ops->close(log);
    unlink(path);
    mock_close(&mock);
    assert_refused(
        (const char *const[]){"sasl.password_FILE", "/nowhere/password", NULL},
        (const char *const[]){"sasl.password", "/nowhere/password", "No such file", NULL});
    path = file_with("");
    assert_refused((const char *const[]){"sasl.password_FILE", path, NULL},
                   (const char *const[]){"sasl.password", path, "1 to", NULL});
    unlink(path);
    path = file_with("all");
    assert_refused((const char *const[]){"acks_FILE", path, NULL},
                   (const char *const[]){"acks cannot be set", NULL});
    unlink(path);
}

/* Every way in which a secret could be in a message: a bad one, one of a property that is wrong,
 * one beside a mistake. */
static void secrets_are_in_no_message(void **state)
{
    (void)state;
    static const char *const settings[][7] = {
        {"ssl.key.pem", "hush-hush", "security.protocol", "SSL", NULL},
        {"ssl.key.password", "hush-hush", "security.protocol", "nonsense", NULL},
        {"sasl.password", "hush-hush", "sasl.mechanism", "PLAIN", "linger.ms", "x", NULL},
        {"sasl.oauthbearer.client.secret", "hush-hush", "no.such.thing", "1", NULL},
    };
    for (size_t i = 0; i < COUNT(settings); i++) {
        riacho_error err = {.text = ""};
        riacho_log *log;
        assert_int_equal(try_open("127.0.0.1:1", settings[i], &log, &err), RIACHO_REJECT);
        assert_true(err.text[0]);
        assert_null(strstr(err.text, "hush"));
    }
}

static void brokers_that_do_not_answer_are_named(void **state)
{
    (void)state;
    riacho_error err = {.text = ""};
    riacho_log *log;
    const riacho_kafka_property servers = {"bootstrap.servers", "127.0.0.1:1"};
    const riacho_kafka_log_options options = {
        .properties = &servers, .property_count = 1, .worker = "w", .connect_wait_ms = 300};
    assert_int_equal(riacho_kafka_log_open(&options, &log, &err), RIACHO_RETRY);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    assert_non_null(strstr(err.text, "refused"));
}

/* ---- what brokers lack ----------------------------------------------------------------------- */

static void a_broker_without_transactions_is_refused(void **state)
{
    (void)state;
    riacho_error err = {.text = ""};
    struct mock mock;
    mock_open(&mock, 1);
    rd_kafka_mock_set_apiversion(mock.cluster, MOCK_INIT_PRODUCER_ID, -1, -1);
    riacho_log *log = open_log(mock.servers, NULL);
    const struct riacho_broker_ops *ops = log->ops->broker;
    rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    assert_int_equal(ops->check(log, RIACHO_DELIVERY_EXACTLY_ONCE, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, mock.servers));
    assert_non_null(strstr(err.text, "transactions and idempotent producers"));
    assert_non_null(strstr(err.text, "at least once"));
    riacho_producer *producer;
    const riacho_producer_options options = {.id = "id"};
    assert_ok(ops->producer_open(log, &options, &producer, &err));
    assert_verdict(ops->init(producer, STEP_MS, &err), RIACHO_VERDICT_STOP);
    ops->producer_close(producer);
    /* It is good enough for less. */
    int64_t end = 0;
    assert_ok(ops->check(log, RIACHO_DELIVERY_AT_LEAST_ONCE, &err));
    producer = open_producer(log, "id", RIACHO_DELIVERY_AT_LEAST_ONCE);
    assert_done(ops->begin(producer, &err));
    send_one(log, producer, "t", 0, "v");
    assert_done(ops->commit(producer, STEP_MS, &err));
    ops->ends(producer, &end, 1);
    assert_int_equal(end, 1);
    ops->producer_close(producer);
    log->ops->close(log);
    mock_close(&mock);
}

/* ---- what is not allowed --------------------------------------------------------------------- */

static riacho_status poll_for_refusal(struct mate *mate, riacho_error *err)
{
    riacho_status status = RIACHO_OK;
    const int64_t until = now_ms() + 20000;
    while (status != RIACHO_REJECT && now_ms() < until)
        status = step(mate, 50, err);
    return status;
}

static void a_group_that_is_not_allowed_is_told(void **state)
{
    (void)state;
    riacho_error err = {.text = ""};
    struct mock mock;
    struct mate mate;
    mock_open(&mock, 1);
    rd_kafka_mock_topic_create(mock.cluster, "leases", 1, 1);
    riacho_log *log = open_log(mock.servers, NULL);
    rd_kafka_mock_push_request_errors(mock.cluster, MOCK_JOIN_GROUP, 1,
                                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    join(&mate, log, "group", "leases", "w");
    assert_int_equal(poll_for_refusal(&mate, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "allow this user to read the group"));
    log->ops->broker->member_leave(mate.member);
    log->ops->close(log);
    mock_close(&mock);
}

static void a_topic_that_is_not_allowed_is_told(void **state)
{
    (void)state;
    riacho_error err = {.text = ""};
    struct mock mock;
    riacho_log_reader *reader;
    int64_t first, next;
    mock_open(&mock, 1);
    rd_kafka_mock_topic_create(mock.cluster, "secret", 1, 1);
    rd_kafka_mock_topic_set_error(mock.cluster, "secret",
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    riacho_log *log = open_log(mock.servers, NULL);
    assert_int_equal(log->ops->bounds(log, "secret", 0, &first, &next, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "secret"));
    assert_non_null(strstr(err.text, "allow this user"));
    assert_ok(log->ops->reader_open(log, &reader, &err));
    const riacho_log_assignment from = {"secret", 0, 0, 1};
    assert_int_equal(log->ops->assign(reader, &from, 1, &err), RIACHO_REJECT);
    assert_non_null(strstr(err.text, "allow this user"));
    log->ops->reader_close(reader);
    log->ops->close(log);
    mock_close(&mock);
}

/* librdkafka has one code for credentials that are refused and for a broker that went away while
 * it was asked about them. */
static void a_broker_that_goes_away_during_a_login_refuses_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        riacho_status status;
    } logins[] = {
        {"SASL SCRAM-SHA-512 mechanism handshake failed: Local: Broker transport failure: "
         "broker's supported mechanisms: ",
         RIACHO_RETRY},
        {"SASL PLAIN mechanism handshake failed: Local: Timed out: broker's supported mechanisms: ",
         RIACHO_RETRY},
        {"SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: "
         "broker's supported mechanisms: PLAIN",
         RIACHO_REJECT},
        {"SASL authentication error: Authentication failed during authentication due to invalid "
         "credentials with SASL mechanism SCRAM-SHA-512",
         RIACHO_REJECT},
    };
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++) {
        riacho_error err = {.text = ""};
        struct riacho_kafka_handle *handle = NULL;
        assert_ok(
            riacho_kafka_handle_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, &handle, &err));
        riacho_kafka_handle_note(handle, RD_KAFKA_RESP_ERR__AUTHENTICATION, logins[i].text);
        assert_int_equal(
            riacho_kafka_status(handle, RD_KAFKA_RESP_ERR__TIMED_OUT, "kafka", "no answer", &err),
            logins[i].status);
        assert_non_null(strstr(err.text, logins[i].text));
        riacho_kafka_handle_unref(handle);
    }
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_exactly_once_depends_on_is_not_the_users),
        TEST(what_is_wrong_is_told_in_librdkafkas_words),
        TEST(what_does_not_go_together_is_told),
        TEST(servers_are_needed),
        TEST(a_value_comes_from_a_file),
        TEST(secrets_are_in_no_message),
        TEST(brokers_that_do_not_answer_are_named),
        TEST(a_broker_without_transactions_is_refused),
        TEST(a_group_that_is_not_allowed_is_told),
        TEST(a_topic_that_is_not_allowed_is_told),
        TEST(a_broker_that_goes_away_during_a_login_refuses_nobody),
    };
    return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
