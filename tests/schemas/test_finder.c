/* SPDX-License-Identifier: MIT
 *
 * test_finder.c - schemas whose ids are a registry's: codecs that learn ids while they decode, a
 * registry that is away, subjects, and what is still known at the next start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "lab.h"
#include "riacho/registry.h"
#include "schemas/finder.h"
#include "server.h"

#define FIELD_NAME "{\"name\":\"name\",\"type\":\"string\"}"
#define PET_1 "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":[" FIELD_NAME "]}"
#define PET_2                                                                                      \
    "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":[" FIELD_NAME                              \
    ",{\"name\":\"age\",\"type\":\"int\",\"default\":3}]}"
#define PET_3                                                                                      \
    "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":[" FIELD_NAME                              \
    ",{\"name\":\"colour\",\"type\":\"string\",\"default\":\"white\"}]}"
#define OWNER "{\"type\":\"record\",\"name\":\"x.Owner\",\"fields\":[" FIELD_NAME "]}"

/* A pet called "a", of any version: the name, then what the version has more. */
#define PET_A                                                                                      \
    "\x02"                                                                                         \
    "a"

struct scene {
    struct server server;
    riacho_registry *registry;
    riacho_schemas *schemas;
    riacho_arena *arena;
    char folder[64];
    char ids[96];
    riacho_error err;
};

static riacho_status try_open(struct scene *scene, riacho_registry *registry)
{
    const riacho_schemas_options options = {
        .folders = (const char *const[]){scene->folder},
        .folder_count = 1,
        .ids_file = scene->ids,
        .ids = RIACHO_IDS_OF_REGISTRY,
        .registry = registry,
    };
    return riacho_schemas_open(&options, &scene->schemas, &scene->err);
}

static void open_again(struct scene *scene)
{
    riacho_schemas_close(scene->schemas);
    scene->schemas = NULL;
    if (try_open(scene, scene->registry) != RIACHO_OK)
        fail_msg("%s", scene->err.text);
}

static int set_up(void **state)
{
    static struct scene scene;
    memset(&scene, 0, sizeof scene);
    server_open(&scene.server, NULL);
    lab_folder_new(scene.folder);
    snprintf(scene.ids, sizeof scene.ids, "%s/ids", scene.folder);
    lab_file_write(scene.folder, "Pet.avsc", PET_1);
    lab_file_write(scene.folder, "Owner.avsc", OWNER);
    const riacho_registry_options options = {.urls = scene.server.url};
    assert_int_equal(riacho_registry_open(&options, &scene.registry, &scene.err), RIACHO_OK);
    scene.arena = riacho_arena_new();
    open_again(&scene);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    riacho_schemas_close(scene->schemas);
    riacho_registry_close(scene->registry);
    riacho_arena_free(scene->arena);
    lab_folder_delete(scene->folder);
    server_close(&scene->server);
    return 0;
}

static const riacho_codec *codec_of(struct scene *scene, const char *word)
{
    const riacho_codec *codec;
    if (riacho_schemas_codec(scene->schemas, word, &codec, &scene->err) != RIACHO_OK)
        fail_msg("%s", scene->err.text);
    return codec;
}

/* Another program registers this, by a connection of its own. */
static int32_t register_elsewhere(struct scene *scene, const char *subject, const char *text)
{
    int32_t id;
    riacho_registry *other;
    const riacho_registry_options options = {.urls = scene->server.url};
    assert_int_equal(riacho_registry_open(&options, &other, &scene->err), RIACHO_OK);
    if (other->ops->add(other, subject, riacho_text(text), &id, &scene->err) != RIACHO_OK)
        fail_msg("%s", scene->err.text);
    riacho_registry_close(other);
    return id;
}

static riacho_bytes record_of(struct scene *scene, int32_t id, const char *body)
{
    const size_t size = strlen(body);
    uint8_t *bytes = riacho_alloc_zero(scene->arena, 5 + size, 1);
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
    memcpy(bytes + 5, body, size);
    return (riacho_bytes){bytes, 5 + size};
}

static riacho_status decode(struct scene *scene, const char *word, riacho_bytes bytes,
                            const char **ret_json)
{
    const riacho_codec *codec = codec_of(scene, word);
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    void *value = riacho_alloc_zero(scene->arena, 1, codec->type->size);
    RIACHO_TRY(riacho_decode(codec, bytes, scene->arena, value, &scene->err));
    riacho_json_write(codec->type, value, &out);
    *ret_json = riacho_copy(scene->arena, riacho_buffer_bytes(&out)).data;
    return RIACHO_OK;
}

static void expect_pet(struct scene *scene, riacho_bytes bytes, const char *wanted)
{
    const char *json;
    if (decode(scene, "avro:Pet", bytes, &json) != RIACHO_OK)
        fail_msg("%s", scene->err.text);
    assert_string_equal(json, wanted);
}

