/* SPDX-License-Identifier: MIT
 *
 * rules.c - which types go together. A conversion that loses nothing happens by itself; every other
 * one is an issue that says how to ask for it.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "check.h"

const riacho_type *riacho_expr_plain(const riacho_type *type)
{
    return type->kind == RIACHO_OPTIONAL ? type->item : type;
}

bool riacho_expr_is_whole(const riacho_type *type)
{
    return type->kind == RIACHO_INT || type->kind == RIACHO_LONG;
}

bool riacho_expr_is_number(const riacho_type *type)
{
    return riacho_expr_is_whole(type) || type->kind == RIACHO_FLOAT || type->kind == RIACHO_DOUBLE;
}

bool riacho_expr_is_null(const riacho_type *type)
{
    return type->kind == RIACHO_NULL;
}

static bool is_time(const riacho_type *type)
{
    return type->logical == RIACHO_DATE || type->logical == RIACHO_TIMESTAMP_MILLIS ||
           type->logical == RIACHO_TIMESTAMP_MICROS;
}

/* "Interaction" of "riacho.Interaction". */
static const char *short_name(const riacho_type *type)
{
    const char *dot = strrchr(type->name, '.');
    return dot ? dot + 1 : type->name;
}

static const char *logical_word(const riacho_type *type)
{
    static const char *const words[] = {
        [RIACHO_DECIMAL] = "decimal",
        [RIACHO_UUID] = "uuid",
        [RIACHO_DATE] = "date",
        [RIACHO_TIMESTAMP_MILLIS] = "timestamp in milliseconds",
        [RIACHO_TIMESTAMP_MICROS] = "timestamp in microseconds",
    };
    return words[type->logical];
}

void riacho_expr_describe(const riacho_type *type, char out[RIACHO_EXPR_TYPE_TEXT_MAX])
{
    static const char *const words[] = {
        [RIACHO_NULL] = "null",      [RIACHO_BOOLEAN] = "boolean",    [RIACHO_INT] = "int",
        [RIACHO_LONG] = "long",      [RIACHO_FLOAT] = "float",        [RIACHO_DOUBLE] = "double",
        [RIACHO_BYTES] = "bytes",    [RIACHO_STRING] = "string",      [RIACHO_ENUM] = "enum ",
        [RIACHO_FIXED] = "fixed ",   [RIACHO_ARRAY] = "array of ",    [RIACHO_MAP] = "map of ",
        [RIACHO_RECORD] = "record ", [RIACHO_OPTIONAL] = "optional ", [RIACHO_UNION] = "union",
    };
    const riacho_type *last = type;
    size_t size = 0;
    out[0] = '\0';
    for (;; last = last->item) { /* as deep as fits the text */
        const int more = snprintf(out + size, RIACHO_EXPR_TYPE_TEXT_MAX - size, "%s",
                                  last->logical ? logical_word(last) : words[last->kind]);
        size += (size_t)more;
        const bool outer =
            last->kind == RIACHO_ARRAY || last->kind == RIACHO_MAP || last->kind == RIACHO_OPTIONAL;
        if (size >= RIACHO_EXPR_TYPE_TEXT_MAX - 1 || !outer)
            break;
    }
    const bool named = last->kind == RIACHO_ENUM || last->kind == RIACHO_RECORD ||
                       (last->kind == RIACHO_FIXED && !last->logical);
    if (named && size < RIACHO_EXPR_TYPE_TEXT_MAX - 1)
        snprintf(out + size, RIACHO_EXPR_TYPE_TEXT_MAX - size, "%s", short_name(last));
}

int riacho_expr_shown(const riacho_expr_node *node)
{
    enum { SHOWN_BYTES_MAX = 60 };
    return (int)(node->span.length > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : node->span.length);
}

static bool is_constant_number(const riacho_expr_node *node)
{
    return node->constant && !node->value.null && riacho_expr_is_number(node->type);
}

/* A whole number that was written (or computed) as a constant has the smallest type it fits. */
static bool fits_int(const riacho_expr_node *node)
{
    if (node->type->kind == RIACHO_INT)
        return true;
    return is_constant_number(node) && node->type->kind == RIACHO_LONG &&
           node->value.whole >= INT32_MIN && node->value.whole <= INT32_MAX;
}

