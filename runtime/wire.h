/* SPDX-License-Identifier: MIT
 *
 * wire.h - the numbers and runs of bytes that the runtime keeps in a store's meta: little-endian,
 * not aligned, and bounds-checked when they are read.
 *
 * Threads: pure functions.
 */
#pragma once

#include <string.h>

#include "riacho/types.h"

static inline void riacho_wire_put(riacho_buffer *out, uint64_t value, size_t bytes)
{
    uint8_t *at = riacho_buffer_reserve(out, bytes);
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
    out->size += bytes;
}

/* Size + 1, or 0 for absent, in four bytes; then the bytes. */
static inline void riacho_wire_put_bytes(riacho_buffer *out, riacho_bytes bytes)
{
    riacho_wire_put(out, bytes.data ? (uint64_t)bytes.size + 1 : 0, 4);
    riacho_buffer_append(out, bytes.data, bytes.data ? bytes.size : 0);
}

/* What is left to read; `data` NULL after a read that did not fit, and every later read gives 0. */
typedef struct riacho_wire {
    const uint8_t *data;
    size_t size;
} riacho_wire;

static inline const uint8_t *riacho_wire_take(riacho_wire *wire, size_t bytes)
{
    if (!wire->data || bytes > wire->size) {
        *wire = (riacho_wire){NULL, 0};
        return NULL;
    }
    const uint8_t *at = wire->data;
    wire->data += bytes;
    wire->size -= bytes;
    return at;
}

static inline uint64_t riacho_wire_get(riacho_wire *wire, size_t bytes)
{
    const uint8_t *at = riacho_wire_take(wire, bytes);
    uint64_t value = 0;
    for (size_t i = 0; at && i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static inline riacho_bytes riacho_wire_get_bytes(riacho_wire *wire)
{
    const uint64_t size = riacho_wire_get(wire, 4);
    if (!size)
        return (riacho_bytes){NULL, 0};
    const uint8_t *at = riacho_wire_take(wire, (size_t)size - 1);
    return (riacho_bytes){at, at ? (size_t)size - 1 : 0};
}
