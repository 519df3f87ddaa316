/* SPDX-License-Identifier: MIT
 *
 * run_numbers.c - the codes for whole numbers (all 64 bits wide while they are computed with), for
 * doubles, and from one to the other.
 */
#include <math.h>

#include "machine.h"

typedef riacho_expr_instruction instruction;
typedef riacho_expr_machine machine;
typedef riacho_expr_slot slot;

static const char overflows[] = "the result does not fit a long";

static const instruction *run_negate_long(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    return a == INT64_MIN ? riacho_expr_fail(m, at, overflows) : give_long(m, at, -a);
}

static const instruction *run_negate_double(machine *m, const instruction *at)
{
    return give_double(m, at, -m->slots[at->a].real);
}

static const instruction *run_add_long(machine *m, const instruction *at)
{
    int64_t sum;
    if (__builtin_add_overflow(m->slots[at->a].whole, m->slots[at->b].whole, &sum))
        return riacho_expr_fail(m, at, overflows);
    return give_long(m, at, sum);
}

static const instruction *run_subtract_long(machine *m, const instruction *at)
{
    int64_t difference;
    if (__builtin_sub_overflow(m->slots[at->a].whole, m->slots[at->b].whole, &difference))
        return riacho_expr_fail(m, at, overflows);
    return give_long(m, at, difference);
}

static const instruction *run_multiply_long(machine *m, const instruction *at)
{
    int64_t product;
    if (__builtin_mul_overflow(m->slots[at->a].whole, m->slots[at->b].whole, &product))
        return riacho_expr_fail(m, at, overflows);
    return give_long(m, at, product);
}

static const instruction *run_divide_long(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    const int64_t b = m->slots[at->b].whole;
    if (!b)
        return riacho_expr_fail(m, at, "division by zero");
    if (a == INT64_MIN && b == -1)
        return riacho_expr_fail(m, at, overflows);
    return give_long(m, at, a / b);
}

static const instruction *run_remainder_long(machine *m, const instruction *at)
{
    const int64_t b = m->slots[at->b].whole;
    if (!b)
        return riacho_expr_fail(m, at, "division by zero");
    return give_long(m, at, b == -1 ? 0 : m->slots[at->a].whole % b);
}

static const instruction *run_add_double(machine *m, const instruction *at)
{
    return give_double(m, at, m->slots[at->a].real + m->slots[at->b].real);
}

static const instruction *run_subtract_double(machine *m, const instruction *at)
{
    return give_double(m, at, m->slots[at->a].real - m->slots[at->b].real);
}

static const instruction *run_multiply_double(machine *m, const instruction *at)
{
    return give_double(m, at, m->slots[at->a].real * m->slots[at->b].real);
}

static const instruction *run_divide_double(machine *m, const instruction *at)
{
    if (m->slots[at->b].real == 0)
        return riacho_expr_fail(m, at, "division by zero");
    return give_double(m, at, m->slots[at->a].real / m->slots[at->b].real);
}

static const instruction *run_abs_int(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    return a == INT32_MIN ? riacho_expr_fail(m, at, "the result does not fit an int")
                          : give_long(m, at, a < 0 ? -a : a);
}

static const instruction *run_abs_long(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    return a == INT64_MIN ? riacho_expr_fail(m, at, overflows) : give_long(m, at, a < 0 ? -a : a);
}

static const instruction *run_abs_double(machine *m, const instruction *at)
{
    return give_double(m, at, fabs(m->slots[at->a].real));
}

static const instruction *run_equal_long(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].whole == m->slots[at->b].whole);
}

static const instruction *run_equal_double(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].real == m->slots[at->b].real);
}

static const instruction *run_less_long(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].whole < m->slots[at->b].whole);
}

static const instruction *run_less_double(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].real < m->slots[at->b].real);
}

static const instruction *run_less_equal_long(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].whole <= m->slots[at->b].whole);
}

static const instruction *run_less_equal_double(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].real <= m->slots[at->b].real);
}

static const instruction *run_min_long(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    const int64_t b = m->slots[at->b].whole;
    return give_long(m, at, b < a ? b : a);
}

static const instruction *run_max_long(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    const int64_t b = m->slots[at->b].whole;
    return give_long(m, at, b > a ? b : a);
}

