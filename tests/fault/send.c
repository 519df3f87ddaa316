/* SPDX-License-Identifier: MIT
 *
 * send.c - appends made-up events until its standard input ends, and keeps a ledger of what the
 * brokers have acknowledged.
 *
 *     fault_send BOOTSTRAP TOPIC SCHEMA SEED RATE LEDGER
 *
 * SCHEMA: the id of schemas/event.avsc in Confluent's header. RATE: a second. Most events are good;
 * some are sent twice, some have no key, some are large, and some are poison. A line of LEDGER is
 * an acknowledged record:
 *
 *     partition offset kind id key user amount
 *
 * with kind event, keyless or poison; a repetition is an event whose id was there before. The
 * producer is idempotent and never gives up, so the ledger is whole when this ends with 0; it is
 * synced while it grows.
 *
 * Threads: one. Memory: a `struct sent` for each record under way, freed by its report.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kafka.h"

enum {
    KEYS = 40,
    USERS = 12,
    NAME_BYTES = 48,
    RECENT = 64, /* of the events that may be sent again */
    LARGE_BYTES = 300 * 1000,
    VALUE_BYTES = LARGE_BYTES + 512,
    TICK_MS = 20,
};

/* One in so many is of this kind. */
enum { ONE_POISON = 97, ONE_REPEATED = 23, ONE_KEYLESS = 79, ONE_LARGE = 487 };

struct event {
    char id[NAME_BYTES], key[NAME_BYTES], user[NAME_BYTES];
    int64_t amount;
    bool is_keyless, is_large;
};

/* What is under way; the opaque of its message. */
struct sent {
    const char *kind;
    struct event event;
};

static struct {
    rd_kafka_t *client;
    const char *topic;
    uint32_t schema;
    uint64_t chance; /* state of a splitmix64 */
    uint64_t number;
    const char *prefix;
    FILE *ledger;
    uint64_t acknowledged;
    struct event recent[RECENT];
    unsigned char value[VALUE_BYTES];
} run;

