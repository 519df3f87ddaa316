/* SPDX-License-Identifier: MIT
 *
 * topics.c - topics on Kafka: created, described and listed by the administration API, and
 * remembered for the checks of every record.
 *
 * Retention: what a spec calls "for ever" and "no limit" (0) is -1 on Kafka; a compacted topic with
 * a retention is "compact,delete" there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "log/check.h"
#include "log/kafka/admin.h"
#include "log/kafka/verdict.h"

enum {
    /* The largest record of limits.h, with room for what a batch adds. */
    MESSAGE_BYTES_MAX = 1536 * 1024,
    DESCRIBE_MAX = 500, /* topics in one request */
    CREATE_WAIT_MS = 30000,
};

/* How long a deletion can be read after compaction has seen it: state that was away for longer is
 * made anew (RIACHO_TOMBSTONE_MS of the runtime), so it must not follow from a broker's default. */
static const char deletions_ms[] = "86400000";

struct config_entry {
    const char *name;
    char value[32];
};

enum { POLICY, RETENTION_MS, RETENTION_BYTES, ENTRIES };

/* ---- metadata -------------------------------------------------------------------------------- */

static void riacho_auto_metadata(const struct rd_kafka_metadata **metadata)
{
    if (*metadata)
        rd_kafka_metadata_destroy(*metadata);
}

static void riacho_auto_topic_handle(rd_kafka_topic_t **topic)
{
    if (*topic)
        rd_kafka_topic_destroy(*topic);
}

static void riacho_auto_mutex(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

static pthread_mutex_t *locked(struct riacho_kafka_log *log)
{
    pthread_mutex_lock(&log->lock);
    return &log->lock;
}

/* The topic with its partitions; of all topics without a name. */
static riacho_status metadata_of(struct riacho_kafka_log *log, const char *name,
                                 const struct rd_kafka_metadata **ret_metadata, riacho_error *err)
{
    rd_kafka_t *rk = log->client->rk;
    RIACHO_AUTO(topic_handle)
    rd_kafka_topic_t *topic = name ? rd_kafka_topic_new(rk, name, NULL) : NULL;
    if (name && !topic)
        return riacho_log_no_topic(name, err);
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(rk, name ? 0 : 1, topic, ret_metadata, RIACHO_KAFKA_WAIT_MS);
    rd_kafka_poll(rk, 0);
    if (code)
        return riacho_kafka_status(log->client, code, name ? name : "topics",
                                   rd_kafka_err2str(code), err);
    riacho_kafka_handle_forget(log->client);
    return RIACHO_OK;
}

/* 0 partitions: there is no such topic. */
static riacho_status count_partitions(struct riacho_kafka_log *log, const char *name,
                                      int32_t *ret_partitions, riacho_error *err)
{
    RIACHO_AUTO(metadata) const struct rd_kafka_metadata *metadata = NULL;
    RIACHO_TRY(metadata_of(log, name, &metadata, err));
    if (metadata->topic_cnt != 1)
        return riacho_fail(err, RIACHO_RETRY, "topic %s: no answer about it", name);
    const rd_kafka_metadata_topic_t *topic = &metadata->topics[0];
    *ret_partitions = 0;
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        topic->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
        return RIACHO_OK;
    /* Partitions without a leader are partitions too. */
    if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return riacho_kafka_status(NULL, topic->err, name, rd_kafka_err2str(topic->err), err);
    *ret_partitions = topic->partition_cnt;
    return RIACHO_OK;
}

/* ---- settings -------------------------------------------------------------------------------- */

static void wanted_entries(const riacho_topic_spec *spec, struct config_entry *ret)
{
    const bool ends = spec->retention_ms || spec->retention_bytes;
    const char *policy = spec->cleanup != RIACHO_CLEANUP_COMPACT ? "delete"
                         : ends                                  ? "compact,delete"
                                                                 : "compact";
    ret[POLICY].name = "cleanup.policy";
    snprintf(ret[POLICY].value, sizeof ret->value, "%s", policy);
    ret[RETENTION_MS].name = "retention.ms";
    snprintf(ret[RETENTION_MS].value, sizeof ret->value, "%" PRId64,
             spec->retention_ms ? spec->retention_ms : -1);
    ret[RETENTION_BYTES].name = "retention.bytes";
    snprintf(ret[RETENTION_BYTES].value, sizeof ret->value, "%" PRId64,
             spec->retention_bytes ? spec->retention_bytes : -1);
}

static int64_t limit_of(const char *value)
{
    const int64_t limit = strtoll(value, NULL, 10);
    return limit > 0 ? limit : 0;
}

static void read_entry(const rd_kafka_ConfigEntry_t *entry, bool *deletes, riacho_topic_spec *spec)
{
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);
    if (!value)
        return;
    if (!strcmp(name, "cleanup.policy")) {
        spec->cleanup = strstr(value, "compact") ? RIACHO_CLEANUP_COMPACT : RIACHO_CLEANUP_DELETE;
        *deletes = strstr(value, "delete") != NULL;
    } else if (!strcmp(name, "retention.ms")) {
        spec->retention_ms = limit_of(value);
    } else if (!strcmp(name, "retention.bytes")) {
        spec->retention_bytes = limit_of(value);
    }
}

