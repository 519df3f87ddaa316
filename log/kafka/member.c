/* SPDX-License-Identifier: MIT
 *
 * member.c - a worker in its group: subscribed to the lease topic, whose partitions are handed over
 * one by one (cooperative-sticky), and to nothing else.
 *
 * librdkafka waits with a rebalance until it is answered, however long that takes (a worker that
 * takes longer than max.poll.interval.ms is thrown out); meanwhile it must be polled, and its
 * heartbeats go on. So the callback only takes a note; the call that librdkafka waits for is made
 * by `answer`, when the runtime has done what the event asks. It rejoins after a loss only after
 * that answer: a generation that is fresh is never of a worker that has a loss still before it.
 *
 *   rebalance callback -> pending -> member_poll hands it out -> member_answer -> librdkafka
 *
 * A member is static (group.instance.id is the worker's name): a worker that is killed and started
 * again has its leases back at once, and a second worker of that name is refused. librdkafka says
 * good-bye of a static member only when it unsubscribes, not when it closes: so it does both.
 *
 * Threads: the member's; tokens are taken by any.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "log/kafka/shared.h"
#include "log/kafka/verdict.h"

enum { PENDING_MAX = 4, LEAVE_WAIT_MS = 5000, LEAVE_SLICE_MS = 20 };

struct pending {
    riacho_member_change change;
    int32_t *leases;
    size_t count;
};

struct riacho_member {
    struct riacho_kafka_handle *handle;
    char *lease_topic;
    struct pending pending[PENDING_MAX]; /* the first is handed out if is_out */
    size_t pending_count;
    bool is_out;
};

/* ---- rebalances ------------------------------------------------------------------------------ */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    riacho_member *member = ((struct riacho_kafka_handle *)opaque)->owner;
    assert(member->pending_count < PENDING_MAX);
    struct pending *pending = &member->pending[member->pending_count++];
    pending->change = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? RIACHO_MEMBER_ASSIGNED
                      : rd_kafka_assignment_lost(rk)               ? RIACHO_MEMBER_LOST
                                                                   : RIACHO_MEMBER_REVOKED;
    pending->count = (size_t)partitions->cnt;
    pending->leases = riacho_memory_get_zero(pending->count + 1, sizeof *pending->leases);
    for (size_t i = 0; i < pending->count; i++)
        pending->leases[i] = partitions->elems[i].partition;
    rd_kafka_yield(rk);
}

static void forget_first(riacho_member *member)
{
    free(member->pending[0].leases);
    member->pending_count--;
    memmove(member->pending, member->pending + 1, member->pending_count * sizeof *member->pending);
    member->is_out = false;
}

void riacho_kafka_member_answer(riacho_member *member, const riacho_member_event *event)
{
    assert(member->is_out && event->change == member->pending[0].change);
    rd_kafka_t *rk = member->handle->rk;
    rd_kafka_topic_partition_list_t *leases =
        rd_kafka_topic_partition_list_new((int)event->count + 1);
    /* An offset of its own, so that nobody is asked for one. There is nothing to read. */
    for (size_t i = 0; i < event->count; i++)
        rd_kafka_topic_partition_list_add(leases, member->lease_topic, event->leases[i])->offset =
            0;
    rd_kafka_error_t *error;
    if (event->change == RIACHO_MEMBER_ASSIGNED) {
        error = rd_kafka_incremental_assign(rk, leases);
        rd_kafka_pause_partitions(rk, leases);
    } else {
        error = rd_kafka_incremental_unassign(rk, leases);
    }
    if (error) {
        /* The group went on without us meanwhile: the loss of these comes next. */
        riacho_trace(RIACHO_WARN, "a change of leases is too late", "why",
                     rd_kafka_error_string(error), NULL);
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(leases);
    forget_first(member);
}

/* ---- joining --------------------------------------------------------------------------------- */

static riacho_status check_options(const riacho_member_options *options, riacho_error *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *name = options->name ? options->name : "";
    const size_t size = strlen(name);
    if (!size || size > RIACHO_TOPIC_NAME_BYTES_MAX || strspn(name, letters) != size)
        return riacho_fail(err, RIACHO_REJECT,
                           "'%s' cannot name a worker: use 1 to %d letters, digits, '.', '_', '-'",
                           name, RIACHO_TOPIC_NAME_BYTES_MAX);
    if (!options->group || !*options->group)
        return riacho_fail(err, RIACHO_REJECT, "worker %s has no group to join", name);
    return RIACHO_OK;
}

static rd_kafka_conf_t *settings_of(const struct riacho_kafka_log *log,
                                    const riacho_member_options *options)
{
    rd_kafka_conf_t *conf = riacho_kafka_config_make(&log->config, RIACHO_KAFKA_MEMBER);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "group.id", "%s", options->group);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "group.instance.id", "%s", options->name);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "client.id", "riacho/%s/%s", options->name,
                            options->address ? options->address : "");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return conf;
}

static void member_free(riacho_member *member)
{
    while (member->pending_count)
        forget_first(member);
    riacho_kafka_handle_unref(member->handle);
    free(member->lease_topic);
    free(member);
}

