/* SPDX-License-Identifier: MIT
 *
 * client.c - a process as the model sees it: its calls that wait for an answer, and its log ops.
 *
 * Threads: one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "broker_private.h"
#include "log/check.h"

static const riacho_log_ops client_ops;

model_client *model_client_of(riacho_log *log)
{
    assert(log->ops == &client_ops);
    return (model_client *)log;
}

model_client *model_client_find(const model_broker *broker, uint64_t id)
{
    for (size_t i = 0; i < broker->client_count; i++) {
        if (broker->clients[i]->id == id)
            return broker->clients[i];
    }
    return NULL;
}

bool model_client_rests(const model_client *client)
{
    return client->cut || simulation_now(client->broker->sim) < client->frozen_until_ms;
}

void model_client_cut(riacho_log *log)
{
    model_client_of(log)->cut = true;
}

void model_client_freeze(riacho_log *log, int64_t until_ms)
{
    model_client_of(log)->frozen_until_ms = until_ms;
}

void model_client_deafen(riacho_log *log, int64_t until_ms)
{
    model_client_of(log)->deaf_until_ms = until_ms;
}

static bool is_deaf(const model_client *client, const model_request *request)
{
    return (request->api == MODEL_HEARTBEAT || request->api == MODEL_JOIN) &&
           simulation_now(client->broker->sim) < client->deaf_until_ms;
}

riacho_status model_client_reach(model_client *client, riacho_error *err)
{
    model_broker *broker = client->broker;
    if (simulation_now(broker->sim) < broker->away_until_ms ||
        simulation_chance(broker->sim, broker->faults.refused))
        return riacho_fail(err, RIACHO_RETRY, "the broker cannot be reached now");
    return RIACHO_OK;
}

/* ---- calls ----------------------------------------------------------------------------------- */

void model_object_init(model_object *object, model_client *client, model_answered *answered)
{
    *object = (model_object){
        .next = client->objects, .client = client, .id = ++client->last_id, .answered = answered};
    client->objects = object;
}

void model_object_done(model_object *object)
{
    model_object **at = &object->client->objects;
    while (*at != object)
        at = &(*at)->next;
    *at = object->next;
    for (model_call *call = object->calls, *next; call; call = next) {
        next = call->next;
        free(call);
    }
}

void model_client_answer(model_client *client, uint64_t object, uint64_t correlation,
                         const model_reply *reply)
{
    model_object *waiting = client->objects;
    while (waiting && waiting->id != object)
        waiting = waiting->next;
    model_call **at = waiting ? &waiting->calls : NULL;
    while (at && *at && (*at)->request->correlation != correlation)
        at = &(*at)->next;
    if (!at || !*at)
        return; /* it has its answer, or nobody waits any more */
    model_call *call = *at;
    *at = call->next;
    waiting->trouble = waiting->trouble || reply->error == MODEL_TIMED_OUT;
    waiting->answered(waiting, call->request, reply);
    free(call);
}

struct timeout {
    model_broker *broker;
    uint64_t client, object, correlation;
};

static void time_out(simulation *sim, void *argument)
{
    const struct timeout *timeout = argument;
    model_client *client = model_client_find(timeout->broker, timeout->client);
    if (!client || client->cut)
        return;
    if (model_client_rests(client)) {
        const int64_t wait_ms = client->frozen_until_ms - simulation_now(sim);
        simulation_after(sim, wait_ms + simulation_below(sim, 50), time_out, timeout,
                         sizeof *timeout);
        return;
    }
    model_client_answer(client, timeout->object, timeout->correlation,
                        &(model_reply){.error = MODEL_TIMED_OUT});
}

