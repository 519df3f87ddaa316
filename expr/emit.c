/* SPDX-License-Identifier: MIT
 *
 * emit.c - one function a form. A node's value goes to the slot it is given, its operands to that
 * slot and the next; so no slot is live but those of the nodes around it, and the depth of the tree
 * bounds them.
 */
#include "emit.h"

#include <assert.h>
#include <string.h>

/* Jumps to a place that is not known yet: a list threaded through their arguments. */
enum { NO_JUMP = UINT32_MAX };

/* Room for one more item: the array doubles when its count is a power of two. */
static void *room(riacho_arena *arena, void *items, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *more = riacho_alloc(arena, (count ? count * 2 : 1) * size);
    if (count)
        memcpy(more, items, count * size);
    return more;
}

uint32_t riacho_expr_put(riacho_expr_emitter *emitter, riacho_expr_code code, unsigned to,
                         unsigned a, unsigned b, uint32_t argument)
{
    const uint32_t at = emitter->code_count;
    assert(to < RIACHO_EXPR_SLOTS_MAX && a < RIACHO_EXPR_SLOTS_MAX && b < RIACHO_EXPR_SLOTS_MAX);
    emitter->code = room(emitter->arena, emitter->code, at, sizeof *emitter->code);
    emitter->spans = room(emitter->arena, emitter->spans, at, sizeof *emitter->spans);
    emitter->code[at] = (riacho_expr_instruction){.run = riacho_expr_handler_of(code),
                                                  .argument = argument,
                                                  .to = (uint8_t)to,
                                                  .a = (uint8_t)a,
                                                  .b = (uint8_t)b};
    emitter->spans[at] =
        (riacho_expr_span){emitter->span.offset + emitter->text_offset, emitter->span.length};
    return emitter->code_count++;
}

static void put_unary(riacho_expr_emitter *emitter, riacho_expr_code code, unsigned to,
                      uint32_t argument)
{
    riacho_expr_put(emitter, code, to, to, to, argument);
}

/* A jump that lands where `jumps` will; `jumps` is the list it joins. */
static void put_jump(riacho_expr_emitter *emitter, riacho_expr_code code, unsigned a,
                     uint32_t *jumps)
{
    *jumps = riacho_expr_put(emitter, code, a, a, a, *jumps);
}

/* Every jump of the list lands at the next instruction. */
static void land(riacho_expr_emitter *emitter, uint32_t jumps)
{
    while (jumps != NO_JUMP) {
        const uint32_t next = emitter->code[jumps].argument;
        emitter->code[jumps].argument = emitter->code_count;
        jumps = next;
    }
}

static uint32_t put_constant(riacho_expr_emitter *emitter, const riacho_expr_slot *value)
{
    const uint32_t at = emitter->constant_count;
    emitter->constants = room(emitter->arena, emitter->constants, at, sizeof *emitter->constants);
    emitter->constants[at] = *value;
    return emitter->constant_count++;
}

uint32_t riacho_expr_put_type(riacho_expr_emitter *emitter, const riacho_type *type)
{
    const uint32_t at = emitter->type_count;
    emitter->types = room(emitter->arena, emitter->types, at, sizeof *emitter->types);
    emitter->types[at] = type;
    return emitter->type_count++;
}

static void put_boolean(riacho_expr_emitter *emitter, bool value, unsigned to)
{
    const riacho_expr_slot slot = {.whole = value};
    put_unary(emitter, RIACHO_CODE_CONSTANT, to, put_constant(emitter, &slot));
}

/* Reads the value of type `stored` that lies `offset` bytes behind the address in slot `to`. */
static void put_load(riacho_expr_emitter *emitter, const riacho_type *stored, unsigned to,
                     uint32_t offset)
{
    static const uint8_t codes[] = {
        [RIACHO_BOOLEAN] = RIACHO_CODE_BOOLEAN, [RIACHO_INT] = RIACHO_CODE_INT,
        [RIACHO_LONG] = RIACHO_CODE_LONG,       [RIACHO_FLOAT] = RIACHO_CODE_FLOAT,
        [RIACHO_DOUBLE] = RIACHO_CODE_DOUBLE,   [RIACHO_BYTES] = RIACHO_CODE_BYTES,
        [RIACHO_STRING] = RIACHO_CODE_BYTES,    [RIACHO_ENUM] = RIACHO_CODE_INT,
        [RIACHO_FIXED] = RIACHO_CODE_PLACE,     [RIACHO_ARRAY] = RIACHO_CODE_PLACE,
        [RIACHO_MAP] = RIACHO_CODE_PLACE,       [RIACHO_RECORD] = RIACHO_CODE_PLACE,
        [RIACHO_UNION] = RIACHO_CODE_PLACE,
    };
    uint32_t absent = NO_JUMP;
    if (stored->kind == RIACHO_NULL) {
        const riacho_expr_slot null = {.null = true};
        put_unary(emitter, RIACHO_CODE_CONSTANT, to, put_constant(emitter, &null));
        return;
    }
    if (stored->kind == RIACHO_OPTIONAL) {
        stored = stored->item;
        if (stored->kind == RIACHO_STRING || stored->kind == RIACHO_BYTES) {
            put_unary(emitter, RIACHO_CODE_OPTIONAL_BYTES, to, offset);
            return;
        }
        put_unary(emitter, RIACHO_CODE_POINTER, to, offset);
        put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, &absent);
        offset = 0;
    }
    put_unary(emitter, codes[stored->kind], to, offset);
    if (stored->kind == RIACHO_FIXED)
        put_unary(emitter, RIACHO_CODE_FIXED, to, stored->fixed_size);
    land(emitter, absent);
}

