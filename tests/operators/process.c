/* SPDX-License-Identifier: MIT
 *
 * process.c - what a user's function may ask, forward and store.
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "riacho/store.h"
#include "state/list.h"
#include "state/ranking.h"

static const int32_t store_0[] = {0};

/* A graph with one process step over one store, and a sink below it. */
static void open_process(fixture *f, const riacho_function *function,
                         const riacho_graph_store *store)
{
    static const riacho_edge edges[] = {{.node = 2}, {.node = 3, .name = "others"}};
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "work",
         .kind = RIACHO_NODE_PROCESS,
         .function = function,
         .stores = store_0,
         .store_count = 1,
         .children = edges,
         .child_count = 2},
        {.id = "first", .kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
        {.id = "second", .kind = RIACHO_NODE_SINK, .topic = FIXTURE_OTHER},
    };
    fixture_open(f, &(fixture_graph){nodes, 4, store, 1});
}

static const riacho_graph_store keyvalue = {.name = "numbers"};

/* ---- forwarding ------------------------------------------------------------------------------ */

/* 1: all, 2: by name, 3: by step, 4: nobody has that name, 5: a time before all times. */
static riacho_status forward_by_value(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_record late = *record;
    late.timestamp_ms = -5;
    switch (*(const int64_t *)record->value) {
    case 1:
        return riacho_forward(ctx, record);
    case 2:
        return riacho_forward_to(ctx, "others", record);
    case 3:
        return riacho_forward_to(ctx, "first", record);
    case 4:
        return riacho_forward_to(ctx, "nobody", record);
    default:
        return riacho_forward(ctx, &late);
    }
}

static void records_go_to_all_children_or_to_a_named_one(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS,
                                             .each = forward_by_value};
    fixture *f = fixture_new();
    open_process(f, &function, &keyvalue);
    assert_string_equal(play(f, "a 1 @1 h=x"), "out a=1@1{h=x} other a=1@1{h=x}");
    assert_string_equal(play(f, "a 2 @1"), "other a=2@1");
    assert_string_equal(play(f, "a 3 @1"), "out a=3@1");
    assert_string_equal(play(f, "a 4 @1"), "FATAL(step 'work': there is no 'nobody' to forward to: "
                                           "say it in `emits`)");
    assert_string_equal(play(f, "a 5 @1"),
                        "REJECT(step 'work': a record cannot have the timestamp -5)");
    assert_int_equal(counts(f, 1).records_out, 3);
    fixture_free(f);
}

static riacho_status forward_in_start(riacho_ctx *ctx)
{
    return riacho_forward(ctx, &(riacho_record){0});
}

static void nothing_is_forwarded_while_starting(void **unused)
{
    (void)unused;
    static const riacho_function function = {
        .kind = RIACHO_FUNCTION_PROCESS, .each = forward_by_value, .start = forward_in_start};
    const riacho_node nodes[] = {
        {.kind = RIACHO_NODE_SOURCE},
        {.id = "work", .kind = RIACHO_NODE_PROCESS, .function = &function},
    };
    fixture *f = fixture_new();
    assert_int_equal(fixture_make(f, FIXTURE_NODES(nodes)), RIACHO_FATAL);
    assert_string_equal(f->error.text, "step 'work': 'process' may not forward records here");
    fixture_free(f);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static riacho_status check_ctx(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_source source;
    assert_ptr_equal(riacho_ctx_record(ctx), record);
    assert_int_equal(riacho_ctx_source(ctx, &source), RIACHO_OK);
    assert_string_equal(source.topic, "in");
    assert_int_equal(source.partition, 3);
    assert_int_equal(source.offset, 42);
    assert_int_equal(riacho_ctx_stream_time_ms(ctx), 70);
    assert_int_equal(riacho_ctx_now_ms(ctx), 1234);
    assert_string_equal(riacho_ctx_task(ctx), "0_0");
    assert_non_null(riacho_alloc(riacho_ctx_arena(ctx), 10));
    riacho_ctx_commit(ctx);
    return RIACHO_OK;
}

static void a_function_knows_where_and_when_it_is(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = check_ctx};
    fixture *f = fixture_new();
    f->clock.at_ms = 1234;
    open_process(f, &function, &keyvalue);
    assert_string_equal(play(f, "a 1 @70"), "");
    assert_int_equal(f->commit_requests, 1);
    assert_int_equal(counts(f, 1).records_in, 1);
    fixture_free(f);
}

