/* SPDX-License-Identifier: MIT
 *
 * crash.c - a process that is killed while it appends, commits and cleans loses nothing that was
 * acknowledged, and tears nothing.
 *
 * Each life: a child opens the log and works with several threads. After every call that returned
 * it writes what was acknowledged to a pipe: that is the ledger, and it outlives the child. The
 * parent kills it at a random moment, opens the log, and compares. RIACHO_CRASHES sets how often,
 * RIACHO_SEED the seed.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CRASHES = 20, THREADS = 4, PARTITIONS = 2, LIFE_US_MAX = 100000, VALUE_BYTES_MAX = 600 };

/* One acknowledged call. A commit has one output, so it is an append with a number. */
struct entry {
    int32_t thread;
    int32_t partition;
    int64_t offset;
    uint64_t serial; /* what the record says */
    uint64_t number; /* of the commit, 0: an append */
};

struct ledger {
    struct entry *items;
    size_t count;
    size_t capacity;
};

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* The text of a record follows from its serial, so a record can be checked wherever it is found. */
static riacho_bytes text_of(uint64_t serial, char text[VALUE_BYTES_MAX])
{
    uint64_t seed = serial;
    const int size = snprintf(text, VALUE_BYTES_MAX, "%llu ", (unsigned long long)serial);
    const size_t more = next_random(&seed) % 500;
    memset(text + size, 'a' + (int)(serial % 26), more);
    return (riacho_bytes){text, (size_t)size + more};
}

/* --- the child --- */

struct worker {
    riacho_log *log;
    int ledger;
    int32_t thread;
    uint64_t serial;
    uint64_t number;
};

static _Atomic int child_failed;

static void acknowledge(const struct worker *worker, const struct entry *entry)
{
    if (write(worker->ledger, entry, sizeof *entry) != (ssize_t)sizeof *entry)
        atomic_store(&child_failed, 1);
}

static void work_once(struct worker *worker, uint64_t *seed)
{
    riacho_error err;
    riacho_position position = {0};
    char text[VALUE_BYTES_MAX], task[32];
    const int32_t partition = (int32_t)(next_random(seed) % PARTITIONS);
    struct entry entry = {worker->thread, partition, 0, ++worker->serial, 0};
    const riacho_log_append append = {"t", partition, {.value = text_of(entry.serial, text)}};
    riacho_status status;
    if (next_random(seed) % 2) {
        status = worker->log->ops->append(worker->log, &append, 1, &position, &err);
        entry.offset = position.next;
    } else {
        int64_t end = 0;
        const riacho_position read = {"in", 0, (int64_t)entry.serial};
        snprintf(task, sizeof task, "task%d", (int)worker->thread);
        entry.number = ++worker->number;
        const riacho_log_commit commit = {task, entry.number, &read, 1, &append, 1};
        status = worker->log->ops->commit(worker->log, &commit, &end, &err);
        entry.offset = end - 1;
    }
    if (status != RIACHO_OK)
        atomic_store(&child_failed, 1);
    acknowledge(worker, &entry);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    uint64_t seed = worker->serial;
    while (!atomic_load(&child_failed))
        work_once(worker, &seed);
    return NULL;
}

static void live(struct fixture *fx, int life, int ledger, const uint64_t numbers[THREADS])
{
    riacho_error err;
    riacho_embedded_log_options options = fixture_options(fx);
    options.cleanup_interval_ms = 1;
    options.memory_bytes = 4 * 1024 * 1024;
    if (riacho_embedded_log_open(&options, &fx->log, &err) != RIACHO_OK)
        _exit(1);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            fx->log, ledger, i, ((uint64_t)life * THREADS + (uint64_t)i + 1) << 32, numbers[i]};
        if (pthread_create(&threads[i], NULL, work, &workers[i]))
            _exit(1);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(1); /* workers end only when something failed */
}

/* --- the parent --- */

