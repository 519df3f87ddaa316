/* SPDX-License-Identifier: MIT
 *
 * transaction.c - the machine of transactions against a broker that answers as a script says: every
 * verdict at every call, which calls it makes then, and what it says of the outcome.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "runtime/mutation.h"
#include "runtime/shared/transaction.h"

enum { CALLS_MAX = 1000, RECORDS = 3, STEPS_MAX = 60 };

/* ---- a broker that does as it is told -------------------------------------------------------- */

struct riacho_producer {
    int unused;
};

struct riacho_member {
    riacho_member_token token;
};

static struct scripted {
    const char *says;      /* "send=retry send=ok commit=abort": by call, in order; else ok */
    size_t said[16];       /* answers that were used up, by call */
    char calls[CALLS_MAX]; /* that were made */
    bool suspect;
    size_t send_limit; /* records that one send takes; 0: all */
    size_t sent;
    const riacho_member_token *token; /* of the last send_positions */
    int tokens_open;
    int producers_open;
    riacho_producer producer;
    riacho_member member;
    int site; /* where the worker stops; 0: nowhere */
} broker;

static const char *const call_names[] = {"open", "init", "begin", "send", "positions", "commit"};

static size_t index_of(const char *call)
{
    size_t i = 0;
    while (strcmp(call_names[i], call) != 0)
        i++;
    return i;
}

/* The n-th answer that the script has for a call; NULL: it has fewer. */
static const char *answer(const char *call, size_t nth)
{
    const size_t length = strlen(call);
    for (const char *at = broker.says; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, call, length) == 0 && at[length] == '=' && nth-- == 0)
            return at + length + 1;
    }
    return NULL;
}

static riacho_verdict note(const char *call, riacho_error *err)
{
    static const char *const words[] = {"ok", "retry", "abort", "recreate", "stop"};
    const size_t used = strlen(broker.calls);
    snprintf(broker.calls + used, sizeof broker.calls - used, "%s%s", used ? " " : "", call);
    const char *said = answer(call, broker.said[index_of(call)]++);
    for (size_t i = 0; said && i < sizeof words / sizeof *words; i++) {
        if (strncmp(said, words[i], strlen(words[i])) != 0)
            continue;
        snprintf(err->text, sizeof err->text, "%s said %s", call, words[i]);
        return (riacho_verdict)i;
    }
    return RIACHO_VERDICT_OK;
}

static void write_down(const char *call)
{
    const size_t used = strlen(broker.calls);
    snprintf(broker.calls + used, sizeof broker.calls - used, " %s", call);
}

static riacho_status producer_open(riacho_log *log, const riacho_producer_options *options,
                                   riacho_producer **ret_producer, riacho_error *err)
{
    (void)log;
    assert_string_equal(options->id, "toys.w1.0");
    assert_int_equal(options->delivery, RIACHO_DELIVERY_EXACTLY_ONCE);
    switch (note("open", err)) {
    case RIACHO_VERDICT_OK:
        break;
    case RIACHO_VERDICT_RETRY:
        return RIACHO_RETRY;
    default:
        return RIACHO_REJECT;
    }
    assert_int_equal(broker.producers_open, 0);
    broker.producers_open++;
    *ret_producer = &broker.producer;
    return RIACHO_OK;
}

static riacho_verdict producer_init(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)producer, (void)wait_ms;
    return note("init", err);
}

static riacho_verdict producer_begin(riacho_producer *producer, riacho_error *err)
{
    (void)producer;
    broker.sent = 0;
    return note("begin", err);
}

static const riacho_log_append records[RECORDS];
static const riacho_committed positions[2];

static riacho_verdict producer_send(riacho_producer *producer, const riacho_log_append *some,
                                    size_t count, int64_t wait_ms, size_t *ret_sent,
                                    riacho_error *err)
{
    (void)producer, (void)wait_ms;
    assert_ptr_equal(some, records + broker.sent); /* nothing twice, nothing left out */
    assert_true(count && broker.sent + count <= RECORDS);
    const riacho_verdict verdict = note("send", err);
    *ret_sent = verdict == RIACHO_VERDICT_OK                                   ? count
                : verdict == RIACHO_VERDICT_RETRY && broker.send_limit < count ? broker.send_limit
                                                                               : 0;
    broker.sent += *ret_sent;
    return verdict;
}

