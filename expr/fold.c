/* SPDX-License-Identifier: MIT
 *
 * fold.c - constants. What has only constant operands is run once, by the evaluator itself, so a
 * constant cannot mean anything else than it would at run time; what can only fail is an issue.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "check.h"
#include "emit.h"

static bool is_foldable(const riacho_expr_node *node)
{
    if (!node->child || node->code == RIACHO_CODE_LOOKUP)
        return false;
    for (const riacho_expr_node *child = node->child; child; child = child->next) {
        if (!child->constant)
            return false;
    }
    return true;
}

riacho_status riacho_expr_fold(riacho_expr_checker *checker, riacho_expr_node *node)
{
    riacho_error err;
    riacho_expr program;
    if (!is_foldable(node))
        return RIACHO_OK;
    riacho_expr_emitter emitter = {.text = checker->text, .arena = checker->arena};
    riacho_expr_emit(&emitter, node, 0);
    riacho_expr_finish(&emitter, &program);
    if (riacho_expr_run(&program, NULL, checker->arena, &node->value, &err) != RIACHO_OK)
        return riacho_expr_refuse(checker->issue, node->span, "%.*s", 255, err.text);
    node->form = RIACHO_FORM_LITERAL;
    node->constant = true;
    node->nullable = node->value.null;
    node->child = NULL;
    node->child_count = 0;
    return RIACHO_OK;
}
