/* SPDX-License-Identifier: MIT
 *
 * wait.c - waits until committed state includes a position (riacho/serve.h).
 *
 * A position is followed through the topology: every task that reads its partition must have
 * committed past it, and what that commit had written to repartition topics is followed in turn.
 * Publications only ever move on, so a place that was reached needs no second look.
 *
 * Threads: any; the caller's thread sleeps, no other is held.
 */
#include <time.h>

#include "base/macros.h"
#include "peer.h"

enum {
    NS_PER_MS = 1000000,
    /* While a waiter is there, commits are asked for this often at first, then ever less. */
    FIRST_NUDGE_MS = 2,
    LAST_NUDGE_MS = 100,
    ELSEWHERE_MS = 250, /* of one question to another worker */
};

/* One place that must be reached. */
typedef struct place {
    riacho_task *task;
    size_t input;
    int64_t next;
} place;

/* The places to reach, in order of discovery; those before `reached` are. */
typedef struct journey {
    riacho_worker *worker;
    int64_t deadline_ns;
    riacho_arena *arena;
    place *places;
    size_t count;
    size_t capacity;
    size_t reached;
    riacho_position *ends; /* of the task in hand */
    size_t end_capacity;
} journey;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A place that was reached is not gone to again, so a topology whose outputs come back to it as
 * inputs is followed once round: its later laps mix with everybody's events and would never end. */
static void add_place(journey *on, place more)
{
    for (size_t i = 0; i < on->count; i++) {
        if (on->places[i].task != more.task || on->places[i].input != more.input)
            continue;
        if (i >= on->reached && on->places[i].next < more.next)
            on->places[i].next = more.next;
        return;
    }
    if (on->count == on->capacity) {
        const size_t capacity = on->capacity ? 2 * on->capacity : 16;
        place *places = riacho_alloc_zero(on->arena, capacity, sizeof *places);
        for (size_t i = 0; i < on->count; i++)
            places[i] = on->places[i];
        on->places = places;
        on->capacity = capacity;
    }
    on->places[on->count++] = more;
}

/* Every task that reads the partition must pass the position; several topologies may read one
 * topic. */
static void add_readers(journey *on, const riacho_position *position)
{
    for (size_t i = 0; i < on->worker->deployment_count; i++) {
        size_t input;
        riacho_task *reader = riacho_deployment_reader(&on->worker->deployments[i], position->topic,
                                                       position->partition, &input);
        if (reader)
            add_place(on, (place){reader, input, position->next});
    }
}

static riacho_position *room_for_ends(journey *on, size_t count)
{
    if (count >= on->end_capacity) {
        on->end_capacity = count + 1;
        on->ends = riacho_alloc_zero(on->arena, on->end_capacity, sizeof *on->ends);
    }
    return on->ends;
}

/* Only the worker that has a task knows how far its commits wrote. */
static riacho_status follow(const journey *on, const place *at, riacho_position *ret_ends)
{
    const int64_t left_ms = (on->deadline_ns - now_ns()) / NS_PER_MS;
    const riacho_peer_follow asked = {
        .subtopology = at->task->subtopology,
        .partition = at->task->partition,
        .input = (uint32_t)at->input,
        .next = at->next,
        .wait_ms = left_ms < 0              ? 0
                   : left_ms < ELSEWHERE_MS ? left_ms
                                            : ELSEWHERE_MS,
    };
    if (!riacho_worker_shares(on->worker) || riacho_task_is_here(at->task))
        return riacho_task_follow(at->task, at->input, at->next, ret_ends);
    return riacho_peer_follow_task(on->worker, at->task, &asked, ret_ends);
}

/* Follows the places as far as they are reached; RIACHO_RETRY when one is not. */
static riacho_status advance(journey *on)
{
    while (on->reached < on->count) {
        const place at = on->places[on->reached];
        riacho_position *ends = room_for_ends(on, at.task->hop_count);
        RIACHO_TRY(follow(on, &at, ends));
        on->reached++;
        for (size_t i = 0; i < at.task->hop_count; i++)
            if (ends[i].next > 0)
                add_readers(on, &ends[i]);
    }
    return RIACHO_OK;
}

