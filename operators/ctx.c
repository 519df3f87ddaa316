/* SPDX-License-Identifier: MIT
 *
 * ctx.c - what a user's function may ask and do (riacho/processor.h), but for stores (handles.c)
 * and schedules (punctuate.c).
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"

const riacho_struct riacho_string_struct = {"string", sizeof(riacho_bytes), 0};
const riacho_struct riacho_bytes_struct = {"bytes", sizeof(riacho_bytes), 0};
const riacho_struct riacho_long_struct = {"long", sizeof(int64_t), 0};
const riacho_struct riacho_int_struct = {"int", sizeof(int32_t), 0};
const riacho_struct riacho_double_struct = {"double", sizeof(double), 0};
const riacho_struct riacho_boolean_struct = {"boolean", sizeof(bool), 0};

riacho_status riacho_ctx_source(riacho_ctx *ctx, riacho_source *ret_source)
{
    const riacho_chain *chain = ctx->owner->chain;
    if (!ctx->record || !chain->host->source.topic)
        return riacho_fail(chain->error, RIACHO_REJECT,
                           "there is no source: this is not the work of one record");
    *ret_source = chain->host->source;
    return RIACHO_OK;
}

const riacho_record *riacho_ctx_record(riacho_ctx *ctx)
{
    return ctx->record;
}

riacho_arena *riacho_ctx_arena(riacho_ctx *ctx)
{
    return ctx->owner->chain->batch;
}

int64_t riacho_ctx_stream_time_ms(riacho_ctx *ctx)
{
    return ctx->owner->chain->host->stream_time_ms;
}

int64_t riacho_ctx_now_ms(riacho_ctx *ctx)
{
    riacho_clock *clock = ctx->owner->chain->host->clock;
    return clock->now_ms(clock);
}

const char *riacho_ctx_task(riacho_ctx *ctx)
{
    return ctx->owner->chain->host->task_name;
}

void riacho_ctx_commit(riacho_ctx *ctx)
{
    riacho_host *host = ctx->owner->chain->host;
    host->request_commit(host);
}

/* Replaces the cause, so nobody is blamed for it yet. */
riacho_status riacho_reject(riacho_ctx *ctx, const char *format, ...)
{
    riacho_chain *chain = ctx->owner->chain;
    va_list args;
    va_start(args, format);
    vsnprintf(chain->error->text, sizeof chain->error->text, format, args);
    va_end(args);
    chain->blamed = NULL;
    return RIACHO_REJECT;
}

void riacho_forget(riacho_ctx *ctx)
{
    ctx->forget = true;
}

/* ---- forwarding ------------------------------------------------------------------------------ */

static riacho_status make_flow(riacho_ctx *ctx, const riacho_record *record, riacho_flow *ret_flow)
{
    riacho_chain *chain = ctx->owner->chain;
    if (ctx->may == RIACHO_MAY_NOT_FORWARD)
        return riacho_fail(chain->error, RIACHO_FATAL, "'%s' may not forward records here",
                           ctx->owner->ops->name);
    *ret_flow = (riacho_flow){.record = *record};
    if (ctx->may == RIACHO_IN_PUNCTUATOR && record->timestamp_ms == 0)
        ret_flow->record.timestamp_ms = ctx->punctuation_ms;
    if (ret_flow->record.timestamp_ms < 0)
        return riacho_fail(chain->error, RIACHO_REJECT, "a record cannot have the timestamp %lld",
                           (long long)ret_flow->record.timestamp_ms);
    return RIACHO_OK;
}

static riacho_status keep_first_failure(riacho_ctx *ctx, riacho_status status)
{
    if (ctx->failed == RIACHO_OK)
        ctx->failed = status;
    return status;
}

static riacho_status forward(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_flow flow;
    RIACHO_TRY(make_flow(ctx, record, &flow));
    return riacho_push_all(ctx->owner, &flow);
}

riacho_status riacho_forward(riacho_ctx *ctx, const riacho_record *record)
{
    return keep_first_failure(ctx, forward(ctx, record));
}

static bool answers_to(const riacho_child *child, const char *name)
{
    return (child->name && strcmp(child->name, name) == 0) ||
           strcmp(child->target->node->id, name) == 0;
}

static riacho_status forward_to(riacho_ctx *ctx, const char *name, const riacho_record *record)
{
    riacho_operator *self = ctx->owner;
    riacho_flow flow;
    RIACHO_TRY(make_flow(ctx, record, &flow));
    bool found = false;
    for (size_t i = 0; i < self->child_count; i++) {
        if (!answers_to(&self->children[i], name))
            continue;
        found = true;
        RIACHO_TRY(riacho_push(self->children[i].target, &flow));
    }
    if (!found)
        return riacho_fail(self->chain->error, RIACHO_FATAL,
                           "there is no '%s' to forward to: say it in `emits`", name);
    riacho_count(&self->counts.out);
    return RIACHO_OK;
}

riacho_status riacho_forward_to(riacho_ctx *ctx, const char *child, const riacho_record *record)
{
    return keep_first_failure(ctx, forward_to(ctx, child, record));
}
