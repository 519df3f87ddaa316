/* SPDX-License-Identifier: MIT
 *
 * stateless.c - filter, map, mapValues, flatMap, rekey, convert, branch, merge, peek, null keys and
 * sinks.
 */
#include "fixture.h"

#include <string.h>

#include "base/macros.h"

/* ---- functions under test -------------------------------------------------------------------- */

static int64_t value_of(const riacho_record *record)
{
    return record->value ? *(const int64_t *)record->value : -1;
}

static riacho_status keep_even(riacho_ctx *ctx, const riacho_record *record, bool *ret_keep)
{
    if (value_of(record) == 13)
        return riacho_reject(ctx, "13 is unlucky");
    *ret_keep = value_of(record) % 2 == 0;
    return RIACHO_OK;
}

static riacho_status is_asked_about_values(riacho_ctx *ctx, const riacho_record *record,
                                           bool *ret_keep)
{
    (void)ctx;
    assert_non_null(record->value);
    *ret_keep = true;
    return RIACHO_OK;
}

static riacho_status swap_key(riacho_ctx *ctx, const riacho_record *record,
                              riacho_record *ret_record)
{
    riacho_bytes *key = riacho_alloc(riacho_ctx_arena(ctx), sizeof *key);
    *key = riacho_text(riacho_format(riacho_ctx_arena(ctx), "k%lld", (long long)value_of(record)));
    ret_record->key = key;
    if (value_of(record) == 7)
        ret_record->timestamp_ms = -1;
    if (value_of(record) == 8)
        ret_record->value = NULL;
    return RIACHO_OK;
}

/* 5 leaves the zeroed result as it is. */
static riacho_status square(riacho_ctx *ctx, const riacho_record *record, void *ret_value)
{
    (void)ctx;
    if (value_of(record) != 5)
        *(int64_t *)ret_value = value_of(record) * value_of(record);
    return RIACHO_OK;
}

/* As many copies as the value says, counted up. */
static riacho_status repeat(riacho_ctx *ctx, const riacho_record *record)
{
    for (int64_t i = 1; i <= value_of(record); i++) {
        riacho_record copy = *record;
        copy.value = &i;
        const riacho_status status = riacho_forward(ctx, &copy);
        if (status != RIACHO_OK)
            return status;
    }
    return RIACHO_OK;
}

static riacho_status forward_it(riacho_ctx *ctx, const riacho_record *record)
{
    return riacho_forward(ctx, record);
}

static riacho_status forward_and_say_ok(riacho_ctx *ctx, const riacho_record *record)
{
    const riacho_status swallowed = riacho_forward(ctx, record);
    (void)swallowed;
    return RIACHO_OK;
}

static riacho_status forward_and_give_own_reason(riacho_ctx *ctx, const riacho_record *record)
{
    return riacho_forward(ctx, record) == RIACHO_OK ? RIACHO_OK
                                                    : riacho_reject(ctx, "nobody below wants it");
}

static int64_t peeked;

static riacho_status look(riacho_ctx *ctx, const riacho_record *record)
{
    (void)ctx;
    peeked += value_of(record);
    return value_of(record) == 13 ? RIACHO_RETRY : RIACHO_OK;
}

static const riacho_function even = {.kind = RIACHO_FUNCTION_FILTER, .test = keep_even};
static const riacho_function swap = {.kind = RIACHO_FUNCTION_MAP, .map = swap_key};
static const riacho_function squared = {.kind = RIACHO_FUNCTION_MAP_VALUES, .map_value = square};
static const riacho_function repeated = {.kind = RIACHO_FUNCTION_FLAT_MAP, .each = repeat};
static const riacho_function swallow = {.kind = RIACHO_FUNCTION_FLAT_MAP,
                                        .each = forward_and_say_ok};
static const riacho_function own_reason = {.kind = RIACHO_FUNCTION_FLAT_MAP,
                                           .each = forward_and_give_own_reason};
static const riacho_function present = {.kind = RIACHO_FUNCTION_FILTER,
                                        .test = is_asked_about_values};
