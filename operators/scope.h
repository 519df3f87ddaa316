/* SPDX-License-Identifier: MIT
 *
 * scope.h - the names that expressions see at a step, filled from a record. It lies on the stack
 * and costs no allocation.
 *
 * `headers.h` is the value of the last header of that name, as Kafka's lastHeader.
 */
#pragma once

#include "operator.h"

typedef struct riacho_scope {
    const void *values[RIACHO_SCOPE_COUNT];
    riacho_expr_lookup headers;
    const riacho_record *record;
} riacho_scope;

riacho_bytes riacho_scope_header(const riacho_expr_lookup *lookup, riacho_bytes name);

/* Borrows the record. Does not move afterwards: the scope points into itself. */
static inline void riacho_scope_init(riacho_scope *scope, const riacho_record *record)
{
    scope->record = record;
    scope->headers.get = riacho_scope_header;
    scope->values[RIACHO_SCOPE_KEY] = record->key;
    scope->values[RIACHO_SCOPE_VALUE] = record->value;
    scope->values[RIACHO_SCOPE_TIMESTAMP] = &record->timestamp_ms;
    scope->values[RIACHO_SCOPE_HEADERS] = &scope->headers;
    scope->values[RIACHO_SCOPE_AGG] = NULL;
}

/* Where the results of one expression or function go, again and again. */
typedef struct riacho_result {
    void *memory;
    size_t size;
} riacho_result;

void riacho_result_init(riacho_result *result, riacho_operator *self, const riacho_data *data);
/* As above, for an expression; RIACHO_REJECT when its type is not the data's. */
RIACHO_CHECKED riacho_status riacho_result_init_expr(riacho_result *result, riacho_operator *self,
                                                     const riacho_data *data,
                                                     const riacho_expr *expr, riacho_error *err);

/* *ret_value points to the result, NULL for null. */
RIACHO_CHECKED riacho_status riacho_scope_eval(const riacho_scope *scope, riacho_operator *self,
                                               const riacho_expr *expr, const riacho_result *result,
                                               const void **ret_value);
RIACHO_CHECKED riacho_status riacho_scope_test(const riacho_scope *scope, riacho_operator *self,
                                               const riacho_expr *expr, bool *ret_true);
