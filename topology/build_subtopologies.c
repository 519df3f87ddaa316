/* SPDX-License-Identifier: MIT
 *
 * build_subtopologies.c - the connected components of the nodes, where sharing a store connects as
 * well, and what must have equal partition counts (see build.h).
 *
 * Nodes are made after those in front of them, so their order is already one in which parents come
 * first.
 */
#include <assert.h>

#include "build.h"

/* ---- sets of nodes that belong together ---- */

static int32_t find_root(int32_t *parents, int32_t node)
{
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}

/* The smaller becomes the root, so that sets are numbered by their first node. */
static void join(int32_t *parents, int32_t a, int32_t b)
{
    const int32_t left = find_root(parents, a), right = find_root(parents, b);
    if (left < right)
        parents[right] = left;
    else
        parents[left] = right;
}

static int32_t *singletons(riacho_builder *builder)
{
    int32_t *parents = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *parents);
    for (size_t i = 0; i < builder->node_count; i++)
        parents[i] = (int32_t)i;
    return parents;
}

static void join_store_users(riacho_builder *builder, int32_t *parents)
{
    int32_t *users = riacho_alloc_zero(builder->arena, builder->store_count, sizeof *users);
    for (size_t i = 0; i < builder->store_count; i++)
        users[i] = RIACHO_NONE;
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        for (size_t j = 0; j < node->store_count; j++) {
            int32_t *user = &users[node->stores[j]];
            if (*user != RIACHO_NONE)
                join(parents, *user, (int32_t)i);
            *user = (int32_t)i;
        }
    }
}

static size_t number(riacho_builder *builder, int32_t *parents)
{
    int32_t *numbers = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *numbers);
    int32_t count = 0;
    for (size_t i = 0; i < builder->node_count; i++) {
        const int32_t root = find_root(parents, (int32_t)i);
        if (root == (int32_t)i)
            numbers[i] = count++;
        riacho_node *node = &builder->nodes[i].node;
        node->subtopology = numbers[root];
        for (size_t j = 0; j < node->store_count; j++)
            builder->stores[node->stores[j]].subtopology = numbers[root];
        if (node->kind == RIACHO_NODE_SINK && node->topic != RIACHO_NONE &&
            builder->topics[node->topic].roles & RIACHO_TOPIC_REPARTITION)
            builder->topics[node->topic].upstream = numbers[root];
    }
    return (size_t)count;
}

static bool is_source(const riacho_node *node)
{
    return node->kind == RIACHO_NODE_SOURCE || node->kind == RIACHO_NODE_TABLE_SOURCE;
}

static void fill(riacho_builder *builder, int32_t index, riacho_subtopology *subtopology)
{
    int32_t *nodes = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *nodes);
    int32_t *sources = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *sources);
    int32_t *stores = riacho_alloc_zero(builder->arena, builder->store_count, sizeof *stores);
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        if (node->subtopology != index)
            continue;
        nodes[subtopology->node_count++] = (int32_t)i;
        if (is_source(node))
            sources[subtopology->source_count++] = (int32_t)i;
    }
    for (size_t i = 0; i < builder->store_count; i++)
        if (builder->stores[i].subtopology == index)
            stores[subtopology->store_count++] = (int32_t)i;
    subtopology->nodes = nodes;
    subtopology->sources = sources;
    subtopology->stores = stores;
}

/* ---- partition counts ---- */

/* What is behind a source, up to sinks: one pass, because edges are in the order of their nodes and
 * lead to later ones. */
static bool *reach(riacho_builder *builder, size_t source)
{
    bool *reached = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *reached);
    reached[source] = true;
    for (size_t i = 0; i < builder->edge_count; i++)
        if (reached[builder->edges[i].from])
            reached[builder->edges[i].edge.node] = true;
    return reached;
}

