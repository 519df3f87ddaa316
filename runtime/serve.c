/* SPDX-License-Identifier: MIT
 *
 * serve.c - what a worker serves and how it is doing: the table of declared routes, the state of
 * tasks, topologies and stores, health (riacho/serve.h).
 *
 * Threads: any. Everything shown of a task comes from its publication and its atomic counters.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/macros.h"
#include "base/memory.h"
#include "records.h"
#include "serve_private.h"
#include "shared/membership.h"

/* "/" + "/pets" is "/pets"; "/api" + "/" is "/api". */
static const char *join_path(riacho_arena *arena, const char *base, const char *path)
{
    size_t size = base ? strlen(base) : 0;
    while (size > 0 && base[size - 1] == '/')
        size--;
    if (strcmp(path, "/") == 0 && size > 0)
        path = "";
    return riacho_format(arena, "%.*s%s", (int)size, base ? base : "", path);
}

/* The type a view answers with. The worker checked at load that its struct hash is the schema's. */
static const riacho_type *type_of_struct(riacho_schemas *schemas, const riacho_struct *of,
                                         riacho_arena *arena)
{
    const riacho_codec *codec;
    const char *dot = of ? strrchr(of->name, '.') : NULL;
    const char *words[] = {of ? of->name : "", of ? riacho_format(arena, "avro:%s", of->name) : "",
                           dot ? riacho_format(arena, "avro:%s", dot + 1) : ""};
    for (size_t i = 0; schemas && i < sizeof words / sizeof *words; i++)
        if (words[i][0] && riacho_schemas_codec(schemas, words[i], &codec, NULL) == RIACHO_OK &&
            codec->type->size == of->size)
            return codec->type;
    return NULL;
}

static riacho_read_kind read_kind(riacho_query_kind kind)
{
    switch (kind) {
    case RIACHO_QUERY_GET:
        return RIACHO_READ_GET;
    case RIACHO_QUERY_RANGE:
        return RIACHO_READ_RANGE;
    case RIACHO_QUERY_TOP:
        return RIACHO_READ_TOP;
    case RIACHO_QUERY_RANK:
        return RIACHO_READ_RANK;
    case RIACHO_QUERY_LIST:
        return RIACHO_READ_LIST;
    }
    return RIACHO_READ_GET;
}

/* The names of parameters, each once. */
struct names {
    riacho_arena *arena;
    const char **items;
    size_t count;
    size_t capacity;
};

static void add_name(void *to, riacho_bytes name)
{
    struct names *names = to;
    for (size_t i = 0; i < names->count; i++)
        if (riacho_bytes_equal(riacho_text(names->items[i]), name))
            return;
    if (names->count == names->capacity) {
        const size_t capacity = names->capacity ? 2 * names->capacity : 8;
        const char **items = riacho_alloc_zero(names->arena, capacity, sizeof *items);
        for (size_t i = 0; i < names->count; i++)
            items[i] = names->items[i];
        names->items = items;
        names->capacity = capacity;
    }
    names->items[names->count++] = riacho_copy(names->arena, name).data;
}

static void add_parameters(riacho_route *route, const riacho_expr *const *exprs, size_t count,
                           riacho_arena *arena)
{
    struct names names = {.arena = arena};
    for (size_t i = 0; i < count; i++)
        if (exprs[i])
            riacho_expr_entries(exprs[i], RIACHO_COMMAND_QUERY, add_name, &names);
    route->parameters = names.items;
    route->parameter_count = names.count;
}

static void add_command(riacho_serving *serving, size_t deployment, const riacho_graph *graph,
                        const riacho_graph_command *command)
{
    const size_t at = serving->route_count++;
    serving->targets[at] =
        (riacho_target){.deployment = deployment, .graph = graph, .command = command};
    serving->routes[at] = (riacho_route){
        .topology = graph->name,
        .name = command->name,
        .kind = RIACHO_ROUTE_COMMAND,
        .method = command->method ? command->method : "POST",
        .path = join_path(serving->arena, graph->base_path, command->path),
        .body = command->body,
        .index = (uint32_t)at,
    };
    add_parameters(&serving->routes[at], (const riacho_expr *const[]){command->key, command->value},
                   2, serving->arena);
}

static void add_query(riacho_serving *serving, riacho_schemas *schemas, size_t deployment,
                      const riacho_graph *graph, const riacho_graph_query *query)
{
    const size_t at = serving->route_count++;
    const riacho_type *value = graph->stores[query->store].value.codec->type;
    const riacho_type *view =
        query->view ? type_of_struct(schemas, query->view->result, serving->arena) : NULL;
    serving->targets[at] = (riacho_target){.deployment = deployment,
                                           .graph = graph,
                                           .query = query,
                                           .reply = query->view ? view : value};
    serving->routes[at] = (riacho_route){
        .topology = graph->name,
        .name = query->name,
        .kind = RIACHO_ROUTE_QUERY,
        .method = "GET",
        .path = join_path(serving->arena, graph->base_path, query->path),
        .reply = serving->targets[at].reply,
        .read = read_kind(query->kind),
        .limit = query->limit,
        .max_limit = query->max_limit,
        .subscribe = query->subscribe,
        .index = (uint32_t)at,
    };
    add_parameters(&serving->routes[at], (const riacho_expr *const[]){query->key, query->member}, 2,
                   serving->arena);
}

