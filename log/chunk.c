/* SPDX-License-Identifier: MIT
 *
 * chunk.c - the bytes of a chunk (see chunk.h).
 *
 *   0  u32  CRC-32C of everything behind it
 *   4  u8   version, 1
 *   5  u8   flags: 1 = the records are one LZ4 block
 *   6  u16  zero
 *   8  i64  base, last, min_ms, max_ms, cleaned_ms
 *  48  u32  count, header_count, tombstones, raw_bytes
 *  64       records
 *
 * A record: offset - (offset before + 1), the first one's against base; timestamp - timestamp
 * before, zigzag, the first one's against 0; key; value; number of headers; name and value of each.
 * Numbers are varints; a run of bytes is its size + 1 and the bytes, and 0 when it is absent.
 */
#include "chunk.h"

#include <assert.h>
#include <lz4.h>

#include "base/hash.h"
#include "base/macros.h"
#include "varint.h"

enum {
    VERSION = 1,
    FLAG_LZ4 = 1,
    AT_VERSION = 4,
    AT_FLAGS = 5,
    AT_ZERO = 6,
    AT_FIELDS = 8,
    FIELD_BYTES = CHUNK_HEAD_BYTES - AT_FIELDS,
    COMPRESS_BYTES_MIN = 256, /* below, LZ4 costs more than it saves */
    RECORD_BYTES_MIN = 5,     /* five numbers of one byte */
    HEADER_BYTES_MIN = 2,
    RAW_BYTES_MAX = 1 << 30,
};

void riacho_chunk_writer_done(struct chunk_writer *writer)
{
    riacho_buffer_done(&writer->raw);
    *writer = (struct chunk_writer){0};
}

void riacho_chunk_writer_reset(struct chunk_writer *writer)
{
    riacho_buffer_reset(&writer->raw);
    writer->head = (struct chunk_head){0};
    writer->last_ms = 0;
}

