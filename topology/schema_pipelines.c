/* SPDX-License-Identifier: MIT
 *
 * schema_pipelines.c - the keys of pipelines and their steps (see schema_table.h).
 */
#include "schema_table.h"

static const riacho_key map_keys[] = {
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_map_spec, key),
     .doc = "The new key; the old one when not said."},
    {"value", RIACHO_KEY_VALUE, .offset = offsetof(riacho_map_spec, value),
     .doc = "The new value: one expression, or one for each field of `valueType`. The old one when "
            "not said."},
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_map_spec, key_type),
     .doc = "Type of the new key, where the expression's is not meant."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_map_spec, value_type),
     .doc = "Type of the new value; needed when `value` lists fields."},
};
static const riacho_shape map_shape = {
    "Map", "a map",  "What becomes of key and value.",  sizeof(riacho_map_spec),
    0,     map_keys, sizeof map_keys / sizeof *map_keys};

static const riacho_key map_values_keys[] = {
    {"value", RIACHO_KEY_VALUE, .offset = offsetof(riacho_map_spec, value),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The new value: one expression, or one for each field of `valueType`."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_map_spec, value_type),
     .doc = "Type of the new value; needed when `value` lists fields."},
};
static const riacho_shape map_values_shape = {"MapValues",
                                              "a mapValues",
                                              "What becomes of the value; the key stays.",
                                              sizeof(riacho_map_spec),
                                              0,
                                              map_values_keys,
                                              sizeof map_values_keys / sizeof *map_values_keys};

static const riacho_key convert_keys[] = {
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_convert_spec, key_type),
     .doc = "Type of the keys from here on."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_convert_spec, value_type),
     .doc = "Type of the values from here on."},
};
static const riacho_shape convert_shape = {
    "Convert", "a convert",  "The same records in other types.",        sizeof(riacho_convert_spec),
    0,         convert_keys, sizeof convert_keys / sizeof *convert_keys};

static const riacho_key aggregate_keys[] = {
    {"type", RIACHO_KEY_TEXT, .offset = offsetof(riacho_fold_spec, type),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Type of the aggregate."},
    {"init", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_fold_spec, init),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The aggregate of a key that is new; may use `key`, `value` and `timestamp`."},
    {"fold", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_fold_spec, fold),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The aggregate after one more record: an expression over `agg`, `key`, `value` and "
            "`timestamp`."},
    {"merge", RIACHO_KEY_LATER, .doc = NULL},
    {"subtract", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape aggregate_shape = {"Aggregate",
                                             "an aggregate",
                                             "A fold written as expressions.",
                                             sizeof(riacho_fold_spec),
                                             0,
                                             aggregate_keys,
                                             sizeof aggregate_keys / sizeof *aggregate_keys};

static const riacho_key reduce_keys[] = {
    {"fold", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_fold_spec, fold),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The aggregate after one more record: an expression over `agg` and `value`, which have "
            "one type."},
    {"subtract", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape reduce_shape = {"Reduce",
                                          "a reduce",
                                          "A fold whose aggregate has the type of the values.",
                                          sizeof(riacho_fold_spec),
                                          0,
                                          reduce_keys,
                                          sizeof reduce_keys / sizeof *reduce_keys};

static const riacho_key step_keys[] = {
    {"id", RIACHO_KEY_TEXT, .offset = offsetof(riacho_step, id),
     .doc = "Names the step's state, topics, metrics and taps; a step that keeps state needs one."},
    {"filter", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_step, filter),
     .doc = "Keeps the records for which it holds."},
    {"map", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_step, map), .shape = &map_shape,
     .doc = "Changes key and value: a function, or expressions. What follows may have to be "
            "repartitioned."},
    {"mapValues", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_step, map_values),
     .shape = &map_values_shape,
     .doc = "Changes the value: a function, an expression, or an expression for each field."},
    {"flatMap", RIACHO_KEY_TEXT, .offset = offsetof(riacho_step, flat_map),
     .doc = "A function that forwards any number of records."},
    {"rekey", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_step, rekey),
     .doc = "Gives the records another key."},
    {"convert", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_step, convert), .shape = &convert_shape,
     .doc = "The same records in other types: numbers are widened, texts and numbers turned into "
            "each other."},
    {"groupBy", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_step, group_by),
     .doc = "Groups by another key, for the aggregate, reduce or process that follows."},
    {"groupByKey", RIACHO_KEY_EMPTY, .offset = offsetof(riacho_step, group_by_key),
     .doc = "Groups by the key the records have."},
    {"aggregate", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_step, aggregate),
     .shape = &aggregate_shape,
     .doc = "`count`, `sum(expr)`, `min(expr)`, `max(expr)`, a function, or a fold written as "
            "expressions."},
    {"reduce", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_step, reduce),
     .shape = &reduce_shape,
     .doc = "As aggregate, where the aggregate has the type of the values and begins as the first "
            "of them."},
    {"merge", RIACHO_KEY_TEXTS, .offset = offsetof(riacho_step, merge),
     .count_offset = offsetof(riacho_step, merge_count),
     .doc = "Adds the records of other streams of the same types, in no order."},
    {"process", RIACHO_KEY_TEXT, .offset = offsetof(riacho_step, process),
     .doc = "A function that may use stores, timers and `emits`."},
    {"peek", RIACHO_KEY_TEXT, .offset = offsetof(riacho_step, peek),
     .doc = "A function that looks at the records and changes nothing."},
    {"forEach", RIACHO_KEY_TEXT, .offset = offsetof(riacho_step, for_each),
     .doc = "As peek; nothing follows."},
    {"toTable", RIACHO_KEY_EMPTY, .offset = offsetof(riacho_step, to_table),
     .doc = "Keeps the last value of each key."},
    {"toStream", RIACHO_KEY_EMPTY, .offset = offsetof(riacho_step, to_stream),
     .doc = "The changes of a table as a stream of records."},
    {"store", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_step, store),
     .shape = &riacho_store_shape,
     .doc = "The store of an aggregate, reduce or toTable: a name, or a definition. Derived, and "
            "not to be queried, when not said."},
    {"window", RIACHO_KEY_LATER, .doc = NULL},
    {"join", RIACHO_KEY_LATER, .doc = NULL},
    {"cogroup", RIACHO_KEY_LATER, .doc = NULL},
    {"suppress", RIACHO_KEY_LATER, .doc = NULL},
    {"repartition", RIACHO_KEY_LATER, .doc = NULL},
    {"emit", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape step_shape = {"Step",
                                        "a step",
                                        "One thing done to each record: an operation, its `id` "
                                        "and, for those that keep state, its `store`.",
                                        sizeof(riacho_step),
                                        offsetof(riacho_step, mark),
                                        step_keys,
                                        sizeof step_keys / sizeof *step_keys};

static const riacho_key to_keys[] = {
    {"topicFrom", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_to_spec, topic_from),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Expression that names the stream or topic for each record; one that `allow` does not "
            "list is refused."},
    {"allow", RIACHO_KEY_TEXTS, .offset = offsetof(riacho_to_spec, allow),
     .count_offset = offsetof(riacho_to_spec, allow_count), .presence = RIACHO_KEY_REQUIRED,
     .doc = "The streams or topics it may choose."},
};
static const riacho_shape to_shape = {
    "To", "a to",  "A topic chosen for each record.", sizeof(riacho_to_spec),
    0,    to_keys, sizeof to_keys / sizeof *to_keys};

