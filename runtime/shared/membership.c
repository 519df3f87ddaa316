/* SPDX-License-Identifier: MIT
 *
 * membership.c - see membership.h.
 *
 * The control part knows of each lease what it last asked for, not where the task is at this
 * moment: an active task may be with its thread or with its restorer, and the word finds it
 * (handover.h).
 *
 *               wanted here            wanted as a standby
 *   ELSEWHERE -------------> HERE     ELSEWHERE ---------> STANDING_BY ---> HERE (promoted)
 *       ^                     |             ^                   |
 *       +----- CLOSING <------+             +---- CLOSING <-----+
 *         closed
 *
 * What is wanted of a lease while it is CLOSING is remembered and done when it is closed.
 */
#include "membership.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "leases.h"
#include "members.h"
#include "runtime/fault.h"
#include "runtime/mutation.h"
#include "runtime/publication.h"
#include "runtime/thread.h"
#include "shared.h"

enum {
    /* A fifth of the group's time for a rebalance (max.poll.interval.ms 300 s). For leases that are
     * lost nobody waits, and their tasks may have to wait for brokers that are away. */
    HAND_OVER_MS = 60000,
    LOOK_MS = 3000,
    /* So long a lease may be nobody's on its way from one worker to another. */
    ORPHAN_MS = 15000,
};

typedef enum place { ELSEWHERE = 0, HERE, STANDING_BY, CLOSING } place;
typedef enum want { WANT_NOTHING = 0, WANT_HERE, WANT_STANDBY } want;

struct lease {
    riacho_task *task;
    place place;
    want wanted; /* while CLOSING */
};

struct riacho_membership {
    riacho_worker *worker;
    riacho_member *member;
    riacho_members *members;
    struct lease *leases;
    size_t lease_count;
    size_t *loads; /* of each stream thread: active tasks */

    riacho_member_event event; /* the one that is not answered; change NONE: there is none */
    int64_t deadline_ns;       /* for its answer, when leases are revoked */
    bool releasing;
    int64_t look_ns;   /* at the members, next */
    int64_t orphan_ns; /* since when some lease is nobody's; 0: none is */
    bool away;         /* the coordinator cannot be reached; said once */
    atomic_bool settled;
};

static int64_t now_ns(const riacho_membership *membership)
{
    return membership->worker->clock->monotonic_ns(membership->worker->clock);
}

/* ---- one lease ------------------------------------------------------------------------------- */

static void put(riacho_box *box, riacho_handover_kind kind, riacho_task *task)
{
    const riacho_handover handover = {.kind = kind, .task = task};
    riacho_box_put(box, &handover);
}

static riacho_box *restorer_of(const riacho_membership *membership, const struct lease *lease)
{
    return riacho_shared_restorer(membership->worker, lease->task);
}

static void run_here(riacho_membership *membership, struct lease *lease)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < membership->worker->thread_count; i++) {
        if (membership->loads[i] < membership->loads[least])
            least = i;
    }
    membership->loads[least]++;
    atomic_store(&lease->task->thread, least);
    lease->place = HERE;
    put(restorer_of(membership, lease), RIACHO_HANDOVER_RESTORE, lease->task);
}

static void stand_by(riacho_membership *membership, struct lease *lease)
{
    lease->place = STANDING_BY;
    put(restorer_of(membership, lease), RIACHO_HANDOVER_STANDBY, lease->task);
}

/* Asks a task back that runs here, with `how`; or that stands by, which has nothing to commit. */
static void ask_back(riacho_membership *membership, struct lease *lease, riacho_handover_kind how)
{
    const uint32_t thread = atomic_load(&lease->task->thread);
    if (lease->place == HERE) {
        membership->loads[thread]--;
        put(membership->worker->threads[thread].box, how, lease->task);
    } else {
        put(restorer_of(membership, lease), RIACHO_HANDOVER_RELEASE, lease->task);
    }
    lease->place = CLOSING;
    lease->wanted = WANT_NOTHING;
}

static void want_lease(riacho_membership *membership, struct lease *lease, want wanted)
{
    if (lease->place == CLOSING) {
        lease->wanted = wanted;
        return;
    }
    if (wanted == WANT_HERE && lease->place != HERE)
        run_here(membership, lease);
    else if (wanted == WANT_STANDBY && lease->place == ELSEWHERE)
        stand_by(membership, lease);
    else if (wanted == WANT_NOTHING && lease->place == STANDING_BY)
        ask_back(membership, lease, RIACHO_HANDOVER_RELEASE);
}

