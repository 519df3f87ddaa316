/* SPDX-License-Identifier: MIT
 *
 * folds.c - what each kind of aggregation does with one record.
 *
 *   count      one more
 *   sum        adds the expression; a whole sum that overflows is a REJECT
 *   min, max   the least or greatest value of the expression, in Avro's order
 *   reduce     the first value is the state; then a function or an expression over agg and value
 *   aggregate  a function's init and fold, or expressions for both
 *
 * An expression that gives null: sum, min and max pass the record over (dropped, counted); for
 * reduce and aggregate it deletes the state, as an aggregator of Kafka Streams that returns null.
 */
#include "aggregate.h"
#include "call.h"
#include "chain.h"

static const riacho_type *state_type(const riacho_aggregation *self)
{
    return self->kept.store->value.codec->type;
}

static riacho_status wrong_state(const riacho_aggregation *self, const char *what,
                                 riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "%s cannot be kept in store '%s' of %s", what,
                       self->kept.store->name, self->kept.store->value.word);
}

/* ---- count ----------------------------------------------------------------------------------- */

static riacho_status count_init(riacho_aggregation *self, riacho_error *err)
{
    if (state_type(self)->kind != RIACHO_LONG)
        return wrong_state(self, "a count", err);
    return RIACHO_OK;
}

static riacho_status count(riacho_aggregation *self, riacho_fold *fold)
{
    int64_t *counted = self->kept.state.memory;
    *counted = fold->found ? *counted + 1 : 1;
    fold->state = counted;
    return RIACHO_OK;
}

static const riacho_fold_ops count_ops = {count_init, count};

/* ---- sum ------------------------------------------------------------------------------------- */

static bool is_whole(const riacho_type *type)
{
    return type->kind == RIACHO_INT || type->kind == RIACHO_LONG;
}

static bool is_floating(const riacho_type *type)
{
    return type->kind == RIACHO_FLOAT || type->kind == RIACHO_DOUBLE;
}

static riacho_status sum_init(riacho_aggregation *self, riacho_error *err)
{
    const riacho_type *operand = riacho_expr_type(self->base.node->expr);
    const riacho_type *state = state_type(self);
    const bool fits = (state->kind == RIACHO_LONG && is_whole(operand)) ||
                      (state->kind == RIACHO_DOUBLE && (is_whole(operand) || is_floating(operand)));
    if (!fits)
        return wrong_state(self, "this sum", err);
    self->operand.size = operand->size;
    self->operand.memory = riacho_alloc_zero(self->base.chain->lasting, 1, operand->size);
    return RIACHO_OK;
}

static double as_double(const riacho_type *type, const void *value)
{
    switch (type->kind) {
    case RIACHO_INT:
        return *(const int32_t *)value;
    case RIACHO_LONG:
        return (double)*(const int64_t *)value;
    case RIACHO_FLOAT:
        return (double)*(const float *)value;
    default:
        return *(const double *)value;
    }
}

static riacho_status evaluate(riacho_aggregation *self, const riacho_fold *fold,
                              const void **ret_value)
{
    riacho_scope scope;
    riacho_scope_init(&scope, fold->record);
    return riacho_scope_eval(&scope, &self->base, self->base.node->expr, &self->operand, ret_value);
}

static riacho_status sum(riacho_aggregation *self, riacho_fold *fold)
{
    const riacho_type *type = riacho_expr_type(self->base.node->expr);
    const void *operand;
    RIACHO_TRY(evaluate(self, fold, &operand));
    fold->skip = !operand;
    if (fold->skip)
        return RIACHO_OK;
    fold->state = self->kept.state.memory;
    if (state_type(self)->kind == RIACHO_DOUBLE) {
        double *total = self->kept.state.memory;
        *total = (fold->found ? *total : 0) + as_double(type, operand);
        return RIACHO_OK;
    }
    int64_t *total = self->kept.state.memory;
    const int64_t more =
        type->kind == RIACHO_INT ? *(const int32_t *)operand : *(const int64_t *)operand;
    if (__builtin_add_overflow(fold->found ? *total : 0, more, total))
        return riacho_fail(self->base.chain->error, RIACHO_REJECT,
                           "the sum does not fit a long any more");
    return RIACHO_OK;
}

static const riacho_fold_ops sum_ops = {sum_init, sum};

/* ---- min, max -------------------------------------------------------------------------------- */

static riacho_status operand_init(riacho_aggregation *self, riacho_error *err)
{
    return riacho_result_init_expr(&self->operand, &self->base, &self->kept.store->value,
                                   self->base.node->expr, err);
}

/* Keeps the state where the operand is not on the wanted side (-1: less, 1: greater) of it. */
static riacho_status keep_extreme(riacho_aggregation *self, riacho_fold *fold, int side)
{
    const void *operand;
    RIACHO_TRY(evaluate(self, fold, &operand));
    fold->skip = !operand;
    if (fold->skip)
        return RIACHO_OK;
    const void *state = self->kept.state.memory;
    const bool wins =
        !fold->found || riacho_value_compare(state_type(self), operand, state) * side > 0;
    fold->state = wins ? operand : state;
    return RIACHO_OK;
}

static riacho_status least(riacho_aggregation *self, riacho_fold *fold)
{
    return keep_extreme(self, fold, -1);
}