static void free_serving(void *serving)
{
    riacho_serving *owned = serving;
    riacho_letters_memo_free(owned->letters);
    riacho_arena_free(owned->arena);
    free(owned);
}

static riacho_serving *make_serving(riacho_worker *worker)
{
    riacho_serving *serving = riacho_memory_get_zero(1, sizeof *serving);
    size_t count = 0;
    serving->arena = riacho_arena_new();
    serving->letters = riacho_letters_memo_new();
    if (getrandom(&serving->salt, sizeof serving->salt, 0) != (ssize_t)sizeof serving->salt)
        abort(); /* 8 bytes always come whole once the kernel's pool is up. */
    serving->feeds =
        riacho_alloc_zero(serving->arena, worker->deployment_count + 1, sizeof *serving->feeds);
    for (size_t i = 0; i < worker->deployment_count; i++)
        serving->feeds[i] = riacho_serving_feeds(worker->deployments[i].graph, serving->arena);
    for (size_t i = 0; i < worker->deployment_count; i++)
        count +=
            worker->deployments[i].graph->command_count + worker->deployments[i].graph->query_count;
    serving->routes = riacho_alloc_zero(serving->arena, count + 1, sizeof *serving->routes);
    serving->targets = riacho_alloc_zero(serving->arena, count + 1, sizeof *serving->targets);
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        for (size_t j = 0; j < graph->command_count; j++)
            add_command(serving, i, graph, &graph->commands[j]);
        for (size_t j = 0; j < graph->query_count; j++)
            add_query(serving, worker->options.schemas, i, graph, &graph->queries[j]);
    }
    return serving;
}

const riacho_serving *riacho_serving_of(riacho_worker *worker)
{
    riacho_serving *serving = __atomic_load_n(&worker->serving, __ATOMIC_ACQUIRE);
    if (serving)
        return serving;
    pthread_mutex_lock(&worker->lock);
    if (!worker->serving) {
        worker->serving_free = free_serving;
        __atomic_store_n(&worker->serving, make_serving(worker), __ATOMIC_RELEASE);
    }
    serving = worker->serving;
    pthread_mutex_unlock(&worker->lock);
    return serving;
}

size_t riacho_worker_routes(const riacho_worker *worker, const riacho_route **ret_routes)
{
    /* The table is a cache: making it changes nothing that anybody can see. */
    const riacho_serving *serving = riacho_serving_of((riacho_worker *)(uintptr_t)worker);
    *ret_routes = serving->routes;
    return serving->route_count;
}

riacho_status riacho_serving_ready(riacho_worker *worker, riacho_error *err)
{
    riacho_error reason;
    if (!atomic_load_explicit(&worker->started, memory_order_acquire))
        return riacho_fail(err, RIACHO_RETRY, "the worker is starting");
    if (atomic_load_explicit(&worker->stopping, memory_order_relaxed))
        return riacho_fail(err, RIACHO_RETRY, "the worker is stopping");
    if (atomic_load_explicit(&worker->crashed, memory_order_relaxed)) {
        const riacho_status status = riacho_worker_status(worker, &reason);
        return riacho_fail(err, RIACHO_RETRY, "the worker ended%s%s", status ? ": " : "",
                           status ? reason.text : "");
    }
    return RIACHO_OK;
}

/* Records between a position and the end of its partition, 0 when the log cannot say. */
static int64_t lag_of(riacho_worker *worker, const riacho_position *position)
{
    int64_t first;
    int64_t next;
    if (worker->log->ops->bounds(worker->log, position->topic, position->partition, &first, &next,
                                 NULL) != RIACHO_OK)
        return 0;
    const int64_t from = position->next < first ? first : position->next;
    return next > from ? next - from : 0;
}

static const char *copy_reason(riacho_task *task, riacho_arena *arena)
{
    pthread_mutex_lock(&task->lock);
    const char *reason =
        task->reason[0] ? riacho_copy(arena, riacho_text(task->reason)).data : NULL;
    pthread_mutex_unlock(&task->lock);
    return reason;
}

