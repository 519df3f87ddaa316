/* SPDX-License-Identifier: MIT
 *
 * state_bench.c - what state costs on this machine, in nanoseconds a call: the overlay, the cache,
 * commits to RocksDB, rankings, and how long a start takes. Prints one JSON object.
 *
 *   state_bench [folder]     the folder's disk is what is measured; default: under $TMPDIR or /tmp
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "riacho/backend/stores.h"
#include "state/keyvalue.h"
#include "state/overlay.h"
#include "state/ranking.h"

enum {
    CACHE_BYTES = 64 * 1024 * 1024,
    MEMORY_BYTES = 256 * 1024 * 1024,
    HOT_KEYS = 1000,
    CALLS = 2000000,
    RANK_CALLS = 100000,
    TASKS = 12,
    TASK_KEYS = 1000000 / TASKS,
    VALUE_BYTES = 100,
};

static riacho_error err;

static void check(riacho_status status)
{
    if (status == RIACHO_OK)
        return;
    fprintf(stderr, "state_bench: %s\n", err.text);
    exit(1);
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t random_number(void)
{
    static uint64_t seed = 88172645463325252u;
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void print(const char *name, double ns)
{
    printf(",\n  \"%s\": %.0f", name, ns);
    fflush(stdout);
}

/* ---- a task's store with its overlay ---- */

struct task {
    riacho_store *store;
    riacho_overlay *overlay;
    riacho_arena *arena;
    uint64_t number;
};

static riacho_store *open_store(riacho_store_factory *factory, const char *task)
{
    static const char *const spaces[] = {"values", "ranking"};
    const riacho_store_spec spec = {"bench", task, 0, spaces, 2};
    riacho_store *store;
    check(factory->ops->open(factory, &spec, &store, &err));
    return store;
}

static struct task open_task(riacho_store_factory *factory, const char *name)
{
    struct task task = {.store = open_store(factory, name), .arena = riacho_arena_new()};
    task.overlay = riacho_overlay_new(
        &(riacho_overlay_options){.store = task.store, .cache_bytes = CACHE_BYTES});
    return task;
}

static void close_task(struct task *task)
{
    riacho_overlay_free(task->overlay);
    riacho_arena_free(task->arena);
    task->store->ops->close(task->store);
}

static void commit(struct task *task)
{
    const riacho_commit_meta meta = {.number = ++task->number};
    check(riacho_overlay_commit(task->overlay, &meta, &err));
}

/* ---- key-value ---- */

static riacho_bytes key_of(char *memory, uint64_t number)
{
    return (riacho_bytes){memory,
                          (size_t)snprintf(memory, 24, "pet-%012llu", (unsigned long long)number)};
}

static char hot_memory[HOT_KEYS][24];
static riacho_bytes hot_keys[HOT_KEYS];

static void measure_hot_keys(struct task *task)
{
    static const char value[VALUE_BYTES] = "value";
    const riacho_state state = riacho_overlay_state(task->overlay, 0, task->arena);
    riacho_stamped got = {{value, sizeof value}, 1};
    for (size_t i = 0; i < HOT_KEYS; i++)
        hot_keys[i] = key_of(hot_memory[i], i);

    double start = now_ns();
    for (int i = 0; i < CALLS; i++) {
        const riacho_bytes key = hot_keys[random_number() % HOT_KEYS];
        riacho_overlay_savepoint(task->overlay);
        check(riacho_state_keyvalue_get(&state, key, &got, &err));
        got = (riacho_stamped){{value, sizeof value}, i};
        riacho_state_keyvalue_put(&state, key, &got);
        if (i % 512 == 0)
            riacho_arena_reset(task->arena);
    }
    print("overlay_get_and_put_hot_ns", (now_ns() - start) / CALLS);
    commit(task);

    start = now_ns();
    for (int i = 0; i < CALLS; i++) {
        check(riacho_state_keyvalue_get(&state, hot_keys[random_number() % HOT_KEYS], &got, &err));
        if (i % 512 == 0)
            riacho_arena_reset(task->arena);
    }
    print("cached_get_hot_ns", (now_ns() - start) / CALLS);
}

