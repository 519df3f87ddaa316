/* SPDX-License-Identifier: MIT
 *
 * membership.h - the worker in its group: which tasks are its own, and their way through restorer
 * and threads when the group says so.
 *
 * Every task of every deployment is one lease: a partition of "<group>-tasks", in the order of
 * topologies by name, sub-topologies, partitions. What reads the same partition number of several
 * topics is one task, hence one lease: co-partitioned by construction. The topic's first record
 * says which graphs the leases were counted from; a worker with other graphs does not join.
 *
 *   ASSIGNED  each task goes to the restorer and then to the thread with the fewest tasks
 *   REVOKED   each task is asked back: its thread commits everything it has, closes it; the answer
 *             goes to the group when all have come back
 *   LOST      the same without a commit
 *
 * Standbys: of every task that is not ours, the `standbys` workers (rendezvous hash over the live
 * members without the owner) that keep it; membership is looked at every few seconds.
 *
 * A lease that is nobody's for a quarter of a minute has been forgotten by its group: the worker
 * with the fewest leases leaves and joins again, which makes the group share them out.
 *
 * Threads: the control thread (or the stepping one); `owner` is any's.
 */
#pragma once

#include "handover.h"
#include "riacho/port/broker.h"

typedef struct riacho_membership riacho_membership;

/* Creates or checks the lease topic and joins. */
RIACHO_CHECKED riacho_status riacho_membership_join(riacho_worker *worker,
                                                    riacho_membership **ret_membership,
                                                    riacho_error *err);
riacho_member *riacho_membership_member(riacho_membership *membership);
RIACHO_CHECKED riacho_status riacho_membership_step(riacho_membership *membership, int64_t wait_ms,
                                                    bool *ret_did, riacho_error *err);
/* Whether the group has said what runs here, and nothing of it is under way. Any thread. */
bool riacho_membership_settled(const riacho_membership *membership);
/* At a stop: asks every task back with a commit; true when none is left out. Then leave. */
bool riacho_membership_release(riacho_membership *membership);
void riacho_membership_leave(riacho_membership *membership);

/* Where a task is, for queries: name and address of the worker that has it and of its standbys, as
 * last seen. Any thread; in the arena. RIACHO_RETRY: not known now. */
typedef struct riacho_owner {
    const char *name;
    const char *address;
    bool is_here;
    const char *const *standby_addresses;
    size_t standby_count;
} riacho_owner;
RIACHO_CHECKED riacho_status riacho_membership_owner(riacho_worker *worker, const riacho_task *task,
                                                     riacho_arena *arena, riacho_owner *ret_owner,
                                                     riacho_error *err);
/* Asks the group anew, unless it was asked a moment ago: what was seen turned out to be old. */
RIACHO_CHECKED riacho_status riacho_membership_look_again(riacho_worker *worker, riacho_error *err);
/* Who is in the group, as last seen; in the arena. */
RIACHO_CHECKED riacho_status riacho_membership_members(riacho_worker *worker, riacho_arena *arena,
                                                       riacho_member_entry **ret_entries,
                                                       size_t *ret_count, riacho_error *err);