static const riacho_function looked = {.kind = RIACHO_FUNCTION_PEEK, .each = look};
static const riacho_function forwarding_peek = {.kind = RIACHO_FUNCTION_PEEK, .each = forward_it};

/* ---- one operator between a source and a sink ------------------------------------------------ */

typedef struct one_case {
    const char *name;
    riacho_node_kind kind;
    bool table;
    const riacho_function *function;
    const char *expr;     /* giving `result` */
    const char *key_expr; /* giving a string */
    const char *result;   /* "long" unless said */
    const char *value;    /* "long" unless said */
    const char *script;
    const char *out;
} one_case;

static const one_case ones[] = {
    {.name = "a filter by function keeps what it says, and null values are asked about",
     .kind = RIACHO_NODE_FILTER,
     .function = &even,
     .script = "a 1 @10, a 2 @11, - 4 @12, a - @13",
     .out = "out a=2@11 out -=4@12"},
    {.name = "a filter by expression",
     .kind = RIACHO_NODE_FILTER,
     .expr = "value > 2",
     .result = "boolean",
     .script = "a 1 @10, a 3 @11 h=x, a - @12",
     .out = "out a=3@11{h=x}"},
    {.name = "an expression sees key, timestamp and headers",
     .kind = RIACHO_NODE_FILTER,
     .expr = "key == \"a\" && timestamp >= 11 && headers.h == \"x\"",
     .result = "boolean",
     .script = "a 1 @10 h=x, a 2 @11 h=x, b 3 @11 h=x, a 4 @12 h=y, a 5 @13, a 6 @14 i=x h=x",
     .out = "out a=2@11{h=x} out a=6@14{i=x}{h=x}"},
    {.name = "of headers of one name the last counts",
     .kind = RIACHO_NODE_FILTER,
     .expr = "headers.h == \"x\"",
     .result = "boolean",
     .script = "a 1 @10 h=x h=y, a 2 @11 h=y h=x",
     .out = "out a=2@11{h=y}{h=x}"},
    {.name = "a filter that refuses names its step",
     .kind = RIACHO_NODE_FILTER,
     .function = &even,
     .script = "a 13 @10, a 2 @11",
     .out = "REJECT(step 'it': 13 is unlucky) out a=2@11"},
    {.name = "a table's filter sends a tombstone for what does not match",
     .kind = RIACHO_NODE_FILTER,
     .table = true,
     .expr = "value > 2",
     .result = "boolean",
     .script = "a 1 @10 h=x, a 3 @11, a - @12",
     .out = "out a=-@10{h=x} out a=3@11 out a=-@12"},
    {.name = "a table's filter is not asked about a tombstone",
     .kind = RIACHO_NODE_FILTER,
     .table = true,
     .function = &present,
     .script = "a - @12, a 2 @13",
     .out = "out a=-@12 out a=2@13"},
    {.name = "map changes key and value and keeps timestamp and headers",
     .kind = RIACHO_NODE_MAP,
     .function = &swap,
     .script = "a 5 @10 h=x, - 8 @11",
     .out = "out k5=5@10{h=x} out k8=-@11"},
    {.name = "map may not give a negative timestamp",
     .kind = RIACHO_NODE_MAP,
     .function = &swap,
     .script = "a 7 @10",
     .out = "REJECT(step 'it': a record cannot have the timestamp -1)"},
    {.name = "map by expressions for both",
     .kind = RIACHO_NODE_MAP,
     .key_expr = "key + \"!\"",
     .expr = "value * 2",
     .script = "a 5 @10 h=x, b - @11",
     .out = "out a!=10@10{h=x} out b!=-@11"},
    {.name = "a part of map without an expression stays as it is",
     .kind = RIACHO_NODE_MAP,
     .key_expr = "string(value)",
     .script = "a 5 @10",
     .out = "out 5=5@10"},
    {.name = "mapValues by function starts from zeroed memory each time",
     .kind = RIACHO_NODE_MAP_VALUES,
     .function = &squared,
     .script = "a 3 @10 h=x, a 5 @11, - 4 @12",
     .out = "out a=9@10{h=x} out a=0@11 out -=16@12"},
    {.name = "mapValues by expression, to another type",
     .kind = RIACHO_NODE_MAP_VALUES,
     .expr = "key + \"=\" + string(value)",
     .result = "string",
     .script = "a 3 @10",
     .out = "out a=a=3@10"},
    {.name = "an expression that fails refuses the record by its step",
     .kind = RIACHO_NODE_MAP_VALUES,
     .expr = "value + 1",
     .script = "a 1 @10, a 9223372036854775807 @11",
     .out = "out a=2@10 REJECT(step 'it': 'value + 1': the result does not fit a long)"},
    {.name = "where the value is null it stays null, without asking expression or function",
     .kind = RIACHO_NODE_MAP_VALUES,
     .expr = "value ?? 7",
     .script = "a 3 @10, a - @11",
     .out = "out a=3@10 out a=-@11"},
    {.name = "map by expressions gives a null value another key only",
     .kind = RIACHO_NODE_MAP,
     .key_expr = "key + \"!\"",
     .expr = "value ?? 7",
     .script = "a - @11",
     .out = "out a!=-@11"},
    {.name = "mapValues of a table hands tombstones on without a call",
     .kind = RIACHO_NODE_MAP_VALUES,
     .table = true,
     .function = &squared,
     .script = "a 3 @10, a - @11",
     .out = "out a=9@10 out a=-@11"},
    {.name = "flatMap gives none, one or many, in order",
     .kind = RIACHO_NODE_FLAT_MAP,
     .function = &repeated,
     .script = "a 0 @10, b 1 @11, c 3 @12 h=x",
     .out = "out b=1@11 out c=1@12{h=x} out c=2@12{h=x} out c=3@12{h=x}"},
    {.name = "rekey changes the key, to null where the expression is null",
     .kind = RIACHO_NODE_REKEY,
     .key_expr = "headers.to",
     .script = "a 5 @10 to=b, a 6 @11",
     .out = "out b=5@10{to=b} out -=6@11"},
    {.name = "null keys are dropped before a repartition topic",
     .kind = RIACHO_NODE_NULL_KEYS,
     .script = "a 5 @10, - 6 @11, a - @12",
     .out = "out a=5@10 out a=-@12"},
    {.name = "merge and toStream hand on everything",
     .kind = RIACHO_NODE_MERGE,
     .script = "a 5 @10 h=x, - - @11",
     .out = "out a=5@10{h=x} out -=-@11"},
    {.name = "peek looks and hands on, and its status counts",
     .kind = RIACHO_NODE_PEEK,
     .function = &looked,
     .script = "a 5 @10, a 13 @11",
     .out = "out a=5@10 RETRY(step 'it': refused without a reason)"},
    {.name = "peek may not forward",
     .kind = RIACHO_NODE_PEEK,
     .function = &forwarding_peek,
     .script = "a 5 @10",
     .out = "FATAL(step 'it': 'peek' may not forward records here)"},
};

