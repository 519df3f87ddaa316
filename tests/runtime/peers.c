/* SPDX-License-Identifier: MIT
 *
 * peers.c - what workers of a group ask each other (riacho/peers.h), carried by a call: reads that
 * go one hop, positions that are followed through tasks elsewhere, and questions and answers that
 * make no sense.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "riacho/serve.h"
#include "runtime/peer.h"
#include "table.h"

enum { CALLS_MAX = 64 };

/* How questions are carried. */
struct wire {
    table *t;
    riacho_peers peers;
    size_t calls;
    size_t wrong; /* of the next calls, that go to the worker after the one that is meant */
    bool is_cut;  /* nobody is reached */
    size_t keep;  /* of an answer's bytes; SIZE_MAX: all */
    riacho_buffer question; /* the last read */
};

static riacho_worker *worker_at(const struct wire *wire, const char *address)
{
    for (size_t i = 0; i < TABLE_SEATS; i++)
        if (strcmp(wire->t->seats[i].address, address) == 0)
            return wire->t->seats[i].worker;
    return NULL;
}

static riacho_worker *worker_after(const struct wire *wire, const riacho_worker *worker)
{
    for (size_t i = 0; i < TABLE_SEATS; i++)
        if (wire->t->seats[i].worker && wire->t->seats[i].worker != worker)
            return wire->t->seats[i].worker;
    return NULL;
}

static void carry(struct wire *wire, riacho_peer_call *call, riacho_arena *arena)
{
    riacho_peer_answer answer;
    riacho_worker *worker = worker_at(wire, call->address);
    wire->calls++;
    riacho_buffer_reset(&wire->question);
    riacho_buffer_append(&wire->question, call->question.data, call->question.size);
    if (wire->wrong > 0) {
        worker = worker_after(wire, worker);
        wire->wrong--;
    }
    if (wire->is_cut || !worker) {
        call->status = riacho_fail(&call->err, RIACHO_RETRY, "nobody is there");
        return;
    }
    call->status = riacho_worker_answer(worker, call->question, arena, &answer, &call->err);
    if (call->status != RIACHO_OK)
        call->status = RIACHO_RETRY;
    else
        call->answer = (riacho_bytes){
            answer.bytes.data, answer.bytes.size < wire->keep ? answer.bytes.size : wire->keep};
}

static void ask(void *arg, riacho_peer_call *calls, size_t count, riacho_arena *arena)
{
    for (size_t i = 0; i < count; i++)
        carry(arg, &calls[i], arena);
}

/* Two workers with two tasks each, which know each other: the model's group gives the one that came
 * first both tasks of `counts`, and the second those of `totals`. */
enum { HAS_COUNTS, HAS_TOTALS };

static struct wire *wire_new(void)
{
    struct wire *wire = riacho_memory_get_zero(1, sizeof *wire);
    table *t = wire->t = table_new(0);
    wire->peers = (riacho_peers){.ask = ask, .arg = wire, .served_by = "somebody"};
    wire->keep = SIZE_MAX;
    for (size_t i = 0; i < 2; i++) {
        table_sit(t, i);
        table_until(t, table_all_run);
        riacho_worker_meet(t->seats[i].worker, &wire->peers);
    }
    table_pass(t, 10000);
    assert_int_equal(table_count(t, 0, RIACHO_TASK_RUNNING), 2);
    return wire;
}

static void wire_free(struct wire *wire)
{
    table_free(wire->t);
    riacho_buffer_done(&wire->question);
    free(wire);
}

static riacho_status read_range(struct wire *wire, size_t at, riacho_arena *arena,
                                riacho_reply *ret_reply, riacho_error *err)
{
    const riacho_read read = {.store = "counts", .kind = RIACHO_READ_RANGE, .limit = 100};
    return riacho_worker_read(wire->t->seats[at].worker, &read, arena, ret_reply, err);
}

