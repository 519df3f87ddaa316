/* SPDX-License-Identifier: MIT
 *
 * config.c - see config.h. A property of the user is tried on a scratch configuration, so that what
 * is wrong with it is said in librdkafka's words and before anything connects.
 */
#include "log/kafka/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"

enum {
    MEMORY_BYTES = 64 * 1024 * 1024,
    THREADS = 2,
    SECRET_BYTES_MAX = 256 * 1024, /* a chain of certificates */
    QUEUE_BYTES_MIN = 1024 * 1024,
    MESSAGE_BYTES_MAX =
        RIACHO_VALUE_BYTES_MAX + RIACHO_KEY_BYTES_MAX + RIACHO_HEADERS_BYTES_MAX + 4096,
};

static const char file_suffix[] = "_FILE";

static const char offsets_reason[] =
    "positions are committed with the outputs that they belong to, never by themselves";
static const char signs_reason[] =
    "signs of trouble during a transaction are read from what the client traces";
static const char memory_reason[] = "it follows from the memory budget";
static const char group_reason[] = "membership follows from the name of the worker and its group";

/* What is not the user's to set, and why. */
static const struct {
    const char *name, *reason;
} refused[] = {
    {"enable.idempotence", "a record sent again by the client must not be there twice"},
    {"enable.gapless.guarantee", "the client stops at a gap by itself"},
    {"acks", "a record counts when all replicas in sync have it"},
    {"request.required.acks", "a record counts when all replicas in sync have it"},
    {"transactional.id", "each stream thread has its own, the same at every start"},
    {"isolation.level", "what is not committed must not be read"},
    {"enable.auto.commit", offsets_reason},
    {"auto.commit.enable", offsets_reason},
    {"auto.commit.interval.ms", offsets_reason},
    {"enable.auto.offset.store", offsets_reason},
    {"offset.store.method", offsets_reason},
    {"auto.offset.reset", "a position that the log does not have must be noticed"},
    {"enable.partition.eof", "positions get past the marks of transactions by it"},
    {"group.id", group_reason},
    {"group.instance.id", group_reason},
    {"group.protocol", group_reason},
    {"group.remote.assignor", group_reason},
    {"client.id", group_reason},
    {"partition.assignment.strategy",
     "leases are handed over one by one, which only cooperative-sticky does"},
    {"partitioner", "keys go where Kafka's Java clients put them (murmur2)"},
    {"max.in.flight", "more than 5 requests under way could change the order"},
    {"max.in.flight.requests.per.connection",
     "more than 5 requests under way could change the order"},
    {"delivery.report.only.error", "the offset of every record is needed"},
    {"produce.offset.report", "the offset of every record is needed"},
    {"allow.auto.create.topics", "a topic with a misspelt name must be an error"},
    {"log_level", signs_reason},
    {"log.queue", signs_reason},
    {"log.connection.close", signs_reason},
    {"queued.min.messages", memory_reason},
    {"queued.max.messages.kbytes", memory_reason},
    {"queue.buffering.max.kbytes", memory_reason},
    {"queue.buffering.max.messages", memory_reason},
};

static riacho_status check_owner(const char *name, riacho_error *err)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (!strcmp(name, refused[i].name))
            return riacho_fail(err, RIACHO_REJECT, "the Kafka property %s cannot be set: %s", name,
                               refused[i].reason);
    }
    return RIACHO_OK;
}

static bool is_secret(const char *name)
{
    return strstr(name, "password") || strstr(name, "secret") || strstr(name, ".key.pem") ||
           strstr(name, "sasl.oauthbearer.config") || strstr(name, "sasl.jaas.config");
}

static bool ends_with(const char *text, const char *suffix)
{
    const size_t size = strlen(text), suffix_size = strlen(suffix);
    return size > suffix_size && !strcmp(text + size - suffix_size, suffix);
}

