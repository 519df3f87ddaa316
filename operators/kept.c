/* SPDX-License-Identifier: MIT
 *
 * kept.c - see kept.h.
 */
#include "kept.h"

#include <assert.h>

#include "chain.h"

void riacho_kept_init(riacho_kept *kept, riacho_operator *self)
{
    riacho_chain *chain = self->chain;
    const riacho_node *node = self->node;
    assert(node->store_count == 1);
    kept->owner = self;
    kept->store = &chain->graph->stores[node->stores[0]];
    assert(kept->store->kind == RIACHO_STORE_KEYVALUE);
    kept->space = riacho_chain_space(chain, node->stores[0]);
    riacho_result_init(&kept->state, self, &kept->store->value);
    riacho_result_init(&kept->flushed_key, self, &kept->store->key);
    kept->caches = kept->store->caching && node->child_count;
    if (!kept->caches)
        return;
    riacho_dirty_init(&kept->dirty);
    kept->dirty.next = chain->dirty;
    chain->dirty = &kept->dirty;
}

void riacho_kept_done(riacho_kept *kept)
{
    if (kept->dirty.arena)
        riacho_dirty_done(&kept->dirty);
    riacho_buffer_done(&kept->key);
    riacho_buffer_done(&kept->value);
}

static riacho_state state_of(const riacho_kept *kept)
{
    const riacho_chain *chain = kept->owner->chain;
    return riacho_overlay_state(chain->host->overlay, kept->space, chain->batch);
}

riacho_status riacho_kept_choose(riacho_kept *kept, const void *key)
{
    riacho_buffer_reset(&kept->key);
    return riacho_encode(kept->store->key.codec, key, &kept->key, kept->owner->chain->error);
}

riacho_status riacho_kept_find(riacho_kept *kept, bool *ret_found)
{
    const riacho_state state = state_of(kept);
    riacho_stamped stored;
    RIACHO_TRY(riacho_state_keyvalue_get(&state, riacho_buffer_bytes(&kept->key), &stored,
                                         kept->owner->chain->error));
    *ret_found = stored.value.data;
    return RIACHO_OK;
}

static riacho_status read_key(const riacho_kept *kept, riacho_bytes key, bool *ret_found,
                              int64_t *ret_timestamp_ms)
{
    riacho_chain *chain = kept->owner->chain;
    const riacho_state state = state_of(kept);
    riacho_stamped stored;
    RIACHO_TRY(riacho_state_keyvalue_get(&state, key, &stored, chain->error));
    *ret_found = stored.value.data;
    if (!stored.value.data)
        return RIACHO_OK;
    *ret_timestamp_ms = stored.timestamp_ms;
    return riacho_chain_decode(chain, kept->store->value.codec, stored.value, kept->state.memory);
}

riacho_status riacho_kept_read(riacho_kept *kept, bool *ret_found, int64_t *ret_timestamp_ms)
{
    return read_key(kept, riacho_buffer_bytes(&kept->key), ret_found, ret_timestamp_ms);
}

riacho_status riacho_kept_write(riacho_kept *kept, const riacho_flow *change, bool existed)
{
    riacho_operator *self = kept->owner;
    const riacho_state state = state_of(kept);
    const riacho_bytes key = riacho_buffer_bytes(&kept->key);
    if (change->record.value) {
        riacho_buffer_reset(&kept->value);
        RIACHO_TRY(riacho_encode(kept->store->value.codec, change->record.value, &kept->value,
                                 self->chain->error));
        const riacho_stamped stamped = {riacho_buffer_bytes(&kept->value),
                                        change->record.timestamp_ms};
        riacho_state_keyvalue_put(&state, key, &stamped);
    } else {
        riacho_state_keyvalue_delete(&state, key);
    }
    if (!kept->caches)
        return riacho_push_all(self, change);
    riacho_dirty_note(&kept->dirty, key, &change->record, existed);
    return RIACHO_OK;
}

static riacho_status forward_key(riacho_kept *kept, const riacho_dirty_key *dirty)
{
    riacho_chain *chain = kept->owner->chain;
    riacho_flow change = {.record = {
                              .key = kept->flushed_key.memory,
                              .timestamp_ms = dirty->last.timestamp_ms,
                              .headers = {dirty->last.headers, dirty->last.header_count},
                          }};
    bool found = false;
    RIACHO_TRY(read_key(kept, dirty->key, &found, &change.record.timestamp_ms));
    if (!found && !dirty->existed)
        return RIACHO_OK;
    if (found)
        change.record.value = kept->state.memory;
    RIACHO_TRY(
        riacho_chain_decode(chain, kept->store->key.codec, dirty->key, kept->flushed_key.memory));
    return riacho_push_all(kept->owner, &change);
}

riacho_status riacho_kept_flush(riacho_kept *kept)
{
    if (!kept->caches)
        return RIACHO_OK;
    const riacho_dirty_key *key;
    while ((key = riacho_dirty_next(&kept->dirty))) {
        if (riacho_dirty_refused(&kept->dirty, key->key))
            continue;
        const riacho_status status = forward_key(kept, key);
        riacho_arena_reset(kept->owner->chain->flushing);
        if (riacho_host_passes_over(kept->owner->chain->host, status))
            riacho_dirty_refuse(&kept->dirty, key->key);
        RIACHO_TRY(status);
    }
    return RIACHO_OK;
}
