/* SPDX-License-Identifier: MIT
 *
 * client_producer.c - a producer as librdkafka makes one: records wait in a queue and go to each
 * partition one request at a time; timeouts are tried again behind the caller's back, and are only
 * to be seen by `suspect`, until the client gives up.
 *
 *   NEW --init--> READY --begin--> OPEN --commit, abort--> ENDING --answer--> READY
 *
 * An abort that has requests on their way is followed by a new epoch, as librdkafka does.
 *
 * Threads: one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker_private.h"
#include "log/check.h"

enum { REQUEST_RECORDS_MAX = 5 };

typedef enum phase { NEW = 0, READY, OPEN } phase;

/* One request after another until it is done. */
typedef enum step { IDLE = 0, ASKING, DONE } step;

struct lane { /* to one partition */
    model_place place;
    bool added; /* to the transaction */
    bool busy;  /* a request is on its way */
    int32_t sequence;
};

struct queued {
    size_t lane;
    riacho_log_record record;
    int64_t offset; /* -1: not acknowledged */
};

struct riacho_producer {
    model_object object; /* first */
    char id[MODEL_NAME_BYTES];
    bool transactional;
    phase phase;
    riacho_verdict failed; /* sticks */
    int64_t producer;
    int16_t epoch;

    struct lane *lanes;
    size_t lane_count;
    struct queued *queue; /* of this transaction */
    size_t queue_count;

    step init;
    step positions;
    bool offsets_added;
    model_request *sending; /* the positions */
    step ending;
    model_kind end;
    bool renewing; /* the epoch, after an abort */
};

static model_broker *broker_of(const riacho_producer *producer)
{
    return producer->object.client->broker;
}

static model_request *request_new(const riacho_producer *producer, model_api api)
{
    model_request *request = model_request_new(broker_of(producer), api);
    model_name(request->id, producer->id);
    request->producer = producer->producer;
    request->epoch = producer->epoch;
    request->transactional = producer->transactional;
    return request;
}

static void start(riacho_producer *producer, model_request *request)
{
    model_call_start(&producer->object, request, MODEL_REQUEST_MS);
}

/* The same request again, as another one on the network. */
static void start_again(riacho_producer *producer, const model_request *request)
{
    model_request *again = model_request_new(broker_of(producer), request->api);
    *again = *request;
    start(producer, again);
}

static void fail(riacho_producer *producer, riacho_verdict verdict)
{
    if (producer->failed < verdict) {
        simulation_note_text(broker_of(producer)->sim, "producer fails", producer->id, verdict);
        producer->failed = verdict;
    }
}

static bool gives_up(riacho_producer *producer)
{
    return simulation_chance(broker_of(producer)->sim, broker_of(producer)->faults.given_up);
}

static riacho_verdict say(riacho_verdict verdict, const riacho_producer *producer,
                          riacho_error *err)
{
    if (verdict > RIACHO_VERDICT_RETRY)
        riacho_fail(err, RIACHO_ABORT, "producer %s: verdict %d", producer->id, (int)verdict);
    else if (verdict == RIACHO_VERDICT_RETRY)
        riacho_fail(err, RIACHO_RETRY, "producer %s is not there yet", producer->id);
    return verdict;
}

/* ---- records --------------------------------------------------------------------------------- */

static size_t lane_of(riacho_producer *producer, model_place place)
{
    for (size_t i = 0; i < producer->lane_count; i++) {
        if (producer->lanes[i].place.topic == place.topic &&
            producer->lanes[i].place.partition == place.partition)
            return i;
    }
    producer->lanes =
        riacho_memory_resize(producer->lanes, (producer->lane_count + 1) * sizeof *producer->lanes);
    producer->lanes[producer->lane_count] =
        (struct lane){.place = place, .added = !producer->transactional};
    return producer->lane_count++;
}

