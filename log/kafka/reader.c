/* SPDX-License-Identifier: MIT
 *
 * reader.c - reading partitions of one's own choice: librdkafka's simple consumer, which is in no
 * group and asks for none.
 *
 * Every partition has a queue of its own, filled ahead up to a share of the reader's memory. So
 * partitions take turns whatever their sizes, and a paused one is simply not asked: it fills its
 * queue and stops, and nothing is fetched again. The limit of a queue is a setting of the client;
 * when more partitions are assigned than the share was made for, the client is replaced by one
 * with smaller shares.
 *
 * A queue that gets its first message writes to an eventfd, on which `poll` waits.
 *
 * Invariants:
 * 1. slot.next is behind everything that was handed out, and behind the marks of transactions as
 *    far as they were seen (the end of a partition is reported with its offset).
 * 2. A partition that is assigned again at slot.next goes on as it is; at any other offset it
 *    begins anew.
 *
 * Threads: the reader's, but `wake`, which is any's.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "log/check.h"
#include "log/kafka/batch.h"
#include "log/kafka/verdict.h"

enum {
    SHARES_MIN = 8,        /* partitions that the first client is made for */
    SHARE_KBYTES_MIN = 64, /* below this fetching is all overhead */
    RECORD_BYTES = 700,    /* what librdkafka needs for a message, about, beside its bytes */
    RECORDS_AHEAD_MIN = 100,
};

struct slot {
    rd_kafka_topic_t *topic;
    const char *name;
    rd_kafka_queue_t *queue; /* NULL: it does not run */
    int64_t next;
    int32_t partition;
    uint32_t tag;
    bool paused;
    bool overtaken; /* by retention; the next batch says so */
};

struct riacho_log_reader {
    struct riacho_kafka_log *log;
    struct riacho_kafka_handle *handle;
    int wake; /* eventfd */
    atomic_bool woken;
    size_t shares; /* what the client was made for */
    struct slot *slots;
    size_t count;
    size_t turn;
    riacho_status failed; /* what came behind the records that were handed out last */
    riacho_error failure;
    rd_kafka_message_t *messages[RIACHO_FETCH_RECORDS_MAX];
};

/* ---- the client ------------------------------------------------------------------------------ */

static riacho_status open_client(riacho_log_reader *reader, size_t shares, riacho_error *err)
{
    const struct riacho_kafka_config *config = &reader->log->config;
    /* A queue goes over its limit by one fetch at most: half a share each. */
    const uint64_t half = config->queue_bytes / shares / 2;
    const uint64_t kbytes = half / 1024 > SHARE_KBYTES_MIN ? half / 1024 : SHARE_KBYTES_MIN;
    const uint64_t records = kbytes * 1024 / RECORD_BYTES;
    rd_kafka_conf_t *conf = riacho_kafka_config_make(config, RIACHO_KAFKA_READER);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "queued.max.messages.kbytes", "%" PRIu64,
                            kbytes);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "queued.min.messages", "%" PRIu64,
                            records > RECORDS_AHEAD_MIN ? records : RECORDS_AHEAD_MIN);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "fetch.message.max.bytes", "%" PRIu64,
                            kbytes * 1024);
    RIACHO_TRY(riacho_kafka_handle_new(RD_KAFKA_CONSUMER, conf, NULL, &reader->handle, err));
    reader->shares = shares;
    return RIACHO_OK;
}

static riacho_status start(riacho_log_reader *reader, struct slot *slot, riacho_error *err)
{
    static const uint64_t one = 1;
    rd_kafka_t *rk = reader->handle->rk;
    slot->topic = rd_kafka_topic_new(rk, slot->name, NULL);
    slot->queue = rd_kafka_queue_new(rk);
    rd_kafka_queue_io_event_enable(slot->queue, reader->wake, &one, sizeof one);
    if (!rd_kafka_consume_start_queue(slot->topic, slot->partition, slot->next, slot->queue))
        return RIACHO_OK;
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    rd_kafka_queue_destroy(RIACHO_TAKE(slot->queue));
    rd_kafka_topic_destroy(RIACHO_TAKE(slot->topic));
    return riacho_kafka_status(NULL, code, slot->name, rd_kafka_err2str(code), err);
}

