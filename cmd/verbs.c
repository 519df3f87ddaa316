/* SPDX-License-Identifier: MIT
 *
 * verbs.c - the table of verbs with their flags, and the verbs that only speak about the program
 * itself.
 */
#include <stdio.h>
#include <string.h>

#include "desk.h"
#ifdef RIACHO_KAFKA
#include "log/kafka/client.h"
#endif

/* Flags that several verbs have. */
#define URL_FLAG                                                                                   \
    {                                                                                              \
        "url", 'u', "URL", "a running worker; default $RIACHO_URL or http://127.0.0.1:3000"        \
    }
#define JSON_FLAG                                                                                  \
    {                                                                                              \
        "json", 0, NULL, "for programs: JSON, one object a line"                                   \
    }
#define RECORDS_FLAGS                                                                              \
    {"from", 'f', "PLACE",                                                                         \
     "earliest (default), latest, an offset, a time in UTC such as 2026-01-31T12:00:00Z, or a "    \
     "position such as births/0:12"},                                                              \
        {"partition", 'p', "N", "one partition; default: all, in turn"},                           \
        {"count", 'n', "N", "at most so many records"},                                            \
    {                                                                                              \
        "follow", 0, NULL, "go on with what comes, until interrupted"                              \
    }
#define REGISTRY_FLAGS                                                                             \
    {"registry", 0, "URL", "a schema registry, whose ids records have"},                           \
        {"registry-auth", 0, "FILE", "its USER:PASSWORD, in a file"},                              \
    {                                                                                              \
        "registry-ca", 0, "FILE", "certificates that vouch for it"                                 \
    }
#define STORE_FLAG                                                                                 \
    {                                                                                              \
        "topology", 0, "NAME", "when several topologies have such a store"                         \
    }

