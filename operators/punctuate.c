/* SPDX-License-Identifier: MIT
 *
 * punctuate.c - scheduling, firing, and what of it survives a restart.
 */
#include "punctuate.h"

#include <assert.h>
#include <string.h>

#include "chain.h"

/* Before the first change in a unit, what undo leads back to. */
static void keep_before(const riacho_schedules *schedules, riacho_schedule *schedule)
{
    if (schedule->unit == schedules->unit)
        return;
    schedule->unit = schedules->unit;
    schedule->due_before_ms = schedule->due_ms;
    schedule->alive_before = schedule->alive;
}

void riacho_schedules_undo(riacho_schedules *schedules)
{
    for (riacho_schedule *at = schedules->first; at; at = at->next) {
        if (at->unit != schedules->unit)
            continue;
        at->due_ms = at->due_before_ms;
        at->alive = at->alive_before;
    }
}

/* What is due at NEVER_MS is not due at all, also when stream time has come that far. */
#define NEVER_MS INT64_MAX

/* The first moment of the grid after at_ms. */
static int64_t next_due(int64_t due_ms, int64_t interval_ms, int64_t at_ms)
{
    int64_t missed;
    int64_t next;
    if (__builtin_sub_overflow(at_ms, due_ms, &missed) ||
        __builtin_mul_overflow(missed / interval_ms + 1, interval_ms, &missed) ||
        __builtin_add_overflow(due_ms, missed, &next))
        return NEVER_MS;
    return next;
}

/* A dead one of the operator, or a new one. */
static riacho_schedule *take(riacho_operator *self, riacho_punctuation kind)
{
    riacho_schedules *schedules = &self->chain->schedules;
    uint32_t ordinal = 0;
    for (riacho_schedule *at = schedules->first; at; at = at->next) {
        if (at->owner != self || at->kind != kind)
            continue;
        if (!at->alive && at->unit != schedules->unit)
            return at;
        ordinal++;
    }
    riacho_schedule *made = riacho_alloc_zero(self->chain->lasting, 1, sizeof *made);
    made->owner = self;
    made->kind = kind;
    made->ordinal = ordinal;
    if (schedules->last)
        schedules->last->next = made;
    else
        schedules->first = made;
    schedules->last = made;
    return made;
}

riacho_schedule *riacho_ctx_schedule(riacho_ctx *ctx, riacho_punctuation kind, int64_t interval_ms,
                                     riacho_punctuate call)
{
    riacho_operator *self = ctx->owner;
    riacho_chain *chain = self->chain;
    if (interval_ms < 1 || !call)
        riacho_chain_die(self, "a punctuator needs a function and an interval of 1 ms or more",
                         self->node->function_name);
    riacho_schedule *schedule = take(self, kind);
    schedule->unit = chain->schedules.unit;
    schedule->alive_before = false;
    schedule->alive = true;
    schedule->call = call;
    schedule->interval_ms = interval_ms;
    schedule->due_ms = 0;
    if (kind == RIACHO_WALL_CLOCK) {
        const int64_t now_ms = chain->host->clock->now_ms(chain->host->clock);
        schedule->due_ms = next_due(now_ms, interval_ms, now_ms);
    }
    return schedule;
}

void riacho_schedule_cancel(riacho_schedule *schedule)
{
    if (!schedule)
        return;
    keep_before(&schedule->owner->chain->schedules, schedule);
    schedule->alive = false;
}

static riacho_status fire(riacho_schedules *schedules, riacho_schedule *schedule, int64_t at_ms)
{
    riacho_ctx *ctx = &schedule->owner->ctx;
    keep_before(schedules, schedule);
    schedule->due_ms = next_due(schedule->due_ms, schedule->interval_ms, at_ms);

    ctx->punctuation_ms = at_ms;
    ctx->may = RIACHO_IN_PUNCTUATOR;
    ctx->failed = RIACHO_OK;
    riacho_status status = schedule->call(ctx, at_ms);
    if (status == RIACHO_OK)
        status = ctx->failed;
    ctx->may = RIACHO_MAY_NOT_FORWARD;

    if (riacho_host_passes_over(schedule->owner->chain->host, status)) {
        /* Undo leaves it alone, so the next round goes past it. */
        schedule->due_before_ms = schedule->due_ms;
        schedule->alive_before = schedule->alive;
    }
    return status;
}

