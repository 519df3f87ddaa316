/* SPDX-License-Identifier: MIT
 *
 * table.c - see table.h.
 *
 * Invariants:
 *   1. A slot is in use when its upper quarter is the table's generation; slots are at most half
 *      full.
 *   2. Slots were filled in the order of the entries, so taking back the last entries and freeing
 *      their slots in reverse leaves every probe sequence whole.
 *   3. An entry without a node is on its space's unsorted chain, newest first.
 *   4. undos hold at most one item for an entry, its state at the savepoint, and every buffer that
 *     was outgrown since; no buffer is used again before the next savepoint or the way back.
 */
#include "table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { SLOTS_MIN = 256, SLOTS_KEPT = 16 * 1024, UNDOS_KEPT = 1024, GENERATION_MAX = 0xffff };

void riacho_table_init(riacho_table *table)
{
    *table = (riacho_table){.arena = riacho_arena_new(), .generation = 1, .savepoint = 1};
    riacho_pool_init(&table->values, table->arena);
    table->slot_count = SLOTS_MIN;
    table->slots = riacho_memory_get_zero(SLOTS_MIN, sizeof *table->slots);
}

static void free_segments(riacho_table *table, size_t kept)
{
    while (table->segment_count > kept)
        free(table->segments[--table->segment_count]);
}

void riacho_table_done(riacho_table *table)
{
    riacho_arena_free(table->arena);
    free_segments(table, 0);
    free(table->segments);
    free(table->slots);
    free(table->orders);
    free(table->ranges);
    free(table->undos);
    *table = (riacho_table){0};
}

static void clear_slots(riacho_table *table)
{
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
    table->generation = 1;
}

/* What one task gives back the next one takes: not all of them are full at the same time. */
static void shrink(riacho_table *table)
{
    free_segments(table, 1);
    if (table->undo_capacity > UNDOS_KEPT) {
        free(table->undos);
        table->undos = NULL;
        table->undo_capacity = 0;
    }
    if (table->slot_count <= SLOTS_KEPT)
        return;
    free(table->slots);
    table->slot_count = SLOTS_MIN;
    table->slots = riacho_memory_get_zero(SLOTS_MIN, sizeof *table->slots);
    table->generation = 1;
}

void riacho_table_reset(riacho_table *table)
{
    if (table->generation == GENERATION_MAX)
        clear_slots(table);
    table->generation++;
    for (size_t i = 0; i < table->order_count; i++) {
        riacho_sorted_init(&table->orders[i].sorted);
        table->orders[i].unsorted = 0;
    }
    table->count = table->range_count = table->undo_count = 0;
    table->savepoint = 1;
    table->savepoint_entries = table->savepoint_ranges = 0;
    riacho_arena_reset(table->arena);
    riacho_pool_init(&table->values, table->arena);
    shrink(table);
}

size_t riacho_table_bytes(const riacho_table *table)
{
    const size_t slots = table->slot_count > SLOTS_KEPT ? table->slot_count : 0;
    return riacho_arena_used(table->arena) + table->count * sizeof(riacho_table_entry) +
           slots * sizeof *table->slots + table->range_count * sizeof *table->ranges +
           table->undo_count * sizeof *table->undos;
}

static bool is_used(const riacho_table *table, size_t slot)
{
    return table->slots[slot] >> 48 == table->generation;
}

static riacho_table_entry *entry_in(const riacho_table *table, size_t slot)
{
    return riacho_table_entry_at(table, (uint32_t)table->slots[slot]);
}

/* What a slot in use says of its key; the low bits of the hash chose the slot already. */
static uint64_t tag_of(const riacho_table *table, uint64_t hash)
{
    return (uint64_t)table->generation << 48 | (hash >> 48) << 32;
}

/* The slot of the key, or the free one where it would go. */
static size_t find_slot(const riacho_table *table, const riacho_state_key *key)
{
    const size_t mask = table->slot_count - 1;
    const uint64_t tag = tag_of(table, key->hash) >> 32;
    size_t slot = key->hash & mask;
    for (; is_used(table, slot); slot = (slot + 1) & mask) {
        if (table->slots[slot] >> 32 == tag &&
            riacho_state_key_equal(&entry_in(table, slot)->key, key))
            break;
    }
    return slot;
}

static void set_slot(riacho_table *table, size_t slot, const riacho_table_entry *entry)
{
    table->slots[slot] = tag_of(table, entry->key.hash) | entry->index;
}

