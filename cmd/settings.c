/* SPDX-License-Identifier: MIT
 *
 * settings.c - see settings.h. A secret never stands here: those are read from files whose names
 * may.
 */
#include "project.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/text.h"
#include "topology/yaml.h"

static const char *const log_words[] = {"embedded", "kafka", NULL};
static const char *const trace_words[] = {"debug", "info", "warn", "error", NULL};

const riacho_setting riacho_settings[RIACHO_SETTING_COUNT] = {
    [RIACHO_SETTING_NAME] =
        {"name", "name", "RIACHO_NAME", "worker", RIACHO_SETTING_TEXT, NULL, 0, 0,
         "how this worker calls itself; its own in the group. Default with Kafka: the host's name"},
    [RIACHO_SETTING_DATA_DIR] =
        {"dataDir", "data", "RIACHO_DATA_DIR", "data", RIACHO_SETTING_TEXT, NULL, 0, 0,
         "folder of the embedded log, of state, and of the key that signs visitors"},
    [RIACHO_SETTING_LOG] = {"log.kind", "log", "RIACHO_LOG", "embedded", RIACHO_SETTING_ONE_OF,
                            log_words, 0, 0, "where topics live: in the data folder, or in Kafka"},
    [RIACHO_SETTING_BOOTSTRAP] = {"kafka.bootstrap", "bootstrap", "RIACHO_BOOTSTRAP", "",
                                  RIACHO_SETTING_TEXT, NULL, 0, 0,
                                  "brokers of Kafka to begin with, HOST:PORT with commas between"},
    [RIACHO_SETTING_KAFKA_PROPERTIES] =
        {"kafka.properties", "kafka-properties", "RIACHO_KAFKA_PROPERTIES", "", RIACHO_SETTING_TEXT,
         NULL, 0, 0,
         "librdkafka's own, NAME=VALUE with commas between, after those of the worker file's "
         "spec.kafka; NAME_FILE=PATH reads the value from a file"},
    [RIACHO_SETTING_REPLICATION] = {"kafka.replication", "replication", "RIACHO_REPLICATION", "0",
                                    RIACHO_SETTING_COUNT_WORD, NULL, 0, 32,
                                    "copies of the topics that are made; 0: as the brokers do"},
    [RIACHO_SETTING_GROUP] = {"group", "group", "RIACHO_GROUP", "", RIACHO_SETTING_TEXT, NULL, 0, 0,
                              "workers of one group share the tasks of their topologies; default: "
                              "the name of the only topology"},
    [RIACHO_SETTING_GROUP_SECRET] = {"groupSecret", "group-secret", "RIACHO_GROUP_SECRET", "",
                                     RIACHO_SETTING_TEXT, NULL, 0, 0,
                                     "file of 32 bytes, the same for all workers of the group: "
                                     "they prove with it who asks, and "
                                     "sign visitors with it"},
    [RIACHO_SETTING_STANDBYS] = {"standbys", "standbys", "RIACHO_STANDBYS", "0",
                                 RIACHO_SETTING_COUNT_WORD, NULL, 0, 8,
                                 "workers beside its own that keep the state of each task at hand"},
    [RIACHO_SETTING_RESTORE_THREADS] = {"restoreThreads", "restore-threads",
                                        "RIACHO_RESTORE_THREADS", "0", RIACHO_SETTING_COUNT_WORD,
                                        NULL, 0, 16,
                                        "threads that bring state up to date; 0: one for each "
                                        "processor, at most 4"},
    [RIACHO_SETTING_THREADS] = {"threads", "threads", "RIACHO_THREADS", "1",
                                RIACHO_SETTING_COUNT_WORD, NULL, 1, 64, "stream threads"},
    [RIACHO_SETTING_MEMORY] =
        {"memory.limit", "memory", "RIACHO_MEMORY_LIMIT", "128MiB", RIACHO_SETTING_SIZE, NULL,
         32 << 20, INT64_MAX,
         "one budget, split over caches, write buffers and uncommitted changes"},
    [RIACHO_SETTING_HTTP_LISTEN] = {"http.listen", "listen", "RIACHO_HTTP_LISTEN", "127.0.0.1:3000",
                                    RIACHO_SETTING_TEXT, NULL, 0, 0,
                                    "address and port of REST; port 0 takes a free one"},
    [RIACHO_SETTING_HTTP_ADVERTISE] = {"http.advertise", "advertise", "RIACHO_HTTP_ADVERTISE", "",
                                       RIACHO_SETTING_TEXT, NULL, 0, 0,
                                       "HOST, or HOST:PORT, where the other workers of the group "
                                       "reach http.peers; default: as it is bound"},
    [RIACHO_SETTING_HTTP_PEERS] = {"http.peers", "peers", "RIACHO_HTTP_PEERS", "",
                                   RIACHO_SETTING_TEXT, NULL, 0, 0,
                                   "Kafka: address and port where the other workers of the group "
                                   "ask this one; default: a free port beside http.listen"},
    [RIACHO_SETTING_HTTP_THREADS] = {"http.threads", "http-threads", "RIACHO_HTTP_THREADS", "16",
                                     RIACHO_SETTING_COUNT_WORD, NULL, 1, 256,
                                     "threads that answer requests"},
    [RIACHO_SETTING_HTTP_CORS] =
        {"http.corsOrigin", "cors-origin", "CORS_ALLOW_ORIGIN", "", RIACHO_SETTING_TEXT, NULL, 0, 0,
         "origins that may call from a browser, with commas between; * for all, without cookies"},
    [RIACHO_SETTING_HTTP_READS] = {"http.readsPerSecond", "reads-per-second", "RIACHO_HTTP_READS",
                                   "200", RIACHO_SETTING_COUNT_WORD, NULL, 0, 10000000,
                                   "for each visitor or address; 0: no limit"},
    [RIACHO_SETTING_HTTP_WRITES] = {"http.writesPerSecond", "writes-per-second",
                                    "RIACHO_HTTP_WRITES", "20", RIACHO_SETTING_COUNT_WORD, NULL, 0,
                                    10000000, "for each visitor or address; 0: no limit"},
    [RIACHO_SETTING_HTTP_PER_ADDRESS] = {"http.connectionsPerAddress", "connections-per-address",
                                         "RIACHO_HTTP_PER_ADDRESS", "64", RIACHO_SETTING_COUNT_WORD,
                                         NULL, 1, 65536, "open connections from one address"},
    [RIACHO_SETTING_HTTP_OPERATORS] = {"http.operators", "operators", "RIACHO_HTTP_OPERATORS", "",
                                       RIACHO_SETTING_TEXT, NULL, 0, 0,
                                       "addresses and networks that may write to topics over REST, "
                                       "with commas between, beside this machine"},
    [RIACHO_SETTING_HTTP_PROXIES] = {"http.proxies", "proxies", "RIACHO_HTTP_PROXIES", "",
                                     RIACHO_SETTING_TEXT, NULL, 0, 0,
                                     "addresses and networks of proxies whose X-Forwarded-For is "
                                     "believed, with commas between"},
    [RIACHO_SETTING_COMMIT_INTERVAL] = {"commitInterval", "commit-interval",
                                        "RIACHO_COMMIT_INTERVAL", "", RIACHO_SETTING_DURATION, NULL,
                                        0, 0, "instead of each topology's own"},
    [RIACHO_SETTING_SCHEMAS] = {"schemas", "schemas", "RIACHO_SCHEMAS", "", RIACHO_SETTING_TEXT,
                                NULL, 0, 0,
                                "folders of .avsc files, with colons between; default: the nearest "
                                "folder `schemas` above the topology"},
    [RIACHO_SETTING_REGISTRY] =
        {"registry.url", "registry", "RIACHO_REGISTRY", "", RIACHO_SETTING_TEXT, NULL, 0, 0,
         "a Confluent-compatible schema registry whose ids records have; several addresses of it "
         "with commas between. Default: none, the data folder has ids of its own"},
    [RIACHO_SETTING_REGISTRY_AUTH] = {"registry.basicAuthFile", "registry-auth",
                                      "RIACHO_REGISTRY_AUTH_FILE", "", RIACHO_SETTING_TEXT, NULL, 0,
                                      0,
                                      "a file whose first line is USER:PASSWORD for the registry"},
    [RIACHO_SETTING_REGISTRY_CA] =
        {"registry.caFile", "registry-ca", "RIACHO_REGISTRY_CA_FILE", "", RIACHO_SETTING_TEXT, NULL,
         0, 0, "certificates (PEM) that vouch for an https registry; default: the system's"},
    [RIACHO_SETTING_LIBRARIES] = {"libraries", "libraries", "RIACHO_LIBRARIES", "",
                                  RIACHO_SETTING_TEXT, NULL, 0, 0,
                                  "folders of processor libraries, with colons between; default: "
                                  "`libraries` beside the program"},
    [RIACHO_SETTING_TRACE] = {"trace", "trace", "RIACHO_TRACE", "info", RIACHO_SETTING_ONE_OF,
                              trace_words, 0, 0, "least level of diagnostics"},
};

