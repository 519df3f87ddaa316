/* SPDX-License-Identifier: MIT
 *
 * verdicts.c - what each error of a broker, at each step of a transaction, makes of the
 * transaction: against mock brokers that answer with the error. After the verdict the worker does
 * what it asks for, and the next transaction must commit.
 */
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "bench.h"
#include "mock.h"

#define ERR(name) RD_KAFKA_RESP_ERR_##name

#define OK RIACHO_VERDICT_OK
#define RETRY RIACHO_VERDICT_RETRY
#define ABORT RIACHO_VERDICT_ABORT
#define RECREATE RIACHO_VERDICT_RECREATE
#define STOP RIACHO_VERDICT_STOP

enum { SOCKET_MS = 1000, TRANSACTION_MS = 4000 }; /* as in the settings */

struct scene {
    struct mock mock;
    riacho_log *log;
    const struct riacho_broker_ops *ops;
    struct mate mate;
    riacho_producer *producer;
};

static int open_scene(void **state)
{
    static const char *const settings[] = {"retry.backoff.ms",
                                           "10",
                                           "retry.backoff.max.ms",
                                           "50",
                                           "reconnect.backoff.ms",
                                           "10",
                                           "reconnect.backoff.max.ms",
                                           "50",
                                           "socket.timeout.ms",
                                           "1000",
                                           "transaction.timeout.ms",
                                           "4000",
                                           NULL};
    static struct scene scene;
    mock_open(&scene.mock, 3);
    rd_kafka_mock_topic_create(scene.mock.cluster, "t", 2, 1);
    rd_kafka_mock_topic_create(scene.mock.cluster, "leases", 1, 1);
    scene.log = open_log(scene.mock.servers, settings);
    scene.ops = scene.log->ops->broker;
    join(&scene.mate, scene.log, "group", "leases", "w");
    await_leases(&scene.mate, 1, NULL, 0);
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    scene->ops->member_leave(scene->mate.member);
    scene->log->ops->close(scene->log);
    mock_close(&scene->mock);
    return 0;
}

static void open_id(struct scene *scene, const char *id)
{
    riacho_error err;
    const riacho_producer_options options = {.id = id};
    assert_ok(scene->ops->producer_open(scene->log, &options, &scene->producer, &err));
}

/* A whole transaction, up to the first step that is not OK. */
static riacho_verdict run(struct scene *scene, riacho_error *err)
{
    static const riacho_log_append record = {"t", 0, {.timestamp_ms = 1, .value = {"v", 1}}};
    const riacho_committed position = {.position = {"t", 1, 3}, .note = {"n", 1}};
    size_t sent;
    riacho_verdict verdict = scene->ops->begin(scene->producer, err);
    if (verdict == OK)
        verdict = settled(scene->ops->send(scene->producer, &record, 1, STEP_MS, &sent, err));
    riacho_member_token *token = scene->ops->token(scene->mate.member);
    if (verdict == OK)
        verdict =
            settled(scene->ops->send_positions(scene->producer, token, &position, 1, STEP_MS, err));
    scene->ops->token_free(token);
    if (verdict == OK)
        verdict = settled(scene->ops->commit(scene->producer, STEP_MS, err));
    return verdict;
}

/* What the verdict asks for; then a transaction commits. */
static void recover(struct scene *scene, riacho_verdict verdict, const char *id)
{
    riacho_error err;
    if (verdict == ABORT)
        assert_done(scene->ops->abort(scene->producer, STEP_MS, &err));
    if (verdict == RECREATE || verdict == STOP) {
        scene->ops->producer_close(scene->producer);
        open_id(scene, id);
        assert_done(scene->ops->init(scene->producer, STEP_MS, &err));
    }
    assert_done(run(scene, &err));
    int64_t end = 0;
    scene->ops->ends(scene->producer, &end, 1);
    assert_true(end > 0);
}

struct row {
    const char *name;
    enum mock_api api;
    rd_kafka_resp_err_t error;
    riacho_verdict verdict;
    const char *told; /* in the message */
};

