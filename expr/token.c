/* SPDX-License-Identifier: MIT
 *
 * token.c - see token.h. The text is checked to be UTF-8 before the first token is asked for.
 */
#include "token.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

riacho_status riacho_expr_refuse(riacho_expr_issue *issue, riacho_expr_span span,
                                 const char *format, ...)
{
    if (issue) {
        va_list args;
        issue->offset = span.offset;
        issue->length = span.length;
        va_start(args, format);
        vsnprintf(issue->text, sizeof issue->text, format, args);
        va_end(args);
    }
    return RIACHO_REJECT;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The byte `ahead` of where the lexer stands, or -1 behind the end. */
static int peek(const riacho_expr_lexer *lexer, size_t ahead)
{
    const size_t at = lexer->at + ahead;
    return at < lexer->text.size ? ((const uint8_t *)lexer->text.data)[at] : -1;
}

static riacho_expr_span span_from(const riacho_expr_lexer *lexer, size_t start)
{
    return (riacho_expr_span){start, lexer->at - start};
}

static riacho_bytes slice(const riacho_expr_lexer *lexer, size_t start)
{
    return (riacho_bytes){(const char *)lexer->text.data + start, lexer->at - start};
}

static void read_name(riacho_expr_lexer *lexer, riacho_expr_token *token)
{
    static const struct {
        const char *text;
        riacho_expr_word word;
    } keywords[] = {{"true", RIACHO_WORD_TRUE},
                    {"false", RIACHO_WORD_FALSE},
                    {"null", RIACHO_WORD_NULL},
                    {"in", RIACHO_WORD_IN}};
    const size_t start = lexer->at;
    while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->at++;
    token->word = RIACHO_WORD_NAME;
    token->text = slice(lexer, start);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (lexer->last != RIACHO_WORD_DOT &&
            riacho_bytes_equal(token->text, riacho_text(keywords[i].text)))
            token->word = keywords[i].word;
    }
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
    while (at < size && is_digit(text[at]))
        at++;
    return at;
}

/* How much of the text is a number without sign; *ret_whole tells whether it is digits only. */
static size_t number_length(riacho_bytes text, bool *ret_whole)
{
    const char *in = text.data;
    const size_t whole = skip_digits(in, text.size, 0);
    size_t at = whole;
    if (at && at + 1 < text.size && in[at] == '.' && is_digit(in[at + 1]))
        at = skip_digits(in, text.size, at + 1);
    if (at && at < text.size && (in[at] == 'e' || in[at] == 'E')) {
        const bool sign = at + 1 < text.size && (in[at + 1] == '-' || in[at + 1] == '+');
        const size_t digits = at + 1 + sign;
        const size_t end = skip_digits(in, text.size, digits);
        at = end > digits ? end : at;
    }
    *ret_whole = at == whole;
    return at;
}

riacho_status riacho_expr_read_real(riacho_bytes text, double *ret_real)
{
    enum { NUMBER_BYTES_MAX = 400 };
    char copy[NUMBER_BYTES_MAX + 1];
    bool whole;
    const bool sign = text.size && *(const char *)text.data == '-';
    const riacho_bytes digits = {(const char *)text.data + sign, text.size - sign};
    if (!digits.size || text.size > NUMBER_BYTES_MAX ||
        number_length(digits, &whole) != digits.size)
        return RIACHO_REJECT;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    const double real = strtod(copy, NULL);
    if (real - real != 0) /* infinite */
        return RIACHO_REJECT;
    *ret_real = real;
    return RIACHO_OK;
}

static bool read_magnitude(riacho_bytes digits, uint64_t *ret_whole)
{
    uint64_t whole = 0;
    for (size_t i = 0; i < digits.size; i++) {
        const uint64_t digit = (uint64_t)(((const char *)digits.data)[i] - '0');
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, digit, &whole))
            return false;
    }
    *ret_whole = whole;
    return whole <= (uint64_t)INT64_MAX + 1; /* one more, for the minus before it */
}

