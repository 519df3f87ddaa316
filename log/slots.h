/* SPDX-License-Identifier: MIT
 *
 * slots.h - what one reader reads: a slot for each assigned partition, visited in turn so that a
 * busy partition cannot starve the others.
 *
 * Threads: the reader's.
 */
#pragma once

#include "riacho/port/log.h"

struct slot {
    void *partition; /* the backend's */
    void *ready;     /* the backend's list of batches read ahead */
    int64_t next;    /* the offset behind what was handed out or read ahead */
    uint32_t tag;
    bool paused;
};

/* Zeroed memory is empty. */
struct slots {
    struct slot *items;
    size_t count;
    size_t turn; /* where the next round begins */
};

/* Makes room for `count` slots, zeroed. What they pointed to is the caller's to release before. */
void riacho_slots_reset(struct slots *slots, size_t count);
void riacho_slots_done(struct slots *slots);
void riacho_slots_pause(struct slots *slots, const uint32_t *tags, size_t count);
void riacho_slots_resume(struct slots *slots, const uint32_t *tags, size_t count);
/* The slot `step` places into this round; NULL when the round is over or the slot is paused. */
struct slot *riacho_slots_at(const struct slots *slots, size_t step);
/* The next round begins behind this slot. */
void riacho_slots_served(struct slots *slots, const struct slot *slot);
