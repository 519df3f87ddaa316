/* SPDX-License-Identifier: MIT
 *
 * stores.c - see stores.h. Every write is also kept in a journal, so that a loss of power can make
 * the state of an earlier moment again: by writing what is left of the journal into new stores.
 *
 * Threads: one.
 */
#include "stores.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "riacho/backend/stores.h"
#include "runtime/mutation.h"

enum { FULL_MS = 400, SYNC_OF_10000 = 1000 };

/* What one task's folder has been through. */
struct journal {
    struct journal *next;
    char *name;
    const riacho_changes **writes;
    size_t count;
    size_t synced; /* of them, a loss of power leaves these */
    bool replay;   /* the stores below are new and lack all of it */
};

struct disk {
    riacho_store_factory base; /* first */
    simulation *sim;
    riacho_store_factory *inner;
    struct journal *journals;
    riacho_arena *arena; /* of the writes */
    model_disk_faults faults;
    int64_t full_until_ms;
    uint64_t writes;
    size_t open;
    void (*ended)(void *argument);
    void *ended_argument;
};

struct store {
    riacho_store base; /* first */
    struct disk *disk;
    struct journal *journal;
    riacho_store *inner;
    riacho_arena *arena;   /* of what is loaded and does not last yet: */
    riacho_change *loaded; /* in order */
    size_t loaded_count;
};

struct riacho_store_scan {
    struct disk *disk;
    riacho_store *store;
    riacho_store_scan *inner;
};

static const riacho_store_ops store_ops;
static const riacho_store_factory_ops disk_ops;

static struct disk *disk_of(riacho_store_factory *base)
{
    assert(base->ops == &disk_ops);
    return (struct disk *)base;
}

static struct store *store_of(riacho_store *base)
{
    assert(base->ops == &store_ops);
    return (struct store *)base;
}

/* ---- the journal ----------------------------------------------------------------------------- */

static riacho_changes *copy_changes(riacho_arena *arena, const riacho_changes *changes)
{
    riacho_changes *copy = riacho_alloc_zero(arena, 1, sizeof *copy);
    riacho_change *items = riacho_alloc_zero(arena, changes->count, sizeof *items);
    for (size_t i = 0; i < changes->count; i++) {
        const riacho_change *change = &changes->items[i];
        items[i] = *change;
        items[i].key = riacho_copy(arena, change->key);
        items[i].key_end = riacho_copy(arena, change->key_end);
        items[i].value = riacho_copy(arena, change->value);
    }
    *copy = *changes;
    copy->items = items;
    riacho_commit_meta *meta = &copy->meta;
    riacho_position *positions = riacho_alloc_zero(arena, meta->position_count, sizeof *positions);
    for (size_t i = 0; i < meta->position_count; i++) {
        positions[i] = meta->positions[i];
        positions[i].topic = riacho_copy(arena, riacho_text(positions[i].topic)).data;
    }
    meta->positions = positions;
    meta->outbox = riacho_copy(arena, meta->outbox);
    meta->progress = riacho_copy(arena, meta->progress);
    return copy;
}

static void keep(struct disk *disk, struct journal *journal, const riacho_changes *changes)
{
    journal->writes =
        riacho_memory_resize(journal->writes, (journal->count + 1) * sizeof *journal->writes);
    journal->writes[journal->count++] = copy_changes(disk->arena, changes);
    if (simulation_chance(disk->sim, SYNC_OF_10000))
        journal->synced = journal->count;
}

static riacho_status replay(struct journal *journal, riacho_store *store, riacho_error *err)
{
    for (size_t i = 0; i < journal->count && journal->replay; i++)
        RIACHO_TRY(store->ops->write(store, journal->writes[i], err));
    journal->replay = false;
    return RIACHO_OK;
}

