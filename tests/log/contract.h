/* SPDX-License-Identifier: MIT
 *
 * contract.h - the parts of the contract suite: each a table of tests that ends with a NULL name.
 * The state of a test is its struct fixture, open.
 */
#pragma once

#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEST(function)                                                                             \
    {                                                                                              \
#function, function, EVERY_LOG                                                             \
    }
/* Of logs that one process has for itself: those that are told of commits. */
#define OWN_TEST(function)                                                                         \
    {                                                                                              \
#function, function, OWN_LOG                                                               \
    }

struct contract_test {
    const char *name;
    CMUnitTestFunction run;
    enum contract_logs { EVERY_LOG, OWN_LOG } logs;
};

extern const struct contract_test contract_topics[];
extern const struct contract_test contract_write[];
extern const struct contract_test contract_read[];
extern const struct contract_test contract_threads[];
