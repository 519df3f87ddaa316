/* SPDX-License-Identifier: MIT
 *
 * membership.c - members of a group on a real Kafka: sharing, leaving, being killed, coming back.
 * A member that is killed is a process of its own: this program, with the words of `follow`.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "real.h"

enum {
    NAME_BYTES = 64,
    LEASES = 8,
    SESSION_MS = 6000,
    AT_ONCE_MS = 2000, /* far below the session, far above a round trip on a slow machine */
};

static const char *const settings[] = {"session.timeout.ms", "6000", "heartbeat.interval.ms", "300",
                                       NULL};

struct scene {
    riacho_log *log;
    const struct riacho_broker_ops *ops;
    riacho_arena *arena;
    char leases[NAME_BYTES], group[NAME_BYTES];
    struct mate a, b;
};

static int open_scene(void **state)
{
    static struct scene scene;
    scene = (struct scene){.arena = riacho_arena_new()};
    scene.log = open_log(kafka_word("bootstrap"), settings);
    scene.ops = scene.log->ops->broker;
    kafka_name("leases", scene.leases, NAME_BYTES);
    kafka_name("group", scene.group, NAME_BYTES);
    make_topic(scene.log, scene.leases, LEASES);
    join(&scene.a, scene.log, scene.group, scene.leases, "a");
    await_leases(&scene.a, LEASES, NULL, 0);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    scene->ops->member_leave(scene->a.member);
    scene->ops->member_leave(scene->b.member);
    scene->log->ops->close(scene->log);
    riacho_arena_free(scene->arena);
    return 0;
}

static void join_b(struct scene *scene)
{
    join(&scene->b, scene->log, scene->group, scene->leases, "b");
    await_leases(&scene->a, LEASES / 2, &scene->b, LEASES / 2);
}

static void leave(struct scene *scene, struct mate *mate)
{
    scene->ops->member_leave(mate->member);
    mate->member = NULL;
}

static void two_members_share_the_leases(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_member_entry *entries;
    size_t count;
    join_b(scene);
    assert_ok(scene->ops->members(scene->log, scene->group, scene->arena, &entries, &count, &err));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        const struct mate *mate = strcmp(entries[i].name, "a") ? &scene->b : &scene->a;
        assert_string_equal(entries[i].name, mate == &scene->a ? "a" : "b");
        assert_string_equal(entries[i].address, "127.0.0.1:8080");
        assert_int_equal(entries[i].lease_count, mate->count);
        for (size_t k = 0; k < mate->count; k++)
            assert_true(mate->has[entries[i].leases[k]]);
    }
    riacho_member_token *token = scene->ops->token(scene->a.member);
    assert_true(token->generation > 0);
    assert_true(token->member_id[0]);
    scene->ops->token_free(token);
    assert_int_equal(scene->a.lost + scene->b.lost, 0);
}

static void a_group_that_nobody_joined_has_no_members(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_member_entry *entries;
    size_t count = 9;
    char name[NAME_BYTES];
    kafka_name("nobody", name, NAME_BYTES);
    assert_ok(scene->ops->members(scene->log, name, scene->arena, &entries, &count, &err));
    assert_int_equal(count, 0);
}

static void who_leaves_hands_over_at_once(void **state)
{
    struct scene *scene = *state;
    join_b(scene);
    for (int i = 0; i < 3; i++) {
        const int64_t start = now_ms();
        leave(scene, &scene->b);
        const int64_t left = now_ms() - start;
        await_leases(&scene->a, LEASES, NULL, 0);
        const int64_t took = now_ms() - start;
        print_message("left in %d ms, handed over in %d ms\n", (int)left, (int)took);
        assert_in_range(took, 0, AT_ONCE_MS);
        assert_int_equal(scene->a.lost, 0);
        join_b(scene);
    }
}

static void a_member_that_is_not_answered_keeps_its_leases(void **state)
{
    struct scene *scene = *state;
    riacho_error err = {.text = ""};
    riacho_member_event event = {.change = RIACHO_MEMBER_NONE}, next;
    join(&scene->b, scene->log, scene->group, scene->leases, "b");
    while (event.change == RIACHO_MEMBER_NONE) {
        (void)!step(&scene->b, 20, &err);
        assert_ok(scene->ops->member_poll(scene->a.member, 20, &event, &err));
    }
    assert_int_equal(event.change, RIACHO_MEMBER_REVOKED);
    assert_int_equal(event.count, LEASES / 2);
    const int64_t until = now_ms() + 1000;
    while (now_ms() < until) {
        assert_ok(scene->ops->member_poll(scene->a.member, 20, &next, &err));
        assert_int_equal(next.change, RIACHO_MEMBER_NONE);
        (void)!step(&scene->b, 20, &err);
        assert_int_equal(scene->b.count, 0);
    }
    for (size_t i = 0; i < event.count; i++)
        scene->a.has[event.leases[i]] = false;
    scene->a.count -= event.count;
    scene->ops->member_answer(scene->a.member, &event);
    await_leases(&scene->a, LEASES / 2, &scene->b, LEASES / 2);
}

