/* SPDX-License-Identifier: MIT
 *
 * print_text.c - a graph in the shape of Kafka Streams' Topology.describe(), nodes in the order in
 * which records meet them.
 */
#include "print.h"

const char *riacho_node_word(riacho_node_kind kind)
{
    static const char *const words[] = {
        [RIACHO_NODE_SOURCE] = "source",
        [RIACHO_NODE_TABLE_SOURCE] = "table",
        [RIACHO_NODE_FILTER] = "filter",
        [RIACHO_NODE_MAP] = "map",
        [RIACHO_NODE_MAP_VALUES] = "mapValues",
        [RIACHO_NODE_FLAT_MAP] = "flatMap",
        [RIACHO_NODE_REKEY] = "rekey",
        [RIACHO_NODE_CONVERT] = "convert",
        [RIACHO_NODE_NULL_KEYS] = "nullKeys",
        [RIACHO_NODE_AGGREGATE] = "aggregate",
        [RIACHO_NODE_PROCESS] = "process",
        [RIACHO_NODE_MERGE] = "merge",
        [RIACHO_NODE_BRANCH] = "branch",
        [RIACHO_NODE_PEEK] = "peek",
        [RIACHO_NODE_TO_TABLE] = "toTable",
        [RIACHO_NODE_TO_STREAM] = "toStream",
        [RIACHO_NODE_SINK] = "sink",
        [RIACHO_NODE_FOR_EACH] = "forEach",
    };
    return words[kind];
}

const char *riacho_store_word_of(riacho_store_kind kind)
{
    static const char *const words[] = {
        [RIACHO_STORE_KEYVALUE] = "keyValue",
        [RIACHO_STORE_RANKING] = "ranking",
        [RIACHO_STORE_LIST] = "list",
        [RIACHO_STORE_TTL] = "ttl",
    };
    return words[kind];
}

static void print_stores(const riacho_graph *graph, const riacho_node *node, riacho_buffer *out)
{
    riacho_buffer_printf(out, " (stores: [");
    for (size_t i = 0; i < node->store_count; i++)
        riacho_buffer_printf(out, "%s%s", i ? ", " : "", graph->stores[node->stores[i]].name);
    riacho_buffer_printf(out, "])\n");
}

static void print_head(const riacho_graph *graph, const riacho_node *node, riacho_buffer *out)
{
    switch (node->kind) {
    case RIACHO_NODE_SOURCE:
        riacho_buffer_printf(out, "    Source: %s (topics: [%s])\n", node->id,
                             graph->topics[node->topic].name);
        break;
    case RIACHO_NODE_TABLE_SOURCE:
        riacho_buffer_printf(out, "    Source: %s (topics: [%s], store: %s)\n", node->id,
                             graph->topics[node->topic].name, graph->stores[*node->stores].name);
        break;
    case RIACHO_NODE_SINK:
        if (node->topic == RIACHO_NONE)
            riacho_buffer_printf(out, "    Sink: %s (topic from: %s)\n", node->id, node->detail);
        else
            riacho_buffer_printf(out, "    Sink: %s (topic: %s)\n", node->id,
                                 graph->topics[node->topic].name);
        break;
    default:
        riacho_buffer_printf(out, "    Processor: %s", node->id);
        print_stores(graph, node, out);
        break;
    }
}

static void print_children(const riacho_graph *graph, const riacho_node *node, riacho_buffer *out)
{
    riacho_buffer_printf(out, "      -->");
    for (size_t i = 0; i < node->child_count; i++)
        riacho_buffer_printf(out, "%s %s", i ? "," : "", graph->nodes[node->children[i].node].id);
    riacho_buffer_printf(out, "%s\n", node->child_count ? "" : " none");
}

static bool leads_to(const riacho_node *node, int32_t child)
{
    for (size_t i = 0; i < node->child_count; i++)
        if (node->children[i].node == child)
            return true;
    return false;
}

static void print_parents(const riacho_graph *graph, int32_t child, riacho_buffer *out)
{
    size_t count = 0;
    riacho_buffer_printf(out, "      <--");
    for (size_t i = 0; i < graph->node_count; i++)
        if (leads_to(&graph->nodes[i], child))
            riacho_buffer_printf(out, "%s %s", count++ ? "," : "", graph->nodes[i].id);
    riacho_buffer_printf(out, "\n");
}

static void print_node(const riacho_graph *graph, int32_t index, riacho_buffer *out)
{
    const riacho_node *node = &graph->nodes[index];
    print_head(graph, node, out);
    if (node->kind != RIACHO_NODE_SINK)
        print_children(graph, node, out);
    if (node->kind != RIACHO_NODE_SOURCE && node->kind != RIACHO_NODE_TABLE_SOURCE)
        print_parents(graph, index, out);
}

void riacho_graph_print_text(const riacho_graph *graph, riacho_buffer *out)
{
    riacho_buffer_printf(out, "Topologies:\n");
    for (size_t i = 0; i < graph->subtopology_count; i++) {
        const riacho_subtopology *subtopology = &graph->subtopologies[i];
        riacho_buffer_printf(out, "   Sub-topology: %zu\n", i);
        for (size_t j = 0; j < subtopology->node_count; j++)
            print_node(graph, subtopology->nodes[j], out);
        riacho_buffer_printf(out, "\n");
    }
}

void riacho_graph_print(const riacho_graph *graph, riacho_graph_format format, riacho_buffer *out)
{
    switch (format) {
    case RIACHO_GRAPH_DOT:
        riacho_graph_print_dot(graph, out);
        break;
    case RIACHO_GRAPH_MERMAID:
        riacho_graph_print_mermaid(graph, out);
        break;
    case RIACHO_GRAPH_JSON:
        riacho_graph_print_json(graph, out);
        break;
    default:
        riacho_graph_print_text(graph, out);
        break;
    }
}
