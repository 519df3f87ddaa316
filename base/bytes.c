/* SPDX-License-Identifier: MIT
 *
 * bytes.c - runs of bytes, the buffer that grows, and errors.
 */
#include "riacho/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

riacho_status riacho_fail(riacho_error *err, riacho_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

riacho_bytes riacho_text(const char *text)
{
    return (riacho_bytes){text, text ? strlen(text) : 0};
}

bool riacho_bytes_equal(riacho_bytes a, riacho_bytes b)
{
    if (!a.data || !b.data)
        return !a.data && !b.data;
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

int riacho_bytes_compare(riacho_bytes a, riacho_bytes b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

void riacho_buffer_done(riacho_buffer *buffer)
{
    free(buffer->data);
    *buffer = (riacho_buffer){0};
}

uint8_t *riacho_buffer_reserve(riacho_buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->size)
        return buffer->data ? buffer->data + buffer->size
                            : (buffer->data = riacho_memory_get(buffer->capacity = 64));
    if (more > SIZE_MAX / 2 - buffer->size)
        riacho_memory_exhausted(more);
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity - buffer->size < more)
        capacity *= 2;
    buffer->data = riacho_memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
    return buffer->data + buffer->size;
}

void riacho_buffer_append(riacho_buffer *buffer, const void *data, size_t size)
{
    if (!size)
        return;
    memcpy(riacho_buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

void riacho_buffer_printf(riacho_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size <= 0)
        return;
    uint8_t *at = riacho_buffer_reserve(buffer, (size_t)size + 1);
    va_start(args, format);
    vsnprintf((char *)at, (size_t)size + 1, format, args);
    va_end(args);
    buffer->size += (size_t)size;
}
