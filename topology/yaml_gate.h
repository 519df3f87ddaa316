/* SPDX-License-Identifier: MIT
 *
 * yaml_gate.h - keeps from libfyaml what it cannot read safely.
 *
 * libfyaml 0.7.12 writes out of bounds on some files with explicit keys ("? key"): "? .:\t:" is
 * enough. Our files never need one, so they are refused before the parser sees them. A `?` in text
 * (quoted, in a block scalar, inside an expression) is none.
 */
#pragma once

#include "riacho/types.h"

/* The byte at which an explicit key begins, or text.size when there is none. */
size_t riacho_yaml_gate(riacho_bytes text);
