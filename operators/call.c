/* SPDX-License-Identifier: MIT
 *
 * call.c - the operators whose whole work is a user's function that may forward or only looks:
 * flatMap, process, peek, forEach.
 */
#include "call.h"

#include "chain.h"
#include "handles.h"

static bool has_slot(const riacho_function *function, riacho_function_kind kind)
{
    switch (kind) {
    case RIACHO_FUNCTION_FILTER:
        return function->test;
    case RIACHO_FUNCTION_MAP:
        return function->map;
    case RIACHO_FUNCTION_MAP_VALUES:
        return function->map_value;
    case RIACHO_FUNCTION_FLAT_MAP:
    case RIACHO_FUNCTION_PROCESS:
    case RIACHO_FUNCTION_PEEK:
        return function->each;
    case RIACHO_FUNCTION_AGGREGATE:
        return function->fold;
    case RIACHO_FUNCTION_REDUCE:
        return function->reduce;
    case RIACHO_FUNCTION_VIEW:
        return function->view;
    }
    return false;
}

riacho_status riacho_call_check(const riacho_operator *self, riacho_function_kind kind,
                                riacho_error *err)
{
    const riacho_node *node = self->node;
    const char *name = node->function_name ? node->function_name : "?";
    if (!node->function)
        return riacho_fail(err, RIACHO_REJECT, "function '%s' is not loaded", name);
    if (node->function->kind != kind || !has_slot(node->function, kind))
        return riacho_fail(err, RIACHO_REJECT, "function '%s' does not do what %s needs", name,
                           self->ops->name);
    return RIACHO_OK;
}

static riacho_status forward_each(riacho_operator *self, const riacho_flow *flow)
{
    riacho_ctx *ctx = riacho_call_begin(self, &flow->record);
    ctx->may = RIACHO_MAY_FORWARD;
    return riacho_call_end(self, self->node->function->each(ctx, &flow->record));
}

/* ---- flatMap --------------------------------------------------------------------------------- */

static riacho_status flat_map_init(riacho_operator *self, riacho_error *err)
{
    return riacho_call_check(self, RIACHO_FUNCTION_FLAT_MAP, err);
}

const riacho_operator_ops riacho_flat_map_ops = {
    .name = "flatMap",
    .size = sizeof(riacho_operator),
    .init = flat_map_init,
    .process = forward_each,
};

/* ---- process --------------------------------------------------------------------------------- */

static riacho_status process_init(riacho_operator *self, riacho_error *err)
{
    RIACHO_TRY(riacho_call_check(self, RIACHO_FUNCTION_PROCESS, err));
    riacho_process *process = (riacho_process *)self;
    riacho_handles_init(&process->handles, self);
    if (!self->node->function->start)
        return RIACHO_OK;
    riacho_ctx *ctx = riacho_call_begin(self, NULL);
    return riacho_call_end(self, self->node->function->start(ctx));
}

static riacho_status process_flush(riacho_operator *self)
{
    return riacho_handles_expire(&((riacho_process *)self)->handles);
}

static void process_done(riacho_operator *self)
{
    riacho_handles_done(&((riacho_process *)self)->handles);
}

const riacho_operator_ops riacho_process_ops = {
    .name = "process",
    .size = sizeof(riacho_process),
    .init = process_init,
    .process = forward_each,
    .flush = process_flush,
    .done = process_done,
};

/* ---- peek, forEach --------------------------------------------------------------------------- */

static riacho_status peek_init(riacho_operator *self, riacho_error *err)
{
    return riacho_call_check(self, RIACHO_FUNCTION_PEEK, err);
}

static riacho_status peek(riacho_operator *self, const riacho_flow *flow)
{
    riacho_ctx *ctx = riacho_call_begin(self, &flow->record);
    RIACHO_TRY(riacho_call_end(self, self->node->function->each(ctx, &flow->record)));
    return riacho_push_all(self, flow);
}

const riacho_operator_ops riacho_peek_ops = {
    .name = "peek",
    .size = sizeof(riacho_operator),
    .init = peek_init,
    .process = peek,
};
