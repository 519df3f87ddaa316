/* SPDX-License-Identifier: MIT
 *
 * avro.h - the Avro codec: Confluent's wire format (0x00, the writer's schema id, big-endian, then
 * Avro) around programs.
 *
 * Its own id runs a program that is made with the codec. Every other id of the file gets its
 * program from that schema to ours when the first record with it comes; the result, even "cannot be
 * read", is kept for good, so a hostile id costs no work twice. Any thread.
 */
#pragma once

#include <pthread.h>

#include "ids.h"
#include "program.h"
#include "riacho/codec.h"

/* What the codecs of one registry share. */
typedef struct riacho_avro_context {
    const riacho_ids *ids;
    pthread_mutex_t lock; /* guards arena, and the making of programs */
    riacho_arena *arena;
} riacho_avro_context;

/* The codec lives in context->arena, whose lock the caller holds. */
RIACHO_CHECKED riacho_status riacho_avro_codec_new(riacho_avro_context *context, const char *word,
                                                   const riacho_type *type, int32_t id,
                                                   const riacho_codec **ret_codec,
                                                   riacho_error *err);
