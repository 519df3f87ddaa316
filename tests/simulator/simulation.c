/* SPDX-License-Identifier: MIT
 *
 * simulation.c - see simulation.h.
 */
#include "simulation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void simulation_init(simulation *sim, uint64_t seed)
{
    *sim = (simulation){.random = seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u,
                        .hash = 0xcbf29ce484222325u};
    riacho_clock_virtual_init(&sim->clock, 1000000);
}

void simulation_done(simulation *sim)
{
    for (size_t i = 0; i < sim->count; i++)
        free(sim->entries[i].argument);
    free(sim->entries);
    *sim = (simulation){0};
}

/* splitmix64 */
uint64_t simulation_random(simulation *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t simulation_below(simulation *sim, uint32_t bound)
{
    return bound ? (uint32_t)((simulation_random(sim) >> 32) % bound) : 0;
}

bool simulation_chance(simulation *sim, uint32_t of_10000)
{
    return of_10000 && simulation_below(sim, 10000) < of_10000;
}

/* ---- the queue ------------------------------------------------------------------------------- */

static bool is_before(const simulation_entry *a, const simulation_entry *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->serial < b->serial;
}

static void swap(simulation_entry *a, simulation_entry *b)
{
    const simulation_entry kept = *a;
    *a = *b;
    *b = kept;
}

static void push(simulation *sim, simulation_entry entry)
{
    if (sim->count == sim->capacity) {
        sim->capacity = sim->capacity ? 2 * sim->capacity : 64;
        sim->entries = riacho_memory_resize(sim->entries, sim->capacity * sizeof *sim->entries);
    }
    size_t at = sim->count++;
    sim->entries[at] = entry;
    while (at && is_before(&sim->entries[at], &sim->entries[(at - 1) / 2])) {
        swap(&sim->entries[at], &sim->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static simulation_entry pop(simulation *sim)
{
    const simulation_entry first = sim->entries[0];
    sim->entries[0] = sim->entries[--sim->count];
    for (size_t at = 0, next; (next = 2 * at + 1) < sim->count; at = next) {
        if (next + 1 < sim->count && is_before(&sim->entries[next + 1], &sim->entries[next]))
            next++;
        if (!is_before(&sim->entries[next], &sim->entries[at]))
            break;
        swap(&sim->entries[next], &sim->entries[at]);
    }
    return first;
}

void simulation_after(simulation *sim, int64_t delay_ms, simulation_event *event,
                      const void *argument, size_t size)
{
    assert(delay_ms >= 0);
    void *copy = riacho_memory_get(size);
    memcpy(copy, argument, size);
    push(sim, (simulation_entry){simulation_now(sim) + delay_ms, sim->serial++, event, copy});
}

void simulation_advance(simulation *sim, int64_t by_ms)
{
    const int64_t until_ms = simulation_now(sim) + by_ms;
    while (sim->count && sim->entries[0].due_ms <= until_ms) {
        const simulation_entry entry = pop(sim);
        if (sim->clock.at_ms < entry.due_ms)
            sim->clock.at_ms = entry.due_ms;
        entry.event(sim, entry.argument);
        free(entry.argument);
    }
    sim->clock.at_ms = until_ms;
}

/* ---- the trace ------------------------------------------------------------------------------- */

static void mix(simulation *sim, uint64_t word)
{
    sim->hash = (sim->hash ^ word) * 0x100000001b3u;
    sim->hash ^= sim->hash >> 29;
}

static void mix_text(simulation *sim, const char *text)
{
    uint64_t word = 0;
    for (; *text; text++)
        word = word * 131 + (unsigned char)*text;
    mix(sim, word);
}

void simulation_note_text(simulation *sim, const char *what, const char *text, int64_t a)
{
    mix_text(sim, what);
    mix_text(sim, text);
    mix(sim, (uint64_t)a);
    mix(sim, (uint64_t)simulation_now(sim));
    sim->noted++;
    if (sim->trace)
        fprintf(sim->trace, "%8" PRId64 " %s %s %" PRId64 "\n", simulation_now(sim) - 1000000, what,
                text, a);
}

void simulation_note(simulation *sim, const char *what, int64_t a, int64_t b)
{
    mix_text(sim, what);
    mix(sim, (uint64_t)a);
    mix(sim, (uint64_t)b);
    mix(sim, (uint64_t)simulation_now(sim));
    sim->noted++;
    if (sim->trace)
        fprintf(sim->trace, "%8" PRId64 " %s %" PRId64 " %" PRId64 "\n",
                simulation_now(sim) - 1000000, what, a, b);
}
