/* SPDX-License-Identifier: MIT
 *
 * handle.c - see handle.h.
 */
#include "log/kafka/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/memory.h"
#include "base/trace.h"
#include "riacho/port/clock.h"

static bool is_sign(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__SSL ||
           code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

/* What is refused says more than what does not answer, and that more than that nobody does. */
static int weight(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return 0;
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ? 2 : 1;
}

/* librdkafka tells a broker that goes away in the middle of a login as credentials that were
 * refused; only the text says what it was. */
static rd_kafka_resp_err_t cause_of(rd_kafka_resp_err_t code, const char *text)
{
    if (code != RD_KAFKA_RESP_ERR__AUTHENTICATION)
        return code;
    const bool is_silence = strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TRANSPORT)) ||
                            strstr(text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TIMED_OUT));
    return is_silence ? RD_KAFKA_RESP_ERR__TRANSPORT : code;
}

void riacho_kafka_handle_note(struct riacho_kafka_handle *handle, rd_kafka_resp_err_t told,
                              const char *text)
{
    const rd_kafka_resp_err_t code = cause_of(told, text);
    if (is_sign(code))
        atomic_store(&handle->suspect, true);
    pthread_mutex_lock(&handle->lock);
    if (handle->trouble == RD_KAFKA_RESP_ERR_NO_ERROR || weight(code) >= weight(handle->trouble)) {
        handle->trouble = code;
        snprintf(handle->trouble_text, sizeof handle->trouble_text, "%s", text);
    }
    pthread_mutex_unlock(&handle->lock);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    riacho_kafka_handle_note(opaque, (rd_kafka_resp_err_t)code, reason);
}

/* Called by librdkafka's own threads, at once: the only way to learn that a request timed out which
 * the client then sends again by itself. */
static void on_trace(const rd_kafka_t *rk, int level, const char *what, const char *text)
{
    struct riacho_kafka_handle *handle = rd_kafka_opaque(rk);
    const char *thread_end = strstr(text, "]: ");
    if (!strcmp(what, "REQTMOUT"))
        atomic_store(&handle->suspect, true);
    /* Not every one is an error to the error callback; a certificate that a broker refuses is a
     * broken connection to it. */
    if (!strcmp(what, "FAIL"))
        riacho_kafka_handle_note(handle,
                                 strstr(text, "SSL alert") ? RD_KAFKA_RESP_ERR__SSL
                                                           : RD_KAFKA_RESP_ERR__TRANSPORT,
                                 thread_end ? thread_end + strlen("]: ") : text);
    /* Settings of producers are told to consumers too, and the other way round. */
    const bool noise = !strcmp(what, "CONFWARN");
    const riacho_level seen = noise || level > LOG_WARNING ? RIACHO_DEBUG : RIACHO_WARN;
    if (riacho_trace_wants(seen))
        riacho_trace(seen, "kafka client", "what", what, "text", text, NULL);
}

riacho_status riacho_kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, void *owner,
                                      struct riacho_kafka_handle **ret_handle, riacho_error *err)
{
    struct riacho_kafka_handle *handle = riacho_memory_get_zero(1, sizeof *handle);
    handle->owner = owner;
    atomic_init(&handle->references, 1);
    pthread_mutex_init(&handle->lock, NULL);
    rd_kafka_conf_set_opaque(conf, handle);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_trace);
    char words[400];
    handle->rk = rd_kafka_new(type, conf, words, sizeof words);
    if (!handle->rk) {
        rd_kafka_conf_destroy(conf);
        riacho_kafka_handle_unref(handle);
        return riacho_fail(err, RIACHO_REJECT, "the Kafka properties do not work: %s", words);
    }
    *ret_handle = handle;
    return RIACHO_OK;
}

struct riacho_kafka_handle *riacho_kafka_handle_ref(struct riacho_kafka_handle *handle)
{
    atomic_fetch_add(&handle->references, 1);
    return handle;
}

void riacho_kafka_handle_unref(struct riacho_kafka_handle *handle)
{
    if (!handle || atomic_fetch_sub(&handle->references, 1) != 1)
        return;
    if (handle->rk)
        rd_kafka_destroy_flags(handle->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_mutex_destroy(&handle->lock);
    free(handle);
}

rd_kafka_resp_err_t riacho_kafka_handle_trouble(struct riacho_kafka_handle *handle, char *ret_text,
                                                size_t size)
{
    pthread_mutex_lock(&handle->lock);
    const rd_kafka_resp_err_t code = handle->trouble;
    snprintf(ret_text, size, "%s", handle->trouble_text);
    pthread_mutex_unlock(&handle->lock);
    return code;
}

void riacho_kafka_handle_forget(struct riacho_kafka_handle *handle)
{
    pthread_mutex_lock(&handle->lock);
    handle->trouble = RD_KAFKA_RESP_ERR_NO_ERROR;
    handle->trouble_text[0] = 0;
    pthread_mutex_unlock(&handle->lock);
}

int64_t riacho_kafka_deadline(int64_t wait_ms)
{
    riacho_clock *clock = riacho_clock_system();
    return clock->monotonic_ns(clock) / 1000000 + (wait_ms > 0 ? wait_ms : 0);
}

int riacho_kafka_left(int64_t deadline)
{
    const int64_t left = deadline - riacho_kafka_deadline(0);
    if (left <= 0)
        return 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}
