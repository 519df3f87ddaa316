/* SPDX-License-Identifier: MIT
 *
 * desk_log.c - topics of a log that is opened here: the embedded one of a data folder, which is
 * locked meanwhile, so a worker that is started on it is told who has it, and the other way round;
 * or Kafka.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/memory.h"
#include "desk.h"
#include "kafka.h"
#include "registry.h"
#include "riacho/backend/embedded_log.h"

enum { FILES_MAX = 64 };

typedef struct opened {
    riacho_desk desk;
    riacho_arena *arena;
    riacho_log *log;
    riacho_ids_place ids; /* outlives the project */
    riacho_project project;
    riacho_topic_types types;
} opened;

static const riacho_desk_ops ops;

static opened *opened_of(riacho_desk *desk)
{
    assert(desk->ops == &ops);
    return (opened *)desk;
}

/* Keeps what the program would end with. */
static riacho_status keep(riacho_desk *desk, riacho_status status)
{
    desk->exit_code = status == RIACHO_REJECT  ? RIACHO_EXIT_DATA
                      : status == RIACHO_RETRY ? RIACHO_EXIT_TRY_AGAIN
                                               : RIACHO_EXIT_FAILED;
    return status;
}

static riacho_status list_topics(riacho_desk *desk, riacho_arena *arena,
                                 riacho_topic_status **ret_topics, size_t *ret_count,
                                 riacho_error *err)
{
    return keep(desk, riacho_topics_read(opened_of(desk)->log, arena, ret_topics, ret_count, err));
}

static riacho_status create_topic(riacho_desk *desk, const riacho_topic_spec *spec,
                                  riacho_arena *arena, riacho_error *err)
{
    (void)arena;
    return keep(desk, riacho_topic_create(opened_of(desk)->log, spec, err));
}

static riacho_status read_records(riacho_desk *desk, const riacho_records_wanted *wanted,
                                  riacho_arena *arena, riacho_records_page *ret_page,
                                  riacho_error *err)
{
    opened *self = opened_of(desk);
    return keep(desk, riacho_records_read(self->log, &self->types, wanted, arena, ret_page, err));
}

static riacho_status append_records(riacho_desk *desk, const riacho_records_batch *batch,
                                    riacho_arena *arena, size_t *appended,
                                    riacho_json_issues *ret_issues, riacho_error *err)
{
    opened *self = opened_of(desk);
    riacho_produced produced = {0};
    const riacho_status status =
        riacho_records_append(self->log, &self->types, batch, arena, ret_issues, &produced, err);
    *appended += produced.count;
    return keep(desk, status);
}

static riacho_status read_letters(riacho_desk *desk, riacho_arena *arena,
                                  riacho_dead_letters *ret_letters, riacho_error *err)
{
    opened *self = opened_of(desk);
    return keep(desk, riacho_dead_letters_read(self->log, &self->types, arena, ret_letters, err));
}

static void close_log(riacho_desk *desk)
{
    opened *self = opened_of(desk);
    if (self->project.arena)
        riacho_project_close(&self->project);
    riacho_ids_place_close(&self->ids);
    if (self->log)
        self->log->ops->close(self->log);
    riacho_arena_free(self->arena);
    free(self);
}

static const riacho_desk_ops ops = {
    "log", list_topics, create_topic, read_records, append_records, read_letters, close_log,
};

/* A folder that is read must be there; opening the log would make it. */
static riacho_status open_folder(opened *self, const char *data, riacho_arena *arena,
                                 riacho_error *err)
{
    const riacho_embedded_log_options options = {
        .folder = riacho_format(arena, "%s/log", data),
        .cleanup_interval_ms = -1,
    };
    riacho_error why;
    struct stat found;
    if (stat(options.folder, &found) != 0)
        return riacho_fail(err, RIACHO_REJECT,
                           "there is no log in %s: is it a worker's data folder?", data);
    const riacho_status status = riacho_embedded_log_open(&options, &self->log, &why);
    if (status == RIACHO_OK)
        return status;
    return riacho_fail(err, status, "%s. A worker that uses the folder answers at its --url",
                       why.text);
}

static int open_kafka(opened *self, const riacho_line *line, riacho_error *err)
{
    riacho_settings_found settings;
    if (riacho_settings_read(line, riacho_flag_value(line, "worker"), self->arena, &settings,
                             err) != RIACHO_OK)
        return RIACHO_EXIT_CONFIG;
    const riacho_kafka_share share = {.threads = 1};
    const riacho_status status = riacho_kafka_open(&settings, &share, &self->log, err);
    return status == RIACHO_OK ? RIACHO_EXIT_OK : riacho_kafka_exit(status);
}

