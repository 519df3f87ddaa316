/* SPDX-License-Identifier: MIT
 *
 * world.h - a simulated world: a model broker, machines with disks, workers on them that crash,
 * sleep, move and come back, events, and a ledger of what must have become of them.
 *
 *   world.c    workers: their starts and ends
 *   nemesis.c  what happens to them, and to the broker
 *   oracle.c   what must be true in the end
 *   watch.c    what readers must see on the way
 *   run.c      a whole run: trouble, quiet, oracle
 *
 * Threads: one.
 */
#pragma once

#include "broker.h"
#include "riacho/worker.h"
#include "stores.h"
#include "topologies.h"

enum {
    SIM_SLOTS = 4,
    SIM_KEYS = 10,      /* "k0" ... : of events */
    SIM_CLOSERS = 8,    /* "z0" ... : of the events that close every span of time at the end */
    SIM_TASKS_MAX = 16, /* of one topology */
    SIM_REASON_BYTES = 512,
};

/* One place where a worker may be: a name, a disk, at most one process. */
typedef struct sim_slot {
    struct sim_world *world;
    char name[8];
    riacho_store_factory *disk;
    riacho_log *client;    /* NULL: no process */
    riacho_worker *worker; /* likewise */
    int64_t down_until_ms; /* without a process */
    int64_t frozen_until_ms;
    bool ended; /* a fault ended the process: its FATAL is no failure */
    riacho_site crash_site;
    int32_t crash_after; /* hits of the site; 0: nowhere */

    /* What readers of this process saw last, by task. */
    uint64_t seen_number[SIM_TASKS_MAX];
    int64_t seen_count[SIM_TASKS_MAX][SIM_KEYS];
} sim_slot;

/* How this run is bad: of 10 000 steps each. */
typedef struct sim_plan {
    uint32_t slots; /* in use */
    uint32_t partitions;
    uint32_t standbys;
    uint32_t shape;
    bool at_least_once;
    uint32_t events;
    uint32_t crash, freeze, deaf, move, leave, power, restart, compact, jump, look;
    uint32_t sites; /* of 10 000 starts: with a crash at a site */
    uint32_t sleep; /* of 10 000 transactions: asleep in the middle of it */
    model_faults network;
    model_disk_faults disk;
} sim_plan;

typedef struct sim_ledger {
    int64_t count[SIM_KEYS + SIM_CLOSERS];
    int64_t sum[SIM_KEYS + SIM_CLOSERS];
    int64_t groups[SIM_GROUPS];
    int64_t total;
} sim_ledger;

typedef struct sim_figures {
    uint64_t events, starts, crashes, freezes, looks;
    uint64_t standbys; /* that were compared */
} sim_figures;

typedef struct sim_world {
    simulation sim;
    sim_plan plan;
    const sim_topology *topology;
    model_broker *broker;
    riacho_log *outside; /* of the one who sends events and looks */
    sim_slot slots[SIM_SLOTS];
    sim_slot spare; /* of the restore at the end */
    sim_ledger ledger;
    sim_figures figures;
    int64_t event_ms;                    /* time of events */
    uint64_t most_number[SIM_TASKS_MAX]; /* of a commit that anybody saw */
    char reason[SIM_REASON_BYTES];       /* of a failure; "" while there is none */
} sim_world;

/* Remembers the first reason. */
void sim_fail(sim_world *world, const char *format, ...) RIACHO_PRINTF(2, 3);
static inline bool sim_failed(const sim_world *world)
{
    return world->reason[0] != '\0';
}

/* ---- world.c --------------------------------------------------------------------------------- */

/* Those in use have a world; SIM_SLOTS is the spare one. */
static inline sim_slot *sim_slot_at(sim_world *world, uint32_t index)
{
    return index < SIM_SLOTS ? &world->slots[index] : &world->spare;
}
void sim_slot_start(sim_slot *slot);
/* Starts those that have been down for long enough. */
void sim_wake(sim_world *world);
/* Ends the process without a word, if there is one. */
void sim_slot_crash(sim_slot *slot);
/* Stops it for a while, perhaps past its session and its transaction. */
void sim_slot_freeze(sim_slot *slot);
/* Its disk is empty: another machine. The process must have ended. */
void sim_slot_move(sim_slot *slot);
bool sim_slot_rests(const sim_slot *slot);
/* One step of one part; a process that ends by it is cleared away. */
void sim_slot_step(sim_slot *slot, riacho_part part);
const char *sim_key(size_t key);
/* Sends one event; key SIM_KEYS and on: a closer. */
void sim_send(sim_world *world, size_t key, int64_t value);

/* ---- nemesis.c ------------------------------------------------------------------------------- */

void sim_plan_make(sim_world *world);
/* What happens in one step beside the step itself. */
void sim_nemesis(sim_world *world);
/* No more faults, but for what is on its way, and for scans that break off. */
void sim_calm(sim_world *world);
/* Nor those. */
void sim_mend_disks(sim_world *world);

/* ---- watch.c --------------------------------------------------------------------------------- */

/* Reads one key as a query would, at any worker. */
void sim_look(sim_world *world);

/* ---- oracle.c -------------------------------------------------------------------------------- */

/* Everything that was sent is processed and committed, and nothing is under way; else ret_left says
 * what is left. */
bool sim_is_drained(sim_world *world, riacho_error *ret_left);
/* Outputs, stores, positions and changelogs agree with the ledger and with each other. */
void sim_check(sim_world *world);

/* ---- run.c ----------------------------------------------------------------------------------- */

typedef struct sim_run_options {
    uint64_t seed;
    uint32_t steps; /* 0: 3000 */
    FILE *trace;
} sim_run_options;

typedef struct sim_result {
    char reason[SIM_REASON_BYTES]; /* "": it held */
    uint64_t hash;
    sim_figures figures;
} sim_result;

void sim_run(const sim_run_options *options, sim_result *ret_result);
/* Frees what runs share: the topologies. */
void sim_runs_done(void);
