/* SPDX-License-Identifier: MIT
 *
 * build_streams.c - streams and tables, the topics behind them, and the sinks of pipelines (see
 * build.h).
 */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "build.h"

static const riacho_stream *stream_of(const riacho_builder *builder, const riacho_origin *origin)
{
    return origin->kind == RIACHO_ORIGIN_TABLE ? &builder->topology->tables[origin->index]
                                               : &builder->topology->streams[origin->index];
}

riacho_origin *riacho_build_origin(riacho_builder *builder, const char *name)
{
    for (size_t i = 0; i < builder->origin_count; i++)
        if (strcmp(builder->origins[i].name, name) == 0)
            return &builder->origins[i];
    return NULL;
}

/* ---- topics ---- */

static bool topic_name_valid(riacho_builder *builder, riacho_where where, const char *name)
{
    const size_t size = strlen(name);
    const size_t good =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (size && good == size && size <= RIACHO_TOPIC_NAME_BYTES_MAX && strcmp(name, ".") != 0 &&
        strcmp(name, "..") != 0)
        return true;
    riacho_build_issue(builder, where, "write letters, digits, '.', '_' and '-', at most 249",
                       "'%.80s' cannot be the name of a topic", name);
    return false;
}

static int32_t find_topic(const riacho_builder *builder, const char *name)
{
    for (size_t i = 0; i < builder->topic_count; i++)
        if (strcmp(builder->topics[i].name, name) == 0)
            return (int32_t)i;
    return RIACHO_NONE;
}

static void check_topic_type(riacho_builder *builder, riacho_where where, const char *topic,
                             const char *what, const riacho_data *has, const riacho_data *gets)
{
    if (!riacho_build_fits(has, gets))
        riacho_build_issue(builder, where, NULL, "the topic '%s' has %s of type %s, and gets %s",
                           topic, what, has->word, gets->word);
}

int32_t riacho_build_topic(riacho_builder *builder, riacho_where where,
                           const riacho_graph_topic *topic)
{
    const int32_t known = find_topic(builder, topic->name);
    if (!topic_name_valid(builder, where, topic->name))
        return RIACHO_NONE;
    if (known != RIACHO_NONE) {
        riacho_graph_topic *old = &builder->topics[known];
        check_topic_type(builder, where, old->name, "keys", &old->key, &topic->key);
        check_topic_type(builder, where, old->name, "values", &old->value, &topic->value);
        old->roles |= topic->roles;
        return known;
    }
    builder->topics = riacho_build_grow(builder, builder->topics, builder->topic_count,
                                        &builder->topic_capacity, sizeof *builder->topics);
    builder->topics[builder->topic_count] = *topic;
    builder->topics[builder->topic_count].name = riacho_format(builder->arena, "%s", topic->name);
    return (int32_t)builder->topic_count++;
}

static void start_of(riacho_builder *builder, const riacho_stream *stream,
                     riacho_graph_topic *topic)
{
    const riacho_where where = {&stream->start_from, &stream->mark};
    const char *word = stream->start_from ? stream->start_from : "earliest";
    static const char *const words[] = {"earliest", "latest", "none"};
    if (strcmp(word, "earliest") == 0)
        topic->start = RIACHO_START_EARLIEST;
    else if (strcmp(word, "latest") == 0)
        topic->start = RIACHO_START_LATEST;
    else if (strcmp(word, "none") == 0)
        topic->start = RIACHO_START_NONE;
    else if (riacho_duration_parse(riacho_text(word), &topic->start_ago_ms, NULL) == RIACHO_OK)
        topic->start = RIACHO_START_AGO;
    else
        riacho_build_issue(builder, where, riacho_build_meant(builder, word, words, 3),
                           "'startFrom' must be earliest, latest, none or a duration, and not "
                           "'%.80s'",
                           word);
}

/* The types are known since riacho_build_streams; the topic is added when it is used. */
static int32_t topic_of(riacho_builder *builder, riacho_origin *origin, unsigned role)
{
    const riacho_stream *stream = stream_of(builder, origin);
    const riacho_where where = {&stream->topic, &stream->mark};
    origin->used = true;
    if (!stream->topic)
        return RIACHO_NONE; /* an issue already */
    riacho_graph_topic topic = {
        .name = stream->topic,
        .roles = role,
        .key = origin->tip.key,
        .value = origin->tip.value,
        .partitions = (int32_t)stream->partitions,
        .upstream = RIACHO_NONE,
        .compacted = origin->kind == RIACHO_ORIGIN_TABLE,
        .retention_ms = stream->retention_ms,
        .retention_bytes = (int64_t)stream->retention_bytes,
    };
    if (find_topic(builder, topic.name) == RIACHO_NONE)
        start_of(builder, stream, &topic);
    return riacho_build_topic(builder, where, &topic);
}

/* ---- streams and tables ---- */

