/* SPDX-License-Identifier: MIT
 *
 * problem.c - see problem.h.
 */
#include "problem.h"

#include <assert.h>

#include "base/macros.h"

static const riacho_problem_info problems[RIACHO_PROBLEM_COUNT] = {
    [RIACHO_PROBLEM_REQUEST_INVALID] = {"request-invalid", 400, "The request cannot be read",
                                        "The address, a parameter or a header is malformed or out "
                                        "of its range; the detail names it."},
    [RIACHO_PROBLEM_BODY_INVALID] = {"body-invalid", 400, "The body is not what is expected",
                                     "The body is not JSON, or does not fit the schema of the "
                                     "command; errors has one entry for each fault."},
    [RIACHO_PROBLEM_VISITOR_FORGED] = {"visitor-forged", 401, "The visitor id is not one of ours",
                                       "Leave the Riacho-Visitor header and the riacho_visitor "
                                       "cookie out to be given a new id."},
    [RIACHO_PROBLEM_NOT_OPERATOR] = {"not-operator", 403, "This is for operators",
                                     "It is answered to the machine the worker runs on, and to the "
                                     "networks in its configuration (http.operators)."},
    [RIACHO_PROBLEM_NOT_MEMBER] = {"not-member", 403, "This is for workers of the group",
                                   "A worker proves with the group's secret (--group-secret) that "
                                   "it is one; the same file must be given to all of them."},
    [RIACHO_PROBLEM_NOT_FOUND] = {"not-found", 404, "There is no such thing",
                                  "No route has this path, or the store has no such key."},
    [RIACHO_PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405,
                                           "The path does not know this method",
                                           "The Allow header lists those it knows."},
    [RIACHO_PROBLEM_REQUEST_RUNNING] = {"request-running", 409, "The same request is still running",
                                        "Another request with this Idempotency-Key has not been "
                                        "answered yet; ask again a moment later."},
    [RIACHO_PROBLEM_EXISTS] = {"exists", 409, "It is there already",
                               "What the request would make exists; the detail names it."},
    [RIACHO_PROBLEM_BODY_TOO_LARGE] = {"body-too-large", 413, "The body is too large",
                                       "Bodies have a limit, which the detail tells."},
    [RIACHO_PROBLEM_MEDIA_TYPE] = {"media-type", 415, "The body must be application/json",
                                   "Send Content-Type: application/json."},
    [RIACHO_PROBLEM_REFUSED] = {"refused", 422, "The request is against a rule",
                                "The request can be read, but the command or query cannot be "
                                "carried out with these values."},
    [RIACHO_PROBLEM_KEY_REUSED] = {"key-reused", 422,
                                   "The Idempotency-Key belongs to another request",
                                   "A key stands for one body; use a fresh key for another."},
    [RIACHO_PROBLEM_TOO_MANY_REQUESTS] = {"too-many-requests", 429, "Too many requests",
                                          "Wait as many seconds as Retry-After says."},
    [RIACHO_PROBLEM_INTERNAL] = {"internal", 500, "The server failed",
                                 "The cause is in the server's diagnostics."},
    [RIACHO_PROBLEM_NOT_READY] = {"not-ready", 503, "Not ready",
                                  "Nothing was changed; the same request may succeed after "
                                  "Retry-After seconds."},
    [RIACHO_PROBLEM_NOT_YET] = {"not-yet", 503, "The state is not there yet",
                                "The position in If-Position was not reached in time."},
};

const riacho_problem_info *riacho_problem_describe(riacho_problem problem)
{
    assert(problem < RIACHO_PROBLEM_COUNT);
    return &problems[problem];
}

static void write_issues(const riacho_json_issues *issues, riacho_buffer *out)
{
    riacho_buffer_printf(out, ",\"errors\":[");
    for (size_t i = 0; i < issues->count; i++) {
        riacho_buffer_printf(out, "%s{\"pointer\":", i ? "," : "");
        riacho_json_quote(riacho_text(issues->items[i].pointer), out);
        riacho_buffer_printf(out, ",\"detail\":");
        riacho_json_quote(riacho_text(issues->items[i].detail), out);
        riacho_buffer_printf(out, "}");
    }
    riacho_buffer_printf(out, "]");
}

/* What there is to say when nobody said it: the first fault of the body, or the way out. */
static const char *detail_of(riacho_arena *arena, const riacho_problem_info *info,
                             const riacho_json_issues *issues)
{
    if (!issues || issues->count == 0)
        return info->doc;
    const char *pointer = issues->items[0].pointer;
    return riacho_format(arena, "%s%s%s", pointer, *pointer ? ": " : "", issues->items[0].detail);
}

void riacho_problem_answer_issues(riacho_http_request *request, riacho_http_reply *reply,
                                  riacho_problem problem, const char *detail,
                                  const riacho_json_issues *issues)
{
    const riacho_problem_info *info = riacho_problem_describe(problem);
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_buffer_printf(&out, "{\"type\":\"/docs#%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
                         info->word, info->title, info->status);
    riacho_json_quote(riacho_text(detail ? detail : detail_of(request->arena, info, issues)), &out);
    if (issues && issues->count > 0)
        write_issues(issues, &out);
    riacho_buffer_printf(&out, "}");
    reply->problem = info->word;
    riacho_http_add(reply, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    riacho_http_answer_json(reply, info->status, "application/problem+json",
                            riacho_buffer_bytes(&out), request->arena);
}

void riacho_problem_answer(riacho_http_request *request, riacho_http_reply *reply,
                           riacho_problem problem, const char *detail)
{
    riacho_problem_answer_issues(request, reply, problem, detail, NULL);
}
