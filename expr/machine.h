/* SPDX-License-Identifier: MIT
 *
 * machine.h - the state of one evaluation, and what its codes have in common. A code is a small
 * function that leaves its result in a slot and returns the next instruction, NULL to stop. None
 * allocates but from the caller's arena.
 *
 * Threads: the program is only read; a machine is on the stack of the thread that evaluates.
 */
#pragma once

#include "program.h"

struct riacho_expr_machine {
    const riacho_expr *expr;
    const void *const *values;
    riacho_arena *arena;
    riacho_error *err;
    riacho_status status;
    riacho_expr_slot slots[RIACHO_EXPR_SLOTS_MAX];
};

/* By code; each file has those of its own. */
extern const riacho_expr_handler riacho_expr_run_values[RIACHO_CODE_COUNT];
extern const riacho_expr_handler riacho_expr_run_numbers[RIACHO_CODE_COUNT];
extern const riacho_expr_handler riacho_expr_run_texts[RIACHO_CODE_COUNT];

/* Stops, with the part of the text that failed and why; returns NULL. */
const riacho_expr_instruction *riacho_expr_fail(riacho_expr_machine *m,
                                                const riacho_expr_instruction *at, const char *why);

static inline const riacho_expr_instruction *give_null(riacho_expr_machine *m,
                                                       const riacho_expr_instruction *at)
{
    m->slots[at->to] = (riacho_expr_slot){.null = true};
    return at + 1;
}

static inline const riacho_expr_instruction *
give_long(riacho_expr_machine *m, const riacho_expr_instruction *at, int64_t whole)
{
    riacho_expr_slot *to = &m->slots[at->to];
    to->whole = whole;
    to->null = false;
    return at + 1;
}

static inline const riacho_expr_instruction *
give_double(riacho_expr_machine *m, const riacho_expr_instruction *at, double real)
{
    riacho_expr_slot *to = &m->slots[at->to];
    to->real = real;
    to->null = false;
    return at + 1;
}

static inline const riacho_expr_instruction *
give_bytes(riacho_expr_machine *m, const riacho_expr_instruction *at, riacho_bytes bytes)
{
    riacho_expr_slot *to = &m->slots[at->to];
    to->bytes = bytes;
    to->null = false;
    return at + 1;
}

/* NULL gives null. */
static inline const riacho_expr_instruction *
give_place(riacho_expr_machine *m, const riacho_expr_instruction *at, const void *place)
{
    riacho_expr_slot *to = &m->slots[at->to];
    to->at = place;
    to->null = !place;
    return at + 1;
}

static inline const riacho_expr_instruction *jump(const riacho_expr_machine *m,
                                                  const riacho_expr_instruction *at)
{
    return m->expr->code + at->argument;
}
