/* SPDX-License-Identifier: MIT
 *
 * run_values.c - the codes that read values where they lie, jump, look at nulls and build records.
 */
#include <assert.h>
#include <string.h>

#include "machine.h"

typedef riacho_expr_instruction instruction;
typedef riacho_expr_machine machine;
typedef riacho_expr_slot slot;

/* Whether an optional is null is in the memory itself: its text, or the pointer to it. */
static void load_optional(const riacho_type *item, const void *place, slot *ret_slot)
{
    if (item->kind == RIACHO_STRING || item->kind == RIACHO_BYTES) {
        ret_slot->bytes = *(const riacho_bytes *)place;
        ret_slot->null = !ret_slot->bytes.data;
        return;
    }
    const void *pointer = *(const void *const *)place;
    if (pointer)
        riacho_expr_load(item, pointer, ret_slot);
    else
        *ret_slot = (slot){.null = true};
}

void riacho_expr_load(const riacho_type *type, const void *place, slot *ret_slot)
{
    *ret_slot = (slot){.null = type->kind == RIACHO_NULL};
    switch (type->kind) {
    case RIACHO_NULL:
        break;
    case RIACHO_BOOLEAN:
        ret_slot->whole = *(const bool *)place;
        break;
    case RIACHO_INT:
    case RIACHO_ENUM:
        ret_slot->whole = *(const int32_t *)place;
        break;
    case RIACHO_LONG:
        ret_slot->whole = *(const int64_t *)place;
        break;
    case RIACHO_FLOAT:
        ret_slot->real = (double)*(const float *)place;
        break;
    case RIACHO_DOUBLE:
        ret_slot->real = *(const double *)place;
        break;
    case RIACHO_BYTES:
    case RIACHO_STRING:
        ret_slot->bytes = *(const riacho_bytes *)place;
        if (!ret_slot->bytes.data)
            ret_slot->bytes = riacho_text("");
        break;
    case RIACHO_FIXED:
        ret_slot->bytes = (riacho_bytes){place, type->fixed_size};
        break;
    case RIACHO_OPTIONAL:
        load_optional(type->item, place, ret_slot);
        break;
    case RIACHO_ARRAY:
    case RIACHO_MAP:
    case RIACHO_RECORD:
    case RIACHO_UNION:
        ret_slot->at = place;
        break;
    }
}

static void store_optional(const riacho_type *item, const slot *from, riacho_arena *arena,
                           void *place)
{
    void *memory = place;
    if (item->kind != RIACHO_STRING && item->kind != RIACHO_BYTES) {
        memory = riacho_alloc_zero(arena, 1, item->size);
        *(const void **)place = memory;
    }
    riacho_expr_store(item, from, arena, memory);
}

void riacho_expr_store(const riacho_type *type, const slot *from, riacho_arena *arena, void *place)
{
    switch (type->kind) {
    case RIACHO_NULL:
        break;
    case RIACHO_BOOLEAN:
        *(bool *)place = from->whole;
        break;
    case RIACHO_INT:
    case RIACHO_ENUM:
        *(int32_t *)place = (int32_t)from->whole;
        break;
    case RIACHO_LONG:
        *(int64_t *)place = from->whole;
        break;
    case RIACHO_FLOAT:
        *(float *)place = (float)from->real;
        break;
    case RIACHO_DOUBLE:
        *(double *)place = from->real;
        break;
    case RIACHO_BYTES:
    case RIACHO_STRING:
        *(riacho_bytes *)place = from->bytes;
        break;
    case RIACHO_FIXED:
        memcpy(place, from->bytes.data, type->fixed_size);
        break;
    case RIACHO_OPTIONAL:
        store_optional(type->item, from, arena, place);
        break;
    case RIACHO_ARRAY:
    case RIACHO_MAP:
    case RIACHO_RECORD:
    case RIACHO_UNION:
        memcpy(place, from->at, type->size);
        break;
    }
}

static const instruction *run_end(machine *m, const instruction *at)
{
    (void)m, (void)at;
    return NULL;
}

static const instruction *run_constant(machine *m, const instruction *at)
{
    m->slots[at->to] = m->expr->constants[at->argument];
    return at + 1;
}

static const instruction *run_name(machine *m, const instruction *at)
{
    return give_place(m, at, m->values[at->argument]);
}

static const instruction *run_lookup(machine *m, const instruction *at)
{
    const riacho_expr_lookup *lookup = m->values[at->argument];
    const riacho_bytes found =
        lookup ? lookup->get(lookup, m->slots[at->a].bytes) : (riacho_bytes){0};
    return found.data ? give_bytes(m, at, found) : give_null(m, at);
}

