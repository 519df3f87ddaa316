/* SPDX-License-Identifier: MIT
 *
 * handles.c - see handles.h and riacho/store.h.
 *
 * The four handle types are one struct under four names, so that a ranking cannot be given where a
 * list is wanted.
 */
#include "handles.h"

#include <string.h>

#include "chain.h"
#include "riacho/store.h"
#include "state/keyvalue.h"

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

void riacho_handles_init(riacho_handles *handles, riacho_operator *operator)
{
    const riacho_node *node = operator->node;
    riacho_chain *chain = operator->chain;
    handles->items = riacho_alloc_zero(chain->lasting, node->store_count, sizeof *handles->items);
    handles->count = node->store_count;
    for (size_t i = 0; i < node->store_count; i++) {
        handles->items[i] = (riacho_handle){
            .operator= operator,
            .store = & chain->graph->stores[node->stores[i]],
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
    if (ctx->operator->node->kind == RIACHO_NODE_PROCESS) {
        riacho_handles *handles = &((riacho_process *)ctx->operator)->handles;
        for (size_t i = 0; i < handles->count; i++) {
            riacho_handle *handle = &handles->items[i];
            if (handle->store->kind == kind && strcmp(handle->store->name, name) == 0)
                return handle;
        }
    }
    riacho_chain_die(ctx->operator, "the step has no store of that name and kind", name);
}

static riacho_error *error_of(const riacho_handle *handle)
{
    return handle->operator->chain->error;
}

static riacho_state state_of(const riacho_handle *handle)
{
    const riacho_chain *chain = handle->operator->chain;
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
    riacho_arena *arena = handle->operator->chain->batch;
    const riacho_codec *codec = handle->store->value.codec;
    void *value = riacho_alloc(arena, codec->type->size);
    RIACHO_TRY(riacho_decode(codec, bytes, arena, value, error_of(handle)));
    *ret_value = value;
    return RIACHO_OK;
}

/* The time a change is made at: of the record, or of the punctuation. */
static int64_t time_of(const riacho_handle *handle)
{
    const riacho_ctx *ctx = &handle->operator->ctx;
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
