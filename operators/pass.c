/* SPDX-License-Identifier: MIT
 *
 * pass.c - the operators that hand on what they get as it is: source, merge, toStream, and the one
 * that keeps null keys out of a repartition topic.
 */
#include "operator.h"

const riacho_operator_ops riacho_source_ops = {
    .name = "source",
    .size = sizeof(riacho_operator),
    .process = riacho_push_all,
};

const riacho_operator_ops riacho_pass_ops = {
    .name = "merge",
    .size = sizeof(riacho_operator),
    .process = riacho_push_all,
};

/* Silently, as Kafka Streams: a record without a key has no place among partitions by key. */
static riacho_status drop_null_key(riacho_operator *self, const riacho_flow *flow)
{
    return flow->record.key ? riacho_push_all(self, flow) : RIACHO_OK;
}

const riacho_operator_ops riacho_null_keys_ops = {
    .name = "nullKeys",
    .size = sizeof(riacho_operator),
    .process = drop_null_key,
};