static riacho_status greatest(riacho_aggregation *self, riacho_fold *fold)
{
    return keep_extreme(self, fold, 1);
}

static const riacho_fold_ops min_ops = {operand_init, least};
static const riacho_fold_ops max_ops = {operand_init, greatest};

/* ---- reduce ---------------------------------------------------------------------------------- */

static riacho_status reduce_init(riacho_aggregation *self, riacho_error *err)
{
    if (!riacho_type_equal(self->base.node->in_value.codec->type, state_type(self)))
        return wrong_state(self, "the values of this reduce", err);
    return RIACHO_OK;
}

static riacho_status reduce_function_init(riacho_aggregation *self, riacho_error *err)
{
    RIACHO_TRY(riacho_call_check(&self->base, RIACHO_FUNCTION_REDUCE, err));
    return reduce_init(self, err);
}

static riacho_status reduce_by_function(riacho_aggregation *self, riacho_fold *fold)
{
    if (!fold->found) {
        fold->state = fold->record->value;
        return RIACHO_OK;
    }
    riacho_ctx *ctx = riacho_call_begin(&self->base, fold->record);
    void *state = self->kept.state.memory;
    RIACHO_TRY(riacho_call_end(&self->base,
                               self->base.node->function->reduce(ctx, fold->record->value, state)));
    fold->state = ctx->forget ? NULL : state;
    return RIACHO_OK;
}

static const riacho_fold_ops reduce_function_ops = {reduce_function_init, reduce_by_function};

static riacho_status reduce_expr_init(riacho_aggregation *self, riacho_error *err)
{
    RIACHO_TRY(reduce_init(self, err));
    return operand_init(self, err);
}

static riacho_status fold_expr(riacho_aggregation *self, riacho_fold *fold, const void *agg)
{
    riacho_scope scope;
    riacho_scope_init(&scope, fold->record);
    scope.values[RIACHO_SCOPE_AGG] = agg;
    return riacho_scope_eval(&scope, &self->base, self->base.node->expr, &self->operand,
                             &fold->state);
}

static riacho_status reduce_by_expr(riacho_aggregation *self, riacho_fold *fold)
{
    if (fold->found)
        return fold_expr(self, fold, self->kept.state.memory);
    fold->state = fold->record->value;
    return RIACHO_OK;
}

static const riacho_fold_ops reduce_expr_ops = {reduce_expr_init, reduce_by_expr};

/* ---- aggregate ------------------------------------------------------------------------------- */

static riacho_status function_init(riacho_aggregation *self, riacho_error *err)
{
    return riacho_call_check(&self->base, RIACHO_FUNCTION_AGGREGATE, err);
}

static riacho_status fold_by_function(riacho_aggregation *self, riacho_fold *fold)
{
    const riacho_function *function = self->base.node->function;
    void *state = self->kept.state.memory;
    riacho_ctx *ctx = riacho_call_begin(&self->base, fold->record);
    riacho_status status = RIACHO_OK;
    if (!fold->found) {
        riacho_value_init(state_type(self), state);
        if (function->init)
            status = function->init(ctx, fold->record->key, state);
    }
    if (status == RIACHO_OK)
        status = function->fold(ctx, fold->record->value, state);
    RIACHO_TRY(riacho_call_end(&self->base, status));
    fold->state = ctx->forget ? NULL : state;
    return RIACHO_OK;
}

static const riacho_fold_ops function_ops = {function_init, fold_by_function};

static riacho_status expr_init(riacho_aggregation *self, riacho_error *err)
{
    RIACHO_TRY(riacho_result_init_expr(&self->initial, &self->base, &self->kept.store->value,
                                       self->base.node->init_expr, err));
    return operand_init(self, err);
}

static riacho_status initial_state(riacho_aggregation *self, const riacho_fold *fold,
                                   const void **ret_state)
{
    riacho_scope scope;
    riacho_scope_init(&scope, fold->record);
    RIACHO_TRY(riacho_scope_eval(&scope, &self->base, self->base.node->init_expr, &self->initial,
                                 ret_state));
    if (!*ret_state)
        return riacho_fail(self->base.chain->error, RIACHO_REJECT,
                           "the state to begin with is null");
    return RIACHO_OK;
}

static riacho_status fold_by_exprs(riacho_aggregation *self, riacho_fold *fold)
{
    const void *agg = self->kept.state.memory;
    if (!fold->found)
        RIACHO_TRY(initial_state(self, fold, &agg));
    return fold_expr(self, fold, agg);
}

static const riacho_fold_ops expr_ops = {expr_init, fold_by_exprs};

const riacho_fold_ops *riacho_fold_ops_of(const riacho_node *node)
{
    switch (node->aggregate) {
    case RIACHO_AGGREGATE_COUNT:
        return &count_ops;
    case RIACHO_AGGREGATE_SUM:
        return &sum_ops;
    case RIACHO_AGGREGATE_MIN:
        return &min_ops;
    case RIACHO_AGGREGATE_MAX:
        return &max_ops;
    case RIACHO_AGGREGATE_REDUCE:
        return node->expr ? &reduce_expr_ops : &reduce_function_ops;
    case RIACHO_AGGREGATE_FUNCTION:
        return &function_ops;
    case RIACHO_AGGREGATE_EXPR:
        return &expr_ops;
    }
    return NULL;
}
