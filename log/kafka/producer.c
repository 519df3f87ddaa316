/* SPDX-License-Identifier: MIT
 *
 * producer.c - the producer of one stream thread: its transactions, or the same calls without them.
 *
 *            exactly once (librdkafka's transactions)      at least once
 *   init     fences, ends what was open                    nothing
 *   send     hands over; reports fill in `ends`            the same
 *   positions  into the transaction                        kept for the commit
 *   commit   flushes, ends the transaction                 flushes, commits positions in the group
 *   abort    throws away what is queued, ends it           throws away what is queued
 *
 * Records are not copied: their bytes stay untouched until the transaction is over, and librdkafka
 * lets go of them before that: a commit and an abort wait for every report, and for the requests
 * that are under way. A client that is closed takes its threads and their buffers with it.
 *
 * Positions of a delivery without transactions go through the member's own client, so that they
 * carry the generation it has then, and a worker that was thrown out is refused.
 *
 * Threads: the stream thread's; reports are served by the calls of that thread.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "log/check.h"
#include "log/kafka/message.h"
#include "log/kafka/shared.h"
#include "log/kafka/verdict.h"

enum { REPORTS_EVERY = 1024, ROOM_WAIT_MS = 10 };

struct sink {
    struct riacho_kafka_topic *topic;
    rd_kafka_topic_t *handle;
};

struct riacho_producer {
    struct riacho_kafka_log *log;
    struct riacho_kafka_handle *handle;
    char *id;
    riacho_delivery delivery;
    int patience_ms;  /* transaction.timeout.ms: after it, the broker ends a transaction */
    riacho_map sinks; /* topic -> struct sink */
    struct sink *last;
    int64_t *ends; /* by order of sending, since begin */
    size_t sent;
    size_t capacity;
    rd_kafka_resp_err_t refused; /* the first record that could not be delivered */
    char refused_text[300];
    /* Without transactions: what `commit` will commit. */
    rd_kafka_topic_partition_list_t *positions;
    struct riacho_kafka_handle *member;
    rd_kafka_queue_t *answers; /* of a commit that is under way */
};

/* ---- reports --------------------------------------------------------------------------------- */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    riacho_producer *producer = ((struct riacho_kafka_handle *)opaque)->owner;
    const size_t at = (size_t)(uintptr_t)message->_private;
    if (!message->err) {
        producer->ends[at] = message->offset + 1;
        return;
    }
    if ((producer->refused && !riacho_kafka_is_for_another(producer->refused)) ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE)
        return;
    producer->refused = message->err;
    snprintf(producer->refused_text, sizeof producer->refused_text, "a record for %s: %s",
             message->rkt ? rd_kafka_topic_name(message->rkt) : "?",
             rd_kafka_err2str(message->err));
}

/* ---- open, close ----------------------------------------------------------------------------- */

/* librdkafka answers the steps of init and commit one by one and does not say which step an answer
 * is of: when a call ends by time, a late answer is taken for the next step's, and a commit can
 * come back as done that is not. So these calls are given as long as a transaction has, and a
 * commit that takes longer is not gone on with: the producer is lost. */
static void take_patience(riacho_producer *producer)
{
    char text[32] = "";
    size_t size = sizeof text;
    if (rd_kafka_conf_get(rd_kafka_conf(producer->handle->rk), "transaction.timeout.ms", text,
                          &size) == RD_KAFKA_CONF_OK)
        producer->patience_ms = (int)strtol(text, NULL, 10);
    assert(producer->patience_ms > 0);
}

riacho_status riacho_kafka_producer_open(riacho_log *base, const riacho_producer_options *options,
                                         riacho_producer **ret_producer, riacho_error *err)
{
    riacho_producer *producer = riacho_memory_get_zero(1, sizeof *producer);
    producer->log = riacho_kafka_log_of(base);
    producer->delivery = options->delivery;
    producer->id = riacho_memory_text(options->id);
    rd_kafka_conf_t *conf = riacho_kafka_config_make(&producer->log->config, RIACHO_KAFKA_PRODUCER);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    if (options->delivery == RIACHO_DELIVERY_EXACTLY_ONCE)
        riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "transactional.id", "%s", options->id);
    const riacho_status status =
        riacho_kafka_handle_new(RD_KAFKA_PRODUCER, conf, producer, &producer->handle, err);
    if (status != RIACHO_OK) {
        riacho_kafka_producer_close(producer);
        return status;
    }
    take_patience(producer);
    *ret_producer = producer;
    return RIACHO_OK;
}

