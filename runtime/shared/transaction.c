/* SPDX-License-Identifier: MIT
 *
 * transaction.c - see transaction.h.
 *
 * What a verdict leads to is the same in every phase: OK to the next, RETRY to the same call again,
 * ABORT and RECREATE to a new producer, STOP to the end of the worker. The differences are in what
 * each call is given.
 *
 * Invariants
 *   1 The token of a transaction is taken once, when its positions are first sent, and kept over
 *     retries: a retry has identical arguments. A token that fences nobody is never sent.
 *   2 The outcome is set before the phase allows another start, and nothing of `sealed` is touched
 *     after it is set.
 *   3 ABORTED and LOST are only said when the next producer of the same id is ready: by then the
 *     broker has ended the transaction, one way or the other.
 */
#include "transaction.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "runtime/fault.h"
#include "runtime/mutation.h"
#include "shared.h"

enum {
    SEND_RECORDS_MAX = 1000, /* of one step */
    FENCED_MAX = 5,          /* inits in a row that another process of the same id undid */
    REST_MS = 2,             /* after a call that did not get on, however fast it came back */
};

typedef enum phase {
    PHASE_CLOSED = 0,
    PHASE_INIT,
    PHASE_READY,
    PHASE_BEGIN,
    PHASE_SEND,
    PHASE_POSITIONS,
    PHASE_END,
} phase;

struct riacho_transaction {
    riacho_worker *worker;
    const struct riacho_broker_ops *broker;
    char *producer_id;
    _Atomic(riacho_member *) member;

    _Atomic(phase) phase; /* READY to BEGIN by start, else by step */
    _Atomic(riacho_outcome) outcome;
    riacho_sealed sealed;
    size_t sent; /* of its records */
    int64_t started_ns;

    /* Of the committing thread. */
    riacho_producer *producer;
    riacho_member_token *token;
    bool was_asked;        /* the commit was asked for at least once */
    riacho_outcome failed; /* to be said when the next producer is ready; NONE: nothing is */
    unsigned fenced;       /* inits in a row */
    atomic_bool rests;     /* the last call did not get on */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken; /* under `lock` */
    riacho_transaction_counts counts;
};

typedef struct riacho_transaction machine;

riacho_transaction *riacho_transaction_new(riacho_worker *worker, const char *producer_id)
{
    riacho_transaction *made = riacho_memory_get_zero(1, sizeof *made);
    made->worker = worker;
    made->broker = worker->log->ops->broker;
    made->producer_id = riacho_memory_text(producer_id);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return made;
}

void riacho_transaction_set_member(riacho_transaction *transaction, riacho_member *member)
{
    atomic_store(&transaction->member, member);
    riacho_transaction_wake(transaction);
}

static void free_token(machine *m)
{
    if (m->token)
        m->broker->token_free(m->token);
    m->token = NULL;
}

static void close_producer(machine *m)
{
    if (m->producer)
        m->broker->producer_close(m->producer);
    m->producer = NULL;
    free_token(m);
}

void riacho_transaction_free(riacho_transaction *transaction)
{
    if (!transaction)
        return;
    close_producer(transaction);
    pthread_cond_destroy(&transaction->changed);
    pthread_mutex_destroy(&transaction->lock);
    free(transaction->producer_id);
    free(transaction);
}

/* ---- the stream thread's side ---------------------------------------------------------------- */

bool riacho_transaction_ready(const riacho_transaction *transaction)
{
    return atomic_load(&transaction->phase) == PHASE_READY &&
           atomic_load(&transaction->outcome) == RIACHO_OUTCOME_NONE &&
           atomic_load(&transaction->member);
}

static int64_t now_ns(const machine *m)
{
    return m->worker->clock->monotonic_ns(m->worker->clock);
}

void riacho_transaction_start(riacho_transaction *transaction, const riacho_sealed *sealed)
{
    assert(riacho_transaction_ready(transaction) && sealed->position_count);
    transaction->sealed = *sealed;
    transaction->sent = 0;
    transaction->was_asked = false;
    transaction->started_ns = now_ns(transaction);
    atomic_store(&transaction->phase, PHASE_BEGIN);
    riacho_transaction_wake(transaction);
}