static uint64_t draw(uint64_t below)
{
    uint64_t z = (run.chance += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* ---- bytes: Confluent's header, then Avro ---------------------------------------------------- */

static size_t put_long(size_t at, int64_t number)
{
    uint64_t left = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    for (; left >= 0x80; left >>= 7)
        run.value[at++] = (unsigned char)(left | 0x80);
    run.value[at++] = (unsigned char)left;
    return at;
}

static size_t put_text(size_t at, const char *text)
{
    const size_t size = strlen(text);
    at = put_long(at, (int64_t)size);
    memcpy(run.value + at, text, size);
    return at + size;
}

static size_t write_value(const struct event *event)
{
    const size_t padding = event->is_large ? LARGE_BYTES : 0;
    size_t at = 0;
    run.value[at++] = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        run.value[at++] = (unsigned char)(run.schema >> shift);
    at = put_text(at, event->id);
    at = put_text(at, event->key);
    at = put_text(at, event->user);
    at = put_long(at, event->amount);
    at = put_long(at, (int64_t)padding);
    memset(run.value + at, 'x', padding);
    return at + padding;
}

/* Spoils what write_value made; the size of what is left. The last kind is a good record that a
 * step refuses: its amount is below zero. */
static size_t spoil(size_t size)
{
    switch (draw(4)) {
    case 0:
        return 1 + draw(size - 1); /* cut */
    case 1:
        run.value[0] = 7; /* not Confluent's header */
        return size;
    case 2:
        run.value[1] = 0x7f; /* a schema that nobody has */
        return size;
    default:
        return size;
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static void note_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *arg)
{
    struct sent *sent = message->_private;
    (void)client;
    (void)arg;
    if (message->err)
        kafka_die("event %s was not taken: %s", sent->event.id, rd_kafka_message_errstr(message));
    fprintf(run.ledger, "%" PRId32 " %" PRId64 " %s %s %s %s %" PRId64 "\n", message->partition,
            message->offset, sent->kind, sent->event.id,
            sent->event.is_keyless ? "-" : sent->event.key, sent->event.user, sent->event.amount);
    run.acknowledged++;
    free(sent);
}

static void send_value(const char *kind, const struct event *event, size_t size)
{
    struct sent *sent = malloc(sizeof *sent);
    if (!sent)
        kafka_die("no memory");
    *sent = (struct sent){.kind = kind, .event = *event};
    for (;;) {
        const rd_kafka_resp_err_t err = rd_kafka_producev(
            run.client, RD_KAFKA_V_TOPIC(run.topic),
            RD_KAFKA_V_KEY(event->is_keyless ? NULL : event->key,
                           event->is_keyless ? 0 : strlen(event->key)),
            RD_KAFKA_V_VALUE(run.value, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_OPAQUE(sent), RD_KAFKA_V_END);
        if (!err)
            return;
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            kafka_die("event %s: %s", event->id, rd_kafka_err2str(err));
        rd_kafka_poll(run.client, TICK_MS);
    }
}

static void make_event(struct event *event)
{
    *event = (struct event){
        .amount = (int64_t)draw(1000),
        .is_keyless = draw(ONE_KEYLESS) == 0,
        .is_large = draw(ONE_LARGE) == 0,
    };
    snprintf(event->id, NAME_BYTES, "%s-%" PRIu64, run.prefix, run.number++);
    snprintf(event->key, NAME_BYTES, "key-%" PRIu64, draw(KEYS));
    snprintf(event->user, NAME_BYTES, "user-%" PRIu64, draw(USERS));
}

/* A poisoned event has an id of its own, so that what is refused can be told from the rest. */
static void send_poison(void)
{
    struct event event;
    make_event(&event);
    event.is_keyless = event.is_large = false;
    event.amount = -1;
    send_value("poison", &event, spoil(write_value(&event)));
}

static void send_next(void)
{
    if (draw(ONE_POISON) == 0) {
        send_poison();
        return;
    }
    struct event *event = &run.recent[draw(RECENT)];
    if (!*event->id || draw(ONE_REPEATED) != 0)
        make_event(event);
    send_value(event->is_keyless ? "keyless" : "event", event, write_value(event));
}

static bool input_ended(void)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char ignored[64];
    return poll(&input, 1, 0) > 0 && read(0, ignored, sizeof ignored) <= 0;
}

static void sync_ledger(void)
{
    if (fflush(run.ledger) != 0 || fdatasync(fileno(run.ledger)) != 0)
        kafka_die("the ledger: %s", strerror(errno));
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* As many as are due, never more than a second's: what a stopped machine missed is not made up. */
static void send_until_the_end(double per_second)
{
    double due = now_seconds();
    for (uint64_t ticks = 0; !input_ended(); ticks++) {
        const double now = now_seconds();
        if (now - due > 1)
            due = now - 1;
        for (; due <= now; due += 1 / per_second)
            send_next();
        rd_kafka_poll(run.client, TICK_MS);
        if (ticks % 10 == 0)
            sync_ledger();
    }
}

static rd_kafka_t *open_producer(const char *bootstrap)
{
    return kafka_client(RD_KAFKA_PRODUCER, note_report,
                        (const char *const[]){"bootstrap.servers", bootstrap, "enable.idempotence",
                                              "true", "acks", "all", "message.timeout.ms", "0",
                                              "linger.ms", "5", "partitioner", "murmur2_random",
                                              NULL});
}

int main(int argc, char **argv)
{
    if (argc != 7)
        kafka_die("usage: fault_send BOOTSTRAP TOPIC SCHEMA SEED RATE LEDGER");
    run.client = open_producer(argv[1]);
    run.topic = argv[2];
    run.schema = (uint32_t)strtoul(argv[3], NULL, 10);
    run.chance = strtoull(argv[4], NULL, 10);
    run.prefix = argv[4];
    run.ledger = fopen(argv[6], "ae");
    if (!run.ledger)
        kafka_die("%s: %s", argv[6], strerror(errno));
    send_until_the_end(strtod(argv[5], NULL));
    while (rd_kafka_flush(run.client, KAFKA_WAIT_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        fprintf(stderr, "waiting for %d acknowledgements\n", rd_kafka_outq_len(run.client));
    sync_ledger();
    fclose(run.ledger);
    rd_kafka_destroy(run.client);
    printf("%" PRIu64 "\n", run.acknowledged);
    return 0;
}
