/* SPDX-License-Identifier: MIT
 *
 * table.c - toTable and table sources: a stream's records become the last value of each key.
 *
 * A null key is dropped and counted, a null value deletes. The order of the records counts, not
 * their timestamps: an older record that comes later wins, and brings its timestamp along.
 */
#include "kept.h"

typedef struct table_operator {
    riacho_operator base;
    riacho_kept kept;
} table_operator;

static riacho_status table_init(riacho_operator *self, riacho_error *err)
{
    (void)err;
    riacho_kept_init(&((table_operator *)self)->kept, self);
    return RIACHO_OK;
}

static void table_done(riacho_operator *self)
{
    riacho_kept_done(&((table_operator *)self)->kept);
}

static riacho_status upsert(riacho_operator *self, const riacho_flow *flow)
{
    riacho_kept *kept = &((table_operator *)self)->kept;
    if (!flow->record.key)
        return riacho_drop(self);
    RIACHO_TRY(riacho_kept_choose(kept, flow->record.key));
    bool existed = true; /* only a delete is worth a look */
    if (!flow->record.value && kept->store->caching)
        RIACHO_TRY(riacho_kept_find(kept, &existed));
    return riacho_kept_write(kept, flow, existed);
}

static riacho_status table_flush(riacho_operator *self)
{
    return riacho_kept_flush(&((table_operator *)self)->kept);
}

const riacho_operator_ops riacho_table_ops = {
    .name = "toTable",
    .size = sizeof(table_operator),
    .init = table_init,
    .process = upsert,
    .flush = table_flush,
    .done = table_done,
};
