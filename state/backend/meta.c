/* SPDX-License-Identifier: MIT
 *
 * meta.c - see meta.h. Pure; any thread.
 */
#include "meta.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"

enum { VERSION = 1, POSITION_BYTES_MIN = 2 + 4 + 8 };

static void put_number(riacho_buffer *out, uint64_t number, size_t bytes)
{
    uint8_t *at = riacho_buffer_reserve(out, bytes);
    for (size_t i = bytes; i-- > 0; number >>= 8)
        at[i] = (uint8_t)number;
    out->size += bytes;
}

void riacho_meta_encode(const riacho_commit_meta *meta, riacho_buffer *out)
{
    put_number(out, VERSION, 1);
    put_number(out, meta->number, 8);
    put_number(out, (uint64_t)meta->stream_time_ms, 8);
    put_number(out, meta->position_count, 4);
    for (size_t i = 0; i < meta->position_count; i++) {
        const riacho_position *position = &meta->positions[i];
        const riacho_bytes topic = riacho_text(position->topic);
        assert(topic.size <= RIACHO_TOPIC_NAME_BYTES_MAX);
        put_number(out, topic.size, 2);
        riacho_buffer_append(out, topic.data, topic.size);
        put_number(out, (uint32_t)position->partition, 4);
        put_number(out, (uint64_t)position->next, 8);
    }
    assert(meta->progress.size <= UINT32_MAX);
    put_number(out, meta->progress.size, 4);
    riacho_buffer_append(out, meta->progress.data, meta->progress.size);
}

/* What is left to read; once `is_short`, every number is 0. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool is_short;
};

static riacho_bytes take_bytes(struct reader *reader, size_t size)
{
    if (size > reader->left) {
        reader->is_short = true;
        return (riacho_bytes){"", 0};
    }
    const riacho_bytes bytes = {reader->at, size};
    reader->at += size;
    reader->left -= size;
    return bytes;
}

static uint64_t take_number(struct reader *reader, size_t size)
{
    const riacho_bytes bytes = take_bytes(reader, size);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.size; i++)
        number = number << 8 | ((const uint8_t *)bytes.data)[i];
    return number;
}

static void take_positions(struct reader *reader, riacho_arena *arena, riacho_commit_meta *meta)
{
    const size_t count = take_number(reader, 4);
    if (count > reader->left / POSITION_BYTES_MIN) {
        reader->is_short = true;
        return;
    }
    riacho_position *positions = riacho_alloc_zero(arena, count, sizeof *positions);
    for (size_t i = 0; i < count; i++) {
        const size_t topic_size = take_number(reader, 2);
        positions[i].topic = riacho_copy(arena, take_bytes(reader, topic_size)).data;
        positions[i].partition = (int32_t)take_number(reader, 4);
        positions[i].next = (int64_t)take_number(reader, 8);
    }
    meta->positions = positions;
    meta->position_count = count;
}

riacho_status riacho_meta_decode(riacho_bytes bytes, riacho_arena *arena,
                                 riacho_commit_meta *ret_meta, riacho_error *err)
{
    struct reader reader = {bytes.data, bytes.size, false};
    riacho_commit_meta meta = {0};
    const uint64_t version = take_number(&reader, 1);
    if (version != VERSION)
        return riacho_fail(err, RIACHO_REJECT, "the commit meta has version %d, not %d",
                           (int)version, VERSION);
    meta.number = take_number(&reader, 8);
    meta.stream_time_ms = (int64_t)take_number(&reader, 8);
    take_positions(&reader, arena, &meta);
    const size_t progress_size = take_number(&reader, 4);
    meta.progress = riacho_copy(arena, take_bytes(&reader, progress_size));
    if (reader.is_short || reader.left)
        return riacho_fail(err, RIACHO_REJECT, "the commit meta is not whole (%zu bytes)",
                           bytes.size);
    *ret_meta = meta;
    return RIACHO_OK;
}
