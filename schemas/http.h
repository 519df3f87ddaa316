/* SPDX-License-Identifier: MIT
 *
 * http.h - one question to a schema registry over HTTP and its answer as JSON.
 *
 * Only http and https are spoken, nothing is followed elsewhere (a redirect would take the password
 * along), and an answer has a largest size: what answers in a registry's place is not trusted.
 *
 * Threads: one at a time.
 */
#pragma once

#include <jansson.h>

#include "riacho/registry.h"

typedef struct riacho_http riacho_http;

/* RIACHO_REJECT: an address or a file cannot be used. */
RIACHO_CHECKED riacho_status riacho_http_open(const riacho_registry_options *options,
                                              riacho_http **ret_http, riacho_error *err);
void riacho_http_close(riacho_http *http);

typedef struct riacho_http_question {
    const char *path;         /* "/subjects/pets-value", escaped */
    const riacho_bytes *body; /* JSON to POST; NULL: GET */
} riacho_http_question;

typedef struct riacho_http_answer {
    long status;     /* 200 to 299, 404, 409 or 422 */
    json_t *json;    /* owned by the caller: anything with 2xx, else an object */
    int error_code;  /* of the registry; with 2xx 0 */
    const char *url; /* who answered; borrowed from http */
} riacho_http_answer;

/* Asks one address after the other until one gives the answer of a registry. RIACHO_RETRY: none
 * did; err tells of the last one. */
RIACHO_CHECKED riacho_status riacho_http_ask(riacho_http *http,
                                             const riacho_http_question *question,
                                             riacho_http_answer *ret_answer, riacho_error *err);
/* Text with everything but letters, digits and -._~ as %XX; in the arena. */
const char *riacho_http_escape(riacho_arena *arena, const char *text);
