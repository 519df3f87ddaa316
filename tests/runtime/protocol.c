/* SPDX-License-Identifier: MIT
 *
 * protocol.c - the pure parts of the runtime: the steps of a commit, what a restart does, the
 * outbox's and the progress's bytes, error policies, and the history that waits follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macros.h"
#include "runtime/outbox.h"
#include "runtime/progress.h"
#include "runtime/protocol.h"
#include "runtime/publication.h"
#include "runtime/refusal.h"

/* ---- steps ----------------------------------------------------------------------------------- */

static void test_a_commit_takes_four_steps_and_one_less_without_outputs(void **state)
{
    (void)state;
    static const struct {
        size_t outputs;
        riacho_commit_step steps[4];
        size_t count;
    } commits[] = {
        {3,
         {RIACHO_STEP_FLUSH, RIACHO_STEP_WRITE_STATE, RIACHO_STEP_APPEND, RIACHO_STEP_PUBLISH},
         4},
        {0, {RIACHO_STEP_FLUSH, RIACHO_STEP_WRITE_STATE, RIACHO_STEP_PUBLISH}, 3},
    };
    for (size_t c = 0; c < 2; c++) {
        riacho_commit_phase phase = RIACHO_COMMIT_OPEN;
        for (size_t i = 0; i < commits[c].count; i++) {
            const riacho_commit_step step = riacho_commit_next(phase, commits[c].outputs);
            assert_int_equal(step, commits[c].steps[i]);
            phase = riacho_commit_after(step);
        }
        assert_int_equal(phase, RIACHO_COMMIT_OPEN);
    }
}

static void test_what_a_restart_does(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        riacho_found found;
        riacho_recovery recovery;
        bool rebuilds;
    } cases[] = {
        {"the first start", {0, false, false, 0, false, false}, RIACHO_RECOVERY_NONE, false},
        {"stopped cleanly", {7, false, true, 7, true, false}, RIACHO_RECOVERY_NONE, false},
        {"stopped before the append",
         {7, false, true, 6, true, false},
         RIACHO_RECOVERY_APPEND,
         false},
        {"the first commit stopped before the append",
         {1, false, true, 0, true, false},
         RIACHO_RECOVERY_APPEND,
         false},
        {"the append follows many commits without outputs",
         {9, false, true, 2, true, false},
         RIACHO_RECOVERY_APPEND,
         false},
        {"the last commits had no outputs",
         {9, false, false, 2, true, false},
         RIACHO_RECOVERY_NONE,
         false},
        {"the state is behind", {5, false, false, 7, true, false}, RIACHO_RECOVERY_REPLAY, false},
        {"the state is behind and has an old outbox",
         {5, false, true, 7, true, false},
         RIACHO_RECOVERY_REPLAY,
         false},
        {"the state is lost", {0, false, false, 7, true, false}, RIACHO_RECOVERY_REPLAY, true},
        {"state that made no outputs is lost",
         {0, false, false, 0, true, false},
         RIACHO_RECOVERY_NONE,
         true},
        {"stopped in the middle of a rebuild",
         {3, false, false, 0, true, true},
         RIACHO_RECOVERY_NONE,
         true},
        {"stopped before the append in a rebuild",
         {8, false, true, 7, true, true},
         RIACHO_RECOVERY_APPEND,
         true},
        {"stopped in the middle of a replay",
         {7, true, false, 7, true, false},
         RIACHO_RECOVERY_REPLAY,
         false},
        {"a replay is done", {7, false, false, 7, true, false}, RIACHO_RECOVERY_NONE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (riacho_recover(&cases[i].found) != cases[i].recovery ||
            riacho_rebuilds(&cases[i].found) != cases[i].rebuilds)
            fail_msg("%s", cases[i].name);
    }
}

/* ---- outbox ---------------------------------------------------------------------------------- */

static const riacho_header headers[] = {{{"h", 1}, {"v", 1}}, {{"empty", 5}, {NULL, 0}}};
static const char *const topic_names[] = {"first", "second"};

static void add_outputs(riacho_outbox *outbox)
{
    const riacho_log_record full = {
        .timestamp_ms = -5, .key = {"k", 1}, .value = {"value", 5}, .headers = {headers, 2}};
    const riacho_log_record bare = {.timestamp_ms = 1, .key = {NULL, 0}, .value = {"", 0}};
    riacho_outbox_init(outbox, topic_names, 2);
    riacho_outbox_add(outbox, 1, 3, &full);
    riacho_outbox_add(outbox, 0, 0, &bare);
}