riacho_outcome riacho_transaction_outcome(const riacho_transaction *transaction)
{
    return atomic_load(&transaction->outcome);
}

void riacho_transaction_taken(riacho_transaction *transaction)
{
    assert(atomic_load(&transaction->outcome) != RIACHO_OUTCOME_NONE);
    atomic_store(&transaction->outcome, RIACHO_OUTCOME_NONE);
}

const riacho_transaction_counts *riacho_transaction_counted(const riacho_transaction *transaction)
{
    return &transaction->counts;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void finish(machine *m, riacho_outcome outcome, phase next)
{
    _Atomic uint64_t *const counter = outcome == RIACHO_OUTCOME_COMMITTED ? &m->counts.committed
                                      : outcome == RIACHO_OUTCOME_ABORTED ? &m->counts.aborted
                                                                          : &m->counts.lost;
    atomic_fetch_add(counter, 1);
    atomic_fetch_add(&m->counts.nanoseconds, (uint64_t)(now_ns(m) - m->started_ns));
    free_token(m);
    m->failed = RIACHO_OUTCOME_NONE;
    atomic_store(&m->outcome, outcome);
    atomic_store(&m->phase, next);
}

/* A producer that saw a sign of trouble does not begin another transaction. */
static phase after_end(machine *m)
{
    if (!m->broker->suspect(m->producer) || riacho_mutated(RIACHO_MUTATION_REUSE_PRODUCER))
        return PHASE_READY;
    riacho_trace(RIACHO_INFO, "a sign of trouble, the next transaction has a new producer",
                 "producer", m->producer_id, NULL);
    close_producer(m);
    return PHASE_CLOSED;
}

static riacho_status stop(const machine *m, const riacho_error *cause, riacho_error *err)
{
    return riacho_fail(err, RIACHO_FATAL, "producer '%s': %.400s", m->producer_id, cause->text);
}

/* The producer goes, and what it had under way is over when the next one is ready. */
static riacho_status recreate(machine *m, riacho_outcome failed, const riacho_error *cause)
{
    if (atomic_load(&m->phase) >= PHASE_BEGIN)
        m->failed = failed;
    riacho_trace(RIACHO_WARN,
                 failed == RIACHO_OUTCOME_ABORTED
                     ? "transaction failed, ending it by a new producer"
                     : "producer lost, opening it again",
                 "producer", m->producer_id, "reason", cause->text, NULL);
    close_producer(m);
    atomic_store(&m->phase, PHASE_CLOSED);
    return RIACHO_OK;
}

/* What a call of a transaction under way asks for. `next` is where OK leads. */
static riacho_status follow(machine *m, riacho_verdict verdict, phase next,
                            const riacho_error *cause, riacho_error *err)
{
    atomic_store(&m->rests, verdict == RIACHO_VERDICT_RETRY);
    switch (verdict) {
    case RIACHO_VERDICT_OK:
        atomic_store(&m->phase, next);
        return RIACHO_OK;
    case RIACHO_VERDICT_RETRY:
        return RIACHO_OK;
    case RIACHO_VERDICT_ABORT:
        return recreate(m, RIACHO_OUTCOME_ABORTED, cause);
    case RIACHO_VERDICT_RECREATE:
        return recreate(m, RIACHO_OUTCOME_LOST, cause);
    case RIACHO_VERDICT_STOP:
        break;
    }
    return stop(m, cause, err);
}

/* ---- the producer ---------------------------------------------------------------------------- */

static riacho_status open_producer(machine *m, bool *ret_did, riacho_error *err)
{
    const riacho_producer_options options = {m->producer_id, riacho_shared_delivery(m->worker)};
    riacho_error cause = {.text = ""};
    const riacho_status status =
        m->broker->producer_open(m->worker->log, &options, &m->producer, &cause);
    atomic_store(&m->rests, status == RIACHO_RETRY);
    *ret_did = status != RIACHO_RETRY;
    if (status == RIACHO_RETRY)
        return RIACHO_OK;
    if (status != RIACHO_OK)
        return stop(m, &cause, err);
    atomic_fetch_add(&m->counts.producers, 1);
    atomic_store(&m->phase, PHASE_INIT);
    return riacho_fault_at(m->worker, RIACHO_SITE_INIT, err);
}

static riacho_status fenced(machine *m, const riacho_error *cause, riacho_error *err)
{
    if (++m->fenced >= FENCED_MAX)
        return riacho_fail(err, RIACHO_FATAL,
                           "producer '%s' was taken over %u times in a row (%.300s): two workers "
                           "have the name '%s'; give each worker a name of its own",
                           m->producer_id, m->fenced, cause->text, m->worker->options.name);
    return recreate(m, RIACHO_OUTCOME_LOST, cause);
}

static riacho_status init_producer(machine *m, int64_t wait_ms, riacho_error *err)
{
    riacho_error cause = {.text = ""};
    const riacho_verdict verdict = m->broker->init(m->producer, wait_ms, &cause);
    atomic_store(&m->rests, verdict == RIACHO_VERDICT_RETRY);
    switch (verdict) {
    case RIACHO_VERDICT_OK:
        m->fenced = 0;
        if (m->failed != RIACHO_OUTCOME_NONE)
            finish(m, m->failed, PHASE_READY);
        else
            atomic_store(&m->phase, PHASE_READY);
        return RIACHO_OK;
    case RIACHO_VERDICT_RETRY:
        return RIACHO_OK;
    case RIACHO_VERDICT_ABORT: /* there is nothing to abort: the producer is of no use */
    case RIACHO_VERDICT_RECREATE:
        return fenced(m, &cause, err);
    case RIACHO_VERDICT_STOP:
        break;
    }
    return stop(m, &cause, err);
}

/* ---- one transaction ------------------------------------------------------------------------- */

static riacho_status begin(machine *m, riacho_error *err)
{
    riacho_error cause = {.text = ""};
    const riacho_verdict verdict = m->broker->begin(m->producer, &cause);
    const phase next = m->sealed.record_count ? PHASE_SEND : PHASE_POSITIONS;
    RIACHO_TRY(follow(m, verdict, next, &cause, err));
    if (verdict != RIACHO_VERDICT_OK)
        return RIACHO_OK;
    RIACHO_TRY(riacho_fault_at(m->worker, RIACHO_SITE_BEGUN, err));
    return next == PHASE_SEND ? RIACHO_OK
                              : riacho_fault_at(m->worker, RIACHO_SITE_BEFORE_POSITIONS, err);
}

/* In two pieces at least, so that there is a moment between them. */
static size_t next_piece(const machine *m)
{
    const size_t left = m->sealed.record_count - m->sent;
    const size_t half = (m->sealed.record_count + 1) / 2;
    const size_t most = half < SEND_RECORDS_MAX ? half : SEND_RECORDS_MAX;
    return left < most ? left : most;
}

static riacho_status send_records(machine *m, int64_t wait_ms, riacho_error *err)
{
    riacho_error cause = {.text = ""};
    size_t sent = 0;
    const riacho_verdict verdict = m->broker->send(m->producer, m->sealed.records + m->sent,
                                                   next_piece(m), wait_ms, &sent, &cause);
    m->sent += sent;
    assert(m->sent <= m->sealed.record_count);
    const bool is_all = m->sent == m->sealed.record_count;
    RIACHO_TRY(follow(m, verdict, is_all ? PHASE_POSITIONS : PHASE_SEND, &cause, err));
    if (verdict != RIACHO_VERDICT_OK)
        return RIACHO_OK;
    return riacho_fault_at(m->worker, is_all ? RIACHO_SITE_BEFORE_POSITIONS : RIACHO_SITE_SENT_SOME,
                           err);
}

/* Who we are now; false: nobody, and what nobody sends is not fenced. */
static bool take_token(machine *m)
{
    if (!m->token)
        m->token = m->broker->token(atomic_load(&m->member));
    return m->token && m->token->generation >= 0 && m->token->member_id && m->token->member_id[0];
}

static riacho_status send_positions(machine *m, int64_t wait_ms, riacho_error *err)
{
    static const riacho_member_token nobody = {-1, ""};
    const bool unfenced = riacho_mutated(RIACHO_MUTATION_NO_GENERATION);
    riacho_error cause = {.text = "this worker is not a member of its group now"};
    if (!unfenced && !take_token(m))
        return follow(m, RIACHO_VERDICT_ABORT, PHASE_POSITIONS, &cause, err);
    const riacho_verdict verdict =
        m->broker->send_positions(m->producer, unfenced ? &nobody : m->token, m->sealed.positions,
                                  m->sealed.position_count, wait_ms, &cause);
    RIACHO_TRY(follow(m, verdict, PHASE_END, &cause, err));
    return verdict == RIACHO_VERDICT_OK
               ? riacho_fault_at(m->worker, RIACHO_SITE_AFTER_POSITIONS, err)
               : RIACHO_OK;
}

/* The first call does not wait, so that there is a moment in which the end is asked for and the
 * answer is not there. */
static riacho_status commit(machine *m, int64_t wait_ms, riacho_error *err)
{
    riacho_error cause = {.text = ""};
    const bool is_first = !m->was_asked;
    const riacho_verdict verdict = m->broker->commit(m->producer, is_first ? 0 : wait_ms, &cause);
    m->was_asked = true;
    if (is_first)
        RIACHO_TRY(riacho_fault_at(m->worker, RIACHO_SITE_COMMITTING, err));
    if (verdict != RIACHO_VERDICT_OK) {
        const riacho_status status = follow(m, verdict, PHASE_END, &cause, err);
        if (is_first)
            atomic_store(&m->rests, false);
        return status;
    }
    RIACHO_TRY(riacho_fault_at(m->worker, RIACHO_SITE_COMMITTED, err));
    m->broker->ends(m->producer, m->sealed.ends, m->sealed.record_count);
    finish(m, RIACHO_OUTCOME_COMMITTED, after_end(m));
    return RIACHO_OK;
}

riacho_status riacho_transaction_step(riacho_transaction *transaction, int64_t wait_ms,
                                      bool *ret_did, riacho_error *err)
{
    *ret_did = true;
    if (atomic_load(&transaction->worker->crashed))
        return riacho_fail(err, RIACHO_FATAL, "the worker has stopped");
    switch (atomic_load(&transaction->phase)) {
    case PHASE_CLOSED:
        return open_producer(transaction, ret_did, err);
    case PHASE_INIT:
        return init_producer(transaction, wait_ms, err);
    case PHASE_BEGIN:
        return begin(transaction, err);
    case PHASE_SEND:
        return send_records(transaction, wait_ms, err);
    case PHASE_POSITIONS:
        return send_positions(transaction, wait_ms, err);
    case PHASE_END:
        return commit(transaction, wait_ms, err);
    case PHASE_READY:
        break;
    }
    *ret_did = false;
    return RIACHO_OK;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool has_to_do(const machine *m)
{
    return atomic_load(&m->phase) != PHASE_READY && !atomic_load(&m->rests);
}

void riacho_transaction_await(riacho_transaction *transaction, int64_t wait_ms)
{
    if (atomic_load(&transaction->rests) && wait_ms > REST_MS)
        wait_ms = REST_MS;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t nanoseconds = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += wait_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&transaction->lock);
    while (!transaction->woken && !has_to_do(transaction) &&
           pthread_cond_timedwait(&transaction->changed, &transaction->lock, &until) != ETIMEDOUT)
        ;
    transaction->woken = false;
    pthread_mutex_unlock(&transaction->lock);
}

void riacho_transaction_wake(riacho_transaction *transaction)
{
    pthread_mutex_lock(&transaction->lock);
    transaction->woken = true;
    pthread_cond_signal(&transaction->changed);
    pthread_mutex_unlock(&transaction->lock);
}
