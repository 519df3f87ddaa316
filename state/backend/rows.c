/* SPDX-License-Identifier: MIT
 *
 * rows.c - see rows.h.
 *
 * Invariant: a row's versions fall in sequence from `newest` on. A row whose newest version says
 * deleted stays as long as an older version may be seen.
 */
#include "rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/tally.h"

struct version {
    struct version *older;
    uint64_t sequence;
    size_t size;
    bool deleted;
    uint8_t data[];
};

struct riacho_row {
    struct version *newest;
    riacho_sorted_node *node;
    riacho_row *next_old;
    bool is_old; /* on the list */
    uint8_t key[];
};

void riacho_rows_init(riacho_rows *rows)
{
    *rows = (riacho_rows){0};
    riacho_sorted_init(&rows->sorted);
}

static void free_version(riacho_rows *rows, struct version *version)
{
    rows->bytes -= sizeof *version + version->size;
    free(version);
}

/* Frees the versions behind this one. */
static void cut(riacho_rows *rows, struct version *version)
{
    while (version->older) {
        struct version *old = version->older;
        version->older = old->older;
        free_version(rows, old);
    }
}

static void remove_row(riacho_rows *rows, riacho_row *row)
{
    cut(rows, row->newest);
    free_version(rows, row->newest);
    rows->bytes -= row->node->key.size;
    riacho_sorted_remove(&rows->sorted, row->node);
    rows->removed++;
    free(row->node);
    free(row);
}

void riacho_rows_done(riacho_rows *rows)
{
    for (riacho_sorted_node *node = rows->sorted.first[0], *next; node; node = next) {
        next = node->next[0];
        riacho_row *row = node->value;
        cut(rows, row->newest);
        free_version(rows, row->newest);
        free(row);
        free(node);
    }
}

riacho_bytes riacho_row_value(const riacho_sorted_node *node, uint64_t sequence)
{
    const riacho_row *row = node->value;
    const struct version *version = row->newest;
    while (version && version->sequence > sequence)
        version = version->older;
    return version && !version->deleted ? (riacho_bytes){version->data, version->size}
                                        : (riacho_bytes){0};
}

riacho_bytes riacho_rows_get(const riacho_rows *rows, riacho_bytes key, uint64_t sequence)
{
    const riacho_sorted_node *node = riacho_sorted_get(&rows->sorted, key);
    return node ? riacho_row_value(node, sequence) : (riacho_bytes){0};
}

static riacho_row *add_row(riacho_rows *rows, riacho_bytes key)
{
    riacho_row *row = riacho_memory_get_zero(1, sizeof *row + key.size);
    memcpy(row->key, key.data, key.size);
    const uint32_t height = riacho_sorted_height(&rows->sorted);
    row->node = riacho_memory_get(riacho_sorted_node_bytes(height));
    riacho_sorted_insert(&rows->sorted, row->node, height, (riacho_bytes){row->key, key.size}, row);
    rows->bytes += key.size;
    return row;
}

/* Drops the versions of a row, its newest apart, that no open snapshot sees. */
static void drop_unseen(riacho_rows *rows, riacho_row *row, riacho_rows_pins pins)
{
    struct version *newest = row->newest;
    while (newest->older && newest->older->sequence > pins.newest) {
        struct version *unseen = newest->older;
        newest->older = unseen->older;
        free_version(rows, unseen);
    }
    struct version *last = newest;
    while (last->older && last->sequence > pins.oldest)
        last = last->older;
    cut(rows, last);
}

static void set_newest(riacho_rows *rows, riacho_row *row, riacho_bytes value, uint64_t sequence)
{
    struct version *version = riacho_memory_get(sizeof *version + value.size);
    *version = (struct version){row->newest, sequence, value.size, !value.data};
    if (value.size)
        memcpy(version->data, value.data, value.size);
    const bool was_there = row->newest && !row->newest->deleted;
    rows->key_count += value.data && !was_there ? 1 : 0;
    rows->key_count -= !value.data && was_there ? 1 : 0;
    rows->bytes += sizeof *version + value.size;
    row->newest = version;
}

static void change_row(riacho_rows *rows, riacho_row *row, riacho_bytes value, uint64_t sequence,
                       riacho_rows_pins pins)
{
    set_newest(rows, row, value, sequence);
    drop_unseen(rows, row, pins);
    if (row->is_old)
        return;
    if (!row->newest->older && row->newest->deleted) {
        remove_row(rows, row);
    } else if (row->newest->older || row->newest->deleted) {
        row->is_old = true;
        row->next_old = rows->old_rows;
        rows->old_rows = row;
    }
}

static void delete_key(riacho_rows *rows, riacho_sorted_node *node, uint64_t sequence,
                       riacho_rows_pins pins)
{
    riacho_row *row = node->value;
    if (!row->newest->deleted)
        change_row(rows, row, (riacho_bytes){0}, sequence, pins);
}

static void delete_range(riacho_rows *rows, const riacho_change *change, uint64_t sequence,
                         riacho_rows_pins pins)
{
    riacho_sorted_node *node = riacho_sorted_seek(&rows->sorted, change->key), *next;
    for (; node && riacho_bytes_compare(node->key, change->key_end) < 0; node = next) {
        next = node->next[0];
        delete_key(rows, node, sequence, pins);
    }
}

/* Only the state's own code writes here, so a value that is no tally is a mistake of ours. */
static void fold_key(riacho_rows *rows, riacho_sorted_node *node, const riacho_change *change,
                     uint64_t sequence, riacho_rows_pins pins)
{
    RIACHO_AUTO(buffer) riacho_buffer whole = {0};
    const riacho_bytes both[] = {node ? riacho_row_value(node, UINT64_MAX) : (riacho_bytes){0},
                                 change->value};
    const bool is_folded = riacho_tally_fold(both, 2, &whole);
    assert(is_folded);
    (void)is_folded;
    riacho_row *row = node ? node->value : add_row(rows, change->key);
    change_row(rows, row, riacho_buffer_bytes(&whole), sequence, pins);
}

void riacho_rows_apply(riacho_rows *rows, const riacho_change *change, uint64_t sequence,
                       riacho_rows_pins pins)
{
    if (change->key_end.data) {
        delete_range(rows, change, sequence, pins);
        return;
    }
    riacho_sorted_node *node = riacho_sorted_get(&rows->sorted, change->key);
    if (change->verb == RIACHO_CHANGE_FOLD) {
        fold_key(rows, node, change, sequence, pins);
    } else if (change->value.data) {
        riacho_row *row = node ? node->value : add_row(rows, change->key);
        change_row(rows, row, change->value, sequence, pins);
    } else if (node) {
        delete_key(rows, node, sequence, pins);
    }
}

void riacho_rows_tidy(riacho_rows *rows)
{
    while (rows->old_rows) {
        riacho_row *row = rows->old_rows;
        rows->old_rows = row->next_old;
        row->is_old = false;
        cut(rows, row->newest);
        if (row->newest->deleted)
            remove_row(rows, row);
    }
}
