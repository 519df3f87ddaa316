/* SPDX-License-Identifier: MIT
 *
 * cors.c - see cors.h.
 */
#include "cors.h"

#include <string.h>

#include "base/macros.h"

static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");
    if (!host || host == text || host[3] == 0)
        return false;
    for (const char *at = text; *at; at++)
        if ((*at >= 'A' && *at <= 'Z') || *at <= ' ' || *at == 0x7f || *at == ',')
            return false;
    return !strchr(host + 3, '/');
}

riacho_status riacho_cors_init(riacho_cors *cors, const char *const *origins, size_t count,
                               riacho_arena *arena, riacho_error *err)
{
    const char **copies = riacho_alloc_zero(arena, count + 1, sizeof *copies);
    *cors = (riacho_cors){.origins = copies, .origin_count = count};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(origins[i], "*") == 0 && count == 1) {
            *cors = (riacho_cors){.any = RIACHO_CORS_ANY};
            return RIACHO_OK;
        }
        if (strcmp(origins[i], "*") == 0)
            return riacho_fail(err, RIACHO_REJECT,
                               "'*' lets every page call and stands alone, or not at all");
        if (!is_origin(origins[i]))
            return riacho_fail(err, RIACHO_REJECT,
                               "'%s' is no origin: scheme://host[:port], in lower case, nothing "
                               "behind it",
                               origins[i]);
        copies[i] = riacho_copy(arena, riacho_text(origins[i])).data;
    }
    return RIACHO_OK;
}

static const char *find_origin(const riacho_cors *cors, const riacho_http_request *request)
{
    const riacho_bytes origin = riacho_http_header(request, "origin");
    for (size_t i = 0; origin.data && i < cors->origin_count; i++)
        if (riacho_bytes_equal(origin, riacho_text(cors->origins[i])))
            return cors->origins[i];
    return NULL;
}

static const char exposed[] = "ETag, Link, Location, Preference-Applied, Retry-After, "
                              "Riacho-Staleness-Ms, Riacho-Visitor, Served-By, Stream-Position";

void riacho_cors_add(const riacho_cors *cors, const riacho_http_request *request,
                     riacho_http_reply *reply)
{
    if (cors->any == RIACHO_CORS_ANY) {
        riacho_http_add(reply, "Access-Control-Allow-Origin", "*");
        riacho_http_add(reply, "Access-Control-Expose-Headers", exposed);
        return;
    }
    if (cors->origin_count == 0)
        return;
    const char *origin = find_origin(cors, request);
    riacho_http_add(reply, "Vary", "Origin");
    if (!origin)
        return;
    riacho_http_add(reply, "Access-Control-Allow-Origin", origin);
    riacho_http_add(reply, "Access-Control-Allow-Credentials", "true");
    riacho_http_add(reply, "Access-Control-Expose-Headers", exposed);
}

void riacho_cors_add_preflight(const riacho_cors *cors, const riacho_http_request *request,
                               riacho_http_reply *reply, const char *methods)
{
    if (cors->any != RIACHO_CORS_ANY && !find_origin(cors, request))
        return;
    riacho_http_add(reply, "Access-Control-Allow-Methods", methods);
    riacho_http_add(reply, "Access-Control-Allow-Headers",
                    "Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Position, Prefer, "
                    "Read-Consistency, "
                    "Riacho-Name, Riacho-Visitor, traceparent, tracestate");
    riacho_http_add(reply, "Access-Control-Max-Age", "600");
}
