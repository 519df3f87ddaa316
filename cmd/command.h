/* SPDX-License-Identifier: MIT
 *
 * command.h - what the verbs of `riacho` share: the table they stand in, their flags, and the exit
 * codes.
 *
 * One table of verbs and flags makes parsing, help, completion and the reference page, so that they
 * cannot disagree. Threads: the main thread.
 */
#pragma once

#include "riacho/types.h"

/* What the program ends with; the numbers are a promise to scripts. */
enum {
    RIACHO_EXIT_OK = 0,
    RIACHO_EXIT_FAILED = 1,
    RIACHO_EXIT_USAGE = 2,
    RIACHO_EXIT_DATA = 65,        /* a bad topology, schema, record */
    RIACHO_EXIT_UNAVAILABLE = 69, /* the worker, or the data folder, cannot be had */
    RIACHO_EXIT_TRY_AGAIN = 75,
    RIACHO_EXIT_CONFIG = 78,
    RIACHO_EXIT_INTERRUPTED = 130,
};

typedef struct riacho_flag {
    const char *name;
    char letter;     /* 0: none */
    const char *arg; /* NULL: a switch */
    const char *doc;
} riacho_flag;

enum { RIACHO_FLAGS_MAX = 32, RIACHO_WORDS_MAX = 256 };

struct riacho_verb;

typedef struct riacho_line {
    const struct riacho_verb *verb;
    const char *words[RIACHO_WORDS_MAX];
    size_t word_count;
    const char
        *values[RIACHO_FLAGS_MAX]; /* by flag of the verb; NULL: not given; "" for a switch */
} riacho_line;

typedef struct riacho_verb {
    const char *name; /* "run", "topic ls" */
    const char *args; /* "FILE..." */
    const char *summary;
    const char *details; /* may be NULL */
    size_t words_min, words_max;
    int (*run)(const riacho_line *line);
    riacho_flag flags[RIACHO_FLAGS_MAX];
} riacho_verb;

/* Every verb, ended by one without a name. */
extern const riacho_verb riacho_verbs[];

/* NULL when the flag was not given; naming a flag the verb does not have is a bug. */
const char *riacho_flag_value(const riacho_line *line, const char *name);
bool riacho_flag_given(const riacho_line *line, const char *name);

/* One line on stderr, "riacho VERB: ...", and the exit code to return. */
int riacho_complain(const riacho_line *line, int exit_code, const char *format, ...)
    RIACHO_PRINTF(3, 4);

int riacho_verb_run(const riacho_line *line);
int riacho_verb_validate(const riacho_line *line);
int riacho_verb_graph(const riacho_line *line);
int riacho_verb_test(const riacho_line *line);
int riacho_verb_generate(const riacho_line *line);
int riacho_verb_config_list(const riacho_line *line);
int riacho_verb_config_explain(const riacho_line *line);
int riacho_verb_topic_ls(const riacho_line *line);
int riacho_verb_topic_create(const riacho_line *line);
int riacho_verb_topic_produce(const riacho_line *line);
int riacho_verb_topic_consume(const riacho_line *line);
int riacho_verb_dlq_ls(const riacho_line *line);
int riacho_verb_dlq_show(const riacho_line *line);
int riacho_verb_store_ls(const riacho_line *line);
int riacho_verb_store_get(const riacho_line *line);
int riacho_verb_store_scan(const riacho_line *line);
int riacho_verb_store_top(const riacho_line *line);
int riacho_verb_query(const riacho_line *line);
int riacho_verb_schema_ls(const riacho_line *line);
int riacho_verb_schema_check(const riacho_line *line);
int riacho_verb_schema_push(const riacho_line *line);
int riacho_verb_completion(const riacho_line *line);
int riacho_verb_version(const riacho_line *line);