static const char *const origins[] = {"default", "file", "environment", "flag"};

/* The flag of the verb, when it has one of that name. */
static const char *flag_of(const riacho_line *line, const char *name)
{
    for (size_t i = 0; line->verb->flags[i].name; i++) {
        if (strcmp(line->verb->flags[i].name, name) == 0)
            return line->values[i];
    }
    return NULL;
}

static riacho_status check_value(const riacho_setting *setting, const char *text, riacho_error *err)
{
    int64_t number;
    uint64_t size;
    if (!*text && !*setting->fallback)
        return RIACHO_OK;
    switch (setting->type) {
    case RIACHO_SETTING_TEXT:
        return RIACHO_OK;
    case RIACHO_SETTING_COUNT_WORD:
        return riacho_int_parse(riacho_text(text), setting->min, setting->max, &number, err);
    case RIACHO_SETTING_DURATION:
        return riacho_duration_parse(riacho_text(text), &number, err);
    case RIACHO_SETTING_SIZE:
        RIACHO_TRY(riacho_size_parse(riacho_text(text), &size, err));
        if ((int64_t)size < setting->min)
            return riacho_fail(err, RIACHO_REJECT, "%s is less than the least, %lld MiB", text,
                               (long long)setting->min >> 20);
        return RIACHO_OK;
    case RIACHO_SETTING_ONE_OF:
        for (size_t i = 0; setting->words[i]; i++) {
            if (strcmp(text, setting->words[i]) == 0)
                return RIACHO_OK;
        }
        return riacho_fail(err, RIACHO_REJECT,
                           "'%s' is not one of its words (`riacho config explain %s`)", text,
                           setting->key);
    }
    return RIACHO_OK;
}

