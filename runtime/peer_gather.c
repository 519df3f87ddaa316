/* SPDX-License-Identifier: MIT
 *
 * peer_gather.c - a read whose tasks are elsewhere: every worker that has some of them is asked
 * once for all of those, all workers at the same time. A task that was not where it was looked for
 * is looked for once more, in a fresh view of the group; after that a standby may do, for those who
 * said how old the answer may be.
 *
 * Threads: the one that asks.
 */
#include <string.h>

#include "peer.h"
#include "serve_read.h"
#include "shared/membership.h"

enum {
    ANSWER_MS = 2000,
    ROUND_OWNER = 0,
    ROUND_OWNER_AGAIN,
    ROUND_STANDBY, /* the first one; one more each round */
    STANDBYS_MAX = 3,
};

/* One worker that is asked in a round. */
struct asked {
    const char *address;
    size_t *shards; /* of the question */
    uint32_t *partitions;
    size_t count;
};

struct gathering {
    riacho_question *question;
    const riacho_wanted *wanted;
    bool *is_open; /* by shard: nobody has answered for it */
    size_t open_count;
    struct asked *asked;
    size_t asked_count;
    riacho_error *why; /* by shard: what the last one said */
};

/* ---- whom to ask ----------------------------------------------------------------------------- */

static const char *address_of(const riacho_owner *owner, size_t round)
{
    if (round < ROUND_STANDBY)
        return owner->is_here ? NULL : owner->address;
    const size_t standby = round - ROUND_STANDBY;
    return standby < owner->standby_count ? owner->standby_addresses[standby] : NULL;
}

/* NULL: there is nobody to ask this round. */
static const char *choose(struct gathering *on, size_t shard, size_t round)
{
    riacho_question *question = on->question;
    riacho_task *task = question->shards[shard].task;
    riacho_owner owner;
    riacho_error *why = &on->why[shard];
    if (riacho_membership_owner(question->worker, task, question->arena, &owner, why) != RIACHO_OK)
        return NULL;
    const char *address = address_of(&owner, round);
    if (address && *address)
        return address;
    if (round < ROUND_STANDBY && owner.is_here)
        (void)riacho_fail(why, RIACHO_RETRY, "its state is brought up to date here");
    else if (round < ROUND_STANDBY)
        (void)riacho_fail(why, RIACHO_RETRY, "worker %s has it, and has no address", owner.name);
    return NULL;
}

static struct asked *find_asked(struct gathering *on, const char *address)
{
    for (size_t i = 0; i < on->asked_count; i++)
        if (strcmp(on->asked[i].address, address) == 0)
            return &on->asked[i];
    riacho_arena *arena = on->question->arena;
    const size_t count = on->question->shard_count;
    struct asked *asked = &on->asked[on->asked_count++];
    *asked = (struct asked){.address = address,
                            .shards = riacho_alloc_zero(arena, count, sizeof(size_t)),
                            .partitions = riacho_alloc_zero(arena, count, sizeof(uint32_t))};
    return asked;
}

static void choose_all(struct gathering *on, size_t round)
{
    on->asked_count = 0;
    for (size_t i = 0; i < on->question->shard_count; i++) {
        const char *address = on->is_open[i] ? choose(on, i, round) : NULL;
        if (!address)
            continue;
        struct asked *asked = find_asked(on, address);
        asked->shards[asked->count] = i;
        asked->partitions[asked->count++] = (uint32_t)on->question->shards[i].task->partition;
    }
}

/* ---- what they say --------------------------------------------------------------------------- */

static void fill_shard(const struct gathering *on, riacho_shard *shard,
                       const riacho_peer_head *head, const riacho_peer_shard *said)
{
    const riacho_question *question = on->question;
    const riacho_task *task = shard->task;
    riacho_clock *clock = question->worker->clock;
    riacho_position *positions =
        riacho_alloc_zero(question->arena, task->input_count + 1, sizeof *positions);
    for (size_t i = 0; i < task->input_count; i++) {
        const riacho_task_place *place = &task->inputs[i];
        positions[i] = (riacho_position){task->deployment->graph->topics[place->topic].name,
                                         place->partition, said->nexts[i]};
    }
    shard->where = RIACHO_SHARD_ELSEWHERE;
    shard->served_by = head->served_by;
    shard->source = head->salt;
    shard->share = said->share;
    shard->number = said->number;
    shard->current_ms = clock->now_ms(clock) - said->age_ms;
    shard->is_standby = said->role == RIACHO_PEER_STANDBY;
    shard->positions = positions;
    shard->position_count = task->input_count;
}

