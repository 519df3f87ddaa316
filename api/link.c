/* SPDX-License-Identifier: MIT
 *
 * link.c - see link.h: the side that answers.
 *
 * Threads: its own pool; open and close by one.
 */
#include "link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "listener.h"
#include "problem.h"

enum {
    /* More than may wait (riacho/peers.h), and small: an answer takes no longer than a read. */
    THREADS = RIACHO_PEER_WAITS_MAX + 4,
    CONNECTIONS = 1024,
    IDLE_SECONDS = 60,
    HEAD_SECONDS = 20,
};

struct riacho_link {
    riacho_link_options options;
    riacho_listener *listener;
    riacho_asker *asker;
    riacho_peers peers;
};

static const char media_type[] = "application/octet-stream";

static bool is_question(const riacho_http_request *request)
{
    return riacho_bytes_equal(request->method, riacho_text("POST")) &&
           riacho_bytes_equal(request->target, riacho_text("/v1/peer"));
}

static void refuse(riacho_http_request *request, riacho_http_reply *reply, riacho_problem problem,
                   const riacho_error *err)
{
    riacho_trace(RIACHO_DEBUG, "a question of another worker was refused", "reason", err->text,
                 NULL);
    riacho_problem_answer(request, reply, problem, riacho_format(request->arena, "%s", err->text));
}

/* A question goes one hop: what does not say that it is on its first was not meant for here. */
static bool admit(const riacho_link *link, riacho_http_request *request, riacho_http_reply *reply)
{
    riacho_error err = {.text = ""};
    const riacho_secret *secret = link->options.secret;
    if (!is_question(request)) {
        (void)riacho_fail(&err, RIACHO_REJECT, "this address is for workers: POST /v1/peer");
        refuse(request, reply, RIACHO_PROBLEM_NOT_FOUND, &err);
        return false;
    }
    if (!riacho_bytes_equal(riacho_http_header(request, "riacho-hop"), riacho_text("1"))) {
        (void)riacho_fail(&err, RIACHO_REJECT, "a question comes with Riacho-Hop: 1");
        refuse(request, reply, RIACHO_PROBLEM_REQUEST_INVALID, &err);
        return false;
    }
    if (secret &&
        riacho_proof_check(secret, time(NULL), request->body,
                           riacho_http_header(request, "riacho-proof"), &err) != RIACHO_OK) {
        refuse(request, reply, RIACHO_PROBLEM_NOT_MEMBER, &err);
        return false;
    }
    return true;
}

static void answer(const riacho_link *link, riacho_http_request *request, riacho_http_reply *reply)
{
    riacho_peer_answer said;
    riacho_error err = {.text = ""};
    const riacho_status status =
        riacho_worker_answer(link->options.worker, request->body, request->arena, &said, &err);
    if (status != RIACHO_OK) {
        refuse(request, reply,
               status == RIACHO_REJECT ? RIACHO_PROBLEM_REFUSED : RIACHO_PROBLEM_NOT_READY, &err);
        return;
    }
    riacho_http_answer(reply, said.where == RIACHO_PEER_MISDIRECTED ? 421 : 200, media_type,
                       said.bytes);
    if (said.where == RIACHO_PEER_MISDIRECTED && said.owner)
        riacho_http_add(reply, "Riacho-Owner", said.owner);
    if (link->options.secret) {
        char *proof = riacho_alloc(request->arena, RIACHO_PROOF_TEXT_BYTES);
        riacho_proof_answer(link->options.secret, riacho_http_header(request, "riacho-proof"),
                            said.bytes, proof);
        riacho_http_add(reply, "Riacho-Proof", proof);
    }
}

static void serve(void *arg, riacho_http_request *request, riacho_http_reply *ret_reply)
{
    const riacho_link *link = arg;
    ret_reply->status = 0;
    ret_reply->header_count = 0;
    ret_reply->body = (riacho_bytes){0};
    ret_reply->problem = NULL;
    if (request->body.size > RIACHO_PEER_QUESTION_BYTES_MAX)
        riacho_problem_answer(request, ret_reply, RIACHO_PROBLEM_BODY_TOO_LARGE, NULL);
    else if (admit(link, request, ret_reply))
        answer(link, request, ret_reply);
}

riacho_status riacho_link_open(const riacho_link_options *options, riacho_link **ret_link,
                               riacho_error *err)
{
    riacho_link *link = riacho_memory_get_zero(1, sizeof *link);
    const riacho_listener_options of = {
        .socket = options->socket,
        .port = options->port,
        .threads = THREADS,
        .connections = CONNECTIONS,
        .connections_per_address = CONNECTIONS,
        .idle_seconds = IDLE_SECONDS,
        .head_seconds = HEAD_SECONDS,
        .body_bytes_max = RIACHO_PEER_QUESTION_BYTES_MAX,
        .serve = serve,
        .arg = link,
    };
    link->options = *options;
    const riacho_status status = riacho_listener_start(&of, &link->listener, err);
    if (status != RIACHO_OK) {
        free(link);
        return status;
    }
    link->asker = riacho_asker_new(options->secret);
    link->peers = (riacho_peers){
        .ask = riacho_asker_ask,
        .arg = link->asker,
        .served_by = options->served_by,
        .trust = options->secret ? RIACHO_PEERS_SECRET : RIACHO_PEERS_OPEN,
    };
    riacho_worker_meet(options->worker, &link->peers);
    *ret_link = link;
    return RIACHO_OK;
}

void riacho_link_close(riacho_link *link)
{
    if (!link)
        return;
    riacho_listener_stop(link->listener);
    riacho_worker_meet(link->options.worker, NULL);
    riacho_asker_free(link->asker);
    free(link);
}

int riacho_link_port(const riacho_link *link)
{
    return link->options.port;
}
