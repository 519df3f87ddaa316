/* SPDX-License-Identifier: MIT
 *
 * check.c - operators. Children first, so a node knows what it works on; the depth of the recursion
 * is the depth of the tree, which the parser has limited.
 */
#include "check.h"

#include "base/macros.h"

static riacho_status refuse_operand(const riacho_expr_checker *checker,
                                    const riacho_expr_node *owner, const riacho_expr_node *operand,
                                    const char *needed)
{
    char word[RIACHO_EXPR_TYPE_TEXT_MAX];
    const char *text = checker->text.data;
    riacho_expr_describe(operand->type, word);
    return riacho_expr_refuse(checker->issue, operand->span,
                              "'%.*s' is of type %s; '%.*s' needs %s", riacho_expr_shown(operand),
                              text + operand->span.offset, word, (int)owner->mark.length,
                              text + owner->mark.offset, needed);
}

static riacho_status check_unary(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *operand = node->child;
    node->nullable = operand->nullable;
    if (node->word == RIACHO_WORD_NOT) {
        if (operand->type->kind != RIACHO_BOOLEAN)
            return refuse_operand(checker, node, operand, "a boolean");
        node->code = RIACHO_CODE_NOT;
        node->type = &riacho_type_boolean;
        return RIACHO_OK;
    }
    if (!riacho_expr_is_number(operand->type))
        return refuse_operand(checker, node, operand, "a number");
    const bool whole = riacho_expr_is_whole(operand->type);
    node->type = whole ? &riacho_type_long : &riacho_type_double;
    node->code = whole ? RIACHO_CODE_NEGATE_LONG : RIACHO_CODE_NEGATE_DOUBLE;
    return RIACHO_OK;
}

static bool is_zero(const riacho_expr_node *node)
{
    if (!node->constant || node->value.null)
        return false;
    return riacho_expr_is_whole(node->type) ? !node->value.whole : node->value.real == 0;
}

/* The operand that is not a number, NULL when both are. */
static const riacho_expr_node *not_number(const riacho_expr_node *a, const riacho_expr_node *b)
{
    return !riacho_expr_is_number(a->type) ? a : !riacho_expr_is_number(b->type) ? b : NULL;
}

static riacho_status check_concat(riacho_expr_checker *checker, riacho_expr_node *node)
{
    const riacho_expr_node *a = node->child;
    const riacho_expr_node *other = a->type->kind == RIACHO_STRING ? a->next : a;
    if (other->type->kind != RIACHO_STRING)
        return refuse_operand(checker, node, other,
                              "a string beside a string: convert it with string(...)");
    node->code = RIACHO_CODE_CONCAT;
    node->type = &riacho_type_string;
    return RIACHO_OK;
}

/* + - * / % */
static riacho_status check_arithmetic(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *a = node->child;
    riacho_expr_node *b = a->next;
    const bool whole = riacho_expr_is_whole(a->type) && riacho_expr_is_whole(b->type);
    const bool divides = node->word == RIACHO_WORD_DIVIDE || node->word == RIACHO_WORD_REMAINDER;
    const riacho_type *type = whole ? &riacho_type_long : &riacho_type_double;
    node->nullable = a->nullable || b->nullable;
    if (node->word == RIACHO_WORD_PLUS &&
        (a->type->kind == RIACHO_STRING || b->type->kind == RIACHO_STRING))
        return check_concat(checker, node);
    if (not_number(a, b))
        return refuse_operand(checker, node, not_number(a, b), "a number");
    if (node->word == RIACHO_WORD_REMAINDER && !whole)
        return refuse_operand(checker, node, riacho_expr_is_whole(a->type) ? b : a,
                              "whole numbers");
    if (divides && is_zero(b))
        return riacho_expr_refuse(checker->issue, b->span, "'%.*s': division by zero",
                                  riacho_expr_shown(node),
                                  (const char *)checker->text.data + node->span.offset);
    static const uint8_t codes[][2] = {
        [RIACHO_WORD_PLUS] = {RIACHO_CODE_ADD_LONG, RIACHO_CODE_ADD_DOUBLE},
        [RIACHO_WORD_MINUS] = {RIACHO_CODE_SUBTRACT_LONG, RIACHO_CODE_SUBTRACT_DOUBLE},
        [RIACHO_WORD_TIMES] = {RIACHO_CODE_MULTIPLY_LONG, RIACHO_CODE_MULTIPLY_DOUBLE},
        [RIACHO_WORD_DIVIDE] = {RIACHO_CODE_DIVIDE_LONG, RIACHO_CODE_DIVIDE_DOUBLE},
        [RIACHO_WORD_REMAINDER] = {RIACHO_CODE_REMAINDER_LONG, RIACHO_CODE_NONE},
    };
    node->code = codes[node->word][!whole];
    node->type = type;
    if (whole)
        return RIACHO_OK; /* int and long lie alike */
    RIACHO_TRY(riacho_expr_convert(checker, a, type));
    return riacho_expr_convert(checker, b, type);
}

