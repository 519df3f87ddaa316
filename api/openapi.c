/* SPDX-License-Identifier: MIT
 *
 * openapi.c - the OpenAPI 3.1 description, written from the route table that the server runs.
 */
#include <string.h>

#include "base/macros.h"
#include "member.h"
#include "problem.h"
#include "schema.h"
#include "server.h"

static void write_parameter(riacho_buffer *out, const char *name, const char *in, bool required,
                            const char *schema, const char *doc)
{
    riacho_buffer_printf(out, "%s{", out->data[out->size - 1] == '[' ? "" : ",");
    riacho_member_text(out, "name", name);
    riacho_member_text(out, "in", in);
    if (required)
        riacho_buffer_printf(out, ",\"required\":true");
    if (doc)
        riacho_member_text(out, "description", doc);
    riacho_buffer_printf(out, ",\"schema\":%s}", schema);
}

static void write_query_parameters(const riacho_endpoint *endpoint, riacho_buffer *out)
{
    static const char *const schemas[] = {
        [RIACHO_PARAMETER_TEXT] = "{\"type\":\"string\"}",
        [RIACHO_PARAMETER_COUNT] = "{\"type\":\"integer\",\"minimum\":0}",
        [RIACHO_PARAMETER_LIMIT] = "{\"type\":\"integer\",\"minimum\":1}",
        [RIACHO_PARAMETER_FLAG] = "{\"type\":\"boolean\"}",
    };
    const riacho_route *route = endpoint->route;
    for (const riacho_parameter *one = endpoint->parameters; one && one->name; one++)
        write_parameter(out, one->name, "query", false, schemas[one->type], one->doc);
    for (size_t i = 0; route && i < route->parameter_count; i++)
        write_parameter(out, route->parameters[i], "query", false, schemas[RIACHO_PARAMETER_TEXT],
                        NULL);
    if (!route || route->kind != RIACHO_ROUTE_QUERY || route->read == RIACHO_READ_GET ||
        route->read == RIACHO_READ_RANK)
        return;
    write_parameter(out, "limit", "query", false, schemas[RIACHO_PARAMETER_LIMIT],
                    "Items on a page");
    write_parameter(out, "cursor", "query", false, "{\"type\":\"string\"}",
                    "Where the page before ended");
}

static void write_parameters(const riacho_endpoint *endpoint, riacho_buffer *out)
{
    static const char text[] = "{\"type\":\"string\"}";
    riacho_buffer_printf(out, ",\"parameters\":[");
    for (size_t i = 0; i < endpoint->name_count; i++)
        write_parameter(out, endpoint->names[i], "path", true, text, NULL);
    write_query_parameters(endpoint, out);
    if (endpoint->class == RIACHO_ENDPOINT_WRITE) {
        write_parameter(out, "Idempotency-Key", "header", false,
                        "{\"type\":\"string\",\"minLength\":1,\"maxLength\":64}",
                        "The event's id: the same key is one event");
        write_parameter(out, "Prefer", "header", false, text,
                        "wait=N: answer when it has its effect");
        write_parameter(out, "Riacho-Name", "header", false, text,
                        "The visitor's display name, percent-encoded");
    } else if (endpoint->class == RIACHO_ENDPOINT_READ) {
        write_parameter(out, "If-Position", "header", false, text,
                        "Answer from a state that includes this position");
        write_parameter(out, "Read-Consistency", "header", false,
                        "{\"type\":\"string\",\"pattern\":\"^(strong|bounded=[0-9]+ms)$\"}",
                        "How old the answer may be");
        write_parameter(out, "If-None-Match", "header", false, text, NULL);
    }
    riacho_buffer_printf(out, "]");
}

static void write_body(const riacho_type *type, riacho_schema_set *set, riacho_buffer *out)
{
    if (!type)
        return;
    riacho_buffer_printf(out, ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":");
    riacho_schema_write(type, set, out);
    riacho_buffer_printf(out, "}}}");
}

static void write_page(const char *members, const riacho_type *item, const char *name,
                       riacho_schema_set *set, riacho_buffer *out)
{
    riacho_buffer_printf(out,
                         "{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\","
                         "\"items\":{\"type\":\"object\",\"properties\":{%s,\"%s\":",
                         members, name);
    riacho_schema_write(item, set, out);
    riacho_buffer_printf(
        out, "}}},\"next\":{\"type\":[\"string\",\"null\"]},\"partial\":{\"type\":\"boolean\"},"
             "\"missing\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}");
}

/* What a query answers, by its kind. */
static void write_reply_schema(const riacho_route *route, riacho_schema_set *set,
                               riacho_buffer *out)
{
    static const char rank[] = "\"rank\":{\"type\":\"integer\"},\"score\":{\"type\":\"integer\"}";
    switch (route->read) {
    case RIACHO_READ_GET:
        riacho_schema_write(route->reply, set, out);
        return;
    case RIACHO_READ_RANGE:
        write_page("\"key\":{}", route->reply, "value", set, out);
        return;
    case RIACHO_READ_TOP:
        write_page(rank, route->reply, "member", set, out);
        return;
    case RIACHO_READ_LIST:
        write_page("\"sequence\":{\"type\":\"integer\"}", route->reply, "value", set, out);
        return;
    case RIACHO_READ_RANK:
        riacho_buffer_printf(out,
                             "{\"type\":\"object\",\"properties\":{%s,\"of\":{\"type\":"
                             "\"integer\"},\"around\":{\"type\":\"array\",\"items\":{\"type\":"
                             "\"object\",\"properties\":{%s,\"member\":",
                             rank, rank);
        riacho_schema_write(route->reply, set, out);
        riacho_buffer_printf(out, "}}}}}");
        return;
    }
}