static void run_rows(struct scene *scene, const struct row *rows, size_t count, bool at_init)
{
    for (size_t i = 0; i < count; i++) {
        char id[64];
        riacho_error err = {.text = ""};
        snprintf(id, sizeof id, "%d-%d-%zu", (int)rows[i].api, at_init, i);
        open_id(scene, id);
        if (!at_init)
            assert_done(scene->ops->init(scene->producer, STEP_MS, &err));
        rd_kafka_mock_push_request_errors(scene->mock.cluster, (int16_t)rows[i].api, 1,
                                          rows[i].error);
        const riacho_verdict verdict =
            at_init ? settled(scene->ops->init(scene->producer, STEP_MS, &err)) : run(scene, &err);
        if (verdict != rows[i].verdict)
            fail_msg("%s: verdict %d, not %d: %s", rows[i].name, (int)verdict, (int)rows[i].verdict,
                     err.text);
        if (rows[i].told && !strstr(err.text, rows[i].told))
            fail_msg("%s: '%s' is not told in '%s'", rows[i].name, rows[i].told, err.text);
        rd_kafka_mock_clear_request_errors(scene->mock.cluster, (int16_t)rows[i].api);
        recover(scene, verdict, id);
        scene->ops->producer_close(scene->producer);
    }
}

static void errors_of_init(void **state)
{
    static const struct row rows[] = {
        {"another coordinator", MOCK_INIT_PRODUCER_ID, ERR(NOT_COORDINATOR), OK, NULL},
        {"it loads", MOCK_INIT_PRODUCER_ID, ERR(COORDINATOR_LOAD_IN_PROGRESS), OK, NULL},
        {"the last one ends", MOCK_INIT_PRODUCER_ID, ERR(CONCURRENT_TRANSACTIONS), OK, NULL},
        {"no coordinator yet", MOCK_FIND_COORDINATOR, ERR(COORDINATOR_NOT_AVAILABLE), OK, NULL},
        {"fenced", MOCK_INIT_PRODUCER_ID, ERR(PRODUCER_FENCED), RECREATE, "init of"},
        {"an old epoch", MOCK_INIT_PRODUCER_ID, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"not this id", MOCK_INIT_PRODUCER_ID, ERR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), STOP,
         "allow this user to write and describe the transactional id"},
        {"not this id, said earlier", MOCK_FIND_COORDINATOR,
         ERR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), STOP, "allow this user"},
        {"not on this cluster", MOCK_INIT_PRODUCER_ID, ERR(CLUSTER_AUTHORIZATION_FAILED), STOP,
         "allow this user"},
        {"too long", MOCK_INIT_PRODUCER_ID, ERR(INVALID_TRANSACTION_TIMEOUT), STOP,
         "transaction.max.timeout.ms"},
    };
    run_rows(*state, rows, COUNT(rows), true);
}

static void errors_of_partitions(void **state)
{
    static const struct row rows[] = {
        {"another coordinator", MOCK_ADD_PARTITIONS, ERR(NOT_COORDINATOR), OK, NULL},
        {"the last one ends", MOCK_ADD_PARTITIONS, ERR(CONCURRENT_TRANSACTIONS), OK, NULL},
        {"it loads", MOCK_ADD_PARTITIONS, ERR(COORDINATOR_LOAD_IN_PROGRESS), OK, NULL},
        {"fenced", MOCK_ADD_PARTITIONS, ERR(PRODUCER_FENCED), RECREATE, NULL},
        {"an old epoch", MOCK_ADD_PARTITIONS, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"no transaction", MOCK_ADD_PARTITIONS, ERR(INVALID_TXN_STATE), RECREATE, NULL},
        {"not this topic", MOCK_ADD_PARTITIONS, ERR(TOPIC_AUTHORIZATION_FAILED), STOP,
         "allow this user"},
        {"not this id", MOCK_ADD_PARTITIONS, ERR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), STOP,
         "transactional id"},
    };
    run_rows(*state, rows, COUNT(rows), false);
}

static void errors_of_records(void **state)
{
    static const struct row rows[] = {
        {"another leader", MOCK_PRODUCE, ERR(NOT_LEADER_FOR_PARTITION), OK, NULL},
        {"too few replicas", MOCK_PRODUCE, ERR(NOT_ENOUGH_REPLICAS), OK, NULL},
        {"no answer of a replica", MOCK_PRODUCE, ERR(REQUEST_TIMED_OUT), OK, NULL},
        {"an old epoch", MOCK_PRODUCE, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"a gap", MOCK_PRODUCE, ERR(OUT_OF_ORDER_SEQUENCE_NUMBER), RECREATE, NULL},
        {"not this topic", MOCK_PRODUCE, ERR(TOPIC_AUTHORIZATION_FAILED), STOP, "a record for t"},
        {"too large", MOCK_PRODUCE, ERR(MSG_SIZE_TOO_LARGE), STOP, "max.message.bytes"},
        {"a time that cannot be", MOCK_PRODUCE, ERR(INVALID_TIMESTAMP), STOP, "timestamp"},
    };
    run_rows(*state, rows, COUNT(rows), false);
}