static uint8_t *put_bytes(uint8_t *at, riacho_bytes bytes)
{
    if (!bytes.data)
        return varint_put(at, 0);
    at = varint_put(at, bytes.size + 1);
    memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static size_t encoded_bytes_max(const riacho_log_record *record)
{
    size_t bytes = 5 * VARINT_BYTES_MAX + record->key.size + record->value.size;
    for (size_t i = 0; i < record->headers.count; i++)
        bytes += 2 * VARINT_BYTES_MAX + record->headers.items[i].name.size +
                 record->headers.items[i].value.size;
    return bytes;
}

static void count_record(struct chunk_head *head, const riacho_log_record *record)
{
    const int64_t ms = record->timestamp_ms;
    if (!head->count) {
        head->base = record->offset;
        head->min_ms = ms;
        head->max_ms = ms;
    }
    head->last = record->offset;
    head->min_ms = ms < head->min_ms ? ms : head->min_ms;
    head->max_ms = ms > head->max_ms ? ms : head->max_ms;
    head->count++;
    head->header_count += (uint32_t)record->headers.count;
    head->tombstones += !record->value.data;
}

void riacho_chunk_add(struct chunk_writer *writer, const riacho_log_record *record)
{
    assert(!writer->head.count || record->offset > writer->head.last);
    const int64_t expected = writer->head.count ? writer->head.last + 1 : record->offset;
    uint8_t *const start = riacho_buffer_reserve(&writer->raw, encoded_bytes_max(record));
    uint8_t *at = varint_put(start, (uint64_t)(record->offset - expected));
    at = varint_put(at,
                    zigzag((int64_t)((uint64_t)record->timestamp_ms - (uint64_t)writer->last_ms)));
    at = put_bytes(at, record->key);
    at = put_bytes(at, record->value);
    at = varint_put(at, record->headers.count);
    for (size_t i = 0; i < record->headers.count; i++) {
        at = put_bytes(at, record->headers.items[i].name);
        at = put_bytes(at, record->headers.items[i].value);
    }
    writer->raw.size += (size_t)(at - start);
    writer->last_ms = record->timestamp_ms;
    count_record(&writer->head, record);
}

/* The compressed records behind the head, when they are smaller by an eighth at least. */
static bool compress(const riacho_buffer *raw, riacho_buffer *out)
{
    if (raw->size < COMPRESS_BYTES_MIN)
        return false;
    const size_t room = raw->size - raw->size / 8;
    uint8_t *at = riacho_buffer_reserve(out, CHUNK_HEAD_BYTES + room) + CHUNK_HEAD_BYTES;
    const int size =
        LZ4_compress_default((const char *)raw->data, (char *)at, (int)raw->size, (int)room);
    if (size <= 0)
        return false;
    out->size += CHUNK_HEAD_BYTES + (size_t)size;
    return true;
}

/* Base to raw_bytes: the part that chunk and index entry share. */
static void put_fields(const struct chunk_head *head, uint8_t *at)
{
    const int64_t wide[] = {head->base, head->last, head->min_ms, head->max_ms, head->cleaned_ms};
    const uint32_t narrow[] = {head->count, head->header_count, head->tombstones, head->raw_bytes};
    memcpy(at, wide, sizeof wide);
    memcpy(at + sizeof wide, narrow, sizeof narrow);
}

static void get_fields(const uint8_t *at, struct chunk_head *head)
{
    int64_t wide[5];
    uint32_t narrow[4];
    memcpy(wide, at, sizeof wide);
    memcpy(narrow, at + sizeof wide, sizeof narrow);
    head->base = wide[0];
    head->last = wide[1];
    head->min_ms = wide[2];
    head->max_ms = wide[3];
    head->cleaned_ms = wide[4];
    head->count = narrow[0];
    head->header_count = narrow[1];
    head->tombstones = narrow[2];
    head->raw_bytes = narrow[3];
}

void riacho_chunk_finish(struct chunk_writer *writer, riacho_buffer *out)
{
    assert(writer->head.count && writer->raw.size <= RAW_BYTES_MAX);
    const size_t start = out->size;
    struct chunk_head *head = &writer->head;
    head->raw_bytes = (uint32_t)writer->raw.size;
    head->compressed = compress(&writer->raw, out);
    if (!head->compressed) {
        riacho_buffer_reserve(out, CHUNK_HEAD_BYTES + writer->raw.size);
        out->size += CHUNK_HEAD_BYTES;
        riacho_buffer_append(out, writer->raw.data, writer->raw.size);
    }
    head->stored_bytes = (uint32_t)(out->size - start);
    uint8_t *at = out->data + start;
    memset(at, 0, AT_FIELDS);
    at[AT_VERSION] = VERSION;
    at[AT_FLAGS] = head->compressed ? FLAG_LZ4 : 0;
    put_fields(head, at + AT_FIELDS);
    const uint32_t crc =
        riacho_crc32c((riacho_bytes){at + AT_VERSION, head->stored_bytes - AT_VERSION});
    memcpy(at, &crc, sizeof crc);
}

/* Numbers that no writer makes, and that a reader would trust for its memory. */
static bool plausible(const struct chunk_head *head)
{
    const uint64_t least =
        (uint64_t)head->count * RECORD_BYTES_MIN + (uint64_t)head->header_count * HEADER_BYTES_MIN;
    return head->count && head->base >= 0 && head->last >= head->base &&
           head->raw_bytes <= RAW_BYTES_MAX && least <= head->raw_bytes;
}

riacho_status riacho_chunk_open(riacho_bytes stored, struct chunk_head *ret_head, riacho_error *err)
{
    const uint8_t *at = stored.data;
    uint32_t crc;
    if (stored.size < CHUNK_HEAD_BYTES)
        return riacho_fail(err, RIACHO_REJECT, "a chunk of %zu bytes is cut short", stored.size);
    memcpy(&crc, at, sizeof crc);
    if (crc != riacho_crc32c((riacho_bytes){at + AT_VERSION, stored.size - AT_VERSION}))
        return riacho_fail(err, RIACHO_REJECT, "a chunk's checksum does not match");
    if (at[AT_VERSION] != VERSION || (at[AT_FLAGS] & ~FLAG_LZ4) || at[AT_ZERO] || at[AT_ZERO + 1])
        return riacho_fail(err, RIACHO_REJECT,
                           "a chunk has version %d; this program reads version %d", at[AT_VERSION],
                           VERSION);
    struct chunk_head head = {.compressed = at[AT_FLAGS] & FLAG_LZ4,
                              .stored_bytes = (uint32_t)stored.size};
    get_fields(at + AT_FIELDS, &head);
    if (!plausible(&head) || (!head.compressed && head.raw_bytes != stored.size - CHUNK_HEAD_BYTES))
        return riacho_fail(err, RIACHO_REJECT, "a chunk's head makes no sense");
    *ret_head = head;
    return RIACHO_OK;
}

static riacho_status unpack(riacho_bytes stored, const struct chunk_head *head, uint8_t *raw,
                            riacho_error *err)
{
    const char *records = (const char *)stored.data + CHUNK_HEAD_BYTES;
    const size_t size = stored.size - CHUNK_HEAD_BYTES;
    if (!head->compressed) {
        memcpy(raw, records, size);
        return RIACHO_OK;
    }
    if (LZ4_decompress_safe(records, (char *)raw, (int)size, (int)head->raw_bytes) !=
        (int)head->raw_bytes)
        return riacho_fail(err, RIACHO_REJECT, "a chunk cannot be decompressed");
    return RIACHO_OK;
}

static const uint8_t *get_bytes(const uint8_t *at, const uint8_t *end, riacho_bytes *ret)
{
    uint64_t size;
    at = varint_get(at, end, &size);
    if (!at || size > (uint64_t)(end - at) + 1)
        return NULL;
    if (!size) {
        *ret = (riacho_bytes){0};
        return at;
    }
    *ret = (riacho_bytes){at, (size_t)size - 1};
    return at + size - 1;
}

static const uint8_t *get_headers(const uint8_t *at, const uint8_t *end, riacho_header *headers,
                                  size_t room, riacho_headers *ret)
{
    uint64_t count;
    at = varint_get(at, end, &count);
    if (!at || count > room)
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        at = get_bytes(at, end, &headers[i].name);
        at = at ? get_bytes(at, end, &headers[i].value) : NULL;
        if (!at)
            return NULL;
    }
    *ret = (riacho_headers){headers, (size_t)count};
    return at;
}

