/* SPDX-License-Identifier: MIT
 *
 * transactions.c - the coordinator of transactions: producers by their transactional id, what their
 * present transaction has touched, and its end.
 *
 *   EMPTY --add--> ONGOING --end--> PREPARED --last marker--> COMPLETE --add--> ONGOING ...
 *                     |                 ^
 *                     +-- init, timeout -+   (aborts, with the next epoch: the producer is fenced)
 *
 * Invariants
 *   1 The outcome is decided, and answered, when it is PREPARED; every marker is written later, at
 *     a moment of its own.
 *   2 A request is known by producer id and epoch only. One that comes late, in the next
 *     transaction of the same epoch, is taken for that one's.
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "broker_private.h"

typedef enum state { EMPTY = 0, ONGOING, PREPARED, COMPLETE } state;

enum { SLOW_MARKER_MS = 1500 };

/* A partition, or a group's positions, that the transaction writes to. */
struct touched {
    model_place place; /* topic NULL: of the group */
    char group[MODEL_NAME_BYTES];
};

struct model_transaction {
    model_transaction *next;
    char id[MODEL_NAME_BYTES];
    int64_t producer;
    int16_t epoch;
    state state;
    model_kind end; /* PREPARED, COMPLETE */
    int64_t since_ms;
    struct touched *touched;
    size_t touched_count;
    size_t markers_left;
};

void model_transactions_free(model_broker *broker)
{
    for (model_transaction *each = broker->transactions, *next; each; each = next) {
        next = each->next;
        free(each->touched);
        free(each);
    }
}

static model_transaction *find(const model_broker *broker, const char *id)
{
    for (model_transaction *each = broker->transactions; each; each = each->next) {
        if (strcmp(each->id, id) == 0)
            return each;
    }
    return NULL;
}

static model_transaction *find_or_make(model_broker *broker, const char *id)
{
    model_transaction *found = find(broker, id);
    if (found)
        return found;
    found = riacho_memory_get_zero(1, sizeof *found);
    model_name(found->id, id);
    found->producer = ++broker->last_producer;
    found->epoch = -1;
    found->next = broker->transactions;
    broker->transactions = found;
    return found;
}

size_t model_broker_open_transactions(const model_broker *broker)
{
    size_t count = 0;
    for (const model_transaction *each = broker->transactions; each; each = each->next)
        count += each->state == ONGOING || each->state == PREPARED;
    return count;
}

bool model_transaction_is_open(const model_broker *broker, int64_t producer)
{
    for (const model_transaction *each = broker->transactions; each; each = each->next) {
        if (each->producer == producer)
            return each->state == ONGOING || each->state == PREPARED;
    }
    return false;
}

bool model_broker_is_committed(const model_broker *broker, const model_entry *entry)
{
    for (const model_transaction *each = broker->transactions; each; each = each->next) {
        if (each->producer == entry->producer && each->epoch == entry->epoch &&
            each->state == PREPARED && each->end == MODEL_COMMIT_MARKER)
            return entry->visible || !entry->aborted;
    }
    return entry->visible;
}

/* ---- the end --------------------------------------------------------------------------------- */

struct marker {
    model_broker *broker;
    model_transaction *transaction;
    struct touched at;
    int64_t producer;
    int16_t epoch;
    model_kind kind;
};

static void write_marker(simulation *sim, void *argument)
{
    struct marker *marker = argument;
    model_broker *broker = marker->broker;
    if (simulation_now(sim) < broker->away_until_ms) {
        const int64_t wait_ms = broker->away_until_ms - simulation_now(sim);
        simulation_after(sim, wait_ms, write_marker, marker, sizeof *marker);
        return;
    }
    simulation_note_text(
        sim, marker->kind == MODEL_COMMIT_MARKER ? "commit marker" : "abort marker",
        marker->at.place.topic ? marker->at.place.topic->spec.name : marker->at.group,
        marker->producer);
    if (marker->at.place.topic)
        model_partition_mark(&marker->at.place.topic->partitions[marker->at.place.partition],
                             marker->producer, marker->epoch, marker->kind);
    else
        model_group_mark(broker, marker->at.group, marker->producer, marker->epoch, marker->kind);
    model_transaction *transaction = marker->transaction;
    if (--transaction->markers_left == 0) {
        transaction->state = COMPLETE;
        transaction->touched_count = 0;
    }
}

