/* SPDX-License-Identifier: MIT
 *
 * schema_table.c - the keys of `kind: Topology` and of what it declares (see schema_table.h). The
 * document comes last: a shape stands before those that use it.
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
const riacho_shape riacho_store_shape = {
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
     .shape = &riacho_store_shape,
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
     .count_offset = offsetof(riacho_topology, stores_count), .shape = &riacho_store_shape,
     .doc = "State that steps and functions use by name."},
    {"functions", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, functions),
     .count_offset = offsetof(riacho_topology, functions_count), .shape = &function_shape,
     .doc = "Functions of the libraries, by the name that steps use."},
    {"pipelines", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, pipelines),
     .count_offset = offsetof(riacho_topology, pipelines_count), .shape = &riacho_pipeline_shape,
     .doc = "What is done, by name."},
    {"onError", RIACHO_KEY_SHAPE, .offset = offsetof(riacho_topology, on_error),
     .shape = &on_error_shape, .doc = "What becomes of records that fail."},
    {"http", RIACHO_KEY_SHAPE, .offset = 0, .shape = &http_shape,
     .doc = "Where commands and queries live."},
    {"commands", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, commands),
     .count_offset = offsetof(riacho_topology, commands_count), .shape = &riacho_command_shape,
     .doc = "Requests that become events, by name."},
    {"queries", RIACHO_KEY_MAP, .offset = offsetof(riacho_topology, queries),
     .count_offset = offsetof(riacho_topology, queries_count), .shape = &riacho_query_shape,
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
