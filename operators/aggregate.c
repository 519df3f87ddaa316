/* SPDX-License-Identifier: MIT
 *
 * aggregate.c - the frame of count, sum, min, max, reduce and aggregate: read the key's state, fold
 * the record into it, write it back, tell those below.
 *
 * A null key or a null value is dropped and counted. The result has the greater timestamp of record
 * and state, and the headers of the record that triggered it. A fold that fails leaves the stored
 * state as it was, because it only ever sees a copy.
 */
#include "aggregate.h"

#include "chain.h"

static riacho_status aggregate_init(riacho_operator *self, riacho_error *err)
{
    riacho_aggregation *aggregation = (riacho_aggregation *)self;
    riacho_kept_init(&aggregation->kept, self);
    aggregation->folds = riacho_fold_ops_of(self->node);
    if (!aggregation->folds)
        return riacho_fail(err, RIACHO_REJECT, "there is no aggregate number %d",
                           (int)self->node->aggregate);
    return aggregation->folds->init(aggregation, err);
}

static void aggregate_done(riacho_operator *self)
{
    riacho_kept_done(&((riacho_aggregation *)self)->kept);
}

static riacho_status aggregate(riacho_operator *self, const riacho_flow *flow)
{
    riacho_aggregation *aggregation = (riacho_aggregation *)self;
    if (!flow->record.key || !flow->record.value)
        return riacho_drop(self);
    riacho_fold fold = {.record = &flow->record};
    int64_t stored_ms = 0;
    RIACHO_TRY(riacho_kept_choose(&aggregation->kept, flow->record.key));
    RIACHO_TRY(riacho_kept_read(&aggregation->kept, &fold.found, &stored_ms));
    RIACHO_TRY(aggregation->folds->fold(aggregation, &fold));
    if (fold.skip)
        return riacho_drop(self);
    riacho_flow change = {.record = flow->record};
    change.record.value = fold.state;
    if (fold.found && stored_ms > change.record.timestamp_ms)
        change.record.timestamp_ms = stored_ms;
    return riacho_kept_write(&aggregation->kept, &change, fold.found);
}

static riacho_status aggregate_flush(riacho_operator *self)
{
    return riacho_kept_flush(&((riacho_aggregation *)self)->kept);
}

const riacho_operator_ops riacho_aggregate_ops = {
    .name = "aggregate",
    .size = sizeof(riacho_aggregation),
    .init = aggregate_init,
    .process = aggregate,
    .flush = aggregate_flush,
    .done = aggregate_done,
};
