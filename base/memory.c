/* SPDX-License-Identifier: MIT
 *
 * memory.c - malloc whose failure ends the process with one line.
 */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void riacho_memory_exhausted(size_t size)
{
    fprintf(stderr, "riacho: out of memory: could not get %zu bytes\n", size);
    abort();
}

void *riacho_memory_get(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        riacho_memory_exhausted(size);
    return memory;
}

void *riacho_memory_get_zero(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        riacho_memory_exhausted(size);
    return memory;
}

void *riacho_memory_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size ? size : 1);
    if (!resized)
        riacho_memory_exhausted(size);
    return resized;
}

char *riacho_memory_text(const char *text)
{
    const size_t size = strlen(text) + 1;
    return memcpy(riacho_memory_get(size), text, size);
}
