/* SPDX-License-Identifier: MIT
 *
 * fixture.c - see fixture.h.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

static riacho_bytes get_header(const riacho_expr_lookup *lookup, riacho_bytes name)
{
    (void)lookup;
    if (riacho_bytes_equal(name, riacho_text("trace")))
        return riacho_text("t-1");
    if (riacho_bytes_equal(name, riacho_text("content-type")))
        return riacho_text("text/plain");
    return (riacho_bytes){0};
}

static const riacho_type *codec_type(expr_fixture *fixture, const char *word)
{
    const riacho_codec *codec = NULL;
    riacho_error err;
    if (riacho_schemas_codec(fixture->schemas, word, &codec, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return codec->type;
}

const riacho_type *fixture_type(expr_fixture *fixture, const char *word)
{
    if (!word)
        return NULL;
    if (word[0] == '.') /* the type of a field of Thing */
        return riacho_type_field(fixture->thing, riacho_text(word + 1))->type;
    return codec_type(fixture, word);
}

static const void *read_json(expr_fixture *fixture, const char *text)
{
    riacho_json_issues issues = {0};
    void *value = riacho_alloc_zero(fixture->arena, 1, fixture->thing->size);
    if (riacho_json_read(fixture->thing, riacho_text(text), fixture->arena, value, &issues) !=
        RIACHO_OK)
        fail_msg("%s: %s %s", text, issues.items[0].pointer, issues.items[0].detail);
    return value;
}

void fixture_set(expr_fixture *fixture, const char *value, const char *before)
{
    fixture->values[NAME_VALUE] = read_json(fixture, value);
    fixture->values[NAME_BEFORE] = before ? read_json(fixture, before) : NULL;
}

int fixture_open(void **state)
{
    static const char *const folders[] = {RIACHO_SOURCE_DIR "/tests/expr/schemas"};
    const riacho_schemas_options options = {.folders = folders, .folder_count = 1};
    expr_fixture *fixture = calloc(1, sizeof *fixture);
    riacho_error err;
    if (riacho_schemas_open(&options, &fixture->schemas, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    fixture->arena = riacho_arena_new();
    fixture->thing = codec_type(fixture, "avro:Thing");
    fixture->picked = codec_type(fixture, "avro:Picked");
    const riacho_expr_name names[NAME_COUNT] = {
        {"key", &riacho_type_string, RIACHO_NAME_PRESENT},
        {"value", fixture->thing, RIACHO_NAME_PRESENT},
        {"before", fixture->thing, RIACHO_NAME_NULLABLE},
        {"timestamp", &riacho_type_long, RIACHO_NAME_PRESENT},
        {"headers", &riacho_type_string, RIACHO_NAME_LOOKUP},
        {"agg", &riacho_type_null, RIACHO_NAME_NULLABLE},
        {"amount", &riacho_type_int, RIACHO_NAME_PRESENT},
        {"path", &riacho_type_string, RIACHO_NAME_LOOKUP_PRESENT},
    };
    memcpy(fixture->names, names, sizeof names);
    fixture->scope = (riacho_expr_scope){fixture->names, NAME_COUNT};
    fixture->key = riacho_text("mochi");
    fixture->timestamp = 1700000000000;
    fixture->amount = 3;
    fixture->headers.get = get_header;
    fixture->values[NAME_KEY] = &fixture->key;
    fixture->values[NAME_TIMESTAMP] = &fixture->timestamp;
    fixture->values[NAME_HEADERS] = &fixture->headers;
    fixture->values[NAME_AMOUNT] = &fixture->amount;
    fixture->values[NAME_PATH] = &fixture->headers;
    fixture_set(fixture, "{}", NULL);
    *state = fixture;
    return 0;
}

int fixture_close(void **state)
{
    expr_fixture *fixture = *state;
    riacho_arena_free(fixture->arena);
    riacho_schemas_close(fixture->schemas);
    free(fixture);
    return 0;
}

const riacho_expr *fixture_compile(expr_fixture *fixture, const char *text, const char *expected)
{
    const riacho_expr *expr = NULL;
    riacho_expr_issue issue;
    if (riacho_expr_compile(riacho_text(text), &fixture->scope, fixture_type(fixture, expected),
                            fixture->arena, &expr, &issue) != RIACHO_OK)
        fail_msg("%s\n%*s %s", text, (int)issue.offset + 1, "^", issue.text);
    return expr;
}

const char *fixture_eval(expr_fixture *fixture, const riacho_expr *expr)
{
    RIACHO_AUTO(buffer) riacho_buffer json = {0};
    const riacho_type *type = riacho_expr_type(expr);
    void *value = riacho_alloc(fixture->arena, type->size);
    bool null = false;
    riacho_error err;
    memset(value, 0xa5, type->size);
    const riacho_status status =
        riacho_expr_eval(expr, fixture->values, fixture->arena, value, &null, &err);
    if (status != RIACHO_OK) {
        assert_int_equal(status, RIACHO_REJECT);
        return riacho_format(fixture->arena, "REJECT %s", err.text);
    }
    if (null) {
        for (size_t i = 0; i < type->size; i++)
            assert_int_equal(((uint8_t *)value)[i], 0xa5); /* left untouched */
        return "null";
    }
    riacho_json_write(type, value, &json);
    return riacho_copy(fixture->arena, riacho_buffer_bytes(&json)).data;
}
