/* SPDX-License-Identifier: MIT
 *
 * world.c - see world.h: the processes of a simulated world.
 */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void sim_fail(sim_world *world, const char *format, ...)
{
    if (sim_failed(world))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->reason, sizeof world->reason, format, arguments);
    va_end(arguments);
    simulation_note_text(&world->sim, "FAILED", world->reason, 0);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void end_here(void *argument)
{
    sim_slot *slot = argument;
    slot->ended = true;
    model_client_cut(slot->client);
}

void sim_slot_freeze(sim_slot *slot)
{
    if (sim_slot_rests(slot))
        return;
    simulation *sim = &slot->world->sim;
    const int64_t for_ms = simulation_below(sim, MODEL_TRANSACTION_MS + 1000);
    simulation_note_text(sim, "freeze", slot->name, for_ms);
    slot->world->figures.freezes++;
    slot->frozen_until_ms = simulation_now(sim) + for_ms;
    model_client_freeze(slot->client, slot->frozen_until_ms);
}

static bool fault(void *argument, riacho_site site)
{
    sim_slot *slot = argument;
    const bool in_transaction =
        site == RIACHO_SITE_AFTER_POSITIONS || site == RIACHO_SITE_COMMITTING;
    if (in_transaction && simulation_chance(&slot->world->sim, slot->world->plan.sleep))
        sim_slot_freeze(slot);
    if (site != slot->crash_site || slot->crash_after <= 0 || --slot->crash_after > 0)
        return false;
    simulation_note_text(&slot->world->sim, "crash at a site", slot->name, site);
    end_here(slot);
    return true;
}

/* Sites that every record or step passes are chosen to be hit later than the others. */
static void choose_crash(sim_slot *slot)
{
    simulation *sim = &slot->world->sim;
    slot->crash_after = 0;
    if (!simulation_chance(sim, slot->world->plan.sites))
        return;
    slot->crash_site = 1 + simulation_below(sim, RIACHO_SITE_INIT);
    const uint32_t most = slot->crash_site == RIACHO_SITE_RECORD ? 40 : 6;
    slot->crash_after = 1 + (int32_t)simulation_below(sim, most);
}

static riacho_status start_worker(sim_slot *slot, riacho_error *err)
{
    const sim_world *world = slot->world;
    const riacho_worker_options options = {
        .name = slot->name,
        .log = slot->client,
        .stores = slot->disk,
        .schemas = world->topology->schemas,
        .clock = (riacho_clock *)&world->sim.clock.clock,
        .overlay_bytes = 64 * 1024,
        .cache_bytes = 64 * 1024,
        .fault = fault,
        .fault_arg = slot,
        .group = "sim",
        .address = slot->name,
        .standbys = world->plan.standbys,
    };
    riacho_status status = riacho_worker_open(&options, &slot->worker, err);
    if (status == RIACHO_OK)
        status = riacho_worker_add(slot->worker, world->topology->graph, err);
    if (status == RIACHO_OK)
        status = riacho_worker_start(slot->worker, err);
    return status;
}

/* The process ended by itself: because a fault said so, or because it is wrong. */
static void take_end(sim_slot *slot, riacho_status status, const riacho_error *err)
{
    if (!slot->ended && status != RIACHO_RETRY)
        sim_fail(slot->world, "%s ended with status %d: %s", slot->name, (int)status, err->text);
    sim_slot_crash(slot);
}

void sim_slot_start(sim_slot *slot)
{
    sim_world *world = slot->world;
    simulation_note_text(&world->sim, "start", slot->name, 0);
    world->figures.starts++;
    slot->client = model_client_new(world->broker);
    slot->ended = false;
    slot->frozen_until_ms = 0;
    memset(slot->seen_number, 0, sizeof slot->seen_number);
    memset(slot->seen_count, 0, sizeof slot->seen_count);
    model_disk_on_end(slot->disk, end_here, slot);
    choose_crash(slot);
    riacho_error err = {.text = ""};
    const riacho_status status = start_worker(slot, &err);
    if (status != RIACHO_OK)
        take_end(slot, status, &err);
}

void sim_slot_crash(sim_slot *slot)
{
    if (!slot->client)
        return;
    sim_world *world = slot->world;
    simulation_note_text(&world->sim, "crash", slot->name, 0);
    world->figures.crashes++;
    model_client_cut(slot->client);
    riacho_worker_close(slot->worker);
    slot->worker = NULL;
    slot->client->ops->close(slot->client);
    slot->client = NULL;
    slot->down_until_ms =
        simulation_now(&world->sim) + simulation_below(&world->sim, 2 * MODEL_SESSION_MS);
}

void sim_wake(sim_world *world)
{
    for (uint32_t i = 0; i <= SIM_SLOTS; i++) {
        sim_slot *slot = sim_slot_at(world, i);
        if (slot->world && !slot->client && simulation_now(&world->sim) >= slot->down_until_ms)
            sim_slot_start(slot);
    }
}

void sim_slot_move(sim_slot *slot)
{
    simulation_note_text(&slot->world->sim, "new machine", slot->name, 0);
    if (slot->disk)
        slot->disk->ops->close(slot->disk);
    slot->disk = model_disk_new(&slot->world->sim);
    model_disk_faults_are(slot->disk, &slot->world->plan.disk);
}

bool sim_slot_rests(const sim_slot *slot)
{
    return !slot->worker || simulation_now(&slot->world->sim) < slot->frozen_until_ms;
}

void sim_slot_step(sim_slot *slot, riacho_part part)
{
    static const char *const parts[RIACHO_PARTS] = {"control", "restore", "stream", "commit"};
    bool did = false;
    riacho_error err = {.text = ""};
    const riacho_status status = riacho_worker_step(slot->worker, part, &did, &err);
    if (did)
        simulation_note_text(&slot->world->sim, parts[part], slot->name, status);
    if (status != RIACHO_OK || slot->ended)
        take_end(slot, status, &err);
}

/* ---- events ---------------------------------------------------------------------------------- */

const char *sim_key(size_t key)
{
    static char names[SIM_KEYS + SIM_CLOSERS][4];
    snprintf(names[key], sizeof names[key], "%c%u", key < SIM_KEYS ? 'k' : 'z',
             (unsigned)(key < SIM_KEYS ? key : key - SIM_KEYS));
    return names[key];
}

void sim_send(sim_world *world, size_t key, int64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    const bool second = world->plan.shape == SIM_MERGE && simulation_chance(&world->sim, 4000);
    const riacho_log_append append = {
        .topic = second ? "in2" : "in",
        .partition = -1,
        .record = {.timestamp_ms = world->event_ms,
                   .key = riacho_text(sim_key(key)),
                   .value = {bytes, sizeof bytes}},
    };
    riacho_position position;
    riacho_error err;
    if (world->outside->ops->append(world->outside, &append, 1, &position, &err) != RIACHO_OK)
        return; /* the broker is away: the event never was */
    world->ledger.count[key]++;
    world->ledger.sum[key] += value;
    world->ledger.groups[value % SIM_GROUPS]++;
    world->ledger.total++;
    world->figures.events++;
}