static void errors_of_positions(void **state)
{
    static const struct row rows[] = {
        {"another coordinator", MOCK_ADD_OFFSETS, ERR(NOT_COORDINATOR), OK, NULL},
        {"the last one ends", MOCK_ADD_OFFSETS, ERR(CONCURRENT_TRANSACTIONS), OK, NULL},
        {"not this group, said early", MOCK_ADD_OFFSETS, ERR(GROUP_AUTHORIZATION_FAILED), STOP,
         "read the group"},
        {"an old epoch, said early", MOCK_ADD_OFFSETS, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"another group coordinator", MOCK_TXN_OFFSET_COMMIT, ERR(NOT_COORDINATOR), OK, NULL},
        {"it loads", MOCK_TXN_OFFSET_COMMIT, ERR(COORDINATOR_LOAD_IN_PROGRESS), OK, NULL},
        {"no answer", MOCK_TXN_OFFSET_COMMIT, ERR(REQUEST_TIMED_OUT), OK, NULL},
        {"an unstable position", MOCK_TXN_OFFSET_COMMIT, ERR(UNSTABLE_OFFSET_COMMIT), ABORT, NULL},
        {"an old generation", MOCK_TXN_OFFSET_COMMIT, ERR(ILLEGAL_GENERATION), ABORT, NULL},
        {"no member", MOCK_TXN_OFFSET_COMMIT, ERR(UNKNOWN_MEMBER_ID), ABORT, NULL},
        {"another of the name", MOCK_TXN_OFFSET_COMMIT, ERR(FENCED_INSTANCE_ID), ABORT, NULL},
        {"fenced", MOCK_TXN_OFFSET_COMMIT, ERR(PRODUCER_FENCED), RECREATE, NULL},
        {"an old epoch", MOCK_TXN_OFFSET_COMMIT, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"not this group", MOCK_TXN_OFFSET_COMMIT, ERR(GROUP_AUTHORIZATION_FAILED), STOP,
         "read the group"},
        {"not this topic", MOCK_TXN_OFFSET_COMMIT, ERR(TOPIC_AUTHORIZATION_FAILED), STOP,
         "describe the topic"},
        {"too much beside it", MOCK_TXN_OFFSET_COMMIT, ERR(OFFSET_METADATA_TOO_LARGE), STOP,
         "offset.metadata.max.bytes"},
    };
    run_rows(*state, rows, COUNT(rows), false);
}

static void errors_of_the_end(void **state)
{
    static const struct row rows[] = {
        {"another coordinator", MOCK_END_TXN, ERR(NOT_COORDINATOR), OK, NULL},
        {"no coordinator", MOCK_END_TXN, ERR(COORDINATOR_NOT_AVAILABLE), OK, NULL},
        {"the last one ends", MOCK_END_TXN, ERR(CONCURRENT_TRANSACTIONS), OK, NULL},
        {"fenced", MOCK_END_TXN, ERR(PRODUCER_FENCED), RECREATE, NULL},
        {"an old epoch", MOCK_END_TXN, ERR(INVALID_PRODUCER_EPOCH), RECREATE, NULL},
        {"no transaction", MOCK_END_TXN, ERR(INVALID_TXN_STATE), RECREATE, NULL},
        {"another producer", MOCK_END_TXN, ERR(INVALID_PRODUCER_ID_MAPPING), ABORT, NULL},
        {"not this id", MOCK_END_TXN, ERR(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), STOP,
         "transactional id"},
    };
    run_rows(*state, rows, COUNT(rows), false);
}

/* ---- what is no answer ----------------------------------------------------------------------- */

enum { COORDINATOR = 1 };

static void open_on_coordinator(struct scene *scene, const char *id)
{
    riacho_error err;
    rd_kafka_mock_coordinator_set(scene->mock.cluster, "transaction", id, COORDINATOR);
    open_id(scene, id);
    assert_done(scene->ops->init(scene->producer, STEP_MS, &err));
    assert_done(run(scene, &err));
    assert_false(scene->ops->suspect(scene->producer));
}

/* The client asks again by itself and commits; but the first request may still be on its way. */
static void an_answer_that_comes_too_late_is_suspect(void **state)
{
    struct scene *scene = *state;
    riacho_error err;
    open_on_coordinator(scene, "late");
    rd_kafka_mock_broker_push_request_error_rtts(scene->mock.cluster, COORDINATOR, MOCK_END_TXN, 1,
                                                 0, 3 * SOCKET_MS);
    assert_done(run(scene, &err));
    assert_true(scene->ops->suspect(scene->producer));
    scene->ops->producer_close(scene->producer);
}

