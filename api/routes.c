/* SPDX-License-Identifier: MIT
 *
 * routes.c - the route table: what is built in, and what the worker's topologies declare.
 *
 * A topology's route wins over a built-in one of the same shape (it may want its own /status/{id}),
 * but not over those that operators rely on: /v1, health, metrics and the description.
 */
#include <string.h>

#include "base/trace.h"
#include "server.h"

#define PARTIAL                                                                                    \
    {                                                                                              \
        "partial", RIACHO_PARAMETER_FLAG, "Leave out tasks that nobody answers for, and say so"    \
    }
static const riacho_parameter verbose[] = {
    {"verbose", RIACHO_PARAMETER_FLAG, "Also say why"},
    {0},
};
static const riacho_parameter of_read[] = {
    {"topology", RIACHO_PARAMETER_TEXT, "When several topologies have a store of this name"},
    {0},
};
static const riacho_parameter of_range[] = {
    {"topology", RIACHO_PARAMETER_TEXT, "When several topologies have a store of this name"},
    {"from", RIACHO_PARAMETER_TEXT, "First key"},
    {"to", RIACHO_PARAMETER_TEXT, "The key behind the last"},
    {"prefix", RIACHO_PARAMETER_TEXT, "Keys that begin so (text keys)"},
    {"limit", RIACHO_PARAMETER_LIMIT, "Items on a page"},
    {"cursor", RIACHO_PARAMETER_TEXT, "Where the page before ended"},
    {"reverse", RIACHO_PARAMETER_FLAG, "Last key first"},
    PARTIAL,
    {0},
};
static const riacho_parameter of_top[] = {
    {"topology", RIACHO_PARAMETER_TEXT, "When several topologies have a store of this name"},
    {"key", RIACHO_PARAMETER_TEXT, "Which ranking"},
    {"limit", RIACHO_PARAMETER_LIMIT, "Items on a page"},
    {"cursor", RIACHO_PARAMETER_TEXT, "Where the page before ended"},
    PARTIAL,
    {0},
};
static const riacho_parameter of_rank[] = {
    {"topology", RIACHO_PARAMETER_TEXT, "When several topologies have a store of this name"},
    {"key", RIACHO_PARAMETER_TEXT, "Which ranking"},
    {"around", RIACHO_PARAMETER_COUNT, "How many neighbours on each side"},
    {0},
};
static const riacho_parameter of_list[] = {
    {"topology", RIACHO_PARAMETER_TEXT, "When several topologies have a store of this name"},
    {"limit", RIACHO_PARAMETER_LIMIT, "Items on a page"},
    {"cursor", RIACHO_PARAMETER_TEXT, "Where the page before ended"},
    PARTIAL,
    {0},
};
static const riacho_parameter of_records[] = {
    {"partition", RIACHO_PARAMETER_COUNT, "Which; default 0"},
    {"from", RIACHO_PARAMETER_TEXT,
     "earliest, latest, an offset, a time (RFC 3339, UTC), a position"},
    {"limit", RIACHO_PARAMETER_LIMIT, "Records on a page"},
    {0},
};
static const riacho_parameter of_graph[] = {
    {"format", RIACHO_PARAMETER_TEXT, "text, dot, mermaid or json"},
    {0},
};

/* A row of the table. */
struct row {
    const char *method;
    const char *path;
    riacho_endpoint_class class;
    riacho_handler handle;
    const char *id;
    const char *tag;
    const char *summary;
    const riacho_parameter *parameters;
};

