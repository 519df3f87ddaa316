/* SPDX-License-Identifier: MIT
 *
 * environment.h - ${VAR} and ${VAR:-default} inside one scalar.
 */
#pragma once

#include "riacho/types.h"

/* Fills in what `get` gives; ret_text is in the arena. The result is not looked at again, so a
 * value cannot smuggle in another variable. RIACHO_REJECT with the cause: not defined, not a name,
 * no closing brace, or a `get` that is NULL. */
RIACHO_CHECKED riacho_status riacho_environment_fill(riacho_bytes text,
                                                     const char *(*get)(const char *name),
                                                     riacho_arena *arena, riacho_bytes *ret_text,
                                                     riacho_error *err);
