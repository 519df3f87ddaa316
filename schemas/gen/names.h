/* SPDX-License-Identifier: MIT
 *
 * names.h - Avro names as C names. Everything returned is in the arena.
 */
#pragma once

#include "riacho/types.h"

/* "atMs" -> "at_ms", "HTTPServer" -> "http_server", "riacho.Pet" -> "pet"; never a keyword of C or
 * C++ ("class" -> "class_"). */
const char *riacho_gen_snake(riacho_arena *arena, const char *name);
/* The same in capitals, for constants. */
const char *riacho_gen_capitals(riacho_arena *arena, const char *name);