static riacho_verdict producer_positions(riacho_producer *producer,
                                         const riacho_member_token *token,
                                         const riacho_committed *some, size_t count,
                                         int64_t wait_ms, riacho_error *err)
{
    (void)producer, (void)wait_ms;
    assert_true(broker.sent == RECORDS);
    assert_ptr_equal(some, positions);
    assert_int_equal(count, 2);
    assert_true(!broker.token || broker.token == token); /* a retry has identical arguments */
    broker.token = token;
    const riacho_verdict verdict = note("positions", err);
    if (verdict != RIACHO_VERDICT_RETRY)
        broker.token = NULL;
    return verdict;
}

static riacho_verdict producer_commit(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)producer, (void)wait_ms;
    return note("commit", err);
}

/* Nothing is ever aborted by its own producer. */
static riacho_verdict producer_abort(riacho_producer *producer, int64_t wait_ms, riacho_error *err)
{
    (void)producer, (void)wait_ms, (void)err;
    fail_msg("aborted after %s", broker.calls);
    return RIACHO_VERDICT_STOP;
}

static void producer_ends(riacho_producer *producer, int64_t *ret_ends, size_t count)
{
    (void)producer;
    assert_int_equal(count, RECORDS);
    write_down("ends");
    for (size_t i = 0; i < count; i++)
        ret_ends[i] = 100 + (int64_t)i;
}

static bool producer_suspect(riacho_producer *producer)
{
    (void)producer;
    return broker.suspect;
}

static void producer_close(riacho_producer *producer)
{
    assert_ptr_equal(producer, &broker.producer);
    write_down("close");
    broker.producers_open--;
}

static riacho_member_token *member_token(riacho_member *member)
{
    write_down("token");
    broker.tokens_open++;
    return &member->token;
}

static void token_free(riacho_member_token *token)
{
    assert_ptr_equal(token, &broker.member.token);
    broker.tokens_open--;
}

static const struct riacho_broker_ops broker_ops = {
    .producer_open = producer_open,
    .init = producer_init,
    .begin = producer_begin,
    .send = producer_send,
    .send_positions = producer_positions,
    .commit = producer_commit,
    .abort = producer_abort,
    .ends = producer_ends,
    .suspect = producer_suspect,
    .producer_close = producer_close,
    .token = member_token,
    .token_free = token_free,
};

/* ---- a machine on it ------------------------------------------------------------------------- */

struct world {
    riacho_log_ops log_ops;
    riacho_log log;
    riacho_worker worker;
    riacho_transaction *transaction;
    int64_t ends[RECORDS];
    riacho_error err;
};

static bool stops_at(void *arg, riacho_site site)
{
    (void)arg;
    return (int)site == broker.site;
}

static void setup(struct world *w, const char *says)
{
    memset(&broker, 0, sizeof broker);
    broker.says = says;
    broker.member.token = (riacho_member_token){7, "w1-1234"};
    memset(w, 0, sizeof *w);
    w->log_ops = (riacho_log_ops){.name = "scripted", .broker = &broker_ops};
    w->log.ops = &w->log_ops;
    w->worker.log = &w->log;
    w->worker.clock = riacho_clock_system();
    w->worker.options.name = "w1";
    w->worker.options.fault = stops_at;
    w->transaction = riacho_transaction_new(&w->worker, "toys.w1.0");
    riacho_transaction_set_member(w->transaction, &broker.member);
}

static void teardown(struct world *w)
{
    riacho_transaction_free(w->transaction);
    assert_int_equal(broker.producers_open, 0);
    assert_int_equal(broker.tokens_open, 0);
}

