/* SPDX-License-Identifier: MIT
 *
 * kafka_bench.c - what the log port costs over librdkafka: CPU of this process for each record that
 * is sent in transactions, and for each that is read.
 *
 *   kafka_bench BOOTSTRAP [RECORDS [VALUE-BYTES [PARTITIONS]]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "riacho/backend/kafka_log.h"

enum { BATCH = 1000, BATCHES_A_TRANSACTION = 10, STEP_MS = 1000, PARTITIONS_MAX = 256 };

struct bench {
    riacho_log *log;
    const struct riacho_broker_ops *ops;
    char topic[64];
    int64_t records;
    size_t value_bytes;
    int32_t partitions;
};

static void need(int status, const riacho_error *err)
{
    if (status == 0)
        return;
    fprintf(stderr, "kafka_bench: %s\n", err->text);
    exit(1);
}

static double wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void tell(const char *what, int64_t records, double wall, double cpu)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-6s %.0f records/s, %.2f us of CPU a record, %ld MiB at most\n", what,
           (double)records / wall, cpu * 1e6 / (double)records, usage.ru_maxrss / 1024);
}

static void send_batch(struct bench *bench, riacho_producer *producer, riacho_log_append *appends)
{
    riacho_error err;
    for (size_t done = 0; done < BATCH;) {
        size_t sent = 0;
        const riacho_verdict verdict =
            bench->ops->send(producer, appends + done, BATCH - done, STEP_MS, &sent, &err);
        done += sent;
        if (verdict != RIACHO_VERDICT_RETRY)
            need((int)verdict, &err);
    }
}

static void commit(struct bench *bench, riacho_producer *producer)
{
    riacho_error err;
    riacho_verdict verdict;
    while ((verdict = bench->ops->commit(producer, STEP_MS, &err)) == RIACHO_VERDICT_RETRY)
        ;
    need((int)verdict, &err);
}

static void send_all(struct bench *bench)
{
    static char keys[BATCH][16];
    static riacho_log_append appends[BATCH];
    riacho_error err;
    riacho_producer *producer;
    char *value = calloc(1, bench->value_bytes + 1);
    for (int i = 0; i < BATCH; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%d", i);
        appends[i] = (riacho_log_append){bench->topic,
                                         -1,
                                         {.timestamp_ms = 1700000000000,
                                          .key = riacho_text(keys[i]),
                                          .value = {value, bench->value_bytes}}};
    }
    const riacho_producer_options options = {.id = bench->topic};
    need((int)bench->ops->producer_open(bench->log, &options, &producer, &err), &err);
    riacho_verdict verdict;
    while ((verdict = bench->ops->init(producer, STEP_MS, &err)) == RIACHO_VERDICT_RETRY)
        ;
    need((int)verdict, &err);
    const double wall = wall_s(), cpu = cpu_s();
    for (int64_t sent = 0; sent < bench->records;) {
        need((int)bench->ops->begin(producer, &err), &err);
        for (int i = 0; i < BATCHES_A_TRANSACTION && sent < bench->records; i++, sent += BATCH)
            send_batch(bench, producer, appends);
        commit(bench, producer);
    }
    tell("sent", bench->records, wall_s() - wall, cpu_s() - cpu);
    bench->ops->producer_close(producer);
    free(value);
}

static void read_all(struct bench *bench)
{
    riacho_error err;
    riacho_log_reader *reader;
    static riacho_log_assignment from[PARTITIONS_MAX];
    for (int32_t i = 0; i < bench->partitions; i++)
        from[i] = (riacho_log_assignment){bench->topic, i, 0, (uint32_t)i};
    need((int)bench->log->ops->reader_open(bench->log, &reader, &err), &err);
    const double wall = wall_s(), cpu = cpu_s();
    need((int)bench->log->ops->assign(reader, from, (size_t)bench->partitions, &err), &err);
    int64_t got = 0, batches = 0;
    uint64_t sum = 0;
    while (got < bench->records) {
        riacho_log_batch *batch;
        need((int)bench->log->ops->poll(reader, STEP_MS, &batch, &err), &err);
        for (size_t i = 0; batch && i < batch->count; i++)
            sum += batch->records[i].key.size + batch->records[i].value.size;
        got += batch ? (int64_t)batch->count : 0;
        batches += batch ? 1 : 0;
        bench->log->ops->batch_free(batch);
    }
    tell("read", got, wall_s() - wall, cpu_s() - cpu);
    printf("%" PRId64 " batches, %" PRIu64 " bytes\n", batches, sum);
    bench->log->ops->reader_close(reader);
}

int main(int count, char **words)
{
    riacho_error err;
    struct bench bench = {.records = count > 2 ? strtoll(words[2], NULL, 10) : 1000000,
                          .value_bytes = count > 3 ? strtoul(words[3], NULL, 10) : 100,
                          .partitions = count > 4 ? (int32_t)strtol(words[4], NULL, 10) : 8};
    if (count < 2 || bench.partitions < 1 || bench.partitions > PARTITIONS_MAX)
        return 2;
    const riacho_kafka_property servers = {"bootstrap.servers", words[1]};
    const riacho_kafka_log_options options = {
        .properties = &servers, .property_count = 1, .worker = "bench", .thread_count_hint = 1};
    need((int)riacho_kafka_log_open(&options, &bench.log, &err), &err);
    bench.ops = bench.log->ops->broker;
    snprintf(bench.topic, sizeof bench.topic, "bench-%lld", (long long)time(NULL));
    const riacho_topic_spec spec = {.name = bench.topic, .partitions = bench.partitions};
    need((int)bench.log->ops->topic_ensure(bench.log, &spec, &err), &err);
    send_all(&bench);
    read_all(&bench);
    bench.log->ops->close(bench.log);
    return 0;
}
