/* SPDX-License-Identifier: MIT
 *
 * http.c - see http.h.
 *
 * How long a call can take: all addresses share RIACHO_REGISTRY_ANSWER_MS, each may take
 * RIACHO_REGISTRY_CONNECT_MS of it to connect. libcurl resolves names in a thread of its own, which
 * is left to itself when the time is over (CURLOPT_QUICK_EXIT), or a dead name server would hold
 * the caller for as long as resolv.conf says.
 */
#include "http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "parse.h"

enum { LEAST_MS = 50, AUTH_BYTES_MAX = 1024 };

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"

struct riacho_http {
    char *urls[RIACHO_REGISTRY_URLS_MAX]; /* without a slash at the end */
    size_t url_count;
    size_t turn; /* the one to begin with: it answered last, or is next after all failed */
    char *auth_file, *ca_file;
    char auth[AUTH_BYTES_MAX]; /* "USER:PASSWORD"; "" without */
    bool auth_stale;           /* it was refused: perhaps the file has another by now */
    CURL *curl;
    riacho_buffer body;
    bool too_large;
};

static void riacho_auto_http(riacho_http **http)
{
    riacho_http_close(*http);
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool is_address(const char *url)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;
    return host && *host && *host != '/' && strcspn(url, " ?#@\\\t\r\n") == strlen(url);
}

static riacho_status take_url(riacho_http *http, riacho_bytes text, riacho_error *err)
{
    RIACHO_AUTO(heap) char *url = riacho_memory_get_zero(text.size + 1, 1);
    memcpy(url, text.data, text.size);
    if (strchr(url, '@')) /* which may be a password, and is not shown */
        return riacho_fail(err, RIACHO_REJECT,
                           "an address of a schema registry has no '@' in it: a name and a "
                           "password belong into a file, as USER:PASSWORD");
    if (!is_address(url))
        return riacho_fail(err, RIACHO_REJECT,
                           "'%s' is not the address of a schema registry, such as "
                           "http://127.0.0.1:8081",
                           url);
    if (http->url_count == RIACHO_REGISTRY_URLS_MAX)
        return riacho_fail(err, RIACHO_REJECT, "more than %d addresses of a schema registry",
                           RIACHO_REGISTRY_URLS_MAX);
    for (size_t size = text.size; url[size - 1] == '/'; size--)
        url[size - 1] = 0;
    http->urls[http->url_count++] = RIACHO_TAKE(url);
    return RIACHO_OK;
}

static riacho_status take_urls(riacho_http *http, const char *urls, riacho_error *err)
{
    while (*urls) {
        const size_t size = strcspn(urls, ",");
        if (size)
            RIACHO_TRY(take_url(http, (riacho_bytes){urls, size}, err));
        urls += size + (urls[size] == ',');
    }
    if (!http->url_count)
        return riacho_fail(err, RIACHO_REJECT, "the schema registry has no address");
    return RIACHO_OK;
}

static riacho_status read_auth(riacho_http *http, riacho_error *err)
{
    char line[AUTH_BYTES_MAX];
    if (!http->auth_file)
        return RIACHO_OK;
    FILE *file = fopen(http->auth_file, "re");
    if (!file)
        return riacho_fail(err, RIACHO_REJECT,
                           "cannot read the schema registry's name and password from '%s': %s",
                           http->auth_file, strerror(errno));
    const bool got = fgets(line, sizeof line, file);
    fclose(file);
    const size_t size = got ? strcspn(line, "\r\n") : 0;
    const bool good = size && size < sizeof line - 1 && memchr(line, ':', size);
    if (good) {
        memcpy(http->auth, line, size);
        http->auth[size] = 0;
        http->auth_stale = false;
    }
    explicit_bzero(line, sizeof line);
    return good ? RIACHO_OK
                : riacho_fail(err, RIACHO_REJECT, "the first line of '%s' is not USER:PASSWORD",
                              http->auth_file);
}

static riacho_status check_ca(const riacho_http *http, riacho_error *err)
{
    FILE *file = http->ca_file ? fopen(http->ca_file, "re") : NULL;
    if (http->ca_file && !file)
        return riacho_fail(err, RIACHO_REJECT, "cannot read the schema registry's CA file '%s': %s",
                           http->ca_file, strerror(errno));
    if (file)
        fclose(file);
    return RIACHO_OK;
}

riacho_status riacho_http_open(const riacho_registry_options *options, riacho_http **ret_http,
                               riacho_error *err)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    RIACHO_AUTO(http) riacho_http *http = riacho_memory_get_zero(1, sizeof *http);
    RIACHO_TRY(take_urls(http, options->urls, err));
    if (options->auth_file && *options->auth_file)
        http->auth_file = riacho_memory_text(options->auth_file);
    if (options->ca_file && *options->ca_file)
        http->ca_file = riacho_memory_text(options->ca_file);
    RIACHO_TRY(read_auth(http, err));
    RIACHO_TRY(check_ca(http, err));
    http->curl = curl_easy_init();
    if (!http->curl)
        return riacho_fail(err, RIACHO_FATAL, "libcurl does not start");
    *ret_http = RIACHO_TAKE(http);
    return RIACHO_OK;
}

