/* SPDX-License-Identifier: MIT
 *
 * list.h - values in the order they were appended: many lists in one store, each under its key.
 *
 *   'h' closed(key)                 -> first, next, count (8 bytes big-endian each)
 *   'e' closed(key) sequence (8)    -> value
 *
 * Sequences are 1, 2, 3 ... in each list and are never used twice, not even after all entries were
 * deleted. No entry has a sequence below `first`. Threads: as the view.
 */
#pragma once

#include "view.h"

/* One list. Borrows the key; cheap to make for a call. */
typedef struct riacho_state_list {
    riacho_state state;
    riacho_bytes key;
    uint64_t keep; /* an append deletes entries beyond the newest so many; 0: none */
} riacho_state_list;

typedef struct riacho_state_list_entry {
    uint64_t sequence;
    riacho_bytes value;
} riacho_state_list_entry;

typedef struct riacho_state_list_page {
    const riacho_state_list_entry *items; /* in the arena */
    size_t count;
} riacho_state_list_page;

/* Which entries: from the oldest (RIACHO_FORWARD) or the newest (RIACHO_BACKWARD). */
typedef struct riacho_state_list_query {
    riacho_direction direction;
    uint64_t after; /* the sequence of the last entry of the page before; 0: from the start */
    size_t limit;
} riacho_state_list_query;

/* ret_sequence may be NULL. */
RIACHO_CHECKED riacho_status riacho_state_list_append(const riacho_state_list *list,
                                                      riacho_bytes value, uint64_t *ret_sequence,
                                                      riacho_error *err);
/* An entry that is not there is fine. */
RIACHO_CHECKED riacho_status riacho_state_list_delete(const riacho_state_list *list,
                                                      uint64_t sequence, riacho_error *err);
/* data NULL when there is no such entry. */
RIACHO_CHECKED riacho_status riacho_state_list_get(const riacho_state_list *list, uint64_t sequence,
                                                   riacho_bytes *ret_value, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_state_list_count(const riacho_state_list *list,
                                                     uint64_t *ret_count, riacho_error *err);
RIACHO_CHECKED riacho_status riacho_state_list_entries(const riacho_state_list *list,
                                                       const riacho_state_list_query *query,
                                                       riacho_state_list_page *ret_page,
                                                       riacho_error *err);
