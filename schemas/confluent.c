/* SPDX-License-Identifier: MIT
 *
 * confluent.c - see riacho/registry.h: each call is one question (http.h) and the reading of its
 * answer. A member that an answer must have and has not makes it the answer of something else.
 */
#include "http.h"

#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "base/memory.h"
#include "parse.h"
#include "riacho/codec.h"

enum { NO_SUBJECT = 40401, NO_VERSION = 40402, NO_SCHEMA = 40403 };

typedef struct confluent {
    riacho_registry base;
    riacho_http *http;
} confluent;

static const riacho_registry_ops confluent_ops;

static riacho_http *http_of(riacho_registry *registry)
{
    return ((confluent *)registry)->http;
}

riacho_status riacho_registry_open(const riacho_registry_options *options,
                                   riacho_registry **ret_registry, riacho_error *err)
{
    riacho_http *http;
    RIACHO_TRY(riacho_http_open(options, &http, err));
    confluent *made = riacho_memory_get_zero(1, sizeof *made);
    *made = (confluent){{&confluent_ops}, http};
    *ret_registry = &made->base;
    return RIACHO_OK;
}

static void close_registry(riacho_registry *registry)
{
    riacho_http_close(http_of(registry));
    free(registry);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void riacho_auto_answer(riacho_http_answer *answer)
{
    json_decref(answer->json);
}

static riacho_status no_registry(const riacho_http_answer *answer, const char *what,
                                 riacho_error *err)
{
    return riacho_fail(err, RIACHO_RETRY,
                       "the schema registry %s: its answer has no %s, so it is not one",
                       answer->url, what);
}

/* The registry's own words for a refusal. */
static const char *message_of(const riacho_http_answer *answer)
{
    const char *text = json_string_value(json_object_get(answer->json, "message"));
    return text ? text : "(it does not say why)";
}

/* A 404 that is an answer: the thing is not there. Others come from what stands where the registry
 * should be. */
static bool is_absent(const riacho_http_answer *answer)
{
    return answer->status == 404 && answer->error_code >= NO_SUBJECT &&
           answer->error_code <= NO_SCHEMA;
}

static riacho_status expect_good(const riacho_http_answer *answer, riacho_error *err)
{
    if (!answer->error_code)
        return RIACHO_OK;
    return riacho_fail(
        err, RIACHO_RETRY,
        "the schema registry %s: it answers with status %ld (%.200s); is the address right?",
        answer->url, answer->status, message_of(answer));
}

/* Of a schema that was sent along. */
static riacho_status expect_taken(const riacho_http_answer *answer, const char *subject,
                                  riacho_error *err)
{
    if (answer->status != 409 && answer->status != 422)
        return expect_good(answer, err);
    return riacho_fail(err, RIACHO_REJECT,
                       "the schema registry refuses the schema for '%s': %.350s", subject,
                       message_of(answer));
}

static riacho_status read_number(const riacho_http_answer *answer, const char *name,
                                 int32_t *ret_number, riacho_error *err)
{
    const json_t *json = json_object_get(answer->json, name);
    const json_int_t number = json_integer_value(json);
    if (!json_is_integer(json) || number < 1 || number > INT32_MAX)
        return no_registry(answer, name, err);
    *ret_number = (int32_t)number;
    return RIACHO_OK;
}

static const char *first_reference(const json_t *references)
{
    const json_t *name = json_object_get(json_array_get(references, 0), "name");
    const char *text = json_string_value(name);
    return text ? text : "?";
}

/* `what` is the subject or the id, for people. */
static riacho_status read_schema(const riacho_http_answer *answer, const char *what,
                                 riacho_arena *arena, riacho_bytes *ret_text, riacho_error *err)
{
    const json_t *references = json_object_get(answer->json, "references");
    const char *type = json_string_value(json_object_get(answer->json, "schemaType"));
    const json_t *schema = json_object_get(answer->json, "schema");
    if (!riacho_parser_text(schema))
        return no_registry(answer, "schema", err);
    if (type && strcmp(type, "AVRO") != 0)
        return riacho_fail(err, RIACHO_REJECT, "%s is a schema of type %.40s; only Avro is read",
                           what, type);
    if (json_array_size(references))
        return riacho_fail(err, RIACHO_REJECT,
                           "%s needs other schemas (references, the first is '%.200s'), which is "
                           "not supported: register it as one text that defines all it mentions",
                           what, first_reference(references));
    if (json_string_length(schema) > RIACHO_SCHEMA_BYTES_MAX)
        return riacho_fail(err, RIACHO_REJECT, "%s is a schema of %zu bytes, over the limit of %d",
                           what, json_string_length(schema), RIACHO_SCHEMA_BYTES_MAX);
    *ret_text =
        riacho_copy(arena, (riacho_bytes){json_string_value(schema), json_string_length(schema)});
    return RIACHO_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static riacho_status get(riacho_registry *registry, const char *path,
                         riacho_http_answer *ret_answer, riacho_error *err)
{
    return riacho_http_ask(http_of(registry), &(riacho_http_question){.path = path}, ret_answer,
                           err);
}

/* To the path before, subject, behind. */
static riacho_status post(riacho_registry *registry, const char *before, const char *subject,
                          const char *behind, riacho_bytes text, riacho_http_answer *ret_answer,
                          riacho_error *err)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer body = {0};
    riacho_buffer_printf(&body, "{\"schema\":");
    riacho_json_quote(text, &body);
    riacho_buffer_printf(&body, "}");
    const riacho_bytes bytes = riacho_buffer_bytes(&body);
    const riacho_http_question question = {
        .path = riacho_format(arena, "%s%s%s", before, riacho_http_escape(arena, subject), behind),
        .body = &bytes,
    };
    return riacho_http_ask(http_of(registry), &question, ret_answer, err);
}

static riacho_status fetch(riacho_registry *registry, int32_t id, riacho_arena *arena,
                           riacho_bytes *ret_text, riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    const char *what = riacho_format(arena, "schema id %d", id);
    RIACHO_TRY(get(registry, riacho_format(arena, "/schemas/ids/%d", id), &answer, err));
    if (is_absent(&answer))
        return riacho_fail(err, RIACHO_REJECT, "the schema registry has no schema with id %d", id);
    RIACHO_TRY(expect_good(&answer, err));
    return read_schema(&answer, what, arena, ret_text, err);
}

static riacho_status lookup(riacho_registry *registry, const char *subject, riacho_bytes text,
                            riacho_registry_version *ret_version, riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    riacho_registry_version found = {0};
    RIACHO_TRY(post(registry, "/subjects/", subject, "", text, &answer, err));
    if (!is_absent(&answer)) {
        RIACHO_TRY(expect_taken(&answer, subject, err));
        RIACHO_TRY(read_number(&answer, "id", &found.id, err));
        RIACHO_TRY(read_number(&answer, "version", &found.version, err));
    }
    *ret_version = found;
    return RIACHO_OK;
}

static riacho_status latest(riacho_registry *registry, const char *subject, riacho_arena *arena,
                            riacho_registry_version *ret_version, riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    riacho_registry_version found = {0};
    const char *escaped = riacho_http_escape(arena, subject);
    RIACHO_TRY(
        get(registry, riacho_format(arena, "/subjects/%s/versions/latest", escaped), &answer, err));
    if (!is_absent(&answer)) {
        RIACHO_TRY(expect_good(&answer, err));
        RIACHO_TRY(read_number(&answer, "id", &found.id, err));
        RIACHO_TRY(read_number(&answer, "version", &found.version, err));
        RIACHO_TRY(read_schema(&answer, subject, arena, &found.text, err));
    }
    *ret_version = found;
    return RIACHO_OK;
}

static riacho_status check(riacho_registry *registry, const char *subject, riacho_bytes text,
                           riacho_arena *arena, const char **ret_reason, riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    RIACHO_TRY(post(registry, "/compatibility/subjects/", subject, "/versions/latest?verbose=true",
                    text, &answer, err));
    *ret_reason = NULL;
    if (is_absent(&answer))
        return RIACHO_OK;
    RIACHO_TRY(expect_taken(&answer, subject, err));
    const json_t *verdict = json_object_get(answer.json, "is_compatible");
    const json_t *messages = json_object_get(answer.json, "messages");
    const char *said = json_string_value(json_array_get(messages, 0));
    if (!json_is_boolean(verdict))
        return no_registry(&answer, "is_compatible", err);
    if (json_is_false(verdict))
        *ret_reason = riacho_format(arena, "%s", said ? said : "it does not say why");
    return RIACHO_OK;
}

static riacho_status add_version(riacho_registry *registry, const char *subject, riacho_bytes text,
                                 int32_t *ret_id, riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    RIACHO_TRY(post(registry, "/subjects/", subject, "/versions", text, &answer, err));
    RIACHO_TRY(expect_taken(&answer, subject, err));
    return read_number(&answer, "id", ret_id, err);
}

static riacho_status list_subjects(riacho_registry *registry, riacho_arena *arena,
                                   const char *const **ret_names, size_t *ret_count,
                                   riacho_error *err)
{
    RIACHO_AUTO(answer) riacho_http_answer answer = {0};
    RIACHO_TRY(get(registry, "/subjects", &answer, err));
    RIACHO_TRY(expect_good(&answer, err));
    if (!json_is_array(answer.json))
        return no_registry(&answer, "list", err);
    const size_t count = json_array_size(answer.json);
    const char **names = riacho_alloc_zero(arena, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(answer.json, i));
        if (!name)
            return no_registry(&answer, "names", err);
        names[i] = riacho_format(arena, "%s", name);
    }
    *ret_names = names;
    *ret_count = count;
    return RIACHO_OK;
}

static const riacho_registry_ops confluent_ops = {
    .fetch = fetch,
    .lookup = lookup,
    .latest = latest,
    .check = check,
    .add = add_version,
    .subjects = list_subjects,
    .close = close_registry,
};
