/* SPDX-License-Identifier: MIT
 *
 * oracle.c - see world.h: what must be true when everything is quiet.
 *
 * The ledger says what was sent. Outputs must be 1, 2, 3 ... for each key; the store of each task
 * must hold what the ledger says, and exactly what its changelog holds; positions must be at the
 * end of everything; and a store that is empty must come to hold the same from the changelog alone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/map.h"
#include "base/memory.h"
#include "runtime/worker_private.h"
#include "world.h"

static int64_t long_at(riacho_bytes bytes, size_t at)
{
    int64_t value = 0;
    for (size_t i = at; i < at + 8 && i < bytes.size; i++)
        value = (int64_t)((uint64_t)value << 8 | ((const uint8_t *)bytes.data)[i]);
    return value;
}

/* ---- drained --------------------------------------------------------------------------------- */

static bool is_read(sim_world *world, const char *topic, int32_t number, riacho_error *ret_left)
{
    const model_partition *partition = model_broker_partition(world->broker, topic, number);
    const int64_t stable = model_partition_stable_end(partition);
    const int64_t next = model_broker_position(world->broker, "sim", topic, number);
    bool read = stable == partition->next;
    for (size_t i = model_partition_find(partition, next); i < partition->count; i++)
        read =
            read && !(partition->entries[i].kind == MODEL_RECORD && partition->entries[i].visible);
    if (!read)
        riacho_fail(ret_left, RIACHO_RETRY,
                    "the group is at %" PRId64 " of %s/%" PRId32 ", stable up to %" PRId64
                    ", which ends at %" PRId64,
                    next, topic, number, stable, partition->next);
    return read;
}

bool sim_is_drained(sim_world *world, riacho_error *ret_left)
{
    static const char *const topics[] = {"in", "in2", "sim-total-repartition"};
    if (model_broker_open_transactions(world->broker)) {
        riacho_fail(ret_left, RIACHO_RETRY, "a transaction is open");
        return false;
    }
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        const int32_t partitions = model_broker_partitions(world->broker, topics[i]);
        for (int32_t p = 0; p < partitions; p++) {
            if (!is_read(world, topics[i], p, ret_left))
                return false;
        }
    }
    return true;
}

/* ---- outputs --------------------------------------------------------------------------------- */

/* The number of a key of an output: keys as sim_key has them, or groups "g0" and so on. */
static size_t index_of(riacho_bytes key)
{
    const char *text = key.data;
    size_t number = 0;
    for (size_t i = 1; i < key.size; i++)
        number = number * 10 + (size_t)(text[i] - '0');
    return text[0] == 'z' ? SIM_KEYS + number : number;
}

static void check_record(sim_world *world, const char *topic, const riacho_log_record *record,
                         int64_t *last)
{
    const int64_t value = long_at(record->value, 0);
    const size_t key = index_of(record->key);
    if (!world->plan.at_least_once && value != last[key] + 1)
        sim_fail(world, "topic %s: key %.*s says %" PRId64 " after %" PRId64 " at offset %" PRId64,
                 topic, (int)record->key.size, (const char *)record->key.data, value, last[key],
                 record->offset);
    if (value > last[key])
        last[key] = value;
}