static void measure_commit(struct task *task, unsigned keys, const char *name)
{
    enum { COMMITS_OF_KEYS = 400000 };
    static const char value[VALUE_BYTES] = "value";
    const riacho_state state = riacho_overlay_state(task->overlay, 0, task->arena);
    const unsigned commits = COMMITS_OF_KEYS / keys;
    double spent = 0;
    for (unsigned i = 0; i < commits; i++) {
        for (unsigned k = 0; k < keys; k++) {
            char memory[24];
            const riacho_stamped stamped = {{value, sizeof value}, (int64_t)i};
            riacho_state_keyvalue_put(&state, key_of(memory, random_number() % 1000000), &stamped);
        }
        const double start = now_ns();
        commit(task);
        spent += now_ns() - start;
        riacho_arena_reset(task->arena);
    }
    print(name, spent / commits / keys);
}

/* ---- rankings ---- */

static riacho_bytes member_of(char *memory, uint64_t number)
{
    return (riacho_bytes){memory,
                          (size_t)snprintf(memory, 24, "user-%08llu", (unsigned long long)number)};
}

static void fill_ranking(struct task *task, const riacho_state_ranking *ranking, uint64_t members)
{
    for (uint64_t i = 0; i < members; i++) {
        char memory[24];
        check(riacho_state_ranking_set(ranking, member_of(memory, i),
                                       (int64_t)(random_number() % members), NULL, &err));
        if (i % 1000 == 999) {
            commit(task);
            riacho_arena_reset(task->arena);
        }
    }
    commit(task);
}

static void measure_ranking(struct task *task, const char *key, uint64_t members)
{
    const riacho_state_ranking ranking = {riacho_overlay_state(task->overlay, 1, task->arena),
                                          riacho_text(key), 0};
    char name[64], memory[24];
    uint64_t rank;
    riacho_state_ranking_page page;

    double start = now_ns();
    fill_ranking(task, &ranking, members);
    snprintf(name, sizeof name, "ranking_%s_insert_ns", key);
    print(name, (now_ns() - start) / (double)members);

    start = now_ns();
    for (int i = 0; i < RANK_CALLS; i++) {
        check(riacho_state_ranking_add(&ranking, member_of(memory, random_number() % members),
                                       1 + (int64_t)(random_number() % 10), NULL, &err));
        if (i % 1000 == 999) {
            commit(task);
            riacho_arena_reset(task->arena);
        }
    }
    snprintf(name, sizeof name, "ranking_%s_add_ns", key);
    print(name, (now_ns() - start) / RANK_CALLS);

    start = now_ns();
    for (int i = 0; i < RANK_CALLS; i++) {
        check(riacho_state_ranking_rank(&ranking, member_of(memory, random_number() % members),
                                        &rank, &err));
        riacho_arena_reset(task->arena);
    }
    snprintf(name, sizeof name, "ranking_%s_rank_ns", key);
    print(name, (now_ns() - start) / RANK_CALLS);

    start = now_ns();
    for (int i = 0; i < RANK_CALLS / 10; i++) {
        check(riacho_state_ranking_top(&ranking, NULL, 10, &page, &err));
        riacho_arena_reset(task->arena);
    }
    snprintf(name, sizeof name, "ranking_%s_top10_ns", key);
    print(name, (now_ns() - start) / (RANK_CALLS / 10));
}

/* The same ranks as a query sees them: no overlay, no cache of values. */
static void measure_ranks_of_snapshot(struct task *task, const char *key, uint64_t members)
{
    char name[64], memory[24];
    uint64_t rank;
    riacho_snapshot snapshot;
    riacho_snapshot_open(&snapshot, task->store);
    const riacho_state_ranking ranking = {
        {&snapshot.view, NULL, task->arena, 1}, riacho_text(key), 0};
    const double start = now_ns();
    for (int i = 0; i < RANK_CALLS / 5; i++) {
        check(riacho_state_ranking_rank(&ranking, member_of(memory, random_number() % members),
                                        &rank, &err));
        riacho_arena_reset(task->arena);
    }
    snprintf(name, sizeof name, "ranking_%s_rank_of_snapshot_ns", key);
    print(name, (now_ns() - start) / (RANK_CALLS / 5));
    riacho_snapshot_close(&snapshot);
}

