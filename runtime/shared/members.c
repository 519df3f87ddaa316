/* SPDX-License-Identifier: MIT
 *
 * members.c - see members.h.
 */
#include "members.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/macros.h"
#include "base/memory.h"

struct riacho_members {
    riacho_worker *worker;
    pthread_mutex_t asking; /* held over the broker's call */
    pthread_mutex_t lock;   /* of what was seen; held for a few instructions */
    riacho_arena *arena;    /* of entries and names; NULL: nothing was ever seen */
    riacho_member_entry *entries;
    const char **names;
    size_t count;
    int64_t seen_ns;
};

static int64_t now_ns(const riacho_members *members)
{
    return members->worker->clock->monotonic_ns(members->worker->clock);
}

riacho_members *riacho_members_new(riacho_worker *worker)
{
    riacho_members *members = riacho_memory_get_zero(1, sizeof *members);
    members->worker = worker;
    pthread_mutex_init(&members->asking, NULL);
    pthread_mutex_init(&members->lock, NULL);
    return members;
}

void riacho_members_free(riacho_members *members)
{
    if (!members)
        return;
    riacho_arena_free(members->arena);
    pthread_mutex_destroy(&members->asking);
    pthread_mutex_destroy(&members->lock);
    free(members);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* RIACHO_RETRY: it is too old, or there is none. */
static riacho_status check_fresh(riacho_members *members, int64_t age_ms_max)
{
    pthread_mutex_lock(&members->lock);
    const bool fresh = members->arena && now_ns(members) - members->seen_ns <= age_ms_max * 1000000;
    pthread_mutex_unlock(&members->lock);
    return fresh ? RIACHO_OK : RIACHO_RETRY;
}

static void show(riacho_members *members, riacho_arena *arena, riacho_member_entry *entries,
                 size_t count)
{
    const char **names = riacho_alloc_zero(arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = entries[i].name;
    pthread_mutex_lock(&members->lock);
    riacho_arena *before = members->arena;
    members->arena = arena;
    members->entries = entries;
    members->names = names;
    members->count = count;
    members->seen_ns = now_ns(members);
    pthread_mutex_unlock(&members->lock);
    riacho_arena_free(before);
}

static riacho_status ask(riacho_members *members, riacho_error *err)
{
    const riacho_worker *worker = members->worker;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_member_entry *entries = NULL;
    size_t count = 0;
    RIACHO_TRY(worker->log->ops->broker->members(worker->log, worker->options.group, arena,
                                                 &entries, &count, err));
    show(members, RIACHO_TAKE(arena), entries, count);
    return RIACHO_OK;
}

riacho_status riacho_members_refresh(riacho_members *members, int64_t age_ms_max, riacho_error *err)
{
    if (check_fresh(members, age_ms_max) == RIACHO_OK)
        return RIACHO_OK;
    if (pthread_mutex_trylock(&members->asking)) {
        if (check_fresh(members, INT64_MAX / 1000000) == RIACHO_OK)
            return RIACHO_OK; /* somebody asks already */
        pthread_mutex_lock(&members->asking);
    }
    riacho_status status = check_fresh(members, age_ms_max);
    if (status != RIACHO_OK)
        status = ask(members, err);
    pthread_mutex_unlock(&members->asking);
    return status;
}

/* ---- rendezvous ------------------------------------------------------------------------------ */

static uint32_t score(const char *name, int32_t lease)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_buffer_printf(&text, "%s/%d", name, (int)lease);
    return riacho_murmur2(riacho_buffer_bytes(&text));
}

static bool is_better(const char *a, const char *b, int32_t lease)
{
    const uint32_t of_a = score(a, lease), of_b = score(b, lease);
    return of_a != of_b ? of_a > of_b : strcmp(a, b) < 0;
}

size_t riacho_rendezvous(const char *const *names, size_t name_count, const char *owner,
                         int32_t lease, size_t *ret_indices, size_t count)
{
    size_t chosen = 0;
    for (size_t i = 0; i < name_count; i++) {
        if (owner && strcmp(names[i], owner) == 0)
            continue;
        size_t at = chosen;
        while (at && is_better(names[i], names[ret_indices[at - 1]], lease))
            at--;
        if (at == count)
            continue;
        const size_t last = chosen < count ? chosen++ : count - 1;
        memmove(&ret_indices[at + 1], &ret_indices[at], (last - at) * sizeof *ret_indices);
        ret_indices[at] = i;
    }
    return chosen;
}

/* ---- looking --------------------------------------------------------------------------------- */

static const riacho_member_entry *owner_of(const riacho_members *members, int32_t lease)
{
    for (size_t i = 0; i < members->count; i++) {
        for (size_t k = 0; k < members->entries[i].lease_count; k++) {
            if (members->entries[i].leases[k] == lease)
                return &members->entries[i];
        }
    }
    return NULL;
}

static const char *keep(riacho_arena *arena, const char *text)
{
    return riacho_copy(arena, riacho_text(text ? text : "")).data;
}

static void fill(const riacho_members *members, int32_t lease, riacho_arena *arena,
                 riacho_owner *ret_owner)
{
    const riacho_member_entry *owner = owner_of(members, lease);
    const size_t wanted = members->worker->options.standbys;
    if (!owner)
        return;
    size_t *indices = riacho_alloc_zero(arena, wanted + 1, sizeof *indices);
    const char **addresses = riacho_alloc_zero(arena, wanted + 1, sizeof *addresses);
    const size_t count =
        riacho_rendezvous(members->names, members->count, owner->name, lease, indices, wanted);
    for (size_t i = 0; i < count; i++)
        addresses[i] = keep(arena, members->entries[indices[i]].address);
    *ret_owner = (riacho_owner){
        .name = keep(arena, owner->name),
        .address = keep(arena, owner->address),
        .is_here = strcmp(owner->name, members->worker->options.name) == 0,
        .standby_addresses = addresses,
        .standby_count = count,
    };
}

void riacho_members_find(riacho_members *members, int32_t lease, riacho_arena *arena,
                         riacho_owner *ret_owner)
{
    *ret_owner = (riacho_owner){0};
    pthread_mutex_lock(&members->lock);
    fill(members, lease, arena, ret_owner);
    pthread_mutex_unlock(&members->lock);
}

bool riacho_members_miss(riacho_members *members, size_t count)
{
    size_t had = 0;
    pthread_mutex_lock(&members->lock);
    for (size_t i = 0; i < members->count; i++)
        had += members->entries[i].lease_count;
    pthread_mutex_unlock(&members->lock);
    return had < count;
}

static bool is_lighter(const riacho_member_entry *a, const riacho_member_entry *b)
{
    return a->lease_count != b->lease_count ? a->lease_count < b->lease_count
                                            : strcmp(a->name, b->name) < 0;
}

bool riacho_members_is_lightest(riacho_members *members)
{
    pthread_mutex_lock(&members->lock);
    const riacho_member_entry *lightest = members->count ? &members->entries[0] : NULL;
    for (size_t i = 1; i < members->count; i++) {
        if (is_lighter(&members->entries[i], lightest))
            lightest = &members->entries[i];
    }
    const bool is_ours = lightest && strcmp(lightest->name, members->worker->options.name) == 0;
    pthread_mutex_unlock(&members->lock);
    return is_ours;
}

size_t riacho_members_list(riacho_members *members, riacho_arena *arena,
                           riacho_member_entry **ret_entries)
{
    pthread_mutex_lock(&members->lock);
    const size_t count = members->count;
    riacho_member_entry *entries = riacho_alloc_zero(arena, count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (riacho_member_entry){.name = keep(arena, members->entries[i].name),
                                           .address = keep(arena, members->entries[i].address),
                                           .lease_count = members->entries[i].lease_count};
    pthread_mutex_unlock(&members->lock);
    *ret_entries = entries;
    return count;
}

static riacho_stand stand(const riacho_members *members, int32_t lease, size_t *indices)
{
    const riacho_member_entry *owner = owner_of(members, lease);
    if (!owner)
        return RIACHO_STAND_UNKNOWN;
    const size_t count = riacho_rendezvous(members->names, members->count, owner->name, lease,
                                           indices, members->worker->options.standbys);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members->names[indices[i]], members->worker->options.name) == 0)
            return RIACHO_STAND_BY;
    }
    return RIACHO_STAND_ASIDE;
}

riacho_stand riacho_members_stand(riacho_members *members, int32_t lease)
{
    RIACHO_AUTO(heap)
    size_t *indices =
        riacho_memory_get_zero((size_t)members->worker->options.standbys + 1, sizeof *indices);
    pthread_mutex_lock(&members->lock);
    const riacho_stand found = stand(members, lease, indices);
    pthread_mutex_unlock(&members->lock);
    return found;
}
