/* SPDX-License-Identifier: MIT
 *
 * suite.c - reads a test document; every unknown word is an issue with its place.
 */
#include "suite.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"

typedef struct word {
    const char *name;
    int value;
} word;

static const word sites[] = {
    {"record", RIACHO_SITE_RECORD},
    {"beforeCommit", RIACHO_SITE_BEFORE_COMMIT},
    {"duringCommit", RIACHO_SITE_STATE_WRITTEN},
    {"outputsWritten", RIACHO_SITE_OUTPUTS_WRITTEN},
    {"afterCommit", RIACHO_SITE_AFTER_COMMIT},
    {"recovery", RIACHO_SITE_RECOVERY},
};

static const word actions[] = {
    {"send", RIACHO_TEST_SEND},     {"advance", RIACHO_TEST_ADVANCE},
    {"crash", RIACHO_TEST_CRASH},   {"restart", RIACHO_TEST_RESTART},
    {"commit", RIACHO_TEST_COMMIT}, {"expect", RIACHO_TEST_EXPECT},
};

static bool is(const riacho_yaml_node *scalar, const char *text)
{
    return scalar && scalar->kind == RIACHO_YAML_SCALAR &&
           riacho_bytes_equal(scalar->text, riacho_text(text));
}

static const char *text_of(const riacho_yaml_node *scalar)
{
    return scalar && scalar->kind == RIACHO_YAML_SCALAR ? scalar->text.data : NULL;
}

/* Complains about every key of the mapping that is not among the names (ended by NULL). */
static void check_keys(const riacho_yaml_node *mapping, const char *const *names,
                       riacho_issue_list *issues)
{
    size_t count = 0;
    while (names[count])
        count++;
    for (size_t i = 0; i < mapping->count && mapping->kind == RIACHO_YAML_MAPPING; i++) {
        const riacho_yaml_node *key = mapping->entries[i].key;
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known = known || is(key, names[k]);
        if (known)
            continue;
        const char *meant = riacho_suggest(key->text, names, count);
        riacho_yaml_issue(key, issues,
                          meant ? riacho_format(issues->arena, "did you mean '%s'?", meant) : NULL,
                          "unknown key '%s'", (const char *)key->text.data);
    }
}

static bool expect_kind(const riacho_yaml_node *node, riacho_yaml_kind kind, const char *what,
                        riacho_issue_list *issues)
{
    static const char *const names[] = {[RIACHO_YAML_SCALAR] = "a scalar",
                                        [RIACHO_YAML_MAPPING] = "a mapping",
                                        [RIACHO_YAML_SEQUENCE] = "a list"};
    if (node->kind == kind)
        return true;
    riacho_yaml_issue(node, issues, NULL, "%s is %s", what, names[kind]);
    return false;
}

static void read_out(const riacho_yaml_node *node, riacho_issue_list *issues,
                     riacho_test_out *ret_out)
{
    static const char *const keys[] = {"from", "key", "value", "at", "headers", "window", NULL};
    *ret_out = (riacho_test_out){.node = node};
    if (!expect_kind(node, RIACHO_YAML_MAPPING, "a record of `out`", issues))
        return;
    check_keys(node, keys, issues);
    ret_out->from = text_of(riacho_yaml_get(node, "from"));
    ret_out->key = riacho_yaml_get(node, "key");
    ret_out->value = riacho_yaml_get(node, "value");
    ret_out->timestamp = riacho_yaml_get(node, "at");
    ret_out->headers = riacho_yaml_get(node, "headers");
    if (riacho_yaml_get(node, "window"))
        riacho_yaml_issue(riacho_yaml_key(node, "window"), issues, NULL,
                          "windows are not supported by this version yet");
    if (!ret_out->from)
        riacho_yaml_issue(node, issues, NULL,
                          "`from` is missing: the topic the record comes out of");
}

static void read_outs(const riacho_yaml_node *node, riacho_arena *arena, riacho_issue_list *issues,
                      riacho_test_step *step)
{
    const riacho_yaml_node *list = riacho_yaml_get(node, "out");
    if (!list || !expect_kind(list, RIACHO_YAML_SEQUENCE, "`out`", issues))
        return;
    riacho_test_out *outs = riacho_alloc_zero(arena, list->count, sizeof *outs);
    for (size_t i = 0; i < list->count; i++)
        read_out(list->entries[i].value, issues, &outs[i]);
    step->outs = outs;
    step->out_count = list->count;
    step->checks_out = true;
}

static void check_number(const riacho_yaml_node *scalar, const char *what,
                         riacho_issue_list *issues)
{
    if (scalar &&
        (scalar->kind != RIACHO_YAML_SCALAR || riacho_yaml_type_of(scalar) != RIACHO_YAML_INT))
        riacho_yaml_issue(scalar, issues, NULL, "%s", what);
}

