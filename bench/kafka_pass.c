/* SPDX-License-Identifier: MIT
 *
 * kafka_pass.c - the floor of bench/compare's scenario `pass`: records from a topic into a topic
 * through the log port alone, in transactions of a commit interval, without the engine above it:
 * no tasks, no group, no positions. What `riacho run` needs beyond this is the engine's.
 *
 *   kafka_pass BOOTSTRAP IN OUT COMMIT-MS     prints `ready` when it reads; ends on SIGTERM
 *
 * Batches are kept until their transaction is over, because records are handed on uncopied.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "riacho/backend/kafka_log.h"

enum { PARTITIONS_MAX = 1024, BATCHES_MAX = 4096, STEP_MS = 100 };

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static void check(riacho_status status, const riacho_error *err)
{
    if (status == RIACHO_OK)
        return;
    fprintf(stderr, "kafka_pass: %s\n", err->text);
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct pass {
    riacho_log *log;
    const char *out;
    riacho_log_reader *reader;
    riacho_producer *producer;
    int64_t commit_ms;
    riacho_log_batch *batches[BATCHES_MAX]; /* of the open transaction */
    size_t batch_count;
    int64_t began_ms;
};

/* Whether the call is to be made again; what cannot go on ends the program. */
static bool again(riacho_verdict verdict, const riacho_error *err)
{
    if (verdict != RIACHO_VERDICT_OK && verdict != RIACHO_VERDICT_RETRY)
        check(RIACHO_FATAL, err);
    return verdict == RIACHO_VERDICT_RETRY;
}

static void open_all(struct pass *pass, const char *bootstrap)
{
    riacho_error err = {{0}};
    const riacho_kafka_property properties[] = {{"bootstrap.servers", bootstrap},
                                                {"compression.type", "lz4"}};
    const riacho_kafka_log_options options = {
        .properties = properties,
        .property_count = sizeof properties / sizeof *properties,
        .worker = "pass",
        .memory_bytes = 64 << 20,
        .thread_count_hint = 1,
    };
    check(riacho_kafka_log_open(&options, &pass->log, &err), &err);
    char id[300];
    snprintf(id, sizeof id, "kafka-pass-%s", pass->out);
    const riacho_producer_options producer = {.id = id};
    check(pass->log->ops->broker->producer_open(pass->log, &producer, &pass->producer, &err), &err);
    while (again(pass->log->ops->broker->init(pass->producer, STEP_MS, &err), &err))
        ;
    check(pass->log->ops->reader_open(pass->log, &pass->reader, &err), &err);
}

static void assign_all(struct pass *pass, const char *topic)
{
    riacho_error err = {{0}};
    riacho_topic_spec spec;
    riacho_log_assignment all[PARTITIONS_MAX];
    riacho_arena *arena = riacho_arena_new();
    check(pass->log->ops->topic_describe(pass->log, topic, arena, &spec, &err), &err);
    for (int32_t i = 0; i < spec.partitions; i++)
        all[i] = (riacho_log_assignment){.topic = topic, .partition = i, .tag = (uint32_t)i};
    check(pass->log->ops->assign(pass->reader, all, (size_t)spec.partitions, &err), &err);
    riacho_arena_free(arena);
}

static void hand_on(struct pass *pass, riacho_log_batch *batch)
{
    static riacho_log_append appends[4096];
    const size_t room = sizeof appends / sizeof *appends;
    const struct riacho_broker_ops *broker = pass->log->ops->broker;
    riacho_error err = {{0}};
    if (!pass->batch_count) {
        again(broker->begin(pass->producer, &err), &err);
        pass->began_ms = now_ms();
    }
    pass->batches[pass->batch_count++] = batch;
    for (size_t from = 0; from < batch->count; from += room) {
        const size_t count = batch->count - from < room ? batch->count - from : room;
        for (size_t i = 0; i < count; i++)
            appends[i] = (riacho_log_append){pass->out, -1, batch->records[from + i]};
        size_t done = 0, sent = 0;
        while (again(
            broker->send(pass->producer, appends + done, count - done, STEP_MS, &sent, &err), &err))
            done += sent;
    }
}

static void commit(struct pass *pass)
{
    riacho_error err = {{0}};
    while (again(pass->log->ops->broker->commit(pass->producer, STEP_MS, &err), &err))
        ;
    while (pass->batch_count)
        pass->log->ops->batch_free(pass->batches[--pass->batch_count]);
}

static void run(struct pass *pass)
{
    riacho_error err = {{0}};
    while (!stopping) {
        riacho_log_batch *batch = NULL;
        check(pass->log->ops->poll(pass->reader, pass->commit_ms / 4 + 1, &batch, &err), &err);
        if (batch && batch->count)
            hand_on(pass, batch);
        else if (batch)
            pass->log->ops->batch_free(batch);
        if (pass->batch_count &&
            (pass->batch_count == BATCHES_MAX || now_ms() - pass->began_ms >= pass->commit_ms))
            commit(pass);
    }
    if (pass->batch_count)
        commit(pass);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "kafka_pass BOOTSTRAP IN OUT COMMIT-MS\n");
        return 2;
    }
    signal(SIGTERM, stop);
    static struct pass pass;
    pass.out = argv[3];
    pass.commit_ms = strtol(argv[4], NULL, 10);
    open_all(&pass, argv[1]);
    assign_all(&pass, argv[2]);
    puts("ready");
    fflush(stdout);
    run(&pass);
    pass.log->ops->reader_close(pass.reader);
    pass.log->ops->broker->producer_close(pass.producer);
    pass.log->ops->close(pass.log);
    return 0;
}