void model_disk_lose_power(riacho_store_factory *base)
{
    struct disk *disk = disk_of(base);
    assert(!disk->open);
    for (struct journal *journal = disk->journals; journal; journal = journal->next) {
        const size_t unsynced = journal->count - journal->synced;
        const uint32_t lost = simulation_below(disk->sim, (uint32_t)unsynced + 1);
        simulation_note_text(disk->sim, "power lost", journal->name, lost);
        journal->count -= lost;
        journal->synced = journal->count;
        journal->replay = true;
    }
    disk->inner->ops->close(disk->inner);
    disk->inner = riacho_memory_stores_new();
}

/* ---- a store --------------------------------------------------------------------------------- */

static riacho_status get(riacho_store *base, uint32_t space, riacho_bytes key, riacho_arena *arena,
                         riacho_bytes *ret_value, riacho_error *err)
{
    riacho_store *inner = store_of(base)->inner;
    return inner->ops->get(inner, space, key, arena, ret_value, err);
}

static riacho_status end_process(struct disk *disk, const char *where, riacho_error *err)
{
    simulation_note_text(disk->sim, "process ends", where, 0);
    if (disk->ended)
        disk->ended(disk->ended_argument);
    return riacho_fail(err, RIACHO_FATAL, "the process ends %s a write", where);
}

static bool is_full(struct disk *disk)
{
    if (simulation_chance(disk->sim, disk->faults.full))
        disk->full_until_ms = simulation_now(disk->sim) + simulation_below(disk->sim, FULL_MS);
    return simulation_now(disk->sim) < disk->full_until_ms;
}

/* One write of the inner store, which a loss of power may take back. */
static riacho_status write_through(struct store *store, const riacho_changes *changes,
                                   riacho_error *err)
{
    RIACHO_TRY(store->inner->ops->write(store->inner, changes, err));
    keep(store->disk, store->journal, changes);
    store->disk->writes++;
    return RIACHO_OK;
}

/* Some of what is loaded is there at once, next to the meta of the last write; the rest, if the
 * process lives, with the next write, which writes all of it again. */
static riacho_status load(riacho_store *base, const riacho_change *items, size_t count,
                          riacho_error *err)
{
    enum { AT_ONCE_OF_10000 = 5000 };
    struct store *store = store_of(base);
    struct disk *disk = store->disk;
    if (is_full(disk))
        return riacho_fail(err, RIACHO_RETRY, "the disk is full");
    if (simulation_chance(disk->sim, disk->faults.end))
        return end_process(disk, "in a load, not in", err);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_changes now = {0};
    RIACHO_TRY(store->inner->ops->read_commit(store->inner, arena, &now.meta, err));
    const riacho_changes all = {.items = items, .count = count};
    const riacho_changes *copy = copy_changes(store->arena, &all);
    store->loaded =
        riacho_memory_resize(store->loaded, (store->loaded_count + count) * sizeof *store->loaded);
    riacho_change *at_once = riacho_alloc(arena, count * sizeof *at_once);
    for (size_t i = 0; i < count; i++) {
        store->loaded[store->loaded_count++] = copy->items[i];
        if (simulation_chance(disk->sim, AT_ONCE_OF_10000))
            at_once[now.count++] = items[i];
    }
    now.items = at_once;
    simulation_note_text(disk->sim, "load", store->journal->name, (int64_t)now.count);
    return write_through(store, &now, err);
}

/* What was loaded, then the changes. */
static riacho_status write_all(struct store *store, const riacho_changes *changes,
                               riacho_error *err)
{
    if (!store->loaded_count)
        return write_through(store, changes, err);
    const size_t count = store->loaded_count + changes->count;
    RIACHO_AUTO(heap) riacho_change *items = riacho_memory_get(count * sizeof *items);
    memcpy(items, store->loaded, store->loaded_count * sizeof *items);
    if (changes->count)
        memcpy(items + store->loaded_count, changes->items, changes->count * sizeof *items);
    const riacho_changes both = {items, count, changes->meta};
    RIACHO_TRY(write_through(store, &both, err));
    store->loaded_count = 0;
    riacho_arena_reset(store->arena);
    return RIACHO_OK;
}

