/* SPDX-License-Identifier: MIT
 *
 * run.c - a worker in the foreground: log, stores, topologies and REST, wired together.
 *
 * With Kafka the data folder has state only, apart for each group, and belongs to one process.
 *
 * stdout has one line, `ready http://ADDRESS:PORT`, when everything runs; diagnostics go to stderr.
 * SIGINT and SIGTERM finish the record in hand, commit and end; a second one ends at once, which
 * costs nothing but the work since the last commit.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/macros.h"
#include "base/trace.h"
#include "kafka.h"
#include "memory.h"
#include "registry.h"
#include "riacho/backend/embedded_log.h"
#include "riacho/backend/stores.h"
#include "riacho/port/broker.h"
#include "seed.h"

enum { SETTING_WORDS_MAX = 32 };

/* Everything that runs, in the order in which it was opened. */
typedef struct running {
    riacho_arena *arena;
    riacho_settings_found settings;
    riacho_log *log;
    riacho_store_factory *stores;
    riacho_ids_place ids; /* outlives the project, not the log */
    riacho_project project;
    riacho_worker *worker;
    riacho_api *api;
    const char *group; /* with Kafka */
    int folder_lock;   /* with Kafka: of the data folder; -1: none */
} running;

static void close_all(running *run)
{
    riacho_api_close(run->api);
    if (run->worker)
        riacho_worker_close(run->worker);
    if (run->project.arena)
        riacho_project_close(&run->project);
    riacho_ids_place_close(&run->ids);
    if (run->stores)
        run->stores->ops->close(run->stores);
    if (run->log)
        run->log->ops->close(run->log);
    if (run->folder_lock >= 0)
        close(run->folder_lock);
    riacho_arena_free(run->arena);
}

static riacho_status make_folder(const char *path, riacho_error *err)
{
    if ((mkdir(path, 0700) == 0 || errno == EEXIST) && access(path, R_OK | W_OK | X_OK) == 0) {
        struct stat found;
        if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
            return RIACHO_OK;
        errno = ENOTDIR;
    }
    return riacho_fail(err, RIACHO_REJECT,
                       "the data folder '%s' cannot be used: %s; name another with --data (the "
                       "folder above it must be there)",
                       path, strerror(errno));
}

/* Two workers on one folder would open the same state. The embedded log has a lock of its own. */
static riacho_status lock_folder(running *run, const char *data, riacho_error *err)
{
    const char *path = riacho_format(run->arena, "%s/worker.lock", data);
    run->folder_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (run->folder_lock < 0)
        return riacho_fail(err, RIACHO_REJECT, "cannot open %s: %s", path, strerror(errno));
    if (flock(run->folder_lock, LOCK_EX | LOCK_NB) == 0)
        return RIACHO_OK;
    return riacho_fail(err, RIACHO_REJECT,
                       "another worker is using the data folder '%s': give each its own --data",
                       data);
}

static riacho_delivery delivery_of(const running *run)
{
    for (size_t i = 0; i < run->project.graph_count; i++) {
        if (run->project.graphs[i]->guarantee != RIACHO_AT_LEAST_ONCE)
            return RIACHO_DELIVERY_EXACTLY_ONCE;
    }
    return RIACHO_DELIVERY_AT_LEAST_ONCE;
}

/* Before anything is written to Kafka. */
static riacho_status check_broker(const running *run, riacho_error *err)
{
    if (!run->log)
        return RIACHO_OK;
    return run->log->ops->broker->check(run->log, delivery_of(run), err);
}

static riacho_memory_shares shares_of(const running *run)
{
    return riacho_memory_split(
        (uint64_t)riacho_setting_number(&run->settings, RIACHO_SETTING_MEMORY));
}

static uint32_t threads_of(const running *run)
{
    return (uint32_t)riacho_setting_number(&run->settings, RIACHO_SETTING_THREADS);
}

/* While one thread of them sorts and writes, another one reads. */
static uint32_t restore_threads_of(const running *run)
{
    enum { THREADS_MAX = 4 };
    const int64_t said = riacho_setting_number(&run->settings, RIACHO_SETTING_RESTORE_THREADS);
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (said)
        return (uint32_t)said;
    return processors < 1 ? 1 : (uint32_t)(processors < THREADS_MAX ? processors : THREADS_MAX);
}

