/* SPDX-License-Identifier: MIT
 *
 * build_steps.c - one step of a pipeline becomes one node, or none (groupByKey). Those that need
 * their input partitioned by key are in build_keyed.c (see build.h).
 */
#include <string.h>

#include "build.h"

typedef struct step_operation {
    const char *name;
    const void *member;
    bool said;
    enum { ON_STREAMS = 1, ON_TABLES = 2 } on;
    void (*build)(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                  riacho_tip *tip);
} step_operation;

static bool has_map(const riacho_map_spec *map)
{
    return map->text || map->key || map->value.expression || map->value.fields_count ||
           map->key_type || map->value_type;
}

static bool has_fold(const riacho_fold_spec *fold)
{
    return fold->text || fold->type || fold->init || fold->fold;
}

static riacho_scope_types scope_of(const riacho_tip *tip)
{
    return (riacho_scope_types){
        .key = tip->key, .value = tip->value, .agg = riacho_build_unknown()};
}

static const char *copy(riacho_builder *builder, const char *text)
{
    return riacho_format(builder->arena, "%s", text);
}

static const riacho_expr *compile(riacho_builder *builder, const riacho_step *step,
                                  const char *const *text, const riacho_tip *tip,
                                  const riacho_type *expected)
{
    const riacho_scope_types types = scope_of(tip);
    const riacho_source_text source = riacho_build_source((riacho_where){text, &step->mark}, *text);
    return riacho_build_expr(builder, &source, &types, expected);
}

/* A lone word that names nothing an expression knows is meant as a function, declared or forgotten.
 */
static bool names_function(riacho_builder *builder, const char *text)
{
    static const char *const names[] = {"key",  "value", "timestamp", "headers",
                                        "true", "false", "null"};
    const size_t size =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    if (riacho_build_function_named(builder, text))
        return true;
    if (!size || text[size] || (*text >= '0' && *text <= '9') || *text == '-')
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0)
            return false;
    return strchr(text, '-') == NULL;
}

const riacho_function_spec *riacho_build_step_function(riacho_builder *builder,
                                                       const riacho_step *step,
                                                       const char *const *name,
                                                       riacho_function_kind kind, riacho_node *node,
                                                       const riacho_tip *tip)
{
    const riacho_where where = {name, &step->mark};
    const riacho_function_spec *spec =
        riacho_build_function(builder, where, *name, kind, &node->function);
    node->function_name = spec && spec->use ? copy(builder, spec->use) : NULL;
    if (node->function) {
        riacho_build_check_struct(builder, where, *name, "a key", node->function->key, &tip->key);
        riacho_build_check_struct(builder, where, *name, "a value", node->function->value,
                                  &tip->value);
    }
    return spec;
}

riacho_data riacho_build_result(riacho_builder *builder, const riacho_function_spec *spec,
                                const char *const *word, const riacho_struct *structure,
                                const riacho_function *function, const riacho_data *input)
{
    const riacho_where where = {word, &spec->mark};
    if (*word) {
        const riacho_data data = riacho_build_word(builder, where, *word);
        riacho_build_check_struct(builder, where, spec->name, "a result", structure, &data);
        return data;
    }
    if (structure)
        return riacho_build_data_of_struct(builder, (riacho_where){&spec->use, &spec->mark},
                                           structure);
    return function ? *input : riacho_build_unknown();
}

/* ---- stateless steps ---- */

static void build_filter(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                         riacho_tip *tip)
{
    node->kind = RIACHO_NODE_FILTER;
    node->detail = copy(builder, step->filter);
    if (names_function(builder, step->filter))
        riacho_build_step_function(builder, step, &step->filter, RIACHO_FUNCTION_FILTER, node, tip);
    else
        node->expr = compile(builder, step, &step->filter, tip, &riacho_type_boolean);
}

