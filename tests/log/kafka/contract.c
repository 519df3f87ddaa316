/* SPDX-License-Identifier: MIT
 *
 * contract.c - what every log must do (tests/log/contract_*.c), done by Kafka: but the tests of
 * commits, which a log that is shared has otherwise (broker.c).
 */
#include "contract.h"

#include <stdio.h>
#include <string.h>

#include "prefixed.h"
#include "real.h"
#include "riacho/backend/kafka_log.h"

static riacho_log *open_prefixed(void *arg)
{
    const riacho_kafka_property servers = {"bootstrap.servers", kafka_word("bootstrap")};
    const riacho_kafka_log_options options = {
        .properties = &servers, .property_count = 1, .worker = "contract"};
    riacho_error err;
    riacho_log *log;
    assert_ok(riacho_kafka_log_open(&options, &log, &err));
    return prefixed_log_new(log, arg);
}

static int open_kafka(void **state)
{
    static struct fixture fixture;
    static char prefix[64];
    kafka_name("contract", prefix, sizeof prefix - 1);
    prefix[strlen(prefix) + 1] = 0;
    prefix[strlen(prefix)] = '.';
    fixture_open_shared(&fixture, open_prefixed, prefix);
    *state = &fixture;
    return 0;
}

static int close_kafka(void **state)
{
    fixture_close(*state);
    return 0;
}

/* What Kafka has otherwise: its longest name is ours with the prefix of this test. */
static const char *const left_out[] = {"bad_topics_are_refused"};

static bool applies(const struct contract_test *test)
{
    for (size_t i = 0; i < COUNT(left_out); i++) {
        if (!strcmp(test->name, left_out[i]))
            return false;
    }
    return test->logs == EVERY_LOG;
}

enum { TESTS_MAX = 100 };

int main(void)
{
    static const struct contract_test *const parts[] = {contract_topics, contract_write,
                                                        contract_read, contract_threads};
    struct CMUnitTest table[TESTS_MAX];
    size_t count = 0;
    for (size_t part = 0; part < COUNT(parts); part++) {
        for (const struct contract_test *test = parts[part]; test->name; test++) {
            assert_true(count < TESTS_MAX);
            if (applies(test))
                table[count++] =
                    (struct CMUnitTest){test->name, test->run, open_kafka, close_kafka, NULL};
        }
    }
    return _cmocka_run_group_tests("kafka", table, count, NULL, NULL);
}
