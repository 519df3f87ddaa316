/* SPDX-License-Identifier: MIT
 *
 * build_keyed.c - steps that need every record of a key in one place: aggregate, reduce, toTable
 * and process with stores; and the repartition topic in front of them where the key may have
 * changed (see build.h).
 */
#include <string.h>

#include "build.h"

/* ---- repartitioning ---- */

/* node -> nullKeys -> sink, and a source of the next sub-topology. One for each node: whoever needs
 * the same records by key reads the same topic. */
void riacho_build_repartition(riacho_builder *builder, const riacho_step *step, riacho_tip *tip)
{
    const riacho_where where = {&step->id, &step->mark};
    if (tip->node == RIACHO_NONE)
        return;
    const int32_t made = builder->nodes[tip->node].partitioned;
    if (made != RIACHO_NONE) {
        tip->node = made;
        tip->changed = false;
        return;
    }
    const char *id = step->id ? step->id : "unnamed"; /* an issue already */
    const riacho_graph_topic topic = {
        .name = riacho_format(builder->arena, "%s-%s-repartition", builder->graph->name, id),
        .roles = RIACHO_TOPIC_REPARTITION,
        .key = tip->key,
        .value = tip->value,
        .upstream = RIACHO_NONE,
    };
    riacho_node node = {
        .id = riacho_format(builder->arena, "%s.nullKeys", id),
        .kind = RIACHO_NODE_NULL_KEYS,
        .mark = step->mark,
        .in_key = tip->key,
        .in_value = tip->value,
        .key = tip->key,
        .value = tip->value,
        .topic = RIACHO_NONE,
    };
    const int32_t filter = riacho_build_node(builder, &node);
    riacho_build_edge(builder, tip->node, &(riacho_edge){.node = filter});
    node.topic = riacho_build_topic(builder, where, &topic);
    node.id = riacho_format(builder->arena, "%s.repartitionSink", id);
    node.kind = RIACHO_NODE_SINK;
    riacho_build_edge(builder, filter, &(riacho_edge){.node = riacho_build_node(builder, &node)});
    node.id = riacho_format(builder->arena, "%s.repartitionSource", id);
    node.kind = RIACHO_NODE_SOURCE;
    const int32_t source = riacho_build_node(builder, &node);
    builder->nodes[tip->node].partitioned = source;
    tip->node = source;
    tip->changed = false;
}

/* ---- what they have in common ---- */

static void need_key(riacho_builder *builder, const riacho_step *step, const riacho_tip *tip)
{
    if (tip->key.codec->type->kind == RIACHO_NULL && !riacho_build_is_unknown(&tip->key))
        riacho_build_issue(builder, (riacho_where){NULL, &step->mark},
                           "give them one: rekey or groupBy",
                           "the records have no key (keyType: void), and this step needs one");
}

static void need_group(riacho_builder *builder, const riacho_step *step, const void *member,
                       const char *name, const riacho_tip *tip)
{
    need_key(builder, step, tip);
    if (!tip->grouped && tip->node != RIACHO_NONE)
        riacho_build_issue(builder, (riacho_where){member, &step->mark},
                           "put groupByKey or groupBy before it", "%s needs a grouped stream",
                           name);
}

/* The node that is about to be made keeps its results in a store of its own. */
static void keep(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                 riacho_tip *tip, const riacho_data *value)
{
    int32_t *store = riacho_alloc_zero(builder->arena, 1, sizeof *store);
    tip->value = *value;
    tip->table = true;
    tip->grouped = false;
    *store = riacho_build_owned_store(
        builder, (riacho_where){&step->store, &step->mark}, &step->store,
        riacho_format(builder->arena, "%s.store", node->id), tip, (int32_t)builder->node_count);
    node->stores = store;
    node->store_count = 1;
}

/* The type of the store that the step names, for an aggregation that does not say its own. */
static riacho_data declared_value(riacho_builder *builder, const riacho_step *step)
{
    const riacho_topology *topology = builder->topology;
    const riacho_store_words *store = &step->store;
    if (store->value_type)
        return riacho_build_word(builder, (riacho_where){&store->value_type, &step->mark},
                                 store->value_type);
    for (size_t i = 0; store->name && i < topology->stores_count; i++) {
        const riacho_store_words *words = &topology->stores[i];
        if (strcmp(words->name, store->name) == 0)
            return riacho_build_word(builder, (riacho_where){&words->value_type, &words->mark},
                                     words->value_type);
    }
    return riacho_build_unknown();
}

/* ---- aggregate ---- */

