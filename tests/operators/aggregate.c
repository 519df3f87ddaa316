/* SPDX-License-Identifier: MIT
 *
 * aggregate.c - count, sum, min, max, reduce, aggregate: by table, then one test for each rule.
 */
#include "fixture.h"

#include <string.h>

#include "base/macros.h"

/* ---- functions under test -------------------------------------------------------------------- */

static riacho_status start_at_100(riacho_ctx *ctx, const void *key, void *state)
{
    (void)ctx, (void)key;
    *(int64_t *)state = 100;
    return RIACHO_OK;
}

/* 13 is refused, 0 forgets, 99 fails without a reason; everything else is added. */
static riacho_status add(riacho_ctx *ctx, const void *event, void *state)
{
    const int64_t value = *(const int64_t *)event;
    *(int64_t *)state += value;
    if (value == 13)
        return riacho_reject(ctx, "%d is unlucky", 13);
    if (value == 99)
        return RIACHO_REJECT;
    if (value == 0)
        riacho_forget(ctx);
    return RIACHO_OK;
}

/* The state's text comes to lie in batch memory. */
static riacho_status append_text(riacho_ctx *ctx, const void *event, void *state)
{
    const riacho_bytes *more = event;
    riacho_bytes *text = state;
    *text = riacho_text(riacho_format(riacho_ctx_arena(ctx), "%.*s+%.*s", (int)text->size,
                                      (const char *)text->data, (int)more->size,
                                      (const char *)more->data));
    return RIACHO_OK;
}

static riacho_status forward_from_fold(riacho_ctx *ctx, const void *event, void *state)
{
    (void)event, (void)state;
    return riacho_forward(ctx, riacho_ctx_record(ctx));
}

static const riacho_function add_from_100 = {
    .name = "add", .kind = RIACHO_FUNCTION_AGGREGATE, .init = start_at_100, .fold = add};
static const riacho_function add_from_0 = {
    .name = "add", .kind = RIACHO_FUNCTION_AGGREGATE, .fold = add};
static const riacho_function reduce_add = {
    .name = "add", .kind = RIACHO_FUNCTION_REDUCE, .reduce = add};
static const riacho_function reduce_text = {
    .name = "append", .kind = RIACHO_FUNCTION_REDUCE, .reduce = append_text};
static const riacho_function forwarding = {
    .name = "forwarding", .kind = RIACHO_FUNCTION_AGGREGATE, .fold = forward_from_fold};

static const int32_t first_store[] = {0};

/* ---- by table -------------------------------------------------------------------------------- */

typedef struct aggregate_case {
    const char *name;
    riacho_aggregate aggregate;
    const riacho_function *function;
    const char *expr; /* over values of `value`, giving `expr_type` */
    const char *expr_type;
    const char *init;
    const char *value; /* "long" unless said */
    const char *state; /* as value unless said */
    const char *script;
    const char *out;
    const char *store;
} aggregate_case;

