/* SPDX-License-Identifier: MIT
 *
 * link_ask.c - see link.h: the side that asks, over libcurl. All calls of one question run at the
 * same time; connections are kept by lines, of which there are as many as threads that ask at once.
 *
 * What answers is not trusted further than needed: http only, no redirects, a largest size, a time
 * in which it must be there.
 *
 * Threads: any; a line belongs to one at a time.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "link.h"

enum {
    CONNECT_MS = 1000,
    WAY_MS = 2000,         /* there and back, beside what the other side may wait */
    POLL_MS = 1000,        /* libcurl wakes earlier when there is something to do */
    CONNECTIONS_KEPT = 16, /* by one line */
    REASON_BYTES_MAX = 300,
};

struct line {
    struct line *next;
    CURLM *multi;
};

struct riacho_asker {
    const riacho_secret *secret;
    pthread_mutex_t lock;
    struct line *free;
};

/* One call on its way. */
struct errand {
    riacho_peer_call *call;
    const riacho_secret *secret;
    CURL *curl;
    struct curl_slist *headers;
    riacho_buffer body;
    bool too_large;
    char asked[RIACHO_PROOF_TEXT_BYTES];
    char said[RIACHO_PROOF_TEXT_BYTES];
    char why[CURL_ERROR_SIZE];
};

/* ---- lines ----------------------------------------------------------------------------------- */

riacho_asker *riacho_asker_new(const riacho_secret *secret)
{
    riacho_asker *asker = riacho_memory_get_zero(1, sizeof *asker);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    asker->secret = secret;
    pthread_mutex_init(&asker->lock, NULL);
    return asker;
}

void riacho_asker_free(riacho_asker *asker)
{
    if (!asker)
        return;
    while (asker->free) {
        struct line *line = asker->free;
        asker->free = line->next;
        curl_multi_cleanup(line->multi);
        free(line);
    }
    pthread_mutex_destroy(&asker->lock);
    curl_global_cleanup();
    free(asker);
}