static void from_file(const riacho_worker_file *file, riacho_settings_found *found)
{
    const char *texts[RIACHO_SETTING_COUNT] = {
        [RIACHO_SETTING_NAME] = file->name,
        [RIACHO_SETTING_DATA_DIR] = file->data_dir,
        [RIACHO_SETTING_LOG] = file->log == RIACHO_LOG_KAFKA ? "kafka"
                               : file->log                   ? "embedded"
                                                             : NULL,
        [RIACHO_SETTING_THREADS] =
            file->threads ? riacho_format(found->arena, "%u", file->threads) : NULL,
        [RIACHO_SETTING_MEMORY] =
            file->memory_limit_bytes
                ? riacho_format(found->arena, "%llu", (unsigned long long)file->memory_limit_bytes)
                : NULL,
        [RIACHO_SETTING_HTTP_LISTEN] = file->http_listen,
        [RIACHO_SETTING_HTTP_PEERS] = file->http_peers,
        [RIACHO_SETTING_HTTP_ADVERTISE] = file->http_advertise,
        [RIACHO_SETTING_GROUP_SECRET] = file->group_secret,
        [RIACHO_SETTING_GROUP] = file->group,
        [RIACHO_SETTING_REGISTRY] = file->registry_url,
        [RIACHO_SETTING_REGISTRY_AUTH] = file->registry_auth_file,
        [RIACHO_SETTING_REGISTRY_CA] = file->registry_ca_file,
        [RIACHO_SETTING_STANDBYS] =
            file->standbys ? riacho_format(found->arena, "%u", file->standbys) : NULL,
    };
    found->kafka = file->kafka;
    found->kafka_count = file->kafka_count;
    for (size_t i = 0; i < RIACHO_SETTING_COUNT; i++) {
        if (!texts[i])
            continue;
        found->found[i].text = (const char *)riacho_copy(found->arena, riacho_text(texts[i])).data;
        found->found[i].origin = RIACHO_FROM_FILE;
    }
}

