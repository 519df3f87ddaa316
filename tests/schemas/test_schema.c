/* SPDX-License-Identifier: MIT
 *
 * test_schema.c - schema text: what is taken, what is refused and how it is said, the canonical
 * form, memory layout; and the questions one may ask a type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "lab.h"
#include "schemas/crosscheck.h"
#include "schemas/schema.h"

static riacho_arena *arena;

static int new_arena(void **state)
{
    (void)state;
    arena = riacho_arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    riacho_arena_free(arena);
    return 0;
}

static const riacho_type *parse(const char *text)
{
    const riacho_type *type;
    riacho_error err;
    if (riacho_schema_parse(riacho_text(text), "test", arena, &type, &err) != RIACHO_OK)
        fail_msg("%s: %s", text, err.text);
    return type;
}

static const char *print(const riacho_type *type)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_schema_print(type, &out);
    return riacho_copy(arena, riacho_buffer_bytes(&out)).data;
}

static void a_bad_schema_is_refused_with_place_and_reason(void **state)
{
    static const struct {
        const char *schema, *error;
    } table[] = {
        {"{", "test:1:1: "},
        {"{\"type\":\n\"int\",,}", "test:2:"},
        {"{\"type\":\"int\",\"type\":\"int\"}", "duplicate object key"},
        {"5", "test: a type is a name, an object or an array"},
        {"\"strng\"", "there is no type 'strng'; did you mean 'string'?"},
        {"{\"type\":\"recrod\",\"name\":\"R\"}", "did you mean 'record'?"},
        {"{}", "a type needs a \"type\""},
        {"{\"type\":\"record\",\"fields\":[]}", "needs a \"name\""},
        {"{\"type\":\"record\",\"name\":\"R\"}", "record R needs an array of \"fields\""},
        {"{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}", "'1R' is not a name"},
        {"{\"type\":\"record\",\"name\":\"a..R\",\"fields\":[]}", "'a..R' is not a name"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a-b\",\"type\":\"int\"}]}",
         "a field needs a \"name\" of letters, digits and _"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
         "test: field a: a field needs a \"type\""},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{"
         "\"name\":\"a\",\"type\":\"int\"}]}",
         "record R has two fields 'a'"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
         "\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"b\",\"type\":{\"type\":\"array\","
         "\"items\":\"itn\"}}]}}]}",
         "test: field a.b[]: there is no type 'itn'"},
        {"{\"type\":\"record\",\"name\":\"Node\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\","
         "\"Node\"]}]}",
         "field next: Node contains itself; recursive types are not supported"},
        {"{\"type\":\"array\",\"items\":\"null\"}", "the items of an array must take bytes"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":"
         "\"n\",\"type\":\"null\"}]}}",
         "the items of an array must take bytes; E may take none"},
        {"{\"type\":\"array\"}", "an array needs \"items\""},
        {"{\"type\":\"map\"}", "a map needs \"values\""},
        {"[]", "a union has 1 to"},
        {"[\"int\",\"int\"]", "the union has two branches 'int'"},
        {"[\"int\",[\"string\"]]", "may not directly contain another union"},
        {"[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]",
         "two branches 'map'"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "enum E has no symbols"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "has 'A' twice"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A-\"]}", "'A-' is not a symbol"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "the default of enum E is not one of its symbols"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", "the size of fixed F is 1 to"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":99999999}", "the size of fixed F is 1 to"},
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},{\"type\":\"fixed\",\"name\":\"F\","
         "\"size\":2}]",
         "F is defined twice"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", "precision of a decimal is 1 to 38"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":39}", "1 to 38"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}",
         "the scale of a decimal is 0 to its precision"},
        {"{\"type\":\"string\",\"logicalType\":\"decimal\",\"precision\":2}",
         "a decimal is over bytes or fixed, not string"},
        {"{\"type\":\"int\",\"logicalType\":\"timestamp-millis\"}",
         "timestamp-millis is over long, not int"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_type *type;
        riacho_error err = {""};
        assert_int_equal(
            riacho_schema_parse(riacho_text(table[i].schema), "test", arena, &type, &err),
            RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("%s: '%s', not '%s'", table[i].schema, err.text, table[i].error);
    }
}

static void a_default_must_be_a_value_of_its_field(void **state)
{
    static const struct {
        const char *type, *value;
        bool good;
    } table[] = {
        {"\"int\"", "5", true},
        {"\"int\"", "5.5", false},
        {"\"int\"", "2147483648", false},
        {"\"int\"", "\"5\"", false},
        {"\"long\"", "-9223372036854775808", true},
        {"\"double\"", "1", true},
        {"\"float\"", "1e300", false},
        {"\"string\"", "\"a\\u0000\"", true},
        {"\"string\"", "null", false},
        {"\"bytes\"", "\"\\u00ff\\u0000\"", true},
        {"\"bytes\"", "\"\\u0100\"", false},
        {"\"null\"", "null", true},
        {"\"boolean\"", "0", false},
        {"[\"null\",\"int\"]", "null", true},
        {"[\"int\",\"null\"]", "5", true},
        {"[\"null\",\"int\"]", "\"x\"", false},
        {"[\"int\",\"string\"]", "\"x\"", true},
        {"[\"int\",\"string\"]", "true", false},
        {"{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", true},
        {"{\"type\":\"array\",\"items\":\"int\"}", "[1,\"2\"]", false},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"a\":1}", true},
        {"{\"type\":\"map\",\"values\":\"int\"}", "[]", false},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"A\"", true},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"", false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"ab\"", true},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"", false},
        {"{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}",
         "{\"x\":1}", true},
        {"{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}",
         "{}", false},
        {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", "\"x\"", false},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2}", "\"\\u007f\"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_type *type;
        riacho_error err;
        const char *text = riacho_format(arena,
                                         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{"
                                         "\"name\":\"f\",\"type\":%s,\"default\":%s}]}",
                                         table[i].type, table[i].value);
        const riacho_status status =
            riacho_schema_parse(riacho_text(text), "test", arena, &type, &err);
        if ((status == RIACHO_OK) != table[i].good)
            fail_msg("%s", text);
        if (table[i].good) /* and the canonical text says the same again */
            assert_string_equal(print(parse(print(type))), print(type));
    }
}