static void grow_slots(riacho_table *table)
{
    free(table->slots);
    table->slot_count *= 2;
    table->slots = riacho_memory_get_zero(table->slot_count, sizeof *table->slots);
    table->generation = 1;
    const size_t mask = table->slot_count - 1;
    for (size_t i = 0; i < table->count; i++) {
        const riacho_table_entry *entry = riacho_table_entry_at(table, i);
        size_t slot = entry->key.hash & mask;
        while (is_used(table, slot))
            slot = (slot + 1) & mask;
        set_slot(table, slot, entry);
    }
}

riacho_table_entry *riacho_table_find(const riacho_table *table, const riacho_state_key *key)
{
    if (!table->count)
        return NULL;
    const size_t slot = find_slot(table, key);
    return is_used(table, slot) ? entry_in(table, slot) : NULL;
}

static riacho_table_order *order_of(riacho_table *table, uint32_t space)
{
    if (space >= table->order_count) {
        table->orders = riacho_memory_resize(table->orders, (space + 1) * sizeof *table->orders);
        for (; table->order_count <= space; table->order_count++) {
            riacho_sorted_init(&table->orders[table->order_count].sorted);
            table->orders[table->order_count].unsorted = 0;
        }
    }
    return &table->orders[space];
}

static void add_segment(riacho_table *table)
{
    if (table->segment_count == table->segment_capacity) {
        table->segment_capacity = table->segment_capacity * 2 + 4;
        table->segments =
            riacho_memory_resize(table->segments, table->segment_capacity * sizeof(void *));
    }
    table->segments[table->segment_count++] =
        riacho_memory_get(RIACHO_TABLE_SEGMENT * sizeof(riacho_table_entry));
}

static riacho_table_entry *insert(riacho_table *table, size_t slot, const riacho_state_key *key)
{
    assert(table->count < UINT32_MAX);
    if (table->count == table->segment_count * RIACHO_TABLE_SEGMENT)
        add_segment(table);
    riacho_table_entry *entry = riacho_table_entry_at(table, table->count);
    *entry = (riacho_table_entry){
        .key = *key, .index = (uint32_t)table->count, .savepoint = table->savepoint};
    entry->key.bytes.data =
        memcpy(riacho_alloc(table->arena, key->bytes.size), key->bytes.data, key->bytes.size);
    riacho_table_order *order = order_of(table, key->space);
    entry->next_unsorted = order->unsorted;
    order->unsorted = entry->index + 1;
    set_slot(table, slot, entry);
    if (++table->count * 2 > table->slot_count)
        grow_slots(table);
    return entry;
}

static riacho_table_undo *add_undo(riacho_table *table)
{
    if (table->undo_count == table->undo_capacity) {
        table->undo_capacity = table->undo_capacity ? table->undo_capacity * 2 : 64;
        table->undos =
            riacho_memory_resize(table->undos, table->undo_capacity * sizeof *table->undos);
    }
    return &table->undos[table->undo_count++];
}

/* Remembers the entry as it was at the savepoint. What is left says how large the value was. */
static void keep_for_undo(riacho_table *table, riacho_table_entry *entry)
{
    *add_undo(table) = (riacho_table_undo){.value = entry->value,
                                           .entry = entry->index,
                                           .savepoint = entry->savepoint,
                                           .deleted = entry->deleted};
    entry->value.data = NULL;
    entry->savepoint = table->savepoint;
}

static void give_back(riacho_table *table, const riacho_table_value *value)
{
    if (value->data)
        riacho_pool_give(&table->values, value->data, value->capacity);
}

static riacho_table_entry *change(riacho_table *table, riacho_table_entry *entry)
{
    if (entry->savepoint != table->savepoint)
        keep_for_undo(table, entry);
    return entry;
}

static riacho_table_entry *touch(riacho_table *table, const riacho_state_key *key)
{
    assert(key->bytes.data);
    const size_t slot = find_slot(table, key);
    if (!is_used(table, slot))
        return insert(table, slot, key);
    return change(table, entry_in(table, slot));
}

/* A value that outgrows its buffer gets one half as large again, so one that grows with every
 * record costs a bounded multiple of its last size. The old one may be what the caller copies from.
 */
static void make_room(riacho_table *table, riacho_table_value *value, size_t size)
{
    assert(size <= UINT32_MAX / 2);
    if (value->data && size <= value->capacity)
        return;
    if (value->data)
        *add_undo(table) = (riacho_table_undo){.value = *value, .entry = RIACHO_TABLE_OUTGROWN};
    const size_t more = (size_t)value->capacity + value->capacity / 2;
    const size_t wanted = size <= value->capacity ? value->capacity : size > more ? size : more;
    value->data = riacho_pool_take(&table->values, wanted, &value->capacity);
}