static bool fits_float(const riacho_expr_node *node)
{
    if (!is_constant_number(node))
        return node->type->kind == RIACHO_FLOAT;
    const int64_t exact = 1 << FLT_MANT_DIG; /* whole numbers up to here have a float */
    if (riacho_expr_is_whole(node->type))
        return node->value.whole >= -exact && node->value.whole <= exact;
    return fabs(node->value.real) <= (double)FLT_MAX;
}

/* Which of two types of one base carries on: the one that says more, when the other is a constant;
 * the plain base when they differ; NULL when they cannot mean the same. */
static const riacho_type *join_logical(const riacho_expr_node *a, const riacho_expr_node *b,
                                       const riacho_type *base)
{
    const riacho_type *left = a->type;
    const riacho_type *right = b->type;
    if (left->logical == right->logical)
        return left->logical ? left : base;
    if (is_time(left) && is_time(right))
        return NULL;
    if (is_constant_number(a) && right->kind == base->kind)
        return right;
    if (is_constant_number(b) && left->kind == base->kind)
        return left;
    return base;
}

static const riacho_type *join_numbers(const riacho_expr_node *a, const riacho_expr_node *b)
{
    const bool whole = riacho_expr_is_whole(a->type) && riacho_expr_is_whole(b->type);
    const bool has_int = a->type->kind == RIACHO_INT || b->type->kind == RIACHO_INT;
    const bool has_float = a->type->kind == RIACHO_FLOAT || b->type->kind == RIACHO_FLOAT;
    if (whole && has_int && fits_int(a) && fits_int(b))
        return join_logical(a, b, &riacho_type_int);
    if (whole)
        return join_logical(a, b, &riacho_type_long);
    if (has_float && fits_float(a) && fits_float(b))
        return &riacho_type_float;
    return &riacho_type_double;
}

const riacho_type *riacho_expr_join(const riacho_expr_node *a, const riacho_expr_node *b)
{
    const riacho_kind left = a->type->kind;
    const riacho_kind right = b->type->kind;
    if (left == RIACHO_NULL || right == RIACHO_NULL)
        return left == RIACHO_NULL ? b->type : a->type;
    if (riacho_expr_is_number(a->type) && riacho_expr_is_number(b->type))
        return join_numbers(a, b);
    if (left == RIACHO_STRING && right == RIACHO_STRING)
        return a->type->logical == b->type->logical ? a->type : &riacho_type_string;
    if (left == RIACHO_ENUM && right == RIACHO_STRING)
        return a->type;
    if (left == RIACHO_STRING && right == RIACHO_ENUM)
        return b->type;
    if (left == right && left == RIACHO_BYTES && a->type->logical != b->type->logical)
        return &riacho_type_bytes;
    return riacho_type_equal(a->type, b->type) ? a->type : NULL;
}

riacho_status riacho_expr_wrap(riacho_expr_checker *checker, riacho_expr_node *node,
                               riacho_expr_code code, const riacho_type *type)
{
    riacho_expr_node *inner = riacho_alloc(checker->arena, sizeof *inner);
    riacho_expr_node *next = node->next;
    *inner = *node;
    inner->next = NULL;
    *node = (riacho_expr_node){
        .form = RIACHO_FORM_CONVERT,
        .depth = inner->depth,
        .child_count = 1,
        .span = inner->span,
        .mark = inner->mark,
        .child = inner,
        .next = next,
        .type = type,
        .nullable = inner->nullable,
        .code = (uint8_t)code,
        .argument_type = code == RIACHO_CODE_ENUM_TO_TEXT ? inner->type : NULL,
    };
    return riacho_expr_fold(checker, node);
}

static const char *conversion_hint(const riacho_type *from, const riacho_type *to)
{
    if (is_time(from) && is_time(to))
        return "; say how, as in long(x) * 1000";
    if (to->kind == RIACHO_STRING && from->kind <= RIACHO_ENUM && from->kind != RIACHO_BYTES)
        return "; convert it with string(...)";
    if (to->kind == RIACHO_INT && (riacho_expr_is_number(from) || from->kind == RIACHO_STRING))
        return "; convert it with int(...)";
    if (to->kind == RIACHO_LONG && (riacho_expr_is_number(from) || from->kind == RIACHO_STRING))
        return "; convert it with long(...)";
    if (to->kind == RIACHO_DOUBLE && from->kind == RIACHO_STRING)
        return "; convert it with double(...)";
    if (to->kind == RIACHO_FLOAT && (riacho_expr_is_number(from) || from->kind == RIACHO_STRING))
        return "; convert it with float(...)";
    if (to->kind == RIACHO_ENUM && from->kind == RIACHO_STRING)
        return "; only a text that is written here can become a symbol";
    if (to->kind == RIACHO_BOOLEAN && riacho_expr_is_number(from))
        return "; compare it, as in x != 0";
    return "";
}

