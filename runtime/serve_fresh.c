/* SPDX-License-Identifier: MIT
 *
 * serve_fresh.c - how new an answer is: the positions it includes, its age, and the moment that
 * stands for both the question and the commits (serve_read.h).
 *
 * Threads: any.
 */
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "serve_read.h"

enum { CURSOR_POSITIONS_MAX = 64, VARINT_BYTES_MAX = 10 };

/* ---- which sub-topologies come before which -------------------------------------------------- */

static bool may_write(const riacho_node *node, int32_t topic)
{
    if (node->kind != RIACHO_NODE_SINK)
        return false;
    for (size_t i = 0; i < node->allowed_topic_count; i++)
        if (node->allowed_topics[i] == topic)
            return true;
    return !node->topic_expr && node->topic == topic;
}

static bool reads(const riacho_node *node, int32_t topic)
{
    return (node->kind == RIACHO_NODE_SOURCE || node->kind == RIACHO_NODE_TABLE_SOURCE) &&
           node->topic == topic;
}

static void add_topic(const riacho_graph *graph, int32_t topic, bool *feeds)
{
    for (size_t from = 0; from < graph->node_count; from++) {
        if (!may_write(&graph->nodes[from], topic))
            continue;
        const size_t row = (size_t)graph->nodes[from].subtopology * graph->subtopology_count;
        for (size_t to = 0; to < graph->node_count; to++)
            if (reads(&graph->nodes[to], topic))
                feeds[row + (size_t)graph->nodes[to].subtopology] = true;
    }
}

const bool *riacho_serving_feeds(const riacho_graph *graph, riacho_arena *arena)
{
    const size_t count = graph->subtopology_count;
    bool *feeds = riacho_alloc_zero(arena, count * count + 1, sizeof *feeds);
    for (size_t i = 0; i < count; i++)
        feeds[i * count + i] = true;
    for (size_t topic = 0; topic < graph->topic_count; topic++)
        add_topic(graph, (int32_t)topic, feeds);
    for (size_t via = 0; via < count; via++)
        for (size_t i = 0; i < count * count; i++)
            feeds[i] |= feeds[i / count * count + via] && feeds[via * count + i % count];
    return feeds;
}

/* ---- age ------------------------------------------------------------------------------------- */

/* What is known of a task that has not caught up since the start: as new as its newest event, and
 * no newer than what was published. */
int64_t riacho_question_oldest(const riacho_publication *seen)
{
    if (!seen)
        return 0;
    return seen->stream_time_ms != INT64_MIN && seen->stream_time_ms < seen->published_ms
               ? seen->stream_time_ms
               : seen->published_ms;
}

/* A task that another worker runs is not known here, and left out. */
static int64_t current_of(riacho_task *task)
{
    const int64_t current_ms = atomic_load(&task->current_ms);
    const riacho_task_state state = atomic_load(&task->state);
    if (state == RIACHO_TASK_AWAY || state == RIACHO_TASK_STANDBY || state == RIACHO_TASK_RESTORING)
        return INT64_MAX;
    if (current_ms)
        return current_ms;
    RIACHO_AUTO(publication) riacho_publication *seen = riacho_task_publication(task);
    return riacho_question_oldest(seen);
}

int64_t riacho_question_upstream(const riacho_question *question)
{
    const riacho_deployment *deployment = question->deployment;
    const size_t count = deployment->graph->subtopology_count;
    const size_t own = (size_t)question->store->subtopology;
    const bool *feeds =
        riacho_serving_of(question->worker)->feeds[deployment - question->worker->deployments];
    int64_t least_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (i == own || !feeds[i * count + own])
            continue;
        for (uint32_t t = deployment->first_task[i]; t < deployment->first_task[i + 1]; t++) {
            const int64_t current_ms = current_of(deployment->tasks[t]);
            least_ms = current_ms < least_ms ? current_ms : least_ms;
        }
    }
    return least_ms;
}

static size_t count_positions(const riacho_question *question)
{
    size_t count = 0;
    for (size_t i = 0; i < question->shard_count; i++)
        count += question->shards[i].position_count;
    return count;
}

