/* SPDX-License-Identifier: MIT
 *
 * reference_eval.c - see reference.h: what trees give, and which must not compile.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "reference.h"

static bool is(const reference_node *node, const char *form)
{
    return strcmp(node->form, form) == 0;
}

static reference_value whole(int64_t number)
{
    return (reference_value){.whole = number};
}

static double real_of(const reference_node *node, const reference_value *value)
{
    return node->kind == REFERENCE_LONG ? (double)value->whole : value->real;
}

static bool eval_field(const reference_node *node, const expr_fixture *fixture,
                       reference_value *ret)
{
    const int name = node->field[0] == 'v' ? NAME_VALUE : NAME_BEFORE;
    const char *record = fixture->values[name];
    const riacho_field *field =
        riacho_type_field(fixture->thing, riacho_text(strchr(node->field, '.') + 1));
    const riacho_type *type = field->type;
    *ret = (reference_value){.null = true};
    if (!record)
        return true;
    const void *place = record + field->offset;
    if (type->kind == RIACHO_OPTIONAL) {
        type = type->item;
        const void *const *pointer = place; /* of a text: its data */
        if (!*pointer)
            return true;
        place = type->kind == RIACHO_STRING ? place : *pointer;
    }
    ret->null = false;
    if (type->kind == RIACHO_STRING)
        ret->text = *(const riacho_bytes *)place;
    else if (type->kind == RIACHO_DOUBLE)
        ret->real = *(const double *)place;
    else if (type->kind == RIACHO_BOOLEAN)
        ret->whole = *(const bool *)place;
    else
        ret->whole = type->kind == RIACHO_INT ? *(const int32_t *)place : *(const int64_t *)place;
    return true;
}

static bool arithmetic(const reference_node *node, const reference_value *in, reference_value *ret)
{
    const char op = node->form[0];
    if (node->kind == REFERENCE_REAL) {
        const double a = real_of(node->children[0], &in[0]), b = real_of(node->children[1], &in[1]);
        if (op == '/' && b == 0)
            return false;
        ret->real = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
        return true;
    }
    const __int128 a = in[0].whole, b = in[1].whole; /* wide enough for every result */
    if ((op == '/' || op == '%') && b == 0)
        return false;
    const __int128 result = op == '+'   ? a + b
                            : op == '-' ? a - b
                            : op == '*' ? a * b
                            : op == '/' ? a / b
                                        : a % b;
    ret->whole = (int64_t)result;
    return result >= INT64_MIN && result <= INT64_MAX;
}

/* -1, 0, 1. */
static int order(const reference_node *node, int i, int k, const reference_value *in)
{
    const reference_node *a = node->children[i], *b = node->children[k];
    if (a->kind == REFERENCE_TEXT)
        return riacho_bytes_compare(in[i].text, in[k].text);
    if (a->kind == REFERENCE_LONG && b->kind == REFERENCE_LONG)
        return (in[i].whole > in[k].whole) - (in[i].whole < in[k].whole);
    const double x = real_of(a, &in[i]), y = real_of(b, &in[k]);
    return (x > y) - (x < y);
}

static bool compare(const reference_node *node, const reference_value *in)
{
    const int sign = order(node, 0, 1, in);
    if (is(node, "=="))
        return sign == 0;
    if (is(node, "!="))
        return sign != 0;
    if (is(node, "<"))
        return sign < 0;
    if (is(node, "<="))
        return sign <= 0;
    return is(node, ">") ? sign > 0 : sign >= 0;
}

static reference_value extreme(const reference_node *node, const reference_value *in)
{
    int best = 0;
    for (int i = 1; i < node->count; i++) {
        const int sign = order(node, i, best, in);
        if (is(node, "min") ? sign < 0 : sign > 0)
            best = i;
    }
    reference_value value = in[best];
    if (node->kind == REFERENCE_REAL)
        value.real = real_of(node->children[best], &in[best]);
    return value;
}

static riacho_bytes change_case(riacho_bytes text, char from, char to, riacho_arena *arena)
{
    char *copy = (char *)riacho_copy(arena, text).data;
    for (size_t i = 0; i < text.size; i++) {
        if (copy[i] >= from && copy[i] <= from + 25)
            copy[i] = (char)(copy[i] - from + to);
    }
    return (riacho_bytes){copy, text.size};
}

static riacho_bytes trim(riacho_bytes text)
{
    const char *at = text.data;
    while (text.size && strchr(" \t", at[text.size - 1]))
        text.size--;
    while (text.size && strchr(" \t", *at))
        at++, text.size--;
    return (riacho_bytes){at, text.size};
}

static bool call_text(const reference_node *node, const reference_value *in, riacho_arena *arena,
                      reference_value *ret)
{
    const riacho_bytes a = in[0].text;
    if (is(node, "+"))
        ret->text = riacho_text(riacho_format(arena, "%.*s%.*s", (int)a.size, (char *)a.data,
                                              (int)in[1].text.size, (char *)in[1].text.data));
    else if (is(node, "lower"))
        ret->text = change_case(a, 'A', 'a', arena);
    else if (is(node, "upper"))
        ret->text = change_case(a, 'a', 'A', arena);
    else if (is(node, "trim"))
        ret->text = trim(a);
    else if (node->children[0]->kind == REFERENCE_LONG)
        ret->text = riacho_text(riacho_format(arena, "%" PRId64, in[0].whole));
    else if (node->children[0]->kind == REFERENCE_BOOLEAN)
        ret->text = riacho_text(in[0].whole ? "true" : "false");
    else
        ret->text = a;
    return true;
}