static void forget_positions(riacho_producer *producer)
{
    if (producer->positions)
        rd_kafka_topic_partition_list_destroy(RIACHO_TAKE(producer->positions));
    if (producer->answers)
        rd_kafka_queue_destroy(RIACHO_TAKE(producer->answers));
    riacho_kafka_handle_unref(RIACHO_TAKE(producer->member));
}

void riacho_kafka_producer_close(riacho_producer *producer)
{
    if (!producer)
        return;
    forget_positions(producer);
    size_t at = 0;
    for (riacho_map_entry *entry; (entry = riacho_map_next(&producer->sinks, &at));) {
        struct sink *sink = entry->value;
        rd_kafka_topic_destroy(sink->handle);
        free(sink);
    }
    riacho_map_done(&producer->sinks);
    riacho_kafka_handle_unref(producer->handle);
    free(producer->ends);
    free(producer->id);
    free(producer);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

/* Takes the error. A record that can never be delivered is what to tell, rather than that its
 * transaction is lost. */
static riacho_verdict judge(riacho_producer *producer, rd_kafka_error_t *error, const char *step,
                            riacho_error *err)
{
    if (!error)
        return RIACHO_VERDICT_OK;
    char what[200];
    snprintf(what, sizeof what, "%s of %s", step, producer->id);
    rd_kafka_poll(producer->handle->rk, 0);
    const bool lost = rd_kafka_error_is_fatal(error) || rd_kafka_error_txn_requires_abort(error);
    const riacho_verdict verdict = riacho_kafka_verdict(error, what, err);
    if (lost && producer->refused && riacho_kafka_fix(producer->refused))
        return riacho_kafka_verdict_of(producer->refused, verdict, what, producer->refused_text,
                                       err);
    if (verdict != RIACHO_VERDICT_RETRY)
        return verdict;
    /* What does not answer may have said why. */
    char trouble[320];
    const rd_kafka_resp_err_t cause =
        riacho_kafka_handle_trouble(producer->handle, trouble, sizeof trouble);
    return cause ? riacho_kafka_verdict_of(cause, verdict, what, trouble, err) : verdict;
}

static bool is_transactional(const riacho_producer *producer)
{
    return producer->delivery == RIACHO_DELIVERY_EXACTLY_ONCE;
}

riacho_verdict riacho_kafka_producer_init(riacho_producer *producer, int64_t wait_ms,
                                          riacho_error *err)
{
    if (!is_transactional(producer))
        return RIACHO_VERDICT_OK;
    (void)wait_ms;
    return judge(producer, rd_kafka_init_transactions(producer->handle->rk, producer->patience_ms),
                 "init", err);
}

riacho_verdict riacho_kafka_producer_begin(riacho_producer *producer, riacho_error *err)
{
    riacho_kafka_handle_forget(producer->handle);
    atomic_store(&producer->handle->suspect, false);
    producer->sent = 0;
    producer->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    forget_positions(producer);
    if (!is_transactional(producer))
        return RIACHO_VERDICT_OK;
    return judge(producer, rd_kafka_begin_transaction(producer->handle->rk), "begin", err);
}

/* ---- send ------------------------------------------------------------------------------------ */

static riacho_status find_sink(riacho_producer *producer, const char *name, struct sink **ret_sink,
                               riacho_error *err)
{
    struct sink *sink = producer->last;
    if (sink && !strcmp(sink->topic->name, name)) {
        *ret_sink = sink;
        return RIACHO_OK;
    }
    sink = riacho_map_get(&producer->sinks, riacho_text(name));
    if (!sink) {
        struct riacho_kafka_topic *topic;
        RIACHO_TRY(riacho_kafka_topic_find(producer->log, name, &topic, err));
        sink = riacho_memory_get_zero(1, sizeof *sink);
        sink->topic = topic;
        sink->handle = rd_kafka_topic_new(producer->handle->rk, name, NULL);
        riacho_map_put(&producer->sinks, riacho_text(topic->name))->value = sink;
    }
    producer->last = *ret_sink = sink;
    return RIACHO_OK;
}

static void make_room(riacho_producer *producer, size_t more)
{
    if (producer->sent + more <= producer->capacity)
        return;
    producer->capacity = (producer->sent + more) * 2;
    producer->ends =
        riacho_memory_resize(producer->ends, producer->capacity * sizeof *producer->ends);
}

/* What a record that is not taken means: the transaction was lost before, or the producer. */
static riacho_verdict judge_refusal(riacho_producer *producer, rd_kafka_error_t *error,
                                    riacho_error *err)
{
    char words[300];
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    const bool fatal = rd_kafka_fatal_error(producer->handle->rk, words, sizeof words);
    snprintf(words, sizeof words, "%s",
             producer->refused ? producer->refused_text : rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return RIACHO_VERDICT_RETRY;
    return riacho_kafka_verdict_of(producer->refused ? producer->refused : code,
                                   fatal ? RIACHO_VERDICT_RECREATE : RIACHO_VERDICT_ABORT,
                                   producer->id, words, err);
}

static riacho_verdict send_one(riacho_producer *producer, const riacho_log_append *append,
                               int64_t deadline, riacho_error *err)
{
    struct sink *sink;
    const riacho_status status = find_sink(producer, append->topic, &sink, err);
    if (status != RIACHO_OK)
        return status == RIACHO_RETRY ? RIACHO_VERDICT_RETRY : RIACHO_VERDICT_STOP;
    rd_kafka_t *rk = producer->handle->rk;
    const int32_t partition = riacho_kafka_topic_choose(sink->topic, append);
    for (;;) {
        rd_kafka_error_t *error = riacho_kafka_produce(rk, sink->handle, partition, &append->record,
                                                       (void *)(uintptr_t)producer->sent);
        if (!error)
            break;
        const riacho_verdict verdict = judge_refusal(producer, error, err);
        const int left = riacho_kafka_left(deadline);
        if (verdict != RIACHO_VERDICT_RETRY)
            return verdict;
        /* Reports make room, and only we serve them. */
        rd_kafka_poll(rk, left < ROOM_WAIT_MS ? left : ROOM_WAIT_MS);
        if (!left) {
            riacho_fail(err, RIACHO_RETRY, "%s: the queue is full", producer->id);
            return verdict;
        }
    }
    if (++producer->sent % REPORTS_EVERY == 0)
        rd_kafka_poll(rk, 0);
    return RIACHO_VERDICT_OK;
}

riacho_verdict riacho_kafka_producer_send(riacho_producer *producer,
                                          const riacho_log_append *records, size_t count,
                                          int64_t wait_ms, size_t *ret_sent, riacho_error *err)
{
    const int64_t deadline = riacho_kafka_deadline(wait_ms);
    riacho_verdict verdict = RIACHO_VERDICT_OK;
    make_room(producer, count);
    size_t sent = 0;
    while (sent < count && verdict == RIACHO_VERDICT_OK) {
        verdict = send_one(producer, &records[sent], deadline, err);
        sent += verdict == RIACHO_VERDICT_OK;
    }
    *ret_sent = sent;
    return verdict;
}

/* ---- positions ------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *list_of(const riacho_committed *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        const riacho_position *position = &positions[i].position;
        rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_add(list, position->topic, position->partition);
        at->offset = position->next;
        riacho_kafka_note_write(positions[i].note, at);
    }
    return list;
}

riacho_verdict riacho_kafka_producer_send_positions(riacho_producer *producer,
                                                    const riacho_member_token *token,
                                                    const riacho_committed *positions, size_t count,
                                                    int64_t wait_ms, riacho_error *err)
{
    const struct riacho_kafka_token *own = (const struct riacho_kafka_token *)token;
    const riacho_verdict usable = riacho_kafka_token_check(token, err);
    if (usable != RIACHO_VERDICT_OK)
        return usable;
    rd_kafka_topic_partition_list_t *list = list_of(positions, count);
    if (is_transactional(producer)) {
        rd_kafka_error_t *error = rd_kafka_send_offsets_to_transaction(producer->handle->rk, list,
                                                                       own->metadata, (int)wait_ms);
        rd_kafka_topic_partition_list_destroy(list);
        return judge(producer, error, "positions", err);
    }
    forget_positions(producer);
    producer->positions = list;
    producer->member = riacho_kafka_handle_ref(own->member);
    return RIACHO_VERDICT_OK;
}

/* ---- commit, abort --------------------------------------------------------------------------- */

static riacho_verdict judge_positions(riacho_producer *producer, rd_kafka_resp_err_t code,
                                      riacho_error *err)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR__NO_OFFSET:
        forget_positions(producer);
        return RIACHO_VERDICT_OK;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return riacho_kafka_verdict_of(code, RIACHO_VERDICT_ABORT, producer->id,
                                       rd_kafka_err2str(code), err);
    default: /* a rebalance, a coordinator that moves: the next attempt asks again */
        return riacho_kafka_verdict_of(code, RIACHO_VERDICT_RETRY, producer->id,
                                       rd_kafka_err2str(code), err);
    }
}

