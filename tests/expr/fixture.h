/* SPDX-License-Identifier: MIT
 *
 * fixture.h - a scope with a field of every type (schemas/thing.avsc), values from JSON, results as
 * JSON, so that the tables of these tests are text.
 *
 * Threads: one test program, one thread.
 */
#pragma once

#include "expr/expr.h"
#include "riacho/codec.h"

/* The names of the scope, in order:
 *
 *   key        string
 *   value      record Thing
 *   before     record Thing, nullable
 *   timestamp  long
 *   headers    lookup, of trace -> "t-1" and "content-type" -> "text/plain"
 *   agg        always null
 *   amount     int
 *   path       lookup whose entries are promised; those of headers
 */
enum {
    NAME_KEY,
    NAME_VALUE,
    NAME_BEFORE,
    NAME_TIMESTAMP,
    NAME_HEADERS,
    NAME_AGG,
    NAME_AMOUNT,
    NAME_PATH,
    NAME_COUNT
};

typedef struct expr_fixture {
    riacho_schemas *schemas;
    riacho_arena *arena;
    const riacho_type *thing;
    const riacho_type *picked;
    riacho_expr_name names[NAME_COUNT];
    riacho_expr_scope scope;
    riacho_bytes key;
    int64_t timestamp;
    int32_t amount;
    riacho_expr_lookup headers;
    const void *values[NAME_COUNT];
} expr_fixture;

int fixture_open(void **state);
int fixture_close(void **state);

/* Sets `value` (and `before`, NULL for null) from JSON. */
void fixture_set(expr_fixture *fixture, const char *value, const char *before);
/* A type word: "int", "avro:Picked", "Action", "decimal"; NULL for NULL. */
const riacho_type *fixture_type(expr_fixture *fixture, const char *word);
/* Compiles; the test fails with the issue when it does not. */
const riacho_expr *fixture_compile(expr_fixture *fixture, const char *text, const char *expected);
/* The result as JSON; "null"; or "REJECT: why". */
const char *fixture_eval(expr_fixture *fixture, const riacho_expr *expr);
