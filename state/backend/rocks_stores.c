/* SPDX-License-Identifier: MIT
 *
 * rocks_stores.c - the factory: where the databases lie, how one is opened and checked, and how a
 * damaged one is moved aside.
 *
 * open:  folder -> no DAMAGED? -> STORE_ID -> families on disk and families wanted -> RocksDB ->
 *        does the content agree with STORE_ID?  Every "no" on the way is RIACHO_REJECT, and nothing
 *        was deleted.
 * Threads: any.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/memory.h"
#include "damage.h"
#include "files.h"
#include "meta.h"
#include "rocks.h"

enum { RESERVE_BYTES_DEFAULT = 256 * 1024 * 1024, DAMAGED_MAX = 1000000 };

static const riacho_store_factory_ops rocks_stores_ops;

static riacho_rocks_stores *stores_of(riacho_store_factory *base)
{
    assert(base->ops == &rocks_stores_ops);
    return (riacho_rocks_stores *)base;
}

static riacho_status check_name(const char *name, riacho_error *err)
{
    if (*name && *name != '.' && !strchr(name, '/'))
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_FATAL, "'%s' cannot be the name of a folder", name);
}

static riacho_status folder_of(const riacho_rocks_stores *stores, const riacho_store_spec *spec,
                               riacho_arena *arena, const char **ret_folder, riacho_error *err)
{
    RIACHO_TRY(check_name(spec->topology, err));
    RIACHO_TRY(check_name(spec->task, err));
    *ret_folder = riacho_format(arena, "%s/%s/g%u/%s", stores->folder, spec->topology,
                                spec->generation, spec->task);
    return RIACHO_OK;
}

/* ---- column families ---- */

/* Names of column families: first the default one, then those on disk, then new ones. */
struct names {
    riacho_arena *arena;
    const char **items;
    size_t count;
};

/* A space may have any name, but the family "default" is taken: names that are "default" behind any
 * number of '=' get one '=' more. */
static const char *family_name(riacho_arena *arena, const char *space)
{
    return strcmp(space + strspn(space, "="), "default") == 0 ? riacho_format(arena, "=%s", space)
                                                              : space;
}

static size_t find_name(const struct names *names, const char *name)
{
    size_t i = 0;
    while (i < names->count && strcmp(names->items[i], name) != 0)
        i++;
    return i;
}

static void add_name(struct names *names, const char *name)
{
    if (find_name(names, name) == names->count)
        names->items[names->count++] = name;
}

/* RocksDB wants every family on disk to be opened, also those of spaces no longer named. */
static riacho_status list_families(const riacho_rocks_stores *stores, const char *folder,
                                   const riacho_store_spec *spec, struct names *names,
                                   riacho_error *err)
{
    size_t on_disk_count = 0;
    char **on_disk = NULL;
    char *message = NULL;
    if (access(riacho_format(names->arena, "%s/CURRENT", folder), F_OK) == 0)
        on_disk =
            rocksdb_list_column_families(stores->options.options, folder, &on_disk_count, &message);
    names->items = riacho_alloc_zero(names->arena, 1 + on_disk_count + spec->space_count,
                                     sizeof *names->items);
    add_name(names, "default");
    for (size_t i = 0; i < on_disk_count; i++)
        add_name(names, riacho_copy(names->arena, riacho_text(on_disk[i])).data);
    if (on_disk) /* also after a failure */
        rocksdb_list_column_families_destroy(on_disk, on_disk_count);
    RIACHO_TRY(riacho_rocks_status(message, RIACHO_REJECT, folder, err));
    for (size_t i = 0; i < spec->space_count; i++)
        add_name(names, family_name(names->arena, spec->space_names[i]));
    return RIACHO_OK;
}

static riacho_status open_families(riacho_rocks_store *store, const riacho_store_spec *spec,
                                   const struct names *names, riacho_error *err)
{
    const rocksdb_options_t *options = store->stores->options.options;
    char *message = NULL;
    const rocksdb_options_t **each = riacho_alloc_zero(names->arena, names->count, sizeof *each);
    for (size_t i = 0; i < names->count; i++)
        each[i] = options;
    store->families = riacho_memory_get_zero(names->count, sizeof *store->families);
    store->db = rocksdb_open_column_families(options, store->folder, (int)names->count,
                                             names->items, each, store->families, &message);
    RIACHO_TRY(riacho_rocks_status(message, RIACHO_REJECT, store->folder, err));
    store->family_count = names->count;
    store->spaces = riacho_memory_get_zero(spec->space_count, sizeof *store->spaces);
    store->space_count = spec->space_count;
    for (size_t i = 0; i < spec->space_count; i++) {
        const char *name = family_name(names->arena, spec->space_names[i]);
        store->spaces[i] = store->families[find_name(names, name)];
    }
    return RIACHO_OK;
}

/* ---- identity ---- */

