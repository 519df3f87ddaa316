/* SPDX-License-Identifier: MIT
 *
 * group.c - the coordinator of groups: members, generations, the leases each has, and what the
 * group has committed.
 *
 * A rebalance is cooperative: members join while they keep what they have; when all have joined (or
 * those that did not are thrown out) there is a new generation, and each is told what it has now. A
 * lease that changes hands is first taken from its owner, and given away in the next generation,
 * which that owner asks for when it has let go.
 *
 * Invariants
 *   1 A lease is held by one member of a generation at most.
 *   2 Positions of a transaction are pending from their arrival until its marker comes; while one
 *     is pending nobody is told the position of that partition.
 *   3 A member that is known keeps its generation until all have joined the next one.
 *
 * Threads: one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker_private.h"

struct member {
    char id[MODEL_NAME_BYTES];
    char name[MODEL_NAME_BYTES];
    char address[MODEL_NAME_BYTES];
    int64_t seen_ms;
    const model_request *joining; /* answered when the generation begins */
    model_leases leases;          /* of this generation */
};

struct position {
    model_place place;
    int64_t next; /* -1: never committed */
    riacho_bytes note;
};

struct pending {
    int64_t producer;
    struct position position;
};

/* The last epoch that wrote here: what an older one sends comes too late. */
struct writer {
    int64_t producer;
    int16_t epoch;
};

struct model_group {
    model_group *next;
    model_broker *broker;
    char name[MODEL_NAME_BYTES];
    int32_t generation;
    int32_t lease_count;
    int64_t forming_since_ms; /* -1: it is stable */
    int64_t whole_ms;         /* every lease had an owner then, or nobody was there to have one */
    struct member *members;
    size_t member_count;
    struct position *positions;
    size_t position_count;
    struct pending *pending;
    size_t pending_count;
    struct writer *writers;
    size_t writer_count;
};

void model_groups_free(model_broker *broker)
{
    for (model_group *group = broker->groups, *next; group; group = next) {
        next = group->next;
        free(group->members);
        free(group->positions);
        free(group->pending);
        free(group->writers);
        free(group);
    }
}

static model_group *group_of(model_broker *broker, const char *name)
{
    for (model_group *group = broker->groups; group; group = group->next) {
        if (strcmp(group->name, name) == 0)
            return group;
    }
    model_group *group = riacho_memory_get_zero(1, sizeof *group);
    group->broker = broker;
    model_name(group->name, name);
    group->forming_since_ms = -1;
    group->next = broker->groups;
    return broker->groups = group;
}

/* ---- members --------------------------------------------------------------------------------- */

static struct member *find_id(model_group *group, const char *id)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (strcmp(group->members[i].id, id) == 0)
            return &group->members[i];
    }
    return NULL;
}

static struct member *find_name(model_group *group, const char *name)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (strcmp(group->members[i].name, name) == 0)
            return &group->members[i];
    }
    return NULL;
}

static int64_t now_ms(const model_group *group)
{
    return simulation_now(group->broker->sim);
}

static void form_anew(model_group *group)
{
    if (group->forming_since_ms < 0)
        group->forming_since_ms = now_ms(group);
}

static void remove_member(model_group *group, struct member *member)
{
    simulation_note_text(group->broker->sim, "member out", member->name, group->generation);
    if (member->joining)
        model_answer(group->broker, member->joining, &(model_reply){.error = MODEL_UNKNOWN_MEMBER});
    const size_t at = (size_t)(member - group->members);
    memmove(member, member + 1, (--group->member_count - at) * sizeof *member);
    form_anew(group);
}

/* ---- who gets what --------------------------------------------------------------------------- */

static bool has(const model_leases *leases, int32_t lease)
{
    for (size_t i = 0; i < leases->count; i++) {
        if (leases->items[i] == lease)
            return true;
    }
    return false;
}

static struct member *owner_of(model_group *group, int32_t lease)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (has(&group->members[i].leases, lease))
            return &group->members[i];
    }
    return NULL;
}

static struct member *poorest(model_group *group)
{
    struct member *found = &group->members[0];
    for (size_t i = 1; i < group->member_count; i++) {
        if (group->members[i].leases.count < found->leases.count)
            found = &group->members[i];
    }
    return found;
}

