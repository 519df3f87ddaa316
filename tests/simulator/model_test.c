/* SPDX-License-Identifier: MIT
 *
 * model_test.c - the model broker does what a Kafka broker does where exactly once depends on it:
 * the gap between an answer and its markers, fencing, late requests, positions and their fences,
 * rebalances, compaction.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static const riacho_member_token nobody = {-1, ""};

/* "state" has one partition, so that a test knows where its record is. */
static void expect(bench *b, const char *records)
{
    char *text = bench_read(b, "state");
    assert_string_equal(text, records);
    free(text);
}

static riacho_verdict write_one(bench *b, size_t at, const char *key, const char *value)
{
    riacho_verdict verdict = bench_begin(b, at);
    if (verdict == RIACHO_VERDICT_OK)
        verdict = bench_send(b, at, "state", key, value);
    return verdict == RIACHO_VERDICT_OK ? bench_commit(b, at) : verdict;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static void test_a_commit_is_answered_before_its_records_are_seen(void **state)
{
    (void)state;
    bench *b = bench_new(1);
    model_broker_faults(b->broker, &(model_faults){.slow_marker = 10000});
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(write_one(b, 0, "a", "1"), RIACHO_VERDICT_OK);
    expect(b, "");
    assert_int_equal(bench_stable_end(b, "state"), 0);
    assert_int_equal(bench_end(b, "state"), 1);
    bench_pass(b, 2000);
    expect(b, "a=1");
    assert_int_equal(bench_stable_end(b, "state"), 2); /* a record and its marker */
    bench_free(b);
}

static void test_an_aborted_record_is_never_seen(void **state)
{
    (void)state;
    bench *b = bench_new(2);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_send(b, 0, "state", "a", "1"), RIACHO_VERDICT_OK);
    bench_pass(b, 50);
    assert_int_equal(bench_end(b, "state"), 1);
    assert_int_equal(bench_abort(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(write_one(b, 0, "b", "2"), RIACHO_VERDICT_OK);
    bench_pass(b, 50);
    expect(b, "b=2");
    bench_free(b);
}

static void test_a_new_producer_of_the_same_id_ends_the_transaction_of_the_one_before(void **state)
{
    (void)state;
    bench *b = bench_new(3);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_send(b, 0, "state", "a", "1"), RIACHO_VERDICT_OK);
    bench_pass(b, 50);
    assert_int_equal(bench_producer(b, 1, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(bench_stable_end(b, "state"), bench_end(b, "state"));
    assert_int_equal(bench_commit(b, 0), RIACHO_VERDICT_RECREATE);
    assert_int_equal(write_one(b, 1, "b", "2"), RIACHO_VERDICT_OK);
    bench_pass(b, 50);
    expect(b, "b=2");
    bench_free(b);
}

static void test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(void **state)
{
    (void)state;
    bench *b = bench_new(4);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_send(b, 0, "state", "a", "1"), RIACHO_VERDICT_OK);
    bench_pass(b, MODEL_TRANSACTION_MS + 500);
    assert_int_equal(bench_stable_end(b, "state"), bench_end(b, "state"));
    assert_int_equal(bench_commit(b, 0), RIACHO_VERDICT_RECREATE);
    expect(b, "");
    bench_free(b);
}

static void test_a_record_sent_twice_is_there_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        bench *b = bench_new(seed);
        model_broker_faults(b->broker, &(model_faults){.reply_lost = 3000});
        assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
        assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
        assert_int_equal(bench_send(b, 0, "state", "a", "1"), RIACHO_VERDICT_OK);
        assert_int_equal(bench_send(b, 0, "state", "b", "2"), RIACHO_VERDICT_OK);
        const riacho_verdict verdict = bench_commit(b, 0);
        bench_pass(b, 100);
        if (verdict == RIACHO_VERDICT_OK)
            expect(b, "a=1 b=2");
        bench_free(b);
    }
}

/* The second transaction goes on for a while; says whether its record was seen before its end was
 * asked for. */
static bool is_torn(uint64_t seed, size_t second)
{
    bench *b = bench_new(seed);
    model_broker_faults(b->broker, &(model_faults){.twice = 10000});
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    bench_pass(b, 2 * MODEL_LATE_MS); /* its init came twice */
    if (bench_producer(b, 0, "p") != RIACHO_VERDICT_OK ||
        write_one(b, 0, "a", "1") != RIACHO_VERDICT_OK ||
        (second && bench_producer(b, second, "p") != RIACHO_VERDICT_OK) ||
        bench_begin(b, second) != RIACHO_VERDICT_OK ||
        bench_send(b, second, "state", "b", "2") != RIACHO_VERDICT_OK) {
        bench_free(b);
        return false;
    }
    bench_pass(b, MODEL_TRANSACTION_MS - 500);
    char *text = bench_read(b, "state");
    const bool torn = strstr(text, "b=2") != NULL;
    free(text);
    bench_free(b);
    return torn;
}

static void test_a_late_end_hits_the_next_transaction_unless_the_producer_is_new(void **state)
{
    (void)state;
    size_t torn = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        torn += is_torn(seed, 0);
        assert_false(is_torn(seed, 1));
    }
    assert_true(torn > 10);
}

