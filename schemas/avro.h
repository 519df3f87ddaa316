/* SPDX-License-Identifier: MIT
 *
 * avro.h - the Avro codec: Confluent's wire format (0x00, the writer's schema id, big-endian, then
 * Avro) around programs.
 *
 * Its own id runs a program that is made with the codec. Every other id gets its program from that
 * schema to ours when the first record with it comes; the result, even "cannot be read", is kept
 * for good, so a hostile id costs no work twice. An id that is not known is asked for where there
 * is a registry to ask (finder.h). Any thread.
 */
#pragma once

#include <pthread.h>

#include "finder.h"
#include "program.h"
#include "riacho/codec.h"

/* What the codecs of one registry share. */
typedef struct riacho_avro_context {
    riacho_ids *ids;
    pthread_mutex_t lock; /* guards arena, changes of ids, and the making of programs */
    riacho_arena *arena;
    riacho_finder *finder; /* NULL: what is not in ids is not to be had */
} riacho_avro_context;

/* The codec lives in context->arena, whose lock the caller holds. id 0: it has none yet, and
 * encodes nothing. */
RIACHO_CHECKED riacho_status riacho_avro_codec_new(riacho_avro_context *context, const char *word,
                                                   const riacho_type *type, int32_t id,
                                                   const riacho_codec **ret_codec,
                                                   riacho_error *err);
/* Gives the codec an id, before it is used. False: it is no Avro codec. */
bool riacho_avro_codec_identify(const riacho_codec *codec, int32_t id);
