/* SPDX-License-Identifier: MIT
 *
 * memory.c - stores in memory, for tests of topologies: what a store wrote stays in the factory
 * when the store is closed, and the next open finds it. A test's crash is a close without a commit.
 *
 * A database is what a folder is to the other backend; a store is one opening of it. Every write
 * is a new sequence number; snapshots and scans pin the sequence they were opened at.
 *
 * Threads: a database's lock is held shared by reads and exclusively by writes and by opening and
 * closing snapshots. The factory's lock guards the list of databases.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "meta.h"
#include "riacho/backend/stores.h"
#include "rows.h"

struct space {
    struct space *next;
    char *name;
    riacho_rows rows;
};

struct riacho_store_snapshot {
    riacho_store_snapshot *older;
    riacho_store_snapshot *newer;
    uint64_t sequence;
};

struct database {
    struct database *next;
    char *name;
    pthread_rwlock_t lock;
    struct space *spaces;
    uint64_t sequence;             /* of the last write */
    riacho_store_snapshot *oldest; /* open ones, in the order of their sequences */
    riacho_store_snapshot *newest;
    riacho_buffer meta; /* empty: nothing was ever committed */
    riacho_buffer outbox;
    bool is_open;
};

struct stores {
    riacho_store_factory base;
    pthread_mutex_t lock;
    struct database *databases;
};

struct store {
    riacho_store base;
    struct stores *stores;
    struct database *database;
    struct space **spaces; /* by number of this opening */
    size_t space_count;
};

struct riacho_store_scan {
    struct store *store;
    const riacho_rows *rows;
    riacho_range range;
    riacho_store_snapshot *pinned; /* own snapshot when it was opened without one */
    uint64_t sequence;
    riacho_sorted_node *node; /* the next to look at */
    riacho_bytes last;        /* the last key given out; its row is pinned by the snapshot */
    uint64_t removed;         /* of the rows, when `node` was found */
    uint64_t written;         /* of the database, likewise */
    bool is_over;
};

static const riacho_store_ops memory_store_ops;
static const riacho_store_factory_ops memory_stores_ops;

static struct store *store_of(riacho_store *base)
{
    assert(base->ops == &memory_store_ops);
    return (struct store *)base;
}

static riacho_rows *rows_of(const struct store *store, uint32_t space)
{
    assert(space < store->space_count);
    return &store->spaces[space]->rows;
}

static riacho_status memory_get(riacho_store *base, uint32_t space, riacho_bytes key,
                                riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    (void)err;
    struct store *store = store_of(base);
    pthread_rwlock_rdlock(&store->database->lock);
    *ret_value = riacho_copy(arena, riacho_rows_get(rows_of(store, space), key, UINT64_MAX));
    pthread_rwlock_unlock(&store->database->lock);
    return RIACHO_OK;
}

/* As one step of the sequence; the database's lock is held. */
static void apply(struct store *store, const riacho_change *items, size_t count)
{
    struct database *database = store->database;
    const riacho_rows_pins pins = {database->oldest ? database->oldest->sequence : UINT64_MAX,
                                   database->newest ? database->newest->sequence : 0};
    database->sequence++;
    for (size_t i = 0; i < count; i++)
        riacho_rows_apply(rows_of(store, items[i].space), &items[i], database->sequence, pins);
}

static riacho_status memory_write(riacho_store *base, const riacho_changes *changes,
                                  riacho_error *err)
{
    (void)err;
    struct store *store = store_of(base);
    struct database *database = store->database;
    pthread_rwlock_wrlock(&database->lock);
    apply(store, changes->items, changes->count);
    riacho_buffer_reset(&database->meta);
    riacho_meta_encode(&changes->meta, &database->meta);
    riacho_buffer_reset(&database->outbox);
    riacho_buffer_append(&database->outbox, changes->meta.outbox.data, changes->meta.outbox.size);
    pthread_rwlock_unlock(&database->lock);
    return RIACHO_OK;
}

static riacho_status memory_load(riacho_store *base, const riacho_change *items, size_t count,
                                 riacho_error *err)
{
    (void)err;
    struct store *store = store_of(base);
    pthread_rwlock_wrlock(&store->database->lock);
    apply(store, items, count);
    pthread_rwlock_unlock(&store->database->lock);
    return RIACHO_OK;
}

