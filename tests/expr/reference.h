/* SPDX-License-Identifier: MIT
 *
 * reference.h - a second, slow opinion on what expressions mean: random trees, their text, and an
 * evaluator that walks them. It shares no code with expr/.
 */
#pragma once

#include "fixture.h"

typedef enum reference_kind {
    REFERENCE_LONG,
    REFERENCE_REAL,
    REFERENCE_TEXT,
    REFERENCE_BOOLEAN,
    REFERENCE_KIND_COUNT,
} reference_kind;

typedef struct reference_value {
    bool null;
    int64_t whole;
    double real;
    riacho_bytes text;
} reference_value;

typedef struct reference_node {
    reference_kind kind;
    char form[16]; /* "literal", "field", "??", "?:", "in", an operator or a function's name */
    const char *field;
    reference_value value;
    int count;
    const struct reference_node *children[4];
} reference_node;

/* 0 to below - 1. */
uint64_t reference_random(uint64_t *seed, uint64_t below);
reference_value reference_random_value(reference_kind kind, bool small, riacho_arena *arena,
                                       uint64_t *seed);
void reference_print_value(reference_kind kind, const reference_value *value, riacho_buffer *out);

const reference_node *reference_make(reference_kind kind, int depth, riacho_arena *arena,
                                     uint64_t *seed);
/* With as few brackets as precedence allows, and a few more by chance. */
void reference_print(const reference_node *node, int least, uint64_t *seed, riacho_buffer *out);
/* False for a run-time failure. */
bool reference_eval(const reference_node *node, const expr_fixture *fixture,
                    reference_value *ret_value);
/* Whether a part that is constant fails, so that it must not compile. */
bool reference_must_fail(const reference_node *node, riacho_arena *arena);