static const struct row built_in[] = {
    {"GET", "/", RIACHO_ENDPOINT_FREE, riacho_handle_root, "root", "documents",
     "Where to go from here", NULL},
    {"GET", "/livez", RIACHO_ENDPOINT_FREE, riacho_handle_live, "livez", "health",
     "Is the process alive", verbose},
    {"GET", "/readyz", RIACHO_ENDPOINT_FREE, riacho_handle_ready, "readyz", "health",
     "Does every task run", verbose},
    {"GET", "/startupz", RIACHO_ENDPOINT_FREE, riacho_handle_started, "startupz", "health",
     "Has it been ready once", verbose},
    {"GET", "/live", RIACHO_ENDPOINT_FREE, riacho_handle_live, "live", "health", "As /livez",
     verbose},
    {"GET", "/ready", RIACHO_ENDPOINT_FREE, riacho_handle_ready, "ready", "health", "As /readyz",
     verbose},
    {"GET", "/health", RIACHO_ENDPOINT_FREE, riacho_handle_ready, "health", "health", "As /readyz",
     verbose},
    {"GET", "/metrics", RIACHO_ENDPOINT_FREE, riacho_handle_metrics, "metrics", "health",
     "Numbers in Prometheus text format", NULL},
    {"GET", "/openapi.json", RIACHO_ENDPOINT_FREE, riacho_handle_openapi, "openapi", "documents",
     "This description", NULL},
    {"GET", "/docs", RIACHO_ENDPOINT_FREE, riacho_handle_docs, "docs", "documents",
     "The description for people", NULL},
    {"GET", "/status/{correlationId}", RIACHO_ENDPOINT_READ, riacho_handle_status, "status",
     "commands", "Whether an accepted command has had its effect", NULL},
    {"GET", "/v1/visitor", RIACHO_ENDPOINT_READ, riacho_handle_visitor, "visitor", "visitors",
     "The visitor's own public id and name", NULL},
    {"GET", "/v1/topologies", RIACHO_ENDPOINT_READ, riacho_handle_topologies, "listTopologies",
     "control", "Topologies on this worker", NULL},
    {"GET", "/v1/topologies/{topology}", RIACHO_ENDPOINT_READ, riacho_handle_topology,
     "getTopology", "control", "One topology", NULL},
    {"GET", "/v1/topologies/{topology}/graph", RIACHO_ENDPOINT_READ, riacho_handle_graph,
     "getGraph", "control", "Its graph", of_graph},
    {"GET", "/v1/topologies/{topology}/status", RIACHO_ENDPOINT_READ, riacho_handle_tasks,
     "getTopologyStatus", "control", "Its tasks", NULL},
    {"GET", "/v1/topologies/{topology}/progress", RIACHO_ENDPOINT_READ, riacho_handle_progress,
     "getProgress", "control", "How far it is from the end of its input", NULL},
    {"GET", "/v1/tasks", RIACHO_ENDPOINT_READ, riacho_handle_tasks, "listTasks", "control",
     "Tasks of all topologies, with positions and lag", NULL},
    {"GET", "/v1/workers", RIACHO_ENDPOINT_READ, riacho_handle_workers, "listWorkers", "control",
     "The workers of the group, the one that answers first", NULL},
    {"GET", "/v1/topics", RIACHO_ENDPOINT_READ, riacho_handle_topics, "listTopics", "control",
     "Topics of the log, with the offsets they hold", NULL},
    {"POST", "/v1/topics", RIACHO_ENDPOINT_WRITE, riacho_handle_topic_create, "createTopic",
     "operators", "A new topic; for operators", NULL},
    {"GET", "/v1/topics/{topic}/records", RIACHO_ENDPOINT_READ, riacho_handle_records,
     "readRecords", "control", "Records of one partition, as JSON", of_records},
    {"POST", "/v1/topics/{topic}/records", RIACHO_ENDPOINT_WRITE, riacho_handle_produce,
     "produceRecords", "operators", "Append records, all or none; for operators", NULL},
    {"GET", "/v1/dlq", RIACHO_ENDPOINT_READ, riacho_handle_dead_letters, "summariseDeadLetters",
     "control", "Dead letters, counted by where they came from and why", NULL},
    {"GET", "/v1/stores", RIACHO_ENDPOINT_READ, riacho_handle_stores, "listStores", "stores",
     "Stores of all topologies", NULL},
    {"GET", "/v1/stores/{store}/keys/{key}", RIACHO_ENDPOINT_READ, riacho_handle_store_key,
     "getKey", "stores", "The value of one key", of_read},
    {"GET", "/v1/stores/{store}/range", RIACHO_ENDPOINT_READ, riacho_handle_store_range, "getRange",
     "stores", "Keys in order", of_range},
    {"GET", "/v1/stores/{store}/top", RIACHO_ENDPOINT_READ, riacho_handle_store_top, "getTop",
     "stores", "A ranking from its top", of_top},
    {"GET", "/v1/stores/{store}/rank/{member}", RIACHO_ENDPOINT_READ, riacho_handle_store_rank,
     "getRank", "stores", "A member's place in a ranking", of_rank},
    {"GET", "/v1/stores/{store}/list/{key}", RIACHO_ENDPOINT_READ, riacho_handle_store_list,
     "getList", "stores", "A list, newest first", of_list},
    {"POST", "/v1/stores/{store}/mget", RIACHO_ENDPOINT_READ, riacho_handle_store_many, "getMany",
     "stores", "The values of up to 100 keys", of_read},
};