static const instruction *run_require(machine *m, const instruction *at)
{
    return m->slots[at->a].null ? riacho_expr_fail(m, at, "there is no such entry") : at + 1;
}

static const void *place_of(const machine *m, const instruction *at)
{
    const slot *base = &m->slots[at->a];
    assert(base->at); /* a name that is RIACHO_NAME_PRESENT was given as NULL */
    return (const char *)base->at + at->argument;
}

static const instruction *run_boolean(machine *m, const instruction *at)
{
    return give_long(m, at, *(const bool *)place_of(m, at));
}

static const instruction *run_int(machine *m, const instruction *at)
{
    return give_long(m, at, *(const int32_t *)place_of(m, at));
}

static const instruction *run_long(machine *m, const instruction *at)
{
    return give_long(m, at, *(const int64_t *)place_of(m, at));
}

static const instruction *run_float(machine *m, const instruction *at)
{
    return give_double(m, at, (double)*(const float *)place_of(m, at));
}

static const instruction *run_double(machine *m, const instruction *at)
{
    return give_double(m, at, *(const double *)place_of(m, at));
}

static const instruction *run_bytes(machine *m, const instruction *at)
{
    const riacho_bytes *bytes = place_of(m, at);
    static const riacho_bytes empty = {"", 0}; /* zeroed memory: not null, by its type */
    return give_bytes(m, at, bytes->data ? *bytes : empty);
}

static const instruction *run_optional_bytes(machine *m, const instruction *at)
{
    const riacho_bytes *bytes = place_of(m, at);
    return bytes->data ? give_bytes(m, at, *bytes) : give_null(m, at);
}

static const instruction *run_place(machine *m, const instruction *at)
{
    return give_place(m, at, place_of(m, at));
}

static const instruction *run_pointer(machine *m, const instruction *at)
{
    return give_place(m, at, *(const void *const *)place_of(m, at));
}

static const instruction *run_fixed(machine *m, const instruction *at)
{
    return give_bytes(m, at, (riacho_bytes){m->slots[at->a].at, at->argument});
}

static const void *map_find(const riacho_type *type, const riacho_array *map, riacho_bytes key)
{
    const char *entry = map->items;
    for (size_t i = 0; i < map->count; i++, entry += type->entry_size) {
        if (riacho_bytes_equal(*(const riacho_bytes *)(const void *)entry, key))
            return entry + type->value_offset;
    }
    return NULL;
}

static const instruction *run_map_get(machine *m, const instruction *at)
{
    return give_place(
        m, at, map_find(m->expr->types[at->argument], m->slots[at->a].at, m->slots[at->b].bytes));
}

static const instruction *run_array_get(machine *m, const instruction *at)
{
    const riacho_array *array = m->slots[at->a].at;
    const int64_t index = m->slots[at->b].whole;
    const bool inside = index >= 0 && (uint64_t)index < array->count;
    const size_t size = m->expr->types[at->argument]->item->size;
    return give_place(m, at, inside ? (const char *)array->items + (size_t)index * size : NULL);
}

static bool same_item(riacho_kind kind, const slot *item, const slot *wanted)
{
    switch (kind) {
    case RIACHO_FLOAT:
    case RIACHO_DOUBLE:
        return item->real == wanted->real;
    case RIACHO_STRING:
    case RIACHO_BYTES:
    case RIACHO_FIXED:
        return riacho_bytes_equal(item->bytes, wanted->bytes);
    default:
        return item->whole == wanted->whole;
    }
}

static const instruction *run_contains_item(machine *m, const instruction *at)
{
    const riacho_array *array = m->slots[at->a].at;
    const slot *wanted = &m->slots[at->b];
    const riacho_type *item_type = m->expr->types[at->argument]->item;
    const riacho_kind kind =
        item_type->kind == RIACHO_OPTIONAL ? item_type->item->kind : item_type->kind;
    bool found = false;
    for (size_t i = 0; i < array->count && !found; i++) {
        slot item;
        riacho_expr_load(item_type, (const char *)array->items + i * item_type->size, &item);
        found = !item.null && same_item(kind, &item, wanted);
    }
    return give_long(m, at, found);
}

static const instruction *run_contains_key(machine *m, const instruction *at)
{
    return give_long(
        m, at,
        map_find(m->expr->types[at->argument], m->slots[at->a].at, m->slots[at->b].bytes) != NULL);
}

static const instruction *run_size_array(machine *m, const instruction *at)
{
    const riacho_array *array = m->slots[at->a].at;
    return give_long(m, at, (int64_t)array->count);
}

static const instruction *run_jump(machine *m, const instruction *at)
{
    return jump(m, at);
}

