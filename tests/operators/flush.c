/* SPDX-License-Identifier: MIT
 *
 * flush.c - tables, and what caching holds back until a flush.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static const int32_t store_0[] = {0};
static const int32_t store_1[] = {1};

/* Adds; 0 forgets the key. */
static riacho_status add(riacho_ctx *ctx, const void *event, void *state)
{
    *(int64_t *)state += *(const int64_t *)event;
    if (*(const int64_t *)event == 0)
        riacho_forget(ctx);
    return RIACHO_OK;
}

/* 13 is refused, 14 could be tried again. */
static riacho_status no_13(riacho_ctx *ctx, const riacho_record *record)
{
    const int64_t *value = record->value;
    if (value && *value == 13)
        return riacho_reject(ctx, "13 is unlucky");
    if (value && *value == 14)
        return riacho_reject(ctx, "later") == RIACHO_REJECT ? RIACHO_RETRY : RIACHO_FATAL;
    return RIACHO_OK;
}

/* Everybody into one group. */
static riacho_status group(riacho_ctx *ctx, const riacho_record *record, riacho_record *ret_record)
{
    riacho_bytes *all = riacho_alloc(riacho_ctx_arena(ctx), sizeof *all);
    *all = riacho_text("all");
    ret_record->key = all;
    ret_record->timestamp_ms = record->timestamp_ms;
    return RIACHO_OK;
}

static const riacho_function adder = {
    .name = "add", .kind = RIACHO_FUNCTION_AGGREGATE, .fold = add};
static const riacho_function checker = {
    .name = "check", .kind = RIACHO_FUNCTION_PEEK, .each = no_13};
static const riacho_function grouper = {.name = "group", .kind = RIACHO_FUNCTION_MAP, .map = group};

/* ---- the graphs ------------------------------------------------------------------------------ */

