/* SPDX-License-Identifier: MIT
 *
 * node.h - the tree between parsing and code. Parsing fills the upper half of a node, checking the
 * lower half; nodes live in the arena of the compilation. No tree is deeper than
 * RIACHO_EXPRESSION_DEPTH_MAX, so whoever walks it may recurse.
 */
#pragma once

#include "slot.h"
#include "token.h"

typedef enum riacho_expr_form {
    RIACHO_FORM_LITERAL, /* type and value are set by the parser */
    RIACHO_FORM_NAME,    /* text */
    RIACHO_FORM_FIELD,   /* child.text */
    RIACHO_FORM_INDEX,   /* child[child] */
    RIACHO_FORM_UNARY,   /* word child */
    RIACHO_FORM_BINARY,  /* child word child: arithmetic and comparison */
    RIACHO_FORM_CHAIN,   /* child word child word child ...: && || ?? */
    RIACHO_FORM_CHOICE,  /* child ? child : child */
    RIACHO_FORM_IN,      /* child in [child, ...] */
    RIACHO_FORM_CALL,    /* text(child, ...) */
    RIACHO_FORM_CONVERT, /* made by the checker: child as `type` by `code` */
} riacho_expr_form;

typedef struct riacho_expr_node riacho_expr_node;
struct riacho_expr_node {
    riacho_expr_form form;
    riacho_expr_word word;
    uint32_t depth;
    uint32_t child_count;
    riacho_expr_span span; /* all of it */
    riacho_expr_span mark; /* the operator, the field's or the function's name */
    riacho_bytes text;
    riacho_expr_node *child; /* the first */
    riacho_expr_node *next;  /* the next child of its parent */

    const riacho_type *type;   /* of a value that is not null: never an optional */
    const riacho_type *stored; /* NAME, FIELD, INDEX: as it lies in memory, maybe an optional */
    bool nullable;
    bool constant; /* `value` is what it always gives */
    riacho_expr_slot value;
    uint8_t code;      /* a riacho_expr_code: what computes it from its children */
    bool swapped;      /* BINARY: with the operands the other way round, for > and >= */
    bool negated;      /* BINARY: not that, for != */
    uint32_t argument; /* of `code`; a NAME's index in the scope, a FIELD's offset */
    const riacho_type *argument_type;
};

/* The end of the list of children is appended to in O(children); they are few. */
static inline void riacho_expr_adopt(riacho_expr_node *parent, riacho_expr_node *child)
{
    riacho_expr_node **end = &parent->child;
    while (*end)
        end = &(*end)->next;
    *end = child;
    child->next = NULL;
    parent->child_count++;
    if (parent->depth <= child->depth)
        parent->depth = child->depth + 1;
}