static void describe_task(riacho_worker *worker, riacho_task *task, riacho_arena *arena,
                          riacho_task_status *ret_status)
{
    RIACHO_AUTO(publication) riacho_publication *seen = riacho_task_publication(task);
    const size_t count = seen ? seen->position_count : 0;
    riacho_position *positions = riacho_alloc_zero(arena, count + 1, sizeof *positions);
    int64_t *lags = riacho_alloc_zero(arena, count + 1, sizeof *lags);
    for (size_t i = 0; i < count; i++) {
        positions[i] = seen->positions[i];
        lags[i] = lag_of(worker, &positions[i]);
    }
    *ret_status = (riacho_task_status){
        .topology = task->deployment->graph->name,
        .task = task->name,
        .state = riacho_task_state_name(atomic_load(&task->state)),
        .reason = copy_reason(task, arena),
        .commit_number = seen ? seen->number : 0,
        .stream_time_ms = seen ? seen->stream_time_ms : INT64_MIN,
        .positions = positions,
        .lag_records = lags,
        .position_count = count,
        .restore_done = atomic_load(&task->counters.restore_done),
        .restore_total = atomic_load(&task->counters.restore_total),
    };
}

/* Who has a task is the group's to say, and told as far as that is known. */
static void add_owner(riacho_worker *worker, const riacho_task *task, riacho_arena *arena,
                      riacho_task_status *status)
{
    riacho_owner owner;
    riacho_error ignored;
    if (!riacho_worker_shares(worker)) {
        status->owner = worker->options.name;
        return;
    }
    if (riacho_membership_owner(worker, task, arena, &owner, &ignored) != RIACHO_OK)
        return;
    status->owner = owner.name;
    status->owner_address = *owner.address ? owner.address : NULL;
    status->standbys = owner.standby_addresses;
    status->standby_count = owner.standby_count;
}

riacho_restores riacho_worker_restores(const riacho_worker *worker)
{
    riacho_restores all = {0};
    if (!atomic_load_explicit(&worker->started, memory_order_acquire))
        return all;
    for (size_t i = 0; i < worker->deployment_count; i++) {
        for (size_t j = 0; j < worker->deployments[i].task_count; j++) {
            riacho_task *task = worker->deployments[i].tasks[j];
            if (atomic_load(&task->state) != RIACHO_TASK_RESTORING)
                continue;
            all.tasks++;
            all.done += atomic_load(&task->counters.restore_done);
            all.total += atomic_load(&task->counters.restore_total);
        }
    }
    return all;
}

riacho_status riacho_worker_tasks(riacho_worker *worker, riacho_arena *arena,
                                  riacho_task_status **ret_tasks, size_t *ret_count,
                                  riacho_error *err)
{
    size_t count = 0;
    size_t at = 0;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    for (size_t i = 0; i < worker->deployment_count; i++)
        count += worker->deployments[i].task_count;
    *ret_tasks = riacho_alloc_zero(arena, count + 1, sizeof **ret_tasks);
    for (size_t i = 0; i < worker->deployment_count; i++) {
        for (size_t j = 0; j < worker->deployments[i].task_count; j++) {
            describe_task(worker, worker->deployments[i].tasks[j], arena, &(*ret_tasks)[at]);
            add_owner(worker, worker->deployments[i].tasks[j], arena, &(*ret_tasks)[at++]);
        }
    }
    *ret_count = count;
    return RIACHO_OK;
}

static const char *store_kind_name(riacho_store_kind kind)
{
    static const char *const names[] = {[RIACHO_STORE_KEYVALUE] = "keyValue",
                                        [RIACHO_STORE_RANKING] = "ranking",
                                        [RIACHO_STORE_LIST] = "list",
                                        [RIACHO_STORE_TTL] = "ttl"};
    return names[kind];
}

/* Which space of its task a store is. */
uint32_t riacho_serving_space(const riacho_graph *graph, int32_t store)
{
    const riacho_subtopology *part = &graph->subtopologies[graph->stores[store].subtopology];
    for (size_t i = 0; i < part->store_count; i++)
        if (part->stores[i] == store)
            return (uint32_t)i;
    return 0;
}

static void describe_store(const riacho_deployment *deployment, int32_t index,
                           riacho_store_status *ret_status)
{
    const riacho_graph_store *store = &deployment->graph->stores[index];
    const uint32_t space = riacho_serving_space(deployment->graph, index);
    *ret_status = (riacho_store_status){.topology = deployment->graph->name,
                                        .store = store->name,
                                        .kind = store_kind_name(store->kind),
                                        .key_word = store->key.word,
                                        .value_word = store->value.word};
    const uint32_t last = deployment->first_task[store->subtopology + 1];
    for (uint32_t i = deployment->first_task[store->subtopology]; i < last; i++)
        riacho_task_measure(deployment->tasks[i], space, &ret_status->keys, &ret_status->bytes);
}