static void check_unique(riacho_builder *builder, const riacho_origin *origin)
{
    const riacho_stream *stream = stream_of(builder, origin);
    for (const riacho_origin *other = builder->origins; other < origin; other++) {
        const riacho_stream *earlier = stream_of(builder, other);
        if (strcmp(other->name, origin->name) == 0)
            riacho_build_issue(builder, origin->where, NULL,
                               "the name '%s' is taken by another stream or table", origin->name);
        else if (stream->topic && earlier->topic && strcmp(stream->topic, earlier->topic) == 0)
            riacho_build_issue(builder, (riacho_where){&stream->topic, &stream->mark},
                               "use one name for it in every pipeline",
                               "the topic '%s' is read as '%s' already", stream->topic,
                               other->name);
    }
}

static void declare(riacho_builder *builder, const riacho_stream *stream, riacho_origin *origin)
{
    const char *noun = origin->kind == RIACHO_ORIGIN_TABLE ? "a table" : "a stream";
    const riacho_where where = {&stream->name, &stream->mark};
    const struct {
        const char *key;
        const char *const *word;
    } needed[] = {{"topic", &stream->topic},
                  {"keyType", &stream->key_type},
                  {"valueType", &stream->value_type}};
    origin->where = where;
    origin->name = stream->name;
    riacho_build_name_valid(builder, where, noun, stream->name);
    for (size_t i = 0; i < 3; i++)
        if (!*needed[i].word)
            riacho_build_issue(builder, where, NULL, "%s needs '%s'", noun, needed[i].key);
    if (stream->topic)
        topic_name_valid(builder, (riacho_where){&stream->topic, &stream->mark}, stream->topic);
    if (stream->partitions > RIACHO_PARTITIONS_MAX)
        riacho_build_issue(builder, (riacho_where){&stream->partitions, &stream->mark}, NULL,
                           "a topic has at most %d partitions", RIACHO_PARTITIONS_MAX);
    origin->tip = (riacho_tip){
        .node = RIACHO_NONE,
        .key = riacho_build_word(builder, (riacho_where){&stream->key_type, &stream->mark},
                                 stream->key_type),
        .value = riacho_build_word(builder, (riacho_where){&stream->value_type, &stream->mark},
                                   stream->value_type),
        .table = origin->kind == RIACHO_ORIGIN_TABLE,
    };
    check_unique(builder, origin);
}

static size_t count_as(const riacho_topology *topology)
{
    size_t count = 0;
    for (size_t i = 0; i < topology->pipelines_count; i++)
        count += 1 + topology->pipelines[i].branch_count;
    return count;
}

void riacho_build_streams(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    const size_t most = topology->streams_count + topology->tables_count + count_as(topology);
    builder->origins = riacho_alloc_zero(builder->arena, most, sizeof *builder->origins);
    for (size_t i = 0; i < topology->streams_count; i++) {
        riacho_origin *origin = &builder->origins[builder->origin_count];
        *origin = (riacho_origin){.kind = RIACHO_ORIGIN_STREAM, .index = i};
        declare(builder, &topology->streams[i], origin);
        builder->origin_count++;
    }
    for (size_t i = 0; i < topology->tables_count; i++) {
        riacho_origin *origin = &builder->origins[builder->origin_count];
        *origin = (riacho_origin){.kind = RIACHO_ORIGIN_TABLE, .index = i};
        declare(builder, &topology->tables[i], origin);
        builder->origin_count++;
    }
}

static const riacho_expr *timestamp_of(riacho_builder *builder, const riacho_origin *origin)
{
    const riacho_stream *stream = stream_of(builder, origin);
    const riacho_where where = {&stream->timestamp, &stream->mark};
    if (!stream->timestamp)
        return NULL;
    const riacho_scope_types types = {
        .key = origin->tip.key, .value = origin->tip.value, .agg = riacho_build_unknown()};
    const riacho_source_text source = riacho_build_source(where, stream->timestamp);
    return riacho_build_expr(builder, &source, &types, &riacho_type_long);
}

void riacho_build_source_node(riacho_builder *builder, riacho_origin *origin)
{
    const riacho_stream *stream = stream_of(builder, origin);
    const bool table = origin->kind == RIACHO_ORIGIN_TABLE;
    if (origin->ready)
        return;
    origin->ready = true;
    riacho_node node = {
        .id = riacho_format(builder->arena, "%s.%s", stream->name, table ? "table" : "source"),
        .kind = table ? RIACHO_NODE_TABLE_SOURCE : RIACHO_NODE_SOURCE,
        .mark = stream->mark,
        .table = table,
        .in_key = origin->tip.key,
        .in_value = origin->tip.value,
        .key = origin->tip.key,
        .value = origin->tip.value,
        .timestamp_expr = timestamp_of(builder, origin),
        .detail = stream->timestamp
                      ? riacho_format(builder->arena, "timestamp: %s", stream->timestamp)
                      : NULL,
        .topic = topic_of(builder, origin, RIACHO_TOPIC_SOURCE),
    };
    origin->tip.node = riacho_build_node(builder, &node);
    if (!table)
        return;
    int32_t *store = riacho_alloc_zero(builder->arena, 1, sizeof *store);
    *store = riacho_build_owned_store(builder, (riacho_where){&stream->store, &stream->mark},
                                      &stream->store, stream->name, &origin->tip, origin->tip.node);
    riacho_node *made = riacho_build_node_at(builder, origin->tip.node);
    made->stores = store;
    made->store_count = 1;
    if (*store != RIACHO_NONE)
        builder->stores[*store].queryable = true; /* it has a name of the user's */
}

