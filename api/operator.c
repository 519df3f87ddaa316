/* SPDX-License-Identifier: MIT
 *
 * operator.c - see operator.h.
 */
#include "operator.h"

#include <arpa/inet.h>
#include <string.h>

#include "problem.h"

enum { HOST_BYTES_MAX = 64 };

static bool refuse(riacho_exchange *exchange, const char *detail)
{
    riacho_problem_answer(exchange->request, exchange->reply, RIACHO_PROBLEM_NOT_OPERATOR, detail);
    return false;
}

/* Whether somebody else's request came through a proxy that we do not know. */
static bool is_forwarded(const riacho_http_request *request)
{
    static const char *const names[] = {"x-forwarded-for", "forwarded", "x-real-ip", "via"};
    if (memcmp(&request->client, &request->peer, sizeof request->peer) != 0)
        return false; /* a trusted proxy said who it is */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (riacho_http_header(request, names[i]).data)
            return true;
    return false;
}

/* "localhost", "127.0.0.1:3000", "[::1]:3000": not a name that somebody's name server answers. */
static bool is_certain(riacho_bytes host)
{
    char text[HOST_BYTES_MAX];
    struct in6_addr address;
    if (host.size == 0 || host.size >= sizeof text)
        return false;
    memcpy(text, host.data, host.size);
    text[host.size] = 0;
    if (*text == '[') {
        text[strcspn(text, "]")] = 0;
        return inet_pton(AF_INET6, text + 1, &address) == 1;
    }
    text[strcspn(text, ":")] = 0;
    return strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, &address) == 1;
}

/* Programs send no Origin; browsers send it with every POST. */
static bool is_own_page(const riacho_http_request *request)
{
    static const char scheme[] = "http://";
    const riacho_bytes origin = riacho_http_header(request, "origin");
    const riacho_bytes host = riacho_http_header(request, "host");
    const size_t size = sizeof scheme - 1;
    if (!origin.data)
        return true;
    return is_certain(host) && origin.size == size + host.size &&
           memcmp(origin.data, scheme, size) == 0 &&
           memcmp((const char *)origin.data + size, host.data, host.size) == 0;
}

bool riacho_operator_admit(riacho_exchange *exchange)
{
    const riacho_http_request *request = exchange->request;
    if (!riacho_proxies_hold(&exchange->api->operators, &request->client))
        return refuse(exchange, NULL);
    if (is_forwarded(request))
        return refuse(exchange, "a proxy that is not trusted forwarded this request");
    return is_own_page(request) ||
           refuse(exchange, "a page may not do this, unless it is this server's own");
}
