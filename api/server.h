/* SPDX-License-Identifier: MIT
 *
 * server.h - the server without its sockets: everything a handler may use, and the one function
 * that turns a request into a reply. listener.c puts it on the network; the fuzzer calls it
 * directly.
 *
 * Threads: immutable after open, but for the parts that say they are for any thread.
 */
#pragma once

#include <stdatomic.h>

#include "api.h"
#include "cors.h"
#include "http.h"
#include "idempotency.h"
#include "known.h"
#include "meter.h"
#include "proxy.h"
#include "rate.h"
#include "router.h"
#include "secret.h"

typedef struct riacho_listener riacho_listener; /* listener.h */
typedef struct riacho_link riacho_link;         /* link.h */

struct riacho_api {
    riacho_worker *worker;
    riacho_arena *arena; /* texts of the options and the route table */
    riacho_router *router;
    riacho_secret secret;
    riacho_known *known; /* visitors' ids that were checked */
    riacho_cors cors;
    riacho_proxies proxies;
    riacho_proxies operators; /* who may use the operators' endpoints */
    riacho_rate *reads;       /* NULL: no limit */
    riacho_rate *writes;
    riacho_rate *address_reads;
    riacho_rate *address_writes;
    riacho_idempotency *idempotency;
    riacho_meter *meter;
    const char *served_by;
    const char *cookie_attributes; /* "; Secure" or "" */
    uint64_t address_salt;         /* so that nobody can aim at another's bucket */
    atomic_int waiting;            /* requests that sleep until a position is reached */
    int waiting_max;
    atomic_bool closing;   /* waits end */
    atomic_bool was_ready; /* at least once: it has started */
    riacho_listener *listener;
    riacho_link *link; /* to the other workers; NULL: none */
};

/* A server without a listener. */
RIACHO_CHECKED riacho_status riacho_api_open_detached(const riacho_api_options *options,
                                                      riacho_api **ret_api, riacho_error *err);
/* Answers a request whose first six members are set. Never fails: what goes wrong is a problem
 * reply. Both live in request->arena. */
void riacho_api_handle(riacho_api *api, riacho_http_request *request, riacho_http_reply *ret_reply);

/* Adds every route: built in, and of the topologies (routes.c). */
RIACHO_CHECKED riacho_status riacho_routes_add(riacho_api *api, riacho_error *err);

/* Ends an exchange with what a status of serve.h means in HTTP. */
void riacho_exchange_fail(riacho_exchange *exchange, riacho_status status, const riacho_error *err);
/* One path parameter by its name; absent when the template has none. */
riacho_bytes riacho_exchange_path(const riacho_exchange *exchange, const char *name);
/* A copy of the text, terminated; it holds no NUL. */
const char *riacho_exchange_text(const riacho_exchange *exchange, riacho_bytes text);
/* The query parameter as a whole number in [0, max], `otherwise` when it is not given; false when
 * it was answered with a problem (query.c). */
bool riacho_exchange_number(riacho_exchange *exchange, const char *name, uint32_t otherwise,
                            uint32_t max, uint32_t *ret_number);
/* The query parameter `limit`, from 1; 0 when it is not given. */
bool riacho_exchange_page(riacho_exchange *exchange, uint32_t *ret_limit);
/* A clock for waits. */
int64_t riacho_exchange_now_ms(void);
/* Copies the buffer's bytes into the arena and answers with them. */
void riacho_exchange_answer(riacho_exchange *exchange, unsigned status, const char *media_type,
                            const riacho_buffer *body);

/* Sleeps until the position is reached, at most wait_ms and never more than the server allows, and
 * only while few others do. OK, RIACHO_RETRY (not yet), or RIACHO_REJECT. */
RIACHO_CHECKED riacho_status riacho_exchange_wait(riacho_exchange *exchange,
                                                  const riacho_position *position, int64_t wait_ms,
                                                  riacho_error *err);

/* The body of an mget (query.c), of a new topic (records.c). */
extern const riacho_type riacho_many_type;
extern const riacho_type riacho_new_topic_type;

/* The handlers. */
void riacho_handle_command(riacho_exchange *exchange); /* command.c */
void riacho_handle_status(riacho_exchange *exchange);
void riacho_handle_visitor(riacho_exchange *exchange);
void riacho_handle_query(riacho_exchange *exchange); /* query.c */
void riacho_handle_store_key(riacho_exchange *exchange);
void riacho_handle_store_range(riacho_exchange *exchange);
void riacho_handle_store_top(riacho_exchange *exchange);
void riacho_handle_store_rank(riacho_exchange *exchange);
void riacho_handle_store_list(riacho_exchange *exchange);
void riacho_handle_store_many(riacho_exchange *exchange);
void riacho_handle_root(riacho_exchange *exchange); /* control.c */
void riacho_handle_stores(riacho_exchange *exchange);
void riacho_handle_topologies(riacho_exchange *exchange);
void riacho_handle_topology(riacho_exchange *exchange);
void riacho_handle_graph(riacho_exchange *exchange);
void riacho_handle_progress(riacho_exchange *exchange);
void riacho_handle_tasks(riacho_exchange *exchange);
void riacho_handle_workers(riacho_exchange *exchange);
void riacho_handle_topics(riacho_exchange *exchange);
void riacho_handle_topic_create(riacho_exchange *exchange); /* records.c */
void riacho_handle_records(riacho_exchange *exchange);
void riacho_handle_produce(riacho_exchange *exchange);
void riacho_handle_dead_letters(riacho_exchange *exchange);
void riacho_handle_live(riacho_exchange *exchange); /* health.c */
void riacho_handle_ready(riacho_exchange *exchange);
void riacho_handle_started(riacho_exchange *exchange);
void riacho_handle_service(riacho_exchange *exchange);
void riacho_handle_metrics(riacho_exchange *exchange);
void riacho_handle_openapi(riacho_exchange *exchange); /* openapi.c */
void riacho_handle_docs(riacho_exchange *exchange);    /* docs.c */
