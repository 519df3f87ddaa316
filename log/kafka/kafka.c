/* SPDX-License-Identifier: MIT
 *
 * kafka.c - the log on Kafka: opened, closed, and its table of functions. See kafka.h.
 */
#include "log/kafka/kafka.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "log/kafka/admin.h"
#include "log/kafka/verdict.h"

static const riacho_log_ops kafka_ops;

enum { CONNECT_WAIT_MS = 10000, PATIENCE_MS = 2000, SLICE_MS = 200 };

struct riacho_kafka_log *riacho_kafka_log_of(riacho_log *log)
{
    assert(log->ops == &kafka_ops);
    return (struct riacho_kafka_log *)log;
}

/* What may be wrong with the properties when a broker is there but does not talk to us. NULL: it is
 * not there, or is about to start. */
static const char *advice(rd_kafka_resp_err_t trouble, const char *text)
{
    if (trouble == RD_KAFKA_RESP_ERR__SSL)
        return "correct ssl.ca.location, ssl.certificate.location and ssl.key.location, "
               "and see whether a certificate has expired";
    if (strstr(text, "APIVERSION_QUERY"))
        return "set security.protocol to what that listener speaks";
    return NULL;
}

/* Waits for the first answer of a broker. Refused credentials are told at once, what is refused
 * without a word after some attempts; everything else may be a broker that is about to start. */
static riacho_status await_answer(struct riacho_kafka_log *log, int64_t wait_ms, riacho_error *err)
{
    rd_kafka_t *rk = log->client->rk;
    const int64_t deadline = riacho_kafka_deadline(wait_ms);
    const int64_t patience = riacho_kafka_deadline(PATIENCE_MS);
    char what[200], text[320] = "";
    snprintf(what, sizeof what, "Kafka at %s", log->config.servers);
    for (;;) {
        const struct rd_kafka_metadata *metadata;
        const rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, NULL, &metadata, SLICE_MS);
        rd_kafka_poll(rk, 0);
        if (!code) {
            rd_kafka_metadata_destroy(metadata);
            riacho_kafka_handle_forget(log->client);
            return RIACHO_OK;
        }
        const rd_kafka_resp_err_t trouble =
            riacho_kafka_handle_trouble(log->client, text, sizeof text);
        const char *fix = advice(trouble, text);
        if (fix && !riacho_kafka_left(patience))
            return riacho_fail(err, RIACHO_REJECT, "%s: %s: %s", what, text, fix);
        const riacho_status status =
            riacho_kafka_status(log->client, code, what, "no broker answers", err);
        if (status == RIACHO_REJECT || !riacho_kafka_left(deadline))
            return status;
    }
}

riacho_status riacho_kafka_log_open(const riacho_kafka_log_options *options, riacho_log **ret_log,
                                    riacho_error *err)
{
    struct riacho_kafka_config config;
    RIACHO_TRY(riacho_kafka_config_init(&config, options, err));
    struct riacho_kafka_log *log = riacho_memory_get_zero(1, sizeof *log);
    log->log.ops = &kafka_ops;
    log->config = config;
    log->arena = riacho_arena_new();
    pthread_mutex_init(&log->lock, NULL);
    riacho_status status = riacho_kafka_handle_new(
        RD_KAFKA_CONSUMER, riacho_kafka_config_make(&config, RIACHO_KAFKA_CLIENT), NULL,
        &log->client, err);
    if (status == RIACHO_OK)
        status = await_answer(
            log, options->connect_wait_ms ? options->connect_wait_ms : CONNECT_WAIT_MS, err);
    if (status != RIACHO_OK) {
        kafka_ops.close(&log->log);
        return status;
    }
    *ret_log = &log->log;
    return RIACHO_OK;
}

static void close_log(riacho_log *base)
{
    if (!base)
        return;
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    riacho_kafka_appender_free(log->appender);
    riacho_kafka_admin_forget(log);
    riacho_kafka_handle_unref(log->stable);
    riacho_kafka_handle_unref(log->client);
    riacho_map_done(&log->topics);
    riacho_arena_free(log->arena);
    riacho_kafka_config_done(&log->config);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* The brokers guard their own disks. */
static void space(riacho_log *log, uint64_t *ret_free, uint64_t *ret_total)
{
    (void)log;
    *ret_free = 0;
    *ret_total = 0;
}

static const riacho_log_ops kafka_ops = {
    .name = "kafka",
    .broker = &riacho_kafka_broker_ops,
    .topic_ensure = riacho_kafka_topic_ensure,
    .topic_describe = riacho_kafka_topic_describe,
    .topic_list = riacho_kafka_topic_list,
    .bounds = riacho_kafka_bounds,
    .offset_at = riacho_kafka_offset_at,
    .append = riacho_kafka_append,
    .reader_open = riacho_kafka_reader_open,
    .assign = riacho_kafka_reader_assign,
    .pause = riacho_kafka_reader_pause,
    .resume = riacho_kafka_reader_resume,
    .poll = riacho_kafka_reader_poll,
    .reader_wake = riacho_kafka_reader_wake,
    .batch_free = riacho_kafka_batch_free,
    .reader_close = riacho_kafka_reader_close,
    .space = space,
    .close = close_log,
};
