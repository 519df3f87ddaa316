/* SPDX-License-Identifier: MIT
 *
 * test_client.c - the client of a schema registry (riacho/registry.h) against a real HTTP server:
 * what it asks, and that it takes nothing for an answer that is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "lab.h"
#include "riacho/registry.h"
#include "server.h"

#define PET_1                                                                                      \
    "{\"type\":\"record\",\"name\":\"Pet\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"}]}"
#define PET_2                                                                                      \
    "{\"type\":\"record\",\"name\":\"Pet\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"},"   \
    "{\"name\":\"age\",\"type\":\"int\",\"default\":3}]}"
#define PET_BAD                                                                                    \
    "{\"type\":\"record\",\"name\":\"Pet\",\"fields\":[{\"name\":\"name\",\"type\":\"int\"}]}"

struct scene {
    struct server server;
    riacho_registry *registry;
    riacho_arena *arena;
    riacho_error err;
};

static riacho_registry *open_client(const char *urls, const char *auth_file)
{
    riacho_registry *registry;
    riacho_error err;
    const riacho_registry_options options = {.urls = urls, .auth_file = auth_file};
    if (riacho_registry_open(&options, &registry, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    return registry;
}

static int set_up(void **state)
{
    static struct scene scene;
    server_open(&scene.server, NULL);
    scene.registry = open_client(scene.server.url, NULL);
    scene.arena = riacho_arena_new();
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    riacho_registry_close(scene->registry);
    riacho_arena_free(scene->arena);
    server_close(&scene->server);
    return 0;
}

static riacho_status fetch(struct scene *scene, int32_t id, riacho_bytes *ret_text)
{
    return scene->registry->ops->fetch(scene->registry, id, scene->arena, ret_text, &scene->err);
}

static int32_t must_register(struct scene *scene, const char *subject, const char *text)
{
    int32_t id;
    if (scene->registry->ops->add(scene->registry, subject, riacho_text(text), &id, &scene->err) !=
        RIACHO_OK)
        fail_msg("%s", scene->err.text);
    return id;
}

static void expect_said(const struct scene *scene, const char *words)
{
    if (!strstr(scene->err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", scene->err.text, words);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void a_schema_that_was_registered_is_fetched_by_its_id(void **state)
{
    struct scene *scene = *state;
    riacho_bytes text;
    const int32_t id = must_register(scene, "pets-value", PET_1);
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
    assert_true(riacho_bytes_equal(text, riacho_text(PET_1)));
    assert_int_equal(must_register(scene, "pets-value", PET_1), id);
    assert_int_equal(must_register(scene, "others-value", PET_1), id);
    assert_int_not_equal(must_register(scene, "pets-value", PET_2), id);
}

static void an_id_that_is_not_there_is_refused_for_good(void **state)
{
    struct scene *scene = *state;
    riacho_bytes text;
    assert_int_equal(fetch(scene, 99, &text), RIACHO_REJECT);
    assert_string_equal(scene->err.text, "the schema registry has no schema with id 99");
}

static void a_subject_knows_its_versions(void **state)
{
    struct scene *scene = *state;
    const char *const subject = "a subject/with: strange words";
    riacho_registry_version version;
    const char *const *names;
    size_t count;
    assert_int_equal(
        scene->registry->ops->latest(scene->registry, subject, scene->arena, &version, &scene->err),
        RIACHO_OK);
    assert_int_equal(version.id, 0);
    must_register(scene, subject, PET_1);
    const int32_t id = must_register(scene, subject, PET_2);
    assert_int_equal(
        scene->registry->ops->latest(scene->registry, subject, scene->arena, &version, &scene->err),
        RIACHO_OK);
    assert_int_equal(version.id, id);
    assert_int_equal(version.version, 2);
    assert_true(riacho_bytes_equal(version.text, riacho_text(PET_2)));
    assert_int_equal(scene->registry->ops->lookup(scene->registry, subject, riacho_text(PET_1),
                                                  &version, &scene->err),
                     RIACHO_OK);
    assert_int_equal(version.version, 1);
    assert_int_equal(scene->registry->ops->lookup(scene->registry, subject, riacho_text(PET_BAD),
                                                  &version, &scene->err),
                     RIACHO_OK);
    assert_int_equal(version.id, 0);
    assert_int_equal(
        scene->registry->ops->subjects(scene->registry, scene->arena, &names, &count, &scene->err),
        RIACHO_OK);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], subject);
}

static void a_schema_that_does_not_fit_is_refused_with_the_registrys_reason(void **state)
{
    struct scene *scene = *state;
    const char *reason;
    int32_t id;
    must_register(scene, "pets-value", PET_1);
    assert_int_equal(scene->registry->ops->check(scene->registry, "pets-value",
                                                 riacho_text(PET_BAD), scene->arena, &reason,
                                                 &scene->err),
                     RIACHO_OK);
    assert_string_equal(reason, "TYPE_MISMATCH at /name: int is not string");
    assert_int_equal(scene->registry->ops->add(scene->registry, "pets-value", riacho_text(PET_BAD),
                                               &id, &scene->err),
                     RIACHO_REJECT);
    expect_said(scene, "TYPE_MISMATCH");
    assert_int_equal(scene->registry->ops->check(scene->registry, "pets-value", riacho_text(PET_2),
                                                 scene->arena, &reason, &scene->err),
                     RIACHO_OK);
    assert_null(reason);
    assert_int_equal(scene->registry->ops->check(scene->registry, "new-value", riacho_text(PET_BAD),
                                                 scene->arena, &reason, &scene->err),
                     RIACHO_OK);
    assert_null(reason);
    assert_int_equal(scene->registry->ops->add(scene->registry, "new-value", riacho_text("{}"), &id,
                                               &scene->err),
                     RIACHO_REJECT);
    expect_said(scene, "Invalid schema");
}

static void what_is_no_plain_avro_is_refused_by_name(void **state)
{
    struct scene *scene = *state;
    riacho_bytes text;
    const int protobuf =
        server_do(&scene->server, "register {\"subject\":\"a\",\"schemaType\":\"PROTOBUF\","
                                  "\"schema\":\"message A {}\"}");
    assert_int_equal(fetch(scene, protobuf, &text), RIACHO_REJECT);
    expect_said(scene, "is a schema of type PROTOBUF; only Avro is read");
    const int referring = server_do(
        &scene->server, "register {\"subject\":\"b\",\"schema\":\"[\\\"x.Owner\\\"]\","
                        "\"references\":[{\"name\":\"x.Owner\",\"subject\":\"o\",\"version\":1}]}");
    assert_int_equal(fetch(scene, referring, &text), RIACHO_REJECT);
    expect_said(scene, "references, the first is 'x.Owner'");
}

/* ---- what is no answer ----------------------------------------------------------------------- */

