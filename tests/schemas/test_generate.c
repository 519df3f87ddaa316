/* SPDX-License-Identifier: MIT
 *
 * test_generate.c - the structs riacho-gen wrote are the memory the codecs fill. The header's own
 * asserts have compared every offset by the time this is compiled; generated.cpp compiles it as
 * C++.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "lab.h"
#include "lab_schemas.h"

static const char pet_json[] =
    "{\"alive\":true,\"ageYears\":4,\"seenMs\":1000,\"bornOn\":-5,\"weightKG\":1.5,"
    "\"price\":\"12.50\",\"ratio\":0.25,\"name\":\"mochi\",\"class\":\"AQI=\",\"nothing\":null,"
    "\"mood\":\"veryGlad\",\"chip\":\"AQIDBAU=\",\"owner\":{\"flag\":true,\"id\":7,\"small\":true},"
    "\"nickname\":\"mo\",\"vet\":{\"flag\":false,\"id\":8,\"small\":false},\"fee\":99,"
    "\"oldChip\":\"BQQDAgE=\",\"tags\":[\"a\",\"bc\"],\"owners\":[{\"flag\":true,\"id\":1,"
    "\"small\":"
    "false},{\"flag\":true,\"id\":2,\"small\":false}],\"things\":[{\"int\":3},{\"lab.Owner\":{"
    "\"flag\":true,\"id\":11,\"small\":true}}],\"scores\":{\"x\":0.5,\"y\":1.5},\"choices\":{"
    "\"p\":null,\"q\":{\"lab.Mood\":\"SAD\"}},\"deep\":{\"k\":[{\"m\":6}]},"
    "\"either\":{\"lab.Chip\":\"AQEBAQE=\"},\"last\":true}";

static riacho_schemas *open_schemas(void)
{
    riacho_schemas *schemas;
    riacho_error err;
    const riacho_schemas_options options = {
        .folders = (const char *const[]){RIACHO_SOURCE_DIR "/tests/schemas/avsc"},
        .folder_count = 1};
    if (riacho_schemas_open(&options, &schemas, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return schemas;
}

static const riacho_codec *codec_of(riacho_schemas *schemas, const char *word)
{
    const riacho_codec *codec;
    riacho_error err;
    assert_int_equal(riacho_schemas_codec(schemas, word, &codec, &err), RIACHO_OK);
    return codec;
}

static void check_plain_fields(const struct pet *pet)
{
    assert_true(pet->alive && pet->last);
    assert_int_equal(pet->age_years, 4);
    assert_int_equal(pet->seen_ms, 1000);
    assert_int_equal(pet->born_on, -5);
    assert_true(pet->weight_kg == 1.5f && pet->ratio == 0.25);
    assert_memory_equal(pet->price.data, "\x04\xe2", 2);
    assert_memory_equal(pet->name.data, "mochi", 5);
    assert_int_equal(pet->class_.size, 2);
    assert_int_equal(pet->mood, MOOD_VERY_GLAD);
    assert_memory_equal(pet->chip, "\1\2\3\4\5", 5);
    assert_true(pet->owner.flag && pet->owner.small);
    assert_int_equal(pet->owner.id, 7);
}

static void check_optional_fields(const struct pet *pet)
{
    assert_memory_equal(pet->nickname.data, "mo", 2);
    assert_int_equal(pet->vet->id, 8);
    assert_int_equal(*pet->fee, 99);
    assert_memory_equal(pet->old_chip, "\5\4\3\2\1", 5);
}

static void check_lists(const struct pet *pet)
{
    const riacho_bytes *tags = pet->tags.items;
    const struct owner *owners = pet->owners.items;
    const struct pet_things_item *things = pet->things.items;
    const struct pet_scores_entry *scores = pet->scores.items;
    const struct pet_choices_entry *choices = pet->choices.items;
    const struct pet_deep_entry *deep = pet->deep.items;
    assert_int_equal(pet->tags.count, 2);
    assert_memory_equal(tags[1].data, "bc", 2);
    assert_int_equal(owners[1].id, 2);
    assert_int_equal(things[0].branch, PET_THINGS_ITEM_INT);
    assert_int_equal(things[0].value.as_int, 3);
    assert_int_equal(things[1].branch, PET_THINGS_ITEM_OWNER);
    assert_int_equal(things[1].value.as_owner.id, 11);
    assert_memory_equal(scores[1].key.data, "y", 1);
    assert_true(scores[1].value == 1.5);
    assert_int_equal(choices[0].value.branch, PET_CHOICES_ENTRY_NULL);
    assert_int_equal(choices[1].value.branch, PET_CHOICES_ENTRY_MOOD);
    assert_int_equal(choices[1].value.value.as_mood, MOOD_SAD);
    const struct pet_deep_entry_item_entry *inner =
        ((const riacho_array *)deep[0].value.items)[0].items;
    assert_int_equal(inner[0].value, 6);
    assert_int_equal(pet->either.branch, PET_EITHER_CHIP);
    assert_memory_equal(pet->either.value.as_chip, "\1\1\1\1\1", 5);
}

static void a_decoded_value_is_the_generated_struct(void **state)
{
    riacho_schemas *schemas = open_schemas();
    const riacho_codec *codec = codec_of(schemas, "avro:Pet");
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer bytes = {0};
    struct pet from_json, from_avro;
    riacho_json_issues issues;
    riacho_error err;
    (void)state;
    if (riacho_json_read(codec->type, riacho_text(pet_json), arena, &from_json, &issues) !=
        RIACHO_OK)
        fail_msg("%s: %s", issues.items[0].pointer, issues.items[0].detail);
    assert_int_equal(riacho_encode(codec, &from_json, &bytes, &err), RIACHO_OK);
    if (riacho_decode(codec, riacho_buffer_bytes(&bytes), arena, &from_avro, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    check_plain_fields(&from_avro);
    check_optional_fields(&from_avro);
    check_lists(&from_avro);
    assert_int_equal(riacho_value_compare(codec->type, &from_json, &from_avro), 0);
    riacho_schemas_close(schemas);
}

static void a_struct_carries_the_hash_of_its_type(void **state)
{
    riacho_schemas *schemas = open_schemas();
    static const struct {
        const char *word;
        const riacho_struct *generated;
    } table[] = {
        {"avro:Pet", &pet_struct}, {"avro:Owner", &owner_struct}, {"avro:Empty", &empty_struct}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const riacho_type *type = codec_of(schemas, table[i].word)->type;
        assert_string_equal(table[i].generated->name, type->name);
        assert_int_equal(table[i].generated->size, type->size);
        assert_true(table[i].generated->hash == type->hash);
    }
    riacho_schemas_close(schemas);
}

/* Runs riacho-gen; its complaint is in ret_text. Returns its exit status. */
static int run_generator(const char *arguments, char *ret_text, size_t size)
{
    char command[1024];
    snprintf(command, sizeof command, "%s/riacho-gen %s 2>&1", RIACHO_BINARY_DIR, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    ret_text[fread(ret_text, 1, size - 1, pipe)] = 0;
    return WEXITSTATUS(pclose(pipe));
}

static void names_that_become_one_in_c_are_refused(void **state)
{
    static const struct {
        const char *schema, *error;
    } table[] = {
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"atMs\",\"type\":\"int\"},"
         "{\"name\":\"at_ms\",\"type\":\"int\"}]}",
         "atMs and at_ms are both 'at_ms' in C"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
         "\"enum\",\"name\":\"x.E\",\"symbols\":[\"A\"]}},{\"name\":\"b\",\"type\":{\"type\":"
         "\"enum\",\"name\":\"y.E\",\"symbols\":[\"A\"]}}]}",
         "x.E and y.E are both 'e' in C"},
        {"{\"type\":\"record\"}", "needs a \"name\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char folder[64], arguments[256], text[512];
        lab_folder_new(folder);
        lab_file_write(folder, "R.avsc", table[i].schema);
        snprintf(arguments, sizeof arguments, "--output %s/r.h %s/R.avsc", folder, folder);
        assert_int_equal(run_generator(arguments, text, sizeof text), 65);
        if (!strstr(text, table[i].error))
            fail_msg("'%s', not '%s'", text, table[i].error);
        lab_folder_delete(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decoded_value_is_the_generated_struct),
        cmocka_unit_test(a_struct_carries_the_hash_of_its_type),
        cmocka_unit_test(names_that_become_one_in_c_are_refused),
    };
    return cmocka_run_group_tests_name("schemas: riacho-gen", tests, NULL, NULL);
}
