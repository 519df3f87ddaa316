/* SPDX-License-Identifier: MIT
 *
 * test_issues.c - what is said about bad files: cases/yaml.txt has whole documents,
 * cases/checks.txt the `spec` of a topology (its first line is line 5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "support.h"

static const char head[] = "apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: t}\nspec:\n";

static const char *environment(const char *name)
{
    if (strcmp(name, "HOST") == 0)
        return "kafka";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static void load_only(const char *input, riacho_buffer *output)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_options options = {.environment = environment};
    riacho_issue_list list = {.arena = arena};
    const riacho_yaml_file *file;
    riacho_yaml_documents documents = {0};
    riacho_status status = riacho_yaml_read(riacho_text(input), "t.yaml", arena, &list, &file);
    status = riacho_yaml_load(file, &options, arena, &list, &documents);
    assert_int_equal(status, list.errors ? RIACHO_REJECT : RIACHO_OK);
    const riacho_issues issues = riacho_issues_of(&list);
    riacho_issues_print(&issues, file->source, output);
}

static void check(const char *input, riacho_buffer *output)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_schemas *schemas = open_schemas();
    riacho_issue_list list = {.arena = arena};
    riacho_issues issues = {0};
    riacho_graph *graph = NULL;
    riacho_buffer_printf(&text, "%s%s", head, input);
    riacho_buffer_append(&text, "", 1);
    const riacho_topology *topology = load_topology((const char *)text.data, arena, &list);
    assert_non_null(topology);
    const riacho_status status =
        riacho_graph_build(topology, schemas, test_functions(schemas), arena, &graph, &issues);
    assert_true((status == RIACHO_OK) == (graph != NULL));
    assert_true(status == RIACHO_REJECT || list.errors == 0);
    for (size_t i = 0; i < issues.count; i++)
        riacho_issues_add(&list, &issues.items[i]);
    riacho_issues_sort(&list);
    issues = riacho_issues_of(&list);
    riacho_issues_print(&issues, riacho_text((const char *)text.data), output);
    riacho_graph_free(graph);
    riacho_schemas_close(schemas);
}

static void bad_yaml_is_reported_with_its_place(void **state)
{
    (void)state;
    run_cases("yaml.txt", load_only);
}

static void bad_topologies_are_reported_with_their_place(void **state)
{
    (void)state;
    run_cases("checks.txt", check);
}

static void issues_are_json_too(void **state)
{
    (void)state;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_issue items[] = {
        {.mark = {"a.yaml", 3, 7}, .length = 4, .text = "say \"this\"", .hint = "that"},
        {.text = "no place", .warning = true},
    };
    const riacho_issues issues = {items, 2};
    riacho_issues_print_json(&issues, &out);
    riacho_buffer_append(&out, "", 1);
    assert_string_equal((const char *)out.data,
                        "[{\"severity\":\"error\",\"file\":\"a.yaml\",\"line\":3,\"column\":7,"
                        "\"length\":4,\"message\":\"say \\\"this\\\"\",\"hint\":\"that\"},"
                        "{\"severity\":\"warning\",\"message\":\"no place\"}]");
}

static void issues_beyond_the_limit_are_counted_only(void **state)
{
    (void)state;
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    riacho_buffer_printf(&text, "%s", head);
    for (int i = 0; i < 150; i++)
        riacho_buffer_printf(&text, "  wrong%d: 1\n", i);
    riacho_buffer_append(&text, "", 1);
    assert_non_null(load_topology((const char *)text.data, arena, &list));
    assert_int_equal(list.count, 100);
    assert_int_equal(list.errors, 150);
}

/* `[[[[...` and a file too large are refused before anything is built of them. */
static void depth_and_size_are_capped(void **state)
{
    (void)state;
    static char deep[200], large[1024 * 1024 + 2];
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_issue_list list = {.arena = arena};
    memset(deep, '[', sizeof deep - 1);
    assert_null(load_topology(deep, arena, &list));
    assert_true(list.count > 0);
    memset(large, ' ', sizeof large - 1);
    list = (riacho_issue_list){.arena = arena};
    assert_null(load_topology(large, arena, &list));
    assert_string_equal(list.items[0].text, "the file is larger than 1 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_yaml_is_reported_with_its_place),
        cmocka_unit_test(bad_topologies_are_reported_with_their_place),
        cmocka_unit_test(issues_are_json_too),
        cmocka_unit_test(issues_beyond_the_limit_are_counted_only),
        cmocka_unit_test(depth_and_size_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
