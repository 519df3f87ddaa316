/* SPDX-License-Identifier: MIT
 *
 * schema_table.c - every key of `kind: Topology` (see schema_table.h). The document comes last: a
 * shape stands before those that use it.
 */
#include "schema_table.h"

#include "base/limits.h"

static const char *const store_types[] = {"keyValue", "ranking", "list", "ttl"};
static const char *const store_types_later[] = {"window", "session", "versioned"};
static const riacho_words store_type_words = {store_types, 4, store_types_later, 3};

static const riacho_key store_keys[] = {
    {"type", RIACHO_KEY_WORD, .offset = offsetof(riacho_store_words, type),
     .words = &store_type_words, .fallback = "keyValue",
     .doc = "What the store is: one value for each key, ordered members with scores, appended "
            "values, or values that expire."},
    {"name", RIACHO_KEY_TEXT, .offset = offsetof(riacho_store_words, name),
     .doc = "Only where a step defines its store in place: the name queries use."},
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_store_words, key_type),
     .doc = "Type of the keys. A step that owns the store derives it."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_store_words, value_type),
     .doc = "Type of the values; not for rankings."},
    {"memberType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_store_words, member_type),
     .doc = "Rankings: type of the members."},
    {"keep", RIACHO_KEY_NUMBER, .offset = offsetof(riacho_store_words, keep), .min = 1,
     .max = 1000000000,
     .doc = "Rankings: how many members of a key are kept; lists: how many values. All when not "
            "said."},
    {"ttl", RIACHO_KEY_DURATION, .offset = offsetof(riacho_store_words, ttl_ms), .min = 1,
     .doc = "Stores of type `ttl`: how long after its timestamp a value is there, in stream time."},
    {"caching", RIACHO_KEY_FLAG, .offset = offsetof(riacho_store_words, caching),
     .doc = "Forward only the last change of a key in a commit. As `spec.caching` when not said."},
    {"historyRetention", RIACHO_KEY_LATER, .doc = NULL},
    {"retention", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape store_shape = {
    "Store",
    "a store",
    "State that a step or a function keeps: persistent, and rebuilt by a replay.",
    sizeof(riacho_store_words),
    offsetof(riacho_store_words, mark),
    store_keys,
    sizeof store_keys / sizeof *store_keys};

static const riacho_key stream_keys[] = {
    {"topic", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, topic),
     .source = RIACHO_KEY_ENVIRONMENT, .presence = RIACHO_KEY_REQUIRED,
     .doc = "The topic's name in the log. `${VAR}` and `${VAR:-default}` are filled in."},
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, key_type),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Type of the records' keys: `string long int double float boolean bytes uuid void`, "
            "`avro:Name` or `json:Name`."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, value_type),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Type of the records' values."},
    {"timestamp", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_stream, timestamp),
     .doc = "Expression for the event's time in ms; the record's own timestamp when not said."},
    {"startFrom", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, start_from),
     .fallback = "earliest",
     .doc = "Where reading begins the first time: `earliest`, `latest`, `none` (an error), or a "
            "duration back from now, such as `1h`."},
    {"partitions", RIACHO_KEY_COUNT, .offset = offsetof(riacho_stream, partitions), .min = 1,
     .max = RIACHO_PARTITIONS_MAX,
     .doc = "The topic is created with this many, or checked against it; never changed silently."},
    {"retention", RIACHO_KEY_DURATION, .offset = offsetof(riacho_stream, retention_ms), .min = 1,
     .doc = "How long a topic that we create keeps its records; for ever when not said."},
    {"retentionBytes", RIACHO_KEY_SIZE, .offset = offsetof(riacho_stream, retention_bytes),
     .min = 1,
     .doc = "How much of each partition a topic that we create keeps; all when not said."},
    {"config", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape stream_shape = {"Stream",
                                          "a stream",
                                          "A topic read as a stream of events.",
                                          sizeof(riacho_stream),
                                          offsetof(riacho_stream, mark),
                                          stream_keys,
                                          sizeof stream_keys / sizeof *stream_keys};

static const riacho_key table_keys[] = {
    {"topic", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, topic),
     .source = RIACHO_KEY_ENVIRONMENT, .presence = RIACHO_KEY_REQUIRED,
     .doc = "The compacted topic's name in the log. `${VAR}` and `${VAR:-default}` are filled in."},
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, key_type),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Type of the keys."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_stream, value_type),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Type of the values; a record without a value deletes its key."},
    {"store", RIACHO_KEY_TEXT_OR_SHAPE, .offset = offsetof(riacho_stream, store),
     .shape = &store_shape,
     .doc =
         "The store that holds it: a name, or a definition. Named after the table when not said."},
    {"timestamp", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_stream, timestamp),
     .doc = "Expression for the event's time in ms; the record's own timestamp when not said."},
    {"partitions", RIACHO_KEY_COUNT, .offset = offsetof(riacho_stream, partitions), .min = 1,
     .max = RIACHO_PARTITIONS_MAX,
     .doc = "The topic is created with this many, or checked against it."},
    {"config", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape table_shape = {
    "Table",
    "a table",
    "A compacted topic read as a table: the last value of each key.",
    sizeof(riacho_stream),
    offsetof(riacho_stream, mark),
    table_keys,
    sizeof table_keys / sizeof *table_keys};

static const char *const function_kinds[] = {
    "filter", "map", "mapValues", "flatMap", "process", "peek", "aggregate", "reduce", "view"};
static const riacho_words function_kind_words = {function_kinds, 9, NULL, 0};

static const riacho_key function_keys[] = {
    {"use", RIACHO_KEY_TEXT, .offset = offsetof(riacho_function_spec, use),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "`library/function`, where the library is listed under `libraries`."},
    {"kind", RIACHO_KEY_WORD, .offset = offsetof(riacho_function_spec, kind),
     .words = &function_kind_words,
     .doc = "What it does; compared with what the library says when it is loaded."},
    {"stores", RIACHO_KEY_TEXTS, .offset = offsetof(riacho_function_spec, stores),
     .count_offset = offsetof(riacho_function_spec, stores_count),
     .doc = "Process functions: the stores it may use."},
    {"emits", RIACHO_KEY_TEXTS, .offset = offsetof(riacho_function_spec, emits),
     .count_offset = offsetof(riacho_function_spec, emits_count),
     .doc = "Process functions: the streams or topics it forwards to by name."},
    {"keyType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_function_spec, key_type),
     .doc = "Type of the keys it hands back, where it differs from what it is given."},
    {"valueType", RIACHO_KEY_TEXT, .offset = offsetof(riacho_function_spec, value_type),
     .doc = "Type of the values it hands back (an aggregation's state), where it differs from what "
            "it is given."},
    {"keepsKey", RIACHO_KEY_FLAG, .offset = offsetof(riacho_function_spec, keeps_key),
     .fallback = "false",
     .doc = "Process, map and flatMap functions: the records it forwards have the key of the one "
            "it was given, so nothing is repartitioned behind it."},
};
static const riacho_shape function_shape = {
    "Function",
    "a function",
    "A function of a processor library, under the name that steps use.",
    sizeof(riacho_function_spec),
    offsetof(riacho_function_spec, mark),
    function_keys,
    sizeof function_keys / sizeof *function_keys};

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
     .shape = &store_shape,
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
static const riacho_shape pipeline_shape = {"Pipeline",
                                            "a pipeline",
                                            "Records from one place through steps to another.",
                                            sizeof(riacho_pipeline),
                                            offsetof(riacho_pipeline, mark),
                                            pipeline_keys,
                                            sizeof pipeline_keys / sizeof *pipeline_keys};

static const char *const actions[] = {"retry", "deadLetter", "skip", "stop"};
static const riacho_words action_words = {actions, 4, NULL, 0};

static const riacho_key policy_keys[] = {
    {"action", RIACHO_KEY_WORD, .offset = offsetof(riacho_policy_spec, action),
     .words = &action_words, .presence = RIACHO_KEY_REQUIRED,
     .doc = "`retry`, `deadLetter` (to `topic`), `skip` (counted), or `stop` the worker."},
    {"attempts", RIACHO_KEY_COUNT, .offset = offsetof(riacho_policy_spec, attempts),
     .fallback = "3", .min = 1, .max = 1000, .doc = "retry: how often."},
    {"backoff", RIACHO_KEY_DURATION, .offset = offsetof(riacho_policy_spec, backoff_ms),
     .fallback = "200ms", .min = 1, .max = 3600000,
     .doc = "retry: how long before the next attempt."},
    {"then", RIACHO_KEY_WORD, .offset = offsetof(riacho_policy_spec, then), .words = &action_words,
     .fallback = "deadLetter", .doc = "retry: what follows the last attempt."},
    {"topic", RIACHO_KEY_TEXT, .offset = offsetof(riacho_policy_spec, topic),
     .source = RIACHO_KEY_ENVIRONMENT,
     .doc = "deadLetter: where to; `<topology>-dlq` when not said."},
};
static const riacho_shape policy_shape = {"ErrorPolicy",
                                          "an error policy",
                                          "What becomes of a record that fails.",
                                          sizeof(riacho_policy_spec),
                                          0,
                                          policy_keys,
                                          sizeof policy_keys / sizeof *policy_keys};

static const riacho_key on_error_keys[] = {
    {"deserialize", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_on_error, deserialize),
     .shape = &policy_shape,
     .doc = "A record whose bytes are not of its type. Dead letter when not said."},
    {"process", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_on_error, process),
     .shape = &policy_shape,
     .doc = "A record that a step refuses. Three attempts, then dead letter, when not said."},
    {"produce", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_on_error, produce),
     .shape = &policy_shape, .doc = "A result that the log does not take. Stop when not said."},
};
static const riacho_shape on_error_shape = {
    "OnError", "onError",     "What becomes of records that fail.",        sizeof(riacho_on_error),
    0,         on_error_keys, sizeof on_error_keys / sizeof *on_error_keys};

