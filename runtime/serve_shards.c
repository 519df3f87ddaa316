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

static void see(riacho_question *question, riacho_shard *shard, riacho_publication *seen)
{
    shard->where = RIACHO_SHARD_HERE;
    shard->seen = seen;
    shard->snapshot = riacho_snapshot_of(seen->store, seen->snapshot);
    shard->state = (riacho_state){
        .view = &shard->snapshot.view,
        .arena = question->arena,
        .space = riacho_serving_space(question->deployment->graph, question->store_index),
    };
    shard->number = seen->number;
    shard->positions = seen->positions;
    shard->position_count = seen->position_count;
    if (!shard->current_ms)
        shard->current_ms = riacho_question_oldest(seen);
}

static bool has_all(const riacho_question *question, const riacho_publication *seen)
{
    riacho_log *log = question->worker->log;
    for (size_t i = 0; i < seen->position_count; i++) {
        const riacho_position *at = &seen->positions[i];
        int64_t first, next;
        if (log->ops->bounds(log, at->topic, at->partition, &first, &next, NULL) != RIACHO_OK ||
            at->next < next)
            return false;
    }
    return true;
}

/* When a standby's state was known to be as new as the log: now, when a reader last looked, or as
 * its events tell. No thread looks for a standby, so this is where current_ms is set. */
static int64_t standby_since(const riacho_question *question, riacho_task *task,
                             const riacho_publication *seen)
{
    const int64_t now_ms = question->worker->clock->now_ms(question->worker->clock);
    const int64_t oldest_ms = riacho_question_oldest(seen);
    const int64_t before_ms = atomic_load(&task->current_ms);
    if (!has_all(question, seen))
        return before_ms > oldest_ms && before_ms <= now_ms ? before_ms : oldest_ms;
    atomic_store(&task->current_ms, now_ms);
    return now_ms;
}

/* A standby answers only those who said how old its answer may be. */
static void see_standby(riacho_question *question, riacho_shard *shard)
{
    riacho_clock *clock = question->worker->clock;
    if (question->reach.role != RIACHO_REACH_STANDBYS)
        return;
    RIACHO_AUTO(publication) riacho_publication *seen = riacho_task_publication(shard->task);
    if (!seen)
        return;
    shard->current_ms = standby_since(question, shard->task, seen);
    if (clock->now_ms(clock) - shard->current_ms > question->reach.age_ms_max)
        return;
    shard->is_standby = true;
    see(question, shard, RIACHO_TAKE(seen));
}

static void take_shard(riacho_question *question, riacho_task *task)
{
    riacho_shard *shard = &question->shards[question->shard_count++];
    const riacho_task_state state = atomic_load(&task->state);
    shard->task = task;
    shard->where = RIACHO_SHARD_ELSEWHERE;
    if (state == RIACHO_TASK_STANDBY || state == RIACHO_TASK_RESTORING) {
        see_standby(question, shard);
    } else if (state != RIACHO_TASK_AWAY) {
        shard->current_ms = atomic_load(&task->current_ms);
        riacho_publication *seen = riacho_task_publication(task);
        if (seen)
            see(question, shard, seen);
    }
    question->elsewhere_count += shard->where != RIACHO_SHARD_HERE;
}

/* Whether the task may keep something of the answer. */
static bool is_asked(const riacho_question *question, const riacho_task *task)
{
    const riacho_bytes *keys = question->keys ? question->keys : &question->key_bytes;
    const size_t count = question->keys ? question->key_count : question->key_bytes.data != NULL;
    if (!count || !is_keyed(question->deployment->graph, question->store_index))
        return true;
    for (size_t i = 0; i < count; i++)
        if (riacho_deployment_owner(question->deployment, question->store_index, keys[i]) == task)
            return true;
    return false;
}

static void begin(riacho_question *question, size_t count)
{
    question->shard_count = 0;
    question->elsewhere_count = 0;
    question->upstream_ms = riacho_question_upstream(question);
    question->shards = riacho_alloc_zero(question->arena, count + 1, sizeof *question->shards);
}

riacho_status riacho_question_open(riacho_question *question, riacho_error *err)
{
    const riacho_deployment *deployment = question->deployment;
    const uint32_t first = deployment->first_task[question->store->subtopology];
    const uint32_t last = deployment->first_task[question->store->subtopology + 1];
    begin(question, last - first);
    for (uint32_t i = first; i < last; i++)
        if (is_asked(question, deployment->tasks[i]))
            take_shard(question, deployment->tasks[i]);
    if (question->elsewhere_count && !riacho_worker_shares(question->worker))
        return riacho_fail(err, RIACHO_RETRY, "store '%s' is being rebuilt", question->store->name);
    return RIACHO_OK;
}

void riacho_question_open_tasks(riacho_question *question, const uint32_t *partitions, size_t count)
{
    const riacho_deployment *deployment = question->deployment;
    const uint32_t first = deployment->first_task[question->store->subtopology];
    begin(question, count);
    for (size_t i = 0; i < count; i++)
        take_shard(question, deployment->tasks[first + partitions[i]]);
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

riacho_status riacho_question_share(const riacho_question *question, size_t shard,
                                    const riacho_wanted *wanted, riacho_share *ret_share,
                                    riacho_error *err)
{
    const riacho_shard *of = &question->shards[shard];
    *ret_share = of->share;
    if (of->where != RIACHO_SHARD_HERE)
        return RIACHO_OK;
    const riacho_share_source source = {.state = of->state,
                                        .kind = question->store->kind,
                                        .stream_time_ms = of->seen->stream_time_ms,
                                        .partition = (size_t)of->task->partition};
    return riacho_share_read(&source, wanted, ret_share, err);
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

/* Which tasks a partial page goes without. */
static void write_missing(const riacho_question *question, riacho_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < question->shard_count; i++) {
        if (question->shards[i].where == RIACHO_SHARD_MISSING)
            riacho_buffer_printf(out, "%s\"%s\"", count++ ? "," : ",\"partial\":true,\"missing\":[",
                                 question->shards[i].task->log_name);
    }
    if (count)
        riacho_buffer_printf(out, "]");
}

void riacho_answer_end_page(const riacho_question *question, riacho_answer *answer)
{
    answer->found = true;
    if (answer->next.data)
        riacho_buffer_printf(&answer->json, "],\"next\":\"%.*s\"", (int)answer->next.size,
                             (const char *)answer->next.data);
    else
        riacho_buffer_printf(&answer->json, "],\"next\":null");
    write_missing(question, &answer->json);
    riacho_buffer_printf(&answer->json, "}");
}
