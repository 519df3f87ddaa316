/* SPDX-License-Identifier: MIT
 *
 * normal.c - see normal.h. Works on words, so brackets stay as they were written.
 */
#include "normal.h"

#include <assert.h>

#include "text.h"

/* A value may end with this word, so a minus or a bracket behind it belongs to it. */
static bool ends_value(riacho_expr_word word)
{
    return (word >= RIACHO_WORD_NAME && word <= RIACHO_WORD_NULL) ||
           word == RIACHO_WORD_RIGHT_PAREN || word == RIACHO_WORD_RIGHT_BRACKET;
}

static bool is_closed_up(riacho_expr_word last, bool last_is_prefix, riacho_expr_word word)
{
    switch (word) {
    case RIACHO_WORD_RIGHT_PAREN:
    case RIACHO_WORD_RIGHT_BRACKET:
    case RIACHO_WORD_COMMA:
    case RIACHO_WORD_DOT:
        return true;
    case RIACHO_WORD_LEFT_PAREN:
        if (last == RIACHO_WORD_NAME)
            return true;
        break;
    case RIACHO_WORD_LEFT_BRACKET:
        if (ends_value(last))
            return true;
        break;
    default:
        break;
    }
    return last_is_prefix || last == RIACHO_WORD_END || last == RIACHO_WORD_LEFT_PAREN ||
           last == RIACHO_WORD_LEFT_BRACKET || last == RIACHO_WORD_DOT;
}

static void print_string(riacho_bytes text, riacho_buffer *out)
{
    const uint8_t *at = text.data;
    riacho_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        if (at[i] < 0x20) {
            riacho_buffer_printf(out, "\\u%04x", at[i]);
            continue;
        }
        if (at[i] == '"' || at[i] == '\\')
            riacho_buffer_append(out, "\\", 1);
        riacho_buffer_append(out, at + i, 1);
    }
    riacho_buffer_append(out, "\"", 1);
}

static void print_word(riacho_bytes text, const riacho_expr_token *token, riacho_arena *arena,
                       riacho_buffer *out)
{
    riacho_bytes word = {(const char *)text.data + token->span.offset, token->span.length};
    if (token->word == RIACHO_WORD_STRING) {
        print_string(token->text, out);
        return;
    }
    if (token->word == RIACHO_WORD_REAL)
        word = riacho_expr_double_text(token->real, arena);
    riacho_buffer_append(out, word.data, word.size);
}

void riacho_expr_normal(riacho_bytes text, riacho_arena *arena, riacho_buffer *out)
{
    riacho_expr_lexer lexer = {.text = text, .arena = arena};
    riacho_expr_word last = RIACHO_WORD_END;
    bool prefix = false;
    for (;;) {
        riacho_expr_token token;
        const riacho_status status = riacho_expr_next(&lexer, &token);
        assert(status == RIACHO_OK);
        if (status != RIACHO_OK || token.word == RIACHO_WORD_END)
            return;
        if (!is_closed_up(last, prefix, token.word))
            riacho_buffer_append(out, " ", 1);
        print_word(text, &token, arena, out);
        prefix =
            token.word == RIACHO_WORD_NOT || (token.word == RIACHO_WORD_MINUS && !ends_value(last));
        last = token.word;
    }
}
