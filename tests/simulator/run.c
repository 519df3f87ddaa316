/* SPDX-License-Identifier: MIT
 *
 * run.c - see world.h: one run. Trouble for some thousand steps; then quiet, until some of the
 * workers have done everything; then the events that let every value expire that can; then the
 * oracle; then the same on an empty machine that has nothing but the changelogs.
 */
#include <string.h>

#include "runtime/mutation.h"
#include "world.h"

enum {
    STEPS = 3000,
    QUIET_ROUNDS_MAX = 60000,
    LONG_MS = 3 * MODEL_LATE_MS,
    SHORT_MS = 500,      /* for what shows no end: publications, standbys */
    SETTLE_STEP_MS = 20, /* of one round */
    CLOSING_MS = 1000000,
    PARTITIONS_MAX = 3,
    TOPOLOGIES = SIM_SHAPES * PARTITIONS_MAX * 2,
};

static sim_topology topologies[TOPOLOGIES];

static const sim_topology *topology_of(const sim_plan *plan)
{
    sim_topology *topology = &topologies[(plan->shape * PARTITIONS_MAX + plan->partitions - 1) * 2 +
                                         plan->at_least_once];
    if (!topology->graph)
        sim_topology_init(topology, plan->shape, plan->partitions,
                          plan->at_least_once ? RIACHO_GUARANTEE_AT_LEAST_ONCE
                                              : RIACHO_GUARANTEE_EXACTLY_ONCE);
    return topology;
}

void sim_runs_done(void)
{
    for (size_t i = 0; i < TOPOLOGIES; i++) {
        if (topologies[i].graph)
            sim_topology_done(&topologies[i]);
        topologies[i] = (sim_topology){0};
    }
}

/* ---- trouble --------------------------------------------------------------------------------- */

static void open_world(sim_world *world, const sim_run_options *options)
{
    *world = (sim_world){.event_ms = 1000};
    simulation_init(&world->sim, options->seed);
    world->sim.trace = options->trace;
    sim_plan_make(world);
    world->topology = topology_of(&world->plan);
    world->broker = model_broker_new(&world->sim);
    world->outside = model_client_new(world->broker);
    for (size_t i = 0; i < 2; i++) {
        const riacho_topic_spec spec = {.name = i ? "in2" : "in",
                                        .partitions = (int32_t)world->plan.partitions};
        riacho_error err;
        if (world->outside->ops->topic_ensure(world->outside, &spec, &err) != RIACHO_OK)
            sim_fail(world, "%s", err.text);
    }
    for (uint32_t i = 0; i < world->plan.slots; i++) {
        sim_slot *slot = &world->slots[i];
        slot->world = world;
        snprintf(slot->name, sizeof slot->name, "w%c", (char)('0' + i));
        sim_slot_move(slot);
    }
    model_broker_faults(world->broker, &world->plan.network);
}

static void close_world(sim_world *world)
{
    for (uint32_t i = 0; i <= SIM_SLOTS; i++) {
        sim_slot *slot = sim_slot_at(world, i);
        if (!slot->world)
            continue;
        sim_slot_crash(slot);
        slot->disk->ops->close(slot->disk);
    }
    world->outside->ops->close(world->outside);
    model_broker_free(world->broker);
    simulation_done(&world->sim);
}

static void trouble(sim_world *world, uint32_t steps)
{
    for (uint32_t i = 0; i < steps && !sim_failed(world); i++) {
        sim_nemesis(world);
        sim_slot *slot = &world->slots[simulation_below(&world->sim, world->plan.slots)];
        const riacho_part part = simulation_below(&world->sim, RIACHO_PARTS);
        if (!sim_slot_rests(slot))
            sim_slot_step(slot, part);
    }
}

/* ---- quiet ----------------------------------------------------------------------------------- */

static void round_of_steps(sim_world *world, uint32_t most_ms)
{
    sim_wake(world);
    for (uint32_t i = 0; i <= SIM_SLOTS; i++) {
        sim_slot *slot = sim_slot_at(world, i);
        for (riacho_part part = 0; part < RIACHO_PARTS && !sim_slot_rests(slot); part++)
            sim_slot_step(slot, part);
    }
    simulation_advance(&world->sim, 1 + simulation_below(&world->sim, most_ms));
}

/* Until sleepers are awake, sessions are over, and nothing that is late is on its way. */
static void settle(sim_world *world, int64_t for_ms)
{
    const int64_t until_ms = simulation_now(&world->sim) + for_ms;
    while (simulation_now(&world->sim) < until_ms && !sim_failed(world))
        round_of_steps(world, SETTLE_STEP_MS);
}

static void drain(sim_world *world, const char *when)
{
    riacho_error left = {.text = ""};
    for (uint32_t i = 0; i < QUIET_ROUNDS_MAX && !sim_failed(world); i++) {
        if (i % 20 == 0 && sim_is_drained(world, &left))
            break;
        round_of_steps(world, 4);
        if (i == QUIET_ROUNDS_MAX - 1)
            sim_fail(world, "not everything was processed %s: %s", when, left.text);
    }
    settle(world, SHORT_MS);
}

/* At least one of the workers runs on; the others are gone for good. */
static void quiet(sim_world *world)
{
    sim_calm(world);
    const uint32_t sure = simulation_below(&world->sim, world->plan.slots);
    for (uint32_t i = 0; i < world->plan.slots; i++) {
        sim_slot *slot = &world->slots[i];
        if (i == sure || simulation_chance(&world->sim, 5000))
            continue;
        sim_slot_crash(slot);
        slot->down_until_ms = INT64_MAX;
    }
    settle(world, LONG_MS);
    model_broker_mend(world->broker);
    drain(world, "when it was quiet");
}

/* Events so late that everything before them expires. */
static void send_closers(sim_world *world)
{
    world->event_ms += CLOSING_MS;
    for (size_t key = SIM_KEYS; key < SIM_KEYS + SIM_CLOSERS; key++)
        sim_send(world, key, 1);
    drain(world, "when all had expired");
}

/* Twice, because what has expired goes with the commit behind it; once while scans break off. */
static void close_spans(sim_world *world)
{
    send_closers(world);
    sim_mend_disks(world);
    settle(world, LONG_MS);
    send_closers(world);
}

static void restore_anew(sim_world *world)
{
    for (uint32_t i = 0; i < world->plan.slots; i++) {
        sim_slot_crash(&world->slots[i]);
        world->slots[i].down_until_ms = INT64_MAX;
    }
    world->spare.world = world;
    snprintf(world->spare.name, sizeof world->spare.name, "spare");
    sim_slot_move(&world->spare);
    sim_send(world, SIM_KEYS, 1);
    settle(world, LONG_MS);
    drain(world, "by a new machine");
}

void sim_run(const sim_run_options *options, sim_result *ret_result)
{
    static sim_world world;
    open_world(&world, options);
    trouble(&world, options->steps ? options->steps : STEPS);
    if (!sim_failed(&world))
        quiet(&world);
    if (!sim_failed(&world))
        close_spans(&world);
    if (!sim_failed(&world))
        sim_check(&world);
    if (!sim_failed(&world) && !world.plan.at_least_once)
        restore_anew(&world);
    if (!sim_failed(&world) && !world.plan.at_least_once)
        sim_check(&world);
    *ret_result = (sim_result){.hash = world.sim.hash, .figures = world.figures};
    memcpy(ret_result->reason, world.reason, sizeof world.reason);
    close_world(&world);
}
