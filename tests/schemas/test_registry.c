/* SPDX-License-Identifier: MIT
 *
 * test_registry.c - folders of schemas, ids that last, codecs by word, container files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "lab.h"
#include "schemas/container.h"

#define PET_1                                                                                      \
    "{\"type\":\"record\",\"name\":\"Pet\",\"namespace\":\"x\",\"fields\":[{\"name\":\"name\","    \
    "\"type\":\"string\"}]}"
#define PET_2                                                                                      \
    "{\"type\":\"record\",\"name\":\"Pet\",\"namespace\":\"x\",\"fields\":[{\"name\":\"name\","    \
    "\"type\":\"string\"},{\"name\":\"age\",\"type\":\"int\",\"default\":3}]}"
#define PET_1_WITH_DOC                                                                             \
    "{ \"namespace\":\"x\", \"doc\":\"a pet\", \"type\":\"record\",\"name\":\"Pet\","              \
    "\"fields\":[{\"name\":\"name\",\"doc\":\"!\",\"type\":{\"type\":\"string\"}}] }"

struct home {
    char folder[64];
    char ids[96];
};

static int new_home(void **state)
{
    static struct home home;
    lab_folder_new(home.folder);
    snprintf(home.ids, sizeof home.ids, "%s/ids", home.folder);
    *state = &home;
    return 0;
}

static int delete_home(void **state)
{
    lab_folder_delete(((struct home *)*state)->folder);
    return 0;
}

static riacho_status try_open(const char *folder, const char *ids, riacho_schemas **ret_schemas,
                              riacho_error *err)
{
    const riacho_schemas_options options = {
        .folders = (const char *const[]){folder}, .folder_count = 1, .ids_file = ids};
    return riacho_schemas_open(&options, ret_schemas, err);
}

static riacho_schemas *open_home(const struct home *home)
{
    riacho_schemas *schemas;
    riacho_error err;
    if (try_open(home->folder, home->ids, &schemas, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return schemas;
}

static const riacho_codec *codec_of(riacho_schemas *schemas, const char *word)
{
    const riacho_codec *codec;
    riacho_error err;
    if (riacho_schemas_codec(schemas, word, &codec, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return codec;
}

/* A value of JSON, encoded into out. */
static void encode_json(const riacho_codec *codec, const char *json, riacho_buffer *out)
{
    riacho_json_issues issues;
    riacho_error err;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    assert_int_equal(riacho_json_read(codec->type, riacho_text(json), arena, value, &issues),
                     RIACHO_OK);
    assert_int_equal(riacho_encode(codec, value, out, &err), RIACHO_OK);
}