const riacho_verb riacho_verbs[] = {
    {"run",
     "FILE...",
     "run topologies in the foreground",
     "Without a worker file everything has a default: the embedded log, data in ./data, REST at "
     "127.0.0.1:3000. "
     "`riacho config list` has all keys.",
     1,
     RIACHO_WORDS_MAX,
     riacho_verb_run,
     {{"worker", 'w', "FILE", "a worker file (kind: Worker)"},
      {"name", 0, "NAME", "how this worker calls itself"},
      {"data", 'd', "FOLDER", "log, state and keys; default ./data"},
      {"log", 0, "KIND", "embedded (default) or kafka"},
      {"bootstrap", 'b', "BROKERS", "Kafka: HOST:PORT, with commas between"},
      {"kafka-properties", 0, "LIST", "librdkafka's own: NAME=VALUE, with commas between"},
      {"replication", 0, "N", "Kafka: copies of topics that are made"},
      {"group", 'g', "NAME", "Kafka: workers of a group share the work"},
      {"standbys", 0, "N", "Kafka: workers that keep each task's state at hand"},
      {"restore-threads", 0, "N", "Kafka: threads that bring state up to date"},
      {"peers", 0, "ADDRESS", "Kafka: where this one listens to other workers"},
      {"advertise", 0, "ADDRESS", "Kafka: where other workers reach that"},
      {"group-secret", 0, "FILE", "Kafka: what proves who is of the group"},
      {"threads", 't', "N", "stream threads"},
      {"memory", 'm', "SIZE", "memory budget, such as 256MiB"},
      {"listen", 'l', "ADDRESS", "REST; default 127.0.0.1:3000"},
      {"http-threads", 0, "N", "threads that answer requests"},
      {"cors-origin", 0, "ORIGINS", "origins that may call from a browser"},
      {"reads-per-second", 0, "N", "for each visitor or address; 0: no limit"},
      {"writes-per-second", 0, "N", "for each visitor or address; 0: no limit"},
      {"connections-per-address", 0, "N", "open connections from one address"},
      {"operators", 0, "NETWORKS", "who may write to topics over REST, beside this machine"},
      {"proxies", 0, "NETWORKS", "proxies whose X-Forwarded-For is believed"},
      {"commit-interval", 0, "DURATION", "instead of each topology's own"},
      {"seed", 0, "FILE", "JSON lines for topics that were never used"},
      {"trace", 0, "LEVEL", "debug, info, warn or error"},
      {"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between"},
      REGISTRY_FLAGS,
      {"libraries", 0, "FOLDERS", "folders of processor libraries, with colons between"}}},
    {"validate",
     "FILE...",
     "check topology files",
     "Every issue of every file in one run.",
     1,
     RIACHO_WORDS_MAX,
     riacho_verb_validate,
     {{"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between"},
      {"libraries", 0, "FOLDERS", "folders of processor libraries, with colons between"},
      {"no-libraries", 0, NULL, "do not load processor libraries: check the file alone"},
      {"deny-warnings", 0, NULL, "a warning is an error"},
      {"json", 0, NULL, "answer in JSON"}}},
    {"graph",
     "FILE...",
     "print a topology",
     "text has the shape of Kafka Streams' describe.",
     1,
     RIACHO_WORDS_MAX,
     riacho_verb_graph,
     {{"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between"},
      {"libraries", 0, "FOLDERS", "folders of processor libraries, with colons between"},
      {"no-libraries", 0, NULL, "do not load processor libraries"},
      {"format", 'f', "FORMAT", "text, dot, mermaid or json"},
      {"json", 0, NULL, "answer in JSON"}}},
    {"test",
     "FILE...",
     "run topology tests on the real engine",
     "In memory, with a virtual clock: no broker, no files, no waiting. Exit 0: all passed, 1: one "
     "failed.",
     1,
     RIACHO_WORDS_MAX,
     riacho_verb_test,
     {{"log", 0, "KIND", "memory (default) or embedded"},
      {"only", 'o', "NAME", "one test"},
      {"junit", 0, "FILE", "write a JUnit report"},
      {"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between"},
      {"libraries", 0, "FOLDERS", "folders of processor libraries, with colons between"},
      {"json", 0, NULL, "answer in JSON"}}},
    {"generate",
     "DATASET",
     "made-up records, the same for the same seed",
     "Datasets: tamaghost. JSON lines on stdout, as `topic produce` reads them, or straight into "
     "the log of a data folder.",
     1,
     1,
     riacho_verb_generate,
     {{"count", 'n', "N", "records, beside one birth for each pet; default 1000"},
      {"rate", 'r', "N", "records a second; default: as fast as it goes"},
      {"seed", 0, "N", "default 1"},
      {"pets", 0, "N", "default 1000"},
      {"visitors", 0, "N", "default: as many as pets"},
      {"comments", 0, "N", "comments in a thousand records; default 20"},
      {"data", 'd', "FOLDER", "append to the log of this data folder (which no worker is using)"},
      {"schemas", 0, "FOLDERS", "default ./schemas"}}},
    {"topic ls",
     "",
     "topics, with what they hold",
     NULL,
     0,
     0,
     riacho_verb_topic_ls,
     {RIACHO_DESK_FLAGS, JSON_FLAG}},
    {"topic create",
     "TOPIC",
     "make a topic",
     "The number of partitions is for ever: keys would move. At a worker this is for operators: on "
     "its machine, or in a network of its http.operators.",
     1,
     1,
     riacho_verb_topic_create,
     {{"partitions", 'n', "N", "default 1"},
      {"retention", 0, "DURATION", "such as 7d; default: for ever"},
      {"compact", 0, NULL, "keep the newest record of each key"},
      RIACHO_DESK_FLAGS,
      JSON_FLAG}},
    {"topic produce",
     "[TOPIC]",
     "append records, JSON lines in",
     "A line is {\"key\": ..., \"value\": ...}, and may have topic, partition, timestamp (ms) and "
     "headers. Lines are taken in batches, each of which is appended whole or not at all: up to "
     "1000 lines into a folder, up to 64 KiB of one topic to a worker. At a worker this is for "
     "operators.",
     0,
     1,
     riacho_verb_topic_produce,
     {{"file", 0, "FILE", "JSON lines; default: stdin"}, RIACHO_DESK_FLAGS, JSON_FLAG}},
    {"topic consume",
     "TOPIC",
     "print records, JSON lines out",
     "What it prints, `topic produce` reads. Records of a partition come in their order.",
     1,
     1,
     riacho_verb_topic_consume,
     {RECORDS_FLAGS, RIACHO_DESK_FLAGS, JSON_FLAG}},
    {"dlq ls",
     "",
     "dead letters, counted by where they came from and why",
     NULL,
     0,
     0,
     riacho_verb_dlq_ls,
     {RIACHO_DESK_FLAGS, JSON_FLAG}},
    {"dlq show",
     "[TOPIC]",
     "print dead letters, with the reason in their headers",
     "Key and value are shown as the topic they came from has them; the headers riacho.error.* say "
     "why, where and when.",
     0,
     1,
     riacho_verb_dlq_show,
     {RECORDS_FLAGS, RIACHO_DESK_FLAGS, JSON_FLAG}},
    {"store ls",
     "",
     "stores of a running worker",
     NULL,
     0,
     0,
     riacho_verb_store_ls,
     {URL_FLAG, JSON_FLAG}},
    {"store get",
     "STORE KEY",
     "print the value of a key",
     "Exit 1: there is no such key, or no such store.",
     2,
     2,
     riacho_verb_store_get,
     {STORE_FLAG, URL_FLAG, JSON_FLAG}},
    {"store scan",
     "STORE",
     "print keys and values in order, one a line",
     NULL,
     1,
     1,
     riacho_verb_store_scan,
     {{"prefix", 0, "TEXT", "keys that begin so"},
      {"from", 0, "KEY", "first key"},
      {"to", 0, "KEY", "the key behind the last"},
      {"limit", 'n', "N", "default 100; 0: all"},
      {"reverse", 'r', NULL, "last key first"},
      STORE_FLAG,
      URL_FLAG,
      JSON_FLAG}},
    {"store top",
     "STORE",
     "print a ranking from its top",
     NULL,
     1,
     1,
     riacho_verb_store_top,
     {{"key", 'k', "KEY", "which ranking"},
      {"limit", 'n', "N", "default 10; 0: all"},
      STORE_FLAG,
      URL_FLAG,
      JSON_FLAG}},
    {"query",
     "PATH",
     "GET a path of a running worker and print the reply",
     "Such as /api/pets/ghostzinho. Exit 1: nothing there, 65: the worker refuses it, 69: no "
     "worker "
     "answers, 75: not ready.",
     1,
     1,
     riacho_verb_query,
     {URL_FLAG, JSON_FLAG}},
    {"schema ls",
     "",
     "subjects of a schema registry, with their newest versions",
     NULL,
     0,
     0,
     riacho_verb_schema_ls,
     {REGISTRY_FLAGS, {"worker", 'w', "FILE", "a worker file that says where it is"}, JSON_FLAG}},
    {"schema check",
     "SUBJECT TYPE",
     "ask whether a schema may become the next version of a subject",
     "TYPE is such as avro:Pet, SUBJECT such as pets-value. Exit 65: it may not, and why.",
     2,
     2,
     riacho_verb_schema_check,
     {REGISTRY_FLAGS,
      {"worker", 'w', "FILE", "a worker file that says where it is"},
      {"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between; default ./schemas"},
      JSON_FLAG}},
    {"schema push",
     "SUBJECT TYPE",
     "make a schema a version of a subject",
     "`riacho run` does so by itself for what its topologies write. Exit 65: it does not fit.",
     2,
     2,
     riacho_verb_schema_push,
     {REGISTRY_FLAGS,
      {"worker", 'w', "FILE", "a worker file that says where it is"},
      {"schemas", 0, "FOLDERS", "folders of .avsc files, with colons between; default ./schemas"},
      JSON_FLAG}},
    {"config list",
     "",
     "every key of the configuration",
     NULL,
     0,
     0,
     riacho_verb_config_list,
     {JSON_FLAG}},
    {"config explain",
     "KEY",
     "what a key is, and where its value comes from",
     NULL,
     1,
     1,
     riacho_verb_config_explain,
     {{"worker", 'w', "FILE", "a worker file"}, JSON_FLAG}},
    {"completion",
     "",
     "print a completion script for bash",
     "Use it: source <(riacho completion)",
     0,
     0,
     riacho_verb_completion,
     {{0}}},
    {"version",
     "",
     "print versions",
     NULL,
     0,
     0,
     riacho_verb_version,
     {{"json", 0, NULL, "answer in JSON"}}},
    {0},
};