static bool was_held(const model_group *group, int32_t lease)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (has(&group->members[i].joining->owned, lease))
            return true;
    }
    return false;
}

/* What members say they have stays theirs, up to their share; what nobody has goes to those with
 * the least; what is taken from somebody goes to nobody in this generation. */
static void share_out(model_group *group)
{
    const size_t members = group->member_count;
    const size_t share = ((size_t)group->lease_count + members - 1) / members;
    for (size_t i = 0; i < members; i++)
        group->members[i].leases.count = 0;
    for (size_t i = 0; i < members; i++) {
        struct member *member = &group->members[i];
        const model_leases *owned = &member->joining->owned;
        for (size_t k = 0; k < owned->count && member->leases.count < share; k++) {
            if (!owner_of(group, owned->items[k]))
                member->leases.items[member->leases.count++] = owned->items[k];
        }
    }
    for (int32_t lease = 0; lease < group->lease_count; lease++) {
        if (was_held(group, lease))
            continue;
        struct member *member = poorest(group);
        member->leases.items[member->leases.count++] = lease;
    }
}

static void tell(model_group *group, struct member *member)
{
    model_reply reply = {.generation = group->generation, .leases = member->leases};
    model_name(reply.member, member->id);
    model_answer(group->broker, member->joining, &reply);
    simulation_note_text(group->broker->sim, "member in", member->name,
                         (int64_t)member->leases.count);
    member->joining = NULL;
    member->seen_ms = now_ms(group);
}

/* What members said they had, and have now, for people. */
static void trace_shares(const model_group *group)
{
    FILE *trace = group->broker->sim->trace;
    for (size_t i = 0; trace && i < group->member_count; i++) {
        const struct member *member = &group->members[i];
        fprintf(trace, "         %s had", member->name);
        for (size_t k = 0; k < member->joining->owned.count; k++)
            fprintf(trace, " %d", (int)member->joining->owned.items[k]);
        fputs(", has", trace);
        for (size_t k = 0; k < member->leases.count; k++)
            fprintf(trace, " %d", (int)member->leases.items[k]);
        fputc('\n', trace);
    }
}

static void form_if_complete(model_group *group)
{
    if (group->forming_since_ms < 0)
        return;
    const bool late = now_ms(group) - group->forming_since_ms > MODEL_REBALANCE_MS;
    for (size_t i = group->member_count; i > 0; i--) {
        struct member *member = &group->members[i - 1];
        if (!member->joining && !late)
            return;
        if (!member->joining)
            remove_member(group, member);
    }
    group->forming_since_ms = -1;
    group->generation++;
    simulation_note_text(group->broker->sim, "generation", group->name, group->generation);
    if (!group->member_count)
        return;
    share_out(group);
    trace_shares(group);
    for (size_t i = 0; i < group->member_count; i++)
        tell(group, &group->members[i]);
}

/* ---- requests of members --------------------------------------------------------------------- */

static struct member *new_member(model_group *group, const model_request *request)
{
    group->members =
        riacho_memory_resize(group->members, (group->member_count + 1) * sizeof *group->members);
    struct member *member = &group->members[group->member_count++];
    *member = (struct member){0};
    model_name(member->name, request->name);
    return member;
}

static void join(model_group *group, const model_request *request)
{
    struct member *member = find_name(group, request->name);
    if (request->member[0] && (!member || strcmp(member->id, request->member) != 0)) {
        const model_error error = member ? MODEL_FENCED_MEMBER : MODEL_UNKNOWN_MEMBER;
        model_answer(group->broker, request, &(model_reply){.error = error});
        return;
    }
    const bool again = member && !request->member[0];
    if (!member)
        member = new_member(group, request);
    if (member->joining && member->joining != request)
        model_answer(group->broker, member->joining,
                     &(model_reply){.error = again ? MODEL_FENCED_MEMBER : MODEL_REBALANCE});
    if (!request->member[0])
        snprintf(member->id, sizeof member->id, "member-%llu",
                 (unsigned long long)++group->broker->last_member);
    model_name(member->address, request->address);
    member->joining = request;
    member->seen_ms = now_ms(group);
    group->lease_count = request->lease_count;
    if (again && group->forming_since_ms < 0) {
        tell(group, member); /* it is back before anybody missed it: what it had is its own */
        return;
    }
    form_anew(group);
    form_if_complete(group);
}