riacho_status riacho_kafka_member_join(riacho_log *base, const riacho_member_options *options,
                                       riacho_member **ret_member, riacho_error *err)
{
    RIACHO_TRY(check_options(options, err));
    riacho_member *member = riacho_memory_get_zero(1, sizeof *member);
    member->lease_topic = riacho_memory_text(options->lease_topic);
    const riacho_status status =
        riacho_kafka_handle_new(RD_KAFKA_CONSUMER, settings_of(riacho_kafka_log_of(base), options),
                                member, &member->handle, err);
    if (status != RIACHO_OK) {
        member_free(member);
        return status;
    }
    rd_kafka_poll_set_consumer(member->handle->rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, member->lease_topic, RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(member->handle->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code) {
        member_free(member);
        return riacho_fail(err, RIACHO_REJECT, "group %s: %s", options->group,
                           rd_kafka_err2str(code));
    }
    *ret_member = member;
    return RIACHO_OK;
}

/* ---- polling --------------------------------------------------------------------------------- */

static riacho_status judge(riacho_member *member, rd_kafka_resp_err_t code, const char *text,
                           riacho_error *err)
{
    char words[300];
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(member->handle->rk, words, sizeof words);
    if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return riacho_fail(err, RIACHO_REJECT,
                           "another worker with this name has joined the group: give each worker "
                           "a name of its own (%s)",
                           words);
    if (fatal)
        return riacho_fail(err, RIACHO_REJECT, "the group will not have this worker: %s", words);
    return riacho_kafka_status(NULL, code, "the group", text, err);
}

/* What was noted without a message: credentials, connections. */
static riacho_status judge_trouble(riacho_member *member, riacho_error *err)
{
    char text[320];
    const rd_kafka_resp_err_t code = riacho_kafka_handle_trouble(member->handle, text, sizeof text);
    riacho_kafka_handle_forget(member->handle);
    return code ? judge(member, code, text, err) : RIACHO_OK;
}

static bool passes(rd_kafka_resp_err_t code)
{
    /* Of the lease topic's partitions, which nobody reads; and what a rebalance tells by itself. */
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
           code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
           code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED;
}

static riacho_status serve(riacho_member *member, int64_t wait_ms, riacho_error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member->handle->rk, (int)wait_ms);
    riacho_status status = RIACHO_OK;
    if (message && !passes(message->err))
        status = judge(member, message->err, rd_kafka_message_errstr(message), err);
    if (message)
        rd_kafka_message_destroy(message);
    return status;
}

riacho_status riacho_kafka_member_poll(riacho_member *member, int64_t wait_ms,
                                       riacho_member_event *ret_event, riacho_error *err)
{
    *ret_event = (riacho_member_event){.change = RIACHO_MEMBER_NONE};
    const bool waiting = member->pending_count && !member->is_out;
    riacho_status status = serve(member, waiting ? 0 : wait_ms, err);
    if (member->pending_count && !member->is_out) {
        const struct pending *first = &member->pending[0];
        *ret_event = (riacho_member_event){first->change, first->leases, first->count};
        member->is_out = true;
        return RIACHO_OK;
    }
    return status == RIACHO_OK ? judge_trouble(member, err) : status;
}

riacho_member_token *riacho_kafka_member_token(riacho_member *member)
{
    return riacho_kafka_token_new(member->handle);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static bool is_member(riacho_member *member)
{
    riacho_member_token *token = riacho_kafka_member_token(member);
    const bool joined = token->member_id[0] != 0;
    riacho_kafka_token_free(token);
    return joined;
}

/* Everything was closed and committed before: what still comes is answered at once. */
static void answer_all(riacho_member *member)
{
    while (member->pending_count) {
        member->is_out = true;
        const struct pending *first = &member->pending[0];
        const riacho_member_event event = {first->change, first->leases, first->count};
        riacho_kafka_member_answer(member, &event);
    }
}

static void close_client(riacho_member *member, int64_t deadline)
{
    rd_kafka_t *rk = member->handle->rk;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(rk, queue);
    if (error)
        rd_kafka_error_destroy(error);
    while (!error && !rd_kafka_consumer_closed(rk) && riacho_kafka_left(deadline)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LEAVE_SLICE_MS);
        if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            rd_kafka_assign(rk, NULL);
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

/* Leaves and joins in one go: the group is told of a member that comes, and shares out anew. The
 * leases that we have are revoked on the way. To subscribe again alone is not enough: librdkafka
 * joins again only for other topics. */
void riacho_kafka_member_rejoin(riacho_member *member)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, member->lease_topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_unsubscribe(member->handle->rk);
    if (!code)
        code = rd_kafka_subscribe(member->handle->rk, topics);
    if (code)
        riacho_trace(RIACHO_WARN, "the group cannot be joined again", "why", rd_kafka_err2str(code),
                     NULL);
    rd_kafka_topic_partition_list_destroy(topics);
}

void riacho_kafka_member_leave(riacho_member *member)
{
    if (!member)
        return;
    const int64_t deadline = riacho_kafka_deadline(LEAVE_WAIT_MS);
    rd_kafka_unsubscribe(member->handle->rk);
    while (is_member(member) && riacho_kafka_left(deadline)) {
        (void)!serve(member, LEAVE_SLICE_MS, NULL);
        answer_all(member);
    }
    close_client(member, deadline);
    member_free(member);
}
