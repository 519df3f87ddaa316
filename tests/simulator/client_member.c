/* SPDX-License-Identifier: MIT
 *
 * client_member.c - a member of a group as its process sees it.
 *
 *   OUT --join--> JOINING --generation--> IN --the group forms anew--> JOINING ...
 *    ^                                     |
 *    +---- LOST answered <-----------------+ session over, unknown, other generation
 *
 * An assignment becomes events: REVOKED when leases are gone, then, in every generation, ASSIGNED.
 * The group is joined again only when every event is answered: so a fresh generation is never seen
 * while a loss is not yet acted upon.
 *
 * Threads: one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker_private.h"

typedef enum phase { OUT = 0, JOINING, IN } phase;

struct riacho_member {
    model_object object; /* first */
    char group[MODEL_NAME_BYTES];
    char name[MODEL_NAME_BYTES];
    char address[MODEL_NAME_BYTES];
    int32_t lease_count;

    phase phase;
    char id[MODEL_NAME_BYTES];
    int32_t generation; /* -1: no member */
    int64_t seen_ms;    /* the coordinator answered */
    model_leases owned;
    bool lost; /* `owned` is somebody else's */
    bool join_again;

    model_leases revoked; /* to be told, in this order */
    model_leases assigned;
    bool has_assigned;
    riacho_member_change telling; /* not answered yet; NONE: nothing */
    model_leases told;
};

static simulation *sim_of(const riacho_member *member)
{
    return member->object.client->broker->sim;
}

static bool has(const model_leases *leases, int32_t lease)
{
    for (size_t i = 0; i < leases->count; i++) {
        if (leases->items[i] == lease)
            return true;
    }
    return false;
}

static model_leases without(const model_leases *from, const model_leases *taken)
{
    model_leases left = {.count = 0};
    for (size_t i = 0; i < from->count; i++) {
        if (!has(taken, from->items[i]))
            left.items[left.count++] = from->items[i];
    }
    return left;
}

/* ---- joining --------------------------------------------------------------------------------- */

static bool has_events(const riacho_member *member)
{
    return member->telling || member->lost || member->revoked.count || member->has_assigned;
}

static void join(riacho_member *member)
{
    if (has_events(member) || member->phase == JOINING)
        return;
    member->join_again = false;
    member->phase = JOINING;
    model_request *request = model_request_new(member->object.client->broker, MODEL_JOIN);
    model_name(request->id, member->group);
    model_name(request->name, member->name);
    model_name(request->address, member->address);
    model_name(request->member, member->id);
    request->generation = member->generation;
    request->owned = member->owned;
    request->lease_count = member->lease_count;
    model_call_start(&member->object, request, MODEL_REBALANCE_MS + MODEL_REQUEST_MS);
}

static void lose(riacho_member *member)
{
    simulation_note_text(sim_of(member), "lost", member->name, member->generation);
    member->phase = OUT;
    member->generation = -1;
    member->id[0] = '\0';
    member->revoked.count = 0;
    member->has_assigned = false;
    /* An assignment that is being told will be owned when it is answered. */
    member->lost = member->owned.count || member->telling == RIACHO_MEMBER_ASSIGNED;
    join(member);
}

static void take_assignment(riacho_member *member, const model_reply *reply)
{
    member->phase = IN;
    member->generation = reply->generation;
    model_name(member->id, reply->member);
    member->seen_ms = simulation_now(sim_of(member));
    member->revoked = without(&member->owned, &reply->leases);
    member->assigned = without(&reply->leases, &member->owned);
    member->has_assigned = true;
    member->join_again = member->revoked.count > 0;
}

static void joined(riacho_member *member, const model_request *request, const model_reply *reply)
{
    if (member->phase != JOINING || strcmp(member->id, request->member) != 0)
        return;
    switch (reply->error) {
    case MODEL_OK:
        take_assignment(member, reply);
        return;
    case MODEL_TIMED_OUT:
    case MODEL_REBALANCE:
        member->phase = member->generation < 0 ? OUT : IN;
        join(member);
        return;
    default:
        lose(member);
    }
}

static void beaten(riacho_member *member, const model_request *request, const model_reply *reply)
{
    if (member->phase != IN || request->generation != member->generation ||
        strcmp(member->id, request->member) != 0)
        return;
    switch (reply->error) {
    case MODEL_TIMED_OUT:
        return;
    case MODEL_REBALANCE:
        member->join_again = true;
        member->seen_ms = simulation_now(sim_of(member));
        join(member);
        return;
    case MODEL_OK:
        member->seen_ms = simulation_now(sim_of(member));
        return;
    default:
        lose(member);
    }
}