/* A position beyond the end of its partition names no event; waiting for it would be waiting for
 * somebody else's. */
static riacho_status check_exists(riacho_worker *worker, const riacho_position *position,
                                  riacho_error *err)
{
    int64_t first;
    int64_t next;
    RIACHO_TRY(worker->log->ops->bounds(worker->log, position->topic, position->partition, &first,
                                        &next, err));
    if (position->next > next)
        return riacho_fail(
            err, RIACHO_REJECT, "%s/%d ends at %lld: the position %lld is not there yet",
            position->topic, (int)position->partition, (long long)next, (long long)position->next);
    return RIACHO_OK;
}

/* Sleeps until something was published, a commit should be asked for, or the time is up. */
static void sleep_until_change(riacho_worker *worker, uint64_t seen, int64_t *nudge_ms,
                               int64_t deadline_ns)
{
    const int64_t nudge_ns = now_ns() + *nudge_ms * NS_PER_MS;
    const int64_t until = nudge_ns < deadline_ns ? nudge_ns : deadline_ns;
    if (riacho_worker_await_publish(worker, seen, until) != seen || until == deadline_ns)
        return;
    riacho_worker_request_commit(worker);
    *nudge_ms = *nudge_ms * 2 < LAST_NUDGE_MS ? *nudge_ms * 2 : LAST_NUDGE_MS;
}

static riacho_status wait_for(riacho_worker *worker, journey *on, const riacho_position *position,
                              riacho_error *err)
{
    const int64_t deadline_ns = on->deadline_ns;
    int64_t nudge_ms = FIRST_NUDGE_MS;
    uint64_t seen = riacho_worker_publish_count(worker);
    riacho_status status = advance(on);
    if (status != RIACHO_RETRY)
        return status;
    RIACHO_TRY(check_exists(worker, position, err));
    if (now_ns() < deadline_ns)
        riacho_worker_request_commit(worker);
    for (;;) {
        if (now_ns() >= deadline_ns)
            return riacho_fail(err, RIACHO_RETRY, "the state does not include %s/%d:%lld yet",
                               position->topic, (int)position->partition,
                               (long long)position->next);
        sleep_until_change(worker, seen, &nudge_ms, deadline_ns);
        RIACHO_TRY(riacho_serving_ready(worker, err));
        seen = riacho_worker_publish_count(worker);
        status = advance(on);
        if (status != RIACHO_RETRY)
            return status;
    }
}

riacho_status riacho_worker_wait(riacho_worker *worker, const riacho_position *position,
                                 int64_t timeout_ms, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    journey on = {
        .worker = worker, .deadline_ns = now_ns() + timeout_ms * NS_PER_MS, .arena = arena};
    RIACHO_TRY(riacho_serving_ready(worker, err));
    add_readers(&on, position);
    if (on.count == 0)
        return check_exists(worker, position, err);
    return wait_for(worker, &on, position, err);
}

riacho_status riacho_task_await(riacho_task *task, size_t input, int64_t next, int64_t wait_ms,
                                riacho_position *ret_ends)
{
    riacho_worker *worker = task->deployment->worker;
    const int64_t deadline_ns = now_ns() + wait_ms * NS_PER_MS;
    int64_t nudge_ms = FIRST_NUDGE_MS;
    for (;;) {
        riacho_error ignored;
        const uint64_t seen = riacho_worker_publish_count(worker);
        RIACHO_TRY(riacho_serving_ready(worker, &ignored));
        const riacho_status status = riacho_task_follow(task, input, next, ret_ends);
        if (status != RIACHO_RETRY || now_ns() >= deadline_ns || !riacho_task_is_here(task))
            return status;
        sleep_until_change(worker, seen, &nudge_ms, deadline_ns);
    }
}
