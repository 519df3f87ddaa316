/* SPDX-License-Identifier: MIT
 *
 * peer_wire.c - see peer.h. Numbers are little-endian; runs of bytes have their size in front
 * (wire.h).
 */
#include "peer.h"

#include <string.h>

#include "base/limits.h"

enum { VERSION = 1, ENTRY_BYTES_MIN = 4 };

/* ---- heads ----------------------------------------------------------------------------------- */

void riacho_peer_put_head(riacho_peer_kind kind, const riacho_deployment *deployment,
                          riacho_buffer *out)
{
    riacho_wire_put(out, VERSION, 1);
    riacho_wire_put(out, kind, 1);
    riacho_wire_put_bytes(out,
                          deployment ? riacho_text(deployment->graph->name) : (riacho_bytes){0});
    riacho_wire_put(out, deployment ? deployment->graph->hash : 0, 8);
}

static riacho_status malformed(riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "this is no question of a worker of this version");
}

static const riacho_deployment *find_deployment(riacho_worker *worker, riacho_bytes name,
                                                uint64_t hash)
{
    for (size_t i = 0; i < worker->deployment_count; i++) {
        const riacho_deployment *deployment = &worker->deployments[i];
        if (riacho_bytes_equal(riacho_text(deployment->graph->name), name) &&
            deployment->graph->hash == hash)
            return deployment;
    }
    return NULL;
}

riacho_status riacho_peer_get_head(riacho_worker *worker, riacho_wire *wire,
                                   riacho_peer_kind *ret_kind,
                                   const riacho_deployment **ret_deployment, riacho_error *err)
{
    const uint64_t version = riacho_wire_get(wire, 1);
    const uint64_t kind = riacho_wire_get(wire, 1);
    const riacho_bytes name = riacho_wire_get_bytes(wire);
    const uint64_t hash = riacho_wire_get(wire, 8);
    if (!wire->data || version != VERSION || kind < RIACHO_PEER_HELLO || kind > RIACHO_PEER_FOLLOW)
        return malformed(err);
    *ret_kind = (riacho_peer_kind)kind;
    *ret_deployment = name.data ? find_deployment(worker, name, hash) : NULL;
    if (kind != RIACHO_PEER_HELLO && !*ret_deployment)
        return riacho_fail(err, RIACHO_REJECT, "topology '%.*s' is another one here, or is not",
                           (int)(name.size < 100 ? name.size : 100),
                           name.data ? (const char *)name.data : "");
    return RIACHO_OK;
}

void riacho_peer_put_answer(const riacho_worker *worker, riacho_buffer *out)
{
    const char *served_by = worker->peers ? worker->peers->served_by : NULL;
    riacho_wire_put(out, VERSION, 1);
    riacho_wire_put_bytes(out, riacho_text(served_by ? served_by : worker->options.name));
    riacho_wire_put(out, riacho_serving_of((riacho_worker *)(uintptr_t)worker)->salt, 8);
}

static riacho_status senseless(riacho_error *err)
{
    return riacho_fail(err, RIACHO_RETRY, "its answer makes no sense");
}

/* Text for a header: what is not plain ASCII could end it. */
static const char *plain_text(riacho_bytes bytes, riacho_arena *arena)
{
    char *text = (char *)(uintptr_t)riacho_copy(arena, bytes).data;
    for (size_t i = 0; i < bytes.size; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == ',')
            text[i] = '?';
    return text;
}

riacho_status riacho_peer_get_answer(riacho_wire *wire, riacho_arena *arena,
                                     riacho_peer_head *ret_head, riacho_error *err)
{
    const uint64_t version = riacho_wire_get(wire, 1);
    const riacho_bytes served_by = riacho_wire_get_bytes(wire);
    const uint64_t salt = riacho_wire_get(wire, 8);
    if (!wire->data || version != VERSION || !served_by.data || served_by.size > 255)
        return senseless(err);
    *ret_head = (riacho_peer_head){plain_text(served_by, arena), salt};
    return RIACHO_OK;
}

/* ---- follow ---------------------------------------------------------------------------------- */

