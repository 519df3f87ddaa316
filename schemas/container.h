/* SPDX-License-Identifier: MIT
 *
 * container.h - .avro object container files: recordings, fixtures, data sets.
 *
 * A file carries its own schema; values are read into the codec's type by the same rules as records
 * of another schema id. The framing is avro-c's, the values go through our own codec. Files are
 * local and of known origin: this is no way in for hostile bytes (avro-c reads them first).
 *
 * Threads: one at a time in the whole process, because avro-c keeps its errors in static memory.
 */
#pragma once

#include "riacho/codec.h"

typedef struct riacho_container_writer riacho_container_writer;
typedef struct riacho_container_reader riacho_container_reader;

/* The codec is avro: or json: (RIACHO_REJECT otherwise) and outlives the writer. The file appears
 * under its name when the writer is finished. */
RIACHO_CHECKED riacho_status riacho_container_writer_open(const char *path,
                                                          const riacho_codec *codec,
                                                          riacho_container_writer **ret_writer,
                                                          riacho_error *err);
RIACHO_CHECKED riacho_status riacho_container_writer_append(riacho_container_writer *writer,
                                                            const void *value, riacho_error *err);
/* Completes the file and puts it in place; the writer remains to be closed. */
RIACHO_CHECKED riacho_status riacho_container_writer_commit(riacho_container_writer *writer,
                                                            riacho_error *err);
/* Without a commit before, nothing is left of the file. */
void riacho_container_writer_close(riacho_container_writer *writer);

RIACHO_CHECKED riacho_status riacho_container_reader_open(const char *path,
                                                          const riacho_codec *codec,
                                                          riacho_container_reader **ret_reader,
                                                          riacho_error *err);
/* The next value; ret_found is false at the end of the file. What the value points to is in the
 * arena. */
RIACHO_CHECKED riacho_status riacho_container_reader_next(riacho_container_reader *reader,
                                                          riacho_arena *arena, void *ret_value,
                                                          bool *ret_found, riacho_error *err);
void riacho_container_reader_close(riacho_container_reader *reader);