static void produce(riacho_producer *producer, size_t lane)
{
    struct lane *to = &producer->lanes[lane];
    model_request *request = request_new(producer, MODEL_PRODUCE);
    request->place = to->place;
    request->sequence = to->sequence;
    request->records = riacho_alloc_zero(broker_of(producer)->arena, REQUEST_RECORDS_MAX,
                                         sizeof *request->records);
    for (size_t i = 0; i < producer->queue_count && request->count < REQUEST_RECORDS_MAX; i++) {
        const struct queued *queued = &producer->queue[i];
        if (queued->lane == lane && queued->offset < 0)
            request->records[request->count++] = queued->record;
    }
    if (!request->count)
        return;
    to->busy = true;
    start(producer, request);
}

/* Sends what can be sent now. */
static void pump(riacho_producer *producer)
{
    if (producer->phase != OPEN || producer->failed || producer->ending == ASKING)
        return;
    for (size_t i = 0; i < producer->lane_count; i++) {
        struct lane *lane = &producer->lanes[i];
        if (lane->busy)
            continue;
        if (lane->added) {
            produce(producer, i);
            continue;
        }
        bool wanted = false;
        for (size_t k = 0; k < producer->queue_count && !wanted; k++)
            wanted = producer->queue[k].lane == i;
        if (!wanted)
            continue;
        model_request *request = request_new(producer, MODEL_ADD_PARTITION);
        request->place = lane->place;
        lane->busy = true;
        start(producer, request);
    }
}

/* What is on its way then is left alone, and fenced by the next epoch. */
static bool is_aborting(const riacho_producer *producer)
{
    return producer->ending != IDLE && producer->end == MODEL_ABORT_MARKER;
}

static size_t unacknowledged(const riacho_producer *producer)
{
    size_t count = 0;
    for (size_t i = 0; i < producer->queue_count; i++)
        count += producer->queue[i].offset < 0;
    return count;
}

static bool is_busy(const riacho_producer *producer)
{
    for (size_t i = 0; i < producer->lane_count; i++) {
        if (producer->lanes[i].busy)
            return true;
    }
    return producer->positions == ASKING;
}

static void acknowledge(riacho_producer *producer, struct lane *lane, const model_request *request,
                        int64_t base)
{
    const size_t at = (size_t)(lane - producer->lanes);
    size_t left = request->count;
    lane->sequence += (int32_t)request->count;
    for (size_t i = 0; i < producer->queue_count && left; i++) {
        struct queued *queued = &producer->queue[i];
        if (queued->lane == at && queued->offset < 0) {
            queued->offset = base++;
            left--;
        }
    }
}

static void lane_answered(riacho_producer *producer, const model_request *request,
                          const model_reply *reply)
{
    struct lane *lane = &producer->lanes[lane_of(producer, request->place)];
    switch (reply->error) {
    case MODEL_OK:
        lane->busy = false;
        if (request->api == MODEL_PRODUCE)
            acknowledge(producer, lane, request, reply->base);
        else
            lane->added = true;
        pump(producer);
        return;
    case MODEL_TIMED_OUT:
        if (gives_up(producer))
            fail(producer, RIACHO_VERDICT_ABORT);
        else if (!is_aborting(producer))
            start_again(producer, request);
        return;
    case MODEL_CONCURRENT:
        if (!is_aborting(producer))
            start_again(producer, request);
        return;
    default:
        fail(producer, RIACHO_VERDICT_RECREATE);
    }
}

/* ---- answers of the coordinators ------------------------------------------------------------- */

static void init_answered(riacho_producer *producer, const model_request *request,
                          const model_reply *reply)
{
    switch (reply->error) {
    case MODEL_OK:
        producer->producer = reply->producer;
        producer->epoch = reply->epoch;
        for (size_t i = 0; i < producer->lane_count; i++)
            producer->lanes[i] =
                (struct lane){.place = producer->lanes[i].place, .added = !producer->transactional};
        if (producer->renewing) {
            producer->renewing = false;
            producer->ending = DONE;
        } else {
            producer->init = DONE;
        }
        return;
    case MODEL_TIMED_OUT:
    case MODEL_CONCURRENT:
        start_again(producer, request);
        return;
    default:
        fail(producer, RIACHO_VERDICT_RECREATE);
    }
}