static void riacho_auto_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static riacho_status read_secret(riacho_arena *arena, const char *name, const char *path,
                                 const char **ret_value, riacho_error *err)
{
    RIACHO_AUTO(file) FILE *file = fopen(path, "rbe");
    if (!file)
        return riacho_fail(err, RIACHO_REJECT, "the Kafka property %s: cannot open %s: %s", name,
                           path, strerror(errno));
    RIACHO_AUTO(heap) char *text = riacho_memory_get(SECRET_BYTES_MAX);
    const size_t size = fread(text, 1, SECRET_BYTES_MAX, file);
    if (ferror(file))
        return riacho_fail(err, RIACHO_REJECT, "the Kafka property %s: cannot read %s: %s", name,
                           path, strerror(errno));
    if (!size || size == SECRET_BYTES_MAX || memchr(text, 0, size))
        return riacho_fail(err, RIACHO_REJECT,
                           "the Kafka property %s: %s is not a text of 1 to %d bytes", name, path,
                           SECRET_BYTES_MAX - 1);
    const riacho_bytes value = {text, size - (text[size - 1] == '\n')};
    *ret_value = riacho_copy(arena, value).data;
    return RIACHO_OK;
}

static riacho_status take_property(struct riacho_kafka_config *config, rd_kafka_conf_t *scratch,
                                   const riacho_kafka_property *property, riacho_error *err)
{
    if (!property->name || !property->value)
        return riacho_fail(err, RIACHO_REJECT, "a Kafka property without a %s",
                           property->name ? "value" : "name");
    char *name = riacho_format(config->arena, "%s", property->name);
    const char *value = riacho_copy(config->arena, riacho_text(property->value)).data;
    if (ends_with(name, file_suffix)) {
        RIACHO_TRY(read_secret(config->arena, property->name, property->value, &value, err));
        name[strlen(name) - strlen(file_suffix)] = 0;
    }
    RIACHO_TRY(check_owner(name, err));
    char words[256];
    const rd_kafka_conf_res_t result = rd_kafka_conf_set(scratch, name, value, words, sizeof words);
    if (result != RD_KAFKA_CONF_OK)
        return riacho_fail(err, RIACHO_REJECT, "the Kafka property %s: %s", name,
                           result == RD_KAFKA_CONF_INVALID && is_secret(name)
                               ? "the value is not one that the client takes"
                               : words);
    config->settings[config->count++] = (struct riacho_kafka_setting){name, value};
    if (!strcmp(name, "bootstrap.servers") || !strcmp(name, "metadata.broker.list"))
        config->servers = value;
    return RIACHO_OK;
}

static void riacho_auto_conf(rd_kafka_conf_t **conf)
{
    if (*conf)
        rd_kafka_conf_destroy(*conf);
}

static riacho_status take_all(struct riacho_kafka_config *config,
                              const riacho_kafka_log_options *options, riacho_error *err)
{
    RIACHO_AUTO(conf) rd_kafka_conf_t *scratch = rd_kafka_conf_new();
    config->settings =
        riacho_alloc_zero(config->arena, options->property_count + 1, sizeof *config->settings);
    for (size_t i = 0; i < options->property_count; i++)
        RIACHO_TRY(take_property(config, scratch, &options->properties[i], err));
    if (!config->servers || !*config->servers)
        return riacho_fail(err, RIACHO_REJECT,
                           "the Kafka property bootstrap.servers is missing: host:port of a broker "
                           "or more, with commas");
    return RIACHO_OK;
}

riacho_status riacho_kafka_config_init(struct riacho_kafka_config *config,
                                       const riacho_kafka_log_options *options, riacho_error *err)
{
    const uint64_t memory = options->memory_bytes ? options->memory_bytes : MEMORY_BYTES;
    const uint32_t threads = options->thread_count_hint ? options->thread_count_hint : THREADS;
    /* A reader and a producer for each thread, a reader to restore, a producer for appends. */
    const uint64_t each = memory / (2 * ((uint64_t)threads + 1));
    *config = (struct riacho_kafka_config){
        .arena = riacho_arena_new(),
        .queue_bytes = each > QUEUE_BYTES_MIN ? each : QUEUE_BYTES_MIN,
        .replication = options->replication > 0 ? options->replication : -1};
    const char *worker = options->worker ? options->worker : "worker";
    config->worker = riacho_copy(config->arena, riacho_text(worker)).data;
    const riacho_status status = take_all(config, options, err);
    if (status != RIACHO_OK)
        riacho_kafka_config_done(config);
    return status;
}

void riacho_kafka_config_done(struct riacho_kafka_config *config)
{
    riacho_arena_free(config->arena);
    *config = (struct riacho_kafka_config){0};
}