static bool call_number(const reference_node *node, const reference_value *in, reference_value *ret)
{
    const bool long_kind = node->kind == REFERENCE_LONG;
    const bool negative = long_kind ? in[0].whole < 0 : in[0].real < 0;
    if (is(node, "neg") || (is(node, "abs") && negative)) {
        ret->whole = in[0].whole == INT64_MIN ? 0 : -in[0].whole;
        ret->real = -in[0].real;
        return !long_kind || in[0].whole != INT64_MIN;
    }
    if (is(node, "abs")) {
        *ret = in[0];
    } else if (is(node, "size")) {
        ret->whole = 0;
        for (size_t i = 0; i < in[0].text.size; i++)
            ret->whole += (((const uint8_t *)in[0].text.data)[i] & 0xc0) != 0x80;
    } else if (is(node, "long")) {
        if (!(in[0].real > -9.3e18 && in[0].real < 9223372036854775808.0) ||
            in[0].real < -9223372036854775808.0)
            return false;
        ret->whole = (int64_t)in[0].real;
    } else if (is(node, "hash")) {
        const int64_t number = in[0].whole; /* the test machine is little-endian */
        ret->whole = (int64_t)(XXH64(&number, sizeof number, 0) & INT64_MAX);
    } else {
        ret->real = (double)in[0].whole; /* double */
    }
    return true;
}

static bool call_boolean(const reference_node *node, const reference_value *in,
                         reference_value *ret)
{
    const riacho_bytes a = in[0].text, b = in[1].text;
    const char *start = a.data;
    if (is(node, "!"))
        *ret = whole(!in[0].whole);
    else if (is(node, "contains"))
        *ret = whole(memmem(a.data, a.size, b.data, b.size) != NULL);
    else if (is(node, "startsWith"))
        *ret = whole(a.size >= b.size && memcmp(start, b.data, b.size) == 0);
    else if (is(node, "endsWith"))
        *ret = whole(a.size >= b.size && memcmp(start + a.size - b.size, b.data, b.size) == 0);
    else
        *ret = whole(compare(node, in));
    return true;
}

/* Forms that do not evaluate all their operands, or that look at nulls; ret_done tells whether the
 * node is one. */
static bool eval_lazily(const reference_node *node, const expr_fixture *fixture,
                        reference_value *ret, bool *ret_done)
{
    const bool all = is(node, "&&"), any = is(node, "||");
    *ret_done = true;
    if (is(node, "?:")) {
        if (!reference_eval(node->children[0], fixture, ret))
            return false;
        return reference_eval(node->children[!ret->null && ret->whole ? 1 : 2], fixture, ret);
    }
    for (int i = 0; i < node->count && (all || any || is(node, "??")); i++) {
        if (!reference_eval(node->children[i], fixture, ret))
            return false;
        if (all || any)
            *ret = whole(!ret->null && ret->whole);
        const bool leave = all ? !ret->whole : any ? ret->whole : !ret->null;
        if (leave || i == node->count - 1)
            return true;
    }
    if (is(node, "in")) {
        reference_value in[2];
        if (!reference_eval(node->children[0], fixture, &in[0]))
            return false;
        *ret = in[0].null ? in[0] : whole(false);
        for (int i = 1; i < node->count && !ret->null && !ret->whole; i++) {
            const reference_node pair = {.children = {node->children[0], node->children[i]}};
            if (!reference_eval(node->children[i], fixture, &in[1]))
                return false;
            *ret = whole(!in[1].null && order(&pair, 0, 1, in) == 0);
        }
        return true;
    }
    *ret_done = false;
    return true;
}

bool reference_eval(const reference_node *node, const expr_fixture *fixture, reference_value *ret)
{
    reference_value in[4] = {{0}};
    bool null = false, done;
    if (is(node, "literal"))
        return *ret = node->value, true;
    if (node->field)
        return eval_field(node, fixture, ret);
    const bool well = eval_lazily(node, fixture, ret, &done);
    if (done)
        return well;
    for (int i = 0; i < node->count; i++) {
        if (!reference_eval(node->children[i], fixture, &in[i]))
            return false;
        null |= in[i].null;
    }
    *ret = (reference_value){.null = null};
    if (null && (is(node, "==") || is(node, "!="))) {
        *ret = whole((in[0].null && in[1].null) == is(node, "=="));
        return true;
    }
    if (null)
        return true;
    if (is(node, "min") || is(node, "max"))
        return *ret = extreme(node, in), true;
    if (node->kind == REFERENCE_TEXT)
        return call_text(node, in, fixture->arena, ret);
    if (node->kind == REFERENCE_BOOLEAN)
        return call_boolean(node, in, ret);
    if (strchr("+-*/%", node->form[0]))
        return arithmetic(node, in, ret);
    return call_number(node, in, ret);
}

static bool is_constant(const reference_node *node)
{
    if (node->field)
        return false;
    for (int i = 0; i < node->count; i++) {
        if (!is_constant(node->children[i]))
            return false;
    }
    return true;
}

bool reference_must_fail(const reference_node *node, riacho_arena *arena)
{
    const expr_fixture nothing = {.arena = arena};
    reference_value value;
    for (int i = 0; i < node->count; i++) {
        if (reference_must_fail(node->children[i], arena))
            return true;
    }
    if ((is(node, "/") || is(node, "%")) && is_constant(node->children[1]) &&
        reference_eval(node->children[1], &nothing, &value) && !value.null &&
        real_of(node->children[1], &value) == 0)
        return true;
    return node->count && is_constant(node) && !reference_eval(node, &nothing, &value);
}
