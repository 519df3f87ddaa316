/* SPDX-License-Identifier: MIT
 *
 * control.c - looking at a worker from outside: topologies, tasks, stores, topics.
 */
#include <inttypes.h>
#include <string.h>

#include "base/macros.h"
#include "member.h"
#include "problem.h"
#include "server.h"

static void open_items(riacho_buffer *out)
{
    riacho_buffer_printf(out, "{\"items\":[");
}

static void close_items(riacho_exchange *exchange, riacho_buffer *out)
{
    riacho_buffer_printf(out, "]}");
    riacho_exchange_answer(exchange, 200, "application/json", out);
}

static void open_item(riacho_buffer *out)
{
    riacho_buffer_printf(out, out->data[out->size - 1] == '[' ? "{" : ",{");
}

/* For who comes to the address alone: the documents, and the queries that need nothing more. */
void riacho_handle_root(riacho_exchange *exchange)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_route *routes;
    const size_t count = riacho_worker_routes(exchange->api->worker, &routes);
    riacho_buffer_printf(&out, "{");
    riacho_member_text(&out, "name", "riacho");
    riacho_member_text(&out, "version", RIACHO_VERSION);
    riacho_member_text(&out, "docs", "/docs");
    riacho_member_text(&out, "openapi", "/openapi.json");
    riacho_member_text(&out, "health", "/readyz?verbose");
    riacho_member_name(&out, "queries");
    riacho_buffer_printf(&out, "[");
    for (size_t i = 0, written = 0; i < count; i++) {
        if (routes[i].kind != RIACHO_ROUTE_QUERY || strchr(routes[i].path, '{'))
            continue;
        riacho_buffer_printf(&out, "%s", written++ ? "," : "");
        riacho_json_quote(riacho_text(routes[i].path), &out);
    }
    riacho_buffer_printf(&out, "]}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}

void riacho_handle_stores(riacho_exchange *exchange)
{
    riacho_store_status *stores;
    size_t count;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_status status = riacho_worker_stores(
        exchange->api->worker, exchange->request->arena, &stores, &count, &err);
    if (status != RIACHO_OK) {
        riacho_exchange_fail(exchange, status, &err);
        return;
    }
    open_items(&out);
    for (size_t i = 0; i < count; i++) {
        open_item(&out);
        riacho_member_text(&out, "topology", stores[i].topology);
        riacho_member_text(&out, "store", stores[i].store);
        riacho_member_text(&out, "type", stores[i].kind);
        riacho_member_text(&out, "keyType", stores[i].key_word);
        riacho_member_text(&out, "valueType", stores[i].value_word);
        riacho_member_number(&out, "keys", (int64_t)stores[i].keys);
        riacho_member_number(&out, "bytes", (int64_t)stores[i].bytes);
        riacho_buffer_printf(&out, "}");
    }
    close_items(exchange, &out);
}

static void write_topology(const riacho_topology_status *topology, riacho_buffer *out)
{
    riacho_buffer_printf(out, "{");
    riacho_member_text(out, "name", topology->name);
    riacho_member_text(out, "description", topology->description);
    riacho_member_text(out, "state", topology->state);
    riacho_member_name(out, "hash");
    riacho_buffer_printf(out, "\"%016" PRIx64 "\"}", topology->hash);
}

void riacho_handle_topologies(riacho_exchange *exchange)
{
    riacho_topology_status *topologies;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const size_t count =
        riacho_worker_topologies(exchange->api->worker, exchange->request->arena, &topologies);
    open_items(&out);
    for (size_t i = 0; i < count; i++) {
        riacho_buffer_printf(&out, "%s", i ? "," : "");
        write_topology(&topologies[i], &out);
    }
    close_items(exchange, &out);
}

/* The topology that the path names; answers 404 when there is none. */
static bool find_topology(riacho_exchange *exchange, riacho_topology_status *ret_topology)
{
    const riacho_bytes name = riacho_exchange_path(exchange, "topology");
    riacho_topology_status *topologies;
    const size_t count =
        riacho_worker_topologies(exchange->api->worker, exchange->request->arena, &topologies);
    for (size_t i = 0; i < count; i++) {
        if (riacho_bytes_equal(riacho_text(topologies[i].name), name)) {
            *ret_topology = topologies[i];
            return true;
        }
    }
    riacho_problem_answer(exchange->request, exchange->reply, RIACHO_PROBLEM_NOT_FOUND,
                          "there is no such topology");
    return false;
}

void riacho_handle_topology(riacho_exchange *exchange)
{
    riacho_topology_status topology;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!find_topology(exchange, &topology))
        return;
    write_topology(&topology, &out);
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}