static void open_one(fixture *f, const one_case *test)
{
    const char *value = test->value ? test->value : "long";
    const char *result = test->result ? test->result : value;
    const char *out = test->kind == RIACHO_NODE_FILTER ? value : result;
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE, .in_value = fixture_data(value)},
        {.id = "it",
         .kind = test->kind,
         .table = test->table,
         .function = test->function,
         .expr = test->expr ? fixture_expr(f, test->expr, value, result) : NULL,
         .key_expr = test->key_expr ? fixture_expr(f, test->key_expr, value, "string") : NULL,
         .in_value = fixture_data(value),
         .value = fixture_data(out)},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT, .in_value = fixture_data(out)},
    };
    fixture_open(f, FIXTURE_NODES(nodes));
}

static void each_stateless_operator_follows_its_table(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        fixture *f = fixture_new();
        open_one(f, &ones[i]);
        const char *out = play(f, ones[i].script);
        if (strcmp(out, ones[i].out) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", ones[i].name, ones[i].out, out);
        fixture_free(f);
    }
}

static void a_null_key_before_a_repartition_topic_is_not_counted(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    open_one(f, &(one_case){.kind = RIACHO_NODE_NULL_KEYS});
    play(f, "- 5 @10");
    assert_int_equal(counts(f, 1).records_in, 1);
    assert_int_equal(counts(f, 1).dropped, 0);
    assert_int_equal(counts(f, 1).records_out, 0);
    fixture_free(f);
}

