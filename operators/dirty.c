/* SPDX-License-Identifier: MIT
 *
 * dirty.c - a vector of keys with a hash over it.
 */
#include "dirty.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void riacho_dirty_init(riacho_dirty *dirty)
{
    *dirty = (riacho_dirty){.arena = riacho_arena_new(), .unit = 1};
}

void riacho_dirty_done(riacho_dirty *dirty)
{
    riacho_map_done(&dirty->index);
    riacho_map_done(&dirty->refused);
    riacho_arena_free(dirty->arena);
    free(dirty->keys);
    free(dirty->touched);
    *dirty = (riacho_dirty){0};
}

void riacho_dirty_clear(riacho_dirty *dirty)
{
    riacho_map_clear(&dirty->index);
    riacho_map_clear(&dirty->refused);
    riacho_arena_reset(dirty->arena);
    dirty->count = dirty->flushed = 0;
    dirty->touched_count = 0;
    dirty->marked_count = dirty->marked_flushed = 0;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static uint8_t *copy_bytes(uint8_t *at, riacho_bytes from, riacho_bytes *ret_copy)
{
    if (!from.data) {
        *ret_copy = from;
        return at;
    }
    memcpy(at, from.data, from.size);
    *ret_copy = (riacho_bytes){at, from.size};
    return at + from.size;
}

static void keep_headers(riacho_dirty *dirty, riacho_dirty_version *version, riacho_headers headers)
{
    size_t bytes = 0;
    for (size_t i = 0; i < headers.count; i++)
        bytes += headers.items[i].name.size + headers.items[i].value.size;
    if (headers.count > version->header_capacity) {
        version->header_capacity = headers.count * 2;
        version->headers =
            riacho_alloc(dirty->arena, version->header_capacity * sizeof *version->headers);
    }
    if (bytes > version->byte_capacity) {
        version->byte_capacity = bytes * 2;
        version->bytes = riacho_alloc(dirty->arena, version->byte_capacity);
    }
    static uint8_t nothing; /* where empty runs point */
    uint8_t *at = bytes ? version->bytes : &nothing;
    for (size_t i = 0; i < headers.count; i++) {
        at = copy_bytes(at, headers.items[i].name, &version->headers[i].name);
        at = copy_bytes(at, headers.items[i].value, &version->headers[i].value);
    }
    version->header_count = headers.count;
}

static void remember_touched(riacho_dirty *dirty, uint32_t place)
{
    if (dirty->touched_count == dirty->touched_capacity) {
        dirty->touched_capacity = dirty->touched_capacity ? dirty->touched_capacity * 2 : 16;
        dirty->touched =
            riacho_memory_resize(dirty->touched, dirty->touched_capacity * sizeof *dirty->touched);
    }
    dirty->touched[dirty->touched_count++] = place;
}

static void swap_versions(riacho_dirty_key *key)
{
    const riacho_dirty_version last = key->last;
    key->last = key->before;
    key->before = last;
}

static riacho_dirty_key *add(riacho_dirty *dirty, riacho_map_entry *entry, bool existed)
{
    if (dirty->count == dirty->capacity) {
        dirty->capacity = dirty->capacity ? dirty->capacity * 2 : 64;
        dirty->keys = riacho_memory_resize(dirty->keys, dirty->capacity * sizeof *dirty->keys);
    }
    entry->key = riacho_copy(dirty->arena, entry->key);
    riacho_dirty_key *key = &dirty->keys[dirty->count++];
    *key = (riacho_dirty_key){.key = entry->key, .unit = dirty->unit, .existed = existed};
    entry->value = (void *)(uintptr_t)dirty->count;
    return key;
}

void riacho_dirty_note(riacho_dirty *dirty, riacho_bytes bytes, const riacho_record *record,
                       bool existed)
{
    riacho_map_entry *entry = riacho_map_put(&dirty->index, bytes);
    const size_t place = (uintptr_t)entry->value;
    riacho_dirty_key *key;
    if (!place) {
        key = add(dirty, entry, existed);
    } else {
        key = &dirty->keys[place - 1];
        if (key->unit != dirty->unit) {
            swap_versions(key);
            key->unit = dirty->unit;
            remember_touched(dirty, (uint32_t)(place - 1));
        }
    }
    key->last.timestamp_ms = record->timestamp_ms;
    if (record->headers.count || key->last.header_count)
        keep_headers(dirty, &key->last, record->headers);
}

/* ---- flush ----------------------------------------------------------------------------------- */

const riacho_dirty_key *riacho_dirty_next(riacho_dirty *dirty)
{
    return dirty->flushed < dirty->count ? &dirty->keys[dirty->flushed++] : NULL;
}

void riacho_dirty_refuse(riacho_dirty *dirty, riacho_bytes key)
{
    riacho_map_put(&dirty->refused, key)->value = dirty;
}

bool riacho_dirty_refused(const riacho_dirty *dirty, riacho_bytes key)
{
    return dirty->refused.count && riacho_map_get(&dirty->refused, key);
}

/* ---- units ----------------------------------------------------------------------------------- */

void riacho_dirty_mark(riacho_dirty *dirty)
{
    dirty->unit++;
    dirty->touched_count = 0;
    dirty->marked_count = dirty->count;
    dirty->marked_flushed = dirty->flushed;
}

void riacho_dirty_undo(riacho_dirty *dirty)
{
    while (dirty->touched_count)
        swap_versions(&dirty->keys[dirty->touched[--dirty->touched_count]]);
    while (dirty->count > dirty->marked_count)
        riacho_map_delete(&dirty->index, dirty->keys[--dirty->count].key);
    dirty->flushed = dirty->marked_flushed;
    dirty->unit++; /* what is touched again moves its version aside again */
}
