/* SPDX-License-Identifier: MIT
 *
 * nemesis.c - see world.h: how a run is bad is chosen once, from its seed; what happens, in every
 * step. Most runs have a few kinds of trouble only, so that each kind is also seen alone.
 */
#include "world.h"

/* Of three runs one has none of it, one some, one much. */
static uint32_t level(simulation *sim, uint32_t most)
{
    switch (simulation_below(sim, 3)) {
    case 0:
        return 0;
    case 1:
        return 1 + most / 8;
    default:
        return 1 + simulation_below(sim, most);
    }
}

static void plan_network(simulation *sim, model_faults *network)
{
    if (simulation_chance(sim, 3000))
        return;
    *network = (model_faults){
        .lost = level(sim, 300),
        .late = level(sim, 300),
        .twice = level(sim, 300),
        .slow_produce = level(sim, 3000),
        .reply_lost = level(sim, 300),
        .slow_marker = level(sim, 3000),
        .given_up = level(sim, 6000),
        .refused = level(sim, 1000),
    };
}

/* At least once promises nothing against a worker that was thought dead and writes on. */
static void be_milder(sim_plan *plan)
{
    plan->freeze = plan->deaf = plan->sleep = 0;
    plan->slots = 1;
    plan->network.late = plan->network.twice = 0;
}

void sim_plan_make(sim_world *world)
{
    simulation *sim = &world->sim;
    sim_plan *plan = &world->plan;
    plan->slots = 1 + simulation_below(sim, SIM_SLOTS);
    plan->partitions = 1 + simulation_below(sim, 3);
    plan->standbys = simulation_below(sim, 2);
    plan->shape = simulation_below(sim, SIM_SHAPES);
    plan->at_least_once = simulation_chance(sim, 1000);
    plan->events = 200 + simulation_below(sim, 800);
    plan->crash = level(sim, 40);
    plan->freeze = level(sim, 20);
    plan->deaf = level(sim, 30);
    plan->move = level(sim, 10);
    plan->leave = level(sim, 10);
    plan->power = level(sim, 20);
    plan->restart = level(sim, 10);
    plan->compact = level(sim, 100);
    plan->jump = level(sim, 40);
    plan->look = 500;
    plan->sites = level(sim, 9000);
    plan->sleep = level(sim, 1000);
    plan_network(sim, &plan->network);
    plan->disk = (model_disk_faults){
        .full = level(sim, 100), .end = level(sim, 200), .broken_scan = level(sim, 400)};
    if (plan->at_least_once)
        be_milder(plan);
}

static sim_slot *any(sim_world *world)
{
    return &world->slots[simulation_below(&world->sim, world->plan.slots)];
}

static void lose_power(sim_slot *slot)
{
    sim_slot_crash(slot);
    model_disk_lose_power(slot->disk);
}

static void move(sim_slot *slot)
{
    sim_slot_crash(slot);
    sim_slot_move(slot);
}

/* The group thinks it dead, and it processes on. */
static void deafen(sim_slot *slot)
{
    if (sim_slot_rests(slot))
        return;
    simulation *sim = &slot->world->sim;
    const int64_t for_ms = simulation_below(sim, 2 * MODEL_SESSION_MS);
    simulation_note_text(sim, "deaf", slot->name, for_ms);
    slot->world->figures.freezes++;
    model_client_deafen(slot->client, simulation_now(sim) + for_ms);
}

static void send_events(sim_world *world)
{
    simulation *sim = &world->sim;
    for (uint32_t left = 1 + simulation_below(sim, 4); left; left--) {
        world->event_ms += simulation_below(sim, simulation_chance(sim, 500) ? 40000 : 600);
        sim_send(world, simulation_below(sim, SIM_KEYS), simulation_below(sim, 100));
    }
}

void sim_nemesis(sim_world *world)
{
    simulation *sim = &world->sim;
    const sim_plan *plan = &world->plan;
    simulation_advance(sim, simulation_below(sim, 4));
    sim_wake(world);
    if (simulation_chance(sim, plan->events))
        send_events(world);
    if (simulation_chance(sim, plan->crash))
        sim_slot_crash(any(world));
    if (simulation_chance(sim, plan->freeze))
        sim_slot_freeze(any(world));
    if (simulation_chance(sim, plan->deaf))
        deafen(any(world));
    if (simulation_chance(sim, plan->move))
        move(any(world));
    if (simulation_chance(sim, plan->power))
        lose_power(any(world));
    if (simulation_chance(sim, plan->restart))
        model_broker_restart(world->broker, simulation_below(sim, 1500));
    if (simulation_chance(sim, plan->compact))
        model_broker_compact(world->broker);
    if (simulation_chance(sim, plan->jump))
        simulation_advance(sim, simulation_below(sim, MODEL_TRANSACTION_MS));
    if (simulation_chance(sim, plan->look))
        sim_look(world);
}

/* Scans go on to break off: that ends a process, and the next one scans again. */
void sim_calm(sim_world *world)
{
    simulation_note(&world->sim, "calm", 0, 0);
    model_broker_faults(world->broker, &(model_faults){0});
    world->plan.disk = (model_disk_faults){.broken_scan = world->plan.disk.broken_scan};
    world->plan.sites = world->plan.sleep = 0;
    for (uint32_t i = 0; i < world->plan.slots; i++) {
        sim_slot *slot = &world->slots[i];
        slot->crash_after = 0;
        model_disk_faults_are(slot->disk, &world->plan.disk);
    }
}

void sim_mend_disks(sim_world *world)
{
    world->plan.disk = (model_disk_faults){0};
    for (uint32_t i = 0; i < world->plan.slots; i++)
        model_disk_faults_are(world->slots[i].disk, &world->plan.disk);
}
