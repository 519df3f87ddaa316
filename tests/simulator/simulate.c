/* SPDX-License-Identifier: MIT
 *
 * simulate.c - riacho-simulate: runs the exactly-once engine through many simulated worlds, one a
 * seed, and says which did not hold and how to see it again.
 *
 *   riacho-simulate --seeds 1000              seeds 0 to 999
 *   riacho-simulate --seed 17 --trace         one, with everything that happens
 *   riacho-simulate --mutations --seeds 10000 every known mistake must be noticed
 *
 * Exit status: 0 all held (with --mutations: all were noticed), 1 not, 2 wrong usage.
 *
 * Threads: one; --mutations has a process for each mistake, because a mistake may end it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/trace.h"
#include "runtime/mutation.h"
#include "world.h"

enum { SEEDS = 1000, USAGE = 2 };

struct choices {
    int64_t seeds;
    int64_t from;
    int64_t steps;
    const char *mutation;
    enum { SIMULATE = 0, MUTATIONS } mode;
    bool trace;
};

/* ---- seeds ----------------------------------------------------------------------------------- */

/* How to see the seed again, written when an assertion ends the process. */
static char again[160];

static void say_again(int number)
{
    const ssize_t ignored = write(STDOUT_FILENO, again, strlen(again));
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static void print_again(char *text, size_t size, const struct choices *choices, int64_t seed,
                        const char *reason)
{
    const bool mutated = strcmp(choices->mutation, "none") != 0;
    char steps[32] = "";
    if (choices->steps)
        snprintf(steps, sizeof steps, " --steps %" PRId64, choices->steps);
    snprintf(text, size, "seed %" PRId64 ": %s; again: riacho-simulate --seed %" PRId64 "%s%s%s\n",
             seed, reason, seed, steps, mutated ? " --mutation " : "",
             mutated ? choices->mutation : "");
}

static void add_figures(sim_figures *sum, const sim_figures *more)
{
    sum->events += more->events;
    sum->starts += more->starts;
    sum->crashes += more->crashes;
    sum->freezes += more->freezes;
    sum->looks += more->looks;
    sum->standbys += more->standbys;
}

static bool run_seed(const struct choices *choices, int64_t seed, sim_figures *figures)
{
    sim_result result;
    print_again(again, sizeof again, choices, seed, "an assertion ended the process");
    sim_run(&(sim_run_options){.seed = (uint64_t)seed,
                               .steps = (uint32_t)choices->steps,
                               .trace = choices->trace ? stdout : NULL},
            &result);
    add_figures(figures, &result.figures);
    if (choices->trace)
        printf("hash %016" PRIx64 "\n", result.hash);
    if (!result.reason[0])
        return true;
    char text[SIM_REASON_BYTES + 160];
    print_again(text, sizeof text, choices, seed, result.reason);
    fputs(text, stdout);
    fflush(stdout);
    return false;
}

static int simulate(const struct choices *choices)
{
    int64_t failed = 0;
    sim_figures figures = {0};
    for (int64_t i = 0; i < choices->seeds; i++)
        failed += !run_seed(choices, choices->from + i, &figures);
    printf("%" PRId64 " seeds, %" PRId64 " failed; %" PRIu64 " events, %" PRIu64
           " processes started, %" PRIu64 " crashed, %" PRIu64 " frozen, %" PRIu64
           " reads, %" PRIu64 " standbys compared\n",
           choices->seeds, failed, figures.events, figures.starts, figures.crashes, figures.freezes,
           figures.looks, figures.standbys);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- mutations ------------------------------------------------------------------------------- */

/* In a child: up to the first seed that notices it. */
_Noreturn static void find_seed(struct choices of, riacho_mutation mutation,
                                _Atomic int64_t *ret_seed)
{
    sim_figures ignored = {0};
    of.mutation = riacho_mutation_name(mutation);
    if (!riacho_mutation_choose(of.mutation))
        _exit(USAGE);
    for (int64_t i = 0; i < of.seeds; i++) {
        *ret_seed = of.from + i;
        if (!run_seed(&of, *ret_seed, &ignored))
            _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
}

static bool is_noticed(const struct choices *choices, riacho_mutation mutation,
                       _Atomic int64_t *seed)
{
    int status = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        find_seed(*choices, mutation, seed);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    const bool noticed =
        WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
    if (noticed)
        printf("%-16s noticed by seed %" PRId64 "\n", riacho_mutation_name(mutation), *seed);
    else
        printf("%-16s NOT NOTICED in %" PRId64 " seeds\n", riacho_mutation_name(mutation),
               choices->seeds);
    return noticed;
}

static int notice_mutations(const struct choices *choices)
{
    _Atomic int64_t *seed =
        mmap(NULL, sizeof *seed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seed == MAP_FAILED)
        return EXIT_FAILURE;
    int missed = 0;
    for (riacho_mutation i = RIACHO_MUTATION_NONE + 1; i < RIACHO_MUTATIONS; i++)
        missed += !is_noticed(choices, i, seed);
    munmap((void *)seed, sizeof *seed);
    return missed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- usage ----------------------------------------------------------------------------------- */

static int complain(void)
{
    fputs("usage: riacho-simulate [--seeds N] [--from S] [--seed S] [--steps N] [--mutation NAME]"
          " [--mutations] [--trace]\n",
          stderr);
    return USAGE;
}

static bool parse_number(const char *text, int64_t *ret)
{
    riacho_error err;
    if (riacho_int_parse(riacho_text(text), 0, INT32_MAX, ret, &err) == RIACHO_OK)
        return true;
    fprintf(stderr, "riacho-simulate: %s\n", err.text);
    return false;
}

static bool parse(int count, char **words, struct choices *ret)
{
    enum { SEEDS_OPTION = 1, FROM, SEED, STEPS, MUTATION, ALL_MUTATIONS, TRACE };
    static const struct option options[] = {
        {"seeds", required_argument, NULL, SEEDS_OPTION},
        {"from", required_argument, NULL, FROM},
        {"seed", required_argument, NULL, SEED},
        {"steps", required_argument, NULL, STEPS},
        {"mutation", required_argument, NULL, MUTATION},
        {"mutations", no_argument, NULL, ALL_MUTATIONS},
        {"trace", no_argument, NULL, TRACE},
        {0},
    };
    bool good = true;
    for (int option; good && (option = getopt_long(count, words, "", options, NULL)) != -1;) {
        switch (option) {
        case SEEDS_OPTION:
            good = parse_number(optarg, &ret->seeds);
            break;
        case SEED:
            ret->seeds = 1;
            good = parse_number(optarg, &ret->from);
            break;
        case FROM:
            good = parse_number(optarg, &ret->from);
            break;
        case STEPS:
            good = parse_number(optarg, &ret->steps);
            break;
        case MUTATION:
            ret->mutation = optarg;
            break;
        case ALL_MUTATIONS:
            ret->mode = MUTATIONS;
            break;
        case TRACE:
            ret->trace = true;
            break;
        default:
            good = false;
        }
    }
    return good && optind == count;
}

int main(int count, char **words)
{
    struct choices choices = {.seeds = SEEDS, .mutation = "none"};
    if (!parse(count, words, &choices))
        return complain();
    if (!riacho_mutation_choose(choices.mutation)) {
        fprintf(stderr, "riacho-simulate: there is no mutation %s in this build\n",
                choices.mutation);
        return USAGE;
    }
    riacho_trace_level(RIACHO_ERROR + 1); /* what a simulation provokes is not worth a line */
    signal(SIGABRT, say_again);
    signal(SIGSEGV, say_again);
    const int status = choices.mode == MUTATIONS ? notice_mutations(&choices) : simulate(&choices);
    sim_runs_done();
    return status;
}