static const instruction *run_jump_false(machine *m, const instruction *at)
{
    const slot *a = &m->slots[at->a];
    return a->null || !a->whole ? jump(m, at) : at + 1;
}

static const instruction *run_jump_true(machine *m, const instruction *at)
{
    const slot *a = &m->slots[at->a];
    return !a->null && a->whole ? jump(m, at) : at + 1;
}

static const instruction *run_jump_null(machine *m, const instruction *at)
{
    return m->slots[at->a].null ? jump(m, at) : at + 1;
}

static const instruction *run_jump_present(machine *m, const instruction *at)
{
    return m->slots[at->a].null ? at + 1 : jump(m, at);
}

static const instruction *run_skip_null(machine *m, const instruction *at)
{
    if (!m->slots[at->a].null && !m->slots[at->b].null)
        return at + 1;
    give_null(m, at);
    return jump(m, at);
}

static const instruction *run_equal_nulls(machine *m, const instruction *at)
{
    const bool a = m->slots[at->a].null;
    const bool b = m->slots[at->b].null;
    if (!a && !b)
        return at + 1;
    give_long(m, at, a && b);
    return jump(m, at);
}

static const instruction *run_is_null(machine *m, const instruction *at)
{
    return give_long(m, at, m->slots[at->a].null);
}

static const instruction *run_truth(machine *m, const instruction *at)
{
    const slot *a = &m->slots[at->a];
    return give_long(m, at, !a->null && a->whole);
}

static const instruction *run_not(machine *m, const instruction *at)
{
    return give_long(m, at, !m->slots[at->a].whole);
}

static const instruction *run_record(machine *m, const instruction *at)
{
    return give_place(m, at, riacho_alloc_zero(m->arena, 1, m->expr->record->size));
}

static const instruction *run_store(machine *m, const instruction *at)
{
    const riacho_field *field = &m->expr->record->fields[at->argument];
    const slot *a = &m->slots[at->a];
    if (!a->null) /* the memory is zero, and that is what null looks like */
        riacho_expr_store(field->type, a, m->arena, (char *)m->slots[at->to].at + field->offset);
    return at + 1;
}

static const instruction *run_default(machine *m, const instruction *at)
{
    const riacho_field *field = &m->expr->record->fields[at->argument];
    memcpy((char *)m->slots[at->to].at + field->offset, field->default_value, field->type->size);
    return at + 1;
}

const riacho_expr_handler riacho_expr_run_values[RIACHO_CODE_COUNT] = {
    [RIACHO_CODE_END] = run_end,
    [RIACHO_CODE_CONSTANT] = run_constant,
    [RIACHO_CODE_NAME] = run_name,
    [RIACHO_CODE_LOOKUP] = run_lookup,
    [RIACHO_CODE_REQUIRE] = run_require,
    [RIACHO_CODE_BOOLEAN] = run_boolean,
    [RIACHO_CODE_INT] = run_int,
    [RIACHO_CODE_LONG] = run_long,
    [RIACHO_CODE_FLOAT] = run_float,
    [RIACHO_CODE_DOUBLE] = run_double,
    [RIACHO_CODE_BYTES] = run_bytes,
    [RIACHO_CODE_OPTIONAL_BYTES] = run_optional_bytes,
    [RIACHO_CODE_PLACE] = run_place,
    [RIACHO_CODE_POINTER] = run_pointer,
    [RIACHO_CODE_FIXED] = run_fixed,
    [RIACHO_CODE_MAP_GET] = run_map_get,
    [RIACHO_CODE_ARRAY_GET] = run_array_get,
    [RIACHO_CODE_JUMP] = run_jump,
    [RIACHO_CODE_JUMP_FALSE] = run_jump_false,
    [RIACHO_CODE_JUMP_TRUE] = run_jump_true,
    [RIACHO_CODE_JUMP_NULL] = run_jump_null,
    [RIACHO_CODE_JUMP_PRESENT] = run_jump_present,
    [RIACHO_CODE_SKIP_NULL] = run_skip_null,
    [RIACHO_CODE_EQUAL_NULLS] = run_equal_nulls,
    [RIACHO_CODE_IS_NULL] = run_is_null,
    [RIACHO_CODE_TRUTH] = run_truth,
    [RIACHO_CODE_NOT] = run_not,
    [RIACHO_CODE_SIZE_ARRAY] = run_size_array,
    [RIACHO_CODE_CONTAINS_KEY] = run_contains_key,
    [RIACHO_CODE_CONTAINS_ITEM] = run_contains_item,
    [RIACHO_CODE_RECORD] = run_record,
    [RIACHO_CODE_STORE] = run_store,
    [RIACHO_CODE_DEFAULT] = run_default,
};