/* One request at a time; its answer may come during a later call. */
static riacho_verdict commit_positions(riacho_producer *producer, int64_t deadline,
                                       riacho_error *err)
{
    if (!producer->positions)
        return RIACHO_VERDICT_OK;
    if (!producer->answers) {
        producer->answers = rd_kafka_queue_new(producer->member->rk);
        const rd_kafka_resp_err_t code = rd_kafka_commit_queue(
            producer->member->rk, producer->positions, producer->answers, NULL, NULL);
        if (code)
            return judge_positions(producer, code, err);
    }
    rd_kafka_event_t *answer = rd_kafka_queue_poll(producer->answers, riacho_kafka_left(deadline));
    if (!answer) {
        riacho_fail(err, RIACHO_RETRY, "%s: the positions are not committed yet", producer->id);
        return RIACHO_VERDICT_RETRY;
    }
    const rd_kafka_resp_err_t code = rd_kafka_event_error(answer);
    rd_kafka_event_destroy(answer);
    rd_kafka_queue_destroy(RIACHO_TAKE(producer->answers));
    return judge_positions(producer, code, err);
}

static riacho_verdict flush(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    char words[300];
    rd_kafka_t *rk = producer->handle->rk;
    const rd_kafka_resp_err_t code = rd_kafka_flush(rk, (int)wait_ms);
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, words, sizeof words);
    if (fatal)
        return riacho_kafka_verdict_of(fatal, RIACHO_VERDICT_RECREATE, producer->id, words, err);
    if (!code)
        return RIACHO_VERDICT_OK;
    const riacho_status status =
        riacho_kafka_status(producer->handle, RD_KAFKA_RESP_ERR__TIMED_OUT, producer->id,
                            "not every record is acknowledged yet", err);
    return status == RIACHO_REJECT ? RIACHO_VERDICT_STOP : RIACHO_VERDICT_RETRY;
}

