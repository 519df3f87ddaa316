/* SPDX-License-Identifier: MIT
 *
 * value.c - order, deep copy and start value of anything a type describes. Pure but for the arena;
 * any thread. Recursion is as deep as the schema, never as deep as the data.
 */
#include "riacho/type.h"

#include <math.h>
#include <string.h>

#include "layout.h"

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Every NaN is one value above all others and -0 is below 0, so that the order is total. */
static int order_double(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    if (a != b)
        return a < b ? -1 : 1;
    return !!signbit(b) - !!signbit(a);
}

static int sign(int order_of_any_size)
{
    return (order_of_any_size > 0) - (order_of_any_size < 0);
}

static int compare_records(const riacho_type *type, const uint8_t *a, const uint8_t *b)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        const int found = riacho_value_compare(field->type, a + field->offset, b + field->offset);
        if (found)
            return found;
    }
    return 0;
}

static int compare_arrays(const riacho_type *type, const riacho_array *a, const riacho_array *b)
{
    const size_t common = a->count < b->count ? a->count : b->count;
    const size_t step = type->item->size;
    for (size_t i = 0; i < common; i++) {
        const int found = riacho_value_compare(type->item, (const uint8_t *)a->items + i * step,
                                               (const uint8_t *)b->items + i * step);
        if (found)
            return found;
    }
    return (a->count > b->count) - (a->count < b->count);
}

/* The value an optional holds, or NULL. */
static const void *optional_value(const riacho_type *type, const void *value)
{
    if (riacho_layout_inline_optional(type->item))
        return ((const riacho_bytes *)value)->data ? value : NULL;
    return *(const void *const *)value;
}

static int compare_optionals(const riacho_type *type, const void *a, const void *b)
{
    const void *left = optional_value(type, a), *right = optional_value(type, b);
    if (left && right)
        return riacho_value_compare(type->item, left, right);
    const int found = !!left - !!right; /* null before a value */
    return type->null_branch == 0 ? found : -found;
}

static int compare_unions(const riacho_type *type, const uint8_t *a, const uint8_t *b)
{
    const int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    if (left != right || left < 0 || (uint32_t)left >= type->branch_count)
        return order(left, right);
    return riacho_value_compare(type->branches[left], a + type->value_offset,
                                b + type->value_offset);
}

int riacho_value_compare(const riacho_type *type, const void *a, const void *b)
{
    switch (type->kind) {
    case RIACHO_NULL:
    case RIACHO_MAP:
        return 0;
    case RIACHO_BOOLEAN:
        return order(*(const bool *)a, *(const bool *)b);
    case RIACHO_INT:
    case RIACHO_ENUM:
        return order(*(const int32_t *)a, *(const int32_t *)b);
    case RIACHO_LONG:
        return order(*(const int64_t *)a, *(const int64_t *)b);
    case RIACHO_FLOAT:
        return order_double((double)*(const float *)a, (double)*(const float *)b);
    case RIACHO_DOUBLE:
        return order_double(*(const double *)a, *(const double *)b);
    case RIACHO_BYTES:
    case RIACHO_STRING:
        return sign(riacho_bytes_compare(*(const riacho_bytes *)a, *(const riacho_bytes *)b));
    case RIACHO_FIXED:
        return sign(memcmp(a, b, type->fixed_size));
    case RIACHO_ARRAY:
        return compare_arrays(type, a, b);
    case RIACHO_RECORD:
        return compare_records(type, a, b);
    case RIACHO_OPTIONAL:
        return compare_optionals(type, a, b);
    case RIACHO_UNION:
        return compare_unions(type, a, b);
    }
    return 0;
}

static void copy_array(const riacho_type *type, const riacho_array *from, riacho_arena *arena,
                       riacho_array *to)
{
    const size_t step = type->item->size;
    uint8_t *items = riacho_alloc_zero(arena, from->count, step);
    for (size_t i = 0; i < from->count; i++)
        riacho_value_copy(type->item, (const uint8_t *)from->items + i * step, arena,
                          items + i * step);
    *to = (riacho_array){items, from->count};
}

