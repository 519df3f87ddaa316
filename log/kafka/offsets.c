/* SPDX-License-Identifier: MIT
 *
 * offsets.c - where partitions begin and end, what was when, and forgetting what is done with.
 *
 * Ends are asked of two clients, because the answer depends on what the one who asks may see: the
 * high watermark, with records of open transactions, or the last stable offset. librdkafka asks
 * as the isolation level of the client says.
 */
#include <inttypes.h>
#include <unistd.h>

#include "base/macros.h"
#include "log/check.h"
#include "log/kafka/admin.h"
#include "log/kafka/verdict.h"

static riacho_status check_place(struct riacho_kafka_log *log, const char *name, int32_t partition,
                                 riacho_error *err)
{
    struct riacho_kafka_topic *topic;
    RIACHO_TRY(riacho_kafka_topic_find(log, name, &topic, err));
    const riacho_topic_spec spec = {.name = topic->name, .partitions = topic->partitions};
    return riacho_log_check_partition(&spec, partition, err);
}

static riacho_status first_error(struct riacho_kafka_log *log,
                                 const rd_kafka_topic_partition_list_t *partitions,
                                 riacho_error *err)
{
    for (int i = 0; i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &partitions->elems[i];
        if (at->err)
            return riacho_kafka_status(log->client, at->err, at->topic, rd_kafka_err2str(at->err),
                                       err);
    }
    return RIACHO_OK;
}

/* Asks once. */
static riacho_status ask(struct riacho_kafka_log *log, struct riacho_kafka_handle *handle,
                         rd_kafka_topic_partition_list_t *partitions, int wait_ms,
                         riacho_error *err)
{
    const rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle->rk, partitions, wait_ms);
    rd_kafka_poll(handle->rk, 0);
    if (code)
        return riacho_kafka_status(handle, code, partitions->elems[0].topic, rd_kafka_err2str(code),
                                   err);
    RIACHO_TRY(first_error(log, partitions, err));
    riacho_kafka_handle_forget(handle);
    return RIACHO_OK;
}

/* Asks until there is an answer about every partition: a leader that moved gives none at first. */
static riacho_status ask_for(struct riacho_kafka_log *log, struct riacho_kafka_handle *handle,
                             rd_kafka_topic_partition_list_t *partitions, riacho_error *err)
{
    const int64_t deadline = riacho_kafka_deadline(RIACHO_KAFKA_WAIT_MS);
    for (;; usleep(RIACHO_KAFKA_PAUSE_MS * 1000)) {
        RIACHO_AUTO(partitions)
        rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_copy(partitions);
        const riacho_status status = ask(log, handle, asked, riacho_kafka_left(deadline), err);
        for (int i = 0; status == RIACHO_OK && i < asked->cnt; i++)
            partitions->elems[i].offset = asked->elems[i].offset;
        if (status != RIACHO_RETRY || riacho_kafka_left(deadline) <= RIACHO_KAFKA_PAUSE_MS)
            return status;
    }
}

riacho_status riacho_kafka_offsets(struct riacho_kafka_log *log,
                                   rd_kafka_topic_partition_list_t *partitions, riacho_error *err)
{
    return partitions->cnt ? ask_for(log, log->client, partitions, err) : RIACHO_OK;
}

static riacho_status offset_of(struct riacho_kafka_log *log, struct riacho_kafka_handle *handle,
                               const char *topic, int32_t partition, int64_t when,
                               int64_t *ret_offset, riacho_error *err)
{
    RIACHO_AUTO(partitions)
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(one, topic, partition)->offset = when;
    RIACHO_TRY(ask_for(log, handle, one, err));
    *ret_offset = one->elems[0].offset;
    return RIACHO_OK;
}

riacho_status riacho_kafka_bounds(riacho_log *base, const char *topic, int32_t partition,
                                  int64_t *ret_first, int64_t *ret_next, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    int64_t first, next;
    RIACHO_TRY(check_place(log, topic, partition, err));
    RIACHO_TRY(
        offset_of(log, log->client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, &first, err));
    RIACHO_TRY(offset_of(log, log->client, topic, partition, RD_KAFKA_OFFSET_END, &next, err));
    *ret_first = first;
    *ret_next = next;
    return RIACHO_OK;
}

riacho_status riacho_kafka_offset_at(riacho_log *base, const char *topic, int32_t partition,
                                     int64_t timestamp_ms, int64_t *ret_offset, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    RIACHO_TRY(check_place(log, topic, partition, err));
    int64_t offset;
    /* Negative times mean other things in that request, and no record has one. */
    RIACHO_TRY(offset_of(log, log->client, topic, partition,
                         timestamp_ms < 0 ? RD_KAFKA_OFFSET_BEGINNING : timestamp_ms, &offset,
                         err));
    if (offset < 0)
        RIACHO_TRY(
            offset_of(log, log->client, topic, partition, RD_KAFKA_OFFSET_END, &offset, err));
    *ret_offset = offset;
    return RIACHO_OK;
}

/* The client that sees only what is committed; made when it is first asked for. */
static riacho_status stable_client(struct riacho_kafka_log *log,
                                   struct riacho_kafka_handle **ret_handle, riacho_error *err)
{
    riacho_status status = RIACHO_OK;
    pthread_mutex_lock(&log->lock);
    if (!log->stable)
        status = riacho_kafka_handle_new(
            RD_KAFKA_CONSUMER, riacho_kafka_config_make(&log->config, RIACHO_KAFKA_STABLE), NULL,
            &log->stable, err);
    *ret_handle = log->stable;
    pthread_mutex_unlock(&log->lock);
    return status;
}

riacho_status riacho_kafka_stable_end(riacho_log *base, const char *topic, int32_t partition,
                                      int64_t *ret_end, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    struct riacho_kafka_handle *stable;
    RIACHO_TRY(check_place(log, topic, partition, err));
    RIACHO_TRY(stable_client(log, &stable, err));
    return offset_of(log, stable, topic, partition, RD_KAFKA_OFFSET_END, ret_end, err);
}

riacho_status riacho_kafka_trim(riacho_log *base, const char *topic, int32_t partition,
                                int64_t before, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    RIACHO_TRY(check_place(log, topic, partition, err));
    RIACHO_AUTO(partitions)
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(one, topic, partition)->offset = before;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(one);
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, log->client, RD_KAFKA_ADMIN_OP_DELETERECORDS,
                            RIACHO_KAFKA_WAIT_MS);
    rd_kafka_DeleteRecords(log->client->rk, &request, 1, admin.options, admin.queue);
    rd_kafka_DeleteRecords_destroy(request);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, topic, err));
    return first_error(
        log,
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(admin.answer)),
        err);
}