/* The value of a map, of the declared type or of the expression's own. */
static void map_value(riacho_builder *builder, const riacho_step *step, const riacho_map_spec *map,
                      riacho_node *node, riacho_tip *tip)
{
    const riacho_where where = {map->value.expression ? (const void *)&map->value.expression
                                                      : (const void *)&map->value,
                                &step->mark};
    riacho_scope_types types = scope_of(tip);
    riacho_expr_name names[RIACHO_SCOPE_COUNT];
    riacho_expr_scope scope;
    riacho_data data =
        riacho_build_word(builder, (riacho_where){&map->value_type, &step->mark}, map->value_type);
    types.values = RIACHO_VALUES_PRESENT;
    if (!map->value.expression && !map->value_type)
        riacho_build_issue(builder, where, NULL, "a value of several fields needs 'valueType'");
    if (riacho_build_scope(&types, names, &scope))
        node->expr = riacho_build_value(builder, where, &map->value, &scope, &data);
    if (node->expr && !map->value_type)
        data = riacho_build_data_of_type(builder, where, riacho_expr_type(node->expr));
    tip->value = data;
}

static void map_key(riacho_builder *builder, const riacho_step *step, const riacho_map_spec *map,
                    riacho_node *node, riacho_tip *tip)
{
    const riacho_where where = {&map->key, &step->mark};
    riacho_data data =
        riacho_build_word(builder, (riacho_where){&map->key_type, &step->mark}, map->key_type);
    const bool known = !riacho_build_is_unknown(&data);
    node->key_expr = compile(builder, step, &map->key, tip, known ? data.codec->type : NULL);
    if (node->key_expr && !known)
        data = riacho_build_data_of_type(builder, where, riacho_expr_type(node->key_expr));
    tip->key = data;
    tip->changed = true;
    tip->grouped = false;
}

/* "key: a, value: b" or "value.field: c, ..." */
static const char *map_detail(riacho_builder *builder, const riacho_map_spec *map)
{
    riacho_buffer text = {0};
    if (map->key)
        riacho_buffer_printf(&text, "key: %s", map->key);
    if (map->value.expression)
        riacho_buffer_printf(&text, "%svalue: %s", text.size ? ", " : "", map->value.expression);
    for (size_t i = 0; i < map->value.fields_count; i++)
        riacho_buffer_printf(&text, "%svalue.%s: %s", text.size ? ", " : "",
                             map->value.fields[i].name, map->value.fields[i].expression);
    const char *detail = riacho_copy(builder->arena, riacho_buffer_bytes(&text)).data;
    riacho_buffer_done(&text);
    return detail;
}

static void build_map(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                      riacho_tip *tip)
{
    const riacho_map_spec *map = &step->map;
    riacho_tip out = *tip;
    node->kind = RIACHO_NODE_MAP;
    if (map->text) {
        const riacho_function_spec *spec =
            riacho_build_step_function(builder, step, &map->text, RIACHO_FUNCTION_MAP, node, tip);
        const riacho_function *function = node->function;
        if (!spec)
            return;
        out.key = riacho_build_result(builder, spec, &spec->key_type,
                                      function ? function->result_key : NULL, function, &tip->key);
        out.value = riacho_build_result(builder, spec, &spec->value_type,
                                        function ? function->result : NULL, function, &tip->value);
        out.changed = tip->changed || spec->keeps_key != RIACHO_YES;
        *tip = out;
        return;
    }
    if (!map->key && !map->value.expression && !map->value.fields_count)
        riacho_build_issue(builder, (riacho_where){map, &step->mark}, NULL,
                           "map needs 'key' or 'value'");
    if (map->value.expression || map->value.fields_count)
        map_value(builder, step, map, node, &out);
    if (map->key) {
        riacho_tip keyed = *tip;
        map_key(builder, step, map, node, &keyed);
        out.key = keyed.key;
        out.changed = true;
        out.grouped = false;
    }
    node->detail = map_detail(builder, map);
    *tip = out;
}

static void build_map_values(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                             riacho_tip *tip)
{
    const riacho_map_spec *map = &step->map_values;
    node->kind = RIACHO_NODE_MAP_VALUES;
    if (map->text && names_function(builder, map->text)) {
        const riacho_function_spec *spec = riacho_build_step_function(
            builder, step, &map->text, RIACHO_FUNCTION_MAP_VALUES, node, tip);
        const riacho_function *function = node->function;
        tip->value =
            spec ? riacho_build_result(builder, spec, &spec->value_type,
                                       function ? function->result : NULL, function, &tip->value)
                 : riacho_build_unknown();
        return;
    }
    if (map->text) {
        riacho_scope_types types = scope_of(tip);
        types.values = RIACHO_VALUES_PRESENT;
        const riacho_where where = {&map->text, &step->mark};
        const riacho_source_text source = riacho_build_source(where, map->text);
        node->expr = riacho_build_expr(builder, &source, &types, NULL);
        node->detail = copy(builder, map->text);
        tip->value = node->expr
                         ? riacho_build_data_of_type(builder, where, riacho_expr_type(node->expr))
                         : riacho_build_unknown();
        return;
    }
    node->detail = map_detail(builder, map);
    if (map->value.expression || map->value.fields_count)
        map_value(builder, step, map, node, tip);
    else
        riacho_build_issue(builder, (riacho_where){map, &step->mark}, NULL,
                           "mapValues needs 'value'");
}

