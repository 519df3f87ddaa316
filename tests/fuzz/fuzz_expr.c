/* SPDX-License-Identifier: MIT
 *
 * fuzz_expr.c - any text either has an issue whose range lies in it, or is an expression that can
 * be evaluated and whose normal form is the same expression. The first byte chooses what type is
 * expected.
 *
 *   fuzz_expr -max_len=300 -dict=expr.dict CORPUS
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "tests/expr/fixture.h"

static expr_fixture *fixture;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    void *state;
    (void)argc, (void)argv;
    fixture_open(&state);
    fixture = state;
    fixture_set(fixture,
                "{\"small\": 5, \"text\": \"água\", \"texts\": [\"a\"], \"smalls\": [1, 2],"
                " \"counts\": {\"k\": 9}, \"maybeInner\": {\"x\": 1}, \"maybes\": [null, 1.5]}",
                NULL);
    return 0;
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void print(const riacho_expr *expr, riacho_buffer *out)
{
    riacho_buffer_reset(out);
    riacho_expr_print(expr, out);
}

/* The normal form of an expression says the same; it may only be too long. */
static void check_normal_form(const riacho_expr *expr, const riacho_type *expected,
                              riacho_arena *arena)
{
    RIACHO_AUTO(buffer) riacho_buffer first = {0};
    RIACHO_AUTO(buffer) riacho_buffer second = {0};
    const riacho_expr *again;
    print(expr, &first);
    if (first.size > RIACHO_EXPRESSION_BYTES_MAX)
        return;
    check(riacho_expr_compile(riacho_buffer_bytes(&first), &fixture->scope, expected, arena, &again,
                              NULL) == RIACHO_OK);
    print(again, &second);
    check(riacho_bytes_equal(riacho_buffer_bytes(&first), riacho_buffer_bytes(&second)));
    check(riacho_expr_nullable(expr) == riacho_expr_nullable(again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const expected[] = {NULL, "string", "int", "double", ".action", ".maybeBig"};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_expr *expr;
    riacho_expr_issue issue = {0};
    riacho_error err;
    bool null;
    if (!size)
        return 0;
    const riacho_type *type = fixture_type(fixture, expected[data[0] % 6]);
    const riacho_bytes text = {data + 1, size - 1};
    if (riacho_expr_compile(text, &fixture->scope, type, arena, &expr, &issue) != RIACHO_OK) {
        check(issue.text[0] && issue.offset <= text.size &&
              issue.length <= text.size - issue.offset);
        return 0;
    }
    void *value = riacho_alloc(arena, riacho_expr_type(expr)->size);
    const riacho_status status = riacho_expr_eval(expr, fixture->values, arena, value, &null, &err);
    check(status == RIACHO_OK || status == RIACHO_REJECT);
    check_normal_form(expr, type, arena);
    return 0;
}