static void write_replies(const riacho_endpoint *endpoint, riacho_schema_set *set,
                          riacho_buffer *out)
{
    const riacho_route *route = endpoint->route;
    riacho_buffer_printf(out, ",\"responses\":{");
    if (route && route->kind == RIACHO_ROUTE_COMMAND) {
        riacho_buffer_printf(out, "\"200\":{\"$ref\":\"#/components/responses/Processed\"},"
                                  "\"202\":{\"$ref\":\"#/components/responses/Accepted\"},");
    } else if (route) {
        riacho_buffer_printf(
            out, "\"200\":{\"description\":\"The state\",\"content\":{\"application/json\":"
                 "{\"schema\":");
        write_reply_schema(route, set, out);
        riacho_buffer_printf(out, "}}},\"304\":{\"description\":\"As it was\"},");
    } else {
        riacho_buffer_printf(out, "\"200\":{\"description\":\"OK\"},");
    }
    riacho_buffer_printf(out, "\"default\":{\"$ref\":\"#/components/responses/Problem\"}}");
}

static const riacho_type *body_of(const riacho_endpoint *endpoint)
{
    if (endpoint->route)
        return endpoint->route->body;
    if (endpoint->handle == riacho_handle_store_many)
        return &riacho_many_type;
    return endpoint->handle == riacho_handle_topic_create ? &riacho_new_topic_type : NULL;
}

static void write_operation(const riacho_endpoint *endpoint, riacho_schema_set *set,
                            riacho_buffer *out)
{
    riacho_buffer_printf(out, "\"");
    for (const char *at = endpoint->method; *at; at++)
        riacho_buffer_printf(out, "%c", *at | 0x20);
    riacho_buffer_printf(out, "\":{");
    riacho_member_text(out, "operationId", endpoint->id);
    riacho_member_text(out, "summary", endpoint->summary);
    riacho_member_name(out, "tags");
    riacho_buffer_printf(out, "[\"%s\"]", endpoint->tag);
    write_parameters(endpoint, out);
    write_body(body_of(endpoint), set, out);
    write_replies(endpoint, set, out);
    riacho_buffer_printf(out, "}");
}

/* Whether an endpoint before this one has the same path, and so wrote it. */
static bool is_written(const riacho_endpoint *const *endpoints, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(endpoints[i]->path, endpoints[at]->path) == 0)
            return true;
    return false;
}

static void write_paths(const riacho_api *api, riacho_schema_set *set, riacho_buffer *out)
{
    const riacho_endpoint *const *endpoints;
    const size_t count = riacho_router_endpoints(api->router, &endpoints);
    riacho_buffer_printf(out, ",\"paths\":{");
    for (size_t i = 0; i < count; i++) {
        if (is_written(endpoints, i))
            continue;
        riacho_member_name(out, endpoints[i]->path);
        riacho_buffer_printf(out, "{");
        for (size_t j = i; j < count; j++) {
            if (strcmp(endpoints[i]->path, endpoints[j]->path) != 0)
                continue;
            riacho_buffer_printf(out, "%s", j > i ? "," : "");
            write_operation(endpoints[j], set, out);
        }
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "}");
}

static const char responses[] =
    ",\"components\":{\"responses\":{"
    "\"Accepted\":{\"description\":\"The event is durable\",\"content\":{\"application/json\":"
    "{\"schema\":{\"$ref\":\"#/components/schemas/Accepted\"}}}},"
    "\"Processed\":{\"description\":\"The event has had its effect\",\"content\":"
    "{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Accepted\"}}}},"
    "\"Problem\":{\"description\":\"RFC 9457\",\"content\":{\"application/problem+json\":"
    "{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}},"
    "\"schemas\":{"
    "\"Accepted\":{\"type\":\"object\",\"required\":[\"correlationId\",\"state\",\"position\","
    "\"eventId\"],\"properties\":{\"correlationId\":{\"type\":\"string\"},\"state\":{\"enum\":"
    "[\"accepted\",\"processed\"]},\"position\":{\"type\":\"string\"},\"eventId\":"
    "{\"type\":\"string\"}}},"
    "\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\"],\"properties\":"
    "{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":"
    "\"integer\"},\"detail\":{\"type\":\"string\"},\"errors\":{\"type\":\"array\",\"items\":"
    "{\"type\":\"object\",\"properties\":{\"pointer\":{\"type\":\"string\"},\"detail\":{\"type\":"
    "\"string\"}}}}}}";

void riacho_api_describe(const riacho_api *api, riacho_buffer *out)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_schema_set *set = riacho_alloc_zero(arena, 1, sizeof *set);
    riacho_buffer_printf(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Riacho\",\"version\":"
                              "\"" RIACHO_VERSION "\",\"description\":\"Commands in, queries "
                              "out\"}");
    write_paths(api, set, out);
    riacho_buffer_printf(out, "%s", responses);
    if (set->count > 0)
        riacho_buffer_printf(out, ",");
    riacho_schema_write_components(set, out);
    riacho_buffer_printf(out, "}}}");
}

void riacho_handle_openapi(riacho_exchange *exchange)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_api_describe(exchange->api, &out);
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}