static void stop(struct slot *slot)
{
    if (!slot->queue)
        return;
    rd_kafka_consume_stop(slot->topic, slot->partition);
    rd_kafka_queue_io_event_enable(slot->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(RIACHO_TAKE(slot->queue));
    rd_kafka_topic_destroy(RIACHO_TAKE(slot->topic));
}

static void stop_all(riacho_log_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        stop(&reader->slots[i]);
}

/* ---- open, close ----------------------------------------------------------------------------- */

riacho_status riacho_kafka_reader_open(riacho_log *base, riacho_log_reader **ret_reader,
                                       riacho_error *err)
{
    riacho_log_reader *reader = riacho_memory_get_zero(1, sizeof *reader);
    reader->log = riacho_kafka_log_of(base);
    reader->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    const riacho_status status =
        reader->wake < 0
            ? riacho_fail(err, RIACHO_RETRY, "cannot open an eventfd: %s", strerror(errno))
            : open_client(reader, SHARES_MIN, err);
    if (status != RIACHO_OK) {
        riacho_kafka_reader_close(reader);
        return status;
    }
    *ret_reader = reader;
    return RIACHO_OK;
}

void riacho_kafka_reader_close(riacho_log_reader *reader)
{
    if (!reader)
        return;
    stop_all(reader);
    riacho_kafka_handle_unref(reader->handle);
    if (reader->wake >= 0)
        close(reader->wake);
    free(reader->slots);
    free(reader);
}

/* ---- assignment ------------------------------------------------------------------------------ */

static struct slot *find(const riacho_log_reader *reader, const riacho_log_assignment *wanted)
{
    for (size_t i = 0; i < reader->count; i++) {
        struct slot *slot = &reader->slots[i];
        if (slot->queue && slot->partition == wanted->partition && slot->next == wanted->next &&
            !strcmp(slot->name, wanted->topic))
            return slot;
    }
    return NULL;
}

/* Topics, partitions and offsets of what begins anew. Ends include open transactions: a position
 * is never behind them. */
static riacho_status check_starts(riacho_log_reader *reader,
                                  const riacho_log_assignment *assignments, size_t count,
                                  riacho_error *err)
{
    RIACHO_AUTO(partitions)
    rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        struct riacho_kafka_topic *topic;
        RIACHO_TRY(riacho_kafka_topic_find(reader->log, assignments[i].topic, &topic, err));
        const riacho_topic_spec spec = {.name = topic->name, .partitions = topic->partitions};
        RIACHO_TRY(riacho_log_check_partition(&spec, assignments[i].partition, err));
        if (!find(reader, &assignments[i]))
            rd_kafka_topic_partition_list_add(ends, topic->name, assignments[i].partition)->offset =
                RD_KAFKA_OFFSET_END;
    }
    RIACHO_TRY(riacho_kafka_offsets(reader->log, ends, err));
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *end = rd_kafka_topic_partition_list_find(
            ends, assignments[i].topic, assignments[i].partition);
        if (end)
            RIACHO_TRY(riacho_log_check_start(&assignments[i], end->offset, err));
    }
    return RIACHO_OK;
}

/* Moves the slot that goes on, if there is one, into its new place. */
static struct slot slot_for(riacho_log_reader *reader, const riacho_log_assignment *wanted)
{
    struct slot *held = find(reader, wanted);
    struct slot slot = {.partition = wanted->partition, .next = wanted->next};
    if (held) {
        slot = *held;
        *held = (struct slot){0};
    } else {
        struct riacho_kafka_topic *topic;
        if (riacho_kafka_topic_find(reader->log, wanted->topic, &topic, NULL) == RIACHO_OK)
            slot.name = topic->name;
    }
    slot.tag = wanted->tag;
    slot.paused = false;
    return slot;
}

static riacho_status make_room(riacho_log_reader *reader, size_t count, riacho_error *err)
{
    size_t shares = reader->shares;
    while (shares < count)
        shares *= 2;
    if (shares == reader->shares)
        return RIACHO_OK;
    struct riacho_kafka_handle *held = reader->handle;
    RIACHO_TRY(open_client(reader, shares, err));
    stop_all(reader);
    riacho_kafka_handle_unref(held);
    return RIACHO_OK;
}

riacho_status riacho_kafka_reader_assign(riacho_log_reader *reader,
                                         const riacho_log_assignment *assignments, size_t count,
                                         riacho_error *err)
{
    RIACHO_TRY(check_starts(reader, assignments, count, err));
    RIACHO_TRY(make_room(reader, count, err));
    struct slot *slots = riacho_memory_get_zero(count + 1, sizeof *slots);
    for (size_t i = 0; i < count; i++)
        slots[i] = slot_for(reader, &assignments[i]);
    stop_all(reader);
    free(reader->slots);
    reader->slots = slots;
    reader->count = count;
    reader->turn = 0;
    reader->failed = RIACHO_OK;
    for (size_t i = 0; i < count; i++) {
        if (!slots[i].queue)
            RIACHO_TRY(start(reader, &slots[i], err));
    }
    return RIACHO_OK;
}

static void set_paused(riacho_log_reader *reader, const uint32_t *tags, size_t count, bool paused)
{
    for (size_t i = 0; i < reader->count; i++) {
        for (size_t t = 0; t < count; t++) {
            if (reader->slots[i].tag == tags[t])
                reader->slots[i].paused = paused;
        }
    }
}

void riacho_kafka_reader_pause(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    set_paused(reader, tags, count, true);
}

void riacho_kafka_reader_resume(riacho_log_reader *reader, const uint32_t *tags, size_t count)
{
    set_paused(reader, tags, count, false);
}

/* ---- polling --------------------------------------------------------------------------------- */

