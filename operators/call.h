/* SPDX-License-Identifier: MIT
 *
 * call.h - calling a user's function: what its ctx says before, and which status counts after.
 *
 * A function must pass on the status of a forward. One that does not cannot hide it: the first
 * failure of a forward is the call's status when the function itself says OK.
 */
#pragma once

#include "operator.h"

static inline riacho_ctx *riacho_call_begin(riacho_operator *self, const riacho_record *record)
{
    riacho_ctx *ctx = &self->ctx;
    ctx->record = record;
    ctx->failed = RIACHO_OK;
    ctx->forget = false;
    return ctx;
}

static inline riacho_status riacho_call_end(riacho_operator *self, riacho_status status)
{
    self->ctx.record = NULL;
    self->ctx.may = RIACHO_MAY_NOT_FORWARD;
    return status == RIACHO_OK ? self->ctx.failed : status;
}

/* At init: the function is there, of that kind, and has what the kind needs. RIACHO_REJECT names
 * what is missing. */
RIACHO_CHECKED riacho_status riacho_call_check(const riacho_operator *self,
                                               riacho_function_kind kind, riacho_error *err);