static void build_flat_map(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                           riacho_tip *tip)
{
    node->kind = RIACHO_NODE_FLAT_MAP;
    const riacho_function_spec *spec = riacho_build_step_function(
        builder, step, &step->flat_map, RIACHO_FUNCTION_FLAT_MAP, node, tip);
    const riacho_function *function = node->function;
    if (!spec)
        return;
    tip->key = riacho_build_result(builder, spec, &spec->key_type,
                                   function ? function->result_key : NULL, function, &tip->key);
    tip->value = riacho_build_result(builder, spec, &spec->value_type,
                                     function ? function->result : NULL, function, &tip->value);
    tip->changed = tip->changed || spec->keeps_key != RIACHO_YES;
}

static void rekey(riacho_builder *builder, const riacho_step *step, const char *const *text,
                  riacho_node *node, riacho_tip *tip)
{
    node->kind = RIACHO_NODE_REKEY;
    node->detail = copy(builder, *text);
    node->key_expr = compile(builder, step, text, tip, NULL);
    tip->key = node->key_expr
                   ? riacho_build_data_of_type(builder, (riacho_where){text, &step->mark},
                                               riacho_expr_type(node->key_expr))
                   : riacho_build_unknown();
    tip->changed = true;
    tip->grouped = false;
}

static void build_rekey(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                        riacho_tip *tip)
{
    rekey(builder, step, &step->rekey, node, tip);
}

static void build_group_by(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                           riacho_tip *tip)
{
    rekey(builder, step, &step->group_by, node, tip);
    tip->grouped = true;
}

/* Nothing happens to the records. */
static void build_group_by_key(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                               riacho_tip *tip)
{
    (void)builder, (void)step, (void)node;
    tip->grouped = true;
}

static bool converts(const riacho_data *from, const riacho_data *to)
{
    const riacho_kind a = from->codec->type->kind, b = to->codec->type->kind;
    const bool number = a >= RIACHO_INT && a <= RIACHO_DOUBLE;
    if (riacho_build_fits(from, to))
        return true;
    if (number && b >= RIACHO_INT && b <= RIACHO_DOUBLE)
        return true;
    if (b == RIACHO_STRING && (number || a == RIACHO_BOOLEAN))
        return true;
    return a == RIACHO_STRING &&
           (b == RIACHO_STRING || b == RIACHO_BOOLEAN || (b >= RIACHO_INT && b <= RIACHO_DOUBLE));
}

static void convert_one(riacho_builder *builder, const riacho_step *step, const char *const *word,
                        riacho_data *data)
{
    const riacho_where where = {word, &step->mark};
    if (!*word)
        return;
    const riacho_data to = riacho_build_word(builder, where, *word);
    if (!converts(data, &to))
        riacho_build_issue(builder, where, NULL, "%s cannot be converted to %s", data->word,
                           to.word);
    *data = to;
}

static void build_convert(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                          riacho_tip *tip)
{
    const char *before = tip->key.word;
    node->kind = RIACHO_NODE_CONVERT;
    convert_one(builder, step, &step->convert.key_type, &tip->key);
    convert_one(builder, step, &step->convert.value_type, &tip->value);
    tip->changed = tip->changed || strcmp(before, tip->key.word) != 0;
}

static void build_peek(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                       riacho_tip *tip)
{
    node->kind = RIACHO_NODE_PEEK;
    riacho_build_step_function(builder, step, &step->peek, RIACHO_FUNCTION_PEEK, node, tip);
}

static void build_for_each(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                           riacho_tip *tip)
{
    node->kind = RIACHO_NODE_FOR_EACH;
    riacho_build_step_function(builder, step, &step->for_each, RIACHO_FUNCTION_PEEK, node, tip);
}

