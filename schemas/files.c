/* SPDX-License-Identifier: MIT
 *
 * files.c - a set of schema files that may mention each other's types in any order.
 *
 * First every file is read as JSON and every definition in it is noted by its full name; then each
 * file is parsed, and a name that is not known yet makes the file that defines it go first. Two
 * files that need each other are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/macros.h"
#include "parse.h"

enum progress { UNSEEN, STARTED, DONE };

struct file {
    riacho_schema_file public;
    json_t *json;
    enum progress progress;
};

struct set {
    riacho_arena *arena;
    riacho_error *err;
    struct file *files;
    size_t count;
    riacho_map definitions; /* full name -> file */
    riacho_map names;       /* full name -> riacho_schema */
    uint32_t depth;         /* of files that wait for other files */
};

static void set_done(struct set *set)
{
    for (size_t i = 0; i < set->count; i++)
        json_decref(set->files[i].json);
    riacho_map_done(&set->definitions);
    riacho_map_done(&set->names);
}

static riacho_status fail_errno(const char *path, riacho_error *err)
{
    return riacho_fail(err, RIACHO_REJECT, "%s: %s", path, strerror(errno));
}

static riacho_status read_file(const char *path, riacho_arena *arena, riacho_bytes *ret_text,
                               riacho_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(path, err);
    const size_t room = RIACHO_SCHEMA_BYTES_MAX + 1; /* one more, so that too large shows */
    char *text = riacho_alloc(arena, room);
    size_t size = 0;
    ssize_t got;
    while (size < room && (got = read(fd, text + size, room - size)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            close(fd);
            return fail_errno(path, err);
        }
        size += (size_t)got;
    }
    close(fd);
    *ret_text = (riacho_bytes){text, size};
    return RIACHO_OK;
}

/* Notes the definitions in a piece of schema JSON. Malformed pieces are passed over; the parser
 * names them later. */
static void note_definitions(struct set *set, struct file *file, const json_t *json,
                             const char *space, uint32_t depth)
{
    size_t i;
    json_t *part;
    if (depth > 4 * RIACHO_SCHEMA_DEPTH_MAX)
        return;
    json_array_foreach(json, i, part) note_definitions(set, file, part, space, depth + 1);
    if (!json_is_object(json))
        return;
    const char *name = riacho_parser_text(json_object_get(json, "name"));
    const json_t *type = json_object_get(json, "type");
    const char *word = riacho_parser_text(type);
    if (name && word &&
        (!strcmp(word, "record") || !strcmp(word, "enum") || !strcmp(word, "fixed"))) {
        const char *own = riacho_parser_text(json_object_get(json, "namespace"));
        const char *full = riacho_parser_full_name(set->arena, name, own ? own : space);
        full = riacho_format(set->arena, "%s", full);
        riacho_map_put(&set->definitions, riacho_text(full))->value = file;
        space = riacho_parser_space_of(set->arena, full);
    }
    json_array_foreach(json_object_get(json, "fields"), i, part)
        note_definitions(set, file, json_object_get(part, "type"), space, depth + 1);
    note_definitions(set, file, json_object_get(json, "items"), space, depth + 1);
    note_definitions(set, file, json_object_get(json, "values"), space, depth + 1);
    if (!word)
        note_definitions(set, file, type, space, depth + 1);
}

static riacho_status parse_file(struct set *set, struct file *file);

static riacho_status find(riacho_parser *parser, riacho_bytes name)
{
    struct set *set = parser->find_context;
    struct file *file = riacho_map_get(&set->definitions, name);
    if (!file)
        return RIACHO_OK;
    if (file->progress == STARTED && strcmp(file->public.path, parser->origin) == 0)
        return riacho_parser_fail(parser, "%.*s is mentioned before it is defined", (int)name.size,
                                  (const char *)name.data);
    if (file->progress == STARTED)
        return riacho_parser_fail(parser, "this file and %s need each other (through %.*s)",
                                  file->public.path, (int)name.size, (const char *)name.data);
    return parse_file(set, file);
}