static riacho_status write_changes(riacho_store *base, const riacho_changes *changes,
                                   riacho_error *err)
{
    struct store *store = store_of(base);
    struct disk *disk = store->disk;
    if (is_full(disk))
        return riacho_fail(err, RIACHO_RETRY, "the disk is full");
    if (simulation_chance(disk->sim, disk->faults.end))
        return end_process(disk, "before", err);
    RIACHO_TRY(write_all(store, changes, err));
    simulation_note_text(disk->sim, "write", store->journal->name, (int64_t)changes->meta.number);
    if (simulation_chance(disk->sim, disk->faults.end))
        return end_process(disk, "behind", err);
    return RIACHO_OK;
}

static riacho_status read_commit(riacho_store *base, riacho_arena *arena,
                                 riacho_commit_meta *ret_meta, riacho_error *err)
{
    riacho_store *inner = store_of(base)->inner;
    return inner->ops->read_commit(inner, arena, ret_meta, err);
}

static riacho_store_snapshot *snapshot_open(riacho_store *base)
{
    riacho_store *inner = store_of(base)->inner;
    return inner->ops->snapshot_open(inner);
}

static void snapshot_close(riacho_store *base, riacho_store_snapshot *snapshot)
{
    riacho_store *inner = store_of(base)->inner;
    inner->ops->snapshot_close(inner, snapshot);
}

static riacho_status snapshot_get(riacho_store *base, riacho_store_snapshot *snapshot,
                                  uint32_t space, riacho_bytes key, riacho_arena *arena,
                                  riacho_bytes *ret_value, riacho_error *err)
{
    riacho_store *inner = store_of(base)->inner;
    return inner->ops->snapshot_get(inner, snapshot, space, key, arena, ret_value, err);
}

static riacho_status scan_open(riacho_store *base, riacho_store_snapshot *snapshot, uint32_t space,
                               const riacho_range *range, riacho_store_scan **ret_scan,
                               riacho_error *err)
{
    struct store *store = store_of(base);
    riacho_store_scan *inner;
    RIACHO_TRY(store->inner->ops->scan_open(store->inner, snapshot, space, range, &inner, err));
    riacho_store_scan *scan = riacho_memory_get(sizeof *scan);
    *scan = (riacho_store_scan){store->disk, store->inner, inner};
    *ret_scan = scan;
    return RIACHO_OK;
}

static riacho_status scan_next(riacho_store_scan *scan, riacho_bytes *ret_key,
                               riacho_bytes *ret_value, riacho_error *err)
{
    if (!simulation_chance(scan->disk->sim, scan->disk->faults.broken_scan))
        return scan->store->ops->scan_next(scan->inner, ret_key, ret_value, err);
    simulation_note(scan->disk->sim, "broken scan", 0, 0);
    *ret_key = *ret_value = (riacho_bytes){0};
    if (riacho_mutated(RIACHO_MUTATION_IGNORE_SCAN_ERROR))
        return RIACHO_OK;
    if (scan->disk->ended)
        scan->disk->ended(scan->disk->ended_argument);
    return riacho_fail(err, RIACHO_FATAL, "the scan broke off");
}

static void scan_close(riacho_store_scan *scan)
{
    if (!scan)
        return;
    scan->store->ops->scan_close(scan->inner);
    free(scan);
}

static riacho_status checkpoint(riacho_store *base, const char *folder, riacho_error *err)
{
    riacho_store *inner = store_of(base)->inner;
    return inner->ops->checkpoint(inner, folder, err);
}

static void measure(riacho_store *base, uint32_t space, uint64_t *ret_keys, uint64_t *ret_bytes)
{
    riacho_store *inner = store_of(base)->inner;
    inner->ops->measure(inner, space, ret_keys, ret_bytes);
}

static void store_close(riacho_store *base)
{
    if (!base)
        return;
    struct store *store = store_of(base);
    store->inner->ops->close(store->inner);
    store->disk->open--;
    riacho_arena_free(store->arena);
    free(store->loaded);
    free(store);
}