static struct line *take_line(riacho_asker *asker)
{
    pthread_mutex_lock(&asker->lock);
    struct line *line = asker->free;
    if (line)
        asker->free = line->next;
    pthread_mutex_unlock(&asker->lock);
    if (line)
        return line;
    line = riacho_memory_get_zero(1, sizeof *line);
    line->multi = curl_multi_init();
    if (!line->multi)
        riacho_memory_exhausted(0);
    curl_multi_setopt(line->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return line;
}

static void put_line(riacho_asker *asker, struct line *line)
{
    pthread_mutex_lock(&asker->lock);
    line->next = asker->free;
    asker->free = line;
    pthread_mutex_unlock(&asker->lock);
}

/* ---- one call -------------------------------------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct errand *errand = arg;
    errand->too_large = errand->body.size + size * count > RIACHO_PEER_ANSWER_BYTES_MAX;
    if (errand->too_large)
        return 0;
    riacho_buffer_append(&errand->body, bytes, size * count);
    return size * count;
}

static size_t take_header(char *text, size_t size, size_t count, void *arg)
{
    static const char name[] = "riacho-proof:";
    struct errand *errand = arg;
    const size_t whole = size * count;
    size_t at = sizeof name - 1;
    if (whole <= at || strncasecmp(text, name, at) != 0)
        return whole;
    while (at < whole && text[at] == ' ')
        at++;
    size_t length = 0;
    for (; at < whole && text[at] > ' ' && length + 1 < sizeof errand->said; at++)
        errand->said[length++] = text[at];
    errand->said[length] = 0;
    return whole;
}

static void add_header(struct errand *errand, const char *text)
{
    errand->headers = curl_slist_append(errand->headers, text);
    if (!errand->headers)
        riacho_memory_exhausted(0);
}

static void add_headers(struct errand *errand)
{
    char proof[sizeof "Riacho-Proof: " + RIACHO_PROOF_TEXT_BYTES];
    add_header(errand, "Content-Type: application/octet-stream");
    add_header(errand, "Riacho-Hop: 1");
    add_header(errand, "Expect:");
    if (!errand->secret)
        return;
    riacho_proof_question(errand->secret, time(NULL), errand->call->question, errand->asked);
    snprintf(proof, sizeof proof, "Riacho-Proof: %s", errand->asked);
    add_header(errand, proof);
}

static void begin(struct errand *errand, riacho_arena *arena)
{
    const riacho_peer_call *call = errand->call;
    CURL *curl = errand->curl = curl_easy_init();
    if (!curl)
        riacho_memory_exhausted(0);
    add_headers(errand);
    curl_easy_setopt(curl, CURLOPT_URL, riacho_format(arena, "http://%s/v1/peer", call->address));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(WAY_MS + call->wait_ms));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "riacho/" RIACHO_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, errand->headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->question.size);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->question.data);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, errand);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, errand);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, errand->why);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, errand);
}

static void fail(struct errand *errand, const char *why)
{
    riacho_peer_call *call = errand->call;
    call->status =
        riacho_fail(&call->err, RIACHO_RETRY, "worker at %s: %.300s", call->address, why);
}

/* A refusal is a problem in words (problem.h), and its sentence is all that is shown of it. */
static void explain(struct errand *errand, long status)
{
    static const char name[] = "\"detail\":\"";
    char text[REASON_BYTES_MAX];
    riacho_buffer_append(&errand->body, "", 1);
    const char *detail = strstr((const char *)errand->body.data, name);
    if (!detail) {
        snprintf(text, sizeof text, "it answers with status %ld: not a worker?", status);
    } else {
        detail += sizeof name - 1;
        snprintf(text, sizeof text, "%.*s", (int)strcspn(detail, "\""), detail);
    }
    fail(errand, text);
}

static void finish(struct errand *errand, CURLcode code, riacho_arena *arena)
{
    long status = 0;
    riacho_peer_call *call = errand->call;
    const riacho_bytes body = riacho_buffer_bytes(&errand->body);
    curl_easy_getinfo(errand->curl, CURLINFO_RESPONSE_CODE, &status);
    if (errand->too_large)
        fail(errand, "its answer is too large");
    else if (code != CURLE_OK)
        fail(errand, *errand->why ? errand->why : curl_easy_strerror(code));
    else if (status != 200 && status != 421)
        explain(errand, status);
    else if (errand->secret && !riacho_proof_answers(errand->secret, riacho_text(errand->asked),
                                                     body, riacho_text(errand->said)))
        fail(errand, "it does not know the group's secret");
    else {
        call->status = RIACHO_OK;
        call->answer = riacho_copy(arena, body);
    }
}

static void end(struct errand *errand)
{
    curl_easy_cleanup(errand->curl);
    curl_slist_free_all(errand->headers);
    riacho_buffer_done(&errand->body);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void take_finished(CURLM *multi, riacho_arena *arena)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
        struct errand *errand;
        if (message->msg != CURLMSG_DONE)
            continue;
        const CURLcode code = message->data.result;
        CURL *curl = message->easy_handle;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&errand);
        curl_multi_remove_handle(multi, curl);
        finish(errand, code, arena);
    }
}

static void run(CURLM *multi, riacho_arena *arena)
{
    int running = 1;
    while (running) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            break;
        take_finished(multi, arena);
        if (running)
            curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    }
}

void riacho_asker_ask(void *arg, riacho_peer_call *calls, size_t count, riacho_arena *arena)
{
    riacho_asker *asker = arg;
    struct line *line = take_line(asker);
    RIACHO_AUTO(heap) struct errand *errands = riacho_memory_get_zero(count, sizeof *errands);
    for (size_t i = 0; i < count; i++) {
        errands[i] = (struct errand){.call = &calls[i], .secret = asker->secret};
        fail(&errands[i], "it could not be asked");
        begin(&errands[i], arena);
        curl_multi_add_handle(line->multi, errands[i].curl);
    }
    run(line->multi, arena);
    for (size_t i = 0; i < count; i++) {
        curl_multi_remove_handle(line->multi, errands[i].curl);
        end(&errands[i]);
    }
    put_line(asker, line);
}