static void prepare(model_broker *broker, model_transaction *transaction, model_kind end)
{
    simulation_note_text(broker->sim, end == MODEL_COMMIT_MARKER ? "commits" : "aborts",
                         transaction->id, transaction->epoch);
    transaction->end = end;
    transaction->markers_left = transaction->touched_count;
    transaction->state = transaction->touched_count ? PREPARED : COMPLETE;
    for (size_t i = 0; i < transaction->touched_count; i++) {
        const struct marker marker = {
            broker, transaction, transaction->touched[i], transaction->producer, transaction->epoch,
            end};
        int64_t delay_ms = simulation_below(broker->sim, 6);
        if (simulation_chance(broker->sim, broker->faults.slow_marker))
            delay_ms += simulation_below(broker->sim, SLOW_MARKER_MS);
        simulation_after(broker->sim, delay_ms, write_marker, &marker, sizeof marker);
    }
}

/* By the coordinator: what its producer still sends is refused. */
static void fence(model_broker *broker, model_transaction *transaction)
{
    transaction->epoch++;
    prepare(broker, transaction, MODEL_ABORT_MARKER);
}

void model_transactions_expire(model_broker *broker)
{
    const int64_t now_ms = simulation_now(broker->sim);
    for (model_transaction *each = broker->transactions; each; each = each->next) {
        if (each->state == ONGOING && now_ms - each->since_ms > MODEL_TRANSACTION_MS)
            fence(broker, each);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static model_reply init(model_broker *broker, const model_request *request)
{
    model_transaction *transaction = find_or_make(broker, request->id);
    /* With an epoch: a producer that renews its own. */
    if (request->epoch >= 0 && request->epoch < transaction->epoch)
        return (model_reply){.error = MODEL_FENCED};
    if (transaction->state == ONGOING)
        fence(broker, transaction);
    if (transaction->state == PREPARED)
        return (model_reply){.error = MODEL_CONCURRENT};
    transaction->state = EMPTY;
    transaction->epoch++;
    simulation_note_text(broker->sim, "producer", transaction->id, transaction->epoch);
    return (model_reply){.producer = transaction->producer, .epoch = transaction->epoch};
}

static bool touches(const model_transaction *transaction, const model_request *request)
{
    for (size_t i = 0; i < transaction->touched_count; i++) {
        const struct touched *touched = &transaction->touched[i];
        if (touched->place.topic == request->place.topic &&
            touched->place.partition == request->place.partition &&
            strcmp(touched->group, request->group) == 0)
            return true;
    }
    return false;
}

static model_error add(model_broker *broker, model_transaction *transaction,
                       const model_request *request)
{
    if (transaction->state == PREPARED)
        return MODEL_CONCURRENT;
    if (transaction->state != ONGOING) {
        transaction->state = ONGOING;
        transaction->touched_count = 0;
        transaction->since_ms = simulation_now(broker->sim);
    }
    if (touches(transaction, request))
        return MODEL_OK;
    transaction->touched = riacho_memory_resize(
        transaction->touched, (transaction->touched_count + 1) * sizeof *transaction->touched);
    struct touched *touched = &transaction->touched[transaction->touched_count++];
    *touched = (struct touched){.place = request->place};
    model_name(touched->group, request->group);
    return MODEL_OK;
}

static model_error end(model_broker *broker, model_transaction *transaction, model_kind kind)
{
    switch (transaction->state) {
    case ONGOING:
        prepare(broker, transaction, kind);
        return MODEL_OK;
    case PREPARED:
        return transaction->end == kind ? MODEL_CONCURRENT : MODEL_BAD_STATE;
    case COMPLETE: /* asked again */
        return transaction->end == kind ? MODEL_OK : MODEL_BAD_STATE;
    case EMPTY:
        break;
    }
    return MODEL_BAD_STATE;
}

static model_error change(model_broker *broker, const model_request *request)
{
    model_transaction *transaction = find(broker, request->id);
    if (!transaction || transaction->producer != request->producer)
        return MODEL_BAD_STATE;
    if (transaction->epoch != request->epoch)
        return MODEL_FENCED;
    if (request->api == MODEL_END_TRANSACTION)
        return end(broker, transaction, request->end);
    return add(broker, transaction, request);
}

void model_transactions_request(model_broker *broker, const model_request *request)
{
    model_reply reply = {0};
    if (request->api == MODEL_INIT_PRODUCER && !request->id[0])
        reply.producer = ++broker->last_producer; /* idempotent, without transactions */
    else if (request->api == MODEL_INIT_PRODUCER)
        reply = init(broker, request);
    else
        reply.error = change(broker, request);
    model_answer(broker, request, &reply);
}
