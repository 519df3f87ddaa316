/* SPDX-License-Identifier: MIT
 *
 * test.c - `riacho test`: every test of every file on the real engine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/trace.h"
#include "report.h"

/* What all files of one run share. */
typedef struct session {
    const riacho_line *line;
    riacho_arena *arena;
    riacho_test_log log;
    const char *only; /* NULL: every test */
    riacho_test_result *results;
    riacho_test_result **last;
    size_t passed, failed, refused;
} session;

static void print_issues(riacho_issue_list *issues, const riacho_yaml_file *file)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_issues_sort(issues);
    const riacho_issues all = riacho_issues_of(issues);
    riacho_issues_print(&all, file ? file->source : (riacho_bytes){0}, &out);
    fwrite(out.data, 1, out.size, stderr);
}

static void play_test(session *all, const riacho_suite *suite, const riacho_test *test,
                      const riacho_topology *topology, riacho_project *project)
{
    riacho_played played = {.arena = all->arena};
    played.last = &played.failures;
    riacho_stage stage = {
        .topology = topology,
        .graph = project->graphs[0],
        .project = project,
        .log = all->log,
        .test = test,
        .played = &played,
    };
    riacho_stage_play(&stage);
    riacho_test_result *result = riacho_alloc_zero(all->arena, 1, sizeof *result);
    *result = (riacho_test_result){
        .suite = suite->name, .file = suite->file, .test = test->name, .failures = played.failures};
    *all->last = result;
    all->last = &result->following;
    played.failures ? all->failed++ : all->passed++;
    if (!riacho_flag_given(all->line, "json"))
        riacho_report_print(result);
}

/* Tests run on one partition, where order is certain, unless the file says otherwise. */
static const riacho_topology *with_one_partition(const riacho_topology *topology,
                                                 riacho_arena *arena)
{
    riacho_topology *copy = riacho_alloc(arena, sizeof *copy);
    *copy = *topology;
    riacho_stream *streams = riacho_alloc_zero(arena, topology->streams_count, sizeof *streams);
    riacho_stream *tables = riacho_alloc_zero(arena, topology->tables_count, sizeof *tables);
    for (size_t i = 0; i < topology->streams_count; i++) {
        streams[i] = topology->streams[i];
        streams[i].partitions = 1;
    }
    for (size_t i = 0; i < topology->tables_count; i++) {
        tables[i] = topology->tables[i];
        tables[i].partitions = 1;
    }
    copy->streams = streams;
    copy->tables = tables;
    return copy;
}

/* The topology that a suite is about; NULL when issues say why not. *ret_file is where it was read
 * from. */
static const riacho_topology *find_topology(session *all, const riacho_suite *suite,
                                            riacho_issue_list *issues,
                                            const riacho_yaml_file **ret_file)
{
    const riacho_yaml_options options = {.environment = riacho_environment};
    riacho_yaml_documents documents = {0};
    *ret_file = suite->yaml;
    if (suite->inline_node)
        return riacho_yaml_topology(suite->inline_node, &options, all->arena, issues);
    if (riacho_yaml_read_file(suite->topology_path, all->arena, issues, ret_file) != RIACHO_OK ||
        riacho_yaml_load(*ret_file, &options, all->arena, issues, &documents) != RIACHO_OK)
        return NULL;
    if (documents.topology_count == 1)
        return documents.topologies[0];
    const riacho_issue issue = {.mark = {.file = suite->topology_path},
                                .text = "a test is about one document of kind Topology"};
    riacho_issues_add(issues, &issue);
    return NULL;
}

