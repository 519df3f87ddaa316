/* SPDX-License-Identifier: MIT
 *
 * overlay_world.c - see overlay_world.h.
 *
 * Threads: the test's.
 */
#include "overlay_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frail_store frail;

static riacho_status frail_write(riacho_store *base, const riacho_changes *changes,
                                 riacho_error *err)
{
    (void)base;
    frail.last_count = changes->count;
    if (frail.next_write != RIACHO_OK)
        return riacho_fail(err, frail.next_write, "told to fail");
    return frail.below->ops->write(frail.below, changes, err);
}

static riacho_status frail_get(riacho_store *base, uint32_t space, riacho_bytes key,
                               riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    (void)base;
    frail.gets++;
    return frail.below->ops->get(frail.below, space, key, arena, ret_value, err);
}

static riacho_status frail_scan_open(riacho_store *base, riacho_store_snapshot *snapshot,
                                     uint32_t space, const riacho_range *range,
                                     riacho_store_scan **ret_scan, riacho_error *err)
{
    (void)base;
    return frail.below->ops->scan_open(frail.below, snapshot, space, range, ret_scan, err);
}

static int world_setup_with_cache(void **state, uint64_t cache_bytes)
{
    struct world *w = calloc(1, sizeof *w);
    w->f = fixture_new(FIXTURE_MEMORY);
    w->seed = 99;
    frail = (struct frail_store){.below = w->f->store, .ops = *w->f->store->ops};
    frail.ops.write = frail_write;
    frail.ops.get = frail_get;
    frail.ops.scan_open = frail_scan_open;
    frail.base.ops = &frail.ops;
    w->overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = &frail.base, .cache_bytes = cache_bytes});
    *state = w;
    return 0;
}

int world_setup(void **state)
{
    return world_setup_with_cache(state, 0);
}

int world_setup_cached(void **state)
{
    return world_setup_with_cache(state, 64 * 1024);
}

int world_setup_sealing(void **state)
{
    world_setup_with_cache(state, 0);
    ((struct world *)*state)->seals = true;
    return 0;
}

int world_setup_sealing_cached(void **state)
{
    world_setup_with_cache(state, 64 * 1024);
    ((struct world *)*state)->seals = true;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    riacho_overlay_free(w->overlay);
    fixture_free(w->f);
    free(w);
    return 0;
}

unsigned world_roll(struct world *w, unsigned sides)
{
    return (unsigned)(fixture_random(&w->seed) % sides);
}

riacho_bytes world_key_of(struct world *w, unsigned key)
{
    return riacho_text(riacho_format(w->f->arena, "%02u", key));
}

void world_put(struct world *w, uint32_t space, const char *key, const char *value)
{
    riacho_overlay_put(w->overlay, space, riacho_text(key), riacho_text(value));
}

const char *world_get(struct world *w, uint32_t space, const char *key)
{
    riacho_bytes value;
    fixture_ok(w->f, riacho_overlay_get(w->overlay, space, riacho_text(key), w->f->arena, &value,
                                        &w->f->err));
    return value.data ? value.data : "";
}

riacho_status world_commit(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    return riacho_overlay_commit(w->overlay, &meta, &w->f->err);
}

void world_seal(struct world *w)
{
    fixture_ok(w->f, riacho_overlay_seal(w->overlay, &w->f->err));
}

riacho_status world_write_sealed(struct world *w)
{
    const riacho_commit_meta meta = {.number = ++w->f->number};
    return riacho_overlay_write_sealed(w->overlay, &meta, &w->f->err);
}

const char *world_sealed_text(struct world *w)
{
    size_t count;
    const riacho_change *changes = riacho_overlay_sealed(w->overlay, &count);
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        assert_null(changes[i].key_end.data);
        text = riacho_format(w->f->arena, "%s%u/%.*s=%.*s ", text, (unsigned)changes[i].space,
                             (int)changes[i].key.size, (const char *)changes[i].key.data,
                             changes[i].value.data ? (int)changes[i].value.size : 1,
                             changes[i].value.data ? (const char *)changes[i].value.data : "-");
    }
    return text;
}

const char *world_scan_text(struct world *w, uint32_t space, riacho_range range)
{
    const riacho_state state = riacho_overlay_state(w->overlay, space, w->f->arena);
    riacho_view_scan *scan;
    riacho_bytes key, value;
    const char *text = "";
    fixture_ok(w->f, riacho_state_scan(&state, &range, &scan, &w->f->err));
    for (;;) {
        fixture_ok(w->f, riacho_scan_next(scan, &key, &value, &w->f->err));
        if (!key.data)
            break;
        text = riacho_format(w->f->arena, "%s%.*s=%.*s ", text, (int)key.size,
                             (const char *)key.data, (int)value.size, (const char *)value.data);
    }
    riacho_scan_close(scan);
    return text;
}
