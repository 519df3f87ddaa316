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
#function, function                                                                        \
    }

struct contract_test {
    const char *name;
    CMUnitTestFunction run;
};

extern const struct contract_test contract_topics[];
extern const struct contract_test contract_write[];
extern const struct contract_test contract_read[];
extern const struct contract_test contract_threads[];