void riacho_http_close(riacho_http *http)
{
    if (!http)
        return;
    if (http->curl)
        curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    for (size_t i = 0; i < http->url_count; i++)
        free(http->urls[i]);
    explicit_bzero(http->auth, sizeof http->auth);
    riacho_buffer_done(&http->body);
    free(http->auth_file);
    free(http->ca_file);
    free(http);
}

/* ---- one address ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *http_arg)
{
    riacho_http *http = http_arg;
    http->too_large = http->body.size + size * count > RIACHO_REGISTRY_ANSWER_BYTES_MAX;
    if (http->too_large)
        return 0;
    riacho_buffer_append(&http->body, bytes, size * count);
    return size * count;
}

/* Loopback is never behind a proxy, whatever the environment says. */
static bool is_here(const char *url)
{
    return strstr(url, "://127.") || strstr(url, "://localhost") || strstr(url, "://[::1]");
}

static void set_up(riacho_http *http, const char *url, int64_t left_ms)
{
    CURL *curl = http->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     left_ms < RIACHO_REGISTRY_CONNECT_MS ? (long)left_ms
                                                          : (long)RIACHO_REGISTRY_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "riacho/" RIACHO_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    if (http->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
    if (is_here(url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (*http->auth) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERPWD, http->auth);
    }
}

/* RIACHO_RETRY: nothing came back. */
static riacho_status perform(riacho_http *http, const riacho_http_question *question,
                             const char *base, int64_t left_ms, long *ret_status, riacho_error *err)
{
    char why[CURL_ERROR_SIZE] = "";
    RIACHO_AUTO(buffer) riacho_buffer url = {0};
    riacho_buffer_printf(&url, "%s%s", base, question->path);
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: " MEDIA_TYPE);
    riacho_buffer_reset(&http->body);
    http->too_large = false;
    set_up(http, (const char *)url.data, left_ms);
    if (question->body) {
        headers = curl_slist_append(headers, "Content-Type: " MEDIA_TYPE);
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)question->body->size);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, question->body->data);
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, why);
    const CURLcode code = curl_easy_perform(http->curl);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    if (http->too_large)
        return riacho_fail(err, RIACHO_RETRY, "its answer is over %d MiB",
                           RIACHO_REGISTRY_ANSWER_BYTES_MAX >> 20);
    if (code != CURLE_OK)
        return riacho_fail(err, RIACHO_RETRY, "%.200s", *why ? why : curl_easy_strerror(code));
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return RIACHO_OK;
}

static riacho_status read_answer(riacho_http *http, long status, riacho_http_answer *ret_answer,
                                 riacho_error *err)
{
    const bool good = status >= 200 && status < 300;
    if (status == 401 || status == 403) {
        http->auth_stale = true;
        return riacho_fail(err, RIACHO_RETRY, "it refuses %s (status %ld)",
                           *http->auth ? "our name and password" : "who gives no password", status);
    }
    if (!good && status != 404 && status != 409 && status != 422)
        return riacho_fail(err, RIACHO_RETRY, "it answers with status %ld", status);
    json_t *json = json_loadb((const char *)http->body.data, http->body.size, 0, NULL);
    const json_t *code = json_object_get(json, "error_code");
    if (!json || (!good && !json_is_integer(code))) {
        json_decref(json);
        return riacho_fail(err, RIACHO_RETRY,
                           "what it answers (status %ld) is not what a schema registry says",
                           status);
    }
    *ret_answer = (riacho_http_answer){
        .status = status, .json = json, .error_code = good ? 0 : (int)json_integer_value(code)};
    return RIACHO_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

riacho_status riacho_http_ask(riacho_http *http, const riacho_http_question *question,
                              riacho_http_answer *ret_answer, riacho_error *err)
{
    const int64_t until_ms = now_ms() + RIACHO_REGISTRY_ANSWER_MS;
    riacho_error cause = {.text = "there was no time"};
    if (http->auth_stale)
        (void)!read_auth(http, &cause); /* the old one is as good as none */
    for (size_t i = 0; i < http->url_count; i++) {
        const size_t turn = (http->turn + i) % http->url_count;
        const int64_t left_ms = until_ms - now_ms();
        long status = 0;
        if (left_ms < LEAST_MS)
            break;
        riacho_status done = perform(http, question, http->urls[turn], left_ms, &status, &cause);
        if (done == RIACHO_OK)
            done = read_answer(http, status, ret_answer, &cause);
        if (done == RIACHO_OK) {
            http->turn = turn;
            ret_answer->url = http->urls[turn];
            return RIACHO_OK;
        }
        riacho_fail(err, done, "the schema registry %s: %.300s", http->urls[turn], cause.text);
    }
    http->turn = (http->turn + 1) % http->url_count;
    return RIACHO_RETRY;
}

const char *riacho_http_escape(riacho_arena *arena, const char *text)
{
    char *escaped = riacho_alloc(arena, 3 * strlen(text) + 1), *at = escaped;
    for (; *text; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (isalnum(byte) || strchr("-._~", byte))
            *at++ = (char)byte;
        else
            at += snprintf(at, 4, "%%%02X", byte);
    }
    *at = 0;
    return escaped;
}