static void read_ledger(struct ledger *ledger, int from)
{
    for (;;) {
        if (ledger->count == ledger->capacity) {
            ledger->capacity = ledger->capacity ? ledger->capacity * 2 : 1024;
            ledger->items = realloc(ledger->items, ledger->capacity * sizeof *ledger->items);
        }
        const ssize_t size = read(from, &ledger->items[ledger->count], sizeof *ledger->items);
        if (size == 0)
            return;
        if (size < 0 && errno == EINTR)
            continue;
        assert_int_equal(size, sizeof *ledger->items);
        ledger->count++;
    }
}

static void *kill_later(void *argument)
{
    const int64_t *child_and_us = argument;
    const struct timespec pause = {.tv_nsec = (long)child_and_us[1] * 1000};
    nanosleep(&pause, NULL);
    kill((pid_t)child_and_us[0], SIGKILL);
    return NULL;
}

static void one_life(struct fixture *fx, int life, uint32_t life_us, struct ledger *ledger,
                     const uint64_t numbers[THREADS])
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_ends[0]);
        live(fx, life, pipe_ends[1], numbers);
    }
    close(pipe_ends[1]);
    int64_t child_and_us[] = {child, life_us};
    pthread_t killer;
    assert_int_equal(pthread_create(&killer, NULL, kill_later, child_and_us), 0);
    read_ledger(ledger, pipe_ends[0]); /* until the child is gone */
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    pthread_join(killer, NULL);
    assert_true(WIFSIGNALED(result)); /* it never ends by itself unless a call failed */
    close(pipe_ends[0]);
}

static void assert_sound(const struct records *all)
{
    for (size_t i = 0; i < all->count; i++) {
        char text[VALUE_BYTES_MAX];
        const riacho_bytes value = all->items[i].value;
        assert_int_equal(all->items[i].offset, i);
        assert_true(riacho_bytes_equal(value, text_of(strtoull(value.data, NULL, 10), text)));
    }
}

/* Unacknowledged calls may have come through, acknowledged ones must have. */
static void compare(struct fixture *fx, const struct ledger *ledger, uint64_t numbers[THREADS])
{
    riacho_error err;
    struct records all[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++) {
        all[i] = read_all(fx->log, fx->arena, "t", i, 0);
        assert_sound(&all[i]);
    }
    uint64_t least[THREADS]; /* what was acknowledged, or found after an earlier life */
    memcpy(least, numbers, sizeof least);
    for (size_t i = 0; i < ledger->count; i++) {
        char text[VALUE_BYTES_MAX];
        const struct entry *entry = &ledger->items[i];
        assert_true(entry->offset < (int64_t)all[entry->partition].count);
        assert_true(riacho_bytes_equal(all[entry->partition].items[entry->offset].value,
                                       text_of(entry->serial, text)));
        if (entry->number > least[entry->thread])
            least[entry->thread] = entry->number;
    }
    for (int i = 0; i < THREADS; i++) {
        riacho_log_commit held;
        assert_ok(fx->log->ops->committed(fx->log, riacho_format(fx->arena, "task%d", i), fx->arena,
                                          &held, &err));
        assert_true(held.number == least[i] || held.number == least[i] + 1);
        numbers[i] = held.number; /* the next life goes on from what the log has */
    }
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void no_kill_loses_an_acknowledged_append(void **state)
{
    struct fixture *fx = *state;
    uint64_t seed = number_from("RIACHO_SEED", 1);
    const uint64_t crashes = number_from("RIACHO_CRASHES", CRASHES);
    struct ledger ledger = {0};
    uint64_t numbers[THREADS] = {0};
    make_topic(fx->log, "t", PARTITIONS);
    for (uint64_t life = 0; life < crashes; life++) {
        fx->log->ops->close(fx->log);
        fx->log = NULL;
        one_life(fx, (int)life, 3000 + next_random(&seed) % LIFE_US_MAX, &ledger, numbers);
        fixture_reopen(fx);
        compare(fx, &ledger, numbers);
        riacho_arena_reset(fx->arena);
    }
    print_message("%llu kills, %zu acknowledged calls\n", (unsigned long long)crashes,
                  ledger.count);
    assert_true(crashes < 5 || ledger.count > 0);
    free(ledger.items);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, EMBEDDED);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_kill_loses_an_acknowledged_append, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