static void answered(model_object *object, const model_request *request, const model_reply *reply)
{
    riacho_member *member = (riacho_member *)object;
    if (request->api == MODEL_JOIN)
        joined(member, request, reply);
    else if (request->api == MODEL_HEARTBEAT)
        beaten(member, request, reply);
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

struct beat {
    model_broker *broker;
    uint64_t client, object;
};

static void send_heartbeat(riacho_member *member)
{
    model_request *request = model_request_new(member->object.client->broker, MODEL_HEARTBEAT);
    model_name(request->id, member->group);
    model_name(request->member, member->id);
    request->generation = member->generation;
    model_call_start(&member->object, request, MODEL_REQUEST_MS);
}

static void beat(simulation *sim, void *argument)
{
    const struct beat *at = argument;
    model_client *client = model_client_find(at->broker, at->client);
    model_object *object = client ? client->objects : NULL;
    while (object && object->id != at->object)
        object = object->next;
    if (!object || client->cut)
        return;
    int64_t again_ms = MODEL_HEARTBEAT_MS;
    riacho_member *member = (riacho_member *)object;
    if (model_client_rests(client))
        again_ms = client->frozen_until_ms - simulation_now(sim) + simulation_below(sim, 50);
    else if (member->phase == IN && simulation_now(sim) - member->seen_ms > MODEL_SESSION_MS)
        lose(member);
    else if (member->phase == IN)
        send_heartbeat(member);
    simulation_after(sim, again_ms, beat, at, sizeof *at);
}

/* ---- the port -------------------------------------------------------------------------------- */

riacho_status model_member_join(riacho_log *log, const riacho_member_options *options,
                                riacho_member **ret_member, riacho_error *err)
{
    model_client *client = model_client_of(log);
    const model_topic *leases = model_topic_find(client->broker, options->lease_topic);
    if (!leases || leases->spec.partitions > MODEL_LEASES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "no lease topic %s that this model can serve",
                           options->lease_topic);
    riacho_member *member = riacho_memory_get_zero(1, sizeof *member);
    model_object_init(&member->object, client, answered);
    model_name(member->group, options->group);
    model_name(client->group, options->group);
    model_name(member->name, options->name);
    model_name(member->address, options->address ? options->address : "");
    member->lease_count = leases->spec.partitions;
    member->generation = -1;
    join(member);
    const struct beat at = {client->broker, client->id, member->object.id};
    simulation_after(sim_of(member), MODEL_HEARTBEAT_MS, beat, &at, sizeof at);
    *ret_member = member;
    return RIACHO_OK;
}

static void tell(riacho_member *member, riacho_member_change change, const model_leases *leases,
                 riacho_member_event *ret_event)
{
    member->telling = change;
    member->told = *leases;
    *ret_event = (riacho_member_event){change, member->told.items, member->told.count};
    static const char *const names[] = {"none", "told assigned", "told revoked", "told lost"};
    simulation_note_text(sim_of(member), names[change], member->name, (int64_t)leases->count);
}

riacho_status model_member_poll(riacho_member *member, int64_t wait_ms,
                                riacho_member_event *ret_event, riacho_error *err)
{
    (void)wait_ms;
    *ret_event = (riacho_member_event){0};
    if (member->telling)
        return RIACHO_OK;
    if (member->lost) {
        member->lost = false;
        tell(member, RIACHO_MEMBER_LOST, &member->owned, ret_event);
        return RIACHO_OK;
    }
    if (member->revoked.count) {
        tell(member, RIACHO_MEMBER_REVOKED, &member->revoked, ret_event);
        member->revoked.count = 0;
        return RIACHO_OK;
    }
    if (member->has_assigned) {
        tell(member, RIACHO_MEMBER_ASSIGNED, &member->assigned, ret_event);
        member->has_assigned = false;
        return RIACHO_OK;
    }
    return model_client_reach(member->object.client, err);
}

void model_member_answer(riacho_member *member, const riacho_member_event *event)
{
    assert(member->telling && event->change == member->telling);
    member->telling = RIACHO_MEMBER_NONE;
    if (event->change == RIACHO_MEMBER_ASSIGNED) {
        for (size_t i = 0; i < member->told.count; i++)
            member->owned.items[member->owned.count++] = member->told.items[i];
    } else {
        member->owned = without(&member->owned, &member->told);
    }
    if (member->phase == OUT || member->join_again)
        join(member);
}

riacho_member_token *model_member_token(riacho_member *member)
{
    riacho_member_token *token = riacho_memory_get(sizeof *token);
    *token = (riacho_member_token){member->generation, riacho_memory_text(member->id)};
    return token;
}

void model_member_token_free(riacho_member_token *token)
{
    if (!token)
        return;
    free((char *)token->member_id);
    free(token);
}

void model_member_leave(riacho_member *member)
{
    if (!member)
        return;
    model_request *request = model_request_new(member->object.client->broker, MODEL_LEAVE);
    model_name(request->id, member->group);
    model_name(request->member, member->id);
    model_call_start(&member->object, request, MODEL_REQUEST_MS);
    model_object_done(&member->object);
    free(member);
}