void riacho_question_date(const riacho_question *question, riacho_reply *reply)
{
    riacho_clock *clock = question->worker->clock;
    int64_t since_ms = question->upstream_ms;
    riacho_position *positions =
        riacho_alloc(question->arena, (count_positions(question) + 1) * sizeof *positions);
    for (size_t i = 0; i < question->shard_count; i++) {
        const riacho_shard *shard = &question->shards[i];
        if (shard->where == RIACHO_SHARD_MISSING)
            continue;
        since_ms = shard->current_ms < since_ms ? shard->current_ms : since_ms;
        memcpy(positions + reply->position_count, shard->positions,
               shard->position_count * sizeof *positions);
        reply->position_count += shard->position_count;
    }
    reply->positions = positions;
    const int64_t age_ms = since_ms == INT64_MAX ? 0 : clock->now_ms(clock) - since_ms;
    reply->staleness_ms = age_ms > 0 ? age_ms : 0;
}

static bool names(const char *list, const char *name)
{
    const size_t size = strlen(name);
    for (const char *at = list; at && *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        if (strncmp(at, name, size) == 0 && (at[size] == 0 || at[size] == ','))
            return true;
    return false;
}

void riacho_question_sign(const riacho_question *question, riacho_reply *reply)
{
    bool here = false;
    for (size_t i = 0; i < question->shard_count; i++) {
        const riacho_shard *shard = &question->shards[i];
        here |= shard->where == RIACHO_SHARD_HERE;
        if (shard->where == RIACHO_SHARD_MISSING)
            reply->extent = RIACHO_REPLY_PARTIAL;
        if (shard->is_standby)
            reply->role = RIACHO_REPLY_STANDBY;
        if (shard->where == RIACHO_SHARD_ELSEWHERE && !names(reply->served_by, shard->served_by))
            reply->served_by =
                riacho_format(question->arena, "%s%s%s", reply->served_by ? reply->served_by : "",
                              reply->served_by ? ", " : "", shard->served_by);
    }
    if (reply->served_by)
        reply->from = here ? RIACHO_REPLY_BOTH : RIACHO_REPLY_ELSEWHERE;
}

/* ---- moments --------------------------------------------------------------------------------- */

static void mix(uint64_t *moment, uint64_t number)
{
    *moment = (*moment ^ number) * 0x9e3779b97f4a7c15u;
    *moment ^= *moment >> 32;
}

static void mix_bytes(uint64_t *moment, riacho_bytes bytes)
{
    mix(moment, bytes.data ? riacho_hash(bytes) : 0);
}

uint64_t riacho_question_moment(const riacho_question *question)
{
    uint64_t moment = riacho_serving_of(question->worker)->salt;
    if (question->view)
        return 0;
    mix(&moment, (uint64_t)(question->deployment - question->worker->deployments));
    mix(&moment, (uint64_t)question->store_index << 8 | (uint64_t)question->kind << 1 |
                     (uint64_t)question->direction);
    mix(&moment, (uint64_t)question->limit << 32 | question->around);
    mix_bytes(&moment, question->key_bytes);
    mix_bytes(&moment, question->member);
    mix_bytes(&moment, question->from);
    mix_bytes(&moment, question->to);
    mix_bytes(&moment, question->prefix);
    mix_bytes(&moment, question->cursor);
    for (size_t i = 0; i < question->shard_count; i++) {
        const riacho_shard *shard = &question->shards[i];
        mix(&moment, shard->where == RIACHO_SHARD_MISSING ? UINT64_MAX : shard->number);
        mix(&moment, shard->source << 1 | shard->is_standby);
    }
    return moment ? moment : 1;
}

/* ---- cursors --------------------------------------------------------------------------------- */

static void put_varint(riacho_buffer *out, uint64_t number)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t size = 0;
    for (; number > 127; number >>= 7)
        bytes[size++] = (uint8_t)(number | 128);
    bytes[size++] = (uint8_t)number;
    riacho_buffer_append(out, bytes, size);
}

static bool take_varint(riacho_bytes *rest, uint64_t *ret_number)
{
    const uint8_t *at = rest->data;
    uint64_t number = 0;
    for (size_t i = 0; i < rest->size && i < VARINT_BYTES_MAX - 1; i++) {
        number |= (uint64_t)(at[i] & 127) << (7 * i);
        if (at[i] & 128)
            continue;
        *rest = (riacho_bytes){at + i + 1, rest->size - i - 1};
        *ret_number = number;
        return true;
    }
    return false;
}

/* Of very many partitions a cursor tells nothing. */
riacho_bytes riacho_cursor_write(const riacho_question *question, char kind, riacho_bytes rest)
{
    RIACHO_AUTO(buffer) riacho_buffer plain = {0};
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    const size_t count = count_positions(question);
    riacho_buffer_append(&plain, &kind, 1);
    put_varint(&plain, count <= CURSOR_POSITIONS_MAX ? count : 0);
    for (size_t i = 0; i < question->shard_count && count <= CURSOR_POSITIONS_MAX; i++) {
        const riacho_shard *shard = &question->shards[i];
        for (size_t j = 0; j < shard->position_count; j++)
            put_varint(&plain, (uint64_t)shard->positions[j].next);
    }
    riacho_buffer_append(&plain, rest.data, rest.size);
    riacho_base64url_encode(riacho_buffer_bytes(&plain), &text);
    return riacho_copy(question->arena, riacho_buffer_bytes(&text));
}