/* The first write of a new store, so whatever else it holds, it holds this. */
static riacho_status give_identity(riacho_rocks_store *store, riacho_error *err)
{
    riacho_identity *identity = &store->identity;
    char *message = NULL;
    RIACHO_TRY(riacho_identity_new(identity, err));
    rocksdb_put(store->db, store->stores->options.write_synced, RIACHO_ROCKS_ID,
                strlen(RIACHO_ROCKS_ID), identity->id, RIACHO_IDENTITY_ID_BYTES, &message);
    RIACHO_TRY(riacho_rocks_result(store, message, err));
    return riacho_identity_write(store->folder, identity, err);
}

static riacho_status read_number(riacho_rocks_store *store, riacho_arena *arena, riacho_error *err)
{
    riacho_bytes bytes;
    riacho_commit_meta meta = {0};
    RIACHO_TRY(riacho_rocks_get(store, store->stores->options.read, store->families[0],
                                riacho_text(RIACHO_ROCKS_META), arena, &bytes, err));
    if (bytes.data)
        RIACHO_TRY(riacho_meta_decode(bytes, arena, &meta, err));
    store->number = meta.number;
    RIACHO_TRY(riacho_rocks_get(store, store->stores->options.read, store->families[0],
                                riacho_text(RIACHO_ROCKS_OUTBOX), arena, &bytes, err));
    store->has_outbox = bytes.data != NULL;
    return RIACHO_OK;
}

/* The log that this start found is synced before the file tells of it. */
static riacho_status raise_identity(riacho_rocks_store *store, riacho_error *err)
{
    if (store->identity.number == store->number)
        return RIACHO_OK;
    RIACHO_TRY(riacho_files_sync_each(store->folder, ".log", err));
    store->identity.number = store->number;
    return riacho_identity_write(store->folder, &store->identity, err);
}

/* Compares what the file tells with what the store holds. No file: a new store, a checkpoint, or a
 * start that ended between the two writes of give_identity. */
static riacho_status check_identity(riacho_rocks_store *store, riacho_arena *arena,
                                    riacho_error *err)
{
    riacho_identity *identity = &store->identity;
    riacho_bytes id;
    RIACHO_TRY(riacho_rocks_get(store, store->stores->options.read, store->families[0],
                                riacho_text(RIACHO_ROCKS_ID), arena, &id, err));
    RIACHO_TRY(read_number(store, arena, err));
    if (!*identity->id && !id.data && !store->number)
        return give_identity(store, err);
    if (!*identity->id && id.data && id.size == RIACHO_IDENTITY_ID_BYTES) {
        memcpy(identity->id, id.data, id.size);
        RIACHO_TRY(riacho_identity_write(store->folder, identity, err));
    }
    if (!*identity->id || !riacho_bytes_equal(id, riacho_text(identity->id)))
        return riacho_fail(err, RIACHO_REJECT,
                           "%s has lost its first writes: it is not the store that its STORE_ID "
                           "names",
                           store->folder);
    if (store->number < identity->number)
        return riacho_fail(err, RIACHO_REJECT,
                           "%s is at commit %" PRIu64 " but was at %" PRIu64
                           ": a part of it is missing",
                           store->folder, store->number, identity->number);
    return raise_identity(store, err);
}

/* Nothing may be created where there was a store: RocksDB would clear away what is left of it. */
static riacho_status check_folder(const riacho_rocks_store *store, riacho_arena *arena,
                                  riacho_error *err)
{
    if (access(riacho_format(arena, "%s/CURRENT", store->folder), F_OK) == 0)
        return RIACHO_OK;
    if (*store->identity.id || riacho_files_any(store->folder, ".sst"))
        return riacho_fail(err, RIACHO_REJECT, "%s holds a store without its file CURRENT",
                           store->folder);
    return RIACHO_OK;
}

/* ---- the factory's slots ---- */

static riacho_rocks_store *store_new(riacho_rocks_stores *stores, const char *folder)
{
    riacho_rocks_store *store = riacho_memory_get_zero(1, sizeof *store);
    store->base.ops = &riacho_rocks_store_ops;
    store->stores = stores;
    store->damage = RIACHO_REJECT;
    store->folder = riacho_memory_text(folder);
    return store;
}

/* From here on riacho_store_factory_ops.memory counts the store, on any thread. */
static void list(riacho_rocks_store *store)
{
    pthread_mutex_lock(&store->stores->lock);
    store->next = store->stores->open;
    store->stores->open = store;
    pthread_mutex_unlock(&store->stores->lock);
}

static void unlist(riacho_rocks_store *store)
{
    pthread_mutex_lock(&store->stores->lock);
    riacho_rocks_store **at = &store->stores->open;
    while (*at && *at != store)
        at = &(*at)->next;
    if (*at)
        *at = store->next;
    pthread_mutex_unlock(&store->stores->lock);
}

void riacho_rocks_store_free(riacho_rocks_store *store)
{
    if (!store)
        return;
    unlist(store);
    for (size_t i = 0; i < store->family_count; i++)
        rocksdb_column_family_handle_destroy(store->families[i]);
    if (store->db)
        rocksdb_close(store->db);
    riacho_buffer_done(&store->meta);
    free(store->families);
    free(store->spaces);
    free(store->folder);
    free(store);
}

static void riacho_auto_store(riacho_rocks_store **store)
{
    riacho_rocks_store_free(*store);
}

