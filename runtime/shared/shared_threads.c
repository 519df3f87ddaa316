/* SPDX-License-Identifier: MIT
 *
 * shared_threads.c - one thread for each part, which makes its steps in a loop, and the order in
 * which they end: the control part hands every task back while the others still work, then they
 * end, then the worker leaves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/trace.h"
#include "runtime/thread.h"
#include "shared_private.h"
#include "transaction.h"

enum {
    CONTROL_WAIT_MS = 100,
    PART_WAIT_MS = 500,
    /* A clean stop gives up then and ends as a crash would: nothing is lost by it. */
    STOP_MS = 25000,
};

struct riacho_part_thread {
    riacho_shared *shared;
    riacho_part part;
    size_t index; /* of the restorer or the stream thread */
    pthread_t pthread;
    bool started;
};

typedef struct riacho_part_thread part_thread;

/* ---- one part -------------------------------------------------------------------------------- */

static riacho_status step_control(riacho_shared *shared, bool *ret_did, riacho_error *err)
{
    const int64_t wait_ms = atomic_load(&shared->leaving) ? 1 : CONTROL_WAIT_MS;
    RIACHO_TRY(riacho_membership_step(shared->membership, wait_ms, ret_did, err));
    if (!*ret_did)
        riacho_trim_step(&shared->trimmer, shared->worker, ret_did);
    return RIACHO_OK;
}

static riacho_status step(const part_thread *part, bool *ret_did, riacho_error *err)
{
    riacho_shared *shared = part->shared;
    riacho_thread *thread = &shared->worker->threads[part->index];
    *ret_did = false;
    switch (part->part) {
    case RIACHO_PART_CONTROL:
        return step_control(shared, ret_did, err);
    case RIACHO_PART_RESTORE:
        return riacho_restorer_step(shared->restorers[part->index], PART_WAIT_MS, ret_did, err);
    case RIACHO_PART_STREAM:
        return riacho_thread_step(thread, PART_WAIT_MS, ret_did, err);
    case RIACHO_PART_COMMIT:
        return riacho_thread_commit_step(thread, PART_WAIT_MS, ret_did, err);
    case RIACHO_PARTS:
        break;
    }
    return RIACHO_OK;
}

/* The control part ends when all is handed back; the others when the worker does. */
static bool ends(const part_thread *part)
{
    riacho_shared *shared = part->shared;
    const riacho_worker *worker = shared->worker;
    if (atomic_load(&worker->crashed) || atomic_load(&worker->stopping))
        return true;
    if (part->part != RIACHO_PART_CONTROL || !atomic_load(&shared->leaving))
        return false;
    shared->released = riacho_membership_release(shared->membership);
    return shared->released;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A step that had nothing to do and did not wait for it would keep the thread spinning. */
static void rest(int64_t began_ns)
{
    enum { AT_ONCE_NS = 200000 };
    const struct timespec pause = {.tv_nsec = AT_ONCE_NS * 5};
    if (monotonic_ns() - began_ns < AT_ONCE_NS)
        nanosleep(&pause, NULL);
}

static void *run_part(void *argument)
{
    part_thread *part = argument;
    riacho_error err = {.text = ""};
    riacho_status status = RIACHO_OK;
    while (!ends(part) && (status == RIACHO_OK || status == RIACHO_RETRY)) {
        const int64_t began_ns = monotonic_ns();
        bool did;
        status = step(part, &did, &err);
        if (!did)
            rest(began_ns);
    }
    if (status != RIACHO_OK && status != RIACHO_RETRY)
        riacho_worker_end(part->shared->worker, RIACHO_FATAL, &err);
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void add_parts(riacho_shared *shared, riacho_part part, size_t count)
{
    for (size_t i = 0; i < count; i++)
        shared->threads[shared->thread_count++] =
            (part_thread){.shared = shared, .part = part, .index = i};
}

riacho_status riacho_shared_start(riacho_worker *worker, riacho_error *err)
{
    riacho_shared *shared = worker->shared;
    const size_t streams = worker->options.threads;
    if (!streams)
        return RIACHO_OK;
    shared->threads =
        riacho_memory_get_zero(1 + shared->restorer_count + 2 * streams, sizeof *shared->threads);
    add_parts(shared, RIACHO_PART_CONTROL, 1);
    add_parts(shared, RIACHO_PART_RESTORE, shared->restorer_count);
    add_parts(shared, RIACHO_PART_STREAM, streams);
    add_parts(shared, RIACHO_PART_COMMIT, streams);
    for (size_t i = 0; i < shared->thread_count; i++) {
        part_thread *part = &shared->threads[i];
        if (pthread_create(&part->pthread, NULL, run_part, part))
            return riacho_fail(err, RIACHO_FATAL, "cannot start thread %zu of the worker", i);
        part->started = true;
    }
    return RIACHO_OK;
}

void riacho_shared_wake(riacho_worker *worker)
{
    riacho_shared *shared = worker->shared;
    for (size_t i = 0; i < shared->restorer_count; i++)
        riacho_restorer_wake(shared->restorers[i]);
    for (size_t i = 0; i < worker->thread_count; i++) {
        riacho_thread_wake(&worker->threads[i]);
        if (worker->threads[i].transaction)
            riacho_transaction_wake(worker->threads[i].transaction);
    }
}

static void join(part_thread *part)
{
    if (part->started)
        pthread_join(part->pthread, NULL);
    part->started = false;
}

void riacho_shared_join(riacho_worker *worker)
{
    riacho_shared *shared = worker->shared;
    riacho_shared_wake(worker);
    for (size_t i = 0; i < shared->thread_count; i++)
        join(&shared->threads[i]);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void join_until(part_thread *part, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    if (part->started && pthread_timedjoin_np(part->pthread, NULL, &until) == 0)
        part->started = false;
}

static riacho_status stop_threads(riacho_worker *worker, riacho_error *err)
{
    riacho_shared *shared = worker->shared;
    atomic_store(&shared->leaving, true);
    join_until(&shared->threads[0], STOP_MS);
    const bool late = shared->threads[0].started;
    atomic_store(late ? &worker->crashed : &worker->stopping, true);
    riacho_shared_join(worker);
    riacho_error reason;
    if (riacho_worker_status(worker, &reason) != RIACHO_OK)
        return riacho_fail(err, RIACHO_FATAL, "%s", reason.text);
    if (late)
        return riacho_fail(err, RIACHO_FATAL,
                           "the last commit did not end within %d s, and is left to the next start",
                           STOP_MS / 1000);
    return RIACHO_OK;
}

riacho_status riacho_shared_stop(riacho_worker *worker, riacho_error *err)
{
    if (worker->shared->thread_count)
        return stop_threads(worker, err);
    return riacho_shared_stop_stepped(worker, err);
}
