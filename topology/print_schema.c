/* SPDX-License-Identifier: MIT
 *
 * print_schema.c - the JSON Schema (draft 2020-12) of our YAML files, for editors: one definition a
 * shape.
 */
#include <inttypes.h>
#include <string.h>

#include "schema_walk.h"
#include "yaml.h"

static const char scalar[] = "{\"type\": [\"string\", \"number\", \"boolean\"]}";
static const char name_pattern[] = "^[A-Za-z][A-Za-z0-9_-]{0,99}$";

static void put_text(const char *text, riacho_buffer *out)
{
    riacho_json_quote(riacho_text(text), out);
}

static void put_words(const riacho_words *words, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"enum\": [");
    for (size_t i = 0; i < words->count; i++) {
        riacho_buffer_printf(out, "%s", i ? ", " : "");
        put_text(words->items[i], out);
    }
    riacho_buffer_printf(out, "]}");
}

static void put_number(const riacho_key *key, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"type\": \"integer\", \"minimum\": %" PRId64, key->min);
    if (key->max)
        riacho_buffer_printf(out, ", \"maximum\": %" PRId64, key->max);
    riacho_buffer_printf(out, "}");
}

static void put_ref(const riacho_shape *shape, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"$ref\": \"#/$defs/%s\"}", shape->name);
}

static void put_collection(const riacho_key *key, riacho_buffer *out)
{
    if (key->type == RIACHO_KEY_LIST) {
        riacho_buffer_printf(out, "{\"type\": \"array\", \"items\": ");
    } else {
        riacho_buffer_printf(out,
                             "{\"type\": \"object\", \"propertyNames\": {\"pattern\": \"%s\"}, "
                             "\"additionalProperties\": ",
                             name_pattern);
    }
    put_ref(key->shape, out);
    riacho_buffer_printf(out, "}");
}

/* What a key takes, without its documentation. */
static void put_type(const riacho_key *key, riacho_buffer *out)
{
    switch (key->type) {
    case RIACHO_KEY_TEXT:
        riacho_buffer_printf(out, "{\"type\": \"string\"}");
        break;
    case RIACHO_KEY_EXPRESSION:
        riacho_buffer_printf(out, "%s", scalar);
        break;
    case RIACHO_KEY_FLAG:
        riacho_buffer_printf(out, "{\"type\": \"boolean\"}");
        break;
    case RIACHO_KEY_COUNT:
    case RIACHO_KEY_NUMBER:
        put_number(key, out);
        break;
    case RIACHO_KEY_SIZE:
        riacho_buffer_printf(out, "{\"type\": [\"string\", \"integer\"], \"pattern\": "
                                  "\"^[0-9]+(B|KiB|MiB|GiB|TiB)?$\"}");
        break;
    case RIACHO_KEY_DURATION:
        riacho_buffer_printf(out, "{\"type\": \"string\", \"pattern\": \"^[0-9]+(ms|s|m|h|d)$\"}");
        break;
    case RIACHO_KEY_WORD:
        put_words(key->words, out);
        break;
    case RIACHO_KEY_WORDS:
        riacho_buffer_printf(out, "{\"type\": \"array\", \"items\": ");
        put_words(key->words, out);
        riacho_buffer_printf(out, "}");
        break;
    case RIACHO_KEY_TEXTS:
        riacho_buffer_printf(out, "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}");
        break;
    case RIACHO_KEY_EMPTY:
        riacho_buffer_printf(out, "{\"type\": [\"object\", \"null\"], \"maxProperties\": 0}");
        break;
    case RIACHO_KEY_SHAPE:
        put_ref(key->shape, out);
        break;
    case RIACHO_KEY_TEXT_OR_SHAPE:
        riacho_buffer_printf(out, "{\"anyOf\": [%s, ", scalar);
        put_ref(key->shape, out);
        riacho_buffer_printf(out, "]}");
        break;
    case RIACHO_KEY_MAP:
    case RIACHO_KEY_LIST:
        put_collection(key, out);
        break;
    case RIACHO_KEY_VALUE:
        riacho_buffer_printf(out,
                             "{\"anyOf\": [%s, {\"type\": \"object\", \"additionalProperties\": "
                             "%s}]}",
                             scalar, scalar);
        break;
    case RIACHO_KEY_PAIRS:
        riacho_buffer_printf(out, "{\"type\": \"object\", \"additionalProperties\": %s}", scalar);
        break;
    case RIACHO_KEY_LATER:
        break;
    }
}

