/* SPDX-License-Identifier: MIT
 *
 * print_drawing.c - a graph as Graphviz and as Mermaid source: topics outside, a box for each
 * sub-topology, stores beside the nodes that use them. Ids in the drawing are numbers (n0, t0, s0),
 * so that no name needs to be one; labels are escaped.
 */
#include <inttypes.h>
#include <string.h>

#include "print.h"

/* What the two languages write differently. */
typedef struct drawing_pen {
    void (*begin)(const riacho_graph *graph, riacho_buffer *out);
    void (*box)(size_t subtopology, riacho_buffer *out);
    void (*shape)(const char *indent, char set, size_t index, riacho_bytes label,
                  riacho_buffer *out);
    void (*arrow)(char from_set, int32_t from, char to_set, int32_t to, const char *label,
                  riacho_buffer *out);
    const char *box_end;
    const char *end;
} drawing_pen;

/* In both, a label is in double quotes; what could end it, or mean something in HTML, is written as
 * an entity. */
static void put_label(riacho_bytes text, riacho_buffer *out)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'"', "&quot;"}, {'<', "&lt;"},   {'>', "&gt;"},  {'&', "&amp;"},
                    {'\\', "&#92;"}, {'\n', " "},     {'\r', " "},    {'|', "&#124;"},
                    {'`', "&#96;"},  {'{', "&#123;"}, {'}', "&#125;"}};
    const char *at = text.data;
    for (size_t i = 0; i < text.size; i++) {
        const char *entity = NULL;
        for (size_t j = 0; j < sizeof entities / sizeof *entities; j++)
            if (entities[j].c == at[i])
                entity = entities[j].entity;
        riacho_buffer_append(out, entity ? entity : &at[i], entity ? strlen(entity) : 1);
    }
}

/* ---- Graphviz ---- */

static void dot_begin(const riacho_graph *graph, riacho_buffer *out)
{
    riacho_buffer_printf(out, "digraph \"");
    put_label(riacho_text(graph->name), out);
    riacho_buffer_printf(out, "\" {\n  rankdir=LR;\n  node [shape=box];\n");
}

static void dot_box(size_t subtopology, riacho_buffer *out)
{
    riacho_buffer_printf(out, "  subgraph cluster_%zu {\n    label=\"sub-topology %zu\";\n",
                         subtopology, subtopology);
}

static void dot_shape(const char *indent, char set, size_t index, riacho_bytes label,
                      riacho_buffer *out)
{
    const char *shape = set == 't' ? ", shape=cds" : set == 's' ? ", shape=cylinder" : "";
    riacho_buffer_printf(out, "%s%c%zu [label=\"", indent, set, index);
    put_label(label, out);
    riacho_buffer_printf(out, "\"%s];\n", shape);
}

static void dot_arrow(char from_set, int32_t from, char to_set, int32_t to, const char *label,
                      riacho_buffer *out)
{
    riacho_buffer_printf(out, "  %c%d -> %c%d", from_set, from, to_set, to);
    if (label) {
        riacho_buffer_printf(out, " [label=\"");
        put_label(riacho_text(label), out);
        riacho_buffer_printf(out, "\"]");
    } else if (to_set == 's') {
        riacho_buffer_printf(out, " [dir=none, style=dashed]");
    }
    riacho_buffer_printf(out, ";\n");
}

static const drawing_pen dot = {dot_begin, dot_box, dot_shape, dot_arrow, "  }\n", "}\n"};

/* ---- Mermaid ---- */

static void mermaid_begin(const riacho_graph *graph, riacho_buffer *out)
{
    (void)graph;
    riacho_buffer_printf(out, "flowchart LR\n");
}

static void mermaid_box(size_t subtopology, riacho_buffer *out)
{
    riacho_buffer_printf(out, "  subgraph b%zu [\"sub-topology %zu\"]\n", subtopology, subtopology);
}