static void build_to_stream(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                            riacho_tip *tip)
{
    (void)builder, (void)step;
    node->kind = RIACHO_NODE_TO_STREAM;
    tip->table = false;
}

/* The edges of the merged streams are added when the node is there. */
static void build_merge(riacho_builder *builder, const riacho_step *step, riacho_node *node,
                        riacho_tip *tip)
{
    node->kind = RIACHO_NODE_MERGE;
    for (size_t i = 0; i < step->merge_count; i++) {
        const riacho_where where = {&step->merge[i], &step->mark};
        const riacho_origin *origin = riacho_build_upstream(builder, where, step->merge[i]);
        if (!origin)
            continue;
        if (origin->tip.table)
            riacho_build_issue(builder, where, "use toStream on it first",
                               "'%s' is a table, and only streams can be merged", origin->name);
        if (!riacho_build_fits(&origin->tip.key, &tip->key) ||
            !riacho_build_fits(&origin->tip.value, &tip->value))
            riacho_build_issue(builder, where, NULL,
                               "'%s' has records of (%s, %s), and here they are of (%s, %s)",
                               origin->name, origin->tip.key.word, origin->tip.value.word,
                               tip->key.word, tip->value.word);
        tip->changed = tip->changed || origin->tip.changed;
        if (riacho_build_is_unknown(&tip->value))
            tip->value = origin->tip.value;
        if (riacho_build_is_unknown(&tip->key))
            tip->key = origin->tip.key;
    }
    tip->grouped = false;
}

static void connect_merged(riacho_builder *builder, const riacho_step *step, int32_t node)
{
    for (size_t i = 0; i < step->merge_count; i++) {
        const riacho_origin *origin = riacho_build_origin(builder, step->merge[i]);
        if (origin && origin->ready)
            riacho_build_edge(builder, origin->tip.node, &(riacho_edge){.node = node});
    }
}

/* ---- which operation ---- */

enum { OPERATIONS = 16 };

static void list_operations(const riacho_step *step, step_operation operations[OPERATIONS])
{
    const step_operation all[OPERATIONS] = {
        {"filter", &step->filter, step->filter, ON_STREAMS | ON_TABLES, build_filter},
        {"map", &step->map, has_map(&step->map), ON_STREAMS, build_map},
        {"mapValues", &step->map_values, has_map(&step->map_values), ON_STREAMS | ON_TABLES,
         build_map_values},
        {"flatMap", &step->flat_map, step->flat_map, ON_STREAMS, build_flat_map},
        {"rekey", &step->rekey, step->rekey, ON_STREAMS, build_rekey},
        {"convert", &step->convert, step->convert.key_type || step->convert.value_type,
         ON_STREAMS | ON_TABLES, build_convert},
        {"groupBy", &step->group_by, step->group_by, ON_STREAMS, build_group_by},
        {"groupByKey", &step->group_by_key, step->group_by_key == RIACHO_YES, ON_STREAMS,
         build_group_by_key},
        {"aggregate", &step->aggregate, has_fold(&step->aggregate), ON_STREAMS,
         riacho_build_aggregate},
        {"reduce", &step->reduce, has_fold(&step->reduce), ON_STREAMS, riacho_build_reduce},
        {"merge", &step->merge, step->merge_count > 0, ON_STREAMS, build_merge},
        {"process", &step->process, step->process, ON_STREAMS, riacho_build_process},
        {"peek", &step->peek, step->peek, ON_STREAMS | ON_TABLES, build_peek},
        {"forEach", &step->for_each, step->for_each, ON_STREAMS | ON_TABLES, build_for_each},
        {"toTable", &step->to_table, step->to_table == RIACHO_YES, ON_STREAMS,
         riacho_build_to_table},
        {"toStream", &step->to_stream, step->to_stream == RIACHO_YES, ON_TABLES, build_to_stream},
    };
    memcpy(operations, all, sizeof all);
}

/* The one operation that is said; NULL after an issue. */
static const step_operation *only_operation(riacho_builder *builder, const riacho_step *step,
                                            const step_operation operations[OPERATIONS])
{
    const step_operation *found = NULL;
    for (size_t i = 0; i < OPERATIONS; i++) {
        if (!operations[i].said)
            continue;
        if (found)
            riacho_build_issue(builder, (riacho_where){operations[i].member, &step->mark},
                               "make two steps of it",
                               "a step does one thing, and this is both %s and %s", found->name,
                               operations[i].name);
        else
            found = &operations[i];
    }
    if (!found)
        riacho_build_issue(builder, (riacho_where){NULL, &step->mark}, NULL,
                           "a step needs something to do: filter, map, aggregate, process ...");
    return found;
}