void riacho_handle_graph(riacho_exchange *exchange)
{
    const riacho_bytes asked = riacho_http_parameter(exchange->request, "format");
    const char *format = asked.data ? riacho_exchange_text(exchange, asked) : "text";
    riacho_topology_status topology;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!find_topology(exchange, &topology))
        return;
    if (riacho_worker_graph(exchange->api->worker, topology.name, format, &out, &err) !=
        RIACHO_OK) {
        riacho_problem_answer(exchange->request, exchange->reply, RIACHO_PROBLEM_REQUEST_INVALID,
                              riacho_format(exchange->request->arena, "%s", err.text));
        return;
    }
    riacho_exchange_answer(
        exchange, 200,
        strcmp(format, "json") == 0 ? "application/json" : "text/plain; charset=utf-8", &out);
}

static void write_owner(const riacho_task_status *task, riacho_buffer *out)
{
    if (task->owner)
        riacho_member_text(out, "owner", task->owner);
    if (task->owner_address)
        riacho_member_text(out, "address", task->owner_address);
    if (!task->standby_count)
        return;
    riacho_member_name(out, "standbys");
    for (size_t i = 0; i < task->standby_count; i++) {
        riacho_buffer_printf(out, i ? "," : "[");
        riacho_json_quote(riacho_text(task->standbys[i]), out);
    }
    riacho_buffer_printf(out, "]");
}

static void write_task(const riacho_task_status *task, riacho_buffer *out)
{
    riacho_member_text(out, "topology", task->topology);
    riacho_member_text(out, "task", task->task);
    riacho_member_text(out, "state", task->state);
    if (task->reason)
        riacho_member_text(out, "reason", task->reason);
    write_owner(task, out);
    riacho_member_number(out, "commit", (int64_t)task->commit_number);
    if (task->stream_time_ms != INT64_MIN)
        riacho_member_number(out, "streamTimeMs", task->stream_time_ms);
    if (task->restore_total) {
        riacho_member_number(out, "restoreDone", (int64_t)task->restore_done);
        riacho_member_number(out, "restoreTotal", (int64_t)task->restore_total);
    }
    riacho_member_name(out, "inputs");
    riacho_buffer_printf(out, "[");
    for (size_t i = 0; i < task->position_count; i++) {
        open_item(out);
        riacho_member_position(out, "position", &task->positions[i]);
        riacho_member_number(out, "lagRecords", task->lag_records[i]);
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "]}");
}

static bool list_tasks(riacho_exchange *exchange, riacho_task_status **ret_tasks, size_t *ret_count)
{
    riacho_error err;
    const riacho_status status = riacho_worker_tasks(
        exchange->api->worker, exchange->request->arena, ret_tasks, ret_count, &err);
    if (status != RIACHO_OK)
        riacho_exchange_fail(exchange, status, &err);
    return status == RIACHO_OK;
}

/* All tasks; below a topology, its own. */
void riacho_handle_tasks(riacho_exchange *exchange)
{
    riacho_topology_status topology = {0};
    riacho_task_status *tasks;
    size_t count;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (riacho_exchange_path(exchange, "topology").data && !find_topology(exchange, &topology))
        return;
    if (!list_tasks(exchange, &tasks, &count))
        return;
    open_items(&out);
    for (size_t i = 0; i < count; i++) {
        if (topology.name && strcmp(topology.name, tasks[i].topology) != 0)
            continue;
        open_item(&out);
        write_task(&tasks[i], &out);
    }
    close_items(exchange, &out);
}

