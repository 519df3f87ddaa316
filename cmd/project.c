/* SPDX-License-Identifier: MIT
 *
 * project.c - see project.h. Folders that were not said are looked for: `schemas` in the topology's
 * folder or the nearest one above it, `libraries` beside the program.
 */
#include "project.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "topology/places.h"

enum { FOLDERS_MAX = 32, ISSUES_MAX = 100 };

typedef struct folders {
    const char *items[FOLDERS_MAX];
    size_t count;
} folders;

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static void split(riacho_arena *arena, const char *text, folders *ret_folders)
{
    while (*text && ret_folders->count < FOLDERS_MAX) {
        const size_t size = strcspn(text, ":");
        if (size)
            ret_folders->items[ret_folders->count++] =
                riacho_copy(arena, (riacho_bytes){text, size}).data;
        text += size + (text[size] == ':');
    }
}

/* The nearest folder `schemas` beside the file or above it. */
static void find_schemas(riacho_arena *arena, const char *file, folders *ret_folders)
{
    char *path = realpath(file, NULL);
    while (path && strlen(path) > 1) {
        char *slash = strrchr(path, '/');
        *(slash == path ? slash + 1 : slash) = 0;
        const char *candidate = riacho_format(arena, "%s/schemas", path);
        if (is_folder(candidate)) {
            ret_folders->items[ret_folders->count++] = candidate;
            break;
        }
    }
    free(path);
}

static void find_libraries(riacho_arena *arena, folders *ret_folders)
{
    char program[4096];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size <= 0)
        return;
    program[size] = 0;
    char *slash = strrchr(program, '/');
    *slash = 0;
    ret_folders->items[ret_folders->count++] = riacho_format(arena, "%s/libraries", program);
}

riacho_status riacho_project_prepare(const riacho_project_options *options,
                                     riacho_project *ret_project, riacho_error *err)
{
    *ret_project = (riacho_project){.arena = riacho_arena_new()};
    folders schemas = {0}, libraries = {0};
    if (options->schemas && *options->schemas)
        split(ret_project->arena, options->schemas, &schemas);
    else if (options->file_count)
        find_schemas(ret_project->arena, options->files[0], &schemas);
    for (size_t i = 0; i < schemas.count; i++)
        if (!is_folder(schemas.items[i]))
            return riacho_fail(err, RIACHO_REJECT,
                               "there is no folder of schemas '%s' here: name it with --schemas",
                               schemas.items[i]);
    ret_project->no_schemas = schemas.count == 0;
    if (options->libraries && *options->libraries)
        split(ret_project->arena, options->libraries, &libraries);
    else
        find_libraries(ret_project->arena, &libraries);

    const riacho_schemas_options schema_options = {
        .folders = schemas.items,
        .folder_count = schemas.count,
        .ids_file = options->ids_file,
        .ids = options->of_registry ? RIACHO_IDS_OF_REGISTRY : RIACHO_IDS_OURS,
        .registry = options->registry,
    };
    RIACHO_TRY(riacho_schemas_open(&schema_options, &ret_project->schemas, err));
    return riacho_libraries_open(libraries.items, libraries.count, &ret_project->libraries, err);
}

static riacho_status load_libraries(riacho_project *project, const riacho_topology *topology,
                                    riacho_issue_list *issues)
{
    riacho_status worst = RIACHO_OK;
    for (size_t i = 0; i < topology->libraries_count; i++) {
        riacho_error why;
        const riacho_status status =
            riacho_libraries_load(project->libraries, topology->libraries[i], &why);
        if (status == RIACHO_OK)
            continue;
        worst = status;
        const riacho_yaml_node *node =
            riacho_places_find(topology->places, &topology->libraries[i]);
        const riacho_issue issue = {
            .mark = node ? node->mark : topology->mark,
            .length = node ? node->length : 0,
            .text =
                riacho_format(issues->arena, "library '%s': %s", topology->libraries[i], why.text),
        };
        riacho_issues_add(issues, &issue);
    }
    return worst;
}

static void add_issue(riacho_issue_list *issues, const riacho_topology *topology, bool warning,
                      const char *text, const char *hint)
{
    const riacho_issue issue = {
        .mark = topology->mark, .text = text, .hint = hint, .warning = warning};
    riacho_issues_add(issues, &issue);
}

/* What is wrong with the topology beside the others; RIACHO_REJECT when one has its name. */
static riacho_status check_place(const riacho_project *project, const riacho_topology *topology,
                                 const riacho_graph *graph, riacho_issue_list *issues)
{
    for (size_t i = 0; i < project->graph_count; i++) {
        if (strcmp(project->graphs[i]->name, graph->name) != 0)
            continue;
        add_issue(issues, topology, false,
                  riacho_format(issues->arena, "there are two topologies '%s'", graph->name),
                  "give each file once, and each topology a name of its own");
        return RIACHO_REJECT;
    }
    if (graph->node_count == 0 && graph->command_count == 0)
        add_issue(issues, topology, true,
                  riacho_format(issues->arena, "topology '%s' does nothing", graph->name),
                  "it has no pipelines: see docs/reference for what a spec may have");
    return RIACHO_OK;
}