/* ---- convert --------------------------------------------------------------------------------- */

static const struct {
    const char *from, *to, *script, *out;
} conversions[] = {
    {"int", "long", "a -5 @1, a - @2", "out a=-5@1 out a=-@2"},
    {"int", "double", "a 7 @1", "out a=7@1"},
    {"int", "float", "a 16777216 @1, a 16777217 @2",
     "out a=16777216@1 REJECT(step 'it': 16777217 has no exact float)"},
    {"long", "double", "a 9007199254740992 @1, a 9007199254740993 @2",
     "out a=9007199254740992@1 REJECT(step 'it': 9007199254740993 has no exact double)"},
    {"float", "double", "a 0.5 @1", "out a=0.5@1"},
    {"long", "int", "a 2147483647 @1, a -2147483649 @2",
     "out a=2147483647@1 REJECT(step 'it': -2147483649 has no exact int)"},
    {"long", "double", "a 9223372036854775807 @1, a 1152921504606846976 @2",
     "REJECT(step 'it': 9223372036854775807 has no exact double) out a=1.152921504606847e+18@2"},
    {"double", "long", "a -5 @1, a 0.5 @2, a 9223372036854775808 @3, a nan @4",
     "out a=-5@1 REJECT(step 'it': 0.5 has no exact long) REJECT(step 'it': 9.223372036854776e+18 "
     "has no exact long) REJECT(step 'it': nan has no exact long)"},
    {"double", "float", "a 0.5 @1, a 0.1 @2, a 1e300 @3, a inf @4",
     "out a=0.5@1 REJECT(step 'it': 0.1 has no exact float) REJECT(step 'it': 1e+300 has no exact "
     "float) out a=inf@4"},
    {"long", "string", "a -42 @1", "out a=-42@1"},
    {"double", "string", "a 0.1 @1, a 1e300 @2, a 3 @3", "out a=0.1@1 out a=1e+300@2 out a=3@3"},
    {"float", "string", "a 0.1 @1", "out a=0.1@1"},
    {"boolean", "string", "a true @1, a false @2", "out a=true@1 out a=false@2"},
    {"string", "boolean", "a true @1, a yes @2",
     "out a=true@1 REJECT(step 'it': 'yes' is no "
     "boolean)"},
    {"string", "long", "a -9223372036854775808 @1, a 9223372036854775808 @2, a 1x @3",
     "out a=-9223372036854775808@1 REJECT(step 'it': '9223372036854775808' is no long) "
     "REJECT(step 'it': '1x' is no long)"},
    {"string", "int", "a 2147483647 @1, a 2147483648 @2",
     "out a=2147483647@1 REJECT(step 'it': '2147483648' is no int)"},
    {"string", "double", "a 2.5 @1, a -1e3 @2, a nan @3, a 0x10 @4, a 1e999 @5, a 1. @6, a . @7",
     "out a=2.5@1 out a=-1000@2 REJECT(step 'it': 'nan' is no double) REJECT(step 'it': '0x10' is "
     "no double) REJECT(step 'it': '1e999' is no double) out a=1@6 REJECT(step 'it': '.' is no "
     "double)"},
    {"string", "bytes", "a x @1", "out a=x@1"},
    {"bytes", "string", "a x @1, a \xff @2",
     "out a=x@1 REJECT(step 'it': the bytes are not UTF-8)"},
    {"string", "uuid", "a 123e4567-e89b-12d3-a456-426614174000 @1, a 123e4567 @2",
     "out a=123e4567-e89b-12d3-a456-426614174000@1 REJECT(step 'it': '123e4567' is no string)"},
    {"long", "long", "a 5 @1", "out a=5@1"},
};

