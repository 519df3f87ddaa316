/* SPDX-License-Identifier: MIT
 *
 * hash.c - see hash.h. murmur2 is Austin Appleby's public-domain algorithm with the constants Kafka
 * chose.
 */
#include "hash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t riacho_murmur2(riacho_bytes key)
{
    const uint32_t m = 0x5bd1e995;
    const uint8_t *data = key.data;
    size_t left = key.size;
    uint32_t h = 0x9747b28cu ^ (uint32_t)key.size;

    for (; left >= 4; data += 4, left -= 4) {
        uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
                     (uint32_t)data[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = (h * m) ^ k;
    }
    if (left) {
        for (size_t i = left; i-- > 0;)
            h ^= (uint32_t)data[i] << (8 * i);
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ (h >> 15);
}

int32_t riacho_partition_of(riacho_bytes key, int32_t partitions)
{
    return (int32_t)((riacho_murmur2(key) & 0x7fffffffu) % (uint32_t)partitions);
}

uint64_t riacho_hash(riacho_bytes bytes)
{
    return XXH3_64bits(bytes.data, bytes.size);
}

/* A bit at a time: only machines without the instruction come here. */
static uint32_t crc32c_portable(uint32_t crc, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data,
                                                               size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size; data++, size--)
        crc = __builtin_ia32_crc32qi(crc, *data);
    return crc;
}
#endif

uint32_t riacho_crc32c(riacho_bytes bytes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(0xffffffffu, bytes.data, bytes.size);
#endif
    return ~crc32c_portable(0xffffffffu, bytes.data, bytes.size);
}