static uint8_t *set_size(riacho_table *table, riacho_table_entry *entry, size_t value_size)
{
    make_room(table, &entry->value, value_size);
    entry->value.size = (uint32_t)value_size;
    entry->deleted = false;
    return entry->value.data;
}

uint8_t *riacho_table_put(riacho_table *table, const riacho_state_key *key, size_t value_size)
{
    return set_size(table, touch(table, key), value_size);
}

uint8_t *riacho_table_rewrite(riacho_table *table, riacho_table_entry *entry, size_t value_size)
{
    return set_size(table, change(table, entry), value_size);
}

void riacho_table_delete(riacho_table *table, const riacho_state_key *key)
{
    touch(table, key)->deleted = true;
}

bool riacho_table_covers(const riacho_table *table, uint32_t space, riacho_bytes key)
{
    for (size_t i = 0; i < table->range_count; i++) {
        const riacho_table_range *range = &table->ranges[i];
        if (range->space == space && riacho_bytes_compare(range->from, key) <= 0 &&
            riacho_bytes_compare(key, range->to) < 0)
            return true;
    }
    return false;
}

void riacho_table_delete_range(riacho_table *table, uint32_t space, riacho_bytes from,
                               riacho_bytes to)
{
    assert(from.data && to.data);
    const riacho_sorted *sorted = riacho_table_sort(table, space);
    riacho_sorted_node *node = riacho_sorted_seek(sorted, from);
    for (; node && riacho_bytes_compare(node->key, to) < 0; node = node->next[0]) {
        riacho_table_entry *entry = riacho_table_entry_at(table, (uintptr_t)node->value);
        if (entry->savepoint != table->savepoint)
            keep_for_undo(table, entry);
        entry->deleted = true;
    }
    if (table->range_count == table->range_capacity) {
        table->range_capacity = table->range_capacity ? table->range_capacity * 2 : 8;
        table->ranges =
            riacho_memory_resize(table->ranges, table->range_capacity * sizeof *table->ranges);
    }
    table->ranges[table->range_count++] =
        (riacho_table_range){riacho_copy(table->arena, from), riacho_copy(table->arena, to), space};
}

const riacho_sorted *riacho_table_sort(riacho_table *table, uint32_t space)
{
    riacho_table_order *order = order_of(table, space);
    while (order->unsorted) {
        const uint32_t index = order->unsorted - 1;
        riacho_table_entry *entry = riacho_table_entry_at(table, index);
        const uint32_t height = riacho_sorted_height(&order->sorted);
        entry->node = riacho_alloc(table->arena, riacho_sorted_node_bytes(height));
        riacho_sorted_insert(&order->sorted, entry->node, height, entry->key.bytes,
                             (void *)(uintptr_t)index);
        order->unsorted = entry->next_unsorted;
        entry->next_unsorted = 0;
        table->inserted++;
    }
    return &order->sorted;
}

void riacho_table_savepoint(riacho_table *table)
{
    if (table->savepoint == UINT32_MAX) {
        for (size_t i = 0; i < table->count; i++)
            riacho_table_entry_at(table, i)->savepoint = 0;
        table->savepoint = 0;
    }
    table->savepoint++;
    table->savepoint_entries = table->count;
    table->savepoint_ranges = table->range_count;
    while (table->undo_count)
        give_back(table, &table->undos[--table->undo_count].value);
}

static void remove_last(riacho_table *table)
{
    riacho_table_entry *entry = riacho_table_entry_at(table, table->count - 1);
    riacho_table_order *order = order_of(table, entry->key.space);
    if (entry->node) {
        riacho_sorted_remove(&order->sorted, entry->node);
    } else {
        assert(order->unsorted == table->count);
        order->unsorted = entry->next_unsorted;
    }
    table->slots[find_slot(table, &entry->key)] = 0;
    give_back(table, &entry->value);
    table->count--;
}

void riacho_table_rewind(riacho_table *table)
{
    while (table->undo_count) {
        const riacho_table_undo *undo = &table->undos[--table->undo_count];
        if (undo->entry == RIACHO_TABLE_OUTGROWN) {
            give_back(table, &undo->value);
            continue;
        }
        riacho_table_entry *entry = riacho_table_entry_at(table, undo->entry);
        give_back(table, &entry->value);
        entry->value = undo->value;
        entry->deleted = undo->deleted;
        entry->savepoint = undo->savepoint;
    }
    while (table->count > table->savepoint_entries)
        remove_last(table);
    table->range_count = table->savepoint_ranges;
}
