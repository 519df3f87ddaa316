/* SPDX-License-Identifier: MIT
 *
 * arena.c - a list of blocks that only grows until it is reset.
 *
 * Invariant: `blocks` is the block being filled; the blocks behind it are full and kept only until
 * the next reset, which keeps the first, normal-sized block. Threads: one at a time.
 */
#include "riacho/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16, FORMAT_BYTES = 256 };

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

struct riacho_arena {
    struct block *blocks;
    size_t used_before; /* bytes in the blocks behind the first */
};

static struct block *block_new(size_t capacity, struct block *next)
{
    struct block *block = riacho_memory_get(sizeof *block + capacity);
    block->next = next;
    block->capacity = capacity;
    block->used = 0;
    return block;
}

riacho_arena *riacho_arena_new(void)
{
    riacho_arena *arena = riacho_memory_get(sizeof *arena);
    arena->blocks = block_new(BLOCK_BYTES, NULL);
    arena->used_before = 0;
    return arena;
}

void riacho_arena_free(riacho_arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void riacho_arena_reset(riacho_arena *arena)
{
    while (arena->blocks->next) {
        struct block *full = arena->blocks;
        arena->blocks = full->next;
        free(full);
    }
    arena->blocks->used = 0;
    arena->used_before = 0;
}

size_t riacho_arena_used(const riacho_arena *arena)
{
    return arena->used_before + arena->blocks->used;
}

static void *alloc_in_new_block(riacho_arena *arena, size_t size)
{
    arena->used_before += arena->blocks->used;
    arena->blocks = block_new(size > BLOCK_BYTES ? size : BLOCK_BYTES, arena->blocks);
    arena->blocks->used = size;
    return arena->blocks->bytes;
}

void *riacho_alloc(riacho_arena *arena, size_t size)
{
    if (size > SIZE_MAX - BLOCK_BYTES)
        riacho_memory_exhausted(size);
    const size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->blocks;
    if (rounded > block->capacity - block->used)
        return alloc_in_new_block(arena, rounded);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

void *riacho_alloc_zero(riacho_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        riacho_memory_exhausted(SIZE_MAX);
    return memset(riacho_alloc(arena, bytes), 0, bytes);
}

riacho_bytes riacho_copy(riacho_arena *arena, riacho_bytes bytes)
{
    if (!bytes.data)
        return bytes;
    char *copy = riacho_alloc(arena, bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return (riacho_bytes){copy, bytes.size};
}

char *riacho_format(riacho_arena *arena, const char *format, ...)
{
    char draft[FORMAT_BYTES] = "";
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(draft, sizeof draft, format, args);
    va_end(args);
    const size_t bytes = (size_t)(size > 0 ? size : 0) + 1;
    char *text = riacho_alloc(arena, bytes);
    if (bytes <= sizeof draft)
        return memcpy(text, draft, bytes);
    va_start(args, format);
    vsnprintf(text, bytes, format, args);
    va_end(args);
    return text;
}
