/* SPDX-License-Identifier: MIT
 *
 * rocks_fold.c - RIACHO_CHANGE_FOLD as RocksDB does it: changes of a key pile up and are folded
 * when a read, a flush or a compaction meets several of them.
 *
 * Threads: RocksDB's own, and whoever reads; nothing here has state.
 */
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/tally.h"
#include "rocks.h"

/* Of RocksDB's C interface: counts are int, lengths come apart from the bytes. */
static char *fold(riacho_bytes oldest, const char *const *operands, const size_t *sizes, int count,
                  unsigned char *ret_is_folded, size_t *ret_size)
{
    const size_t first = oldest.data ? 1 : 0, all = first + (size_t)count;
    RIACHO_AUTO(heap) riacho_bytes *tallies = riacho_memory_get(all * sizeof *tallies);
    riacho_buffer whole = {0};
    tallies[0] = oldest;
    for (int i = 0; i < count; i++)
        tallies[first + (size_t)i] = (riacho_bytes){operands[i], sizes[i]};
    *ret_is_folded = riacho_tally_fold(tallies, all, &whole);
    *ret_size = whole.size;
    return (char *)whole.data;
}

static char *fold_whole(void *self, const char *key, size_t key_size, const char *value,
                        size_t value_size, const char *const *operands, const size_t *sizes,
                        int count, unsigned char *ret_is_folded, size_t *ret_size)
{
    (void)self, (void)key, (void)key_size;
    return fold((riacho_bytes){value, value_size}, operands, sizes, count, ret_is_folded, ret_size);
}

static char *fold_part(void *self, const char *key, size_t key_size, const char *const *operands,
                       const size_t *sizes, int count, unsigned char *ret_is_folded,
                       size_t *ret_size)
{
    (void)self, (void)key, (void)key_size;
    return fold((riacho_bytes){0}, operands, sizes, count, ret_is_folded, ret_size);
}

static void free_value(void *self, const char *value, size_t size)
{
    (void)self, (void)size;
    free((void *)(uintptr_t)value);
}

static const char *name(void *self)
{
    (void)self;
    return "riacho.tally.1"; /* in the files: another name, and the store does not open */
}

static void destroy(void *self)
{
    (void)self;
}

rocksdb_mergeoperator_t *riacho_rocks_fold(void)
{
    return rocksdb_mergeoperator_create(NULL, destroy, fold_whole, fold_part, free_value, name);
}
