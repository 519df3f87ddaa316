/* SPDX-License-Identifier: MIT
 *
 * primitive.h - the codecs that need no schema, byte for byte those of Kafka's Java serdes.
 */
#pragma once

#include "riacho/codec.h"

/* string long int double float boolean bytes uuid void; NULL for another word. Constants. */
const riacho_codec *riacho_primitive_codec(riacho_bytes word);
/* Their words, for "did you mean"; ret_count of them. */
const char *const *riacho_primitive_words(size_t *ret_count);
