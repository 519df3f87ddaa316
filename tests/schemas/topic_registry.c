/* SPDX-License-Identifier: MIT
 *
 * topic_registry.c - a registry that is a topic: whoever reads it agrees on every id, whoever added
 * what, and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/macros.h"
#include "riacho/backend/memory_log.h"
#include "riacho/registry.h"

enum { WORKERS = 3, SCHEMAS = 5, SUBJECTS = 4, ADDITIONS = 200 };

struct world {
    riacho_clock_virtual clock;
    riacho_log *log;
    riacho_registry *registries[WORKERS];
    riacho_arena *arena;
    riacho_error err;
};

static int open_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    riacho_clock_virtual_init(&world->clock, 1000);
    world->log = riacho_memory_log_new(&world->clock.clock);
    world->arena = riacho_arena_new();
    for (size_t i = 0; i < WORKERS; i++)
        world->registries[i] = riacho_registry_in_topic(world->log);
    *state = world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < WORKERS; i++)
        riacho_registry_close(world->registries[i]);
    world->log->ops->close(world->log);
    riacho_arena_free(world->arena);
    free(world);
    return 0;
}

static int32_t add(struct world *world, size_t worker, const char *subject, const char *text)
{
    riacho_registry *registry = world->registries[worker];
    int32_t id = 0;
    assert_int_equal(registry->ops->add(registry, subject, riacho_text(text), &id, &world->err),
                     RIACHO_OK);
    return id;
}

static riacho_registry_version look(struct world *world, size_t worker, const char *subject,
                                    const char *text)
{
    riacho_registry *registry = world->registries[worker];
    riacho_registry_version found;
    assert_int_equal(
        registry->ops->lookup(registry, subject, riacho_text(text), &found, &world->err),
        RIACHO_OK);
    return found;
}

static void test_without_a_topic_nothing_is_known_and_nothing_is_created(void **state)
{
    struct world *world = *state;
    riacho_registry *registry = world->registries[0];
    riacho_topic_spec *specs;
    riacho_bytes text;
    size_t count;
    assert_int_equal(look(world, 0, "pets-value", "\"string\"").id, 0);
    assert_int_equal(registry->ops->fetch(registry, 1, world->arena, &text, &world->err),
                     RIACHO_REJECT);
    assert_int_equal(
        world->log->ops->topic_list(world->log, world->arena, &specs, &count, &world->err),
        RIACHO_OK);
    assert_int_equal(count, 0);
}

static void test_what_one_worker_adds_the_others_find(void **state)
{
    struct world *world = *state;
    riacho_registry *other = world->registries[1];
    riacho_bytes text;
    assert_int_equal(add(world, 0, "pets-value", "\"string\""), 1);
    assert_int_equal(add(world, 0, "pets-value", "\"long\""), 2);
    assert_int_equal(look(world, 1, "pets-value", "\"long\"").id, 2);
    assert_int_equal(look(world, 1, "pets-value", "\"long\"").version, 2);
    assert_int_equal(other->ops->fetch(other, 1, world->arena, &text, &world->err), RIACHO_OK);
    assert_true(riacho_bytes_equal(text, riacho_text("\"string\"")));
    assert_int_equal(other->ops->fetch(other, 3, world->arena, &text, &world->err), RIACHO_REJECT);
}

static void test_one_schema_has_one_id_under_all_subjects(void **state)
{
    struct world *world = *state;
    assert_int_equal(add(world, 0, "pets-value", "\"string\""), 1);
    assert_int_equal(add(world, 1, "shops-value", "\"string\""), 1);
    assert_int_equal(look(world, 2, "shops-value", "\"string\"").version, 1);
    riacho_registry_version newest;
    riacho_registry *registry = world->registries[2];
    assert_int_equal(
        registry->ops->latest(registry, "nobody-value", world->arena, &newest, &world->err),
        RIACHO_OK);
    assert_int_equal(newest.id, 0);
}

static void test_a_schema_that_is_added_again_changes_nothing(void **state)
{
    struct world *world = *state;
    int64_t first, before, after;
    add(world, 0, "pets-value", "\"string\"");
    const riacho_log_ops *ops = world->log->ops;
    assert_int_equal(
        ops->bounds(world->log, RIACHO_REGISTRY_TOPIC, 0, &first, &before, &world->err), RIACHO_OK);
    assert_int_equal(add(world, 1, "pets-value", "\"string\""), 1);
    assert_int_equal(ops->bounds(world->log, RIACHO_REGISTRY_TOPIC, 0, &first, &after, &world->err),
                     RIACHO_OK);
    assert_int_equal(before, after);
}

/* Written by hand, as two workers that did not see each other would. */
static void test_two_that_add_at_the_same_time_agree(void **state)
{
    struct world *world = *state;
    riacho_log_append both[2] = {
        {.topic = RIACHO_REGISTRY_TOPIC,
         .record = {.timestamp_ms = 1, .key = riacho_text("a"), .value = riacho_text("\"int\"")}},
        {.topic = RIACHO_REGISTRY_TOPIC,
         .record = {.timestamp_ms = 1, .key = riacho_text("a"), .value = riacho_text("\"int\"")}},
    };
    riacho_position positions[2];
    add(world, 0, "a", "\"long\"");
    assert_int_equal(world->log->ops->append(world->log, both, 2, positions, &world->err),
                     RIACHO_OK);
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(look(world, i, "a", "\"int\"").id, 2);
        assert_int_equal(look(world, i, "a", "\"int\"").version, 2);
    }
}

static void test_after_many_additions_everybody_says_the_same(void **state)
{
    struct world *world = *state;
    unsigned random = 7;
    char subject[16], text[32];
    for (size_t i = 0; i < ADDITIONS; i++) {
        random = random * 1103515245u + 12345u;
        snprintf(subject, sizeof subject, "s%u-value", random / 65536 % SUBJECTS);
        snprintf(text, sizeof text, "{\"type\":\"fixed%u\"}", random / 1048576 % SCHEMAS);
        const int32_t id = add(world, i % WORKERS, subject, text);
        for (size_t w = 0; w < WORKERS; w++)
            assert_int_equal(look(world, w, subject, text).id, id);
    }
    riacho_registry *registry = world->registries[0];
    const char *const *names;
    size_t count;
    assert_int_equal(registry->ops->subjects(registry, world->arena, &names, &count, &world->err),
                     RIACHO_OK);
    assert_int_equal(count, SUBJECTS);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_without_a_topic_nothing_is_known_and_nothing_is_created),
        WORLD_TEST(test_what_one_worker_adds_the_others_find),
        WORLD_TEST(test_one_schema_has_one_id_under_all_subjects),
        WORLD_TEST(test_a_schema_that_is_added_again_changes_nothing),
        WORLD_TEST(test_two_that_add_at_the_same_time_agree),
        WORLD_TEST(test_after_many_additions_everybody_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