static void test_an_outbox_gives_back_what_was_put_in(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_outbox outbox;
    riacho_outbox_read read;
    add_outputs(&outbox);
    assert_int_equal(riacho_outbox_parse(riacho_outbox_bytes(&outbox), arena, &read, NULL),
                     RIACHO_OK);
    assert_int_equal(read.count, 2);
    assert_int_equal(read.topics[0], 1);
    assert_string_equal(read.appends[0].topic, "second");
    assert_int_equal(read.appends[0].partition, 3);
    assert_int_equal(read.appends[0].record.timestamp_ms, -5);
    assert_true(riacho_bytes_equal(read.appends[0].record.value, riacho_text("value")));
    assert_int_equal(read.appends[0].record.headers.count, 2);
    assert_true(riacho_bytes_equal(read.appends[0].record.headers.items[0].name, riacho_text("h")));
    assert_null(read.appends[0].record.headers.items[1].value.data);
    assert_null(read.appends[1].record.key.data);
    assert_non_null(read.appends[1].record.value.data);
    assert_int_equal(read.appends[1].record.value.size, 0);
    riacho_outbox_done(&outbox);
}

static void test_an_outbox_goes_back_to_a_mark_and_is_absent_when_empty(void **state)
{
    (void)state;
    riacho_outbox outbox;
    add_outputs(&outbox);
    const riacho_outbox_mark mark = riacho_outbox_position(&outbox);
    riacho_outbox_add(&outbox, 0, 0, &(riacho_log_record){.timestamp_ms = 9});
    assert_int_equal(outbox.count, 3);
    riacho_outbox_undo(&outbox, mark);
    assert_int_equal(outbox.count, 2);
    riacho_outbox_reset(&outbox);
    assert_null(riacho_outbox_bytes(&outbox).data);
    riacho_outbox_done(&outbox);
}

static void
test_an_outbox_that_is_cut_short_or_flipped_is_refused_or_read_within_bounds(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_outbox outbox;
    riacho_outbox_read read;
    riacho_error err;
    add_outputs(&outbox);
    const riacho_bytes whole = riacho_outbox_bytes(&outbox);
    const size_t cuts_at_a_record = 1; /* behind the head and the first output */
    size_t accepted = 0;
    for (size_t size = outbox.head_bytes + 1; size < whole.size; size++) {
        RIACHO_AUTO(heap) uint8_t *copy = malloc(size); /* so that ASan sees a step too far */
        memcpy(copy, whole.data, size);
        accepted +=
            riacho_outbox_parse((riacho_bytes){copy, size}, arena, &read, &err) == RIACHO_OK;
    }
    assert_int_equal(accepted, cuts_at_a_record);
    for (size_t at = 0; at < whole.size; at++) {
        RIACHO_AUTO(heap) uint8_t *copy = malloc(whole.size);
        memcpy(copy, whole.data, whole.size);
        copy[at] ^= 0xff;
        const riacho_status status =
            riacho_outbox_parse((riacho_bytes){copy, whole.size}, arena, &read, &err);
        assert_true(status == RIACHO_OK || status == RIACHO_FATAL);
    }
    riacho_outbox_done(&outbox);
}

/* ---- progress -------------------------------------------------------------------------------- */

static void test_progress_survives_and_what_is_not_progress_is_none(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    RIACHO_AUTO(buffer) riacho_buffer bytes = {0};
    const int64_t times[] = {INT64_MIN, 42};
    riacho_progress written = {.graph_hash = 0xfedcba9876543210u,
                               .replaying = true,
                               .partition_time_ms = times,
                               .partition_count = 2,
                               .chain = {"chain", 5}};
    riacho_progress read;
    riacho_progress_write(&written, &bytes);
    riacho_progress_read(riacho_buffer_bytes(&bytes), arena, &read);
    assert_true(read.graph_hash == 0xfedcba9876543210u);
    assert_true(read.replaying && !read.rebuilding);
    assert_int_equal(read.partition_count, 2);
    assert_true(read.partition_time_ms[0] == INT64_MIN && read.partition_time_ms[1] == 42);
    assert_true(riacho_bytes_equal(read.chain, riacho_text("chain")));
    riacho_progress_read((riacho_bytes){NULL, 0}, arena, &read);
    assert_int_equal(read.partition_count, 0);
    riacho_progress_read((riacho_bytes){bytes.data, 7}, arena, &read);
    assert_int_equal(read.partition_count, 0);
    assert_false(read.replaying);
    riacho_buffer_reset(&bytes);
    written.replaying = false;
    written.rebuilding = true;
    riacho_progress_write(&written, &bytes);
    riacho_progress_read(riacho_buffer_bytes(&bytes), arena, &read);
    assert_true(!read.replaying && read.rebuilding);
}

/* As a store may have it that was written before graphs had their hash in it. */
static void test_progress_of_the_first_version_is_read_without_a_hash(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 1, 1, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 'c'};
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_progress read;
    riacho_progress_read((riacho_bytes){bytes, sizeof bytes}, arena, &read);
    assert_true(read.graph_hash == 0 && read.replaying);
    assert_int_equal(read.partition_count, 1);
    assert_int_equal(read.partition_time_ms[0], 42);
    assert_true(riacho_bytes_equal(read.chain, riacho_text("c")));
}

/* ---- policies -------------------------------------------------------------------------------- */

#define LETTER RIACHO_ON_ERROR_DEAD_LETTER
#define RETRY RIACHO_ON_ERROR_RETRY
#define SKIP RIACHO_ON_ERROR_SKIP
#define STOP RIACHO_ON_ERROR_STOP