/* == and != where one side is written as null: any type will do, and the answer is never null. */
static riacho_status check_null(const riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *a = node->child;
    for (const riacho_expr_node *operand = a; operand; operand = operand->next) {
        if (operand->type->kind == RIACHO_UNION) /* null may be one of its branches */
            return refuse_operand(checker, node, operand, "a value that is no union");
    }
    if (riacho_expr_is_null(a->type)) { /* keep the one that can be something */
        node->child = a->next;
        a->next->next = NULL;
    }
    node->child->next = NULL;
    node->child_count = 1;
    node->form = RIACHO_FORM_UNARY;
    node->code = RIACHO_CODE_IS_NULL;
    return RIACHO_OK;
}

static riacho_status check_order(const riacho_expr_checker *checker, const riacho_expr_node *node)
{
    for (const riacho_expr_node *operand = node->child; operand; operand = operand->next) {
        const riacho_type *type = operand->type;
        const bool bytes = type->kind == RIACHO_BYTES || type->kind == RIACHO_FIXED;
        const bool ordered = riacho_expr_is_number(type) || type->kind == RIACHO_STRING ||
                             (bytes && type->logical != RIACHO_DECIMAL);
        if (!ordered)
            return refuse_operand(checker, node, operand, "numbers, strings or bytes");
    }
    return RIACHO_OK;
}

/* == != < <= > >= */
static riacho_status check_comparison(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *a = node->child;
    riacho_expr_node *b = a->next;
    const riacho_expr_word word = node->word;
    const bool equality = word == RIACHO_WORD_EQUAL || word == RIACHO_WORD_NOT_EQUAL;
    riacho_expr_class class;
    node->type = &riacho_type_boolean;
    node->negated = word == RIACHO_WORD_NOT_EQUAL;
    if (equality && (riacho_expr_is_null(a->type) || riacho_expr_is_null(b->type)))
        return check_null(checker, node);
    if (!equality)
        RIACHO_TRY(check_order(checker, node));
    node->nullable = !equality && (a->nullable || b->nullable);
    RIACHO_TRY(riacho_expr_compare_as(checker, node, a, b, &class));
    node->swapped = word == RIACHO_WORD_GREATER || word == RIACHO_WORD_GREATER_EQUAL;
    const bool strict = word == RIACHO_WORD_LESS || word == RIACHO_WORD_GREATER;
    const riacho_expr_code group = equality ? RIACHO_CODE_EQUAL_LONG
                                   : strict ? RIACHO_CODE_LESS_LONG
                                            : RIACHO_CODE_LESS_EQUAL_LONG;
    node->code = (uint8_t)((unsigned)group + (unsigned)class);
    return RIACHO_OK;
}

static riacho_status check_binary(riacho_expr_checker *checker, riacho_expr_node *node)
{
    switch (node->word) {
    case RIACHO_WORD_PLUS:
    case RIACHO_WORD_MINUS:
    case RIACHO_WORD_TIMES:
    case RIACHO_WORD_DIVIDE:
    case RIACHO_WORD_REMAINDER:
        return check_arithmetic(checker, node);
    default:
        return check_comparison(checker, node);
    }
}

static riacho_status check_condition(const riacho_expr_checker *checker,
                                     const riacho_expr_node *owner, const riacho_expr_node *operand)
{
    if (operand->type->kind == RIACHO_BOOLEAN)
        return RIACHO_OK;
    return refuse_operand(checker, owner, operand, "a boolean");
}

