/* SPDX-License-Identifier: MIT
 *
 * batch.c - see batch.h. One allocation for a batch, another one if its records have headers.
 */
#include "log/kafka/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct batch {
    riacho_log_batch batch;
    struct riacho_kafka_handle *handle;
    rd_kafka_message_t **messages;
    riacho_header *headers; /* of all records */
    riacho_log_record records[];
};

static size_t count_headers(rd_kafka_message_t *const *messages, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_headers_t *headers;
        if (!rd_kafka_message_headers(messages[i], &headers))
            total += rd_kafka_header_cnt(headers);
    }
    return total;
}

/* Borrowed from the message. */
static riacho_headers headers_of(const rd_kafka_message_t *message, riacho_header **next)
{
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers))
        return (riacho_headers){0};
    riacho_header *items = *next;
    size_t count = 0;
    const char *name;
    const void *value;
    size_t size;
    while (!rd_kafka_header_get_all(headers, count, &name, &value, &size))
        items[count++] = (riacho_header){riacho_text(name), {value, value ? size : 0}};
    *next += count;
    return (riacho_headers){items, count};
}

static riacho_log_record record_of(const rd_kafka_message_t *message)
{
    return (riacho_log_record){.offset = message->offset,
                               .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                               .key = {message->key, message->key ? message->key_len : 0},
                               .value = {message->payload, message->payload ? message->len : 0}};
}

riacho_log_batch *riacho_kafka_batch_new(struct riacho_kafka_handle *handle, uint32_t tag,
                                         int64_t next, rd_kafka_message_t *const *messages,
                                         size_t count)
{
    struct batch *batch = riacho_memory_get(
        sizeof *batch + count * (sizeof *batch->records + sizeof *batch->messages));
    batch->handle = riacho_kafka_handle_ref(handle);
    batch->messages = (rd_kafka_message_t **)(batch->records + count);
    if (count)
        memcpy(batch->messages, messages, count * sizeof *messages);
    const size_t header_count = count_headers(messages, count);
    batch->headers = header_count ? riacho_memory_get(header_count * sizeof *batch->headers) : NULL;
    riacho_header *headers = batch->headers;
    for (size_t i = 0; i < count; i++) {
        batch->records[i] = record_of(messages[i]);
        if (header_count)
            batch->records[i].headers = headers_of(messages[i], &headers);
    }
    batch->batch =
        (riacho_log_batch){.tag = tag, .next = next, .count = count, .records = batch->records};
    return &batch->batch;
}

void riacho_kafka_batch_free(riacho_log_batch *base)
{
    if (!base)
        return;
    struct batch *batch = (struct batch *)base;
    for (size_t i = 0; i < batch->batch.count; i++)
        rd_kafka_message_destroy(batch->messages[i]);
    riacho_kafka_handle_unref(batch->handle);
    free(batch->headers);
    free(batch);
}