/* Kafka comes before the topologies, because it has the ids of their schemas. */
static int open_kafka(running *run, riacho_error *err)
{
    const uint32_t threads = threads_of(run), readers = restore_threads_of(run);
    const riacho_kafka_share share = {
        .threads = threads > readers ? threads : readers,
        .memory_bytes = shares_of(run).log_bytes,
    };
    if (!riacho_kafka_wanted(&run->settings))
        return RIACHO_EXIT_OK;
    const char *data = riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR);
    if (lock_folder(run, data, err) != RIACHO_OK)
        return RIACHO_EXIT_UNAVAILABLE;
    const riacho_status status = riacho_kafka_open(&run->settings, &share, &run->log, err);
    return status == RIACHO_OK ? RIACHO_EXIT_OK : riacho_kafka_exit(status);
}

/* The log of the folder comes after them: a topology that cannot run leaves no log behind. */
static riacho_status open_embedded(running *run, riacho_error *err)
{
    const riacho_embedded_log_options options = {
        .folder = riacho_format(run->arena, "%s/log",
                                riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR)),
        .memory_bytes = shares_of(run).log_bytes,
    };
    return run->log ? RIACHO_OK : riacho_embedded_log_open(&options, &run->log, err);
}

static riacho_status open_stores(running *run, uint32_t tasks, riacho_error *err)
{
    const char *data = riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR);
    const riacho_rocksdb_stores_options options = {
        .folder = run->group ? riacho_format(run->arena, "%s/state-%s", data, run->group)
                             : riacho_format(run->arena, "%s/state", data),
        .memory_bytes = shares_of(run).stores_bytes,
        .task_count_hint = tasks,
        .keys_only = riacho_kafka_wanted(&run->settings), /* a changelog has no ranges */
    };
    return riacho_rocksdb_stores_open(&options, &run->stores, err);
}

/* Workers that share topologies must have a name for it that is the same everywhere. */
static riacho_status find_group(running *run, riacho_error *err)
{
    const char *said = riacho_setting_text(&run->settings, RIACHO_SETTING_GROUP);
    if (!riacho_kafka_wanted(&run->settings))
        return RIACHO_OK;
    if (!*said && run->project.graph_count != 1)
        return riacho_fail(err, RIACHO_REJECT,
                           "%zu topologies on Kafka need a name for the group of workers that "
                           "shares them: give --group NAME, the same for all of them",
                           run->project.graph_count);
    run->group = *said ? said : run->project.graphs[0]->name;
    return RIACHO_OK;
}

static uint32_t count_tasks(const riacho_project *project)
{
    uint32_t tasks = 0;
    for (size_t i = 0; i < project->graph_count; i++) {
        int32_t partitions = 1;
        for (size_t k = 0; k < project->graphs[i]->topic_count; k++) {
            if (project->graphs[i]->topics[k].partitions > partitions)
                partitions = project->graphs[i]->topics[k].partitions;
        }
        tasks += (uint32_t)project->graphs[i]->subtopology_count * (uint32_t)partitions;
    }
    return tasks;
}

static riacho_status open_worker(running *run, riacho_error *err)
{
    const riacho_memory_shares shares = shares_of(run);
    const riacho_worker_options options = {
        .name = riacho_setting_text(&run->settings, RIACHO_SETTING_NAME),
        .log = run->log,
        .stores = run->stores,
        .schemas = run->project.schemas,
        .threads = threads_of(run),
        .overlay_bytes = shares.overlay_bytes,
        .cache_bytes = shares.cache_bytes,
        .commit_interval_ms = riacho_setting_number(&run->settings, RIACHO_SETTING_COMMIT_INTERVAL),
        .group = run->group,
        .standbys = (uint32_t)riacho_setting_number(&run->settings, RIACHO_SETTING_STANDBYS),
        .restore_threads = restore_threads_of(run),
    };
    RIACHO_TRY(riacho_worker_open(&options, &run->worker, err));
    for (size_t i = 0; i < run->project.graph_count; i++)
        RIACHO_TRY(riacho_worker_add(run->worker, run->project.graphs[i], err));
    return RIACHO_OK;
}