static void positions_answered(riacho_producer *producer, const model_request *request,
                               const model_reply *reply)
{
    if (is_aborting(producer))
        return;
    switch (reply->error) {
    case MODEL_OK:
        if (request->api == MODEL_ADD_OFFSETS) {
            producer->offsets_added = true;
            start(producer, producer->sending);
            return;
        }
        producer->positions = DONE;
        return;
    case MODEL_TIMED_OUT:
        start_again(producer, request);
        return;
    case MODEL_CONCURRENT:
        start_again(producer, request);
        return;
    case MODEL_ILLEGAL_GENERATION:
    case MODEL_UNKNOWN_MEMBER:
    case MODEL_FENCED_MEMBER:
        producer->positions = IDLE;
        fail(producer, RIACHO_VERDICT_ABORT);
        return;
    default:
        fail(producer, RIACHO_VERDICT_RECREATE);
    }
}

static void renew_epoch(riacho_producer *producer)
{
    producer->renewing = true;
    start(producer, request_new(producer, MODEL_INIT_PRODUCER));
}

static void end_answered(riacho_producer *producer, const model_request *request,
                         const model_reply *reply)
{
    switch (reply->error) {
    case MODEL_OK:
        if (request->end == MODEL_ABORT_MARKER && is_busy(producer))
            renew_epoch(producer);
        else if (gives_up(producer) && gives_up(producer))
            fail(producer, RIACHO_VERDICT_RECREATE); /* it is over, and the client failed before */
        else
            producer->ending = DONE;
        return;
    case MODEL_TIMED_OUT:
        if (gives_up(producer))
            fail(producer, RIACHO_VERDICT_RECREATE);
        else
            start_again(producer, request);
        return;
    case MODEL_CONCURRENT:
        start_again(producer, request);
        return;
    default:
        fail(producer, RIACHO_VERDICT_RECREATE);
    }
}

static void answered(model_object *object, const model_request *request, const model_reply *reply)
{
    riacho_producer *producer = (riacho_producer *)object;
    if (request->api == MODEL_INIT_PRODUCER) {
        init_answered(producer, request, reply);
        return;
    }
    /* Of an epoch that was given up, or of a producer that was. */
    if (request->epoch != producer->epoch || producer->failed == RIACHO_VERDICT_RECREATE)
        return;
    switch (request->api) {
    case MODEL_ADD_PARTITION:
    case MODEL_PRODUCE:
        lane_answered(producer, request, reply);
        return;
    case MODEL_ADD_OFFSETS:
    case MODEL_SEND_OFFSETS:
    case MODEL_COMMIT_OFFSETS:
        positions_answered(producer, request, reply);
        return;
    case MODEL_END_TRANSACTION:
        end_answered(producer, request, reply);
        return;
    default:
        return;
    }
}

/* ---- the port -------------------------------------------------------------------------------- */

riacho_status model_producer_open(riacho_log *log, const riacho_producer_options *options,
                                  riacho_producer **ret_producer, riacho_error *err)
{
    (void)err;
    riacho_producer *producer = riacho_memory_get_zero(1, sizeof *producer);
    model_object_init(&producer->object, model_client_of(log), answered);
    producer->transactional = options->delivery == RIACHO_DELIVERY_EXACTLY_ONCE;
    model_name(producer->id, producer->transactional ? options->id : "");
    producer->epoch = -1;
    *ret_producer = producer;
    return RIACHO_OK;
}

void model_producer_close(riacho_producer *producer)
{
    if (!producer)
        return;
    model_object_done(&producer->object);
    free(producer->lanes);
    free(producer->queue);
    free(producer);
}