/* Leaves an address in slot `to`, and returns how many bytes behind it the node's value lies. Joins
 * `absent` from wherever there turns out to be nothing, with null in the slot. */
static uint32_t put_address(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to,
                            uint32_t *absent)
{
    if (node->form == RIACHO_FORM_NAME) {
        put_unary(emitter, RIACHO_CODE_NAME, to, node->argument);
        if (node->nullable)
            put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, absent);
        return 0;
    }
    const riacho_expr_node *base = node->child;
    uint32_t offset = 0;
    if (base->form == RIACHO_FORM_NAME || base->form == RIACHO_FORM_FIELD ||
        base->form == RIACHO_FORM_INDEX) {
        offset = put_address(emitter, base, to, absent);
        if (base->stored->kind == RIACHO_OPTIONAL) {
            put_unary(emitter, RIACHO_CODE_POINTER, to, offset);
            put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, absent);
            offset = 0;
        }
    } else {
        riacho_expr_emit(emitter, base, to);
        if (base->nullable)
            put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, absent);
    }
    if (node->form == RIACHO_FORM_FIELD)
        return offset + node->argument;
    if (offset)
        put_unary(emitter, RIACHO_CODE_PLACE, to, offset);
    riacho_expr_emit(emitter, base->next, to + 1);
    if (base->next->nullable)
        *absent = riacho_expr_put(emitter, RIACHO_CODE_SKIP_NULL, to, to, to + 1, *absent);
    riacho_expr_put(emitter, node->code, to, to, to + 1,
                    riacho_expr_put_type(emitter, node->argument_type));
    put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, absent);
    return 0;
}

static void emit_path(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    uint32_t absent = NO_JUMP;
    const uint32_t offset = put_address(emitter, node, to, &absent);
    put_load(emitter, node->stored, to, offset);
    land(emitter, absent);
}

static uint32_t argument_of(riacho_expr_emitter *emitter, const riacho_expr_node *node)
{
    return node->argument_type ? riacho_expr_put_type(emitter, node->argument_type)
                               : node->argument;
}

/* One operand. Null gives null, but to the codes that are there for nulls. */
static void emit_unary(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    const riacho_expr_node *operand = node->child;
    uint32_t absent = NO_JUMP;
    riacho_expr_emit(emitter, operand, to);
    emitter->span = node->span;
    if (operand->nullable && node->code != RIACHO_CODE_IS_NULL && node->code != RIACHO_CODE_NONE)
        put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, &absent);
    if (node->code != RIACHO_CODE_NONE)
        put_unary(emitter, node->code, to, argument_of(emitter, node));
    if (node->code == RIACHO_CODE_LOOKUP && !node->nullable)
        put_unary(emitter, RIACHO_CODE_REQUIRE, to, 0);
    if (node->negated)
        put_unary(emitter, RIACHO_CODE_NOT, to, 0);
    land(emitter, absent);
}

/* Two operands, or more of which each is taken together with the result so far. Every one is
 * evaluated, also behind a null. */
static void emit_binary(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    const bool equality = node->form == RIACHO_FORM_BINARY &&
                          node->code >= RIACHO_CODE_EQUAL_LONG &&
                          node->code <= RIACHO_CODE_EQUAL_BYTES;
    const riacho_expr_node *left = node->child;
    bool nullable = left->nullable;
    riacho_expr_emit(emitter, left, to);
    for (const riacho_expr_node *right = left->next; right; right = right->next) {
        uint32_t absent = NO_JUMP;
        riacho_expr_emit(emitter, right, to + 1);
        emitter->span = node->span;
        nullable |= right->nullable;
        if (nullable)
            absent =
                riacho_expr_put(emitter, equality ? RIACHO_CODE_EQUAL_NULLS : RIACHO_CODE_SKIP_NULL,
                                to, to, to + 1, absent);
        riacho_expr_put(emitter, node->code, to, to + node->swapped, to + !node->swapped,
                        argument_of(emitter, node));
        land(emitter, absent);
    }
    if (node->negated) /* what equality answered for nulls, too */
        put_unary(emitter, RIACHO_CODE_NOT, to, 0);
}