static riacho_api_limit limit_of(int64_t per_second)
{
    if (!per_second)
        return (riacho_api_limit){.per_second = -1};
    return (riacho_api_limit){.per_second = (double)per_second, .burst = 4.0 * (double)per_second};
}

/* The words of a setting that has commas between them. */
static size_t split_words(running *run, riacho_setting_key key, const char **ret_words)
{
    const char *text = riacho_setting_text(&run->settings, key);
    size_t count = 0;
    while (*text && count < SETTING_WORDS_MAX) {
        const size_t size = strcspn(text, ",");
        if (size)
            ret_words[count++] = riacho_copy(run->arena, (riacho_bytes){text, size}).data;
        text += size + (text[size] == ',');
    }
    return count;
}

/* "HOST" or "[::1]" of an address with a port. */
static int host_size(const char *address)
{
    const char *colon = strrchr(address, ':');
    return (int)(colon ? colon - address : (long)strlen(address));
}

/* Whether a port is said, and not only digits of an IPv6 address. */
static bool has_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon && !strchr(colon, ']');
}

/* Where other workers ask this one: beside REST, unless said; NULL without a group. */
static riacho_status find_peers(running *run, const char **ret_listen, riacho_error *err)
{
    const char *listen = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_LISTEN);
    const char *said = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_PEERS);
    const char *advertised = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_ADVERTISE);
    *ret_listen = NULL;
    if (!run->group)
        return RIACHO_OK;
    if (!*said && *advertised && has_port(advertised))
        return riacho_fail(err, RIACHO_REJECT,
                           "other workers are told to come to %s (http.advertise): say with "
                           "--peers HOST:PORT where this one listens to them, which is an address "
                           "of its own and not that of REST",
                           advertised);
    *ret_listen = *said ? said : riacho_format(run->arena, "%.*s:0", host_size(listen), listen);
    return RIACHO_OK;
}

/* Nobody comes to "every address of this machine". */
static bool is_wildcard(const char *address)
{
    return *address == ':' || strncmp(address, "0.0.0.0:", 8) == 0 ||
           strncmp(address, "[::]:", 5) == 0;
}

static void advertise(running *run, const char *listen)
{
    const char *said = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_ADVERTISE);
    const int port = riacho_api_peers_port(run->api);
    const char *address = riacho_format(run->arena, "%.*s:%d", host_size(listen), listen, port);
    if (*said)
        address = has_port(said) ? said : riacho_format(run->arena, "%s:%d", said, port);
    if (is_wildcard(address))
        riacho_trace(RIACHO_WARN, "other workers cannot reach this one: give --advertise HOST",
                     "address", address, NULL);
    if (!*riacho_setting_text(&run->settings, RIACHO_SETTING_GROUP_SECRET))
        riacho_trace(RIACHO_INFO,
                     "workers of this group do not prove who they are (--group-secret): visitors "
                     "and correlation ids of one are not known to the others",
                     "address", address, NULL);
    riacho_worker_advertise(run->worker, address);
}

static const char *secret_of(const running *run)
{
    const char *file = riacho_setting_text(&run->settings, RIACHO_SETTING_GROUP_SECRET);
    return run->group && *file ? file : NULL;
}