/* Steps until there is nothing to do, or an outcome, or the end. */
static riacho_status run(struct world *w)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        bool did;
        const size_t before = strlen(broker.calls);
        RIACHO_TRY(riacho_transaction_step(w->transaction, 10, &did, &w->err));
        did =
            did || strlen(broker.calls) > before; /* a step that waits for nothing calls nothing */
        if (!did || riacho_transaction_outcome(w->transaction) != RIACHO_OUTCOME_NONE)
            return RIACHO_OK;
    }
    fail_msg("no end after %d steps: %s", STEPS_MAX, broker.calls);
    return RIACHO_FATAL;
}

static riacho_status run_one(struct world *w)
{
    RIACHO_TRY(run(w));
    if (!riacho_transaction_ready(w->transaction))
        return RIACHO_OK;
    const riacho_sealed sealed = {records, RECORDS, positions, 2, w->ends};
    riacho_transaction_start(w->transaction, &sealed);
    assert_false(riacho_transaction_ready(w->transaction));
    return run(w);
}

#define BEGUN "open init begin send send token positions commit"

static const struct {
    const char *name;
    const char *says;
    bool suspect;
    const char *calls; /* until the outcome, and until it is ready again */
    riacho_outcome outcome;
    riacho_status status;
} table[] = {
    {"all goes well", "", false, BEGUN " ends", RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
    {"opening is tried again", "open=retry", false, "open " BEGUN " ends", RIACHO_OUTCOME_COMMITTED,
     RIACHO_OK},
    {"a producer that cannot be opened ends the worker", "open=stop", false, "open", 0,
     RIACHO_FATAL},
    {"an init is tried again", "init=retry init=retry", false,
     "open init init init begin send send token positions commit ends", RIACHO_OUTCOME_COMMITTED,
     RIACHO_OK},
    {"an init that was fenced opens anew", "init=recreate", false,
     "open init close open init begin send send token positions commit ends",
     RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
    {"an init has nothing to abort", "init=abort", false,
     "open init close open init begin send send token positions commit ends",
     RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
    {"an init that cannot be ends the worker", "init=stop", false, "open init close", 0,
     RIACHO_FATAL},
    {"inits that are fenced again and again are two workers of one name",
     "init=recreate init=recreate init=recreate init=recreate init=recreate", false,
     "open init close open init close open init close open init close open init close", 0,
     RIACHO_FATAL},

    {"a begin is tried again", "begin=retry", false,
     "open init begin begin send send token positions commit ends", RIACHO_OUTCOME_COMMITTED,
     RIACHO_OK},
    {"a begin that fails is aborted", "begin=abort", false, "open init begin close open init",
     RIACHO_OUTCOME_ABORTED, RIACHO_OK},
    {"a producer lost at begin", "begin=recreate", false, "open init begin close open init",
     RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"a stop at begin", "begin=stop", false, "open init begin close", 0, RIACHO_FATAL},

    {"a full queue is tried again", "send=retry send=retry", false,
     "open init begin send send send token positions commit ends", RIACHO_OUTCOME_COMMITTED,
     RIACHO_OK},
    {"a send that fails is aborted", "send=ok send=abort", false,
     "open init begin send send close open init", RIACHO_OUTCOME_ABORTED, RIACHO_OK},
    {"a producer lost while it sends", "send=recreate", false,
     "open init begin send close open init", RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"a stop while it sends", "send=stop", false, "open init begin send close", 0, RIACHO_FATAL},

    {"positions are tried again with the same token", "positions=retry positions=retry", false,
     "open init begin send send token positions positions positions commit ends",
     RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
    {"positions of an old generation are aborted", "positions=abort", false,
     "open init begin send send token positions close open init", RIACHO_OUTCOME_ABORTED,
     RIACHO_OK},
    {"a producer lost with its positions", "positions=retry positions=recreate", false,
     "open init begin send send token positions positions close open init", RIACHO_OUTCOME_LOST,
     RIACHO_OK},
    {"a stop at the positions", "positions=stop", false,
     "open init begin send send token positions close", 0, RIACHO_FATAL},

    {"a commit is tried again", "commit=retry commit=retry commit=retry", false,
     BEGUN " commit commit commit ends", RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
    {"a commit that fails is aborted", "commit=abort", false, BEGUN " close open init",
     RIACHO_OUTCOME_ABORTED, RIACHO_OK},
    {"nobody knows whether it is committed", "commit=retry commit=recreate", false,
     BEGUN " commit close open init", RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"a stop at the commit", "commit=stop", false, BEGUN " close", 0, RIACHO_FATAL},

    {"the init behind a lost producer is tried again", "commit=recreate init=ok init=retry", false,
     BEGUN " close open init init", RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"the init behind a lost producer is fenced", "commit=recreate init=ok init=recreate", false,
     BEGUN " close open init close open init", RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"the next producer cannot be opened yet", "commit=recreate open=ok open=retry", false,
     BEGUN " close open open init", RIACHO_OUTCOME_LOST, RIACHO_OK},
    {"a stop behind a lost producer", "commit=recreate init=ok init=stop", false,
     BEGUN " close open init close", 0, RIACHO_FATAL},

    {"a sign of trouble behind a commit costs the producer", "", true, BEGUN " ends close",
     RIACHO_OUTCOME_COMMITTED, RIACHO_OK},
};

static void test_each_verdict_at_each_call(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct world w;
        setup(&w, table[i].says);
        broker.suspect = table[i].suspect;
        broker.send_limit = 1;
        const riacho_status status = run_one(&w);
        if (status == RIACHO_OK && !*table[i].says) /* the ends of what was sent */
            assert_int_equal(w.ends[RECORDS - 1], 100 + RECORDS - 1);
        const riacho_outcome outcome = riacho_transaction_outcome(w.transaction);
        if (status == RIACHO_FATAL)
            teardown(&w); /* the calls include the close */
        if (status != table[i].status || outcome != table[i].outcome ||
            strcmp(broker.calls, table[i].calls) != 0)
            fail_msg("%s: status %d, outcome %d, calls\n%s\nnot\n%s", table[i].name, (int)status,
                     (int)outcome, broker.calls, table[i].calls);
        if (status != RIACHO_FATAL)
            teardown(&w);
    }
}

static void test_after_an_outcome_the_next_transaction_begins(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        bool suspect;
        const char *calls; /* of the second transaction */
    } next[] = {
        {"", false, "begin send send token positions commit ends"},
        {"", true, "open init begin send send token positions commit ends close"},
        {"commit=abort", false, "begin send send token positions commit ends"},
        {"commit=recreate", false, "begin send send token positions commit ends"},
    };
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        struct world w;
        setup(&w, next[i].says);
        broker.suspect = next[i].suspect;
        assert_int_equal(run_one(&w), RIACHO_OK);
        assert_false(riacho_transaction_ready(w.transaction)); /* its outcome waits */
        riacho_transaction_taken(w.transaction);
        const size_t before = strlen(broker.calls);
        assert_int_equal(run_one(&w), RIACHO_OK);
        assert_string_equal(broker.calls + before + 1, next[i].calls);
        assert_int_equal(riacho_transaction_outcome(w.transaction), RIACHO_OUTCOME_COMMITTED);
        const riacho_transaction_counts *counts = riacho_transaction_counted(w.transaction);
        assert_int_equal(counts->committed + counts->aborted + counts->lost, 2);
        teardown(&w);
    }
}

static void test_what_fences_nobody_is_not_sent(void **state)
{
    (void)state;
    static const riacho_member_token tokens[] = {{-1, "w1-1234"}, {7, ""}, {7, NULL}, {-1, ""}};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        struct world w;
        setup(&w, "");
        broker.member.token = tokens[i];
        assert_int_equal(run_one(&w), RIACHO_OK);
        assert_string_equal(broker.calls, "open init begin send send token close open init");
        assert_int_equal(riacho_transaction_outcome(w.transaction), RIACHO_OUTCOME_ABORTED);
        teardown(&w);
    }
}

static void test_nothing_starts_before_the_worker_has_joined(void **state)
{
    (void)state;
    struct world w;
    setup(&w, "");
    riacho_transaction_set_member(w.transaction, NULL);
    assert_int_equal(run(&w), RIACHO_OK);
    assert_false(riacho_transaction_ready(w.transaction));
    riacho_transaction_set_member(w.transaction, &broker.member);
    assert_true(riacho_transaction_ready(w.transaction));
    assert_string_equal(broker.calls, "open init");
    teardown(&w);
}

static void test_two_workers_of_one_name_are_told(void **state)
{
    (void)state;
    struct world w;
    setup(&w, "init=recreate init=recreate init=recreate init=recreate init=recreate");
    assert_int_equal(run(&w), RIACHO_FATAL);
    assert_non_null(strstr(w.err.text, "two workers have the name 'w1'"));
    teardown(&w);
}

static void test_a_stop_says_what_the_broker_said(void **state)
{
    (void)state;
    struct world w;
    setup(&w, "positions=stop");
    assert_int_equal(run_one(&w), RIACHO_FATAL);
    assert_string_equal(w.err.text, "producer 'toys.w1.0': positions said stop");
    teardown(&w);
}

static void test_a_worker_stops_at_each_site(void **state)
{
    (void)state;
    static const struct {
        riacho_site site;
        const char *calls;
    } sites[] = {
        {RIACHO_SITE_INIT, "open"},
        {RIACHO_SITE_BEGUN, "open init begin"},
        {RIACHO_SITE_SENT_SOME, "open init begin send"},
        {RIACHO_SITE_BEFORE_POSITIONS, "open init begin send send"},
        {RIACHO_SITE_AFTER_POSITIONS, "open init begin send send token positions"},
        {RIACHO_SITE_COMMITTING, BEGUN},
        {RIACHO_SITE_COMMITTED, BEGUN " commit"},
    };
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        struct world w;
        setup(&w, "commit=retry");
        broker.site = (int)sites[i].site;
        assert_int_equal(run_one(&w), RIACHO_FATAL);
        assert_string_equal(broker.calls, sites[i].calls);
        assert_int_equal(riacho_transaction_outcome(w.transaction), RIACHO_OUTCOME_NONE);
        bool did;
        assert_int_equal(riacho_transaction_step(w.transaction, 0, &did, &w.err), RIACHO_FATAL);
        assert_string_equal(broker.calls, sites[i].calls); /* a stopped worker does nothing */
        teardown(&w);
    }
}

