/* SPDX-License-Identifier: MIT
 *
 * schema.c - `riacho schema`: subjects of a registry, and schemas of this folder for them.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "columns.h"
#include "registry.h"

/* What a verb works with. */
struct counter {
    riacho_arena *arena;
    riacho_registry *registry;
    riacho_project project;
};

static void riacho_auto_counter(struct counter *at)
{
    if (at->project.arena)
        riacho_project_close(&at->project);
    riacho_registry_close(at->registry);
    riacho_arena_free(at->arena);
}

static int open_registry(struct counter *at, const riacho_line *line, riacho_error *err)
{
    riacho_settings_found settings;
    at->arena = riacho_arena_new();
    if (riacho_settings_read(line, riacho_flag_value(line, "worker"), at->arena, &settings, err) !=
            RIACHO_OK ||
        riacho_registry_configured(&settings, &at->registry, err) != RIACHO_OK)
        return RIACHO_EXIT_CONFIG;
    if (at->registry)
        return RIACHO_EXIT_OK;
    riacho_fail(err, RIACHO_REJECT, "which registry? Give --registry URL, or set RIACHO_REGISTRY");
    return RIACHO_EXIT_USAGE;
}

static int exit_of(riacho_status status)
{
    return status == RIACHO_OK       ? RIACHO_EXIT_OK
           : status == RIACHO_REJECT ? RIACHO_EXIT_DATA
                                     : RIACHO_EXIT_UNAVAILABLE;
}

/* The schema that the line's second word means. */
static riacho_status find_schema(struct counter *at, const riacho_line *line,
                                 riacho_bytes *ret_text, riacho_error *err)
{
    const char *folders = riacho_flag_value(line, "schemas");
    const riacho_codec *codec;
    const riacho_project_options options = {.schemas = folders ? folders : "schemas"};
    RIACHO_TRY(riacho_project_open(&options, &at->project, err));
    RIACHO_TRY(riacho_schemas_codec(at->project.schemas, line->words[1], &codec, err));
    *ret_text = riacho_schemas_text(at->project.schemas, codec);
    if (!ret_text->data)
        return riacho_fail(err, RIACHO_REJECT, "'%s' is not an avro: type, so it has no schema",
                           line->words[1]);
    return RIACHO_OK;
}

/* ---- ls -------------------------------------------------------------------------------------- */

static riacho_status list_one(struct counter *at, const char *subject, bool json,
                              riacho_columns *columns, riacho_error *err)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_registry_version newest;
    riacho_error why;
    const riacho_status status =
        at->registry->ops->latest(at->registry, subject, at->arena, &newest, &why);
    if (status == RIACHO_REJECT) { /* of another type than Avro: it is shown all the same */
        riacho_columns_add(columns, "%s", subject);
        riacho_columns_add(columns, "-");
        riacho_columns_add(columns, "-");
    } else if (status != RIACHO_OK) {
        return riacho_fail(err, status, "%s", why.text);
    } else {
        riacho_columns_add(columns, "%s", subject);
        riacho_columns_add(columns, "%d", newest.version);
        riacho_columns_add(columns, "%d", newest.id);
    }
    if (!json)
        return RIACHO_OK;
    riacho_buffer_printf(&out, "{\"subject\":");
    riacho_json_quote(riacho_text(subject), &out);
    if (status == RIACHO_OK) {
        riacho_buffer_printf(&out, ",\"version\":%d,\"id\":%d,\"schema\":", newest.version,
                             newest.id);
        riacho_json_quote(newest.text, &out);
    }
    printf("%.*s}\n", (int)out.size, (const char *)out.data);
    return RIACHO_OK;
}