riacho_status riacho_worker_stores(riacho_worker *worker, riacho_arena *arena,
                                   riacho_store_status **ret_stores, size_t *ret_count,
                                   riacho_error *err)
{
    size_t count = 0;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    for (size_t i = 0; i < worker->deployment_count; i++)
        count += worker->deployments[i].graph->store_count;
    *ret_stores = riacho_alloc_zero(arena, count + 1, sizeof **ret_stores);
    *ret_count = 0;
    for (size_t i = 0; i < worker->deployment_count; i++)
        for (size_t j = 0; j < worker->deployments[i].graph->store_count; j++)
            describe_store(&worker->deployments[i], (int32_t)j, &(*ret_stores)[(*ret_count)++]);
    return RIACHO_OK;
}

static bool is_elsewhere(riacho_task_state state)
{
    return state == RIACHO_TASK_AWAY || state == RIACHO_TASK_STANDBY;
}

/* The state of a topology is that of its task that is furthest from running, of those here. */
static const char *topology_state(const riacho_deployment *deployment, bool started)
{
    riacho_task_state worst = RIACHO_TASK_RUNNING;
    if (!started)
        return riacho_task_state_name(RIACHO_TASK_STOPPED);
    for (size_t i = 0; i < deployment->task_count; i++) {
        const riacho_task_state state = atomic_load(&deployment->tasks[i]->state);
        worst = state > worst && !is_elsewhere(state) ? state : worst;
    }
    return riacho_task_state_name(worst);
}

size_t riacho_worker_topologies(riacho_worker *worker, riacho_arena *arena,
                                riacho_topology_status **ret_topologies)
{
    const bool started = atomic_load_explicit(&worker->started, memory_order_acquire);
    riacho_topology_status *all =
        riacho_alloc_zero(arena, worker->deployment_count + 1, sizeof *all);
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_deployment *deployment = &worker->deployments[i];
        all[i] = (riacho_topology_status){.name = deployment->graph->name,
                                          .description = deployment->graph->description,
                                          .hash = deployment->graph->hash,
                                          .state = topology_state(deployment, started),
                                          .graph = deployment->graph};
    }
    *ret_topologies = all;
    return worker->deployment_count;
}

riacho_status riacho_worker_graph(riacho_worker *worker, const char *topology, const char *format,
                                  riacho_buffer *out, riacho_error *err)
{
    static const char *const formats[] = {[RIACHO_GRAPH_TEXT] = "text",
                                          [RIACHO_GRAPH_DOT] = "dot",
                                          [RIACHO_GRAPH_MERMAID] = "mermaid",
                                          [RIACHO_GRAPH_JSON] = "json"};
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_graph *graph = worker->deployments[i].graph;
        if (strcmp(graph->name, topology) != 0)
            continue;
        for (size_t j = 0; j < sizeof formats / sizeof *formats; j++) {
            if (strcmp(formats[j], format) == 0) {
                riacho_graph_print(graph, (riacho_graph_format)j, out);
                return RIACHO_OK;
            }
        }
        return riacho_fail(err, RIACHO_REJECT,
                           "there is no graph format '%s': text, dot, mermaid or json", format);
    }
    return riacho_fail(err, RIACHO_REJECT, "there is no topology '%s'", topology);
}

/* Why a task does not run, NULL when it does. */
static const char *task_complaint(riacho_task *task, riacho_arena *arena)
{
    const riacho_task_state state = atomic_load(&task->state);
    if (state == RIACHO_TASK_RUNNING || is_elsewhere(state))
        return NULL;
    const char *reason = copy_reason(task, arena);
    return riacho_format(arena, "task %s is %s%s%s", task->log_name, riacho_task_state_name(state),
                         reason ? ": " : "", reason ? reason : "");
}

riacho_health riacho_worker_health(riacho_worker *worker, riacho_arena *arena)
{
    riacho_error why;
    riacho_error reason;
    const char *complaint = NULL;
    size_t more = 0;
    if (riacho_worker_status(worker, &reason) != RIACHO_OK)
        return (riacho_health){RIACHO_NOT_READY, RIACHO_DEAD,
                               riacho_format(arena, "the worker ended: %s", reason.text)};
    if (riacho_serving_ready(worker, &why) != RIACHO_OK)
        return (riacho_health){RIACHO_NOT_READY, RIACHO_ALIVE,
                               riacho_format(arena, "%s", why.text)};
    for (size_t i = 0; i < worker->deployment_count; i++) {
        for (size_t j = 0; j < worker->deployments[i].task_count; j++) {
            const char *of_task = task_complaint(worker->deployments[i].tasks[j], arena);
            if (of_task && complaint)
                more++;
            else if (of_task)
                complaint = of_task;
        }
    }
    if (!complaint)
        return (riacho_health){RIACHO_READY, RIACHO_ALIVE, NULL};
    if (more)
        complaint = riacho_format(arena, "%s; %zu more", complaint, more);
    return (riacho_health){RIACHO_NOT_READY, RIACHO_ALIVE, complaint};
}
