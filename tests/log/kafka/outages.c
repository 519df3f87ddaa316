/* SPDX-License-Identifier: MIT
 *
 * outages.c - what is asked of a group's coordinator while it is away, and its answer when it is
 * back: against mock brokers.
 */
#include "base/macros.h"
#include "bench.h"
#include "mock.h"

enum { ASKED = 12, SHORT_MS = 150, LONG_MS = 30000 };

struct scene {
    struct mock mock;
    riacho_log *log;
    const struct riacho_broker_ops *ops;
    riacho_arena *arena;
};

static int open_scene(void **state)
{
    static const char *const settings[] = {"reconnect.backoff.ms", "10", "reconnect.backoff.max.ms",
                                           "50", NULL};
    static struct scene scene;
    scene = (struct scene){.arena = riacho_arena_new()};
    mock_open(&scene.mock, 1);
    rd_kafka_mock_topic_create(scene.mock.cluster, "t", 1, 1);
    scene.log = open_log(scene.mock.servers, settings);
    scene.ops = scene.log->ops->broker;
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    scene->log->ops->close(scene->log);
    mock_close(&scene->mock);
    riacho_arena_free(scene->arena);
    return 0;
}

static riacho_status fetch(struct scene *scene, int64_t wait_ms, riacho_error *err)
{
    riacho_committed position = {.position = {"t", 0, 0}};
    return scene->ops->fetch(scene->log, "group", scene->arena, &position, 1, wait_ms, err);
}

/* librdkafka (2.15) uses what it has freed when a request to a coordinator has run out of time
 * before there is a coordinator. */
static void a_coordinator_may_come_back_after_nobody_waits(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    assert_ok(fetch(scene, LONG_MS, &err));
    rd_kafka_mock_broker_set_down(scene->mock.cluster, 1);
    for (int i = 0; i < ASKED; i++)
        assert_int_equal(fetch(scene, SHORT_MS, &err), RIACHO_RETRY);
    rd_kafka_mock_broker_set_up(scene->mock.cluster, 1);
    assert_ok(fetch(scene, LONG_MS, &err));
}

/* librdkafka (2.15) follows a null pointer when the client that asks has no group. */
static void a_coordinator_may_have_moved(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    rd_kafka_mock_push_request_errors(scene->mock.cluster, MOCK_OFFSET_FETCH, 2,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    assert_ok(fetch(scene, LONG_MS, &err));
}

static void a_log_may_be_closed_while_the_coordinator_is_away(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    assert_ok(fetch(scene, LONG_MS, &err));
    rd_kafka_mock_broker_set_down(scene->mock.cluster, 1);
    assert_int_equal(fetch(scene, SHORT_MS, &err), RIACHO_RETRY);
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_coordinator_may_come_back_after_nobody_waits),
        SCENE_TEST(a_coordinator_may_have_moved),
        SCENE_TEST(a_log_may_be_closed_while_the_coordinator_is_away),
    };
    return cmocka_run_group_tests_name("outages", tests, NULL, NULL);
}