/* Every word of an expectation is known before anything runs. */
static void check_expect(const riacho_yaml_node *expect, riacho_issue_list *issues)
{
    static const char *const keys[] = {"stores", "topics", "queries", "replayEqual", NULL};
    const riacho_yaml_node *replay = riacho_yaml_get(expect, "replayEqual");
    if (!expect || !expect_kind(expect, RIACHO_YAML_MAPPING, "`expect`", issues))
        return;
    check_keys(expect, keys, issues);
    if (replay &&
        (replay->kind != RIACHO_YAML_SCALAR || riacho_yaml_type_of(replay) != RIACHO_YAML_BOOLEAN))
        riacho_yaml_issue(replay, issues, NULL, "`replayEqual` is true or false");
}

static void read_send(const riacho_yaml_node *record, riacho_issue_list *issues)
{
    static const char *const keys[] = {"to", "key", "value", "at", "headers", "partition", NULL};
    if (!expect_kind(record, RIACHO_YAML_MAPPING, "`send`", issues))
        return;
    check_keys(record, keys, issues);
    check_number(riacho_yaml_get(record, "at"), "`at` is a time in ms", issues);
    check_number(riacho_yaml_get(record, "partition"), "`partition` is a number", issues);
    if (!text_of(riacho_yaml_get(record, "to")))
        riacho_yaml_issue(record, issues, NULL,
                          "`to` is missing: the stream or topic the record goes to");
}

static void read_advance(const riacho_yaml_node *operand, riacho_issue_list *issues,
                         riacho_test_step *step)
{
    static const char *const keys[] = {"wallClock", NULL};
    riacho_error why;
    if (!expect_kind(operand, RIACHO_YAML_MAPPING, "`advance`", issues))
        return;
    check_keys(operand, keys, issues);
    const riacho_yaml_node *wall = riacho_yaml_get(operand, "wallClock");
    if (!wall || wall->kind != RIACHO_YAML_SCALAR)
        riacho_yaml_issue(operand, issues, "such as {wallClock: 1m}", "`wallClock` is missing");
    else if (riacho_duration_parse(wall->text, &step->wall_clock_ms, &why) != RIACHO_OK)
        riacho_yaml_issue(wall, issues, NULL, "%s", why.text);
}

static void read_crash(const riacho_yaml_node *operand, riacho_issue_list *issues,
                       riacho_test_step *step)
{
    static const char *const keys[] = {"at", NULL};
    const riacho_yaml_node *at = riacho_yaml_get(operand, "at");
    if (operand->kind == RIACHO_YAML_MAPPING)
        check_keys(operand, keys, issues);
    const char *names[sizeof sites / sizeof *sites];
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        names[i] = sites[i].name;
        if (is(at, sites[i].name))
            step->site = (riacho_site)sites[i].value;
    }
    if (step->site)
        return;
    const char *meant =
        text_of(at) ? riacho_suggest(at->text, names, sizeof sites / sizeof *sites) : NULL;
    riacho_yaml_issue(at ? at : operand, issues,
                      meant ? riacho_format(issues->arena, "did you mean '%s'?", meant) : NULL,
                      "`crash` needs {at: beforeCommit | duringCommit | afterCommit}");
}

static void read_step(const riacho_yaml_node *node, riacho_arena *arena, riacho_issue_list *issues,
                      riacho_test_step *ret_step)
{
    static const char *const keys[] = {"send",   "advance", "crash", "restart",
                                       "commit", "expect",  "out",   NULL};
    *ret_step = (riacho_test_step){.node = node};
    if (!expect_kind(node, RIACHO_YAML_MAPPING, "a step", issues))
        return;
    check_keys(node, keys, issues);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const riacho_yaml_node *operand = riacho_yaml_get(node, actions[i].name);
        if (!operand)
            continue;
        if (ret_step->action)
            riacho_yaml_issue(riacho_yaml_key(node, actions[i].name), issues, NULL,
                              "a step does one thing; make this a step of its own");
        ret_step->action = (riacho_test_action)actions[i].value;
        ret_step->operand = operand;
    }
    read_outs(node, arena, issues, ret_step);
    if (ret_step->action == RIACHO_TEST_EXPECT)
        check_expect(ret_step->operand, issues);
    switch (ret_step->action) {
    case RIACHO_TEST_SEND:
        read_send(ret_step->operand, issues);
        break;
    case RIACHO_TEST_ADVANCE:
        read_advance(ret_step->operand, issues, ret_step);
        break;
    case RIACHO_TEST_CRASH:
        read_crash(ret_step->operand, issues, ret_step);
        break;
    case RIACHO_TEST_RESTART:
    case RIACHO_TEST_COMMIT:
    case RIACHO_TEST_EXPECT:
        break;
    default:
        riacho_yaml_issue(node, issues, NULL,
                          "a step is one of: send, advance, crash, restart, commit, expect");
    }
}

