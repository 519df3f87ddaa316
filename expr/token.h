/* SPDX-License-Identifier: MIT
 *
 * token.h - the words of an expression, one at a time.
 *
 * Threads: a lexer belongs to the call that compiles.
 */
#pragma once

#include "expr.h"

typedef enum riacho_expr_word {
    RIACHO_WORD_END,
    RIACHO_WORD_NAME,
    RIACHO_WORD_WHOLE,  /* 12; `whole` is its magnitude */
    RIACHO_WORD_REAL,   /* 1.5 */
    RIACHO_WORD_STRING, /* "text" or 'text'; `text` is what it says, escapes undone */
    RIACHO_WORD_TRUE,
    RIACHO_WORD_FALSE,
    RIACHO_WORD_NULL,
    RIACHO_WORD_IN,
    RIACHO_WORD_LEFT_PAREN,
    RIACHO_WORD_RIGHT_PAREN,
    RIACHO_WORD_LEFT_BRACKET,
    RIACHO_WORD_RIGHT_BRACKET,
    RIACHO_WORD_COMMA,
    RIACHO_WORD_DOT,
    RIACHO_WORD_COLON,
    RIACHO_WORD_QUESTION,
    RIACHO_WORD_COALESCE,
    RIACHO_WORD_OR,
    RIACHO_WORD_AND,
    RIACHO_WORD_NOT,
    RIACHO_WORD_EQUAL,
    RIACHO_WORD_NOT_EQUAL,
    RIACHO_WORD_LESS,
    RIACHO_WORD_LESS_EQUAL,
    RIACHO_WORD_GREATER,
    RIACHO_WORD_GREATER_EQUAL,
    RIACHO_WORD_PLUS,
    RIACHO_WORD_MINUS,
    RIACHO_WORD_TIMES,
    RIACHO_WORD_DIVIDE,
    RIACHO_WORD_REMAINDER,
} riacho_expr_word;

/* A byte range of the text. */
typedef struct riacho_expr_span {
    size_t offset;
    size_t length;
} riacho_expr_span;

typedef struct riacho_expr_token {
    riacho_expr_word word;
    riacho_expr_span span;
    uint64_t whole;
    double real;
    riacho_bytes text; /* NAME, STRING */
} riacho_expr_token;

typedef struct riacho_expr_lexer {
    riacho_bytes text; /* UTF-8, at most RIACHO_EXPRESSION_BYTES_MAX */
    size_t at;
    riacho_expr_word last;    /* behind a dot every word is a name */
    riacho_arena *arena;      /* for strings with escapes */
    riacho_expr_issue *issue; /* may be NULL */
} riacho_expr_lexer;

/* The next token; END for ever at the end. RIACHO_REJECT with the issue set. */
RIACHO_CHECKED riacho_status riacho_expr_next(riacho_expr_lexer *lexer,
                                              riacho_expr_token *ret_token);

/* Sets the issue (may be NULL) and returns RIACHO_REJECT. */
riacho_status riacho_expr_refuse(riacho_expr_issue *issue, riacho_expr_span span,
                                 const char *format, ...) RIACHO_PRINTF(3, 4);

/* A number as strtod reads it, whatever the process's locale: digits, then fraction or exponent.
 * RIACHO_REJECT when `text` is not all of one, or is too large for a double. */
RIACHO_CHECKED riacho_status riacho_expr_read_real(riacho_bytes text, double *ret_real);