void riacho_kafka_config_set(rd_kafka_conf_t *conf, enum riacho_kafka_need need, const char *name,
                             const char *format, ...)
{
    char value[1024], words[256];
    va_list list;
    va_start(list, format);
    const int size = vsnprintf(value, sizeof value, format, list);
    va_end(list);
    assert(size >= 0 && size < (int)sizeof value);
    const rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, words, sizeof words);
    assert(result == RD_KAFKA_CONF_OK ||
           (result == RD_KAFKA_CONF_UNKNOWN && need == RIACHO_KAFKA_IF_KNOWN));
    (void)result;
}

static bool user_sets(const struct riacho_kafka_config *config, const char *name)
{
    for (size_t i = 0; i < config->count; i++) {
        if (!strcmp(config->settings[i].name, name))
            return true;
    }
    return false;
}

/* A value that the user may replace. */
static void prefer(const struct riacho_kafka_config *config, rd_kafka_conf_t *conf,
                   const char *name, const char *value)
{
    if (!user_sets(config, name))
        riacho_kafka_config_set(conf, RIACHO_KAFKA_IF_KNOWN, name, "%s", value);
}

static void set_consumer(const struct riacho_kafka_config *config, rd_kafka_conf_t *conf,
                         enum riacho_kafka_role role)
{
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "enable.auto.commit", "false");
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "enable.auto.offset.store", "false");
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "isolation.level", "%s",
                            role == RIACHO_KAFKA_CLIENT ? "read_uncommitted" : "read_committed");
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "auto.offset.reset", "error");
    if (role == RIACHO_KAFKA_MEMBER) {
        riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "partition.assignment.strategy",
                                "cooperative-sticky");
        prefer(config, conf, "session.timeout.ms", "10000");
        /* Others learn by a heartbeat that the group changes, so this is how long that takes. */
        prefer(config, conf, "heartbeat.interval.ms", "500");
    }
    if (role != RIACHO_KAFKA_READER)
        return;
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "enable.partition.eof", "true");
    prefer(config, conf, "check.crcs", "true");
    /* A request that waits for idle partitions keeps those waiting whose queues got empty. */
    prefer(config, conf, "fetch.wait.max.ms", "100");
    prefer(config, conf, "fetch.queue.backoff.ms", "5");
    prefer(config, conf, "fetch.error.backoff.ms", "100");
}

static void set_producer(const struct riacho_kafka_config *config, rd_kafka_conf_t *conf,
                         enum riacho_kafka_role role)
{
    const bool plain = config->plain;
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "enable.idempotence",
                            plain ? "false" : "true");
    if (plain) { /* a request that is sent again must not overtake the next one */
        riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "acks", "all");
        riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "max.in.flight", "1");
    }
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "queue.buffering.max.kbytes", "%llu",
                            (unsigned long long)config->queue_bytes / 1024);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "queue.buffering.max.messages", "100000");
    prefer(config, conf, "message.max.bytes", "2097152");
    if (role == RIACHO_KAFKA_PRODUCER)
        prefer(config, conf, "transaction.timeout.ms", "10000");
    prefer(config, conf, "linger.ms", role == RIACHO_KAFKA_APPENDER ? "0" : "5");
    if (role == RIACHO_KAFKA_APPENDER)
        prefer(config, conf, "message.timeout.ms", "30000");
}

rd_kafka_conf_t *riacho_kafka_config_make(const struct riacho_kafka_config *config,
                                          enum riacho_kafka_role role)
{
    static_assert(MESSAGE_BYTES_MAX < 2097152, "the largest record fits into a message");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    prefer(config, conf, "reconnect.backoff.max.ms", "2000");
    prefer(config, conf, "enable.metrics.push", "false");
    prefer(config, conf, "socket.keepalive.enable", "true");
    for (size_t i = 0; i < config->count; i++)
        rd_kafka_conf_set(conf, config->settings[i].name, config->settings[i].value, NULL, 0);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "client.id", "riacho/%s", config->worker);
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "log_level", "6");
    riacho_kafka_config_set(conf, RIACHO_KAFKA_NEEDED, "log.connection.close", "true");
    if (role == RIACHO_KAFKA_APPENDER || role == RIACHO_KAFKA_PRODUCER)
        set_producer(config, conf, role);
    else
        set_consumer(config, conf, role);
    return conf;
}