static riacho_status check_chain(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *operand = node->child;
    if (node->word == RIACHO_WORD_COALESCE) {
        node->nullable = true;
        for (; operand; operand = operand->next)
            node->nullable = node->nullable && operand->nullable;
        return riacho_expr_unite(checker, node, node->child, &node->type);
    }
    node->type = &riacho_type_boolean;
    for (; operand; operand = operand->next)
        RIACHO_TRY(check_condition(checker, node, operand));
    return RIACHO_OK;
}

static riacho_status check_choice(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *yes = node->child->next;
    RIACHO_TRY(check_condition(checker, node, node->child));
    node->nullable = yes->nullable || yes->next->nullable;
    return riacho_expr_unite(checker, node, yes, &node->type);
}

/* Compared as double when any of them is. */
static riacho_status check_in(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *wanted = node->child;
    riacho_expr_class class = RIACHO_CLASS_LONG;
    bool constant = true;
    node->type = &riacho_type_boolean;
    node->nullable = wanted->nullable;
    if (riacho_expr_is_null(wanted->type))
        return refuse_operand(checker, node, wanted, "a value before it");
    if (!wanted->next)
        return riacho_expr_refuse(checker->issue, node->span,
                                  "the list is empty, so nothing can be in it");
    for (riacho_expr_node *item = wanted->next; item; item = item->next) {
        if (riacho_expr_is_null(item->type))
            return riacho_expr_refuse(checker->issue, item->span,
                                      "null is in no list: compare with == null");
        RIACHO_TRY(riacho_expr_compare_as(checker, node, wanted, item, &class));
        constant = constant && item->constant && !item->value.null;
    }
    if (class == RIACHO_CLASS_DOUBLE) {
        for (riacho_expr_node *item = wanted; item; item = item->next)
            RIACHO_TRY(riacho_expr_convert(checker, item, &riacho_type_double));
    }
    const bool listed = constant && class != RIACHO_CLASS_DOUBLE;
    node->code = (uint8_t)(!listed ? (unsigned)RIACHO_CODE_EQUAL_LONG + (unsigned)class
                           : class == RIACHO_CLASS_BYTES ? RIACHO_CODE_IN_BYTES
                                                         : RIACHO_CODE_IN_LONGS);
    return RIACHO_OK;
}

static riacho_status check_operation(riacho_expr_checker *checker, riacho_expr_node *node)
{
    switch (node->form) {
    case RIACHO_FORM_NAME:
        return riacho_expr_check_name(checker, node);
    case RIACHO_FORM_FIELD:
        return riacho_expr_check_field(checker, node);
    case RIACHO_FORM_INDEX:
        return riacho_expr_check_index(checker, node);
    case RIACHO_FORM_UNARY:
        return check_unary(checker, node);
    case RIACHO_FORM_BINARY:
        return check_binary(checker, node);
    case RIACHO_FORM_CHAIN:
        return check_chain(checker, node);
    case RIACHO_FORM_CHOICE:
        return check_choice(checker, node);
    case RIACHO_FORM_IN:
        return check_in(checker, node);
    case RIACHO_FORM_CALL:
        return riacho_expr_check_call(checker, node);
    case RIACHO_FORM_LITERAL:
    case RIACHO_FORM_CONVERT:
        break;
    }
    return RIACHO_OK;
}

static riacho_status check_lookup_key(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_expr_node *key = node->child;
    RIACHO_TRY(riacho_expr_check(checker, key));
    if (key->type->kind == RIACHO_STRING)
        return RIACHO_OK;
    char word[RIACHO_EXPR_TYPE_TEXT_MAX];
    riacho_expr_describe(key->type, word);
    return riacho_expr_refuse(checker->issue, key->span,
                              "'%.*s' is of type %s where a string, the entry's name, is needed",
                              riacho_expr_shown(key),
                              (const char *)checker->text.data + key->span.offset, word);
}

riacho_status riacho_expr_check(riacho_expr_checker *checker, riacho_expr_node *node)
{
    const bool path = node->form == RIACHO_FORM_FIELD || node->form == RIACHO_FORM_INDEX;
    if (path && riacho_expr_check_lookup(checker, node))
        return check_lookup_key(checker, node);
    for (riacho_expr_node *child = node->child; child; child = child->next)
        RIACHO_TRY(riacho_expr_check(checker, child));
    RIACHO_TRY(check_operation(checker, node));
    return riacho_expr_fold(checker, node);
}
