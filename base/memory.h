/* SPDX-License-Identifier: MIT
 *
 * memory.h - heap memory that is there or the process is not: this program has no useful way to go
 * on without it, and a restart continues exactly where it was.
 */
#pragma once

#include <stddef.h>

/* `size` bytes, not cleared; released with free. */
void *riacho_memory_get(size_t size);
/* Cleared. */
void *riacho_memory_get_zero(size_t count, size_t size);
/* As realloc; the old memory is gone. */
void *riacho_memory_resize(void *memory, size_t size);
char *riacho_memory_text(const char *text);
_Noreturn void riacho_memory_exhausted(size_t size);