static void expect_decoded(const riacho_codec *codec, riacho_bytes bytes, const char *json)
{
    riacho_error err;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer shown = {0};
    void *value = riacho_alloc_zero(arena, 1, codec->type->size);
    if (riacho_decode(codec, bytes, arena, value, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    riacho_json_write(codec->type, value, &shown);
    riacho_buffer_append(&shown, "", 1);
    assert_string_equal((const char *)shown.data, json);
}

static void a_record_of_an_older_schema_is_still_read(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(buffer) riacho_buffer old = {0};
    RIACHO_AUTO(buffer) riacho_buffer new = {0};
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas *schemas = open_home(home);
    encode_json(codec_of(schemas, "avro:Pet"), "{\"name\":\"a\"}", &old);
    riacho_schemas_close(schemas);

    lab_file_write(home->folder, "Pet.avsc", PET_2);
    schemas = open_home(home);
    encode_json(codec_of(schemas, "avro:Pet"), "{\"name\":\"a\",\"age\":9}", &new);
    assert_int_equal(old.data[4], 1);
    assert_int_equal(new.data[4], 2);
    expect_decoded(codec_of(schemas, "avro:Pet"), riacho_buffer_bytes(&old),
                   "{\"name\":\"a\",\"age\":3}");
    riacho_schemas_close(schemas);

    lab_file_write(home->folder, "Pet.avsc", PET_1_WITH_DOC);
    schemas = open_home(home); /* the old schema again: its id again, and both are read */
    expect_decoded(codec_of(schemas, "avro:Pet"), riacho_buffer_bytes(&new), "{\"name\":\"a\"}");
    riacho_buffer_reset(&old);
    encode_json(codec_of(schemas, "avro:Pet"), "{\"name\":\"a\"}", &old);
    assert_int_equal(old.data[4], 1);
    riacho_schemas_close(schemas);
}

static void an_incompatible_schema_is_refused_by_record_with_the_reason(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(buffer) riacho_buffer old = {0};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas *schemas = open_home(home);
    encode_json(codec_of(schemas, "avro:Pet"), "{\"name\":\"a\"}", &old);
    riacho_schemas_close(schemas);
    lab_file_write(
        home->folder, "Pet.avsc",
        "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":[{\"name\":\"name\",\"type\":"
        "\"int\"}]}");
    schemas = open_home(home);
    for (int again = 0; again < 2; again++) {
        int32_t value;
        riacho_error err;
        assert_int_equal(riacho_decode(codec_of(schemas, "avro:Pet"), riacho_buffer_bytes(&old),
                                       arena, &value, &err),
                         RIACHO_REJECT);
        assert_string_equal(err.text, "byte 1: schema id 1 cannot be read as avro:Pet: field name: "
                                      "written as string, which cannot be read as int");
    }
    riacho_schemas_close(schemas);
}

static void the_ids_file_is_only_appended_to(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas_close(open_home(home));
    const char *first = lab_file_read(arena, home->folder, "ids");
    assert_string_equal(first, "{\"id\":1,\"subject\":\"x.Pet\",\"schema\":{\"type\":\"record\","
                               "\"name\":\"x.Pet\",\"fields\":[{\"name\":\"name\",\"type\":"
                               "\"string\"}]}}\n");
    riacho_schemas_close(open_home(home));
    assert_string_equal(lab_file_read(arena, home->folder, "ids"), first);
    lab_file_write(home->folder, "Pet.avsc", PET_2);
    riacho_schemas_close(open_home(home));
    const char *second = lab_file_read(arena, home->folder, "ids");
    assert_memory_equal(second, first, strlen(first));
    assert_non_null(strstr(second, "\n{\"id\":2,\"subject\":\"x.Pet\""));
}

static void an_unfinished_last_line_is_cut_off(void **state)
{
    static const struct {
        const char *tail;
        bool kept;
    } table[] = {
        {"{\"id\":7,\"subject\":\"x.Old\",\"sch", false},
        {"{\"id\":7,\"subject\":\"x.Old\",\"schema\":\"int\"}", true}, /* all but its newline */
    };
    const struct home *home = *state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        lab_file_write(home->folder, "Pet.avsc", PET_1);
        lab_file_write(home->folder, "ids",
                       riacho_format(arena, "{\"id\":3,\"schema\":\"long\"}\n%s", table[i].tail));
        riacho_schemas_close(open_home(home));
        const char *text = lab_file_read(arena, home->folder, "ids");
        assert_int_equal(strstr(text, "\"id\":7") != NULL, table[i].kept);
        assert_non_null(strstr(text, table[i].kept ? "\n{\"id\":8,\"subject\":\"x.Pet\""
                                                   : "\n{\"id\":4,\"subject\":\"x.Pet\""));
        riacho_schemas_close(open_home(home)); /* and is a whole file now */
    }
}

static void a_damaged_ids_file_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *error;
    } table[] = {
        {"{\"id\":1,\"schema\":\"int\"}\nx\n", "ids:2:1:1: "},
        {"{\"id\":1,\"schema\":\"int\"}\n{\"id\":1,\"schema\":\"long\"}\n",
         "ids:2: id 1 is given twice"},
        {"{\"id\":0,\"schema\":\"int\"}\n", "ids:1: a line has an \"id\" from 1 on"},
        {"{\"id\":5}\n", "ids:1: a line has an \"id\" from 1 on"},
        {"{\"id\":5,\"schema\":\"strng\"}\n", "there is no type 'strng'; did you mean 'string'?"},
    };
    const struct home *home = *state;
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_schemas *schemas;
        riacho_error err;
        lab_file_write(home->folder, "ids", table[i].text);
        assert_int_equal(try_open(home->folder, home->ids, &schemas, &err), RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("'%s', not '%s'", err.text, table[i].error);
    }
}

static void without_a_file_ids_follow_the_names(void **state)
{
    const struct home *home = *state;
    riacho_schemas *schemas;
    riacho_error err;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    lab_file_write(home->folder, "a.avsc",
                   "{\"type\":\"enum\",\"name\":\"x.Z\",\"symbols\":[\"A\"]}");
    lab_file_write(home->folder, "b.avsc",
                   "{\"type\":\"enum\",\"name\":\"x.A\",\"symbols\":[\"A\"]}");
    assert_int_equal(try_open(home->folder, NULL, &schemas, &err), RIACHO_OK);
    encode_json(codec_of(schemas, "avro:x.A"), "\"A\"", &out);
    encode_json(codec_of(schemas, "avro:Z"), "\"A\"", &out);
    assert_memory_equal(out.data, "\0\0\0\0\1\0\0\0\0\0\2\0", 12);
    riacho_schemas_close(schemas);
}

static void a_word_without_a_codec_is_refused_with_what_was_meant(void **state)
{
    static const struct {
        const char *word, *error;
    } table[] = {
        {"avro:Pett", "there is no type 'avro:Pett'; did you mean 'avro:Pet'?"},
        {"json:pet", "there is no type 'json:pet'; did you mean 'json:Pet'?"},
        {"Pet", "there is no type 'Pet'; did you mean 'avro:Pet'?"},
        {"strin", "there is no type 'strin'; did you mean 'string'?"},
        {"", "there is no type ''"},
        {"avro:", "there is no type 'avro:'"},
        {"avro:Twin", "'avro:Twin' could be x.Twin or y.Twin: write the full name"},
    };
    const struct home *home = *state;
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    lab_file_write(home->folder, "t.avsc",
                   "{\"type\":\"enum\",\"name\":\"x.Twin\",\"symbols\":[\"A\"]}");
    lab_file_write(home->folder, "u.avsc",
                   "{\"type\":\"enum\",\"name\":\"y.Twin\",\"symbols\":[\"A\"]}");
    riacho_schemas *schemas = open_home(home);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_codec *codec;
        riacho_error err;
        assert_int_equal(riacho_schemas_codec(schemas, table[i].word, &codec, &err), RIACHO_REJECT);
        if (!strstr(err.text, table[i].error))
            fail_msg("'%s', not '%s'", err.text, table[i].error);
    }
    assert_string_equal(codec_of(schemas, "avro:y.Twin")->type->name, "y.Twin");
    assert_ptr_equal(codec_of(schemas, "avro:Pet"), codec_of(schemas, "avro:Pet"));
    riacho_schemas_close(schemas);
}

