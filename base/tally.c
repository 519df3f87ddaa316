/* SPDX-License-Identifier: MIT
 *
 * tally.c - see tally.h. Many tallies are folded by halves, so a long row of short changes costs
 * its bytes times the logarithm of their number.
 */
#include "tally.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "macros.h"
#include "memory.h"

enum { VARINT_BYTES_MAX = 10, HEAD_BYTES_MAX = 3 * VARINT_BYTES_MAX };

/* ---- reading ---- */

void riacho_tally_read(riacho_tally_reader *reader, riacho_bytes tally)
{
    static const uint8_t none[] = {RIACHO_TALLY_TAG};
    const uint8_t *bytes = tally.data ? tally.data : none;
    const size_t size = tally.data ? tally.size : sizeof none;
    const bool is_tally = size && bytes[0] == RIACHO_TALLY_TAG;
    reader->at = is_tally ? bytes + 1 : NULL;
    reader->end = is_tally ? bytes + size : NULL;
    reader->name = reader->few;
    reader->name_size = 0;
    reader->capacity = sizeof reader->few;
}

static bool read_number(riacho_tally_reader *reader, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        const uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

static void make_room(riacho_tally_reader *reader, size_t size, size_t kept)
{
    if (size <= reader->capacity)
        return;
    uint8_t *larger = riacho_memory_get(size * 2);
    memcpy(larger, reader->name, kept);
    if (reader->name != reader->few)
        free(reader->name);
    reader->name = larger;
    reader->capacity = size * 2;
}

static bool read_entry(riacho_tally_reader *reader, riacho_tally_entry *ret_entry)
{
    uint64_t shared, head, number;
    if (!read_number(reader, &shared) || !read_number(reader, &head) ||
        shared > reader->name_size || (head >> 1) > (uint64_t)(reader->end - reader->at))
        return false;
    const size_t others = (size_t)(head >> 1);
    make_room(reader, (size_t)shared + others, (size_t)shared);
    memcpy(reader->name + shared, reader->at, others);
    reader->at += others;
    if (!read_number(reader, &number))
        return false;
    *ret_entry = (riacho_tally_entry){
        .name = {reader->name, (size_t)shared + others},
        .number = (int64_t)(number >> 1 ^ (0 - (number & 1))),
        .verb = head & 1 ? RIACHO_TALLY_SET : RIACHO_TALLY_ADD,
    };
    return true;
}

bool riacho_tally_next(riacho_tally_reader *reader, riacho_tally_entry *ret_entry)
{
    if (reader->at == reader->end)
        return false;
    if (read_entry(reader, ret_entry)) {
        reader->name_size = ret_entry->name.size;
        return true;
    }
    reader->at = reader->end = NULL;
    return false;
}

bool riacho_tally_read_done(riacho_tally_reader *reader)
{
    if (reader->name != reader->few)
        free(reader->name);
    reader->name = NULL;
    return reader->end != NULL;
}

/* ---- writing ---- */

void riacho_tally_write(riacho_tally_writer *writer, riacho_buffer *out)
{
    static const uint8_t tag = RIACHO_TALLY_TAG;
    *writer = (riacho_tally_writer){.out = out};
    riacho_buffer_reset(out);
    riacho_buffer_append(out, &tag, 1);
}

static size_t write_number(uint8_t *at, uint64_t number)
{
    size_t used = 0;
    for (; number >= 0x80; number >>= 7)
        at[used++] = (uint8_t)(number | 0x80);
    at[used++] = (uint8_t)number;
    return used;
}

static size_t count_shared(riacho_bytes a, riacho_bytes b)
{
    const uint8_t *left = a.data, *right = b.data;
    const size_t least = a.size < b.size ? a.size : b.size;
    size_t shared = 0;
    while (shared < least && left[shared] == right[shared])
        shared++;
    return shared;
}

void riacho_tally_put(riacho_tally_writer *writer, const riacho_tally_entry *entry)
{
    const riacho_bytes name = entry->name;
    const size_t shared = count_shared(riacho_buffer_bytes(&writer->last), name);
    const size_t others = name.size - shared;
    const uint8_t *rest = (const uint8_t *)name.data + shared;
    const uint64_t sign = entry->number < 0 ? UINT64_MAX : 0;
    uint8_t *at = riacho_buffer_reserve(writer->out, HEAD_BYTES_MAX + others);
    size_t used = write_number(at, shared);
    used += write_number(at + used, (uint64_t)others << 1 | (unsigned)entry->verb);
    memcpy(at + used, rest, others);
    used += others;
    used += write_number(at + used, (uint64_t)entry->number << 1 ^ sign);
    writer->out->size += used;
    writer->last.size = shared;
    riacho_buffer_append(&writer->last, rest, others);
    writer->count++;
}

void riacho_tally_write_done(riacho_tally_writer *writer)
{
    riacho_buffer_done(&writer->last);
}

/* ---- folding ---- */

/* The older number is in `entry`; the newer one comes over it. */
static void change(riacho_tally_entry *entry, const riacho_tally_entry *newer)
{
    if (newer->verb == RIACHO_TALLY_SET) {
        entry->number = newer->number;
        entry->verb = RIACHO_TALLY_SET;
    } else {
        entry->number = (int64_t)((uint64_t)entry->number + (uint64_t)newer->number);
    }
}

static bool fold_two(riacho_bytes older, riacho_bytes newer, riacho_buffer *out)
{
    riacho_tally_reader left, right;
    riacho_tally_writer writer;
    riacho_tally_entry old, new;
    riacho_tally_read(&left, older);
    riacho_tally_read(&right, newer);
    riacho_tally_write(&writer, out);
    bool is_left = riacho_tally_next(&left, &old), is_right = riacho_tally_next(&right, &new);
    while (is_left || is_right) {
        const int order = !is_right ? -1 : !is_left ? 1 : riacho_bytes_compare(old.name, new.name);
        if (order == 0)
            change(&old, &new);
        riacho_tally_put(&writer, order > 0 ? &new : &old);
        if (order <= 0)
            is_left = riacho_tally_next(&left, &old);
        if (order >= 0)
            is_right = riacho_tally_next(&right, &new);
    }
    riacho_tally_write_done(&writer);
    const bool is_older = riacho_tally_read_done(&left), is_newer = riacho_tally_read_done(&right);
    return is_older && is_newer;
}

bool riacho_tally_fold(const riacho_bytes *tallies, size_t count, riacho_buffer *out)
{
    static const riacho_bytes none = {NULL, 0};
    if (count <= 2)
        return fold_two(count ? tallies[0] : none, count > 1 ? tallies[1] : none, out);
    RIACHO_AUTO(buffer) riacho_buffer older = {0};
    RIACHO_AUTO(buffer) riacho_buffer newer = {0};
    return riacho_tally_fold(tallies, count / 2, &older) &&
           riacho_tally_fold(tallies + count / 2, count - count / 2, &newer) &&
           fold_two(riacho_buffer_bytes(&older), riacho_buffer_bytes(&newer), out);
}
