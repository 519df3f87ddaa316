/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#define _XOPEN_SOURCE 700
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void fixture_remove_folder(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_ok(fixture *f, riacho_status status)
{
    if (status != RIACHO_OK)
        fail_msg("status %d: %s", (int)status, f->err.text);
}

static void open_factory(fixture *f)
{
    const riacho_rocksdb_stores_options options = {
        .folder = f->folder, .memory_bytes = 8 * 1024 * 1024, .space_reserve_bytes = 1};
    if (f->backend == FIXTURE_MEMORY)
        f->factory = riacho_memory_stores_new();
    else
        fixture_ok(f, riacho_rocksdb_stores_open(&options, &f->factory, &f->err));
}

riacho_store_spec fixture_spec(void)
{
    static const char *const names[FIXTURE_SPACES] = {"pets", "default", "votes"};
    return (riacho_store_spec){"tamaghost", "0_3", 0, names, FIXTURE_SPACES};
}

riacho_status fixture_open_store(fixture *f)
{
    const riacho_store_spec spec = fixture_spec();
    return f->factory->ops->open(f->factory, &spec, &f->store, &f->err);
}

void fixture_close_store(fixture *f)
{
    if (f->store)
        f->store->ops->close(f->store);
    f->store = NULL;
}

fixture *fixture_new(fixture_backend backend)
{
    fixture *new = calloc(1, sizeof *new);
    assert_non_null(new);
    new->backend = backend;
    new->arena = riacho_arena_new();
    const char *base = getenv("TMPDIR");
    snprintf(new->folder, sizeof new->folder, "%s/riacho-state-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(new->folder));
    open_factory(new);
    fixture_ok(new, fixture_open_store(new));
    return new;
}

void fixture_free(fixture *f)
{
    fixture_close_store(f);
    f->factory->ops->close(f->factory);
    riacho_arena_free(f->arena);
    fixture_remove_folder(f->folder);
    free(f);
}

void fixture_reopen(fixture *f)
{
    fixture_close_store(f);
    if (f->backend == FIXTURE_ROCKSDB) {
        f->factory->ops->close(f->factory);
        open_factory(f);
    }
    fixture_ok(f, fixture_open_store(f));
}

const char *fixture_store_folder(fixture *f)
{
    return riacho_format(f->arena, "%s/tamaghost/g0/0_3", f->folder);
}

void fixture_write(fixture *f, const riacho_change *changes, size_t count)
{
    const riacho_changes all = {changes, count, {.number = ++f->number}};
    fixture_ok(f, f->store->ops->write(f->store, &all, &f->err));
}

void fixture_put(fixture *f, uint32_t space, const char *key, const char *value)
{
    const riacho_change change = {
        .space = space, .key = riacho_text(key), .value = riacho_text(value)};
    fixture_write(f, &change, 1);
}

const char *fixture_get(fixture *f, uint32_t space, const char *key)
{
    riacho_bytes value;
    fixture_ok(f, f->store->ops->get(f->store, space, riacho_text(key), f->arena, &value, &f->err));
    return value.data ? value.data : "";
}

const char *fixture_scan(fixture *f, riacho_store_snapshot *snapshot, uint32_t space,
                         riacho_range range)
{
    const riacho_store_ops *ops = f->store->ops;
    riacho_store_scan *scan;
    riacho_bytes key, value;
    const char *text = "";
    fixture_ok(f, ops->scan_open(f->store, snapshot, space, &range, &scan, &f->err));
    for (;;) {
        fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
        if (!key.data)
            break;
        text = riacho_format(f->arena, "%s%s%.*s=%.*s", text, *text ? " " : "", (int)key.size,
                             (const char *)key.data, (int)value.size, (const char *)value.data);
    }
    ops->scan_close(scan);
    return text;
}

size_t fixture_count(fixture *f, uint32_t space, riacho_range range)
{
    riacho_store_scan *scan;
    riacho_bytes key, value;
    size_t count = 0;
    fixture_ok(f, f->store->ops->scan_open(f->store, NULL, space, &range, &scan, &f->err));
    for (;; count++) {
        fixture_ok(f, f->store->ops->scan_next(scan, &key, &value, &f->err));
        if (!key.data)
            break;
    }
    f->store->ops->scan_close(scan);
    return count;
}

uint64_t fixture_checksum(fixture *f, uint32_t space)
{
    const riacho_store_ops *ops = f->store->ops;
    const riacho_range all = {0};
    riacho_store_scan *scan;
    riacho_bytes key, value;
    uint64_t chain[3] = {0};
    fixture_ok(f, ops->scan_open(f->store, NULL, space, &all, &scan, &f->err));
    for (;;) {
        fixture_ok(f, ops->scan_next(scan, &key, &value, &f->err));
        if (!key.data)
            break;
        chain[1] = riacho_hash(key);
        chain[2] = riacho_hash(value);
        chain[0] = riacho_hash((riacho_bytes){chain, sizeof chain});
    }
    ops->scan_close(scan);
    return chain[0];
}

uint64_t fixture_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}