static const char *beside(riacho_arena *arena, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (*path == '/' || !slash)
        return path;
    return riacho_format(arena, "%.*s/%s", (int)(slash - file), file, path);
}

static void read_test(const riacho_yaml_entry *entry, riacho_arena *arena,
                      riacho_issue_list *issues, riacho_test *ret_test)
{
    static const char *const keys[] = {"steps",        "expect",     "commit",      "fixture",
                                       "fixtureTopic", "fixtureKey", "description", NULL};
    *ret_test = (riacho_test){.name = entry->key->text.data, .node = entry->key};
    if (!expect_kind(entry->value, RIACHO_YAML_MAPPING, "a test", issues))
        return;
    check_keys(entry->value, keys, issues);
    const riacho_yaml_node *steps = riacho_yaml_get(entry->value, "steps");
    if (steps && expect_kind(steps, RIACHO_YAML_SEQUENCE, "`steps`", issues)) {
        riacho_test_step *items = riacho_alloc_zero(arena, steps->count, sizeof *items);
        for (size_t i = 0; i < steps->count; i++)
            read_step(steps->entries[i].value, arena, issues, &items[i]);
        ret_test->steps = items;
        ret_test->step_count = steps->count;
    }
    const riacho_yaml_node *commit = riacho_yaml_get(entry->value, "commit");
    ret_test->manual_commit = is(commit, "manual");
    if (commit && !ret_test->manual_commit && !is(commit, "eachStep"))
        riacho_yaml_issue(commit, issues, NULL, "`commit` is eachStep or manual");
    const char *fixture = text_of(riacho_yaml_get(entry->value, "fixture"));
    ret_test->fixture = fixture ? beside(arena, entry->key->file->name, fixture) : NULL;
    ret_test->fixture_key = text_of(riacho_yaml_get(entry->value, "fixtureKey"));
    ret_test->fixture_topic = text_of(riacho_yaml_get(entry->value, "fixtureTopic"));
    ret_test->expect = riacho_yaml_get(entry->value, "expect");
    check_expect(ret_test->expect, issues);
    if (ret_test->fixture && !ret_test->fixture_topic)
        riacho_yaml_issue(riacho_yaml_key(entry->value, "fixture"), issues, NULL,
                          "`fixtureTopic` is missing: the topic that the fixture's records go to");
    if (!steps && !ret_test->fixture)
        riacho_yaml_issue(entry->key, issues, NULL, "a test has `steps`, or a `fixture`");
}

riacho_status riacho_suite_read(const riacho_yaml_node *document, riacho_arena *arena,
                                riacho_issue_list *issues, riacho_suite *ret_suite)
{
    static const char *const keys[] = {"topology", "inline", "tests", "partitions", NULL};
    const size_t before = issues->errors;
    const riacho_yaml_node *spec = riacho_yaml_get(document, "spec");
    const char *name = text_of(riacho_yaml_get(riacho_yaml_get(document, "metadata"), "name"));
    *ret_suite = (riacho_suite){
        .name = name ? name : "tests", .file = document->file->name, .yaml = document->file};
    if (!spec || !expect_kind(spec, RIACHO_YAML_MAPPING, "`spec`", issues)) {
        if (!spec)
            riacho_yaml_issue(document, issues, NULL, "`spec` is missing");
        return RIACHO_REJECT;
    }
    check_keys(spec, keys, issues);
    const char *topology = text_of(riacho_yaml_get(spec, "topology"));
    ret_suite->topology_path = topology ? beside(arena, document->file->name, topology) : NULL;
    ret_suite->inline_node = riacho_yaml_get(spec, "inline");
    ret_suite->declared_partitions = is(riacho_yaml_get(spec, "partitions"), "declared");
    if (!topology == !ret_suite->inline_node)
        riacho_yaml_issue(spec, issues, NULL, "`spec` needs either `topology: FILE` or `inline`");
    const riacho_yaml_node *tests = riacho_yaml_get(spec, "tests");
    if (!tests || !expect_kind(tests, RIACHO_YAML_MAPPING, "`tests`", issues)) {
        if (!tests)
            riacho_yaml_issue(spec, issues, NULL, "`tests` is missing");
        return RIACHO_REJECT;
    }
    riacho_test *items = riacho_alloc_zero(arena, tests->count, sizeof *items);
    for (size_t i = 0; i < tests->count; i++)
        read_test(&tests->entries[i], arena, issues, &items[i]);
    ret_suite->tests = items;
    ret_suite->test_count = tests->count;
    return issues->errors > before ? RIACHO_REJECT : RIACHO_OK;
}