static void test_error_policies(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        riacho_error_policy policy;
        riacho_status status;
        uint32_t attempts;
        riacho_error_action action;
        int64_t backoff_ms;
    } cases[] = {
        {"a reject goes to the dead letters", {.action = LETTER}, RIACHO_REJECT, 1, LETTER, 0},
        {"a reject is skipped", {.action = SKIP}, RIACHO_REJECT, 1, SKIP, 0},
        {"a reject stops", {.action = STOP}, RIACHO_REJECT, 1, STOP, 0},
        {"a retry policy tries again", {RETRY, 3, 250, SKIP, 0}, RIACHO_REJECT, 2, RETRY, 250},
        {"and gives up", {RETRY, 3, 250, SKIP, 0}, RIACHO_REJECT, 3, SKIP, 0},
        {"and never twice over", {RETRY, 3, 250, RETRY, 0}, RIACHO_REJECT, 3, STOP, 0},
        {"RETRY is tried again by any policy",
         {.action = LETTER},
         RIACHO_RETRY,
         RIACHO_RETRY_ATTEMPTS - 1,
         RETRY,
         RIACHO_RETRY_BACKOFF_MS},
        {"but not for ever", {.action = LETTER}, RIACHO_RETRY, RIACHO_RETRY_ATTEMPTS, LETTER, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t backoff_ms = 0;
        const riacho_error_action action = riacho_refusal_action(&cases[i].policy, cases[i].status,
                                                                 cases[i].attempts, &backoff_ms);
        if (action != cases[i].action || backoff_ms != cases[i].backoff_ms)
            fail_msg("%s", cases[i].name);
    }
}

static void test_a_dead_letter_keeps_as_many_headers_as_there_is_room_for(void **state)
{
    (void)state;
    RIACHO_AUTO(arena) riacho_arena *arena = riacho_arena_new();
    riacho_header many[RIACHO_HEADERS_MAX];
    for (size_t i = 0; i < RIACHO_HEADERS_MAX; i++)
        many[i] = headers[0];
    const riacho_log_record record = {.timestamp_ms = -1, .headers = {many, RIACHO_HEADERS_MAX}};
    const riacho_refusal refusal = {.reason = "why", .step = "s", .topic = "t"};
    const riacho_log_record letter = riacho_refusal_dead_letter(&refusal, &record, arena);
    assert_int_equal(letter.headers.count, RIACHO_HEADERS_MAX);
    assert_int_equal(letter.timestamp_ms, 0);
    const riacho_header *last = &letter.headers.items[RIACHO_HEADERS_MAX - 1];
    assert_true(riacho_bytes_equal(last->name, riacho_text("riacho.error.timestamp")));
    assert_true(riacho_bytes_equal(last->value, riacho_text("-1")));
}

/* ---- history --------------------------------------------------------------------------------- */

static void test_history_finds_the_first_commit_that_covers_a_position(void **state)
{
    (void)state;
    riacho_history *history = riacho_history_new(1, 1);
    assert_null(riacho_history_follow(history, 0, 0));
    for (int64_t i = 0; i < 3 * RIACHO_HISTORY_COMMITS_MAX; i++) {
        const riacho_position read = {"in", 0, 10 * i}, wrote = {"hop", 0, 7 * i};
        riacho_history_add(history, &read, &wrote);
    }
    const int64_t newest = 3 * RIACHO_HISTORY_COMMITS_MAX - 1;
    const int64_t oldest = 2 * RIACHO_HISTORY_COMMITS_MAX;
    assert_int_equal(*riacho_history_follow(history, 0, 10 * newest), 7 * newest);
    assert_int_equal(*riacho_history_follow(history, 0, 10 * newest - 9), 7 * newest);
    assert_int_equal(*riacho_history_follow(history, 0, 10 * newest - 10), 7 * (newest - 1));
    assert_int_equal(*riacho_history_follow(history, 0, 0), 7 * oldest);
    assert_null(riacho_history_follow(history, 0, 10 * newest + 1));
    riacho_history_free(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_commit_takes_four_steps_and_one_less_without_outputs),
        cmocka_unit_test(test_what_a_restart_does),
        cmocka_unit_test(test_an_outbox_gives_back_what_was_put_in),
        cmocka_unit_test(test_an_outbox_goes_back_to_a_mark_and_is_absent_when_empty),
        cmocka_unit_test(
            test_an_outbox_that_is_cut_short_or_flipped_is_refused_or_read_within_bounds),
        cmocka_unit_test(test_progress_survives_and_what_is_not_progress_is_none),
        cmocka_unit_test(test_progress_of_the_first_version_is_read_without_a_hash),
        cmocka_unit_test(test_error_policies),
        cmocka_unit_test(test_a_dead_letter_keeps_as_many_headers_as_there_is_room_for),
        cmocka_unit_test(test_history_finds_the_first_commit_that_covers_a_position),
    };
    return cmocka_run_group_tests_name("the pure parts", tests, NULL, NULL);
}