riacho_status riacho_chunk_decode(riacho_bytes stored, const struct chunk_head *head, uint8_t *raw,
                                  riacho_log_record *records, riacho_header *headers,
                                  riacho_error *err)
{
    RIACHO_TRY(unpack(stored, head, raw, err));
    const uint8_t *at = raw;
    const uint8_t *const end = raw + head->raw_bytes;
    uint64_t offset = (uint64_t)head->base;
    uint64_t ms = 0;
    size_t header_room = head->header_count;
    for (uint32_t i = 0; i < head->count && at; i++) {
        uint64_t gap = 0, step = 0;
        at = varint_get(at, end, &gap);
        at = at ? varint_get(at, end, &step) : NULL;
        at = at ? get_bytes(at, end, &records[i].key) : NULL;
        at = at ? get_bytes(at, end, &records[i].value) : NULL;
        at = at ? get_headers(at, end, headers, header_room, &records[i].headers) : NULL;
        if (!at)
            break;
        offset += gap;
        ms += (uint64_t)unzigzag(step);
        records[i].offset = (int64_t)offset++;
        records[i].timestamp_ms = (int64_t)ms;
        headers += records[i].headers.count;
        header_room -= records[i].headers.count;
    }
    if (at != end || offset != (uint64_t)head->last + 1)
        return riacho_fail(err, RIACHO_REJECT, "a chunk's records do not add up");
    return RIACHO_OK;
}

void riacho_chunk_entry_put(const struct chunk_head *head, uint8_t entry[CHUNK_ENTRY_BYTES])
{
    put_fields(head, entry);
    memcpy(entry + FIELD_BYTES, &head->stored_bytes, sizeof head->stored_bytes);
}

riacho_status riacho_chunk_entry_get(riacho_bytes entry, struct chunk_head *ret_head,
                                     riacho_error *err)
{
    struct chunk_head head = {0};
    if (entry.size != CHUNK_ENTRY_BYTES)
        return riacho_fail(err, RIACHO_REJECT, "an index entry of %zu bytes", entry.size);
    get_fields(entry.data, &head);
    memcpy(&head.stored_bytes, (const uint8_t *)entry.data + FIELD_BYTES, sizeof head.stored_bytes);
    if (!plausible(&head))
        return riacho_fail(err, RIACHO_REJECT, "an index entry makes no sense");
    *ret_head = head;
    return RIACHO_OK;
}