/* The partition no longer holds the offset. Below its beginning, retention has been faster: reading
 * goes on at the beginning, and the batch tells. Behind its end, it is another log. A slot that
 * does not run is started by the next look, so what cannot be answered now is asked again. */
static riacho_status reposition(riacho_log_reader *reader, struct slot *slot, riacho_error *err)
{
    int64_t first, next;
    stop(slot);
    RIACHO_TRY(
        riacho_kafka_bounds(&reader->log->log, slot->name, slot->partition, &first, &next, err));
    const riacho_log_assignment at = {slot->name, slot->partition, slot->next, slot->tag};
    RIACHO_TRY(riacho_log_check_start(&at, next, err));
    if (slot->next < first) {
        slot->next = first;
        slot->overtaken = true;
    }
    return RIACHO_OK;
}

static riacho_status take_error(riacho_log_reader *reader, struct slot *slot,
                                const rd_kafka_message_t *message, riacho_error *err)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        slot->next = message->offset;
        return RIACHO_OK;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return reposition(reader, slot, err);
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
        return riacho_fail(err, RIACHO_REJECT,
                           "%s/%" PRId32 " is damaged at offset %" PRId64 ": %s", slot->name,
                           slot->partition, message->offset, rd_kafka_message_errstr(message));
    default:
        /* What passes by itself is tried again by librdkafka. */
        return riacho_kafka_fix(message->err)
                   ? riacho_kafka_status(NULL, message->err, slot->name,
                                         rd_kafka_message_errstr(message), err)
                   : RIACHO_OK;
    }
}

/* Takes what is there of one partition: records up to the first thing that is none. What was there
 * is told by ret_batch, an end of the partition by a batch without records. */
static riacho_status take(riacho_log_reader *reader, struct slot *slot,
                          riacho_log_batch **ret_batch, riacho_error *err)
{
    rd_kafka_message_t **messages = reader->messages;
    const ssize_t got =
        rd_kafka_consume_batch_queue(slot->queue, 0, messages, RIACHO_FETCH_RECORDS_MAX);
    riacho_status status = RIACHO_OK;
    size_t count = 0;
    bool end = false;
    for (ssize_t i = 0; i < got; i++) {
        rd_kafka_message_t *message = messages[i];
        if (!message->err) {
            slot->next = message->offset + 1;
            messages[count++] = message;
            continue;
        }
        end |= message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (status == RIACHO_OK)
            status = take_error(reader, slot, message, err);
        rd_kafka_message_destroy(message);
    }
    *ret_batch = NULL;
    if (!count && (status != RIACHO_OK || !end))
        return status;
    *ret_batch = riacho_kafka_batch_new(reader->handle, slot->tag, slot->next, messages, count);
    (*ret_batch)->overtaken = slot->overtaken;
    slot->overtaken = false;
    reader->failed = status;
    if (status != RIACHO_OK && err)
        reader->failure = *err;
    return RIACHO_OK;
}

/* One round over the partitions. */
static riacho_status look(riacho_log_reader *reader, riacho_log_batch **ret_batch,
                          riacho_error *err)
{
    for (size_t step = 0; step < reader->count; step++) {
        const size_t at = (reader->turn + step) % reader->count;
        struct slot *slot = &reader->slots[at];
        if (slot->paused)
            continue;
        if (!slot->queue)
            RIACHO_TRY(start(reader, slot, err));
        RIACHO_TRY(take(reader, slot, ret_batch, err));
        if (*ret_batch) {
            reader->turn = (at + 1) % reader->count;
            return RIACHO_OK;
        }
    }
    return RIACHO_OK;
}

static riacho_status take_failure(riacho_log_reader *reader, riacho_error *err)
{
    const riacho_status status = reader->failed;
    reader->failed = RIACHO_OK;
    return riacho_fail(err, status, "%s", reader->failure.text);
}

riacho_status riacho_kafka_reader_poll(riacho_log_reader *reader, int64_t wait_ms,
                                       riacho_log_batch **ret_batch, riacho_error *err)
{
    const int64_t deadline = riacho_kafka_deadline(wait_ms);
    *ret_batch = NULL;
    if (reader->failed != RIACHO_OK)
        return take_failure(reader, err);
    for (;;) {
        RIACHO_TRY(look(reader, ret_batch, err));
        if (*ret_batch)
            return RIACHO_OK;
        rd_kafka_poll(reader->handle->rk, 0);
        const int left = riacho_kafka_left(deadline);
        if (atomic_exchange(&reader->woken, false) || !left)
            return RIACHO_OK;
        struct pollfd event = {.fd = reader->wake, .events = POLLIN};
        (void)poll(&event, 1, left);
        /* Forgotten before the next look, so a message that comes during it is not overlooked. */
        uint64_t signs;
        (void)!read(reader->wake, &signs, sizeof signs);
    }
}

void riacho_kafka_reader_wake(riacho_log_reader *reader)
{
    const uint64_t one = 1;
    atomic_store(&reader->woken, true);
    (void)!write(reader->wake, &one, sizeof one);
}
