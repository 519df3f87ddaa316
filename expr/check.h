/* SPDX-License-Identifier: MIT
 *
 * check.h - gives every node of a tree its type and the code that computes it, and replaces what is
 * constant by its value.
 *
 *   check.c      operators, bottom up
 *   paths.c      names, fields, [..]
 *   functions.c  the table of functions
 *   rules.c      which types go together, and what becomes what without loss
 *   fold.c       constants
 *
 * Threads: a checker belongs to the call that compiles.
 */
#pragma once

#include "node.h"
#include "program.h"

typedef struct riacho_expr_checker {
    riacho_bytes text;
    const riacho_expr_scope *scope;
    riacho_arena *arena;
    riacho_expr_issue *issue; /* may be NULL */
    bool *uses;               /* scope->count of them */
} riacho_expr_checker;

/* Checks the whole tree. */
RIACHO_CHECKED riacho_status riacho_expr_check(riacho_expr_checker *checker,
                                               riacho_expr_node *node);

/* Parts of the above, for each other. Children have been checked. */
RIACHO_CHECKED riacho_status riacho_expr_check_name(riacho_expr_checker *checker,
                                                    riacho_expr_node *node);
RIACHO_CHECKED riacho_status riacho_expr_check_field(riacho_expr_checker *checker,
                                                     riacho_expr_node *node);
RIACHO_CHECKED riacho_status riacho_expr_check_index(riacho_expr_checker *checker,
                                                     riacho_expr_node *node);
RIACHO_CHECKED riacho_status riacho_expr_check_call(riacho_expr_checker *checker,
                                                    riacho_expr_node *node);
/* Whether the node reads a LOOKUP name; the node is then complete but for the check of its one
 * child, the entry's name. */
bool riacho_expr_check_lookup(riacho_expr_checker *checker, riacho_expr_node *node);
/* Whether there is a function of this name. */
bool riacho_expr_is_function(riacho_bytes name);

/* Runs what has only constant operands, and makes it a literal; a failure is an issue. */
RIACHO_CHECKED riacho_status riacho_expr_fold(riacho_expr_checker *checker, riacho_expr_node *node);

/* Rules. */
enum { RIACHO_EXPR_TYPE_TEXT_MAX = 96 };

/* "int", "enum Action", "array of string". */
void riacho_expr_describe(const riacho_type *type, char out[RIACHO_EXPR_TYPE_TEXT_MAX]);
/* A type without its optional. */
const riacho_type *riacho_expr_plain(const riacho_type *type);
bool riacho_expr_is_whole(const riacho_type *type);  /* int or long */
bool riacho_expr_is_number(const riacho_type *type); /* and float or double */
bool riacho_expr_is_null(const riacho_type *type);

/* The type both values can have without loss, NULL when there is none. */
const riacho_type *riacho_expr_join(const riacho_expr_node *a, const riacho_expr_node *b);
/* The same for `count` nodes from `first` on, which are then converted to it. */
RIACHO_CHECKED riacho_status riacho_expr_unite(riacho_expr_checker *checker,
                                               riacho_expr_node *owner, riacho_expr_node *first,
                                               const riacho_type **ret_type);
/* Makes the node give a `type` (its optional apart: nulls stay null), or says why it cannot. */
RIACHO_CHECKED riacho_status riacho_expr_convert(riacho_expr_checker *checker,
                                                 riacho_expr_node *node, const riacho_type *type);
/* Makes the node a CONVERT of what it was, or its value when it is constant. */
RIACHO_CHECKED riacho_status riacho_expr_wrap(riacho_expr_checker *checker, riacho_expr_node *node,
                                              riacho_expr_code code, const riacho_type *type);
/* How two nodes are compared; converts them to that. */
RIACHO_CHECKED riacho_status riacho_expr_compare_as(riacho_expr_checker *checker,
                                                    riacho_expr_node *owner, riacho_expr_node *a,
                                                    riacho_expr_node *b,
                                                    riacho_expr_class *ret_class);
/* How many bytes of the node's text a message shows. */
int riacho_expr_shown(const riacho_expr_node *node);