static riacho_status make_conversion(fixture *f, const char *from, const char *to)
{
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE, .in_value = fixture_data(from)},
        {.id = "it",
         .kind = RIACHO_NODE_CONVERT,
         .in_value = fixture_data(from),
         .value = fixture_data(to)},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT, .in_value = fixture_data(to)},
    };
    return fixture_make(f, FIXTURE_NODES(nodes));
}

static void convert_loses_nothing_or_refuses(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
        fixture *f = fixture_new();
        assert_int_equal(make_conversion(f, conversions[i].from, conversions[i].to), RIACHO_OK);
        const char *out = play(f, conversions[i].script);
        if (strcmp(out, conversions[i].out) != 0)
            fail_msg("%s to %s\n  wanted %s\n  got    %s", conversions[i].from, conversions[i].to,
                     conversions[i].out, out);
        fixture_free(f);
    }
}

static void a_conversion_that_could_lose_something_is_not_made(void **unused)
{
    (void)unused;
    static const char *const pairs[][2] = {
        {"long", "boolean"}, {"long", "uuid"}, {"bytes", "long"}, {"boolean", "int"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        fixture *f = fixture_new();
        assert_int_equal(make_conversion(f, pairs[i][0], pairs[i][1]), RIACHO_REJECT);
        assert_non_null(strstr(f->error.text, "step 'it': there is no conversion"));
        fixture_free(f);
    }
}

static void convert_changes_keys_as_well(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "it",
         .kind = RIACHO_NODE_CONVERT,
         .key = fixture_data("long"),
         .in_value = fixture_data("long"),
         .value = fixture_data("string")},
        {.kind = RIACHO_NODE_SINK,
         .topic = FIXTURE_OUT,
         .in_key = fixture_data("long"),
         .in_value = fixture_data("string")},
    };
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "12 5 @10 h=x, - 6 @11, x 7 @12"),
                        "out 12=5@10{h=x} out -=6@11 REJECT(step 'it': 'x' is no long)");
    fixture_free(f);
}

/* ---- more than one child --------------------------------------------------------------------- */

static void branch_takes_the_first_condition_that_holds(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    const riacho_edge edges[] = {
        {.node = 2, .when = fixture_expr(f, "value > 10", "long", "boolean")},
        {.node = 3, .when = fixture_expr(f, "value > 5", "long", "boolean")},
        {.node = 4},
    };
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "it", .kind = RIACHO_NODE_BRANCH, .children = edges, .child_count = 3},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OTHER},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_THIRD},
    };
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 11 @1, a 6 @2, a 1 @3, a - @4 h=x"),
                        "out a=11@1 other a=6@2 third a=1@3 third a=-@4{h=x}");
    fixture_free(f);
}

static void what_no_branch_wants_ends_there(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    const riacho_edge edges[] = {
        {.node = 2, .when = fixture_expr(f, "value > 10", "long", "boolean")}};
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "it", .kind = RIACHO_NODE_BRANCH, .children = edges, .child_count = 1},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 11 @1, a 6 @2"), "out a=11@1");
    assert_int_equal(counts(f, 1).dropped, 0);
    fixture_free(f);
}

static void every_child_gets_the_record_in_the_order_of_the_edges(void **unused)
{
    (void)unused;
    static const riacho_edge fan[] = {{.node = 2}, {.node = 1}};
    static const riacho_edge merged[] = {{.node = 3}};
    static const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE, .children = fan, .child_count = 2},
        {.kind = RIACHO_NODE_FLAT_MAP, .function = &repeated, .children = merged, .child_count = 1},
        {.kind = RIACHO_NODE_MAP_VALUES,
         .function = &squared,
         .children = merged,
         .child_count = 1},
        {.kind = RIACHO_NODE_MERGE},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 2 @1"), "out a=4@1 out a=1@1 out a=2@1");
    assert_int_equal(counts(f, 3).records_in, 3);
    assert_int_equal(counts(f, 1).records_out, 2);
    fixture_free(f);
}