static int open_log(opened *self, const riacho_line *line, riacho_error *err)
{
    if (riacho_flag_given(line, "log"))
        return open_kafka(self, line, err);
    return open_folder(self, riacho_flag_value(line, "data"), self->arena, err) == RIACHO_OK
               ? RIACHO_EXIT_OK
               : RIACHO_EXIT_UNAVAILABLE;
}

static size_t split_files(const char *text, riacho_arena *arena, const char **ret_files)
{
    size_t count = 0;
    while (text && *text && count < FILES_MAX) {
        const size_t size = strcspn(text, ":");
        if (size)
            ret_files[count++] = riacho_copy(arena, (riacho_bytes){text, size}).data;
        text += size + (text[size] == ':');
    }
    return count;
}

/* A folder says by itself whose ids it has; the registry comes from the worker file or the
 * environment, and when there is none the folder's memory of it must do. */
static riacho_status find_ids(opened *self, const riacho_line *line,
                              riacho_project_options *options, riacho_error *err)
{
    riacho_settings_found settings;
    riacho_log *shared = self->log->ops->broker ? self->log : NULL;
    const char *data = shared ? NULL : riacho_flag_value(line, "data");
    if (data && !riacho_ids_of_registry(data)) {
        options->ids_file = riacho_own_ids_file(data, self->arena);
        return RIACHO_OK;
    }
    RIACHO_TRY(
        riacho_settings_read(line, riacho_flag_value(line, "worker"), self->arena, &settings, err));
    RIACHO_TRY(riacho_ids_place_find(&settings, data, shared, self->arena, &self->ids, err));
    options->ids_file = self->ids.ids_file;
    options->of_registry = self->ids.of_registry;
    options->registry = self->ids.registry;
    return RIACHO_OK;
}

static riacho_status open_project(opened *self, const riacho_line *line, riacho_arena *arena,
                                  riacho_error *err)
{
    const char *files[FILES_MAX];
    const char *schemas = riacho_flag_value(line, "schemas");
    const bool typed = riacho_flag_given(line, "key-type") || riacho_flag_given(line, "value-type");
    struct stat found;
    riacho_project_options options = {
        .files = files,
        .file_count = split_files(riacho_flag_value(line, "topology"), arena, files),
        .schemas = schemas,
        .depth = RIACHO_DEPTH_FILE,
    };
    RIACHO_TRY(find_ids(self, line, &options, err));
    if (!schemas && !options.file_count && typed && stat("schemas", &found) == 0)
        options.schemas = "schemas";
    const riacho_status status = riacho_project_open(&options, &self->project, err);
    if (self->project.report.size && status != RIACHO_OK) {
        fwrite(self->project.report.data, 1, self->project.report.size, stderr);
        return riacho_fail(err, status, "the topology says no types (above)");
    }
    return status == RIACHO_OK ? riacho_project_look_up(&self->project, &self->ids, err) : status;
}

static riacho_status find_types(opened *self, const riacho_line *line, riacho_error *err)
{
    const char *key = riacho_flag_value(line, "key-type");
    const char *value = riacho_flag_value(line, "value-type");
    self->types = (riacho_topic_types){
        .graphs = (const riacho_graph *const *)self->project.graphs,
        .graph_count = self->project.graph_count,
        .schemas = self->project.schemas,
    };
    if (key)
        RIACHO_TRY(riacho_schemas_codec(self->project.schemas, key, &self->types.given.key, err));
    if (value)
        RIACHO_TRY(
            riacho_schemas_codec(self->project.schemas, value, &self->types.given.value, err));
    return RIACHO_OK;
}

int riacho_desk_open_log(const riacho_line *line, riacho_desk **ret_place, riacho_error *err)
{
    RIACHO_AUTO(desk) riacho_desk *desk = NULL;
    opened *self = riacho_memory_get_zero(1, sizeof *self);
    self->desk.ops = &ops;
    self->arena = riacho_arena_new();
    desk = &self->desk;
    const int exit_code = open_log(self, line, err);
    if (exit_code != RIACHO_EXIT_OK)
        return exit_code;
    if (open_project(self, line, self->arena, err) != RIACHO_OK ||
        find_types(self, line, err) != RIACHO_OK)
        return RIACHO_EXIT_DATA;
    *ret_place = RIACHO_TAKE(desk);
    return RIACHO_EXIT_OK;
}
