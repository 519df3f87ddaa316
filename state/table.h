/* SPDX-License-Identifier: MIT
 *
 * table.h - the changed keys of one transaction: found by hash, walked in order, taken back to a
 * savepoint. The overlay (overlay.h) puts it over a store.
 *
 *   entries   in order of first change, in segments that do not move and that a reset gives back;
 *             a slot table finds them by hash. A reset is one step of the generation that slots
 *             carry, not a sweep.
 *   order     a skip list for each space, fed when somebody scans: what is never scanned is never
 *             sorted.
 *   undo      the first change of an entry after a savepoint sets its value aside and takes
 *             another buffer. What was set aside is used again from the next savepoint on, so hot
 *             keys need no new memory, and what was lent stays as it was for the record in hand.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include "base/sorted.h"
#include "key.h"
#include "pool.h"
#include "riacho/types.h"

enum { RIACHO_TABLE_SEGMENT = 1024 }; /* entries */
#define RIACHO_TABLE_OUTGROWN UINT32_MAX

typedef struct riacho_table_value {
    uint8_t *data;
    uint32_t size;
    uint32_t capacity;
} riacho_table_value;

typedef struct riacho_table_entry {
    riacho_state_key key; /* bytes in the arena */
    riacho_table_value value;
    riacho_sorted_node *node; /* NULL: not sorted yet */
    uint32_t index;
    uint32_t next_unsorted; /* index + 1 of the space's next entry without a node */
    uint32_t savepoint;     /* the number of the savepoint this entry was last changed after */
    bool deleted;
} riacho_table_entry;

typedef struct riacho_table_range {
    riacho_bytes from; /* in the arena */
    riacho_bytes to;
    uint32_t space;
} riacho_table_range;

/* The order of one space. */
typedef struct riacho_table_order {
    riacho_sorted sorted; /* node->value is the index of the entry */
    uint32_t unsorted;    /* index + 1 of the last entry without a node */
} riacho_table_order;

typedef struct riacho_table_undo {
    riacho_table_value value;
    uint32_t entry; /* RIACHO_TABLE_OUTGROWN: the value was made since the savepoint */
    uint32_t savepoint;
    bool deleted;
} riacho_table_undo;

typedef struct riacho_table {
    riacho_arena *arena;
    riacho_pool values; /* in the arena */
    riacho_table_entry **segments;
    size_t segment_count;
    size_t segment_capacity;
    size_t count;    /* of entries */
    uint64_t *slots; /* generation (16 bits), of the key's hash (16), index (32) */
    size_t slot_count;
    uint32_t generation;
    riacho_table_order *orders; /* by space */
    size_t order_count;
    uint64_t inserted; /* nodes ever added to orders: tells a scan to find its place again */
    riacho_table_range *ranges;
    size_t range_count;
    size_t range_capacity;
    riacho_table_undo *undos;
    size_t undo_count;
    size_t undo_capacity;
    uint32_t savepoint;
    size_t savepoint_entries; /* counts at the savepoint */
    size_t savepoint_ranges;
} riacho_table;

void riacho_table_init(riacho_table *table);
void riacho_table_done(riacho_table *table);
/* Empty again; keeps a little memory, so that many tables of which few are full at a time cost
 * about what those few hold. */
void riacho_table_reset(riacho_table *table);
/* Bytes the transaction holds. */
size_t riacho_table_bytes(const riacho_table *table);

/* Below `count`. Entries stay where they are until they are taken back or the table is reset. */
static inline riacho_table_entry *riacho_table_entry_at(const riacho_table *table, size_t index)
{
    return &table->segments[index / RIACHO_TABLE_SEGMENT][index % RIACHO_TABLE_SEGMENT];
}

/* NULL when the key was not changed. */
riacho_table_entry *riacho_table_find(const riacho_table *table, const riacho_state_key *key);
/* Where the bytes of the key's new value go. */
uint8_t *riacho_table_put(riacho_table *table, const riacho_state_key *key, size_t value_size);
/* The same of an entry that was found, without looking for it again. */
uint8_t *riacho_table_rewrite(riacho_table *table, riacho_table_entry *entry, size_t value_size);
void riacho_table_delete(riacho_table *table, const riacho_state_key *key);
/* Also deletes the entries within. */
void riacho_table_delete_range(riacho_table *table, uint32_t space, riacho_bytes from,
                               riacho_bytes to);
/* Whether a deleted range holds the key. */
bool riacho_table_covers(const riacho_table *table, uint32_t space, riacho_bytes key);

/* The space in order, with every entry in it. */
const riacho_sorted *riacho_table_sort(riacho_table *table, uint32_t space);
static inline const riacho_table_entry *riacho_table_at(const riacho_table *table,
                                                        const riacho_sorted_node *node)
{
    return riacho_table_entry_at(table, (uintptr_t)node->value);
}

void riacho_table_savepoint(riacho_table *table);
void riacho_table_rewind(riacho_table *table);