static riacho_status refuse_conversion(const riacho_expr_checker *checker,
                                       const riacho_expr_node *node, const riacho_type *type)
{
    char from[RIACHO_EXPR_TYPE_TEXT_MAX], to[RIACHO_EXPR_TYPE_TEXT_MAX];
    const char *text = (const char *)checker->text.data + node->span.offset;
    riacho_expr_describe(node->type, from);
    riacho_expr_describe(type, to);
    if (is_constant_number(node) && riacho_expr_is_number(type))
        return riacho_expr_refuse(checker->issue, node->span, "'%.*s' does not fit %s %s",
                                  riacho_expr_shown(node), text,
                                  type->kind == RIACHO_INT ? "an" : "a", to);
    return riacho_expr_refuse(checker->issue, node->span,
                              "'%.*s' is of type %s where %s is needed%s", riacho_expr_shown(node),
                              text, from, to, conversion_hint(node->type, type));
}

static riacho_status convert_symbol(riacho_expr_checker *checker, riacho_expr_node *node,
                                    const riacho_type *type)
{
    const riacho_bytes text = node->value.bytes;
    const int32_t symbol = riacho_type_symbol(type, text);
    if (symbol < 0) {
        const char *meant = riacho_suggest(text, type->symbols, type->symbol_count);
        return riacho_expr_refuse(checker->issue, node->span, "%s has no symbol '%.*s'%s%s%s",
                                  short_name(type), (int)(text.size > 60 ? 60 : text.size),
                                  (const char *)text.data, meant ? "; did you mean '" : "",
                                  meant ? meant : "", meant ? "'?" : "");
    }
    node->form = RIACHO_FORM_LITERAL;
    node->child = NULL;
    node->child_count = 0;
    node->value = (riacho_expr_slot){.whole = symbol};
    node->type = type;
    return RIACHO_OK;
}

static bool fits_number(const riacho_expr_node *node, const riacho_type *type)
{
    if (is_time(node->type) && is_time(type) && node->type->logical != type->logical)
        return false;
    switch (type->kind) {
    case RIACHO_INT:
        return fits_int(node);
    case RIACHO_LONG:
        return riacho_expr_is_whole(node->type);
    case RIACHO_FLOAT:
        return fits_float(node);
    default:
        return true;
    }
}

static riacho_status convert_number(riacho_expr_checker *checker, riacho_expr_node *node,
                                    const riacho_type *type)
{
    if (!fits_number(node, type))
        return refuse_conversion(checker, node, type);
    if (riacho_expr_is_whole(node->type) && !riacho_expr_is_whole(type))
        return riacho_expr_wrap(checker, node, RIACHO_CODE_LONG_TO_DOUBLE, type);
    if (type->kind == RIACHO_FLOAT && node->type->kind == RIACHO_DOUBLE)
        return riacho_expr_wrap(checker, node, RIACHO_CODE_DOUBLE_TO_FLOAT, type);
    node->type = type; /* lies in a slot as it did */
    return RIACHO_OK;
}

/* Kinds that are one in a slot: text with text, bytes with bytes, and what is equal. */
static bool is_same(const riacho_type *from, const riacho_type *to)
{
    if (from->kind != to->kind)
        return false;
    if (from->kind == RIACHO_STRING || from->kind == RIACHO_BOOLEAN || from->kind == RIACHO_NULL)
        return true;
    if (from->kind == RIACHO_BYTES)
        return from->logical == RIACHO_PLAIN || to->logical == RIACHO_PLAIN ||
               from->scale == to->scale;
    return riacho_type_equal(from, to);
}