static riacho_status open_api(running *run, riacho_error *err)
{
    const char *peers;
    RIACHO_TRY(find_peers(run, &peers, err));
    const char *origins[SETTING_WORDS_MAX], *operators[SETTING_WORDS_MAX],
        *proxies[SETTING_WORDS_MAX];
    const uint32_t per_address =
        (uint32_t)riacho_setting_number(&run->settings, RIACHO_SETTING_HTTP_PER_ADDRESS);
    const riacho_api_options options = {
        .worker = run->worker,
        .listen = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_LISTEN),
        .secret_file = riacho_format(run->arena, "%s/visitor.key",
                                     riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR)),
        .peers_listen = peers,
        .group_secret_file = secret_of(run),
        .origins = origins,
        .origin_count = split_words(run, RIACHO_SETTING_HTTP_CORS, origins),
        .trusted_proxies = proxies,
        .trusted_proxy_count = split_words(run, RIACHO_SETTING_HTTP_PROXIES, proxies),
        .operators = operators,
        .operator_count = split_words(run, RIACHO_SETTING_HTTP_OPERATORS, operators),
        .threads = (uint32_t)riacho_setting_number(&run->settings, RIACHO_SETTING_HTTP_THREADS),
        .connections = per_address > 512 ? per_address : 512,
        .connections_per_address = per_address,
        .reads = limit_of(riacho_setting_number(&run->settings, RIACHO_SETTING_HTTP_READS)),
        .writes = limit_of(riacho_setting_number(&run->settings, RIACHO_SETTING_HTTP_WRITES)),
    };
    riacho_error why;
    const riacho_status status = riacho_api_open(&options, &run->api, &why);
    if (status == RIACHO_OK && peers)
        advertise(run, peers);
    if (status == RIACHO_OK)
        return RIACHO_OK;
    return riacho_fail(err, status, "%s%s", why.text,
                       status == RIACHO_RETRY ? "; choose another address with --listen" : "");
}

static riacho_status find_ids(running *run, riacho_error *err)
{
    const char *data = riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR);
    RIACHO_TRY(riacho_ids_place_find(&run->settings, data, run->log, run->arena, &run->ids, err));
    if (run->ids.of_registry && !run->ids.registry)
        return riacho_fail(err, RIACHO_REJECT,
                           "what is in '%s' has the schema ids of a registry: name it with "
                           "--registry",
                           data);
    return RIACHO_OK;
}

static riacho_status open_project(running *run, const riacho_line *line, riacho_error *err)
{
    const riacho_project_options options = {
        .files = line->words,
        .file_count = line->word_count,
        .schemas = riacho_setting_text(&run->settings, RIACHO_SETTING_SCHEMAS),
        .libraries = riacho_setting_text(&run->settings, RIACHO_SETTING_LIBRARIES),
        .ids_file = run->ids.ids_file,
        .of_registry = run->ids.of_registry,
        .registry = run->ids.registry,
    };
    const riacho_status status = riacho_project_open(&options, &run->project, err);
    if (run->project.report.size) {
        fwrite(run->project.report.data, 1, run->project.report.size, stderr);
        if (status != RIACHO_OK)
            riacho_fail(err, status, "the topology cannot run (above)");
    }
    return status;
}

/* Opens everything; the exit code tells what kind of thing was wrong. */
static int open_all(running *run, const riacho_line *line, riacho_error *err)
{
    if (riacho_settings_read(line, riacho_flag_value(line, "worker"), run->arena, &run->settings,
                             err) != RIACHO_OK)
        return RIACHO_EXIT_CONFIG;
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(riacho_setting_text(&run->settings, RIACHO_SETTING_TRACE), levels[i]) == 0)
            riacho_trace_level((riacho_level)i);
    }
    if (make_folder(riacho_setting_text(&run->settings, RIACHO_SETTING_DATA_DIR), err) != RIACHO_OK)
        return RIACHO_EXIT_UNAVAILABLE;
    const int exit_code = open_kafka(run, err);
    if (exit_code != RIACHO_EXIT_OK)
        return exit_code;
    if (find_ids(run, err) != RIACHO_OK)
        return RIACHO_EXIT_CONFIG;
    if (open_project(run, line, err) != RIACHO_OK)
        return RIACHO_EXIT_DATA;
    if (find_group(run, err) != RIACHO_OK)
        return RIACHO_EXIT_CONFIG;
    const riacho_status checked = check_broker(run, err);
    if (checked != RIACHO_OK)
        return riacho_kafka_exit(checked);
    const riacho_status enrolled = riacho_project_enroll(&run->project, &run->ids, err);
    if (enrolled != RIACHO_OK)
        return enrolled == RIACHO_REJECT ? RIACHO_EXIT_DATA : RIACHO_EXIT_UNAVAILABLE;
    if (open_embedded(run, err) != RIACHO_OK ||
        open_stores(run, count_tasks(&run->project), err) != RIACHO_OK)
        return RIACHO_EXIT_UNAVAILABLE;
    riacho_status status = open_worker(run, err);
    if (status != RIACHO_OK)
        return RIACHO_EXIT_DATA;
    status = open_api(run, err); /* first: other workers are told where it listens */
    if (status != RIACHO_OK)
        return status == RIACHO_REJECT ? RIACHO_EXIT_CONFIG : RIACHO_EXIT_UNAVAILABLE;
    status = riacho_worker_start(run->worker, err);
    if (status == RIACHO_OK && riacho_flag_given(line, "seed"))
        status = riacho_seed(riacho_flag_value(line, "seed"), run->log, &run->project, err);
    if (status != RIACHO_OK)
        return status == RIACHO_REJECT ? RIACHO_EXIT_DATA : RIACHO_EXIT_UNAVAILABLE;
    return RIACHO_EXIT_OK;
}