static riacho_status read_number(riacho_expr_lexer *lexer, riacho_expr_token *token)
{
    const size_t start = lexer->at;
    const riacho_bytes rest = {(const char *)lexer->text.data + start, lexer->text.size - start};
    bool whole;
    lexer->at += number_length(rest, &whole);
    const riacho_bytes digits = slice(lexer, start);
    while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->at++;
    const riacho_bytes word = slice(lexer, start);
    const int shown = (int)(word.size > 40 ? 40 : word.size);
    if (word.size != digits.size)
        return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                                  "'%.*s' is neither a number nor a name", shown,
                                  (const char *)word.data);
    if (digits.size > 1 && *(const char *)digits.data == '0' &&
        is_digit(((const char *)digits.data)[1]))
        return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                                  "'%.*s': write the number without zeros before it", shown,
                                  (const char *)word.data);
    token->word = whole ? RIACHO_WORD_WHOLE : RIACHO_WORD_REAL;
    if (whole ? read_magnitude(digits, &token->whole)
              : riacho_expr_read_real(digits, &token->real) == RIACHO_OK)
        return RIACHO_OK;
    return riacho_expr_refuse(lexer->issue, span_from(lexer, start), "'%.*s' does not fit a %s",
                              shown, (const char *)word.data, whole ? "long" : "double");
}

/* Four hexadecimal digits at the lexer, or -1. */
static int32_t read_hex4(riacho_expr_lexer *lexer)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const int c = peek(lexer, 0);
        const int letter = c | 0x20;
        if (!is_digit(c) && !(letter >= 'a' && letter <= 'f'))
            return -1;
        value = value * 16 + (is_digit(c) ? c - '0' : letter - 'a' + 10);
        lexer->at++;
    }
    return value;
}