/* ---- positions ------------------------------------------------------------------------------- */

static void test_a_position_is_told_when_its_marker_came(void **state)
{
    (void)state;
    bench *b = bench_new(5);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    bench_join(b, 0, "w");
    bench_pass(b, 100);
    riacho_member_token *token = b->clients[0]->ops->broker->token(b->members[0]);
    assert_int_equal(bench_position(b), -1);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_positions(b, 0, token, 7), RIACHO_VERDICT_OK);
    assert_int_equal(bench_position(b), -2);
    model_broker_faults(b->broker, &(model_faults){.slow_marker = 10000});
    assert_int_equal(bench_commit(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_position(b), -2);
    bench_pass(b, 1600);
    assert_int_equal(bench_position(b), 7);
    b->clients[0]->ops->broker->token_free(token);
    bench_free(b);
}

static void test_positions_of_an_old_generation_are_refused_those_of_nobody_pass(void **state)
{
    (void)state;
    bench *b = bench_new(6);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    bench_join(b, 0, "w0");
    bench_pass(b, 100);
    riacho_member_token *old = b->clients[0]->ops->broker->token(b->members[0]);
    bench_join(b, 1, "w1");
    bench_pass(b, 1000);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_positions(b, 0, old, 7), RIACHO_VERDICT_ABORT);
    assert_int_equal(bench_abort(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_begin(b, 0), RIACHO_VERDICT_OK);
    assert_int_equal(bench_positions(b, 0, &nobody, 9), RIACHO_VERDICT_OK);
    assert_int_equal(bench_commit(b, 0), RIACHO_VERDICT_OK);
    bench_pass(b, 100);
    assert_int_equal(bench_position(b), 9);
    b->clients[0]->ops->broker->token_free(old);
    bench_free(b);
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* What each member has, kept from what it is told. */
struct tally {
    int owners[BENCH_LEASES]; /* how many have it now */
    bool mine[BENCH_CLIENTS][BENCH_LEASES];
    size_t told[4]; /* by riacho_member_change */
};

static void take(struct tally *tally, size_t at, const riacho_member_event *event)
{
    tally->told[event->change]++;
    for (size_t i = 0; i < event->count; i++) {
        const int32_t lease = event->leases[i];
        const bool mine = event->change == RIACHO_MEMBER_ASSIGNED;
        assert_int_not_equal(tally->mine[at][lease], mine);
        tally->mine[at][lease] = mine;
        tally->owners[lease] += mine ? 1 : -1;
    }
}

/* Polls all, and answers at once or later. A lease that is lost may have its next owner before the
 * one who lost it hears of it; no other ever has two. */
static void pass(bench *b, struct tally *tally, int64_t ms, size_t frozen)
{
    const struct riacho_broker_ops *ops = b->clients[0]->ops->broker;
    for (int64_t i = 0; i < ms; i++) {
        simulation_advance(&b->sim, 1);
        const size_t at = simulation_below(&b->sim, BENCH_CLIENTS);
        riacho_member_event event;
        if (at == frozen || !b->members[at] ||
            ops->member_poll(b->members[at], 0, &event, &b->error) != RIACHO_OK || !event.change)
            continue;
        take(tally, at, &event);
        ops->member_answer(b->members[at], &event);
        for (size_t lease = 0; lease < BENCH_LEASES && frozen == BENCH_CLIENTS; lease++)
            assert_true(tally->owners[lease] <= 1);
    }
}

static void expect_all_owned(const struct tally *tally)
{
    for (size_t lease = 0; lease < BENCH_LEASES; lease++)
        assert_int_equal(tally->owners[lease], 1);
}

static void test_leases_move_without_two_owners_and_only_the_surplus(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        bench *b = bench_new(seed);
        struct tally tally = {0};
        bench_join(b, 0, "w0");
        pass(b, &tally, 500, BENCH_CLIENTS);
        expect_all_owned(&tally);
        bench_join(b, 1, "w1");
        pass(b, &tally, 1500, BENCH_CLIENTS);
        expect_all_owned(&tally);
        assert_int_equal(tally.told[RIACHO_MEMBER_REVOKED], 1); /* of w0 alone */
        bench_join(b, 2, "w2");
        pass(b, &tally, 2000, BENCH_CLIENTS);
        expect_all_owned(&tally);
        assert_int_equal(tally.told[RIACHO_MEMBER_LOST], 0);
        assert_true(tally.told[RIACHO_MEMBER_ASSIGNED] >= 1 + 2 * 2 + 2 * 3);
        bench_free(b);
    }
}