static const struct {
    const char *fault, *said;
    bool slow;
} no_answers[] = {
    {"401", "it refuses who gives no password (status 401)", false},
    {"403", "(status 403)", false},
    {"429", "it answers with status 429", false},
    {"500", "it answers with status 500", false},
    {"503", "it answers with status 503", false},
    {"hang-up", "Empty reply", false},
    {"redirect", "it answers with status 302", false},
    {"html", "is not what a schema registry says", false},
    {"html-404", "is not what a schema registry says", false},
    {"no-schema", "its answer has no ", false},
    {"array", "its answer has no ", false},
    {"deep", "is not what a schema registry says", false},
    {"nul", "is not what a schema registry says", false},
    {"giant", "its answer is over 8 MiB", false},
    {"slow", "timed out", true},
    {"drip", "timed out", true},
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void what_is_no_registrys_answer_says_nothing_about_the_schema(void **state)
{
    struct scene *scene = *state;
    riacho_bytes text;
    riacho_registry_version version;
    int32_t id = must_register(scene, "pets-value", PET_1);
    for (size_t i = 0; i < sizeof no_answers / sizeof *no_answers; i++) {
        server_do(&scene->server, "fault %s", no_answers[i].fault);
        const double began = seconds();
        assert_int_equal(fetch(scene, id, &text), RIACHO_RETRY);
        expect_said(scene, no_answers[i].said);
        expect_said(scene, scene->server.url);
        assert_true(seconds() - began < 2.9); /* slow ones take 3 and more */
        if (no_answers[i].slow)
            continue;
        assert_int_equal(scene->registry->ops->lookup(scene->registry, "pets-value",
                                                      riacho_text(PET_1), &version, &scene->err),
                         RIACHO_RETRY);
        assert_int_equal(scene->registry->ops->add(scene->registry, "pets-value",
                                                   riacho_text(PET_1), &id, &scene->err),
                         RIACHO_RETRY);
    }
    server_do(&scene->server, "fault none");
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
}

static void an_id_below_one_is_no_id(void **state)
{
    struct scene *scene = *state;
    int32_t id = 7;
    server_do(&scene->server, "fault bad-id");
    assert_int_equal(
        scene->registry->ops->add(scene->registry, "a", riacho_text(PET_1), &id, &scene->err),
        RIACHO_RETRY);
    assert_int_equal(id, 7);
}

static void a_registry_that_is_away_is_found_again(void **state)
{
    struct scene *scene = *state;
    riacho_bytes text;
    const int32_t id = must_register(scene, "pets-value", PET_1);
    server_do(&scene->server, "stop");
    assert_int_equal(fetch(scene, id, &text), RIACHO_RETRY);
    server_do(&scene->server, "start");
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
}

static void one_of_several_addresses_is_enough(void **state)
{
    struct scene *scene = *state;
    struct server other;
    riacho_bytes text;
    const int32_t id = must_register(scene, "pets-value", PET_1);
    server_open(&other, NULL);
    server_do(&other, "fault 503");
    const char *urls =
        riacho_format(scene->arena, "http://127.0.0.1:1,%s/,%s", other.url, scene->server.url);
    riacho_registry_close(scene->registry);
    scene->registry = open_client(urls, NULL);
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
    const int asked = server_do(&other, "count");
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
    assert_int_equal(server_do(&other, "count"), asked); /* the one that answered is asked first */
    server_close(&other);
}

/* ---- who we are ------------------------------------------------------------------------------ */

static void a_password_comes_from_a_file_and_may_change_there(void **state)
{
    struct scene *scene = *state;
    char folder[64];
    riacho_bytes text;
    const int32_t id = must_register(scene, "pets-value", PET_1);
    server_do(&scene->server, "auth mochi:secret");
    assert_int_equal(fetch(scene, id, &text), RIACHO_RETRY);
    expect_said(scene, "it refuses who gives no password");

    lab_folder_new(folder);
    const char *file = riacho_format(scene->arena, "%s/auth", folder);
    lab_file_write(folder, "auth", "mochi:wrong\n");
    riacho_registry_close(scene->registry);
    scene->registry = open_client(scene->server.url, file);
    assert_int_equal(fetch(scene, id, &text), RIACHO_RETRY);
    expect_said(scene, "it refuses our name and password (status 401)");
    assert_null(strstr(scene->err.text, "wrong"));
    lab_file_write(folder, "auth", "mochi:secret\n");
    assert_int_equal(fetch(scene, id, &text), RIACHO_OK);
    lab_folder_delete(folder);
}

static void what_cannot_be_used_is_refused_before_anything_is_asked(void **state)
{
    struct scene *scene = *state;
    static const struct {
        riacho_registry_options options;
        const char *said;
    } table[] = {
        {{.urls = ""}, "has no address"},
        {{.urls = "localhost:8081"}, "'localhost:8081' is not the address"},
        {{.urls = "http://a:8081,ftp://b"}, "'ftp://b' is not the address"},
        {{.urls = "http://mochi:hunter2@a:8081"}, "belong into a file"},
        {{.urls = "http://a", .auth_file = "/nowhere/at/all"}, "'/nowhere/at/all': No such file"},
        {{.urls = "http://a", .auth_file = "/dev/null"}, "is not USER:PASSWORD"},
        {{.urls = "https://a", .ca_file = "/nowhere/at/all"}, "CA file '/nowhere/at/all'"},
        {{.urls =
              "http://a,http://b,http://c,http://d,http://e,http://f,http://g,http://h,http://i"},
         "more than 8 addresses"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        riacho_registry *registry;
        assert_int_equal(riacho_registry_open(&table[i].options, &registry, &scene->err),
                         RIACHO_REJECT);
        expect_said(scene, table[i].said);
        assert_null(strstr(scene->err.text, "hunter2"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_schema_that_was_registered_is_fetched_by_its_id),
        TEST(an_id_that_is_not_there_is_refused_for_good),
        TEST(a_subject_knows_its_versions),
        TEST(a_schema_that_does_not_fit_is_refused_with_the_registrys_reason),
        TEST(what_is_no_plain_avro_is_refused_by_name),
        TEST(what_is_no_registrys_answer_says_nothing_about_the_schema),
        TEST(an_id_below_one_is_no_id),
        TEST(a_registry_that_is_away_is_found_again),
        TEST(one_of_several_addresses_is_enough),
        TEST(a_password_comes_from_a_file_and_may_change_there),
        TEST(what_cannot_be_used_is_refused_before_anything_is_asked),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
