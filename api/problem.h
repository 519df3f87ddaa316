/* SPDX-License-Identifier: MIT
 *
 * problem.h - every refusal looks the same: application/problem+json (RFC 9457), with `errors` as
 * JSON Pointers where the body was at fault.
 */
#pragma once

#include "http.h"
#include "riacho/codec.h"

/* What can go wrong, one word each: the end of the problem's type, "/docs#body-invalid", where the
 * page explains it. */
typedef enum riacho_problem {
    RIACHO_PROBLEM_REQUEST_INVALID = 0, /* 400: address, parameter, header */
    RIACHO_PROBLEM_BODY_INVALID,        /* 400: not JSON, or not what the schema says */
    RIACHO_PROBLEM_VISITOR_FORGED,      /* 401 */
    RIACHO_PROBLEM_NOT_OPERATOR,        /* 403 */
    RIACHO_PROBLEM_NOT_MEMBER,          /* 403: at the address for workers */
    RIACHO_PROBLEM_NOT_FOUND,           /* 404 */
    RIACHO_PROBLEM_METHOD_NOT_ALLOWED,  /* 405 */
    RIACHO_PROBLEM_REQUEST_RUNNING,     /* 409 */
    RIACHO_PROBLEM_EXISTS,              /* 409 */
    RIACHO_PROBLEM_BODY_TOO_LARGE,      /* 413 */
    RIACHO_PROBLEM_MEDIA_TYPE,          /* 415 */
    RIACHO_PROBLEM_REFUSED,             /* 422: well-formed, but against a rule */
    RIACHO_PROBLEM_KEY_REUSED,          /* 422 */
    RIACHO_PROBLEM_TOO_MANY_REQUESTS,   /* 429 */
    RIACHO_PROBLEM_INTERNAL,            /* 500 */
    RIACHO_PROBLEM_NOT_READY,           /* 503 */
    RIACHO_PROBLEM_NOT_YET,             /* 503: the position asked for is not reached */
    RIACHO_PROBLEM_COUNT
} riacho_problem;

typedef struct riacho_problem_info {
    const char *word;
    unsigned status;
    const char *title;
    const char *doc; /* a sentence for the page */
} riacho_problem_info;

const riacho_problem_info *riacho_problem_describe(riacho_problem problem);

/* Makes the reply this problem. `detail` is one sentence about this very request, NULL for the one
 * that the page has; it never holds paths or addresses of the machine. */
void riacho_problem_answer(riacho_http_request *request, riacho_http_reply *reply,
                           riacho_problem problem, const char *detail);
/* With the list of what is wrong in the body. */
void riacho_problem_answer_issues(riacho_http_request *request, riacho_http_reply *reply,
                                  riacho_problem problem, const char *detail,
                                  const riacho_json_issues *issues);
