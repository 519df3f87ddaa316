/* SPDX-License-Identifier: MIT
 *
 * handles.c - see handles.h and riacho/store.h. Null keys, members and list values are refused; a
 * null value of keyValue and ttl deletes.
 *
 * The four handle types are one struct under four names, so that a ranking cannot be given where a
 * list is wanted.
 */
#include "handles.h"

#include <assert.h>
#include <string.h>

#include "chain.h"
#include "riacho/store.h"
#include "state/keyvalue.h"
#include "state/list.h"
#include "state/ranking.h"
#include "state/ttl.h"

struct riacho_keyvalue {
    riacho_handle handle;
};

struct riacho_ranking {
    riacho_handle handle;
};

struct riacho_list {
    riacho_handle handle;
};

struct riacho_ttl {
    riacho_handle handle;
};

void riacho_handles_init(riacho_handles *handles, riacho_operator *self)
{
    const riacho_node *node = self->node;
    riacho_chain *chain = self->chain;
    handles->items = riacho_alloc_zero(chain->lasting, node->store_count, sizeof *handles->items);
    handles->count = node->store_count;
    for (size_t i = 0; i < node->store_count; i++) {
        handles->items[i] = (riacho_handle){
            .owner = self,
            .store = &chain->graph->stores[node->stores[i]],
            .space = riacho_chain_space(chain, node->stores[i]),
        };
    }
}

void riacho_handles_done(riacho_handles *handles)
{
    for (size_t i = 0; i < handles->count; i++) {
        riacho_buffer_done(&handles->items[i].key);
        riacho_buffer_done(&handles->items[i].value);
    }
}

static riacho_handle *handle_of(riacho_ctx *ctx, riacho_store_kind kind, const char *name)
{
    if (ctx->owner->node->kind == RIACHO_NODE_PROCESS) {
        riacho_handles *handles = &((riacho_process *)ctx->owner)->handles;
        for (size_t i = 0; i < handles->count; i++) {
            riacho_handle *handle = &handles->items[i];
            if (handle->store->kind == kind && strcmp(handle->store->name, name) == 0)
                return handle;
        }
    }
    riacho_chain_die(ctx->owner, "the step has no store of that name and kind", name);
}

static riacho_error *error_of(const riacho_handle *handle)
{
    return handle->owner->chain->error;
}

static riacho_state state_of(const riacho_handle *handle)
{
    const riacho_chain *chain = handle->owner->chain;
    return riacho_overlay_state(chain->host->overlay, handle->space, chain->batch);
}

static riacho_status encode(riacho_handle *handle, const riacho_data *data, const void *value,
                            riacho_buffer *buffer, riacho_bytes *ret_bytes)
{
    if (!value)
        return riacho_fail(error_of(handle), RIACHO_REJECT, "store '%s' takes no null %s",
                           handle->store->name, buffer == &handle->key ? "key" : "value");
    riacho_buffer_reset(buffer);
    RIACHO_TRY(riacho_encode(data->codec, value, buffer, error_of(handle)));
    *ret_bytes = riacho_buffer_bytes(buffer);
    return RIACHO_OK;
}

static riacho_status encode_key(riacho_handle *handle, const void *key, riacho_bytes *ret_bytes)
{
    return encode(handle, &handle->store->key, key, &handle->key, ret_bytes);
}

static riacho_status encode_value(riacho_handle *handle, const void *value, riacho_bytes *ret_bytes)
{
    return encode(handle, &handle->store->value, value, &handle->value, ret_bytes);
}

/* Into batch memory; NULL for absent. */
static riacho_status decode_value(const riacho_handle *handle, riacho_bytes bytes,
                                  const void **ret_value)
{
    if (!bytes.data) {
        *ret_value = NULL;
        return RIACHO_OK;
    }
    riacho_chain *chain = handle->owner->chain;
    const riacho_codec *codec = handle->store->value.codec;
    void *value = riacho_alloc(chain->batch, codec->type->size);
    RIACHO_TRY(riacho_chain_decode(chain, codec, bytes, value));
    *ret_value = value;
    return RIACHO_OK;
}

/* The time a change is made at: of the record, or of the punctuation. */
static int64_t time_of(const riacho_handle *handle)
{
    const riacho_ctx *ctx = &handle->owner->ctx;
    return ctx->record ? ctx->record->timestamp_ms : ctx->punctuation_ms;
}

