/* SPDX-License-Identifier: MIT
 *
 * serve_shards.c - which tasks keep the answer, and the pieces that all answers share
 * (serve_read.h).
 */
#include "serve_read.h"

#include <string.h>

#include "base/text.h"

/* Whether the store's key is what the tasks' input is partitioned by: then one task has all of a
 * key. */
static bool is_keyed(const riacho_graph *graph, int32_t store)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const riacho_node *node = &graph->nodes[i];
        for (size_t j = 0; j < node->store_count; j++)
            if (node->stores[j] == store && node->kind == RIACHO_NODE_PROCESS)
                return false;
    }
    return true;
}

static riacho_status take_shard(riacho_question *question, riacho_task *task, riacho_error *err)
{
    riacho_shard *shard = &question->shards[question->shard_count];
    shard->task = task;
    shard->current_ms = atomic_load(&task->current_ms);
    shard->seen = riacho_task_publication(task);
    if (!shard->seen)
        return riacho_fail(err, RIACHO_RETRY, "store '%s' is being rebuilt", question->store->name);
    shard->snapshot = riacho_snapshot_of(shard->seen->store, shard->seen->snapshot);
    shard->state = (riacho_state){
        .view = &shard->snapshot.view,
        .arena = question->arena,
        .space = riacho_serving_space(question->deployment->graph, question->store_index),
    };
    question->shard_count++;
    return RIACHO_OK;
}

riacho_status riacho_question_open(riacho_question *question, riacho_error *err)
{
    const riacho_deployment *deployment = question->deployment;
    const uint32_t first = deployment->first_task[question->store->subtopology];
    const uint32_t last = deployment->first_task[question->store->subtopology + 1];
    question->shard_count = 0;
    question->upstream_ms = riacho_question_upstream(question);
    question->shards =
        riacho_alloc_zero(question->arena, last - first + 1, sizeof *question->shards);
    if (question->key_bytes.data && last - first > 1 &&
        is_keyed(deployment->graph, question->store_index)) {
        riacho_task *owner =
            riacho_deployment_owner(deployment, question->store_index, question->key_bytes);
        return owner ? take_shard(question, owner, err)
                     : riacho_fail(err, RIACHO_RETRY, "store '%s' has no task for this key",
                                   question->store->name);
    }
    for (uint32_t i = first; i < last; i++)
        RIACHO_TRY(take_shard(question, deployment->tasks[i], err));
    return RIACHO_OK;
}

riacho_shard *riacho_question_shard(const riacho_question *question, riacho_bytes key_bytes)
{
    const riacho_deployment *deployment = question->deployment;
    if (question->shard_count < 2 || !is_keyed(deployment->graph, question->store_index))
        return NULL;
    const riacho_task *owner =
        riacho_deployment_owner(deployment, question->store_index, key_bytes);
    for (size_t i = 0; i < question->shard_count; i++)
        if (question->shards[i].task == owner)
            return &question->shards[i];
    return NULL;
}

void riacho_question_close(riacho_question *question)
{
    for (size_t i = 0; i < question->shard_count; i++)
        riacho_publication_release(question->shards[i].seen);
    question->shard_count = 0;
}

/* What a task stored must be readable: when it is not, that is our failure and not the question's.
 */
static riacho_status decode_stored(const riacho_codec *codec, riacho_bytes bytes,
                                   riacho_arena *arena, const void **ret_value, riacho_error *err)
{
    riacho_error why = {""};
    void *value = riacho_alloc_zero(arena, 1, codec->type->size + 1);
    const riacho_status status = riacho_decode(codec, bytes, arena, value, &why);
    if (status != RIACHO_OK)
        return riacho_fail(err, status == RIACHO_RETRY ? RIACHO_RETRY : RIACHO_FATAL,
                           "a stored %s cannot be read: %s", codec->name, why.text);
    *ret_value = value;
    return RIACHO_OK;
}

riacho_status riacho_answer_part(const riacho_data *data, riacho_bytes bytes, riacho_arena *arena,
                                 riacho_buffer *out, riacho_error *err)
{
    const void *value;
    RIACHO_TRY(decode_stored(data->codec, bytes, arena, &value, err));
    riacho_json_write(data->codec->type, value, out);
    return RIACHO_OK;
}

/* The pure function of state and now that a topology put between a store and its readers. */
static riacho_status apply_view(const riacho_question *question, riacho_bytes key_bytes,
                                const void *state, riacho_buffer *out, riacho_error *err)
{
    const riacho_function *view = question->view;
    riacho_clock *clock = question->worker->clock;
    const void *key = question->key;
    if (!question->reply)
        return riacho_fail(err, RIACHO_FATAL, "the type that view %s answers with is not known",
                           view->name);
    if (!key)
        RIACHO_TRY(
            decode_stored(question->store->key.codec, key_bytes, question->arena, &key, err));
    void *reply = riacho_alloc_zero(question->arena, 1, question->reply->size + 1);
    const riacho_status status =
        view->view(question->arena, clock->now_ms(clock), key, state, reply);
    if (status != RIACHO_OK)
        return riacho_fail(err, RIACHO_FATAL, "view %s refuses the state", view->name);
    riacho_json_write(question->reply, reply, out);
    return RIACHO_OK;
}

riacho_status riacho_answer_value(const riacho_question *question, riacho_bytes key_bytes,
                                  riacho_bytes value, riacho_buffer *out, riacho_error *err)
{
    const riacho_codec *codec = question->store->value.codec;
    const void *state;
    RIACHO_TRY(decode_stored(codec, value, question->arena, &state, err));
    if (question->view)
        return apply_view(question, key_bytes, state, out, err);
    riacho_json_write(codec->type, state, out);
    return RIACHO_OK;
}

void riacho_answer_end_page(riacho_answer *answer)
{
    answer->found = true;
    if (answer->next.data)
        riacho_buffer_printf(&answer->json, "],\"next\":\"%.*s\"}", (int)answer->next.size,
                             (const char *)answer->next.data);
    else
        riacho_buffer_printf(&answer->json, "],\"next\":null}");
}
