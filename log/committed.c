/* SPDX-License-Identifier: MIT
 *
 * committed.c - see committed.h. Layout: version (1 byte), number, count of positions, and for each
 * the size of its topic's name, the name, partition, next; all numbers as varints.
 */
#include "committed.h"

#include "varint.h"

enum { VERSION = 1 };

static void put_number(riacho_buffer *out, uint64_t value)
{
    uint8_t *at = riacho_buffer_reserve(out, VARINT_BYTES_MAX);
    out->size += (size_t)(varint_put(at, value) - at);
}

void riacho_committed_encode(const riacho_log_commit *commit, riacho_buffer *out)
{
    put_number(out, VERSION);
    put_number(out, commit->number);
    put_number(out, commit->position_count);
    for (size_t i = 0; i < commit->position_count; i++) {
        const riacho_bytes topic = riacho_text(commit->positions[i].topic);
        put_number(out, topic.size);
        riacho_buffer_append(out, topic.data, topic.size);
        put_number(out, (uint64_t)commit->positions[i].partition);
        put_number(out, (uint64_t)commit->positions[i].next);
    }
}

static const uint8_t *get_position(const uint8_t *at, const uint8_t *end, riacho_arena *arena,
                                   riacho_position *ret)
{
    uint64_t size, partition, next;
    at = varint_get(at, end, &size);
    if (!at || size > (uint64_t)(end - at))
        return NULL;
    ret->topic = riacho_copy(arena, (riacho_bytes){at, (size_t)size}).data;
    at = varint_get(at + size, end, &partition);
    at = at ? varint_get(at, end, &next) : NULL;
    if (!at)
        return NULL;
    ret->partition = (int32_t)partition;
    ret->next = (int64_t)next;
    return at;
}

riacho_status riacho_committed_decode(riacho_bytes bytes, riacho_arena *arena,
                                      riacho_log_commit *ret_commit, riacho_error *err)
{
    const uint8_t *at = bytes.data;
    const uint8_t *const end = at + bytes.size;
    uint64_t version = 0, number = 0, count = 0;
    at = varint_get(at, end, &version);
    at = at ? varint_get(at, end, &number) : NULL;
    at = at ? varint_get(at, end, &count) : NULL;
    if (!at || version != VERSION || count > (uint64_t)(end - at))
        return riacho_fail(err, RIACHO_REJECT, "a stored commit cannot be read");
    riacho_position *positions = riacho_alloc_zero(arena, (size_t)count, sizeof *positions);
    for (size_t i = 0; i < count; i++) {
        at = get_position(at, end, arena, &positions[i]);
        if (!at)
            return riacho_fail(err, RIACHO_REJECT, "a stored commit is cut short");
    }
    ret_commit->number = number;
    ret_commit->positions = positions;
    ret_commit->position_count = (size_t)count;
    return RIACHO_OK;
}
