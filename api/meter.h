/* SPDX-License-Identifier: MIT
 *
 * meter.h - how long requests took and how many there were, by method, route template and class of
 * status.
 *
 * Threads: any; counters are atomic, relaxed.
 */
#pragma once

#include "riacho/types.h"
#include "router.h"

typedef struct riacho_meter riacho_meter;

/* Room for every endpoint of the router, and for requests that matched none. */
riacho_meter *riacho_meter_new(const riacho_router *router);
void riacho_meter_free(riacho_meter *meter);

/* endpoint NULL: no route. */
void riacho_meter_count(riacho_meter *meter, const riacho_endpoint *endpoint, unsigned status,
                        int64_t took_ns);
/* Appends Prometheus text. */
void riacho_meter_write(const riacho_meter *meter, riacho_buffer *out);
