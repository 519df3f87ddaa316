/* SPDX-License-Identifier: MIT
 *
 * fuzz_http.c - any method, target, headers and body get a reply that is well formed: a status that
 * is not 500, header values without control characters, and JSON where it says JSON.
 *
 * The input is a request without its version: "METHOD target\nname: value\n...\n\nbody". It goes
 * into riacho_api_handle, over a real worker, without a socket.
 *
 *   fuzz_http -max_len=4096 -dict=http.dict CORPUS http.seeds
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/server.h"
#include "base/macros.h"
#include "tests/api/fixture.h"

/* Accepted commands stay in the log in memory; after so many requests all begins anew. */
enum { REQUESTS_MAX = 50000, HEADERS_MAX = 120 };

static fixture *running;
static riacho_api *api;
static riacho_arena *arena;
static int requests;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void start(void)
{
    static const char *const origins[] = {"https://a.example"};
    static const char *const proxies[] = {"10.0.0.0/8"};
    riacho_error err;
    running = fixture_new(NULL);
    fixture_note(running, "p1", "seed", 5);
    const riacho_api_options options = {.worker = running->worker,
                                        .origins = origins,
                                        .origin_count = 1,
                                        .trusted_proxies = proxies,
                                        .trusted_proxy_count = 1,
                                        .reads = {.per_second = -1},
                                        .writes = {.per_second = 1e9, .burst = 1e9}};
    check(riacho_api_open_detached(&options, &api, &err) == RIACHO_OK);
    arena = riacho_arena_new();
}

static void start_again(void)
{
    riacho_arena_free(arena);
    riacho_api_close(api);
    fixture_free(running);
    running = NULL;
    requests = 0;
}

/* Up to the separator, which is skipped; as a terminated copy, cut at a NUL as a socket's would be.
 */
static riacho_bytes take(riacho_bytes *rest, char separator)
{
    const char *text = rest->data;
    const char *at = rest->size ? memchr(text, separator, rest->size) : NULL;
    const size_t size = at ? (size_t)(at - text) : rest->size;
    const riacho_bytes copy = riacho_copy(arena, (riacho_bytes){text, size});
    *rest = at ? (riacho_bytes){at + 1, rest->size - size - 1} : (riacho_bytes){text + size, 0};
    return riacho_text(copy.data);
}

static void read_headers(riacho_bytes *rest, riacho_http_request *request)
{
    riacho_header *items = riacho_alloc_zero(arena, HEADERS_MAX, sizeof *items);
    size_t count = 0;
    while (rest->size > 0 && count < HEADERS_MAX) {
        riacho_bytes line = take(rest, '\n');
        if (line.size == 0)
            break;
        items[count].name = take(&line, ':');
        while (line.size > 0 && *(const char *)line.data == ' ')
            line = (riacho_bytes){(const char *)line.data + 1, line.size - 1};
        items[count++].value = line;
    }
    request->headers = (riacho_headers){items, count};
}

static bool is_json(const char *media_type)
{
    return strcmp(media_type, "application/json") == 0 ||
           strcmp(media_type, "application/problem+json") == 0;
}

static void check_body(const riacho_http_reply *reply)
{
    json_error_t error;
    json_t *value = json_loadb(reply->body.data, reply->body.size,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    check(value != NULL);
    json_decref(value);
}

static void check_reply(const riacho_http_reply *reply)
{
    check(reply->status >= 200 && reply->status < 600 && reply->status != 500);
    check(reply->header_count <= RIACHO_HTTP_REPLY_HEADERS_MAX);
    for (size_t i = 0; i < reply->header_count; i++) {
        for (const char *at = reply->values[i]; *at; at++)
            check((unsigned char)*at >= 0x20 && *at != 0x7f);
        if (strcmp(reply->names[i], "Content-Type") == 0 && is_json(reply->values[i]))
            check_body(reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!running)
        start();
    riacho_arena_reset(arena);
    riacho_http_request *request = riacho_alloc_zero(arena, 1, sizeof *request);
    riacho_http_reply reply;
    riacho_bytes rest = {data, size};
    request->arena = arena;
    request->peer = (riacho_http_address){RIACHO_ADDRESS_IPV4, {10, 0, 0, 1}};
    request->method = take(&rest, ' ');
    request->target = take(&rest, '\n');
    read_headers(&rest, request);
    request->body = riacho_copy(arena, rest);
    riacho_api_handle(api, request, &reply);
    check_reply(&reply);
    if (++requests == REQUESTS_MAX)
        start_again();
    return 0;
}
