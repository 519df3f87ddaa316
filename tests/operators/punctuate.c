/* SPDX-License-Identifier: MIT
 *
 * punctuate.c - when punctuators fire, what they may do, and what of them survives.
 */
#include "fixture.h"

#include <string.h>

#include "base/macros.h"
#include "riacho/store.h"

/* ---- functions under test -------------------------------------------------------------------- */

static riacho_schedule *handle; /* of the test that runs */

static riacho_status say(riacho_ctx *ctx, const char *name, int64_t at_ms)
{
    const riacho_bytes key = riacho_text(name);
    return riacho_forward(ctx, &(riacho_record){.key = &key, .value = &at_ms});
}

static riacho_status say_tick(riacho_ctx *ctx, int64_t at_ms)
{
    return say(ctx, "tick", at_ms);
}

static riacho_status say_tock(riacho_ctx *ctx, int64_t at_ms)
{
    return say(ctx, "tock", at_ms);
}

static riacho_status pass_on(riacho_ctx *ctx, const riacho_record *record)
{
    return riacho_forward(ctx, record);
}

static riacho_status every_10(riacho_ctx *ctx)
{
    handle = riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tick);
    return RIACHO_OK;
}

static riacho_status both_clocks(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tick);
    riacho_ctx_schedule(ctx, RIACHO_WALL_CLOCK, 100, say_tock);
    return RIACHO_OK;
}

static riacho_status say_with_own_time(riacho_ctx *ctx, int64_t at_ms)
{
    const riacho_bytes key = riacho_text("own");
    return riacho_forward(
        ctx, &(riacho_record){.key = &key, .value = &at_ms, .timestamp_ms = at_ms - 1});
}

static riacho_status own_time(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_with_own_time);
    return RIACHO_OK;
}

static riacho_status say_once(riacho_ctx *ctx, int64_t at_ms)
{
    riacho_schedule_cancel(handle);
    riacho_schedule_cancel(handle);
    return say(ctx, "once", at_ms);
}

static riacho_status once(riacho_ctx *ctx)
{
    handle = riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_once);
    return RIACHO_OK;
}

/* 1 schedules, 2 cancels, 3 cancels and schedules another, anything else is handed on. */
static riacho_status schedule_by_value(riacho_ctx *ctx, const riacho_record *record)
{
    switch (*(const int64_t *)record->value) {
    case 1:
        handle = riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tick);
        return RIACHO_OK;
    case 2:
        riacho_schedule_cancel(handle);
        return RIACHO_OK;
    case 3:
        riacho_schedule_cancel(handle);
        riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tock);
        return RIACHO_OK;
    default:
        return riacho_forward(ctx, record);
    }
}

/* Refuses from 20 to 29, could be tried again from 40 to 49. */
static riacho_status moody(riacho_ctx *ctx, int64_t at_ms)
{
    if (at_ms / 10 == 2)
        return riacho_reject(ctx, "not now");
    if (at_ms / 10 == 4)
        return RIACHO_RETRY;
    return say(ctx, "moody", at_ms);
}

static riacho_status tick_and_moody(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tick);
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, moody);
    return RIACHO_OK;
}

static riacho_status ask(riacho_ctx *ctx, int64_t at_ms)
{
    riacho_source source;
    assert_null(riacho_ctx_record(ctx));
    assert_int_equal(riacho_ctx_source(ctx, &source), RIACHO_REJECT);
    assert_int_equal(riacho_ctx_stream_time_ms(ctx), at_ms);
    const riacho_bytes key = riacho_text("asked");
    return riacho_keyvalue_put(riacho_keyvalue_of(ctx, "kept"), &key, &at_ms);
}

static riacho_status asking(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, ask);
    return RIACHO_OK;
}

static riacho_status schedule_at_once(riacho_ctx *ctx, int64_t at_ms)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 1000, say_tock);
    return say(ctx, "tick", at_ms);
}

static riacho_status growing(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, schedule_at_once);
    return RIACHO_OK;
}

/* ---- by table -------------------------------------------------------------------------------- */

typedef struct punctuate_case {
    const char *name;
    riacho_status (*start)(riacho_ctx *ctx);
    riacho_status (*each)(riacho_ctx *ctx, const riacho_record *record);
    const char *script;
    const char *out;
} punctuate_case;