static void check_topic(sim_world *world, const char *topic, const int64_t *expected, size_t count)
{
    int64_t last[SIM_KEYS + SIM_CLOSERS] = {0};
    for (int32_t p = 0; p < model_broker_partitions(world->broker, topic); p++) {
        const model_partition *partition = model_broker_partition(world->broker, topic, p);
        for (size_t i = 0; i < partition->count; i++) {
            const model_entry *entry = &partition->entries[i];
            if (entry->kind == MODEL_RECORD && entry->visible)
                check_record(world, topic, &entry->record, last);
        }
    }
    for (size_t key = 0; key < count; key++) {
        if (last[key] < expected[key] || (!world->plan.at_least_once && last[key] != expected[key]))
            sim_fail(world, "topic %s: key %zu ends with %" PRId64 " of %" PRId64, topic, key,
                     last[key], expected[key]);
    }
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* What the changelog of one space says, by key. Values are the broker's. */
static void fold_changelog(sim_world *world, const char *topic, int32_t number, riacho_map *ret)
{
    const model_partition *partition = model_broker_partition(world->broker, topic, number);
    for (size_t i = 0; partition && i < partition->count; i++) {
        const model_entry *entry = &partition->entries[i];
        if (entry->kind != MODEL_RECORD || !entry->visible)
            continue;
        if (entry->record.value.data)
            riacho_map_put(ret, entry->record.key)->value = (void *)&entry->record;
        else
            riacho_map_delete(ret, entry->record.key);
    }
}

static void check_sent(sim_world *world, const char *store, riacho_bytes key, riacho_bytes stored)
{
    const int64_t value = long_at(stored, 8);
    const sim_ledger *ledger = &world->ledger;
    const int64_t *expected = strcmp(store, "counts") == 0 ? ledger->count
                              : strcmp(store, "sums") == 0 ? ledger->sum
                                                           : ledger->groups;
    const int64_t wanted = expected[index_of(key)];
    if (value < wanted || (!world->plan.at_least_once && value != wanted))
        sim_fail(world, "store %s: %.*s=%" PRId64 " and not %" PRId64, store, (int)key.size,
                 (const char *)key.data, value, wanted);
}

/* A value that expired must be gone: what is left is of the events that closed the spans. Without
 * transactions a crash may leave a value whose place among those that expire was not written. */
static void check_expired(sim_world *world, riacho_bytes key)
{
    const char *text = key.data;
    if (!world->plan.at_least_once && key.size > 1 && text[0] == 'v' && text[1] == 'k')
        sim_fail(world, "store recent: %.*s is there and has expired", (int)key.size - 1, text + 1);
}

struct space_check {
    const char *who;
    const char *store; /* its name */
    riacho_store *from;
    uint32_t space;
    riacho_map *changelog;
};

static void check_pair(sim_world *world, const struct space_check *check, riacho_bytes key,
                       riacho_bytes value)
{
    const riacho_log_record *record = riacho_map_get(check->changelog, key);
    if (!world->plan.at_least_once && (!record || !riacho_bytes_equal(record->value, value)))
        sim_fail(world, "%s: store %s has a key (%.*s) that its changelog %s", check->who,
                 check->store, (int)key.size, (const char *)key.data,
                 record ? "has with another value" : "does not have");
    if (strcmp(check->store, "recent") == 0)
        check_expired(world, key);
    else
        check_sent(world, check->store, key, value);
}

static void check_space(sim_world *world, const struct space_check *check)
{
    const riacho_range all = {0};
    riacho_store_scan *scan;
    riacho_error err;
    size_t count = 0;
    if (check->from->ops->scan_open(check->from, NULL, check->space, &all, &scan, &err) !=
        RIACHO_OK) {
        sim_fail(world, "%s: %s", check->who, err.text);
        return;
    }
    for (;;) {
        riacho_bytes key, value;
        if (check->from->ops->scan_next(scan, &key, &value, &err) != RIACHO_OK)
            sim_fail(world, "%s: %s", check->who, err.text);
        if (!key.data || sim_failed(world))
            break;
        check_pair(world, check, key, value);
        count++;
    }
    check->from->ops->scan_close(scan);
    if (!world->plan.at_least_once && count != check->changelog->count)
        sim_fail(world, "%s: store %s has %zu keys and its changelog %zu", check->who, check->store,
                 count, check->changelog->count);
}

/* Behind the last change, or where its position says nothing else was committed. */
static bool is_at_end(sim_world *world, const riacho_task *task, riacho_store *store)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_commit_meta meta;
    riacho_error err;
    if (store->ops->read_commit(store, arena, &meta, &err) != RIACHO_OK)
        return false;
    if (!meta.position_count)
        return false; /* nothing was ever written */
    for (size_t i = 0; i < meta.position_count; i++) {
        const riacho_position *at = &meta.positions[i];
        const model_partition *partition =
            model_broker_partition(world->broker, at->topic, at->partition);
        if (!partition)
            continue;
        if (at->next > partition->next)
            sim_fail(world, "task %s: position %" PRId64 " of %s is behind its end %" PRId64,
                     task->name, at->next, at->topic, partition->next);
        for (size_t k = model_partition_find(partition, at->next); k < partition->count; k++) {
            if (partition->entries[k].kind == MODEL_RECORD && partition->entries[k].visible)
                return false;
        }
    }
    return true;
}

