/* SPDX-License-Identifier: MIT
 *
 * print.h - what the four ways of showing a graph share. Each appends to a buffer and changes
 * nothing.
 */
#pragma once

#include "graph.h"

void riacho_graph_print_text(const riacho_graph *graph, riacho_buffer *out);
void riacho_graph_print_dot(const riacho_graph *graph, riacho_buffer *out);
void riacho_graph_print_mermaid(const riacho_graph *graph, riacho_buffer *out);
void riacho_graph_print_json(const riacho_graph *graph, riacho_buffer *out);

/* "filter", "aggregate" */
const char *riacho_node_word(riacho_node_kind kind);
const char *riacho_store_word_of(riacho_store_kind kind);
