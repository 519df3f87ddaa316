/* SPDX-License-Identifier: MIT
 *
 * transactions.c - transactions, positions and their fencing on a real Kafka.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "bench.h"
#include "real.h"

enum { NAME_BYTES = 64 };

/* A log, a topic of two partitions, and a worker that has both leases of a group. */
struct scene {
    riacho_log *log;
    const struct riacho_broker_ops *ops;
    riacho_arena *arena;
    char topic[NAME_BYTES], leases[NAME_BYTES], group[NAME_BYTES], id[NAME_BYTES];
    struct mate mate;
};

static int open_scene(void **state)
{
    static struct scene scene;
    scene = (struct scene){.arena = riacho_arena_new()};
    scene.log = open_log(kafka_word("bootstrap"), NULL);
    scene.ops = scene.log->ops->broker;
    kafka_name("topic", scene.topic, NAME_BYTES);
    kafka_name("leases", scene.leases, NAME_BYTES);
    kafka_name("group", scene.group, NAME_BYTES);
    kafka_name("id", scene.id, NAME_BYTES);
    make_topic(scene.log, scene.topic, 2);
    make_topic(scene.log, scene.leases, 2);
    join(&scene.mate, scene.log, scene.group, scene.leases, "w1");
    await_leases(&scene.mate, 2, NULL, 0);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    scene->ops->member_leave(scene->mate.member);
    scene->log->ops->close(scene->log);
    riacho_arena_free(scene->arena);
    return 0;
}

static riacho_verdict send_position(struct scene *scene, riacho_producer *producer, int64_t next,
                                    riacho_bytes note, riacho_error *err)
{
    const riacho_committed position = {{scene->topic, 0, next}, note};
    riacho_member_token *token = scene->ops->token(scene->mate.member);
    const riacho_verdict verdict =
        settled(scene->ops->send_positions(producer, token, &position, 1, STEP_MS, err));
    scene->ops->token_free(token);
    return verdict;
}

static riacho_committed fetch_one(struct scene *scene)
{
    riacho_error err;
    riacho_committed position = {.position = {scene->topic, 0, 0}};
    assert_ok(scene->ops->fetch(scene->log, scene->group, scene->arena, &position, 1, 10000, &err));
    return position;
}

static void a_commit_makes_records_and_positions_visible_together(void **state)
{
    static const uint8_t bytes[] = {0, 255, 128, 'a', 10, 0xc3, 0x28};
    struct scene *scene = *state;
    riacho_error err;
    int64_t ends[3];
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        assert_done(scene->ops->begin(producer, &err));
        send_one(scene->log, producer, scene->topic, 0, "a");
        send_one(scene->log, producer, scene->topic, 1, "b");
        send_one(scene->log, producer, scene->topic, 0, "c");
        const riacho_bytes note = {bytes, size};
        assert_int_equal(send_position(scene, producer, 5 + (int64_t)size, note, &err), 0);
        assert_done(scene->ops->commit(producer, STEP_MS, &err));
        assert_false(scene->ops->suspect(producer));
        scene->ops->ends(producer, ends, 3);
        assert_int_equal(ends[0], 1 + 3 * (int64_t)size); /* two records and a mark each time */
        assert_int_equal(ends[2], 2 + 3 * (int64_t)size);
        assert_int_equal(ends[1], 1 + 2 * (int64_t)size);
        const riacho_committed position = fetch_one(scene);
        assert_int_equal(position.position.next, 5 + (int64_t)size);
        assert_true(riacho_bytes_equal(position.note, note));
    }
    scene->ops->producer_close(producer);
}

/* The client's own threads wait for everybody else on this machine, and there is somebody. */
struct crowd {
    pthread_t threads[4];
    atomic_bool enough;
};

static void *never_rest(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->enough))
        ;
    return NULL;
}

static void make_clients_slow(void)
{
    DIR *threads = opendir("/proc/self/task");
    assert_non_null(threads);
    for (const struct dirent *entry = readdir(threads); entry; entry = readdir(threads)) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        const bool is_named = fgets(name, sizeof name, file);
        fclose(file);
        if (is_named && strcmp(name, "rdk:main\n") == 0)
            sched_setscheduler((pid_t)strtol(entry->d_name, NULL, 10), SCHED_IDLE,
                               &(struct sched_param){0});
    }
    closedir(threads);
}

