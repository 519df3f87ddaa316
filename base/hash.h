/* SPDX-License-Identifier: MIT
 *
 * hash.h - murmur2 as Kafka's Java clients use it to choose partitions, and a fast hash for tables
 * in memory.
 */
#pragma once

#include "riacho/types.h"

/* Kafka's murmur2 (seed 0x9747b28c); the partition of a key is (murmur2 & 0x7fffffff) % partitions.
 */
uint32_t riacho_murmur2(riacho_bytes key);
int32_t riacho_partition_of(riacho_bytes key, int32_t partitions);
/* 64 bits, for tables; not stable over versions, so never stored. */
uint64_t riacho_hash(riacho_bytes bytes);
/* CRC-32C (Castagnoli) of the bytes, for what is stored. */
uint32_t riacho_crc32c(riacho_bytes bytes);
