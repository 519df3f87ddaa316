/* SPDX-License-Identifier: MIT
 *
 * outbox.c - see outbox.h. Layout: version (1 byte), count of names (4), the names; then for each
 * output its topic (4), partition (4), timestamp (8), count of headers (2), key, value, and each
 * header's name and value (wire.h).
 */
#include "outbox.h"

#include "base/macros.h"
#include "wire.h"

enum { VERSION = 1, HEADER_BYTES_MIN = 8, BYTES_KEPT = 64 * 1024 };

void riacho_outbox_init(riacho_outbox *outbox, const char *const *names, size_t name_count)
{
    *outbox = (riacho_outbox){0};
    riacho_wire_put(&outbox->bytes, VERSION, 1);
    riacho_wire_put(&outbox->bytes, name_count, 4);
    for (size_t i = 0; i < name_count; i++)
        riacho_wire_put_bytes(&outbox->bytes, riacho_text(names[i]));
    outbox->head_bytes = outbox->bytes.size;
}

void riacho_outbox_done(riacho_outbox *outbox)
{
    riacho_buffer_done(&outbox->bytes);
    *outbox = (riacho_outbox){0};
}

void riacho_outbox_add(riacho_outbox *outbox, uint32_t topic, int32_t partition,
                       const riacho_log_record *record)
{
    riacho_buffer *out = &outbox->bytes;
    riacho_wire_put(out, topic, 4);
    riacho_wire_put(out, (uint32_t)partition, 4);
    riacho_wire_put(out, (uint64_t)record->timestamp_ms, 8);
    riacho_wire_put(out, record->headers.count, 2);
    riacho_wire_put_bytes(out, record->key);
    riacho_wire_put_bytes(out, record->value);
    for (size_t i = 0; i < record->headers.count; i++) {
        riacho_wire_put_bytes(out, record->headers.items[i].name);
        riacho_wire_put_bytes(out, record->headers.items[i].value);
    }
    outbox->count++;
}

riacho_outbox_mark riacho_outbox_position(const riacho_outbox *outbox)
{
    return (riacho_outbox_mark){outbox->bytes.size, outbox->count};
}

void riacho_outbox_undo(riacho_outbox *outbox, riacho_outbox_mark mark)
{
    outbox->bytes.size = mark.bytes;
    outbox->count = mark.count;
}

void riacho_outbox_reset(riacho_outbox *outbox)
{
    if (outbox->bytes.capacity > BYTES_KEPT) {
        riacho_buffer head = {0};
        riacho_buffer_append(&head, outbox->bytes.data, outbox->head_bytes);
        riacho_buffer_done(&outbox->bytes);
        outbox->bytes = head;
    }
    riacho_outbox_undo(outbox, (riacho_outbox_mark){outbox->head_bytes, 0});
}

riacho_bytes riacho_outbox_bytes(const riacho_outbox *outbox)
{
    if (!outbox->count)
        return (riacho_bytes){NULL, 0};
    return riacho_buffer_bytes(&outbox->bytes);
}

/* The head's names, terminated, in the arena. */
static const char **read_names(riacho_wire *wire, riacho_arena *arena, size_t *ret_count)
{
    const uint64_t version = riacho_wire_get(wire, 1);
    const uint64_t count = riacho_wire_get(wire, 4);
    if (version != VERSION || count > wire->size)
        return NULL;
    const char **names = riacho_alloc_zero(arena, (size_t)count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = riacho_copy(arena, riacho_wire_get_bytes(wire)).data;
    *ret_count = (size_t)count;
    return wire->data ? names : NULL;
}

static void read_headers(riacho_wire *wire, size_t count, riacho_arena *arena,
                         riacho_headers *ret_headers)
{
    if (count > wire->size / HEADER_BYTES_MIN) {
        *wire = (riacho_wire){NULL, 0};
        return;
    }
    riacho_header *headers = riacho_alloc(arena, count * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        headers[i].name = riacho_wire_get_bytes(wire);
        headers[i].value = riacho_wire_get_bytes(wire);
    }
    *ret_headers = (riacho_headers){headers, count};
}

static void read_output(riacho_wire *wire, const char *const *names, size_t name_count,
                        riacho_arena *arena, riacho_outbox_read *read)
{
    riacho_log_append *append = &read->appends[read->count];
    const size_t topic = (size_t)riacho_wire_get(wire, 4);
    if (topic >= name_count) {
        *wire = (riacho_wire){NULL, 0};
        return;
    }
    read->topics[read->count++] = (uint32_t)topic;
    append->topic = names[topic];
    append->partition = (int32_t)riacho_wire_get(wire, 4);
    append->record = (riacho_log_record){.timestamp_ms = (int64_t)riacho_wire_get(wire, 8)};
    const size_t header_count = (size_t)riacho_wire_get(wire, 2);
    append->record.key = riacho_wire_get_bytes(wire);
    append->record.value = riacho_wire_get_bytes(wire);
    read_headers(wire, header_count, arena, &append->record.headers);
}

/* How many begin in what is left; no more than that follow, if it is damaged. */
static size_t count_outputs(riacho_wire wire)
{
    size_t count = 0;
    for (; wire.data && wire.size; count++) {
        riacho_wire_get(&wire, 8);
        riacho_wire_get(&wire, 8);
        const size_t parts = 2 + 2 * (size_t)riacho_wire_get(&wire, 2);
        for (size_t i = 0; i < parts && wire.data; i++)
            riacho_wire_get_bytes(&wire);
    }
    return count;
}

riacho_status riacho_outbox_parse(riacho_bytes bytes, riacho_arena *arena,
                                  riacho_outbox_read *ret_read, riacho_error *err)
{
    riacho_outbox_read read = {0};
    if (!bytes.data || !bytes.size) {
        *ret_read = read;
        return RIACHO_OK;
    }
    riacho_wire wire = {bytes.data, bytes.size};
    size_t name_count = 0;
    const char **names = read_names(&wire, arena, &name_count);
    const size_t most = count_outputs(wire);
    read.appends = riacho_alloc(arena, most * sizeof *read.appends);
    read.topics = riacho_alloc(arena, most * sizeof *read.topics);
    while (names && wire.data && wire.size)
        read_output(&wire, names, name_count, arena, &read);
    if (!names || !wire.data)
        return riacho_fail(err, RIACHO_FATAL, "the stored outputs of a commit cannot be read");
    *ret_read = read;
    return RIACHO_OK;
}

void riacho_outbox_restore(riacho_outbox *outbox, riacho_bytes bytes, size_t count)
{
    riacho_buffer_reset(&outbox->bytes);
    riacho_buffer_append(&outbox->bytes, bytes.data, bytes.size);
    outbox->head_bytes = 0;
    outbox->count = count;
}