static void crowd_start(struct crowd *crowd)
{
    atomic_init(&crowd->enough, false);
    for (size_t i = 0; i < COUNT(crowd->threads); i++)
        assert_int_equal(pthread_create(&crowd->threads[i], NULL, never_rest, crowd), 0);
}

static void crowd_stop(struct crowd *crowd)
{
    atomic_store(&crowd->enough, true);
    for (size_t i = 0; i < COUNT(crowd->threads); i++)
        pthread_join(crowd->threads[i], NULL);
}

/* One transaction; false: it took so long that the producer was given up, which is allowed. */
static bool commit_one(struct scene *scene, riacho_producer *producer)
{
    riacho_error err;
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "a");
    riacho_verdict verdict = scene->ops->commit(producer, 0, &err);
    if (verdict == RIACHO_VERDICT_RETRY)
        verdict = settled(scene->ops->commit(producer, STEP_MS, &err));
    if (verdict != RIACHO_VERDICT_OK && strstr(err.text, "_STATE"))
        fail_msg("verdict %d: %s", (int)verdict, err.text);
    return verdict == RIACHO_VERDICT_OK;
}

/* As the engine commits: the first call only asks. librdkafka (2.15) takes the answer to one of its
 * steps for the answer to another when a call ends in between: a commit came back before it was
 * one, and what followed was out of step, or the end of the process. */
static void a_commit_that_is_not_waited_for_is_done_when_it_says_so(void **state)
{
    enum { TIMES = 15 };
    struct scene *scene = *state;
    struct crowd crowd;
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    make_clients_slow();
    crowd_start(&crowd);
    for (int i = 0; i < TIMES; i++) {
        if (commit_one(scene, producer))
            continue;
        scene->ops->producer_close(producer);
        producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    }
    crowd_stop(&crowd);
    scene->ops->producer_close(producer);
}

static void what_was_never_committed_is_told_so(void **state)
{
    const riacho_committed position = fetch_one(*state);
    assert_int_equal(position.position.next, -1);
    assert_null(position.note.data);
}

static void an_abort_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    int64_t first, next;
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "gone");
    assert_int_equal(send_position(scene, producer, 7, (riacho_bytes){0}, &err), 0);
    assert_done(scene->ops->abort(producer, STEP_MS, &err));
    assert_int_equal(fetch_one(scene).position.next, -1);
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "here");
    assert_done(scene->ops->commit(producer, STEP_MS, &err));
    riacho_log_reader *reader;
    assert_ok(scene->log->ops->reader_open(scene->log, &reader, &err));
    const riacho_log_assignment from = {scene->topic, 0, 0, 3};
    assert_ok(scene->log->ops->assign(reader, &from, 1, &err));
    assert_ok(scene->log->ops->bounds(scene->log, scene->topic, 0, &first, &next, &err));
    size_t seen = 0;
    for (int64_t at = 0; at < next;) {
        riacho_log_batch *batch;
        assert_ok(scene->log->ops->poll(reader, 10000, &batch, &err));
        assert_non_null(batch);
        for (size_t i = 0; i < batch->count; i++, seen++)
            assert_true(riacho_bytes_equal(batch->records[i].value, riacho_text("here")));
        at = batch->next; /* gets past the mark of the transaction, too */
        scene->log->ops->batch_free(batch);
    }
    assert_int_equal(seen, 1);
    scene->log->ops->reader_close(reader);
    scene->ops->producer_close(producer);
}

static void the_end_has_open_transactions_and_the_stable_end_has_not(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    int64_t first, next, stable = -1;
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "open");
    do /* until it is there */
        assert_ok(scene->log->ops->bounds(scene->log, scene->topic, 0, &first, &next, &err));
    while (next == 0);
    assert_int_equal(next, 1);
    assert_ok(scene->ops->stable_end(scene->log, scene->topic, 0, &stable, &err));
    assert_int_equal(stable, 0);
    assert_done(scene->ops->commit(producer, STEP_MS, &err));
    do /* marks are written behind the answer */
        assert_ok(scene->ops->stable_end(scene->log, scene->topic, 0, &stable, &err));
    while (stable == 0);
    assert_int_equal(stable, 2);
    scene->ops->producer_close(producer);
}