static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
static const riacho_words method_words = {methods, 4, NULL, 0};

static const riacho_key command_keys[] = {
    {"method", RIACHO_KEY_WORD, .offset = offsetof(riacho_command_spec, method),
     .words = &method_words, .fallback = "POST", .doc = "The HTTP method."},
    {"path", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, path),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Below `http.basePath`, with parameters: `/pets/{id}/feed`. A literal wins over a "
            "parameter."},
    {"to", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, to),
     .presence = RIACHO_KEY_REQUIRED, .doc = "The stream whose topic gets the event."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_command_spec, key),
     .doc = "The event's key, over `path query body header visitor subject now idempotencyKey "
            "uuid`. Needed unless keyType is `void`."},
    {"body", RIACHO_KEY_TEXT, .offset = offsetof(riacho_command_spec, body),
     .doc = "`json:Name` or `avro:Name`: the request's body, checked against the schema. No body "
            "is read when not said."},
    {"value", RIACHO_KEY_VALUE, .offset = offsetof(riacho_command_spec, value),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The event: an expression for each field, or one expression."},
};
static const riacho_shape command_shape = {
    "Command",
    "a command",
    "HTTP in: a request becomes a validated event in a topic.",
    sizeof(riacho_command_spec),
    offsetof(riacho_command_spec, mark),
    command_keys,
    sizeof command_keys / sizeof *command_keys};

