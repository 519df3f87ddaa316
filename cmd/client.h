/* SPDX-License-Identifier: MIT
 *
 * client.h - asking a running worker over REST. The only place that knows libcurl.
 *
 * Threads: one.
 */
#pragma once

#include "command.h"

typedef struct riacho_client riacho_client;

/* RIACHO_REJECT: not an address of the form http://HOST:PORT. */
RIACHO_CHECKED riacho_status riacho_client_open(const char *url, riacho_client **ret_client,
                                                riacho_error *err);
void riacho_client_close(riacho_client *client);
const char *riacho_client_url(const riacho_client *client);

/* What to ask: a path with its query, already encoded. */
typedef struct riacho_call {
    const char *method;     /* NULL: GET */
    const char *path;       /* "/v1/topics" */
    const char *media_type; /* of the body; NULL: application/json */
    riacho_bytes body;      /* absent: none */
} riacho_call;

typedef struct riacho_answer_text {
    unsigned status; /* of HTTP; 0: there was no answer */
    riacho_bytes body;
} riacho_answer_text;

/* Asks, and when the worker says "too many requests" waits as long as it says and asks again: such
 * a request was not begun. RIACHO_OK: a status from 200 to 299. RIACHO_RETRY: the worker cannot be
 * reached. RIACHO_REJECT: any other status, and err says what the problem's title and detail say;
 * ret_answer is then set as well. The body lives in the arena. */
RIACHO_CHECKED riacho_status riacho_client_call(riacho_client *client, const riacho_call *call,
                                                riacho_arena *arena, riacho_answer_text *ret_answer,
                                                riacho_error *err);

/* What the program ends with after a call that failed. */
int riacho_client_exit(const riacho_answer_text *answer);

static inline void riacho_auto_client(riacho_client **client)
{
    riacho_client_close(*client);
}
