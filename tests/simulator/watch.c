/* SPDX-License-Identifier: MIT
 *
 * watch.c - see world.h: what a reader at any worker may see while everything goes wrong.
 *
 * Every value that is shown is in a committed record of the changelog; a commit's number and a
 * key's count never go back at one worker.
 */
#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "runtime/worker_private.h"
#include "world.h"

enum { COUNTS_SPACE = 0 };

static int64_t long_of(riacho_bytes stored)
{
    int64_t value = 0;
    for (size_t i = 8; stored.data && i < 16 && i < stored.size; i++)
        value = (int64_t)((uint64_t)value << 8 | ((const uint8_t *)stored.data)[i]);
    return value;
}

/* Whether a committed record has this count of the key, or a later one: compaction may have taken
 * the record itself. */
static bool was_committed(sim_world *world, int32_t number, riacho_bytes key, int64_t count)
{
    const model_partition *partition =
        model_broker_partition(world->broker, "sim-counts-changelog", number);
    for (size_t i = partition ? partition->count : 0; i > 0; i--) {
        const model_entry *entry = &partition->entries[i - 1];
        if (entry->kind == MODEL_RECORD && riacho_bytes_equal(entry->record.key, key) &&
            long_of(entry->record.value) >= count &&
            model_broker_is_committed(world->broker, entry))
            return true;
    }
    return false;
}

static void check_count(sim_slot *slot, const riacho_task *task, size_t index, size_t key,
                        riacho_bytes stored)
{
    sim_world *world = slot->world;
    int64_t *seen = &slot->seen_count[index][key];
    const int64_t count = long_of(stored);
    if (count < *seen)
        sim_fail(world, "%s shows %s=%" PRId64 " after %" PRId64, slot->name, sim_key(key), count,
                 *seen);
    *seen = count;
    if (world->plan.at_least_once)
        return;
    if (count > world->ledger.count[key])
        sim_fail(world, "%s shows %s=%" PRId64 " of %" PRId64 " events", slot->name, sim_key(key),
                 count, world->ledger.count[key]);
    if (stored.data && !was_committed(world, task->partition, riacho_text(sim_key(key)), count))
        sim_fail(world, "%s shows %s=%" PRId64 ", which no transaction has committed", slot->name,
                 sim_key(key), count);
}

static void look_at(sim_slot *slot, riacho_task *task, size_t index, riacho_publication *shown)
{
    sim_world *world = slot->world;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const size_t key = simulation_below(&world->sim, SIM_KEYS);
    riacho_bytes stored;
    riacho_error err;
    if (shown->number < slot->seen_number[index])
        sim_fail(world, "%s shows commit %" PRIu64 " of task %s after %" PRIu64, slot->name,
                 shown->number, task->name, slot->seen_number[index]);
    slot->seen_number[index] = shown->number;
    if (world->most_number[index] < shown->number)
        world->most_number[index] = shown->number;
    if (task->subtopology != 0)
        return;
    if (shown->store->ops->snapshot_get(shown->store, shown->snapshot, COUNTS_SPACE,
                                        riacho_text(sim_key(key)), arena, &stored,
                                        &err) != RIACHO_OK)
        sim_fail(world, "%s cannot read: %s", slot->name, err.text);
    else
        check_count(slot, task, index, key, stored);
}

void sim_look(sim_world *world)
{
    sim_slot *slot = &world->slots[simulation_below(&world->sim, world->plan.slots)];
    riacho_deployment *deployment =
        sim_slot_rests(slot) ? NULL : riacho_worker_deployment(slot->worker, "sim");
    if (!deployment || !deployment->task_count)
        return;
    const size_t index = simulation_below(&world->sim, (uint32_t)deployment->task_count);
    riacho_task *task = deployment->tasks[index];
    riacho_publication *shown = riacho_task_publication(task);
    if (!shown)
        return;
    world->figures.looks++;
    look_at(slot, task, index, shown);
    riacho_publication_release(shown);
}