static void the_words_of_c_have_their_structs(void **unused)
{
    (void)unused;
    static const struct {
        const riacho_struct *of;
        const char *name;
        uint32_t size;
    } words[] = {
        {&riacho_string_struct, "string", sizeof(riacho_bytes)},
        {&riacho_bytes_struct, "bytes", sizeof(riacho_bytes)},
        {&riacho_long_struct, "long", 8},
        {&riacho_int_struct, "int", 4},
        {&riacho_double_struct, "double", 8},
        {&riacho_boolean_struct, "boolean", 1},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_string_equal(words[i].of->name, words[i].name);
        assert_int_equal(words[i].of->size, words[i].size);
        assert_int_equal(words[i].of->hash, 0);
    }
}

/* ---- keyValue -------------------------------------------------------------------------------- */

/* Adds to what the store has and forwards the sum; 0 deletes; 13 refuses after the put. */
static riacho_status remember(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_keyvalue *store = riacho_keyvalue_of(ctx, "numbers");
    const int64_t value = *(const int64_t *)record->value;
    const void *found;
    RIACHO_TRY(riacho_keyvalue_get(store, record->key, &found));
    if (value == 0)
        return riacho_keyvalue_put(store, record->key, NULL);
    const int64_t sum = value + (found ? *(const int64_t *)found : 0);
    RIACHO_TRY(riacho_keyvalue_put(store, record->key, &sum));
    if (value == 13)
        return riacho_reject(ctx, "13 is unlucky");
    riacho_record result = *record;
    result.value = &sum;
    return riacho_forward_to(ctx, "first", &result);
}

static void a_key_value_store_keeps_what_was_put_with_the_records_time(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = remember};
    fixture *f = fixture_new();
    open_process(f, &function, &keyvalue);
    assert_string_equal(play(f, "a 1 @10, a 2 @5, b 7 @11, commit, a 3 @12"),
                        "out a=1@10 out a=3@5 out b=7@11 out a=6@12");
    assert_string_equal(stored(f, 0), "a=6@12 b=7@11");
    assert_string_equal(play(f, "b 0 @13, b 0 @14, a 13 @15"),
                        "REJECT(step 'work': 13 is unlucky)");
    assert_string_equal(stored(f, 0), "a=6@12");
    assert_string_equal(play(f, "- 5 @16"),
                        "REJECT(step 'work': store 'numbers' takes no null key)");
    fixture_free(f);
}

/* ---- ranking --------------------------------------------------------------------------------- */

/* value: score by set (below 100), add (100 and up: minus 200), 50: remove. Members are keys, of
 * the one ranking "all". */
static riacho_status rank(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_ranking *store = riacho_ranking_of(ctx, "ranks");
    const riacho_bytes all = riacho_text("all");
    const int64_t value = *(const int64_t *)record->value;
    if (value == 50)
        return riacho_ranking_remove(store, &all, record->key);
    if (value < 100)
        return riacho_ranking_set(store, &all, record->key, value);
    int64_t score;
    RIACHO_TRY(riacho_ranking_add(store, &all, record->key, value - 200, &score));
    int64_t again;
    bool found;
    RIACHO_TRY(riacho_ranking_score(store, &all, record->key, &found, &again));
    assert_true(found);
    assert_int_equal(score, again);
    return RIACHO_OK;
}