static void copy_map(const riacho_type *type, const riacho_array *from, riacho_arena *arena,
                     riacho_array *to)
{
    const size_t step = type->entry_size;
    uint8_t *entries = riacho_alloc_zero(arena, from->count, step);
    for (size_t i = 0; i < from->count; i++) {
        const uint8_t *entry = (const uint8_t *)from->items + i * step;
        uint8_t *copy = entries + i * step;
        *(riacho_bytes *)copy = riacho_copy(arena, *(const riacho_bytes *)entry);
        riacho_value_copy(type->item, entry + type->value_offset, arena, copy + type->value_offset);
    }
    *to = (riacho_array){entries, from->count};
}

static void copy_optional(const riacho_type *type, const void *from, riacho_arena *arena, void *to)
{
    if (riacho_layout_inline_optional(type->item)) {
        *(riacho_bytes *)to = riacho_copy(arena, *(const riacho_bytes *)from);
        return;
    }
    const void *value = *(const void *const *)from;
    void *copy = NULL;
    if (value) {
        copy = riacho_alloc_zero(arena, 1, type->item->size);
        riacho_value_copy(type->item, value, arena, copy);
    }
    *(const void **)to = copy;
}

static void copy_union(const riacho_type *type, const uint8_t *from, riacho_arena *arena,
                       uint8_t *to)
{
    const int32_t branch = *(const int32_t *)from;
    memset(to, 0, type->size);
    *(int32_t *)to = branch;
    if (branch >= 0 && (uint32_t)branch < type->branch_count)
        riacho_value_copy(type->branches[branch], from + type->value_offset, arena,
                          to + type->value_offset);
}

void riacho_value_copy(const riacho_type *type, const void *value, riacho_arena *arena,
                       void *ret_copy)
{
    switch (type->kind) {
    case RIACHO_STRING:
    case RIACHO_BYTES:
        *(riacho_bytes *)ret_copy = riacho_copy(arena, *(const riacho_bytes *)value);
        return;
    case RIACHO_ARRAY:
        copy_array(type, value, arena, ret_copy);
        return;
    case RIACHO_MAP:
        copy_map(type, value, arena, ret_copy);
        return;
    case RIACHO_RECORD:
        for (uint32_t i = 0; i < type->field_count; i++)
            riacho_value_copy(type->fields[i].type, (const uint8_t *)value + type->fields[i].offset,
                              arena, (uint8_t *)ret_copy + type->fields[i].offset);
        return;
    case RIACHO_OPTIONAL:
        copy_optional(type, value, arena, ret_copy);
        return;
    case RIACHO_UNION:
        copy_union(type, value, arena, ret_copy);
        return;
    default:
        if (type->size)
            memcpy(ret_copy, value, type->size);
    }
}

static void init_record(const riacho_type *type, uint8_t *value)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const riacho_field *field = &type->fields[i];
        if (!field->default_value)
            riacho_value_init(field->type, value + field->offset);
        else if (field->type->size)
            memcpy(value + field->offset, field->default_value, field->type->size);
    }
}

void riacho_value_init(const riacho_type *type, void *ret_value)
{
    if (!type->size)
        return;
    memset(ret_value, 0, type->size);
    switch (type->kind) {
    case RIACHO_STRING:
    case RIACHO_BYTES:
        /* A decimal of no bytes is no number; zero is one byte. */
        *(riacho_bytes *)ret_value = (riacho_bytes){"", type->logical == RIACHO_DECIMAL};
        return;
    case RIACHO_RECORD:
        init_record(type, ret_value);
        return;
    case RIACHO_UNION:
        riacho_value_init(type->branches[0], (uint8_t *)ret_value + type->value_offset);
        return;
    default:
        return;
    }
}