static void say_ready(const running *run)
{
    const char *listen = riacho_setting_text(&run->settings, RIACHO_SETTING_HTTP_LISTEN);
    const char *colon = strrchr(listen, ':');
    printf("ready http://%.*s:%d\n", (int)(colon ? colon - listen : (long)strlen(listen)), listen,
           riacho_api_port(run->api));
    fflush(stdout);
}

/* One line on a terminal, rewritten each second while state is brought up to date; elsewhere the
 * worker traces it now and then. */
static void show_restores(const running *run, riacho_restores *before)
{
    enum { WIDTH = 24 };
    const riacho_restores now = riacho_worker_restores(run->worker);
    const uint64_t a_second = now.done > before->done ? now.done - before->done : 0;
    const uint64_t left = now.total - now.done;
    const int percent = now.total ? (int)(now.done * 100 / now.total) : 0;
    const int filled = percent * WIDTH / 100;
    if (!isatty(STDERR_FILENO) || (!now.tasks && !before->tasks))
        return;
    if (now.tasks)
        fprintf(stderr, "\rrestore %zu tasks [%.*s%*s] %3d %% %" PRIu64 "/s ETA %" PRIu64 " s ",
                now.tasks, filled, "========================", WIDTH - filled, "", percent,
                a_second, a_second ? left / a_second : 0);
    else
        fprintf(stderr, "\r%79s\r", "");
    *before = now;
}

/* Waits for a signal or the worker's own end. */
static int wait_for_end(running *run, const sigset_t *signals, const riacho_line *line)
{
    const struct timespec second = {.tv_sec = 1};
    riacho_restores restores = {0};
    for (;;) {
        riacho_error reason;
        const int number = sigtimedwait(signals, NULL, &second);
        if (number > 0) {
            riacho_trace(RIACHO_INFO, "stopping", "signal", number == SIGINT ? "SIGINT" : "SIGTERM",
                         NULL);
            pthread_sigmask(SIG_UNBLOCK, signals, NULL); /* the next one ends the process */
            return number == SIGINT ? RIACHO_EXIT_INTERRUPTED : RIACHO_EXIT_OK;
        }
        show_restores(run, &restores);
        if (riacho_worker_status(run->worker, &reason) != RIACHO_OK)
            return riacho_complain(line, RIACHO_EXIT_FAILED, "the worker ended: %s", reason.text);
    }
}

int riacho_verb_run(const riacho_line *line)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals,
                    NULL); /* before any thread is made, so that all inherit it */

    running run = {.arena = riacho_arena_new(), .folder_lock = -1};
    riacho_error err = {{0}};
    int exit_code = open_all(&run, line, &err);
    if (exit_code == RIACHO_EXIT_OK) {
        say_ready(&run);
        exit_code = wait_for_end(&run, &signals, line);
        riacho_api_close(RIACHO_TAKE(run.api));
        if (exit_code != RIACHO_EXIT_FAILED && riacho_worker_stop(run.worker, &err) != RIACHO_OK)
            exit_code = riacho_complain(line, RIACHO_EXIT_FAILED, "%s", err.text);
    } else {
        riacho_complain(line, exit_code, "%s", err.text);
    }
    close_all(&run);
    return exit_code;
}