static riacho_status read_file(const char *path, riacho_settings_found *found, riacho_error *err)
{
    riacho_issue_list issues = {.arena = found->arena};
    const riacho_yaml_options options = {.environment = riacho_environment};
    const riacho_yaml_file *file = NULL;
    riacho_yaml_documents documents = {0};
    riacho_status status = riacho_yaml_read_file(path, found->arena, &issues, &file);
    if (status == RIACHO_OK)
        status = riacho_yaml_load(file, &options, found->arena, &issues, &documents);
    if (status != RIACHO_OK) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        const riacho_issues all = riacho_issues_of(&issues);
        riacho_issues_print(&all, file ? file->source : (riacho_bytes){0}, &text);
        fwrite(text.data, 1, text.size, stderr);
        return riacho_fail(err, RIACHO_REJECT, "the worker file %s is not usable (above)", path);
    }
    if (documents.worker_count != 1)
        return riacho_fail(err, RIACHO_REJECT,
                           "%s holds %zu documents of kind Worker; it must hold one", path,
                           documents.worker_count);
    from_file(documents.workers[0], found);
    return RIACHO_OK;
}

/* On one host of a container platform there is one worker, and the host's name is its own. */
static void name_by_host(riacho_settings_found *found)
{
    char host[65] = "";
    if (found->found[RIACHO_SETTING_NAME].origin != RIACHO_FROM_DEFAULT ||
        strcmp(riacho_setting_text(found, RIACHO_SETTING_LOG), "kafka") != 0 ||
        gethostname(host, sizeof host - 1) != 0 || !*host)
        return;
    for (char *at = host; *at; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
            *at = '-';
    }
    found->found[RIACHO_SETTING_NAME].text = riacho_copy(found->arena, riacho_text(host)).data;
}

riacho_status riacho_settings_read(const riacho_line *line, const char *file, riacho_arena *arena,
                                   riacho_settings_found *ret_found, riacho_error *err)
{
    riacho_settings_found found = {.arena = arena};
    for (size_t i = 0; i < RIACHO_SETTING_COUNT; i++)
        found.found[i].text = riacho_settings[i].fallback;
    if (file)
        RIACHO_TRY(read_file(file, &found, err));
    for (size_t i = 0; i < RIACHO_SETTING_COUNT; i++) {
        const riacho_setting *setting = &riacho_settings[i];
        const char *environment = getenv(setting->env);
        const char *flag = flag_of(line, setting->flag);
        if (environment && *environment) {
            found.found[i].text = environment;
            found.found[i].origin = RIACHO_FROM_ENVIRONMENT;
        }
        if (flag) {
            found.found[i].text = flag;
            found.found[i].origin = RIACHO_FROM_FLAG;
        }
        riacho_error why;
        if (check_value(setting, found.found[i].text, &why) != RIACHO_OK)
            return riacho_fail(err, RIACHO_REJECT, "%s (from %s, --%s or %s): %s", setting->key,
                               origins[found.found[i].origin], setting->flag, setting->env,
                               why.text);
    }
    name_by_host(&found);
    *ret_found = found;
    return RIACHO_OK;
}