static void send_all(struct wire *wire)
{
    for (size_t i = 0; i < 20; i++)
        fixture_send(wire->t->f, i, (int64_t)i, 1000 + (int64_t)i);
    table_until(wire->t, table_counted);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static void test_both_workers_show_all_keys(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct wire *wire = wire_new();
    riacho_reply replies[2];
    riacho_error err = {.text = ""};
    send_all(wire);
    for (size_t at = 0; at < 2; at++) {
        if (read_range(wire, at, arena, &replies[at], &err) != RIACHO_OK)
            fail_msg("%s", err.text);
    }
    assert_int_equal(replies[HAS_COUNTS].from, RIACHO_REPLY_HERE);
    assert_int_equal(replies[HAS_TOTALS].from, RIACHO_REPLY_ELSEWHERE);
    assert_string_equal(replies[HAS_TOTALS].served_by, "somebody");
    assert_int_equal(wire->calls, 1); /* all tasks of a worker in one question */
    assert_true(riacho_bytes_equal(replies[0].json, replies[1].json));
    assert_int_equal(replies[0].position_count, replies[1].position_count);
    wire_free(wire);
}

static void test_a_task_that_moved_is_looked_for_once_more(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct wire *wire = wire_new();
    riacho_reply reply;
    riacho_error err = {.text = ""};
    send_all(wire);
    wire->wrong = 1;
    if (read_range(wire, HAS_TOTALS, arena, &reply, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    assert_int_equal(wire->calls, 2);
    wire->calls = 0;
    wire->wrong = 100;
    assert_int_equal(read_range(wire, HAS_TOTALS, arena, &reply, &err), RIACHO_RETRY);
    assert_int_equal(wire->calls, 2);
    assert_non_null(strstr(err.text, "nobody answers for task test/0_"));
    assert_non_null(strstr(err.text, "does not have it"));
    wire_free(wire);
}

static void test_a_question_is_not_passed_on(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct wire *wire = wire_new();
    riacho_reply reply;
    riacho_peer_answer answer;
    riacho_error err = {.text = ""};
    send_all(wire);
    assert_int_equal(read_range(wire, HAS_TOTALS, arena, &reply, &err), RIACHO_OK);
    const size_t before = wire->calls;
    const riacho_bytes question = riacho_copy(arena, riacho_buffer_bytes(&wire->question));
    assert_int_equal(
        riacho_worker_answer(wire->t->seats[HAS_COUNTS].worker, question, arena, &answer, &err),
        RIACHO_OK);
    assert_int_equal(answer.where, RIACHO_PEER_HERE);
    assert_int_equal(
        riacho_worker_answer(wire->t->seats[HAS_TOTALS].worker, question, arena, &answer, &err),
        RIACHO_OK);
    assert_int_equal(answer.where, RIACHO_PEER_MISDIRECTED);
    assert_string_equal(answer.owner, wire->t->seats[HAS_COUNTS].address);
    assert_int_equal(wire->calls, before);
    wire_free(wire);
}

static void test_who_cannot_be_reached_is_said(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    struct wire *wire = wire_new();
    riacho_reply reply;
    riacho_error err = {.text = ""};
    wire->is_cut = true;
    assert_int_equal(read_range(wire, HAS_TOTALS, arena, &reply, &err), RIACHO_RETRY);
    assert_non_null(strstr(err.text, "nobody is there"));
    riacho_worker_meet(wire->t->seats[HAS_TOTALS].worker, NULL);
    assert_int_equal(read_range(wire, HAS_TOTALS, arena, &reply, &err), RIACHO_RETRY);
    assert_non_null(strstr(err.text, "asks no others"));
    wire_free(wire);
}

/* ---- what makes no sense --------------------------------------------------------------------- */

static void test_an_answer_that_is_cut_short_is_no_answer(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    riacho_error err = {.text = ""};
    size_t whole = 0;
    send_all(wire);
    for (wire->keep = 0; whole == 0 && wire->keep < 4096; wire->keep++) {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        riacho_reply reply;
        const riacho_status status = read_range(wire, HAS_TOTALS, arena, &reply, &err);
        if (status == RIACHO_OK)
            whole = wire->keep;
        else
            assert_int_equal(status, RIACHO_RETRY);
        table_pass(wire->t, 1);
    }
    assert_true(whole > 100);
    wire_free(wire);
}

/* Every byte of a question, changed and cut off: refused or answered, and nothing worse. */
static void test_a_question_may_be_anything(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    riacho_reply reply;
    riacho_error err = {.text = ""};
    size_t refused = 0;
    {
        RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
        assert_int_equal(read_range(wire, HAS_TOTALS, arena, &reply, &err), RIACHO_OK);
    }
    const size_t size = wire->question.size;
    uint8_t *bytes = riacho_memory_get(size);
    memcpy(bytes, wire->question.data, size);
    for (size_t i = 0; i < size; i++) {
        static const uint8_t changes[] = {0x01, 0x7f, 0x80, 0xff};
        for (size_t k = 0; k <= sizeof changes; k++) {
            RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
            riacho_peer_answer answer;
            const uint8_t kept = bytes[i];
            bytes[i] ^= k < sizeof changes ? changes[k] : 0;
            const riacho_bytes question = {bytes, k < sizeof changes ? size : i};
            refused += riacho_worker_answer(wire->t->seats[HAS_COUNTS].worker, question, arena,
                                            &answer, &err) != RIACHO_OK;
            bytes[i] = kept;
        }
    }
    assert_true(refused > size);
    free(bytes);
    wire_free(wire);
}

/* ---- positions ------------------------------------------------------------------------------- */

static riacho_status wait_now(struct wire *wire, size_t at, int32_t partition, riacho_error *err)
{
    riacho_log *log = wire->t->outside;
    int64_t first, next;
    if (log->ops->bounds(log, "in", partition, &first, &next, err) != RIACHO_OK)
        fail_msg("%s", err->text);
    const riacho_position position = {"in", partition, next};
    return riacho_worker_wait(wire->t->seats[at].worker, &position, 0, err);
}

/* What the worker shows of everything that was counted, behind the repartition topic. */
static int64_t total_of(struct wire *wire, size_t at)
{
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    const riacho_read read = {.store = "totals", .kind = RIACHO_READ_RANGE, .limit = 100};
    riacho_reply reply;
    riacho_error err = {.text = ""};
    int64_t total = 0;
    if (riacho_worker_read(wire->t->seats[at].worker, &read, arena, &reply, &err) != RIACHO_OK)
        fail_msg("%s", err.text);
    for (const char *value = reply.json.data; (value = strstr(value, "\"value\":"));)
        total += strtoll(value += strlen("\"value\":"), NULL, 10);
    return total;
}

/* Both inputs, asked of both workers: some way leads through a task of the other one. */
static void test_a_position_is_followed_through_tasks_of_other_workers(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    riacho_error err = {.text = ""};
    enum { EVENTS = 12 };
    for (size_t i = 0; i < EVENTS; i++)
        fixture_send(wire->t->f, i, 1, 1000);
    bool reached[2] = {false, false};
    for (size_t at = 0; at < 2; at++)
        assert_int_equal(wait_now(wire, at, 0, &err), RIACHO_RETRY);
    for (int ms = 0; ms < 5000 && !(reached[0] && reached[1]); ms++) {
        table_pass(wire->t, 1);
        for (size_t at = 0; at < 2; at++) {
            reached[at] = wait_now(wire, at, 0, &err) == RIACHO_OK &&
                          wait_now(wire, at, 1, &err) == RIACHO_OK;
            if (reached[at])
                assert_int_equal(total_of(wire, at), EVENTS);
        }
    }
    assert_true(reached[0] && reached[1]);
    wire->is_cut = true;
    for (size_t at = 0; at < 2; at++)
        assert_true(wait_now(wire, at, 0, &err) == RIACHO_RETRY ||
                    wait_now(wire, at, 1, &err) == RIACHO_RETRY);
    wire_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_workers_show_all_keys),
        cmocka_unit_test(test_a_task_that_moved_is_looked_for_once_more),
        cmocka_unit_test(test_a_question_is_not_passed_on),
        cmocka_unit_test(test_who_cannot_be_reached_is_said),
        cmocka_unit_test(test_an_answer_that_is_cut_short_is_no_answer),
        cmocka_unit_test(test_a_question_may_be_anything),
        cmocka_unit_test(test_a_position_is_followed_through_tasks_of_other_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
