/* SPDX-License-Identifier: MIT
 *
 * message.c - see message.h.
 *
 * A time of 0 is "now" to librdkafka, which would make a replay differ from the first time; such a
 * record is sent with 1, a millisecond after the epoch.
 */
#include "log/kafka/message.h"

#include <string.h>

static rd_kafka_headers_t *headers_of(riacho_headers headers)
{
    rd_kafka_headers_t *copy = rd_kafka_headers_new(headers.count);
    for (size_t i = 0; i < headers.count; i++)
        (void)rd_kafka_header_add(copy, headers.items[i].name.data,
                                  (ssize_t)headers.items[i].name.size, headers.items[i].value.data,
                                  (ssize_t)headers.items[i].value.size);
    return copy;
}

rd_kafka_error_t *riacho_kafka_produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition,
                                       const riacho_log_record *record, void *opaque)
{
    rd_kafka_headers_t *headers = record->headers.count ? headers_of(record->headers) : NULL;
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
         .u.i64 = record->timestamp_ms ? record->timestamp_ms : 1},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)(uintptr_t)record->key.data, .size = record->key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)(uintptr_t)record->value.data, .size = record->value.size}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t count = sizeof parts / sizeof *parts - (headers ? 0 : 1);
    rd_kafka_error_t *error = rd_kafka_produceva(rk, parts, count);
    if (error && headers)
        rd_kafka_headers_destroy(headers);
    return error;
}