/* ---- a process of its own -------------------------------------------------------------------- */

static int follow(char **words)
{
    riacho_error err;
    struct mate mate;
    riacho_log *log = open_log(words[0], settings);
    join(&mate, log, words[1], words[2], words[3]);
    for (size_t told = 0;;) {
        if (step(&mate, 50, &err) == RIACHO_REJECT)
            return 3;
        if (told != mate.count && (told = mate.count) >= LEASES / 2) {
            puts("has");
            fflush(stdout);
        }
    }
}

static pid_t spawn(struct scene *scene, const char *name, FILE **ret_out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (!child) {
        dup2(ends[1], 1);
        close(ends[0]);
        execl("/proc/self/exe", "test", "follow", kafka_word("bootstrap"), scene->group,
              scene->leases, name, NULL);
        _exit(9);
    }
    close(ends[1]);
    *ret_out = fdopen(ends[0], "r");
    return child;
}

/* Until the process says that it has its leases; meanwhile we answer what we are told. ms. */
static int64_t await_word(struct scene *scene, FILE *out)
{
    riacho_error err;
    char line[16];
    const int64_t start = now_ms();
    struct pollfd ready = {.fd = fileno(out), .events = POLLIN};
    while (!poll(&ready, 1, 0)) {
        assert_true(now_ms() - start < 30000);
        (void)!step(&scene->a, 10, &err);
    }
    assert_non_null(fgets(line, sizeof line, out));
    return now_ms() - start;
}

static void who_is_killed_loses_its_leases_when_its_session_ends(void **state)
{
    struct scene *scene = *state;
    FILE *out;
    const pid_t child = spawn(scene, "killed", &out);
    await_word(scene, out);
    assert_int_equal(scene->a.count, LEASES / 2);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    const int64_t took = await_leases(&scene->a, LEASES, NULL, 0);
    print_message("taken over in %d ms\n", (int)took);
    assert_in_range(took, SESSION_MS / 2, SESSION_MS * 3);
    fclose(out);
}

static void who_is_killed_and_comes_back_has_its_leases_at_once(void **state)
{
    struct scene *scene = *state;
    FILE *out;
    pid_t child = spawn(scene, "back", &out);
    await_word(scene, out);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fclose(out);
    child = spawn(scene, "back", &out);
    const int64_t took = await_word(scene, out);
    print_message("back in %d ms\n", (int)took);
    assert_in_range(took, 0, AT_ONCE_MS);
    assert_int_equal(scene->a.count, LEASES / 2);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fclose(out);
}

static void a_second_worker_of_a_name_ends_the_first(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_status status = RIACHO_OK;
    join(&scene->b, scene->log, scene->group, scene->leases, "a");
    const int64_t until = now_ms() + 30000;
    while (status != RIACHO_REJECT && now_ms() < until) {
        status = step(&scene->a, 20, &err);
        riacho_error other;
        (void)!step(&scene->b, 20, &other);
    }
    assert_int_equal(status, RIACHO_REJECT);
    assert_non_null(strstr(err.text, "name of its own"));
    await_leases(&scene->b, LEASES, NULL, 0);
}

static void names_that_cannot_be_are_refused(void **state)
{
    struct scene *scene = *state;
    static const riacho_member_options bad[] = {{"g", "t", "", NULL},    {"g", "t", NULL, NULL},
                                                {"g", "t", "a b", NULL}, {"", "t", "w", NULL},
                                                {NULL, "t", "w", NULL},  {"g", "t", "a/b", NULL}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        riacho_error err = {.text = ""};
        riacho_member *member;
        assert_int_equal(scene->ops->member_join(scene->log, &bad[i], &member, &err),
                         RIACHO_REJECT);
        assert_true(err.text[0]);
    }
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, open_scene, close_scene)

int main(int count, char **words)
{
    if (count == 6 && !strcmp(words[1], "follow"))
        return follow(words + 2);
    const struct CMUnitTest tests[] = {
        SCENE_TEST(two_members_share_the_leases),
        SCENE_TEST(a_group_that_nobody_joined_has_no_members),
        SCENE_TEST(who_leaves_hands_over_at_once),
        SCENE_TEST(a_member_that_is_not_answered_keeps_its_leases),
        SCENE_TEST(who_is_killed_loses_its_leases_when_its_session_ends),
        SCENE_TEST(who_is_killed_and_comes_back_has_its_leases_at_once),
        SCENE_TEST(a_second_worker_of_a_name_ends_the_first),
        SCENE_TEST(names_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("membership on kafka", tests, NULL, NULL);
}