static void test_known_mistakes_can_be_made(void **state)
{
    (void)state;
    struct world w;
    if (!riacho_mutation_choose("noGeneration"))
        skip();
    setup(&w, "");
    broker.member.token.generation = -1;
    assert_int_equal(run_one(&w), RIACHO_OK);
    assert_int_equal(riacho_transaction_outcome(w.transaction), RIACHO_OUTCOME_COMMITTED);
    teardown(&w);
    assert_true(riacho_mutation_choose("reuseProducer"));
    setup(&w, "");
    broker.suspect = true;
    assert_int_equal(run_one(&w), RIACHO_OK);
    assert_string_equal(broker.calls, BEGUN " ends");
    teardown(&w);
    assert_true(riacho_mutation_choose("none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_verdict_at_each_call),
        cmocka_unit_test(test_after_an_outcome_the_next_transaction_begins),
        cmocka_unit_test(test_what_fences_nobody_is_not_sent),
        cmocka_unit_test(test_nothing_starts_before_the_worker_has_joined),
        cmocka_unit_test(test_two_workers_of_one_name_are_told),
        cmocka_unit_test(test_a_stop_says_what_the_broker_said),
        cmocka_unit_test(test_a_worker_stops_at_each_site),
        cmocka_unit_test(test_known_mistakes_can_be_made),
    };
    return cmocka_run_group_tests_name("transactions", tests, NULL, NULL);
}