static riacho_verdict commit_plainly(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    const int64_t deadline = riacho_kafka_deadline(wait_ms);
    const riacho_verdict flushed = flush(producer, wait_ms, err);
    if (flushed != RIACHO_VERDICT_OK)
        return flushed;
    if (producer->refused)
        return riacho_kafka_verdict_of(producer->refused, RIACHO_VERDICT_ABORT, producer->id,
                                       producer->refused_text, err);
    return commit_positions(producer, deadline, err);
}

riacho_verdict riacho_kafka_producer_commit(riacho_producer *producer, int64_t wait_ms,
                                            riacho_error *err)
{
    if (!is_transactional(producer))
        return commit_plainly(producer, wait_ms, err);
    rd_kafka_error_t *error =
        rd_kafka_commit_transaction(producer->handle->rk, producer->patience_ms);
    const bool is_late = error && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT;
    const riacho_verdict verdict = judge(producer, error, "commit", err);
    return is_late && verdict == RIACHO_VERDICT_RETRY ? RIACHO_VERDICT_RECREATE : verdict;
}

riacho_verdict riacho_kafka_producer_abort(riacho_producer *producer, int64_t wait_ms,
                                           riacho_error *err)
{
    rd_kafka_t *rk = producer->handle->rk;
    if (is_transactional(producer))
        return judge(producer, rd_kafka_abort_transaction(rk, (int)wait_ms), "abort", err);
    forget_positions(producer);
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE);
    return flush(producer, wait_ms, err);
}

void riacho_kafka_producer_ends(riacho_producer *producer, int64_t *ret_ends, size_t count)
{
    const size_t known = count < producer->sent ? count : producer->sent;
    if (known)
        memcpy(ret_ends, producer->ends, known * sizeof *ret_ends);
}

bool riacho_kafka_producer_suspect(riacho_producer *producer)
{
    rd_kafka_poll(producer->handle->rk, 0);
    return atomic_load(&producer->handle->suspect);
}
