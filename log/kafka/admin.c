/* SPDX-License-Identifier: MIT
 *
 * admin.c - see admin.h.
 */
#include "log/kafka/admin.h"

#include "log/kafka/verdict.h"

enum { SLICE_MS = 100, REQUEST_MS_MIN = 10 };

void riacho_kafka_admin_init(struct riacho_kafka_admin *admin, struct riacho_kafka_log *log,
                             rd_kafka_admin_op_t op, int64_t wait_ms)
{
    rd_kafka_t *rk = log->client->rk;
    *admin = (struct riacho_kafka_admin){.log = log,
                                         .queue = rd_kafka_queue_new(rk),
                                         .options = rd_kafka_AdminOptions_new(rk, op),
                                         .deadline = riacho_kafka_deadline(wait_ms)};
    const int left = riacho_kafka_left(admin->deadline);
    char words[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(
        admin->options, left > REQUEST_MS_MIN ? left : REQUEST_MS_MIN, words, sizeof words);
}

void riacho_auto_kafka_admin(struct riacho_kafka_admin *admin)
{
    if (admin->answer)
        rd_kafka_event_destroy(admin->answer);
    rd_kafka_AdminOptions_destroy(admin->options);
    rd_kafka_queue_destroy(admin->queue);
}

/* Whether the brokers refuse us, so that there is nothing to wait for. */
static bool is_refused(struct riacho_kafka_handle *client)
{
    char text[8];
    rd_kafka_poll(client->rk, 0);
    return riacho_kafka_fix(riacho_kafka_handle_trouble(client, text, sizeof text)) != NULL;
}

riacho_status riacho_kafka_admin_wait(struct riacho_kafka_admin *admin, const char *what,
                                      riacho_error *err)
{
    struct riacho_kafka_handle *client = admin->log->client;
    while (!admin->answer) {
        const int left = riacho_kafka_left(admin->deadline);
        admin->answer = rd_kafka_queue_poll(admin->queue, left < SLICE_MS ? left : SLICE_MS);
        if (!admin->answer && (is_refused(client) || left < SLICE_MS)) {
            const riacho_status status =
                riacho_kafka_status(client, RD_KAFKA_RESP_ERR__TIMED_OUT, what,
                                    "the brokers did not answer in time", err);
            riacho_kafka_handle_forget(client); /* the next request finds out for itself */
            return status;
        }
    }
    const rd_kafka_resp_err_t code = rd_kafka_event_error(admin->answer);
    if (code)
        return riacho_kafka_status(client, code, what, rd_kafka_event_error_string(admin->answer),
                                   err);
    riacho_kafka_handle_forget(client);
    return RIACHO_OK;
}
