/* SPDX-License-Identifier: MIT
 *
 * members.h - who is in the group, as last seen: for the choice of standbys, and for whom to ask.
 *
 * Threads: any. One asks the broker at a time; the others go on with what was seen before.
 */
#pragma once

#include "membership.h"

enum { RIACHO_MEMBERS_FRESH_MS = 2000, RIACHO_MEMBERS_MISS_MS = 250 };

typedef struct riacho_members riacho_members;

riacho_members *riacho_members_new(riacho_worker *worker);
void riacho_members_free(riacho_members *members);
/* Asks the broker when what was seen is older than that. RIACHO_RETRY: nothing is known. */
RIACHO_CHECKED riacho_status riacho_members_refresh(riacho_members *members, int64_t age_ms_max,
                                                    riacho_error *err);

/* Whose a lease is and who stands by, copied into the arena; standbys as addresses. name NULL: it
 * is nobody's, as far as is known. */
void riacho_members_find(riacho_members *members, int32_t lease, riacho_arena *arena,
                         riacho_owner *ret_owner);

/* Everybody, copied into the arena but for the leases, which are counted only. */
size_t riacho_members_list(riacho_members *members, riacho_arena *arena,
                           riacho_member_entry **ret_entries);

typedef enum riacho_stand {
    RIACHO_STAND_UNKNOWN = 0, /* nobody has the lease now: leave things as they are */
    RIACHO_STAND_BY,
    RIACHO_STAND_ASIDE,
} riacho_stand;

/* Whether one of the first `count` leases is nobody's. */
bool riacho_members_miss(riacho_members *members, size_t count);
/* Whether this worker is the one with the fewest leases, the first by name of several. */
bool riacho_members_is_lightest(riacho_members *members);
/* Whether this worker is one of the lease's standbys. */
riacho_stand riacho_members_stand(riacho_members *members, int32_t lease);

/* The best `count` of these names for a lease, without `owner`: rendezvous hashing, so that a
 * worker which comes or goes moves no standby but its own. Writes indices; returns how many. */
size_t riacho_rendezvous(const char *const *names, size_t name_count, const char *owner,
                         int32_t lease, size_t *ret_indices, size_t count);