static const riacho_node table_nodes[] = {
    {.kind = RIACHO_NODE_SOURCE},
    {.id = "table", .kind = RIACHO_NODE_TO_TABLE, .stores = store_0, .store_count = 1},
    {.id = "check", .kind = RIACHO_NODE_PEEK, .function = &checker},
    {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
};
static const riacho_node table_source_nodes[] = {
    {.id = "table", .kind = RIACHO_NODE_TABLE_SOURCE, .stores = store_0, .store_count = 1},
    {.kind = RIACHO_NODE_TO_STREAM},
    {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
};
static const riacho_node sum_nodes[] = {
    {.kind = RIACHO_NODE_SOURCE},
    {.id = "sum",
     .kind = RIACHO_NODE_AGGREGATE,
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &adder,
     .stores = store_0,
     .store_count = 1},
    {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
};
/* Sums by key, then counts all the changes: what a flush of the first forwards makes the second
 * change. */
static const riacho_node two_nodes[] = {
    {.kind = RIACHO_NODE_SOURCE},
    {.id = "sum",
     .kind = RIACHO_NODE_AGGREGATE,
     .aggregate = RIACHO_AGGREGATE_FUNCTION,
     .function = &adder,
     .stores = store_0,
     .store_count = 1},
    {.id = "group", .kind = RIACHO_NODE_MAP, .function = &grouper},
    {.id = "total",
     .kind = RIACHO_NODE_AGGREGATE,
     .aggregate = RIACHO_AGGREGATE_COUNT,
     .stores = store_1,
     .store_count = 1},
    {.kind = RIACHO_NODE_SINK, .topic = FIXTURE_OUT},
};

static const riacho_graph_store cached[] = {{.name = "s0", .caching = true},
                                            {.name = "s1", .caching = true}};
static const riacho_graph_store at_once[] = {{.name = "s0"}, {.name = "s1"}};

/* ---- by table -------------------------------------------------------------------------------- */

typedef struct flush_case {
    const char *name;
    const fixture_graph *graph;
    const char *script;
    const char *out;
    const char *store;
} flush_case;

static const flush_case cases[] = {
    {"a table takes the last value of each key and drops null keys",
     FIXTURE_GRAPH(table_nodes, at_once), "a 1 @10, - 2 @11, a 3 @12, b 4 @13",
     "out a=1@10 out a=3@12 out b=4@13", "a=3@12 b=4@13"},
    {"a null value deletes", FIXTURE_GRAPH(table_nodes, at_once), "a 1 @10, a - @11",
     "out a=1@10 out a=-@11", ""},
    {"the order of the records counts, not their timestamps", FIXTURE_GRAPH(table_nodes, at_once),
     "a 1 @20, a 2 @10", "out a=1@20 out a=2@10", "a=2@10"},
    {"a table source keeps its topic and hands on the changes, with headers",
     FIXTURE_GRAPH(table_source_nodes, at_once), "a 1 @10 h=x, - 2 @11, a - @12",
     "out a=1@10{h=x} out a=-@12", ""},
    {"caching forwards nothing before the flush", FIXTURE_GRAPH(table_nodes, cached),
     "a 1 @10, b 2 @11", "", "a=1@10 b=2@11"},
    {"a flush forwards the last change of each key, in the order of the first ones",
     FIXTURE_GRAPH(table_nodes, cached), "b 1 @10, a 2 @11, b 3 @12, c 4 @13, a 5 @14, flush",
     "out b=3@12 out a=5@14 out c=4@13", "a=5@14 b=3@12 c=4@13"},
    {"what was flushed is flushed once", FIXTURE_GRAPH(table_nodes, cached),
     "a 1 @10, flush, flush, b 2 @11, flush", "out a=1@10 out b=2@11", "a=1@10 b=2@11"},
    {"a flush brings the headers of the last change", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10 h=x i=y, a 1 @11, a 1 @11, b 1 @12, b 1 @13 j=z, flush", "out a=3@11 out b=2@13{j=z}",
     "a=3@11 b=2@13"},
    {"a key that came and went within a flush is no change", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10, a 0 @11, flush", "", ""},
    {"a key that was there before and went is a tombstone", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10, commit, a 0 @11, flush", "out a=1@10 out a=-@11", ""},
    {"a key that went and came back is its last value", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10, commit, a 0 @11, a 7 @12, flush", "out a=1@10 out a=7@12", "a=7@12"},
    {"deleting what a table never had is no change", FIXTURE_GRAPH(table_nodes, cached),
     "a - @10, flush, a 1 @11, commit, a - @12, flush", "out a=1@11 out a=-@12", ""},
    {"without caching every change is forwarded at once", FIXTURE_GRAPH(sum_nodes, at_once),
     "a 1 @10, a 2 @11, flush", "out a=1@10 out a=3@11", "a=3@11"},
    {"what a flush changes below is flushed as well", FIXTURE_GRAPH(two_nodes, cached),
     "a 1 @10, b 1 @11, a 1 @12, flush", "out all=2@12", "a=2@12 b=1@11"},
    {"undo takes back a key's first touch", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10, b 1 @11, undo, flush", "out a=1@10", "a=1@10"},
    {"undo takes back the headers and the tombstone's time of the last change only",
     FIXTURE_GRAPH(sum_nodes, cached), "a 5 @5, commit, a 0 @10 h=x, a 0 @20 i=y, undo, flush",
     "out a=5@5 out a=-@10{h=x}", ""},
    {"undo twice over one key leads back to the mark", FIXTURE_GRAPH(sum_nodes, cached),
     "a 1 @10 h=x, a 1 @11 h=y, undo, a 1 @12 h=z, undo, flush", "out a=1@10{h=x}", "a=1@10"},
    {"a flush that ends well cannot be undone: there is nothing left to forward",
     FIXTURE_GRAPH(sum_nodes, cached), "a 1 @10, flush, undo, flush", "", "a=1@10"},
    {"a change that is refused in a flush is passed over by the next one",
     FIXTURE_GRAPH(table_nodes, cached), "a 1 @10, b 13 @11, c 2 @12, flush, flush",
     "REJECT(step 'check': 13 is unlucky) out a=1@10 out c=2@12", "a=1@10 b=13@11 c=2@12"},
    {"once passed over, the key's next change is forwarded again",
     FIXTURE_GRAPH(table_nodes, cached), "a 13 @10, flush, flush, a 2 @11, flush",
     "REJECT(step 'check': 13 is unlucky) out a=2@11", "a=2@11"},
    {"a change that can be tried again is tried again", FIXTURE_GRAPH(table_nodes, cached),
     "a 1 @10, b 14 @11, flush, flush", "RETRY(step 'check': later) RETRY(step 'check': later)",
     "a=1@10 b=14@11"},
};

static void tables_and_flushes_follow_their_table(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fixture_new();
        fixture_open(f, cases[i].graph);
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

static void dropping_forgets_what_a_flush_would_forward(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_GRAPH(sum_nodes, cached));
    play(f, "a 1 @10, commit, a 2 @11, b 3 @12");
    riacho_overlay_drop(f->host.overlay);
    riacho_chain_drop(f->chain);
    assert_string_equal(play(f, "flush"), "");
    assert_string_equal(stored(f, 0), "a=1@10");
    assert_string_equal(play(f, "a 5 @13, flush"), "out a=6@13");
    fixture_free(f);
}

static void undo_leads_back_to_the_same_mark_again_and_again(void **unused)
{
    (void)unused;
    static const riacho_bytes key = {"a", 1};
    static const int64_t one = 1;
    static const riacho_header header = {{"h", 1}, {"x", 1}};
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_GRAPH(sum_nodes, cached));
    play(f, "a 5 @10 g=y");
    riacho_overlay_savepoint(f->host.overlay);
    riacho_chain_mark(f->chain);
    for (int i = 0; i < 3; i++) {
        const riacho_record record = {
            .key = &key, .value = &one, .timestamp_ms = 20 + i, .headers = {&header, 1}};
        assert_int_equal(riacho_chain_process(f->chain, 0, &record), RIACHO_OK);
        riacho_overlay_undo(f->host.overlay);
        riacho_chain_undo(f->chain);
    }
    assert_string_equal(play(f, "flush"), "out a=5@10{g=y}");
    fixture_free(f);
}

static void a_null_key_of_a_table_is_counted(void **unused)
{
    (void)unused;
    fixture *f = fixture_new();
    fixture_open(f, FIXTURE_GRAPH(table_nodes, cached));
    play(f, "- 1 @10, a 2 @11, - - @12");
    assert_int_equal(counts(f, 1).dropped, 2);
    fixture_free(f);
}

/* ---- caching changes what is forwarded, never what is kept ------------------------------------
 */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Records over few keys, deletes among them, with undos, flushes and commits in between when they
 * are asked for; both chains get the same records. */
static void write_script(uint64_t seed, riacho_buffer *out)
{
    riacho_buffer_printf(out, "k0 1 @0");
    for (int i = 0; i < 60; i++) {
        const uint64_t chance = next_random(&seed);
        const unsigned key = (unsigned)(chance % 7);
        const unsigned value = (unsigned)(chance >> 8) % 6;
        const unsigned at = (unsigned)(chance >> 16) % 100;
        switch ((chance >> 32) % 12) {
        case 0:
            riacho_buffer_printf(out, ",flush");
            break;
        case 1:
            riacho_buffer_printf(out, ",commit");
            break;
        case 2:
            riacho_buffer_printf(out, ",k%u %u @%u h=%u,undo", key, value, at, value);
            break;
        case 3:
            riacho_buffer_printf(out, ",k%u - @%u", key, at);
            break;
        default:
            riacho_buffer_printf(out, ",k%u %u @%u h=%d", key, value, at, i);
            break;
        }
    }
    riacho_buffer_printf(out, ",commit");
    riacho_buffer_append(out, "", 1);
}

/* The last change of each key in a transcript: "out k0=4@12{h=3} ..." by key, as a consumer of the
 * topic is left with. */
static void last_changes(const char *transcript, char rest[7][64])
{
    for (const char *at = transcript; (at = strstr(at, "out k")); at += 5) {
        const size_t size = strcspn(at + 4, " ");
        assert_true(size < 64);
        memcpy(rest[at[5] - '0'], at + 4, size);
        rest[at[5] - '0'][size] = 0;
    }
}

static void run_seed(const fixture_graph *graph, const char *script, riacho_buffer *ret_store,
                     char rest[7][64])
{
    fixture *f = fixture_new();
    fixture_open(f, graph);
    last_changes(play(f, script), rest);
    riacho_buffer_printf(ret_store, "%s", stored(f, 0));
    fixture_free(f);
}

static const fixture_graph *const pairs[][2] = {
    {FIXTURE_GRAPH(sum_nodes, cached), FIXTURE_GRAPH(sum_nodes, at_once)},
    {FIXTURE_GRAPH(table_source_nodes, cached), FIXTURE_GRAPH(table_source_nodes, at_once)},
};

static void caching_keeps_the_same_state_and_leaves_the_same_last_changes(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        RIACHO_AUTO(buffer) riacho_buffer script = {0};
        write_script(seed * 0x9e3779b97f4a7c15u, &script);
        for (size_t pair = 0; pair < 2; pair++) {
            RIACHO_AUTO(buffer) riacho_buffer with = {0};
            RIACHO_AUTO(buffer) riacho_buffer without = {0};
            char rest_with[7][64] = {0};
            char rest_without[7][64] = {0};
            run_seed(pairs[pair][0], (const char *)script.data, &with, rest_with);
            run_seed(pairs[pair][1], (const char *)script.data, &without, rest_without);
            if (!riacho_bytes_equal(riacho_buffer_bytes(&with), riacho_buffer_bytes(&without)))
                fail_msg("seed %llu: %.*s is not %.*s", (unsigned long long)seed, (int)with.size,
                         (char *)with.data, (int)without.size, (char *)without.data);
            for (size_t key = 0; key < 7; key++) {
                /* Caching never tells of a key that came and went between two flushes. */
                if (!rest_with[key][0] && strstr(rest_without[key], "=-"))
                    continue;
                if (strcmp(rest_with[key], rest_without[key]) != 0 &&
                    !(strstr(rest_with[key], "=-") && strstr(rest_without[key], "=-")))
                    fail_msg("seed %llu: the last change is %s, not %s", (unsigned long long)seed,
                             rest_with[key], rest_without[key]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_flushes_follow_their_table),
        cmocka_unit_test(dropping_forgets_what_a_flush_would_forward),
        cmocka_unit_test(undo_leads_back_to_the_same_mark_again_and_again),
        cmocka_unit_test(a_null_key_of_a_table_is_counted),
        cmocka_unit_test(caching_keeps_the_same_state_and_leaves_the_same_last_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
