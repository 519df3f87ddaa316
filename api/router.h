/* SPDX-License-Identifier: MIT
 *
 * router.h - the one route table: what requests are matched against and what /openapi.json is
 * written from, so the description cannot drift from what runs.
 *
 * Templates are segments, literal or `{name}`. A literal beats a parameter at the first segment in
 * which two templates differ, whatever the order in which they were added; when the way behind the
 * literal ends in nothing, the parameter is tried.
 *
 * Threads: filled by one thread before the server starts, then only read.
 */
#pragma once

#include "base/macros.h"
#include "http.h"
#include "riacho/serve.h"

typedef struct riacho_api riacho_api;

typedef struct riacho_endpoint riacho_endpoint;

/* What a handler is given: the request, and the values of the template's parameters in order. */
typedef struct riacho_exchange {
    riacho_api *api;
    riacho_http_request *request;
    riacho_http_reply *reply;
    const riacho_endpoint *endpoint;
    riacho_header path[RIACHO_HTTP_SEGMENTS_MAX];
    size_t path_count;
} riacho_exchange;

typedef void (*riacho_handler)(riacho_exchange *exchange);

typedef enum riacho_endpoint_class {
    RIACHO_ENDPOINT_FREE = 0, /* health, metrics, documents: no rate limit, no visitor */
    RIACHO_ENDPOINT_READ,
    RIACHO_ENDPOINT_WRITE,
} riacho_endpoint_class;

/* A query parameter or header, for the description and for the check that there are no others. */
typedef struct riacho_parameter {
    const char *name;
    enum {
        RIACHO_PARAMETER_TEXT = 0,
        RIACHO_PARAMETER_COUNT, /* from 0 */
        RIACHO_PARAMETER_LIMIT, /* from 1 */
        RIACHO_PARAMETER_FLAG
    } type;
    const char *doc;
} riacho_parameter;

struct riacho_endpoint {
    const char *method;
    const char *path;
    riacho_endpoint_class class;
    riacho_handler handle;
    const char *id; /* unique: the operationId */
    const char *tag;
    const char *summary;
    const riacho_parameter *parameters; /* of the query, closed by one without a name; or NULL */
    enum { RIACHO_QUERY_CLOSED = 0, RIACHO_QUERY_OPEN } query; /* OPEN: unknown names pass */
    const riacho_route *route;                                 /* a topology's; NULL: built in */
    const char *const *names; /* of the path's parameters; set by the router */
    size_t name_count;
    uint32_t index; /* in the table; set by the router */
};

typedef struct riacho_router riacho_router;

riacho_router *riacho_router_new(void);
void riacho_router_free(riacho_router *router);

/* Copies the endpoint; its texts are borrowed. RIACHO_REJECT: a malformed template, or one with the
 * same method and shape is there. */
RIACHO_CHECKED riacho_status riacho_router_add(riacho_router *router,
                                               const riacho_endpoint *endpoint, riacho_error *err);
/* The endpoint with this method and the same shape of path, or NULL. */
const riacho_endpoint *riacho_router_find(const riacho_router *router, const char *method,
                                          const char *path);

typedef struct riacho_match {
    const riacho_endpoint *endpoint;           /* NULL: none for this method */
    const riacho_endpoint *const *others;      /* all methods of the path that matched */
    size_t other_count;                        /* 0: no such path */
    uint32_t values[RIACHO_HTTP_SEGMENTS_MAX]; /* which segments are parameters, in order */
    size_t value_count;
} riacho_match;

/* HEAD is served by GET. */
void riacho_router_match(const riacho_router *router, riacho_bytes method,
                         const riacho_bytes *segments, size_t segment_count,
                         riacho_match *ret_match);

/* In the order of adding. */
size_t riacho_router_endpoints(const riacho_router *router,
                               const riacho_endpoint *const **ret_endpoints);

static inline void riacho_auto_router(riacho_router **router)
{
    riacho_router_free(*router);
}
