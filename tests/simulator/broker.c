/* SPDX-License-Identifier: MIT
 *
 * broker.c - topics, and the network between clients and broker: see broker.h.
 */
#include "broker_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { EXPIRY_MS = 100 };

/* ---- requests -------------------------------------------------------------------------------- */

model_request *model_request_new(model_broker *broker, model_api api)
{
    model_request *request = riacho_alloc_zero(broker->arena, 1, sizeof *request);
    request->api = api;
    return request;
}

void model_name(char *name, const char *from)
{
    snprintf(name, MODEL_NAME_BYTES, "%s", from);
}

/* ---- the network ----------------------------------------------------------------------------- */

struct way_out {
    model_broker *broker;
    const model_request *request;
};

struct way_back {
    model_broker *broker;
    uint64_t client, object, correlation;
    model_reply reply;
};

int64_t model_latency(model_broker *broker)
{
    return 1 + simulation_below(broker->sim, 4);
}

/* What a request carries, for people: keys, and values that end in a long. */
static void trace_records(const model_broker *broker, const model_request *request)
{
    if (!broker->sim->trace)
        return;
    fprintf(broker->sim->trace, "         to %d by %lld epoch %d:", (int)request->place.partition,
            (long long)request->producer, (int)request->epoch);
    for (size_t i = 0; i < request->count; i++) {
        const riacho_log_record *record = &request->records[i];
        const uint8_t *value = record->value.data;
        int64_t number = 0;
        for (size_t k = record->value.size < 8 ? 0 : record->value.size - 8; k < record->value.size;
             k++)
            number = (int64_t)((uint64_t)number << 8 | value[k]);
        fputc(' ', broker->sim->trace);
        const uint8_t *key = record->key.data;
        for (size_t k = 0; k < record->key.size; k++)
            fprintf(broker->sim->trace, isgraph(key[k]) ? "%c" : "\\%02x", key[k]);
        fprintf(broker->sim->trace, record->value.data ? "=%lld" : " gone", (long long)number);
    }
    fputc('\n', broker->sim->trace);
}

static void handle(model_broker *broker, const model_request *request)
{
    int64_t base = 0;
    model_error error;
    switch (request->api) {
    case MODEL_PRODUCE:
        error = model_partition_append(&request->place.topic->partitions[request->place.partition],
                                       &(model_produce){.producer = request->producer,
                                                        .epoch = request->epoch,
                                                        .transactional = request->transactional,
                                                        .sequence = request->sequence,
                                                        .records = request->records,
                                                        .count = request->count},
                                       &base);
        simulation_note_text(broker->sim, "produce", request->place.topic->spec.name, base);
        trace_records(broker, request);
        model_answer(broker, request, &(model_reply){.error = error, .base = base});
        return;
    case MODEL_INIT_PRODUCER:
    case MODEL_ADD_PARTITION:
    case MODEL_ADD_OFFSETS:
    case MODEL_END_TRANSACTION:
        model_transactions_request(broker, request);
        return;
    case MODEL_SEND_OFFSETS:
    case MODEL_COMMIT_OFFSETS:
    case MODEL_JOIN:
    case MODEL_HEARTBEAT:
    case MODEL_LEAVE:
        model_groups_request(broker, request);
        return;
    }
}

static void arrive(simulation *sim, void *argument)
{
    struct way_out *way = argument;
    if (simulation_now(sim) >= way->broker->away_until_ms)
        handle(way->broker, way->request);
}

static void send_one(model_broker *broker, const model_request *request, int64_t delay_ms)
{
    const struct way_out way = {broker, request};
    simulation_after(broker->sim, delay_ms, arrive, &way, sizeof way);
}

/* Requests of members come in time or not at all: a join that comes late says what its sender had
 * then, and makes two owners of one lease in one generation. Kafka has no answer to that, and so
 * nobody could be held to one. */
static bool is_of_member(const model_request *request)
{
    return request->api == MODEL_JOIN || request->api == MODEL_HEARTBEAT ||
           request->api == MODEL_LEAVE;
}

bool model_send(model_broker *broker, const model_request *request)
{
    simulation *sim = broker->sim;
    if (simulation_chance(sim, broker->faults.lost))
        return true;
    int64_t delay_ms = model_latency(broker);
    if (is_of_member(request)) {
        send_one(broker, request, delay_ms);
        return true;
    }
    if (request->api == MODEL_PRODUCE && simulation_chance(sim, broker->faults.slow_produce))
        delay_ms += simulation_below(sim, MODEL_REQUEST_MS - 50);
    if (simulation_chance(sim, broker->faults.late))
        delay_ms += simulation_below(sim, MODEL_LATE_MS);
    send_one(broker, request, delay_ms);
    if (!simulation_chance(sim, broker->faults.twice))
        return true;
    send_one(broker, request, delay_ms + simulation_below(sim, MODEL_LATE_MS));
    return false;
}

static void come_back(simulation *sim, void *argument)
{
    struct way_back *way = argument;
    model_client *client = model_client_find(way->broker, way->client);
    if (!client || client->cut)
        return;
    if (model_client_rests(client)) {
        const int64_t wait_ms = client->frozen_until_ms - simulation_now(sim);
        simulation_after(sim, wait_ms + simulation_below(sim, 50), come_back, way, sizeof *way);
        return;
    }
    model_client_answer(client, way->object, way->correlation, &way->reply);
}

