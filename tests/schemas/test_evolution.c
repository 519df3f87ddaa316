/* SPDX-License-Identifier: MIT
 *
 * test_evolution.c - bytes written with one schema, read with another: every rule of Avro's schema
 * resolution, and what breaks it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/macros.h"
#include "riacho/codec.h"
#include "schemas/program.h"
#include "schemas/schema.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"x.R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, value)                                                                \
    "{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define ENUM(symbols) "{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[" symbols "]}"
#define ENUM_OR(symbols, value)                                                                    \
    "{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[" symbols "],\"default\":\"" value "\"}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define ARRAY(item) "{\"type\":\"array\",\"items\":" item "}"
#define MAP(item) "{\"type\":\"map\",\"values\":" item "}"
#define MONEY(precision, scale)                                                                    \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" precision ",\"scale\":" scale \
    "}"
#define LOGICAL(type, word) "{\"type\":\"" type "\",\"logicalType\":\"" word "\"}"

#define MANY_KINDS MAP(ARRAY("[\"null\",\"string\",\"double\"]"))

static const char EVERY_KIND[] =
    "{\"type\":\"record\",\"name\":\"x.R\",\"fields\":["
    "{\"name\":\"a\",\"type\":\"boolean\"},{\"name\":\"b\",\"type\":\"int\"},"
    "{\"name\":\"c\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},"
    "{\"name\":\"e\",\"type\":\"bytes\"},"
    "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":3}},"
    "{\"name\":\"g\",\"type\":{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[\"A\"]}},"
    "{\"name\":\"h\",\"type\":[\"null\",\"long\"]},{\"name\":\"i\",\"type\":\"null\"},"
    "{\"name\":\"z\",\"type\":\"int\"}]}";

/* `written` is JSON of a writer's value, `read` of the reader's; NULL: the value is refused;
 * an error text: the schemas do not go together. */