static const riacho_key get_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A keyValue or ttl store."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The key: an expression over the path's parameters, `query`, `header`, `visitor` and "
            "`subject`."},
};
static const riacho_shape get_shape = {"Get",
                                       "a get",
                                       "One value.",
                                       sizeof(riacho_lookup_spec),
                                       0,
                                       get_keys,
                                       sizeof get_keys / sizeof *get_keys};

static const riacho_key range_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A keyValue store."},
    {"prefix", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, prefix),
     .doc = "Only keys that begin with it; all keys when not said."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "50",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Items on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape range_shape = {
    "Range", "a range",  "Values in the order of their keys.",  sizeof(riacho_lookup_spec),
    0,       range_keys, sizeof range_keys / sizeof *range_keys};

static const riacho_key top_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A ranking."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which ranking of the store."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "10",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Members on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape top_shape = {
    "Top", "a top",  "The members with the highest scores.", sizeof(riacho_lookup_spec),
    0,     top_keys, sizeof top_keys / sizeof *top_keys};

static const riacho_key rank_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A ranking."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which ranking of the store."},
    {"member", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, member),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Whose rank."},
    {"around", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, around), .fallback = "0",
     .max = 50, .doc = "How many neighbours on each side."},
};
static const riacho_shape rank_shape = {
    "Rank", "a rank",  "The place of one member.",          sizeof(riacho_lookup_spec),
    0,      rank_keys, sizeof rank_keys / sizeof *rank_keys};