static riacho_status add_row(riacho_api *api, const struct row *row, riacho_error *err)
{
    const riacho_endpoint endpoint = {
        .method = row->method,
        .path = row->path,
        .class = row->class,
        .handle = row->handle,
        .id = row->id,
        .tag = row->tag,
        .summary = row->summary,
        .parameters = row->parameters,
    };
    return riacho_router_add(api->router, &endpoint, err);
}

/* Whether a topology must leave a path alone. */
static bool is_reserved(const char *path)
{
    static const char *const paths[] = {"/livez",  "/readyz",  "/startupz",     "/live", "/ready",
                                        "/health", "/metrics", "/openapi.json", "/docs"};
    if (strncmp(path, "/v1/", 4) == 0 || strcmp(path, "/v1") == 0)
        return true;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i], path) == 0)
            return true;
    return false;
}

static riacho_status add_route(riacho_api *api, const riacho_route *route, riacho_error *err)
{
    const bool command = route->kind == RIACHO_ROUTE_COMMAND;
    const riacho_endpoint endpoint = {
        .method = route->method,
        .path = route->path,
        .class = command ? RIACHO_ENDPOINT_WRITE : RIACHO_ENDPOINT_READ,
        .handle = command ? riacho_handle_command : riacho_handle_query,
        .id = riacho_format(api->arena, "%s.%s", route->topology, route->name),
        .tag = route->topology,
        .summary = route->name,
        .query = RIACHO_QUERY_OPEN,
        .route = route,
    };
    if (is_reserved(route->path))
        return riacho_fail(err, RIACHO_REJECT,
                           "%s %s of topology %s is the server's own: choose another path",
                           route->method, route->path, route->topology);
    return riacho_router_add(api->router, &endpoint, err);
}

/* /{topology}/health and its sisters. */
static riacho_status add_service(riacho_api *api, const char *topology, riacho_error *err)
{
    static const char *const kinds[] = {"health", "ready", "live"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const riacho_endpoint endpoint = {
            .method = "GET",
            .path = riacho_format(api->arena, "/%s/%s", topology, kinds[i]),
            .handle = riacho_handle_service,
            .id = riacho_format(api->arena, "%s.%s", topology, kinds[i]),
            .tag = "health",
            .summary = "The health of one topology",
            .parameters = verbose,
        };
        if (riacho_router_find(api->router, "GET", endpoint.path))
            continue; /* The topology has a path of its own there. */
        RIACHO_TRY(riacho_router_add(api->router, &endpoint, err));
    }
    return RIACHO_OK;
}

riacho_status riacho_routes_add(riacho_api *api, riacho_error *err)
{
    const riacho_route *routes;
    riacho_topology_status *topologies;
    const size_t route_count = riacho_worker_routes(api->worker, &routes);
    for (size_t i = 0; i < route_count; i++)
        RIACHO_TRY(add_route(api, &routes[i], err));
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        if (riacho_router_find(api->router, built_in[i].method, built_in[i].path)) {
            riacho_trace(RIACHO_INFO, "a topology serves this path itself", "path",
                         built_in[i].path, NULL);
            continue;
        }
        RIACHO_TRY(add_row(api, &built_in[i], err));
    }
    const size_t count = riacho_worker_topologies(api->worker, api->arena, &topologies);
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(add_service(api, topologies[i].name, err));
    return RIACHO_OK;
}