static void schemas_over_a_limit_are_refused(void **state)
{
    riacho_error err;
    const riacho_type *type;
    const char *deep = "\"int\"", *wide = "\"int\"";
    (void)state;
    for (int i = 0; i < RIACHO_SCHEMA_DEPTH_MAX; i++)
        deep = riacho_format(arena, "{\"type\":\"array\",\"items\":%s}", deep);
    assert_int_equal(riacho_schema_parse(riacho_text(deep), "test", arena, &type, &err),
                     RIACHO_REJECT);
    assert_non_null(strstr(err.text, "nested more than 32 deep"));
    /* Each record has the one before it twice: 2^20 ints, 4 MiB. */
    for (int i = 0; i < 20; i++)
        wide = riacho_format(arena,
                             "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\","
                             "\"type\":%s},{\"name\":\"b\",\"type\":\"%s\"}]}",
                             i, wide, i ? riacho_format(arena, "R%d", i - 1) : "int");
    assert_int_equal(riacho_schema_parse(riacho_text(wide), "test", arena, &type, &err),
                     RIACHO_REJECT);
    assert_non_null(strstr(err.text, "more than 10000 types in it"));
    /* Through arrays there would be no memory to notice it by. */
    riacho_buffer many = {0};
    riacho_buffer_printf(&many, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i <= RIACHO_SCHEMA_FIELDS_MAX; i++)
        riacho_buffer_printf(&many, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i ? "," : "", i);
    riacho_buffer_printf(&many, "]}");
    assert_int_equal(riacho_schema_parse(riacho_buffer_bytes(&many), "test", arena, &type, &err),
                     RIACHO_REJECT);
    assert_non_null(strstr(err.text, "record R has more than 1000 fields"));
    riacho_buffer_done(&many);
}

