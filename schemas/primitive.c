/* SPDX-License-Identifier: MIT
 *
 * primitive.c - see primitive.h. Numbers are big-endian; a string is its UTF-8 bytes and nothing
 * else; a uuid is its text. Stateless; any thread.
 */
#include "primitive.h"

#include <endian.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "uuid.h"

static riacho_status check_size(riacho_bytes bytes, size_t size, const char *what,
                                riacho_error *err)
{
    if (bytes.size == size)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT, "byte %zu: a %s is %zu bytes, not %zu",
                       bytes.size < size ? bytes.size : size, what, size, bytes.size);
}

static uint32_t load_u32(const void *data)
{
    uint32_t bits;
    memcpy(&bits, data, sizeof bits);
    return be32toh(bits);
}

static uint64_t load_u64(const void *data)
{
    uint64_t bits;
    memcpy(&bits, data, sizeof bits);
    return be64toh(bits);
}

/* int and float, long and double: the bits in the order of the network. */
static riacho_status decode_word(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                                 void *ret_value, riacho_error *err)
{
    (void)arena;
    RIACHO_TRY(check_size(bytes, codec->type->size, codec->name, err));
    if (bytes.size == sizeof(uint32_t))
        memcpy(ret_value, &(uint32_t){load_u32(bytes.data)}, sizeof(uint32_t));
    else
        memcpy(ret_value, &(uint64_t){load_u64(bytes.data)}, sizeof(uint64_t));
    return RIACHO_OK;
}

static riacho_status encode_word(const riacho_codec *codec, const void *value, riacho_buffer *out,
                                 riacho_error *err)
{
    (void)err;
    if (codec->type->size == sizeof(uint32_t))
        riacho_buffer_append(out, &(uint32_t){load_u32(value)}, sizeof(uint32_t));
    else
        riacho_buffer_append(out, &(uint64_t){load_u64(value)}, sizeof(uint64_t));
    return RIACHO_OK;
}

static riacho_status decode_boolean(const riacho_codec *codec, riacho_bytes bytes,
                                    riacho_arena *arena, void *ret_value, riacho_error *err)
{
    (void)arena;
    RIACHO_TRY(check_size(bytes, 1, codec->name, err));
    const uint8_t byte = *(const uint8_t *)bytes.data;
    if (byte > 1)
        return riacho_fail(err, RIACHO_REJECT, "byte 0: a boolean is neither 0 nor 1");
    *(bool *)ret_value = byte;
    return RIACHO_OK;
}

static riacho_status encode_boolean(const riacho_codec *codec, const void *value,
                                    riacho_buffer *out, riacho_error *err)
{
    (void)codec;
    (void)err;
    riacho_buffer_append(out, &(uint8_t){*(const bool *)value}, 1);
    return RIACHO_OK;
}

/* What the bytes of a text-like type must be. */
static riacho_status check_bytes(const riacho_type *type, riacho_bytes bytes, riacho_error *err)
{
    if (!bytes.data)
        return riacho_fail(err, RIACHO_REJECT, "there is no value, and it is not optional");
    if (type->logical == RIACHO_UUID && !riacho_uuid_valid(bytes))
        return riacho_fail(err, RIACHO_REJECT,
                           "byte 0: a uuid is not 8-4-4-4-12 hexadecimal digits");
    if (type->kind == RIACHO_STRING && !riacho_utf8_valid(bytes))
        return riacho_fail(err, RIACHO_REJECT, "byte 0: a string is not UTF-8");
    return RIACHO_OK;
}

static riacho_status decode_bytes(const riacho_codec *codec, riacho_bytes bytes,
                                  riacho_arena *arena, void *ret_value, riacho_error *err)
{
    (void)arena;
    RIACHO_TRY(check_bytes(codec->type, bytes, err));
    *(riacho_bytes *)ret_value = bytes;
    return RIACHO_OK;
}

static riacho_status encode_bytes(const riacho_codec *codec, const void *value, riacho_buffer *out,
                                  riacho_error *err)
{
    const riacho_bytes bytes = *(const riacho_bytes *)value;
    RIACHO_TRY(check_bytes(codec->type, bytes, err));
    riacho_buffer_append(out, bytes.data, bytes.size);
    return RIACHO_OK;
}

static riacho_status decode_void(const riacho_codec *codec, riacho_bytes bytes, riacho_arena *arena,
                                 void *ret_value, riacho_error *err)
{
    (void)arena;
    (void)ret_value;
    return check_size(bytes, 0, codec->name, err);
}

static riacho_status encode_void(const riacho_codec *codec, const void *value, riacho_buffer *out,
                                 riacho_error *err)
{
    (void)codec;
    (void)value;
    (void)out;
    (void)err;
    return RIACHO_OK;
}

static const riacho_codec_ops word_ops = {"number", decode_word, encode_word};
static const riacho_codec_ops boolean_ops = {"boolean", decode_boolean, encode_boolean};
static const riacho_codec_ops bytes_ops = {"bytes", decode_bytes, encode_bytes};
static const riacho_codec_ops void_ops = {"void", decode_void, encode_void};

static const riacho_codec codecs[] = {
    {&bytes_ops, &riacho_type_string, "string"}, {&word_ops, &riacho_type_long, "long"},
    {&word_ops, &riacho_type_int, "int"},        {&word_ops, &riacho_type_double, "double"},
    {&word_ops, &riacho_type_float, "float"},    {&boolean_ops, &riacho_type_boolean, "boolean"},
    {&bytes_ops, &riacho_type_bytes, "bytes"},   {&bytes_ops, &riacho_type_uuid, "uuid"},
    {&void_ops, &riacho_type_null, "void"},
};

enum { CODECS = sizeof codecs / sizeof *codecs };

const riacho_codec *riacho_primitive_codec(riacho_bytes word)
{
    for (size_t i = 0; i < CODECS; i++)
        if (riacho_bytes_equal(word, riacho_text(codecs[i].name)))
            return &codecs[i];
    return NULL;
}

const char *const *riacho_primitive_words(size_t *ret_count)
{
    static const char *const words[CODECS] = {"string",  "long",  "int",  "double", "float",
                                              "boolean", "bytes", "uuid", "void"};
    *ret_count = CODECS;
    return words;
}
