/* SPDX-License-Identifier: MIT
 *
 * append.c - appends outside of transactions: one idempotent producer for all threads, made at the
 * first append.
 *
 * Each call waits for the reports about its own records. They are served by librdkafka's background
 * thread, which fills in offsets and wakes the call; a record is reported once, at the latest when
 * its time is up, so no call waits for ever and no report comes to a call that has gone.
 *
 * A producer that has failed for good is replaced: calls hold a reference to the one they use.
 *
 * Threads: any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "log/check.h"
#include "log/kafka/message.h"
#include "log/kafka/verdict.h"

struct riacho_kafka_appender {
    struct riacho_kafka_handle *handle;
    atomic_int references;
    pthread_mutex_t lock;
    pthread_cond_t reported; /* some reports were served: calls look again */
};

/* One append. */
struct call {
    struct riacho_kafka_appender *appender;
    size_t waiting; /* records without a report; guarded by the appender's lock */
    rd_kafka_resp_err_t code;
    char text[160];
};

struct sent {
    struct call *call;
    rd_kafka_topic_t *topic;
    int32_t partition;
    int64_t offset;
};

static void take_report(const rd_kafka_message_t *message)
{
    struct sent *sent = message->_private;
    struct call *call = sent->call;
    if (message->err && (!call->code || riacho_kafka_is_for_another(call->code))) {
        call->code = message->err;
        snprintf(call->text, sizeof call->text, "%s", rd_kafka_err2str(message->err));
    }
    sent->offset = message->offset;
    call->waiting--;
}

static void on_event(rd_kafka_t *rk, rd_kafka_event_t *event, void *opaque)
{
    struct riacho_kafka_handle *handle = opaque;
    struct riacho_kafka_appender *appender = handle->owner;
    (void)rk;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        riacho_kafka_handle_note(handle, rd_kafka_event_error(event),
                                 rd_kafka_event_error_string(event));
    pthread_mutex_lock(&appender->lock);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        for (const rd_kafka_message_t *report; (report = rd_kafka_event_message_next(event));)
            take_report(report);
    }
    /* Before the calls go on, which may close the log: messages count until this. */
    rd_kafka_event_destroy(event);
    pthread_cond_broadcast(&appender->reported);
    pthread_mutex_unlock(&appender->lock);
}

void riacho_kafka_appender_free(struct riacho_kafka_appender *appender)
{
    if (!appender || atomic_fetch_sub(&appender->references, 1) != 1)
        return;
    riacho_kafka_handle_unref(appender->handle);
    pthread_cond_destroy(&appender->reported);
    pthread_mutex_destroy(&appender->lock);
    free(appender);
}

static void riacho_auto_appender(struct riacho_kafka_appender **appender)
{
    riacho_kafka_appender_free(*appender);
}

static riacho_status appender_new(struct riacho_kafka_log *log,
                                  struct riacho_kafka_appender **ret_appender, riacho_error *err)
{
    RIACHO_AUTO(appender)
    struct riacho_kafka_appender *appender = riacho_memory_get_zero(1, sizeof *appender);
    atomic_init(&appender->references, 1);
    pthread_mutex_init(&appender->lock, NULL);
    pthread_cond_init(&appender->reported, NULL);
    rd_kafka_conf_t *conf = riacho_kafka_config_make(&log->config, RIACHO_KAFKA_APPENDER);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rd_kafka_conf_set_background_event_cb(conf, on_event);
    RIACHO_TRY(riacho_kafka_handle_new(RD_KAFKA_PRODUCER, conf, appender, &appender->handle, err));
    rd_kafka_queue_t *main = rd_kafka_queue_get_main(appender->handle->rk);
    rd_kafka_queue_t *background = rd_kafka_queue_get_background(appender->handle->rk);
    rd_kafka_queue_forward(main, background);
    rd_kafka_queue_destroy(background);
    rd_kafka_queue_destroy(main);
    *ret_appender = RIACHO_TAKE(appender);
    return RIACHO_OK;
}

/* The present one, with a reference; one that has failed for good is replaced. */
static riacho_status use(struct riacho_kafka_log *log, struct riacho_kafka_appender **ret_appender,
                         riacho_error *err)
{
    char words[8];
    struct riacho_kafka_appender *failed = NULL;
    riacho_status status = RIACHO_OK;
    pthread_mutex_lock(&log->lock);
    if (log->appender && rd_kafka_fatal_error(log->appender->handle->rk, words, sizeof words))
        failed = RIACHO_TAKE(log->appender);
    if (!log->appender)
        status = appender_new(log, &log->appender, err);
    if (status == RIACHO_OK) {
        atomic_fetch_add(&log->appender->references, 1);
        *ret_appender = log->appender;
    }
    pthread_mutex_unlock(&log->lock);
    riacho_kafka_appender_free(failed);
    return status;
}