/* ---- starting ---- */

/* Fills TASKS stores named <kind>_<n> and leaves them open. */
static void fill_tasks(riacho_store_factory *factory, int kind, struct task *tasks)
{
    for (int t = 0; t < TASKS; t++) {
        char name[32];
        snprintf(name, sizeof name, "%d_%d", kind, t);
        struct task task = open_task(factory, name);
        const riacho_state state = riacho_overlay_state(task.overlay, 0, task.arena);
        for (int k = 0; k < TASK_KEYS; k++) {
            char memory[24], value[VALUE_BYTES];
            for (size_t i = 0; i + 8 <= sizeof value; i += 8) {
                const uint64_t word = random_number();
                memcpy(value + i, &word, 8);
            }
            const riacho_stamped stamped = {{value, sizeof value}, k};
            riacho_state_keyvalue_put(&state, key_of(memory, (uint64_t)k), &stamped);
            if (k % 1000 == 999)
                commit(&task);
        }
        commit(&task);
        tasks[t] = task;
    }
}

/* Opens every task and reads a key of each. */
static void measure_start(riacho_store_factory *factory, int kind, const char *name)
{
    riacho_store *stores[TASKS];
    riacho_arena *arena = riacho_arena_new();
    const double start = now_ns();
    for (int t = 0; t < TASKS; t++) {
        char task[32], memory[24];
        riacho_bytes value;
        snprintf(task, sizeof task, "%d_%d", kind, t);
        stores[t] = open_store(factory, task);
        check(stores[t]->ops->get(stores[t], 0, key_of(memory, 7), arena, &value, &err));
        if (!value.data)
            exit(2);
    }
    print(name, now_ns() - start);
    for (int t = 0; t < TASKS; t++)
        stores[t]->ops->close(stores[t]);
    riacho_arena_free(arena);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static riacho_store_factory *open_factory(const char *folder)
{
    const riacho_rocksdb_stores_options options = {
        .folder = folder, .memory_bytes = MEMORY_BYTES, .task_count_hint = TASKS};
    riacho_store_factory *factory;
    check(riacho_rocksdb_stores_open(&options, &factory, &err));
    return factory;
}

/* Two sets of stores: one closed, one as a kill leaves it. In a process of its own, because that is
 * how it ends. */
static void fill_in_child(const char *folder)
{
    static struct task closed[TASKS], killed[TASKS];
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        riacho_store_factory *factory = open_factory(folder);
        fill_tasks(factory, 1, closed);
        for (int t = 0; t < TASKS; t++)
            close_task(&closed[t]);
        fill_tasks(factory, 2, killed);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        exit(3);
}

int main(int argc, char **argv)
{
    char folder[256];
    const char *base = argc > 1 ? argv[1] : getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/riacho-state-bench-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    fill_in_child(folder);
    riacho_store_factory *factory = open_factory(folder);
    struct task task = open_task(factory, "0_0");
    printf("{\n  \"value_bytes\": %d", VALUE_BYTES);
    measure_hot_keys(&task);
    measure_commit(&task, 1, "commit_1_key_ns");
    measure_commit(&task, 100, "commit_100_keys_ns_per_key");
    measure_commit(&task, 10000, "commit_10000_keys_ns_per_key");
    measure_ranking(&task, "1e5", 100000);
    measure_ranks_of_snapshot(&task, "1e5", 100000);
    measure_ranking(&task, "1e6", 1000000);
    measure_ranks_of_snapshot(&task, "1e6", 1000000);
    close_task(&task);

    measure_start(factory, 1, "start_12_tasks_1e6_keys_ns");
    measure_start(factory, 2, "start_12_tasks_1e6_keys_after_kill_ns");
    factory->ops->close(factory);
    printf("\n}\n");
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
