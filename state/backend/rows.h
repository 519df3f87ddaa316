/* SPDX-License-Identifier: MIT
 *
 * rows.h - one space of a memory store: rows in key order, each with the versions that some
 * snapshot still sees.
 *
 * A version belongs to the write (sequence) that made it; a snapshot at sequence s sees the newest
 * version not above s. Threads: the memory store's lock; shared for reading, exclusive for writing.
 */
#pragma once

#include "base/sorted.h"
#include "riacho/port/store.h"

typedef struct riacho_row riacho_row;

/* Which versions must be kept: those that snapshots from oldest to newest may see. None open:
 * oldest is UINT64_MAX and newest 0. */
typedef struct riacho_rows_pins {
    uint64_t oldest;
    uint64_t newest;
} riacho_rows_pins;

typedef struct riacho_rows {
    riacho_sorted sorted; /* node->value is the row */
    riacho_row *old_rows; /* rows with more than one version, or one that says deleted */
    uint64_t key_count;   /* not deleted */
    uint64_t bytes;
    uint64_t removed; /* rows ever removed: while it stays, a node in hand is still there */
} riacho_rows;

void riacho_rows_init(riacho_rows *rows);
void riacho_rows_done(riacho_rows *rows);
/* data NULL when there is no such key; borrowed while the snapshot is open, or till the next
 * write. */
riacho_bytes riacho_rows_get(const riacho_rows *rows, riacho_bytes key, uint64_t sequence);
riacho_bytes riacho_row_value(const riacho_sorted_node *node, uint64_t sequence);
/* A change of the write `sequence`, above all before it. */
void riacho_rows_apply(riacho_rows *rows, const riacho_change *change, uint64_t sequence,
                       riacho_rows_pins pins);
/* Frees what only closed snapshots saw; no snapshot may be open. */
void riacho_rows_tidy(riacho_rows *rows);