static const riacho_store_ops store_ops = {
    .name = "model",
    .get = get,
    .write = write_changes,
    .load = load,
    .read_commit = read_commit,
    .snapshot_open = snapshot_open,
    .snapshot_close = snapshot_close,
    .snapshot_get = snapshot_get,
    .scan_open = scan_open,
    .scan_next = scan_next,
    .scan_close = scan_close,
    .checkpoint = checkpoint,
    .measure = measure,
    .close = store_close,
};

/* ---- the disk -------------------------------------------------------------------------------- */

static struct journal *journal_of(struct disk *disk, const riacho_store_spec *spec)
{
    RIACHO_AUTO(buffer) riacho_buffer name = {0};
    riacho_buffer_printf(&name, "%s/g%u/%s", spec->topology, spec->generation, spec->task);
    for (struct journal *each = disk->journals; each; each = each->next) {
        if (strcmp(each->name, (const char *)name.data) == 0)
            return each;
    }
    struct journal *journal = riacho_memory_get_zero(1, sizeof *journal);
    journal->name = riacho_memory_text((const char *)name.data);
    journal->next = disk->journals;
    return disk->journals = journal;
}

static riacho_status disk_open(riacho_store_factory *base, const riacho_store_spec *spec,
                               riacho_store **ret_store, riacho_error *err)
{
    struct disk *disk = disk_of(base);
    riacho_store *inner;
    RIACHO_TRY(disk->inner->ops->open(disk->inner, spec, &inner, err));
    struct store *store = riacho_memory_get_zero(1, sizeof *store);
    store->base.ops = &store_ops;
    store->disk = disk;
    store->journal = journal_of(disk, spec);
    store->inner = inner;
    store->arena = riacho_arena_new();
    disk->open++;
    if (replay(store->journal, inner, err) != RIACHO_OK) {
        store_close(&store->base);
        return RIACHO_FATAL;
    }
    *ret_store = &store->base;
    return RIACHO_OK;
}

/* The journal begins anew: what was moved aside does not come back. */
static riacho_status quarantine(riacho_store_factory *base, const riacho_store_spec *spec,
                                riacho_arena *arena, const char **ret_moved_to, riacho_error *err)
{
    struct disk *disk = disk_of(base);
    RIACHO_TRY(disk->inner->ops->quarantine(disk->inner, spec, arena, ret_moved_to, err));
    struct journal *journal = journal_of(disk, spec);
    simulation_note_text(disk->sim, "quarantine", journal->name, (int64_t)journal->count);
    journal->count = journal->synced = 0;
    journal->replay = false;
    return RIACHO_OK;
}

static uint64_t memory(riacho_store_factory *base)
{
    struct disk *disk = disk_of(base);
    return disk->inner->ops->memory(disk->inner);
}

static void disk_close(riacho_store_factory *base)
{
    if (!base)
        return;
    struct disk *disk = disk_of(base);
    assert(!disk->open);
    for (struct journal *journal = disk->journals, *next; journal; journal = next) {
        next = journal->next;
        free(journal->writes);
        free(journal->name);
        free(journal);
    }
    disk->inner->ops->close(disk->inner);
    riacho_arena_free(disk->arena);
    free(disk);
}

static const riacho_store_factory_ops disk_ops = {
    .name = "model",
    .open = disk_open,
    .quarantine = quarantine,
    .memory = memory,
    .close = disk_close,
};

riacho_store_factory *model_disk_new(simulation *sim)
{
    struct disk *disk = riacho_memory_get_zero(1, sizeof *disk);
    disk->base.ops = &disk_ops;
    disk->sim = sim;
    disk->inner = riacho_memory_stores_new();
    disk->arena = riacho_arena_new();
    return &disk->base;
}

void model_disk_on_end(riacho_store_factory *base, void (*ended)(void *argument), void *argument)
{
    struct disk *disk = disk_of(base);
    disk->ended = ended;
    disk->ended_argument = argument;
}

void model_disk_faults_are(riacho_store_factory *base, const model_disk_faults *faults)
{
    disk_of(base)->faults = *faults;
}

uint64_t model_disk_writes(const riacho_store_factory *disk)
{
    return ((const struct disk *)disk)->writes;
}
