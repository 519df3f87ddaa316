/* SPDX-License-Identifier: MIT
 *
 * health.c - is it alive, ready, started; and the numbers for Prometheus.
 */
#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "member.h"
#include "server.h"

/* 200 or 503, and with ?verbose the reason. */
static void answer_health(riacho_exchange *exchange, const char *good, const char *bad, bool ok,
                          const char *reason)
{
    const riacho_bytes verbose = riacho_http_parameter(exchange->request, "verbose");
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{");
    riacho_member_text(&out, "status", ok ? good : bad);
    if (verbose.data && !riacho_bytes_equal(verbose, riacho_text("false"))) {
        riacho_member_text(&out, "reason", reason);
        riacho_member_text(&out, "version", RIACHO_VERSION);
    }
    riacho_buffer_printf(&out, "}");
    if (!ok)
        riacho_http_add(exchange->reply, "Retry-After", "1");
    riacho_exchange_answer(exchange, ok ? 200 : 503, "application/json", &out);
}

static riacho_health health_of(riacho_exchange *exchange)
{
    riacho_api *api = exchange->api;
    const riacho_health health = riacho_worker_health(api->worker, exchange->request->arena);
    if (health.ready == RIACHO_READY)
        atomic_store_explicit(&api->was_ready, true, memory_order_relaxed);
    return health;
}

void riacho_handle_live(riacho_exchange *exchange)
{
    const riacho_health health = health_of(exchange);
    answer_health(exchange, "alive", "dead", health.alive == RIACHO_ALIVE,
                  health.alive == RIACHO_ALIVE ? NULL : health.reason);
}

void riacho_handle_ready(riacho_exchange *exchange)
{
    const riacho_health health = health_of(exchange);
    answer_health(exchange, "ready", "not ready", health.ready == RIACHO_READY, health.reason);
}

/* Started once it has been ready: a worker that pauses later is still a worker that started. */
void riacho_handle_started(riacho_exchange *exchange)
{
    const riacho_health health = health_of(exchange);
    const bool started = atomic_load_explicit(&exchange->api->was_ready, memory_order_relaxed);
    answer_health(exchange, "started", "starting", started, started ? NULL : health.reason);
}

/* The health of one topology: /{topology}/health, /ready, /live. */
void riacho_handle_service(riacho_exchange *exchange)
{
    const riacho_http_request *request = exchange->request;
    riacho_topology_status *topologies;
    const char *state = "stopped";
    const size_t count =
        riacho_worker_topologies(exchange->api->worker, request->arena, &topologies);
    for (size_t i = 0; i < count; i++)
        if (riacho_bytes_equal(riacho_text(topologies[i].name), request->segments[0]))
            state = topologies[i].state;
    if (riacho_bytes_equal(request->segments[1], riacho_text("live"))) {
        riacho_handle_live(exchange);
        return;
    }
    const bool ok = strcmp(state, "running") == 0;
    answer_health(exchange, "ready", "not ready", ok,
                  ok ? NULL : riacho_format(request->arena, "the topology is %s", state));
}

/* Text exposition, one sample at a time. */
struct exposition {
    riacho_buffer *out;
    const char *name; /* whose HELP and TYPE were written last */
};

/* Label values escape backslash, quote and newline. */
static void write_label(riacho_buffer *out, const riacho_header *label, bool first)
{
    const char *text = label->value.data;
    riacho_buffer_printf(out, "%s%.*s=\"", first ? "" : ",", (int)label->name.size,
                         (const char *)label->name.data);
    for (size_t i = 0; i < label->value.size; i++) {
        if (text[i] == '\n')
            riacho_buffer_append(out, "\\n", 2);
        else if (text[i] == '"' || text[i] == '\\')
            riacho_buffer_printf(out, "\\%c", text[i]);
        else
            riacho_buffer_append(out, &text[i], 1);
    }
    riacho_buffer_append(out, "\"", 1);
}

static void write_number(riacho_buffer *out, double value)
{
    if (isinf(value))
        riacho_buffer_printf(out, " %sInf\n", value > 0 ? "+" : "-");
    else if (value == floor(value) && fabs(value) < 1e15)
        riacho_buffer_printf(out, " %.0f\n", value);
    else
        riacho_buffer_printf(out, " %.9g\n", value);
}

static void write_sample(void *to, const riacho_metric *metric)
{
    struct exposition *exposition = to;
    riacho_buffer *out = exposition->out;
    if (!exposition->name || strcmp(exposition->name, metric->name) != 0)
        riacho_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                             metric->name, metric->type);
    exposition->name = metric->name;
    riacho_buffer_printf(out, "%s%s", metric->name, metric->suffix);
    for (size_t i = 0; i < metric->labels.count; i++) {
        if (i == 0)
            riacho_buffer_printf(out, "{");
        write_label(out, &metric->labels.items[i], i == 0);
    }
    if (metric->labels.count > 0)
        riacho_buffer_printf(out, "}");
    write_number(out, metric->value);
}

void riacho_handle_metrics(riacho_exchange *exchange)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    struct exposition exposition = {.out = &out};
    riacho_worker_metrics(exchange->api->worker, write_sample, &exposition);
    riacho_meter_write(exchange->api->meter, &out);
    riacho_exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