static riacho_status read_resource(const rd_kafka_ConfigResource_t *resource,
                                   riacho_topic_spec *specs, size_t count, riacho_error *err)
{
    const char *name = rd_kafka_ConfigResource_name(resource);
    const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return riacho_log_no_topic(name, err);
    if (code)
        return riacho_kafka_status(NULL, code, name, rd_kafka_ConfigResource_error_string(resource),
                                   err);
    size_t entry_count;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resource, &entry_count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(specs[i].name, name) != 0)
            continue;
        bool deletes = true;
        for (size_t e = 0; e < entry_count; e++)
            read_entry(entries[e], &deletes, &specs[i]);
        if (!deletes)
            specs[i].retention_ms = specs[i].retention_bytes = 0;
    }
    return RIACHO_OK;
}

/* Fills in cleanup and retention. */
static riacho_status describe_some(struct riacho_kafka_log *log, riacho_topic_spec *specs,
                                   size_t count, riacho_error *err)
{
    rd_kafka_ConfigResource_t *resources[DESCRIBE_MAX];
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, log->client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                            RIACHO_KAFKA_WAIT_MS);
    for (size_t i = 0; i < count; i++)
        resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, specs[i].name);
    rd_kafka_DescribeConfigs(log->client->rk, resources, count, admin.options, admin.queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, "settings of topics", err));
    size_t found;
    const rd_kafka_ConfigResource_t **answers = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(admin.answer), &found);
    for (size_t i = 0; i < found; i++)
        RIACHO_TRY(read_resource(answers[i], specs, count, err));
    return RIACHO_OK;
}

static riacho_status check_altered(rd_kafka_event_t *answer, const char *name, riacho_error *err)
{
#if RD_KAFKA_VERSION >= 0x02040000
    size_t count;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_IncrementalAlterConfigs_result_resources(
        rd_kafka_event_IncrementalAlterConfigs_result(answer), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[i]);
        if (code)
            return riacho_kafka_status(NULL, code, name,
                                       rd_kafka_ConfigResource_error_string(resources[i]), err);
    }
#else
    (void)answer;
    (void)name;
    (void)err;
#endif
    return RIACHO_OK;
}

static riacho_status alter(struct riacho_kafka_log *log, const riacho_topic_spec *spec,
                           riacho_error *err)
{
    struct config_entry entries[ENTRIES];
    wanted_entries(spec, entries);
#if RD_KAFKA_VERSION >= 0x02040000
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, log->client, RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
                            RIACHO_KAFKA_WAIT_MS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, spec->name);
    for (size_t i = 0; i < ENTRIES; i++) {
        rd_kafka_error_t *error = rd_kafka_ConfigResource_add_incremental_config(
            resource, entries[i].name, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, entries[i].value);
        if (error)
            rd_kafka_error_destroy(error); /* only for arguments that are not given */
    }
    rd_kafka_IncrementalAlterConfigs(log->client->rk, &resource, 1, admin.options, admin.queue);
    rd_kafka_ConfigResource_destroy(resource);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, spec->name, err));
    return check_altered(admin.answer, spec->name, err);
#else
    /* The older request forgets every setting that it does not name. */
    (void)log;
    return riacho_fail(err, RIACHO_REJECT,
                       "topic %s should have cleanup.policy=%s, retention.ms=%s and "
                       "retention.bytes=%s: set them with Kafka's tools, or use librdkafka 2.4 or "
                       "newer",
                       spec->name, entries[POLICY].value, entries[RETENTION_MS].value,
                       entries[RETENTION_BYTES].value);
#endif
}

/* ---- creation -------------------------------------------------------------------------------- */

static riacho_status check_created(rd_kafka_event_t *answer, const char *name, riacho_error *err)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        const char *text = rd_kafka_topic_result_error_string(results[i]);
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return riacho_kafka_status(NULL, code, name, text ? text : rd_kafka_err2str(code), err);
    }
    return RIACHO_OK;
}

