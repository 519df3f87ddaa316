/* SPDX-License-Identifier: MIT
 *
 * reply.h - parts of a JSON answer, cut out as they are: what the worker wrote is what is printed,
 * number for number.
 *
 * Threads: any; nothing is kept.
 */
#pragma once

#include "riacho/types.h"

/* The text of an object's member; absent when it is not there, or the text is no object. It points
 * into `object`. */
riacho_bytes riacho_reply_member(riacho_bytes object, const char *name, riacho_arena *arena);
/* A member that is a string, in the arena; NULL when it is not one. */
const char *riacho_reply_text(riacho_bytes object, const char *name, riacho_arena *arena);
/* A member that is a whole number; `otherwise` when it is not one. */
int64_t riacho_reply_number(riacho_bytes object, const char *name, int64_t otherwise,
                            riacho_arena *arena);
/* The texts of an array's items; 0 when the text is no array. */
size_t riacho_reply_items(riacho_bytes array, riacho_arena *arena, riacho_bytes **ret_items);