static const punctuate_case cases[] = {
    {"the first record fires, whatever its time", every_10, pass_on, "a 5 @3, tick",
     "out a=5@3 out tick=3@3"},
    {"then it fires on the grid from 0, with the present time", every_10, pass_on,
     "a 5 @3, tick, a 5 @9, tick, a 5 @10, tick, a 5 @19, tick, a 5 @21, tick",
     "out a=5@3 out tick=3@3 out a=5@9 out a=5@10 out tick=10@10 out a=5@19 out a=5@21 out "
     "tick=21@21"},
    {"missed ticks collapse into one", every_10, pass_on,
     "a 1 @0, tick, a 1 @57, tick, a 1 @58, "
     "tick, a 1 @60, tick",
     "out a=1@0 out tick=0@0 out a=1@57 out tick=57@57 out a=1@58 out a=1@60 out tick=60@60"},
    {"late records fire nothing", every_10, pass_on, "a 1 @50, tick, a 1 @20, tick",
     "out a=1@50 out tick=50@50 out a=1@20"},
    {"at the end of time it fires once", every_10, pass_on,
     "a 1 @9223372036854775807, tick, a 2 @9223372036854775807, tick, a 3 @5, tick",
     "out a=1@9223372036854775807 out tick=9223372036854775807@9223372036854775807 out "
     "a=2@9223372036854775807 out a=3@5"},
    {"the wall clock fires first after one interval", both_clocks, pass_on,
     "wall 99, wall 100, wall 150, wall 199, wall 200", "out tock=100@100 out tock=200@200"},
    {"missed wall-clock ticks collapse, and the grid stays", both_clocks, pass_on,
     "wall 350, wall 399, wall 400", "out tock=350@350 out tock=400@400"},
    {"each clock fires its own", both_clocks, pass_on, "a 1 @5, tick, wall 100, a 1 @6, tick",
     "out a=1@5 out tick=5@5 out tock=100@100 out a=1@6"},
    {"a record that names its time keeps it", own_time, pass_on, "a 1 @25, tick",
     "out a=1@25 out own=25@24"},
    {"a punctuator can cancel itself, twice for that matter", once, pass_on,
     "a 1 @5, tick, a 1 @50, tick", "out a=1@5 out once=5@5 out a=1@50"},
    {"a punctuator scheduled by a record fires after that record", NULL, schedule_by_value,
     "a 7 @15, tick, a 1 @16, tick, a 7 @20, tick",
     "out a=7@15 out tick=16@16 out a=7@20 out tick=20@20"},
    {"and is cancelled by another", NULL, schedule_by_value,
     "a 1 @16, tick, a 2 @17, a 7 @30, tick, a 1 @31, tick",
     "out tick=16@16 out a=7@30 out tick=31@31"},
    {"undo takes a schedule back", NULL, schedule_by_value, "a 1 @16, undo, a 7 @20, tick",
     "out a=7@20"},
    {"undo takes back a schedule that took a dead one's place", NULL, schedule_by_value,
     "a 1 @16, a 2 @17, a 1 @18, undo, a 7 @30, tick", "out a=7@30"},
    {"one is cancelled and another scheduled", NULL, schedule_by_value,
     "a 1 @16, a 3 @17, a 7 @30, tick", "out a=7@30 out tock=30@30"},
    {"undo takes both back", NULL, schedule_by_value, "a 1 @16, a 3 @17, undo, a 7 @30, tick",
     "out a=7@30 out tick=30@30"},
    {"undo takes a cancel back", NULL, schedule_by_value,
     "a 1 @16, tick, a 2 @17, undo, a 7 @30, tick", "out tick=16@16 out a=7@30 out tick=30@30"},
    {"undo makes a punctuator fire again", every_10, pass_on, "a 1 @5, tick, undo, tick, tick",
     "out a=1@5 out tick=5@5"},
    {"who refuses is passed over until its next time, and the others fire again", tick_and_moody,
     pass_on, "a 1 @25, tick, tick, tick, a 1 @30, tick",
     "out a=1@25 REJECT(step 'work': not now) out tick=25@25 out a=1@30 out tick=30@30 out "
     "moody=30@30"},
    {"who could be tried again is tried again", tick_and_moody, pass_on, "a 1 @45, tick, tick",
     "out a=1@45 RETRY(step 'work': refused without a reason) RETRY(step 'work': refused without "
     "a reason)"},
    {"what a punctuator schedules waits for the next round", growing, pass_on,
     "a 1 @5, tick, a 1 @6, tick", "out a=1@5 out tick=5@5 out a=1@6 out tock=6@6"},
};

static void open_work(fixture *f, const riacho_function *function)
{
    static const int32_t store_0[] = {0};
    static const riacho_graph_store stores[] = {{.name = "kept"}};
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "work",
         .kind = RIACHO_NODE_PROCESS,
         .function = function,
         .stores = store_0,
         .store_count = 1},
        {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
    };
    fixture_open(f, FIXTURE_GRAPH(nodes, stores));
}

static void punctuators_follow_their_table(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const riacho_function function = {
            .kind = RIACHO_FUNCTION_PROCESS, .start = cases[i].start, .each = cases[i].each};
        fixture *f = fixture_new();
        open_work(f, &function);
        const char *out = play(f, cases[i].script);
        if (strcmp(out, cases[i].out) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", cases[i].name, cases[i].out, out);
        fixture_free(f);
    }
}

static void a_punctuator_has_no_record_but_may_use_stores(void **unused)
{
    (void)unused;
    static const riacho_function function = {
        .kind = RIACHO_FUNCTION_PROCESS, .start = asking, .each = pass_on};
    fixture *f = fixture_new();
    open_work(f, &function);
    assert_string_equal(play(f, "a 1 @25, tick"), "out a=1@25");
    assert_string_equal(stored(f, 0), "asked=25@25");
    fixture_free(f);
}