static void expect_status(struct scene *scene, riacho_bytes bytes, riacho_status status,
                          const char *words)
{
    const char *json;
    assert_int_equal(decode(scene, "avro:Pet", bytes, &json), status);
    if (!strstr(scene->err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", scene->err.text, words);
}

/* Until the backoff is over. */
static void await_pet(struct scene *scene, riacho_bytes bytes)
{
    const char *json;
    const time_t until = time(NULL) + 30;
    while (decode(scene, "avro:Pet", bytes, &json) == RIACHO_RETRY && time(NULL) < until)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    expect_pet(scene, bytes, "{\"name\":\"a\"}");
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void a_schema_that_only_the_registry_knows_is_fetched_once(void **state)
{
    struct scene *scene = *state;
    const int32_t id = register_elsewhere(scene, "pets-value", PET_2);
    const riacho_bytes bytes = record_of(scene, id, PET_A "\x0a");
    const int before = server_do(&scene->server, "count");
    for (int i = 0; i < 3; i++)
        expect_pet(scene, bytes, "{\"name\":\"a\"}");
    assert_int_equal(server_do(&scene->server, "count"), before + 1);
    server_do(&scene->server, "stop"); /* and at the next start it is known */
    open_again(scene);
    expect_pet(scene, bytes, "{\"name\":\"a\"}");
}

static void an_id_that_nobody_knows_is_the_records_fault(void **state)
{
    struct scene *scene = *state;
    const riacho_bytes bytes = record_of(scene, 77, PET_A);
    expect_status(scene, bytes, RIACHO_REJECT,
                  "byte 1: the schema registry has no schema with id 77");
    const int before = server_do(&scene->server, "count");
    expect_status(scene, bytes, RIACHO_REJECT, "no schema with id 77");
    expect_status(scene, record_of(scene, 0, PET_A), RIACHO_REJECT, "no schema with id 0");
    expect_status(scene, record_of(scene, -5, PET_A), RIACHO_REJECT, "no schema with id -5");
    assert_int_equal(server_do(&scene->server, "count"), before); /* not asked again */
}

static void a_schema_that_cannot_be_read_as_ours_is_the_records_fault(void **state)
{
    struct scene *scene = *state;
    const int32_t owner = register_elsewhere(scene, "owners-value", OWNER);
    expect_status(scene, record_of(scene, owner, PET_A), RIACHO_REJECT, "cannot be read as");
    const int32_t round = register_elsewhere(
        scene, "round-value",
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\","
        "\"R\"]}]}");
    expect_status(scene, record_of(scene, round, PET_A), RIACHO_REJECT, "R");
}

static void a_silent_registry_makes_a_record_wait_and_is_left_in_peace(void **state)
{
    struct scene *scene = *state;
    const int32_t known = register_elsewhere(scene, "pets-value", PET_2);
    const int32_t unknown = register_elsewhere(scene, "pets-value", PET_3);
    expect_pet(scene, record_of(scene, known, PET_A "\x0a"), "{\"name\":\"a\"}");
    server_do(&scene->server, "fault 503");
    const riacho_bytes bytes = record_of(scene, unknown,
                                         PET_A "\x02"
                                               "b");
    const int before = server_do(&scene->server, "count");
    for (int i = 0; i < 1000; i++)
        expect_status(scene, bytes, RIACHO_RETRY, "it answers with status 503");
    assert_true(server_do(&scene->server, "count") - before < 5); /* a backoff, not a flood */
    expect_pet(scene, record_of(scene, known, PET_A "\x0a"), "{\"name\":\"a\"}");
    server_do(&scene->server, "fault none");
    await_pet(scene, bytes);
}

struct crowd {
    struct scene *scene;
    const riacho_codec *codec;
    riacho_bytes bytes;
    _Atomic int good;
};

static void *read_in_a_crowd(void *argument)
{
    struct crowd *crowd = argument;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_error err;
    riacho_bytes name; /* the only field of x.Pet */
    riacho_status status;
    assert(sizeof name == crowd->codec->type->size);
    while ((status = riacho_decode(crowd->codec, crowd->bytes, arena, &name, &err)) == RIACHO_RETRY)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    crowd->good += status == RIACHO_OK;
    return NULL;
}

static void threads_that_need_the_same_schema_ask_once(void **state)
{
    struct scene *scene = *state;
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    const int32_t id = register_elsewhere(scene, "pets-value", PET_2);
    struct crowd crowd = {scene, codec_of(scene, "avro:Pet"), record_of(scene, id, PET_A "\x0a"),
                          0};
    const int before = server_do(&scene->server, "count");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_in_a_crowd, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.good, THREADS);
    assert_in_range(server_do(&scene->server, "count"), before + 1, before + THREADS);
}

/* ---- subjects -------------------------------------------------------------------------------- */

static riacho_status register_pets(struct scene *scene)
{
    const riacho_schemas_subject subjects[] = {
        {"owners-value", codec_of(scene, "avro:Owner"), RIACHO_SUBJECT_WRITTEN},
        {"pets-key", codec_of(scene, "string"), RIACHO_SUBJECT_WRITTEN},
        {"pets-value", codec_of(scene, "avro:x.Pet"), RIACHO_SUBJECT_WRITTEN},
    };
    return riacho_schemas_register(scene->schemas, subjects, 3, &scene->err);
}

static riacho_status encode_pet(struct scene *scene, riacho_buffer *out)
{
    riacho_bytes name = riacho_text("a"); /* the only field of x.Pet */
    return riacho_encode(codec_of(scene, "avro:Pet"), &name, out, &scene->err);
}

static void a_schema_has_no_id_before_it_is_registered(void **state)
{
    struct scene *scene = *state;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    assert_int_equal(encode_pet(scene, &out), RIACHO_REJECT);
    assert_non_null(strstr(scene->err.text, "avro:Pet has no schema id"));
    assert_int_equal(out.size, 0);
    register_elsewhere(scene, "first-value", OWNER);
    const int32_t id = register_elsewhere(scene, "elsewhere-value", PET_1);
    assert_int_equal(register_pets(scene), RIACHO_OK);
    assert_int_equal(encode_pet(scene, &out), RIACHO_OK);
    const riacho_bytes wanted = record_of(scene, id, PET_A);
    assert_true(riacho_bytes_equal(riacho_buffer_bytes(&out), wanted));
    expect_pet(scene, wanted, "{\"name\":\"a\"}");
}

static void what_is_only_read_is_not_registered(void **state)
{
    struct scene *scene = *state;
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    register_elsewhere(scene, "pets-value", PET_2);
    const riacho_schemas_subject subject = {"pets-value", codec_of(scene, "avro:Pet"),
                                            RIACHO_SUBJECT_READ};
    assert_int_equal(riacho_schemas_register(scene->schemas, &subject, 1, &scene->err), RIACHO_OK);
    assert_int_equal(encode_pet(scene, &out), RIACHO_REJECT);
    register_elsewhere(scene, "pets-value", PET_1);
    assert_int_equal(riacho_schemas_register(scene->schemas, &subject, 1, &scene->err), RIACHO_OK);
    assert_int_equal(encode_pet(scene, &out), RIACHO_OK);
}

static void one_schema_that_does_not_fit_keeps_all_from_being_registered(void **state)
{
    struct scene *scene = *state;
    riacho_registry_version version;
    register_elsewhere(scene, "pets-value",
                       "{\"type\":\"record\",\"name\":\"x.Pet\",\"fields\":[{\"name\":\"name\","
                       "\"type\":\"int\"}]}");
    assert_int_equal(register_pets(scene), RIACHO_REJECT);
    assert_string_equal(scene->err.text,
                        "schema avro:x.Pet cannot become version 2 of subject 'pets-value': the "
                        "registry finds it incompatible with version 1 (id 1): TYPE_MISMATCH at "
                        "/name: string is not int");
    assert_int_equal(scene->registry->ops->latest(scene->registry, "owners-value", scene->arena,
                                                  &version, &scene->err),
                     RIACHO_OK);
    assert_int_equal(version.id, 0);
}

static void a_start_without_the_registry_goes_by_what_is_remembered(void **state)
{
    struct scene *scene = *state;
    RIACHO_AUTO(buffer) riacho_buffer before = {0};
    RIACHO_AUTO(buffer) riacho_buffer after = {0};
    server_do(&scene->server, "stop");
    assert_int_equal(register_pets(scene), RIACHO_RETRY);
    assert_non_null(strstr(scene->err.text, "'owners-value' cannot be written"));
    server_do(&scene->server, "start");
    assert_int_equal(register_pets(scene), RIACHO_OK);
    assert_int_equal(encode_pet(scene, &before), RIACHO_OK);
    server_do(&scene->server, "stop");
    open_again(scene);
    assert_int_equal(register_pets(scene), RIACHO_OK);
    assert_int_equal(encode_pet(scene, &after), RIACHO_OK);
    assert_true(riacho_bytes_equal(riacho_buffer_bytes(&before), riacho_buffer_bytes(&after)));
    lab_file_write(scene->folder, "Pet.avsc", PET_2); /* that nobody has registered */
    open_again(scene);
    assert_int_equal(register_pets(scene), RIACHO_RETRY);
}

static void the_ids_of_another_registry_are_not_mixed_up(void **state)
{
    struct scene *scene = *state;
    lab_file_write(scene->folder, "ids", "{\"id\":1,\"schema\":\"string\"}\n");
    open_again(scene);
    assert_int_equal(register_pets(scene), RIACHO_REJECT);
    assert_non_null(strstr(scene->err.text, "schema id 1 is another schema in"));
    assert_non_null(strstr(scene->err.text, "come from another registry"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_schema_that_only_the_registry_knows_is_fetched_once),
        TEST(an_id_that_nobody_knows_is_the_records_fault),
        TEST(a_schema_that_cannot_be_read_as_ours_is_the_records_fault),
        TEST(a_silent_registry_makes_a_record_wait_and_is_left_in_peace),
        TEST(threads_that_need_the_same_schema_ask_once),
        TEST(a_schema_has_no_id_before_it_is_registered),
        TEST(what_is_only_read_is_not_registered),
        TEST(one_schema_that_does_not_fit_keeps_all_from_being_registered),
        TEST(a_start_without_the_registry_goes_by_what_is_remembered),
        TEST(the_ids_of_another_registry_are_not_mixed_up),
    };
    return cmocka_run_group_tests_name("finder", tests, NULL, NULL);
}