static void two_sources_are_merged_without_more(void **unused)
{
    (void)unused;
    static const riacho_edge merged[] = {{.node = 2}};
    static const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE, .children = merged, .child_count = 1},
        {.kind = RIACHO_NODE_SOURCE, .children = merged, .child_count = 1},
        {.kind = RIACHO_NODE_MERGE},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 1 @9, 1: a 1 @5, a 2 @7"), "out a=1@9 out a=1@5 out a=2@7");
    fixture_free(f);
}

static void for_each_ends_the_way(void **unused)
{
    (void)unused;
    static const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.kind = RIACHO_NODE_FOR_EACH, .function = &looked},
    };
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_NODES(nodes));
    peeked = 0;
    assert_string_equal(play(f, "a 1 @9, b 2 @5"), "");
    assert_int_equal(peeked, 3);
    fixture_free(f);
}

static void the_deepest_step_is_blamed_even_when_one_above_says_ok(void **unused)
{
    (void)unused;
    static const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "above", .kind = RIACHO_NODE_FLAT_MAP, .function = &swallow},
        {.id = "below", .kind = RIACHO_NODE_FILTER, .function = &even},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 13 @9, a 2 @10"),
                        "REJECT(step 'below': 13 is unlucky) out a=2@10");
    fixture_free(f);
}

static void a_step_that_refuses_for_its_own_reason_is_blamed_itself(void **unused)
{
    (void)unused;
    static const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "above", .kind = RIACHO_NODE_FLAT_MAP, .function = &own_reason},
        {.id = "below", .kind = RIACHO_NODE_FILTER, .function = &even},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(play(f, "a 13 @9"), "REJECT(step 'above': nobody below wants it)");
    fixture_free(f);
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static void a_sink_chooses_among_the_allowed_topics(void **unused)
{
    (void)unused;
    static const int32_t allowed[] = {FIXTURE_OUT, FIXTURE_THIRD};
    fixture *f = fixture_new();
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "to",
         .kind = RIACHO_NODE_SINK,
         .topic = RIACHO_NONE,
         .topic_expr = fixture_expr(f, "headers.to", "long", "string"),
         .allowed_topics = allowed,
         .allowed_topic_count = 2},
    };
    fixture_open(f, FIXTURE_NODES(nodes));
    assert_string_equal(
        play(f, "a 1 @1 to=third, a 2 @2 to=out, a 3 @3 to=other, a 4 @4"),
        "third a=1@1{to=third} out a=2@2{to=out} REJECT(step 'to': topic 'other' is not among the "
        "allowed ones) REJECT(step 'to': the name of the topic is null)");
    assert_int_equal(counts(f, 1).records_in, 4);
    assert_int_equal(counts(f, 1).records_out, 2);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stateless_operator_follows_its_table),
        cmocka_unit_test(a_null_key_before_a_repartition_topic_is_not_counted),
        cmocka_unit_test(convert_loses_nothing_or_refuses),
        cmocka_unit_test(a_conversion_that_could_lose_something_is_not_made),
        cmocka_unit_test(convert_changes_keys_as_well),
        cmocka_unit_test(branch_takes_the_first_condition_that_holds),
        cmocka_unit_test(what_no_branch_wants_ends_there),
        cmocka_unit_test(every_child_gets_the_record_in_the_order_of_the_edges),
        cmocka_unit_test(two_sources_are_merged_without_more),
        cmocka_unit_test(for_each_ends_the_way),
        cmocka_unit_test(the_deepest_step_is_blamed_even_when_one_above_says_ok),
        cmocka_unit_test(a_step_that_refuses_for_its_own_reason_is_blamed_itself),
        cmocka_unit_test(a_sink_chooses_among_the_allowed_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
