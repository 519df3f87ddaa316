/* SPDX-License-Identifier: MIT
 *
 * ranking_held_private.h - what ranking_held.c (the table of changed scores) and ranking_settle.c
 * (writing them) share.
 *
 * Invariants: an entry is listed when its index is in `listed`, once. One that is not listed was
 * settled and counts for nothing: what is stored knows better. Entries are in a table (table.h), so
 * undo leads them back; the list follows.
 *
 * Threads: belongs to the task.
 */
#pragma once

#include <string.h>

#include "base/map.h"
#include "ranking_held.h"
#include "table.h"

/* The value of an entry; its key is the group, the member of a board as a tally has it, and the
 * size of the group, without which the two might mix. */
typedef struct riacho_ranking_member {
    int64_t number;
    uint32_t group_bytes;
    uint8_t verb;
    bool is_listed;
} riacho_ranking_member;

/* A listed entry on its way into the order of group, then name. */
typedef struct riacho_ranking_listed_entry {
    uint64_t lead[2]; /* the first bytes of the group, as numbers */
    riacho_table_entry *entry;
} riacho_ranking_listed_entry;

struct riacho_ranking_held {
    riacho_held base;
    riacho_overlay *overlay;
    uint32_t space;
    riacho_table table;
    uint32_t *listed;
    size_t listed_count;
    size_t listed_capacity;
    size_t savepoint_listed;
    bool is_settled; /* since the savepoint */
    riacho_ranking_listed_entry *places;
    size_t place_capacity;
    riacho_arena *work;
    riacho_buffer tally;
    riacho_map paged; /* the groups in pages; values mean nothing */
    riacho_arena *paged_keys;
    bool is_paged_known;
    bool is_paged_new; /* this transaction moved a group */
    uint64_t bound;    /* no score is further from 0 */
    bool is_bound_known;
    uint64_t chance;
};

static inline riacho_ranking_member riacho_ranking_member_of(const riacho_table_entry *entry)
{
    riacho_ranking_member member;
    memcpy(&member, entry->value.data, sizeof member);
    return member;
}

static inline void riacho_ranking_member_set(riacho_ranking_held *held, riacho_table_entry *entry,
                                             const riacho_ranking_member *member)
{
    memcpy(riacho_table_rewrite(&held->table, entry, sizeof *member), member, sizeof *member);
}

riacho_status riacho_ranking_settle(riacho_ranking_held *held, riacho_settle purpose,
                                    riacho_error *err);
/* The groups in pages are read again when they are next asked for. */
void riacho_ranking_forget_paged(riacho_ranking_held *held);
