/* SPDX-License-Identifier: MIT
 *
 * build_pipelines.c - pipelines: those that others start from come first, and none may start from
 * itself (see build.h).
 */
#include <string.h>

#include "build.h"

static bool has_to(const riacho_to_spec *to)
{
    return to->topic || to->topic_from;
}

static void add_as(riacho_builder *builder, const char *name, size_t pipeline, riacho_where where)
{
    if (!name || !riacho_build_name_valid(builder, where, "a stream", name))
        return;
    if (riacho_build_origin(builder, name)) {
        riacho_build_issue(builder, where, NULL,
                           "the name '%s' is taken by another stream or table", name);
        return;
    }
    builder->origins[builder->origin_count++] =
        (riacho_origin){.name = name, .kind = RIACHO_ORIGIN_AS, .index = pipeline, .where = where};
}

static void collect_names(riacho_builder *builder)
{
    const riacho_topology *topology = builder->topology;
    for (size_t i = 0; i < topology->pipelines_count; i++) {
        const riacho_pipeline *pipeline = &topology->pipelines[i];
        const riacho_where where = {&pipeline->name, &pipeline->mark};
        riacho_build_name_valid(builder, where, "a pipeline", pipeline->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(topology->pipelines[j].name, pipeline->name) == 0)
                riacho_build_issue(builder, where, NULL, "there are two pipelines '%s'",
                                   pipeline->name);
        add_as(builder, pipeline->as, i, (riacho_where){&pipeline->as, &pipeline->mark});
        for (size_t j = 0; j < pipeline->branch_count; j++)
            add_as(builder, pipeline->branch[j].as, i,
                   (riacho_where){&pipeline->branch[j].as, &pipeline->branch[j].mark});
    }
}

static void build_pipeline(riacho_builder *builder, size_t index);

static void unknown_origin(riacho_builder *builder, riacho_where where, const char *name)
{
    const char **names = riacho_alloc_zero(builder->arena, builder->origin_count, sizeof *names);
    for (size_t i = 0; i < builder->origin_count; i++)
        names[i] = builder->origins[i].name;
    riacho_build_issue(builder, where,
                       riacho_build_meant(builder, name, names, builder->origin_count),
                       "there is no stream or table '%.80s'", name);
}

riacho_origin *riacho_build_upstream(riacho_builder *builder, riacho_where where, const char *name)
{
    riacho_origin *origin = riacho_build_origin(builder, name);
    if (!origin) {
        unknown_origin(builder, where, name);
        return NULL;
    }
    origin->used = true;
    if (origin->kind != RIACHO_ORIGIN_AS) {
        riacho_build_source_node(builder, origin);
        return origin;
    }
    if (builder->pipeline_states[origin->index] == RIACHO_PIPELINE_OPEN) {
        riacho_build_issue(builder, where, "go through a topic to make a loop",
                           "the pipeline '%s' would start from itself",
                           builder->topology->pipelines[origin->index].name);
        return NULL;
    }
    build_pipeline(builder, origin->index);
    return origin->ready ? origin : NULL;
}

/* ---- ends ---- */

static void set_as(riacho_builder *builder, const char *name, const riacho_tip *tip)
{
    riacho_origin *origin = name ? riacho_build_origin(builder, name) : NULL;
    if (!origin || origin->kind != RIACHO_ORIGIN_AS)
        return;
    origin->tip = *tip;
    origin->ready = true;
}

/* A node for the case alone, so that everything behind its name gets every record of the case. */
static void pass_on(riacho_builder *builder, const riacho_case_spec *one, const char *id,
                    const riacho_edge *edge, riacho_tip *tip)
{
    const riacho_node node = {
        .id = id,
        .kind = RIACHO_NODE_MERGE,
        .mark = one->mark,
        .table = tip->table,
        .in_key = tip->key,
        .in_value = tip->value,
        .key = tip->key,
        .value = tip->value,
        .topic = RIACHO_NONE,
    };
    riacho_edge to_node = *edge;
    to_node.node = riacho_build_node(builder, &node);
    riacho_build_edge(builder, tip->node, &to_node);
    tip->node = to_node.node;
}

static void build_case(riacho_builder *builder, const riacho_pipeline *pipeline, size_t index,
                       const riacho_tip *branch)
{
    const riacho_case_spec *one = &pipeline->branch[index];
    riacho_tip tip = *branch;
    riacho_edge edge = {.node = RIACHO_NONE};
    if (one->when) {
        const riacho_scope_types types = {
            .key = tip.key, .value = tip.value, .agg = riacho_build_unknown()};
        const riacho_source_text source =
            riacho_build_source((riacho_where){&one->when, &one->mark}, one->when);
        edge.when = riacho_build_expr(builder, &source, &types, &riacho_type_boolean);
    }
    const char *id = riacho_format(builder->arena, "%s.case%zu", pipeline->name, index + 1);
    if (!has_to(&one->to) && !one->as)
        riacho_build_issue(builder, (riacho_where){NULL, &one->mark}, NULL,
                           "a case needs 'to' or 'as'");
    if (one->as) {
        pass_on(builder, one, id, &edge, &tip);
        set_as(builder, one->as, &tip);
        edge.when = NULL;
        id = riacho_format(builder->arena, "%s.to", id);
    }
    if (has_to(&one->to))
        riacho_build_sink(builder, (riacho_where){&one->to, &one->mark}, &one->to, id, &tip, &edge);
}

