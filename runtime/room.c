/* SPDX-License-Identifier: MIT
 *
 * room.c - see room.h.
 */
#include "room.h"

enum { SHARE_OF_LEAST = 2 };

size_t riacho_run_bytes(const riacho_run *run)
{
    return riacho_overlay_bytes(run->host.overlay) + riacho_outbox_held(&run->outbox) +
           riacho_outbox_held(&run->sealed_outbox);
}

static uint64_t budget_of(const riacho_thread *thread)
{
    const riacho_worker *worker = thread->worker;
    return worker->options.overlay_bytes / worker->thread_count;
}

void riacho_run_give_room(riacho_run *run, const riacho_thread *thread, size_t used_bytes)
{
    const uint64_t budget = budget_of(thread);
    const uint64_t others = used_bytes - riacho_run_bytes(run);
    const uint64_t least = budget / SHARE_OF_LEAST / thread->run_count;
    run->room_bytes = budget > others ? budget - others : 0;
    if (run->room_bytes < least)
        run->room_bytes = least;
}

/* The largest that can commit now and is not chosen yet; NULL: there is none. */
static riacho_run *largest(const riacho_thread *thread)
{
    riacho_run *found = NULL;
    size_t most = 0;
    for (size_t i = 0; i < thread->run_count; i++) {
        riacho_run *run = thread->runs[i];
        const size_t bytes = riacho_run_bytes(run);
        if (!run->dirty || run->gives_room || run->commit_retry_at_ns ||
            run->commit_phase != RIACHO_COMMIT_OPEN || bytes <= most)
            continue;
        found = run;
        most = bytes;
    }
    return found;
}

/* On a log that workers share, half of the budget fills up while the other half is on its way. */
static void choose(const riacho_thread *thread, size_t used_bytes)
{
    const uint64_t budget = budget_of(thread) / (riacho_worker_shares(thread->worker) ? 2 : 1);
    if (used_bytes < budget)
        return;
    while (used_bytes > budget / 2) {
        riacho_run *run = largest(thread);
        if (!run)
            return;
        run->gives_room = true;
        used_bytes -= riacho_run_bytes(run);
    }
}

void riacho_thread_share_room(riacho_thread *thread)
{
    size_t used_bytes = 0;
    for (size_t i = 0; i < thread->run_count; i++) {
        thread->runs[i]->gives_room = false;
        used_bytes += riacho_run_bytes(thread->runs[i]);
    }
    for (size_t i = 0; i < thread->run_count; i++)
        riacho_run_give_room(thread->runs[i], thread, used_bytes);
    choose(thread, used_bytes);
}