static void await_reports(struct call *call, size_t most)
{
    pthread_mutex_lock(&call->appender->lock);
    while (call->waiting > most)
        pthread_cond_wait(&call->appender->reported, &call->appender->lock);
    pthread_mutex_unlock(&call->appender->lock);
}

/* Others fill the queue too: then this call may have nothing to wait for, and looks again soon. */
static void await_room(struct riacho_kafka_appender *appender)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5 * 1000 * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&appender->lock);
    pthread_cond_timedwait(&appender->reported, &appender->lock, &until);
    pthread_mutex_unlock(&appender->lock);
}

/* Nothing comes after a record that was not taken, so that order is kept. */
static void send_one(struct call *call, struct sent *sent, const riacho_log_record *record)
{
    struct riacho_kafka_appender *appender = call->appender;
    pthread_mutex_lock(&appender->lock);
    const bool failed = call->code != 0;
    call->waiting += !failed;
    pthread_mutex_unlock(&appender->lock);
    rd_kafka_error_t *error;
    while (!failed && (error = riacho_kafka_produce(appender->handle->rk, sent->topic,
                                                    sent->partition, record, sent))) {
        const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        pthread_mutex_lock(&appender->lock);
        const bool give_up = code != RD_KAFKA_RESP_ERR__QUEUE_FULL || call->code;
        if (give_up && !call->code) {
            call->code = code;
            snprintf(call->text, sizeof call->text, "%s", rd_kafka_error_string(error));
        }
        call->waiting -= give_up;
        pthread_mutex_unlock(&appender->lock);
        rd_kafka_error_destroy(error);
        if (give_up)
            return;
        await_room(appender);
    }
}

static riacho_status check_all(struct riacho_kafka_log *log, const riacho_log_append *records,
                               size_t count, struct riacho_kafka_topic **ret_topics,
                               riacho_error *err)
{
    size_t bytes = 0;
    RIACHO_TRY(riacho_log_check_total(count, 0, err));
    for (size_t i = 0; i < count; i++) {
        RIACHO_TRY(riacho_kafka_topic_check(log, &records[i], &ret_topics[i], err));
        bytes += riacho_log_record_bytes(&records[i].record);
    }
    return riacho_log_check_total(count, bytes, err);
}

static riacho_status outcome(const struct call *call, riacho_error *err)
{
    if (!call->code)
        return RIACHO_OK;
    if (call->code != RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        return riacho_kafka_status(NULL, call->code, "append", call->text, err);
    return riacho_kafka_status(call->appender->handle, RD_KAFKA_RESP_ERR__TIMED_OUT, "append",
                               "not acknowledged in time; it may be in the log all the same", err);
}

static void send_all(struct call *call, const riacho_log_append *records, size_t count,
                     struct riacho_kafka_topic *const *topics, struct sent *sent)
{
    rd_kafka_t *rk = call->appender->handle->rk;
    for (size_t i = 0; i < count; i++) {
        const bool same = i && topics[i] == topics[i - 1];
        sent[i] = (struct sent){.call = call,
                                .topic = same ? sent[i - 1].topic
                                              : rd_kafka_topic_new(rk, topics[i]->name, NULL),
                                .partition = riacho_kafka_topic_choose(topics[i], &records[i])};
        send_one(call, &sent[i], &records[i].record);
    }
    await_reports(call, 0);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || sent[i + 1].topic != sent[i].topic)
            rd_kafka_topic_destroy(sent[i].topic);
    }
}

riacho_status riacho_kafka_append(riacho_log *base, const riacho_log_append *records, size_t count,
                                  riacho_position *ret_positions, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    if (!count)
        return RIACHO_OK;
    RIACHO_TRY(riacho_log_check_total(count, 0, err));
    RIACHO_AUTO(heap)
    struct riacho_kafka_topic **topics = riacho_memory_get_zero(count, sizeof *topics);
    RIACHO_TRY(check_all(log, records, count, topics, err));
    RIACHO_AUTO(appender) struct riacho_kafka_appender *appender = NULL;
    RIACHO_TRY(use(log, &appender, err));
    RIACHO_AUTO(heap) struct sent *sent = riacho_memory_get_zero(count, sizeof *sent);
    struct call call = {.appender = appender};
    send_all(&call, records, count, topics, sent);
    RIACHO_TRY(outcome(&call, err));
    riacho_kafka_handle_forget(appender->handle);
    for (size_t i = 0; ret_positions && i < count; i++)
        ret_positions[i] = (riacho_position){records[i].topic, sent[i].partition, sent[i].offset};
    return RIACHO_OK;
}
