/* SPDX-License-Identifier: MIT
 *
 * fuzz_yaml.c - any bytes as a file of topologies, all the way: nodes, structs, checks, graph,
 * prints.
 *
 * May not happen: a crash, a leak, a read outside of the text, an issue outside of the file, a
 * status that does not fit the issues, a graph that cannot be printed. Seeds: topology/apps,
 * tests/topology/cases; words: yaml.dict.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/macros.h"
#include "topology/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7.12 itself leaks half a KiB on some malformed block scalars; a leak of ours is still
 * one. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

static riacho_schemas *schemas_of_tests(void)
{
    static riacho_schemas *schemas;
    const char *folders[] = {RIACHO_SOURCE_DIR "/tests/topology/schemas"};
    const riacho_schemas_options options = {.folders = folders, .folder_count = 1};
    riacho_error err;
    if (!schemas && riacho_schemas_open(&options, &schemas, &err) != RIACHO_OK)
        abort();
    return schemas;
}

static const char *environment(const char *name)
{
    return *name == 'A' ? "value" : NULL;
}

static void check_issues(const riacho_issues *issues, const riacho_yaml_file *file)
{
    RIACHO_AUTO(buffer) riacho_buffer text = {0};
    for (size_t i = 0; i < issues->count; i++) {
        assert(issues->items[i].text && *issues->items[i].text);
        assert(issues->items[i].mark.line <= file->line_count);
    }
    riacho_issues_print(issues, file->source, &text);
    riacho_issues_print_json(issues, &text);
}

static void print(const riacho_graph *graph)
{
    for (int format = RIACHO_GRAPH_TEXT; format <= RIACHO_GRAPH_JSON; format++) {
        RIACHO_AUTO(buffer) riacho_buffer text = {0};
        riacho_graph_print(graph, (riacho_graph_format)format, &text);
        assert(text.size > 0);
    }
}

static void build(const riacho_topology *topology, const riacho_yaml_file *file,
                  riacho_arena *arena)
{
    riacho_graph *graph = NULL;
    riacho_issues issues;
    const riacho_status status =
        riacho_graph_build(topology, schemas_of_tests(), NULL, arena, &graph, &issues);
    assert(status == RIACHO_OK || status == RIACHO_REJECT);
    assert((status == RIACHO_OK) == (graph != NULL));
    check_issues(&issues, file);
    if (graph)
        print(graph);
    riacho_graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_yaml_options options = {.environment = environment};
    riacho_issue_list list = {.arena = arena};
    riacho_yaml_documents documents;
    const riacho_yaml_file *file;
    riacho_status status =
        riacho_yaml_read((riacho_bytes){data, size}, "fuzz.yaml", arena, &list, &file);
    assert(status == (list.errors ? RIACHO_REJECT : RIACHO_OK));
    status = riacho_yaml_load(file, &options, arena, &list, &documents);
    assert(status == (list.errors ? RIACHO_REJECT : RIACHO_OK));
    const riacho_issues issues = riacho_issues_of(&list);
    check_issues(&issues, file);
    for (size_t i = 0; i < file->document_count; i++) {
        RIACHO_AUTO(buffer) riacho_buffer json = {0};
        riacho_yaml_to_json(file->documents[i], &json);
    }
    for (size_t i = 0; i < documents.topology_count; i++)
        build(documents.topologies[i], file, arena);
    return 0;
}