/* Null counts as false. */
static void emit_condition(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    riacho_expr_emit(emitter, node, to);
    if (node->nullable)
        put_unary(emitter, RIACHO_CODE_TRUTH, to, 0);
}

static void emit_chain(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    const riacho_expr_code leave = node->word == RIACHO_WORD_AND  ? RIACHO_CODE_JUMP_FALSE
                                   : node->word == RIACHO_WORD_OR ? RIACHO_CODE_JUMP_TRUE
                                                                  : RIACHO_CODE_JUMP_PRESENT;
    uint32_t done = NO_JUMP;
    for (const riacho_expr_node *operand = node->child; operand; operand = operand->next) {
        if (node->word == RIACHO_WORD_COALESCE)
            riacho_expr_emit(emitter, operand, to);
        else
            emit_condition(emitter, operand, to);
        if (operand->next)
            put_jump(emitter, leave, to, &done);
    }
    land(emitter, done);
}

static void emit_choice(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    const riacho_expr_node *yes = node->child->next;
    uint32_t otherwise = NO_JUMP, done = NO_JUMP;
    riacho_expr_emit(emitter, node->child, to);
    put_jump(emitter, RIACHO_CODE_JUMP_FALSE, to, &otherwise);
    riacho_expr_emit(emitter, yes, to);
    put_jump(emitter, RIACHO_CODE_JUMP, to, &done);
    land(emitter, otherwise);
    riacho_expr_emit(emitter, yes->next, to);
    land(emitter, done);
}

static uint32_t put_list(riacho_expr_emitter *emitter, const riacho_expr_node *first,
                         uint32_t count)
{
    const uint32_t at = emitter->list_count;
    riacho_expr_slot *items = riacho_alloc(emitter->arena, count * sizeof *items);
    emitter->lists = room(emitter->arena, emitter->lists, at, sizeof *emitter->lists);
    emitter->lists[at] = (riacho_expr_list){items, count};
    for (; first; first = first->next)
        *items++ = first->value;
    return emitter->list_count++;
}

/* Compares with one item after the other; an item that is null is equal to nothing. */
static void put_items(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    uint32_t found = NO_JUMP, done = NO_JUMP;
    for (const riacho_expr_node *item = node->child->next; item; item = item->next) {
        uint32_t absent = NO_JUMP;
        riacho_expr_emit(emitter, item, to + 1);
        if (item->nullable)
            put_jump(emitter, RIACHO_CODE_JUMP_NULL, to + 1, &absent);
        riacho_expr_put(emitter, node->code, to + 1, to, to + 1, 0);
        put_jump(emitter, RIACHO_CODE_JUMP_TRUE, to + 1, &found);
        land(emitter, absent);
    }
    put_boolean(emitter, false, to);
    put_jump(emitter, RIACHO_CODE_JUMP, to, &done);
    land(emitter, found);
    put_boolean(emitter, true, to);
    land(emitter, done);
}

static void emit_in(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    const riacho_expr_node *wanted = node->child;
    uint32_t absent = NO_JUMP;
    riacho_expr_emit(emitter, wanted, to);
    if (wanted->nullable)
        put_jump(emitter, RIACHO_CODE_JUMP_NULL, to, &absent);
    if (node->code == RIACHO_CODE_IN_LONGS || node->code == RIACHO_CODE_IN_BYTES)
        put_unary(emitter, node->code, to, put_list(emitter, wanted->next, node->child_count - 1));
    else
        put_items(emitter, node, to);
    land(emitter, absent);
}

void riacho_expr_emit(riacho_expr_emitter *emitter, const riacho_expr_node *node, unsigned to)
{
    emitter->span = node->span;
    if (node->constant) {
        put_unary(emitter, RIACHO_CODE_CONSTANT, to, put_constant(emitter, &node->value));
        return;
    }
    switch (node->form) {
    case RIACHO_FORM_NAME:
    case RIACHO_FORM_FIELD:
    case RIACHO_FORM_INDEX:
        emit_path(emitter, node, to);
        break;
    case RIACHO_FORM_CHAIN:
        emit_chain(emitter, node, to);
        break;
    case RIACHO_FORM_CHOICE:
        emit_choice(emitter, node, to);
        break;
    case RIACHO_FORM_IN:
        emit_in(emitter, node, to);
        break;
    default:
        if (node->child_count == 1)
            emit_unary(emitter, node, to);
        else
            emit_binary(emitter, node, to);
    }
}

void riacho_expr_finish(riacho_expr_emitter *emitter, riacho_expr *ret_expr)
{
    riacho_expr_put(emitter, RIACHO_CODE_END, 0, 0, 0, 0);
    *ret_expr = (riacho_expr){
        .code = emitter->code,
        .spans = emitter->spans,
        .constants = emitter->constants,
        .types = emitter->types,
        .lists = emitter->lists,
        .text = emitter->text,
    };
}