/* How far a topology is from the end of its input, in one line. */
void riacho_handle_progress(riacho_exchange *exchange)
{
    riacho_topology_status topology;
    riacho_task_status *tasks;
    size_t count;
    int64_t lag = 0;
    int64_t running = 0;
    int64_t total = 0;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!find_topology(exchange, &topology) || !list_tasks(exchange, &tasks, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(topology.name, tasks[i].topology) != 0)
            continue;
        total++;
        running += strcmp(tasks[i].state, "running") == 0;
        for (size_t j = 0; j < tasks[i].position_count; j++)
            lag += tasks[i].lag_records[j];
    }
    riacho_buffer_printf(&out, "{");
    riacho_member_text(&out, "topology", topology.name);
    riacho_member_text(&out, "state", topology.state);
    riacho_member_number(&out, "tasks", total);
    riacho_member_number(&out, "tasksRunning", running);
    riacho_member_number(&out, "lagRecords", lag);
    riacho_buffer_printf(&out, "}");
    riacho_exchange_answer(exchange, 200, "application/json", &out);
}

static void write_worker(const riacho_worker_info *info, const char *served_by, riacho_buffer *out)
{
    static const char *const states[] = {[RIACHO_WORKER_READY] = "ready",
                                         [RIACHO_WORKER_NOT_READY] = "not ready",
                                         [RIACHO_WORKER_SILENT] = "silent"};
    riacho_member_text(out, "name", info->name);
    if (served_by)
        riacho_member_text(out, "worker", served_by);
    if (info->address)
        riacho_member_text(out, "address", info->address);
    if (info->version)
        riacho_member_text(out, "version", info->version);
    riacho_member_text(out, "state", states[info->state]);
    if (info->reason)
        riacho_member_text(out, "reason", info->reason);
    riacho_member_number(out, "tasks", (int64_t)info->tasks);
    riacho_buffer_printf(out, "}");
}

/* The one that answers is told even when nothing is known of a group. */
void riacho_handle_workers(riacho_exchange *exchange)
{
    riacho_arena *arena = exchange->request->arena;
    riacho_error err;
    riacho_worker_info alone = {.name = exchange->api->served_by};
    riacho_worker_info *workers = &alone;
    size_t count = 1;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (riacho_worker_group(exchange->api->worker, arena, &workers, &count, &err) != RIACHO_OK) {
        alone.version = RIACHO_VERSION;
        alone.state = RIACHO_WORKER_NOT_READY;
        alone.reason = riacho_format(arena, "%s", err.text);
    }
    open_items(&out);
    for (size_t i = 0; i < count; i++) {
        open_item(&out);
        write_worker(&workers[i], i ? workers[i].served_by : exchange->api->served_by, &out);
    }
    close_items(exchange, &out);
}

void riacho_handle_topics(riacho_exchange *exchange)
{
    riacho_topic_status *topics;
    size_t count;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_status status = riacho_worker_topics(
        exchange->api->worker, exchange->request->arena, &topics, &count, &err);
    if (status != RIACHO_OK) {
        riacho_exchange_fail(exchange, status, &err);
        return;
    }
    open_items(&out);
    for (size_t i = 0; i < count; i++) {
        open_item(&out);
        riacho_member_text(&out, "topic", topics[i].topic);
        riacho_member_text(&out, "cleanup", topics[i].cleanup);
        riacho_member_number(&out, "retentionMs", topics[i].retention_ms);
        riacho_member_name(&out, "partitions");
        riacho_buffer_printf(&out, "[");
        for (int32_t j = 0; j < topics[i].partitions; j++) {
            open_item(&out);
            riacho_member_number(&out, "partition", j);
            riacho_member_number(&out, "first", topics[i].first_offsets[j]);
            riacho_member_number(&out, "next", topics[i].next_offsets[j]);
            riacho_buffer_printf(&out, "}");
        }
        riacho_buffer_printf(&out, "]}");
    }
    close_items(exchange, &out);
}
