/* SPDX-License-Identifier: MIT
 *
 * client.c - see client.h. Only http and https are spoken, nothing is followed elsewhere, and an
 * answer has a largest size: the worker is trusted, what answers in its place may not be.
 */
#include "client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/text.h"
#include "reply.h"

enum {
    CONNECT_MS = 5000,
    ANSWER_MS = 60000,
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    PATIENCE_ATTEMPTS = 60, /* waits of a second or more, for a rate limit */
    PATIENCE_SECONDS_MAX = 30,
};

struct riacho_client {
    char *url; /* without a slash at its end */
    CURL *curl;
    riacho_buffer body;
    bool too_large;
};

static bool is_address(const char *url)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;
    return host && *host && *host != '/' && strcspn(url, " ?#@\\\t\r\n") == strlen(url);
}

riacho_status riacho_client_open(const char *url, riacho_client **ret_client, riacho_error *err)
{
    if (!is_address(url))
        return riacho_fail(err, RIACHO_REJECT,
                           "'%s' is not the address of a worker, such as http://127.0.0.1:3000",
                           url);
    riacho_client *client = riacho_memory_get_zero(1, sizeof *client);
    size_t size = strlen(url);
    while (url[size - 1] == '/')
        size--;
    client->url = riacho_memory_get_zero(size + 1, 1);
    memcpy(client->url, url, size);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->curl = curl_easy_init();
    if (!client->curl) {
        riacho_client_close(client);
        return riacho_fail(err, RIACHO_FATAL, "libcurl does not start");
    }
    *ret_client = client;
    return RIACHO_OK;
}

void riacho_client_close(riacho_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    riacho_buffer_done(&client->body);
    free(client->url);
    free(client);
}

const char *riacho_client_url(const riacho_client *client)
{
    return client->url;
}

/* A worker ends its JSON with one, and so do we. */
static riacho_bytes without_newline(riacho_bytes text)
{
    const char *end = (const char *)text.data + text.size;
    if (text.size > 0 && end[-1] == '\n')
        text.size--;
    return text;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *client_arg)
{
    riacho_client *client = client_arg;
    client->too_large = client->body.size + size * count > ANSWER_BYTES_MAX;
    if (client->too_large)
        return 0;
    riacho_buffer_append(&client->body, bytes, size * count);
    return size * count;
}

/* Loopback is never behind a proxy, whatever the environment says. */
static bool is_here(const char *url)
{
    return strstr(url, "://127.") || strstr(url, "://localhost") || strstr(url, "://[::1]");
}

static struct curl_slist *set_up(riacho_client *client, const riacho_call *call, const char *url)
{
    CURL *curl = client->curl;
    char type[128];
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "riacho/" RIACHO_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    if (is_here(url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (call->body.data) {
        snprintf(type, sizeof type, "Content-Type: %s",
                 call->media_type ? call->media_type : "application/json");
        headers = curl_slist_append(headers, type);
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.data);
    }
    if (call->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static riacho_status ask(riacho_client *client, const riacho_call *call, riacho_arena *arena,
                         riacho_answer_text *ret_answer, riacho_error *err)
{
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    const char *url = riacho_format(arena, "%s%s", client->url, call->path);
    riacho_buffer_reset(&client->body);
    client->too_large = false;
    struct curl_slist *headers = set_up(client, call, url);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, why);
    const CURLcode code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    if (client->too_large)
        return riacho_fail(err, RIACHO_RETRY, "the answer of %s is over %d MiB", client->url,
                           ANSWER_BYTES_MAX >> 20);
    if (code != CURLE_OK)
        return riacho_fail(err, RIACHO_RETRY,
                           "no worker answers at %s (%s); is `riacho run` running, and is --url "
                           "or RIACHO_URL right?",
                           client->url, *why ? why : curl_easy_strerror(code));
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    ret_answer->status = (unsigned)status;
    ret_answer->body = riacho_copy(arena, without_newline(riacho_buffer_bytes(&client->body)));
    return RIACHO_OK;
}

/* The whole seconds of Retry-After. */
static long retry_after(riacho_client *client)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &seconds);
    return seconds < 1 ? 1 : seconds > PATIENCE_SECONDS_MAX ? PATIENCE_SECONDS_MAX : (long)seconds;
}

/* Title and detail of a problem (RFC 9457); of anything else, its status. */
static riacho_status explain(const riacho_client *client, const riacho_call *call,
                             const riacho_answer_text *answer, riacho_arena *arena,
                             riacho_error *err)
{
    const char *title = riacho_reply_text(answer->body, "title", arena);
    const char *detail = riacho_reply_text(answer->body, "detail", arena);
    if (!title)
        return riacho_fail(err, RIACHO_REJECT, "%s answers %s with status %u: not a worker?",
                           client->url, call->path, answer->status);
    return riacho_fail(err, RIACHO_REJECT, "%s%s%s", title, detail ? ": " : "",
                       detail ? detail : "");
}

riacho_status riacho_client_call(riacho_client *client, const riacho_call *call,
                                 riacho_arena *arena, riacho_answer_text *ret_answer,
                                 riacho_error *err)
{
    *ret_answer = (riacho_answer_text){0};
    for (int attempt = 0; attempt < PATIENCE_ATTEMPTS; attempt++) {
        RIACHO_TRY(ask(client, call, arena, ret_answer, err));
        if (ret_answer->status != 429)
            break;
        nanosleep(&(struct timespec){.tv_sec = retry_after(client)}, NULL);
    }
    if (ret_answer->status >= 200 && ret_answer->status < 300)
        return RIACHO_OK;
    return explain(client, call, ret_answer, arena, err);
}

int riacho_client_exit(const riacho_answer_text *answer)
{
    switch (answer->status) {
    case 0:
        return RIACHO_EXIT_UNAVAILABLE;
    case 400:
    case 413:
    case 422:
        return RIACHO_EXIT_DATA;
    case 429:
    case 503:
    case 504:
        return RIACHO_EXIT_TRY_AGAIN;
    default:
        return RIACHO_EXIT_FAILED;
    }
}