static const aggregate_case cases[] = {
    {.name = "count counts each key on its own",
     .aggregate = RIACHO_AGGREGATE_COUNT,
     .script = "a 5 @10, b 6 @11, a 7 @12",
     .out = "out a=1@10 out b=1@11 out a=2@12",
     .store = "a=2@12 b=1@11"},
    {.name = "a null key and a null value are dropped",
     .aggregate = RIACHO_AGGREGATE_COUNT,
     .script = "- 5 @10, a - @11, a 7 @12",
     .out = "out a=1@12",
     .store = "a=1@12"},
    {.name = "the result has the greater timestamp of record and state",
     .aggregate = RIACHO_AGGREGATE_COUNT,
     .script = "a 1 @20, a 1 @10, a 1 @30",
     .out = "out a=1@20 out a=2@20 out a=3@30",
     .store = "a=3@30"},
    {.name = "the result has the headers of the record that triggered it",
     .aggregate = RIACHO_AGGREGATE_COUNT,
     .script = "a 1 @10 h=x i=y, a 1 @11, a 1 @12 h=z",
     .out = "out a=1@10{h=x}{i=y} out a=2@11 out a=3@12{h=z}",
     .store = "a=3@12"},
    {.name = "sum adds an expression",
     .aggregate = RIACHO_AGGREGATE_SUM,
     .expr = "value * 2",
     .script = "a 1 @10, a 2 @11, b -3 @12",
     .out = "out a=2@10 out a=6@11 out b=-6@12",
     .store = "a=6@11 b=-6@12"},
    {.name = "sum widens ints to a long",
     .aggregate = RIACHO_AGGREGATE_SUM,
     .expr = "value",
     .value = "int",
     .state = "long",
     .script = "a 2147483647 @10, a 2147483647 @11",
     .out = "out a=2147483647@10 out a=4294967294@11",
     .store = "a=4294967294@11"},
    {.name = "sum of doubles",
     .aggregate = RIACHO_AGGREGATE_SUM,
     .expr = "value",
     .value = "double",
     .script = "a 0.5 @10, a 0.25 @11",
     .out = "out a=0.5@10 out a=0.75@11",
     .store = "a=0.75@11"},
    {.name = "sum of longs kept in a double",
     .aggregate = RIACHO_AGGREGATE_SUM,
     .expr = "value",
     .value = "long",
     .state = "double",
     .expr_type = "long",
     .script = "a 1 @10, a 2 @11",
     .out = "out a=1@10 out a=3@11",
     .store = "a=3@11"},
    {.name = "a sum that overflows is refused and keeps the state",
     .aggregate = RIACHO_AGGREGATE_SUM,
     .expr = "value",
     .script = "a 9223372036854775807 @10, a 1 @11, a -1 @12",
     .out = "out a=9223372036854775807@10 REJECT(step 'state': the sum does not fit a long any "
            "more) out a=9223372036854775806@12",
     .store = "a=9223372036854775806@12"},
    {.name = "min keeps the least",
     .aggregate = RIACHO_AGGREGATE_MIN,
     .expr = "value",
     .script = "a 5 @10, a 7 @11, a 3 @12",
     .out = "out a=5@10 out a=5@11 out a=3@12",
     .store = "a=3@12"},
    {.name = "max keeps the greatest, of texts as well",
     .aggregate = RIACHO_AGGREGATE_MAX,
     .expr = "value",
     .value = "string",
     .script = "a m @10, a b @11, a z @12",
     .out = "out a=m@10 out a=m@11 out a=z@12",
     .store = "a=z@12"},
    {.name = "an operand that is null counts for nothing",
     .aggregate = RIACHO_AGGREGATE_MAX,
     .expr = "value > 3 ? value : agg",
     .script = "a 1 @10, a 5 @11, a 2 @12",
     .out = "out a=5@11",
     .store = "a=5@11"},
    {.name = "reduce begins with the first value, without a call",
     .aggregate = RIACHO_AGGREGATE_REDUCE,
     .function = &reduce_add,
     .script = "a 13 @10, a 1 @11",
     .out = "out a=13@10 out a=14@11",
     .store = "a=14@11"},
    {.name = "forget in a reduce deletes, and the next value begins again",
     .aggregate = RIACHO_AGGREGATE_REDUCE,
     .function = &reduce_add,
     .script = "a 1 @10, a 0 @11, a 2 @12",
     .out = "out a=1@10 out a=-@11 out a=2@12",
     .store = "a=2@12"},
    {.name = "reduce by an expression over agg and value",
     .aggregate = RIACHO_AGGREGATE_REDUCE,
     .expr = "agg * 10 + value",
     .script = "a 1 @10, a 2 @11, a 3 @12",
     .out = "out a=1@10 out a=12@11 out a=123@12",
     .store = "a=123@12"},
    {.name = "a reduce may leave its state in batch memory",
     .aggregate = RIACHO_AGGREGATE_REDUCE,
     .function = &reduce_text,
     .value = "string",
     .script = "a x @10, a y @11, b q @12, a z @13",
     .out = "out a=x@10 out a=x+y@11 out b=q@12 out a=x+y+z@13",
     .store = "a=x+y+z@13 b=q@12"},
    {.name = "aggregate begins with init",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_100,
     .script = "a 1 @10, a 2 @11",
     .out = "out a=101@10 out a=103@11",
     .store = "a=103@11"},
    {.name = "aggregate without init begins with the defaults of the type",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_0,
     .script = "a 1 @10, a 2 @11",
     .out = "out a=1@10 out a=3@11",
     .store = "a=3@11"},
    {.name = "a fold that refuses leaves the state as it was",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_0,
     .script = "a 1 @10, a 13 @11, a 2 @12",
     .out = "out a=1@10 REJECT(step 'state': 13 is unlucky) out a=3@12",
     .store = "a=3@12"},
    {.name = "a refusal without a reason names the step",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_0,
     .script = "a 99 @10",
     .out = "REJECT(step 'state': refused without a reason)",
     .store = ""},
    {.name = "forget deletes the state and sends a tombstone",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_100,
     .script = "a 1 @10, a 0 @11, a 2 @12",
     .out = "out a=101@10 out a=-@11 out a=102@12",
     .store = "a=102@12"},
    {.name = "the tombstone of a state has the greater timestamp, too",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &add_from_100,
     .script = "a 1 @20, a 0 @10",
     .out = "out a=101@20 out a=-@20",
     .store = ""},
    {.name = "a fold may not forward",
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &forwarding,
     .script = "a 1 @10",
     .out = "FATAL(step 'state': 'aggregate' may not forward records here)",
     .store = ""},
    {.name = "aggregate by expressions begins with the init expression",
     .aggregate = RIACHO_AGGREGATE_EXPR,
     .init = "1000",
     .expr = "agg + value",
     .script = "a 1 @10, a 2 @11",
     .out = "out a=1001@10 out a=1003@11",
     .store = "a=1003@11"},
    {.name = "a state cannot begin with null",
     .aggregate = RIACHO_AGGREGATE_EXPR,
     .init = "value > 5 ? 0 : null",
     .expr = "agg + value",
     .script = "a 1 @10, a 6 @11, a 1 @12",
     .out = "REJECT(step 'state': the state to begin with is null) out a=6@11 out a=7@12",
     .store = "a=7@12"},
    {.name = "an expression that gives null deletes",
     .aggregate = RIACHO_AGGREGATE_EXPR,
     .init = "0",
     .expr = "value == 0 ? null : agg + value",
     .script = "a 1 @10, a 0 @11, a 5 @12",
     .out = "out a=1@10 out a=-@11 out a=5@12",
     .store = "a=5@12"},
    {.name = "an expression that fails refuses the record",
     .aggregate = RIACHO_AGGREGATE_EXPR,
     .init = "100",
     .expr = "agg / value",
     .script = "a 5 @10, a 0 @11, a 2 @12",
     .out = "out a=20@10 REJECT(step 'state': 'agg / value': division by zero) out a=10@12",
     .store = "a=10@12"},
};

