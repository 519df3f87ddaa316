/* SPDX-License-Identifier: MIT
 *
 * input.c - see input.h.
 *
 * Invariants
 *   1 The records of `first`, from its cursor on, and of the batches behind it are the buffered
 *     ones; no batch in the queue is used up.
 *   2 `position` is the offset of the first buffered record, or less; with nothing buffered it is
 *     `fetched`: an offset that the log no longer holds is passed, not waited for.
 */
#include "input.h"

#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"

struct riacho_input_batch {
    riacho_input_batch *next;
    riacho_log_batch *batch;
    size_t cursor;
};

void riacho_input_init(riacho_input *input, const riacho_input_source *source,
                       const riacho_log_ops *log)
{
    *input = (riacho_input){
        .source = *source,
        .log = log,
        .told_end = -1,
        .until = INT64_MAX,
        .partition_time_ms = INT64_MIN,
        .arena = riacho_arena_new(),
    };
}

static void drop_first_batch(riacho_input *input)
{
    riacho_input_batch *first = input->first;
    input->first = first->next;
    if (!input->first)
        input->last = NULL;
    input->log->batch_free(first->batch);
    free(first);
}

void riacho_input_done(riacho_input *input)
{
    while (input->first)
        drop_first_batch(input);
    riacho_arena_free(input->arena);
    *input = (riacho_input){0};
}

void riacho_input_seek(riacho_input *input, int64_t next)
{
    assert(!input->first);
    input->position = next;
    input->fetched = next;
}

void riacho_input_push(riacho_input *input, riacho_log_batch *batch)
{
    if (batch->next > input->fetched)
        input->fetched = batch->next;
    if (!batch->count) {
        input->log->batch_free(batch);
        if (!input->first)
            input->position = input->fetched;
        return;
    }
    riacho_input_batch *pushed = riacho_memory_get(sizeof *pushed);
    *pushed = (riacho_input_batch){.batch = batch};
    if (input->last)
        input->last->next = pushed;
    else
        input->first = pushed;
    input->last = pushed;
    input->buffered += batch->count;
}

const riacho_log_record *riacho_input_raw(const riacho_input *input)
{
    assert(input->first);
    return &input->first->batch->records[input->first->cursor];
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* Absent bytes are a null key or value, whatever the type. */
static riacho_status decode(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                            const void **ret_value, const char *what, riacho_error *err)
{
    *ret_value = NULL;
    if (!bytes.data || codec->type->kind == RIACHO_NULL)
        return RIACHO_OK;
    void *value = riacho_alloc(arena, codec->type->size);
    riacho_error cause = {.text = ""};
    const riacho_status status = riacho_decode(codec, bytes, arena, value, &cause);
    if (status == RIACHO_RETRY)
        return riacho_fail(err, status, "the %s cannot be decoded yet: %.450s", what, cause.text);
    if (status != RIACHO_OK)
        return riacho_fail(err, status, "the %s is not %s: %.400s", what, codec->name, cause.text);
    *ret_value = value;
    return RIACHO_OK;
}

struct header_lookup {
    riacho_expr_lookup lookup;
    riacho_headers headers;
};

/* The last of that name, as Kafka's clients say. */
static riacho_bytes find_header(const riacho_expr_lookup *lookup, riacho_bytes name)
{
    const riacho_headers headers = ((const struct header_lookup *)lookup)->headers;
    for (size_t i = headers.count; i-- > 0;) {
        if (riacho_bytes_equal(headers.items[i].name, name))
            return headers.items[i].value;
    }
    return (riacho_bytes){NULL, 0};
}

static riacho_status extract_timestamp(riacho_input *input, riacho_error *err)
{
    riacho_record *record = &input->record;
    const struct header_lookup headers = {{find_header}, record->headers};
    const void *values[RIACHO_SCOPE_COUNT] = {
        [RIACHO_SCOPE_KEY] = record->key,
        [RIACHO_SCOPE_VALUE] = record->value,
        [RIACHO_SCOPE_TIMESTAMP] = &record->timestamp_ms,
        [RIACHO_SCOPE_HEADERS] = &headers,
    };
    int64_t timestamp_ms = 0;
    bool null = false;
    RIACHO_TRY(
        riacho_expr_eval(input->source.timestamp, values, input->arena, &timestamp_ms, &null, err));
    if (null)
        return riacho_fail(err, RIACHO_REJECT, "the timestamp expression gives null");
    record->timestamp_ms = timestamp_ms;
    return RIACHO_OK;
}

static riacho_status take_timestamp(riacho_input *input, riacho_error *err)
{
    const riacho_record *record = &input->record;
    if (input->source.timestamp)
        RIACHO_TRY(extract_timestamp(input, err));
    if (record->timestamp_ms < 0)
        return riacho_fail(err, RIACHO_REJECT, "the timestamp %lld is negative",
                           (long long)record->timestamp_ms);
    return RIACHO_OK;
}

static riacho_status decode_head(riacho_input *input, riacho_error *err)
{
    const riacho_log_record *raw = riacho_input_raw(input);
    input->record = (riacho_record){.timestamp_ms = raw->timestamp_ms, .headers = raw->headers};
    RIACHO_TRY(decode(input->source.key, raw->key, input->arena, &input->record.key, "key", err));
    RIACHO_TRY(
        decode(input->source.value, raw->value, input->arena, &input->record.value, "value", err));
    return take_timestamp(input, err);
}

void riacho_input_again(riacho_input *input)
{
    riacho_arena_reset(input->arena);
    input->head_status = decode_head(input, &input->head_error);
    if (input->head_status != RIACHO_OK) {
        input->head = RIACHO_HEAD_REFUSED;
        input->record.timestamp_ms = riacho_input_raw(input)->timestamp_ms;
        return;
    }
    input->head = RIACHO_HEAD_READY;
    if (input->record.timestamp_ms > input->partition_time_ms)
        input->partition_time_ms = input->record.timestamp_ms;
}

void riacho_input_peek(riacho_input *input)
{
    if (input->head != RIACHO_HEAD_NONE || !input->first)
        return;
    const int64_t offset = riacho_input_raw(input)->offset;
    if (offset >= input->until) {
        input->position = offset;
        return;
    }
    riacho_input_again(input);
}

void riacho_input_drop(riacho_input *input)
{
    const int64_t offset = riacho_input_raw(input)->offset;
    input->head = RIACHO_HEAD_NONE;
    input->buffered--;
    if (++input->first->cursor == input->first->batch->count)
        drop_first_batch(input);
    input->caught_up = !input->first && input->fetched == input->told_end;
    input->position = input->first ? offset + 1 : input->fetched;
}