const char *riacho_setting_text(const riacho_settings_found *found, riacho_setting_key key)
{
    return found->found[key].text;
}

int64_t riacho_setting_number(const riacho_settings_found *found, riacho_setting_key key)
{
    const riacho_bytes text = riacho_text(found->found[key].text);
    int64_t number = 0;
    uint64_t size = 0;
    switch (riacho_settings[key].type) {
    case RIACHO_SETTING_COUNT_WORD:
        (void)!riacho_int_parse(text, INT64_MIN, INT64_MAX, &number, NULL);
        break;
    case RIACHO_SETTING_DURATION:
        (void)!riacho_duration_parse(text, &number, NULL);
        break;
    case RIACHO_SETTING_SIZE:
        (void)!riacho_size_parse(text, &size, NULL);
        number = (int64_t)size;
        break;
    default:
        break;
    }
    return number;
}

static void print_words(const riacho_setting *setting)
{
    for (size_t i = 0; setting->words && setting->words[i]; i++)
        printf("%s%s", i ? ", " : "  one of:  ", setting->words[i]);
    if (setting->words)
        putchar('\n');
}

/* One object a line; `text` NULL: without what it is set to. */
static void print_json(const riacho_setting *setting, const char *text, const char *origin)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const struct {
        const char *name, *text;
    } members[] = {
        {"flag", setting->flag},
        {"environment", setting->env},
        {"default", setting->fallback},
        {"doc", setting->doc},
        {"value", text},
        {"origin", origin},
    };
    riacho_buffer_printf(&out, "{\"key\":\"%s\"", setting->key);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!members[i].text)
            continue;
        riacho_buffer_printf(&out, ",\"%s\":", members[i].name);
        riacho_json_quote(riacho_text(members[i].text), &out);
    }
    printf("%.*s}\n", (int)out.size, (const char *)out.data);
}

int riacho_verb_config_list(const riacho_line *line)
{
    const bool json = riacho_flag_given(line, "json");
    for (size_t i = 0; json && i < RIACHO_SETTING_COUNT; i++)
        print_json(&riacho_settings[i], NULL, NULL);
    for (size_t i = 0; !json && i < RIACHO_SETTING_COUNT; i++)
        printf("%-28s %-18s %s\n", riacho_settings[i].key,
               *riacho_settings[i].fallback ? riacho_settings[i].fallback : "-",
               riacho_settings[i].doc);
    return RIACHO_EXIT_OK;
}

int riacho_verb_config_explain(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_settings_found found;
    riacho_error err;
    const char *keys[RIACHO_SETTING_COUNT];
    size_t key = RIACHO_SETTING_COUNT;

    for (size_t i = 0; i < RIACHO_SETTING_COUNT; i++) {
        keys[i] = riacho_settings[i].key;
        if (strcmp(keys[i], line->words[0]) == 0)
            key = i;
    }
    if (key == RIACHO_SETTING_COUNT) {
        const char *meant = riacho_suggest(riacho_text(line->words[0]), keys, RIACHO_SETTING_COUNT);
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "there is no key '%s'%s%s%s; `riacho config list` has them all",
                               line->words[0], meant ? "; did you mean '" : "", meant ? meant : "",
                               meant ? "'?" : "");
    }
    if (riacho_settings_read(line, riacho_flag_value(line, "worker"), arena, &found, &err) !=
        RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_CONFIG, "%s", err.text);
    const riacho_setting *setting = &riacho_settings[key];
    if (riacho_flag_given(line, "json")) {
        print_json(setting, found.found[key].text, origins[found.found[key].origin]);
        return RIACHO_EXIT_OK;
    }
    printf("%s = %s\n  from:    %s\n  meaning: %s\n  flag:    --%s\n  env:     %s\n  default: %s\n",
           setting->key, *found.found[key].text ? found.found[key].text : "(not set)",
           origins[found.found[key].origin], setting->doc, setting->flag, setting->env,
           *setting->fallback ? setting->fallback : "(none)");
    print_words(setting);
    return RIACHO_EXIT_OK;
}