static riacho_status memory_read_commit(riacho_store *base, riacho_arena *arena,
                                        riacho_commit_meta *ret_meta, riacho_error *err)
{
    const struct database *database = store_of(base)->database;
    *ret_meta = (riacho_commit_meta){.stream_time_ms = INT64_MIN};
    if (!database->meta.size)
        return RIACHO_OK;
    RIACHO_TRY(riacho_meta_decode(riacho_buffer_bytes(&database->meta), arena, ret_meta, err));
    ret_meta->outbox = riacho_copy(arena, riacho_buffer_bytes(&database->outbox));
    return RIACHO_OK;
}

static riacho_store_snapshot *memory_snapshot_open(riacho_store *base)
{
    struct database *database = store_of(base)->database;
    riacho_store_snapshot *snapshot = riacho_memory_get(sizeof *snapshot);
    pthread_rwlock_wrlock(&database->lock);
    *snapshot = (riacho_store_snapshot){.older = database->newest, .sequence = database->sequence};
    if (database->newest)
        database->newest->newer = snapshot;
    else
        database->oldest = snapshot;
    database->newest = snapshot;
    pthread_rwlock_unlock(&database->lock);
    return snapshot;
}

static void memory_snapshot_close(riacho_store *base, riacho_store_snapshot *snapshot)
{
    struct database *database = store_of(base)->database;
    pthread_rwlock_wrlock(&database->lock);
    if (snapshot->older)
        snapshot->older->newer = snapshot->newer;
    else
        database->oldest = snapshot->newer;
    if (snapshot->newer)
        snapshot->newer->older = snapshot->older;
    else
        database->newest = snapshot->older;
    for (struct space *space = database->spaces; space && !database->oldest; space = space->next)
        riacho_rows_tidy(&space->rows);
    pthread_rwlock_unlock(&database->lock);
    free(snapshot);
}

static riacho_status memory_snapshot_get(riacho_store *base, riacho_store_snapshot *snapshot,
                                         uint32_t space, riacho_bytes key, riacho_arena *arena,
                                         riacho_bytes *ret_value, riacho_error *err)
{
    (void)err;
    struct store *store = store_of(base);
    pthread_rwlock_rdlock(&store->database->lock);
    const riacho_bytes value = riacho_rows_get(rows_of(store, space), key, snapshot->sequence);
    *ret_value = riacho_copy(arena, value);
    pthread_rwlock_unlock(&store->database->lock);
    return RIACHO_OK;
}

static riacho_status memory_scan_open(riacho_store *base, riacho_store_snapshot *snapshot,
                                      uint32_t space, const riacho_range *range,
                                      riacho_store_scan **ret_scan, riacho_error *err)
{
    (void)err;
    struct store *store = store_of(base);
    riacho_store_scan *scan = riacho_memory_get(sizeof *scan);
    *scan = (riacho_store_scan){
        .store = store, .rows = rows_of(store, space), .range = *range, .removed = UINT64_MAX};
    if (!snapshot)
        scan->pinned = snapshot = memory_snapshot_open(base);
    scan->sequence = snapshot->sequence;
    *ret_scan = scan;
    return RIACHO_OK;
}

/* Looks the place up again when rows went or came since the last call. */
static void find_place(riacho_store_scan *scan)
{
    const riacho_rows *rows = scan->rows;
    const uint64_t written = scan->store->database->sequence;
    if (scan->removed == rows->removed && scan->written == written)
        return;
    scan->removed = rows->removed;
    scan->written = written;
    if (scan->range.direction == RIACHO_BACKWARD) {
        const riacho_bytes below = scan->last.data ? scan->last : scan->range.to;
        scan->node = riacho_sorted_seek_below(&rows->sorted, below);
        return;
    }
    scan->node = riacho_sorted_seek(&rows->sorted, scan->last.data ? scan->last : scan->range.from);
    if (scan->last.data && scan->node && riacho_bytes_equal(scan->node->key, scan->last))
        scan->node = scan->node->next[0];
}

static bool is_in_range(const riacho_store_scan *scan, riacho_bytes key)
{
    if (scan->range.direction == RIACHO_BACKWARD)
        return !scan->range.from.data || riacho_bytes_compare(key, scan->range.from) >= 0;
    return !scan->range.to.data || riacho_bytes_compare(key, scan->range.to) < 0;
}