/* `sum(expr)`: the part between the parentheses. False when text is not word(...). */
static bool call_of(const riacho_source_text *source, const char *word,
                    riacho_source_text *ret_part)
{
    const size_t size = strlen(word);
    const char *text = source->text;
    size_t end = source->length;
    while (end && text[end - 1] == ' ')
        end--;
    if (strncmp(text, word, size) != 0 || text[size] != '(' || end <= size || text[end - 1] != ')')
        return false;
    *ret_part = *source;
    ret_part->offset = size + 1;
    ret_part->length = end - size - 2;
    return true;
}

static riacho_data sum_type(riacho_builder *builder, riacho_where where, const riacho_type *type)
{
    switch (type->kind) {
    case RIACHO_INT:
    case RIACHO_LONG:
        return riacho_build_word(builder, where, "long");
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        return riacho_build_word(builder, where, "double");
    default:
        riacho_build_issue(builder, where, NULL, "a sum needs numbers");
        return riacho_build_unknown();
    }
}

static riacho_scope_types fold_scope(const riacho_tip *tip, const riacho_data *agg)
{
    return (riacho_scope_types){
        .key = tip->key, .value = tip->value, .agg = *agg, .values = RIACHO_VALUES_PRESENT};
}

static riacho_data aggregate_part(riacho_builder *builder, riacho_where where,
                                  const riacho_source_text *part, riacho_aggregate kind,
                                  riacho_node *node, const riacho_tip *tip)
{
    const riacho_data none = riacho_build_unknown();
    const riacho_scope_types types = fold_scope(tip, &none);
    node->aggregate = kind;
    node->expr = riacho_build_expr(builder, part, &types, NULL);
    if (!node->expr)
        return riacho_build_unknown();
    const riacho_type *type = riacho_expr_type(node->expr);
    return kind == RIACHO_AGGREGATE_SUM ? sum_type(builder, where, type)
                                        : riacho_build_data_of_type(builder, where, type);
}

static riacho_data aggregate_function(riacho_builder *builder, const riacho_step *step,
                                      riacho_node *node, const riacho_tip *tip)
{
    const riacho_where where = {&step->aggregate.text, &step->mark};
    const riacho_function_spec *spec = riacho_build_step_function(
        builder, step, &step->aggregate.text, RIACHO_FUNCTION_AGGREGATE, node, tip);
    node->aggregate = RIACHO_AGGREGATE_FUNCTION;
    if (!spec)
        return riacho_build_unknown();
    riacho_data state =
        spec->value_type
            ? riacho_build_word(builder, (riacho_where){&spec->value_type, &spec->mark},
                                spec->value_type)
            : declared_value(builder, step);
    if (riacho_build_is_unknown(&state) && node->function)
        state = riacho_build_data_of_struct(builder, where, node->function->state);
    if (node->function)
        riacho_build_check_struct(builder, where, spec->name, "a state", node->function->state,
                                  &state);
    return state;
}

static riacho_data aggregate_fold(riacho_builder *builder, const riacho_step *step,
                                  riacho_node *node, const riacho_tip *tip)
{
    const riacho_fold_spec *fold = &step->aggregate;
    const riacho_where where = {&fold->type, &step->mark};
    const riacho_data state = riacho_build_word(builder, where, fold->type);
    const riacho_data none = riacho_build_unknown();
    node->aggregate = RIACHO_AGGREGATE_EXPR;
    if (!fold->type || !fold->init || !fold->fold) {
        riacho_build_issue(builder, (riacho_where){fold, &step->mark}, NULL,
                           "an aggregate needs 'type', 'init' and 'fold'");
        return none;
    }
    const riacho_source_text init =
        riacho_build_source((riacho_where){&fold->init, &step->mark}, fold->init);
    const riacho_source_text one =
        riacho_build_source((riacho_where){&fold->fold, &step->mark}, fold->fold);
    const riacho_scope_types before = fold_scope(tip, &none);
    const riacho_scope_types after = fold_scope(tip, &state);
    if (riacho_build_is_unknown(&state))
        return state;
    node->init_expr = riacho_build_expr(builder, &init, &before, state.codec->type);
    node->expr = riacho_build_expr(builder, &one, &after, state.codec->type);
    node->detail =
        riacho_format(builder->arena, "%s init %s fold %s", fold->type, fold->init, fold->fold);
    return state;
}

