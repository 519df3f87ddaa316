/* SPDX-License-Identifier: MIT
 *
 * http.c - see http.h.
 */
#include "http.h"

#include <assert.h>
#include <string.h>

static riacho_bytes find(const riacho_header *items, size_t count, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (items[i].name.size == size && memcmp(items[i].name.data, name, size) == 0)
            return items[i].value;
    return (riacho_bytes){0};
}

riacho_bytes riacho_http_header(const riacho_http_request *request, const char *name)
{
    return find(request->headers.items, request->headers.count, name);
}

riacho_bytes riacho_http_parameter(const riacho_http_request *request, const char *name)
{
    return find(request->parameters, request->parameter_count, name);
}

/* The bytes in front of the first `end`, and what follows it in *rest. */
static riacho_bytes cut(riacho_bytes *rest, char end)
{
    const char *text = rest->data;
    const char *at = memchr(text, end, rest->size);
    const riacho_bytes head = {text, at ? (size_t)(at - text) : rest->size};
    const size_t skip = at ? head.size + 1 : head.size;
    *rest = (riacho_bytes){text + skip, rest->size - skip};
    return head;
}

riacho_bytes riacho_http_cookie(const riacho_http_request *request, const char *name)
{
    const size_t size = strlen(name);
    riacho_bytes rest = riacho_http_header(request, "cookie");
    while (rest.size > 0) {
        riacho_bytes pair = cut(&rest, ';');
        while (pair.size > 0 && *(const char *)pair.data == ' ')
            pair = (riacho_bytes){(const char *)pair.data + 1, pair.size - 1};
        const riacho_bytes key = cut(&pair, '=');
        if (key.size == size && memcmp(key.data, name, size) == 0)
            return pair;
    }
    return (riacho_bytes){0};
}

riacho_http_address riacho_http_address_of(const struct in6_addr *six)
{
    riacho_http_address address = {.family = RIACHO_ADDRESS_IPV6};
    if (!IN6_IS_ADDR_V4MAPPED(six)) {
        memcpy(address.bytes, six->s6_addr, sizeof address.bytes);
        return address;
    }
    address.family = RIACHO_ADDRESS_IPV4;
    memcpy(address.bytes, six->s6_addr + 12, 4);
    return address;
}

void riacho_http_add(riacho_http_reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < RIACHO_HTTP_REPLY_HEADERS_MAX);
    reply->names[reply->header_count] = name;
    reply->values[reply->header_count] = value;
    reply->header_count++;
}

void riacho_http_answer(riacho_http_reply *reply, unsigned status, const char *media_type,
                        riacho_bytes body)
{
    reply->status = status;
    reply->body = body;
    riacho_http_add(reply, "Content-Type", media_type);
}

void riacho_http_answer_json(riacho_http_reply *reply, unsigned status, const char *media_type,
                             riacho_bytes json, riacho_arena *arena)
{
    char *line = riacho_alloc(arena, json.size + 1);
    memcpy(line, json.data, json.size);
    line[json.size] = '\n';
    riacho_http_answer(reply, status, media_type, (riacho_bytes){line, json.size + 1});
}

const char *riacho_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return status < 400 ? "OK" : "Error";
}
