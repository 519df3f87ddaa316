/* SPDX-License-Identifier: MIT
 *
 * rocksdb_kill.c - a writer is killed at any moment: what it leaves is one whole commit, the last
 * one it knew of or the one it was killed in. One that loads leaves at least what its last commit
 * made durable.
 *
 * Run with arguments ("write" or "load", folder) this program is the child that is killed.
 */
#include "folders.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 20, KEYS = 40, VALUE_BYTES = 1500 };

/* Commit n sets one key of each space to n, moves the position to n, and carries an outbox when n
 * is odd; then it says n on stdout. */
static int write_until_killed(riacho_store *store, uint64_t first)
{
    riacho_error err;
    for (uint64_t n = first;; n++) {
        static char value[VALUE_BYTES];
        char key[16];
        riacho_change changes[FIXTURE_SPACES];
        const riacho_position position = {"interactions", 3, (int64_t)n};
        snprintf(key, sizeof key, "%02d", (int)(n % KEYS));
        memcpy(value, &n, sizeof n);
        for (uint32_t space = 0; space < FIXTURE_SPACES; space++)
            changes[space] = (riacho_change){
                .space = space, .key = riacho_text(key), .value = {value, sizeof value}};
        const riacho_changes all = {changes,
                                    FIXTURE_SPACES,
                                    {.number = n,
                                     .positions = &position,
                                     .position_count = 1,
                                     .outbox = n % 2 ? riacho_text("outputs") : (riacho_bytes){0}}};
        if (store->ops->write(store, &all, &err) != RIACHO_OK ||
            write(STDOUT_FILENO, &n, sizeof n) != sizeof n)
            return 1;
    }
}

/* Round n loads n into every key of each space, three times over what a write buffer holds in a few
 * rounds; every third one is followed by a commit that carries nothing but n, said on stdout. */
static int load_until_killed(riacho_store *store, uint64_t first)
{
    enum { ROUNDS = 3 };
    static char value[VALUE_BYTES], keys[KEYS][16];
    riacho_error err;
    for (uint64_t n = first;; n++) {
        riacho_change changes[KEYS];
        const riacho_changes nothing = {.meta = {.number = n}};
        memcpy(value, &n, sizeof n);
        for (uint32_t space = 0; space < FIXTURE_SPACES; space++) {
            for (int i = 0; i < KEYS; i++) {
                snprintf(keys[i], sizeof keys[i], "%02d", i);
                changes[i] = (riacho_change){
                    .space = space, .key = riacho_text(keys[i]), .value = {value, sizeof value}};
            }
            if (store->ops->load(store, changes, KEYS, &err) != RIACHO_OK)
                return 1;
        }
        if (n % ROUNDS)
            continue;
        if (store->ops->write(store, &nothing, &err) != RIACHO_OK ||
            write(STDOUT_FILENO, &n, sizeof n) != sizeof n)
            return 1;
    }
}

static int live_until_killed(const char *what, const char *folder)
{
    const bool loads = strcmp(what, "load") == 0;
    const riacho_rocksdb_stores_options options = {
        .folder = folder, .memory_bytes = 1, .space_reserve_bytes = 1, .keys_only = loads};
    const riacho_store_spec spec = fixture_spec();
    riacho_arena *arena = riacho_arena_new();
    riacho_store_factory *factory;
    riacho_store *store;
    riacho_commit_meta meta;
    riacho_error err;
    if (riacho_rocksdb_stores_open(&options, &factory, &err) != RIACHO_OK ||
        factory->ops->open(factory, &spec, &store, &err) != RIACHO_OK ||
        store->ops->read_commit(store, arena, &meta, &err) != RIACHO_OK) {
        fprintf(stderr, "child: %s\n", err.text);
        return 1;
    }
    return loads ? load_until_killed(store, meta.number + 1)
                 : write_until_killed(store, meta.number + 1);
}

static pid_t start_child(const char *what, const char *folder, int *ret_from_child)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "rocksdb_kill", what, folder, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *ret_from_child = ends[0];
    return child;
}

/* Reads what the child says until the moment has come, kills it, and reads the rest: the last
 * commit that it knew to be written. */