riacho_status riacho_project_add(riacho_project *project, const riacho_topology *topology,
                                 riacho_depth depth, riacho_issue_list *issues)
{
    riacho_issues found = {0};
    riacho_graph *graph = NULL;
    if (depth == RIACHO_DEPTH_LIBRARIES)
        RIACHO_TRY(load_libraries(project, topology, issues));
    const struct riacho_functions *functions =
        depth == RIACHO_DEPTH_LIBRARIES ? riacho_libraries_functions(project->libraries) : NULL;
    const riacho_status status =
        riacho_graph_build(topology, project->schemas, functions, issues->arena, &graph, &found);
    for (size_t i = 0; i < found.count; i++)
        riacho_issues_add(issues, &found.items[i]);
    if (status != RIACHO_OK)
        return status;
    if (check_place(project, topology, graph, issues) != RIACHO_OK) {
        riacho_graph_free(graph);
        return RIACHO_REJECT;
    }
    riacho_graph **graphs =
        riacho_alloc(project->arena, (project->graph_count + 1) * sizeof *graphs);
    if (project->graph_count)
        memcpy(graphs, project->graphs, project->graph_count * sizeof *graphs);
    graphs[project->graph_count++] = graph;
    project->graphs = graphs;
    return RIACHO_OK;
}

/* Joins the file's array to what the files before it gave. */
static void add_json(const riacho_issues *issues, riacho_buffer *report)
{
    RIACHO_AUTO(buffer) riacho_buffer array = {0};
    riacho_issues_print_json(issues, &array);
    const bool joins = report->size > 2 && array.size > 2;
    if (!report->size) {
        riacho_buffer_append(report, array.data, array.size);
        return;
    }
    report->size--; /* the bracket at its end */
    riacho_buffer_printf(report, "%s%.*s", joins ? "," : "", (int)array.size - 1,
                         (const char *)array.data + 1);
}

const char *riacho_environment(const char *name)
{
    return getenv(name);
}

/* A schema that is not there is, most of all, a folder that was not found. */
static void hint_schemas(riacho_issue_list *issues)
{
    for (size_t i = 0; i < issues->count; i++)
        if (strstr(issues->items[i].text, "there is no type 'avro:") && !issues->items[i].hint)
            issues->items[i].hint = "no folder 'schemas' lies beside this file or above it: name "
                                    "the one with the schemas with --schemas";
}

/* Reads one file; every issue is in the report afterwards. */
static riacho_status read_file(riacho_project *project, const char *path,
                               const riacho_project_options *options)
{
    riacho_issue_list issues = {.arena = project->arena};
    const riacho_yaml_options yaml = {.environment = riacho_environment};
    const riacho_yaml_file *file = NULL;
    riacho_yaml_documents documents = {0};

    /* Each stage goes on with what the one before could make of the file, so that one run finds all
     * there is to find. */
    riacho_status status = riacho_yaml_read_file(path, project->arena, &issues, &file);
    if (file && riacho_yaml_load(file, &yaml, project->arena, &issues, &documents) != RIACHO_OK)
        status = RIACHO_REJECT;
    for (size_t i = 0; i < documents.topology_count; i++) {
        const riacho_status built =
            riacho_project_add(project, documents.topologies[i], options->depth, &issues);
        status = status == RIACHO_OK ? built : status;
    }
    if (status == RIACHO_OK && !documents.topology_count) {
        const riacho_issue none = {.mark = {.file = path},
                                   .text = "there is no document of kind Topology in it"};
        riacho_issues_add(&issues, &none);
    }
    if (project->no_schemas)
        hint_schemas(&issues);
    riacho_issues_sort(&issues);
    const riacho_issues all = riacho_issues_of(&issues);
    if (options->report == RIACHO_REPORT_JSON)
        add_json(&all, &project->report);
    else
        riacho_issues_print(&all, file ? file->source : (riacho_bytes){0}, &project->report);
    project->warnings += issues.count > issues.errors ? issues.count - issues.errors : 0;
    return issues.errors ? RIACHO_REJECT : status;
}

riacho_status riacho_project_open(const riacho_project_options *options,
                                  riacho_project *ret_project, riacho_error *err)
{
    riacho_status worst = riacho_project_prepare(options, ret_project, err);
    for (size_t i = 0; i < options->file_count && (worst == RIACHO_OK || worst == RIACHO_REJECT);
         i++) {
        if (!ret_project->libraries)
            break;
        const riacho_status status = read_file(ret_project, options->files[i], options);
        worst = status == RIACHO_OK ? worst : status;
    }
    return worst;
}

void riacho_project_close(riacho_project *project)
{
    for (size_t i = 0; i < project->graph_count; i++)
        riacho_graph_free(project->graphs[i]);
    if (project->libraries)
        riacho_libraries_close(project->libraries);
    if (project->schemas)
        riacho_schemas_close(project->schemas);
    riacho_buffer_done(&project->report);
    riacho_arena_free(project->arena);
    *project = (riacho_project){0};
}