static void check_task(sim_world *world, const char *who, const riacho_task *task,
                       riacho_store *store)
{
    const riacho_graph *graph = task->deployment->graph;
    const riacho_subtopology *sub = &graph->subtopologies[task->subtopology];
    for (size_t i = 0; i < sub->store_count && !sim_failed(world); i++) {
        char topic[64];
        const char *name = graph->stores[sub->stores[i]].name;
        riacho_map changelog = {0};
        snprintf(topic, sizeof topic, "sim-%s-changelog", name);
        fold_changelog(world, topic, task->partition, &changelog);
        check_space(world, &(struct space_check){who, name, store, (uint32_t)i, &changelog});
        riacho_map_done(&changelog);
    }
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Input positions, as the reader sees them and as the group has them, have the same records below
 * them. */
static void check_positions(sim_world *world, const riacho_task *task,
                            const riacho_publication *shown)
{
    for (size_t i = 0; i < shown->position_count; i++) {
        const riacho_position *at = &shown->positions[i];
        const model_partition *partition =
            model_broker_partition(world->broker, at->topic, at->partition);
        const int64_t committed =
            model_broker_position(world->broker, "sim", at->topic, at->partition);
        const int64_t low = at->next < committed ? at->next : committed;
        const int64_t high = at->next < committed ? committed : at->next;
        for (size_t k = model_partition_find(partition, low);
             k < partition->count && partition->entries[k].record.offset < high; k++) {
            if (partition->entries[k].kind == MODEL_RECORD && partition->entries[k].visible)
                sim_fail(world,
                         "task %s is at %" PRId64 " of %s/%" PRId32 ", the group at %" PRId64,
                         task->name, at->next, at->topic, at->partition, committed);
        }
    }
}

static void check_shown(sim_world *world, const sim_slot *slot, riacho_task *task, size_t index)
{
    riacho_publication *shown = riacho_task_publication(task);
    if (!shown) {
        sim_fail(world, "%s runs task %s and shows nothing", slot->name, task->name);
        return;
    }
    if (shown->number < world->most_number[index])
        sim_fail(world, "task %s is at commit %" PRIu64 " and was at %" PRIu64, task->name,
                 shown->number, world->most_number[index]);
    check_positions(world, task, shown);
    check_task(world, slot->name, task, shown->store);
    riacho_publication_release(shown);
}

static void check_slot(sim_world *world, sim_slot *slot, uint32_t *owners)
{
    riacho_deployment *deployment =
        slot->worker ? riacho_worker_deployment(slot->worker, "sim") : NULL;
    for (size_t i = 0; deployment && i < deployment->task_count; i++) {
        riacho_task *task = deployment->tasks[i];
        const riacho_task_state state = atomic_load(&task->state);
        if (state == RIACHO_TASK_RUNNING) {
            owners[i]++;
            check_shown(world, slot, task, i);
        } else if (state == RIACHO_TASK_STANDBY && task->store &&
                   is_at_end(world, task, task->store)) {
            world->figures.standbys++;
            check_task(world, slot->name, task, task->store);
        }
    }
}

void sim_check(sim_world *world)
{
    uint32_t owners[SIM_TASKS_MAX] = {0};
    size_t tasks = 0;
    for (uint32_t i = 0; i <= SIM_SLOTS; i++) {
        sim_slot *slot = sim_slot_at(world, i);
        check_slot(world, slot, owners);
        if (slot->worker)
            tasks = riacho_worker_deployment(slot->worker, "sim")->task_count;
    }
    for (size_t i = 0; i < tasks; i++) {
        if (owners[i] != 1)
            sim_fail(world, "task %zu is run by %" PRIu32 " workers", i, owners[i]);
    }
    check_topic(world, "out", world->ledger.count, SIM_KEYS + SIM_CLOSERS);
    if (world->plan.shape != SIM_COUNT)
        check_topic(world, "totals", world->ledger.groups, SIM_GROUPS);
}