riacho_status riacho_schedules_fire(riacho_schedules *schedules, riacho_punctuation kind,
                                    int64_t at_ms, riacho_operator **ret_failed)
{
    const riacho_schedule *last = schedules->last; /* what is scheduled on the way waits */
    for (riacho_schedule *at = schedules->first; at; at = at == last ? NULL : at->next) {
        if (at->kind != kind || !at->alive || at->due_ms > at_ms || at->due_ms == NEVER_MS)
            continue;
        const riacho_status status = fire(schedules, at, at_ms);
        if (status != RIACHO_OK) {
            *ret_failed = at->owner;
            return status;
        }
    }
    return RIACHO_OK;
}

int64_t riacho_chain_next_wall_clock_ms(const riacho_chain *chain)
{
    int64_t next_ms = NEVER_MS;
    for (const riacho_schedule *at = chain->schedules.first; at; at = at->next) {
        if (at->kind == RIACHO_WALL_CLOCK && at->alive && at->due_ms < next_ms)
            next_ms = at->due_ms;
    }
    return next_ms;
}

/* ---- over a restart --------------------------------------------------------------------------
 *
 * version (1 byte), then for each live stream-time schedule until the end:
 * ordinal (4) due (8) size of the id (2) id. Numbers are little-endian.
 */

enum { PROGRESS_VERSION = 1, PROGRESS_HEAD_BYTES = 14 };

static void put_number(uint8_t *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

void riacho_chain_save(const riacho_chain *chain, riacho_buffer *out)
{
    const uint8_t version = PROGRESS_VERSION;
    riacho_buffer_append(out, &version, 1);
    for (const riacho_schedule *at = chain->schedules.first; at; at = at->next) {
        if (at->kind != RIACHO_STREAM_TIME || !at->alive)
            continue;
        const riacho_bytes id = riacho_text(at->owner->node->id);
        assert(id.size <= UINT16_MAX);
        uint8_t head[PROGRESS_HEAD_BYTES];
        put_number(head, at->ordinal, 4);
        put_number(head + 4, (uint64_t)at->due_ms, 8);
        put_number(head + 12, id.size, 2);
        riacho_buffer_append(out, head, sizeof head);
        riacho_buffer_append(out, id.data, id.size);
    }
}

static riacho_schedule *find(const riacho_chain *chain, riacho_bytes id, uint32_t ordinal)
{
    for (riacho_schedule *at = chain->schedules.first; at; at = at->next) {
        if (at->kind == RIACHO_STREAM_TIME && at->ordinal == ordinal &&
            riacho_bytes_equal(riacho_text(at->owner->node->id), id))
            return at;
    }
    return NULL;
}

void riacho_chain_restore(riacho_chain *chain, riacho_bytes progress)
{
    const uint8_t *at = progress.data;
    size_t left = progress.size;
    if (!at || left < 1 || at[0] != PROGRESS_VERSION)
        return;
    for (at++, left--; left >= PROGRESS_HEAD_BYTES;) {
        const uint32_t ordinal = (uint32_t)get_number(at, 4);
        const int64_t due_ms = (int64_t)get_number(at + 4, 8);
        const size_t id_size = get_number(at + 12, 2);
        at += PROGRESS_HEAD_BYTES;
        left -= PROGRESS_HEAD_BYTES;
        if (id_size > left)
            return;
        riacho_schedule *schedule = find(chain, (riacho_bytes){at, id_size}, ordinal);
        if (schedule && due_ms > 0) /* an interval that changed moves it to the new grid */
            schedule->due_ms = next_due(0, schedule->interval_ms, due_ms - 1);
        at += id_size;
        left -= id_size;
    }
}
