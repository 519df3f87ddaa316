/* SPDX-License-Identifier: MIT
 *
 * fixture.h - a real server on a free port, over a real worker with one stream thread and memory
 * backends, running a topology that has one of each kind of store:
 *
 *   POST /api/notes/{id}        a note about a pet: {text, points = 1, mood = GLAD}
 *   POST /api/notes/{id}/poke   a note without a body, one point
 *   notes -> last    (keyValue, the pet's last note)
 *         -> totals  (keyValue, the pet's points)
 *         -> down    board (ranking "all": pets by points), journal (list by pet, and "all"),
 *                    recent (ttl: when a visitor was last here)
 *
 * The topic has three partitions by pet, so "all" of board and journal is spread over three tasks.
 * A note whose text is "refuse" is refused by the process function, and "slow" holds it up.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api.h"
#include "client.h"
#include "riacho/topology.h"
#include "riacho/worker.h"

#define JSON "Content-Type: application/json\r\n"

enum { FIXTURE_SLOW_US = 400000 };

typedef struct fixture {
    char folder[64];
    riacho_schemas *schemas;
    struct riacho_graph *graph;
    riacho_arena *arena;
    riacho_log *log;
    riacho_store_factory *stores;
    riacho_worker *worker;
    riacho_api *api;
    int port;
} fixture;

/* `options` (may be NULL) without worker and listen; rate limits are off unless it says otherwise.
 */
fixture *fixture_new(const riacho_api_options *options);
void fixture_free(fixture *f);
/* The same worker under another server. */
void fixture_reopen(fixture *f, const riacho_api_options *options);
/* Stops the worker and starts another on the same log and stores, with the server in front. */
void fixture_restart_worker(fixture *f, const riacho_api_options *options);

/* A worker on what is there, after the one before was closed. */
void fixture_start_worker(fixture *f);

/* A checked graph; the caller frees it. */
struct riacho_graph *fixture_build(fixture *f, const riacho_topology *of);

/* POSTs a note and waits for its effect. */
void fixture_note(fixture *f, const char *pet, const char *text, int points);
/* How many records the topic of notes has. */
int64_t fixture_count(fixture *f);

/* Whether the text holds the part; prints the text otherwise. */
void expect_holds(const char *text, const char *part);
