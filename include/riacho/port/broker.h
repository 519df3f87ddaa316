/* SPDX-License-Identifier: MIT
 *
 * port/broker.h - what a log that many workers share provides beside riacho_log_ops: transactions
 * over outputs and positions, and membership in a group that shares the tasks out.
 *
 * A log with these ops takes state last: a worker commits outputs, changes of state (changelogs)
 * and positions in one transaction, and writes its local state when that is known to be committed
 * (docs/commit.md). Its riacho_log_ops.commit, commit_all and committed are NULL.
 *
 * No function waits longer than the wait_ms that it is given, but for init and commit, which may
 * take as long as a transaction may last; a backend whose time is virtual does not wait at all.
 * What is not done by then is RIACHO_VERDICT_RETRY, and the same call with the same arguments goes
 * on with it.
 *
 * Threads: producers and members belong to one thread each, except where a function says "any
 * thread"; the rest may be called by any thread.
 */
#pragma once

#include "riacho/port/log.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct riacho_producer riacho_producer;
typedef struct riacho_member riacho_member;

/* What a call that takes part in a transaction asks for next. */
typedef enum riacho_verdict {
    RIACHO_VERDICT_OK = 0,
    RIACHO_VERDICT_RETRY,    /* the same call again, with the same arguments */
    RIACHO_VERDICT_ABORT,    /* the transaction is lost, the producer is not: abort it */
    RIACHO_VERDICT_RECREATE, /* the producer is lost, and whether the transaction is committed is
                                not known: close it, open another of the same id, init that */
    RIACHO_VERDICT_STOP,     /* trying again cannot help (no permission, wrong credentials, a broker
                                without transactions); the error says what to do */
} riacho_verdict;

/* ---- producers ------------------------------------------------------------------------------- */

typedef enum riacho_delivery {
    RIACHO_DELIVERY_EXACTLY_ONCE = 0,
    RIACHO_DELIVERY_AT_LEAST_ONCE,
} riacho_delivery;

typedef struct riacho_producer_options {
    /* Stable over restarts of the same thread of the same worker, so that a new start fences the
     * one before it and ends its transaction at once. */
    const char *id;
    /* At least once: no transactions; `commit` waits until every record is acknowledged and then
     * commits the positions, `abort` forgets both. */
    riacho_delivery delivery;
} riacho_producer_options;

/* Who this worker is in its group at this moment, taken fresh for every transaction; freed with
 * token_free. generation < 0 or an empty id: it is no member now, and what it sends would not be
 * fenced: it must not be sent. */
typedef struct riacho_member_token {
    int32_t generation;
    const char *member_id;
} riacho_member_token;

/* A position to commit, and up to some kilobytes that come back with it (riacho_broker_ops.fetch).
 */
typedef struct riacho_committed {
    riacho_position position; /* next < 0: nothing was ever committed */
    riacho_bytes note;
} riacho_committed;

/* ---- members --------------------------------------------------------------------------------- */

typedef struct riacho_member_options {
    const char *group;
    const char *lease_topic; /* a lease is a partition of it */
    const char *name;        /* of the worker: unique in the group, [A-Za-z0-9._-] */
    const char *address;     /* host:port where others reach it, or NULL */
} riacho_member_options;

typedef enum riacho_member_change {
    RIACHO_MEMBER_NONE = 0,
    RIACHO_MEMBER_ASSIGNED, /* these are ours from now on, beside those we have; perhaps none */
    RIACHO_MEMBER_REVOKED,  /* commit what belongs to these, close it, then answer */
    RIACHO_MEMBER_LOST,     /* they are somebody else's already: drop, never commit; then answer */
} riacho_member_change;

/* Borrowed until it is answered. */
typedef struct riacho_member_event {
    riacho_member_change change;
    const int32_t *leases;
    size_t count;
} riacho_member_event;

/* One member of a group as the coordinator knows it. */
typedef struct riacho_member_entry {
    const char *name;
    const char *address; /* "" when it gave none */
    const int32_t *leases;
    size_t lease_count;
} riacho_member_entry;

struct riacho_broker_ops {
    /* Whether the broker can do what the delivery needs: RIACHO_REJECT names what it lacks
     * (transactions, idempotent producers, compacted topics) and the fix. */
    riacho_status (*check)(riacho_log *log, riacho_delivery delivery, riacho_error *err);

