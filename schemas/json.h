/* SPDX-License-Identifier: MIT
 *
 * json.h - the codec `json:Name`: a topic or store of JSON text, checked against a schema.
 */
#pragma once

#include "riacho/codec.h"

/* The codec lives in the arena. The type came from a schema. */
RIACHO_CHECKED riacho_status riacho_json_codec_new(const char *word, const riacho_type *type,
                                                   riacho_arena *arena,
                                                   const riacho_codec **ret_codec,
                                                   riacho_error *err);
