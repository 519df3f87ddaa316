/* SPDX-License-Identifier: MIT
 *
 * hash.c - one number for everything that may change the result of a replay, so that `plan` can say
 * whether state must be rebuilt.
 *
 * In it: the topology's name; of each topic its name, roles, types (with the hash of their layout),
 * declared partitions and where reading begins; of each store its name, kind, types, caching, keep
 * and ttl; of each node its id, kind, types, functions, expressions as they were written, stores,
 * topics and edges; what becomes of records that fail. Not in it: description, guarantee, commit
 * interval, retention, HTTP paths, commands and queries (an event that a command made is in the log
 * and is replayed as it is), attempts and backoff, where things were written.
 *
 * A graph that was built without its libraries has unknown types, and so another hash: only graphs
 * that can run are compared.
 *
 * FNV-1a over a text with one item a line: stable over versions and machines as long as the lines
 * are.
 */
#include <inttypes.h>

#include "base/macros.h"
#include "build.h"

static void put_data(riacho_buffer *out, const char *what, const riacho_data *data)
{
    riacho_buffer_printf(out, " %s=%s", what, data->word);
    if (data->codec->type->kind >= RIACHO_ENUM)
        riacho_buffer_printf(out, "#%016" PRIx64, data->codec->type->hash);
}

static void put_topic(riacho_buffer *out, const riacho_graph_topic *topic)
{
    riacho_buffer_printf(out, "topic %s roles=%u partitions=%d start=%d/%" PRId64 " compacted=%d",
                         topic->name, topic->roles & ~(unsigned)RIACHO_TOPIC_COMMAND,
                         topic->partitions, (int)topic->start, topic->start_ago_ms,
                         topic->compacted);
    put_data(out, "key", &topic->key);
    put_data(out, "value", &topic->value);
    riacho_buffer_append(out, "\n", 1);
}

static void put_store(riacho_buffer *out, const riacho_graph_store *store)
{
    riacho_buffer_printf(out, "store %s kind=%d caching=%d keep=%" PRIu64 " ttl=%" PRId64,
                         store->name, (int)store->kind, store->caching, store->keep, store->ttl_ms);
    put_data(out, "key", &store->key);
    put_data(out, "value", &store->value);
    riacho_buffer_append(out, "\n", 1);
}

static const char *topic_name(const riacho_graph *graph, int32_t topic)
{
    return topic == RIACHO_NONE ? "-" : graph->topics[topic].name;
}

static void put_node(riacho_buffer *out, const riacho_graph *graph, const riacho_node *node)
{
    riacho_buffer_printf(out, "node %s kind=%d aggregate=%d table=%d function=%s topic=%s",
                         node->id, (int)node->kind, (int)node->aggregate, node->table,
                         node->function_name ? node->function_name : "-",
                         topic_name(graph, node->topic));
    put_data(out, "inKey", &node->in_key);
    put_data(out, "inValue", &node->in_value);
    put_data(out, "key", &node->key);
    put_data(out, "value", &node->value);
    for (size_t i = 0; i < node->store_count; i++)
        riacho_buffer_printf(out, " store=%s", graph->stores[node->stores[i]].name);
    for (size_t i = 0; i < node->allowed_topic_count; i++)
        riacho_buffer_printf(out, " allow=%s", topic_name(graph, node->allowed_topics[i]));
    for (size_t i = 0; i < node->child_count; i++)
        riacho_buffer_printf(out, " child=%s/%s", graph->nodes[node->children[i].node].id,
                             node->children[i].name ? node->children[i].name : "-");
    riacho_buffer_printf(out, " detail=%s\n", node->detail ? node->detail : "-");
}

static void put_policy(riacho_buffer *out, const riacho_graph *graph, const char *what,
                       const riacho_error_policy *policy)
{
    riacho_buffer_printf(out, "onError %s action=%d then=%d topic=%s\n", what, (int)policy->action,
                         (int)policy->then, topic_name(graph, policy->topic));
}

uint64_t riacho_graph_hash(const riacho_graph *graph)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_buffer_printf(&text, "topology %s\n", graph->name);
    for (size_t i = 0; i < graph->topic_count; i++)
        put_topic(&text, &graph->topics[i]);
    for (size_t i = 0; i < graph->store_count; i++)
        put_store(&text, &graph->stores[i]);
    for (size_t i = 0; i < graph->node_count; i++)
        put_node(&text, graph, &graph->nodes[i]);
    put_policy(&text, graph, "deserialize", &graph->on_deserialize);
    put_policy(&text, graph, "process", &graph->on_process);
    put_policy(&text, graph, "produce", &graph->on_produce);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * 0x100000001b3u;
    return hash;
}