static void the_canonical_text_depends_on_meaning_alone(void **state)
{
    static const struct {
        const char *schema, *canonical;
    } table[] = {
        {"{\"type\":\"int\"}", "\"int\""},
        {"{\"type\":{\"type\":\"int\",\"doc\":\"x\"}}", "\"int\""},
        {"{\"logicalType\":\"date\",\"type\":\"int\"}",
         "{\"type\":\"int\",\"logicalType\":\"date\"}"},
        {"{\"type\":\"long\",\"logicalType\":\"never-heard-of\"}", "\"long\""},
        {"{\"type\":\"fixed\",\"size\":16,\"name\":\"u.U\",\"logicalType\":\"uuid\"}",
         "{\"type\":\"fixed\",\"name\":\"u.U\",\"size\":16}"},
        {"[\"null\",\"int\"]", "[\"null\",\"int\"]"},
        {"[\"int\",\"null\"]", "[\"int\",\"null\"]"},
        {"{\"fields\":[{\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],"
         "\"default\":\"A\"},\"name\":\"a\",\"doc\":\"d\"},{\"name\":\"b\",\"type\":\"E\","
         "\"aliases\":[\"old\"],\"default\":\"A\"}],\"namespace\":\"x.y\",\"name\":\"R\","
         "\"aliases\":[\"S\",\"z.T\"],\"type\":\"record\"}",
         "{\"type\":\"record\",\"name\":\"x.y.R\",\"aliases\":[\"x.y.S\",\"z.T\"],\"fields\":[{"
         "\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"x.y.E\",\"symbols\":[\"A\"],"
         "\"default\":\"A\"}},{\"name\":\"b\",\"type\":\"x.y.E\",\"default\":\"A\",\"aliases\":["
         "\"old\"]}]}"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}",
         "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_type *type = parse(table[i].schema);
        riacho_error err;
        assert_string_equal(print(type), table[i].canonical);
        assert_string_equal(print(parse(table[i].canonical)), table[i].canonical);
        assert_true(riacho_type_equal(type, parse(table[i].canonical)));
        assert_true(type->hash == parse(table[i].canonical)->hash);
        if (riacho_schema_crosscheck(riacho_text(table[i].canonical), "test", &err) != RIACHO_OK)
            fail_msg("%s", err.text);
    }
}

static void types_say_what_they_are(void **state)
{
    static const struct {
        const char *schema, *words;
    } table[] = {
        {"\"string\"", "string"},
        {"{\"type\":\"string\",\"logicalType\":\"uuid\"}", "uuid"},
        {"{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":1}",
         "decimal(4,1)"},
        {"[\"null\",\"long\"]", "[null, long]"},
        {"[\"long\",\"null\"]", "[long, null]"},
        {"[\"int\",\"string\"]", "[int, string]"},
        {"{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", "array of [null, int]"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "map of int"},
        {"{\"type\":\"record\",\"name\":\"x.R\",\"fields\":[]}", "avro record x.R"},
        {"{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[\"A\"]}", "avro enum x.E"},
        {"{\"type\":\"fixed\",\"name\":\"x.F\",\"size\":1}", "avro fixed x.F"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        RIACHO_AUTO(buffer) riacho_buffer out = {0};
        riacho_type_describe(parse(table[i].schema), &out);
        riacho_buffer_append(&out, "", 1);
        assert_string_equal((const char *)out.data, table[i].words);
        for (size_t k = 0; k < sizeof table / sizeof *table; k++)
            assert_int_equal(riacho_type_equal(parse(table[i].schema), parse(table[k].schema)),
                             i == k);
    }
}

static void fields_and_symbols_are_found_by_name(void **state)
{
    const riacho_type *record = parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
                                      "\"a\",\"type\":\"boolean\",\"doc\":\"first\"},{\"name\":"
                                      "\"b\",\"type\":\"long\",\"default\":7}]}");
    const riacho_type *symbols = parse("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\","
                                       "\"B\"]}");
    (void)state;
    assert_string_equal(riacho_type_field(record, riacho_text("a"))->doc, "first");
    assert_int_equal(riacho_type_field(record, riacho_text("b"))->offset, 8);
    assert_int_equal(*(const int64_t *)riacho_type_field(record, riacho_text("b"))->default_value,
                     7);
    assert_null(riacho_type_field(record, riacho_text("c")));
    assert_null(riacho_type_field(&riacho_type_long, riacho_text("c")));
    assert_int_equal(riacho_type_symbol(symbols, riacho_text("B")), 1);
    assert_int_equal(riacho_type_symbol(symbols, riacho_text("C")), -1);
    assert_int_equal(riacho_type_symbol(&riacho_type_long, riacho_text("A")), -1);
}