/* What Kafka is spoken with: NULL in a program that was built without. */
#ifdef RIACHO_KAFKA
static const char *kafka_version(void)
{
    return riacho_kafka_client_version();
}

static const char *kafka_origin(void)
{
    return riacho_kafka_client_origin();
}
#else
static const char *kafka_version(void)
{
    return NULL;
}

static const char *kafka_origin(void)
{
    return NULL;
}
#endif

int riacho_verb_version(const riacho_line *line)
{
    const bool json = riacho_flag_given(line, "json");
    printf(json ? "{\"riacho\":\"%s\",\"rocksdb\":\"%s\"," : "riacho %s (RocksDB %s, ",
           RIACHO_VERSION, RIACHO_ROCKSDB_VERSION);
    if (kafka_version())
        printf(json ? "\"librdkafka\":{\"version\":\"%s\",\"origin\":\"%s\"}}\n"
                    : "librdkafka %s %s)\n",
               kafka_version(), kafka_origin());
    else
        puts(json ? "\"librdkafka\":null}" : "built without Kafka)");
    return RIACHO_EXIT_OK;
}

int riacho_verb_completion(const riacho_line *line)
{
    (void)line;
    puts("_riacho() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} verb=\"${COMP_WORDS[1]}\" "
         "two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]-}\" words=\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("        words='");
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        const size_t size = strcspn(verb->name, " ");
        const bool again = verb > riacho_verbs && strncmp(verb[-1].name, verb->name, size) == 0 &&
                           strcspn(verb[-1].name, " ") == size;
        if (!again)
            printf("%.*s ", (int)size, verb->name);
    }
    puts("'\n    else\n        case \"$two\" in");
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        const char *second = strchr(verb->name, ' ');
        if (second)
            printf("        '%.*s '*) [ \"$COMP_CWORD\" -eq 2 ] && words=\"$words%s\" ;;&\n",
                   (int)(second - verb->name), verb->name, second);
    }
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        printf("        '%s'*) words=\"$words", verb->name);
        for (size_t i = 0; verb->flags[i].name; i++)
            printf(" --%s", verb->flags[i].name);
        puts(" --help\" ;;");
    }
    puts("        esac\n    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\" || :))\n"
         "    [ \"${#COMPREPLY[@]}\" -gt 0 ] || COMPREPLY=($(compgen -f -- \"$word\" || :))\n"
         "}\n"
         "complete -o filenames -F _riacho riacho");
    return RIACHO_EXIT_OK;
}