riacho_status riacho_expr_convert(riacho_expr_checker *checker, riacho_expr_node *node,
                                  const riacho_type *type)
{
    type = riacho_expr_plain(type);
    const bool choice = node->form == RIACHO_FORM_CHOICE ||
                        (node->form == RIACHO_FORM_CHAIN && node->word == RIACHO_WORD_COALESCE);
    if (choice && node->type->kind != type->kind && !node->constant) {
        /* Each branch for itself, so that literals can still become what is needed. */
        riacho_expr_node *branch = node->child;
        if (node->form == RIACHO_FORM_CHOICE)
            branch = branch->next;
        for (; branch; branch = branch->next)
            RIACHO_TRY(riacho_expr_convert(checker, branch, type));
        node->type = type;
        return RIACHO_OK;
    }
    if (riacho_expr_is_null(node->type) || is_same(node->type, type)) {
        node->type = type;
        return RIACHO_OK;
    }
    if (riacho_expr_is_number(node->type) && riacho_expr_is_number(type))
        return convert_number(checker, node, type);
    if (type->kind == RIACHO_ENUM && node->type->kind == RIACHO_STRING && node->constant &&
        !node->value.null)
        return convert_symbol(checker, node, type);
    return refuse_conversion(checker, node, type);
}

static riacho_status refuse_pair(const riacho_expr_checker *checker, const riacho_expr_node *owner,
                                 const riacho_expr_node *a, const riacho_expr_node *b)
{
    char left[RIACHO_EXPR_TYPE_TEXT_MAX], right[RIACHO_EXPR_TYPE_TEXT_MAX];
    const char *text = checker->text.data;
    riacho_expr_describe(a->type, left);
    riacho_expr_describe(b->type, right);
    return riacho_expr_refuse(checker->issue, owner->mark,
                              "'%.*s' is of type %s and '%.*s' of type %s: they do not go together",
                              riacho_expr_shown(a), text + a->span.offset, left,
                              riacho_expr_shown(b), text + b->span.offset, right);
}

riacho_status riacho_expr_unite(riacho_expr_checker *checker, riacho_expr_node *owner,
                                riacho_expr_node *first, const riacho_type **ret_type)
{
    riacho_expr_node so_far = *first;
    for (const riacho_expr_node *node = first->next; node; node = node->next) {
        const riacho_type *type = riacho_expr_join(&so_far, node);
        if (!type)
            return refuse_pair(checker, owner, first, node);
        if (!node->constant || !fits_int(node))
            so_far.value = node->value; /* the one that needs the larger type speaks for both */
        so_far.constant = so_far.constant && node->constant;
        so_far.type = type;
    }
    for (riacho_expr_node *node = first; node; node = node->next)
        RIACHO_TRY(riacho_expr_convert(checker, node, so_far.type));
    *ret_type = so_far.type;
    return RIACHO_OK;
}

riacho_status riacho_expr_compare_as(riacho_expr_checker *checker, riacho_expr_node *owner,
                                     riacho_expr_node *a, riacho_expr_node *b,
                                     riacho_expr_class *ret_class)
{
    const bool bytes = (a->type->kind == RIACHO_BYTES || a->type->kind == RIACHO_FIXED) &&
                       (b->type->kind == RIACHO_BYTES || b->type->kind == RIACHO_FIXED);
    const riacho_type *type = bytes ? a->type : riacho_expr_join(a, b);
    if (!type)
        return refuse_pair(checker, owner, a, b);
    if (riacho_expr_is_number(type)) {
        type = riacho_expr_is_whole(type) ? type : &riacho_type_double;
        *ret_class = riacho_expr_is_whole(type) ? RIACHO_CLASS_LONG : RIACHO_CLASS_DOUBLE;
    } else if (type->kind == RIACHO_BOOLEAN || type->kind == RIACHO_ENUM) {
        *ret_class = RIACHO_CLASS_LONG;
    } else if (bytes || type->kind == RIACHO_STRING) {
        *ret_class = RIACHO_CLASS_BYTES;
        return RIACHO_OK;
    } else {
        char word[RIACHO_EXPR_TYPE_TEXT_MAX];
        riacho_expr_describe(type, word);
        return riacho_expr_refuse(checker->issue, owner->mark,
                                  "values of type %s cannot be compared; compare what is in them",
                                  word);
    }
    RIACHO_TRY(riacho_expr_convert(checker, a, type));
    return riacho_expr_convert(checker, b, type);
}