void riacho_peer_put_follow(const riacho_peer_follow *follow, riacho_buffer *out)
{
    riacho_wire_put(out, (uint32_t)follow->subtopology, 4);
    riacho_wire_put(out, (uint32_t)follow->partition, 4);
    riacho_wire_put(out, follow->input, 4);
    riacho_wire_put(out, (uint64_t)follow->next, 8);
    riacho_wire_put(out, (uint64_t)follow->wait_ms, 4);
}

riacho_status riacho_peer_get_follow(const riacho_deployment *deployment, riacho_wire *wire,
                                     riacho_peer_follow *ret_follow, riacho_error *err)
{
    const uint64_t subtopology = riacho_wire_get(wire, 4);
    const uint64_t partition = riacho_wire_get(wire, 4);
    const uint64_t input = riacho_wire_get(wire, 4);
    const int64_t next = (int64_t)riacho_wire_get(wire, 8);
    const uint64_t wait_ms = riacho_wire_get(wire, 4);
    if (!wire->data || wire->size || subtopology >= deployment->graph->subtopology_count ||
        wait_ms > RIACHO_HTTP_WAIT_MS_MAX)
        return malformed(err);
    const uint32_t first = deployment->first_task[subtopology];
    if (partition >= deployment->first_task[subtopology + 1] - first ||
        input >= deployment->tasks[first + partition]->input_count)
        return malformed(err);
    *ret_follow = (riacho_peer_follow){(int32_t)subtopology, (int32_t)partition, (uint32_t)input,
                                       next, (int64_t)wait_ms};
    return RIACHO_OK;
}

/* ---- read ------------------------------------------------------------------------------------ */

static void put_entry(const riacho_state_ranking_entry *entry, riacho_buffer *out)
{
    riacho_wire_put_bytes(out, entry->member);
    riacho_wire_put(out, (uint64_t)entry->score, 8);
}

static riacho_state_ranking_entry get_entry(riacho_wire *wire)
{
    const riacho_bytes member = riacho_wire_get_bytes(wire);
    return (riacho_state_ranking_entry){member, (int64_t)riacho_wire_get(wire, 8)};
}

static void put_wanted(const riacho_wanted *wanted, riacho_buffer *out)
{
    riacho_wire_put(out, wanted->kind, 1);
    riacho_wire_put(out, wanted->key_count, 4);
    for (size_t i = 0; i < wanted->key_count; i++)
        riacho_wire_put_bytes(out, wanted->keys[i]);
    riacho_wire_put_bytes(out, wanted->range.from);
    riacho_wire_put_bytes(out, wanted->range.to);
    riacho_wire_put(out, wanted->range.direction, 1);
    riacho_wire_put(out, wanted->limit, 4);
    riacho_wire_put(out, wanted->around, 4);
    riacho_wire_put_bytes(out, wanted->member);
    riacho_wire_put(out, wanted->entry != NULL, 1);
    if (wanted->entry)
        put_entry(wanted->entry, out);
    riacho_wire_put(out, wanted->after != NULL, 1);
    if (wanted->after) {
        riacho_wire_put(out, wanted->after->sequence, 8);
        riacho_wire_put(out, wanted->after->partition, 8);
    }
}