static riacho_status refuse(riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "the cursor is not one that this query gave");
}

riacho_status riacho_cursor_read(const riacho_question *question, char kind,
                                 riacho_cursor *ret_cursor, riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer plain = {0};
    riacho_cursor cursor = {.position_count = 0};
    uint64_t ignored;
    if (riacho_base64url_decode(question->cursor, &plain, NULL) != RIACHO_OK || plain.size < 1 ||
        plain.data[0] != (uint8_t)kind)
        return refuse(err);
    const riacho_bytes copy = riacho_copy(question->arena, riacho_buffer_bytes(&plain));
    cursor.rest = (riacho_bytes){(const uint8_t *)copy.data + 1, copy.size - 1};
    if (!take_varint(&cursor.rest, &cursor.position_count) ||
        cursor.position_count > CURSOR_POSITIONS_MAX)
        return refuse(err);
    cursor.positions = cursor.rest;
    for (uint64_t i = 0; i < cursor.position_count; i++)
        if (!take_varint(&cursor.rest, &ignored))
            return refuse(err);
    *ret_cursor = cursor;
    return RIACHO_OK;
}

/* What was shown is not taken back: the next page is never of an older state. */
riacho_status riacho_cursor_check(const riacho_question *question, const riacho_cursor *cursor,
                                  riacho_error *err)
{
    riacho_bytes rest = cursor->positions;
    uint64_t next;
    if (cursor->position_count != count_positions(question))
        return RIACHO_OK; /* partitions came or went */
    for (size_t i = 0; i < question->shard_count; i++) {
        const riacho_shard *shard = &question->shards[i];
        for (size_t j = 0; j < shard->position_count; j++) {
            const riacho_position *at = &shard->positions[j];
            if (!take_varint(&rest, &next))
                return refuse(err);
            if (next > (uint64_t)at->next)
                return riacho_fail(err, RIACHO_RETRY,
                                   "the page before included %s/%d:%llu, this state does not yet",
                                   at->topic, (int)at->partition, (unsigned long long)next);
        }
    }
    return RIACHO_OK;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static riacho_status find_deployment(riacho_worker *worker, const char *topology, const char *store,
                                     const riacho_deployment **ret_deployment, riacho_error *err)
{
    size_t deployment, index;
    if (store) {
        RIACHO_TRY(riacho_serving_find(worker, topology, store, &deployment, &index, err));
        *ret_deployment = &worker->deployments[deployment];
        return RIACHO_OK;
    }
    *ret_deployment = topology ? riacho_worker_deployment(worker, topology) : NULL;
    return *ret_deployment ? RIACHO_OK : riacho_fail(err, RIACHO_REJECT, "no such topology");
}

static riacho_status end_of(const riacho_task *task, size_t input, riacho_position *ret_position,
                            riacho_error *err)
{
    const riacho_deployment *deployment = task->deployment;
    const riacho_task_place *place = &task->inputs[input];
    riacho_log *log = deployment->worker->log;
    int64_t first;
    ret_position->topic = deployment->graph->topics[place->topic].name;
    ret_position->partition = place->partition;
    return log->ops->bounds(log, ret_position->topic, place->partition, &first, &ret_position->next,
                            err);
}

riacho_status riacho_worker_ends(riacho_worker *worker, const char *topology, const char *store,
                                 riacho_arena *arena, riacho_position **ret_positions,
                                 size_t *ret_count, riacho_error *err)
{
    const riacho_deployment *deployment;
    size_t count = 0, at = 0;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    RIACHO_TRY(find_deployment(worker, topology, store, &deployment, err));
    for (size_t i = 0; i < deployment->task_count; i++)
        count += deployment->tasks[i]->input_count;
    riacho_position *positions = riacho_alloc_zero(arena, count + 1, sizeof *positions);
    for (size_t i = 0; i < deployment->task_count; i++)
        for (size_t j = 0; j < deployment->tasks[i]->input_count; j++)
            RIACHO_TRY(end_of(deployment->tasks[i], j, &positions[at++], err));
    *ret_positions = positions;
    *ret_count = count;
    return RIACHO_OK;
}