static riacho_data aggregate_text(riacho_builder *builder, const riacho_step *step,
                                  riacho_node *node, const riacho_tip *tip)
{
    static const struct {
        const char *word;
        riacho_aggregate kind;
    } calls[] = {{"sum", RIACHO_AGGREGATE_SUM},
                 {"min", RIACHO_AGGREGATE_MIN},
                 {"max", RIACHO_AGGREGATE_MAX}};
    const riacho_where where = {&step->aggregate.text, &step->mark};
    const riacho_source_text source = riacho_build_source(where, step->aggregate.text);
    riacho_source_text part;
    node->detail = riacho_format(builder->arena, "%s", step->aggregate.text);
    if (strcmp(step->aggregate.text, "count") == 0) {
        node->aggregate = RIACHO_AGGREGATE_COUNT;
        return riacho_build_word(builder, where, "long");
    }
    for (size_t i = 0; i < 3; i++)
        if (call_of(&source, calls[i].word, &part))
            return aggregate_part(builder, where, &part, calls[i].kind, node, tip);
    if (!strchr(step->aggregate.text, '('))
        return aggregate_function(builder, step, node, tip);
    riacho_build_issue(builder, where,
                       "write count, sum(expr), min(expr), max(expr), or a function's name",
                       "'%.80s' is not an aggregation", step->aggregate.text);
    return riacho_build_unknown();
}

void riacho_build_aggregate(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                            riacho_tip *tip)
{
    node->kind = RIACHO_NODE_AGGREGATE;
    need_group(builder, step, &step->aggregate, "aggregate", tip);
    const riacho_data state = step->aggregate.text ? aggregate_text(builder, step, node, tip)
                                                   : aggregate_fold(builder, step, node, tip);
    keep(builder, step, node, tip, &state);
}

void riacho_build_reduce(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                         riacho_tip *tip)
{
    const riacho_fold_spec *reduce = &step->reduce;
    const riacho_data value = tip->value;
    node->kind = RIACHO_NODE_AGGREGATE;
    node->aggregate = RIACHO_AGGREGATE_REDUCE;
    need_group(builder, step, reduce, "reduce", tip);
    if (reduce->text) {
        riacho_build_step_function(builder, step, &reduce->text, RIACHO_FUNCTION_REDUCE, node, tip);
    } else if (reduce->fold) {
        const riacho_scope_types types = fold_scope(tip, &value);
        const riacho_source_text source =
            riacho_build_source((riacho_where){&reduce->fold, &step->mark}, reduce->fold);
        node->expr = riacho_build_expr(builder, &source, &types, value.codec->type);
        node->detail = riacho_format(builder->arena, "%s", reduce->fold);
    } else {
        riacho_build_issue(builder, (riacho_where){reduce, &step->mark}, NULL,
                           "reduce needs a function or 'fold'");
    }
    keep(builder, step, node, tip, &value);
}

void riacho_build_to_table(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                           riacho_tip *tip)
{
    const riacho_data value = tip->value;
    node->kind = RIACHO_NODE_TO_TABLE;
    need_key(builder, step, tip);
    keep(builder, step, node, tip, &value);
}

/* ---- process ---- */

void riacho_build_process(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                          riacho_tip *tip)
{
    node->kind = RIACHO_NODE_PROCESS;
    const riacho_function_spec *spec = riacho_build_step_function(
        builder, step, &step->process, RIACHO_FUNCTION_PROCESS, node, tip);
    const riacho_function *function = node->function;
    if (!spec)
        return;
    if (spec->stores_count)
        need_key(builder, step, tip);
    tip->key = riacho_build_result(builder, spec, &spec->key_type,
                                   function ? function->result_key : NULL, function, &tip->key);
    tip->value = riacho_build_result(builder, spec, &spec->value_type,
                                     function ? function->result : NULL, function, &tip->value);
    tip->changed = tip->changed || spec->keeps_key != RIACHO_YES;
    tip->grouped = false;
}

void riacho_build_emits(riacho_builder *builder, const riacho_step *step, const riacho_tip *tip)
{
    const riacho_function_spec *spec = riacho_build_function_named(builder, step->process);
    builder->nodes[tip->node].process = spec;
    for (size_t i = 0; spec && i < spec->emits_count; i++) {
        const riacho_where where = {&spec->emits[i], &spec->mark};
        const char *name = riacho_format(builder->arena, "%s", spec->emits[i]);
        riacho_origin *origin = riacho_build_origin(builder, name);
        riacho_tip sent = *tip;
        /* A function may send other types than it forwards: a declared stream says which. */
        if (origin && origin->kind != RIACHO_ORIGIN_AS) {
            sent.key = origin->tip.key;
            sent.value = origin->tip.value;
        }
        riacho_build_sink(builder, where, &(riacho_to_spec){.topic = name},
                          riacho_format(builder->arena, "%s.%s",
                                        riacho_build_node_at(builder, tip->node)->id, name),
                          &sent, &(riacho_edge){.node = RIACHO_NONE, .name = name});
    }
}
