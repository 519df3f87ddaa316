/* SPDX-License-Identifier: MIT
 *
 * filter.c - filter and branch: records go on or not, unchanged.
 *
 * On a table a change that does not match must delete what an earlier match left below, so it goes
 * down as a tombstone. A tombstone itself goes down without being asked about.
 */
#include "call.h"
#include "chain.h"
#include "scope.h"

static riacho_status filter_init(riacho_operator *self, riacho_error *err)
{
    return self->node->expr ? RIACHO_OK : riacho_call_check(self, RIACHO_FUNCTION_FILTER, err);
}

static riacho_status matches(riacho_operator *self, const riacho_record *record, bool *ret_match)
{
    const riacho_node *node = self->node;
    if (node->expr) {
        riacho_scope scope;
        riacho_scope_init(&scope, record);
        return riacho_scope_test(&scope, self, node->expr, ret_match);
    }
    riacho_ctx *ctx = riacho_call_begin(self, record);
    return riacho_call_end(self, node->function->test(ctx, record, ret_match));
}

static riacho_status filter(riacho_operator *self, const riacho_flow *flow)
{
    bool match = false;
    if (!self->node->table) {
        RIACHO_TRY(matches(self, &flow->record, &match));
        return match ? riacho_push_all(self, flow) : RIACHO_OK;
    }
    if (flow->record.value)
        RIACHO_TRY(matches(self, &flow->record, &match));
    riacho_flow change = {.record = flow->record};
    if (!match)
        change.record.value = NULL;
    return riacho_push_all(self, &change);
}

const riacho_operator_ops riacho_filter_ops = {
    .name = "filter",
    .size = sizeof(riacho_operator),
    .init = filter_init,
    .process = filter,
};

/* The first condition that holds wins; where none does the record ends here. */
static riacho_status branch(riacho_operator *self, const riacho_flow *flow)
{
    riacho_scope scope;
    riacho_scope_init(&scope, &flow->record);
    for (size_t i = 0; i < self->child_count; i++) {
        const riacho_child *child = &self->children[i];
        bool holds = !child->when;
        if (child->when)
            RIACHO_TRY(riacho_scope_test(&scope, self, child->when, &holds));
        if (!holds)
            continue;
        riacho_count(&self->counts.out);
        return riacho_push(child->target, flow);
    }
    return RIACHO_OK;
}

const riacho_operator_ops riacho_branch_ops = {
    .name = "branch",
    .size = sizeof(riacho_operator),
    .process = branch,
};
