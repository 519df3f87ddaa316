/* SPDX-License-Identifier: MIT
 *
 * peer_answer.c - what this worker says to another one of its group (peer.h), and to whom it
 * speaks. Nothing here asks a third.
 */
#include "peer.h"

#include <assert.h>

#include "serve_read.h"
#include "shared/membership.h"

/* ---- meeting --------------------------------------------------------------------------------- */

void riacho_worker_meet(riacho_worker *worker, const riacho_peers *peers)
{
    pthread_rwlock_wrlock(&worker->meeting);
    worker->peers = peers;
    pthread_rwlock_unlock(&worker->meeting);
}

void riacho_worker_advertise(riacho_worker *worker, const char *address)
{
    assert(!atomic_load(&worker->started));
    worker->options.address = address;
}

static void refuse_all(riacho_peer_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        calls[i].status = riacho_fail(&calls[i].err, RIACHO_RETRY, "this worker asks no others");
}

void riacho_peer_ask(riacho_worker *worker, riacho_peer_call *calls, size_t count,
                     riacho_arena *arena)
{
    pthread_rwlock_rdlock(&worker->meeting);
    const riacho_peers *peers = worker->peers;
    if (peers && peers->ask)
        peers->ask(peers->arg, calls, count, arena);
    else
        refuse_all(calls, count);
    pthread_rwlock_unlock(&worker->meeting);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static riacho_status describe(const riacho_question *question, size_t index,
                              const riacho_wanted *wanted, riacho_peer_shard *ret_shard,
                              riacho_error *err)
{
    riacho_clock *clock = question->worker->clock;
    const riacho_shard *shard = &question->shards[index];
    *ret_shard = (riacho_peer_shard){.role = RIACHO_PEER_NOT_HERE};
    if (shard->where != RIACHO_SHARD_HERE)
        return RIACHO_OK;
    int64_t *nexts = riacho_alloc_zero(question->arena, shard->position_count + 1, sizeof *nexts);
    for (size_t i = 0; i < shard->position_count; i++)
        nexts[i] = shard->positions[i].next;
    const int64_t age_ms =
        shard->current_ms == INT64_MAX ? 0 : clock->now_ms(clock) - shard->current_ms;
    ret_shard->role = shard->is_standby ? RIACHO_PEER_STANDBY : RIACHO_PEER_ACTIVE;
    ret_shard->number = shard->number;
    ret_shard->age_ms = age_ms > 0 ? age_ms : 0;
    ret_shard->nexts = nexts;
    return riacho_question_share(question, index, wanted, &ret_shard->share, err);
}

/* Where a task is that was looked for here; NULL: nobody knows. */
static const char *hint(riacho_worker *worker, const riacho_task *task, riacho_arena *arena)
{
    riacho_owner owner;
    riacho_error ignored;
    if (riacho_membership_owner(worker, task, arena, &owner, &ignored) != RIACHO_OK ||
        owner.is_here || !owner.address || !*owner.address)
        return NULL;
    return owner.address;
}

static riacho_status answer_shards(riacho_question *question, const riacho_peer_read *read,
                                   riacho_peer_answer *answer, riacho_buffer *out,
                                   riacho_error *err)
{
    riacho_clock *clock = question->worker->clock;
    const bool known = question->upstream_ms != INT64_MAX;
    const int64_t age_ms = known ? clock->now_ms(clock) - question->upstream_ms : 0;
    riacho_wire_put(out, (uint64_t)(age_ms > 0 ? age_ms : 0), 8);
    for (size_t i = 0; i < question->shard_count; i++) {
        riacho_peer_shard shard;
        RIACHO_TRY(describe(question, i, &read->wanted, &shard, err));
        riacho_peer_put_shard(&shard, question->shards[i].task, &read->wanted, out);
    }
    if (question->elsewhere_count == question->shard_count) {
        answer->where = RIACHO_PEER_MISDIRECTED;
        answer->owner = hint(question->worker, question->shards[0].task, question->arena);
    }
    return RIACHO_OK;
}

static riacho_status answer_read(riacho_worker *worker, const riacho_deployment *deployment,
                                 riacho_wire *wire, riacho_arena *arena, riacho_peer_answer *answer,
                                 riacho_buffer *out, riacho_error *err)
{
    riacho_peer_read read;
    RIACHO_TRY(riacho_peer_get_read(deployment, wire, arena, &read, err));
    RIACHO_AUTO(question)
    riacho_question question = {
        .worker = worker,
        .deployment = deployment,
        .store = &deployment->graph->stores[read.store],
        .store_index = read.store,
        .kind = read.wanted.kind,
        .key_bytes = read.wanted.key_count ? read.wanted.keys[0] : (riacho_bytes){0},
        .member = read.wanted.member,
        .reach = read.reach,
        .arena = arena,
    };
    RIACHO_TRY(riacho_question_check(&question, err));
    riacho_question_open_tasks(&question, read.partitions, read.partition_count);
    return answer_shards(&question, &read, answer, out, err);
}

/* ---- the others ------------------------------------------------------------------------------ */

static riacho_status answer_follow(riacho_worker *worker, const riacho_deployment *deployment,
                                   riacho_wire *wire, riacho_arena *arena,
                                   riacho_peer_answer *answer, riacho_buffer *out,
                                   riacho_error *err)
{
    riacho_peer_follow follow;
    RIACHO_TRY(riacho_peer_get_follow(deployment, wire, &follow, err));
    riacho_task *task =
        deployment->tasks[deployment->first_task[follow.subtopology] + (uint32_t)follow.partition];
    riacho_position *ends = riacho_alloc_zero(arena, task->hop_count + 1, sizeof *ends);
    if (!riacho_task_is_here(task)) {
        answer->where = RIACHO_PEER_MISDIRECTED;
        answer->owner = hint(worker, task, arena);
        riacho_wire_put(out, RIACHO_PEER_FOLLOW_NOT_HERE, 1);
        return RIACHO_OK;
    }
    /* Who waits holds a thread; beyond so many the answer is how it is now. */
    const bool may_wait = atomic_fetch_add(&worker->peers_waiting, 1) < RIACHO_PEER_WAITS_MAX;
    const riacho_status status =
        riacho_task_await(task, follow.input, follow.next, may_wait ? follow.wait_ms : 0, ends);
    atomic_fetch_sub(&worker->peers_waiting, 1);
    riacho_wire_put(
        out, status == RIACHO_OK ? RIACHO_PEER_FOLLOW_REACHED : RIACHO_PEER_FOLLOW_NOT_YET, 1);
    for (size_t i = 0; i < task->hop_count && status == RIACHO_OK; i++)
        riacho_wire_put(out, (uint64_t)ends[i].next, 8);
    return RIACHO_OK;
}

static void answer_hello(riacho_worker *worker, riacho_arena *arena, riacho_buffer *out)
{
    const riacho_health health = riacho_worker_health(worker, arena);
    riacho_wire_put_bytes(out, riacho_text(RIACHO_VERSION));
    riacho_wire_put(out, health.ready == RIACHO_READY, 1);
    riacho_wire_put_bytes(out, health.reason ? riacho_text(health.reason) : (riacho_bytes){0});
}

static riacho_status answer_kind(riacho_worker *worker, riacho_wire *wire, riacho_arena *arena,
                                 riacho_peer_answer *answer, riacho_buffer *out, riacho_error *err)
{
    riacho_peer_kind kind;
    const riacho_deployment *deployment;
    RIACHO_TRY(riacho_peer_get_head(worker, wire, &kind, &deployment, err));
    riacho_peer_put_answer(worker, out);
    switch (kind) {
    case RIACHO_PEER_HELLO:
        answer_hello(worker, arena, out);
        return RIACHO_OK;
    case RIACHO_PEER_READ:
        return answer_read(worker, deployment, wire, arena, answer, out, err);
    case RIACHO_PEER_FOLLOW:
        return answer_follow(worker, deployment, wire, arena, answer, out, err);
    }
    return RIACHO_OK;
}

riacho_status riacho_worker_answer(riacho_worker *worker, riacho_bytes question,
                                   riacho_arena *arena, riacho_peer_answer *ret_answer,
                                   riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_peer_answer answer = {.where = RIACHO_PEER_HERE};
    riacho_wire wire = {question.data, question.size};
    RIACHO_TRY(riacho_serving_ready(worker, err));
    if (!riacho_worker_shares(worker))
        return riacho_fail(err, RIACHO_REJECT, "this worker shares its tasks with nobody");
    RIACHO_TRY(answer_kind(worker, &wire, arena, &answer, &out, err));
    if (out.size > RIACHO_PEER_ANSWER_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT,
                           "the answer would have more than %d MiB: ask for a smaller page",
                           RIACHO_PEER_ANSWER_BYTES_MAX >> 20);
    answer.bytes = riacho_copy(arena, riacho_buffer_bytes(&out));
    *ret_answer = answer;
    return RIACHO_OK;
}