/* The next pair that the scan's sequence shows; no data when there is none. */
static riacho_bytes take_pair(riacho_store_scan *scan, riacho_bytes *ret_value)
{
    while (scan->node && is_in_range(scan, scan->node->key)) {
        const riacho_sorted_node *node = scan->node;
        scan->node = scan->range.direction == RIACHO_BACKWARD ? node->back : node->next[0];
        *ret_value = riacho_row_value(node, scan->sequence);
        if (ret_value->data)
            return scan->last = node->key;
    }
    *ret_value = (riacho_bytes){0};
    scan->is_over = true;
    return (riacho_bytes){0};
}

static riacho_status memory_scan_next(riacho_store_scan *scan, riacho_bytes *ret_key,
                                      riacho_bytes *ret_value, riacho_error *err)
{
    (void)err;
    *ret_key = *ret_value = (riacho_bytes){0};
    if (scan->is_over)
        return RIACHO_OK;
    pthread_rwlock_rdlock(&scan->store->database->lock);
    find_place(scan);
    *ret_key = take_pair(scan, ret_value);
    pthread_rwlock_unlock(&scan->store->database->lock);
    return RIACHO_OK;
}

static void memory_scan_close(riacho_store_scan *scan)
{
    if (scan->pinned)
        memory_snapshot_close(&scan->store->base, scan->pinned);
    free(scan);
}

static riacho_status memory_checkpoint(riacho_store *base, const char *folder, riacho_error *err)
{
    (void)base;
    return riacho_fail(err, RIACHO_REJECT,
                       "a store in memory has no files to copy to %s: checkpoints need state on "
                       "disk",
                       folder);
}

static void memory_measure(riacho_store *base, uint32_t space, uint64_t *ret_keys,
                           uint64_t *ret_bytes)
{
    struct store *store = store_of(base);
    pthread_rwlock_rdlock(&store->database->lock);
    const riacho_rows *rows = rows_of(store, space);
    *ret_keys = rows->key_count;
    *ret_bytes = rows->bytes;
    pthread_rwlock_unlock(&store->database->lock);
}

static void memory_close(riacho_store *base)
{
    if (!base)
        return;
    struct store *store = store_of(base);
    assert(!store->database->oldest);
    pthread_mutex_lock(&store->stores->lock);
    store->database->is_open = false;
    pthread_mutex_unlock(&store->stores->lock);
    free(store->spaces);
    free(store);
}

static const riacho_store_ops memory_store_ops = {
    .name = "memory",
    .get = memory_get,
    .write = memory_write,
    .load = memory_load,
    .read_commit = memory_read_commit,
    .snapshot_open = memory_snapshot_open,
    .snapshot_close = memory_snapshot_close,
    .snapshot_get = memory_snapshot_get,
    .scan_open = memory_scan_open,
    .scan_next = memory_scan_next,
    .scan_close = memory_scan_close,
    .checkpoint = memory_checkpoint,
    .measure = memory_measure,
    .close = memory_close,
};

/* ---- the factory ---- */

static struct stores *stores_of(riacho_store_factory *base)
{
    assert(base->ops == &memory_stores_ops);
    return (struct stores *)base;
}

static char *name_of(const riacho_store_spec *spec)
{
    RIACHO_AUTO(buffer) riacho_buffer name = {0};
    riacho_buffer_printf(&name, "%s/g%u/%s", spec->topology, spec->generation, spec->task);
    return riacho_memory_text((const char *)name.data);
}

static struct database *find_database(struct stores *stores, const char *name)
{
    struct database *database = stores->databases;
    while (database && strcmp(database->name, name) != 0)
        database = database->next;
    return database;
}

static struct database *database_of(struct stores *stores, const riacho_store_spec *spec)
{
    RIACHO_AUTO(heap) char *name = name_of(spec);
    struct database *database = find_database(stores, name);
    if (database)
        return database;
    database = riacho_memory_get_zero(1, sizeof *database);
    database->name = RIACHO_TAKE(name);
    pthread_rwlock_init(&database->lock, NULL);
    database->next = stores->databases;
    stores->databases = database;
    return database;
}