/* The code point of \uXXXX or of a surrogate pair \uD83D\uDC3E, behind the first 'u'; or -1. */
static int32_t read_point(riacho_expr_lexer *lexer)
{
    const int32_t high = read_hex4(lexer);
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || peek(lexer, 0) != '\\' || peek(lexer, 1) != 'u')
        return -1;
    lexer->at += 2;
    const int32_t low = read_hex4(lexer);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_point(char *out, int32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    const size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3; /* continuation bytes */
    static const int leads[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(leads[more] | point >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (point >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* Undoes one escape, of which the backslash has been read. */
static riacho_status read_escape(riacho_expr_lexer *lexer, char *out, size_t *size)
{
    static const char letters[] = "\"'\\/bfnrt";
    static const char meanings[] = "\"'\\/\b\f\n\r\t";
    const size_t start = lexer->at - 1;
    const int c = peek(lexer, 0);
    const char *known = c > 0 ? strchr(letters, c) : NULL;
    if (c >= 0)
        lexer->at++;
    if (known) {
        out[(*size)++] = meanings[known - letters];
        return RIACHO_OK;
    }
    const int32_t point = c == 'u' ? read_point(lexer) : -1;
    if (point < 0)
        return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                                  "unknown escape: there are \\\" \\' \\\\ \\/ \\b \\f \\n \\r \\t "
                                  "and \\uXXXX");
    *size += put_point(out + *size, point);
    return RIACHO_OK;
}

/* Bytes up to the closing quote, escapes and all: no less than what they stand for. */
static size_t string_length(const riacho_expr_lexer *lexer, int quote)
{
    size_t length = 1;
    for (int c = peek(lexer, length); c >= 0 && c != quote; c = peek(lexer, length))
        length += c == '\\' ? 2 : 1;
    return length;
}

static riacho_status read_string(riacho_expr_lexer *lexer, riacho_expr_token *token)
{
    const size_t start = lexer->at;
    const int quote = peek(lexer, 0);
    char *out = riacho_alloc(lexer->arena, string_length(lexer, quote));
    size_t size = 0;
    lexer->at++;
    for (int c = peek(lexer, 0); c != quote; c = peek(lexer, 0)) {
        if (c < 0)
            return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                                      "the text that starts here is not closed by %c", quote);
        if (c < 0x20)
            return riacho_expr_refuse(lexer->issue, (riacho_expr_span){lexer->at, 1},
                                      "a control character in a text: write it as an escape, "
                                      "such as \\n or \\t");
        lexer->at++;
        if (c == '\\')
            RIACHO_TRY(read_escape(lexer, out, &size));
        else
            out[size++] = (char)c;
    }
    lexer->at++;
    token->word = RIACHO_WORD_STRING;
    token->text = (riacho_bytes){out, size};
    return RIACHO_OK;
}

static riacho_status read_sign(riacho_expr_lexer *lexer, riacho_expr_token *token)
{
    /* Longer signs before the ones they begin with. */
    static const struct {
        char text[3];
        riacho_expr_word word;
    } signs[] = {
        {"??", RIACHO_WORD_COALESCE},
        {"||", RIACHO_WORD_OR},
        {"&&", RIACHO_WORD_AND},
        {"==", RIACHO_WORD_EQUAL},
        {"!=", RIACHO_WORD_NOT_EQUAL},
        {"<=", RIACHO_WORD_LESS_EQUAL},
        {">=", RIACHO_WORD_GREATER_EQUAL},
        {"(", RIACHO_WORD_LEFT_PAREN},
        {")", RIACHO_WORD_RIGHT_PAREN},
        {"[", RIACHO_WORD_LEFT_BRACKET},
        {"]", RIACHO_WORD_RIGHT_BRACKET},
        {",", RIACHO_WORD_COMMA},
        {".", RIACHO_WORD_DOT},
        {":", RIACHO_WORD_COLON},
        {"?", RIACHO_WORD_QUESTION},
        {"!", RIACHO_WORD_NOT},
        {"<", RIACHO_WORD_LESS},
        {">", RIACHO_WORD_GREATER},
        {"+", RIACHO_WORD_PLUS},
        {"-", RIACHO_WORD_MINUS},
        {"*", RIACHO_WORD_TIMES},
        {"/", RIACHO_WORD_DIVIDE},
        {"%", RIACHO_WORD_REMAINDER},
    };
    const size_t start = lexer->at;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const size_t length = strlen(signs[i].text);
        if (peek(lexer, 0) == signs[i].text[0] &&
            (length == 1 || peek(lexer, 1) == signs[i].text[1])) {
            lexer->at += length;
            token->word = signs[i].word;
            return RIACHO_OK;
        }
    }
    const int c = peek(lexer, 0);
    const char *hint = c == '='   ? ": compare with =="
                       : c == '&' ? ": write && for and"
                       : c == '|' ? ": write || for or"
                                  : "";
    do
        lexer->at++;
    while ((peek(lexer, 0) & 0xc0) == 0x80 && peek(lexer, 0) >= 0); /* a whole character */
    const riacho_bytes sign = slice(lexer, start);
    if (c < 0x20 || c == 0x7f)
        return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                                  "a control character is not part of an expression");
    return riacho_expr_refuse(lexer->issue, span_from(lexer, start),
                              "'%.*s' is not part of an expression%s", (int)sign.size,
                              (const char *)sign.data, hint);
}

riacho_status riacho_expr_next(riacho_expr_lexer *lexer, riacho_expr_token *ret_token)
{
    for (int c = peek(lexer, 0); c == ' ' || c == '\t' || c == '\n' || c == '\r';
         c = peek(lexer, 0))
        lexer->at++;
    const size_t start = lexer->at;
    const int c = peek(lexer, 0);
    riacho_expr_token token = {.word = RIACHO_WORD_END};
    if (is_name_start(c))
        read_name(lexer, &token);
    else if (is_digit(c))
        RIACHO_TRY(read_number(lexer, &token));
    else if (c == '"' || c == '\'')
        RIACHO_TRY(read_string(lexer, &token));
    else if (c >= 0)
        RIACHO_TRY(read_sign(lexer, &token));
    token.span = span_from(lexer, start);
    lexer->last = token.word;
    *ret_token = token;
    return RIACHO_OK;
}
