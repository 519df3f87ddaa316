/* SPDX-License-Identifier: MIT
 *
 * avro.c - see avro.h.
 */
#include "avro.h"

#include <assert.h>
#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#include "base/macros.h"

enum { HEADER_BYTES = 5 };

/* How to read one writer's schema; made once, never changed, never freed before the registry. */
struct resolution {
    const riacho_program *program; /* NULL: it cannot be read, and why: */
    const char *reason;
};

struct avro_codec {
    riacho_codec codec;
    riacho_avro_context *context;
    const riacho_program *own;
    int32_t id; /* 0: none yet */
    uint8_t header[HEADER_BYTES];
    _Atomic(const struct resolution *) *resolutions; /* by index in ids; NULL: not asked yet */
};

static const riacho_codec_ops ops;

static const struct avro_codec *avro_of(const riacho_codec *codec)
{
    assert(codec->ops == &ops);
    return (const struct avro_codec *)codec;
}

static const struct resolution *make_resolution(const struct avro_codec *self,
                                                const riacho_id_entry *entry)
{
    riacho_arena *arena = self->context->arena;
    struct resolution *made = riacho_alloc_zero(arena, 1, sizeof *made);
    riacho_error cause;
    if (riacho_program_compile(entry->type, self->codec.type, arena, &made->program, &cause) !=
        RIACHO_OK)
        made->reason = riacho_format(arena, "schema id %d cannot be read as %s: %s", entry->id,
                                     self->codec.name, cause.text);
    return made;
}

static const struct resolution *resolve(const struct avro_codec *self, const riacho_id_entry *entry)
{
    _Atomic(const struct resolution *) *slot = &self->resolutions[entry->index];
    const struct resolution *found = atomic_load_explicit(slot, memory_order_acquire);
    if (found)
        return found;
    pthread_mutex_lock(&self->context->lock);
    found = atomic_load_explicit(slot, memory_order_relaxed);
    if (!found) {
        found = make_resolution(self, entry);
        atomic_store_explicit(slot, found, memory_order_release);
    }
    pthread_mutex_unlock(&self->context->lock);
    return found;
}

static riacho_status find_id(const riacho_avro_context *context, int32_t id,
                             const riacho_id_entry **ret_entry, riacho_error *err)
{
    const riacho_id_entry *entry = riacho_ids_find(context->ids, id);
    if (!entry && context->finder) {
        riacho_error cause = {.text = ""};
        const riacho_status status = riacho_finder_find(context->finder, id, &cause);
        if (status == RIACHO_REJECT)
            return riacho_fail(err, status, "byte 1: %.450s", cause.text);
        if (status != RIACHO_OK)
            return riacho_fail(err, status, "schema id %d cannot be had now: %.400s", id,
                               cause.text);
        entry = riacho_ids_find(context->ids, id);
    }
    if (!entry)
        return riacho_fail(err, RIACHO_REJECT, "byte 1: there is no schema with id %d", id);
    *ret_entry = entry;
    return RIACHO_OK;
}

static riacho_status program_of(const struct avro_codec *self, int32_t id,
                                const riacho_program **ret_program, riacho_error *err)
{
    const riacho_id_entry *entry;
    RIACHO_TRY(find_id(self->context, id, &entry, err));
    const struct resolution *resolution = resolve(self, entry);
    if (!resolution->program)
        return riacho_fail(err, RIACHO_REJECT, "byte 1: %s", resolution->reason);
    *ret_program = resolution->program;
    return RIACHO_OK;
}

static riacho_status decode(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                            void *ret_value, riacho_error *err)
{
    const struct avro_codec *self = avro_of(codec);
    const uint8_t *header = bytes.data;
    const riacho_program *program = self->own;
    if (bytes.size < HEADER_BYTES)
        return riacho_fail(err, RIACHO_REJECT,
                           "byte %zu: the bytes end within the header (0x00 and a schema id)",
                           bytes.size);
    if (!self->id || memcmp(header, self->header, HEADER_BYTES) != 0) {
        uint32_t id;
        if (header[0] != 0)
            return riacho_fail(err, RIACHO_REJECT, "byte 0: 0x%02x is not the wire format's 0x00",
                               header[0]);
        memcpy(&id, header + 1, sizeof id);
        RIACHO_TRY(program_of(self, (int32_t)be32toh(id), &program, err));
    }
    return riacho_program_decode(program, bytes, HEADER_BYTES, arena, ret_value, err);
}

static riacho_status encode(const riacho_codec *codec, const void *value, riacho_buffer *out,
                            riacho_error *err)
{
    const struct avro_codec *self = avro_of(codec);
    const size_t before = out->size;
    if (!self->id)
        return riacho_fail(err, RIACHO_REJECT,
                           "%s has no schema id: it is registered under no subject of the topics "
                           "here, and `riacho schema push SUBJECT %s` would do that",
                           codec->name, codec->name);
    riacho_buffer_append(out, self->header, HEADER_BYTES);
    const riacho_status status = riacho_program_encode(self->own, value, out, err);
    if (status != RIACHO_OK)
        out->size = before;
    return status;
}

static const riacho_codec_ops ops = {"avro", decode, encode};

static void identify(struct avro_codec *self, int32_t id)
{
    const uint32_t wire_id = htobe32((uint32_t)id);
    self->id = id;
    memcpy(self->header + 1, &wire_id, sizeof wire_id);
}

bool riacho_avro_codec_identify(const riacho_codec *codec, int32_t id)
{
    if (codec->ops != &ops)
        return false;
    identify((struct avro_codec *)(uintptr_t)codec, id);
    return true;
}

riacho_status riacho_avro_codec_new(riacho_avro_context *context, const char *word,
                                    const riacho_type *type, int32_t id,
                                    const riacho_codec **ret_codec, riacho_error *err)
{
    struct avro_codec *self = riacho_alloc_zero(context->arena, 1, sizeof *self);
    RIACHO_TRY(riacho_program_compile(type, type, context->arena, &self->own, err));
    self->codec = (riacho_codec){&ops, type, word};
    self->context = context;
    identify(self, id);
    self->resolutions =
        riacho_alloc_zero(context->arena, context->ids->capacity, sizeof *self->resolutions);
    *ret_codec = &self->codec;
    return RIACHO_OK;
}