/* A default is only given where it is a value of its type, and not a sentence about one. */
static void put_default(const riacho_key *key, riacho_buffer *out)
{
    if (!key->fallback || key->type == RIACHO_KEY_TEXT)
        return;
    riacho_buffer_printf(out, ", \"default\": ");
    if (key->type == RIACHO_KEY_FLAG || key->type == RIACHO_KEY_COUNT ||
        key->type == RIACHO_KEY_NUMBER)
        riacho_buffer_printf(out, "%s", key->fallback);
    else
        put_text(key->fallback, out);
}

/* Anything but text and mappings may also be written as ${VAR}, which is text. */
static bool may_be_variable(const riacho_key *key)
{
    return key->source == RIACHO_KEY_ENVIRONMENT && key->type != RIACHO_KEY_TEXT &&
           key->type != RIACHO_KEY_PAIRS;
}

static void put_key(const riacho_key *key, const char *comma, riacho_buffer *out)
{
    riacho_buffer_printf(out, "%s        ", comma);
    put_text(key->name, out);
    riacho_buffer_printf(out, ": {\"description\": ");
    put_text(key->doc, out);
    put_default(key, out);
    riacho_buffer_printf(out, ", \"anyOf\": [");
    put_type(key, out);
    if (may_be_variable(key))
        riacho_buffer_printf(out, ", {\"type\": \"string\", \"pattern\": \"\\\\$\\\\{\"}");
    riacho_buffer_printf(out, "]}");
}

static void put_required(const riacho_shape *shape, riacho_buffer *out)
{
    const char *comma = "";
    riacho_buffer_printf(out, "      \"required\": [");
    for (size_t i = 0; i < shape->key_count; i++) {
        if (shape->keys[i].presence != RIACHO_KEY_REQUIRED)
            continue;
        riacho_buffer_printf(out, "%s", comma);
        put_text(shape->keys[i].name, out);
        comma = ", ";
    }
    riacho_buffer_printf(out, "],\n");
}

static void put_shape(const riacho_shape *shape, const char *comma, riacho_buffer *out)
{
    const char *between = "\n";
    riacho_buffer_printf(out,
                         "%s    \"%s\": {\n      \"type\": \"object\",\n"
                         "      \"description\": ",
                         comma, shape->name);
    put_text(shape->doc, out);
    riacho_buffer_printf(out, ",\n      \"additionalProperties\": false,\n");
    put_required(shape, out);
    riacho_buffer_printf(out, "      \"properties\": {");
    for (size_t i = 0; i < shape->key_count; i++) {
        if (shape->keys[i].type == RIACHO_KEY_LATER)
            continue;
        put_key(&shape->keys[i], between, out);
        between = ",\n";
    }
    riacho_buffer_printf(out, "\n      }\n    }");
}

void riacho_yaml_print_schema(riacho_buffer *out)
{
    riacho_shapes shapes = {.count = 0};
    riacho_shapes_add(&shapes, &riacho_topology_shape);
    riacho_shapes_add(&shapes, &riacho_worker_shape);
    riacho_buffer_printf(
        out, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
             "  \"$comment\": \"Made by riacho-topology-docs from topology/schema_*.c.\",\n"
             "  \"title\": \"Riacho: topologies and workers\",\n"
             "  \"oneOf\": [\n    {\"$ref\": \"#/$defs/Topology\"},\n"
             "    {\"$ref\": \"#/$defs/Worker\"},\n"
             "    {\"type\": \"object\", \"required\": [\"kind\"], \"properties\": {\"kind\": "
             "{\"const\": \"TopologyTest\"}}}\n  ],\n  \"$defs\": {");
    for (size_t i = 0; i < shapes.count; i++)
        put_shape(shapes.items[i], i ? ",\n" : "\n", out);
    riacho_buffer_printf(out, "\n  }\n}\n");
}