static const riacho_key case_keys[] = {
    {"when", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_case_spec, when),
     .doc = "The condition; a case without one takes the rest and is the last."},
    {"to", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_case_spec, to), .shape = &to_shape,
     .doc = "The stream or topic its records go to."},
    {"as", RIACHO_KEY_TEXT, .offset = offsetof(riacho_case_spec, as),
     .doc = "The name under which other pipelines go on with them."},
};
static const riacho_shape case_shape = {
    "Case",
    "a case",
    "One way out of a branch: the first whose condition holds takes the record.",
    sizeof(riacho_case_spec),
    offsetof(riacho_case_spec, mark),
    case_keys,
    sizeof case_keys / sizeof *case_keys};

static const riacho_key pipeline_keys[] = {
    {"from", RIACHO_KEY_TEXT, .offset = offsetof(riacho_pipeline, from),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "A stream, a table, or what another pipeline calls `as`."},
    {"via", RIACHO_KEY_LIST, .offset = offsetof(riacho_pipeline, via),
     .count_offset = offsetof(riacho_pipeline, via_count), .shape = &step_shape,
     .doc = "The steps, in order."},
    {"to", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_pipeline, to), .shape = &to_shape,
     .doc = "The stream or topic the results go to."},
    {"as", RIACHO_KEY_TEXT, .offset = offsetof(riacho_pipeline, as),
     .doc = "A name under which other pipelines go on with the results."},
    {"branch", RIACHO_KEY_LIST, .offset = offsetof(riacho_pipeline, branch),
     .count_offset = offsetof(riacho_pipeline, branch_count), .shape = &case_shape,
     .doc = "Several ways out, tried in order; a record that none takes is dropped."},
};
const riacho_shape riacho_pipeline_shape = {"Pipeline",
                                            "a pipeline",
                                            "Records from one place through steps to another.",
                                            sizeof(riacho_pipeline),
                                            offsetof(riacho_pipeline, mark),
                                            pipeline_keys,
                                            sizeof pipeline_keys / sizeof *pipeline_keys};
