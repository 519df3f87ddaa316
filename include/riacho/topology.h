/* SPDX-License-Identifier: MIT
 *
 * topology.h - a topology in declarative C: designated initialisers that say the same words as the
 * YAML file. The YAML loader fills the same structs, so both are checked and lowered by one piece
 * of code and give the same graph, ids and hash.
 *
 * Everything is borrowed until the graph is built. Zero means "not said". Arrays are a pointer and
 * a count.
 */
#pragma once

#include "riacho/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a thing was written; line 0 when it was not written in a file. */
typedef struct riacho_mark {
    const char *file;
    uint32_t line; /* from 1 */
    uint32_t column;
} riacho_mark;