static riacho_status create(struct riacho_kafka_log *log, const riacho_topic_spec *spec,
                            riacho_error *err)
{
    char words[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        spec->name, spec->partitions, log->config.replication, words, sizeof words);
    if (!topic)
        return riacho_fail(err, RIACHO_REJECT, "topic %s: %s", spec->name, words);
    struct config_entry entries[ENTRIES];
    wanted_entries(spec, entries);
    for (size_t i = 0; i < ENTRIES; i++)
        rd_kafka_NewTopic_set_config(topic, entries[i].name, entries[i].value);
    snprintf(words, sizeof words, "%d", MESSAGE_BYTES_MAX);
    rd_kafka_NewTopic_set_config(topic, "max.message.bytes", words);
    rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "CreateTime");
    if (spec->cleanup == RIACHO_CLEANUP_COMPACT)
        rd_kafka_NewTopic_set_config(topic, "delete.retention.ms", deletions_ms);
    RIACHO_AUTO(kafka_admin) struct riacho_kafka_admin admin;
    riacho_kafka_admin_init(&admin, log, log->client, RD_KAFKA_ADMIN_OP_CREATETOPICS,
                            CREATE_WAIT_MS);
    rd_kafka_CreateTopics(log->client->rk, &topic, 1, admin.options, admin.queue);
    rd_kafka_NewTopic_destroy(topic);
    RIACHO_TRY(riacho_kafka_admin_wait(&admin, spec->name, err));
    return check_created(admin.answer, spec->name, err);
}

/* A topic that was just created is usable when every partition has a leader that answers. */
static riacho_status await_usable(struct riacho_kafka_log *log, const riacho_topic_spec *spec,
                                  riacho_error *err)
{
    const int64_t deadline = riacho_kafka_deadline(CREATE_WAIT_MS);
    for (;; usleep(RIACHO_KAFKA_PAUSE_MS * 1000)) {
        RIACHO_AUTO(partitions)
        rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new(spec->partitions);
        for (int32_t p = 0; p < spec->partitions; p++)
            rd_kafka_topic_partition_list_add(ends, spec->name, p)->offset = RD_KAFKA_OFFSET_END;
        const riacho_status status = riacho_kafka_offsets(log, ends, err);
        if (status == RIACHO_OK || !riacho_kafka_left(deadline))
            return status;
    }
}

/* ---- what is remembered ---------------------------------------------------------------------- */

static struct riacho_kafka_topic *remember(struct riacho_kafka_log *log, const char *name,
                                           int32_t partitions)
{
    RIACHO_AUTO(mutex) pthread_mutex_t *lock = locked(log);
    riacho_map_entry *entry = riacho_map_put(&log->topics, riacho_text(name));
    struct riacho_kafka_topic *topic = entry->value;
    if (!topic) {
        topic = riacho_alloc_zero(log->arena, 1, sizeof *topic);
        const riacho_bytes copy = riacho_copy(log->arena, riacho_text(name));
        topic->name = copy.data;
        topic->partitions = partitions;
        entry->key = copy;
        entry->value = topic;
    }
    return topic;
}

static void remember_cleanup(struct riacho_kafka_topic *topic, riacho_cleanup cleanup)
{
    topic->cleanup = cleanup;
    topic->cleanup_known = true;
}

static struct riacho_kafka_topic *known(struct riacho_kafka_log *log, const char *name)
{
    RIACHO_AUTO(mutex) pthread_mutex_t *lock = locked(log);
    return riacho_map_get(&log->topics, riacho_text(name));
}

riacho_status riacho_kafka_topic_find(struct riacho_kafka_log *log, const char *name,
                                      struct riacho_kafka_topic **ret_topic, riacho_error *err)
{
    if (!name || !*name || strlen(name) > RIACHO_TOPIC_NAME_BYTES_MAX)
        return riacho_log_no_topic(name, err);
    *ret_topic = known(log, name);
    if (*ret_topic)
        return RIACHO_OK;
    int32_t partitions;
    RIACHO_TRY(count_partitions(log, name, &partitions, err));
    if (!partitions)
        return riacho_log_no_topic(name, err);
    *ret_topic = remember(log, name, partitions);
    return RIACHO_OK;
}

/* Who may not see the settings of a topic may write to it all the same: then the brokers refuse
 * what is not right for it. */
static riacho_status find_cleanup(struct riacho_kafka_log *log, struct riacho_kafka_topic *topic,
                                  riacho_error *err)
{
    riacho_topic_spec spec = {.name = topic->name};
    if (topic->cleanup_known)
        return RIACHO_OK;
    const riacho_status status = describe_some(log, &spec, 1, err);
    if (status == RIACHO_RETRY)
        return status;
    remember_cleanup(topic, spec.cleanup);
    return RIACHO_OK;
}

