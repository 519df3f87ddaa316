/* SPDX-License-Identifier: MIT
 *
 * seal.c - see seal.h.
 *
 * Invariants
 *   1 A position in the transaction is the run's own: everything below it is in this transaction or
 *     in one before it. What is merely fetched is not.
 *   2 Nothing reaches a store here before riacho_seal_write, which is called when the transaction
 *     is known to be committed.
 *   3 A store is told a changelog position together with the changes below it.
 *
 * Between seal and write the run's positions, partition times and progress are left as they were
 * sealed: only the next seal writes them.
 */
#include "seal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "base/memory.h"
#include "runtime/fault.h"
#include "runtime/mutation.h"

/* What is set apart of one run. */
struct part {
    riacho_run *run;
    riacho_outbox_read outputs; /* of run->sealed_outbox */
    const riacho_change *changes;
    size_t change_count;
    size_t first_output; /* of the transaction's records, as is: */
    size_t first_change;
    uint64_t number;
    int64_t stream_time_ms;
    bool written;
};

struct riacho_seal {
    riacho_arena *arena; /* of one transaction */
    struct part *parts;
    size_t count, capacity;
    riacho_sealed sealed;
};

riacho_seal *riacho_seal_new(void)
{
    riacho_seal *seal = riacho_memory_get_zero(1, sizeof *seal);
    seal->arena = riacho_arena_new();
    return seal;
}

void riacho_seal_free(riacho_seal *seal)
{
    if (!seal)
        return;
    riacho_arena_free(seal->arena);
    free(seal->parts);
    free(seal);
}

void riacho_seal_drop(riacho_seal *seal)
{
    seal->count = 0; /* its runs may be closed by now */
}

/* ---- sealing --------------------------------------------------------------------------------- */

/* The outputs of the part; the run goes on with the other outbox. */
static riacho_status take_outputs(riacho_seal *seal, struct part *part, riacho_error *err)
{
    riacho_run *run = part->run;
    const riacho_outbox full = run->outbox;
    assert(!run->sealed_outbox.count);
    run->outbox = run->sealed_outbox;
    run->sealed_outbox = full;
    return riacho_outbox_parse(riacho_outbox_bytes(&run->sealed_outbox), seal->arena,
                               &part->outputs, err);
}

static riacho_status seal_run(riacho_seal *seal, riacho_run *run, riacho_error *err)
{
    RIACHO_TRY(riacho_run_take_status(run, riacho_run_gather(run, err), err));
    RIACHO_TRY(riacho_run_take_status(run, riacho_overlay_seal(run->host.overlay, err), err));
    riacho_run_write_progress(run);
    struct part *part = &seal->parts[seal->count++];
    *part = (struct part){
        .run = run, .number = run->number + 1, .stream_time_ms = run->host.stream_time_ms};
    part->changes = riacho_overlay_sealed(run->host.overlay, &part->change_count);
    run->sealed = true;
    run->positions_ns = run->commit_started_ns;
    riacho_run_clean(run);
    riacho_run_settle(run);
    return take_outputs(seal, part, err);
}

static void make_room(riacho_seal *seal, size_t count)
{
    if (count <= seal->capacity)
        return;
    seal->capacity = count;
    seal->parts = riacho_memory_resize(seal->parts, count * sizeof *seal->parts);
}

static size_t count_records(const riacho_seal *seal)
{
    size_t count = 0;
    for (size_t i = 0; i < seal->count; i++)
        count += seal->parts[i].outputs.count + seal->parts[i].change_count;
    return count;
}

/* Outputs of all runs, then changes of all. */
static void collect_records(riacho_seal *seal, int64_t now_ms)
{
    const size_t count = count_records(seal);
    riacho_log_append *records = riacho_alloc(seal->arena, count * sizeof *records);
    size_t at = 0;
    for (size_t i = 0; i < seal->count; i++) {
        struct part *part = &seal->parts[i];
        part->first_output = at;
        for (size_t o = 0; o < part->outputs.count; o++)
            records[at++] = part->outputs.appends[o];
    }
    for (size_t i = 0; i < seal->count; i++) {
        struct part *part = &seal->parts[i];
        part->first_change = at;
        for (size_t c = 0; c < part->change_count; c++)
            records[at++] =
                riacho_changelog_append(&part->run->changelogs, &part->changes[c], now_ms);
    }
    seal->sealed.records = records;
    seal->sealed.record_count = count;
    seal->sealed.ends = riacho_alloc_zero(seal->arena, count, sizeof(int64_t));
}

static riacho_bytes make_note(const struct part *part, riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_note note = {part->number, part->stream_time_ms,
                              riacho_buffer_bytes(&part->run->progress)};
    riacho_note_write(&note, &out);
    return riacho_copy(arena, riacho_buffer_bytes(&out));
}

static void collect_positions(riacho_seal *seal)
{
    size_t count = 0;
    for (size_t i = 0; i < seal->count; i++)
        count += seal->parts[i].run->input_count;
    riacho_committed *positions = riacho_alloc(seal->arena, count * sizeof *positions);
    size_t at = 0;
    for (size_t i = 0; i < seal->count; i++) {
        const riacho_run *run = seal->parts[i].run;
        for (size_t p = 0; p < run->input_count; p++) {
            assert(run->positions[p].next == run->inputs[p].position); /* invariant 1 */
            positions[at++] = (riacho_committed){
                run->positions[p], p ? (riacho_bytes){0} : make_note(&seal->parts[i], seal->arena)};
        }
    }
    seal->sealed.positions = positions;
    seal->sealed.position_count = count;
}