static model_error check_member(model_group *group, const char *id, int32_t generation)
{
    if (!find_id(group, id))
        return MODEL_UNKNOWN_MEMBER;
    return generation == group->generation ? MODEL_OK : MODEL_ILLEGAL_GENERATION;
}

static model_error heartbeat(model_group *group, const model_request *request)
{
    const model_error error = check_member(group, request->member, request->generation);
    if (error)
        return error;
    find_id(group, request->member)->seen_ms = now_ms(group);
    return group->forming_since_ms >= 0 ? MODEL_REBALANCE : MODEL_OK;
}

static model_error leave(model_group *group, const model_request *request)
{
    struct member *member = find_id(group, request->member);
    if (member)
        remove_member(group, member);
    return MODEL_OK;
}

/* A member that was to let go of a lease, ended before, and came back by its name leaves the lease
 * to nobody, until the next time that the group forms anew. Kafka waits for that for ever; here it
 * comes, so that a run has an end. */
static void mend(model_group *group)
{
    bool whole = group->forming_since_ms >= 0 || !group->member_count;
    for (int32_t lease = 0; lease < group->lease_count && !whole; lease++) {
        if (!owner_of(group, lease))
            break;
        whole = lease == group->lease_count - 1;
    }
    if (whole)
        group->whole_ms = now_ms(group);
    if (now_ms(group) - group->whole_ms > 2 * MODEL_SESSION_MS)
        form_anew(group);
}

void model_groups_mend(model_broker *broker)
{
    for (model_group *group = broker->groups; group; group = group->next) {
        for (size_t i = group->pending_count; i > 0; i--) {
            const struct pending *pending = &group->pending[i - 1];
            if (!model_transaction_is_open(broker, pending->producer))
                group->pending[i - 1] = group->pending[--group->pending_count];
        }
    }
}

void model_groups_expire(model_broker *broker)
{
    for (model_group *group = broker->groups; group; group = group->next) {
        for (size_t i = group->member_count; i > 0; i--) {
            struct member *member = &group->members[i - 1];
            if (!member->joining && now_ms(group) - member->seen_ms > MODEL_SESSION_MS)
                remove_member(group, member);
        }
        mend(group);
        form_if_complete(group);
    }
}

void model_groups_renew(model_broker *broker)
{
    for (model_group *group = broker->groups; group; group = group->next) {
        for (size_t i = 0; i < group->member_count; i++)
            group->members[i].seen_ms = broker->away_until_ms;
    }
}

size_t model_group_members(model_broker *broker, const char *name, riacho_arena *arena,
                           riacho_member_entry **ret_entries)
{
    model_group *group = group_of(broker, name);
    riacho_member_entry *entries = riacho_alloc_zero(arena, group->member_count, sizeof *entries);
    for (size_t i = 0; i < group->member_count; i++) {
        const struct member *member = &group->members[i];
        int32_t *leases = riacho_alloc(arena, member->leases.count * sizeof *leases);
        memcpy(leases, member->leases.items, member->leases.count * sizeof *leases);
        entries[i] = (riacho_member_entry){riacho_copy(arena, riacho_text(member->name)).data,
                                           riacho_copy(arena, riacho_text(member->address)).data,
                                           leases, member->leases.count};
    }
    *ret_entries = entries;
    return group->member_count;
}

/* ---- positions ------------------------------------------------------------------------------- */

static void keep(model_group *group, const struct position *position)
{
    for (size_t i = 0; i < group->position_count; i++) {
        struct position *held = &group->positions[i];
        if (held->place.topic == position->place.topic &&
            held->place.partition == position->place.partition) {
            *held = *position;
            return;
        }
    }
    group->positions = riacho_memory_resize(group->positions,
                                            (group->position_count + 1) * sizeof *group->positions);
    group->positions[group->position_count++] = *position;
}

static void wait_for_marker(model_group *group, int64_t producer, const struct position *position)
{
    group->pending =
        riacho_memory_resize(group->pending, (group->pending_count + 1) * sizeof *group->pending);
    group->pending[group->pending_count++] = (struct pending){producer, *position};
}

