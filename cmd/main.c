/* SPDX-License-Identifier: MIT
 *
 * main.c - the `riacho` program: finds the verb, reads its flags, runs it.
 */
#include <argp.h>
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "command.h"
#include "reference.h"

enum { FLAG_KEY_FIRST = 0x1000 };

const char *riacho_flag_value(const riacho_line *line, const char *name)
{
    for (size_t i = 0; line->verb->flags[i].name; i++) {
        if (strcmp(line->verb->flags[i].name, name) == 0)
            return line->values[i];
    }
    assert(name == NULL); /* a verb asked for a flag that it does not have */
    return NULL;
}

bool riacho_flag_given(const riacho_line *line, const char *name)
{
    return riacho_flag_value(line, name) != NULL;
}

int riacho_complain(const riacho_line *line, int exit_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "riacho %s: ", line->verb->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return exit_code;
}

/* How many of the arguments are the verb's name, 0 when they do not begin with it. */
static int verb_words(const riacho_verb *verb, int argc, char **argv)
{
    const char *rest = verb->name;
    for (int i = 0; i < argc; i++) {
        const size_t size = strcspn(rest, " ");
        if (strlen(argv[i]) != size || strncmp(argv[i], rest, size) != 0)
            return 0;
        if (!rest[size])
            return i + 1;
        rest += size + 1;
    }
    return 0;
}

static error_t read_argument(int key, char *arg, struct argp_state *state)
{
    riacho_line *line = state->input;
    if (key >= FLAG_KEY_FIRST && key < FLAG_KEY_FIRST + RIACHO_FLAGS_MAX) {
        line->values[key - FLAG_KEY_FIRST] = arg ? arg : "";
        return 0;
    }
    for (size_t i = 0; line->verb->flags[i].name; i++) {
        if (line->verb->flags[i].letter && key == line->verb->flags[i].letter) {
            line->values[i] = arg ? arg : "";
            return 0;
        }
    }
    switch (key) {
    case ARGP_KEY_ARG:
        if (line->word_count >= line->verb->words_max || line->word_count >= RIACHO_WORDS_MAX)
            argp_error(state, "'%s' is one argument too many", arg);
        line->words[line->word_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (line->word_count < line->verb->words_min)
            argp_error(state, "an argument is missing: %s", line->verb->args);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run_verb(const riacho_verb *verb, int used, int argc, char **argv)
{
    struct argp_option options[RIACHO_FLAGS_MAX + 1] = {0};
    for (size_t i = 0; verb->flags[i].name; i++) {
        options[i].name = verb->flags[i].name;
        options[i].key = verb->flags[i].letter ? verb->flags[i].letter : FLAG_KEY_FIRST + (int)i;
        options[i].arg = verb->flags[i].arg;
        options[i].doc = verb->flags[i].doc;
    }
    char doc[2048];
    snprintf(doc, sizeof doc, "%s%s%s", verb->summary, verb->details ? "\v" : "",
             verb->details ? verb->details : "");
    const struct argp argp = {.options = verb->flags[0].name ? options : NULL,
                              .parser = read_argument,
                              .args_doc = verb->args,
                              .doc = doc};

    char program[64];
    snprintf(program, sizeof program, "riacho %s", verb->name);
    argv[used] = program; /* argp names the verb in its messages */
    riacho_line line = {.verb = verb};
    argp_err_exit_status = RIACHO_EXIT_USAGE;
    if (argp_parse(&argp, argc - used, argv + used, 0, NULL, &line) != 0)
        return RIACHO_EXIT_USAGE;
    const int exit_code = verb->run(&line);
    struct stat out;
    const bool piped = fstat(STDOUT_FILENO, &out) == 0 && S_ISFIFO(out.st_mode);
    if ((fflush(stdout) == 0 && !ferror(stdout)) || piped) /* a reader that has enough may go */
        return exit_code;
    return riacho_complain(&line, RIACHO_EXIT_FAILED, "stdout could not be written whole");
}

static void print_help(FILE *to)
{
    fputs("Usage: riacho VERB [ARGUMENTS]\n\n"
          "Declare a topology, run it, query its state, replay its topics.\n\n",
          to);
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", verb->name, verb->args);
        fprintf(to, "  %-32s %s\n", name, verb->summary);
    }
    fputs("\n`riacho VERB --help` has the flags of a verb.\n"
          "Exit: 0 ok, 1 failed, 2 usage, 65 bad topology or data, 69 worker unreachable, 75 try "
          "again, 78 bad configuration,\n"
          "130 interrupted.\n",
          to);
}

static void say_what_is_missing(const char *word, const char *second)
{
    if (!second || second[0] == '-')
        fprintf(stderr, "riacho %s: say one of: ", word);
    else
        fprintf(stderr, "riacho %s: '%s' is not a verb; say one of: ", word, second);
}

/* Whether the word begins verbs of two words; then these are told. */
static bool complain_about_second(const char *word, const char *second)
{
    const size_t size = strlen(word);
    bool found = false;
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        if (strncmp(verb->name, word, size) != 0 || verb->name[size] != ' ')
            continue;
        if (!found)
            say_what_is_missing(word, second);
        fprintf(stderr, "%s%s", found ? ", " : "", verb->name + size + 1);
        found = true;
    }
    if (found)
        fputc('\n', stderr);
    return found;
}

static int complain_about_verb(const char *word, const char *second)
{
    if (complain_about_second(word, second))
        return second && strcmp(second, "--help") == 0 ? RIACHO_EXIT_OK : RIACHO_EXIT_USAGE;
    char words[64][32];
    const char *names[64];
    size_t count = 0;
    for (const riacho_verb *verb = riacho_verbs; verb->name && count < 64; verb++) {
        snprintf(words[count], sizeof words[count], "%.*s", (int)strcspn(verb->name, " "),
                 verb->name);
        names[count] = words[count];
        count++;
    }
    const char *meant = riacho_suggest(riacho_text(word), names, count);
    fprintf(stderr, "riacho: there is no verb '%s'%s%s%s. `riacho --help` lists them.\n", word,
            meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    return RIACHO_EXIT_USAGE;
}

static int print_reference(void)
{
    RIACHO_AUTO(buffer) riacho_buffer out = {0};
    riacho_reference_print(&out);
    fwrite(out.data, 1, out.size, stdout);
    return RIACHO_EXIT_OK;
}

int main(int argc, char **argv)
{
    static char version[] = "version";
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return RIACHO_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return RIACHO_EXIT_OK;
    }
    if (strcmp(argv[1], "--reference") == 0)
        return print_reference();
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = version;
    const riacho_verb *found = NULL;
    int used = 0;
    for (const riacho_verb *verb = riacho_verbs; verb->name; verb++) {
        const int words = verb_words(verb, argc - 1, argv + 1);
        if (words > used) {
            used = words;
            found = verb;
        }
    }
    return found ? run_verb(found, used, argc, argv) : complain_about_verb(argv[1], argv[2]);
}