static riacho_status make_known_mistakes(const riacho_seal *seal, riacho_error *err);

riacho_status riacho_seal_runs(riacho_seal *seal, riacho_run *const *runs, size_t count,
                               riacho_sealed *ret_sealed, riacho_error *err)
{
    riacho_status worst = RIACHO_OK;
    assert(!seal->count);
    riacho_arena_reset(seal->arena);
    make_room(seal, count);
    for (size_t i = 0; i < count; i++) {
        const riacho_status status = seal_run(seal, runs[i], err);
        if (status == RIACHO_RETRY)
            worst = RIACHO_RETRY;
        else
            RIACHO_TRY(status);
    }
    seal->sealed = (riacho_sealed){0};
    if (count) {
        riacho_clock *clock = runs[0]->worker->clock;
        collect_records(seal, clock->now_ms(clock));
        collect_positions(seal);
    }
    *ret_sealed = seal->sealed;
    RIACHO_TRY(make_known_mistakes(seal, err));
    return worst;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Behind the last change of each space. */
static void note_changes(const riacho_seal *seal, const struct part *part)
{
    for (size_t i = 0; i < part->change_count; i++) {
        riacho_position *at = &part->run->changelogs.positions[part->changes[i].space];
        const int64_t end = seal->sealed.ends[part->first_change + i];
        if (end > at->next)
            at->next = end;
    }
}

static riacho_commit_meta meta_of(const struct part *part)
{
    const riacho_run *run = part->run;
    return (riacho_commit_meta){
        .number = part->number,
        .positions = run->positions,
        .position_count = run->position_count + run->changelogs.count,
        .stream_time_ms = part->stream_time_ms,
        .progress = riacho_buffer_bytes(&run->progress),
    };
}

static riacho_status write_meta_first(const struct part *part, riacho_error *err);

static riacho_status write_part(const riacho_seal *seal, struct part *part, riacho_error *err)
{
    riacho_run *run = part->run;
    note_changes(seal, part);
    if (riacho_mutated(RIACHO_MUTATION_META_APART))
        RIACHO_TRY(write_meta_first(part, err));
    const riacho_commit_meta meta = meta_of(part);
    RIACHO_TRY(riacho_run_take_status(
        run, riacho_overlay_write_sealed(run->host.overlay, &meta, err), err));
    part->written = true;
    run->sealed = false;
    run->number = part->number;
    riacho_run_note_ends(run, &part->outputs, seal->sealed.ends + part->first_output);
    const riacho_shown shown = {part->stream_time_ms, part->outputs.count};
    riacho_run_show(run, &shown);
    riacho_outbox_reset(&run->sealed_outbox);
    riacho_run_settle(run);
    return riacho_fault_at(run->worker, RIACHO_SITE_AFTER_COMMIT, err);
}

static size_t left_to_write(const riacho_seal *seal)
{
    size_t left = 0;
    for (size_t i = 0; i < seal->count; i++)
        left += !seal->parts[i].written;
    return left;
}

static bool rests(const riacho_run *run)
{
    riacho_clock *clock = run->worker->clock;
    return run->commit_retry_at_ns > clock->monotonic_ns(clock);
}

riacho_status riacho_seal_write(riacho_seal *seal, riacho_error *err)
{
    for (size_t i = 0; i < seal->count; i++) {
        struct part *part = &seal->parts[i];
        if (part->written || rests(part->run))
            continue;
        const riacho_status status = write_part(seal, part, err);
        if (status != RIACHO_RETRY)
            RIACHO_TRY(status);
        if (left_to_write(seal))
            RIACHO_TRY(riacho_fault_at(part->run->worker, RIACHO_SITE_STATE_SOME, err));
    }
    const size_t left = left_to_write(seal);
    if (left)
        return riacho_fail(err, RIACHO_RETRY, "the state of %zu tasks is still to be written",
                           left);
    seal->count = 0;
    return RIACHO_OK;
}

/* ---- mistakes made on purpose (mutation.h) --------------------------------------------------- */

/* Some of what is sealed, with the meta that the store has. */
static riacho_status write_early(const struct part *part, bool (*picks)(const riacho_change *),
                                 riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_store *store = part->run->task->store;
    riacho_changes changes = {0};
    RIACHO_TRY(store->ops->read_commit(store, arena, &changes.meta, err));
    riacho_change *items = riacho_alloc(arena, part->change_count * sizeof *items);
    for (size_t i = 0; i < part->change_count; i++) {
        if (picks(&part->changes[i]))
            items[changes.count++] = part->changes[i];
    }
    changes.items = items;
    return store->ops->write(store, &changes, err);
}

static bool is_any(const riacho_change *change)
{
    return change->key.data != NULL;
}

static bool is_deletion(const riacho_change *change)
{
    return !change->value.data;
}

static riacho_status make_known_mistakes(const riacho_seal *seal, riacho_error *err)
{
    for (size_t i = 0; i < seal->count; i++) {
        if (riacho_mutated(RIACHO_MUTATION_WRITE_FIRST))
            RIACHO_TRY(write_early(&seal->parts[i], is_any, err));
        if (riacho_mutated(RIACHO_MUTATION_EXPIRY_APART))
            RIACHO_TRY(write_early(&seal->parts[i], is_deletion, err));
    }
    return RIACHO_OK;
}

static riacho_status write_meta_first(const struct part *part, riacho_error *err)
{
    riacho_store *store = part->run->task->store;
    const riacho_changes changes = {.meta = meta_of(part)};
    RIACHO_TRY(store->ops->write(store, &changes, err));
    return riacho_fault_at(part->run->worker, RIACHO_SITE_STATE_SOME, err);
}
