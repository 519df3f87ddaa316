/* SPDX-License-Identifier: MIT
 *
 * scope.c - evaluating a step's expressions.
 */
#include "scope.h"

#include "chain.h"

riacho_bytes riacho_scope_header(const riacho_expr_lookup *lookup, riacho_bytes name)
{
    const riacho_scope *scope =
        (const riacho_scope *)((const char *)lookup - offsetof(riacho_scope, headers));
    const riacho_headers *headers = &scope->record->headers;
    for (size_t i = headers->count; i > 0; i--) {
        if (riacho_bytes_equal(headers->items[i - 1].name, name))
            return headers->items[i - 1].value;
    }
    return (riacho_bytes){0};
}

void riacho_result_init(riacho_result *result, riacho_operator *self, const riacho_data *data)
{
    result->size = data->codec->type->size;
    result->memory = riacho_alloc_zero(self->chain->lasting, 1, result->size);
}

riacho_status riacho_result_init_expr(riacho_result *result, riacho_operator *self,
                                      const riacho_data *data, const riacho_expr *expr,
                                      riacho_error *err)
{
    const riacho_type *made = riacho_expr_type(expr);
    if (made->kind != RIACHO_NULL && !riacho_type_equal(made, data->codec->type))
        return riacho_fail(err, RIACHO_REJECT, "an expression of type %s where %s is declared",
                           made->name, data->word);
    riacho_result_init(result, self, data);
    return RIACHO_OK;
}

riacho_status riacho_scope_eval(const riacho_scope *scope, riacho_operator *self,
                                const riacho_expr *expr, const riacho_result *result,
                                const void **ret_value)
{
    riacho_chain *chain = self->chain;
    bool null = false;
    RIACHO_TRY(
        riacho_expr_eval(expr, scope->values, chain->batch, result->memory, &null, chain->error));
    *ret_value = null ? NULL : result->memory;
    return RIACHO_OK;
}

riacho_status riacho_scope_test(const riacho_scope *scope, riacho_operator *self,
                                const riacho_expr *expr, bool *ret_true)
{
    riacho_chain *chain = self->chain;
    return riacho_expr_test(expr, scope->values, chain->batch, ret_true, chain->error);
}
