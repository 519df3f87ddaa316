/* SPDX-License-Identifier: MIT
 *
 * faults.c - the processors of the campaign's topology (../totals.yaml): duplicates are dropped,
 * totals folded, users ranked, and what is below zero is refused.
 */
#include "faults.h"

#include "riacho/processor.h"
#include "riacho/store.h"

static riacho_status once(riacho_ctx *ctx, const riacho_record *record)
{
    const struct event *event = record->value;
    riacho_ttl *seen = riacho_ttl_of(ctx, "seen");
    const void *before;

    if (!event)
        return riacho_reject(ctx, "an event needs a value");
    riacho_status status = riacho_ttl_get(seen, &event->id, &before);
    if (status != RIACHO_OK || before)
        return status;
    status = riacho_ttl_put(seen, &event->id, &event->amount, record->timestamp_ms);
    if (status != RIACHO_OK)
        return status;
    if (event->amount < 0) /* behind the put, which must go with it */
        return riacho_reject(ctx, "an amount cannot be %lld", (long long)event->amount);
    return riacho_forward(ctx, record);
}

static riacho_status total(riacho_ctx *ctx, const void *value, void *state)
{
    const struct event *event = value;
    struct total *sum = state;
    (void)ctx;
    sum->count++;
    sum->sum += event->amount;
    return RIACHO_OK;
}

static riacho_status score(riacho_ctx *ctx, const riacho_record *record)
{
    const struct event *event = record->value;
    const riacho_bytes board = riacho_text("all");
    return riacho_ranking_add(riacho_ranking_of(ctx, "board"), &board, &event->user, event->amount,
                              NULL);
}

static const riacho_function functions[] = {
    {.name = "once",
     .kind = RIACHO_FUNCTION_PROCESS,
     .value = &event_struct,
     .result = &event_struct,
     .each = once},
    {.name = "total",
     .kind = RIACHO_FUNCTION_AGGREGATE,
     .value = &event_struct,
     .state = &total_struct,
     .fold = total},
    {.name = "score",
     .kind = RIACHO_FUNCTION_PROCESS,
     .key = &riacho_string_struct,
     .value = &event_struct,
     .each = score},
};

const riacho_exports riacho_library = {
    .abi = RIACHO_ABI,
    .name = "faults",
    .version = "1",
    .functions = functions,
    .function_count = sizeof functions / sizeof *functions,
};