/* False: a later epoch of the producer wrote before. */
static bool note_epoch(model_group *group, int64_t producer, int16_t epoch)
{
    for (size_t i = 0; i < group->writer_count; i++) {
        struct writer *writer = &group->writers[i];
        if (writer->producer != producer)
            continue;
        if (epoch < writer->epoch)
            return false;
        writer->epoch = epoch;
        return true;
    }
    group->writers =
        riacho_memory_resize(group->writers, (group->writer_count + 1) * sizeof *group->writers);
    group->writers[group->writer_count++] = (struct writer){producer, epoch};
    return true;
}

/* Those of nobody (generation -1, no name) pass: that is how old clients wrote positions. */
static model_error commit_positions(model_group *group, const model_request *request)
{
    if (request->generation >= 0 || request->member[0]) {
        const model_error error = check_member(group, request->member, request->generation);
        if (error)
            return error;
    }
    if (request->api == MODEL_SEND_OFFSETS && !note_epoch(group, request->producer, request->epoch))
        return MODEL_FENCED;
    for (size_t i = 0; i < request->count; i++) {
        const riacho_committed *from = &request->positions[i];
        const struct position position = {
            {model_topic_find(group->broker, from->position.topic), from->position.partition},
            from->position.next,
            from->note};
        assert(position.place.topic);
        simulation_note_text(group->broker->sim, "position", from->position.topic, position.next);
        simulation_note(group->broker->sim, "at, by", from->position.partition, request->producer);
        if (request->api == MODEL_SEND_OFFSETS)
            wait_for_marker(group, request->producer, &position);
        else
            keep(group, &position);
    }
    return MODEL_OK;
}

void model_group_mark(model_broker *broker, const char *name, int64_t producer, int16_t epoch,
                      model_kind kind)
{
    model_group *group = group_of(broker, name);
    note_epoch(group, producer, epoch);
    size_t left = 0;
    for (size_t i = 0; i < group->pending_count; i++) {
        const struct pending pending = group->pending[i];
        if (pending.producer != producer)
            group->pending[left++] = pending;
        else if (kind == MODEL_COMMIT_MARKER)
            keep(group, &pending.position);
    }
    group->pending_count = left;
}

static bool is_pending(const model_group *group, const model_place *place)
{
    for (size_t i = 0; i < group->pending_count; i++) {
        const model_place *held = &group->pending[i].position.place;
        if (held->topic == place->topic && held->partition == place->partition)
            return true;
    }
    return false;
}

riacho_status model_group_fetch(model_broker *broker, const char *name, riacho_arena *arena,
                                riacho_committed *positions, size_t count, riacho_error *err)
{
    const model_group *group = group_of(broker, name);
    for (size_t i = 0; i < count; i++) {
        const model_place place = {model_topic_find(broker, positions[i].position.topic),
                                   positions[i].position.partition};
        if (is_pending(group, &place))
            return riacho_fail(err, RIACHO_RETRY, "a transaction on %s is not over",
                               positions[i].position.topic);
        positions[i].position.next = -1;
        positions[i].note = (riacho_bytes){0};
        for (size_t k = 0; k < group->position_count; k++) {
            const struct position *held = &group->positions[k];
            if (held->place.topic != place.topic || held->place.partition != place.partition)
                continue;
            positions[i].position.next = held->next;
            simulation_note_text(broker->sim, "asked", positions[i].position.topic, held->next);
            simulation_note(broker->sim, "asked for", place.partition, held->next);
            positions[i].note = riacho_copy(arena, held->note);
        }
    }
    return RIACHO_OK;
}

/* ---- all requests ---------------------------------------------------------------------------- */

void model_groups_request(model_broker *broker, const model_request *request)
{
    const bool positions = request->api == MODEL_SEND_OFFSETS;
    model_group *group = group_of(broker, positions ? request->group : request->id);
    model_reply reply = {0};
    switch (request->api) {
    case MODEL_JOIN:
        join(group, request);
        return; /* answered when the group is formed */
    case MODEL_HEARTBEAT:
        reply.error = heartbeat(group, request);
        break;
    case MODEL_LEAVE:
        reply.error = leave(group, request);
        break;
    default:
        reply.error = commit_positions(group, request);
        break;
    }
    model_answer(broker, request, &reply);
    form_if_complete(group);
}
