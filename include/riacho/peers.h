/* SPDX-License-Identifier: MIT
 *
 * peers.h - how workers of one group ask each other: a read of tasks that another one has, a
 * position followed through them, a copy of their state. What is said is the worker's own; a front
 * end carries it there and back (api/peer_*.c over HTTP; tests by a call).
 *
 * A question is answered from what runs where it arrives and is never passed on, so it makes one
 * hop and no more. A task that is not there is answered with where it is, as far as is known there.
 *
 * Threads: any number at once.
 */
#pragma once

#include "riacho/worker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the tasks that keep an answer may be, on a log that workers share. */
typedef struct riacho_reach {
    /* STANDBYS: a standby may answer, when what it has is at most this old. */
    enum { RIACHO_REACH_ACTIVE = 0, RIACHO_REACH_STANDBYS } role;
    int64_t age_ms_max;
    /* PARTIAL: pages without the tasks that nobody answers for; they say which. */
    enum { RIACHO_REACH_WHOLE = 0, RIACHO_REACH_PARTIAL } extent;
} riacho_reach;

enum {
    RIACHO_PEER_QUESTION_BYTES_MAX = 4 * 1024 * 1024,
    RIACHO_PEER_ANSWER_BYTES_MAX = 32 * 1024 * 1024,
    RIACHO_PEER_WAITS_MAX = 4, /* answers that wait at the same time; others tell how it is now */
};

typedef struct riacho_peer_call {
    const char *address; /* as the other worker advertises it */
    riacho_bytes question;
    int64_t wait_ms; /* that the other one may take, beside the way there and back */

    /* Set by ask. */
    riacho_status status; /* OK, or RIACHO_RETRY: no answer; err says why */
    riacho_bytes answer;  /* in the arena */
    riacho_error err;
} riacho_peer_call;

typedef struct riacho_peers {
    /* Makes all calls at the same time and returns when each has its status. */
    void (*ask)(void *arg, riacho_peer_call *calls, size_t count, riacho_arena *arena);
    void *arg;
    const char *served_by; /* how clients know this worker: in answers to others */
    /* SECRET: both sides prove that they know the group's secret, so that state may be shipped. */
    enum { RIACHO_PEERS_OPEN = 0, RIACHO_PEERS_SECRET } trust;
} riacho_peers;

/* From now on others are asked by these, borrowed until the next call; NULL: nobody is asked any
 * more, and no call is under way when it returns. Before or after the start. */
void riacho_worker_meet(riacho_worker *worker, const riacho_peers *peers);

/* Before the start: where other workers reach this one, instead of options.address. Borrowed until
 * close. */
void riacho_worker_advertise(riacho_worker *worker, const char *address);

typedef struct riacho_peer_answer {
    riacho_bytes bytes;
    /* None of the tasks asked for runs here; the bytes say so of each. */
    enum { RIACHO_PEER_HERE = 0, RIACHO_PEER_MISDIRECTED } where;
    const char *owner; /* the address of one that is asked for and misdirected; NULL: not known */
} riacho_peer_answer;

/* Answers another worker, in the arena. RIACHO_REJECT: it is no question of a worker that runs the
 * same topologies. RIACHO_RETRY: not now. */
RIACHO_CHECKED riacho_status riacho_worker_answer(riacho_worker *worker, riacho_bytes question,
                                                  riacho_arena *arena,
                                                  riacho_peer_answer *ret_answer,
                                                  riacho_error *err);

/* The workers of the group, as the group and they themselves tell. */
typedef struct riacho_worker_info {
    const char *name;
    const char *address;   /* where other workers reach it; NULL: nowhere */
    const char *served_by; /* where clients do; NULL: it did not say */
    const char *version;   /* NULL: it did not answer */
    const char *reason;    /* why it is not ready, or did not answer; NULL otherwise */
    uint64_t tasks;        /* that it runs */
    enum { RIACHO_WORKER_READY = 0, RIACHO_WORKER_NOT_READY, RIACHO_WORKER_SILENT } state;
} riacho_worker_info;

/* This worker first, then the others by name; on a log of one process this one alone. */
RIACHO_CHECKED riacho_status riacho_worker_group(riacho_worker *worker, riacho_arena *arena,
                                                 riacho_worker_info **ret_workers,
                                                 size_t *ret_count, riacho_error *err);

#ifdef __cplusplus
}
#endif