static bool keeps_store(const riacho_step *step)
{
    return has_fold(&step->aggregate) || has_fold(&step->reduce) || step->to_table == RIACHO_YES;
}

static const riacho_function_spec *process_of(riacho_builder *builder, const riacho_step *step)
{
    return step->process ? riacho_build_function_named(builder, step->process) : NULL;
}

bool riacho_build_needs_key(riacho_builder *builder, const riacho_step *step)
{
    const riacho_function_spec *process = process_of(builder, step);
    return keeps_store(step) || (process && process->stores_count);
}

bool riacho_build_changes_key(riacho_builder *builder, const riacho_step *step)
{
    const char *name = step->process    ? step->process
                       : step->flat_map ? step->flat_map
                                        : step->map.text;
    const riacho_function_spec *spec = name ? riacho_build_function_named(builder, name) : NULL;
    if (name)
        return !spec || spec->keeps_key != RIACHO_YES;
    return step->rekey || step->group_by || step->map.key || step->convert.key_type;
}

static const char *id_of(riacho_builder *builder, const riacho_pipeline *pipeline, size_t index)
{
    const riacho_step *step = &pipeline->via[index];
    const riacho_where where = {&step->id, &step->mark};
    if (step->id && riacho_build_name_valid(builder, where, "a step", step->id))
        return copy(builder, step->id);
    if (!step->id && riacho_build_needs_key(builder, step))
        riacho_build_issue(builder, (riacho_where){NULL, &step->mark},
                           "its state and topics are named after it",
                           "a step that keeps state needs an 'id'");
    return riacho_format(builder->arena, "%s.%zu", pipeline->name, index + 1);
}

static void check_place(riacho_builder *builder, const riacho_pipeline *pipeline, size_t index,
                        const step_operation *operation, const riacho_tip *tip)
{
    const riacho_step *step = &pipeline->via[index];
    const riacho_where where = {operation->member, &step->mark};
    if (tip->table && !(operation->on & ON_TABLES))
        riacho_build_issue(builder, where, "use toStream before it",
                           "%s works on streams, and here is a table", operation->name);
    else if (!tip->table && !(operation->on & ON_STREAMS) && tip->node != RIACHO_NONE)
        riacho_build_issue(builder, where, NULL, "%s works on tables, and here is a stream",
                           operation->name);
    if (index && pipeline->via[index - 1].for_each)
        riacho_build_issue(builder, (riacho_where){NULL, &step->mark}, "make forEach the last step",
                           "this step is never reached: nothing follows forEach");
    const bool stores = step->store.name || step->store.type || step->store.caching ||
                        step->store.key_type || step->store.value_type;
    if (stores && !keeps_store(step))
        riacho_build_issue(builder, (riacho_where){&step->store, &step->mark}, NULL,
                           "%s keeps no store of its own", operation->name);
}

void riacho_build_step(riacho_builder *builder, const riacho_pipeline *pipeline, size_t index,
                       riacho_tip *tip)
{
    const riacho_step *step = &pipeline->via[index];
    step_operation operations[OPERATIONS];
    list_operations(step, operations);
    const step_operation *operation = only_operation(builder, step, operations);
    const char *id = id_of(builder, pipeline, index);
    if (!operation)
        return;
    check_place(builder, pipeline, index, operation, tip);
    if (riacho_build_needs_key(builder, step) && tip->changed && !tip->table)
        riacho_build_repartition(builder, step, tip);
    riacho_node node = {
        .id = id,
        .mark = step->mark,
        .in_key = tip->key,
        .in_value = tip->value,
        .topic = RIACHO_NONE,
    };
    const int32_t before = tip->node;
    operation->build(builder, step, &node, tip);
    if (!node.kind)
        return; /* groupByKey */
    node.key = tip->key;
    node.value = tip->value;
    node.table = tip->table;
    tip->node = riacho_build_node(builder, &node);
    riacho_build_edge(builder, before, &(riacho_edge){.node = tip->node});
    connect_merged(builder, step, tip->node);
    if (step->process)
        riacho_build_emits(builder, step, tip);
}