static riacho_status take_answer(struct gathering *on, const struct asked *asked,
                                 riacho_bytes answer, riacho_error *err)
{
    riacho_question *question = on->question;
    riacho_wire wire = {answer.data, answer.size};
    riacho_peer_head head;
    RIACHO_TRY(riacho_peer_get_answer(&wire, question->arena, &head, err));
    const int64_t upstream_age_ms = (int64_t)riacho_wire_get(&wire, 8);
    riacho_clock *clock = question->worker->clock;
    const int64_t upstream_ms = clock->now_ms(clock) - upstream_age_ms;
    for (size_t i = 0; i < asked->count; i++) {
        riacho_shard *shard = &question->shards[asked->shards[i]];
        riacho_peer_shard said;
        RIACHO_TRY(
            riacho_peer_get_shard(&wire, shard->task, on->wanted, question->arena, &said, err));
        if (said.role == RIACHO_PEER_NOT_HERE) {
            (void)riacho_fail(&on->why[asked->shards[i]], RIACHO_RETRY, "%s does not have it",
                              asked->address);
            continue;
        }
        fill_shard(on, shard, &head, &said);
        on->is_open[asked->shards[i]] = false;
        on->open_count--;
        if (upstream_age_ms > 0 && upstream_ms < question->upstream_ms)
            question->upstream_ms = upstream_ms;
    }
    return RIACHO_OK;
}

static void note_failure(struct gathering *on, const struct asked *asked, const riacho_error *err)
{
    for (size_t i = 0; i < asked->count; i++)
        if (on->is_open[asked->shards[i]])
            on->why[asked->shards[i]] = *err;
}

static riacho_bytes write_question(const struct gathering *on, const struct asked *asked)
{
    const riacho_question *question = on->question;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_peer_read read = {
        .store = question->store_index,
        .reach = question->reach,
        .wanted = *on->wanted,
        .partitions = asked->partitions,
        .partition_count = asked->count,
    };
    riacho_peer_put_head(RIACHO_PEER_READ, question->deployment, &out);
    riacho_peer_put_read(&read, &out);
    return riacho_copy(question->arena, riacho_buffer_bytes(&out));
}

static void ask_round(struct gathering *on)
{
    riacho_arena *arena = on->question->arena;
    riacho_peer_call *calls = riacho_alloc_zero(arena, on->asked_count + 1, sizeof *calls);
    for (size_t i = 0; i < on->asked_count; i++)
        calls[i] = (riacho_peer_call){.address = on->asked[i].address,
                                      .question = write_question(on, &on->asked[i]),
                                      .wait_ms = ANSWER_MS};
    if (on->asked_count)
        riacho_peer_ask(on->question->worker, calls, on->asked_count, arena);
    for (size_t i = 0; i < on->asked_count; i++) {
        riacho_peer_call *call = &calls[i];
        if (call->status != RIACHO_OK ||
            take_answer(on, &on->asked[i], call->answer, &call->err) != RIACHO_OK)
            note_failure(on, &on->asked[i], &call->err);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool may_be_partial(const riacho_question *question)
{
    return question->reach.extent == RIACHO_REACH_PARTIAL &&
           (question->kind == RIACHO_READ_RANGE || question->kind == RIACHO_READ_TOP ||
            question->kind == RIACHO_READ_LIST);
}

static riacho_status end(struct gathering *on, riacho_error *err)
{
    for (size_t i = 0; i < on->question->shard_count; i++) {
        riacho_shard *shard = &on->question->shards[i];
        if (!on->is_open[i])
            continue;
        if (!may_be_partial(on->question))
            return riacho_fail(err, RIACHO_RETRY,
                               "nobody answers for task %s of store '%s': %.200s",
                               shard->task->log_name, on->question->store->name, on->why[i].text);
        shard->where = RIACHO_SHARD_MISSING;
        shard->share = (riacho_share){0};
        shard->position_count = 0;
    }
    return RIACHO_OK;
}

static void begin(struct gathering *on)
{
    riacho_question *question = on->question;
    riacho_arena *arena = question->arena;
    const size_t count = question->shard_count;
    on->is_open = riacho_alloc_zero(arena, count + 1, sizeof *on->is_open);
    on->why = riacho_alloc_zero(arena, count + 1, sizeof *on->why);
    on->asked = riacho_alloc_zero(arena, count + 1, sizeof *on->asked);
    on->open_count = question->elsewhere_count;
    for (size_t i = 0; i < count; i++)
        on->is_open[i] = question->shards[i].where != RIACHO_SHARD_HERE;
}

riacho_status riacho_question_gather(riacho_question *question, const riacho_wanted *wanted,
                                     riacho_error *err)
{
    struct gathering on = {.question = question, .wanted = wanted};
    const size_t rounds = question->reach.role == RIACHO_REACH_STANDBYS
                              ? (size_t)ROUND_STANDBY + STANDBYS_MAX
                              : (size_t)ROUND_STANDBY;
    const bool nothing = wanted->kind == RIACHO_READ_GET && !wanted->key_count;
    if (!question->elsewhere_count || nothing)
        return RIACHO_OK;
    begin(&on);
    for (size_t round = ROUND_OWNER; round < rounds && on.open_count; round++) {
        riacho_error ignored;
        if (round == ROUND_OWNER_AGAIN)
            (void)!riacho_membership_look_again(question->worker, &ignored);
        choose_all(&on, round);
        ask_round(&on);
    }
    return end(&on, err);
}
