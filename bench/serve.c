/* SPDX-License-Identifier: MIT
 *
 * serve.c - the real program under HTTP load, beside a hello-world of the same HTTP server in the
 * same run.
 *
 *   commands1, 16, 64   acknowledged commands a second, each on disk (fsync) before its 202
 *   hello, reads        key reads in a closed loop, 32 clients; A B A B, the best of each
 *   readsWhileWriting   the same while 200 commands a second are processed
 *   helloOpen, readsOpen  an open loop at half of what the closed loop of hello reached
 *   readyEmpty, ready   from the start of the process to `ready`, empty and with --keys keys of
 * state
 *
 * Usage: serve --riacho FILE --hello FILE [--seconds N] [--rounds N] [--keys N]
 *              [--only commands|reads|start]
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "load.h"

typedef struct options {
    const char *riacho, *hello;
    double seconds;
    uint64_t keys;
    long rounds;      /* of the closed loops of reads, which alternate */
    const char *only; /* one phase; NULL: all */
} options;

/* Reads of both servers, round by round: the best of each, and the processor time they took. */
typedef struct comparison {
    riacho_load_result best;
    uint64_t answers;
    double cpu_seconds;
} comparison;

typedef struct server {
    pid_t pid;
    int port;
    FILE *out;
    double ready_seconds;
} server;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static server start(char *const *arguments)
{
    int ends[2];
    char line[128];
    server started = {0};
    if (pipe(ends) != 0)
        exit(1);
    const double at = now_seconds();
    started.pid = fork();
    if (started.pid == 0) {
        int idle[2]; /* a stdin that never ends */
        if (pipe(idle) != 0)
            _exit(1);
        dup2(idle[0], STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        execv(arguments[0], arguments);
        _exit(127);
    }
    close(ends[1]);
    started.out = fdopen(ends[0], "r");
    while (fgets(line, sizeof line, started.out)) {
        const char *colon = strrchr(line, ':');
        if (strncmp(line, "ready ", 6) == 0 && colon) {
            started.port = (int)strtol(colon + 1, NULL, 10);
            started.ready_seconds = now_seconds() - at;
            return started;
        }
    }
    fprintf(stderr, "serve: %s did not get ready\n", arguments[0]);
    exit(1);
}

static void stop(server *started, int signal_number)
{
    int status;
    kill(started->pid, signal_number);
    waitpid(started->pid, &status, 0);
    fclose(started->out);
}

static server start_riacho(const char *program, const char *data, const char *memory)
{
    char *const arguments[] = {(char *)program,
                               "run",
                               RIACHO_SOURCE_DIR "/topology/apps/tamaghost.yaml",
                               "--seed",
                               RIACHO_SOURCE_DIR "/topology/apps/tamaghost.seed.jsonl",
                               "--data",
                               (char *)data,
                               "--listen",
                               "127.0.0.1:0",
                               "--http-threads",
                               "16",
                               "--reads-per-second",
                               "0",
                               "--writes-per-second",
                               "0",
                               "--connections-per-address",
                               "1000",
                               "--memory",
                               (char *)memory,
                               "--trace",
                               "warn",
                               NULL};
    return start(arguments);
}

static void read_request(void *arg, uint32_t client, uint64_t number, riacho_buffer *out)
{
    (void)client;
    (void)number;
    riacho_buffer_printf(out,
                         "GET /api/pets/ghostzinho HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                         "Riacho-Visitor: %s\r\n\r\n",
                         (const char *)arg);
}

static void command_request(void *arg, uint32_t client, uint64_t number, riacho_buffer *out)
{
    riacho_buffer_printf(out,
                         "POST /api/pets/ghostzinho/feed HTTP/1.1\r\nHost: "
                         "127.0.0.1\r\nIdempotency-Key: %s-%u-%" PRIu64
                         "\r\nContent-Length: 0\r\n\r\n",
                         (const char *)arg, client, number);
}

static riacho_load_result load(int port, uint32_t clients, double seconds, double per_second,
                               void (*request)(void *, uint32_t, uint64_t, riacho_buffer *),
                               const char *name)
{
    const riacho_load asked = {.port = port,
                               .clients = clients,
                               .seconds = seconds,
                               .per_second = per_second,
                               .request = request,
                               .arg = (void *)name};
    riacho_load_result result;
    if (riacho_load_run(&asked, &result) != RIACHO_OK) {
        fprintf(stderr, "serve: nobody listens at port %d\n", port);
        exit(1);
    }
    return result;
}

static void keep_best(riacho_load_result *best, riacho_load_result now)
{
    if (!best->answers || (double)now.answers / now.seconds > (double)best->answers / best->seconds)
        *best = now;
}

/* The processor time that a process has used. */
static double cpu_seconds(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    const char *fields = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    if (!fields || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                          &system_time) != 2) {
        fprintf(stderr, "serve: %s cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static void compare(comparison *with, const server *of, const options *asked, const char *visitor)
{
    const double before = cpu_seconds(of->pid);
    const riacho_load_result now = load(of->port, 32, asked->seconds, 0, read_request, visitor);
    with->cpu_seconds += cpu_seconds(of->pid) - before;
    with->answers += now.answers;
    keep_best(&with->best, now);
}

static double micros(const comparison *of)
{
    return of->cpu_seconds * 1e6 / (double)of->answers;
}

static void print(const char *name, const riacho_load_result *result, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",");
    riacho_load_print(name, result, out);
}

/* A process that keeps writing, so that the load of the reads is not shared with it. */
static pid_t start_writer(int port, double seconds)
{
    const pid_t writer = fork();
    if (writer == 0) {
        load(port, 8, seconds, 200, command_request, "background");
        _exit(0);
    }
    return writer;
}

static void ask_for_visitor(int port, char *ret_visitor, size_t size)
{
    char command[128];
    snprintf(command, sizeof command, "curl -s -D - -o /dev/null 127.0.0.1:%d/v1/visitor", port);
    FILE *head = popen(command, "r");
    char line[512];
    ret_visitor[0] = 0;
    while (head && fgets(line, sizeof line, head)) {
        if (strncasecmp(line, "Riacho-Visitor: ", 16) == 0)
            snprintf(ret_visitor, size, "%.*s", (int)strcspn(line + 16, "\r\n"), line + 16);
    }
    if (!head || pclose(head) != 0 || !ret_visitor[0]) {
        fprintf(stderr, "serve: no visitor's id was given\n");
        exit(1);
    }
}

static void measure_reads(const options *asked, server *riacho, server *hello, riacho_buffer *out)
{
    char visitor[128];
    comparison hellos = {0}, reads = {0};
    ask_for_visitor(riacho->port, visitor, sizeof visitor);
    for (long round = 0; round < asked->rounds; round++) {
        compare(&hellos, hello, asked, visitor);
        compare(&reads, riacho, asked, visitor);
    }
    const pid_t writer = start_writer(riacho->port, asked->seconds);
    const riacho_load_result busy =
        load(riacho->port, 32, asked->seconds, 0, read_request, visitor);
    waitpid(writer, NULL, 0);
    const double half = (double)hellos.best.answers / hellos.best.seconds / 2;
    const riacho_load_result hello_open =
        load(hello->port, 64, asked->seconds, half, read_request, visitor);
    const riacho_load_result reads_open =
        load(riacho->port, 64, asked->seconds, half, read_request, visitor);
    print("hello", &hellos.best, out);
    print("reads", &reads.best, out);
    print("readsWhileWriting", &busy, out);
    print("helloOpen", &hello_open, out);
    print("readsOpen", &reads_open, out);
    riacho_buffer_printf(out,
                         ",\"ratios\":{\"readsOfHello\":%.3f,\"helloCpuMicros\":%.2f,"
                         "\"readsCpuMicros\":%.2f}",
                         (double)reads.best.answers / reads.best.seconds /
                             ((double)hellos.best.answers / hellos.best.seconds),
                         micros(&hellos), micros(&reads));
}

static void measure_commands(const options *asked, server *riacho, riacho_buffer *out)
{
    static const struct {
        const char *name;
        uint32_t clients;
    } sizes[] = {{"commands1", 1}, {"commands16", 16}, {"commands64", 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const riacho_load_result result =
            load(riacho->port, sizes[i].clients, asked->seconds, 0, command_request, sizes[i].name);
        print(sizes[i].name, &result, out);
    }
}

static void run_or_die(const char *command)
{
    if (system(command) != 0) {
        fprintf(stderr, "serve: failed: %s\n", command);
        exit(1);
    }
}

/* Fills a data folder with that many pets, lets a worker fold them, and starts it again. */
static void measure_start(const options *asked, const char *folder, riacho_buffer *out)
{
    char command[512], data[128];
    snprintf(data, sizeof data, "%s/empty", folder);
    server empty = start_riacho(asked->riacho, data, "128MiB");
    riacho_buffer_printf(out, ",\"readyEmptySeconds\":%.3f", empty.ready_seconds);
    stop(&empty, SIGTERM);
    snprintf(data, sizeof data, "%s/full", folder);
    snprintf(command, sizeof command,
             "mkdir -p '%s' && '%s' generate tamaghost --count 0 --pets %" PRIu64
             " --data '%s' --schemas '%s/schemas'",
             data, asked->riacho, asked->keys, data, RIACHO_SOURCE_DIR);
    run_or_die(command);
    server full = start_riacho(asked->riacho, data, "128MiB");
    /* Births are folded in their order, so the last ones tell that all are. */
    snprintf(command, sizeof command,
             "for n in $(seq %" PRIu64 " %" PRIu64 "); do for i in $(seq 600); do "
             "curl -sf -o /dev/null 127.0.0.1:%d/api/pets/pet-$n && break; sleep 0.5; "
             "[ $i != 600 ] || exit 1; done; done",
             asked->keys - 16, asked->keys - 1, full.port);
    run_or_die(command);
    stop(&full, SIGTERM);
    server again = start_riacho(asked->riacho, data, "128MiB");
    riacho_buffer_printf(out, ",\"keys\":%" PRIu64 ",\"readySeconds\":%.3f", asked->keys,
                         again.ready_seconds);
    stop(&again, SIGKILL);
    server killed = start_riacho(asked->riacho, data, "128MiB");
    riacho_buffer_printf(out, ",\"readyAfterKillSeconds\":%.3f", killed.ready_seconds);
    stop(&killed, SIGTERM);
}

static bool wants(const options *asked, const char *phase)
{
    return !asked->only || strcmp(asked->only, phase) == 0;
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {{"riacho", required_argument, NULL, 'r'},
                                          {"hello", required_argument, NULL, 'h'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"keys", required_argument, NULL, 'k'},
                                          {"rounds", required_argument, NULL, 'n'},
                                          {"only", required_argument, NULL, 'o'},
                                          {0}};
    options asked = {.riacho = RIACHO_BINARY_DIR "/riacho",
                     .hello = RIACHO_BINARY_DIR "/hello",
                     .seconds = 3,
                     .rounds = 3,
                     .keys = 1000000};
    for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (flag) {
        case 'r':
            asked.riacho = optarg;
            break;
        case 'h':
            asked.hello = optarg;
            break;
        case 's':
            asked.seconds = strtod(optarg, NULL);
            break;
        case 'k':
            asked.keys = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            asked.rounds = strtol(optarg, NULL, 10);
            break;
        case 'o':
            asked.only = optarg;
            break;
        default:
            return 2;
        }
    }
    char folder[] = "/tmp/riacho-serve-XXXXXX", data[128], command[128];
    if (!mkdtemp(folder))
        return 1;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{\"benchmark\":\"serve\",\"seconds\":%.0f", asked.seconds);
    snprintf(data, sizeof data, "%s/data", folder);
    server riacho = start_riacho(asked.riacho, data, "128MiB");
    server hello = start((char *const[]){(char *)asked.hello, NULL});
    if (wants(&asked, "commands"))
        measure_commands(&asked, &riacho, &out);
    if (wants(&asked, "reads"))
        measure_reads(&asked, &riacho, &hello, &out);
    stop(&hello, SIGKILL);
    stop(&riacho, SIGTERM);
    if (asked.keys && wants(&asked, "start"))
        measure_start(&asked, folder, &out);
    riacho_buffer_printf(&out, "}\n");
    fwrite(out.data, 1, out.size, stdout);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
