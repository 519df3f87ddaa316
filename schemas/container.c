/* SPDX-License-Identifier: MIT
 *
 * container.c - see container.h.
 */
#include "container.h"

#include <avro.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "program.h"
#include "schema.h"

enum { BLOCK_BYTES = 2 * RIACHO_VALUE_BYTES_MAX };

struct riacho_container_writer {
    riacho_arena *arena;
    const char *path, *draft; /* written as draft until it is complete */
    const riacho_program *program;
    avro_schema_t schema;
    avro_file_writer_t file; /* NULL once committed */
    riacho_buffer value;
};

struct riacho_container_reader {
    riacho_arena *arena;
    const char *path;
    const riacho_program *program; /* from the file's schema to the codec's */
    avro_schema_t schema;          /* the file's */
    avro_value_iface_t *iface;
    avro_file_reader_t file;
};

static void riacho_auto_container_writer(riacho_container_writer **writer)
{
    riacho_container_writer_close(*writer);
}

static void riacho_auto_container_reader(riacho_container_reader **reader)
{
    riacho_container_reader_close(*reader);
}

static riacho_status fail_avro(const char *path, riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "%s: %s", path, avro_strerror());
}

static riacho_status check_codec(const riacho_codec *codec, riacho_error *err)
{
    if (strncmp(codec->name, "avro:", 5) == 0 || strncmp(codec->name, "json:", 5) == 0)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT, "a container file needs a schema, which '%s' has not",
                       codec->name);
}

riacho_status riacho_container_writer_open(const char *path, const riacho_codec *codec,
                                           riacho_container_writer **ret_writer, riacho_error *err)
{
    RIACHO_TRY(check_codec(codec, err));
    RIACHO_AUTO(container_writer)
    riacho_container_writer *writer = riacho_memory_get_zero(1, sizeof *writer);
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    writer->arena = riacho_arena_new();
    writer->path = riacho_format(writer->arena, "%s", path);
    writer->draft = riacho_format(writer->arena, "%s.new", path);
    RIACHO_TRY(
        riacho_program_compile(codec->type, codec->type, writer->arena, &writer->program, err));
    riacho_schema_print(codec->type, &text);
    if (avro_schema_from_json_length((const char *)text.data, text.size, &writer->schema) != 0)
        return fail_avro(path, err);
    unlink(writer->draft); /* of a run that did not finish; avro-c does not overwrite */
    if (avro_file_writer_create_with_codec(writer->draft, writer->schema, &writer->file, "null",
                                           BLOCK_BYTES) != 0)
        return fail_avro(path, err);
    *ret_writer = RIACHO_TAKE(writer);
    return RIACHO_OK;
}

riacho_status riacho_container_writer_append(riacho_container_writer *writer, const void *value,
                                             riacho_error *err)
{
    riacho_buffer_reset(&writer->value);
    RIACHO_TRY(riacho_program_encode(writer->program, value, &writer->value, err));
    const riacho_bytes bytes = riacho_buffer_bytes(&writer->value);
    if (bytes.size > RIACHO_VALUE_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%s: a value is larger than %d bytes", writer->path,
                           RIACHO_VALUE_BYTES_MAX);
    if (avro_file_writer_append_encoded(writer->file, bytes.data, (int64_t)bytes.size) != 0)
        return fail_avro(writer->path, err);
    return RIACHO_OK;
}

riacho_status riacho_container_writer_commit(riacho_container_writer *writer, riacho_error *err)
{
    const int failed = avro_file_writer_close(RIACHO_TAKE(writer->file));
    if (failed)
        return fail_avro(writer->path, err);
    if (rename(writer->draft, writer->path) != 0)
        return riacho_fail(err, RIACHO_REJECT, "%s: %s", writer->path, strerror(errno));
    return RIACHO_OK;
}