static const riacho_key list_keys[] = {
    {"store", RIACHO_KEY_TEXT, .offset = offsetof(riacho_lookup_spec, store),
     .presence = RIACHO_KEY_REQUIRED, .doc = "A list."},
    {"key", RIACHO_KEY_EXPRESSION, .offset = offsetof(riacho_lookup_spec, key),
     .presence = RIACHO_KEY_REQUIRED, .doc = "Which list of the store."},
    {"limit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, limit), .fallback = "20",
     .min = 1, .max = RIACHO_PAGE_ITEMS_MAX, .doc = "Values on a page."},
    {"maxLimit", RIACHO_KEY_COUNT, .offset = offsetof(riacho_lookup_spec, max_limit),
     .fallback = "100", .min = 1, .max = RIACHO_PAGE_ITEMS_MAX,
     .doc = "The most that a request may ask for."},
};
static const riacho_shape list_shape = {
    "ListPage", "a list",  "Pages of a list, newest first.",    sizeof(riacho_lookup_spec),
    0,          list_keys, sizeof list_keys / sizeof *list_keys};

static const char *const subscriptions[] = {"sse", "websocket"};
static const riacho_words subscription_words = {subscriptions, 2, NULL, 0};

static const riacho_key query_keys[] = {
    {"path", RIACHO_KEY_TEXT, .offset = offsetof(riacho_query_spec, path),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "Below `http.basePath`, with parameters: `/pets/{id}`. Always GET."},
    {"get", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, get), .shape = &get_shape,
     .doc = "One value of a keyValue or ttl store."},
    {"range", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, range), .shape = &range_shape,
     .doc = "Values of a keyValue store in key order."},
    {"top", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, top), .shape = &top_shape,
     .doc = "The highest members of a ranking."},
    {"rank", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, rank), .shape = &rank_shape,
     .doc = "The place of one member of a ranking."},
    {"list", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_query_spec, list), .shape = &list_shape,
     .doc = "Pages of a list, newest first."},
    {"view", RIACHO_KEY_TEXT, .offset = offsetof(riacho_query_spec, view),
     .doc = "A pure function of the state and the present time that makes the reply: "
            "`library/function`, or a name under `functions`."},
    {"subscribe", RIACHO_KEY_WORDS, .offset = offsetof(riacho_query_spec, subscribe),
     .words = &subscription_words, .doc = "How browsers may follow its changes."},
    {"windows", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape query_shape = {
    "Query",
    "a query",
    "HTTP out: what a GET answers from a store. Exactly one of get, range, top, rank, list.",
    sizeof(riacho_query_spec),
    offsetof(riacho_query_spec, mark),
    query_keys,
    sizeof query_keys / sizeof *query_keys};

static const riacho_key http_keys[] = {
    {"basePath", RIACHO_KEY_TEXT, .offset = offsetof(riacho_topology, base_path),
     .fallback = "/api/{name of the topology}", .doc = "Where commands and queries live."},
};
static const riacho_shape http_shape = {
    "Http", "http", "Where commands and queries live.", sizeof(riacho_topology), 0, http_keys, 1};

static const riacho_key metadata_keys[] = {
    {"name", RIACHO_KEY_TEXT, .offset = offsetof(riacho_topology, name),
     .presence = RIACHO_KEY_REQUIRED,
     .doc = "The topology's name: letters, digits, `-` and `_`. It begins the names of its "
            "internal topics."},
    {"description", RIACHO_KEY_TEXT, .offset = offsetof(riacho_topology, description),
     .doc = "For people."},
};
static const riacho_shape metadata_shape = {
    "Metadata", "metadata", "Who it is.", sizeof(riacho_topology), 0, metadata_keys, 2};

static const char *const guarantees[] = {"exactlyOnce", "atLeastOnce"};
static const riacho_words guarantee_words = {guarantees, 2, NULL, 0};

static const riacho_key spec_keys[] = {
    {"guarantee", RIACHO_KEY_WORD, .offset = offsetof(riacho_topology, guarantee),
     .words = &guarantee_words, .fallback = "exactlyOnce",
     .doc = "What a crash may do to results: nothing, or repeat some."},
    {"commitInterval", RIACHO_KEY_DURATION, .offset = offsetof(riacho_topology, commit_interval_ms),
     .fallback = "100ms", .min = 1, .max = 60000,
     .doc = "How long results wait before they are committed together."},
    {"caching", RIACHO_KEY_FLAG, .offset = offsetof(riacho_topology, caching), .fallback = "true",
     .doc = "Tables and aggregations forward, of each key, only the last change of a commit. "
            "Results at rest are the same."},
    {"libraries", RIACHO_KEY_TEXTS, .offset = offsetof(riacho_topology, libraries),
     .count_offset = offsetof(riacho_topology, libraries_count),
     .doc = "The processor libraries it uses, found on the worker's library path."},
    {"streams", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, streams),
     .count_offset = offsetof(riacho_topology, streams_count), .shape = &stream_shape,
     .doc = "Topics as streams of events, by name."},
    {"tables", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, tables),
     .count_offset = offsetof(riacho_topology, tables_count), .shape = &table_shape,
     .doc = "Topics as tables, by name."},
    {"globalTables", RIACHO_KEY_LATER, .doc = NULL},
    {"stores", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, stores),
     .count_offset = offsetof(riacho_topology, stores_count), .shape = &store_shape,
     .doc = "State that steps and functions use by name."},
    {"functions", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, functions),
     .count_offset = offsetof(riacho_topology, functions_count), .shape = &function_shape,
     .doc = "Functions of the libraries, by the name that steps use."},
    {"pipelines", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, pipelines),
     .count_offset = offsetof(riacho_topology, pipelines_count), .shape = &pipeline_shape,
     .doc = "What is done, by name."},
    {"onError", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_topology, on_error),
     .shape = &on_error_shape, .doc = "What becomes of records that fail."},
    {"http", RIACHO_KEY_SHAPE, .offset = 0, .shape = &http_shape,
     .doc = "Where commands and queries live."},
    {"commands", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, commands),
     .count_offset = offsetof(riacho_topology, commands_count), .shape = &command_shape,
     .doc = "Requests that become events, by name."},
    {"queries", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, queries),
     .count_offset = offsetof(riacho_topology, queries_count), .shape = &query_shape,
     .doc = "Requests that stores answer, by name."},
    {"rebuild", RIACHO_KEY_LATER, .doc = NULL},
};
static const riacho_shape spec_shape = {"Spec",
                                        "spec",
                                        "What it does.",
                                        sizeof(riacho_topology),
                                        0,
                                        spec_keys,
                                        sizeof spec_keys / sizeof *spec_keys};

