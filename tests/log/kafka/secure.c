/* SPDX-License-Identifier: MIT
 *
 * secure.c - every way to prove who one is to a real Kafka, and what is told when it does not work:
 * one clear message each, at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "real.h"

enum { PATH_BYTES = 256, AT_ONCE_MS = 6000 };

static const char *secret(const char *name)
{
    static char paths[8][PATH_BYTES];
    static unsigned turn;
    char *path = paths[turn++ % COUNT(paths)];
    snprintf(path, PATH_BYTES, "%s/%s", kafka_word("secrets"), name);
    return path;
}

/* A certificate of the client that ended yesterday, signed by who the broker trusts. */
static void make_expired(void)
{
    char command[4 * PATH_BYTES];
    snprintf(command, sizeof command,
             "cd %s && openssl req -newkey rsa:2048 -nodes -subj /CN=old -keyout old.key -out "
             "old.csr 2>old.log && openssl x509 -req -in old.csr -CA ca.pem -CAkey ca.key "
             "-CAcreateserial -days -1 -out old.pem 2>>old.log",
             kafka_word("secrets"));
    assert_int_equal(system(command), 0);
}

static void assert_works(const char *listener, const char *const settings[])
{
    char topic[64];
    riacho_error err;
    riacho_log *log = open_log(kafka_word(listener), settings);
    kafka_name("secure", topic, sizeof topic);
    make_topic(log, topic, 1);
    const riacho_log_append record = {topic, 0, {.timestamp_ms = 1, .value = riacho_text("v")}};
    riacho_position at;
    assert_ok(log->ops->append(log, &record, 1, &at, &err));
    assert_int_equal(at.next, 0);
    riacho_log_reader *reader;
    riacho_log_batch *batch;
    const riacho_log_assignment from = {topic, 0, 0, 1};
    assert_ok(log->ops->reader_open(log, &reader, &err));
    assert_ok(log->ops->assign(reader, &from, 1, &err));
    assert_ok(log->ops->poll(reader, 10000, &batch, &err));
    assert_non_null(batch);
    assert_int_equal(batch->count, 1);
    log->ops->batch_free(batch);
    log->ops->reader_close(reader);
    log->ops->close(log);
}

static void assert_fails(const char *listener, const char *const settings[], const char *told)
{
    riacho_error err = {.text = ""};
    riacho_log *log;
    const int64_t start = now_ms();
    assert_int_equal(try_open(kafka_word(listener), settings, &log, &err), RIACHO_REJECT);
    print_message("%s\n", err.text);
    assert_in_range(now_ms() - start, 0, AT_ONCE_MS);
    if (!strstr(err.text, told))
        fail_msg("'%s' is not told in '%s'", told, err.text);
    assert_non_null(strstr(err.text, kafka_word(listener)));
}

static void a_password_by_scram_and_by_plain(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"SCRAM-SHA-512", "PLAIN"};
    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        const char *const right[] = {"security.protocol",
                                     "SASL_SSL",
                                     "sasl.mechanism",
                                     mechanisms[i],
                                     "sasl.username_FILE",
                                     secret("user"),
                                     "sasl.password_FILE",
                                     secret("password"),
                                     "ssl.ca.location",
                                     secret("ca.pem"),
                                     NULL};
        assert_works("sasl_ssl", right);
        const char *const wrong[] = {"security.protocol",
                                     "SASL_SSL",
                                     "sasl.mechanism",
                                     mechanisms[i],
                                     "sasl.username_FILE",
                                     secret("user"),
                                     "sasl.password",
                                     "hush-hush",
                                     "ssl.ca.location",
                                     secret("ca.pem"),
                                     NULL};
        assert_fails("sasl_ssl", wrong, "correct the credentials");
    }
}

static void a_mechanism_that_the_brokers_do_not_have(void **state)
{
    (void)state;
    const char *const settings[] = {"security.protocol",
                                    "SASL_SSL",
                                    "sasl.mechanism",
                                    "SCRAM-SHA-256",
                                    "sasl.username",
                                    "u",
                                    "sasl.password",
                                    "p",
                                    "ssl.ca.location",
                                    secret("ca.pem"),
                                    NULL};
    assert_fails("sasl_ssl", settings, "SCRAM-SHA-256");
}

static void a_certificate_of_the_client(void **state)
{
    (void)state;
    const char *const right[] = {"security.protocol",
                                 "SSL",
                                 "ssl.ca.location",
                                 secret("ca.pem"),
                                 "ssl.certificate.location",
                                 secret("client.pem"),
                                 "ssl.key.location",
                                 secret("client.key"),
                                 NULL};
    assert_works("ssl", right);
    const char *const none[] = {"security.protocol", "SSL", "ssl.ca.location", secret("ca.pem"),
                                NULL};
    assert_fails("ssl", none, "certificate");
    make_expired();
    const char *const expired[] = {"security.protocol",
                                   "SSL",
                                   "ssl.ca.location",
                                   secret("ca.pem"),
                                   "ssl.certificate.location",
                                   secret("old.pem"),
                                   "ssl.key.location",
                                   secret("old.key"),
                                   NULL};
    assert_fails("ssl", expired, "certificate");
}

static void a_broker_that_nobody_vouches_for(void **state)
{
    (void)state;
    const char *const settings[] = {"security.protocol",
                                    "SASL_SSL",
                                    "sasl.mechanism",
                                    "PLAIN",
                                    "sasl.username",
                                    "u",
                                    "sasl.password",
                                    "p",
                                    "ssl.ca.location",
                                    secret("stranger.pem"),
                                    NULL};
    assert_fails("sasl_ssl", settings, "certificate could not be verified");
}

static void no_encryption_where_the_brokers_want_it(void **state)
{
    (void)state;
    assert_fails("ssl", NULL, "security.protocol");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_by_scram_and_by_plain),
        cmocka_unit_test(a_mechanism_that_the_brokers_do_not_have),
        cmocka_unit_test(a_certificate_of_the_client),
        cmocka_unit_test(a_broker_that_nobody_vouches_for),
        cmocka_unit_test(no_encryption_where_the_brokers_want_it),
    };
    return cmocka_run_group_tests_name("secure kafka", tests, NULL, NULL);
}