static void a_second_producer_of_an_id_fences_the_first(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_producer *first = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_done(scene->ops->begin(first, &err));
    send_one(scene->log, first, scene->topic, 0, "open");
    assert_int_equal(send_position(scene, first, 3, (riacho_bytes){0}, &err), 0);
    riacho_producer *second = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_int_equal(fetch_one(scene).position.next, -1); /* its transaction is over */
    assert_verdict(scene->ops->commit(first, STEP_MS, &err), RIACHO_VERDICT_RECREATE);
    assert_done(scene->ops->begin(second, &err));
    send_one(scene->log, second, scene->topic, 0, "second");
    assert_done(scene->ops->commit(second, STEP_MS, &err));
    scene->ops->producer_close(first);
    scene->ops->producer_close(second);
}

static void a_fetch_waits_for_a_transaction_that_commits_the_position(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "v");
    assert_int_equal(send_position(scene, producer, 9, (riacho_bytes){0}, &err), 0);
    riacho_committed position = {.position = {scene->topic, 0, 0}};
    assert_int_equal(
        scene->ops->fetch(scene->log, scene->group, scene->arena, &position, 1, 300, &err),
        RIACHO_RETRY);
    assert_non_null(strstr(err.text, "UNSTABLE_OFFSET_COMMIT"));
    assert_done(scene->ops->commit(producer, STEP_MS, &err));
    assert_int_equal(fetch_one(scene).position.next, 9);
    scene->ops->producer_close(producer);
}

static void positions_of_an_older_generation_are_refused(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    riacho_member_token *old = scene->ops->token(scene->mate.member);
    struct mate other;
    join(&other, scene->log, scene->group, scene->leases, "w2");
    await_leases(&scene->mate, 1, &other, 1);
    const riacho_committed position = {.position = {scene->topic, 0, 4}};
    assert_done(scene->ops->begin(producer, &err));
    assert_verdict(scene->ops->send_positions(producer, old, &position, 1, STEP_MS, &err),
                   RIACHO_VERDICT_ABORT);
    assert_done(scene->ops->abort(producer, STEP_MS, &err));
    assert_done(scene->ops->begin(producer, &err));
    assert_int_equal(send_position(scene, producer, 4, (riacho_bytes){0}, &err), 0);
    assert_done(scene->ops->commit(producer, STEP_MS, &err));
    assert_int_equal(fetch_one(scene).position.next, 4);
    scene->ops->token_free(old);
    scene->ops->member_leave(other.member);
    scene->ops->producer_close(producer);
}

static void positions_of_no_member_are_not_sent(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    const riacho_committed position = {.position = {scene->topic, 0, 4}};
    struct mate late;
    join(&late, scene->log, scene->group, scene->leases, "late");
    riacho_member_token *token = scene->ops->token(late.member);
    assert_true(token->generation < 0);
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_EXACTLY_ONCE);
    assert_done(scene->ops->begin(producer, &err));
    assert_int_equal(scene->ops->send_positions(producer, token, &position, 1, STEP_MS, &err),
                     RIACHO_VERDICT_ABORT);
    assert_done(scene->ops->abort(producer, STEP_MS, &err));
    scene->ops->token_free(token);
    scene->ops->member_leave(late.member);
    scene->ops->producer_close(producer);
}