riacho_verdict model_producer_init(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)wait_ms;
    assert(producer->phase == NEW);
    if (producer->failed)
        return say(producer->failed, producer, err);
    if (producer->init == IDLE) {
        producer->init = ASKING;
        start(producer, request_new(producer, MODEL_INIT_PRODUCER));
    }
    if (producer->init != DONE)
        return say(RIACHO_VERDICT_RETRY, producer, err);
    producer->phase = READY;
    return RIACHO_VERDICT_OK;
}

riacho_verdict model_producer_begin(riacho_producer *producer, riacho_error *err)
{
    assert(producer->phase == READY);
    if (producer->failed)
        return say(producer->failed, producer, err);
    producer->phase = OPEN;
    producer->object.trouble = false;
    producer->queue_count = 0;
    producer->positions = producer->ending = IDLE;
    producer->offsets_added = false;
    producer->sending = NULL;
    for (size_t i = 0; i < producer->lane_count; i++)
        producer->lanes[i].added = !producer->transactional;
    return RIACHO_VERDICT_OK;
}

static riacho_log_record copy_record(riacho_arena *arena, const riacho_log_record *record)
{
    riacho_log_record copy = *record;
    riacho_header *headers = riacho_alloc(arena, record->headers.count * sizeof *headers);
    for (size_t i = 0; i < record->headers.count; i++) {
        headers[i].name = riacho_copy(arena, record->headers.items[i].name);
        headers[i].value = riacho_copy(arena, record->headers.items[i].value);
    }
    copy.key = riacho_copy(arena, record->key);
    copy.value = riacho_copy(arena, record->value);
    copy.headers.items = headers;
    return copy;
}

static void enqueue(riacho_producer *producer, const riacho_log_append *append)
{
    model_topic *topic = model_topic_find(broker_of(producer), append->topic);
    assert(topic);
    const model_place place = {topic,
                               riacho_log_choose_partition(&topic->spec, append, topic->turn++)};
    producer->queue = riacho_memory_resize(producer->queue,
                                           (producer->queue_count + 1) * sizeof *producer->queue);
    const size_t lane = lane_of(producer, place);
    producer->queue[producer->queue_count++] =
        (struct queued){lane, copy_record(broker_of(producer)->arena, &append->record), -1};
}

riacho_verdict model_producer_send(riacho_producer *producer, const riacho_log_append *records,
                                   size_t count, int64_t wait_ms, size_t *ret_sent,
                                   riacho_error *err)
{
    (void)wait_ms;
    assert(producer->phase == OPEN);
    *ret_sent = 0;
    if (producer->failed)
        return say(producer->failed, producer, err);
    simulation *sim = broker_of(producer)->sim;
    size_t room = count;
    if (simulation_chance(sim, 500)) /* the queue is full */
        room = simulation_below(sim, (uint32_t)count + 1);
    for (size_t i = 0; i < room; i++)
        enqueue(producer, &records[i]);
    *ret_sent = room;
    pump(producer);
    return room < count ? say(RIACHO_VERDICT_RETRY, producer, err) : RIACHO_VERDICT_OK;
}

static model_request *positions_request(riacho_producer *producer, const riacho_member_token *token,
                                        const riacho_committed *positions, size_t count)
{
    riacho_arena *arena = broker_of(producer)->arena;
    model_request *request = request_new(producer, MODEL_SEND_OFFSETS);
    request->generation = token->generation;
    model_name(request->member, token->member_id);
    request->count = count;
    request->positions = riacho_alloc(arena, count * sizeof *positions);
    for (size_t i = 0; i < count; i++) {
        request->positions[i] = positions[i];
        request->positions[i].position.topic =
            riacho_copy(arena, riacho_text(positions[i].position.topic)).data;
        request->positions[i].note = riacho_copy(arena, positions[i].note);
    }
    return request;
}

