/* SPDX-License-Identifier: MIT
 *
 * meter.c - a histogram for each route and class of status ("2xx"): exact statuses in the label
 * would multiply the series by what clients do wrong.
 */
#include "meter.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

enum { BOUNDS = 12, CLASSES = 5 };

static const double bounds[BOUNDS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,   0.25,   0.5,   1,    5};

struct series {
    _Atomic uint64_t buckets[BOUNDS + 1]; /* not cumulative */
    _Atomic uint64_t total_ns;
};

struct riacho_meter {
    const riacho_endpoint *const *endpoints;
    size_t endpoint_count;
    struct series *series; /* (endpoint_count + 1) * CLASSES */
};

riacho_meter *riacho_meter_new(const riacho_router *router)
{
    riacho_meter *meter = riacho_memory_get_zero(1, sizeof *meter);
    meter->endpoint_count = riacho_router_endpoints(router, &meter->endpoints);
    meter->series =
        riacho_memory_get_zero((meter->endpoint_count + 1) * CLASSES, sizeof *meter->series);
    return meter;
}

void riacho_meter_free(riacho_meter *meter)
{
    if (!meter)
        return;
    free(meter->series);
    free(meter);
}

void riacho_meter_count(riacho_meter *meter, const riacho_endpoint *endpoint, unsigned status,
                        int64_t took_ns)
{
    const size_t row = endpoint ? endpoint->index : meter->endpoint_count;
    const size_t class = status >= 100 && status < 600 ? status / 100 - 1 : CLASSES - 1;
    struct series *series = &meter->series[row * CLASSES + class];
    const double seconds = (double)took_ns * 1e-9;
    size_t bucket = 0;
    while (bucket < BOUNDS && seconds > bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->total_ns, (uint64_t)took_ns, memory_order_relaxed);
}

static void write_series(const struct series *series, const char *method, const char *route,
                         size_t class, riacho_buffer *out)
{
    uint64_t counts[BOUNDS + 1];
    uint64_t total = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        counts[i] = atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        total += counts[i];
    }
    if (total == 0)
        return;
    uint64_t below = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        below += counts[i];
        riacho_buffer_printf(
            out,
            "riacho_http_request_duration_seconds_bucket{method=\"%s\",route=\"%s\""
            ",status=\"%zuxx\",le=\"%g\"} %llu\n",
            method, route, class + 1, bounds[i], (unsigned long long)below);
    }
    riacho_buffer_printf(
        out,
        "riacho_http_request_duration_seconds_bucket{method=\"%s\",route=\"%s\""
        ",status=\"%zuxx\",le=\"+Inf\"} %llu\n"
        "riacho_http_request_duration_seconds_sum{method=\"%s\",route=\"%s\""
        ",status=\"%zuxx\"} %.9g\n"
        "riacho_http_request_duration_seconds_count{method=\"%s\",route=\"%s\""
        ",status=\"%zuxx\"} %llu\n",
        method, route, class + 1, (unsigned long long)total, method, route, class + 1,
        (double)atomic_load_explicit(&series->total_ns, memory_order_relaxed) * 1e-9, method, route,
        class + 1, (unsigned long long)total);
}

void riacho_meter_write(const riacho_meter *meter, riacho_buffer *out)
{
    riacho_buffer_printf(out, "# HELP riacho_http_request_duration_seconds Time to answer HTTP "
                              "requests.\n"
                              "# TYPE riacho_http_request_duration_seconds histogram\n");
    for (size_t row = 0; row <= meter->endpoint_count; row++) {
        const bool known = row < meter->endpoint_count;
        for (size_t class = 0; class < CLASSES; class ++)
            write_series(&meter->series[row * CLASSES + class],
                         known ? meter->endpoints[row]->method : "",
                         known ? meter->endpoints[row]->path : "", class, out);
    }
}