static const char *top(fixture *f, const riacho_buffer *key)
{
    const riacho_state_ranking ranking = {
        .state = riacho_overlay_state(f->host.overlay, 0, f->host.batch),
        .key = riacho_buffer_bytes(key)};
    riacho_state_ranking_page page;
    assert_int_equal(riacho_state_ranking_top(&ranking, NULL, 10, &page, &f->error), RIACHO_OK);
    riacho_buffer_reset(&f->said);
    for (size_t i = 0; i < page.count; i++)
        riacho_buffer_printf(&f->said, "%.*s=%lld ", (int)page.items[i].member.size,
                             (const char *)page.items[i].member.data,
                             (long long)page.items[i].score);
    riacho_buffer_append(&f->said, "", 1);
    return (const char *)f->said.data;
}

static void a_ranking_keeps_members_by_score(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = rank};
    const riacho_graph_store store = {
        .name = "ranks", .kind = RIACHO_STORE_RANKING, .value = fixture_data("string"), .keep = 3};
    RIACHO_AUTO(buffer) riacho_buffer key = {0};
    riacho_buffer_append(&key, "all", 3);
    fixture *f = fixture_new();
    open_process(f, &function, &store);
    assert_string_equal(play(f, "a 5 @1, b 9 @2, c 7 @3"), "");
    assert_string_equal(top(f, &key), "b=9 c=7 a=5 ");
    assert_string_equal(play(f, "a 210 @4, b 50 @5, commit"), "");
    assert_string_equal(top(f, &key), "a=15 c=7 ");
    assert_string_equal(play(f, "d 1 @6, e 2 @7, c 198 @8"), "");
    assert_string_equal(top(f, &key), "a=15 c=5 e=2 ");
    fixture_free(f);
}

/* ---- list ------------------------------------------------------------------------------------ */

/* Appends the value; a negative one deletes that sequence. Forwards the sequence. */
static riacho_status list(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_list *store = riacho_list_of(ctx, "notes");
    const int64_t value = *(const int64_t *)record->value;
    if (value < 0)
        return riacho_list_delete(store, record->key, (uint64_t)-value);
    uint64_t sequence;
    RIACHO_TRY(riacho_list_append(store, record->key, record->value, &sequence));
    const int64_t result = (int64_t)sequence;
    riacho_record answer = *record;
    answer.value = &result;
    return riacho_forward_to(ctx, "first", &answer);
}

static void a_list_keeps_values_in_order_by_key(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = list};
    const riacho_graph_store store = {.name = "notes", .kind = RIACHO_STORE_LIST, .keep = 2};
    fixture *f = fixture_new();
    open_process(f, &function, &store);
    assert_string_equal(play(f, "a 50 @1, b 51 @2, a 52 @3, commit, a 53 @4, a -2 @5, a 54 @6"),
                        "out a=1@1 out b=1@2 out a=2@3 out a=3@4 out a=4@6");
    const riacho_state_list notes = {
        .state = riacho_overlay_state(f->host.overlay, 0, f->host.batch), .key = riacho_text("a")};
    riacho_state_list_page page;
    assert_int_equal(riacho_state_list_entries(&notes, &(riacho_state_list_query){.limit = 10},
                                               &page, &f->error),
                     RIACHO_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.items[0].sequence, 3);
    assert_int_equal(page.items[1].sequence, 4);
    fixture_free(f);
}

/* ---- ttl ------------------------------------------------------------------------------------- */

/* Puts (0: deletes) with the record's time, unless the value is 99: then only asks. Forwards what
 * is there afterwards. */
static riacho_status hold(riacho_ctx *ctx, const riacho_record *record)
{
    riacho_ttl *store = riacho_ttl_of(ctx, "tokens");
    const int64_t value = *(const int64_t *)record->value;
    if (value != 99)
        RIACHO_TRY(
            riacho_ttl_put(store, record->key, value ? record->value : NULL, record->timestamp_ms));
    riacho_record answer = *record;
    RIACHO_TRY(riacho_ttl_get(store, record->key, &answer.value));
    return riacho_forward_to(ctx, "first", &answer);
}