enum { THREADS = 4, ROUNDS = 500 };

struct crowd {
    riacho_schemas *schemas;
    riacho_bytes old;
    int failures;
};

static void *decode_often(void *argument)
{
    struct crowd *crowd = argument;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    for (int round = 0; round < ROUNDS; round++) {
        struct {
            riacho_bytes name;
            int32_t age;
        } pet;
        const riacho_codec *codec;
        riacho_error err;
        if (riacho_schemas_codec(crowd->schemas, "avro:Pet", &codec, &err) != RIACHO_OK ||
            riacho_decode(codec, crowd->old, arena, &pet, &err) != RIACHO_OK || pet.age != 3)
            __atomic_add_fetch(&crowd->failures, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void threads_share_codecs_and_resolutions(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(buffer) riacho_buffer old = {0};
    pthread_t threads[THREADS];
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas *schemas = open_home(home);
    encode_json(codec_of(schemas, "avro:Pet"), "{\"name\":\"a\"}", &old);
    riacho_schemas_close(schemas);
    lab_file_write(home->folder, "Pet.avsc", PET_2);
    struct crowd crowd = {.schemas = open_home(home), .old = riacho_buffer_bytes(&old)};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decode_often, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.failures, 0);
    riacho_schemas_close(crowd.schemas);
}

static void write_container(const riacho_codec *codec, const char *path, int count)
{
    riacho_container_writer *writer;
    riacho_error err;
    assert_int_equal(riacho_container_writer_open(path, codec, &writer, &err), RIACHO_OK);
    for (int i = 0; i < count; i++) {
        const riacho_bytes name = {i % 2 ? "odd" : "even", i % 2 ? 3 : 4};
        assert_int_equal(riacho_container_writer_append(writer, &name, &err), RIACHO_OK);
    }
    assert_int_equal(riacho_container_writer_commit(writer, &err), RIACHO_OK);
    riacho_container_writer_close(writer);
}

static void a_container_file_gives_back_what_was_put_in(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *path = riacho_format(arena, "%s/pets.avro", home->folder);
    riacho_container_reader *reader;
    riacho_error err;
    struct {
        riacho_bytes name;
        int32_t age;
    } pet;
    bool found;
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas *schemas = open_home(home);
    write_container(codec_of(schemas, "avro:Pet"), path, 1000);
    riacho_schemas_close(schemas);
    lab_file_write(home->folder, "Pet.avsc", PET_2); /* read with a later schema */
    schemas = open_home(home);
    if (riacho_container_reader_open(path, codec_of(schemas, "json:Pet"), &reader, &err) !=
        RIACHO_OK)
        fail_msg("%s", err.text);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(riacho_container_reader_next(reader, arena, &pet, &found, &err),
                         RIACHO_OK);
        assert_true(found);
        assert_int_equal(pet.age, 3);
        assert_int_equal(pet.name.size, i % 2 ? 3 : 4);
    }
    assert_int_equal(riacho_container_reader_next(reader, arena, &pet, &found, &err), RIACHO_OK);
    assert_false(found);
    riacho_container_reader_close(reader);
    riacho_schemas_close(schemas);
}

static void a_container_file_that_was_not_committed_leaves_nothing(void **state)
{
    const struct home *home = *state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const char *path = riacho_format(arena, "%s/pets.avro", home->folder);
    riacho_container_writer *writer;
    riacho_container_reader *reader;
    riacho_error err;
    lab_file_write(home->folder, "Pet.avsc", PET_1);
    riacho_schemas *schemas = open_home(home);
    assert_int_equal(
        riacho_container_writer_open(path, codec_of(schemas, "avro:Pet"), &writer, &err),
        RIACHO_OK);
    riacho_container_writer_close(writer);
    assert_int_equal(
        riacho_container_reader_open(path, codec_of(schemas, "avro:Pet"), &reader, &err),
        RIACHO_REJECT);
    assert_int_equal(riacho_container_writer_open(path, codec_of(schemas, "long"), &writer, &err),
                     RIACHO_REJECT);
    assert_non_null(strstr(err.text, "needs a schema"));
    riacho_schemas_close(schemas);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, new_home, delete_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_of_an_older_schema_is_still_read),
        TEST(an_incompatible_schema_is_refused_by_record_with_the_reason),
        TEST(the_ids_file_is_only_appended_to),
        TEST(an_unfinished_last_line_is_cut_off),
        TEST(a_damaged_ids_file_is_refused_with_its_line),
        TEST(without_a_file_ids_follow_the_names),
        TEST(a_word_without_a_codec_is_refused_with_what_was_meant),
        TEST(threads_share_codecs_and_resolutions),
        TEST(a_container_file_gives_back_what_was_put_in),
        TEST(a_container_file_that_was_not_committed_leaves_nothing),
    };
    return cmocka_run_group_tests_name("schemas: registry", tests, NULL, NULL);
}