/* ---- keyValue -------------------------------------------------------------------------------- */

riacho_keyvalue *riacho_keyvalue_of(riacho_ctx *ctx, const char *store)
{
    return (riacho_keyvalue *)handle_of(ctx, RIACHO_STORE_KEYVALUE, store);
}

riacho_status riacho_keyvalue_get(riacho_keyvalue *store, const void *key, const void **ret_value)
{
    riacho_handle *handle = &store->handle;
    const riacho_state state = state_of(handle);
    riacho_bytes key_bytes;
    riacho_stamped stored;
    RIACHO_TRY(encode_key(handle, key, &key_bytes));
    RIACHO_TRY(riacho_state_keyvalue_get(&state, key_bytes, &stored, error_of(handle)));
    return decode_value(handle, stored.value, ret_value);
}

riacho_status riacho_keyvalue_put(riacho_keyvalue *store, const void *key, const void *value)
{
    riacho_handle *handle = &store->handle;
    const riacho_state state = state_of(handle);
    riacho_bytes key_bytes;
    riacho_stamped stamped = {.timestamp_ms = time_of(handle)};
    RIACHO_TRY(encode_key(handle, key, &key_bytes));
    if (value)
        RIACHO_TRY(encode_value(handle, value, &stamped.value));
    riacho_state_keyvalue_put(&state, key_bytes, &stamped);
    return RIACHO_OK;
}

/* ---- ranking --------------------------------------------------------------------------------- */

riacho_ranking *riacho_ranking_of(riacho_ctx *ctx, const char *store)
{
    return (riacho_ranking *)handle_of(ctx, RIACHO_STORE_RANKING, store);
}

/* The ranking of a key and the bytes of a member in it. */
static riacho_status ranking_open(riacho_handle *handle, const void *key, const void *member,
                                  riacho_state_ranking *ret_ranking, riacho_bytes *ret_member)
{
    ret_ranking->state = state_of(handle);
    ret_ranking->keep = handle->store->keep;
    RIACHO_TRY(encode_key(handle, key, &ret_ranking->key));
    return encode_value(handle, member, ret_member);
}

riacho_status riacho_ranking_set(riacho_ranking *store, const void *key, const void *member,
                                 int64_t score)
{
    riacho_state_ranking ranking;
    riacho_bytes bytes;
    RIACHO_TRY(ranking_open(&store->handle, key, member, &ranking, &bytes));
    return riacho_state_ranking_set(&ranking, bytes, score, NULL, error_of(&store->handle));
}

riacho_status riacho_ranking_add(riacho_ranking *store, const void *key, const void *member,
                                 int64_t delta, int64_t *ret_score)
{
    riacho_state_ranking ranking;
    riacho_bytes bytes;
    riacho_state_ranking_change change;
    RIACHO_TRY(ranking_open(&store->handle, key, member, &ranking, &bytes));
    RIACHO_TRY(riacho_state_ranking_add(&ranking, bytes, delta, ret_score ? &change : NULL,
                                        error_of(&store->handle)));
    if (ret_score)
        *ret_score = change.new_score;
    return RIACHO_OK;
}

riacho_status riacho_ranking_remove(riacho_ranking *store, const void *key, const void *member)
{
    riacho_state_ranking ranking;
    riacho_bytes bytes;
    RIACHO_TRY(ranking_open(&store->handle, key, member, &ranking, &bytes));
    return riacho_state_ranking_remove(&ranking, bytes, error_of(&store->handle));
}

riacho_status riacho_ranking_score(riacho_ranking *store, const void *key, const void *member,
                                   bool *ret_found, int64_t *ret_score)
{
    riacho_state_ranking ranking;
    riacho_bytes bytes;
    RIACHO_TRY(ranking_open(&store->handle, key, member, &ranking, &bytes));
    return riacho_state_ranking_score(&ranking, bytes, ret_found, ret_score,
                                      error_of(&store->handle));
}

/* ---- list ------------------------------------------------------------------------------------ */

riacho_list *riacho_list_of(riacho_ctx *ctx, const char *store)
{
    return (riacho_list *)handle_of(ctx, RIACHO_STORE_LIST, store);
}