static riacho_bytes *get_many(riacho_wire *wire, size_t count, riacho_arena *arena)
{
    if (count > wire->size / ENTRY_BYTES_MIN) {
        *wire = (riacho_wire){0};
        return NULL;
    }
    riacho_bytes *items = riacho_alloc_zero(arena, count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = riacho_wire_get_bytes(wire);
    return items;
}

static void get_entry_and_after(riacho_wire *wire, riacho_arena *arena, riacho_wanted *wanted)
{
    if (riacho_wire_get(wire, 1)) {
        riacho_state_ranking_entry *entry = riacho_alloc(arena, sizeof *entry);
        *entry = get_entry(wire);
        wanted->entry = entry;
    }
    if (riacho_wire_get(wire, 1)) {
        riacho_list_place *after = riacho_alloc(arena, sizeof *after);
        after->sequence = riacho_wire_get(wire, 8);
        after->partition = riacho_wire_get(wire, 8);
        wanted->after = after;
    }
}

static void get_wanted(riacho_wire *wire, riacho_arena *arena, riacho_wanted *wanted)
{
    wanted->kind = (riacho_read_kind)riacho_wire_get(wire, 1);
    wanted->key_count = (size_t)riacho_wire_get(wire, 4);
    wanted->keys = get_many(wire, wanted->key_count, arena);
    wanted->range.from = riacho_wire_get_bytes(wire);
    wanted->range.to = riacho_wire_get_bytes(wire);
    wanted->range.direction = riacho_wire_get(wire, 1) ? RIACHO_BACKWARD : RIACHO_FORWARD;
    wanted->limit = (size_t)riacho_wire_get(wire, 4);
    wanted->around = (uint32_t)riacho_wire_get(wire, 4);
    wanted->member = riacho_wire_get_bytes(wire);
    get_entry_and_after(wire, arena, wanted);
}

/* What the state's functions rely on. */
static bool is_sound(const riacho_wanted *wanted)
{
    const riacho_list_place *after = wanted->after;
    for (size_t i = 0; i < wanted->key_count; i++)
        if (!wanted->keys[i].data || wanted->keys[i].size > RIACHO_KEY_BYTES_MAX)
            return false;
    if (wanted->kind == RIACHO_READ_RANK && !wanted->member.data)
        return false;
    if ((wanted->entry && !wanted->entry->member.data) ||
        (after && (!after->sequence || after->sequence == UINT64_MAX)))
        return false;
    return wanted->kind >= RIACHO_READ_GET && wanted->kind <= RIACHO_READ_LIST &&
           (wanted->kind == RIACHO_READ_RANGE || wanted->key_count > 0) &&
           wanted->limit <= RIACHO_PAGE_ITEMS_MAX + 1 && wanted->around <= RIACHO_PAGE_ITEMS_MAX;
}

void riacho_peer_put_read(const riacho_peer_read *read, riacho_buffer *out)
{
    riacho_wire_put(out, (uint32_t)read->store, 4);
    riacho_wire_put(out, read->reach.role, 1);
    riacho_wire_put(out, (uint64_t)read->reach.age_ms_max, 8);
    put_wanted(&read->wanted, out);
    riacho_wire_put(out, read->partition_count, 4);
    for (size_t i = 0; i < read->partition_count; i++)
        riacho_wire_put(out, read->partitions[i], 4);
}

static const uint32_t *get_partitions(riacho_wire *wire, uint32_t task_count, size_t count,
                                      riacho_arena *arena)
{
    if (count > task_count || count > wire->size / 4) {
        *wire = (riacho_wire){0};
        return NULL;
    }
    uint32_t *partitions = riacho_alloc_zero(arena, count + 1, sizeof *partitions);
    for (size_t i = 0; i < count; i++) {
        partitions[i] = (uint32_t)riacho_wire_get(wire, 4);
        if (partitions[i] >= task_count)
            *wire = (riacho_wire){0};
    }
    return partitions;
}

riacho_status riacho_peer_get_read(const riacho_deployment *deployment, riacho_wire *wire,
                                   riacho_arena *arena, riacho_peer_read *ret_read,
                                   riacho_error *err)
{
    riacho_peer_read read = {0};
    const uint64_t store = riacho_wire_get(wire, 4);
    if (!wire->data || store >= deployment->graph->store_count)
        return malformed(err);
    const int32_t of = deployment->graph->stores[store].subtopology;
    const uint32_t tasks = deployment->first_task[of + 1] - deployment->first_task[of];
    read.store = (int32_t)store;
    read.reach.role = riacho_wire_get(wire, 1) ? RIACHO_REACH_STANDBYS : RIACHO_REACH_ACTIVE;
    read.reach.age_ms_max = (int64_t)riacho_wire_get(wire, 8);
    get_wanted(wire, arena, &read.wanted);
    read.partition_count = (size_t)riacho_wire_get(wire, 4);
    read.partitions = get_partitions(wire, tasks, read.partition_count, arena);
    if (!wire->data || wire->size || !read.partition_count || !is_sound(&read.wanted))
        return malformed(err);
    *ret_read = read;
    return RIACHO_OK;
}