void riacho_build_unused_streams(riacho_builder *builder)
{
    for (size_t i = 0; i < builder->origin_count; i++) {
        const riacho_origin *origin = &builder->origins[i];
        if (!origin->used)
            riacho_build_warning(builder, origin->where, "'%s' is not used", origin->name);
    }
}

/* ---- sinks ---- */

static riacho_origin *declared(riacho_builder *builder, const char *name)
{
    riacho_origin *origin = riacho_build_origin(builder, name);
    return origin && origin->kind != RIACHO_ORIGIN_AS ? origin : NULL;
}

/* A stream by the name of its topic: it says more about the topic than a pipeline can. */
static riacho_origin *declared_topic(riacho_builder *builder, const char *topic)
{
    for (size_t i = 0; i < builder->origin_count; i++) {
        riacho_origin *origin = &builder->origins[i];
        if (origin->kind == RIACHO_ORIGIN_AS)
            continue;
        const riacho_stream *stream = stream_of(builder, origin);
        if (stream->topic && strcmp(stream->topic, topic) == 0)
            return origin;
    }
    return NULL;
}

int32_t riacho_build_stream_topic(riacho_builder *builder, riacho_where where, const char *name,
                                  unsigned role)
{
    riacho_origin *origin = declared(builder, name);
    if (origin)
        return topic_of(builder, origin, role);
    const char **names = riacho_alloc_zero(builder->arena, builder->origin_count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < builder->origin_count; i++)
        if (builder->origins[i].kind != RIACHO_ORIGIN_AS)
            names[count++] = builder->origins[i].name;
    const char *hint = riacho_build_meant(builder, name, names, count);
    riacho_build_issue(builder, where, hint ? hint : "declare it under 'streams'",
                       "there is no stream '%.80s'", name);
    return RIACHO_NONE;
}

int32_t riacho_build_sink_topic(riacho_builder *builder, riacho_where where, const char *name,
                                const riacho_tip *tip)
{
    riacho_origin *origin = declared(builder, name);
    if (!origin)
        origin = declared_topic(builder, name);
    if (!origin)
        return riacho_build_topic(builder, where,
                                  &(riacho_graph_topic){.name = name,
                                                        .roles = RIACHO_TOPIC_SINK,
                                                        .key = tip->key,
                                                        .value = tip->value,
                                                        .upstream = RIACHO_NONE});
    const int32_t topic = topic_of(builder, origin, RIACHO_TOPIC_SINK);
    check_topic_type(builder, where, name, "keys", &origin->tip.key, &tip->key);
    check_topic_type(builder, where, name, "values", &origin->tip.value, &tip->value);
    return topic;
}

static void choose_topics(riacho_builder *builder, riacho_where where, const riacho_to_spec *to,
                          const riacho_tip *tip, riacho_node *node)
{
    const riacho_scope_types types = {
        .key = tip->key, .value = tip->value, .agg = riacho_build_unknown()};
    const riacho_source_text source =
        riacho_build_source((riacho_where){&to->topic_from, where.mark}, to->topic_from);
    int32_t *allowed = riacho_alloc_zero(builder->arena, to->allow_count, sizeof *allowed);
    node->topic = RIACHO_NONE;
    node->topic_expr = riacho_build_expr(builder, &source, &types, &riacho_type_string);
    node->detail = riacho_format(builder->arena, "%s", to->topic_from);
    for (size_t i = 0; i < to->allow_count; i++)
        allowed[i] = riacho_build_sink_topic(builder, (riacho_where){&to->allow[i], where.mark},
                                             to->allow[i], tip);
    node->allowed_topics = allowed;
    node->allowed_topic_count = to->allow_count;
    if (!to->allow_count)
        riacho_build_issue(builder, where, NULL,
                           "'topicFrom' needs the topics it may choose in 'allow'");
}

void riacho_build_sink(riacho_builder *builder, riacho_where where, const riacho_to_spec *to,
                       const char *id, const riacho_tip *tip, const riacho_edge *edge)
{
    riacho_node node = {
        .id = id,
        .kind = RIACHO_NODE_SINK,
        .mark = *where.mark,
        .table = tip->table,
        .in_key = tip->key,
        .in_value = tip->value,
        .key = tip->key,
        .value = tip->value,
        .topic = RIACHO_NONE,
    };
    if (to->topic && to->topic_from)
        riacho_build_issue(builder, where, NULL, "say a topic or 'topicFrom', not both");
    if (to->topic_from)
        choose_topics(builder, where, to, tip, &node);
    else
        node.topic = riacho_build_sink_topic(builder, where, to->topic, tip);
    riacho_edge to_sink = *edge;
    to_sink.node = riacho_build_node(builder, &node);
    riacho_build_edge(builder, tip->node, &to_sink);
}
