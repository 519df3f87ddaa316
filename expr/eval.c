/* SPDX-License-Identifier: MIT
 *
 * eval.c - runs a program (program.h) for one record.
 */
#include <assert.h>

#include "base/macros.h"
#include "machine.h"

riacho_expr_handler riacho_expr_handler_of(riacho_expr_code code)
{
    if (riacho_expr_run_values[code])
        return riacho_expr_run_values[code];
    if (riacho_expr_run_numbers[code])
        return riacho_expr_run_numbers[code];
    assert(riacho_expr_run_texts[code]);
    return riacho_expr_run_texts[code];
}

const riacho_expr_instruction *riacho_expr_fail(riacho_expr_machine *m,
                                                const riacho_expr_instruction *at, const char *why)
{
    enum { SHOWN_BYTES_MAX = 120 };
    const riacho_expr_span span = m->expr->spans[at - m->expr->code];
    const int shown = (int)(span.length > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : span.length);
    m->status = riacho_fail(m->err, RIACHO_REJECT, "'%.*s': %s", shown,
                            (const char *)m->expr->text.data + span.offset, why);
    return NULL;
}

riacho_status riacho_expr_run(const riacho_expr *expr, const void *const *values,
                              riacho_arena *arena, riacho_expr_slot *ret_slot, riacho_error *err)
{
    riacho_expr_machine machine; /* not cleared: no slot is read before it is written */
    machine.expr = expr;
    machine.values = values;
    machine.arena = arena;
    machine.err = err;
    machine.status = RIACHO_OK;
    for (const riacho_expr_instruction *at = expr->code; at;)
        at = at->run(&machine, at);
    if (machine.status == RIACHO_OK)
        *ret_slot = machine.slots[0];
    return machine.status;
}

riacho_status riacho_expr_eval(const riacho_expr *expr, const void *const *values,
                               riacho_arena *arena, void *ret_value, bool *ret_null,
                               riacho_error *err)
{
    riacho_expr_slot slot;
    RIACHO_TRY(riacho_expr_run(expr, values, arena, &slot, err));
    assert(!slot.null || expr->nullable);
    if (!slot.null)
        riacho_expr_store(expr->type, &slot, arena, ret_value);
    *ret_null = slot.null;
    return RIACHO_OK;
}

riacho_status riacho_expr_test(const riacho_expr *expr, const void *const *values,
                               riacho_arena *arena, bool *ret_true, riacho_error *err)
{
    riacho_expr_slot slot;
    assert(expr->type->kind == RIACHO_BOOLEAN);
    RIACHO_TRY(riacho_expr_run(expr, values, arena, &slot, err));
    *ret_true = !slot.null && slot.whole;
    return RIACHO_OK;
}

const riacho_type *riacho_expr_type(const riacho_expr *expr)
{
    return expr->type;
}

bool riacho_expr_nullable(const riacho_expr *expr)
{
    return expr->nullable;
}

bool riacho_expr_uses(const riacho_expr *expr, size_t index)
{
    return index < expr->name_count && expr->uses[index];
}

/* The key of a lookup that was written as a constant is loaded right before it. */
void riacho_expr_entries(const riacho_expr *expr, size_t index,
                         void (*found)(void *to, riacho_bytes entry), void *to)
{
    const riacho_expr_handler end = riacho_expr_handler_of(RIACHO_CODE_END);
    const riacho_expr_handler constant = riacho_expr_handler_of(RIACHO_CODE_CONSTANT);
    const riacho_expr_handler lookup = riacho_expr_handler_of(RIACHO_CODE_LOOKUP);
    for (const riacho_expr_instruction *at = expr->code; at->run != end; at++)
        if (at->run == constant && at[1].run == lookup && at[1].argument == index &&
            at[1].a == at->to)
            found(to, expr->constants[at->argument].bytes);
}

void riacho_expr_print(const riacho_expr *expr, riacho_buffer *out)
{
    riacho_buffer_append(out, expr->normal.data, expr->normal.size);
}