static void delivery_at_least_once_commits_in_the_group(void **state)
{
    static const uint8_t bytes[] = {1, 0, 2};
    struct scene *scene = *state;
    riacho_error err;
    int64_t ends[2];
    riacho_producer *producer = open_producer(scene->log, scene->id, RIACHO_DELIVERY_AT_LEAST_ONCE);
    for (int64_t i = 0; i < 3; i++) {
        assert_done(scene->ops->begin(producer, &err));
        send_one(scene->log, producer, scene->topic, 0, "a");
        send_one(scene->log, producer, scene->topic, 0, "b");
        assert_int_equal(
            send_position(scene, producer, 20 + i, (riacho_bytes){bytes, sizeof bytes}, &err), 0);
        assert_done(scene->ops->commit(producer, STEP_MS, &err));
        scene->ops->ends(producer, ends, 2);
        assert_int_equal(ends[0], 1 + 2 * i);
        assert_int_equal(ends[1], 2 + 2 * i);
        const riacho_committed position = fetch_one(scene);
        assert_int_equal(position.position.next, 20 + i);
        assert_true(riacho_bytes_equal(position.note, (riacho_bytes){bytes, sizeof bytes}));
    }
    assert_done(scene->ops->begin(producer, &err));
    send_one(scene->log, producer, scene->topic, 0, "perhaps");
    assert_int_equal(send_position(scene, producer, 99, (riacho_bytes){0}, &err), 0);
    assert_done(scene->ops->abort(producer, STEP_MS, &err));
    assert_int_equal(fetch_one(scene).position.next, 22);
    scene->ops->producer_close(producer);
}

/* A setting as the brokers have it; "" when there is none. */
static void read_setting(const char *topic, const char *name, char *ret_value, size_t size)
{
    rd_kafka_t *rk = kafka_open(RD_KAFKA_PRODUCER, (const char *const[]){NULL});
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(rk, &asked, 1, NULL, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, 30000);
    assert_non_null(answer);
    assert_int_equal(rd_kafka_event_error(answer), 0);
    size_t count;
    const rd_kafka_ConfigResource_t **told = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(answer), &count);
    assert_int_equal(count, 1);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(told[0], &count);
    *ret_value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) &&
            !rd_kafka_ConfigEntry_is_default(entries[i]))
            snprintf(ret_value, size, "%s", rd_kafka_ConfigEntry_value(entries[i]));
    }
    rd_kafka_event_destroy(answer);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

/* Whatever the brokers' own defaults are. */
static void a_topic_says_what_we_depend_on(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    char compacted[64], plain[64], value[64];
    kafka_name("compacted", compacted, sizeof compacted);
    kafka_name("plain", plain, sizeof plain);
    const riacho_topic_spec specs[] = {
        {.name = compacted, .partitions = 1, .cleanup = RIACHO_CLEANUP_COMPACT},
        {.name = plain, .partitions = 1},
    };
    for (size_t i = 0; i < COUNT(specs); i++) {
        assert_ok(scene->log->ops->topic_ensure(scene->log, &specs[i], &err));
        read_setting(specs[i].name, "message.timestamp.type", value, sizeof value);
        assert_string_equal(value, "CreateTime");
    }
    read_setting(compacted, "delete.retention.ms", value, sizeof value);
    assert_string_equal(value, "86400000");
}

static void what_is_done_with_is_trimmed(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    int64_t first, next;
    riacho_log_append records[10];
    for (size_t i = 0; i < COUNT(records); i++)
        records[i] =
            (riacho_log_append){scene->topic, 1, {.timestamp_ms = 1, .value = riacho_text("v")}};
    assert_ok(scene->log->ops->append(scene->log, records, COUNT(records), NULL, &err));
    assert_ok(scene->ops->trim(scene->log, scene->topic, 1, 6, &err));
    assert_ok(scene->log->ops->bounds(scene->log, scene->topic, 1, &first, &next, &err));
    assert_int_equal(first, 6);
    assert_int_equal(next, 10);
    /* A reader that begins below moves up to what is held, and says so, once. */
    riacho_log_reader *reader;
    riacho_log_batch *batch;
    const riacho_log_assignment from = {scene->topic, 1, 2, 1};
    assert_ok(scene->log->ops->reader_open(scene->log, &reader, &err));
    assert_ok(scene->log->ops->assign(reader, &from, 1, &err));
    assert_ok(scene->log->ops->poll(reader, 10000, &batch, &err));
    assert_non_null(batch);
    assert_int_equal(batch->records[0].offset, 6);
    assert_true(batch->overtaken);
    scene->log->ops->batch_free(batch);
    assert_ok(scene->log->ops->append(scene->log, records, 1, NULL, &err));
    do {
        assert_ok(scene->log->ops->poll(reader, 10000, &batch, &err));
        assert_non_null(batch);
        assert_false(batch->overtaken);
        next = batch->next;
        scene->log->ops->batch_free(batch);
    } while (next < 11);
    scene->log->ops->reader_close(reader);
}

