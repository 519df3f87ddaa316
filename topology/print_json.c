/* SPDX-License-Identifier: MIT
 *
 * print_json.c - a graph as JSON, for REST and the console. Things refer to each other by name.
 */
#include <inttypes.h>

#include "print.h"

static void text(const char *comma, const char *name, const char *value, riacho_buffer *out)
{
    riacho_buffer_printf(out, "%s\"%s\":", comma, name);
    if (value)
        riacho_json_quote(riacho_text(value), out);
    else
        riacho_buffer_printf(out, "null");
}

static void types(const riacho_data *key, const riacho_data *value, riacho_buffer *out)
{
    text(",", "keyType", key->word, out);
    text(",", "valueType", value->word, out);
}

static void put_roles(unsigned roles, riacho_buffer *out)
{
    static const char *const words[] = {"source", "sink", "repartition", "command", "deadLetters"};
    const char *comma = "";
    riacho_buffer_printf(out, ",\"roles\":[");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!(roles & 1u << i))
            continue;
        riacho_buffer_printf(out, "%s\"%s\"", comma, words[i]);
        comma = ",";
    }
    riacho_buffer_printf(out, "]");
}

static void put_topics(const riacho_graph *graph, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"topics\":[");
    for (size_t i = 0; i < graph->topic_count; i++) {
        const riacho_graph_topic *topic = &graph->topics[i];
        text(i ? ",{" : "{", "name", topic->name, out);
        put_roles(topic->roles, out);
        types(&topic->key, &topic->value, out);
        riacho_buffer_printf(out, ",\"partitions\":%d,\"compacted\":%s}", topic->partitions,
                             topic->compacted ? "true" : "false");
    }
    riacho_buffer_printf(out, "]");
}

static void put_stores(const riacho_graph *graph, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"stores\":[");
    for (size_t i = 0; i < graph->store_count; i++) {
        const riacho_graph_store *store = &graph->stores[i];
        text(i ? ",{" : "{", "name", store->name, out);
        text(",", "kind", riacho_store_word_of(store->kind), out);
        types(&store->key, &store->value, out);
        riacho_buffer_printf(out,
                             ",\"queryable\":%s,\"caching\":%s,\"keep\":%" PRIu64
                             ",\"ttlMs\":%" PRId64 ",\"subtopology\":%d}",
                             store->queryable ? "true" : "false", store->caching ? "true" : "false",
                             store->keep, store->ttl_ms, store->subtopology);
    }
    riacho_buffer_printf(out, "]");
}

static void put_edges(const riacho_graph *graph, const riacho_node *node, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"children\":[");
    for (size_t i = 0; i < node->child_count; i++) {
        riacho_buffer_printf(out, "%s", i ? "," : "");
        riacho_json_quote(riacho_text(graph->nodes[node->children[i].node].id), out);
    }
    riacho_buffer_printf(out, "],\"stores\":[");
    for (size_t i = 0; i < node->store_count; i++) {
        riacho_buffer_printf(out, "%s", i ? "," : "");
        riacho_json_quote(riacho_text(graph->stores[node->stores[i]].name), out);
    }
    riacho_buffer_printf(out, "]}");
}

static void put_nodes(const riacho_graph *graph, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"nodes\":[");
    for (size_t i = 0; i < graph->node_count; i++) {
        const riacho_node *node = &graph->nodes[i];
        text(i ? ",{" : "{", "id", node->id, out);
        text(",", "kind", riacho_node_word(node->kind), out);
        riacho_buffer_printf(out, ",\"subtopology\":%d,\"table\":%s", node->subtopology,
                             node->table ? "true" : "false");
        types(&node->key, &node->value, out);
        text(",", "function", node->function_name, out);
        text(",", "detail", node->detail, out);
        text(",", "topic", node->topic == RIACHO_NONE ? NULL : graph->topics[node->topic].name,
             out);
        put_edges(graph, node, out);
    }
    riacho_buffer_printf(out, "]");
}

static void put_requests(const riacho_graph *graph, riacho_buffer *out)
{
    static const char *const kinds[] = {[RIACHO_QUERY_GET] = "get",
                                        [RIACHO_QUERY_RANGE] = "range",
                                        [RIACHO_QUERY_TOP] = "top",
                                        [RIACHO_QUERY_RANK] = "rank",
                                        [RIACHO_QUERY_LIST] = "list"};
    riacho_buffer_printf(out, ",\"commands\":[");
    for (size_t i = 0; i < graph->command_count; i++) {
        const riacho_graph_command *command = &graph->commands[i];
        text(i ? ",{" : "{", "name", command->name, out);
        text(",", "method", command->method, out);
        text(",", "path", command->path, out);
        text(",", "topic", graph->topics[command->topic].name, out);
        text(",", "body", command->body_word, out);
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "],\"queries\":[");
    for (size_t i = 0; i < graph->query_count; i++) {
        const riacho_graph_query *query = &graph->queries[i];
        text(i ? ",{" : "{", "name", query->name, out);
        text(",", "kind", kinds[query->kind], out);
        text(",", "path", query->path, out);
        text(",", "store", graph->stores[query->store].name, out);
        text(",", "view", query->view_name, out);
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "]");
}

void riacho_graph_print_json(const riacho_graph *graph, riacho_buffer *out)
{
    text("{", "name", graph->name, out);
    text(",", "description", graph->description, out);
    text(",", "guarantee", graph->guarantee == RIACHO_EXACTLY_ONCE ? "exactlyOnce" : "atLeastOnce",
         out);
    text(",", "basePath", graph->base_path, out);
    riacho_buffer_printf(out, ",\"hash\":\"%016" PRIx64 "\",\"subtopologies\":%zu", graph->hash,
                         graph->subtopology_count);
    put_topics(graph, out);
    put_stores(graph, out);
    put_nodes(graph, out);
    put_requests(graph, out);
    riacho_buffer_printf(out, "}");
}
