/* SPDX-License-Identifier: MIT
 *
 * verdict.c - see verdict.h.
 */
#include "log/kafka/verdict.h"

#include <string.h>

/* What no later attempt can mend, and who can. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *fix;
} hopeless[] = {
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
     "allow this user to read, write and describe the topic"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "allow this user to read the group"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
     "allow this user to do that on the cluster (IdempotentWrite, Create, Describe)"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
     "allow this user to write and describe the transactional id"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "correct sasl.username and sasl.password"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "correct the credentials (sasl.*, ssl.*)"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, "set sasl.mechanism to one the brokers have"},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, "set security.protocol to what the listener speaks"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
     "use brokers that can do it, Apache Kafka 2.5 or newer"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
     "use brokers that can do it, Apache Kafka 2.5 or newer"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
     "set transaction.timeout.ms to no more than the brokers' transaction.max.timeout.ms"},
    {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, "raise offset.metadata.max.bytes of the brokers"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "raise max.message.bytes of the topic"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
     "raise message.timestamp.before.max.ms or message.timestamp.after.max.ms of the topic"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, "see what the broker traced about it"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "see which policy the brokers have"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, "correct what is asked of the topic"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
     "set the replication to no more than the number of brokers"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "give the topic another name"},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, "give the group another name"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT,
     "set session.timeout.ms between the brokers' group.min and group.max.session.timeout.ms"},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
     "other programs use this group in another way: give the group another name"},
    {RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, "raise group.max.size of the brokers"},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, "the brokers have no authorizer"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, "this is a mistake in how the client is used: report it"},
};

const char *riacho_kafka_fix(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++) {
        if (hopeless[i].code == code)
            return hopeless[i].fix;
    }
    return NULL;
}

/* By its name, because older versions of librdkafka have no such code. */
bool riacho_kafka_is_for_another(rd_kafka_resp_err_t code)
{
    return !strcmp(rd_kafka_err2name(code), "_INVALID_DIFFERENT_RECORD");
}

riacho_verdict riacho_kafka_verdict_of(rd_kafka_resp_err_t code, riacho_verdict otherwise,
                                       const char *what, const char *text, riacho_error *err)
{
    const char *fix = riacho_kafka_fix(code);
    if (fix)
        riacho_fail(err, RIACHO_REJECT, "%s: %s (%s): %s", what, text, rd_kafka_err2name(code),
                    fix);
    else
        riacho_fail(err, RIACHO_RETRY, "%s: %s (%s)", what, text, rd_kafka_err2name(code));
    return fix ? RIACHO_VERDICT_STOP : otherwise;
}

riacho_verdict riacho_kafka_verdict(rd_kafka_error_t *error, const char *what, riacho_error *err)
{
    if (!error)
        return RIACHO_VERDICT_OK;
    riacho_verdict otherwise = RIACHO_VERDICT_RECREATE;
    /* Fenced is lost, whatever the flags of the call that found out. */
    if (!rd_kafka_error_is_fatal(error) &&
        rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__FENCED) {
        if (rd_kafka_error_txn_requires_abort(error))
            otherwise = RIACHO_VERDICT_ABORT;
        else if (rd_kafka_error_is_retriable(error))
            otherwise = RIACHO_VERDICT_RETRY;
    }
    const riacho_verdict verdict = riacho_kafka_verdict_of(rd_kafka_error_code(error), otherwise,
                                                           what, rd_kafka_error_string(error), err);
    rd_kafka_error_destroy(error);
    return verdict;
}

static bool is_silence(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__WAIT_COORD ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
}

riacho_status riacho_kafka_status(struct riacho_kafka_handle *handle, rd_kafka_resp_err_t code,
                                  const char *what, const char *text, riacho_error *err)
{
    const char *fix = riacho_kafka_fix(code);
    if (fix)
        return riacho_fail(err, RIACHO_REJECT, "%s: %s (%s): %s", what, text,
                           rd_kafka_err2name(code), fix);
    char trouble[320] = "";
    const rd_kafka_resp_err_t cause =
        handle && is_silence(code) ? riacho_kafka_handle_trouble(handle, trouble, sizeof trouble)
                                   : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (cause == RD_KAFKA_RESP_ERR_NO_ERROR)
        return riacho_fail(err, RIACHO_RETRY, "%s: %s (%s)", what, text, rd_kafka_err2name(code));
    fix = riacho_kafka_fix(cause);
    return riacho_fail(err, fix ? RIACHO_REJECT : RIACHO_RETRY, "%s: %s%s%s", what, trouble,
                       fix ? ": " : "", fix ? fix : "");
}
