/* SPDX-License-Identifier: MIT
 *
 * random.c - random expressions over random values give what a reference evaluator gives that walks
 * the tree they were printed from. Seeded: EXPR_SEED and EXPR_ROUNDS repeat and extend a run.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "fixture.h"
#include "reference.h"

static uint64_t seed_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* A value of Thing with about a third of its optional fields null. */
static const char *random_thing(expr_fixture *fixture, uint64_t *seed)
{
    static const char *const fields[] = {
        [REFERENCE_LONG] = "small big maybeSmall maybeBig",
        [REFERENCE_REAL] = "real maybeReal",
        [REFERENCE_TEXT] = "text maybeText",
        [REFERENCE_BOOLEAN] = "flag maybeFlag",
    };
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    riacho_buffer_printf(&json, "{\"tag\": \"YWJjZA==\"");
    for (int kind = 0; kind < REFERENCE_KIND_COUNT; kind++) {
        for (const char *at = fields[kind]; *at; at += strspn(at, " ")) {
            const size_t length = strcspn(at, " ");
            const bool null = at[0] == 'm' && reference_random(seed, 3) == 0;
            const bool small = length >= 5 && memcmp(at + length - 5, "Small", 5) == 0;
            const reference_value value = reference_random_value(
                (reference_kind)kind, at[0] == 's' || small, fixture->arena, seed);
            riacho_buffer_printf(&json, ", \"%.*s\": ", (int)length, at);
            if (null)
                riacho_buffer_printf(&json, "null");
            else
                reference_print_value((reference_kind)kind, &value, &json);
            at += length;
        }
    }
    riacho_buffer_append(&json, "}", 2);
    return riacho_copy(fixture->arena, riacho_buffer_bytes(&json)).data;
}

/* The result in the words of the reference. */
static riacho_status evaluate(expr_fixture *fixture, const riacho_expr *expr,
                              reference_value *ret_value)
{
    union {
        bool flag;
        int32_t small;
        int64_t big;
        double real;
        riacho_bytes text;
    } memory;
    bool null = false;
    riacho_error err;
    *ret_value = (reference_value){0};
    RIACHO_TRY(riacho_expr_eval(expr, fixture->values, fixture->arena, &memory, &null, &err));
    ret_value->null = null;
    if (null)
        return RIACHO_OK;
    switch (riacho_expr_type(expr)->kind) {
    case RIACHO_BOOLEAN:
        ret_value->whole = memory.flag;
        break;
    case RIACHO_INT:
        ret_value->whole = memory.small;
        break;
    case RIACHO_LONG:
        ret_value->whole = memory.big;
        break;
    case RIACHO_DOUBLE:
        ret_value->real = memory.real;
        break;
    default:
        assert_int_equal(riacho_expr_type(expr)->kind, RIACHO_STRING);
        ret_value->text = memory.text;
    }
    return RIACHO_OK;
}

static bool is_same(reference_kind kind, const reference_value *a, const reference_value *b)
{
    if (a->null || b->null)
        return a->null && b->null;
    if (kind == REFERENCE_REAL)
        return a->real == b->real || (isnan(a->real) && isnan(b->real));
    if (kind == REFERENCE_TEXT)
        return riacho_bytes_equal(a->text, b->text);
    return a->whole == b->whole;
}

/* What the normal form is compiled to gives the same, and it is its own normal form. */
static void check_normal_form(expr_fixture *fixture, const riacho_expr *expr, riacho_buffer *normal)
{
    RIACHO_AUTO(buffer) riacho_buffer again = {0};
    const riacho_expr *second;
    riacho_expr_issue issue;
    riacho_buffer_reset(normal);
    riacho_expr_print(expr, normal);
    const riacho_bytes text = riacho_buffer_bytes(normal);
    if (text.size > 4000)
        return;
    if (riacho_expr_compile(text, &fixture->scope, NULL, fixture->arena, &second, &issue) !=
        RIACHO_OK)
        fail_msg("%.*s: %s", (int)text.size, (const char *)text.data, issue.text);
    riacho_expr_print(second, &again);
    assert_true(riacho_bytes_equal(text, riacho_buffer_bytes(&again)));
}

/* Returns whether the expression was worth it: compiled, and gave a value that is not null. */
static bool check_one(expr_fixture *fixture, uint64_t *seed, riacho_buffer *text,
                      riacho_buffer *normal)
{
    const reference_kind kind = (reference_kind)reference_random(seed, REFERENCE_KIND_COUNT);
    const reference_node *node =
        reference_make(kind, 1 + (int)reference_random(seed, 5), fixture->arena, seed);
    const riacho_expr *expr;
    riacho_expr_issue issue;
    riacho_buffer_reset(text);
    reference_print(node, 0, seed, text);
    if (text->size > 4000)
        return false;
    const riacho_bytes source = riacho_buffer_bytes(text);
    const bool refused = reference_must_fail(node, fixture->arena);
    const riacho_status compiled =
        riacho_expr_compile(source, &fixture->scope, NULL, fixture->arena, &expr, &issue);
    if ((compiled != RIACHO_OK) != refused)
        fail_msg("%.*s: %s", (int)source.size, (const char *)source.data,
                 refused ? "should not compile" : issue.text);
    if (refused)
        return false;
    check_normal_form(fixture, expr, normal);
    bool useful = false;
    for (int i = 0; i < 3; i++) {
        reference_value wanted = {0}, found;
        fixture_set(fixture, random_thing(fixture, seed),
                    reference_random(seed, 2) ? random_thing(fixture, seed) : NULL);
        const bool fails = !reference_eval(node, fixture, &wanted);
        const riacho_status status = evaluate(fixture, expr, &found);
        if (fails != (status != RIACHO_OK) || (!fails && !is_same(kind, &wanted, &found)))
            fail_msg("%.*s: status %d, null %d, %" PRId64 " %g; wanted fails %d, null %d, %" PRId64
                     " %g",
                     (int)source.size, (const char *)source.data, (int)status, found.null,
                     found.whole, found.real, fails, wanted.null, wanted.whole, wanted.real);
        if (!fails && !wanted.null)
            useful = true;
        assert_true(fails || !wanted.null || riacho_expr_nullable(expr));
    }
    return useful;
}

static void random_expressions_give_what_the_reference_gives(void **state)
{
    expr_fixture *fixture = *state;
    uint64_t seed = seed_of("EXPR_SEED", 20260101);
    const uint64_t rounds = seed_of("EXPR_ROUNDS", 20000);
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    RIACHO_AUTO(buffer) riacho_buffer normal = {0};
    uint64_t useful = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        riacho_arena_reset(fixture->arena);
        useful += check_one(fixture, &seed, &text, &normal);
    }
    assert_true(useful > rounds / 3); /* the generator has not gone astray */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_expressions_give_what_the_reference_gives,
                                        fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