/* Values of one type in ascending order, as JSON. */
static void values_have_a_total_order(void **state)
{
    static const struct {
        const char *schema;
        const char *values[6];
    } table[] = {
        {"\"boolean\"", {"false", "true"}},
        {"\"int\"", {"-2147483648", "-1", "0", "2147483647"}},
        {"\"long\"", {"-9223372036854775808", "0", "1"}},
        {"\"double\"", {"-1e300", "-0", "0", "5e-324", "1"}},
        {"\"string\"", {"\"\"", "\"a\"", "\"aa\"", "\"b\"", "\"é\""}},
        {"\"bytes\"", {"\"\"", "\"AA==\"", "\"AAA=\"", "\"/w==\""}},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"Z\",\"A\"]}", {"\"Z\"", "\"A\""}},
        {"{\"type\":\"array\",\"items\":\"int\"}", {"[]", "[1]", "[1,0]", "[2]"}},
        {"[\"null\",\"int\"]", {"null", "-1", "1"}},
        {"[\"string\",\"null\"]", {"\"a\"", "\"b\"", "null"}},
        {"[\"string\",\"int\"]", {"{\"string\":\"z\"}", "{\"int\":-5}", "{\"int\":1}"}},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{"
         "\"name\":\"b\",\"type\":\"string\"}]}",
         {"{\"a\":0,\"b\":\"z\"}", "{\"a\":1,\"b\":\"a\"}", "{\"a\":1,\"b\":\"b\"}"}},
    };
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        const riacho_type *type = parse(table[row].schema);
        void *values[6];
        int count = 0;
        riacho_json_issues issues;
        for (; count < 6 && table[row].values[count]; count++) {
            values[count] = riacho_alloc_zero(arena, 1, type->size);
            assert_int_equal(riacho_json_read(type, riacho_text(table[row].values[count]), arena,
                                              values[count], &issues),
                             RIACHO_OK);
        }
        for (int i = 0; i < count; i++)
            for (int k = 0; k < count; k++)
                assert_int_equal(riacho_value_compare(type, values[i], values[k]),
                                 (i > k) - (i < k));
    }
    const double nan_value = NAN, infinite = INFINITY;
    assert_int_equal(riacho_value_compare(&riacho_type_double, &nan_value, &infinite), 1);
    assert_int_equal(riacho_value_compare(&riacho_type_double, &nan_value, &nan_value), 0);
}

static void a_copy_shares_nothing_with_its_original(void **state)
{
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},{"
        "\"name\":\"o\",\"type\":[\"null\",\"string\"]},{\"name\":\"p\",\"type\":[\"null\","
        "\"long\"]},{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"bytes\"}},{\"name\":"
        "\"m\",\"type\":{\"type\":\"map\",\"values\":[\"int\",\"string\"]}}]}";
    static const char json[] = "{\"s\":\"one\",\"o\":\"two\",\"p\":3,\"a\":[\"BAQE\"],\"m\":{"
                               "\"k\":{\"string\":\"five\"}}}";
    const riacho_type *type = parse(schema);
    riacho_arena *first = riacho_arena_new();
    riacho_json_issues issues;
    void *value = riacho_alloc_zero(first, 1, type->size);
    void *copy = riacho_alloc_zero(arena, 1, type->size);
    char *text = riacho_format(first, "%s", json);
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    (void)state;
    assert_int_equal(riacho_json_read(type, riacho_text(text), first, value, &issues), RIACHO_OK);
    riacho_value_copy(type, value, arena, copy);
    assert_int_equal(riacho_value_compare(type, value, copy), 0);
    riacho_arena_free(first); /* a sanitizer sees what the copy still borrows */
    riacho_json_write(type, copy, &out);
    riacho_buffer_append(&out, "", 1);
    assert_string_equal((const char *)out.data, json);
}