void riacho_container_writer_close(riacho_container_writer *writer)
{
    if (!writer)
        return;
    if (writer->file) {
        avro_file_writer_close(writer->file);
        unlink(writer->draft);
    }
    if (writer->schema)
        avro_schema_decref(writer->schema);
    riacho_buffer_done(&writer->value);
    riacho_arena_free(writer->arena);
    free(writer);
}

/* The file's schema as text, for our own parser. */
static riacho_status print_schema(riacho_container_reader *reader, riacho_buffer *out,
                                  riacho_error *err)
{
    uint8_t *room = riacho_buffer_reserve(out, RIACHO_SCHEMA_BYTES_MAX);
    avro_writer_t memory = avro_writer_memory((char *)room, RIACHO_SCHEMA_BYTES_MAX);
    const int failed = avro_schema_to_json(reader->schema, memory);
    out->size = failed ? 0 : (size_t)avro_writer_tell(memory);
    avro_writer_free(memory);
    return failed ? fail_avro(reader->path, err) : RIACHO_OK;
}

riacho_status riacho_container_reader_open(const char *path, const riacho_codec *codec,
                                           riacho_container_reader **ret_reader, riacho_error *err)
{
    RIACHO_TRY(check_codec(codec, err));
    RIACHO_AUTO(container_reader)
    riacho_container_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    const riacho_type *type;
    reader->arena = riacho_arena_new();
    reader->path = riacho_format(reader->arena, "%s", path);
    if (avro_file_reader(path, &reader->file) != 0) {
        reader->file = NULL;
        return fail_avro(path, err);
    }
    reader->schema = avro_file_reader_get_writer_schema(reader->file);
    RIACHO_TRY(print_schema(reader, &text, err));
    RIACHO_TRY(
        riacho_schema_parse(riacho_buffer_bytes(&text), reader->path, reader->arena, &type, err));
    RIACHO_TRY(riacho_program_compile(type, codec->type, reader->arena, &reader->program, err));
    reader->iface = avro_generic_class_from_schema(reader->schema);
    if (!reader->iface)
        return fail_avro(path, err);
    *ret_reader = RIACHO_TAKE(reader);
    return RIACHO_OK;
}

/* avro-c hands values out in its own form; back to bytes, they go through our codec. */
static riacho_status convert(riacho_container_reader *reader, avro_value_t *value,
                             riacho_arena *arena, void *ret_value, riacho_error *err)
{
    size_t size = 0;
    if (avro_value_sizeof(value, &size) != 0)
        return fail_avro(reader->path, err);
    char *bytes = riacho_alloc(arena, size);
    avro_writer_t memory = avro_writer_memory(bytes, (int64_t)size);
    const int failed = avro_value_write(memory, value);
    avro_writer_free(memory);
    if (failed)
        return fail_avro(reader->path, err);
    return riacho_program_decode(reader->program, (riacho_bytes){bytes, size}, 0, arena, ret_value,
                                 err);
}

riacho_status riacho_container_reader_next(riacho_container_reader *reader, riacho_arena *arena,
                                           void *ret_value, bool *ret_found, riacho_error *err)
{
    avro_value_t value;
    riacho_status status = RIACHO_OK;
    if (avro_generic_value_new(reader->iface, &value) != 0)
        return fail_avro(reader->path, err);
    const int result = avro_file_reader_read_value(reader->file, &value);
    if (result == 0)
        status = convert(reader, &value, arena, ret_value, err);
    else if (result != EOF)
        status = fail_avro(reader->path, err);
    avro_value_decref(&value);
    *ret_found = result == 0;
    return status;
}

void riacho_container_reader_close(riacho_container_reader *reader)
{
    if (!reader)
        return;
    if (reader->iface)
        avro_value_iface_decref(reader->iface);
    if (reader->schema)
        avro_schema_decref(reader->schema);
    if (reader->file)
        avro_file_reader_close(reader->file);
    riacho_arena_free(reader->arena);
    free(reader);
}