static const struct {
    const char *name, *writer, *reader, *written, *read, *error;
} matrix[] = {
    {"int becomes long", "\"int\"", "\"long\"", "-7", "-7", NULL},
    {"int becomes float", "\"int\"", "\"float\"", "7", "7", NULL},
    {"int becomes double", "\"int\"", "\"double\"", "7", "7", NULL},
    {"long becomes float", "\"long\"", "\"float\"", "16777217", "16777216", NULL},
    {"long becomes double", "\"long\"", "\"double\"", "5", "5", NULL},
    {"float becomes double", "\"float\"", "\"double\"", "0.5", "0.5", NULL},
    {"string becomes bytes", "\"string\"", "\"bytes\"", "\"a\"", "\"YQ==\"", NULL},
    {"bytes become string", "\"bytes\"", "\"string\"", "\"YQ==\"", "\"a\"", NULL},
    {"bytes that are no text are refused", "\"bytes\"", "\"string\"", "\"/w==\"", NULL, NULL},
    {"long does not become int", "\"long\"", "\"int\"", NULL, NULL, "cannot be read as int"},
    {"double does not become float", "\"double\"", "\"float\"", NULL, NULL, "cannot be read"},
    {"string does not become int", "\"string\"", "\"int\"", NULL, NULL, "written as string"},
    {"an added field has its default", RECORD(FIELD("a", "\"int\"")),
     RECORD(FIELD_OR("b", "\"string\"", "\"x\"") "," FIELD("a", "\"int\"")), "{\"a\":1}",
     "{\"b\":\"x\",\"a\":1}", NULL},
    {"an added field without default is refused", RECORD(FIELD("a", "\"int\"")),
     RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")), NULL, NULL,
     "the writer has no field 'b', and it has no default"},
    {"a removed field is passed over", RECORD(FIELD("a", MANY_KINDS) "," FIELD("b", "\"int\"")),
     RECORD(FIELD("b", "\"int\"")),
     "{\"a\":{\"k\":[null,{\"string\":\"s\"},{\"double\":1}]},\"b\":9}", "{\"b\":9}", NULL},
    {"every kind can be passed over", EVERY_KIND, RECORD(FIELD("z", "\"int\"")),
     "{\"a\":true,\"b\":300,\"c\":1,\"d\":1,\"e\":\"AAA=\",\"f\":\"AAAA\",\"g\":\"A\",\"h\":7,"
     "\"i\":null,\"z\":5}",
     "{\"z\":5}", NULL},
    {"fields may change places", RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")),
     RECORD(FIELD("b", "\"string\"") "," FIELD("a", "\"int\"")), "{\"a\":1,\"b\":\"x\"}",
     "{\"b\":\"x\",\"a\":1}", NULL},
    {"a renamed field is found by its alias", RECORD(FIELD("old", "\"int\"")),
     RECORD("{\"name\":\"new\",\"type\":\"long\",\"aliases\":[\"old\"]}"), "{\"old\":3}",
     "{\"new\":3}", NULL},
    {"a renamed record is found by its alias",
     "{\"type\":\"record\",\"name\":\"y.Old\",\"fields\":[]}",
     "{\"type\":\"record\",\"name\":\"x.New\",\"aliases\":[\"y.Old\"],\"fields\":[]}", "{}", "{}",
     NULL},
    {"a record of another name is refused", "{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}",
     "{\"type\":\"record\",\"name\":\"B\",\"fields\":[]}", NULL, NULL,
     "written as avro record A, which cannot be read as avro record B"},
    {"symbols may change places", ENUM("\"A\",\"B\""), ENUM("\"B\",\"A\""), "\"A\"", "\"A\"", NULL},
    {"a symbol we lack becomes the default", ENUM("\"A\",\"B\""), ENUM_OR("\"C\",\"A\"", "C"),
     "\"B\"", "\"C\"", NULL},
    {"a symbol we lack is refused without default", ENUM("\"A\",\"B\""), ENUM("\"A\""), "\"B\"",
     NULL, NULL},
    {"a symbol we have is read all the same", ENUM("\"A\",\"B\""), ENUM("\"A\""), "\"A\"", "\"A\"",
     NULL},
    {"a fixed of another size is refused", FIXED("F", "2"), FIXED("F", "3"), NULL, NULL, "fixed F"},
    {"items are resolved", ARRAY("\"int\""), ARRAY("\"double\""), "[1,2]", "[1,2]", NULL},
    {"map values are resolved", MAP("\"int\""), MAP("\"long\""), "{\"a\":1}", "{\"a\":1}", NULL},
    {"an array is no map", ARRAY("\"int\""), MAP("\"int\""), NULL, NULL, "array of int"},
    {"a value becomes optional", "\"int\"", "[\"null\",\"long\"]", "5", "5", NULL},
    {"text becomes optional", "\"string\"", "[\"null\",\"string\"]", "\"a\"", "\"a\"", NULL},
    {"null becomes an absent optional", "\"null\"", "[\"null\",\"string\"]", "null", "null", NULL},
    {"an optional value becomes plain", "[\"null\",\"int\"]", "\"int\"", "5", "5", NULL},
    {"an absent value cannot be plain", "[\"null\",\"int\"]", "\"int\"", "null", NULL, NULL},
    {"null may change its place", "[\"null\",\"int\"]", "[\"long\",\"null\"]", "5", "5", NULL},
    {"null stays null when it changes its place", "[\"null\",\"int\"]", "[\"long\",\"null\"]",
     "null", "null", NULL},
    {"only null goes between strange optionals", "[\"null\",\"int\"]", "[\"null\",\"string\"]",
     "null", "null", NULL},
    {"a value does not go between strange optionals", "[\"null\",\"int\"]", "[\"null\",\"string\"]",
     "1", NULL, NULL},
    {"a value becomes a branch", "\"int\"", "[\"string\",\"long\"]", "5", "{\"long\":5}", NULL},
    {"the branch of the same type wins", "\"int\"", "[\"double\",\"int\"]", "5", "{\"int\":5}",
     NULL},
    {"branches may change places", "[\"int\",\"string\",\"null\"]", "[\"null\",\"string\",\"int\"]",
     "{\"string\":\"x\"}", "{\"string\":\"x\"}", NULL},
    {"a branch we lack is refused", "[\"int\",\"string\",\"boolean\"]", "[\"int\",\"string\"]",
     "{\"boolean\":true}", NULL, NULL},
    {"a branch we have is read all the same", "[\"int\",\"string\",\"boolean\"]",
     "[\"int\",\"string\"]", "{\"int\":2}", "{\"int\":2}", NULL},
    {"unions without a common branch are refused", "[\"int\",\"long\"]", "[\"string\",\"boolean\"]",
     NULL, NULL, "cannot be read as [string, boolean]"},
    {"an optional record keeps its fields", "[\"null\"," RECORD(FIELD("a", "\"int\"")) "]",
     "[\"null\"," RECORD(FIELD_OR("b", "\"int\"", "8") "," FIELD("a", "\"long\"")) "]", "{\"a\":1}",
     "{\"b\":8,\"a\":1}", NULL},
    {"a decimal may have more digits", MONEY("4", "2"), MONEY("9", "2"), "\"1.25\"", "\"1.25\"",
     NULL},
    {"a decimal keeps its scale", MONEY("4", "2"), MONEY("9", "3"), NULL, NULL, "decimal(4,2)"},
    {"a decimal can be bytes", MONEY("4", "2"), "\"bytes\"", "\"0.01\"", "\"AQ==\"", NULL},
    {"millis are not micros", LOGICAL("long", "timestamp-millis"),
     LOGICAL("long", "timestamp-micros"), NULL, NULL, "cannot be read as timestamp-micros"},
    {"a long can be a timestamp", "\"long\"", LOGICAL("long", "timestamp-millis"), "5", "5", NULL},
};