/* Records that meet in a store must be partitioned alike: joins the sources in front of each. */
static void join_sources_of_stores(riacho_builder *builder, int32_t *groups)
{
    int32_t *first = riacho_alloc_zero(builder->arena, builder->store_count, sizeof *first);
    for (size_t i = 0; i < builder->store_count; i++)
        first[i] = RIACHO_NONE;
    for (size_t source = 0; source < builder->node_count; source++) {
        if (!is_source(&builder->nodes[source].node))
            continue;
        const bool *reached = reach(builder, source);
        for (size_t i = source; i < builder->node_count; i++) {
            const riacho_node *node = &builder->nodes[i].node;
            for (size_t j = 0; reached[i] && j < node->store_count; j++) {
                int32_t *with = &first[node->stores[j]];
                if (*with == RIACHO_NONE)
                    *with = (int32_t)source;
                join(groups, *with, (int32_t)source);
            }
        }
    }
}

static bool is_repartition(const riacho_graph_topic *topic)
{
    return (topic->roles & RIACHO_TOPIC_REPARTITION) != 0;
}

/* The first topic of the group whose count is said; RIACHO_NONE when none is. */
static int32_t said_count(riacho_builder *builder, int32_t *groups, int32_t root, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        if (is_source(node) && find_root(groups, (int32_t)i) == root &&
            builder->topics[node->topic].partitions &&
            !is_repartition(&builder->topics[node->topic]))
            return node->topic;
    }
    return RIACHO_NONE;
}

static void check_counts(riacho_builder *builder, int32_t *groups)
{
    int32_t *sizes = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *sizes);
    int32_t *numbers = riacho_alloc_zero(builder->arena, builder->node_count, sizeof *numbers);
    int32_t count = 0;
    for (size_t i = 0; i < builder->node_count; i++)
        if (is_source(&builder->nodes[i].node))
            sizes[find_root(groups, (int32_t)i)]++;
    for (size_t i = 0; i < builder->node_count; i++) {
        const riacho_node *node = &builder->nodes[i].node;
        const int32_t root = find_root(groups, (int32_t)i);
        if (!is_source(node) || sizes[root] < 2)
            continue;
        if (!numbers[root])
            numbers[root] = ++count;
        riacho_graph_topic *topic = &builder->topics[node->topic];
        topic->copartition = numbers[root];
        const int32_t other = said_count(builder, groups, root, builder->node_count);
        if (other == RIACHO_NONE)
            continue;
        const riacho_graph_topic *first = &builder->topics[other];
        if (is_repartition(topic))
            topic->partitions = first->partitions;
        else if (topic->partitions && topic->partitions != first->partitions)
            riacho_build_issue(builder, (riacho_where){NULL, &node->mark},
                               "give both the same number of partitions, or rekey one of them",
                               "the records of '%s' (%d partitions) and '%s' (%d partitions) meet "
                               "in one store",
                               topic->name, topic->partitions, first->name, first->partitions);
    }
}

/* By the node they come from; those of one node keep their order, which is the order of a branch's
 * cases. */
static void sort_edges(riacho_builder *builder)
{
    size_t *ends = riacho_alloc_zero(builder->arena, builder->node_count + 1, sizeof *ends);
    riacho_draft_edge *sorted =
        riacho_alloc_zero(builder->arena, builder->edge_count, sizeof *sorted);
    for (size_t i = 0; i < builder->edge_count; i++) {
        assert(builder->edges[i].from < builder->edges[i].edge.node);
        ends[builder->edges[i].from + 1]++;
    }
    for (size_t i = 0; i < builder->node_count; i++)
        ends[i + 1] += ends[i];
    for (size_t i = 0; i < builder->edge_count; i++)
        sorted[ends[builder->edges[i].from]++] = builder->edges[i];
    builder->edges = sorted;
}

void riacho_build_subtopologies(riacho_builder *builder)
{
    sort_edges(builder);
    int32_t *parents = singletons(builder);
    int32_t *groups = singletons(builder);
    for (size_t i = 0; i < builder->edge_count; i++)
        join(parents, builder->edges[i].from, builder->edges[i].edge.node);
    join_store_users(builder, parents);
    const size_t count = number(builder, parents);
    riacho_subtopology *subtopologies =
        riacho_alloc_zero(builder->arena, count, sizeof *subtopologies);
    for (size_t i = 0; i < count; i++)
        fill(builder, (int32_t)i, &subtopologies[i]);
    builder->graph->subtopologies = subtopologies;
    builder->graph->subtopology_count = count;
    join_sources_of_stores(builder, groups);
    check_counts(builder, groups);
}
