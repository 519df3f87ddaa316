/* SPDX-License-Identifier: MIT
 *
 * admin.c - see admin.h.
 */
#include "log/kafka/admin.h"

#include "base/macros.h"
#include "log/kafka/verdict.h"

enum { SLICE_MS = 100, REQUEST_MS_MIN = 10, COORDINATOR_MS = 60 * 60 * 1000 };

/* ---- requests that were left behind ---------------------------------------------------------- */

static void leave_behind(struct riacho_kafka_log *log, rd_kafka_queue_t *queue)
{
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; queue && i < RIACHO_KAFKA_UNANSWERED_MAX; i++) {
        if (!log->unanswered[i])
            log->unanswered[i] = RIACHO_TAKE(queue);
    }
    pthread_mutex_unlock(&log->lock);
    if (queue) /* it stays under way, only uncounted */
        rd_kafka_queue_destroy(queue);
}

static bool is_answered(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, 0);
    if (!answer)
        return false;
    rd_kafka_event_destroy(answer);
    return true;
}

static bool has_room(struct riacho_kafka_log *log)
{
    size_t room = 0;
    for (size_t i = 0; i < RIACHO_KAFKA_UNANSWERED_MAX; i++) {
        if (log->unanswered[i] && is_answered(log->unanswered[i]))
            rd_kafka_queue_destroy(RIACHO_TAKE(log->unanswered[i]));
        room += !log->unanswered[i];
    }
    return room > 0;
}

static riacho_status client_of(struct riacho_kafka_log *log, const char *group,
                               struct riacho_kafka_handle **ret_client, riacho_error *err)
{
    *ret_client = riacho_map_get(&log->groups, riacho_text(group));
    if (*ret_client)
        return RIACHO_OK;
    rd_kafka_conf_t *conf = riacho_kafka_config_make(&log->config, RIACHO_KAFKA_STABLE);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "group.id", "%s", group);
    RIACHO_TRY(riacho_kafka_handle_new(RD_KAFKA_CONSUMER, conf, NULL, ret_client, err));
    riacho_map_put(&log->groups, riacho_copy(log->arena, riacho_text(group)))->value = *ret_client;
    return RIACHO_OK;
}

riacho_status riacho_kafka_admin_admit(struct riacho_kafka_log *log, const char *group,
                                       struct riacho_kafka_handle **ret_client, riacho_error *err)
{
    pthread_mutex_lock(&log->lock);
    const riacho_status status = client_of(log, group, ret_client, err);
    const bool is_admitted = status == RIACHO_OK && has_room(log);
    pthread_mutex_unlock(&log->lock);
    if (is_admitted || status != RIACHO_OK)
        return status;
    return riacho_kafka_status(*ret_client, RD_KAFKA_RESP_ERR__TIMED_OUT, group,
                               "the coordinator of the group does not answer", err);
}

void riacho_kafka_admin_forget(struct riacho_kafka_log *log)
{
    for (size_t i = 0; i < RIACHO_KAFKA_UNANSWERED_MAX; i++) {
        if (log->unanswered[i])
            rd_kafka_queue_destroy(log->unanswered[i]);
    }
    size_t at = 0;
    for (riacho_map_entry *entry; (entry = riacho_map_next(&log->groups, &at));)
        riacho_kafka_handle_unref(entry->value);
    riacho_map_done(&log->groups);
}

/* ---- one request ----------------------------------------------------------------------------- */

void riacho_kafka_admin_init(struct riacho_kafka_admin *admin, struct riacho_kafka_log *log,
                             struct riacho_kafka_handle *client, rd_kafka_admin_op_t op,
                             int64_t wait_ms)
{
    rd_kafka_t *rk = client->rk;
    *admin = (struct riacho_kafka_admin){.log = log,
                                         .client = client,
                                         .queue = rd_kafka_queue_new(rk),
                                         .options = rd_kafka_AdminOptions_new(rk, op),
                                         .deadline = riacho_kafka_deadline(wait_ms)};
    admin->to_coordinator = op == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS ||
                            op == RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    const int left = riacho_kafka_left(admin->deadline);
    const int least = left > REQUEST_MS_MIN ? left : REQUEST_MS_MIN;
    char words[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(
        admin->options, admin->to_coordinator ? COORDINATOR_MS : least, words, sizeof words);
}

void riacho_auto_kafka_admin(struct riacho_kafka_admin *admin)
{
    if (admin->answer)
        rd_kafka_event_destroy(admin->answer);
    rd_kafka_AdminOptions_destroy(admin->options);
    if (admin->to_coordinator && !admin->answer)
        leave_behind(admin->log, admin->queue);
    else
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
    struct riacho_kafka_handle *client = admin->client;
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
