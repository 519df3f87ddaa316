/* SPDX-License-Identifier: MIT
 *
 * reference.h - docs/reference/cli.md, written from the tables that the program runs by.
 *
 * Threads: the main thread.
 */
#pragma once

#include "riacho/types.h"

/* `riacho --reference > docs/reference/cli.md`; a test says when that is due. */
void riacho_reference_print(riacho_buffer *out);