static void a_ttl_store_forgets_by_stream_time(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = hold};
    const riacho_graph_store store = {.name = "tokens", .kind = RIACHO_STORE_TTL, .ttl_ms = 100};
    fixture *f = fixture_new();
    open_process(f, &function, &store);
    assert_string_equal(play(f, "a 1 @10, a 99 @109, b 2 @109, a 99 @110, b 99 @110"),
                        "out a=1@10 out a=1@109 out b=2@109 out a=-@110 out b=2@110");
    assert_string_equal(play(f, "b 0 @111, c 5 @111, commit, d 6 @60000, commit"),
                        "out b=-@111 out c=5@111 out d=6@60000");
    uint64_t keys, bytes;
    f->store->ops->measure(f->store, 0, &keys, &bytes);
    assert_int_equal(keys, 3); /* d, the page of when it expires, how far expiry came: no a, b, c */
    fixture_free(f);
}

/* ---- what ends the worker -------------------------------------------------------------------- */

static riacho_status ask_for_another_store(riacho_ctx *ctx, const riacho_record *record)
{
    (void)record;
    return riacho_keyvalue_of(ctx, "letters") ? RIACHO_OK : RIACHO_REJECT;
}

static riacho_status ask_for_another_kind(riacho_ctx *ctx, const riacho_record *record)
{
    (void)record;
    return riacho_list_of(ctx, "numbers") ? RIACHO_OK : RIACHO_REJECT;
}

static riacho_status never(riacho_ctx *ctx, int64_t at_ms)
{
    (void)ctx, (void)at_ms;
    return RIACHO_OK;
}

static riacho_status schedule_without_interval(riacho_ctx *ctx, const riacho_record *record)
{
    (void)record;
    return riacho_ctx_schedule(ctx, RIACHO_STREAM_TIME, 0, never) ? RIACHO_OK : RIACHO_REJECT;
}

static void a_function_that_breaks_a_checked_rule_ends_the_worker(void **unused)
{
    (void)unused;
    static const riacho_function functions[] = {
        {.kind = RIACHO_FUNCTION_PROCESS, .each = ask_for_another_store},
        {.kind = RIACHO_FUNCTION_PROCESS, .each = ask_for_another_kind},
        {.kind = RIACHO_FUNCTION_PROCESS, .each = schedule_without_interval},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL); /* cmocka and sanitizers would speak of it */
            if (!freopen("/dev/null", "w", stderr))
                _exit(1);
            fixture *f = fixture_new();
            open_process(f, &functions[i], &keyvalue);
            play(f, "a 1 @1");
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

/* ---- a store that fails ---------------------------------------------------------------------- */

static riacho_status fail_to_get(riacho_store *store, uint32_t space, riacho_bytes key,
                                 riacho_arena *arena, riacho_bytes *ret_value, riacho_error *err)
{
    (void)store, (void)space, (void)key, (void)arena, (void)ret_value;
    return riacho_fail(err, RIACHO_FATAL, "the disk is gone");
}

static void a_store_that_fails_is_passed_on_with_the_step(void **unused)
{
    (void)unused;
    static const riacho_function function = {.kind = RIACHO_FUNCTION_PROCESS, .each = remember};
    fixture *f = fixture_new();
    open_process(f, &function, &keyvalue);
    const riacho_store_ops *ops = f->store->ops;
    riacho_store_ops broken = *ops;
    broken.get = fail_to_get;
    f->store->ops = &broken;
    assert_string_equal(play(f, "a 1 @1"), "FATAL(step 'work': the disk is gone)");
    f->store->ops = ops;
    assert_string_equal(play(f, "a 1 @1"), "out a=1@1");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_to_all_children_or_to_a_named_one),
        cmocka_unit_test(nothing_is_forwarded_while_starting),
        cmocka_unit_test(a_function_knows_where_and_when_it_is),
        cmocka_unit_test(the_words_of_c_have_their_structs),
        cmocka_unit_test(a_key_value_store_keeps_what_was_put_with_the_records_time),
        cmocka_unit_test(a_ranking_keeps_members_by_score),
        cmocka_unit_test(a_list_keeps_values_in_order_by_key),
        cmocka_unit_test(a_ttl_store_forgets_by_stream_time),
        cmocka_unit_test(a_function_that_breaks_a_checked_rule_ends_the_worker),
        cmocka_unit_test(a_store_that_fails_is_passed_on_with_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