static struct space *space_of(struct database *database, const char *name)
{
    for (struct space *space = database->spaces; space; space = space->next) {
        if (strcmp(space->name, name) == 0)
            return space;
    }
    struct space *space = riacho_memory_get(sizeof *space);
    *space = (struct space){.next = database->spaces, .name = riacho_memory_text(name)};
    riacho_rows_init(&space->rows);
    database->spaces = space;
    return space;
}

static void free_database(struct database *database)
{
    assert(!database->oldest);
    for (struct space *space = database->spaces, *next; space; space = next) {
        next = space->next;
        riacho_rows_done(&space->rows);
        free(space->name);
        free(space);
    }
    pthread_rwlock_destroy(&database->lock);
    riacho_buffer_done(&database->meta);
    riacho_buffer_done(&database->outbox);
    free(database->name);
    free(database);
}

static riacho_status memory_open(riacho_store_factory *base, const riacho_store_spec *spec,
                                 riacho_store **ret_store, riacho_error *err)
{
    struct stores *stores = stores_of(base);
    pthread_mutex_lock(&stores->lock);
    struct database *database = database_of(stores, spec);
    const bool was_open = database->is_open;
    database->is_open = true;
    pthread_mutex_unlock(&stores->lock);
    if (was_open)
        return riacho_fail(err, RIACHO_RETRY, "the state of task %s is in use", spec->task);

    struct store *store = riacho_memory_get(sizeof *store);
    *store = (struct store){{&memory_store_ops}, stores, database, NULL, spec->space_count};
    store->spaces = riacho_memory_get_zero(spec->space_count, sizeof(struct space *));
    for (size_t i = 0; i < spec->space_count; i++)
        store->spaces[i] = space_of(database, spec->space_names[i]);
    *ret_store = &store->base;
    return RIACHO_OK;
}

/* Memory is never damaged, but whoever asks gets what the contract says: a new name, all kept. */
static riacho_status memory_quarantine(riacho_store_factory *base, const riacho_store_spec *spec,
                                       riacho_arena *arena, const char **ret_moved_to,
                                       riacho_error *err)
{
    struct stores *stores = stores_of(base);
    RIACHO_AUTO(heap) char *name = name_of(spec);
    riacho_status status = RIACHO_OK;
    pthread_mutex_lock(&stores->lock);
    struct database *database = find_database(stores, name);
    if (!database || database->is_open) {
        status =
            riacho_fail(err, RIACHO_RETRY, "%s is %s", name, database ? "in use" : "not there");
    } else {
        const char *moved = NULL;
        for (unsigned n = 1; !moved || find_database(stores, moved); n++)
            moved = riacho_format(arena, "%s.damaged-%u", name, n);
        free(database->name);
        database->name = riacho_memory_text(moved);
        *ret_moved_to = moved;
    }
    pthread_mutex_unlock(&stores->lock);
    return status;
}

static uint64_t memory_memory(riacho_store_factory *base)
{
    struct stores *stores = stores_of(base);
    uint64_t bytes = 0;
    pthread_mutex_lock(&stores->lock);
    for (struct database *database = stores->databases; database; database = database->next) {
        pthread_rwlock_rdlock(&database->lock);
        for (struct space *space = database->spaces; space; space = space->next)
            bytes += space->rows.bytes;
        bytes += database->meta.capacity + database->outbox.capacity;
        pthread_rwlock_unlock(&database->lock);
    }
    pthread_mutex_unlock(&stores->lock);
    return bytes;
}

static void memory_stores_close(riacho_store_factory *base)
{
    if (!base)
        return;
    struct stores *stores = stores_of(base);
    while (stores->databases) {
        struct database *database = stores->databases;
        stores->databases = database->next;
        free_database(database);
    }
    pthread_mutex_destroy(&stores->lock);
    free(stores);
}

static const riacho_store_factory_ops memory_stores_ops = {
    .name = "memory",
    .open = memory_open,
    .quarantine = memory_quarantine,
    .memory = memory_memory,
    .close = memory_stores_close,
};

riacho_store_factory *riacho_memory_stores_new(void)
{
    struct stores *stores = riacho_memory_get_zero(1, sizeof *stores);
    stores->base.ops = &memory_stores_ops;
    pthread_mutex_init(&stores->lock, NULL);
    return &stores->base;
}