void model_call_start(model_object *object, model_request *request, int64_t timeout_ms)
{
    model_client *client = object->client;
    if (client->cut)
        return;
    model_call *call = riacho_memory_get(sizeof *call);
    *call = (model_call){object->calls, request};
    object->calls = call;
    request->client = client->id;
    request->object = object->id;
    request->correlation = ++client->last_id;
    if (!is_deaf(client, request) && !model_send(client->broker, request))
        object->trouble = true;
    const struct timeout timeout = {client->broker, client->id, object->id, request->correlation};
    simulation_after(client->broker->sim, timeout_ms, time_out, &timeout, sizeof timeout);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static riacho_status topic_ensure(riacho_log *log, const riacho_topic_spec *spec, riacho_error *err)
{
    model_client *client = model_client_of(log);
    RIACHO_TRY(riacho_log_check_spec(spec, err));
    model_topic *topic = model_topic_find(client->broker, spec->name);
    if (!topic)
        topic = model_topic_new(client->broker, spec);
    RIACHO_TRY(riacho_log_check_same(&topic->spec, spec, err));
    topic->spec.cleanup = spec->cleanup;
    return RIACHO_OK;
}

static riacho_topic_spec describe(const model_topic *topic, riacho_arena *arena)
{
    riacho_topic_spec spec = topic->spec;
    spec.name = riacho_copy(arena, riacho_text(spec.name)).data;
    return spec;
}

static riacho_status topic_describe(riacho_log *log, const char *name, riacho_arena *arena,
                                    riacho_topic_spec *ret_spec, riacho_error *err)
{
    const model_topic *topic = model_topic_find(model_client_of(log)->broker, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    *ret_spec = describe(topic, arena);
    return RIACHO_OK;
}

static riacho_status topic_list(riacho_log *log, riacho_arena *arena, riacho_topic_spec **ret_specs,
                                size_t *ret_count, riacho_error *err)
{
    (void)err;
    const model_broker *broker = model_client_of(log)->broker;
    riacho_topic_spec *specs = riacho_alloc_zero(arena, broker->topic_count, sizeof *specs);
    for (size_t i = 0; i < broker->topic_count; i++)
        specs[i] = describe(broker->order[i], arena);
    *ret_specs = specs;
    *ret_count = broker->topic_count;
    return RIACHO_OK;
}

static riacho_status find_partition(model_client *client, const char *name, int32_t partition,
                                    model_partition **ret, riacho_error *err)
{
    model_topic *topic = model_topic_find(client->broker, name);
    if (!topic)
        return riacho_log_no_topic(name, err);
    RIACHO_TRY(riacho_log_check_partition(&topic->spec, partition, err));
    *ret = &topic->partitions[partition];
    return RIACHO_OK;
}

static riacho_status bounds(riacho_log *log, const char *topic, int32_t partition,
                            int64_t *ret_first, int64_t *ret_next, riacho_error *err)
{
    model_client *client = model_client_of(log);
    model_partition *held;
    RIACHO_TRY(find_partition(client, topic, partition, &held, err));
    RIACHO_TRY(model_client_reach(client, err));
    *ret_first = held->first;
    *ret_next = held->next;
    return RIACHO_OK;
}

static riacho_status stable_end(riacho_log *log, const char *topic, int32_t partition,
                                int64_t *ret_end, riacho_error *err)
{
    model_client *client = model_client_of(log);
    model_partition *held;
    RIACHO_TRY(find_partition(client, topic, partition, &held, err));
    RIACHO_TRY(model_client_reach(client, err));
    *ret_end = model_partition_stable_end(held);
    return RIACHO_OK;
}

static riacho_status offset_at(riacho_log *log, const char *topic, int32_t partition,
                               int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err)
{
    model_client *client = model_client_of(log);
    model_partition *held;
    RIACHO_TRY(find_partition(client, topic, partition, &held, err));
    RIACHO_TRY(model_client_reach(client, err));
    *ret_offset = held->next;
    for (size_t i = held->count; i > 0; i--) {
        if (held->entries[i - 1].kind == MODEL_RECORD &&
            held->entries[i - 1].record.timestamp_ms >= timestamp_ms)
            *ret_offset = held->entries[i - 1].record.offset;
    }
    return RIACHO_OK;
}

static riacho_status trim(riacho_log *log, const char *topic, int32_t partition, int64_t before,
                          riacho_error *err)
{
    model_client *client = model_client_of(log);
    model_partition *held;
    RIACHO_TRY(find_partition(client, topic, partition, &held, err));
    RIACHO_TRY(model_client_reach(client, err));
    simulation_note_text(client->broker->sim, "trim", topic, before);
    simulation_note(client->broker->sim, "trim at, by", partition, (int64_t)client->id);
    model_partition_trim(held, before);
    return RIACHO_OK;
}

/* ---- outside of transactions ----------------------------------------------------------------- */

static riacho_status check_appends(model_client *client, const riacho_log_append *records,
                                   size_t count, riacho_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const model_topic *topic = model_topic_find(client->broker, records[i].topic);
        if (!topic)
            return riacho_log_no_topic(records[i].topic, err);
        RIACHO_TRY(riacho_log_check_append(&topic->spec, &records[i], err));
    }
    return model_client_reach(client, err);
}

static riacho_status append(riacho_log *log, const riacho_log_append *records, size_t count,
                            riacho_position *ret_positions, riacho_error *err)
{
    model_client *client = model_client_of(log);
    RIACHO_TRY(check_appends(client, records, count, err));
    for (size_t i = 0; i < count; i++) {
        model_topic *topic = model_topic_find(client->broker, records[i].topic);
        const int32_t partition =
            riacho_log_choose_partition(&topic->spec, &records[i], topic->turn++);
        const model_produce produce = {
            .producer = MODEL_NOBODY, .records = &records[i].record, .count = 1};
        int64_t offset;
        model_partition_append(&topic->partitions[partition], &produce, &offset);
        simulation_note_text(client->broker->sim, "append", topic->spec.name, offset);
        if (ret_positions)
            ret_positions[i] = (riacho_position){records[i].topic, partition, offset};
    }
    return RIACHO_OK;
}

static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    (void)log;
    *ret_free = *ret_total = 0;
}

