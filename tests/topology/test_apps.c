/* SPDX-License-Identifier: MIT
 *
 * test_apps.c - the topology of every application is good, as far as can be said without its
 * library: topology/apps/NAME.yaml against schemas/NAME.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "tamaghost_twin.h"
#include "topology/yaml.h"

static const char *fallback_only(const char *name)
{
    (void)name;
    return NULL;
}

static riacho_schemas *schemas_of(const char *path)
{
    RIACHO_AUTO(buffer) riacho_buffer folder = {0};
    const char *name = strrchr(path, '/') + 1;
    riacho_schemas *schemas = NULL;
    riacho_error err;
    riacho_buffer_printf(&folder, "%s/schemas/%.*s", RIACHO_SOURCE_DIR, (int)strcspn(name, "."),
                         name);
    riacho_buffer_append(&folder, "", 1);
    const char *folders[] = {(const char *)folder.data};
    const riacho_schemas_options options = {.folders = folders, .folder_count = 1};
    if (riacho_schemas_open(&options, &schemas, &err) != RIACHO_OK)
        fail_msg("%s: %s", path, err.text);
    return schemas;
}

static void fail_with(const riacho_issues *issues, const riacho_yaml_file *file)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    riacho_issues_print(issues, file->source, &text);
    fail_msg("%.*s", (int)text.size, (const char *)text.data);
}

static void check(const char *path)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_options options = {.environment = fallback_only};
    riacho_issue_list list = {.arena = arena};
    riacho_yaml_documents documents;
    const riacho_yaml_file *file;
    riacho_status status = riacho_yaml_read_file(path, arena, &list, &file);
    status = riacho_yaml_load(file, &options, arena, &list, &documents);
    riacho_issues issues = riacho_issues_of(&list);
    if (status != RIACHO_OK)
        fail_with(&issues, file);
    riacho_schemas *schemas = schemas_of(path);
    for (size_t i = 0; i < documents.topology_count; i++) {
        riacho_graph *graph = NULL;
        if (riacho_graph_build(documents.topologies[i], schemas, NULL, arena, &graph, &issues) !=
                RIACHO_OK ||
            issues.count)
            fail_with(&issues, file);
        riacho_graph_free(graph);
    }
    riacho_schemas_close(schemas);
}

static void the_topology_of_every_application_is_good(void **state)
{
    (void)state;
    glob_t found;
    size_t checked = 0;
    assert_int_equal(0, glob(RIACHO_SOURCE_DIR "/topology/apps/*.yaml", 0, NULL, &found));
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strstr(found.gl_pathv[i], ".test.yaml"))
            continue;
        check(found.gl_pathv[i]);
        checked++;
    }
    globfree(&found);
    assert_true(checked > 0);
}

static riacho_graph *graph_of(const riacho_topology *topology, riacho_schemas *schemas,
                              riacho_arena *arena)
{
    riacho_issues issues;
    riacho_graph *graph = NULL;
    if (riacho_graph_build(topology, schemas, NULL, arena, &graph, &issues) != RIACHO_OK)
        fail_msg("%s", issues.count ? issues.items[0].text : "no graph");
    return graph;
}

static void tamaghost_in_c_is_the_same_graph_as_in_yaml(void **state)
{
    (void)state;
    static const char path[] = RIACHO_SOURCE_DIR "/topology/apps/tamaghost.yaml";
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_options options = {.environment = fallback_only};
    riacho_issue_list list = {.arena = arena};
    riacho_yaml_documents documents;
    const riacho_yaml_file *file;
    assert_int_equal(RIACHO_OK, riacho_yaml_read_file(path, arena, &list, &file));
    assert_int_equal(RIACHO_OK, riacho_yaml_load(file, &options, arena, &list, &documents));
    riacho_schemas *schemas = schemas_of(path);
    riacho_graph *from_yaml = graph_of(documents.topologies[0], schemas, arena);
    riacho_graph *from_c = graph_of(&tamaghost_twin, schemas, arena);
    assert_true(from_yaml->hash == from_c->hash);
    for (int format = RIACHO_GRAPH_TEXT; format <= RIACHO_GRAPH_JSON; format++) {
        RIACHO_AUTO(buffer) riacho_buffer yaml = {0}, c = {0};
        riacho_graph_print(from_yaml, (riacho_graph_format)format, &yaml);
        riacho_graph_print(from_c, (riacho_graph_format)format, &c);
        assert_true(riacho_bytes_equal(riacho_buffer_bytes(&yaml), riacho_buffer_bytes(&c)));
    }
    riacho_graph_free(from_yaml);
    riacho_graph_free(from_c);
    riacho_schemas_close(schemas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_topology_of_every_application_is_good),
        cmocka_unit_test(tamaghost_in_c_is_the_same_graph_as_in_yaml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