int riacho_verb_schema_ls(const riacho_line *line)
{
    RIACHO_AUTO(counter) struct counter at = {0};
    RIACHO_AUTO(columns) riacho_columns columns = {.columns = 3};
    const bool json = riacho_flag_given(line, "json");
    const char *const *names;
    size_t count;
    riacho_error err;
    const int exit_code = open_registry(&at, line, &err);
    if (exit_code != RIACHO_EXIT_OK)
        return riacho_complain(line, exit_code, "%s", err.text);
    riacho_columns_add(&columns, "SUBJECT");
    riacho_columns_add(&columns, "VERSION");
    riacho_columns_add(&columns, "ID");
    riacho_status status = at.registry->ops->subjects(at.registry, at.arena, &names, &count, &err);
    for (size_t i = 0; status == RIACHO_OK && i < count; i++)
        status = list_one(&at, names[i], json, &columns, &err);
    if (status != RIACHO_OK)
        return riacho_complain(line, exit_of(status), "%s", err.text);
    if (!json)
        riacho_columns_print(&columns);
    return RIACHO_EXIT_OK;
}

/* ---- check, push ----------------------------------------------------------------------------- */

/* One line of what came of it; `id` 0: it is not registered. */
static void report(const riacho_line *line, const riacho_registry_version *found, const char *what)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    if (!riacho_flag_given(line, "json")) {
        printf("%s %s\n", line->words[0], what);
        return;
    }
    riacho_buffer_printf(&out, "{\"subject\":");
    riacho_json_quote(riacho_text(line->words[0]), &out);
    if (found->id)
        riacho_buffer_printf(&out, ",\"version\":%d,\"id\":%d", found->version, found->id);
    printf("%.*s}\n", (int)out.size, (const char *)out.data);
}

/* OK: it is a version of the subject already (ret_found->id), or may become one. */
static riacho_status check(struct counter *at, const riacho_line *line, riacho_bytes text,
                           riacho_registry_version *ret_found, riacho_error *err)
{
    const char *reason = NULL;
    RIACHO_TRY(at->registry->ops->lookup(at->registry, line->words[0], text, ret_found, err));
    if (ret_found->id)
        return RIACHO_OK;
    RIACHO_TRY(
        at->registry->ops->check(at->registry, line->words[0], text, at->arena, &reason, err));
    if (reason)
        return riacho_fail(err, RIACHO_REJECT, "%s does not fit the newest version of '%s': %.400s",
                           line->words[1], line->words[0], reason);
    return RIACHO_OK;
}

static riacho_status push(struct counter *at, const riacho_line *line, riacho_bytes text,
                          riacho_registry_version *ret_found, riacho_error *err)
{
    int32_t id;
    RIACHO_TRY(at->registry->ops->add(at->registry, line->words[0], text, &id, err));
    return at->registry->ops->lookup(at->registry, line->words[0], text, ret_found, err);
}

static int check_or_push(const riacho_line *line,
                         riacho_status (*then)(struct counter *, const riacho_line *, riacho_bytes,
                                               riacho_registry_version *, riacho_error *))
{
    RIACHO_AUTO(counter) struct counter at = {0};
    riacho_registry_version found = {0};
    riacho_bytes text;
    riacho_error err;
    const int exit_code = open_registry(&at, line, &err);
    if (exit_code != RIACHO_EXIT_OK)
        return riacho_complain(line, exit_code, "%s", err.text);
    riacho_status status = find_schema(&at, line, &text, &err);
    if (status == RIACHO_OK)
        status = check(&at, line, text, &found, &err);
    const bool was_there = found.id;
    if (status == RIACHO_OK && !was_there && then)
        status = then(&at, line, text, &found, &err);
    if (status != RIACHO_OK)
        return riacho_complain(line, exit_of(status), "%s", err.text);
    report(line, &found,
           found.id ? riacho_format(at.arena, "%s version %d, id %d", was_there ? "is" : "now has",
                                    found.version, found.id)
                    : "takes it");
    return RIACHO_EXIT_OK;
}

int riacho_verb_schema_check(const riacho_line *line)
{
    return check_or_push(line, NULL);
}

int riacho_verb_schema_push(const riacho_line *line)
{
    return check_or_push(line, push);
}