static void make_case(fixture *f, const aggregate_case *test)
{
    const char *value = test->value ? test->value : "long";
    const char *state = test->state ? test->state : value;
    const char *made = test->expr_type                           ? test->expr_type
                       : test->aggregate == RIACHO_AGGREGATE_SUM ? value
                                                                 : state;
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE, .in_value = fixture_data(value)},
        {.id = "state",
         .kind = RIACHO_NODE_AGGREGATE,
         .aggregate = test->aggregate,
         .function = test->function,
         .expr = test->expr ? fixture_expr(f, test->expr, value, made) : NULL,
         .init_expr = test->init ? fixture_expr(f, test->init, value, state) : NULL,
         .table = true,
         .in_value = fixture_data(value),
         .value = fixture_data(state),
         .stores = first_store,
         .store_count = 1},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT, .in_value = fixture_data(state)},
    };
    const riacho_graph_store stores[] = {{.name = "kept", .value = fixture_data(state)}};
    fixture_open(f, FIXTURE_GRAPH(nodes, stores));
}

static void each_aggregation_follows_its_table(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fixture_new();
        make_case(f, &cases[i]);
        const char *out = play(f, cases[i].script);
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", cases[i].name, cases[i].out, out);
        const char *store = stored(f, 0);
        if (strcmp(store, cases[i].store) != 0)
            fail_msg("%s\n  wanted the store %s\n  got              %s", cases[i].name,
                     cases[i].store, store);
        fixture_free(f);
    }
}

static void what_is_dropped_is_counted(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    make_case(f, &cases[0]);
    play(f, "- 5 @10, a - @11, a 7 @12, - - @13");
    assert_int_equal(counts(f, 1).records_in, 4);
    assert_int_equal(counts(f, 1).dropped, 3);
    assert_int_equal(counts(f, 1).records_out, 1);
    assert_int_equal(counts(f, 0).dropped, 0);
    fixture_free(f);
}

/* ---- what the chain refuses to be made of ---------------------------------------------------- */

static void a_chain_that_does_not_fit_its_stores_is_not_made(void **unused)
{
    (void)unused;
    static const riacho_function a_filter = {.name = "f", .kind = RIACHO_FUNCTION_FILTER};
    static const struct {
        const char *name;
        riacho_aggregate aggregate;
        const riacho_function *function;
        const char *expr, *result, *state, *why;
    } refused[] = {
        {"a count in a string", RIACHO_AGGREGATE_COUNT, NULL, NULL, NULL, "string",
         "step 'state': a count cannot be kept in store 'kept' of string"},
        {"a sum of doubles in a long", RIACHO_AGGREGATE_SUM, NULL, "double(value)", "double",
         "long", "step 'state': this sum cannot be kept in store 'kept' of long"},
        {"a reduce to another type", RIACHO_AGGREGATE_REDUCE, &reduce_add, NULL, NULL, "string",
         "step 'state': the values of this reduce cannot be kept in store 'kept' of string"},
        {"a function of another kind", RIACHO_AGGREGATE_FUNCTION, &a_filter, NULL, NULL, "long",
         "step 'state': function 'lib/f' does not do what aggregate needs"},
        {"a function that is not loaded", RIACHO_AGGREGATE_FUNCTION, NULL, NULL, NULL, "long",
         "step 'state': function 'lib/f' is not loaded"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        fixture *f = fixture_new();
        const riacho_node nodes[] = {
            {.kind = RIACHO_NODE_SOURCE},
            {.id = "state",
             .kind = RIACHO_NODE_AGGREGATE,
             .aggregate = refused[i].aggregate,
             .function = refused[i].function,
             .function_name = "lib/f",
             .expr = refused[i].expr ? fixture_expr(f, refused[i].expr, "long", refused[i].result)
                                     : NULL,
             .stores = first_store,
             .store_count = 1},
        };
        const riacho_graph_store stores[] = {
            {.name = "kept", .value = fixture_data(refused[i].state)}};
        assert_int_equal(fixture_make(f, FIXTURE_GRAPH(nodes, stores)), RIACHO_REJECT);
        assert_string_equal(f->error.text, refused[i].why);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_aggregation_follows_its_table),
        cmocka_unit_test(what_is_dropped_is_counted),
        cmocka_unit_test(a_chain_that_does_not_fit_its_stores_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
