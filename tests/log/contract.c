/* SPDX-License-Identifier: MIT
 *
 * contract.c - what every log backend must do (port/log.h): the parts of the suite, run for each of
 * them.
 */
#include "contract.h"

#include <stdio.h>

static int open_memory(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, MEMORY);
    *state = &fixture;
    return 0;
}

static int open_embedded_log(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, EMBEDDED);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    return 0;
}

enum { TESTS_MAX = 100, NAME_BYTES_MAX = 128 };

static int run_for(const char *backend, CMFixtureFunction open)
{
    static const struct contract_test *const parts[] = {contract_topics, contract_write,
                                                        contract_read, contract_threads};
    static char names[TESTS_MAX][NAME_BYTES_MAX];
    struct CMUnitTest table[TESTS_MAX];
    size_t count = 0;
    for (size_t part = 0; part < COUNT(parts); part++) {
        for (const struct contract_test *test = parts[part]; test->name; test++, count++) {
            assert_true(count < TESTS_MAX);
            snprintf(names[count], NAME_BYTES_MAX, "%s: %s", backend, test->name);
            table[count] = (struct CMUnitTest){names[count], test->run, open, close_fixture, NULL};
        }
    }
    return _cmocka_run_group_tests(backend, table, count, NULL, NULL);
}

int main(void)
{
    const int memory = run_for("memory log", open_memory);
    const int embedded = run_for("embedded log", open_embedded_log);
    return memory + embedded;
}