static riacho_status parse_file(struct set *set, struct file *file)
{
    riacho_parser parser = {.arena = set->arena,
                            .err = set->err,
                            .origin = file->public.path,
                            .names = &set->names,
                            .find = find,
                            .find_context = set};
    if (file->progress == DONE)
        return RIACHO_OK;
    if (set->depth >= RIACHO_SCHEMA_DEPTH_MAX)
        return riacho_parser_fail(&parser, "files wait for each other more than %d deep",
                                  RIACHO_SCHEMA_DEPTH_MAX);
    file->progress = STARTED;
    set->depth++;
    RIACHO_TRY(riacho_parser_type(&parser, file->json, NULL, &file->public.type));
    set->depth--;
    file->progress = DONE;
    return RIACHO_OK;
}

static const char *stem_of(riacho_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return riacho_format(arena, "%.*s", (int)(dot ? dot - base : (ptrdiff_t)strlen(base)), base);
}

static riacho_status load(struct set *set, const char *const *paths)
{
    for (size_t i = 0; i < set->count; i++) {
        struct file *file = &set->files[i];
        RIACHO_AUTO(arena) riacho_arena *scratch = riacho_arena_new();
        riacho_bytes text;
        file->public.path = riacho_format(set->arena, "%s", paths[i]);
        file->public.stem = stem_of(set->arena, paths[i]);
        RIACHO_TRY(read_file(paths[i], scratch, &text, set->err));
        RIACHO_TRY(riacho_parser_json(text, file->public.path, &file->json, set->err));
        note_definitions(set, file, file->json, NULL, 0);
    }
    for (size_t i = 0; i < set->count; i++)
        RIACHO_TRY(parse_file(set, &set->files[i]));
    return RIACHO_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

riacho_status riacho_schema_files_load(const char *const *paths, size_t count, riacho_arena *arena,
                                       riacho_schema_files *ret_files, riacho_error *err)
{
    const char **sorted = riacho_alloc_zero(arena, count, sizeof *sorted);
    struct set set = {.arena = arena, .err = err, .count = count};
    if (count)
        memcpy(sorted, paths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_text);
    set.files = riacho_alloc_zero(arena, count, sizeof *set.files);
    const riacho_status status = load(&set, sorted);
    riacho_schema_file *items = riacho_alloc_zero(arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = set.files[i].public;
    set_done(&set);
    if (status == RIACHO_OK)
        *ret_files = (riacho_schema_files){items, count};
    return status;
}

struct paths {
    const char **items;
    size_t count, capacity;
};

static void add_path(riacho_arena *arena, struct paths *paths, const char *path)
{
    if (paths->count == paths->capacity) {
        const size_t capacity = paths->capacity ? paths->capacity * 2 : 64;
        const char **items = riacho_alloc_zero(arena, capacity, sizeof *items);
        if (paths->count)
            memcpy(items, paths->items, paths->count * sizeof *items);
        paths->items = items;
        paths->capacity = capacity;
    }
    paths->items[paths->count++] = riacho_format(arena, "%s", path);
}

static riacho_status walk_folder(const char *folder, riacho_arena *arena, struct paths *paths,
                                 riacho_error *err)
{
    char *roots[] = {riacho_format(arena, "%s", folder), NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!walk)
        return fail_errno(folder, err);
    riacho_status status = RIACHO_OK;
    for (FTSENT *entry; status == RIACHO_OK && (entry = fts_read(walk));) {
        const size_t size = entry->fts_namelen;
        if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS)
            status = riacho_fail(err, RIACHO_REJECT, "%s: %s", entry->fts_path,
                                 strerror(entry->fts_errno));
        if (entry->fts_info == FTS_F && size > 5 && !strcmp(entry->fts_name + size - 5, ".avsc"))
            add_path(arena, paths, entry->fts_path);
    }
    fts_close(walk);
    return status;
}

riacho_status riacho_schema_folders_load(const char *const *folders, size_t count,
                                         riacho_arena *arena, riacho_schema_files *ret_files,
                                         riacho_error *err)
{
    struct paths paths = {0};
    for (size_t i = 0; i < count; i++)
        RIACHO_TRY(walk_folder(folders[i], arena, &paths, err));
    return riacho_schema_files_load(paths.items, paths.count, arena, ret_files, err);
}
