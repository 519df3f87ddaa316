/* SPDX-License-Identifier: MIT
 *
 * peer_follow.c - a position that is followed through a task elsewhere (peer.h), and who is in the
 * group.
 *
 * Threads: the one that asks.
 */
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "shared/membership.h"

static riacho_status take_ends(riacho_wire *wire, const riacho_task *task,
                               riacho_position *ret_ends, riacho_error *err)
{
    for (size_t i = 0; i < task->hop_count; i++) {
        const riacho_task_place *hop = &task->hops[i];
        ret_ends[i] = (riacho_position){task->deployment->graph->topics[hop->topic].name,
                                        hop->partition, (int64_t)riacho_wire_get(wire, 8)};
    }
    if (!wire->data || wire->size)
        return riacho_fail(err, RIACHO_RETRY, "its answer makes no sense");
    return RIACHO_OK;
}

/* ret_moved: the task is not there. */
static riacho_status ask_at(riacho_worker *worker, const riacho_task *task, const char *address,
                            const riacho_peer_follow *follow, riacho_position *ret_ends,
                            bool *ret_moved)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_peer_head head;
    riacho_error ignored;
    riacho_peer_put_head(RIACHO_PEER_FOLLOW, task->deployment, &out);
    riacho_peer_put_follow(follow, &out);
    riacho_peer_call call = {
        .address = address, .question = riacho_buffer_bytes(&out), .wait_ms = follow->wait_ms};
    riacho_peer_ask(worker, &call, 1, arena);
    *ret_moved = call.status != RIACHO_OK;
    RIACHO_TRY(call.status);
    riacho_wire wire = {call.answer.data, call.answer.size};
    RIACHO_TRY(riacho_peer_get_answer(&wire, arena, &head, &ignored));
    const uint64_t said = riacho_wire_get(&wire, 1);
    *ret_moved = said == RIACHO_PEER_FOLLOW_NOT_HERE;
    if (said != RIACHO_PEER_FOLLOW_REACHED)
        return RIACHO_RETRY;
    return take_ends(&wire, task, ret_ends, &ignored);
}

riacho_status riacho_peer_follow_task(riacho_worker *worker, riacho_task *task,
                                      const riacho_peer_follow *follow, riacho_position *ret_ends)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_owner owner;
    riacho_error ignored;
    bool moved;
    RIACHO_TRY(riacho_membership_owner(worker, task, arena, &owner, &ignored));
    if (owner.is_here || !*owner.address)
        return RIACHO_RETRY;
    const riacho_status status = ask_at(worker, task, owner.address, follow, ret_ends, &moved);
    if (!moved)
        return status;
    RIACHO_TRY(riacho_membership_look_again(worker, &ignored));
    RIACHO_TRY(riacho_membership_owner(worker, task, arena, &owner, &ignored));
    if (owner.is_here || !*owner.address)
        return RIACHO_RETRY;
    return ask_at(worker, task, owner.address, follow, ret_ends, &moved);
}

/* ---- the group ------------------------------------------------------------------------------- */

static void take_hello(const riacho_peer_call *call, riacho_arena *arena, riacho_worker_info *info)
{
    riacho_wire wire = {call->answer.data, call->answer.size};
    riacho_peer_head head;
    riacho_error err = call->err;
    info->state = RIACHO_WORKER_SILENT;
    if (call->status != RIACHO_OK ||
        riacho_peer_get_answer(&wire, arena, &head, &err) != RIACHO_OK) {
        info->reason = riacho_format(arena, "%s", err.text);
        return;
    }
    const riacho_bytes version = riacho_wire_get_bytes(&wire);
    const bool ready = riacho_wire_get(&wire, 1);
    const riacho_bytes reason = riacho_wire_get_bytes(&wire);
    info->state = ready ? RIACHO_WORKER_READY : RIACHO_WORKER_NOT_READY;
    info->served_by = head.served_by;
    info->version = version.data ? riacho_copy(arena, version).data : "";
    info->reason = reason.data ? riacho_copy(arena, reason).data : NULL;
}

static void describe_self(riacho_worker *worker, riacho_arena *arena, riacho_worker_info *ret_info)
{
    const riacho_health health = riacho_worker_health(worker, arena);
    *ret_info = (riacho_worker_info){
        .name = worker->options.name,
        .address = worker->options.address,
        .version = RIACHO_VERSION,
        .reason = health.reason,
        .state = health.ready == RIACHO_READY ? RIACHO_WORKER_READY : RIACHO_WORKER_NOT_READY,
    };
    for (size_t d = 0; d < worker->deployment_count; d++)
        for (size_t t = 0; t < worker->deployments[d].task_count; t++)
            ret_info->tasks += riacho_task_is_here(worker->deployments[d].tasks[t]);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const riacho_worker_info *)a)->name, ((const riacho_worker_info *)b)->name);
}

/* Asks everybody who has an address, all at once. */
static void greet(riacho_worker *worker, riacho_worker_info *infos, size_t count,
                  riacho_arena *arena)
{
    enum { HELLO_MS = 500 };
    riacho_buffer hello = {0};
    riacho_peer_call *calls = riacho_alloc_zero(arena, count + 1, sizeof *calls);
    riacho_worker_info **greeted = riacho_alloc_zero(arena, count + 1, sizeof *greeted);
    size_t greeted_count = 0;
    riacho_peer_put_head(RIACHO_PEER_HELLO, NULL, &hello);
    for (size_t i = 0; i < count; i++) {
        infos[i].state = RIACHO_WORKER_SILENT;
        infos[i].reason = "it has no address";
        if (!infos[i].address)
            continue;
        greeted[greeted_count] = &infos[i];
        calls[greeted_count++] = (riacho_peer_call){.address = infos[i].address,
                                                    .question = riacho_buffer_bytes(&hello),
                                                    .wait_ms = HELLO_MS};
    }
    if (greeted_count)
        riacho_peer_ask(worker, calls, greeted_count, arena);
    for (size_t i = 0; i < greeted_count; i++)
        take_hello(&calls[i], arena, greeted[i]);
    riacho_buffer_done(&hello);
}

riacho_status riacho_worker_group(riacho_worker *worker, riacho_arena *arena,
                                  riacho_worker_info **ret_workers, size_t *ret_count,
                                  riacho_error *err)
{
    riacho_member_entry *entries = NULL;
    size_t entry_count = 0, count = 1;
    RIACHO_TRY(riacho_serving_ready(worker, err));
    if (riacho_worker_shares(worker))
        RIACHO_TRY(riacho_membership_members(worker, arena, &entries, &entry_count, err));
    riacho_worker_info *infos = riacho_alloc_zero(arena, entry_count + 2, sizeof *infos);
    describe_self(worker, arena, &infos[0]);
    for (size_t i = 0; i < entry_count; i++) {
        if (strcmp(entries[i].name, worker->options.name) == 0)
            continue;
        infos[count++] = (riacho_worker_info){
            .name = entries[i].name,
            .address = *entries[i].address ? entries[i].address : NULL,
            .tasks = entries[i].lease_count,
        };
    }
    qsort(infos + 1, count - 1, sizeof *infos, by_name);
    greet(worker, infos + 1, count - 1, arena);
    *ret_workers = infos;
    *ret_count = count;
    return RIACHO_OK;
}
