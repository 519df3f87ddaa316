/* SPDX-License-Identifier: MIT
 *
 * check.c - `validate` and `graph`: what a topology file says, before anything runs.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "project.h"

static riacho_project_options options_of(const riacho_line *line)
{
    return (riacho_project_options){
        .files = line->words,
        .file_count = line->word_count,
        .schemas = riacho_flag_value(line, "schemas"),
        .libraries = riacho_flag_value(line, "libraries"),
        .depth =
            riacho_flag_given(line, "no-libraries") ? RIACHO_DEPTH_FILE : RIACHO_DEPTH_LIBRARIES,
    };
}

static int print_report(const riacho_line *line, const riacho_project *project,
                        riacho_status status, const riacho_error *err)
{
    const bool json = riacho_flag_given(line, "json");
    if (project->report.size)
        fprintf(json ? stdout : stderr, "%.*s%s", (int)project->report.size,
                (const char *)project->report.data, json ? "\n" : "");
    else if (status != RIACHO_OK)
        return riacho_complain(line, RIACHO_EXIT_DATA, "%s", err->text);
    return status == RIACHO_OK ? RIACHO_EXIT_OK : RIACHO_EXIT_DATA;
}

int riacho_verb_validate(const riacho_line *line)
{
    riacho_project project;
    riacho_error err = {0};
    riacho_project_options options = options_of(line);
    options.report = riacho_flag_given(line, "json") ? RIACHO_REPORT_JSON : RIACHO_REPORT_TEXT;
    const riacho_status status = riacho_project_open(&options, &project, &err);
    int exit_code = print_report(line, &project, status, &err);
    if (exit_code == RIACHO_EXIT_OK && project.warnings && riacho_flag_given(line, "deny-warnings"))
        exit_code =
            riacho_complain(line, RIACHO_EXIT_DATA, "%zu warnings, and --deny-warnings was given",
                            project.warnings);
    for (size_t i = 0;
         exit_code == RIACHO_EXIT_OK && !riacho_flag_given(line, "json") && i < project.graph_count;
         i++) {
        const riacho_graph *graph = project.graphs[i];
        printf("%s: ok, %zu steps in %zu sub-topologies, %zu stores, hash %016llx\n", graph->name,
               graph->node_count, graph->subtopology_count, graph->store_count,
               (unsigned long long)graph->hash);
    }
    riacho_project_close(&project);
    return exit_code;
}

static int format_of(const char *word, riacho_graph_format *ret_format)
{
    static const char *const words[] = {"text", "dot", "mermaid", "json"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0) {
            *ret_format = (riacho_graph_format)i;
            return 0;
        }
    }
    return -1;
}

int riacho_verb_graph(const riacho_line *line)
{
    riacho_project project;
    riacho_error err = {0};
    riacho_graph_format format = RIACHO_GRAPH_TEXT;
    const char *word = riacho_flag_given(line, "json") ? "json" : riacho_flag_value(line, "format");
    if (word && format_of(word, &format) != 0)
        return riacho_complain(line, RIACHO_EXIT_USAGE,
                               "'%s' is not a format: text, dot, mermaid or json", word);
    riacho_project_options options = options_of(line);
    const riacho_status status = riacho_project_open(&options, &project, &err);
    const int exit_code = print_report(line, &project, status, &err);
    for (size_t i = 0; exit_code == RIACHO_EXIT_OK && i < project.graph_count; i++) {
        RIACHO_AUTO(buffer) riacho_buffer out = {0};
        riacho_graph_print(project.graphs[i], format, &out);
        fwrite(out.data, 1, out.size, stdout);
    }
    riacho_project_close(&project);
    return exit_code;
}
