/* SPDX-License-Identifier: MIT
 *
 * run_texts.c - the codes for strings and bytes; what they do is in text.h.
 */
#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "machine.h"
#include "text.h"

typedef riacho_expr_instruction instruction;
typedef riacho_expr_machine machine;
typedef riacho_expr_slot slot;

static const instruction *run_concat(machine *m, const instruction *at)
{
    const riacho_bytes a = m->slots[at->a].bytes;
    const riacho_bytes b = m->slots[at->b].bytes;
    if (b.size > RIACHO_VALUE_BYTES_MAX || a.size > RIACHO_VALUE_BYTES_MAX - b.size)
        return riacho_expr_fail(m, at, "the text is longer than a value may be");
    return give_bytes(m, at, riacho_expr_concat(a, b, m->arena));
}

static const instruction *run_equal_bytes(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_bytes_equal(m->slots[at->a].bytes, m->slots[at->b].bytes));
}

static const instruction *run_less_bytes(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_bytes_compare(m->slots[at->a].bytes, m->slots[at->b].bytes) < 0);
}

static const instruction *run_less_equal_bytes(machine *m, const instruction *at)
{
    return give_long(m, at,
                     riacho_bytes_compare(m->slots[at->a].bytes, m->slots[at->b].bytes) <= 0);
}

static const instruction *run_min_bytes(machine *m, const instruction *at)
{
    const riacho_bytes a = m->slots[at->a].bytes;
    const riacho_bytes b = m->slots[at->b].bytes;
    return give_bytes(m, at, riacho_bytes_compare(b, a) < 0 ? b : a);
}

static const instruction *run_max_bytes(machine *m, const instruction *at)
{
    const riacho_bytes a = m->slots[at->a].bytes;
    const riacho_bytes b = m->slots[at->b].bytes;
    return give_bytes(m, at, riacho_bytes_compare(b, a) > 0 ? b : a);
}

static const instruction *run_in_bytes(machine *m, const instruction *at)
{
    const riacho_expr_list *list = &m->expr->lists[at->argument];
    const riacho_bytes a = m->slots[at->a].bytes;
    bool found = false;
    for (size_t i = 0; i < list->count && !found; i++)
        found = riacho_bytes_equal(list->items[i].bytes, a);
    return give_long(m, at, found);
}

static const instruction *run_size_text(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_expr_characters(m->slots[at->a].bytes));
}

static const instruction *run_size_bytes(machine *m, const instruction *at)
{
    return give_long(m, at, (int64_t)m->slots[at->a].bytes.size);
}

static const instruction *run_contains_text(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_expr_contains(m->slots[at->a].bytes, m->slots[at->b].bytes));
}

static const instruction *run_starts(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_expr_starts(m->slots[at->a].bytes, m->slots[at->b].bytes));
}

static const instruction *run_ends(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_expr_ends(m->slots[at->a].bytes, m->slots[at->b].bytes));
}

static const instruction *run_lower(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_expr_lower(m->slots[at->a].bytes, m->arena));
}

static const instruction *run_upper(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_expr_upper(m->slots[at->a].bytes, m->arena));
}

static const instruction *run_trim(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_expr_trim(m->slots[at->a].bytes));
}

static const instruction *run_hash_bytes(machine *m, const instruction *at)
{
    return give_long(m, at, riacho_expr_hash(m->slots[at->a].bytes));
}

static const instruction *run_hash_long(machine *m, const instruction *at)
{
    uint8_t bytes[8]; /* little-endian on every machine */
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)m->slots[at->a].whole >> (8 * i));
    return give_long(m, at, riacho_expr_hash((riacho_bytes){bytes, sizeof bytes}));
}

static const instruction *run_text_to_long(machine *m, const instruction *at)
{
    riacho_error why;
    int64_t whole;
    if (riacho_int_parse(m->slots[at->a].bytes, INT64_MIN, INT64_MAX, &whole, &why) != RIACHO_OK)
        return riacho_expr_fail(m, at, why.text);
    return give_long(m, at, whole);
}

static const instruction *run_text_to_double(machine *m, const instruction *at)
{
    const riacho_bytes text = m->slots[at->a].bytes;
    double real;
    if (riacho_expr_double_read(text, &real) != RIACHO_OK) {
        char why[96];
        snprintf(why, sizeof why, "'%.*s' is not a number that fits a double",
                 (int)(text.size > 40 ? 40 : text.size), (const char *)text.data);
        return riacho_expr_fail(m, at, why);
    }
    return give_double(m, at, real);
}

static const instruction *run_boolean_to_text(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_text(m->slots[at->a].whole ? "true" : "false"));
}

static const instruction *run_long_to_text(machine *m, const instruction *at)
{
    const long long whole = m->slots[at->a].whole;
    return give_bytes(m, at, riacho_text(riacho_format(m->arena, "%lld", whole)));
}

static const instruction *run_float_to_text(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_expr_float_text(m->slots[at->a].real, m->arena));
}

static const instruction *run_double_to_text(machine *m, const instruction *at)
{
    return give_bytes(m, at, riacho_expr_double_text(m->slots[at->a].real, m->arena));
}

static const instruction *run_enum_to_text(machine *m, const instruction *at)
{
    const riacho_type *type = m->expr->types[at->argument];
    const int64_t symbol = m->slots[at->a].whole;
    assert(symbol >= 0 && symbol < (int64_t)type->symbol_count);
    return give_bytes(m, at, riacho_text(type->symbols[symbol]));
}

const riacho_expr_handler riacho_expr_run_texts[RIACHO_CODE_COUNT] = {
    [RIACHO_CODE_CONCAT] = run_concat,
    [RIACHO_CODE_EQUAL_BYTES] = run_equal_bytes,
    [RIACHO_CODE_LESS_BYTES] = run_less_bytes,
    [RIACHO_CODE_LESS_EQUAL_BYTES] = run_less_equal_bytes,
    [RIACHO_CODE_MIN_BYTES] = run_min_bytes,
    [RIACHO_CODE_MAX_BYTES] = run_max_bytes,
    [RIACHO_CODE_IN_BYTES] = run_in_bytes,
    [RIACHO_CODE_SIZE_TEXT] = run_size_text,
    [RIACHO_CODE_SIZE_BYTES] = run_size_bytes,
    [RIACHO_CODE_CONTAINS_TEXT] = run_contains_text,
    [RIACHO_CODE_STARTS] = run_starts,
    [RIACHO_CODE_ENDS] = run_ends,
    [RIACHO_CODE_LOWER] = run_lower,
    [RIACHO_CODE_UPPER] = run_upper,
    [RIACHO_CODE_TRIM] = run_trim,
    [RIACHO_CODE_HASH_BYTES] = run_hash_bytes,
    [RIACHO_CODE_HASH_LONG] = run_hash_long,
    [RIACHO_CODE_TEXT_TO_LONG] = run_text_to_long,
    [RIACHO_CODE_TEXT_TO_DOUBLE] = run_text_to_double,
    [RIACHO_CODE_BOOLEAN_TO_TEXT] = run_boolean_to_text,
    [RIACHO_CODE_LONG_TO_TEXT] = run_long_to_text,
    [RIACHO_CODE_FLOAT_TO_TEXT] = run_float_to_text,
    [RIACHO_CODE_DOUBLE_TO_TEXT] = run_double_to_text,
    [RIACHO_CODE_ENUM_TO_TEXT] = run_enum_to_text,
};