void model_answer(model_broker *broker, const model_request *request, const model_reply *reply)
{
    if (simulation_chance(broker->sim, broker->faults.reply_lost))
        return;
    const struct way_back way = {broker, request->client, request->object, request->correlation,
                                 *reply};
    simulation_after(broker->sim, model_latency(broker), come_back, &way, sizeof way);
}

/* ---- the broker itself ----------------------------------------------------------------------- */

static void expire(simulation *sim, void *argument)
{
    model_broker *broker = *(model_broker **)argument;
    if (simulation_now(sim) >= broker->away_until_ms) {
        model_transactions_expire(broker);
        model_groups_expire(broker);
    }
    simulation_after(sim, EXPIRY_MS, expire, &broker, sizeof broker);
}

model_broker *model_broker_new(simulation *sim)
{
    model_broker *broker = riacho_memory_get_zero(1, sizeof *broker);
    broker->sim = sim;
    broker->arena = riacho_arena_new();
    simulation_after(sim, EXPIRY_MS, expire, &broker, sizeof broker);
    return broker;
}

void model_broker_free(model_broker *broker)
{
    model_transactions_free(broker);
    model_groups_free(broker);
    for (size_t i = 0; i < broker->topic_count; i++) {
        model_topic *topic = broker->order[i];
        for (int32_t p = 0; p < topic->spec.partitions; p++)
            model_partition_done(&topic->partitions[p]);
        free(topic->partitions);
        free(topic);
    }
    free(broker->order);
    free(broker->clients);
    riacho_map_done(&broker->topics);
    riacho_arena_free(broker->arena);
    free(broker);
}

void model_broker_faults(model_broker *broker, const model_faults *faults)
{
    broker->faults = *faults;
}

void model_broker_restart(model_broker *broker, int64_t for_ms)
{
    simulation_note(broker->sim, "broker away", for_ms, 0);
    broker->away_until_ms = simulation_now(broker->sim) + for_ms;
    model_groups_renew(broker);
}

model_topic *model_topic_find(const model_broker *broker, const char *name)
{
    return name ? riacho_map_get(&broker->topics, riacho_text(name)) : NULL;
}

model_topic *model_topic_new(model_broker *broker, const riacho_topic_spec *spec)
{
    model_topic *topic = riacho_memory_get_zero(1, sizeof *topic);
    topic->spec = *spec;
    topic->spec.name = riacho_copy(broker->arena, riacho_text(spec->name)).data;
    topic->partitions = riacho_memory_get_zero((size_t)spec->partitions, sizeof *topic->partitions);
    for (int32_t i = 0; i < spec->partitions; i++) {
        topic->partitions[i].arena = broker->arena;
        topic->partitions[i].compacted = spec->cleanup == RIACHO_CLEANUP_COMPACT;
    }
    riacho_map_put(&broker->topics, riacho_text(topic->spec.name))->value = topic;
    broker->order =
        riacho_memory_resize(broker->order, (broker->topic_count + 1) * sizeof *broker->order);
    broker->order[broker->topic_count++] = topic;
    return topic;
}

static void mend_partition(model_broker *broker, model_partition *partition)
{
    size_t at = 0;
    for (int64_t producer; (producer = model_partition_open_producer(partition, &at)) >= 0;) {
        if (!model_transaction_is_open(broker, producer))
            model_partition_mark(partition, producer, 0, MODEL_ABORT_MARKER);
    }
}

void model_broker_mend(model_broker *broker)
{
    model_groups_mend(broker);
    for (size_t i = 0; i < broker->topic_count; i++) {
        for (int32_t p = 0; p < broker->order[i]->spec.partitions; p++)
            mend_partition(broker, &broker->order[i]->partitions[p]);
    }
}

void model_broker_compact(model_broker *broker)
{
    const size_t from = simulation_below(broker->sim, (uint32_t)broker->topic_count);
    for (size_t i = 0; i < broker->topic_count; i++) {
        model_topic *topic = broker->order[(from + i) % broker->topic_count];
        if (topic->spec.cleanup != RIACHO_CLEANUP_COMPACT)
            continue;
        model_partition *partition =
            &topic->partitions[simulation_below(broker->sim, (uint32_t)topic->spec.partitions)];
        const int64_t stable = model_partition_stable_end(partition);
        const int64_t before = simulation_below(broker->sim, (uint32_t)stable + 1);
        model_partition_compact(partition, before);
        simulation_note_text(broker->sim, "compact", topic->spec.name, before);
        return;
    }
}

model_partition *model_broker_partition(model_broker *broker, const char *topic, int32_t number)
{
    model_topic *found = model_topic_find(broker, topic);
    return found && number >= 0 && number < found->spec.partitions ? &found->partitions[number]
                                                                   : NULL;
}

int32_t model_broker_partitions(const model_broker *broker, const char *topic)
{
    const model_topic *found = model_topic_find(broker, topic);
    return found ? found->spec.partitions : 0;
}

const char *model_broker_topic(const model_broker *broker, size_t index)
{
    return index < broker->topic_count ? broker->order[index]->spec.name : NULL;
}

int64_t model_broker_position(model_broker *broker, const char *group, const char *topic,
                              int32_t partition)
{
    riacho_arena *arena = riacho_arena_new();
    riacho_committed position = {.position = {topic, partition, -1}};
    if (model_group_fetch(broker, group, arena, &position, 1, NULL) != RIACHO_OK)
        position.position.next = -1;
    riacho_arena_free(arena);
    return position.position.next;
}
