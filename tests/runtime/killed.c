/* SPDX-License-Identifier: MIT
 *
 * killed.c - a process that ends by RIACHO_FAULT in the middle of its work, and one that finds what
 * it left on disk. The program runs itself: `killed FOLDER` is the process that ends.
 */
#include "fixture.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLED = 137 };

static int run_in(const char *folder)
{
    fixture *f = fixture_new(&(fixture_options){.partitions = 2, .disk = true, .folder = folder});
    fixture_run_through(f);
    return 0;
}

static int run_killed(const char *folder, const char *fault)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("RIACHO_FAULT", fault, 1);
        execl("/proc/self/exe", "killed", folder, (char *)NULL);
        _exit(1);
    }
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

static void kill_once(const char *fault)
{
    fixture *f = fixture_new(&(fixture_options){.partitions = 2, .disk = true});
    for (size_t i = 0; i < 12; i++)
        fixture_send(f, i * 7 % FIXTURE_KEYS, 1, (int64_t)i);
    fixture_close_backends(f);
    assert_int_equal(run_killed(f->folder, fault), KILLED);
    fixture_open_disk(f);
    fixture_run_through(f);
    fixture_check(f);
    fixture_free(f);
}

static void test_a_process_killed_at_any_site_leaves_each_effect_once(void **state)
{
    (void)state;
#ifndef RIACHO_FAULTS
    skip();
#endif
    static const char *const faults[] = {"record:3",         "beforeCommit:2", "stateWritten:2",
                                         "outputsWritten:2", "afterCommit:2",  "recovery:3"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        kill_once(faults[i]);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return run_in(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_killed_at_any_site_leaves_each_effect_once),
    };
    return cmocka_run_group_tests_name("killed processes", tests, NULL, NULL);
}
