/* SPDX-License-Identifier: MIT
 *
 * probe.c - whether the brokers can do what a delivery needs. Brokers do not say so in words that
 * librdkafka passes on, so each thing is tried: what is missing is named before anything is
 * processed.
 *
 * A broker that refuses the try for want of permission knows what was asked: the permissions that a
 * worker needs are told when it needs them, for the name that it needs them for.
 */
#include <stdio.h>

#include "base/macros.h"
#include "base/trace.h"
#include "log/kafka/admin.h"
#include "log/kafka/shared.h"
#include "log/kafka/verdict.h"

enum { PROBE_WAIT_MS = 15000 };

static bool is_missing(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION ||
           code == RD_KAFKA_RESP_ERR_INVALID_REQUEST;
}

static bool is_denied(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static const char way_out[] =
    "use Apache Kafka 2.5 or newer, or deliver at least once (delivery: atLeastOnce)";

/* A producer of a name that no worker has, so that it fences nobody. */
static riacho_status try_transactions(struct riacho_kafka_log *log, bool *ret_missing,
                                      riacho_error *err)
{
    *ret_missing = false;
    rd_kafka_conf_t *conf = riacho_kafka_config_make(&log->config, RIACHO_KAFKA_PRODUCER);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "transactional.id", "%s.check",
                            log->config.worker);
    struct riacho_kafka_handle *handle;
    RIACHO_TRY(riacho_kafka_handle_new(RD_KAFKA_PRODUCER, conf, NULL, &handle, err));
    rd_kafka_error_t *error = rd_kafka_init_transactions(handle->rk, PROBE_WAIT_MS);
    rd_kafka_poll(handle->rk, 0);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    riacho_status status = RIACHO_OK;
    *ret_missing = is_missing(code);
    if (*ret_missing)
        status = riacho_fail(err, RIACHO_REJECT,
                             "exactly once needs transactions and idempotent producers, which "
                             "Kafka at %s does not have: %s",
                             log->config.servers, way_out);
    else if (code && !is_denied(code))
        status =
            riacho_kafka_status(handle, code, "transactions", rd_kafka_error_string(error), err);
    if (error)
        rd_kafka_error_destroy(error);
    riacho_kafka_handle_unref(handle);
    return status;
}

/* Asks for a compacted topic to be checked, not made. */
static riacho_status try_compaction(struct riacho_kafka_log *log, riacho_error *err)
{
    char words[256];
    snprintf(words, sizeof words, "%s-check", log->config.worker);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(words, 1, log->config.replication, NULL, 0);
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, log->client, RD_KAFKA_ADMIN_OP_CREATETOPICS,
                            PROBE_WAIT_MS);
    (void)rd_kafka_AdminOptions_set_validate_only(admin.options, 1, words, sizeof words);
    rd_kafka_CreateTopics(log->client->rk, &topic, 1, admin.options, admin.queue);
    rd_kafka_NewTopic_destroy(topic);
    const riacho_status asked = riacho_kafka_admin_wait(&admin, "compacted topics", err);
    rd_kafka_resp_err_t code = admin.answer ? rd_kafka_event_error(admin.answer) : 0;
    if (asked != RIACHO_OK && !is_missing(code))
        return asked;
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        asked == RIACHO_OK ? rd_kafka_CreateTopics_result_topics(
                                 rd_kafka_event_CreateTopics_result(admin.answer), &count)
                           : NULL;
    if (count)
        code = rd_kafka_topic_result_error(results[0]);
    if (is_missing(code) || code == RD_KAFKA_RESP_ERR_INVALID_CONFIG ||
        code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION)
        return riacho_fail(err, RIACHO_REJECT,
                           "exactly once needs compacted topics, which Kafka at %s does not make "
                           "(%s): %s",
                           log->config.servers, rd_kafka_err2name(code), way_out);
    return RIACHO_OK;
}

riacho_status riacho_kafka_check(riacho_log *base, riacho_delivery delivery, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    bool missing;
    const riacho_status status = try_transactions(log, &missing, err);
    if (delivery == RIACHO_DELIVERY_AT_LEAST_ONCE && missing) {
        riacho_trace(RIACHO_WARN, "these brokers have no idempotent producers", "consequence",
                     "what is sent again may be in the log twice, in order", NULL);
        log->config.plain = true;
        return RIACHO_OK;
    }
    if (status != RIACHO_OK || delivery == RIACHO_DELIVERY_AT_LEAST_ONCE)
        return status;
    return try_compaction(log, err);
}