/* ---- the group ------------------------------------------------------------------------------- */

static riacho_status check(riacho_log *log, riacho_delivery delivery, riacho_error *err)
{
    (void)log;
    (void)delivery;
    (void)err;
    return RIACHO_OK;
}

static riacho_status members(riacho_log *log, const char *group, riacho_arena *arena,
                             riacho_member_entry **ret_entries, size_t *ret_count,
                             riacho_error *err)
{
    model_client *client = model_client_of(log);
    RIACHO_TRY(model_client_reach(client, err));
    *ret_count = model_group_members(client->broker, group, arena, ret_entries);
    return RIACHO_OK;
}

static riacho_status fetch(riacho_log *log, const char *group, riacho_arena *arena,
                           riacho_committed *positions, size_t count, int64_t wait_ms,
                           riacho_error *err)
{
    (void)wait_ms;
    model_client *client = model_client_of(log);
    RIACHO_TRY(model_client_reach(client, err));
    return model_group_fetch(client->broker, group, arena, positions, count, err);
}

/* ---- a client -------------------------------------------------------------------------------- */

static const struct riacho_broker_ops broker_ops = {
    .check = check,
    .producer_open = model_producer_open,
    .init = model_producer_init,
    .begin = model_producer_begin,
    .send = model_producer_send,
    .send_positions = model_producer_send_positions,
    .commit = model_producer_commit,
    .abort = model_producer_abort,
    .ends = model_producer_ends,
    .suspect = model_producer_suspect,
    .producer_close = model_producer_close,
    .member_join = model_member_join,
    .member_poll = model_member_poll,
    .member_answer = model_member_answer,
    .token = model_member_token,
    .token_free = model_member_token_free,
    .member_leave = model_member_leave,
    .members = members,
    .fetch = fetch,
    .stable_end = stable_end,
    .trim = trim,
};

riacho_log *model_client_new(model_broker *broker)
{
    model_client *client = riacho_memory_get_zero(1, sizeof *client);
    client->log.ops = &client_ops;
    client->broker = broker;
    client->id = ++broker->last_client;
    broker->clients =
        riacho_memory_resize(broker->clients, (broker->client_count + 1) * sizeof(model_client *));
    broker->clients[broker->client_count++] = client;
    return &client->log;
}

static void client_close(riacho_log *log)
{
    model_client *client = model_client_of(log);
    model_broker *broker = client->broker;
    assert(!client->objects); /* every handle was closed */
    size_t at = 0;
    while (broker->clients[at] != client)
        at++;
    broker->clients[at] = broker->clients[--broker->client_count];
    free(client);
}

static const riacho_log_ops client_ops = {
    .name = "model",
    .broker = &broker_ops,
    .topic_ensure = topic_ensure,
    .topic_describe = topic_describe,
    .topic_list = topic_list,
    .bounds = bounds,
    .offset_at = offset_at,
    .append = append,
    .reader_open = model_reader_open,
    .assign = model_reader_assign,
    .pause = model_reader_pause,
    .resume = model_reader_resume,
    .poll = model_reader_poll,
    .reader_wake = model_reader_wake,
    .batch_free = model_batch_free,
    .reader_close = model_reader_close,
    .space = space,
    .close = client_close,
};