static void build_branch(riacho_builder *builder, const riacho_pipeline *pipeline,
                         const riacho_tip *tip)
{
    riacho_tip branch = *tip;
    riacho_buffer conditions = {0};
    for (size_t i = 0; i < pipeline->branch_count; i++)
        riacho_buffer_printf(&conditions, "%s%s", i ? "; " : "",
                             pipeline->branch[i].when ? pipeline->branch[i].when : "otherwise");
    const riacho_node node = {
        .id = riacho_format(builder->arena, "%s.branch", pipeline->name),
        .kind = RIACHO_NODE_BRANCH,
        .mark = pipeline->mark,
        .table = tip->table,
        .in_key = tip->key,
        .in_value = tip->value,
        .key = tip->key,
        .value = tip->value,
        .topic = RIACHO_NONE,
        .detail = riacho_copy(builder->arena, riacho_buffer_bytes(&conditions)).data,
    };
    riacho_buffer_done(&conditions);
    branch.node = riacho_build_node(builder, &node);
    riacho_build_edge(builder, tip->node, &(riacho_edge){.node = branch.node});
    bool rest = false;
    for (size_t i = 0; i < pipeline->branch_count; i++) {
        const riacho_case_spec *one = &pipeline->branch[i];
        if (rest)
            riacho_build_issue(builder, (riacho_where){NULL, &one->mark},
                               "make the case without 'when' the last",
                               "this case is never reached: the one before it takes the rest");
        rest = rest || !one->when;
        build_case(builder, pipeline, i, &branch);
    }
}

static bool ends_in(const riacho_pipeline *pipeline, const char **ret_what)
{
    const riacho_step *last = pipeline->via_count ? &pipeline->via[pipeline->via_count - 1] : NULL;
    *ret_what = last && last->for_each ? "forEach" : NULL;
    return *ret_what != NULL;
}

static void build_ends(riacho_builder *builder, const riacho_pipeline *pipeline,
                       const riacho_tip *tip)
{
    const riacho_where to = {&pipeline->to, &pipeline->mark};
    const char *what;
    const bool more = has_to(&pipeline->to) || pipeline->as || pipeline->branch_count;
    if (more && ends_in(pipeline, &what))
        riacho_build_issue(builder, (riacho_where){&pipeline->name, &pipeline->mark}, NULL,
                           "nothing can follow %s in the pipeline '%s'", what, pipeline->name);
    if (pipeline->branch_count && (has_to(&pipeline->to) || pipeline->as))
        riacho_build_issue(builder, (riacho_where){&pipeline->branch, &pipeline->mark},
                           "write 'to' and 'as' in the cases",
                           "a pipeline ends in 'branch', or in 'to' and 'as', not in both");
    set_as(builder, pipeline->as, tip);
    if (has_to(&pipeline->to))
        riacho_build_sink(builder, to, &pipeline->to,
                          riacho_format(builder->arena, "%s.to", pipeline->name), tip,
                          &(riacho_edge){.node = RIACHO_NONE});
    if (pipeline->branch_count)
        build_branch(builder, pipeline, tip);
    if (!more && !pipeline->via_count)
        riacho_build_issue(builder, (riacho_where){&pipeline->name, &pipeline->mark}, NULL,
                           "the pipeline '%s' does nothing", pipeline->name);
}

/* ---- one pipeline ---- */

/* The first step that needs the key it starts with, if no step before it gives another one. */
static const riacho_step *first_keyed(riacho_builder *builder, const riacho_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->via_count; i++) {
        const riacho_step *step = &pipeline->via[i];
        if (riacho_build_needs_key(builder, step))
            return step;
        if (riacho_build_changes_key(builder, step) || step->merge_count)
            return NULL;
    }
    return NULL;
}

/* Several pipelines that go on from one rekeyed stream share its repartition topic: the first that
 * needs it makes it there, before its own steps. */
static void share_repartition(riacho_builder *builder, const riacho_pipeline *pipeline,
                              const riacho_origin *origin, riacho_tip *tip)
{
    const riacho_step *keyed = first_keyed(builder, pipeline);
    if (origin->kind == RIACHO_ORIGIN_AS && tip->changed && keyed && keyed->id)
        riacho_build_repartition(builder, keyed, tip);
}

static void build_pipeline(riacho_builder *builder, size_t index)
{
    const riacho_pipeline *pipeline = &builder->topology->pipelines[index];
    const riacho_where from = {&pipeline->from, &pipeline->mark};
    if (builder->pipeline_states[index] != RIACHO_PIPELINE_NEW)
        return;
    builder->pipeline_states[index] = RIACHO_PIPELINE_OPEN;
    riacho_tip tip = {
        .node = RIACHO_NONE, .key = riacho_build_unknown(), .value = riacho_build_unknown()};
    riacho_origin *origin = NULL;
    if (pipeline->from)
        origin = riacho_build_upstream(builder, from, pipeline->from);
    else
        riacho_build_issue(builder, from, NULL, "a pipeline needs 'from'");
    if (origin) {
        tip = origin->tip;
        share_repartition(builder, pipeline, origin, &tip);
    }
    for (size_t i = 0; i < pipeline->via_count; i++)
        riacho_build_step(builder, pipeline, i, &tip);
    build_ends(builder, pipeline, &tip);
    builder->pipeline_states[index] = RIACHO_PIPELINE_DONE;
}

void riacho_build_pipelines(riacho_builder *builder)
{
    const size_t count = builder->topology->pipelines_count;
    builder->pipeline_states =
        riacho_alloc_zero(builder->arena, count, sizeof *builder->pipeline_states);
    collect_names(builder);
    for (size_t i = 0; i < count; i++)
        build_pipeline(builder, i);
}
