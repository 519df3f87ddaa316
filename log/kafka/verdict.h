/* SPDX-License-Identifier: MIT
 *
 * verdict.h - what an error of librdkafka asks for: one place that decides, and the words for it.
 *
 * Threads: pure functions.
 */
#pragma once

#include "log/kafka/handle.h"

/* Takes the error (NULL: OK). What no later attempt can mend is STOP, with what to do about it;
 * then, in this order: fatal is RECREATE, a lost transaction ABORT, retriable RETRY, and what says
 * nothing of itself RECREATE, because a fresh producer is right after everything. `what` says what
 * was tried: "init of producer x". */
riacho_verdict riacho_kafka_verdict(rd_kafka_error_t *error, const char *what, riacho_error *err);
/* The same of a bare code, which has no flags of its own: STOP, or what is given. */
riacho_verdict riacho_kafka_verdict_of(rd_kafka_resp_err_t code, riacho_verdict otherwise,
                                       const char *what, const char *text, riacho_error *err);

/* For calls outside of transactions: RIACHO_REJECT with the fix when trying again cannot help,
 * else RIACHO_RETRY. The handle's last trouble (NULL: none) is told when the brokers did not
 * answer. */
riacho_status riacho_kafka_status(struct riacho_kafka_handle *handle, rd_kafka_resp_err_t code,
                                  const char *what, const char *text, riacho_error *err);

/* Whether a record was refused for another one of its request, which says more. */
bool riacho_kafka_is_for_another(rd_kafka_resp_err_t code);

/* What a person must do about it; NULL when another attempt may be right. */
const char *riacho_kafka_fix(rd_kafka_resp_err_t code);