static uint64_t kill_child(pid_t child, int from_child, uint64_t commits_before)
{
    uint64_t last = 0, heard = 0, n;
    int status;
    while (heard < commits_before) {
        assert_int_equal(read(from_child, &n, sizeof n), sizeof n);
        last = n;
        heard++;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(from_child, &n, sizeof n) == sizeof n)
        last = n;
    close(from_child);
    return last;
}

/* The whole store is as one commit left it; returns which. */
static uint64_t check_whole(fixture *f)
{
    riacho_commit_meta meta;
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    assert_int_equal(meta.position_count, 1);
    assert_int_equal(meta.positions[0].next, meta.number);
    assert_int_equal(meta.outbox.size > 0, meta.number % 2);
    for (uint64_t back = 0; back < KEYS && back < meta.number; back++) {
        const uint64_t expected = meta.number - back;
        const char *key = riacho_format(f->arena, "%02d", (int)(expected % KEYS));
        for (uint32_t space = 0; space < FIXTURE_SPACES; space++) {
            uint64_t found;
            memcpy(&found, fixture_get(f, space, key), sizeof found);
            assert_int_equal(found, expected);
        }
    }
    return meta.number;
}

/* Opens the store once without its write-ahead log and puts everything back. Either that is noticed
 * or what was flushed is one whole commit: true. */
static bool is_whole_without_log(fixture *f)
{
    const char *folder = fixture_store_folder(f);
    const char *aside = riacho_format(f->arena, "%s.aside", folder);
    folder_copy(f, folder, aside);
    folder_delete_files(f, ".log");
    const riacho_status status = fixture_open_store(f);
    if (status == RIACHO_OK) {
        check_whole(f);
        fixture_close_store(f);
    } else {
        assert_int_equal(status, RIACHO_REJECT);
        f->store = NULL;
    }
    fixture_remove_folder(folder);
    assert_int_equal(rename(aside, folder), 0);
    return status == RIACHO_OK;
}

static void a_killed_writer_leaves_changes_and_positions_that_agree(void **state)
{
    fixture *f = *state;
    uint64_t seed = 2024;
    int whole = 0;
    for (int i = 0; i < KILLS; i++) {
        int from_child;
        fixture_close_store(f);
        const uint64_t commits = 1 + fixture_random(&seed) % (i % 4 ? 60 : 900);
        const pid_t child = start_child("write", f->folder, &from_child);
        const uint64_t last = kill_child(child, from_child, commits);
        whole += is_whole_without_log(f);
        fixture_ok(f, fixture_open_store(f));
        const uint64_t number = check_whole(f);
        assert_true(number == last || number == last + 1); /* the one it was killed in */
        riacho_arena_reset(f->arena);
    }
    /* The long runs flush on the way, all spaces at once, or they would not be whole. */
    assert_true(whole > 0);
}

/* Every key is as the last commit left it, or as a later load did. Returns the commit. */
static uint64_t check_loaded(fixture *f)
{
    riacho_commit_meta meta;
    fixture_ok(f, f->store->ops->read_commit(f->store, f->arena, &meta, &f->err));
    for (uint32_t space = 0; space < FIXTURE_SPACES; space++) {
        for (int i = 0; i < KEYS; i++) {
            uint64_t found;
            const char *key = riacho_format(f->arena, "%02d", i);
            memcpy(&found, fixture_get(f, space, key), sizeof found);
            assert_true(found >= meta.number);
        }
    }
    return meta.number;
}

static void a_killed_loader_has_all_that_its_last_commit_made_last(void **state)
{
    fixture *f = *state;
    uint64_t seed = 4711;
    for (int i = 0; i < KILLS; i++) {
        int from_child;
        fixture_close_store(f);
        const uint64_t commits = 1 + fixture_random(&seed) % 6;
        const pid_t child = start_child("load", f->folder, &from_child);
        const uint64_t last = kill_child(child, from_child, commits);
        fixture_ok(f, fixture_open_store(f));
        assert_in_range(check_loaded(f), last, last + 3);
        riacho_arena_reset(f->arena);
    }
}

static int setup(void **state)
{
    *state = fixture_new(FIXTURE_ROCKSDB);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return live_until_killed(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_writer_leaves_changes_and_positions_that_agree,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_loader_has_all_that_its_last_commit_made_last,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