static riacho_topic_spec spec_of(const struct riacho_kafka_topic *topic)
{
    return (riacho_topic_spec){
        .name = topic->name, .partitions = topic->partitions, .cleanup = topic->cleanup};
}

riacho_status riacho_kafka_topic_check(struct riacho_kafka_log *log,
                                       const riacho_log_append *append,
                                       struct riacho_kafka_topic **ret_topic, riacho_error *err)
{
    struct riacho_kafka_topic *topic;
    RIACHO_TRY(riacho_kafka_topic_find(log, append->topic, &topic, err));
    RIACHO_TRY(find_cleanup(log, topic, err));
    const riacho_topic_spec spec = spec_of(topic);
    RIACHO_TRY(riacho_log_check_append(&spec, append, err));
    *ret_topic = topic;
    return RIACHO_OK;
}

int32_t riacho_kafka_topic_choose(struct riacho_kafka_topic *topic, const riacho_log_append *append)
{
    if (append->partition >= 0)
        return append->partition;
    const riacho_topic_spec spec = spec_of(topic);
    const bool in_turn = !append->record.key.data;
    return riacho_log_choose_partition(&spec, append, in_turn ? topic->turn++ : 0);
}

/* ---- the port -------------------------------------------------------------------------------- */

riacho_status riacho_kafka_topic_ensure(riacho_log *base, const riacho_topic_spec *spec,
                                        riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    RIACHO_TRY(riacho_log_check_spec(spec, err));
    int32_t partitions;
    RIACHO_TRY(count_partitions(log, spec->name, &partitions, err));
    riacho_topic_spec held = {.name = spec->name, .partitions = partitions};
    if (!partitions) {
        RIACHO_TRY(create(log, spec, err));
        RIACHO_TRY(await_usable(log, spec, err));
        RIACHO_TRY(count_partitions(log, spec->name, &held.partitions, err));
    }
    RIACHO_TRY(riacho_log_check_same(&held, spec, err));
    RIACHO_TRY(describe_some(log, &held, 1, err));
    if (held.cleanup != spec->cleanup || held.retention_ms != spec->retention_ms ||
        held.retention_bytes != spec->retention_bytes)
        RIACHO_TRY(alter(log, spec, err));
    remember_cleanup(remember(log, spec->name, held.partitions), spec->cleanup);
    return RIACHO_OK;
}

riacho_status riacho_kafka_topic_describe(riacho_log *base, const char *topic, riacho_arena *arena,
                                          riacho_topic_spec *ret_spec, riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    struct riacho_kafka_topic *found;
    RIACHO_TRY(riacho_kafka_topic_find(log, topic, &found, err));
    riacho_topic_spec spec = {.name = riacho_copy(arena, riacho_text(topic)).data,
                              .partitions = found->partitions};
    RIACHO_TRY(describe_some(log, &spec, 1, err));
    *ret_spec = spec;
    return RIACHO_OK;
}

/* Kafka's own topics begin with "__". */
static bool is_listed(const rd_kafka_metadata_topic_t *topic)
{
    return !topic->err && topic->partition_cnt > 0 && strncmp(topic->topic, "__", 2) != 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const riacho_topic_spec *)a)->name, ((const riacho_topic_spec *)b)->name);
}

riacho_status riacho_kafka_topic_list(riacho_log *base, riacho_arena *arena,
                                      riacho_topic_spec **ret_specs, size_t *ret_count,
                                      riacho_error *err)
{
    struct riacho_kafka_log *log = riacho_kafka_log_of(base);
    RIACHO_AUTO(metadata) const struct rd_kafka_metadata *metadata = NULL;
    RIACHO_TRY(metadata_of(log, NULL, &metadata, err));
    riacho_topic_spec *specs = riacho_alloc_zero(arena, (size_t)metadata->topic_cnt, sizeof *specs);
    size_t count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (is_listed(topic))
            specs[count++] =
                (riacho_topic_spec){.name = riacho_copy(arena, riacho_text(topic->topic)).data,
                                    .partitions = topic->partition_cnt};
    }
    for (size_t at = 0; at < count; at += DESCRIBE_MAX)
        RIACHO_TRY(describe_some(log, specs + at,
                                 count - at < DESCRIBE_MAX ? count - at : DESCRIBE_MAX, err));
    if (count)
        qsort(specs, count, sizeof *specs, by_name);
    *ret_specs = specs;
    *ret_count = count;
    return RIACHO_OK;
}
