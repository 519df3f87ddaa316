/* SPDX-License-Identifier: MIT
 *
 * schema_worker.c - every key of `kind: Worker` (see schema_table.h): where and with how much
 * a worker runs, nothing that may change a result. Every scalar here may use the environment.
 */
#include "schema_table.h"

static const char *const log_kinds[] = {"embedded", "kafka"};
static const riacho_words log_kind_words = {log_kinds, 2, NULL, 0};

static const riacho_key log_keys[] = {
    {"kind", RIACHO_KEY_WORD, .offset = offsetof(riacho_worker_file, log), .words = &log_kind_words,
     .fallback = "embedded", .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Where events are: a log of the worker's own, or Kafka, which many workers share."},
};
static const riacho_shape log_shape = {
    "Log", "log", "Where events are.", sizeof(riacho_worker_file), 0, log_keys, 1};

static const riacho_key memory_keys[] = {
    {"limit", RIACHO_KEY_SIZE, .offset = offsetof(riacho_worker_file, memory_limit_bytes),
     .fallback = "128MiB", .min = 32 << 20, .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Split over the log's queues, the stores' caches and write buffers, and uncommitted "
            "changes."},
};
static const riacho_shape memory_shape = {
    "Memory", "memory", "How much memory is used.", sizeof(riacho_worker_file), 0, memory_keys, 1};

static const riacho_key http_keys[] = {
    {"listen", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, http_listen),
     .fallback = "127.0.0.1:3000", .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Address and port of commands, queries and control."},
    {"advertise", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, http_advertise),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Where other workers reach `peers`, HOST or HOST:PORT; as it is bound when not said."},
    {"peers", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, http_peers),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Address and port where other workers ask this one, on Kafka; a free port beside "
            "`listen` when not said."},
};
static const riacho_shape http_shape = {
    "WorkerHttp", "http", "The HTTP server.", sizeof(riacho_worker_file), 0, http_keys, 3};

static const riacho_key live_keys[] = {
    {"listen", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, live_listen),
     .fallback = "127.0.0.1:7001", .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Address and port of server-sent events and WebSockets."},
};
static const riacho_shape live_shape = {
    "Live", "live", "The live relay.", sizeof(riacho_worker_file), 0, live_keys, 1};

static const riacho_key registry_keys[] = {
    {"url", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, registry_url),
     .presence = RIACHO_KEY_REQUIRED, .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Where it is; several addresses of the same registry with commas between."},
    {"basicAuthFile", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, registry_auth_file),
     .source = RIACHO_KEY_ENVIRONMENT, .doc = "A file whose first line is USER:PASSWORD."},
    {"caFile", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, registry_ca_file),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Certificates (PEM) that vouch for an https registry; the system's when not said."},
};
static const riacho_shape registry_shape = {"Registry",
                                            "registry",
                                            "A Confluent-compatible schema registry.",
                                            sizeof(riacho_worker_file),
                                            0,
                                            registry_keys,
                                            3};

static const riacho_key metadata_keys[] = {
    {"name", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, name),
     .presence = RIACHO_KEY_REQUIRED, .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "The worker's name, its own in the group."},
};
static const riacho_shape metadata_shape = {
    "WorkerMetadata", "metadata", "Who it is.", sizeof(riacho_worker_file), 0, metadata_keys, 1};

static const riacho_key spec_keys[] = {
    {"group", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, group),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Workers of one group share the tasks of their topologies, on Kafka; the name of the "
            "only topology when not said."},
    {"groupSecret", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, group_secret),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "A file of 32 bytes, the same for all workers of the group, that proves who asks."},
    {"log", RIACHO_KEY_SHAPE, .shape = &log_shape, .doc = "Where events are."},
    {"kafka", RIACHO_KEY_PAIRS, .offset = offsetof(riacho_worker_file, kafka),
     .count_offset = offsetof(riacho_worker_file, kafka_count), .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Properties of librdkafka, bootstrap.servers at least. NAME_FILE: the value is in that "
            "file."},
    {"registry", RIACHO_KEY_SHAPE, .shape = &registry_shape,
     .doc = "Where schemas get their ids; the data folder when not said."},
    {"dataDir", RIACHO_KEY_TEXT, .offset = offsetof(riacho_worker_file, data_dir),
     .fallback = "./data", .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "The folder of state and of the embedded log."},
    {"memory", RIACHO_KEY_SHAPE, .shape = &memory_shape, .doc = "How much memory is used."},
    {"threads", RIACHO_KEY_COUNT, .offset = offsetof(riacho_worker_file, threads), .fallback = "1",
     .min = 1, .max = 64, .source = RIACHO_KEY_ENVIRONMENT, .doc = "Stream threads."},
    {"standbys", RIACHO_KEY_COUNT, .offset = offsetof(riacho_worker_file, standbys),
     .fallback = "0", .max = 8, .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "Other workers that keep the state of each task at hand, on Kafka."},
    {"http", RIACHO_KEY_SHAPE, .shape = &http_shape, .doc = "The HTTP server."},
    {"live", RIACHO_KEY_SHAPE, .shape = &live_shape,
     .doc = "The live relay; ignored by this version."},
};
static const riacho_shape spec_shape = {"WorkerSpec",
                                        "spec",
                                        "What it runs with.",
                                        sizeof(riacho_worker_file),
                                        0,
                                        spec_keys,
                                        sizeof spec_keys / sizeof *spec_keys};

static const char *const versions[] = {"riacho/v1"};
static const riacho_words version_words = {versions, 1, NULL, 0};
static const char *const kinds[] = {"Worker"};
static const riacho_words kind_words = {kinds, 1, NULL, 0};

static const riacho_key document_keys[] = {
    {"apiVersion", RIACHO_KEY_WORD, .offset = offsetof(riacho_worker_document, api_version),
     .words = &version_words, .presence = RIACHO_KEY_REQUIRED,
     .doc = "The version of this format."},
    {"kind", RIACHO_KEY_WORD, .offset = offsetof(riacho_worker_document, kind),
     .words = &kind_words, .presence = RIACHO_KEY_REQUIRED, .doc = "What the document is."},
    {"metadata", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_worker_document, worker),
     .shape = &metadata_shape, .presence = RIACHO_KEY_REQUIRED, .doc = "Who it is."},
    {"spec", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_worker_document, worker),
     .shape = &spec_shape, .presence = RIACHO_KEY_REQUIRED, .doc = "What it runs with."},
};
const riacho_shape riacho_worker_shape = {"Worker",
                                          "a worker",
                                          "Where and with how much a worker runs.",
                                          sizeof(riacho_worker_document),
                                          offsetof(riacho_worker_document, worker.mark),
                                          document_keys,
                                          sizeof document_keys / sizeof *document_keys};