static void this_broker_can_do_what_both_deliveries_need(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    assert_ok(scene->ops->check(scene->log, RIACHO_DELIVERY_EXACTLY_ONCE, &err));
    assert_ok(scene->ops->check(scene->log, RIACHO_DELIVERY_AT_LEAST_ONCE, &err));
}

static void a_wake_ends_a_poll(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    riacho_log_reader *reader;
    riacho_log_batch *batch;
    assert_ok(scene->log->ops->reader_open(scene->log, &reader, &err));
    for (int i = 0; i < 2; i++) {
        const int64_t start = now_ms();
        scene->log->ops->reader_wake(reader);
        assert_ok(scene->log->ops->poll(reader, 30000, &batch, &err));
        assert_null(batch);
        assert_in_range(now_ms() - start, 0, 10000);
    }
    assert_ok(scene->log->ops->poll(reader, 20, &batch, &err));
    scene->log->ops->reader_close(reader);
}

/* More partitions than the first client of a reader is made for: it is replaced, and what was read
 * goes on where it was. */
static void a_reader_grows_with_what_it_is_given(void **state)
{
    enum { PARTITIONS = 40, RECORDS = 400 };
    struct scene *scene = *state;
    riacho_error err;
    riacho_log_reader *reader;
    riacho_log_assignment from[PARTITIONS];
    riacho_log_append records[RECORDS];
    char topic[NAME_BYTES];
    kafka_name("wide", topic, NAME_BYTES);
    make_topic(scene->log, topic, PARTITIONS);
    for (int32_t i = 0; i < RECORDS; i++)
        records[i] = (riacho_log_append){
            topic, i % PARTITIONS, {.timestamp_ms = 1, .value = riacho_text("v")}};
    assert_ok(scene->log->ops->append(scene->log, records, RECORDS, NULL, &err));
    for (int32_t i = 0; i < PARTITIONS; i++)
        from[i] = (riacho_log_assignment){topic, i, 0, (uint32_t)i};
    assert_ok(scene->log->ops->reader_open(scene->log, &reader, &err));
    size_t seen = 0;
    for (size_t assigned = 5; assigned <= PARTITIONS; assigned *= 2) {
        assert_ok(scene->log->ops->assign(reader, from, assigned, &err));
        while (seen < assigned * RECORDS / PARTITIONS) {
            riacho_log_batch *batch;
            assert_ok(scene->log->ops->poll(reader, 10000, &batch, &err));
            assert_non_null(batch);
            seen += batch->count;
            assert_true(batch->next >= from[batch->tag].next);
            from[batch->tag].next = batch->next;
            scene->log->ops->batch_free(batch);
        }
        assert_int_equal(seen, assigned * RECORDS / PARTITIONS);
    }
    scene->log->ops->reader_close(reader);
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_commit_makes_records_and_positions_visible_together),
        SCENE_TEST(a_commit_that_is_not_waited_for_is_done_when_it_says_so),
        SCENE_TEST(what_was_never_committed_is_told_so),
        SCENE_TEST(an_abort_leaves_nothing),
        SCENE_TEST(the_end_has_open_transactions_and_the_stable_end_has_not),
        SCENE_TEST(a_second_producer_of_an_id_fences_the_first),
        SCENE_TEST(a_fetch_waits_for_a_transaction_that_commits_the_position),
        SCENE_TEST(positions_of_an_older_generation_are_refused),
        SCENE_TEST(positions_of_no_member_are_not_sent),
        SCENE_TEST(delivery_at_least_once_commits_in_the_group),
        SCENE_TEST(a_topic_says_what_we_depend_on),
        SCENE_TEST(what_is_done_with_is_trimmed),
        SCENE_TEST(a_wake_ends_a_poll),
        SCENE_TEST(a_reader_grows_with_what_it_is_given),
        SCENE_TEST(this_broker_can_do_what_both_deliveries_need),
    };
    return cmocka_run_group_tests_name("transactions on kafka", tests, NULL, NULL);
}