static const char *const versions[] = {"riacho/v1"};
static const riacho_words version_words = {versions, 1, NULL, 0};
static const char *const kinds[] = {"Topology"};
static const riacho_words kind_words = {kinds, 1, NULL, 0};

static const riacho_key document_keys[] = {
    {"apiVersion", RIACHO_KEY_WORD, .offset = offsetof(riacho_topology_document, api_version),
     .words = &version_words, .presence = RIACHO_KEY_REQUIRED,
     .doc = "The version of this format."},
    {"kind", RIACHO_KEY_WORD, .offset = offsetof(riacho_topology_document, kind),
     .words = &kind_words, .presence = RIACHO_KEY_REQUIRED, .doc = "What the document is."},
    {"metadata", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_topology_document, topology),
     .shape = &metadata_shape, .presence = RIACHO_KEY_REQUIRED, .doc = "Who it is."},
    {"spec", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_topology_document, topology),
     .shape = &spec_shape, .presence = RIACHO_KEY_REQUIRED, .doc = "What it does."},
};
const riacho_shape riacho_topology_shape = {"Topology",
                                            "a topology",
                                            "A stream processing topology.",
                                            sizeof(riacho_topology_document),
                                            offsetof(riacho_topology_document, topology.mark),
                                            document_keys,
                                            sizeof document_keys / sizeof *document_keys};
