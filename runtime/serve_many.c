/* SPDX-License-Identifier: MIT
 *
 * serve_many.c - several keys of one store from the same commits (riacho/serve.h).
 *
 * Threads: any.
 */
#include "serve_read.h"

/* The question of one key, with the shards of all. */
static riacho_question question_of_key(const riacho_question *all, size_t index, const void *key)
{
    riacho_question one = *all;
    riacho_shard *shard = riacho_question_shard(all, all->keys[index]);
    one.key = key;
    one.key_bytes = all->keys[index];
    one.key_index = index;
    if (shard) {
        one.shards = shard;
        one.shard_count = 1;
    }
    return one;
}

riacho_status riacho_worker_read_many(riacho_worker *worker, const riacho_read *read,
                                      const riacho_bytes *keys, size_t count, riacho_arena *arena,
                                      riacho_reply *ret_replies, riacho_reply *ret_whole,
                                      riacho_error *err)
{
    RIACHO_AUTO(question)
    riacho_question all = {.worker = worker,
                           .kind = RIACHO_READ_GET,
                           .limit = 1,
                           .reach = read->reach,
                           .key_count = count,
                           .arena = arena};
    riacho_reply whole = {.found = RIACHO_REPLY_FOUND};
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_TRY(riacho_question_find(&all, read->topology, read->store, err));
    all.reply = all.store->value.codec->type;
    riacho_bytes *key_bytes = riacho_alloc_zero(arena, count + 1, sizeof *key_bytes);
    const void **values = riacho_alloc_zero(arena, count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(riacho_question_read_key(&all.store->key, keys[i], arena, &values[i],
                                            &key_bytes[i], err));
    all.keys = key_bytes;
    RIACHO_TRY(riacho_question_open(&all, err));
    const riacho_wanted wanted = {.kind = RIACHO_READ_GET, .keys = key_bytes, .key_count = count};
    RIACHO_TRY(riacho_question_gather(&all, &wanted, err));
    all.is_gathered = true;
    for (size_t i = 0; i < count; i++) {
        riacho_question one = question_of_key(&all, i, values[i]);
        RIACHO_TRY(riacho_question_answer(&one, &ret_replies[i], err));
    }
    riacho_question_sign(&all, &whole);
    riacho_question_date(&all, &whole);
    *ret_whole = whole;
    return RIACHO_OK;
}