static riacho_status list_open(riacho_handle *handle, const void *key, riacho_state_list *ret_list)
{
    ret_list->state = state_of(handle);
    ret_list->keep = handle->store->keep;
    return encode_key(handle, key, &ret_list->key);
}

riacho_status riacho_list_append(riacho_list *store, const void *key, const void *value,
                                 uint64_t *ret_sequence)
{
    riacho_state_list list;
    riacho_bytes bytes;
    RIACHO_TRY(list_open(&store->handle, key, &list));
    RIACHO_TRY(encode_value(&store->handle, value, &bytes));
    return riacho_state_list_append(&list, bytes, ret_sequence, error_of(&store->handle));
}

riacho_status riacho_list_delete(riacho_list *store, const void *key, uint64_t sequence)
{
    riacho_state_list list;
    RIACHO_TRY(list_open(&store->handle, key, &list));
    return riacho_state_list_delete(&list, sequence, error_of(&store->handle));
}

/* ---- ttl ------------------------------------------------------------------------------------- */

riacho_ttl *riacho_ttl_of(riacho_ctx *ctx, const char *store)
{
    return (riacho_ttl *)handle_of(ctx, RIACHO_STORE_TTL, store);
}

riacho_status riacho_ttl_get(riacho_ttl *store, const void *key, const void **ret_value)
{
    riacho_handle *handle = &store->handle;
    const riacho_state state = state_of(handle);
    riacho_bytes key_bytes;
    riacho_bytes value;
    RIACHO_TRY(encode_key(handle, key, &key_bytes));
    RIACHO_TRY(riacho_state_ttl_get(&state, key_bytes, handle->owner->chain->host->stream_time_ms,
                                    &value, error_of(handle)));
    return decode_value(handle, value, ret_value);
}

static riacho_status ttl_entry_of(riacho_handle *handle, const void *key, const void *value,
                                  int64_t timestamp_ms, riacho_state_ttl_entry *ret_entry)
{
    RIACHO_TRY(encode_key(handle, key, &ret_entry->key));
    if (value)
        RIACHO_TRY(encode_value(handle, value, &ret_entry->value));
    if (__builtin_add_overflow(timestamp_ms, handle->store->ttl_ms, &ret_entry->expires_ms))
        ret_entry->expires_ms = INT64_MAX;
    return RIACHO_OK;
}

riacho_status riacho_ttl_put(riacho_ttl *store, const void *key, const void *value,
                             int64_t timestamp_ms)
{
    riacho_handle *handle = &store->handle;
    const riacho_state state = state_of(handle);
    riacho_state_ttl_entry entry = {0};
    RIACHO_TRY(ttl_entry_of(handle, key, value, timestamp_ms, &entry));
    if (!value)
        return riacho_state_ttl_delete(&state, entry.key, error_of(handle));
    handle->puts++;
    return riacho_state_ttl_put(&state, &entry, error_of(handle));
}

riacho_status riacho_ttl_put_if_absent(riacho_ttl *store, const void *key, const void *value,
                                       int64_t timestamp_ms, const void **ret_existing)
{
    riacho_handle *handle = &store->handle;
    const riacho_state state = state_of(handle);
    riacho_state_ttl_entry entry = {0};
    riacho_bytes existing;
    assert(value);
    RIACHO_TRY(ttl_entry_of(handle, key, value, timestamp_ms, &entry));
    RIACHO_TRY(riacho_state_ttl_put_if_absent(
        &state, &entry, handle->owner->chain->host->stream_time_ms, &existing, error_of(handle)));
    handle->puts += !existing.data;
    return decode_value(handle, existing, ret_existing);
}

/* What expired is not seen any more; here it goes, off the records' way. A flush drops more than
 * was put since the last one, so what is dead does not pile up, and not without bound. */
riacho_status riacho_handles_expire(riacho_handles *handles)
{
    enum { DROPS_MORE = 1000 };
    for (size_t i = 0; i < handles->count; i++) {
        riacho_handle *handle = &handles->items[i];
        if (handle->store->kind != RIACHO_STORE_TTL)
            continue;
        const riacho_state state = state_of(handle);
        RIACHO_TRY(riacho_state_ttl_expire(&state, handle->owner->chain->host->stream_time_ms,
                                           handle->puts + DROPS_MORE, NULL, error_of(handle)));
        handle->puts = 0;
    }
    return RIACHO_OK;
}