/* A commit is one call, as long as a transaction lasts (producer.c says why). */
static void a_commit_that_nobody_answers_loses_its_producer(void **state)
{
    struct scene *scene = *state;
    riacho_error err = {.text = ""};
    open_on_coordinator(scene, "away");
    assert_done(scene->ops->begin(scene->producer, &err));
    send_one(scene->log, scene->producer, "t", 0, "v");
    rd_kafka_mock_broker_set_down(scene->mock.cluster, COORDINATOR);
    const int64_t start = now_ms();
    /* ABORT when the record has given up before the commit does: both mean another producer. */
    const riacho_verdict verdict = scene->ops->commit(scene->producer, 0, &err);
    assert_true(verdict == RECREATE || verdict == ABORT);
    assert_in_range(now_ms() - start, TRANSACTION_MS / 2, 2 * TRANSACTION_MS);
    rd_kafka_mock_broker_set_up(scene->mock.cluster, COORDINATOR);
    scene->ops->producer_close(scene->producer);
    open_on_coordinator(scene, "away");
    scene->ops->producer_close(scene->producer);
}

static void an_init_without_brokers_goes_on_when_they_are_back(void **state)
{
    struct scene *scene = *state;
    riacho_error err = {.text = ""};
    for (int32_t i = 1; i <= 3; i++)
        rd_kafka_mock_broker_set_down(scene->mock.cluster, i);
    open_id(scene, "alone");
    assert_int_equal(scene->ops->init(scene->producer, 100, &err), RETRY);
    for (int32_t i = 1; i <= 3; i++)
        rd_kafka_mock_broker_set_up(scene->mock.cluster, i);
    assert_done(scene->ops->init(scene->producer, STEP_MS, &err));
    assert_done(run(scene, &err));
    scene->ops->producer_close(scene->producer);
}

static void a_lost_transaction_ends_as_its_verdict_says(void **state)
{
    struct scene *scene = *state;
    riacho_error err = {.text = ""};
    open_on_coordinator(scene, "lost");
    rd_kafka_mock_push_request_errors(scene->mock.cluster, MOCK_TXN_OFFSET_COMMIT, 1,
                                      ERR(ILLEGAL_GENERATION));
    assert_int_equal(run(scene, &err), ABORT);
    assert_non_null(strstr(err.text, "positions of lost"));
    rd_kafka_mock_push_request_errors(scene->mock.cluster, MOCK_END_TXN, 1,
                                      ERR(INVALID_PRODUCER_EPOCH));
    assert_verdict(scene->ops->abort(scene->producer, STEP_MS, &err), RECREATE);
    recover(scene, RECREATE, "lost");
    scene->ops->producer_close(scene->producer);
}

static void a_queue_that_is_full_says_how_far_it_got(void **state)
{
    enum { RECORDS = 3000 };
    struct scene *scene = *state;
    riacho_error err = {.text = ""};
    static char value[4096];
    static riacho_log_append records[RECORDS];
    static int64_t ends[RECORDS];
    for (size_t i = 0; i < RECORDS; i++)
        records[i] = (riacho_log_append){
            "t", (int32_t)(i % 2), {.timestamp_ms = 1, .value = {value, sizeof value}}};
    open_on_coordinator(scene, "full");
    assert_done(scene->ops->begin(scene->producer, &err));
    size_t done = 0;
    int parts = 0;
    while (done < RECORDS) {
        size_t sent = 99;
        const riacho_verdict verdict =
            scene->ops->send(scene->producer, records + done, RECORDS - done, 0, &sent, &err);
        assert_true(verdict == OK || verdict == RETRY);
        done += sent;
        parts++;
    }
    assert_true(parts > 1);
    assert_done(scene->ops->commit(scene->producer, STEP_MS, &err));
    scene->ops->ends(scene->producer, ends, RECORDS);
    for (size_t i = 2; i < RECORDS; i++)
        assert_int_equal(ends[i], ends[i - 2] + 1);
    scene->ops->producer_close(scene->producer);
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(errors_of_init),
        SCENE_TEST(errors_of_partitions),
        SCENE_TEST(errors_of_records),
        SCENE_TEST(errors_of_positions),
        SCENE_TEST(errors_of_the_end),
        SCENE_TEST(an_answer_that_comes_too_late_is_suspect),
        SCENE_TEST(a_commit_that_nobody_answers_loses_its_producer),
        SCENE_TEST(an_init_without_brokers_goes_on_when_they_are_back),
        SCENE_TEST(a_lost_transaction_ends_as_its_verdict_says),
        SCENE_TEST(a_queue_that_is_full_says_how_far_it_got),
    };
    return cmocka_run_group_tests_name("verdicts", tests, NULL, NULL);
}