static void the_next_wall_clock_time_is_told(void **unused)
{
    (void)unused;
    static const riacho_function with = {
        .kind = RIACHO_FUNCTION_PROCESS, .start = both_clocks, .each = pass_on};
    static const riacho_function without = {
        .kind = RIACHO_FUNCTION_PROCESS, .start = every_10, .each = pass_on};
    fixture *f = fixture_new();
    f->clock.at_ms = 1000;
    open_work(f, &with);
    assert_int_equal(riacho_chain_next_wall_clock_ms(f->chain), 1100);
    play(f, "wall 1250");
    assert_int_equal(riacho_chain_next_wall_clock_ms(f->chain), 1300);
    fixture_free(f);
    f = fixture_new();
    open_work(f, &without);
    assert_int_equal(riacho_chain_next_wall_clock_ms(f->chain), INT64_MAX);
    fixture_free(f);
}

static void undo_without_a_mark_keeps_what_start_scheduled(void **unused)
{
    (void)unused;
    static const riacho_function function = {
        .kind = RIACHO_FUNCTION_PROCESS, .start = every_10, .each = pass_on};
    fixture *f = fixture_new();
    open_work(f, &function);
    riacho_chain_undo(f->chain);
    assert_string_equal(play(f, "a 1 @25, tick"), "out a=1@25 out tick=25@25");
    fixture_free(f);
}

/* ---- over a restart -------------------------------------------------------------------------- */

static const riacho_function restarted = {
    .kind = RIACHO_FUNCTION_PROCESS, .start = both_clocks, .each = pass_on};

static void what_fired_does_not_fire_again_after_a_restart(void **unused)
{
    (void)unused;
    RIACHO_AUTO(buffer) riacho_buffer progress = {0};
    fixture *f = fixture_new();
    open_work(f, &restarted);
    assert_string_equal(play(f, "a 1 @25, tick"), "out a=1@25 out tick=25@25");
    riacho_chain_save(f->chain, &progress);
    fixture_reopen(f);
    riacho_chain_restore(f->chain, riacho_buffer_bytes(&progress));
    assert_string_equal(play(f, "a 1 @26, tick, a 1 @31, tick"),
                        "out a=1@26 out a=1@31 out tick=31@31");
    fixture_reopen(f); /* and without what was saved, it would */
    assert_string_equal(play(f, "a 1 @32, tick"), "out a=1@32 out tick=32@32");
    fixture_free(f);
}

static riacho_status two_grids(riacho_ctx *ctx)
{
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 10, say_tick);
    riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 100, say_tock);
    return RIACHO_OK;
}

static void each_of_two_punctuators_goes_on_at_its_own_time(void **unused)
{
    (void)unused;
    static const riacho_function function = {
        .kind = RIACHO_FUNCTION_PROCESS, .start = two_grids, .each = pass_on};
    RIACHO_AUTO(buffer) riacho_buffer progress = {0};
    fixture *f = fixture_new();
    open_work(f, &function);
    play(f, "a 1 @25, tick");
    riacho_chain_save(f->chain, &progress);
    fixture_reopen(f);
    riacho_chain_restore(f->chain, riacho_buffer_bytes(&progress));
    assert_string_equal(play(f, "a 1 @29, tick, a 1 @31, tick, a 1 @101, tick"),
                        "out a=1@29 out a=1@31 out tick=31@31 out a=1@101 out tick=101@101 out "
                        "tock=101@101");
    fixture_free(f);
}

static void progress_that_is_cut_or_strange_is_ignored(void **unused)
{
    (void)unused;
    RIACHO_AUTO(buffer) riacho_buffer progress = {0};
    fixture *f = fixture_new();
    open_work(f, &restarted);
    play(f, "a 1 @25, tick");
    riacho_chain_save(f->chain, &progress);
    for (size_t size = 0; size < progress.size; size++) {
        fixture_reopen(f);
        riacho_bytes cut = riacho_copy(f->arena, (riacho_bytes){progress.data, size});
        riacho_chain_restore(f->chain, cut);
        assert_string_equal(play(f, "a 1 @26, tick"), "out a=1@26 out tick=26@26");
    }
    for (size_t at = 0; at < progress.size; at++) {
        progress.data[at] ^= 0xff;
        fixture_reopen(f);
        riacho_chain_restore(f->chain, riacho_buffer_bytes(&progress));
        progress.data[at] ^= 0xff;
    }
    fixture_reopen(f);
    riacho_chain_restore(f->chain, (riacho_bytes){0});
    assert_string_equal(play(f, "a 1 @26, tick"), "out a=1@26 out tick=26@26");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(punctuators_follow_their_table),
        cmocka_unit_test(a_punctuator_has_no_record_but_may_use_stores),
        cmocka_unit_test(the_next_wall_clock_time_is_told),
        cmocka_unit_test(undo_without_a_mark_keeps_what_start_scheduled),
        cmocka_unit_test(each_of_two_punctuators_goes_on_at_its_own_time),
        cmocka_unit_test(what_fired_does_not_fire_again_after_a_restart),
        cmocka_unit_test(progress_that_is_cut_or_strange_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