    riacho_status (*producer_open)(riacho_log *log, const riacho_producer_options *options,
                                   riacho_producer **ret_producer, riacho_error *err);
    /* Fences whoever had this id before, and waits until its transaction is ended. Before the first
     * begin. RECREATE: fenced by another that has the id. */
    riacho_verdict (*init)(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
    riacho_verdict (*begin)(riacho_producer *producer, riacho_error *err);
    /* Hands records over; ret_sent: how many of them so far, to go on behind them after RETRY (the
     * queue is full). The bytes stay untouched until the transaction is over, or the producer is
     * closed. */
    riacho_verdict (*send)(riacho_producer *producer, const riacho_log_append *records,
                           size_t count, int64_t wait_ms, size_t *ret_sent, riacho_error *err);
    /* ABORT: the token is not of the group's present generation. */
    riacho_verdict (*send_positions)(riacho_producer *producer, const riacho_member_token *token,
                                     const riacho_committed *positions, size_t count,
                                     int64_t wait_ms, riacho_error *err);
    /* OK: everything that was sent is committed. */
    riacho_verdict (*commit)(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
    /* OK: nothing that was sent ever will be. */
    riacho_verdict (*abort)(riacho_producer *producer, int64_t wait_ms, riacho_error *err);
    /* After commit: ret_ends[i] is the offset behind the i-th record that was sent (as
     * riacho_log_ops.commit). `count` as sent. */
    void (*ends)(riacho_producer *producer, int64_t *ret_ends, size_t count);
    /* Whether since begin there was a sign (a request timed out, a connection broke) that a request
     * of this transaction may still be on its way: then the producer must not begin another one,
     * because it could be taken for that one's. */
    bool (*suspect)(riacho_producer *producer);
    void (*producer_close)(riacho_producer *producer);

    /* Joins; events come by `member_poll`. RIACHO_REJECT: a name or group that cannot be. */
    riacho_status (*member_join)(riacho_log *log, const riacho_member_options *options,
                                 riacho_member **ret_member, riacho_error *err);
    /* To be called often, whatever else goes on. The next event comes only after the one before it
     * was answered; until then change is RIACHO_MEMBER_NONE. RIACHO_RETRY: the coordinator cannot
     * be reached now, go on polling. RIACHO_REJECT: it will not have us (another worker of this
     * name, no permission). */
    riacho_status (*member_poll)(riacho_member *member, int64_t wait_ms,
                                 riacho_member_event *ret_event, riacho_error *err);
    void (*member_answer)(riacho_member *member, const riacho_member_event *event);
    /* Leaves and joins again, so that the group shares the leases out anew; those of this member
     * are revoked on the way. A group can be left with leases that nobody has and not notice (a
     * static member that ends between giving leases back and joining again). NULL: this log's
     * groups cannot. */
    void (*member_rejoin)(riacho_member *member);
    /* Any thread. */
    riacho_member_token *(*token)(riacho_member *member);
    void (*token_free)(riacho_member_token *token);
    /* Ends the membership at once, so that others may have the leases now; every event was
     * answered and everything committed before. Frees it. */
    void (*member_leave)(riacho_member *member);

    /* All members of a group. RIACHO_RETRY: not known now. */
    riacho_status (*members)(riacho_log *log, const char *group, riacho_arena *arena,
                             riacho_member_entry **ret_entries, size_t *ret_count,
                             riacho_error *err);
    /* What the group has committed for these partitions (position.topic and partition are given;
     * next and note are filled in, notes in the arena). RIACHO_RETRY: a transaction that commits
     * one of them is not over yet. */
    riacho_status (*fetch)(riacho_log *log, const char *group, riacho_arena *arena,
                           riacho_committed *positions, size_t count, int64_t wait_ms,
                           riacho_error *err);
    /* The next offset below which every transaction is over: how far a reader can get now. `bounds`
     * tells the end of everything, open transactions included. */
    riacho_status (*stable_end)(riacho_log *log, const char *topic, int32_t partition,
                                int64_t *ret_end, riacho_error *err);
    /* Forgets records below an offset: of repartition topics, whose reader has committed them. */
    riacho_status (*trim)(riacho_log *log, const char *topic, int32_t partition, int64_t before,
                          riacho_error *err);
};

#ifdef __cplusplus
}
#endif
