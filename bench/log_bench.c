/* SPDX-License-Identifier: MIT
 *
 * log_bench.c - how fast the embedded log is on this machine: commands (one record, one durable
 * call) by number of threads, records in large appends, and records read back. Prints one JSON
 * object.
 *
 *   log_bench [folder]     the folder's disk is what is measured; default: under $TMPDIR or /tmp
 */
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "riacho/backend/embedded_log.h"

enum {
    COMMAND_SECONDS = 3,
    PARTITIONS = 8,
    THREADS_MAX = 64,
    BULK_RECORDS = 4000000,
    BULK_BATCH = 1000,
    VALUE_BYTES = 100,
    COMMAND_VALUE_BYTES = 200,
};

static void check(riacho_status status, const riacho_error *err)
{
    if (status == RIACHO_OK)
        return;
    fprintf(stderr, "log_bench: %s\n", err->text);
    exit(1);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_topic(riacho_log *log, const char *name, int32_t partitions)
{
    riacho_error err;
    const riacho_topic_spec spec = {.name = name, .partitions = partitions};
    check(log->ops->topic_ensure(log, &spec, &err), &err);
}

/* --- commands --- */

struct client {
    pthread_t thread;
    riacho_log *log;
    double until;
    int id;
    uint64_t count;
    double slowest_ms;
};

static void *send_commands(void *argument)
{
    struct client *client = argument;
    char key[32], value[COMMAND_VALUE_BYTES];
    memset(value, 'v', sizeof value);
    for (double start; (start = now_seconds()) < client->until; client->count++) {
        riacho_error err;
        snprintf(key, sizeof key, "pet-%d-%llu", client->id, (unsigned long long)client->count);
        const riacho_log_append append = {"commands",
                                          -1,
                                          {.timestamp_ms = (int64_t)(start * 1000),
                                           .key = riacho_text(key),
                                           .value = {value, sizeof value}}};
        check(client->log->ops->append(client->log, &append, 1, NULL, &err), &err);
        const double ms = (now_seconds() - start) * 1000;
        client->slowest_ms = ms > client->slowest_ms ? ms : client->slowest_ms;
    }
    return NULL;
}

static void bench_commands(riacho_log *log, int threads)
{
    struct client clients[THREADS_MAX];
    uint64_t count = 0;
    double slowest_ms = 0;
    const double start = now_seconds();
    for (int i = 0; i < threads; i++) {
        clients[i] = (struct client){.log = log, .until = start + COMMAND_SECONDS, .id = i};
        if (pthread_create(&clients[i].thread, NULL, send_commands, &clients[i]))
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(clients[i].thread, NULL);
        count += clients[i].count;
        slowest_ms = clients[i].slowest_ms > slowest_ms ? clients[i].slowest_ms : slowest_ms;
    }
    const double seconds = now_seconds() - start;
    printf("{\"threads\":%d,\"commands_per_second\":%.0f,\"mean_ms\":%.3f,\"slowest_ms\":%.1f}",
           threads, (double)count / seconds, seconds * 1000 * threads / (double)count, slowest_ms);
}

/* --- large appends and reading --- */

static double bench_bulk(riacho_log *log)
{
    static riacho_log_append appends[BULK_BATCH];
    static char values[BULK_BATCH][VALUE_BYTES], keys[BULK_BATCH][32];
    uint64_t seed = 1;
    double inside = 0;
    for (int done = 0; done < BULK_RECORDS; done += BULK_BATCH) {
        for (int i = 0; i < BULK_BATCH; i++) {
            /* Half of each value is random, so that compression has about as much to do as with
             * real events. */
            memset(values[i], 'x', VALUE_BYTES);
            for (int k = 0; k < VALUE_BYTES / 2; k += 8) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                memcpy(values[i] + k, &seed, 8);
            }
            const int size = snprintf(keys[i], sizeof keys[i], "key-%d", (done + i) % 100000);
            appends[i] = (riacho_log_append){"bulk",
                                             0,
                                             {.timestamp_ms = done + i,
                                              .key = {keys[i], (size_t)size},
                                              .value = {values[i], VALUE_BYTES}}};
        }
        riacho_error err;
        const double start = now_seconds();
        check(log->ops->append(log, appends, BULK_BATCH, NULL, &err), &err);
        inside += now_seconds() - start;
    }
    return BULK_RECORDS / inside;
}

static double bench_read(riacho_log *log, const char *topic, int32_t partitions,
                         uint64_t *ret_count)
{
    riacho_error err;
    riacho_log_reader *reader;
    riacho_log_assignment assignments[PARTITIONS];
    for (int32_t i = 0; i < partitions; i++)
        assignments[i] = (riacho_log_assignment){topic, i, 0, (uint32_t)i};
    check(log->ops->reader_open(log, &reader, &err), &err);
    check(log->ops->assign(reader, assignments, (size_t)partitions, &err), &err);
    uint64_t count = 0, bytes = 0;
    const double start = now_seconds();
    for (riacho_log_batch *batch;; log->ops->batch_free(batch)) {
        check(log->ops->poll(reader, 0, &batch, &err), &err);
        if (!batch)
            break;
        for (size_t i = 0; i < batch->count; i++)
            bytes += batch->records[i].value.size + batch->records[i].key.size;
        count += batch->count;
    }
    const double seconds = now_seconds() - start;
    log->ops->reader_close(reader);
    *ret_count = count;
    return bytes ? (double)count / seconds : 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

int main(int count, char **arguments)
{
    char folder[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/riacho-bench-XXXXXX",
             count > 1 ? arguments[1] : (tmp ? tmp : "/tmp"));
    if (!mkdtemp(folder)) {
        perror("log_bench");
        return 1;
    }
    riacho_error err;
    riacho_log *log;
    const riacho_embedded_log_options options = {.folder = folder};
    check(riacho_embedded_log_open(&options, &log, &err), &err);
    make_topic(log, "commands", PARTITIONS);
    make_topic(log, "bulk", 1);

    static const int threads[] = {1, 16, 64};
    printf("{\"commands\":[");
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        printf("%s", i ? "," : "");
        bench_commands(log, threads[i]);
    }
    uint64_t commands = 0, records = 0;
    const double fresh = bench_read(log, "commands", PARTITIONS, &commands);
    check(riacho_embedded_log_clean(log, &err), &err);
    const double merged = bench_read(log, "commands", PARTITIONS, &commands);
    const double in = bench_bulk(log);
    const double out = bench_read(log, "bulk", 1, &records);
    printf("],\"command_records\":%llu,\"command_records_read_per_second\":%.0f,"
           "\"after_clean_read_per_second\":%.0f,\"bulk_appended_per_second\":%.0f,"
           "\"bulk_read_per_second\":%.0f}\n",
           (unsigned long long)commands, fresh, merged, in, out);
    log->ops->close(log);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return records == BULK_RECORDS ? 0 : 1;
}
