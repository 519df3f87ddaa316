/* SPDX-License-Identifier: MIT
 *
 * varint.h - numbers in as few bytes as they need, seven bits a byte, least first; and numbers of
 * fixed width in the byte order of files and keys.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdint.h>
#include <string.h>

enum { VARINT_BYTES_MAX = 10 };

static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* The byte behind the number, or NULL when it does not end before `end` or does not fit. */
static inline const uint8_t *varint_get(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    if (at < end && *at < 0x80) { /* nearly all are this short */
        *ret = *at;
        return at + 1;
    }
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        const uint64_t bits = *at & 0x7f;
        if (shift == 63 && bits > 1)
            return NULL;
        value |= bits << shift;
        if (*at++ < 0x80) {
            *ret = value;
            return at;
        }
    }
    return NULL;
}

/* Small magnitudes of either sign become small numbers. */
static inline uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

/* Big-endian: the order of bytes is the order of numbers, as keys need it. */
static inline void big32_put(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}

static inline uint32_t big32_get(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline void big64_put(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}

static inline uint64_t big64_get(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the byte order of stored numbers is that of the machine, which must be little-endian"
#endif