riacho_verdict model_producer_send_positions(riacho_producer *producer,
                                             const riacho_member_token *token,
                                             const riacho_committed *positions, size_t count,
                                             int64_t wait_ms, riacho_error *err)
{
    (void)wait_ms;
    assert(producer->phase == OPEN);
    if (producer->failed)
        return say(producer->failed, producer, err);
    if (producer->positions == IDLE) {
        producer->sending = positions_request(producer, token, positions, count);
        model_name(producer->sending->group, producer->object.client->group);
        if (!producer->transactional) { /* they go at the commit */
            producer->positions = DONE;
            return RIACHO_VERDICT_OK;
        }
        producer->positions = ASKING;
        model_request *add = request_new(producer, MODEL_ADD_OFFSETS);
        model_name(add->group, producer->object.client->group);
        start(producer, add);
    }
    return say(producer->positions == DONE ? RIACHO_VERDICT_OK : RIACHO_VERDICT_RETRY, producer,
               err);
}

/* Whether the coordinator may know of a transaction. */
static bool has_begun(const riacho_producer *producer)
{
    for (size_t i = 0; i < producer->lane_count; i++) {
        if (producer->lanes[i].added || producer->lanes[i].busy)
            return true;
    }
    return producer->offsets_added || producer->positions != IDLE;
}

static void ask_end(riacho_producer *producer, model_kind end)
{
    producer->end = end;
    if (!producer->transactional && end == MODEL_ABORT_MARKER && is_busy(producer)) {
        fail(producer, RIACHO_VERDICT_RECREATE); /* an answer could be taken for another's */
        return;
    }
    if (!producer->transactional && (end == MODEL_ABORT_MARKER || !producer->sending)) {
        producer->ending = DONE;
        return;
    }
    if (!has_begun(producer)) {
        producer->ending = DONE;
        return;
    }
    producer->ending = ASKING;
    if (!producer->transactional) {
        producer->positions = ASKING;
        producer->sending->api = MODEL_COMMIT_OFFSETS;
        model_name(producer->sending->id, producer->sending->group);
        start(producer, producer->sending);
        return;
    }
    model_request *request = request_new(producer, MODEL_END_TRANSACTION);
    request->end = end;
    start(producer, request);
}

static riacho_verdict ended(riacho_producer *producer, riacho_error *err)
{
    if (!producer->transactional && producer->ending == ASKING && producer->positions == DONE)
        producer->ending = DONE;
    if (producer->failed == RIACHO_VERDICT_RECREATE)
        return say(producer->failed, producer, err);
    if (producer->ending != DONE)
        return say(RIACHO_VERDICT_RETRY, producer, err);
    producer->phase = READY;
    producer->failed = RIACHO_VERDICT_OK;
    return RIACHO_VERDICT_OK;
}

riacho_verdict model_producer_commit(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)wait_ms;
    assert(producer->phase == OPEN);
    if (producer->failed)
        return say(producer->failed, producer, err);
    if (unacknowledged(producer))
        return say(RIACHO_VERDICT_RETRY, producer, err);
    if (producer->ending == IDLE)
        ask_end(producer, MODEL_COMMIT_MARKER);
    return ended(producer, err);
}

riacho_verdict model_producer_abort(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)wait_ms;
    assert(producer->phase == OPEN);
    if (producer->failed == RIACHO_VERDICT_RECREATE)
        return say(producer->failed, producer, err);
    if (producer->ending == IDLE)
        ask_end(producer, MODEL_ABORT_MARKER);
    assert(producer->end == MODEL_ABORT_MARKER);
    return ended(producer, err);
}

void model_producer_ends(riacho_producer *producer, int64_t *ret_ends, size_t count)
{
    assert(count == producer->queue_count);
    for (size_t i = 0; i < count; i++)
        ret_ends[i] = producer->queue[i].offset + 1;
}

bool model_producer_suspect(riacho_producer *producer)
{
    return producer->object.trouble;
}