/* A NaN wins, from either side. */
static const instruction *run_min_double(machine *m, const instruction *at)
{
    const double a = m->slots[at->a].real;
    const double b = m->slots[at->b].real;
    return give_double(m, at, isnan(a) || a <= b ? a : b);
}

static const instruction *run_max_double(machine *m, const instruction *at)
{
    const double a = m->slots[at->a].real;
    const double b = m->slots[at->b].real;
    return give_double(m, at, isnan(a) || a >= b ? a : b);
}

static const instruction *run_in_longs(machine *m, const instruction *at)
{
    const riacho_expr_list *list = &m->expr->lists[at->argument];
    const int64_t a = m->slots[at->a].whole;
    bool found = false;
    for (size_t i = 0; i < list->count && !found; i++)
        found = list->items[i].whole == a;
    return give_long(m, at, found);
}

static const instruction *run_long_to_int(machine *m, const instruction *at)
{
    const int64_t a = m->slots[at->a].whole;
    return a < INT32_MIN || a > INT32_MAX
               ? riacho_expr_fail(m, at, "the number does not fit an int")
               : give_long(m, at, a);
}

static const instruction *run_long_to_double(machine *m, const instruction *at)
{
    return give_double(m, at, (double)m->slots[at->a].whole);
}

static const instruction *run_double_to_float(machine *m, const instruction *at)
{
    return give_double(m, at, (double)(float)m->slots[at->a].real);
}

static const instruction *run_double_to_long(machine *m, const instruction *at)
{
    const double a = m->slots[at->a].real;
    if (!(a >= -0x1p63 && a < 0x1p63)) /* and NaN */
        return riacho_expr_fail(m, at, "the number does not fit a long");
    return give_long(m, at, (int64_t)a);
}

const riacho_expr_handler riacho_expr_run_numbers[RIACHO_CODE_COUNT] = {
    [RIACHO_CODE_NEGATE_LONG] = run_negate_long,
    [RIACHO_CODE_NEGATE_DOUBLE] = run_negate_double,
    [RIACHO_CODE_ADD_LONG] = run_add_long,
    [RIACHO_CODE_SUBTRACT_LONG] = run_subtract_long,
    [RIACHO_CODE_MULTIPLY_LONG] = run_multiply_long,
    [RIACHO_CODE_DIVIDE_LONG] = run_divide_long,
    [RIACHO_CODE_REMAINDER_LONG] = run_remainder_long,
    [RIACHO_CODE_ADD_DOUBLE] = run_add_double,
    [RIACHO_CODE_SUBTRACT_DOUBLE] = run_subtract_double,
    [RIACHO_CODE_MULTIPLY_DOUBLE] = run_multiply_double,
    [RIACHO_CODE_DIVIDE_DOUBLE] = run_divide_double,
    [RIACHO_CODE_EQUAL_LONG] = run_equal_long,
    [RIACHO_CODE_EQUAL_DOUBLE] = run_equal_double,
    [RIACHO_CODE_LESS_LONG] = run_less_long,
    [RIACHO_CODE_LESS_DOUBLE] = run_less_double,
    [RIACHO_CODE_LESS_EQUAL_LONG] = run_less_equal_long,
    [RIACHO_CODE_LESS_EQUAL_DOUBLE] = run_less_equal_double,
    [RIACHO_CODE_MIN_LONG] = run_min_long,
    [RIACHO_CODE_MIN_DOUBLE] = run_min_double,
    [RIACHO_CODE_MAX_LONG] = run_max_long,
    [RIACHO_CODE_MAX_DOUBLE] = run_max_double,
    [RIACHO_CODE_IN_LONGS] = run_in_longs,
    [RIACHO_CODE_ABS_INT] = run_abs_int,
    [RIACHO_CODE_ABS_LONG] = run_abs_long,
    [RIACHO_CODE_ABS_DOUBLE] = run_abs_double,
    [RIACHO_CODE_LONG_TO_INT] = run_long_to_int,
    [RIACHO_CODE_LONG_TO_DOUBLE] = run_long_to_double,
    [RIACHO_CODE_DOUBLE_TO_FLOAT] = run_double_to_float,
    [RIACHO_CODE_DOUBLE_TO_LONG] = run_double_to_long,
};