static void mermaid_shape(const char *indent, char set, size_t index, riacho_bytes label,
                          riacho_buffer *out)
{
    const char *open = set == 't' ? "([\"" : set == 's' ? "[(\"" : "[\"";
    const char *close = set == 't' ? "\"])" : set == 's' ? "\")]" : "\"]";
    riacho_buffer_printf(out, "%s%c%zu%s", indent, set, index, open);
    put_label(label, out);
    riacho_buffer_printf(out, "%s\n", close);
}

static void mermaid_arrow(char from_set, int32_t from, char to_set, int32_t to, const char *label,
                          riacho_buffer *out)
{
    riacho_buffer_printf(out, "  %c%d %s", from_set, from, to_set == 's' ? "-.-" : "-->");
    if (label) {
        riacho_buffer_printf(out, "|\"");
        put_label(riacho_text(label), out);
        riacho_buffer_printf(out, "\"|");
    }
    riacho_buffer_printf(out, " %c%d\n", to_set, to);
}

static const drawing_pen mermaid = {mermaid_begin, mermaid_box, mermaid_shape,
                                    mermaid_arrow, "  end\n",   ""};

/* ---- both ---- */

static void draw_node(const riacho_node *node, size_t index, const drawing_pen *pen,
                      riacho_buffer *out)
{
    riacho_buffer label = {0};
    riacho_buffer_printf(&label, "%s: %s", riacho_node_word(node->kind), node->id);
    pen->shape("    ", 'n', index, riacho_buffer_bytes(&label), out);
    riacho_buffer_done(&label);
}

static void draw_box(const riacho_graph *graph, size_t index, const drawing_pen *pen,
                     riacho_buffer *out)
{
    const riacho_subtopology *subtopology = &graph->subtopologies[index];
    pen->box(index, out);
    for (size_t i = 0; i < subtopology->node_count; i++) {
        const int32_t node = subtopology->nodes[i];
        draw_node(&graph->nodes[node], (size_t)node, pen, out);
    }
    for (size_t i = 0; i < subtopology->store_count; i++) {
        const int32_t store = subtopology->stores[i];
        pen->shape("    ", 's', (size_t)store, riacho_text(graph->stores[store].name), out);
    }
    riacho_buffer_printf(out, "%s", pen->box_end);
}

static void draw_arrows(const riacho_graph *graph, size_t index, const drawing_pen *pen,
                        riacho_buffer *out)
{
    const riacho_node *node = &graph->nodes[index];
    const int32_t at = (int32_t)index;
    const bool sink = node->kind == RIACHO_NODE_SINK;
    if (node->topic != RIACHO_NONE && sink)
        pen->arrow('n', at, 't', node->topic, NULL, out);
    else if (node->topic != RIACHO_NONE)
        pen->arrow('t', node->topic, 'n', at, NULL, out);
    for (size_t i = 0; i < node->allowed_topic_count; i++)
        pen->arrow('n', at, 't', node->allowed_topics[i], node->detail, out);
    for (size_t i = 0; i < node->child_count; i++)
        pen->arrow('n', at, 'n', node->children[i].node, node->children[i].name, out);
    for (size_t i = 0; i < node->store_count; i++)
        pen->arrow('n', at, 's', node->stores[i], NULL, out);
}

static void draw(const riacho_graph *graph, const drawing_pen *pen, riacho_buffer *out)
{
    pen->begin(graph, out);
    for (size_t i = 0; i < graph->topic_count; i++)
        if (graph->topics[i].roles != RIACHO_TOPIC_DEAD_LETTERS)
            pen->shape("  ", 't', i, riacho_text(graph->topics[i].name), out);
    for (size_t i = 0; i < graph->subtopology_count; i++)
        draw_box(graph, i, pen, out);
    for (size_t i = 0; i < graph->node_count; i++)
        draw_arrows(graph, i, pen, out);
    riacho_buffer_printf(out, "%s", pen->end);
}

void riacho_graph_print_dot(const riacho_graph *graph, riacho_buffer *out)
{
    draw(graph, &dot, out);
}

void riacho_graph_print_mermaid(const riacho_graph *graph, riacho_buffer *out)
{
    draw(graph, &mermaid, out);
}