static riacho_status rocks_open(riacho_store_factory *base, const riacho_store_spec *spec,
                                riacho_store **ret_store, riacho_error *err)
{
    riacho_rocks_stores *stores = stores_of(base);
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *folder;
    RIACHO_TRY(folder_of(stores, spec, arena, &folder, err));
    RIACHO_TRY(riacho_rocks_room(stores, 0, err));
    RIACHO_TRY(riacho_files_make_folder(folder, err));

    RIACHO_AUTO(store) riacho_rocks_store *store = store_new(stores, folder);
    struct names names = {.arena = arena};
    RIACHO_TRY(riacho_damage_check(folder, err));
    RIACHO_TRY(riacho_identity_read(folder, &store->identity, err));
    RIACHO_TRY(check_folder(store, arena, err));
    RIACHO_TRY(list_families(stores, folder, spec, &names, err));
    RIACHO_TRY(open_families(store, spec, &names, err));
    RIACHO_TRY(check_identity(store, arena, err));
    store->damage = RIACHO_FATAL;
    list(store);
    *ret_store = &RIACHO_TAKE(store)->base;
    return RIACHO_OK;
}

static riacho_status rocks_quarantine(riacho_store_factory *base, const riacho_store_spec *spec,
                                      riacho_arena *arena, const char **ret_moved_to,
                                      riacho_error *err)
{
    riacho_rocks_stores *stores = stores_of(base);
    const char *folder;
    RIACHO_TRY(folder_of(stores, spec, arena, &folder, err));
    for (unsigned n = 1; n < DAMAGED_MAX; n++) {
        const char *moved = riacho_format(arena, "%s.damaged-%u", folder, n);
        if (renameat2(AT_FDCWD, folder, AT_FDCWD, moved, RENAME_NOREPLACE) == 0) {
            *ret_moved_to = moved;
            return riacho_files_sync_folder(
                riacho_format(arena, "%s/%s/g%u", stores->folder, spec->topology, spec->generation),
                err);
        }
        if (errno != EEXIST)
            break;
    }
    return riacho_fail(err, RIACHO_FATAL, "cannot move %s aside: %s", folder, strerror(errno));
}

static uint64_t rocks_memory(riacho_store_factory *base)
{
    riacho_rocks_stores *stores = stores_of(base);
    uint64_t bytes = rocksdb_cache_get_usage(stores->options.cache);
    pthread_mutex_lock(&stores->lock);
    for (const riacho_rocks_store *store = stores->open; store; store = store->next) {
        for (size_t i = 0; i < store->family_count; i++) {
            uint64_t buffers;
            if (rocksdb_property_int_cf(store->db, store->families[i],
                                        "rocksdb.cur-size-all-mem-tables", &buffers) == 0)
                bytes += buffers;
        }
    }
    pthread_mutex_unlock(&stores->lock);
    return bytes;
}

static void rocks_stores_close(riacho_store_factory *base)
{
    if (!base)
        return;
    riacho_rocks_stores *stores = stores_of(base);
    assert(!stores->open);
    if (stores->spare_batch)
        rocksdb_writebatch_destroy(stores->spare_batch);
    riacho_rocks_options_done(&stores->options);
    pthread_mutex_destroy(&stores->lock);
    free(stores->folder);
    free(stores);
}

static const riacho_store_factory_ops rocks_stores_ops = {
    .name = "rocksdb",
    .open = rocks_open,
    .quarantine = rocks_quarantine,
    .memory = rocks_memory,
    .close = rocks_stores_close,
};

static void riacho_auto_stores(riacho_rocks_stores **stores)
{
    rocks_stores_close((riacho_store_factory *)*stores);
}

static riacho_status set_reserve(riacho_rocks_stores *stores, uint64_t reserve_bytes,
                                 riacho_error *err)
{
    uint64_t free_bytes, total_bytes;
    RIACHO_TRY(riacho_files_space(stores->folder, &free_bytes, &total_bytes, err));
    const uint64_t percent = total_bytes / 100;
    const uint64_t usual = percent < RESERVE_BYTES_DEFAULT ? percent : RESERVE_BYTES_DEFAULT;
    stores->space_reserve_bytes = reserve_bytes ? reserve_bytes : usual;
    return RIACHO_OK;
}

riacho_status riacho_rocksdb_stores_open(const riacho_rocksdb_stores_options *options,
                                         riacho_store_factory **ret_factory, riacho_error *err)
{
    RIACHO_TRY(riacho_files_make_folder(options->folder, err));
    RIACHO_AUTO(stores) riacho_rocks_stores *stores = riacho_memory_get_zero(1, sizeof *stores);
    stores->base.ops = &rocks_stores_ops;
    stores->folder = riacho_memory_text(options->folder);
    pthread_mutex_init(&stores->lock, NULL);
    RIACHO_TRY(set_reserve(stores, options->space_reserve_bytes, err));
    stores->keys_only = options->keys_only;
    RIACHO_TRY(riacho_rocks_options_init(&stores->options, options, err));
    *ret_factory = &RIACHO_TAKE(stores)->base;
    return RIACHO_OK;
}