static void test_a_member_that_sleeps_past_its_session_loses_its_leases(void **state)
{
    (void)state;
    bench *b = bench_new(8);
    struct tally tally = {0};
    bench_join(b, 0, "w0");
    bench_join(b, 1, "w1");
    pass(b, &tally, 2000, BENCH_CLIENTS);
    expect_all_owned(&tally);
    model_client_freeze(b->clients[0], simulation_now(&b->sim) + 4000);
    pass(b, &tally, 3900, 0);
    for (size_t lease = 0; lease < BENCH_LEASES; lease++)
        assert_true(tally.mine[1][lease]); /* w0 does not know yet */
    pass(b, &tally, 3000, BENCH_CLIENTS + 1);
    assert_int_equal(tally.told[RIACHO_MEMBER_LOST], 1);
    expect_all_owned(&tally);
    bench_free(b);
}

static void test_a_token_is_nobodys_from_the_loss_until_it_is_answered(void **state)
{
    (void)state;
    bench *b = bench_new(9);
    const struct riacho_broker_ops *ops = b->clients[0]->ops->broker;
    bench_join(b, 0, "w0");
    bench_pass(b, 500);
    model_client_freeze(b->clients[0], simulation_now(&b->sim) + 4000);
    simulation_advance(&b->sim, 5000);
    riacho_member_token *token = ops->token(b->members[0]);
    assert_int_equal(token->generation, -1);
    assert_string_equal(token->member_id, "");
    ops->token_free(token);
    bench_pass(b, 500);
    token = ops->token(b->members[0]);
    assert_true(token->generation > 0);
    ops->token_free(token);
    bench_free(b);
}

static void test_a_member_that_comes_back_in_time_has_what_it_had(void **state)
{
    (void)state;
    bench *b = bench_new(10);
    struct tally tally = {0};
    bench_join(b, 0, "w0");
    bench_join(b, 1, "w1");
    pass(b, &tally, 2000, BENCH_CLIENTS);
    model_client_cut(b->clients[0]);
    b->clients[0]->ops->broker->member_leave(b->members[0]); /* says nothing: it is gone */
    b->members[0] = NULL;
    for (size_t lease = 0; lease < BENCH_LEASES; lease++)
        tally.owners[lease] -= tally.mine[0][lease];
    bench_join(b, 2, "w0");
    pass(b, &tally, 1000, BENCH_CLIENTS);
    expect_all_owned(&tally);
    assert_memory_equal(tally.mine[0], tally.mine[2], sizeof tally.mine[0]);
    bench_free(b);
}

/* ---- partitions ------------------------------------------------------------------------------ */

static void test_compaction_keeps_the_last_of_each_key_and_every_offset(void **state)
{
    (void)state;
    bench *b = bench_new(11);
    assert_int_equal(bench_producer(b, 0, "p"), RIACHO_VERDICT_OK);
    assert_int_equal(write_one(b, 0, "a", "1"), RIACHO_VERDICT_OK);
    assert_int_equal(write_one(b, 0, "b", "1"), RIACHO_VERDICT_OK);
    assert_int_equal(write_one(b, 0, "a", "2"), RIACHO_VERDICT_OK);
    bench_pass(b, 100);
    const int64_t end = bench_end(b, "state");
    model_partition *partition = model_broker_partition(b->broker, "state", 0);
    model_partition_compact(partition, end);
    expect(b, "b=1 a=2");
    assert_int_equal(bench_end(b, "state"), end);
    model_partition_trim(partition, 3);
    expect(b, "a=2");
    bench_free(b);
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    uint64_t hashes[2];
    for (int i = 0; i < 2; i++) {
        bench *b = bench_new(99);
        model_broker_faults(b->broker, &(model_faults){.lost = 500, .late = 500, .twice = 500});
        bench_join(b, 0, "w0");
        bench_join(b, 1, "w1");
        bench_producer(b, 0, "p");
        for (int k = 0; k < 20 && write_one(b, 0, "a", "1") == RIACHO_VERDICT_OK; k++)
            bench_pass(b, 20);
        hashes[i] = b->sim.hash;
        assert_true(b->sim.noted > 20);
        bench_free(b);
    }
    assert_true(hashes[0] == hashes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_commit_is_answered_before_its_records_are_seen),
        cmocka_unit_test(test_an_aborted_record_is_never_seen),
        cmocka_unit_test(test_a_new_producer_of_the_same_id_ends_the_transaction_of_the_one_before),
        cmocka_unit_test(test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced),
        cmocka_unit_test(test_a_record_sent_twice_is_there_once),
        cmocka_unit_test(test_a_late_end_hits_the_next_transaction_unless_the_producer_is_new),
        cmocka_unit_test(test_a_position_is_told_when_its_marker_came),
        cmocka_unit_test(test_positions_of_an_old_generation_are_refused_those_of_nobody_pass),
        cmocka_unit_test(test_leases_move_without_two_owners_and_only_the_surplus),
        cmocka_unit_test(test_a_member_that_sleeps_past_its_session_loses_its_leases),
        cmocka_unit_test(test_a_token_is_nobodys_from_the_loss_until_it_is_answered),
        cmocka_unit_test(test_a_member_that_comes_back_in_time_has_what_it_had),
        cmocka_unit_test(test_compaction_keeps_the_last_of_each_key_and_every_offset),
        cmocka_unit_test(test_the_same_seed_gives_the_same_run),
    };
    return cmocka_run_group_tests_name("the model broker", tests, NULL, NULL);
}
