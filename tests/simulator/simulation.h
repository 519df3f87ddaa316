/* SPDX-License-Identifier: MIT
 *
 * simulation.h - what makes a run of the simulator the same every time: one source of chance, one
 * virtual clock, one queue of things that happen later, and a hash of everything that happened.
 *
 * Nothing in a simulation may depend on anything else: no other clock, no address, no thread.
 *
 * Threads: one.
 */
#pragma once

#include <stdio.h>

#include "riacho/port/clock.h"

typedef struct simulation simulation;

/* What happens when its moment has come. The argument is the queue's, and freed behind it. */
typedef void simulation_event(simulation *sim, void *argument);

typedef struct simulation_entry {
    int64_t due_ms;
    uint64_t serial; /* two of one moment happen in the order in which they were asked for */
    simulation_event *event;
    void *argument;
} simulation_entry;

struct simulation {
    riacho_clock_virtual clock;
    uint64_t random;
    uint64_t hash; /* of everything noted */
    uint64_t serial;
    uint64_t noted;
    FILE *trace;               /* NULL: nothing is printed */
    simulation_entry *entries; /* a heap */
    size_t count;
    size_t capacity;
};

void simulation_init(simulation *sim, uint64_t seed);
/* Forgets what did not happen. */
void simulation_done(simulation *sim);

static inline int64_t simulation_now(const simulation *sim)
{
    return sim->clock.at_ms;
}

uint64_t simulation_random(simulation *sim);
/* 0 up to bound - 1; bound 0 gives 0. */
uint32_t simulation_below(simulation *sim, uint32_t bound);
/* True in so many of 10 000 cases. */
bool simulation_chance(simulation *sim, uint32_t of_10000);

/* Copies the argument. */
void simulation_after(simulation *sim, int64_t delay_ms, simulation_event *event,
                      const void *argument, size_t size);
/* Moves the clock on, and lets happen what is due by then, each at its own moment. */
void simulation_advance(simulation *sim, int64_t by_ms);

/* Adds one fact to the hash, and a line to the trace. `what` is a constant text. */
void simulation_note(simulation *sim, const char *what, int64_t a, int64_t b);
/* The same with a text that is part of the fact, such as the name of a topic. */
void simulation_note_text(simulation *sim, const char *what, const char *text, int64_t a);
