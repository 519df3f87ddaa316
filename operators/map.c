/* SPDX-License-Identifier: MIT
 *
 * map.c - map, mapValues and rekey: one record in, one out, with the same timestamp and headers.
 *
 * Nothing has no value to map: where the value is null it stays null, and neither an expression for
 * the value nor the function of mapValues is asked. Only the function of map, which makes the whole
 * record, sees null values.
 */
#include <string.h>

#include "call.h"
#include "chain.h"
#include "scope.h"

typedef struct map_operator {
    riacho_operator base;
    riacho_result key;
    riacho_result value;
} map_operator;

static bool by_expressions(const riacho_node *node)
{
    return node->expr || node->key_expr;
}

static riacho_status init_results(riacho_operator *self, riacho_error *err)
{
    map_operator *map = (map_operator *)self;
    const riacho_node *node = self->node;
    if (node->key_expr)
        RIACHO_TRY(riacho_result_init_expr(&map->key, self, &node->key, node->key_expr, err));
    if (node->expr)
        RIACHO_TRY(riacho_result_init_expr(&map->value, self, &node->value, node->expr, err));
    return RIACHO_OK;
}

/* A part without an expression stays as it is. */
static riacho_status map_by_expressions(riacho_operator *self, const riacho_flow *flow)
{
    map_operator *map = (map_operator *)self;
    const riacho_node *node = self->node;
    riacho_scope scope;
    riacho_scope_init(&scope, &flow->record);
    riacho_flow mapped = {.record = flow->record};
    if (node->key_expr)
        RIACHO_TRY(riacho_scope_eval(&scope, self, node->key_expr, &map->key, &mapped.record.key));
    if (node->expr && flow->record.value)
        RIACHO_TRY(riacho_scope_eval(&scope, self, node->expr, &map->value, &mapped.record.value));
    return riacho_push_all(self, &mapped);
}

/* ---- map ------------------------------------------------------------------------------------- */

static riacho_status map_init(riacho_operator *self, riacho_error *err)
{
    return by_expressions(self->node) ? init_results(self, err)
                                      : riacho_call_check(self, RIACHO_FUNCTION_MAP, err);
}

static riacho_status map_by_function(riacho_operator *self, const riacho_flow *flow)
{
    riacho_flow mapped = {.record = flow->record};
    riacho_ctx *ctx = riacho_call_begin(self, &flow->record);
    RIACHO_TRY(
        riacho_call_end(self, self->node->function->map(ctx, &flow->record, &mapped.record)));
    if (mapped.record.timestamp_ms < 0)
        return riacho_fail(self->chain->error, RIACHO_REJECT,
                           "a record cannot have the timestamp %lld",
                           (long long)mapped.record.timestamp_ms);
    return riacho_push_all(self, &mapped);
}

static riacho_status map(riacho_operator *self, const riacho_flow *flow)
{
    return by_expressions(self->node) ? map_by_expressions(self, flow)
                                      : map_by_function(self, flow);
}

const riacho_operator_ops riacho_map_ops = {
    .name = "map",
    .size = sizeof(map_operator),
    .init = map_init,
    .process = map,
};

/* ---- mapValues ------------------------------------------------------------------------------- */

static riacho_status map_values_init(riacho_operator *self, riacho_error *err)
{
    if (by_expressions(self->node))
        return init_results(self, err);
    riacho_result_init(&((map_operator *)self)->value, self, &self->node->value);
    return riacho_call_check(self, RIACHO_FUNCTION_MAP_VALUES, err);
}

static riacho_status map_value_by_function(riacho_operator *self, const riacho_flow *flow)
{
    const riacho_result *result = &((map_operator *)self)->value;
    memset(result->memory, 0, result->size);
    riacho_ctx *ctx = riacho_call_begin(self, &flow->record);
    RIACHO_TRY(
        riacho_call_end(self, self->node->function->map_value(ctx, &flow->record, result->memory)));
    riacho_flow mapped = {.record = flow->record};
    mapped.record.value = result->memory;
    return riacho_push_all(self, &mapped);
}

static riacho_status map_values(riacho_operator *self, const riacho_flow *flow)
{
    if (!flow->record.value)
        return riacho_push_all(self, flow);
    return by_expressions(self->node) ? map_by_expressions(self, flow)
                                      : map_value_by_function(self, flow);
}

const riacho_operator_ops riacho_map_values_ops = {
    .name = "mapValues",
    .size = sizeof(map_operator),
    .init = map_values_init,
    .process = map_values,
};

/* ---- rekey ----------------------------------------------------------------------------------- */

const riacho_operator_ops riacho_rekey_ops = {
    .name = "rekey",
    .size = sizeof(map_operator),
    .init = init_results,
    .process = map_by_expressions,
};