static void a_start_value_has_defaults_and_zeros(void **state)
{
    const riacho_type *type = parse(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\","
        "\"default\":5},{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"c\",\"type\":[\"null\","
        "\"long\"]},{\"name\":\"d\",\"type\":[\"string\",\"int\"]},{\"name\":\"e\",\"type\":{"
        "\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}},{\"name\":"
        "\"f\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"default\":[1,2]},{\"name\":\"g\","
        "\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"],\"default\":\"B\"}}]"
        "}");
    void *value = riacho_alloc(arena, type->size);
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    (void)state;
    memset(value, 0xee, type->size);
    riacho_value_init(type, value);
    riacho_json_write(type, value, &out);
    riacho_buffer_append(&out, "", 1);
    assert_string_equal((const char *)out.data,
                        "{\"a\":5,\"b\":\"\",\"c\":null,\"d\":{\"string\":\"\"},\"e\":\"0.00\","
                        "\"f\":[1,2],\"g\":\"A\"}");
}

static void files_may_mention_each_other_in_any_order(void **state)
{
    static const struct {
        struct lab_file files[3];
        const char *error; /* NULL: all is well */
    } table[] = {
        {{{"A", "{\"type\":\"array\",\"items\":\"x.C\"}"},
          {"B", "{\"type\":\"record\",\"name\":\"x.B\",\"fields\":[{\"name\":\"d\",\"type\":{"
                "\"type\":\"enum\",\"name\":\"D\",\"symbols\":[\"A\"]}}]}"},
          {"C", "{\"type\":\"record\",\"name\":\"x.C\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"},"
                "{\"name\":\"d\",\"type\":\"D\"}]}"}},
         NULL},
        {{{"A", "{\"type\":\"record\",\"name\":\"x.A\",\"fields\":[{\"name\":\"b\",\"type\":"
                "\"x.B\"}]}"},
          {"B", "{\"type\":\"record\",\"name\":\"x.B\",\"fields\":[{\"name\":\"a\",\"type\":"
                "\"x.A\"}]}"}},
         "field a: x.A contains itself"},
        {{{"A", "{\"type\":\"record\",\"name\":\"x.A\",\"fields\":[{\"name\":\"b\",\"type\":\"E\"}"
                ",{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}}"
                "]}"}},
         "x.E is mentioned before it is defined"},
        {{{"A", "{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[\"A\"]}"},
          {"B", "{\"type\":\"enum\",\"name\":\"x.E\",\"symbols\":[\"B\"]}"}},
         "/B.avsc: x.E is defined twice"},
        {{{"A", "{\"type\":\"array\",\"items\":\"x.Pett\"}"},
          {"B", "{\"type\":\"enum\",\"name\":\"x.Pet\",\"symbols\":[\"B\"]}"}},
         "/A.avsc: field []: there is no type 'x.Pett'"},
    };
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        char folder[64];
        riacho_schema_files loaded;
        riacho_error err = {""};
        lab_folder_new(folder);
        for (int i = 0; i < 3 && table[row].files[i].stem; i++)
            lab_file_write(folder, riacho_format(arena, "%s.avsc", table[row].files[i].stem),
                           table[row].files[i].text);
        const riacho_status status =
            riacho_schema_folders_load((const char *const[]){folder}, 1, arena, &loaded, &err);
        assert_int_equal(status, table[row].error ? RIACHO_REJECT : RIACHO_OK);
        if (table[row].error && !strstr(err.text, table[row].error))
            fail_msg("'%s', not '%s'", err.text, table[row].error);
        lab_folder_delete(folder);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, new_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bad_schema_is_refused_with_place_and_reason),
        TEST(a_default_must_be_a_value_of_its_field),
        TEST(schemas_over_a_limit_are_refused),
        TEST(the_canonical_text_depends_on_meaning_alone),
        TEST(types_say_what_they_are),
        TEST(fields_and_symbols_are_found_by_name),
        TEST(values_have_a_total_order),
        TEST(a_copy_shares_nothing_with_its_original),
        TEST(a_start_value_has_defaults_and_zeros),
        TEST(files_may_mention_each_other_in_any_order),
    };
    return cmocka_run_group_tests_name("schemas: schema text and types", tests, NULL, NULL);
}