static void closed(riacho_membership *membership, riacho_task *task)
{
    struct lease *lease = &membership->leases[task->lease];
    assert(lease->place == CLOSING);
    const want wanted = lease->wanted;
    lease->place = ELSEWHERE;
    lease->wanted = WANT_NOTHING;
    riacho_task_forget_history(task);
    riacho_task_set_state(task, RIACHO_TASK_AWAY, NULL);
    want_lease(membership, lease, wanted);
}

static void empty_box(riacho_membership *membership, bool *ret_did)
{
    riacho_handover handover;
    while (riacho_box_take(membership->worker->shared->control, &handover)) {
        assert(handover.kind == RIACHO_HANDOVER_CLOSED);
        *ret_did = true;
        closed(membership, handover.task);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static const struct riacho_broker_ops *broker_of(const riacho_membership *membership)
{
    return membership->worker->log->ops->broker;
}

static void answer(riacho_membership *membership)
{
    atomic_store(&membership->settled, membership->event.change == RIACHO_MEMBER_ASSIGNED);
    broker_of(membership)->member_answer(membership->member, &membership->event);
    membership->event = (riacho_member_event){0};
}

static void assigned(riacho_membership *membership, const riacho_member_event *event)
{
    for (size_t i = 0; i < event->count && !membership->releasing; i++)
        want_lease(membership, &membership->leases[event->leases[i]], WANT_HERE);
}

static riacho_status taken_away(riacho_membership *membership, const riacho_member_event *event,
                                riacho_handover_kind how, riacho_error *err)
{
    RIACHO_TRY(riacho_fault_at(membership->worker, RIACHO_SITE_REVOKING, err));
    for (size_t i = 0; i < event->count; i++) {
        struct lease *lease = &membership->leases[event->leases[i]];
        if (lease->place == HERE)
            ask_back(membership, lease, how);
        else if (lease->wanted == WANT_HERE)
            lease->wanted = WANT_NOTHING;
    }
    return RIACHO_OK;
}

static void say_event(const riacho_membership *membership, const riacho_member_event *event)
{
    static const char *const words[] = {"none", "assigned", "revoked", "lost"};
    char count[24];
    snprintf(count, sizeof count, "%zu", event->count);
    if (event->count)
        riacho_trace(event->change == RIACHO_MEMBER_LOST ? RIACHO_WARN : RIACHO_INFO,
                     "the group has changed", "worker", membership->worker->options.name, "tasks",
                     count, "change", words[event->change], NULL);
}

static riacho_status take_event(riacho_membership *membership, const riacho_member_event *event,
                                riacho_error *err)
{
    for (size_t i = 0; i < event->count; i++) {
        if (event->leases[i] < 0 || (size_t)event->leases[i] >= membership->lease_count)
            return riacho_fail(err, RIACHO_FATAL,
                               "the group gave lease %d, and these topologies have %zu tasks: the "
                               "lease topic was changed by hand",
                               (int)event->leases[i], membership->lease_count);
    }
    say_event(membership, event);
    atomic_store(&membership->settled, false);
    membership->event = *event;
    membership->deadline_ns = now_ns(membership) + (int64_t)HAND_OVER_MS * 1000000;
    membership->look_ns = 0;
    switch (event->change) {
    case RIACHO_MEMBER_ASSIGNED:
        assigned(membership, event);
        return RIACHO_OK;
    case RIACHO_MEMBER_REVOKED:
        return taken_away(membership, event, RIACHO_HANDOVER_RELEASE, err);
    case RIACHO_MEMBER_LOST:
        if (riacho_mutated(RIACHO_MUTATION_RESUME_UNOWNED))
            return RIACHO_OK;
        return taken_away(membership, event, RIACHO_HANDOVER_DROP, err);
    case RIACHO_MEMBER_NONE:
        break;
    }
    return RIACHO_OK;
}

/* The first task of the event that has not come back; NULL: all have. */
static const riacho_task *missing(const riacho_membership *membership)
{
    const riacho_member_event *event = &membership->event;
    const bool kept =
        event->change == RIACHO_MEMBER_ASSIGNED || riacho_mutated(RIACHO_MUTATION_RESUME_UNOWNED);
    for (size_t i = 0; i < event->count && !kept; i++) {
        const struct lease *lease = &membership->leases[event->leases[i]];
        if (lease->place == CLOSING || lease->place == HERE)
            return lease->task;
    }
    return NULL;
}

static riacho_status settle_event(riacho_membership *membership, bool *ret_did, riacho_error *err)
{
    if (membership->event.change == RIACHO_MEMBER_NONE)
        return RIACHO_OK;
    const riacho_task *task = missing(membership);
    if (!task) {
        answer(membership);
        *ret_did = true;
        return RIACHO_OK;
    }
    if (membership->event.change == RIACHO_MEMBER_LOST ||
        now_ns(membership) <= membership->deadline_ns)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_FATAL,
                       "task %s was taken away by the group, and could not be committed and closed "
                       "within %d s: the broker is too slow or cannot be reached",
                       task->log_name, HAND_OVER_MS / 1000);
}

static void say_reachable(riacho_membership *membership, bool away, const char *why)
{
    if (membership->away != away)
        riacho_trace(away ? RIACHO_WARN : RIACHO_INFO,
                     away ? "the group cannot be reached" : "the group is reached again", "worker",
                     membership->worker->options.name, "reason", why, NULL);
    membership->away = away;
}

static riacho_status poll_event(riacho_membership *membership, int64_t wait_ms, bool *ret_did,
                                riacho_error *err)
{
    riacho_member_event event = {0};
    riacho_error why = {.text = ""};
    const riacho_status status =
        broker_of(membership)->member_poll(membership->member, wait_ms, &event, &why);
    if (status != RIACHO_OK && status != RIACHO_RETRY)
        return riacho_fail(err, status, "%s", why.text);
    say_reachable(membership, status == RIACHO_RETRY, why.text);
    if (status == RIACHO_RETRY || event.change == RIACHO_MEMBER_NONE)
        return RIACHO_OK;
    *ret_did = true;
    assert(membership->event.change == RIACHO_MEMBER_NONE);
    return take_event(membership, &event, err);
}

/* ---- standbys -------------------------------------------------------------------------------- */

static void place_standbys(riacho_membership *membership)
{
    for (size_t i = 0; i < membership->lease_count; i++) {
        struct lease *lease = &membership->leases[i];
        const bool here =
            lease->place == HERE || (lease->place == CLOSING && lease->wanted == WANT_HERE);
        const riacho_stand stand =
            here ? RIACHO_STAND_UNKNOWN : riacho_members_stand(membership->members, (int32_t)i);
        if (stand == RIACHO_STAND_BY)
            want_lease(membership, lease, WANT_STANDBY);
        else if (stand == RIACHO_STAND_ASIDE)
            want_lease(membership, lease, WANT_NOTHING);
    }
}

/* A group that leaves leases to nobody for long has not noticed. */
static void look_for_orphans(riacho_membership *membership)
{
    const int64_t now = now_ns(membership);
    if (!atomic_load(&membership->settled) ||
        !riacho_members_miss(membership->members, membership->lease_count)) {
        membership->orphan_ns = 0;
        return;
    }
    if (!membership->orphan_ns)
        membership->orphan_ns = now;
    if (now - membership->orphan_ns < (int64_t)ORPHAN_MS * 1000000 ||
        !riacho_members_is_lightest(membership->members))
        return;
    membership->orphan_ns = now;
    riacho_trace(RIACHO_WARN, "some tasks are nobody's, asking the group to share them out",
                 "worker", membership->worker->options.name, NULL);
    broker_of(membership)->member_rejoin(membership->member);
}

/* A worker that cannot be told anything leaves everything as it is. */
static bool look(riacho_membership *membership)
{
    const uint32_t standbys = membership->worker->options.standbys;
    const bool watches = broker_of(membership)->member_rejoin != NULL;
    riacho_error ignored;
    if ((!standbys && !watches) || membership->releasing ||
        now_ns(membership) < membership->look_ns)
        return false;
    membership->look_ns = now_ns(membership) + (int64_t)LOOK_MS * 1000000;
    if (riacho_members_refresh(membership->members, RIACHO_MEMBERS_FRESH_MS, &ignored) != RIACHO_OK)
        return true;
    if (standbys)
        place_standbys(membership);
    if (watches)
        look_for_orphans(membership);
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void collect_leases(riacho_membership *membership)
{
    const riacho_worker *worker = membership->worker;
    for (size_t d = 0; d < worker->deployment_count; d++)
        membership->lease_count += worker->deployments[d].task_count;
    membership->leases =
        riacho_memory_get_zero(membership->lease_count, sizeof *membership->leases);
    for (size_t d = 0; d < worker->deployment_count; d++) {
        for (size_t t = 0; t < worker->deployments[d].task_count; t++) {
            riacho_task *task = worker->deployments[d].tasks[t];
            membership->leases[task->lease].task = task;
            atomic_store(&task->state, RIACHO_TASK_AWAY);
        }
    }
}

static riacho_status join(riacho_worker *worker, riacho_member **ret_member, riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_member_options options = {
        .group = worker->options.group,
        .lease_topic = riacho_leases_topic(worker, arena),
        .name = worker->options.name,
        .address = worker->options.address,
    };
    RIACHO_TRY(riacho_leases_ensure(worker, err));
    return worker->log->ops->broker->member_join(worker->log, &options, ret_member, err);
}

riacho_status riacho_membership_join(riacho_worker *worker, riacho_membership **ret_membership,
                                     riacho_error *err)
{
    riacho_member *member = NULL;
    RIACHO_TRY(join(worker, &member, err));
    riacho_membership *membership = riacho_memory_get_zero(1, sizeof *membership);
    membership->worker = worker;
    membership->member = member;
    membership->members = riacho_members_new(worker);
    membership->loads = riacho_memory_get_zero(worker->thread_count, sizeof *membership->loads);
    collect_leases(membership);
    *ret_membership = membership;
    return RIACHO_OK;
}

riacho_member *riacho_membership_member(riacho_membership *membership)
{
    return membership->member;
}

bool riacho_membership_settled(const riacho_membership *membership)
{
    return atomic_load(&membership->settled);
}

riacho_status riacho_membership_step(riacho_membership *membership, int64_t wait_ms, bool *ret_did,
                                     riacho_error *err)
{
    *ret_did = false;
    empty_box(membership, ret_did);
    RIACHO_TRY(settle_event(membership, ret_did, err));
    if (look(membership)) {
        *ret_did = true;
        return RIACHO_OK;
    }
    return poll_event(membership, wait_ms, ret_did, err);
}

bool riacho_membership_release(riacho_membership *membership)
{
    bool all = membership->event.change == RIACHO_MEMBER_NONE;
    membership->releasing = true;
    for (size_t i = 0; i < membership->lease_count; i++) {
        struct lease *lease = &membership->leases[i];
        lease->wanted = WANT_NOTHING;
        if (lease->place == HERE || lease->place == STANDING_BY)
            ask_back(membership, lease, RIACHO_HANDOVER_RELEASE);
        all = all && lease->place == ELSEWHERE;
    }
    return all;
}

void riacho_membership_leave(riacho_membership *membership)
{
    if (!membership)
        return;
    broker_of(membership)->member_leave(membership->member);
    riacho_members_free(membership->members);
    free(membership->leases);
    free(membership->loads);
    free(membership);
}

/* ---- where tasks are ------------------------------------------------------------------------- */

riacho_status riacho_membership_owner(riacho_worker *worker, const riacho_task *task,
                                      riacho_arena *arena, riacho_owner *ret_owner,
                                      riacho_error *err)
{
    riacho_members *members = worker->shared->membership->members;
    riacho_owner owner = {0};
    RIACHO_TRY(riacho_members_refresh(members, RIACHO_MEMBERS_FRESH_MS, err));
    riacho_members_find(members, task->lease, arena, &owner);
    if (!owner.name) {
        RIACHO_TRY(riacho_members_refresh(members, RIACHO_MEMBERS_MISS_MS, err));
        riacho_members_find(members, task->lease, arena, &owner);
    }
    if (!owner.name)
        return riacho_fail(err, RIACHO_RETRY, "task %s is nobody's at this moment", task->log_name);
    *ret_owner = owner;
    return RIACHO_OK;
}

riacho_status riacho_membership_look_again(riacho_worker *worker, riacho_error *err)
{
    return riacho_members_refresh(worker->shared->membership->members, RIACHO_MEMBERS_MISS_MS, err);
}

riacho_status riacho_membership_members(riacho_worker *worker, riacho_arena *arena,
                                        riacho_member_entry **ret_entries, size_t *ret_count,
                                        riacho_error *err)
{
    riacho_members *members = worker->shared->membership->members;
    RIACHO_TRY(riacho_members_refresh(members, RIACHO_MEMBERS_FRESH_MS, err));
    *ret_count = riacho_members_list(members, arena, ret_entries);
    return RIACHO_OK;
}
