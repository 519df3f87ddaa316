/* SPDX-License-Identifier: MIT
 *
 * report.h - what came of the tests: lines for people, JSON, JUnit XML.
 */
#pragma once

#include "play.h"

typedef struct riacho_test_result {
    const char *suite;
    const char *file;
    const char *test;
    const riacho_failure *failures; /* NULL: it passed */
    struct riacho_test_result *following;
} riacho_test_result;

/* One test as it ends, on stdout. */
void riacho_report_print(const riacho_test_result *result);
void riacho_report_json(const riacho_test_result *results, riacho_buffer *out);
void riacho_report_junit(const riacho_test_result *results, riacho_buffer *out);
