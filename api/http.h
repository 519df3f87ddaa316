/* SPDX-License-Identifier: MIT
 *
 * http.h - one request and one reply as the handlers see them: no socket, no Ulfius. Everything
 * lives in the request's arena, which is the pool thread's own and is reset before each request.
 *
 * Threads: a request and its reply belong to the thread that serves them.
 */
#pragma once

#include <netinet/in.h>

#include "riacho/types.h"

enum {
    RIACHO_HTTP_SEGMENTS_MAX = 24,   /* of a path */
    RIACHO_HTTP_PARAMETERS_MAX = 32, /* of a query */
    RIACHO_HTTP_HEADERS_MAX = 100,
    RIACHO_HTTP_REPLY_HEADERS_MAX = 32,
};

/* Where a request came from. Networks (operators, proxies) are told apart by as many bits as were
 * said; visitors behind an IPv6 address by its /64, since the rest is theirs to choose. */
enum { RIACHO_ADDRESS_BYTES = 16, RIACHO_ADDRESS_VISITOR_BYTES = 8 };

typedef struct riacho_http_address {
    enum { RIACHO_ADDRESS_NONE = 0, RIACHO_ADDRESS_IPV4, RIACHO_ADDRESS_IPV6 } family;
    uint8_t bytes[RIACHO_ADDRESS_BYTES]; /* IPv4: the first 4, then zeros */
} riacho_http_address;

typedef struct riacho_http_request {
    riacho_bytes method;
    riacho_bytes target;    /* path and query, as it stood in the request line */
    riacho_headers headers; /* as received, names in lower case; repeated ones joined by "," */
    riacho_bytes body;
    riacho_http_address peer;
    riacho_arena *arena;

    /* From here on filled in by the server itself. */
    riacho_bytes segments[RIACHO_HTTP_SEGMENTS_MAX]; /* of the path, decoded */
    size_t segment_count;
    riacho_header parameters[RIACHO_HTTP_PARAMETERS_MAX]; /* of the query, decoded */
    size_t parameter_count;
    riacho_http_address client; /* behind trusted proxies */
    riacho_bytes visitor;       /* absent: none, or a forged one */
    riacho_bytes name;          /* the visitor's display name, checked; absent: none */
    enum { RIACHO_VISITOR_NONE = 0, RIACHO_VISITOR_KNOWN, RIACHO_VISITOR_FORGED } visitor_state;
} riacho_http_request;

/* Names and values are terminated text that lives as long as the arena. */
typedef struct riacho_http_reply {
    unsigned status;
    const char *names[RIACHO_HTTP_REPLY_HEADERS_MAX];
    const char *values[RIACHO_HTTP_REPLY_HEADERS_MAX];
    size_t header_count;
    riacho_bytes body;
    const char *problem; /* which one, for the diagnostics; NULL: no problem */
} riacho_http_reply;

/* The header's value; absent when there is none. `name` in lower case. */
riacho_bytes riacho_http_header(const riacho_http_request *request, const char *name);
/* The query parameter's value; absent when there is none. */
riacho_bytes riacho_http_parameter(const riacho_http_request *request, const char *name);
/* The value of a cookie; absent when there is none. */
riacho_bytes riacho_http_cookie(const riacho_http_request *request, const char *name);

/* Adds a header. The value is borrowed and must hold no control character. */
void riacho_http_add(riacho_http_reply *reply, const char *name, const char *value);
/* Sets the status and a body with its media type, all borrowed. */
void riacho_http_answer(riacho_http_reply *reply, unsigned status, const char *media_type,
                        riacho_bytes body);
/* As riacho_http_answer, with a copy of JSON in the arena that ends with a newline: for people at a
 * terminal. */
void riacho_http_answer_json(riacho_http_reply *reply, unsigned status, const char *media_type,
                             riacho_bytes json, riacho_arena *arena);
/* The usual words for a status: "Not Found". */
const char *riacho_http_reason(unsigned status);

/* An IPv6 address that stands for an IPv4 one is that one. */
riacho_http_address riacho_http_address_of(const struct in6_addr *six);
