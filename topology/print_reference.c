/* SPDX-License-Identifier: MIT
 *
 * print_reference.c - the reference page of our YAML files (Markdown): one section a shape.
 */
#include <string.h>

#include "base/limits.h"
#include "schema_walk.h"
#include "yaml.h"

static void put_words(const riacho_words *words, riacho_buffer *out)
{
    for (size_t i = 0; i < words->count; i++)
        riacho_buffer_printf(out, "%s`%s`", i ? ", " : "", words->items[i]);
}

/* The heading's anchor, as GitHub makes it. */
static void put_link(const riacho_shape *shape, riacho_buffer *out)
{
    riacho_buffer_printf(out, "[%s](#", shape->name);
    for (const char *at = shape->name; *at; at++) {
        const char lower = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        riacho_buffer_append(out, &lower, 1);
    }
    riacho_buffer_printf(out, ")");
}

static void put_range(const char *what, const riacho_key *key, riacho_buffer *out)
{
    riacho_buffer_printf(out, "%s", what);
    if (key->max)
        riacho_buffer_printf(out, ", %lld to %lld", (long long)key->min, (long long)key->max);
    else if (key->min)
        riacho_buffer_printf(out, ", from %lld", (long long)key->min);
}

static const char *plain_type(riacho_key_type type)
{
    static const char *const words[] = {
        [RIACHO_KEY_TEXT] = "text",
        [RIACHO_KEY_EXPRESSION] = "expression",
        [RIACHO_KEY_FLAG] = "`true` or `false`",
        [RIACHO_KEY_SIZE] = "size, such as `64KiB`",
        [RIACHO_KEY_DURATION] = "duration, such as `30s`",
        [RIACHO_KEY_TEXTS] = "list of texts",
        [RIACHO_KEY_EMPTY] = "`{}`",
        [RIACHO_KEY_VALUE] = "expression, or fields with an expression each",
        [RIACHO_KEY_PAIRS] = "names with a value each",
        [RIACHO_KEY_LATER] = NULL,
    };
    return words[type];
}

static void put_type(const riacho_key *key, riacho_buffer *out)
{
    switch (key->type) {
    case RIACHO_KEY_COUNT:
    case RIACHO_KEY_NUMBER:
        put_range("whole number", key, out);
        break;
    case RIACHO_KEY_WORD:
        put_words(key->words, out);
        break;
    case RIACHO_KEY_WORDS:
        riacho_buffer_printf(out, "list of ");
        put_words(key->words, out);
        break;
    case RIACHO_KEY_SHAPE:
        put_link(key->shape, out);
        break;
    case RIACHO_KEY_TEXT_OR_SHAPE:
        riacho_buffer_printf(out, "text, or ");
        put_link(key->shape, out);
        break;
    case RIACHO_KEY_MAP:
        riacho_buffer_printf(out, "names with a ");
        put_link(key->shape, out);
        riacho_buffer_printf(out, " each");
        break;
    case RIACHO_KEY_LIST:
        riacho_buffer_printf(out, "list of ");
        put_link(key->shape, out);
        break;
    default:
        riacho_buffer_printf(out, "%s", plain_type(key->type));
        break;
    }
}

static void put_key(const riacho_key *key, riacho_buffer *out)
{
    riacho_buffer_printf(out, "| `%s` | ", key->name);
    put_type(key, out);
    if (key->presence == RIACHO_KEY_REQUIRED)
        riacho_buffer_printf(out, " | **required** | ");
    else if (key->fallback)
        riacho_buffer_printf(out, " | `%s` | ", key->fallback);
    else
        riacho_buffer_printf(out, " | | ");
    riacho_buffer_printf(out, "%s", key->doc);
    if (key->since)
        riacho_buffer_printf(out, " Since %s.", key->since);
    riacho_buffer_printf(out, " |\n");
}

static void put_later(const riacho_shape *shape, riacho_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < shape->key_count; i++)
        if (shape->keys[i].type == RIACHO_KEY_LATER)
            riacho_buffer_printf(out, "%s`%s`", count++ ? ", " : "\nReserved for a later version: ",
                                 shape->keys[i].name);
    if (count)
        riacho_buffer_printf(out, ".\n");
}

static void put_shape(const riacho_shape *shape, riacho_buffer *out)
{
    riacho_buffer_printf(out,
                         "\n## %s\n\n%s\n\n| key | takes | default | meaning |\n"
                         "|---|---|---|---|\n",
                         shape->name, shape->doc);
    for (size_t i = 0; i < shape->key_count; i++)
        if (shape->keys[i].type != RIACHO_KEY_LATER)
            put_key(&shape->keys[i], out);
    put_later(shape, out);
}

static const char lowering[] =
    "\n## How steps become a graph\n\n"
    "`riacho graph FILE` shows it.\n\n"
    "- A step is a node, named by its `id` or by its pipeline and place. `groupByKey` makes none.\n"
    "- `rekey`, `groupBy`, `map` with a key, `convert` of the key, and functions of kind map, "
    "flatMap "
    "and process (without\n  `keepsKey: true`) may change the key. The next step that keeps state "
    "by "
    "key gets its records through a topic\n  `<topology>-<step>-repartition`; records without a "
    "key "
    "are dropped on the way. Pipelines that go on from one `as`\n  share that topic, named after "
    "the "
    "first step that needs it.\n"
    "- Nodes that are connected, or that use one store, are a sub-topology: what one task runs. "
    "Topics "
    "whose records meet in\n  one store must have one partition count.\n"
    "- A store without a name is `<step>.store` and cannot be queried; a table's has the table's "
    "name.\n"
    "- A record without a value stays without one in `map` and `mapValues`; in conditions its "
    "fields "
    "are null.\n"
    "- The hash of a topology covers what may change the result of a replay: topics, types, "
    "partitions, stores, steps,\n  expressions, functions by name, and what becomes of records "
    "that "
    "fail. It does not cover the description, the\n  guarantee, the commit interval, retention, "
    "commands, queries and paths.\n";

void riacho_yaml_print_reference(riacho_buffer *out)
{
    riacho_shapes shapes = {.count = 0};
    riacho_shapes_add(&shapes, &riacho_topology_shape);
    riacho_shapes_add(&shapes, &riacho_worker_shape);
    riacho_buffer_printf(
        out,
        "# Topology and worker files\n\n"
        "<!-- Made by riacho-topology-docs from topology/schema_*.c; change those. -->\n\n"
        "Files are YAML 1.2 with its core types, several documents to a file if you like. There "
        "are no aliases, anchors, tags\nor merge keys; a key appears once; a file has at most %d "
        "KiB and %d levels. A number or boolean that is meant as text\nstands in quotes; an "
        "expression may be any scalar.\n\n"
        "`${VAR}` and `${VAR:-default}` are filled in from the environment in every scalar of a "
        "worker file and in the `topic` of a\ntopology, after parsing and inside that one scalar; "
        "never in what is sent over REST.\n\n"
        "An editor that knows `topology.v1.json` (beside this page) completes and checks while "
        "you type.\n",
        RIACHO_YAML_BYTES_MAX / 1024, RIACHO_YAML_DEPTH_MAX);
    for (size_t i = 0; i < shapes.count; i++)
        put_shape(shapes.items[i], out);
    riacho_buffer_printf(out, "%s", lowering);
}