static void play_suite(session *all, const riacho_suite *suite)
{
    riacho_issue_list issues = {.arena = all->arena};
    riacho_project project = {0};
    riacho_error why = {{0}};
    const riacho_yaml_file *file;
    const riacho_topology *topology = find_topology(all, suite, &issues, &file);
    riacho_status status = RIACHO_REJECT;
    if (topology && !issues.errors) {
        const char *near = suite->topology_path ? suite->topology_path : suite->file;
        const riacho_project_options options = {
            .files = &near,
            .file_count = 1,
            .schemas = riacho_flag_value(all->line, "schemas"),
            .libraries = riacho_flag_value(all->line, "libraries"),
        };
        if (!suite->declared_partitions)
            topology = with_one_partition(topology, all->arena);
        status = riacho_project_prepare(&options, &project, &why);
        if (status == RIACHO_OK)
            status = riacho_project_add(&project, topology, RIACHO_DEPTH_LIBRARIES, &issues);
    }
    if (issues.errors)
        print_issues(&issues, file);
    else if (status != RIACHO_OK)
        riacho_complain(all->line, RIACHO_EXIT_DATA, "%s: %s", suite->file, why.text);
    all->refused += status != RIACHO_OK;
    for (size_t i = 0; status == RIACHO_OK && i < suite->test_count; i++) {
        if (!all->only || strcmp(all->only, suite->tests[i].name) == 0)
            play_test(all, suite, &suite->tests[i], topology, &project);
    }
    if (project.arena)
        riacho_project_close(&project);
}

static void play_file(session *all, const char *path)
{
    riacho_issue_list issues = {.arena = all->arena};
    const riacho_yaml_options options = {.environment = riacho_environment};
    const riacho_yaml_file *file = NULL;
    riacho_yaml_documents documents = {0};
    if (riacho_yaml_read_file(path, all->arena, &issues, &file) == RIACHO_OK)
        (void)!riacho_yaml_load(file, &options, all->arena, &issues, &documents);
    riacho_suite *suites = riacho_alloc_zero(all->arena, documents.test_count, sizeof *suites);
    for (size_t i = 0; i < documents.test_count; i++)
        (void)!riacho_suite_read(documents.tests[i], all->arena, &issues, &suites[i]);
    if (!issues.errors && !documents.test_count) {
        const riacho_issue none = {.mark = {.file = path},
                                   .text = "there is no document of kind TopologyTest in it"};
        riacho_issues_add(&issues, &none);
    }
    if (issues.errors) {
        print_issues(&issues, file);
        all->refused++;
        return;
    }
    for (size_t i = 0; i < documents.test_count; i++)
        play_suite(all, &suites[i]);
}

static int write_junit(const session *all)
{
    const char *path = riacho_flag_value(all->line, "junit");
    if (!path)
        return RIACHO_EXIT_OK;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_report_junit(all->results, &out);
    FILE *file = fopen(path, "w");
    if (!file)
        return riacho_complain(all->line, RIACHO_EXIT_FAILED, "%s cannot be written: %s", path,
                               strerror(errno));
    const bool whole = fwrite(out.data, 1, out.size, file) == out.size;
    if (fclose(file) != 0 || !whole)
        return riacho_complain(all->line, RIACHO_EXIT_FAILED, "%s could not be written whole",
                               path);
    return RIACHO_EXIT_OK;
}

int riacho_verb_test(const riacho_line *line)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    session all = {.line = line, .arena = arena, .only = riacho_flag_value(line, "only")};
    riacho_trace_level(RIACHO_ERROR); /* refusals and crashes are what tests are about */
    const char *log = riacho_flag_value(line, "log");
    all.last = &all.results;
    if (log && strcmp(log, "embedded") == 0)
        all.log = RIACHO_TEST_LOG_EMBEDDED;
    else if (log && strcmp(log, "memory") != 0)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "--log is memory or embedded, not '%s'",
                               log);
    for (size_t i = 0; i < line->word_count; i++)
        play_file(&all, line->words[i]);
    if (riacho_flag_given(line, "json")) {
        RIACHO_AUTO(buffer) riacho_buffer out = {0};
        riacho_report_json(all.results, &out);
        fwrite(out.data, 1, out.size, stdout);
    } else {
        printf("%zu passed, %zu failed\n", all.passed, all.failed);
    }
    if (write_junit(&all) != RIACHO_EXIT_OK)
        return RIACHO_EXIT_FAILED;
    if (all.refused)
        return RIACHO_EXIT_DATA;
    if (all.only && !all.passed && !all.failed)
        return riacho_complain(line, RIACHO_EXIT_USAGE, "no test is called '%s'", all.only);
    return all.failed ? RIACHO_EXIT_FAILED : RIACHO_EXIT_OK;
}