static const riacho_type *parse(riacho_arena *arena, const char *text)
{
    const riacho_type *type;
    riacho_error err;
    if (riacho_schema_parse(riacho_text(text), "test", arena, &type, &err) != RIACHO_OK)
        fail_msg("%s: %s", text, err.text);
    return type;
}

static riacho_bytes write_value(riacho_arena *arena, const riacho_type *type, const char *json)
{
    riacho_json_issues issues;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    const riacho_program *plain;
    void *value = riacho_alloc_zero(arena, 1, type->size);
    if (riacho_json_read(type, riacho_text(json), arena, value, &issues) != RIACHO_OK)
        fail_msg("%s: %s %s", json, issues.items[0].pointer, issues.items[0].detail);
    assert_int_equal(riacho_program_compile(type, type, arena, &plain, &err), RIACHO_OK);
    assert_int_equal(riacho_program_encode(plain, value, &out, &err), RIACHO_OK);
    return riacho_copy(arena, riacho_buffer_bytes(&out));
}

static void check(size_t row, riacho_arena *arena)
{
    const riacho_type *writer = parse(arena, matrix[row].writer);
    const riacho_type *reader = parse(arena, matrix[row].reader);
    const riacho_program *program;
    riacho_error err = {""};
    RIACHO_AUTO(buffer) riacho_buffer shown = {0};
    const riacho_status status = riacho_program_compile(writer, reader, arena, &program, &err);
    if (matrix[row].error) {
        if (status != RIACHO_REJECT || !strstr(err.text, matrix[row].error))
            fail_msg("%s: '%s', not '%s'", matrix[row].name, err.text, matrix[row].error);
        return;
    }
    if (status != RIACHO_OK)
        fail_msg("%s: %s", matrix[row].name, err.text);
    const riacho_bytes bytes = write_value(arena, writer, matrix[row].written);
    void *value = riacho_alloc_zero(arena, 1, reader->size);
    const riacho_status read = riacho_program_decode(program, bytes, 0, arena, value, &err);
    if (!matrix[row].read) {
        assert_int_equal(read, RIACHO_REJECT);
        return;
    }
    if (read != RIACHO_OK)
        fail_msg("%s: %s", matrix[row].name, err.text);
    riacho_json_write(reader, value, &shown);
    riacho_buffer_append(&shown, "", 1);
    if (strcmp((const char *)shown.data, matrix[row].read) != 0)
        fail_msg("%s: %s, not %s", matrix[row].name, (const char *)shown.data, matrix[row].read);
}

static void a_schema_may_change_as_avro_allows(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof matrix / sizeof *matrix; row++) {
        riacho_arena *arena = riacho_arena_new();
        check(row, arena);
        riacho_arena_free(arena);
    }
}

/* Unions within unions by way of records: an honest search for a branch would not end. */
static void a_pair_of_schemas_cannot_keep_us_busy(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *writer = "\"int\"", *reader = "\"string\"";
    for (int level = 0; level < 12; level++) {
        writer = riacho_format(arena,
                               "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"f\","
                               "\"type\":%s}]}",
                               level, writer);
        reader = riacho_format(
            arena,
            "[\"boolean\",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"f\","
            "\"type\":%s}]},{\"type\":\"record\",\"name\":\"o%d.R%d\",\"fields\":[{\"name\":\"f\","
            "\"type\":\"boolean\"}]}]",
            level, reader, level, level);
    }
    const riacho_program *program;
    riacho_error err;
    assert_int_equal(
        riacho_program_compile(parse(arena, writer), parse(arena, reader), arena, &program, &err),
        RIACHO_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_may_change_as_avro_allows),
        cmocka_unit_test(a_pair_of_schemas_cannot_keep_us_busy),
    };
    return cmocka_run_group_tests_name("schemas: evolution", tests, NULL, NULL);
}
